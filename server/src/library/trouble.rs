//! What can go wrong between a configured storage and a volume in a drive, and who has to change.
//!
//! Everybody who mounts volumes meets the same four: the library, the volume, the catalogue, and the label
//! templates of the configuration. A night, `label` and `check` look at them alike.

use devices::ChangerError;
use devices::vtape;
use taper::catalogue::CatalogueError;
use taper::label::BadTemplate;
use taper::mount::VolumeError;
use types::{Blame, Label};

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
        source: vtape::LibraryError,
    },
    /// It is of a kind that this program cannot drive.
    #[error("changer {changer} is of a type that is not served yet: only vtapes are")]
    NotServed {
        /// The changer in the configuration.
        changer: String,
    },
    /// It did not move a cartridge, or did not say what it has.
    #[error(transparent)]
    Changer(#[from] ChangerError),
    /// Its volume could not be read.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// No such cartridge.
    #[error("volume {0} is in no slot and no drive of the library: put it in, and try again")]
    Absent(Label),
    /// Another volume was where the one that was wanted should be.
    #[error("{found} was found where volume {wanted} should be")]
    Other {
        /// What was there.
        found: String,
        /// What was wanted.
        wanted: Label,
    },
    /// All drives are in use.
    #[error("every drive of the library is in use by another command")]
    NoDrive,
}

impl LibraryTrouble {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Changer(error) => error.blame,
            Self::Volume(error) => error.blame(),
            Self::Open { .. } | Self::NoDrive => Blame::Drive,
            Self::NotServed { .. } => Blame::Host,
            Self::Absent(_) | Self::Other { .. } => Blame::Medium,
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
