//! What can go wrong between a configured storage and a volume in a drive, and who has to change.
//!
//! Everybody who mounts volumes meets the same four: the library, the volume, the catalogue, and the label
//! templates of the configuration. A night, `label` and `check` look at them alike.

use std::error::Error;

use devices::changer::Obstacle;
use devices::robot::RobotTrouble;
use devices::{ChangerError, DriveError, vtape};
use taper::catalogue::CatalogueError;
use taper::label::BadTemplate;
use taper::mount::VolumeError;
use types::{Blame, DriveName, Label, Slot};

use super::search::Met;
use crate::operator::NotLoaded;

/// Something that a library could not do.
#[derive(Debug, thiserror::Error)]
pub enum LibraryTrouble {
    /// It could not be opened.
    #[error("could not open the library of changer {changer}")]
    Open {
        /// The changer in the configuration.
        changer: String,
        /// Why.
        #[source]
        source: Box<vtape::LibraryError>,
    },
    /// There is no cartridge, and no robot to bring one.
    #[error("there is no cartridge in drive {drive} ({device})")]
    NobodyThere {
        /// Which drive.
        drive: DriveName,
        /// Which device that is.
        device: String,
    },
    /// The operator was asked for a volume, and did not put it in.
    #[error("volume {label} is not in drive {drive}")]
    NotPutIn {
        /// Which volume.
        label: Label,
        /// Which drive.
        drive: DriveName,
        /// Why not.
        #[source]
        source: NotLoaded,
    },
    /// Its devices could not be found or opened.
    #[error("could not open the library of changer {changer}")]
    Scsi {
        /// The changer in the configuration.
        changer: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It did not move a cartridge, or did not say what it has.
    #[error(transparent)]
    Changer(Box<ChangerError>),
    /// Its volume could not be read.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A drive could not be had.
    #[error(transparent)]
    Drive(Box<DriveError>),
    /// No such cartridge.
    #[error("volume {0} is in no slot and no drive of the library: put it in, and try again")]
    Absent(Label),
    /// It is not where it was thought to be, and not in any other slot that was worth a look.
    #[error(
        "volume {label} was not found in the library: {met}. Put it in, or see with `reelkeep volume show {label}` where \
         it should be, and try again"
    )]
    NotFound {
        /// Which.
        label: Label,
        /// What was read where.
        met: Met,
    },
    /// Another volume was where the one that was wanted should be.
    #[error("{found} was found where volume {wanted} should be")]
    Other {
        /// What was there.
        found: String,
        /// What was wanted.
        wanted: Label,
    },
    /// Another drive of this run has the cartridge.
    #[error("the cartridge of slot {slot} is in use in drive {drive}")]
    Taken {
        /// Where it belongs.
        slot: Slot,
        /// Who has it.
        drive: DriveName,
    },
    /// A cartridge's slot is taken, or nobody knows which it was, and there is no room elsewhere.
    #[error(
        "there is no slot for the cartridge in drive {drive}: its own is taken or not known, and no other is free. \
         Export a cartridge that is not needed (`reelkeep library export`), or take one out"
    )]
    NoHome {
        /// Which drive.
        drive: DriveName,
    },
    /// The command is about something that such a library does not have.
    #[error("changer {changer} cannot do that: {why}")]
    NotForThis {
        /// The changer in the configuration.
        changer: String,
        /// What it lacks.
        why: &'static str,
    },
    /// Not one of its drives can be used.
    #[error("no drive of changer {changer} can be used: {why}")]
    NoDriveWorks {
        /// The changer in the configuration.
        changer: String,
        /// Why, drive by drive.
        why: String,
    },
    /// All drives are in use.
    #[error("every drive of changer {changer} is in use: {users}")]
    AllInUse {
        /// The changer in the configuration.
        changer: String,
        /// Who has which.
        users: String,
    },
    /// It has none.
    #[error("the library has no drive that could be used")]
    NoDrive,
}

impl From<DriveError> for LibraryTrouble {
    fn from(error: DriveError) -> Self {
        Self::Drive(Box::new(error))
    }
}

impl From<ChangerError> for LibraryTrouble {
    fn from(error: ChangerError) -> Self {
        Self::Changer(Box::new(error))
    }
}

impl LibraryTrouble {
    /// A library of directories, or a drive of it, that could not be opened.
    pub(super) fn vtapes(changer: &str, error: vtape::LibraryError) -> Self {
        Self::Open { changer: changer.to_owned(), source: Box::new(error) }
    }

    /// Who has the drive, if that is all that is the matter.
    pub(super) fn user(&self) -> Option<&str> {
        let obstacle = match self {
            Self::Open { source, .. } => match &**source {
                vtape::LibraryError::Drive { cause, .. } => Some(cause),
                _ => None,
            },
            Self::Changer(error) => match error.cause.downcast_ref() {
                Some(RobotTrouble::Obstacle(obstacle)) => Some(obstacle),
                _ => error.cause.downcast_ref::<Obstacle>(),
            },
            _ => None,
        };
        match obstacle {
            Some(Obstacle::InUse { user, .. }) => Some(user),
            _ => None,
        }
    }

    /// Whether bytes of a volume were read, or should have been, and were bad. Everything else only kept somebody from
    /// reading them.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Volume(error) => error.blame() == Blame::Medium,
            Self::Drive(error) => error.blame == Blame::Medium,
            _ => false,
        }
    }

    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Changer(error) => error.blame,
            Self::Volume(error) => error.blame(),
            Self::Drive(error) => error.blame,
            Self::Open { .. } | Self::AllInUse { .. } | Self::NoDrive => Blame::Drive,
            Self::Scsi { .. }
            | Self::NotForThis { .. }
            | Self::NoDriveWorks { .. }
            | Self::NoHome { .. } => Blame::Host,
            Self::Absent(_)
            | Self::NotFound { .. }
            | Self::Other { .. }
            | Self::Taken { .. }
            | Self::NobodyThere { .. }
            | Self::NotPutIn { .. } => Blame::Medium,
        }
    }
}

/// Why a volume is not in a drive, ready.
#[derive(Debug, thiserror::Error)]
pub enum MountTrouble {
    /// The library.
    #[error(transparent)]
    Library(#[from] LibraryTrouble),
    /// The volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The labels in the configuration.
    #[error(transparent)]
    Template(#[from] BadTemplate),
}

impl MountTrouble {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Library(error) => error.blame(),
            Self::Volume(error) => error.blame(),
            Self::Catalogue(_) | Self::Template(_) => Blame::Host,
        }
    }
}
