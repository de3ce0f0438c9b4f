//! Whether the catalogue is older than the logs of the runs: it was lost and begun anew, or put back from a copy.
//!
//! A run writes its log and its row in the catalogue, and the log says at its end that it has finished. A log that says so,
//! of a run that has no row, is of a run that the catalogue has forgotten. Such a catalogue knows nothing of dumps that may
//! be the newest, so nothing goes for its word that no other word stands for, and the operator hears of it every
//! night until it is made again from the volumes. What the volumes cannot tell, that there was a run, is then taken from
//! its log.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use taper::catalogue::{Catalogue, CatalogueError, RunKind};
use types::Stamp;

use crate::clock::{self, Now};
use crate::report::plural;
use crate::runlog::{self, Outcome, RunEvent};

/// A run that has a log and no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Which.
    pub run: Stamp,
    kind: RunKind,
    outcome: Outcome,
}

/// The runs that the catalogue has forgotten, oldest first.
pub fn forgotten(logs: &Path, catalogue: &Catalogue) -> Result<Vec<Forgotten>, NotLooked> {
    let logged = runlog::runs(logs)?;
    let known: BTreeSet<Stamp> = catalogue.runs()?.into_iter().map(|run| run.stamp).collect();
    let mut all = Vec::new();
    for run in logged.into_iter().filter(|run| !known.contains(run)) {
        all.extend(finished(logs, run)?);
    }
    Ok(all)
}

/// What the log of a run says of it, if it has come to its end.
fn finished(logs: &Path, run: Stamp) -> io::Result<Option<Forgotten>> {
    let (mut kind, mut ended) = (None, None);
    runlog::each(logs, run, |line| match line.event {
        RunEvent::Started { kind: word, .. } => kind = word.parse().ok(),
        RunEvent::Finished { outcome } => ended = Some(outcome),
        _ => {}
    })?;
    Ok(kind.zip(ended).map(|(kind, outcome)| Forgotten { run, kind, outcome }))
}

/// The name of a new run: later than all that the catalogue or a log knows. One that the catalogue has forgotten has its log
/// still, and no other run writes into that.
pub fn next_run(logs: &Path, catalogue: &Catalogue, now: &Now) -> Result<Stamp, NotLooked> {
    let logged = runlog::runs(logs)?.pop();
    Ok(clock::next_stamp(now, catalogue.newest_stamp()?.max(logged)))
}

/// For the operator, if there are such runs.
pub fn told(forgotten: &[Forgotten]) -> Option<String> {
    let last = forgotten.last()?;
    let (count, run) = (forgotten.len(), last.run);
    Some(format!(
        "the catalogue is older than the site: there are logs of {} of which it knows nothing, the last of {run}. It was \
         lost, or put back from a copy; what was dumped since is not known, nor which volumes were locked. `reelkeep \
         catalogue rebuild` brings it back from the volumes",
        plural(count, "run")
    ))
}

/// After the volumes were read: what only the logs tell of.
pub fn adopt(logs: &Path, catalogue: &mut Catalogue, program: &str) -> Result<usize, NotLooked> {
    let all = forgotten(logs, catalogue)?;
    for &Forgotten { run, kind, outcome } in &all {
        catalogue.begin_run(run, kind, run, program)?;
        catalogue.finish_run(run, run, outcome.status())?;
    }
    Ok(all.len())
}

/// It could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum NotLooked {
    /// The logs could not be read.
    #[error("could not read the logs of the runs")]
    Logs(#[from] io::Error),
    /// The catalogue could not be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

#[cfg(test)]
mod tests {
    use taper::catalogue::RunStatus;

    use super::*;
    use crate::runlog::RunLog;

    fn stamp(day: u32) -> Stamp {
        format!("202611{day:02}010000").parse().unwrap()
    }

    fn log(logs: &Path, day: u32, events: impl IntoIterator<Item = RunEvent>) {
        let mut log = RunLog::create(logs, stamp(day)).unwrap();
        events.into_iter().for_each(|event| log.append(0, event).unwrap());
    }

    fn started(day: u32) -> RunEvent {
        let (kind, program) = ("dump".to_owned(), "test".to_owned());
        RunEvent::Started { run: stamp(day), kind, program, pid: 1 }
    }

    #[test]
    fn a_catalogue_is_behind_when_a_finished_run_has_a_log_and_no_row() {
        let logs = tempfile::tempdir().unwrap();
        let logs = logs.path();
        let mut catalogue = Catalogue::in_memory().unwrap();
        assert_eq!(forgotten(&logs.join("none"), &catalogue).unwrap(), []);
        catalogue.begin_run(stamp(1), RunKind::Dump, stamp(1), "test").unwrap();
        let finished = |outcome| RunEvent::Finished { outcome };
        log(logs, 1, [started(1), finished(Outcome::Good)]);
        // It broke off before it had a row.
        log(logs, 2, [started(2), RunEvent::BrokenOff { why: "of the test".to_owned() }]);
        assert_eq!(forgotten(logs, &catalogue).unwrap(), []);
        assert_eq!(told(&[]), None);
        let ahead: Stamp = "29991231235959".parse().unwrap();
        RunLog::create(logs, ahead).unwrap();
        let next = next_run(logs, &catalogue, &Now::read()).unwrap();
        assert!(next > ahead, "{next} is not the name of a run that has a log");

        log(logs, 3, [started(3), finished(Outcome::Failed)]);
        let found = forgotten(logs, &catalogue).unwrap();
        assert_eq!(found.iter().map(|it| it.run).collect::<Vec<_>>(), [stamp(3)]);
        assert!(told(&found).unwrap().contains("catalogue rebuild"));

        assert_eq!(adopt(logs, &mut catalogue, "test").unwrap(), 1);
        assert_eq!(catalogue.run(stamp(3)).unwrap().status, RunStatus::Failed);
        assert_eq!(forgotten(logs, &catalogue).unwrap(), []);
    }
}
