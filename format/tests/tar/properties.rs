//! Random entries, random pieces, random damage.

use format::entry::{Entry, Extent, Kind};
use format::tar::{BLOCK, END, Problem, grid, sparse_map};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use types::FileTime;

use super::{Read, file, mend, put, read};

fn names() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![b'a'..=b'z', Just(b'='), Just(b'\n'), Just(b'%'), 1..=255u8];
    let component = vec(byte, 1..60).prop_map(|mut name| {
        name.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
        if name == b"." || name == b".." { b"dots".to_vec() } else { name }
    });
    vec(component, 1..6).prop_map(|components| components.join(&b'/'))
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Directory),
        Just(Kind::File),
        Just(Kind::File),
        names().prop_map(|target| Kind::HardLink { target }),
        names().prop_map(|target| Kind::Symlink { target: [b"../", &target[..]].concat() }),
        Just(Kind::Fifo),
        any::<(u32, u32)>().prop_map(|(major, minor)| Kind::CharDevice { major, minor }),
        any::<(u32, u32)>().prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
    ]
}

fn times() -> impl Strategy<Value = FileTime> {
    (any::<i64>(), 0..1_000_000_000u32).prop_map(|(seconds, nanos)| FileTime { seconds, nanos })
}

fn entries() -> impl Strategy<Value = (Entry, Vec<u8>)> {
    let owners = || vec(1..=255u8, 0..50);
    let xattrs = vec((names(), vec(any::<u8>(), 0..200)), 0..4);
    let acl = || proptest::option::of(Just(b"user::rwx,user:5:r--,mask::r--,other::---".to_vec()));
    let dumpdir = proptest::option::of(vec(any::<u8>(), 1..100));
    let who = (names(), kinds(), 0..0o10000u32, any::<u32>(), any::<u32>(), owners(), owners());
    let when = (times(), proptest::option::of(times()), proptest::option::of(times()));
    let data = vec(any::<u8>(), 0..3000);
    (who, when, xattrs, acl(), acl(), dumpdir, data).prop_map(
        |(who, when, xattrs, access, default, dumpdir, data)| {
            let mut entry = Entry::new(who.0, who.1);
            let data = if entry.kind == Kind::File { data } else { Vec::new() };
            (entry.mode, entry.uid, entry.gid, entry.user, entry.group) =
                (who.2, who.3, who.4, who.5, who.6);
            (entry.mtime, entry.atime, entry.ctime) = when;
            entry.size = data.len() as u64;
            entry.xattrs = xattrs;
            (entry.acl_access, entry.acl_default) = (access, default);
            entry.dumpdir = dumpdir;
            (entry, data)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_entry_reads_back_whatever_pieces_it_comes_in(
        list in vec(entries(), 0..4),
        pieces in vec(1usize..3000, 1..5),
    ) {
        let mut tar = Vec::new();
        list.iter().for_each(|(entry, data)| put(entry, data, &mut tar));
        tar.extend_from_slice(&END);
        let with_data = |(entry, data): (Entry, Vec<u8>)| {
            Read::Entry(entry, if data.is_empty() { vec![] } else { vec![(0, data)] })
        };
        let mut expected: Vec<Read> = list.into_iter().map(with_data).collect();
        expected.push(Read::End);
        prop_assert_eq!(read(&tar, &pieces).unwrap(), expected);
    }

    #[test]
    fn sparse_files_read_back(
        pieces in vec(1usize..3000, 1..5),
        stretches in vec((0u64..4000, 1u64..4000), 0..60),
        hole_at_end in 0u64..3,
    ) {
        let mut at = 0;
        let mut extents = Vec::new();
        for (hole, len) in stretches {
            extents.push(Extent { offset: at + hole, len });
            at += hole + len;
        }
        let size = at + 700 * hole_at_end;
        let extents = grid(&extents, size);
        let mut data = sparse_map(&extents, size);
        let mut expected = Vec::new();
        for (number, extent) in extents.iter().enumerate() {
            let fill = u8::try_from(number % 250).unwrap() + 1;
            let bytes = vec![fill; usize::try_from(extent.len).unwrap()];
            data.extend_from_slice(&bytes);
            expected.push((extent.offset, bytes));
        }
        let mut entry = file("dir/sparse", size);
        entry.sparse = Some(extents);
        let mut tar = Vec::new();
        put(&entry, &data, &mut tar);
        prop_assert_eq!(read(&tar, &pieces).unwrap(), [Read::Entry(entry, expected)]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..4000)) {
        drop(read(&bytes, &[100, 512]));
    }

    #[test]
    fn damaged_archives_never_panic(
        (entry, data) in entries(),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        mended in any::<bool>(),
    ) {
        let mut tar = Vec::new();
        put(&entry, &data, &mut tar);
        put(&file("next", 4), b"data", &mut tar);
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if mended {
            // Every header gets a right checksum, so that the damage gets past it.
            tar.chunks_exact_mut(BLOCK).filter(|b| &b[257..262] == b"ustar").for_each(mend);
        }
        drop(read(&tar, &[700]));
    }

    #[test]
    fn a_prefix_says_that_it_is_cut_off((entry, data) in entries(), cut in any::<Index>()) {
        let mut tar = Vec::new();
        put(&entry, &data, &mut tar);
        let cut = cut.index(tar.len() - 1) + 1;
        let seen = read(&tar[..cut], &[512]);
        prop_assert!(matches!(seen, Err((_, Problem::CutOff))), "{:?}", seen);
    }
}
