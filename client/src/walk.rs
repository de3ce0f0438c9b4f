//! One pass over a tree.
//!
//! The walk goes depth first with the names of each directory sorted bytewise, a directory before what is in
//! it: the order of the image, the index and the snapshot. It keeps one listing for each level that it stands
//! in, and nothing of what it has passed, so its memory grows with the depth and the largest directory and
//! not with the tree.
//!
//! It asks the kernel once for each entry and tells what it saw as [`Event`]s; it reads no file. What could
//! not be seen is told apart from what is not there: the first keeps its older versions, the second is gone.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use types::FileTime;

use crate::directory::{Budget, Directory, LIST};
use crate::select::{CACHE_SIGNATURE, Selection, Verdict};
use crate::stat::{Identity, Stat};

/// The name at the root of a tree that images keep for themselves.
pub(crate) const RESERVED: &[u8] = b".reelkeep";

/// A tree that cannot be walked at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot walk {path}: see that it is a directory that the agent may read")]
pub struct WalkError {
    path: String,
    #[source]
    source: io::Error,
}

/// The receiver wants no more: the walk ends where it is.
#[derive(Debug)]
pub(crate) struct Stop;

/// How a walk ends before its time.
#[derive(Debug)]
pub(crate) enum Ended {
    Stopped,
    Failed(WalkError),
}

impl From<Stop> for Ended {
    fn from(Stop: Stop) -> Self {
        Self::Stopped
    }
}

/// What is walked, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) root: &'a Path,
    pub(crate) selection: &'a Selection,
    /// Directories on other file systems are taken as empty.
    pub(crate) one_file_system: bool,
}

/// An entry that belongs to the dump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// Relative to the root, whose own path is empty.
    pub(crate) path: &'a [u8],
    pub(crate) stat: &'a Stat,
    /// The directory that it is in, and its name there; the root is `.` in itself.
    pub(crate) parent: &'a Arc<Directory>,
    pub(crate) name: &'a CStr,
    pub(crate) inside: Inside<'a>,
    /// A moment not after the one in which `stat` was taken.
    pub(crate) as_of: FileTime,
}

/// What is in an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inside<'a> {
    /// It is no directory.
    Nothing,
    /// These names; they come next.
    Names { own: &'a Arc<Directory>, names: &'a Names },
    /// Another file system, which is not walked.
    MountPoint,
    /// Something, but it could not be listed: what is known of it from before stays true.
    Unreadable(&'a io::Error),
}

/// What the walk tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    Found(Found<'a>),
    /// It is there, but nothing can be said about it.
    Unseen {
        path: &'a [u8],
        why: &'a io::Error,
    },
    /// It was listed, and gone when it was looked at.
    Vanished {
        path: &'a [u8],
    },
    /// It is there, and left out by a rule that the operator may not have in mind.
    Passed {
        path: &'a [u8],
        why: Passed,
    },
}

/// Why an entry was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Socket,
    TooLarge(u64),
    UnknownType,
    /// It has the name that images use for themselves.
    Reserved,
}

/// The names in one directory, sorted bytewise.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The names, each with a NUL behind it.
    bytes: Vec<u8>,
    list: Vec<Name>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    start: usize,
    /// Without the NUL.
    end: usize,
    is_directory: bool,
    /// All below it is wanted unless excluded.
    wanted: bool,
}

impl Names {
    /// The names, and whether each is a directory's.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.list.iter().map(|name| (&self.bytes[name.start..name.end], name.is_directory))
    }

    fn name(&self, name: Name) -> &CStr {
        CStr::from_bytes_with_nul(&self.bytes[name.start..=name.end]).unwrap_or_default()
    }

    fn push(&mut self, name: &CStr, is_directory: bool, wanted: bool) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        self.list.push(Name { start, end: self.bytes.len() - 1, is_directory, wanted });
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.list.sort_unstable_by(|a, b| bytes[a.start..a.end].cmp(&bytes[b.start..b.end]));
    }
}

/// A directory that the walk stands in.
struct Level {
    directory: Arc<Directory>,
    /// The walk's own descriptor, if the budget did not let the directory keep it.
    fd: Option<OwnedFd>,
    names: Names,
    next: usize,
    /// How long the path of this directory is.
    path_len: usize,
    as_of: FileTime,
}

struct Walk<'a, F, C> {
    tree: Tree<'a>,
    device: u64,
    /// Whose directories can be listed without touching their times; root can with all.
    own: u32,
    path: Vec<u8>,
    buffer: Vec<u8>,
    tell: F,
    clock: C,
}

