//! Two storages: both get everything, a vault copies later, and what one loses the other has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::crash::{Dice, struck_nights};
use crate::programs::long;
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, mutate, noise, office};
use crate::volumes::{self, PartFile};

/// A second storage, `offsite`, in a changer of its own.
const OFFSITE: &str = r#"
[changer.shelf]
type = "vtape"
directory = "shelf"
slots = 60

[storage.offsite]
tpchanger = "shelf"
tapetype = "vtape"
policy = "recent"
autolabel = "OFF-%%%"
"#;

fn site(scratch: &Scratch, tree: &Path, change: impl Fn(&str) -> String) -> Site {
    let how = ["--volume-size", "20 MiB", "--volumes", "60"];
    let site = Site::new(&scratch.path().join("site"), &how, &[tree]);
    site.configure(|text| change(text) + OFFSITE);
    site
}

fn both(text: &str) -> String {
    text.replace("[site]\n", "[site]\nstorage = [\"daily\", \"offsite\"]\n")
}

/// What a storage lacks of what another has.
fn lacks(site: &Site, from: &str, to: &str) -> usize {
    let lacking = site.json(&["vault", "--dry-run", "--from", from, "--to", to]);
    lacking.as_array().unwrap().len()
}

/// The files of a slot with something in it.
fn written(changer: &Path) -> Vec<PathBuf> {
    let slots = fs::read_dir(changer).unwrap().map(|slot| slot.unwrap().path());
    let slots = slots.filter(|slot| slot.is_dir());
    let files = slots.flat_map(|slot| fs::read_dir(slot).unwrap().map(|file| file.unwrap().path()));
    files.filter(|file| file.is_file()).collect()
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn what_a_vault_copied_restores_when_the_first_volume_is_gone() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.01);
    let site = site(&scratch, &tree, |text| {
        text.replace("[site]\n", "[site]\nstorage = [\"daily\"]\n").replace(
            "[storage.daily]\n",
            "[storage.daily]\nvault = [{ storage = \"offsite\", days = 0 }]\n",
        )
    });
    let mut days = Vec::new();
    for day in 1..=3 {
        days.push((site.night(), Manifest::of(&tree)));
        mutate(&tree, day);
    }
    assert_eq!(lacks(&site, "daily", "offsite"), 3);
    site.say(&["vault"]).good();
    assert_eq!(lacks(&site, "daily", "offsite"), 0);
    let again = site.say(&["vault"]).good();
    assert!(again.err.contains("nothing to copy"), "{again}");
    // Both copies are read to their end.
    site.say(&["verify", "--all"]).good();

    // A fire in the library.
    let files = written(&site.path().join("vtapes"));
    assert!(files.len() > 3, "{files:?}");
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    for (run, was) in &days {
        site.expect_restores(&tree, run, was);
    }
    // And the nights go on.
    site.say(&["dump"]);
    days.push((site.runs().pop().unwrap(), Manifest::of(&tree)));
    for (run, was) in &days {
        site.expect_restores(&tree, run, was);
    }
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn a_night_ends_with_the_copies_of_its_vault_storages() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.01);
    let site = site(&scratch, &tree, |text| {
        text.replace("[site]\n", "[site]\nstorage = [\"daily\"]\nvault-storage = [\"offsite\"]\n")
            .replace(
                "[storage.daily]\n",
                "[storage.daily]\nvault = [{ storage = \"offsite\", days = 0 }]\n",
            )
    });
    site.say(&["dump"]).good();
    assert_eq!((lacks(&site, "daily", "offsite"), site.runs().len()), (0, 2));
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn without_a_holding_disk_the_second_storage_gets_its_copy_from_the_first() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.01);
    let dumps_of_any_size = "[dumptype.tree]\nholdingdisk = \"never\"\n";
    let site =
        site(&scratch, &tree, |text| both(text).replace("[dumptype.tree]\n", dumps_of_any_size));
    let run = site.night();
    let was = Manifest::of(&tree);
    assert_eq!(lacks(&site, "daily", "offsite"), 1);
    site.say(&["vault"]).good();
    assert_eq!(lacks(&site, "daily", "offsite"), 0);
    written(&site.path().join("vtapes")).iter().for_each(|file| fs::remove_file(file).unwrap());
    site.expect_restores(&tree, &run, &was);
}

#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn after_any_kill_both_storages_get_everything_that_was_reported() {
    let nights = if long() { 100 } else { 10 };
    let mut dice = Dice::new();
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.002);
    let site = site(&scratch, &tree, both);
    let mut days = struck_nights(&site, &tree, nights, &mut dice);
    // One night in peace tidies up, and writes what waits.
    site.say(&["dump"]).good();
    days.insert(site.runs().pop().unwrap(), Manifest::of(&tree));
    site.say(&["flush"]).good();
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 0);
    assert_eq!((lacks(&site, "daily", "offsite"), lacks(&site, "offsite", "daily")), (0, 0));
    crate::crash::expect_all_restore(&site, &tree, &days);
    site.say(&["verify", "--all"]).good();
    site.say(&["catalogue", "check"]).good();
}

/// A second storage in the changer of the first.
const SECOND: &str = r#"
[storage.second]
tpchanger = "vtapes"
tapetype = "vtape"
policy = "recent"
autolabel = "SECOND-%%%"
"#;

/// Changes bytes in the middle of every part of these.
fn damage(parts: &[PartFile]) {
    for part in parts {
        let mut bytes = fs::read(&part.path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 100].reverse();
        fs::write(&part.path, bytes).unwrap();
    }
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn of_two_copies_in_one_changer_with_one_drive_either_may_be_damaged() {
    let scratch = Scratch::new();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), noise(10 << 20)).unwrap();
    let site = Site::new(&scratch.path().join("site"), &["--volumes", "6"], &[&tree]);
    site.configure(|text| {
        text.replace("[site]\n", "[site]\nstorage = [\"daily\", \"second\"]\n") + SECOND
    });
    let (run, was) = (site.night(), Manifest::of(&tree));
    let parts = volumes::parts(&site.path().join("vtapes"));
    let slots: BTreeSet<_> = parts.iter().map(|part| part.path.parent().unwrap()).collect();
    assert_eq!(slots.len(), 2, "a volume for each storage: {slots:?}");
    for slot in slots {
        let copy: Vec<_> = parts
            .iter()
            .filter(|part| part.path.parent() == Some(slot) && part.part().is_some())
            .cloned()
            .collect();
        let whole: Vec<_> = copy.iter().map(|part| fs::read(&part.path).unwrap()).collect();
        damage(&copy);
        let to = scratch.path().join("restored");
        // It may begin with the other one, which is whole.
        site.restore(&tree, &run, &to).good();
        was.expect(&Manifest::of(&to), "from the other copy");
        fs::remove_dir_all(&to).unwrap();
        site.say(&["verify", "--all"]).expect(1);
        for (part, bytes) in copy.iter().zip(whole) {
            fs::write(&part.path, bytes).unwrap();
        }
    }
    site.say(&["verify", "--all"]).good();
}
