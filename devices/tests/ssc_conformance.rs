//! The suite of drives, and whole nights with faults, on the SCSI drive over emulated LTO drives.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::time::Duration;

use devices::conformance::night::{BLOCK, check, night, write};
use devices::conformance::{self, Bench};
use devices::emulator::{
    Act, CartridgeSetup, DriveModel, EmulatedDevice, FaultPlan, Generation, Library, Lun, Nexus,
    Pace, PowerCut, Sense, Setup as World, Spot,
};
use devices::ssc::{Check, Compression, Readiness, Setup, TapeDrive};
use devices::{Drive, DriveError, Wait};
use types::{BlockSize, Bytes};

const DRIVE: Lun = Lun(1);
const US: Nexus = Nexus(1);
const BARCODE: &str = "RK0001";

/// One drive, with one cartridge in it.
fn library(model: &DriveModel, room: Bytes, power_cut: PowerCut) -> Library {
    let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, model.generation);
    let mut world = World::of(model, 1, 2, 0).with(cartridge.holding(room));
    world.power_cut = power_cut;
    let library = Library::new(world);
    library.set_pace(Pace::Instant);
    library
}

fn open(library: &Library, setup: Setup) -> TapeDrive<EmulatedDevice> {
    TapeDrive::new("d0".parse().unwrap(), library.transport(DRIVE, US), setup)
}

struct Emulated {
    model: DriveModel,
    setup: Setup,
    library: Option<Library>,
}

/// By hand.
fn into_the_drive(library: &Library, from: Spot) {
    let operator = library.operator();
    operator.open_door().unwrap();
    operator.take(from).unwrap();
    operator.put(BARCODE, Spot::Drive(0)).unwrap();
    operator.close_door().unwrap();
}

impl Bench for Emulated {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        let library = library(&self.model, room, PowerCut::TornEnd);
        let drive = open(&library, self.setup);
        self.library = Some(library);
        Box::new(drive)
    }

    fn reload(&mut self) {
        let library = self.library.as_ref().unwrap();
        open(library, self.setup).unload().unwrap();
        into_the_drive(library, Spot::Drive(0));
    }
}

fn models() -> Vec<DriveModel> {
    use Generation::{Lto5, Lto6, Lto7, Lto8, Lto9, Lto10};
    let mut models = Vec::new();
    for generation in [Lto5, Lto6, Lto7, Lto8, Lto9, Lto10] {
        models.push(DriveModel::ibm(generation));
        models.push(DriveModel::hp(generation));
    }
    models.push(DriveModel { half_height: true, ..DriveModel::ibm(Lto9) });
    models
}

#[test]
fn every_emulated_drive_conforms() {
    for model in models() {
        println!("{} {}", model.vendor, model.product);
        let setup = Setup { block: BlockSize::HEADER, ..Setup::default() };
        conformance::drive(&mut Emulated { model, setup, library: None });
    }
}

#[test]
fn every_setup_conforms() {
    let plain = Setup { block: BlockSize::HEADER, ..Setup::default() };
    for setup in [
        Setup { block: BlockSize::TAPE, ..plain },
        Setup { check: Check::None, ..plain },
        Setup { compression: Compression::On, ..plain },
        Setup { warn_before_end: Some(Bytes(2_000_000)), ..plain },
    ] {
        println!("{setup:?}");
        let model = DriveModel::ibm(Generation::Lto8);
        conformance::drive(&mut Emulated { model, setup, library: None });
    }
}

/// A drive that had lost power loads again.
fn recover(drive: &mut TapeDrive<EmulatedDevice>, error: &DriveError) {
    eprintln!("{error}: {:?}", error.cause);
    let mut patience = 100;
    let waited = drive.wait_until_ready(&mut |_| {
        patience -= 1;
        if patience > 0 { Wait::GoOn } else { Wait::GiveUp }
    });
    if let Err(error) = waited {
        eprintln!("{error}: {:?}", error.cause);
    }
}

#[test]
fn no_single_fault_loses_what_was_flushed() {
    let sense = |key, asc, ascq| Sense { key, code: [asc, ascq], information: None };
    for act in [
        Act::Check(sense(3, 0x0c, 0)),
        Act::Check(sense(4, 0x44, 0)),
        Act::Check(sense(0xb, 0x4e, 0)),
        Act::Check(sense(6, 0x2a, 1)),
        Act::CheckAfter(sense(3, 0x0c, 0)),
        Act::CheckAfter(sense(1, 0x0c, 0)),
        Act::Deferred(sense(3, 0x0c, 0)),
        Act::TimeOut,
        Act::TimeOutAfter,
        Act::Reset,
        Act::PowerCut,
        Act::Dirt,
        Act::FlipOnWire(100),
    ] {
        for command in 1.. {
            let library =
                library(&DriveModel::ibm(Generation::Lto8), Bytes(64 << 20), PowerCut::CleanEnd);
            library.set_faults(FaultPlan::nth(command, act.clone()));
            println!("{act:?} at command {command}");
            night(&mut open(&library, Setup { block: BLOCK, ..Setup::default() }), recover);
            if library.struck().is_empty() {
                break; // every command has had its turn
            }
        }
    }
}

#[test]
fn a_foreign_rewind_at_any_command_is_noticed_at_the_next_flush() {
    for command in 1.. {
        let library =
            library(&DriveModel::ibm(Generation::Lto8), Bytes(64 << 20), PowerCut::TornEnd);
        library.set_faults(FaultPlan::nth(command, Act::ForeignRewind));
        let mut drive = open(&library, Setup { block: BLOCK, ..Setup::default() });
        let mut flushed = 0;
        let done = write(&mut drive, &mut flushed);
        if library.struck().is_empty() {
            break;
        }
        if done.is_ok() {
            check(&mut drive, flushed).unwrap();
        }
    }
}

#[test]
fn a_new_lto_9_cartridge_is_calibrated_for_as_long_as_it_takes() {
    let model = DriveModel::ibm(Generation::Lto9);
    let mut cartridge = CartridgeSetup::blank(Spot::Slot(0), BARCODE, Generation::Lto9);
    cartridge.calibrated = false;
    let library = Library::new(World::of(&model, 1, 2, 0).with(cartridge));
    into_the_drive(&library, Spot::Slot(0));
    let mut drive = open(&library, Setup::default());
    let mut states = Vec::new();
    let ended = drive.wait_until_ready(&mut |state| {
        if states.last() != Some(state) {
            states.push(state.clone());
        }
        Wait::GoOn
    });
    assert_eq!(ended.unwrap(), Readiness::Ready);
    assert!(states.iter().any(|state| matches!(state, Readiness::Calibrating(_))), "{states:?}");
    assert!(library.now() > Duration::from_secs(15 * 60), "{:?}", library.now());
    drive.rewind().unwrap();
}
