//! The choice of a level: what one DLE needs, looked at alone.
//!
//! A full is due when the dump cycle is over. Until then an incremental is made, at the level of last time;
//! it goes up one level (a *bump*) when the DLE has stayed long enough and the next level would save enough.
//! Sizes are compared as stored, since that is what a volume has to take.
//!
//! Whether the night can take what all DLEs need together is for `fit` to say, and whether a full comes
//! early is for `promote`: both only change what a [`Case`] *takes*.

use std::collections::BTreeMap;

use types::{Bytes, Level};

use super::facts::{Base, Day, DleFacts, Estimate, Estimates, Request, Source, Strategy};
use super::outcome::{Choice, Kind, Skipped};

/// Added to the priority of what was never dumped.
const NEVER_DUMPED: i64 = 10_000;
/// A percentage says nothing about fulls smaller than this.
const SMALL_FULL: Bytes = Bytes(1 << 20);

/// When the next full of a DLE falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Never: its strategy knows no fulls.
    Never,
    /// Tonight: the operator asked for one.
    Asked,
    /// Tonight: there is none that could be read back.
    First,
    /// Tonight, since a full is made every run.
    EveryRun,
    /// Tonight, and so many days late; 0 is in time.
    Late(i64),
    /// In so many days.
    In(i64),
}

impl Due {
    pub(super) fn is_tonight(&self) -> bool {
        !matches!(self, Self::Never | Self::In(_))
    }
}

/// When the next full falls due.
pub(super) fn due(dle: &DleFacts, today: Day) -> Due {
    let asked = dle.request == Some(Request::Full);
    match dle.strategy {
        Strategy::NoFull | Strategy::Skip => return Due::Never,
        _ if asked => return Due::Asked,
        Strategy::IncrOnly => return Due::Never,
        Strategy::NoInc => return Due::EveryRun,
        Strategy::Standard if !dle.record => return Due::EveryRun,
        Strategy::Standard => (),
    }
    let ours = dle.last_full().map(|past| past.day);
    match ours.max(dle.skipped_full) {
        None => Due::First,
        Some(_) if dle.dumpcycle == 0 => Due::EveryRun,
        Some(last) => match i64::from(dle.dumpcycle) - age(dle, last, today) {
            days @ 1.. => Due::In(days),
            late => Due::Late(-late),
        },
    }
}

/// How many days ago that was. The clock cannot tell it of a day that is still to come, because it was set back
/// since: until it has caught up, every run counts as a day. So neither is there a full every night until then, nor
/// none.
fn age(dle: &DleFacts, last: Day, today: Day) -> i64 {
    if last <= today {
        return today.since(last);
    }
    let since = dle.history.iter().take_while(|row| !row.level.is_full());
    i64::try_from(since.count()).unwrap_or(i64::MAX)
}

/// What going up from `level` must save.
pub(super) fn bump_threshold(dle: &DleFacts, level: Level) -> Bytes {
    let full = dle.last.get(&Level::FULL).map_or(Bytes::ZERO, |past| past.stored);
    let base = if dle.bump.percent != 0 && full > SMALL_FULL {
        full.share(f64::from(dle.bump.percent) / 100.0)
    } else {
        dle.bump.size
    };
    base.share(dle.bump.mult.powi(i32::from(level.number()) - 1))
}

/// What a DLE gets tonight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Full,
    Incremental,
    Nothing(String),
}

/// One DLE that may be dumped tonight, with all its ways.
#[derive(Clone, Debug)]
pub(super) struct Case<'a> {
    pub(super) facts: &'a DleFacts,
    pub(super) due: Due,
    /// What a full would cost.
    pub(super) full: Option<Choice>,
    /// The incremental that it would get; or why there is none.
    pub(super) incremental: Result<Choice, String>,
    pub(super) take: Take,
    pub(super) why: String,
    pub(super) urgency: i64,
}

impl Case<'_> {
    /// The way that is taken, if any.
    pub(super) fn choice(&self) -> Option<&Choice> {
        match self.take {
            Take::Full => self.full.as_ref(),
            Take::Incremental => self.incremental.as_ref().ok(),
            Take::Nothing(_) => None,
        }
    }

    /// True when the full is there by order, and is not put off.
    pub(super) fn is_forced(&self) -> bool {
        self.due == Due::Asked && self.take == Take::Full
    }

    /// What to do instead, when it is cheaper than a full.
    pub(super) fn degraded(&self) -> Result<Choice, String> {
        match self.take {
            Take::Full => self.cheaper(),
            _ => Err("it is an incremental already".into()),
        }
    }

    fn cheaper(&self) -> Result<Choice, String> {
        if self.due == Due::Asked {
            return Err("the operator asked for a full".into());
        }
        let incremental = self.incremental.clone()?;
        let stored = |choice: &Choice| choice.cost.stored;
        match &self.full {
            Some(full) if stored(&incremental) >= stored(full) => {
                Err(format!("level {} would be no smaller than the full", incremental.level))
            }
            _ => Ok(incremental),
        }
    }
}

