//! Bytes of parts from the blocks of a volume.

use devices::{Drive, DriveError, LastBlock, Met, Position, Stretch};
use format::header::Header;
use types::{Bytes, DumpId, FileNo, PartNo};

use super::PartAt;
use crate::mount::{Mounted, VolumeError};

/// Bytes of a part could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The drive, or the medium, failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The file ends before.
    #[error("the file ends at {at}, and more was expected")]
    Short {
        /// Where.
        at: Position,
    },
    /// A block that does not fit the others.
    #[error("the block at {at} has {length} bytes, and {wanted} were expected")]
    BlockLength {
        /// Where.
        at: Position,
        /// Its length.
        length: usize,
        /// That of the others.
        wanted: usize,
    },
    /// The file is another than the catalogue says.
    #[error("the file is not part {part} of dump {dump}: the volume was written over")]
    OtherPart {
        /// The part that was expected.
        part: PartNo,
        /// The dump that was expected.
        dump: DumpId,
    },
    /// A file that is longer than what was expected in it could be.
    #[error("file {file} has more than {most}, and less was expected")]
    TooLong {
        /// Which.
        file: FileNo,
        /// What was expected.
        most: Bytes,
    },
    /// Something of an image is wanted that is in another part.
    #[error("what is wanted lies before part {part}")]
    Before {
        /// The part at hand.
        part: PartNo,
    },
}

/// Bytes of a part that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// In which file of the volume the part is.
    pub file: FileNo,
    /// How many bytes of the part are before them.
    pub from: u64,
    /// How many.
    pub bytes: u64,
}

/// Reads from one volume. It remembers where the drive stands, and goes elsewhere only when it must.
pub struct Reader<D> {
    volume: Mounted<D>,
    /// The block that was read last: the drive stands behind it.
    held: Option<Held>,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Held {
    at: Position,
    length: usize,
}

impl<D: Drive> Reader<D> {
    /// Reads from this volume.
    pub fn new(volume: Mounted<D>) -> Self {
        let buffer = vec![0; volume.data_block().len()];
        Self { volume, held: None, buffer }
    }

    /// The volume again.
    pub fn into_mounted(self) -> Mounted<D> {
        self.volume
    }

    /// Tells the drive where a part is, so that it can go straight there.
    pub fn recall(&mut self, part: &PartAt) {
        if let Some(object) = part.object {
            self.volume.recall(&[(part.file, object)]);
        }
    }

    /// In which order these are read soonest, as indexes into them, each once: what lies so near to what was
    /// read before that the drive reads on to it comes next, and between such stretches the drive's advice counts.
    pub fn order(&mut self, wanted: &[Extent]) -> Vec<usize> {
        let (block, near) = (self.buffer.len() as u64, self.near());
        let stretches = stretches(wanted, block, near);
        let order = match stretches.len() {
            0 | 1 => (0..stretches.len()).collect(),
            _ => {
                let asked: Vec<Stretch> = stretches.iter().map(|(stretch, _)| *stretch).collect();
                self.volume.drive.reading_order(&asked)
            }
        };
        let members = order.into_iter().filter_map(|index| stretches.get(index));
        members.flat_map(|(_, members)| members.iter().copied()).collect()
    }

    /// How many blocks are sooner read than passed over.
    fn near(&self) -> u64 {
        self.volume.drive.limits().worth_a_locate.0.div_ceil((self.buffer.len() as u64).max(1))
    }

    /// Checks by its header that a file is this part.
    pub fn expect_part(
        &mut self,
        file: FileNo,
        dump: DumpId,
        part: PartNo,
    ) -> Result<(), ReadError> {
        self.held = None;
        let header = self.volume.header_of(file).map_err(|error| match error {
            VolumeError::Drive(error) => ReadError::Drive(error),
            _ => ReadError::OtherPart { part, dump },
        })?;
        match header {
            Some(Header::SplitFile { part: found, dump: header, .. })
                if found == part && header.ours.as_ref().is_some_and(|o| o.dump == dump) =>
            {
                Ok(())
            }
            _ => Err(ReadError::OtherPart { part, dump }),
        }
    }

