//! Why a library could not do something, and who has to change.

use std::io;
use std::path::PathBuf;

use types::{Blame, DriveName};

use super::matching::Mismatch;
use crate::changer::{Obstacle, Spot};
use crate::scsi::judge::{During, Verdict};
use crate::smc::{Failure, SmcError};

/// Why a library could not do something.
#[derive(Debug, thiserror::Error)]
pub enum RobotTrouble {
    /// Something is in the way.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// The changer could not.
    #[error(transparent)]
    Changer(#[from] SmcError),
    /// Which drive is which cannot be told.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The changer cannot be reached.
    #[error("{device} cannot be opened")]
    Opening {
        /// The node.
        device: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A drive could not do its part.
    #[error("drive {drive} ({node}) could not {what}")]
    Drive {
        /// Which.
        drive: DriveName,
        /// Its node.
        node: String,
        /// What it was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: Failure,
    },
    /// The cartridge is in the drive, says the changer; the drive says that it is not.
    #[error(
        "the changer put the cartridge into drive {drive}, and the drive ({node}) says that it has none: is {node} \
         that drive (`library verify-drives --by-loading`), or is the cartridge stuck?"
    )]
    NotThere {
        /// Which.
        drive: DriveName,
        /// Its node.
        node: String,
    },
    /// A cleaning cartridge where one with data should be.
    #[error("the cartridge in drive {0} is a cleaning cartridge")]
    Cleaning(DriveName),
    /// What is to prove which drive is which is no cartridge for data.
    #[error(
        "slot {slot} has {what}, and every drive that it is put into would take it for that, and use it up: prove it with \
         a cartridge for data"
    )]
    NoProof {
        /// Which slot, as operators count.
        slot: u32,
        /// What is there.
        what: &'static str,
    },
    /// It is at neither a slot nor a drive of ours.
    #[error("{spot} is a place for keeping cartridges, and no mail slot")]
    NoMailSlot {
        /// Which.
        spot: Spot,
    },
    /// No slot for one cartridge more.
    #[error(
        "the library has no free slot (those of cartridges in drives are kept for them): export a cartridge that is \
         not needed, or bring back what is in the drives"
    )]
    NoRoom,
    /// No mail slot to put a cartridge into.
    #[error("the library has no free mail slot: take out what is in them")]
    NoMailSlotFree,
    /// There is nothing to clean with.
    #[error("no slot has a cleaning cartridge (barcode CLN…): put one in")]
    NoCleaner,
    /// All cleaning cartridges have done their work.
    #[error(
        "drive {drive} was not cleaned: {}; put a new cleaning cartridge in",
        .why.join("; ")
    )]
    CleanersUsedUp {
        /// Which.
        drive: DriveName,
        /// What each cartridge did.
        why: Vec<String>,
    },
    /// The drive was not cleaned.
    #[error("drive {drive} was not cleaned: {}", .why.join("; "))]
    NotCleaned {
        /// Which.
        drive: DriveName,
        /// What each cartridge did.
        why: Vec<String>,
    },
    /// The lock files cannot be used.
    #[error("{0} cannot be locked")]
    Lock(PathBuf, #[source] io::Error),
}

impl RobotTrouble {
    /// What has to change.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Obstacle(obstacle) => obstacle.blame(),
            Self::Changer(error) => error.blame(),
            Self::Drive { cause, .. } => drive_blame(cause),
            Self::NotThere { .. } | Self::NotCleaned { .. } => Blame::Drive,
            Self::Cleaning(_)
            | Self::NoProof { .. }
            | Self::NoMailSlot { .. }
            | Self::NoRoom
            | Self::NoMailSlotFree
            | Self::NoCleaner
            | Self::CleanersUsedUp { .. } => Blame::Medium,
            Self::Mismatch(_) | Self::Opening { .. } | Self::Lock(..) => Blame::Host,
        }
    }
}

/// Whom a drive blames that cannot load or unload: itself, if it does not say.
fn drive_blame(failure: &Failure) -> Blame {
    match failure.verdict(During::Other).map(Verdict::blame) {
        None | Some(Blame::Nothing) => Blame::Drive,
        Some(blame) => blame,
    }
}

impl From<(PathBuf, io::Error)> for RobotTrouble {
    fn from((path, error): (PathBuf, io::Error)) -> Self {
        Self::Lock(path, error)
    }
}
