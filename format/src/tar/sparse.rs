//! Sparse files, as GNU tar 1.0: the data begin with a map of where they lie.
//!
//! The map is text, one number a line: how many extents, then offset and length of each; a file that ends with a
//! hole has a last extent of no length at its end. It is filled with zeros to a full block, then come the data
//! of the extents. GNU tar begins each extent on a block of its own, so all lengths but the last must be whole
//! blocks: [`grid`] makes them so.

use super::{BLOCK, padding};
use crate::entry::Extent;

/// Extents that a map may have, each of at most 42 bytes of text. A file with more is stored whole.
pub const EXTENTS_MOST: u64 = 1 << 20;

/// Why a sparse map cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A line is something else.
    #[error("a line of the sparse map is not a number")]
    NotANumber,
    /// More than a map may have.
    #[error("the sparse map has {0} extents, and {EXTENTS_MOST} are allowed")]
    TooMany(u64),
    /// An extent lies before the end of the last one, or goes on behind the file.
    #[error("extent {0} of the sparse map does not fit into the file")]
    OutOfPlace(usize),
    /// The data end before the map, or before the extents.
    #[error("the sparse map, or the data that it tells of, is cut off")]
    CutOff,
}

/// The stretches of whole blocks that cover `extents` of a file of `size` bytes. The last may end with the
/// file. Extents must be in ascending order; those that touch become one.
pub fn grid(extents: &[Extent], size: u64) -> Vec<Extent> {
    let block = BLOCK as u64;
    let mut covers: Vec<Extent> = Vec::with_capacity(extents.len());
    for extent in extents.iter().filter(|extent| extent.len > 0 && extent.offset < size) {
        let from = extent.offset / block * block;
        let end = extent.offset.saturating_add(extent.len).min(size);
        let end = end.checked_next_multiple_of(block).map_or(size, |whole| whole.min(size));
        match covers.last_mut() {
            Some(last) if from <= last.offset + last.len => {
                last.len = last.len.max(end - last.offset);
            }
            _ => covers.push(Extent { offset: from, len: end - from }),
        }
    }
    covers
}

/// The map that stands before the data of these extents, in whole blocks.
pub fn sparse_map(extents: &[Extent], size: u64) -> Vec<u8> {
    let end = extents.last().map_or(0, |last| last.offset + last.len);
    let hole_at_end = (end < size || extents.is_empty()).then_some(Extent { offset: size, len: 0 });
    let count = extents.len() + usize::from(hole_at_end.is_some());
    let mut map = format!("{count}\n");
    for extent in extents.iter().chain(&hole_at_end) {
        map.push_str(&format!("{}\n{}\n", extent.offset, extent.len));
    }
    let mut map = map.into_bytes();
    map.resize(map.len() + padding(map.len() as u64), 0);
    map
}

/// How many bytes the data of these extents take, each on a block of its own.
pub(super) fn stored_len(extents: &[Extent]) -> Option<u64> {
    let (last, others) = extents.split_last().unwrap_or((&Extent { offset: 0, len: 0 }, &[]));
    others.iter().try_fold(last.len, |sum, extent| {
        sum.checked_add(extent.len)?.checked_add(padding(extent.len) as u64)
    })
}

/// Makes sure that extents are in order and inside the file, and drops empty ones.
pub(super) fn check_extents(mut extents: Vec<Extent>, size: u64) -> Result<Vec<Extent>, MapError> {
    let mut free_from = 0;
    for (number, extent) in extents.iter().enumerate() {
        let end = extent.offset.checked_add(extent.len);
        let fits = end.filter(|&end| extent.offset >= free_from && end <= size);
        free_from = fits.ok_or(MapError::OutOfPlace(number))?;
    }
    extents.retain(|extent| extent.len > 0);
    Ok(extents)
}

/// A map that comes block by block.
#[derive(Debug, Default)]
pub(super) struct MapReader {
    text: Vec<u8>,
    lines: u64,
    /// Lines that there will be, once the first is read.
    expected: Option<u64>,
}

impl MapReader {
    /// Adds a block; true when it was the last.
    pub(super) fn push(&mut self, block: &[u8; BLOCK]) -> Result<bool, MapError> {
        self.text.extend_from_slice(block);
        self.lines += block.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        let expected = match self.expected {
            Some(expected) => expected,
            None => 1 + 2 * take_count(&mut &self.text[..])?,
        };
        self.expected = Some(expected);
        // No line has more than 20 digits, so that nobody can make this text long for nothing.
        let longest = (self.lines + 1) * 21 + BLOCK as u64;
        let done = self.lines >= expected;
        if !done && self.text.len() as u64 > longest {
            return Err(MapError::NotANumber);
        }
        Ok(done)
    }

