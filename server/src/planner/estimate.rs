//! Estimates: what a dump of each level would cost.
//!
//! History answers for most DLEs, without a word to the client: a full is about as large as the last one,
//! and the third level 1 in a row about as large as third level 1s used to be. The client walks its tree
//! only for what has no history, and for a DLE that is near a bump, if history leaves it in doubt what the bump would
//! save: the next level would hold what changes in a day, and that is known where days are alike. One walk gives the
//! sizes of all levels asked for.
//!
//! A full is taken to have grown since the last as it grew before.

use std::collections::BTreeMap;

use types::{Bytes, DumpId, Level};

use super::facts::{Base, Day, DleFacts, Estimate, Estimates, Request, Row, Source, Strategy};
use super::level::{Due, bump_threshold, due};

/// What a dump gets done in a second when nothing is known: an old disk on an old network.
const DEFAULT_RATE: u64 = 10 << 20;
/// So many of the newest dumps say how well a DLE compresses, and how fast it is.
const RECENT: usize = 3;
/// Nothing grows by more than this when it is compressed.
const WORST_RATIO: f64 = 1.1;
/// Within this factor of what decides, an estimate from history decides nothing.
const DOUBT: f64 = 1.5;
/// Days that differ by more than this factor say nothing of the next.
const STEADY: u64 = 4;
/// Nothing is taken to grow faster between two fulls.
const GROWTH: f64 = 2.0;
/// Longer stays at one level are all alike.
const LONGEST_STAY: u32 = 29;

/// What has to be done before a DLE can be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EstimateNeed {
    /// Nothing: it is not dumped tonight.
    Nothing,
    /// Nothing: history answers.
    FromHistory(Estimates),
    /// The client has to walk its tree.
    AskClient {
        /// The levels to ask for, each with what it builds on.
        levels: Vec<(Level, Option<DumpId>)>,
        /// What to plan with if the client does not answer.
        otherwise: Estimates,
    },
}

/// Says which levels have to be estimated, and whether the client has to be asked.
pub fn estimates_wanted(dle: &DleFacts, today: Day) -> EstimateNeed {
    let levels = levels_wanted(dle, today);
    let known = history(dle, &levels, today);
    let ask = EstimateNeed::AskClient {
        levels: levels.iter().map(|&level| (level, base(dle, level))).collect(),
        otherwise: known.clone(),
    };
    match levels.as_slice() {
        [] => EstimateNeed::Nothing,
        levels if near_a_bump(dle) && levels.len() > 1 && !is_clear(dle, &known) => ask,
        levels if levels.iter().all(|level| known.levels.contains_key(level)) => {
            EstimateNeed::FromHistory(known)
        }
        _ => ask,
    }
}

/// What Amanda asks of the client: every level that may come into question, every night.
pub(super) fn every_level(dle: &DleFacts, today: Day) -> EstimateNeed {
    let mut levels = levels_wanted(dle, today);
    if levels.is_empty() {
        return EstimateNeed::Nothing;
    }
    if let Some(current) = dle.last_level.filter(|level| !level.is_full() && dle.request.is_none())
        && near_a_bump(dle)
        && !levels.contains(&current.next())
    {
        levels.push(current.next());
    }
    let levels = levels.iter().map(|&level| (level, base(dle, level))).collect();
    EstimateNeed::AskClient { levels, otherwise: Estimates::default() }
}

/// What `raw` bytes of a level, as the client counted them, will cost.
pub fn from_client(dle: &DleFacts, level: Level, raw: Bytes) -> Estimate {
    let stored = raw.share(ratio(dle, level)).max(Bytes(1));
    let seconds = u32::try_from(stored.0 / rate(dle, level)).unwrap_or(u32::MAX);
    Estimate { raw, stored, seconds, source: Source::Client }
}

/// What history says of these levels.
pub(super) fn history(dle: &DleFacts, levels: &[Level], today: Day) -> Estimates {
    let estimate = |&level: &Level| Some((level, from_history(dle, level, today)?));
    Estimates { levels: levels.iter().filter_map(estimate).collect(), failed: None }
}

/// The levels that may come into question tonight.
pub(super) fn levels_wanted(dle: &DleFacts, today: Day) -> Vec<Level> {
    let due = due(dle, today);
    let out = dle.strategy == Strategy::Skip
        || dle.skip_full && due.is_tonight()
        || dle.skip_incr && !due.is_tonight()
        || dle.strategy == Strategy::IncrOnly && !due.is_tonight() && dle.last_full().is_none();
    if out {
        return Vec::new();
    }
    let mut levels = incremental_levels(dle);
    if full_in_question(dle, &due, levels.is_empty()) {
        levels.insert(0, Level::FULL);
    }
    levels
}

