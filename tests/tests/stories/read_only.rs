//! The day of the restore: the file system of the site is read-only, or full, or something lies where a directory was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::{Said, run};
use crate::site::{Scratch, Site};
use crate::trees::noise;

/// Something mounted, until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(how: &[&str], place: &Path) -> Self {
        run(Command::new("mount").args(how).arg(place)).good();
        Self(place.to_owned())
    }

    /// What lies there, as a file system on which nobody writes any more.
    fn read_only(place: &Path) -> Self {
        let mounted = Self::new(&["--bind", place.to_str().unwrap()], place);
        run(Command::new("mount").args(["-o", "remount,ro,bind"]).arg(place)).good();
        mounted
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// A tree with a file.
fn tree(scratch: &Scratch) -> PathBuf {
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), noise(100_000)).unwrap();
    tree
}

/// All that only reads works, and a restore brings back what was there.
fn reads(site: &Site, tree: &Path, target: &Path) {
    let dle = tree.to_str().unwrap();
    let label = site.json(&["list", "volumes"])[0]["label"].as_str().unwrap().to_owned();
    let commands: [&[&str]; 12] = [
        &["list", "dumps"],
        &["list", "dles"],
        &["list", "runs"],
        &["find", "file"],
        &["report"],
        &["status"],
        &["verify"],
        &["volume", "show", &label],
        &["volume", "explain", &label],
        &["library", "show"],
        &["catalogue", "check"],
        &["restore", "--raw", "--dle", dle],
    ];
    for words in commands {
        site.say(words).good();
    }
    site.say(&["restore", "--dle", dle, "--to", target.to_str().unwrap()]).good();
    let restored = fs::read(target.join("file")).unwrap();
    assert_eq!(restored, fs::read(tree.join("file")).unwrap());
}

/// `check` gives this advice, and nobody is told to move a good catalogue aside.
fn advised(said: &Said, words: &str) {
    assert!(said.out.contains(words) || said.err.contains(words), "{words}: {said}");
    assert!(!said.out.contains("rebuild") && !said.err.contains("rebuild"), "{said}");
}

#[test]
#[ignore = "needs root, to mount: buildbot/run runs it"]
fn all_is_read_and_restored_while_the_sites_file_system_is_read_only() {
    let scratch = Scratch::new();
    let tree = tree(&scratch);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    // A library of virtual tapes notes what is in its drives, so it is on another file system.
    let volumes = scratch.path().join("volumes");
    fs::create_dir(&volumes).unwrap();
    std::os::unix::fs::symlink(&volumes, site.path().join("vtapes")).unwrap();
    site.night();
    let mounted = Mounted::read_only(site.path());
    reads(&site, &tree, &scratch.path().join("back"));
    let told = site.say(&["list", "runs"]).err;
    assert!(told.contains("is read-only: it is read as it stands"), "{told}");
    advised(&site.say(&["check"]).expect(1), "see in `dmesg` why, and mount it writable again");
    advised(&site.say(&["dump"]).expect(2), "see in `dmesg` why, and mount it writable again");
    drop(mounted);
    site.night();
    assert_eq!(site.json(&["list", "runs"]).as_array().unwrap().len(), 2);
}

#[test]
#[ignore = "needs root, to mount: buildbot/run runs it"]
fn all_is_read_and_restored_while_the_sites_file_system_is_full() {
    let scratch = Scratch::new();
    let tree = tree(&scratch);
    let place = scratch.path().join("site");
    fs::create_dir(&place).unwrap();
    let _mounted = Mounted::new(&["-t", "tmpfs", "-o", "size=20m", "tmpfs"], &place);
    let site = Site::new(&place, &[], &[&tree]);
    site.night();
    fs::write(place.join("ballast"), vec![0; 30_000_000]).unwrap_err();
    reads(&site, &tree, &scratch.path().join("back"));
    let told = site.say(&["list", "runs"]).err;
    assert!(told.contains("is full: it is read as it stands"), "{told}");
    advised(&site.say(&["check"]).expect(1), "make room");
    advised(&site.say(&["dump"]).expect(2), "make room");
    fs::remove_file(place.join("ballast")).unwrap();
    site.night();
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn who_only_reads_needs_neither_the_directory_of_the_logs_nor_that_of_the_agent() {
    let scratch = Scratch::new();
    let tree = tree(&scratch);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    site.night();
    for name in ["log", "agent"] {
        fs::remove_dir_all(site.path().join(name)).unwrap();
        fs::write(site.path().join(name), "").unwrap();
    }
    let dle = tree.to_str().unwrap();
    site.say(&["list", "dumps"]).good();
    site.say(&["find", "file"]).good();
    let back = scratch.path().join("back");
    site.say(&["restore", "--dle", dle, "--to", back.to_str().unwrap()]).good();
    assert_eq!(fs::read(back.join("file")).unwrap(), fs::read(tree.join("file")).unwrap());
    let refused = site.say(&["dump"]).expect(2);
    assert!(refused.err.contains("a file is where a directory should be"), "{refused}");
    let checked = site.say(&["check"]).expect(1);
    assert!(checked.out.contains("a file is where a directory should be"), "{checked}");
}
