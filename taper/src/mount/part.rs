//! One part: whole frames in blocks.
//!
//! ```text
//!  [header][frame 7 ......|......][frame 8 .|...........|..][frame 9 ....|...... filler]|
//!   block 0   1            2                 3           4                5              filemark
//! ```
//!
//! A part ends between two frames, so that it can be read alone: where the image ends, where the next frame
//! would make it longer than it may be, or behind the frame in which the drive announced the end of the
//! medium. If the medium is full before that frame is through, the writer goes back to the end of the frame
//! before, whose block it still has, and ends the part there. If there is no such frame, the part is void: it
//! gets no filemark, and the next volume takes it from its beginning. So no reader ever meets a torn frame in
//! a file that has an end.
//!
//! On tape the last block is filled, with a frame that zstd passes over. In a directory it is short.

use std::ops::Deref;
use std::sync::Arc;

use devices::{Drive, DriveError, LastBlock, Position, Wrote};
use format::frame::{filler, filler_len};
use format::header::{self, DumpHeader, Header, Stretch};
use types::{Blame, Bytes, Digest, DumpId, FileNo, Label, ObjectNo, PartNo};

use super::VolumeError;
use crate::scribe::{FramePlace, Hasher, ImageSource, Running, SourceError};

/// How far an image is written: what comes next, and what is before it.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The part that comes next.
    pub part: PartNo,
    /// The frame that comes next.
    pub frame: u32,
    /// All bytes before it.
    pub running: Running,
}

impl Reached {
    /// Nothing is written yet.
    pub fn beginning() -> Self {
        Self { part: PartNo::FIRST, frame: 0, running: Running::default() }
    }

    /// The place in the image.
    pub fn place(&self) -> FramePlace {
        FramePlace { frame: self.frame, offset: self.running.bytes() }
    }

    /// The header of the part that comes next.
    pub(super) fn header(&self, image: &header::Image<'_>) -> Header {
        let stretch = Stretch {
            first_frame: self.frame,
            // Where it ends is known when the drive says so, and by then the header is written.
            last_frame: None,
            offset: self.running.bytes().0,
            bytes: None,
            sha256_before: Some(self.running.sha256()),
            crc32c_before: self.running.crc32c(),
        };
        let dump = DumpHeader::of(image, Some(stretch));
        Header::SplitFile { part: self.part, total: None, dump }
    }
}

/// Where a part is and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFacts {
    /// Of which dump.
    pub dump: DumpId,
    /// Which part.
    pub part: PartNo,
    /// On which volume.
    pub label: Label,
    /// In which of its files.
    pub file: FileNo,
    /// Which object of the volume its header is, if the drive counts.
    pub object: Option<ObjectNo>,
    /// Its first frame.
    pub first_frame: u32,
    /// Its last frame.
    pub last_frame: u32,
    /// Where in the image it begins.
    pub offset: Bytes,
    /// How much of the image it holds.
    pub bytes: Bytes,
    /// The hash of the image up to the end of this part.
    pub sha256_so_far: Digest,
    /// The same as CRC-32C.
    pub crc32c_so_far: u32,
}

/// A part that is on its medium: the drive was flushed, and stood where it should.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the catalogue has to know"]
pub struct Placed(pub(super) PartFacts);

impl Deref for Placed {
    type Target = PartFacts;

    fn deref(&self) -> &PartFacts {
        &self.0
    }
}

/// Why a part ended where it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The image ends there.
    Image,
    /// The part is as long as it may be.
    PartSize,
    /// The volume is full.
    Volume,
}

/// What became of a part.
#[derive(Clone, Debug)]
#[must_use]
pub enum Outcome {
    /// It is in the drive, and on the medium after the next flush.
    Written {
        /// How far the image is now.
        reached: Reached,
        /// Why the part is not longer.
        ended: Ended,
    },
    /// Not one frame fits: the volume is full.
    NothingFit,
}

