//! A flipped byte on a volume: found by `verify`, confined to its frame, and restore goes on with the rest.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::site::{Scratch, Site};
use crate::trees::{Manifest, office};
use crate::volumes::images;

/// Turns one bit around.
fn flip(file: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn a_flipped_byte_costs_only_what_is_in_its_frame() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.02);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    site.night();
    site.say(&["verify"]).good();
    let was = Manifest::of(&tree);

    let image = images(site.path()).into_values().next().unwrap();
    let volume = &image[0].path;
    let middle = fs::metadata(volume).unwrap().len() / 2;
    flip(volume, middle);

    let found = site.say(&["verify"]).expect(1);
    let label = label_beside(volume);
    assert!(
        found.out.contains(&label) || found.err.contains(&label),
        "verify should name {label}: {found}"
    );

    let to = scratch.path().join("restored");
    let restored = site.restore(&tree, "latest", &to).expect(1);
    let came = Manifest::of(&to);
    let there: BTreeSet<_> = came.paths().map(str::to_owned).collect();
    let lost: Vec<_> =
        was.paths().filter(|path| !there.contains(*path)).map(str::to_owned).collect();
    assert!(!lost.is_empty(), "the middle of the image should hold some entry: {restored}");
    assert!(lost.len() < was.len() / 3, "{} of {} entries are lost", lost.len(), was.len());
    let said = format!("{}{}", restored.out, restored.err);
    for path in &lost {
        assert!(said.contains(path), "restore lost {path} and does not say so: {restored}");
    }
    // Whatever is there is as it was. A directory may itself lie in the frame, and is made anew for what is in it: that
    // is said, and only its time and rights are lost.
    let named = |path: &str| said.lines().any(|line| line.starts_with(&format!("{path}: ")));
    let whole = |path: &str| there.contains(path) && !named(path);
    was.only(whole).expect(&came.only(whole), "the rest");
}

#[test]
#[ignore = "takes a minute: buildbot/run runs it"]
fn a_damaged_end_of_an_image_is_found_and_costs_nothing_that_the_server_knows() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.005);
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    let run = site.night();
    let was = Manifest::of(&tree);
    let image = images(site.path()).into_values().next().unwrap();
    let volume = &image.last().unwrap().path;
    flip(volume, fs::metadata(volume).unwrap().len() - 100);
    site.say(&["verify", "--all"]).expect(1);
    // Frame table and index are in the catalogue too, so the tree itself is whole.
    site.expect_restores(&tree, &run, &was);
}

fn label_beside(part: &Path) -> String {
    let files = fs::read_dir(part.parent().unwrap()).unwrap();
    let mut names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find_map(|name| name.strip_prefix("00000.").map(str::to_owned)).unwrap()
}
