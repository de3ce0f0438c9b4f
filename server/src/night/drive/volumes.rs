//! Volumes for a drive: found by the scan, mounted, made ready to be written, and closed with the records of
//! the run.

use std::collections::BTreeSet;

use devices::ssc::CartridgeFacts;
use taper::catalogue::{CatalogueError, Dump, Part, Volume, VolumeEnd, VolumeState};
use taper::label::Found;
use taper::mount::{
    Appending, Consent, Foreign, Identified, Known, LastFile, Mounted, NewLabel, Records,
    VolumeError,
};
use taper::scan::{Candidate, Choice, Scan};
use types::{Blame, Bytes, DumpId, FileNo, Label, Slot};

use super::super::estimate::with_causes;
use super::super::{attended, records, scan};
use super::cartridge::{medium, once};
use super::{Bench, Worker, disk};
use crate::clock::Now;
use crate::dispatcher::{Event, Start};
use crate::library::{AnyDrive, MountTrouble};
use crate::runlog::RunEvent;

/// Why no volume was mounted.
#[derive(Debug, thiserror::Error)]
pub(super) enum MountError {
    /// There is none; the scan says why.
    #[error("{0}")]
    None(String),
    /// As this run has found out, all are too small.
    #[error("{0}")]
    TooSmall(String),
    /// The file system has no room for more. The log has it.
    #[error("{0}")]
    DiskFull(String),
    #[error(transparent)]
    Trouble(MountTrouble),
}

impl<T: Into<MountTrouble>> From<T> for MountError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl MountError {
    fn label_is_taken(&self) -> bool {
        matches!(self, Self::Trouble(MountTrouble::Catalogue(CatalogueError::LabelTaken(_))))
    }

    pub(super) fn blame(&self) -> Blame {
        match self {
            Self::None(_) | Self::TooSmall(_) | Self::DiskFull(_) => Blame::Host,
            Self::Trouble(trouble) => trouble.blame(),
        }
    }
}

impl Worker {
    pub(super) fn look(&mut self) {
        let drive = self.id();
        match self.scan().map(|mut scan| (scan.next(), scan::refusals(&scan))) {
            // Where a person can be asked for a volume, there may be one when it is wanted.
            Ok((None, _)) if self.library().can_ask() => {
                self.bench.voice.event(Event::VolumeFound { drive })
            }
            Ok((Some(_), _)) => self.bench.voice.event(Event::VolumeFound { drive }),
            Ok((None, why)) => self.no_volume(why),
            Err(error) => self.failed(error.blame(), with_causes(&error)),
        }
    }

    pub(super) fn no_volume(&self, why: String) {
        let storage = self.storage().clone();
        self.bench.voice.log(RunEvent::NoVolume { storage, why: why.clone() });
        self.bench.voice.event(Event::NoVolume { drive: self.id(), why });
    }

    /// Says that none was mounted, unless what went wrong is more than that.
    pub(super) fn unmounted(&self, error: MountError) -> Result<(), MountError> {
        match error {
            MountError::None(why) => self.no_volume(why),
            // The log has it already.
            MountError::TooSmall(why) | MountError::DiskFull(why) => {
                self.bench.voice.event(Event::NoVolume { drive: self.id(), why });
            }
            trouble @ MountError::Trouble(_) => return Err(trouble),
        }
        Ok(())
    }

    pub(super) fn failed(&mut self, blame: Blame, why: String) {
        self.volume = None;
        self.mounted = None;
        self.bench.voice.event(Event::DriveFailed { drive: self.id(), blame, why });
    }

    pub(super) fn mount_and_tell(&mut self, again: Option<&Label>) {
        match self.mount(again) {
            Ok(volume) => {
                self.tell_mounted(&volume);
                self.volume = Some(volume);
            }
            Err(error) => {
                if let Err(error) = self.unmounted(error) {
                    self.failed(error.blame(), with_causes(&error));
                }
            }
        }
    }