/// Chooses what a DLE needs tonight, or says why it is left out.
pub(super) fn choose<'a>(
    dle: &'a DleFacts,
    costs: &BTreeMap<Level, Estimate>,
    given: Option<&Estimates>,
    today: Day,
) -> Result<Case<'a>, Skipped> {
    let due = due(dle, today);
    if let Some((kind, why)) = left_out(dle, due) {
        return Err(Skipped { dle: dle.dle.clone(), kind, why });
    }
    let full = costs.get(&Level::FULL).map(|&cost| Choice { level: Level::FULL, base: None, cost });
    let full = full.filter(|_| !matches!(dle.strategy, Strategy::NoFull) && !dle.skip_full);
    let picked = incremental(dle, costs);
    let (incremental, stay) = match picked {
        Ok((choice, why)) => (Ok(choice), why),
        Err(why) => (Err(why), String::new()),
    };
    let (take, why) = match (wants_full(dle, due, &incremental), &full, &incremental) {
        (Some(why), Some(_), _) => (Take::Full, why),
        (Some(why), None, Ok(_)) => {
            (Take::Incremental, format!("{why}, but nobody knows how large it would be; {stay}"))
        }
        (None, _, Ok(_)) => (Take::Incremental, stay),
        (None, Some(_), Err(why)) if due != Due::Never || !dle.last.is_empty() => {
            (Take::Full, format!("a full before its time: {why}"))
        }
        (_, _, Err(why)) => {
            let why = given.and_then(|given| given.failed.clone()).unwrap_or_else(|| why.clone());
            let why = format!("there is no estimate for it: {why}");
            return Err(Skipped { dle: dle.dle.clone(), kind: Kind::NoEstimate, why });
        }
    };
    Ok(Case { facts: dle, due, full, incremental, take, why, urgency: urgency(dle, due) })
}

fn left_out(dle: &DleFacts, due: Due) -> Option<(Kind, String)> {
    match dle.strategy {
        Strategy::Skip => {
            return Some((Kind::AsConfigured, "its strategy is skip".into()));
        }
        Strategy::IncrOnly if due == Due::Never && dle.last_full().is_none() => {
            let why =
                "its strategy is incronly and it has no full to build on: ask for one with `force`";
            return Some((Kind::Failed, why.into()));
        }
        _ => (),
    }
    if dle.skip_full && due.is_tonight() {
        return Some((Kind::FullElsewhere, "a full is due, and skip-full leaves it to you".into()));
    }
    if dle.skip_incr && !due.is_tonight() {
        return Some((Kind::AsConfigured, "no full is due, and skip-incr is set".into()));
    }
    None
}

/// Why it should be a full, if it should.
fn wants_full(dle: &DleFacts, due: Due, incremental: &Result<Choice, String>) -> Option<String> {
    let by_order = matches!(dle.request, Some(Request::Level1 | Request::Bump));
    if by_order && incremental.is_ok() {
        return None;
    }
    if dle.request == Some(Request::NoBump)
        && dle.last_level == Some(Level::FULL)
        && due != Due::Never
    {
        return Some("the operator asked for the level of last time, which was a full".into());
    }
    match due {
        Due::Never | Due::In(_) => None,
        Due::Asked => Some("the operator asked for a full".into()),
        Due::First if dle.last.is_empty() => Some("it was never dumped".into()),
        Due::First => Some("it has no full that can be read back".into()),
        Due::EveryRun if !dle.record => Some(
            "nothing is built on what it dumps (record = false), so it gets a full every run"
                .into(),
        ),
        Due::EveryRun => Some("it gets a full every run".into()),
        Due::Late(0) => Some(format!("its dump cycle of {} is over", days(dle.dumpcycle.into()))),
        Due::Late(late) => Some(format!("its full is {} late", days(late))),
    }
}

fn urgency(dle: &DleFacts, due: Due) -> i64 {
    i64::from(dle.priority)
        + match due {
            Due::First => NEVER_DUMPED,
            Due::Late(late) => late,
            Due::Asked => 1,
            _ => 0,
        }
}

