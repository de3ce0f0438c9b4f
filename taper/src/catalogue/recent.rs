//! The dumps of the newest runs, read in three sweeps and held compactly: who judges all volumes hears every DLE, and
//! would otherwise look up each dump of theirs, its copies and their parts one by one.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::Connection;
use types::{DleRef, DumpId, Label, Level, Stamp, StorageName};

use super::Trouble;
use super::copies::CopyState;
use super::dumps::DumpStatus;
use super::sql::{get_at, get_maybe_at, int, level_at, maybe, text};
use crate::retention::{CopyFact, DumpFact, Told};

/// A dump.
struct Row {
    id: DumpId,
    dle: i64,
    run: Stamp,
    level: Level,
    base: Option<DumpId>,
    whole: bool,
    /// Of [`Recent::copies`].
    copies: Range<usize>,
}

/// A copy of one.
struct CopyRow {
    storage: usize,
    complete: bool,
    /// Of [`Recent::labels`].
    labels: Range<usize>,
}

/// Texts that come again and again, each once.
struct Names<T> {
    all: Vec<T>,
    by_text: HashMap<String, usize>,
}

impl<T: std::str::FromStr> Names<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    fn none() -> Self {
        Self { all: Vec::new(), by_text: HashMap::new() }
    }

    fn number(&mut self, row: &rusqlite::Row<'_>, at: usize) -> Result<usize, Trouble> {
        let text = row.get_ref(at)?.as_str().map_err(rusqlite::Error::from)?;
        if let Some(number) = self.by_text.get(text) {
            return Ok(*number);
        }
        let number = self.all.len();
        self.by_text.insert(text.to_owned(), number);
        self.all.push(get_at(row, at)?);
        Ok(number)
    }
}

/// What the newest runs made.
pub(super) struct Recent {
    /// By id.
    rows: Vec<Row>,
    copies: Vec<CopyRow>,
    labels: Vec<usize>,
    storages: Names<StorageName>,
    volumes: Names<Label>,
    by_dle: HashMap<i64, Vec<usize>>,
    told: Told,
}

impl Recent {
    /// The dumps of so many runs that are still somewhere, or were begun.
    pub(super) fn read(c: &Connection, runs: usize) -> Result<Self, Trouble> {
        let first = first_run(c, runs)?;
        let mut recent = Self {
            rows: Vec::new(),
            copies: Vec::new(),
            labels: Vec::new(),
            storages: Names::none(),
            volumes: Names::none(),
            by_dle: HashMap::new(),
            told: if first.is_some() { Told::Newest } else { Told::All },
        };
        recent.read_dumps(c, first)?;
        if let Some(oldest) = recent.rows.first().map(|row| row.id) {
            recent.read_copies(c, oldest)?;
            recent.read_parts(c, oldest)?;
        }
        Ok(recent)
    }

