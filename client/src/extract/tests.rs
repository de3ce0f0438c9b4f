//! Trees that come back as they were, and archives that mean harm.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use format::entry::Kind;
use format::frame::{Encoder, FrameKind, digest};
use format::index::RecordKind;
use format::tar;
use format::wire::Existing;
use types::{DumpId, FileTime};

use super::*;

mod room;
mod whole;

/// A frame with these members, and what the index says of them.
fn frame(members: &[(Entry, &[u8])]) -> (Vec<u8>, Vec<Wanted>) {
    let mut raw = Vec::new();
    let mut wanted = Vec::new();
    for (entry, data) in members {
        let offset = raw.len();
        tar::encode_header(entry, data.len() as u64, &mut raw);
        raw.extend_from_slice(data);
        raw.resize(raw.len() + tar::padding(data.len() as u64), 0);
        wanted.push(Wanted {
            path: WirePath(entry.path.clone()),
            kind: RecordKind::File,
            offset: u32::try_from(offset).unwrap(),
            raw_len: (raw.len() - offset) as u64,
            to: None,
            link: None,
        });
    }
    (raw, wanted)
}

fn record(raw: &[u8], stored: &[u8], entries: Vec<Wanted>, continues: bool) -> RestoreRecord {
    RestoreRecord {
        dump: DumpId([1; 16]),
        frame: 0,
        kind: FrameKind::S,
        stored: u32::try_from(stored.len()).unwrap(),
        raw: u32::try_from(raw.len()).unwrap(),
        sha256: digest(stored),
        continues,
        entries,
        lost: Vec::new(),
        because: None,
        more: false,
    }
}

fn send(session: &mut Session, raw: &[u8], entries: Vec<Wanted>, continues: bool) {
    let mut stored = Vec::new();
    Encoder::new(Encoder::LEVEL).unwrap().encode(raw, &mut stored).unwrap();
    session.record(record(raw, &stored, entries, continues)).unwrap();
    FramePiece::cut(FrameKind::S, &stored).for_each(|piece| session.piece(&piece).unwrap());
}

fn session(target: &Path, existing: Existing) -> Session {
    use std::os::unix::ffi::OsStrExt;
    Session::new(RestoreRequest {
        target: WirePath(target.as_os_str().as_bytes().to_vec()),
        existing,
        owners: false,
        numeric_owners: true,
        attributes: true,
        entries: 0,
        bytes: 0,
    })
    .unwrap()
}

fn restore(target: &Path, members: &[(Entry, &[u8])]) -> (RestoreEnd, Vec<Note>) {
    let mut session = session(target, Existing::Replace);
    let (raw, wanted) = frame(members);
    send(&mut session, &raw, wanted, false);
    let end = session.finish();
    (end, session.take_notes())
}

fn file(path: &str, data: &[u8]) -> Entry {
    let mtime = FileTime { seconds: -5, nanos: 123_456_789 };
    Entry { mode: 0o640, size: data.len() as u64, mtime, ..Entry::new(path, Kind::File) }
}

#[test]
fn a_tree_comes_back_with_modes_and_times() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("new/target");
    let directory = Entry {
        mode: 0o500,
        mtime: FileTime { seconds: 77, nanos: 1 },
        ..Entry::new("d", Kind::Directory)
    };
    let link = Entry::new("d/link", Kind::Symlink { target: b"/etc/passwd".to_vec() });
    let hard = Entry::new("b", Kind::HardLink { target: b"d/f".to_vec() });
    let (end, notes) = restore(
        &target,
        &[(hard, b""), (directory, b""), (file("d/f", b"hello"), b"hello"), (link, b"")],
    );
    assert_eq!((end.restored, end.failed), (4, 0), "{notes:?}");
    assert_eq!(fs::read(target.join("d/f")).unwrap(), b"hello");
    let f = fs::metadata(target.join("d/f")).unwrap();
    assert_eq!(
        (f.mtime(), f.mtime_nsec(), f.permissions().mode() & 0o7777),
        (-5, 123_456_789, 0o640)
    );
    let d = fs::metadata(target.join("d")).unwrap();
    assert_eq!((d.mtime(), d.mtime_nsec(), d.permissions().mode() & 0o7777), (77, 1, 0o500));
    assert_eq!(fs::read_link(target.join("d/link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(target.join("b")).unwrap().ino(), f.ino());
}

#[test]
fn nothing_is_written_through_a_link_or_outside() {
    let dir = tempfile::tempdir().unwrap();
    let (target, outside) = (dir.path().join("target"), dir.path().join("outside"));
    fs::create_dir_all(&target).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("victim"), "whole").unwrap();
    symlink(&outside, target.join("old")).unwrap();
    let evil_link = Entry::new("new", Kind::Symlink { target: b"../outside".to_vec() });
    let mut through: Vec<(Entry, &[u8])> = vec![(evil_link, b"")];
    for path in [
        "old/victim",
        "new/victim",
        "../outside/victim",
        "/tmp/reelkeep-victim",
        "a/../../outside/victim",
    ] {
        through.push((file(path, b"x"), b"x"));
    }
    through.push((Entry::new("h", Kind::HardLink { target: b"old/victim".to_vec() }), b""));
    through.push((Entry::new("h2", Kind::HardLink { target: b"../outside/victim".to_vec() }), b""));
    let (end, notes) = restore(&target, &through);
    assert_eq!((end.restored, end.failed), (1, 7), "{notes:?}");
    assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "whole");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert!(!target.join("h").exists() && !target.join("h2").exists());
}

