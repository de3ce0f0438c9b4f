//! The rules that look at the dumps of a DLE, and keep the volumes that these are on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{DleRef, DumpId, Label, Stamp, StorageName};

use super::{CopyFact, DumpFact, Judgement, Policy, Rule};

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

/// Why a dump is to be kept, before it is put into words: of a thousand reasons one is told.
#[derive(Clone)]
enum How {
    BeingWritten,
    /// Some of it is on volumes, and no run is at work that would write the rest.
    RestWaits,
    Held,
    Arriving,
    Wanted(String),
    NewestState,
    Recover(u32),
    Fulls(u32),
    YoungFull(u32),
    Cycles(u32),
}

impl How {
    fn rule(&self) -> Rule {
        match self {
            Self::BeingWritten | Self::RestWaits | Self::Held | Self::Arriving => Rule::BeingMade,
            Self::Wanted(_) => Rule::Pin,
            Self::NewestState => Rule::LastResort,
            Self::Recover(_) => Rule::Recover,
            Self::Fulls(_) | Self::YoungFull(_) => Rule::Fulls,
            Self::Cycles(_) => Rule::Cycles,
        }
    }

    fn of(&self, dump: &DumpFact) -> String {
        let name = name(dump);
        match self {
            Self::BeingWritten => format!("{name} is still being written"),
            Self::RestWaits => {
                format!("the rest of {name} waits on the holding disk: `reelkeep flush` writes it")
            }
            Self::Held => format!("{name} is on the holding disk"),
            Self::Arriving => format!("{name} is arriving"),
            Self::Wanted(why) => format!("{name} is wanted: {why}"),
            Self::NewestState => format!("{name} is the newest state of it that can be restored"),
            Self::Recover(days) => {
                format!("{name} is needed to restore any of the last {days} days")
            }
            Self::Fulls(fulls) => format!("{name} is among its {fulls} newest fulls"),
            Self::YoungFull(days) => format!("{name} is a full of the last {days} days"),
            Self::Cycles(cycles) => format!("{name} is of its {cycles} newest dump cycles"),
        }
    }
}

/// A volume is to be kept.
pub(super) struct Plaint<'a> {
    pub(super) label: &'a Label,
    pub(super) until: Option<Stamp>,
    how: How,
    /// The dump that a rule keeps.
    tip: &'a DumpFact,
    /// What of its chain is on the volume.
    link: &'a DumpFact,
}

impl Plaint<'_> {
    pub(super) fn rule(&self) -> Rule {
        self.how.rule()
    }

    /// In words.
    pub(super) fn why(&self) -> String {
        let why = self.how.of(self.tip);
        if self.link.id == self.tip.id {
            return why;
        }
        format!("{why}, and {} is part of it", name(self.link))
    }
}

/// DLEs being heard: what was told of them, and what is to be kept for them.
pub(super) struct Hearing<'j, 'a> {
    judgement: &'j Judgement,
    by_id: HashMap<DumpId, &'a DumpFact>,
    /// Without a gap, newest first.
    by_dle: BTreeMap<&'a DleRef, Vec<&'a DumpFact>>,
    /// Older ones, told because something builds on them, or because they are held, arriving or pinned. Rules that
    /// go from dump to dump must not count them: others lie between that were not told.
    others: &'a [DumpFact],
    plaints: Vec<Plaint<'a>>,
    /// A rule has come to the end of what was told.
    short: bool,
}

