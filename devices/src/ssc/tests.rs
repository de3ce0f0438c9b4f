//! The drive against single answers: what it makes of each sense that the books have, at each command.

use types::{Blame, BlockSize, Bytes, FileNo, ObjectNo};

use super::plain::{Plain, deferred, sense};
use super::{Cleaning, Setup, TapeDrive};
use crate::conformance::{self, Bench};
use crate::drive::{Drive, DriveError, Met, Position, Wrote};

const BLOCK: BlockSize = BlockSize::HEADER;

fn open(plain: &Plain) -> TapeDrive<Plain> {
    TapeDrive::new("d0".parse().unwrap(), plain.clone(), Setup { block: BLOCK, ..Setup::default() })
}

fn block(number: u8) -> Vec<u8> {
    vec![number; BLOCK.len()]
}

fn place(file: u32, block: u64) -> Position {
    Position { file: FileNo(file), block }
}

/// Files of so many blocks, flushed; the drive stands behind them.
fn written(plain: &Plain, files: &[u8]) -> TapeDrive<Plain> {
    let mut drive = open(plain);
    drive.rewind().unwrap();
    for &blocks in files {
        for number in 0..blocks {
            assert_eq!(drive.write_block(&block(number)).unwrap(), Wrote::Block);
        }
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
    drive
}

struct PlainBench(Plain);

impl Bench for PlainBench {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        self.0 = Plain::default();
        let end = usize::try_from(room.0 / BLOCK.bytes().0).unwrap();
        let mut state = self.0.state();
        (state.end, state.early) = (Some(end), Some(end - 8));
        drop(state);
        Box::new(open(&self.0))
    }

    fn reload(&mut self) {
        let mut state = self.0.state();
        state.at = 0;
        state.attention = Some(sense(6, 0x28, 0));
    }
}

#[test]
fn the_plainest_drive_conforms() {
    conformance::drive(&mut PlainBench(Plain::default()));
}

/// What is done at each step of a session, and with which command.
const STEPS: &[(&str, u8, Step)] = &[
    ("write", 0x0a, |drive| drive.write_block(&block(9)).map(drop)),
    ("mark", 0x10, |drive| drive.write_filemark()),
    ("flush", 0x10, |drive| drive.flush().map(drop)),
    ("read", 0x08, |drive| drive.read_block(&mut block(0)).map(drop)),
    ("tell", 0x34, |drive| drive.position().map(drop)),
    ("rewind", 0x01, |drive| drive.rewind()),
    ("locate", 0x92, |drive| drive.locate(place(1, 1))),
    ("end", 0x11, |drive| drive.to_end_of_data().map(drop)),
];

type Step = fn(&mut TapeDrive<Plain>) -> Result<(), DriveError>;

fn moves(name: &str) -> bool {
    matches!(name, "rewind" | "locate" | "end")
}

/// A drive in the middle of a file, with something in its buffer, that complains at one step.
fn complaining(code: u8, raw: Vec<u8>) -> (Plain, TapeDrive<Plain>) {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1, 3]);
    drive.locate(place(1, 2)).unwrap();
    assert_eq!(drive.write_block(&block(7)).unwrap(), Wrote::Block);
    plain.complain(code, raw);
    (plain, drive)
}

/// Every sense that is an error wherever it is met, and who is to blame.
const ERRORS: &[(u8, u8, u8, Blame)] = &[
    (0x3, 0x0c, 0x00, Blame::Medium), // write error
    (0x3, 0x11, 0x00, Blame::Medium), // unrecovered read error
    (0x3, 0x31, 0x00, Blame::Medium), // format corrupted
    (0x3, 0x50, 0x00, Blame::Medium),
    (0x3, 0x53, 0x00, Blame::Medium),
    (0x4, 0x15, 0x01, Blame::Drive),
    (0x4, 0x44, 0x00, Blame::Drive),
    (0x4, 0x10, 0x01, Blame::Host), // the check value of a block
    (0x2, 0x04, 0x03, Blame::Drive),
    (0x2, 0x3a, 0x00, Blame::Nothing),
    (0x2, 0x30, 0x03, Blame::Medium),
    (0x5, 0x24, 0x00, Blame::Host),
    (0x5, 0x30, 0x05, Blame::Medium),
    (0x7, 0x27, 0x00, Blame::Medium),
    (0x7, 0x30, 0x0c, Blame::Medium),
    (0x7, 0x74, 0x00, Blame::Host),
];

