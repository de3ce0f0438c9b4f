//! What every drive and every changer must do: one suite for all of them, real ones too.
//!
//! A test gives the suite a [`Bench`] and calls [`drive()`] or [`changer()`]. They panic, saying what is wrong.

use types::{Blame, Bytes, FileNo};

use crate::drive::{Drive, LastBlock, Met, Position, Wrote};

mod changer;
pub mod night;

pub use changer::changer;

/// Where drives are tested.
pub trait Bench {
    /// A drive with an empty medium in it that holds about `room`, and warns near the end of that.
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive>;

    /// Takes the medium out of that drive and puts it in again.
    fn reload(&mut self);
}

/// Tries everything that a drive promises.
pub fn drive(bench: &mut dyn Bench) {
    drive_but_for(bench, &[]);
}

/// Tries everything that a drive promises, but for the promises named, each with the reason why what is behind
/// the drive cannot keep it.
pub fn drive_but_for(bench: &mut dyn Bench, excluded: &[(&str, &str)]) {
    for (name, reason) in excluded {
        let known = PROMISES.iter().any(|(promise, _)| promise == name);
        assert!(known && !reason.is_empty(), "{name} is not promised, or needs no reason");
    }
    for (name, try_it) in PROMISES {
        if !excluded.iter().any(|(other, _)| other == name) {
            try_it(bench);
        }
    }
}

macro_rules! promises {
    ($($name:ident,)*) => { &[$((stringify!($name), $name as fn(&mut dyn Bench)),)*] };
}

/// What a promise is called, and what tries it.
type Promise = (&'static str, fn(&mut dyn Bench));

const PROMISES: &[Promise] = promises![
    an_empty_medium_ends_at_once,
    what_was_written_is_read,
    every_place_can_be_gone_to,
    places_behind_the_end_are_errors,
    writing_discards_all_behind,
    writing_in_the_middle_of_a_file_discards_its_rest,
    going_back_in_an_unfinished_file_discards_its_rest,
    a_file_without_filemark_is_no_file,
    the_end_is_announced_and_then_refused,
    a_full_medium_can_still_end_its_file,
    long_blocks_are_errors,
    the_position_is_unknown_after_an_error,
    flushed_files_outlive_a_reload,
    the_last_block_may_be_short_where_the_limits_say_so,
];

/// Enough for all tests that do not want to meet the end.
const ROOMY: Bytes = Bytes(64 << 20);

fn an_empty_medium_ends_at_once(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    drive.rewind().expect("rewind an empty medium");
    assert_eq!(read(drive), None, "an empty medium has no blocks");
    assert_eq!(read(drive), None, "the end of data is met as often as one reads");
    assert_eq!(drive.to_end_of_data().expect("find the end"), Position::BEGINNING);
}

fn what_was_written_is_read(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 3, 2]);
    drive.rewind().expect("rewind");
    for (file, blocks) in (0..).zip([1, 3, 2]) {
        for block in 0..blocks {
            assert_eq!(drive.position().expect("tell"), place(file, block));
            assert_eq!(read(drive), Some(Ok(sample(drive, file, block))), "{file} {block}");
        }
        assert_eq!(read(drive), Some(Err(())), "a filemark ends file {file}");
    }
    assert_eq!(read(drive), None, "behind the last file is the end of data");
}

fn every_place_can_be_gone_to(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 4, 1]);
    for (file, block) in [(1, 3), (0, 0), (2, 0), (1, 1), (1, 0), (1, 2)] {
        drive.locate(place(file, block)).expect("locate");
        assert_eq!(drive.position().expect("tell"), place(file, block));
        assert_eq!(read(drive), Some(Ok(sample(drive, file, block))), "{file} {block}");
    }
    drive.locate(place(1, 4)).expect("before a filemark is a place");
    assert_eq!(read(drive), Some(Err(())));
    drive.locate(place(3, 0)).expect("the end of data is a place");
    assert_eq!(read(drive), None);
    assert_eq!(drive.to_end_of_data().expect("find the end"), place(3, 0));
}

fn places_behind_the_end_are_errors(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 2]);
    for behind in [place(3, 0), place(2, 1), place(1, 9)] {
        let error = drive.locate(behind).expect_err("there is no such place");
        assert_eq!(error.blame, Blame::Medium, "{behind}");
    }
}

fn writing_discards_all_behind(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 2, 2, 2]);
    drive.locate(place(2, 0)).expect("locate");
    write_file(drive, 7, 1);
    assert_eq!(drive.flush().expect("flush"), place(3, 0));
    assert_eq!(drive.to_end_of_data().expect("find the end"), place(3, 0));
    drive.locate(place(1, 1)).expect("what is before stays");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, 1))));
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), Some(Ok(sample(drive, 7, 0))), "the new file is read");
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), None, "the old ones are gone");
}

