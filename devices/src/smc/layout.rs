//! Which places a changer has, and what it calls them today.
//!
//! A changer numbers its places with *element addresses*, and may number them anew whenever it is partitioned or a
//! module is added. So nobody keeps an address: a place is a [`Cell`], its kind and which of them it is, and
//! the [`Layout`] that was read last translates.

use std::fmt;

use crate::scsi::cdb::smc::{Element, ElementKind};

/// A place: the third mail slot, the first drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// What it is for.
    pub kind: ElementKind,
    /// Which, counted from 0.
    pub index: u16,
}

impl Cell {
    /// The arm of this number.
    pub fn arm(index: u16) -> Self {
        Self { kind: ElementKind::Arm, index }
    }

    /// The slot of this number.
    pub fn slot(index: u16) -> Self {
        Self { kind: ElementKind::Slot, index }
    }

    /// The mail slot of this number.
    pub fn mail(index: u16) -> Self {
        Self { kind: ElementKind::MailSlot, index }
    }

    /// The bay of this number.
    pub fn bay(index: u16) -> Self {
        Self { kind: ElementKind::Drive, index }
    }
}

/// As people count: slots from 1, bays from 0 as drives are named.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from_one = u32::from(self.index) + 1;
        match self.kind {
            ElementKind::Arm => f.write_str("the arm"),
            ElementKind::Slot => write!(f, "slot {from_one}"),
            ElementKind::MailSlot => write!(f, "mail slot {from_one}"),
            ElementKind::Drive => write!(f, "bay {}", self.index),
        }
    }
}

/// Places of one kind: they have consecutive addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The address of the first.
    pub first: u16,
    /// How many there are.
    pub count: u16,
}

impl Run {
    fn index_of(self, element: Element) -> Option<u16> {
        element.0.checked_sub(self.first).filter(|index| *index < self.count)
    }
}

/// All places of a changer (SMC-3, element address assignment page 1Dh).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The arms. Some changers do not report theirs.
    pub arms: Run,
    /// The slots.
    pub slots: Run,
    /// The mail slots.
    pub mail: Run,
    /// The bays.
    pub bays: Run,
}

impl Layout {
    /// Where the places of this kind are.
    pub fn run(&self, kind: ElementKind) -> Run {
        match kind {
            ElementKind::Arm => self.arms,
            ElementKind::Slot => self.slots,
            ElementKind::MailSlot => self.mail,
            ElementKind::Drive => self.bays,
        }
    }

    /// The address of a place, if there is such a place.
    pub fn element(&self, cell: Cell) -> Option<Element> {
        let run = self.run(cell.kind);
        let inside = cell.index < run.count;
        inside.then(|| run.first.checked_add(cell.index).map(Element)).flatten()
    }

    /// The place of this kind that has this address.
    pub fn cell(&self, kind: ElementKind, element: Element) -> Option<Cell> {
        self.run(kind).index_of(element).map(|index| Cell { kind, index })
    }

    /// The place that has this address, whatever its kind.
    pub fn any(&self, element: Element) -> Option<Cell> {
        ElementKind::ALL.into_iter().find_map(|kind| self.cell(kind, element))
    }

    /// The arm to move with: the first, or the one that the changer chooses itself.
    pub fn arm(&self) -> Element {
        if self.arms.count == 0 { Element::DEFAULT_ARM } else { Element(self.arms.first) }
    }

    /// The lowest and the highest address in use.
    pub(crate) fn ends(&self) -> (Element, Element) {
        let runs = || ElementKind::ALL.into_iter().map(|kind| self.run(kind));
        let used = || runs().filter(|run| run.count > 0);
        let last = |run: Run| run.first.saturating_add(run.count - 1);
        let lowest = used().map(|run| run.first).min().unwrap_or_default();
        (Element(lowest), Element(used().map(last).max().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        arms: Run { first: 1, count: 1 },
        slots: Run { first: 4096, count: 40 },
        mail: Run { first: 16, count: 4 },
        bays: Run { first: 256, count: 2 },
    };

    #[test]
    fn places_and_addresses_are_one_to_one() {
        for kind in ElementKind::ALL {
            for index in 0..LAYOUT.run(kind).count {
                let cell = Cell { kind, index };
                let element = LAYOUT.element(cell).unwrap();
                assert_eq!(LAYOUT.cell(kind, element), Some(cell));
                assert_eq!(LAYOUT.any(element), Some(cell));
            }
        }
        assert_eq!(LAYOUT.element(Cell::slot(40)), None);
        assert_eq!(LAYOUT.any(Element(0)), None);
    }

    #[test]
    fn a_changer_without_an_arm_of_its_own_is_moved_by_address_zero() {
        assert_eq!(LAYOUT.arm(), Element(1));
        let armless = Layout { arms: Run::default(), ..LAYOUT };
        assert_eq!(armless.arm(), Element(0));
        assert_eq!(armless.ends(), (Element(16), Element(4135)));
    }

    #[test]
    fn addresses_beyond_the_last_are_none() {
        let mad = Layout { slots: Run { first: 65_535, count: 65_535 }, ..Layout::default() };
        assert_eq!(mad.element(Cell::slot(0)), Some(Element(65_535)));
        assert_eq!(mad.element(Cell::slot(1)), None);
    }
}
