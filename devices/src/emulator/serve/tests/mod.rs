//! A library in a directory, with people standing at it.

mod conformance;

use std::fs;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::tempdir;

use super::super::{CartridgeSetup, DriveModel, FaultPlan, Generation, Library, Setup, Spot};
use super::*;
use crate::iscsi::Units;
use crate::iscsi::tests::initiator::{Initiator, KEYS};
use crate::iscsi::tests::socket::Running;

fn setup() -> Setup {
    Setup::of(&DriveModel::ibm(Generation::Lto8), 1, 4, 1).filled("TST", 2, Generation::Lto8)
}

#[test]
fn one_process_at_a_time_has_a_library() {
    let directory = tempdir().unwrap();
    assert!(matches!(Home::open(directory.path()), Err(HomeError::NoLibrary(_))));
    let library = Home::create(directory.path(), &setup()).unwrap().library().unwrap();
    assert!(matches!(Home::create(directory.path(), &setup()), Err(HomeError::Taken(_))));
    let home = Home::open(directory.path()).unwrap();
    assert!(home.library().is_err());
    drop(library);
    assert!(home.library().is_ok());
}

#[test]
fn what_people_did_is_there_when_the_library_is_opened_again() {
    let directory = tempdir().unwrap();
    let home = Home::create(directory.path(), &setup()).unwrap();
    let library = home.library().unwrap();
    let new = CartridgeSetup::blank(Spot::Arm, "NEW001L8", Generation::Lto8);
    library.operator().put_new(&new, Spot::Mail(0)).unwrap();
    library.operator().write_protect("NEW001L8", true).unwrap();
    drop(library);
    let library = home.library().unwrap();
    assert_eq!(library.operator().find("NEW001L8"), Some(Spot::Mail(0)));
    assert_eq!(library.operator().take(Spot::Mail(0)), Ok(Spot::Outside(0)));
    library.operator().put_new(&new, Spot::Mail(0)).unwrap();
    let serials: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("RKN") && name.ends_with(".data"))
        .collect();
    assert_eq!(serials.len(), 2, "two cartridges, two files: {serials:?}");
    let tabs: Vec<bool> = library
        .operator()
        .look()
        .into_iter()
        .filter(|seen| seen.barcode.as_deref() == Some("NEW001L8"))
        .map(|seen| seen.write_protected)
        .collect();
    assert_eq!(tabs, [false, true]);
}

#[test]
fn what_nobody_serves_stays_as_people_left_it_between_two_commands() {
    let directory = tempdir().unwrap();
    let home = Home::create(directory.path(), &setup()).unwrap();
    let errand = |errand: Errand| errand.run(&home.library().unwrap());
    errand(Errand::Door { movement: Movement::Open }).unwrap();
    errand(Errand::Take { from: Spot::Slot(1), unnoticed: false }).unwrap();
    errand(Errand::Break { place: Spot::Slot(2), code: Some([0x83, 0x02]) }).unwrap();
    errand(Errand::Renumber { by: 7 }).unwrap();
    let plan = r#"{ "rules": [ { "lun": 0, "opcode": "a5", "act": "lie" } ] }"#;
    errand(Errand::Faults { plan: FaultPlan::from_json(plan).unwrap() }).unwrap();
    let changer = |library: &Library, cdb: &[u8]| {
        library.execute(Lun(0), crate::emulator::Nexus(1), cdb, &[], 4096).unwrap()
    };
    let library = home.library().unwrap();
    assert_eq!(changer(&library, &[0; 6]).sense[12], 0x29);
    assert_eq!(changer(&library, &[0; 6]).sense[12..14], [0x04, 0x03], "the door is open");
    library.operator().close_door().unwrap();
    while changer(&library, &[0; 6]).status != Status::Good {}
    let status = [0xb8, 0x12, 0, 0, 0xff, 0xff, 1, 0, 16, 0, 0, 0];
    let slots = changer(&library, &status).data;
    assert_eq!(slots[..2], 1007_u16.to_be_bytes(), "addresses have moved");
    let third = slots.windows(2).position(|two| two == 1009_u16.to_be_bytes()).unwrap();
    assert_eq!(slots[third + 4..third + 6], [0x83, 0x02], "it is out of order");
    let carry = [0xa5, 0, 0, 0, 0x03, 0xef, 0x01, 0xfb, 0, 0, 0, 0];
    assert_eq!(changer(&library, &carry).status, Status::Good);
    assert_eq!(library.operator().find("TST0001L8"), Some(Spot::Slot(0)), "it was a lie");
    drop(library);
    errand(Errand::Take { from: Spot::Slot(0), unnoticed: false }).unwrap_err();
}

