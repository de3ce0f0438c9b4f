//! Every message of the wire, there and back; cut ones wait, and long ones are refused before they arrive.

use proptest::prelude::*;
use types::{DumpId, Level, ScriptPlace, ScriptPoint};

use super::*;
use crate::frame::FrameKind;
use crate::index::RecordKind;
use crate::script::{Said, ScriptCall, ScriptEnd};

pub(super) fn dle() -> DleSpec {
    DleSpec {
        host: "web".parse().unwrap(),
        dle: "/srv".parse().unwrap(),
        path: WirePath::from(&b"/srv/\xff"[..]),
        include: vec![],
        exclude: vec!["*.tmp".into()],
        exclude_files: vec![WirePath::from(&b".exclude"[..])],
        exclude_if_present: vec![".nobackup".into()],
        exclude_caches: true,
        one_file_system: true,
        max_file_size: Some(1 << 40),
        xattrs: true,
        acls: true,
        atime: false,
    }
}

fn id(n: u8) -> DumpId {
    DumpId([n; 16])
}

fn script() -> ScriptCall {
    ScriptCall {
        plugin: "script-email".into(),
        point: ScriptPoint::PreDleBackup,
        place: ScriptPlace::Client,
        config: "daily".into(),
        host: Some(dle().host),
        dle: Some(dle().dle),
        device: Some(dle().path),
        run: Some("20261123010203".parse().unwrap()),
        levels: vec![Level::FULL],
        properties: [("mailto".into(), vec!["ops".into()])].into(),
    }
}

fn requests() -> Vec<Request> {
    let base = Some(id(1));
    let level = Level::FULL.next();
    let (host, dle_name) = (dle().host, dle().dle);
    vec![
        Request::Check { dle: dle(), bases: vec![DumpId::new(1, [2; 10])] },
        Request::Estimate {
            dle: dle(),
            bases: vec![
                EstimateBase { level: Level::FULL, base: None },
                EstimateBase { level, base },
            ],
        },
        Request::Dump(DumpRequest {
            dle: dle(),
            dump: id(2),
            level,
            base,
            run: "20261123010203".parse().unwrap(),
            now: 1_795_396_923,
            workers: 4,
            zstd_level: 3,
            frame_size: 4 << 20,
        }),
        Request::Confirm {
            host: host.clone(),
            dle: dle_name.clone(),
            dump: id(2),
            keep: vec![id(1), id(2)],
        },
        Request::Forget { host, dle: dle_name, dump: id(2) },
        Request::Script(script()),
        Request::Restore(RestoreRequest {
            target: WirePath::from(&b"/tmp/there"[..]),
            existing: Existing::Keep,
            owners: true,
            numeric_owners: false,
            attributes: true,
            entries: 1,
            bytes: 2,
        }),
    ]
}

fn replies() -> Vec<Reply> {
    let path = Some(WirePath::from(&b"a\nb"[..]));
    vec![
        Reply::Script(ScriptEnd {
            code: Some(1),
            said: vec![Said { complaint: true, text: "no".into() }],
            properties: [("directory".into(), vec!["/snapshot".into()])].into(),
        }),
        Reply::Checked {
            notes: vec![Note { severity: Severity::Strange, path, text: "gone".into() }],
        },
        Reply::Estimates {
            estimates: vec![
                Estimate { level: Level::FULL, base: None, size: Some((10, 20)) },
                Estimate { level: Level::FULL.next(), base: Some(id(1)), size: None },
            ],
        },
        Reply::Ready,
        Reply::NoBase { base: id(1) },
        Reply::Done,
        Reply::Refused(Trouble { text: "no".into(), causes: vec!["because".into()] }),
    ]
}

