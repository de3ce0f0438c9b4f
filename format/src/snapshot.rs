//! What the client remembers of a tree: the snapshot of a dump.
//!
//! The next level is made against it: a path whose record differs in any field has changed, one that is
//! no longer met is gone. It is the same kind of file as the index, in the same order, with what tells one
//! state of an inode from another. Writing holds one block, reading holds one block: both sides of the walk's
//! merge-join.
//!
//! | column | holds |
//! |---|---|
//! | 3 kind | one byte, as in the index |
//! | 4 dev | difference from the row before, signed varint: nearly always 0 |
//! | 5 ino | difference from the row before, signed varint |
//! | 6 seconds of ctime | difference from the row before, signed varint |
//! | 7 nanoseconds of ctime | four bytes |
//! | 8 seconds of mtime | difference from those of ctime, signed varint |
//! | 9 nanoseconds of mtime | exclusive or with those of ctime, four bytes |
//! | 10 size, 11 links | varints |

use std::io::Read;

use types::FileTime;

use crate::index::{
    Counts, IndexError, RecordKind, Row, Stream, WriteError, put_nanos, put_signed, take_kind,
    take_nanos, take_signed,
};
use crate::varint;

/// One path as the walk met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapRecord {
    /// Relative to the DLE's root, as in [`crate::path`].
    pub path: Vec<u8>,
    /// What it is. Of a file with several names, [`RecordKind::HardLink`] are those that the archive knows as
    /// links to the one that has the contents. Never [`RecordKind::Gone`].
    pub kind: RecordKind,
    /// The file system.
    pub dev: u64,
    /// The inode.
    pub ino: u64,
    /// When the inode last changed; a time that no file has, 2^40 seconds before 1970, if that was too near to
    /// the moment of reading to be relied on, or the entry could not be archived.
    pub ctime: FileTime,
    /// When the contents last changed.
    pub mtime: FileTime,
    /// The length.
    pub size: u64,
    /// How many names the inode has.
    pub nlink: u64,
}

/// The row before.
#[derive(Default)]
pub(crate) struct Before {
    dev: u64,
    ino: u64,
    seconds: i64,
}

impl Row for SnapRecord {
    const WHAT: &'static str = "snapshot";
    const MAGIC: [u8; 8] = *b"RKsnaps\n";
    const COLUMNS: usize = 9;
    /// It is only ever read from front to back.
    const ROWS: usize = 512;
    type State = Before;

    fn path(&self) -> &[u8] {
        &self.path
    }

    fn count(&self, counts: &mut Counts) {
        match self.kind {
            RecordKind::Directory => counts.directories += 1,
            RecordKind::File => counts.bytes = counts.bytes.saturating_add(self.size),
            _ => {}
        }
    }

    fn put(&self, before: &mut Before, columns: &mut [Vec<u8>]) {
        let [kind, dev, ino, ctime, ctime_nanos, mtime, mtime_nanos, size, nlink] = columns else {
            return;
        };
        kind.push(self.kind as u8);
        put_signed(self.dev.wrapping_sub(before.dev).cast_signed(), dev);
        put_signed(self.ino.wrapping_sub(before.ino).cast_signed(), ino);
        put_signed(self.ctime.seconds.wrapping_sub(before.seconds), ctime);
        put_nanos(self.ctime.nanos, ctime_nanos);
        put_signed(self.mtime.seconds.wrapping_sub(self.ctime.seconds), mtime);
        put_nanos(self.mtime.nanos ^ self.ctime.nanos, mtime_nanos);
        varint::put(self.size, size);
        varint::put(self.nlink, nlink);
        *before = Before { dev: self.dev, ino: self.ino, seconds: self.ctime.seconds };
    }

    fn take(path: Vec<u8>, before: &mut Before, columns: &mut [&[u8]]) -> Option<Self> {
        let [kind, dev, ino, ctime, ctime_nanos, mtime, mtime_nanos, size, nlink] = columns else {
            return None;
        };
        let kind = take_kind(kind)?;
        let dev = before.dev.wrapping_add(take_signed(dev)?.cast_unsigned());
        let ino = before.ino.wrapping_add(take_signed(ino)?.cast_unsigned());
        let seconds = before.seconds.wrapping_add(take_signed(ctime)?);
        let ctime = FileTime { seconds, nanos: take_nanos(ctime_nanos)? };
        let seconds = seconds.wrapping_add(take_signed(mtime)?);
        let mtime = FileTime { seconds, nanos: take_nanos(mtime_nanos)? ^ ctime.nanos };
        let size = varint::take(size)?;
        let nlink = varint::take(nlink)?;
        *before = Before { dev, ino, seconds: ctime.seconds };
        Some(Self { path, kind, dev, ino, ctime, mtime, size, nlink })
    }
}

