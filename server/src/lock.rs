//! One run at a time.
//!
//! The lock is a file that a run holds by `flock`, so it is free again the moment its holder dies, however it
//! dies. What is written in the file only serves the message for whoever comes second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use devices::locks::Lock;

/// The right to run. Dropped, the next may.
#[derive(Debug)]
pub struct RunLock {
    _lock: Lock,
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
    #[error("could not lock {path}")]
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
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { holder: read_holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        file.write_all(holder.as_bytes()).map_err(failed)?;
        Ok(Self { _lock: Lock::of(file) })
    }

    /// Who holds the lock in `path` now, if anybody does.
    pub fn holder(path: &Path) -> Option<String> {
        let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&mut file)),
            _ => None,
        }
    }
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
}
