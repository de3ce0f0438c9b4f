//! Promotion: fulls that come early, so that every night has about the same to do.
//!
//! If all fulls were spread perfectly, each run would write the *ideal* share of them. A night that has less
//! takes fulls from the hills of days to come, where more than the ideal falls due: such as come not too
//! long before their time, and not too many from one host. A night that would have none at all takes one off
//! the highest hill.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use types::{Bytes, HostName};

use super::facts::{Day, Strategy, Tonight};
use super::fit::Load;
use super::level::{Case, Due, Take, days};
use super::outcome::{Choice, DueDay};

/// Within this share of the ideal, a night is balanced.
const SLACK: f64 = 0.05;
/// What a host that already has all its fulls tonight counts against one more.
const CROWD: f64 = 0.25;

/// The fulls of each run if they were spread perfectly.
pub(super) fn ideal(tonight: &Tonight, cases: &[Case<'_>]) -> Bytes {
    let runs = f64::from(tonight.runs_per_cycle.max(1));
    let share = |case: &Case<'_>| {
        let full = full_size(case)?;
        let each_run = match (case.facts.strategy, case.facts.dumpcycle) {
            (Strategy::NoFull | Strategy::IncrOnly | Strategy::Skip, _) => return None,
            _ if case.facts.skip_full => return None,
            (Strategy::NoInc, _) | (_, 0) => 1.0,
            (Strategy::Standard, cycle) => {
                // In real numbers: a cycle of 4 days in one of 7 is 1.75 fulls, not 1.
                (f64::from(tonight.dumpcycle) / f64::from(cycle) / runs).min(1.0)
            }
        };
        Some(full.share(each_run))
    };
    cases.iter().filter_map(share).sum()
}

/// When the next fulls fall due, if tonight's are made.
pub(super) fn ahead(cases: &[Case<'_>], today: Day) -> Vec<DueDay> {
    let mut by_day: BTreeMap<i64, (u32, Bytes)> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.facts.strategy == Strategy::Standard) {
        let cycle = i64::from(case.facts.dumpcycle).max(1);
        let in_days = match (&case.take, case.due) {
            (_, Due::Never) => continue,
            (Take::Full, _) => cycle,
            (_, Due::In(days)) => days,
            _ => 1,
        };
        let (fulls, stored) = by_day.entry(in_days).or_default();
        *fulls += 1;
        *stored += full_size(case).unwrap_or_default();
    }
    let due = |(in_days, (fulls, stored))| DueDay { day: Day(today.0 + in_days), fulls, stored };
    by_day.into_iter().map(due).collect()
}

/// Makes fulls of incrementals until the night has its share.
pub(super) fn promote(cases: &mut [Case<'_>], load: Load, ideal: Bytes) -> Load {
    let mut night = Promotion::new(cases, load, ideal);
    while night.has_too_little() {
        let Some(place) = night.best() else { break };
        night.take(place);
    }
    if night.load.full_count() == 0
        && let Some(place) = night.off_the_highest_hill()
    {
        night.take(place);
    }
    night.load
}

/// A full that may come early.
struct Early {
    /// Which case.
    at: usize,
    /// In how many days it falls due.
    in_days: i64,
    size: Bytes,
    /// How much of its dump cycle is lost.
    lost: f64,
    host: usize,
}

/// What falls due on one day.
#[derive(Clone, Copy, Default)]
struct Hill {
    fulls: usize,
    stored: Bytes,
}

/// What is going on at one host.
#[derive(Clone, Copy, Default)]
struct Host {
    fulls_tonight: usize,
    dles: usize,
}

struct Promotion<'c, 'a> {
    cases: &'c mut [Case<'a>],
    load: Load,
    ideal: Bytes,
    /// In the order of the cases.
    early: Vec<Early>,
    /// By the number of days until then.
    hills: BTreeMap<i64, Hill>,
    hosts: Vec<Host>,
}

