//! The guide of a file of rows: where each block is, and which path it begins with.
//!
//! One row a block: bytes shared with the path before it (every sixteenth: none), new bytes by number, the new bytes,
//! the stored length of the block with its eight bytes of lengths, its rows: varints. It stays packed in memory, and
//! is read from the nearest path that stands in full.

use std::cmp::Ordering;
use std::ops::Range;

use super::blocks::{HEAD, LENGTHS, ROWS_MOST, Row, Trailer, damaged, shared, take_usize};
use super::error::IndexError;
use crate::path;
use crate::varint;

/// Every so many rows of the guide the path stands in full.
const RESTART: usize = 16;

/// Within so many blocks, steps are faster than a search.
const NEAR: usize = 2 * RESTART;

/// The guide while it grows.
#[derive(Default)]
pub(crate) struct GuideBuilder {
    raw: Vec<u8>,
    blocks: u64,
    last: Vec<u8>,
}

impl GuideBuilder {
    pub(crate) fn push(&mut self, first: &[u8], stored: u64, rows: usize) {
        let restart = self.blocks.is_multiple_of(RESTART as u64);
        let same = if restart { 0 } else { shared(&self.last, first) };
        varint::put(same as u64, &mut self.raw);
        varint::put((first.len() - same) as u64, &mut self.raw);
        self.raw.extend_from_slice(&first[same..]);
        varint::put(stored, &mut self.raw);
        varint::put(rows as u64, &mut self.raw);
        self.last.truncate(same);
        self.last.extend_from_slice(&first[same..]);
        self.blocks += 1;
    }

    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// All rows; it is used up.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.raw)
    }
}

/// Where each block is, and which path it begins with.
pub(crate) struct Guide {
    raw: Vec<u8>,
    /// Where in `raw` each path that stands in full begins.
    restarts: Vec<usize>,
    /// Where each block begins, and where the last one ends.
    offsets: Vec<u64>,
}

impl Guide {
    /// Reads a guide; `end` is where the blocks must end, and `trailer` what must be in them.
    pub(crate) fn decode<R: Row>(
        raw: Vec<u8>,
        trailer: &Trailer,
        end: u64,
    ) -> Result<Self, IndexError> {
        let bad = |why| damaged::<R>(trailer.guide_at, why);
        let mut guide = Self { raw: Vec::new(), restarts: Vec::new(), offsets: vec![HEAD as u64] };
        let mut rest = &raw[..];
        let mut paths = [Vec::new(), Vec::new()];
        let mut rows = 0;
        while !rest.is_empty() {
            let blocks = guide.offsets.len() - 1;
            if blocks.is_multiple_of(RESTART) {
                guide.restarts.push(raw.len() - rest.len());
            }
            let [before, now] = &mut paths;
            now.clone_from(before);
            let (stored, count) = take_guide_row(&mut rest, now, blocks.is_multiple_of(RESTART))
                .ok_or_else(|| bad("its guide cannot be read"))?;
            if blocks > 0 && path::compare(before, now) != Ordering::Less {
                return Err(bad("its guide is not in order"));
            }
            rows += count as u64;
            let start = guide.offsets[blocks];
            guide.offsets.push(start.saturating_add(stored));
            paths.swap(0, 1);
        }
        let found = (guide.blocks() as u64, rows, guide.offsets.last().copied());
        if found != (trailer.blocks, trailer.counts.entries, Some(end)) {
            return Err(bad("its guide does not fit the file"));
        }
        guide.raw = raw;
        Ok(guide)
    }

    pub(crate) fn blocks(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where a block lies.
    pub(crate) fn place(&self, block: usize) -> Range<u64> {
        self.offsets[block]..self.offsets[block + 1]
    }

    /// The blocks in which direct children of `dir` can stand, in order. Those in which everything lies below one
    /// child are left out, so that a directory of large ones is listed as fast as one of small ones.
    pub(super) fn blocks_with_children(&self, dir: &[u8]) -> Vec<usize> {
        let Some(first) = self.block_before(dir).or(Some(0)).filter(|_| self.blocks() > 0) else {
            return Vec::new();
        };
        let mut blocks = vec![first];
        let mut rows = self.rows_from(first + 1);
        while let Some(path) = rows.path() {
            if is_past(path, dir) {
                break;
            }
            let child = child_on_the_way(path, dir);
            if child.len() < path.len() {
                // The block begins deep below a child. Children come again in the last block that does.
                let child = child.to_vec();
                rows.go_to_last(|first| !is_past(first, &child));
            }
            blocks.push(rows.at);
            rows.step();
        }
        blocks
    }

    /// The block in which `path` stands, if it stands anywhere.
    pub(super) fn block_before(&self, path: &[u8]) -> Option<usize> {
        self.count_while(|first| path::compare(first, path) != Ordering::Greater).checked_sub(1)
    }

    /// The rows of the guide from this block on.
    fn rows_from(&self, block: usize) -> Rows<'_> {
        let mut rows = Rows { guide: self, at: 0, rest: &[], path: Vec::new() };
        rows.go_to(block);
        rows
    }

