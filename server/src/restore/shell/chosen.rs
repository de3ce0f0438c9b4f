//! What was chosen to be extracted.
//!
//! Paths are marked: chosen, or left out. The nearest mark at a path or above it decides, so that a directory
//! is chosen with everything below it, known or not, and a part of it can be left out again.

use std::collections::BTreeMap;

use format::path;

use crate::restore::wish::Choice;

/// The extract list.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    marks: BTreeMap<Vec<u8>, Mark>,
}

/// What a path was marked as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It, and what is below it, is wanted.
    In,
    /// It is not, though something above it is.
    Out,
}

impl Chosen {
    /// Chooses a path and everything below it. False if it was already.
    pub fn add(&mut self, path: &[u8]) -> bool {
        self.mark(path, Mark::In)
    }

    /// Leaves out a path and everything below it. False if nothing of it was chosen.
    pub fn remove(&mut self, path: &[u8]) -> bool {
        self.mark(path, Mark::Out)
    }

    /// True if nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The marks in the order of a walk: what is left out stands behind what it was part of.
    pub fn marks(&self) -> Vec<(&[u8], Mark)> {
        let mut marks: Vec<(&[u8], Mark)> =
            self.marks.iter().map(|(path, mark)| (path.as_slice(), *mark)).collect();
        marks.sort_by(|a, b| path::compare(a.0, b.0));
        marks
    }

    fn mark(&mut self, path: &[u8], mark: Mark) -> bool {
        let before = self.marks.len();
        self.forget_below(path);
        let mut changed = self.marks.len() != before;
        let was = self.marks.remove(path);
        let above = path::parent(path).map_or(Mark::Out, |parent| self.nearest(parent));
        changed |= was.unwrap_or(above) != mark;
        if above != mark {
            self.marks.insert(path.to_vec(), mark);
        }
        changed
    }

    /// Takes away the marks below a path, which stand together in the order of bytes.
    fn forget_below(&mut self, dir: &[u8]) {
        if dir.is_empty() {
            self.marks.retain(|path, _| path.is_empty());
            return;
        }
        let mut first = dir.to_vec();
        first.push(b'/');
        let below = self.marks.range(first..).map(|(path, _)| path.clone());
        let below: Vec<Vec<u8>> = below.take_while(|path| path::is_below(path, dir)).collect();
        for path in below {
            self.marks.remove(&path);
        }
    }

    /// What the nearest mark at a path or above it says.
    fn nearest(&self, path: &[u8]) -> Mark {
        let mut at = Some(path);
        while let Some(here) = at {
            if let Some(mark) = self.marks.get(here) {
                return *mark;
            }
            at = path::parent(here);
        }
        Mark::Out
    }
}

impl Choice for Chosen {
    fn wants(&self, path: &[u8]) -> bool {
        self.nearest(path) == Mark::In
    }

    fn roots(&self) -> Option<Vec<Vec<u8>>> {
        let mut roots: Vec<Vec<u8>> = Vec::new();
        for (path, mark) in self.marks() {
            let inside =
                roots.last().is_some_and(|root| path == root || path::is_below(path, root));
            if mark == Mark::In && !inside {
                roots.push(path.to_vec());
            }
        }
        Some(roots)
    }

    fn is_everything(&self) -> bool {
        self.marks.len() == 1 && self.nearest(b"") == Mark::In
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(chosen: &Chosen) -> Vec<String> {
        let sign = |mark| if mark == Mark::In { '+' } else { '-' };
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        chosen.marks().iter().map(|(path, mark)| format!("{}{}", sign(*mark), text(path))).collect()
    }

    #[test]
    fn a_part_of_a_directory_can_be_left_out_and_chosen_again() {
        let mut chosen = Chosen::default();
        assert!(chosen.add(b"d"));
        assert!(!chosen.add(b"d/x"), "it was chosen with d");
        assert!(chosen.remove(b"d/x"));
        assert!(chosen.add(b"d/x/y"));
        assert_eq!(marks(&chosen), ["+d", "-d/x", "+d/x/y"]);
        assert!(chosen.wants(b"d/z") && !chosen.wants(b"d/x/z") && chosen.wants(b"d/x/y/z"));
        assert!(!chosen.wants(b"dz") && !chosen.wants(b""));
        assert_eq!(chosen.roots(), Some(vec![b"d".to_vec()]));
        assert!(chosen.add(b"d"));
        assert_eq!(marks(&chosen), ["+d"]);
    }

    #[test]
    fn taking_all_away_leaves_nothing() {
        let mut chosen = Chosen::default();
        for path in [&b"d/x"[..], b"d.x", b"d/y", b"e"] {
            assert!(chosen.add(path));
        }
        assert!(!chosen.remove(b"f"));
        assert!(chosen.remove(b"d"));
        assert_eq!(marks(&chosen), ["+d.x", "+e"]);
        assert!(chosen.remove(b""));
        assert!(chosen.is_empty());
        assert!(!chosen.remove(b""));
    }

    #[test]
    fn the_root_is_everything() {
        let mut chosen = Chosen::default();
        assert!(chosen.add(b"") && chosen.remove(b"tmp"));
        assert!(chosen.wants(b"") && chosen.wants(b"a/b") && !chosen.wants(b"tmp/x"));
        assert_eq!(chosen.roots(), Some(vec![Vec::new()]));
    }
}
