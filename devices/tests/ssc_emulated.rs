//! What a SCSI drive tells of itself and its cartridge, and how it is set, over emulated LTO drives.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use devices::emulator::{
    Act, CartridgeSetup, DriveModel, EmulatedDevice, FaultPlan, Generation, Kind, Library, Lun,
    Nexus, Pace, Setup as World, Spot,
};
use devices::scsi::Status;
use devices::scsi::page::encryption::DataKey;
use devices::scsi::page::reservation::ReservationKey;
use devices::ssc::{
    Cleaning, Encryption, Key, Protection, Readiness, Reserved, Segment, Setup, TapeDrive,
    Threading, Written,
};
use devices::{Drive, Met, Position, Stretch, Wrote};
use types::{Blame, BlockSize, Bytes, FileNo, ObjectNo};

const BARCODE: &str = "RK0001";
const BLOCK: BlockSize = BlockSize::HEADER;
const DRIVE: Lun = Lun(1);

fn library_of(model: &DriveModel, cartridge: CartridgeSetup) -> Library {
    let library = Library::new(World::of(model, 1, 2, 0).with(cartridge));
    library.set_pace(Pace::Instant);
    library
}

fn library() -> Library {
    let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8);
    library_of(&DriveModel::ibm(Generation::Lto8), cartridge)
}

fn open_as(library: &Library, nexus: u64) -> TapeDrive<EmulatedDevice> {
    let setup = Setup { block: BLOCK, ..Setup::default() };
    TapeDrive::new("d0".parse().unwrap(), library.transport(DRIVE, Nexus(nexus)), setup)
}

fn open(library: &Library) -> TapeDrive<EmulatedDevice> {
    open_as(library, 1)
}

fn take_out(library: &Library) {
    open(library).unload().unwrap();
    let operator = library.operator();
    operator.open_door().unwrap();
    operator.take(Spot::Drive(0)).unwrap();
    operator.close_door().unwrap();
}

fn block(number: u8) -> Vec<u8> {
    vec![number; BLOCK.len()]
}

fn write(drive: &mut dyn Drive, number: u8) {
    assert_eq!(drive.write_block(&block(number)).unwrap(), Wrote::Block);
}

fn read(drive: &mut dyn Drive) -> u8 {
    let mut buffer = block(0);
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(BLOCK.len()));
    buffer[0]
}

#[test]
fn a_drive_says_what_it_is_even_if_it_is_empty() {
    let library = library();
    take_out(&library);
    let identity = open(&library).identify().unwrap();
    assert_eq!((&*identity.vendor, &*identity.product), ("IBM", "ULT3580-TD8"));
    assert!(identity.serial.is_some(), "{identity:?}");
    assert!(!identity.designators.is_empty());
    let changer = library.transport(Lun(0), Nexus(1));
    let error = TapeDrive::new("d0".parse().unwrap(), changer, Setup::default()).identify();
    assert!(error.is_err(), "a changer is no tape drive");
}

#[test]
fn an_empty_drive_is_empty_and_a_full_one_can_be_unloaded_and_loaded() {
    let library = library();
    let mut drive = open(&library);
    assert_eq!(drive.ready().unwrap(), Readiness::Ready);
    drive.rewind().unwrap();
    drive.unload().unwrap();
    assert_ne!(drive.ready().unwrap(), Readiness::Ready);
    drive.load(Threading::Threaded).unwrap();
    assert_eq!(drive.ready().unwrap(), Readiness::Ready);
    drive.unload().unwrap();
    take_out(&library);
    assert_eq!(drive.ready().unwrap(), Readiness::Empty);
    let error = drive.rewind().unwrap_err();
    assert_eq!(error.cause.to_string(), "no cartridge is loaded");
}

#[test]
fn the_memory_names_the_cartridge_and_keeps_what_is_written_into_it() {
    let library = library();
    let mut drive = open(&library);
    let before = drive.cartridge().unwrap();
    assert!(before.serial.is_some() && !before.is_write_once());
    assert_eq!(before.protection, Some(Protection::Writable));
    assert!(before.memory.capacity > Some(Bytes(10_000_000_000_000)));
    let written = Written {
        version: "0.1.0".to_owned(),
        label: "DAILY-001".to_owned(),
        pool: Some("daily".to_owned()),
        barcode: Some(BARCODE.to_owned()),
        at: None,
    };
    drive.write_memory(&written).unwrap();
    let after = drive.cartridge().unwrap();
    assert_eq!(after.memory.label.as_deref(), Some("DAILY-001"));
    assert_eq!(after.memory.pool.as_deref(), Some("daily"));
    assert_eq!(after.serial, before.serial);
}

