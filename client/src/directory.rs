//! Directories of the tree, held open and shared between the walk and the workers.
//!
//! Nothing in the agent opens a file by its whole path: a path may be longer than the kernel takes, and any
//! of its components may be swapped for a symbolic link at any moment. Everything is opened by its name
//! beneath the descriptor of its directory, and never through a link.
//!
//! A directory stays open as long as a bundle that names something in it is on its way. Trees with many small
//! directories would so use up the descriptors of the process. When the budget is spent, a directory is
//! remembered by its place instead, and opened again, component by component, by who needs it; that it is
//! still the same one is checked by device and inode.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{self, Mode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::stat::Identity;

/// How a directory is opened to be listed.
pub(crate) const LIST: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Descriptors that may be kept for later.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// Allows `count` directories to stay open.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(count) })
    }

    /// Raises the limit of the process as far as it may, and allows half of it. The other half is for the
    /// walk's own depth and the files that are being read.
    pub(crate) fn of_this_process() -> Arc<Self> {
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current.is_some() && limit.current != limit.maximum {
            // Beyond this, the kernel's own tables begin to cost.
            let wanted = Some(limit.maximum.unwrap_or(1 << 16).min(1 << 16));
            let raised = Rlimit { current: wanted.max(limit.current), maximum: limit.maximum };
            if setrlimit(Resource::Nofile, raised).is_ok() {
                limit = raised;
            }
        }
        let limit = limit.current.unwrap_or(1 << 16).min(1 << 16);
        Self::new(usize::try_from(limit).unwrap_or(1024) / 2)
    }

    fn take(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// A directory of the tree.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: Option<OwnedFd>,
    parent: Option<Arc<Self>>,
    name: CString,
    identity: Identity,
    budget: Arc<Budget>,
}

/// A descriptor that was kept, or one opened for the moment.
#[derive(Debug)]
pub(crate) enum Handle<'a> {
    Kept(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Handle<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Kept(fd) => *fd,
            Self::Opened(fd) => fd.as_fd(),
        }
    }
}

impl Directory {
    /// The root of a tree. It is always kept open.
    pub(crate) fn root(fd: OwnedFd, identity: Identity, budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { fd: Some(fd), parent: None, name: CString::default(), identity, budget })
    }

    /// The directory `name` in `parent`, just opened as `fd`. What the budget refuses comes back.
    pub(crate) fn inside(
        parent: &Arc<Self>,
        name: &CStr,
        fd: OwnedFd,
        identity: Identity,
    ) -> (Arc<Self>, Option<OwnedFd>) {
        let (kept, refused) =
            if parent.budget.take() { (Some(fd), None) } else { (None, Some(fd)) };
        let directory = Self {
            fd: kept,
            parent: Some(Arc::clone(parent)),
            name: name.to_owned(),
            identity,
            budget: Arc::clone(&parent.budget),
        };
        (Arc::new(directory), refused)
    }

    /// Its descriptor.
    pub(crate) fn open(&self) -> io::Result<Handle<'_>> {
        if let Some(fd) = &self.fd {
            return Ok(Handle::Kept(fd.as_fd()));
        }
        let mut names = Vec::new();
        let mut at = self;
        let start = loop {
            if let Some(fd) = &at.fd {
                break fd.as_fd();
            }
            names.push(at.name.as_c_str());
            let Some(parent) = &at.parent else { unreachable!("the root is always open") };
            at = parent;
        };
        let mut opened: Option<OwnedFd> = None;
        while let Some(name) = names.pop() {
            let from = opened.as_ref().map_or(start, AsFd::as_fd);
            opened = Some(fs::openat(from, name, LIST, Mode::empty())?);
        }
        let Some(fd) = opened else { unreachable!("at least its own name was missing") };
        if Identity::of(&fd)? != self.identity {
            return Err(rustix::io::Errno::STALE.into());
        }
        Ok(Handle::Opened(fd))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.fd.is_some() && self.parent.is_some() {
            self.budget.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn open(path: &std::path::Path) -> (OwnedFd, Identity) {
        let fd = OwnedFd::from(File::open(path).unwrap());
        let identity = Identity::of(&fd).unwrap();
        (fd, identity)
    }

    #[test]
    fn a_directory_beyond_the_budget_is_opened_again_and_checked() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let (fd, identity) = open(dir.path());
        let root = Directory::root(fd, identity, Budget::new(0));
        let (fd, identity) = open(&dir.path().join("a"));
        let (a, refused) = Directory::inside(&root, c"a", fd, identity);
        assert!(refused.is_some());
        let (fd, identity) = open(&dir.path().join("a/b"));
        let (b, _refused) = Directory::inside(&a, c"b", fd, identity);
        assert!(matches!(b.open().unwrap(), Handle::Opened(_)));

        std::fs::rename(dir.path().join("a/b"), dir.path().join("a/c")).unwrap();
        assert!(b.open().is_err());
        std::fs::create_dir(dir.path().join("a/b")).unwrap();
        assert!(b.open().is_err(), "another directory of the same name is not the same directory");
    }

    #[test]
    fn the_budget_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let (fd, identity) = open(dir.path());
        let root = Directory::root(fd, identity, Budget::new(1));
        for _ in 0..3 {
            let (fd, identity) = open(&dir.path().join("a"));
            let (_a, refused) = Directory::inside(&root, c"a", fd, identity);
            assert!(refused.is_none());
        }
    }
}
