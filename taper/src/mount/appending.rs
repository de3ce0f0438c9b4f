//! A volume that stands behind its last file, to be written on.

use std::io;

use devices::{Drive, LastBlock, Limits, Position, Wrote};
use format::frame::filler_len;
use format::header::{self, DumpHeader, Header, TapeStart};
use types::{Bytes, DleRef, DumpId, FileNo, Label, Level, ObjectNo, PartNo, Stamp};

use super::part::{PartWriter, Written};
use super::{Ended, Mounted, NewLabel, Outcome, Placed, Reached, VolumeError, WriteError};
use crate::scribe::{FramePlace, Hasher, ImageSource, Running, SourceError};

/// A volume that stands behind its last file.
#[derive(Debug)]
pub struct Appending<D> {
    drive: D,
    start: TapeStart,
    /// The file that comes next.
    next: FileNo,
    /// Whether nothing but the label was on it when it was mounted.
    fresh: bool,
    near_end: bool,
    /// Parts with a filemark that was not flushed.
    queued: Vec<Written>,
    leftovers: Vec<Leftover>,
}

/// A file that stands behind the last that the catalogue knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// A part that was written, and not recorded any more.
    Part {
        /// Where.
        file: FileNo,
        /// Of which dump.
        dump: DumpId,
        /// Which part.
        part: PartNo,
    },
    /// The records of a run.
    Records {
        /// Where.
        file: FileNo,
    },
}

/// Whether the records of a run are on the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Records {
    /// They are, flushed, in this file.
    Placed(FileNo),
    /// There was no room for them.
    NoRoom,
}

impl<D: Drive> Appending<D> {
    /// Writes a label at the very beginning. Whoever calls this has proof that it may.
    pub(super) fn begin(mut drive: D, new: NewLabel) -> Result<Self, VolumeError> {
        let limits = drive.limits();
        let NewLabel { label, stamp, pool } = new;
        let start = TapeStart { stamp, label, block_size: Some(limits.block), pool };
        let block = header::encode(&Header::TapeStart(start.clone()), limits.header)
            .map_err(VolumeError::Header)?;
        drive.rewind()?;
        drive.title_file(start.label.as_str());
        if drive.write_block(&block)? == Wrote::Nothing {
            return Err(VolumeError::NoRoom(drive.name().to_string()));
        }
        drive.write_filemark()?;
        let (volume, _) = Self::behind(drive, start, FileNo::FIRST, Vec::new()).flush()?;
        Ok(volume)
    }

    /// A volume whose drive stands before file `next`, which is its end of data.
    pub(super) fn behind(
        drive: D,
        start: TapeStart,
        next: FileNo,
        leftovers: Vec<Leftover>,
    ) -> Self {
        let fresh = next == FileNo::FIRST;
        Self { drive, start, next, fresh, near_end: false, queued: Vec::new(), leftovers }
    }

    /// Its label.
    pub fn label(&self) -> &Label {
        &self.start.label
    }

    /// All that file 0 says.
    pub fn start(&self) -> &TapeStart {
        &self.start
    }

    /// The number of the file that would come next.
    pub fn next_file(&self) -> FileNo {
        self.next
    }

    /// Which object of the volume would come next, if the drive counts.
    pub fn next_object(&self) -> Option<ObjectNo> {
        self.drive.object_of(self.next)
    }

    /// Whole files that the catalogue did not know of when the volume was mounted. They stay where they are.
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    /// Whether there was nothing on the volume but its label when it was mounted.
    pub fn was_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether the drive has said that the end is near: no further part will be begun.
    pub fn is_near_end(&self) -> bool {
        self.near_end
    }

    /// From now on there has to be room for so much when the drive says that the end is near, in a file or two. Their
    /// headers and fillers are added.
    pub(crate) fn keep_free(&mut self, room: Bytes) {
        if room > Bytes::ZERO {
            let Limits { header, block, last_block, .. } = self.drive.limits();
            // The warning comes with a whole block, and where blocks are filled, so is the last of each file.
            let blocks = match last_block {
                LastBlock::AsItIs => 1,
                LastBlock::Filled => 4,
            };
            self.drive.keep_free(room + header.bytes() + block.bytes().times(blocks));
        }
    }

    /// How much a volume in this drive has to hold at least for its label, a part of one frame, and a file of records.
    pub fn least_length(&self, frame: Bytes, records: Bytes) -> Bytes {
        let Limits { header, block, last_block, .. } = self.drive.limits();
        let stored = |bytes: Bytes| match last_block {
            LastBlock::AsItIs => bytes,
            LastBlock::Filled => bytes + Bytes(filler_len(bytes.0, block.len()) as u64),
        };
        header.bytes().times(3) + stored(frame) + stored(records)
    }

    /// What was written and not yet flushed.
    pub fn unflushed(&self) -> Bytes {
        self.queued.iter().map(|part| part.facts.bytes).sum()
    }

