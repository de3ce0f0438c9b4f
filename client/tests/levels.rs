//! A chain of dumps gives back the tree as it was at the last of them, whatever happened in between.

#![expect(clippy::unwrap_used, reason = "tests may")]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{Image, dump_next, manifest, restore, settle, takes_attributes};
use proptest::prelude::*;
use proptest::sample::Index;

/// Something that happens to a tree. Which path it happens to is drawn when it is known which there are.
#[derive(Debug, Clone)]
enum Change {
    File { directory: Index, name: u8, size: usize },
    Sparse { directory: Index, name: u8 },
    Directory { directory: Index, name: u8 },
    Symlink { directory: Index, name: u8 },
    Fifo { directory: Index, name: u8 },
    HardLink { from: Index, directory: Index, name: u8 },
    Append { file: Index },
    Overwrite { file: Index },
    Mode { path: Index, mode: u32 },
    Attribute { path: Index },
    Rename { path: Index, directory: Index, name: u8 },
    Remove { path: Index },
}

fn change() -> impl Strategy<Value = Change> {
    let name = 0u8..8;
    let size = prop_oneof![
        4 => 0usize..2000,
        2 => 60_000usize..70_000,
        1 => 130_000usize..400_000,
    ];
    let index = any::<Index>;
    prop_oneof![
        6 => (index(), name.clone(), size).prop_map(|(directory, name, size)| Change::File { directory, name, size }),
        1 => (index(), name.clone()).prop_map(|(directory, name)| Change::Sparse { directory, name }),
        4 => (index(), name.clone()).prop_map(|(directory, name)| Change::Directory { directory, name }),
        1 => (index(), name.clone()).prop_map(|(directory, name)| Change::Symlink { directory, name }),
        1 => (index(), name.clone()).prop_map(|(directory, name)| Change::Fifo { directory, name }),
        3 => (index(), index(), name.clone()).prop_map(|(from, directory, name)| Change::HardLink { from, directory, name }),
        2 => index().prop_map(|file| Change::Append { file }),
        2 => index().prop_map(|file| Change::Overwrite { file }),
        2 => (index(), 0o400u32..0o7777).prop_map(|(path, mode)| Change::Mode { path, mode }),
        1 => index().prop_map(|path| Change::Attribute { path }),
        4 => (index(), index(), name).prop_map(|(path, directory, name)| Change::Rename { path, directory, name }),
        3 => index().prop_map(|path| Change::Remove { path }),
    ]
}

/// All paths below the root, and among them the directories with the root itself.
fn paths(root: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut all, mut directories) = (Vec::new(), vec![root.to_owned()]);
    let mut next = 0;
    while let Some(directory) = directories.get(next).cloned() {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
        names.sort_by_key(fs::DirEntry::file_name);
        for entry in names {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            }
            all.push(entry.path());
        }
        next += 1;
    }
    (all, directories)
}

