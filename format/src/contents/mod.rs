//! The contents: the last frame of an image, which says what all the others are.
//!
//! It is a zstd skippable frame, so that `zstd -dc | tar -x` never sees it. A reader that stands at the end of
//! the image finds its trailer there, and from that the rest.
//!
//! ```text
//!  0 │ 5D 2A 4D 18 │ length of what follows, u32 │
//!  8 │ identity   head │ JSON                    │  which dump of what, made when and by what
//!    │ frames     head │ the frame table         │  as in `frame::FrameTable`
//!    │ index      head │ the index file          │  as in `index`, byte for byte
//!    │ trailer                                   │  64 bytes
//! ```
//!
//! Each section has a head of 48 bytes: its name in eight, its length in eight, the SHA-256 of what follows in
//! 32. All numbers are little endian. A contents frame is less than 4 GiB long.

mod identity;
mod trailer;

use types::Digest;

pub use identity::Identity;
pub use trailer::{End, Section, TRAILER_LEN, Trailer, TrailerError, find};

use crate::frame::{FrameTable, TableError, digest};

/// The version that is written.
pub const VERSION: u16 = 1;

/// Before each section: name, length, SHA-256.
pub const SECTION_HEAD_LEN: usize = 48;

/// Skippable frame 13.
pub(crate) const MAGIC: [u8; 4] = 0x184D_2A5D_u32.to_le_bytes();

/// Magic and length of the skippable frame.
const FRAME_HEAD_LEN: usize = 8;

/// An identity takes a few hundred bytes.
const IDENTITY_LONGEST: usize = 1 << 20;

/// All that an image says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Which dump it is.
    pub identity: Identity,
    /// The frames before this one.
    pub frames: FrameTable,
    /// The index file.
    pub index: Vec<u8>,
}

/// As [`Contents`], with the index left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Which dump it is.
    pub identity: Identity,
    /// The frames before this one.
    pub frames: FrameTable,
    /// The index file.
    pub index: &'a [u8],
}

/// What stands before and behind the index in a contents frame, for an index too large to hold in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// Up to the first byte of the index.
    pub before: Vec<u8>,
    /// From behind its last byte.
    pub behind: Vec<u8>,
}