pub(super) fn record() -> RestoreRecord {
    RestoreRecord {
        dump: id(3),
        frame: 7,
        kind: FrameKind::H,
        stored: 100,
        raw: 1024,
        sha256: types::Digest([9; 32]),
        continues: false,
        entries: vec![Wanted {
            path: WirePath::from(&b"b\xe9b\xe9"[..]),
            kind: RecordKind::HardLink,
            offset: 512,
            raw_len: 1 << 40,
            to: None,
            link: None,
        }],
        lost: vec![],
        because: None,
        more: false,
    }
}

/// Every kind of message once, as one stream.
pub(super) fn conversation() -> Vec<u8> {
    let mut out = Vec::new();
    encode_json(Kind::Hello, &Hello::ours("reelkeep 0.1.0"), &mut out).unwrap();
    requests().iter().for_each(|request| encode_json(Kind::Request, request, &mut out).unwrap());
    replies().iter().for_each(|reply| encode_json(Kind::Reply, reply, &mut out).unwrap());
    encode_json(Kind::Record, &record(), &mut out).unwrap();
    FramePiece::cut(FrameKind::S, b"stored bytes")
        .for_each(|piece| piece.encode_into(&mut out).unwrap());
    let note = Note { severity: Severity::Info, path: None, text: "hm".into() };
    encode_json(Kind::Message, &note, &mut out).unwrap();
    let total = Progress { entries: 1, raw_bytes: 2, stored_bytes: 3 };
    encode_json(Kind::Progress, &total, &mut out).unwrap();
    let end = DumpEnd { dump: id(2), status: Status::Good, total, frames: 4, strange: 0 };
    encode_json(Kind::End, &end, &mut out).unwrap();
    encode_json(Kind::End, &RestoreEnd { restored: 1, bytes: 2, kept: 3, failed: 4 }, &mut out)
        .unwrap();
    encode_json(Kind::Error, &Trouble { text: "oh".into(), causes: vec![] }, &mut out).unwrap();
    out
}

/// Reads what [`conversation`] wrote, and says how many messages there were.
pub(super) fn read(mut bytes: &[u8]) -> usize {
    let (mut requests, mut replies) = (requests().into_iter(), replies().into_iter());
    let mut count = 0;
    let mut ends = 0;
    while let Some((message, rest)) = split(bytes).unwrap() {
        bytes = rest;
        count += 1;
        match message.kind {
            Kind::Hello => assert_eq!(
                message.json::<Hello>(Kind::Hello).unwrap(),
                Hello::ours("reelkeep 0.1.0")
            ),
            Kind::Request => assert_eq!(
                message.json::<Request>(Kind::Request).unwrap(),
                requests.next().unwrap()
            ),
            Kind::Reply => {
                assert_eq!(message.json::<Reply>(Kind::Reply).unwrap(), replies.next().unwrap())
            }
            Kind::Record => {
                assert_eq!(message.json::<RestoreRecord>(Kind::Record).unwrap(), record())
            }
            Kind::Frame => {
                let piece = FramePiece::decode(message.payload).unwrap();
                assert_eq!((piece.kind, piece.bytes), (FrameKind::S, &b"stored bytes"[..]));
                assert!(piece.flags.first && piece.flags.last);
            }
            Kind::Message => assert_eq!(message.json::<Note>(Kind::Message).unwrap().text, "hm"),
            Kind::Progress => {
                assert_eq!(message.json::<Progress>(Kind::Progress).unwrap().stored_bytes, 3)
            }
            Kind::End if ends == 0 => {
                ends += 1;
                assert_eq!(message.json::<DumpEnd>(Kind::End).unwrap().total.raw_bytes, 2);
            }
            Kind::End => assert_eq!(message.json::<RestoreEnd>(Kind::End).unwrap().failed, 4),
            Kind::Error => assert_eq!(message.json::<Trouble>(Kind::Error).unwrap().text, "oh"),
        }
    }
    assert!(bytes.is_empty() && requests.next().is_none() && replies.next().is_none());
    count
}

#[test]
fn every_message_comes_back() {
    assert_eq!(read(&conversation()), 22);
}

