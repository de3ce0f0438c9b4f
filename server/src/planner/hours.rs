//! Hours: how long a night takes, from what is in it.
//!
//! Dumps go on side by side, so a night lasts as long as the narrowest thing that they have to pass:
//!
//! - the *dumpers*: all dumps, shared out over `inparallel`;
//! - a *host*: its dumps, shared out over its `maxdumps`; a *spindle*: its dumps, one after the other; and each dump
//!   for itself, which can't begin before its start time;
//! - an *interface*: what passes it, at the rate that it may be used with;
//! - the *drives* of a storage: what is written there, at their speed.
//!
//! Nothing can be quicker than the narrowest of them, and a dispatcher that begins the longest first is hardly slower.
//! Times are whole milliseconds and sizes whole bytes, so that what is added and taken away again leaves no trace.

use std::collections::BTreeMap;

use super::facts::{DleFacts, Today, Tonight};
use super::outcome::Bottleneck;

/// The ways that a night's dumps have to pass, and which DLE takes which.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    lanes: Vec<Lane>,
    /// What the chains are, for people.
    chains: Vec<Bottleneck>,
    inparallel: u64,
    interfaces: Vec<u64>,
    drives: Vec<Option<u64>>,
}

/// The way of one DLE.
#[derive(Clone, Debug)]
struct Lane {
    /// What its dumps queue for.
    chains: [Option<Queue>; 3],
    interface: usize,
}

/// One of the chains that a dump is in.
#[derive(Clone, Copy, Debug)]
struct Queue {
    chain: usize,
    /// So many go on at once.
    shared: u64,
    /// It does not begin before that, in milliseconds.
    wait: u64,
}

impl Queue {
    /// How long it is with this much more, and with this much less.
    fn longer(self, now: u64, millis: u64) -> u64 {
        millis / self.shared + if now == 0 { self.wait } else { now }
    }

    fn shorter(self, now: u64, millis: u64) -> u64 {
        let rest = now.saturating_sub(millis / self.shared);
        if rest == self.wait { 0 } else { rest }
    }
}

/// What is to be done: one dump, or what one dump has more than another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work<'r> {
    pub(super) bytes: u64,
    pub(super) millis: u64,
    /// The storages that it is written to, by number.
    pub(super) storages: &'r [usize],
}

impl Ways {
    /// The ways of these DLEs, which are known by their place from then on.
    pub(super) fn new<'a>(tonight: &Tonight, dles: impl Iterator<Item = &'a DleFacts>) -> Self {
        let limits = &tonight.limits;
        let mut ways = Self {
            lanes: Vec::new(),
            chains: Vec::new(),
            inparallel: limits.inparallel.max(1).into(),
            interfaces: limits.interfaces.iter().map(|rate| rate.0).collect(),
            drives: tonight.storages.iter().map(|one| one.speed.map(|speed| speed.0)).collect(),
        };
        let mut hosts = BTreeMap::new();
        let mut spindles = BTreeMap::new();
        for facts in dles {
            let host = &facts.dle.host;
            let side_by_side = u64::from(facts.maxdumps.max(1));
            let of_host =
                *hosts.entry(host).or_insert_with(|| ways.chain(Bottleneck::Host(host.clone())));
            let of_spindle = facts.spindle.filter(|_| side_by_side > 1).map(|number| {
                *spindles
                    .entry((host, number))
                    .or_insert_with(|| ways.chain(Bottleneck::Host(host.clone())))
            });
            let wait = wait_for(facts.starttime, tonight.today) * 1000;
            let alone = (side_by_side > 1 || wait > 0)
                .then(|| ways.chain(Bottleneck::Dle(facts.dle.clone())));
            let chains = [
                Some(Queue { chain: of_host, shared: side_by_side, wait: 0 }),
                of_spindle.map(|chain| Queue { chain, shared: 1, wait: 0 }),
                alone.map(|chain| Queue { chain, shared: 1, wait }),
            ];
            ways.lanes.push(Lane { chains, interface: facts.interface });
        }
        ways
    }

    /// How many dumps go on at once.
    pub(super) fn inparallel(&self) -> f64 {
        self.inparallel as f64
    }

    /// How long a night with nothing but this would be, in milliseconds.
    pub(super) fn alone(&self, at: usize, work: Work<'_>) -> u64 {
        let lane = &self.lanes[at];
        let begins = lane.chains.into_iter().flatten().map(|queue| queue.wait).max();
        let passing = self.interfaces.get(lane.interface).map(|rate| at_rate(work.bytes, *rate));
        let speeds = work.storages.iter().filter_map(|&storage| self.drives[storage]);
        let writing = speeds.map(|speed| at_rate(work.bytes, speed)).max();
        (begins.unwrap_or(0) + work.millis).max(passing.unwrap_or(0)).max(writing.unwrap_or(0))
    }

    fn chain(&mut self, what: Bottleneck) -> usize {
        self.chains.push(what);
        self.chains.len() - 1
    }
}

