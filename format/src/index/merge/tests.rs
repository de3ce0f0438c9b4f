//! The merge against a model: a tree that is changed at random, and indexes made by comparing its states.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::tests::index_of;
use super::*;

/// Path to what stands there, and since which dump.
type Tree = BTreeMap<Vec<u8>, (RecordKind, usize)>;

/// One change of a tree.
#[derive(Clone, Debug)]
enum Change {
    Put(Vec<u8>, RecordKind),
    Remove(Vec<u8>),
}

/// Few names, so that changes meet. `!` sorts before `/` as a byte.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![Just("a"), Just("b"), Just("a!"), Just("aa")];
    prop::collection::vec(name, 1..5).prop_map(|names| names.join("/").into_bytes())
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        3 => Just(RecordKind::Directory),
        2 => Just(RecordKind::File),
        1 => Just(RecordKind::Symlink),
    ];
    prop_oneof![
        3 => (path(), kind).prop_map(|(path, kind)| Change::Put(path, kind)),
        1 => path().prop_map(Change::Remove),
    ]
}

fn remove(tree: &mut Tree, path: &[u8]) {
    tree.retain(|other, _| other != path && !path::is_below(other, path));
}

/// Changes the tree as a person would: what is put needs a directory above it, and makes one.
fn apply(tree: &mut Tree, change: &Change, dump: usize) {
    match change {
        Change::Put(path, kind) => {
            let above: Vec<Vec<u8>> =
                std::iter::successors(path::parent(path), |dir| path::parent(dir))
                    .map(<[u8]>::to_vec)
                    .collect();
            for dir in above.into_iter().rev() {
                if tree.get(&dir).is_none_or(|(kind, _)| *kind != RecordKind::Directory) {
                    tree.insert(dir, (RecordKind::Directory, dump));
                }
            }
            if *kind != RecordKind::Directory {
                remove(tree, path);
            }
            tree.insert(path.clone(), (*kind, dump));
        }
        Change::Remove(path) => remove(tree, path),
    }
}

/// The index of a level: what is new since this dump, and the topmost paths that are gone.
fn level(before: &Tree, after: &Tree, dump: usize) -> Vec<u8> {
    let changed = after.iter().filter(|(_, (_, since))| *since == dump);
    let mut records: Vec<Record> =
        changed.map(|(path, (kind, _))| Record::new(path.clone(), *kind)).collect();
    let is_directory =
        |path: &[u8]| after.get(path).is_some_and(|(kind, _)| *kind == RecordKind::Directory);
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        if path::parent(path).is_some_and(is_directory) {
            records.push(Record::tombstone(path.clone()));
        }
    }
    index_of(&records)
}

fn in_walk_order(tree: &Tree) -> Vec<(usize, Vec<u8>, RecordKind)> {
    let mut all: Vec<_> =
        tree.iter().map(|(path, (kind, since))| (*since, path.clone(), *kind)).collect();
    all.sort_by(|a, b| path::compare(&a.1, &b.1));
    all
}

fn plain(found: Vec<(usize, Record)>) -> Vec<(usize, Vec<u8>, RecordKind)> {
    found.into_iter().map(|(position, record)| (position, record.path, record.kind)).collect()
}

fn chain_of(levels: &[Vec<Change>]) -> (Vec<Reader<Vec<u8>>>, Tree) {
    let mut tree = Tree::from([(Vec::new(), (RecordKind::Directory, 0))]);
    let mut chain = Vec::new();
    for (dump, changes) in levels.iter().enumerate() {
        let before = if dump == 0 { Tree::new() } else { tree.clone() };
        changes.iter().for_each(|change| apply(&mut tree, change, dump));
        chain.push(Reader::open(level(&before, &tree, dump)).unwrap());
    }
    (chain, tree)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_final_state_is_that_of_the_model(
        levels in prop::collection::vec(prop::collection::vec(change(), 0..12), 1..5),
        asked in prop::collection::vec(path(), 6),
    ) {
        let (chain, tree) = chain_of(&levels);
        let expected = in_walk_order(&tree);
        let all = Merge::new(&chain).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(plain(all), expected.clone());
        for path in asked.iter().chain(tree.keys()) {
            let there = expected.iter().find(|(_, p, _)| p == path).cloned();
            let found = find(&chain, path).unwrap().map(|(position, record)| (position, record.path, record.kind));
            prop_assert_eq!(found, there);

            let below = Merge::below(&chain, path).unwrap().collect::<Result<_, _>>().unwrap();
            let expected_below = expected.iter().filter(|(_, p, _)| p == path || path::is_below(p, path));
            prop_assert_eq!(plain(below), expected_below.cloned().collect::<Vec<_>>());

            let children = list(&chain, path).unwrap();
            let expected_children = expected.iter().filter(|(_, p, _)| path::parent(p) == Some(path));
            prop_assert_eq!(plain(children), expected_children.cloned().collect::<Vec<_>>());
        }
    }
}