/// The incremental that the DLE would get, and why this level; or why there is none.
fn incremental(
    dle: &DleFacts,
    costs: &BTreeMap<Level, Estimate>,
) -> Result<(Choice, String), String> {
    if dle.strategy == Strategy::NoInc {
        return Err("its strategy is noinc".into());
    }
    if dle.skip_incr {
        return Err("skip-incr is set".into());
    }
    if !dle.record && dle.strategy != Strategy::NoFull {
        return Err("nothing is built on what it dumps (record = false)".into());
    }
    let (level, why) = pick_level(dle, costs);
    match at(dle, level, costs) {
        Ok(choice) => Ok((choice, why)),
        Err(reason) => {
            let lower = (1..level.number()).rev().filter_map(|number| Level::try_from(number).ok());
            let found = lower.into_iter().find_map(|lower| at(dle, lower, costs).ok());
            let why = |choice: &Choice| format!("level {} since {reason}", choice.level);
            found
                .map(|choice| (why(&choice), choice))
                .map(|(why, choice)| (choice, why))
                .ok_or(reason)
        }
    }
}

/// One level as a choice; or why it is none.
fn at(dle: &DleFacts, level: Level, costs: &BTreeMap<Level, Estimate>) -> Result<Choice, String> {
    let complete_in_itself = dle.strategy == Strategy::NoFull || dle.skip_full;
    let base = match dle.base_of(level) {
        Base::Dump(dump) => Some(dump),
        Base::None | Base::Lost(_) | Base::NotNeeded if complete_in_itself => None,
        Base::Lost(_) => return Err("the client has lost what it would build on".into()),
        Base::None | Base::NotNeeded => return Err("it has no full that can be read back".into()),
    };
    let cost = costs.get(&level).ok_or_else(|| format!("nothing is known of its level {level}"))?;
    Ok(Choice { level, base, cost: *cost })
}

/// Stay, or go up a level?
fn pick_level(dle: &DleFacts, costs: &BTreeMap<Level, Estimate>) -> (Level, String) {
    let one = Level::FULL.next();
    let current = dle.last_level.unwrap_or(Level::FULL);
    let fixed = |level: Level, why: &str| (level, why.to_owned());
    let overwritten = dle.last.get(&one).is_some_and(|past| past.overwritten_in == Some(0));
    match dle.request {
        Some(Request::Level1) => return fixed(one, "the operator asked for level 1"),
        _ if dle.strategy == Strategy::NoFull => return fixed(one, "its strategy is nofull"),
        _ if current.is_full() => return fixed(one, "the first after a full"),
        _ if overwritten => {
            return fixed(one, "the volume of the last level 1 is written over this run");
        }
        Some(Request::NoBump) => return fixed(current, "the operator asked for no bump"),
        Some(Request::Bump) => return fixed(current.next(), "the operator asked for a bump"),
        Some(Request::Full) | None => (),
    }
    let (Some(here), next) = (costs.get(&current), costs.get(&current.next())) else {
        return fixed(current.next(), "nothing is known of the level of last time");
    };
    let threshold = bump_threshold(dle, current);
    let stay = |why: String| (current, format!("level {current} as last time: {why}"));
    let saves = next.map(|next| here.stored - next.stored);
    let asked = |cost: &Estimate| cost.source == Source::Client;
    let small = dle.last.get(&current).filter(|past| past.stored <= threshold);
    let known = if asked(here) && next.is_none_or(asked) { "" } else { "by its history " };
    match saves {
        _ if current == Level::TOP => stay("there is no higher level".into()),
        _ if dle.consecutive_runs < dle.bump.days => {
            stay(format!("{} of {} runs at it", dle.consecutive_runs, dle.bump.days))
        }
        _ if here.stored <= threshold => {
            stay(format!("its {} are below the {threshold} that a bump must save", here.stored))
        }
        // Where the last dump was small nobody has looked at the next level, whatever this one has grown to.
        None => stay(small.map_or("nothing is known of the next".into(), |past| {
            format!(
                "its {} are more than the {threshold} that a bump must save, and the {} of last time were not: the \
                 next level comes into question once a dump was larger",
                here.stored, past.stored
            )
        })),
        Some(saves) if saves < threshold => {
            stay(format!("{known}a bump would save {saves}, and must save {threshold}"))
        }
        Some(saves) => {
            let next = current.next();
            (next, format!("up from level {current} to {next}, which {known}saves {saves}"))
        }
    }
}

/// `1 day`, `2 days`.
pub(super) fn days(count: i64) -> String {
    format!("{count} day{}", if count == 1 { "" } else { "s" })
}
