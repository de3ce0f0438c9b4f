//! What a changer can do: say what is where, and carry cartridges between slots and drives.
//!
//! The drives of a changer are opened elsewhere; here they are only places, by name.

use std::error::Error;
use std::fmt;

use types::{Barcode, Blame, DriveName, Label, Slot};

/// Says what is where, and moves it.
pub trait Changer: Send {
    /// What it is called.
    fn name(&self) -> &str;

    /// What is where, now.
    fn inventory(&mut self) -> Result<Inventory, ChangerError>;

    /// Carries the cartridge of `slot` into the empty `drive`.
    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError>;

    /// Carries the cartridge in `drive` to the empty `slot`.
    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError>;
}

/// What is where. Slots and drives each in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Where cartridges are used.
    pub drives: Vec<Bay>,
    /// Where cartridges wait, mail slots too.
    pub slots: Vec<Place>,
}

impl Inventory {
    /// The drive of this name.
    pub fn drive(&self, name: &DriveName) -> Option<&Bay> {
        self.drives.iter().find(|bay| bay.drive == *name)
    }

    /// The slot of this number.
    pub fn slot(&self, slot: Slot) -> Option<&Place> {
        self.slots.iter().find(|place| place.slot == slot)
    }
}

/// A drive as the changer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bay {
    /// Which.
    pub drive: DriveName,
    /// What is in it.
    pub cartridge: Option<Cartridge>,
    /// The slot that the cartridge came from, if the changer remembers.
    pub home: Option<Slot>,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub slot: Slot,
    /// What it is for.
    pub kind: PlaceKind,
    /// What is in it.
    pub cartridge: Option<Cartridge>,
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// Keeping cartridges.
    Storage,
    /// Handing them to the operator, and taking them in.
    Mail,
}

/// What can be said of a cartridge from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cartridge {
    /// What the sticker claims.
    pub barcode: Option<Barcode>,
    /// The label that it probably has. Only reading file 0 proves it.
    pub label: Option<Label>,
}

/// What is asked of a changer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// [`Changer::inventory`].
    TakeInventory,
    /// [`Changer::load`].
    Load(Slot, DriveName),
    /// [`Changer::unload`].
    Unload(DriveName, Slot),
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakeInventory => f.write_str("say what is in its slots"),
            Self::Load(slot, drive) => write!(f, "load slot {slot} into drive {drive}"),
            Self::Unload(drive, slot) => write!(f, "unload drive {drive} to slot {slot}"),
        }
    }
}

/// A changer that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("changer {changer} could not {errand}")]
pub struct ChangerError {
    /// Which.
    pub changer: String,
    /// What it was asked.
    pub errand: Errand,
    /// What has to change before another try.
    pub blame: Blame,
    /// Why.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

/// Why a cartridge cannot be moved: what changers of every kind have in common.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// No such slot.
    #[error("there is no slot {0}")]
    NoSlot(Slot),
    /// No such drive.
    #[error("there is no drive {0}")]
    NoDrive(DriveName),
    /// Nothing to carry.
    #[error("slot {0} is empty")]
    SlotEmpty(Slot),
    /// Nothing to carry.
    #[error("drive {0} is empty")]
    DriveEmpty(DriveName),
    /// No room.
    #[error("slot {0} is full")]
    SlotFull(Slot),
    /// No room.
    #[error("drive {0} is full")]
    DriveFull(DriveName),
    /// The cartridge is elsewhere.
    #[error("the cartridge of slot {0} is in drive {1}")]
    InDrive(Slot, DriveName),
    /// The cartridge cannot go there.
    #[error("the cartridge in drive {drive} belongs into slot {home} and cannot lie in another")]
    WrongSlot {
        /// Where it is.
        drive: DriveName,
        /// Where it may go.
        home: Slot,
    },
    /// Another process has the drive open.
    #[error("drive {drive} is in use by {user}")]
    InUse {
        /// Which.
        drive: DriveName,
        /// By whom.
        user: String,
    },
}

impl Obstacle {
    /// What has to change.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoSlot(_) | Self::SlotEmpty(_) | Self::SlotFull(_) | Self::InDrive(..) => {
                Blame::Medium
            }
            Self::NoDrive(_)
            | Self::DriveEmpty(_)
            | Self::DriveFull(_)
            | Self::WrongSlot { .. }
            | Self::InUse { .. } => Blame::Drive,
        }
    }
}

impl<C: Changer + ?Sized> Changer for Box<C> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn inventory(&mut self) -> Result<Inventory, ChangerError> {
        (**self).inventory()
    }

    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError> {
        (**self).load(slot, drive)
    }

    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError> {
        (**self).unload(drive, slot)
    }
}
