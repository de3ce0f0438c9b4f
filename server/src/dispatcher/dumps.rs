//! Dumps: started, grown, held, failed.

use types::{Bytes, DumpId};

use super::drives::Work;
use super::job::{Abort, Dumping, Image, Place, Route, State};
use super::stores::StoreNo;
use super::{Action, DiskNo, Dispatcher, Failure, Hindrance, Job, Outcome, Reason, Share, To};

impl Dispatcher {
    /// Gives every idle dumper its next dump to holding.
    pub(super) fn start_dumps(&mut self) {
        for dumper in 0..self.dumpers.len() {
            let idle = self.dumpers[dumper].is_none() && self.haste.is_none();
            // What stands in the way of every dump does so whatever the dumper prefers.
            if idle && !self.start_to_holding(dumper) {
                return;
            }
        }
    }

    /// Gives drives that are ready to dumps that go straight to one.
    pub(super) fn start_direct_dumps(&mut self) {
        for dumper in 0..self.dumpers.len() {
            if self.dumpers[dumper].is_none() && !self.start_direct(dumper) {
                return;
            }
        }
    }

    fn start_direct(&mut self, dumper: usize) -> bool {
        let Some(job) = self.next_job(dumper, Route::Drive) else { return false };
        let Some(drive) = self.ready_drive_for(self.jobs[job].goal()) else { return false };
        let dump = (self.ids)();
        if !self.drives[drive].begin(Work::Dump(dump)) {
            return false;
        }
        let to = To::Drive(self.drives[drive].id.clone());
        self.start(job, dumper, dump, Place::Drive(drive), to);
        true
    }

    /// False if there was none to start.
    fn start_to_holding(&mut self, dumper: usize) -> bool {
        let Some(job) = self.next_job(dumper, Route::Holding) else { return false };
        let dump = (self.ids)();
        if let Some(reservation) = self.space.reserve(dump, self.jobs[job].size()) {
            self.start(job, dumper, dump, Place::Holding, To::Holding(reservation));
        }
        true
    }

    fn start(&mut self, at: usize, dumper: usize, dump: DumpId, place: Place, to: To) {
        self.dumpers[dumper] = Some(at);
        let dumping = Dumping { dump, dumper, to: place, waits: None, aborted: None };
        self.change(at, |job| {
            job.tries += 1;
            job.state = State::Dumping(dumping);
        });
        let job = &self.jobs[at];
        self.actions.push(Action::StartDump {
            dump,
            dle: job.dle().clone(),
            level: job.way.level,
            base: job.way.base,
            to,
            change: job.change.clone(),
        });
    }

    /// The job that this dump is of, while it is in flight.
    pub(super) fn job_of(&self, dump: DumpId) -> Option<usize> {
        let is_it = |&&job: &&usize| self.jobs[job].dumping().is_some_and(|d| d.dump == dump);
        self.dumpers.iter().flatten().find(is_it).copied()
    }

    /// Takes the dump from its dumper.
    pub(super) fn land(&mut self, job: usize, state: State) -> Option<Dumping> {
        let before = self.change(job, |job| std::mem::replace(&mut job.state, state));
        let State::Dumping(dumping) = before else { return None };
        self.dumpers[dumping.dumper] = None;
        Some(dumping)
    }

    pub(super) fn held(&mut self, dump: DumpId, stored: Bytes, on: Vec<Share>) {
        let Some(at) = self.job_of(dump) else { return };
        let job = &self.jobs[at];
        let level = job.way.level;
        let image = Image::of_job(at, job, stored, self.arrived);
        self.arrived += 1;
        self.space.settle(dump, on);
        self.images.insert(dump, image);
        self.land(at, State::Over(Outcome::Held { dump, level }));
    }

    pub(super) fn needs_room(&mut self, dump: DumpId, used: Bytes, full: Option<DiskNo>) {
        if let Some(disk) = full {
            self.space.refuse(disk);
            self.jobs.route_again(&self.space);
        }
        if let Some(at) = self.job_of(dump)
            && let Some(dumping) = self.jobs.dumping_mut(at)
        {
            dumping.waits = Some(used);
        }
    }

