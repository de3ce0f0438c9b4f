//! Indexes, snapshots, records, headers and messages of every version that was ever written, which must be
//! readable for ever.
//!
//! The samples are never changed. A new version gets new ones beside them: `cargo test -p format --test
//! versions -- --ignored` writes them to the temporary directory.

use format::frame::FrameKind;
use format::header::{self, DumpHeader, Header, Image, Stretch, TapeStart};
use format::index::{Counts, Reader, Record, RecordKind, Writer};
use format::records::{
    self, DumpRow, DumpStatus, PartRow, RunKind, RunRecords, RunRow, RunStatus, VolumeRow,
};
use format::script::{Said, ScriptCall, ScriptEnd};
use format::snapshot::{self, SnapRecord};
use format::wire::{
    self, DumpEnd, FramePiece, Hello, Kind, Note, Progress, Reply, Request, RestoreRecord,
    Severity, Status, Wanted, WirePath,
};
use types::{
    BlockSize, Bytes, Digest, DleRef, DumpId, FileNo, FileTime, Level, PartNo, ScriptPlace,
    ScriptPoint, Stamp,
};

const INDEX_1: &[u8] = include_bytes!("samples/index-1.rkx");
const SNAPSHOT_1: &[u8] = include_bytes!("samples/snapshot-1");
const RECORDS_1: &[u8] = include_bytes!("samples/records-1.tar.zst");
const LABEL_1: &[u8] = include_bytes!("samples/label-1");
const PART_1: &[u8] = include_bytes!("samples/part-1");
const WIRE_1: &[u8] = include_bytes!("samples/wire-1");
const WIRE_1_SCRIPTS: &[u8] = include_bytes!("samples/wire-1-scripts");

fn time(seconds: i64) -> FileTime {
    FileTime { seconds, nanos: 123_456_789 }
}

/// More than one block, every kind, and paths that are not UTF-8.
fn index_1() -> Vec<Record> {
    let kinds = [
        RecordKind::File,
        RecordKind::Symlink,
        RecordKind::HardLink,
        RecordKind::Fifo,
        RecordKind::Char,
        RecordKind::Block,
        RecordKind::Gone,
    ];
    let mut all = vec![Record { mode: 0o1777, ..Record::new("", RecordKind::Directory) }];
    for number in 0..1200u32 {
        let kind = kinds[number as usize % kinds.len()];
        let path = [format!("dir/{number:04}-").as_bytes(), b"\xfe\n"].concat();
        if kind == RecordKind::Gone {
            all.push(Record::tombstone(path));
            continue;
        }
        all.push(Record {
            mode: 0o644,
            uid: 1000 + number % 3,
            gid: 100,
            size: u64::from(number) * 1000,
            mtime: time(1_795_000_000 - i64::from(number) * 77),
            frame: number / 100,
            offset: number % 100 * 2048,
            raw_len: u64::from(number) * 1000 + 1536,
            link: if kind == RecordKind::HardLink { b"dir/0000-".to_vec() } else { Vec::new() },
            ..Record::new(path, kind)
        });
    }
    all
}

fn snapshot_1() -> Vec<SnapRecord> {
    let record = |number: u32| SnapRecord {
        path: format!("dir/{number:04}").into_bytes(),
        kind: if number == 0 { RecordKind::Directory } else { RecordKind::File },
        dev: 64_769,
        ino: 9_000_000_000 + u64::from(number) * 13 % 1000,
        ctime: if number == 5 {
            FileTime::default()
        } else {
            time(1_795_000_000 + i64::from(number))
        },
        mtime: time(1_500_000_000 - i64::from(number)),
        size: u64::from(number) * 999,
        nlink: 1 + u64::from(number % 2),
    };
    (0..700).map(record).collect()
}

fn run() -> Stamp {
    "20261123010203".parse().expect("a name")
}

fn dump_id() -> DumpId {
    DumpId::new(1_795_396_923_000, [7; 10])
}

