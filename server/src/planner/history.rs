//! History: what earlier dumps say of tonight's.
//!
//! Of a DLE three things are learned. Its *size*, from its fulls, with the trend in which they grow. Its *change*: what
//! one day adds to an incremental, for each day of the week where the history reaches so far. And how it *packs*:
//! stored bytes by raw bytes, and how fast. From them follows what a dump of any level would be: what the last one of
//! that level held, and what the days since then add to it; of which a part, in a tree that changes much, had changed
//! before.
//!
//! Each answer tells how far off it may well be, from how much its like has varied so far.

use types::{Bytes, Level};

use super::facts::{Base, Day, DleFacts, Estimate, Row, Source};

/// What a dump gets done in a second when nothing is known: an old disk on an old network.
const DEFAULT_RATE: u64 = 10 << 20;
/// A dump counts this much of the next newer one of its kind.
const FADES: f64 = 0.85;
/// Nothing grows by more than this when it is compressed.
const WORST_RATIO: f64 = 1.1;
/// A tree is not taken to grow or shrink by more than this factor since its last full.
const GROWTH: f64 = 2.0;
/// What was seen only once or twice may be off by this share.
const HARDLY_KNOWN: f64 = 0.5;
/// Nobody looks back further than so many days when days are added up.
const LONGEST: i64 = 400;

/// What history says of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) estimate: Estimate,
    /// By what share of it the raw size may well be off: what the client could tell better.
    pub(super) raw_off: f64,
}

/// What the history of a DLE has taught.
pub(super) struct Lessons<'a> {
    dle: &'a DleFacts,
    today: Day,
    /// Raw bytes that a day adds, newest first; with the day if it was one day alone.
    changes: Vec<(Option<Day>, f64)>,
    size: f64,
}

impl<'a> Lessons<'a> {
    pub(super) fn new(dle: &'a DleFacts, today: Day) -> Self {
        let full = dle.history.iter().find(|row| row.level.is_full());
        let size = full.map(|row| row.raw).or(dle.last_full().map(|past| past.raw));
        let size = size.map_or(f64::INFINITY, |raw| raw.0.max(1) as f64);
        let changes = dle.history.windows(2).filter_map(|pair| change(&pair[0], &pair[1], size));
        Self { dle, today, changes: changes.collect(), size }
    }

    /// What a dump of this level would be.
    pub(super) fn of(&self, level: Level) -> Option<Known> {
        if level.is_full() { self.full() } else { self.incremental(level) }
    }

    /// As large as the newest, grown as fulls have grown so far.
    fn full(&self) -> Option<Known> {
        let mut fulls = self.dle.history.iter().filter(|row| row.level.is_full());
        let Some(newest) = fulls.next() else {
            let past = self.dle.last.get(&Level::FULL)?;
            return Some(self.known(
                Level::FULL,
                past.raw.0 as f64,
                HARDLY_KNOWN,
                Some(past.stored),
            ));
        };
        let oldest = fulls.rfind(|row| row.day < newest.day && row.raw > Bytes::ZERO);
        let factor = oldest.map_or(1.0, |oldest| {
            let between = newest.day.since(oldest.day) as f64;
            let since = self.today.since(newest.day) as f64;
            (newest.raw.0 as f64 / oldest.raw.0 as f64).powf(since / between)
        });
        let factor = factor.clamp(1.0 / GROWTH, GROWTH);
        Some(self.known(Level::FULL, newest.raw.0 as f64 * factor, (factor - 1.0).abs(), None))
    }

    /// What it held last time, and what was added since; or what was added since the dump that it builds on.
    fn incremental(&self, level: Level) -> Option<Known> {
        let below = self.dle.last.range(..level).filter(|(_, past)| past.restorable);
        let base = below.map(|(_, past)| past.day).max();
        let last = self.dle.last.get(&level).filter(|past| Some(past.day) >= base);
        let (held, since) = match (last, base) {
            (Some(past), _) => (past.raw.0 as f64, past.day),
            (None, Some(day)) => (0.0, day),
            (None, None) => return None,
        };
        if self.changes.is_empty() {
            let past = last?;
            return Some(self.known(level, held, HARDLY_KNOWN, Some(past.stored)));
        }
        let first = since.0.max(self.today.0.saturating_sub(LONGEST));
        let (mut added, mut variance) = (0.0, 0.0);
        for day in first + 1..=self.today.0.max(since.0 + 1) {
            let (change, deviation) = self.on(Day(day));
            added += change;
            variance += deviation.powi(2);
        }
        let raw = if added < self.size && held < self.size {
            // Of what is added, so much had changed before.
            held + added * (1.0 - held / self.size)
        } else {
            held + added
        };
        let raw = raw.max(1.0);
        Some(self.known(level, raw, variance.sqrt() / raw, None))
    }

