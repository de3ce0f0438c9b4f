//! Indexes of all sizes: what is in them is found, and what is damaged is noticed.

use std::io::Cursor;

use proptest::prelude::*;
use types::FileTime;

use super::*;
use crate::path;

/// An index of these records, which are put in order first.
pub(super) fn index_of(records: &[Record]) -> Vec<u8> {
    let mut records = records.to_vec();
    records.sort_by(|a, b| path::compare(&a.path, &b.path));
    records.dedup_by(|a, b| a.path == b.path);
    let mut writer = Writer::new().unwrap();
    let mut bytes = Vec::new();
    for record in &records {
        bytes.extend(writer.push(record).unwrap().unwrap_or_default());
    }
    bytes.extend(writer.finish().unwrap());
    bytes
}

fn file(path: &str) -> Record {
    Record { size: 1, ..Record::new(path, RecordKind::File) }
}

fn directory(path: &str) -> Record {
    Record::new(path, RecordKind::Directory)
}

/// Three levels of directories with this many names each, and files at the bottom.
fn tree(width: u32) -> Vec<Record> {
    let mut records = vec![directory("")];
    let mut at = 0;
    for a in 0..width {
        records.push(directory(&format!("dir{a}")));
        for b in 0..width {
            records.push(directory(&format!("dir{a}/sub {b}")));
            for c in 0..width {
                at += 1;
                records.push(Record {
                    size: u64::from(at) * 7,
                    offset: at * 1024,
                    frame: at / 100,
                    ..file(&format!("dir{a}/sub {b}/file{c}.txt"))
                });
            }
        }
    }
    records.sort_by(|a, b| path::compare(&a.path, &b.path));
    records
}

#[test]
fn an_empty_index_has_nothing() {
    let reader = Reader::open(index_of(&[])).unwrap();
    assert_eq!(reader.find(b"").unwrap(), None);
    assert_eq!(reader.list(b"").unwrap(), []);
    assert_eq!(reader.iter().count(), 0);
    reader.verify().unwrap();
}

#[test]
fn every_record_of_many_blocks_is_found() {
    let records = tree(14);
    let reader = Reader::open(index_of(&records)).unwrap();
    reader.verify().unwrap();
    assert_eq!(reader.counts().entries, records.len() as u64);
    assert_eq!(reader.iter().map(Result::unwrap).collect::<Vec<_>>(), records);
    for record in &records {
        assert_eq!(reader.find(&record.path).unwrap().as_ref(), Some(record));
        let beside = [&record.path[..], b"!"].concat();
        assert_eq!(reader.find(&beside).unwrap(), None);
    }
}

#[test]
fn every_directory_lists_its_own_children() {
    let records = tree(14);
    let reader = Reader::open(index_of(&records)).unwrap();
    let dirs = records.iter().filter(|record| record.kind == RecordKind::Directory);
    for dir in dirs.map(|record| &record.path) {
        let expected: Vec<_> =
            records.iter().filter(|r| path::parent(&r.path) == Some(dir)).cloned().collect();
        assert_eq!(reader.list(dir).unwrap(), expected, "{}", String::from_utf8_lossy(dir));
    }
    assert_eq!(reader.list(b"dir0/sub 0/file0.txt").unwrap(), []);
    assert_eq!(reader.list(b"nowhere").unwrap(), []);
    assert_eq!(reader.list(b"zzz").unwrap(), []);
}

#[test]
fn large_children_are_jumped_over_and_none_is_missed() {
    // Children of many blocks, of a few, of less than one, and none at all, beside each other.
    let sizes = [0, 1, 9000, 0, 300, 40_000, 255, 256, 257, 1, 700, 0, 9000];
    let mut records = vec![directory("")];
    for (child, size) in sizes.into_iter().enumerate() {
        let name = format!("c{child:02}");
        records.push(directory(&name));
        let below = |i| if i % 100 == 0 { "d" } else { "e" };
        records.extend((0..size).map(|i| file(&format!("{name}/{}{i:05}", below(i)))));
        records.push(file(&format!("{name}-file")));
    }
    records.sort_by(|a, b| path::compare(&a.path, &b.path));
    let reader = Reader::open(index_of(&records)).unwrap();
    let dirs = records.iter().filter(|record| record.kind == RecordKind::Directory);
    for dir in dirs.map(|record| &record.path) {
        let own = records.iter().filter(|r| path::parent(&r.path) == Some(dir));
        assert_eq!(reader.list(dir).unwrap(), own.cloned().collect::<Vec<_>>());
    }
}

