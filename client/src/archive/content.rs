//! The bytes of a file, in the order in which they stand in the archive.
//!
//! A file that is a tenth hole or more is stored as GNU tar's sparse format 1.0: a map of its extents, then
//! the extents. The file system knows the holes; nothing of them is read.
//!
//! A member has exactly the bytes that its header promises. Where a file gives fewer, because it was cut short
//! or because the disk cannot read it, zeros stand in for them, and what happened is told.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use format::entry::Extent;
use format::tar;
use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, pread};

use crate::stat::Stat;

/// Extents that are told apart; with more, the shortest holes are stored as zeros.
const EXTENTS_MOST: usize = 1 << 19;

/// Files below this are not asked for holes.
const SPARSE_SMALLEST: u64 = 16 << 10;

/// Where the data of a sparse file lie.
#[derive(Debug, Clone)]
pub(super) struct Map {
    /// As it stands before the data.
    pub(super) text: Vec<u8>,
    pub(super) extents: Vec<Extent>,
    /// Where in the archived bytes each extent begins.
    starts: Vec<u64>,
    length: u64,
}

impl Map {
    /// The map of an open file that the file system says is sparse enough for one.
    pub(super) fn of(file: impl AsFd, stat: &Stat) -> Option<Self> {
        if stat.size < SPARSE_SMALLEST || stat.allocated > stat.size - stat.size / 16 {
            return None;
        }
        let extents = tar::grid(&extents(file, stat.size).ok()?, stat.size);
        let data: u64 = extents.iter().map(|extent| extent.len).sum();
        if stat.size - data < stat.size.div_ceil(10) {
            return None;
        }
        let text = tar::sparse_map(&extents, stat.size);
        let mut length = text.len() as u64;
        let mut starts = Vec::with_capacity(extents.len());
        for extent in &extents {
            starts.push(length);
            length += extent.len;
        }
        Some(Self { text, extents, starts, length })
    }
}

/// How many bytes of data a member has.
pub(super) fn data_len(stat: &Stat, map: Option<&Map>) -> u64 {
    map.map_or(stat.size, |map| map.length)
}

/// The stretches of the file that are no holes.
fn extents(file: impl AsFd, size: u64) -> rustix::io::Result<Vec<Extent>> {
    let (mut found, mut at, mut shortest_hole) = (Vec::new(), 0, 1);
    while at < size {
        let from = match seek(&file, SeekFrom::Data(at)) {
            Ok(from) => from,
            Err(Errno::NXIO) => break,
            Err(why) => return Err(why),
        };
        let end = seek(&file, SeekFrom::Hole(from))?.min(size);
        if from >= size || end <= from {
            break; // the file changes under our eyes
        }
        found.push(Extent { offset: from, len: end - from });
        if found.len() == EXTENTS_MOST {
            shortest_hole = (shortest_hole * 2).max(64 << 10);
            fill_holes(&mut found, shortest_hole);
        }
        at = end;
    }
    Ok(found)
}

/// Joins extents with less than `shortest` bytes between them.
fn fill_holes(extents: &mut Vec<Extent>, shortest: u64) {
    extents.dedup_by(|later, earlier| {
        let close = later.offset - (earlier.offset + earlier.len) < shortest;
        if close {
            earlier.len = later.offset + later.len - earlier.offset;
        }
        close
    });
}

/// What reading a stretch met.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// The file ended early: so many bytes are missing.
    pub(super) missing: u64,
    /// The disk could not read some of it.
    pub(super) error: Option<io::Error>,
}

/// Fills `buffer` with the archived bytes from `at` on.
pub(super) fn fill(file: impl AsFd, map: Option<&Map>, at: u64, buffer: &mut [u8]) -> Met {
    let mut met = Met::default();
    let Some(map) = map else {
        fill_from(&file, at, buffer, &mut met);
        return met;
    };
    let mut done = 0;
    let mut at = at;
    if let Some(text) = usize::try_from(at).ok().and_then(|from| map.text.get(from..)) {
        done = text.len().min(buffer.len());
        buffer[..done].copy_from_slice(&text[..done]);
        at += done as u64;
    }
    let mut number = map.starts.partition_point(|&start| start <= at).saturating_sub(1);
    while done < buffer.len() && number < map.extents.len() {
        let (extent, inside) = (map.extents[number], at - map.starts[number]);
        let left = usize::try_from(extent.len - inside).unwrap_or(usize::MAX);
        let take = left.min(buffer.len() - done);
        fill_from(&file, extent.offset + inside, &mut buffer[done..done + take], &mut met);
        done += take;
        at += take as u64;
        number += 1;
    }
    buffer[done..].fill(0);
    met
}

