//! The first command of the README does what the README says.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{built, long, root, run};
use crate::site::{Scratch, Site};
use crate::trees::Manifest;

#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn quickstart_backs_real_directories_up_and_they_come_back() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let line = readme.lines().find(|line| line.contains(" quickstart ")).unwrap();
    let words: Vec<&str> = line.split(" quickstart ").nth(1).unwrap().split_whitespace().collect();
    // The long form: over a hundred thousand entries and two gibibytes.
    let paths = if long() { vec!["/usr", root().to_str().unwrap()] } else { words };

    let scratch = Scratch::new();
    let mut command = Command::new(built("reelkeep"));
    run(command.arg("quickstart").args(&paths).current_dir(scratch.path())).good();
    let site = Site::at(&scratch.path().join("reelkeep-site"));
    for path in paths {
        // This checkout holds the story's own files, which change.
        let same = |entry: &str| {
            !path.starts_with(root().to_str().unwrap()) || !entry.starts_with("target/")
        };
        let to = scratch.path().join("back");
        site.restore(Path::new(path), "latest", &to).good();
        Manifest::of(Path::new(path)).only(same).expect(&Manifest::of(&to).only(same), path);
        fs::remove_dir_all(&to).unwrap();
    }
}
