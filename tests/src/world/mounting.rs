//! Volumes for a drive: looked for by the product's scan, loaded, and made ready, as in `server::night::drive::volumes`.

use std::collections::{BTreeMap, BTreeSet};

use server::dispatcher::{self, Event};
use server::library;
use server::night::scan;
use server::runlog::RunEvent;
use taper::catalogue::{CatalogueError, Volume, VolumeEnd};
use taper::retention::Advice;
use taper::scan::{Append, Candidate, Choice, Hint, Scan, Situation, SlotView};
use types::{
    Barcode, Blame, ChangerName, DriveId, DumpId, FileNo, Label, Slot, Stamp, StorageName,
};

use super::drive::{Doing, Open};
use super::faults::Fault;
use super::media::{Bay, CartridgeNo, File, Health, Place, Start, slot};
use super::night::Night;
use super::{Broken, Stop};

/// Which label was read under which barcode, or in which slot, last. What the library remembers.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    by_barcode: BTreeMap<Barcode, Label>,
    by_slot: BTreeMap<Slot, Label>,
}

impl Hints {
    pub(crate) fn knowing(volumes: &[Volume]) -> Self {
        let mut hints = Self::default();
        for volume in volumes {
            hints.note(volume.barcode.as_ref(), volume.slot, &volume.label);
        }
        hints
    }

    fn note(&mut self, barcode: Option<&Barcode>, slot: Option<Slot>, label: &Label) {
        self.by_barcode.retain(|_, other| other != label);
        self.by_slot.retain(|_, other| other != label);
        match (barcode, slot) {
            (Some(barcode), _) => drop(self.by_barcode.insert(barcode.clone(), label.clone())),
            (None, Some(slot)) => drop(self.by_slot.insert(slot, label.clone())),
            (None, None) => {}
        }
    }

    fn hint(&self, barcode: Option<&Barcode>, slot: Slot) -> Option<Label> {
        barcode
            .and_then(|code| self.by_barcode.get(code))
            .or_else(|| self.by_slot.get(&slot))
            .cloned()
    }
}

/// Why a cartridge, or a drive, could not be used.
pub(crate) struct Trouble {
    pub(crate) blame: Blame,
    pub(crate) why: String,
}

impl Trouble {
    fn medium(why: impl Into<String>) -> Self {
        Self { blame: Blame::Medium, why: why.into() }
    }
}

/// Why no volume is mounted.
enum Unmounted {
    None(String),
    Trouble(Trouble),
}