/// A part could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The volume, or its drive, failed.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The image could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl From<DriveError> for WriteError {
    fn from(error: DriveError) -> Self {
        Self::Volume(error.into())
    }
}

impl WriteError {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Volume(error) => error.blame(),
            Self::Source(_) => Blame::Host,
        }
    }
}

/// A part in the drive, and how far the image is behind it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) facts: PartFacts,
    pub(super) reached: Reached,
}

impl Written {
    pub(super) fn new(
        label: Label,
        (file, object): (FileNo, Option<ObjectNo>),
        image: &header::Image<'_>,
        before: &Reached,
        stretch: &WrittenStretch,
    ) -> Self {
        let running = stretch.running.clone();
        let frame = before.frame + stretch.frames;
        let facts = PartFacts {
            dump: image.dump,
            part: before.part,
            label,
            file,
            object,
            first_frame: before.frame,
            last_frame: frame - 1,
            offset: before.running.bytes(),
            bytes: running.bytes() - before.running.bytes(),
            sha256_so_far: running.sha256(),
            crc32c_so_far: running.crc32c(),
        };
        Self { facts, reached: Reached { part: before.part.next(), frame, running } }
    }
}

/// What was written of an image: at least one frame.
#[derive(Debug)]
pub(super) struct WrittenStretch {
    frames: u32,
    running: Running,
    pub(super) ended: Ended,
    pub(super) near_end: bool,
}

/// Writes frames behind a header that is already written.
pub(super) struct PartWriter<'a, D> {
    drive: &'a mut D,
    file: FileNo,
    hasher: &'a mut Hasher,
    block: usize,
    last_block: LastBlock,
    /// The block that is being filled, and how far it is.
    buffer: Vec<u8>,
    filled: usize,
    /// Where frames end in it.
    ends_here: Vec<usize>,
    /// Blocks that the drive has taken.
    taken: u64,
    /// Where frames end in the part: all of them.
    ends: Vec<u64>,
    /// The last block that the drive has taken in which a frame ends, and its number.
    cut: Option<(u64, Arc<Vec<u8>>)>,
    near_end: bool,
}

/// Whether the medium took what it was given.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
enum Room {
    Enough,
    None,
}

impl<'a, D: Drive> PartWriter<'a, D> {
    pub(super) fn new(drive: &'a mut D, file: FileNo, hasher: &'a mut Hasher) -> Self {
        let limits = drive.limits();
        let block = limits.block.len();
        let buffer = hasher.buffer(block);
        Self {
            drive,
            file,
            hasher,
            block,
            last_block: limits.last_block,
            buffer,
            filled: 0,
            ends_here: Vec::new(),
            taken: 0,
            ends: Vec::new(),
            cut: None,
            near_end: false,
        }
    }

    /// Writes whole frames up to the end of the part, and leaves the drive where the filemark belongs.
    /// `None`: not one frame fits, and the drive stands anywhere in the file.
    pub(super) fn write(
        mut self,
        source: &mut dyn ImageSource,
        part_size: Option<Bytes>,
    ) -> Result<Option<WrittenStretch>, WriteError> {
        match self.write_frames(source, part_size)? {
            Some(ended) if self.finish()? == Room::Enough => self.stretch(ended),
            _ => self.trim(),
        }
    }

    /// Says why the part ends, or nothing if the medium is full.
    fn write_frames(
        &mut self,
        source: &mut dyn ImageSource,
        part_size: Option<Bytes>,
    ) -> Result<Option<Ended>, WriteError> {
        let mut bytes = 0;
        while let Some(length) = source.next_frame()? {
            if bytes > 0 && self.near_end {
                return Ok(Some(Ended::Volume));
            }
            if bytes > 0 && part_size.is_some_and(|most| bytes + length > most.0) {
                return Ok(Some(Ended::PartSize));
            }
            bytes += length;
            self.ends.push(bytes);
            if self.write_frame(source, length)? == Room::None {
                return Ok(None);
            }
        }
        Ok(Some(Ended::Image))
    }

