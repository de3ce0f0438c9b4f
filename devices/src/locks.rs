//! Locks between processes: files that are locked as long as somebody has what they stand for.
//!
//! The lock ends with the file handle, so a process that was killed holds nothing. Who drops it unlocks it as well: a
//! program that is just being started by another thread has all open files of this process for a moment, and with them
//! the lock, until its `exec` closes them (flock(2)).

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use types::DriveName;

/// The system refused something about this file.
pub(crate) type AtPath<T> = Result<T, (PathBuf, io::Error)>;

/// A locked file, until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Of a file that this process has locked.
    pub fn of(locked: File) -> Self {
        Self(locked)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it can't be said, closing the file does it a moment later.
        drop(self.0.unlock());
    }
}

/// Waits for the library: nobody holds this lock for longer than one move takes.
pub(crate) fn lock_library(root: &Path) -> AtPath<Lock> {
    let path = root.join("lock");
    let lock = || {
        let (file, _) = open(&path)?;
        file.lock()?;
        Ok(Lock(file))
    };
    lock().map_err(|error| (path.clone(), error))
}

/// Takes the drive for this process, or says who has it.
pub(crate) fn lock_drive(root: &Path, drive: &DriveName) -> AtPath<Result<Lock, String>> {
    let path = root.join(format!("drive.{}.lock", escaped(drive.as_str())));
    take(&path).map_err(|error| (path, error))
}

/// Takes what a file stands for, as long as the handle lives, or says which process has it.
pub fn take(path: &Path) -> io::Result<Result<Lock, String>> {
    let (mut file, access) = open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.take(20).read_to_string(&mut pid)?;
            return Ok(Err(format!("process {}", pid.trim())));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if access == Access::ReadWrite {
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
    }
    Ok(Ok(Lock(file)))
}

/// What a lock file lets this process do besides locking it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    ReadOnly,
}

/// Opens a lock file, and makes it if need be. Where the file system is read-only, one that is there is locked all the same.
fn open(path: &Path) -> io::Result<(File, Access)> {
    let mut options = File::options();
    match options.create(true).truncate(false).read(true).write(true).open(path) {
        Ok(file) => Ok((file, Access::ReadWrite)),
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            File::open(path).map(|file| (file, Access::ReadOnly)).map_err(|_| error)
        }
        Err(error) => Err(error),
    }
}

/// Makes the directory that locks are kept in.
pub(crate) fn directory(root: &Path) -> AtPath<()> {
    fs::create_dir_all(root).map_err(|error| (root.to_owned(), error))
}

/// A name as part of a file name: two names never become one.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    name.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_is_free_although_a_program_that_is_being_started_still_has_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("drive.lock");
        let lock = take(&path).unwrap().unwrap();
        let inherited = lock.0.try_clone().unwrap();
        assert_eq!(take(&path).unwrap().unwrap_err(), format!("process {}", std::process::id()));
        drop(lock);
        assert!(take(&path).unwrap().is_ok());
        drop(inherited);
    }
}
