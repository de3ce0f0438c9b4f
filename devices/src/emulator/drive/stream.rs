//! The drive's buffer and its motor: what streams, what starves, and what a stop costs.
//!
//! The host fills the buffer at the speed of the wire, the tape empties it at one of the speeds that the drive
//! can run at. When the buffer is empty the tape must stop, go back and start again behind where it stopped: a
//! *backhitch*, which takes seconds, and the drive waits until the buffer is half full before it tries. A drive
//! that matches speeds goes as fast as the host when the buffer runs low and one step faster when it runs full;
//! below the lowest step no matching helps. Reading is the same the other way round.
//!
//! Everything here is a function of bytes and times: the clock is the caller's.

use std::time::Duration;

use crate::emulator::generation::Facts;

/// What the wire carries: a 12 Gb/s SAS link, in bytes per millisecond.
const WIRE: u64 = 1_100_000;

/// Stop, go back, start again.
const BACKHITCH: Duration = Duration::from_millis(3_000);

/// What it takes after the buffer is empty until all is on the tape, its end too, and the tape can go on.
/// Published figures for a filemark that is waited for lie between 1.8 and 5 s.
const SYNCHRONISE: Duration = Duration::from_millis(2_000);

/// How often the speed is looked at.
const MATCHING: Duration = Duration::from_millis(500);

/// How a drive's time went while data moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streaming {
    /// The tape moved, and data with it.
    pub moving: Duration,
    /// The tape stood still because the host did not keep up: backhitches, and waiting for the buffer.
    pub starved: Duration,
    /// The tape stood still because the host wanted all on the medium before it went on.
    pub synchronising: Duration,
    /// How often the host did not keep up.
    pub backhitches: u64,
    /// How often the host waited for the medium.
    pub flushes: u64,
    /// Bytes on the medium, after compression, that went through.
    pub bytes: u64,
}

impl Streaming {
    /// How much of the time in which it could have streamed it did, in percent.
    pub fn percent(&self) -> u64 {
        let whole = self.moving + self.starved;
        if whole.is_zero() {
            return 100;
        }
        u64::try_from(self.moving.as_micros() * 100 / whole.as_micros().max(1)).unwrap_or(100)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Idle,
    Writing,
    Reading,
}

/// Buffer and motor of one drive.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    steps: &'static [u64],
    size: u64,
    direction: Direction,
    /// Bytes in the buffer: still to be written, or read ahead.
    level: u64,
    /// Bytes of this session that the tape has done.
    drained: u64,
    step: usize,
    running: bool,
    /// The tape cannot start before.
    ready: Duration,
    matched: Duration,
    /// What the host sent or took since the speed was looked at.
    host: u64,
    /// Up to where the buffer's state has been reckoned.
    at: Duration,
    pub(crate) statistics: Streaming,
}

impl Stream {
    pub(crate) fn new(facts: &Facts, half_height: bool) -> Self {
        // Half-height drives have the lower steps only: 300 MB/s.
        let slow = facts.steps.iter().take_while(|&&step| step <= 306_400).count();
        let count = if half_height { slow } else { facts.steps.len() };
        Self {
            steps: &facts.steps[..count],
            size: facts.buffer,
            direction: Direction::Idle,
            level: 0,
            drained: 0,
            step: 0,
            running: false,
            ready: Duration::ZERO,
            matched: Duration::ZERO,
            host: 0,
            at: Duration::ZERO,
            statistics: Streaming::default(),
        }
    }

    /// How many bytes of this session are on the tape by now.
    pub(crate) fn drained(&self) -> u64 {
        self.drained
    }

    /// Bytes that wait in the buffer to be written.
    pub(crate) fn waiting(&self) -> u64 {
        if self.direction == Direction::Writing { self.level } else { 0 }
    }

    /// Forgets the buffer: the tape goes somewhere else, or the power went.
    pub(crate) fn stop(&mut self) {
        self.direction = Direction::Idle;
        self.level = 0;
        self.drained = 0;
        self.running = false;
    }

    fn turn_to(&mut self, direction: Direction, now: Duration) {
        if self.direction != direction {
            self.stop();
            self.direction = direction;
            self.step = self.steps.len() - 1;
            self.at = now;
            self.matched = now;
            self.host = 0;
            self.ready = now;
            self.running = direction == Direction::Reading;
        }
    }

