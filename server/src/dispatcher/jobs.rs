//! All jobs of a run, and where those that wait stand.
//!
//! A job that waits is asleep until its start time, and then stands in a lane ([`Queue`]). The only way to a job that can
//! be changed is [`Jobs::change`], which takes it out of its place and puts it in the one that it has then.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use types::{Bytes, DleRef, HostName};

use super::job::{Dumping, Job, State};
use super::lanes::{Bounds, HostNo, Kind, KindNo, LaneNo, Network, Queue, Rank};
use super::site::Letter;
use super::space::Space;

/// All jobs of a run.
#[derive(Debug)]
pub(super) struct Jobs {
    all: Vec<Job>,
    /// Seconds since the run began.
    now: u64,
    queue: Queue,
    host_of: Vec<HostNo>,
    /// The lane of each job that waits. One that sleeps is not in it yet.
    lane_of: Vec<Option<LaneNo>>,
    waiting: BTreeSet<usize>,
    of_kind: BTreeMap<KindNo, OfKind>,
    /// Those whose time has not come, by that time.
    asleep: BTreeSet<(u64, usize)>,
    over: usize,
}

/// The jobs of a kind that wait, asleep or not.
#[derive(Debug, Default)]
struct OfKind {
    jobs: BTreeSet<usize>,
    bytes: Bytes,
}

impl Index<usize> for Jobs {
    type Output = Job;

    fn index(&self, at: usize) -> &Job {
        &self.all[at]
    }
}

impl Jobs {
    /// They will be asked for by these letters.
    pub(super) fn new(all: Vec<Job>, letters: &[Letter], space: &Space) -> Self {
        let mut numbers = BTreeMap::<&HostName, HostNo>::new();
        let mut host_of = Vec::with_capacity(all.len());
        for job in &all {
            let next = HostNo(numbers.len());
            host_of.push(*numbers.entry(&job.dle().host).or_insert(next));
        }
        let mut jobs = Self {
            now: 0,
            queue: Queue::new(numbers.len(), letters),
            host_of,
            lane_of: vec![None; all.len()],
            waiting: BTreeSet::new(),
            of_kind: BTreeMap::new(),
            asleep: BTreeSet::new(),
            over: 0,
            all,
        };
        (0..jobs.all.len()).for_each(|at| jobs.put_in(at, space));
        jobs
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.all.iter()
    }

    pub(super) fn find(&self, dle: &DleRef) -> Option<usize> {
        self.all.iter().position(|job| job.dle() == dle)
    }

    /// Those that wait, in the order of the plan.
    pub(super) fn waiting(&self) -> impl Iterator<Item = usize> {
        self.waiting.iter().copied()
    }

    /// True when every one has come to its end.
    pub(super) fn all_over(&self) -> bool {
        self.over == self.all.len()
    }

    /// Seconds since the run began.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Whether its start time is still to come.
    pub(super) fn is_asleep(&self, at: usize) -> bool {
        self.all[at].planned.not_before > self.now
    }

    /// When the next one wakes up.
    pub(super) fn next_to_wake(&self) -> Option<u64> {
        self.asleep.first().map(|&(time, _)| time)
    }

    /// So many seconds of the run are over.
    pub(super) fn wake(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some(&(time, at)) = self.asleep.first()
            && time <= self.now
        {
            self.asleep.pop_first();
            if let Some(lane) = self.lane_of[at] {
                self.queue.enter(lane, at, &self.all[at]);
            }
        }
    }

    /// Changes a job, and gives it the place that it has then.
    pub(super) fn change<T>(
        &mut self,
        at: usize,
        space: &Space,
        change: impl FnOnce(&mut Job) -> T,
    ) -> T {
        self.take_out(at);
        let result = change(&mut self.all[at]);
        self.put_in(at, space);
        result
    }

    /// What is known of a dump in flight. The place of the job does not depend on it.
    pub(super) fn dumping_mut(&mut self, at: usize) -> Option<&mut Dumping> {
        self.all[at].dumping_mut()
    }

    /// The holding disks have become others: who goes straight to a drive is found out again.
    pub(super) fn route_again(&mut self, space: &Space) {
        for at in self.waiting.clone() {
            self.change(at, space, |_| ());
        }
    }

    /// The kinds of which some wait.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (KindNo, &Kind)> {
        let some = |no: &KindNo| self.of_kind.get(no).is_some_and(|of| !of.jobs.is_empty());
        self.queue.kinds().filter(move |(no, _)| some(no))
    }

    /// Those of a kind that wait, asleep or not.
    pub(super) fn of_kind(&self, kind: KindNo) -> impl Iterator<Item = usize> {
        self.of_kind.get(&kind).into_iter().flat_map(|of| of.jobs.iter().copied())
    }

    /// The size of all those.
    pub(super) fn bytes_of_kind(&self, kind: KindNo) -> Bytes {
        self.of_kind.get(&kind).map_or(Bytes::ZERO, |of| of.bytes)
    }

    /// See [`Queue::first`].
    pub(super) fn first(&self, kind: KindNo, letter: Letter, bounds: &Bounds<'_>) -> Option<Rank> {
        self.queue.first(kind, letter, bounds, &self.all)
    }

    /// See [`Queue::some_may`].
    pub(super) fn some_may(&self, kind: KindNo, network: Network) -> bool {
        self.queue.some_may(kind, network, &self.all)
    }

    /// See [`Queue::some_lack_room`].
    pub(super) fn some_lack_room(&self, kind: KindNo, bounds: &Bounds<'_>) -> bool {
        self.queue.some_lack_room(kind, bounds, &self.all)
    }

    fn take_out(&mut self, at: usize) {
        let job = &self.all[at];
        match &job.state {
            State::Waiting => {
                self.waiting.remove(&at);
                let Some(lane) = self.lane_of[at].take() else { return };
                let of = self.of_kind.entry(self.queue.kind_of(lane)).or_default();
                of.jobs.remove(&at);
                of.bytes = of.bytes - job.size();
                if !self.asleep.remove(&(job.planned.not_before, at)) {
                    self.queue.leave(lane, at, job);
                }
            }
            State::Dumping(_) => self.queue.end(self.host_of[at], job.manner.spindle),
            State::Over(_) => self.over -= 1,
        }
    }

    fn put_in(&mut self, at: usize, space: &Space) {
        let job = &self.all[at];
        match &job.state {
            State::Waiting => {
                self.waiting.insert(at);
                let lane = self.queue.lane_for(self.host_of[at], job, job.route(space));
                self.lane_of[at] = Some(lane);
                let of = self.of_kind.entry(self.queue.kind_of(lane)).or_default();
                of.jobs.insert(at);
                of.bytes += job.size();
                if self.is_asleep(at) {
                    self.asleep.insert((job.planned.not_before, at));
                } else {
                    self.queue.enter(lane, at, job);
                }
            }
            State::Dumping(_) => self.queue.begin(self.host_of[at], job.manner.spindle),
            State::Over(_) => self.over += 1,
        }
    }
}
