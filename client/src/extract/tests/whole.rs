//! What has a name is whole, however a restore ends.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::{Command, Stdio};

use super::super::unfinished::Unfinished;
use super::*;

/// A file of two frames, as its member, and where the first frame ends.
fn two_frames() -> (Vec<u8>, Vec<u8>, Vec<Wanted>, usize) {
    let data: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let (raw, wanted) = frame(&[(file("big", &data), &data)]);
    (data, raw, wanted, 150_000)
}

/// A restore that has half of the file.
fn half_way(target: &Path, existing: Existing) -> Session {
    let (_, raw, wanted, cut) = two_frames();
    let mut session = session(target, existing);
    send(&mut session, &raw[..cut], wanted, false);
    session
}

/// A restore that nobody lets end.
fn killed(target: &Path) {
    std::mem::forget(half_way(target, Existing::Replace));
}

fn whole(target: &Path, existing: Existing) -> RestoreEnd {
    let (_, raw, _, cut) = two_frames();
    let mut session = half_way(target, existing);
    send(&mut session, &raw[cut..], Vec::new(), true);
    session.finish()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn after_a_restore_that_was_killed_keeping_what_is_there_completes_it() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path());
    assert!(!dir.path().join("big").exists(), "half a file has its name");
    assert_eq!(names(dir.path()).len(), 1, "what the dead can't remove");
    let end = whole(dir.path(), Existing::Keep);
    assert_eq!((end.restored, end.kept, end.failed), (1, 0, 0));
    assert_eq!(fs::read(dir.path().join("big")).unwrap(), two_frames().0);
    assert_eq!(names(dir.path()), ["big"]);
}

#[test]
fn what_stood_there_stays_until_all_of_the_new_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let old = || fs::read_to_string(dir.path().join("big")).unwrap();
    fs::write(dir.path().join("big"), "good and old").unwrap();
    killed(dir.path());
    assert_eq!(old(), "good and old", "killed");
    drop(half_way(dir.path(), Existing::Replace));
    assert_eq!(old(), "good and old", "its server went away");
    assert_eq!(half_way(dir.path(), Existing::Replace).finish().failed, 1);
    assert_eq!(old(), "good and old", "the rest did not come");
    let (_, mut raw, wanted, cut) = two_frames();
    raw[..512].fill(0xff);
    let mut damaged = session(dir.path(), Existing::Replace);
    send(&mut damaged, &raw[..cut], wanted, false);
    assert_eq!(damaged.finish().failed, 1);
    assert_eq!(old(), "good and old", "damaged");
    assert_eq!(whole(dir.path(), Existing::Replace).restored, 1);
    assert_eq!(fs::read(dir.path().join("big")).unwrap(), two_frames().0);
    assert_eq!(names(dir.path()), ["big"]);
}

#[test]
fn what_is_given_up_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    drop(half_way(dir.path(), Existing::Replace));
    assert_eq!(names(dir.path()), [""; 0]);
    half_way(dir.path(), Existing::Replace).finish();
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn every_kind_of_entry_takes_the_place_of_every_other_but_of_a_directory() {
    let kinds = [
        Kind::File,
        Kind::Symlink { target: b"elsewhere".to_vec() },
        Kind::Fifo,
        Kind::HardLink { target: b"first".to_vec() },
    ];
    for old in &kinds {
        for new in &kinds {
            let dir = tempfile::tempdir().unwrap();
            for kind in [old, new] {
                let entry = Entry { mode: 0o600, ..Entry::new("it", kind.clone()) };
                let first = file("first", b"first");
                let (end, notes) = restore(dir.path(), &[(first, b"first"), (entry, b"")]);
                assert_eq!((end.restored, end.failed), (2, 0), "{old:?}, {new:?}: {notes:?}");
                assert_eq!(names(dir.path()), ["first", "it"], "{old:?}, {new:?}");
            }
            let made = fs::symlink_metadata(dir.path().join("it")).unwrap();
            match new {
                Kind::File => assert!(made.is_file() && made.len() == 0),
                Kind::Symlink { .. } => assert!(made.is_symlink()),
                Kind::Fifo => assert!(made.file_type().is_fifo()),
                _ => assert_eq!(made.ino(), fs::metadata(dir.path().join("first")).unwrap().ino()),
            }
        }
    }
}

