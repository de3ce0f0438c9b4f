//! A tree on disk, dumped and put back in this process, and what a person would compare: a line for each entry.

#![expect(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use client::archive::{Sink, Source, dump};
use client::extract::Session;
use client::{Records, Selection, records};
use format::contents::{self, Contents};
use format::frame::FrameKind;
use format::index::{Reader, RecordKind, merge::Merge};
use format::wire::{
    DleSpec, DumpEnd, DumpRequest, Existing, FramePiece, Note, Progress, RestoreEnd, RestoreRecord,
    RestoreRequest, Severity, Wanted,
};
use types::{DumpId, FileTime, Level};

/// A dump, all of it in memory.
pub(crate) struct Image {
    pub(crate) bytes: Vec<u8>,
    pub(crate) contents: Contents,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) notes: Vec<Note>,
    pub(crate) end: DumpEnd,
}

/// How a tree is dumped, unless a test says otherwise.
pub(crate) fn spec(root: &Path) -> DleSpec {
    DleSpec {
        host: "localhost".parse().unwrap(),
        dle: "/tree".parse().unwrap(),
        path: root.as_os_str().as_bytes().to_vec().into(),
        include: Vec::new(),
        exclude: Vec::new(),
        exclude_files: Vec::new(),
        exclude_if_present: Vec::new(),
        exclude_caches: false,
        one_file_system: true,
        max_file_size: None,
        xattrs: true,
        acls: true,
        atime: false,
    }
}

pub(crate) fn id(number: u64) -> DumpId {
    DumpId::new(number, [0; 10])
}

pub(crate) fn request(dle: DleSpec, level: u16, base: Option<DumpId>) -> DumpRequest {
    DumpRequest {
        dle,
        dump: id(u64::from(level) + 1),
        level: Level::try_from(level).unwrap(),
        base,
        run: "20260101000000".parse().unwrap(),
        now: 0,
        workers: 2,
        zstd_level: 1,
        frame_size: 64 << 10,
    }
}

#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
    last: Vec<u8>,
    notes: Vec<Note>,
}

impl Sink for Memory {
    fn piece(&mut self, piece: FramePiece<'_>) -> io::Result<()> {
        self.bytes.extend_from_slice(piece.bytes);
        if piece.flags.first {
            self.last.clear();
        }
        self.last.extend_from_slice(piece.bytes);
        assert_eq!(piece.kind == FrameKind::C, self.last.starts_with(&[0x5d, 0x2a, 0x4d, 0x18]));
        Ok(())
    }

    fn note(&mut self, note: Note) -> io::Result<()> {
        self.notes.push(note);
        Ok(())
    }

    fn progress(&mut self, _: Progress) -> io::Result<()> {
        Ok(())
    }
}

/// The clock of a test that doesn't want to wait until times of change can be relied on. [`settle`] makes it true.
#[expect(clippy::disallowed_methods, reason = "files are stamped by the real clock")]
fn later() -> FileTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    FileTime { seconds: now.as_secs().cast_signed() + 10, nanos: now.subsec_nanos() }
}

/// Waits until the clock that files are stamped with has ticked.
pub(crate) fn settle(scratch: &Path) {
    let probe = scratch.join("probe");
    let stamp = || {
        fs::write(&probe, b"x").unwrap();
        let meta = fs::symlink_metadata(&probe).unwrap();
        (meta.mtime(), meta.mtime_nsec())
    };
    let first = stamp();
    while stamp() == first {}
    fs::remove_file(&probe).unwrap();
}

/// Dumps a tree at the next level of a chain.
pub(crate) fn dump_next(root: &Path, chain: &[Image]) -> Image {
    dump_with(spec(root), &Selection::all(), chain)
}

pub(crate) fn dump_with(dle: DleSpec, selection: &Selection, chain: &[Image]) -> Image {
    let level = u16::try_from(chain.len()).unwrap();
    let base = chain.last().map(|image| image.contents.identity.dump);
    dump_request(&request(dle, level, base), selection, chain.last())
}

