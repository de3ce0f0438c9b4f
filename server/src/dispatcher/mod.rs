//! The dispatcher: decides what happens next in a run.
//!
//! It takes one [`Event`] at a time and returns the [`Action`]s that follow from it. It does nothing itself:
//! no disk, no drive, no clock, no threads. The loop around it carries the actions out and reports what
//! became of them; `event.rs` says which event answers which action.
//!
//! ```text
//!   Plan ──┐              StartDump        Held            WriteImage      ImagePlaced
//!          ├─► waiting ─────────────► dumping ───► on holding ───────► writing ───► placed
//!   images ┘                   │        │  │      (for each storage)                  │ in all: Release
//!   left over ─► on holding    │        │  └── straight to a drive of one storage ────┘
//!                              │        └─► DumpFailed: again, as a full, degraded, or given up
//!                              └─► no volume: degraded mode
//! ```
//!
//! A run may write to several storages. Each image knows those that it must get to; each storage has its own drives,
//! volumes and thresholds, and one that can't go on does not stop the others.
//!
//! What always holds:
//!
//! - A DLE is dumped by one dumper at a time, and ends the run with exactly one [`Outcome`].
//! - An image that is held stays held until it is placed in every storage that it must get to.
//! - A dump straight to a volume ends in one storage; what it lacks is told, and copied later.
//! - No limit is exceeded: dumpers, dumps per host and spindle, interfaces, holding space, drives, volumes.
//! - When every action is answered, the run ends.
//!
//! Each event changes the state by itself (`dumps`, `drives`); then [`Dispatcher::advance`] looks at the
//! whole and starts what can be started: `tape` gives the drives work, `candidates` chooses the next dumps,
//! `shortage` decides what to do without space or without volumes.

mod candidates;
mod drives;
mod dumps;
mod event;
mod job;
mod jobs;
mod lanes;
mod pick;
mod shortage;
mod site;
mod space;
mod stores;
mod tape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use types::{DleRef, DriveId, DumpId, Level, StorageName};

pub use candidates::Idle;
pub use event::{Action, Event, Failure, Haste, Hindrance, Reason, Start, To};
pub use site::{
    Algorithm, Destinations, Holding, Leftover, Letter, Manner, Site, Taper, Thresholds,
};
pub(crate) use space::Space;
pub use space::{Disk, DiskNo, Reservation, Share};

use crate::planner::Plan;
use drives::Drive;
use job::{Abort, Image, Job, State};
use jobs::Jobs;
use stores::{Store, StoreNo};

/// How a planned DLE ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its image is on volumes, and no longer on the holding disk.
    Placed {
        /// The dump.
        dump: DumpId,
        /// Its level, which may be another than was planned.
        level: Level,
        /// The storages that it must still get to, when it went straight to a volume of another.
        lacks: Vec<StorageName>,
    },
    /// Its image waits on the holding disk, if only for one of the storages that it must get to.
    Held {
        /// The dump.
        dump: DumpId,
        /// Its level, which may be another than was planned.
        level: Level,
    },
    /// There is no image.
    Failed {
        /// Why.
        why: Reason,
    },
}

/// The state of a run.
pub struct Dispatcher {
    site: Site,
    ids: Box<dyn FnMut() -> DumpId + Send>,
    jobs: Jobs,
    images: BTreeMap<DumpId, Image>,
    space: Space,
    /// What each dumper does.
    dumpers: Vec<Option<usize>>,
    drives: Vec<Drive>,
    stores: Vec<Store>,
    /// How many times a storage was given a drive.
    turns: u64,
    /// How many images have come to holding.
    arrived: u64,
    haste: Option<Haste>,
    phase: Phase,
    /// When the last `WakeAt` rings.
    wake: Option<u64>,
    actions: Vec<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Running,
    Done,
}

impl Dispatcher {
    /// A run that carries out `plan`, and writes the images `left_over` from earlier runs. `manners` says
    /// how each DLE is dumped; `ids` makes a new dump id whenever it is called.
    pub fn new(
        plan: &Plan,
        manners: &BTreeMap<DleRef, Manner>,
        site: Site,
        left_over: &[Leftover],
        ids: Box<dyn FnMut() -> DumpId + Send>,
    ) -> Self {
        let manner = |dle: &DleRef| manners.get(dle).cloned().unwrap_or_default();
        let jobs = plan
            .dumps()
            .iter()
            .map(|planned| Job::new(planned.clone(), manner(&planned.dle), &site.tapers));
        let mut space = Space::new(site.disks.clone());
        let mut images = BTreeMap::new();
        let mut in_order: Vec<&Leftover> = left_over.iter().collect();
        in_order.sort_by_key(|image| (image.run, image.dump));
        for (order, image) in (0..).zip(in_order) {
            space.adopt(image.dump, image.on.clone());
            images.insert(image.dump, Image::left_over(image, order, &site.tapers));
        }
        let inparallel = site.inparallel.max(1);
        let letters: Vec<_> = (0..inparallel).map(|dumper| site.letter(dumper)).collect();
        Self {
            ids,
            jobs: Jobs::new(jobs.collect(), &letters, &space),
            arrived: images.len() as u64,
            images,
            space,
            dumpers: vec![None; inparallel],
            drives: drives_of(&site.tapers),
            stores: site.tapers.iter().cloned().map(Store::new).collect(),
            turns: 0,
            haste: None,
            phase: Phase::Before,
            wake: None,
            actions: Vec::new(),
            site,
        }
    }

