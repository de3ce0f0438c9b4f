//! One drive's thread: finds volumes, writes images on them, and keeps the catalogue in step.
//!
//! It does one errand after the other. While it writes an image and the volume is full, it says so and waits,
//! with the image in its hands, for the dispatcher's word: another volume, or the end of the image.
//!
//! What is placed is recorded part by part, after the flush that proves it; only when all parts of all copies
//! are recorded is the held image let go.

use std::collections::BTreeMap;
use std::time::Instant;

use config::{Config, Storage};
use crossbeam_channel::{Receiver, Sender};
use format::header::Image;
use taper::catalogue::{CatalogueError, Part, Volume, VolumeEnd, VolumeState};
use taper::label::Found;
use taper::mount::{
    Appending, Consent, Foreign, Identified, Known, LastFile, Loaded, Mounted, NewLabel, Placed,
    Reached, Records, VolumeError,
};
use taper::retention::Policies;
use taper::scan::{Candidate, Choice, Scan};
use taper::scribe::{
    self, Chunks, Finished, HeldImage, ImageSource, Job, LiveImage, OtherError, StopCause, Wanted,
};
use types::{Blame, Bytes, DriveName, DumpId, FileNo, Label, Slot, Stamp, StorageName};

use super::direct::{self, Incoming};
use super::estimate::with_causes;
use super::happened::Voice;
use super::records;
use super::scan::{self, NoScan};
use super::shared::SharedCatalogue;
use crate::clock::Now;
use crate::dispatcher::Event;
use crate::holding::{Held, ImageName};
use crate::library::{self, AnyDrive, Library, LibraryTrouble};
use crate::runlog::RunEvent;

/// How much of a dump that goes straight to a volume is remembered, for the case that the medium fails.
const REMEMBERED: Bytes = Bytes(256 << 20);
/// How much may be in the drive and not yet be certain.
const COMMIT_EVERY: Bytes = Bytes(4 << 30);

/// Something for a drive to do.
#[derive(Debug)]
pub enum Errand {
    /// Is there a volume to write?
    Look,
    /// Mount one.
    Mount {
        /// The one that was mounted before; none for the next.
        again: Option<Label>,
    },
    /// Write a held image.
    Write(Held),
    /// Write an image that is just arriving.
    WriteArriving(Incoming),
    /// Write no further part of an image.
    End(DumpId),
    /// Write the records and unload.
    Finish,
}

/// The run's end of a drive.
pub struct Handle {
    /// To send it on errands. Dropped, the thread ends.
    pub errands: Sender<Errand>,
    /// The thread.
    pub thread: std::thread::JoinHandle<()>,
}

/// What a drive's thread works with.
pub struct Bench {
    /// Which drive.
    pub drive: DriveName,
    /// Its library.
    pub library: Library,
    /// The storage that it writes for.
    pub storage: Storage,
    /// The whole configuration, for label variables and policies.
    pub config: Config,
    /// Which run.
    pub run: Stamp,
    /// The catalogue.
    pub catalogue: SharedCatalogue,
    /// Where index files are.
    pub indexdir: std::path::PathBuf,
    /// The loop.
    pub voice: Voice,
}

