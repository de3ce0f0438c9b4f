//! A cartridge: its tape, its memory chip, its sticker, and what is wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::Bytes;

use super::generation::Generation;
use super::medium::Partition;
use super::store::Store;

/// What a cartridge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Written over and over.
    Data,
    /// Written once.
    Worm,
    /// Cleans a drive, so many times more.
    Cleaning {
        /// Uses left.
        uses: u8,
    },
}

/// A stretch of tape that does not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadSpot {
    /// In which partition.
    #[serde(default)]
    pub partition: u8,
    /// Where.
    pub stretch: Stretch,
    /// What happens there.
    pub harm: Harm,
}

/// Where a bad spot is. Both ends count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stretch {
    /// It moves with the objects: what is written there anew is as bad.
    Objects(u64, u64),
    /// Bytes of the tape itself, counted after compression.
    Tape(u64, u64),
}

/// What a bad spot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Read or written after some tries: RECOVERED ERROR 1/17/01, 1/0C/00.
    Recovered,
    /// Not to be read: 3/11/00. What is written there is not to be read either.
    Unreadable,
    /// Not to be written: 3/0C/00, deferred as a rule.
    Unwritable,
    /// The servo tracks are gone: 3/09/00 wherever the tape has to pass or stop there.
    Servo,
}

/// A cartridge. What stands on it is in `tape`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cartridge {
    pub(crate) barcode: Option<String>,
    /// In the chip, for ever: medium serial number.
    pub(crate) serial: String,
    pub(crate) kind: Kind,
    pub(crate) generation: Generation,
    /// What goes on it, after compression, until it is full.
    pub(crate) capacity: Bytes,
    /// How long before that the drive gives early warning.
    pub(crate) early_warning: Bytes,
    pub(crate) write_protected: bool,
    /// LTO-9: has been measured by some drive.
    pub(crate) calibrated: bool,
    /// The chip: attributes by number.
    pub(crate) memory: BTreeMap<u16, Vec<u8>>,
    pub(crate) wear: Wear,
    #[serde(default)]
    pub(crate) bad_spots: Vec<BadSpot>,
    /// Bytes of each partition; one entry as a rule.
    pub(crate) sizes: Vec<u64>,
    #[serde(skip)]
    pub(crate) tape: Vec<Partition>,
    #[serde(skip)]
    pub(crate) store: Store,
}

/// What the chip counts over a cartridge's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wear {
    pub(crate) loads: u64,
    pub(crate) written: u64,
    pub(crate) read: u64,
    /// In the mount before the present one, or in this one.
    pub(crate) written_last: u64,
    pub(crate) read_last: u64,
    pub(crate) write_retries: u64,
    pub(crate) read_retries: u64,
    pub(crate) write_errors: u64,
    pub(crate) read_errors: u64,
    /// Vendor and serial number of the drives it was in, newest first.
    pub(crate) drives: Vec<String>,
    /// Volume change reference: another number after each first write of a mount.
    pub(crate) change: u32,
    pub(crate) formatted: u64,
}

impl Cartridge {
    /// The partition, if there is one of this number.
    pub(crate) fn partition(&self, number: u8) -> Option<&Partition> {
        self.tape.get(usize::from(number))
    }

    pub(crate) fn partition_mut(&mut self, number: u8) -> Option<&mut Partition> {
        self.tape.get_mut(usize::from(number))
    }

    /// How much goes into a partition.
    pub(crate) fn size_of(&self, partition: u8) -> u64 {
        self.sizes.get(usize::from(partition)).copied().unwrap_or(0)
    }

    /// Whether something bad lies where this object is.
    pub(crate) fn harm_at(&self, partition: u8, object: u64, native: (u64, u64)) -> Option<Harm> {
        self.bad_spots.iter().filter(|spot| spot.partition == partition).find_map(|spot| {
            let hit = match spot.stretch {
                Stretch::Objects(first, last) => (first..=last).contains(&object),
                Stretch::Tape(first, last) => {
                    native.0 <= last && first < native.1.max(native.0 + 1)
                }
            };
            hit.then_some(spot.harm)
        })
    }

    pub(crate) fn is_cleaning(&self) -> bool {
        matches!(self.kind, Kind::Cleaning { .. })
    }
}
