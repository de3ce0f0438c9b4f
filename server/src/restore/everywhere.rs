//! Paths in all dumps of a DLE, side by side.
//!
//! Every index is read once, from its first record to its last, and all of them in step: so what the dumps
//! have of one path comes together, the oldest first, and what is kept is one record a dump. A dump that has
//! a tombstone for a path, or for a directory above one that an older dump has, says that it is gone.

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
    /// The last tombstone, or other thing with nothing below it.
    hides: Option<Vec<u8>>,
}

impl<S: ReadAt> Cursor<'_, S> {
    /// Gives the head and goes on to the next.
    fn take(&mut self) -> Result<Option<Record>, IndexError> {
        let next = self.records.next().transpose()?;
        let head = std::mem::replace(&mut self.head, next);
        if let Some(head) = head.as_ref().filter(|head| head.kind != RecordKind::Directory) {
            self.hides = Some(head.path.clone());
        }
        Ok(head)
    }

    fn hides(&self, path: &[u8]) -> bool {
        self.hides.as_ref().is_some_and(|above| path::is_below(path, above))
    }
}

impl<'a, S: ReadAt> Everywhere<'a, S> {
    /// In dumps of one DLE, the oldest first.
    pub fn new(indexes: &'a [Reader<S>]) -> Result<Self, IndexError> {
        let cursors = indexes.iter().map(|reader| {
            let mut cursor = Cursor { records: reader.iter(), head: None, hides: None };
            cursor.take()?;
            Ok(cursor)
        });
        Ok(Self { cursors: cursors.collect::<Result<_, IndexError>>()? })
    }

    /// All that the dumps have of the next path.
    fn next_path(&mut self) -> Result<Option<Vec<Found>>, IndexError> {
        let heads = self.cursors.iter().filter_map(|cursor| cursor.head.as_ref());
        let Some(first) = heads.map(|head| &head.path).min_by(|a, b| path::compare(a, b)) else {
            return Ok(None);
        };
        let path = first.clone();
        let mut found = Vec::new();
        for (dump, cursor) in self.cursors.iter_mut().enumerate() {
            if cursor.head.as_ref().is_some_and(|head| head.path == path) {
                found.extend(cursor.take()?.map(|record| Found { dump, record }));
            } else if !found.is_empty() && cursor.hides(&path) {
                found.push(Found { dump, record: Record::tombstone(path.clone()) });
            }
        }
        Ok(Some(found))
    }
}

impl<S: ReadAt> Iterator for Everywhere<'_, S> {
    type Item = Result<Vec<Found>, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_path().transpose();
        if matches!(next, Some(Err(_))) {
            self.cursors.clear();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use format::index::Writer;

    use super::*;

    fn reader(records: &[(&str, RecordKind)]) -> Reader<Vec<u8>> {
        let mut writer = Writer::new().unwrap();
        let mut bytes = Vec::new();
        for (path, kind) in records {
            let record = Record::new(*path, *kind);
            bytes.extend(writer.push(&record).unwrap().unwrap_or_default());
        }
        bytes.extend(writer.finish().unwrap());
        Reader::open(bytes).unwrap()
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
        for found in Everywhere::new(&dumps).unwrap() {
            for Found { dump, record } in found.unwrap() {
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
