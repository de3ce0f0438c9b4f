//! A changer's places as operators number them, and what is in them.
//!
//! Slots count from 1, and the mail slots come behind the last of them. The numbers depend on how many slots the
//! changer has, not on which of them are there now: a magazine that was taken out leaves a gap.

use types::{DriveName, Slot};

use super::generation::{Writing, on_sticker};
use crate::changer::{Bay, Cartridge, CartridgeKind, Inventory, Passage, Place, PlaceKind, Spot};
use crate::scsi::Sense;
use crate::scsi::cdb::smc::ElementKind;
use crate::scsi::sense::Key;
use crate::smc::{Access, Cell, Content, Fill, Layout, Source, Stock};

/// A drive and its bay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) name: DriveName,
    pub(crate) bay: u16,
}

/// A drive that the library should have, and that nobody can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostDrive {
    /// What it is called, or would be.
    pub name: DriveName,
    /// In which bay it should sit, counted from 0, if anybody knows.
    pub bay: Option<u16>,
    /// Why nobody can use it, in words.
    pub why: String,
}

/// Numbers for places.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    pub(crate) slots: u16,
    pub(crate) seats: Vec<Seat>,
    pub(crate) lost: Vec<LostDrive>,
}

impl Numbering {
    pub(crate) fn new(layout: &Layout, seats: Vec<Seat>) -> Self {
        Self { slots: layout.slots.count, seats, lost: Vec::new() }
    }

    /// The slot of this number, or the mail slot. Whether the changer has it is another question.
    pub(crate) fn slot(&self, slot: Slot) -> Option<Cell> {
        let index = u16::try_from(slot.0.checked_sub(1)?).ok()?;
        Some(match index.checked_sub(self.slots) {
            None => Cell::slot(index),
            Some(mail) => Cell::mail(mail),
        })
    }

    /// The bay of this drive.
    pub(crate) fn drive(&self, drive: &DriveName) -> Option<Cell> {
        let seat = self.seats.iter().find(|seat| seat.name == *drive)?;
        Some(Cell::bay(seat.bay))
    }

    /// What operators call a place. Arms, and bays whose drive is not ours, have no name.
    pub(crate) fn spot(&self, cell: Cell) -> Option<Spot> {
        match cell.kind {
            ElementKind::Slot => Some(Spot::Slot(Slot(u32::from(cell.index) + 1))),
            ElementKind::MailSlot => {
                Some(Spot::Slot(Slot(u32::from(self.slots) + u32::from(cell.index) + 1)))
            }
            ElementKind::Drive => {
                let seat = self.seats.iter().find(|seat| seat.bay == cell.index)?;
                Some(Spot::Drive(seat.name.clone()))
            }
            ElementKind::Arm => None,
        }
    }

    fn slot_of(&self, cell: Cell) -> Option<Slot> {
        match self.spot(cell)? {
            Spot::Slot(slot) => Some(slot),
            Spot::Drive(_) => None,
        }
    }

    /// The stock in the words of every changer. What is not there or does not work is in it, and why.
    pub(crate) fn inventory(&self, stock: &Stock) -> Inventory {
        let mut inventory = self.there(stock);
        for (cell, (asc, ascq)) in &stock.absent {
            let kind = match cell.kind {
                ElementKind::Slot => PlaceKind::Storage,
                ElementKind::MailSlot => PlaceKind::Mail(Passage::Shut),
                ElementKind::Drive | ElementKind::Arm => continue,
            };
            if let (Some(slot), None) = (self.slot_of(*cell), stock.get(*cell)) {
                let trouble = Some(exception(*asc, *ascq));
                inventory.slots.push(Place { slot, kind, cartridge: None, trouble });
            }
        }
        inventory.slots.sort_by_key(|place| place.slot);
        let gone = self.seats.iter().filter(|seat| stock.get(Cell::bay(seat.bay)).is_none());
        for seat in gone {
            let code = stock.absent.get(&Cell::bay(seat.bay));
            let why = code.map_or_else(
                || "the changer does not speak of its bay any more".to_owned(),
                |(asc, ascq)| exception(*asc, *ascq),
            );
            let (drive, trouble) = (seat.name.clone(), Some(why));
            inventory.drives.push(Bay { drive, cartridge: None, home: None, trouble });
        }
        for lost in &self.lost {
            let content = lost.bay.and_then(|bay| stock.get(Cell::bay(bay)));
            let home = content.and_then(|content| self.home(stock, content, &inventory.drives));
            let (drive, trouble) = (lost.name.clone(), Some(lost.why.clone()));
            let cartridge = content.and_then(cartridge);
            inventory.drives.push(Bay { drive, cartridge, home, trouble });
        }
        inventory.drives.sort_by_key(|bay| self.bay_of(&bay.drive));
        inventory
    }

