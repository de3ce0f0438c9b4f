//! Frames: the checked units that an image is made of.
//!
//! Each frame is one independent zstd frame that says how long its contents are and ends with a checksum of
//! them. Its SHA-256 is taken over the *stored* bytes, so that whoever holds a frame can verify it without
//! opening it. Frames put end to end are one valid zstd stream.
//!
//! Between parts on tape stand *fillers*: zstd skippable frames that make the last block of a part full.
//!
//! ```text
//! 50 2A 4D 18 │ length of what follows, u32 │ zeros … │ length of the whole filler, u64
//! ```
//!
//! The last eight bytes let a reader that stands at the end of a part step back over the filler. All numbers
//! are little endian.

mod codec;
mod filler;
mod split;
mod table;

use sha2::{Digest as _, Sha256};
use types::Digest;

pub use codec::{Decoder, Encoder, FrameError, RAW_LARGEST, decode};
pub use filler::{FILLER_SHORTEST, filler, filler_before, filler_len};
pub use split::{Next, SplitError, next_frame, resync};
pub use table::{FRAMES_MOST, Frame, FrameKind, FrameTable, TableError};

/// The first four bytes of a zstd frame.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The SHA-256 of stored bytes.
pub fn digest(stored: &[u8]) -> Digest {
    Digest(Sha256::digest(stored).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc").to_string(), abc);
    }
}
