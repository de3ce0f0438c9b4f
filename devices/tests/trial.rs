//! Drives are tried out and measured, over emulated LTO drives with their virtual clock.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use devices::emulator::{
    Act, CartridgeSetup, DriveModel, EmulatedDevice, FaultPlan, Generation, Kind, Library, Lun,
    Nexus, Rule, Setup as World, Spot,
};
use devices::ssc::{Check, Compressing, Compression, Readiness, Setup, Spoilt, TapeDrive};
use devices::trial::{BurnIn, Burnt, Capacity, Compresses, Fault, Measure, Measured};
use devices::{Drive, Met, Wait};
use types::{BlockSize, Bytes};

const DRIVE: Lun = Lun(1);

fn library(holds: Bytes) -> Library {
    let cartridge = CartridgeSetup::blank(Spot::Drive(0), "RK0001L8", Generation::Lto8);
    let model = DriveModel::ibm(Generation::Lto8);
    Library::new(World::of(&model, 1, 1, 0).with(cartridge.holding(holds)))
}

fn open(library: &Library, setup: Setup) -> TapeDrive<EmulatedDevice> {
    let mut drive =
        TapeDrive::new("d0".parse().unwrap(), library.transport(DRIVE, Nexus(1)), setup);
    assert_eq!(drive.wait_until_ready(&mut |_| Wait::GoOn).unwrap(), Readiness::Ready);
    drive
}

fn measure(library: &Library, setup: Setup, bytes: Option<Bytes>) -> Measured {
    let wish = Measure { bytes, probe: Bytes(32 << 20), seed: 1 };
    let mut drive = open(library, setup);
    let measured = wish.run(&mut drive, &mut |_| {}).unwrap();
    assert!(is_blank(&mut drive));
    measured
}

fn is_blank(drive: &mut dyn Drive) -> bool {
    drive.rewind().unwrap();
    drive.read_block(&mut vec![0; 1 << 20]).unwrap() == Met::EndOfData
}

#[test]
fn a_cartridge_is_filled_up_to_the_warning_at_the_speed_of_the_drive() {
    let measured = measure(&library(Bytes(128 << 20)), Setup::default(), None);
    let Capacity::Written(holds) = measured.capacity else { panic!("{measured:?}") };
    assert!((100 << 20..128 << 20).contains(&holds.0), "{measured:?}");
    assert_eq!(measured.written, holds);
    assert_eq!(measured.compresses, Compresses::No);
    let again = measure(&library(Bytes(128 << 20)), Setup::default(), None);
    assert_eq!(measured, again, "the clock is the drive's");
}

#[test]
fn the_capacity_is_reckoned_from_a_part_of_it() {
    let measured = measure(&library(Bytes(1 << 30)), Setup::default(), Some(Bytes(96 << 20)));
    let Capacity::Reckoned(holds) = measured.capacity else { panic!("{measured:?}") };
    let off = holds.0.abs_diff(1 << 30);
    assert!(off < 40 << 20, "within 4 percent: {measured:?}");
    assert!((200_000_000..400_000_000).contains(&measured.speed.0), "{measured:?}");
}

#[test]
fn it_is_seen_whether_the_drive_compresses() {
    for (compression, found) in
        [(Compression::On, Compresses::Yes), (Compression::Off, Compresses::No)]
    {
        let setup = Setup { compression, ..Setup::default() };
        let measured = measure(&library(Bytes(1 << 30)), setup, Some(Bytes(32 << 20)));
        assert_eq!(measured.compresses, found, "{measured:?}");
    }
}

fn wish() -> BurnIn {
    let lengths = [32, 256, 512].map(|kib| BlockSize::new(kib << 10).unwrap()).to_vec();
    BurnIn { lengths, bytes: Bytes(4 << 20), jumps: 12, seed: 3 }
}

fn burn_in(library: &Library, setup: Setup) -> Burnt {
    wish().run(&mut open(library, setup), &mut |_| {})
}