fn chain(levels: &[&[Record]]) -> Vec<Reader<Vec<u8>>> {
    levels.iter().map(|records| Reader::open(index_of(records)).unwrap()).collect()
}

fn paths(found: Vec<(usize, Record)>) -> Vec<(usize, String)> {
    let text = |record: Record| String::from_utf8(record.path).unwrap();
    found.into_iter().map(|(position, record)| (position, text(record))).collect()
}

fn all(chain: &[Reader<Vec<u8>>]) -> Vec<(usize, String)> {
    paths(Merge::new(chain).unwrap().collect::<Result<_, _>>().unwrap())
}

fn file(path: &str) -> Record {
    Record::new(path, RecordKind::File)
}

fn directory(path: &str) -> Record {
    Record::new(path, RecordKind::Directory)
}

#[test]
fn a_tombstone_hides_what_was_below_although_a_directory_came_back() {
    let chain = chain(&[
        &[directory(""), directory("d"), file("d/old"), file("e")],
        &[Record::tombstone("d")],
        &[directory("d"), file("d/new")],
    ]);
    let expected = [(0, ""), (2, "d"), (2, "d/new"), (0, "e")].map(|(n, p)| (n, p.to_owned()));
    assert_eq!(all(&chain), expected);
    assert_eq!(find(&chain, b"d/old").unwrap(), None);
    assert_eq!(paths(list(&chain, b"d").unwrap()), [(2, "d/new".to_owned())]);
}

#[test]
fn a_directory_that_was_not_read_keeps_what_older_dumps_have() {
    let chain = chain(&[
        &[directory(""), directory("closed"), file("closed/secret")],
        &[directory("closed")],
    ]);
    let expected = [(0, ""), (1, "closed"), (0, "closed/secret")].map(|(n, p)| (n, p.to_owned()));
    assert_eq!(all(&chain), expected);
}

#[test]
fn hidden_subtrees_of_many_blocks_are_jumped_over() {
    let mut full = vec![directory(""), directory("big")];
    full.extend((0..5000).map(|i| file(&format!("big/{i:05}"))));
    full.push(file("big!"));
    full.push(file("later"));
    let chain = chain(&[&full, &[Record::tombstone("big"), file("zz")]]);
    let expected = [(0, ""), (0, "big!"), (0, "later"), (1, "zz")].map(|(n, p)| (n, p.to_owned()));
    assert_eq!(all(&chain), expected);
}

#[test]
fn an_empty_chain_is_an_empty_tree() {
    let none: [Reader<Vec<u8>>; 0] = [];
    assert_eq!(Merge::new(&none).unwrap().count(), 0);
    assert_eq!(list(&none, b"a/b").unwrap(), []);
    assert_eq!(find(&none, b"a/b").unwrap(), None);
}

#[test]
fn a_damaged_block_stops_the_merge() {
    let mut bytes = index_of(&[directory(""), file("a")]);
    bytes[40] ^= 1;
    let chain = [Reader::open(bytes).unwrap()];
    assert!(Merge::new(&chain).is_err() || Merge::new(&chain).unwrap().any(|r| r.is_err()));
    assert!(list(&chain, b"").is_err());
    assert!(find(&chain, b"a").is_err());
}
