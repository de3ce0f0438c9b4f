//! A disk that fills the ring by a clock that somebody else moves.
//!
//! The disk is busy up to some moment. Before the drive looks into the ring the disk does what it could have done
//! by then; while it has nothing to do its own clock goes along. A drive that waits does so for one piece after
//! another.

use std::time::Duration;

use super::{Reader, Ring, Shared};
use crate::scribe::ImageSource;

/// A disk that is as fast as one says.
pub struct VirtualDisk<'a> {
    /// What it reads.
    pub bytes_per_second: u64,
    /// Lets time pass by the clock of the [`Ring`], for a drive that waits.
    pub pause: &'a dyn Fn(Duration),
}

/// The disk's side of the ring.
pub(super) struct Turns<'a> {
    reader: Reader<'a, dyn ImageSource + 'a>,
    disk: &'a VirtualDisk<'a>,
    /// Until when the disk is busy with what it has read.
    busy: Duration,
}

impl<'a> Turns<'a> {
    pub(super) fn new(
        source: &'a mut (dyn ImageSource + 'a),
        disk: &'a VirtualDisk<'a>,
        now: Duration,
    ) -> Self {
        Self { reader: Reader::new(source), disk, busy: now }
    }

    /// Does what the disk has begun by now.
    pub(super) fn catch_up(&mut self, shared: &Shared, ring: &Ring<'_>) {
        let now = (ring.clock)();
        while self.busy < now {
            if !self.step(shared, ring) {
                self.busy = now;
            }
        }
    }

    /// The drive waits for the next piece.
    pub(super) fn wait(&mut self, shared: &Shared, ring: &Ring<'_>) {
        self.step(shared, ring);
        let ahead = self.busy.saturating_sub((ring.clock)());
        if !ahead.is_zero() {
            (self.disk.pause)(ahead);
        }
    }

    /// Does one thing. False if there is nothing to do.
    fn step(&mut self, shared: &Shared, ring: &Ring<'_>) -> bool {
        let order = shared.lock().order(ring);
        let Some(order) = order else { return false };
        let bytes = self.reader.carry_out(order, shared, ring) as u64;
        let nanos =
            u128::from(bytes) * 1_000_000_000 / u128::from(self.disk.bytes_per_second.max(1));
        self.busy += Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        true
    }
}
