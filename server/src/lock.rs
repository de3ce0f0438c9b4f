//! One run at a time.
//!
//! The lock is a file that a run holds by `flock`, so it is free again the moment its holder dies, however it
//! dies. What is written in the file only serves the message for whoever comes second.
//!
//! Who only wants to know who holds it shares the lock for a moment, which no holder does. So whoever comes to take it
//! can tell one from the other, and waits for those who look: a `status` never keeps a run from beginning.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::site;

/// How long those who look are waited for, and how often they are tried again. Each looks for an instant.
const NAP: Duration = Duration::from_millis(1);
const NAPS: u32 = 2000;

/// The right to run. Dropped, the next may.
#[derive(Debug)]
pub struct RunLock(File);

impl Drop for RunLock {
    fn drop(&mut self) {
        // The next holder is not called by this one's name. And a program that is just being started by another thread
        // has the file for a moment longer: it is unlocked, and not only closed (flock(2)).
        drop(self.0.set_len(0));
        drop(self.0.unlock());
    }
}

/// Why the lock was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another command runs.
    #[error(
        "another command is at work on this site: {holder}. Wait until it has finished (`reelkeep status` shows \
         how far it is), or end it with SIGTERM"
    )]
    Held {
        /// What it wrote of itself.
        holder: String,
    },
    /// The lock file could not be used.
    #[error("could not lock {path}{advice}", path = path.display(), advice = site::after(source))]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl RunLock {
    /// Takes the lock in `path`, and writes `holder` (command, process, since when) into it.
    pub fn take(path: &Path, holder: &str) -> Result<Self, LockError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "no lock tells when those who share it are gone"
        )]
        Self::take_after(path, holder, &mut || thread::sleep(NAP))
    }

    fn take_after(path: &Path, holder: &str, nap: &mut dyn FnMut()) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(path).map_err(failed)?;
        let mut naps = 0;
        while !tried(file.try_lock()).map_err(failed)? {
            if is_held(&file).map_err(failed)? || naps == NAPS {
                return Err(LockError::Held { holder: read_holder(&mut file) });
            }
            naps += 1;
            nap();
        }
        let mut lock = Self(file);
        lock.0.set_len(0).map_err(failed)?;
        lock.0.write_all(holder.as_bytes()).map_err(failed)?;
        Ok(lock)
    }

    /// Who holds the lock in `path` now, if anybody does.
    pub fn holder(path: &Path) -> Option<String> {
        let mut file = File::open(path).ok()?;
        is_held(&file).ok()?.then(|| read_holder(&mut file))
    }
}

/// Whether the lock was to be had.
fn tried(lock: Result<(), TryLockError>) -> io::Result<bool> {
    match lock {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether somebody has it for himself. Who only looks does not.
fn is_held(file: &File) -> io::Result<bool> {
    let shared = tried(file.try_lock_shared())?;
    if shared {
        file.unlock()?;
    }
    Ok(!shared)
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(1000).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "one that has not said its name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = RunLock::take(&path, "dump, process 17, since 01:00").unwrap();
        let error = RunLock::take(&path, "flush").unwrap_err().to_string();
        assert!(error.contains("dump, process 17, since 01:00"), "{error}");
        assert_eq!(RunLock::holder(&path).as_deref(), Some("dump, process 17, since 01:00"));
        drop(first);
        assert_eq!(RunLock::holder(&path), None);
        RunLock::take(&path, "flush").unwrap();
    }

    #[test]
    fn whoever_only_looks_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(RunLock::take(&path, "dump").unwrap());
        let looks = File::open(&path).unwrap();
        looks.lock_shared().unwrap();
        assert_eq!(RunLock::holder(&path), None, "one who looks is no holder");
        let mut naps = 0;
        let lock = RunLock::take_after(&path, "flush", &mut || {
            naps += 1;
            looks.unlock().unwrap();
        });
        assert_eq!(naps, 1);
        lock.unwrap();
    }

    #[test]
    fn nobody_waits_for_one_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _held = RunLock::take(&path, "dump").unwrap();
        let second = RunLock::take_after(&path, "flush", &mut || panic!("it is held"));
        assert!(matches!(second, Err(LockError::Held { .. })));
    }

    #[test]
    fn a_lock_that_was_let_go_names_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(RunLock::take(&path, "dump, process 17").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
