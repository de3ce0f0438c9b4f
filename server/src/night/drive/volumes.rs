//! Volumes for a drive: the scan says which are worth a try, and they are tried until one stands ready to be written.
//!
//! What becomes of one in the drive is told in `begin`, of one that was there before in `again`.

use std::collections::BTreeSet;

use taper::catalogue::CatalogueError;
use taper::mount::Appending;
use taper::scan::{Candidate, Scan};
use types::{Blame, Bytes, Label, Slot};

use super::super::estimate::with_causes;
use super::super::{attended, scan};
use super::{Bench, Worker, disk};
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
        let start = if volume.was_fresh() { Start::New } else { self.goes_on(&label) };
        let drive = self.id();
        self.bench.voice.event(Event::VolumeMounted { drive, label, room: None, start });
    }

    fn goes_on(&self, label: &Label) -> Start {
        // A catalogue that does not answer this does not answer the next question either, and that one is told.
        let images = self.bench.catalogue.lock().dumps_on(label).unwrap_or_default();
        Start::GoesOn { images: u32::try_from(images).unwrap_or(u32::MAX) }
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
            label: candidate.label.clone(),
            what,
            why,
        });
    }

    pub(super) fn tell_volume(&self, volume: &Appending<AnyDrive>, slot: Slot, how: String) {
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
}
