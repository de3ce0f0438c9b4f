//! A week: each day's tree comes back, by us, and by hand with the commands that the volumes print.

use std::fs;
use std::path::{Path, PathBuf};

use crate::programs::long;
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, churn, mutate, nasty, office};
use crate::volumes::{images, restore_by_hand};

/// A site with two trees after seven nights, and what the trees held on each.
struct Week {
    scratch: Scratch,
    site: Site,
    trees: Vec<PathBuf>,
    /// The stamp of each night, with a manifest of each tree.
    days: Vec<(String, Vec<Manifest>)>,
}

fn week() -> Week {
    let scratch = Scratch::new();
    let scale = if long() { 1.0 } else { 0.02 };
    let trees =
        vec![office(&scratch.path().join("office"), scale), nasty(&scratch.path().join("nasty"))];
    // Four of them are a run, which has to take whatever a level may come to; and none takes the office's full dump alone,
    // so that an image lies on several.
    let size = if long() { "1500 MiB" } else { "36 MiB" };
    let roots: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    let site = Site::new(
        &scratch.path().join("site"),
        &["--volume-size", size, "--volumes", "30"],
        &roots,
    );
    let mut week = Week { scratch, site, trees, days: Vec::new() };
    for day in 1..=7 {
        if day > 1 {
            week.next_day(day);
        }
        let manifests = week.trees.iter().map(|tree| Manifest::of(tree)).collect();
        // Sockets are named in the report, so the night is good and not more.
        let run = week.site.night();
        week.days.push((run, manifests));
    }
    week
}

impl Week {
    fn next_day(&self, day: u32) {
        for tree in &self.trees {
            mutate(tree, day);
        }
        swap_kinds(&self.trees[0], day);
        churn(&self.trees[1], 0.3);
        // Levels 1, 1, 2, 2, 3, 3: each is compared with the one below.
        if day.is_multiple_of(2) && day > 2 {
            for tree in &self.trees {
                self.site.say(&["bump", "localhost", tree.to_str().unwrap()]).good();
            }
        }
    }
}

/// A file becomes a directory, and the next day a file again; a directory becomes a link.
fn swap_kinds(tree: &Path, day: u32) {
    let [swap, link] = ["swap", "becomes-a-link"].map(|name| tree.join(name));
    if day.is_multiple_of(2) {
        drop(fs::remove_file(&swap));
        fs::create_dir_all(swap.join("below/deeper")).unwrap();
        fs::write(swap.join("below/deeper/file"), format!("day {day}\n")).unwrap();
    } else {
        fs::remove_dir_all(&swap).unwrap();
        fs::write(&swap, format!("a file on day {day}\n")).unwrap();
    }
    match day {
        3 => {
            fs::create_dir(&link).unwrap();
            fs::write(link.join("inside"), "x\n").unwrap();
        }
        5 => {
            fs::remove_dir_all(&link).unwrap();
            std::os::unix::fs::symlink("swap", &link).unwrap();
        }
        _ => {}
    }
}

#[test]
#[ignore = "needs root and stock tools: buildbot/run runs it"]
fn every_day_of_a_week_comes_back_by_us_and_by_hand() {
    let week = week();
    let dumps = week.site.dumps();
    let levels: std::collections::BTreeSet<_> = dumps.iter().map(|dump| dump.level).collect();
    assert!(levels.len() >= 3, "the week should have climbed some levels: {levels:?}");
    assert!(dumps.iter().all(|dump| dump.restorable), "{dumps:#?}");
    week.site.say(&["verify", "--all"]).good();
    for (run, manifests) in &week.days {
        for (tree, was) in week.trees.iter().zip(manifests) {
            week.site.expect_restores(tree, run, was);
        }
    }
    by_hand(&week);
}

/// Each day once more, with nothing but what stands in the first blocks.
fn by_hand(week: &Week) {
    let images = images(week.site.path());
    assert!(
        images.values().any(|parts| parts.len() > 1),
        "some image should lie on several volumes"
    );
    for (run, manifests) in &week.days {
        for (tree, was) in week.trees.iter().zip(manifests) {
            let to = week.scratch.path().join("by-hand");
            let chain = week.site.chain(tree.to_str().unwrap(), run);
            for dump in &chain {
                let said = restore_by_hand(&images[&dump.id], &to).good();
                assert!(!said.err.contains("Unexpected EOF"), "{said}");
            }
            // tar leaves the list of what is gone for tools that need it.
            let left = to.join(".reelkeep");
            if left.exists() {
                fs::remove_dir_all(left).unwrap();
            }
            let seen = |it: Manifest| match chain.len() {
                1 => it.without_time_of_top(),
                _ => it.without_times_of_directories(),
            };
            let what = format!("{} as of {run}, by hand", tree.display());
            seen(was.clone()).expect(&seen(Manifest::of(&to)), &what);
            fs::remove_dir_all(&to).unwrap();
        }
    }
}