pub(crate) fn dump_request(
    request: &DumpRequest,
    selection: &Selection,
    base: Option<&Image>,
) -> Image {
    let spool = tempfile::tempdir().unwrap();
    let base: Option<Records> =
        base.map(|image| records(io::Cursor::new(image.snapshot.clone())).unwrap());
    let mut snapshot = Vec::new();
    let mut sink = Memory::default();
    let source = Source {
        selection,
        base,
        snapshot: &mut snapshot,
        spool: spool.path(),
        program: "test",
        system: "test",
        clock: &later,
        notes: Vec::new(),
    };
    let end = dump(request, source, &mut sink).unwrap();
    settle(spool.path());
    let contents = contents::decode(&sink.last).unwrap();
    assert_eq!(end.total.stored_bytes, sink.bytes.len() as u64);
    assert_eq!(end.frames, contents.frames.len() as u64 + 1);
    Image { bytes: sink.bytes, contents, snapshot, notes: sink.notes, end }
}

impl Image {
    /// The notes that make the dump strange.
    pub(crate) fn strange(&self) -> Vec<String> {
        told(&self.notes, Severity::Strange)
    }

    /// The paths that the index names, those that are gone with a `-`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let reader = Reader::open(&self.contents.index[..]).unwrap();
        reader.verify().unwrap();
        let shown = reader.iter().map(|record| {
            let record = record.unwrap();
            let sign = if record.kind == RecordKind::Gone { "-" } else { "" };
            format!("{sign}{}", String::from_utf8_lossy(&record.path))
        });
        shown.collect()
    }
}

pub(crate) fn told(notes: &[Note], severity: Severity) -> Vec<String> {
    let chosen = notes.iter().filter(|note| note.severity == severity);
    chosen.map(|note| format!("{}: {}", note.path.clone().unwrap_or_default(), note.text)).collect()
}

/// Puts the state after the last dump of a chain below `target`, as the server would have it done.
pub(crate) fn restore(chain: &[Image], target: &Path) -> (RestoreEnd, Vec<Note>) {
    restore_some(chain, target, |_| true)
}

pub(crate) fn restore_some(
    chain: &[Image],
    target: &Path,
    wanted: impl Fn(&[u8]) -> bool,
) -> (RestoreEnd, Vec<Note>) {
    let readers: Vec<_> =
        chain.iter().map(|image| Reader::open(&image.contents.index[..]).unwrap()).collect();
    let mut frames: Vec<HashMap<u32, Vec<Wanted>>> = chain.iter().map(|_| HashMap::new()).collect();
    for found in Merge::new(&readers).unwrap() {
        let (dump, record) = found.unwrap();
        if wanted(&record.path) {
            frames[dump].entry(record.frame).or_default().push(Wanted::of(record));
        }
    }
    let mut session = Session::new(RestoreRequest {
        target: target.as_os_str().as_bytes().to_vec().into(),
        existing: Existing::Replace,
        owners: true,
        numeric_owners: true,
        attributes: true,
        entries: 0,
        bytes: 0,
    })
    .unwrap();
    for (image, mut wanted) in chain.iter().zip(frames) {
        send(image, &mut wanted, &mut session);
    }
    let end = session.finish();
    (end, session.take_notes())
}

