//! What a library does besides loading and unloading: mail, calibrating.

use types::{DriveName, Slot};

use super::{Robot, RobotTrouble, locked};
use crate::changer::{ChangerError, Errand, Inventory, Passage, PlaceKind, Spot};

/// What became of a cartridge that was to be calibrated.
#[derive(Debug)]
pub struct Calibrated {
    /// Its slot.
    pub slot: Slot,
    /// Whether it is ready for use.
    pub outcome: Result<(), ChangerError>,
}

impl Robot {
    /// Takes a cartridge in from a mail slot: to a slot, or to the first that is free. Says where it is.
    pub fn import(&self, mail: Slot, to: Option<Slot>) -> Result<Slot, ChangerError> {
        let errand = |to: Slot| Errand::Move(Spot::Slot(mail), Spot::Slot(to));
        let found = self.mail_slot(mail).and_then(|inventory| match to {
            Some(to) => Ok(to),
            None => inventory.slot_for_another().ok_or(RobotTrouble::NoRoom),
        });
        let to = found.map_err(|trouble| self.error(Errand::Import(mail), trouble))?;
        self.carried(errand(to), &Spot::Slot(mail), &Spot::Slot(to))?;
        Ok(to)
    }

    /// Puts the cartridge of a slot into a mail slot: that one, or the first that is free. Says where it is.
    pub fn export(&self, from: Slot, mail: Option<Slot>) -> Result<Slot, ChangerError> {
        let errand = |mail: Slot| Errand::Move(Spot::Slot(from), Spot::Slot(mail));
        let out = |kind| matches!(kind, PlaceKind::Mail(Passage::Both | Passage::Out));
        let found = match mail {
            Some(mail) => self.mail_slot(mail).map(|_| mail),
            None => self
                .try_inventory()
                .and_then(|it| first_free(&it, out).ok_or(RobotTrouble::NoMailSlotFree)),
        };
        let mail = found.map_err(|trouble| self.error(Errand::Export(from), trouble))?;
        self.carried(errand(mail), &Spot::Slot(from), &Spot::Slot(mail))?;
        Ok(mail)
    }

    fn mail_slot(&self, slot: Slot) -> Result<Inventory, RobotTrouble> {
        let inventory = self.try_inventory()?;
        match inventory.slot(slot).map(|place| place.kind) {
            Some(PlaceKind::Storage) => Err(RobotTrouble::NoMailSlot { spot: Spot::Slot(slot) }),
            // That there is no such slot is said when the cartridge is to be carried.
            Some(PlaceKind::Mail(_)) | None => Ok(inventory),
        }
    }

    pub(super) fn try_inventory(&self) -> Result<Inventory, RobotTrouble> {
        let mut changer = locked(&self.shared.changer);
        let stock = changer.stock()?;
        Ok(self.shared.numbering(&changer).inventory(&stock))
    }

    /// Lets a drive get cartridges ready for their first use, one after the other: LTO-9 media take twenty minutes to
    /// two hours each. What fails does not keep the others from their turn. `started` hears of each.
    pub fn calibrate(
        &self,
        slots: &[Slot],
        drive: &DriveName,
        started: &mut dyn FnMut(Slot),
    ) -> Vec<Calibrated> {
        let one = |slot: Slot| {
            started(slot);
            let (from, to) = (Spot::Slot(slot), Spot::Drive(drive.clone()));
            let errand = || Errand::Calibrate(slot);
            let loaded = self.carried(errand(), &from, &to);
            let carried = loaded.as_ref().is_ok_and(|()| true) || self.is_in(drive);
            let back = if carried { self.carried(errand(), &to, &from) } else { Ok(()) };
            Calibrated { slot, outcome: loaded.and(back) }
        };
        slots.iter().copied().map(one).collect()
    }

    /// After a failure: is the drive still full, so that its cartridge must be brought back?
    fn is_in(&self, drive: &DriveName) -> bool {
        let bay = self.try_inventory().ok().and_then(|it| it.drive(drive).cloned());
        bay.is_some_and(|bay| bay.cartridge.is_some())
    }
}

fn first_free(inventory: &Inventory, kind: impl Fn(PlaceKind) -> bool) -> Option<Slot> {
    let free = |place: &&crate::changer::Place| {
        kind(place.kind) && place.cartridge.is_none() && place.trouble.is_none()
    };
    inventory.slots.iter().find(free).map(|place| place.slot)
}
