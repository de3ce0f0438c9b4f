//! An index opened for questions.
//!
//! Opening reads the end of the file: the trailer, and the guide that says with which path each block begins. A
//! lookup then reads one block. A listing reads the blocks in which the directory's own children stand and
//! jumps over what lies deeper, so that the root of a million files is listed as fast as a leaf.

use std::cmp::Ordering;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec;

use super::blocks::{Block, Counts, LENGTHS, Lengths, Row, TRAILER, Trailer, check_head, damaged};
use super::error::IndexError;
use super::guide::{Guide, is_past};
use super::record::Record;
use super::source::{ReadAt, Sequential};
use super::stream::Stream;
use crate::frame::Decoder;
use crate::path;

/// From so many blocks on, several threads open them.
const MANY: usize = 64;
/// How many threads.
const LISTERS: usize = 4;

/// An index over any source that can be read anywhere.
pub struct Reader<S> {
    source: S,
    guide: Guide,
    counts: Counts,
    decoder: Mutex<Decoder>,
}

impl<S: ReadAt> Reader<S> {
    /// Opens an index. What is read is checked, but only [`Self::verify`] reads it all.
    pub fn open(source: S) -> Result<Self, IndexError> {
        let size = source.size().map_err(could_not_read(0, 0))?;
        let mut head = [0; 16];
        let mut trailer = [0; TRAILER];
        let Some(trailer_at) = size.checked_sub((head.len() + 2 * LENGTHS + TRAILER) as u64) else {
            return Err(IndexError::Foreign { what: Record::WHAT });
        };
        let trailer_at = trailer_at + (head.len() + 2 * LENGTHS) as u64;
        source.read_at(0, &mut head).map_err(could_not_read(0, head.len()))?;
        check_head::<Record>(&head)?;
        source.read_at(trailer_at, &mut trailer).map_err(could_not_read(trailer_at, TRAILER))?;
        let trailer = Trailer::decode::<Record>(&trailer, trailer_at)?;
        let mut decoder = Decoder::new();
        let guide = read_guide(&source, &trailer, trailer_at, &mut decoder)?;
        Ok(Self { source, guide, counts: trailer.counts, decoder: Mutex::new(decoder) })
    }

    /// What the index holds.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the dump says of this path: also that it is gone. Nothing, if the dump does not mention it.
    pub fn find(&self, path: &[u8]) -> Result<Option<Record>, IndexError> {
        let Some(block) = self.guide.block_before(path) else { return Ok(None) };
        self.block(block)?.find(path)
    }

    /// What the dump says of the direct children of a directory, in order: also what is gone of them.
    pub fn list(&self, dir: &[u8]) -> Result<Vec<Record>, IndexError> {
        let blocks = self.guide.blocks_with_children(dir);
        if blocks.len() < MANY {
            return self.list_blocks(&blocks, dir, &mut self.decoder());
        }
        let share = blocks.len().div_ceil(LISTERS);
        std::thread::scope(|scope| {
            let shares = blocks.chunks(share);
            let listers: Vec<_> = shares
                .map(|blocks| scope.spawn(|| self.list_blocks(blocks, dir, &mut Decoder::new())))
                .collect();
            let mut children = Vec::new();
            for lister in listers {
                children.extend(lister.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(children)
        })
    }

    /// The children of a directory that stand in these blocks.
    fn list_blocks(
        &self,
        blocks: &[usize],
        dir: &[u8],
        decoder: &mut Decoder,
    ) -> Result<Vec<Record>, IndexError> {
        let mut children = Vec::new();
        let mut scratch = Scratch::default();
        for &number in blocks {
            let block = self.block_into(number, decoder, &mut scratch)?;
            list_block(&block, dir, &mut children)?;
            scratch.raw = block.into_raw();
        }
        Ok(children)
    }

    /// All records, in walk order.
    pub fn iter(&self) -> Iter<'_, S> {
        Iter { reader: self, from: None, rows: Vec::new().into_iter(), next: 0 }
    }

    /// All records from this path on, in walk order.
    pub fn iter_from(&self, path: &[u8]) -> Iter<'_, S> {
        let next = self.guide.block_before(path).unwrap_or(0);
        Iter { reader: self, from: Some(path.to_vec()), rows: Vec::new().into_iter(), next }
    }

    /// Reads every byte and makes sure that all is as it was written.
    pub fn verify(&self) -> Result<(), IndexError> {
        let input = Sequential::new(&self.source).map_err(could_not_read(0, 0))?;
        Stream::<Record, _>::open(input)?.try_for_each(|record| record.map(drop))
    }

    /// The source, to be used for something else.
    pub fn into_source(self) -> S {
        self.source
    }

    fn block(&self, number: usize) -> Result<Block<Record>, IndexError> {
        self.block_into(number, &mut self.decoder(), &mut Scratch::default())
    }

    fn decoder(&self) -> MutexGuard<'_, Decoder> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same in memory that was used before.
    fn block_into(
        &self,
        number: usize,
        decoder: &mut Decoder,
        scratch: &mut Scratch,
    ) -> Result<Block<Record>, IndexError> {
        let place = self.guide.place(number);
        let offset = place.start;
        // The guide was checked: all blocks lie inside the file, and behind their lengths.
        let len = usize::try_from(place.end - offset).unwrap_or(usize::MAX);
        let most = LENGTHS + Lengths::MOST_STORED;
        if len > most {
            return Err(damaged::<Record>(offset, "a block is longer than any that is written"));
        }
        scratch.stored.resize(len, 0);
        self.source.read_at(offset, &mut scratch.stored).map_err(could_not_read(offset, len))?;
        let (lengths, stored) = scratch.stored.split_first_chunk().unwrap_or((&[0; LENGTHS], &[]));
        let lengths = Lengths::decode(*lengths).check::<Record>(offset, false)?;
        if stored.len() != lengths.stored as usize {
            return Err(damaged::<Record>(offset, "a block is not as long as the guide says"));
        }
        let raw = std::mem::take(&mut scratch.raw);
        Block::open_into(raw, decoder, stored, lengths.raw, offset)
    }
}