#[test]
fn a_directory_swapped_for_a_link_meanwhile_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (target, outside) = (dir.path().join("target"), dir.path().join("outside"));
    fs::create_dir_all(target.join("d")).unwrap();
    fs::create_dir(&outside).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let (d, aside) = (target.join("d"), dir.path().join("aside"));
                drop(fs::rename(&d, &aside));
                drop(symlink(&outside, &d));
                drop(fs::remove_file(&d));
                drop(fs::rename(&aside, &d));
            }
        });
        for round in 0..60 {
            let path = format!("d/f{round}");
            restore(&target, &[(file("other/x", b"1"), b"1"), (file(&path, b"x"), b"x")]);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn what_stands_there_is_replaced_or_kept_but_never_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let (raw, wanted) = frame(&[(file("f", b"new"), b"new"), (file("d", b"new"), b"new")]);
    let mut keeping = session(dir.path(), Existing::Keep);
    send(&mut keeping, &raw, wanted.clone(), false);
    let end = keeping.finish();
    assert_eq!((end.restored, end.kept, end.failed), (0, 1, 1));
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "old");
    let mut replacing = session(dir.path(), Existing::Replace);
    send(&mut replacing, &raw, wanted, false);
    let end = replacing.finish();
    assert_eq!((end.restored, end.failed), (1, 1));
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "new");
    assert!(dir.path().join("d").is_dir());
}

#[test]
fn a_large_file_comes_in_pieces_and_a_lost_piece_takes_it_away() {
    let dir = tempfile::tempdir().unwrap();
    let data: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let (raw, wanted) = frame(&[(file("big", &data), &data)]);
    let cut = 150_000;
    let mut whole = session(dir.path(), Existing::Replace);
    send(&mut whole, &raw[..cut], wanted.clone(), false);
    send(&mut whole, &raw[cut..], Vec::new(), true);
    assert_eq!(whole.finish().restored, 1);
    assert_eq!(fs::read(dir.path().join("big")).unwrap(), data);

    let other = tempfile::tempdir().unwrap();
    let mut torn = session(other.path(), Existing::Replace);
    send(&mut torn, &raw[..cut], wanted, false);
    let mut lost = record(&raw, b"", Vec::new(), true);
    lost.lost = vec![WirePath(b"big".to_vec())];
    torn.record(lost).unwrap();
    let end = torn.finish();
    assert_eq!((end.restored, end.failed), (0, 1));
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn a_frame_that_could_not_be_had_is_not_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    for (because, told) in [
        (None, "the frame it lies in is damaged on every copy"),
        (Some("volume A-1 was not found"), "volume A-1 was not found"),
    ] {
        let mut session = session(dir.path(), Existing::Replace);
        let mut lost = record(b"", b"", Vec::new(), false);
        lost.lost = vec![WirePath(b"f".to_vec())];
        lost.because = because.map(str::to_owned);
        session.record(lost).unwrap();
        assert_eq!(session.take_notes()[0].text, told);
        assert_eq!(session.finish().failed, 1);
    }
}