fn full_in_question(dle: &DleFacts, due: &Due, nothing_else: bool) -> bool {
    match dle.strategy {
        Strategy::NoFull => false,
        Strategy::IncrOnly => due.is_tonight(),
        _ if dle.skip_full => false,
        _ => nothing_else || !matches!(dle.request, Some(Request::Level1 | Request::Bump)),
    }
}

fn incremental_levels(dle: &DleFacts) -> Vec<Level> {
    let one = Level::FULL.next();
    let without_full = dle.strategy == Strategy::NoFull || dle.skip_full;
    if dle.strategy == Strategy::NoInc || dle.skip_incr {
        return Vec::new();
    }
    if dle.last_full().is_none() && !without_full {
        return Vec::new();
    }
    if dle.strategy == Strategy::NoFull || dle.request == Some(Request::Level1) {
        return vec![one];
    }
    let current = dle.last_level.unwrap_or(Level::FULL);
    if current.is_full() {
        return vec![one];
    }
    let mut levels = match dle.request {
        Some(Request::Bump) => vec![current.next()],
        Some(Request::NoBump) => vec![current],
        _ if near_a_bump(dle) => vec![current, current.next()],
        _ => vec![current],
    };
    // A level whose base is gone is replaced by a lower one, down to level 1.
    let usable = |level: &Level| matches!(dle.base_of(*level), Base::Dump(_));
    if !levels.iter().all(usable) && !levels.contains(&one) {
        levels.insert(0, one);
    }
    levels
}

/// True when the next level has to be looked at: the stay at this one was long enough, and the last dump
/// was larger than a bump must save (or nobody knows).
fn near_a_bump(dle: &DleFacts) -> bool {
    let Some(current) = dle.last_level.filter(|level| !level.is_full()) else { return false };
    let large =
        dle.last.get(&current).is_none_or(|past| past.stored > bump_threshold(dle, current));
    dle.request.is_none()
        && dle.strategy != Strategy::NoFull
        && current < Level::TOP
        && dle.consecutive_runs >= dle.bump.days
        && large
}

/// True if history alone says whether to bump: what it would save is well above what it must, or well below.
fn is_clear(dle: &DleFacts, known: &Estimates) -> bool {
    let Some(current) = dle.last_level else { return false };
    let stored = |level| known.levels.get(&level).map(|estimate: &Estimate| estimate.stored);
    let (Some(here), Some(next)) = (stored(current), stored(current.next())) else { return false };
    let saves = (here - next).0 as f64 / bump_threshold(dle, current).0.max(1) as f64;
    !(1.0 / DOUBT..=DOUBT).contains(&saves)
}

fn base(dle: &DleFacts, level: Level) -> Option<DumpId> {
    match dle.base_of(level) {
        Base::Dump(dump) => Some(dump),
        Base::NotNeeded | Base::Lost(_) | Base::None => None,
    }
}

/// The size of a level as earlier dumps suggest it: those that were as long at this level as tonight's
/// would be, else the last one.
fn from_history(dle: &DleFacts, level: Level, today: Day) -> Option<Estimate> {
    let last = || {
        let past = dle.last.get(&level)?;
        let seconds = u32::try_from(past.stored.0 / rate(dle, level)).unwrap_or(u32::MAX);
        Some(Estimate { raw: past.raw, stored: past.stored, seconds, source: Source::History })
    };
    if level.is_full() {
        return grown_full(dle, today).or_else(last);
    }
    let rows = stays(&dle.history);
    let alike = |stay: u32| {
        let rows = rows.iter().filter(|(row, s)| row.level == level && *s == stay);
        average(rows.map(|(row, _)| *row))
    };
    let stay = if dle.last_level == Some(level) { dle.consecutive_runs + 1 } else { 1 };
    let as_long = (1..=stay.min(LONGEST_STAY)).rev().find_map(alike);
    as_long.or_else(last).or_else(|| (stay == 1).then(|| one_day(&rows)).flatten())
}

