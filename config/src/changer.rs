//! What holds volumes: the kinds of changers, and what each has to be told.
//!
//! A directory or the emulator is described whole, since it is made from what stands here. A robot is only
//! found by it: how many slots it has, it says itself, and its drives are told apart by their serial
//! numbers, because neither kernel nor library promises an order.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use types::{DriveName, StorageName};

use crate::words::words;

/// Something that holds volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changer {
    /// Its name in the configuration.
    pub name: String,
    /// For people.
    pub comment: String,
    /// What it is.
    pub kind: ChangerKind,
    /// The storages that use it: a volume of another is in none of its slots.
    pub storages: Vec<StorageName>,
}

/// What a changer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangerKind {
    /// A directory that behaves like a library.
    Vtape {
        /// Where the slots are.
        directory: PathBuf,
        /// How many.
        slots: u32,
        /// How many drives it pretends to have.
        drives: u32,
    },
    /// A tape library that exists only in this program, command by command.
    Emulator(Emulated),
    /// A tape library.
    Robot(Robot),
    /// One drive, and an operator who changes its cartridges.
    Single {
        /// The drive: its node or serial number, or the directory of a library that exists only in it.
        drive: Node,
        /// How long a run waits for a cartridge. `None`: it does not wait.
        patience: Option<Duration>,
    },
}

impl ChangerKind {
    /// What its volumes stand on.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Vtape { .. } => Medium::Directory,
            Self::Emulator(_) | Self::Robot(_) | Self::Single { .. } => Medium::Tape,
        }
    }

    /// Its directory, if it lives in one.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Vtape { directory, .. } | Self::Emulator(Emulated { directory, .. }) => {
                Some(directory)
            }
            Self::Robot(_) | Self::Single { .. } => None,
        }
    }

    /// How many slots it has. `None`: it says itself, or it has none.
    pub fn slots(&self) -> Option<u32> {
        match self {
            Self::Vtape { slots, .. } | Self::Emulator(Emulated { slots, .. }) => Some(*slots),
            Self::Robot(_) | Self::Single { .. } => None,
        }
    }

    /// Who cleans its drives.
    pub fn cleaning(&self) -> Cleaning {
        match self {
            Self::Emulator(Emulated { cleaning, .. }) | Self::Robot(Robot { cleaning, .. }) => {
                *cleaning
            }
            Self::Vtape { .. } | Self::Single { .. } => Cleaning::Never,
        }
    }

    /// How many drives it has. `None`: it says itself.
    pub fn drives(&self) -> Option<u32> {
        match self {
            Self::Vtape { drives, .. } | Self::Emulator(Emulated { drives, .. }) => Some(*drives),
            Self::Robot(Robot { drives: RobotDrives::Listed(list), .. }) => {
                u32::try_from(list.len()).ok()
            }
            Self::Robot(_) => None,
            Self::Single { .. } => Some(1),
        }
    }
}

/// What volumes stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Files in a directory.
    Directory,
    /// Tape, or what behaves like it.
    Tape,
}

/// A library made by the emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emulated {
    /// Where its cartridges are kept.
    pub directory: PathBuf,
    /// Whose dialect it speaks.
    pub profile: Profile,
    /// Of what generation its drives and cartridges are.
    pub generation: Generation,
    /// Places for cartridges.
    pub slots: u32,
    /// In how many of them there is one when the library is made.
    pub cartridges: u32,
    /// Places where cartridges come in and go out.
    pub mail_slots: u32,
    /// Its drives.
    pub drives: u32,
    /// Who cleans its drives.
    pub cleaning: Cleaning,
}

/// A real library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// Its arm.
    pub device: Node,
    /// Its drives.
    pub drives: RobotDrives,
    /// Whether a drive is told to let go of a cartridge before the arm takes it.
    pub eject_before_unload: bool,
    /// Who cleans its drives.
    pub cleaning: Cleaning,
}

/// Where a device is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// At this node below `/dev`.
    Path(PathBuf),
    /// Wherever the device with this serial number is.
    Serial(String),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Serial(serial) => f.write_str(serial),
        }
    }
}

/// The drives of a robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RobotDrives {
    /// All that the library says it has, found by their serial numbers.
    Auto,
    /// These.
    Listed(Vec<RobotDrive>),
}

/// A drive of a robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotDrive {
    /// What it is called.
    pub name: DriveName,
    /// Where it is found.
    pub node: Node,
    /// In which bay of the library it sits, counted from 0: for libraries that do not say which drive is where.
    pub bay: Option<u16>,
}

words! {
    /// A generation of drives and cartridges.
    pub Generation {
        /// 1.5 TB.
        Lto5 = "LTO-5",
        /// 2.5 TB.
        Lto6 = "LTO-6",
        /// 6 TB.
        Lto7 = "LTO-7",
        /// 12 TB.
        Lto8 = "LTO-8",
        /// 18 TB.
        Lto9 = "LTO-9",
        /// 30 TB.
        Lto10 = "LTO-10",
    }
}

words! {
    /// Whose dialect an emulated library speaks.
    pub Profile {
        /// As SMC-3 has it.
        Standard = "standard",
        /// IBM TS4300.
        Ts4300 = "ts4300",
        /// HPE StoreEver MSL G3.
        Msl = "msl",
        /// Dell EMC ML3.
        Ml3 = "ml3",
        /// Quantum Scalar i3.
        ScalarI3 = "scalar-i3",
        /// Quantum SuperLoader 3.
        Superloader3 = "superloader3",
        /// Overland NEO.
        Neo = "neo",
        /// Oracle StorageTek SL150.
        Sl150 = "sl150",
        /// Spectra Stack.
        SpectraStack = "spectra-stack",
        /// An ADIC loader of the DAT days.
        AdicDat = "adic-dat",
        /// BDT's one-drive loader.
        Xl1b2 = "xl1b2",
        /// StarWind's virtual tape library.
        Starwinds = "starwinds",
        /// mhvtl.
        Mhvtl = "mhvtl",
        /// thur.
        Thur = "thur",
    }
}

words! {
    /// Who cleans a drive that asks for it. Never both: a cleaning cartridge lasts fifty times.
    pub Cleaning {
        /// We do, between two volumes.
        Server = "server",
        /// The library does; we only say that a drive asked.
        Library = "library",
        /// An operator does.
        Never = "never",
    }
}
