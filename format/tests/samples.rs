//! Bytes of every version that was ever written, which must be readable for ever.
//!
//! The samples are never changed. A new version gets a new one beside them.

use format::contents::{self, Contents, End, Identity};
use format::entry::{Entry, Kind};
use format::frame::{self, Encoder, FrameKind, FrameTable, Next, next_frame};
use format::index::{Reader, Record, RecordKind, Writer};
use format::tar::{Decoder, END, Event, Limits, encode_header, padding};
use types::{DumpId, FileTime, Level};

/// An image with contents of version 1: a bundle with a directory and a file, a large file in three frames, the
/// end, the contents, and a filler behind them as at the end of a part.
const IMAGE_1: &[u8] = include_bytes!("samples/image-1");

fn identity_1() -> Identity {
    Identity {
        version: 1,
        host: "client.example.org".parse().expect("a host"),
        dle: "/srv/data".parse().expect("a DLE"),
        level: Level::try_from(1).expect("a level"),
        dump: DumpId::new(1_792_000_000_000, [7; 10]),
        base: Some(DumpId::new(1_791_900_000_000, [6; 10])),
        run: "20261014021500".parse().expect("a stamp"),
        started: FileTime { seconds: 1_792_000_000, nanos: 1 },
        finished: FileTime { seconds: 1_792_000_060, nanos: 999_999_999 },
        program: "reelkeep-agent 0.1.0".to_owned(),
        system: "Linux 6.1.0 x86_64".to_owned(),
        frame_size: 512,
        entries: 3,
        gone: 1,
        raw_bytes: 7168,
        strange: 1,
    }
}

fn entries_1() -> [(Entry, Vec<u8>); 3] {
    let mut dir = Entry::new("", Kind::Directory);
    (dir.mode, dir.mtime.seconds) = (0o750, 1_700_000_000);
    dir.dumpdir = Some(b"Ylarge\0Ysmall\0\0".to_vec());
    let mut small = Entry::new("small", Kind::File);
    (small.mode, small.uid, small.gid, small.size) = (0o4644, 1000, 3_000_000, 5);
    (small.user, small.mtime) = (b"ann".to_vec(), FileTime { seconds: -2, nanos: 500_000_000 });
    small.xattrs = vec![(b"user.a=b".to_vec(), b"\0\xff".to_vec())];
    small.acl_access = Some(b"user::rw-,user:12345:r--,group::r--,mask::r--,other::r--".to_vec());
    let mut large = Entry::new("large", Kind::File);
    (large.mode, large.size) = (0o600, 700);
    [
        (dir, vec![]),
        (large, (0..700u32).map(|i| i.to_le_bytes()[0]).collect()),
        (small, b"small".to_vec()),
    ]
}

/// The raw bytes of the frames of the sample.
fn frames_1() -> Vec<(FrameKind, Vec<u8>)> {
    let [dir, large, small] = entries_1();
    let (mut first, mut head, mut last) = (Vec::new(), Vec::new(), Vec::new());
    encode_header(&dir.0, 0, &mut first);
    encode_header(&large.0, 700, &mut head);
    encode_header(&small.0, 5, &mut last);
    last.extend_from_slice(&small.1);
    last.resize(last.len() + padding(5), 0);
    let mut tail = large.1[512..].to_vec();
    tail.resize(512, 0);
    vec![
        (FrameKind::S, first),
        (FrameKind::H, head),
        (FrameKind::B, large.1[..512].to_vec()),
        (FrameKind::T, tail),
        (FrameKind::S, last),
        (FrameKind::Z, END.to_vec()),
    ]
}

/// The records of the sample's index.
fn records_1() -> [Record; 4] {
    let [dir, large, small] = entries_1().map(|(entry, _)| entry);
    let record = |entry: &Entry, kind, frame, raw_len| {
        let mut record = Record::new(entry.path.clone(), kind);
        (record.mode, record.uid, record.gid) = (entry.mode, entry.uid, entry.gid);
        (record.size, record.mtime, record.frame, record.raw_len) =
            (entry.size, entry.mtime, frame, raw_len);
        record
    };
    [
        record(&dir, RecordKind::Directory, 0, 1536),
        Record::tombstone("gone"),
        record(&large, RecordKind::File, 1, 2560),
        record(&small, RecordKind::File, 4, 2048),
    ]
}

