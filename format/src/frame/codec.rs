//! One frame, compressed and opened again.
//!
//! A reader never trusts a length: the frame's own idea of its contents must agree with what the caller was
//! told before a byte is allocated, and nothing above [`RAW_LARGEST`] is opened at all.

use zstd_safe::{CCtx, CParameter, DCtx, zstd_sys::ZSTD_ErrorCode};

use super::ZSTD_MAGIC;

/// The most that a frame may hold, in bytes. A bundle is at most twice the frame size and a bit.
pub const RAW_LARGEST: usize = 64 << 20;

/// Why a frame could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A zstd stream begins differently.
    #[error("these {0} bytes are not a zstd frame")]
    NotAFrame(usize),
    /// The bytes end before the frame does, or go on behind it, or its structure is broken.
    #[error("the {stored} stored bytes are not exactly one zstd frame")]
    NotOneFrame {
        /// How many there are.
        stored: usize,
    },
    /// Made by somebody else: ours have both.
    #[error("the frame does not say how long it is, or has no checksum")]
    Unchecked,
    /// The frame and the table do not agree.
    #[error("the frame says that it holds {said} bytes, and {expected} were expected")]
    Length {
        /// By the frame.
        said: u64,
        /// By the caller.
        expected: u32,
    },
    /// More than [`RAW_LARGEST`].
    #[error("the frame holds {0} bytes, and {RAW_LARGEST} are allowed")]
    TooLarge(u64),
    /// The checksum is wrong, or the compressed data are.
    #[error("zstd could not open the frame: {0}")]
    Damaged(&'static str),
    /// zstd ran out of memory, or was asked for a level that it does not have.
    #[error("zstd could not compress: {0}")]
    Compressor(&'static str),
}

/// Makes frames. Each worker keeps one, because the tables inside are large.
pub struct Encoder {
    context: CCtx<'static>,
}

impl Encoder {
    /// What dumps are compressed with unless the DLE says otherwise.
    pub const LEVEL: i32 = 3;

    /// An encoder for frames of this zstd level, 1 to 19 (and negative ones for speed).
    pub fn new(level: i32) -> Result<Self, FrameError> {
        let mut context = CCtx::try_create().ok_or(FrameError::Compressor("out of memory"))?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ChecksumFlag(true),
            CParameter::ContentSizeFlag(true),
        ] {
            context.set_parameter(parameter).map_err(could_not_compress)?;
        }
        Ok(Self { context })
    }

    /// Replaces what `out` holds by the frame of `raw`. The same bytes always give the same frame.
    pub fn encode(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        if raw.len() > RAW_LARGEST {
            return Err(FrameError::TooLarge(raw.len() as u64));
        }
        out.clear();
        out.reserve(zstd_safe::compress_bound(raw.len()));
        self.context.compress2(out, raw).map_err(could_not_compress)?;
        Ok(())
    }
}

fn could_not_compress(code: usize) -> FrameError {
    FrameError::Compressor(zstd_safe::get_error_name(code))
}

/// Opens frames, keeping its context from one to the next.
#[derive(Default)]
pub struct Decoder {
    context: DCtx<'static>,
}

impl Decoder {
    /// A decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces what `out` holds by the contents of the frame, which must be exactly `raw_len` bytes.
    pub fn decode(
        &mut self,
        stored: &[u8],
        raw_len: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let said = said_len(stored)?;
        if said != u64::from(raw_len) {
            return Err(FrameError::Length { said, expected: raw_len });
        }
        self.open(stored, said, out)
    }

    /// As [`Self::decode`], when no table says how long the contents are.
    pub fn decode_unknown(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let said = said_len(stored)?;
        self.open(stored, said, out)
    }

    fn open(&mut self, stored: &[u8], said: u64, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let len = usize::try_from(said).map_err(|_| FrameError::TooLarge(said))?;
        if len > RAW_LARGEST {
            return Err(FrameError::TooLarge(said));
        }
        // The contents end where the caller said, and only one frame is there to be opened: zstd would
        // otherwise go on with whatever follows.
        match zstd_safe::find_frame_compressed_size(stored) {
            Ok(whole) if whole == stored.len() => {}
            _ => return Err(FrameError::NotOneFrame { stored: stored.len() }),
        }
        out.clear();
        out.reserve(len);
        let opened = self.context.decompress(out, stored).map_err(damaged)?;
        if opened != len {
            return Err(FrameError::Damaged("fewer bytes than the frame said"));
        }
        Ok(())
    }
}

fn damaged(code: usize) -> FrameError {
    // With the length checked before, a full buffer means that the compressed data are wrong.
    if zstd_safe::is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall) {
        return FrameError::Damaged("more bytes than the frame said");
    }
    FrameError::Damaged(zstd_safe::get_error_name(code))
}

