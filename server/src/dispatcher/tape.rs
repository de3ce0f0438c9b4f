//! What the drives are given to do, and when a volume is begun.
//!
//! A drive that is ready takes a dump that goes straight to a drive, else the next image from holding. A
//! volume is begun when such a dump waits for one, when holding is short of space, or when enough has
//! gathered on holding (`flush-threshold-dumped`, `flush-threshold-scheduled`), or, once all dumps are over,
//! when what is left is worth it (`taperflush`).

use types::Bytes;

use super::candidates::{Idle, Route};
use super::drives::{Drive, DriveState, Volumes, Work};
use super::job::{ImageState, Place, State};
use super::pick::{Candidate, Room, pick};
use super::{Action, Dispatcher, Haste, Job};

impl Dispatcher {
    /// Gives work to every drive that can take some, and begins volumes for those that could.
    pub(super) fn keep_drives_busy(&mut self) {
        if self.haste.is_some() {
            return;
        }
        self.change_full_volumes();
        self.start_direct_dumps();
        while let Some(drive) = self.ready_drive() {
            if !self.write_next(drive) {
                break;
            }
        }
        while let Some(drive) = self.idle_drive().filter(|_| self.wants_volume()) {
            self.mount(drive, None, None);
        }
    }

    /// True when this run can still write to a volume.
    pub(super) fn tape_possible(&self) -> bool {
        use DriveState as S;
        let open = |drive: &Drive| {
            matches!(drive.state, S::Mounted(_) | S::Writing { .. } | S::Mounting { .. })
        };
        let usable = |drive: &Drive| !matches!(drive.state, S::Retired);
        self.drives.iter().any(open) || self.volumes_left() > 0 && self.drives.iter().any(usable)
    }

    /// How many more volumes may be begun.
    pub(super) fn volumes_left(&self) -> usize {
        if matches!(self.volumes, Volumes::None(_)) {
            return 0;
        }
        let new = |drive: &&Drive| matches!(drive.state, DriveState::Mounting { again: None, .. });
        let begun = self.used.len() + self.drives.iter().filter(new).count();
        (self.site.taper.runtapes as usize).saturating_sub(begun)
    }

    /// Why there are no more.
    pub(super) fn no_more_volumes(&self) -> String {
        let filled = self.used.len();
        match (&self.volumes, self.haste) {
            (Volumes::None(why), _) => why.clone(),
            (_, Some(Haste::Stop)) => "the run was stopped".to_owned(),
            _ if filled >= self.site.taper.runtapes as usize => {
                format!("runtapes allows no more than the {filled} volumes that were used")
            }
            _ => "what is left is not worth a volume (flush-threshold, taperflush)".to_owned(),
        }
    }

    /// Whether work goes on with a new volume when the old one is full.
    pub(super) fn goes_on_with(&self, work: Work) -> bool {
        let wanted = match work {
            Work::Dump(_) => true,
            Work::Image(dump) => {
                let rest = self.images.get(&dump).map_or(Bytes::ZERO, super::job::Image::rest);
                self.is_short_of_space() || self.is_worth_a_volume(rest)
            }
        };
        self.volumes_left() > 0 && self.haste != Some(Haste::Stop) && wanted
    }

    /// Closes the volumes that nothing more will come for.
    pub(super) fn finish_volumes(&mut self) {
        let more = self.jobs.iter().any(|job| !matches!(job.state, State::Over(_)))
            || self.images.values().any(|image| image.state == ImageState::Waiting);
        if !more || self.haste.is_some() {
            for at in 0..self.drives.len() {
                self.finish(at);
            }
        }
    }

    fn finish(&mut self, at: usize) {
        let drive = &mut self.drives[at];
        match drive.take_state() {
            DriveState::Mounted(volume) => {
                drive.state = DriveState::Finishing(volume);
                self.actions.push(Action::FinishVolume { drive: drive.name.clone() });
            }
            other => drive.state = other,
        }
    }

    /// Finds out whether there are volumes, as soon as there is something to do.
    pub(super) fn look_for_volume(&mut self) {
        if self.volumes != Volumes::Unknown {
            return;
        }
        if self.drives.is_empty() || self.site.taper.runtapes == 0 {
            self.volumes = Volumes::None("this run has no drive".to_owned());
        } else if self.has_work()
            && self.haste.is_none()
            && !self.drives.iter().any(Drive::is_busy)
            && let Some(drive) = self.idle_drive()
        {
            let drive = &mut self.drives[drive];
            drive.state = DriveState::Looking;
            self.actions.push(Action::LookForVolume { drive: drive.name.clone() });
        }
    }

    fn has_work(&self) -> bool {
        self.jobs.iter().any(|job| !matches!(job.state, State::Over(_))) || !self.images.is_empty()
    }

    /// A volume with as many images as it may have is closed.
    fn change_full_volumes(&mut self) {
        let Some(most) = self.site.taper.images_per_volume else { return };
        for at in 0..self.drives.len() {
            let full = |drive: &Drive| match &drive.state {
                DriveState::Mounted(volume) => volume.images >= most.max(1),
                _ => false,
            };
            if full(&self.drives[at]) {
                self.finish(at);
            }
        }
    }

