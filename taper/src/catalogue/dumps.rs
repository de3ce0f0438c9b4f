//! Dumps, and where each is to be had.
//!
//! A dump has an image on the holding disk, or copies on volumes, or both. When it has neither any more it is
//! *expired*: its row stays, its index file may go.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params, params_from_iter};
use types::{Bytes, Digest, DleName, DleRef, DumpId, HostName, Level, Stamp, StorageName};

use super::copies::{self, Copy};
use super::events::{EventKind, log};
use super::holding::{self, Held};
use super::sql::{bytes, duration, get, get_maybe, int, level, maybe, millis, number, text, words};
use super::{Catalogue, CatalogueError, Trouble, dles};

/// How a dump went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DumpStatus {
    /// Without a complaint.
    Good,
    /// Finished, with complaints.
    Strange,
    /// Its image is not whole, or not yet: it goes straight to a volume, and is not there.
    Partial,
    /// There is no image.
    Failed,
}

words!(
    DumpStatus,
    "status of a dump",
    Good = "good",
    Strange = "strange",
    Partial = "partial",
    Failed = "failed",
);

impl DumpStatus {
    /// True if the image is whole: good or strange.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Good | Self::Strange)
    }
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Makes the dump strange.
    Strange,
    /// Made it fail.
    Error,
}

words!(Severity, "severity", Info = "info", Strange = "strange", Error = "error");

/// What the client had to say about a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How grave.
    pub severity: Severity,
    /// About which path, relative to the DLE; empty if about none.
    pub path: Vec<u8>,
    /// In words.
    pub text: String,
}

/// One backup of one DLE at one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Its name, for ever.
    pub id: DumpId,
    /// Of what.
    pub dle: DleRef,
    /// Made in which run.
    pub run: Stamp,
    /// At which level.
    pub level: Level,
    /// The dump it was made against; `None` at level 0, and where there was none: then it holds all, whatever its level.
    pub base: Option<DumpId>,
    /// How it went.
    pub status: DumpStatus,
    /// When it began.
    pub started: Stamp,
    /// When it ended.
    pub finished: Stamp,
    /// How long it took, by a clock that nobody sets.
    pub took: Duration,
    /// What was read: the length of the tar stream.
    pub raw: Bytes,
    /// The length of the image, first frame to last.
    pub stored: Bytes,
    /// How many entries.
    pub entries: u64,
    /// How many frames.
    pub frames: u32,
    /// The hash of its index file, if it has one.
    pub index_sha: Option<Digest>,
}

impl Dump {
    /// What has to be restored before it; nothing if it holds all.
    pub fn builds_on(&self) -> Option<DumpId> {
        self.base.filter(|_| !self.level.is_full())
    }
}

/// A dump, and where it is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The dump.
    pub dump: Dump,
    /// On the holding disk.
    pub held: Option<Held>,
    /// On volumes, by storage.
    pub copies: Vec<Copy>,
    /// Nowhere, since then.
    pub expired: Option<Stamp>,
}

impl Located {
    /// True if the whole image can be read from somewhere.
    pub fn is_restorable(&self) -> bool {
        self.dump.status.is_whole()
            && (self.held.is_some() || self.copies.iter().any(Copy::is_complete))
    }

    /// True if the storage has a complete copy.
    pub fn is_complete_in(&self, storage: &StorageName) -> bool {
        self.copies.iter().any(|copy| copy.storage == *storage && copy.is_complete())
    }
}

/// Which dumps to list. The default lists all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this host only.
    pub host: Option<HostName>,
    /// Of DLEs of this name only.
    pub dle: Option<DleName>,
    /// Of this run only.
    pub run: Option<Stamp>,
    /// Of runs up to this one.
    pub until: Option<Stamp>,
    /// Those too that are nowhere to be had any more, and those that failed.
    pub with_gone: bool,
    /// At most so many; 0 is all.
    pub limit: usize,
}

impl Filter {
    /// The dumps of one DLE.
    pub fn of(dle: &DleRef) -> Self {
        Self { host: Some(dle.host.clone()), dle: Some(dle.dle.clone()), ..Self::default() }
    }
}

impl Catalogue {
    /// Records a dump that left no image, for the report.
    pub fn record_failed(
        &mut self,
        dump: &Dump,
        messages: &[Message],
    ) -> Result<(), CatalogueError> {
        let dump = Dump { status: DumpStatus::Failed, ..dump.clone() };
        self.write("record that a dump failed", |tx| {
            insert(tx, &dump)?;
            say(tx, dump.id, messages)?;
            let what = format!("level {} of {} failed", dump.level, dump.dle);
            log(tx, dump.finished, Some(dump.run), EventKind::Dump, &what)
        })
    }

    /// A dump begins that goes straight to a volume. Until [`Self::finish_direct`] it is partial.
    pub fn begin_direct(&mut self, dump: &Dump) -> Result<(), CatalogueError> {
        let dump = Dump { status: DumpStatus::Partial, ..dump.clone() };
        self.write("record a dump that goes straight to a volume", |tx| insert(tx, &dump).map(drop))
    }

