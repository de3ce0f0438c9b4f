//! Drives at work: the errands of `server::night::drive`, one turn at a time.
//!
//! A part is written behind the last file of the volume, and some parts may be on their way before a flush proves them;
//! only then they are recorded. Between the two the drive may be reset, or the server cut off: then some of them are on
//! the medium and the catalogue does not know.

use server::dispatcher::Event;
use server::holding::ImageName;
use server::night::destinations::{self, Way};
use server::runlog::RunEvent;
use taper::catalogue::{Dump, Part, Standing, Strike, VolumeEnd, VolumeState};
use types::{Blame, BlockSize, Bytes, DriveId, DumpId, FileNo, Label, PartNo, StorageName};

use super::faults::Fault;
use super::media::{CartridgeNo, File, Health, Stretch};
use super::night::Night;
use super::settings::FRAME;
use super::stops::Work;
use super::{Broken, Stop};

/// What a drive's thread knows. Gone when the server is cut off.
#[derive(Default)]
pub(crate) struct Worker {
    pub(crate) doing: Doing,
    /// The storage that it is at work for.
    pub(crate) storage: Option<StorageName>,
    /// The volume that stands behind its last part, if the position is known.
    pub(crate) volume: Option<Open>,
    /// The volume that the run takes for mounted.
    pub(crate) mounted: Option<Label>,
    pub(crate) bytes: Bytes,
    pub(crate) files: u32,
}

/// What a drive was told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    #[default]
    Nothing,
    Look {
        storage: StorageName,
    },
    Mount {
        storage: StorageName,
        again: Option<Label>,
    },
    /// `ending`: it was told to write no further part, and will hear of it at the next volume.
    Write {
        dump: DumpId,
        ending: bool,
    },
    /// With an image half written: the volume is full.
    Waiting {
        dump: DumpId,
    },
    MountFor {
        dump: DumpId,
        again: Option<Label>,
    },
    Ending {
        dump: DumpId,
    },
    Finish,
}

/// A volume that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) cartridge: CartridgeNo,
    pub(crate) label: Label,
    /// Written, and not yet known to be on the medium.
    pub(crate) pending: Vec<(Stretch, FileNo)>,
}

/// How far an image is placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    no: PartNo,
    frame: u32,
    offset: Bytes,
}

impl Default for Reached {
    fn default() -> Self {
        Self { no: PartNo::FIRST, frame: 0, offset: Bytes::ZERO }
    }
}

/// What came of writing a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is written, or something else happened that does not end the image.
    Part,
    /// The image is placed.
    Whole,
}