    /// What that day adds, and by how much it may well be off: as the same days of the week did, if enough were seen,
    /// else as all days did.
    fn on(&self, day: Day) -> (f64, f64) {
        let all = self.changes.iter().map(|(_, change)| *change);
        let (mean, spread) = spread(all);
        let alike = |of: &Option<Day>| of.is_some_and(|of| (of.0 - day.0).rem_euclid(7) == 0);
        let same = self.changes.iter().filter(|(of, _)| alike(of)).map(|(_, change)| *change);
        let (count, sum) = same.fold((0.0, 0.0), |(count, sum), one| (count + 1.0, sum + one));
        if count < 2.0 {
            let few = if self.changes.len() < 3 { HARDLY_KNOWN * mean } else { 0.0 };
            return (mean, spread.max(few));
        }
        let expected = (sum + mean) / (count + 1.0);
        let off = self.changes.iter().filter(|(of, _)| alike(of));
        let off = off.map(|(_, change)| (change - expected).powi(2)).sum::<f64>() / count;
        (expected, off.sqrt())
    }

    fn known(&self, level: Level, raw: f64, raw_off: f64, stored: Option<Bytes>) -> Known {
        let raw = Bytes(1).share(raw);
        let (ratio, ratio_off) = ratio(self.dle, level);
        let stored = stored.unwrap_or_else(|| raw.share(ratio)).max(Bytes(1));
        let off = raw_off.hypot(ratio_off).min(1.0);
        let estimate = Estimate {
            raw,
            stored,
            seconds: seconds(self.dle, level, stored),
            off: percent(off),
            source: Source::History,
        };
        Known { estimate, raw_off }
    }
}

/// What the newer of two dumps tells of the days between them, for each day.
fn change(newer: &Row, older: &Row, size: f64) -> Option<(Option<Day>, f64)> {
    if newer.level.is_full() || newer.day <= older.day {
        return None;
    }
    let days = newer.day.since(older.day) as f64;
    let added = if newer.level == older.level {
        let held = older.raw.0 as f64;
        (newer.raw.0 as f64 - held).max(0.0) / (1.0 - held / size).max(0.1)
    } else if newer.level > older.level {
        newer.raw.0 as f64
    } else {
        return None;
    };
    Some(((days <= 1.0).then_some(newer.day), added / days))
}

/// What `raw` bytes of a level, as the client counted them, will cost.
pub(super) fn counted(dle: &DleFacts, level: Level, raw: Bytes) -> Estimate {
    let (ratio, off) = ratio(dle, level);
    let stored = raw.share(ratio).max(Bytes(1));
    let seconds = seconds(dle, level, stored);
    Estimate { raw, stored, seconds, off: percent(off), source: Source::Client }
}

/// Mean and standard deviation.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn percent(share: f64) -> u8 {
    u8::try_from(Bytes(100).share(share.clamp(0.0, 1.0)).0).unwrap_or(100)
}

/// The dumps of the same kind, full or incremental, newest first, each with its weight.
fn alike(dle: &DleFacts, level: Level) -> impl Iterator<Item = (&Row, f64)> {
    let alike = move |row: &&Row| row.level.is_full() == level.is_full();
    let mut weight = 1.0 / FADES;
    dle.history.iter().filter(alike).map(move |row| {
        weight *= FADES;
        (row, weight)
    })
}

/// Stored bytes by raw bytes, and by what share that varies.
fn ratio(dle: &DleFacts, level: Level) -> (f64, f64) {
    let expected = if level.is_full() { dle.ratio.full } else { dle.ratio.incremental };
    let (mut weights, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (row, weight) in alike(dle, level).filter(|(row, _)| row.raw > Bytes::ZERO) {
        let ratio = row.stored.0 as f64 / row.raw.0 as f64;
        weights += weight;
        sum += ratio * weight;
        squares += ratio * ratio * weight;
    }
    if weights == 0.0 {
        return (expected.clamp(0.0, WORST_RATIO), HARDLY_KNOWN);
    }
    let mean = sum / weights;
    let off =
        if mean > 0.0 { (squares / weights - mean * mean).max(0.0).sqrt() / mean } else { 0.0 };
    (mean.clamp(0.0, WORST_RATIO), off)
}

/// How long so much takes.
fn seconds(dle: &DleFacts, level: Level, stored: Bytes) -> u32 {
    let (bytes, seconds) = alike(dle, level).filter(|(row, _)| row.seconds > 0).fold(
        (0.0, 0.0),
        |(bytes, seconds), (row, weight)| {
            (bytes + row.stored.0 as f64 * weight, seconds + f64::from(row.seconds) * weight)
        },
    );
    let rate = if seconds > 0.0 { Bytes(1).share(bytes / seconds).0 } else { DEFAULT_RATE };
    u32::try_from(stored.0 / rate.max(1)).unwrap_or(u32::MAX)
}

/// What a day's incrementals are in the mean: stored bytes and seconds; nothing if there was none yet.
pub(super) fn usual_incremental(dle: &DleFacts) -> Option<(Bytes, u32)> {
    let rows = || dle.history.iter().filter(|row| !row.level.is_full());
    let count = rows().count() as u64;
    let bytes = rows().map(|row| row.stored).sum::<Bytes>().0.checked_div(count)?;
    let seconds = rows().map(|row| u64::from(row.seconds)).sum::<u64>().checked_div(count)?;
    Some((Bytes(bytes), u32::try_from(seconds).ok()?))
}

/// What a level would build on, if it is a dump.
pub(super) fn base(dle: &DleFacts, level: Level) -> Option<types::DumpId> {
    match dle.base_of(level) {
        Base::Dump(dump) => Some(dump),
        Base::NotNeeded | Base::Lost(_) | Base::None => None,
    }
}