fn records_1() -> RunRecords {
    let label = "DAILY-001".parse().expect("a name");
    let mut rows = RunRecords::new(run(), label, "reelkeep 0.1.0");
    rows.runs.push(RunRow {
        stamp: run(),
        kind: RunKind::Dump,
        started: run(),
        finished: None,
        status: RunStatus::Unfinished,
        program: "reelkeep 0.1.0".into(),
    });
    rows.volumes.push(VolumeRow {
        label: "DAILY-001".parse().expect("a name"),
        pool: "daily".parse().expect("a name"),
        storage: "lto".parse().expect("a name"),
        barcode: Some("DLY001L8".parse().expect("a name")),
        block_size: BlockSize::TAPE,
        labelled: run(),
        first_written: Some(run()),
    });
    rows.dumps.push(DumpRow {
        id: dump_id(),
        host: "client.example.org".parse().expect("a name"),
        dle: "/srv/data".parse().expect("a name"),
        run: run(),
        level: Level::FULL,
        base: None,
        status: DumpStatus::Strange,
        started: run(),
        finished: "20261123010304".parse().expect("a name"),
        millis: 61_000,
        raw: Bytes(10_240),
        stored: Bytes(4_321),
        entries: 1201,
        frames: 4,
        index_sha256: Some(format::frame::digest(INDEX_1)),
    });
    rows.parts.push(PartRow {
        dump: dump_id(),
        storage: "lto".parse().expect("a name"),
        no: PartNo::FIRST,
        run: run(),
        label: "DAILY-001".parse().expect("a name"),
        file: FileNo::FIRST,
        block: 2,
        first_frame: 0,
        last_frame: 3,
        offset: Bytes::ZERO,
        bytes: Bytes(4_321),
        sha256_so_far: Some(Digest([0xab; 32])),
    });
    rows
}

fn label_1() -> Header {
    Header::TapeStart(TapeStart {
        stamp: Some(run()),
        label: "DAILY-001".parse().expect("a name"),
        block_size: Some(BlockSize::TAPE),
        pool: Some("daily".parse().expect("a name")),
    })
}

fn part_1() -> Header {
    let dle = DleRef {
        host: "client.example.org".parse().expect("a name"),
        dle: "/srv/my data".parse().expect("a name"),
    };
    let image = Image {
        stamp: run(),
        dle: &dle,
        level: Level::FULL.next(),
        dump: dump_id(),
        base: Some(DumpId([1; 16])),
        raw: Some(Bytes(10_240)),
        stored: Some(Bytes(4_321)),
        crc32c: Some(0x0123_4567),
    };
    let stretch = Stretch {
        first_frame: 2,
        last_frame: Some(3),
        offset: 4000,
        bytes: Some(321),
        sha256_before: Some(Digest([0xcd; 32])),
        crc32c_before: 0x89ab_cdef,
    };
    Header::SplitFile {
        part: PartNo(2),
        total: Some(2),
        dump: DumpHeader::of(&image, Some(stretch)),
    }
}

fn record_1() -> RestoreRecord {
    RestoreRecord {
        dump: dump_id(),
        frame: 7,
        kind: FrameKind::H,
        stored: 100,
        raw: 1024,
        sha256: Digest([9; 32]),
        continues: false,
        entries: vec![Wanted {
            path: WirePath(b"a\xe9/b%".to_vec()),
            kind: RecordKind::HardLink,
            offset: 512,
            raw_len: 1 << 40,
            to: None,
            link: None,
        }],
        lost: vec![WirePath(b"lost".to_vec())],
        because: None,
        more: true,
    }
}

fn note_1() -> Note {
    Note {
        severity: Severity::Strange,
        path: Some(WirePath(b"x\ny".to_vec())),
        text: "changed".into(),
    }
}

fn end_1() -> DumpEnd {
    let total = Progress { entries: 1, raw_bytes: 2, stored_bytes: 3 };
    DumpEnd { dump: dump_id(), status: Status::Good, total, frames: 4, strange: 0 }
}

