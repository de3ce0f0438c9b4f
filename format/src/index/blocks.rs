//! Files of rows in walk order: what the index of a dump and the snapshot of a client have in common.
//!
//! ```text
//! head     magic (8) │ version u32 │ zero u32
//! block    stored length u32 │ raw length u32 │ zstd frame of up to 512 rows     … repeated …
//! end      eight zero bytes
//! guide    stored length u32 │ raw length u32 │ zstd frame: the first path of each block, its length, its rows
//! trailer  magic (8) │ version u32 │ zero u32 │ offset of the guide u64 │ counts 5 × u64 │ CRC-32C u32 │ SHA-256
//! ```
//!
//! The CRC covers the trailer before it, the SHA-256 all bytes before it. A reader that may seek opens the
//! trailer and the guide and then reads single blocks; one that may not reads from the front and checks
//! everything on its way. All numbers are little endian, and *varint* is that of LEB128.
//!
//! A block holds its rows by columns, so that alike stands with alike:
//!
//! ```text
//! rows varint │ columns varint │ length of each column, varints │ the columns
//! ```
//!
//! The first three columns are the paths: how many bytes each shares with the one before it (the first of a
//! block: none), how many are new, and the new bytes. A column that a reader does not know stands behind
//! those that it knows, and is skipped.
//!
//! The guide is described in `guide.rs`.

use std::cmp::Ordering;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::error::{IndexError, WriteError};
use super::guide::GuideBuilder;
use crate::frame::{Decoder, Encoder};
use crate::path;
use crate::varint;

/// The version that is written; all up to it are read.
pub(crate) const VERSION: u32 = 1;

/// The most rows of a block, then and now: how many are written, each kind of row says for itself.
pub(super) const ROWS_MOST: usize = 512;

/// A block with more raw bytes than this is closed, however few rows it has.
const FULL: usize = 1 << 20;

/// The most raw bytes of a block that a reader opens: a full block and one row more, and room.
const RAW_MOST: usize = 4 << 20;

/// The most raw bytes of a guide: about half a million blocks of long paths.
const GUIDE_MOST: usize = 48 << 20;

pub(crate) const HEAD: usize = 16;
pub(crate) const LENGTHS: usize = 8;
pub(crate) const TRAILER: usize = 100;

/// The columns of the paths.
const NAMES: usize = 3;

/// More columns than this in a block are not believed.
const COLUMNS_MOST: usize = 64;

/// What a file of rows holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows, those of what is gone included.
    pub entries: u64,
    /// Rows that are directories.
    pub directories: u64,
    /// Rows that say that something is gone.
    pub gone: u64,
    /// The lengths of all files.
    pub bytes: u64,
}

/// What is kept of a path besides the path.
pub(crate) trait Row: Sized {
    /// In messages.
    const WHAT: &'static str;
    /// At both ends of the file.
    const MAGIC: [u8; 8];
    /// How many, besides those of the path.
    const COLUMNS: usize;
    /// How many rows a block gets. More compress better, fewer are opened sooner.
    const ROWS: usize;
    /// What differences refer to. Each block begins with the default.
    type State: Default;

    fn path(&self) -> &[u8];
    fn count(&self, counts: &mut Counts);
    fn put(&self, state: &mut Self::State, columns: &mut [Vec<u8>]);
    fn take(path: Vec<u8>, state: &mut Self::State, columns: &mut [&[u8]]) -> Option<Self>;

    /// Passes over so many rows, as taking each would.
    fn skip(count: usize, state: &mut Self::State, columns: &mut [&[u8]]) -> Option<()> {
        (0..count).try_for_each(|_| Self::take(Vec::new(), state, columns).map(drop))
    }
}

pub(crate) fn damaged<R: Row>(offset: u64, why: &'static str) -> IndexError {
    IndexError::Damaged { what: R::WHAT, offset, why }
}

