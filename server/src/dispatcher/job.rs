//! A planned dump on its way through the run.

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DumpId, Level, Stamp, StorageName};

use super::site::{Holding, Leftover, Manner, Taper};
use super::space::Space;
use super::stores::StoreNo;
use super::{Outcome, Reason};
use crate::planner::{Choice, Planned};

/// Where an image must get to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Goal {
    /// Storages that this run writes to.
    pub(super) now: Vec<StoreNo>,
    /// Others, which only a later run does.
    pub(super) later: Vec<StorageName>,
}

impl Goal {
    pub(super) fn of(names: &[&StorageName], tapers: &[Taper]) -> Self {
        let mut goal = Self::default();
        for &name in names {
            match tapers.iter().position(|taper| taper.storage == *name) {
                Some(at) => goal.now.push(StoreNo(at)),
                None => goal.later.push(name.clone()),
            }
        }
        goal
    }
}

/// One DLE of the plan, and what became of it so far.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) planned: Planned,
    pub(super) manner: Manner,
    /// How it is dumped now: as planned, or by the alternative.
    pub(super) way: Choice,
    /// Why that is not what the plan says.
    pub(super) change: Option<String>,
    pub(super) state: State,
    /// How often it was begun.
    pub(super) tries: u32,
    /// Holding had no space for it: it goes straight to a drive.
    pub(super) no_space: bool,
    /// Where a full must get to.
    full_goal: Goal,
    /// Where any other level must get to.
    incremental_goal: Goal,
}

/// Where a job stands.
#[derive(Debug)]
pub(super) enum State {
    Waiting,
    Dumping(Dumping),
    Over(Outcome),
}

/// A dump in flight.
#[derive(Debug)]
pub(super) struct Dumping {
    pub(super) dump: DumpId,
    /// By which dumper.
    pub(super) dumper: usize,
    pub(super) to: Place,
    /// It has used up its reservation, which was so much, and waits.
    pub(super) waits: Option<Bytes>,
    /// It was aborted, for this reason.
    pub(super) aborted: Option<Abort>,
}

/// Where a dump is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    Holding,
    Drive,
}

/// Where a dump in flight goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Holding,
    Drive(usize),
}

/// Why a dump was aborted, which says what is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Abort {
    /// There is no space for it on holding, or no volume: try it straight to a drive, or as something
    /// smaller.
    NoSpace(Reason),
    /// The drive or its volume failed under it: try again.
    Drive(String),
    /// The run has to end.
    Stopped,
    /// The operator does not want it, for this reason.
    Cancelled(String),
}

impl Job {
    pub(super) fn new(planned: Planned, manner: Manner, tapers: &[Taper]) -> Self {
        let way = planned.choice.clone();
        let goal = |level| {
            let all = tapers.iter().map(|taper| &taper.storage);
            Goal::of(&manner.destinations.at(level, all), tapers)
        };
        Self {
            full_goal: goal(Level::FULL),
            incremental_goal: goal(Level::FULL.next()),
            planned,
            manner,
            way,
            change: None,
            state: State::Waiting,
            tries: 0,
            no_space: false,
        }
    }

    pub(super) fn dle(&self) -> &DleRef {
        &self.planned.dle
    }

    /// Where its image must get to, at the level that it has now.
    pub(super) fn goal(&self) -> &Goal {
        if self.way.level.is_full() { &self.full_goal } else { &self.incremental_goal }
    }

    /// Whether the image goes to holding or straight to a drive.
    pub(super) fn route(&self, space: &Space) -> Route {
        match self.manner.holding {
            Holding::Required => Route::Holding,
            Holding::Never => Route::Drive,
            Holding::Auto if self.no_space || !space.could_ever_hold(self.size()) => Route::Drive,
            Holding::Auto => Route::Holding,
        }
    }

    pub(super) fn dumping(&self) -> Option<&Dumping> {
        if let State::Dumping(dumping) = &self.state { Some(dumping) } else { None }
    }

    pub(super) fn dumping_mut(&mut self) -> Option<&mut Dumping> {
        if let State::Dumping(dumping) = &mut self.state { Some(dumping) } else { None }
    }

    /// Bytes of the image, as expected.
    pub(super) fn size(&self) -> Bytes {
        self.way.cost.stored.max(Bytes(1))
    }

    /// Bytes a second, as expected.
    pub(super) fn rate(&self) -> Bytes {
        Bytes(self.way.cost.stored.0 / u64::from(self.way.cost.seconds.max(1)))
    }