fn forget_1() -> Request {
    let (host, dle) =
        ("client.example.org".parse().expect("a name"), "/srv/data".parse().expect("a name"));
    Request::Forget { host, dle, dump: dump_id() }
}

#[test]
fn an_index_of_version_1_reads_and_answers() {
    let reader = Reader::open(INDEX_1).unwrap();
    reader.verify().unwrap();
    let records = index_1();
    assert_eq!(reader.iter().map(Result::unwrap).collect::<Vec<_>>(), records);
    assert_eq!(reader.find(&records[777].path).unwrap().as_ref(), Some(&records[777]));
    assert_eq!(reader.list(b"dir").unwrap(), records[1..]);
    let bytes = records.iter().filter(|r| r.kind == RecordKind::File).map(|r| r.size).sum();
    assert_eq!(reader.counts(), Counts { entries: 1201, directories: 1, gone: 171, bytes });
}

#[test]
fn a_snapshot_of_version_1_reads() {
    let read: Result<Vec<_>, _> = snapshot::Reader::open(SNAPSHOT_1).unwrap().collect();
    assert_eq!(read.unwrap(), snapshot_1());
}

#[test]
fn records_of_version_1_read() {
    let (rows, indexes) = records::unpack(RECORDS_1, 1 << 20).unwrap();
    assert_eq!(rows, records_1());
    assert_eq!(indexes, [(dump_id(), INDEX_1.to_vec())]);
}

#[test]
fn headers_of_version_1_read() {
    for (text, header) in [(LABEL_1, label_1()), (PART_1, part_1())] {
        assert_eq!(header::decode(text).unwrap(), header);
        let mut block = text.to_vec();
        block.resize(BlockSize::HEADER.len(), 0);
        assert_eq!(header::decode(&block).unwrap(), header);
    }
}

#[test]
fn messages_of_version_1_read() {
    let mut rest = WIRE_1;
    let mut next = || {
        let (message, behind) = wire::split(rest).unwrap().unwrap();
        rest = behind;
        message
    };
    assert_eq!(next().json::<Hello>(Kind::Hello).unwrap().version, 1);
    assert_eq!(next().json::<Request>(Kind::Request).unwrap(), forget_1());
    assert_eq!(next().json::<Reply>(Kind::Reply).unwrap(), Reply::NoBase { base: dump_id() });
    let frame = next();
    let piece = FramePiece::decode(frame.payload).unwrap();
    assert_eq!((frame.kind, piece.kind, piece.bytes), (Kind::Frame, FrameKind::T, &b"stored"[..]));
    assert_eq!(next().json::<RestoreRecord>(Kind::Record).unwrap(), record_1());
    assert_eq!(next().json::<Note>(Kind::Message).unwrap(), note_1());
    assert_eq!(next().json::<Progress>(Kind::Progress).unwrap(), end_1().total);
    assert_eq!(next().json::<DumpEnd>(Kind::End).unwrap(), end_1());
    assert!(rest.is_empty());
}

/// A side that says it has no features is told nothing that needs one, and what it says itself is as it was.
#[test]
fn a_side_of_the_first_version_has_no_scripts() {
    let (message, _) = wire::split(WIRE_1).unwrap().unwrap();
    let old: Hello = message.json(Kind::Hello).unwrap();
    let ours = Hello::ours("reelkeep");
    assert!(!wire::negotiate(&ours, &old).unwrap().has(wire::SCRIPTS));
    assert!(wire::negotiate(&ours, &ours).unwrap().has(wire::SCRIPTS));
    let mut again = Vec::new();
    wire::encode_json(Kind::Request, &forget_1(), &mut again).unwrap();
    assert!(WIRE_1.windows(again.len()).any(|window| window == again));
}

