//! Somebody sets the clock back: nights go on, levels are right, and nothing that is needed is written over.
//!
//! The programs know no other way to be told the time than to ask the system, so the system is made to lie: libfaketime
//! answers in its place. The files keep the times that the kernel gives them, so the story plays in years to come: what
//! seems to have changed later than now would be dumped at every level.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::site::{Scratch, Site};
use crate::trees::{Manifest, mutate, office};

/// A night at some time of the clock; gives its stamp.
fn night_at(site: &Site, time: &str) -> String {
    site.say_at(time, &["dump"]).good();
    site.runs().pop().unwrap()
}

/// Which volumes there are, and the run that each was labelled in.
fn volumes(site: &Site) -> BTreeMap<String, String> {
    let listed = site.json(&["list", "volumes"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let volumes = listed.as_array().unwrap().iter();
    volumes.map(|volume| (text(&volume["label"]), text(&volume["labelled"]))).collect()
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn after_the_clock_jumps_back_levels_are_right_and_all_days_restore() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.002);
    // Few and small, so that some are written over within the story.
    let how = ["--volume-size", "10 MiB", "--volumes", "3"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    site.configure(|text| text.replace("dumpcycle = \"1 day\"", "dumpcycle = \"3 days\""));
    let times = [
        "2036-03-10 02:00:00",
        "2036-03-11 02:00:00",
        // Eight days back, and on from there.
        "2036-03-03 02:00:00",
        "2036-03-04 02:00:00",
        // Somebody has noticed. A dump cycle after the full, the next is due, and then the next.
        "2036-03-12 02:00:00",
        "2036-03-21 02:00:00",
        "2036-03-22 02:00:00",
        "2036-04-01 02:00:00",
        "2036-03-25 02:00:00",
        "2036-04-12 02:00:00",
    ];
    let mut days = BTreeMap::new();
    let (mut levels, mut reused) = (Vec::new(), BTreeSet::new());
    for (day, time) in (1..).zip(times) {
        let before = volumes(&site);
        mutate(&tree, day);
        let stamp = night_at(&site, time);
        let newest = days.keys().next_back();
        assert!(
            newest.is_none_or(|newest| *newest < stamp),
            "{stamp} is not later than {newest:?}"
        );
        days.insert(stamp, Manifest::of(&tree));
        levels.push(site.dumps().last().unwrap().level);
        let after = volumes(&site);
        reused.extend(before.into_iter().filter(|(label, stamp)| after[label] != *stamp));
        expect_all_restore(&site, &tree, &days);
    }
    let fulls: Vec<_> = (0..levels.len()).filter(|at| levels[*at] == 0).collect();
    assert_eq!(fulls, [0, 5, 7, 9], "{levels:?}");
    assert!(!reused.is_empty(), "no volume was written over, so nothing was put to the test");
    site.say(&["verify", "--all"]).good();
    site.say(&["catalogue", "check"]).good();
}

/// The newest state always restores, and so does every other of which all dumps are still there.
#[track_caller]
fn expect_all_restore(site: &Site, tree: &Path, days: &BTreeMap<String, Manifest>) {
    let name = tree.to_str().unwrap();
    let whole = |run: &str| {
        let chain = site.chain(name, run);
        chain.first().is_some_and(|dump| dump.level == 0)
            && chain.iter().all(|dump| dump.restorable)
    };
    let newest = days.keys().next_back().unwrap();
    assert!(whole(newest), "{:#?}", site.chain(name, newest));
    for (run, was) in days.iter().filter(|(run, _)| whole(run)) {
        site.expect_restores(tree, run, was);
    }
}
