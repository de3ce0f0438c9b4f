//! Promotion: fulls that come early, so that every night has about the same to do.
//!
//! The plan looks ahead over the whole cycle. All fulls that fall due up to some night have to be made by then, so
//! the nights until then have to take their sum. The night among those to come where that sum, shared out over the
//! nights, is the largest gives the *level*: with less, that night could not be kept, and with no more, all can. A
//! full larger than the level is a night of its own, and counts as one.
//!
//! Then every full is given a night, as late as there is room, since one that comes early is one that is made too
//! often. Those whose night is tonight come early. Bytes and minutes are looked at alike: a night has room if
//! neither rises above its level.

use std::collections::BTreeMap;

use types::Bytes;

use super::facts::{Day, Strategy, Tonight};
use super::fit::Load;
use super::level::{Case, Due, Take, days};
use super::outcome::{Choice, DueDay};

/// A night that differs from the level by less than this share is level.
const SLACK: f64 = 0.05;
/// The level settles as large fulls are set apart; this often is more than it ever needs.
const ROUNDS: usize = 8;
/// Nobody looks further ahead, in days.
const HORIZON: i64 = 400;

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

/// Makes fulls of incrementals if the nights to come need it.
pub(super) fn promote(tonight: &Tonight, cases: &mut [Case<'_>], load: Load) -> Load {
    let mut ahead = Ahead::new(tonight, cases);
    let mut load = load;
    for (at, in_days) in ahead.tonights() {
        load = take(&mut cases[at], in_days, load, &ahead);
    }
    load
}

/// Makes this full early, if the night takes it.
fn take(case: &mut Case<'_>, in_days: i64, load: Load, ahead: &Ahead) -> Load {
    let Some(full) = case.full.as_ref().filter(|_| promotable(case).is_some()) else { return load };
    let with = case.choice().map_or(load, |choice| load.without(choice)).with(full);
    if with.too_big_alone(full, case.facts.allow_split).is_some() || !with.fits() {
        return load;
    }
    let others = ahead.due_on(in_days).saturating_sub(1);
    case.take = Take::Full;
    case.why = match others {
        0 => format!("a full {} early: the nights until then have more to do", days(in_days)),
        1 => format!(
            "a full {} early: tonight has room, and 1 more falls due that day",
            days(in_days)
        ),
        _ => format!(
            "a full {} early: tonight has room, and {others} more fall due that day",
            days(in_days)
        ),
    };
    with
}

/// A full, and by when it has to be made.
#[derive(Clone, Copy, Debug)]
struct Coming {
    /// Which case.
    at: usize,
    /// In how many days it falls due.
    in_days: i64,
    /// It can't be earlier either: it is made tonight, or may not come early.
    fixed: bool,
    /// From one to the next, in days.
    cycle: i64,
    bytes: f64,
    seconds: f64,
}

impl Share {
    /// As a level: how much of it this much fills.
    fn filled(self, bytes: f64, seconds: f64) -> f64 {
        (bytes / self.bytes.max(1.0)).max(seconds / self.seconds.max(1.0))
    }
}

impl Coming {
    /// What share of its cycle is lost if it is made tonight.
    fn lost(&self) -> f64 {
        self.in_days as f64 / self.cycle.max(1) as f64
    }
}

/// The nights to come, and the fulls that have to find a place in them.
struct Ahead {
    coming: Vec<Coming>,
    nights: Vec<Share>,
    runs_a_day: f64,
    /// What a night should have.
    level: Share,
}

/// Bytes and seconds, of a night or of the level.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bytes: f64,
    seconds: f64,
}

