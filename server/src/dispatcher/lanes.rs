//! Jobs that wait for a dumper, kept in the orders in which dumpers want them.
//!
//! An event changes one or two of ten thousand jobs, so nothing is asked of every job at every event. They stand in lanes by
//! what they can wait for:
//!
//! ```text
//!   Kind: one route, one goal, one interface, fulls or not
//!     └─ Lane: one host, one limit of that host, one spindle
//!          └─ jobs, in each order that is asked for
//! ```
//!
//! The jobs of a lane differ in nothing but size, time and priority. A lane whose host may have one more dump is open, and
//! a kind knows the first job of each of its open lanes. So the best job that can be started is found by looking at kinds,
//! of which there are few, and at first jobs.

use std::collections::{BTreeMap, BTreeSet};

use types::Bytes;

use super::job::{Goal, Job, Route};
use super::site::Letter;

/// Something that jobs are put in order by. What comes first is taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// By priority, then as a dumper prefers.
    Letter(Letter),
    Smallest,
    Largest,
    Slowest,
}

/// A place in an order: the priority, what the order is by, and the place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    before: i64,
    key: u64,
    pub(super) job: usize,
}

impl Order {
    fn rank(self, at: usize, job: &Job) -> Rank {
        let down = |number: u64| u64::MAX - number;
        let priority = -i64::from(job.planned.priority);
        let seconds = u64::from(job.way.cost.seconds);
        let (before, key) = match self {
            Self::Letter(Letter::SmallestSize) => (priority, job.size().0),
            Self::Letter(Letter::LargestSize) => (priority, down(job.size().0)),
            Self::Letter(Letter::ShortestTime) => (priority, seconds),
            Self::Letter(Letter::LongestTime) => (priority, down(seconds)),
            Self::Letter(Letter::LowestBandwidth) => (priority, job.rate().0),
            Self::Letter(Letter::HighestBandwidth) => (priority, down(job.rate().0)),
            Self::Smallest => (0, job.size().0),
            Self::Largest => (0, down(job.size().0)),
            Self::Slowest => (0, job.rate().0),
        };
        Rank { before, key, job: at }
    }
}

/// What the run as a whole takes or refuses. Jobs of one kind differ there only in size and rate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) route: Route,
    pub(super) full: bool,
    pub(super) goal: Goal,
    pub(super) interface: Option<String>,
}

/// A kind, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KindNo(usize);

/// A host, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostNo(pub(super) usize);

/// A lane, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneNo(usize);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: KindNo,
    host: HostNo,
    maxdumps: usize,
    spindle: Option<i64>,
}

#[derive(Debug)]
struct Lane {
    key: Key,
    /// Its jobs, in every order.
    jobs: Vec<BTreeSet<Rank>>,
}

/// All lanes of a kind.
#[derive(Debug)]
struct Lanes {
    kind: Kind,
    /// The first job of each open lane, and which lane that is, in every order.
    heads: Vec<BTreeSet<(Rank, LaneNo)>>,
}

/// What a host has in flight.
#[derive(Debug, Default)]
struct Host {
    dumps: usize,
    spindles: Vec<i64>,
    lanes: Vec<LaneNo>,
}

impl Host {
    fn takes(&self, key: &Key) -> bool {
        let spindle_busy = key.spindle.is_some_and(|spindle| self.spindles.contains(&spindle));
        !spindle_busy && self.dumps < key.maxdumps
    }
}

/// What an interface carries, in bytes a second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network {
    /// Any dump.
    Free,
    Used {
        by_others: Bytes,
        limit: Bytes,
    },
}

impl Network {
    pub(super) fn takes(self, job: &Job) -> bool {
        match self {
            Self::Free => true,
            Self::Used { by_others, limit } => by_others + job.rate() <= limit,
        }
    }
}

/// What a job must keep to, to be taken.
pub(super) struct Bounds<'a> {
    pub(super) network: Network,
    /// Whether there is room for so much. Where there is room for one size, there is for every smaller one.
    pub(super) room: &'a dyn Fn(Bytes) -> bool,
}

