//! The bytes of a records file into rows and indexes.
//!
//! Stored bytes come in pieces of any length, as a drive gives them; what they hold goes to a function as it is
//! met. Reading holds one frame and the rows.

use types::DumpId;

use super::{FRAME, ROWS, ROWS_MOST, RecordsError, RunRecords, dump_of};
use crate::entry::Kind;
use crate::frame::{Decoder, Next, next_frame};
use crate::tar::{self, Event, Limits};

/// No frame of a records file has more raw bytes.
const FRAME_MOST: u64 = 2 * FRAME as u64;

/// No frame of a records file has more stored bytes.
const STORED_MOST: usize = 4 * FRAME;

/// What a records file holds, in the order in which it is met.
#[derive(Debug)]
pub enum Unpacked<'a> {
    /// The rows. They come first.
    Rows(RunRecords),
    /// An index begins.
    Index {
        /// Of which dump.
        dump: DumpId,
        /// How long it is.
        len: u64,
    },
    /// Some of its bytes.
    Bytes(&'a [u8]),
    /// It is whole.
    IndexEnd,
}

/// Reads a records file.
pub struct Unpacker {
    decoder: Decoder,
    tar: tar::Decoder,
    /// Stored bytes that are not a whole frame yet.
    stored: Vec<u8>,
    /// Bytes of a skippable frame that are still to be passed over.
    skip: u64,
    /// Where in the file reading stands.
    at: u64,
    member: Member,
    ended: bool,
}

enum Member {
    Rows(Vec<u8>),
    Index,
    Unknown,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

impl Unpacker {
    /// A reader at the first byte.
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            tar: tar::Decoder::new(Limits::default()),
            stored: Vec::new(),
            skip: 0,
            at: 0,
            member: Member::Unknown,
            ended: false,
        }
    }

    /// Takes the next stored bytes, and gives what they complete to `meet`. What follows the end of the tar
    /// is passed over. After an error nothing more should be pushed.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        meet: &mut impl FnMut(Unpacked<'_>),
    ) -> Result<(), RecordsError> {
        while !bytes.is_empty() && !self.ended {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.skip -= skipped as u64;
            self.at += skipped as u64;
            // A frame at a time: what is not needed yet is not copied.
            let (now, later) = bytes.split_at(bytes.len().min(FRAME));
            self.stored.extend_from_slice(now);
            bytes = later;
            while !self.ended && self.take_frame(meet)? {}
        }
        Ok(())
    }

    /// Makes sure that the file was whole.
    pub fn finish(self) -> Result<(), RecordsError> {
        if self.ended { Ok(()) } else { Err(RecordsError::CutOff) }
    }

    /// Takes one frame off the stored bytes, if a whole one is there.
    fn take_frame(&mut self, meet: &mut impl FnMut(Unpacked<'_>)) -> Result<bool, RecordsError> {
        let next = next_frame(&self.stored)
            .map_err(|source| RecordsError::Split { at: self.at, source })?;
        match next {
            Next::More => {
                check_len("a frame", self.stored.len() as u64, STORED_MOST as u64)?;
                Ok(false)
            }
            Next::Skippable { stored, .. } => {
                let there = usize::try_from(stored).unwrap_or(usize::MAX).min(self.stored.len());
                self.skip = stored - there as u64;
                self.drop_stored(there);
                Ok(self.skip == 0)
            }
            Next::Frame { stored, raw } => {
                check_len("a frame", raw, FRAME_MOST)?;
                let mut tar = Vec::new();
                self.decoder
                    .decode_unknown(&self.stored[..stored], &mut tar)
                    .map_err(|source| RecordsError::Frame { action: "open", source })?;
                self.drop_stored(stored);
                self.read_tar(&tar, meet)?;
                Ok(true)
            }
        }
    }

    fn drop_stored(&mut self, len: usize) {
        self.stored.drain(..len);
        self.at += len as u64;
    }

    fn read_tar(
        &mut self,
        mut bytes: &[u8],
        meet: &mut impl FnMut(Unpacked<'_>),
    ) -> Result<(), RecordsError> {
        while let Some(event) = self.tar.next(&mut bytes)? {
            match event {
                Event::Entry { entry, data_len } if entry.kind == Kind::File => {
                    self.member = begin(&entry.path, data_len, meet)?;
                }
                Event::Entry { .. } => self.member = Member::Unknown,
                Event::Data { bytes, .. } => match &mut self.member {
                    Member::Rows(text) => text.extend_from_slice(bytes),
                    Member::Index => meet(Unpacked::Bytes(bytes)),
                    Member::Unknown => {}
                },
                Event::EntryEnd => match std::mem::replace(&mut self.member, Member::Unknown) {
                    Member::Rows(text) => meet(Unpacked::Rows(RunRecords::from_text(&text)?)),
                    Member::Index => meet(Unpacked::IndexEnd),
                    Member::Unknown => {}
                },
                Event::Refused { .. } => {}
                Event::End => {
                    self.ended = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn begin(
    name: &[u8],
    len: u64,
    meet: &mut impl FnMut(Unpacked<'_>),
) -> Result<Member, RecordsError> {
    if name == ROWS.as_bytes() {
        check_len("the member with the rows", len, ROWS_MOST)?;
        return Ok(Member::Rows(Vec::new()));
    }
    let Some(dump) = dump_of(name) else { return Ok(Member::Unknown) };
    meet(Unpacked::Index { dump, len });
    Ok(Member::Index)
}

fn check_len(what: &'static str, len: u64, most: u64) -> Result<(), RecordsError> {
    if len > most { Err(RecordsError::TooLong { what, len, most }) } else { Ok(()) }
}

/// The index files of some dumps.
pub type Indexes = Vec<(DumpId, Vec<u8>)>;

/// Everything that a records file holds, if its indexes have at most `most` bytes together.
pub fn unpack(stored: &[u8], most: u64) -> Result<(RunRecords, Indexes), RecordsError> {
    let mut rows = None;
    let mut indexes = Indexes::new();
    let mut total: u64 = 0;
    let mut unpacker = Unpacker::new();
    // In pieces, so that a file that claims too much is given up early.
    for piece in stored.chunks(FRAME) {
        unpacker.push(piece, &mut |met| match met {
            Unpacked::Rows(found) => rows = Some(found),
            Unpacked::Index { dump, .. } => indexes.push((dump, Vec::new())),
            Unpacked::Bytes(bytes) => {
                total += bytes.len() as u64;
                if let Some((_, index)) = indexes.last_mut().filter(|_| total <= most) {
                    index.extend_from_slice(bytes);
                }
            }
            Unpacked::IndexEnd => {}
        })?;
        check_len("the indexes", total, most)?;
    }
    unpacker.finish()?;
    Ok((rows.ok_or(RecordsError::NoHead)?, indexes))
}
