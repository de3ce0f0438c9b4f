//! When nothing more fits into the target.
//!
//! Then every further entry would fail like the first, and with tapes that takes hours. So the restore is over: it says
//! once how much is missing, what is whole stays, and the server is told to send nothing more.

use std::os::fd::AsFd;

use format::entry::{Entry, Kind};
use format::wire::{Note, Severity};
use rustix::fs::{StatVfs, fstatvfs};
use rustix::io::Errno;

use super::target::TargetError;
use super::{Session, Trouble};

/// With less than this, nothing fits. With more, an attribute may be too large for the kind of file system, which also
/// is `ENOSPC`: the largest has 64 KiB.
const NOTHING: u64 = 64 << 10;

/// Whether an operation on this failed because nothing more fits into its file system.
pub(super) fn is_full(error: Errno, on: impl AsFd) -> bool {
    match error {
        Errno::DQUOT => true,
        Errno::NOSPC => fstatvfs(on).map_or(true, |now| no_inodes(&now) || free(&now) < NOTHING),
        _ => false,
    }
}

impl Trouble {
    /// What could not be done to an entry, on a file or directory in its file system.
    pub(super) fn of(what: &'static str, source: Errno, on: impl AsFd) -> Self {
        if is_full(source, on) { Self::Full(source) } else { Self::System { what, source } }
    }
}

impl Session {
    /// Whether the restore is over before its end: nothing more fits. What still comes is passed over.
    pub fn is_over(&self) -> bool {
        self.full
    }

    /// Whether an entry could not be made because nothing more fits.
    pub(super) fn full(&self, trouble: &Trouble) -> Option<Errno> {
        match trouble {
            Trouble::Full(error) => Some(*error),
            Trouble::Target(TargetError::Directory(_, error)) => {
                is_full(*error, self.target.root()).then_some(*error)
            }
            _ => None,
        }
    }

    /// A file needs no more room: it has it, or what stands there was kept.
    pub(super) fn has_room(&mut self, entry: &Entry) {
        if entry.kind == Kind::File {
            self.roomed = self.roomed.saturating_add(entry.size);
        }
    }

    /// Ends the restore before its end. What was begun has been removed by now.
    pub(super) fn stop(&mut self, error: Errno) {
        if std::mem::replace(&mut self.full, true) {
            return;
        }
        let target = &self.request.target;
        let left = self.request.bytes.saturating_sub(self.roomed);
        let now = fstatvfs(self.target.root()).ok();
        let no_inodes = now.as_ref().is_some_and(no_inodes);
        let free = now.map_or(0, |now| free(&now));
        let text = match error {
            Errno::DQUOT => format!("the quota for {target} is used up{}", missing(left)),
            _ if no_inodes => {
                format!("the file system of {target} is full: it has no inodes for more files")
            }
            _ => {
                let more = missing(left.saturating_sub(free));
                format!("the file system of {target} is full{more}")
            }
        };
        let text = format!(
            "{text}. The restore ends here; what it has brought is whole, and with room `--keep-existing` brings the rest"
        );
        self.notes.push(Note { severity: Severity::Strange, path: None, text });
    }

    /// Counts what did not come any more.
    pub(super) fn count_missing(&mut self) {
        let counted = self.end.restored + self.end.kept + self.end.failed;
        self.end.failed += self.request.entries.saturating_sub(counted).max(1);
    }
}

fn missing(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!(": about {} more are needed", types::Bytes(bytes)),
    }
}

/// Bytes that may still be written.
fn free(now: &StatVfs) -> u64 {
    now.f_bavail.saturating_mul(now.f_frsize)
}

/// File systems that make inodes as they need them say that they have none at all.
fn no_inodes(now: &StatVfs) -> bool {
    now.f_files > 0 && now.f_favail == 0
}
