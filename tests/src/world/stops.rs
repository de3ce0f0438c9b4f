//! How what the server does is stopped in the middle: behind which durable step, and how.
//!
//! Every durable step is counted. Behind each the server can be cut off, a run told to end, or one of its dumps called off.
//! A command that is no run knows only the first: a signal ends it where it is, as a power cut would.

use std::fmt;
use std::mem;

use super::faults::Fault;
use super::{Stop, World};

/// Steps of a run that comes seldom, before one was seen.
const FEW: u64 = 12;

/// What the server was at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// A run that dumps.
    Dump,
    /// The same, while it writes to another storage than its first.
    Copy,
    /// A run that only flushes.
    Flush,
    /// Copies that are made after the night.
    Vault,
    /// What a run that was cut off has left is put in order.
    Tidy,
    /// All that can be is given back.
    Expire,
    /// A volume is erased.
    Erase,
    /// A volume is labelled by hand.
    Label,
    /// Something is said of a volume.
    Say,
}

impl Work {
    /// Durable steps that it takes, before it was seen.
    fn guess(self) -> u64 {
        if self.is_run() { 100 } else { 3 }
    }

    /// Orders to end are heard by all runs; of these there are too few to be given one now and then.
    pub(crate) fn is_seldom_run(self) -> bool {
        matches!(self, Self::Flush | Self::Vault)
    }

    fn is_run(self) -> bool {
        matches!(self, Self::Dump | Self::Copy | Self::Flush | Self::Vault)
    }
}

/// How it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Halt {
    /// The server is cut off.
    Crash,
    /// The run is to end when what is in flight is over.
    Finish,
    /// The run is to end now.
    Stop,
    /// One of its dumps is called off.
    Cancel,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dump => "a run",
            Self::Copy => "a run, at a second storage",
            Self::Flush => "a flush",
            Self::Vault => "a vault run",
            Self::Tidy => "tidying up",
            Self::Expire => "expire",
            Self::Erase => "erase",
            Self::Label => "label",
            Self::Say => "lock, retire, relocate, forget",
        })
    }
}

/// Behind how many more steps what will happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuse {
    left: u64,
    how: Halt,
    counts: Counts,
}

/// Which steps burn a fuse down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    All,
    /// Those of a run that hears what it is told.
    Heard,
}

/// How many durable steps something took, and how many of them as a run that hears what it is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steps {
    all: u64,
    heard: u64,
}

impl World {
    /// It is stopped like this behind so many more durable steps.
    pub fn stop_after(&mut self, steps: u64, how: Halt) {
        self.fuse = Some(Fuse { left: steps, how, counts: Counts::All });
    }

    /// True if it is still to be stopped.
    pub fn will_be_stopped(&self) -> bool {
        self.fuse.is_some()
    }

    /// Does something of many steps, and is perhaps stopped behind one of them.
    pub(crate) fn at<T>(
        &mut self,
        work: Work,
        does: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let before = mem::replace(&mut self.work, work);
        let from = self.steps;
        if self.fuse.is_none() {
            self.fuse = self.fuse_by_chance(work);
        }
        let done = does(self);
        if done.is_ok() {
            let Steps { all, heard } = self.steps;
            self.usual.insert(work, Steps { all: all - from.all, heard: heard - from.heard });
        }
        self.work = before;
        done
    }

    /// As likely behind one of the steps as behind another, as far as their number is known from the last time.
    fn fuse_by_chance(&mut self, work: Work) -> Option<Fuse> {
        let how = self.halt_by_chance(work)?;
        let usual = self.usual.get(&work).copied();
        if work.is_seldom_run() && how != Halt::Crash {
            let heard = usual.map_or(FEW, |steps| steps.heard);
            return Some(Fuse { left: self.dice.below(heard), how, counts: Counts::Heard });
        }
        let usual = usual.map(|steps| steps.all);
        let known = if work.is_run() { usual } else { usual.map(|steps| steps.max(work.guess())) };
        let left = self.dice.below(known.unwrap_or(work.guess()));
        Some(Fuse { left, how, counts: Counts::All })
    }

    fn halt_by_chance(&mut self, work: Work) -> Option<Halt> {
        if work.is_seldom_run() {
            let may_strike = |fault: &Fault| self.troubles.one_in(*fault) > 0;
            let faults: Vec<Fault> =
                [Fault::Crash, Fault::Stopped].into_iter().filter(may_strike).collect();
            let fault = *self.dice.pick(&faults)?;
            if !self.is_struck(fault, work) {
                return None;
            }
            let orders = [Halt::Finish, Halt::Stop];
            let how = if fault == Fault::Crash { &[Halt::Crash] } else { &orders[..] };
            return self.dice.pick(how).copied();
        }
        if self.is_struck(Fault::Crash, work) {
            Some(Halt::Crash)
        } else if work.is_run() && self.is_struck(Fault::Stopped, work) {
            self.dice.pick(&[Halt::Finish, Halt::Stop, Halt::Cancel]).copied()
        } else {
            None
        }
    }

    /// What is seldom done is stopped the more often.
    fn is_struck(&mut self, fault: Fault, work: Work) -> bool {
        let often = !matches!(work, Work::Dump | Work::Tidy) && self.troubles.one_in(fault) > 0;
        let strikes = often && self.dice.one_in(2);
        if strikes {
            self.tally.count(fault);
        }
        strikes || self.strikes(fault)
    }

    /// Something was made durable. The server may be cut off behind it, or be told to stop.
    pub(crate) fn step(&mut self, what: &'static str) -> Result<(), Stop> {
        self.steps.all += 1;
        self.steps.heard += u64::from(self.listens);
        self.readers_go_on()?;
        let listens = self.listens;
        let burns = |fuse: &Fuse| fuse.counts == Counts::All || listens;
        match self.fuse.filter(burns) {
            Some(Fuse { left: 0, how, .. }) => {
                self.fuse = None;
                self.halt(how, what)
            }
            Some(fuse) => {
                self.fuse = Some(Fuse { left: fuse.left - 1, ..fuse });
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn halt(&mut self, how: Halt, what: &'static str) -> Result<(), Stop> {
        let how = if self.listens { how } else { Halt::Crash };
        self.tally.behind(self.work, how, what);
        self.tell(format!("{how:?} behind: {what}"));
        if how == Halt::Crash {
            self.tally.stopped(self.work, how);
            return Err(Stop::Crash);
        }
        // The run hears of it in its next turn.
        self.ordered = Some(how);
        Ok(())
    }
}
