//! Promotion: fulls that come early, so that every night has about the same to do.
//!
//! Which they are, the calendar says. Here they are made fulls of tonight's, if the night takes them, each with the
//! sentence that says which night it relieves; and here is told what falls due after tonight.

use std::collections::BTreeMap;

use types::Bytes;

use super::calendar::{Calendar, Early, promotable};
use super::facts::{Day, Strategy, Tonight};
use super::fit::Load;
use super::hours::Ways;
use super::level::{Case, Due, Take, days};
use super::outcome::{Choice, DueDay};
use super::week::Week;

/// In milliseconds.
const MINUTE: u64 = 60_000;

/// The fulls of each run if they were spread perfectly.
pub(super) fn ideal(tonight: &Tonight, cases: &[Case<'_>]) -> Bytes {
    let runs = f64::from(tonight.runs_per_cycle.max(1));
    let share = |case: &Case<'_>| {
        let full = full_size(case)?;
        let each_run = match (case.facts.strategy, case.facts.dumpcycle) {
            (Strategy::NoFull | Strategy::IncrOnly | Strategy::Skip, _) => return None,
            _ if case.facts.skip_full => return None,
            (Strategy::NoInc, _) | (_, 0) => 1.0,
            (Strategy::Standard, cycle) => {
                // In real numbers: a cycle of 4 days in one of 7 is 1.75 fulls, not 1.
                (f64::from(tonight.dumpcycle) / f64::from(cycle) / runs).min(1.0)
            }
        };
        Some(full.share(each_run))
    };
    cases.iter().filter_map(share).sum()
}

/// When the next fulls fall due, if tonight's are made.
pub(super) fn ahead(cases: &[Case<'_>], today: Day) -> Vec<DueDay> {
    let mut by_day: BTreeMap<i64, (u32, Bytes)> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.facts.strategy == Strategy::Standard) {
        let cycle = i64::from(case.facts.dumpcycle).max(1);
        let in_days = match (&case.take, case.due) {
            (_, Due::Never) => continue,
            (Take::Full, _) => cycle,
            (_, Due::In(days)) => days,
            _ => 1,
        };
        let (fulls, stored) = by_day.entry(in_days).or_default();
        *fulls += 1;
        *stored += full_size(case).unwrap_or_default();
    }
    let due = |(in_days, (fulls, stored))| DueDay { day: Day(today.0 + in_days), fulls, stored };
    by_day.into_iter().map(due).collect()
}

/// Makes fulls of incrementals if the nights to come need it.
pub(super) fn promote<'a>(
    tonight: &'a Tonight,
    ways: &'a Ways,
    cases: &mut [Case<'a>],
    load: &mut Load<'_>,
) {
    let week = Week::new(tonight);
    let mut calendar = Calendar::new(tonight, ways, cases, load, &week);
    calendar.level();
    let mean = calendar.mean();
    for early in calendar.tonights() {
        take(&mut cases[early.at], &early, mean, load);
    }
}

/// Makes this full early, if the night takes it.
fn take(case: &mut Case<'_>, early: &Early, mean: (f64, f64), load: &mut Load<'_>) {
    if case.full.is_none() || promotable(case).is_none() {
        return;
    }
    let before = case.clone();
    load.leave(early.at, &before);
    case.take = Take::Full;
    case.why = why(early, mean);
    load.take(early.at, case);
    if !load.fits() || load.too_big_alone(early.at, case).is_some() {
        load.leave(early.at, case);
        *case = before;
        load.take(early.at, case);
    }
}

/// Which night it relieves, and of what.
fn why(early: &Early, (bytes, millis): (f64, f64)) -> String {
    let when = format!("a full {} early", days(early.days));
    let Some(night) = early.relieved else {
        return format!("{when}: tonight has room, and few nights have");
    };
    let (much, late) = (night.bytes as f64 / bytes, night.with as f64 / millis.max(1.0));
    let sooner = (night.with - night.without) / MINUTE;
    if late > much && late > 1.0 {
        let [long, usual] = [night.with as f64, millis].map(|time| (time / MINUTE as f64).ceil());
        format!("{when}: the night it falls due would last {long} min, and {usual} are usual")
    } else if much > 1.0 {
        let (there, usual) = (Bytes(night.bytes), Bytes(1).share(bytes));
        format!("{when}: the night it falls due would have {there}, and {usual} are usual")
    } else if sooner > night.tonight.div_ceil(MINUTE) {
        let later = match night.tonight.div_ceil(MINUTE) {
            0 => "no later".to_owned(),
            minutes => format!("{minutes} min later"),
        };
        format!("{when}: the night it falls due ends {sooner} min sooner, and tonight {later}")
    } else {
        format!("{when}: tonight has room, and would have less to do than other nights")
    }
}

fn full_size(case: &Case<'_>) -> Option<Bytes> {
    let estimated = case.full.as_ref().map(|Choice { cost, .. }| cost.stored);
    estimated.or_else(|| case.facts.last_full().map(|past| past.stored))
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Relieved;
    use super::*;

    #[test]
    fn a_full_that_comes_early_says_what_either_night_has_of_it() {
        // Usual are 100 GiB and 40 minutes.
        let usual = (100.0 * Bytes::GIB.0 as f64, 40.0 * MINUTE as f64);
        for (gib, with, without, tonight, says) in [
            (90, 60, 30, 0, "the night it falls due would last 60 min, and 40 are usual"),
            (120, 44, 30, 0, "the night it falls due would have 120 GiB, and 100 GiB are usual"),
            (90, 39, 27, 0, "the night it falls due ends 12 min sooner, and tonight no later"),
            (90, 39, 27, 4, "the night it falls due ends 12 min sooner, and tonight 4 min later"),
            (90, 39, 27, 12, "tonight has room, and would have less to do than other nights"),
        ] {
            let relieved = Relieved {
                bytes: gib * Bytes::GIB.0,
                with: with * MINUTE,
                without: without * MINUTE,
                tonight: tonight * MINUTE,
            };
            let early = Early { at: 0, days: 3, relieved: Some(relieved) };
            assert_eq!(why(&early, usual), format!("a full 3 days early: {says}"));
        }
    }
}
