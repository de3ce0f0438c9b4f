//! Why a drive behind the tape driver could not, and what it can never do.

use std::fmt;
use std::path::{Path, PathBuf};

use types::Blame;

use crate::drive::Trouble;

/// Why a drive could not, when it is the tape driver that says so.
#[derive(Debug, thiserror::Error)]
pub enum StTrouble {
    /// What every kind of drive has.
    #[error(transparent)]
    Common(#[from] Trouble),
    /// The wrong node.
    #[error(
        "{path} rewinds the tape whenever somebody closes it, even after only looking: give the node of the \
         same drive whose name begins with nst"
    )]
    AutoRewind {
        /// The node.
        path: String,
    },
    /// No node of the tape driver.
    #[error("{path} is not a tape drive: a node like /dev/nst0 is wanted")]
    NotATape {
        /// The node.
        path: String,
    },
    /// Only one process can have it.
    #[error("another program has {path} open: fuser {path} shows which")]
    InUse {
        /// The node.
        path: String,
    },
    /// The driver's options.
    #[error(
        "the option {option} of the tape driver makes writes on {path} unsure, and only root can clear it: \
         mt -f {path} stclearoptions {option}"
    )]
    Option {
        /// The node.
        path: String,
        /// As `mt` calls it.
        option: &'static str,
    },
    /// It loads, threads, calibrates or is being cleaned.
    #[error("the drive has a cartridge, and is not ready yet")]
    NotReady,
    /// The tab of the cartridge.
    #[error("the cartridge is write-protected")]
    WriteProtected,
    /// Somebody else uses this drive.
    #[error(
        "the drive stands before object {found} of the tape, not before {expected}: somebody else moved it, or \
         it was reset"
    )]
    MovedByOthers {
        /// Where it should stand.
        expected: u64,
        /// Where it stands.
        found: u64,
    },
    /// The drive, or the driver, forgot.
    #[error("the drive lost its place: it was reset, or another cartridge was put in")]
    PlaceLost,
    /// Half a block.
    #[error("the driver took {taken} bytes of a block of {length}")]
    Short {
        /// So many.
        taken: usize,
        /// Of so many.
        length: usize,
    },
}

impl StTrouble {
    /// What has to change.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Common(trouble) => trouble.blame(),
            Self::WriteProtected => Blame::Medium,
            Self::AutoRewind { .. } | Self::NotATape { .. } | Self::Option { .. } => Blame::Host,
            Self::InUse { .. } => Blame::Drive,
            Self::Short { .. } => Blame::Drive,
            Self::NotReady | Self::MovedByOthers { .. } | Self::PlaceLost => Blame::Nothing,
        }
    }
}

/// What cannot be had through the tape driver, but through the drive's sg node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beyond {
    /// A warning before the warning.
    ProgrammableEarlyWarning,
    /// Check sums of blocks, between host and drive.
    BlockProtection,
    /// What the cartridge's own memory holds.
    CartridgeMemory,
    /// What the drive counted, and what it warns of.
    Logs,
    /// Encryption in the drive.
    Encryption,
    /// What the drive complained of, in its own words.
    Sense,
    /// The order of reading that is quickest.
    ReadingOrder,
    /// Who made the drive, what it can, and what it is doing.
    Identity,
    /// Trials of the drive: its clock, its counters and its refusals are looked at.
    Trial,
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProgrammableEarlyWarning => "an earlier warning of the end",
            Self::BlockProtection => "protection of blocks on their way",
            Self::CartridgeMemory => "the memory of the cartridge",
            Self::Logs => "the logs and alerts of the drive",
            Self::Encryption => "encryption in the drive",
            Self::Sense => "the sense data of an error",
            Self::ReadingOrder => "the quickest order of reading",
            Self::Identity => "who made the drive, and what it can",
            Self::Trial => "a trial of the drive, which looks at its counters and refusals",
        })
    }
}

/// The answer to those who ask for something [`Beyond`] the tape driver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wish} cannot be had through the tape driver{}", elsewhere(.generic.as_deref()))]
pub struct NotThroughSt {
    /// What was asked for.
    pub wish: Beyond,
    /// The node to ask.
    pub generic: Option<PathBuf>,
}

fn elsewhere(generic: Option<&Path>) -> String {
    match generic {
        Some(node) => format!(": give {} as the device of this drive", node.display()),
        None => ", and the kernel shows no sg node for this drive: load its module sg".to_owned(),
    }
}
