//! Images for a drive: written part after part, recorded part by part after the flush that proves it. When all
//! parts are recorded, the copy is; whether the held image may go is the run's to say.

use std::time::Instant;

use crossbeam_channel::TryRecvError;
use format::header::Image;
use taper::catalogue::{CatalogueError, Part, Standing, Strike, VolumeEnd, VolumeState};
use taper::mount::{Appending, Placed, Reached, WriteError};
use taper::scribe::{
    self, Chunks, Extent, Feed, Finished, HeldImage, ImageSource, Job, LiveImage, OtherError, Ring,
    StopCause, Wanted, Wish,
};
use types::{Blame, Bytes, DumpId, Label};

use super::super::destinations::{self, Way};
use super::super::direct::{self, Incoming, Whole};
use super::super::estimate::with_causes;
use super::volumes::MountError;
use super::{Errand, Worker, disk};
use crate::clock::Now;
use crate::dispatcher::Event;
use crate::holding::{Held, ImageName};
use crate::library::AnyDrive;
use crate::report::of_drive;
use crate::runlog::RunEvent;

/// How much of a dump that goes straight to a volume is remembered, for the case that the medium fails.
const REMEMBERED: Bytes = Bytes(256 << 20);
/// How much may be in the drive and not yet be certain.
const COMMIT_EVERY: Bytes = Bytes(4 << 30);

/// No frame of an image that is just arriving is longer, but for the last, which carries its index.
const LONGEST_FRAME: Bytes = Bytes((4 << 20) + (64 << 10));

/// The image is not to be written on.
#[derive(Debug, thiserror::Error)]
#[error("the run wants it so")]
struct Ended;

impl Worker {
    pub(super) fn write_held(&mut self, held: &Held) {
        let name = held.name().clone();
        let drive = self.id();
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
        let begun = Instant::now();
        let clock = move || begun.elapsed();
        let capacity = self.settings().tapering.device_output_buffer_size;
        let ring = Ring { capacity, clock: &clock };
        let longest = source.longest_frame();
        let (written, feed) =
            scribe::ahead(&mut source, &ring, |source| self.write(&name, (source, longest), from));
        self.tell_feed(&name, feed, begun);
        match written {
            Ok(()) => match self.placed_all(&name, None) {
                Ok(()) => self.bench.voice.event(Event::ImagePlaced { drive, dump: name.dump }),
                Err(why) => self.failed(Blame::Host, why),
            },
            Err(stopped) => self.tell_stopped(&name, stopped),
        }
    }

    /// Whether the drive had to wait for the holding disk, or the disk for the drive.
    fn tell_feed(&self, name: &ImageName, feed: Feed, begun: Instant) {
        self.bench.voice.log(RunEvent::DriveFed {
            drive: self.called(),
            dump: name.dump,
            seconds: begun.elapsed().as_secs_f64(),
            waited: feed.waited.as_secs_f64(),
            starved: feed.starved,
        });
    }

    /// Where to begin: after the last part placed in this run; else at the beginning, for the hash of what an
    /// earlier run placed is not known any more.
    fn begin(&self, dump: DumpId) -> Result<Reached, CatalogueError> {
        let known = self.bench.reached.lock().get(&(dump, self.storage().clone())).cloned();
        if let Some(reached) = known
            && self.is_still_placed(dump, &reached)?
        {
            return Ok(reached);
        }
        let mut catalogue = self.bench.catalogue.lock();
        let begun = catalogue.dump(dump)?.copies.iter().any(|copy| copy.storage == *self.storage());
        if begun {
            catalogue.restart_copy(dump, self.storage())?;
        }
        Ok(Reached::beginning())
    }

    /// Whether the catalogue still has all parts before this place: a volume that was written over by somebody has
    /// lost its parts. What is left of the others is of no use then, for nobody knows the hash any more.
    fn is_still_placed(&self, dump: DumpId, reached: &Reached) -> Result<bool, CatalogueError> {
        let mut catalogue = self.bench.catalogue.lock();
        let parts = catalogue.parts(dump, self.storage())?;
        let placed: Bytes = parts.iter().map(|part| part.bytes).sum();
        let all = placed >= reached.place().offset;
        if !all {
            catalogue.restart_copy(dump, self.storage())?;
        }
        Ok(all)
    }

    pub(super) fn write_arriving(&mut self, incoming: Incoming) {
        let Incoming { name, frames, whole, outcome } = incoming;
        let mut source = LiveImage::new(frames, REMEMBERED);
        let written = self.write(&name, (&mut source, LONGEST_FRAME), Reached::beginning());
        match written {
            Ok(()) => match whole.try_recv() {
                Ok(whole) => match self.placed_all(&name, Some(&whole)) {
                    // The dumper tells the rest.
                    Ok(()) => drop(outcome.send(direct::Placed)),
                    Err(why) => self.failed(Blame::Host, why),
                },
                Err(_) => self.forget_parts_of(&name),
            },
            Err(stopped) => {
                // If it was the dump that broke off, the dumper says so, and the drive is well. If it was the
                // drive, the run hears of it before the dumper does.
                if !broke_off(&stopped.cause) {
                    self.failed(blame(&stopped.cause), with_causes(&stopped));
                }
                drop(outcome);
                drop(source);
                self.forget_parts_of(&name);
            }
        }
    }