/// Makes a snapshot. The bytes that it hands out, one after the other, are the file.
pub struct Writer(crate::index::RowWriter<SnapRecord>);

impl Writer {
    /// A snapshot without records.
    pub fn new() -> Result<Self, WriteError> {
        crate::index::RowWriter::new().map(Self)
    }

    /// Takes the next record in walk order. Now and then it gives bytes that are finished.
    pub fn push(&mut self, record: &SnapRecord) -> Result<Option<Vec<u8>>, WriteError> {
        self.0.push(record)
    }

    /// The rest of the bytes. Without them it is no snapshot.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        self.0.finish()
    }
}

/// Reads a snapshot from front to back. What it gives is certain once it has ended without an error: an end
/// that is missing, or a byte that has changed anywhere, is an error at the latest then.
pub struct Reader<I>(Stream<SnapRecord, I>);

impl<I: Read> Reader<I> {
    /// Begins to read. The input need not be buffered.
    pub fn open(input: I) -> Result<Self, IndexError> {
        Stream::open(input).map(Self)
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }
}

impl<I: Read> Iterator for Reader<I> {
    type Item = Result<SnapRecord, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot_of(records: &[SnapRecord]) -> Vec<u8> {
        let mut writer = Writer::new().unwrap();
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend(writer.push(record).unwrap().unwrap_or_default());
        }
        bytes.extend(writer.finish().unwrap());
        bytes
    }

    fn record(number: u64) -> SnapRecord {
        SnapRecord {
            path: format!("dir{}/file{number:06}", number / 1000).into_bytes(),
            kind: RecordKind::File,
            dev: 0xfd01,
            ino: 1_000_000 + number * 3,
            ctime: FileTime {
                seconds: 1_795_000_000 + i64::try_from(number % 77).unwrap(),
                nanos: 5,
            },
            mtime: FileTime { seconds: -1, nanos: 999_999_999 },
            size: number,
            nlink: 1,
        }
    }

    #[test]
    fn a_snapshot_of_many_blocks_reads_back() {
        let records: Vec<_> = (0..2000).map(record).collect();
        let bytes = snapshot_of(&records);
        let mut reader = Reader::open(bytes.as_slice()).unwrap();
        let read: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, records);
        assert_eq!(reader.counts().entries, 2000);
    }

    #[test]
    fn every_flipped_byte_is_noticed_at_the_latest_at_the_end() {
        let bytes = snapshot_of(&(0..600).map(record).collect::<Vec<_>>());
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            let mut reader = Reader::open(bad.as_slice());
            assert!(reader.as_mut().map_or(true, |r| r.any(|row| row.is_err())), "byte {at}");
        }
    }

    #[test]
    fn a_snapshot_that_is_cut_off_is_not_one() {
        let bytes = snapshot_of(&(0..600).map(record).collect::<Vec<_>>());
        for len in 0..bytes.len() {
            let mut reader = Reader::open(&bytes[..len]);
            assert!(reader.as_mut().map_or(true, |r| r.any(|row| row.is_err())), "{len}");
        }
    }

    #[test]
    fn an_index_is_not_a_snapshot() {
        let index = crate::index::Writer::new().unwrap().finish().unwrap();
        assert!(matches!(Reader::open(index.as_slice()), Err(IndexError::Foreign { .. })));
    }

    fn any_time() -> impl Strategy<Value = FileTime> {
        (any::<i64>(), 0..1_000_000_000u32).prop_map(|(seconds, nanos)| FileTime { seconds, nanos })
    }

    proptest! {
        #[test]
        fn any_record_comes_back(
            (kind, dev, ino) in (0..7u8, any::<u64>(), any::<u64>()),
            (ctime, mtime) in (any_time(), any_time()),
            (size, nlink) in (any::<u64>(), any::<u64>()),
        ) {
            let kind = RecordKind::from_byte(kind).unwrap();
            let all = [b"a", b"b"].map(|path| SnapRecord {
                path: path.to_vec(), kind, dev, ino, ctime, mtime, size, nlink
            });
            let bytes = snapshot_of(&all);
            let read: Vec<_> =
                Reader::open(bytes.as_slice()).unwrap().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read, all);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert!(Reader::open(bytes.as_slice()).is_err());
        }
    }
}
