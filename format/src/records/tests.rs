//! What a run leaves at the end of a volume, there and back, in pieces, and from a later program.

use proptest::prelude::*;
use types::{BlockSize, Bytes, Digest, DumpId, FileNo, Level, PartNo, Stamp};

use super::*;

fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}

pub(super) fn sample() -> RunRecords {
    let run = stamp("20261123010203");
    let [full, next] = [1u8, 2].map(|n| DumpId::new(1_795_396_923_000 + u64::from(n), [n; 10]));
    let dump = DumpRow {
        id: full,
        host: "web".parse().unwrap(),
        dle: "/srv/daten ä".parse().unwrap(),
        run,
        level: Level::FULL,
        base: None,
        status: DumpStatus::Good,
        started: run,
        finished: stamp("20261123010303"),
        millis: 60_000,
        raw: Bytes(10_240),
        stored: Bytes(1_234),
        entries: 12,
        frames: 3,
        index_sha256: Some(Digest([7; 32])),
    };
    let part = PartRow {
        dump: full,
        storage: "lto".parse().unwrap(),
        no: PartNo::FIRST,
        run,
        label: "DAILY-001".parse().unwrap(),
        file: FileNo::FIRST,
        block: 2,
        first_frame: 0,
        last_frame: 2,
        offset: Bytes::ZERO,
        bytes: Bytes(1_234),
        sha256_so_far: Some(Digest([8; 32])),
    };
    let mut records = RunRecords::new(run, "DAILY-001".parse().unwrap(), "reelkeep 0.1.0");
    records.runs.push(RunRow {
        stamp: run,
        kind: RunKind::Dump,
        started: run,
        finished: None,
        status: RunStatus::Unfinished,
        program: "reelkeep 0.1.0".into(),
    });
    records.dles.push(DleRow { host: dump.host.clone(), dle: dump.dle.clone(), since: run });
    records.volumes.push(VolumeRow {
        label: "DAILY-001".parse().unwrap(),
        pool: "daily".parse().unwrap(),
        storage: "lto".parse().unwrap(),
        barcode: Some("ABC123L8".parse().unwrap()),
        block_size: BlockSize::TAPE,
        labelled: run,
        first_written: Some(run),
    });
    records.dumps.push(dump.clone());
    records.dumps.push(DumpRow {
        id: next,
        level: Level::FULL.next(),
        base: Some(full),
        status: DumpStatus::Strange,
        index_sha256: None,
        ..dump
    });
    records.parts.push(part.clone());
    records.parts.push(PartRow { dump: next, file: FileNo(2), sha256_so_far: None, ..part });
    records
}

pub(super) fn sample_indexes() -> Vec<(DumpId, Vec<u8>)> {
    let dumps = sample().dumps;
    vec![(dumps[0].id, b"an index".to_vec()), (dumps[1].id, Vec::new())]
}

#[test]
fn records_come_back_with_their_indexes() {
    let packed = pack(&sample(), sample_indexes()).unwrap();
    let (records, indexes) = unpack(&packed, 1 << 20).unwrap();
    assert_eq!(records, sample());
    assert_eq!(indexes, sample_indexes());
}

#[test]
fn what_follows_the_end_is_passed_over() {
    let mut packed = pack(&sample(), sample_indexes()).unwrap();
    packed.extend(crate::frame::filler(5000));
    packed.extend([0; 700]);
    assert_eq!(unpack(&packed, 1 << 20).unwrap().0, sample());
}

