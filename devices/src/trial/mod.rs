//! Trying a drive out: how much a cartridge holds and how fast it is written, and whether what was written comes back.
//!
//! ```text
//!  measure ── random against even blocks ─► marks ─► blocks until the end, or so many ─► Measured
//!  burn in ── blocks of each length ─► read all ─► jump about ─► blocks that are too long ─► Burnt
//! ```
//!
//! Both write over whatever is on the medium, from its beginning. Whether that may go is for the caller to find out;
//! here nobody knows what a label is. Both leave a blank medium.
//!
//! Time is that of the transport: real time with a real drive, and the virtual clock of the emulator, so that its
//! figures are the same every time.

use std::time::Duration;

use types::Bytes;

mod burn_in;
mod measure;
mod noise;

pub use burn_in::{BurnIn, Burnt, Fault, Tried};
pub use measure::{Capacity, Compresses, Measure, Measured};

/// What is being done, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is found out whether the drive compresses.
    Compressing,
    /// It is found out what filemarks take.
    Marking,
    /// Blocks are written; so much has been.
    Writing(Bytes),
    /// Blocks are read back; so much has been.
    Reading(Bytes),
    /// The tape jumps about; so often it has.
    Locating(u64),
}

/// Bytes in a second; zero if there was no time.
fn rate(bytes: Bytes, time: Duration) -> Bytes {
    let each = u128::from(bytes.0) * 1_000_000_000 / time.as_nanos().max(1);
    if time.is_zero() { Bytes::ZERO } else { Bytes(u64::try_from(each).unwrap_or(u64::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_bytes_in_a_second() {
        assert_eq!(rate(Bytes(3_000_000), Duration::from_millis(500)), Bytes(6_000_000));
        assert_eq!(rate(Bytes(3_000_000), Duration::ZERO), Bytes::ZERO);
    }
}