impl Night<'_> {
    pub(crate) fn look(
        &mut self,
        drive: &DriveId,
        storage: StorageName,
    ) -> Result<Vec<Event>, Stop> {
        self.serve(drive, storage);
        self.rest(drive);
        let mut scan = self.scan(drive)?;
        Ok(match scan.next() {
            Some(_) => vec![Event::VolumeFound { drive: drive.clone() }],
            None => vec![self.no_volume(drive, refusals(&scan))],
        })
    }

    fn no_volume(&mut self, drive: &DriveId, why: String) -> Event {
        let storage = self.storage(drive);
        self.world.starved = true;
        self.note(RunEvent::NoVolume { storage, why: why.clone() });
        Event::NoVolume { drive: drive.clone(), why }
    }

    pub(crate) fn mount_and_tell(
        &mut self,
        drive: &DriveId,
        storage: StorageName,
        again: Option<&Label>,
    ) -> Result<Vec<Event>, Stop> {
        self.serve(drive, storage);
        let mounted = self.mount(drive, again)?;
        self.rest(drive);
        Ok(vec![match mounted {
            Ok(()) => self.tell_mounted(drive),
            Err(Unmounted::None(why)) => self.no_volume(drive, why),
            Err(Unmounted::Trouble(trouble)) => self.failed(drive, trouble.blame, &trouble.why),
        }])
    }

    /// With an image half written.
    pub(crate) fn mount_for(
        &mut self,
        drive: &DriveId,
        dump: DumpId,
        again: Option<&Label>,
    ) -> Result<Vec<Event>, Stop> {
        let mounted = self.mount(drive, again)?;
        let doing = match mounted {
            Ok(()) => Doing::Write { dump, ending: false },
            Err(Unmounted::None(_)) => Doing::Waiting { dump },
            Err(Unmounted::Trouble(_)) => Doing::Nothing,
        };
        if let Some(worker) = self.workers.get_mut(drive) {
            worker.doing = doing;
        }
        Ok(vec![match mounted {
            Ok(()) => self.tell_mounted(drive),
            Err(Unmounted::None(why)) => self.no_volume(drive, why),
            Err(Unmounted::Trouble(trouble)) => self.failed(drive, trouble.blame, &trouble.why),
        }])
    }

    /// The volume that the run takes for mounted, if an image broke off on it. False if there is none.
    pub(crate) fn regain(
        &mut self,
        drive: &DriveId,
        events: &mut Vec<Event>,
    ) -> Result<bool, Stop> {
        let Some(label) = self.workers.get(drive).and_then(|worker| worker.mounted.clone()) else {
            return Err(Stop::Wrong(format!("{drive} is to write, and nothing is mounted")));
        };
        match self.mount(drive, Some(&label))? {
            Ok(()) => {
                let open = self.workers.get(drive).and_then(|worker| worker.volume.as_ref());
                if open.is_some_and(|open| open.label != label) {
                    events.push(self.tell_mounted(drive));
                }
                Ok(true)
            }
            Err(Unmounted::None(why)) => {
                events.push(self.failed(drive, Blame::Host, &why));
                Ok(false)
            }
            Err(Unmounted::Trouble(trouble)) => {
                events.push(self.failed(drive, trouble.blame, &trouble.why));
                Ok(false)
            }
        }
    }

    fn tell_mounted(&mut self, drive: &DriveId) -> Event {
        let worker = self.workers.entry(drive.clone()).or_default();
        let open = worker.volume.as_ref().expect("a volume was mounted");
        let label = open.label.clone();
        let start = match self.world.media.cartridge(open.cartridge).end() {
            FileNo::FIRST => dispatcher::Start::New,
            _ => {
                let images = self.world.catalogue.dumps_on(&label).unwrap_or_default();
                dispatcher::Start::GoesOn { images: u32::try_from(images).unwrap_or(u32::MAX) }
            }
        };
        worker.mounted = Some(label.clone());
        Event::VolumeMounted { drive: drive.clone(), label, room: None, start }
    }

    fn mount(
        &mut self,
        drive: &DriveId,
        again: Option<&Label>,
    ) -> Result<Result<(), Unmounted>, Stop> {
        if let Some(worker) = self.workers.get_mut(drive) {
            worker.volume = None;
        }
        if let Some(label) = again {
            match self.mount_again(drive, label)? {
                Ok(true) => return Ok(Ok(())),
                Ok(false) => {}
                Err(trouble) => return Ok(Err(Unmounted::Trouble(trouble))),
            }
        }
        if let Some(worker) = self.workers.get_mut(drive) {
            (worker.bytes, worker.files) = (types::Bytes::ZERO, 0);
        }
        let mut scan = self.scan(drive)?;
        let mut put_right = BTreeSet::new();
        while let Some(candidate) = scan.next() {
            match self.ready(drive, &mut scan, &candidate)? {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(why)) => {
                    self.refuse(drive, &candidate, why);
                    if self.was_elsewhere(drive, &candidate) && put_right.insert(candidate.slot) {
                        scan = self.scan(drive)?;
                    }
                }
                Err(Unmounted::None(_)) => scan = self.scan(drive)?,
                Err(Unmounted::Trouble(trouble))
                    if matches!(trouble.blame, Blame::Medium | Blame::Nothing) =>
                {
                    scan.rejected(&candidate, &trouble.why);
                    self.refuse(drive, &candidate, trouble.why);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Err(Unmounted::None(refusals(&scan))))
    }

    /// Whether another volume was met where the candidate was thought to be.
    fn was_elsewhere(&self, drive: &DriveId, candidate: &Candidate) -> bool {
        let views = self.slots(&drive.changer, None);
        let view = views.iter().find(|view| view.slot == candidate.slot);
        let there = view.and_then(|view| self.hint_of(view));
        there.is_some() && candidate.label.is_some() && there != candidate.label
    }

    /// What was read in a slot, against what was thought to be there: another volume is noted.
    fn saw(&mut self, drive: &DriveId, candidate: &Candidate, no: CartridgeNo) -> Result<(), Stop> {
        let cartridge = self.world.media.cartridge(no);
        let Some(label) = cartridge.label().cloned() else { return Ok(()) };
        if candidate.label.as_ref() == Some(&label) {
            return Ok(());
        }
        let (at, barcode) = (candidate.slot, cartridge.barcode.clone());
        if let Some(hints) = self.hints.get_mut(&drive.changer) {
            hints.note(barcode.as_ref(), Some(at), &label);
        }
        let storage = self.storage(drive);
        self.world.catalogue.record_met(&storage, at, barcode.as_ref(), Some(&label))?;
        self.world.step("what was met in a slot is recorded")
    }

    fn refuse(&mut self, drive: &DriveId, candidate: &Candidate, why: String) {
        let what = format!("the cartridge in slot {}", candidate.slot);
        let storage = self.storage(drive);
        let label = candidate.label.clone();
        self.note(RunEvent::VolumeRefused { storage, label, what, why });
    }

    /// The volume that this run has written before, if it is still to be had.
    pub(crate) fn mount_again(
        &mut self,
        drive: &DriveId,
        label: &Label,
    ) -> Result<Result<bool, Trouble>, Stop> {
        let views = self.slots(&drive.changer, None);
        let holds = |view: &&SlotView| self.hint_of(view).as_ref() == Some(label);
        let Some(at) = views.iter().find(holds).map(|view| place(view.slot)) else {
            return Ok(Ok(false));
        };
        let no = match self.load(drive, at) {
            Ok(no) => no,
            Err(trouble) => return Ok(Err(trouble)),
        };
        if self.world.media.cartridge(no).label() != Some(label) {
            return Ok(Ok(false));
        }
        match self.append(drive, no)? {
            Ok(how) => {
                self.tell_volume(drive, at, how)?;
                Ok(Ok(true))
            }
            Err(trouble) => Ok(Err(trouble)),
        }
    }

    /// What the scan is told.
    fn scan(&self, drive: &DriveId) -> Result<Scan, Stop> {
        let config = &self.world.config;
        let storage = self.settings(drive);
        let (labels, autolabel) = library::labels(storage).expect("its template is well");
        let current = self
            .world
            .bays
            .get(drive)
            .and_then(|bay| bay.cartridge.clone())
            .map(|(_, (_, home))| slot(home));
        Ok(Scan::new(Situation {
            method: library::method(storage),
            append: Append::Allowed,
            slots: self.slots(&drive.changer, Some(drive)),
            current,
            volumes: scan::volumes(storage, &self.world.catalogue)?,
            verdicts: self.advice()?,
            pool: storage.pool.clone(),
            labels,
            autolabel,
            names: library::names(config, storage),
            run: self.run,
        }))
    }

    fn advice(&self) -> Result<Advice, Stop> {
        if let Some(verdicts) = self.world.misled(self.now())? {
            return Ok(verdicts.into());
        }
        let policies = library::policies(&self.world.config);
        Ok(self.world.catalogue.advice(&policies, self.retention_now())?)
    }

    /// The day that retention goes by.
    fn retention_now(&self) -> Stamp {
        let early = self.world.is_broken(Broken::OneDayEarly);
        self.now().plus_days(u32::from(early))
    }

    /// From now on the drive is at work for this storage.
    fn serve(&mut self, drive: &DriveId, storage: StorageName) {
        self.workers.entry(drive.clone()).or_default().storage = Some(storage);
    }

    pub(crate) fn storage(&self, drive: &DriveId) -> StorageName {
        let worker = self.workers.get(drive);
        worker.and_then(|worker| worker.storage.clone()).expect("a drive was told its storage")
    }

    fn settings(&self, drive: &DriveId) -> &config::Storage {
        let name = self.storage(drive);
        self.world.config.storage(&name).expect("the dispatcher names no other storage")
    }

    /// The slots of a library, as a scan for this drive sees them.
    fn slots(&self, changer: &ChangerName, drive: Option<&DriveId>) -> Vec<SlotView> {
        let out = |at: usize| {
            let here = self.world.bays.iter().filter(|(id, _)| id.changer == *changer);
            let mut bays = here.filter_map(|(_, bay)| bay.cartridge.as_ref());
            bays.find(|(_, (_, home))| *home == at).map(|(no, _)| *no)
        };
        let slots = self.world.media.rack(changer).iter().enumerate();
        slots
            .map(|(at, here)| {
                let cartridge = here.or_else(|| out(at));
                let barcode =
                    cartridge.and_then(|no| self.world.media.cartridge(no).barcode.clone());
                let taken = self.taken.get(&(changer.clone(), at));
                let taken = taken.filter(|other| drive.is_some_and(|drive| *other != drive));
                let hint = match (cartridge, taken) {
                    (_, Some(other)) => Hint::Busy(format!("drive {other} has it")),
                    (None, None) => Hint::Empty,
                    (Some(_), None) => self
                        .hints
                        .get(changer)
                        .and_then(|hints| hints.hint(barcode.as_ref(), slot(at)))
                        .map_or(Hint::Unknown, Hint::Label),
                };
                SlotView { slot: slot(at), barcode, hint }
            })
            .collect()
    }

    fn hint_of(&self, view: &SlotView) -> Option<Label> {
        if let Hint::Label(label) = &view.hint { Some(label.clone()) } else { None }
    }

    /// Brings the cartridge of a slot into a drive, and what is in the drive back before.
    fn load(&mut self, drive: &DriveId, at: usize) -> Result<CartridgeNo, Trouble> {
        let place = (drive.changer.clone(), at);
        if let Some(other) = self.taken.get(&place).filter(|other| *other != drive) {
            return Err(Trouble::medium(format!("the cartridge is in use in drive {other}")));
        }
        self.taken.retain(|_, other| other != drive);
        self.taken.insert(place.clone(), drive.clone());
        let loaded = self.carry(drive, &place);
        if loaded.is_err() {
            self.taken.remove(&place);
        }
        let no = loaded?;
        match self.world.media.cartridge(no).health {
            Health::Dead => Err(Trouble::medium("the medium can't be read")),
            Health::Good | Health::WriteFails => Ok(no),
        }
    }

    fn carry(&mut self, drive: &DriveId, place: &Place) -> Result<CartridgeNo, Trouble> {
        if self.bay(drive).dead {
            let why = "the drive does not answer".to_owned();
            return Err(Trouble { blame: Blame::Drive, why });
        }
        if let Some((no, home)) = &self.bay(drive).cartridge
            && home == place
        {
            return Ok(*no);
        }
        self.take_back(drive);
        let has_it = |bay: &Bay| bay.cartridge.as_ref().is_some_and(|(_, home)| home == place);
        let elsewhere = self.world.bays.iter().find(|(_, bay)| has_it(bay));
        if let Some(other) = elsewhere.map(|(id, _)| id.clone()) {
            self.take_back(&other);
        }
        let Some(no) = self.world.media.at_mut(place).and_then(Option::take) else {
            return Err(Trouble::medium("the slot is empty"));
        };
        self.bay(drive).cartridge = Some((no, place.clone()));
        Ok(no)
    }

    fn take_back(&mut self, drive: &DriveId) {
        let Some((no, home)) = self.bay(drive).cartridge.take() else { return };
        let free = self.world.media.rack(&home.0).iter().position(Option::is_none);
        let to = if self.world.media.at(&home).is_none() { Some(home.1) } else { free };
        match to.and_then(|to| self.world.media.at_mut(&(home.0, to))) {
            Some(slot) => *slot = Some(no),
            None => self.world.media.shelf.push(no),
        }
    }

    pub(crate) fn unload(&mut self, drive: &DriveId) {
        self.take_back(drive);
        self.taken.retain(|_, other| other != drive);
    }

    /// Brings a candidate into the drive, reads its label, and does what the scan says to it. Why it was not taken, if
    /// it was not.
    fn ready(
        &mut self,
        drive: &DriveId,
        scan: &mut Scan,
        candidate: &Candidate,
    ) -> Result<Result<Option<String>, Unmounted>, Stop> {
        let at = place(candidate.slot);
        let no = match self.load(drive, at) {
            Ok(no) => no,
            Err(trouble) => return Ok(Err(Unmounted::Trouble(trouble))),
        };
        self.saw(drive, candidate, no)?;
        let found = self.world.media.cartridge(no).found();
        let how = match scan.met(candidate.slot, found, None) {
            Err(refusal) => return Ok(Ok(Some(refusal.why))),
            Ok(Choice::Append(label)) => {
                self.world.check_choice(&label)?;
                match self.append(drive, no)? {
                    Ok(how) => how,
                    Err(trouble) => return Ok(Err(Unmounted::Trouble(trouble))),
                }
            }
            Ok(Choice::Reuse(label)) => match self.reuse(drive, &label, no)? {
                Ok(how) => how,
                Err(why) => return Ok(Ok(Some(why))),
            },
            Ok(Choice::Fresh(fresh)) => match self.label_new(drive, fresh.label().clone(), no)? {
                Some(how) => how,
                // Another drive was faster with this label: what is free now is another question.
                None => return Ok(Err(Unmounted::None("the label is taken".to_owned()))),
            },
        };
        self.tell_volume(drive, at, how)?;
        Ok(Ok(None))
    }

    fn tell_volume(&mut self, drive: &DriveId, at: usize, how: String) -> Result<(), Stop> {
        let Some(open) = self.workers.get(drive).and_then(|worker| worker.volume.clone()) else {
            return Ok(());
        };
        let (label, file) = (open.label, self.world.media.cartridge(open.cartridge).end());
        let afresh = (file == FileNo::FIRST).then_some(&label);
        self.check_mounted(&self.storage(drive), afresh)?;
        let barcode = self.world.media.cartridge(open.cartridge).barcode.clone();
        if let Some(hints) = self.hints.get_mut(&drive.changer) {
            hints.note(barcode.as_ref(), Some(slot(at)), &label);
        }
        self.world.catalogue.record_seen(&label, Some(slot(at)), barcode.as_ref())?;
        self.world.step("where a volume is, is recorded")?;
        let (drive, storage) = (drive.drive.clone(), self.storage(drive));
        self.note(RunEvent::VolumeMounted {
            drive,
            storage,
            label,
            slot: Some(slot(at)),
            how,
            file,
        });
        Ok(())
    }

    /// What `Mounted::append` checks: the label's stamp, the last file that the catalogue knows, and what is behind it.
    fn append(
        &mut self,
        drive: &DriveId,
        no: CartridgeNo,
    ) -> Result<Result<String, Trouble>, Stop> {
        let cartridge = self.world.media.cartridge(no);
        let Start::Label(label, stamp) = cartridge.start.clone() else {
            return Ok(Err(Trouble::medium("it has no label")));
        };
        let volume = self.world.catalogue.volume(&label)?;
        if volume.labelled.is_some() && volume.labelled != stamp {
            return Ok(Err(Trouble::medium(format!("{label} was labelled at another time"))));
        }
        let last = FileNo(volume.end.file.0.saturating_sub(1));
        if cartridge.end() <= last {
            return Ok(Err(Trouble::medium(format!("{label} ends before file {last}"))));
        }
        let known = self.world.catalogue.parts_on(&label)?.into_iter().next_back();
        if let Some(part) = known.filter(|part| part.file == last) {
            let found = cartridge.file(last);
            let same =
                matches!(found, Some(File::Part(s)) if s.dump == part.dump && s.no == part.no);
            if !same {
                return Ok(Err(Trouble::medium(format!("file {last} of {label} is another"))));
            }
        }
        for file in last.0 + 1..cartridge.end().0 {
            if let Some(File::Part(stretch)) = cartridge.file(FileNo(file))
                && self.world.catalogue.dump(stretch.dump).is_err()
            {
                return Ok(Err(Trouble::medium(format!(
                    "file {file} of {label} is of an unknown dump"
                ))));
            }
        }
        self.open(drive, no, label);
        Ok(Ok(format!("written on, from file {}", volume.end.file)))
    }

    fn open(&mut self, drive: &DriveId, no: CartridgeNo, label: Label) {
        let worker = self.workers.entry(drive.clone()).or_default();
        worker.volume = Some(Open { cartridge: no, label, pending: Vec::new() });
    }

    fn reuse(
        &mut self,
        drive: &DriveId,
        label: &Label,
        no: CartridgeNo,
    ) -> Result<Result<String, String>, Stop> {
        let (run, now) = (self.run, self.now());
        self.world.check_choice(label)?;
        let before = self.world.media.cartridge(no).clone();
        if let Some(verdicts) = self.world.misled(now)? {
            if let Err(needed) = verdicts.of(label).leave() {
                return Ok(Err(needed.to_string()));
            }
            self.world.check_overwrite(no, now)?;
            self.world.media.cartridge_mut(no).overwrite_without_leave(label.clone(), run);
        } else {
            let policies = library::policies(&self.world.config);
            let leave = match self.world.catalogue.reusable(label, &policies, self.retention_now())
            {
                Ok(leave) => leave,
                Err(CatalogueError::Needed(needed)) => {
                    self.world.count_kept(&needed);
                    return Ok(Err(needed.to_string()));
                }
                Err(error) => return Err(error.into()),
            };
            self.world.check_overwrite(no, now)?;
            self.world.step("a volume is given back")?;
            self.world.media.cartridge_mut(no).relabel(leave, run);
        }
        self.world.check_overwritten(&before, now)?;
        self.age(no);
        self.world.step("a volume is started afresh")?;
        self.record_labelled(drive, label)?;
        self.open(drive, no, label.clone());
        Ok(Ok("started afresh".to_owned()))
    }

    /// `None` if the label is taken meanwhile.
    fn label_new(
        &mut self,
        drive: &DriveId,
        label: Label,
        no: CartridgeNo,
    ) -> Result<Option<String>, Stop> {
        let storage = self.settings(drive);
        let block = storage.tapetype.blocksize;
        let chosen = Volume::new(label.clone(), storage.pool.clone(), storage.name.clone(), block);
        match self.world.catalogue.choose_label(&chosen) {
            Ok(()) => {}
            Err(CatalogueError::LabelTaken(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        self.world.step("a label is chosen")?;
        let (run, now) = (self.run, self.now());
        self.world.check_overwrite(no, now)?;
        self.world.media.cartridge_mut(no).label_new(label.clone(), run);
        self.age(no);
        self.world.step("a label is written")?;
        self.record_labelled(drive, &label)?;
        self.open(drive, no, label);
        Ok(Some("new".to_owned()))
    }

    fn record_labelled(&mut self, drive: &DriveId, label: &Label) -> Result<(), Stop> {
        let storage = self.settings(drive);
        let (block, now, run) = (storage.tapetype.blocksize, self.now(), self.run);
        let end = VolumeEnd { file: FileNo::FIRST, object: None };
        self.world.catalogue.record_labelled(label, Some(run), block, end, now)?;
        self.world.step("a label is recorded")
    }

    /// Each time it is begun afresh a cartridge may turn out to take less than the time before.
    fn age(&mut self, no: CartridgeNo) {
        let length = self.world.settings.length;
        let early = self.world.strikes(Fault::EarlyEnd);
        let share = if early { 0.02 + self.world.dice.share() * 0.9 } else { 1.0 };
        self.world.media.cartridge_mut(no).capacity = length.share(share);
    }
}

fn refusals(scan: &Scan) -> String {
    let refusals: Vec<String> = scan.refusals().iter().map(ToString::to_string).collect();
    if refusals.is_empty() {
        "the library has no cartridges".to_owned()
    } else {
        refusals.join("; ")
    }
}

/// Where a slot is.
fn place(slot: Slot) -> usize {
    usize::try_from(slot.0).unwrap_or(1).saturating_sub(1)
}