#[test]
fn a_protected_cartridge_is_the_mediums_trouble() {
    let library = library();
    library.operator().write_protect(BARCODE, true).unwrap();
    let mut drive = open(&library);
    assert_eq!(drive.cartridge().unwrap().protection, Some(Protection::Protected));
    drive.rewind().unwrap();
    let error = drive.write_block(&block(1)).unwrap_err();
    assert_eq!(error.blame, Blame::Medium, "{error} {}", error.cause);
    drive.rewind().unwrap();
    assert_eq!(drive.read_block(&mut block(0)).unwrap(), Met::EndOfData);
    assert_eq!(drive.flush().unwrap(), Position::BEGINNING, "nothing was written, so all is well");
}

#[test]
fn what_is_written_once_is_not_written_again() {
    let mut cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8);
    cartridge.kind = Kind::Worm;
    let library = library_of(&DriveModel::ibm(Generation::Lto8), cartridge);
    let mut drive = open(&library);
    assert!(drive.cartridge().unwrap().is_write_once());
    drive.rewind().unwrap();
    for file in 0..3 {
        write(&mut drive, file);
        write(&mut drive, file);
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    let error = drive.write_block(&block(9)).unwrap_err();
    assert_eq!(error.blame, Blame::Medium, "{error} {}", error.cause);
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    assert_eq!(read(&mut drive), 1);
}

#[test]
fn a_drive_tells_how_it_is() {
    let library = library();
    let mut drive = open(&library);
    drive.rewind().unwrap();
    for _ in 0..20 {
        write(&mut drive, 1);
    }
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    library.set_faults(FaultPlan::nth(1, Act::Alert(4)));
    let at = drive.position().unwrap();
    let health = drive.health().unwrap();
    assert_eq!(health.alerts.iter().map(|flag| flag.number()).collect::<Vec<_>>(), [4]);
    assert_eq!(drive.health().unwrap().alerts, health.alerts, "looking clears nothing");
    assert!(health.doing.is_some_and(|doing| doing.mounted), "{health:?}");
    let through = health.through.unwrap();
    assert!(through.from_hosts >= Some(Bytes(20 * BLOCK.bytes().0)), "{through:?}");
    assert!(health.cartridge.is_some() && health.drive.is_some() && health.writing.is_some());
    assert_eq!(drive.position().unwrap(), at, "and it stands where it stood");
}

#[test]
fn a_dirty_drive_writes_on_and_says_so() {
    let library = library();
    let mut drive = open(&library);
    drive.rewind().unwrap();
    library.set_faults(FaultPlan::nth(1, Act::Dirt));
    for number in 0..10 {
        write(&mut drive, number);
    }
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    let asked = drive.notes().cleaning == Cleaning::Asked;
    let shown = drive.health().unwrap();
    let wanted =
        shown.doing.is_some_and(|doing| doing.cleaning_requested || doing.cleaning_required);
    assert!(asked || wanted || !shown.alerts.is_empty(), "{shown:?}");
}

#[test]
fn what_is_encrypted_is_read_with_its_key_and_with_no_other() {
    let library = library();
    let key = |byte| Encryption::With(Key::new(DataKey::take(&mut [byte; 32]), "week-12").unwrap());
    let mut drive = open(&library);
    drive.rewind().unwrap();
    write(&mut drive, 1);
    drive.write_filemark().unwrap();
    drive.set_encryption(key(7)).unwrap();
    for number in 2..5 {
        write(&mut drive, number);
    }
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    drive.rewind().unwrap();
    assert_eq!(read(&mut drive), 1, "the label is in the clear");
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    assert_eq!(read(&mut drive), 2);
    // A reset takes the key away, and it is given again.
    library.reset(DRIVE);
    drive.locate(Position { file: FileNo(1), block: 1 }).unwrap();
    assert_eq!(read(&mut drive), 3);
    for other in [key(8), Encryption::Off] {
        drive.set_encryption(other).unwrap();
        drive.rewind().unwrap();
        assert_eq!(read(&mut drive), 1, "the label is read without a key");
        drive.locate(Position::start_of(FileNo(1))).unwrap();
        let error = drive.read_block(&mut block(0)).unwrap_err();
        assert_eq!(error.blame, Blame::Host, "{error} {}", error.cause);
    }
    drive.set_encryption(key(7)).unwrap();
    drive.locate(Position { file: FileNo(1), block: 2 }).unwrap();
    assert_eq!(read(&mut drive), 4);
}