impl Bounds<'_> {
    fn room_for(&self, job: &Job) -> bool {
        (self.room)(job.size())
    }

    fn allow(&self, job: &Job) -> bool {
        self.network.takes(job) && self.room_for(job)
    }
}

/// The jobs that wait for a dumper, and whose time has come.
#[derive(Debug)]
pub(super) struct Queue {
    orders: Vec<Order>,
    kinds: Vec<Lanes>,
    kind_numbers: BTreeMap<Kind, KindNo>,
    lanes: Vec<Lane>,
    lane_numbers: BTreeMap<Key, LaneNo>,
    hosts: Vec<Host>,
}

impl Queue {
    /// An empty one, for so many hosts. Jobs are asked for by these letters.
    pub(super) fn new(hosts: usize, letters: &[Letter]) -> Self {
        let mut orders = vec![Order::Smallest, Order::Largest, Order::Slowest];
        for &letter in letters {
            if !orders.contains(&Order::Letter(letter)) {
                orders.push(Order::Letter(letter));
            }
        }
        Self {
            orders,
            kinds: Vec::new(),
            kind_numbers: BTreeMap::new(),
            lanes: Vec::new(),
            lane_numbers: BTreeMap::new(),
            hosts: (0..hosts).map(|_| Host::default()).collect(),
        }
    }