/// How many bytes two paths begin with in common.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// A number that may be negative, so that small ones stay small.
pub(crate) fn put_signed(number: i64, out: &mut Vec<u8>) {
    varint::put((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned(), out);
}

pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = varint::take(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

pub(crate) fn take_usize(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(varint::take(bytes)?).ok()
}

/// The rows that will be the next block.
pub(crate) struct Builder<R: Row> {
    rows: usize,
    last: Vec<u8>,
    names: [Vec<u8>; NAMES],
    columns: Vec<Vec<u8>>,
    state: R::State,
}

impl<R: Row> Builder<R> {
    fn new() -> Self {
        Self {
            rows: 0,
            last: Vec::new(),
            names: Default::default(),
            columns: vec![Vec::new(); R::COLUMNS],
            state: R::State::default(),
        }
    }

    fn push(&mut self, row: &R) {
        let path = row.path();
        let same = if self.rows == 0 { 0 } else { shared(&self.last, path) };
        varint::put(same as u64, &mut self.names[0]);
        varint::put((path.len() - same) as u64, &mut self.names[1]);
        self.names[2].extend_from_slice(&path[same..]);
        self.last.truncate(same);
        self.last.extend_from_slice(&path[same..]);
        row.put(&mut self.state, &mut self.columns);
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        let all = self.names.iter().chain(&self.columns);
        self.rows == R::ROWS || all.map(Vec::len).sum::<usize>() >= FULL
    }

    /// The raw block. The builder is empty after it.
    fn take(&mut self) -> Vec<u8> {
        let mut raw = Vec::new();
        varint::put(self.rows as u64, &mut raw);
        varint::put((NAMES + R::COLUMNS) as u64, &mut raw);
        let all = || self.names.iter().chain(&self.columns);
        all().for_each(|column| varint::put(column.len() as u64, &mut raw));
        all().for_each(|column| raw.extend_from_slice(column));
        self.names.iter_mut().chain(&mut self.columns).for_each(Vec::clear);
        self.state = R::State::default();
        self.rows = 0;
        raw
    }
}

/// Makes a file of rows. It holds one block and the guide.
pub(crate) struct Writer<R: Row> {
    block: Builder<R>,
    first: Vec<u8>,
    guide: GuideBuilder,
    counts: Counts,
    encoder: Encoder,
    hash: Sha256,
    written: u64,
    out: Vec<u8>,
}

impl<R: Row> Writer<R> {
    pub(crate) fn new() -> Result<Self, WriteError> {
        let encoder = Encoder::new(Encoder::LEVEL)?;
        Ok(Self {
            block: Builder::new(),
            first: Vec::new(),
            guide: GuideBuilder::default(),
            counts: Counts::default(),
            encoder,
            hash: Sha256::new(),
            written: 0,
            out: head::<R>().to_vec(),
        })
    }

    pub(crate) fn push(&mut self, row: &R) -> Result<Option<Vec<u8>>, WriteError> {
        let path = row.path();
        path::validate_relative(path)
            .map_err(|source| WriteError::BadPath { path: path.into(), source })?;
        if self.counts.entries > 0 && path::compare(&self.block.last, path) != Ordering::Less {
            let after = self.block.last.as_slice().into();
            return Err(WriteError::OutOfOrder { path: path.into(), after });
        }
        if self.block.rows == 0 {
            self.first.clear();
            self.first.extend_from_slice(path);
        }
        self.block.push(row);
        self.counts.entries += 1;
        row.count(&mut self.counts);
        if !self.block.is_full() {
            return Ok(None);
        }
        self.close_block()?;
        Ok(Some(self.hand_out()))
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        if self.block.rows > 0 {
            self.close_block()?;
        }
        self.out.extend_from_slice(&[0; LENGTHS]);
        let guide_at = self.written + self.out.len() as u64;
        let blocks = self.guide.blocks();
        let raw = self.guide.take();
        if raw.len() > GUIDE_MOST {
            return Err(WriteError::TooMany { blocks });
        }
        self.append(&raw)?;
        let fields = Trailer { guide_at, blocks, counts: self.counts }.encode::<R>();
        self.out.extend_from_slice(&fields);
        self.hash.update(&self.out);
        let sum = self.hash.clone().finalize();
        self.out.extend_from_slice(&sum);
        Ok(self.out)
    }

    fn close_block(&mut self) -> Result<(), WriteError> {
        let rows = self.block.rows;
        let raw = self.block.take();
        let stored = self.append(&raw)?;
        self.guide.push(&self.first, stored, rows);
        Ok(())
    }

    /// Appends one zstd frame behind its two lengths, and says how long all that is.
    fn append(&mut self, raw: &[u8]) -> Result<u64, WriteError> {
        let mut stored = Vec::new();
        self.encoder.encode(raw, &mut stored)?;
        for len in [stored.len(), raw.len()] {
            let len = u32::try_from(len).unwrap_or(u32::MAX); // both have bounds far below
            self.out.extend_from_slice(&len.to_le_bytes());
        }
        self.out.extend_from_slice(&stored);
        Ok((LENGTHS + stored.len()) as u64)
    }

    fn hand_out(&mut self) -> Vec<u8> {
        self.hash.update(&self.out);
        self.written += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }
}

pub(crate) fn head<R: Row>() -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&R::MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head
}

/// Makes sure that these bytes open a file of such rows.
pub(crate) fn check_head<R: Row>(head: &[u8]) -> Result<(), IndexError> {
    let Some((magic, rest)) = head.split_first_chunk::<8>() else {
        return Err(IndexError::Foreign { what: R::WHAT });
    };
    if *magic != R::MAGIC || rest.len() < 4 || u32_at(rest, 0) == 0 {
        return Err(IndexError::Foreign { what: R::WHAT });
    }
    let version = u32_at(rest, 0);
    if version > VERSION {
        return Err(IndexError::TooNew { what: R::WHAT, version });
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

/// What the end of the file says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) guide_at: u64,
    pub(crate) blocks: u64,
    pub(crate) counts: Counts,
}

impl Trailer {
    fn encode<R: Row>(&self) -> Vec<u8> {
        let Counts { entries, directories, gone, bytes } = self.counts;
        let mut out = head::<R>().to_vec();
        for number in [self.guide_at, self.blocks, entries, directories, gone, bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode<R: Row>(bytes: &[u8; TRAILER], offset: u64) -> Result<Self, IndexError> {
        check_head::<R>(bytes)?;
        if crc32c::crc32c(&bytes[..64]) != u32_at(bytes, 64) {
            return Err(damaged::<R>(offset, "the checksum of its trailer is wrong"));
        }
        let [guide_at, blocks, entries, directories, gone, bytes] =
            [16, 24, 32, 40, 48, 56].map(|at| u64_at(bytes, at));
        Ok(Self { guide_at, blocks, counts: Counts { entries, directories, gone, bytes } })
    }
}

/// The lengths before a block or the guide. Both zero: no more blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) stored: u32,
    pub(crate) raw: u32,
}

impl Lengths {
    /// No block has more stored bytes: what zstd adds to data that it cannot compress is far below this.
    pub(crate) const MOST_STORED: usize = RAW_MOST + (RAW_MOST >> 6);

    pub(crate) fn decode(bytes: [u8; LENGTHS]) -> Self {
        Self { stored: u32_at(&bytes, 0), raw: u32_at(&bytes, 4) }
    }

    pub(crate) fn is_end(self) -> bool {
        self == Self { stored: 0, raw: 0 }
    }

    /// Refuses what no writer makes, before anything is read or allocated.
    pub(crate) fn check<R: Row>(self, offset: u64, guide: bool) -> Result<Self, IndexError> {
        let most = if guide { GUIDE_MOST } else { RAW_MOST };
        // What zstd adds to data that it cannot compress is far below this.
        if self.raw as usize > most || self.stored as usize > most + (most >> 6) {
            return Err(damaged::<R>(offset, "a block is longer than any that is written"));
        }
        Ok(self)
    }
}

/// One block, opened.
pub(crate) struct Block<R: Row> {
    raw: Vec<u8>,
    rows: usize,
    columns: Vec<Range<usize>>,
    offset: u64,
    kind: std::marker::PhantomData<R>,
}

impl<R: Row> Block<R> {
    /// Opens the zstd frame of a block that begins at `offset`.
    pub(crate) fn open(
        decoder: &mut Decoder,
        stored: &[u8],
        raw_len: u32,
        offset: u64,
    ) -> Result<Self, IndexError> {
        Self::open_into(Vec::new(), decoder, stored, raw_len, offset)
    }

    /// The same into memory that was used before.
    pub(super) fn open_into(
        mut raw: Vec<u8>,
        decoder: &mut Decoder,
        stored: &[u8],
        raw_len: u32,
        offset: u64,
    ) -> Result<Self, IndexError> {
        decoder.decode(stored, raw_len, &mut raw).map_err(|source| IndexError::Block {
            what: R::WHAT,
            offset,
            source,
        })?;
        let (rows, columns) = lay_out::<R>(&raw)
            .ok_or_else(|| damaged::<R>(offset, "a block's columns do not fit"))?;
        Ok(Self { raw, rows, columns, offset, kind: std::marker::PhantomData })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The memory, to be used again.
    pub(super) fn into_raw(self) -> Vec<u8> {
        self.raw
    }

    pub(crate) fn names(&self) -> Names<'_, R> {
        let [shared, lengths, bytes] = [0, 1, 2].map(|i| &self.raw[self.columns[i].clone()]);
        let left = self.rows;
        Names { shared, lengths, bytes, path: Vec::new(), left, first: true, block: self }
    }

    pub(crate) fn cells(&self) -> Cells<'_, R> {
        let columns = self.columns[NAMES..].iter().map(|range| &self.raw[range.clone()]).collect();
        Cells { columns, state: R::State::default(), done: 0, block: self }
    }

    /// All rows, from the first whose path is not before `from`. What comes out is tidy and in order, whatever
    /// the bytes were.
    pub(crate) fn decode_from(&self, from: Option<&[u8]>) -> Result<Vec<R>, IndexError> {
        let mut rows = Vec::with_capacity(self.rows);
        let mut names = self.names();
        let mut cells = self.cells();
        let mut at = 0;
        while let Some(name) = names.step()? {
            names.take_on(name)?;
            if from.is_none_or(|from| path::compare(names.path(), from) != Ordering::Less) {
                rows.push(cells.row(at, names.path().to_vec())?);
            }
            at += 1;
        }
        cells.end(self.rows)?;
        Ok(rows)
    }

    /// The row of this path. Paths that are passed over on the way are not even put together: once it is known
    /// how much of the wanted path one of them has, the bytes that the next shares with it tell where that
    /// stands.
    pub(crate) fn find(&self, wanted: &[u8]) -> Result<Option<R>, IndexError> {
        let mut names = self.names();
        let mut matched = 0;
        for at in 0.. {
            let Some(Name { same, new }) = names.step()? else { break };
            if same > matched {
                continue;
            }
            let rest = &wanted[matched..];
            if same < matched || path::compare(new, rest) == Ordering::Greater {
                break;
            }
            if new == rest {
                return self.cells().row(at, wanted.to_vec()).map(Some);
            }
            matched += shared(new, rest);
        }
        Ok(None)
    }

    fn damaged(&self, why: &'static str) -> IndexError {
        damaged::<R>(self.offset, why)
    }
}

fn lay_out<R: Row>(raw: &[u8]) -> Option<(usize, Vec<Range<usize>>)> {
    let mut rest = raw;
    let rows = take_usize(&mut rest)?;
    let count = take_usize(&mut rest)?;
    if !(1..=ROWS_MOST).contains(&rows) || !(NAMES + R::COLUMNS..=COLUMNS_MOST).contains(&count) {
        return None;
    }
    let lens: Vec<usize> = (0..count).map(|_| take_usize(&mut rest)).collect::<Option<_>>()?;
    let mut start = raw.len() - rest.len();
    let mut columns = Vec::with_capacity(count);
    for len in lens {
        let end = start.checked_add(len).filter(|end| *end <= raw.len())?;
        columns.push(start..end);
        start = end;
    }
    columns.truncate(NAMES + R::COLUMNS);
    (start == raw.len()).then_some((rows, columns))
}

/// A path as it stands in a block.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    /// How many bytes it shares with the path before it.
    pub(crate) same: usize,
    /// What comes behind those.
    pub(crate) new: &'a [u8],
}

/// The paths of a block, one after the other.
pub(crate) struct Names<'a, R: Row> {
    shared: &'a [u8],
    lengths: &'a [u8],
    bytes: &'a [u8],
    path: Vec<u8>,
    left: usize,
    first: bool,
    block: &'a Block<R>,
}

