//! DLEs: what the disk list has named so far, what the operator asks for them, and how their dumps went.
//!
//! The planner takes its facts from here. The last dump of each level is what counts as such: a full makes
//! the levels above it void, as in Amanda's curinfo.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use types::{Bytes, DleName, DleRef, DumpId, HostName, Level, Stamp};

use super::dumps::Dump;
use super::events::{EventKind, log};
use super::sql::{
    bytes, count_at, duration, get, get_at, get_maybe, get_maybe_at, int, level, level_at, millis,
    number, text, words,
};
use super::{Catalogue, CatalogueError, Trouble};

/// Rows of history kept for each DLE. Amanda keeps 100.
const HISTORY: u32 = 200;

/// So many rows of history are told to the planner.
const RECENT: usize = 60;

/// A DLE that was ever on the disk list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDle {
    /// Which.
    pub dle: DleRef,
    /// First seen.
    pub since: Stamp,
    /// No longer on the disk list since then.
    pub gone: Option<Stamp>,
}

/// How fresh the dumps of a DLE are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Which.
    pub dle: DleRef,
    /// The run of the newest dump.
    pub newest: Option<Stamp>,
    /// The run of the newest full dump.
    pub newest_full: Option<Stamp>,
}

/// What the operator may ask of the next plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Level 0 next time.
    Full,
    /// Level 1 next time.
    LevelOne,
    /// A higher level next time.
    Bump,
    /// Not a higher level next time.
    NoBump,
}

words!(Ask, "request", Full = "full", LevelOne = "level-1", Bump = "bump", NoBump = "no-bump");

/// Something the operator asked for and did not get yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For which DLE.
    pub dle: DleRef,
    /// What.
    pub ask: Ask,
    /// When it was asked for.
    pub made: Stamp,
}

/// One dump as the planner remembers it, long after its volumes were reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Which run made it.
    pub run: Stamp,
    /// Which dump it was.
    pub dump: DumpId,
    /// At which level.
    pub level: Level,
    /// What was read.
    pub raw: Bytes,
    /// The length of its image.
    pub stored: Bytes,
    /// How many entries.
    pub entries: u64,
    /// How long it took.
    pub took: Duration,
}

/// All that the planner wants to know of one DLE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DleFacts {
    /// Good and strange dumps, newest first.
    pub history: Vec<HistoryRow>,
    /// What the operator asked for.
    pub requests: BTreeSet<Ask>,
}

impl DleFacts {
    /// The level of the newest dump.
    pub fn last_level(&self) -> Option<Level> {
        self.history.first().map(|row| row.level)
    }

    /// How many of the newest dumps in a row were at that level.
    pub fn consecutive_runs(&self) -> usize {
        self.history.iter().take_while(|row| Some(row.level) == self.last_level()).count()
    }

    /// The newest dump of each level that a later one of a lower level has not made void.
    pub fn last_of_each_level(&self) -> BTreeMap<Level, &HistoryRow> {
        // Nothing is below a full: most of the history is not looked at.
        let newest_full = self.history.iter().position(|row| row.level.is_full());
        let since = newest_full.map_or(self.history.len(), |at| at + 1);
        let mut last = BTreeMap::<Level, &HistoryRow>::new();
        for row in self.history.iter().take(since) {
            if last.keys().next().is_none_or(|lowest| row.level < *lowest) {
                last.insert(row.level, row);
            }
        }
        last
    }

    /// The newest full.
    pub fn last_full(&self) -> Option<&HistoryRow> {
        self.history.iter().find(|row| row.level.is_full())
    }
}

impl Catalogue {
    /// Takes over the disk list: new DLEs are added, those no longer on it are gone since `now`.
    pub fn sync_dles(&mut self, list: &[DleRef], now: Stamp) -> Result<(), CatalogueError> {
        self.write("take over the disk list", |tx| {
            let mut gone: BTreeSet<DleRef> =
                select(tx)?.into_iter().filter(|d| d.gone.is_none()).map(|d| d.dle).collect();
            for dle in list {
                let id = ensure(tx, dle, now)?;
                tx.prepare_cached("UPDATE dles SET gone = NULL WHERE id = ?1")?.execute([id])?;
                gone.remove(dle);
            }
            for dle in gone {
                tx.prepare_cached("UPDATE dles SET gone = ?3 WHERE host = ?1 AND dle = ?2")?
                    .execute([dle.host.as_str(), dle.dle.as_str(), &text(now)])?;
                let what = format!("{dle} is no longer on the disk list");
                log(tx, now, None, EventKind::Operator, &what)?;
            }
            Ok(())
        })
    }

