//! A pool of volumes over twenty nights: what was foretold of them comes true.

use std::collections::BTreeMap;
use std::fs;

use crate::site::{Scratch, Site};
use crate::trees::noise;

/// The days of this story.
fn at(day: u32, hour: u32) -> String {
    format!("2036-03-{day:02} {hour:02}:00:00")
}

/// The same as catalogues write it.
fn stamp(day: u32, hour: u32) -> String {
    format!("203603{day:02}{hour:02}0000")
}

fn texts(list: &serde_json::Value, key: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.filter_map(|item| item[key].as_str()).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn over_twenty_nights_the_runs_take_what_was_named_and_volumes_are_free_on_the_day_that_was_foretold()
 {
    let scratch = Scratch::new();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), noise(2_400_000)).unwrap();
    let how = ["--volume-size", "6 MiB", "--volumes", "9"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    site.configure(|text| text.replace("dumpcycle = \"4 days\"", "dumpcycle = \"1 day\""));
    // Of each volume that is waited for: when it was last foretold to be free.
    let mut foretold: BTreeMap<String, String> = BTreeMap::new();
    let (mut came, mut begun) = (0, 0);
    for day in 1..=20 {
        fs::write(
            tree.join(format!("day{}", day % 3)),
            noise(200_000 + usize::try_from(day).unwrap()),
        )
        .unwrap();
        let noon = at(day, 12);
        for (label, when) in std::mem::take(&mut foretold) {
            let explained = site.json_at(&noon, &["volume", "explain", &label]);
            if explained["reusable"].as_bool().unwrap() {
                // A day or two before its time, for the runs between went on with volumes that they had begun.
                assert!(when < stamp(day + 2, 0), "day {day}: {label} was foretold for {when}");
                assert!(expire(&site, &noon).contains(&label));
                came += 1;
            } else {
                assert!(stamp(day, 12) < when, "day {day}: {label} was to be free on {when}");
                foretold.insert(label, when);
            }
        }
        let plan = site.json_at(&noon, &["plan", "--volumes"]);
        let named = texts(&plan["storages"][0]["taken"], "label");
        site.say_at(&at(day, 23), &["dump"]).good();
        let taken = texts(&site.json(&["report"])["volumes"], "label");
        // New volumes have no label before a run gives them one.
        let known = taken.iter().zip(&named).all(|(taken, named)| taken == named);
        let is_new = |label: &String| !named.contains(label);
        assert!(known && taken.iter().skip(named.len()).all(is_new), "{taken:?} of {named:?}");
        assert!(day < 6 || taken.len() <= named.len(), "day {day}: {taken:?} of {named:?}");
        begun += taken.len();
        for label in taken {
            let explained = site.json_at(&at(day, 23), &["volume", "explain", &label]);
            foretold.insert(label, explained["reusable_on"].as_str().unwrap().to_owned());
        }
    }
    assert!(came >= 6 && begun >= 25, "{came} times a volume was free, of {begun}");
}

/// What `expire` would let go of.
fn expire(site: &Site, time: &str) -> String {
    let before = site.json(&["list", "dumps"]);
    let out = site.say_at(time, &["volume", "expire", "--dry-run"]).good().out;
    assert_eq!(before, site.json(&["list", "dumps"]), "a dry run changes nothing");
    out
}
