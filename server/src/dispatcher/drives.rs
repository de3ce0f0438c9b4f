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

use types::{Blame, Bytes, DriveName, DumpId, Label};

use super::job::{Abort, ImageState, State};
use super::{Action, Dispatcher, Outcome};

/// A drive that is reset more often than this from one image to the next is not worth another try.
const RESETS: u32 = 3;
/// A drive in which so many volumes failed is itself to blame.
const BAD_VOLUMES: u32 = 3;
/// An image that so many drives or volumes failed with is left for another run.
const BAD_TRIES: u32 = 3;

/// Whether this run gets a volume, or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Volumes {
    /// Nobody has looked.
    Unknown,
    /// As far as anybody knows.
    Some,
    /// No, for this reason.
    None(String),
}

/// One drive.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) name: DriveName,
    pub(super) state: DriveState,
    resets: u32,
    bad_volumes: u32,
}

/// What a drive is doing.
#[derive(Debug)]
pub(super) enum DriveState {
    /// Nothing, and nothing is mounted.
    Idle,
    Looking,
    /// The volume `again`, or a new one. In the middle of `work`, if any.
    Mounting {
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
    Ending(Work),
    Finishing(Volume),
    /// Out of use for this run.
    Retired,
}

/// A mounted volume.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) label: Label,
    pub(super) room: Option<Bytes>,
    /// How many images were written to it in this run.
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
    pub(super) fn new(name: DriveName) -> Self {
        Self { name, state: DriveState::Idle, resets: 0, bad_volumes: 0 }
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
            DriveState::Mounting { again, work: Some(work) } if work == done => {
                (DriveState::Mounting { again, work: None }, true)
            }
            DriveState::Ending(work) if work == done => (DriveState::Idle, true),
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
        if matches!(self.drives[at].state, DriveState::Looking) {
            self.drives[at].state = DriveState::Idle;
            self.volumes = Volumes::Some;
        }
    }

