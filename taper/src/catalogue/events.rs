//! Events: what happened, in words, for ever. They are only added.

use rusqlite::{Connection, Row, params};
use types::Stamp;

use super::sql::{get, get_maybe, maybe, text, words};
use super::{Catalogue, CatalogueError, Trouble};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A run.
    Run,
    /// A dump, its copies, its expiry.
    Dump,
    /// A volume: labelled, filled, given back, retired.
    Volume,
    /// Something the operator did.
    Operator,
    /// A restore, a verification, a drill.
    Restore,
    /// A device or a changer.
    Device,
}

words!(
    EventKind,
    "kind of event",
    Run = "run",
    Dump = "dump",
    Volume = "volume",
    Operator = "operator",
    Restore = "restore",
    Device = "device",
);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Stamp,
    /// In which run, if in one.
    pub run: Option<Stamp>,
    /// What it is about.
    pub kind: EventKind,
    /// What happened, in words.
    pub text: String,
}

impl Catalogue {
    /// Adds an event of the caller's own.
    pub fn log(&mut self, event: &Event) -> Result<(), CatalogueError> {
        self.write("note an event", |tx| log(tx, event.at, event.run, event.kind, &event.text))
    }

    /// The newest events, of one run or of all, oldest of them first.
    pub fn events(&self, run: Option<Stamp>, limit: usize) -> Result<Vec<Event>, CatalogueError> {
        self.read("list its events", |c| {
            let mut statement = c.prepare_cached(
                "SELECT * FROM events WHERE ?1 IS NULL OR run = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![maybe(run), super::sql::int(limit)], of_row)?;
            let mut events: Vec<Event> = rows.collect::<Result<_, _>>()?;
            events.reverse();
            Ok(events)
        })
    }
}

/// Adds an event to the transaction that it tells of.
pub(super) fn log(
    c: &Connection,
    at: Stamp,
    run: Option<Stamp>,
    kind: EventKind,
    what: &str,
) -> Result<(), Trouble> {
    c.prepare_cached("INSERT INTO events (at, run, kind, text) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![text(at), maybe(run), kind.as_str(), what])?;
    Ok(())
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        at: get(row, "at")?,
        run: get_maybe(row, "run")?,
        kind: get(row, "kind")?,
        text: row.get("text")?,
    })
}