/// Walks the tree and tells what is there.
pub(crate) fn walk(
    tree: Tree<'_>,
    budget: Arc<Budget>,
    clock: impl Fn() -> FileTime,
    tell: impl FnMut(Event<'_>) -> Result<(), Stop>,
) -> Result<(), Ended> {
    let fail = |source| Ended::Failed(WalkError { path: tree.root.display().to_string(), source });
    // The root itself may be named through a link: it is the operator who names it.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::openat(CWD, tree.root, flags, Mode::empty()).map_err(|e| fail(e.into()))?;
    let stat = Stat::of(&fd).map_err(fail)?;
    let as_of = clock();
    let root = Directory::root(fd, stat.identity, budget);
    let mut walk = Walk {
        tree,
        device: stat.identity.dev,
        own: rustix::process::geteuid().as_raw(),
        path: Vec::with_capacity(4096),
        buffer: Vec::with_capacity(64 << 10),
        tell,
        clock,
    };
    let names = {
        let handle = root.open().map_err(fail)?;
        walk.list(handle.as_fd(), true).map_err(fail)?
    };
    let inside = Inside::Names { own: &root, names: &names.0 };
    (walk.tell)(Event::Found(Found {
        path: b"",
        stat: &stat,
        parent: &root,
        name: c".",
        inside,
        as_of,
    }))?;
    walk.tell_passed(&names.1)?;
    let level = Level { directory: root, fd: None, names: names.0, next: 0, path_len: 0, as_of };
    walk.descend(level)?;
    Ok(())
}

/// Names that were left out, with the reason.
type Left = Vec<(Vec<u8>, Passed)>;

impl<F, C> Walk<'_, F, C>
where
    F: FnMut(Event<'_>) -> Result<(), Stop>,
    C: Fn() -> FileTime,
{
    fn descend(&mut self, root: Level) -> Result<(), Stop> {
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            let Some(&name) = level.names.list.get(level.next) else {
                levels.pop();
                continue;
            };
            level.next += 1;
            self.path.truncate(level.path_len);
            if level.path_len > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&level.names.bytes[name.start..name.end]);
            if let Some(below) = self.look(level, name)? {
                levels.push(below);
            }
        }
        Ok(())
    }

    /// Looks at one entry; a directory to go into comes back.
    fn look(&mut self, level: &Level, name: Name) -> Result<Option<Level>, Stop> {
        let c_name = level.names.name(name);
        let handle;
        let at = match &level.fd {
            Some(fd) => fd.as_fd(),
            None => match level.directory.open() {
                Ok(opened) => {
                    handle = opened;
                    handle.as_fd()
                }
                Err(why) => return self.unseen(&why),
            },
        };
        let stat = match Stat::at(at, c_name) {
            Ok(stat) => stat,
            Err(why) => return self.unseen(&why),
        };
        let found = Found {
            path: &self.path,
            stat: &stat,
            parent: &level.directory,
            name: c_name,
            inside: Inside::Nothing,
            as_of: level.as_of,
        };
        let why = match stat.file_type {
            FileType::Directory => return self.enter(level, name, at, &stat),
            FileType::Socket => Passed::Socket,
            FileType::Unknown => Passed::UnknownType,
            FileType::RegularFile if self.tree.selection.is_too_large(stat.size) => {
                Passed::TooLarge(stat.size)
            }
            _ => {
                (self.tell)(Event::Found(found))?;
                return Ok(None);
            }
        };
        (self.tell)(Event::Passed { path: &self.path, why })?;
        Ok(None)
    }

    fn unseen(&mut self, why: &io::Error) -> Result<Option<Level>, Stop> {
        let path = &self.path;
        (self.tell)(if why.kind() == io::ErrorKind::NotFound {
            Event::Vanished { path }
        } else {
            Event::Unseen { path, why }
        })?;
        Ok(None)
    }

    /// Lists a directory, tells of it, and gives back what is needed to go through it.
    fn enter(
        &mut self,
        level: &Level,
        name: Name,
        at: BorrowedFd<'_>,
        stat: &Stat,
    ) -> Result<Option<Level>, Stop> {
        let as_of = (self.clock)();
        let c_name = level.names.name(name);
        let found = |path| Found {
            path,
            stat,
            parent: &level.directory,
            name: c_name,
            inside: Inside::MountPoint,
            as_of: level.as_of,
        };
        if self.tree.one_file_system && stat.identity.dev != self.device {
            (self.tell)(Event::Found(found(&self.path)))?;
            return Ok(None);
        }
        let opened = open_directory(at, c_name, stat, self.own).and_then(|fd| {
            let names = self.list(fd.as_fd(), name.wanted)?;
            Ok((fd, names))
        });
        let (fd, (names, left)) = match opened {
            Ok(opened) => opened,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return self.unseen(&why),
            Err(why) => {
                let inside = Inside::Unreadable(&why);
                (self.tell)(Event::Found(Found { inside, ..found(&self.path) }))?;
                return Ok(None);
            }
        };
        let (own, fd) = Directory::inside(&level.directory, c_name, fd, stat.identity);
        let inside = Inside::Names { own: &own, names: &names };
        (self.tell)(Event::Found(Found { inside, ..found(&self.path) }))?;
        self.tell_passed(&left)?;
        let path_len = self.path.len();
        Ok(Some(Level { directory: own, fd, names, next: 0, path_len, as_of }))
    }

    fn tell_passed(&mut self, left: &Left) -> Result<(), Stop> {
        left.iter().try_for_each(|(path, why)| (self.tell)(Event::Passed { path, why: *why }))
    }

    /// The names in the directory at `self.path` that belong to the dump.
    fn list(&mut self, fd: BorrowedFd<'_>, wanted: bool) -> io::Result<(Names, Left)> {
        let Self { tree, path, buffer, .. } = self;
        let (mut names, mut left) = (Names::default(), Left::new());
        let mut tags: Vec<Vec<u8>> = Vec::new();
        let path_len = path.len();
        buffer.clear();
        let mut dir = RawDir::new(fd, spare(buffer));
        while let Some(entry) = dir.next() {
            let entry = entry?;
            let name = entry.file_name();
            let bytes = name.to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            let file_type = match entry.file_type() {
                // Some file systems do not say. Then the entry is asked twice, here and in `look`.
                FileType::Unknown => {
                    Stat::at(fd, name).map_or(FileType::Unknown, |stat| stat.file_type)
                }
                known => known,
            };
            if path_len > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(bytes);
            let is_directory = file_type == FileType::Directory;
            match tree.selection.judge(path, is_directory, wanted) {
                Verdict::Leave => {}
                _ if bytes == RESERVED && path_len == 0 => {
                    left.push((path.clone(), Passed::Reserved));
                }
                _ if file_type == FileType::Socket => left.push((path.clone(), Passed::Socket)),
                verdict => names.push(name, is_directory, verdict == Verdict::Take),
            }
            path.truncate(path_len);
            if file_type == FileType::RegularFile && excludes_its_directory(tree, fd, name) {
                tags.push(bytes.to_vec());
            }
        }
        if !tags.is_empty() {
            // All of them: which one comes last is up to the file system.
            let Names { bytes, list } = &mut names;
            list.retain(|name| tags.iter().any(|tag| bytes[name.start..name.end] == **tag));
            left.clear();
        }
        names.sort();
        Ok((names, left))
    }
}

