//! Promotion: fulls that come early, so that every night has about the same to do.
//!
//! If all fulls were spread perfectly, each run would write the *ideal* share of them. A night that has less
//! takes fulls from the hills of days to come, where more than the ideal falls due: such as come not too
//! long before their time, and not too many from one host. A night that would have none at all takes one off
//! the highest hill.

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
        let Some(at) = night.best() else { break };
        night.take(at);
    }
    if night.load.full_count() == 0
        && let Some(at) = night.highest_hill()
    {
        night.take(at);
    }
    night.load
}

struct Promotion<'c, 'a> {
    cases: &'c mut [Case<'a>],
    load: Load,
    ideal: Bytes,
    /// What falls due in so many days: how many fulls, and how much.
    hills: BTreeMap<i64, (usize, Bytes)>,
    /// Of each host: fulls tonight, and DLEs.
    hosts: BTreeMap<HostName, (usize, usize)>,
}

impl<'c, 'a> Promotion<'c, 'a> {
    fn new(cases: &'c mut [Case<'a>], load: Load, ideal: Bytes) -> Self {
        let mut hills: BTreeMap<i64, (usize, Bytes)> = BTreeMap::new();
        let mut hosts: BTreeMap<HostName, (usize, usize)> = BTreeMap::new();
        for case in cases.iter() {
            let (fulls, all) = hosts.entry(case.facts.dle.host.clone()).or_default();
            *fulls += usize::from(case.take == Take::Full);
            *all += 1;
            if let (Some(in_days), Some(full)) = (promotable(case), &case.full) {
                let (count, stored) = hills.entry(in_days).or_default();
                *count += 1;
                *stored += full.cost.stored;
            }
        }
        Self { cases, load, ideal, hills, hosts }
    }

    fn has_too_little(&self) -> bool {
        self.ideal - self.load.fulls() > self.ideal.share(SLACK)
    }

    /// The full that helps most, of those that leave the night within the ideal and a hill lower.
    fn best(&self) -> Option<usize> {
        let most = self.ideal + self.ideal.share(SLACK);
        let helps = |at: &usize| {
            self.lowers_a_hill(*at) && self.promoted(*at).is_some_and(|load| load.fulls() <= most)
        };
        let candidates = (0..self.cases.len()).filter(helps);
        candidates.max_by(|&a, &b| {
            let by_score = self.score(a).total_cmp(&self.score(b));
            by_score.then_with(|| self.cases[b].facts.dle.cmp(&self.cases[a].facts.dle))
        })
    }

    /// The first that fits, off the day with most to do.
    fn highest_hill(&self) -> Option<usize> {
        let mut hills: Vec<_> = self.hills.iter().filter(|(_, (count, _))| *count > 1).collect();
        hills.sort_by_key(|(in_days, (_, stored))| (std::cmp::Reverse(*stored), **in_days));
        let on = |day: i64| {
            (0..self.cases.len())
                .find(|&at| promotable(&self.cases[at]) == Some(day) && self.promoted(at).is_some())
        };
        hills.into_iter().find_map(|(day, _)| on(*day))
    }

    /// The night with this full in it, if it takes it.
    fn promoted(&self, at: usize) -> Option<Load> {
        let case = &self.cases[at];
        promotable(case)?;
        let full = case.full.as_ref()?;
        let load = case.choice().map_or(self.load, |choice| self.load.without(choice)).with(full);
        let possible = load.too_big_alone(full, case.facts.allow_split).is_none();
        (possible && load.fits()).then_some(load)
    }

    /// A full that comes early is one that is made too often. It has to be worth it: the day that it falls
    /// due has more than its share, and not by this full alone.
    fn lowers_a_hill(&self, at: usize) -> bool {
        let hill = promotable(&self.cases[at]).and_then(|day| self.hills.get(&day));
        hill.is_some_and(|&(count, stored)| count > 1 && stored > self.ideal)
    }

    /// How much of the full relieves a day with too much, less what is lost by coming early, less the crowd
    /// on its host.
    fn score(&self, at: usize) -> f64 {
        let case = &self.cases[at];
        let (Some(in_days), Some(full)) = (promotable(case), &case.full) else { return f64::MIN };
        let hill = self.hills.get(&in_days).map_or(Bytes::ZERO, |(_, stored)| *stored);
        let relief =
            (hill - self.ideal).min(full.cost.stored).0 as f64 / full.cost.stored.0.max(1) as f64;
        let early = in_days as f64 / f64::from(case.facts.dumpcycle.max(1));
        let crowd = self
            .hosts
            .get(&case.facts.dle.host)
            .map_or(0.0, |(fulls, all)| *fulls as f64 / *all as f64);
        relief - early - CROWD * crowd
    }

    fn take(&mut self, at: usize) {
        let Some(load) = self.promoted(at) else { return };
        let case = &mut self.cases[at];
        let in_days = promotable(case).unwrap_or(0);
        let stored = case.full.as_ref().map_or(Bytes::ZERO, |full| full.cost.stored);
        let mut others = 0;
        if let Some((count, on_that_day)) = self.hills.get_mut(&in_days) {
            *count -= 1;
            others = *count;
            *on_that_day = *on_that_day - stored;
        }
        if let Some((fulls, _)) = self.hosts.get_mut(&case.facts.dle.host) {
            *fulls += 1;
        }
        case.take = Take::Full;
        case.why = format!(
            "a full {} early: tonight has room, and {others} more fall due that day",
            days(in_days)
        );
        self.load = load;
    }
}

/// In how many days the full falls due, if it may come early.
fn promotable(case: &Case<'_>) -> Option<i64> {
    let Due::In(in_days) = case.due else { return None };
    let open = case.take == Take::Incremental
        && case.full.is_some()
        && case.facts.request.is_none()
        && in_days <= i64::from(case.facts.maxpromoteday);
    open.then_some(in_days)
}

fn full_size(case: &Case<'_>) -> Option<Bytes> {
    let estimated = case.full.as_ref().map(|Choice { cost, .. }| cost.stored);
    estimated.or_else(|| case.facts.last_full().map(|past| past.stored))
}
