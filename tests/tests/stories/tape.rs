//! Nights on a tape library, by the real programs: the library is the emulated one, whose robot and drives are
//! spoken to in SCSI commands as any other.

use std::fs;

use crate::site::{Scratch, Site};
use crate::trees::{Manifest, mutate, office};

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn nights_on_an_emulated_tape_library_restore_also_when_the_catalogue_is_lost() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.02);
    let how = ["--volume-size", "28 MiB", "--volumes", "12"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    site.configure(|text| {
        text.replace(
            "type = \"vtape\"\ndirectory = \"vtapes\"\n",
            "type = \"emulator\"\ndirectory = \"library\"\ndrives = 2\nmail-slots = 4\n",
        )
    });
    let mut days = vec![(site.night(), Manifest::of(&tree))];
    for day in 2..=3 {
        mutate(&tree, day);
        days.push((site.night(), Manifest::of(&tree)));
    }
    site.say(&["verify", "--all"]).good();
    for (run, was) in &days {
        site.expect_restores(&tree, run, was);
    }

    // The robot knows barcodes, and the catalogue which label is under each.
    site.say(&["library", "unload"]).good();
    let inventory = site.json(&["library", "show"]);
    let first = &inventory["slots"][0];
    assert_eq!((&first["barcode"], &first["label"]), (&"RK0001L8".into(), &"DAILY-001".into()));
    let drives = site.json(&["library", "verify-drives"]);
    assert_eq!(drives["drives"].as_array().unwrap().len(), 2, "{drives}");
    assert_eq!(site.json(&["device", "show"]).as_array().unwrap().len(), 2);

    // Out through a mail slot and in again: it is found all the same.
    let export = site.json(&["library", "export", "1"]);
    let mail = export["mail"].as_u64().unwrap().to_string();
    site.say(&["library", "import", &mail]).good();
    let (run, was) = &days[0];
    site.expect_restores(&tree, run, was);

    for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        if site.path().join(name).exists() {
            fs::remove_file(site.path().join(name)).unwrap();
        }
    }
    fs::remove_dir_all(site.path().join("index")).unwrap();
    site.say(&["catalogue", "rebuild"]).good();
    site.say(&["verify", "--all"]).good();
    for (run, was) in &days {
        site.expect_restores(&tree, run, was);
    }
}
