//! A worker: reads what the walk has found, and makes frames of it.
//!
//! Workers keep their buffers and their compressor from one task to the next. A small file costs an open, a list of
//! attributes, a read, a last look and a close. The last look is what makes a member true: if the file is not what
//! the walk saw, it is read once more as it is now, and if it changes again, the dump is strange.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Receiver;
use format::entry::{Entry, Kind};
use format::frame::{Encoder, FrameKind, digest};
use format::index::{Record, RecordKind};
use format::tar;
use rustix::fs::{FileType, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::DumpError;
use super::content::{Map, Met, data_len, fill};
use super::job::{Item, Job, Made, MadeFrame, Member, Part, Row, Task, What, map_of, strange};
use crate::attributes::{self, Attributes, Named, Open};
use crate::owners::Owners;
use crate::stat::Stat;

/// A bundle with more raw bytes than this, for all the attributes in it, goes into several frames.
const FRAME_FULL: usize = 32 << 20;

/// What all workers need.
pub(super) struct Shared {
    pub(super) owners: Owners,
    pub(super) attributes: attributes::Wanted,
    pub(super) atime: bool,
    pub(super) zstd_level: i32,
    pub(super) frame_size: u64,
    pub(super) opener: Opener,
}

/// Opens files without leaving a trace on them, where the kernel allows that.
pub(super) struct Opener {
    /// The owner whose files may be read without touching their times; `None` once nobody's may.
    own: u32,
    privileged: AtomicBool,
}

impl Opener {
    pub(super) fn new() -> Self {
        let own = rustix::process::geteuid();
        Self { own: own.as_raw(), privileged: AtomicBool::new(own.is_root()) }
    }

    /// Opens the regular file `name`. Whatever has come in its place is not waited for.
    pub(super) fn open(
        &self,
        directory: impl AsFd,
        name: &CStr,
        owner: u32,
    ) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let privileged = self.privileged.load(Ordering::Relaxed);
        if privileged || owner == self.own {
            match openat(&directory, name, flags | OFlags::NOATIME, Mode::empty()) {
                Err(Errno::PERM) if owner != self.own => {
                    self.privileged.store(false, Ordering::Relaxed);
                }
                Err(Errno::PERM) => {}
                other => return other,
            }
        }
        openat(directory, name, flags, Mode::empty())
    }
}

/// The raw bytes of a frame. What is behind `used` is left from before, so that nothing is cleared twice.
#[derive(Default)]
struct Raw {
    bytes: Vec<u8>,
    used: usize,
}

impl Raw {
    fn room(&mut self, len: usize) -> &mut [u8] {
        let from = self.used;
        self.used += len;
        if self.bytes.len() < self.used {
            self.bytes.resize(self.used, 0);
        }
        &mut self.bytes[from..self.used]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }
}

pub(super) struct Worker<'a> {
    shared: &'a Shared,
    encoder: Encoder,
    raw: Raw,
    header: Vec<u8>,
    reader: attributes::Reader,
    /// Buffers of frames that were sent.
    used: Receiver<Vec<u8>>,
}

