//! Files with more than one name.
//!
//! The first name that the walk meets stands for the file, and each later name is a link to it. Across levels
//! this must stay true for what a restore of the chain has in hand at that path, and a directory that was
//! renamed changes the order of names without touching the files. So the snapshot remembers which name the
//! archive holds the contents under, and:
//!
//! - the first name met is archived with contents if the file changed, or if the chain knows it only as a link;
//! - a later name is archived as a link if it changed, or if the first one was archived now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::stat::{Identity, Stat};

/// Names of files that may come again. A file leaves it with its last name.
#[derive(Debug, Default)]
pub(super) struct Links {
    seen: HashMap<Identity, First>,
}

#[derive(Debug)]
struct First {
    path: Box<[u8]>,
    archived: bool,
    /// Names that the walk has not met.
    left: u32,
}

/// What the chain of dumps has for a name, by the base's snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// Nothing, or something else than what is there now.
    Other,
    /// Just this, with its contents.
    Contents,
    /// Just this, as a link to another name.
    Link,
}

/// How a name is archived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// It stands for the file. It is archived if the flag says so.
    First { archive: bool },
    /// It is a further one of this path. It is archived if the flag says so.
    Further { of: Box<[u8]>, archive: bool },
}

impl Links {
    /// Takes note of a name of a file that has several.
    pub(super) fn meet(&mut self, path: &[u8], stat: &Stat, chain: Chain) -> Name {
        match self.seen.entry(stat.identity) {
            Entry::Vacant(vacant) => {
                let archive = chain != Chain::Contents;
                let left = stat.nlink.saturating_sub(1);
                vacant.insert(First { path: path.into(), archived: archive, left });
                Name::First { archive }
            }
            Entry::Occupied(mut occupied) => {
                let first = occupied.get_mut();
                let archive = first.archived || chain != Chain::Link;
                first.left = first.left.saturating_sub(1);
                let of = if first.left == 0 { occupied.remove().path } else { first.path.clone() };
                Name::Further { of, archive }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FileType;
    use types::FileTime;

    fn stat(ino: u64, nlink: u32) -> Stat {
        let never = FileTime::default();
        Stat {
            identity: Identity { dev: 1, ino },
            file_type: FileType::RegularFile,
            mode: 0,
            nlink,
            uid: 0,
            gid: 0,
            size: 0,
            allocated: 0,
            mtime: never,
            ctime: never,
            atime: never,
            device: (0, 0),
        }
    }

    /// How each name of one file is archived, with what the chain has for it.
    fn archived(names: &[Chain]) -> Vec<&'static str> {
        let mut links = Links::default();
        let nlink = u32::try_from(names.len()).unwrap();
        let how = names.iter().enumerate().map(|(number, &chain)| {
            match links.meet(number.to_string().as_bytes(), &stat(7, nlink), chain) {
                Name::First { archive: true } => "contents",
                Name::Further { archive: true, of } => {
                    assert_eq!(&*of, b"0");
                    "link"
                }
                _ => "-",
            }
        });
        let how = how.collect();
        assert!(links.seen.is_empty(), "nothing is kept after the last name");
        how
    }

    #[test]
    fn a_chain_stays_true_whatever_happened_to_the_names() {
        use Chain::{Contents, Link, Other};
        let cases: &[(&[Chain], &[&str])] = &[
            (&[Other, Other, Other], &["contents", "link", "link"]),
            (&[Contents, Link, Link], &["-", "-", "-"]),
            // The name with the contents was renamed, to be met first, or last.
            (&[Other, Link, Link], &["contents", "link", "link"]),
            (&[Link, Link, Other], &["contents", "link", "link"]),
            // A further name was renamed, to be met first, or last.
            (&[Other, Contents, Link], &["contents", "link", "link"]),
            (&[Contents, Link, Other], &["-", "-", "link"]),
        ];
        for (chain, expected) in cases {
            assert_eq!(archived(chain), *expected, "{chain:?}");
        }
    }
}
