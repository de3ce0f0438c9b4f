//! The promises of drives and changers, kept by the real drivers of Linux: st and sg, on a tape library.
//!
//! They run in the machine of `buildbot/tapevm`, where `/dev/tapevm/changer` is a library made for tests, and
//! everything on its cartridges is lost. Cartridges are carried and made with other people's programs, `mtx` and
//! `tgtimg`, which then also have to agree with what we see.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use devices::Wait;
use devices::conformance::{self, Bench};
use devices::robot::matching::Company;
use devices::robot::{Robot, Setup as RobotSetup, Unloading};
use devices::sg::Sg;
use devices::ssc::{Check, Setup, TapeDrive};
use devices::st::{Beyond, StDrive};
use devices::{Changer, Drive, Met, Position, Transport, Wrote};
use types::{BlockSize, Bytes, FileNo};

const CHANGER: &str = "/dev/tapevm/changer";
const DRIVE: &str = "/dev/tapevm/drive0";
const DRIVE_SG: &str = "/dev/tapevm/drive0-sg";

/// Runs a program that must succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} did not start: {error}"));
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{program} {arguments:?}: {said}{}",
        String::from_utf8_lossy(&stderr)
    );
    said
}

fn mtx(arguments: &[&str]) -> String {
    let mut all = vec!["-f", CHANGER];
    all.extend(arguments);
    run("mtx", &all)
}

/// Whether the first drive is full, as `mtx` sees it.
fn loaded() -> bool {
    mtx(&["status"]).contains("Data Transfer Element 0:Full")
}

fn empty_the_drive() {
    if loaded() {
        eject();
        mtx(&["unload"]);
    }
}

/// The drive is told to unload, by SCSI, since our own handle may hold the tape driver's node.
fn eject() {
    run("sg_raw", &[DRIVE_SG, "1b", "0", "0", "0", "0", "0"]);
}

/// What opens a drive of ours.
type Open = fn() -> Box<dyn Drive>;

fn by_st() -> Box<dyn Drive> {
    Box::new(StDrive::new("st".parse().unwrap(), Path::new(DRIVE), BlockSize::TAPE).unwrap())
}

fn by_sg() -> Box<dyn Drive> {
    Box::new(sg(Check::Crc32c))
}

fn sg(check: Check) -> TapeDrive<Sg> {
    let sg = Sg::open(Path::new(DRIVE_SG), BlockSize::LARGEST.len()).unwrap();
    let setup = Setup { block: BlockSize::TAPE, check, ..Setup::default() };
    TapeDrive::new("sg".parse().unwrap(), sg, setup)
}

/// A drive that was used by sg wants check values behind its blocks until it is told otherwise: the tape driver, and
/// all that go through it, send none.
fn without_check_values() {
    sg(Check::None).rewind().unwrap();
}

/// The changer and all tape drives, by their generic nodes.
fn robot() -> Robot {
    let open = |path: &str| -> std::io::Result<Box<dyn Transport>> {
        let sg = Sg::open(Path::new(path), 1 << 20).map_err(std::io::Error::other)?;
        Ok(Box::new(sg))
    };
    let nodes = (0..2).map(|drive| format!("/dev/tapevm/drive{drive}-sg")).collect();
    let setup = RobotSetup {
        name: "library".to_owned(),
        nodes,
        named: Vec::new(),
        company: Company::Alone,
        locks: "/tmp/locks".into(),
        unloading: Unloading::ByDrive,
        listener: Arc::new(|_, _| Wait::GoOn),
    };
    Robot::open(open(CHANGER).unwrap(), Box::new(open), setup).unwrap()
}

/// What a changer promises; and `mtx` sees what we moved.
fn the_robot_conforms_and_mtx_agrees() {
    empty_the_drive();
    let mut robot = robot();
    conformance::changer(&mut robot);
    let drive = robot.drives()[0].name.clone();
    let inventory = robot.inventory().unwrap();
    let full = inventory.slots.iter().find(|place| place.cartridge.is_some()).unwrap();
    let barcode = full.cartridge.clone().unwrap().barcode.unwrap();
    let count = |status: &str| status.lines().filter(|line| line.contains(":Full")).count();
    let before = mtx(&["status"]);
    assert!(before.contains(barcode.as_str()), "{before}");
    robot.load(full.slot, &drive).unwrap();
    let loaded = mtx(&["status"]);
    let said = loaded.lines().find(|line| line.contains("Transfer Element 0")).unwrap();
    assert!(said.contains("Full") && said.contains(barcode.as_str()), "{loaded}");
    assert_eq!(count(&before), count(&loaded), "nothing was lost");
    robot.unload(&drive, full.slot).unwrap();
    assert_eq!(mtx(&["status"]), before);
}

