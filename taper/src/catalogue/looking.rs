//! A catalogue that is only looked at, where nothing can be written.
//!
//! On the day of the restore the disk of the catalogue may be read-only or full. SQLite in WAL mode writes even when it
//! reads: it makes `-wal` and `-shm` beside the file. So what is there is tried in turn:
//!
//! ```text
//!  opened to read, with its -wal and -shm   they are there; others that write are locked out as ever
//!  opened as what nobody changes            no -wal has anything. Each look holds only if nobody wrote meanwhile
//!  copied away with its -wal, into memory   a -wal has the last commits, and no -shm is to be had
//! ```
//!
//! One of an older schema is copied into memory too, and brought up to date there.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::obstacle::{beside, in_the_way};
use super::{Catalogue, CatalogueError, Obstacle, PATIENCE, failed, schema};

/// How the catalogue is held while others may want it.
pub(super) enum Hold {
    /// By SQLite's locks, as every process does that may write.
    Shared,
    /// By its locks, to read.
    ToRead(Obstacle),
    /// By nothing: it must not have changed.
    Still { why: Obstacle, witness: Witness },
    /// It is a copy.
    Copied(Obstacle),
}

/// How the file and its `-wal` stood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Witness {
    /// Length, and last change.
    file: Stood,
    wal: Option<Stood>,
}

type Stood = (u64, i64, i64);

impl Witness {
    fn of(path: &Path) -> io::Result<Self> {
        let stood = |path: &Path| {
            fs::metadata(path).map(|found| (found.len(), found.mtime(), found.mtime_nsec()))
        };
        let wal = match stood(&beside(path, "-wal")) {
            Ok((0, ..)) => None,
            Ok(stood) => Some(stood),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file: stood(path)?, wal })
    }

    /// Whether it stands like that still.
    pub(super) fn holds(&self, path: &Path) -> bool {
        Self::of(path).is_ok_and(|now| now == *self)
    }
}

/// Opens what was refused to one that would write. The refusal stands where it can't be read either.
pub(super) fn open(path: &Path, refused: CatalogueError) -> Result<Catalogue, CatalogueError> {
    let CatalogueError::Database { obstacle, .. } = &refused else { return Err(refused) };
    if !obstacle.lets_read() {
        return Err(refused);
    }
    let told = |error: &CatalogueError| {
        let CatalogueError::Database { obstacle, .. } = error else { return true };
        matches!(**obstacle, Obstacle::Damaged(_))
    };
    let found = with_its_locks(path, obstacle)
        .or_else(|error| if told(&error) { Err(error) } else { as_it_stands(path, obstacle) });
    match found {
        Err(error) if !told(&error) => Err(refused),
        found => found,
    }
}

/// A catalogue in which nothing can be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyRead {
    /// What stands in the way of writing.
    pub why: Obstacle,
    /// That, and how it is read all the same, in words.
    pub told: String,
}

pub(super) fn only_read(catalogue: &Catalogue) -> Option<OnlyRead> {
    let path = &catalogue.path;
    let (why, how) = match &catalogue.hold {
        Hold::Shared if !catalogue.connection.is_readonly("main").unwrap_or(false) => return None,
        Hold::Shared => (in_the_way(path).unwrap_or(Obstacle::Unknown), "it is read as it stands"),
        Hold::ToRead(why) | Hold::Still { why, .. } => (why.clone(), "it is read as it stands"),
        Hold::Copied(why) => (why.clone(), "a copy of it is read"),
    };
    let since = why.reason().map(|reason| format!(", since {reason}")).unwrap_or_default();
    let told = format!(
        "the catalogue {} can't be written{since}: {how}, and nothing is noted in it",
        path.display()
    );
    Some(OnlyRead { why, told })
}

fn with_its_locks(path: &Path, why: &Obstacle) -> Result<Catalogue, CatalogueError> {
    let connection = connect(path, "mode=ro&readonly_shm=1")?;
    taken(connection, path, Hold::ToRead(why.clone()))
}

fn as_it_stands(path: &Path, why: &Obstacle) -> Result<Catalogue, CatalogueError> {
    let witness = Witness::of(path).map_err(|error| unread(path, &error))?;
    if witness.wal.is_none() {
        let connection = connect(path, "mode=ro&immutable=1")?;
        return taken(connection, path, Hold::Still { why: why.clone(), witness });
    }
    let copied = copied(path).map_err(|error| unread(path, &error))??;
    taken(copied, path, Hold::Copied(why.clone()))
}

