//! The agent as the server meets it: a process at the other end of two pipes.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use common::{id, is_root, manifest, request, settle, spec};
use format::contents;
use format::frame::FrameKind;
use format::index::{Reader, RecordKind};
use format::wire::{
    self, DleSpec, DumpEnd, EstimateBase, Existing, FramePiece, Hello, Kind, Note, PREFIX, Reply,
    Request, RestoreEnd, RestoreRecord, RestoreRequest, Severity, Status, Trouble, Wanted,
};
use types::{DumpId, Level};

/// The other side of a conversation.
struct Server {
    agent: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
}

/// What comes of a dump.
#[derive(Debug)]
struct Dumped {
    image: Vec<u8>,
    contents: contents::Contents,
    notes: Vec<Note>,
    /// How often it was said how far the dump is.
    progress: usize,
    end: DumpEnd,
}

impl Server {
    fn start(state: &Path) -> Self {
        Self::start_as(state, None)
    }

    /// Starts the agent as another user, if this test is root.
    fn start_as(state: &Path, user: Option<u32>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelkeep-agent"));
        command.arg("serve").arg("--state").arg(state);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(user) = user.filter(|_| is_root()) {
            command.uid(user).gid(user);
        }
        let mut agent = command.spawn().unwrap();
        let (to, from) = (agent.stdin.take(), agent.stdout.take().unwrap());
        let mut server = Self { agent, to, from };
        server.send(Kind::Hello, &Hello::ours("test"));
        let (kind, payload) = server.next().unwrap();
        wire::Message { kind, payload: &payload }.json::<Hello>(Kind::Hello).unwrap();
        server
    }

    fn send<T: serde::Serialize>(&mut self, kind: Kind, value: &T) {
        let mut bytes = Vec::new();
        wire::encode_json(kind, value, &mut bytes).unwrap();
        self.to.as_mut().unwrap().write_all(&bytes).unwrap();
    }

    fn next(&mut self) -> Option<(Kind, Vec<u8>)> {
        let mut prefix = [0; PREFIX];
        self.from.read_exact(&mut prefix).ok()?;
        let (kind, len) = wire::read_prefix(prefix).unwrap();
        let mut payload = vec![0; len];
        self.from.read_exact(&mut payload).unwrap();
        Some((kind, payload))
    }

    fn ask(&mut self, request: &Request) -> Reply {
        self.send(Kind::Request, request);
        let (kind, payload) = self.next().unwrap();
        wire::Message { kind, payload: &payload }.json(Kind::Reply).unwrap()
    }

    fn dump(&mut self, dle: DleSpec, level: u16, base: Option<types::DumpId>) -> Dumped {
        let request = Request::Dump(request(dle, level, base));
        assert_eq!(self.ask(&request), Reply::Ready);
        let (mut image, mut last, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut progress = 0;
        loop {
            let (kind, payload) = self.next().unwrap();
            let message = wire::Message { kind, payload: &payload };
            match kind {
                Kind::Frame => {
                    let piece = FramePiece::decode(&payload).unwrap();
                    if piece.flags.first {
                        last.clear();
                    }
                    last.extend_from_slice(piece.bytes);
                    image.extend_from_slice(piece.bytes);
                }
                Kind::Message => notes.push(message.json(Kind::Message).unwrap()),
                Kind::Progress => progress += 1,
                _ => {
                    let end = message.json(Kind::End).unwrap();
                    let contents = contents::decode(&last).unwrap();
                    return Dumped { image, contents, notes, progress, end };
                }
            }
        }
    }

    fn confirm(&mut self, dle: &DleSpec, dump: types::DumpId, keep: Vec<types::DumpId>) {
        let (host, dle) = (dle.host.clone(), dle.dle.clone());
        assert_eq!(self.ask(&Request::Confirm { host, dle, dump, keep }), Reply::Done);
    }

    /// Closes the conversation and waits for the agent's exit code.
    fn close(mut self) -> Option<i32> {
        drop(self.to.take());
        self.agent.wait().unwrap().code()
    }
}

fn strange(notes: &[Note]) -> Vec<String> {
    common::told(notes, Severity::Strange)
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for i in 0..40usize {
        let directory = tree.path().join(format!("d{}", i % 4));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(i.to_string()), vec![b'x'; i * 4000]).unwrap();
    }
    tree
}

