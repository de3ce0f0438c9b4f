//! The holding disk: where images wait for a volume.
//!
//! An image *arrives* under partial names, in space that was granted to it before the first byte. When it is
//! whole it is synced and renamed, and from then on it is *held*. The scribe reads held images; once every
//! copy that is wanted is placed, and only then, an image is removed.
//!
//! ```text
//! HOLDING/20261123010000/web._srv.0          32 KiB header (FILE), then bytes of the image
//! HOLDING/20261123010000/web._srv.0.1        32 KiB header (CONT_FILE), then the bytes that follow
//! HOLDING/20261123010000/web._srv.1.tmp      an image that is still arriving, or that a crash cut off
//! ```
//!
//! Files are at most the disk's chunk size long, and may lie on different disks; each header names the file
//! that follows. The first file is renamed last: where it stands without `.tmp`, the image is whole. A crash
//! leaves `.tmp` files, and continuations that no first file leads to. They are found by looking, not by
//! memory, and [`sweep`] removes them. Whether a directory is the disk that it should be, [`Marks`] tell.

mod arriving;
mod held;
mod marks;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use types::{Bytes, DleRef, DumpId, Level, Stamp};

pub use arriving::{About, Arriving};
pub use held::{Held, Scan, is_partial, scan, sweep};
pub use marks::{Away, Marks, Why};

/// What each file begins with.
pub const HEADER: u64 = 32 << 10;
/// What an arriving file's name ends with.
const PARTIAL: &str = ".tmp";

/// A directory where images wait.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its name in the configuration.
    pub name: String,
    /// Where.
    pub directory: PathBuf,
    /// The longest file, header included.
    pub chunk: Bytes,
}

/// What an image on the holding disk is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// The run that made it.
    pub run: Stamp,
    /// What was dumped.
    pub dle: DleRef,
    /// At which level.
    pub level: Level,
    /// The dump.
    pub dump: DumpId,
    /// What it builds on.
    pub base: Option<DumpId>,
}

impl ImageName {
    /// The name of file `number` of the image, without its directory.
    fn file_name(&self, number: usize) -> String {
        let first = format::header::image_name(&self.dle, self.level);
        if number == 0 { first } else { format!("{first}.{number}") }
    }
}

/// Why the holding disk could not do something.
#[derive(Debug, thiserror::Error)]
pub enum HoldingError {
    /// More was written than was granted.
    #[error("the space granted to this image on the holding disk is used up")]
    NoRoom,
    /// A file could not be written, read or renamed.
    #[error("the holding disk could not {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("{path} on the holding disk cannot be used: {why}")]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl HoldingError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// True if the disk has no room left, whatever was granted.
    pub fn is_full(&self) -> bool {
        let kinds =
            [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        match self {
            Self::NoRoom => true,
            Self::Io { source, .. } => kinds.contains(&source.kind()),
            Self::Unfit { .. } => false,
        }
    }
}

/// What is free on the file system of `directory`.
pub fn free(directory: &Path) -> io::Result<Bytes> {
    let stat = rustix::fs::statvfs(directory)?;
    Ok(Bytes(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Makes the entries of a directory durable.
fn sync_directory(path: &Path) -> Result<(), HoldingError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(HoldingError::io("sync", path))
}

/// Removes a directory if nothing is in it.
fn remove_if_empty(path: &Path) -> Result<(), HoldingError> {
    match fs::remove_dir(path) {
        Err(error)
            if ![io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotFound]
                .contains(&error.kind()) =>
        {
            Err(HoldingError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
