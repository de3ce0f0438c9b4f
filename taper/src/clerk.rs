//! The clerk: reads images back from volumes.
//!
//! ```text
//!  parts of dumps, frames wanted ──plan──► volume by volume, in the order that its drive advises
//!                                             │
//!  frames, or why they are lost ◄──read_frames┘  straight to the block; only what is wanted is read
//! ```
//!
//! What cannot be read is confined: a bad block costs the frames in it, a volume that is not to be had costs
//! the frames on it, and each loss is told. A frame is given out only if its SHA-256 is right.
//!
//! Reading does no harm, so unlike the scribe the clerk may go on after a bad block: it goes to a place of
//! the medium before it reads, and a drive that has lost its position says so until then.

use std::collections::BTreeMap;

use devices::{Drive, DriveError};
use format::contents::Section;
use format::frame::digest;
use types::{Blame, Bytes, Digest, DumpId, FileNo, Label, ObjectNo, PartNo};

use crate::catalogue::Part;
use crate::mount::{Mounted, Placed};
use crate::scribe::{OtherError, Running};
use crate::tail::{Tail, TailError};

mod reader;

pub use reader::{Extent, ReadError, Reader};

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartAt {
    /// Of which dump.
    pub dump: DumpId,
    /// Which part.
    pub part: PartNo,
    /// On which volume.
    pub label: Label,
    /// In which of its files.
    pub file: FileNo,
    /// Which object of the volume its header is, if it is known.
    pub object: Option<ObjectNo>,
    /// Where in the image it begins.
    pub offset: Bytes,
    /// How much of the image it holds.
    pub bytes: Bytes,
    /// The hash of the image up to the end of this part, if it is known.
    pub sha256_so_far: Option<Digest>,
}

impl From<&Part> for PartAt {
    fn from(part: &Part) -> Self {
        Self {
            dump: part.dump,
            part: part.no,
            label: part.label.clone(),
            file: part.file,
            object: part.object,
            offset: part.offset,
            bytes: part.bytes,
            sha256_so_far: part.sha_so_far,
        }
    }
}

impl From<&Placed> for PartAt {
    fn from(part: &Placed) -> Self {
        Self {
            dump: part.dump,
            part: part.part,
            label: part.label.clone(),
            file: part.file,
            object: part.object,
            offset: part.offset,
            bytes: part.bytes,
            sha256_so_far: Some(part.sha256_so_far),
        }
    }
}

/// A frame that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedFrame {
    /// Of which dump.
    pub dump: DumpId,
    /// Its number, from 0.
    pub number: u32,
    /// Where in the image it begins.
    pub offset: u64,
    /// How many bytes are stored.
    pub stored: u32,
    /// What they hash to.
    pub sha256: Digest,
}

/// Where a wanted frame is on its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRead {
    /// In which file.
    pub file: FileNo,
    /// How many bytes of the part are before it.
    pub from: u64,
    /// Which.
    pub frame: WantedFrame,
}

/// What to read from which volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Volumes in the order in which they are first needed.
    pub volumes: Vec<VolumeReads>,
    /// Frames that are in none of the parts.
    pub missing: Vec<WantedFrame>,
}

/// What to read from one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeReads {
    /// Which.
    pub label: Label,
    /// Which objects its files begin at, as far as it is known.
    pub objects: Vec<(FileNo, ObjectNo)>,
    /// Its frames, as they stand on it. They are read in the order that the drive advises.
    pub reads: Vec<FrameRead>,
}

impl VolumeReads {
    fn of(label: Label) -> Self {
        Self { label, objects: Vec::new(), reads: Vec::new() }
    }

    fn add(&mut self, part: &PartAt, read: FrameRead) {
        self.reads.push(read);
        let object = part.object.map(|object| (part.file, object));
        self.objects.extend(object.filter(|object| !self.objects.contains(object)));
    }
}