impl<'c, 'a> Promotion<'c, 'a> {
    fn new(cases: &'c mut [Case<'a>], load: Load, ideal: Bytes) -> Self {
        let mut hills: BTreeMap<i64, Hill> = BTreeMap::new();
        let mut numbers: BTreeMap<&HostName, usize> = BTreeMap::new();
        let (mut hosts, mut early) = (Vec::new(), Vec::new());
        for (at, case) in cases.iter().enumerate() {
            let next = numbers.len();
            let host = *numbers.entry(&case.facts.dle.host).or_insert(next);
            hosts.resize(numbers.len(), Host::default());
            hosts[host].dles += 1;
            hosts[host].fulls_tonight += usize::from(case.take == Take::Full);
            if let (Some(in_days), Some(full)) = (promotable(case), &case.full) {
                let size = full.cost.stored;
                let hill = hills.entry(in_days).or_default();
                hill.fulls += 1;
                hill.stored += size;
                let lost = in_days as f64 / f64::from(case.facts.dumpcycle.max(1));
                early.push(Early { at, in_days, size, lost, host });
            }
        }
        Self { cases, load, ideal, early, hills, hosts }
    }

    fn has_too_little(&self) -> bool {
        self.ideal - self.load.fulls() > self.ideal.share(SLACK)
    }

    /// The full that helps most, of those that leave the night within the ideal and a hill lower.
    fn best(&self) -> Option<usize> {
        let room = self.ideal + self.ideal.share(SLACK) - self.load.fulls();
        let mut best: Option<(usize, f64)> = None;
        for (place, early) in self.early.iter().enumerate() {
            let Some(score) = self.score(early) else { continue };
            let better = best.is_none_or(|(_, so_far)| score > so_far);
            if better && early.size <= room && self.promoted(early).is_some() {
                best = Some((place, score));
            }
        }
        best.map(|(place, _)| place)
    }

    /// The first that fits, off the day with most to do.
    fn off_the_highest_hill(&self) -> Option<usize> {
        let mut hills: Vec<_> = self.hills.iter().filter(|(_, hill)| hill.fulls > 1).collect();
        hills.sort_by_key(|(in_days, hill)| (Reverse(hill.stored), **in_days));
        let fits = |day: i64| {
            let on_it = |early: &Early| early.in_days == day && self.promoted(early).is_some();
            self.early.iter().position(on_it)
        };
        hills.into_iter().find_map(|(day, _)| fits(*day))
    }

    /// The night with this full in it, if it takes it.
    fn promoted(&self, early: &Early) -> Option<Load> {
        let case = &self.cases[early.at];
        let full = case.full.as_ref()?;
        let load = case.choice().map_or(self.load, |choice| self.load.without(choice)).with(full);
        let possible = load.too_big_alone(full, case.facts.allow_split).is_none();
        (possible && load.fits()).then_some(load)
    }

    /// How much of the full relieves a day with too much, less what is lost by coming early, less the crowd
    /// on its host.
    ///
    /// A full that comes early is one that is made too often, so it has to be worth it: the day that it
    /// falls due has more than its share, and not by this full alone.
    fn score(&self, early: &Early) -> Option<f64> {
        let hill = self.hills.get(&early.in_days)?;
        if hill.fulls < 2 || hill.stored <= self.ideal {
            return None;
        }
        let relieved = (hill.stored - self.ideal).min(early.size);
        let relief = relieved.0 as f64 / early.size.0.max(1) as f64;
        let Host { fulls_tonight, dles } = self.hosts[early.host];
        let crowd = fulls_tonight as f64 / dles as f64;
        Some(relief - early.lost - CROWD * crowd).filter(|score| *score > 0.0)
    }

    fn take(&mut self, place: usize) {
        let early = self.early.remove(place);
        let Some(load) = self.promoted(&early) else { return };
        self.load = load;
        self.hosts[early.host].fulls_tonight += 1;
        let hill = self.hills.entry(early.in_days).or_default();
        hill.fulls -= 1;
        hill.stored = hill.stored - early.size;
        let others = hill.fulls;
        let case = &mut self.cases[early.at];
        case.take = Take::Full;
        case.why = format!(
            "a full {} early: tonight has room, and {others} more fall due that day",
            days(early.in_days)
        );
    }
}

/// In how many days the full falls due, if it may come early.
fn promotable(case: &Case<'_>) -> Option<i64> {
    let Due::In(in_days) = case.due else { return None };
    let open = case.take == Take::Incremental
        && case.facts.request.is_none()
        && in_days <= i64::from(case.facts.maxpromoteday)
        // Its last full is not of today: runs may follow each other on one day.
        && in_days < i64::from(case.facts.dumpcycle);
    open.then_some(in_days)
}

fn full_size(case: &Case<'_>) -> Option<Bytes> {
    let estimated = case.full.as_ref().map(|Choice { cost, .. }| cost.stored);
    estimated.or_else(|| case.facts.last_full().map(|past| past.stored))
}