/// Makes the change, or nothing if it cannot be made in this tree.
fn apply(root: &Path, change: &Change) -> Option<()> {
    let (all, directories) = paths(root);
    let files: Vec<&PathBuf> =
        all.iter().filter(|path| fs::symlink_metadata(path).unwrap().is_file()).collect();
    let new = |directory: &Index, name: &u8| {
        // Names of which some sort differently with the slash behind them.
        let names = ["a", "a.b", "a b", "b", "\u{1}", "new\nline", "é", "z"];
        directory.get(&directories).join(names[usize::from(*name)])
    };
    let pick =
        |index: &Index, from: &[PathBuf]| (!from.is_empty()).then(|| index.get(from).clone());
    let file = |index: &Index| (!files.is_empty()).then(|| (*index.get(&files)).clone());
    match change {
        Change::File { directory, name, size } => {
            let bytes: Vec<u8> = (0..*size).map(|i| (i * i / 7).to_le_bytes()[0]).collect();
            let path = new(directory, name);
            if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                return None;
            }
            fs::write(path, bytes).ok()?;
        }
        Change::Sparse { directory, name } => {
            let path = new(directory, name);
            let file = OpenOptions::new().write(true).create_new(true).open(path).ok()?;
            file.set_len(3 << 20).unwrap();
            for at in [0, 100_000, 2_000_000, (3 << 20) - 10] {
                file.write_all_at(b"data here!", at).unwrap();
            }
        }
        Change::Directory { directory, name } => fs::create_dir(new(directory, name)).ok()?,
        Change::Symlink { directory, name } => symlink("../a", new(directory, name)).ok()?,
        Change::Fifo { directory, name } => {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, new(directory, name), FileType::Fifo, Mode::RUSR, 0).ok()?;
        }
        Change::HardLink { from, directory, name } => {
            fs::hard_link(file(from)?, new(directory, name)).ok()?;
        }
        Change::Append { file: index } => {
            let path = file(index)?;
            let file = OpenOptions::new().append(true).open(path).ok()?;
            file.write_all_at(b"", 0).ok();
            std::io::Write::write_all(&mut &file, b"appended").unwrap();
        }
        Change::Overwrite { file: index } => {
            let file = OpenOptions::new().write(true).open(file(index)?).ok()?;
            file.write_all_at(b"!", 0).unwrap();
        }
        Change::Mode { path, mode } => {
            let path = pick(path, &all)?;
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_symlink() {
                return None;
            }
            // A directory must stay one that an ordinary user can go into.
            let mode = if meta.is_dir() { mode | 0o700 } else { mode | 0o400 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        Change::Attribute { path } => {
            let path = pick(path, &all)?;
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::lsetxattr(path, "user.some", b"\0value\n", flags).ok()?;
        }
        Change::Rename { path, directory, name } => {
            fs::rename(pick(path, &all)?, new(directory, name)).ok()?;
        }
        Change::Remove { path } => {
            let path = pick(path, &all)?;
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
    }
    Some(())
}

fn check(chain: &[Image], tree: &Path) {
    let target = tempfile::tempdir().unwrap();
    let (end, notes) = restore(chain, target.path());
    assert_eq!(end.failed, 0, "{notes:?}");
    assert_eq!(manifest(target.path()), manifest(tree));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_level_of_a_chain_restores_the_tree_of_its_moment(
        first in prop::collection::vec(change(), 1..40),
        later in prop::collection::vec(prop::collection::vec(change(), 0..8), 1..5),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for change in &first {
            apply(&tree, change);
        }
        settle(dir.path());
        let mut chain = vec![dump_next(&tree, &[])];
        prop_assert_eq!(chain[0].strange(), [""; 0]);
        check(&chain, &tree);
        for changes in &later {
            for change in changes {
                apply(&tree, change);
            }
            settle(dir.path());
            let image = dump_next(&tree, &chain);
            prop_assert_eq!(image.strange(), [""; 0]);
            chain.push(image);
            check(&chain, &tree);
        }
        // And with nothing done, nothing is dumped.
        let idle = dump_next(&tree, &chain);
        prop_assert_eq!(idle.paths(), [""; 0]);
    }
}

/// A tree, and what happens to it before each next level.
fn chain_of(tree: &Path, steps: &[&dyn Fn(&Path)]) -> Vec<Image> {
    let scratch = tempfile::tempdir().unwrap();
    let mut chain = Vec::new();
    for step in steps {
        step(tree);
        settle(scratch.path());
        let image = dump_next(tree, &chain);
        assert_eq!(image.strange(), [""; 0]);
        chain.push(image);
        check(&chain, tree);
    }
    chain
}

#[test]
fn what_changed_is_in_the_next_level_and_nothing_else() {
    let tree = tempfile::tempdir().unwrap();
    let chain = chain_of(
        tree.path(),
        &[
            &|tree| {
                fs::create_dir_all(tree.join("a/deep")).unwrap();
                fs::write(tree.join("a/deep/same"), b"same").unwrap();
                fs::write(tree.join("a/changed"), b"before").unwrap();
                fs::write(tree.join("gone"), b"x").unwrap();
                fs::create_dir_all(tree.join("gone-too/with/all")).unwrap();
            },
            &|tree| {
                fs::write(tree.join("a/changed"), b"after").unwrap();
                fs::remove_file(tree.join("gone")).unwrap();
                fs::remove_dir_all(tree.join("gone-too")).unwrap();
            },
            &|tree| fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o750)).unwrap(),
        ],
    );
    assert_eq!(chain[1].paths(), ["", "a/changed", "-gone", "-gone-too"]);
    assert_eq!(chain[2].paths(), ["a"]);
}

