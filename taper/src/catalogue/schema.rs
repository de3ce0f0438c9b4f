//! The tables, step by step from the first day.
//!
//! `PRAGMA user_version` counts the steps that a file has been through. A step that has once been released is
//! never edited: a change is a new step at the end. Stamps, ids, labels and words are stored as text, so that
//! a person with the `sqlite3` command can read the file; sizes are bytes.

use super::{Catalogue, CatalogueError};

/// Step n brings a file from `user_version` n to n + 1.
const STEPS: &[&str] = &[FIRST, STRIKES, HOLDS, PENDING, MEDIA];

const FIRST: &str = "
CREATE TABLE runs (
    stamp    TEXT PRIMARY KEY NOT NULL,
    kind     TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT,
    status   TEXT NOT NULL,
    program  TEXT NOT NULL
) STRICT;

CREATE TABLE dles (
    id    INTEGER PRIMARY KEY,
    host  TEXT NOT NULL,
    dle   TEXT NOT NULL,
    since TEXT NOT NULL,
    gone  TEXT,                         -- no longer on the disk list since then
    UNIQUE (host, dle)
) STRICT;

CREATE TABLE dumps (
    id       TEXT PRIMARY KEY NOT NULL,
    dle      INTEGER NOT NULL REFERENCES dles,
    run      TEXT NOT NULL REFERENCES runs,
    level    INTEGER NOT NULL,
    base     TEXT,                      -- no reference: the base may be known only to a volume
    status   TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT NOT NULL,
    millis   INTEGER NOT NULL,
    raw      INTEGER NOT NULL,
    stored   INTEGER NOT NULL,
    entries  INTEGER NOT NULL,
    frames   INTEGER NOT NULL,
    idx_sha  TEXT,
    expired  TEXT                       -- nowhere to be had since then
) STRICT;
CREATE INDEX dumps_by_dle ON dumps (dle, run);
CREATE INDEX dumps_by_run ON dumps (run);
CREATE INDEX dumps_by_base ON dumps (base) WHERE base IS NOT NULL;

CREATE TABLE messages (
    dump     TEXT NOT NULL REFERENCES dumps ON DELETE CASCADE,
    no       INTEGER NOT NULL,
    severity TEXT NOT NULL,
    path     BLOB NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (dump, no)
) STRICT, WITHOUT ROWID;

