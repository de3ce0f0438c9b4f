//! A library of a changer and two drives: carried about in, with everything going wrong once.

use std::io;

use types::Blame;

use super::matching::{Company, Named};
use super::*;
use crate::changer::{Cartridge, CartridgeKind, PlaceKind};
use crate::conformance;
use crate::scsi::Status;
use crate::scsi::cdb::spc;
use crate::smc::toy::{Fault, Toy, Whims};
use crate::transport::Data;
use crate::transport::Wait;

const SLOTS: [&str; 5] = ["A00001L8", "A00002L8", "", "CLNU01L1", "OLD001L5"];

/// A library, and the directory of its locks.
struct Bench {
    toy: Toy,
    robot: Robot,
    _locks: tempfile::TempDir,
}

fn toy() -> Toy {
    Toy::new(&SLOTS, 2)
}

fn opener(toy: &Toy) -> Opener {
    let toy = toy.clone();
    Box::new(move |node: &str| {
        let lun = node.strip_prefix("toy").and_then(|lun| lun.parse().ok());
        lun.map(|lun| toy.transport(lun)).ok_or_else(|| io::ErrorKind::NotFound.into())
    })
}

fn setup(locks: &std::path::Path) -> Setup {
    Setup {
        name: "toy".to_owned(),
        // Not in the order of bays, as it happens.
        nodes: vec!["toy2".to_owned(), "toy1".to_owned()],
        named: Vec::new(),
        company: Company::Alone,
        locks: locks.to_owned(),
        unloading: Unloading::ByDrive,
        listener: Arc::new(|_, _| Wait::GoOn),
    }
}

fn bench_with(toy: Toy, change: impl FnOnce(&mut Setup)) -> Bench {
    let locks = tempfile::tempdir().unwrap();
    let mut setup = setup(locks.path());
    change(&mut setup);
    let robot = Robot::open(toy.transport(0), opener(&toy), setup).unwrap();
    Bench { toy, robot, _locks: locks }
}

fn bench(toy: Toy) -> Bench {
    bench_with(toy, |_| {})
}

fn drive(number: u32) -> DriveName {
    format!("drive{number}").parse().unwrap()
}

fn spot(slot: u32) -> Spot {
    Spot::Slot(Slot(slot))
}

fn barcode_in(robot: &mut Robot, drive: &DriveName) -> Option<String> {
    let inventory = robot.inventory().unwrap();
    let cartridge: Option<Cartridge> = inventory.drive(drive).unwrap().cartridge.clone();
    cartridge.map(|it| it.barcode.map(|code| code.to_string()).unwrap_or_default())
}

/// The message with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[test]
fn a_robot_conforms_whatever_its_changer_is_like() {
    let none = Whims::default();
    for whims in [
        none,
        Whims { no_memory: true, only_all: true, ..none },
        Whims { header_first: true, no_barcodes: true, ..none },
        Whims { no_sources: true, no_access_bits: true, ..none },
        Whims { threaded_looks_empty: true, arm_is_not_told: true, ..none },
        Whims { zeros_behind: true, one_at_a_time: true, ..none },
        Whims { last_is_cut: true, ..none },
    ] {
        let mut bench = bench(toy().with(|world| world.whims = whims));
        conformance::changer(&mut bench.robot);
    }
}

#[test]
fn drives_are_found_behind_their_nodes_by_serial_number() {
    let bench = bench(toy());
    let found: Vec<_> = bench
        .robot
        .drives()
        .iter()
        .map(|it| (it.name.as_str(), it.bay, it.seen.node.as_str(), it.evidence.clone()))
        .collect();
    let serial = vec![Evidence::Serial];
    assert_eq!(found, [("drive0", 0, "toy1", serial.clone()), ("drive1", 1, "toy2", serial)]);
}

#[test]
fn a_library_whose_drives_cannot_be_told_apart_is_not_opened() {
    let toy = toy().with(|world| world.whims.no_serials = true);
    let locks = tempfile::tempdir().unwrap();
    let error = Robot::open(toy.transport(0), opener(&toy), setup(locks.path())).unwrap_err();
    assert_eq!(error.blame, Blame::Host);
    let text = chain(&error);
    assert!(text.contains("changer toy could not say which of its drives is which"), "{text}");
    assert!(text.contains("toy1: TOY ULTRIUM-HH8, serial DRIVE0"), "{text}");
    let named = |name: &str, serial: &str, bay| Named {
        name: name.parse().unwrap(),
        serial: serial.to_owned(),
        bay: Some(bay),
    };
    let bench = bench_with(toy, |setup| {
        setup.named = vec![named("left", "DRIVE0", 0), named("right", "DRIVE1", 1)];
    });
    assert_eq!(bench.robot.drives()[1].name.as_str(), "right");
}

