//! The indexes of a chain of dumps, laid over each other: the tree as it was on the day of the last.
//!
//! The chain goes from the full dump to the newest. Of each path the newest record counts. A tombstone, and
//! any record that is not a directory, hides what older dumps have below its path, also when a newer dump has
//! made a directory there again. So where one is met, the older dumps go on behind that path, and nothing
//! that is hidden is ever looked at.
//!
//! What comes out are records and the position in the chain of the dump that has each.

use std::cmp::Ordering;

use super::error::IndexError;
use super::reader::{Iter, Reader};
use super::record::{Record, RecordKind};
use super::source::ReadAt;
use crate::path;

/// Whether this record hides what older dumps have below its path.
fn hides(record: &Record) -> bool {
    record.kind != RecordKind::Directory
}

/// One dump of the chain, and the record it has come to.
struct Cursor<'a, S> {
    records: Iter<'a, S>,
    head: Option<Record>,
}

impl<'a, S: ReadAt> Cursor<'a, S> {
    fn new(records: Iter<'a, S>) -> Result<Self, IndexError> {
        let mut cursor = Self { records, head: None };
        cursor.take()?;
        Ok(cursor)
    }

    /// Gives the head and goes on to the next.
    fn take(&mut self) -> Result<Option<Record>, IndexError> {
        let next = self.records.next().transpose()?;
        Ok(std::mem::replace(&mut self.head, next))
    }

    fn skip_below(&mut self, dir: &[u8]) -> Result<(), IndexError> {
        if self.head.as_ref().is_some_and(|head| path::is_below(&head.path, dir)) {
            self.records.skip_past(dir)?;
            self.take()?;
        }
        Ok(())
    }
}

/// The final state, in walk order. After an error nothing more comes.
pub struct Merge<'a, S> {
    cursors: Vec<Cursor<'a, S>>,
    /// The oldest dumps have nothing to say: something newer hides all that is asked for.
    hidden: usize,
    below: Vec<u8>,
}

impl<'a, S: ReadAt> Merge<'a, S> {
    /// Of everything. `chain` begins with the full dump.
    pub fn new(chain: &'a [Reader<S>]) -> Result<Self, IndexError> {
        Self::below(chain, b"")
    }

    /// Of `dir` itself and everything in it.
    pub fn below(chain: &'a [Reader<S>], dir: &[u8]) -> Result<Self, IndexError> {
        let hidden = hidden_above(chain, dir)?;
        let visible = chain[hidden..].iter();
        let cursors = visible.map(|reader| Cursor::new(reader.iter_from(dir)));
        Ok(Self { cursors: cursors.collect::<Result<_, _>>()?, hidden, below: dir.to_vec() })
    }

    fn next_visible(&mut self) -> Result<Option<(usize, Record)>, IndexError> {
        loop {
            let heads = self.cursors.iter().filter_map(|cursor| cursor.head.as_ref());
            let Some(first) = heads.map(|head| &head.path).min_by(|a, b| path::compare(a, b))
            else {
                return Ok(None);
            };
            if *first != self.below && !path::is_below(first, &self.below) {
                return Ok(None);
            }
            let path = first.clone();
            let (position, record) = self.take(&path)?;
            if record.kind != RecordKind::Gone {
                return Ok(Some((self.hidden + position, record)));
            }
        }
    }

    /// Takes the records of this path from all dumps that have one, and gives the newest.
    fn take(&mut self, path: &[u8]) -> Result<(usize, Record), IndexError> {
        let mut newest = None;
        let mut blocked = 0;
        for (position, cursor) in self.cursors.iter_mut().enumerate() {
            if cursor.head.as_ref().is_none_or(|head| head.path != path) {
                continue;
            }
            if let Some(record) = cursor.take()? {
                if hides(&record) {
                    blocked = position;
                }
                newest = Some((position, record));
            }
        }
        self.cursors[..blocked].iter_mut().try_for_each(|cursor| cursor.skip_below(path))?;
        // The path is that of a head.
        Ok(newest.unwrap_or_else(|| (0, Record::tombstone(path))))
    }
}

impl<S: ReadAt> Iterator for Merge<'_, S> {
    type Item = Result<(usize, Record), IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_visible().transpose();
        if matches!(next, Some(Err(_))) {
            self.cursors.clear();
        }
        next
    }
}

/// How many of the oldest dumps something above `path` hides.
fn hidden_above<S: ReadAt>(chain: &[Reader<S>], path: &[u8]) -> Result<usize, IndexError> {
    let mut hidden = 0;
    let mut above = path::parent(path);
    while let Some(dir) = above {
        hidden = hidden.max(hidden_by(chain, dir, hidden)?);
        above = path::parent(dir);
    }
    Ok(hidden)
}

/// How many of the oldest dumps the records of `dir` itself hide below it, if at least `hidden` are anyway.
fn hidden_by<S: ReadAt>(
    chain: &[Reader<S>],
    dir: &[u8],
    hidden: usize,
) -> Result<usize, IndexError> {
    for position in (hidden + 1..chain.len()).rev() {
        if chain[position].find(dir)?.is_some_and(|record| hides(&record)) {
            return Ok(position);
        }
    }
    Ok(hidden)
}

/// What stands at `path` in the end, and which dump has it.
pub fn find<S: ReadAt>(
    chain: &[Reader<S>],
    path: &[u8],
) -> Result<Option<(usize, Record)>, IndexError> {
    let hidden = hidden_above(chain, path)?;
    for position in (hidden..chain.len()).rev() {
        if let Some(record) = chain[position].find(path)? {
            return Ok(
                Some((position, record)).filter(|(_, record)| record.kind != RecordKind::Gone)
            );
        }
    }
    Ok(None)
}

/// What the directory `dir` holds in the end: its direct children in order.
pub fn list<S: ReadAt>(
    chain: &[Reader<S>],
    dir: &[u8],
) -> Result<Vec<(usize, Record)>, IndexError> {
    let hidden = hidden_above(chain, dir)?;
    let hidden = hidden_by(chain, dir, hidden)?;
    let mut children: Vec<(usize, Record)> = Vec::new();
    for (position, reader) in chain.iter().enumerate().skip(hidden) {
        let listed = reader.list(dir)?;
        children.extend(listed.into_iter().map(|record| (position, record)));
    }
    // The newest of each path first; of those that are alike only that one stays.
    children.sort_by(|(a_position, a), (b_position, b)| {
        path::compare(&a.path, &b.path).then(b_position.cmp(a_position))
    });
    children.dedup_by(|(_, later), (_, kept)| {
        path::compare(&later.path, &kept.path) == Ordering::Equal
    });
    children.retain(|(_, record)| record.kind != RecordKind::Gone);
    Ok(children)
}

#[cfg(test)]
mod tests;