    /// All DLEs that ever were, by name.
    pub fn dles(&self) -> Result<Vec<KnownDle>, CatalogueError> {
        self.read("list its DLEs", select)
    }

    /// The operator asks for something at the next plan.
    pub fn request(&mut self, dle: &DleRef, ask: Ask, now: Stamp) -> Result<(), CatalogueError> {
        self.write("note a request", |tx| {
            let id = ensure(tx, dle, now)?;
            // What contradicts it goes: the last word counts.
            let opposite = match ask {
                Ask::Full => Ask::LevelOne,
                Ask::LevelOne => Ask::Full,
                Ask::Bump => Ask::NoBump,
                Ask::NoBump => Ask::Bump,
            };
            remove_request(tx, id, opposite)?;
            tx.prepare_cached(
                "INSERT OR REPLACE INTO requests (dle, ask, made) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id, ask.as_str(), text(now)])?;
            log(tx, now, None, EventKind::Operator, &format!("{ask} is asked for {dle}"))
        })
    }

    /// Takes a request back, or ticks it off.
    pub fn unrequest(&mut self, dle: &DleRef, ask: Ask, now: Stamp) -> Result<(), CatalogueError> {
        self.write("drop a request", |tx| {
            if let Some(id) = find(tx, dle)?
                && remove_request(tx, id, ask)?
            {
                log(
                    tx,
                    now,
                    None,
                    EventKind::Operator,
                    &format!("{ask} is no longer asked for {dle}"),
                )?;
            }
            Ok(())
        })
    }

    /// All open requests.
    pub fn requests(&self) -> Result<Vec<Request>, CatalogueError> {
        self.read("list its requests", |c| {
            let mut statement = c.prepare_cached(
                "SELECT host, dles.dle AS dle, ask, made FROM requests JOIN dles ON dles.id = requests.dle
                 ORDER BY host, dles.dle, ask",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Request { dle: dle_of(row)?, ask: get(row, "ask")?, made: get(row, "made")? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What the planner wants to know, of every DLE on the disk list: of history the newest rows, and more until there
    /// are two fulls among them, so that growth can be told.
    pub fn planner_facts(&self) -> Result<BTreeMap<DleRef, DleFacts>, CatalogueError> {
        let mut requests = BTreeMap::<DleRef, BTreeSet<Ask>>::new();
        for Request { dle, ask, .. } in self.requests()? {
            requests.entry(dle).or_default().insert(ask);
        }
        self.read("list the history of its DLEs", |c| {
            let mut statement =
                c.prepare_cached("SELECT id, host, dle FROM dles WHERE gone IS NULL")?;
            let mut rows = statement.query([])?;
            let mut facts = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let dle = DleRef { host: get_at(row, 1)?, dle: get_at(row, 2)? };
                let requests = requests.remove(&dle).unwrap_or_default();
                facts.insert(dle, DleFacts { history: recent(c, row.get(0)?)?, requests });
            }
            Ok(facts)
        })
    }

    /// The newest dump, and the newest full one, that can be read from somewhere, of every DLE on the disk list.
    pub fn freshness(&self) -> Result<Vec<Fresh>, CatalogueError> {
        self.read("look for the newest dump of each DLE", |c| {
            let mut statement = c.prepare_cached(
                "SELECT host, dle,
                        (SELECT run FROM dumps WHERE dle = dles.id AND expired IS NULL AND status IN ('good', 'strange')
                         ORDER BY run DESC LIMIT 1) AS newest,
                        (SELECT run FROM dumps WHERE dle = dles.id AND expired IS NULL AND status IN ('good', 'strange')
                         AND level = 0 ORDER BY run DESC LIMIT 1) AS newest_full
                 FROM dles WHERE gone IS NULL ORDER BY host, dle",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Fresh {
                    dle: DleRef { host: get_at(row, 0)?, dle: get_at(row, 1)? },
                    newest: get_maybe_at(row, 2)?,
                    newest_full: get_maybe_at(row, 3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How the dumps of one DLE went, newest first.
    pub fn history(&self, dle: &DleRef) -> Result<Vec<HistoryRow>, CatalogueError> {
        self.read("list the history of a DLE", |c| {
            let Some(id) = find(c, dle)? else { return Ok(Vec::new()) };
            let mut statement = c.prepare_cached(
                "SELECT * FROM history WHERE dle = ?1 ORDER BY run DESC, dump DESC",
            )?;
            Ok(statement.query_map([id], history_of)?.collect::<Result<_, _>>()?)
        })
    }
}

/// The row of a DLE, made if it is new.
pub(super) fn ensure(c: &Connection, dle: &DleRef, now: Stamp) -> Result<i64, Trouble> {
    if let Some(id) = find(c, dle)? {
        return Ok(id);
    }
    c.prepare_cached("INSERT INTO dles (host, dle, since) VALUES (?1, ?2, ?3)")?.execute([
        dle.host.as_str(),
        dle.dle.as_str(),
        &text(now),
    ])?;
    Ok(c.last_insert_rowid())
}

pub(super) fn find(c: &Connection, dle: &DleRef) -> Result<Option<i64>, Trouble> {
    let mut statement = c.prepare_cached("SELECT id FROM dles WHERE host = ?1 AND dle = ?2")?;
    let names = [dle.host.as_str(), dle.dle.as_str()];
    Ok(statement.query_row(names, |row| row.get(0)).optional()?)
}

/// Remembers a dump for the planner, and forgets the oldest of many.
pub(super) fn remember(c: &Connection, dle: i64, dump: &Dump) -> Result<(), Trouble> {
    c.prepare_cached(
        "INSERT OR IGNORE INTO history (dle, run, dump, level, raw, stored, entries, millis)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        dle,
        text(dump.run),
        text(dump.id),
        dump.level.number(),
        int(dump.raw.0),
        int(dump.stored.0),
        int(dump.entries),
        millis(dump.took),
    ])?;
    c.prepare_cached(
        "DELETE FROM history WHERE dle = ?1 AND (run, dump) IN
         (SELECT run, dump FROM history WHERE dle = ?1 ORDER BY run DESC, dump DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute([dle, i64::from(HISTORY)])?;
    Ok(())
}

fn remove_request(c: &Connection, dle: i64, ask: Ask) -> Result<bool, Trouble> {
    let removed = c
        .prepare_cached("DELETE FROM requests WHERE dle = ?1 AND ask = ?2")?
        .execute(params![dle, ask.as_str()])?;
    Ok(removed > 0)
}

fn select(c: &Connection) -> Result<Vec<KnownDle>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM dles ORDER BY host, dle")?;
    let rows = statement.query_map([], |row| {
        Ok(KnownDle { dle: dle_of(row)?, since: get(row, "since")?, gone: get_maybe(row, "gone")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The DLE that columns `host` and `dle` name.
pub(super) fn dle_of(row: &Row<'_>) -> rusqlite::Result<DleRef> {
    Ok(DleRef { host: get::<HostName>(row, "host")?, dle: get::<DleName>(row, "dle")? })
}

/// The newest rows of a DLE's history, newest first, and more until there are two fulls among them.
fn recent(c: &Connection, dle: i64) -> Result<Vec<HistoryRow>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT run, dump, level, raw, stored, entries, millis FROM history WHERE dle = ?1
         ORDER BY run DESC, dump DESC",
    )?;
    let mut rows = statement.query([dle])?;
    let mut history = Vec::<HistoryRow>::new();
    while let Some(row) = rows.next()? {
        if history.len() >= RECENT && history.iter().filter(|row| row.level.is_full()).count() > 1 {
            break;
        }
        history.push(HistoryRow {
            run: get_at(row, 0)?,
            dump: get_at(row, 1)?,
            level: level_at(row, 2)?,
            raw: Bytes(count_at(row, 3)?),
            stored: Bytes(count_at(row, 4)?),
            entries: count_at(row, 5)?,
            took: Duration::from_millis(count_at(row, 6)?),
        });
    }
    Ok(history)
}

fn history_of(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    Ok(HistoryRow {
        run: get(row, "run")?,
        dump: get(row, "dump")?,
        level: level(row, "level")?,
        raw: bytes(row, "raw")?,
        stored: bytes(row, "stored")?,
        entries: number(row, "entries")?,
        took: duration(row, "millis")?,
    })
}
