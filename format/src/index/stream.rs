//! A file of rows read from front to back, by someone who cannot seek or wants everything checked.
//!
//! It holds one block and the guide. Rows come out before the end was seen, so what they say is only certain
//! once the stream has ended without an error: then the order, the guide, the counts and the SHA-256 are right
//! and nothing follows.

use std::cmp::Ordering;
use std::io::{self, Read};
use std::vec;

use sha2::{Digest as _, Sha256};

use super::blocks::{
    Block, Counts, HEAD, LENGTHS, Lengths, Row, TRAILER, Trailer, check_head, damaged,
};
use super::error::IndexError;
use super::guide::GuideBuilder;
use crate::frame::Decoder;
use crate::path;

pub(crate) struct Stream<R: Row, I> {
    input: I,
    hash: Sha256,
    at: u64,
    decoder: Decoder,
    rows: vec::IntoIter<R>,
    last: Option<Vec<u8>>,
    guide: GuideBuilder,
    counts: Counts,
    ended: bool,
}

impl<R: Row, I: Read> Stream<R, I> {
    pub(crate) fn open(input: I) -> Result<Self, IndexError> {
        let mut stream = Self {
            input,
            hash: Sha256::new(),
            at: 0,
            decoder: Decoder::new(),
            rows: Vec::new().into_iter(),
            last: None,
            guide: GuideBuilder::default(),
            counts: Counts::default(),
            ended: false,
        };
        let head = stream.array::<HEAD>()?;
        check_head::<R>(&head)?;
        Ok(stream)
    }

    /// What was read so far; at the end what the file holds.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    fn next_row(&mut self) -> Result<Option<R>, IndexError> {
        loop {
            if let Some(row) = self.rows.next() {
                row.count(&mut self.counts);
                self.counts.entries += 1;
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            let offset = self.at;
            let lengths = Lengths::decode(self.array()?);
            if lengths.is_end() {
                self.ended = true;
                self.check_end()?;
            } else {
                self.read_block(lengths.check::<R>(offset, false)?, offset)?;
            }
        }
    }

    fn read_block(&mut self, lengths: Lengths, offset: u64) -> Result<(), IndexError> {
        let stored = self.bytes(lengths.stored as usize)?;
        let block = Block::<R>::open(&mut self.decoder, &stored, lengths.raw, offset)?;
        let rows = block.decode_from(None)?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Err(damaged::<R>(offset, "a block is empty"));
        };
        if self
            .last
            .as_ref()
            .is_some_and(|last| path::compare(last, first.path()) != Ordering::Less)
        {
            return Err(damaged::<R>(offset, "its blocks are not in order"));
        }
        self.guide.push(first.path(), (LENGTHS + stored.len()) as u64, block.rows());
        self.last = Some(last.path().to_vec());
        self.rows = rows.into_iter();
        Ok(())
    }

    /// Everything behind the blocks must be what a writer of these rows would have put there.
    fn check_end(&mut self) -> Result<(), IndexError> {
        let guide_at = self.at;
        let lengths = Lengths::decode(self.array()?).check::<R>(guide_at, true)?;
        let stored = self.bytes(lengths.stored as usize)?;
        let mut raw = Vec::new();
        self.decoder
            .decode(&stored, lengths.raw, &mut raw)
            .map_err(|source| IndexError::Block { what: R::WHAT, offset: guide_at, source })?;
        if raw != self.guide.raw() {
            return Err(damaged::<R>(guide_at, "its guide does not fit its blocks"));
        }
        let trailer_at = self.at;
        let mut trailer = [0; TRAILER];
        let (fields, sum) = trailer.split_at_mut(TRAILER - 32);
        self.fill(fields)?;
        let expected: [u8; 32] = self.hash.clone().finalize().into();
        self.fill(sum)?;
        if *sum != expected {
            return Err(damaged::<R>(trailer_at, "its SHA-256 is not the one that it ends with"));
        }
        let found = Trailer::decode::<R>(&trailer, trailer_at)?;
        if found != (Trailer { guide_at, blocks: self.guide.blocks(), counts: self.counts }) {
            return Err(damaged::<R>(trailer_at, "its trailer does not fit its blocks"));
        }
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(damaged::<R>(self.at, "something follows its end")),
            Err(source) => Err(self.could_not_read(1, source)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Memory grows with what is really there, whatever the length says.
    fn bytes(&mut self, len: usize) -> Result<Vec<u8>, IndexError> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(len as u64).read_to_end(&mut bytes);
        let read = read.and_then(|read| if read == len { Ok(()) } else { Err(cut_off()) });
        read.map_err(|source| self.could_not_read(len, source))?;
        self.passed(&bytes);
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), IndexError> {
        let len = bytes.len();
        self.input.read_exact(bytes).map_err(|source| self.could_not_read(len, source))?;
        self.passed(bytes);
        Ok(())
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
    }

    fn could_not_read(&self, len: usize, source: io::Error) -> IndexError {
        IndexError::Read { what: R::WHAT, offset: self.at, len, source }
    }
}

fn cut_off() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

/// After an error nothing more comes.
impl<R: Row, I: Read> Iterator for Stream<R, I> {
    type Item = Result<R, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next_row().transpose();
        if matches!(row, Some(Err(_))) {
            self.ended = true;
            self.rows = Vec::new().into_iter();
        }
        row
    }
}