/// The library of tgt. Its cartridges are files, and a blank one is a new file.
struct Tgt {
    open: Open,
}

impl Bench for Tgt {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        empty_the_drive();
        let file = "/run/tapes/TST001L5";
        std::fs::remove_file(file).unwrap();
        let size = (room.0 >> 20).to_string();
        let kind = ["--op", "new", "--device-type", "tape", "--type", "data"];
        let what = ["--barcode", "TST001L5", "--size", &size, "--file", file];
        run("tgtimg", &[&kind[..], &what[..]].concat());
        mtx(&["load", "1", "0"]);
        (self.open)()
    }

    fn reload(&mut self) {
        mtx(&["unload"]);
        mtx(&["load", "1", "0"]);
    }
}

/// What tgt 1.0.85 cannot keep, and no drive in front of it can mend.
const TGT_CANNOT: [(&str, &str); 11] = {
    const STALE: &str = "a read at the end of data returns what was in the buffer, as a block";
    const NO_ATTENTION: &str = "a cartridge that was changed is not reported";
    const PASSES: &str =
        "SPACE passes over filemarks and the end of data, and says that all is well";
    const NO_END: &str = "the medium never ends: the file behind it grows";
    [
        ("an_empty_medium_ends_at_once", STALE),
        ("what_was_written_is_read", STALE),
        ("every_place_can_be_gone_to", STALE),
        ("writing_discards_all_behind", STALE),
        ("writing_in_the_middle_of_a_file_discards_its_rest", STALE),
        ("going_back_in_an_unfinished_file_discards_its_rest", STALE),
        ("a_file_without_filemark_is_no_file", NO_ATTENTION),
        ("flushed_files_outlive_a_reload", NO_ATTENTION),
        ("places_behind_the_end_are_errors", PASSES),
        ("the_end_is_announced_and_then_refused", NO_END),
        ("a_full_medium_can_still_end_its_file", NO_END),
    ]
};

fn block(file: u32, block: u64) -> Vec<u8> {
    let seed = (u64::from(file) << 32 | block).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    (0..BlockSize::TAPE.len()).map(|i| seed[i % 8] ^ seed[(i / 251) % 8]).collect()
}

/// Three files of so many blocks each.
const FILES: [u64; 3] = [1, 4, 2];

fn write_files(drive: &mut dyn Drive) {
    drive.rewind().unwrap();
    for (file, blocks) in (0..).zip(FILES) {
        for number in 0..blocks {
            assert_eq!(drive.write_block(&block(file, number)).unwrap(), Wrote::Block);
        }
        drive.write_filemark().unwrap();
    }
    assert_eq!(drive.flush().unwrap(), Position::start_of(FileNo(3)));
}

fn expect_block(drive: &mut dyn Drive, file: u32, number: u64) {
    let mut buffer = vec![0; BlockSize::TAPE.len()];
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(buffer.len()));
    assert!(buffer == block(file, number), "file {file}, block {number}");
}

/// All that is promised, as long as nobody meets the end of data, nor goes back from before a filemark: tgt then
/// counts that mark as one of those to pass.
fn files_are_written_found_and_read(bench: &mut dyn Bench) {
    let mut drive = bench.blank(Bytes(64 << 20));
    let drive = &mut *drive;
    write_files(drive);
    for (file, number) in [(1, 3), (0, 0), (2, 0), (1, 1), (1, 0), (2, 1), (0, 0), (1, 2)] {
        let place = Position { file: FileNo(file), block: number };
        drive.locate(place).unwrap();
        expect_block(drive, file, number);
    }
    drive.rewind().unwrap();
    for (file, blocks) in (0..).zip(FILES) {
        for number in 0..blocks {
            expect_block(drive, file, number);
        }
        let mut buffer = vec![0; BlockSize::TAPE.len()];
        assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Filemark);
    }
}

