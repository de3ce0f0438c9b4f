//! Cartridges that a person has exchanged, in a library that cannot read stickers.

use taper::catalogue::Filter;
use types::{Label, Slot};

use super::super::*;
use super::world::{Make, World};
use super::{Spot, VolumeState};
use crate::restore::image::{Image, ImageError};

/// Two nights with a cartridge each.
fn two_volumes() -> World {
    let mut world =
        World::new(Make { cartridges: 3, changer: "profile = \"adic-dat\"", ..Make::default() });
    for (number, name) in [(1, "N-01"), (2, "N-02")] {
        world.hold(number, 20);
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
        assert_eq!(morning.report.volumes[0].label.as_str(), name, "{}", morning.told());
        world.catalogue().set_state(&label(name), VolumeState::Full, morning.report.run).unwrap();
    }
    assert_eq!((slot_of(&world, "N-01"), slot_of(&world, "N-02")), (Some(1), Some(2)));
    world
}

fn label(name: &str) -> Label {
    name.parse().unwrap()
}

fn slot_of(world: &World, name: &str) -> Option<u32> {
    world.catalogue().volume(&label(name)).unwrap().slot.map(|Slot(slot)| slot)
}

/// The cartridges of the first two slots change places.
fn exchange(world: &World) {
    world.behind_the_door(|operator| {
        operator.take(Spot::Slot(0))?;
        operator.take(Spot::Slot(1))?;
        operator.put("RK0001L8", Spot::Slot(1))?;
        operator.put("RK0002L8", Spot::Slot(0))
    });
}

/// Why the oldest dump can't be read, if it can't.
fn read_first(world: &World) -> Result<(), ImageError> {
    let catalogue = world.catalogue();
    let all = catalogue.dumps(&Filter::default()).unwrap();
    let located = all.iter().min_by_key(|located| located.dump.run).unwrap();
    let mut libraries = world.libraries();
    let mut image = Image::open(located, &catalogue, &mut |name| libraries.library(name)).unwrap();
    image.read_at(0, &mut [0; 100])
}

#[test]
fn exchanged_cartridges_are_found_by_reading_and_the_catalogue_learns_where_they_are() {
    let world = two_volumes();
    exchange(&world);
    read_first(&world).unwrap();
    assert_eq!((slot_of(&world, "N-01"), slot_of(&world, "N-02")), (Some(2), Some(1)));
    world.assert_all_restore();
}

#[test]
fn a_volume_that_lies_where_another_is_remembered_is_found_although_that_one_is_gone() {
    let world = two_volumes();
    world.behind_the_door(|operator| {
        operator.take(Spot::Slot(0))?;
        operator.take(Spot::Slot(1))?;
        operator.put("RK0001L8", Spot::Slot(1))
    });
    read_first(&world).unwrap();
    assert_eq!((slot_of(&world, "N-01"), slot_of(&world, "N-02")), (Some(2), None));
}

#[test]
fn a_volume_that_was_taken_out_is_not_found_and_not_damaged() {
    let world = two_volumes();
    world.behind_the_door(|operator| {
        operator.take(Spot::Slot(0))?;
        operator.take(Spot::Slot(1))?;
        operator.put("RK0002L8", Spot::Slot(0))
    });
    let error = read_first(&world).unwrap_err();
    assert!(!error.is_damage(), "{error}");
    let told = with_causes(&error);
    assert!(
        told.contains("N-01 was not found") && told.contains("slot 1 holds volume N-02"),
        "{told}"
    );
    assert_eq!((slot_of(&world, "N-01"), slot_of(&world, "N-02")), (None, Some(1)));
}

#[test]
fn a_run_that_meets_another_volume_than_it_expected_puts_the_catalogue_right() {
    let mut world = two_volumes();
    world
        .catalogue()
        .set_state(&label("N-01"), VolumeState::Active, "20261101000001".parse().unwrap())
        .unwrap();
    exchange(&world);
    world.hold(3, 5);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    assert_eq!((slot_of(&world, "N-01"), slot_of(&world, "N-02")), (Some(2), Some(1)));
}
