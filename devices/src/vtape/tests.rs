//! What a virtual tape promises as a drive, and how it looks to Amanda in its directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use types::{Blame, FileNo};

use super::*;
use crate::conformance::{self, Bench};
use crate::drive::{Drive, Met, Position, Wrote};

/// A library of four slots and two drives in a directory of its own.
struct Site {
    root: tempfile::TempDir,
    library: Library,
}

fn drive_name(number: u32) -> DriveName {
    format!("d{number}").parse().unwrap()
}

fn setup(capacity: Bytes) -> Setup {
    let early_warning = Bytes(capacity.0 / 4);
    let drives = vec![drive_name(0), drive_name(1)];
    Setup { drives, capacity, early_warning, block: BlockSize::HEADER }
}

impl Site {
    fn new(capacity: Bytes) -> Self {
        // Every flush waits for the disk; in memory there is none.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        create(root.path(), 4).unwrap();
        let library = Library::open(root.path(), setup(capacity)).unwrap();
        Self { root, library }
    }

    fn loaded(&mut self) -> VtapeDrive {
        self.library.load(Slot(1), &drive_name(0)).unwrap();
        self.library.drive(&drive_name(0)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.root.path().join("slot1")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Bench for Site {
    fn blank(&mut self, room: Bytes) -> Box<dyn Drive> {
        *self = Self::new(room);
        Box::new(self.loaded())
    }

    fn reload(&mut self) {
        self.library.unload(&drive_name(0), Slot(1)).unwrap();
        self.library.load(Slot(1), &drive_name(0)).unwrap();
    }
}

const ROOMY: Bytes = Bytes(1 << 30);

fn header(text: &str) -> Vec<u8> {
    let mut block = text.as_bytes().to_vec();
    block.resize(BlockSize::HEADER.len(), 0);
    block
}

fn write_file(drive: &mut VtapeDrive, title: &str, data: &[u8]) {
    drive.title_file(title);
    assert_eq!(drive.write_block(&header(title)).unwrap(), Wrote::Block);
    for block in data.chunks(drive.limits().block.len()) {
        assert_eq!(drive.write_block(block).unwrap(), Wrote::Block);
    }
    drive.write_filemark().unwrap();
}

#[test]
fn vtapes_conform() {
    conformance::drive(&mut Site::new(ROOMY));
}

#[test]
fn the_changer_conforms() {
    conformance::changer(&mut Site::new(ROOMY).library);
}

#[test]
fn files_lie_as_amanda_lays_them() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "DAILY-001", b"");
    write_file(&mut drive, "web./srv.0", b"some data");
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.DAILY-001", "00001.web._srv.0"]);
    let part = fs::read(site.root.path().join("slot1/00001.web._srv.0")).unwrap();
    assert_eq!(part, [&header("web./srv.0")[..], b"some data"].concat());
    let inventory = site.library.inventory().unwrap();
    let cartridge = inventory.drive(&drive_name(0)).unwrap().cartridge.clone().unwrap();
    assert_eq!(cartridge.label.unwrap().as_str(), "DAILY-001");
}

#[test]
fn a_file_has_its_number_only_when_it_is_whole_and_flushed() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "L", b"");
    drive.flush().unwrap();
    write_file(&mut drive, "a", b"x");
    assert_eq!(site.names(), ["00000.L", "unfinished.00001.a"]);
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.a"]);
}

#[test]
fn writing_removes_what_a_crash_left() {
    let mut site = Site::new(ROOMY);
    let slot = site.root.path().join("slot1");
    let unfinished = ["unfinished.00002.torn", "00003.named-before-it", "notes.txt"];
    for name in ["00000.L", "00001.a"].into_iter().chain(unfinished) {
        fs::write(slot.join(name), header(name)).unwrap();
    }
    let mut drive = site.loaded();
    assert_eq!(drive.to_end_of_data().unwrap(), Position::start_of(FileNo(2)));
    write_file(&mut drive, "b", b"x");
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.a", "00002.b", "notes.txt"]);
}