/// What is in a night, for each way.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    work: u64,
    chains: Tallest,
    interfaces: Vec<u64>,
    storages: Vec<u64>,
}

impl Hours {
    /// Nothing yet.
    pub(super) fn new(ways: &Ways) -> Self {
        Self {
            work: 0,
            chains: Tallest::new(ways.chains.len()),
            interfaces: vec![0; ways.interfaces.len()],
            storages: vec![0; ways.drives.len()],
        }
    }

    /// This much more of the DLE at that place.
    pub(super) fn add(&mut self, ways: &Ways, at: usize, work: Work<'_>) {
        let lane = &ways.lanes[at];
        self.work += work.millis;
        for queue in lane.chains.into_iter().flatten() {
            let now = self.chains.get(queue.chain);
            self.chains.set(queue.chain, queue.longer(now, work.millis));
        }
        if let Some(passed) = self.interfaces.get_mut(lane.interface) {
            *passed += work.bytes;
        }
        for storage in work.storages {
            self.storages[*storage] += work.bytes;
        }
    }

    /// This much less of the DLE at that place: what was added before.
    pub(super) fn remove(&mut self, ways: &Ways, at: usize, work: Work<'_>) {
        let lane = &ways.lanes[at];
        self.work = self.work.saturating_sub(work.millis);
        for queue in lane.chains.into_iter().flatten() {
            let now = self.chains.get(queue.chain);
            self.chains.set(queue.chain, queue.shorter(now, work.millis));
        }
        if let Some(passed) = self.interfaces.get_mut(lane.interface) {
            *passed = passed.saturating_sub(work.bytes);
        }
        for storage in work.storages {
            self.storages[*storage] = self.storages[*storage].saturating_sub(work.bytes);
        }
    }

    /// How long it takes, in milliseconds.
    pub(super) fn millis(&self, ways: &Ways) -> u64 {
        let interfaces = self.interfaces.iter().zip(&ways.interfaces);
        let storages = self.storages.iter().zip(&ways.drives);
        let passing = interfaces.map(|(bytes, rate)| at_rate(*bytes, *rate));
        let writing =
            storages.map(|(bytes, speed)| speed.map_or(0, |speed| at_rate(*bytes, speed)));
        let others = passing.chain(writing).max().unwrap_or(0);
        others.max(self.work / ways.inparallel).max(self.chains.top())
    }

    /// How long it would take with this much more. Nothing becomes quicker by it, so only its own way is looked at.
    pub(super) fn millis_with(&self, ways: &Ways, at: usize, work: Work<'_>, now: u64) -> u64 {
        let lane = &ways.lanes[at];
        let mut most = now.max((self.work + work.millis) / ways.inparallel);
        for queue in lane.chains.into_iter().flatten() {
            most = most.max(queue.longer(self.chains.get(queue.chain), work.millis));
        }
        if let Some((bytes, rate)) =
            self.interfaces.get(lane.interface).zip(ways.interfaces.get(lane.interface))
        {
            most = most.max(at_rate(bytes + work.bytes, *rate));
        }
        for storage in work.storages {
            if let Some(speed) = ways.drives[*storage] {
                most = most.max(at_rate(self.storages[*storage] + work.bytes, speed));
            }
        }
        most
    }

    /// What is written to each storage.
    pub(super) fn storages(&self) -> &[u64] {
        &self.storages
    }

