//! The catalogue: which dumps there are, and where they lie.
//!
//! One SQLite file knows runs, DLEs, dumps, copies, parts, volumes and history. It does not know paths; each
//! dump has an index file for those. It is a convenience: volumes alone suffice to make it again.
//!
//! # What must always hold
//!
//! **The catalogue says less than is true, never more.** Everything is first durable where it lies and then
//! recorded here, and forgotten here before it is taken away there:
//!
//! 1. the image is on the holding disk, synced → [`Catalogue::record_held`]
//! 2. the part is on the medium, flushed → [`Catalogue::record_placed`]
//! 3. all parts are → [`Catalogue::complete_copy`], which refuses unless they add up to the image
//! 4. every copy wanted is complete → [`Catalogue::forget_held`], whose [`Released`] lets the image go
//! 5. nothing on a volume is needed → [`Catalogue::reusable`] forgets what is on it, and its [`Reusable`]
//!    lets the volume be written afresh
//!
//! A crash between two of these leaves something extra on a disk or a volume, and the next run sweeps it up.
//! Every function that changes more than one row is one transaction, durable when it returns.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use types::{DumpId, Label, Stamp, StorageName};

mod chain;
mod check;
mod copies;
#[cfg(test)]
mod crash;
mod dles;
mod docket;
mod dumps;
mod events;
mod holding;
mod holds;
mod judge;
mod looking;
mod memory;
mod obstacle;
mod pending;
mod recent;
mod records;
mod runs;
mod schema;
mod sql;
#[cfg(test)]
mod story;
mod strikes;
#[cfg(test)]
mod testing;
mod volumes;

pub use chain::{AtDay, Chain, Gap, GapReason};
pub use check::Finding;
pub use copies::{Copy, CopyState, Part};
pub use dles::{Ask, DleFacts, Fresh, HistoryRow, KnownDle, Request};
pub use dumps::{Dump, DumpStatus, Filter, Located, Message, Severity};
pub use events::{Event, EventKind};
pub use holding::{Held, Released};
pub use holds::{Locked, OffSite};
pub use judge::{Pin, Reusable};
pub use looking::OnlyRead;
pub use memory::Memory;
pub use obstacle::Obstacle;
pub use pending::Pending;
pub use records::Imported;
pub use runs::{Run, RunKind, RunStatus};
pub use sql::BadWord;
pub use strikes::{Standing, Strike};
pub use volumes::{Lock, Medium, Volume, VolumeEnd, VolumeState};

use crate::retention::Needed;
use looking::Hold;

/// The file in the state directory.
pub const FILE_NAME: &str = "catalogue.sqlite";

/// In place of the path of a catalogue that has none.
const IN_MEMORY: &str = "(in memory)";

/// How long one process waits for another that is just writing.
const PATIENCE: Duration = Duration::from_secs(20);

/// The catalogue of one site, open.
pub struct Catalogue {
    connection: Connection,
    path: PathBuf,
    hold: Hold,
}

/// The catalogue could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// SQLite failed.
    #[error("the catalogue {path} could not {action}{obstacle}", path = path.display())]
    Database {
        /// Which catalogue.
        path: PathBuf,
        /// What it was doing.
        action: &'static str,
        /// What stood in the way, as far as it can be told.
        obstacle: Box<Obstacle>,
        /// What SQLite said.
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// A newer program has been here.
    #[error(
        "the catalogue {path} has schema {found}, and this program knows schemas up to {known}: use the \
         newer program that wrote it",
        path = path.display()
    )]
    Newer {
        /// Which catalogue.
        path: PathBuf,
        /// What its file says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// Somebody wrote it while it was read without a lock.
    #[error(
        "the catalogue {path} was written by another while it was read, and it could not be locked against that: give \
         the command again",
        path = path.display()
    )]
    Changed {
        /// Which catalogue.
        path: PathBuf,
    },
    /// Nothing is known of that dump.
    #[error("the catalogue has no dump {0}")]
    NoSuchDump(DumpId),
    /// Nothing is known of that volume.
    #[error("the catalogue has no volume {0}: label it, or rebuild the catalogue from it")]
    NoSuchVolume(Label),
    /// Nothing is known of that run.
    #[error("the catalogue has no run {0}")]
    NoSuchRun(Stamp),
    /// The label is taken.
    #[error(
        "the catalogue already has a volume {0}: choose another label, or forget that volume first"
    )]
    LabelTaken(Label),
    /// A dump was recorded twice, and not the same.
    #[error("dump {0} is already recorded, and differs in its {1}")]
    Contradiction(DumpId, &'static str),
    /// The parts do not add up to the image.
    #[error("dump {dump} is not whole in storage {storage}: {why}")]
    NotWhole {
        /// Which dump.
        dump: DumpId,
        /// In which storage.
        storage: StorageName,
        /// What is missing.
        why: String,
    },
    /// The held image may not go yet.
    #[error("dump {dump} has to stay on the holding disk: {why}")]
    StillHeld {
        /// Which dump.
        dump: DumpId,
        /// What is missing.
        why: String,
    },
    /// A dump can't be restored, so that nothing is to be kept for whoever would read it.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The volume may not be written afresh.
    #[error(transparent)]
    Needed(#[from] Needed),
}

impl CatalogueError {
    /// What to do about it, where the message does not say so.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Database { obstacle, .. } => Some(obstacle.advice()),
            _ => None,
        }
    }
}

