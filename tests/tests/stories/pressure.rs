//! Too little room, somebody in a hurry, two at once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::run;
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, mutate, office};

/// A site with one tree of some tens of megabytes.
fn site(how: &[&str], scale: f64) -> (Scratch, Site, PathBuf) {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), scale);
    let site = Site::new(&scratch.path().join("site"), how, &[&tree]);
    (scratch, site, tree)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person presses Ctrl-C at some moment of the clock"
)]
fn wait(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn what_the_volumes_do_not_take_stays_on_the_holding_disk_until_a_flush() {
    // Room for one full, and none of it is reusable when the second comes.
    let (_scratch, site, tree) = site(&["--volume-size", "18 MiB", "--volumes", "2"], 0.01);
    let first = (site.night(), Manifest::of(&tree));
    mutate(&tree, 2);
    site.say(&["force", "localhost"]).good();
    let night = site.say(&["dump"]).expect(1);
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 1, "{night}");
    let second = (site.runs().pop().unwrap(), Manifest::of(&tree));
    for (run, was) in [&first, &second] {
        site.expect_restores(&tree, run, was);
    }

    site.configure(|text| text.replace("slots = 2", "slots = 12"));
    add_slots(site.path(), 3..=12);
    site.say(&["flush"]).good();
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 0);
    for (run, was) in [&first, &second] {
        site.expect_restores(&tree, run, was);
    }
    site.say(&["verify", "--all"]).good();
}