    pub(super) fn tell_mounted(&mut self, volume: &Appending<AnyDrive>) {
        let label = volume.label().clone();
        self.mounted = Some(label.clone());
        let start = if volume.was_fresh() { Start::New } else { Start::GoesOn };
        let drive = self.id();
        self.bench.voice.event(Event::VolumeMounted { drive, label, room: None, start });
    }

    /// The volume that the run takes for mounted, mounted again if an image broke off on it.
    pub(super) fn regain(&mut self) -> Result<Option<Appending<AnyDrive>>, MountError> {
        if let Some(volume) = self.volume.take() {
            return Ok(Some(volume));
        }
        let Some(label) = self.mounted.clone() else { return Ok(None) };
        let volume = self.mount(Some(&label))?;
        if *volume.label() != label {
            self.tell_mounted(&volume);
        }
        Ok(Some(volume))
    }

    fn scan(&self) -> Result<Scan, MountError> {
        let Bench { config, id, run, .. } = &self.bench;
        let library = self.library();
        let current = library.inventory()?.drive(&id.drive).and_then(|bay| bay.home);
        let catalogue = self.bench.catalogue.lock();
        let drive = (Some(&id.drive), current);
        Ok(scan::of(config, self.settings(), library, &catalogue, drive, *run)?)
    }

    /// Mounts the next volume that may be written, or the one that was mounted before.
    pub(super) fn mount(
        &mut self,
        again: Option<&Label>,
    ) -> Result<Appending<AnyDrive>, MountError> {
        self.volume = None;
        if let Some(label) = again
            && let Some(volume) = self.mount_again(label)?
        {
            return Ok(volume);
        }
        if let Some(why) = self.small.why(self.storage()) {
            return Err(MountError::TooSmall(why.clone()));
        }
        (self.bytes, self.files) = (Bytes::ZERO, 0);
        loop {
            match self.mount_next()? {
                Ok(volume) => return Ok(volume),
                Err(scan) => {
                    attended::ask(&self.bench, self.library(), &scan).map_err(MountError::None)?
                }
            }
        }
    }

    /// Mounts the best that the library has. If that is nothing, the scan says why.
    fn mount_next(&mut self) -> Result<Result<Appending<AnyDrive>, Box<Scan>>, MountError> {
        let mut scan = self.scan()?;
        let mut put_right = BTreeSet::new();
        let mut full = None;
        while let Some(candidate) = scan.next() {
            match self.try_candidate(&mut scan, &candidate) {
                Ok(Some(volume)) => return Ok(Ok(volume)),
                // What is thought of the other slots has changed with what was read in this one.
                Ok(None) if self.was_elsewhere(&candidate) && put_right.insert(candidate.slot) => {
                    scan = self.scan()?;
                }
                Ok(None) => {}
                Err(MountError::DiskFull(why)) => {
                    scan.rejected(&candidate, &why);
                    full.get_or_insert(why);
                }
                // Another drive of this run was faster with this label: what is free now is another question.
                Err(error) if error.label_is_taken() => scan = self.scan()?,
                Err(error) => return Err(error),
            }
        }
        match full {
            Some(why) => Err(MountError::DiskFull(why)),
            None => Ok(Err(Box::new(scan))),
        }
    }

    /// Whether another volume was met where the candidate was thought to be.
    fn was_elsewhere(&self, candidate: &Candidate) -> bool {
        let there = self.library().label_in(candidate.slot).unwrap_or_default();
        there.is_some() && candidate.label.is_some() && there != candidate.label
    }

    /// The volume that this run has written on before, if it is still to be had. No scan is asked: it would
    /// refuse a volume on which a run has not finished, even if that is this run.
    pub(super) fn mount_again(
        &self,
        label: &Label,
    ) -> Result<Option<Appending<AnyDrive>>, MountError> {
        let Ok(slot) = self.library().slot_of(label) else { return Ok(None) };
        let drive = self.library().drive(&self.bench.id.drive)?;
        let identified = self.library().load(slot, drive)?.identify()?;
        self.saw(slot, Some(label), &identified);
        match identified {
            Identified::Labelled(mounted) if mounted.label() == label => {
                let appended = self.append(mounted);
                if let Err(MountError::Trouble(MountTrouble::Volume(
                    VolumeError::TooShort { end: file, .. } | VolumeError::OtherFile { file, .. },
                ))) = &appended
                {
                    self.written_over(label, *file)?;
                    return Ok(None);
                }
                let (volume, how) = appended?;
                self.tell_volume(&volume, slot, how);
                Ok(Some(volume))
            }
            Identified::Labelled(_) => Ok(None),
            Identified::Blank(_) | Identified::Foreign(_) => {
                if self.is_its_cartridge(label, slot)? {
                    self.written_over(label, FileNo::LABEL)?;
                }
                Ok(None)
            }
        }
    }