#[test]
fn a_link_that_is_there_already_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let link = Entry::new("b", Kind::HardLink { target: b"a".to_vec() });
    fs::write(dir.path().join("a"), "x").unwrap();
    fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
    let (end, notes) = restore(dir.path(), &[(link, b"")]);
    assert_eq!((end.restored, end.failed), (1, 0), "{notes:?}");
    assert_eq!(names(dir.path()), ["a", "b"]);
    assert_eq!(fs::metadata(dir.path().join("b")).unwrap().nlink(), 2);
}

#[test]
fn what_somebody_puts_there_meanwhile_is_kept_if_what_is_there_is_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let (_, raw, _, cut) = two_frames();
    let mut keeping = half_way(dir.path(), Existing::Keep);
    fs::write(dir.path().join("big"), "another's").unwrap();
    send(&mut keeping, &raw[cut..], Vec::new(), true);
    assert_eq!(keeping.finish().failed, 1);
    assert_eq!(fs::read_to_string(dir.path().join("big")).unwrap(), "another's");
    assert_eq!(names(dir.path()), ["big"]);
}

#[test]
fn a_directory_that_comes_into_the_place_meanwhile_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (_, raw, _, cut) = two_frames();
    let mut replacing = half_way(dir.path(), Existing::Replace);
    fs::create_dir(dir.path().join("big")).unwrap();
    send(&mut replacing, &raw[cut..], Vec::new(), true);
    assert_eq!(replacing.finish().failed, 1);
    assert!(dir.path().join("big").is_dir());
    assert_eq!(names(dir.path()), ["big"]);
}

#[test]
fn what_the_killed_have_left_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("target/d");
    fs::create_dir_all(&inside).unwrap();
    fs::write(dir.path().join("outside"), "x").unwrap();
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    // Another process that runs this very program, as far as anybody can tell by its name.
    let comm = fs::read_to_string("/proc/self/comm").unwrap();
    let program = dir.path().join(comm.trim_end());
    symlink("/bin/cat", &program).unwrap();
    let mut restoring =
        Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    restoring.stdin.as_mut().unwrap().write_all(b"?").unwrap();
    restoring.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let [ended, restoring_id, init] =
        [ended.id(), restoring.id(), 1].map(|id| format!(".reelkeep-restore.{id}.7"));
    let others = [
        ".reelkeep-restore.",
        ".reelkeep-restore.4294967295",
        ".reelkeep-restore.4294967295.x",
        ".reelkeep-restore.x.1",
        "reelkeep-restore.4294967295.1",
        restoring_id.as_str(),
    ];
    for name in others.iter().chain([&ended.as_str(), &init.as_str()]) {
        fs::write(inside.join(name), "x").unwrap();
    }
    symlink(dir.path().join("outside"), inside.join(".reelkeep-restore.4294967295.1")).unwrap();
    fs::create_dir(inside.join(".reelkeep-restore.4294967295.2")).unwrap();
    restore(&dir.path().join("target"), &[(file("d/f", b"x"), b"x")]);
    drop(restoring.stdin.take());
    restoring.wait().unwrap();
    let mut left: Vec<_> = others.into_iter().map(str::to_owned).collect();
    left.extend([".reelkeep-restore.4294967295.2".to_owned(), "f".to_owned()]);
    left.sort();
    assert_eq!(names(&inside), left);
    assert!(dir.path().join("outside").exists());
}

#[test]
fn a_name_that_is_taken_is_not_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let directory = fs::File::open(dir.path()).unwrap();
    let mut tried = Vec::new();
    let (made, ()) = Unfinished::make(directory.as_fd(), c"f".to_owned(), |_, name| {
        tried.push(name.to_owned());
        if tried.len() < 3 { Err(Errno::EXIST) } else { Ok(()) }
    })
    .unwrap();
    assert_eq!(made.place().1, tried[2].as_c_str());
    tried.dedup();
    assert_eq!(tried.len(), 3);
    let never =
        Unfinished::make(directory.as_fd(), c"f".to_owned(), |_, _| Err::<(), _>(Errno::EXIST));
    assert_eq!(never.err(), Some(Errno::EXIST));
}
