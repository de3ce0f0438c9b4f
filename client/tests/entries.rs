//! Every kind of entry, and what a live tree does while it is dumped.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod common;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use client::Selection;
use common::{
    Image, dump_next, dump_request, dump_with, manifest, request, restore, restore_some, set_mtime,
    settle, spec, told,
};
use format::frame::{FrameKind, decode};
use format::index::Reader;
use format::wire::Severity;
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

/// Dumps the tree, restores it, and compares.
fn round_trip(tree: &Path) -> Image {
    let image = dump_next(tree, &[]);
    assert_eq!(image.strange(), [""; 0]);
    let target = tempfile::tempdir().unwrap();
    let (end, notes) = restore(std::slice::from_ref(&image), target.path());
    assert_eq!(end.failed, 0, "{notes:?}");
    assert_eq!(manifest(target.path()), manifest(tree));
    image
}

#[test]
fn an_empty_tree_is_a_tree() {
    let tree = tempfile::tempdir().unwrap();
    assert_eq!(round_trip(tree.path()).paths(), [""]);
}

#[test]
fn names_are_any_bytes() {
    let tree = tempfile::tempdir().unwrap();
    let names: [&[u8]; 8] = [
        b"new\nline",
        b"\xff\xfe not UTF-8",
        b"-rf",
        b" ",
        b"...",
        b"back\\slash",
        b"*?[x]{a,b}",
        &[b'L'; 255],
    ];
    for name in names {
        fs::write(tree.path().join(OsStr::from_bytes(name)), b"x").unwrap();
        let directory = tree.path().join("d").join(OsStr::from_bytes(name));
        fs::create_dir_all(&directory).unwrap();
        symlink(OsStr::from_bytes(name), directory.join("link")).unwrap();
    }
    round_trip(tree.path());
}

