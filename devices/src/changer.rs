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

    /// The slots for a cartridge that has lost its own: empty, and no cartridge in a drive came from there. Mail slots
    /// are the operator's.
    pub fn free_slots(&self) -> impl Iterator<Item = Slot> {
        let kept = |slot| self.drives.iter().any(|bay| bay.home == Some(slot));
        let free = move |place: &&Place| {
            place.kind == PlaceKind::Storage
                && place.trouble.is_none()
                && place.cartridge.is_none()
                && !kept(place.slot)
        };
        self.slots.iter().filter(free).map(|place| place.slot)
    }

    /// The slot for one cartridge more. What is in the drives keeps its room: its own slot, or any one if the changer
    /// does not remember which that was.
    pub fn slot_for_another(&self) -> Option<Slot> {
        let homeless = |bay: &&Bay| bay.cartridge.is_some() && bay.home.is_none();
        let kept = self.drives.iter().filter(homeless).count();
        (self.free_slots().count() > kept).then(|| self.free_slots().next()).flatten()
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
    /// What is the matter with this place, in words. What is in it may then be wrong.
    pub trouble: Option<String>,
}

impl Bay {
    /// A bay in which all is well.
    pub fn well(drive: DriveName, cartridge: Option<Cartridge>, home: Option<Slot>) -> Self {
        Self { drive, cartridge, home, trouble: None }
    }
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
    /// Why the arm cannot get there, or what else is the matter, in words. What is in it may then be wrong.
    pub trouble: Option<String>,
}

impl Place {
    /// A slot in which all is well.
    pub fn well(slot: Slot, kind: PlaceKind, cartridge: Option<Cartridge>) -> Self {
        Self { slot, kind, cartridge, trouble: None }
    }
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// Keeping cartridges.
    Storage,
    /// Handing them to the operator, and taking them in.
    Mail(Passage),
}

/// Which way cartridges go through a mail slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// In and out.
    Both,
    /// The arm takes in what the operator put there, and no more.
    In,
    /// The arm puts there what the operator is to take out, and no more.
    Out,
    /// Not now: it is locked, or being used by the operator.
    Shut,
}

/// What can be said of a cartridge from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cartridge {
    /// What the sticker claims.
    pub barcode: Option<Barcode>,
    /// The label that it probably has. Only reading file 0 proves it.
    pub label: Option<Label>,
    /// What it is for.
    pub kind: CartridgeKind,
}

/// What a cartridge is for, as far as the changer can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CartridgeKind {
    /// The changer does not say.
    #[default]
    Unknown,
    /// Data, and written as often as one likes.
    Data,
    /// Data, and written only once.
    Worm,
    /// The cleaning of drives. It is never written.
    Cleaning,
    /// Diagnosis or firmware: nothing that is ours to use.
    Service,
}

impl CartridgeKind {
    /// Whether dumps could stand on it.
    pub fn takes_data(self) -> bool {
        matches!(self, Self::Unknown | Self::Data | Self::Worm)
    }
}

/// Where a cartridge can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// In a slot, or a mail slot.
    Slot(Slot),
    /// In a drive.
    Drive(DriveName),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => write!(f, "slot {slot}"),
            Self::Drive(drive) => write!(f, "drive {drive}"),
        }
    }
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
    /// Carry a cartridge from one place to another.
    Move(Spot, Spot),
    /// Find out by itself what is in its slots.
    Scan,
    /// Say which of its drives is which.
    MatchDrives,
    /// Say who it is, which places it has and what is in them: the first that it is asked.
    GetReady,
    /// Take the cartridge of a mail slot in.
    Import(Slot),
    /// Put the cartridge of a slot into a mail slot.
    Export(Slot),
    /// Open a drive.
    Open(DriveName),
    /// Clean a drive.
    Clean(DriveName),
    /// Get the cartridge of a slot ready for its first use.
    Calibrate(Slot),
    /// Lock its doors and mail slots, or free them.
    Lock,
    /// Say what it has counted in its life.
    TellLife,
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakeInventory => f.write_str("say what is in its slots"),
            Self::Load(slot, drive) => write!(f, "load slot {slot} into drive {drive}"),
            Self::Unload(drive, slot) => write!(f, "unload drive {drive} to slot {slot}"),
            Self::Move(from, to) => write!(f, "carry the cartridge from {from} to {to}"),
            Self::Scan => f.write_str("look through its slots"),
            Self::GetReady => f.write_str("say what it is and what it has"),
            Self::Import(mail) => write!(f, "take in the cartridge of mail slot {mail}"),
            Self::Export(slot) => write!(f, "put out the cartridge of slot {slot}"),
            Self::MatchDrives => f.write_str("say which of its drives is which"),
            Self::Open(drive) => write!(f, "open drive {drive}"),
            Self::Clean(drive) => write!(f, "clean drive {drive}"),
            Self::Calibrate(slot) => write!(f, "calibrate the cartridge of slot {slot}"),
            Self::Lock => f.write_str("lock or free its doors"),
            Self::TellLife => f.write_str("say what it has done"),
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
    /// The arm cannot get there.
    #[error("the arm cannot get to {spot}: {why}")]
    OutOfReach {
        /// Where it should go.
        spot: Spot,
        /// What the changer says.
        why: String,
    },
    /// The place is known, and its magazine or its drive is not there or does not work.
    #[error("{spot} cannot be used: {why}")]
    NotThere {
        /// Which.
        spot: Spot,
        /// Why, in words.
        why: String,
    },
    /// A mail slot that is closed in this direction.
    #[error("mail slot {0} takes nothing out now: close it, or ask the library to free it")]
    NoWayOut(Slot),
    /// The drive cannot do anything with such a cartridge.
    #[error("drive {drive} ({drive_generation}) cannot use a cartridge of {cartridge}")]
    WrongGeneration {
        /// Which.
        drive: DriveName,
        /// What it is.
        drive_generation: String,
        /// What was to be loaded.
        cartridge: String,
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
            Self::NoSlot(_)
            | Self::SlotEmpty(_)
            | Self::SlotFull(_)
            | Self::InDrive(..)
            | Self::NoWayOut(_)
            | Self::WrongGeneration { .. }
            | Self::NotThere { spot: Spot::Slot(_), .. }
            | Self::OutOfReach { spot: Spot::Slot(_), .. } => Blame::Medium,
            Self::NoDrive(_)
            | Self::DriveEmpty(_)
            | Self::DriveFull(_)
            | Self::WrongSlot { .. }
            | Self::NotThere { spot: Spot::Drive(_), .. }
            | Self::OutOfReach { spot: Spot::Drive(_), .. }
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
