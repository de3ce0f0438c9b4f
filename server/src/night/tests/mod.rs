//! Nights on an emulated tape library: two drives, forty slots, four mail slots.
//!
//! Whatever goes wrong: a dump that is reported good restores, and what could not be written stays on the holding
//! disk for the next night. And what the operator reads at 3 a.m. says what happened and what to do.

mod by_hand;
mod capacity;
mod cartridges;
mod copies;
mod dice;
mod erasing;
mod holding;
mod scattered;
mod small;
mod standing;
mod storages;
mod swapped;
mod told;
mod unlogged;
mod world;

use devices::emulator::{
    Act, CartridgeSetup, FaultPlan, Generation, Lun, Nexus, Rule, Sense, Spot,
};
use devices::scsi::Status;
use taper::catalogue::VolumeState;

use super::*;
use crate::library::Library;
use world::{Make, World};

const MEDIUM_ERROR: Sense = Sense { key: 3, code: [0x0c, 0x00], information: None };
const HARDWARE_ERROR: Sense = Sense { key: 4, code: [0x44, 0x00], information: None };

const WRITE: u8 = 0x0a;
const READ_POSITION: u8 = 0x34;
const MOVE_MEDIUM: u8 = 0xa5;

#[test]
fn images_span_cartridges_and_the_next_night_appends() {
    let mut world = World::new(Make { megabytes: 8, ..Make::default() });
    world.hold(1, 80);
    let first = world.night();
    assert_eq!(first.outcome, Outcome::Good, "{}", first.told());
    assert!(matches!(world.find("RK0002L8"), Some(Spot::Slot(1))), "it is back where it was");
    world.assert_all_placed();
    let labels: Vec<_> = first.report.volumes.iter().map(|v| v.label.to_string()).collect();
    assert_eq!(labels, ["N-01", "N-02"]);
    let volume = world.catalogue().volume(&"N-02".parse().unwrap()).unwrap();
    assert_eq!(volume.barcode.unwrap().as_str(), "RK0002L8");
    assert_eq!(world.memory_of(2).label.as_deref(), Some("N-02"), "the chip says it too");
    world.hold(2, 5);
    let second = world.night();
    assert_eq!(second.outcome, Outcome::Good, "{}", second.told());
    assert_eq!(second.report.volumes[0].label.as_str(), "N-02");
    assert!(second.report.volumes[0].how.contains("written on"), "{:?}", second.report.volumes);
    world.assert_all_placed();
}

#[test]
fn two_drives_write_at_once() {
    let mut world = World::new(Make { parallel: 2, megabytes: 6, ..Make::default() });
    for number in 1..=4 {
        world.hold(number, 30);
    }
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    let drives: BTreeSet<_> = morning.report.drives.iter().map(|line| &line.drive).collect();
    assert_eq!(drives.len(), 2, "{:?}", morning.report.drives);
    world.assert_all_placed();
}

#[test]
fn a_bad_cartridge_is_named_and_the_dump_goes_to_the_next() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    let mut rule = Rule::new(Act::Check(MEDIUM_ERROR)).at(WRITE).nth(12);
    rule.barcode = Some("RK0001L8".to_owned());
    rule.times = u64::MAX;
    world.break_with(FaultPlan::one(rule));
    let morning = world.night();
    insta::assert_snapshot!("bad_cartridge", morning.told());
    world.heal();
    world.assert_all_placed();
}

#[test]
fn a_drive_that_dies_is_retired_and_its_work_goes_to_the_other() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    let mut rule = Rule::new(Act::Check(HARDWARE_ERROR)).on(Lun(1)).at(WRITE).nth(12);
    rule.times = u64::MAX;
    world.break_with(FaultPlan::one(rule));
    let morning = world.night();
    insta::assert_snapshot!("dead_drive", morning.told());
    world.heal();
    world.assert_all_placed();
}

