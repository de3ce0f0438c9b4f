//! What a changer has, in three mode pages: 1Dh which places, 1Eh what its arms can do, 1Fh what can be moved
//! where (SMC-3, 7.3).

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{u8_at, u16_at};
use crate::scsi::cdb::smc::{Element, ElementKind};

/// Which places there are.
pub const ADDRESSES: PageCode = PageCode::page(0x1d);
/// What the arms can do.
pub const GEOMETRY: PageCode = PageCode::page(0x1e);
/// What can be moved where.
pub const CAPABILITIES: PageCode = PageCode::page(0x1f);

/// Places of one kind: they are numbered through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: Element,
    /// How many.
    pub count: u16,
}

impl Range {
    /// Whether `element` is one of them.
    pub fn contains(self, element: Element) -> bool {
        let offset = i32::from(element.0) - i32::from(self.first.0);
        (0..i32::from(self.count)).contains(&offset)
    }
}

/// Which places a changer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Arms. A changer may tell of none, and have one all the same: then it is number 0.
    pub arms: Range,
    /// Slots.
    pub slots: Range,
    /// Mail slots. Some changers count their gripper among them.
    pub mail_slots: Range,
    /// Drives.
    pub drives: Range,
}

impl Addresses {
    /// Reads the page, with its head. What a changer leaves out at the end it has none of.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        let page = at_least("the changer's addresses", page, 10)?;
        let range = |at| Range {
            first: Element(u16_at(page, at).unwrap_or(0)),
            count: u16_at(page, at + 2).unwrap_or(0),
        };
        Ok(Self { arms: range(2), slots: range(6), mail_slots: range(10), drives: range(14) })
    }

    /// The places of one kind.
    pub fn of(&self, kind: ElementKind) -> Range {
        match kind {
            ElementKind::Arm => self.arms,
            ElementKind::Slot => self.slots,
            ElementKind::MailSlot => self.mail_slots,
            ElementKind::Drive => self.drives,
        }
    }

    /// What kind of place this is.
    pub fn kind_of(&self, element: Element) -> Option<ElementKind> {
        ElementKind::ALL.into_iter().find(|kind| self.of(*kind).contains(element))
    }

    /// How many places there are.
    pub fn total(&self) -> u32 {
        ElementKind::ALL.into_iter().map(|kind| u32::from(self.of(kind).count)).sum()
    }
}

/// Whether each arm, in their order, can turn a cartridge over: page 1Eh, with its head.
pub fn turning_arms(page: &[u8]) -> Result<Vec<bool>, BadReply> {
    let page = at_least("what the changer's arms can do", page, 2)?;
    Ok(page.get(2..).unwrap_or_default().chunks_exact(2).map(|arm| arm[0] & 0x01 != 0).collect())
}

/// What can be moved where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    stores: u8,
    moves: [u8; 4],
    exchanges: [u8; 4],
}

impl Moves {
    /// Reads page 1Fh, with its head.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        let page = at_least("what the changer can move where", page, 8)?;
        let four = |at: usize| [0, 1, 2, 3].map(|offset| u8_at(page, at + offset).unwrap_or(0));
        Ok(Self { stores: u8_at(page, 2).unwrap_or(0), moves: four(4), exchanges: four(12) })
    }

    /// Whether a cartridge may stay in a place of this kind.
    pub fn stores(self, kind: ElementKind) -> bool {
        self.stores & bit(kind) != 0
    }

    /// Whether MOVE MEDIUM goes from one kind of place to the other.
    pub fn moves(self, from: ElementKind, to: ElementKind) -> bool {
        self.moves[row(from)] & bit(to) != 0
    }

    /// Whether EXCHANGE MEDIUM goes between the two.
    pub fn exchanges(self, from: ElementKind, to: ElementKind) -> bool {
        self.exchanges[row(from)] & bit(to) != 0
    }
}

fn row(kind: ElementKind) -> usize {
    match kind {
        ElementKind::Arm => 0,
        ElementKind::Slot => 1,
        ElementKind::MailSlot => 2,
        ElementKind::Drive => 3,
    }
}

fn bit(kind: ElementKind) -> u8 {
    1 << row(kind)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::{Addresses, Element, ElementKind, Moves, Range, turning_arms};

    /// A library with 40 slots, 4 mail slots and 2 drives.
    const ADDRESSES: &str = "1d 12 00 01 00 01  10 00 00 28  00 10 00 04  01 00 00 02  00 00";

    #[test]
    fn a_changer_says_which_places_it_has() {
        let found = Addresses::decode(&hex(ADDRESSES)).unwrap();
        assert_eq!(found.slots, Range { first: Element(0x1000), count: 40 });
        assert_eq!(found.total(), 47);
        assert_eq!(found.kind_of(Element(0x1027)), Some(ElementKind::Slot));
        assert_eq!(found.kind_of(Element(0x1028)), None);
        assert_eq!(found.kind_of(Element(0x0100)), Some(ElementKind::Drive));
        assert_eq!(Addresses::decode(&hex(ADDRESSES)[..14]).unwrap().drives.count, 0);
        spoil(&hex(ADDRESSES), |bytes| drop(Addresses::decode(bytes).map(|found| found.total())));
    }

    #[test]
    fn places_at_the_end_of_all_numbers_do_not_run_over() {
        let range = Range { first: Element(0xffff), count: 0xffff };
        assert!(range.contains(Element(0xffff)) && !range.contains(Element(0)));
    }

    #[test]
    fn a_changer_says_what_it_can_move_where() {
        let page = hex("1f 12 0e 00 00 0e 0e 0e 00 00 00 00 00 08 00 00 00 00 00 00");
        let can = Moves::decode(&page).unwrap();
        assert!(can.stores(ElementKind::Drive) && !can.stores(ElementKind::Arm));
        assert!(can.moves(ElementKind::Slot, ElementKind::Drive));
        assert!(!can.moves(ElementKind::Arm, ElementKind::Slot));
        assert!(can.exchanges(ElementKind::Slot, ElementKind::Drive));
        assert!(!can.exchanges(ElementKind::Drive, ElementKind::Slot));
        spoil(&page, |bytes| drop(Moves::decode(bytes)));
        assert_eq!(turning_arms(&hex("1e 04 00 00 01 01")).unwrap(), [false, true]);
    }
}
