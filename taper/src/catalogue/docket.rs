//! What retention is told: first the volumes, then the dumps of one DLE after the other, and no more of them than it
//! asks for.
//!
//! A site may have millions of dumps, and the rules look mostly at the newest of each DLE. So these are read in pages,
//! the first as long as the policies are likely to want, until the [`Judgement`] has heard enough. What can have a say
//! in a volume are the DLEs that have a dump on it, or a dump that builds on one; to judge one volume, only those are
//! heard.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use types::{DleRef, DumpId, Label, Stamp};

use super::copies;
use super::dumps::DumpStatus;
use super::recent::Recent;
use super::sql::{get, get_at, get_maybe_at, int, level_at, text};
use super::{Catalogue, CatalogueError, Lock, Trouble, holds, judge, pending, volumes};
use crate::retention::{
    Case, Concern, CopyFact, DumpFact, Judgement, Needed, PinFact, Policies, Reason, Rule, Told,
    Verdict, VolumeFact,
};

/// Pages grow so much, until a DLE is told wholly.
const GROWTH: usize = 4;

/// A judgement under way, and what has to be told of DLEs beside their newest dumps.
pub(super) struct Docket {
    judgement: Judgement,
    /// Of each DLE, what is held, arriving or pinned.
    also: HashMap<i64, BTreeSet<DumpId>>,
    /// Which are held.
    held: BTreeSet<DumpId>,
    /// How many dumps of a DLE are told at first.
    page: usize,
    heard: BTreeSet<i64>,
    names: Names,
    /// The first pages, if all DLEs are heard.
    recent: Option<Recent>,
}

impl Docket {
    /// The volumes are told.
    pub(super) fn open(c: &Connection, policies: &Policies, now: Stamp) -> Result<Self, Trouble> {
        let wishes = pending::all(c)?.into_iter().map(|wish| PinFact {
            dump: wish.dump,
            why: format!("it is still to be copied to storage {}", wish.storage),
            until: None,
        });
        let pins: Vec<PinFact> = judge::pins(c)?
            .into_iter()
            .map(|pin| PinFact { dump: pin.dump, why: pin.why, until: pin.until })
            .chain(wishes)
            .collect();
        let unfinished = unfinished(c)?;
        let volumes = volume_facts(c)?;
        let mut docket = Self {
            also: HashMap::new(),
            held: BTreeSet::new(),
            page: page(policies),
            heard: BTreeSet::new(),
            names: names(c)?,
            recent: None,
            judgement: Judgement::of_volumes(
                &volumes,
                unfinished.clone(),
                pins.clone(),
                policies,
                now,
            ),
        };
        docket.note_held(c)?;
        docket.note_arriving(c, &unfinished)?;
        docket.note_pinned(c, &pins)?;
        Ok(docket)
    }

    pub(super) fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    pub(super) fn into_judgement(self) -> Judgement {
        self.judgement
    }

