//! What the drives are given to do, and when a volume is begun.
//!
//! A drive that is ready takes a dump that goes straight to a drive, else the next image from holding that its
//! storage must get. A volume is begun when such a dump waits for one, when holding is short of space, or when
//! enough has gathered on holding (`flush-threshold-dumped`, `flush-threshold-scheduled`), or, once all dumps are
//! over, when what is left is worth it (`taperflush`). Each storage is looked at for itself.
//!
//! **Turns.** Storages that share a changer share its drives. One whose volume stands in the drive keeps it while it
//! has something to write; when it has not, and another storage waits for the drive, the volume is finished and
//! parked, and mounted again when its turn comes. It does not make way for every pause between two images, since
//! changing cartridges takes minutes: only when nothing more will come for it, or when nothing will come before
//! something has left holding.

use types::Bytes;

use super::drives::{Drive, DriveState, Work};
use super::job::{Goal, Place, Route};
use super::lanes::{Kind, KindNo};
use super::pick::{Candidate, Room, pick};
use super::stores::{StoreNo, Volumes};
use super::{Action, Dispatcher, Haste, Job};

impl Dispatcher {
    /// Gives work to every drive that can take some, and begins volumes for those that could.
    pub(super) fn keep_drives_busy(&mut self) {
        if self.haste.is_some() {
            return;
        }
        self.change_full_volumes();
        self.start_direct_dumps();
        for at in 0..self.drives.len() {
            self.write_next(at);
        }
        for store in self.stores_by_turn() {
            while let Some(drive) = self.idle_drive(store).filter(|_| self.wants_volume(store)) {
                self.mount_next(drive, store, None);
            }
        }
        self.make_way();
    }

    /// Whether work goes on with a new volume when the old one is full.
    pub(super) fn goes_on_with(&self, store: StoreNo, work: Work) -> bool {
        let wanted = match work {
            Work::Dump(_) => true,
            Work::Image(dump) => {
                let rest = self.images.get(&dump).map_or(Bytes::ZERO, |image| image.rest(store));
                self.is_short_of_space() || self.is_worth_a_volume(store, rest)
            }
        };
        self.may_mount(store) && self.haste != Some(Haste::Stop) && wanted
    }

    /// Closes the volumes that nothing more will come for.
    pub(super) fn finish_volumes(&mut self) {
        let dumps = !self.jobs.all_over();
        for at in 0..self.drives.len() {
            let Some(store) = self.drives[at].state.store() else { continue };
            let more = dumps || self.images.values().any(|image| image.waits_for(store));
            if !more || self.haste.is_some() {
                self.finish(at, false);
            }
        }
    }

    fn finish(&mut self, at: usize, parks: bool) {
        let drive = &mut self.drives[at];
        match drive.take_state() {
            DriveState::Mounted(volume) => {
                drive.state = DriveState::Finishing { volume, parks };
                self.actions.push(Action::FinishVolume { drive: drive.id.clone() });
            }
            other => drive.state = other,
        }
    }

    /// Finds out whether there are volumes of each storage, as soon as there is something to do for it.
    pub(super) fn look_for_volumes(&mut self) {
        for no in 0..self.stores.len() {
            let own = &mut self.stores[no];
            if own.volumes != Volumes::Unknown {
                continue;
            }
            if own.taper.drives.is_empty() || own.taper.runtapes == 0 {
                let why = own.taper.without.clone();
                let why = why.unwrap_or_else(|| "this run has no drive".to_owned());
                own.volumes = Volumes::None(why);
            } else if self.wants_to_know(StoreNo(no))
                && let Some(at) = self.idle_drive(StoreNo(no))
            {
                let storage = self.stores[no].name().clone();
                let drive = &mut self.drives[at];
                drive.state = DriveState::Looking(StoreNo(no));
                self.actions.push(Action::LookForVolume { drive: drive.id.clone(), storage });
            }
        }
    }