    fn read_dumps(&mut self, c: &Connection, first: Option<Stamp>) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached(
            "SELECT id, run, level, base, status, dle FROM dumps
             WHERE run >= ?1 AND expired IS NULL AND status <> 'failed'",
        )?;
        let mut rows = statement.query([maybe(first).unwrap_or_default()])?;
        while let Some(row) = rows.next()? {
            self.rows.push(Row {
                id: get_at(row, 0)?,
                dle: row.get(5)?,
                run: get_at(row, 1)?,
                level: level_at(row, 2)?,
                base: get_maybe_at(row, 3)?,
                whole: get_at::<DumpStatus>(row, 4)?.is_whole(),
                copies: 0..0,
            });
        }
        self.rows.sort_unstable_by_key(|row| row.id);
        for (at, row) in self.rows.iter().enumerate() {
            self.by_dle.entry(row.dle).or_default().push(at);
        }
        for dumps in self.by_dle.values_mut() {
            let rows = &self.rows;
            dumps.sort_unstable_by_key(|at| std::cmp::Reverse((rows[*at].run, rows[*at].id)));
        }
        Ok(())
    }

    /// Copies are sorted by dump, as the rows are.
    fn read_copies(&mut self, c: &Connection, oldest: DumpId) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached(
            "SELECT dump, storage, state FROM copies WHERE dump >= ?1 ORDER BY dump, storage",
        )?;
        let mut rows = statement.query([text(oldest)])?;
        let mut at = 0;
        while let Some(row) = rows.next()? {
            let Some(found) = self.advance(&mut at, get_at(row, 0)?) else { continue };
            let storage = self.storages.number(row, 1)?;
            let complete = get_at::<CopyState>(row, 2)? == CopyState::Complete;
            let number = self.copies.len();
            self.copies.push(CopyRow { storage, complete, labels: 0..0 });
            extend(&mut self.rows[found].copies, number);
        }
        Ok(())
    }

    fn read_parts(&mut self, c: &Connection, oldest: DumpId) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached(
            "SELECT dump, storage, label FROM parts WHERE dump >= ?1 ORDER BY dump, storage, no",
        )?;
        let mut rows = statement.query([text(oldest)])?;
        let mut at = 0;
        while let Some(row) = rows.next()? {
            let Some(found) = self.advance(&mut at, get_at(row, 0)?) else { continue };
            let storage = self.storages.number(row, 1)?;
            let label = self.volumes.number(row, 2)?;
            let copies = self.rows[found].copies.clone();
            let number = self.labels.len();
            let ours = copies.into_iter().find(|copy| self.copies[*copy].storage == storage);
            if let Some(copy) = ours {
                self.labels.push(label);
                extend(&mut self.copies[copy].labels, number);
            }
        }
        Ok(())
    }

    /// The row of a dump; `at` goes on with each.
    fn advance(&self, at: &mut usize, id: DumpId) -> Option<usize> {
        while self.rows.get(*at)?.id < id {
            *at += 1;
        }
        (self.rows.get(*at)?.id == id).then_some(*at)
    }

    /// The dumps of one DLE, newest first, and whether these are all.
    pub(super) fn of(
        &self,
        dle: i64,
        name: &DleRef,
        listed: bool,
        held: impl Fn(DumpId) -> bool,
    ) -> (Vec<DumpFact>, Told) {
        let dumps = self.by_dle.get(&dle).into_iter().flatten().filter_map(|at| self.rows.get(*at));
        let fact = |row: &Row| DumpFact {
            id: row.id,
            dle: name.clone(),
            listed,
            run: row.run,
            level: row.level,
            base: row.base,
            whole: row.whole,
            held: held(row.id),
            copies: self.copies[row.copies.clone()].iter().filter_map(|c| self.copy(c)).collect(),
        };
        (dumps.map(fact).collect(), self.told)
    }

    fn copy(&self, row: &CopyRow) -> Option<CopyFact> {
        let mut labels: Vec<Label> = self.labels[row.labels.clone()]
            .iter()
            .filter_map(|at| self.volumes.all.get(*at).cloned())
            .collect();
        labels.sort();
        labels.dedup();
        let storage = self.storages.all.get(row.storage)?.clone();
        (!labels.is_empty()).then_some(CopyFact { storage, complete: row.complete, labels })
    }
}

/// The next number belongs to this range too, which is empty before its first.
fn extend(range: &mut Range<usize>, number: usize) {
    let first = if range.start == range.end { number } else { range.start };
    *range = first..number + 1;
}

/// The oldest of so many runs; none if there are not so many.
fn first_run(c: &Connection, runs: usize) -> Result<Option<Stamp>, Trouble> {
    let mut statement =
        c.prepare_cached("SELECT stamp FROM runs ORDER BY stamp DESC LIMIT 1 OFFSET ?1")?;
    let mut rows = statement.query([int(runs)])?;
    Ok(rows.next()?.map(|row| get_at(row, 0)).transpose()?)
}