#[test]
fn a_good_drive_passes_and_leaves_a_blank_cartridge() {
    let library = library(Bytes(1 << 30));
    let burnt = burn_in(&library, Setup::default());
    assert!(burnt.faults.is_empty(), "{burnt:?}");
    let blocks: Vec<u64> = burnt.tried.iter().map(|tried| tried.blocks).collect();
    assert_eq!(blocks, [128, 16, 8]);
    assert!(burnt.tried.iter().all(|tried| tried.writing.0 > 0 && tried.reading.0 > 0));
    assert_eq!((burnt.jumps, burnt.checks), (12, Some(Spoilt::Refused)));
    assert!(burnt.longest_jump > std::time::Duration::ZERO);
    assert!(is_blank(&mut open(&library, Setup::default())));
}

/// At the so-and-so-many-th command of a kind something happens.
fn plan(opcode: u8, nth: u64, act: Act) -> FaultPlan {
    FaultPlan::one(Rule::new(act).on(DRIVE).at(opcode).nth(nth))
}

#[test]
fn a_bit_that_changes_on_the_way_is_found_with_and_without_check_values() {
    for (check, quiet) in [(Check::None, true), (Check::Crc32c, false)] {
        let library = library(Bytes(1 << 30));
        library.set_faults(plan(0x08, 30, Act::FlipOnWire(1000)));
        let burnt = burn_in(&library, Setup { check, ..Setup::default() });
        assert_eq!(library.struck().len(), 1);
        let found = |fault: &Fault| match fault {
            Fault::Bytes { .. } => quiet,
            Fault::Drive(_) => !quiet,
            _ => false,
        };
        assert!(burnt.faults.iter().any(found), "{burnt:?}");
    }
}

#[test]
fn a_drive_that_fails_ends_the_trial_and_what_was_found_before_is_kept() {
    let library = library(Bytes(1 << 30));
    library.set_faults(plan(0x0a, 140, Act::Gone));
    let burnt = burn_in(&library, Setup::default());
    assert_eq!(burnt.tried.len(), 1, "{burnt:?}");
    assert!(matches!(burnt.faults[..], [Fault::Drive(_)]), "{burnt:?}");
}

#[test]
fn a_cartridge_that_is_too_small_is_told_and_the_rest_is_tried() {
    let burnt = burn_in(&library(Bytes(8 << 20)), Setup::default());
    assert!(burnt.faults.iter().any(|fault| matches!(fault, Fault::Full(_))), "{burnt:?}");
    assert_eq!(burnt.jumps, 12);
}

#[test]
fn a_drive_tells_what_it_can() {
    let library = library(Bytes(1 << 30));
    let mut drive = open(&library, Setup { compression: Compression::On, ..Setup::default() });
    let abilities = drive.abilities().unwrap();
    assert_eq!(abilities.blocks.unwrap().most, Some(8 << 20));
    assert_eq!(abilities.encrypts, Some(true));
    assert!(abilities.formats.iter().any(|format| format.writable && format.code == 0x5e));
    assert!(!abilities.checks.is_empty());
    drive.rewind().unwrap();
    assert_eq!(drive.abilities().unwrap().compression, Some(Compressing::On));
    drive.set_compression(Compression::Off);
    drive.rewind().unwrap();
    assert_eq!(drive.abilities().unwrap().compression, Some(Compressing::Off));
}

#[test]
fn a_cartridge_that_is_written_once_is_not_erased() {
    let mut cartridge = CartridgeSetup::blank(Spot::Drive(0), "RK0001LW", Generation::Lto8);
    cartridge.kind = Kind::Worm;
    let model = DriveModel::ibm(Generation::Lto8);
    let library = Library::new(World::of(&model, 1, 1, 0).with(cartridge));
    let mut drive = open(&library, Setup::default());
    drive.rewind().unwrap();
    let block = vec![7; BlockSize::TAPE.len()];
    assert_eq!(drive.write_block(&block).unwrap(), devices::Wrote::Block);
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    assert!(drive.erase().is_err());
    drive.rewind().unwrap();
    assert_eq!(drive.read_block(&mut vec![0; block.len()]).unwrap(), Met::Block(block.len()));
}