#[test]
fn times_are_kept_to_the_nanosecond_in_any_century() {
    let tree = tempfile::tempdir().unwrap();
    let times = [
        (0, 0),
        (-1, 0),
        (-2, 500_000_000),
        (-2_145_916_800, 1),
        (2_147_483_648, 999_999_999),
        (4_102_444_800, 7),
    ];
    for (number, (seconds, nanos)) in times.into_iter().enumerate() {
        let path = tree.path().join(number.to_string());
        fs::write(&path, b"x").unwrap();
        set_mtime(&path, seconds, nanos);
        let link = tree.path().join(format!("link {number}"));
        symlink("nowhere", &link).unwrap();
        set_mtime(&link, seconds, nanos);
        let directory = tree.path().join(format!("directory {number}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("inside"), b"").unwrap();
        set_mtime(&directory, seconds, nanos);
    }
    round_trip(tree.path());
}

#[test]
fn modes_and_kinds_that_anyone_can_make_come_back() {
    let tree = tempfile::tempdir().unwrap();
    let at = |name: &str| tree.path().join(name);
    for mode in [0o400, 0o444, 0o644, 0o777, 0o755, 0o1644, 0o4755] {
        let path = at(&format!("{mode:o}"));
        fs::write(&path, b"x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(at("sticky")).unwrap();
    fs::set_permissions(at("sticky"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::create_dir(at("closed")).unwrap();
    fs::write(at("closed/inside"), b"x").unwrap();
    fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    symlink("/etc/passwd", at("absolute")).unwrap();
    symlink("T".repeat(1000), at("long")).unwrap();
    fs::create_dir(at("d")).unwrap();
    fs::hard_link(at("644"), at("d/same")).unwrap();
    rustix::fs::linkat(CWD, at("long"), CWD, at("d/long"), rustix::fs::AtFlags::empty()).unwrap();
    rustix::fs::linkat(CWD, at("fifo"), CWD, at("d/fifo"), rustix::fs::AtFlags::empty()).unwrap();
    round_trip(tree.path());
    fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn devices_owners_and_privileged_attributes_come_back() {
    let tree = tempfile::tempdir().unwrap();
    let at = |name: &str| tree.path().join(name);
    let null = rustix::fs::makedev(1, 3);
    mknodat(CWD, at("null"), FileType::CharacterDevice, Mode::RUSR, null).unwrap();
    let large = rustix::fs::makedev(259, 300_000);
    mknodat(CWD, at("block"), FileType::BlockDevice, Mode::RUSR, large).unwrap();
    fs::hard_link(at("null"), at("null again")).unwrap();
    for owner in [1, 2_097_152, 4_294_967_293] {
        let path = at(&owner.to_string());
        fs::write(&path, b"x").unwrap();
        std::os::unix::fs::chown(&path, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    }
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at("1"), "trusted.test", b"t", flags).unwrap();
    // cap_net_raw+ep, version 2.
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    rustix::fs::setxattr(at("2097152"), "security.capability", &capability, flags).unwrap();
    // user::rw-,user:12345:rw-,group::r--,mask::rw-,other::---
    let entry = |tag: u16, permissions: u16, id: u32| {
        [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let nobody = u32::MAX;
    let acl = [
        &2u32.to_le_bytes()[..],
        &entry(1, 6, nobody),
        &entry(2, 6, 12_345),
        &entry(4, 4, nobody),
        &entry(16, 6, nobody),
        &entry(32, 0, nobody),
    ]
    .concat();
    rustix::fs::setxattr(at("4294967293"), "system.posix_acl_access", &acl, flags).unwrap();
    fs::create_dir(at("d")).unwrap();
    rustix::fs::setxattr(at("d"), "system.posix_acl_default", &acl, flags).unwrap();
    fs::write(at("d/inherits"), b"x").unwrap();
    round_trip(tree.path());
}

#[test]
fn holes_stay_holes() {
    let tree = tempfile::tempdir().unwrap();
    let make = |name: &str, size: u64| {
        let file = File::create(tree.path().join(name)).unwrap();
        file.set_len(size).unwrap();
        file
    };
    make("only hole", 1 << 30);
    let extents = make("500 extents", 500 * 65_536 + 12_345);
    for i in 0..500 {
        extents.write_all_at(&[b'x'; 64], i * 65_536).unwrap();
    }
    let huge = make("10 GiB", 10 << 30);
    for at in [0, 12_288, 1 << 20, 5 << 30, (10 << 30) - 4096] {
        huge.write_all_at(&[7; 4096], at).unwrap();
    }
    huge.sync_all().unwrap();
    if huge.metadata().unwrap().blocks() * 512 > 1 << 30 {
        eprintln!("this file system has no holes: nothing to test");
        return;
    }
    let image = dump_next(tree.path(), &[]);
    assert!(image.end.total.raw_bytes < 4 << 20, "holes are not in the image");
    let target = tempfile::tempdir().unwrap();
    restore(std::slice::from_ref(&image), target.path());
    assert_eq!(manifest(target.path()), manifest(tree.path()));
    for name in ["only hole", "500 extents", "10 GiB"] {
        let blocks = |root: &Path| fs::metadata(root.join(name)).unwrap().blocks();
        assert!(blocks(target.path()) <= blocks(tree.path()) + 64, "{name}");
    }
}

#[test]
fn a_tree_is_as_deep_as_it_is() {
    const DEEP: usize = 500;
    let name = "a-directory";
    let tree = tempfile::tempdir().unwrap();
    let descend = |root: &Path, make: bool| -> OwnedFd {
        let mut at = OwnedFd::from(File::open(root).unwrap());
        for _ in 0..DEEP {
            if make {
                mkdirat(&at, name, Mode::RWXU).unwrap();
            }
            at = openat(&at, name, OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).unwrap();
        }
        at
    };
    let bottom = descend(tree.path(), true);
    let create = OFlags::CREATE | OFlags::RDWR;
    let file = File::from(openat(&bottom, "bottom", create, Mode::RUSR | Mode::WUSR).unwrap());
    file.write_all_at(b"at the bottom", 0).unwrap();
    let large = File::from(openat(&bottom, "large", create, Mode::RUSR | Mode::WUSR).unwrap());
    large.write_all_at(&[3; 300_000], 0).unwrap();

    let image = dump_next(tree.path(), &[]);
    assert_eq!(image.strange(), [""; 0]);
    assert!(image.paths().last().unwrap().len() > 4096);
    let target = tempfile::tempdir().unwrap();
    let (end, notes) = restore(std::slice::from_ref(&image), target.path());
    assert_eq!(end.failed, 0, "{notes:?}");
    let bottom = descend(target.path(), false);
    let file = File::from(openat(&bottom, "bottom", OFlags::RDONLY, Mode::empty()).unwrap());
    let mut text = [0; 13];
    file.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"at the bottom");
    let large = openat(&bottom, "large", OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(File::from(large).metadata().unwrap().len(), 300_000);
}

#[test]
fn sockets_are_passed_over_and_said_so() {
    let tree = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(tree.path().join("socket")).unwrap();
    let image = dump_next(tree.path(), &[]);
    assert_eq!(image.paths(), [""]);
    assert_eq!(image.strange(), [""; 0]);
    assert_eq!(told(&image.notes, Severity::Info).len(), 1);
}

#[test]
fn the_name_that_images_keep_for_themselves_is_not_taken_silently() {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join(".reelkeep")).unwrap();
    fs::write(tree.path().join(".reelkeep/deleted"), b"mine").unwrap();
    fs::create_dir_all(tree.path().join("d/.reelkeep")).unwrap();
    let image = dump_next(tree.path(), &[]);
    assert_eq!(image.paths(), ["", "d", "d/.reelkeep"]);
    assert!(image.strange()[0].starts_with(".reelkeep: "), "{:?}", image.strange());
}

#[test]
fn every_later_level_ends_with_the_list_of_what_is_gone() {
    let tree = tempfile::tempdir().unwrap();
    for name in ["a", "b\nb", "c"] {
        fs::create_dir(tree.path().join(name)).unwrap();
        fs::write(tree.path().join(name).join("inside"), b"x").unwrap();
    }
    settle(tree.path());
    let mut chain = vec![dump_next(tree.path(), &[])];
    fs::remove_dir_all(tree.path().join("b\nb")).unwrap();
    fs::remove_file(tree.path().join("c/inside")).unwrap();
    settle(tree.path());
    chain.push(dump_next(tree.path(), &chain));
    let kinds = |image: &Image| -> Vec<_> {
        image.contents.frames.frames().iter().map(|frame| frame.kind).collect()
    };
    assert_eq!(kinds(&chain[0]), [FrameKind::S, FrameKind::Z]);
    assert_eq!(kinds(&chain[1]), [FrameKind::S, FrameKind::L, FrameKind::Z]);
    let list = chain[1].contents.frames.frames()[1];
    let from = usize::try_from(list.offset).unwrap();
    let mut raw = Vec::new();
    decode(&chain[1].bytes[from..from + list.stored as usize], list.raw, &mut raw).unwrap();
    assert!(raw.windows(13).any(|w| w == b"b\nb\0c/inside\0"));
}

#[test]
fn the_image_does_not_depend_on_how_many_workers_made_it() {
    let tree = tempfile::tempdir().unwrap();
    for i in 0..300usize {
        let directory = tree.path().join((i % 7).to_string());
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(i.to_string()), vec![b'x'; i * 997 % 150_000]).unwrap();
    }
    let images = [1, 2, 8].map(|workers| {
        let mut request = request(spec(tree.path()), 0, None);
        request.workers = workers;
        dump_request(&request, &Selection::all(), None)
    });
    assert!(images[0].contents.frames.len() > 50);
    for image in &images[1..] {
        assert_eq!(image.contents.frames, images[0].contents.frames);
        assert_eq!(image.contents.index, images[0].contents.index);
        assert_eq!(image.snapshot, images[0].snapshot);
    }
}

#[test]
fn files_that_change_while_they_are_read_have_the_length_that_their_headers_say() {
    let tree = tempfile::tempdir().unwrap();
    let names = ["small", "medium", "large", "huge"];
    let lengths = [3000u64, 50_000, 200_000, 3_000_000];
    for (name, length) in names.iter().zip(lengths) {
        fs::write(tree.path().join(name), vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut step = 0u64;
            while !stop.load(Ordering::Relaxed) {
                step += 1;
                for (name, length) in names.iter().zip(lengths) {
                    let path = tree.path().join(name);
                    match step % 5 {
                        // Gone for a moment, or something else.
                        3 => drop(fs::remove_file(&path)),
                        4 => drop(fs::create_dir(&path)),
                        _ => {
                            drop(fs::remove_dir(&path));
                            let file = OpenOptions::new()
                                .write(true)
                                .create(true)
                                .truncate(false)
                                .open(path);
                            if let Ok(file) = file {
                                file.set_len(length * (step % 3 + 1) / 2).unwrap();
                            }
                        }
                    }
                }
            }
        });
        for _ in 0..30 {
            let image = dump_next(tree.path(), &[]);
            let target = tempfile::tempdir().unwrap();
            let (end, notes) = restore(std::slice::from_ref(&image), target.path());
            assert_eq!(end.failed, 0, "{notes:?}");
            let reader = Reader::open(&image.contents.index[..]).unwrap();
            for record in reader.iter() {
                let record = record.unwrap();
                let path = target.path().join(OsStr::from_bytes(&record.path));
                let meta = fs::symlink_metadata(path).unwrap();
                if meta.is_file() {
                    assert_eq!(meta.len(), record.size);
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn selection_decides_and_what_it_leaves_out_later_is_gone() {
    let tree = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("a/keep.txt", b"x");
    write("a/drop.o", b"x");
    write("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# by hand");
    write("cache/much/data", b"x");
    write("no-cache/CACHEDIR.TAG", b"something else");
    write("no-cache/data", b"x");
    write("marked/.nobackup", b"");
    write("marked/data", b"x");
    write("big", &[0; 5000]);
    settle(tree.path());
    let all = dump_next(tree.path(), &[]);
    assert_eq!(all.paths().len(), 15);
    let selection = Selection::new([], ["*.o"])
        .unwrap()
        .without_caches(true)
        .without_tagged([b".nobackup".to_vec()])
        .up_to(Some(4096));
    let chosen = dump_with(spec(tree.path()), &selection, &[]);
    assert_eq!(
        chosen.paths(),
        [
            "",
            "a",
            "a/keep.txt",
            "cache",
            "cache/CACHEDIR.TAG",
            "marked",
            "marked/.nobackup",
            "no-cache",
            "no-cache/CACHEDIR.TAG",
            "no-cache/data",
        ]
    );
    assert_eq!(told(&chosen.notes, Severity::Info).len(), 1, "the big file is mentioned");
    let later = dump_with(spec(tree.path()), &selection, &[all]);
    assert_eq!(later.paths(), ["-a/drop.o", "-big", "-cache/much", "-marked/data"]);
}

#[test]
fn every_tag_of_a_directory_is_dumped_and_nothing_beside_them() {
    let tree = tempfile::tempdir().unwrap();
    let marked = tree.path().join("marked");
    fs::create_dir(&marked).unwrap();
    let signature = "Signature: 8a477f597d28d172789f06886806bc55";
    for (name, text) in [(".skip", ""), ("CACHEDIR.TAG", signature), ("data", "x"), (".no", "")] {
        fs::write(marked.join(name), text).unwrap();
    }
    settle(tree.path());
    let selection = Selection::new([], [""; 0])
        .unwrap()
        .without_caches(true)
        .without_tagged([b".no".to_vec(), b".skip".to_vec()]);
    let chosen = dump_with(spec(tree.path()), &selection, &[]);
    let all = ["", "marked", "marked/.no", "marked/.skip", "marked/CACHEDIR.TAG"];
    assert_eq!(chosen.paths(), all);
}

#[test]
fn single_entries_are_taken_out_of_an_image() {
    let tree = tempfile::tempdir().unwrap();
    for i in 0..50usize {
        let directory = tree.path().join(format!("d{}", i % 5));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(i.to_string()), vec![b'x'; i * 5000]).unwrap();
    }
    let image = dump_next(tree.path(), &[]);
    let target = tempfile::tempdir().unwrap();
    let wanted = |path: &[u8]| matches!(path, b"d2/42" | b"d3/3");
    let (end, _) = restore_some(std::slice::from_ref(&image), target.path(), wanted);
    assert_eq!((end.restored, end.failed), (2, 0));
    assert_eq!(fs::metadata(target.path().join("d2/42")).unwrap().len(), 210_000);
    assert_eq!(fs::metadata(target.path().join("d3/3")).unwrap().len(), 15_000);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 2);
}

#[test]
#[ignore = "needs root: buildbot/run runs it"]
fn other_file_systems_are_empty_directories_unless_wanted() {
    use std::process::Command;
    let tree = tempfile::tempdir().unwrap();
    let mount = tree.path().join("mount");
    fs::create_dir(&mount).unwrap();
    fs::write(mount.join("under"), b"x").unwrap();
    let run = |program: &str, arguments: &[&OsStr]| {
        assert!(Command::new(program).args(arguments).status().unwrap().success());
    };
    run("mount", &["-t".as_ref(), "tmpfs".as_ref(), "tmpfs".as_ref(), mount.as_ref()]);
    fs::write(mount.join("above"), b"x").unwrap();
    let alone = dump_next(tree.path(), &[]).paths();
    let mut all = spec(tree.path());
    all.one_file_system = false;
    let together = dump_with(all, &Selection::all(), &[]).paths();
    run("umount", &[mount.as_ref()]);
    assert_eq!(alone, ["", "mount"]);
    assert_eq!(together, ["", "mount", "mount/above"]);
}

#[test]
fn a_tree_that_is_not_there_is_an_error_with_its_path() {
    let nowhere = Path::new("/nowhere/at/all");
    let spool = tempfile::tempdir().unwrap();
    let error = client::archive::dump(
        &request(spec(nowhere), 0, None),
        client::archive::Source {
            selection: &Selection::all(),
            base: None,
            snapshot: &mut Vec::new(),
            spool: spool.path(),
            program: "test",
            system: "test",
            clock: &types::FileTime::default,
            notes: Vec::new(),
        },
        &mut Broken,
    )
    .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("/nowhere/at/all"), "{cause}");
}

/// A sink whose other side has gone away.
struct Broken;

impl client::archive::Sink for Broken {
    fn piece(&mut self, _: format::wire::FramePiece<'_>) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn note(&mut self, _: format::wire::Note) -> std::io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, _: format::wire::Progress) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_dump_that_nobody_takes_ends_at_once() {
    let tree = tempfile::tempdir().unwrap();
    for i in 0..500 {
        fs::write(tree.path().join(i.to_string()), vec![b'x'; 40_000]).unwrap();
    }
    let spool = tempfile::tempdir().unwrap();
    let outcome = client::archive::dump(
        &request(spec(tree.path()), 0, None),
        client::archive::Source {
            selection: &Selection::all(),
            base: None,
            snapshot: &mut Vec::new(),
            spool: spool.path(),
            program: "test",
            system: "test",
            clock: &types::FileTime::default,
            notes: Vec::new(),
        },
        &mut Broken,
    );
    assert!(matches!(outcome, Err(client::archive::DumpError::Sink(_))));
}