#[test]
fn a_reserved_drive_keeps_others_away() {
    let library = library();
    let (ours, theirs) = (ReservationKey(0x11), ReservationKey(0x22));
    let mut drive = open_as(&library, 1);
    assert_eq!(drive.reserve(ours).unwrap(), Reserved::ForUs);
    drive.rewind().unwrap();
    write(&mut drive, 1);
    let mut other = open_as(&library, 2);
    assert!(other.rewind().is_err(), "another host cannot even rewind");
    let error = other.reserve(theirs).unwrap_err();
    assert_eq!(error.blame, Blame::Drive);
    assert!(error.cause.to_string().contains(&ours.to_string()), "{}", error.cause);
    write(&mut drive, 2);
    drive.write_filemark().unwrap();
    assert_eq!(drive.flush().unwrap(), Position::start_of(FileNo(1)));
    // The same host over another path: what it left behind is its own.
    assert_eq!(open_as(&library, 3).reserve(ours).unwrap(), Reserved::ForUs);
    assert!(drive.write_block(&block(3)).is_err(), "the old path has lost it");
    open_as(&library, 3).release(ours).unwrap();
    other.rewind().unwrap();
}

#[test]
fn a_list_to_be_read_comes_back_whole_from_every_drive() {
    let segments: Vec<Segment> = [70, 10, 40, 90, 20]
        .map(|first| Segment { first: ObjectNo(first), last: ObjectNo(first + 3) })
        .to_vec();
    for generation in [Generation::Lto6, Generation::Lto8, Generation::Lto9] {
        let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, generation);
        let library = library_of(&DriveModel::ibm(generation), cartridge);
        let mut drive = open(&library);
        drive.rewind().unwrap();
        for _ in 0..100 {
            write(&mut drive, 1);
        }
        drive.write_filemark().unwrap();
        drive.rewind().unwrap();
        let mut order = drive.order_for_reading(&segments).unwrap();
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4], "{generation:?}");
        assert_eq!(drive.position().unwrap(), Position::BEGINNING, "nothing was moved");
        assert!(drive.order_for_reading(&[]).unwrap().is_empty());
    }
}

#[test]
fn stretches_are_ordered_where_the_starts_of_their_files_are_known_and_else_taken_as_they_stand() {
    let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8);
    let library = library_of(&DriveModel::ibm(Generation::Lto8), cartridge);
    // Eight terabytes are on more than a hundred wraps.
    const BLOCKS: u64 = 1_000_000;
    library.fill(BARCODE, BLOCKS, 8 << 20);
    let mut drive = open(&library);
    drive.rewind().unwrap();
    let at = |file, block| Position { file: FileNo(file), block };
    let stretch = |first: Position| Stretch { first, last: at(first.file.0, first.block + 3) };
    let far: Vec<_> = (0..50).rev().map(|n| stretch(at(0, n * BLOCKS / 60))).collect();
    let mut order = drive.reading_order(&far);
    assert_ne!(order, (0..50).rev().collect::<Vec<_>>(), "the wraps are followed");
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
    let unknown = [stretch(at(7, 5)), stretch(at(0, 9)), stretch(at(7, 1))];
    assert_eq!(drive.reading_order(&unknown), [1, 2, 0]);
    drive.recall(FileNo(7), ObjectNo(BLOCKS / 2));
    let mut order = drive.reading_order(&unknown);
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
    take_out(&library);
    assert_eq!(
        drive.reading_order(&unknown),
        [1, 2, 0],
        "a drive that says nothing costs no restore"
    );
}