    fn rate(&self) -> u64 {
        self.steps.get(self.step).copied().unwrap_or(1)
    }

    /// Time goes on to `now`, and the tape does what it can.
    pub(crate) fn elapse(&mut self, now: Duration) {
        while self.at < now {
            let until = now.min(self.at + MATCHING);
            self.advance(until);
            self.match_speed();
        }
    }

    fn advance(&mut self, until: Duration) {
        let start = self.at.max(self.ready).min(until);
        let still = start - self.at;
        let time = until - start;
        self.at = until;
        if !self.running {
            // Before the first start of a session nobody is starved: there is nothing to write yet.
            if self.drained > 0 && self.direction == Direction::Writing {
                self.statistics.starved += still + time;
            }
            return;
        }
        let can = bytes_in(time, self.rate());
        let room = match self.direction {
            Direction::Writing => self.level,
            Direction::Reading => self.size - self.level.min(self.size),
            Direction::Idle => return,
        };
        let done = can.min(room);
        let moved = if done < can { time_for(done, self.rate()) } else { time };
        self.statistics.starved += still;
        self.statistics.moving += moved;
        self.statistics.bytes += done;
        self.drained += done;
        match self.direction {
            Direction::Writing => self.level -= done,
            _ => self.level += done,
        }
        if done < can {
            self.running = false;
            self.statistics.backhitches += 1;
            self.statistics.starved += time.saturating_sub(moved);
            self.ready = start + moved + BACKHITCH;
        }
    }

    /// As fast as the host when the buffer runs low, one step faster when it runs full; reading, the other
    /// way round.
    fn match_speed(&mut self) {
        if !self.running || self.at < self.matched + MATCHING {
            return;
        }
        let (low, high) = (self.size / 4, self.size / 4 * 3);
        let (slower, faster) = match self.direction {
            Direction::Writing => (self.level < low, self.level > high),
            _ => (self.level > high, self.level < low),
        };
        let suits = self.suitable_step();
        if slower {
            self.step = self.step.min(suits);
        } else if faster {
            self.step = (self.step + 1).min(self.steps.len() - 1);
        }
        self.matched = self.at;
        self.host = 0;
    }

    /// The fastest step that the host keeps up with, by what it did lately.
    fn suitable_step(&self) -> usize {
        let time = self.at.saturating_sub(self.matched);
        let keeps_up = |&&step: &&u64| bytes_in(time, step) <= self.host;
        self.steps.iter().take_while(keeps_up).count().saturating_sub(1)
    }

    /// The host sends so many bytes that take `native` on the tape. Says when they are all in the buffer.
    pub(crate) fn accept(&mut self, bytes: u64, native: u64, now: Duration) -> Duration {
        self.turn_to(Direction::Writing, now);
        self.elapse(now);
        let mut now = now + time_for(bytes, WIRE);
        self.elapse(now);
        if self.level + native > self.size {
            self.start();
            let excess = self.level + native - self.size;
            now = now.max(self.ready) + time_for(excess.min(self.level), self.rate());
            self.elapse(now);
        }
        self.level += native;
        self.host += native;
        if !self.running && self.level >= self.size / 2 {
            self.start();
        }
        now
    }

    fn start(&mut self) {
        if !self.running {
            self.step = self.suitable_step();
            self.matched = self.at;
            self.host = 0;
        }
        self.running = true;
    }

    /// All that is in the buffer goes to the tape. Says when it is there.
    pub(crate) fn flush(&mut self, now: Duration) -> Duration {
        self.elapse(now);
        if self.direction != Direction::Writing {
            return now;
        }
        let begun = self.level > 0 || self.drained > 0;
        let start = if self.running { now } else { now.max(self.ready) };
        let time = time_for(self.level, self.rate());
        self.statistics.starved += start - now;
        self.statistics.moving += time;
        self.statistics.bytes += self.level;
        self.statistics.flushes += 1;
        self.drained += self.level;
        self.level = 0;
        self.running = false;
        let wait = if begun { SYNCHRONISE } else { Duration::ZERO };
        self.statistics.synchronising += wait;
        let end = start + time + wait;
        let drained = self.drained;
        self.stop();
        self.drained = drained;
        self.at = end;
        end
    }

