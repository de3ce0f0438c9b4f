//! The directory that everything is restored below, and the only way to any place in it.
//!
//! A place is reached name by name from the target's descriptor, and no name may be a link: `openat` with
//! `O_NOFOLLOW` on each. So it makes no difference what links the target already holds, what links the image
//! brings, how long a path is, or whether somebody swaps a directory for a link in between: what is opened is
//! a directory below the target, or an error. The directories on the way to the last place stay open, since
//! the next place is mostly near. When one is come into that was there before, what a killed restore left in it is
//! removed.
//!
//! What is made is for its owner alone until the end: files of the image may be readable by all, and it is their
//! directories that keep them private. A restore that is cut off leaves it so.

use std::collections::{BTreeSet, HashSet};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;

use format::path;
use rustix::fs::{Mode, OFlags, fgetxattr, fremovexattr};
use rustix::io::Errno;

use super::unfinished;
use crate::attributes::{ACL_ACCESS, ACL_DEFAULT};
use crate::stat::Identity;

/// How a directory is opened.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// A place below the target could not be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error("{0} stands where a directory of its path should be")]
    NoDirectory(String),
    #[error("its directory {0} could not be opened or made: {1}")]
    Directory(String, Errno),
    #[error("its path leads out of the target, or is none")]
    BadPath,
}

/// The target, and the directories that are open below it.
#[derive(Debug)]
pub(super) struct Target {
    root: OwnedFd,
    /// From the root down.
    open: Vec<Opened>,
    /// Whether the root hands down an ACL.
    hands_down: bool,
    /// Directories that were made on the way, and have not been named yet.
    unnamed: BTreeSet<Vec<u8>>,
    /// Directories in which nothing can be that an earlier restore has left.
    swept: HashSet<Identity>,
}

/// A directory below the target.
#[derive(Debug)]
struct Opened {
    name: CString,
    fd: OwnedFd,
    /// Whether what is made in it begins with an ACL that it does not have in the image.
    hands_down: bool,
}

impl Target {
    /// Opens the target; makes it, and what leads to it, if it is not there. It may be reached through links:
    /// it is what the operator named.
    pub(super) fn open(path: &[u8]) -> io::Result<Self> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
        let mut unnamed = BTreeSet::new();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match std::fs::DirBuilder::new().mode(Mode::RWXU.as_raw_mode()).create(path) {
            Ok(()) => drop(unnamed.insert(Vec::new())),
            Err(_) if path.is_dir() => {}
            Err(error) => return Err(error),
        }
        drop(crate::directory::Budget::of_this_process());
        let root = rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let hands_down = hands_down(&root);
        let made = if unnamed.is_empty() { Made::Before } else { Made::Now };
        let mut target =
            Self { root, open: Vec::new(), hands_down, unnamed, swept: HashSet::new() };
        target.sweep(made);
        Ok(target)
    }

    /// The directory that a path is in, made if need be, and the path's last name.
    pub(super) fn place(&mut self, path: &[u8]) -> Result<(BorrowedFd<'_>, CString), TargetError> {
        let name = path::file_name(path);
        let name =
            CString::new(name).ok().filter(|name| !name.is_empty()).ok_or(TargetError::BadPath)?;
        let parent = path::parent(path).ok_or(TargetError::BadPath)?;
        Ok((self.directory(parent)?, name))
    }

    /// Makes a directory that the image names, or finds that it is there.
    pub(super) fn make_directory(&mut self, path: &[u8]) -> Result<(), TargetError> {
        self.directory(path)?;
        self.unnamed.remove(path);
        Ok(())
    }

    /// The directories that were made because something is in them, and that the image said nothing of.
    pub(super) fn take_unnamed(&mut self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.unnamed)
    }

    /// The directory at a path, made if need be.
    pub(super) fn directory(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, TargetError> {
        let names: Vec<&[u8]> =
            path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
        if names.iter().any(|name| *name == b"." || *name == b"..") {
            return Err(TargetError::BadPath);
        }
        let common = names
            .iter()
            .zip(&self.open)
            .take_while(|(name, open)| open.name.as_bytes() == **name)
            .count();
        self.open.truncate(common);
        for (depth, name) in names.iter().enumerate().skip(common) {
            let c_name = CString::new(*name).map_err(|_| TargetError::BadPath)?;
            let shown = || String::from_utf8_lossy(&names[..=depth].join(&b'/')).into_owned();
            let (fd, made) =
                open_or_make(self.deepest(), &c_name).map_err(|error| match error {
                    Errno::NOTDIR | Errno::LOOP => TargetError::NoDirectory(shown()),
                    error => TargetError::Directory(shown(), error),
                })?;
            if made == Made::Now {
                self.unnamed.insert(names[..=depth].join(&b'/'));
            }
            let hands_down = hands_down(&fd);
            self.open.push(Opened { name: c_name, fd, hands_down });
            self.sweep(made);
        }
        Ok(self.deepest())
    }

    /// The target itself.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Removes what earlier restores have left in the directory that was opened last, the first time it is.
    fn sweep(&mut self, made: Made) {
        let Ok(identity) = Identity::of(self.deepest()) else { return };
        if self.swept.insert(identity) && made == Made::Before {
            unfinished::sweep(self.deepest());
        }
    }

    fn deepest(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root.as_fd(), |open| open.fd.as_fd())
    }

    /// Whether what is made in the directory of the last place begins with an ACL.
    pub(super) fn hands_down(&self) -> bool {
        self.open.last().map_or(self.hands_down, |open| open.hands_down)
    }
}

/// True if the directory has a default ACL. One that the restore makes in it would get it too, so it is taken
/// off those at once: see [`open_or_make`].
fn hands_down(directory: &OwnedFd) -> bool {
    let mut value = [0u8; 4];
    !matches!(fgetxattr(directory, ACL_DEFAULT, &mut value[..]), Err(Errno::NODATA | Errno::NOTSUP))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

fn open_or_make(parent: BorrowedFd<'_>, name: &CString) -> Result<(OwnedFd, Made), Errno> {
    let open = || rustix::fs::openat(parent, name, DIRECTORY, Mode::empty());
    match open() {
        Err(Errno::NOENT) => {}
        other => return Ok((other?, Made::Before)),
    }
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => {
            let made = open()?;
            // What it has inherited is not in the image. If it has inherited nothing, these find nothing.
            for acl in [ACL_DEFAULT, ACL_ACCESS] {
                fremovexattr(&made, acl).ok();
            }
            Ok((made, Made::Now))
        }
        // Somebody was faster: what they made is opened as any other.
        Err(Errno::EXIST) => Ok((open()?, Made::Before)),
        Err(error) => Err(error),
    }
}
