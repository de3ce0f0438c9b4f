//! Delay: what to put off when the night can't take it all.
//!
//! In this order, and only as far as needed: fulls that could not fit even alone; fulls that are not by
//! order, the freshest last full first, but one full always stays, so that every night gets some further;
//! incrementals, the least urgent and smallest first; fulls by order. A full that is put off becomes its
//! incremental where there is one. In the end whatever fits again is taken back, the last put off first.

use std::cmp::Reverse;

use types::Bytes;

use super::facts::{Capacity, Day, Route, Storage, Tonight};
use super::hours::{Hours, Ways, Work};
use super::level::{Case, Due, Take, days};
use super::outcome::{Bottleneck, Choice, Filled, Warning};

/// What the night takes, and what is in it so far. DLEs are known by their place among the cases.
#[derive(Clone, Debug)]
pub(super) struct Load<'a> {
    storages: &'a [Storage],
    ways: &'a Ways,
    /// How long it may last, in milliseconds and in the operator's minutes.
    most: Option<(u64, u32)>,
    bytes: Vec<Bytes>,
    hours: Hours,
    seconds: u64,
    fulls: Bytes,
}

impl<'a> Load<'a> {
    pub(super) fn new(tonight: &'a Tonight, ways: &'a Ways, cases: &[Case<'_>]) -> Self {
        // Every volume has its label, its records, and one part that its end cuts in two.
        let frame = |Storage { capacity, .. }: &Storage| {
            (capacity.block + capacity.filemark).times(3 * u64::from(capacity.runtapes))
        };
        let mut load = Self {
            storages: &tonight.storages,
            ways,
            most: tonight.limits.minutes.map(|minutes| (u64::from(minutes) * 60_000, minutes)),
            bytes: tonight.storages.iter().map(frame).collect(),
            hours: Hours::new(ways),
            seconds: 0,
            fulls: Bytes::ZERO,
        };
        for (at, case) in cases.iter().enumerate() {
            load.take(at, case);
        }
        load
    }

    /// What this case takes is done too.
    pub(super) fn take(&mut self, at: usize, case: &Case<'_>) {
        let Some(choice) = case.choice() else { return };
        for &storage in case.facts.route.of(choice.level) {
            self.bytes[storage] += on_volume(&self.storages[storage].capacity, choice);
        }
        self.hours.add(self.ways, at, work(choice, &case.facts.route));
        self.seconds += u64::from(choice.cost.seconds);
        self.fulls += full_bytes(choice);
    }

    /// What this case takes is not done.
    pub(super) fn leave(&mut self, at: usize, case: &Case<'_>) {
        let Some(choice) = case.choice() else { return };
        for &storage in case.facts.route.of(choice.level) {
            self.bytes[storage] =
                self.bytes[storage] - on_volume(&self.storages[storage].capacity, choice);
        }
        self.hours.remove(self.ways, at, work(choice, &case.facts.route));
        self.seconds = self.seconds.saturating_sub(choice.cost.seconds.into());
        self.fulls = self.fulls - full_bytes(choice);
    }

    pub(super) fn fits(&self) -> bool {
        let in_time = self.most.is_none_or(|(most, _)| self.hours.millis(self.ways) <= most);
        in_time && self.full().next().is_none()
    }

    /// The storages that have to take more than they can.
    fn full(&self) -> impl Iterator<Item = usize> {
        let fits = |at: &usize| self.bytes[*at] <= self.storages[*at].capacity.run();
        (0..self.storages.len()).filter(move |at| !fits(at))
    }

    /// Whether less of this case would help the night to fit.
    fn is_in_the_way(&self, at: usize, case: &Case<'_>) -> bool {
        let Some(choice) = case.choice() else { return false };
        let route = case.facts.route.of(choice.level);
        let slow = |(most, _)| self.hours.is_in_the_way(self.ways, at, route, most);
        self.full().any(|storage| route.contains(&storage)) || self.most.is_some_and(slow)
    }

    /// What is too small for the night, in the operator's words.
    fn lacking(&self) -> String {
        match self.full().next() {
            Some(at) if self.storages.len() > 1 => {
                format!("tonight's volumes of storage {} don't take", self.storages[at].name)
            }
            Some(_) => "tonight's volumes don't take".to_owned(),
            None => match self.most {
                Some((_, minutes)) => format!("the {minutes} min of the night don't take"),
                None => "the night doesn't take".to_owned(),
            },
        }
    }

    /// Why a dump could not be made even if it were the only one.
    pub(super) fn too_big_alone(&self, at: usize, case: &Case<'_>) -> Option<String> {
        let choice = case.choice()?;
        let route = case.facts.route.of(choice.level);
        let stored = choice.cost.stored;
        for &storage in route {
            let Storage { name, capacity, .. } = &self.storages[storage];
            let of =
                if self.storages.len() > 1 { format!(" of storage {name}") } else { String::new() };
            let size = on_volume(capacity, choice);
            if size > capacity.whole() {
                let whole = capacity.whole();
                return Some(format!("{stored} are more than a run{of} takes ({whole})"));
            }
            if !case.facts.allow_split && size > capacity.volume {
                let volume = capacity.volume;
                return Some(format!("{stored} are more than one volume{of} takes ({volume})"));
            }
        }
        let (most, minutes) = self.most?;
        let alone = self.ways.alone(at, work(choice, &case.facts.route));
        (alone > most).then(|| {
            format!("{} min are more than the night has ({minutes})", alone.div_ceil(60_000))
        })
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.iter().copied().sum()
    }

    pub(super) fn filled(&self) -> Vec<Filled> {
        let filled = |(storage, total): (&Storage, &Bytes)| Filled {
            storage: storage.name.clone(),
            total: *total,
            capacity: storage.capacity.run(),
        };
        self.storages.iter().zip(&self.bytes).map(filled).collect()
    }

    pub(super) fn fulls(&self) -> Bytes {
        self.fulls
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// How long it lasts, in seconds, and what it waits for longest.
    pub(super) fn lasts(&self) -> (u64, Option<Bottleneck>) {
        (self.hours.millis(self.ways).div_ceil(1000), self.hours.bottleneck(self.ways))
    }

    pub(super) fn hours(&self) -> &Hours {
        &self.hours
    }
}

/// What a dump is, for the ways that it takes.
pub(super) fn work<'r>(choice: &Choice, route: &'r Route) -> Work<'r> {
    Work {
        bytes: choice.cost.stored.0,
        millis: u64::from(choice.cost.seconds) * 1000,
        storages: route.of(choice.level),
    }
}

