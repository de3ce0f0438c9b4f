//! What a library does besides bringing volumes: moves, mail, cleaning, calibrating.

use devices::robot::{Calibrated, Cleaned, Robot};
use devices::smc::Life;
use devices::{Inventory, Spot};
use types::{DriveName, Slot};

use super::device::{BY_HAND, Device, NO_ARM};
use super::{Library, LibraryTrouble, locked};

impl Library {
    /// The arm; directories have none.
    pub(crate) fn robot(&self) -> Result<&Robot, LibraryTrouble> {
        match &self.device {
            Device::Robot { robot, .. } => Ok(robot),
            Device::Vtapes(_) => {
                Err(LibraryTrouble::NotForThis { changer: self.changer.clone(), why: NO_ARM })
            }
            Device::Single(_) => {
                Err(LibraryTrouble::NotForThis { changer: self.changer.clone(), why: BY_HAND })
            }
        }
    }

    /// What its changer has counted in its life; nothing if no arm carries its cartridges.
    pub(crate) fn life(&self) -> Result<Option<Life>, LibraryTrouble> {
        match &self.device {
            Device::Robot { robot, .. } => Ok(Some(robot.life()?)),
            Device::Vtapes(_) | Device::Single(_) => Ok(None),
        }
    }

    /// Has the library look into its slots by itself, and says what is there.
    pub fn look_through(&self) -> Result<Inventory, LibraryTrouble> {
        self.robot()?.scan(None)?;
        self.inventory()
    }

    /// Carries a cartridge from one place to another.
    pub fn move_cartridge(&self, from: &Spot, to: &Spot) -> Result<(), LibraryTrouble> {
        match (&self.device, from, to) {
            (Device::Robot { robot, .. }, ..) => Ok(robot.move_cartridge(from, to)?),
            (vtapes @ Device::Vtapes(_), Spot::Slot(slot), Spot::Drive(drive)) => {
                vtapes.load(*slot, drive)
            }
            (vtapes @ Device::Vtapes(_), Spot::Drive(drive), Spot::Slot(slot)) => {
                vtapes.unload(drive, *slot)
            }
            (Device::Vtapes(_) | Device::Single(_), ..) => self.robot().map(drop),
        }
    }

    /// Takes a cartridge in from a mail slot, and says where it is now.
    pub fn import(&self, mail: Slot, to: Option<Slot>) -> Result<Slot, LibraryTrouble> {
        Ok(self.robot()?.import(mail, to)?)
    }

    /// Puts the cartridge of a slot into a mail slot, and says into which.
    pub fn export(&self, from: Slot, mail: Option<Slot>) -> Result<Slot, LibraryTrouble> {
        Ok(self.robot()?.export(from, mail)?)
    }

    /// Cleans an empty drive.
    pub fn clean(&self, drive: &DriveName) -> Result<Cleaned, LibraryTrouble> {
        self.unload(drive)?;
        Ok(self.robot()?.clean(drive)?)
    }

    /// Gets cartridges ready for their first use, one after the other.
    pub fn calibrate(
        &self,
        slots: &[Slot],
        drive: &DriveName,
        started: &mut dyn FnMut(Slot),
    ) -> Result<Vec<Calibrated>, LibraryTrouble> {
        self.unload(drive)?;
        Ok(self.robot()?.calibrate(slots, drive, started))
    }

    /// Drives that the library should have and that cannot be used, each with the reason in words.
    pub fn lost_drives(&self) -> Vec<(DriveName, String)> {
        let lost = match &self.device {
            Device::Robot { robot, .. } => robot.lost(),
            Device::Vtapes(_) | Device::Single(_) => &[],
        };
        lost.iter().map(|lost| (lost.name.clone(), lost.why.clone())).collect()
    }

    /// What the library remarked that was no error. Each is told once.
    pub fn remarks(&self) -> Vec<String> {
        match &self.device {
            Device::Robot { robot, .. } => robot.remarks(),
            Device::Vtapes(_) | Device::Single(_) => Vec::new(),
        }
    }

    /// The slots whose cartridges nobody has read yet.
    pub fn unread(&self) -> Result<Vec<Slot>, LibraryTrouble> {
        let inventory = self.inventory()?;
        let unread = |place: &&devices::Place| {
            place.trouble.is_none()
                && place
                    .cartridge
                    .as_ref()
                    .is_some_and(|it| it.label.is_none() && it.kind.takes_data())
        };
        Ok(inventory.slots.iter().filter(unread).map(|place| place.slot).collect())
    }

    /// Forgets who has which slot: for commands that carry cartridges themselves.
    pub fn let_go(&self) {
        locked(&self.shared.taken).clear();
    }
}