/// Checks the schema. One that is older is brought up to date in memory, where that changes nothing.
fn taken(connection: Connection, path: &Path, hold: Hold) -> Result<Catalogue, CatalogueError> {
    let catalogue = Catalogue { connection, path: path.to_owned(), hold };
    let found = catalogue.read("be opened", |c| {
        Ok(c.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))?)
    })?;
    if found >= schema::known() {
        let mut catalogue = catalogue;
        schema::migrate(&mut catalogue)?;
        return Ok(catalogue);
    }
    let why = match &catalogue.hold {
        Hold::Shared => Obstacle::Unknown,
        Hold::ToRead(why) | Hold::Still { why, .. } | Hold::Copied(why) => why.clone(),
    };
    let copy =
        in_memory(&catalogue.connection).map_err(|error| failed(path, "be copied", error))?;
    // Was it copied while somebody wrote it?
    catalogue.read("be copied", |_| Ok(()))?;
    let mut copy = Catalogue { connection: copy, path: path.to_owned(), hold: Hold::Copied(why) };
    schema::migrate(&mut copy)?;
    Ok(copy)
}

fn connect(path: &Path, how: &str) -> Result<Connection, CatalogueError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(uri(path, how), flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    });
    opened.map_err(|error| failed(path, "be opened", error))
}

/// The path as a URI, in which nothing of it means anything (RFC 3986).
fn uri(path: &Path, how: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{uri}?{how}")
}

/// How often a copy is made anew because somebody wrote meanwhile.
const TRIES: usize = 3;

/// File and `-wal`, put together in a directory that is gone again, and then in memory.
fn copied(path: &Path) -> io::Result<Result<Connection, CatalogueError>> {
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    // What has no disk under it is there when every disk is read-only.
    for place in [std::env::temp_dir(), PathBuf::from("/dev/shm")] {
        match Aside::make(&place).and_then(|aside| copied_to(&aside.0, path)) {
            Err(error) => refused = error,
            copied => return copied,
        }
    }
    Err(refused)
}

fn copied_to(aside: &Path, path: &Path) -> io::Result<Result<Connection, CatalogueError>> {
    let copy = aside.join(super::FILE_NAME);
    for _ in 0..TRIES {
        let before = Witness::of(path)?;
        fs::copy(path, &copy)?;
        fs::copy(beside(path, "-wal"), beside(&copy, "-wal"))?;
        if before.holds(path) {
            let opened = Connection::open(&copy).and_then(|connection| in_memory(&connection));
            return Ok(opened.map_err(|error| failed(path, "be copied", error)));
        }
    }
    Ok(Err(CatalogueError::Changed { path: path.to_owned() }))
}

fn in_memory(from: &Connection) -> rusqlite::Result<Connection> {
    let mut memory = Connection::open_in_memory()?;
    Backup::new(from, &mut memory)?.run_to_completion(i32::MAX, PATIENCE, None)?;
    super::settle(&memory)?;
    Ok(memory)
}

/// The system let nobody look at the files.
fn unread(path: &Path, error: &io::Error) -> CatalogueError {
    let source = rusqlite::Error::InvalidPath(PathBuf::from(error.to_string()));
    failed(path, "be copied", source)
}

/// A directory for a moment, that nobody else may enter.
struct Aside(PathBuf);