#[test]
fn what_was_being_removed_when_the_power_went_is_gone() {
    let mut site = Site::new(ROOMY);
    let slot = site.root.path().join("slot1");
    // Of the files 1 to 4 the third alone was gone on the disk.
    for name in ["00000.L", "00001.a", "00002.b", "00004.d", "unfinished.discard.00001"] {
        fs::write(slot.join(name), header(name)).unwrap();
    }
    let mut drive = site.loaded();
    assert_eq!(drive.to_end_of_data().unwrap(), Position::start_of(FileNo(1)));
    write_file(&mut drive, "new", b"x");
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.new"]);
}

#[test]
fn a_lost_file_costs_itself_and_none_behind_it() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    for title in ["L", "a", "b", "c"] {
        write_file(&mut drive, title, title.as_bytes());
    }
    drive.flush().unwrap();
    fs::remove_file(site.root.path().join("slot1/00002.b")).unwrap();
    Bench::reload(&mut site);

    let mut block = vec![0; BlockSize::HEADER.len()];
    drive.locate(Position::start_of(FileNo(2))).unwrap_err();
    drive.locate(Position::start_of(FileNo(3))).unwrap();
    assert!(matches!(drive.read_block(&mut block).unwrap(), Met::Block(_)));
    assert!(block.starts_with(b"c\0"));
    let error = {
        drive.locate(Position::start_of(FileNo(1))).unwrap();
        while !matches!(drive.read_block(&mut block).unwrap(), Met::Filemark) {}
        drive.read_block(&mut block).unwrap_err()
    };
    assert_eq!(error.blame, Blame::Medium);
    assert!(error.cause.to_string().contains("has no file 2"), "{}", error.cause);

    assert_eq!(drive.to_end_of_data().unwrap(), Position::start_of(FileNo(4)));
    write_file(&mut drive, "d", b"d");
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.a", "00003.c", "00004.d"]);
}

#[test]
fn a_volume_whose_first_file_is_lost_is_damaged_and_not_blank() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "L", b"");
    write_file(&mut drive, "a", b"a");
    drive.flush().unwrap();
    fs::remove_file(site.root.path().join("slot1/00000.L")).unwrap();
    Bench::reload(&mut site);
    let mut block = vec![0; BlockSize::HEADER.len()];
    let error = drive.rewind().and_then(|_| drive.read_block(&mut block)).unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
    assert!(error.cause.to_string().contains("has no file 0"), "{}", error.cause);
}

#[test]
fn two_files_of_one_number_are_told_to_the_operator() {
    let mut site = Site::new(ROOMY);
    let slot = site.root.path().join("slot1");
    for name in ["00000.L", "00001.a", "00001.b"] {
        fs::write(slot.join(name), header(name)).unwrap();
    }
    let error = site.loaded().rewind().unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
    assert!(error.cause.to_string().contains("00001.a and 00001.b"), "{}", error.cause);
    assert_eq!(site.names().len(), 3, "and nothing is removed");
}

#[test]
fn a_full_medium_refuses_before_it_discards() {
    let mut site = Site::new(Bytes::KIB.times(100));
    let mut drive = site.loaded();
    let slot = site.root.path().join("slot1");
    for name in ["00000.L", "00001.a", "00002.b"] {
        fs::write(slot.join(name), header(name)).unwrap();
    }
    drive.to_end_of_data().unwrap();
    assert_eq!(drive.write_block(&header("c")).unwrap(), Wrote::Nothing);
    drive.locate(Position { file: FileNo(2), block: 1 }).unwrap();
    assert_eq!(drive.write_block(&[0; 32 << 10]).unwrap(), Wrote::Nothing);
    assert_eq!(site.names(), ["00000.L", "00001.a", "00002.b"]);
}

