//! The promises of a drive, and the habits of the tape driver, on a model of it.

use types::{Blame, Bytes};

use super::model::{Model, Object};
use super::*;
use crate::conformance::{self, Bench};

const BLOCK: BlockSize = BlockSize::HEADER;

fn drive(model: &Model) -> StDrive {
    StDrive::over("st".parse().unwrap(), Box::new(model.clone()), BLOCK)
}

fn roomy() -> Model {
    Model::new(64 << 20, 1 << 20)
}

fn block(byte: u8) -> Vec<u8> {
    vec![byte; BLOCK.len()]
}

/// Files of one block each, which tells the file's number.
fn written(model: &Model, files: u8) -> StDrive {
    let mut drive = drive(model);
    drive.rewind().unwrap();
    for file in 0..files {
        assert_eq!(drive.write_block(&block(file)).unwrap(), Wrote::Block);
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
    drive
}

fn cause(error: DriveError) -> StTrouble {
    *error.cause.downcast().expect("the tape driver's own trouble")
}

struct Models {
    tells: bool,
    model: Model,
}

impl Bench for Models {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        let room = usize::try_from(room.0).unwrap();
        self.model = Model::new(room, room / 4);
        self.model.state().tells = self.tells;
        Box::new(drive(&self.model))
    }

    fn reload(&mut self) {
        self.model.state().reload();
    }
}

#[test]
fn drives_behind_the_tape_driver_conform() {
    conformance::drive(&mut Models { tells: true, model: roomy() });
}

#[test]
fn drives_that_do_not_tell_their_position_conform_as_well() {
    conformance::drive(&mut Models { tells: false, model: roomy() });
}

#[test]
fn a_foreign_rewind_is_noticed_before_the_next_file() {
    let model = roomy();
    let mut drive = written(&model, 3);
    model.state().at = 0;
    let error = drive.write_block(&block(9)).unwrap_err();
    assert!(error.to_string().contains("file 3, block 0"), "{error}");
    assert_eq!(error.blame, Blame::Nothing);
    assert!(matches!(cause(error), StTrouble::MovedByOthers { expected: 6, found: 0 }));
    assert_eq!(model.state().objects[0], Object::Block(block(0)), "the label is still there");
}

#[test]
fn a_foreign_rewind_is_noticed_before_the_filemark_of_an_empty_file() {
    let model = roomy();
    let mut drive = written(&model, 3);
    model.state().at = 0;
    assert!(drive.write_filemark().is_err());
    assert_eq!(model.state().objects.len(), 6);
}

#[test]
fn a_locate_after_a_foreign_rewind_finds_its_place() {
    let model = roomy();
    let mut drive = written(&model, 3);
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    model.state().at = 0;
    drive.locate(Position::start_of(FileNo(2))).unwrap();
    let mut buffer = block(0);
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(BLOCK.len()));
    assert_eq!(buffer, block(2));
}

#[test]
fn a_reset_in_the_middle_of_a_file_is_an_error_and_writes_nothing() {
    let model = roomy();
    let mut drive = written(&model, 2);
    assert_eq!(drive.write_block(&block(7)).unwrap(), Wrote::Block);
    model.state().reload();
    let error = drive.write_block(&block(8)).unwrap_err();
    assert_eq!(error.blame, Blame::Nothing);
    assert!(matches!(cause(error), StTrouble::PlaceLost));
    drop(drive);
    assert_eq!(model.state().objects.len(), 5, "not even a filemark");
}

#[test]
fn a_drive_that_is_dropped_in_the_middle_of_a_file_leaves_no_filemark() {
    let model = roomy();
    let mut drive = written(&model, 2);
    assert_eq!(drive.write_block(&block(7)).unwrap(), Wrote::Block);
    drop(drive);
    assert_eq!(model.state().filemarks(), 2);
}

#[test]
fn a_medium_that_cannot_be_read_is_not_its_end() {
    let model = roomy();
    let mut drive = written(&model, 3);
    model.state().scratched = Some(2);
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    let error = drive.read_block(&mut block(0)).unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
}

#[test]
fn the_length_of_a_long_block_is_told() {
    let model = roomy();
    let mut drive = written(&model, 1);
    drive.rewind().unwrap();
    let error = drive.read_block(&mut [0; 512]).unwrap_err();
    let trouble = error.cause.downcast_ref::<Trouble>().unwrap();
    assert!(matches!(trouble, Trouble::BlockTooLong { block: 32768, buffer: 512 }), "{trouble}");
}