/// The newest full, grown since by as much a day as from the one before to it.
fn grown_full(dle: &DleFacts, today: Day) -> Option<Estimate> {
    let mut fulls = dle.history.iter().filter(|row| row.level.is_full());
    let newest = fulls.next()?;
    let factor = fulls.find(|row| row.day < newest.day && row.stored > Bytes::ZERO).map(|before| {
        let between = newest.day.since(before.day) as f64;
        let since = today.since(newest.day) as f64;
        (newest.stored.0 as f64 / before.stored.0 as f64).powf(since / between)
    });
    let grown = |bytes: Bytes| bytes.share(factor.unwrap_or(1.0).clamp(1.0 / GROWTH, GROWTH));
    let seconds = u32::try_from(grown(Bytes(newest.seconds.into())).0).unwrap_or(u32::MAX);
    let stored = grown(newest.stored).max(Bytes(1));
    Some(Estimate { raw: grown(newest.raw), stored, seconds, source: Source::History })
}

/// What changes from one run to the next, whatever the level: the first dump at a level holds just that. Nothing, if
/// the newest of them differ too much.
fn one_day(rows: &[(Row, u32)]) -> Option<Estimate> {
    let first = rows.iter().rev().filter(|(row, stay)| !row.level.is_full() && *stay == 1);
    let newest: Vec<Row> = first.map(|(row, _)| *row).take(RECENT).collect();
    let sizes = || newest.iter().map(|row| row.stored.0.max(1));
    let steady = sizes().max()? <= sizes().min()?.saturating_mul(STEADY);
    (newest.len() > 1 && steady).then(|| average(newest.into_iter())).flatten()
}

/// Each row with its place in the row of dumps at the same level: 1 for the first after a change.
fn stays(history: &[Row]) -> Vec<(Row, u32)> {
    let mut stays: Vec<(Row, u32)> = Vec::with_capacity(history.len());
    for &row in history.iter().rev() {
        let stay = match stays.last() {
            Some((before, stay)) if before.level == row.level => (stay + 1).min(LONGEST_STAY),
            _ => 1,
        };
        stays.push((row, stay));
    }
    stays
}

fn average(rows: impl Iterator<Item = Row>) -> Option<Estimate> {
    let rows: Vec<Row> = rows.collect();
    let count = rows.len() as u64;
    let mean = |sum: u64| sum.checked_div(count);
    Some(Estimate {
        raw: Bytes(mean(rows.iter().map(|row| row.raw).sum::<Bytes>().0)?),
        stored: Bytes(mean(rows.iter().map(|row| row.stored).sum::<Bytes>().0)?).max(Bytes(1)),
        seconds: u32::try_from(mean(rows.iter().map(|row| u64::from(row.seconds)).sum())?).ok()?,
        source: Source::History,
    })
}

/// The newest dumps of the same kind, full or incremental, with the weights 3, 2, 1.
fn recent(dle: &DleFacts, level: Level) -> impl Iterator<Item = (&Row, f64)> {
    let alike = move |row: &&Row| row.level.is_full() == level.is_full();
    dle.history.iter().filter(alike).take(RECENT).zip([3.0, 2.0, 1.0])
}

fn weighted(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weights) =
        values.fold((0.0, 0.0), |(s, w), (value, weight)| (s + value * weight, w + weight));
    (weights > 0.0).then(|| sum / weights)
}

fn ratio(dle: &DleFacts, level: Level) -> f64 {
    let expected = if level.is_full() { dle.ratio.full } else { dle.ratio.incremental };
    let rows = recent(dle, level).filter(|(row, _)| row.raw > Bytes::ZERO);
    let seen = weighted(rows.map(|(row, weight)| (row.stored.0 as f64 / row.raw.0 as f64, weight)));
    seen.unwrap_or(expected).clamp(0.0, WORST_RATIO)
}

/// Stored bytes a second; at least 1.
fn rate(dle: &DleFacts, level: Level) -> u64 {
    let rows = recent(dle, level).filter(|(row, _)| row.seconds > 0);
    let seen =
        weighted(rows.map(|(row, weight)| (row.stored.0 as f64 / f64::from(row.seconds), weight)));
    seen.map_or(DEFAULT_RATE, |rate| Bytes(1).share(rate).0).max(1)
}

/// The estimates that a plan goes by: what was given, and what history adds.
pub(super) fn complete(
    dle: &DleFacts,
    given: Option<&Estimates>,
    today: Day,
) -> BTreeMap<Level, Estimate> {
    let mut levels = levels_wanted(dle, today);
    // Balancing wants the size of a full also where none is in question.
    levels.push(Level::FULL);
    let mut known = given.map(|given| given.levels.clone()).unwrap_or_default();
    levels.retain(|level| !known.contains_key(level));
    known.extend(history(dle, &levels, today).levels);
    known
}
