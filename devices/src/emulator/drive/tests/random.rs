//! A naive tape beside the drive: whatever is done to both, they agree.

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use tempfile::TempDir;

use super::{Bench, DRIVE, US, locate, noise, one, read, six, tape, write};
use crate::emulator::{Generation, Library, Pace, PowerCut};
use crate::scsi::Status;

/// Objects, where it stands, and how many cannot be lost.
#[derive(Clone, Debug, Default)]
struct Naive {
    /// None is a filemark.
    objects: Vec<Option<Vec<u8>>>,
    at: usize,
    safe: usize,
    writing: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, usize),
    Mark,
    Flush,
    Read,
    Rewind,
    Locate(u8),
    Space(u8, i8),
    PowerCut,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u64>(), 1..300_usize).prop_map(|(number, length)| Step::Write(number, length)),
        2 => Just(Step::Mark),
        1 => Just(Step::Flush),
        4 => Just(Step::Read),
        1 => Just(Step::Rewind),
        2 => any::<u8>().prop_map(Step::Locate),
        2 => (0..2_u8, -4..5_i8).prop_map(|(kind, count)| Step::Space(kind, count)),
        1 => Just(Step::PowerCut),
        1 => Just(Step::Reset),
    ]
}

impl Naive {
    fn put(&mut self, object: Option<Vec<u8>>) {
        if !self.writing {
            self.safe = self.safe.min(self.at);
        }
        self.objects.truncate(self.at);
        self.safe = self.safe.min(self.at);
        self.objects.push(object);
        self.at += 1;
        self.writing = true;
    }

    fn rest(&mut self) {
        self.safe = self.objects.len();
        self.writing = false;
    }

    fn lose(&mut self) {
        self.objects.truncate(self.safe);
        self.at = 0;
        self.writing = false;
    }

    /// One object at a time, as the standard's text has it.
    fn space(&mut self, kind: u8, count: i8) {
        let mut left = count.unsigned_abs();
        while left > 0 {
            let next = if count > 0 { Some(self.at) } else { self.at.checked_sub(1) };
            let Some(next) = next.filter(|&next| next < self.objects.len()) else { return };
            self.at = if count > 0 { next + 1 } else { next };
            let mark = self.objects[next].is_none();
            match (kind, mark) {
                (0, true) => return,
                (1, false) => {}
                _ => left -= 1,
            }
        }
    }
}

fn play(bench: &Bench, naive: &mut Naive, step: &Step) {
    match step {
        Step::Write(number, length) => {
            bench.write(&noise(*number, *length));
            naive.put(Some(noise(*number, *length)));
        }
        Step::Mark => {
            bench.mark();
            naive.put(None);
        }
        Step::Flush => {
            bench.flush();
            naive.safe = if naive.writing { naive.objects.len() } else { naive.safe };
        }
        Step::Read => {
            naive.rest();
            let answer = bench.run(US, &six(0x08, 2, 300), &[], 300);
            match naive.objects.get(naive.at) {
                Some(Some(block)) => {
                    assert_eq!((answer.status, &answer.data), (Status::Good, block))
                }
                Some(None) => assert_eq!(super::said_in(&answer).code, (0, 1)),
                None => assert_eq!(super::said_in(&answer).key, 8),
            }
            naive.at = (naive.at + 1).min(naive.objects.len());
        }
        Step::Rewind => {
            bench.rewind();
            naive.rest();
            naive.at = 0;
        }
        Step::Locate(object) => {
            naive.rest();
            let object = usize::from(*object) % (naive.objects.len() + 1);
            bench.ok(&locate(object as u64), &[], 0);
            naive.at = object;
        }
        Step::Space(kind, count) => {
            naive.rest();
            let [_, a, b, c] = i32::from(*count).to_be_bytes();
            bench.run(US, &[0x11, *kind, a, b, c, 0], &[], 0);
            naive.space(*kind, *count);
        }
        Step::PowerCut => {
            bench.library.power_cycle();
            bench.settle(US);
            naive.lose();
        }
        Step::Reset => {
            bench.library.reset(DRIVE);
            bench.settle(US);
            naive.lose();
        }
    }
    let files = naive.objects.iter().take(naive.at).filter(|it| it.is_none()).count();
    assert_eq!(bench.position(), (naive.at as u64, files as u64), "{step:?}");
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn the_drive_does_what_a_naive_tape_does(steps in proptest::collection::vec(step(), 1..60)) {
        let mut setup = one(Generation::Lto8).with(tape(Generation::Lto8));
        setup.power_cut = PowerCut::CleanEnd;
        let bench = Bench::new(setup);
        let mut naive = Naive::default();
        for step in &steps {
            play(&bench, &mut naive, step);
        }
    }

    #[test]
    fn no_command_however_strange_makes_it_panic(
        command in proptest::collection::vec(any::<u8>(), 0..17),
        out in proptest::collection::vec(any::<u8>(), 0..200),
        room in 0..70_000_usize,
    ) {
        let bench = Bench::lto8();
        bench.write(b"something");
        let mut command = command;
        // Of every opcode that is known, more than of those that are not.
        if let Some(first) = command.first_mut() && *first > 0xb6 {
            *first &= 0x1f;
        }
        let answer = bench.library.execute(DRIVE, US, &command, &out, room).unwrap();
        assert!(answer.data.len() <= room);
    }
}