impl<'a, R: Row> Names<'a, R> {
    /// The path that was taken on last.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The next name; none is left after the last.
    pub(crate) fn step(&mut self) -> Result<Option<Name<'a>>, IndexError> {
        if self.left == 0 {
            let spent = self.shared.is_empty() && self.lengths.is_empty() && self.bytes.is_empty();
            return if spent { Ok(None) } else { Err(self.block.damaged("names are left over")) };
        }
        self.left -= 1;
        let name = self.take().ok_or_else(|| self.block.damaged("its names do not fit"))?;
        Ok(Some(name))
    }

    /// Passes over names that share at least so much with the one before them, and says how many it has passed.
    /// It may stop before the last of them: only where every number has one byte is this faster than to step.
    pub(super) fn pass_over(&mut self, same: usize) -> usize {
        if self.shared.len() != self.left || self.lengths.len() != self.left {
            return 0;
        }
        let Ok(least @ ..0x80) = u8::try_from(same) else { return 0 };
        let count = self.shared.iter().take_while(|shared| (least..0x80).contains(*shared)).count();
        let (lengths, rest) = self.lengths.split_at(count);
        let bytes = lengths.iter().map(|length| usize::from(*length)).sum();
        // What does not fit is told by the next step.
        let Some(behind) = self.bytes.get(bytes..) else { return 0 };
        (self.shared, self.lengths, self.bytes) = (&self.shared[count..], rest, behind);
        self.left -= count;
        count
    }

    fn take(&mut self) -> Option<Name<'a>> {
        let same = take_usize(&mut self.shared)?;
        let len = take_usize(&mut self.lengths)?;
        let new = self.bytes.split_off(..len)?;
        (same.checked_add(len)? <= path::LONGEST).then_some(Name { same, new })
    }

    /// Makes the path of this name out of the one that was taken on before it. Names between the two may be
    /// left out if this one shares nothing with them that they did not share with that one.
    pub(crate) fn take_on(&mut self, Name { same, new }: Name<'a>) -> Result<(), IndexError> {
        // The paths are in order exactly if they are where they first differ.
        let order = match (self.path.get(same), new.first()) {
            _ if same > self.path.len() => false,
            (_, None) => self.first,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => path::compare(&[*old], &[*new]) == Ordering::Less,
        };
        if !order {
            return Err(self.block.damaged("its names are not in order"));
        }
        self.first = false;
        self.path.truncate(same);
        self.path.extend_from_slice(new);
        if self.is_tidy(same) { Ok(()) } else { Err(self.block.damaged("a name is no path")) }
    }

    /// Whether the path is one inside a tree. What it shares with the one before was looked at before; what
    /// is new is tidy if the component that it goes on with is.
    fn is_tidy(&self, same: usize) -> bool {
        let slash = self.path[..same].iter().rposition(|byte| *byte == b'/');
        let component = &self.path[slash.map_or(0, |at| at + 1)..];
        path::validate_relative(component).is_ok() && (slash.is_none() || !component.is_empty())
    }
}

