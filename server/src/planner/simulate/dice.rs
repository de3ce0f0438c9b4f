//! Dice that fall the same way for the same seed (SplitMix64).

pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 up to 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// From 0.5 to 1.5, and mostly near 1.
    pub(super) fn noise(&mut self) -> f64 {
        0.5 + (self.share() + self.share()) / 2.0
    }

    /// A factor that is as often above 1 as below, up to about `spread` squared either way.
    pub(super) fn factor(&mut self, spread: f64) -> f64 {
        let normal = (0..6).map(|_| self.share()).sum::<f64>() - 3.0;
        spread.max(1.0).powf(normal * 1.4)
    }
}
