//! What a storage wants done besides writing: a volume that was written is locked (`set-no-reuse`), and at the end of a
//! run what is no longer needed is taken off its media (`erase-volume`).

use taper::catalogue::{CatalogueError, Lock, Locked, VolumeState};
use taper::mount::Identified;
use types::Label;

use super::super::estimate::with_causes;
use super::Worker;
use super::volumes::MountError;
use crate::clock::Now;
use crate::runlog::RunEvent;

impl Worker {
    /// Locks a volume that was written, if the storage wants that. A lock of the operator's stays as it is.
    pub(super) fn lock_written(&self, label: &Label) -> Result<(), CatalogueError> {
        if !self.settings().set_no_reuse {
            return Ok(());
        }
        let mut catalogue = self.bench.catalogue.lock();
        if catalogue.volume(label)?.lock != Lock::Open {
            return Ok(());
        }
        let why = format!("set-no-reuse of storage {}", self.storage());
        let locked = Locked { why, ..Locked::default() };
        catalogue.set_lock(label, Lock::NoReuse, &locked, Now::read().stamp())
    }

    /// Begins every volume of the storage afresh that has something on it and is not needed: its label stays, and what
    /// was behind it is gone. One that cannot be had or read is left for another run.
    pub(super) fn erase_unneeded(&mut self) {
        let labels = match self.unneeded() {
            Ok(labels) => labels,
            Err(error) => return self.warn(with_causes(&error)),
        };
        for label in labels {
            match self.erase(&label) {
                Ok(None) => self.warn(format!("{label} was erased: nothing on it is needed")),
                Ok(Some(why)) => self.warn(format!("{label} was not erased: {why}")),
                Err(error) => self.warn(format!("{label} was not erased: {}", with_causes(&error))),
            }
        }
        let drive = &self.bench.id.drive;
        if let Err(error) = self.library().unload(drive) {
            self.warn(with_causes(&error));
        }
    }

    fn unneeded(&self) -> Result<Vec<Label>, CatalogueError> {
        let catalogue = self.bench.catalogue.lock();
        let verdicts = catalogue.verdicts(&self.policies, Now::read().stamp())?;
        let full = |state| matches!(state, VolumeState::Active | VolumeState::Full);
        let volumes = catalogue.volumes()?.into_iter().filter(|volume| {
            volume.storage == *self.storage()
                && full(volume.state)
                && volume.last_written.is_some_and(|run| run != self.bench.run)
                && volume.off_site.is_none()
                && verdicts.of(&volume.label).is_reusable()
        });
        Ok(volumes.map(|volume| volume.label).collect())
    }

    /// Why not, if it was not.
    fn erase(&self, label: &Label) -> Result<Option<String>, MountError> {
        let library = self.library();
        let Ok(slot) = library.slot_of(label) else {
            return Ok(Some("it is not in the library".to_owned()));
        };
        let drive = library.drive(&self.bench.id.drive)?;
        let (erased, why) = match library.load(slot, drive)?.identify()? {
            Identified::Labelled(mounted) if mounted.label() == label => {
                match self.reuse(label, mounted)? {
                    Ok((volume, _)) => (Some(volume), None),
                    Err(why) => (None, Some(why)),
                }
            }
            _ => (None, Some(format!("slot {slot} has something else"))),
        };
        if let Some(volume) = erased {
            volume.into_drive().give_back();
        }
        Ok(why)
    }

    fn warn(&self, text: String) {
        self.bench.voice.log(RunEvent::Warning { text });
    }
}