fn writing_in_the_middle_of_a_file_discards_its_rest(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 4, 2]);
    drive.locate(place(1, 2)).expect("locate");
    let block = sample(drive, 9, 9);
    assert_eq!(drive.write_block(&block).expect("write"), Wrote::Block);
    drive.write_filemark().expect("mark");
    drive.flush().expect("flush");
    drive.locate(place(1, 1)).expect("what is before stays");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, 1))));
    assert_eq!(read(drive), Some(Ok(block)));
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), None);
}

fn going_back_in_an_unfinished_file_discards_its_rest(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1]);
    write_blocks(drive, 1, 0..5);
    drive.locate(place(1, 2)).expect("an unfinished file has places");
    assert_eq!(drive.position().expect("tell"), place(1, 2));
    write_blocks(drive, 8, 2..3);
    drive.write_filemark().expect("mark");
    drive.flush().expect("flush");
    drive.locate(place(1, 1)).expect("locate");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, 1))));
    assert_eq!(read(drive), Some(Ok(sample(drive, 8, 2))));
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), None);
}

fn a_file_without_filemark_is_no_file(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    write_files(&mut *drive, &[1, 2]);
    write_blocks(&mut *drive, 2, 0..3);
    bench.reload();
    let drive = &mut *drive;
    let end = drive.to_end_of_data().expect("find the end");
    assert_eq!(end.file, FileNo(2), "the torn file may show blocks, but it does not end");
    drive.locate(place(2, 0)).expect("its beginning is a place");
    while let Some(met) = read(drive) {
        assert!(met.is_ok(), "a torn file has no filemark");
    }
    drive.locate(place(2, 0)).expect("locate");
    write_file(drive, 5, 1);
    assert_eq!(drive.flush().expect("flush"), place(3, 0));
    drive.locate(place(2, 0)).expect("locate");
    assert_eq!(read(drive), Some(Ok(sample(drive, 5, 0))), "it is written over");
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), None);
}

fn the_end_is_announced_and_then_refused(bench: &mut dyn Bench) {
    let mut drive = bench.blank(Bytes(8 << 20));
    let drive = &mut *drive;
    write_files(drive, &[1]);
    let (mut warned, mut block) = (false, 0);
    loop {
        assert!(block < 100_000, "the medium must end");
        let wrote = drive.write_block(&sample(drive, 1, block)).expect("write");
        match wrote {
            Wrote::Block => assert!(!warned, "near the end it stays near the end"),
            Wrote::BlockNearEnd => warned = true,
            Wrote::Nothing => break,
        }
        block += 1;
    }
    assert!(warned, "the end is announced before it comes");
    assert_eq!(drive.position().expect("tell"), place(1, block), "a refused block is not there");
    drive.write_filemark().expect("the mark still fits");
    assert_eq!(drive.flush().expect("flush"), place(2, 0));
    drive.locate(place(1, block - 1)).expect("locate");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, block - 1))), "the last block is there");
    assert_eq!(read(drive), Some(Err(())));
    assert_eq!(read(drive), None);
}

fn a_full_medium_can_still_end_its_file(bench: &mut dyn Bench) {
    let mut drive = bench.blank(Bytes(4 << 20));
    let drive = &mut *drive;
    write_files(drive, &[1]);
    let mut block = 0;
    while drive.write_block(&sample(drive, 1, block)).expect("write") != Wrote::Nothing {
        block += 1;
    }
    drive.locate(place(1, block - 1)).expect("go back by a block");
    assert_ne!(drive.write_block(&sample(drive, 2, 1)).expect("write"), Wrote::Nothing);
    drive.write_filemark().expect("mark");
    assert_eq!(drive.flush().expect("flush"), place(2, 0));
}

fn long_blocks_are_errors(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1]);
    drive.rewind().expect("rewind");
    let mut small = [0; 512];
    assert!(drive.read_block(&mut small).is_err(), "a block is never cut short silently");
}

fn the_position_is_unknown_after_an_error(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1, 1]);
    drive.rewind().expect("rewind");
    assert!(drive.read_block(&mut [0; 512]).is_err());
    let block = sample(drive, 0, 0);
    assert!(drive.write_block(&block).is_err(), "or the label would be overwritten");
    assert!(drive.write_filemark().is_err());
    assert!(drive.position().is_err());
    assert!(drive.read_block(&mut [0; 512]).is_err());
    drive.locate(place(1, 0)).expect("a locate finds it again");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, 0))), "nothing was lost");
}