#[test]
fn a_renamed_directory_comes_back_with_all_below_it() {
    let tree = tempfile::tempdir().unwrap();
    let chain = chain_of(
        tree.path(),
        &[
            &|tree| {
                fs::create_dir_all(tree.join("old/deep")).unwrap();
                fs::write(tree.join("old/deep/file"), b"x").unwrap();
            },
            &|tree| fs::rename(tree.join("old"), tree.join("new")).unwrap(),
        ],
    );
    assert_eq!(chain[1].paths(), ["", "new", "new/deep", "new/deep/file", "-old"]);
}

#[test]
fn files_and_directories_take_each_others_places() {
    let tree = tempfile::tempdir().unwrap();
    let chain = chain_of(
        tree.path(),
        &[
            &|tree| {
                fs::create_dir(tree.join("d")).unwrap();
                fs::write(tree.join("d/inside"), b"x").unwrap();
                fs::write(tree.join("f"), b"x").unwrap();
            },
            &|tree| {
                fs::remove_dir_all(tree.join("d")).unwrap();
                fs::write(tree.join("d"), b"now a file").unwrap();
                fs::remove_file(tree.join("f")).unwrap();
                fs::create_dir(tree.join("f")).unwrap();
                fs::write(tree.join("f/inside"), b"x").unwrap();
            },
            &|tree| {
                fs::remove_file(tree.join("d")).unwrap();
                fs::create_dir(tree.join("d")).unwrap();
            },
        ],
    );
    assert_eq!(chain[1].paths(), ["", "d", "f", "f/inside"]);
    assert_eq!(chain[2].paths(), ["", "d"]);
}

#[test]
fn hard_links_hold_together_over_renamed_directories() {
    let tree = tempfile::tempdir().unwrap();
    let link = |tree: &Path, from: &str, to: &str| {
        fs::hard_link(tree.join(from), tree.join(to)).unwrap();
    };
    let chain = chain_of(
        tree.path(),
        &[
            &|tree| {
                for directory in ["b", "d", "f"] {
                    fs::create_dir(tree.join(directory)).unwrap();
                }
                fs::write(tree.join("b/x"), b"one file").unwrap();
                link(tree, "b/x", "d/y");
                link(tree, "b/x", "f/z");
            },
            // The name with the contents moves behind the others.
            &|tree| fs::rename(tree.join("b"), tree.join("g")).unwrap(),
            // A name that is a link moves before the others.
            &|tree| fs::rename(tree.join("f"), tree.join("a")).unwrap(),
        ],
    );
    assert_eq!(chain[1].paths(), ["", "-b", "d/y", "f/z", "g", "g/x"]);
    assert_eq!(chain[2].paths(), ["", "a", "a/z", "d/y", "-f", "g/x"]);
}

#[test]
fn a_clock_that_was_set_back_hides_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let file = tree.path().join("file");
    let chain = chain_of(
        tree.path(),
        &[
            &|_| {
                fs::write(&file, b"first").unwrap();
                common::set_mtime(&file, 4_000_000_000, 0);
            },
            &|_| {
                fs::write(&file, b"later").unwrap();
                common::set_mtime(&file, -1_000_000, 5);
            },
        ],
    );
    assert_eq!(chain[1].paths(), ["file"]);
}

#[test]
fn levels_go_up_to_the_top() {
    let tree = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut chain = vec![dump_next(tree.path(), &[])];
    for level in 1..=399u16 {
        fs::write(tree.path().join(format!("{level}")), level.to_string()).unwrap();
        settle(scratch.path());
        let image = dump_next(tree.path(), &chain);
        assert_eq!(image.paths().len(), 2);
        chain.push(image);
    }
    check(&chain, tree.path());
}

#[test]
fn attributes_come_back() {
    let tree = tempfile::tempdir().unwrap();
    if !takes_attributes(tree.path()) {
        eprintln!("this file system has no user attributes: nothing to test");
        return;
    }
    chain_of(
        tree.path(),
        &[&|tree| {
            let flags = rustix::fs::XattrFlags::empty();
            for name in ["file", "read-only"] {
                let path = tree.join(name);
                fs::write(&path, b"x").unwrap();
                rustix::fs::setxattr(&path, "user.empty", b"", flags).unwrap();
                rustix::fs::setxattr(&path, "user.a=b\n", &[0, 255, 10], flags).unwrap();
            }
            fs::set_permissions(tree.join("read-only"), fs::Permissions::from_mode(0o444)).unwrap();
            rustix::fs::setxattr(tree, "user.root", &[7; 1000], flags).unwrap();
        }],
    );
}
