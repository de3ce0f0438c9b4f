//! Paths in all dumps of a DLE, side by side.
//!
//! Every index is read once, from its first record to its last, and all of them in step: so what the dumps
//! have of one path comes together, the oldest first, and what is kept is one record a dump. A dump that has
//! a tombstone for a path, or for a directory above one that an older dump has, says that it is gone.
//!
//! An index that is damaged ends where the damage is, and the others go on.

use format::index::{IndexError, Iter, ReadAt, Reader, Record, RecordKind};
use format::path;

/// What one dump has of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which of the dumps.
    pub dump: usize,
    /// What it has; a tombstone if the path is gone since the dump that this one builds on.
    pub record: Record,
}

/// Everything that dumps have, path by path.
pub struct Everywhere<'a, S> {
    cursors: Vec<Cursor<'a, S>>,
}

struct Cursor<'a, S> {
    records: Iter<'a, S>,
    head: Option<Record>,
    /// Why it ended before its end.
    broken: Option<IndexError>,
    /// The last tombstone, or other thing with nothing below it.
    hides: Option<Vec<u8>>,
}

impl<S: ReadAt> Cursor<'_, S> {
    /// Gives the head and goes on to the next.
    fn take(&mut self) -> Option<Record> {
        let next = self.records.next().transpose().unwrap_or_else(|error| {
            self.broken = Some(error);
            None
        });
        let head = std::mem::replace(&mut self.head, next);
        if let Some(head) = head.as_ref().filter(|head| head.kind != RecordKind::Directory) {
            self.hides = Some(head.path.clone());
        }
        head
    }

    fn hides(&self, path: &[u8]) -> bool {
        self.hides.as_ref().is_some_and(|above| path::is_below(path, above))
    }
}

impl<'a, S: ReadAt> Everywhere<'a, S> {
    /// In dumps of one DLE, the oldest first.
    pub fn new(indexes: &'a [Reader<S>]) -> Self {
        let cursors = indexes.iter().map(|reader| {
            let mut cursor =
                Cursor { records: reader.iter(), head: None, broken: None, hides: None };
            cursor.take();
            cursor
        });
        Self { cursors: cursors.collect() }
    }

    /// The dumps whose indexes were not read to their ends so far, and why.
    pub fn broken(&self) -> impl Iterator<Item = (usize, &IndexError)> {
        let cursors = self.cursors.iter().enumerate();
        cursors.filter_map(|(dump, cursor)| Some((dump, cursor.broken.as_ref()?)))
    }

    /// All that the dumps have of the next path.
    fn next_path(&mut self) -> Option<Vec<Found>> {
        let heads = self.cursors.iter().filter_map(|cursor| cursor.head.as_ref());
        let path = heads.map(|head| &head.path).min_by(|a, b| path::compare(a, b))?.clone();
        let mut found = Vec::new();
        for (dump, cursor) in self.cursors.iter_mut().enumerate() {
            if cursor.head.as_ref().is_some_and(|head| head.path == path) {
                found.extend(cursor.take().map(|record| Found { dump, record }));
            } else if !found.is_empty() && cursor.hides(&path) {
                found.push(Found { dump, record: Record::tombstone(path.clone()) });
            }
        }
        Some(found)
    }
}

impl<S: ReadAt> Iterator for Everywhere<'_, S> {
    type Item = Vec<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_path()
    }
}

#[cfg(test)]
mod tests {
    use format::index::Writer;

    use super::*;

    fn reader(records: &[(&str, RecordKind)]) -> Reader<Vec<u8>> {
        Reader::open(bytes(records)).unwrap()
    }

    fn bytes(records: &[(&str, RecordKind)]) -> Vec<u8> {
        let mut writer = Writer::new().unwrap();
        let mut bytes = Vec::new();
        for (path, kind) in records {
            let record = Record::new(*path, *kind);
            bytes.extend(writer.push(&record).unwrap().unwrap_or_default());
        }
        bytes.extend(writer.finish().unwrap());
        bytes
    }

    #[test]
    fn a_damaged_index_is_told_and_the_others_are_read_to_their_ends() {
        use RecordKind::{Directory, File};
        let records = [("", Directory), ("a", File), ("b", File)];
        let whole = bytes(&records);
        let hurt = (0..whole.len()).find_map(|at| {
            let mut hurt = whole.clone();
            hurt[at] ^= 0xff;
            Reader::open(hurt).ok().filter(|reader| reader.iter().any(|record| record.is_err()))
        });
        let dumps = [hurt.expect("some damage is met only by whoever reads on"), reader(&records)];
        let mut all = Everywhere::new(&dumps);
        let of_whole = all.by_ref().flatten().filter(|found| found.dump == 1).count();
        assert_eq!(of_whole, records.len());
        assert_eq!(all.broken().map(|(dump, _)| dump).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn what_dumps_have_of_a_path_comes_together() {
        use RecordKind::{Directory, File, Gone};
        let dumps = [
            reader(&[("", Directory), ("d", Directory), ("d/x", File), ("e", File)]),
            reader(&[("", Directory), ("d", Gone)]),
            reader(&[("d", Directory), ("d/x", File), ("e", Gone)]),
            reader(&[("d", File)]),
        ];
        let mut told = Vec::new();
        for found in Everywhere::new(&dumps) {
            for Found { dump, record } in found {
                let path = String::from_utf8(record.path).unwrap();
                told.push((path, dump, record.kind));
            }
        }
        let expected = [
            ("", 0, Directory),
            ("", 1, Directory),
            ("d", 0, Directory),
            ("d", 1, Gone),
            ("d", 2, Directory),
            ("d", 3, File),
            ("d/x", 0, File),
            ("d/x", 1, Gone),
            ("d/x", 2, File),
            ("d/x", 3, Gone),
            ("e", 0, File),
            ("e", 2, Gone),
        ];
        assert_eq!(told, expected.map(|(path, dump, kind)| (path.to_owned(), dump, kind)));
    }
}
