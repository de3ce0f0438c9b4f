//! The calendar: which night each full to come is for, so that all nights are alike.
//!
//! Every full stands on the night it falls due, since one that comes early is one that is made too often. There it
//! stays, as long as the nights are level: a full that was moved once stays where it is, cycle for cycle. Where they
//! are not, fulls are moved to an earlier night, the largest first, each to the night where it evens out the most;
//! never to a later one than it falls due on.
//!
//! *Level* is meant of bytes and of the time that a night takes ([`Hours`]) alike. What a night has too much or too
//! little of either, by the share that is the mean of all nights, counts squared; what no volume could take counts
//! more; and the part of its cycle that a full loses counts against moving it.
//!
//! A night is as long as its longest chain of dumps. Nights would be most alike in time if each had one of the longest
//! fulls, and then all are long; they would be shortest in the mean if all long fulls were made in one night, and then no
//! two are alike. Neither is worth having for itself: so the level of time is half of what nights are when each has one of
//! the longest fulls, and a night is not made longer only because others are long.

mod search;

use std::cmp::Reverse;

use super::facts::{Route, Strategy, Tonight};
use super::fit::{Load, work};
use super::history::usual_incremental;
use super::hours::{Hours, Ways, Work};
use super::level::{Case, Due, Take};
use super::week::Week;

/// A share of the bytes too much counts so many times what the same share of the time does: what of time is uneven is so
/// for the most part by nature, since one long dump makes a long night.
const BYTES: f64 = 16.0;
/// What a night should last, by what it lasts if each has one of the longest fulls. With 1 nights would be filled up with
/// long chains for the sake of being alike; with 0 all long fulls would stand in few nights.
const LENGTH: f64 = 0.5;
/// What no volume could take counts so much.
const OVERFULL: f64 = 10.0;
/// Nobody looks further ahead, in days. What falls due later may still come early.
const HORIZON: i64 = 60;

/// A full to come.
#[derive(Clone, Debug)]
struct Coming {
    /// Which case.
    at: usize,
    /// In how many days it falls due.
    due: i64,
    /// It can't be moved: it is made tonight, or may not come early.
    fixed: bool,
    /// The earliest night that it may be moved to.
    earliest: i64,
    /// From one to the next, in days.
    cycle: i64,
    /// What a night has more of, since there is no incremental that night.
    bytes: u64,
    millis: u64,
    /// Its night; what lies beyond the horizon has none.
    night: i64,
}

/// A full that comes early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Early {
    /// Which case.
    pub(super) at: usize,
    /// How many days early.
    pub(super) days: i64,
    /// The night that it falls due on, unless that is beyond the horizon.
    pub(super) relieved: Option<Relieved>,
}

/// What it means for two nights that a full comes early. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Relieved {
    /// What the night that it falls due on would have.
    pub(super) bytes: u64,
    /// How long that night would be.
    pub(super) with: u64,
    /// How long it is now.
    pub(super) without: u64,
    /// By how much longer tonight is.
    pub(super) tonight: u64,
}

struct Night {
    runs: bool,
    bytes: u64,
    hours: Hours,
    millis: u64,
    cost: f64,
}

/// The nights to come.
pub(super) struct Calendar<'a> {
    ways: &'a Ways,
    routes: Vec<&'a Route>,
    room: Vec<u64>,
    nights: Vec<Night>,
    coming: Vec<Coming>,
    /// What every night has in the mean.
    bytes: f64,
    /// What a night lasts if each has one of the longest fulls.
    millis: f64,
    /// What the fullest and the longest night had before anything was moved: none becomes fuller or longer.
    peak: (u64, u64),
}