    /// Nobody has looked whether the storage has a volume, nobody is looking, and it matters.
    fn wants_to_know(&self, store: StoreNo) -> bool {
        let at_work = self.drives.iter().any(|drive| drive.state.store() == Some(store));
        let needed = || {
            self.jobs.kinds().any(|(_, kind)| kind.goal.now.contains(&store))
                || self.in_flight().any(|job| job.goal().now.contains(&store))
                || self.images.values().any(|image| image.copies.contains_key(&store))
        };
        let unknown = self.store(store).volumes == Volumes::Unknown;
        unknown && !at_work && self.haste.is_none() && needed()
    }

    /// A volume with as many images as it may have is closed.
    fn change_full_volumes(&mut self) {
        for at in 0..self.drives.len() {
            let DriveState::Mounted(volume) = &self.drives[at].state else { continue };
            let most = self.store(volume.store).taper.images_per_volume;
            if most.is_some_and(|most| volume.images >= most.max(1)) {
                self.finish(at, false);
            }
        }
    }

    fn write_next(&mut self, at: usize) {
        let DriveState::Mounted(volume) = &self.drives[at].state else { return };
        let store = volume.store;
        let taper = &self.store(store).taper;
        let here = volume.room.unwrap_or(taper.length);
        let all = here + taper.length.times(self.volumes_left(store) as u64);
        let room = Room { volume: here, run: all };
        let chosen = pick(taper.algorithm, &self.candidates(store), room);
        let Some(dump) = chosen else { return };
        let image = self.images.get_mut(&dump);
        let Some(copy) = image.and_then(|image| image.copy_mut(store)) else { return };
        copy.state = super::job::CopyState::Writing;
        let drive = &mut self.drives[at];
        self.actions.push(Action::WriteImage { drive: drive.id.clone(), dump });
        drive.begin(Work::Image(dump));
    }

    fn candidates(&self, store: StoreNo) -> Vec<Candidate> {
        let waiting = self.images.iter().filter(|(_, image)| image.waits_for(store));
        let candidate = |(&dump, image): (_, &super::Image)| Candidate {
            dump,
            run: image.run,
            order: image.order,
            rest: image.rest(store),
            allow_split: image.allow_split,
        };
        waiting.map(candidate).collect()
    }

    /// A drive that the storage may use besides those that it does.
    fn idle_drive(&self, store: StoreNo) -> Option<usize> {
        let used = self.drives.iter().filter(|drive| drive.state.store() == Some(store)).count();
        let idle = |drive: &Drive| {
            matches!(drive.state, DriveState::Idle) && drive.serves.contains(&store)
        };
        let at = self.drives.iter().position(idle);
        at.filter(|_| used < self.store(store).taper.at_once.max(1))
    }

    fn wants_volume(&self, store: StoreNo) -> bool {
        self.store(store).volumes != Volumes::Unknown
            && self.may_mount(store)
            && (self.is_worth_a_volume(store, Bytes::ZERO)
                || self.dump_waits_for_volume(store)
                || self.waiting_bytes(store) > Bytes::ZERO
                    && !self.image_is_on_its_way(store)
                    && self.is_short_of_space())
    }

    /// A volume that had to make way, or another one of the storage.
    fn may_mount(&self, store: StoreNo) -> bool {
        !self.store(store).parked.is_empty() || self.volumes_left(store) > 0
    }

    /// Takes a drive from a storage that has nothing to write, for one that has.
    fn make_way(&mut self) {
        for store in self.stores_by_turn() {
            let at_work = self.drives.iter().any(|drive| drive.state.store() == Some(store));
            if at_work || self.idle_drive(store).is_some() {
                continue;
            }
            let looks = self.wants_to_know(store);
            if !looks && !self.wants_volume(store) {
                continue;
            }
            let urgent = looks || self.is_short_of_space() || self.dump_waits_for_volume(store);
            let may_go = |drive: &Drive| match &drive.state {
                DriveState::Mounted(volume) => {
                    drive.serves.contains(&store) && (urgent || self.to_come(volume.store).1)
                }
                _ => false,
            };
            if let Some(at) = self.drives.iter().position(may_go) {
                self.finish(at, true);
            }
        }
    }

