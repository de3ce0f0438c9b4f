//! Locks between processes: files that are locked as long as somebody has what they stand for.
//!
//! The lock ends with the file handle, so a process that was killed holds nothing.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use types::DriveName;

/// The system refused something about this file.
pub(crate) type AtPath<T> = Result<T, (PathBuf, io::Error)>;

/// Waits for the library: nobody holds this lock for longer than one move takes.
pub(crate) fn lock_library(root: &Path) -> AtPath<File> {
    let path = root.join("lock");
    let lock = || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|error| (path.clone(), error))
}

/// Takes the drive for this process, or says who has it.
pub(crate) fn lock_drive(root: &Path, drive: &DriveName) -> AtPath<Result<File, String>> {
    let path = root.join(format!("drive.{}.lock", escaped(drive.as_str())));
    take(&path).map_err(|error| (path, error))
}

/// Takes what a file stands for, as long as the handle lives, or says which process has it.
pub fn take(path: &Path) -> io::Result<Result<File, String>> {
    let mut options = File::options();
    let mut file = options.create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.take(20).read_to_string(&mut pid)?;
            return Ok(Err(format!("process {}", pid.trim())));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Ok(file))
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
