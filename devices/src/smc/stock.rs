//! What a changer has in its places, as it said last.

use std::collections::BTreeMap;

use types::Barcode;

use super::layout::Cell;
use crate::changer::{CartridgeKind, Passage};
use crate::scsi::cdb::smc::ElementKind;

/// Whether a place has a cartridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// It has none.
    #[default]
    Empty,
    /// It has one.
    Full,
    /// The changer says that this bay is empty, and that the arm cannot get there: so do some as long as the drive
    /// has a tape threaded. It must be unloaded before anybody knows.
    Hidden,
}

/// Whether the arm can get there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It can.
    #[default]
    Free,
    /// It cannot: a magazine or a door is open, or a drive holds its cartridge.
    Denied,
}

/// Whether a changer uses the ACCESS bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AccessBits {
    /// It has never said that the arm can get anywhere.
    #[default]
    NeverSeen,
    /// It does.
    Told,
}

/// Where a cartridge came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The changer does not remember (SVALID is 0), or names a place that it does not have.
    #[default]
    Unknown,
    /// From there.
    From(Cell),
}

/// Who put a cartridge into a mail slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hand {
    /// The arm: it is on its way out.
    #[default]
    Arm,
    /// The operator: it is on its way in.
    Operator,
}

/// One place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Is there a cartridge?
    pub fill: Fill,
    /// Can the arm get there?
    pub access: Access,
    /// What the sticker of the cartridge claims.
    pub barcode: Option<Barcode>,
    /// What the cartridge is for, as far as the changer says.
    pub medium: CartridgeKind,
    /// Where the cartridge came from.
    pub source: Source,
    /// Additional sense code and qualifier, if the place is in an abnormal state.
    pub exception: Option<(u8, u8)>,
    /// Of mail slots: which way.
    pub passage: Option<Passage>,
    /// Of mail slots: who filled it.
    pub hand: Hand,
}

impl Content {
    /// Whether there is a cartridge, or may be one.
    pub fn is_full(&self) -> bool {
        self.fill != Fill::Empty
    }

    /// Of a mail slot: which way it works now.
    pub fn way(&self) -> Option<Passage> {
        let shut = self.access == Access::Denied;
        self.passage.map(|passage| if shut { Passage::Shut } else { passage })
    }

    /// Makes sense of the ACCESS bit, which some changers never set.
    pub(super) fn settled(mut self, kind: ElementKind, bits: AccessBits) -> Self {
        match bits {
            AccessBits::NeverSeen => self.access = Access::Free,
            AccessBits::Told => {
                let unreachable = self.access == Access::Denied && self.fill == Fill::Empty;
                if kind == ElementKind::Drive && unreachable {
                    self.fill = Fill::Hidden;
                }
            }
        }
        self
    }
}

/// All places that the changer spoke of. A place that it has and does not speak of is not there: a magazine that
/// was taken out, a bay without a drive, a mail slot that exists only in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// The places.
    pub places: BTreeMap<Cell, Content>,
    /// Places that the changer says are not there, by additional sense code and qualifier: its magazine was taken out,
    /// the bay has no drive.
    pub absent: BTreeMap<Cell, (u8, u8)>,
    /// What the operator should know of how it was told: barcodes that the changer would not give.
    pub remarks: Vec<String>,
}

impl Stock {
    /// What is in a place.
    pub fn get(&self, cell: Cell) -> Option<&Content> {
        self.places.get(&cell)
    }
}
