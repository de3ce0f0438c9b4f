//! The frame table: where each frame of an image lies, how long it is, and its SHA-256.
//!
//! Stored as zstd frames of up to [`GROUP`] rows each, column after column, so that alike stands with alike:
//!
//! ```text
//! count: varint │ kinds: a letter each │ stored lengths: varints │ raw lengths: varints │ SHA-256s: 32 bytes each
//! ```
//!
//! Frames lie end to end, so that offsets need not be stored.

use types::Digest;

use super::codec::{Decoder, Encoder, FrameError};
use super::split::{Next, SplitError, next_frame};
use crate::varint;

/// Rows in one zstd frame of the table: less than 3 MiB.
const GROUP: usize = 1 << 16;

/// The most frames that an image may have: 64 TiB at 4 MiB each.
pub const FRAMES_MOST: usize = 1 << 24;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A bundle of whole small entries.
    S,
    /// The header of one large entry.
    H,
    /// A whole block of that entry.
    B,
    /// Its last partial block, with padding.
    T,
    /// Members that describe a block differential.
    X,
    /// The list of what is gone.
    L,
    /// The end of the tar.
    Z,
    /// The contents: the last of an image, and the only one that is not in the table.
    C,
}

impl FrameKind {
    const ALL: [Self; 8] = [Self::S, Self::H, Self::B, Self::T, Self::X, Self::L, Self::Z, Self::C];

    /// The letter that stands for it in the table and on the wire.
    pub fn letter(self) -> u8 {
        match self {
            Self::S => b'S',
            Self::H => b'H',
            Self::B => b'B',
            Self::T => b'T',
            Self::X => b'X',
            Self::L => b'L',
            Self::Z => b'Z',
            Self::C => b'C',
        }
    }

    /// The kind that a letter stands for.
    pub fn from_letter(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }
}

/// One frame of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it holds.
    pub kind: FrameKind,
    /// Where in the image it begins.
    pub offset: u64,
    /// How many bytes are stored.
    pub stored: u32,
    /// How many bytes they open to.
    pub raw: u32,
    /// Of the stored bytes.
    pub sha256: Digest,
}

impl Frame {
    /// Where in the image it ends.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.stored)
    }
}

/// All frames of an image but the last, in order and end to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTable(Vec<Frame>);

/// Why some bytes are no frame table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A group is not to be found.
    #[error("could not find the next group of the frame table, at byte {at}")]
    Group {
        /// Where it should begin.
        at: usize,
        /// What stands there.
        #[source]
        source: SplitError,
    },
    /// A group does not open.
    #[error("could not open the group of the frame table at byte {at}")]
    Open {
        /// Where it begins.
        at: usize,
        /// Why not.
        #[source]
        source: FrameError,
    },
    /// The table ends in the middle of a group.
    #[error("the frame table is cut off at byte {0}")]
    CutOff(usize),
    /// The columns of a group do not fit each other.
    #[error("row {row} of the frame table is broken: {what}")]
    Row {
        /// The first row of the group.
        row: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// More than [`FRAMES_MOST`].
    #[error("the frame table has more than {FRAMES_MOST} frames: use a larger frame size")]
    TooMany,
}

impl FrameTable {
    /// A table without frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the frame that follows the last one.
    pub fn push(&mut self, kind: FrameKind, stored: u32, raw: u32, sha256: Digest) -> Frame {
        let frame = Frame { kind, offset: self.stored_len(), stored, raw, sha256 };
        self.0.push(frame);
        frame
    }

    /// The frames, first to last.
    pub fn frames(&self) -> &[Frame] {
        &self.0
    }

