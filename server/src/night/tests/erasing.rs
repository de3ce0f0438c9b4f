//! Volumes that nights have written are erased or forgotten, and drives that refuse to.

use devices::emulator::{Act, CartridgeSetup, FaultPlan, Generation, Kind, Rule, Sense, Spot};
use taper::catalogue::{Filter, Lock, Locked, VolumeState};
use types::{Bytes, Label, Slot};

use super::world::{Make, World};
use crate::command::erase;
use crate::command::forget::{Asks, forget};
use crate::erasing::{Erasure, NotErased};
use crate::labelling::{self, Order};
use crate::library::{self, Library, Unwritable};

/// Its operation code.
const ERASE: u8 = 0x19;

/// A site whose only dump is on the volume N-01.
fn one_dump() -> World {
    let mut world = World::new(Make { cartridges: 2, ..Make::default() });
    world.hold(1, 3);
    world.night();
    world
}

/// Erases N-01 for a person who always types what is asked for, and says how often that was.
fn erase(world: &World) -> (Result<(), NotErased>, usize) {
    let mut catalogue = world.catalogue();
    let label: Label = "N-01".parse().unwrap();
    let open = Library::open(&world.site.config.storages[0]).unwrap();
    let erasure = Erasure {
        library: &open.knowing(&catalogue.volumes().unwrap()),
        catalogue: &mut catalogue,
        policies: &library::policies(&world.site.config),
        label: &label,
        lost: "",
        now: "20261124120000".parse().unwrap(),
    };
    let mut asked = 0;
    let done = erasure.carry_out(&mut |_| {
        asked += 1;
        Ok("N-01\n".to_owned())
    });
    (done, asked)
}

/// All that is known, as far as it is about volumes.
fn known(world: &World) -> impl PartialEq + std::fmt::Debug + use<> {
    let catalogue = world.catalogue();
    (catalogue.volumes().unwrap(), catalogue.dumps(&Filter::default()).unwrap())
}