/// Sends a command until the drive or the changer is ready for it.
fn insist(library: &Library, lun: u16, cdb: &[u8]) {
    let send = || library.execute(Lun(lun), crate::emulator::Nexus(1), cdb, &[], 4096).unwrap();
    assert!((0..9).any(|_| send().status == Status::Good), "{:?}", send());
}

#[test]
fn a_cartridge_that_a_drive_has_given_out_stays_in_its_mouth_until_it_is_taken() {
    let directory = tempdir().unwrap();
    let home = Home::create(directory.path(), &setup()).unwrap();
    let errand = |errand: Errand| errand.run(&home.library().unwrap());
    let library = home.library().unwrap();
    // From slot 0 to drive 0, and given out there.
    insist(&library, 0, &[0xa5, 0, 0, 0, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 0, 0]);
    insist(&library, 1, &[0x1b, 0, 0, 0, 1, 0]);
    insist(&library, 1, &[0x1b, 0, 0, 0, 0, 0]);
    drop(library);
    let contents = directory.path().join("contents.json");
    let given_out = fs::read_to_string(&contents).unwrap();
    assert!(given_out.contains("\"in-the-mouth\""), "{given_out}");
    errand(Errand::Door { movement: Movement::Open }).unwrap();
    errand(Errand::Take { from: Spot::Drive(0), unnoticed: false }).unwrap();
    let found = home.library().unwrap().operator().find("TST0001L8");
    assert!(matches!(found, Some(Spot::Outside(_))), "{found:?}");
    // A state that an earlier version wrote does not know: there the power draws the cartridge in again.
    let mut older: serde_json::Value = serde_json::from_str(&given_out).unwrap();
    let drive = older["drives"][0].as_object_mut().unwrap();
    assert!(drive.remove("cartridge").is_some());
    fs::write(&contents, older.to_string()).unwrap();
    errand(Errand::Door { movement: Movement::Open }).unwrap();
    errand(Errand::Take { from: Spot::Drive(0), unnoticed: false }).unwrap_err();
}

