//! Estimates: what a dump of each level would cost, and which clients have to be asked.
//!
//! History answers for most DLEs, without a word to the client. The client walks its tree only for what has no history,
//! and where much is *at stake*: where what history leaves in doubt of tonight's dump, its size or whether a bump would
//! save enough, is by itself more than a hundredth of the night with all its doubts. Not a hundred DLEs can be that, of
//! however many. A bump that is decided wrongly for less costs little, and the next night can undo it.
//!
//! One walk gives the sizes of all levels asked for.

use std::collections::BTreeMap;

use types::{Bytes, DumpId, Level};

use super::facts::{Base, Day, DleFacts, Estimate, Estimates, Request, Strategy};
use super::history::{Lessons, base, counted, usual_incremental};
use super::level::{Due, bump_threshold, due};

/// What is in doubt by so many times what is usual decides nothing.
const DOUBT: f64 = 1.5;
/// So much of a night is worth a question. No more DLEs can be worth one than this goes into 1.
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

/// Says for each DLE which levels have to be estimated, and whether the client has to be asked; in their order.
///
/// A client is asked if nothing is known of one of the levels, or if what is at stake is worth it. Of the latter there
/// are never as many as a hundred: each alone has more than a hundredth of what all have together.
pub fn estimates_wanted(dles: &[DleFacts], today: Day) -> Vec<EstimateNeed> {
    let told: Vec<Told> = dles.iter().map(|dle| Told::of(dle, today)).collect();
    let usual: f64 = dles.iter().map(|dle| usual_night(dle).0 as f64).sum();
    let stakes: f64 = told.iter().map(|told| told.stake).sum();
    let worth = WORTH * (usual + stakes);
    dles.iter().zip(told).map(|(dle, told)| told.need(dle, worth)).collect()
}

/// What a DLE adds to a night in the mean.
fn usual_night(dle: &DleFacts) -> Bytes {
    let full = dle.last_full().map_or(Bytes::ZERO, |past| past.stored);
    let incremental = usual_incremental(dle).map_or(Bytes::ZERO, |(stored, _)| stored);
    full.share(1.0 / f64::from(dle.dumpcycle.max(1))) + incremental
}

/// What history tells of one DLE.
struct Told {
    /// The levels that may come into question.
    levels: Vec<Level>,
    known: Estimates,
    /// By so many bytes tonight's dump may well differ from what history makes of it.
    stake: f64,
}

impl Told {
    fn of(dle: &DleFacts, today: Day) -> Self {
        let levels = levels_wanted(dle, today);
        let mut known = Estimates::default();
        if levels.is_empty() {
            return Self { levels, known, stake: 0.0 };
        }
        let lessons = Lessons::new(dle, today);
        let mut doubt = BTreeMap::new();
        for &level in &levels {
            if let Some(one) = lessons.of(level) {
                known.levels.insert(level, one.estimate);
                doubt.insert(level, one.raw_off * one.estimate.stored.0 as f64);
            }
        }
        let due = due(dle, today).is_tonight();
        let in_question = |level: &Level| levels.len() == 1 || level.is_full() == due;
        let of_size = doubt.iter().filter(|(level, _)| in_question(level)).map(|(_, doubt)| *doubt);
        let of_size = of_size.fold(0.0, f64::max);
        let of_bump = if due { 0.0 } else { bump_in_doubt(dle, &known, &doubt) };
        Self { levels, known, stake: of_size.max(of_bump) }
    }

    fn need(self, dle: &DleFacts, worth: f64) -> EstimateNeed {
        let Self { levels, known, stake } = self;
        let unknown = levels.iter().any(|level| !known.levels.contains_key(level));
        if levels.is_empty() {
            EstimateNeed::Nothing
        } else if unknown || stake > worth {
            let levels = levels.iter().map(|&level| (level, base(dle, level))).collect();
            EstimateNeed::AskClient { levels, otherwise: known }
        } else {
            EstimateNeed::FromHistory(known)
        }
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

/// What a bump may save, if history leaves in doubt whether it saves enough; else nothing.
fn bump_in_doubt(dle: &DleFacts, known: &Estimates, doubt: &BTreeMap<Level, f64>) -> f64 {
    let Some(current) = dle.last_level.filter(|_| near_a_bump(dle)) else { return 0.0 };
    let next = current.next();
    let stored = |level| known.levels.get(&level).map(|estimate: &Estimate| estimate.stored);
    let (Some(here), Some(there)) = (stored(current), stored(next)) else { return 0.0 };
    let (saves, threshold) = ((here - there).0 as f64, bump_threshold(dle, current).0 as f64);
    let of = |level: &Level| doubt.get(level).copied().unwrap_or(0.0);
    let off = DOUBT * of(&current).hypot(of(&next));
    if (saves - threshold).abs() > off { 0.0 } else { saves + off }
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