fn unwritable(done: Result<(), NotErased>) -> Unwritable {
    match done {
        Err(NotErased::Unwritable { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_write_protected_volume_nothing_is_forgotten_and_nobody_is_asked() {
    let world = one_dump();
    world.tapes.operator().write_protect("RK0001L8", true).unwrap();
    let before = known(&world);
    let (done, asked) = erase(&world);
    assert_eq!((unwritable(done), asked), (Unwritable::Protected, 0));
    assert!(before == known(&world), "{before:?}");
    world.assert_all_placed();
}

#[test]
fn of_a_volume_that_is_written_only_once_nothing_is_forgotten() {
    let mut world = World::new(Make { cartridges: 0, ..Make::default() });
    let blank = CartridgeSetup::blank(Spot::Slot(0), "RK0001LY", Generation::Lto8);
    let worm = CartridgeSetup { kind: Kind::Worm, ..blank };
    world.add(1, worm.holding(Bytes(16_000_000)));
    let (config, order) = (&world.site.config, Order { slot: Some(Slot(1)), ..Order::default() });
    let now = "20261101000000".parse().unwrap();
    labelling::label(config, &config.storages[0], &mut world.catalogue(), &order, now).unwrap();
    world.hold(1, 3);
    world.night();
    let before = known(&world);
    let (done, asked) = erase(&world);
    assert_eq!((unwritable(done), asked), (Unwritable::WriteOnce, 0));
    assert!(before == known(&world), "{before:?}");
    world.assert_all_placed();
}

#[test]
fn a_volume_that_the_drive_refuses_to_erase_is_known_as_before() {
    let world = one_dump();
    let before = known(&world);
    // Write-protected by something that the drive has not told (SPC-4, 7/27/00).
    let refusal = Sense { key: 7, code: [0x27, 0], information: None };
    world.break_with(FaultPlan::one(Rule::new(Act::Check(refusal)).at(ERASE)));
    let (done, asked) = erase(&world);
    let refused = done.unwrap_err();
    assert!(matches!(refused, NotErased::Refused { .. }), "{refused:?}");
    assert_eq!((asked, world.tapes.struck().len()), (1, 1));
    assert!(before == known(&world), "{before:?}");
    world.assert_all_placed();
}

#[test]
fn a_drive_that_says_done_and_did_nothing_is_not_believed() {
    let world = one_dump();
    let before = known(&world);
    world.break_with(FaultPlan::one(Rule::new(Act::Lie).at(ERASE)));
    let refused = erase(&world).0.unwrap_err();
    assert!(matches!(refused, NotErased::Refused { .. }), "{refused:?}");
    assert!(before == known(&world), "{before:?}");
    world.assert_all_placed();
}

#[test]
fn an_erasure_of_which_the_answer_was_lost_is_looked_for_on_the_medium() {
    let world = one_dump();
    world.break_with(FaultPlan::one(Rule::new(Act::TimeOutAfter).at(ERASE)));
    erase(&world).0.unwrap();
    assert_eq!(world.tapes.struck().len(), 1);
    assert_eq!(world.catalogue().volumes().unwrap(), []);
}

#[test]
fn what_cannot_be_read_after_a_refusal_stays_forgotten() {
    let world = one_dump();
    // From the erasure on, the drive is not there any more.
    world.break_with(FaultPlan::one(Rule::new(Act::Gone).at(ERASE)));
    let unsure = erase(&world).0.unwrap_err();
    assert!(matches!(unsure, NotErased::Unsure { .. }), "{unsure:?}");
    assert!(unsure.to_string().contains("has forgotten it"), "{unsure}");
    assert_eq!(world.catalogue().volumes().unwrap(), []);
    assert_eq!(world.catalogue().check().unwrap(), []);
}

#[test]
fn a_volume_is_erased_and_forgotten_once_its_label_was_typed() {
    let world = one_dump();
    let (done, asked) = erase(&world);
    done.unwrap();
    assert_eq!((asked, world.catalogue().volumes().unwrap()), (1, vec![]));
    assert_eq!(world.catalogue().check().unwrap(), []);
    let dumps = world.catalogue().dumps(&Filter::default()).unwrap();
    assert!(dumps.iter().all(|located| !located.is_restorable()), "{dumps:?}");
}

/// Has N-01 forgotten. Gives how often that was asked for, and what was said if it was refused.
fn forgotten(world: &World, asks: Asks, typed: &str) -> (usize, Result<usize, String>) {
    let (label, now) = ("N-01".parse().unwrap(), "20261124120000".parse().unwrap());
    let mut asked = 0;
    let done = forget(&world.site, &label, (asks, now), "forget", &mut |question| {
        assert!(question.contains("nowhere else"), "{question}");
        asked += 1;
        Ok(typed.to_owned())
    });
    (asked, done.map(|lost| lost.len()).map_err(|error| error.to_string()))
}

#[test]
fn a_needed_volume_is_only_forgotten_once_its_label_was_typed_or_a_script_says_so() {
    let world = one_dump();
    let (asked, done) = forgotten(&world, Asks::IfNeeded, "yes");
    assert_eq!(asked, 1);
    assert!(done.unwrap_err().contains("N-01 was not typed: nothing was forgotten"));
    world.assert_all_placed();
    assert_eq!(forgotten(&world, Asks::IfNeeded, "N-01\n"), (1, Ok(1)));
    assert_eq!(world.catalogue().volumes().unwrap(), []);
    assert_eq!(forgotten(&one_dump(), Asks::Never, ""), (0, Ok(1)));
}

#[test]
fn a_locked_volume_is_not_forgotten_whatever_is_said() {
    let world = one_dump();
    let (label, now) = ("N-01".parse().unwrap(), "20261123120000".parse().unwrap());
    for lock in [Lock::NoReuse, Lock::Until("20310101000000".parse().unwrap())] {
        world.catalogue().set_lock(&label, lock, &Locked::default(), now).unwrap();
        let (asked, done) = forgotten(&world, Asks::Never, "N-01");
        let refused = done.unwrap_err();
        assert!(asked == 0 && refused.contains("volume N-01 is locked until"), "{refused}");
    }
    world.assert_all_placed();
}

/// WRITE(6).
const WRITE: u8 = 0x0a;

#[test]
fn a_cartridge_that_its_drive_calls_faulty_takes_no_more() {
    let mut world = World::new(Make { cartridges: 1, ..Make::default() });
    world.hold(1, 3);
    world.break_with(FaultPlan::one(Rule::new(Act::Alert(4)).at(WRITE)));
    let told = world.night().told();
    assert!(told.contains("volume N-01: it takes no more"), "{told}");
    let label: Label = "N-01".parse().unwrap();
    let volume = world.catalogue().volume(&label).unwrap();
    assert_eq!(volume.state, VolumeState::Full);
    let strikes = world.catalogue().strikes(&label).unwrap();
    assert_eq!(strikes.len(), 1, "{strikes:?}");
    assert!(strikes[0].why.starts_with("TapeAlert 4, Media: "), "{strikes:?}");
    world.assert_all_placed();
}

#[test]
fn an_alert_that_only_warns_is_not_held_against_the_cartridge() {
    let mut world = World::new(Make { cartridges: 1, ..Make::default() });
    world.hold(1, 3);
    // It is near the end of its life.
    world.break_with(FaultPlan::one(Rule::new(Act::Alert(0x13)).at(WRITE)));
    let told = world.night().told();
    assert!(told.contains("Copy what is on it soon, and retire it"), "{told}");
    assert_eq!(world.catalogue().strikes(&"N-01".parse().unwrap()).unwrap(), []);
}

#[test]
fn while_a_person_is_asked_the_site_is_free_for_a_run() {
    for forgets in [true, false] {
        let world = one_dump();
        let (label, now): (Label, _) = ("N-01".parse().unwrap(), "20261124120000".parse().unwrap());
        let mut asked = 0;
        let mut ask = |_: &str| {
            asked += 1;
            drop(world.site.lock("dump").unwrap());
            Ok("N-01\n".to_owned())
        };
        let lost = if forgets {
            forget(&world.site, &label, (Asks::IfNeeded, now), "forget", &mut ask)
        } else {
            erase::erase(&world.site, &label, now, "erase", &mut ask)
        };
        assert_eq!((lost.unwrap().len(), asked), (1, 1));
        assert!(world.catalogue().volume(&label).is_err());
    }
}

#[test]
fn what_was_written_while_a_person_was_asked_is_not_erased() {
    let world = std::cell::RefCell::new(one_dump());
    let site = || world.borrow().site.config.clone();
    let label: Label = "N-01".parse().unwrap();
    let now = "20261124120000".parse().unwrap();
    let copy = crate::site::Site::of(world.borrow().site.directory.clone(), site());
    let mut ask = |_: &str| {
        let mut world = world.borrow_mut();
        world.hold(2, 3);
        world.night();
        Ok("N-01\n".to_owned())
    };
    let error = erase::erase(&copy, &label, now, "erase", &mut ask).unwrap_err();
    assert!(error.to_string().contains("has changed meanwhile"), "{error}");
    world.borrow().assert_all_restore();
}
