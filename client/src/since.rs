//! What changed since the base.
//!
//! The snapshot of the base and the walk come in the same order, so one pass over both finds what is new,
//! what differs and what is gone, whatever the clock did in between.
//!
//! Only the topmost path of what is gone is named: a directory that is gone takes all below it along. What
//! the walk could not see is not gone: its records are *carried* into the new snapshot as they were, without
//! a time, so that the next dump looks again.

use format::index::RecordKind;
use format::path;
use format::snapshot::{Reader, SnapRecord};
use rustix::fs::FileType;
use types::FileTime;

use crate::stat::Stat;

/// The records of a base snapshot, in order.
pub type Records = Box<dyn Iterator<Item = Result<SnapRecord, BaseError>> + Send>;

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the snapshot of the base dump: make a full dump")]
pub struct BaseError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The records of a snapshot that is read from `input`.
pub fn records(input: impl std::io::Read + Send + 'static) -> Result<Records, BaseError> {
    let reader = Reader::open(input).map_err(|source| BaseError(Box::new(source)))?;
    Ok(Box::new(reader.map(|record| record.map_err(|source| BaseError(Box::new(source))))))
}

/// A record of the base for which the walk has found nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It is gone, and all below it.
    Gone(Vec<u8>),
    /// It could not be seen. The record is ready for the next snapshot.
    Carried(SnapRecord),
}

/// The place in the base up to which the walk has come.
pub(crate) struct Cursor {
    records: Records,
    next: Option<SnapRecord>,
    /// Below this path nothing needs to be said any more.
    settled: Option<Vec<u8>>,
    /// What is at this path or below it could not be seen.
    unseen: Option<Vec<u8>>,
}

impl Cursor {
    pub(crate) fn new(mut records: Records) -> Result<Self, BaseError> {
        let next = records.next().transpose()?;
        Ok(Self { records, next, settled: None, unseen: None })
    }

    /// The next record before `path`, or before the end, that the walk has not met.
    pub(crate) fn lost_before(&mut self, path: Option<&[u8]>) -> Result<Option<Lost>, BaseError> {
        while let Some(record) = self.take_before(path)? {
            if covers(&self.unseen, &record.path) {
                return Ok(Some(Lost::Carried(forgotten(record))));
            }
            if covers(&self.settled, &record.path) {
                continue;
            }
            self.settled = Some(record.path.clone());
            return Ok(Some(Lost::Gone(record.path)));
        }
        Ok(None)
    }

    fn take_before(&mut self, path: Option<&[u8]>) -> Result<Option<SnapRecord>, BaseError> {
        let is_before =
            |record: &SnapRecord| path.is_none_or(|path| path::compare(&record.path, path).is_lt());
        if !self.next.as_ref().is_some_and(is_before) {
            return Ok(None);
        }
        self.take()
    }

    fn take(&mut self) -> Result<Option<SnapRecord>, BaseError> {
        let following = self.records.next().transpose()?;
        Ok(std::mem::replace(&mut self.next, following))
    }

    /// The base's record of exactly this path. All before it must have been taken.
    pub(crate) fn meet(&mut self, path: &[u8]) -> Result<Option<SnapRecord>, BaseError> {
        if self.next.as_ref().is_some_and(|record| record.path == path) {
            return self.take();
        }
        Ok(None)
    }

    /// Something stands at `path` that is no directory: what the base had below it needs no word.
    pub(crate) fn settle(&mut self, path: &[u8]) {
        if self.next.as_ref().is_some_and(|record| path::is_below(&record.path, path)) {
            self.settled = Some(path.to_vec());
        }
    }

    /// What is at `path` or below it could not be seen.
    pub(crate) fn cannot_see(&mut self, path: &[u8]) {
        self.unseen = Some(path.to_vec());
    }
}

fn covers(top: &Option<Vec<u8>>, path: &[u8]) -> bool {
    top.as_ref().is_some_and(|top| top == path || path::is_below(path, top))
}

/// A time that no file has: what is remembered with it differs from whatever is found.
pub(crate) const FORGOTTEN: FileTime = FileTime { seconds: -(1 << 40), nanos: 0 };

/// The record, so that the next dump takes the entry again.
pub(crate) fn forgotten(record: SnapRecord) -> SnapRecord {
    SnapRecord { ctime: FORGOTTEN, ..record }
}

/// The kind of what is not a further name of something else.
pub(crate) fn kind_of(file_type: FileType) -> RecordKind {
    match file_type {
        FileType::Directory => RecordKind::Directory,
        FileType::Symlink => RecordKind::Symlink,
        FileType::Fifo => RecordKind::Fifo,
        FileType::CharacterDevice => RecordKind::Char,
        FileType::BlockDevice => RecordKind::Block,
        _ => RecordKind::File,
    }
}