    /// The parts that are placed are of no use: a dump that comes straight begins again.
    fn forget_parts_of(&self, name: &ImageName) {
        let forgotten = self.bench.catalogue.lock().restart_copy(name.dump, self.storage());
        if let Err(error) = forgotten {
            tracing::debug!("{}", with_causes(&error));
        }
    }

    fn write(
        &mut self,
        name: &ImageName,
        (source, longest_frame): (&mut dyn ImageSource, Bytes),
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
        let room = self.bench.records.room(&self.bench.indexdir, dump);
        let tapetype = &self.settings().tapetype;
        // Whatever the records need: half of a volume is for images.
        let kept_free = room + longest_frame;
        let kept_free = kept_free.min(Bytes(tapetype.length.0 / 2));
        let part_size = tapetype.part_size;
        let job = Job { image, part_size, commit_every: COMMIT_EVERY };
        let volume = self.volume.take();
        self.since = Instant::now();
        let written = scribe::write_image(
            &job,
            source,
            from,
            volume,
            &mut Keeper { worker: self, dump, kept_free },
        );
        let key = (dump, self.storage().clone());
        match written {
            Ok(Finished { volume, extent: Extent::Whole, .. }) => {
                self.bench.reached.lock().remove(&key);
                self.volume = volume;
                Ok(())
            }
            Ok(Finished { volume, reached, extent: Extent::Begun }) => {
                self.bench.reached.lock().insert(key, reached.clone());
                self.volume = volume;
                let cause = StopCause::NoVolume(Ended.into());
                Err(scribe::Stopped { reached: Box::new(reached), cause })
            }
            Err(stopped) => {
                self.bench.reached.lock().insert(key, (*stopped.reached).clone());
                Err(stopped)
            }
        }
    }

    fn tell_stopped(&mut self, name: &ImageName, stopped: scribe::Stopped) {
        let drive = self.id();
        let why = with_causes(&stopped);
        match &stopped.cause {
            StopCause::NoVolume(error) if error.downcast_ref::<Ended>().is_some() => {
                self.bench.voice.event(Event::ImageEnded { drive, dump: name.dump });
            }
            StopCause::Write(WriteError::Source(_)) => {
                self.bench.voice.event(Event::Unreadable { drive, dump: name.dump, why });
            }
            cause => self.failed(blame(cause), why),
        }
    }

    /// Says in the catalogue that a copy is whole; before that, where it is still to be copied to, so that no crash
    /// forgets it.
    fn placed_all(&mut self, name: &ImageName, direct: Option<&Whole>) -> Result<(), String> {
        let (now, storage) = (Now::read().stamp(), self.storage());
        let way = if direct.is_some() { Way::Direct } else { Way::FromHolding };
        let wishes = destinations::wishes(&self.bench.config, name, storage, way);
        let mut catalogue = self.bench.catalogue.lock();
        let wished = wishes.iter().try_for_each(|wish| catalogue.want_copy(wish));
        let completed = wished.and_then(|()| match direct {
            Some(Whole { dump, messages }) => catalogue.finish_direct(dump, messages, storage, now),
            None => catalogue.complete_copy(name.dump, storage, now),
        });
        let stored = catalogue.dump(name.dump).map_or(Bytes::ZERO, |known| known.dump.stored);
        drop(catalogue);
        completed.map_err(|error| with_causes(&error))?;
        self.bench.voice.log(RunEvent::ImagePlaced {
            dle: name.dle.clone(),
            level: name.level,
            dump: name.dump,
            storage: self.storage().clone(),
            bytes: stored,
        });
        Ok(())
    }

    pub(super) fn record(&self, part: &Placed) -> Result<(), CatalogueError> {
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
        self.bench.catalogue.lock().record_placed(&row, end)?;
        self.bench.records.placed(part.dump);
        Ok(())
    }
}

/// Who finds volumes and keeps the catalogue while an image is written.
struct Keeper<'a> {
    worker: &'a mut Worker,
    dump: DumpId,
    /// What has to be left for a frame and the records.
    kept_free: Bytes,
}