#[test]
fn the_end_is_announced_as_far_ahead_as_was_asked_for() {
    let cartridge =
        CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8).holding(Bytes(64 << 20));
    let library = library_of(&DriveModel::ibm(Generation::Lto8), cartridge);
    let room_after_warning = |ahead: Option<Bytes>| {
        let setup = Setup { block: BLOCK, warn_before_end: ahead, ..Setup::default() };
        let transport = library.transport(DRIVE, Nexus(1));
        let mut drive = TapeDrive::new("d0".parse().unwrap(), transport, setup);
        drive.rewind().unwrap();
        let (mut near, mut number) = (0_u64, 0_u64);
        loop {
            match drive.write_block(&number.to_le_bytes().repeat(BLOCK.len() / 8)).unwrap() {
                Wrote::Block => assert_eq!(near, 0),
                Wrote::BlockNearEnd => near += 1,
                Wrote::Nothing => return near * BLOCK.bytes().0,
            }
            number += 1;
        }
    };
    let (usual, more) = (room_after_warning(None), room_after_warning(Some(Bytes(20_000_000))));
    assert!(usual < 10_000_000, "{usual}");
    assert!(more >= 20_000_000, "{more}");
}

#[test]
fn after_a_power_cut_what_was_flushed_is_read_and_nothing_is_appended() {
    let library = library();
    let mut drive = open(&library);
    drive.rewind().unwrap();
    for file in 0..2 {
        write(&mut drive, file);
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
    for _ in 0..30 {
        write(&mut drive, 9);
    }
    library.power_cycle();
    assert!(drive.write_block(&block(9)).is_err(), "it stands before the label now");
    let error = drive.to_end_of_data().unwrap_err();
    assert_eq!(error.blame, Blame::Medium, "{error} {}", error.cause);
    assert!(error.cause.to_string().contains("no end of data"), "{}", error.cause);
    drive.rewind().unwrap();
    for file in 0..2 {
        assert_eq!(read(&mut drive), file);
        assert_eq!(drive.read_block(&mut block(0)).unwrap(), Met::Filemark);
    }
    drive.rewind().unwrap();
    write(&mut drive, 5);
    drive.write_filemark().unwrap();
    assert_eq!(drive.flush().unwrap(), Position::start_of(FileNo(1)));
    assert_eq!(
        drive.to_end_of_data().unwrap(),
        Position::start_of(FileNo(1)),
        "given back, it is whole"
    );
}

/// The method of logical block protection that the drive is set to, as another initiator is told (SSC-4, control
/// data protection mode page).
fn check_method(library: &Library) -> u8 {
    let mode_sense = [0x5a, 0x08, 0x0a, 0xf0, 0, 0, 0, 0, 64, 0];
    for _ in 0..8 {
        let answer = library.execute(DRIVE, Nexus(9), &mode_sense, &[], 64).unwrap();
        if answer.status == Status::Good {
            return answer.data[8 + 4];
        }
    }
    panic!("the drive does not tell its modes")
}

#[test]
fn a_drive_that_is_let_go_expects_no_check_values_of_others() {
    let library = library();
    let mut drive = open(&library);
    drive.rewind().unwrap();
    write(&mut drive, 1);
    drive.flush().unwrap();
    assert_eq!(check_method(&library), 2, "CRC-32C while it is ours");
    drop(drive);
    assert_eq!(check_method(&library), 0, "nothing afterwards");
}

#[test]
fn marks_between_parts_do_not_stop_the_tape_and_a_flush_does_once() {
    let library = library();
    let transport = library.transport(DRIVE, Nexus(1));
    let mut drive = TapeDrive::new("d0".parse().unwrap(), transport, Setup::default());
    drive.rewind().unwrap();
    let block = vec![7; drive.limits().block.len()];
    for _part in 0..10 {
        for _ in 0..200 {
            assert_eq!(drive.write_block(&block).unwrap(), Wrote::Block);
        }
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
    let streaming = library.streaming(DRIVE);
    assert!(streaming.percent() >= 95, "{streaming:?}");
    assert_eq!((streaming.backhitches, streaming.flushes), (0, 1), "{streaming:?}");
}

#[test]
fn the_clock_of_a_library_in_a_directory_goes_on_where_it_stood() {
    let root = tempfile::tempdir().unwrap();
    let model = DriveModel::ibm(Generation::Lto8);
    let open_library = || {
        let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, Generation::Lto8);
        let setup = World::of(&model, 1, 2, 0).with(cartridge);
        let library = Library::in_directory(root.path(), setup).unwrap();
        library.set_pace(Pace::Instant);
        library
    };
    let library = open_library();
    let mut drive = open(&library);
    drive.rewind().unwrap();
    (0..200).for_each(|_| write(&mut drive, 1));
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    let before = library.now().as_secs();
    assert!(before > 0);
    drop((drive, library));
    assert_eq!(open_library().now().as_secs(), before);
}