/// Finds the frames in the parts of their dumps: one copy of each, from one storage or several.
pub fn plan(parts: &[PartAt], wanted: &[WantedFrame]) -> Plan {
    let mut by_place = BTreeMap::new();
    for part in parts {
        by_place.entry((part.dump, part.offset)).or_insert(part);
    }
    let mut plan = Plan::default();
    let mut volumes: BTreeMap<&Label, usize> = BTreeMap::new();
    for frame in wanted {
        let before = by_place.range(..=(frame.dump, Bytes(frame.offset))).next_back();
        let part = before.map(|(_, part)| *part).filter(|part| holds(part, frame));
        let Some(part) = part else {
            plan.missing.push(*frame);
            continue;
        };
        let index = *volumes.entry(&part.label).or_insert_with(|| {
            plan.volumes.push(VolumeReads::of(part.label.clone()));
            plan.volumes.len() - 1
        });
        let from = frame.offset - part.offset.0;
        let read = FrameRead { file: part.file, from, frame: *frame };
        plan.volumes[index].add(part, read);
    }
    for volume in &mut plan.volumes {
        volume.reads.sort_by_key(|read| (read.file, read.from));
    }
    plan
}

/// Whether the whole frame is in this part.
fn holds(part: &PartAt, frame: &WantedFrame) -> bool {
    let end = part.offset.0.checked_add(part.bytes.0);
    let frame_end = frame.offset.checked_add(u64::from(frame.stored));
    part.dump == frame.dump && frame_end.zip(end).is_some_and(|(frame, part)| frame <= part)
}

/// Who brings volumes for reading.
pub trait Mounts<D> {
    /// Mounts this volume, after taking back the one that is done with, if it can still be used.
    fn mount(&mut self, label: &Label, done: Option<Mounted<D>>) -> Result<Mounted<D>, OtherError>;
}

/// Why a frame is lost.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// No part holds it.
    #[error("the catalogue knows of no part that holds it")]
    NoPart,
    /// Its volume is not to be had.
    #[error("volume {label} is not to be had: {why}")]
    NoVolume {
        /// Which.
        label: Label,
        /// Why.
        why: String,
    },
    /// It could not be read.
    #[error("it could not be read from file {file} of volume {label}")]
    Unreadable {
        /// Which volume.
        label: Label,
        /// Which file.
        file: FileNo,
        /// Why.
        #[source]
        cause: ReadError,
    },
    /// What was read is not what was written.
    #[error("what is in file {file} of volume {label} is damaged: the SHA-256 is wrong")]
    Damaged {
        /// Which volume.
        label: Label,
        /// Which file.
        file: FileNo,
    },
}

/// Reading had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ClerkError {
    /// The drive or the host failed: no volume would do better here.
    #[error("the frames of volume {label} could not all be read")]
    Device {
        /// Which volume was in the drive.
        label: Label,
        /// How it failed.
        #[source]
        cause: Box<DriveError>,
    },
    /// Whoever wanted the frames does not want them any more.
    #[error("the frames could not be handed on")]
    Sink(#[source] OtherError),
    /// A part of an image that is wanted as a whole.
    #[error("part {part} of dump {dump} could not be read")]
    Part {
        /// Which part.
        part: PartNo,
        /// Of which dump.
        dump: DumpId,
        /// Why.
        #[source]
        cause: Box<Lost>,
    },
    /// The parts of an image that is wanted as a whole.
    #[error("dump {dump} is not whole: {why}")]
    NotWhole {
        /// Which dump.
        dump: DumpId,
        /// What is missing.
        why: String,
    },
    /// The end of an image says what it is, and does not.
    #[error("the contents at the end of dump {dump} could not be read")]
    Tail {
        /// Which dump.
        dump: DumpId,
        /// Why.
        #[source]
        cause: Box<TailError<ReadError>>,
    },
}

/// Takes what the clerk has read: a frame's stored bytes, or why there are none. An error ends the reading.
pub type FrameSink<'a> =
    dyn FnMut(&WantedFrame, Result<&[u8], Lost>) -> Result<(), OtherError> + 'a;

