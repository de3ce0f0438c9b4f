//! Retention: which volumes are needed, and why. The one place that decides it.
//!
//! A pure function: facts, policies and the time go in, a verdict in words for each volume comes out. What it
//! does not know it does not give away: a volume without a policy, or that the catalogue has never heard of, is
//! needed.
//!
//! There are two sorts of rules. Some keep **volumes**: locked ones, those of a run that has not finished, the
//! newest few, those written within so many days. They say nothing of what is on other volumes, so that a
//! rotation of N volumes goes round. The others keep **dumps**: what restores any of the last days, the newest
//! fulls, what is pinned, what is held and builds on a volume, and the last resort. Whoever keeps a dump keeps
//! its whole chain, down to the full.
//!
//! The **last resort** can't be switched off: the newest state of every DLE on the disk list that can still be
//! restored stays, in each storage that has one. It is asked for twice, once counting on missing volumes and once
//! not, so that neither a volume that turns up again nor one that doesn't costs the last good backup.
//!
//! A rule about dumps looks at those of one DLE, newest first, and mostly at the newest few only. A [`Judgement`] may
//! therefore be told of DLEs one by one, and of each so many dumps as its rules ask for: of millions of dumps it
//! takes some thousand to judge one volume.
//!
//! Copies of a dump in other storages count as far as they must: a rule of one storage keeps that storage's
//! copies, and where it has no complete one of some link, those of all others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{DleRef, DumpId, Label, Level, Stamp, StorageName};

use crate::catalogue::{Lock, Medium, VolumeState};

mod ahead;
mod alone;
mod hearing;
mod verdict;

use hearing::{Hearing, Plaint};

pub use ahead::{Case, Concern, Expected, Flushed, Habit, Release, Usage, When, prospect};
pub use verdict::{Advice, Needed, Reason, Rule, Verdict, Verdicts};

/// What the operator wants kept in one storage. Nothing, by default, beyond the last resort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The volumes written last, so many (Amanda's `retention-tapes`, or `tapecycle` less one).
    pub volumes: u32,
    /// Volumes written within so many days (`retention-days`).
    pub days: u32,
    /// Whatever restores the state of any moment of so many days (`retention-recover`).
    pub recover_days: u32,
    /// The newest fulls of each DLE, so many.
    pub fulls: u32,
    /// All fulls of so many days.
    pub full_days: u32,
    /// The newest dump cycles of each DLE, so many: a full and everything after it.
    pub cycles: u32,
    /// Every volume that was written, until then.
    pub keep_until: Option<Stamp>,
}

impl Policy {
    /// Amanda's `retention-full N`, which its manual explains as days, and its program counts as volumes: here
    /// both, so that nobody loses what they were promised by either.
    #[must_use]
    pub fn with_retention_full(self, n: u32) -> Self {
        Self { fulls: self.fulls.max(n), full_days: self.full_days.max(n), ..self }
    }
}

/// The policy of each storage.
pub type Policies = BTreeMap<StorageName, Policy>;

/// All that is to be known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The volumes in the catalogue.
    pub volumes: Vec<VolumeFact>,
    /// The dumps that are still somewhere.
    pub dumps: Vec<DumpFact>,
    /// The runs that have not finished.
    pub unfinished: BTreeSet<Stamp>,
    /// What is about to be read.
    pub pins: Vec<PinFact>,
}

/// A volume.
#[derive(Clone, Debug)]
pub struct VolumeFact {
    /// Which.
    pub label: Label,
    /// Whose.
    pub storage: StorageName,
    /// What may be done with it.
    pub state: VolumeState,
    /// What the operator says.
    pub lock: Lock,
    /// Why and who, in words; empty if nobody said it.
    pub locked: String,
    /// How often it can be written.
    pub medium: Medium,
    /// The stamp in its label.
    pub labelled: Option<Stamp>,
    /// The run that wrote on it last.
    pub written: Option<Stamp>,
}

/// A dump.
#[derive(Clone, Debug)]
pub struct DumpFact {
    /// Which.
    pub id: DumpId,
    /// Of what.
    pub dle: DleRef,
    /// Whether that is still on the disk list.
    pub listed: bool,
    /// Made when.
    pub run: Stamp,
    /// At which level.
    pub level: Level,
    /// Against which.
    pub base: Option<DumpId>,
    /// Whether its image is whole.
    pub whole: bool,
    /// Whether it is on the holding disk.
    pub held: bool,
    /// Where it is on volumes.
    pub copies: Vec<CopyFact>,
}

