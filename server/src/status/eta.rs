//! When a run may be done.
//!
//! From what is left and how fast it went while it went: while dumps came, and while drives wrote. A guess that is honest
//! about what it does not know: before a few per cent are done there is none.

use types::Bytes;

/// Below this share of what there is to do nothing is foretold.
const TOO_LITTLE: f64 = 0.05;

/// What there is to do, and what of it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// Seconds in which some dump came.
    pub(super) dumping: i64,
    /// Seconds in which some drive wrote.
    pub(super) writing: i64,
    /// Bytes of tar in all.
    pub(super) expected: Bytes,
    /// Bytes of tar that have come.
    pub(super) dumped: Bytes,
    /// Bytes of images in all.
    pub(super) images: Bytes,
    /// Bytes of images on volumes.
    pub(super) placed: Bytes,
}

/// In how many seconds the run may be done: dumping and writing go on side by side, so the slower one counts.
pub(super) fn seconds_left(work: &Work) -> Option<i64> {
    let part = |all: Bytes, done: Bytes, seconds: i64| {
        let rest = all - done;
        if rest == Bytes::ZERO {
            return Some(0);
        }
        let is_enough = seconds > 0 && done > Bytes::ZERO && done >= all.share(TOO_LITTLE);
        is_enough.then(|| at_rate(rest, done.share(1.0 / seconds as f64))).flatten()
    };
    let dumping = part(work.expected, work.dumped, work.dumping)?;
    match part(work.images, work.placed, work.writing) {
        Some(writing) => Some(dumping.max(writing)),
        // Parts are told when they are whole. Until some are, nobody knows how fast the drives are.
        None => (dumping > 0).then_some(dumping),
    }
}

/// How long so many bytes take at this rate.
pub(super) fn at_rate(rest: Bytes, rate: Bytes) -> Option<i64> {
    (rate.0 > 0).then(|| i64::try_from(rest.0.div_ceil(rate.0)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Work = Work {
        dumping: 100,
        writing: 50,
        expected: Bytes(2000),
        dumped: Bytes(1000),
        images: Bytes(1000),
        placed: Bytes(100),
    };

    #[test]
    fn the_slower_of_dumping_and_writing_counts() {
        assert_eq!(seconds_left(&HALF), Some(450), "nine times what took 50 s");
        assert_eq!(seconds_left(&Work { placed: Bytes(900), ..HALF }), Some(100));
    }

    #[test]
    fn without_progress_there_is_no_guess() {
        assert_eq!(seconds_left(&Work { dumped: Bytes::ZERO, ..HALF }), None);
        assert_eq!(seconds_left(&Work { dumping: 0, ..HALF }), None);
        assert_eq!(seconds_left(&Work { placed: Bytes::ZERO, ..HALF }), Some(100));
    }

    #[test]
    fn a_small_image_that_is_placed_first_says_nothing_of_how_long_the_rest_takes() {
        let small = Work {
            dumping: 40,
            writing: 40,
            expected: Bytes(500 << 20),
            dumped: Bytes(250 << 20),
            images: Bytes(500 << 20),
            placed: Bytes(2 << 10),
        };
        assert_eq!(seconds_left(&small), Some(40));
        let dumped = Work { dumped: small.expected, ..small };
        assert_eq!(
            seconds_left(&dumped),
            None,
            "only drives are at work, and they have told nothing yet"
        );
    }
}