    /// How many blocks, from the front, begin with a path of which `holds` is true. It must be true of all
    /// paths up to one and of none behind it.
    pub(crate) fn count_while(&self, mut holds: impl FnMut(&[u8]) -> bool) -> usize {
        let mut path = Vec::new();
        let groups = self.restarts.partition_point(|at| {
            path.clear();
            take_guide_row(&mut &self.raw[*at..], &mut path, true).is_some_and(|_| holds(&path))
        });
        let Some(group) = groups.checked_sub(1) else { return 0 };
        let first = group * RESTART;
        let mut rest = &self.raw[self.restarts[group]..];
        let mut count = 0;
        while count < RESTART && first + count < self.blocks() {
            let read = take_guide_row(&mut rest, &mut path, count == 0);
            if read.is_none() || !holds(&path) {
                break;
            }
            count += 1;
        }
        first + count
    }
}

/// The guide read block by block.
struct Rows<'a> {
    guide: &'a Guide,
    /// Which block.
    at: usize,
    /// What comes behind its row.
    rest: &'a [u8],
    /// With which path it begins.
    path: Vec<u8>,
}

impl Rows<'_> {
    /// With which path the block begins; nothing behind the last.
    fn path(&self) -> Option<&[u8]> {
        (self.at < self.guide.blocks()).then_some(&self.path)
    }

    fn step(&mut self) {
        self.at += 1;
        if self.at < self.guide.blocks() {
            // The guide was read once from end to end: it can be read again.
            let _ = take_guide_row(&mut self.rest, &mut self.path, self.at.is_multiple_of(RESTART));
        }
    }

    fn go_to(&mut self, block: usize) {
        let Some(&from) = self.guide.restarts.get(block / RESTART) else {
            self.at = self.guide.blocks();
            return;
        };
        self.at = block / RESTART * RESTART;
        self.rest = &self.guide.raw[from..];
        let _ = take_guide_row(&mut self.rest, &mut self.path, true);
        while self.at < block {
            self.step();
        }
    }

    /// Goes on to the last block that begins with a path of which `holds` is true, as it is of this one's: step by
    /// step where that is near.
    fn go_to_last(&mut self, holds: impl Fn(&[u8]) -> bool) {
        let near = self.at + NEAR;
        let mut last = (self.at, self.rest, self.path.clone());
        loop {
            self.step();
            match self.path() {
                Some(path) if holds(path) => {}
                _ => break,
            }
            if self.at > near {
                self.go_to(self.guide.count_while(&holds).saturating_sub(1).max(self.at));
                return;
            }
            last.0 = self.at;
            last.1 = self.rest;
            last.2.clone_from(&self.path);
        }
        (self.at, self.rest, self.path) = last;
    }
}

/// Whether `path` comes behind `dir` and everything in it.
pub(super) fn is_past(path: &[u8], dir: &[u8]) -> bool {
    path::compare(path, dir) == Ordering::Greater && !path::is_below(path, dir)
}

/// The child of `dir` that is `path` or that `path` lies below; `path` itself if it lies elsewhere.
fn child_on_the_way<'a>(path: &'a [u8], dir: &[u8]) -> &'a [u8] {
    if !path::is_below(path, dir) {
        return path;
    }
    let inside = if dir.is_empty() { 0 } else { dir.len() + 1 };
    let end = path[inside..].iter().position(|byte| *byte == b'/');
    end.map_or(path, |slash| &path[..inside + slash])
}

/// Turns the path before into the next one, and says how long its block is and how many rows it has.
fn take_guide_row(rest: &mut &[u8], path: &mut Vec<u8>, restart: bool) -> Option<(u64, usize)> {
    let same = take_usize(rest)?;
    let len = take_usize(rest)?;
    let new = rest.split_off(..len)?;
    if same > path.len() || (restart && same > 0) || same.checked_add(len)? > path::LONGEST {
        return None;
    }
    path.truncate(same);
    path.extend_from_slice(new);
    let stored = varint::take(rest)?;
    let rows = take_usize(rest).filter(|rows| (1..=ROWS_MOST).contains(rows))?;
    (stored > LENGTHS as u64).then_some((stored, rows))
}