    /// Fills `bytes` with those of the part in `file` from its byte `from` on.
    pub fn read(
        &mut self,
        file: FileNo,
        mut from: u64,
        mut bytes: &mut [u8],
    ) -> Result<(), ReadError> {
        while !bytes.is_empty() {
            let found = self.block_at(file, from, bytes.len() as u64)?;
            let (now, later) = bytes.split_at_mut(found.len());
            now.copy_from_slice(found);
            from += found.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// The bytes of the part in `file` from its byte `from` to the end of their block, but at most `most`.
    pub fn block_at(&mut self, file: FileNo, from: u64, most: u64) -> Result<&[u8], ReadError> {
        let block = self.buffer.len() as u64;
        let at = Position { file, block: 1 + from / block };
        let length = self.hold(at)?;
        let begin = usize::try_from(from % block).unwrap_or(0);
        if begin >= length {
            return Err(ReadError::Short { at });
        }
        let end =
            usize::try_from(most).map_or(length, |most| length.min(begin.saturating_add(most)));
        Ok(&self.buffer[begin..end])
    }

    /// The block of a file that begins at byte `from` of what is behind the header; `None` at its end.
    pub fn next_block(&mut self, file: FileNo, from: u64) -> Result<Option<&[u8]>, ReadError> {
        match self.block_at(file, from, u64::MAX) {
            Ok(_) => {}
            Err(ReadError::Short { .. }) => return Ok(None),
            Err(other) => return Err(other),
        }
        // Looked up again: a reference that is returned from one arm would be held in all of them.
        self.block_at(file, from, u64::MAX).map(Some)
    }

    /// Reads the block at this place, if it is not the one in hand.
    fn hold(&mut self, at: Position) -> Result<usize, ReadError> {
        match self.held {
            Some(held) if held.at == at => return Ok(held.length),
            _ => self.go(at)?,
        }
        let wanted = self.buffer.len();
        let filled = self.volume.drive.limits().last_block == LastBlock::Filled;
        match self.volume.drive.read_block(&mut self.buffer)? {
            Met::Block(length) if length == wanted || (!filled && length > 0) => {
                self.held = Some(Held { at, length });
                Ok(length)
            }
            Met::Block(length) => Err(ReadError::BlockLength { at, length, wanted }),
            Met::Filemark | Met::EndOfData => Err(ReadError::Short { at }),
        }
    }

    /// Goes before this block: by reading on if it is near, else by a locate.
    fn go(&mut self, at: Position) -> Result<(), ReadError> {
        let near = self.near();
        if let Some(held) = self.held.take()
            && held.at.file == at.file
            && held.at.block < at.block
        {
            let gap = at.block - held.at.block - 1;
            if gap == 0 {
                return Ok(());
            }
            if gap < near {
                for _ in 0..gap {
                    match self.volume.drive.read_block(&mut self.buffer)? {
                        Met::Block(_) => {}
                        Met::Filemark | Met::EndOfData => return Err(ReadError::Short { at }),
                    }
                }
                return Ok(());
            }
        }
        Ok(self.volume.drive.locate(at)?)
    }
}

/// What is wanted, as it stands on the volume: stretches that are read without a locate, and what each is for. The
/// blocks of a part follow its header.
fn stretches(wanted: &[Extent], block: u64, near: u64) -> Vec<(Stretch, Vec<usize>)> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&index| wanted.get(index));
    let mut stretches: Vec<(Stretch, Vec<usize>)> = Vec::new();
    for index in order {
        let Some(&Extent { file, from, bytes }) = wanted.get(index) else { continue };
        let at = |byte: u64| Position { file, block: 1 + byte / block.max(1) };
        let (first, last) = (at(from), at(from.saturating_add(bytes.saturating_sub(1))));
        match stretches.last_mut() {
            Some((stretch, members)) if is_near(stretch.last, first, near) => {
                stretch.last = stretch.last.max(last);
                members.push(index);
            }
            _ => stretches.push((Stretch { first, last }, vec![index])),
        }
    }
    stretches
}

/// Whether a drive that has read the one block reads on to the other.
fn is_near(read: Position, next: Position, near: u64) -> bool {
    read.file == next.file && next.block.saturating_sub(read.block).saturating_sub(1) < near.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In blocks of ten bytes, of which so many are sooner read than passed over.
    fn found(wanted: &[(u32, u64, u64)], near: u64) -> Vec<(u64, u64, Vec<usize>)> {
        let extent = |&(file, from, bytes)| Extent { file: FileNo(file), from, bytes };
        let wanted: Vec<Extent> = wanted.iter().map(extent).collect();
        let found = stretches(&wanted, 10, near).into_iter();
        found.map(|(it, members)| (it.first.block, it.last.block, members)).collect()
    }

    #[test]
    fn what_is_near_is_one_stretch() {
        assert_eq!(found(&[(1, 0, 10), (1, 10, 11)], 0), [(1, 3, vec![0, 1])]);
        assert_eq!(found(&[(1, 0, 10), (1, 29, 1)], 1), [(1, 1, vec![0]), (3, 3, vec![1])]);
        assert_eq!(found(&[(1, 0, 10), (1, 29, 1)], 2), [(1, 3, vec![0, 1])]);
        let sorted = [(1, 1, vec![2]), (51, 51, vec![0]), (1, 1, vec![1])];
        assert_eq!(found(&[(1, 500, 1), (2, 0, 1), (1, 0, 1)], 9), sorted, "a file is no way");
    }

    #[test]
    fn what_lies_in_each_other_or_at_the_end_of_all_numbers_is_counted_once() {
        assert_eq!(found(&[(1, 0, 100), (1, 20, 10), (1, 95, 20)], 0), [(1, 12, vec![0, 1, 2])]);
        assert_eq!(found(&[(1, u64::MAX, u64::MAX), (1, 7, 0)], 0).len(), 2);
        assert_eq!(found(&[], 5), []);
    }
}