    /// The host wants a block of so many bytes, `native` of them on the tape. Says when it has them.
    pub(crate) fn supply(&mut self, bytes: u64, native: u64, now: Duration) -> Duration {
        self.turn_to(Direction::Reading, now);
        self.elapse(now);
        let mut now = now;
        if self.level < native {
            self.running = true;
            now = now.max(self.ready) + time_for(native - self.level, self.rate());
            // A little more: rounding must not leave the block a byte short.
            now += Duration::from_micros(1);
            self.elapse(now);
        }
        self.level = self.level.saturating_sub(native);
        self.host += native;
        if !self.running && self.level <= self.size / 2 {
            self.running = true;
        }
        now + time_for(bytes, WIRE)
    }
}

/// How long so many bytes take at so many bytes per millisecond.
pub(crate) fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn bytes_in(time: Duration, rate: u64) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Stream, Streaming, time_for};
    use crate::emulator::generation::Generation;

    const BLOCK: u64 = 512 << 10;

    /// A host that makes so many bytes a millisecond writes for so many GB.
    fn write(generation: Generation, source: u64, gigabytes: u64) -> (Streaming, Duration) {
        let mut stream = Stream::new(generation.facts(), false);
        let mut now = Duration::ZERO;
        for _ in 0..gigabytes * 1_000_000_000 / BLOCK {
            let asked = now;
            now = stream.accept(BLOCK, BLOCK, now);
            // Making the next block goes on while this one is taken.
            now = now.max(asked + time_for(BLOCK, source));
        }
        now = stream.flush(now);
        (stream.statistics, now)
    }

    #[test]
    fn a_source_within_the_speeds_of_the_drive_streams() {
        for source in [185_000, 250_000, 400_000, 1_000_000] {
            let (streaming, _) = write(Generation::Lto9, source, 100);
            assert_eq!((streaming.backhitches, streaming.percent()), (0, 100), "{source}");
        }
    }

    #[test]
    fn a_source_below_the_lowest_speed_makes_the_drive_stop_and_start() {
        let (streaming, now) = write(Generation::Lto9, 100_000, 100);
        assert!(streaming.backhitches > 50, "{streaming:?}");
        assert!(streaming.percent() < 65, "{streaming:?}");
        assert!(
            now < Duration::from_secs(1_050),
            "the buffer fills while the tape goes back: {now:?}"
        );
    }

    #[test]
    fn a_drive_is_no_faster_than_its_fastest_step() {
        let (_, now) = write(Generation::Lto8, 2_000_000, 100);
        let seconds = now.as_secs();
        assert!((273..285).contains(&seconds), "100 GB at 365 MB/s, and one flush: {seconds}");
    }

    #[test]
    fn waiting_for_every_gigabyte_costs_what_is_published() {
        let mut stream = Stream::new(Generation::Lto9.facts(), false);
        let mut now = Duration::ZERO;
        for _ in 0..10 {
            for _ in 0..1_000_000_000 / BLOCK {
                now = stream.accept(BLOCK, BLOCK, now);
            }
            now = stream.flush(now);
        }
        let rate = 10_000 / now.as_secs();
        assert!((150..260).contains(&rate), "{rate} MB/s");
        assert_eq!(stream.statistics.flushes, 10);
    }

    #[test]
    fn a_slow_reader_makes_the_drive_stop_and_start() {
        let mut stream = Stream::new(Generation::Lto8.facts(), false);
        let mut now = Duration::ZERO;
        for _ in 0..50_000 {
            now = stream.supply(BLOCK, BLOCK, now) + time_for(BLOCK, 60_000);
        }
        assert!(stream.statistics.backhitches > 3, "{:?}", stream.statistics);
        let mut stream = Stream::new(Generation::Lto8.facts(), false);
        let mut now = Duration::ZERO;
        for _ in 0..50_000 {
            now = stream.supply(BLOCK, BLOCK, now);
        }
        let rate = u128::from(50_000 * BLOCK) / 1_000 / now.as_millis();
        assert!((300..=366).contains(&rate), "{rate} MB/s");
    }
}