impl<'j, 'a: 'j> Hearing<'j, 'a> {
    pub(super) fn new(
        judgement: &'j Judgement,
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
        Self { judgement, by_id, by_dle, others, plaints: Vec::new(), short: false }
    }

    pub(super) fn hear_all(&mut self) {
        let dles: Vec<&DleRef> = self.by_dle.keys().copied().collect();
        dles.into_iter().for_each(|dle| self.hear(dle));
    }

    pub(super) fn hear(&mut self, dle: &DleRef) {
        let dumps = self.by_dle.get(dle).cloned().unwrap_or_default();
        let mut others: Vec<_> = self.others.iter().filter(|dump| dump.dle == *dle).collect();
        others.sort_by_key(|dump| std::cmp::Reverse((dump.run, dump.id)));
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
    pub(super) fn into_plaints(self) -> Vec<Plaint<'a>> {
        self.plaints
    }

    /// Where dumps of a DLE may be, also those that were not told.
    fn storages_of(&self, dumps: &[&'a DumpFact]) -> BTreeSet<&'j StorageName> {
        let told = dumps.iter().flat_map(|dump| &dump.copies).map(|copy| &copy.storage);
        told.chain(&self.judgement.storages).collect()
    }

    /// What is held or still arriving: the copies of it that are being written, and what it builds on.
    fn keep_what_is_being_made(&mut self, dumps: &[&'a DumpFact]) {
        for &dump in dumps {
            let arriving = !dump.whole && self.judgement.unfinished.contains(&dump.run);
            if !dump.held && !arriving {
                continue;
            }
            for label in dump.copies.iter().filter(|copy| !copy.complete).flat_map(|c| &c.labels) {
                let is_at_work = !self.judgement.unfinished.is_empty();
                let how = if is_at_work { How::BeingWritten } else { How::RestWaits };
                self.plaints.push(Plaint { label, until: None, how, tip: dump, link: dump });
            }
            let how = if dump.held { How::Held } else { How::Arriving };
            self.keep_chain(dump, Where::Everywhere, &how, None);
        }
    }

    fn keep_pins(&mut self, dumps: &[&'a DumpFact]) {
        let judgement = self.judgement;
        for &dump in dumps {
            let pins = judgement.pins.get(&dump.id).into_iter().flatten();
            for pin in pins.filter(|pin| pin.until.is_none_or(|until| judgement.now < until)) {
                let how = How::Wanted(pin.why.clone());
                self.keep_chain(dump, Where::Everywhere, &how, pin.until);
            }
        }
    }

    /// The newest state of a DLE that can be restored: in each storage that has one, and altogether.
    fn keep_last_resort(&mut self, dumps: &[&'a DumpFact]) {
        let Some(newest) = dumps.first() else {
            self.short = true;
            return;
        };
        if !newest.listed {
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
                self.keep_chain(tip, place, &How::NewestState, None);
            }
        }
    }

    /// What restores any moment of the last days: every dump made in them, and the one that was the newest when
    /// they began.
    fn keep_recoverable(&mut self, dumps: &[&'a DumpFact], storage: &StorageName, days: u32) {
        if days == 0 {
            return;
        }
        let mut newer = None;
        for &dump in dumps {
            if !is_placed(dump, storage) || !self.is_restorable(dump, Missing::Counts) {
                continue;
            }
            // It is dispensable once the next newer one is so old that it serves the oldest of the days.
            let until = newer.map(|run: Stamp| run.plus_days(days));
            self.keep_chain(dump, Where::In(storage), &How::Recover(days), until);
            newer = Some(dump.run);
            if self.judgement.now.days_since(dump.run) >= days {
                return;
            }
        }
        self.short = true;
    }

    fn keep_fulls(&mut self, dumps: &[&'a DumpFact], storage: &StorageName, policy: &Policy) {
        let fulls = dumps.iter().filter(|dump| dump.level.is_full() && dump.whole);
        let placed: Vec<_> = fulls.filter(|dump| is_placed(dump, storage)).collect();
        let oldest = dumps.last().map(|dump| self.judgement.now.days_since(dump.run));
        self.short |= placed.len() < policy.fulls as usize
            || policy.full_days > 0 && oldest.is_none_or(|age| age < policy.full_days);
        for (rank, &&full) in placed.iter().enumerate() {
            let days = policy.full_days;
            if rank < policy.fulls as usize {
                self.keep_chain(full, Where::In(storage), &How::Fulls(policy.fulls), None);
            }
            if self.judgement.now.days_since(full.run) < days {
                let until = Some(full.run.plus_days(days));
                self.keep_chain(full, Where::In(storage), &How::YoungFull(days), until);
            }
        }
    }

    /// The newest fulls, and whatever was made since the oldest of them.
    fn keep_cycles(&mut self, dumps: &[&'a DumpFact], storage: &StorageName, cycles: u32) {
        let mut left = cycles;
        for &dump in dumps.iter().filter(|dump| dump.whole && is_placed(dump, storage)) {
            if left == 0 {
                return;
            }
            self.keep_chain(dump, Where::In(storage), &How::Cycles(cycles), None);
            left -= u32::from(dump.level.is_full());
        }
        self.short |= left > 0;
    }

    /// Keeps a dump and all it builds on, as far as it is known.
    fn keep_chain(&mut self, tip: &'a DumpFact, place: Where<'_>, how: &How, until: Option<Stamp>) {
        for link in chain(&self.by_id, tip) {
            let complete = || link.copies.iter().filter(|copy| copy.complete);
            let here = |copy: &&CopyFact| match place {
                Where::In(storage) => copy.storage == *storage,
                Where::Everywhere => true,
            };
            let elsewhere = !complete().any(|copy| here(&copy));
            let kept = complete().filter(|copy| elsewhere || here(copy));
            for label in kept.flat_map(|copy| &copy.labels) {
                self.plaints.push(Plaint { label, until, how: how.clone(), tip, link });
            }
        }
    }

    fn is_restorable(&self, tip: &DumpFact, missing: Missing) -> bool {
        let mut last = None;
        for link in chain(&self.by_id, tip) {
            let copied = || link.copies.iter().any(|copy| self.counts(copy, missing));
            if !link.whole || !link.held && !copied() {
                return false;
            }
            last = Some(link);
        }
        last.is_some_and(|link| link.level.is_full() || link.base.is_none())
    }

    fn counts(&self, copy: &CopyFact, missing: Missing) -> bool {
        let found = || !copy.labels.iter().any(|label| self.judgement.missing.contains(label));
        copy.complete && (missing == Missing::Counts || found())
    }
}

/// The dump, what it builds on, and so on, until a full or until something is unknown.
fn chain<'a>(
    by_id: &HashMap<DumpId, &'a DumpFact>,
    tip: &DumpFact,
) -> impl Iterator<Item = &'a DumpFact> {
    std::iter::successors(by_id.get(&tip.id).copied(), |link| {
        let base = link.base.and_then(|base| by_id.get(&base).copied());
        base.filter(|base| base.level < link.level)
    })
}

fn is_placed(dump: &DumpFact, storage: &StorageName) -> bool {
    dump.copies.iter().any(|copy| copy.complete && copy.storage == *storage)
}

fn name(dump: &DumpFact) -> String {
    format!("level {} of {} from {}", dump.level, dump.dle, dump.run.day())
}