#[test]
fn a_reset_in_the_middle_of_a_part_costs_another_mount_and_nothing_else() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    world.break_with(FaultPlan::one(Rule::new(Act::Reset).at(WRITE).nth(12)));
    let morning = world.night();
    assert_eq!(world.tapes.struck().len(), 1);
    insta::assert_snapshot!("reset", morning.told());
    world.assert_all_placed();
    let used: BTreeSet<_> = morning.report.volumes.iter().map(|v| v.label.as_str()).collect();
    assert_eq!(used.len(), 1, "the same volume was gone on with");
}

#[test]
fn a_foreign_rewind_between_two_parts_is_noticed_before_anything_is_written() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    // The label and its mark, a header and sixteen blocks and their mark: the second part begins here.
    let rule = Rule::new(Act::ForeignRewind).at(READ_POSITION).object(20);
    world.break_with(FaultPlan::one(rule));
    let morning = world.night();
    assert_eq!(world.tapes.struck().len(), 1);
    insta::assert_snapshot!("foreign_rewind", morning.told());
    assert_eq!(morning.report.volumes.last().unwrap().label.as_str(), "N-01");
    world.assert_all_placed();
}

#[test]
fn a_foreign_rewind_in_the_middle_of_a_part_costs_the_volume_and_no_dump() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    world.break_with(FaultPlan::one(Rule::new(Act::ForeignRewind).at(WRITE).nth(12)));
    let morning = world.night();
    insta::assert_snapshot!("foreign_rewind_in_a_part", morning.told());
    let catalogue = world.catalogue();
    let label = "N-01".parse().unwrap();
    assert_eq!(catalogue.volume(&label).unwrap().state, VolumeState::Retired);
    assert_eq!(catalogue.parts_on(&label).unwrap(), []);
    world.assert_all_placed();
}

#[test]
fn a_foreign_rewind_in_a_later_night_takes_back_what_the_volume_held_and_names_what_is_lost() {
    let mut world = World::new(Make::default());
    let lost = world.hold(1, 20);
    world.night();
    let kept = world.hold(2, 20);
    world.break_with(FaultPlan::one(Rule::new(Act::ForeignRewind).at(WRITE).nth(12)));
    let morning = world.night();
    assert_eq!(world.tapes.struck().len(), 1);
    insta::assert_snapshot!("foreign_rewind_in_a_later_night", morning.told());
    let catalogue = world.catalogue();
    assert!(!catalogue.dump(lost).unwrap().is_restorable(), "nobody is told that it is there");
    assert!(catalogue.dump(kept).unwrap().is_restorable());
    world.forget_image(lost);
    world.assert_all_placed();
}

#[test]
fn while_a_drive_is_in_use_no_other_host_can_rewind_it() {
    let world = World::new(Make::default());
    let library = Library::open(&world.site.config.storages[0]).unwrap();
    let name = library.drives()[0].clone();
    library.bring(types::Slot(1), &name).unwrap();
    let drive = library.drive(&name).unwrap();
    let rewind = || {
        // Each host is first told what happened before it came.
        let other = Nexus(99);
        let statuses: Vec<_> = (0..5)
            .map(|_| {
                world.tapes.execute(Lun(1), other, &[1, 0, 0, 0, 0, 0], &[], 0).unwrap().status
            })
            .collect();
        *statuses.last().unwrap()
    };
    assert_eq!(rewind(), Status::ReservationConflict);
    drive.give_back();
    assert_eq!(rewind(), Status::Good);
}

#[test]
fn a_robot_that_lies_about_a_move_is_found_out() {
    let mut world = World::new(Make::default());
    world.hold(1, 5);
    world.break_with(FaultPlan::one(Rule::new(Act::Lie).at(MOVE_MEDIUM)));
    let morning = world.night();
    insta::assert_snapshot!("lying_robot", morning.told());
    world.heal();
    world.night();
    world.assert_all_placed();
}

#[test]
fn a_cartridge_that_was_taken_out_by_hand_is_missed_and_another_is_used() {
    let mut world = World::new(Make::default());
    world.hold(1, 5);
    world.night();
    world.behind_the_door(|operator| operator.take(Spot::Slot(0)));
    world.hold(2, 5);
    let morning = world.night();
    assert_eq!(morning.report.volumes[0].label.as_str(), "N-02", "{}", morning.told());
    world.behind_the_door(|operator| operator.put("RK0001L8", Spot::Slot(30)));
    world.assert_all_placed();
}