/// Why an entry is not in the archive.
struct Unreadable(String);

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self(if error.kind() == io::ErrorKind::NotFound {
            "it vanished before it was read".to_owned()
        } else {
            format!("it cannot be read: {error}")
        })
    }
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// A member in the raw bytes: how it was in the end, and what there is to say about it.
struct Written {
    stat: Stat,
    trouble: Vec<String>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared, used: Receiver<Vec<u8>>) -> Result<Self, DumpError> {
        Ok(Self {
            shared,
            encoder: Encoder::new(shared.zstd_level).map_err(DumpError::Frame)?,
            raw: Raw::default(),
            header: Vec::new(),
            reader: attributes::Reader::new(shared.attributes),
            used,
        })
    }

    /// Works until no more jobs come, or nobody wants the results.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        for Job { task, reply } in jobs {
            let made = self.perform(task);
            if reply.send(made).is_err() {
                return;
            }
        }
    }

    fn perform(&mut self, task: Task) -> Result<Made, DumpError> {
        self.raw.used = 0;
        match task {
            Task::Bundle(items) => self.bundle(items),
            Task::Head(member, large) => {
                let found = self.reader.read(&Open(&large.file));
                let entry = self.entry(&member, &large.stat, Kind::File, found, map_of(&large));
                self.header(&entry.0, large.data_len());
                let mut made = Made { part: Part::Head, ..Made::default() };
                let data = large.data_len();
                let length = self.raw.used as u64 + data + tar::padding(data) as u64;
                let written = Written { stat: large.stat, trouble: entry.1 };
                self.row(*member, 0, 0, length, Ok(written), &mut made.rows);
                made.frames.push(self.seal(FrameKind::H)?);
                Ok(made)
            }
            Task::Block { large, at, len, padding, kind, last } => {
                let met = fill(&large.file, map_of(&large), at, self.raw.room(len));
                self.raw.room(padding).fill(0);
                let frames = vec![self.seal(kind)?];
                let part = Part::Block { met, last: last.then_some(large) };
                Ok(Made { frames, rows: Vec::new(), part })
            }
            Task::Raw(kind, bytes) => {
                self.raw.push(&bytes);
                Ok(Made { frames: vec![self.seal(kind)?], ..Made::default() })
            }
        }
    }

    fn bundle(&mut self, items: Vec<Item>) -> Result<Made, DumpError> {
        let mut made = Made::default();
        made.rows.reserve(items.len());
        for item in items {
            match item {
                Item::Kept(snap) => made.rows.push(Row::Kept(snap)),
                Item::Gone(path) => made.rows.push(Row::Gone(path)),
                Item::Missed(snap, note) => made.rows.push(Row::Missed(snap, note)),
                Item::Note(note) => made.rows.push(Row::Note(note)),
                Item::Member(member) => {
                    if self.raw.used >= FRAME_FULL {
                        made.frames.push(self.seal(FrameKind::S)?);
                    }
                    let (frame, from) = (made.frames.len(), self.raw.used);
                    let written = self.member(&member);
                    if written.is_err() {
                        self.raw.used = from;
                    }
                    let length = (self.raw.used - from) as u64;
                    self.row(*member, frame, from, length, written, &mut made.rows);
                }
            }
        }
        if self.raw.used > 0 {
            made.frames.push(self.seal(FrameKind::S)?);
        }
        Ok(made)
    }

    /// Adds what index and snapshot learn of a member, and what there is to say about it.
    fn row(
        &self,
        member: Member,
        frame: usize,
        offset: usize,
        raw_len: u64,
        written: Result<Written, Unreadable>,
        rows: &mut Vec<Row>,
    ) {
        let Member { snap, what, .. } = member;
        let written = match written {
            Ok(written) => written,
            Err(Unreadable(text)) => return rows.push(Row::missed(snap, text)),
        };
        let stat = written.stat;
        let link = if let What::Link(of) = what { of } else { Vec::new() };
        let record = Record {
            path: snap.path.clone(),
            kind: snap.kind,
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            size: if snap.kind == RecordKind::File { stat.size } else { 0 },
            mtime: stat.mtime,
            frame: u32::try_from(frame).unwrap_or(u32::MAX),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            raw_len,
            link,
        };
        let notes: Vec<Row> =
            written.trouble.into_iter().map(|text| Row::Note(strange(&snap.path, text))).collect();
        rows.push(Row::Archived { snap, record });
        rows.extend(notes);
    }

    /// Puts a whole member into the raw bytes.
    fn member(&mut self, member: &Member) -> Result<Written, Unreadable> {
        let stat = member.stat;
        let (major, minor) = stat.device;
        let parent = member.parent.open()?;
        let kind = match &member.what {
            What::File => return self.file(member, &parent),
            What::Sparse(large) => {
                let (file, stat) = (&large.file, &large.stat);
                let found = self.reader.read(&Open(file));
                let mut written = self.contents(member, stat, file, map_of(large), found)?;
                let now = Stat::of(file)?;
                if !now.same_content(stat) {
                    written.trouble.push(changed(stat.size, now.size));
                }
                return Ok(written);
            }
            What::Directory { own, .. } => {
                let found = match own.as_ref().map(|own| own.open()) {
                    Some(Ok(handle)) => self.reader.read(&Open(handle)),
                    _ => self.reader.read(&Named::new(&parent, &member.name)),
                };
                return Ok(self.headers_only(member, Kind::Directory, found));
            }
            What::Link(target) => {
                let kind = Kind::HardLink { target: target.clone() };
                return Ok(self.headers_only(member, kind, Attributes::default()));
            }
            What::Symlink => {
                let target = readlinkat(&parent, member.name.as_c_str(), Vec::new())
                    .map_err(|why| match why {
                        Errno::INVAL => Unreadable("it changed its type while it was read".into()),
                        why => why.into(),
                    })?
                    .into_bytes();
                Kind::Symlink { target }
            }
            What::Fifo => Kind::Fifo,
            What::CharDevice => Kind::CharDevice { major, minor },
            What::BlockDevice => Kind::BlockDevice { major, minor },
        };
        let found = self.reader.read(&Named::new(&parent, &member.name));
        Ok(self.headers_only(member, kind, found))
    }

    fn headers_only(&mut self, member: &Member, kind: Kind, found: Attributes) -> Written {
        let (entry, trouble) = self.entry(member, &member.stat, kind, found, None);
        self.header(&entry, 0);
        Written { stat: member.stat, trouble }
    }

    /// A file that fits into the bundle.
    fn file(&mut self, member: &Member, parent: impl AsFd) -> Result<Written, Unreadable> {
        let file = self.shared.opener.open(parent, &member.name, member.stat.uid)?;
        let from = self.raw.used;
        let found = self.reader.read(&Open(&file));
        let map = Map::of(&file, &member.stat);
        let first = self.contents(member, &member.stat, &file, map.as_ref(), found)?;
        let now = Stat::of(&file)?;
        if now.same_content(&member.stat) {
            return Ok(first);
        }
        if now.file_type != FileType::RegularFile {
            return Err(Unreadable("it changed its type while it was read".to_owned()));
        }
        let replaced = now.identity != member.stat.identity;
        if replaced && member.stat.nlink > 1 {
            return Err(Unreadable("it was replaced while it was read".to_owned()));
        }
        // It changed between the walk and the read: archive it as it is now, if it stays that way. A file that has
        // grown out of the bundle keeps the length that the walk saw.
        let now = if now.size > self.shared.frame_size {
            Stat { size: member.stat.size, ..now }
        } else {
            now
        };
        self.raw.used = from;
        let found = self.reader.read(&Open(&file));
        let map = Map::of(&file, &now);
        let mut second = self.contents(member, &now, &file, map.as_ref(), found)?;
        let last = Stat::of(&file)?;
        if !last.same_content(&now) {
            second.trouble.push(changed(now.size, last.size));
        }
        Ok(second)
    }

    /// Headers and data of a file.
    fn contents(
        &mut self,
        member: &Member,
        stat: &Stat,
        file: impl AsFd,
        map: Option<&Map>,
        found: Attributes,
    ) -> Result<Written, Unreadable> {
        let (entry, mut trouble) = self.entry(member, stat, Kind::File, found, map);
        let data = data_len(stat, map);
        self.header(&entry, data);
        let len = usize::try_from(data).map_err(|_| Unreadable("it is too long".to_owned()))?;
        // That bytes are missing shows in the last look at the file, which the caller takes.
        let Met { error, .. } = fill(file, map, 0, self.raw.room(len));
        self.raw.room(tar::padding(data)).fill(0);
        if let Some(error) = error {
            trouble.push(unreadable_stretch(&error));
        }
        Ok(Written { stat: *stat, trouble })
    }

    fn header(&mut self, entry: &Entry, data: u64) {
        self.header.clear();
        tar::encode_header(entry, data, &mut self.header);
        self.raw.push(&self.header);
    }

    /// The entry that tar will tell of, and what could not be read for it.
    fn entry(
        &self,
        member: &Member,
        stat: &Stat,
        kind: Kind,
        found: Attributes,
        map: Option<&Map>,
    ) -> (Entry, Vec<String>) {
        let owners = &self.shared.owners;
        let entry = Entry {
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            user: owners.users.name(stat.uid),
            group: owners.groups.name(stat.gid),
            size: if kind == Kind::File { stat.size } else { 0 },
            mtime: stat.mtime,
            atime: self.shared.atime.then_some(stat.atime),
            xattrs: found.xattrs,
            acl_access: found.acl_access,
            acl_default: found.acl_default,
            dumpdir: match &member.what {
                What::Directory { dumpdir, .. } => dumpdir.clone(),
                _ => None,
            },
            sparse: map.map(|map| map.extents.clone()),
            ..Entry::new(member.snap.path.clone(), kind)
        };
        (entry, found.trouble)
    }

    /// Compresses the raw bytes into a frame and begins anew.
    fn seal(&mut self, kind: FrameKind) -> Result<MadeFrame, DumpError> {
        let raw = &self.raw.bytes[..self.raw.used];
        let mut stored = self.used.try_recv().unwrap_or_default();
        self.encoder.encode(raw, &mut stored).map_err(DumpError::Frame)?;
        let frame = MadeFrame {
            kind,
            sha256: digest(&stored),
            raw: u32::try_from(raw.len()).unwrap_or(u32::MAX),
            stored,
        };
        self.raw.used = 0;
        Ok(frame)
    }
}

/// What to say of a file that had other bytes after it was read.
pub(super) fn changed(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Less => {
            format!("it shrank from {before} to {after} bytes while it was read")
        }
        std::cmp::Ordering::Equal => "it changed while it was read".to_owned(),
        std::cmp::Ordering::Greater => {
            format!("it grew from {before} to {after} bytes while it was read")
        }
    }
}

/// What to say of a file that ended early.
pub(super) fn cut_short(missing: u64) -> String {
    format!("it shrank while it was read: {missing} bytes are zeros in the archive")
}

/// What to say of a file that the disk gives only in part.
pub(super) fn unreadable_stretch(error: &io::Error) -> String {
    format!("a part of it cannot be read, and is zeros in the archive: {error}")
}
