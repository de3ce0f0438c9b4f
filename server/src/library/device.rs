//! The device edge: what each kind of changer is made of, and what they have in common.

use std::sync::Arc;

use config::{ChangerKind, Storage};
use devices::Wait;
use devices::changer::Errand;
use devices::robot::{Listener, Opener, Robot, Setup};
use devices::ssc::{self, Compression, Reserved, TapeDrive};
use devices::vtape::{self, Library as Vtapes};
use devices::{Changer as _, Inventory, Transport};
use types::{DriveName, Slot};

use super::drive::AnyDrive;
use super::trouble::LibraryTrouble;

mod emulated;
mod scsi;
mod single;

pub(super) use single::SLOT;
pub(crate) use single::{Lease, Single};

/// What carries cartridges. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) enum Device {
    /// Directories.
    Vtapes(Vtapes),
    /// An arm, real or emulated.
    Robot {
        /// The arm and who sits where.
        robot: Robot,
        /// How its drives are to be used.
        setup: ssc::Setup,
    },
    /// One drive and an operator.
    Single(Single),
}

/// A library whose drives are not yet known: its arm, and how its nodes are opened.
pub(crate) struct Parts {
    /// The arm.
    pub(crate) arm: Box<dyn Transport>,
    /// Opens a node.
    pub(crate) opener: Opener,
    /// What the library is to be.
    pub(crate) setup: Setup,
}

impl Parts {
    /// The parts of a storage's library, if it has an arm.
    pub(crate) fn of(storage: &Storage, listener: Listener) -> Result<Self, LibraryTrouble> {
        let changer = storage.changer.name.as_str();
        match &storage.changer.kind {
            ChangerKind::Emulator(it) => emulated::parts(changer, it, storage, listener),
            ChangerKind::Robot(robot) => scsi::parts(changer, robot, listener),
            ChangerKind::Vtape { .. } => {
                Err(LibraryTrouble::NotForThis { changer: changer.to_owned(), why: NO_ARM })
            }
            ChangerKind::Single { .. } => {
                Err(LibraryTrouble::NotForThis { changer: changer.to_owned(), why: BY_HAND })
            }
        }
    }
}

/// Why vtapes cannot be carried about.
pub(super) const NO_ARM: &str = "its cartridges are directories, and there is no arm that could do it; they have no \
     barcodes and no mail slots, and their drives need neither cleaning nor calibrating";

/// Why the cartridges of a single drive cannot be carried about.
pub(super) const BY_HAND: &str = "it is one drive without a robot, and a person changes its cartridges; it has \
     neither slots nor mail slots. `reelkeep library unload` gives out what is in it, and \
     `reelkeep device show` says how it is";

impl Device {
    /// What the configuration describes, and its drives. The listener hears what is being waited for.
    pub(super) fn open(
        storage: &Storage,
        listener: Listener,
    ) -> Result<(Self, Vec<DriveName>), LibraryTrouble> {
        let changer = storage.changer.name.as_str();
        if let ChangerKind::Vtape { directory, slots, drives } = &storage.changer.kind {
            let opened = vtapes(storage, directory, (*slots, *drives));
            return opened.map_err(|error| LibraryTrouble::vtapes(changer, error));
        }
        if let ChangerKind::Single { drive, patience } = &storage.changer.kind {
            let single = Single::open(storage, drive, *patience)?;
            let drives = vec![single.name()];
            return Ok((Self::Single(single), drives));
        }
        let Parts { arm, opener, setup: wanted } = Parts::of(storage, listener)?;
        let robot = Robot::open(arm, opener, wanted)?;
        let drives = robot.drives().iter().map(|drive| drive.name.clone()).collect();
        Ok((Self::Robot { robot, setup: setup(storage) }, drives))
    }

    /// The same, with drives used as this storage wants.
    pub(super) fn as_used_by(&self, storage: &Storage) -> Self {
        match self {
            Self::Vtapes(_) => self.clone(),
            Self::Robot { robot, .. } => {
                Self::Robot { robot: robot.clone(), setup: setup(storage) }
            }
            Self::Single(single) => Self::Single(single.as_used_by(storage)),
        }
    }