    fn write_next(&mut self, at: usize) -> bool {
        let DriveState::Mounted(volume) = &self.drives[at].state else { return false };
        let length = self.site.taper.length;
        let here = volume.room.unwrap_or(length);
        let room = Room { volume: here, run: here + length.times(self.volumes_left() as u64) };
        let Some(dump) = pick(self.site.taper.algorithm, &self.candidates(), room) else {
            return false;
        };
        let Some(image) = self.images.get_mut(&dump) else { return false };
        image.state = ImageState::Writing;
        let drive = &mut self.drives[at];
        self.actions.push(Action::WriteImage { drive: drive.name.clone(), dump });
        drive.begin(Work::Image(dump))
    }

    fn candidates(&self) -> Vec<Candidate> {
        let waiting = self.images.iter().filter(|(_, image)| image.state == ImageState::Waiting);
        let candidate = |(&dump, image): (_, &super::Image)| Candidate {
            dump,
            run: image.run,
            order: image.order,
            rest: image.rest(),
            allow_split: image.allow_split,
        };
        waiting.map(candidate).collect()
    }

    /// A drive that may be used besides those that are.
    fn idle_drive(&self) -> Option<usize> {
        use DriveState as S;
        let in_use = |drive: &&Drive| !matches!(drive.state, S::Idle | S::Retired);
        let used = self.drives.iter().filter(in_use).count();
        let idle = |drive: &Drive| matches!(drive.state, S::Idle);
        let at = self.drives.iter().position(idle);
        at.filter(|_| used < self.site.taper.at_once.max(1))
    }

    fn wants_volume(&self) -> bool {
        let known = self.volumes == Volumes::Some;
        known
            && self.volumes_left() > 0
            && (self.is_worth_a_volume(Bytes::ZERO)
                || self.dump_waits_for_volume()
                || self.waiting_bytes() > Bytes::ZERO
                    && !self.image_is_on_its_way()
                    && self.is_short_of_space())
    }

    /// A dump that goes straight to a drive has none to hope for.
    fn dump_waits_for_volume(&self) -> bool {
        use DriveState as S;
        let promising = |drive: &Drive| {
            matches!(
                drive.state,
                S::Mounted(_)
                    | S::Mounting { work: None, .. }
                    | S::Writing { work: Work::Image(_), .. }
            )
        };
        let waits = |job: &Job| {
            job.is_waiting()
                && self.route(job) == Route::Drive
                && self.obstacle(job) == Some(Idle::NoDrive)
        };
        !self.drives.iter().any(promising) && self.jobs.iter().any(waits)
    }

    fn image_is_on_its_way(&self) -> bool {
        use DriveState as S;
        let on_its_way = |drive: &Drive| {
            matches!(drive.state, S::Mounting { .. } | S::Writing { work: Work::Image(_), .. })
        };
        self.drives.iter().any(on_its_way)
    }

    fn is_short_of_space(&self) -> bool {
        let blocked = |job: &Job| job.is_waiting() && self.obstacle(job) == Some(Idle::NoSpace);
        !self.waiting_for_room().is_empty() || self.jobs.iter().any(blocked)
    }

    /// The thresholds, for what waits on holding and `more`.
    fn is_worth_a_volume(&self, more: Bytes) -> bool {
        let waiting = self.waiting_bytes() + more;
        if waiting <= self.open_room() {
            return false;
        }
        let taper = &self.site.taper;
        let above =
            |bytes: Bytes, percent: u32| bytes > taper.length.share(f64::from(percent) / 100.0);
        let (planned, over) = self.to_come();
        let thresholds = taper.thresholds;
        above(waiting, thresholds.dumped) && above(waiting + planned, thresholds.scheduled)
            || over && above(waiting, thresholds.taperflush)
    }

    fn waiting_bytes(&self) -> Bytes {
        self.candidates().iter().map(|image| image.rest.max(Bytes(1))).sum()
    }

    /// What the volumes that are already begun still take, beyond what is being written to them.
    fn open_room(&self) -> Bytes {
        use DriveState as S;
        let length = self.site.taper.length;
        let room = |drive: &Drive| match &drive.state {
            S::Mounted(volume) => volume.room.unwrap_or(length),
            S::Writing { volume, work: Work::Image(dump), .. } => {
                let rest = self.images.get(dump).map_or(Bytes::ZERO, super::job::Image::rest);
                volume.room.unwrap_or(length) - rest
            }
            S::Mounting { work: None, .. } => length,
            _ => Bytes::ZERO,
        };
        self.drives.iter().map(room).sum()
    }

    /// What is still to come to holding; and whether nothing is.
    fn to_come(&self) -> (Bytes, bool) {
        let comes = |job: &&Job| match &job.state {
            State::Waiting => self.route(job) == Route::Holding,
            State::Dumping(dumping) => dumping.to == Place::Holding,
            State::Over(_) => false,
        };
        let mut sizes = self.jobs.iter().filter(comes).map(Job::size).peekable();
        let over = sizes.peek().is_none();
        (sizes.sum(), over)
    }
}
