//! Fillers: zstd skippable frames of zeros that say at their end how long they are.

/// Skippable frame 0.
pub(crate) const MAGIC: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// Magic, length, and the length once more.
pub const FILLER_SHORTEST: usize = 16;

/// How long a filler must be for `used` bytes and it to fill whole blocks: nothing if they already do. A gap
/// too short for a filler takes one more block.
pub fn filler_len(used: u64, block: usize) -> usize {
    let over = usize::try_from(used % block as u64).unwrap_or(0);
    match block - over {
        _ if over == 0 => 0,
        gap if gap < FILLER_SHORTEST => gap + block,
        gap => gap,
    }
}

/// A filler of exactly `len` bytes.
///
/// # Panics
///
/// If `len` is less than [`FILLER_SHORTEST`] or more than 4 GiB: see [`filler_len`].
pub fn filler(len: usize) -> Vec<u8> {
    assert!(len >= FILLER_SHORTEST, "a filler has at least {FILLER_SHORTEST} bytes, not {len}");
    let follows = u32::try_from(len - 8).expect("a filler is less than 4 GiB long");
    let mut bytes = vec![0; len];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..8].copy_from_slice(&follows.to_le_bytes());
    bytes[len - 8..].copy_from_slice(&(len as u64).to_le_bytes());
    bytes
}

/// The length of the filler at the end of `end_of_part`, which must hold the whole of it: if there is any, it
/// is at most two blocks long.
pub fn filler_before(end_of_part: &[u8]) -> Option<usize> {
    let (_, last) = end_of_part.split_last_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*last)).ok()?;
    if len < FILLER_SHORTEST {
        return None;
    }
    let filler = &end_of_part[end_of_part.len().checked_sub(len)?..];
    let follows = u32::try_from(len - 8).ok()?.to_le_bytes();
    let zeros = &filler[8..len - 8];
    let whole =
        filler[..4] == MAGIC && filler[4..8] == follows && zeros.iter().all(|&byte| byte == 0);
    whole.then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filler_is_a_skippable_frame_that_says_its_length() {
        for len in [16, 17, 512, 100_000] {
            let bytes = filler(len);
            assert_eq!(bytes.len(), len);
            assert_eq!(zstd_safe::find_frame_compressed_size(&bytes).unwrap(), len);
            assert_eq!(filler_before(&[&b"stored frames"[..], &bytes].concat()), Some(len));
        }
    }

    #[test]
    fn fillers_complete_blocks() {
        assert_eq!(filler_len(0, 512), 0);
        assert_eq!(filler_len(1024, 512), 0);
        assert_eq!(filler_len(1000, 512), 24);
        assert_eq!(filler_len(1008, 512), 16);
        assert_eq!(filler_len(1009, 512), 15 + 512);
        assert_eq!(filler_len(u64::MAX, 512), 513);
    }

    #[test]
    fn what_only_looks_like_a_filler_is_none() {
        let good = filler(64);
        for at in 0..64 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(filler_before(&bad), None, "byte {at}");
        }
        for cut in 0..64 {
            assert_eq!(filler_before(&good[..cut]), None);
            assert_eq!(filler_before(&good[64 - cut..]), None);
        }
    }
}