impl Ahead {
    fn new(tonight: &Tonight, cases: &[Case<'_>]) -> Self {
        let coming: Vec<Coming> =
            cases.iter().enumerate().filter_map(|(at, case)| coming(at, case)).collect();
        let longest = coming.iter().map(|full| full.cycle).max().unwrap_or(0).min(HORIZON);
        let runs_a_day = (f64::from(tonight.runs_per_cycle.max(1))
            / f64::from(tonight.dumpcycle.max(1)))
        .min(1.0);
        let nights = vec![Share::default(); usize::try_from(longest).unwrap_or(0).max(1)];
        let mut ahead = Self { coming, nights, runs_a_day, level: Share::default() };
        ahead.coming.sort_by_key(|full| full.in_days);
        ahead.level = Share {
            bytes: ahead.settled(|full| full.bytes),
            seconds: ahead.settled(|full| full.seconds),
        };
        ahead
    }

    /// Finds a night for every full, and says which are tonight's, with the days that they come early.
    ///
    /// What has no choice is placed first, then the largest, since small ones find room beside them. Each comes as late
    /// as its night has room; and where none has, where it adds least to the fullest.
    fn tonights(&mut self) -> Vec<(usize, i64)> {
        let mut order = self.coming.clone();
        let level = self.level;
        let size = |full: &Coming| level.filled(full.bytes, full.seconds);
        order.sort_by(|a, b| {
            b.fixed
                .cmp(&a.fixed)
                .then(a.cycle.cmp(&b.cycle))
                .then(size(b).total_cmp(&size(a)))
                .then(a.at.cmp(&b.at))
        });
        let (mut tonights, mut later) = (Vec::new(), Vec::new());
        for full in order {
            let night = if full.fixed { full.in_days } else { self.night_for(&full) };
            self.place(&full, night);
            match (full.fixed, night) {
                (true, _) => {}
                (false, 0) => tonights.push((full.at, full.in_days)),
                (false, _) => later.push(full),
            }
        }
        self.fill_tonight(later, &mut tonights);
        tonights
    }

    /// What is left over of the nights is best taken now: tomorrow it may not be left over. Those that lose the least
    /// of their cycle come first, of these the largest.
    fn fill_tonight(&mut self, mut later: Vec<Coming>, tonights: &mut Vec<(usize, i64)>) {
        let level = self.level;
        let Some(night) = self.nights.first_mut() else { return };
        later.sort_by(|a, b| {
            let larger =
                level.filled(b.bytes, b.seconds).total_cmp(&level.filled(a.bytes, a.seconds));
            a.lost().total_cmp(&b.lost()).then(larger).then(a.at.cmp(&b.at))
        });
        for full in later {
            if level.filled(night.bytes, night.seconds) >= 1.0 - SLACK {
                return;
            }
            let with =
                Share { bytes: night.bytes + full.bytes, seconds: night.seconds + full.seconds };
            if level.filled(with.bytes, with.seconds) <= 1.0 + SLACK {
                *night = with;
                tonights.push((full.at, full.in_days));
            }
        }
    }

    fn night_for(&self, full: &Coming) -> i64 {
        let nights = (0..=full.in_days).rev().filter(|day| self.has_run(*day));
        let mut best = (f64::INFINITY, full.in_days);
        for day in nights {
            let fullest = self.with(full, day);
            if fullest <= 1.0 {
                return day;
            }
            if fullest < best.0 {
                best = (fullest, day);
            }
        }
        best.1
    }

    /// Runs that are fewer than days stand for those that will be, evenly.
    fn has_run(&self, day: i64) -> bool {
        day == 0 || self.runs_until(day) > self.runs_until(day - 1)
    }

    /// How full the fullest of its nights would be, if it were made on that day and from then on every cycle.
    fn with(&self, full: &Coming, day: i64) -> f64 {
        let nights = self
            .every(full, day)
            .map(|night| self.level.filled(night.bytes + full.bytes, night.seconds + full.seconds));
        nights.fold(0.0, f64::max)
    }

    fn every(&self, full: &Coming, day: i64) -> impl Iterator<Item = &Share> {
        let from = usize::try_from(day).unwrap_or(usize::MAX);
        let step = usize::try_from(full.cycle).unwrap_or(1).max(1);
        self.nights.iter().skip(from).step_by(step)
    }

    fn place(&mut self, full: &Coming, day: i64) {
        let from = usize::try_from(day).unwrap_or(usize::MAX);
        let step = usize::try_from(full.cycle).unwrap_or(1).max(1);
        for night in self.nights.iter_mut().skip(from).step_by(step) {
            night.bytes += full.bytes;
            night.seconds += full.seconds;
        }
    }

    fn due_on(&self, in_days: i64) -> usize {
        self.coming.iter().filter(|full| full.in_days == in_days).count()
    }

    /// How many runs there are up to a day, tonight's among them.
    fn runs_until(&self, in_days: i64) -> f64 {
        1.0 + (in_days as f64 * self.runs_a_day).floor()
    }

    /// The level, once fulls that are larger than it are set apart.
    fn settled(&self, of: impl Fn(&Coming) -> f64) -> f64 {
        let mut level = self.level_with(&of, f64::INFINITY);
        for _ in 0..ROUNDS {
            let lower = self.level_with(&of, level);
            if lower >= level {
                break;
            }
            level = lower;
        }
        level
    }

    /// The largest share that a night has to take, where fulls larger than `alone` are nights of their own.
    fn level_with(&self, of: impl Fn(&Coming) -> f64, alone: f64) -> f64 {
        let mut by_day: Vec<(f64, f64)> = vec![(0.0, 0.0); self.nights.len()];
        for full in &self.coming {
            let size = of(full);
            let mut day = full.in_days;
            while let Some((sum, nights)) =
                usize::try_from(day).ok().and_then(|day| by_day.get_mut(day))
            {
                if size > alone {
                    *nights += 1.0
                } else {
                    *sum += size
                }
                day += full.cycle.max(1);
            }
        }
        let (mut level, mut sum, mut alone) = (0.0_f64, 0.0, 0.0);
        for (day, (size, nights)) in (0..).zip(by_day) {
            sum += size;
            alone += nights;
            level = level.max(sum / (self.runs_until(day) - alone).max(1.0));
        }
        level
    }
}

fn coming(at: usize, case: &Case<'_>) -> Option<Coming> {
    let facts = case.facts;
    let cycle = i64::from(facts.dumpcycle);
    if facts.strategy != Strategy::Standard || facts.skip_full || cycle == 0 {
        return None;
    }
    let cost = case.full.as_ref()?.cost;
    let in_days = match (&case.take, case.due) {
        (Take::Full, _) => 0,
        (_, Due::In(days)) => days,
        _ => 1,
    };
    let fixed = promotable(case).is_none();
    // What a night has more of, since there is no incremental that night.
    let instead = case.incremental.as_ref().map(|choice| choice.cost).ok();
    let bytes = cost.stored - instead.map_or(Bytes::ZERO, |cost| cost.stored);
    let seconds = cost.seconds.saturating_sub(instead.map_or(0, |cost| cost.seconds));
    Some(Coming { at, in_days, fixed, cycle, bytes: bytes.0 as f64, seconds: seconds.into() })
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
