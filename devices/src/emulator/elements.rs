//! The places of the library, and which cartridge is in which.
//!
//! A cartridge is in exactly one place. Whoever moves one takes it out of here and puts it in there; the drive
//! learns of it through [`DriveUnit`](super::drive::DriveUnit).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::cartridge::Cartridge;

/// A place for one cartridge. Numbers count from 0 within their kind; element addresses are the changer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spot {
    /// In the robot's hand.
    Arm,
    /// Where cartridges stand.
    Slot(u16),
    /// Where people reach in.
    Mail(u16),
    /// In, or in the mouth of, a drive.
    Drive(u16),
    /// In a person's hand: out of the library.
    Outside(u16),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm => f.write_str("the arm"),
            Self::Slot(number) => write!(f, "slot {number}"),
            Self::Mail(number) => write!(f, "mail slot {number}"),
            // As their logical units are counted, and as commands name them.
            Self::Drive(number) => write!(f, "drive {}", u32::from(*number) + 1),
            Self::Outside(number) => write!(f, "shelf place {number}"),
        }
    }
}

/// What is in a place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Element {
    pub(crate) cartridge: Option<Box<Cartridge>>,
    /// Where it was before it came here, if the robot saw that.
    pub(crate) source: Option<Spot>,
    /// A person put it here, not the robot.
    #[serde(default)]
    pub(crate) by_hand: bool,
}

/// All places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Elements {
    pub(crate) arm: Element,
    pub(crate) slots: Vec<Element>,
    pub(crate) mail: Vec<Element>,
    pub(crate) drives: Vec<Element>,
    /// Cartridges that people have, in no library.
    pub(crate) outside: Vec<Element>,
}

impl Elements {
    pub(crate) fn new(slots: u16, mail: u16, drives: u16) -> Self {
        let empty = |count: u16| (0..count).map(|_| Element::default()).collect();
        Self { slots: empty(slots), mail: empty(mail), drives: empty(drives), ..Self::default() }
    }

    pub(crate) fn get(&self, spot: Spot) -> Option<&Element> {
        match spot {
            Spot::Arm => Some(&self.arm),
            Spot::Slot(number) => self.slots.get(usize::from(number)),
            Spot::Mail(number) => self.mail.get(usize::from(number)),
            Spot::Drive(number) => self.drives.get(usize::from(number)),
            Spot::Outside(number) => self.outside.get(usize::from(number)),
        }
    }

    pub(crate) fn get_mut(&mut self, spot: Spot) -> Option<&mut Element> {
        match spot {
            Spot::Arm => Some(&mut self.arm),
            Spot::Slot(number) => self.slots.get_mut(usize::from(number)),
            Spot::Mail(number) => self.mail.get_mut(usize::from(number)),
            Spot::Drive(number) => self.drives.get_mut(usize::from(number)),
            Spot::Outside(number) => self.outside.get_mut(usize::from(number)),
        }
    }

    /// The cartridge in a place.
    pub(crate) fn cartridge(&self, spot: Spot) -> Option<&Cartridge> {
        self.get(spot)?.cartridge.as_deref()
    }

    pub(crate) fn cartridge_mut(&mut self, spot: Spot) -> Option<&mut Cartridge> {
        self.get_mut(spot)?.cartridge.as_deref_mut()
    }

    /// Carries a cartridge over, and notes where it came from. False, and nothing moves, if there is none or
    /// the other place is not free.
    pub(crate) fn carry(&mut self, from: Spot, to: Spot) -> bool {
        let free = self.get(to).is_some_and(|element| element.cartridge.is_none());
        if !free {
            return false;
        }
        let Some(element) = self.get_mut(from) else { return false };
        let Some(cartridge) = element.cartridge.take() else { return false };
        // A cartridge that goes back through the arm keeps the slot it came from.
        let source = if from == Spot::Arm { element.source.take() } else { Some(from) };
        *element = Element::default();
        if let Some(element) = self.get_mut(to) {
            *element = Element { cartridge: Some(cartridge), source, by_hand: false };
        }
        true
    }

    /// Every place, in the order arm, slots, mail slots, drives, outside.
    pub(crate) fn spots(&self) -> Vec<Spot> {
        let count = |elements: &Vec<Element>| 0..u16::try_from(elements.len()).unwrap_or(u16::MAX);
        std::iter::once(Spot::Arm)
            .chain(count(&self.slots).map(Spot::Slot))
            .chain(count(&self.mail).map(Spot::Mail))
            .chain(count(&self.drives).map(Spot::Drive))
            .chain(count(&self.outside).map(Spot::Outside))
            .collect()
    }

    /// Where the cartridge with this sticker is.
    pub(crate) fn find(&self, barcode: &str) -> Option<Spot> {
        let wears = |cartridge: &Cartridge| cartridge.barcode.as_deref() == Some(barcode);
        self.spots().into_iter().find(|&spot| self.cartridge(spot).is_some_and(wears))
    }
}