/// What the header of a frame says about the length of its contents.
pub(super) fn said_len(stored: &[u8]) -> Result<u64, FrameError> {
    if !stored.starts_with(&ZSTD_MAGIC) {
        return Err(FrameError::NotAFrame(stored.len()));
    }
    // Bit 2 of the descriptor: a checksum follows the last block.
    let checked = stored.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
    match zstd_safe::get_frame_content_size(stored) {
        Ok(Some(len)) if checked => Ok(len),
        Ok(_) => Err(FrameError::Unchecked),
        Err(_) => Err(FrameError::NotOneFrame { stored: stored.len() }),
    }
}

/// As [`Decoder::decode`], for one frame.
pub fn decode(stored: &[u8], raw_len: u32, out: &mut Vec<u8>) -> Result<(), FrameError> {
    Decoder::new().decode(stored, raw_len, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame_of(raw: &[u8]) -> Vec<u8> {
        let mut out = vec![1, 2, 3];
        Encoder::new(Encoder::LEVEL).unwrap().encode(raw, &mut out).unwrap();
        out
    }

    fn len(raw: &[u8]) -> u32 {
        u32::try_from(raw.len()).unwrap()
    }

    #[test]
    fn a_frame_opens_to_what_went_in_and_buffers_are_reused() {
        let mut encoder = Encoder::new(Encoder::LEVEL).unwrap();
        let mut decoder = Decoder::new();
        let (mut stored, mut raw) = (Vec::new(), Vec::new());
        for contents in [&b""[..], b"a", &[7; 300_000], b"shorter again"] {
            encoder.encode(contents, &mut stored).unwrap();
            decoder.decode(&stored, len(contents), &mut raw).unwrap();
            assert_eq!(raw, contents);
            decoder.decode_unknown(&stored, &mut raw).unwrap();
            assert_eq!(raw, contents);
        }
    }

    #[test]
    fn the_same_bytes_give_the_same_frame_whatever_came_before() {
        let block: Vec<u8> = (0..500_000u32).flat_map(|i| (i / 3).to_le_bytes()).collect();
        let mut used = Encoder::new(Encoder::LEVEL).unwrap();
        let mut out = Vec::new();
        for other in [&b"other"[..], &block[1..], &block[..9999]] {
            used.encode(other, &mut out).unwrap();
        }
        used.encode(&block, &mut out).unwrap();
        assert_eq!(out, frame_of(&block));
    }

    #[test]
    fn frames_in_a_row_are_not_one_frame() {
        let two = [frame_of(b"one"), frame_of(b"two")].concat();
        let mut out = Vec::new();
        assert!(matches!(decode(&two, 3, &mut out), Err(FrameError::NotOneFrame { .. })));
    }

    #[test]
    fn the_length_is_checked_before_anything_is_opened() {
        let stored = frame_of(&[0; 1000]);
        let mut out = Vec::new();
        let wrong = decode(&stored, 999, &mut out);
        assert!(matches!(wrong, Err(FrameError::Length { said: 1000, expected: 999 })));
        assert!(out.is_empty());
    }

    #[test]
    fn a_bomb_is_not_opened() {
        // A frame that claims 4 GiB - 1 in a single segment, then one empty last block.
        let mut bomb = ZSTD_MAGIC.to_vec();
        bomb.extend([0b1010_0100, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0]);
        let mut out = Vec::new();
        assert!(matches!(decode(&bomb, u32::MAX, &mut out), Err(FrameError::TooLarge(_))));
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn frames_without_a_checksum_or_a_length_are_refused() {
        let mut unchecked = Vec::with_capacity(100);
        zstd_safe::compress(&mut unchecked, b"contents", 3).unwrap();
        let mut out = Vec::new();
        assert!(matches!(decode(&unchecked, 8, &mut out), Err(FrameError::Unchecked)));
        assert!(matches!(decode(b"", 0, &mut out), Err(FrameError::NotAFrame(0))));
        assert!(matches!(decode(&[0; 64], 0, &mut out), Err(FrameError::NotAFrame(64))));
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_noticed(
            raw in proptest::collection::vec(0u8..4, 0..2000),
            at in any::<proptest::sample::Index>(),
            bit in 0u8..8,
        ) {
            let mut stored = frame_of(&raw);
            let at = at.index(stored.len());
            stored[at] ^= 1u8 << bit;
            let mut out = Vec::new();
            // Some bits of a frame mean nothing (reserved ones of the header); the contents must then be right.
            if decode(&stored, len(&raw), &mut out).is_ok() {
                prop_assert_eq!(out, raw);
            }
        }

        #[test]
        fn every_prefix_is_refused(raw in proptest::collection::vec(any::<u8>(), 0..600), cut in any::<proptest::sample::Index>()) {
            let stored = frame_of(&raw);
            let mut out = Vec::new();
            prop_assert!(decode(&stored[..cut.index(stored.len())], len(&raw), &mut out).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600), raw_len in any::<u32>()) {
            let mut out = Vec::new();
            let magic = [&ZSTD_MAGIC[..], &bytes].concat();
            prop_assert!(decode(&bytes, raw_len, &mut out).is_err());
            prop_assert!(decode(&magic, raw_len, &mut out).is_err());
            prop_assert!(Decoder::new().decode_unknown(&magic, &mut out).is_err());
        }
    }
}
