//! A library whose cartridges a person changes.
//!
//! Whoever wants another cartridge than the one in the drive asks here. What is in the drive is given out, the
//! operator is asked, and then whatever was put in is read and judged like any other cartridge: only its label says
//! what it is.

use std::time::Duration;

use taper::mount::{Identified, Mounted};
use taper::scan::WouldDo;
use types::{Blame, DriveName, Label, Slot};

use super::device::{Device, SLOT, Single};
use super::{AnyDrive, Library, LibraryTrouble};
use crate::night::estimate::with_causes;
use crate::operator::{Desk, NotLoaded, Patience, Place, Request, Seen, Wanted};

/// Whoever is asked, and how long an answer is waited for.
#[derive(Clone, Debug)]
pub(super) struct Attendant {
    desk: Desk,
    patience: Patience,
}

impl Library {
    /// The same library, with somebody to ask for volumes to read. Who sits at the terminal is waited for as long as
    /// it takes. Makes no difference to a library with a robot.
    pub fn attended(self, desk: &Desk) -> Self {
        let patience = match (desk.place(), self.patience()) {
            (Place::Terminal, _) => Patience::Endless,
            (Place::Away, patience) => patience,
        };
        self.with_attendant(desk, patience)
    }

    /// The same library, with somebody to ask for volumes in the course of a run, which comes to its end even if
    /// nobody answers.
    pub fn attended_in_a_run(self, desk: &Desk) -> Self {
        let patience = self.patience();
        self.with_attendant(desk, patience)
    }

    fn with_attendant(mut self, desk: &Desk, patience: Patience) -> Self {
        if self.is_manual() {
            self.attendant = Some(Attendant { desk: desk.clone(), patience });
        }
        self
    }

    fn patience(&self) -> Patience {
        match &self.device {
            Device::Single(single) => single.patience().map_or(Patience::None, Patience::For),
            Device::Vtapes(_) | Device::Robot { .. } => Patience::None,
        }
    }

    /// Whether a person changes its cartridges.
    pub fn is_manual(&self) -> bool {
        matches!(self.device, Device::Single(_))
    }

    /// Whether somebody can be asked for a cartridge.
    pub fn can_ask(&self) -> bool {
        let asks = |at: &Attendant| at.patience != Patience::None && !at.desk.is_closed();
        self.attendant.as_ref().is_some_and(asks)
    }

    /// Which device its only drive is, if a person changes the cartridges.
    pub fn single_device(&self) -> Option<String> {
        match &self.device {
            Device::Single(single) => Some(single.device()),
            Device::Vtapes(_) | Device::Robot { .. } => None,
        }
    }

    /// Has a drive let go of its cartridge: back to its slot, or into the operator's hands.
    pub(crate) fn give_out(&self, drive: &DriveName) -> Result<(), LibraryTrouble> {
        match &self.device {
            Device::Single(single) => single.eject(),
            Device::Vtapes(_) | Device::Robot { .. } => self.unload(drive),
        }
    }

    /// The slot that the catalogue should remember a volume by. Where a person keeps it, nobody knows.
    pub fn shelf(&self, slot: Slot) -> Option<Slot> {
        (!self.is_manual()).then_some(slot)
    }

    /// Asks for a cartridge to write on, and says how long that took. `now` says what is in the drive, and why it
    /// will not do.
    pub fn ask_to_write(&self, would_do: WouldDo, now: String) -> Result<Duration, NotLoaded> {
        self.ask(Wanted::ToWrite { volumes: would_do.volumes, blank: would_do.blank }, now)
    }

    /// Asks for another cartridge to read, whichever it is. `now` says what was made of the last one.
    pub fn ask_for_next(&self, now: String) -> Result<Duration, NotLoaded> {
        self.ask(Wanted::Next, now)
    }

    fn ask(&self, wanted: Wanted, now: String) -> Result<Duration, NotLoaded> {
        let (Some(attendant), Device::Single(single)) = (&self.attendant, &self.device) else {
            return Err(NotLoaded::NotAsked);
        };
        if !self.can_ask() {
            let given_up = attendant.desk.is_closed();
            return Err(if given_up { NotLoaded::GaveUp } else { NotLoaded::NotAsked });
        }
        if let Err(error) = single.eject() {
            // Then the operator presses the button.
            tracing::info!("the cartridge was not given out: {}", with_causes(&error));
        }
        let request = Request { drive: single.name(), device: single.device(), wanted, now };
        attendant.desk.ask(&request, attendant.patience, &mut looking(single))
    }

    /// A drive with nothing in it: nobody but the operator can change that.
    pub(super) fn see_to_it(&self, drive: &mut AnyDrive) -> Result<(), LibraryTrouble> {
        match &self.device {
            Device::Single(single) if drive.is_empty()? => Err(single.nobody_there()),
            _ => Ok(()),
        }
    }

    /// Mounts a volume for reading; the operator is asked until it is in the drive.
    pub(super) fn mount_by_hand(
        &self,
        label: &Label,
        mut drive: AnyDrive,
    ) -> Result<Mounted<AnyDrive>, LibraryTrouble> {
        let name: DriveName = drive.name().clone();
        loop {
            let trouble = match self.read_what_is_there(label, drive) {
                Err(trouble) if self.can_ask() && mended_by_another(&trouble) => trouble,
                done => return done,
            };
            let now = in_the_drive(&trouble);
            let asked = self.ask(Wanted::Volume(label.clone()), now);
            asked.map_err(|source| LibraryTrouble::NotPutIn {
                label: label.clone(),
                drive: name.clone(),
                source,
            })?;
            drive = self.drive(&name)?;
        }
    }

    fn read_what_is_there(
        &self,
        label: &Label,
        drive: AnyDrive,
    ) -> Result<Mounted<AnyDrive>, LibraryTrouble> {
        let (loaded, chip) = self.load_with_chip(SLOT, drive)?;
        let found = match loaded.identify()? {
            Identified::Labelled(mounted) if mounted.label() == label => {
                self.compare(label, &chip);
                return Ok(mounted);
            }
            Identified::Labelled(mounted) => format!("volume {}", mounted.label()),
            Identified::Blank(_) => "a blank cartridge".to_owned(),
            Identified::Foreign(foreign) => foreign.what().to_owned(),
        };
        Err(LibraryTrouble::Other { found, wanted: label.clone() })
    }
}

/// What is wrong goes with the cartridge.
fn mended_by_another(trouble: &LibraryTrouble) -> bool {
    matches!(trouble.blame(), Blame::Medium | Blame::Nothing)
}

/// What is in the drive, in words.
fn in_the_drive(trouble: &LibraryTrouble) -> String {
    match trouble {
        LibraryTrouble::NobodyThere { .. } => "the drive is empty".to_owned(),
        LibraryTrouble::Other { found, .. } => format!("{found} is in it"),
        other => format!("what is in it can't be read: {}", with_causes(other)),
    }
}

/// What is seen of the drive, again and again. A look that fails tells nothing new.
fn looking(single: &Single) -> impl FnMut() -> Seen {
    let mut last = Seen::Ready;
    move || {
        match single.look() {
            Ok(seen) => last = seen,
            Err(error) => tracing::info!("the drive was not looked at: {}", with_causes(&error)),
        }
        last
    }
}