#[test]
fn fillers_between_frames_are_passed_over_in_pieces_of_any_length() {
    let big: Vec<u8> =
        (0..9_000_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
    let id = sample().dumps[0].id;
    let mut packer = Packer::new(&sample()).unwrap();
    packer.begin_index(id, big.len() as u64).unwrap();
    let mut packed = crate::frame::filler(40_000);
    for piece in big.chunks(1_000_003) {
        packed.extend(packer.push(piece).unwrap());
        packed.extend(crate::frame::filler(77));
    }
    packed.extend(packer.finish().unwrap());
    for len in [997, 524_288] {
        let mut unpacker = Unpacker::new();
        let mut index = Vec::new();
        for piece in packed.chunks(len) {
            unpacker
                .push(piece, &mut |met| {
                    if let Unpacked::Bytes(bytes) = met {
                        index.extend_from_slice(bytes);
                    }
                })
                .unwrap();
        }
        unpacker.finish().unwrap();
        assert!(index == big, "in pieces of {len}");
    }
}

#[test]
fn an_index_must_have_the_length_that_was_announced() {
    let id = sample().dumps[0].id;
    let mut packer = Packer::new(&sample()).unwrap();
    packer.begin_index(id, 3).unwrap();
    packer.push(b"ab").unwrap();
    assert!(matches!(packer.begin_index(id, 1), Err(RecordsError::Announced(_))));
    let mut packer = Packer::new(&sample()).unwrap();
    packer.begin_index(id, 3).unwrap();
    assert!(matches!(packer.push(b"abcd"), Err(RecordsError::Announced(_))));
}

#[test]
fn rows_and_fields_of_a_later_program_are_passed_over() {
    let mut text = sample().to_text();
    text.extend(b"{\"row\":\"mood\",\"good\":true}\n");
    let text =
        String::from_utf8(text).unwrap().replace("\"entries\":12", "\"entries\":12,\"new\":[1]");
    assert_eq!(RunRecords::from_text(text.as_bytes()).unwrap(), sample());
}

#[test]
fn rows_that_make_no_sense_are_told_by_line() {
    let text = String::from_utf8(sample().to_text()).unwrap();
    let bad = text.replace("\"level\":1", "\"level\":400");
    assert!(matches!(
        RunRecords::from_text(bad.as_bytes()),
        Err(RecordsError::Row { line: 5, .. })
    ));
    let newer = text.replace("\"version\":1", "\"version\":2");
    assert!(matches!(RunRecords::from_text(newer.as_bytes()), Err(RecordsError::TooNew(2))));
    for nothing in ["", "\n", "{}", "[1]", "{\"row\":\"run\"}"] {
        assert!(matches!(RunRecords::from_text(nothing.as_bytes()), Err(RecordsError::NoHead)));
    }
}

#[test]
fn too_many_bytes_of_indexes_are_refused() {
    let packed = pack(&sample(), sample_indexes()).unwrap();
    assert!(matches!(unpack(&packed, 7), Err(RecordsError::TooLong { .. })));
}

#[test]
fn every_prefix_fails_cleanly() {
    let packed = pack(&sample(), sample_indexes()).unwrap();
    for len in 0..packed.len() {
        assert!(unpack(&packed[..len], 1 << 20).is_err(), "{len}");
    }
}

#[test]
fn every_flipped_byte_is_noticed_or_harmless() {
    let packed = pack(&sample(), sample_indexes()).unwrap();
    for at in 0..packed.len() {
        let mut bad = packed.clone();
        bad[at] ^= 0x10;
        // A bit of the frame's header may mean nothing; then all is as before.
        if let Ok((records, indexes)) = unpack(&bad, 1 << 20) {
            assert_eq!((records, indexes), (sample(), sample_indexes()), "byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(unpack(&bytes, 1 << 20).is_err());
    }

    #[test]
    fn arbitrary_lines_never_panic(text: Vec<u8>) {
        let head = br#"{"row":"records","version":1,"run":"20261123010203","label":"X"}"#;
        drop(RunRecords::from_text(&[&head[..], b"\n", &text].concat()));
        drop(RunRecords::from_text(&text));
    }

    #[test]
    fn arbitrary_tars_never_panic(text: Vec<u8>, name in "[a-z/.]{0,40}") {
        let mut tar = Vec::new();
        let size = text.len() as u64;
        let entry = crate::entry::Entry {
            size,
            ..crate::entry::Entry::new(name, crate::entry::Kind::File)
        };
        crate::tar::encode_header(&entry, size, &mut tar);
        tar.extend(&text);
        let mut stored = Vec::new();
        crate::frame::Encoder::new(1).unwrap().encode(&tar, &mut stored).unwrap();
        prop_assert!(unpack(&stored, 1 << 20).is_err());
    }
}
