//! What runs have last read of their drives.
//!
//! A drive tells each thing that happened to it once, to whoever asks next, and while a run is at work that must be the run. So
//! the drives are left alone then, and told is what stands in the logs: a run asks each drive when it is done with a volume. It is
//! said when that was.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use devices::scsi::page::alert::Flag;
use types::{Bytes, DriveName, Label, Stamp};

use super::sheet::{Sheet, Told};
use super::{Answers, Question, alerts};
use crate::clock::unix_text;
use crate::command::Exit;
use crate::runlog::{self, Logged, RunEvent};

/// So many runs are looked through, the newest first, for a drive that was not used in it.
const RUNS: usize = 8;

/// What a run has read of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    run: Stamp,
    /// Seconds since 1970.
    time: i64,
    /// The volume that it was done with.
    label: Label,
    alerts: Vec<u8>,
    retried: Option<u64>,
    uncorrected: Option<u64>,
    recovered: u64,
    to_medium: Option<Bytes>,
}

/// What was last read of this drive, or of all that are told of. Empty if that is nothing.
pub(super) fn readings(
    logs: &Path,
    wanted: Option<&str>,
) -> io::Result<BTreeMap<DriveName, Reading>> {
    for run in runlog::runs(logs)?.into_iter().rev().take(RUNS) {
        let mut found = BTreeMap::new();
        runlog::each(logs, run, |line| found.extend(reading(run, line)))?;
        found.retain(|drive: &DriveName, _| wanted.is_none_or(|name| is(drive, name)));
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(BTreeMap::new())
}

/// Whether a drive is called so. Where several libraries have drives of one name, logs name the library too.
fn is(drive: &DriveName, name: &str) -> bool {
    drive.as_str() == name || drive.as_str().split(['/', ':', ' ']).any(|word| word == name)
}

fn reading(run: Stamp, line: Logged) -> Option<(DriveName, Reading)> {
    let time = line.time;
    match line.event {
        RunEvent::DriveHealth {
            drive,
            label,
            alerts,
            retried,
            uncorrected,
            recovered,
            to_medium,
        } => {
            let counted =
                Reading { run, time, label, alerts, retried, uncorrected, recovered, to_medium };
            Some((drive, counted))
        }
        _ => None,
    }
}

/// Tells what was read of each.
pub(super) fn tell(
    readings: &BTreeMap<DriveName, Reading>,
    question: Question,
    mut answers: Answers,
) -> anyhow::Result<Exit> {
    for (drive, reading) in readings {
        answers.take(match question {
            Question::Alerts => warnings(drive.as_str(), reading),
            Question::Show | Question::Stats(_) => counts(drive.as_str(), reading),
        })?;
    }
    answers.done()
}

fn warnings(drive: &str, reading: &Reading) -> Told {
    let flags: Vec<Flag> = reading.alerts.iter().filter_map(|number| Flag::of(*number)).collect();
    let mut told = alerts::told(drive, &flags);
    let (when, label) = (unix_text(reading.time), &reading.label);
    told.text = format!(
        "{drive}: read at {when} by run {}, when it was done with {label}:\n{}",
        reading.run, told.text
    );
    if let Some(value) = told.value.as_object_mut() {
        value.insert("read_at".to_owned(), reading.time.into());
        value.insert("read_by_run".to_owned(), reading.run.to_string().into());
        value.insert("volume".to_owned(), label.as_str().into());
    }
    told
}

fn counts(drive: &str, reading: &Reading) -> Told {
    let mut sheet = Sheet::of(drive);
    sheet.put("read at", unix_text(reading.time), reading.time.into());
    sheet.row("read by run", Some(reading.run));
    sheet.row("volume", Some(&reading.label));
    sheet.bytes("to the medium", reading.to_medium);
    sheet.count("writing retried", reading.retried);
    sheet.count("writing not corrected", reading.uncorrected);
    sheet.count("helped itself since it was opened", Some(reading.recovered));
    sheet.told(Exit::Good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runlog::RunLog;

    fn stamp(day: u32) -> Stamp {
        format!("202611{day:02}010000").parse().unwrap()
    }

    fn health(drive: &str, label: &str, alerts: &[u8]) -> RunEvent {
        RunEvent::DriveHealth {
            drive: drive.parse().unwrap(),
            label: label.parse().unwrap(),
            alerts: alerts.to_vec(),
            retried: Some(3),
            uncorrected: None,
            recovered: 0,
            to_medium: Some(Bytes(1 << 30)),
        }
    }

    /// Two runs: the older used both drives, the newer, still at work, only one, twice.
    fn logs() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut older = RunLog::create(dir.path(), stamp(1)).unwrap();
        older.append(1000, health("drive0", "N-01", &[20])).unwrap();
        older.append(1001, health("drive1", "N-02", &[4])).unwrap();
        let mut newer = RunLog::create(dir.path(), stamp(2)).unwrap();
        newer.append(2000, health("drive0", "N-03", &[])).unwrap();
        newer.append(2001, RunEvent::Warning { text: "something".to_owned() }).unwrap();
        newer.append(2002, health("drive0", "N-04", &[21])).unwrap();
        dir
    }

    fn found(logs: &Path, wanted: Option<&str>) -> Vec<(String, String, i64)> {
        let found = readings(logs, wanted).unwrap();
        let told =
            found.iter().map(|(drive, it)| (drive.to_string(), it.label.to_string(), it.time));
        told.collect()
    }

    #[test]
    fn the_last_that_was_read_of_a_drive_is_told_from_the_newest_run_that_used_it() {
        let logs = logs();
        let told = |drive: &str, label: &str, time| (drive.to_owned(), label.to_owned(), time);
        assert_eq!(found(logs.path(), None), [told("drive0", "N-04", 2002)]);
        assert_eq!(found(logs.path(), Some("drive0")), [told("drive0", "N-04", 2002)]);
        assert_eq!(found(logs.path(), Some("drive1")), [told("drive1", "N-02", 1001)]);
        assert_eq!(found(logs.path(), Some("drive2")), []);
        assert_eq!(found(&logs.path().join("nothing"), None), []);
    }

    #[test]
    fn it_is_said_when_and_by_whom_it_was_read() {
        let logs = logs();
        let read = readings(logs.path(), Some("drive1")).unwrap();
        let reading = read.values().next().unwrap();
        let told = warnings("drive1", reading);
        let head = format!(
            "drive1: read at {} by run 20261101010000, when it was done with N-02:\n",
            unix_text(1001)
        );
        assert!(told.text.starts_with(&head), "{}", told.text);
        assert!(told.text.contains("(TapeAlert 4)\n"), "{}", told.text);
        assert_eq!((told.exit, &told.value["read_at"]), (Exit::Complaints, &1001.into()));
        let counted = counts("drive1", reading);
        assert!(
            counted.text.contains("writing retried                    3\n"),
            "{}",
            counted.text
        );
        assert_eq!(counted.value["volume"], "N-02");
        assert_eq!(counted.value["to_the_medium"], 1_u64 << 30);
        assert!(counted.value.get("writing_not_corrected").is_none());
    }

    #[test]
    fn a_drive_whose_library_is_named_with_it_is_found() {
        let long: DriveName = "robot/drive0".parse().unwrap();
        assert!(is(&long, "drive0") && is(&long, "robot/drive0") && !is(&long, "drive"));
    }
}
