//! A small night on one tape, with something going wrong at each command in turn.
//!
//! The night writes files and flushes; what was flushed is believed to be there for good. After an error it does as
//! the taper does: it goes to where it knows that all is well, looks whether it is, and writes the rest again. In the
//! end everything must be on the tape that was ever called flushed, and the label must be what it was.

use types::{BlockSize, FileNo};

use super::plain::{Fault, Plain, deferred, sense};
use super::{Setup, TapeDrive};
use crate::drive::{Drive, DriveError, Met, Position, Wrote};

const BLOCK: BlockSize = BlockSize::HEADER;
const FILES: u32 = 4;
const BLOCKS: u64 = 3;

fn sample(file: u32, block: u64) -> Vec<u8> {
    let [seed] = u8::try_from(u64::from(file) * 16 + block).unwrap().to_le_bytes();
    vec![seed; BLOCK.len()]
}

/// Writes file `from` and all behind it. `flushed` is how many files are safe.
fn write(drive: &mut dyn Drive, flushed: &mut u32) -> Result<(), DriveError> {
    let from = *flushed;
    drive.locate(Position::start_of(FileNo(from)))?;
    for file in from..FILES {
        for block in 0..BLOCKS {
            assert_ne!(drive.write_block(&sample(file, block))?, Wrote::Nothing);
        }
        drive.write_filemark()?;
        if file % 2 == 0 || file + 1 == FILES {
            assert_eq!(drive.flush()?, Position::start_of(FileNo(file + 1)));
            *flushed = file + 1;
        }
    }
    Ok(())
}

/// Reads what should be there, and nothing else.
fn check(drive: &mut dyn Drive, files: u32) -> Result<(), DriveError> {
    drive.rewind()?;
    let mut buffer = vec![0; BLOCK.len()];
    for file in 0..files {
        for block in 0..BLOCKS {
            assert_eq!(drive.read_block(&mut buffer)?, Met::Block(BLOCK.len()), "{file} {block}");
            assert!(buffer == sample(file, block), "file {file}, block {block}");
        }
        assert_eq!(drive.read_block(&mut buffer)?, Met::Filemark, "{file}");
    }
    Ok(())
}

/// The whole night. Errors are met with the patience of the taper: a few are.
fn night(drive: &mut dyn Drive) {
    let mut flushed = 0;
    for _ in 0..10 {
        let done = check(drive, flushed).and_then(|()| write(drive, &mut flushed));
        if done.is_ok() && flushed == FILES {
            return check(drive, FILES)
                .or_else(|_| check(drive, FILES))
                .expect("one fault, no more");
        }
    }
    panic!("only {flushed} files were written");
}

#[test]
fn no_single_fault_loses_what_was_flushed() {
    let faults = [
        Fault::Complain(sense(3, 0x0c, 0)),
        Fault::Complain(sense(4, 0x44, 0)),
        Fault::Complain(deferred(sense(3, 0x0c, 0))),
        Fault::Complain(sense(6, 0x29, 0)),
        Fault::Complain(sense(6, 0x28, 0)),
        Fault::Complain(sense(6, 0x2a, 1)),
        Fault::Complain(sense(0xb, 0x4e, 0)),
        Fault::Complain(sense(2, 0x04, 1)),
        Fault::Reset,
        Fault::NoAnswer,
        Fault::AnswerLost,
    ];
    for fault in faults {
        for command in 0.. {
            let plain = Plain::default();
            plain.state().fault = Some((command, fault.clone()));
            let setup = Setup { block: BLOCK, ..Setup::default() };
            eprintln!("{fault:?} at command {command}");
            night(&mut TapeDrive::new("d0".parse().unwrap(), plain.clone(), setup));
            if plain.state().fault.is_some() {
                break; // every command has had its turn
            }
        }
    }
}

/// Between the look at the position and the write there is a gap, and a host that uses it is kept out only by a
/// reservation. But nothing is called safe that such a one has spoilt.
#[test]
fn a_foreign_rewind_at_any_command_is_noticed_at_the_next_flush() {
    for command in 0.. {
        let plain = Plain::default();
        plain.state().fault = Some((command, Fault::Rewound));
        let setup = Setup { block: BLOCK, ..Setup::default() };
        let mut drive = TapeDrive::new("d0".parse().unwrap(), plain.clone(), setup);
        let mut flushed = 0;
        let done = write(&mut drive, &mut flushed);
        if plain.state().fault.is_some() {
            break;
        }
        if done.is_ok() {
            check(&mut drive, flushed).unwrap();
        }
    }
}