/// Why no volume was mounted.
#[derive(Debug, thiserror::Error)]
enum MountError {
    #[error("{0}")]
    None(String),
    #[error(transparent)]
    Library(#[from] LibraryTrouble),
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Scan(#[from] NoScan),
}

/// The image is not to be written on.
#[derive(Debug, thiserror::Error)]
#[error("the run wants it so")]
struct Ended;

/// Starts the thread of a drive.
pub fn start(bench: Bench) -> Handle {
    let (errands, orders) = crossbeam_channel::unbounded();
    let thread = std::thread::spawn(move || Worker::new(bench, orders).work());
    Handle { errands, thread }
}

struct Worker {
    bench: Bench,
    orders: Receiver<Errand>,
    policies: Policies,
    volume: Option<Appending<AnyDrive>>,
    /// The volume that the run takes for mounted. It may have to be mounted again: when an image breaks off,
    /// nobody knows where the medium stands, and the drive is not to blame.
    mounted: Option<Label>,
    /// How far images are that were begun in this run.
    reached: BTreeMap<DumpId, Reached>,
    /// What was written to the mounted volume.
    bytes: Bytes,
    files: u32,
    /// Since when what is written next is being written.
    since: Instant,
}

impl Worker {
    fn new(bench: Bench, orders: Receiver<Errand>) -> Self {
        let policies = library::policies(&bench.config);
        Self {
            bench,
            orders,
            policies,
            volume: None,
            mounted: None,
            reached: BTreeMap::new(),
            bytes: Bytes::ZERO,
            files: 0,
            since: Instant::now(),
        }
    }

    fn work(mut self) {
        while let Ok(errand) = self.orders.recv() {
            match errand {
                Errand::Look => self.look(),
                Errand::Mount { again } => self.mount_and_tell(again.as_ref()),
                Errand::Write(held) => self.write_held(&held),
                Errand::WriteArriving(incoming) => self.write_arriving(incoming),
                // It came too late: the image has ended by itself.
                Errand::End(_) => {}
                Errand::Finish => self.finish(),
            }
        }
    }

    fn storage(&self) -> &StorageName {
        &self.bench.storage.name
    }

    fn drive(&self) -> DriveName {
        self.bench.drive.clone()
    }

    // ---- volumes -------------------------------------------------------------------------------------

    fn look(&mut self) {
        let drive = self.drive();
        match self.scan().map(|mut scan| (scan.next(), scan::refusals(&scan))) {
            Ok((Some(_), _)) => self.bench.voice.event(Event::VolumeFound { drive }),
            Ok((None, why)) => self.no_volume(why),
            Err(error) => self.failed(blame(&error), with_causes(&error)),
        }
    }

    fn no_volume(&self, why: String) {
        let storage = self.storage().clone();
        self.bench.voice.log(RunEvent::NoVolume { storage, why: why.clone() });
        self.bench.voice.event(Event::NoVolume { drive: self.drive(), why });
    }

    fn failed(&mut self, blame: Blame, why: String) {
        self.volume = None;
        self.mounted = None;
        self.bench.voice.event(Event::DriveFailed { drive: self.drive(), blame, why });
    }

    fn mount_and_tell(&mut self, again: Option<&Label>) {
        match self.mount(again) {
            Ok(volume) => {
                self.tell_mounted(&volume);
                self.volume = Some(volume);
            }
            Err(MountError::None(why)) => self.no_volume(why),
            Err(error) => self.failed(blame(&error), with_causes(&error)),
        }
    }

    fn tell_mounted(&mut self, volume: &Appending<AnyDrive>) {
        let label = volume.label().clone();
        self.mounted = Some(label.clone());
        self.bench.voice.event(Event::VolumeMounted { drive: self.drive(), label, room: None });
    }

    /// The volume that the run takes for mounted, mounted again if an image broke off on it.
    fn regain(&mut self) -> Result<Option<Appending<AnyDrive>>, MountError> {
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
        let Bench { config, storage, library, run, .. } = &self.bench;
        let current = library.inventory()?.drive(&self.bench.drive).and_then(|bay| bay.home);
        let catalogue = self.bench.catalogue.lock();
        Ok(scan::of(config, storage, library, &catalogue, current, *run)?)
    }

    /// Mounts the next volume that may be written, or the one that was mounted before.
    fn mount(&mut self, again: Option<&Label>) -> Result<Appending<AnyDrive>, MountError> {
        self.volume = None;
        if let Some(label) = again
            && let Some(volume) = self.mount_again(label)?
        {
            return Ok(volume);
        }
        (self.bytes, self.files) = (Bytes::ZERO, 0);
        let mut scan = self.scan()?;
        while let Some(candidate) = scan.next() {
            if let Some(volume) = self.try_candidate(&mut scan, &candidate)? {
                return Ok(volume);
            }
        }
        Err(MountError::None(scan::refusals(&scan)))
    }

    /// The volume that this run has written on before, if it is still to be had. No scan is asked: it would
    /// refuse a volume on which a run has not finished, even if that is this run.
    fn mount_again(&self, label: &Label) -> Result<Option<Appending<AnyDrive>>, MountError> {
        let Ok(slot) = self.bench.library.slot_of(label) else { return Ok(None) };
        let drive = self.bench.library.drive(&self.bench.drive)?;
        self.bench.library.bring(slot, &self.bench.drive)?;
        match Loaded::new(drive).identify()? {
            Identified::Labelled(mounted) if mounted.label() == label => {
                let (volume, how) = self.append(mounted)?;
                self.tell_volume(&volume, slot, how);
                Ok(Some(volume))
            }
            _ => Ok(None),
        }
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
            Err(error) if matches!(blame(&error), Blame::Medium | Blame::Nothing) => {
                let why = with_causes(&error);
                scan.rejected(candidate, &why);
                self.refuse(scan, candidate, why);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn refuse(&self, _scan: &Scan, candidate: &Candidate, why: String) {
        let what = candidate.label.as_ref().map_or_else(
            || format!("the cartridge in slot {}", candidate.slot),
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
        let seen = self.bench.catalogue.lock().record_seen(&label, Some(slot), None);
        if let Err(error) = seen {
            self.bench.voice.log(RunEvent::Warning { text: with_causes(&error) });
        }
        self.bench.voice.log(RunEvent::VolumeMounted {
            drive: self.drive(),
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
        let drive = self.bench.library.drive(&self.bench.drive)?;
        self.bench.library.bring(candidate.slot, &self.bench.drive)?;
        let identified = Loaded::new(drive).identify()?;
        let found = match &identified {
            Identified::Labelled(mounted) => {
                Found::Labelled { label: mounted.label().clone(), stamp: mounted.start().stamp }
            }
            Identified::Blank(_) => Found::Blank,
            Identified::Foreign(foreign) => Found::Foreign(foreign.what().to_owned()),
        };
        let choice = match scan.met(candidate.slot, found) {
            Ok(choice) => choice,
            Err(refusal) => return Ok(Err(refusal.why)),
        };
        match (choice, identified) {
            (Choice::Append(_), Identified::Labelled(mounted)) => self.append(mounted).map(Ok),
            (Choice::Reuse(label), Identified::Labelled(mounted)) => self.reuse(&label, mounted),
            (Choice::Fresh(fresh), identified) => {
                self.label_new(fresh.label().clone(), identified).map(Ok)
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
    ) -> Result<Result<(Appending<AnyDrive>, String), String>, MountError> {
        let now = Now::read().stamp();
        let leave = match self.bench.catalogue.lock().reusable(label, &self.policies, now) {
            Ok(leave) => leave,
            Err(CatalogueError::Needed(needed)) => return Ok(Err(needed.to_string())),
            Err(error) => return Err(error.into()),
        };
        let volume = mounted.relabel(leave, self.bench.run)?;
        self.record_labelled(&volume)?;
        Ok(Ok((volume, "started afresh".to_owned())))
    }

    fn label_new(
        &self,
        label: Label,
        identified: Identified<AnyDrive>,
    ) -> Result<(Appending<AnyDrive>, String), MountError> {
        let storage = &self.bench.storage;
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
        self.record_labelled(&volume)?;
        Ok((volume, "new".to_owned()))
    }

    fn record_labelled(&self, volume: &Appending<AnyDrive>) -> Result<(), CatalogueError> {
        let start = volume.start();
        let block = start.block_size.unwrap_or(types::BlockSize::HEADER);
        let end = VolumeEnd { file: volume.next_file(), object: volume.next_object() };
        let now = Now::read().stamp();
        self.bench.catalogue.lock().record_labelled(volume.label(), start.stamp, block, end, now)
    }

    /// Closes the mounted volume: the run's records go behind the last part, and the cartridge back home.
    fn close(
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
                let written = volume.write_records(self.bench.run, &records);
                let (volume, outcome, placed) = written.map_err(|error| text(&error))?;
                let lacking = (outcome == Records::NoRoom).then(|| "there was no room".to_owned());
                (volume, lacking, placed)
            }
            Err(error) => {
                let (volume, placed) = volume.flush().map_err(|error| with_causes(&error))?;
                (volume, Some(with_causes(&error)), placed)
            }
        };
        for part in &placed {
            self.record(part).map_err(|error| text(&error))?;
        }
        let end = VolumeEnd { file: volume.next_file(), object: volume.next_object() };
        let mut catalogue = self.bench.catalogue.lock();
        let recorded = catalogue
            .record_end(&label, self.bench.run, end)
            .and_then(|()| catalogue.set_state(&label, state, Now::read().stamp()));
        drop(catalogue);
        recorded.map_err(|error| text(&error))?;
        if let Some(why) = lacking {
            let text = format!(
                "{label} has no records of this run ({why}); a rebuild of the catalogue will need its part headers"
            );
            self.bench.voice.log(RunEvent::Warning { text });
        }
        drop(volume);
        self.bench.voice.log(RunEvent::VolumeFinished {
            label,
            bytes: self.bytes,
            files: self.files,
            why: why.to_owned(),
        });
        self.bench.library.unload(&self.bench.drive).map_err(|error| text(&error))
    }

    fn finish(&mut self) {
        let volume = match (self.volume.take(), self.mounted.take()) {
            (None, Some(label)) => self.mount_again(&label),
            (volume, _) => Ok(volume),
        };
        let closed = match volume {
            Ok(Some(volume)) if volume.is_near_end() => {
                self.close(volume, VolumeState::Full, "it is full")
            }
            Ok(Some(volume)) => self.close(volume, VolumeState::Active, "the run is done with it"),
            Ok(None) => Ok(()),
            Err(error) => Err(with_causes(&error)),
        };
        match closed {
            Ok(()) => self.bench.voice.event(Event::VolumeFinished { drive: self.drive() }),
            Err(why) => self.failed(Blame::Drive, why),
        }
    }

    // ---- images --------------------------------------------------------------------------------------

    fn write_held(&mut self, held: &Held) {
        let name = held.name().clone();
        let drive = self.drive();
        let opened = Chunks::open(&held.files()).and_then(HeldImage::open);
        let mut source = match opened {
            Ok(source) => source,
            Err(error) => {
                let why = with_causes(&error);
                return self.bench.voice.event(Event::Unreadable { drive, dump: name.dump, why });
            }
        };
        let from = match self.begin(name.dump) {
            Ok(from) => from,
            Err(error) => return self.failed(Blame::Host, with_causes(&error)),
        };
        match self.write(&name, &mut source, from) {
            Ok(()) => match self.placed_all(&name, Some(held)) {
                Ok(()) => self.bench.voice.event(Event::ImagePlaced { drive, dump: name.dump }),
                Err(why) => self.failed(Blame::Host, why),
            },
            Err(stopped) => self.tell_stopped(&name, stopped),
        }
    }

    /// Where to begin: after the last part placed in this run; else at the beginning, for the hash of what an
    /// earlier run placed is not known any more.
    fn begin(&self, dump: DumpId) -> Result<Reached, CatalogueError> {
        if let Some(reached) = self.reached.get(&dump) {
            return Ok(reached.clone());
        }
        let mut catalogue = self.bench.catalogue.lock();
        let begun = catalogue.dump(dump)?.copies.iter().any(|copy| copy.storage == *self.storage());
        if begun {
            catalogue.restart_copy(dump, self.storage())?;
        }
        Ok(Reached::beginning())
    }

    fn write_arriving(&mut self, incoming: Incoming) {
        let Incoming { name, frames, outcome } = incoming;
        let mut source = LiveImage::new(frames, REMEMBERED);
        let written = self.write(&name, &mut source, Reached::beginning());
        match written {
            Ok(()) => match self.placed_all(&name, None) {
                // The dumper tells the rest.
                Ok(()) => drop(outcome.send(direct::Placed)),
                Err(why) => self.failed(Blame::Host, why),
            },
            Err(stopped) => {
                // If it was the dump that broke off, the dumper says so, and the drive is well. If it was the
                // drive, the run hears of it before the dumper does.
                if !broke_off(&stopped.cause) {
                    self.failed(stopped.cause.blame(), with_causes(&stopped));
                }
                drop(outcome);
                drop(source);
                // The parts that are placed are of no use: a dump that comes straight begins again.
                if let Err(error) =
                    self.bench.catalogue.lock().restart_copy(name.dump, &self.bench.storage.name)
                {
                    tracing::debug!("{}", with_causes(&error));
                }
            }
        }
    }

    fn write(
        &mut self,
        name: &ImageName,
        source: &mut dyn ImageSource,
        from: Reached,
    ) -> Result<(), scribe::Stopped> {
        let dump = name.dump;
        let (raw, stored) = match self.bench.catalogue.lock().dump(dump) {
            Ok(known) if known.dump.stored > Bytes::ZERO => {
                (Some(known.dump.raw), Some(known.dump.stored))
            }
            _ => (None, None),
        };
        let image = Image {
            stamp: name.run,
            dle: &name.dle,
            level: name.level,
            dump,
            base: name.base,
            raw,
            stored,
            crc32c: None,
        };
        let part_size = self.bench.storage.tapetype.part_size;
        let job = Job { image, part_size, commit_every: COMMIT_EVERY };
        let volume = self.volume.take();
        self.since = Instant::now();
        let written =
            scribe::write_image(&job, source, from, volume, &mut Keeper { worker: self, dump });
        match written {
            Ok(Finished { volume, .. }) => {
                self.reached.remove(&dump);
                self.volume = volume;
                Ok(())
            }
            Err(stopped) => {
                self.reached.insert(dump, (*stopped.reached).clone());
                Err(stopped)
            }
        }
    }

    fn tell_stopped(&mut self, name: &ImageName, stopped: scribe::Stopped) {
        let drive = self.drive();
        let why = with_causes(&stopped);
        match &stopped.cause {
            StopCause::NoVolume(error) if error.downcast_ref::<Ended>().is_some() => {
                self.bench.voice.event(Event::ImageEnded { drive, dump: name.dump });
            }
            StopCause::Write(taper::mount::WriteError::Source(_)) => {
                self.bench.voice.event(Event::Unreadable { drive, dump: name.dump, why });
            }
            cause => self.failed(cause.blame(), why),
        }
    }

    /// Says in the catalogue that a copy is whole, and lets the held image go if no other copy is wanted.
    fn placed_all(&mut self, name: &ImageName, held: Option<&Held>) -> Result<(), String> {
        let wanted = [self.storage().clone()];
        let now = Now::read().stamp();
        let mut catalogue = self.bench.catalogue.lock();
        let released = catalogue
            .complete_copy(name.dump, &wanted[0], now)
            .and_then(|()| held.map(|_| catalogue.forget_held(name.dump, &wanted)).transpose());
        let stored = catalogue.dump(name.dump).map_or(Bytes::ZERO, |known| known.dump.stored);
        drop(catalogue);
        let released = released.map_err(|error| with_causes(&error))?;
        self.bench.voice.log(RunEvent::ImagePlaced {
            dle: name.dle.clone(),
            level: name.level,
            dump: name.dump,
            storage: wanted[0].clone(),
            bytes: stored,
        });
        if let Some((held, released)) = held.zip(released)
            && let Err(error) = held.clone().remove(released)
        {
            let text = format!("{}; the next run removes it", with_causes(&error));
            self.bench.voice.log(RunEvent::Warning { text });
        }
        Ok(())
    }

    fn record(&self, part: &Placed) -> Result<(), CatalogueError> {
        let row = Part {
            dump: part.dump,
            storage: self.storage().clone(),
            no: part.part,
            run: self.bench.run,
            label: part.label.clone(),
            file: part.file,
            object: part.object,
            first_frame: part.first_frame,
            last_frame: part.last_frame,
            offset: part.offset,
            bytes: part.bytes,
            sha_so_far: Some(part.sha256_so_far),
            crc_so_far: Some(part.crc32c_so_far),
        };
        let end = VolumeEnd { file: part.file.next(), object: None };
        self.bench.catalogue.lock().record_placed(&row, end)
    }
}

/// Who finds volumes and keeps the catalogue while an image is written.
struct Keeper<'a> {
    worker: &'a mut Worker,
    dump: DumpId,
}

impl scribe::Volumes<AnyDrive> for Keeper<'_> {
    fn next_volume(
        &mut self,
        why: Wanted<'_>,
        done: Option<Appending<AnyDrive>>,
    ) -> Result<Appending<AnyDrive>, OtherError> {
        let drive = self.worker.drive();
        match why {
            Wanted::First => {
                if let Some(volume) = self.worker.regain()? {
                    return Ok(volume);
                }
            }
            Wanted::Full(_) => {
                if let Some(volume) = done {
                    self.worker.close(volume, VolumeState::Full, "it is full")?;
                }
                self.worker.mounted = None;
                self.worker.bench.voice.event(Event::VolumeFull { drive });
            }
            Wanted::Failed { label, error } => {
                let why = with_causes(error);
                self.worker.bench.voice.log(RunEvent::DriveFailed {
                    drive: drive.clone(),
                    blame: format!("volume {label}"),
                    why,
                });
                let now = Now::read().stamp();
                self.worker.bench.catalogue.lock().set_state(label, VolumeState::Full, now)?;
                self.worker.mounted = None;
                self.worker.bench.voice.event(Event::VolumeFull { drive });
            }
        }
        self.wait_for_volume()
    }

    fn placed(&mut self, part: &Placed) -> Result<(), OtherError> {
        self.worker.record(part)?;
        self.worker.bytes += part.bytes;
        self.worker.files += 1;
        self.worker.bench.voice.log(RunEvent::PartPlaced {
            dump: part.dump,
            part: part.part,
            label: part.label.clone(),
            file: part.file,
            bytes: part.bytes,
            seconds: std::mem::replace(&mut self.worker.since, Instant::now())
                .elapsed()
                .as_secs_f64(),
        });
        let (drive, dump, stored) = (self.worker.drive(), part.dump, part.bytes);
        self.worker.bench.voice.event(Event::PartPlaced { drive, dump, stored });
        Ok(())
    }
}

impl Keeper<'_> {
    /// Waits, with an image half written, for the dispatcher's word.
    fn wait_for_volume(&mut self) -> Result<Appending<AnyDrive>, OtherError> {
        loop {
            match self.worker.orders.recv() {
                Ok(Errand::Mount { again }) => match self.worker.mount(again.as_ref()) {
                    Ok(volume) => {
                        self.worker.tell_mounted(&volume);
                        return Ok(volume);
                    }
                    Err(MountError::None(why)) => self.worker.no_volume(why),
                    Err(error) => return Err(error.into()),
                },
                Ok(Errand::Look) => self.worker.look(),
                Ok(Errand::End(dump)) if dump == self.dump => return Err(Ended.into()),
                Ok(other) => tracing::error!("{other:?} came while an image waits for a volume"),
                Err(_) => return Err(Ended.into()),
            }
        }
    }
}

/// True when the image ended before its end, by order or because its source did.
fn broke_off(cause: &StopCause) -> bool {
    match cause {
        StopCause::Write(taper::mount::WriteError::Source(_)) => true,
        StopCause::NoVolume(error) => error.downcast_ref::<Ended>().is_some(),
        _ => false,
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

fn blame(error: &MountError) -> Blame {
    match error {
        MountError::Volume(error) => error.blame(),
        MountError::Scan(NoScan::Library(error)) => blame_of(error),
        MountError::Library(error) => blame_of(error),
        MountError::None(_) | MountError::Catalogue(_) | MountError::Scan(_) => Blame::Host,
    }
}

fn blame_of(error: &LibraryTrouble) -> Blame {
    match error {
        LibraryTrouble::Changer(error) => error.blame,
        LibraryTrouble::Volume(error) => error.blame(),
        LibraryTrouble::Open { .. } | LibraryTrouble::NoDrive => Blame::Drive,
        LibraryTrouble::NotServed { .. } => Blame::Host,
        LibraryTrouble::Absent(_) | LibraryTrouble::Other { .. } => Blame::Medium,
    }
}
