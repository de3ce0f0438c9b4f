//! What came of it: the nights, and the figures that are compared.

use types::{Bytes, Level};

use super::truth::{Cost, Site};

/// One night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Night {
    /// Which, from 0.
    pub day: i64,
    /// What was written.
    pub bytes: Bytes,
    /// What of it were fulls.
    pub full_bytes: Bytes,
    /// How long it took: no less than the longest dump, and no less than all of them in parallel.
    pub seconds: u64,
    /// How many volumes it took, if every run begins with a new one.
    pub volumes: u64,
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
    longest: u64,
    work: u64,
}

/// All nights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// In order.
    pub nights: Vec<Night>,
    /// The longest that any DLE with fulls went without one, in days.
    pub longest: i64,
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
    /// Standard deviation by mean.
    pub variation_bytes: f64,
    /// Mean of how long a night takes, in seconds.
    pub mean_seconds: f64,
    /// The longest night.
    pub peak_seconds: f64,
    /// Standard deviation by mean.
    pub variation_seconds: f64,
    /// Volumes, all nights together.
    pub volumes: u64,
    /// Clients that were asked for estimates, on a night in the mean.
    pub asked: f64,
    /// DLEs whose full was late, on a night in the mean.
    pub late: f64,
    /// The longest between two fulls, in days: of the whole course.
    pub longest: i64,
}

impl Night {
    pub(super) fn on(day: i64) -> Self {
        Self { day, ..Self::default() }
    }

    pub(super) fn add(&mut self, level: Level, cost: &Cost) {
        self.bytes += cost.stored;
        self.dumps += 1;
        self.work += u64::from(cost.seconds);
        self.longest = self.longest.max(cost.seconds.into());
        if level.is_full() {
            self.fulls += 1;
            self.full_bytes += cost.stored;
        }
    }

    pub(super) fn settle(&mut self, site: &Site) {
        self.seconds = self.longest.max(self.work.div_ceil(u64::from(site.inparallel.max(1))));
        self.volumes = self.bytes.0.div_ceil(site.capacity.volume.0.max(1));
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
            volumes: settled.iter().map(|night| night.volumes).sum(),
            asked: of(|night| night.asked as f64).0,
            late: of(|night| night.late as f64).0,
            longest: self.longest,
        }
    }
}

/// Mean, largest, and standard deviation by mean.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let peak = values.clone().fold(0.0, f64::max);
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, peak, if mean > 0.0 { variance.sqrt() / mean } else { 0.0 })
}