    /// The number of a drive's bay; those of which nobody knows it come last.
    fn bay_of(&self, name: &DriveName) -> u16 {
        let seat = self.seats.iter().find(|seat| seat.name == *name).map(|seat| seat.bay);
        let lost = || self.lost.iter().find(|lost| lost.name == *name).and_then(|lost| lost.bay);
        seat.or_else(lost).unwrap_or(u16::MAX)
    }

    /// Why a place that operators know is none to carry to or from.
    pub(crate) fn lacks(&self, stock: &Stock, spot: &Spot) -> Option<String> {
        let cell = match spot {
            Spot::Slot(slot) => self.slot(*slot),
            Spot::Drive(drive) => self.drive(drive),
        };
        let absent = cell.and_then(|cell| stock.absent.get(&cell));
        absent.map(|(asc, ascq)| exception(*asc, *ascq))
    }

    fn there(&self, stock: &Stock) -> Inventory {
        let mut inventory = Inventory::default();
        for (cell, content) in &stock.places {
            match (cell.kind, self.spot(*cell)) {
                (ElementKind::Drive, Some(Spot::Drive(drive))) => {
                    let home = self.home(stock, content, &inventory.drives);
                    let (cartridge, trouble) = (cartridge(content), trouble(content));
                    inventory.drives.push(Bay { drive, cartridge, home, trouble });
                }
                (_, Some(Spot::Slot(slot))) => {
                    let kind = match content.way() {
                        Some(passage) => PlaceKind::Mail(passage),
                        None => PlaceKind::Storage,
                    };
                    let (cartridge, trouble) = (cartridge(content), trouble(content));
                    inventory.slots.push(Place { slot, kind, cartridge, trouble });
                }
                _ => {}
            }
        }
        inventory
    }

    /// Where a cartridge in a drive came from, if that is still free, and no other drive says so too: after a power
    /// cycle some changers guess.
    fn home(&self, stock: &Stock, content: &Content, before: &[Bay]) -> Option<Slot> {
        let Source::From(cell) = content.source else { return None };
        let free = content.is_full() && stock.get(cell).is_some_and(|source| !source.is_full());
        let slot = self.slot_of(cell).filter(|_| free)?;
        before.iter().all(|bay| bay.home != Some(slot)).then_some(slot)
    }
}

fn cartridge(content: &Content) -> Option<Cartridge> {
    content.is_full().then(|| Cartridge {
        barcode: content.barcode.clone(),
        label: None,
        kind: kind(content),
    })
}

/// What a cartridge is for. Few changers say that it is written only once, but its sticker does.
fn kind(content: &Content) -> CartridgeKind {
    let once = || content.barcode.as_ref().and_then(on_sticker).map(|(_, writing)| writing);
    match content.medium {
        CartridgeKind::Unknown | CartridgeKind::Data if once() == Some(Writing::Once) => {
            CartridgeKind::Worm
        }
        kind => kind,
    }
}

/// What is the matter with a place, in words.
pub(crate) fn trouble(content: &Content) -> Option<String> {
    if let Some((asc, ascq)) = content.exception {
        return Some(exception(asc, ascq));
    }
    if content.fill == Fill::Hidden {
        let text = "the changer says that it is empty and that the arm cannot get there: perhaps its tape is threaded";
        return Some(text.to_owned());
    }
    let closed =
        content.access == Access::Denied && content.passage.is_none_or(|way| way == Passage::Shut);
    // In a drive that is in use the arm has no business, and a mail slot says so by its passage.
    (closed && content.passage.is_none() && content.fill == Fill::Empty)
        .then(|| "the arm cannot get there".to_owned())
}