    /// Takes what was planned for the night without volumes. False when there is nothing, or it was taken
    /// already.
    pub(super) fn degrade(&mut self, because: &str) -> bool {
        let Ok(smaller) = &self.planned.degraded else { return false };
        if !self.way.level.is_full() {
            return false;
        }
        self.change =
            Some(format!("level {} instead of {}: {because}", smaller.level, self.way.level));
        self.way = smaller.clone();
        self.no_space = false;
        true
    }

    /// Becomes a full, since the client has lost the base, and there is nothing smaller any more. False when
    /// it is one.
    pub(super) fn become_full(&mut self) -> bool {
        if self.way.level.is_full() {
            return false;
        }
        let lost = format!("the client has lost what level {} builds on", self.way.level);
        let planned = Some(&self.planned.choice).filter(|choice| choice.level.is_full());
        // If nobody knows how large a full is, it grows as it arrives.
        let known = planned.map(|choice| choice.cost).or(self.planned.full);
        let cost = known.unwrap_or(self.way.cost);
        self.way = Choice { level: Level::FULL, base: None, cost };
        self.change = Some(format!("a full, since {lost}"));
        self.planned.degraded = Err(lost);
        true
    }

    /// Why there is nothing smaller to do instead.
    pub(super) fn no_alternative(&self) -> String {
        match &self.planned.degraded {
            Err(why) => why.clone(),
            Ok(smaller) => format!("level {} was tried instead already", smaller.level),
        }
    }
}

/// An image on the holding disk.
#[derive(Debug)]
pub(super) struct Image {
    /// Whose, if it was dumped in this run.
    pub(super) job: Option<usize>,
    /// Of which earlier run it is, if not of this one.
    pub(super) run: Option<Stamp>,
    pub(super) stored: Bytes,
    /// Its place in the order of arrival; images of earlier runs come first.
    pub(super) order: u64,
    pub(super) allow_split: bool,
    /// Its copies in the storages of this run that it must get to.
    pub(super) copies: BTreeMap<StoreNo, Copying>,
    /// Storages that it must get to in a later run.
    pub(super) later: Vec<StorageName>,
}

/// A copy of an image, as far as it is.
#[derive(Clone, Debug)]
pub(super) struct Copying {
    pub(super) state: CopyState,
    /// How much of it is on volumes.
    pub(super) placed: Bytes,
    /// How often a drive failed with it.
    pub(super) failures: u32,
}

/// What is being done about a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyState {
    /// To be written.
    Waiting,
    /// Being written.
    Writing,
    /// The image stays on holding for it, for a later run.
    Stays,
    /// It is whole.
    Placed,
}

impl Image {
    pub(super) fn of_job(at: usize, job: &Job, stored: Bytes, order: u64) -> Self {
        let image = Self::waiting(stored, order, job.planned.allow_split, job.goal().clone());
        Self { job: Some(at), ..image }
    }

    pub(super) fn left_over(leftover: &Leftover, order: u64, tapers: &[Taper]) -> Self {
        let goal = Goal::of(&leftover.lacks.iter().collect::<Vec<_>>(), tapers);
        let image = Self::waiting(leftover.stored, order, leftover.allow_split, goal);
        Self { run: Some(leftover.run), ..image }
    }

    fn waiting(stored: Bytes, order: u64, allow_split: bool, goal: Goal) -> Self {
        let copy = Copying { state: CopyState::Waiting, placed: Bytes::ZERO, failures: 0 };
        Self {
            job: None,
            run: None,
            stored,
            order,
            allow_split,
            copies: goal.now.into_iter().map(|store| (store, copy.clone())).collect(),
            later: goal.later,
        }
    }

    pub(super) fn copy_mut(&mut self, store: StoreNo) -> Option<&mut Copying> {
        self.copies.get_mut(&store)
    }

    /// True when it waits to be written to the storage.
    pub(super) fn waits_for(&self, store: StoreNo) -> bool {
        self.copies.get(&store).is_some_and(|copy| copy.state == CopyState::Waiting)
    }

    /// What of it is still to be written to the storage.
    pub(super) fn rest(&self, store: StoreNo) -> Bytes {
        self.copies.get(&store).map_or(Bytes::ZERO, |copy| self.stored - copy.placed)
    }

    pub(super) fn is_placed_somewhere(&self) -> bool {
        self.copies.values().any(|copy| copy.state == CopyState::Placed)
    }

    /// True when every storage that it must get to has it.
    pub(super) fn is_placed_everywhere(&self) -> bool {
        let placed = |copy: &Copying| copy.state == CopyState::Placed;
        self.later.is_empty() && self.is_placed_somewhere() && self.copies.values().all(placed)
    }
}
