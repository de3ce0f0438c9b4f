//! Labelling in a library of vtapes.

use std::fs;

use config::Quickstart;
use tempfile::TempDir;

use super::*;

/// A site with three blank vtapes.
struct World {
    _folder: TempDir,
    config: Config,
    catalogue: Catalogue,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let settings = Quickstart { slots: 3, ..Quickstart::new(root.clone(), vec![root.clone()]) };
        fs::write(root.join("reelkeep.toml"), config::quickstart(&settings).unwrap()).unwrap();
        let config = config::load(&root).unwrap();
        Self { _folder: folder, config, catalogue: Catalogue::in_memory().unwrap() }
    }

    fn storage(&self) -> Storage {
        library::storage(&self.config, None).unwrap().clone()
    }

    fn label(&mut self, order: &Order) -> Result<Labelled, NotLabelled> {
        let storage = self.storage();
        label(&self.config, &storage, &mut self.catalogue, order, stamp("20261123120000"))
    }

    /// Puts a label on a medium, and tells the catalogue nothing.
    fn behind_our_back(&self, slot: u32, label: &str) {
        let library = Library::open(&self.storage()).unwrap();
        let drive = library.any_drive().unwrap();
        library.bring(Slot(slot), &drive.name().clone()).unwrap();
        let Identified::Blank(blank) = Loaded::new(drive).identify().unwrap() else {
            panic!("slot {slot} is not blank")
        };
        let new = NewLabel { label: label.parse().unwrap(), stamp: None, pool: None };
        blank.label(new).unwrap();
    }
}

fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}

fn at(slot: u32) -> Order {
    Order { slot: Some(Slot(slot)), ..Order::default() }
}

#[test]
fn blank_volumes_get_the_next_label_one_after_the_other() {
    let mut world = World::new();
    let [one, two] = [(), ()].map(|()| world.label(&Order::default()).unwrap());
    assert_eq!((one.slot, two.slot, one.was.as_str()), (Slot(1), Slot(2), "blank"));
    assert_ne!(one.label, two.label);
    let volume = world.catalogue.volume(&two.label).unwrap();
    assert_eq!((volume.state, volume.slot), (VolumeState::Labelled, Some(Slot(2))));
    assert_eq!(volume.labelled, None, "no run began it");
    assert_eq!(world.catalogue.check().unwrap(), []);
}

#[test]
fn a_volume_with_a_label_is_only_begun_afresh_by_force_and_if_it_is_free() {
    let mut world = World::new();
    let first = world.label(&at(1)).unwrap();
    let refused = world.label(&at(1)).unwrap_err();
    assert!(matches!(refused, NotLabelled::NotBlank { .. }), "{refused}");
    let forced = Order { force: true, ..at(1) };
    assert_eq!(world.label(&forced).unwrap().label, first.label);
    let now = stamp("20261123110000");
    world
        .catalogue
        .set_lock(&first.label, taper::catalogue::Lock::NoReuse, &Default::default(), now)
        .unwrap();
    let needed = world.label(&forced).unwrap_err();
    assert!(matches!(needed, NotLabelled::Needed { .. }), "{needed}");
}

#[test]
fn where_a_needed_volume_was_and_no_label_is_read_only_force_labels() {
    let mut world = World::new();
    let needed = world.label(&at(1)).unwrap().label;
    let (no_reuse, now) = (taper::catalogue::Lock::NoReuse, stamp("20261123110000"));
    world.catalogue.set_lock(&needed, no_reuse, &Default::default(), now).unwrap();
    // Its label is gone, and nothing else of it.
    let slot = world._folder.path().canonicalize().unwrap().join("vtapes/slot1");
    let label = fs::read_dir(&slot).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(label).unwrap();
    let refused = world.label(&at(1)).unwrap_err();
    assert!(matches!(refused, NotLabelled::Lost(..)), "{refused}");
    assert!(refused.to_string().contains("no-reuse"), "{refused}");
    let other = world.label(&Order { force: true, ..at(1) }).unwrap();
    assert_ne!(other.label, needed, "the lost one is still known");
}