    /// Lets dumps that wait for space go on, if there is some.
    pub(super) fn grant_room(&mut self) {
        for at in self.waiting_for_room() {
            let job = &self.jobs[at];
            let untouched = self.untouched(job.goal(), job.way.level.is_full());
            let Some(dumping) = self.jobs.dumping_mut(at) else { continue };
            let Some(used) = dumping.waits else { continue };
            let dump = dumping.dump;
            if let Some(room) = self.space.grow(dump, used, untouched) {
                dumping.waits = None;
                self.actions.push(Action::MoreRoom { dump, room });
            }
        }
    }

    /// The jobs whose dump has no space left, the one that has most first.
    pub(super) fn waiting_for_room(&self) -> Vec<usize> {
        let waits = |&job: &usize| {
            let dumping = self.jobs[job].dumping()?;
            let used = dumping.waits.filter(|_| dumping.aborted.is_none())?;
            Some((std::cmp::Reverse(used), job))
        };
        let mut jobs: Vec<_> = self.dumpers.iter().flatten().filter_map(waits).collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, job)| job).collect()
    }

    pub(super) fn abort(&mut self, job: usize, reason: Abort, why: &str) {
        let Some(dumping) = self.jobs.dumping_mut(job) else { return };
        if dumping.aborted.is_none() {
            dumping.aborted = Some(reason);
            let dump = dumping.dump;
            self.actions.push(Action::AbortDump { dump, why: why.to_owned() });
        }
    }

    pub(super) fn dump_failed(&mut self, dump: DumpId, failure: Failure, why: &str) {
        let Some(at) = self.job_of(dump) else { return };
        let Some(dumping) = self.land(at, State::Waiting) else { return };
        self.space.release(dump);
        if let Place::Drive(drive) = dumping.to {
            self.drives[drive].drop_work(Work::Dump(dump));
        }
        match (dumping.aborted, failure) {
            (Some(Abort::Cancelled(why)), _) => {
                self.give_up(at, Reason::of(Hindrance::Stopped, why));
            }
            (Some(Abort::Stopped), _) => {
                self.give_up(at, Reason::of(Hindrance::Stopped, "the run was stopped"));
            }
            // What the client says counts, even if we had given up on this try meanwhile.
            (_, Failure::NoBase) if self.change(at, Job::become_full) => self.untried(at),
            (_, Failure::NoBase | Failure::Final) => self.give_up(at, Reason::of_tries(why)),
            (Some(Abort::NoSpace(why)), _) => {
                self.untried(at);
                self.without_space(at, why);
            }
            (Some(Abort::Drive(why)), _) => self.again(at, &why),
            (None, Failure::Retry) => self.again(at, why),
            (None, Failure::Aborted) => self.give_up(at, Reason::of_tries(why)),
        }
    }

    /// Puts the job back into the queue, if it has a try left.
    pub(super) fn again(&mut self, at: usize, why: &str) {
        let job = &self.jobs[at];
        if job.tries >= job.manner.tries.max(1) {
            let tries = job.tries;
            let all =
                if tries == 1 { why.to_owned() } else { format!("{why} (after {tries} tries)") };
            self.give_up(at, Reason::of_tries(all));
        } else {
            self.change(at, |job| job.state = State::Waiting);
        }
    }

    /// What was just tried does not count as a try.
    fn untried(&mut self, at: usize) {
        self.change(at, |job| job.tries -= 1);
    }

    pub(super) fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut Job) -> T) -> T {
        self.jobs.change(at, &self.space, change)
    }

    /// A dump straight to a drive is whole and placed. What other storages lack is copied from there, later.
    pub(super) fn placed_directly(&mut self, at: usize, dump: DumpId, store: StoreNo) {
        let job = &self.jobs[at];
        let (level, goal) = (job.way.level, job.goal());
        let others = goal.now.iter().filter(|&&other| other != store);
        let others = others.map(|&other| self.store(other).name().clone());
        let lacks = others.chain(goal.later.iter().cloned()).collect();
        self.land(at, State::Over(Outcome::Placed { dump, level, lacks }));
    }
}
