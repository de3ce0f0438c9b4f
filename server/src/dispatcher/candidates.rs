//! Which dump is started next, and why none is.
//!
//! A dump is a candidate when nothing stands in its way: its time has come, its host and its network take
//! one more, and there is a place for the image. Among candidates the priority of the configuration
//! decides first, then the letter of the dumper (`dumporder`), then the order of the plan.

use std::cmp::Ordering;
use std::fmt;

use types::Bytes;

use super::Dispatcher;
use super::drives::DriveState;
use super::job::Job;
use super::site::{Holding, Letter};
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

/// Where a dump is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Holding,
    Drive,
}

impl Dispatcher {
    /// Why no further dump is started.
    pub fn idle(&self) -> Idle {
        if self.dumpers.iter().all(Option::is_some) {
            return Idle::Busy;
        }
        let waiting = self.jobs.iter().filter(|job| job.is_waiting());
        waiting.filter_map(|job| self.obstacle(job)).max().unwrap_or(Idle::NothingLeft)
    }

    /// The job that this dumper takes next, of those that go `route`.
    pub(super) fn next_job(&self, dumper: usize, route: Route) -> Option<usize> {
        let letter = self.site.dumporder.get(dumper).copied();
        let letter =
            letter.unwrap_or(if dumper < 3 { Letter::ShortestTime } else { Letter::LongestTime });
        let better = |a: &Job, b: &Job| {
            let by_priority = b.planned.priority.cmp(&a.planned.priority);
            by_priority.then_with(|| prefer(letter, a, b)) == Ordering::Less
        };
        let mut best: Option<usize> = None;
        for (at, job) in self.jobs.iter().enumerate().filter(|(_, job)| job.is_waiting()) {
            // What stands in its way is asked only of a job that would be taken.
            if best.is_none_or(|best| better(job, &self.jobs[best]))
                && self.route(job) == route
                && self.obstacle(job).is_none()
            {
                best = Some(at);
            }
        }
        best
    }

    /// Whether the image goes to holding or straight to a drive.
    pub(super) fn route(&self, job: &Job) -> Route {
        match job.manner.holding {
            Holding::Required => Route::Holding,
            Holding::Never => Route::Drive,
            Holding::Auto if job.no_space || !self.space.could_ever_hold(job.size()) => {
                Route::Drive
            }
            Holding::Auto => Route::Holding,
        }
    }

    /// What stands in the way of this dump.
    pub(super) fn obstacle(&self, job: &Job) -> Option<Idle> {
        if job.planned.not_before > self.now {
            return Some(Idle::StartTime);
        }
        if !self.client_is_free(job) {
            return Some(Idle::Clients);
        }
        if !self.network_is_free(job) {
            return Some(Idle::Bandwidth);
        }
        match self.route(job) {
            Route::Drive if self.ready_drive_for(job).is_none() => Some(Idle::NoDrive),
            Route::Drive => None,
            Route::Holding if self.has_room_for(job) => None,
            Route::Holding if self.may_get_volumes(job) => Some(Idle::VolumeUnknown),
            Route::Holding => Some(Idle::NoSpace),
        }
    }

    /// What has to stay free for incrementals when this one is started. As long as nobody knows whether
    /// there is a volume, it is treated as if there were none.
    pub(super) fn untouched(&self, job: &Job) -> Bytes {
        let volumes = |&store: &StoreNo| {
            self.is_possible(store) && self.store(store).volumes != Volumes::Unknown
        };
        let leaves = job.goal().now.iter().any(volumes);
        // What no run of this kind writes was never meant to leave tonight.
        let stays = job.goal().now.is_empty() && !job.goal().later.is_empty();
        if job.way.level.is_full() && !leaves && !stays { self.reserve() } else { Bytes::ZERO }
    }

    /// Dumps in flight that have used up their space come first: a new one would only wait beside them.
    fn has_room_for(&self, job: &Job) -> bool {
        let waits = |job: &Job| job.dumping().is_some_and(|dumping| dumping.waits.is_some());
        !self.in_flight().any(waits) && self.space.fits(job.size(), self.untouched(job))
    }

    /// Whether somebody has still to look for a volume for it.
    fn may_get_volumes(&self, job: &Job) -> bool {
        let unknown = |&store: &StoreNo| self.store(store).volumes == Volumes::Unknown;
        job.goal().now.iter().any(unknown)
    }

    /// The part of holding that is kept for incrementals. (Amanda divides the percentage as an integer
    /// first, so that all below 100 is nothing.)
    pub(super) fn reserve(&self) -> Bytes {
        self.space.total().share(f64::from(self.site.reserve.min(100)) / 100.0)
    }

    /// A drive with a volume that the job may go to, and that has nothing to do.
    pub(super) fn ready_drive_for(&self, job: &Job) -> Option<usize> {
        let ready = |&store: &StoreNo| {
            self.drives.iter().position(|drive| {
                matches!(&drive.state, DriveState::Mounted(volume) if volume.store == store)
            })
        };
        job.goal().now.iter().find_map(ready).filter(|_| self.haste.is_none())
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

    /// An interface that nobody uses takes any dump, however fast.
    fn network_is_free(&self, job: &Job) -> bool {
        let limit = job.manner.interface.as_ref().and_then(|name| self.site.interfaces.get(name));
        let Some(&limit) = limit else { return true };
        let same = |other: &&Job| other.manner.interface == job.manner.interface;
        let mut rates = self.in_flight().filter(same).map(Job::rate).peekable();
        rates.peek().is_none() || rates.sum::<Bytes>() + job.rate() <= limit
    }
}

/// `Less` when the letter prefers `a`.
fn prefer(letter: Letter, a: &Job, b: &Job) -> Ordering {
    let seconds = |job: &Job| job.way.cost.seconds;
    match letter {
        Letter::SmallestSize => a.size().cmp(&b.size()),
        Letter::LargestSize => b.size().cmp(&a.size()),
        Letter::ShortestTime => seconds(a).cmp(&seconds(b)),
        Letter::LongestTime => seconds(b).cmp(&seconds(a)),
        Letter::LowestBandwidth => a.rate().cmp(&b.rate()),
        Letter::HighestBandwidth => b.rate().cmp(&a.rate()),
    }
}