    fn write_frame(
        &mut self,
        source: &mut dyn ImageSource,
        length: u64,
    ) -> Result<Room, WriteError> {
        let mut left = length;
        while left > 0 {
            let room = self.block - self.filled;
            let now = usize::try_from(left).map_or(room, |left| left.min(room));
            source.read(&mut self.buffer[self.filled..self.filled + now])?;
            self.filled += now;
            left -= now as u64;
            if left == 0 {
                self.ends_here.push(self.filled);
            }
            if self.filled == self.block && self.put_block()? == Room::None {
                return Ok(Room::None);
            }
        }
        Ok(Room::Enough)
    }

    /// Gives the full buffer to the hasher and to the drive, which work at the same time.
    fn put_block(&mut self) -> Result<Room, DriveError> {
        let next = self.hasher.buffer(self.block);
        let block = Arc::new(std::mem::replace(&mut self.buffer, next));
        let filled = std::mem::take(&mut self.filled);
        let ends = std::mem::take(&mut self.ends_here);
        let a_frame_ends = !ends.is_empty();
        self.hasher.add(&block, filled, ends);
        if self.give(&block)? == Room::None {
            return Ok(Room::None);
        }
        if a_frame_ends {
            self.cut = Some((self.taken, block));
        }
        self.taken += 1;
        Ok(Room::Enough)
    }

    /// Writes what is left in the buffer.
    fn finish(&mut self) -> Result<Room, DriveError> {
        if self.filled == 0 {
            return Ok(Room::Enough);
        }
        let rest = self.buffer[..self.filled].to_vec();
        let ends = std::mem::take(&mut self.ends_here);
        self.hasher.add(&Arc::new(rest.clone()), rest.len(), ends);
        self.put_last(rest)
    }

    /// Writes the last block of the part, of which this much belongs to the image, filled if it must be.
    fn put_last(&mut self, mut rest: Vec<u8>) -> Result<Room, DriveError> {
        let missing = filler_len(rest.len() as u64, self.block);
        if self.last_block == LastBlock::Filled && missing > 0 {
            rest.extend_from_slice(&filler(missing));
        }
        for block in rest.chunks(self.block) {
            if self.give(block)? == Room::None {
                return Ok(Room::None);
            }
        }
        Ok(Room::Enough)
    }

    fn give(&mut self, block: &[u8]) -> Result<Room, DriveError> {
        match self.drive.write_block(block)? {
            Wrote::Nothing => return Ok(Room::None),
            Wrote::BlockNearEnd => self.near_end = true,
            Wrote::Block => {}
        }
        Ok(Room::Enough)
    }

    /// The medium is full: ends the part behind the last frame of which the drive took every block.
    fn trim(mut self) -> Result<Option<WrittenStretch>, WriteError> {
        self.near_end = true;
        let block = self.block as u64;
        let taken = self.taken * block;
        self.ends.truncate(self.ends.partition_point(|&end| end <= taken));
        let Some(&end) = self.ends.last() else { return Ok(None) };
        let number = end / block;
        self.drive.locate(Position { file: self.file, block: 1 + number })?;
        if let Some(rest) = usize::try_from(end % block).ok().filter(|&rest| rest > 0) {
            let Some((_, cut)) = self.cut.take().filter(|(cut, _)| *cut == number) else {
                return Ok(None);
            };
            if self.put_last(cut[..rest].to_vec())? == Room::None {
                return Ok(None);
            }
        }
        tracing::debug!(file = %self.file, frames = self.ends.len(), "trimmed a part: no room");
        self.stretch(Ended::Volume)
    }

    fn stretch(self, ended: Ended) -> Result<Option<WrittenStretch>, WriteError> {
        if self.ends.is_empty() {
            return Ok(None);
        }
        let running = self.hasher.settle(self.ends.len());
        let frames = u32::try_from(self.ends.len())
            .map_err(|_| SourceError::new("to its end", "it has too many frames"))?;
        Ok(Some(WrittenStretch { frames, running, ended, near_end: self.near_end }))
    }
}
