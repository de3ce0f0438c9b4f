//! What stands in the way when SQLite fails, and what to do about it.
//!
//! SQLite's codes say little: "unable to open database file" is a file system that is read-only, a missing right, a missing
//! directory. And the advice must fit: who moves a good catalogue aside because its disk is full loses locks, history,
//! and hours of reading tapes. So the code is taken for what it is sure of, and for the rest the system is asked.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;
use rustix::fs::Access;
use rustix::io::Errno;

/// What stands in the way of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The file is not what was once written.
    Damaged(PathBuf),
    /// The file system of this is mounted read-only.
    ReadOnly(PathBuf),
    /// The file system of this has no room.
    Full(PathBuf),
    /// This may not be read, or not be written, by the user of this process.
    NoRights(PathBuf),
    /// This directory is not there, or is none.
    NoDirectory(PathBuf),
    /// Another process writes, and went on for longer than anybody waits.
    Busy,
    /// It can't be told.
    Unknown,
}

impl Obstacle {
    /// What is behind what SQLite says of the catalogue at `path`.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = error else { return Self::Unknown };
        let directory = directory_of(path);
        match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(path.to_owned()),
            ErrorCode::DiskFull => Self::Full(directory.to_owned()),
            // Nothing but a byte is written, that the file becomes longer.
            _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                Self::Full(directory.to_owned())
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure => in_the_way(path).unwrap_or(Self::Unknown),
            _ => Self::Unknown,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Damaged(path) => {
                let path = path.display();
                format!(
                    "move {path} (and {path}-wal and {path}-shm, if they are there) aside and keep them; then `reelkeep \
                     catalogue rebuild` makes the catalogue again from the volumes"
                )
            }
            Self::ReadOnly(_) => "see in `dmesg` why, and mount it writable again; the catalogue is well, leave it where \
                                  it is"
                .to_owned(),
            Self::Full(_) => {
                "make room there; the catalogue is well, leave it where it is".to_owned()
            }
            Self::NoRights(path) => format!(
                "give the command as the user that the runs have, or let this one read and write {}, and the catalogue \
                 with its -wal and -shm; the catalogue is well, leave it where it is",
                path.display()
            ),
            Self::NoDirectory(_) => {
                "see whether its file system is mounted, and what `catalogue` of the configuration says".to_owned()
            }
            Self::Busy => "wait until the other has written: `reelkeep status` shows who is at work".to_owned(),
            Self::Unknown => {
                "see in `dmesg` whether the disk is well, then `reelkeep catalogue check`".to_owned()
            }
        }
    }

    /// True if it keeps nobody from reading what is there.
    pub(super) fn lets_read(&self) -> bool {
        matches!(self, Self::ReadOnly(_) | Self::Full(_) | Self::NoRights(_))
    }

    /// What is the matter, in words that follow "since".
    pub(super) fn reason(&self) -> Option<String> {
        Some(match self {
            Self::Damaged(_) => "the file is damaged".to_owned(),
            Self::ReadOnly(path) => format!("the file system of {} is read-only", path.display()),
            Self::Full(path) => format!("the file system of {} is full", path.display()),
            Self::NoRights(path) => {
                format!("{} may not be read and written by this user", path.display())
            }
            Self::NoDirectory(path) => format!("{} is no directory", path.display()),
            Self::Busy => "another process is writing".to_owned(),
            Self::Unknown => return None,
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// What keeps this process from writing the catalogue: its directory, where `-wal` and `-shm` are made, or a file.
pub(super) fn in_the_way(path: &Path) -> Option<Obstacle> {
    let directory = directory_of(path);
    if !directory.is_dir() {
        return Some(Obstacle::NoDirectory(directory.to_owned()));
    }
    let files = [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")];
    let files = files.into_iter().map(|file| (file, Access::READ_OK | Access::WRITE_OK));
    let entering = (directory.to_owned(), Access::WRITE_OK | Access::EXEC_OK);
    let found =
        std::iter::once(entering).chain(files).find_map(
            |(place, wanted)| match rustix::fs::access(&place, wanted) {
                Err(Errno::ROFS) => Some(Obstacle::ReadOnly(place)),
                Err(Errno::ACCESS | Errno::PERM) => Some(Obstacle::NoRights(place)),
                _ => None,
            },
        );
    found.or_else(|| has_no_room(directory).then(|| Obstacle::Full(directory.to_owned())))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// No block, or no inode, for anybody but root.
fn has_no_room(directory: &Path) -> bool {
    let Ok(room) = rustix::fs::statvfs(directory) else { return false };
    // Where files are not counted beforehand, there are none.
    room.f_bavail == 0 || (room.f_files > 0 && room.f_favail == 0)
}

/// A file that SQLite keeps beside the catalogue.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &Path, code: i32) -> Obstacle {
        Obstacle::of(path, &rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn each_cause_has_its_own_advice_and_only_damage_moves_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        let directory = folder.path().to_owned();
        let nowhere = directory.join("no/such");
        let cases = [
            (of(&path, ffi::SQLITE_CORRUPT), Obstacle::Damaged(path.clone())),
            (of(&path, ffi::SQLITE_CORRUPT_INDEX), Obstacle::Damaged(path.clone())),
            (of(&path, ffi::SQLITE_NOTADB), Obstacle::Damaged(path.clone())),
            (of(&path, ffi::SQLITE_FULL), Obstacle::Full(directory.clone())),
            (of(&path, ffi::SQLITE_IOERR_SHMSIZE), Obstacle::Full(directory.clone())),
            (of(&path, ffi::SQLITE_BUSY), Obstacle::Busy),
            (of(&nowhere.join("c"), ffi::SQLITE_CANTOPEN), Obstacle::NoDirectory(nowhere)),
            (of(&path, ffi::SQLITE_IOERR_READ), Obstacle::Unknown),
            (of(&path, ffi::SQLITE_CONSTRAINT), Obstacle::Unknown),
        ];
        for (told, meant) in cases {
            assert_eq!(told, meant);
            let moves = matches!(told, Obstacle::Damaged(_));
            assert_eq!(told.advice().contains("rebuild"), moves, "{}", told.advice());
        }
    }
}
