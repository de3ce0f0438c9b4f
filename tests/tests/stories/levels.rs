//! Ways to dump that are not of every day, over many days: what they leave out and at which level they go on.

use std::fs;
use std::path::Path;

use crate::hangs::trees;
use crate::site::{Scratch, Site};
use crate::trees::Manifest;

/// So many nights of a site with one DLE that has this in its section: the level of each, or none.
fn nights(count: u32, how: &str) -> (Scratch, Site, Vec<Option<u64>>) {
    let scratch = Scratch::new();
    let [tree] = trees(scratch.path(), [("tree", 100_000)]);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    site.configure(|text| {
        text.replace("dumpcycle = \"7 days\"", "dumpcycle = \"3 days\"")
            .replace("dumptype = \"tree\"\n", &format!("dumptype = \"tree\"\n{how}\n"))
    });
    let levels = (1..=count)
        .map(|day| {
            fs::write(tree.join(format!("day{day}")), format!("{day}")).unwrap();
            night(&site, &tree, day)
        })
        .collect();
    (scratch, site, levels)
}

/// A night; what was dumped in it restores.
fn night(site: &Site, tree: &Path, day: u32) -> Option<u64> {
    let said = site.say_at(&format!("2036-03-{day:02} 02:00:00"), &["dump"]);
    assert!(said.code == Some(0), "{said}");
    let run = site.runs().pop().unwrap();
    let dump = site.dumps().into_iter().find(|dump| dump.run == run)?;
    site.expect_restores(tree, &run, &Manifest::of(tree));
    Some(dump.level)
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn without_record_every_night_is_a_full_and_the_client_keeps_nothing() {
    let (_scratch, site, levels) = nights(4, "record = false");
    assert_eq!(levels, [Some(0); 4]);
    let kept = crate::hangs::files(&site.path().join("agent"));
    assert!(kept.iter().all(|path| path.file_name() == Some("name".as_ref())), "{kept:?}");
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn a_full_that_is_skipped_counts_as_made_and_the_levels_go_on_behind_it() {
    let (_scratch, _site, levels) = nights(9, "skip-full = true");
    assert_eq!(levels, [None, Some(1), Some(1), None, Some(1), Some(1), None, Some(1), Some(1)]);
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn where_no_full_is_ever_made_each_night_restores_by_itself_and_its_volumes_are_kept() {
    let (_scratch, site, levels) = nights(3, "strategy = \"nofull\"");
    assert_eq!(levels, [Some(1); 3]);
    for volume in site.json(&["list", "volumes"]).as_array().unwrap() {
        let label = volume["label"].as_str().unwrap();
        let explained = site.json_at("2036-06-01 02:00:00", &["volume", "explain", label]);
        assert_eq!(explained["reusable"], false, "{explained:#}");
    }
}