/// Reads the frames of a plan, and gives back the last volume.
pub fn read_frames<D: Drive>(
    plan: &Plan,
    mut volume: Option<Mounted<D>>,
    mounts: &mut dyn Mounts<D>,
    sink: &mut FrameSink<'_>,
) -> Result<Option<Mounted<D>>, ClerkError> {
    for frame in &plan.missing {
        sink(frame, Err(Lost::NoPart)).map_err(ClerkError::Sink)?;
    }
    for VolumeReads { label, objects, reads } in &plan.volumes {
        match mounted(label, volume.take(), mounts) {
            Ok(mut found) => {
                found.recall(objects);
                volume = Some(read_volume(found, reads, sink)?);
            }
            Err(why) => {
                for read in reads {
                    let lost = Lost::NoVolume { label: label.clone(), why: why.clone() };
                    sink(&read.frame, Err(lost)).map_err(ClerkError::Sink)?;
                }
            }
        }
    }
    Ok(volume)
}

/// The volume with this label: that in hand, or another.
fn mounted<D: Drive>(
    label: &Label,
    volume: Option<Mounted<D>>,
    mounts: &mut dyn Mounts<D>,
) -> Result<Mounted<D>, String> {
    let found = match volume {
        Some(volume) if volume.label() == label => return Ok(volume),
        other => mounts.mount(label, other).map_err(|error| chain(&*error))?,
    };
    match found.label() {
        found_label if found_label == label => Ok(found),
        other => Err(format!("volume {other} was mounted in its place")),
    }
}

/// An error with its causes, as one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn read_volume<D: Drive>(
    volume: Mounted<D>,
    reads: &[FrameRead],
    sink: &mut FrameSink<'_>,
) -> Result<Mounted<D>, ClerkError> {
    let label = volume.label().clone();
    let mut reader = Reader::new(volume);
    let mut buffer = Vec::new();
    let extent = |read: &FrameRead| Extent {
        file: read.file,
        from: read.from,
        bytes: u64::from(read.frame.stored),
    };
    let order = reader.order(&reads.iter().map(extent).collect::<Vec<_>>());
    for read in order.into_iter().filter_map(|index| reads.get(index)) {
        buffer.resize(read.frame.stored as usize, 0);
        let file = read.file;
        let found = match reader.read(file, read.from, &mut buffer) {
            Ok(()) if digest(&buffer) == read.frame.sha256 => Ok(&buffer[..]),
            Ok(()) => Err(Lost::Damaged { label: label.clone(), file }),
            Err(ReadError::Drive(cause)) if matches!(cause.blame, Blame::Drive | Blame::Host) => {
                return Err(ClerkError::Device { label, cause: Box::new(cause) });
            }
            Err(cause) => Err(Lost::Unreadable { label: label.clone(), file, cause }),
        };
        sink(&read.frame, found).map_err(ClerkError::Sink)?;
    }
    Ok(reader.into_mounted())
}

/// Copies a whole image, as it was written, part after part, and gives back the last volume.
///
/// The first part that cannot be read, or is not what was written, is an error: what follows would not fit.
pub fn copy_image<D: Drive>(
    parts: &[PartAt],
    mut volume: Option<Mounted<D>>,
    mounts: &mut dyn Mounts<D>,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), OtherError>,
) -> Result<Option<Mounted<D>>, ClerkError> {
    let mut running = Running::default();
    let mut wanted = PartNo::FIRST;
    for part in parts {
        if part.part != wanted || part.offset != running.bytes() {
            let why = format!("part {wanted} is missing");
            return Err(ClerkError::NotWhole { dump: part.dump, why });
        }
        let lost =
            |lost| ClerkError::Part { part: part.part, dump: part.dump, cause: Box::new(lost) };
        let found = mounted(&part.label, volume.take(), mounts)
            .map_err(|why| lost(Lost::NoVolume { label: part.label.clone(), why }))?;
        let mut reader = Reader::new(found);
        reader.recall(part);
        copy_part(&mut reader, part, &mut running, sink)?;
        volume = Some(reader.into_mounted());
        wanted = wanted.next();
    }
    Ok(volume)
}

