//! When a run may be done.
//!
//! From what is left and how fast it went so far. A guess that is honest about what it does not know: without a byte
//! of progress there is none.

use types::Bytes;

/// What there is to do, and what of it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// Seconds of the run.
    pub(super) elapsed: i64,
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
    let part = |all: Bytes, done: Bytes| {
        let rest = all - done;
        if rest == Bytes::ZERO {
            return Some(0);
        }
        let rate = (work.elapsed > 0).then(|| done.share(1.0 / work.elapsed as f64))?;
        at_rate(rest, rate)
    };
    let dumping = part(work.expected, work.dumped)?;
    // Before the first part is placed, nobody knows how fast the drives are.
    let writing = if work.placed == Bytes::ZERO { 0 } else { part(work.images, work.placed)? };
    Some(dumping.max(writing))
}

/// How long so many bytes take at this rate.
pub(super) fn at_rate(rest: Bytes, rate: Bytes) -> Option<i64> {
    (rate.0 > 0).then(|| i64::try_from(rest.0.div_ceil(rate.0)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Work = Work {
        elapsed: 100,
        expected: Bytes(2000),
        dumped: Bytes(1000),
        images: Bytes(1000),
        placed: Bytes(100),
    };

    #[test]
    fn the_slower_of_dumping_and_writing_counts() {
        assert_eq!(seconds_left(&HALF), Some(900));
        assert_eq!(seconds_left(&Work { placed: Bytes(900), ..HALF }), Some(100));
    }

    #[test]
    fn without_progress_there_is_no_guess() {
        assert_eq!(seconds_left(&Work { dumped: Bytes::ZERO, ..HALF }), None);
        assert_eq!(seconds_left(&Work { elapsed: 0, ..HALF }), None);
        assert_eq!(seconds_left(&Work { placed: Bytes::ZERO, ..HALF }), Some(100));
    }
}
