//! Rows and indexes into the bytes of a records file.
//!
//! The bytes come out as whole zstd frames of about 4 MiB, so that packing holds one frame, whatever the
//! length of the indexes. The same rows and indexes always give the same bytes.

use types::DumpId;

use super::{FRAME, ROWS, RecordsError, RunRecords, index_name};
use crate::entry::{Entry, Kind};
use crate::frame::{Encoder, FrameError};
use crate::tar;

/// Makes the bytes of a records file.
pub struct Packer {
    encoder: Encoder,
    /// Tar that is not in a frame yet.
    raw: Vec<u8>,
    /// The index that is being packed, and how much of it is still to come.
    open: Option<(DumpId, u64)>,
    padding: usize,
}

impl Packer {
    /// Begins with the rows.
    pub fn new(records: &RunRecords) -> Result<Self, RecordsError> {
        let encoder = Encoder::new(Encoder::LEVEL).map_err(could_not_make)?;
        let mut packer = Self { encoder, raw: Vec::new(), open: None, padding: 0 };
        let text = records.to_text();
        packer.begin_member(ROWS, text.len() as u64);
        packer.raw.extend_from_slice(&text);
        packer.end_member();
        Ok(packer)
    }

    /// Announces an index of this many bytes.
    pub fn begin_index(&mut self, dump: DumpId, len: u64) -> Result<(), RecordsError> {
        self.check_whole()?;
        self.begin_member(&index_name(dump), len);
        self.open = Some((dump, len));
        Ok(())
    }

    /// Takes bytes of the index that was announced. Now and then it gives frames that are finished.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, RecordsError> {
        let mut frames = Vec::new();
        for piece in bytes.chunks(FRAME) {
            if let Some((dump, left)) = &mut self.open {
                *left =
                    left.checked_sub(piece.len() as u64).ok_or(RecordsError::Announced(*dump))?;
            }
            self.raw.extend_from_slice(piece);
            self.close_frames(&mut frames)?;
        }
        if matches!(self.open, Some((_, 0))) {
            self.open = None;
            self.end_member();
        }
        Ok(frames)
    }

    /// The rest of the bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, RecordsError> {
        self.check_whole()?;
        self.raw.extend_from_slice(&tar::END);
        let mut frames = Vec::new();
        self.close_frames(&mut frames)?;
        self.close_frame(self.raw.len(), &mut frames)?;
        Ok(frames)
    }

    fn check_whole(&mut self) -> Result<(), RecordsError> {
        match self.open.take() {
            Some((dump, left)) if left > 0 => Err(RecordsError::Announced(dump)),
            Some(_) => {
                self.end_member();
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn begin_member(&mut self, name: &str, len: u64) {
        let entry = Entry { mode: 0o600, size: len, ..Entry::new(name, Kind::File) };
        tar::encode_header(&entry, len, &mut self.raw);
        self.padding = tar::padding(len);
    }

    fn end_member(&mut self) {
        self.raw.resize(self.raw.len() + self.padding, 0);
    }

    fn close_frames(&mut self, frames: &mut Vec<u8>) -> Result<(), RecordsError> {
        while self.raw.len() >= FRAME {
            self.close_frame(FRAME, frames)?;
        }
        Ok(())
    }

    fn close_frame(&mut self, len: usize, frames: &mut Vec<u8>) -> Result<(), RecordsError> {
        let mut frame = Vec::new();
        self.encoder.encode(&self.raw[..len], &mut frame).map_err(could_not_make)?;
        self.raw.drain(..len);
        frames.extend_from_slice(&frame);
        Ok(())
    }
}

fn could_not_make(source: FrameError) -> RecordsError {
    RecordsError::Frame { action: "make", source }
}

/// The whole records file of these rows and indexes.
pub fn pack<B: AsRef<[u8]>>(
    records: &RunRecords,
    indexes: impl IntoIterator<Item = (DumpId, B)>,
) -> Result<Vec<u8>, RecordsError> {
    let mut packer = Packer::new(records)?;
    let mut bytes = Vec::new();
    for (dump, index) in indexes {
        packer.begin_index(dump, index.as_ref().len() as u64)?;
        bytes.extend(packer.push(index.as_ref())?);
    }
    bytes.extend(packer.finish()?);
    Ok(bytes)
}
