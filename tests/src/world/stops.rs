//! How what the server does is stopped in the middle: behind which durable step, and how.
//!
//! Every durable step is counted. Behind each the server can be cut off, a run told to end, or one of its dumps called off.
//! A command that is no run knows only the first: a signal ends it where it is, as a power cut would.

use std::fmt;
use std::mem;

use super::faults::Fault;
use super::{Stop, World};

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
}

impl World {
    /// It is stopped like this behind so many more durable steps.
    pub fn stop_after(&mut self, steps: u64, how: Halt) {
        self.fuse = Some(Fuse { left: steps, how });
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
            self.usual.insert(work, self.steps - from);
        }
        self.work = before;
        done
    }

    /// As likely behind one of the steps as behind another, as far as their number is known from the last time.
    fn fuse_by_chance(&mut self, work: Work) -> Option<Fuse> {
        let how = if self.is_struck(Fault::Crash, work) {
            Halt::Crash
        } else if work.is_run() && self.is_struck(Fault::Stopped, work) {
            *self.dice.pick(&[Halt::Finish, Halt::Stop, Halt::Cancel])?
        } else {
            return None;
        };
        let usual = self.usual.get(&work).copied();
        let known = if work.is_run() { usual } else { usual.map(|steps| steps.max(work.guess())) };
        Some(Fuse { left: self.dice.below(known.unwrap_or(work.guess())), how })
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
    pub(crate) fn step(&mut self, what: &str) -> Result<(), Stop> {
        self.steps += 1;
        self.readers_go_on()?;
        match self.fuse {
            Some(Fuse { left: 0, how }) => {
                self.fuse = None;
                self.halt(how, what)
            }
            Some(Fuse { left, how }) => {
                self.fuse = Some(Fuse { left: left - 1, how });
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn halt(&mut self, how: Halt, what: &str) -> Result<(), Stop> {
        let how = if self.listens { how } else { Halt::Crash };
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
