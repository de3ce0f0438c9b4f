//! Fulls that are somebody else's work (`skip-full`): when the last of them was.
//!
//! The catalogue notes no dump that was not made, but it knows the runs: the first one after a dump cycle was over left the
//! full to others, and from that day on the next is counted.

use std::collections::BTreeMap;

use config::Dle;
use taper::catalogue::{Catalogue, CatalogueError, RunKind};
use types::DleRef;

use crate::clock;
use crate::planner::{Day, DleFacts};

/// What is known of runs, where a DLE leaves its fulls to others.
pub(super) struct Elsewhere {
    /// The days of all runs that dumped, the oldest first.
    runs: Vec<Day>,
    /// Since when each DLE is listed.
    since: BTreeMap<DleRef, Day>,
}

impl Elsewhere {
    pub(super) fn of(dles: &[&Dle], catalogue: &Catalogue) -> Result<Self, CatalogueError> {
        if !dles.iter().any(|dle| dle.dumping.skip_full) {
            return Ok(Self { runs: Vec::new(), since: BTreeMap::new() });
        }
        let mut runs: Vec<Day> = catalogue
            .runs()?
            .iter()
            .filter(|run| run.kind == RunKind::Dump && run.finished.is_some())
            .map(|run| Day(clock::day_of(run.stamp)))
            .collect();
        runs.sort_unstable();
        let known = catalogue.dles()?;
        let since = known.into_iter().map(|dle| (dle.dle, Day(clock::day_of(dle.since))));
        Ok(Self { runs, since: since.collect() })
    }

    /// The last day on which a full of this DLE was left to others.
    pub(super) fn last(&self, facts: &DleFacts) -> Option<Day> {
        if !facts.skip_full {
            return None;
        }
        let full = facts.last_full().map(|past| past.day);
        left_to_others(full, *self.since.get(&facts.dle)?, facts.dumpcycle.into(), &self.runs)
    }
}

/// The last run that left a full to others. Without a full of ours that is first the run that saw the DLE first.
fn left_to_others(full: Option<Day>, since: Day, cycle: i64, runs: &[Day]) -> Option<Day> {
    let mut due = full.map_or(since, |full| Day(full.0 + cycle.max(1)));
    let mut last = None;
    for run in runs.iter().filter(|run| **run >= since) {
        if *run >= due {
            last = Some(*run);
            due = Day(run.0 + cycle.max(1));
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_that_is_left_to_others_counts_from_the_run_that_left_it() {
        // The full, since when it is listed, the runs: the last that left a full to others, in a cycle of 7 days.
        type Row<'a> = (Option<i64>, i64, &'a [i64], Option<i64>);
        let rows: [Row<'_>; 7] = [
            (Some(10), 0, &[10, 11, 16], None),
            (Some(10), 0, &[10, 11, 17], Some(17)),
            (Some(10), 0, &[10, 11, 19, 20, 25], Some(19)),
            (Some(10), 0, &[10, 11, 19, 20, 26], Some(26)),
            (None, 5, &[1, 2, 5, 6, 7], Some(5)),
            (None, 5, &[5, 6, 12, 13], Some(12)),
            (None, 5, &[], None),
        ];
        for (full, since, runs, expected) in rows {
            let days: Vec<Day> = runs.iter().copied().map(Day).collect();
            let last = left_to_others(full.map(Day), Day(since), 7, &days);
            assert_eq!(last, expected.map(Day), "{full:?} {since} {runs:?}");
        }
    }
}