#[test]
fn holes_stay_holes() {
    let dir = tempfile::tempdir().unwrap();
    let extents = vec![format::entry::Extent { offset: 8 << 20, len: 4096 }];
    let size = 64 << 20;
    let mut data = tar::sparse_map(&extents, size);
    data.extend_from_slice(&[7; 4096]);
    let entry =
        Entry { size, sparse: Some(extents), mode: 0o600, ..Entry::new("sparse", Kind::File) };
    let (end, notes) = restore(dir.path(), &[(entry, &data)]);
    assert_eq!(end.restored, 1, "{notes:?}");
    let made = fs::metadata(dir.path().join("sparse")).unwrap();
    assert_eq!(made.len(), size);
    assert!(made.blocks() * 512 < 1 << 20);
    let content = fs::read(dir.path().join("sparse")).unwrap();
    assert_eq!(content[(8 << 20) - 1..(8 << 20) + 1], [0, 7]);
}

#[test]
fn paths_beyond_what_the_kernel_takes_and_deep_trees_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let deep = vec!["d".repeat(20); 500].join("/");
    let path = format!("{deep}/{}", "n".repeat(255));
    let (end, notes) = restore(dir.path(), &[(file(&path, b"x"), b"x")]);
    assert_eq!((end.restored, end.failed), (1, 0), "{notes:?}");
}

#[test]
fn damage_in_one_member_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (mut raw, wanted) = frame(&[(file("a", b"a"), b"a"), (file("b", b"b"), b"b")]);
    let second = wanted[1].offset as usize;
    raw[second..second + 512].fill(0xff);
    let mut session = session(dir.path(), Existing::Replace);
    send(&mut session, &raw, wanted, false);
    let end = session.finish();
    assert_eq!((end.restored, end.failed), (1, 1));
    assert!(dir.path().join("a").exists());
}

#[test]
fn frames_and_records_out_of_order_end_the_restore() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = session(dir.path(), Existing::Replace);
    let piece = FramePiece::cut(FrameKind::S, b"xx").next().unwrap();
    assert!(session.piece(&piece).is_err());
    session.record(record(b"", b"x", Vec::new(), false)).unwrap();
    assert!(session.piece(&piece).is_err(), "longer than was said");
}

#[test]
fn a_hard_link_gets_the_contents_when_its_first_name_is_not_wanted() {
    let target = tempfile::tempdir().unwrap();
    let link = |path: &str| Entry::new(path, Kind::HardLink { target: b"first".to_vec() });
    let (raw, mut wanted) = frame(&[
        (file("first", b"contents"), b"contents"),
        (link("second"), b""),
        (link("third"), b""),
    ]);
    wanted[0].to = Some(WirePath::from(&b"d/second"[..]));
    wanted[2].link = Some(WirePath::from(&b"d/second"[..]));
    wanted.remove(1);
    let mut session = session(target.path(), Existing::Replace);
    send(&mut session, &raw, wanted, false);
    assert_eq!(session.finish().failed, 0, "{:?}", session.take_notes());
    assert!(!target.path().join("first").exists());
    let inode = |path: &str| fs::metadata(target.path().join(path)).unwrap().ino();
    assert_eq!(inode("d/second"), inode("third"));
    assert_eq!(fs::read(target.path().join("third")).unwrap(), b"contents");
}

#[test]
fn a_default_acl_of_the_target_is_not_handed_down() {
    use crate::attributes::{ACL_ACCESS, ACL_DEFAULT};
    let target = tempfile::tempdir().unwrap();
    let acl = format::acl::from_text(b"user::rwx,user:12345:rwx,group::r-x,mask::rwx,other::r-x")
        .unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(target.path(), ACL_DEFAULT, &acl, flags).is_err() {
        eprintln!("this file system has no ACLs: nothing to test");
        return;
    }
    let fifo = Entry { mode: 0o640, ..Entry::new("fifo", Kind::Fifo) };
    let (end, notes) = restore(
        target.path(),
        &[(file("d/inside", b"x"), b"x"), (fifo, b""), (file("file", b"x"), b"x")],
    );
    assert_eq!(end.failed, 0, "{notes:?}");
    for path in ["d", "d/inside", "fifo", "file"] {
        for name in [ACL_ACCESS, ACL_DEFAULT] {
            let mut value = [0u8; 256];
            let got = rustix::fs::lgetxattr(target.path().join(path), name, &mut value[..]);
            assert!(got.is_err(), "{path} has {}", name.to_string_lossy());
        }
    }
}