/// What can go wrong inside a transaction, before anybody has said which it was.
pub(crate) enum Trouble {
    Sql(rusqlite::Error),
    Refused(CatalogueError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<CatalogueError> for Trouble {
    fn from(error: CatalogueError) -> Self {
        Self::Refused(error)
    }
}

impl Catalogue {
    /// Opens the catalogue at `path`, makes it if there is none, and brings it up to date.
    pub fn open(path: &Path) -> Result<Self, CatalogueError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::of(Connection::open_with_flags(path, flags), path)
    }

    /// Opens the catalogue at `path` to look things up, also where nothing can be written: on a file system that is
    /// read-only or full, or without the right to write. [`Catalogue::only_read`] tells.
    pub fn open_to_read(path: &Path) -> Result<Self, CatalogueError> {
        match Self::open(path) {
            Err(refused) => looking::open(path, refused),
            opened => opened,
        }
    }

    /// A catalogue that is gone when it is dropped: for plans that are only tried out, and for tests.
    pub fn in_memory() -> Result<Self, CatalogueError> {
        Self::of(Connection::open_in_memory(), Path::new(IN_MEMORY))
    }

    fn of(connection: rusqlite::Result<Connection>, path: &Path) -> Result<Self, CatalogueError> {
        let failed = |source| failed(path, "be opened", source);
        let connection = connection.map_err(failed)?;
        settle(&connection).map_err(failed)?;
        let mut catalogue = Self { connection, path: path.to_owned(), hold: Hold::Shared };
        schema::migrate(&mut catalogue)?;
        Ok(catalogue)
    }

    /// Why nothing can be noted in it, if that is so: it was opened to read, or its file lets nobody write.
    pub fn only_read(&self) -> Option<OnlyRead> {
        looking::only_read(self)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A copy of the whole catalogue as it is now, made while others go on writing.
    pub fn back_up(&self, to: &Path) -> Result<(), CatalogueError> {
        self.read("be copied", |connection| {
            connection.backup("main", to, None::<fn(rusqlite::backup::Progress)>)?;
            Ok(())
        })
    }

    /// Looks something up. All that `look` sees is of one moment.
    fn read<T>(
        &self,
        action: &'static str,
        look: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, CatalogueError> {
        let view = self.connection.unchecked_transaction().map_err(|e| self.failed(action, e))?;
        let found = look(&view).map_err(|trouble| self.explain(action, trouble));
        match &self.hold {
            Hold::Still { witness, .. } if !witness.holds(&self.path) => {
                Err(CatalogueError::Changed { path: self.path.clone() })
            }
            _ => found,
        }
    }

    /// Changes something, wholly or not at all; durable when this returns.
    fn write<T>(
        &mut self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, CatalogueError> {
        // Immediate: a transaction that first reads and then finds another writer ahead could only fail.
        let begun = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
        let outcome = begun.map_err(Trouble::Sql).and_then(|transaction| {
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        outcome.map_err(|trouble| self.explain(action, trouble))
    }

    fn explain(&self, action: &'static str, trouble: Trouble) -> CatalogueError {
        match trouble {
            Trouble::Sql(error) => self.failed(action, error),
            Trouble::Refused(error) => error,
        }
    }

    fn failed(&self, action: &'static str, source: rusqlite::Error) -> CatalogueError {
        failed(&self.path, action, source)
    }
}

fn failed(path: &Path, action: &'static str, source: rusqlite::Error) -> CatalogueError {
    let obstacle = Box::new(Obstacle::of(path, &source));
    CatalogueError::Database { path: path.to_owned(), action, obstacle, source: Box::new(source) }
}

/// The settings of a connection, each of which SQLite forgets when it is closed, except the journal's mode.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode NORMAL would lose the last commits in a power cut, and they are the ones that count.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Else SQLite looks at what is bound, and prepares some statements anew each time, for longer than they run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_keeps_what_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let stamp = "20261123003000".parse().unwrap();
        Catalogue::open(&path).unwrap().begin_run(stamp, RunKind::Dump, stamp, "test").unwrap();
        let runs = Catalogue::open(&path).unwrap().runs().unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].stamp, stamp);
    }

    #[test]
    fn commits_are_synced_and_keys_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&folder.path().join(FILE_NAME)).unwrap();
        let pragma = |name: &str| {
            catalogue.connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(pragma("synchronous"), 2);
        assert_eq!(pragma("foreign_keys"), 1);
        let mode: String = catalogue
            .connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        let stable = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        assert!(catalogue.connection.db_config(stable).unwrap(), "statements stay prepared");
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, "this is a text, and a rather long one".repeat(100)).unwrap();
        let Err(CatalogueError::Database { obstacle, .. }) = Catalogue::open(&path) else {
            panic!("opened")
        };
        assert_eq!(*obstacle, Obstacle::Damaged(path));
        assert!(Catalogue::open(&folder.path().join("no/such/folder")).is_err());
    }

    #[test]
    fn a_copy_has_everything() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalogue = Catalogue::open(&folder.path().join(FILE_NAME)).unwrap();
        let stamp = "20261123003000".parse().unwrap();
        catalogue.begin_run(stamp, RunKind::Dump, stamp, "test").unwrap();
        let copy = folder.path().join("copy.sqlite");
        catalogue.back_up(&copy).unwrap();
        assert_eq!(Catalogue::open(&copy).unwrap().runs().unwrap().len(), 1);
    }
}
