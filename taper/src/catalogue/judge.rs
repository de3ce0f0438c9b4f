//! Giving volumes back: the catalogue's facts for [`retention`], and the leave to overwrite.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};
use types::{DumpId, Label, Stamp, StorageName};

use super::copies::CopyState;
use super::events::{EventKind, log};
use super::sql::{get, get_maybe, maybe, text};
use super::volumes;
use super::{Catalogue, CatalogueError, Trouble, dles, pending};
use crate::retention::{self, CopyFact, DumpFact, Facts, PinFact, Policies, Verdicts, VolumeFact};

/// Leave to overwrite a volume: nothing on it is needed, and the catalogue has already forgotten what is on it.
///
/// Only [`Catalogue::reusable`] gives it, and relabelling the mounted volume uses it up.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the catalogue has forgotten what is on the volume"]
pub struct Reusable(Label);

impl Reusable {
    /// Which volume.
    pub fn label(&self) -> &Label {
        &self.0
    }
}

/// Something is about to read a dump: its volumes are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its number, to take it back.
    pub id: i64,
    /// Which dump.
    pub dump: DumpId,
    /// What for, in words.
    pub why: String,
    /// It falls off by itself then.
    pub until: Option<Stamp>,
}

impl Catalogue {
    /// What retention says of each volume now. Nothing is changed by asking.
    pub fn verdicts(&self, policies: &Policies, now: Stamp) -> Result<Verdicts, CatalogueError> {
        self.read("judge its volumes", |c| Ok(retention::decide(&facts(c)?, policies, now)))
    }

    /// Gives a volume back if nothing on it is needed: forgets what is on it, and then lets it be written afresh.
    ///
    /// Judging and forgetting are one transaction, so that nobody can come to need the volume in between. If the
    /// medium is not overwritten after all, the volume holds something extra, which nobody counts on.
    pub fn reusable(
        &mut self,
        label: &Label,
        policies: &Policies,
        now: Stamp,
    ) -> Result<Reusable, CatalogueError> {
        self.write("give a volume back", |tx| {
            retention::decide(&facts(tx)?, policies, now)
                .of(label)
                .leave()
                .map_err(CatalogueError::Needed)?;
            let gone = volumes::forget_parts(tx, label, now)?.len();
            tx.prepare_cached("UPDATE volumes SET state = 'labelled', bytes = 0 WHERE label = ?1")?
                .execute([label.as_str()])?;
            let what = format!("{label} may be overwritten; it had parts of {gone} dumps");
            log(tx, now, None, EventKind::Volume, &what)?;
            Ok(Reusable(label.clone()))
        })
    }

    /// A dump is about to be read: until the pin is taken back, or falls off, its volumes are needed.
    pub fn pin(
        &mut self,
        dump: DumpId,
        why: &str,
        until: Option<Stamp>,
    ) -> Result<i64, CatalogueError> {
        self.write("pin a dump", |tx| {
            super::dumps::one(tx, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
            tx.prepare_cached("INSERT INTO pins (dump, why, until) VALUES (?1, ?2, ?3)")?
                .execute(params![text(dump), why, maybe(until)])?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Takes a pin back.
    pub fn unpin(&mut self, id: i64) -> Result<(), CatalogueError> {
        self.write("unpin a dump", |tx| {
            tx.prepare_cached("DELETE FROM pins WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
    }

    /// All pins, also those that have fallen off.
    pub fn pins(&self) -> Result<Vec<Pin>, CatalogueError> {
        self.read("list its pins", pins)
    }
}

/// All that retention wants to know, read in a few sweeps and not dump by dump.
fn facts(c: &Connection) -> Result<Facts, Trouble> {
    let unfinished = {
        let mut statement =
            c.prepare_cached("SELECT stamp FROM runs WHERE status = 'unfinished'")?;
        let rows = statement.query_map([], |row| get(row, "stamp"))?;
        rows.collect::<Result<BTreeSet<Stamp>, _>>()?
    };
    let volumes = volumes::select(c)?
        .into_iter()
        .map(|volume| VolumeFact {
            label: volume.label,
            storage: volume.storage,
            state: volume.state,
            lock: volume.lock,
            locked: volume.locked.to_string(),
            labelled: volume.labelled,
            written: volume.last_written,
        })
        .collect();
    let wishes = pending::all(c)?.into_iter().map(|wish| PinFact {
        dump: wish.dump,
        why: format!("it is still to be copied to storage {}", wish.storage),
        until: None,
    });
    let pins = pins(c)?
        .into_iter()
        .map(|pin| PinFact { dump: pin.dump, why: pin.why, until: pin.until })
        .chain(wishes)
        .collect();
    Ok(Facts { volumes, dumps: dump_facts(c)?, unfinished, pins })
}

fn dump_facts(c: &Connection) -> Result<Vec<DumpFact>, Trouble> {
    let mut copies = copy_facts(c)?;
    let mut statement = c.prepare_cached(
        "SELECT dumps.id AS id, host, dles.dle AS dle, gone, run, level, base, status,
                EXISTS (SELECT 1 FROM held WHERE dump = dumps.id) AS held
         FROM dumps JOIN dles ON dles.id = dumps.dle WHERE expired IS NULL AND status <> 'failed'",
    )?;
    let mut rows = statement.query([])?;
    let mut dumps = Vec::new();
    while let Some(row) = rows.next()? {
        let id = get(row, "id")?;
        dumps.push(DumpFact {
            id,
            dle: dles::dle_of(row)?,
            listed: row.get::<_, Option<String>>("gone")?.is_none(),
            run: get(row, "run")?,
            level: super::sql::level(row, "level")?,
            base: get_maybe(row, "base")?,
            whole: get::<super::DumpStatus>(row, "status")?.is_whole(),
            held: row.get("held")?,
            copies: copies.remove(&id).unwrap_or_default(),
        });
    }
    Ok(dumps)
}

fn copy_facts(c: &Connection) -> Result<BTreeMap<DumpId, Vec<CopyFact>>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT DISTINCT dump, storage, state, label FROM copies JOIN parts USING (dump, storage)
         ORDER BY dump, storage",
    )?;
    let mut rows = statement.query([])?;
    let mut facts = BTreeMap::<DumpId, Vec<CopyFact>>::new();
    while let Some(row) = rows.next()? {
        let storage: StorageName = get(row, "storage")?;
        let label: Label = get(row, "label")?;
        let complete = get::<CopyState>(row, "state")? == CopyState::Complete;
        let copies = facts.entry(get(row, "dump")?).or_default();
        match copies.last_mut() {
            Some(copy) if copy.storage == storage => copy.labels.push(label),
            _ => copies.push(CopyFact { storage, complete, labels: vec![label] }),
        }
    }
    Ok(facts)
}

fn pins(c: &Connection) -> Result<Vec<Pin>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM pins ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(Pin {
            id: row.get("id")?,
            dump: get(row, "dump")?,
            why: row.get("why")?,
            until: get_maybe(row, "until")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