    /// What was read in a slot, against what was thought to be there: another volume is noted, in the catalogue too.
    fn saw(&self, slot: Slot, expected: Option<&Label>, found: &Identified<AnyDrive>) {
        let Identified::Labelled(mounted) = found else { return };
        let found = mounted.label();
        if expected == Some(found) || self.library().is_manual() {
            return;
        }
        let barcode = self.library().barcode(slot).unwrap_or_default();
        self.library().note(barcode.as_ref(), slot, found);
        let mut catalogue = self.bench.catalogue.lock();
        let noted = catalogue.record_met(self.storage(), slot, barcode.as_ref(), Some(found));
        drop(catalogue);
        if let Err(error) = noted {
            self.bench.voice.log(RunEvent::Warning { text: with_causes(&error) });
        }
    }

    /// Whether the sticker says that the cartridge is the one that this label was last read on.
    fn is_its_cartridge(&self, label: &Label, slot: Slot) -> Result<bool, MountError> {
        let found = self.library().barcode(slot)?;
        let known = self.bench.catalogue.lock().volume(label)?.barcode;
        Ok(found.is_some() && found == known)
    }

    /// Another program has moved the tape of a volume and what we wrote went to another place. What stood there is
    /// gone, and counts no more.
    fn written_over(&self, label: &Label, from: FileNo) -> Result<(), CatalogueError> {
        let mut catalogue = self.bench.catalogue.lock();
        let dumps = catalogue.record_overwritten(label, from, self.bench.run)?;
        let mut lost = Vec::new();
        for dump in dumps {
            let located = catalogue.dump(dump)?;
            if !located.is_restorable() && located.dump.status.is_whole() {
                let Dump { level, dle, run, .. } = located.dump;
                lost.push(format!("level {level} of {dle} of {run}"));
            }
        }
        drop(catalogue);
        let lost = match lost.is_empty() {
            true => "No dump was only there".to_owned(),
            false => format!("LOST, for there was no other copy: {}", lost.join(", ")),
        };
        let text = format!(
            "{label} was written over from file {from} on, since another program or host moved its tape: it is retired, \
             and what stood there counts no more. {lost}. Find out who uses the drive; then `reelkeep volume erase \
             {label}` makes the cartridge usable again"
        );
        self.bench.voice.log(RunEvent::Warning { text });
        Ok(())
    }

    /// Whether a volume is never to be written again.
    pub(super) fn is_retired(&self, label: &Label) -> bool {
        let volume = self.bench.catalogue.lock().volume(label);
        volume.is_ok_and(|volume| volume.state == VolumeState::Retired)
    }

