//! What really is on the clients: trees that grow and change.
//!
//! A dump against a base holds what changed since. Of what changes every day, some is the same as yesterday: if a
//! share c changes each day, after n days a share of 1 - (1 - c)^n has.

use types::{Bytes, DleName, DleRef, HostName, Level};

use super::dice::Dice;
use crate::planner::facts::{Day, DleFacts, Limits, Storage};

/// Even a dump in which nothing changed has a header and an index.
const LEAST: f64 = 65_536.0;
/// Whole days, Monday first.
const WEEK: i64 = 7;
/// How much the stored size of a dump differs from what the ratio says, at most.
const SPREAD: f64 = 0.1;

/// A site: what is dumped, and what takes it.
#[derive(Clone, Debug)]
pub struct Site {
    /// What is dumped.
    pub dles: Vec<MadeUpDle>,
    /// What a run writes to.
    pub storages: Vec<Storage>,
    /// What bounds a night besides the volumes.
    pub limits: Limits,
    /// How often there is no run at all: 0 never, 1 always.
    pub missed: f64,
    /// How often a run finds only one volume.
    pub short: f64,
    /// Days from full to full.
    pub dumpcycle: u32,
    /// Runs in a dump cycle. The simulator has a run every day.
    pub runs_per_cycle: u32,
    /// What day it is in the facts of the DLEs.
    pub today: Day,
    /// Of the dice.
    pub seed: u64,
}

/// One DLE, and what its tree is like.
#[derive(Clone, Debug)]
pub struct MadeUpDle {
    /// How it is dumped, and what is known of it so far.
    pub facts: DleFacts,
    /// Bytes of the tree.
    pub size: f64,
    /// By what share it grows each day.
    pub growth: f64,
    /// What share of it changes each day.
    pub change: f64,
    /// What share of that changes on a Saturday or a Sunday.
    pub weekend: f64,
    /// Stored bytes by raw bytes.
    pub ratio: f64,
    /// Stored bytes a second.
    pub rate: f64,
    /// How often a dump of it fails: 0 never, 1 always.
    pub failures: f64,
}

impl MadeUpDle {
    /// A tree of some gigabytes that changes a little.
    pub fn new(dle: DleRef) -> Self {
        Self {
            facts: DleFacts::new(dle),
            size: 10.0 * Bytes::GIB.0 as f64,
            growth: 0.0005,
            change: 0.02,
            weekend: 1.0,
            ratio: 0.5,
            rate: 20.0 * Bytes::MIB.0 as f64,
            failures: 0.0,
        }
    }

    /// So many alike, spread over so many hosts: sizes differ from this one's by up to about `spread` squared.
    pub fn several(&self, count: u32, hosts: u32, spread: f64, seed: u64) -> Vec<Self> {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let host = self.facts.dle.host.as_str();
        let name = self.facts.dle.dle.as_str();
        let one = |number: u32| {
            let mut one = self.clone();
            let on = number % hosts.max(1);
            let host: HostName = format!("{host}{on:04}").parse().ok()?;
            let dle: DleName = format!("{name}{number:05}").parse().ok()?;
            one.facts.dle = DleRef { host, dle };
            one.size *= dice.factor(spread);
            one.change = (one.change * dice.factor(spread.sqrt())).min(0.9);
            Some(one)
        };
        (0..count).filter_map(one).collect()
    }