fn reopened(directory: &TempDir) -> Bench {
    let setup = one(Generation::Lto8).with(tape(Generation::Lto8));
    let library = Library::in_directory(directory.path(), setup).unwrap();
    library.set_pace(Pace::Instant);
    let bench = Bench { library };
    bench.settle(US);
    bench
}

/// Writes three files, and stops after so many commands.
fn session(bench: &Bench, commands: usize) -> usize {
    let mut safe = 0;
    let mut done = 0;
    for file in 0..3_u64 {
        for command in 0..3 {
            if done == commands {
                return safe;
            }
            done += 1;
            match command {
                0 => bench.write(&noise(file, 5000)),
                1 => bench.mark(),
                _ => {
                    bench.flush();
                    safe = usize::try_from(file + 1).unwrap() * 2;
                }
            }
        }
    }
    safe
}

#[test]
fn what_was_flushed_outlives_the_process_wherever_it_dies() {
    for commands in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let bench = reopened(&directory);
        let safe = session(&bench, commands);
        drop(bench);
        let bench = reopened(&directory);
        for file in 0..safe / 2 {
            assert_eq!(bench.read(5000), noise(file as u64, 5000));
            assert_eq!(bench.fails(&read(5000), &[], 5000).code, (0, 1));
        }
        let end = bench.fails(&read(5000), &[], 5000);
        let torn = if commands % 3 == 0 { (0, 5) } else { (0x14, 3) };
        assert_eq!((end.key, end.code), (8, torn), "after {commands}");
    }
}

#[test]
fn a_drive_stays_as_dirty_as_it_is_and_counts_on_when_the_library_is_opened_again() {
    let log = |bench: &Bench, page: u8| {
        bench.ok(&[0x4d, 0, 0x40 | page, 0, 0, 0, 0, 0xff, 0xff, 0], &[], 0xffff)
    };
    let directory = tempfile::tempdir().unwrap();
    let bench = reopened(&directory);
    bench.write(&noise(1, 5000));
    bench.flush();
    let errors = log(&bench, 0x02);
    bench.library.soil(DRIVE);
    bench.ok(&[0x1b, 0, 0, 0, 0, 0], &[], 0);
    let [sequential, statistics] = [0x0c, 0x14].map(|page| log(&bench, page));
    // With nothing in it, nothing adds to what was counted.
    bench.library.operator().open_door().unwrap();
    bench.library.operator().take(super::Spot::Drive(0)).unwrap();
    drop(bench);
    let library = Library::in_directory(directory.path(), one(Generation::Lto8)).unwrap();
    let bench = Bench { library };
    while bench.run(US, &[0; 6], &[], 0).sense.get(2) == Some(&6) {}
    assert_eq!(log(&bench, 0x02), errors);
    assert_eq!(log(&bench, 0x0c), sequential, "bytes, and that it wants to be cleaned");
    assert_eq!(log(&bench, 0x14), statistics, "loads, and hours");
    let clean_now = 4 + (0x15 - 1) * 5 + 4;
    assert_eq!(log(&bench, 0x2e)[clean_now], 1, "TapeAlert: clean periodic");
}

#[test]
fn a_library_remembers_its_chips_and_is_had_by_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let bench = reopened(&directory);
    let list = [&[0, 0, 0, 9, 0x08, 0x01, 1, 0, 4][..], b"mine"].concat();
    bench.ok(&[0x8d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0], &list, 0);
    let setup = one(Generation::Lto8);
    assert!(Library::in_directory(directory.path(), setup).is_err(), "it is taken");
    drop(bench);
    let bench = reopened(&directory);
    let reply = bench.ok(&[0x8c, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 64, 0, 0], &[], 64);
    assert_eq!(&reply[9..], b"mine");
    bench.ok(&write(4), b"data", 0);
}
