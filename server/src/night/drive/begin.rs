//! A cartridge made ready to be written: loaded, its label read, and what the scan says done to it.
//!
//! A volume is written on behind its last file, started afresh with leave from the catalogue, or labelled as a new one.
//! The catalogue hears of a label before the medium has it, and of the volume when it stands there.

use devices::ssc::CartridgeFacts;
use taper::catalogue::{Catalogue, CatalogueError, Volume, VolumeEnd};
use taper::label::Found;
use taper::mount::{
    Appending, Consent, Foreign, Identified, Known, LastFile, Mounted, NewLabel, VolumeError,
};
use taper::scan::{Candidate, Choice, Scan};
use types::{DumpId, FileNo, Label};

use super::Worker;
use super::cartridge::{medium, once};
use super::volumes::MountError;
use crate::clock::Now;
use crate::library::AnyDrive;
impl Worker {
    /// Brings a candidate into the drive, reads its label, and does what the scan says to it.
    pub(super) fn ready(
        &self,
        scan: &mut Scan,
        candidate: &Candidate,
    ) -> Result<Result<(Appending<AnyDrive>, String), String>, MountError> {
        let drive = self.library().drive(&self.bench.id.drive)?;
        let (loaded, facts) = self.library().load_with_chip(candidate.slot, drive)?;
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

    pub(super) fn append(
        &self,
        mounted: Mounted<AnyDrive>,
    ) -> Result<(Appending<AnyDrive>, String), MountError> {
        let label = mounted.label().clone();
        let known = self.known(&label)?;
        let at = known.last.file().next();
        let volume = mounted.append(&known, |dump| self.knows(dump))?;
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
        let inspected = mounted.inspect(&self.known(label)?, |dump| self.knows(dump))?;
        let now = Now::read().stamp();
        let leave = match self.bench.catalogue.lock().reusable(label, &self.policies, now) {
            Ok(leave) => leave,
            Err(CatalogueError::Needed(needed)) => return Ok(Err(needed.to_string())),
            Err(error) => return Err(error.into()),
        };
        let volume = inspected.relabel(leave, self.bench.run)?;
        self.record_labelled(&volume, facts)?;
        Ok(Ok((volume, "started afresh".to_owned())))
    }

    fn known(&self, label: &Label) -> Result<Known, CatalogueError> {
        known(&self.bench.catalogue.lock(), label)
    }

    fn knows(&self, dump: DumpId) -> bool {
        self.bench.catalogue.lock().dump(dump).is_ok()
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
}

/// What the catalogue knows of a volume that is to be written on, or started afresh.
pub(crate) fn known(catalogue: &Catalogue, label: &Label) -> Result<Known, CatalogueError> {
    let volume = catalogue.volume(label)?;
    let last = catalogue.parts_on(label)?.into_iter().next_back();
    let behind = FileNo(volume.end.file.0.saturating_sub(1));
    let last_file = match &last {
        Some(part) if part.file == behind => {
            LastFile::Part { file: part.file, dump: part.dump, part: part.no }
        }
        _ if behind == FileNo::LABEL => LastFile::Label,
        _ => LastFile::Other { file: behind },
    };
    let of_part = last.as_ref().and_then(|part| Some((part.file, part.object?)));
    let of_end = volume.end.object.map(|object| (volume.end.file, object));
    let objects = of_part.into_iter().chain(of_end).collect();
    Ok(Known { label: volume.label, written: volume.labelled, last: last_file, objects })
}

fn overwrite(
    foreign: Foreign<AnyDrive>,
    new: NewLabel,
) -> Result<Appending<AnyDrive>, VolumeError> {
    let consent = Consent::to_overwrite(format!("{}, which autolabel lets pass", foreign.what()));
    foreign.overwrite(consent, new)
}
