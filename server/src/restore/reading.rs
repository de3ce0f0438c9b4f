//! What is being read: meanwhile nobody gives its volumes back.
//!
//! What a policy keeps is safe anyway. What it no longer keeps can be restored all the same until a run takes its volume,
//! and a restore that has begun must not lose that race against tonight's run. So whoever reads a dump has it *pinned* in
//! the catalogue, with what that builds on, and takes the pin back at the end:
//!
//! ```text
//!  lock, shared ─► pin ─► open the images, read ─► pin taken back ─► lock let go
//!                   ▲                         │
//!                   └── to the next dump ─────┘
//! ```
//!
//! Who reads many dumps, each by itself, turns from one to the next: no dump is kept longer than it is read.
//!
//! A reader that is killed leaves its pins. That somebody reads is shown by the lock, which all readers share and which
//! dies with them: if nobody has it, all pins are left over, and every run begins with taking them back ([`sweep`]). However
//! that is, a pin falls off after [`LONGEST`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use devices::locks::Lock;
use taper::catalogue::{Catalogue, CatalogueError};
use types::{DumpId, Stamp};

use crate::night::estimate::with_causes;
use crate::site::{self, Site};

/// Days that a pin lasts: longer than any restore that somebody waits for.
const LONGEST: u32 = 7;

/// Why it can't be noted that something is read.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The lock of the readers.
    #[error("could not lock {path}{advice}", path = path.display(), advice = site::after(source))]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Somebody reads. Dropped, nothing is pinned for it any more.
pub struct Reading {
    catalogue: Catalogue,
    who: String,
    pin: Option<i64>,
    _lock: Lock,
}

impl Reading {
    /// `who`, in words, begins to read. No dump is pinned yet.
    pub fn begin(site: &Site, who: String) -> Result<Self, ReadingError> {
        let lock = lock_file(site)?;
        lock.lock_shared()
            .map_err(|source| ReadingError::Lock { path: site.readers_path(), source })?;
        Ok(Self { catalogue: site.catalogue()?, who, pin: None, _lock: Lock::of(lock) })
    }

    /// From now on nobody gives the volumes of this dump back, nor of those that it builds on; those of the one before
    /// may go. What was given back before is gone all the same: open the images afterwards.
    pub fn turn_to(&mut self, dump: DumpId, now: Stamp) -> Result<(), ReadingError> {
        let until = Some(now.plus_days(LONGEST));
        let pinned = match self.pin {
            Some(former) => self.catalogue.pin_instead(former, dump, &self.who, until),
            None => self.catalogue.pin(dump, &self.who, until),
        };
        self.pin = match &pinned {
            Ok(pin) => Some(*pin),
            // Nothing could be written, so the former is still there to be taken back.
            Err(CatalogueError::Database { .. }) => self.pin,
            Err(_) => None,
        };
        pinned.map(drop).map_err(ReadingError::from)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let taken_back = self.pin.map_or(Ok(()), |pin| self.catalogue.unpin(pin));
        if let Err(error) = taken_back {
            // The next run does it.
            tracing::info!("a pin was not taken back: {}", with_causes(&error));
        }
    }
}

/// Takes back the pins of readers that were killed, and says how many. None are, while anybody reads.
pub fn sweep(site: &Site, catalogue: &mut Catalogue) -> Result<usize, ReadingError> {
    if catalogue.pins()?.is_empty() {
        return Ok(0);
    }
    let lock = lock_file(site)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(0),
        Err(TryLockError::Error(source)) => {
            return Err(ReadingError::Lock { path: site.readers_path(), source });
        }
    }
    // Whoever begins to read now waits for this lock, and pins after it.
    let left = catalogue.pins()?;
    for pin in &left {
        catalogue.unpin(pin.id)?;
    }
    Ok(left.len())
}

/// A restore is root's affair more often than a run is. Whoever may only read the file can lock it too.
fn lock_file(site: &Site) -> Result<File, ReadingError> {
    let path = site.readers_path();
    let mut options = OpenOptions::new();
    let opened = options.create(true).truncate(false).read(true).write(true).open(&path);
    let opened = match opened {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            File::open(&path).map_err(|_| error)
        }
        opened => opened,
    };
    opened.map_err(|source| ReadingError::Lock { path, source })
}
