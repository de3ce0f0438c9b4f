//! What is being made, until it is whole.
//!
//! An entry is made under a name that is nobody's, in the directory that it belongs to. When it is whole, contents
//! and all, it gets its own name in one step. So what stands at a name of the image is the whole entry, or what stood
//! there before: at any moment, and however the restore ends.
//!
//! ```text
//! .reelkeep-restore.PID.N   contents, owner, mode, attributes, times ─► renamed
//!                                          └ given up ─► removed
//! ```
//!
//! Who is killed can remove nothing. What that leaves is known by its name, and the next restore that comes into the
//! directory removes it.

use std::ffi::{CStr, CString};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use format::wire::Existing;
use rustix::fs::{AtFlags, RawDir, RenameFlags};
use rustix::io::Errno;

use crate::stat::Stat;

/// How the names begin. The number of the process follows, a full stop, and a number of its own.
const BEGIN: &str = ".reelkeep-restore.";

/// How many names are tried. More than one is taken only where processes of several hosts or containers meet.
const TRIES: u32 = 100;

/// An entry that has no name of its own yet. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Unfinished {
    directory: OwnedFd,
    /// What it is called for now.
    temporary: CString,
    /// What it will be called.
    name: CString,
    named: bool,
}

impl Unfinished {
    /// Has what will be called `name` made. `make` must fail with `EEXIST` where the name that it gets is taken.
    pub(super) fn make<T>(
        directory: BorrowedFd<'_>,
        name: CString,
        mut make: impl FnMut(BorrowedFd<'_>, &CStr) -> Result<T, Errno>,
    ) -> Result<(Self, T), Errno> {
        let directory = rustix::io::fcntl_dupfd_cloexec(directory, 0)?;
        for _ in 0..TRIES {
            let temporary = next_name()?;
            match make(directory.as_fd(), &temporary) {
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
                Ok(made) => return Ok((Self { directory, temporary, name, named: false }, made)),
            }
        }
        Err(Errno::EXIST)
    }

    /// Where it is for now.
    pub(super) fn place(&self) -> (BorrowedFd<'_>, &CStr) {
        (self.directory.as_fd(), &self.temporary)
    }

    /// Gives it its name: in the place of what has it, or only if nothing has. A directory is never replaced.
    pub(super) fn name(mut self, existing: Existing) -> Result<(), Errno> {
        match existing {
            Existing::Replace => self.rename()?,
            Existing::Keep => self.rename_if_free()?,
        }
        self.named = true;
        Ok(())
    }

    fn rename(&self) -> Result<(), Errno> {
        rustix::fs::renameat(&self.directory, &self.temporary, &self.directory, &self.name)
    }

    fn rename_if_free(&self) -> Result<(), Errno> {
        let Self { directory, temporary, name, .. } = self;
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(directory, temporary, directory, name, flags) {
            // The file system can't look and rename at once.
            Err(Errno::INVAL | Errno::NOSYS) if Stat::at(directory, name).is_err() => self.rename(),
            Err(Errno::INVAL | Errno::NOSYS) => Err(Errno::EXIST),
            renamed => renamed,
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.named {
            // If this fails, the next restore tries again.
            rustix::fs::unlinkat(&self.directory, &self.temporary, AtFlags::empty()).ok();
        }
    }
}

fn next_name() -> Result<CString, Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    CString::new(format!("{BEGIN}{}.{number}", std::process::id())).map_err(|_| Errno::INVAL)
}

/// Removes what restores that were killed have left in a directory. It was just opened, and has nothing of ours.
pub(super) fn sweep(directory: BorrowedFd<'_>) {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let mut listed = RawDir::new(directory, &mut buffer);
    // What can't be listed or removed costs nobody anything.
    while let Some(Ok(entry)) = listed.next() {
        let maker = maker(entry.file_name().to_bytes());
        if maker.is_some_and(|process| !restores(process)) {
            rustix::fs::unlinkat(directory, entry.file_name(), AtFlags::empty()).ok();
        }
    }
}

/// The process that made an entry with this name, if it is one of ours.
fn maker(name: &[u8]) -> Option<u32> {
    let (process, number) = std::str::from_utf8(name).ok()?.strip_prefix(BEGIN)?.split_once('.')?;
    number.parse::<u64>().ok()?;
    process.parse().ok()
}

/// Whether another process may be at a restore: it runs the program that this one does, and hasn't just got the
/// number of one that ended.
fn restores(process: u32) -> bool {
    let program = |process: &str| fs::read(format!("/proc/{process}/comm")).ok();
    let there = program(&process.to_string());
    process != std::process::id() && there.is_some() && there == program("self")
}