#[test]
fn an_image_of_version_1_is_read_from_its_end() {
    let End::Here { trailer, behind } = contents::find(IMAGE_1).unwrap() else { panic!() };
    assert_eq!(behind, 100);
    let at = usize::try_from(trailer.contents_at).unwrap();
    let Contents { identity, frames, index } =
        contents::decode(&IMAGE_1[at..IMAGE_1.len() - behind]).unwrap();
    assert_eq!(identity, identity_1());
    let index = Reader::open(&index[..]).unwrap();
    let records: Vec<Record> = index.iter().map(Result::unwrap).collect();
    assert_eq!(records, records_1());

    let mut decoder = Decoder::new(Limits::default());
    let mut seen: Vec<(Entry, Vec<u8>)> = Vec::new();
    let mut raw = Vec::new();
    let mut ended = false;
    assert_eq!(frames.len(), frames_1().len());
    for (frame, (kind, expected)) in frames.frames().iter().zip(frames_1()) {
        let from = usize::try_from(frame.offset).unwrap();
        let stored = &IMAGE_1[from..from + frame.stored as usize];
        assert_eq!(frame::digest(stored), frame.sha256);
        frame::decode(stored, frame.raw, &mut raw).unwrap();
        assert_eq!((frame.kind, &raw), (kind, &expected));
        let mut input = &raw[..];
        while let Some(event) = decoder.next(&mut input).unwrap() {
            match event {
                Event::Entry { entry, .. } => seen.push((*entry, Vec::new())),
                Event::Data { bytes, .. } => seen.last_mut().unwrap().1.extend_from_slice(bytes),
                Event::End => ended = true,
                Event::EntryEnd => {}
                Event::Refused { .. } => panic!("{event:?}"),
            }
        }
    }
    assert!(ended);
    assert_eq!(seen, entries_1());
}

#[test]
fn an_image_of_version_1_falls_apart_without_its_table() {
    let mut rest = IMAGE_1;
    let mut kinds = String::new();
    while !rest.is_empty() {
        let len = match next_frame(rest).unwrap() {
            Next::Frame { stored, .. } => {
                kinds.push('f');
                stored
            }
            Next::Skippable { variant, stored } => {
                kinds.push_str(&variant.to_string());
                usize::try_from(stored).unwrap()
            }
            Next::More => panic!("cut off"),
        };
        rest = &rest[len..];
    }
    assert_eq!(kinds, "ffffff130");
}

/// How the sample was made, for when the next version needs one: this leaves it below the target directory. What
/// zstd makes of the same bytes may differ between its versions, so that it is not compared byte for byte.
#[test]
fn what_is_written_today_has_the_form_of_the_sample() {
    let mut encoder = Encoder::new(Encoder::LEVEL).unwrap();
    let (mut image, mut stored, mut frames) = (Vec::new(), Vec::new(), FrameTable::new());
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    for (kind, raw) in frames_1() {
        encoder.encode(&raw, &mut stored).unwrap();
        frames.push(kind, len(&stored), len(&raw), frame::digest(&stored));
        image.extend_from_slice(&stored);
    }
    let mut writer = Writer::new().unwrap();
    let mut index = Vec::new();
    for record in records_1() {
        index.extend(writer.push(&record).unwrap().unwrap_or_default());
    }
    index.extend(writer.finish().unwrap());
    image.extend(contents::encode(&Contents { identity: identity_1(), frames, index }).unwrap());
    image.extend(frame::filler(100));
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/image-1"), &image).unwrap();

    let End::Here { trailer: today, .. } = contents::find(&image).unwrap() else { panic!() };
    let End::Here { trailer: sample, .. } = contents::find(IMAGE_1).unwrap() else { panic!() };
    let identity = |image: &[u8], trailer: &contents::Trailer| {
        let at = usize::try_from(trailer.contents_at).unwrap();
        image[at + 8..at + trailer.frames_at as usize].to_vec()
    };
    assert_eq!(identity(&image, &today), identity(IMAGE_1, &sample));
    assert_eq!((today.version, today.dump), (sample.version, sample.dump));
}