#[test]
fn a_node_that_does_not_answer_is_remarked_upon_and_left_out() {
    let bench = bench_with(toy(), |setup| setup.nodes.push("gone".to_owned()));
    assert_eq!(bench.robot.drives().len(), 2);
    let remarks = bench.robot.remarks();
    assert!(remarks[0].starts_with("gone does not say which drive it is"), "{remarks:?}");
    assert!(bench.robot.remarks().is_empty(), "told once");
}

#[test]
fn what_is_in_the_way_is_found_before_the_arm_moves() {
    let mut bench = bench(toy());
    let (zero, one) = (drive(0), drive(1));
    bench.robot.load(Slot(1), &zero).unwrap();
    bench.toy.world().fault = Some(Fault::Lies);
    let robot = &mut bench.robot;
    let refused = [
        (robot.load(Slot(1), &one).unwrap_err(), "the cartridge of slot 1 is in drive drive0"),
        (robot.load(Slot(2), &zero).unwrap_err(), "drive drive0 is full"),
        (robot.load(Slot(3), &one).unwrap_err(), "slot 3 is empty"),
        (robot.load(Slot(99), &one).unwrap_err(), "there is no slot 99"),
        (robot.unload(&zero, Slot(2)).unwrap_err(), "slot 2 is full"),
        (robot.unload(&one, Slot(3)).unwrap_err(), "drive drive1 is empty"),
        (
            robot.load(Slot(4), &one).unwrap_err(),
            "drive drive1 (LTO-8) cannot use a cartridge of the cleaning kind",
        ),
        (
            robot.load(Slot(5), &one).unwrap_err(),
            "drive drive1 (LTO-8) cannot use a cartridge of LTO-5",
        ),
    ];
    for (error, expected) in refused {
        assert!(chain(&error).ends_with(expected), "{}", chain(&error));
    }
    assert_eq!(bench.toy.world().fault, Some(Fault::Lies), "no arm has moved");
}

#[test]
fn mail_slots_are_behind_the_slots_and_cartridges_pass_through_them() {
    let mut bench = bench(toy());
    let inventory = bench.robot.inventory().unwrap();
    assert_eq!(inventory.slots.len(), 7);
    assert!(matches!(inventory.slot(Slot(6)).unwrap().kind, PlaceKind::Mail(_)));
    assert_eq!(bench.robot.export(Slot(1), None).unwrap(), Slot(6));
    assert_eq!(bench.robot.export(Slot(2), None).unwrap(), Slot(7));
    assert_eq!(bench.toy.world().mail[0].cartridge.as_deref(), Some("A00001L8"));
    let full = bench.robot.export(Slot(5), None).unwrap_err();
    assert!(full.to_string().ends_with("could not put out the cartridge of slot 5"), "{full}");
    assert!(chain(&full).contains("the library has no free mail slot"), "{}", chain(&full));
    assert_eq!(bench.robot.import(Slot(6), None).unwrap(), Slot(1));
    assert_eq!(bench.robot.import(Slot(7), Some(Slot(3))).unwrap(), Slot(3));
    let none = bench.robot.import(Slot(1), None).unwrap_err();
    assert!(chain(&none).contains("no mail slot"), "{}", chain(&none));
}

#[test]
fn a_cartridge_is_loaded_when_the_drive_can_use_it_and_not_before() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let toy = toy().with(|world| world.calibrating = 3600);
    let mut bench = bench_with(toy, |setup| {
        setup.listener = Arc::new(move |who, busy| {
            locked(&ears).push((who.to_owned(), busy.waited.as_secs()));
            Wait::GoOn
        });
    });
    bench.robot.load(Slot(1), &drive(1)).unwrap();
    let heard = locked(&heard);
    assert_eq!(heard.last(), Some(&("drive1".to_owned(), 3595)), "an hour, every five seconds");
}

#[test]
fn a_drive_that_did_not_get_its_cartridge_says_so() {
    // The bays are crossed: the changer puts it into the other drive.
    let named = |serial: &str, bay| Named {
        name: format!("drive{bay}").parse().unwrap(),
        serial: serial.to_owned(),
        bay: Some(bay),
    };
    let toy = toy().with(|world| world.whims.no_serials = true);
    let mut bench = bench_with(toy, |setup| {
        setup.named = vec![named("DRIVE1", 0), named("DRIVE0", 1)];
    });
    let error = bench.robot.load(Slot(1), &drive(0)).unwrap_err();
    assert_eq!(error.blame, Blame::Drive);
    assert!(chain(&error).contains("library verify-drives --by-loading"), "{}", chain(&error));
}