    /// The frame with this number, counted from 0.
    pub fn get(&self, number: u32) -> Option<&Frame> {
        self.0.get(number as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stored bytes of all frames: where in the image the contents frame begins.
    pub fn stored_len(&self) -> u64 {
        self.0.last().map_or(0, Frame::end)
    }

    /// The number of the frame that holds the byte at `offset` of the image.
    pub fn at(&self, offset: u64) -> Option<usize> {
        let number = self.0.partition_point(|frame| frame.end() <= offset);
        (number < self.0.len()).then_some(number)
    }

    /// The table as bytes.
    pub fn encode(&self) -> Result<Vec<u8>, TableError> {
        if self.0.len() > FRAMES_MOST {
            return Err(TableError::TooMany);
        }
        let open = |source| TableError::Open { at: 0, source };
        let mut encoder = Encoder::new(Encoder::LEVEL).map_err(open)?;
        let (mut table, mut raw, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for group in self.0.chunks(GROUP) {
            raw.clear();
            put_columns(group, &mut raw);
            encoder.encode(&raw, &mut stored).map_err(open)?;
            table.extend_from_slice(&stored);
        }
        Ok(table)
    }

    /// The table that these bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        let mut table = Self::new();
        let mut decoder = Decoder::new();
        let mut raw = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let stored = match next_frame(rest) {
                Ok(Next::Frame { stored, .. }) => stored,
                Ok(_) => return Err(TableError::CutOff(at)),
                Err(source) => return Err(TableError::Group { at, source }),
            };
            decoder
                .decode_unknown(&rest[..stored], &mut raw)
                .map_err(|source| TableError::Open { at, source })?;
            table.take_columns(&raw)?;
            at += stored;
        }
        Ok(table)
    }

    fn take_columns(&mut self, mut raw: &[u8]) -> Result<(), TableError> {
        let first = self.0.len();
        let broken = |what| TableError::Row { row: first, what };
        let raw = &mut raw;
        let count = varint::take(raw)
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| (1..=GROUP).contains(count))
            .ok_or(broken("a group has 1 to 65536 rows"))?;
        if first + count > FRAMES_MOST {
            return Err(TableError::TooMany);
        }
        let kinds = raw.split_off(..count).ok_or(broken("kinds are missing"))?;
        let stored = take_lengths(raw, count).ok_or(broken("bad stored length"))?;
        let raws = take_lengths(raw, count).ok_or(broken("bad raw length"))?;
        let (digests, rest) = raw.as_chunks::<32>();
        if digests.len() != count || !rest.is_empty() {
            return Err(broken("as many digests as rows are expected"));
        }
        for row in 0..count {
            let kind = FrameKind::from_letter(kinds[row]).ok_or(broken("unknown kind of frame"))?;
            self.push(kind, stored[row], raws[row], Digest(digests[row]));
        }
        Ok(())
    }
}

fn put_columns(group: &[Frame], raw: &mut Vec<u8>) {
    varint::put(group.len() as u64, raw);
    raw.extend(group.iter().map(|frame| frame.kind.letter()));
    group.iter().for_each(|frame| varint::put(u64::from(frame.stored), raw));
    group.iter().for_each(|frame| varint::put(u64::from(frame.raw), raw));
    group.iter().for_each(|frame| raw.extend_from_slice(&frame.sha256.0));
}

fn take_lengths(raw: &mut &[u8], count: usize) -> Option<Vec<u32>> {
    (0..count).map(|_| u32::try_from(varint::take(raw)?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::digest;
    use super::*;
    use proptest::prelude::*;

    fn table_of(count: u32) -> FrameTable {
        let mut table = FrameTable::new();
        for i in 0..count {
            let kind = FrameKind::ALL[i as usize % 7];
            table.push(kind, i * 77 % 5_000_000, i, digest(&i.to_le_bytes()));
        }
        table
    }

    #[test]
    fn tables_of_all_sizes_read_back() {
        for count in [0, 1, 2, 1000, 65_536, 65_537] {
            let table = table_of(count);
            let bytes = table.encode().unwrap();
            assert_eq!(FrameTable::decode(&bytes).unwrap(), table, "{count}");
        }
    }

    #[test]
    fn an_offset_leads_to_its_frame() {
        let mut table = FrameTable::new();
        for stored in [10, 20, 30] {
            table.push(FrameKind::S, stored, 100, digest(b""));
        }
        let cases = [(0, Some(0)), (9, Some(0)), (10, Some(1)), (59, Some(2)), (60, None)];
        for (offset, number) in cases {
            assert_eq!(table.at(offset), number, "{offset}");
        }
        assert_eq!(table.stored_len(), 60);
        assert_eq!(table.get(2).unwrap().offset, 30);
        assert_eq!(table.get(3), None);
    }

    #[test]
    fn letters_are_kinds_and_back() {
        for kind in FrameKind::ALL {
            assert_eq!(FrameKind::from_letter(kind.letter()), Some(kind));
        }
        assert_eq!(FrameKind::from_letter(b's'), None);
    }

    #[test]
    fn broken_columns_are_refused() {
        let mut good = Vec::new();
        put_columns(table_of(3).frames(), &mut good);
        assert!(FrameTable::new().take_columns(&good).is_ok());
        for cut in 0..good.len() {
            assert!(FrameTable::new().take_columns(&good[..cut]).is_err(), "{cut}");
        }
        let mut long = good.clone();
        long.push(0);
        assert!(FrameTable::new().take_columns(&long).is_err());
        good[1] = b'?';
        assert!(FrameTable::new().take_columns(&good).is_err());
        // A count that nothing stands behind must not be believed.
        let mut greedy = Vec::new();
        varint::put(u64::MAX, &mut greedy);
        assert!(FrameTable::new().take_columns(&greedy).is_err());
    }

    proptest! {
        #[test]
        fn flipped_bits_are_noticed(at in any::<proptest::sample::Index>(), bit in 0u8..8) {
            let table = table_of(50);
            let mut bytes = table.encode().unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            if let Ok(read) = FrameTable::decode(&bytes) {
                prop_assert_eq!(read, table);
            }
        }

        #[test]
        fn arbitrary_columns_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = Vec::new();
            Encoder::new(1).unwrap().encode(&raw, &mut bytes).unwrap();
            prop_assert!(FrameTable::decode(&raw).is_err() || raw.is_empty());
            drop(FrameTable::decode(&bytes));
        }
    }
}
