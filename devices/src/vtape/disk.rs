//! The file system that volumes of directories lie on. It may have less room than they were promised.
//!
//! A volume ends where its file system does, as a tape with a bad end does: what is on it stays good, and no drive and
//! no medium is to blame. So that there is room for what the writer wants to write at the end, the drive looks now and
//! then how much is left, and says early that the end is near.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use types::Bytes;

/// A file system of this host, as far as a volume cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDisk {
    /// A directory on it, which tells a person which one it is.
    pub path: PathBuf,
    /// Its number, by which it is told from others.
    pub device: u64,
    /// What it has left for those who are not root.
    pub free: Bytes,
}

impl HostDisk {
    /// The one that a directory lies on.
    pub(super) fn under(path: &Path) -> io::Result<Self> {
        let free = free(rustix::fs::statvfs(path)?);
        Ok(Self { path: path.to_owned(), device: fs::metadata(path)?.dev(), free })
    }
}

/// Whether an error says that a file system takes no more.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// So much is written between two looks at what is left: a look may be a question to another host.
const LOOK_EVERY: Bytes = Bytes(16 << 20);

/// What a drive knows of the file system below its volume.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    /// What was written since the last look; none before the first.
    since: Option<u64>,
    is_short: bool,
}

impl Lookout {
    /// Whether the volume ends for want of space, and not because it is full.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    /// A write was refused.
    pub(super) fn refused(&mut self) {
        self.is_short = true;
    }

    /// So much was written to a file, and so much is to be left when the end is near. A system that does not tell what
    /// there is has enough until it refuses.
    pub(super) fn wrote(&mut self, file: &File, bytes: usize, kept_free: Bytes) {
        let since = self.since.map(|since| since.saturating_add(bytes as u64));
        let often = LOOK_EVERY.min(Bytes(kept_free.0 / 4));
        if since.is_some_and(|since| since < often.0) {
            self.since = since;
            return;
        }
        self.since = Some(0);
        self.is_short |= rustix::fs::fstatvfs(file).is_ok_and(|stat| free(stat) < kept_free);
    }
}

fn free(stat: rustix::fs::StatVfs) -> Bytes {
    Bytes(stat.f_bavail.saturating_mul(stat.f_frsize))
}
