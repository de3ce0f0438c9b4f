//! A restore has begun, and the volumes that it reads are no longer kept by any rule.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::site::{Scratch, Site};
use crate::trees::noise;

/// By which rules a volume is needed at a time.
fn needed_by(site: &Site, time: &str, label: &str) -> Vec<String> {
    let explained = site.json_at(time, &["volume", "explain", label]);
    let needed = explained["needed"].as_array().unwrap().iter();
    let reasons = needed.flat_map(|release| release["reasons"].as_array().unwrap());
    reasons.map(|reason| reason["rule"].as_str().unwrap().to_owned()).collect()
}

/// Nights until at some noon nothing keeps a volume any more; that noon, and the volume.
fn until_one_is_free(site: &Site) -> (String, String) {
    for day in 1..=20 {
        site.say_at(&format!("2036-03-{day:02} 23:00:00"), &["dump"]).good();
        let noon = format!("2036-03-{:02} 12:00:00", day + 1);
        let expired = site.json_at(&noon, &["volume", "expire", "--dry-run"]);
        if let Some(label) = expired["volumes"][0]["label"].as_str() {
            return (noon, label.to_owned());
        }
    }
    panic!("every volume is kept for ever");
}

#[test]
#[ignore = "needs faketime: buildbot/run runs it"]
fn what_is_being_read_is_not_given_back_until_the_reader_has_ended() {
    let scratch = Scratch::new();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    // Four nights to a volume.
    fs::write(tree.join("file"), noise(5_000_000)).unwrap();
    let how = ["--volume-size", "22 MiB", "--volumes", "9"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    site.configure(|text| text.replace("dumpcycle = \"4 days\"", "dumpcycle = \"1 day\""));
    let (noon, label) = until_one_is_free(&site);
    let (noon, label) = (noon.as_str(), label.as_str());
    assert_eq!(needed_by(&site, noon, label), [""; 0]);
    let shown = site.json(&["volume", "show", label]);
    let run = shown["parts"][0]["run"].as_str().unwrap();

    // The image is longer than the pipe, so the restore goes on only if somebody takes what comes.
    let raw = ["restore", "--raw", "--dle", tree.to_str().unwrap(), "--day", run];
    let begin = || {
        let mut command = site.command_at(noon, &raw);
        command.stdout(Stdio::piped()).process_group(0).spawn().unwrap()
    };
    let mut reader = begin();
    reader.stdout.as_mut().unwrap().read_exact(&mut [0; 1]).unwrap();
    assert_eq!(needed_by(&site, noon, label), ["wanted"]);
    let refused = site.say_at(noon, &["volume", "expire", label]);
    assert!(refused.err.contains("is wanted: restore, process"), "{refused}");
    // A run that begins does not take it for left over.
    site.say_at(noon, &["cleanup"]).good();
    assert_eq!(needed_by(&site, noon, label), ["wanted"]);

    // It, and the program that makes the time.
    kill_process_group(Pid::from_child(&reader), Signal::KILL).unwrap();
    reader.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    reader.wait().unwrap();
    assert_eq!(needed_by(&site, noon, label), ["wanted"], "it could not say that it has ended");
    let tidied = site.say_at(noon, &["cleanup"]).good().out;
    assert!(tidied.contains("no longer held for a command that was cut off"), "{tidied}");
    assert_eq!(needed_by(&site, noon, label), [""; 0]);

    let mut reader = begin();
    reader.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    assert!(reader.wait().unwrap().success());
    assert_eq!(needed_by(&site, noon, label), [""; 0], "it has said that it has ended");
}
