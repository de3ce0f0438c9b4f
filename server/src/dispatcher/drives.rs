//! Drives: what each is doing, and what follows from what it says.
//!
//! ```text
//!            LookForVolume                    WriteImage, or a dump straight to it
//!   Looking ◄───────────── Idle   Mounted ───────────────────────────────────────► Writing
//!      └──────────────────►  │      ▲  ▲ └─ FinishVolume ─► Finishing ─► Idle         │
//!                            ▼      │  └──── ImagePlaced, ImageEnded, DumpFailed ─────┤
//!              MountVolume ─► Mounting ◄─────────── VolumeFull ───────────────────────┤
//!                               └─ NoVolume ─► Ending ─► Idle         DriveFailed ────┴─► Idle, Retired
//! ```

use types::{Blame, Bytes, DriveId, DumpId, Label};

use super::event::Start;
use super::job::{Abort, CopyState, State};
use super::stores::{StoreNo, Volumes};
use super::{Action, Dispatcher, Hindrance, Outcome, Reason};

/// A drive that is reset more often than this from one image to the next is not worth another try.
const RESETS: u32 = 3;
/// A drive in which so many volumes failed is itself to blame.
const BAD_VOLUMES: u32 = 3;
/// An image that so many drives or volumes failed with is left for another run.
const BAD_TRIES: u32 = 3;

/// One drive.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) id: DriveId,
    /// The storages that may use it.
    pub(super) serves: Vec<StoreNo>,
    pub(super) state: DriveState,
    resets: u32,
    bad_volumes: u32,
}

/// What a drive is doing.
#[derive(Debug)]
pub(super) enum DriveState {
    /// Nothing, and nothing is mounted.
    Idle,
    Looking(StoreNo),
    /// The volume `again`, or a new one. In the middle of `work`, if any.
    Mounting {
        store: StoreNo,
        again: Option<Volume>,
        work: Option<Work>,
    },
    /// Ready.
    Mounted(Volume),
    /// `ending`: it was told to write no further part.
    Writing {
        volume: Volume,
        work: Work,
        ending: bool,
    },
    /// No volume is to be had, and it was told to end what it is in the middle of.
    Ending {
        store: StoreNo,
        work: Work,
    },
    /// `parks`: it makes way for another storage, and may be mounted again.
    Finishing {
        volume: Volume,
        parks: bool,
    },
    /// Out of use for this run.
    Retired,
}

impl DriveState {
    /// The storage that the drive is at work for.
    pub(super) fn store(&self) -> Option<StoreNo> {
        match self {
            Self::Idle | Self::Retired => None,
            Self::Looking(store) | Self::Mounting { store, .. } | Self::Ending { store, .. } => {
                Some(*store)
            }
            Self::Mounted(volume)
            | Self::Writing { volume, .. }
            | Self::Finishing { volume, .. } => Some(volume.store),
        }
    }
}

/// A mounted volume.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) store: StoreNo,
    pub(super) label: Label,
    pub(super) room: Option<Bytes>,
    /// How many images are on it, those of earlier runs included.
    pub(super) images: u32,
}

/// What a drive writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// An image from holding.
    Image(DumpId),
    /// A dump in flight.
    Dump(DumpId),
}

impl Drive {
    pub(super) fn new(id: DriveId, serves: StoreNo) -> Self {
        let serves = vec![serves];
        Self { id, serves, state: DriveState::Idle, resets: 0, bad_volumes: 0 }
    }

    /// True while it owes an answer.
    pub(super) fn is_busy(&self) -> bool {
        use DriveState as S;
        !matches!(self.state, S::Idle | S::Mounted(_) | S::Retired)
    }