/// Memory for one block after the other.
#[derive(Default)]
struct Scratch {
    stored: Vec<u8>,
    raw: Vec<u8>,
}

/// Adds the children of `dir` that stand in this block.
fn list_block(
    block: &Block<Record>,
    dir: &[u8],
    children: &mut Vec<Record>,
) -> Result<(), IndexError> {
    let mut names = block.names();
    let mut cells = block.cells();
    let inside = if dir.is_empty() { 0 } else { dir.len() + 1 };
    // What shares this much with the path before it lies below the same child, and is passed over.
    let mut deep = usize::MAX;
    let mut next = 0;
    loop {
        next += names.pass_over(deep);
        let Some(name) = names.step()? else { break };
        let at = next;
        next += 1;
        if name.same >= deep {
            continue;
        }
        names.take_on(name)?;
        deep = usize::MAX;
        let path = names.path();
        if !path::is_below(path, dir) {
            if path::compare(path, dir) == Ordering::Greater {
                break;
            }
            continue;
        }
        match path[inside..].iter().position(|byte| *byte == b'/') {
            Some(slash) => deep = inside + slash + 1,
            None => children.push(cells.row(at, path.to_vec())?),
        }
    }
    Ok(())
}

fn could_not_read(offset: u64, len: usize) -> impl Fn(std::io::Error) -> IndexError {
    move |source| IndexError::Read { what: Record::WHAT, offset, len, source }
}

fn read<S: ReadAt>(source: &S, offset: u64, len: usize) -> Result<Vec<u8>, IndexError> {
    let mut bytes = vec![0; len];
    source.read_at(offset, &mut bytes).map_err(could_not_read(offset, len))?;
    Ok(bytes)
}

fn read_lengths<S: ReadAt>(source: &S, offset: u64, guide: bool) -> Result<Lengths, IndexError> {
    let mut bytes = [0; LENGTHS];
    source.read_at(offset, &mut bytes).map_err(could_not_read(offset, LENGTHS))?;
    Lengths::decode(bytes).check::<Record>(offset, guide)
}

fn read_guide<S: ReadAt>(
    source: &S,
    trailer: &Trailer,
    trailer_at: u64,
    decoder: &mut Decoder,
) -> Result<Guide, IndexError> {
    let bad = |why| damaged::<Record>(trailer.guide_at, why);
    let within = trailer.guide_at.checked_add(LENGTHS as u64).filter(|from| *from <= trailer_at);
    let from = within.ok_or_else(|| bad("its guide is not where the trailer says"))?;
    let lengths = read_lengths(source, trailer.guide_at, true)?;
    if from.checked_add(u64::from(lengths.stored)) != Some(trailer_at) {
        return Err(bad("its guide does not end where the trailer begins"));
    }
    let stored = read(source, from, lengths.stored as usize)?;
    let mut raw = Vec::new();
    decoder.decode(&stored, lengths.raw, &mut raw).map_err(|cause| IndexError::Block {
        what: Record::WHAT,
        offset: trailer.guide_at,
        source: cause,
    })?;
    let end =
        trailer.guide_at.checked_sub(LENGTHS as u64).ok_or_else(|| bad("it has no blocks"))?;
    Guide::decode::<Record>(raw, trailer, end)
}

/// The records of an index, in walk order. It holds one block.
pub struct Iter<'a, S> {
    reader: &'a Reader<S>,
    from: Option<Vec<u8>>,
    rows: vec::IntoIter<Record>,
    next: usize,
}

impl<S: ReadAt> Iter<'_, S> {
    /// Goes on behind `dir` and everything in it. Blocks that hold nothing else are not read.
    pub fn skip_past(&mut self, dir: &[u8]) -> Result<(), IndexError> {
        let rows = self.rows.as_slice();
        let skipped = rows.partition_point(|record| !is_past(&record.path, dir));
        if skipped < rows.len() {
            self.rows.by_ref().take(skipped).for_each(drop);
            return Ok(());
        }
        let past = self.reader.guide.count_while(|first| !is_past(first, dir));
        self.rows = Vec::new().into_iter();
        if let Some(block) = past.checked_sub(1).filter(|block| *block >= self.next) {
            let mut rows = self.reader.block(block)?.decode_from(None)?;
            let skipped = rows.partition_point(|record| !is_past(&record.path, dir));
            rows.drain(..skipped);
            self.rows = rows.into_iter();
            self.next = block + 1;
        }
        Ok(())
    }
}

impl<S: ReadAt> Iterator for Iter<'_, S> {
    type Item = Result<Record, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.rows.next() {
                return Some(Ok(record));
            }
            if self.next >= self.reader.guide.blocks() {
                return None;
            }
            let rows = self
                .reader
                .block(self.next)
                .and_then(|block| block.decode_from(self.from.as_deref()));
            self.next += 1;
            match rows {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => {
                    self.next = self.reader.guide.blocks();
                    return Some(Err(error));
                }
            }
        }
    }
}
