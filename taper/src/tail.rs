//! The end of an image, where it says what it is and which frames it has.
//!
//! The contents frame also holds the index, which may be large and which nobody needs who only wants frames;
//! so it is not read.

use format::contents::section_head;
use format::contents::{Identity, SECTION_HEAD_LEN, Section, TRAILER_LEN, Trailer, TrailerError};
use format::frame::{FrameTable, TableError, digest};
use types::{Bytes, Digest};

/// What an image says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Which dump it is.
    pub identity: Identity,
    /// Its frames, without the contents frame.
    pub frames: FrameTable,
    /// Where in the image the contents frame begins: it ends where the image ends.
    pub contents_at: Bytes,
    /// Where in the image the index is.
    pub index: IndexAt,
}

/// Where in an image the index is: a file of the catalogue, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexAt {
    /// Where it begins.
    pub offset: Bytes,
    /// How long it is.
    pub length: Bytes,
    /// What it hashes to.
    pub sha256: Digest,
}

/// The end of an image could not be understood.
#[derive(Debug, thiserror::Error)]
pub enum TailError<E: std::error::Error + 'static> {
    /// It could not be read at all.
    #[error(transparent)]
    Read(E),
    /// It does not end as an image ends.
    #[error("the image has no trailer")]
    Trailer(#[source] TrailerError),
    /// The lengths in it do not fit each other.
    #[error("the trailer does not fit the image: {0}")]
    Misfit(&'static str),
    /// A section is not the one that was written.
    #[error("the {0} section of the contents is damaged")]
    Damaged(Section),
    /// The table makes no sense.
    #[error("the frame table could not be read")]
    Table(#[source] TableError),
    /// The identity makes no sense.
    #[error("the identity could not be read")]
    Identity(#[source] serde_json::Error),
}

/// What has to be read for a table of the most frames there may be.
const LONGEST: u64 = 1 << 30;

/// Reads the end of an image of this length, by a function that fills a buffer from an offset on.
pub fn read<E: std::error::Error + 'static>(
    length: Bytes,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
) -> Result<Tail, TailError<E>> {
    let Some(trailer_at) = length.0.checked_sub(TRAILER_LEN as u64) else {
        return Err(TailError::Trailer(TrailerError::Short(0)));
    };
    let mut bytes = [0; TRAILER_LEN];
    read(trailer_at, &mut bytes).map_err(TailError::Read)?;
    let trailer = Trailer::decode(&bytes).map_err(TailError::Trailer)?;
    if trailer.contents_at.checked_add(trailer.contents_len) != Some(length.0) {
        return Err(TailError::Misfit("the contents do not end where the image ends"));
    }
    let [identity_at, frames_at, index_at] =
        [trailer.identity_at, trailer.frames_at, trailer.index_at].map(u64::from);
    let ordered = identity_at <= frames_at && frames_at <= index_at;
    if !ordered || index_at > trailer.contents_len || index_at - identity_at > LONGEST {
        return Err(TailError::Misfit("its sections do not lie in order"));
    }
    let mut load = |section, from, to: u64| {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
        read(trailer.contents_at + from, &mut bytes).map_err(TailError::Read)?;
        check(bytes, section).ok_or(TailError::Damaged(section))
    };
    let identity = load(Section::Identity, identity_at, frames_at)?;
    let identity: Identity = serde_json::from_slice(&identity).map_err(TailError::Identity)?;
    let frames = load(Section::Frames, frames_at, index_at)?;
    let frames = FrameTable::decode(&frames).map_err(TailError::Table)?;
    if frames.stored_len() != trailer.contents_at {
        return Err(TailError::Misfit("the frames do not end where the contents begin"));
    }
    if identity.dump != trailer.dump {
        return Err(TailError::Misfit("its identity is another dump's"));
    }
    let mut head = [0; SECTION_HEAD_LEN];
    read(trailer.contents_at + index_at, &mut head).map_err(TailError::Read)?;
    let (length, sha256) =
        section_head(&head, Section::Index).ok_or(TailError::Damaged(Section::Index))?;
    let from = index_at + SECTION_HEAD_LEN as u64;
    let to = trailer.contents_len.saturating_sub(TRAILER_LEN as u64);
    if from.checked_add(length) != Some(to) {
        return Err(TailError::Misfit("the index does not end before the trailer"));
    }
    let offset = Bytes(trailer.contents_at + from);
    let index = IndexAt { offset, length: Bytes(length), sha256 };
    Ok(Tail { identity, frames, contents_at: Bytes(trailer.contents_at), index })
}

/// What a section holds, if its head and its hash are right.
fn check(mut section: Vec<u8>, kind: Section) -> Option<Vec<u8>> {
    let (length, sha256) = section_head(&section, kind)?;
    let data = section.get(SECTION_HEAD_LEN..)?;
    if data.len() as u64 != length || digest(data) != sha256 {
        return None;
    }
    section.drain(..SECTION_HEAD_LEN);
    Some(section)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::rig::MadeUp;

    fn read_from(bytes: &[u8]) -> Result<Tail, TailError<io::Error>> {
        read(Bytes::of(bytes.len()), |offset, buffer| {
            let from = usize::try_from(offset).map_err(io::Error::other)?;
            let found = from.checked_add(buffer.len()).and_then(|end| bytes.get(from..end));
            buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    #[test]
    fn an_image_says_what_it_is() {
        let image = MadeUp::new(1, &[10, 2000, 0]);
        let tail = read_from(&image.bytes).unwrap();
        assert_eq!(tail.frames, image.frames);
        assert_eq!(tail.identity.dump, image.dump);
        assert_eq!(tail.contents_at, Bytes(image.frames.stored_len()));
        let from = usize::try_from(tail.index.offset.0).unwrap();
        assert_eq!(&image.bytes[from..][..5], b"index");
        assert_eq!((tail.index.length, tail.index.sha256), (Bytes(5), digest(b"index")));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_gives_another_table() {
        let image = MadeUp::new(1, &[10, 2000, 0]);
        let from = usize::try_from(image.frames.stored_len()).unwrap();
        for at in 0..image.bytes.len() {
            assert!(read_from(&image.bytes[..at]).is_err(), "first {at} bytes");
        }
        for at in from..image.bytes.len() {
            let mut bad = image.bytes.clone();
            bad[at] ^= 4;
            // The index is not looked at here.
            if let Ok(tail) = read_from(&bad) {
                assert_eq!(tail.frames, image.frames, "byte {at}");
            }
        }
    }
}
