//! The rules that look at the dumps of a DLE, and keep the volumes that these are on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{DleRef, DumpId, Label, Stamp, StorageName};

use super::{CopyFact, DumpFact, Judgement, Policy, Reason, Rule};

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

/// DLEs being heard: what was told of them, and what is to be kept for them.
pub(super) struct Hearing<'a> {
    judgement: &'a Judgement,
    by_id: HashMap<DumpId, &'a DumpFact>,
    /// Without a gap, newest first.
    by_dle: BTreeMap<&'a DleRef, Vec<&'a DumpFact>>,
    /// Older ones, told because something builds on them, or because they are held, arriving or pinned. Rules that
    /// go from dump to dump must not count them: others lie between that were not told.
    others: &'a [DumpFact],
    objections: Vec<(Label, Reason)>,
    /// A rule has come to the end of what was told.
    short: bool,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        judgement: &'a Judgement,
        dumps: &'a [DumpFact],
        others: &'a [DumpFact],
    ) -> Self {
        let mut by_dle = BTreeMap::<_, Vec<_>>::new();
        for dump in dumps {
            by_dle.entry(&dump.dle).or_default().push(dump);
        }
        for dumps in by_dle.values_mut() {
            dumps.sort_by_key(|dump| std::cmp::Reverse((dump.run, dump.id)));
        }
        let by_id = dumps.iter().chain(others).map(|dump| (dump.id, dump)).collect();
        Self { judgement, by_id, by_dle, others, objections: Vec::new(), short: false }
    }

    pub(super) fn hear_all(&mut self) {
        let dles: Vec<&DleRef> = self.by_dle.keys().copied().collect();
        dles.into_iter().for_each(|dle| self.hear(dle));
    }

    pub(super) fn hear(&mut self, dle: &DleRef) {
        let dumps = self.by_dle.get(dle).cloned().unwrap_or_default();
        let others: Vec<_> = self.others.iter().filter(|dump| dump.dle == *dle).collect();
        for dumps in [&dumps, &others] {
            self.keep_what_is_being_made(dumps);
            self.keep_pins(dumps);
        }
        self.keep_last_resort(&dumps);
        let judgement = self.judgement;
        for (storage, policy) in &judgement.policies {
            if !self.storages_of(&dumps).contains(storage) {
                continue;
            }
            self.keep_recoverable(&dumps, storage, policy.recover_days);
            self.keep_fulls(&dumps, storage, policy);
            self.keep_cycles(&dumps, storage, policy.cycles);
        }
    }

    /// True if a rule wanted to look at older dumps than were told.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// What is to be kept, and why.
    pub(super) fn into_objections(self) -> Vec<(Label, Reason)> {
        self.objections
    }

    /// Where dumps of a DLE may be, also those that were not told.
    fn storages_of(&self, dumps: &[&'a DumpFact]) -> BTreeSet<&'a StorageName> {
        let told = dumps.iter().flat_map(|dump| &dump.copies).map(|copy| &copy.storage);
        told.chain(&self.judgement.storages).collect()
    }

    /// What is held or still arriving: the copies of it that are being written, and what it builds on.
    fn keep_what_is_being_made(&mut self, dumps: &[&DumpFact]) {
        for dump in dumps {
            let arriving = !dump.whole && self.judgement.unfinished.contains(&dump.run);
            if !dump.held && !arriving {
                continue;
            }
            for label in dump.copies.iter().filter(|copy| !copy.complete).flat_map(|c| &c.labels) {
                let why = format!("{} is still being written", name(dump));
                let reason = Reason { rule: Rule::BeingMade, why, until: None };
                self.objections.push((label.clone(), reason));
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

    fn keep_pins(&mut self, dumps: &[&DumpFact]) {
        let judgement = self.judgement;
        for dump in dumps {
            let pins = judgement.pins.get(&dump.id).into_iter().flatten();
            for pin in pins.filter(|pin| pin.until.is_none_or(|until| judgement.now < until)) {
                let why = format!("{} is wanted: {}", name(dump), pin.why);
                let reason = Reason { rule: Rule::Pin, why, until: pin.until };
                self.keep_chain(dump, Where::Everywhere, &reason);
            }
        }
    }

    /// The newest state of a DLE that can be restored: in each storage that has one, and altogether.
    fn keep_last_resort(&mut self, dumps: &[&'a DumpFact]) {
        if !dumps.iter().any(|dump| dump.listed) {
            return;
        }
        let storages = self.storages_of(dumps);
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
                let Some(tip) = tip else {
                    self.short = true;
                    continue;
                };
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
            if self.judgement.now.days_since(dump.run) >= days {
                return;
            }
        }
        self.short = true;
    }

    fn keep_fulls(&mut self, dumps: &[&DumpFact], storage: &StorageName, policy: &Policy) {
        let fulls = dumps.iter().filter(|dump| dump.level.is_full() && dump.whole);
        let placed: Vec<_> = fulls.filter(|dump| is_placed(dump, storage)).collect();
        let oldest = dumps.last().map(|dump| self.judgement.now.days_since(dump.run));
        self.short |= placed.len() < policy.fulls as usize
            || policy.full_days > 0 && oldest.is_none_or(|age| age < policy.full_days);
        for (rank, full) in placed.iter().enumerate() {
            let days = policy.full_days;
            let among = rank < policy.fulls as usize;
            let young = self.judgement.now.days_since(full.run) < days;
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
        self.short |= left > 0;
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
                self.objections.push((label.clone(), reason.clone()));
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
        let found = || !copy.labels.iter().any(|label| self.judgement.missing.contains(label));
        copy.complete && (missing == Missing::Counts || found())
    }
}

fn is_placed(dump: &DumpFact, storage: &StorageName) -> bool {
    dump.copies.iter().any(|copy| copy.complete && copy.storage == *storage)
}

fn name(dump: &DumpFact) -> String {
    format!("level {} of {} from {}", dump.level, dump.dle, dump.run.day())
}