/// The columns of a block besides those of the paths. They can only be read from the front.
pub(crate) struct Cells<'a, R: Row> {
    columns: Vec<&'a [u8]>,
    state: R::State,
    done: usize,
    block: &'a Block<R>,
}

impl<R: Row> Cells<'_, R> {
    /// Row `at`, which has this path. Rows before it are skipped, rows behind it can still be had.
    pub(crate) fn row(&mut self, at: usize, path: Vec<u8>) -> Result<R, IndexError> {
        self.skip_to(at)?;
        self.done += 1;
        let row = R::take(path, &mut self.state, &mut self.columns);
        row.ok_or_else(|| self.block.damaged("a column has an impossible value"))
    }

    fn skip_to(&mut self, at: usize) -> Result<(), IndexError> {
        let count = at.saturating_sub(self.done);
        self.done += count;
        let skipped = R::skip(count, &mut self.state, &mut self.columns);
        skipped.ok_or_else(|| self.block.damaged("a column has an impossible value"))
    }

    /// Makes sure that nothing is left behind the last row.
    fn end(&mut self, rows: usize) -> Result<(), IndexError> {
        self.skip_to(rows)?;
        if self.columns.iter().all(|column| column.is_empty()) {
            return Ok(());
        }
        Err(self.block.damaged("columns are left over"))
    }
}