#[test]
fn a_volume_whose_barcode_nobody_knows_is_found_by_reading() {
    let mut world = World::new(Make { cartridges: 3, ..Make::default() });
    world.hold(1, 5);
    world.night();
    // Somebody puts another sticker on it, and moves it.
    world.behind_the_door(|operator| operator.relabel(Spot::Slot(0), Some("OTHER1L8")));
    world.behind_the_door(|operator| operator.take(Spot::Slot(0)));
    world.behind_the_door(|operator| operator.put("OTHER1L8", Spot::Slot(20)));
    world.assert_all_placed();
}

#[test]
fn a_dirty_drive_writes_on_and_says_so() {
    let mut world = World::new(Make { changer: "cleaning = \"server\"", ..Make::default() });
    world.add(20, CartridgeSetup::cleaning(Spot::Slot(19), "CLN001L1", 20));
    world.hold(1, 20);
    world.break_with(FaultPlan::one(Rule::new(Act::Dirt).on(Lun(1)).at(WRITE).nth(12)));
    let morning = world.night();
    insta::assert_snapshot!("dirty_drive", morning.told());
    world.heal();
    world.assert_all_placed();
}

#[test]
fn a_used_up_cleaning_cartridge_is_named_and_the_next_one_cleans() {
    let mut world = World::new(Make { changer: "cleaning = \"server\"", ..Make::default() });
    world.add(19, CartridgeSetup::cleaning(Spot::Slot(18), "CLN001CU", 0));
    world.add(20, CartridgeSetup::cleaning(Spot::Slot(19), "CLN002CU", 20));
    world.hold(1, 20);
    world.break_with(FaultPlan::one(Rule::new(Act::Dirt).on(Lun(1)).at(WRITE).nth(12)));
    let morning = world.night();
    insta::assert_snapshot!("used_up_cleaner", morning.told());
    world.heal();
    world.assert_all_placed();
}

#[test]
fn a_library_without_room_for_what_is_in_its_drives_is_no_fault_of_the_drives() {
    let mut world = World::new(Make { cartridges: 2, ..Make::default() });
    world.hold(1, 5);
    let library = Library::open(&world.site.config.storages[0]).unwrap();
    for (slot, drive) in (1..).zip(library.drives()) {
        library.bring(types::Slot(slot), drive).unwrap();
    }
    drop(library);
    for slot in 1..=2 {
        let new = format!("NEW{slot:03}L8");
        world.add(slot, CartridgeSetup::blank(Spot::Slot(0), &new, Generation::Lto8));
    }
    for slot in 3..=40 {
        world.add(slot, CartridgeSetup::cleaning(Spot::Slot(0), &format!("CLN{slot:03}CU"), 9));
    }
    let told = world.night().told();
    assert!(told.contains("there is no slot for the cartridge in drive drive"), "{told}");
    assert!(
        told.contains("to blame: this host") && !told.contains("to blame: the drive"),
        "{told}"
    );
    assert_eq!(world.placed(), [], "nothing was written, and nothing is lost");
}

#[test]
fn a_night_with_fewer_drives_than_the_library_has_says_so() {
    let mut world = World::new(Make::default());
    world.hold(1, 5);
    let mut silent = Rule::new(Act::TimeOut).on(Lun(2)).at(0x12);
    silent.times = u64::MAX;
    world.break_with(FaultPlan::one(silent));
    let told = world.night().told();
    assert!(told.contains("1 of 2 drives of changer library work; drive drive1 cannot"), "{told}");
    world.assert_all_placed();
    let library = Library::open(&world.site.config.storages[0]).unwrap();
    let inventory = library.inventory().unwrap();
    assert!(inventory.drives[1].trouble.is_some(), "it stays listed");
}

