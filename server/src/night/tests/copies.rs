//! A dump that two storages have, read when one of them has lost something.

use std::fs;
use std::path::PathBuf;

use format::frame::{Frame, FrameKind, digest};
use types::{DumpId, Label};

use super::super::*;
use super::storages::{BOTH, Lie, configuration};
use super::world::World;
use crate::library::Library;
use crate::restore::image::{Image, ImageError};
use crate::restore::libraries::Libraries;

/// Tapes, and virtual tapes in the directories of a shelf.
fn site() -> String {
    configuration(Lie::Apart, BOTH, "")
}

/// A night that wrote one image to both storages.
struct Twice {
    world: World,
    dump: DumpId,
    bytes: Vec<u8>,
}

impl Twice {
    fn new() -> Self {
        Self::with(&site())
    }

    fn with(site: &str) -> Self {
        let mut world = World::with(site);
        let dump = world.hold(1, 30);
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
        let bytes = world.bytes_of(dump);
        Self { world, dump, bytes }
    }

    fn open(&self) -> Result<Image, ImageError> {
        let catalogue = self.world.catalogue();
        let located = catalogue.dump(self.dump).unwrap();
        let mut libraries = Libraries::of(&self.world.site.config);
        Image::open(&located, &catalogue, &mut |name| libraries.library(name))
    }

    /// Reads the image in pieces, each with its hash, and returns what is said about the way.
    fn read(&self) -> Vec<String> {
        let mut image = self.open().unwrap();
        let mut offset = 0;
        for piece in self.bytes.chunks(50_000) {
            let stored = u32::try_from(piece.len()).unwrap();
            let sha256 = digest(piece);
            let frame = Frame { kind: FrameKind::S, offset, stored, raw: stored, sha256 };
            let mut found = Vec::new();
            image
                .read(&frame, &mut found)
                .unwrap_or_else(|error| panic!("{}", with_causes(&error)));
            assert!(found == piece, "byte {offset}");
            offset += u64::from(stored);
        }
        image.detours()
    }

    /// The files of the image's parts in the directories of the shelf.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for slot in fs::read_dir(self.world.site.directory.join("shelf")).unwrap() {
            let Ok(slot) = fs::read_dir(slot.unwrap().path()) else { continue };
            files.extend(slot.map(|file| file.unwrap().path()));
        }
        files.retain(|path| path.to_string_lossy().contains("_srv_1"));
        files.sort();
        files
    }

    fn relocate(&self, prefix: &str) {
        let mut catalogue = self.world.catalogue();
        let stamp = Now::read().stamp();
        for volume in catalogue.volumes().unwrap() {
            if volume.label.as_str().starts_with(prefix) {
                catalogue.relocate(&volume.label, Some("bank, box 4"), stamp).unwrap();
            }
        }
    }
}

fn unload(world: &World) {
    let library = Library::open(&world.site.config.storages[0]).unwrap();
    library.drives().to_vec().iter().for_each(|drive| library.unload(drive).unwrap());
}

#[test]
fn a_copy_on_disk_comes_before_one_on_tape_and_one_in_a_drive_before_both() {
    let twice = Twice::new();
    let first = |twice: &Twice| twice.open().unwrap().place(0);
    unload(&twice.world);
    let shelf = Library::open(&twice.world.site.config.storages[1]).unwrap();
    shelf.drives().to_vec().iter().for_each(|drive| shelf.unload(drive).unwrap());
    assert!(first(&twice).starts_with("on O-"), "{}", first(&twice));
    let tape = &twice.world.site.config.storages[0];
    let known = twice.world.catalogue().volumes().unwrap();
    let library = Library::open(tape).unwrap().knowing(&known);
    let label: Label = "T-01".parse().unwrap();
    let drive = library.drives()[0].clone();
    library.bring(library.slot_of(&label).unwrap(), &drive).unwrap();
    assert!(first(&twice).starts_with("on T-"), "{}", first(&twice));
}

#[test]
fn a_damaged_frame_of_one_copy_is_read_from_the_other_and_that_is_said() {
    let twice = Twice::new();
    unload(&twice.world);
    let file = &twice.files()[1];
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(file, bytes).unwrap();
    let detours = twice.read();
    assert_eq!(detours.len(), 1, "{detours:?}");
    for words in ["the copy on O-01", "damaged", "it was read on T-01"] {
        assert!(detours[0].contains(words), "{detours:?}");
    }
}

#[test]
fn a_restore_goes_on_from_the_other_storage_when_a_volume_is_destroyed() {
    let twice = Twice::new();
    unload(&twice.world);
    for file in twice.files() {
        fs::remove_dir_all(file.parent().unwrap()).ok();
    }
    let detours = twice.read();
    assert!(detours[0].contains("the copy on O-01 could not be read"), "{detours:?}");
}

