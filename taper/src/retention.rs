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
//! Copies of a dump in other storages count as far as they must: a rule of one storage keeps that storage's
//! copies, and where it has no complete one of some link, those of all others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{DleRef, DumpId, Label, Level, Stamp, StorageName};

use crate::catalogue::{Lock, VolumeState};

mod verdict;

pub use verdict::{Needed, Reason, Rule, Verdict, Verdicts};

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
    let mut judge = Judge::new(facts, policies, now);
    judge.keep_volumes();
    judge.keep_the_newest_volumes();
    judge.keep_what_is_being_made();
    judge.keep_pins();
    for dumps in judge.by_dle.clone().into_values() {
        judge.keep_last_resort(&dumps);
        for (storage, policy) in policies {
            judge.keep_recoverable(&dumps, storage, policy.recover_days);
            judge.keep_fulls(&dumps, storage, policy);
            judge.keep_cycles(&dumps, storage, policy.cycles);
        }
    }
    judge.verdicts
}

/// Which copies of a link a rule keeps.
#[derive(Clone, Copy)]
enum Where<'a> {
    /// All.
    Everywhere,
    /// Those of one storage, or all if it has no complete one.
    In(&'a StorageName),
}

/// Whether to count on volumes that can't be found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Counts,
    DoesNot,
}

