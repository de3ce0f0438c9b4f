//! What the drive's compression makes of a block.
//!
//! Not a real codec: the size that one would reach is reckoned from how evenly the bytes are spread. Random bytes
//! stay as long as they are, text becomes about half, empty blocks next to nothing. The same block always gives
//! the same size.

/// How many bytes of a block are looked at.
const SAMPLES: usize = 4096;

/// No block gets smaller than this part of itself.
const BEST: u32 = 64;

/// What the block takes on the tape.
pub(crate) fn native_length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let step = bytes.len().div_ceil(SAMPLES).max(1);
    let mut counts = [0_u64; 256];
    let mut samples = 0_u64;
    for &byte in bytes.iter().step_by(step) {
        counts[usize::from(byte)] += 1;
        samples += 1;
    }
    if samples < 256 {
        return length;
    }
    // How often two bytes, drawn at random, are the same: one in 256 if they are evenly spread.
    let same: u64 = counts.iter().map(|&count| count * count.saturating_sub(1)).sum();
    let pairs = samples * (samples - 1);
    let bits = eighths_of_bits(pairs, same.max(1));
    // Sampling makes even bytes seem a little uneven.
    if bits >= 63 - 2 {
        return length;
    }
    let native = u64::from(length) * bits / 64;
    u32::try_from(native).unwrap_or(length).max(length / BEST).max(1)
}

/// The logarithm to base 2 of a fraction, in eighths.
fn eighths_of_bits(above: u64, below: u64) -> u64 {
    let mut value = u128::from(above) << 32;
    value /= u128::from(below);
    // The eighth power turns eighths of bits into bits; halving on the way keeps it small.
    let mut whole = 0_u64;
    while value >= 2 << 32 {
        value >>= 1;
        whole += 1;
    }
    let mut eighths = 0;
    for _ in 0..3 {
        value = (value * value) >> 32;
        eighths <<= 1;
        if value >= 2 << 32 {
            value >>= 1;
            eighths += 1;
        }
    }
    whole * 8 + eighths
}

#[cfg(test)]
mod tests {
    use super::native_length;

    #[test]
    fn random_bytes_stay_and_empty_blocks_vanish() {
        let mut state = 1_u64;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(1 << 18)
        .collect();
        assert_eq!(native_length(&random), 1 << 18);
        assert_eq!(native_length(&vec![0; 1 << 18]), (1 << 18) / 64);
    }

    #[test]
    fn text_becomes_about_half() {
        let text = "The drive waits for the data, or the data wait for the drive. ".repeat(4000);
        let native = native_length(text.as_bytes());
        let percent = u64::from(native) * 100 / text.len() as u64;
        assert!((30..65).contains(&percent), "{percent} %");
    }
}
