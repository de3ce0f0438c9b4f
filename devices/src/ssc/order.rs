//! In which order to read what is wanted, when the drive does not say.
//!
//! A tape is written to and fro, some hundred *wraps* beside each other, in four *bands*. Two objects that are
//! far apart by their numbers may lie beside each other, and the next but one on the same wrap may take a
//! minute, because the drive has to go back and come again.
//!
//! ```text
//!  wrap 0  ────────────────►      object 0 …
//!  wrap 1  ◄────────────────
//!  wrap 2  ────────────────►      … and so on
//!          LPOS 2696    171097
//! ```
//!
//! Drives from LTO-9 on (full height) order a list themselves. For the others there is a model of how long a
//! locate takes, by the constants that CERN's tape archive measured on LTO-8; the nearest is read first, then
//! what is nearest from there. That is never worse than the order of the numbers: whichever is shorter by the
//! model is taken. Without a map of the wraps it is the order of the numbers.

use types::{Bytes, ObjectNo};

/// What is to be read without a stop: the blocks and marks from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first object.
    pub first: ObjectNo,
    /// Its last object.
    pub last: ObjectNo,
}

/// Where the wraps of a medium end: the object at the end of each, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wraps(Vec<u64>);

impl Wraps {
    /// A map from the ends of the wraps. Ends that do not grow are the drive's way to say that nothing is
    /// written there; they and all behind them are left out.
    pub fn new(ends: impl IntoIterator<Item = u64>) -> Self {
        let mut map: Vec<u64> = Vec::new();
        for end in ends {
            if map.last().is_some_and(|&before| end <= before) {
                break;
            }
            map.push(end);
        }
        Self(map)
    }

    /// Where an object lies.
    fn spot(&self, object: ObjectNo) -> Spot {
        let wrap =
            self.0.partition_point(|&end| end < object.0).min(self.0.len().saturating_sub(1));
        let before = wrap.checked_sub(1).and_then(|before| self.0.get(before)).copied();
        let first = before.map_or(0, |end| end + 1);
        let end = self.end_of(wrap, first);
        let way = (object.0.saturating_sub(first)) as f64 / (end - first).max(1) as f64;
        let way = way.min(1.0) * (FARTHEST - NEAREST);
        let lpos = if wrap.is_multiple_of(2) { NEAREST + way } else { FARTHEST - way };
        Spot { wrap, lpos }
    }

    /// The last wrap is not full: it is taken to be as long as the others are on average.
    fn end_of(&self, wrap: usize, first: u64) -> u64 {
        let end = self.0.get(wrap).copied().unwrap_or(first);
        let is_last = wrap + 1 == self.0.len();
        if is_last && wrap > 0 { end.max(first + first / wrap as u64) } else { end.max(first) }
    }

    fn per_band(&self) -> usize {
        // What is written so far says little of how many wraps there are; LTO-8 has 208.
        self.0.len().max(WRAPS).div_ceil(BANDS)
    }
}

/// Below this a locate takes longer than reading on. By the constants of [`order()`] it takes 4.3 s and 1.8 s for each
/// GB on the way, for along a wrap an LTO-8 winds only half as fast again as it reads: the two meet at 4.6 GB, for
/// LTO-9 at 6 GB, for LTO-5 at 2 GB.
pub(crate) const WORTH_A_LOCATE: Bytes = Bytes(4 << 30);

const WRAPS: usize = 208;
const BANDS: usize = 4;
const NEAREST: f64 = 2_696.0;
const FARTHEST: f64 = 171_097.0;

/// A place on the tape as it is wound.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spot {
    wrap: usize,
    lpos: f64,
}

/// How many segments are ordered one against all others.
const MOST: usize = 20_000;

/// The order in which to read `segments`, as indexes into them, for a drive that stands before `here`.
pub fn order(here: ObjectNo, segments: &[Segment], wraps: &Wraps) -> Vec<usize> {
    let mut by_number: Vec<usize> = (0..segments.len()).collect();
    by_number.sort_by_key(|&index| segments.get(index).map(|segment| segment.first));
    if wraps.0.is_empty() || segments.len() > MOST {
        return by_number;
    }
    let spots: Vec<Leg> = segments.iter().map(|segment| Leg::of(segment, wraps)).collect();
    let start = wraps.spot(here);
    let nearest = nearest_first(start, &spots, wraps);
    let time = |order: &[usize]| duration(start, order, &spots, wraps);
    if time(&nearest) < time(&by_number) { nearest } else { by_number }
}

/// Where the reading of a segment begins, and where it leaves the drive.
#[derive(Clone, Copy, Debug)]
struct Leg {
    begin: Spot,
    end: Spot,
}

impl Leg {
    fn of(segment: &Segment, wraps: &Wraps) -> Self {
        Self { begin: wraps.spot(segment.first), end: wraps.spot(segment.last) }
    }
}

