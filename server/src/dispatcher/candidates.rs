//! Which dump is started next, and why none is.
//!
//! A dump is a candidate when nothing stands in its way: its time has come, its host and its network take
//! one more, and there is a place for the image. Among candidates the priority of the configuration
//! decides first, then the letter of the dumper (`dumporder`), then the order of the plan.

use std::fmt;

use types::Bytes;

use super::Dispatcher;
use super::drives::DriveState;
use super::job::{Goal, Job, Route};
use super::lanes::{Bounds, Kind, KindNo, Network};
use super::site::Letter;
use super::stores::{StoreNo, Volumes};

/// What keeps a dumper from its next dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Idle {
    /// Nothing: every dumper is busy.
    Busy,
    /// No dump is left to start.
    NothingLeft,
    /// The next has to wait for its start time.
    StartTime,
    /// The hosts of the others have all the dumps that they may have at once.
    Clients,
    /// The network has no room for another.
    Bandwidth,
    /// It is not known yet whether there is a volume, and fulls would fill the space that is kept for
    /// incrementals.
    VolumeUnknown,
    /// The next go straight to a drive, and no drive is ready.
    NoDrive,
    /// There is no space on holding.
    NoSpace,
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "all dumpers are busy",
            Self::NothingLeft => "no dump is left to start",
            Self::StartTime => "waiting for a start time",
            Self::Clients => "the hosts have all the dumps that they may have at once",
            Self::Bandwidth => "the network has no room for another dump",
            Self::VolumeUnknown => "waiting to hear whether there is a volume",
            Self::NoDrive => "waiting for a drive",
            Self::NoSpace => "no space on holding",
        })
    }
}

impl Dispatcher {
    /// Why no further dump is started.
    pub fn idle(&self) -> Idle {
        if self.dumpers.iter().all(Option::is_some) {
            return Idle::Busy;
        }
        let waiting = self.jobs.waiting().filter_map(|at| self.obstacle(&self.jobs[at]));
        waiting.max().unwrap_or(Idle::NothingLeft)
    }

    /// The job that this dumper takes next, of those that go `route`.
    pub(super) fn next_job(&self, dumper: usize, route: Route) -> Option<usize> {
        #[cfg(test)]
        self.compare_with_all_jobs();
        self.next_in_line(self.site.letter(dumper), route)
    }

    /// The job that the letter prefers. [`Dispatcher::obstacle`] says when a job can be started; this finds the first of
    /// those without asking it of each.
    pub(super) fn next_in_line(&self, letter: Letter, route: Route) -> Option<usize> {
        let kinds = self.jobs.kinds().filter(|(_, kind)| kind.route == route);
        let first = kinds.filter_map(|(no, kind)| match route {
            Route::Drive => {
                self.ready_drive_for(&kind.goal)?;
                let network = self.network(kind.interface.as_ref());
                self.jobs.first(no, letter, &Bounds { network, room: &|_| true })
            }
            Route::Holding if self.somebody_waits_for_room() => None,
            Route::Holding => {
                let untouched = self.untouched(&kind.goal, kind.full);
                let room = |size| self.space.fits(size, untouched);
                let network = self.network(kind.interface.as_ref());
                self.jobs.first(no, letter, &Bounds { network, room: &room })
            }
        });
        first.min().map(|rank| rank.job)
    }

    /// What stands in the way of this dump.
    pub(super) fn obstacle(&self, job: &Job) -> Option<Idle> {
        if job.planned.not_before > self.jobs.now() {
            return Some(Idle::StartTime);
        }
        if !self.client_is_free(job) {
            return Some(Idle::Clients);
        }
        if !self.network_is_free(job) {
            return Some(Idle::Bandwidth);
        }
        match job.route(&self.space) {
            Route::Drive if self.ready_drive_for(job.goal()).is_none() => Some(Idle::NoDrive),
            Route::Drive => None,
            Route::Holding if self.has_room_for(job) => None,
            Route::Holding if self.may_get_volumes(job.goal()) => Some(Idle::VolumeUnknown),
            Route::Holding => Some(Idle::NoSpace),
        }
    }