#[test]
fn reading_goes_on_from_any_path() {
    let records = tree(14);
    let reader = Reader::open(index_of(&records)).unwrap();
    for from in ["", "dir1", "dir1/sub 3/file7", "dir13/sub 9/file9.txt", "zzz"] {
        let expected: Vec<_> = records
            .iter()
            .filter(|r| path::compare(&r.path, from.as_bytes()).is_ge())
            .cloned()
            .collect();
        let read: Vec<_> = reader.iter_from(from.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(read, expected, "{from}");
    }
}

#[test]
fn records_out_of_order_and_paths_that_lead_out_are_refused() {
    let mut writer = Writer::new().unwrap();
    writer.push(&file("a/b")).unwrap();
    for bad in ["a/b", "a", "a.b/../c", "/etc", "a/", "a/b\0"] {
        assert!(writer.push(&file(bad)).is_err(), "{bad:?}");
    }
    // '!' sorts before '/' as a byte, and behind it here.
    writer.push(&file("a!")).unwrap();
    assert_eq!(writer.counts().entries, 2);
}

#[test]
fn the_order_holds_across_blocks() {
    let mut writer = Writer::new().unwrap();
    let names = (0..256).map(|i| format!("f{i:04}"));
    let blocks = names.filter_map(|name| writer.push(&file(&name)).unwrap()).count();
    assert_eq!(blocks, 1);
    assert!(matches!(writer.push(&file("f0000")), Err(WriteError::OutOfOrder { .. })));
}

#[test]
fn counts_tell_directories_bytes_and_what_is_gone() {
    let records = [directory(""), file("a"), file("b"), Record::tombstone("c")];
    let counts = Reader::open(index_of(&records)).unwrap().counts();
    assert_eq!(counts, Counts { entries: 4, directories: 1, gone: 1, bytes: 2 });
}

#[test]
fn the_longest_paths_and_links_fit() {
    let component = "x".repeat(255);
    let long = vec![component.as_str(); 255].join("/");
    let records: Vec<Record> = (0..600)
        .map(|i| Record {
            link: format!("{long}/{}", i * 31 % 600).into_bytes(),
            ..Record::new(format!("{long}/{i:03}"), RecordKind::HardLink)
        })
        .collect();
    let reader = Reader::open(index_of(&records)).unwrap();
    reader.verify().unwrap();
    assert_eq!(reader.iter().map(Result::unwrap).collect::<Vec<_>>(), records);
    assert_eq!(reader.list(long.as_bytes()).unwrap(), records);
}

#[test]
fn every_flipped_byte_is_noticed() {
    let bytes = index_of(&tree(4));
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x10;
        let verified = Reader::open(bad).and_then(|reader| reader.verify());
        assert!(verified.is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn every_prefix_fails_cleanly() {
    let bytes = index_of(&tree(4));
    for len in 0..bytes.len() {
        assert!(Reader::open(&bytes[..len]).is_err(), "{len}");
        let streamed = Stream::<Record, _>::open(&bytes[..len]);
        assert!(
            streamed.is_err() || streamed.is_ok_and(|mut s| s.any(|row| row.is_err())),
            "{len}"
        );
    }
}

#[test]
fn what_follows_the_end_is_noticed() {
    let mut bytes = index_of(&tree(3));
    bytes.push(0);
    assert!(Reader::open(bytes.as_slice()).is_err());
    let mut stream = Stream::<Record, _>::open(Cursor::new(bytes)).unwrap();
    assert!(stream.any(|row| row.is_err()));
}

#[test]
fn a_later_version_is_told_from_damage() {
    let mut bytes = index_of(&[]);
    bytes[8] = 2;
    assert!(matches!(Reader::open(bytes), Err(IndexError::TooNew { version: 2, .. })));
    assert!(matches!(Reader::open(vec![7; 500]), Err(IndexError::Foreign { .. })));
}

fn component() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0x61u8..0x64, 1 => Just(b'!'), 1 => any::<u8>()];
    prop::collection::vec(byte, 1..4).prop_map(|bytes| {
        let name: Vec<u8> =
            bytes.iter().map(|b| if matches!(b, 0 | b'/') { b'_' } else { *b }).collect();
        if name == b"." || name == b".." { b"dots".to_vec() } else { name }
    })
}

fn any_path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(component(), 0..5).prop_map(|components| components.join(&b'/'))
}

pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let time = (any::<i64>(), 0..1_000_000_000u32);
    let owner = (0..0o10000u32, any::<u32>(), any::<u32>());
    let place = (any::<u32>(), any::<u32>(), any::<u64>());
    let all = (any_path(), 0..8u8, owner, any::<u64>(), time, place, any_path());
    all.prop_map(
        |(path, kind, (mode, uid, gid), size, (seconds, nanos), (frame, offset, raw_len), link)| {
            let kind = RecordKind::from_byte(kind).unwrap();
            if kind == RecordKind::Gone {
                return Record::tombstone(path);
            }
            let mtime = FileTime { seconds, nanos };
            Record { path, kind, mode, uid, gid, size, mtime, frame, offset, raw_len, link }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_records_come_back(mut records in prop::collection::vec(any_record(), 0..1500)) {
        let reader = Reader::open(index_of(&records)).unwrap();
        records.sort_by(|a, b| path::compare(&a.path, &b.path));
        records.dedup_by(|a, b| a.path == b.path);
        reader.verify().unwrap();
        prop_assert_eq!(reader.iter().map(Result::unwrap).collect::<Vec<_>>(), &records[..]);
        for record in records.iter().step_by(97) {
            prop_assert_eq!(&reader.find(&record.path).unwrap().unwrap(), record);
            let children = reader.list(&record.path).unwrap();
            let expected = records.iter().filter(|r| path::parent(&r.path) == Some(&record.path));
            prop_assert!(children.iter().eq(expected));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(Reader::open(bytes.as_slice()).is_err());
    }

    /// Past the checksums of zstd: the columns themselves are hostile.
    #[test]
    fn arbitrary_blocks_never_panic(raw: Vec<u8>, rows in 0..600u64, columns in 0..70u64) {
        let mut block = Vec::new();
        crate::varint::put(rows, &mut block);
        crate::varint::put(columns, &mut block);
        block.extend(&raw);
        read_block_of(&block);
    }

    /// A true block with some bytes changed before it was compressed.
    #[test]
    fn changed_columns_never_panic(
        records in prop::collection::vec(any_record(), 1..40),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut raw = raw_block_of(&records);
        for (at, byte) in changes {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        read_block_of(&raw);
    }
}

fn raw_block_of(records: &[Record]) -> Vec<u8> {
    let bytes = index_of(records);
    let lengths = blocks::Lengths::decode(bytes[16..24].try_into().unwrap());
    let mut raw = Vec::new();
    let stored = &bytes[24..24 + lengths.stored as usize];
    crate::frame::decode(stored, lengths.raw, &mut raw).unwrap();
    raw
}

/// Opens a raw block as readers do, and asks it for everything. Whatever comes out is in order.
fn read_block_of(raw: &[u8]) {
    let mut stored = Vec::new();
    crate::frame::Encoder::new(3).unwrap().encode(raw, &mut stored).unwrap();
    let len = u32::try_from(raw.len()).unwrap();
    let mut decoder = crate::frame::Decoder::new();
    let Ok(block) = blocks::Block::<Record>::open(&mut decoder, &stored, len, 16) else { return };
    if let Ok(records) = block.decode_from(None) {
        assert!(records.windows(2).all(|pair| path::compare(&pair[0].path, &pair[1].path).is_lt()));
        assert!(records.iter().all(|record| path::validate_relative(&record.path).is_ok()));
    }
}
