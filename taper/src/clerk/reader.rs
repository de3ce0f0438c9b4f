//! Bytes of parts from the blocks of a volume.

use devices::{Drive, DriveError, LastBlock, Met, Position};
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
        let near = self.volume.drive.limits().worth_a_locate.0;
        if let Some(held) = self.held.take()
            && held.at.file == at.file
            && held.at.block < at.block
        {
            let gap = at.block - held.at.block - 1;
            if gap == 0 {
                return Ok(());
            }
            if gap.saturating_mul(self.buffer.len() as u64) < near {
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