    /// A dump that goes straight to a drive has none to hope for. It waits for the first of its storages that can
    /// still write.
    pub(super) fn dump_waits_for_volume(&self, store: StoreNo) -> bool {
        use DriveState as S;
        let promising = |drive: &Drive| {
            matches!(
                drive.state,
                S::Mounted(_)
                    | S::Mounting { work: None, .. }
                    | S::Writing { work: Work::Image(_), .. }
            )
        };
        let hopes = |goal: &Goal| {
            let own =
                |drive: &&Drive| drive.state.store().is_some_and(|store| goal.now.contains(&store));
            self.drives.iter().filter(own).any(promising)
        };
        let waits = |(no, kind): (KindNo, &Kind)| {
            let mut goal = kind.goal.now.iter().copied();
            kind.route == Route::Drive
                && goal.find(|&other| self.is_possible(other)) == Some(store)
                && self.ready_drive_for(&kind.goal).is_none()
                && !hopes(&kind.goal)
                && self.jobs.some_may(no, self.network(kind.interface.as_ref()))
        };
        self.jobs.kinds().any(waits)
    }

    fn image_is_on_its_way(&self, store: StoreNo) -> bool {
        use DriveState as S;
        let on_its_way = |drive: &Drive| {
            matches!(drive.state, S::Mounting { .. } | S::Writing { work: Work::Image(_), .. })
                && drive.state.store() == Some(store)
        };
        self.drives.iter().any(on_its_way)
    }

    fn is_short_of_space(&self) -> bool {
        !self.waiting_for_room().is_empty() || self.some_lack_space()
    }

    /// The thresholds, for what waits on holding and `more`.
    fn is_worth_a_volume(&self, store: StoreNo, more: Bytes) -> bool {
        let waiting = self.waiting_bytes(store) + more;
        if waiting <= self.open_room(store) {
            return false;
        }
        let taper = &self.store(store).taper;
        let above =
            |bytes: Bytes, percent: u32| bytes > taper.length.share(f64::from(percent) / 100.0);
        let (planned, over) = self.to_come(store);
        let thresholds = taper.thresholds;
        above(waiting, thresholds.dumped) && above(waiting + planned, thresholds.scheduled)
            || over && above(waiting, thresholds.taperflush)
    }

    fn waiting_bytes(&self, store: StoreNo) -> Bytes {
        self.candidates(store).iter().map(|image| image.rest.max(Bytes(1))).sum()
    }

    /// What the volumes that are already begun still take, beyond what is being written to them.
    fn open_room(&self, store: StoreNo) -> Bytes {
        use DriveState as S;
        let length = self.store(store).taper.length;
        let room = |drive: &Drive| match &drive.state {
            S::Mounted(volume) => volume.room.unwrap_or(length),
            S::Writing { volume, work: Work::Image(dump), .. } => {
                let rest = self.images.get(dump).map_or(Bytes::ZERO, |image| image.rest(store));
                volume.room.unwrap_or(length) - rest
            }
            S::Mounting { work: None, .. } => length,
            _ => Bytes::ZERO,
        };
        let own = self.drives.iter().filter(|drive| drive.state.store() == Some(store));
        own.map(room).sum()
    }

    /// What is still to come to holding for the storage; and whether nothing is.
    pub(super) fn to_come(&self, store: StoreNo) -> (Bytes, bool) {
        let waits = |(no, kind): (KindNo, &Kind)| {
            let comes = kind.route == Route::Holding && kind.goal.now.contains(&store);
            comes.then(|| self.jobs.bytes_of_kind(no))
        };
        let flies = |job: &Job| {
            let comes = job.dumping().is_some_and(|dumping| dumping.to == Place::Holding);
            (comes && job.goal().now.contains(&store)).then(|| job.size())
        };
        let waiting = self.jobs.kinds().filter_map(waits);
        let mut sizes = waiting.chain(self.in_flight().filter_map(flies)).peekable();
        let over = sizes.peek().is_none();
        (sizes.sum(), over)
    }
}
