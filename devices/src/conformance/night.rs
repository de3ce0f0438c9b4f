//! A small night on one tape, for whoever lets something go wrong at each command in turn.
//!
//! The night writes files and flushes; what was flushed is believed to be there for good. After an error it does as
//! the taper does: it goes to where it knows that all is well, looks whether it is, and writes the rest again. In the
//! end everything must be on the tape that was ever called flushed.

use types::{BlockSize, FileNo};

use crate::drive::{Drive, DriveError, Met, Position, Wrote};

/// The blocks of the drive.
pub const BLOCK: BlockSize = BlockSize::HEADER;
const FILES: u32 = 4;
const BLOCKS: u64 = 3;

/// So often it is tried again.
const PATIENCE: u32 = 10;

fn sample(file: u32, block: u64) -> Vec<u8> {
    let seed = u64::from(file) * 16 + block;
    vec![seed.to_le_bytes()[0]; BLOCK.len()]
}

/// Writes the files behind the first `flushed`, which counts those that are safe.
pub fn write(drive: &mut dyn Drive, flushed: &mut u32) -> Result<(), DriveError> {
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

/// Reads the first `files` files, which must be what was written.
pub fn check(drive: &mut dyn Drive, files: u32) -> Result<(), DriveError> {
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

/// The whole night, in which one thing may go wrong. After each error, and before the next try, `recover` may do to
/// the drive what a library does. Panics if the files are not on the tape in the end.
pub fn night<D: Drive>(drive: &mut D, mut recover: impl FnMut(&mut D, &DriveError)) {
    let mut flushed = 0;
    for _ in 0..PATIENCE {
        match check(drive, flushed).and_then(|()| write(drive, &mut flushed)) {
            Ok(()) => {
                let whole = check(drive, FILES).or_else(|_| check(drive, FILES));
                return whole.expect("one fault, no more");
            }
            Err(error) => recover(drive, &error),
        }
    }
    panic!("only {flushed} files were written");
}