/// The snapshot's record of what was found.
pub(crate) fn record(path: &[u8], kind: RecordKind, stat: &Stat) -> SnapRecord {
    SnapRecord {
        path: path.to_vec(),
        kind,
        dev: stat.identity.dev,
        ino: stat.identity.ino,
        ctime: stat.ctime,
        mtime: stat.mtime,
        size: stat.size,
        nlink: stat.nlink.into(),
    }
}

/// True if nothing about the entry has changed. `device` is what the base's device is called now: numbers of
/// devices may change when a host starts again.
pub(crate) fn is_same(base: &SnapRecord, stat: &Stat, device: impl Fn(u64) -> u64) -> bool {
    let kind = kind_of(stat.file_type);
    let further_name = base.kind == RecordKind::HardLink && kind != RecordKind::Directory;
    (base.kind == kind || further_name)
        && device(base.dev) == stat.identity.dev
        && base.ino == stat.identity.ino
        && base.ctime == stat.ctime
        && base.mtime == stat.mtime
        && base.size == stat.size
        && base.nlink == u64::from(stat.nlink)
}

/// True if the entry could change once more without its time of change showing it, because the clock that file
/// systems use has not ticked since.
pub(crate) fn is_too_fresh(ctime: FileTime, as_of: FileTime) -> bool {
    // A tick is 1 to 10 ms on Linux. File systems that count whole seconds show no nanoseconds.
    let tick = if ctime.nanos == 0 { 2_100_000_000 } else { 100_000_000 };
    let nanos = |time: FileTime| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    nanos(as_of) - nanos(ctime) < tick
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(paths: &[&str]) -> Cursor {
        let records: Vec<_> = paths
            .iter()
            .map(|path| {
                Ok(SnapRecord {
                    path: path.as_bytes().to_vec(),
                    kind: RecordKind::File,
                    dev: 1,
                    ino: 1,
                    ctime: FileTime { seconds: 5, nanos: 5 },
                    mtime: FileTime::default(),
                    size: 0,
                    nlink: 1,
                })
            })
            .collect();
        Cursor::new(Box::new(records.into_iter())).unwrap()
    }

    fn lost(cursor: &mut Cursor, path: Option<&str>) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(lost) = cursor.lost_before(path.map(str::as_bytes)).unwrap() {
            all.push(match lost {
                Lost::Gone(path) => format!("gone {}", String::from_utf8_lossy(&path)),
                Lost::Carried(record) => {
                    assert_eq!(record.ctime, FORGOTTEN);
                    format!("carried {}", String::from_utf8_lossy(&record.path))
                }
            });
        }
        all
    }

    #[test]
    fn only_the_topmost_path_of_what_is_gone_is_named() {
        let mut cursor = base(&["", "a", "a/b", "a/b/c", "a.b", "d"]);
        assert!(cursor.meet(b"").unwrap().is_some());
        assert_eq!(lost(&mut cursor, Some("d")), ["gone a", "gone a.b"]);
        assert!(cursor.meet(b"d").unwrap().is_some());
        assert_eq!(lost(&mut cursor, None), [""; 0]);
    }

    #[test]
    fn what_was_below_a_directory_that_became_a_file_needs_no_word() {
        let mut cursor = base(&["a", "a/b", "a/c", "b"]);
        assert!(cursor.meet(b"a").unwrap().is_some());
        cursor.settle(b"a");
        assert_eq!(lost(&mut cursor, None), ["gone b"]);
    }

    #[test]
    fn what_could_not_be_seen_is_carried_and_not_gone() {
        let mut cursor = base(&["a", "a/b", "a/c/d", "b"]);
        assert!(cursor.meet(b"a").unwrap().is_some());
        cursor.cannot_see(b"a");
        assert_eq!(lost(&mut cursor, None), ["carried a/b", "carried a/c/d", "gone b"]);
    }

    #[test]
    fn an_entry_is_fresh_until_the_clock_has_surely_ticked() {
        let at = |seconds, nanos| FileTime { seconds, nanos };
        assert!(is_too_fresh(at(10, 5), at(10, 50_000_000)));
        assert!(!is_too_fresh(at(10, 5), at(10, 100_000_005)));
        assert!(is_too_fresh(at(10, 0), at(12, 0)), "a file system may count in seconds");
        assert!(is_too_fresh(at(20, 5), at(10, 0)), "the clock was set back");
    }
}