#[test]
fn a_cut_message_is_not_there_yet() {
    let mut bytes = Vec::new();
    encode_into(Kind::Error, b"payload", &mut bytes).unwrap();
    for len in 0..bytes.len() {
        assert_eq!(split(&bytes[..len]).unwrap(), None);
    }
    let (message, rest) = split(&bytes).unwrap().unwrap();
    assert_eq!((message.payload, rest), (&b"payload"[..], &b""[..]));
}

#[test]
fn long_messages_are_refused_before_they_arrive() {
    let mut bytes = u32::try_from(LONGEST + 1).unwrap().to_le_bytes().to_vec();
    bytes.push(Kind::Frame as u8);
    assert!(matches!(split(&bytes), Err(WireError::TooLong(_))));
    let mut out = b"kept".to_vec();
    assert!(matches!(
        encode_into(Kind::Frame, &vec![0; LONGEST + 1], &mut out),
        Err(WireError::TooLong(_))
    ));
    assert!(encode_json(Kind::Record, &"x".repeat(LONGEST), &mut out).is_err());
    assert_eq!(out, b"kept");
}

#[test]
fn unknown_kinds_and_kinds_out_of_turn_are_errors() {
    for kind in [0, 10, 255] {
        assert!(matches!(split(&[0, 0, 0, 0, kind]), Err(WireError::UnknownKind(_))));
    }
    let message = Message { kind: Kind::Progress, payload: b"{}" };
    assert!(matches!(message.json::<Hello>(Kind::Hello), Err(WireError::Unexpected { .. })));
}

#[test]
fn unknown_requests_are_errors_and_unknown_fields_are_passed_over() {
    let json = |text: &'static str| Message { kind: Kind::Request, payload: text.as_bytes() };
    assert!(json(r#"{"request":"dance"}"#).json::<Request>(Kind::Request).is_err());
    let dump = "00000000000000000000000000000000";
    let text =
        format!(r#"{{"request":"forget","host":"h","dle":"d","dump":"{dump}","gently":true}}"#);
    assert!(serde_json::from_str::<Request>(&text).is_ok());
}

#[test]
fn large_frames_travel_in_pieces() {
    let stored = vec![7; 2 * PIECE + 1];
    let pieces: Vec<_> = FramePiece::cut(FrameKind::B, &stored).collect();
    let ends: Vec<_> = pieces.iter().map(|p| (p.flags.first, p.flags.last)).collect();
    assert_eq!(ends, [(true, false), (false, false), (false, true)]);
    let mut out = Vec::new();
    pieces.iter().for_each(|piece| piece.encode_into(&mut out).unwrap());
    let mut joined = Vec::new();
    let mut rest = &out[..];
    while let Some((message, behind)) = split(rest).unwrap() {
        joined.extend_from_slice(FramePiece::decode(message.payload).unwrap().bytes);
        rest = behind;
    }
    assert!(joined == stored);
}

#[test]
fn pieces_of_no_known_frame_are_refused() {
    for bad in [&b""[..], b"S", b"?\x03", b"S\x04"] {
        assert!(FramePiece::decode(bad).is_err(), "{bad:?}");
    }
    let long = [b"S\x03".to_vec(), vec![0; PIECE + 1]].concat();
    assert!(FramePiece::decode(&long).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let mut rest = &bytes[..];
        while let Ok(Some((message, behind))) = split(rest) {
            prop_assert!(message.payload.len() <= LONGEST);
            drop(FramePiece::decode(message.payload));
            drop(message.json::<Request>(Kind::Request));
            rest = behind;
        }
    }

    #[test]
    fn messages_survive_being_cut_anywhere(payloads in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
        let mut bytes = Vec::new();
        for payload in &payloads {
            encode_into(Kind::Record, payload, &mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        for payload in &payloads {
            let (message, behind) = split(rest).unwrap().unwrap();
            prop_assert_eq!(message.payload, &payload[..]);
            rest = behind;
        }
        prop_assert!(rest.is_empty());
    }
}
