//! Golden behaviour: each test says a command's bytes and what the standards say must come of them.

mod decoded;
mod faults;
mod keys;
mod pages;
mod random;
mod tape;
mod time;

use std::time::Duration;

use types::Bytes;

use crate::emulator::bytes::field;
use crate::emulator::{
    Answer, CartridgeSetup, DriveModel, Generation, Library, Lun, Nexus, Pace, Setup, Spot,
};
use crate::scsi::Status;

/// The one drive.
const DRIVE: Lun = Lun(1);
const US: Nexus = Nexus(1);
const THEM: Nexus = Nexus(2);

/// A drive with a cartridge in it.
struct Bench {
    library: Library,
}

/// What a command complained of: key, code and qualifier, flags, information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    key: u8,
    code: (u8, u8),
    flags: u8,
    information: Option<i32>,
    deferred: bool,
}

const FM: u8 = 0x80;
const EOM: u8 = 0x40;
const ILI: u8 = 0x20;

fn said(key: u8, code: (u8, u8), flags: u8, information: impl Into<Option<i32>>) -> Said {
    Said { key, code, flags, information: information.into(), deferred: false }
}

impl Bench {
    fn new(setup: Setup) -> Self {
        let library = Library::new(setup);
        library.set_pace(Pace::Instant);
        let bench = Self { library };
        bench.settle(US);
        bench
    }

    /// A cartridge of so many bytes in an IBM LTO-8 drive.
    fn holding(bytes: u64) -> Self {
        Self::new(one(Generation::Lto8).with(tape(Generation::Lto8).holding(Bytes(bytes))))
    }

    fn lto8() -> Self {
        Self::new(one(Generation::Lto8).with(tape(Generation::Lto8)))
    }

    /// Hears all that the drive has to tell this initiator.
    fn settle(&self, nexus: Nexus) {
        for _ in 0..8 {
            let answer = self.run(nexus, &[0; 6], &[], 0);
            if answer.status == Status::Good || said_in(&answer).key != 6 {
                return;
            }
        }
    }

    fn run(&self, nexus: Nexus, command: &[u8], out: &[u8], room: usize) -> Answer {
        self.library.execute(DRIVE, nexus, command, out, room).expect("an answer")
    }

    fn ok(&self, command: &[u8], out: &[u8], room: usize) -> Vec<u8> {
        let answer = self.run(US, command, out, room);
        let sense = (answer.status != Status::Good).then(|| said_in(&answer));
        assert_eq!(sense, None, "{command:02x?}");
        answer.data
    }

    fn fails(&self, command: &[u8], out: &[u8], room: usize) -> Said {
        let answer = self.run(US, command, out, room);
        assert_eq!(answer.status, Status::CheckCondition, "{command:02x?}");
        said_in(&answer)
    }

    fn write(&self, block: &[u8]) {
        self.ok(&write(block.len()), block, 0);
    }

    fn mark(&self) {
        self.ok(&[0x10, 1, 0, 0, 1, 0], &[], 0);
    }

    fn flush(&self) {
        self.ok(&[0x10, 0, 0, 0, 0, 0], &[], 0);
    }

    fn rewind(&self) {
        self.ok(&[0x01, 0, 0, 0, 0, 0], &[], 0);
    }

    fn read(&self, length: usize) -> Vec<u8> {
        self.ok(&read(length), &[], length)
    }

    fn locate(&self, object: u64) {
        self.ok(&locate(object), &[], 0);
    }

    /// Object and file.
    fn position(&self) -> (u64, u64) {
        let reply = self.ok(&[0x34, 0x06, 0, 0, 0, 0, 0, 0, 0, 0], &[], 32);
        (field(&reply, 8, 8), field(&reply, 16, 8))
    }

    /// Objects: where the tape stands, and what has reached it.
    fn durable(&self) -> (u64, u64) {
        let reply = self.ok(&[0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0], &[], 32);
        (field(&reply, 8, 8), field(&reply, 16, 8))
    }

    fn pause(&self, time: Duration) {
        self.library.pass_time(DRIVE, time);
    }
}

fn one(generation: Generation) -> Setup {
    Setup::of(&DriveModel::ibm(generation), 1, 4, 1)
}

fn tape(generation: Generation) -> CartridgeSetup {
    CartridgeSetup::blank(Spot::Drive(0), "RK0001L8", generation)
}

fn said_in(answer: &Answer) -> Said {
    let sense = &answer.sense;
    assert!(sense.len() >= 18, "{answer:?}");
    let information = i32::from_be_bytes([sense[3], sense[4], sense[5], sense[6]]);
    Said {
        key: sense[2] & 0x0f,
        code: (sense[12], sense[13]),
        flags: sense[2] & 0xe0,
        information: (sense[0] & 0x80 != 0).then_some(information),
        deferred: sense[0] & 0x7f == 0x71,
    }
}

fn six(opcode: u8, flags: u8, length: usize) -> [u8; 6] {
    let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
    [opcode, flags, high, middle, low, 0]
}

fn write(length: usize) -> [u8; 6] {
    six(0x0a, 0, length)
}

fn read(length: usize) -> [u8; 6] {
    six(0x08, 0, length)
}

fn locate(object: u64) -> Vec<u8> {
    let mut command = vec![0x92, 0, 0, 0];
    command.extend(object.to_be_bytes());
    command.extend([0; 4]);
    command
}

/// Bytes that no compression shortens, different for each number.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}