/// Somebody buys volumes.
fn add_slots(site: &Path, numbers: std::ops::RangeInclusive<u32>) {
    let library = walk(site).into_iter().find(|path| path.ends_with("slot1")).unwrap();
    for number in numbers {
        std::fs::create_dir(library.with_file_name(format!("slot{number}"))).unwrap();
    }
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let directories: Vec<_> =
        entries.filter(|it| it.file_type().unwrap().is_dir()).map(|it| it.path()).collect();
    let below: Vec<_> = directories.iter().flat_map(|path| walk(path)).collect();
    [directories, below].concat()
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn a_second_run_says_who_holds_the_lock() {
    let (_scratch, site, _) = site(&[], 0.05);
    let mut first = site.start(&["dump"]);
    while std::fs::read_to_string(site.path().join("lock")).unwrap_or_default().is_empty() {
        wait(1);
    }
    let second = site.say(&["dump"]).expect(2);
    assert!(second.err.contains("dump, process"), "{second}");
    // Who only asks is answered.
    assert!(site.say(&["volume", "expire"]).expect(2).err.contains("dump, process"));
    site.say(&["volume", "expire", "--dry-run"]).good();
    assert!(first.try_wait().unwrap().is_none(), "the run went on meanwhile");
    first.wait().unwrap();
    site.night();
}

#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn a_run_that_is_interrupted_leaves_a_site_that_works() {
    let (_scratch, site, tree) = site(&[], 0.05);
    let first = site.night();
    let was = Manifest::of(&tree);
    for (day, signal) in (2..).zip([Signal::INT, Signal::TERM, Signal::INT, Signal::TERM]) {
        mutate(&tree, day);
        site.say(&["force", "localhost"]).good();
        let mut night = site.start(&["dump"]);
        wait(100 * u64::from(day));
        kill_process(Pid::from_child(&night), signal).unwrap();
        let status = night.wait().unwrap();
        assert!(
            matches!(status.code(), Some(0..=2)),
            "after {signal:?} the run ended with {status}"
        );
    }
    let last = site.night();
    site.expect_restores(&tree, &last, &Manifest::of(&tree));
    site.expect_restores(&tree, &first, &was);
    site.say(&["verify", "--all"]).good();
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn without_room_on_the_holding_disk_dumps_go_straight_to_the_volume() {
    let (_scratch, site, tree) = site(&[], 0.01);
    set(&site, "use", "\"2 MiB\"");
    let run = site.night();
    site.expect_restores(&tree, &run, &Manifest::of(&tree));
    site.say(&["verify", "--all"]).good();
}

/// Another value of a key of the configuration.
fn set(site: &Site, key: &str, value: &str) {
    let is_it = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let line = |line: &str| if is_it(line) { format!("{key} = {value}") } else { line.to_owned() };
    site.configure(|text| text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n");
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn a_dump_straight_to_a_volume_that_is_the_last_one_fails_and_does_not_wait_for_ever() {
    let (_scratch, site, tree) = site(&["--volume-size", "14 MiB", "--volumes", "1"], 0.01);
    set(&site, "use", "\"2 MiB\"");
    // It is taken for smaller than it is.
    set(&site, "exclude-caches", "true\ncomprate = 0.25");
    let mut night = site.start(&["dump"]);
    let ended = (0..1200).find_map(|_| {
        wait(100);
        night.try_wait().unwrap()
    });
    let Some(status) = ended else {
        night.kill().unwrap();
        panic!("the run waits for something that nobody will do");
    };
    assert_eq!(status.code(), Some(1), "{status}");
    let report = site.say(&["report"]).expect(1);
    assert!(report.out.contains("FAILED"), "{report}");
    site.say(&["catalogue", "check"]).good();
    // Nothing of it is taken for a dump, and nothing is in the way of one that has room.
    set(&site, "slots", "3");
    set(&site, "runtapes", "2");
    add_slots(site.path(), 2..=3);
    let run = site.night();
    site.expect_restores(&tree, &run, &Manifest::of(&tree));
    site.say(&["verify", "--all"]).good();
}

/// A file system in memory, as long as it is wanted.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at)).good();
        Self(at.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let said = run(Command::new("umount").arg(&self.0));
        assert!(said.code == Some(0) || std::thread::panicking(), "{said}");
    }
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn a_holding_disk_whose_file_system_fills_in_the_middle_costs_no_dump() {
    let scratch = Scratch::new();
    let sizes = [("large", 6 << 20), ("small", 500_000), ("middling", 2 << 20)];
    let trees = crate::hangs::trees(scratch.path(), sizes);
    let roots: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    let site = Site::new(&scratch.path().join("site"), &[], &roots);
    // The configuration believes in much more than there is.
    site.configure(|text| text.replace("use = \"-1 GiB\"", "use = \"100 MiB\""));
    let _small = Small::mount(&site.path().join("holding"), "5m");
    let night = site.night();
    for tree in &trees {
        site.expect_restores(tree, &night, &Manifest::of(tree));
    }
    assert_eq!(crate::hangs::files(&site.path().join("holding")), <Vec<PathBuf>>::new());
    site.say(&["verify", "--all"]).good();
    eprintln!("{}", site.say(&["report"]).out);
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn a_full_file_system_under_the_volumes_costs_no_drive_no_volume_and_no_dump() {
    let scratch = Scratch::new();
    let trees = crate::hangs::trees(scratch.path(), [("one", 30 << 20), ("two", 30 << 20)]);
    let roots: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    let site = Site::new(&scratch.path().join("site"), &["--volumes", "4"], &roots);
    let vtapes = site.path().join("vtapes");
    let small = Small::mount(&vtapes, "44m");
    let told = |night: &crate::programs::Said| {
        let report = site.say(&["report"]).expect(1);
        let full = format!("the file system under {} is full", vtapes.display());
        let words = report.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words.matches(&full).count(), 1, "{report}");
        for wrong in ["to blame", "retired", "runtapes", "no volume to write to"] {
            assert!(!words.contains(wrong), "{wrong}: {report}");
        }
        assert!(!night.err.contains("FAILED:"), "{night}");
    };
    let held = || site.json(&["list", "holding"]).as_array().unwrap().len();
    let volumes = || {
        let list = site.json(&["list", "volumes"]);
        list.as_array().unwrap().iter().map(|it| it["state"].to_string()).collect::<Vec<_>>()
    };

    told(&site.say(&["dump"]).expect(1));
    let first = site.runs().pop().unwrap();
    assert_eq!(held(), 1);
    // Part of the second is there, and nothing is begun behind it.
    assert_eq!(volumes().len(), 1, "{:?}", volumes());
    // It is no better in the next night, which does not even begin.
    told(&site.say(&["dump"]).expect(1));
    assert_eq!(volumes().len(), 1, "{:?}", volumes());

    run(Command::new("mount").args(["-o", "remount,size=200m"]).arg(&vtapes)).good();
    site.say(&["flush"]).good();
    assert_eq!((held(), volumes().len()), (0, 1), "{:?}", volumes());
    for tree in &trees {
        site.expect_restores(tree, &first, &Manifest::of(tree));
    }
    site.say(&["verify", "--all"]).good();
    drop(small);
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn where_one_volume_has_no_disk_left_another_on_its_own_goes_on() {
    let scratch = Scratch::new();
    let trees = crate::hangs::trees(scratch.path(), [("one", 30 << 20)]);
    let site = Site::new(&scratch.path().join("site"), &["--volumes", "3"], &[&trees[0]]);
    set(&site, "runtapes", "1");
    let vtapes = site.path().join("vtapes");
    let _small = Small::mount(&vtapes, "24m");
    let _other = Small::mount(&vtapes.join("slot3"), "100m");
    let night = site.night();
    let volumes = site.json(&["list", "volumes"]);
    assert_eq!(volumes.as_array().unwrap().len(), 2, "{volumes}");
    site.expect_restores(&trees[0], &night, &Manifest::of(&trees[0]));
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 0);
}
