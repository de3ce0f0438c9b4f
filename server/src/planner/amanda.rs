//! Amanda's rules, as a model to be compared with.
//!
//! What her planner decides from the same facts: which level, what is put off when it does not fit, what is promoted.
//! Rules and constants are those of `server-src/planner.c` of Amanda 3.5.1, her integer divisions included. Nothing
//! is ever dumped by this: it runs beside ours in the simulator. She counts in KiB, asks every client for every level,
//! and balances bytes alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use types::{Bytes, DleRef, HostName, Level};

use super::facts::{DleFacts, Estimate, Request, Strategy, Tonight};
use super::history::counted;
use super::level::bump_threshold;
use super::outcome::AmandaNight;

/// Within this share of the balanced size a night is balanced.
const PROMOTE_THRESHOLD: f64 = 0.05;

/// One DLE on her schedule.
struct Sched<'a> {
    facts: &'a DleFacts,
    /// Native and stored KiB, by level.
    sizes: BTreeMap<Level, (i64, i64)>,
    next_level0: i64,
    priority: i64,
    level: Level,
    /// The incremental that she would make of a full.
    degraded: Option<Level>,
    forced: bool,
}

impl Sched<'_> {
    fn stored(&self, level: Level) -> i64 {
        self.sizes.get(&level).map_or(0, |size| size.1)
    }

    fn size(&self) -> i64 {
        self.stored(self.level)
    }
}

/// What she would do tonight.
pub fn amanda(tonight: &Tonight) -> AmandaNight {
    let mut night = Night::new(tonight);
    night.delay();
    night.promote();
    night.outcome()
}

struct Night<'a> {
    tonight: &'a Tonight,
    sched: Vec<Sched<'a>>,
    left_out: Vec<DleRef>,
    /// All in KiB.
    total: i64,
    lev0: i64,
    balanced: i64,
    capacity: i64,
    overhead: i64,
    volume: Bytes,
    runtapes: u32,
}

impl<'a> Night<'a> {
    fn new(tonight: &'a Tonight) -> Self {
        let kib = |bytes: Bytes| i64::try_from(bytes.0 >> 10).unwrap_or(i64::MAX);
        // She reckons with the first storage alone, whatever the others have to take.
        let capacity = &tonight.storages[0].capacity;
        let overhead = kib(capacity.block) + kib(capacity.filemark);
        let mut night = Self {
            tonight,
            sched: Vec::new(),
            left_out: Vec::new(),
            total: 2 * overhead,
            lev0: 0,
            balanced: 0,
            capacity: kib(capacity.whole()),
            overhead,
            volume: capacity.volume,
            runtapes: capacity.runtapes,
        };
        let mut balanced = 0.0;
        for facts in &tonight.dles {
            match night.analyse(facts) {
                Some(sched) => {
                    balanced += night.share(&sched);
                    night.total += sched.size() + overhead;
                    night.lev0 += if sched.level.is_full() { sched.size() } else { 0 };
                    night.sched.push(sched);
                }
                None => night.left_out.push(facts.dle.clone()),
            }
        }
        night.balanced = whole(balanced);
        night.sched.sort_by_key(|one| (Reverse(one.priority), Reverse(one.size())));
        night
    }