    /// What the history of a DLE says of its tree; nothing if it was never dumped.
    pub fn of(facts: &DleFacts) -> Option<Self> {
        let full = facts.last_full()?;
        let size = full.raw.0 as f64;
        let fulls: Vec<_> = facts.history.iter().filter(|row| row.level.is_full()).collect();
        let growth = match (fulls.first(), fulls.last()) {
            (Some(new), Some(old)) if new.day > old.day && old.raw.0 > 0 => {
                (new.raw.0 as f64 / old.raw.0 as f64).powf(1.0 / new.day.since(old.day) as f64)
                    - 1.0
            }
            _ => 0.0,
        };
        let first = |pair: &[crate::planner::facts::Row]| {
            (pair[0].level > pair[1].level).then_some(pair[0].raw.0 as f64)
        };
        let days: Vec<f64> = facts.history.windows(2).filter_map(first).collect();
        let changed = days.iter().sum::<f64>() / days.len().max(1) as f64;
        let sums =
            |of: fn(&crate::planner::facts::Row) -> f64| facts.history.iter().map(of).sum::<f64>();
        let (raw, stored) = (sums(|row| row.raw.0 as f64), sums(|row| row.stored.0 as f64));
        let seconds = sums(|row| f64::from(row.seconds));
        let default = Self::new(facts.dle.clone());
        Some(Self {
            facts: facts.clone(),
            size,
            growth: growth.clamp(-0.05, 0.05),
            change: if days.is_empty() {
                default.change
            } else {
                (changed / size.max(1.0)).clamp(0.0, 0.9)
            },
            ratio: if raw > 0.0 { (stored / raw).clamp(0.0, 1.1) } else { default.ratio },
            rate: if seconds > 0.0 { (stored / seconds).max(1.0) } else { default.rate },
            ..default
        })
    }
}

/// A tree on some day.
pub(super) struct Tree {
    size: f64,
    growth: f64,
    change: f64,
    weekend: f64,
    ratio: f64,
    rate: f64,
    pub(super) failures: f64,
    /// For each level that may be built on: what share of the tree is as it was then.
    same: Vec<(Level, f64)>,
}

/// What a dump really was.
pub(super) struct Cost {
    pub(super) raw: Bytes,
    pub(super) stored: Bytes,
    pub(super) seconds: u32,
}

impl Tree {
    pub(super) fn new(dle: &MadeUpDle) -> Self {
        let same = dle.facts.last.iter().map(|(level, past)| {
            let changed = past.raw.0 as f64 / dle.size.max(1.0);
            // The lower the level, the longer ago: as much as the next level holds has changed since.
            (*level, if level.is_full() { 1.0 } else { (1.0 - changed).clamp(0.0, 1.0) })
        });
        Self {
            size: dle.size,
            growth: dle.growth,
            change: dle.change,
            weekend: dle.weekend,
            ratio: dle.ratio,
            rate: dle.rate.max(1.0),
            failures: dle.failures,
            same: same.collect(),
        }
    }

    /// A day passes.
    pub(super) fn live(&mut self, day: i64, noise: f64) {
        let weekend = day.rem_euclid(WEEK) >= 5;
        let changes = self.change * noise * if weekend { self.weekend } else { 1.0 };
        self.size *= 1.0 + self.growth;
        let stays = (1.0 - changes).clamp(0.0, 1.0) / (1.0 + self.growth).max(1.0);
        self.same.iter_mut().for_each(|(_, same)| *same *= stays);
    }

    /// What a dump of this level would hold.
    pub(super) fn raw(&self, level: Level) -> Bytes {
        let base = self.same.iter().rfind(|(known, _)| *known < level);
        let changed = base.map_or(1.0, |(_, same)| 1.0 - same);
        Bytes(1).share(self.size * changed + LEAST)
    }

    /// Makes a dump. From now on a higher level builds on it.
    pub(super) fn dump(&mut self, level: Level, noise: f64) -> Cost {
        let raw = self.raw(level);
        let stored = raw.share((self.ratio * (1.0 + (noise - 1.0) * 2.0 * SPREAD)).clamp(0.0, 1.1));
        self.same.retain(|(known, _)| *known < level);
        self.same.push((level, 1.0));
        let seconds = (stored.0 as f64 / self.rate).ceil();
        Cost { raw, stored, seconds: Bytes(1).share(seconds).0.try_into().unwrap_or(u32::MAX) }
    }
}
