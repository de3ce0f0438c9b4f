//! A cartridge that may be written over: blank, or with something on it that a person has given up.
//!
//! A labelled volume never is. Whoever wants to try a drive on one erases it first, with `volume erase`, which asks
//! the catalogue.

use anyhow::bail;
use taper::mount::{Identified, Loaded};
use types::{DriveName, Slot};

use super::super::library::Place;
use super::tape_of;
use crate::cli;
use crate::library::{AnyDrive, LibraryTrouble, Tape, Unwritable};

/// Whether data of something else may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreign {
    Kept,
    GivenUp,
}

/// A drive with a cartridge in it that may be written over: it was looked at.
pub(super) struct Scratch<'a> {
    place: &'a Place<'a>,
    name: DriveName,
    drive: AnyDrive,
    /// Whence it was brought, if it was brought here.
    slot: Option<Slot>,
}

impl<'a> Scratch<'a> {
    /// Brings the cartridge, and looks what is on it.
    pub(super) fn find(place: &'a Place<'a>, on: &cli::OnScratch) -> anyhow::Result<Self> {
        let name = place.named(on.drive.as_deref())?.first().cloned();
        let name = name.ok_or(LibraryTrouble::NoDrive)?;
        let drive = place.library.drive(&name)?;
        let slot = on.slot.map(|slot| place.slot(slot)).transpose()?;
        if let Some(slot) = slot {
            place.library.bring(slot, &name)?;
        }
        let mut scratch = Self { place, name, drive, slot };
        let foreign = if on.erase { Foreign::GivenUp } else { Foreign::Kept };
        match scratch.may_be_written(foreign) {
            Ok(()) => Ok(scratch),
            Err(error) => {
                scratch.put_back()?;
                Err(error)
            }
        }
    }

    fn may_be_written(&mut self, foreign: Foreign) -> anyhow::Result<()> {
        let name = self.name.clone();
        if self.drive.is_empty()? {
            bail!(
                "drive {name} is empty: put a blank cartridge in, or name the slot of one with --slot"
            );
        }
        tape_of(&mut self.drive, &name)?;
        match self.drive.unwritable()? {
            Some(Unwritable::WriteOnce) => {
                bail!("the cartridge in {name} can be written only once (WORM): use another one")
            }
            Some(Unwritable::Protected) => bail!(
                "the cartridge in {name} is write-protected: move its slider, or use another one"
            ),
            None => {}
        }
        match (Loaded::new(&mut self.drive).identify()?, foreign) {
            (Identified::Blank(_), _) | (Identified::Foreign(_), Foreign::GivenUp) => Ok(()),
            (Identified::Labelled(volume), _) => bail!(
                "volume {0} is in {name}, and a volume is never written over to try a drive: use a blank cartridge, or \
                 give this one up with `reelkeep volume erase {0}`. Nothing was written",
                volume.label()
            ),
            (Identified::Foreign(found), Foreign::Kept) => bail!(
                "the cartridge in {name} holds {}: if that may go, say --erase. Nothing was written",
                found.what()
            ),
        }
    }

    /// The drive, to write with.
    pub(super) fn tape(&mut self) -> anyhow::Result<&mut Tape> {
        tape_of(&mut self.drive, &self.name)
    }

    /// What it is called.
    pub(super) fn name(&self) -> &DriveName {
        &self.name
    }

    /// Ends the use: what was brought goes back to its slot.
    pub(super) fn put_back(self) -> Result<(), LibraryTrouble> {
        self.drive.give_back();
        if self.slot.is_some() { self.place.library.unload(&self.name) } else { Ok(()) }
    }
}
