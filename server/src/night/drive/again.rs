//! A volume that the drive had before: found again by its label, and the proof that what we wrote still stands there.
//!
//! Another program, or another host, may have moved the tape meanwhile, and then what was written after that went to a
//! place where something else stood. What is gone counts no more, and the volume is retired: nobody knows who
//! else uses the drive.

use taper::catalogue::{CatalogueError, Dump, VolumeState};
use taper::mount::{Appending, Identified, VolumeError};
use types::{FileNo, Label, Slot};

use super::super::estimate::with_causes;
use super::Worker;
use super::volumes::MountError;
use crate::library::{AnyDrive, MountTrouble};
use crate::runlog::RunEvent;
impl Worker {
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
    pub(super) fn saw(&self, slot: Slot, expected: Option<&Label>, found: &Identified<AnyDrive>) {
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
}