#[test]
fn a_damaged_directory_is_told_and_left_as_it_is() {
    let directory = tempdir().unwrap();
    let home = Home::create(directory.path(), &setup()).unwrap();
    drop(home.library().unwrap());
    let told = || {
        let error = match Home::open(directory.path()).and_then(|home| home.library()) {
            Ok(_) => panic!("it was believed"),
            Err(error) => error,
        };
        let causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |it| it.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    for (file, changes) in [
        (
            "contents.json",
            &[
                ("\"version\": 1", "\"version\": 9", "version 9 is not 1"),
                ("{", "[", "invalid type"),
                ("RKE0000001", "../../../tmp/x", "the serial number"),
                ("RKE0000001", "RKE0000002", "two cartridges have the serial number"),
                ("\"loads\": 0", "\"loads\": 18446744073709551615", "cannot be meant"),
                ("\"loads\": 0", "\"loads\": -1", "invalid value"),
                ("\"closed\"", "\"ajar\"", "unknown variant `ajar`"),
                ("\"dirt\": \"clean\"", "\"dirt\": 7", "line"),
            ][..],
        ),
        (
            "library.json",
            &[
                ("\"slots\": 4", "\"slots\": 1", "there is no slot 1"),
                ("\"slot\": 1", "\"slot\": 0", "two cartridges are in slot 0"),
                ("\"seed\": 1", "\"seed\": 9999999999999999999", "cannot be meant"),
                ("\"slots\": 4", "\"slots\": 70000", "does not describe a library"),
            ],
        ),
    ] {
        let path = directory.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        for (from, to, said) in changes {
            let bad = good.replacen(from, to, 1);
            assert!(bad != good, "{from} is in {file}");
            fs::write(&path, &bad).unwrap();
            let told = told();
            assert!(told.contains(said) && told.contains(file), "{to}: {told}");
            assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        }
        fs::write(&path, good).unwrap();
    }
    assert!(home.library().is_ok());
}

#[test]
fn errands_reach_the_library_that_is_served_and_only_that() {
    let directory = tempdir().unwrap();
    let take = || Errand::Take { from: Spot::Slot(0), unnoticed: false };
    assert!(matches!(send(directory.path(), &take()), Err(ControlError::NotServed(_))));
    let library = Library::new(setup());
    let control = Control::listen(directory.path(), library.clone()).unwrap();
    let refused = send(directory.path(), &take()).unwrap_err();
    assert_eq!(refused.to_string(), "slot 0 is behind the door: open it first");
    send(directory.path(), &Errand::Door { movement: Movement::Open }).unwrap();
    let said = send(directory.path(), &take()).unwrap();
    assert_eq!(said["place"], "outside:0");
    assert_eq!(library.operator().find("TST0001L8"), Some(Spot::Outside(0)));
    let seen = send(directory.path(), &Errand::Look).unwrap();
    let places = seen["places"].as_array().unwrap();
    assert!(places.iter().any(|one| one["place"] == "slot:1" && one["barcode"] == "TST0002L8"));
    drop(control);
    assert!(matches!(send(directory.path(), &Errand::Look), Err(ControlError::NotServed(_))));
}

#[test]
fn what_is_no_errand_is_answered_with_a_complaint() {
    use std::io::{BufRead, BufReader, Write};
    let directory = tempdir().unwrap();
    let _control = Control::listen(directory.path(), Library::new(setup())).unwrap();
    let mut stream =
        std::os::unix::net::UnixStream::connect(directory.path().join("control")).unwrap();
    stream.write_all(b"{\"do\":\"dance\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"unable\":\"that is no errand"), "{line}");
}

#[test]
fn the_units_of_the_target_are_those_of_the_library() {
    let units = Arc::new(Served::at_once(Library::new(setup())));
    let nexus = iscsi::Nexus(0);
    let inquiry = [0x12, 0, 0, 0, 96, 0];
    let ask = |lun, cdb: &[u8]| units.execute(nexus, lun, cdb, &[], 96).unwrap();
    assert_eq!(ask(Some(iscsi::Lun(0)), &inquiry).data[0], 0x08);
    assert_eq!(ask(Some(iscsi::Lun(9)), &inquiry).data[0], 0x7f);
    assert_eq!(ask(None, &[0; 6]).sense[12], 0x25);
    assert_eq!(ask(Some(iscsi::Lun(0)), &[0; 6]).sense[12], 0x29, "the power came on");
    assert_eq!(ask(Some(iscsi::Lun(0)), &[0; 6]).status, Status::Good);
    units.reset(Reset::Unit(iscsi::Lun(0)));
    assert_eq!(ask(Some(iscsi::Lun(0)), &[0; 6]).sense[12], 0x29);
    ask(Some(iscsi::Lun(0)), &[0x1e, 0, 0, 0, 1, 0]);
    assert!(units.library.operator().open_mail_slots().is_err());
    units.nexus_changed(nexus);
    assert!(units.library.operator().open_mail_slots().is_ok());
}