struct Judge<'a> {
    facts: &'a Facts,
    policies: &'a Policies,
    now: Stamp,
    by_id: HashMap<DumpId, &'a DumpFact>,
    /// Newest first.
    by_dle: BTreeMap<&'a DleRef, Vec<&'a DumpFact>>,
    missing: BTreeSet<&'a Label>,
    verdicts: Verdicts,
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts, policies: &'a Policies, now: Stamp) -> Self {
        let mut by_dle = BTreeMap::<_, Vec<_>>::new();
        for dump in &facts.dumps {
            by_dle.entry(&dump.dle).or_default().push(dump);
        }
        for dumps in by_dle.values_mut() {
            dumps.sort_by_key(|dump| std::cmp::Reverse((dump.run, dump.id)));
        }
        let missing = facts.volumes.iter().filter(|v| v.state == VolumeState::Missing);
        Self {
            facts,
            policies,
            now,
            by_id: facts.dumps.iter().map(|dump| (dump.id, dump)).collect(),
            by_dle,
            missing: missing.map(|volume| &volume.label).collect(),
            verdicts: Verdicts::all_reusable(facts.volumes.iter().map(|v| &v.label)),
        }
    }

    /// The rules that look at a volume alone.
    fn keep_volumes(&mut self) {
        for volume in &self.facts.volumes {
            for reason in self.reasons_of(volume) {
                self.verdicts.need(&volume.label, reason);
            }
        }
    }

    fn reasons_of(&self, volume: &VolumeFact) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut keep = |rule, why: String, until| reasons.push(Reason { rule, why, until });
        match volume.lock {
            Lock::Open => {}
            Lock::NoReuse => {
                keep(Rule::Lock, because("it is marked no-reuse", &volume.locked), None)
            }
            Lock::Until(day) if self.now >= day => {}
            Lock::Until(day) => {
                let what = format!("it is to be kept until {}", day.day());
                keep(Rule::Lock, because(&what, &volume.locked), Some(day));
            }
        }
        match volume.state {
            VolumeState::Retired => keep(Rule::State, "it is retired".to_owned(), None),
            VolumeState::Missing => keep(Rule::State, "it can't be found".to_owned(), None),
            _ => {}
        }
        let stamps = [volume.labelled, volume.written];
        if let Some(run) = stamps.iter().flatten().find(|run| self.facts.unfinished.contains(run)) {
            keep(Rule::Unfinished, format!("run {run} wrote on it and has not finished"), None);
        }
        match self.policies.get(&volume.storage) {
            None => {
                let why = format!("nothing says how long storage {} keeps volumes", volume.storage);
                keep(Rule::NoPolicy, why, None);
            }
            Some(policy) => {
                if let Some(written) = volume.written
                    && self.now.days_since(written) < policy.days
                {
                    let why = format!(
                        "it was written on {}, and volumes are kept for {} days",
                        written.day(),
                        policy.days
                    );
                    keep(Rule::Days, why, Some(written.plus_days(policy.days)));
                }
                if let Some(day) = policy.keep_until
                    && volume.written.is_some()
                    && self.now < day
                {
                    let why = format!("storage {} keeps all until {}", volume.storage, day.day());
                    keep(Rule::KeepUntil, why, Some(day));
                }
            }
        }
        reasons
    }

    /// The volumes of each storage that were written last. Those that would not be reused anyway don't count,
    /// so that a drawer full of archived volumes doesn't stand in for the rotation.
    fn keep_the_newest_volumes(&mut self) {
        for (storage, policy) in self.policies {
            let mut volumes: Vec<_> = self
                .facts
                .volumes
                .iter()
                .filter(|volume| volume.storage == *storage && volume.lock == Lock::Open)
                .filter(|v| !matches!(v.state, VolumeState::Retired | VolumeState::Missing))
                .filter_map(|volume| Some((volume.written?, &volume.label)))
                .collect();
            volumes.sort_by(|a, b| b.cmp(a));
            for (_, label) in volumes.into_iter().take(policy.volumes as usize) {
                let why = format!("it is among the {} volumes written last", policy.volumes);
                self.verdicts.need(label, Reason { rule: Rule::Volumes, why, until: None });
            }
        }
    }

    /// What is held or still arriving: the copies of it that are being written, and what it builds on.
    fn keep_what_is_being_made(&mut self) {
        for dump in &self.facts.dumps {
            let arriving = !dump.whole && self.facts.unfinished.contains(&dump.run);
            if !dump.held && !arriving {
                continue;
            }
            for label in dump.copies.iter().filter(|copy| !copy.complete).flat_map(|c| &c.labels) {
                let why = format!("{} is still being written", name(dump));
                self.verdicts.need(label, Reason { rule: Rule::BeingMade, why, until: None });
            }
            let state = if dump.held { "on the holding disk" } else { "arriving" };
            let why = format!("{} is {state}", name(dump));
            self.keep_chain(
                dump,
                Where::Everywhere,
                &Reason { rule: Rule::BeingMade, why, until: None },
            );
        }
    }

    fn keep_pins(&mut self) {
        for pin in &self.facts.pins {
            let on = pin.until.is_none_or(|until| self.now < until);
            if let Some(dump) = self.by_id.get(&pin.dump).copied()
                && on
            {
                let why = format!("{} is wanted: {}", name(dump), pin.why);
                let reason = Reason { rule: Rule::Pin, why, until: pin.until };
                self.keep_chain(dump, Where::Everywhere, &reason);
            }
        }
    }

    /// The newest state of a DLE that can be restored: in each storage that has one, and altogether.
    fn keep_last_resort(&mut self, dumps: &[&DumpFact]) {
        if !dumps.iter().any(|dump| dump.listed) {
            return;
        }
        let storages: BTreeSet<&StorageName> =
            dumps.iter().flat_map(|dump| &dump.copies).map(|copy| &copy.storage).collect();
        for missing in [Missing::Counts, Missing::DoesNot] {
            let restorable = |dump: &&&DumpFact| self.is_restorable(dump, missing);
            let mut tips = vec![(Where::Everywhere, dumps.iter().find(restorable).copied())];
            for &storage in &storages {
                let placed = |dump: &&&DumpFact| {
                    dump.copies.iter().any(|c| c.storage == *storage && self.counts(c, missing))
                };
                let tip = dumps.iter().filter(placed).find(restorable).copied();
                tips.push((Where::In(storage), tip));
            }
            for (place, tip) in tips {
                let Some(tip) = tip else { continue };
                let why = format!("{} is the newest state of it that can be restored", name(tip));
                let reason = Reason { rule: Rule::LastResort, why, until: None };
                self.keep_chain(tip, place, &reason);
            }
        }
    }

    /// What restores any moment of the last days: every dump made in them, and the one that was the newest when
    /// they began.
    fn keep_recoverable(&mut self, dumps: &[&DumpFact], storage: &StorageName, days: u32) {
        if days == 0 {
            return;
        }
        let mut newer = None;
        for dump in dumps {
            if !is_placed(dump, storage) || !self.is_restorable(dump, Missing::Counts) {
                continue;
            }
            let why = format!("{} is needed to restore any of the last {days} days", name(dump));
            // It is dispensable once the next newer one is so old that it serves the oldest of the days.
            let until = newer.map(|run: Stamp| run.plus_days(days));
            self.keep_chain(dump, Where::In(storage), &Reason { rule: Rule::Recover, why, until });
            newer = Some(dump.run);
            if self.now.days_since(dump.run) >= days {
                break;
            }
        }
    }

    fn keep_fulls(&mut self, dumps: &[&DumpFact], storage: &StorageName, policy: &Policy) {
        let fulls = dumps.iter().filter(|dump| dump.level.is_full() && dump.whole);
        let placed: Vec<_> = fulls.filter(|dump| is_placed(dump, storage)).collect();
        for (rank, full) in placed.iter().enumerate() {
            let days = policy.full_days;
            let among = rank < policy.fulls as usize;
            let young = self.now.days_since(full.run) < days;
            let rules = [
                (among, format!("is among its {} newest fulls", policy.fulls), None),
                (
                    young,
                    format!("is a full of the last {days} days"),
                    Some(full.run.plus_days(days)),
                ),
            ];
            for (_, what, until) in rules.into_iter().filter(|(applies, ..)| *applies) {
                let why = format!("{} {what}", name(full));
                let reason = Reason { rule: Rule::Fulls, why, until };
                self.keep_chain(full, Where::In(storage), &reason);
            }
        }
    }

    /// The newest fulls, and whatever was made since the oldest of them.
    fn keep_cycles(&mut self, dumps: &[&DumpFact], storage: &StorageName, cycles: u32) {
        let mut left = cycles;
        for dump in dumps.iter().filter(|dump| dump.whole && is_placed(dump, storage)) {
            if left == 0 {
                return;
            }
            let why = format!("{} is of its {cycles} newest dump cycles", name(dump));
            let reason = Reason { rule: Rule::Cycles, why, until: None };
            self.keep_chain(dump, Where::In(storage), &reason);
            left -= u32::from(dump.level.is_full());
        }
    }

    /// Keeps a dump and all it builds on, as far as it is known.
    fn keep_chain(&mut self, tip: &DumpFact, place: Where<'_>, reason: &Reason) {
        for link in self.chain(tip) {
            let mut reason = reason.clone();
            if link.id != tip.id {
                reason.why = format!("{}, and {} is part of it", reason.why, name(link));
            }
            let complete = || link.copies.iter().filter(|copy| copy.complete);
            let here: Vec<_> = match place {
                Where::In(storage) => complete().filter(|c| c.storage == *storage).collect(),
                Where::Everywhere => complete().collect(),
            };
            let kept = if here.is_empty() { complete().collect() } else { here };
            for label in kept.iter().flat_map(|copy| &copy.labels) {
                self.verdicts.need(label, reason.clone());
            }
        }
    }

    /// The dump, what it builds on, and so on, until a full or until something is unknown.
    fn chain(&self, tip: &DumpFact) -> Vec<&'a DumpFact> {
        let mut links: Vec<&'a DumpFact> = self.by_id.get(&tip.id).copied().into_iter().collect();
        while let Some(link) = links.last()
            && let Some(base) = link.base.and_then(|base| self.by_id.get(&base))
            && base.level < link.level
        {
            links.push(base);
        }
        links
    }

    fn is_restorable(&self, tip: &DumpFact, missing: Missing) -> bool {
        let links = self.chain(tip);
        links.last().is_some_and(|link| link.level.is_full())
            && links.iter().all(|link| {
                let copied = || link.copies.iter().any(|copy| self.counts(copy, missing));
                link.whole && (link.held || copied())
            })
    }

    fn counts(&self, copy: &CopyFact, missing: Missing) -> bool {
        let found = || !copy.labels.iter().any(|label| self.missing.contains(label));
        copy.complete && (missing == Missing::Counts || found())
    }
}

fn is_placed(dump: &DumpFact, storage: &StorageName) -> bool {
    dump.copies.iter().any(|copy| copy.complete && copy.storage == *storage)
}

/// What was said, and why, if anybody said that.
fn because(what: &str, why: &str) -> String {
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}

fn name(dump: &DumpFact) -> String {
    format!("level {} of {} from {}", dump.level, dump.dle, dump.run.day())
}

#[cfg(test)]
mod tests;
