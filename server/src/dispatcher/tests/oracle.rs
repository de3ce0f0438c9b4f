//! What the queue answers, found by looking at every job: slow, and surely right.

use std::cmp::Ordering;

use types::Bytes;

use crate::dispatcher::Dispatcher;
use crate::dispatcher::candidates::Idle;
use crate::dispatcher::drives::{DriveState, Work};
use crate::dispatcher::job::{Job, Place, Route, State};
use crate::dispatcher::site::Letter;
use crate::dispatcher::stores::StoreNo;

impl Dispatcher {
    /// Panics where the queue says something else than all jobs do.
    pub(in crate::dispatcher) fn compare_with_all_jobs(&self) {
        for letter in (0..self.dumpers.len()).map(|dumper| self.site.letter(dumper)) {
            for route in [Route::Holding, Route::Drive] {
                let of_all = self.next_of_all(letter, route);
                assert_eq!(self.next_in_line(letter, route), of_all, "{letter:?} {route:?}");
            }
        }
        let lacks = |job: &Job| self.obstacle(job) == Some(Idle::NoSpace);
        assert_eq!(self.some_lack_space(), self.all_waiting().any(lacks));
        for store in (0..self.stores.len()).map(StoreNo) {
            let waits = self.all_waiting().any(|job| self.waits_for_volume(job, store));
            assert_eq!(self.dump_waits_for_volume(store), waits, "{store:?}");
            let coming = |job: &&Job| job.goal().now.contains(&store) && self.comes_to_holding(job);
            let coming: Vec<Bytes> = self.jobs.iter().filter(coming).map(Job::size).collect();
            let all = (coming.iter().copied().sum(), coming.is_empty());
            assert_eq!(self.to_come(store), all, "{store:?}");
        }
        let later = self.all_waiting().map(|job| job.planned.not_before);
        let later = later.filter(|&time| time > self.jobs.now()).min();
        assert_eq!(self.jobs.next_to_wake(), later);
        assert_eq!(self.jobs.waiting().count(), self.all_waiting().count());
        let over = |job: &Job| matches!(job.state, State::Over(_));
        assert_eq!(self.jobs.all_over(), self.jobs.iter().all(over));
    }

    fn all_waiting(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| matches!(job.state, State::Waiting))
    }

    fn next_of_all(&self, letter: Letter, route: Route) -> Option<usize> {
        let fits = |job: &Job| {
            matches!(job.state, State::Waiting)
                && job.route(&self.space) == route
                && self.obstacle(job).is_none()
        };
        let candidates = self.jobs.iter().enumerate().filter(|(_, job)| fits(job));
        let best = candidates.min_by(|(_, a), (_, b)| {
            let by_priority = b.planned.priority.cmp(&a.planned.priority);
            by_priority.then_with(|| prefer(letter, a, b))
        });
        best.map(|(at, _)| at)
    }

    /// It goes straight to a volume of the storage, and has none to hope for.
    fn waits_for_volume(&self, job: &Job, store: StoreNo) -> bool {
        let goal = &job.goal().now;
        let promising = self.drives.iter().any(|drive| {
            let will_be_free = match &drive.state {
                DriveState::Mounted(_) => true,
                DriveState::Mounting { work, .. } => work.is_none(),
                DriveState::Writing { work, .. } => matches!(work, Work::Image(_)),
                _ => false,
            };
            will_be_free && drive.state.store().is_some_and(|store| goal.contains(&store))
        });
        let first = goal.iter().find(|&&store| self.is_possible(store));
        first == Some(&store) && self.obstacle(job) == Some(Idle::NoDrive) && !promising
    }

    fn comes_to_holding(&self, job: &Job) -> bool {
        match &job.state {
            State::Waiting => job.route(&self.space) == Route::Holding,
            State::Dumping(dumping) => dumping.to == Place::Holding,
            State::Over(_) => false,
        }
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