#[test]
fn a_drive_is_open_once() {
    let site = Site::new(ROOMY);
    let other = Library::open(site.root.path(), setup(ROOMY)).unwrap();
    let drive = site.library.drive(&drive_name(0)).unwrap();
    for library in [&site.library, &other] {
        let error = library.drive(&drive_name(0)).unwrap_err();
        assert!(matches!(error, LibraryError::Drive { cause: Obstacle::InUse { .. }, .. }));
    }
    other.drive(&drive_name(1)).unwrap();
    drop(drive);
    other.drive(&drive_name(0)).unwrap();
}

#[test]
fn another_process_cannot_pull_a_cartridge_out_of_a_drive_in_use() {
    let mut site = Site::new(ROOMY);
    let mut other = Library::open(site.root.path(), setup(ROOMY)).unwrap();
    let drive = site.loaded();
    let error = other.unload(&drive_name(0), Slot(1)).unwrap_err();
    assert_eq!(error.blame, Blame::Drive);
    assert!(other.load(Slot(1), &drive_name(1)).is_err(), "a cartridge is in one drive at most");
    drop(drive);
    other.unload(&drive_name(0), Slot(1)).unwrap();
    other.load(Slot(1), &drive_name(1)).unwrap();
}

#[test]
fn a_cartridge_stays_in_its_drive_when_the_process_ends() {
    let mut site = Site::new(ROOMY);
    drop(site.loaded());
    let mut later = Library::open(site.root.path(), setup(ROOMY)).unwrap();
    assert_eq!(later.inventory().unwrap().drive(&drive_name(0)).unwrap().home, Some(Slot(1)));
    later.drive(&drive_name(0)).unwrap().rewind().unwrap();
}

#[test]
fn an_empty_drive_says_so() {
    let site = Site::new(ROOMY);
    let error = site.library.drive(&drive_name(0)).unwrap().rewind().unwrap_err();
    assert_eq!(error.blame, Blame::Medium);
    assert_eq!(error.cause.to_string(), "no cartridge is loaded");
}

#[test]
fn a_garbled_state_is_begun_afresh_and_what_was_in_it_kept_beside() {
    for garbled in ["", "{", "[]", "{\"drives\":{}}", "{\"version\":1,\"drives\":{\"d0\":\"x\"}}"] {
        let mut site = Site::new(ROOMY);
        drop(site.loaded());
        let [state, aside] =
            ["state.json", "state.json.bad"].map(|name| site.root.path().join(name));
        fs::write(&state, garbled).unwrap();
        let inventory = site.library.inventory().unwrap();
        assert!(inventory.drives.iter().all(|bay| bay.home.is_none()), "{garbled:?}");
        assert_eq!(fs::read_to_string(&aside).unwrap(), garbled);
        fs::write(&state, garbled).unwrap();
        site.library.load(Slot(1), &drive_name(1)).unwrap();
        assert_eq!(
            site.library.inventory().unwrap().drive(&drive_name(1)).unwrap().home,
            Some(Slot(1))
        );
        fs::write(&state, garbled).unwrap();
        site.library.drive(&drive_name(0)).unwrap();
    }
}

#[test]
fn a_garbled_state_is_told_and_kept_while_another_has_a_drive() {
    let mut site = Site::new(ROOMY);
    let mut other = Library::open(site.root.path(), setup(ROOMY)).unwrap();
    let drive = site.loaded();
    let state = site.root.path().join("state.json");
    fs::write(&state, "").unwrap();
    let error = other.inventory().unwrap_err();
    assert_eq!(error.blame, Blame::Host);
    let why = error.cause.source().unwrap().to_string();
    assert!(why.contains("as soon as drive d0 is free, which is in use by process"), "{why}");
    assert!(other.load(Slot(2), &drive_name(1)).is_err());
    assert!(other.drive(&drive_name(1)).is_err());
    assert_eq!(fs::read_to_string(&state).unwrap(), "");
    // Who has it knows what is in it.
    let inventory = site.library.inventory().unwrap();
    assert_eq!(inventory.drive(&drive_name(0)).unwrap().home, Some(Slot(1)));
    drop(drive);
    assert_eq!(other.inventory().unwrap().drive(&drive_name(0)).unwrap().home, Some(Slot(1)));
}