#[test]
fn a_night_of_a_dle_from_check_to_restore() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    let state = dir.path().join("state");
    let dle = spec(tree.path());
    let mut server = Server::start(&state);
    match server.ask(&Request::Check { dle: dle.clone(), bases: Vec::new() }) {
        Reply::Checked { notes } => assert_eq!(strange(&notes), [""; 0]),
        other => panic!("{other:?}"),
    }
    let full = server.dump(dle.clone(), 0, None);
    assert_eq!((full.end.status, full.end.total.entries), (Status::Good, 45));
    server.confirm(&dle, id(1), Vec::new());
    assert_eq!(server.close(), Some(0));

    settle(dir.path());
    fs::write(tree.path().join("d0/0"), b"changed").unwrap();
    fs::remove_file(tree.path().join("d1/1")).unwrap();
    settle(dir.path());
    let mut server = Server::start(&state);
    match server.ask(&Request::Check { dle: dle.clone(), bases: vec![id(1), id(7)] }) {
        Reply::Checked { notes } => {
            let told = |dump: DumpId| notes.iter().any(|n| n.text.contains(&dump.to_string()));
            assert_eq!((told(id(1)), told(id(7))), (false, true), "{notes:?}");
        }
        other => panic!("{other:?}"),
    }
    let bases = [(0, None), (1, Some(id(1))), (2, Some(id(7)))];
    let bases = bases
        .map(|(level, base)| EstimateBase { level: Level::try_from(level).unwrap(), base })
        .to_vec();
    let Reply::Estimates { estimates } = server.ask(&Request::Estimate { dle: dle.clone(), bases })
    else {
        panic!("no estimates")
    };
    let sizes: Vec<_> = estimates.iter().map(|estimate| estimate.size).collect();
    let (Some(full_size), Some(level_1), None) = (sizes[0], sizes[1], sizes[2]) else {
        panic!("{sizes:?}")
    };
    assert_eq!(full_size.0, 44);
    let incremental = server.dump(dle.clone(), 1, Some(id(1)));
    assert_eq!(level_1.0, incremental.end.total.entries);
    assert_eq!(level_1.1, incremental.end.total.raw_bytes);

    let target = dir.path().join("target");
    let (end, _) = restore(&mut server, &[&full, &incremental], &target);
    assert_eq!(end.failed, 0);
    assert_eq!(manifest(&target), manifest(tree.path()));
    assert_eq!(server.close(), Some(0));
}

#[test]
fn a_sparse_file_is_estimated_by_what_it_holds() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sparse = fs::File::create(tree.path().join("sparse.img")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    for page in 0..600u64 {
        std::os::unix::fs::FileExt::write_all_at(&sparse, &[7; 8192], page * (16 << 20)).unwrap();
    }
    fs::File::create(tree.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
    sparse.sync_all().unwrap();
    let dle = spec(tree.path());
    let mut server = Server::start(&dir.path().join("state"));
    let bases = vec![EstimateBase { level: Level::FULL, base: None }];
    let Reply::Estimates { estimates } = server.ask(&Request::Estimate { dle: dle.clone(), bases })
    else {
        panic!("no estimates")
    };
    let (_, estimated) = estimates[0].size.unwrap();
    let raw = server.dump(dle, 0, None).end.total.raw_bytes;
    assert!(raw > 600 * 8192 && estimated.abs_diff(raw) < raw / 20, "{estimated} against {raw}");
    server.close();
}

#[test]
fn a_walk_that_finds_nothing_new_is_not_silent() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..33_000 {
        std::os::unix::fs::symlink("nowhere", tree.path().join(number.to_string())).unwrap();
    }
    let dle = spec(tree.path());
    let mut server = Server::start(&dir.path().join("state"));
    let full = server.dump(dle.clone(), 0, None);
    server.confirm(&dle, full.end.dump, Vec::new());
    let next = server.dump(dle.clone(), 1, Some(full.end.dump));
    assert!(next.progress >= 2, "a word for every 16384 entries: {}", next.progress);

    let bases = vec![EstimateBase { level: Level::FULL, base: None }];
    server.send(Kind::Request, &Request::Estimate { dle, bases });
    let kinds: Vec<Kind> = std::iter::from_fn(|| server.next())
        .map(|(kind, _)| kind)
        .take_while(|kind| *kind != Kind::Reply)
        .collect();
    assert_eq!(kinds, [Kind::Progress, Kind::Progress]);
    server.close();
}

