//! The places in a changer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dle::{BadName, name};
use std::str::FromStr;

/// A place for a cartridge, numbered from 1 as the operator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

name! {
    /// A drive, as the configuration or the changer names it.
    DriveName, "drive"
}

name! {
    /// A changer, as the configuration names it.
    ChangerName, "changer"
}

/// A drive of a changer. Changers name their drives each for itself, so the name of the drive alone may stand for two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DriveId {
    /// Which changer.
    pub changer: ChangerName,
    /// Which of its drives.
    pub drive: DriveName,
}

impl fmt::Display for DriveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.changer, self.drive)
    }
}