impl Aside {
    fn make(place: &Path) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = place.join(format!("reelkeep-catalogue-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                // Left by a process that was killed and had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| Self(path)),
            }
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("{} is of no use and could not be removed: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RunKind, testing};
    use super::*;

    /// What a writer meets on a file system that is read-only.
    fn refused(path: &Path) -> CatalogueError {
        let source = Box::new(rusqlite::Error::InvalidQuery);
        let obstacle = Box::new(Obstacle::ReadOnly(path.to_owned()));
        CatalogueError::Database { path: path.to_owned(), action: "be opened", obstacle, source }
    }

    fn begin_run(catalogue: &mut Catalogue, day: u32) {
        let stamp = testing::day(day);
        catalogue.begin_run(stamp, RunKind::Dump, stamp, "test").unwrap();
    }

    fn runs(catalogue: &Catalogue) -> usize {
        catalogue.runs().unwrap().len()
    }

    /// A catalogue in which a run was noted, in a directory whose name says something to SQLite.
    fn site() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::Builder::new().prefix("a%20b?mode=rwc&#c").tempdir().unwrap();
        let path = folder.path().join(super::super::FILE_NAME);
        begin_run(&mut Catalogue::open(&path).unwrap(), 1);
        (folder, path)
    }

    #[test]
    fn one_that_nobody_writes_is_read_and_stays_as_it_is() {
        let (_folder, path) = site();
        let before = fs::read(&path).unwrap();
        let mut catalogue = open(&path, refused(&path)).unwrap();
        assert_eq!(runs(&catalogue), 1);
        let told = catalogue.only_read().unwrap().told;
        assert!(told.contains("is read-only: it is read as it stands"), "{told}");
        let stamp = testing::day(2);
        assert!(catalogue.begin_run(stamp, RunKind::Dump, stamp, "test").is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn one_that_is_written_meanwhile_is_read_as_of_the_last_commit() {
        let (_folder, path) = site();
        let mut writer = Catalogue::open(&path).unwrap();
        begin_run(&mut writer, 2);
        let catalogue = open(&path, refused(&path)).unwrap();
        assert!(matches!(catalogue.hold, Hold::ToRead(_)));
        assert_eq!(runs(&catalogue), 2);
        begin_run(&mut writer, 3);
        assert_eq!(runs(&catalogue), 3);
    }

    #[test]
    fn what_was_read_without_a_lock_while_somebody_wrote_is_no_answer() {
        let (_folder, path) = site();
        let catalogue = open(&path, refused(&path)).unwrap();
        assert!(matches!(catalogue.hold, Hold::Still { .. }));
        let mut writer = Catalogue::open(&path).unwrap();
        begin_run(&mut writer, 2);
        assert!(matches!(catalogue.runs(), Err(CatalogueError::Changed { .. })));
        drop(writer);
        assert!(matches!(catalogue.runs(), Err(CatalogueError::Changed { .. })), "and its end");
    }

    #[test]
    fn the_last_commits_of_a_crash_are_read_with_the_rest() {
        let (folder, path) = site();
        let mut writer = Catalogue::open(&path).unwrap();
        begin_run(&mut writer, 2);
        let crashed = folder.path().join("crashed");
        fs::create_dir(&crashed).unwrap();
        let left = crashed.join(super::super::FILE_NAME);
        fs::copy(&path, &left).unwrap();
        fs::copy(beside(&path, "-wal"), beside(&left, "-wal")).unwrap();
        let catalogue = open(&left, refused(&left)).unwrap();
        assert!(catalogue.only_read().unwrap().told.contains("a copy of it is read"));
        assert_eq!(runs(&catalogue), 2);
        assert_eq!(fs::read_dir(crashed).unwrap().count(), 2, "nothing was made beside it");
    }

    #[test]
    fn one_of_an_older_schema_is_brought_up_to_date_in_memory_only() {
        const SAMPLE: &str = include_str!("../../tests/samples/catalogue-1.sql");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE_NAME);
        Connection::open(&path).unwrap().execute_batch(SAMPLE).unwrap();
        let before = fs::read(&path).unwrap();
        let catalogue = open(&path, refused(&path)).unwrap();
        assert_eq!(catalogue.check().unwrap(), []);
        drop(catalogue);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_damaged_or_newer_is_told_as_that() {
        let (_folder, path) = site();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", schema::known() + 1).unwrap();
        drop(connection);
        assert!(matches!(open(&path, refused(&path)), Err(CatalogueError::Newer { .. })));
        fs::write(&path, "this is a text, and a rather long one".repeat(100)).unwrap();
        let Err(CatalogueError::Database { obstacle, .. }) = open(&path, refused(&path)) else {
            panic!("opened")
        };
        assert_eq!(*obstacle, Obstacle::Damaged(path));
    }

    #[test]
    fn what_is_not_there_is_refused_for_the_reason_that_it_cannot_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE_NAME);
        let Err(CatalogueError::Database { obstacle, .. }) = open(&path, refused(&path)) else {
            panic!("opened")
        };
        assert_eq!(*obstacle, Obstacle::ReadOnly(path));
    }
}