    /// Why it has no drive that could be used.
    pub(super) fn without_drives(&self, storage: &Storage) -> LibraryTrouble {
        let lost = match self {
            Self::Robot { robot, .. } => robot.lost(),
            Self::Vtapes(_) | Self::Single(_) => &[],
        };
        let why: Vec<String> =
            lost.iter().map(|lost| format!("drive {}: {}", lost.name, lost.why)).collect();
        let why = if why.is_empty() { "it has no bays".to_owned() } else { why.join("; ") };
        LibraryTrouble::NoDriveWorks { changer: storage.changer.name.clone(), why }
    }

    pub(super) fn inventory(&self) -> Result<Inventory, LibraryTrouble> {
        Ok(match self {
            Self::Vtapes(vtapes) => vtapes.clone().inventory(),
            Self::Robot { robot, .. } => robot.clone().inventory(),
            Self::Single(single) => return single.inventory(),
        }?)
    }

    pub(super) fn load(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        Ok(match self {
            Self::Vtapes(vtapes) => vtapes.clone().load(slot, drive),
            Self::Robot { robot, .. } => robot.clone().load(slot, drive),
            Self::Single(single) => return single.load(slot, drive),
        }?)
    }

    pub(super) fn unload(&self, drive: &DriveName, slot: Slot) -> Result<(), LibraryTrouble> {
        Ok(match self {
            Self::Vtapes(vtapes) => vtapes.clone().unload(drive, slot),
            Self::Robot { robot, .. } => robot.clone().unload(drive, slot),
            Self::Single(single) => return single.unload(),
        }?)
    }

    pub(super) fn drive(&self, name: &DriveName) -> Result<AnyDrive, LibraryTrouble> {
        match self {
            Self::Vtapes(vtapes) => {
                let failed = |error| LibraryTrouble::vtapes(name.as_str(), error);
                Ok(AnyDrive::Vtape(Box::new(vtapes.drive(name).map_err(failed)?)))
            }
            Self::Robot { robot, setup } => {
                let transport = robot.transport(name)?;
                reserved(AnyDrive::Tape(Box::new(TapeDrive::new(name.clone(), transport, *setup))))
            }
            Self::Single(single) => reserved(single.drive(Errand::Open(name.clone()))?),
        }
    }
}

/// So that no other host, and no monitor of its, rewinds a tape that is being written.
fn reserved(mut drive: AnyDrive) -> Result<AnyDrive, LibraryTrouble> {
    let Some(tape) = drive.tape() else { return Ok(drive) };
    match tape.reserve(super::drive::key())? {
        Reserved::ForUs | Reserved::NotOffered => Ok(drive),
    }
}

#[cfg(test)]
pub(super) fn emulator(storage: &Storage) -> Option<devices::emulator::Library> {
    use config::Node;
    match &storage.changer.kind {
        ChangerKind::Emulator(emulated) => emulated::library(emulated, storage).ok(),
        ChangerKind::Single { drive: Node::Path(path), .. } => emulated::in_directory(path).ok(),
        _ => None,
    }
}

fn vtapes(
    storage: &Storage,
    directory: &std::path::Path,
    (slots, drives): (u32, u32),
) -> Result<(Device, Vec<DriveName>), vtape::LibraryError> {
    let drives: Vec<DriveName> = (0..drives)
        .map(|number| format!("drive{number}").parse().expect("a name without control characters"))
        .collect();
    let first = drives.first().cloned().expect("the configuration has at least one drive");
    vtape::create(directory, slots)?;
    let setup = vtape::Setup {
        drives: drives.clone(),
        ..vtape::Setup::with_capacity(first, storage.tapetype.length)
    };
    let early_warning = storage.tapetype.early_warning.unwrap_or(setup.early_warning);
    let vtapes = Vtapes::open(directory, vtape::Setup { early_warning, ..setup })?;
    Ok((Device::Vtapes(vtapes), drives))
}

/// How the tape drives of a storage are to be used.
fn setup(storage: &Storage) -> ssc::Setup {
    let tapetype = &storage.tapetype;
    ssc::Setup {
        block: tapetype.blocksize,
        compression: if tapetype.compression { Compression::On } else { Compression::Off },
        warn_before_end: tapetype.early_warning,
        ..ssc::Setup::default()
    }
}

/// Waiting is never given up here: an LTO-9 cartridge may calibrate for two hours, and the robot has limits of its
/// own.
pub(super) fn logged() -> Listener {
    Arc::new(|who, busy| {
        let done = busy.percent.map(|percent| format!(", {percent} % done")).unwrap_or_default();
        tracing::info!("{who}: {}{done}, for {} s", busy.says, busy.waited.as_secs());
        Wait::GoOn
    })
}
