//! Slots that people name: whether the library has them, and whether what is in them can be loaded.
//!
//! Both are found out before a drive is emptied for it.

use devices::changer::{Bay, Errand, Obstacle};
use devices::{CartridgeKind, ChangerError, Inventory, PlaceKind, Spot};
use types::{DriveName, Label, Slot};

use super::{Library, LibraryTrouble, cartridge_of, locked};

impl Library {
    /// The slots there are, in words, if this is none of them. Mail slots are slots.
    pub(crate) fn has_no_slot(&self, slot: Slot) -> Result<Option<String>, LibraryTrouble> {
        let inventory = self.device.inventory()?;
        let missing = inventory.slot(slot).is_none();
        Ok(missing.then(|| format!("there is no slot {slot}: there {}", slots_of(&inventory))))
    }

    /// Whether the cartridge of a slot can be brought into a drive, as far as that can be told from outside.
    pub(super) fn can_be_loaded(
        &self,
        inventory: &Inventory,
        slot: Slot,
        drive: &DriveName,
    ) -> Result<(), LibraryTrouble> {
        // Whoever asks for a cartridge that a person is to put in is told by the drive that it is empty.
        if self.is_manual() {
            return Ok(());
        }
        let Some(obstacle) = obstacle(inventory, slot, drive) else { return Ok(()) };
        let errand = Errand::Load(slot, drive.clone());
        let (changer, blame) = (self.changer.clone(), obstacle.blame());
        Err(ChangerError { changer, errand, blame, cause: Box::new(obstacle) }.into())
    }

    /// Where the cartridge in a drive belongs. If the library does not say: where this process took it from; else the one
    /// slot that is empty although a volume was read there; else any that is free.
    pub(super) fn home(&self, inventory: &Inventory, bay: &Bay) -> Option<Slot> {
        let is_free = |slot: &Slot| {
            let place = inventory.slot(*slot).filter(|place| place.trouble.is_none());
            place.is_some() && cartridge_of(inventory, *slot).is_none()
        };
        let brought = || locked(&self.shared.brought).get(&bay.drive).copied().filter(is_free);
        let missing = || {
            let labels = locked(&self.shared.labels);
            let mut missing = labels.by_slot.keys().copied().filter(is_free);
            missing.next().filter(|_| missing.next().is_none())
        };
        bay.home.or_else(brought).or_else(missing).or_else(|| inventory.free_slots().next())
    }

    /// No volume was read in this slot, or another than was thought.
    pub(crate) fn unlearn(&self, label: &Label) {
        locked(&self.shared.labels).lose(label);
    }
}

fn obstacle(inventory: &Inventory, slot: Slot, drive: &DriveName) -> Option<Obstacle> {
    let Some(place) = inventory.slot(slot) else { return Some(Obstacle::NoSlot(slot)) };
    let Some(cartridge) = cartridge_of(inventory, slot) else {
        return Some(Obstacle::SlotEmpty(slot));
    };
    let is = match cartridge.kind {
        CartridgeKind::Cleaning => "the cleaning kind",
        CartridgeKind::Service => "the service kind",
        CartridgeKind::Unknown | CartridgeKind::Data | CartridgeKind::Worm => {
            let why = place.trouble.clone().filter(|_| place.cartridge.is_some())?;
            return Some(Obstacle::OutOfReach { spot: Spot::Slot(slot), why });
        }
    };
    let (drive, drive_generation) = (drive.clone(), "for data".to_owned());
    Some(Obstacle::WrongGeneration { drive, drive_generation, cartridge: is.to_owned() })
}

/// `are the slots 1 to 23 and the mail slots 101 to 104`.
pub(crate) fn slots_of(inventory: &Inventory) -> String {
    let of = |mail: bool| {
        let kind = |place: &&devices::Place| matches!(place.kind, PlaceKind::Mail(_)) == mail;
        stretches(inventory.slots.iter().filter(kind).map(|place| place.slot.0))
    };
    match (of(false).as_str(), of(true).as_str()) {
        ("", "") => "are none".to_owned(),
        (slots, "") => format!("are the slots {slots}"),
        ("", mail) => format!("are the mail slots {mail}"),
        (slots, mail) => format!("are the slots {slots} and the mail slots {mail}"),
    }
}

/// `1 to 5, 7, 9 to 12`: the numbers are in order.
fn stretches(numbers: impl Iterator<Item = u32>) -> String {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match found.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => found.push((number, number)),
        }
    }
    let text = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    };
    found.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use devices::{Cartridge, Passage, Place};

    use super::*;

    fn cartridge(kind: CartridgeKind) -> Option<Cartridge> {
        Some(Cartridge { kind, ..Cartridge::default() })
    }

    fn library() -> Inventory {
        let slot = |number, cartridge| Place::well(Slot(number), PlaceKind::Storage, cartridge);
        let drive = "drive0".parse().unwrap();
        let trouble = Some("a door is open".to_owned());
        Inventory {
            drives: vec![Bay::well(drive, cartridge(CartridgeKind::Data), Some(Slot(2)))],
            slots: vec![
                slot(1, cartridge(CartridgeKind::Data)),
                slot(2, None),
                slot(3, cartridge(CartridgeKind::Cleaning)),
                Place { trouble, ..slot(5, cartridge(CartridgeKind::Data)) },
                slot(6, None),
                Place::well(Slot(101), PlaceKind::Mail(Passage::Both), None),
            ],
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_known_from_the_inventory() {
        let drive = "drive0".parse().unwrap();
        let says = |slot| obstacle(&library(), Slot(slot), &drive).map(|it| it.to_string());
        let cases = [
            (1, None),
            (2, None),
            (3, Some("drive drive0 (for data) cannot use a cartridge of the cleaning kind")),
            (5, Some("the arm cannot get to slot 5: a door is open")),
            (6, Some("slot 6 is empty")),
            (77, Some("there is no slot 77")),
        ];
        for (slot, expected) in cases {
            assert_eq!(says(slot).as_deref(), expected, "slot {slot}");
        }
    }

    #[test]
    fn slots_are_told_in_stretches() {
        let all = "are the slots 1 to 3, 5 to 6 and the mail slots 101";
        assert_eq!(slots_of(&library()), all);
        assert_eq!(slots_of(&Inventory::default()), "are none");
        assert_eq!(stretches([0, u32::MAX].into_iter()), "0, 4294967295");
    }
}
