//! Any sequence of calls, on this drive and on the tape in memory: both must say the same.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use types::{BlockSize, Bytes, FileNo};

use super::plain::Plain;
use super::{Setup, TapeDrive};
use crate::drive::{Drive, Met, Position, Wrote};
use crate::emulator::{
    CartridgeSetup, DriveModel, Generation, Library, Lun, Nexus, Pace, Setup as World, Spot,
};
use crate::memory::{MemoryDrive, MemoryTape};

const BLOCK: BlockSize = BlockSize::HEADER;

/// A call.
#[derive(Clone, Copy, Debug)]
enum Call {
    Write(u8),
    Mark,
    Flush,
    Read,
    ReadShort,
    Tell,
    Locate(u32, u64),
    Rewind,
    End,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => any::<u8>().prop_map(Call::Write),
        3 => Just(Call::Mark),
        1 => Just(Call::Flush),
        3 => Just(Call::Read),
        1 => Just(Call::ReadShort),
        1 => Just(Call::Tell),
        4 => (0_u32..5, 0_u64..4).prop_map(|(file, block)| Call::Locate(file, block)),
        1 => Just(Call::Rewind),
        1 => Just(Call::End),
    ]
}

/// What came of it. Errors differ in their words.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Wrote(Wrote),
    Met(Met, Vec<u8>),
    At(Position),
    Done,
    Error,
}

fn say(drive: &mut dyn Drive, call: Call) -> Said {
    let done = |result: Result<(), _>| result.map(|()| Said::Done);
    let read = |drive: &mut dyn Drive, room: usize| {
        let mut buffer = vec![0; room];
        drive.read_block(&mut buffer).map(|met| {
            let length = if let Met::Block(length) = met { length } else { 0 };
            buffer.truncate(length);
            Said::Met(met, buffer)
        })
    };
    let said = match call {
        Call::Write(number) => drive.write_block(&vec![number; BLOCK.len()]).map(Said::Wrote),
        Call::Mark => done(drive.write_filemark()),
        Call::Flush => drive.flush().map(Said::At),
        Call::Read => read(drive, 2 * BLOCK.len()),
        Call::ReadShort => read(drive, 512),
        Call::Tell => drive.position().map(Said::At),
        Call::Locate(file, block) => done(drive.locate(Position { file: FileNo(file), block })),
        Call::Rewind => done(drive.rewind()),
        Call::End => drive.to_end_of_data().map(Said::At),
    };
    said.unwrap_or(Said::Error)
}

fn in_memory() -> MemoryDrive {
    let tape = MemoryTape::new(BLOCK, Bytes(1 << 30), Bytes(1 << 20));
    MemoryDrive::with("m0".parse().unwrap(), tape)
}

fn compare(drive: &mut dyn Drive, calls: &[Call]) {
    let mut model = in_memory();
    for (number, &call) in calls.iter().enumerate() {
        // Blocks are too long to be shown.
        assert!(say(drive, call) == say(&mut model, call), "call {number}, {call:?}, of {calls:?}");
    }
}

proptest! {
    #[test]
    fn a_drive_does_what_the_tape_in_memory_does(calls in prop::collection::vec(call(), 0..60)) {
        let setup = Setup { block: BLOCK, ..Setup::default() };
        compare(&mut TapeDrive::new("d0".parse().unwrap(), Plain::default(), setup), &calls);
    }

    #[test]
    fn an_old_drive_does_too(calls in prop::collection::vec(call(), 0..40)) {
        let (setup, plain) = (Setup { block: BLOCK, ..Setup::default() }, Plain::default());
        plain.state().unknown = vec![(0x92, 0), (0x34, 8)];
        compare(&mut TapeDrive::new("d0".parse().unwrap(), plain, setup), &calls);
    }

    #[test]
    fn emulated_drives_do_too(calls in prop::collection::vec(call(), 0..40), model in model()) {
        let cartridge = CartridgeSetup::blank(Spot::Drive(0), "RK0001", model.generation);
        let library = Library::new(World::of(&model, 1, 1, 0).with(cartridge));
        library.set_pace(Pace::Instant);
        let setup = Setup { block: BLOCK, ..Setup::default() };
        let transport = library.transport(Lun(1), Nexus(1));
        compare(&mut TapeDrive::new("d0".parse().unwrap(), transport, setup), &calls);
    }
}

fn model() -> impl Strategy<Value = DriveModel> {
    prop_oneof![
        Just(DriveModel::ibm(Generation::Lto5)),
        Just(DriveModel::hp(Generation::Lto6)),
        Just(DriveModel::ibm(Generation::Lto8)),
        Just(DriveModel::hp(Generation::Lto9)),
    ]
}