CREATE TABLE held (
    dump  TEXT PRIMARY KEY NOT NULL REFERENCES dumps,
    path  BLOB NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE volumes (
    label     TEXT PRIMARY KEY NOT NULL,
    pool      TEXT NOT NULL,
    storage   TEXT NOT NULL,
    barcode   TEXT,
    slot      INTEGER,
    block     INTEGER NOT NULL,         -- block size
    state     TEXT NOT NULL,
    labelled  TEXT,                     -- the stamp in its label
    first     TEXT,                     -- run that wrote it first since it was labelled
    last      TEXT,                     -- run that wrote it last
    next_file INTEGER NOT NULL,         -- where the next file begins
    next_at   INTEGER,                  -- and at which block of the drive's count
    bytes     INTEGER NOT NULL,
    lock      TEXT NOT NULL DEFAULT ''  -- '', 'no-reuse', or the stamp until which
) STRICT;
CREATE INDEX volumes_by_last ON volumes (last);

CREATE TABLE copies (
    dump    TEXT NOT NULL REFERENCES dumps,
    storage TEXT NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (dump, storage)
) STRICT, WITHOUT ROWID;

CREATE TABLE parts (
    dump        TEXT NOT NULL,
    storage     TEXT NOT NULL,
    no          INTEGER NOT NULL,
    run         TEXT NOT NULL REFERENCES runs,  -- that wrote it
    label       TEXT NOT NULL REFERENCES volumes,
    file        INTEGER NOT NULL,
    block       INTEGER,
    first_frame INTEGER NOT NULL,
    last_frame  INTEGER NOT NULL,
    offset      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    sha_so_far  TEXT,
    crc_so_far  INTEGER,
    PRIMARY KEY (dump, storage, no),
    FOREIGN KEY (dump, storage) REFERENCES copies
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX parts_by_place ON parts (label, file);
CREATE INDEX parts_by_run ON parts (run);

CREATE TABLE history (
    dle     INTEGER NOT NULL REFERENCES dles,
    run     TEXT NOT NULL,
    dump    TEXT NOT NULL,
    level   INTEGER NOT NULL,
    raw     INTEGER NOT NULL,
    stored  INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    millis  INTEGER NOT NULL,
    PRIMARY KEY (dle, run, dump)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    id   INTEGER PRIMARY KEY,
    dle  INTEGER NOT NULL REFERENCES dles,
    ask  TEXT NOT NULL,
    made TEXT NOT NULL,
    UNIQUE (dle, ask)
) STRICT;

CREATE TABLE pins (
    id    INTEGER PRIMARY KEY,
    dump  TEXT NOT NULL REFERENCES dumps,
    why   TEXT NOT NULL,
    until TEXT
) STRICT;

CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    at   TEXT NOT NULL,
    run  TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run);
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
";

/// Volumes on which writing failed, and in which drive.
const STRIKES: &str = "
CREATE TABLE strikes (
    id    INTEGER PRIMARY KEY,
    label TEXT NOT NULL REFERENCES volumes ON DELETE CASCADE,
    drive TEXT NOT NULL,
    run   TEXT NOT NULL,
    why   TEXT NOT NULL
) STRICT;
CREATE INDEX strikes_by_label ON strikes (label);
";

/// Who locked a volume and why, and where those are that are not in the library.
const HOLDS: &str = "
ALTER TABLE volumes ADD COLUMN lock_why TEXT NOT NULL DEFAULT '';
ALTER TABLE volumes ADD COLUMN lock_by TEXT NOT NULL DEFAULT '';
ALTER TABLE volumes ADD COLUMN lock_at TEXT;                      -- locked when
ALTER TABLE volumes ADD COLUMN off_site TEXT;                     -- where it is, if not at hand
ALTER TABLE volumes ADD COLUMN off_site_at TEXT;                  -- since when
";

/// Copies that are still to be made.
const PENDING: &str = "
CREATE TABLE pending (
    dump    TEXT NOT NULL REFERENCES dumps ON DELETE CASCADE,
    storage TEXT NOT NULL,              -- that is to get it
    due     TEXT NOT NULL,              -- not before then
    PRIMARY KEY (dump, storage)
) STRICT, WITHOUT ROWID;
";

/// What the chip in a cartridge says of it.
const MEDIA: &str = "
ALTER TABLE volumes ADD COLUMN medium TEXT NOT NULL DEFAULT 'rewritable';  -- or 'write-once'
ALTER TABLE volumes ADD COLUMN serial TEXT;                                -- the maker's number of the cartridge
";

/// How far this program's steps go.
pub(super) fn known() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Takes the file through the steps it has not been through yet, all or none.
pub(super) fn migrate(catalogue: &mut Catalogue) -> Result<(), CatalogueError> {
    let version = |c: &rusqlite::Connection| {
        c.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))
    };
    let newer = |path: &std::path::Path, found| CatalogueError::Newer {
        path: path.to_owned(),
        found,
        known: known(),
    };
    let found = catalogue.read("tell its schema", |c| Ok(version(c)?))?;
    if found == known() {
        return Ok(()); // The usual case must not wait for a writer.
    }
    let path = catalogue.path.clone();
    catalogue.write("be brought up to date", |tx| {
        // Asked again: another process may have been faster.
        let found = version(tx)?;
        let Some(missing) = STEPS.get(found as usize..) else {
            return Err(newer(&path, found).into());
        };
        missing.iter().try_for_each(|step| tx.execute_batch(step))?;
        tx.pragma_update(None, "user_version", known())?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_catalogue_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.sqlite");
        let catalogue = Catalogue::open(&path).unwrap();
        catalogue.connection.pragma_update(None, "user_version", known() + 3).unwrap();
        drop(catalogue);
        let Err(error) = Catalogue::open(&path) else { panic!("opened") };
        assert!(error.to_string().contains("newer program"), "{error}");
        let raw = rusqlite::Connection::open(&path).unwrap();
        let version: u32 = raw.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
        assert_eq!(version, known() + 3);
    }

    #[test]
    fn two_that_open_a_new_catalogue_at_once_both_succeed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.sqlite");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| Catalogue::open(&path).unwrap());
            }
        });
    }

    /// A catalogue as version 1 left it: never to be edited.
    const SAMPLE: &str = include_str!("../../tests/samples/catalogue-1.sql");

    fn sample(folder: &std::path::Path) -> std::path::PathBuf {
        let path = folder.join("sample.sqlite");
        rusqlite::Connection::open(&path).unwrap().execute_batch(SAMPLE).unwrap();
        path
    }

    #[test]
    fn a_catalogue_of_version_1_is_still_read() {
        use super::super::testing::{day, dle, id, label, storage};
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&sample(folder.path())).unwrap();
        assert_eq!(catalogue.check().unwrap(), []);
        let links = catalogue.newest_at(&dle("/data"), day(9)).unwrap().links.unwrap();
        assert_eq!(links.iter().map(|link| link.dump.id).collect::<Vec<_>>(), [id(1), id(2)]);
        assert_eq!(links[1].dump.index_sha, Some(types::Digest([0xab; 32])));
        assert_eq!(catalogue.messages(id(2)).unwrap()[0].path, b"a\xff");
        assert_eq!(catalogue.held().unwrap()[0].bytes, types::Bytes(1300));
        assert_eq!(catalogue.parts(id(2), &storage("lib")).unwrap().len(), 1);
        let volume = catalogue.volume(&label("V1")).unwrap();
        assert_eq!(volume.lock, super::super::Lock::Until(day(40)));
        assert_eq!((volume.locked, volume.off_site), (Default::default(), None));
        assert_eq!((volume.medium, volume.serial), (super::super::Medium::Rewritable, None));
        assert_eq!(
            (volume.slot, volume.end.object),
            (Some(types::Slot(3)), Some(types::ObjectNo(20)))
        );
        assert_eq!(catalogue.history(&dle("/data")).unwrap().len(), 2);
        assert_eq!((catalogue.requests().unwrap().len(), catalogue.pins().unwrap().len()), (1, 1));
        assert_eq!(catalogue.unfinished_runs().unwrap().len(), 1);
        assert_eq!(catalogue.events(None, 99).unwrap().len(), 10);
    }

    #[test]
    fn steps_that_were_released_are_not_edited() {
        let folder = tempfile::tempdir().unwrap();
        let tables = |connection: &rusqlite::Connection| {
            let mut all = connection
                .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
                .unwrap();
            let rows = all.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap()
        };
        // Both have been through all steps, one from nothing and one from version 1.
        let old = Catalogue::open(&sample(folder.path())).unwrap();
        let new = Catalogue::open(&folder.path().join("new.sqlite")).unwrap();
        assert_eq!(tables(&old.connection), tables(&new.connection));
    }

    #[test]
    fn events_cannot_be_changed() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        let stamp = "20261123003000".parse().unwrap();
        catalogue.begin_run(stamp, super::super::RunKind::Dump, stamp, "test").unwrap();
        assert!(!catalogue.events(None, 10).unwrap().is_empty());
        assert!(catalogue.connection.execute("DELETE FROM events", []).is_err());
        assert!(catalogue.connection.execute("UPDATE events SET text = ''", []).is_err());
    }
}