#[test]
fn a_volume_that_is_off_site_is_the_last_that_is_asked_for_and_the_restore_says_where_it_is() {
    let twice = Twice::new();
    unload(&twice.world);
    twice.relocate("O-");
    // It lies in its slot all the same, and is read.
    assert!(twice.open().unwrap().place(0).starts_with("on O-"));
    fs::rename(twice.world.site.directory.join("shelf"), twice.world.site.directory.join("bank"))
        .unwrap();
    assert_eq!(twice.read(), Vec::<String>::new(), "the tape has it");
    unload(&twice.world);
    let library = Library::open(&twice.world.site.config.storages[0]).unwrap();
    let known = twice.world.catalogue().volumes().unwrap();
    let slot = library.knowing(&known).slot_of(&"T-01".parse().unwrap()).unwrap();
    twice.relocate("T-");
    let number = u16::try_from(slot.0).unwrap();
    twice
        .world
        .behind_the_door(|operator| operator.take(devices::emulator::Spot::Slot(number - 1)));
    let Err(error) = twice.open() else { panic!("opened") };
    assert!(error.to_string().contains("is off-site (bank, box 4): fetch it"), "{error}");
}

fn command(twice: &Twice, words: &[&str]) -> crate::command::Exit {
    use clap::Parser as _;
    let directory = twice.world.site.directory.display().to_string();
    let given = ["reelkeep", "-c", &directory].into_iter().chain(words.iter().copied());
    crate::command::run(crate::cli::Cli::try_parse_from(given).unwrap())
}

#[test]
fn expire_forgets_what_nobody_needs_and_frees_the_directories_it_lay_in() {
    use crate::command::Exit;
    let twice =
        Twice::with(&site().replace("tapecycle = 20", "tapecycle = 1\nerase-volume = true"));
    unload(&twice.world);
    // The DLE is on the disk list, so its newest state is needed.
    let dle = twice.world.catalogue().dump(twice.dump).unwrap().dump.dle;
    twice.world.catalogue().sync_dles(&[dle], Now::read().stamp()).unwrap();
    assert_eq!(command(&twice, &["volume", "expire"]), Exit::Good);
    assert!(!twice.files().is_empty());
    assert_eq!(command(&twice, &["volume", "expire", "O-01"]), Exit::Complaints);
    assert!(!twice.files().is_empty());
    twice.world.catalogue().sync_dles(&[], Now::read().stamp()).unwrap();
    assert_eq!(command(&twice, &["volume", "expire", "--dry-run"]), Exit::Good);
    assert!(!twice.files().is_empty() && twice.open().is_ok());
    assert_eq!(command(&twice, &["volume", "expire"]), Exit::Good);
    assert!(twice.files().is_empty(), "{:?}", twice.files());
    let catalogue = twice.world.catalogue();
    assert_eq!(catalogue.check().unwrap(), []);
    assert_eq!(catalogue.expired().unwrap(), [twice.dump]);
    for volume in catalogue.volumes().unwrap() {
        assert_eq!(volume.state, taper::catalogue::VolumeState::Labelled, "{}", volume.label);
    }
}

#[test]
fn a_locked_volume_is_neither_erased_nor_forgotten_whatever_is_typed() {
    use crate::command::Exit;
    let twice = Twice::new();
    let lock = ["volume", "lock", "O-01", "--until", "2931-01-01", "--why", "case 17"];
    assert_eq!(command(&twice, &lock), Exit::Good);
    let before = twice.world.catalogue().volumes().unwrap();
    for words in [
        &["volume", "erase", "O-01"][..],
        &["volume", "erase", "O-01", "--dry-run"],
        &["volume", "forget", "O-01", "--yes"],
    ] {
        assert_eq!(command(&twice, words), Exit::Failed, "{words:?}");
    }
    assert_eq!(twice.world.catalogue().volumes().unwrap(), before);
    assert!(twice.open().is_ok());
}

#[test]
fn locks_come_back_with_a_rebuild_as_of_the_newest_run() {
    use crate::command::Exit;
    let mut twice = Twice::new();
    unload(&twice.world);
    let lock = ["volume", "lock", "O-01", "--until", "2931-01-01", "--why", "case 17"];
    assert_eq!(command(&twice, &lock), Exit::Good);
    twice.world.hold(2, 3);
    assert_eq!(twice.world.night().outcome, Outcome::Good);
    unload(&twice.world);
    let label = "O-01".parse().unwrap();
    let before = twice.world.catalogue().volume(&label).unwrap();
    let mut lost = taper::catalogue::Catalogue::in_memory().unwrap();
    let (mode, now) = (crate::rebuild::Mode::Dry, Now::read().stamp());
    crate::rebuild::rebuild(
        &twice.world.site,
        &mut lost,
        mode,
        now,
        &crate::operator::Desk::of(&twice.world.site),
        &mut |_| {},
    )
    .unwrap();
    let after = lost.volume(&label).unwrap();
    assert_eq!((after.lock, after.locked), (before.lock, before.locked));
    assert_eq!(command(&twice, &["volume", "unlock", "O-01"]), Exit::Failed);
}

#[test]
fn an_image_waits_for_a_drive_only_if_no_place_that_has_it_has_one() {
    let twice = Twice::new();
    let config = &twice.world.site.config;
    let drives_of = |name: &str| -> Vec<_> {
        let library = Library::open(crate::library::storage(config, Some(name)).unwrap()).unwrap();
        library.drives().iter().map(|drive| library.drive(drive).unwrap()).collect()
    };
    let waits = || twice.open().unwrap().waits_for().map(|trouble| trouble.to_string());
    let tape = drives_of("tape");
    assert_eq!(waits(), None, "the other library has a drive");
    let shelf = drives_of("offsite");
    let told = waits().unwrap();
    assert!(told.contains("is in use") && told.contains("by process"), "{told}");
    drop((tape, shelf));
    assert_eq!(waits(), None);
}