    pub(super) fn no_volume(&mut self, at: usize, why: &str) {
        match self.drives[at].take_state() {
            DriveState::Looking => self.volumes = Volumes::None(why.to_owned()),
            DriveState::Mounting { again, work } => {
                // Not to find the volume of a moment ago says nothing about others.
                if again.is_none() {
                    self.volumes = Volumes::None(why.to_owned());
                }
                if let Some(work) = work {
                    self.end(at, work, why);
                }
            }
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn volume_mounted(&mut self, at: usize, label: Label, room: Option<Bytes>) {
        match self.drives[at].take_state() {
            DriveState::Mounting { again, work } => {
                self.used.insert(label.clone());
                self.volumes = match std::mem::replace(&mut self.volumes, Volumes::Some) {
                    Volumes::Unknown => Volumes::Some,
                    known => known,
                };
                let images =
                    again.filter(|volume| volume.label == label).map_or(0, |volume| volume.images);
                let volume = Volume { label, room, images };
                self.drives[at].state = match work {
                    None => DriveState::Mounted(volume),
                    Some(work) => DriveState::Writing { volume, work, ending: false },
                };
            }
            // It had to be mounted again, and there was only another.
            DriveState::Writing { mut volume, work, ending } => {
                self.used.insert(label.clone());
                (volume.label, volume.room) = (label, room);
                self.drives[at].state = DriveState::Writing { volume, work, ending };
            }
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn volume_full(&mut self, at: usize) {
        match self.drives[at].take_state() {
            DriveState::Writing { work, ending: true, .. } => {
                self.drives[at].state = DriveState::Ending(work);
            }
            DriveState::Writing { work, .. } if self.goes_on_with(work) => {
                self.mount(at, None, Some(work));
            }
            DriveState::Writing { work, .. } => {
                let why = self.no_more_volumes();
                self.end(at, work, &why);
            }
            DriveState::Mounted(_) => (),
            other => self.drives[at].state = other,
        }
    }

    pub(super) fn part_placed(&mut self, at: usize, dump: DumpId, stored: Bytes) {
        if let DriveState::Writing { volume, .. } = &mut self.drives[at].state {
            volume.room = volume.room.map(|room| room - stored);
        }
        if let Some(image) = self.images.get_mut(&dump) {
            image.placed += stored;
        }
    }

    pub(super) fn image_placed(&mut self, at: usize, dump: DumpId) {
        let drive = &mut self.drives[at];
        if drive.drop_work(Work::Image(dump)) {
            self.space.release(dump);
            let job = self.images.remove(&dump).and_then(|image| image.job);
            if let Some(State::Over(outcome)) = job.map(|job| &mut self.jobs[job].state)
                && let Outcome::Held { dump, level } = *outcome
            {
                *outcome = Outcome::Placed { dump, level };
            }
        } else if drive.drop_work(Work::Dump(dump)) {
            if let Some(job) = self.job_of(dump) {
                self.placed_directly(job, dump);
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

    pub(super) fn image_ended(&mut self, at: usize, dump: DumpId) {
        if self.drives[at].drop_work(Work::Image(dump))
            && let Some(image) = self.images.get_mut(&dump)
        {
            image.state = ImageState::Waiting;
        }
    }

    /// The image stays where it is, for a person to look at; the DLE is dumped once more.
    pub(super) fn unreadable(&mut self, at: usize, dump: DumpId, why: &str) {
        if !self.drives[at].drop_work(Work::Image(dump)) {
            return;
        }
        let Some(image) = self.images.get_mut(&dump) else { return };
        image.state = ImageState::Stays;
        if let Some(job) = image.job {
            self.jobs[job].no_space = self.tape_possible();
            self.again(job, &format!("its image on holding can't be read: {why}"));
        }
    }

    pub(super) fn volume_finished(&mut self, at: usize) {
        if matches!(self.drives[at].state, DriveState::Finishing(_)) {
            self.drives[at].state = DriveState::Idle;
        }
    }

    pub(super) fn drive_failed(&mut self, at: usize, blame: Blame, why: &str) {
        use DriveState as S;
        let (volume, work) = match self.drives[at].take_state() {
            S::Retired => {
                self.drives[at].state = S::Retired;
                return;
            }
            S::Idle | S::Looking => (None, None),
            S::Mounting { again, work } => (again, work),
            S::Mounted(volume) | S::Finishing(volume) => (Some(volume), None),
            S::Writing { volume, work, .. } => (Some(volume), Some(work)),
            S::Ending(work) => (None, Some(work)),
        };
        self.interrupted_work(work, why);
        self.react(at, blame, volume, why);
        if self.drives.iter().all(|drive| matches!(drive.state, S::Retired)) {
            self.volumes = Volumes::None(format!("no drive is left: {why}"));
        }
    }

    fn interrupted_work(&mut self, work: Option<Work>, why: &str) {
        match work {
            Some(Work::Image(dump)) => {
                let Some(image) = self.images.get_mut(&dump) else { return };
                image.failures += 1;
                let given_up = image.failures >= BAD_TRIES;
                image.state = if given_up { ImageState::Stays } else { ImageState::Waiting };
            }
            Some(Work::Dump(dump)) => {
                if let Some(job) = self.job_of(dump) {
                    self.abort(job, Abort::Drive(why.to_owned()), why);
                }
            }
            None => (),
        }
    }

    fn react(&mut self, at: usize, blame: Blame, volume: Option<Volume>, why: &str) {
        let drive = &mut self.drives[at];
        match blame {
            Blame::Nothing => {
                drive.resets += 1;
                if drive.resets > RESETS {
                    drive.state = DriveState::Retired;
                } else if volume.is_some() {
                    self.mount(at, volume, None);
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
                self.volumes = Volumes::None(why.to_owned());
            }
        }
    }

    pub(super) fn mount(&mut self, at: usize, again: Option<Volume>, work: Option<Work>) {
        let drive = &mut self.drives[at];
        let label = again.as_ref().map(|volume| volume.label.clone());
        drive.state = DriveState::Mounting { again, work };
        self.actions.push(Action::MountVolume { drive: drive.name.clone(), again: label });
    }

    /// There is no volume to go on with.
    fn end(&mut self, at: usize, work: Work, why: &str) {
        self.drives[at].state = DriveState::Ending(work);
        match work {
            Work::Image(dump) => {
                let drive = self.drives[at].name.clone();
                self.actions.push(Action::EndImage { drive, dump, why: why.to_owned() });
            }
            Work::Dump(dump) => match self.job_of(dump) {
                Some(job) => self.abort(job, Abort::NoSpace(why.to_owned()), why),
                None => self.drives[at].state = DriveState::Idle,
            },
        }
    }
}
