//! The robot on emulated libraries: in the dialects of fourteen makers, with people at the door, and with one fault at
//! every command in turn.

use std::io;

use super::matching::{Company, Named};
use super::*;
use crate::changer::Bay;
use crate::conformance;
use crate::emulator::{
    Act, CartridgeSetup, Dialect, DriveModel, FaultPlan, Generation, Library, Lun, Nexus, Rule,
    Sense, Setup as Emulated, Spot as At,
};
use crate::transport::Wait;

struct Bench {
    library: Library,
    robot: Robot,
    _locks: tempfile::TempDir,
}

fn emulated(dialect: Dialect) -> Emulated {
    let model = DriveModel::ibm(Generation::Lto8);
    let setup = Emulated::of(&model, 2, 8, 2).filled("A", 3, Generation::Lto8);
    let old = CartridgeSetup::blank(At::Slot(6), "OLD001L5", Generation::Lto5);
    Emulated { dialect, ..setup }
        .with(CartridgeSetup::cleaning(At::Slot(7), "CLNU01L1", 20))
        .with(old)
}

fn opener(library: &Library) -> Opener {
    let library = library.clone();
    Box::new(move |node| {
        match node.strip_prefix("emulated lun ").and_then(|lun| lun.parse().ok()) {
            Some(lun) => Ok(Box::new(library.transport(Lun(lun), Nexus(1)))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    })
}

fn try_open(
    library: &Library,
    locks: &std::path::Path,
    named: Vec<Named>,
) -> Result<Robot, ChangerError> {
    let setup = Setup {
        name: "emulated".to_owned(),
        nodes: vec!["emulated lun 2".to_owned(), "emulated lun 1".to_owned()],
        named,
        company: Company::Alone,
        locks: locks.to_owned(),
        unloading: Unloading::ByDrive,
        listener: Arc::new(|_, _| Wait::GoOn),
    };
    Robot::open(Box::new(library.transport(Lun(0), Nexus(1))), opener(library), setup)
}

/// What the operator would write into the configuration: the drives' serial numbers, in the order of bays.
fn by_hand(library: &Library) -> Vec<Named> {
    let open = opener(library);
    let one = |bay: u16| {
        let node = format!("emulated lun {}", bay + 1);
        let mut drive = Mechanism::new(open(&node).unwrap(), Patience::default());
        let serial = drive.identify(&node).unwrap().serial.unwrap();
        Named { name: format!("drive{bay}").parse().unwrap(), serial, bay: Some(bay) }
    };
    vec![one(0), one(1)]
}

fn bench(setup: Emulated) -> Bench {
    let (library, locks) = (Library::new(setup), tempfile::tempdir().unwrap());
    let robot = try_open(&library, locks.path(), Vec::new())
        .or_else(|_| try_open(&library, locks.path(), by_hand(&library)))
        .unwrap();
    Bench { library, robot, _locks: locks }
}

fn drive(number: u32) -> DriveName {
    format!("drive{number}").parse().unwrap()
}

fn at(library: &Library, place: At) -> bool {
    library.operator().look().iter().any(|seen| seen.place == place && seen.full)
}

#[test]
fn robots_of_all_makers_conform() {
    for dialect in Dialect::ALL {
        let mut bench = bench(emulated(dialect));
        conformance::changer(&mut bench.robot);
        bench.robot.load(Slot(2), &drive(1)).expect("the second drive is loaded");
        assert!(at(&bench.library, At::Drive(1)), "and it is the second");
        assert!(!at(&bench.library, At::Slot(1)));
        bench.robot.unload(&drive(1), Slot(5)).expect("and unloaded, to another slot");
        assert!(at(&bench.library, At::Slot(4)));
    }
}

#[test]
fn what_proves_where_a_drive_sits_depends_on_the_maker() {
    let mut seen = String::new();
    for dialect in Dialect::ALL {
        let (library, locks) = (Library::new(emulated(dialect)), tempfile::tempdir().unwrap());
        let said = match try_open(&library, locks.path(), Vec::new()) {
            Err(_) => "nothing, so it is refused".to_owned(),
            Ok(robot) => {
                let words: Vec<_> =
                    robot.drives()[0].evidence.iter().map(|it| it.words()).collect();
                assert!(
                    robot
                        .drives()
                        .iter()
                        .all(|it| it.seen.node == format!("emulated lun {}", it.bay + 1))
                );
                words.join(", ")
            }
        };
        seen.push_str(&format!("{}: {said}\n", dialect.word()));
    }
    let expected = "\
standard: its serial number, its T10 identification
ts4300: its serial number, its T10 identification
msl: its serial number, its T10 identification
ml3: its element address
scalar-i3: its world-wide name
superloader3: its serial number, its T10 identification
neo: its element address
sl150: its serial number, its T10 identification
spectra-stack: its serial number, its T10 identification
adic-dat: its element address
xl1b2: its serial number, its T10 identification
starwinds: its serial number, its T10 identification
mhvtl: its serial number, its T10 identification
thur: its serial number, its T10 identification
";
    assert_eq!(seen, expected);
}

#[test]
fn the_inventory_of_all_makers_is_the_same() {
    for dialect in Dialect::ALL {
        let mut bench = bench(emulated(dialect));
        let inventory = bench.robot.inventory().unwrap();
        let full: Vec<u32> = inventory
            .slots
            .iter()
            .filter(|it| it.cartridge.is_some())
            .map(|it| it.slot.0)
            .collect();
        assert_eq!(full, [1, 2, 3, 7, 8], "{}", dialect.word());
        for place in &inventory.slots {
            let code = place.cartridge.as_ref().and_then(|it| it.barcode.as_ref());
            let expected = ["A0001", "A0002", "A0003", "", "", "", "OLD001", "CLNU01"];
            let expected = expected.get(usize::try_from(place.slot.0).unwrap() - 1).unwrap_or(&"");
            if let Some(code) = code {
                assert!(code.as_str().starts_with(expected), "{}: {place:?}", dialect.word());
            }
        }
    }
}

#[test]
fn a_changer_tells_what_it_has_counted() {
    let mut bench = bench(emulated(Dialect::Standard));
    let moves = |robot: &Robot| robot.life().unwrap().counted.unwrap().moves.unwrap();
    let before = moves(&bench.robot);
    bench.robot.load(Slot(1), &drive(0)).unwrap();
    assert_eq!(moves(&bench.robot), before + 1);
    assert_eq!(bench.robot.life().unwrap().own, []);
}

#[test]
fn a_drive_is_cleaned_by_a_cartridge_that_comes_back() {
    for dialect in Dialect::ALL {
        let mut bench = bench(emulated(dialect));
        let inventory = bench.robot.inventory().unwrap();
        let told = inventory.slot(Slot(8)).unwrap().cartridge.as_ref().unwrap().kind;
        if told == crate::changer::CartridgeKind::Cleaning {
            let cleaned = bench.robot.clean(&drive(0)).unwrap_or_else(|error| {
                panic!("{}: {error:?}", dialect.word());
            });
            assert_eq!(cleaned.slot, Slot(8));
        }
        assert!(at(&bench.library, At::Slot(7)), "{}", dialect.word());
    }
}

/// Two cleaning cartridges, the first with so many uses left.
fn with_cleaners(uses: [u8; 2]) -> Bench {
    let model = DriveModel::ibm(Generation::Lto8);
    bench(
        Emulated::of(&model, 2, 8, 2)
            .with(CartridgeSetup::cleaning(At::Slot(6), "CLN001CU", uses[0]))
            .with(CartridgeSetup::cleaning(At::Slot(7), "CLN002CU", uses[1])),
    )
}

#[test]
fn a_cleaning_cartridge_that_is_used_up_is_named_and_the_next_one_cleans() {
    let bench = with_cleaners([1, 20]);
    let cleaned = bench.robot.clean(&drive(0)).unwrap();
    assert_eq!((cleaned.slot, cleaned.proof), (Slot(7), Proof::Counted));
    assert!(cleaned.in_vain.is_empty());
    let cleaned = bench.robot.clean(&drive(0)).unwrap();
    assert_eq!((cleaned.cartridge.as_str(), cleaned.slot), ("CLN002CU", Slot(8)));
    assert_eq!(cleaned.in_vain, ["cleaning cartridge CLN001CU (slot 7) is used up: throw it away"]);
    assert_eq!(census(&bench.library), [At::Slot(6), At::Slot(7)], "both are back");
}

#[test]
fn a_drive_that_only_used_up_cartridges_were_put_into_was_not_cleaned() {
    let bench = with_cleaners([0, 0]);
    let error = bench.robot.clean(&drive(0)).unwrap_err();
    let text = format!("{error:?}");
    for code in ["CLN001CU", "CLN002CU"] {
        assert!(text.contains(code), "{text}");
    }
    assert_eq!(error.blame, types::Blame::Medium, "no drive is worse for it");
    assert_eq!(census(&bench.library), [At::Slot(6), At::Slot(7)], "both are back");
}

#[test]
fn what_is_not_there_or_does_not_answer_stays_listed_and_says_why() {
    let (library, locks) =
        (Library::new(emulated(Dialect::Standard)), tempfile::tempdir().unwrap());
    let operator = library.operator();
    operator.break_place(At::Slot(3), Some([0x83, 0x02])).unwrap();
    let mut silent = Rule::new(Act::TimeOut).on(Lun(2)).at(0x12);
    silent.times = u64::MAX;
    library.set_faults(FaultPlan::one(silent));
    let mut robot = try_open(&library, locks.path(), Vec::new()).unwrap();
    assert_eq!(robot.drives().len(), 1);
    let lost = robot.lost()[0].clone();
    assert_eq!((lost.name.as_str(), lost.bay), ("drive1", Some(1)));
    assert!(lost.why.contains("emulated lun 2 does not say which drive it is"), "{}", lost.why);
    let inventory = robot.inventory().unwrap();
    let names: Vec<_> = inventory.drives.iter().map(|bay| bay.drive.as_str()).collect();
    assert_eq!(names, ["drive0", "drive1"]);
    assert!(inventory.drives[1].trouble.is_some());
    let slot = inventory.slot(Slot(4)).unwrap();
    assert_eq!(slot.trouble.as_deref(), Some("its magazine is not there"));
    assert_eq!(inventory.slots.len(), 10, "in their order");
    let text = |error: ChangerError| format!("{}: {}", error, error.cause);
    let refused = text(robot.load(Slot(1), &drive(1)).unwrap_err());
    assert!(refused.contains("drive drive1 cannot be used: no drive of this host"), "{refused}");
    let refused = text(robot.load(Slot(4), &drive(0)).unwrap_err());
    assert!(refused.ends_with("slot 4 cannot be used: its magazine is not there"), "{refused}");
    // While it is open, the other drive is taken out.
    operator.break_place(At::Drive(0), Some([0x83, 0x04])).unwrap();
    let inventory = robot.inventory().unwrap();
    assert_eq!(inventory.drives[0].trouble.as_deref(), Some("no drive is in this bay"));
    let refused = text(robot.load(Slot(1), &drive(0)).unwrap_err());
    assert!(refused.ends_with("drive drive0 cannot be used: no drive is in this bay"), "{refused}");
}

#[test]
fn a_bay_without_its_drive_is_lost_and_named_by_the_configuration() {
    let library = Library::new(emulated(Dialect::Standard));
    let locks = tempfile::tempdir().unwrap();
    let mut named = by_hand(&library);
    for (number, name) in ["left", "right"].into_iter().enumerate() {
        named[number].name = name.parse().unwrap();
        named[number].bay = None;
    }
    library.operator().break_place(At::Drive(1), Some([0x83, 0x04])).unwrap();
    let robot = try_open(&library, locks.path(), Vec::new()).unwrap();
    let lost: Vec<_> = robot.lost().iter().map(|it| (it.name.as_str(), it.why.as_str())).collect();
    assert_eq!(lost, [("drive1", "no drive is in this bay")]);
    drop(robot);
    let mut robot = try_open(&library, locks.path(), named).unwrap();
    assert_eq!(robot.lost()[0].name.as_str(), "right");
    assert_eq!(robot.inventory().unwrap().drives.len(), 2);
}

#[test]
fn an_old_cartridge_is_left_where_it_is() {
    let mut bench = bench(emulated(Dialect::Standard));
    let error = bench.robot.load(Slot(7), &drive(0)).unwrap_err();
    assert!(at(&bench.library, At::Slot(6)), "{error}");
}

#[test]
fn a_new_lto_9_cartridge_is_ready_after_its_calibration() {
    let model = DriveModel::ibm(Generation::Lto9);
    let new = CartridgeSetup {
        calibrated: false,
        ..CartridgeSetup::blank(At::Slot(0), "N00001L9", Generation::Lto9)
    };
    let bench = bench(Emulated::of(&model, 1, 3, 0).with(new));
    let done = bench.robot.calibrate(&[Slot(1)], &drive(0), &mut |_| {});
    assert!(done[0].outcome.is_ok(), "{:?}", done[0].outcome);
    assert!(bench.library.now() > Duration::from_secs(20 * 60));
    assert!(at(&bench.library, At::Slot(0)));
}

#[test]
fn mail_goes_out_and_comes_in() {
    let mut bench = bench(emulated(Dialect::Standard));
    let mail = bench.robot.export(Slot(1), None).unwrap();
    assert_eq!(mail, Slot(9));
    assert!(at(&bench.library, At::Mail(0)));
    let operator = bench.library.operator();
    operator.open_mail_slots().unwrap();
    operator.take(At::Mail(0)).unwrap();
    let new = CartridgeSetup::blank(At::Mail(1), "B0001L8", Generation::Lto8);
    operator.put_new(&new, At::Mail(1)).unwrap();
    operator.close_mail_slots().unwrap();
    let inventory = bench.robot.inventory().unwrap();
    assert!(inventory.slot(Slot(10)).unwrap().cartridge.is_some());
    assert_eq!(bench.robot.import(Slot(10), None).unwrap(), Slot(1));
    assert!(at(&bench.library, At::Slot(0)));
}

#[test]
fn what_comes_in_never_takes_the_slot_of_a_cartridge_in_a_drive() {
    // Some makers do not remember where a cartridge came from.
    for dialect in Dialect::ALL {
        let model = DriveModel::ibm(Generation::Lto8);
        let setup = Emulated::of(&model, 2, 5, 1).filled("A", 2, Generation::Lto8);
        let mut bench = bench(Emulated { dialect, ..setup });
        bench.robot.load(Slot(1), &drive(0)).unwrap();
        bench.robot.load(Slot(2), &drive(1)).unwrap();
        let operator = bench.library.operator();
        let mut came = 0;
        loop {
            let code = format!("B0000{came}L8");
            let new = CartridgeSetup::blank(At::Mail(0), &code, Generation::Lto8);
            operator.open_mail_slots().unwrap();
            operator.put_new(&new, At::Mail(0)).unwrap();
            operator.close_mail_slots().unwrap();
            match bench.robot.import(Slot(6), None) {
                Ok(_) => came += 1,
                Err(error) => {
                    assert!(format!("{error:?}").contains("NoRoom"), "{error:?}");
                    break;
                }
            }
        }
        assert_eq!(came, 3, "{}", dialect.word());
        for number in [0, 1] {
            let inventory = bench.robot.inventory().unwrap();
            let home = inventory.drive(&drive(number)).unwrap().home;
            let home = home.or_else(|| inventory.free_slots().next()).unwrap();
            bench.robot.unload(&drive(number), home).unwrap();
        }
    }
}

#[test]
fn an_open_door_and_a_long_look_around_are_waited_for() {
    for dialect in Dialect::ALL {
        let mut bench = bench(emulated(dialect));
        let operator = bench.library.operator();
        operator.open_door().unwrap();
        operator.take(At::Slot(1)).unwrap();
        operator.close_door().unwrap();
        let error = bench.robot.load(Slot(2), &drive(0)).unwrap_err();
        assert!(format!("{error:?}").contains("SlotEmpty"), "{}: {error:?}", dialect.word());
        bench.robot.load(Slot(3), &drive(0)).unwrap();
    }
}

#[test]
fn a_cartridge_that_was_taken_unnoticed_is_missed_and_the_rest_goes_on() {
    let mut bench = bench(emulated(Dialect::Standard));
    bench.library.operator().take_unnoticed(At::Slot(0)).unwrap();
    let error = bench.robot.load(Slot(1), &drive(0)).unwrap_err();
    assert!(error.to_string().contains("load slot 1 into drive drive0"), "{error}");
    bench.robot.load(Slot(2), &drive(0)).unwrap();
}

#[test]
fn renumbered_elements_are_the_same_places() {
    let mut bench = bench(emulated(Dialect::Standard));
    bench.robot.load(Slot(1), &drive(1)).unwrap();
    bench.library.operator().renumber(1000).unwrap();
    bench.robot.unload(&drive(1), Slot(1)).unwrap();
    assert!(at(&bench.library, At::Slot(0)));
}

/// Where all cartridges are, by what people see.
fn census(library: &Library) -> Vec<At> {
    let seen = library.operator().look();
    seen.iter().filter(|seen| seen.full).map(|seen| seen.place).collect()
}

#[test]
fn one_fault_at_every_command_of_a_move_never_makes_it_say_what_is_not_so() {
    let hardware = Sense { key: 4, code: [0x44, 0], information: None };
    let aborted = Sense { key: 0xb, code: [0, 0], information: None };
    let acts = [
        Act::Check(hardware),
        Act::CheckAfter(hardware),
        Act::Check(aborted),
        Act::Lie,
        Act::TimeOut,
        Act::TimeOutAfter,
        Act::Reset,
        Act::PowerCut,
    ];
    for act in acts {
        for nth in 1.. {
            let mut bench = bench(emulated(Dialect::Standard));
            let before = census(&bench.library);
            bench.library.set_faults(FaultPlan::one(Rule::new(act.clone()).nth(nth)));
            let loaded = bench.robot.load(Slot(1), &drive(0));
            let in_drive = at(&bench.library, At::Drive(0));
            assert!(loaded.is_err() || in_drive, "{act:?} at command {nth}: loaded, it says");
            let struck = !bench.library.struck().is_empty();
            bench.library.set_faults(FaultPlan::default());
            if in_drive {
                bench.robot.unload(&drive(0), Slot(1)).unwrap_or_else(|error| {
                    panic!("{act:?} at command {nth}: afterwards {error:?}");
                });
            } else {
                bench.robot.load(Slot(1), &drive(0)).expect("the next try is as ever");
                bench.robot.unload(&drive(0), Slot(1)).expect("and back");
            }
            assert_eq!(census(&bench.library), before, "{act:?} at command {nth}");
            if !struck {
                assert!(nth > 5, "a load has more commands");
                break;
            }
        }
    }
}

#[test]
fn one_fault_at_every_command_of_an_unload_never_makes_it_say_what_is_not_so() {
    let hardware = Sense { key: 4, code: [0x44, 0], information: None };
    for act in
        [Act::Check(hardware), Act::CheckAfter(hardware), Act::Lie, Act::TimeOutAfter, Act::Reset]
    {
        for nth in 1.. {
            let mut bench = bench(emulated(Dialect::Standard));
            let before = census(&bench.library);
            bench.robot.load(Slot(1), &drive(0)).unwrap();
            bench.library.set_faults(FaultPlan::one(Rule::new(act.clone()).nth(nth)));
            let unloaded = bench.robot.unload(&drive(0), Slot(1));
            let in_drive = at(&bench.library, At::Drive(0));
            assert!(unloaded.is_err() || !in_drive, "{act:?} at command {nth}: unloaded, it says");
            let struck = !bench.library.struck().is_empty();
            bench.library.set_faults(FaultPlan::default());
            if in_drive {
                bench.robot.unload(&drive(0), Slot(1)).expect("the next try is as ever");
            }
            assert_eq!(census(&bench.library), before, "{act:?} at command {nth}");
            let bays: Vec<Bay> = bench.robot.inventory().unwrap().drives;
            assert!(bays.iter().all(|bay| bay.cartridge.is_none()));
            if !struck {
                break;
            }
        }
    }
}