impl Night<'_> {
    pub(crate) fn send(&mut self, drive: &DriveId, doing: Doing) -> Result<(), Stop> {
        let worker = self.workers.entry(drive.clone()).or_default();
        if worker.doing != Doing::Nothing {
            return Err(Stop::Wrong(format!("{drive} is told to {doing:?} in {:?}", worker.doing)));
        }
        worker.doing = doing;
        Ok(())
    }

    pub(crate) fn send_mount(
        &mut self,
        drive: &DriveId,
        storage: StorageName,
        again: Option<Label>,
    ) -> Result<(), Stop> {
        let worker = self.workers.entry(drive.clone()).or_default();
        if let Doing::Waiting { dump } = worker.doing {
            worker.doing = Doing::MountFor { dump, again };
            return Ok(());
        }
        self.send(drive, Doing::Mount { storage, again })
    }

    pub(crate) fn end_image(&mut self, drive: &DriveId, dump: DumpId) {
        let Some(worker) = self.workers.get_mut(drive) else { return };
        match &mut worker.doing {
            Doing::Write { dump: writing, ending } if *writing == dump => *ending = true,
            Doing::Waiting { dump: waiting } if *waiting == dump => {
                worker.doing = Doing::Ending { dump };
            }
            _ => {}
        }
    }

    /// The dump that was on its way into this drive is over. Where the tape stands nobody knows.
    pub(crate) fn break_off(&mut self, drive: &DriveId, dump: DumpId) {
        let writes = |doing: &Doing| match doing {
            Doing::Write { dump: d, .. }
            | Doing::Waiting { dump: d }
            | Doing::MountFor { dump: d, .. } => *d == dump,
            _ => false,
        };
        self.lose_some(drive);
        let Some(worker) = self.workers.get_mut(drive) else { return };
        if writes(&worker.doing) {
            // A drive that was told to mount goes on to do that.
            worker.doing = match std::mem::take(&mut worker.doing) {
                Doing::MountFor { again, .. } => match worker.storage.clone() {
                    Some(storage) => Doing::Mount { storage, again },
                    None => Doing::Nothing,
                },
                _ => Doing::Nothing,
            };
            worker.volume = None;
        }
        let storage = worker.storage.clone();
        self.reached.retain(|(of, at), _| *of != dump || Some(at) != storage.as_ref());
    }

    pub(crate) fn drive_goes_on(&mut self, drive: &DriveId) -> Result<Vec<Event>, Stop> {
        let doing = self.workers.get(drive).map(|worker| worker.doing.clone()).unwrap_or_default();
        let work = self.world.work;
        if work == Work::Dump && self.is_second(drive) {
            self.world.work = Work::Copy;
        }
        let done = self.go_on(drive, doing);
        self.world.work = work;
        done
    }

    /// Whether it is at work for another storage than the first.
    fn is_second(&self, drive: &DriveId) -> bool {
        let storage = self.workers.get(drive).and_then(|worker| worker.storage.as_ref());
        let first = self.world.settings.storages.first();
        storage.zip(first).is_some_and(|(storage, first)| storage.as_str() != first.name)
    }

    fn go_on(&mut self, drive: &DriveId, doing: Doing) -> Result<Vec<Event>, Stop> {
        match doing {
            Doing::Nothing | Doing::Waiting { .. } => Ok(Vec::new()),
            Doing::Look { storage } => self.look(drive, storage),
            Doing::Mount { storage, again } => self.mount_and_tell(drive, storage, again.as_ref()),
            Doing::MountFor { dump, again } => self.mount_for(drive, dump, again.as_ref()),
            Doing::Ending { dump } => {
                self.rest(drive);
                Ok(vec![Event::ImageEnded { drive: drive.clone(), dump }])
            }
            // It is asked between two parts: the order may come in the middle of the next.
            Doing::Write { dump, ending: true } if self.world.dice.one_in(2) => {
                self.end_behind_a_part(drive, dump)
            }
            Doing::Write { dump, .. } => self.write_held(drive, dump),
            Doing::Finish => self.finish(drive),
        }
    }

    /// What is written of the image is made certain, and the volume kept for what comes.
    fn end_behind_a_part(&mut self, drive: &DriveId, dump: DumpId) -> Result<Vec<Event>, Stop> {
        let mut events = Vec::new();
        let volume = self.workers.get(drive).and_then(|worker| worker.volume.clone());
        self.flush(drive, &mut events)?;
        if self.world.is_broken(Broken::EndsUncertain)
            && let Some(worker) = self.workers.get_mut(drive)
        {
            worker.volume = volume;
            self.lose_some(drive);
        }
        self.rest(drive);
        events.push(Event::ImageEnded { drive: drive.clone(), dump });
        Ok(events)
    }

    pub(crate) fn rest(&mut self, drive: &DriveId) {
        if let Some(worker) = self.workers.get_mut(drive) {
            worker.doing = Doing::Nothing;
        }
    }

    /// The drive, or what is in it, could not do it: the loop forgets the volume.
    pub(crate) fn failed(&mut self, drive: &DriveId, blame: Blame, why: &str) -> Event {
        self.lose_some(drive);
        if let Some(worker) = self.workers.get_mut(drive) {
            (worker.volume, worker.mounted) = (None, None);
            // A dump straight to it ends by itself, and takes its turn for that.
            worker.doing = Doing::Nothing;
        }
        Event::DriveFailed { drive: drive.clone(), blame, why: why.to_owned() }
    }

    /// Of what was written and not flushed, some of the last files may be missing.
    pub(crate) fn lose_some(&mut self, drive: &DriveId) {
        let Some(volume) = self.workers.get_mut(drive).and_then(|worker| worker.volume.as_mut())
        else {
            return;
        };
        let pending = std::mem::take(&mut volume.pending);
        let lost = self.world.dice.index(pending.len() + 1);
        let cartridge = self.world.media.cartridge_mut(volume.cartridge);
        let keep = cartridge.files.len().saturating_sub(lost);
        cartridge.files.truncate(keep);
    }

    fn write_held(&mut self, drive: &DriveId, dump: DumpId) -> Result<Vec<Event>, Stop> {
        let Some(image) = self.world.holding.images.get(&dump) else {
            return Err(Stop::Wrong(format!("{dump} is written, and is not on the holding disk")));
        };
        if !image.readable || self.world.strikes(Fault::HoldingUnreadable) {
            if let Some(image) = self.world.holding.images.get_mut(&dump) {
                image.readable = false;
            }
            self.world.note_ruins();
            self.lose_some(drive);
            if let Some(worker) = self.workers.get_mut(drive) {
                (worker.volume, worker.doing) = (None, Doing::Nothing);
            }
            let why = "input/output error".to_owned();
            return Ok(vec![Event::Unreadable { drive: drive.clone(), dump, why }]);
        }
        let row = self.world.holding.images[&dump].dump.clone();
        let (written, mut events) = self.write_part(drive, &row, false)?;
        if written == Written::Whole {
            self.rest(drive);
            events.push(Event::ImagePlaced { drive: drive.clone(), dump });
        }
        Ok(events)
    }

    /// Writes one more part of an image, and flushes now and then. When it was the last, the copy is complete.
    pub(crate) fn write_part(
        &mut self,
        drive: &DriveId,
        image: &Dump,
        direct: bool,
    ) -> Result<(Written, Vec<Event>), Stop> {
        let mut events = Vec::new();
        if self.workers.get(drive).is_some_and(|worker| worker.volume.is_none())
            && !self.regain(drive, &mut events)?
        {
            return Ok((Written::Part, events));
        }
        if self.world.strikes(Fault::DriveDies) {
            self.bay(drive).dead = true;
            events.push(self.failed(drive, Blame::Drive, "the drive does not answer"));
            return Ok((Written::Part, events));
        }
        if self.world.strikes(Fault::DriveReset) {
            self.reset(drive, image.id, &mut events)?;
            return Ok((Written::Part, events));
        }
        let from = self.begin(drive, image, direct)?;
        let Some((stretch, takes)) = self.next_stretch(drive, image, from) else {
            self.full(drive, image.id, &mut events)?;
            return Ok((Written::Part, events));
        };
        let whole = stretch.last_frame + 1 >= image.frames;
        if self.write_fails(drive)? {
            self.strike(drive, image.id, &mut events)?;
            return Ok((Written::Part, events));
        }
        self.put(drive, stretch, takes)?;
        if whole || self.world.dice.one_in(2) {
            self.flush(drive, &mut events)?;
        }
        if !whole {
            return Ok((Written::Part, events));
        }
        self.placed_all(drive, image, if direct { Way::Direct } else { Way::FromHolding })?;
        Ok((Written::Whole, events))
    }

    /// Where to begin: behind the last part placed in this run, else at the beginning.
    fn begin(&mut self, drive: &DriveId, image: &Dump, direct: bool) -> Result<Reached, Stop> {
        let storage = self.storage(drive);
        if let Some(&reached) = self.reached.get(&(image.id, storage.clone())) {
            return Ok(reached);
        }
        let known = self.world.catalogue.dump(image.id)?;
        if !direct && known.copies.iter().any(|copy| copy.storage == storage) {
            self.world.catalogue.restart_copy(image.id, &storage)?;
            self.world.step("a copy is begun again")?;
        }
        Ok(Reached::default())
    }

    /// As much as a part, and the volume, takes; `None` if that is nothing.
    fn next_stretch(
        &self,
        drive: &DriveId,
        image: &Dump,
        from: Reached,
    ) -> Option<(Stretch, Bytes)> {
        let volume = self.workers.get(drive)?.volume.as_ref()?;
        let header = BlockSize::HEADER.bytes();
        // What is still pending of this image comes before.
        let mut of_it = volume.pending.iter().filter(|(stretch, _)| stretch.dump == image.id);
        let from = of_it.next_back().map_or(from, |(stretch, _)| behind(stretch));
        let room = self.world.media.cartridge(volume.cartridge).room() - header;
        let most = self.world.settings.part.map_or(room, |part| part.min(room));
        let rest = image.stored - from.offset;
        let bytes = if rest <= most { rest } else { FRAME.times(most.0 / FRAME.0) };
        if bytes == Bytes::ZERO {
            return None;
        }
        let frames = u32::try_from(bytes.0.div_ceil(FRAME.0)).unwrap_or(u32::MAX);
        let stretch = Stretch {
            dump: image.id,
            storage: self.storage(drive),
            no: from.no,
            first_frame: from.frame,
            last_frame: from.frame + frames - 1,
            offset: from.offset,
            bytes,
        };
        Some((stretch, bytes + header))
    }

    /// Whether the next part of this image would be its last.
    pub(crate) fn is_last(&self, drive: &DriveId, image: &Dump) -> bool {
        let key = (image.id, self.storage(drive));
        let from = self.reached.get(&key).copied().unwrap_or_default();
        let next = self.next_stretch(drive, image, from);
        next.is_some_and(|(stretch, _)| stretch.last_frame + 1 >= image.frames)
    }

    fn write_fails(&mut self, drive: &DriveId) -> Result<bool, Stop> {
        let Some(no) = self.cartridge_in(drive) else { return Ok(false) };
        let strikes = self.world.strikes(Fault::WriteFails);
        let cartridge = self.world.media.cartridge_mut(no);
        if strikes {
            cartridge.health = Health::WriteFails;
        }
        Ok(cartridge.health != Health::Good)
    }

    pub(crate) fn cartridge_in(&self, drive: &DriveId) -> Option<CartridgeNo> {
        self.workers.get(drive)?.volume.as_ref().map(|volume| volume.cartridge)
    }

    fn put(&mut self, drive: &DriveId, stretch: Stretch, takes: Bytes) -> Result<(), Stop> {
        let Some(no) = self.cartridge_in(drive) else { return Ok(()) };
        if self.world.is_broken(Broken::RecordsFirst) {
            let file = self.world.media.cartridge(no).end();
            self.record(drive, &stretch, file)?;
            self.world.step("a part is recorded that is not written")?;
        }
        let loses = self.world.is_broken(Broken::LosesParts) && self.world.dice.one_in(10);
        let file = if loses { File::Records } else { File::Part(stretch.clone()) };
        let at = self.world.media.cartridge_mut(no).append(file, takes);
        if let Some(volume) = self.workers.get_mut(drive).and_then(|worker| worker.volume.as_mut())
        {
            volume.pending.push((stretch, at));
        }
        self.world.step("a part is written")
    }

    /// What is pending is on the medium: it is recorded, part by part.
    pub(crate) fn flush(&mut self, drive: &DriveId, events: &mut Vec<Event>) -> Result<(), Stop> {
        let Some(worker) = self.workers.get_mut(drive) else { return Ok(()) };
        let Some(volume) = worker.volume.as_mut() else { return Ok(()) };
        let label = volume.label.clone();
        for (stretch, file) in std::mem::take(&mut volume.pending) {
            if !self.world.is_broken(Broken::RecordsFirst) {
                self.record(drive, &stretch, file)?;
            }
            let worker = self.workers.entry(drive.clone()).or_default();
            worker.bytes += stretch.bytes;
            worker.files += 1;
            self.reached.insert((stretch.dump, stretch.storage.clone()), behind(&stretch));
            let Stretch { dump, no: part, bytes, .. } = stretch;
            self.world.step("a part is recorded as placed")?;
            if self.world.is_broken(Broken::ReleasesEarly) {
                self.world.holding.images.remove(&dump);
            }
            let label = label.clone();
            self.note(RunEvent::PartPlaced { dump, part, label, file, bytes, seconds: 1.0 });
            events.push(Event::PartPlaced { drive: drive.clone(), dump, stored: bytes });
        }
        Ok(())
    }

    fn record(&mut self, drive: &DriveId, stretch: &Stretch, file: FileNo) -> Result<(), Stop> {
        let label = self.workers.get(drive).and_then(|worker| worker.volume.as_ref());
        let Some(label) = label.map(|volume| volume.label.clone()) else { return Ok(()) };
        let part = Part {
            dump: stretch.dump,
            storage: stretch.storage.clone(),
            no: stretch.no,
            run: self.run,
            label,
            file,
            object: None,
            first_frame: stretch.first_frame,
            last_frame: stretch.last_frame,
            offset: stretch.offset,
            bytes: stretch.bytes,
            sha_so_far: None,
            crc_so_far: None,
        };
        let end = VolumeEnd { file: file.next(), object: None };
        Ok(self.world.catalogue.record_placed(&part, end)?)
    }

    /// All parts are recorded: the copy is complete.
    fn placed_all(&mut self, drive: &DriveId, image: &Dump, way: Way) -> Result<(), Stop> {
        let storage = self.storage(drive);
        let now = self.now();
        let name = ImageName {
            run: image.run,
            dle: image.dle.clone(),
            level: image.level,
            dump: image.id,
            base: image.base,
        };
        for wish in destinations::wishes(&self.world.config, &name, &storage, way) {
            if !self.world.is_broken(Broken::ForgetsWishes) {
                self.world.catalogue.want_copy(&wish)?;
            }
            let entry = self.world.journal.note(image);
            if !entry.storages.contains(&wish.storage) {
                entry.wishes.insert(wish.storage);
            }
            self.world.step("a copy is wished for")?;
        }
        match way {
            Way::Direct => self.world.catalogue.finish_direct(image, &[], &storage, now)?,
            Way::FromHolding => self.world.catalogue.complete_copy(image.id, &storage, now)?,
        }
        let entry = self.world.journal.note(image);
        entry.storages.insert(storage.clone());
        entry.ruined_in.remove(&storage);
        entry.wishes.remove(&storage);
        self.world.step("a copy is complete")?;
        self.reached.remove(&(image.id, storage.clone()));
        self.tell_placed(drive, image);
        Ok(())
    }

    fn tell_placed(&mut self, drive: &DriveId, image: &Dump) {
        self.note(RunEvent::ImagePlaced {
            dle: image.dle.clone(),
            level: image.level,
            dump: image.id,
            storage: self.storage(drive),
            bytes: image.stored,
        });
    }

    /// Every storage has the image. First the catalogue no longer counts on the held one, then it goes.
    pub(crate) fn release(&mut self, dump: DumpId, placed: &[StorageName]) -> Result<(), Stop> {
        if !self.world.holding.images.contains_key(&dump) {
            return Ok(());
        }
        let released = self.world.catalogue.forget_held(dump, placed)?;
        self.world.journal.release(dump);
        self.world.step("a held image is forgotten")?;
        self.world.holding.images.remove(&released.image().dump);
        self.world.step("a held image is removed")
    }

    /// The volume takes no more: it is closed, and the dispatcher says what comes next.
    fn full(&mut self, drive: &DriveId, dump: DumpId, events: &mut Vec<Event>) -> Result<(), Stop> {
        if let Err(why) = self.close(drive, VolumeState::Full, "it is full", events)? {
            events.push(self.failed(drive, Blame::Host, &why));
            return Ok(());
        }
        self.wait(drive, dump, events);
        Ok(())
    }

    fn wait(&mut self, drive: &DriveId, dump: DumpId, events: &mut Vec<Event>) {
        let Some(worker) = self.workers.get_mut(drive) else { return };
        (worker.volume, worker.mounted) = (None, None);
        // An order to end the image was waiting already.
        let ending = matches!(worker.doing, Doing::Write { ending: true, .. });
        worker.doing = if ending { Doing::Ending { dump } } else { Doing::Waiting { dump } };
        events.push(Event::VolumeFull { drive: drive.clone() });
    }

    /// The medium is to blame, as it seems.
    fn strike(
        &mut self,
        drive: &DriveId,
        dump: DumpId,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        self.lose_some(drive);
        let volume = self.workers.get(drive).and_then(|worker| worker.volume.as_ref());
        let Some(label) = volume.map(|volume| volume.label.clone()) else { return Ok(()) };
        let why = "the block could not be written".to_owned();
        let strike = Strike {
            label: label.clone(),
            drive: drive.drive.clone(),
            run: self.run,
            why: why.clone(),
        };
        let now = self.now();
        let standing = self.world.catalogue.strike(&strike, now)?;
        self.world.step("a strike is remembered")?;
        let blame = match standing {
            Standing::Suspect => {
                format!("volume {label}, which takes no more until it is started afresh")
            }
            Standing::Bad => {
                format!("volume {label}, which has now failed in two drives: it is retired")
            }
        };
        self.note(RunEvent::DriveFailed { drive: drive.drive.clone(), blame, why });
        self.wait(drive, dump, events);
        Ok(())
    }

    /// The drive was reset: the volume is mounted again.
    fn reset(
        &mut self,
        drive: &DriveId,
        dump: DumpId,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        self.lose_some(drive);
        let Some(worker) = self.workers.get_mut(drive) else { return Ok(()) };
        let Some(volume) = worker.volume.take() else { return Ok(()) };
        self.note(RunEvent::Warning {
            text: format!("{drive} was reset: {} is mounted again", volume.label),
        });
        match self.mount_again(drive, &volume.label)? {
            Ok(true) => return Ok(()),
            Ok(false) => self
                .note(RunEvent::Warning { text: format!("{} was not found again", volume.label) }),
            Err(error) => self.note(RunEvent::Warning { text: error.why }),
        }
        self.wait(drive, dump, events);
        Ok(())
    }

    /// Closes the mounted volume: the run's records go behind the last part. What went wrong, if something did.
    pub(crate) fn close(
        &mut self,
        drive: &DriveId,
        state: VolumeState,
        why: &str,
        events: &mut Vec<Event>,
    ) -> Result<Result<(), String>, Stop> {
        self.flush(drive, events)?;
        let Some(worker) = self.workers.get(drive) else { return Ok(Ok(())) };
        let Some(volume) = worker.volume.clone() else { return Ok(Ok(())) };
        let (bytes, files) = (worker.bytes, worker.files);
        let cartridge = self.world.media.cartridge_mut(volume.cartridge);
        let records = BlockSize::HEADER.bytes().times(2);
        if cartridge.room() >= records {
            cartridge.append(File::Records, records);
        }
        let end = VolumeEnd { file: cartridge.end(), object: None };
        self.world.step("records are written")?;
        let (run, now, label) = (self.run, self.now(), volume.label);
        self.world.catalogue.record_closed(&label, run, end, state, now)?;
        self.world.step("a volume is recorded as closed")?;
        self.note(RunEvent::VolumeFinished { label, bytes, files, why: why.to_owned() });
        self.unload(drive);
        Ok(Ok(()))
    }

    fn finish(&mut self, drive: &DriveId) -> Result<Vec<Event>, Stop> {
        let mut events = Vec::new();
        let Some(worker) = self.workers.get_mut(drive) else { return Ok(events) };
        let mounted = worker.mounted.take();
        if worker.volume.is_none()
            && let Some(label) = mounted
        {
            match self.mount_again(drive, &label)? {
                Ok(_) => {}
                Err(error) => return Ok(vec![self.failed(drive, Blame::Drive, &error.why)]),
            }
        }
        let near = self
            .cartridge_in(drive)
            .is_some_and(|no| self.world.media.cartridge(no).room() < FRAME.times(2));
        let (state, why) = if near {
            (VolumeState::Full, "it is full")
        } else {
            (VolumeState::Active, "the run is done with it")
        };
        if let Err(why) = self.close(drive, state, why, &mut events)? {
            return Ok(vec![self.failed(drive, Blame::Drive, &why)]);
        }
        if let Some(worker) = self.workers.get_mut(drive) {
            worker.volume = None;
        }
        self.rest(drive);
        events.push(Event::VolumeFinished { drive: drive.clone() });
        Ok(events)
    }
}

fn behind(stretch: &Stretch) -> Reached {
    Reached {
        no: stretch.no.next(),
        frame: stretch.last_frame + 1,
        offset: stretch.offset + stretch.bytes,
    }
}