    /// Loads a candidate and makes it ready, unless it is not what it seemed.
    fn try_candidate(
        &self,
        scan: &mut Scan,
        candidate: &Candidate,
    ) -> Result<Option<Appending<AnyDrive>>, MountError> {
        match self.ready(scan, candidate) {
            Ok(Ok((volume, how))) => {
                self.tell_volume(&volume, candidate.slot, how);
                Ok(Some(volume))
            }
            Ok(Err(why)) => {
                self.refuse(scan, candidate, why);
                Ok(None)
            }
            // A cartridge that does not do costs itself. What is wrong with the drive or the host is not
            // mended by trying all others.
            Err(MountError::Trouble(error)) if disk::is_full(&error) => {
                Err(MountError::DiskFull(with_causes(&error)))
            }
            Err(error) if matches!(error.blame(), Blame::Medium | Blame::Nothing) => {
                let why = with_causes(&error);
                if let Some(label) = &candidate.label {
                    self.examine_failed(label);
                }
                scan.rejected(candidate, &why);
                self.refuse(scan, candidate, why);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn refuse(&self, _scan: &Scan, candidate: &Candidate, why: String) {
        if self.library().can_ask() {
            // The question to the operator says it.
            return;
        }
        let manual = self.library().is_manual();
        let what = candidate.label.as_ref().map_or_else(
            || match manual {
                true => format!("the cartridge in {}", self.called()),
                false => format!("the cartridge in slot {}", candidate.slot),
            },
            |label| format!("{label} in slot {}", candidate.slot),
        );
        self.bench.voice.log(RunEvent::VolumeRefused {
            storage: self.storage().clone(),
            what,
            why,
        });
    }

    fn tell_volume(&self, volume: &Appending<AnyDrive>, slot: Slot, how: String) {
        let label = volume.label().clone();
        // What the sticker says helps to find it the next time; if it cannot be told, it is found by its slot.
        let barcode = self.library().barcode(slot).unwrap_or_default();
        self.library().note(barcode.as_ref(), slot, &label);
        let mut catalogue = self.bench.catalogue.lock();
        let seen = catalogue.record_seen(&label, self.library().shelf(slot), barcode.as_ref());
        drop(catalogue);
        if let Err(error) = seen {
            self.bench.voice.log(RunEvent::Warning { text: with_causes(&error) });
        }
        self.bench.voice.log(RunEvent::VolumeMounted {
            drive: self.called(),
            storage: self.storage().clone(),
            label,
            slot: Some(slot),
            how,
            file: volume.next_file(),
        });
    }

    /// Brings a candidate into the drive, reads its label, and does what the scan says to it.
    fn ready(
        &self,
        scan: &mut Scan,
        candidate: &Candidate,
    ) -> Result<Result<(Appending<AnyDrive>, String), String>, MountError> {
        let drive = self.library().drive(&self.bench.id.drive)?;
        let (loaded, facts) = self.library().load_to_write(candidate.slot, drive)?;
        let identified = loaded.identify()?;
        self.saw(candidate.slot, candidate.label.as_ref(), &identified);
        if let Identified::Labelled(mounted) = &identified {
            self.learn(mounted.label(), &facts);
        }
        if let Err(why) = self.may_be_written(&facts, &identified) {
            scan.rejected(candidate, &why);
            return Ok(Err(why));
        }
        let found = match &identified {
            Identified::Labelled(mounted) => {
                Found::Labelled { label: mounted.label().clone(), stamp: mounted.start().stamp }
            }
            Identified::Blank(_) => Found::Blank,
            Identified::Foreign(foreign) => foreign.found(),
        };
        let choice = match scan.met(candidate.slot, found, facts.serial.as_deref()) {
            Ok(choice) => choice,
            Err(refusal) => return Ok(Err(refusal.why)),
        };
        if let Some(why) = self.lacks_disk(candidate.slot, &choice) {
            return Err(MountError::DiskFull(why));
        }
        match (choice, identified) {
            (Choice::Append(_), Identified::Labelled(mounted)) => self.append(mounted).map(Ok),
            // The catalogue has only now heard what it is.
            (Choice::Reuse(label), Identified::Labelled(mounted)) if facts.is_write_once() => {
                match self.is_only_labelled(&label)? {
                    true => self.append(mounted).map(Ok),
                    false => Ok(Err(once(&format!("volume {label}")))),
                }
            }
            (Choice::Reuse(label), Identified::Labelled(mounted)) => {
                self.reuse(&label, mounted, &facts)
            }
            (Choice::Fresh(_), Identified::Labelled(mounted)) if facts.is_write_once() => {
                Ok(Err(once(&format!("volume {}", mounted.label()))))
            }
            (Choice::Fresh(fresh), identified) => {
                self.label_new(fresh.label().clone(), identified, &facts).map(Ok)
            }
            _ => Ok(Err("its label changed while it was looked at".to_owned())),
        }
    }

    fn append(
        &self,
        mounted: Mounted<AnyDrive>,
    ) -> Result<(Appending<AnyDrive>, String), MountError> {
        let label = mounted.label().clone();
        let (known, at) = {
            let catalogue = self.bench.catalogue.lock();
            let volume = catalogue.volume(&label)?;
            let last = catalogue.parts_on(&label)?.into_iter().next_back();
            (known(&volume, last.as_ref()), volume.end.file)
        };
        let knows = |dump: DumpId| self.bench.catalogue.lock().dump(dump).is_ok();
        let volume = mounted.append(&known, knows)?;
        for leftover in volume.leftovers() {
            tracing::info!("{label} has a file that the catalogue did not record: {leftover:?}");
        }
        Ok((volume, format!("written on, from file {at}")))
    }

    fn reuse(
        &self,
        label: &Label,
        mounted: Mounted<AnyDrive>,
        facts: &CartridgeFacts,
    ) -> Result<Result<(Appending<AnyDrive>, String), String>, MountError> {
        let now = Now::read().stamp();
        let leave = match self.bench.catalogue.lock().reusable(label, &self.policies, now) {
            Ok(leave) => leave,
            Err(CatalogueError::Needed(needed)) => return Ok(Err(needed.to_string())),
            Err(error) => return Err(error.into()),
        };
        let volume = mounted.relabel(leave, self.bench.run)?;
        self.record_labelled(&volume, facts)?;
        Ok(Ok((volume, "started afresh".to_owned())))
    }

    fn label_new(
        &self,
        label: Label,
        identified: Identified<AnyDrive>,
        facts: &CartridgeFacts,
    ) -> Result<(Appending<AnyDrive>, String), MountError> {
        let _alone = self.bench.catalogue.labelling();
        let storage = self.settings();
        let block = storage.tapetype.blocksize;
        let chosen = Volume::new(label.clone(), storage.pool.clone(), storage.name.clone(), block);
        self.bench.catalogue.lock().choose_label(&chosen)?;
        let new = NewLabel { label, stamp: Some(self.bench.run), pool: Some(storage.pool.clone()) };
        let volume = match identified {
            Identified::Blank(blank) => blank.label(new)?,
            Identified::Foreign(foreign) => overwrite(foreign, new)?,
            Identified::Labelled(mounted) => {
                let shown = format!("label {}", mounted.label());
                overwrite(mounted.into_foreign(shown), new)?
            }
        };
        self.record_labelled(&volume, facts)?;
        Ok((volume, "new".to_owned()))
    }

    fn record_labelled(
        &self,
        volume: &Appending<AnyDrive>,
        facts: &CartridgeFacts,
    ) -> Result<(), CatalogueError> {
        let start = volume.start();
        let block = start.block_size.unwrap_or(types::BlockSize::HEADER);
        let end = VolumeEnd { file: volume.next_file(), object: volume.next_object() };
        let now = Now::read().stamp();
        let mut catalogue = self.bench.catalogue.lock();
        catalogue.record_labelled(volume.label(), start.stamp, block, end, now)?;
        let medium = medium(facts).unwrap_or_default();
        catalogue.record_medium(volume.label(), medium, facts.serial.as_deref())
    }

    /// Closes the mounted volume: the run's records go behind the last part, and the cartridge back home.
    pub(super) fn close(
        &mut self,
        volume: Appending<AnyDrive>,
        state: VolumeState,
        why: &str,
    ) -> Result<(), String> {
        let label = volume.label().clone();
        let records = records::of_run(
            &self.bench.catalogue.lock(),
            &self.bench.indexdir,
            self.bench.run,
            &label,
        );
        let text = |error: &dyn std::error::Error| with_causes(error);
        let (volume, lacking, placed) = match records {
            Ok(records) => {
                let no_room = || Some("there was no room".to_owned());
                match volume.write_records(self.bench.run, &records) {
                    Ok((volume, Records::NoRoom, placed)) => (volume, no_room(), placed),
                    Ok((volume, Records::Placed(_), placed)) => (volume, None, placed),
                    // All that was placed before is certain.
                    Err(error) if disk::is_full(&error) => {
                        let again = self.mount_again(&label).map_err(|error| text(&error))?;
                        (again.ok_or_else(|| text(&error))?, no_room(), Vec::new())
                    }
                    Err(error) => return Err(text(&error)),
                }
            }
            Err(error) => {
                let (volume, placed) = volume.flush().map_err(|error| with_causes(&error))?;
                (volume, Some(with_causes(&error)), placed)
            }
        };
        for part in &placed {
            self.record(part).map_err(|error| text(&error))?;
        }
        if let Some(why) = lacking {
            let text = format!(
                "{label} has no records of this run ({why}): those on the next volume of the run tell of it too; if there \
                 is none, a rebuild of the catalogue will need its part headers"
            );
            self.bench.voice.log(RunEvent::Warning { text });
        }
        self.lock_written(&label).map_err(|error| text(&error))?;
        self.put_away(volume, state, why)
    }

    /// The run is done with the volume, and all on it is flushed: the catalogue knows, and the cartridge goes back home.
    pub(super) fn put_away(
        &mut self,
        volume: Appending<AnyDrive>,
        state: VolumeState,
        why: &str,
    ) -> Result<(), String> {
        let text = |error: &dyn std::error::Error| with_causes(error);
        let label = volume.label().clone();
        let end = VolumeEnd { file: volume.next_file(), object: volume.next_object() };
        let mut catalogue = self.bench.catalogue.lock();
        let now = Now::read().stamp();
        let recorded = catalogue.record_closed(&label, self.bench.run, end, state, now);
        drop(catalogue);
        recorded.map_err(|error| text(&error))?;
        let pool = volume.start().pool.clone();
        let mut drive = volume.into_drive();
        drive.inscribe(&label, pool.as_ref(), Now::read().stamp());
        let wish = self.examine(&mut drive, &label);
        drive.give_back();
        self.bench.voice.log(RunEvent::VolumeFinished {
            label,
            bytes: self.bytes,
            files: self.files,
            why: why.to_owned(),
        });
        self.library().unload(&self.bench.id.drive).map_err(|error| text(&error))?;
        self.grant(wish);
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        let volume = match (self.volume.take(), self.mounted.take()) {
            (None, Some(label)) => self.mount_again(&label),
            (volume, _) => Ok(volume),
        };
        let closed = match volume {
            Ok(Some(volume)) if volume.drive().is_cut_short() => {
                self.close(volume, VolumeState::Active, disk::CUT_SHORT)
            }
            Ok(Some(volume)) if volume.is_near_end() => {
                self.close(volume, VolumeState::Full, "it is full")
            }
            Ok(Some(volume)) => self.close(volume, VolumeState::Active, "the run is done with it"),
            Ok(None) => Ok(()),
            Err(error) => Err(with_causes(&error)),
        };
        match closed {
            Ok(()) => self.bench.voice.event(Event::VolumeFinished { drive: self.id() }),
            Err(why) => self.failed(Blame::Drive, why),
        }
    }
}

/// What the catalogue knows of a volume that is to be written on.
fn known(volume: &Volume, last: Option<&Part>) -> Known {
    let behind = FileNo(volume.end.file.0.saturating_sub(1));
    let last_file = match last {
        Some(part) if part.file == behind => {
            LastFile::Part { file: part.file, dump: part.dump, part: part.no }
        }
        _ if behind == FileNo::LABEL => LastFile::Label,
        _ => LastFile::Other { file: behind },
    };
    let of_part = last.and_then(|part| Some((part.file, part.object?)));
    let of_end = volume.end.object.map(|object| (volume.end.file, object));
    let objects = of_part.into_iter().chain(of_end).collect();
    Known { label: volume.label.clone(), written: volume.labelled, last: last_file, objects }
}

fn overwrite(
    foreign: Foreign<AnyDrive>,
    new: NewLabel,
) -> Result<Appending<AnyDrive>, VolumeError> {
    let consent = Consent::to_overwrite(format!("{}, which autolabel lets pass", foreign.what()));
    foreign.overwrite(consent, new)
}