    /// The extents of a file of `size` bytes, without empty ones.
    pub(super) fn finish(self, size: u64) -> Result<Vec<Extent>, MapError> {
        let mut rest = &self.text[..];
        let count = take_count(&mut rest)?;
        let mut extents = Vec::new();
        for _ in 0..count {
            extents.push(Extent { offset: take_line(&mut rest)?, len: take_line(&mut rest)? });
        }
        check_extents(extents, size)
    }
}

fn take_count(rest: &mut &[u8]) -> Result<u64, MapError> {
    let count = take_line(rest)?;
    if count > EXTENTS_MOST { Err(MapError::TooMany(count)) } else { Ok(count) }
}

fn take_line(rest: &mut &[u8]) -> Result<u64, MapError> {
    let end = rest.iter().take(21).position(|&byte| byte == b'\n').ok_or(MapError::NotANumber)?;
    let number = decimal(&rest[..end]).ok_or(MapError::NotANumber)?;
    *rest = &rest[end + 1..];
    Ok(number)
}

/// A number of decimal digits only.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(digit) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extents(pairs: &[(u64, u64)]) -> Vec<Extent> {
        pairs.iter().map(|&(offset, len)| Extent { offset, len }).collect()
    }

    #[test]
    fn maps_are_what_gnu_tar_writes() {
        let map = sparse_map(&extents(&[(299_008, 12288)]), 1 << 20);
        assert!(map.starts_with(b"2\n299008\n12288\n1048576\n0\n\0"));
        assert_eq!(map.len(), 512);
        assert!(sparse_map(&[], 1 << 20).starts_with(b"1\n1048576\n0\n\0"));
        assert!(sparse_map(&extents(&[(512, 100)]), 612).starts_with(b"1\n512\n100\n\0"));
    }

    #[test]
    fn the_grid_covers_everything_in_whole_blocks() {
        let covers = grid(&extents(&[(10, 20), (600, 1), (1030, 5), (5000, 90)]), 5050);
        assert_eq!(covers, extents(&[(0, 1536), (4608, 442)]));
        assert_eq!(grid(&extents(&[(0, 0), (9999, 5)]), 5050), []);
        assert_eq!(
            grid(&extents(&[(u64::MAX - 5, 9)]), u64::MAX),
            extents(&[(u64::MAX - 511, 511)])
        );
    }

    fn read(map: &[u8], size: u64) -> Result<Vec<Extent>, MapError> {
        let mut reader = MapReader::default();
        let (blocks, []) = map.as_chunks::<BLOCK>() else { return Err(MapError::CutOff) };
        for (number, block) in blocks.iter().enumerate() {
            if reader.push(block)? {
                assert_eq!(number + 1, blocks.len(), "the last block of the map is the last");
                return reader.finish(size);
            }
        }
        Err(MapError::CutOff)
    }

    #[test]
    fn maps_that_cannot_be_are_refused() {
        let cases: [(&[u8], MapError); 9] = [
            (b"x\n", MapError::NotANumber),
            (b"\n", MapError::NotANumber),
            (b"-1\n", MapError::NotANumber),
            (b"1\n5", MapError::CutOff),
            (b"111111111111111111111", MapError::NotANumber),
            (b"9999999999\n", MapError::TooMany(9_999_999_999)),
            (b"1\n0\n1001\n", MapError::OutOfPlace(0)),
            (b"2\n0\n100\n99\n1\n", MapError::OutOfPlace(1)),
            (b"1\n18446744073709551615\n1\n", MapError::OutOfPlace(0)),
        ];
        for (map, why) in cases {
            let mut block = map.to_vec();
            block.resize(BLOCK, 0);
            assert_eq!(read(&block, 1000), Err(why), "{}", map.escape_ascii());
        }
        let endless = [&b"1000000\n"[..], &[b'7'; 10_000]].concat();
        assert_eq!(read(&endless[..9728], 1000), Err(MapError::NotANumber));
    }

    proptest! {
        #[test]
        fn maps_read_back_and_their_prefixes_do_not(
            gaps in proptest::collection::vec((0u64..5000, 1u64..5000), 0..200),
            tail in 0u64..1000,
        ) {
            let mut at = 0;
            let mut list = Vec::new();
            for (hole, len) in gaps {
                list.push(Extent { offset: at + hole, len });
                at += hole + len;
            }
            let list = grid(&list, at);
            let map = sparse_map(&list, at + tail);
            prop_assert_eq!(read(&map[..map.len() - BLOCK], at + tail), Err(MapError::CutOff));
            prop_assert_eq!(read(&map, at + tail), Ok(list));
        }

        #[test]
        fn arbitrary_maps_never_panic(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), b'0'..=b'9', any::<u8>()], 512),
        ) {
            let mut reader = MapReader::default();
            if reader.push(&bytes.try_into().unwrap()) == Ok(true) {
                drop(reader.finish(1000));
            }
        }
    }
}