#[test]
fn every_error_says_who_is_to_blame_and_loses_the_position() {
    for &(key, asc, ascq, blame) in ERRORS {
        for &(name, code, step) in STEPS {
            if code == 0x34 && key == 5 {
                continue; // a form of READ POSITION that it does not know: it is asked for another
            }
            if code == 0x92 && key == 5 && asc == 0x24 {
                continue; // the same with LOCATE
            }
            let what = format!("{key:x}/{asc:02x}/{ascq:02x} at {name}");
            let (_, mut drive) = complaining(code, sense(key, asc, ascq));
            let error = step(&mut drive).expect_err(&what);
            assert_eq!(error.blame, blame, "{what}");
            assert!(drive.write_block(&block(1)).is_err(), "{what}: nobody knows where it stands");
            drive.rewind().expect(&what);
        }
    }
}

#[test]
fn a_deferred_error_is_never_taken_for_the_answer_to_this_command() {
    for &(name, code, step) in STEPS {
        for (key, asc) in [(0x3, 0x0c), (0x4, 0x44), (0x0, 0x00), (0x1, 0x00), (0xd, 0x00)] {
            let (plain, mut drive) = complaining(code, deferred(sense(key, asc, 0)));
            let objects = plain.state().objects.len();
            assert!(step(&mut drive).is_err(), "{key:x}/{asc:02x} at {name}");
            assert_eq!(plain.state().objects.len(), objects, "nothing was written");
            assert!(drive.flush().is_err(), "what was buffered does not count");
        }
    }
}

#[test]
fn after_a_reset_nothing_is_written_over_the_label() {
    for (asc, ascq) in [(0x29, 0x00), (0x29, 0x02), (0x28, 0x00), (0x2a, 0x03), (0x2f, 0x00)] {
        for &(name, code, step) in STEPS {
            let (plain, mut drive) = complaining(code, sense(6, asc, ascq));
            plain.state().at = 0;
            let done = step(&mut drive);
            assert_eq!(done.is_ok(), moves(name), "{asc:02x}/{ascq:02x} at {name}: {done:?}");
            if let Err(error) = done {
                assert_eq!(error.blame, Blame::Nothing, "{name}");
                assert!(drive.write_block(&block(1)).is_err());
            }
            assert_eq!(plain.state().objects[0], Some(block(0)), "the label stands");
        }
    }
}

#[test]
fn attentions_that_touch_nothing_are_passed_over() {
    for (asc, ascq) in [(0x2a, 0x02), (0x2a, 0x01), (0x2a, 0x10), (0x3f, 0x03), (0x0b, 0x01)] {
        for &(name, code, step) in STEPS {
            let (plain, mut drive) = complaining(code, sense(6, asc, ascq));
            step(&mut drive)
                .unwrap_or_else(|error| panic!("{asc:02x}/{ascq:02x} at {name}: {error}"));
            let again = plain.state().sent.iter().filter(|cdb| cdb.opcode() == code).count();
            assert!(again >= 2, "{name} was sent again");
        }
    }
}

#[test]
fn a_foreign_rewind_is_noticed_before_a_file_is_begun() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1, 2]);
    plain.state().at = 0;
    let error = drive.write_block(&block(1)).unwrap_err();
    assert_eq!(error.blame, Blame::Nothing);
    assert!(error.cause.to_string().contains("moved the tape"), "{}", error.cause);
    assert_eq!(plain.state().objects.len(), 5, "nothing was written");
    let mut drive = written(&plain, &[1, 2]);
    plain.state().at = 1;
    assert!(drive.write_filemark().is_err(), "nor is an empty file");
    let mut drive = written(&plain, &[1, 2]);
    plain.state().at = 1;
    assert!(drive.flush().is_err(), "and nothing counts as flushed");
    let mut drive = written(&plain, &[1, 2]);
    plain.state().at = 1;
    assert!(drive.position().is_err());
}