    fn note_held(&mut self, c: &Connection) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached(
            "SELECT held.dump AS id, dumps.dle AS dle FROM held JOIN dumps ON dumps.id = held.dump",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = get(row, "id")?;
            self.held.insert(id);
            self.also.entry(row.get("dle")?).or_default().insert(id);
        }
        Ok(())
    }

    fn note_arriving(&mut self, c: &Connection, runs: &BTreeSet<Stamp>) -> Result<(), Trouble> {
        let mut statement =
            c.prepare_cached("SELECT id, dle FROM dumps WHERE run = ?1 AND status = 'partial'")?;
        for run in runs {
            let mut rows = statement.query([text(run)])?;
            while let Some(row) = rows.next()? {
                self.also.entry(row.get("dle")?).or_default().insert(get(row, "id")?);
            }
        }
        Ok(())
    }

    fn note_pinned(&mut self, c: &Connection, pins: &[PinFact]) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached("SELECT dle FROM dumps WHERE id = ?1")?;
        for pin in pins {
            let dle: Option<i64> =
                statement.query_row([text(pin.dump)], |row| row.get(0)).optional()?;
            if let Some(dle) = dle {
                self.also.entry(dle).or_default().insert(pin.dump);
            }
        }
        Ok(())
    }

    /// Hears all DLEs that can have a say in a volume.
    pub(super) fn hear_all_about(&mut self, c: &Connection, label: &Label) -> Result<(), Trouble> {
        for dle in concerned(c, label)? {
            self.hear(c, dle)?;
        }
        Ok(())
    }

    /// Hears DLEs until it is certain whether a volume is needed: then perhaps not all that need it have been heard.
    fn hear_about(&mut self, c: &Connection, label: &Label) -> Result<Verdict, Trouble> {
        if self.judgement.verdicts().is_free(label) {
            for dle in concerned(c, label)? {
                self.hear(c, dle)?;
                if !self.judgement.verdicts().is_free(label) {
                    break;
                }
            }
        }
        Ok(self.judgement.verdicts().of(label))
    }

    /// Hears every DLE.
    pub(super) fn hear_everybody(&mut self, c: &Connection) -> Result<(), Trouble> {
        let mut statement = c.prepare_cached("SELECT id FROM dles ORDER BY host, dle")?;
        let all: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        self.recent = Some(Recent::read(c, self.page)?);
        let heard = all.into_iter().try_for_each(|dle| self.hear(c, dle));
        self.recent = None;
        heard
    }

    /// All that keeps a volume, with the dumps of each DLE that does.
    pub(super) fn case(mut self, c: &Connection, label: &Label) -> Result<Option<Case>, Trouble> {
        let volumes = volume_facts(c)?;
        let Some(volume) = volumes.iter().find(|volume| volume.label == *label).cloned() else {
            return Ok(None);
        };
        let mut concerns = Vec::new();
        for row in concerned(c, label)? {
            self.judgement.begin_with(label);
            let (dle, newest, others) = self.hear_one(c, row)?;
            if let Verdict::Needed(needed) = self.judgement.verdicts().of(label) {
                concerns.push(Concern { dle, reasons: needed.reasons, newest, others });
            }
        }
        Ok(Some(Case { volume, volumes, concerns }))
    }

    fn hear(&mut self, c: &Connection, row: i64) -> Result<(), Trouble> {
        if self.heard.insert(row) {
            self.hear_one(c, row)?;
        }
        Ok(())
    }

    /// Hears one DLE, and returns what was told of it.
    fn hear_one(
        &mut self,
        c: &Connection,
        row: i64,
    ) -> Result<(DleRef, Vec<DumpFact>, Vec<DumpFact>), Trouble> {
        let (dle, listed) = name_of(&self.names, row)?;
        let mut reader = Reader { c, held: &self.held, names: &self.names, row, dle: &dle, listed };
        if let Some(recent) = &self.recent {
            let (newest, told) = recent.of(row, &dle, listed, |id| self.held.contains(&id));
            let others = reader.others(&newest, self.also.get(&row))?;
            if self.judgement.hear(&dle, (&newest, told), &others).is_ok() {
                return Ok((dle, newest, others));
            }
        }
        let mut newest = Vec::new();
        let mut page = self.page;
        loop {
            let told = reader.page(&mut newest, page)?;
            let also = self.also.get(&row);
            let others = reader.others(&newest, also)?;
            if self.judgement.hear(&dle, (&newest, told), &others).is_ok() {
                return Ok((dle, newest, others));
            }
            page = page.saturating_mul(GROWTH);
        }
    }
}

/// How many dumps of a DLE the rules are likely to want, with a run a day.
fn page(policies: &Policies) -> usize {
    let wanted = policies.values().map(|policy| {
        policy.recover_days.max(policy.full_days).max(policy.cycles.max(policy.fulls) * 8)
    });
    usize::try_from(wanted.max().unwrap_or(0)).unwrap_or(0).clamp(8, 400) + 4
}

/// Reads the dumps of one DLE.
struct Reader<'a> {
    c: &'a Connection,
    held: &'a BTreeSet<DumpId>,
    names: &'a Names,
    row: i64,
    dle: &'a DleRef,
    listed: bool,
}