/// A file `a` and its second name `b`.
fn two_names() -> [(Entry, &'static [u8]); 2] {
    let link = Entry::new("b", Kind::HardLink { target: b"a".to_vec() });
    [(file("a", b"ours"), b"ours"), (link, b"")]
}

fn restore_keeping(target: &Path, members: &[(Entry, &[u8])]) -> (RestoreEnd, Vec<Note>) {
    let mut session = session(target, Existing::Keep);
    let (raw, wanted) = frame(members);
    send(&mut session, &raw, wanted, false);
    let end = session.finish();
    (end, session.take_notes())
}

#[test]
fn a_hard_link_is_never_made_to_a_file_that_was_kept_and_is_another() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "another's").unwrap();
    let (end, notes) = restore_keeping(dir.path(), &two_names());
    assert_eq!((end.restored, end.kept, end.failed), (0, 1, 1), "{notes:?}");
    assert!(!dir.path().join("b").exists(), "b has the contents of another's file");
    let told = notes.iter().find(|note| note.severity == Severity::Strange).unwrap();
    assert!(told.text.contains("its other name a"), "{}", told.text);
}

#[test]
fn a_hard_link_is_made_to_a_kept_file_that_is_the_one_of_the_image() {
    let dir = tempfile::tempdir().unwrap();
    restore(dir.path(), &two_names()[..1]);
    let (end, notes) = restore_keeping(dir.path(), &two_names());
    assert_eq!((end.restored, end.kept, end.failed), (1, 1, 0), "{notes:?}");
    assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"ours");
}

#[test]
fn what_is_all_there_is_all_kept_and_nothing_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    restore_keeping(dir.path(), &two_names());
    let (end, notes) = restore_keeping(dir.path(), &two_names());
    assert_eq!((end.restored, end.kept, end.failed), (0, 2, 0), "{notes:?}");
    assert!(notes.iter().all(|note| note.severity == Severity::Info), "{notes:?}");
}

#[test]
fn a_hard_link_whose_first_name_is_lost_leaves_what_stands_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "another's").unwrap();
    fs::write(dir.path().join("b"), "old").unwrap();
    let (raw, mut wanted) = frame(&two_names());
    let mut session = session(dir.path(), Existing::Replace);
    let mut lost = record(b"", b"", Vec::new(), false);
    lost.lost = vec![wanted.remove(0).path];
    session.record(lost).unwrap();
    send(&mut session, &raw, wanted, false);
    let end = session.finish();
    assert_eq!((end.restored, end.failed), (0, 2), "{:?}", session.take_notes());
    assert_eq!(fs::read_to_string(dir.path().join("b")).unwrap(), "old");
}

/// The modes of these, and what is below them.
fn modes<const N: usize>(target: &Path, paths: [&str; N]) -> [u32; N] {
    paths.map(|path| fs::metadata(target.join(path)).unwrap().permissions().mode() & 0o7777)
}

#[test]
fn a_restore_under_way_shows_nobody_else_what_it_makes() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("new");
    let private = Entry { mode: 0o2710, ..Entry::new("private", Kind::Directory) };
    let public = Entry { mode: 0o644, ..file("private/letters/f", b"x") };
    let (raw, wanted) = frame(&[(private, b""), (public, b"x")]);
    let mut session = session(&target, Existing::Replace);
    send(&mut session, &raw, wanted, false);
    assert_eq!(modes(&target, ["", "private", "private/letters"]), [0o700; 3]);
    let end = session.finish();
    assert_eq!(end.failed, 0, "{:?}", session.take_notes());
    // What the image does not name becomes what directories are; the rest becomes what it was.
    let all = ["", "private", "private/letters", "private/letters/f"];
    assert_eq!(modes(&target, all), [0o755, 0o2710, 0o755, 0o644]);
}

#[test]
fn a_directory_that_was_open_is_narrowed_before_anything_gets_into_it() {
    let dir = tempfile::tempdir().unwrap();
    for (path, mode) in [("private", 0o755), ("narrow", 0o700)] {
        fs::create_dir(dir.path().join(path)).unwrap();
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let named = |path: &str, mode| Entry { mode, ..Entry::new(path, Kind::Directory) };
    let (raw, wanted) = frame(&[(named("narrow", 0o755), b""), (named("private", 0o2710), b"")]);
    let mut session = session(dir.path(), Existing::Keep);
    send(&mut session, &raw, wanted, false);
    assert_eq!(modes(dir.path(), ["narrow", "private"]), [0o700, 0o710]);
    assert_eq!(session.finish().failed, 0, "{:?}", session.take_notes());
    assert_eq!(modes(dir.path(), ["narrow", "private"]), [0o755, 0o2710]);
}