    /// What has to stay free for incrementals when this one is started. As long as nobody knows whether
    /// there is a volume, it is treated as if there were none.
    pub(super) fn untouched(&self, goal: &Goal, full: bool) -> Bytes {
        let volumes = |&store: &StoreNo| {
            self.is_possible(store) && self.store(store).volumes != Volumes::Unknown
        };
        let leaves = goal.now.iter().any(volumes);
        // What no run of this kind writes was never meant to leave tonight.
        let stays = goal.now.is_empty() && !goal.later.is_empty();
        if full && !leaves && !stays { self.reserve() } else { Bytes::ZERO }
    }

    /// Dumps in flight that have used up their space come first: a new one would only wait beside them.
    fn has_room_for(&self, job: &Job) -> bool {
        let untouched = self.untouched(job.goal(), job.way.level.is_full());
        !self.somebody_waits_for_room() && self.space.fits(job.size(), untouched)
    }

    fn somebody_waits_for_room(&self) -> bool {
        self.in_flight().any(|job| job.dumping().is_some_and(|dumping| dumping.waits.is_some()))
    }

    /// Whether a dump that its host and the network would take finds no space on holding.
    pub(super) fn some_lack_space(&self) -> bool {
        let lacks = |(no, kind): (KindNo, &Kind)| {
            if kind.route == Route::Drive || self.may_get_volumes(&kind.goal) {
                return false;
            }
            let untouched = self.untouched(&kind.goal, kind.full);
            let waits = self.somebody_waits_for_room();
            let room = |size| !waits && self.space.fits(size, untouched);
            let network = self.network(kind.interface.as_ref());
            self.jobs.some_lack_room(no, &Bounds { network, room: &room })
        };
        self.jobs.kinds().any(lacks)
    }

    /// Whether somebody has still to look for a volume.
    fn may_get_volumes(&self, goal: &Goal) -> bool {
        let unknown = |&store: &StoreNo| self.store(store).volumes == Volumes::Unknown;
        goal.now.iter().any(unknown)
    }

    /// The part of holding that is kept for incrementals. (Amanda divides the percentage as an integer
    /// first, so that all below 100 is nothing.)
    pub(super) fn reserve(&self) -> Bytes {
        self.space.total().share(f64::from(self.site.reserve.min(100)) / 100.0)
    }

    /// A drive with a volume of one of the storages, and that has nothing to do.
    pub(super) fn ready_drive_for(&self, goal: &Goal) -> Option<usize> {
        let ready = |&store: &StoreNo| {
            self.drives.iter().position(|drive| {
                matches!(&drive.state, DriveState::Mounted(volume) if volume.store == store)
            })
        };
        goal.now.iter().find_map(ready).filter(|_| self.haste.is_none())
    }

    /// The jobs being dumped.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &Job> {
        self.dumpers.iter().flatten().map(|&job| &self.jobs[job])
    }

    fn client_is_free(&self, job: &Job) -> bool {
        let host = &job.dle().host;
        let others = || self.in_flight().filter(|other| &other.dle().host == host);
        let spindle_busy = job.manner.spindle.is_some()
            && others().any(|other| other.manner.spindle == job.manner.spindle);
        !spindle_busy && others().count() < job.manner.maxdumps.max(1) as usize
    }

    fn network_is_free(&self, job: &Job) -> bool {
        self.network(job.manner.interface.as_ref()).takes(job)
    }

    /// What others leave of an interface. One that nobody uses takes any dump, however fast.
    pub(super) fn network(&self, interface: Option<&String>) -> Network {
        let limit = interface.and_then(|name| self.site.interfaces.get(name));
        let Some(&limit) = limit else { return Network::Free };
        let same = |other: &&Job| other.manner.interface.as_ref() == interface;
        let mut rates = self.in_flight().filter(same).map(Job::rate).peekable();
        match rates.peek() {
            None => Network::Free,
            Some(_) => Network::Used { by_others: rates.sum(), limit },
        }
    }
}
