//! An emulated drive behind a real socket keeps all that a drive promises.

use types::{Bytes, DriveName};

use super::super::super::{CartridgeSetup, DriveModel, Generation, Library, Lun, Setup, Spot};
use super::super::Served;
use crate::conformance::{self, Bench};
use crate::drive::Drive;
use crate::iscsi::tests::initiator::{Initiator, KEYS};
use crate::iscsi::tests::socket::Running;
use crate::ssc::{self, TapeDrive};

const BARCODE: &str = "TST001L8";

/// A target with a library of one drive, and a person standing at it.
#[derive(Default)]
struct Wire(Option<(Library, Running<Served>)>);

impl Bench for Wire {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        let tape = CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8).holding(room);
        let setup = Setup::of(&DriveModel::ibm(Generation::Lto8), 1, 1, 1).with(tape);
        let library = Library::new(setup);
        let running = Running::with(Served::at_once(library.clone()));
        let initiator = Initiator::logged_in(running.address, 1, KEYS).to(1);
        self.0 = Some((library, running));
        let name = "wire".parse::<DriveName>().unwrap();
        Box::new(TapeDrive::new(name, initiator, ssc::Setup::default()))
    }

    fn reload(&mut self) {
        let Some((library, _)) = &self.0 else { return };
        let person = library.operator();
        library.press_eject(Lun(1));
        person.open_door().unwrap();
        person.take(Spot::Drive(0)).unwrap();
        person.put(BARCODE, Spot::Drive(0)).unwrap();
        person.close_door().unwrap();
    }
}

#[test]
fn a_drive_over_iscsi_conforms() {
    conformance::drive(&mut Wire::default());
}