fn full_bytes(choice: &Choice) -> Bytes {
    if choice.level.is_full() { choice.cost.stored } else { Bytes::ZERO }
}

/// An image with the header and filemark of each of its parts.
fn on_volume(capacity: &Capacity, choice: &Choice) -> Bytes {
    let stored = choice.cost.stored;
    let parts = capacity.part.map_or(1, |part| stored.0.div_ceil(part.0.max(1)).max(1));
    stored + (capacity.block + capacity.filemark).times(parts)
}

/// Puts off what doesn't fit.
pub(super) fn delay(cases: &mut [Case<'_>], load: &mut Load<'_>, today: Day) -> Vec<Warning> {
    let mut night = Delay { cases, load, put_off: Vec::new() };
    let mut warnings = night.drop_the_impossible();
    night.put_off_fulls();
    night.drop_incrementals();
    night.drop_forced_fulls();
    night.take_back();
    warnings.extend(night.late_fulls(today));
    warnings
}

struct Delay<'c, 'a, 'l> {
    cases: &'c mut [Case<'a>],
    load: &'c mut Load<'l>,
    /// What was changed, and what it was before.
    put_off: Vec<(usize, Take, String)>,
}

impl Delay<'_, '_, '_> {
    /// What is too big even alone can't be taken back either.
    fn drop_the_impossible(&mut self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for at in 0..self.cases.len() {
            while let Some(why) = self.load.too_big_alone(at, &self.cases[at]) {
                let Case { facts, take, .. } = &self.cases[at];
                if *take == Take::Full {
                    let text = format!("its full can never be made: {why}");
                    warnings.push(Warning { dle: Some(facts.dle.clone()), text });
                }
                self.step_down(at, &why);
            }
        }
        self.put_off.clear();
        warnings
    }

    fn put_off_fulls(&mut self) {
        let keep = self.full_to_keep();
        let mut fulls = self.taking(|case| case.take == Take::Full && !case.is_forced());
        fulls.retain(|at| Some(*at) != keep);
        fulls.sort_by_key(|&at| {
            let case = &self.cases[at];
            let freshest = Reverse(case.facts.last_full().map(|past| past.day));
            (freshest, case.urgency, Reverse(stored(case)), &case.facts.dle)
        });
        self.while_too_much(&fulls, "all fulls");
    }

    fn drop_incrementals(&mut self) {
        let mut rest = self.taking(|case| case.take == Take::Incremental);
        rest.sort_by_key(|&at| {
            let case = &self.cases[at];
            (case.urgency, stored(case), &case.facts.dle)
        });
        self.while_too_much(&rest, "all incrementals");
    }

    fn drop_forced_fulls(&mut self) {
        let keep = self.full_to_keep();
        let mut fulls = self.taking(|case| case.take == Take::Full);
        fulls.sort_by_key(|&at| {
            let case = &self.cases[at];
            (Some(at) == keep, case.urgency, stored(case), &case.facts.dle)
        });
        self.while_too_much(&fulls, "all fulls that were asked for");
    }

    /// In each step backwards: was it smaller before, or does it fit now?
    fn take_back(&mut self) {
        while let Some((at, take, why)) = self.put_off.pop() {
            let mut before = self.cases[at].clone();
            (before.take, before.why) = (take, why);
            self.load.leave(at, &self.cases[at]);
            self.load.take(at, &before);
            if self.load.fits() {
                self.cases[at] = before;
            } else {
                self.load.leave(at, &before);
                self.load.take(at, &self.cases[at]);
            }
        }
    }

    /// By order before others, then the most urgent, then the one whose last full is oldest.
    fn full_to_keep(&self) -> Option<usize> {
        let fulls = self.taking(|case| case.take == Take::Full);
        fulls.into_iter().min_by_key(|&at| {
            let case = &self.cases[at];
            let last = case.facts.last_full().map(|past| past.day);
            (!case.is_forced(), Reverse(case.urgency), last, &case.facts.dle)
        })
    }

    fn taking(&self, which: impl Fn(&Case<'_>) -> bool) -> Vec<usize> {
        (0..self.cases.len()).filter(|&at| which(&self.cases[at])).collect()
    }

    /// Only what stands in the way gives way: another storage's dumps make no room on this one.
    fn while_too_much(&mut self, order: &[usize], what: &str) {
        for &at in order {
            if self.load.fits() {
                return;
            }
            if self.load.is_in_the_way(at, &self.cases[at]) {
                let why = format!("{} {what}", self.load.lacking());
                self.step_down(at, &why);
            }
        }
    }

    /// From full to incremental, from incremental to nothing.
    fn step_down(&mut self, at: usize, why: &str) {
        let case = &mut self.cases[at];
        let Some(level) = case.choice().map(|choice| choice.level) else { return };
        self.load.leave(at, case);
        let before = case.why.clone();
        let (take, text) = match case.degraded() {
            Ok(cheaper) => {
                let text = format!("level {} instead of a full ({before}): {why}", cheaper.level);
                (Take::Incremental, text)
            }
            Err(_) => {
                (Take::Nothing(format!("no level {level} ({before}): {why}")), before.clone())
            }
        };
        let was = std::mem::replace(&mut case.take, take);
        case.why = text;
        self.load.take(at, case);
        self.put_off.push((at, was, before));
    }

    /// A dump cycle that is not kept is said so.
    fn late_fulls(&self, today: Day) -> Vec<Warning> {
        let late = |case: &Case<'_>| case.due.is_tonight() && case.take != Take::Full;
        let warning = |case: &Case<'_>| Warning {
            dle: Some(case.facts.dle.clone()),
            text: match (case.facts.last_full(), case.due) {
                (None, _) => "it still has no full".to_owned(),
                (Some(_), Due::Asked) => {
                    "the full that was asked for is not made tonight".to_owned()
                }
                (Some(past), _) => format!(
                    "its full is put off: the last is {} old, and its dump cycle is {}",
                    days(today.since(past.day)),
                    days(case.facts.dumpcycle.into())
                ),
            },
        };
        self.cases.iter().filter(|case| late(case)).map(warning).collect()
    }
}

fn stored(case: &Case<'_>) -> Bytes {
    case.choice().map_or(Bytes::ZERO, |choice| choice.cost.stored)
}