fn flushed_files_outlive_a_reload(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    write_files(&mut *drive, &[1, 2]);
    bench.reload();
    let drive = &mut *drive;
    let block = sample(drive, 0, 0);
    assert!(drive.write_block(&block).is_err(), "a cartridge that came stands nowhere yet");
    assert_eq!(drive.to_end_of_data().expect("find the end"), place(2, 0));
    drive.locate(place(1, 1)).expect("locate");
    assert_eq!(read(drive), Some(Ok(sample(drive, 1, 1))));
}

fn the_last_block_may_be_short_where_the_limits_say_so(bench: &mut dyn Bench) {
    let mut drive = bench.blank(ROOMY);
    let drive = &mut *drive;
    write_files(drive, &[1]);
    write_blocks(drive, 1, 0..2);
    let short = &sample(drive, 1, 2)[..777];
    match drive.limits().last_block {
        LastBlock::Filled => {}
        LastBlock::AsItIs => {
            assert_ne!(drive.write_block(short).expect("write"), Wrote::Nothing);
            drive.write_filemark().expect("mark");
            drive.flush().expect("flush");
            drive.locate(place(1, 2)).expect("locate");
            assert_eq!(read(drive), Some(Ok(short.to_vec())));
            assert_eq!(read(drive), Some(Err(())));
        }
    }
}

/// A block: `Some(Ok)`; a filemark: `Some(Err)`; the end of data: `None`.
fn read(drive: &mut dyn Drive) -> Option<Result<Vec<u8>, ()>> {
    let limits = drive.limits();
    let mut buffer = vec![0; limits.header.len().max(limits.block.len())];
    match drive.read_block(&mut buffer).expect("read") {
        Met::Block(length) => {
            buffer.truncate(length);
            Some(Ok(buffer))
        }
        Met::Filemark => Some(Err(())),
        Met::EndOfData => None,
    }
}

/// A block that tells where it belongs.
fn sample(drive: &dyn Drive, file: u32, block: u64) -> Vec<u8> {
    let limits = drive.limits();
    let length = if block == 0 { limits.header.len() } else { limits.block.len() };
    let seed = (u64::from(file) << 32 | block).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    (0..length).map(|i| seed[i % 8] ^ seed[(i / 251) % 8]).collect()
}

fn write_files(drive: &mut dyn Drive, files: &[u64]) {
    drive.rewind().expect("rewind");
    for (file, &blocks) in (0..).zip(files) {
        write_file(drive, file, blocks);
    }
    drive.flush().expect("flush");
}

fn write_file(drive: &mut dyn Drive, file: u32, blocks: u64) {
    drive.title_file(&format!("file {file}"));
    write_blocks(drive, file, 0..blocks);
    drive.write_filemark().expect("mark");
}

fn write_blocks(drive: &mut dyn Drive, file: u32, blocks: std::ops::Range<u64>) {
    for block in blocks {
        assert_eq!(drive.write_block(&sample(drive, file, block)).expect("write"), Wrote::Block);
    }
}

fn place(file: u32, block: u64) -> Position {
    Position { file: FileNo(file), block }
}

#[cfg(test)]
mod tests {
    use types::{BlockSize, DriveName, Slot};

    use super::*;
    use crate::changer::Changer;
    use crate::memory::{MemoryLibrary, MemoryTape};

    struct Memory {
        block: BlockSize,
        library: MemoryLibrary,
        drive: DriveName,
    }

    impl Bench for Memory {
        fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
            let tape = MemoryTape::new(self.block, room, Bytes(room.0 / 4));
            self.library = MemoryLibrary::new(std::slice::from_ref(&self.drive), vec![Some(tape)]);
            self.library.load(Slot(1), &self.drive).unwrap();
            Box::new(self.library.drive(&self.drive).unwrap())
        }

        fn reload(&mut self) {
            self.library.unload(&self.drive, Slot(1)).unwrap();
            self.library.load(Slot(1), &self.drive).unwrap();
        }
    }

    #[test]
    fn tapes_in_memory_conform() {
        for block in [BlockSize::HEADER, BlockSize::TAPE] {
            let library = MemoryLibrary::new(&[], Vec::new());
            drive(&mut Memory { block, library, drive: "m0".parse().unwrap() });
        }
    }

    #[test]
    fn the_changer_in_memory_conforms() {
        let tape = || Some(MemoryTape::new(BlockSize::HEADER, Bytes::MIB, Bytes::KIB));
        let drives = ["m0", "m1"].map(|name| name.parse().unwrap());
        changer(&mut MemoryLibrary::new(&drives, vec![tape(), tape(), None, tape()]));
    }
}