    /// All kinds that there were so far.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (KindNo, &Kind)> {
        self.kinds.iter().enumerate().map(|(number, lanes)| (KindNo(number), &lanes.kind))
    }

    pub(super) fn kind_of(&self, lane: LaneNo) -> KindNo {
        self.lanes[lane.0].key.kind
    }

    /// The lane for jobs like this one.
    pub(super) fn lane_for(&mut self, host: HostNo, job: &Job, route: Route) -> LaneNo {
        let kind = Kind {
            route,
            full: job.way.level.is_full(),
            goal: job.goal().clone(),
            interface: job.manner.interface.clone(),
        };
        let none = || (0..self.orders.len()).map(|_| BTreeSet::new()).collect();
        let kind = *self.kind_numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(Lanes { kind: kind.clone(), heads: none() });
            KindNo(self.kinds.len() - 1)
        });
        let maxdumps = job.manner.maxdumps.max(1) as usize;
        let key = Key { kind, host, maxdumps, spindle: job.manner.spindle };
        let none = || (0..self.orders.len()).map(|_| BTreeSet::new()).collect();
        *self.lane_numbers.entry(key).or_insert_with_key(|key| {
            self.lanes.push(Lane { key: key.clone(), jobs: none() });
            let lane = LaneNo(self.lanes.len() - 1);
            self.hosts[host.0].lanes.push(lane);
            lane
        })
    }

    /// Puts a job in its lane.
    pub(super) fn enter(&mut self, lane: LaneNo, at: usize, job: &Job) {
        self.close(lane);
        for (order, jobs) in self.orders.iter().zip(&mut self.lanes[lane.0].jobs) {
            jobs.insert(order.rank(at, job));
        }
        self.open(lane);
    }

    /// Takes a job, which is as it was when it entered, out of its lane.
    pub(super) fn leave(&mut self, lane: LaneNo, at: usize, job: &Job) {
        self.close(lane);
        for (order, jobs) in self.orders.iter().zip(&mut self.lanes[lane.0].jobs) {
            jobs.remove(&order.rank(at, job));
        }
        self.open(lane);
    }

    /// A host has one dump more in flight.
    pub(super) fn begin(&mut self, host: HostNo, spindle: Option<i64>) {
        self.at_host(host, |host| {
            host.dumps += 1;
            host.spindles.extend(spindle);
        });
    }

    /// A host has one dump less in flight.
    pub(super) fn end(&mut self, host: HostNo, spindle: Option<i64>) {
        self.at_host(host, |host| {
            host.dumps = host.dumps.saturating_sub(1);
            if let Some(busy) = host.spindles.iter().position(|&busy| Some(busy) == spindle) {
                host.spindles.swap_remove(busy);
            }
        });
    }

    /// The job of a kind that the letter prefers, of those that their hosts may have and that keep to the bounds.
    pub(super) fn first(
        &self,
        kind: KindNo,
        letter: Letter,
        bounds: &Bounds<'_>,
        jobs: &[Job],
    ) -> Option<Rank> {
        let by = self.orders.iter().position(|&order| order == Order::Letter(letter))?;
        let heads = &self.kinds[kind.0].heads;
        // If the smallest is too large, or the slowest too fast, there is no need to look for others.
        let may = |order: usize, first: Option<Rank>| {
            first.is_some_and(|rank| match self.orders[order] {
                Order::Smallest => bounds.room_for(&jobs[rank.job]),
                Order::Slowest => bounds.network.takes(&jobs[rank.job]),
                Order::Largest | Order::Letter(_) => true,
            })
        };
        let all = 0..self.orders.len();
        if !all.clone().all(|order| may(order, heads[order].first().map(|&(rank, _)| rank))) {
            return None;
        }
        let mut best: Option<Rank> = None;
        for &(head, lane) in &heads[by] {
            if best.is_some_and(|best| best < head) {
                break;
            }
            let lane = &self.lanes[lane.0].jobs;
            if all.clone().all(|order| may(order, lane[order].first().copied())) {
                let mut better =
                    lane[by].iter().take_while(|&&rank| best.is_none_or(|best| rank < best));
                best = better.find(|rank| bounds.allow(&jobs[rank.job])).copied().or(best);
            }
        }
        best
    }

    /// True when there is one of a kind that its host and the network would take.
    pub(super) fn some_may(&self, kind: KindNo, network: Network, jobs: &[Job]) -> bool {
        let first = self.in_order(kind, Order::Slowest).next();
        first.is_some_and(|&(rank, _)| network.takes(&jobs[rank.job]))
    }

    /// True when there is one of a kind that its host and the network would take, and that there is no room for.
    pub(super) fn some_lack_room(&self, kind: KindNo, bounds: &Bounds<'_>, jobs: &[Job]) -> bool {
        let lacks = |rank: &Rank| !bounds.room_for(&jobs[rank.job]);
        let Some(by) = self.orders.iter().position(|&order| order == Order::Largest) else {
            return false;
        };
        let heads = self.in_order(kind, Order::Largest).take_while(|(rank, _)| lacks(rank));
        heads.map(|&(_, lane)| &self.lanes[lane.0].jobs[by]).any(|lane| {
            let mut large = lane.iter().take_while(|rank| lacks(rank));
            large.any(|rank| bounds.network.takes(&jobs[rank.job]))
        })
    }

    fn in_order(&self, kind: KindNo, order: Order) -> impl Iterator<Item = &(Rank, LaneNo)> {
        let heads = self.orders.iter().zip(&self.kinds[kind.0].heads);
        heads.filter(move |&(&one, _)| one == order).flat_map(|(_, heads)| heads)
    }

    fn at_host(&mut self, host: HostNo, does: impl FnOnce(&mut Host)) {
        let lanes = std::mem::take(&mut self.hosts[host.0].lanes);
        lanes.iter().for_each(|&lane| self.close(lane));
        does(&mut self.hosts[host.0]);
        self.hosts[host.0].lanes = lanes;
        for at in 0..self.hosts[host.0].lanes.len() {
            self.open(self.hosts[host.0].lanes[at]);
        }
    }

    /// Shows the first jobs of the lane, if its host takes one.
    fn open(&mut self, no: LaneNo) {
        let lane = &self.lanes[no.0];
        if self.hosts[lane.key.host.0].takes(&lane.key) {
            for (jobs, heads) in lane.jobs.iter().zip(&mut self.kinds[lane.key.kind.0].heads) {
                heads.extend(jobs.first().map(|&rank| (rank, no)));
            }
        }
    }

    fn close(&mut self, no: LaneNo) {
        let lane = &self.lanes[no.0];
        for (jobs, heads) in lane.jobs.iter().zip(&mut self.kinds[lane.key.kind.0].heads) {
            if let Some(&rank) = jobs.first() {
                heads.remove(&(rank, no));
            }
        }
    }
}