/// Has the agent restore a chain, all of it.
fn restore(server: &mut Server, chain: &[&Dumped], target: &Path) -> (RestoreEnd, Vec<Note>) {
    let ready = server.ask(&Request::Restore(RestoreRequest {
        target: target.as_os_str().as_encoded_bytes().to_vec().into(),
        existing: Existing::Replace,
        owners: true,
        numeric_owners: true,
        attributes: true,
        entries: 0,
        bytes: 0,
    }));
    assert_eq!(ready, Reply::Ready);
    let mut gone: Vec<Vec<u8>> = Vec::new();
    let mut newest = BTreeMap::new();
    for (number, dumped) in chain.iter().enumerate() {
        for record in Reader::open(&dumped.contents.index[..]).unwrap().iter() {
            let record = record.unwrap();
            match record.kind {
                RecordKind::Gone => gone.push(record.path),
                _ => drop(newest.insert(record.path.clone(), (number, record))),
            }
        }
    }
    newest.retain(|path, _| !gone.contains(path));
    for (number, dumped) in chain.iter().enumerate() {
        let mut inside = false;
        for (frame_number, frame) in (0u32..).zip(dumped.contents.frames.frames()) {
            let here = |record: &&format::index::Record| record.frame == frame_number;
            let mut records: Vec<_> = newest
                .values()
                .filter(|(dump, _)| *dump == number)
                .map(|(_, record)| record)
                .filter(here)
                .collect();
            records.sort_by_key(|record| record.offset);
            let continues = matches!(frame.kind, FrameKind::B | FrameKind::T);
            inside = if continues { inside } else { !records.is_empty() };
            if !inside {
                continue;
            }
            let wanted = records.iter().map(|record| Wanted::of((*record).clone()));
            let record = RestoreRecord {
                dump: dumped.contents.identity.dump,
                frame: frame_number,
                kind: frame.kind,
                stored: frame.stored,
                raw: frame.raw,
                sha256: frame.sha256,
                continues,
                entries: wanted.collect(),
                lost: Vec::new(),
                because: None,
                more: false,
            };
            server.send(Kind::Record, &record);
            let from = usize::try_from(frame.offset).unwrap();
            let stored = &dumped.image[from..from + frame.stored as usize];
            for piece in FramePiece::cut(frame.kind, stored) {
                let mut bytes = Vec::new();
                piece.encode_into(&mut bytes).unwrap();
                server.to.as_mut().unwrap().write_all(&bytes).unwrap();
            }
        }
    }
    server.send(Kind::End, &());
    let mut notes = Vec::new();
    loop {
        let (kind, payload) = server.next().unwrap();
        let message = wire::Message { kind, payload: &payload };
        match kind {
            Kind::Message => notes.push(message.json(Kind::Message).unwrap()),
            Kind::End => return (message.json(Kind::End).unwrap(), notes),
            _ => {}
        }
    }
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn an_agent_whose_target_is_full_says_so_at_once_and_passes_over_the_rest() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    let target = dir.path().join("target");
    fs::create_dir(&target).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        assert!(command.args(arguments).arg(&target).status().unwrap().success());
    };
    run("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs"]);
    let mut server = Server::start(&dir.path().join("state"));
    let full = server.dump(spec(tree.path()), 0, None);
    let (end, notes) = restore(&mut server, &[&full], &target);
    let conversation_goes_on =
        server.ask(&Request::Check { dle: spec(tree.path()), bases: vec![] });
    run("umount", &[]);
    assert!(end.failed > 0 && end.bytes > 0, "{end:?}");
    let told = strange(&notes);
    assert!(told.len() == 1 && told[0].contains("is full"), "{told:?}");
    assert!(matches!(conversation_goes_on, Reply::Checked { .. }));
    assert_eq!(server.close(), Some(0));
}