#[test]
fn a_reader_hears_that_its_cartridge_was_changed() {
    let mut bench = bench(toy());
    bench.robot.load(Slot(1), &drive(0)).unwrap();
    let mut reader = bench.robot.transport(&drive(0)).unwrap();
    let mut ready = || {
        let answer = reader.execute(&spc::test_unit_ready(), Data::None, Duration::ZERO).unwrap();
        (answer.status, answer.sense.get(12).copied())
    };
    assert_eq!(ready(), (Status::Good, None));
    bench.robot.unload(&drive(0), Slot(1)).unwrap();
    bench.robot.load(Slot(2), &drive(0)).unwrap();
    assert_eq!(ready(), (Status::CheckCondition, Some(0x28)));
    assert_eq!(ready(), (Status::Good, None), "told once");
}

#[test]
fn a_drive_is_open_once_and_others_cannot_change_its_cartridge() {
    let mut first = bench(toy());
    let transport = first.robot.transport(&drive(0)).unwrap();
    let twice = first.robot.transport(&drive(0)).err().unwrap();
    assert!(chain(&twice).ends_with("drive drive0 is in use by this process"));
    let opened = Robot::open(
        first.toy.transport(0),
        opener(&first.toy),
        setup(&first.robot.shared.setup.locks),
    );
    let mut second = opened.unwrap();
    let refused = second.load(Slot(1), &drive(0)).unwrap_err();
    assert!(chain(&refused).contains("drive drive0 is in use by process"), "{}", chain(&refused));
    second.load(Slot(1), &drive(1)).unwrap();
    first.robot.load(Slot(2), &drive(0)).unwrap();
    drop(transport);
    second.unload(&drive(0), Slot(2)).unwrap();
}

#[test]
fn a_move_that_was_reported_as_failed_and_was_not_is_done_and_told() {
    let mut bench = bench(toy());
    bench.toy.world().fault = Some(Fault::ComplainsAfterwards);
    bench.robot.load(Slot(1), &drive(0)).unwrap();
    let remarks = bench.robot.remarks();
    assert!(remarks[0].contains("is in drive drive0, although"), "{remarks:?}");
}

#[test]
fn every_fault_of_a_move_leaves_a_library_that_can_be_used() {
    use Fault::{
        ComplainsAfterwards, DoorOpened, Exchanged, Fails, Lies, NoAnswer, StaysInArm, TakenByHand,
    };
    let faults = [
        Lies,
        Fails,
        ComplainsAfterwards,
        NoAnswer,
        StaysInArm,
        TakenByHand,
        Exchanged,
        DoorOpened,
    ];
    for fault in faults {
        let mut bench = bench(toy());
        bench.toy.world().fault = Some(fault);
        let loaded = bench.robot.load(Slot(1), &drive(0));
        let is_there = barcode_in(&mut bench.robot, &drive(0)).is_some();
        assert_eq!(loaded.is_ok(), is_there, "{fault:?}: what is said is what is so");
        bench.robot.load(Slot(2), &drive(1)).expect("the next is as ever");
    }
}

#[test]
fn a_drive_that_holds_its_cartridge_is_told_to_let_go() {
    let mut bench = bench_with(toy(), |setup| setup.unloading = Unloading::ByLibrary);
    bench.robot.load(Slot(1), &drive(0)).unwrap();
    bench.robot.unload(&drive(0), Slot(3)).unwrap();
    assert_eq!(bench.toy.world().slots[2].cartridge.as_deref(), Some("A00001L8"));
}

#[test]
fn a_cartridge_goes_from_drive_to_drive() {
    let mut bench = bench(toy());
    bench.robot.load(Slot(1), &drive(0)).unwrap();
    let [from, to] = [drive(0), drive(1)].map(Spot::Drive);
    bench.robot.move_cartridge(&from, &to).unwrap();
    assert_eq!(barcode_in(&mut bench.robot, &drive(1)).as_deref(), Some("A00001L8"));
    bench.robot.move_cartridge(&to, &spot(3)).unwrap();
    assert_eq!(barcode_in(&mut bench.robot, &drive(1)), None);
}

#[test]
fn a_drive_is_cleaned_and_the_cartridge_brought_back() {
    let mut bench = bench(toy());
    let cleaned = bench.robot.clean(&drive(1)).unwrap();
    assert_eq!((cleaned.cartridge.as_str(), cleaned.slot), ("CLNU01L1", Slot(4)));
    assert_eq!(cleaned.proof, Proof::None, "this drive tells nothing of itself");
    let inventory = bench.robot.inventory().unwrap();
    let back = inventory.slot(Slot(4)).unwrap().cartridge.clone().unwrap();
    assert_eq!(back.kind, CartridgeKind::Cleaning);
    bench.robot.load(Slot(1), &drive(1)).unwrap();
    assert!(bench.robot.clean(&drive(1)).is_err(), "a full drive is emptied by somebody else");
}