/// What EXCEPT means. Codes 83h are the makers' own, and they agree (IBM, Overland, Quantum, HPE).
pub(crate) fn exception(asc: u8, ascq: u8) -> String {
    match (asc, ascq) {
        (0x83, 0x00) => "its barcode has not been read yet".to_owned(),
        (0x83, 0x01) => "the barcode cannot be trusted".to_owned(),
        (0x83, 0x02) => "its magazine is not there".to_owned(),
        (0x83, 0x04) => "no drive is in this bay".to_owned(),
        (0x83, 0x09) => "its barcode cannot be read: look at the sticker".to_owned(),
        _ => Sense::of(Key::NoSense, asc, ascq).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smc::Run;

    fn numbering() -> Numbering {
        let run = |first, count| Run { first, count };
        let layout =
            Layout { arms: run(0, 1), slots: run(100, 3), mail: run(10, 2), bays: run(1, 2) };
        let seat = |bay, name: &str| Seat { name: name.parse().unwrap(), bay };
        Numbering::new(&layout, vec![seat(1, "left"), seat(0, "right")])
    }

    fn full(barcode: &str, source: Source) -> Content {
        Content { fill: Fill::Full, barcode: barcode.parse().ok(), source, ..Content::default() }
    }

    #[test]
    fn mail_slots_are_numbered_behind_the_slots() {
        let numbering = numbering();
        for (number, cell) in
            [(1, Cell::slot(0)), (3, Cell::slot(2)), (4, Cell::mail(0)), (5, Cell::mail(1))]
        {
            assert_eq!(numbering.slot(Slot(number)), Some(cell));
            assert_eq!(numbering.spot(cell), Some(Spot::Slot(Slot(number))));
        }
        assert_eq!(numbering.slot(Slot(0)), None);
        assert_eq!(numbering.slot(Slot(u32::MAX)), None);
        assert_eq!(numbering.spot(Cell::arm(0)), None);
        assert_eq!(numbering.spot(Cell::bay(1)), Some(Spot::Drive("left".parse().unwrap())));
    }

    #[test]
    fn a_cartridge_has_a_home_only_where_that_is_still_free_and_no_other_claims_it() {
        let mut stock = Stock::default();
        let from = |index| Source::From(Cell::slot(index));
        stock.places.insert(Cell::slot(0), Content::default());
        stock.places.insert(Cell::slot(1), full("B", Source::Unknown));
        stock.places.insert(Cell::bay(0), full("A", from(0)));
        stock.places.insert(Cell::bay(1), full("C", from(0)));
        let homes = |stock: &Stock| -> Vec<_> {
            numbering().inventory(stock).drives.into_iter().map(|bay| bay.home).collect()
        };
        assert_eq!(homes(&stock), [Some(Slot(1)), None], "two cannot come from one slot");
        stock.places.insert(Cell::bay(1), full("C", from(1)));
        assert_eq!(homes(&stock), [Some(Slot(1)), None], "its slot is taken");
        stock.places.insert(Cell::bay(1), full("C", Source::From(Cell::bay(0))));
        assert_eq!(homes(&stock), [Some(Slot(1)), None], "a drive is no home");
        stock.places.insert(Cell::bay(1), full("C", from(2)));
        assert_eq!(homes(&stock), [Some(Slot(1)), None], "a slot that is not there is none");
    }

    #[test]
    fn what_is_the_matter_with_a_place_is_said_in_words() {
        let mut stock = Stock::default();
        let odd = Content {
            exception: Some((0x83, 0x09)),
            medium: CartridgeKind::Data,
            ..full("", Source::Unknown)
        };
        stock.places.insert(Cell::slot(0), odd);
        let shut =
            Content { access: Access::Denied, passage: Some(Passage::Both), ..Content::default() };
        stock.places.insert(Cell::mail(0), shut);
        stock.places.insert(Cell::bay(0), Content { fill: Fill::Hidden, ..Content::default() });
        let inventory = numbering().inventory(&stock);
        assert!(inventory.slots[0].trouble.as_deref().unwrap().contains("sticker"));
        assert_eq!(inventory.slots[1].kind, PlaceKind::Mail(Passage::Shut));
        assert!(inventory.drives[0].cartridge.is_some(), "nobody may load into it");
        assert!(inventory.drives[0].trouble.as_deref().unwrap().contains("threaded"));
    }
}