    /// Writes one part: as many whole frames, from `reached` on, as the volume takes and `part_size` allows,
    /// but always one.
    ///
    /// The part counts only after a flush. After an error nobody knows where the medium stands, so the volume
    /// is not given back: mount it again, and write again all that was not flushed.
    pub(crate) fn write_part(
        mut self,
        image: &header::Image<'_>,
        reached: &Reached,
        source: &mut dyn ImageSource,
        hasher: &mut Hasher,
        part_size: Option<Bytes>,
    ) -> Result<(Self, Outcome), WriteError> {
        if self.near_end {
            return Ok((self, Outcome::NothingFit));
        }
        self.drive.title_file(&header::image_name(image.dle, image.level));
        let stretch = match self.write_header(&reached.header(image))? {
            Wrote::Nothing => None,
            // A volume may be so small that its end is near from its label on, and still take a frame.
            Wrote::BlockNearEnd if self.next != FileNo::FIRST => None,
            Wrote::Block | Wrote::BlockNearEnd => {
                PartWriter::new(&mut self.drive, self.next, hasher).write(source, part_size)?
            }
        };
        let Some(stretch) = stretch else {
            // What was written of it has no filemark, and the records may still go in its place.
            self.drive.locate(Position::start_of(self.next))?;
            self.near_end = true;
            hasher.settle(0);
            source.go_to(reached.place())?;
            return Ok((self, Outcome::NothingFit));
        };
        self.drive.write_filemark()?;
        let at = (self.next, self.drive.object_of(self.next));
        let written = Written::new(self.label().clone(), at, image, reached, &stretch);
        let reached = written.reached.clone();
        // A full medium may have taken less than the source has given.
        source.go_to(reached.place())?;
        self.near_end |= stretch.near_end;
        self.next = self.next.next();
        self.queued.push(written);
        Ok((self, Outcome::Written { reached, ended: stretch.ended }))
    }

    fn write_header(&mut self, header: &Header) -> Result<Wrote, VolumeError> {
        let limits = self.drive.limits();
        let block = header::encode(header, limits.header).map_err(VolumeError::Header)?;
        Ok(self.drive.write_block(&block)?)
    }

    /// Waits until all is on the medium, and proves it.
    pub fn flush(mut self) -> Result<(Self, Vec<Placed>), VolumeError> {
        let found = self.drive.flush()?;
        let wanted = Position::start_of(self.next);
        if found != wanted {
            let (drive, label) = (self.drive.name().to_string(), self.start.label);
            return Err(VolumeError::OtherPlace { drive, label, found, wanted });
        }
        let placed = self.queued.drain(..).map(|written| Placed(written.facts)).collect();
        Ok((self, placed))
    }

    /// Writes the records of a run as the last file, and flushes. Parts that were not flushed before now are,
    /// and are in the list.
    pub fn write_records(
        mut self,
        run: Stamp,
        records: &[u8],
    ) -> Result<(Self, Records, Vec<Placed>), WriteError> {
        let file = self.next;
        self.drive.title_file(&format!("{RECORDS_HOST}.{RECORDS_DISK}.{run}"));
        let stretch = match self.write_header(&records_header(run))? {
            Wrote::Nothing => None,
            Wrote::Block | Wrote::BlockNearEnd => {
                let mut hasher = Hasher::new(Running::default());
                let mut source = InMemory { bytes: records, taken: 0 };
                PartWriter::new(&mut self.drive, file, &mut hasher).write(&mut source, None)?
            }
        };
        let fits = stretch.is_some_and(|stretch| stretch.ended == Ended::Image);
        if fits {
            self.drive.write_filemark()?;
            self.next = file.next();
        } else {
            self.drive.locate(Position::start_of(file))?;
        }
        let (volume, placed) = self.flush()?;
        Ok((volume, if fits { Records::Placed(file) } else { Records::NoRoom }, placed))
    }

    /// The drive, to be asked about the volume.
    pub fn drive(&self) -> &D {
        &self.drive
    }

    /// The drive again. What was not flushed does not count.
    pub fn into_drive(self) -> D {
        self.drive
    }

    /// The volume, to be read. What was not flushed does not count.
    pub fn into_mounted(self) -> Mounted<D> {
        let block = self.drive.limits().header;
        Mounted { drive: self.drive, start: self.start, block }
    }
}

const RECORDS_HOST: &str = "reelkeep";
const RECORDS_DISK: &str = "records";

/// Amanda's tools can list and copy the records, and do not take them for a dump of a client.
fn records_header(run: Stamp) -> Header {
    let host = RECORDS_HOST.parse().expect("a name");
    let dle = DleRef { host, dle: RECORDS_DISK.parse().expect("a name") };
    let image = header::Image {
        stamp: run,
        dle: &dle,
        level: Level::FULL,
        dump: DumpId([0; 16]),
        base: None,
        raw: None,
        stored: None,
        crc32c: None,
    };
    let dump = DumpHeader { ours: None, ..DumpHeader::of(&image, None) };
    Header::SplitFile { part: PartNo::FIRST, total: Some(1), dump }
}

/// Whether a header is that of the records of a run.
pub fn is_records(header: &Header) -> bool {
    match header {
        Header::SplitFile { dump, .. } => {
            dump.ours.is_none() && dump.host == RECORDS_HOST && dump.disk == RECORDS_DISK
        }
        _ => false,
    }
}

/// Bytes in memory, as an image of one frame.
struct InMemory<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl ImageSource for InMemory<'_> {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        let left = self.bytes.len() - self.taken;
        Ok(if left > 0 { Some(left as u64) } else { None })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        let end = self.taken + buffer.len();
        let bytes = self.bytes.get(self.taken..end).ok_or_else(|| {
            SourceError::new("from memory", io::Error::from(io::ErrorKind::UnexpectedEof))
        })?;
        buffer.copy_from_slice(bytes);
        self.taken = end;
        Ok(())
    }

    fn go_to(&mut self, _place: FramePlace) -> Result<(), SourceError> {
        self.taken = 0;
        Ok(())
    }

    fn placed(&mut self, _place: FramePlace) {}
}
