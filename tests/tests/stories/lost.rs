//! The catalogue and every index are lost, and come back from the volumes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::site::{Scratch, Site};
use crate::trees::{Manifest, mutate, office};

/// Some nights of a tree whose images lie on more than one volume.
struct Nights {
    _scratch: Scratch,
    site: Site,
    tree: PathBuf,
    days: Vec<(String, Manifest)>,
}

impl Nights {
    fn new(count: u32, change: impl Fn(&str) -> String) -> Self {
        let scratch = Scratch::new();
        let tree = office(&scratch.path().join("tree"), 0.02);
        let how = ["--volume-size", "20 MiB", "--volumes", "12"];
        let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
        let text = fs::read_to_string(site.path().join("reelkeep.toml")).unwrap();
        fs::write(site.path().join("reelkeep.toml"), change(&text)).unwrap();
        let mut days = vec![(site.night(), Manifest::of(&tree))];
        for day in 2..=count {
            mutate(&tree, day);
            days.push((site.night(), Manifest::of(&tree)));
        }
        Self { _scratch: scratch, site, tree, days }
    }

    /// Nothing is left of catalogue and indexes.
    fn lose_the_catalogue(&self) {
        let site = self.site.path();
        for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
            if site.join(name).exists() {
                fs::remove_file(site.join(name)).unwrap();
            }
        }
        fs::remove_dir_all(site.join("index")).unwrap();
    }

    /// Rebuilds, and shows that all days and the nights to come are as if nothing had been.
    fn rebuild(&self) {
        let Self { site, tree, days, .. } = self;
        let dry = site.json(&["catalogue", "rebuild", "--dry-run"]);
        assert_eq!(
            (&dry["dumps"], &dry["indexes"]),
            (&days.len().into(), &days.len().into()),
            "{dry}"
        );
        assert!(site.dumps().is_empty(), "a dry run changes nothing");
        site.say(&["catalogue", "rebuild"]).good();
        site.say(&["catalogue", "check"]).good();
        site.say(&["verify", "--all"]).good();
        for (run, was) in days {
            site.expect_restores(tree, run, was);
        }
        let again = site.json(&["catalogue", "rebuild"]);
        assert_eq!((&again["parts"], &again["indexes"]), (&0.into(), &0.into()), "{again}");
        mutate(tree, 9);
        let third = site.night();
        site.expect_restores(tree, &third, &Manifest::of(tree));
        let newest = site.dumps().pop().unwrap();
        assert!(newest.level > 0, "the levels go on: {newest:?}");
    }
}

/// The last files of all volumes that hold records: a crash came before they were written.
fn remove_last_records(library: &Path) -> usize {
    let mut removed = 0;
    for slot in fs::read_dir(library).unwrap().map(|slot| slot.unwrap().path()) {
        if !slot.is_dir() {
            continue;
        }
        let mut files: Vec<_> =
            fs::read_dir(&slot).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let Some(last) = files.pop() else { continue };
        if last.to_str().unwrap().contains("reelkeep.records") {
            fs::remove_file(last).unwrap();
            removed += 1;
        }
    }
    removed
}

#[test]
#[ignore = "needs stock tools: buildbot/run runs it"]
fn a_lost_catalogue_comes_back_from_the_records_on_the_volumes() {
    let nights = Nights::new(2, str::to_owned);
    nights.lose_the_catalogue();
    let check = nights.site.say(&["check"]).expect(1);
    assert!(check.out.contains("`reelkeep catalogue rebuild` takes it over"), "{check}");
    assert!(check.out.contains("the catalogue is older than the site"), "{check}");
    nights.rebuild();
}

#[test]
#[ignore = "needs stock tools: buildbot/run runs it"]
fn a_lost_catalogue_comes_back_from_headers_where_records_are_missing() {
    let nights = Nights::new(1, str::to_owned);
    nights.lose_the_catalogue();
    assert!(remove_last_records(&nights.site.path().join("vtapes")) > 1);
    nights.rebuild();
}

#[test]
#[ignore = "needs stock tools: buildbot/run runs it"]
fn dumps_that_went_straight_to_volumes_come_back_without_records_too() {
    let nights = Nights::new(1, |text| {
        text.replace("[dumptype.tree]", "[dumptype.tree]\nholdingdisk = \"never\"")
    });
    nights.lose_the_catalogue();
    assert!(remove_last_records(&nights.site.path().join("vtapes")) > 1);
    nights.rebuild();
}
