//! A library in a directory, with people standing at it.

use std::sync::Arc;

use tempfile::tempdir;

use super::super::{DriveModel, Generation, Library, Setup, Spot};
use super::*;
use crate::iscsi::Units;

fn setup() -> Setup {
    Setup::of(&DriveModel::ibm(Generation::Lto8), 1, 4, 1).filled("TST", 2, Generation::Lto8)
}

#[test]
fn one_process_at_a_time_has_a_library() {
    let directory = tempdir().unwrap();
    assert!(matches!(Home::open(directory.path()), Err(HomeError::NoLibrary(_))));
    let home = Home::create(directory.path(), &setup()).unwrap();
    assert!(matches!(Home::create(directory.path(), &setup()), Err(HomeError::Taken(_))));
    assert!(matches!(Home::open(directory.path()), Err(HomeError::InUse(_))));
    drop(home);
    assert!(Home::open(directory.path()).is_ok());
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
    let units = Arc::new(Served(Library::new(setup())));
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
    assert!(units.0.operator().open_mail_slots().is_err());
    units.nexus_changed(nexus);
    assert!(units.0.operator().open_mail_slots().is_ok());
}