#[test]
fn a_base_that_is_not_there_is_said_so_and_the_conversation_goes_on() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    let dle = spec(tree.path());
    let mut server = Server::start(&dir.path().join("state"));
    let asked = Request::Dump(request(dle.clone(), 1, Some(id(9))));
    assert_eq!(server.ask(&asked), Reply::NoBase { base: id(9) });
    server.dump(dle.clone(), 0, None);
    let (host, name) = (dle.host.clone(), dle.dle.clone());
    assert_eq!(server.ask(&Request::Forget { host, dle: name, dump: id(1) }), Reply::Done);
    let asked = Request::Dump(request(dle, 1, Some(id(1))));
    assert_eq!(server.ask(&asked), Reply::NoBase { base: id(1) });
    assert_eq!(server.close(), Some(0));
}

#[test]
fn what_cannot_be_dumped_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(&dir.path().join("state"));
    let nowhere = spec(&dir.path().join("nowhere"));
    let Reply::Refused(Trouble { text, causes }) =
        server.ask(&Request::Dump(request(nowhere.clone(), 0, None)))
    else {
        panic!("not refused")
    };
    assert!(text.contains("nowhere") && causes.len() == 1, "{text} {causes:?}");
    match server.ask(&Request::Check { dle: nowhere, bases: Vec::new() }) {
        Reply::Checked { notes } => assert_eq!(strange(&notes).len(), 1),
        other => panic!("{other:?}"),
    }
    let mut unclear = spec(dir.path());
    unclear.exclude = vec!["a[b".to_owned()];
    let refused = server.ask(&Request::Dump(request(unclear, 0, None)));
    assert!(matches!(refused, Reply::Refused(_)));
    assert_eq!(server.close(), Some(0));
}

#[test]
fn exclude_files_are_read_on_the_client() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    fs::write(tree.path().join("exclude"), b"./d0\n\n*/1?\n\xff\n").unwrap();
    let mut dle = spec(tree.path());
    dle.exclude_files = [&b"exclude"[..], b"/no/such/file"].map(Into::into).to_vec();
    let mut server = Server::start(&dir.path().join("state"));
    let dumped = server.dump(dle, 0, None);
    assert_eq!(strange(&dumped.notes).len(), 2, "{:?}", dumped.notes);
    let reader = Reader::open(&dumped.contents.index[..]).unwrap();
    let paths: Vec<_> = reader.iter().map(|record| record.unwrap().path).collect();
    assert!(!paths.contains(&b"d0".to_vec()) && !paths.contains(&b"d1/13".to_vec()));
    assert!(paths.contains(&b"d1/1".to_vec()));
    server.close();
}