impl scribe::Volumes<AnyDrive> for Keeper<'_> {
    fn next_volume(
        &mut self,
        why: Wanted<'_>,
        done: Option<Appending<AnyDrive>>,
    ) -> Result<Appending<AnyDrive>, OtherError> {
        let drive = self.worker.id();
        let is_cut_short =
            done.as_ref().is_some_and(|volume: &Appending<_>| volume.drive().is_cut_short());
        match why {
            Wanted::Full(_) | Wanted::TooSmall { .. } if is_cut_short => {
                if let Some(volume) = done {
                    self.worker.cut_short(volume)?;
                }
            }
            Wanted::Failed { label, error } if disk::is_full(error) => {
                self.worker.cut_short_late(label)?;
            }
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
            Wanted::TooSmall { frame } => {
                if let Some(volume) = done {
                    self.worker.set_aside(volume, (self.dump, frame))?;
                }
                self.worker.mounted = None;
                self.worker.bench.voice.event(Event::VolumeFull { drive });
            }
            Wanted::Failed { label, error } if error.blame() == Blame::Nothing => {
                let why = of_drive(&drive.drive, &with_causes(error));
                self.warn(format!("{why}: {label} is mounted again"));
                match self.worker.mount_again(label) {
                    Ok(Some(volume)) => return Ok(volume),
                    Ok(None) if self.worker.is_retired(label) => {}
                    Ok(None) => self.warn(format!(
                        "{label} was not found again: if somebody moved the tape, its label may be written over. Look \
                         at it with `reelkeep volume scan`; if the label is gone, say `reelkeep volume forget {label}`, \
                         so that dumps which were only there no longer count"
                    )),
                    Err(error) => self.warn(with_causes(&error)),
                }
                self.worker.mounted = None;
                self.worker.bench.voice.event(Event::VolumeFull { drive });
            }
            Wanted::Failed { label, error } => {
                self.strike(label, with_causes(error))?;
                self.worker.examine_failed(label);
                self.worker.mounted = None;
                self.worker.bench.voice.event(Event::VolumeFull { drive });
            }
        }
        self.wait_for_volume()
    }

    fn keep_free(&self) -> Bytes {
        self.kept_free
    }

    /// Nothing but an end is ordered of a drive while it writes.
    fn wish(&mut self) -> Wish {
        match self.worker.orders.try_recv() {
            Ok(Errand::End(dump)) if dump == self.dump => Wish::End,
            Ok(other) => {
                tracing::error!("{other:?} came while an image is written");
                Wish::GoOn
            }
            Err(TryRecvError::Disconnected) => Wish::End,
            Err(TryRecvError::Empty) => Wish::GoOn,
        }
    }

    fn is_still_placed(&mut self, reached: &Reached) -> Result<bool, OtherError> {
        Ok(self.worker.is_still_placed(self.dump, reached)?)
    }

    fn placed(&mut self, part: &Placed) -> Result<(), OtherError> {
        self.worker.record(part)?;
        self.worker.small.not_this_one();
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
        let (drive, dump, stored) = (self.worker.id(), part.dump, part.bytes);
        self.worker.bench.voice.event(Event::PartPlaced { drive, dump, stored });
        Ok(())
    }
}

impl Keeper<'_> {
    fn warn(&self, text: String) {
        self.worker.bench.voice.log(RunEvent::Warning { text });
    }

    /// The medium is to blame, as it seems.
    fn strike(&self, label: &Label, why: String) -> Result<(), CatalogueError> {
        let bench = &self.worker.bench;
        let (drive, run) = (self.worker.called(), bench.run);
        let strike = Strike { label: label.clone(), drive: drive.clone(), run, why: why.clone() };
        let standing = bench.catalogue.lock().strike(&strike, Now::read().stamp())?;
        let blame = match standing {
            Standing::Suspect => {
                format!("volume {label}, which takes no more until it is started afresh")
            }
            Standing::Bad => format!(
                "volume {label}, which has now failed in two drives: it is retired; copy what is still needed \
                 on it, and throw it away"
            ),
        };
        bench.voice.log(RunEvent::DriveFailed { drive, blame, why });
        Ok(())
    }

    /// Waits, with an image half written, for the dispatcher's word.
    fn wait_for_volume(&mut self) -> Result<Appending<AnyDrive>, OtherError> {
        loop {
            match self.worker.orders.recv() {
                // The rest of an image goes to the storage that has its beginning.
                Ok(Errand::Mount { again, .. }) => match self.worker.mount(again.as_ref()) {
                    Ok(volume) => {
                        self.worker.tell_mounted(&volume);
                        return Ok(volume);
                    }
                    Err(error) => self.worker.unmounted(error)?,
                },
                Ok(Errand::Look { .. }) => self.worker.look(),
                Ok(Errand::End(dump)) if dump == self.dump => return Err(Ended.into()),
                Ok(other) => tracing::error!("{other:?} came while an image waits for a volume"),
                Err(_) => return Err(Ended.into()),
            }
        }
    }
}

/// What has to change. A volume that could not be had is mostly the fault of whoever brings it.
fn blame(cause: &StopCause) -> Blame {
    match cause {
        StopCause::NoVolume(error) => match error.downcast_ref::<MountError>() {
            Some(error) => error.blame(),
            None => cause.blame(),
        },
        cause => cause.blame(),
    }
}

/// True when the image ended before its end, by order or because its source did.
fn broke_off(cause: &StopCause) -> bool {
    match cause {
        StopCause::Write(WriteError::Source(_)) => true,
        StopCause::NoVolume(error) => error.downcast_ref::<Ended>().is_some(),
        _ => false,
    }
}