/// What `tar` wrote is read, and `tar` reads what we wrote behind it.
fn tar_agrees(bench: &mut dyn Bench) {
    drop(bench.blank(Bytes(64 << 20)));
    std::fs::create_dir_all("/tmp/tree").unwrap();
    std::fs::write("/tmp/tree/file", block(9, 9)).unwrap();
    let tar = ["--blocking-factor=1024", "-C", "/tmp", "-f"];
    run("mt", &["-f", DRIVE, "rewind"]);
    run("tar", &[&["-c"], &tar[..], &[DRIVE, "tree"]].concat());
    run("tar", &[&["-c"], &tar[..], &["/tmp/same.tar", "tree"]].concat());
    let archive = std::fs::read("/tmp/same.tar").unwrap();
    let blocks: Vec<_> = archive.chunks(BlockSize::TAPE.len()).collect();

    let mut drive = by_st();
    drive.rewind().unwrap();
    let mut buffer = vec![0; BlockSize::TAPE.len()];
    for block in &blocks {
        assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Block(block.len()));
        assert!(buffer == *block, "tar's block is read");
    }
    assert_eq!(drive.read_block(&mut buffer).unwrap(), Met::Filemark);
    for block in &blocks {
        assert_eq!(drive.write_block(block).unwrap(), Wrote::Block);
    }
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    drop(drive);
    run("mt", &["-f", DRIVE, "asf", "1"]);
    run("tar", &[&["-d"], &tar[..], &[DRIVE]].concat());
}

