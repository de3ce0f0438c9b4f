//! What every changer must do.

use types::{DriveName, Slot};

use crate::changer::{Changer, Inventory};

/// Tries everything that a changer promises. It must have at least two cartridges in its slots, and all its
/// drives must be empty.
pub fn changer(changer: &mut dyn Changer) {
    let before = inventory(changer);
    let drive = before.drives.first().expect("a changer has a drive").drive.clone();
    let full = before.slots.iter().filter(|place| place.cartridge.is_some());
    let [one, other] = full.map(|place| place.slot).take(2).collect::<Vec<_>>()[..] else {
        panic!("two cartridges are wanted");
    };
    a_cartridge_is_in_one_place(changer, &drive, one);
    a_full_drive_takes_no_more(changer, &drive, one, other);
    nothing_comes_from_nowhere(changer, &drive);
    assert_eq!(inventory(changer), before, "all is where it was");
}

fn a_cartridge_is_in_one_place(changer: &mut dyn Changer, drive: &DriveName, slot: Slot) {
    changer.load(slot, drive).expect("load");
    let loaded = inventory(changer);
    let bay = loaded.drive(drive).expect("the drive is still there");
    assert!(bay.cartridge.is_some(), "it is in the drive");
    assert!(bay.home.is_none_or(|home| home == slot), "and came from its slot");
    assert_eq!(loaded.slot(slot).and_then(|place| place.cartridge.clone()), None);
    assert!(changer.load(slot, drive).is_err(), "so it cannot be loaded again");
    changer.unload(drive, slot).expect("unload");
    assert_eq!(inventory(changer).drive(drive).and_then(|bay| bay.cartridge.clone()), None);
}

fn a_full_drive_takes_no_more(
    changer: &mut dyn Changer,
    drive: &DriveName,
    one: Slot,
    other: Slot,
) {
    changer.load(one, drive).expect("load");
    let before = inventory(changer);
    assert!(changer.load(other, drive).is_err());
    assert_eq!(inventory(changer), before, "a refused errand moves nothing");
    assert!(changer.unload(drive, other).is_err(), "a full slot takes nothing either");
    assert_eq!(inventory(changer), before);
    changer.unload(drive, one).expect("unload");
}

fn nothing_comes_from_nowhere(changer: &mut dyn Changer, drive: &DriveName) {
    let slots = inventory(changer).slots;
    let first = slots.first().expect("a changer has slots").slot;
    let none = Slot(slots.last().map_or(0, |place| place.slot.0) + 1);
    let nobody: DriveName = "no such drive".parse().expect("a name");
    assert!(changer.unload(drive, first).is_err(), "an empty drive gives nothing");
    assert!(changer.load(none, drive).is_err(), "there is no such slot");
    assert!(changer.load(first, &nobody).is_err(), "there is no such drive");
    assert!(changer.unload(&nobody, first).is_err());
}

fn inventory(changer: &mut dyn Changer) -> Inventory {
    changer.inventory().expect("take inventory")
}