/// All of a buffer that `RawDir` may write to.
fn spare(buffer: &mut Vec<u8>) -> &mut [MaybeUninit<u8>] {
    buffer.spare_capacity_mut()
}

/// Opens a directory that was seen a moment ago, if it is still that one.
fn open_directory(at: BorrowedFd<'_>, name: &CStr, seen: &Stat, own: u32) -> io::Result<OwnedFd> {
    let quiet = if own == 0 || own == seen.uid { OFlags::NOATIME } else { OFlags::empty() };
    let fd = match fs::openat(at, name, LIST | quiet, Mode::empty()) {
        // Root in a container is not root to every file system.
        Err(Errno::PERM) if !quiet.is_empty() => fs::openat(at, name, LIST, Mode::empty())?,
        opened => opened?,
    };
    if Identity::of(&fd)? == seen.identity { Ok(fd) } else { Err(Errno::STALE.into()) }
}

/// True if the file is a tag that leaves out all else in its directory.
fn excludes_its_directory(tree: &Tree<'_>, directory: BorrowedFd<'_>, name: &CStr) -> bool {
    let bytes = name.to_bytes();
    if !tree.selection.may_be_tag(bytes) {
        return false;
    }
    tree.selection.is_plain_tag(bytes)
        || tree.selection.is_cache_tag(bytes) && has_signature(directory, name).unwrap_or(false)
}

fn has_signature(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = fs::openat(directory, name, flags, Mode::empty())?;
    let mut begins = [0; CACHE_SIGNATURE.len()];
    let length = rustix::io::read(&fd, &mut begins)?;
    Ok(begins[..length] == *CACHE_SIGNATURE)
}