/// In the tape machine, on tgt's library.
mod tape_vm_tgt {
    use super::*;

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn st_keeps_what_tgt_lets_it_keep() {
        let mut bench = Tgt { open: by_st };
        conformance::drive_but_for(&mut bench, &TGT_CANNOT);
        files_are_written_found_and_read(&mut bench);
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn sg_takes_no_word_for_a_flush_from_a_drive_that_does_not_tell_where_it_stands() {
        let mut drive = Tgt { open: by_sg }.blank(Bytes(64 << 20));
        drive.rewind().unwrap();
        assert_eq!(drive.write_block(&block(0, 0)).unwrap(), Wrote::Block);
        let flushed = drive.write_filemark().and_then(|()| drive.flush());
        assert!(flushed.is_err(), "tgt has no READ POSITION");
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn the_changer_of_tgt_conforms() {
        the_robot_conforms_and_mtx_agrees();
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn a_drive_that_stops_in_the_middle_of_a_file_leaves_no_filemark() {
        let mut drive = Tgt { open: by_st }.blank(Bytes(64 << 20));
        write_files(&mut *drive);
        assert_eq!(drive.write_block(&block(3, 0)).unwrap(), Wrote::Block);
        drop(drive);
        let status = run("mt", &["-f", DRIVE, "status"]);
        assert!(status.contains("File number=3, block number=1"), "{status}");
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn nodes_that_rewind_are_refused_whatever_they_are_called() {
        let node = Path::new(DRIVE).canonicalize().unwrap();
        let rewinding = node.to_str().unwrap().replace("/nst", "/st");
        for name in [rewinding.as_str(), "/tmp/drive"] {
            std::os::unix::fs::symlink(&rewinding, "/tmp/drive").ok();
            let refused = StDrive::new("st".parse().unwrap(), Path::new(name), BlockSize::TAPE);
            assert!(refused.unwrap_err().to_string().contains("rewinds"), "{name}");
        }
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn an_empty_drive_says_so_at_once_and_names_its_other_node() {
        empty_the_drive();
        let mut drive =
            StDrive::new("st".parse().unwrap(), Path::new(DRIVE), BlockSize::TAPE).unwrap();
        let error = drive.rewind().unwrap_err();
        assert!(error.cause.to_string().contains("no cartridge"), "{}", error.cause);
        let other = drive.beyond(Beyond::Logs).generic.unwrap();
        assert_eq!(other, Path::new("/dev/tapevm/drive0-sg").canonicalize().unwrap());
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn what_tar_wrote_is_read_and_tar_reads_what_we_wrote() {
        tar_agrees(&mut Tgt { open: by_st });
    }
}

/// The library of `reelkeep-emulator`. Its operator hands in a blank cartridge through the first mail slot.
struct Emulator {
    open: Open,
    made: u32,
}

impl Emulator {
    fn new(open: Open) -> Self {
        Self { open, made: 0 }
    }
}

const LIBRARY: &str = "/run/library";

fn emulator(arguments: &[&str]) -> String {
    run(&std::env::var("TAPEVM_EMULATOR").unwrap(), arguments)
}

/// The mail slot that comes first, as `mtx` counts.
fn mail_slot() -> String {
    let status = mtx(&["status"]);
    let line = status.lines().find(|line| line.contains("IMPORT/EXPORT")).unwrap();
    line.split_whitespace().nth(2).unwrap().to_owned()
}

impl Bench for Emulator {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        let mail = mail_slot();
        if loaded() {
            eject();
            mtx(&["unload", &mail, "0"]);
            emulator(&["take", LIBRARY, "mail:0"]);
        }
        self.made += 1;
        let (code, size) = (format!("NEW{:03}L8", self.made), format!("{}M", room.0 >> 20));
        emulator(&["put", LIBRARY, &code, "mail:0", "--new", "--capacity", &size]);
        mtx(&["load", &mail, "0"]);
        without_check_values();
        (self.open)()
    }

    fn reload(&mut self) {
        let mail = mail_slot();
        eject();
        mtx(&["unload", &mail, "0"]);
        mtx(&["load", &mail, "0"]);
    }
}

/// In the tape machine, on the library of `reelkeep-emulator`: nothing is left out.
mod tape_vm_emulator {
    use super::*;

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn st_conforms() {
        conformance::drive(&mut Emulator::new(by_st));
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn sg_conforms() {
        conformance::drive(&mut Emulator::new(by_sg));
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn the_changer_conforms() {
        the_robot_conforms_and_mtx_agrees();
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn tar_reads_what_st_wrote() {
        tar_agrees(&mut Emulator::new(by_st));
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn st_reads_what_sg_wrote_and_the_other_way_round() {
        for (write, read) in [(by_sg as Open, by_st as Open), (by_st, by_sg)] {
            let mut drive = Emulator::new(write).blank(Bytes(64 << 20));
            write_files(&mut *drive);
            drop(drive);
            without_check_values();
            let mut drive = read();
            drive.rewind().unwrap();
            assert_eq!(drive.to_end_of_data().unwrap(), Position::start_of(FileNo(3)));
            for (file, number) in [(2, 1), (0, 0), (1, 3)] {
                drive.locate(Position { file: FileNo(file), block: number }).unwrap();
                expect_block(&mut *drive, file, number);
            }
        }
    }

    /// What stands behind the colon in the line of a report that begins so.
    fn said(report: &str, what: &str) -> String {
        let line = report.lines().find(|line| line.trim_start().starts_with(what));
        let line = line.unwrap_or_else(|| panic!("no {what:?} in {report}"));
        line.rsplit(':').next().unwrap().trim().to_owned()
    }

    #[test]
    #[ignore = "needs a tape library: buildbot/run runs it in the tape machine"]
    fn mt_and_sg3_utils_count_what_we_wrote() {
        let mut drive = Emulator::new(by_sg).blank(Bytes(64 << 20));
        drive.rewind().unwrap();
        for file in 0..2 {
            for number in 0..10 {
                assert_eq!(drive.write_block(&block(file, number)).unwrap(), Wrote::Block);
            }
            drive.write_filemark().unwrap();
        }
        drive.flush().unwrap();
        drop(drive);

        let told = run("mt", &["-f", DRIVE, "tell"]);
        assert!(told.contains("At block 22."), "20 blocks and 2 filemarks: {told}");
        let statistics = run("sg_logs", &["-p", "0x17", DRIVE_SG]);
        assert_eq!(said(&statistics, "Last mount megabytes written"), "10", "20 times 512 KiB");
        assert_eq!(said(&statistics, "Volume barcode"), "NEW001L8");
        let memory = run("sg_read_attr", &[DRIVE_SG]);
        assert_eq!(said(&memory, "Total MiB written in current/last load"), "10");
        assert_eq!(said(&memory, "Load count"), "1");
        let serial = run("sg_inq", &["-p", "sn", DRIVE_SG]);
        let seen = robot().drives()[0].seen.clone();
        assert_eq!(seen.serial, Some(said(&serial, "Unit serial number")));
    }
}
