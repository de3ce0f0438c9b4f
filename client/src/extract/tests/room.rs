//! A target into which not all fits.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use super::*;

/// A restore that knows what will come.
fn knowing(target: &Path, existing: Existing, entries: u64, bytes: u64) -> Session {
    Session::new(RestoreRequest {
        target: WirePath(target.as_os_str().as_bytes().to_vec()),
        existing,
        owners: false,
        numeric_owners: true,
        attributes: true,
        entries,
        bytes,
    })
    .unwrap()
}

#[test]
fn a_full_target_ends_the_restore_with_one_note_and_all_the_rest_counted() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["a", "b", "c", "d"].map(|path| (file(path, b"1234"), &b"1234"[..]));
    let (raw, mut wanted) = frame(&files);
    let rest = wanted.split_off(2);
    let mut session = knowing(dir.path(), Existing::Replace, 5, u64::MAX);
    send(&mut session, &raw, wanted, false);
    assert!(!session.is_over());
    session.settle(b"x", Err(Trouble::Full(Errno::NOSPC)));
    assert!(session.is_over());
    send(&mut session, &raw, rest, false);
    session.settle(b"y", Err(Trouble::Full(Errno::NOSPC)));
    let end = session.finish();
    assert_eq!((end.restored, end.failed), (2, 3));
    let notes = session.take_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!((notes[0].severity, &notes[0].path), (Severity::Strange, &None));
    let begin = format!("the file system of {} is full: about ", dir.path().display());
    assert!(notes[0].text.starts_with(&begin), "{}", notes[0].text);
    assert!(!dir.path().join("c").exists());
}

#[test]
fn a_used_up_quota_says_how_much_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = knowing(dir.path(), Existing::Keep, 0, 3 << 20);
    fs::write(dir.path().join("kept"), "x").unwrap();
    let (raw, wanted) = frame(&[(file("kept", &vec![0; 1 << 20]), &vec![0; 1 << 20])]);
    send(&mut session, &raw, wanted, false);
    session.settle(b"x", Err(Trouble::of("written", Errno::DQUOT, session.target.root())));
    assert_eq!(session.finish().failed, 1);
    let notes = session.take_notes();
    let text = &notes.last().unwrap().text;
    assert!(text.contains("is used up: about 2.00 MiB more are needed"), "{text}");
}

#[test]
fn what_one_directory_or_attribute_has_no_room_for_is_no_full_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let open = fs::File::open(dir.path()).unwrap();
    let trouble = Trouble::of("made", Errno::NOSPC, &open);
    assert!(matches!(trouble, Trouble::System { source: Errno::NOSPC, .. }), "{trouble}");
    assert!(matches!(Trouble::of("made", Errno::IO, &open), Trouble::System { .. }));
}

/// Runs as root.
fn run(program: &str, arguments: &[&std::ffi::OsStr]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success());
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn after_a_full_file_system_keeping_what_is_there_completes_the_restore() {
    let dir = tempfile::tempdir().unwrap();
    let small = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"].map(std::ffi::OsStr::new);
    run("mount", &[&small[..], &[dir.path().as_ref()]].concat());
    fs::write(dir.path().join("f2"), "good and old").unwrap();
    let data: Vec<Vec<u8>> = (0..8u8).map(|n| vec![n + 1; 1 << 20]).collect();
    let paths: Vec<String> = (0..8).map(|n| format!("f{n}")).collect();
    let files = || paths.iter().zip(&data).map(|(path, data)| (file(path, data), &data[..]));
    let mut order: Vec<_> = files().collect();
    order.swap(2, 7);
    let restore = |existing| {
        let mut session = knowing(dir.path(), existing, 8, 8 << 20);
        for member in &order {
            let (raw, wanted) = frame(std::slice::from_ref(member));
            send(&mut session, &raw, wanted, false);
        }
        (session.finish(), session.take_notes())
    };
    let (first, notes) = restore(Existing::Replace);
    let names = fs::read_dir(dir.path()).unwrap().count();
    let wholes = files().filter(|(entry, data)| {
        let path = dir.path().join(String::from_utf8_lossy(&entry.path).as_ref());
        fs::read(path).is_ok_and(|there| there == *data)
    });
    let whole = wholes.count();
    let old = fs::read_to_string(dir.path().join("f2")).unwrap();
    run("mount", &["-o".as_ref(), "remount,size=20m".as_ref(), dir.path().as_ref()]);
    fs::remove_file(dir.path().join("f2")).unwrap();
    let (second, _) = restore(Existing::Keep);
    let all = files().all(|(entry, data)| {
        let path = dir.path().join(String::from_utf8_lossy(&entry.path).as_ref());
        fs::read(path).unwrap() == data
    });
    run("umount", &[dir.path().as_ref()]);
    assert_eq!((first.restored, first.failed, whole, names), (3, 5, 3, 4), "{notes:?}");
    assert_eq!(old, "good and old");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].text.contains("about 4.00 MiB more are needed"), "{notes:?}");
    assert_eq!((second.restored, second.kept, second.failed), (5, 3, 0));
    assert!(all);
}