#[test]
fn remarks_are_written_down_and_are_no_errors() {
    let remarks = [
        (0, 0x00, 0x17),
        (1, 0x00, 0x17),
        (0, 0x82, 0x82),
        (1, 0x83, 0x83),
        (1, 0x0c, 0x00),
        (0, 0x5d, 0),
    ];
    for (key, asc, ascq) in remarks {
        for &(name, code, step) in
            STEPS.iter().filter(|(name, ..)| *name != "read" && *name != "tell")
        {
            let (_, mut drive) = complaining(code, sense(key, asc, ascq));
            // The plain drive complains instead of doing it, so only the answer counts here.
            if moves(name) || name == "flush" {
                continue;
            }
            step(&mut drive).unwrap_or_else(|error| panic!("{key}/{asc:02x} at {name}: {error}"));
            assert_ne!(
                drive.notes(),
                super::Notes::default(),
                "{key}/{asc:02x}/{ascq:02x} at {name}"
            );
        }
    }
    let (_, mut drive) = complaining(0x0a, sense(0, 0x00, 0x17));
    assert_eq!(drive.write_block(&block(1)).unwrap(), Wrote::Block);
    assert_eq!(drive.notes().cleaning, Cleaning::Asked);
}

#[test]
fn a_warning_stays_until_the_tape_goes_back() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1]);
    for warning in [sense(0x40, 0, 2), sense(0, 0, 7)] {
        drive.locate(place(1, 0)).unwrap();
        assert_eq!(drive.write_block(&block(0)).unwrap(), Wrote::Block);
        plain.complain(0x0a, warning);
        // It says so instead of taking the block: this drive counts on.
        assert_eq!(drive.write_block(&block(1)).unwrap(), Wrote::BlockNearEnd);
        plain.state().at += 1;
        plain.state().objects.push(Some(block(1)));
        assert_eq!(drive.write_block(&block(2)).unwrap(), Wrote::BlockNearEnd);
        drive.write_filemark().unwrap();
    }
    drive.locate(place(1, 0)).unwrap();
    assert_eq!(drive.write_block(&block(0)).unwrap(), Wrote::Block, "far from the end again");
}

#[test]
fn a_hint_leads_straight_to_the_block_and_is_proved() {
    let plain = Plain::default();
    written(&plain, &[1, 3, 2]);
    let mut drive = open(&plain);
    drive.rewind().unwrap();
    drive.recall(FileNo(2), ObjectNo(6));
    plain.state().sent.clear();
    drive.locate(place(2, 1)).unwrap();
    let codes: Vec<u8> = plain.state().sent.iter().map(|cdb| cdb.opcode()).collect();
    assert_eq!(codes, [0x92, 0x34], "one jump, and the proof");
    assert_eq!(plain.state().at, 7);
}

#[test]
fn a_wrong_hint_costs_time_and_nothing_else() {
    let plain = Plain::default();
    written(&plain, &[1, 3, 2]);
    for wrong in [0, 1, 4, 9, u64::MAX] {
        let mut drive = open(&plain);
        drive.rewind().unwrap();
        drive.recall(FileNo(2), ObjectNo(wrong));
        drive.locate(place(2, 1)).unwrap();
        assert_eq!(plain.state().at, 7, "{wrong}");
        assert_eq!(drive.object_of(FileNo(2)), Some(ObjectNo(6)));
    }
}

#[test]
fn nothing_is_written_where_only_the_catalogue_says_that_a_file_begins() {
    let plain = Plain::default();
    written(&plain, &[1, 3, 2]);
    let mut drive = open(&plain);
    drive.rewind().unwrap();
    // In the right file, but not at its start.
    drive.recall(FileNo(1), ObjectNo(3));
    drive.locate(place(1, 0)).unwrap();
    assert!(drive.write_block(&block(9)).is_err());
    assert_eq!(plain.state().objects.len(), 9);
    let mut drive = open(&plain);
    drive.rewind().unwrap();
    drive.recall(FileNo(1), ObjectNo(2));
    drive.locate(place(1, 1)).unwrap();
    assert_eq!(drive.write_block(&block(9)).unwrap(), Wrote::Block);
    assert_eq!(plain.state().objects.len(), 4);
}

