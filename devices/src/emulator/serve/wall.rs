//! The clock on the wall beside the library's own.
//!
//! A unit's virtual clock says when a command is done. To a program that is watched by people, or that measures, that
//! must be so by its own clock too: the unit's clock is never behind the wall when a command comes, and the answer
//! goes out when the wall has come to where the unit's clock is. So time that nobody asks for passes as well: a
//! drive loads, a buffer runs empty and the tape stops, while its host thinks.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// How late it is for the library's hosts, and how to wait. Whoever makes it brings the clock.
pub struct Wall {
    /// How late it was in the library when this clock began.
    from: Duration,
    /// How much faster than the wall's the library's time goes.
    times: NonZeroU32,
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    wait: Box<dyn Fn(Duration) + Send + Sync>,
}

/// Less is not waited for: it adds up, and is then.
const SHORTEST: Duration = Duration::from_millis(1);

impl Wall {
    /// A clock that shows `from` when `elapsed` says zero, and goes so many times as fast.
    pub fn new(
        from: Duration,
        times: NonZeroU32,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
        wait: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        Self { from, times, elapsed: Box::new(elapsed), wait: Box::new(wait) }
    }

    /// How late it is.
    pub(super) fn now(&self) -> Duration {
        self.from.saturating_add((self.elapsed)().saturating_mul(self.times.get()))
    }

    /// Waits until it is so late.
    pub(super) fn wait_until(&self, then: Duration) {
        let time = then.saturating_sub(self.now()) / self.times.get();
        if time >= SHORTEST {
            (self.wait)(time);
        }
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wall").field("now", &self.now()).field("times", &self.times).finish()
    }
}
