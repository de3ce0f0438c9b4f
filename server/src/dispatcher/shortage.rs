//! What to do without space, without volumes, or without time.
//!
//! **Degraded mode.** When this run can't write an image to any volume any more, neither of one of its storages nor
//! of another, it stays on holding. A full goes on as planned only outside the space that is reserved for incrementals; otherwise it
//! becomes the incremental that the planner named, or is given up with the planner's reason.
//!
//! **Shortage.** When nothing moves because holding is full, space is made: of the dumps that have used up
//! theirs, the smallest is aborted, and goes straight to a drive. A dump that does not find space to begin
//! with goes straight to a drive as well.
//!
//! **Haste.** When the run is to end, nothing is begun.

use std::collections::BTreeSet;

use types::Bytes;

use super::drives::{Drive, DriveState, Work};
use super::job::{Abort, Route};
use super::lanes::Kind;
use super::site::Holding;
use super::{Action, Dispatcher, Haste, Hindrance, Reason};

/// A dump is ended, since it waits for space that nobody makes.
const NO_MORE_SPACE: &str =
    "holding has no more space, and its dump was the smallest that waited for some";
/// A dump finds no space to begin with.
const NO_SPACE: &str = "there is no space for it on holding";

impl Dispatcher {
    /// Begins nothing more, and stops what is going on if it must.
    pub(super) fn hurry(&mut self) {
        let Some(haste) = self.haste else { return };
        for at in self.jobs.waiting().collect::<Vec<_>>() {
            self.give_up(at, Reason::of(Hindrance::Stopped, "the run was stopped before its turn"));
        }
        if haste == Haste::Stop {
            for at in self.dumpers.clone().into_iter().flatten() {
                self.abort(at, Abort::Stopped, "the run was stopped");
            }
            self.end_images();
        }
    }

    fn end_images(&mut self) {
        for drive in &mut self.drives {
            if let DriveState::Writing { work: Work::Image(dump), ending, .. } = &mut drive.state
                && !*ending
            {
                *ending = true;
                let why = "the run was stopped".to_owned();
                self.actions.push(Action::EndImage { drive: drive.id.clone(), dump: *dump, why });
            }
        }
    }

    /// In degraded mode, replaces what can't be done by what can.
    pub(super) fn degrade(&mut self) {
        if self.haste.is_some() {
            return;
        }
        let stays = |kind: &Kind| {
            let for_later = kind.goal.now.is_empty() && !kind.goal.later.is_empty();
            kind.route == Route::Holding && (!kind.full || for_later)
        };
        let kinds = self.jobs.kinds();
        let without = kinds.filter(|(_, kind)| !stays(kind) && !self.is_possible_for(&kind.goal));
        let without = without.flat_map(|(no, _)| self.jobs.of_kind(no));
        let mut budget = self.space.free() - self.reserve();
        for at in without.collect::<BTreeSet<usize>>() {
            let job = &self.jobs[at];
            if job.route(&self.space) == Route::Holding && job.size() <= budget {
                budget = budget - job.size();
            } else {
                let why = self.no_volume_for(job);
                self.replace(at, why);
            }
        }
    }

    /// Takes the planned alternative, if that can go to holding.
    fn replace(&mut self, at: usize, why: Reason) {
        if self.jobs[at].manner.holding != Holding::Never
            && self.change(at, |job| job.degrade(&why.words))
            && self.jobs[at].route(&self.space) == Route::Holding
        {
            return;
        }
        let job = &self.jobs[at];
        let instead = match job.manner.holding {
            Holding::Never => "its holding is `never`".to_owned(),
            _ if self.space.total() == Bytes::ZERO => "there is no holding disk".to_owned(),
            _ => job.no_alternative(),
        };
        self.give_up(at, why.and(&instead));
    }

    /// When nothing moves for want of space, decides who goes without. True when that gave somebody a new
    /// way to go.
    pub(super) fn resolve_shortage(&mut self) -> bool {
        if self.is_moving() {
            return false;
        }
        if let Some(&smallest) = self.waiting_for_room().last() {
            let why = Reason::of(Hindrance::Space, NO_MORE_SPACE);
            self.abort(smallest, Abort::NoSpace(why), NO_MORE_SPACE);
            return false;
        }
        let Some(at) = self.jobs.waiting().find(|&at| !self.jobs.is_asleep(at)) else {
            return false;
        };
        self.without_space(at, Reason::of(Hindrance::Space, NO_SPACE));
        true
    }

    /// A dump has no space on holding: straight to a drive, else something smaller, else nothing.
    pub(super) fn without_space(&mut self, at: usize, why: Reason) {
        let job = &self.jobs[at];
        let possible = self.is_possible_for(job.goal()) && self.haste.is_none();
        if possible && job.manner.holding == Holding::Auto && !job.no_space {
            self.change(at, |job| job.no_space = true);
        } else if !self.change(at, |job| job.degrade(&why.words)) {
            let why = why.and(&self.jobs[at].no_alternative());
            self.give_up(at, why);
        }
    }

    /// True while something goes on that may free space, or a drive.
    fn is_moving(&self) -> bool {
        let stuck = self.waiting_for_room().len();
        self.in_flight().count() > stuck || self.drives.iter().any(Drive::is_busy)
    }
}