#[test]
fn a_free_volume_can_get_another_name() {
    let mut world = World::new();
    let [one, two] = [1, 2].map(|slot| world.label(&at(slot)).unwrap().label);
    let order = |label: &Label| Order { label: Some(label.clone()), force: true, ..at(1) };
    let taken = world.label(&order(&two)).unwrap_err();
    assert!(matches!(taken, NotLabelled::Double { slot: Slot(2), .. }), "{taken}");
    let other: Label = one.as_str().replace('1', "9").parse().unwrap();
    assert_eq!(world.label(&order(&other)).unwrap().label, other);
    assert!(world.catalogue.volume(&one).is_err());
    assert_eq!(world.catalogue.volume(&other).unwrap().state, VolumeState::Labelled);
}

#[test]
fn a_volume_of_ours_that_nobody_knows_is_never_overwritten() {
    let mut world = World::new();
    let ours = world.label(&at(3)).unwrap().label;
    world.behind_our_back(1, ours.as_str().replace('1', "7").as_str());
    world.behind_our_back(2, "somebody.elses");
    for force in [false, true] {
        let refused = world.label(&Order { force, ..at(1) }).unwrap_err();
        assert!(matches!(refused, NotLabelled::Unknown { .. }), "{refused}");
    }
    let refused = world.label(&at(2)).unwrap_err();
    assert!(matches!(refused, NotLabelled::NotBlank { .. }), "{refused}");
    assert!(world.label(&Order { force: true, ..at(2) }).unwrap().was.contains("somebody.elses"));
    assert!(matches!(world.label(&Order::default()).unwrap_err(), NotLabelled::NoBlank));
}

#[test]
fn a_label_that_no_run_would_write_on_is_refused() {
    let mut world = World::new();
    let order = Order { label: Some("holiday.photos".parse().unwrap()), ..at(1) };
    let refused = world.label(&order).unwrap_err();
    assert!(matches!(refused, NotLabelled::NotOurs(_)), "{refused}");
}

/// A site with an emulated library of three cartridges, whose volumes are called like their barcodes.
fn by_barcode() -> World {
    speaking("standard")
}

/// The same, of a library that speaks this dialect.
fn speaking(dialect: &str) -> World {
    let world = World::new();
    let root = world._folder.path().canonicalize().unwrap();
    let settings = Quickstart { slots: 3, ..Quickstart::new(root.clone(), vec![root.clone()]) };
    let text = config::quickstart(&settings).unwrap();
    let vtapes = "type = \"vtape\"\ndirectory = \"vtapes\"\n";
    assert!(text.contains(vtapes) && text.contains("DAILY-%%%"), "{text}");
    let text = text
        .replace(
            vtapes,
            &format!("type = \"emulator\"\ndirectory = \"library\"\nprofile = \"{dialect}\"\n"),
        )
        .replace("DAILY-%%%", "$b");
    fs::write(root.join("reelkeep.toml"), text).unwrap();
    World { config: config::load(&root).unwrap(), ..world }
}

#[test]
fn a_library_that_reports_six_characters_is_understood() {
    let mut world = speaking("starwinds");
    let order = Order { barcode: "RK0002L8".parse().ok(), ..Order::default() };
    let done = world.label(&order).unwrap();
    assert_eq!((done.label.as_str(), done.slot), ("RK0002", Slot(2)));
}

#[test]
fn a_cartridge_is_found_by_its_barcode_and_called_like_it() {
    let mut world = by_barcode();
    let order = |barcode: &str| Order { barcode: barcode.parse().ok(), ..Order::default() };
    let done = world.label(&order("RK0002L8")).unwrap();
    assert_eq!((done.label.as_str(), done.slot), ("RK0002L8", Slot(2)));
    let volume = world.catalogue.volume(&done.label).unwrap();
    assert_eq!(volume.barcode, "RK0002L8".parse().ok());
    let again = world.label(&order("RK0002L8")).unwrap_err();
    assert!(matches!(again, NotLabelled::NotBlank { slot: Slot(2), .. }), "{again}");
    let named = Order { label: "ARCHIVE-1".parse().ok(), ..order("RK0003L8") };
    assert!(matches!(world.label(&named), Err(NotLabelled::NotOurs(_))));
    let missing = world.label(&order("RK0009L8")).unwrap_err();
    assert!(missing.to_string().contains("no cartridge of the library has the barcode RK0009L8"));
}