    /// Gives the mounted volume work. False when none is mounted.
    pub(super) fn begin(&mut self, work: Work) -> bool {
        match self.take_state() {
            DriveState::Mounted(volume) => {
                self.state = DriveState::Writing { volume, work, ending: false };
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    /// The work is over, with whatever result. True if it was this drive's.
    pub(super) fn drop_work(&mut self, done: Work) -> bool {
        let (state, was_ours) = match self.take_state() {
            DriveState::Writing { volume, work, .. } if work == done => {
                (DriveState::Mounted(volume), true)
            }
            DriveState::Mounting { store, again, work: Some(work) } if work == done => {
                (DriveState::Mounting { store, again, work: None }, true)
            }
            DriveState::Ending { work, .. } if work == done => (DriveState::Idle, true),
            other => (other, false),
        };
        self.state = state;
        was_ours
    }

    pub(super) fn take_state(&mut self) -> DriveState {
        std::mem::replace(&mut self.state, DriveState::Idle)
    }
}

impl Dispatcher {
    pub(super) fn volume_found(&mut self, at: usize) {
        if let DriveState::Looking(store) = self.drives[at].state {
            self.drives[at].state = DriveState::Idle;
            self.store_mut(store).volumes = Volumes::Some;
        }
    }

    pub(super) fn no_volume(&mut self, at: usize, why: &str) {
        match self.drives[at].take_state() {
            DriveState::Looking(store) => {
                self.store_mut(store).volumes = Volumes::None(why.to_owned());
            }
            DriveState::Mounting { store, again, work } => {
                // Not to find the volume of a moment ago says nothing about others.
                if again.is_none() {
                    self.store_mut(store).volumes = Volumes::None(why.to_owned());
                }
                if let Some(work) = work {
                    self.end(at, store, work, Reason::of(Hindrance::Volumes, why));
                }
            }
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn volume_mounted(
        &mut self,
        at: usize,
        (label, start): (Label, Start),
        room: Option<Bytes>,
    ) {
        match self.drives[at].take_state() {
            DriveState::Mounting { store, again, work } => {
                let own = self.store_mut(store);
                own.note(&label, start);
                if own.volumes == Volumes::Unknown {
                    own.volumes = Volumes::Some;
                }
                let again = again.filter(|volume| volume.label == label);
                let images = again.map_or(start.images(), |volume| volume.images);
                let volume = Volume { store, label, room, images };
                self.drives[at].state = match work {
                    None => DriveState::Mounted(volume),
                    Some(work) => DriveState::Writing { volume, work, ending: false },
                };
            }
            // It had to be mounted again, and there was only another.
            DriveState::Writing { mut volume, work, ending } => {
                self.store_mut(volume.store).note(&label, start);
                (volume.label, volume.room, volume.images) = (label, room, start.images());
                self.drives[at].state = DriveState::Writing { volume, work, ending };
            }
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn volume_full(&mut self, at: usize) {
        match self.drives[at].take_state() {
            DriveState::Writing { volume, work, ending: true } => {
                self.drives[at].state = DriveState::Ending { store: volume.store, work };
            }
            DriveState::Writing { volume, work, .. } if self.goes_on_with(volume.store, work) => {
                self.mount_next(at, volume.store, Some(work));
            }
            DriveState::Writing { volume, work, .. } => {
                let why = self.no_more_volumes(volume.store);
                self.end(at, volume.store, work, why);
            }
            // The dump that it was full of ended in the meantime.
            DriveState::Mounted(_) => (),
            other => self.drives[at].state = other,
        }
    }

    /// The volume ended before its time. What it has taken is no volume's worth.
    pub(super) fn disk_full(&mut self, at: usize) {
        if let DriveState::Writing { volume, .. } = &self.drives[at].state {
            let (store, label) = (volume.store, volume.label.clone());
            self.store_mut(store).begun.remove(&label);
        }
        self.volume_full(at);
    }

    pub(super) fn part_placed(&mut self, at: usize, dump: DumpId, stored: Bytes) {
        let DriveState::Writing { volume, .. } = &mut self.drives[at].state else { return };
        volume.room = volume.room.map(|room| room - stored);
        let store = volume.store;
        if let Some(copy) = self.images.get_mut(&dump).and_then(|image| image.copy_mut(store)) {
            copy.placed += stored;
        }
    }

    pub(super) fn image_placed(&mut self, at: usize, dump: DumpId) {
        let drive = &mut self.drives[at];
        let Some(store) = drive.state.store() else { return };
        if drive.drop_work(Work::Image(dump)) {
            self.copy_placed(dump, store);
        } else if drive.drop_work(Work::Dump(dump)) {
            if let Some(job) = self.job_of(dump) {
                self.placed_directly(job, dump, store);
            }
        } else {
            return;
        }
        let drive = &mut self.drives[at];
        drive.resets = 0;
        if let DriveState::Mounted(volume) = &mut drive.state {
            volume.images += 1;
        }
    }

    /// One storage has the image. When all have that must, it leaves holding.
    fn copy_placed(&mut self, dump: DumpId, store: StoreNo) {
        let Some(image) = self.images.get_mut(&dump) else { return };
        if let Some(copy) = image.copy_mut(store) {
            copy.state = CopyState::Placed;
        }
        if !image.is_placed_everywhere() {
            return;
        }
        let stores = image.copies.keys().map(|&store| self.stores[store.0].name().clone());
        self.actions.push(Action::Release { dump, placed: stores.collect() });
        self.space.release(dump);
        let job = self.images.remove(&dump).and_then(|image| image.job);
        if let Some(at) = job
            && let State::Over(Outcome::Held { dump, level }) = self.jobs[at].state
        {
            let placed = Outcome::Placed { dump, level, lacks: Vec::new() };
            self.change(at, |job| job.state = State::Over(placed));
        }
    }

    pub(super) fn image_ended(&mut self, at: usize, dump: DumpId) {
        let drive = &mut self.drives[at];
        let Some(store) = drive.state.store() else { return };
        if drive.drop_work(Work::Image(dump))
            && let Some(copy) = self.images.get_mut(&dump).and_then(|image| image.copy_mut(store))
        {
            copy.state = CopyState::Waiting;
        }
    }

    /// The image stays where it is, for a person to look at; the DLE is dumped once more, unless a storage has the
    /// image already.
    pub(super) fn unreadable(&mut self, at: usize, dump: DumpId, why: &str) {
        let drive = &mut self.drives[at];
        let Some(store) = drive.state.store() else { return };
        if !drive.drop_work(Work::Image(dump)) {
            return;
        }
        let Some(image) = self.images.get_mut(&dump) else { return };
        for (&other, copy) in &mut image.copies {
            if copy.state == CopyState::Waiting || other == store {
                copy.state = CopyState::Stays;
            }
        }
        if !image.is_placed_somewhere()
            && let Some(job) = image.job.take()
        {
            let possible = self.is_possible_for(self.jobs[job].goal());
            self.change(job, |job| job.no_space = possible);
            self.again(job, &format!("its image on holding can't be read: {why}"));
        }
    }

    pub(super) fn volume_finished(&mut self, at: usize) {
        match self.drives[at].take_state() {
            DriveState::Finishing { volume, parks: true } => {
                self.store_mut(volume.store).parked.push(volume);
            }
            DriveState::Finishing { .. } => (),
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn drive_failed(&mut self, at: usize, blame: Blame, why: &str) {
        use DriveState as S;
        let store = self.drives[at].state.store();
        let (volume, work) = match self.drives[at].take_state() {
            S::Retired => {
                self.drives[at].state = S::Retired;
                return;
            }
            S::Idle | S::Looking(_) => (None, None),
            S::Mounting { again, work, .. } => (again, work),
            S::Mounted(volume) | S::Finishing { volume, .. } => (Some(volume), None),
            S::Writing { volume, work, .. } => (Some(volume), Some(work)),
            S::Ending { work, .. } => (None, Some(work)),
        };
        if let Some((store, work)) = store.zip(work) {
            self.interrupted_work(store, work, why);
        }
        self.react(at, blame, (store, volume), why);
        for &store in &self.drives[at].serves.clone() {
            let own = |drive: &&Drive| drive.serves.contains(&store);
            if self.drives.iter().filter(own).all(|d| matches!(d.state, S::Retired)) {
                self.store_mut(store).volumes = Volumes::None(format!("no drive is left: {why}"));
            }
        }
    }

    fn interrupted_work(&mut self, store: StoreNo, work: Work, why: &str) {
        match work {
            Work::Image(dump) => {
                let image = self.images.get_mut(&dump);
                let Some(copy) = image.and_then(|image| image.copy_mut(store)) else { return };
                copy.failures += 1;
                let given_up = copy.failures >= BAD_TRIES;
                copy.state = if given_up { CopyState::Stays } else { CopyState::Waiting };
            }
            Work::Dump(dump) => {
                if let Some(job) = self.job_of(dump) {
                    self.abort(job, Abort::Drive(why.to_owned()), why);
                }
            }
        }
    }

    fn react(
        &mut self,
        at: usize,
        blame: Blame,
        (store, volume): (Option<StoreNo>, Option<Volume>),
        why: &str,
    ) {
        let drive = &mut self.drives[at];
        match blame {
            Blame::Nothing => {
                drive.resets += 1;
                if drive.resets > RESETS {
                    drive.state = DriveState::Retired;
                } else if let Some((store, volume)) = store.zip(volume) {
                    self.mount(at, store, Some(volume), None);
                }
            }
            Blame::Medium => {
                drive.bad_volumes += 1;
                if drive.bad_volumes >= BAD_VOLUMES {
                    drive.state = DriveState::Retired;
                }
            }
            Blame::Drive => drive.state = DriveState::Retired,
            Blame::Host => {
                drive.state = DriveState::Retired;
                let all = drive.serves.clone();
                for store in store.map_or(all, |store| vec![store]) {
                    self.store_mut(store).volumes = Volumes::None(why.to_owned());
                }
            }
        }
    }

    /// Mounts a volume with room that had to make way, else the next one.
    pub(super) fn mount_next(&mut self, at: usize, store: StoreNo, work: Option<Work>) {
        let parked = self.store_mut(store).parked.pop();
        self.mount(at, store, parked, work);
    }

    fn mount(&mut self, at: usize, store: StoreNo, again: Option<Volume>, work: Option<Work>) {
        self.turns += 1;
        self.stores[store.0].turn = self.turns;
        let storage = self.stores[store.0].name().clone();
        let drive = &mut self.drives[at];
        let label = again.as_ref().map(|volume| volume.label.clone());
        drive.state = DriveState::Mounting { store, again, work };
        self.actions.push(Action::MountVolume { drive: drive.id.clone(), storage, again: label });
    }

    /// There is no volume to go on with.
    fn end(&mut self, at: usize, store: StoreNo, work: Work, why: Reason) {
        self.drives[at].state = DriveState::Ending { store, work };
        match work {
            Work::Image(dump) => {
                let drive = self.drives[at].id.clone();
                self.actions.push(Action::EndImage { drive, dump, why: why.words });
            }
            Work::Dump(dump) => match self.job_of(dump) {
                Some(job) => {
                    let words = why.words.clone();
                    self.abort(job, Abort::NoSpace(why), &words);
                }
                None => self.drives[at].state = DriveState::Idle,
            },
        }
    }
}