#[test]
fn a_new_lto_9_cartridge_is_calibrated_first() {
    let mut world = World::new(Make { generation: "LTO-9", cartridges: 0, ..Make::default() });
    let new = CartridgeSetup {
        calibrated: false,
        ..CartridgeSetup::blank(Spot::Slot(0), "NEW001L9", Generation::Lto9)
    };
    world.add(1, new.holding(Bytes(16_000_000)));
    world.hold(1, 5);
    let before = world.tapes.now();
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    let took = world.tapes.now() - before;
    assert!(took > std::time::Duration::from_secs(600), "{took:?}");
    world.assert_all_placed();
}

#[test]
fn an_early_warning_leaves_room_for_the_records() {
    let mut world = World::new(Make { cartridges: 0, ..Make::default() });
    for slot in [1, 2, 3] {
        let barcode = format!("EW{slot:04}L8");
        let spot = Spot::Slot(slot - 1);
        let cartridge = CartridgeSetup::blank(spot, &barcode, Generation::Lto8);
        let early_warning = Some(Bytes(25_000_000));
        world.add(slot, CartridgeSetup { early_warning, ..cartridge.holding(Bytes(30_000_000)) });
    }
    world.hold(1, 80);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    assert!(!morning.told().contains("no records"), "{}", morning.told());
    assert_eq!(morning.report.volumes.len(), 3, "{:?}", morning.report.volumes);
    world.assert_all_placed();
}

#[test]
fn small_cartridges_have_room_for_the_records_although_a_frame_is_longer_than_the_reserve() {
    let mut world = World::new(Make { megabytes: 20, ..Make::default() });
    for number in [1, 2] {
        world.hold_long(number, 7, 4 << 20);
    }
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    assert!(!morning.told().contains("no records"), "{}", morning.told());
    assert!(morning.report.volumes.len() > 3, "{:?}", morning.report.volumes);
    world.assert_all_placed();
}

/// The first fault at each command of a night in turn: whatever is said to be on tape or on the holding disk is
/// there, and the next night, without a fault, brings everything to tape.
fn no_single_fault_loses_a_dump(fault: &Act) {
    no_single_fault_of_these_loses_a_dump(std::slice::from_ref(fault));
}

/// The same with the next of these at each next command.
fn no_single_fault_of_these_loses_a_dump(faults: &[Act]) {
    for (command, fault) in (1..).zip(faults.iter().cycle()) {
        let mut world = World::new(Make { cartridges: 3, ..Make::default() });
        world.hold(1, 3);
        world.break_with(FaultPlan::nth(command, fault.clone()));
        let morning = world.try_night();
        let struck = world.tapes.struck();
        world.heal();
        world.assert_all_restore();
        let next = world.night();
        let told = || format!("{struck:?}: {morning} {}", next.told());
        assert_eq!(world.placed().len(), 1, "{}", told());
        world.assert_all_placed();
        if struck.is_empty() {
            return; // every command has had its turn
        }
    }
}

#[test]
fn a_medium_error_at_any_command_loses_no_dump() {
    no_single_fault_loses_a_dump(&Act::Check(MEDIUM_ERROR));
}

#[test]
fn a_hardware_error_at_any_command_loses_no_dump() {
    no_single_fault_loses_a_dump(&Act::Check(HARDWARE_ERROR));
}

#[test]
fn less_common_faults_strewn_over_all_commands_lose_no_dump() {
    let check = |key, code| Sense { key, code, information: None };
    no_single_fault_of_these_loses_a_dump(&[
        Act::TimeOut,
        Act::Check(check(6, [0x28, 0x00])),
        Act::Check(check(2, [0x04, 0x01])),
        Act::Reserved,
        Act::Deferred(MEDIUM_ERROR),
        Act::CheckAfter(HARDWARE_ERROR),
        Act::Hang(3600),
    ]);
}

#[test]
fn a_reset_before_any_command_loses_no_dump() {
    no_single_fault_loses_a_dump(&Act::Reset);
}

#[test]
fn an_answer_that_is_lost_to_any_command_loses_no_dump() {
    no_single_fault_loses_a_dump(&Act::TimeOutAfter);
}

#[test]
fn a_lie_at_any_command_is_found_out_or_loses_no_dump() {
    no_single_fault_loses_a_dump(&Act::Lie);
}
