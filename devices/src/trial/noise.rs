//! Blocks of noise: no drive makes them smaller, each is another one, and each can be made again to compare.
//!
//! One stretch of noise is made, and every block is a window into it, with its own place at its front. So a block
//! that comes from elsewhere differs from its first byte on, and to make one takes no longer than to copy it.

/// So many windows there are.
const WINDOWS: usize = 64 << 10;

/// Noise for blocks up to some length.
#[derive(Debug)]
pub(super) struct Noise {
    pool: Vec<u8>,
    seed: u64,
}

impl Noise {
    /// Noise of this seed, for blocks up to `longest` bytes.
    pub(super) fn new(seed: u64, longest: usize) -> Self {
        let mut state = seed;
        let words = (longest + WINDOWS).div_ceil(8);
        let pool = (0..words).flat_map(|_| next(&mut state).to_le_bytes()).collect();
        Self { pool, seed }
    }

    /// Fills a block with the noise of its place.
    pub(super) fn fill(&self, block: &mut [u8], file: u64, number: u64) {
        let mut state = self.seed ^ (file << 40) ^ number;
        let stamp = next(&mut state);
        let window = usize::try_from(stamp).unwrap_or(0) % WINDOWS;
        for (to, from) in block.iter_mut().zip(self.pool.get(window..).unwrap_or_default()) {
            *to = *from;
        }
        for (to, from) in block.iter_mut().zip(stamp.to_le_bytes()) {
            *to = from;
        }
    }
}

/// Random numbers by Steele, Lea and Flood (SplitMix64).
pub(super) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_is_another_one_and_can_be_made_again() {
        let noise = Noise::new(7, 4096);
        let block = |file, number| {
            let mut block = vec![0; 4096];
            noise.fill(&mut block, file, number);
            block
        };
        assert_eq!(block(1, 2), block(1, 2));
        assert_ne!(block(1, 2)[..8], block(1, 3)[..8]);
        assert_ne!(block(1, 2)[..8], block(2, 2)[..8]);
        assert!(
            block(0, 0).iter().filter(|byte| **byte == 0).count() < 40,
            "it is noise to its end"
        );
    }
}
