//! What is different between two states of a DLE.
//!
//! Both are walked side by side, in the order that all indexes share; each path is met once, and nothing is
//! kept of it. Contents are not looked at: what the level of a dump goes by is what is compared here.

use std::cmp::Ordering;
use std::fmt;

use format::index::merge::Merge;
use format::index::{IndexError, ReadAt, Record, RecordKind};
use format::path;

/// What became of a path from the one state to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It came to be.
    Added(Record),
    /// It is gone.
    Removed(Record),
    /// It is another than it was.
    Changed {
        /// What it was.
        was: Record,
        /// What it is.
        is: Record,
        /// In what it is another.
        fields: Vec<Field>,
    },
}

/// What can be different of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What it is: a file, a directory, …
    Kind,
    /// How long a file is.
    Size,
    /// When it last changed.
    Mtime,
    /// Permissions.
    Mode,
    /// User or group.
    Owner,
}

impl Field {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Size => "size",
            Self::Mtime => "mtime",
            Self::Mode => "mode",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Difference {
    /// Of which path.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Added(record) | Self::Removed(record) | Self::Changed { is: record, .. } => {
                &record.path
            }
        }
    }

    /// What became of it, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Added(_) => "added",
            Self::Removed(_) => "removed",
            Self::Changed { .. } => "changed",
        }
    }
}

/// The differences of two states, in walk order. After an error nothing more comes.
pub struct Differences<'a, S> {
    from: Side<'a, S>,
    to: Side<'a, S>,
}

/// One state, and the record it has come to.
struct Side<'a, S> {
    merge: Option<Merge<'a, S>>,
    head: Option<Record>,
}

impl<'a, S: ReadAt> Side<'a, S> {
    fn new(merge: Merge<'a, S>) -> Result<Self, IndexError> {
        let mut side = Self { merge: Some(merge), head: None };
        side.take()?;
        Ok(side)
    }

    /// Gives the head and goes on to the next.
    fn take(&mut self) -> Result<Option<Record>, IndexError> {
        let next = self.merge.as_mut().and_then(Iterator::next).transpose()?;
        Ok(std::mem::replace(&mut self.head, next.map(|(_, record)| record)))
    }
}

impl<'a, S: ReadAt> Differences<'a, S> {
    /// Between the one state and the other.
    pub fn between(from: Merge<'a, S>, to: Merge<'a, S>) -> Result<Self, IndexError> {
        Ok(Self { from: Side::new(from)?, to: Side::new(to)? })
    }

    fn next_difference(&mut self) -> Result<Option<Difference>, IndexError> {
        loop {
            let order = match (&self.from.head, &self.to.head) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(was), Some(is)) => path::compare(&was.path, &is.path),
            };
            match order {
                Ordering::Less => return Ok(self.from.take()?.map(Difference::Removed)),
                Ordering::Greater => return Ok(self.to.take()?.map(Difference::Added)),
                Ordering::Equal => {}
            }
            if let (Some(was), Some(is)) = (self.from.take()?, self.to.take()?) {
                let fields = fields(&was, &is);
                if !fields.is_empty() {
                    return Ok(Some(Difference::Changed { was, is, fields }));
                }
            }
        }
    }
}

impl<S: ReadAt> Iterator for Differences<'_, S> {
    type Item = Result<Difference, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_difference().transpose();
        if matches!(next, Some(Err(_))) {
            for side in [&mut self.from, &mut self.to] {
                *side = Side { merge: None, head: None };
            }
        }
        next
    }
}

/// In what two entries of one path differ.
fn fields(was: &Record, is: &Record) -> Vec<Field> {
    let is_file = was.kind == RecordKind::File && is.kind == RecordKind::File;
    let checks = [
        (Field::Kind, was.kind != is.kind || was.link != is.link),
        (Field::Size, is_file && was.size != is.size),
        (Field::Mtime, was.mtime != is.mtime),
        (Field::Mode, was.mode != is.mode),
        (Field::Owner, (was.uid, was.gid) != (is.uid, is.gid)),
    ];
    checks.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

#[cfg(test)]
mod tests {
    use format::index::{Reader, Writer};

    use super::*;

    fn reader(records: &[Record]) -> Reader<Vec<u8>> {
        let mut writer = Writer::new().unwrap();
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend(writer.push(record).unwrap().unwrap_or_default());
        }
        bytes.extend(writer.finish().unwrap());
        Reader::open(bytes).unwrap()
    }

    fn file(path: &str, size: u64) -> Record {
        Record { size, ..Record::new(path, RecordKind::File) }
    }

    fn dir(path: &str) -> Record {
        Record::new(path, RecordKind::Directory)
    }

    fn told(from: &[Reader<Vec<u8>>], to: &[Reader<Vec<u8>>]) -> Vec<String> {
        let (from, to) = (Merge::new(from).unwrap(), Merge::new(to).unwrap());
        let all = Differences::between(from, to).unwrap();
        all.map(|difference| {
            let difference = difference.unwrap();
            let path = String::from_utf8_lossy(difference.path());
            let mut text = format!("{} {path}", difference.word());
            if let Difference::Changed { fields, .. } = &difference {
                fields.iter().for_each(|field| text.push_str(&format!(" {field}")));
            }
            text
        })
        .collect()
    }

    #[test]
    fn a_tombstone_removes_and_a_newer_record_changes() {
        let full = [dir(""), file("a", 1), dir("d"), file("d/x", 1), file("d/y", 1), file("z", 1)];
        let one = [file("a", 2), file("b", 0), Record::tombstone("d")];
        let chain = || vec![reader(&full), reader(&one)];
        let changes = ["changed a size", "added b", "removed d", "removed d/x", "removed d/y"];
        assert_eq!(told(&chain()[..1], &chain()), changes);
        assert_eq!(told(&chain(), &chain()), Vec::<String>::new());
    }

    #[test]
    fn each_field_is_named() {
        let was = file("f", 1);
        let is = Record { mode: 0o600, gid: 5, ..dir("f") };
        assert_eq!(told(&[reader(&[was])], &[reader(&[is])]), ["changed f kind mode owner"],);
    }

    #[test]
    fn one_side_may_end_first() {
        let (short, long) = ([file("a", 1)], [file("a", 1), file("b", 1), file("c", 1)]);
        assert_eq!(told(&[reader(&short)], &[reader(&long)]), ["added b", "added c"]);
        assert_eq!(told(&[reader(&long)], &[reader(&short)]), ["removed b", "removed c"]);
    }
}