    /// Takes what happened; says what to do.
    pub fn apply(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Started if self.phase == Phase::Before => self.phase = Phase::Running,
            Event::Started => (),
            Event::Time(now) => self.jobs.wake(now),
            Event::Cancelled { dle, why } => self.cancelled(&dle, &why),
            Event::Interrupted(haste) => self.haste = self.haste.max(Some(haste)),
            Event::Held { dump, stored, on, raw: _ } => self.held(dump, stored, on),
            Event::NeedsRoom { dump, used, full } => self.needs_room(dump, used, full),
            Event::DumpFailed { dump, failure, why } => self.dump_failed(dump, failure, &why),
            Event::VolumeFound { drive } => self.at_drive(&drive, Self::volume_found),
            Event::NoVolume { drive, why } => self.at_drive(&drive, |d, at| d.no_volume(at, &why)),
            Event::VolumeMounted { drive, label, room, start } => {
                self.at_drive(&drive, |d, at| d.volume_mounted(at, (label, start), room));
            }
            Event::VolumeFull { drive } => self.at_drive(&drive, Self::volume_full),
            Event::DiskFull { drive } => self.at_drive(&drive, Self::disk_full),
            Event::PartPlaced { drive, dump, stored } => {
                self.at_drive(&drive, |d, at| d.part_placed(at, dump, stored));
            }
            Event::ImagePlaced { drive, dump } => {
                self.at_drive(&drive, |d, at| d.image_placed(at, dump));
            }
            Event::ImageEnded { drive, dump } => {
                self.at_drive(&drive, |d, at| d.image_ended(at, dump));
            }
            Event::Unreadable { drive, dump, why } => {
                self.at_drive(&drive, |d, at| d.unreadable(at, dump, &why));
            }
            Event::VolumeFinished { drive } => self.at_drive(&drive, Self::volume_finished),
            Event::DriveFailed { drive, blame, why } => {
                self.at_drive(&drive, |d, at| d.drive_failed(at, blame, &why));
            }
        }
        if self.phase == Phase::Running {
            self.advance();
        }
        std::mem::take(&mut self.actions)
    }

    /// How each DLE of the plan ended; `None` while it has not.
    pub fn outcomes(&self) -> impl Iterator<Item = (&DleRef, Option<&Outcome>)> {
        self.jobs.iter().map(|job| match &job.state {
            State::Over(outcome) => (job.dle(), Some(outcome)),
            State::Waiting | State::Dumping(_) => (job.dle(), None),
        })
    }

    /// Whether nothing more is done about a DLE in this run.
    pub fn is_over(&self, dle: &DleRef) -> bool {
        let job = self.jobs.find(dle).map(|at| &self.jobs[at]);
        job.is_none_or(|job| matches!(job.state, State::Over(_)))
    }

    /// The images on holding that are not placed.
    pub fn held_images(&self) -> impl Iterator<Item = DumpId> {
        self.images.keys().copied()
    }

    /// The storages of which no volume is to be had any more, each with the reason. When it is all of them, the
    /// run is in degraded mode.
    pub fn degraded(&self) -> impl Iterator<Item = (&StorageName, Reason)> {
        let stores = (0..self.stores.len()).map(StoreNo);
        let without = stores.filter(|&store| !self.is_possible(store));
        without.map(|store| (self.store(store).name(), self.no_more_volumes(store)))
    }

    /// The DLEs that are still to be dumped, each with what it waits for; `None`: only for a dumper.
    pub fn waiting(&self) -> impl Iterator<Item = (&DleRef, Option<Idle>)> {
        let waiting = self.jobs.waiting().map(|at| &self.jobs[at]);
        waiting.map(|job| (job.dle(), self.obstacle(job)))
    }

    /// Starts what can be started.
    fn advance(&mut self) {
        self.hurry();
        self.look_for_volumes();
        self.degrade();
        self.grant_room();
        loop {
            self.keep_drives_busy();
            self.start_dumps();
            if !self.resolve_shortage() {
                break;
            }
        }
        self.finish_volumes();
        self.wait_or_end();
    }

    fn wait_or_end(&mut self) {
        match self.jobs.next_to_wake() {
            Some(time) if self.wake != Some(time) => {
                self.wake = Some(time);
                self.actions.push(Action::WakeAt(time));
            }
            Some(_) => (),
            None if !self.is_busy() && self.jobs.waiting().next().is_none() => {
                self.phase = Phase::Done;
                self.actions.push(Action::Done);
            }
            None => (),
        }
    }

    /// True while an answer is owed.
    fn is_busy(&self) -> bool {
        self.dumpers.iter().any(Option::is_some) || self.drives.iter().any(Drive::is_busy)
    }

    fn at_drive(&mut self, id: &DriveId, does: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = self.drives.iter().position(|drive| &drive.id == id) {
            does(self, at);
        }
    }

    /// The operator does not want a DLE dumped.
    fn cancelled(&mut self, dle: &DleRef, why: &str) {
        let Some(at) = self.jobs.find(dle) else { return };
        match self.jobs[at].state {
            State::Waiting => self.give_up(at, Reason::of(Hindrance::Stopped, why)),
            State::Dumping(_) => self.abort(at, Abort::Cancelled(why.to_owned()), why),
            State::Over(_) => (),
        }
    }

    fn give_up(&mut self, at: usize, why: Reason) {
        let dle = self.jobs[at].dle().clone();
        let failed = Outcome::Failed { why: why.clone() };
        self.change(at, |job| job.state = State::Over(failed));
        self.actions.push(Action::GiveUp { dle, why });
    }
}

/// The drives of all storages, each once.
fn drives_of(tapers: &[site::Taper]) -> Vec<Drive> {
    let mut drives = Vec::<Drive>::new();
    for (at, taper) in tapers.iter().enumerate() {
        for id in &taper.drives {
            match drives.iter_mut().find(|drive| drive.id == *id) {
                Some(drive) => drive.serves.push(StoreNo(at)),
                None => drives.push(Drive::new(id.clone(), StoreNo(at))),
            }
        }
    }
    drives
}