    /// Chooses a level (`setup_estimate` and `analyze_estimate`).
    fn analyse(&self, facts: &'a DleFacts) -> Option<Sched<'a>> {
        let given = self.tonight.estimates.get(&facts.dle)?;
        let kib = |bytes: Bytes| i64::try_from(bytes.0.div_ceil(1024)).unwrap_or(i64::MAX);
        let sizes: BTreeMap<Level, (i64, i64)> = given
            .levels
            .iter()
            .map(|(level, one)| (*level, (kib(one.raw), kib(one.stored).max(1))))
            .collect();
        let last = facts.last_full();
        let forced = facts.request == Some(Request::Full)
            && !matches!(facts.strategy, Strategy::NoFull | Strategy::IncrOnly);
        let next_level0 = match facts.strategy {
            Strategy::Skip => return None,
            _ if forced => -i64::from(facts.dumpcycle),
            Strategy::NoFull | Strategy::IncrOnly => 1,
            Strategy::NoInc => 0,
            Strategy::Standard => last.map_or(-self.tonight.today.day.0, |past| {
                i64::from(facts.dumpcycle) - (self.tonight.today.day.0 - past.day.0)
            }),
        };
        let due = next_level0 <= 0;
        let skipped = facts.skip_full && due && facts.strategy != Strategy::NoInc
            || facts.skip_incr && !due
            || facts.strategy == Strategy::IncrOnly && last.is_none();
        if skipped {
            return None;
        }
        let late = if next_level0 < 0 { -next_level0 } else { i64::from(forced) };
        let incremental = if facts.skip_incr || last.is_none() && facts.strategy != Strategy::NoFull
        {
            None
        } else {
            pick_inclevel(facts, &sizes)
        };
        let has_full = sizes.contains_key(&Level::FULL);
        let (level, degraded) = match (due && has_full, incremental) {
            (true, degraded) => (Level::FULL, degraded.filter(|_| !forced)),
            (false, Some(level)) => (level, None),
            (false, None) if has_full => (Level::FULL, None),
            (false, None) => return None,
        };
        let priority = i64::from(facts.priority) + late;
        Some(Sched { facts, sizes, next_level0, priority, level, degraded, forced })
    }

    /// What a DLE adds to the balanced size.
    fn share(&self, sched: &Sched<'_>) -> f64 {
        let facts = sched.facts;
        let runs = f64::from(self.tonight.runs_per_cycle.max(1));
        let size = sched.stored(Level::FULL) as f64;
        match facts.strategy {
            Strategy::NoFull | Strategy::IncrOnly | Strategy::Skip => 0.0,
            _ if facts.skip_full => 0.0,
            Strategy::NoInc => size,
            Strategy::Standard if facts.dumpcycle == 0 => {
                size * f64::from(self.tonight.dumpcycle) / runs
            }
            Strategy::Standard if facts.dumpcycle != self.tonight.dumpcycle => {
                size * f64::from(self.tonight.dumpcycle / facts.dumpcycle) / runs
            }
            Strategy::Standard => size / runs,
        }
    }

    /// `delay_dumps`
    fn delay(&mut self) {
        let mut delayed: Vec<(Sched<'a>, Level)> = Vec::new();
        self.drop_too_big();
        let preserved = self.preserved();
        while self.total > self.capacity {
            let candidate = (0..self.sched.len())
                .filter(|&at| Some(&self.sched[at].facts.dle) != preserved.as_ref())
                .filter(|&at| self.sched[at].level.is_full() && !self.sched[at].forced)
                .min_by_key(|&at| Reverse(last_full_day(&self.sched[at])));
            let Some(at) = candidate else { break };
            self.put_off(at, &mut delayed);
        }
        while self.total > self.capacity {
            let forced = (0..self.sched.len()).rev().find(|&at| {
                self.sched[at].level.is_full()
                    && Some(&self.sched[at].facts.dle) != preserved.as_ref()
            });
            let Some(at) = forced else { break };
            self.put_off(at, &mut delayed);
        }
        while self.total > self.capacity {
            let Some(at) = (0..self.sched.len()).rev().find(|&at| !self.sched[at].level.is_full())
            else {
                break;
            };
            self.put_off(at, &mut delayed);
        }
        while let Some((before, level)) = delayed.pop() {
            self.reinstate(before, level);
        }
    }

    fn drop_too_big(&mut self) {
        let volume = i64::try_from(self.volume.0 >> 10).unwrap_or(i64::MAX);
        for at in (0..self.sched.len()).rev() {
            let runs = if self.sched[at].facts.allow_split { i64::from(self.runtapes) } else { 1 };
            let most = volume.saturating_mul(runs);
            if self.sched[at].size() <= most {
                continue;
            }
            let smaller =
                self.sched[at].degraded.filter(|&level| self.sched[at].stored(level) <= volume);
            self.step(at, smaller);
        }
    }

    /// The full that stays: of the highest priority, and of those the oldest.
    fn preserved(&self) -> Option<DleRef> {
        let fulls = self.sched.iter().filter(|one| one.level.is_full());
        let best = fulls.min_by_key(|one| (Reverse(one.priority), last_full_day(one)));
        best.map(|one| one.facts.dle.clone())
    }

    fn put_off(&mut self, at: usize, delayed: &mut Vec<(Sched<'a>, Level)>) {
        let one = &self.sched[at];
        let before = Sched { sizes: one.sizes.clone(), ..*one };
        let level = one.level;
        let degraded = one.degraded;
        self.step(at, degraded);
        delayed.push((before, level));
    }

    /// Makes it the smaller level, or nothing.
    fn step(&mut self, at: usize, smaller: Option<Level>) {
        self.total -= self.sched[at].size();
        self.lev0 -= if self.sched[at].level.is_full() { self.sched[at].size() } else { 0 };
        match smaller {
            Some(level) => {
                self.sched[at].level = level;
                self.sched[at].degraded = None;
                self.total += self.sched[at].size();
            }
            None => {
                let gone = self.sched.remove(at);
                self.total -= self.overhead;
                self.left_out.push(gone.facts.dle.clone());
            }
        }
    }

    fn reinstate(&mut self, before: Sched<'a>, level: Level) {
        let place = self.sched.iter().position(|one| one.facts.dle == before.facts.dle);
        let now = place.map_or(-self.overhead, |at| self.sched[at].size());
        if self.total - now + before.stored(level) > self.capacity {
            return;
        }
        self.total += before.stored(level) - now;
        self.lev0 += if level.is_full() { before.stored(level) } else { 0 };
        match place {
            Some(at) => self.sched[at] = before,
            None => {
                self.left_out.retain(|dle| *dle != before.facts.dle);
                self.sched.push(before);
            }
        }
    }

    /// `promote_highest_priority_incremental` until the night is balanced, and `promote_hills` if it has no full.
    fn promote(&mut self) {
        let threshold = whole(self.balanced as f64 * PROMOTE_THRESHOLD);
        while self.balanced - self.lev0 > threshold {
            let Some(at) = self.best(threshold) else { break };
            self.make_full(at);
        }
        if self.lev0 == 0
            && let Some(at) = self.off_a_hill()
        {
            self.make_full(at);
        }
    }

    fn best(&self, threshold: i64) -> Option<usize> {
        let mut tonight: BTreeMap<&HostName, i64> = BTreeMap::new();
        let mut due: BTreeMap<(&HostName, i64), i64> = BTreeMap::new();
        let mut due_all: BTreeMap<i64, i64> = BTreeMap::new();
        for one in &self.sched {
            let host = &one.facts.dle.host;
            if one.level.is_full() {
                *tonight.entry(host).or_default() += 1;
            } else {
                *due.entry((host, one.next_level0)).or_default() += 1;
                *due_all.entry(one.next_level0).or_default() += 1;
            }
        }
        let score = |one: &Sched<'_>| {
            let host = &one.facts.dle.host;
            let t = tonight.get(host).copied().unwrap_or(0);
            let mut s = due.get(&(host, one.next_level0)).copied().unwrap_or(0);
            s += i64::from(t == 0 && s > 1);
            let wait = i64::from(one.facts.dumpcycle) - one.next_level0;
            if s >= t * t { (s - t * t).pow(2) + wait } else { -t * t + wait }
        };
        let may = |one: &&Sched<'_>| {
            let full = one.stored(Level::FULL);
            let alone = self.lev0 == 0 && due_all.get(&one.next_level0) == Some(&1);
            !one.level.is_full()
                && full > 0
                && one.next_level0 > 0
                && one.next_level0 <= i64::from(one.facts.maxpromoteday)
                && !alone
                && self.total - one.size() + full <= self.capacity
                && (self.lev0 == 0 || self.lev0 + full <= self.balanced + threshold)
                && may_be_full(one)
        };
        let candidates = self.sched.iter().enumerate().filter(|(_, one)| may(one));
        candidates.max_by_key(|(at, one)| (score(one), Reverse(*at))).map(|(at, _)| at)
    }

    fn off_a_hill(&self) -> Option<usize> {
        let mut hills: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for one in self.sched.iter().filter(|one| may_be_full(one)) {
            let hill = hills.entry(one.next_level0).or_default();
            hill.0 += 1;
            hill.1 += one.stored(Level::FULL);
        }
        let mut hills: Vec<_> =
            hills.into_iter().filter(|(day, (count, _))| *day > 0 && *count > 1).collect();
        hills.sort_by_key(|(day, (_, size))| (Reverse(*size), *day));
        hills.into_iter().find_map(|(day, _)| {
            self.sched.iter().position(|one| {
                let full = one.stored(Level::FULL);
                one.next_level0 == day
                    && full > 0
                    && day <= i64::from(one.facts.maxpromoteday)
                    && may_be_full(one)
                    && self.total - one.size() + full <= self.capacity
            })
        })
    }

    fn make_full(&mut self, at: usize) {
        let one = &mut self.sched[at];
        let full = one.stored(Level::FULL);
        self.total += full - one.size();
        self.lev0 += full;
        one.degraded = Some(one.level);
        one.level = Level::FULL;
    }

    fn outcome(self) -> AmandaNight {
        AmandaNight {
            dumps: self.sched.iter().map(|one| (one.facts.dle.clone(), one.level)).collect(),
            left_out: self.left_out,
        }
    }
}

/// What `raw` bytes of a level, as the client counted them, are for her: the newest three dumps of the kind say how they
/// are compressed, with the weights 3, 2 and 1, and the configuration before there are any.
pub(super) fn as_amanda_counts(dle: &DleFacts, level: Level, raw: Bytes) -> Estimate {
    let expected = if level.is_full() { dle.ratio.full } else { dle.ratio.incremental };
    let alike = dle.history.iter().filter(|row| row.level.is_full() == level.is_full());
    let newest = alike.take(3).zip([3.0, 2.0, 1.0]);
    let (sum, weights) = newest
        .filter(|(row, _)| row.raw > Bytes::ZERO)
        .map(|(row, weight)| (row.stored.0 as f64 / row.raw.0 as f64 * weight, weight))
        .fold((0.0, 0.0), |(sum, all), (ratio, weight)| (sum + ratio, all + weight));
    let ratio = if weights > 0.0 { sum / weights } else { expected };
    Estimate { stored: raw.share(ratio.min(1.1)).max(Bytes(1)), ..counted(dle, level, raw) }
}

/// Whole KiB of so many, as C cuts them.
fn whole(kib: f64) -> i64 {
    i64::try_from(Bytes(1).share(kib.floor()).0).unwrap_or(i64::MAX)
}

fn may_be_full(one: &Sched<'_>) -> bool {
    one.facts.strategy == Strategy::Standard && !one.facts.skip_full
}

fn last_full_day(one: &Sched<'_>) -> i64 {
    one.facts.last_full().map_or(i64::MIN, |past| past.day.0)
}

/// `pick_inclevel`, which compares native sizes.
fn pick_inclevel(facts: &DleFacts, sizes: &BTreeMap<Level, (i64, i64)>) -> Option<Level> {
    let one = Level::FULL.next();
    let current = facts.last_level.unwrap_or(Level::FULL);
    if facts.strategy == Strategy::NoInc {
        return None;
    }
    if current.is_full()
        || facts.strategy == Strategy::NoFull
        || facts.request == Some(Request::Level1)
    {
        return sizes.contains_key(&one).then_some(one);
    }
    let next = current.next();
    match facts.request {
        Some(Request::Bump) => return sizes.contains_key(&next).then_some(next),
        Some(Request::NoBump) => return sizes.contains_key(&current).then_some(current),
        _ => {}
    }
    let Some(here) = sizes.get(&current) else { return sizes.contains_key(&next).then_some(next) };
    let threshold = i64::try_from(bump_threshold(facts, current).0 >> 10).unwrap_or(i64::MAX);
    let bumps = current != Level::TOP
        && facts.consecutive_runs >= facts.bump.days
        && here.0 > threshold
        && sizes.get(&next).is_some_and(|next| here.0 - next.0 >= threshold);
    Some(if bumps { next } else { current })
}
