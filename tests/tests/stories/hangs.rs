//! Clients that say nothing any more: their dumps are ended, tried again, and told; all others are none the worse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::programs::{built, root, run};
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, noise};

/// A directory with the programs, in which a sick agent stands before the healthy one.
pub(crate) fn programs(at: &Path) -> PathBuf {
    fs::create_dir(at).unwrap();
    fs::hard_link(built("reelkeep"), at.join("reelkeep")).unwrap();
    fs::hard_link(built("reelkeep-agent"), at.join("healthy-agent")).unwrap();
    fs::copy(root().join("tests/gen/sick_agent.py"), at.join("reelkeep-agent")).unwrap();
    at.join("reelkeep")
}

/// Trees of these names, each with this many bytes that do not compress.
pub(crate) fn trees<const N: usize>(at: &Path, names: [(&str, usize); N]) -> [PathBuf; N] {
    names.map(|(name, length)| {
        let tree = at.join(name);
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), noise(length)).unwrap();
        tree
    })
}

/// The processes that know of a directory by their command line.
pub(crate) fn processes(of: &Path) -> Vec<String> {
    let of = of.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    let lines = all.filter_map(|path| fs::read_to_string(path).ok());
    lines.filter(|line| line.contains(of)).collect()
}

/// The files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (below, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.retain(|path| !path.ends_with(".reelkeep-holding"));
    files.extend(below.iter().flat_map(|path| self::files(path)));
    files
}

#[test]
#[ignore = "waits for what does not come: buildbot/run runs it"]
fn a_client_that_says_nothing_costs_its_own_dle_and_one_that_is_slow_costs_none() {
    let scratch = Scratch::new();
    let reelkeep = programs(&scratch.path().join("bin"));
    let sizes = [("hangs", 1 << 20), ("hangs-once", 1 << 20), ("slow", 500_000), ("well", 1 << 20)];
    let [hangs, once, slow, well] = trees(scratch.path(), sizes);
    let site = Site::new(&scratch.path().join("site"), &[], &[&hangs, &once, &slow, &well]);
    site.configure(|text| {
        text.replace("[site]\n", "[site]\ndtimeout = \"3 s\"\n")
            .replace("maxdumps = 2", "maxdumps = 4")
    });
    let night = || run(&mut site.command_of(&reelkeep, &["dump"]));

    night().expect(1);
    let first = site.runs().pop().unwrap();
    assert_eq!(fs::read_to_string(hangs.with_extension("note")).unwrap(), "dump hangs\n".repeat(2));
    let of_run: Vec<_> = site.dumps().into_iter().map(|dump| dump.dle).collect();
    assert_eq!(of_run.len(), 3, "{of_run:?}");
    for tree in [&once, &slow, &well] {
        site.expect_restores(tree, &first, &Manifest::of(tree));
    }
    let report = site.say(&["report"]).expect(1).out;
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let failed = format!(
        "localhost:{}: no dump in this run: the agent sent nothing for 3 seconds, and was ended (after 2 tries)",
        hangs.display()
    );
    assert!(flat.contains(&failed), "{report}");
    assert!(flat.contains("look whether the client is up"), "{report}");

    // Nothing of what was ended is left here; at the client, snapshots wait for the next dump of their DLE.
    assert_eq!(processes(scratch.path()), <Vec<String>>::new());
    assert_eq!(files(&site.path().join("holding")), <Vec<PathBuf>>::new());

    // Somebody has mended the client.
    fs::rename(scratch.path().join("bin/healthy-agent"), scratch.path().join("bin/reelkeep-agent"))
        .unwrap();
    night().good();
    let second = site.runs().pop().unwrap();
    for tree in [&hangs, &once, &slow, &well] {
        site.expect_restores(tree, &second, &Manifest::of(tree));
    }
    let pending = files(&site.path().join("agent"));
    assert!(pending.iter().all(|path| path.extension() != Some("pending".as_ref())), "{pending:?}");
}

#[test]
#[ignore = "waits for what does not come: buildbot/run runs it"]
fn a_client_that_gives_no_estimate_is_left_and_the_others_are_dumped() {
    let scratch = Scratch::new();
    let reelkeep = programs(&scratch.path().join("bin"));
    let [estimate, well] = trees(scratch.path(), [("estimate", 1 << 20), ("well", 1 << 20)]);
    let site = Site::new(&scratch.path().join("site"), &[], &[&estimate, &well]);
    site.configure(|text| text.replace("[site]\n", "[site]\netimeout = \"2 s\"\n"));
    run(&mut site.command_of(&reelkeep, &["dump"])).expect(1);
    let run = site.runs().pop().unwrap();
    site.expect_restores(&well, &run, &Manifest::of(&well));
    let report = site.say(&["report"]).expect(1).out;
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let failed = "there is no estimate for it: the agent sent nothing for 2 seconds, and was ended";
    assert!(flat.contains(failed) && flat.contains("raise `etimeout`"), "{report}");
    assert_eq!(processes(scratch.path()), <Vec<String>>::new());
}

/// Runs on and on, with a child, and does not care that nobody listens.
const HANGS: &str = "#!/bin/sh\n[ \"$1\" = support ] && exit 0\ntrap '' PIPE TERM\nsleep 1000\n";

#[test]
#[ignore = "waits for what does not come: buildbot/run runs it"]
fn a_script_that_does_not_end_is_ended_with_all_that_it_has_started() {
    let scratch = Scratch::new();
    let [tree, other] = trees(scratch.path(), [("tree", 1000), ("other", 1000)]);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree, &other]);
    let directory = site.path().join("agent/scripts");
    fs::create_dir_all(&directory).unwrap();
    let script = directory.join("hangs");
    fs::write(&script, HANGS.replace("1000", &format!("1000 # {}", scratch.path().display())))
        .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    site.configure(|text| {
        let dle = format!("path = {:?}\n", tree.to_str().unwrap());
        text.replace("[site]\n", "[site]\ndtimeout = \"2 s\"\n")
            .replace(&dle, &format!("{dle}script = [\"hangs\"]\n"))
            + "[script.hangs]\nplugin = \"hangs\"\nexecute-on = [\"pre-dle-backup\"]\n"
    });
    site.say(&["dump"]).expect(1);
    let run = site.runs().pop().unwrap();
    site.expect_restores(&other, &run, &Manifest::of(&other));
    let report = site.say(&["report"]).expect(1).out;
    assert!(report.contains("nothing for 2 seconds"), "{report}");
    assert_eq!(processes(scratch.path()), <Vec<String>>::new());
}