impl Reader<'_> {
    /// Adds the next dumps, newest first.
    fn page(&mut self, newest: &mut Vec<DumpFact>, count: usize) -> Result<Told, Trouble> {
        let mut statement = self.c.prepare_cached(
            "SELECT id, run, level, base, status FROM dumps
             WHERE dle = ?1 AND expired IS NULL AND status <> 'failed'
             ORDER BY run DESC, id DESC LIMIT ?2 OFFSET ?3",
        )?;
        let mut rows = statement.query(params![self.row, int(count), int(newest.len())])?;
        let before = newest.len();
        while let Some(row) = rows.next()? {
            newest.push(self.fact(row, self.dle.clone(), self.listed)?);
        }
        Ok(if newest.len() - before < count { Told::All } else { Told::Newest })
    }

    /// What the newest dumps build on, and what else there is to tell, with what that builds on.
    fn others(
        &self,
        newest: &[DumpFact],
        also: Option<&BTreeSet<DumpId>>,
    ) -> Result<Vec<DumpFact>, Trouble> {
        let mut told: Vec<DumpId> = newest.iter().map(|dump| dump.id).collect();
        told.sort_unstable();
        let is_told = |id: &DumpId| told.binary_search(id).is_ok();
        let bases = newest.iter().filter_map(|dump| dump.base).filter(|base| !is_told(base));
        let mut wanted: Vec<DumpId> = bases.chain(also.into_iter().flatten().copied()).collect();
        let mut asked = BTreeSet::new();
        let mut others = Vec::new();
        while let Some(id) = wanted.pop() {
            if is_told(&id) || !asked.insert(id) {
                continue;
            }
            if let Some(dump) = self.one(id)? {
                wanted.extend(dump.base);
                others.push(dump);
            }
        }
        Ok(others)
    }

    fn one(&self, id: DumpId) -> Result<Option<DumpFact>, Trouble> {
        let mut statement = self.c.prepare_cached(
            "SELECT id, run, level, base, status, dle FROM dumps
             WHERE id = ?1 AND expired IS NULL AND status <> 'failed'",
        )?;
        let mut rows = statement.query([text(id)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (dle, listed) = name_of(self.names, row.get(5)?)?;
        self.fact(row, dle, listed).map(Some)
    }

    /// A row of `id, run, level, base, status`, and whatever else.
    fn fact(&self, row: &Row<'_>, dle: DleRef, listed: bool) -> Result<DumpFact, Trouble> {
        let id = get_at(row, 0)?;
        let copies = copies::of(self.c, id)?.into_iter().filter(|copy| !copy.labels.is_empty());
        Ok(DumpFact {
            id,
            dle,
            listed,
            run: get_at(row, 1)?,
            level: level_at(row, 2)?,
            base: get_maybe_at(row, 3)?,
            whole: get_at::<DumpStatus>(row, 4)?.is_whole(),
            held: self.held.contains(&id),
            copies: copies
                .map(|copy| {
                    let complete = copy.is_complete();
                    let mut labels = copy.labels;
                    labels.sort();
                    labels.dedup();
                    CopyFact { storage: copy.storage, complete, labels }
                })
                .collect(),
        })
    }
}

/// The DLEs that have a dump on a volume, or one that builds on such a dump.
fn concerned(c: &Connection, label: &Label) -> Result<Vec<i64>, Trouble> {
    let mut statement = c.prepare_cached(
        "WITH RECURSIVE above(id) AS (
             SELECT dump FROM parts WHERE label = ?1
             UNION SELECT dumps.id FROM above JOIN dumps ON dumps.base = above.id
         )
         SELECT DISTINCT dumps.dle FROM above JOIN dumps ON dumps.id = above.id
         JOIN dles ON dles.id = dumps.dle ORDER BY host, dles.dle",
    )?;
    let rows = statement.query_map([label.as_str()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The name of each DLE by its row, and whether it is on the disk list.
type Names = HashMap<i64, (DleRef, bool)>;

fn names(c: &Connection) -> Result<Names, Trouble> {
    let mut statement = c.prepare_cached("SELECT id, host, dle, gone FROM dles")?;
    let named = |row: &Row<'_>| {
        let dle = DleRef { host: get_at(row, 1)?, dle: get_at(row, 2)? };
        Ok((row.get(0)?, (dle, matches!(row.get_ref(3)?, ValueRef::Null))))
    };
    Ok(statement.query_map([], named)?.collect::<Result<_, _>>()?)
}

fn name_of(names: &Names, row: i64) -> Result<(DleRef, bool), Trouble> {
    Ok(names.get(&row).cloned().ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

fn unfinished(c: &Connection) -> Result<BTreeSet<Stamp>, Trouble> {
    let mut statement = c.prepare_cached("SELECT stamp FROM runs WHERE status = 'unfinished'")?;
    let rows = statement.query_map([], |row| get(row, "stamp"))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn volume_facts(c: &Connection) -> Result<Vec<VolumeFact>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT label, storage, state, labelled, last, lock, lock_why, lock_by, lock_at, medium FROM volumes ORDER BY label",
    )?;
    let fact = |row: &Row<'_>| {
        let lock = volumes::lock_of(row)?;
        let locked = match lock {
            Lock::Open => String::new(),
            Lock::NoReuse | Lock::Until(_) => holds::locked_of(row)?.to_string(),
        };
        Ok(VolumeFact {
            label: get_at(row, 0)?,
            storage: get_at(row, 1)?,
            state: get_at(row, 2)?,
            labelled: get_maybe_at(row, 3)?,
            written: get_maybe_at(row, 4)?,
            lock,
            locked,
            medium: get(row, "medium")?,
        })
    };
    Ok(statement.query_map([], fact)?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
fn fact_of(volume: super::Volume) -> VolumeFact {
    VolumeFact {
        label: volume.label,
        storage: volume.storage,
        state: volume.state,
        lock: volume.lock,
        locked: volume.locked.to_string(),
        medium: volume.medium,
        labelled: volume.labelled,
        written: volume.last_written,
    }
}

/// Somebody who finds out what retention says of a volume when asked, for scans that come to look at a few of many.
pub(super) struct OnDemand(Mutex<(Catalogue, Docket)>);

impl OnDemand {
    /// With a connection of its own, to the same catalogue.
    pub(super) fn open(
        path: &std::path::Path,
        policies: &Policies,
        now: Stamp,
    ) -> Result<Self, CatalogueError> {
        let catalogue = Catalogue::open(path)?;
        let docket = catalogue.read("judge its volumes", |c| Docket::open(c, policies, now))?;
        Ok(Self(Mutex::new((catalogue, docket))))
    }

    /// What retention says. If the catalogue can't be asked, the volume is needed.
    pub(super) fn of(&self, label: &Label) -> Verdict {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (catalogue, docket) = &mut *inside;
        let heard = catalogue.read("judge a volume", |c| docket.hear_about(c, label));
        heard.unwrap_or_else(|error| {
            let why = format!("nobody can tell what is on it: {error}");
            let reason = Reason { rule: Rule::Unknown, why, until: None };
            Verdict::Needed(Needed { label: label.clone(), reasons: vec![reason], count: 1 })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::testing::{behind, day, dle, dump, label, part, storage};
    use super::super::{Dump, Filter, RunKind, RunStatus, VolumeState};
    use super::*;
    use crate::retention::{Facts, Policy, decide};

    /// What retention is to be told, put together in another way: every dump, one by one.
    fn everything(catalogue: &Catalogue) -> Facts {
        let known = catalogue.dles().unwrap();
        let gone = |dle: &DleRef| known.iter().any(|k| k.dle == *dle && k.gone.is_some());
        let dumps =
            catalogue.dumps(&Filter::default()).unwrap().into_iter().map(|located| DumpFact {
                id: located.dump.id,
                listed: !gone(&located.dump.dle),
                dle: located.dump.dle,
                run: located.dump.run,
                level: located.dump.level,
                base: located.dump.base,
                whole: located.dump.status.is_whole(),
                held: located.held.is_some(),
                copies: located
                    .copies
                    .into_iter()
                    .map(|copy| CopyFact {
                        complete: copy.is_complete(),
                        storage: copy.storage,
                        labels: copy.labels,
                    })
                    .collect(),
            });
        Facts {
            dumps: dumps.collect(),
            volumes: catalogue.volumes().unwrap().into_iter().map(fact_of).collect(),
            unfinished: catalogue.unfinished_runs().unwrap().iter().map(|run| run.stamp).collect(),
            pins: catalogue
                .pins()
                .unwrap()
                .into_iter()
                .map(|pin| PinFact { dump: pin.dump, why: pin.why, until: pin.until })
                .collect(),
        }
    }

    /// Nights of two DLEs on eight volumes, some of which were overwritten, lost or locked on the way.
    fn lived(nights: &[(u32, u32, u32)]) -> Catalogue {
        let mut catalogue = Catalogue::in_memory().unwrap();
        for n in 0..8 {
            catalogue.with_volume(&format!("V{n}"), 0);
        }
        let mut newest: BTreeMap<(u32, u16), u64> = BTreeMap::new();
        for (n, (which, level, oddity)) in nights.iter().enumerate() {
            let (number, on) = (n as u64 + 1, u32::try_from(n).unwrap() + 1);
            let level = u16::try_from(*level).unwrap();
            let base = (0..level).rev().find_map(|lower| newest.get(&(*which, lower)).copied());
            let level = if base.is_some() { level } else { 0 };
            newest.insert((*which, level), number);
            let mut made = dump(number, level, base, on);
            made.dle = dle(["/a", "/b"][*which as usize]);
            catalogue.begin_run(day(on), RunKind::Dump, day(on), "test").unwrap();
            catalogue.hold(&made);
            let file =
                |catalogue: &Catalogue, on: &str| catalogue.volume(&label(on)).unwrap().end.file.0;
            let (one, two) = (format!("V{}", n % 8), format!("V{}", (n + 1) % 8));
            if *oddity == 1 {
                for (no, on) in [(1, &one), (2, &two)] {
                    let part = part(&made, (no, 2), on, file(&catalogue, on));
                    catalogue.record_placed(&part, behind(&part)).unwrap();
                }
                catalogue.complete_copy(made.id, &storage("lib"), made.run).unwrap();
            } else if *oddity != 2 {
                let at = file(&catalogue, &one);
                catalogue.place(&made, &one, at);
            }
            if *oddity != 2 && *oddity != 3 {
                drop(catalogue.forget_held(made.id, &[storage("lib")]).unwrap());
            }
            match oddity {
                // Its base may be gone, and then it is not pinned.
                4 => drop(catalogue.pin(made.id, "a restore", None)),
                5 => catalogue.set_state(&label(&two), VolumeState::Missing, day(on)).unwrap(),
                _ => {}
            }
            if *oddity != 6 {
                catalogue.finish_run(day(on), day(on), RunStatus::Good).unwrap();
            }
        }
        if nights.len().is_multiple_of(3) {
            catalogue.sync_dles(&[dle("/a")], day(40)).unwrap();
        }
        catalogue
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn one_volume_or_all_the_verdict_is_the_same(
            nights in prop::collection::vec((0..2u32, 0..3u32, 0..14u32), 1..30),
            recover_days in prop_oneof![Just(0), 1..20u32], fulls in 0..3u32, volumes in 0..4u32,
        ) {
            let catalogue = lived(&nights);
            let policy = Policy { recover_days, fulls, volumes, ..Policy::default() };
            let policies = Policies::from([(storage("lib"), policy)]);
            let dumps = catalogue.dumps(&Filter { with_gone: true, ..Filter::default() }).unwrap();
            let ids: Vec<DumpId> = dumps.iter().map(|located| located.dump.id).collect();
            let restorable = catalogue.restorable(ids.iter().copied()).unwrap();
            for id in ids {
                let whole = catalogue.chain(id).unwrap().is_whole();
                prop_assert_eq!(restorable.contains(&id), whole, "{}", id);
            }
            let expected = decide(&everything(&catalogue), &policies, day(35));
            let all = catalogue.verdicts(&policies, day(35)).unwrap();
            let mut docket = Docket::open(&catalogue.connection, &policies, day(35))
                .unwrap_or_else(|_| panic!("not opened"));
            docket.page = 2;
            let mut everybody = Docket::open(&catalogue.connection, &policies, day(35))
                .unwrap_or_else(|_| panic!("not opened"));
            everybody.page = 3;
            everybody
                .hear_everybody(&catalogue.connection)
                .unwrap_or_else(|_| panic!("not judged"));
            for n in (0..8).rev() {
                let label = label(&format!("V{n}"));
                prop_assert_eq!(all.explain(&label), expected.explain(&label));
                let swept = everybody.judgement().verdicts();
                prop_assert_eq!(swept.explain(&label), expected.explain(&label));
                let one = catalogue.verdict(&label, &policies, day(35)).unwrap();
                prop_assert_eq!(one.explain(&label), expected.explain(&label));
                let quick = docket.hear_about(&catalogue.connection, &label);
                let quick = quick.unwrap_or_else(|_| panic!("not judged"));
                prop_assert_eq!(quick.is_reusable(), expected.of(&label).is_reusable());
            }
        }
    }

    #[test]
    fn a_dle_that_no_run_of_late_has_dumped_keeps_its_newest_state() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V0", 0);
        catalogue.with_volume("V1", 0);
        catalogue.night(&Dump { dle: dle("/idle"), ..dump(1, 0, None, 1) }, "V0", 1);
        for n in 2..40 {
            catalogue.night(&dump(u64::from(n), 0, None, n), "V1", n);
        }
        let policies = super::super::testing::policies();
        assert!(page(&policies) < 38, "the sweep over the newest runs does not come to it");
        let verdicts = catalogue.verdicts(&policies, day(40)).unwrap();
        assert_eq!(
            verdicts.explain(&label("V0")),
            "V0 is needed:\n  - level 0 of host:/idle from 2026-01-02 is the newest state of it that can be restored \
             (and 3 more like it)\n"
        );
    }

    #[test]
    fn who_is_asked_about_a_volume_finds_it_out_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalogue = Catalogue::open(&folder.path().join("c.sqlite")).unwrap();
        for (n, name) in [(1, "V1"), (2, "V2")] {
            catalogue.with_volume(name, 0);
            catalogue.night(&dump(n, 0, None, u32::try_from(n).unwrap()), name, 1);
        }
        let policies = super::super::testing::policies();
        let advice = catalogue.advice(&policies, day(9)).unwrap();
        assert!(advice.of(&label("V1")).is_reusable());
        assert!(!advice.of(&label("V2")).is_reusable());
        assert!(!advice.of(&label("V3")).is_reusable(), "nobody knows it");
    }
}