/// Why contents cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The trailer is no trailer.
    #[error("could not read the trailer of the contents")]
    Trailer(#[source] TrailerError),
    /// The frame around the sections is not the one that the trailer belongs to.
    #[error("the contents frame is broken: {0}")]
    Frame(&'static str),
    /// A section is not where the trailer says, or is cut off.
    #[error("the {0} section of the contents is not where the trailer says")]
    Misplaced(Section),
    /// The bytes are not those that were written.
    #[error("the {0} section of the contents is damaged: its SHA-256 is wrong")]
    Damaged(Section),
    /// It says something else than an identity.
    #[error("could not understand the identity in the contents")]
    Identity(#[source] serde_json::Error),
    /// The table of frames.
    #[error("could not read or write the frame table in the contents")]
    Table(#[source] TableError),
    /// More than a skippable frame can hold.
    #[error("the contents take {0} bytes, and less than 4 GiB are allowed: dump the DLE in pieces")]
    TooLong(u64),
}

/// The contents frame.
pub fn encode(contents: &Contents) -> Result<Vec<u8>, ContentsError> {
    let index = &contents.index;
    let around =
        encode_around(&contents.identity, &contents.frames, index.len() as u64, digest(index))?;
    let mut frame = around.before;
    frame.reserve(index.len() + around.behind.len());
    frame.extend_from_slice(index);
    frame.extend_from_slice(&around.behind);
    Ok(frame)
}

/// What to write before and behind an index of this length and SHA-256.
pub fn encode_around(
    identity: &Identity,
    frames: &FrameTable,
    index_len: u64,
    index_sha256: Digest,
) -> Result<Around, ContentsError> {
    let identity_json = serde_json::to_vec(identity).map_err(ContentsError::Identity)?;
    let table = frames.encode().map_err(ContentsError::Table)?;

    let mut before = Vec::with_capacity(1024 + identity_json.len() + table.len());
    before.extend_from_slice(&MAGIC);
    before.extend_from_slice(&[0; 4]);
    let identity_at = before.len() as u64;
    put_head(Section::Identity, identity_json.len() as u64, digest(&identity_json), &mut before);
    before.extend_from_slice(&identity_json);
    let frames_at = before.len() as u64;
    put_head(Section::Frames, table.len() as u64, digest(&table), &mut before);
    before.extend_from_slice(&table);
    let index_at = before.len() as u64;
    put_head(Section::Index, index_len, index_sha256, &mut before);

    let contents_len =
        (before.len() as u64).saturating_add(index_len).saturating_add(TRAILER_LEN as u64);
    let too_long = |_| ContentsError::TooLong(contents_len);
    let follows = u32::try_from(contents_len - FRAME_HEAD_LEN as u64).map_err(too_long)?;
    before[4..FRAME_HEAD_LEN].copy_from_slice(&follows.to_le_bytes());
    let [identity_at, frames_at, index_at] =
        [identity_at, frames_at, index_at].map(|at| u32::try_from(at).map_err(too_long));
    let trailer = Trailer {
        version: VERSION,
        identity_at: identity_at?,
        frames_at: frames_at?,
        index_at: index_at?,
        contents_len,
        contents_at: frames.stored_len(),
        dump: identity.dump,
    };
    Ok(Around { before, behind: trailer.encode().to_vec() })
}

/// The contents that this frame holds.
pub fn decode(frame: &[u8]) -> Result<Contents, ContentsError> {
    let View { identity, frames, index } = view(frame)?;
    Ok(Contents { identity, frames, index: index.to_vec() })
}

/// The contents that this frame holds, with every checksum verified.
pub fn view(frame: &[u8]) -> Result<View<'_>, ContentsError> {
    let trailer = trailer_of(frame)?;
    let body = &frame[..frame.len() - TRAILER_LEN];
    let identity = section(body, Section::Identity, trailer.identity_at, trailer.frames_at.into())?;
    let table = section(body, Section::Frames, trailer.frames_at, trailer.index_at.into())?;
    let index = section(body, Section::Index, trailer.index_at, body.len() as u64)?;

    if identity.len() > IDENTITY_LONGEST {
        return Err(ContentsError::Frame("the identity is longer than 1 MiB"));
    }
    let identity: Identity = serde_json::from_slice(identity).map_err(ContentsError::Identity)?;
    let frames = FrameTable::decode(table).map_err(ContentsError::Table)?;
    if identity.dump != trailer.dump {
        return Err(ContentsError::Frame("identity and trailer name different dumps"));
    }
    if frames.stored_len() != trailer.contents_at {
        return Err(ContentsError::Frame("the frames of the table do not end where it begins"));
    }
    Ok(View { identity, frames, index })
}

/// The trailer of a whole contents frame, if the frame is one.
fn trailer_of(frame: &[u8]) -> Result<Trailer, ContentsError> {
    let trailer = Trailer::decode(frame).map_err(ContentsError::Trailer)?;
    if trailer.contents_len != frame.len() as u64 {
        return Err(ContentsError::Frame("it does not have the length that its trailer says"));
    }
    let follows = u32::try_from(frame.len() - FRAME_HEAD_LEN).unwrap_or(0).to_le_bytes();
    if frame[..4] != MAGIC || frame[4..FRAME_HEAD_LEN] != follows {
        return Err(ContentsError::Frame("it does not begin as a skippable frame of its length"));
    }
    if trailer.identity_at as usize != FRAME_HEAD_LEN {
        return Err(ContentsError::Misplaced(Section::Identity));
    }
    Ok(trailer)
}

/// What a section holds that begins at `at` and ends at `end`.
fn section(body: &[u8], section: Section, at: u32, end: u64) -> Result<&[u8], ContentsError> {
    let misplaced = ContentsError::Misplaced(section);
    let Some(end) = usize::try_from(end).ok().filter(|&end| end <= body.len()) else {
        return Err(misplaced);
    };
    let Some((head, data)) =
        body.get(at as usize..end).and_then(|whole| whole.split_at_checked(SECTION_HEAD_LEN))
    else {
        return Err(misplaced);
    };
    match section_head(head, section) {
        Some((len, _)) if len != data.len() as u64 => Err(misplaced),
        Some((_, sha256)) if sha256 != digest(data) => Err(ContentsError::Damaged(section)),
        Some(_) => Ok(data),
        None => Err(misplaced),
    }
}

fn put_head(section: Section, len: u64, sha256: Digest, out: &mut Vec<u8>) {
    out.extend_from_slice(&section.tag());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&sha256.0);
}

/// The length and the SHA-256 of what follows the head of a section, for whoever reads it from a file.
pub fn section_head(head: &[u8], section: Section) -> Option<(u64, Digest)> {
    let rest = head.strip_prefix(&section.tag())?;
    let (len, rest) = rest.split_first_chunk::<8>()?;
    let sha256 = rest.first_chunk::<32>()?;
    Some((u64::from_le_bytes(*len), Digest(*sha256)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameKind;
    use proptest::prelude::*;

    fn contents() -> Contents {
        let mut frames = FrameTable::new();
        for (kind, stored) in [(FrameKind::S, 1000), (FrameKind::L, 77), (FrameKind::Z, 20)] {
            frames.push(kind, stored, 4096, digest(&[0]));
        }
        Contents { identity: identity::sample(), frames, index: b"the index".to_vec() }
    }

    #[test]
    fn contents_read_back() {
        let contents = contents();
        let frame = encode(&contents).unwrap();
        assert_eq!(decode(&frame).unwrap(), contents);
        assert_eq!(view(&frame).unwrap().index, b"the index");
        assert_eq!(zstd_safe::find_frame_compressed_size(&frame).unwrap(), frame.len());
    }

    #[test]
    fn an_index_on_disk_is_written_between_the_two_pieces() {
        let contents = contents();
        let around = encode_around(
            &contents.identity,
            &contents.frames,
            contents.index.len() as u64,
            digest(&contents.index),
        )
        .unwrap();
        let whole = [around.before, contents.index.clone(), around.behind].concat();
        assert_eq!(whole, encode(&contents).unwrap());

        let trailer = Trailer::decode(&whole).unwrap();
        let (len, sha256) =
            section_head(&whole[trailer.index_at as usize..], Section::Index).unwrap();
        assert_eq!((len, sha256), (9, digest(b"the index")));
    }

    #[test]
    fn an_index_of_4_gib_is_refused() {
        let Contents { identity, frames, .. } = contents();
        for len in [u64::from(u32::MAX), u64::MAX] {
            let refused = encode_around(&identity, &frames, len, digest(b""));
            assert!(matches!(refused, Err(ContentsError::TooLong(_))));
        }
    }

    #[test]
    fn the_frames_must_end_where_the_contents_begin() {
        let whole = encode(&contents()).unwrap();
        let (body, trailer) = whole.split_at(whole.len() - TRAILER_LEN);
        let mut trailer = Trailer::decode(trailer).unwrap();
        trailer.contents_at += 1;
        let wrong = [body, &trailer.encode()].concat();
        assert!(matches!(decode(&wrong), Err(ContentsError::Frame(_))));
    }

    #[test]
    fn no_flipped_bit_and_no_prefix_goes_unnoticed() {
        let whole = encode(&contents()).unwrap();
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 0x10;
            assert!(decode(&bad).is_err(), "byte {at}");
            assert!(decode(&whole[..at]).is_err(), "first {at}");
            assert!(decode(&whole[whole.len() - at..]).is_err(), "last {at}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_sections_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            at in proptest::collection::vec(0u32..400, 3),
            len in 0u64..400,
        ) {
            let trailer = Trailer {
                version: VERSION,
                identity_at: at[0],
                frames_at: at[1],
                index_at: at[2],
                contents_len: len,
                contents_at: 0,
                dump: identity::sample().dump,
            };
            let frame = [&bytes[..], &trailer.encode()].concat();
            prop_assert!(decode(&bytes).is_err());
            prop_assert!(decode(&frame).is_err());
            let trailer = Trailer { contents_len: frame.len() as u64, identity_at: 8, ..trailer };
            let follows = u32::try_from(bytes.len() + TRAILER_LEN).unwrap().to_le_bytes();
            let frame = [&MAGIC[..], &follows, &bytes, &trailer.encode()].concat();
            let trailer = Trailer { contents_len: frame.len() as u64, ..trailer };
            let frame = [&frame[..frame.len() - TRAILER_LEN], &trailer.encode()].concat();
            prop_assert!(decode(&frame).is_err());
        }
    }
}