#[test]
fn the_state_of_a_newer_program_is_told_and_kept() {
    let mut site = Site::new(ROOMY);
    let state = site.root.path().join("state.json");
    for newer in ["{\"version\":2,\"drives\":{}}", "{\"version\":2,\"bays\":[]}"] {
        fs::write(&state, newer).unwrap();
        assert!(site.library.inventory().is_err());
        assert!(site.library.load(Slot(1), &drive_name(0)).is_err());
        assert_eq!(fs::read_to_string(&state).unwrap(), newer);
    }
}

#[test]
fn a_directory_without_slots_is_no_library() {
    let root = tempfile::tempdir().unwrap();
    let error = Library::open(root.path(), setup(ROOMY)).unwrap_err();
    assert!(error.to_string().contains("is the disk mounted?"), "{error}");
}

#[test]
fn what_amanda_padded_or_not_is_read_to_its_last_byte() {
    let mut site = Site::new(ROOMY);
    let slot = site.root.path().join("slot1");
    let data: Vec<u8> = (0..100_000u32).map(|i| i.to_le_bytes()[0]).collect();
    fs::write(slot.join("00000.L"), header("L")).unwrap();
    fs::write(slot.join("00001.a"), [header("a"), data.clone()].concat()).unwrap();
    let mut drive = site.loaded();
    drive.locate(Position { file: FileNo(1), block: 1 }).unwrap();
    let (mut read, mut buffer) = (Vec::new(), vec![0; 32 << 10]);
    while let Met::Block(length) = drive.read_block(&mut buffer).unwrap() {
        read.extend_from_slice(&buffer[..length]);
    }
    assert_eq!(read, data);
}

#[test]
fn not_everybody_may_read_what_was_backed_up() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "L", b"");
    drive.flush().unwrap();
    let slot = site.root.path().join("slot1");
    for path in [slot.join("00000.L"), slot] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{}", path.display());
    }
}

