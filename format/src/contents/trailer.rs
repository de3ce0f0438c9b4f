//! The last 64 bytes of an image, and how to find them.
//!
//! ```text
//!  0  "REELKEEP"
//!  8  version, u16         10  zero, u16
//! 12  where the head of the identity section begins in the contents frame, u32
//! 16  … of the frames section, u32
//! 20  … of the index section, u32
//! 24  length of the whole contents frame, u64
//! 32  where in the image the contents frame begins, u64
//! 40  dump id, 16 bytes
//! 56  zero, u32
//! 60  CRC-32C of all before, u32
//! ```

use std::fmt;

use types::DumpId;

use super::VERSION;
use crate::frame::{FILLER_SHORTEST, filler_before};

/// How long a trailer is.
pub const TRAILER_LEN: usize = 64;

const MAGIC: [u8; 8] = *b"REELKEEP";

/// A filler takes less than two of the largest blocks.
const FILLER_LONGEST: usize = 16 << 20;

/// A section of the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Which dump it is.
    Identity,
    /// The table of frames.
    Frames,
    /// The index file.
    Index,
}

impl Section {
    /// What its head begins with.
    pub(super) fn tag(self) -> [u8; 8] {
        *match self {
            Self::Identity => b"identity",
            Self::Frames => b"frames\0\0",
            Self::Index => b"index\0\0\0",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity",
            Self::Frames => "frames",
            Self::Index => "index",
        })
    }
}

/// Where everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Of the contents.
    pub version: u16,
    /// Where in the contents frame the head of the identity section begins.
    pub identity_at: u32,
    /// Where in the contents frame the head of the frames section begins.
    pub frames_at: u32,
    /// Where in the contents frame the head of the index section begins.
    pub index_at: u32,
    /// How long the whole contents frame is.
    pub contents_len: u64,
    /// Where in the image it begins.
    pub contents_at: u64,
    /// Whose contents they are.
    pub dump: DumpId,
}

/// Why some bytes do not end with a trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// Too few.
    #[error("a trailer has {TRAILER_LEN} bytes, and there are {0}")]
    Short(usize),
    /// Something else.
    #[error("no image of ours ends here")]
    NotOurs,
    /// A trailer with a wrong checksum.
    #[error("the trailer is damaged: its checksum is wrong")]
    Damaged,
    /// Written by a later program.
    #[error(
        "the image has contents of version {0}, and this program knows {VERSION}: use a newer one"
    )]
    Newer(u16),
}