#[test]
fn what_cannot_be_read_is_strange_and_its_older_version_stays() {
    const NOBODY: u32 = 65_534;
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let state = dir.path().join("state");
    fs::create_dir(&state).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let close = |path: &str| {
        let path = tree.path().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
    };
    let open = |path: &str| {
        let path = tree.path().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let dle = spec(tree.path());
    settle(dir.path());
    let paths = |dumped: &Dumped| -> Vec<String> {
        let reader = Reader::open(&dumped.contents.index[..]).unwrap();
        let shown = reader.iter().map(|record| {
            let record = record.unwrap();
            let sign = if record.kind == RecordKind::Gone { "-" } else { "" };
            format!("{sign}{}", String::from_utf8_lossy(&record.path))
        });
        shown.collect()
    };

    let mut server = Server::start_as(&state, Some(NOBODY));
    server.dump(dle.clone(), 0, None);
    server.confirm(&dle, id(1), Vec::new());
    close("d1");
    close("d0/4");
    let closed = server.dump(dle.clone(), 1, Some(id(1)));
    assert_eq!(closed.end.status, Status::Strange);
    let told = strange(&closed.notes).join("\n");
    assert!(told.contains("d1: ") && told.contains("d0/4: "), "{told}");
    assert!(!paths(&closed).iter().any(|path| path.starts_with('-')), "{:?}", paths(&closed));
    server.confirm(&dle, id(2), Vec::new());

    open("d1");
    open("d0/4");
    fs::remove_file(tree.path().join("d1/1")).unwrap();
    let opened = server.dump(dle, 2, Some(id(2)));
    assert_eq!(opened.end.status, Status::Good);
    let paths = paths(&opened);
    for path in ["d0/4", "d1", "-d1/1", "d1/5"] {
        assert!(paths.iter().any(|have| have == path), "{path} is not in {paths:?}");
    }
    server.close();
}

#[test]
fn an_agent_whose_server_goes_away_ends() {
    let (dir, tree) = (tempfile::tempdir().unwrap(), tree());
    for i in 0..200 {
        let noise: Vec<u8> =
            (0..60_000u64).map(|n| ((n * n * (i + 7)) >> 9).to_le_bytes()[0]).collect();
        fs::write(tree.path().join(format!("noise {i}")), noise).unwrap();
    }
    let mut server = Server::start(&dir.path().join("state"));
    let dle = spec(tree.path());
    assert_eq!(server.ask(&Request::Dump(request(dle.clone(), 0, None))), Reply::Ready);
    let Server { mut agent, to, from } = server;
    drop((to, from));
    assert_eq!(agent.wait().unwrap().code(), Some(2));

    let mut server = Server::start(&dir.path().join("state"));
    let asked = Request::Dump(request(dle, 1, Some(id(1))));
    assert_eq!(server.ask(&asked), Reply::NoBase { base: id(1) }, "half a snapshot is none");
    server.close();
}

#[test]
fn nonsense_is_answered_with_an_error_and_an_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    server.send(Kind::Request, &"what?");
    let (kind, payload) = server.next().unwrap();
    let trouble: Trouble = wire::Message { kind, payload: &payload }.json(Kind::Error).unwrap();
    assert!(trouble.text.contains("understand"), "{trouble:?}");
    assert!(server.next().is_none());
    assert_eq!(server.close(), Some(2));
}

#[test]
fn the_command_line_has_exit_codes() {
    let run = |arguments: &[&str]| {
        let agent = env!("CARGO_BIN_EXE_reelkeep-agent");
        Command::new(agent).args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(version.stdout.starts_with(b"reelkeep-agent "));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert_eq!(run(&["serve"]).status.code(), Some(3));
    // Who asks for nothing that is kept needs no state.
    assert_eq!(run(&["serve", "--state", "/proc/no/such"]).status.code(), Some(0));
}

#[test]
fn without_its_state_an_agent_dumps_nothing_and_says_why() {
    let tree = tree();
    let mut server = Server::start(Path::new("/proc/no/such"));
    server.send(Kind::Request, &Request::Dump(request(spec(tree.path()), 0, None)));
    let (kind, payload) = server.next().unwrap();
    let trouble: Trouble = wire::Message { kind, payload: &payload }.json(Kind::Error).unwrap();
    let told = format!("{} {:?}", trouble.text, trouble.causes);
    assert!(told.contains("/proc/no/such"), "{told}");
    assert_eq!(server.close(), Some(2));
}
