//! A planned dump on its way through the run.

use types::{Bytes, DleRef, DumpId, Level, Stamp};

use super::Outcome;
use super::site::{Leftover, Manner};
use crate::planner::{Choice, Planned};

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
    NoSpace(String),
    /// The drive or its volume failed under it: try again.
    Drive(String),
    /// The run has to end.
    Stopped,
}

impl Job {
    pub(super) fn new(planned: Planned, manner: Manner) -> Self {
        let way = planned.choice.clone();
        Self {
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

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
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
    /// How much of it is on volumes.
    pub(super) placed: Bytes,
    /// Its place in the order of arrival; images of earlier runs come first.
    pub(super) order: u64,
    pub(super) allow_split: bool,
    pub(super) state: ImageState,
    /// How often a drive failed with it.
    pub(super) failures: u32,
}

/// What is being done with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageState {
    /// To be written.
    Waiting,
    /// Being written.
    Writing,
    /// It stays on holding, for a later run.
    Stays,
}

impl Image {
    pub(super) fn of_job(at: usize, job: &Job, stored: Bytes, order: u64) -> Self {
        let image = Self::waiting(stored, order, job.planned.allow_split);
        Self { job: Some(at), ..image }
    }

    pub(super) fn left_over(leftover: &Leftover, order: u64) -> Self {
        let image = Self::waiting(leftover.stored, order, leftover.allow_split);
        Self { run: Some(leftover.run), ..image }
    }

    fn waiting(stored: Bytes, order: u64, allow_split: bool) -> Self {
        Self {
            job: None,
            run: None,
            stored,
            placed: Bytes::ZERO,
            order,
            allow_split,
            state: ImageState::Waiting,
            failures: 0,
        }
    }

    /// What is still to be written.
    pub(super) fn rest(&self) -> Bytes {
        self.stored - self.placed
    }
}
