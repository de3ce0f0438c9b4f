//! What came of it: the nights, and the figures that are compared.

use types::{Bytes, Level};

use super::length::{Job, of_bytes, of_dumps};
use super::truth::{Cost, Site};
use crate::planner::facts::{Capacity, DleFacts, Limits, Storage};

/// One night.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Night {
    /// Which, from 0.
    pub day: i64,
    /// What was written.
    pub bytes: Bytes,
    /// What of it were fulls.
    pub full_bytes: Bytes,
    /// How long it took, with the limits of dumpers, hosts, interfaces and drives.
    pub seconds: u64,
    /// How many volumes it began.
    pub volumes: u64,
    /// What waits on the holding disk when it is over, because its volumes took no more.
    pub held: Bytes,
    /// The largest dump: no night that has it can be smaller.
    pub largest: Bytes,
    /// The longest dump, in seconds: no night that has it can be shorter.
    pub longest: u64,
    /// Dumps that were made.
    pub dumps: u64,
    /// Fulls among them.
    pub fulls: u64,
    /// Dumps that failed.
    pub failed: u64,
    /// DLEs whose full is older than its cycle by the next run.
    pub late: u64,
    /// DLEs whose client was asked for an estimate.
    pub asked: u64,
    /// Warnings.
    pub warnings: u64,
}

/// A night while it goes on.
#[derive(Clone, Debug)]
pub(super) struct Underway {
    pub(super) night: Night,
    jobs: Vec<Job>,
    passed: Vec<u64>,
    written: Vec<Bytes>,
}

/// All nights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// In order.
    pub nights: Vec<Night>,
    /// The longest that any DLE with fulls went without one, in days.
    pub longest: i64,
    /// What the plan of the last night warns of, and what it leaves out because nothing takes it.
    pub told: Vec<String>,
    /// So many nights are not counted in the figures: until then everything stands in one heap, as it was begun.
    pub settled_after: i64,
}

/// How a course is to be judged. Of each night after the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Mean of what a night writes.
    pub mean_bytes: f64,
    /// Most that a night writes.
    pub peak_bytes: f64,
    /// The largest dump of all: no peak can be lower.
    pub largest_bytes: f64,
    /// Standard deviation from the trend, by the mean.
    pub variation_bytes: f64,
    /// Mean of how long a night takes, in seconds.
    pub mean_seconds: f64,
    /// The longest night.
    pub peak_seconds: f64,
    /// The longest dump of all: no peak can be lower.
    pub longest_seconds: f64,
    /// Standard deviation from the trend, by the mean.
    pub variation_seconds: f64,
    /// Volumes, all nights together.
    pub volumes: u64,
    /// Clients that were asked for estimates, on a night in the mean.
    pub asked: f64,
    /// DLEs whose full was late, on a night in the mean.
    pub late: f64,
    /// Fulls: of the whole course.
    pub fulls: u64,
    /// The longest between two fulls, in days: of the whole course.
    pub longest: i64,
}

impl Underway {
    pub(super) fn on(day: i64, site: &Site) -> Self {
        Self {
            night: Night { day, ..Night::default() },
            jobs: Vec::new(),
            passed: vec![0; site.limits.interfaces.len()],
            written: vec![Bytes::ZERO; site.storages.len()],
        }
    }

    /// A dump was made; hosts are known by number.
    pub(super) fn add(
        &mut self,
        facts: &DleFacts,
        host: usize,
        wait: u64,
        level: Level,
        cost: &Cost,
    ) {
        let night = &mut self.night;
        night.bytes += cost.stored;
        night.dumps += 1;
        night.largest = night.largest.max(cost.stored);
        night.longest = night.longest.max(cost.seconds.into());
        if level.is_full() {
            night.fulls += 1;
            night.full_bytes += cost.stored;
        }
        self.jobs.push(Job {
            host,
            side_by_side: facts.maxdumps,
            wait,
            seconds: cost.seconds.into(),
        });
        if let Some(passed) = self.passed.get_mut(facts.interface) {
            *passed += cost.stored.0;
        }
        for storage in facts.route.of(level) {
            self.written[*storage] += cost.stored;
        }
    }

    /// The night is over, and its volumes have taken what they could, what waited first.
    pub(super) fn settle(
        mut self,
        limits: &Limits,
        storages: &[Storage],
        shelves: &mut [Shelf],
    ) -> Night {
        for ((written, storage), shelf) in self.written.iter_mut().zip(storages).zip(shelves) {
            let begun;
            (*written, begun) = shelf.take(*written, &storage.capacity);
            self.night.volumes += begun;
            self.night.held += shelf.held;
        }
        let dumped = of_dumps(&mut self.jobs, limits.inparallel);
        let moved = of_bytes(&self.passed, &self.written, limits, storages);
        self.night.seconds = dumped.max(moved);
        self.night
    }
}