impl<'a> Calendar<'a> {
    pub(super) fn new(
        tonight: &'a Tonight,
        ways: &'a Ways,
        cases: &[Case<'a>],
        load: &Load<'_>,
        week: &Week,
    ) -> Self {
        let coming: Vec<Coming> =
            cases.iter().enumerate().filter_map(|(at, case)| coming(at, case)).collect();
        let furthest = coming.iter().map(|full| full.cycle.max(full.due + 1)).max().unwrap_or(1);
        let days = furthest.clamp(1, HORIZON);
        let usual = usual_night(ways, cases);
        let mut calendar = Self {
            ways,
            routes: cases.iter().map(|case| &case.facts.route).collect(),
            room: tonight.storages.iter().map(|one| one.capacity.whole().0).collect(),
            nights: Vec::new(),
            coming,
            bytes: 1.0,
            millis: 1.0,
            peak: (0, 0),
        };
        // That tonight's incrementals happen to be small is no reason for a full, which would have as many usual ones in
        // its place on another night.
        let planned: u64 =
            cases.iter().filter_map(Case::choice).map(|choice| choice.cost.stored.0).sum();
        let share = week.share(tonight.today.day, 0);
        let is_short = load.hours().millis(ways) < usual.1.millis(ways);
        calendar.nights.push(Night {
            runs: true,
            bytes: planned.max(types::Bytes(usual.0).share(share).0),
            hours: if is_short { usual.1.clone() } else { load.hours().clone() },
            millis: 0,
            cost: 0.0,
        });
        for day in 1..days {
            let night = week.share(tonight.today.day, day);
            calendar.nights.push(Night {
                runs: week.has_run(tonight.today.day, day),
                bytes: types::Bytes(usual.0).share(night).0,
                hours: usual.1.clone(),
                millis: 0,
                cost: 0.0,
            });
        }
        calendar.set_level(&usual, week);
        calendar.place_all();
        calendar
    }

    /// What a night has in the mean; of time, what it has if each has one of the longest fulls.
    fn set_level(&mut self, usual: &(u64, Hours), week: &Week) {
        let runs = self.nights.iter().filter(|night| night.runs).count().max(1) as f64;
        let often = |full: &Coming| 1.0 / (full.cycle as f64 * week.runs_a_day()).max(1.0);
        let fulls: f64 = self.coming.iter().map(|full| full.bytes as f64 * often(full)).sum();
        self.bytes = (usual.0 as f64 + fulls).max(1.0);
        let base = usual.1.millis(self.ways);
        let mut lengths: Vec<(u64, f64)> = self
            .coming
            .iter()
            .map(|full| {
                let length = usual.1.millis_with(self.ways, full.at, self.work(full), base);
                (length, runs * often(full))
            })
            .collect();
        lengths.sort_by_key(|(length, _)| Reverse(*length));
        let (mut nights, mut sum) = (0.0, 0.0);
        for (length, times) in lengths {
            let times = times.min(runs - nights);
            nights += times;
            sum += length as f64 * times;
        }
        self.millis = ((sum + base as f64 * (runs - nights)) / runs).max(1.0);
    }

    fn place_all(&mut self) {
        for number in 0..self.coming.len() {
            let night = self.coming[number].night;
            self.change(number, night, Hours::add, u64::saturating_add);
        }
        for at in 0..self.nights.len() {
            self.settle_night(at);
        }
        self.peak = self.peaks();
    }

    /// What the fullest night has, and how long the longest is.
    pub(super) fn peaks(&self) -> (u64, u64) {
        let bytes = self.nights.iter().map(|night| night.bytes).max();
        let millis = self.nights.iter().map(|night| night.millis).max();
        (bytes.unwrap_or(0), millis.unwrap_or(0))
    }

    fn work(&self, full: &Coming) -> Work<'a> {
        Work { bytes: full.bytes, millis: full.millis, storages: &self.routes[full.at].full }
    }

    /// How far from level a night is that has this to do.
    fn cost(&self, storages: impl Iterator<Item = u64>, bytes: u64, millis: u64) -> f64 {
        let over = storages.zip(&self.room).map(|(bytes, room)| bytes.saturating_sub(*room));
        let over: u64 = over.sum();
        BYTES * (bytes as f64 / self.bytes - 1.0).powi(2)
            + (millis as f64 / self.millis - LENGTH).powi(2)
            + OVERFULL * over as f64 / self.bytes
    }

    fn settle_night(&mut self, at: usize) {
        let Some(Night { hours, bytes, .. }) = self.nights.get(at) else { return };
        let millis = hours.millis(self.ways);
        let cost = self.cost(hours.storages().iter().copied(), *bytes, millis);
        let night = &mut self.nights[at];
        (night.millis, night.cost) = (millis, cost);
    }

    /// The nights of a full: its first, and one each cycle from then on.
    fn every(&self, full: &Coming, night: i64) -> impl Iterator<Item = usize> + use<> {
        let first = usize::try_from(night).unwrap_or(usize::MAX);
        let step = usize::try_from(full.cycle).unwrap_or(1).max(1);
        (first..self.nights.len().max(first)).step_by(step)
    }