#[test]
fn old_drives_get_old_commands() {
    let plain = Plain::default();
    written(&plain, &[1, 3, 2]);
    plain.state().unknown = vec![(0x92, 0), (0x34, 6), (0x34, 8)];
    let mut drive = open(&plain);
    assert_eq!(drive.to_end_of_data().unwrap(), place(3, 0), "files are counted one by one");
    drive.locate(place(1, 2)).unwrap();
    let mut buffer = block(0);
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(BLOCK.len()));
    assert_eq!(buffer, block(2));
    assert_eq!(drive.position().unwrap(), place(1, 3));
    assert!(drive.locate(place(5, 0)).is_err());
}

#[test]
fn a_blank_tape_is_empty_however_the_drive_says_so() {
    for blank in [sense(8, 0, 5), sense(8, 0x14, 3), sense(8, 0, 0)] {
        let plain = Plain::default();
        let mut drive = open(&plain);
        drive.rewind().unwrap();
        plain.complain(0x08, blank.clone());
        assert_eq!(drive.read_block(&mut block(0)).unwrap(), Met::EndOfData);
        plain.complain(0x11, blank);
        assert_eq!(drive.to_end_of_data().unwrap(), Position::BEGINNING);
        assert_eq!(drive.write_block(&block(1)).unwrap(), Wrote::Block);
    }
}

#[test]
fn a_tape_without_end_of_data_can_be_read_and_not_appended_to() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1, 2]);
    plain.complain(0x11, sense(8, 0x14, 3));
    let error = drive.to_end_of_data().unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
    assert!(error.cause.to_string().contains("no end of data"), "{}", error.cause);
    drive.locate(place(1, 1)).unwrap();
    assert_eq!(drive.read_block(&mut block(0)).unwrap(), Met::Block(BLOCK.len()));
}

#[test]
fn a_busy_drive_is_asked_again() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1]);
    for status in [0x08, 0x28, 0x08] {
        plain.complain(0x0a, vec![status]);
    }
    assert_eq!(drive.write_block(&block(1)).unwrap(), Wrote::Block);
    assert_eq!(plain.state().waited.as_secs(), 3);
    assert_eq!(plain.state().objects.len(), 3, "and takes the block once");
}

#[test]
fn a_drive_that_another_host_has_reserved_is_somebody_else_s() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1]);
    plain.complain(0x0a, vec![0x18]);
    let error = drive.write_block(&block(1)).unwrap_err();
    assert_eq!(error.blame, Blame::Drive);
    let why = error.cause.source().unwrap().to_string();
    assert!(why.contains("another host has reserved it"), "{why}");
}

#[test]
fn a_complaint_without_reason_is_an_error_in_words() {
    let plain = Plain::default();
    let mut drive = open(&plain);
    plain.complain(0x00, Vec::new());
    let error = drive.rewind().unwrap_err();
    assert_eq!(error.to_string(), "drive d0 could not go to file 0, block 0");
    assert!(error.cause.to_string().contains("say whether it is ready"), "{}", error.cause);
}

/// Pages 0Fh, 10h/01h and 0Ah/F0h of a drive that compresses, warns where it likes, and checks nothing.
fn with_pages() -> Plain {
    let plain = Plain::default();
    let mut state = plain.state();
    state.fixed = true;
    state.pages = vec![vec![0x8f, 14], vec![0x50, 1, 0, 28], vec![0x4a, 0xf0, 0, 28]];
    state.pages[0].resize(16, 0);
    state.pages[0][2] = 0xc0;
    state.pages[1].resize(32, 0);
    state.pages[2].resize(32, 0);
    drop(state);
    plain
}

