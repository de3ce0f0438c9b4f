//! What a library does besides loading and unloading: mail, cleaning, calibrating.

use types::{DriveName, Slot};

use super::check::Purpose;
use super::mechanism::{Settled, State};
use super::{Robot, RobotTrouble, Shared, drive_trouble, locked};
use crate::changer::{CartridgeKind, ChangerError, Errand, Inventory, Passage, PlaceKind, Spot};
use crate::scsi::judge::cleaning_failed;
use crate::scsi::page::attributes;
use crate::smc::Failure;
use crate::ssc::{self, TapeDrive};

/// So many looks, five seconds apart, is a drive given for cleaning itself: a cleaning takes two to five minutes.
const CLEANING: u32 = 180;

/// A drive that was cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// With which cartridge: its barcode, or its slot.
    pub cartridge: String,
    /// From which slot it came and to which it went back.
    pub slot: Slot,
    /// How many cleanings it was made for, if its memory tells; some tell how many are left.
    pub made_for: Option<u64>,
    /// How often it has been in a drive, if its memory tells.
    pub loads: Option<u64>,
}

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
        let free = |inventory: &Inventory| first_free(inventory, |kind| kind == PlaceKind::Storage);
        let found = self.mail_slot(mail).and_then(|inventory| match to {
            Some(to) => Ok(to),
            None => free(&inventory).ok_or(RobotTrouble::NoRoom("free slot")),
        });
        let to = found.map_err(|trouble| self.error(errand(to.unwrap_or(mail)), trouble))?;
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
                .and_then(|it| first_free(&it, out).ok_or(RobotTrouble::NoRoom("free mail slot"))),
        };
        let mail = found.map_err(|trouble| self.error(errand(mail.unwrap_or(from)), trouble))?;
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

    fn try_inventory(&self) -> Result<Inventory, RobotTrouble> {
        let mut changer = locked(&self.shared.changer);
        let stock = changer.stock()?;
        Ok(self.shared.numbering(&changer).inventory(&stock))
    }

    /// Cleans an empty drive with the first cleaning cartridge there is, and brings that back.
    pub fn clean(&self, drive: &DriveName) -> Result<Cleaned, ChangerError> {
        let done = self.try_clean(drive);
        done.map_err(|trouble| self.error(Errand::Clean(drive.clone()), trouble))
    }

    fn try_clean(&self, drive: &DriveName) -> Result<Cleaned, RobotTrouble> {
        let inventory = self.try_inventory()?;
        let (slot, cartridge) = cleaner(&inventory).ok_or(RobotTrouble::NoCleaner)?;
        let (from, to) = (Spot::Slot(slot), Spot::Drive(drive.clone()));
        self.shared.transfer(&from, &to, Purpose::Cleaning)?;
        let (made_for, loads) = self.shared.uses(drive).unwrap_or_default();
        let why = self.shared.until_cleaned(drive);
        // Back it goes, clean or not: a cleaning cartridge that stays blocks the drive.
        self.shared.transfer(&to, &from, Purpose::Cleaning)?;
        match why? {
            None => Ok(Cleaned { cartridge, slot, made_for, loads }),
            Some(why) => Err(RobotTrouble::NotCleaned { drive: drive.clone(), cartridge, why }),
        }
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

impl Shared {
    /// What the memory of the cleaning cartridge says, if the drive can read it now.
    fn uses(&self, name: &DriveName) -> Option<(Option<u64>, Option<u64>)> {
        let transport = self.open_node(&self.drive(name).ok()?.seen.node).ok()?;
        let mut drive = TapeDrive::new(name.clone(), transport, ssc::Setup::default());
        let memory = drive.cartridge().ok()?.memory;
        match memory.kind? {
            attributes::CartridgeKind::Cleaning { cycles } => Some((cycles, memory.loads)),
            _ => None,
        }
    }

    /// Waits for the end of a cleaning. The answer is why it failed, if it did.
    fn until_cleaned(&self, name: &DriveName) -> Result<Option<String>, RobotTrouble> {
        let drive = self.drive(name)?;
        let mut mechanism = self.mechanism(drive)?;
        for _ in 0..CLEANING {
            match mechanism.state() {
                // It gave the cartridge out, or is content with having been cleaned.
                Ok(State::Is(Settled::Empty) | State::Unthreaded) => return Ok(None),
                Ok(State::Is(Settled::Ready)) => {
                    return Ok(Some("it is no cleaning cartridge".to_owned()));
                }
                Ok(State::Is(Settled::Cleaning)) => mechanism.pause(),
                Err(Failure::Sense(sense)) if cleaning_failed(&sense) => {
                    return Ok(Some(sense.to_string()));
                }
                Err(cause) => return Err(drive_trouble(drive, "be cleaned", cause)),
            }
        }
        // Drives that keep the cartridge say *cleaning cartridge* for ever. It was long enough.
        Ok(None)
    }
}

fn first_free(inventory: &Inventory, kind: impl Fn(PlaceKind) -> bool) -> Option<Slot> {
    let free = |place: &&crate::changer::Place| {
        kind(place.kind) && place.cartridge.is_none() && place.trouble.is_none()
    };
    inventory.slots.iter().find(free).map(|place| place.slot)
}

/// The first cleaning cartridge that the arm can get at, and what to call it.
fn cleaner(inventory: &Inventory) -> Option<(Slot, String)> {
    inventory.slots.iter().find_map(|place| {
        let cartridge = place.cartridge.as_ref()?;
        let name = cartridge.barcode.as_ref().map(ToString::to_string);
        let name = name.unwrap_or_else(|| format!("of slot {}", place.slot));
        (cartridge.kind == CartridgeKind::Cleaning).then_some((place.slot, name))
    })
}
