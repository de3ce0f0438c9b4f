//! Where things lie on the reel, and how long it takes to get there.
//!
//! Data run from one end of the tape to the other and back, in *wraps*. Even wraps run outward, odd ones back; four
//! bands of wraps lie side by side. How long a locate takes is the measured model of the CERN tape archive for
//! LTO-8, scaled to the length of the tape: a start, more for another wrap, band, half or direction, and the way.

use std::time::Duration;

use crate::emulator::generation::Facts;

/// Longitudinal position at the beginning and the end of a wrap, on LTO-7 and LTO-8.
const LPOS: (u64, u64) = (2_696, 171_097);

/// A place on the reel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) wrap: u64,
    /// Along the tape.
    pub(crate) lpos: u64,
}

/// What one wrap holds, in bytes after compression.
pub(crate) fn wrap_size(capacity: u64, facts: &Facts) -> u64 {
    capacity.div_ceil(facts.wraps).max(1)
}

/// Where a byte of a cartridge lies that holds so many.
pub(crate) fn spot(native: u64, capacity: u64, facts: &Facts) -> Spot {
    let size = wrap_size(capacity, facts);
    let wrap = (native / size).min(facts.wraps - 1);
    let into = (native - wrap * size).min(size);
    let way = u128::from(LPOS.1 - LPOS.0) * u128::from(into) / u128::from(size);
    let way = u64::try_from(way).unwrap_or(0);
    let lpos = if wrap.is_multiple_of(2) { LPOS.0 + way } else { LPOS.1 - way };
    Spot { wrap, lpos }
}

/// How long it takes from one place to another.
pub(crate) fn locate_time(from: Spot, to: Spot, facts: &Facts) -> Duration {
    if from == to {
        return Duration::from_millis(10);
    }
    let band = |spot: Spot| spot.wrap * 4 / facts.wraps;
    let half = |spot: Spot| spot.lpos > LPOS.1 / 2;
    let outward = |spot: Spot| spot.wrap.is_multiple_of(2);
    let back = from.wrap == to.wrap && (to.lpos < from.lpos) == outward(from);
    let way = from.lpos.abs_diff(to.lpos);
    // In microseconds. The way counts 619.2 µs for each unit on a tape of 960 m.
    let mut time = 4_290_000_i64;
    time += if from.wrap == to.wrap { 0 } else { 6_690_000 };
    time += if band(from) == band(to) { 0 } else { 3_200_000 };
    time -= if half(from) == half(to) { 0 } else { 6_040_000 };
    time += if outward(from) == outward(to) { 0 } else { 5_220_000 };
    time += if back { 11_320_000 } else { 0 };
    time += i64::try_from(way * 619 * facts.length_m / 960).unwrap_or(i64::MAX / 2);
    Duration::from_micros(u64::try_from(time).unwrap_or(0).max(100_000))
}

/// How long it takes to the beginning of the tape.
pub(crate) fn rewind_time(from: Spot, facts: &Facts) -> Duration {
    let way = from.lpos.saturating_sub(LPOS.0);
    Duration::from_millis(500 + facts.rewind_s * 1000 * way / (LPOS.1 - LPOS.0))
}

#[cfg(test)]
mod tests {
    use super::{Spot, locate_time, rewind_time, spot, wrap_size};
    use crate::emulator::generation::Generation;

    #[test]
    fn wraps_run_out_and_back() {
        let facts = Generation::Lto8.facts();
        let capacity = facts.capacity_mb * 1_000_000;
        let size = wrap_size(capacity, facts);
        assert_eq!(size / 1_000_000_000, 57);
        assert_eq!(spot(0, capacity, facts), Spot { wrap: 0, lpos: 2_696 });
        assert!(spot(size - 1, capacity, facts).lpos > 171_000);
        assert!(spot(size + 1, capacity, facts).lpos > 171_000);
        assert!(spot(2 * size - 1, capacity, facts).lpos < 2_800);
        assert_eq!(spot(capacity, capacity, facts).wrap, 207);
    }

    #[test]
    fn an_average_locate_takes_what_is_published() {
        let facts = Generation::Lto8.facts();
        let capacity = facts.capacity_mb * 1_000_000;
        let times = (0..1000).map(|n| {
            let to = spot(capacity / 1000 * n, capacity, facts);
            locate_time(spot(0, capacity, facts), to, facts).as_secs()
        });
        let average = times.sum::<u64>() / 1000;
        assert!((50..70).contains(&average), "IBM says 59 s: {average}");
        let far = spot(wrap_size(capacity, facts), capacity, facts);
        assert!((100..125).contains(&rewind_time(far, facts).as_secs()));
    }
}