/// A copy of a dump.
#[derive(Clone, Debug)]
pub struct CopyFact {
    /// Where.
    pub storage: StorageName,
    /// Whether all parts are there.
    pub complete: bool,
    /// On which volumes.
    pub labels: Vec<Label>,
}

/// A dump that is about to be read.
#[derive(Clone, Debug)]
pub struct PinFact {
    /// Which.
    pub dump: DumpId,
    /// What for.
    pub why: String,
    /// Until then.
    pub until: Option<Stamp>,
}

/// Judges every volume.
pub fn decide(facts: &Facts, policies: &Policies, now: Stamp) -> Verdicts {
    let Facts { volumes, dumps, unfinished, pins } = facts;
    let mut judgement =
        Judgement::of_volumes(volumes, unfinished.clone(), pins.clone(), policies, now);
    let mut hearing = Hearing::new(&judgement, dumps, &[]);
    hearing.hear_all();
    let plaints = hearing.into_plaints();
    judgement.note(plaints);
    judgement.verdicts
}

/// How much of a DLE a judgement was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// All its dumps.
    All,
    /// The newest, without a gap.
    Newest,
}

/// Some rule wanted to look at older dumps than it was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short;

/// Verdicts in the making: volumes first, then what of DLE after DLE has to be kept on them.
///
/// A volume that is needed by what was heard so far stays so. That one is reusable is true only when every DLE was
/// heard that has a dump on it, or a dump that builds on one.
#[derive(Clone, Debug)]
pub struct Judgement {
    policies: Policies,
    now: Stamp,
    unfinished: BTreeSet<Stamp>,
    pins: HashMap<DumpId, Vec<PinFact>>,
    missing: BTreeSet<Label>,
    /// Those that have volumes.
    storages: BTreeSet<StorageName>,
    verdicts: Verdicts,
}

impl Judgement {
    /// By the rules that look at volumes alone.
    pub fn of_volumes(
        volumes: &[VolumeFact],
        unfinished: BTreeSet<Stamp>,
        pins: Vec<PinFact>,
        policies: &Policies,
        now: Stamp,
    ) -> Self {
        let missing = volumes.iter().filter(|v| v.state == VolumeState::Missing);
        let mut by_dump = HashMap::<_, Vec<_>>::new();
        for pin in pins {
            by_dump.entry(pin.dump).or_default().push(pin);
        }
        let mut judgement = Self {
            policies: policies.clone(),
            now,
            unfinished,
            pins: by_dump,
            missing: missing.map(|volume| volume.label.clone()).collect(),
            storages: volumes.iter().map(|volume| volume.storage.clone()).collect(),
            verdicts: Verdicts::all_reusable(volumes.iter().map(|v| &v.label)),
        };
        judgement.look_at(volumes);
        judgement
    }

    /// Hears one DLE: its dumps, as many as `told` says; and as `others`, all that these build on, and what else of it
    /// is held, arriving or pinned. If a rule looks for older dumps than it was told of, nothing is decided.
    pub fn hear(
        &mut self,
        dle: &DleRef,
        (dumps, told): (&[DumpFact], Told),
        others: &[DumpFact],
    ) -> Result<(), Short> {
        let mut hearing = Hearing::new(self, dumps, others);
        hearing.hear(dle);
        if told == Told::Newest && hearing.is_short() {
            return Err(Short);
        }
        let plaints = hearing.into_plaints();
        self.note(plaints);
        Ok(())
    }

    /// Nothing is decided yet, and will be of this volume only: so what each DLE says of it can be told apart.
    pub(crate) fn begin_with(&mut self, label: &Label) {
        self.verdicts = Verdicts::all_reusable(std::iter::once(label));
    }

    fn note(&mut self, plaints: Vec<Plaint<'_>>) {
        for plaint in plaints {
            let (label, rule, until) = (plaint.label, plaint.rule(), plaint.until);
            self.verdicts.need_for(label, rule, until, || plaint.why());
        }
    }

    /// What is decided so far.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// What was decided.
    pub fn into_verdicts(self) -> Verdicts {
        self.verdicts
    }
}

/// What was said, and why, if anybody said that.
fn because(what: &str, why: &str) -> String {
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}

#[cfg(test)]
mod tests;
