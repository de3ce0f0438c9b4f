//! Volumes that are too small for what is to be written on them: no fault of theirs, nor of the drive's.

use super::storages::{Lie, configuration};
use super::*;

const OFFSITE: &str = r#"storage = ["offsite"]"#;
const FRAME: usize = 3 << 20;

/// A site that writes to directories of this length.
fn directories(length: &str) -> World {
    World::with(&configuration(Lie::Apart, OFFSITE, "").replace("16 MB", length))
}

/// The volumes that the catalogue knows, and how many strikes they have.
fn volumes(world: &World) -> (Vec<(String, VolumeState)>, usize) {
    let catalogue = world.catalogue();
    let volumes = catalogue.volumes().unwrap();
    let strikes = volumes.iter().map(|v| catalogue.strikes(&v.label).unwrap().len()).sum();
    (volumes.into_iter().map(|v| (v.label.to_string(), v.state)).collect(), strikes)
}

fn active(label: &str) -> (String, VolumeState) {
    (label.to_owned(), VolumeState::Active)
}

/// A cartridge of so many megabytes in a slot.
fn cartridge(slot: u16, megabytes: u64) -> CartridgeSetup {
    let barcode = format!("SM{slot:04}L8");
    let blank = CartridgeSetup::blank(Spot::Slot(slot - 1), &barcode, Generation::Lto8);
    blank.holding(Bytes(megabytes * 1_000_000))
}

/// A library whose first cartridges are smaller than the configuration says.
fn with_small_ones(count: u16) -> World {
    let world = World::new(Make { cartridges: 4, ..Make::default() });
    world.behind_the_door(|operator| {
        (1..=count).try_for_each(|slot| operator.take(Spot::Slot(slot - 1)).map(drop))
    });
    (1..=count).for_each(|slot| world.add(slot, cartridge(slot, 2)));
    world
}

#[test]
fn directories_that_are_too_small_for_a_frame_blame_nobody_and_one_is_enough_to_know() {
    let mut world = directories("2 MiB");
    world.hold_long(1, 2, FRAME);
    world.hold_long(2, 2, FRAME);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed, "{}", morning.told());
    insta::assert_snapshot!("small_directories", morning.told());
    let advice = morning.report.failures[0].advice.clone().unwrap();
    assert!(advice.contains("a greater `length`"), "{advice}");
    assert_eq!(volumes(&world), (vec![active("O-01")], 0));
    // Nobody has changed anything: it is the same volume, and the same is said.
    let second = world.night();
    assert_eq!(second.told(), morning.told());
    assert_eq!(volumes(&world), (vec![active("O-01")], 0));
    world.assert_all_restore();
}

#[test]
fn an_image_with_small_frames_goes_where_one_with_long_ones_has_no_room() {
    let mut world = directories("3 MiB");
    world.hold_long(1, 2, 1 << 20);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    assert!(!morning.told().contains("no records"), "{}", morning.told());
    assert_eq!(
        morning.report.volumes.len(),
        2,
        "the first has room for both frames and the records"
    );
    world.assert_all_placed();
}

#[test]
fn cartridges_that_are_too_small_for_a_frame_blame_nobody() {
    let mut world = World::new(Make { megabytes: 3, ..Make::default() });
    world.hold_long(1, 2, FRAME);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed, "{}", morning.told());
    insta::assert_snapshot!("small_cartridges", morning.told());
    assert_eq!(volumes(&world), (vec![active("N-01")], 0));
    world.assert_all_restore();
}

#[test]
fn a_single_cartridge_that_is_too_small_is_set_aside_and_the_next_takes_the_image() {
    let mut world = with_small_ones(1);
    world.hold_long(1, 2, FRAME);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    insta::assert_snapshot!("one_small_cartridge", morning.told());
    let aside = ("N-01".to_owned(), VolumeState::Full);
    assert_eq!(volumes(&world), (vec![aside, active("N-02")], 0));
    world.assert_all_placed();
}

#[test]
fn of_many_small_cartridges_only_two_are_tried() {
    let mut world = with_small_ones(4);
    world.hold_long(1, 2, FRAME);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed, "{}", morning.told());
    let (known, strikes) = volumes(&world);
    assert_eq!((known.len(), strikes), (2, 0), "{known:?}");
    assert!(!morning.told().contains("to blame"), "{}", morning.told());
    world.assert_all_restore();
}