fn fill_from(file: impl AsFd, at: u64, buffer: &mut [u8], met: &mut Met) {
    let mut done = 0;
    while done < buffer.len() {
        match pread(&file, &mut buffer[done..], at + done as u64) {
            Ok(0) => {
                met.missing += (buffer.len() - done) as u64;
                break;
            }
            Ok(length) => done += length,
            Err(Errno::INTR) => {}
            Err(why) => {
                met.error = Some(why.into());
                break;
            }
        }
    }
    buffer[done..].fill(0);
}

/// A file that is cut into blocks. All workers read from it.
#[derive(Debug)]
pub(super) struct Large {
    pub(super) file: OwnedFd,
    pub(super) stat: Stat,
    pub(super) map: Option<Map>,
}

impl Large {
    pub(super) fn data_len(&self) -> u64 {
        data_len(&self.stat, self.map.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    /// A file with these stretches of data in it, or nothing if the file system knows no holes.
    fn sparse(size: u64, data: &[(u64, usize)]) -> Option<(std::fs::File, Stat)> {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        for &(at, length) in data {
            let bytes: Vec<u8> = (1..=250).cycle().take(length).collect();
            file.write_all_at(&bytes, at).unwrap();
        }
        file.sync_all().unwrap();
        let stat = Stat::of(&file).unwrap();
        (stat.allocated < size).then_some((file, stat))
    }

    #[test]
    fn any_stretch_of_a_sparse_file_reads_as_the_whole_does() {
        let Some((file, stat)) = sparse(1 << 20, &[(0, 4096), (200_000, 9000), (1_040_000, 500)])
        else {
            return;
        };
        let map = Map::of(&file, &stat).unwrap();
        let length = usize::try_from(data_len(&stat, Some(&map))).unwrap();
        assert!(length < 64 << 10);
        let mut whole = vec![9; length];
        assert!(fill(&file, Some(&map), 0, &mut whole).error.is_none());
        assert!(whole.starts_with(&map.text));
        for (from, to) in [(0, 1), (511, 513), (5, length), (length - 1, length), (4000, 20_000)] {
            let mut piece = vec![9; to - from];
            let met = fill(&file, Some(&map), from as u64, &mut piece);
            assert_eq!(met.missing, 0);
            assert_eq!(piece, whole[from..to], "{from}..{to}");
        }
    }

    #[test]
    fn a_file_that_is_only_hole_is_a_map_and_nothing() {
        let Some((file, stat)) = sparse(1 << 30, &[]) else { return };
        let map = Map::of(&file, &stat).unwrap();
        assert_eq!(map.extents, []);
        assert_eq!(data_len(&stat, Some(&map)), 512);
    }

    #[test]
    fn a_file_that_is_hardly_sparse_is_stored_whole() {
        let Some((file, stat)) = sparse(1 << 20, &[(0, (1 << 20) - 80_000)]) else { return };
        assert!(Map::of(&file, &stat).is_none());
    }

    #[test]
    fn what_a_file_does_not_give_is_zeros_and_told() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"short", 0).unwrap();
        let mut buffer = [7; 10];
        let met = fill(&file, None, 2, &mut buffer);
        assert_eq!(met.missing, 7);
        assert_eq!(&buffer, b"ort\0\0\0\0\0\0\0");
    }

    #[test]
    fn the_shortest_holes_are_filled_first() {
        let extent = |offset, len| Extent { offset, len };
        let mut extents = vec![extent(0, 10), extent(15, 5), extent(100, 1), extent(102, 1)];
        fill_holes(&mut extents, 10);
        assert_eq!(extents, [extent(0, 20), extent(100, 3)]);
    }
}