#[test]
fn a_buffer_longer_than_any_block_of_the_drive_will_do() {
    let model = roomy();
    drop(written(&model, 1));
    model.state().longest = 1 << 20;
    let mut drive = drive(&model);
    drive.rewind().unwrap();
    let mut buffer = vec![9; 8 << 20];
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(BLOCK.len()));
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Filemark);
}

#[test]
fn a_recalled_object_is_gone_to_without_counting() {
    let model = roomy();
    drop(written(&model, 5));
    let mut drive = drive(&model);
    drive.recall(FileNo(3), ObjectNo(6));
    drive.locate(Position::start_of(FileNo(3))).unwrap();
    assert_eq!(drive.object_of(FileNo(3)), Some(ObjectNo(6)));
    assert_eq!(model.state().at, 6);
    assert_eq!(drive.object_of(FileNo(2)), None, "it was not passed");
}

#[test]
fn a_wrong_hint_costs_time_and_no_more() {
    for wrong in [0, 1, 3, 5, 7, 99, u64::MAX] {
        let model = roomy();
        drop(written(&model, 5));
        let mut drive = drive(&model);
        drive.recall(FileNo(3), ObjectNo(wrong));
        drive.locate(Position::start_of(FileNo(3))).unwrap();
        assert_eq!(model.state().at, 6, "said to be {wrong}");
        assert_eq!(drive.object_of(FileNo(3)), Some(ObjectNo(6)));
    }
}

#[test]
fn the_end_of_data_counts_the_blocks_of_a_torn_file() {
    let model = roomy();
    let mut torn = written(&model, 2);
    for byte in 0..3 {
        assert_eq!(torn.write_block(&block(byte)).unwrap(), Wrote::Block);
    }
    drop(torn);
    let mut drive = drive(&model);
    let end = Position { file: FileNo(2), block: 3 };
    assert_eq!(drive.to_end_of_data().unwrap(), end);
    assert_eq!(model.state().at, 7);
}

#[test]
fn what_the_driver_tells_is_told_without_moving_the_tape() {
    let model = roomy();
    model.state().write_protected = true;
    let told = drive(&model).tell().unwrap();
    assert_eq!((told.presence, told.write_protected), (Presence::Ready, true));
    assert_eq!((told.density, told.block, told.file), (0x5e, 0, Some(0)));
}

#[test]
fn a_write_protected_cartridge_is_read_and_not_written() {
    let model = roomy();
    drop(written(&model, 1));
    model.state().write_protected = true;
    let mut drive = drive(&model);
    drive.rewind().unwrap();
    let error = drive.write_block(&block(1)).unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
    assert!(matches!(cause(error), StTrouble::WriteProtected));
    drive.rewind().unwrap();
    assert_eq!(drive.read_block(&mut block(0)).unwrap(), Met::Block(BLOCK.len()));
}

#[test]
fn an_empty_drive_says_so() {
    let model = roomy();
    model.state().loaded = false;
    let error = drive(&model).rewind().unwrap_err();
    assert!(matches!(error.cause.downcast_ref(), Some(Trouble::NoCartridge)));
}

#[test]
fn what_the_tape_driver_cannot_do_it_says_and_names_who_can() {
    let mut drive = drive(&roomy());
    drive.generic = Some("/dev/sg3".into());
    let said = drive.beyond(Beyond::Logs).to_string();
    assert_eq!(
        said,
        "the logs and alerts of the drive cannot be had through the tape driver: give /dev/sg3 as the device of \
         this drive"
    );
}

#[test]
fn a_cartridge_that_was_given_out_is_missed_and_gets_no_filemark() {
    let model = roomy();
    let mut drive = written(&model, 2);
    assert_eq!(drive.presence().unwrap(), Presence::Ready);
    drive.to_end_of_data().unwrap();
    assert_eq!(drive.write_block(&block(9)).unwrap(), Wrote::Block);
    drive.eject().unwrap();
    assert_eq!(drive.presence().unwrap(), Presence::Empty);
    assert_eq!(model.state().filemarks(), 2, "a torn file does not look whole");
    assert!(drive.rewind().is_err());
    drive.eject().unwrap();
}
