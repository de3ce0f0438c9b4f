//! Commands given at emulated libraries.

use std::fs;
use std::path::PathBuf;

use clap::Parser as _;
use config::Quickstart;
use devices::emulator::{Library as Emulator, Spot};
use taper::catalogue::Catalogue;
use tempfile::TempDir;
use types::{Label, Slot};

use crate::cli::Cli;
use crate::command::{Exit, run};
use crate::library::{self, Library};

/// A site with an emulated library of six slots, with cartridges in the first four and one drive.
struct Desk {
    _folder: TempDir,
    root: PathBuf,
    config: config::Config,
}

impl Desk {
    /// `changer` are more lines of the changer's section.
    fn new(changer: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let settings = Quickstart::new(root.clone(), vec![root.clone()]);
        let text = config::quickstart(&settings).unwrap();
        let slots =
            format!("type = \"vtape\"\ndirectory = \"vtapes\"\nslots = {}\n", settings.slots);
        assert!(text.contains(&slots), "{text}");
        let library = format!(
            "type = \"emulator\"\ndirectory = \"library\"\nslots = 6\ncartridges = 4\ndrives = 1\n{changer}\n"
        );
        fs::write(root.join("reelkeep.toml"), text.replace(&slots, &library)).unwrap();
        let config = config::load(&root).unwrap_or_else(|wrong| panic!("{wrong}"));
        Self { _folder: folder, root, config }
    }

    /// One whose cartridges have no barcodes.
    fn without_barcodes() -> Self {
        Self::new("profile = \"adic-dat\"")
    }

    fn say(&self, words: &[&str]) -> Exit {
        let site = self.root.to_str().unwrap();
        run(Cli::try_parse_from([&["reelkeep", "-c", site], words].concat()).unwrap())
    }

    #[track_caller]
    fn good(&self, words: &[&str]) {
        assert_eq!(self.say(words), Exit::Good, "{words:?}");
    }

    fn emulator(&self) -> Emulator {
        library::emulator(&self.config.storages[0]).unwrap()
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::open(&self.config.site.catalogue).unwrap()
    }

    /// In which slot the catalogue has each of these volumes.
    fn slots(&self, labels: [&str; 2]) -> [Option<u32>; 2] {
        let catalogue = self.catalogue();
        let slot = |label: Label| catalogue.volume(&label).unwrap().slot;
        labels.map(|label| slot(label.parse().unwrap()).map(|Slot(number)| number))
    }

    /// From which slot the cartridge in the drive came.
    fn in_drive(&self) -> Option<Slot> {
        let inventory = Library::open(&self.config.storages[0]).unwrap().inventory().unwrap();
        let bay = &inventory.drives[0];
        bay.cartridge.as_ref().and(bay.home)
    }
}

const BOTH: [&str; 2] = ["DAILY-001", "DAILY-002"];

#[test]
fn labels_of_cartridges_that_were_swapped_by_hand_are_found_out_when_all_are_read() {
    let desk = Desk::without_barcodes();
    desk.good(&["label"]);
    desk.good(&["label"]);
    assert_eq!(desk.slots(BOTH), [Some(1), Some(2)]);
    desk.emulator().operator().swap_unnoticed(Spot::Slot(0), Spot::Slot(1)).unwrap();
    desk.good(&["library", "inventory", "--read"]);
    assert_eq!(desk.slots(BOTH), [Some(1), Some(2)], "what was read once is not read again");
    desk.good(&["library", "inventory", "--read", "--all"]);
    assert_eq!(desk.slots(BOTH), [Some(2), Some(1)]);
}

#[test]
fn a_volume_that_is_not_where_it_was_thought_is_in_no_slot_until_it_is_read() {
    let desk = Desk::without_barcodes();
    desk.good(&["label"]);
    desk.good(&["label"]);
    // A blank cartridge is there now, and the volume in a slot that was not read yet.
    desk.emulator().operator().swap_unnoticed(Spot::Slot(0), Spot::Slot(3)).unwrap();
    desk.good(&["library", "inventory", "--read", "--all"]);
    assert_eq!(desk.slots(BOTH), [Some(4), Some(2)]);
}

#[test]
fn the_catalogue_is_told_where_a_cartridge_without_a_barcode_was_carried() {
    let desk = Desk::without_barcodes();
    desk.good(&["label"]);
    desk.good(&["label"]);
    desk.good(&["library", "move", "1", "5"]);
    assert_eq!(desk.slots(BOTH), [Some(5), Some(2)]);
    // Slot 1 is free, and the one in the drive came from slot 5.
    desk.good(&["volume", "scan", "DAILY-001"]);
    desk.good(&["library", "unload"]);
    desk.good(&["library", "inventory", "--read", "--all"]);
    assert_eq!(desk.slots(BOTH), [Some(5), Some(2)]);
    // This library does not say whence the cartridge in a drive came, so nobody knows which one it is.
    desk.good(&["library", "load", "2"]);
    desk.good(&["library", "move", "drive0", "1"]);
    desk.good(&["library", "move", "3", "2"]);
    assert_eq!(desk.slots(BOTH), [Some(5), None]);
    desk.good(&["library", "inventory", "--read"]);
    assert_eq!(desk.slots(BOTH), [Some(5), Some(1)]);
}

#[test]
fn a_slot_that_is_not_there_is_misuse_of_every_command() {
    let desk = Desk::new("mail-slots = 2");
    let all: [&[&str]; 11] = [
        &["library", "load", "99"],
        &["library", "move", "99", "1"],
        &["library", "move", "1", "99"],
        &["library", "export", "99"],
        &["library", "import", "5"],
        &["library", "calibrate", "1", "99"],
        &["library", "verify-drives", "--by-loading", "99"],
        &["volume", "scan", "99"],
        &["label", "--slot", "99"],
        &["device", "measure", "--slot", "99"],
        &["device", "burn-in", "--slot", "99"],
    ];
    for words in all {
        assert_eq!(desk.say(words), Exit::Usage, "{words:?}");
    }
}

#[test]
fn a_drive_keeps_its_cartridge_when_another_cannot_be_loaded() {
    let desk = Desk::new("mail-slots = 2");
    desk.good(&["library", "load", "2"]);
    let cleaner = devices::emulator::CartridgeSetup::cleaning(Spot::Slot(5), "CLNU01L1", 50);
    let operator = desk.emulator().operator();
    operator.open_door().unwrap();
    operator.put_new(&cleaner, Spot::Slot(5)).unwrap();
    operator.close_door().unwrap();
    for (slot, exit) in [("99", Exit::Usage), ("5", Exit::Failed), ("6", Exit::Failed)] {
        assert_eq!(desk.say(&["library", "load", slot]), exit, "slot {slot}");
        assert_ne!(desk.say(&["volume", "scan", slot]), Exit::Good, "slot {slot}");
        assert_ne!(desk.say(&["label", "--slot", slot]), Exit::Good, "slot {slot}");
        assert_eq!(desk.in_drive(), Some(Slot(2)), "slot {slot}");
    }
}