    /// All of a dump that goes straight to a volume has come, and all its parts are placed in a storage: how it went,
    /// its sizes, and that it can be restored, in one step. Before that it is nowhere whole. Refused unless the parts
    /// add up to it.
    pub fn finish_direct(
        &mut self,
        dump: &Dump,
        messages: &[Message],
        storage: &StorageName,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("record the end of a dump that went straight to a volume", |tx| {
            let before = one(tx, dump.id)?.ok_or(CatalogueError::NoSuchDump(dump.id))?;
            agree(&before.dump, dump)?;
            update(tx, dump)?;
            say(tx, dump.id, messages)?;
            copies::complete(tx, dump, storage, now)
        })
    }

    /// One dump.
    pub fn dump(&self, id: DumpId) -> Result<Located, CatalogueError> {
        self.read("look up a dump", |c| {
            one(c, id)?.ok_or_else(|| CatalogueError::NoSuchDump(id).into())
        })
    }

    /// Dumps, newest first.
    pub fn dumps(&self, filter: &Filter) -> Result<Vec<Located>, CatalogueError> {
        self.read("list dumps", |c| select(c, filter))
    }

    /// The dumps of one DLE that can be read from somewhere, newest first. Whether what they build on can be
    /// is another question: see [`Self::chain`].
    pub fn dumps_of(&self, dle: &DleRef) -> Result<Vec<Located>, CatalogueError> {
        self.dumps(&Filter::of(dle))
    }