/// What a storage has from one night to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shelf {
    /// What lies on the volume last written.
    last: Bytes,
    /// What waits on the holding disk.
    held: Bytes,
}

impl Shelf {
    /// What waits for the next night's volumes.
    pub(super) fn held(&self) -> Bytes {
        self.held
    }

    /// The next night begins a volume, whatever room the last one has.
    pub(super) fn put_away(&mut self) {
        self.last = Bytes::ZERO;
    }

    /// Writes what waits and this too, as far as a run may; says what was written, and how many volumes were begun.
    fn take(&mut self, more: Bytes, capacity: &Capacity) -> (Bytes, u64) {
        let volume = capacity.volume.max(Bytes(1));
        // Nothing is on a volume that was not begun, and a full one takes nothing more.
        let room = if self.last == Bytes::ZERO { Bytes::ZERO } else { volume - self.last };
        let waiting = self.held + more;
        let written = waiting.min(capacity.written(room));
        let begun = (written - room).0.div_ceil(volume.0);
        self.last = match begun {
            0 => self.last + written,
            begun => written - room - volume.times(begun - 1),
        };
        self.held = waiting - written;
        (written, begun)
    }
}

impl Course {
    /// Mean, peak and variation of what comes after the beginning; of all nights, if there are no others.
    pub fn figures(&self) -> Figures {
        let mut settled: Vec<&Night> =
            self.nights.iter().filter(|night| night.day >= self.settled_after).collect();
        if settled.is_empty() {
            settled = self.nights.iter().collect();
        }
        let of = |value: fn(&Night) -> f64| spread(settled.iter().map(|night| value(night)));
        let (mean_bytes, peak_bytes, variation_bytes) = of(|night| night.bytes.0 as f64);
        let (mean_seconds, peak_seconds, variation_seconds) = of(|night| night.seconds as f64);
        Figures {
            mean_bytes,
            peak_bytes,
            variation_bytes,
            mean_seconds,
            peak_seconds,
            variation_seconds,
            largest_bytes: of(|night| night.largest.0 as f64).1,
            longest_seconds: of(|night| night.longest as f64).1,
            volumes: settled.iter().map(|night| night.volumes).sum(),
            asked: of(|night| night.asked as f64).0,
            late: of(|night| night.late as f64).0,
            fulls: self.nights.iter().map(|night| night.fulls).sum(),
            longest: self.longest,
        }
    }
}

/// Mean, largest, and the standard deviation from the straight line that fits best, by the mean: that a site grows makes
/// no night unlike its neighbours.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let peak = values.clone().fold(0.0, f64::max);
    let middle = (count - 1.0) / 2.0;
    let at =
        || values.clone().zip(0_u32..).map(|(value, at)| (value - mean, f64::from(at) - middle));
    let (rise, run) =
        at().fold((0.0, 0.0), |(rise, run), (value, at)| (rise + value * at, run + at * at));
    let slope = if run > 0.0 { rise / run } else { 0.0 };
    let variance = at().map(|(value, at)| (value - slope * at).powi(2)).sum::<f64>() / count;
    (mean, peak, if mean > 0.0 { variance.sqrt() / mean } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fills_the_last_volume_and_begins_no_more_than_it_may() {
        let capacity = Capacity {
            volume: Bytes(100),
            runtapes: 2,
            held: Bytes::ZERO,
            limit: None,
            filemark: Bytes::ZERO,
            block: Bytes::ZERO,
            part: None,
        };
        let mut shelf = Shelf::default();
        // What comes, what is written of it and of what waited, the volumes begun, and what waits then.
        for (more, written, begun, held) in [
            (60, 60, 1, 0),
            (40, 40, 0, 0),
            (150, 150, 2, 0),
            (50, 50, 0, 0),
            (30, 30, 1, 0),
            (300, 270, 2, 30),
            (10, 40, 1, 0),
            (0, 0, 0, 0),
        ] {
            assert_eq!(shelf.take(Bytes(more), &capacity), (Bytes(written), begun), "{more}");
            assert_eq!(shelf.held(), Bytes(held), "{more}");
        }
    }

    #[test]
    fn growth_is_no_unevenness_and_waves_are() {
        let line = (0..50).map(|at| 100.0 + f64::from(at));
        let (mean, peak, varies) = spread(line.clone());
        assert!((mean - 124.5).abs() < 1e-9 && (peak - 149.0).abs() < 1e-9 && varies < 1e-9);
        let waves = line.zip(0..).map(|(value, at)| value + if at % 2 == 0 { 10.0 } else { -10.0 });
        assert!((spread(waves).2 - 10.0 / 124.5).abs() < 0.002);
        assert_eq!(spread(std::iter::empty()), (0.0, 0.0, 0.0));
    }
}