#[test]
fn without_a_cleaning_cartridge_the_operator_is_told_to_put_one_in() {
    let bench = bench(Toy::new(&["A00001L8", "A00002L8"], 2));
    let error = bench.robot.clean(&drive(0)).unwrap_err();
    assert!(chain(&error).contains("put one in"), "{}", chain(&error));
}

#[test]
fn cartridges_are_calibrated_one_after_the_other_and_brought_back() {
    let mut bench = bench(toy().with(|world| world.calibrating = 1200));
    let mut started = Vec::new();
    let slots = [Slot(1), Slot(3), Slot(2)];
    let done = bench.robot.calibrate(&slots, &drive(0), &mut |slot| started.push(slot));
    assert_eq!(started, slots);
    let well: Vec<bool> = done.iter().map(|it| it.outcome.is_ok()).collect();
    assert_eq!(well, [true, false, true], "an empty slot does not keep the others from their turn");
    assert_eq!(barcode_in(&mut bench.robot, &drive(0)), None);
}

#[test]
fn a_cartridge_proves_which_drive_is_in_which_bay() {
    let toy = toy();
    let mut changer = MediumChanger::open(toy.transport(0)).unwrap();
    let nodes = ["toy2", "toy1"].map(str::to_owned);
    let proved = proof::by_loading(&mut changer, &opener(&toy), &nodes, 0).unwrap();
    let said: Vec<String> = proved.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["bay 0: toy1", "bay 1: toy2"]);
    assert_eq!(toy.world().slots[0].cartridge.as_deref(), Some("A00001L8"), "it is back");
}

#[test]
fn a_cleaning_cartridge_proves_nothing_and_is_left_where_it_is() {
    let toy = toy();
    let mut changer = MediumChanger::open(toy.transport(0)).unwrap();
    let nodes = ["toy1".to_owned()];
    let error = proof::by_loading(&mut changer, &opener(&toy), &nodes, 3).unwrap_err();
    assert!(error.to_string().starts_with("slot 4 has a cleaning cartridge"), "{error}");
    assert!(toy.world().asked.iter().all(|asked| asked.0 != 0xa5), "no arm has moved");
}

#[test]
fn only_a_drive_that_may_calibrate_is_said_to_take_hours() {
    for (lto9, tells, expected) in [
        (false, false, "becoming ready"),
        (false, true, "it loads the cartridge"),
        (true, false, "up to two hours if it calibrates"),
        (true, true, "it calibrates a cartridge that is new to it"),
    ] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let toy = toy().with(|world| {
            world.calibrating = 60;
            world.whims = Whims { lto9, tells_activity: tells, ..Whims::default() };
        });
        let mut bench = bench_with(toy, |setup| {
            setup.listener = Arc::new(move |_, busy| {
                locked(&ears).push(busy.says.clone());
                Wait::GoOn
            });
        });
        bench.robot.load(Slot(1), &drive(1)).unwrap();
        let heard = locked(&heard);
        assert!(heard.iter().all(|says| says.contains(expected)), "{heard:?}");
        assert!(!heard.is_empty());
        let hours = heard.iter().any(|says| says.contains("hours"));
        assert_eq!(hours, lto9, "{heard:?}");
    }
}

#[test]
fn a_library_that_cannot_be_opened_is_not_said_to_confuse_its_drives() {
    let toy = toy();
    let locks = tempfile::tempdir().unwrap();
    let (arm, opener) = (toy.transport(0), opener(&toy));
    toy.world().refusals = vec![(4, 0x44, 0); 100];
    let error = Robot::open(arm, opener, setup(locks.path())).unwrap_err();
    let text = chain(&error);
    assert!(!text.contains("which of its drives"), "{text}");
    assert!(text.starts_with("changer toy could not say what it is and what it has: "), "{text}");
}

#[test]
fn a_bay_whose_drive_belongs_to_another_host_is_proved_to_be_nobodys() {
    let toy = toy();
    let mut changer = MediumChanger::open(toy.transport(0)).unwrap();
    let nodes = ["toy2".to_owned()];
    // Nobody here can tell that drive to let go, so its library has to.
    let error = proof::by_loading(&mut changer, &opener(&toy), &nodes, 0).unwrap_err();
    assert!(error.to_string().contains("did not carry the cartridge from bay 0"), "{error}");
}