    /// What the client had to say about a dump.
    pub fn messages(&self, dump: DumpId) -> Result<Vec<Message>, CatalogueError> {
        self.read("list the messages of a dump", |c| {
            let mut statement =
                c.prepare_cached("SELECT * FROM messages WHERE dump = ?1 ORDER BY no")?;
            let rows = statement.query_map([text(dump)], |row| {
                Ok(Message {
                    severity: get(row, "severity")?,
                    path: row.get("path")?,
                    text: row.get("text")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Dumps that are nowhere to be had: their index files may go.
    pub fn expired(&self) -> Result<Vec<DumpId>, CatalogueError> {
        self.read("list expired dumps", |c| {
            let mut statement =
                c.prepare_cached("SELECT id FROM dumps WHERE expired IS NOT NULL ORDER BY id")?;
            let rows = statement.query_map([], |row| get(row, "id"))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// Inserts a dump, or finds it there already, the same. Returns its DLE's row.
pub(super) fn insert(c: &Connection, dump: &Dump) -> Result<i64, Trouble> {
    let dle = dles::ensure(c, &dump.dle, dump.run)?;
    if let Some(before) = one(c, dump.id)? {
        agree(&before.dump, dump)?;
        if before.dump.status.is_whole() && before.dump.stored != dump.stored {
            return Err(CatalogueError::Contradiction(dump.id, "size").into());
        }
        update(c, dump)?;
        return Ok(dle);
    }
    c.prepare_cached(
        "INSERT INTO dumps (id, dle, run, level, base, status, started, finished, millis, raw, stored,
                            entries, frames, idx_sha)
         VALUES (:id, :dle, :run, :level, :base, :status, :started, :finished, :millis, :raw, :stored,
                 :entries, :frames, :idx_sha)",
    )?
    .execute(named_params! {
        ":id": text(dump.id),
        ":dle": dle,
        ":run": text(dump.run),
        ":level": dump.level.number(),
        ":base": maybe(dump.base),
        ":status": dump.status.as_str(),
        ":started": text(dump.started),
        ":finished": text(dump.finished),
        ":millis": millis(dump.took),
        ":raw": int(dump.raw.0),
        ":stored": int(dump.stored.0),
        ":entries": int(dump.entries),
        ":frames": dump.frames,
        ":idx_sha": maybe(dump.index_sha),
    })?;
    Ok(dle)
}

fn update(c: &Connection, dump: &Dump) -> Result<(), Trouble> {
    c.prepare_cached(
        "UPDATE dumps SET status = :status, finished = :finished, millis = :millis, raw = :raw,
                stored = :stored, entries = :entries, frames = :frames, idx_sha = :idx_sha
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": text(dump.id),
        ":status": dump.status.as_str(),
        ":finished": text(dump.finished),
        ":millis": millis(dump.took),
        ":raw": int(dump.raw.0),
        ":stored": int(dump.stored.0),
        ":entries": int(dump.entries),
        ":frames": dump.frames,
        ":idx_sha": maybe(dump.index_sha),
    })?;
    Ok(())
}

/// What a dump is can't change, only how far it came.
fn agree(before: &Dump, now: &Dump) -> Result<(), CatalogueError> {
    let differing = [
        (before.dle != now.dle, "DLE"),
        (before.level != now.level, "level"),
        (before.base != now.base, "base"),
        (before.run != now.run, "run"),
    ];
    match differing.into_iter().find(|(differs, _)| *differs) {
        Some((_, what)) => Err(CatalogueError::Contradiction(now.id, what)),
        None => Ok(()),
    }
}

/// The messages of a dump, in place of those it had.
pub(super) fn say(c: &Connection, dump: DumpId, messages: &[Message]) -> Result<(), Trouble> {
    c.prepare_cached("DELETE FROM messages WHERE dump = ?1")?.execute([text(dump)])?;
    let mut statement = c.prepare_cached(
        "INSERT INTO messages (dump, no, severity, path, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (no, message) in messages.iter().enumerate() {
        let Message { severity, path, text: words } = message;
        statement.execute(params![text(dump), int(no), severity.as_str(), path, words])?;
    }
    Ok(())
}

/// Marks as expired what is nowhere to be had, out of `candidates`. What is still arriving is not asked about.
pub(super) fn expire(c: &Connection, candidates: &[DumpId], now: Stamp) -> Result<(), Trouble> {
    let mut statement = c.prepare_cached(
        "UPDATE dumps SET expired = ?2 WHERE id = ?1 AND expired IS NULL
         AND NOT EXISTS (SELECT 1 FROM held WHERE dump = ?1)
         AND NOT EXISTS (SELECT 1 FROM copies WHERE dump = ?1 AND state = 'complete')",
    )?;
    for dump in candidates {
        if statement.execute([text(dump), text(now)])? > 0 {
            super::pending::expired(c, *dump)?;
            let what = format!("dump {dump} is nowhere to be had any more");
            log(c, now, None, EventKind::Dump, &what)?;
        }
    }
    Ok(())
}

/// It was found again, or made again.
pub(super) fn revive(c: &Connection, dump: DumpId) -> Result<(), Trouble> {
    c.prepare_cached("UPDATE dumps SET expired = NULL WHERE id = ?1")?.execute([text(dump)])?;
    Ok(())
}

const SELECT: &str =
    "SELECT dumps.*, host, dles.dle AS dle_name FROM dumps JOIN dles ON dles.id = dumps.dle";

pub(super) fn one(c: &Connection, id: DumpId) -> Result<Option<Located>, Trouble> {
    let mut statement = c.prepare_cached(&format!("{SELECT} WHERE dumps.id = ?1"))?;
    let found = statement.query_row([text(id)], of_row).optional()?;
    found.map(|(dump, expired)| locate(c, dump, expired)).transpose()
}

pub(super) fn select(c: &Connection, filter: &Filter) -> Result<Vec<Located>, Trouble> {
    // Only the conditions that are asked for, so that SQLite uses the index that fits them.
    let mut conditions = vec!["TRUE"];
    let mut values = Vec::new();
    let mut narrow = |condition, value: Option<String>| {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    };
    narrow("host = ?", maybe(filter.host.as_ref()));
    narrow("dles.dle = ?", maybe(filter.dle.as_ref()));
    narrow("run = ?", maybe(filter.run));
    narrow("run <= ?", maybe(filter.until));
    if !filter.with_gone {
        conditions.push("expired IS NULL AND status <> 'failed'");
    }
    let limit = if filter.limit == 0 { -1 } else { int(filter.limit) };
    let mut statement = c.prepare_cached(&format!(
        "{SELECT} WHERE {} ORDER BY run DESC, dumps.id DESC LIMIT {limit}",
        conditions.join(" AND "),
    ))?;
    let rows = statement.query_map(params_from_iter(values), of_row)?;
    rows.map(|row| row.map_err(Trouble::from).and_then(|(dump, gone)| locate(c, dump, gone)))
        .collect()
}

fn locate(c: &Connection, dump: Dump, expired: Option<Stamp>) -> Result<Located, Trouble> {
    let held = holding::of(c, dump.id)?;
    let copies = copies::of(c, dump.id)?;
    Ok(Located { dump, held, copies, expired })
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<(Dump, Option<Stamp>)> {
    let dle = DleRef { host: get(row, "host")?, dle: get(row, "dle_name")? };
    let dump = Dump {
        id: get(row, "id")?,
        dle,
        run: get(row, "run")?,
        level: level(row, "level")?,
        base: get_maybe(row, "base")?,
        status: get(row, "status")?,
        started: get(row, "started")?,
        finished: get(row, "finished")?,
        took: duration(row, "millis")?,
        raw: bytes(row, "raw")?,
        stored: bytes(row, "stored")?,
        entries: number(row, "entries")?,
        frames: number(row, "frames")?,
        index_sha: get_maybe(row, "idx_sha")?,
    };
    Ok((dump, get_maybe(row, "expired")?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dump, id};
    use super::*;

    #[test]
    fn a_statement_is_planned_once_however_often_it_is_asked() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        for n in 1..6 {
            catalogue.with_volume(&format!("V{n}"), n);
            catalogue.night(&dump(n.into(), 0, None, n), &format!("V{n}"), 1);
        }
        for n in 1..6 {
            catalogue.dump(id(n)).unwrap();
        }
        let sql = format!("{SELECT} WHERE dumps.id = ?1");
        let statement = catalogue.connection.prepare_cached(&sql).unwrap();
        assert!(statement.get_status(rusqlite::StatementStatus::Run) > 1);
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }
}
