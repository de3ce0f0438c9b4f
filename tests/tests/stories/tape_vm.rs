//! One drive and a person who changes its cartridges, behind the real tape drivers of Linux.
//!
//! These run in the machine of `buildbot/tapevm`, whose library is the person's shelf: cartridges are carried with
//! `mtx`, of which our programs know nothing.

use std::path::Path;

use crate::by_hand::{code, longer_than_a_cartridge};
use crate::post::Post;
use crate::programs::shell;
use crate::site::Site;
use crate::trees::Manifest;

const CHANGER: &str = "/dev/tapevm/changer";

/// Takes out what the drive has let go of, and puts in the cartridge of this slot.
fn put_in(slot: u32) {
    let carry = format!(
        "if mtx -f {CHANGER} status | grep -q 'Element 0:Full'; then mtx -f {CHANGER} unload; fi
         mtx -f {CHANGER} load {slot} 0"
    );
    shell(Path::new("/"), &carry).good();
}

/// Makes these cartridges blank for us: tgt cannot read at the end of data, and two filemarks spare it that. The drive
/// is empty afterwards.
fn make_blank(slots: &[u32]) {
    let mt = "mt -f /dev/tapevm/drive0";
    let unload = format!(
        "if mtx -f {CHANGER} status | grep -q 'Element 0:Full'; then {mt} offline; mtx -f {CHANGER} unload; fi"
    );
    for &slot in slots {
        let wipe = format!("mtx -f {CHANGER} load {slot} 0; {mt} rewind; {mt} weof 2");
        shell(Path::new("/"), &format!("{unload}; {wipe}")).good();
    }
    shell(Path::new("/"), &unload).good();
}

/// A night longer than a cartridge, and its restore, with a person between shelf and drive.
fn a_night_and_its_restore(drive: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let tree = longer_than_a_cartridge(scratch.path());
    let how = ["--volume-size", "20 MiB", "--volumes", "12"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    let post = Post::new(scratch.path());
    site.configure(|text| {
        let slots = "type = \"vtape\"\ndirectory = \"vtapes\"\nslots = 12\n";
        let tape = "length = \"16 MB\"\nblocksize = \"64 KiB\"\npart-size = \"2 MiB\"\nearly-warning = \"1 MiB\"";
        assert!(text.contains(slots), "{text}");
        text.replace(slots, &format!("type = \"single\"\ndrive = \"{drive}\"\n"))
            .replace("mailto = []", &post.settings())
            .replace("length = \"20 MiB\"", tape)
    });
    make_blank(&[1, 2, 3]);

    let mut night = site.start(&["dump"]);
    let mail = post.next();
    assert!(mail.contains("Now: it is empty"), "{mail}");
    assert!(mail.contains("a blank cartridge (it becomes DAILY-001)"), "{mail}");
    put_in(1);
    // Whether that is noticed first, or what is said, does not matter.
    let _said = site.say(&["library", "loaded"]);
    let mail = post.next();
    assert!(mail.contains("Now: DAILY-001 was written in this run already"), "{mail}");
    put_in(2);
    let _said = site.say(&["library", "loaded"]);
    assert_eq!(code(&mut night), 0);
    assert!(site.say(&["library", "inventory"]).good().out.contains("DAILY-002"));

    let was = Manifest::of(&tree);
    let to = scratch.path().join("restored");
    let mut restore =
        site.start(&["restore", "--dle", tree.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    let mail = post.next();
    assert!(mail.contains("Put volume DAILY-001 into drive drive0"), "{mail}");
    assert!(mail.contains("Now: volume DAILY-002 is in it"), "{mail}");
    put_in(3);
    let _said = site.say(&["library", "loaded"]);
    let mail = post.next();
    assert!(mail.contains("Now: a blank cartridge is in it"), "{mail}");
    put_in(1);
    let _said = site.say(&["library", "loaded"]);
    let mail = post.next();
    assert!(mail.contains("Put volume DAILY-002 into drive drive0"), "{mail}");
    put_in(2);
    let _said = site.say(&["library", "loaded"]);
    assert_eq!(code(&mut restore), 0);
    was.expect(&Manifest::of(&to), "what a person has put in");
}

#[test]
#[ignore = "needs the tape machine: buildbot/run runs it"]
fn tape_vm_a_person_changes_cartridges_in_a_drive_behind_st() {
    a_night_and_its_restore("/dev/tapevm/drive0");
}

#[test]
#[ignore = "needs the tape machine: buildbot/run runs it"]
fn tape_vm_emulator_a_person_changes_cartridges_in_a_drive_behind_sg() {
    a_night_and_its_restore("/dev/tapevm/drive0-sg");
}