/// A clock that only waiting moves, and the time on it.
fn wall(library: &Library, times: u32) -> (Wall, Arc<Mutex<Duration>>) {
    let time = Arc::new(Mutex::new(Duration::ZERO));
    let (read, moved) = (Arc::clone(&time), Arc::clone(&time));
    let times = NonZeroU32::new(times).unwrap();
    let elapsed = move || *read.lock().unwrap();
    let wait = move |wait| *moved.lock().unwrap() += wait;
    (Wall::new(library.now(), times, elapsed, wait), time)
}

#[test]
fn in_time_a_drive_writes_as_fast_as_its_motor_by_the_clock_on_the_wall() {
    for times in [1, 10] {
        let blank = CartridgeSetup::blank(Spot::Drive(0), "TST0001L4", Generation::Lto4);
        let model = DriveModel::ibm(Generation::Lto4);
        let library = Library::new(Setup::of(&model, 1, 1, 0).with(blank));
        let (wall, time) = wall(&library, times);
        let units = Served::in_time(library, wall);
        let ask = |cdb: &[u8], out: &[u8]| {
            units.execute(iscsi::Nexus(0), Some(iscsi::Lun(1)), cdb, out, 0).unwrap()
        };
        while ask(&[0; 6], &[]).sense.get(2) == Some(&6) {}
        assert_eq!(ask(&[0; 6], &[]).sense[12..14], [0x04, 0x01], "it is loading");
        // Nobody asks for it, and it goes on.
        *time.lock().unwrap() += Duration::from_secs(100) / times;
        assert_eq!(ask(&[0; 6], &[]).sense[12..14], [0x28, 0x00]);
        assert_eq!(ask(&[0; 6], &[]).status, Status::Good);
        ask(&[0x15, 0x10, 0, 0, 4, 0], &[0, 0, 0x10, 0]);
        let begun = *time.lock().unwrap();
        // Noise does not get smaller: a linear congruence, by Knuth.
        let next = |it: &u64| Some(it.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let noise = std::iter::successors(Some(1_u64), next);
        let block: Vec<u8> = noise.map(|it| it.to_be_bytes()[0]).take(8 << 20).collect();
        for _ in 0..125 {
            assert_eq!(ask(&[0x0a, 0, 0x80, 0, 0, 0], &block).status, Status::Good);
        }
        assert_eq!(
            ask(&[0x10, 0, 0, 0, 0, 0], &[]).status,
            Status::Good,
            "it waits for the medium"
        );
        let seconds = (*time.lock().unwrap() - begun).as_secs_f64() * f64::from(times);
        let rate = (125.0 * 8.388_608) / (seconds - 2.0);
        assert!((90.0..125.0).contains(&rate), "LTO-4 writes 120 MB/s: {rate} in {seconds} s");
    }
}

#[test]
fn an_initiator_moves_a_cartridge_over_the_wire() {
    let library = Library::new(setup());
    let running = Running::with(Served::at_once(library.clone()));
    let mut changer = Initiator::logged_in(running.address, 1, KEYS).to(0);
    let (status, sense, _, _) = changer.command(&[0; 6], &[], 0);
    assert_eq!((status, sense[12]), (2, 0x29));
    let luns = changer.command(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], &[], 256).2;
    assert_eq!((luns.len(), luns[3]), (24, 16));
    let (status, _, all, moved) =
        changer.command(&[0xb8, 0x10, 0, 0, 0xff, 0xff, 1, 0, 16, 0, 0, 0], &[], 4096);
    assert_eq!((status, moved), (0, all.len()));
    assert!(all.windows(9).any(|nine| nine == b"TST0002L8"));
    let (slot, drive) = ([0x03, 0xe9], [0x01, 0xf4]);
    let carry = [0xa5, 0, 0, 0, slot[0], slot[1], drive[0], drive[1], 0, 0, 0, 0];
    assert_eq!(changer.command(&carry, &[], 0).0, 0);
    assert_eq!(library.operator().find("TST0002L8"), Some(Spot::Drive(0)));
}
