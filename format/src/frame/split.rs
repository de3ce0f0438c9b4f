//! Frame boundaries without a table: for images whose contents frame is lost.
//!
//! [`next_frame`] takes one frame off the front of some bytes, by walking its block headers. After damage,
//! [`resync`] finds where the next frame may begin; whether it really does is known when it opens, because
//! every frame has a checksum.

use zstd_safe::zstd_sys::ZSTD_ErrorCode;

use super::ZSTD_MAGIC;
use super::codec::{RAW_LARGEST, said_len};

/// What stands at the front of some stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A whole zstd frame.
    Frame {
        /// How many stored bytes it has.
        stored: usize,
        /// How many it says it holds.
        raw: u64,
    },
    /// A skippable frame: a filler, or the contents. Not all of it need be there.
    Skippable {
        /// Which of the sixteen kinds: 0 for fillers, 13 for the contents.
        variant: u8,
        /// How many stored bytes it has.
        stored: u64,
    },
    /// Too few bytes to tell. At the end of an image this means that it is cut off.
    More,
}

/// Why no frame begins here.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// Neither magic number.
    #[error("no zstd frame begins with the bytes {0:02x?}")]
    NotAFrame([u8; 4]),
    /// A magic number, and then nothing that makes sense.
    #[error("a zstd frame begins here, and its structure is broken")]
    Broken,
    /// More than a frame of ours ever has.
    #[error("a zstd frame begins here that has more than {0} bytes")]
    TooLong(usize),
}

/// What the frame at the front of `bytes` is, and where it ends.
pub fn next_frame(bytes: &[u8]) -> Result<Next, SplitError> {
    let Some(magic) = bytes.first_chunk::<4>() else { return Ok(Next::More) };
    if let Some(variant) = skippable_variant(*magic) {
        let Some(length) = bytes[4..].first_chunk::<4>() else { return Ok(Next::More) };
        let stored = u64::from(u32::from_le_bytes(*length)) + 8;
        return Ok(Next::Skippable { variant, stored });
    }
    if *magic != ZSTD_MAGIC {
        return Err(SplitError::NotAFrame(*magic));
    }
    let longest = zstd_safe::compress_bound(RAW_LARGEST);
    match zstd_safe::find_frame_compressed_size(bytes) {
        Ok(stored) if stored > longest => Err(SplitError::TooLong(longest)),
        Ok(stored) => {
            let raw = said_len(&bytes[..stored]).map_err(|_| SplitError::Broken)?;
            Ok(Next::Frame { stored, raw })
        }
        Err(code) if !zstd_safe::is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_srcSize_wrong) => {
            Err(SplitError::Broken)
        }
        Err(_) if bytes.len() > longest => Err(SplitError::TooLong(longest)),
        Err(_) => Ok(Next::More),
    }
}

fn skippable_variant(magic: [u8; 4]) -> Option<u8> {
    let [low, rest @ ..] = magic;
    (low & 0xf0 == 0x50 && rest == [0x2a, 0x4d, 0x18]).then_some(low & 0x0f)
}

/// Where, at `from` or later, the next frame may begin. The last three bytes cannot tell; look at them again
/// with what follows.
pub fn resync(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(4).position(begins_a_frame).map(|at| from + at)
}

fn begins_a_frame(magic: &[u8]) -> bool {
    <[u8; 4]>::try_from(magic).is_ok_and(|m| m == ZSTD_MAGIC || skippable_variant(m).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::{Encoder, filler};
    use super::*;
    use proptest::prelude::*;

    fn frame_of(raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::new(1).unwrap().encode(raw, &mut out).unwrap();
        out
    }

    #[test]
    fn an_image_falls_apart_into_its_frames() {
        let pieces = [frame_of(b"first"), frame_of(&[9; 70_000]), filler(40), frame_of(b"")];
        let image = pieces.concat();
        let mut at = 0;
        for piece in &pieces {
            let len = match next_frame(&image[at..]).unwrap() {
                Next::Frame { stored, .. } => stored,
                Next::Skippable { variant: 0, stored } => usize::try_from(stored).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(len, piece.len());
            at += len;
        }
        assert_eq!(next_frame(&image[at..]).unwrap(), Next::More);
    }

    #[test]
    fn a_cut_frame_wants_more() {
        let frame = frame_of(b"some contents, not many");
        for cut in 0..frame.len() {
            assert_eq!(next_frame(&frame[..cut]).unwrap(), Next::More, "{cut}");
        }
    }

    #[test]
    fn after_damage_the_next_frame_is_found() {
        let image = [&b"garbage("[..], &frame_of(b"good")].concat();
        assert!(matches!(next_frame(&image), Err(SplitError::NotAFrame(_))));
        assert_eq!(resync(&image, 0), Some(8));
        assert_eq!(resync(&image, 9), None);
        assert_eq!(resync(&image, 10_000), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for magic in [&ZSTD_MAGIC[..], b""] {
                let bytes = [magic, &bytes].concat();
                if let Ok(Next::Frame { stored, .. }) = next_frame(&bytes) {
                    prop_assert!(stored <= bytes.len());
                }
            }
        }
    }
}