#[test]
fn a_drive_is_set_before_it_is_used_and_again_after_a_reset() {
    let plain = with_pages();
    let setup =
        Setup { block: BLOCK, warn_before_end: Some(Bytes(2_500_000_000)), ..Setup::default() };
    let mut drive = TapeDrive::new("d0".parse().unwrap(), plain.clone(), setup);
    for _ in 0..2 {
        drive.rewind().unwrap();
        let state = plain.state();
        assert!(!state.fixed, "blocks of any length");
        assert_eq!(state.pages[0][2], 0x40, "no compression");
        assert_eq!(state.pages[1][6..8], 2500_u16.to_be_bytes(), "megabytes before the end");
        assert_eq!(state.pages[2][4..7], [2, 4, 0xc0], "CRC-32C both ways");
        drop(state);
        plain.state().reset();
    }
    drive.rewind().unwrap();
    plain.state().sent.clear();
    drive.set_compression(super::Compression::On);
    drive.rewind().unwrap();
    assert_eq!(plain.state().pages[0][2], 0xc0);
    let selects = plain.state().sent.iter().filter(|cdb| cdb.opcode() == 0x55).count();
    assert_eq!(selects, 1, "what is as it should be is not set");
}

#[test]
fn check_values_travel_both_ways() {
    let plain = with_pages();
    let mut drive = written(&plain, &[1, 2]);
    assert_eq!(plain.state().objects[0], Some(block(0)), "they are not part of the block");
    drive.rewind().unwrap();
    let mut buffer = vec![0; 2 * BLOCK.len()];
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(BLOCK.len()));
    assert!(buffer[..BLOCK.len()] == block(0));
    drive.rewind().unwrap();
    assert!(drive.read_block(&mut [0; 512]).is_err(), "too long as ever");
    for bit in [0, 8 * BLOCK.len() - 1, 8 * BLOCK.len(), 8 * BLOCK.len() + 31] {
        drive.rewind().unwrap();
        plain.state().spoilt = Some(bit);
        let error = drive.read_block(&mut buffer).unwrap_err();
        assert_eq!(error.blame, Blame::Host, "bit {bit}");
        assert!(error.cause.to_string().contains("check cables"), "{}", error.cause);
    }
    drive.rewind().unwrap();
    assert_eq!(drive.read_block(&mut vec![0; BLOCK.len()]).unwrap(), Met::Block(BLOCK.len()));
}

#[test]
fn a_drive_with_check_values_conforms() {
    struct Checked(PlainBench);
    impl Bench for Checked {
        fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
            let drive = self.0.blank(room);
            self.0.0.state().pages = with_pages().state().pages.clone();
            drive
        }
        fn reload(&mut self) {
            self.0.reload();
        }
    }
    conformance::drive(&mut Checked(PlainBench(Plain::default())));
}

#[test]
fn blocks_that_do_not_fit_are_refused_before_anything_is_written() {
    let plain = with_pages();
    plain.state().longest = Some(BLOCK.len());
    written(&plain, &[1]);
    assert_eq!(plain.state().pages[2][4], 0, "no room for a check value, so there is none");
    plain.state().longest = Some(BLOCK.len() - 1);
    let error = open(&plain).rewind().unwrap_err();
    assert_eq!(error.blame, Blame::Host);
    assert!(error.cause.to_string().contains("the adapter of this host"), "{}", error.cause);
    let plain = Plain::default();
    plain.complain(0x05, sense(3, 0x11, 0));
    assert!(open(&plain).rewind().is_err(), "a drive that cannot even say so is not used");
}

#[test]
fn whoever_comes_with_room_for_any_block_reads_on_a_drive_that_has_a_limit() {
    let plain = Plain::default();
    let mut drive = written(&plain, &[1]);
    drive.rewind().unwrap();
    assert_eq!(drive.read_block(&mut vec![0; 12 << 20]).unwrap(), Met::Block(BLOCK.len()));
}

#[test]
fn a_flush_counts_only_what_the_drive_says_is_on_the_medium() {
    for unknown in [vec![], vec![(0x34, 8)]] {
        let plain = Plain::default();
        let mut drive = written(&plain, &[1, 2]);
        plain.state().unknown = unknown;
        assert_eq!(drive.write_block(&block(1)).unwrap(), Wrote::Block);
        drive.write_filemark().unwrap();
        plain.state().held_back = 2;
        let error = drive.flush().unwrap_err();
        assert_eq!(error.blame, Blame::Medium);
        let why = error.cause.to_string();
        assert!(why.contains("only what is before object 5 is on the medium"), "{why}");
        assert!(drive.write_block(&block(1)).is_err());
    }
}