    /// Whether less of this DLE would help against more than so many milliseconds.
    pub(super) fn is_in_the_way(
        &self,
        ways: &Ways,
        at: usize,
        storages: &[usize],
        most: u64,
    ) -> bool {
        let lane = &ways.lanes[at];
        let passed = self.interfaces.get(lane.interface).zip(ways.interfaces.get(lane.interface));
        self.work / ways.inparallel > most
            || lane.chains.into_iter().flatten().any(|queue| self.chains.get(queue.chain) > most)
            || passed.is_some_and(|(bytes, rate)| at_rate(*bytes, *rate) > most)
            || storages.iter().any(|&storage| {
                let speed = ways.drives[storage];
                speed.is_some_and(|speed| at_rate(self.storages[storage], speed) > most)
            })
    }

    /// The narrowest of its ways.
    pub(super) fn bottleneck(&self, ways: &Ways) -> Option<Bottleneck> {
        let all = self.millis(ways);
        let passing = self.interfaces.iter().zip(&ways.interfaces).enumerate();
        let writing = self.storages.iter().zip(&ways.drives).enumerate();
        let slow = |bytes: &u64, rate: u64| at_rate(*bytes, rate) == all;
        if all == 0 {
            None
        } else if self.work / ways.inparallel == all {
            Some(Bottleneck::Dumpers)
        } else if let Some((number, _)) = passing.clone().find(|(_, (b, rate))| slow(b, **rate)) {
            Some(Bottleneck::Interface(number))
        } else if let Some((number, _)) =
            writing.clone().find(|(_, (b, speed))| speed.is_some_and(|speed| slow(b, speed)))
        {
            Some(Bottleneck::Drives(number))
        } else {
            self.chains.which(all).map(|chain| ways.chains[chain].clone())
        }
    }
}

fn at_rate(bytes: u64, rate: u64) -> u64 {
    let millis = u128::from(bytes) * 1000 / u128::from(rate.max(1));
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// Half a day in seconds, and a whole one.
const HALF_DAY: i64 = 43_200;
const DAY: i64 = 86_400;

/// Seconds from the beginning of the run to a time of day: the nearest one of yesterday's, today's and
/// tomorrow's, so that a run at 22:00 waits for 02:00, and one at 03:00 does not.
pub(super) fn wait_for(starttime: Option<u32>, today: Today) -> u64 {
    let Some(starttime) = starttime else { return 0 };
    let ahead = i64::from(starttime) - i64::from(today.second);
    let nearest = (ahead + HALF_DAY).rem_euclid(DAY) - HALF_DAY;
    u64::try_from(nearest).unwrap_or(0)
}

/// Numbers of which the largest is always known: a tree in which each node has the larger of the two below it.
#[derive(Clone, Debug)]
struct Tallest {
    leaves: usize,
    tree: Vec<u64>,
}

impl Tallest {
    fn new(count: usize) -> Self {
        let leaves = count.next_power_of_two().max(1);
        Self { leaves, tree: vec![0; 2 * leaves] }
    }

    fn get(&self, at: usize) -> u64 {
        self.tree[self.leaves + at]
    }

    fn set(&mut self, at: usize, value: u64) {
        let mut node = self.leaves + at;
        self.tree[node] = value;
        while node > 1 {
            node /= 2;
            let larger = self.tree[2 * node].max(self.tree[2 * node + 1]);
            if self.tree[node] == larger {
                break;
            }
            self.tree[node] = larger;
        }
    }

    fn top(&self) -> u64 {
        self.tree[1]
    }

    /// The first of this size.
    fn which(&self, value: u64) -> Option<usize> {
        self.tree[self.leaves..].iter().position(|one| *one == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_is_known_whatever_is_set() {
        let mut numbers = Tallest::new(5);
        let rows = [(0, 3, 3), (4, 9, 9), (2, 5, 9), (4, 1, 5), (2, 0, 3), (0, 0, 1)];
        for (at, value, top) in rows {
            numbers.set(at, value);
            assert_eq!((numbers.get(at), numbers.top()), (value, top), "{at} is {value}");
        }
        assert_eq!(numbers.which(1), Some(4));
        assert_eq!(Tallest::new(0).top(), 0);
    }
}
