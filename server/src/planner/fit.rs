//! Delay: what to put off when the night can't take it all.
//!
//! In this order, and only as far as needed: fulls that could not fit even alone; fulls that are not by
//! order, the freshest last full first, but one full always stays, so that every night gets some further;
//! incrementals, the least urgent and smallest first; fulls by order. A full that is put off becomes its
//! incremental where there is one. In the end whatever fits again is taken back, the last put off first.

use std::cmp::Reverse;

use types::Bytes;

use super::facts::{Capacity, Day, Minutes, Tonight};
use super::level::{Case, Due, Take, days};
use super::outcome::{Choice, Warning};

/// What the night takes, and what is in it so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    capacity: Capacity,
    minutes: Option<Minutes>,
    bytes: Bytes,
    seconds: u64,
    fulls: Bytes,
}

impl Load {
    pub(super) fn new(tonight: &Tonight, cases: &[Case<'_>]) -> Self {
        let Tonight { capacity, minutes, .. } = *tonight;
        // Every volume has its label, its records, and one part that its end cuts in two.
        let frame = (capacity.block + capacity.filemark).times(3 * u64::from(capacity.runtapes));
        let empty = Self { capacity, minutes, bytes: frame, seconds: 0, fulls: Bytes::ZERO };
        cases.iter().filter_map(Case::choice).fold(empty, Self::with)
    }

    /// This, and one more dump.
    pub(super) fn with(self, choice: &Choice) -> Self {
        let fulls = if choice.level.is_full() { choice.cost.stored } else { Bytes::ZERO };
        Self {
            bytes: self.bytes + self.on_volume(choice),
            seconds: self.seconds + u64::from(choice.cost.seconds),
            fulls: self.fulls + fulls,
            ..self
        }
    }

    /// This, and one dump less.
    pub(super) fn without(self, choice: &Choice) -> Self {
        let fulls = if choice.level.is_full() { choice.cost.stored } else { Bytes::ZERO };
        Self {
            bytes: self.bytes - self.on_volume(choice),
            seconds: self.seconds.saturating_sub(u64::from(choice.cost.seconds)),
            fulls: self.fulls - fulls,
            ..self
        }
    }

    pub(super) fn fits(&self) -> bool {
        let time =
            |m: Minutes| self.seconds <= u64::from(m.minutes) * 60 * u64::from(m.inparallel.max(1));
        self.bytes <= self.capacity.run() && self.minutes.is_none_or(time)
    }

    /// Why a dump could not be made even if it were the only one.
    pub(super) fn too_big_alone(&self, choice: &Choice, allow_split: bool) -> Option<String> {
        let size = self.on_volume(choice);
        let cost = choice.cost;
        let volume = self.capacity.volume;
        if size > self.capacity.run() {
            return Some(format!(
                "{} are more than a run takes ({})",
                cost.stored,
                self.capacity.run()
            ));
        }
        if !allow_split && size > volume {
            return Some(format!("{} are more than one volume takes ({volume})", cost.stored));
        }
        let minutes = self.minutes.map(|m| m.minutes)?;
        (u64::from(cost.seconds) > u64::from(minutes) * 60)
            .then(|| format!("{} min are more than the night has ({minutes})", cost.seconds / 60))
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.bytes
    }

    pub(super) fn fulls(&self) -> Bytes {
        self.fulls
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// An image with the header and filemark of each of its parts.
    fn on_volume(&self, choice: &Choice) -> Bytes {
        let stored = choice.cost.stored;
        let parts = self.capacity.part.map_or(1, |part| stored.0.div_ceil(part.0.max(1)).max(1));
        stored + (self.capacity.block + self.capacity.filemark).times(parts)
    }
}

/// Puts off what doesn't fit.
pub(super) fn delay(cases: &mut [Case<'_>], load: Load, today: Day) -> (Load, Vec<Warning>) {
    let mut night = Delay { cases, load, put_off: Vec::new() };
    let mut warnings = night.drop_the_impossible();
    night.put_off_fulls();
    night.drop_incrementals();
    night.drop_forced_fulls();
    night.take_back();
    warnings.extend(night.late_fulls(today));
    (night.load, warnings)
}

struct Delay<'c, 'a> {
    cases: &'c mut [Case<'a>],
    load: Load,
    /// What was changed, and what it was before.
    put_off: Vec<(usize, Take, String)>,
}

impl Delay<'_, '_> {
    /// What is too big even alone can't be taken back either.
    fn drop_the_impossible(&mut self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for at in 0..self.cases.len() {
            while let Some(choice) = self.cases[at].choice() {
                let facts = self.cases[at].facts;
                let Some(why) = self.load.too_big_alone(choice, facts.allow_split) else { break };
                if choice.level.is_full() {
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
        self.while_too_much(&fulls, "tonight's volumes don't take all fulls");
    }

    fn drop_incrementals(&mut self) {
        let mut rest = self.taking(|case| case.take == Take::Incremental);
        rest.sort_by_key(|&at| {
            let case = &self.cases[at];
            (case.urgency, stored(case), &case.facts.dle)
        });
        self.while_too_much(&rest, "tonight's volumes don't take all incrementals");
    }

    fn drop_forced_fulls(&mut self) {
        let keep = self.full_to_keep();
        let mut fulls = self.taking(|case| case.take == Take::Full);
        fulls.sort_by_key(|&at| {
            let case = &self.cases[at];
            (Some(at) == keep, case.urgency, stored(case), &case.facts.dle)
        });
        self.while_too_much(&fulls, "tonight's volumes don't take all fulls that were asked for");
    }

    /// In each step backwards: was it smaller before, or does it fit now?
    fn take_back(&mut self) {
        while let Some((at, take, why)) = self.put_off.pop() {
            let mut before = self.cases[at].clone();
            (before.take, before.why) = (take, why);
            let mut load = self.load;
            load = self.cases[at].choice().map_or(load, |choice| load.without(choice));
            load = before.choice().map_or(load, |choice| load.with(choice));
            if load.fits() {
                self.load = load;
                self.cases[at] = before;
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

    fn while_too_much(&mut self, order: &[usize], why: &str) {
        for &at in order {
            if self.load.fits() {
                return;
            }
            self.step_down(at, why);
        }
    }

    /// From full to incremental, from incremental to nothing.
    fn step_down(&mut self, at: usize, why: &str) {
        let case = &mut self.cases[at];
        let Some(choice) = case.choice() else { return };
        self.load = self.load.without(choice);
        let level = choice.level;
        let before = case.why.clone();
        let (take, text) = match case.degraded() {
            Ok(cheaper) => {
                self.load = self.load.with(&cheaper);
                let text = format!("level {} instead of a full ({before}): {why}", cheaper.level);
                (Take::Incremental, text)
            }
            Err(_) => {
                (Take::Nothing(format!("no level {level} ({before}): {why}")), before.clone())
            }
        };
        let was = std::mem::replace(&mut case.take, take);
        case.why = text;
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