fn send(image: &Image, wanted: &mut HashMap<u32, Vec<Wanted>>, session: &mut Session) {
    let mut inside_large = false;
    for (number, frame) in (0u32..).zip(image.contents.frames.frames()) {
        let entries = wanted.remove(&number);
        let continues = matches!(frame.kind, FrameKind::B | FrameKind::T);
        inside_large = if continues { inside_large } else { entries.is_some() };
        if entries.is_none() && !(continues && inside_large) {
            continue;
        }
        let record = RestoreRecord {
            dump: image.contents.identity.dump,
            frame: number,
            kind: frame.kind,
            stored: frame.stored,
            raw: frame.raw,
            sha256: frame.sha256,
            continues,
            entries: entries.unwrap_or_default(),
            lost: Vec::new(),
            because: None,
            more: false,
        };
        let from = usize::try_from(frame.offset).unwrap();
        let stored = &image.bytes[from..from + frame.stored as usize];
        assert_eq!(format::frame::digest(stored), frame.sha256);
        session.record(record).unwrap();
        FramePiece::cut(frame.kind, stored).for_each(|piece| session.piece(&piece).unwrap());
    }
}

/// One line for each entry of a tree: all that a restore must bring back.
pub(crate) fn manifest(root: &Path) -> Vec<String> {
    let mut first_names = HashMap::new();
    let mut lines = Vec::new();
    describe(root, Path::new(""), &mut first_names, &mut lines);
    lines
}

fn describe(
    root: &Path,
    path: &Path,
    first_names: &mut HashMap<(u64, u64), PathBuf>,
    lines: &mut Vec<String>,
) {
    let at = root.join(path);
    let meta = fs::symlink_metadata(&at).unwrap();
    let kind = meta.file_type();
    let what = if kind.is_dir() {
        "directory".to_owned()
    } else if kind.is_symlink() {
        format!("-> {:?}", fs::read_link(&at).unwrap())
    } else if kind.is_file() {
        format!("{} bytes, {}", meta.size(), content(&at, meta.size()))
    } else if kind.is_fifo() {
        "fifo".to_owned()
    } else if kind.is_socket() {
        return;
    } else {
        format!("device {}", meta.rdev())
    };
    let name = if kind.is_dir() || meta.nlink() == 1 {
        PathBuf::new()
    } else {
        first_names.entry((meta.dev(), meta.ino())).or_insert_with(|| path.to_owned()).clone()
    };
    lines.push(format!(
        "{path:?} {:o} {}:{} {}.{:09} {what} {name:?} {:?}",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec(),
        attributes(&at),
    ));
    if kind.is_dir() {
        let mut names: Vec<_> =
            fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            describe(root, &path.join(name), first_names, lines);
        }
    }
}

/// A digest of the contents by position, so that holes cost nothing.
fn content(path: &Path, size: u64) -> String {
    let Ok(file) = File::open(path) else { return "unreadable".to_owned() };
    let mut digest = 0u64;
    let mut at = 0;
    while at < size {
        let seek = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(at));
        let Ok(from) = seek else { break };
        let mut block = vec![0; 64 << 10];
        let len = file.read_at(&mut block, from).unwrap();
        for (i, &byte) in block[..len].iter().enumerate().filter(|(_, byte)| **byte != 0) {
            let place = (from + i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            digest =
                digest.wrapping_add((place ^ u64::from(byte)).wrapping_mul(0xff51_afd7_ed55_8ccd));
        }
        at = from + len.max(1) as u64;
    }
    format!("{digest:016x}")
}

fn attributes(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = Vec::with_capacity(64 << 10);
    if rustix::fs::llistxattr(path, rustix::buffer::spare_capacity(&mut names)).is_err() {
        return Vec::new();
    }
    let mut all: Vec<_> = names
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = Vec::with_capacity(64 << 10);
            let got = rustix::fs::lgetxattr(
                path,
                OsStr::from_bytes(name),
                rustix::buffer::spare_capacity(&mut value),
            );
            got.unwrap();
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect();
    all.sort();
    all
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sets the time of change of contents, of the entry itself and not of what it points to.
pub(crate) fn set_mtime(path: &Path, seconds: i64, nanos: i64) {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// True where user attributes can be set.
pub(crate) fn takes_attributes(directory: &Path) -> bool {
    let file = File::open(directory).unwrap();
    rustix::fs::fsetxattr(file.as_fd(), "user.probe", b"", rustix::fs::XattrFlags::empty()).is_ok()
}