#[test]
fn scripts_of_the_feature_read_and_are_said_as_they_were() {
    let (request, rest) = wire::split(WIRE_1_SCRIPTS).unwrap().unwrap();
    assert_eq!(request.json::<Request>(Kind::Request).unwrap(), Request::Script(script_1()));
    let (reply, rest) = wire::split(rest).unwrap().unwrap();
    assert_eq!(reply.json::<Reply>(Kind::Reply).unwrap(), Reply::Script(script_end_1()));
    assert!(rest.is_empty());
    assert_eq!(scripts_1(), WIRE_1_SCRIPTS);
}

fn scripts_1() -> Vec<u8> {
    let mut out = Vec::new();
    wire::encode_json(Kind::Request, &Request::Script(script_1()), &mut out).expect("it is sound");
    wire::encode_json(Kind::Reply, &Reply::Script(script_end_1()), &mut out).expect("it is sound");
    out
}

fn script_1() -> ScriptCall {
    ScriptCall {
        plugin: "amzfs-snapshot".to_owned(),
        point: ScriptPoint::PreDleBackup,
        place: ScriptPlace::Client,
        config: "daily".to_owned(),
        host: Some("web".parse().expect("it is sound")),
        dle: Some("/srv".parse().expect("it is sound")),
        device: Some(wire::WirePath::from(&b"/srv"[..])),
        run: Some("20261123010203".parse().expect("it is sound")),
        levels: vec![Level::FULL],
        properties: [("df-path".to_owned(), vec!["/bin/df".to_owned()])].into(),
    }
}

fn script_end_1() -> ScriptEnd {
    ScriptEnd {
        code: Some(0),
        said: vec![Said { complaint: true, text: "slow".to_owned() }],
        properties: [("directory".to_owned(), vec!["/srv/.zfs/snapshot/a".to_owned()])].into(),
    }
}

#[test]
#[ignore = "writes samples"]
fn write_the_samples() {
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(std::env::temp_dir().join(name), bytes).unwrap();
    };
    let (mut index, mut writer) = (Vec::new(), Writer::new().unwrap());
    for record in index_1() {
        index.extend(writer.push(&record).unwrap().unwrap_or_default());
    }
    index.extend(writer.finish().unwrap());
    write("index-1.rkx", &index);

    let (mut snapshot, mut writer) = (Vec::new(), snapshot::Writer::new().unwrap());
    for record in snapshot_1() {
        snapshot.extend(writer.push(&record).unwrap().unwrap_or_default());
    }
    snapshot.extend(writer.finish().unwrap());
    write("snapshot-1", &snapshot);

    let mut rows = records_1();
    rows.dumps[0].index_sha256 = Some(format::frame::digest(&index));
    write("records-1.tar.zst", &records::pack(&rows, [(dump_id(), &index)]).unwrap());

    for (name, header) in [("label-1", label_1()), ("part-1", part_1())] {
        let block = header::encode(&header, BlockSize::HEADER).unwrap();
        write(name, block.split(|byte| *byte == 0).next().unwrap());
    }

    write("wire-1-scripts", &scripts_1());

    let mut out = Vec::new();
    let hello = Hello { features: [].into(), ..Hello::ours("reelkeep 0.1.0") };
    wire::encode_json(Kind::Hello, &hello, &mut out).unwrap();
    wire::encode_json(Kind::Request, &forget_1(), &mut out).unwrap();
    wire::encode_json(Kind::Reply, &Reply::NoBase { base: dump_id() }, &mut out).unwrap();
    FramePiece::cut(FrameKind::T, b"stored").for_each(|piece| piece.encode_into(&mut out).unwrap());
    wire::encode_json(Kind::Record, &record_1(), &mut out).unwrap();
    wire::encode_json(Kind::Message, &note_1(), &mut out).unwrap();
    wire::encode_json(Kind::Progress, &end_1().total, &mut out).unwrap();
    wire::encode_json(Kind::End, &end_1(), &mut out).unwrap();
    write("wire-1", &out);
}
