//! Giving volumes back: what [`crate::retention`] says of them, and the leave to overwrite.

use std::sync::Arc;

use rusqlite::{Connection, params};
use types::{DumpId, Label, Stamp};

use super::docket::{Docket, OnDemand};
use super::events::{EventKind, log};
use super::sql::{get, get_maybe, maybe, text};
use super::volumes;
use super::{Catalogue, CatalogueError, IN_MEMORY, Trouble, chain};
use crate::retention::{Advice, Case, Policies, Verdicts};

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
    /// What retention says of each volume now. Nothing is changed by asking. With many DLEs this takes a while: who
    /// wants to know it of a few volumes asks [`Self::verdict`] or [`Self::advice`].
    pub fn verdicts(&self, policies: &Policies, now: Stamp) -> Result<Verdicts, CatalogueError> {
        self.read("judge its volumes", |c| {
            let mut docket = Docket::open(c, policies, now)?;
            docket.hear_everybody(c)?;
            Ok(docket.into_judgement().into_verdicts())
        })
    }

    /// What retention says of one volume now, with all reasons. In what is returned only this verdict counts.
    pub fn verdict(
        &self,
        label: &Label,
        policies: &Policies,
        now: Stamp,
    ) -> Result<Verdicts, CatalogueError> {
        self.read("judge a volume", |c| {
            let mut docket = Docket::open(c, policies, now)?;
            docket.hear_all_about(c, label)?;
            Ok(docket.into_judgement().into_verdicts().only(label))
        })
    }

    /// All that keeps a volume, for a look ahead with [`crate::retention::prospect`].
    pub fn case(
        &self,
        label: &Label,
        policies: &Policies,
        now: Stamp,
    ) -> Result<Case, CatalogueError> {
        self.read("find out what keeps a volume", |c| {
            let case = Docket::open(c, policies, now)?.case(c, label)?;
            case.ok_or_else(|| CatalogueError::NoSuchVolume(label.clone()).into())
        })
    }

    /// What retention says of volumes, found out one by one when a scan comes to them. Of one that is needed perhaps
    /// not all reasons are known.
    pub fn advice(&self, policies: &Policies, now: Stamp) -> Result<Advice, CatalogueError> {
        // One that can't be written can't always be opened a second time either.
        if self.path().as_os_str() == IN_MEMORY || self.only_read().is_some() {
            return Ok(Advice::Known(self.verdicts(policies, now)?));
        }
        let on_demand = OnDemand::open(self.path(), policies, now)?;
        Ok(Advice::OnDemand(Arc::new(move |label| on_demand.of(label))))
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
            let mut docket = Docket::open(tx, policies, now)?;
            docket.hear_all_about(tx, label)?;
            let verdict = docket.judgement().verdicts().of(label);
            verdict.leave().map_err(CatalogueError::Needed)?;
            let gone = volumes::forget_parts(tx, label, now)?.len();
            tx.prepare_cached("UPDATE volumes SET state = 'labelled', bytes = 0 WHERE label = ?1")?
                .execute([label.as_str()])?;
            let what = format!("{label} may be overwritten; it had parts of {gone} dumps");
            log(tx, now, None, EventKind::Volume, &what)?;
            Ok(Reusable(label.clone()))
        })
    }

    /// A dump is about to be read: until the pin is taken back, or falls off, its volumes are needed, and those of all
    /// that it builds on. Where a link of that chain is gone already there is nothing to keep: [`CatalogueError::Gap`]
    /// says which.
    pub fn pin(
        &mut self,
        dump: DumpId,
        why: &str,
        until: Option<Stamp>,
    ) -> Result<i64, CatalogueError> {
        self.write("pin a dump", |tx| pin(tx, dump, why, until))
    }

    /// Takes a pin back and pins another dump in its stead, in one. Where the other can't be pinned, the pin is taken
    /// back all the same.
    pub fn pin_instead(
        &mut self,
        former: i64,
        dump: DumpId,
        why: &str,
        until: Option<Stamp>,
    ) -> Result<i64, CatalogueError> {
        self.write("pin another dump", |tx| {
            unpin(tx, former)?;
            match pin(tx, dump, why, until) {
                // What was refused has changed nothing.
                Err(Trouble::Refused(error)) => Ok(Err(error)),
                pinned => pinned.map(Ok),
            }
        })?
    }

    /// Takes a pin back.
    pub fn unpin(&mut self, id: i64) -> Result<(), CatalogueError> {
        self.write("unpin a dump", |tx| unpin(tx, id))
    }

    /// All pins, also those that have fallen off.
    pub fn pins(&self) -> Result<Vec<Pin>, CatalogueError> {
        self.read("list its pins", pins)
    }
}

fn pin(c: &Connection, dump: DumpId, why: &str, until: Option<Stamp>) -> Result<i64, Trouble> {
    // In the transaction that pins it, so that no link can be given back in between.
    chain::of(c, dump)?.whole().map_err(CatalogueError::from)?;
    c.prepare_cached("INSERT INTO pins (dump, why, until) VALUES (?1, ?2, ?3)")?
        .execute(params![text(dump), why, maybe(until)])?;
    Ok(c.last_insert_rowid())
}

fn unpin(c: &Connection, id: i64) -> Result<(), Trouble> {
    c.prepare_cached("DELETE FROM pins WHERE id = ?1")?.execute([id])?;
    Ok(())
}

pub(super) fn pins(c: &Connection) -> Result<Vec<Pin>, Trouble> {
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
