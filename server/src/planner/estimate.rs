//! Estimates: what a dump of each level would cost, and which clients have to be asked.
//!
//! History answers for most DLEs, without a word to the client. The client walks its tree only for what has no history;
//! for a DLE that is near a bump, if history leaves it in doubt whether the bump would save enough; and for the few
//! whose history leaves so much in doubt that it would show in the night as a whole. One walk gives the sizes of all
//! levels asked for.

use std::collections::BTreeMap;

use types::{Bytes, DumpId, Level};

use super::facts::{Base, Day, DleFacts, Estimate, Estimates, Request, Strategy};
use super::history::{Lessons, base, counted, usual_incremental};
use super::level::{Due, bump_threshold, due};

/// What is in doubt by so many times what is usual decides nothing.
const DOUBT: f64 = 1.5;
/// So much of a night is worth a question.
const WORTH: f64 = 0.01;

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

/// Says which levels have to be estimated, and whether the client has to be asked. A doubt of more than `worth` bytes
/// is worth a question; see [`worth_asking`].
pub fn estimates_wanted(dle: &DleFacts, today: Day, worth: Bytes) -> EstimateNeed {
    let levels = levels_wanted(dle, today);
    if levels.is_empty() {
        return EstimateNeed::Nothing;
    }
    let lessons = Lessons::new(dle, today);
    let mut known = Estimates::default();
    let mut doubt = BTreeMap::new();
    for &level in &levels {
        if let Some(one) = lessons.of(level) {
            known.levels.insert(level, one.estimate);
            doubt.insert(level, one.raw_off * one.estimate.stored.0 as f64);
        }
    }
    let in_question = levels.iter().filter(|level| !level.is_full() || levels.len() == 1);
    let much = in_question.filter_map(|level| doubt.get(level)).any(|one| *one > worth.0 as f64);
    let unknown = levels.iter().any(|level| !known.levels.contains_key(level));
    let in_doubt = near_a_bump(dle) && levels.len() > 1 && !is_clear(dle, &known, &doubt);
    if !(unknown || much || in_doubt) {
        return EstimateNeed::FromHistory(known);
    }
    EstimateNeed::AskClient {
        levels: levels.iter().map(|&level| (level, base(dle, level))).collect(),
        otherwise: known,
    }
}

/// What is worth asking a client for: so many bytes would show in the night as a whole.
pub fn worth_asking(dles: &[DleFacts]) -> Bytes {
    let night = |dle: &DleFacts| {
        let full = dle.last_full().map_or(Bytes::ZERO, |past| past.stored);
        let incremental = usual_incremental(dle).map_or(Bytes::ZERO, |(stored, _)| stored);
        full.share(1.0 / f64::from(dle.dumpcycle.max(1))) + incremental
    };
    dles.iter().map(night).sum::<Bytes>().share(WORTH)
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
    counted(dle, level, raw)
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
    let alone = !dle.record && dle.strategy != Strategy::NoFull;
    if dle.strategy == Strategy::NoInc || dle.skip_incr || alone {
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
fn is_clear(dle: &DleFacts, known: &Estimates, doubt: &BTreeMap<Level, f64>) -> bool {
    let Some(current) = dle.last_level else { return false };
    let next = current.next();
    let stored = |level| known.levels.get(&level).map(|estimate: &Estimate| estimate.stored);
    let (Some(here), Some(there)) = (stored(current), stored(next)) else { return false };
    let threshold = bump_threshold(dle, current).0 as f64;
    let of = |level: &Level| doubt.get(level).copied().unwrap_or(0.0);
    ((here - there).0 as f64 - threshold).abs() > DOUBT * of(&current).hypot(of(&next))
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
    if !levels.is_empty() {
        let lessons = Lessons::new(dle, today);
        let add = |level: Level| Some((level, lessons.of(level)?.estimate));
        known.extend(levels.into_iter().filter_map(add));
    }
    known
}