#[test]
fn a_file_begun_anew_has_its_new_title() {
    let mut site = Site::new(ROOMY);
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "L", b"");
    drive.title_file("given-up");
    assert_eq!(drive.write_block(&header("x")).unwrap(), Wrote::Block);
    drive.locate(Position::start_of(FileNo(1))).unwrap();
    write_file(&mut drive, "records", b"x");
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.records"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is in the directory: the volume is all files before the first that is unfinished or was being removed,
    /// and writing at its end harms none of them.
    #[test]
    fn a_volume_is_what_stands_before_the_first_that_is_unfinished(
        present in proptest::collection::btree_set(0u32..8, 0..8),
        torn in proptest::collection::btree_set(0u32..8, 0..3),
        removed in proptest::collection::btree_set(0u32..8, 0..2),
        others in proptest::collection::btree_set("[a-z]{1,5}(-lock)?|[0-9]{5}|[0-9]{5}-lock", 0..4),
    ) {
        let mut site = Site::new(ROOMY);
        let slot = site.root.path().join("slot1");
        let write = |name: String| fs::write(slot.join(&name), header(&name)).unwrap();
        present.iter().for_each(|number| write(format!("{number:05}.x")));
        torn.iter().for_each(|number| write(format!("unfinished.{number:05}.x")));
        removed.iter().for_each(|number| write(format!("unfinished.discard.{number:05}")));
        others.iter().cloned().for_each(write);
        let first = torn.iter().chain(&removed).min().copied().unwrap_or(u32::MAX);
        let whole: Vec<u32> = present.into_iter().filter(|&number| number < first).collect();
        let behind = whole.last().map_or(0, |last| last + 1);
        let end = Position::start_of(FileNo(behind));
        let mut drive = site.loaded();
        prop_assert_eq!(drive.to_end_of_data().unwrap(), end);
        write_file(&mut drive, "new", b"data");
        drive.flush().unwrap();
        let expected: BTreeSet<String> = whole
            .iter()
            .map(|number| format!("{number:05}.x"))
            .chain([format!("{behind:05}.new")])
            .chain(others)
            .collect();
        prop_assert_eq!(site.names().into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

/// A file system in memory, as long as it is wanted.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: &Path, size: Bytes) -> Self {
        let options = format!("size={}", size.0);
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .status();
        assert!(mount.unwrap().success());
        Self(path.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(&self.0).status().ok();
    }
}

/// A library on a file system of so much, and its drive with a volume in it.
fn cramped(size: Bytes) -> (Mounted, Site, VtapeDrive) {
    let mut site = Site::new(ROOMY);
    let mounted = Mounted::at(site.root.path(), size);
    create(site.root.path(), 2).unwrap();
    let mut drive = site.loaded();
    drive.rewind().unwrap();
    write_file(&mut drive, "L", b"");
    drive.flush().unwrap();
    (mounted, site, drive)
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn a_volume_ends_where_its_file_system_does_and_keeps_what_is_on_it() {
    let (_mounted, mut site, mut drive) = cramped(Bytes::MIB);
    write_file(&mut drive, "a", &[1; 1000]);
    drive.title_file("b");
    assert!(!drive.is_cut_short());
    assert_eq!(drive.write_block(&header("b")).unwrap(), Wrote::Block);
    let mut blocks = 0;
    while drive.write_block(&header("x")).unwrap() == Wrote::Block {
        blocks += 1;
    }
    assert!(drive.is_cut_short());
    // The file can be ended before its last block, as on a tape that is full.
    drive.locate(Position { file: FileNo(2), block: blocks }).unwrap();
    drive.write_filemark().unwrap();
    drive.flush().unwrap();
    assert_eq!(site.names(), ["00000.L", "00001.a", "00002.b"]);
    // The rest is still too little for another file. What could be written of that is given up.
    drive.title_file("c");
    while drive.write_block(&header("c")).unwrap() != Wrote::Nothing {}
    let free = |site: &Site| site.library.disk_under(Slot(1)).unwrap().free;
    let left = free(&site);
    drive.locate(Position::start_of(FileNo(3))).unwrap();
    assert!(free(&site) > left, "{left}");
    assert!(site.library.taken_by(Slot(1)).unwrap() > Bytes::KIB.times(900));
    // Another cartridge is another question.
    site.library.unload(&drive_name(0), Slot(1)).unwrap();
    site.library.load(Slot(2), &drive_name(0)).unwrap();
    drive.rewind().unwrap();
    assert!(!drive.is_cut_short());
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn what_a_writer_wants_to_be_free_is_left_on_the_file_system() {
    let (_mounted, site, mut drive) = cramped(Bytes::MIB);
    drive.keep_free(Bytes::KIB.times(200));
    drive.title_file("a");
    while drive.write_block(&header("a")).unwrap() == Wrote::Block {}
    assert!(drive.is_cut_short());
    let free = site.library.disk_under(Slot(1)).unwrap().free;
    assert!((100..200).contains(&(free.0 >> 10)), "{free}");
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn cartridges_are_carried_where_not_a_byte_is_left() {
    let (_mounted, mut site, drive) = cramped(Bytes::MIB);
    drop(drive);
    let mut other = fs::File::create(site.root.path().join("of somebody else")).unwrap();
    while std::io::Write::write_all(&mut other, &[0; 4096]).is_ok() {}
    assert_eq!(site.library.disk_under(Slot(1)).unwrap().free, Bytes::ZERO);
    for slot in [Slot(2), Slot(1)] {
        let home = site.library.inventory().unwrap().drive(&drive_name(0)).unwrap().home;
        site.library.unload(&drive_name(0), home.unwrap()).unwrap();
        site.library.load(slot, &drive_name(0)).unwrap();
    }
    let again = Library::open(site.root.path(), setup(ROOMY)).unwrap().inventory().unwrap();
    assert_eq!(again.drive(&drive_name(0)).unwrap().home, Some(Slot(1)));
}
