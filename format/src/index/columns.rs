//! The columns of an index.
//!
//! Most cells are what the row before makes one expect, and are stored as the difference from that: an entry
//! follows the one before it in their frame, its headers take one block, its file was written near the time of
//! its neighbour's. What is always the same compresses to nothing. A tombstone has a kind and no other cell.
//!
//! | column | holds |
//! |---|---|
//! | 3 kind | one byte |
//! | 4 mode, 5 uid, 6 gid, 7 size | varints |
//! | 8 seconds of mtime | difference from the row before, signed varint |
//! | 9 nanoseconds of mtime | four bytes |
//! | 10 frame | difference from the row before, signed varint |
//! | 11 offset | difference from the end of the row before if that is in the same frame, signed varint |
//! | 12 raw length | difference from 512 and the size rounded up to 512, signed varint |
//! | 13 length of the link, 14 links | varint, bytes |
//!
//! Signed varints are zigzag; differences wrap around at 64 bits.

use types::FileTime;

use super::blocks::{Counts, Row, put_signed, take_signed, take_usize};
use super::record::{Record, RecordKind};
use crate::path;
use crate::varint;

/// The row before.
#[derive(Default)]
pub(crate) struct Before {
    seconds: i64,
    frame: u32,
    /// Behind its last byte, if it lies in one frame.
    end: u64,
}

impl Before {
    fn expected_offset(&self, frame: u32) -> u64 {
        if frame == self.frame { self.end } else { 0 }
    }

    fn advance(&mut self, record: &Record) {
        self.seconds = record.mtime.seconds;
        self.frame = record.frame;
        self.end = u64::from(record.offset).wrapping_add(record.raw_len);
    }
}

fn expected_raw_len(size: u64) -> u64 {
    size.wrapping_add(511) / 512 * 512 + 512
}

fn put_difference(value: u64, expected: u64, out: &mut Vec<u8>) {
    put_signed(value.wrapping_sub(expected).cast_signed(), out);
}

fn take_sum(expected: u64, column: &mut &[u8]) -> Option<u64> {
    Some(expected.wrapping_add(take_signed(column)?.cast_unsigned()))
}

pub(crate) fn put_nanos(nanos: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&nanos.to_le_bytes());
}

pub(crate) fn take_nanos(column: &mut &[u8]) -> Option<u32> {
    let (bytes, rest) = column.split_first_chunk()?;
    *column = rest;
    Some(u32::from_le_bytes(*bytes))
}

pub(crate) fn take_u32(column: &mut &[u8]) -> Option<u32> {
    u32::try_from(varint::take(column)?).ok()
}

pub(crate) fn take_kind(column: &mut &[u8]) -> Option<RecordKind> {
    RecordKind::from_byte(*column.split_off_first()?)
}

impl Row for Record {
    const WHAT: &'static str = "index";
    const MAGIC: [u8; 8] = *b"RKindex\n";
    const COLUMNS: usize = 12;
    /// A lookup opens one block, and a listing one for every large child.
    const ROWS: usize = 256;
    type State = Before;

    fn path(&self) -> &[u8] {
        &self.path
    }

    fn count(&self, counts: &mut Counts) {
        match self.kind {
            RecordKind::Directory => counts.directories += 1,
            RecordKind::Gone => counts.gone += 1,
            RecordKind::File => counts.bytes = counts.bytes.saturating_add(self.size),
            _ => {}
        }
    }

    fn put(&self, before: &mut Before, columns: &mut [Vec<u8>]) {
        let [kind, mode, uid, gid, size, seconds, nanos, frame, offset, raw_len, links, link] =
            columns
        else {
            return;
        };
        kind.push(self.kind as u8);
        if self.kind == RecordKind::Gone {
            return;
        }
        for (value, column) in [(self.mode, mode), (self.uid, uid), (self.gid, gid)] {
            varint::put(u64::from(value), column);
        }
        varint::put(self.size, size);
        put_signed(self.mtime.seconds.wrapping_sub(before.seconds), seconds);
        put_nanos(self.mtime.nanos, nanos);
        put_signed(i64::from(self.frame) - i64::from(before.frame), frame);
        put_difference(u64::from(self.offset), before.expected_offset(self.frame), offset);
        put_difference(self.raw_len, expected_raw_len(self.size), raw_len);
        varint::put(self.link.len() as u64, links);
        link.extend_from_slice(&self.link);
        before.advance(self);
    }

    fn take(path: Vec<u8>, before: &mut Before, columns: &mut [&[u8]]) -> Option<Self> {
        let [kind, mode, uid, gid, size, seconds, nanos, frame, offset, raw_len, links, link] =
            columns
        else {
            return None;
        };
        let kind = take_kind(kind)?;
        if kind == RecordKind::Gone {
            return Some(Self::tombstone(path));
        }
        let [mode, uid, gid] = [take_u32(mode)?, take_u32(uid)?, take_u32(gid)?];
        let size = varint::take(size)?;
        let seconds = before.seconds.wrapping_add(take_signed(seconds)?);
        let mtime = FileTime { seconds, nanos: take_nanos(nanos)? };
        let frame =
            u32::try_from(i64::from(before.frame).checked_add(take_signed(frame)?)?).ok()?;
        let offset = u32::try_from(take_sum(before.expected_offset(frame), offset)?).ok()?;
        let raw_len = take_sum(expected_raw_len(size), raw_len)?;
        let link = link.split_off(..take_usize(links)?)?.to_vec();
        path::validate_relative(&link).ok()?;
        let record = Self { path, kind, mode, uid, gid, size, mtime, frame, offset, raw_len, link };
        before.advance(&record);
        Some(record)
    }

    /// Only the columns whose next cell depends on those before it are read.
    fn skip(count: usize, before: &mut Before, columns: &mut [&[u8]]) -> Option<()> {
        let [kinds, mode, uid, gid, size, seconds, nanos, frame, offset, raw_len, links, link] =
            columns
        else {
            return None;
        };
        let gone = |kind: &&u8| **kind == RecordKind::Gone as u8;
        let count = count - kinds.split_off(..count)?.iter().filter(gone).count();
        [mode, uid, gid].into_iter().try_for_each(|column| varint::skip(count, column))?;
        nanos.split_off(..4 * count)?;
        for _ in 0..count {
            before.seconds = before.seconds.wrapping_add(take_signed(seconds)?);
            let size = varint::take(size)?;
            let frame =
                u32::try_from(i64::from(before.frame).checked_add(take_signed(frame)?)?).ok()?;
            let offset = take_sum(before.expected_offset(frame), offset)?;
            let raw_len = take_sum(expected_raw_len(size), raw_len)?;
            let len = take_usize(links)?;
            link.split_off(..len)?;
            before.frame = frame;
            before.end = offset.wrapping_add(raw_len);
        }
        Some(())
    }
}