    fn change(
        &mut self,
        number: usize,
        night: i64,
        how: fn(&mut Hours, &Ways, usize, Work<'_>),
        sum: fn(u64, u64) -> u64,
    ) {
        let full = self.coming[number].clone();
        let work = self.work(&full);
        // Tonight's fulls are in tonight's load already.
        let first = usize::from(full.fixed && night == 0);
        for at in self.every(&full, night).skip(first) {
            let night = &mut self.nights[at];
            how(&mut night.hours, self.ways, full.at, work);
            night.bytes = sum(night.bytes, work.bytes);
        }
    }

    fn settle(&mut self, number: usize, night: i64) {
        for at in self.every(&self.coming[number], night) {
            self.settle_night(at);
        }
    }

    /// The fulls that come early tonight, those that lose the least of their cycle first.
    pub(super) fn tonights(&self) -> Vec<Early> {
        let tonights = self.coming.iter().filter(|full| !full.fixed && full.night == 0);
        let mut early: Vec<(f64, Early)> = tonights
            .map(|full| {
                let lost = full.due as f64 / full.cycle.max(1) as f64;
                (lost, Early { at: full.at, days: full.due, relieved: self.relieved(full) })
            })
            .collect();
        early.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.at.cmp(&b.1.at)));
        early.into_iter().map(|(_, early)| early).collect()
    }

    fn relieved(&self, full: &Coming) -> Option<Relieved> {
        let (tonight, due) = (self.night(0)?, self.night(full.due)?);
        let work = self.work(full);
        let mut hours = tonight.hours.clone();
        hours.remove(self.ways, full.at, work);
        Some(Relieved {
            bytes: due.bytes + full.bytes,
            with: due.hours.millis_with(self.ways, full.at, work, due.millis),
            without: due.millis,
            tonight: tonight.millis.saturating_sub(hours.millis(self.ways)),
        })
    }

    /// What the nights to come have in the mean: bytes, and milliseconds.
    pub(super) fn mean(&self) -> (f64, f64) {
        let runs = || self.nights.iter().filter(|night| night.runs);
        let millis = runs().map(|night| night.millis as f64).sum::<f64>();
        (self.bytes, millis / runs().count().max(1) as f64)
    }
}

/// What a night has besides fulls that are spread: bytes, and hours.
fn usual_night(ways: &Ways, cases: &[Case<'_>]) -> (u64, Hours) {
    let (mut bytes, mut hours) = (0, Hours::new(ways));
    for (at, case) in cases.iter().enumerate() {
        let work = usual_work(case);
        bytes += work.bytes;
        hours.add(ways, at, work);
    }
    (bytes, hours)
}

/// What a DLE is on a night without a full; or with one, if it has one every night.
fn usual_work<'a>(case: &Case<'a>) -> Work<'a> {
    let route = &case.facts.route;
    if case.due == Due::EveryRun {
        return case.full.as_ref().map(|full| work(full, route)).unwrap_or_default();
    }
    let tonight = || case.incremental.as_ref().map(|choice| work(choice, route)).ok();
    let usual = usual_incremental(case.facts).filter(|_| case.incremental.is_ok());
    let usual = usual.map(|(stored, seconds)| Work {
        bytes: stored.0,
        millis: u64::from(seconds) * 1000,
        storages: &route.incremental,
    });
    usual.or_else(tonight).unwrap_or_default()
}

fn coming(at: usize, case: &Case<'_>) -> Option<Coming> {
    let facts = case.facts;
    let cycle = i64::from(facts.dumpcycle);
    if facts.strategy != Strategy::Standard || facts.skip_full || cycle == 0 {
        return None;
    }
    let full = work(case.full.as_ref()?, &facts.route);
    let due = match (&case.take, case.due) {
        (Take::Full, _) => 0,
        (_, Due::In(days)) => days,
        _ => 1,
    };
    // What a night has more of, since there is no incremental that night.
    let instead = usual_work(case);
    Some(Coming {
        at,
        due,
        fixed: promotable(case).is_none(),
        earliest: (due - i64::from(facts.maxpromoteday)).max(0),
        cycle,
        bytes: full.bytes.saturating_sub(instead.bytes),
        millis: full.millis.saturating_sub(instead.millis),
        night: due,
    })
}

/// In how many days the full falls due, if it may be moved.
pub(super) fn promotable(case: &Case<'_>) -> Option<i64> {
    let Due::In(in_days) = case.due else { return None };
    let open = case.take == Take::Incremental
        && case.facts.request.is_none()
        // Its last full is not of today: runs may follow each other on one day.
        && in_days < i64::from(case.facts.dumpcycle);
    open.then_some(in_days)
}