impl Trailer {
    /// The trailer as bytes.
    pub fn encode(&self) -> [u8; TRAILER_LEN] {
        let mut bytes = [0; TRAILER_LEN];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(8, &self.version.to_le_bytes());
        put(12, &self.identity_at.to_le_bytes());
        put(16, &self.frames_at.to_le_bytes());
        put(20, &self.index_at.to_le_bytes());
        put(24, &self.contents_len.to_le_bytes());
        put(32, &self.contents_at.to_le_bytes());
        put(40, &self.dump.0);
        let sum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The trailer that `bytes` end with.
    pub fn decode(bytes: &[u8]) -> Result<Self, TrailerError> {
        let Some((_, last)) = bytes.split_last_chunk::<TRAILER_LEN>() else {
            return Err(TrailerError::Short(bytes.len()));
        };
        if last[..8] != MAGIC {
            return Err(TrailerError::NotOurs);
        }
        if crc32c::crc32c(&last[..60]).to_le_bytes() != last[60..] {
            return Err(TrailerError::Damaged);
        }
        let version = u16::from_le_bytes(array(last, 8));
        if version != VERSION {
            return Err(TrailerError::Newer(version));
        }
        let number = |at| u32::from_le_bytes(array(last, at));
        Ok(Self {
            version,
            identity_at: number(12),
            frames_at: number(16),
            index_at: number(20),
            contents_len: u64::from_le_bytes(array(last, 24)),
            contents_at: u64::from_le_bytes(array(last, 32)),
            dump: DumpId(array(last, 40)),
        })
    }
}

fn array<const N: usize>(bytes: &[u8; TRAILER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// What the end of an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The contents end here.
    Here {
        /// Where everything is.
        trailer: Trailer,
        /// Bytes of filler behind the contents.
        behind: usize,
    },
    /// Look again with at least so many of the last bytes.
    ReadMore(usize),
}

/// Looks for the contents in the last bytes of an image, or of a part: a filler may follow them.
pub fn find(end: &[u8]) -> Result<End, TrailerError> {
    if end.len() < TRAILER_LEN {
        return Ok(End::ReadMore(TRAILER_LEN));
    }
    match Trailer::decode(end) {
        Ok(trailer) => return Ok(End::Here { trailer, behind: 0 }),
        Err(TrailerError::NotOurs) => {}
        Err(other) => return Err(other),
    }
    let behind = filler_said(end).ok_or(TrailerError::NotOurs)?;
    if end.len() < behind + TRAILER_LEN {
        return Ok(End::ReadMore(behind + TRAILER_LEN));
    }
    if filler_before(end) != Some(behind) {
        return Err(TrailerError::NotOurs);
    }
    let trailer = Trailer::decode(&end[..end.len() - behind])?;
    Ok(End::Here { trailer, behind })
}

/// How long a filler would be that ends here.
fn filler_said(end: &[u8]) -> Option<usize> {
    let len = usize::try_from(u64::from_le_bytes(*end.last_chunk()?)).ok()?;
    (FILLER_SHORTEST..=FILLER_LONGEST).contains(&len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::filler;
    use proptest::prelude::*;

    fn trailer() -> Trailer {
        Trailer {
            version: VERSION,
            identity_at: 8,
            frames_at: 500,
            index_at: 1000,
            contents_len: 5000,
            contents_at: 1 << 40,
            dump: DumpId::new(1, [2; 10]),
        }
    }

    #[test]
    fn a_trailer_reads_back_from_the_end_of_anything() {
        let image = [&b"frames"[..], &trailer().encode()].concat();
        assert_eq!(Trailer::decode(&image), Ok(trailer()));
        assert_eq!(find(&image), Ok(End::Here { trailer: trailer(), behind: 0 }));
    }

    #[test]
    fn the_contents_are_found_before_a_filler() {
        let part = [&trailer().encode()[..], &filler(1000)].concat();
        assert_eq!(find(&part), Ok(End::Here { trailer: trailer(), behind: 1000 }));
        assert_eq!(find(&part[900..]), Ok(End::ReadMore(1064)));
        assert_eq!(find(&part[1060..]), Ok(End::ReadMore(64)));
    }

    #[test]
    fn damage_is_told_from_foreign_bytes_and_from_newer_ones() {
        let good = trailer().encode();
        for at in 0..TRAILER_LEN {
            let mut bad = good;
            bad[at] ^= 1;
            let expected = if at < 8 { TrailerError::NotOurs } else { TrailerError::Damaged };
            assert_eq!(Trailer::decode(&bad), Err(expected), "byte {at}");
        }
        let newer = Trailer { version: 2, ..trailer() }.encode();
        assert_eq!(find(&newer), Err(TrailerError::Newer(2)));
        assert_eq!(find(&[0; 200]), Err(TrailerError::NotOurs));
        assert_eq!(find(&filler(500)), Ok(End::ReadMore(564)));
        assert_eq!(find(&[vec![1; 100], filler(500)].concat()), Err(TrailerError::NotOurs));
    }

    proptest! {
        #[test]
        fn arbitrary_ends_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), len in 0u64..300) {
            let seen = find(&bytes);
            prop_assert!(!matches!(seen, Ok(End::Here { .. })), "{:?}", seen);
            let end = [&bytes[..], &len.to_le_bytes()].concat();
            let seen = find(&end);
            prop_assert!(!matches!(seen, Ok(End::Here { .. })), "{:?}", seen);
        }
    }
}