/// Copies one part. Nothing is known to be right until its end, so whoever takes the bytes must not use them
/// before this returns.
fn copy_part<D: Drive>(
    reader: &mut Reader<D>,
    part: &PartAt,
    running: &mut Running,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), OtherError>,
) -> Result<(), ClerkError> {
    let (label, file) = (part.label.clone(), part.file);
    let lost = |lost| ClerkError::Part { part: part.part, dump: part.dump, cause: Box::new(lost) };
    let unreadable = |cause| match cause {
        ReadError::Drive(cause) if matches!(cause.blame, Blame::Drive | Blame::Host) => {
            ClerkError::Device { label: label.clone(), cause: Box::new(cause) }
        }
        cause => lost(Lost::Unreadable { label: label.clone(), file, cause }),
    };
    reader.expect_part(file, part.dump, part.part).map_err(unreadable)?;
    let mut from = 0;
    while from < part.bytes.0 {
        let block = reader.block_at(file, from, part.bytes.0 - from).map_err(unreadable)?;
        running.add(block);
        from += block.len() as u64;
        sink(block).map_err(ClerkError::Sink)?;
    }
    match part.sha256_so_far {
        Some(expected) if running.sha256() != expected => {
            Err(lost(Lost::Damaged { label: part.label.clone(), file }))
        }
        _ => Ok(()),
    }
}

/// Reads what an image says about itself, from its last part, which must be on this volume.
pub fn read_tail<D: Drive>(
    volume: Mounted<D>,
    last: &PartAt,
) -> Result<(Mounted<D>, Tail), ClerkError> {
    let mut reader = Reader::new(volume);
    reader.recall(last);
    let length = last.offset + last.bytes;
    let tail = crate::tail::read(length, |offset, buffer| {
        let before = ReadError::Before { part: last.part };
        let from = offset.checked_sub(last.offset.0).ok_or(before)?;
        reader.read(last.file, from, buffer)
    });
    match tail {
        Ok(tail) if tail.identity.dump == last.dump => Ok((reader.into_mounted(), tail)),
        Ok(_) => {
            let cause = Box::new(TailError::Misfit("it is another dump"));
            Err(ClerkError::Tail { dump: last.dump, cause })
        }
        Err(cause) => Err(ClerkError::Tail { dump: last.dump, cause: Box::new(cause) }),
    }
}

/// Copies the index out of an image, whose last part must be on this volume.
pub fn copy_index<D: Drive>(
    volume: Mounted<D>,
    last: &PartAt,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), OtherError>,
) -> Result<(Mounted<D>, Tail), ClerkError> {
    let (volume, tail) = read_tail(volume, last)?;
    let wrong = |cause| ClerkError::Tail { dump: last.dump, cause: Box::new(cause) };
    let mut reader = Reader::new(volume);
    let mut running = Running::default();
    let begin = tail.index.offset.saturating_sub(last.offset).0;
    while running.bytes() < tail.index.length {
        let (from, left) = (begin + running.bytes().0, tail.index.length - running.bytes());
        let block = reader
            .block_at(last.file, from, left.0)
            .map_err(|cause| wrong(TailError::Read(cause)))?;
        running.add(block);
        sink(block).map_err(ClerkError::Sink)?;
    }
    if running.sha256() != tail.index.sha256 {
        return Err(wrong(TailError::Damaged(Section::Index)));
    }
    Ok((reader.into_mounted(), tail))
}

/// Reads all that stands behind the header of a file, as the records of a run, up to `most` bytes. On tape a
/// filler may stand at its end.
pub fn read_file<D: Drive>(
    volume: Mounted<D>,
    file: FileNo,
    most: Bytes,
) -> Result<(Mounted<D>, Vec<u8>), ReadError> {
    let mut reader = Reader::new(volume);
    let mut bytes = Vec::new();
    while let Some(block) = reader.next_block(file, bytes.len() as u64)? {
        bytes.extend_from_slice(block);
        if bytes.len() as u64 > most.0 {
            return Err(ReadError::TooLong { file, most });
        }
    }
    Ok((reader.into_mounted(), bytes))
}

#[cfg(test)]
mod tests;