fn nearest_first(start: Spot, legs: &[Leg], wraps: &Wraps) -> Vec<usize> {
    let mut left: Vec<(usize, Leg)> = legs.iter().copied().enumerate().collect();
    let mut order = Vec::with_capacity(left.len());
    let mut at = start;
    loop {
        let times = left.iter().map(|(_, leg)| locate(at, leg.begin, wraps));
        let nearest = times.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((place, _)) = nearest else { return order };
        let (index, leg) = left.swap_remove(place);
        order.push(index);
        at = leg.end;
    }
}

fn duration(start: Spot, order: &[usize], legs: &[Leg], wraps: &Wraps) -> f64 {
    let legs = order.iter().filter_map(|&index| legs.get(index));
    let (seconds, _) = legs
        .fold((0.0, start), |(seconds, at), leg| (seconds + locate(at, leg.begin, wraps), leg.end));
    seconds
}

/// How long a locate takes, in seconds.
fn locate(from: Spot, to: Spot, wraps: &Wraps) -> f64 {
    let forth = |spot: Spot| spot.wrap.is_multiple_of(2);
    let band = |spot: Spot| spot.wrap / wraps.per_band().max(1);
    let half = |spot: Spot| spot.lpos > (NEAREST + FARTHEST) / 2.0;
    let back = if forth(from) { to.lpos < from.lpos } else { to.lpos > from.lpos };
    let when = |is: bool, seconds: f64| if is { seconds } else { 0.0 };
    4.29 + when(from.wrap != to.wrap, 6.69) + when(band(from) != band(to), 3.2)
        - when(half(from) != half(to), 6.04)
        + when(forth(from) != forth(to), 5.22)
        + when(from.wrap == to.wrap && back, 11.32)
        + 0.000_619_2 * (to.lpos - from.lpos).abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

    use super::*;

    fn segment(first: u64, last: u64) -> Segment {
        Segment { first: ObjectNo(first), last: ObjectNo(last) }
    }

    /// Ten wraps of a thousand objects.
    fn ten() -> Wraps {
        Wraps::new((1..=10).map(|wrap| wrap * 1000 - 1))
    }

    #[test]
    fn without_a_map_the_numbers_count() {
        let segments = [segment(70, 80), segment(5, 6), segment(40, 50)];
        assert_eq!(order(ObjectNo(0), &segments, &Wraps::default()), [1, 2, 0]);
        assert_eq!(order(ObjectNo(0), &[], &ten()), [0; 0]);
    }

    #[test]
    fn wraps_run_to_and_fro() {
        let wraps = ten();
        let lpos = |object| wraps.spot(ObjectNo(object)).lpos;
        assert!(lpos(10) < lpos(900), "away from the beginning");
        assert!(lpos(1010) > lpos(1900), "and back");
        assert!((lpos(999) - lpos(1000)).abs() < 500.0, "the turn is at the far end");
        assert_eq!(wraps.spot(ObjectNo(5500)).wrap, 5);
        assert_eq!(wraps.spot(ObjectNo(u64::MAX)).wrap, 9, "no map goes on for ever");
    }

    #[test]
    fn what_lies_on_the_way_is_read_on_the_way() {
        // The end of wrap 0 and of wrap 2, and their beginnings: by the numbers the drive crosses the tape
        // for every segment.
        let segments =
            [segment(10, 20), segment(980, 990), segment(2010, 2020), segment(2980, 2990)];
        let wraps = ten();
        let found = order(ObjectNo(0), &segments, &wraps);
        let legs: Vec<Leg> = segments.iter().map(|segment| Leg::of(segment, &wraps)).collect();
        let start = wraps.spot(ObjectNo(0));
        let time = |order: &[usize]| duration(start, order, &legs, &wraps);
        assert!(time(&found) < time(&[0, 1, 2, 3]), "{found:?}");
    }

    #[test]
    fn ends_that_do_not_grow_are_no_wraps() {
        assert_eq!(Wraps::new([5, 9, 9, 0, 12]), Wraps(vec![5, 9]));
        assert_eq!(Wraps::new([]), Wraps(Vec::new()));
    }

    fn segments() -> impl Strategy<Value = Vec<Segment>> {
        let one = (any::<u64>(), 0_u64..5000)
            .prop_map(|(first, length)| segment(first % 12_000, first % 12_000 + length));
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn every_segment_is_read_once_and_never_slower_than_by_the_numbers(
            segments in segments(), here in 0_u64..12_000, ends in prop::collection::vec(any::<u64>(), 0..30)
        ) {
            for wraps in [ten(), Wraps::new(ends)] {
                let found = order(ObjectNo(here), &segments, &wraps);
                let mut sorted = found.clone();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..segments.len()).collect::<Vec<_>>());
                let legs: Vec<Leg> = segments.iter().map(|one| Leg::of(one, &wraps)).collect();
                let start = wraps.spot(ObjectNo(here));
                let mut numbers: Vec<usize> = (0..segments.len()).collect();
                numbers.sort_by_key(|&index| segments[index].first);
                let time = |order: &[usize]| duration(start, order, &legs, &wraps);
                assert!(time(&found) <= time(&numbers));
            }
        }
    }
}
