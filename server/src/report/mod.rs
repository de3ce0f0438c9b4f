//! What a run did, for the person who reads mail in the morning.
//!
//! [`of`] turns a run's log, and a few facts of the catalogue, into a [`Report`]: a pure function, so the
//! report of any past run can be made again. `text` prints it; `--json` is the value itself.
//!
//! The order is that of a reader at 3 a.m.: did it work; what failed and what to do about it; what to load
//! next; then what was strange; then the figures.

mod mailed;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use types::{Bytes, DleRef, DriveName, DumpId, Label, Level, Stamp};

use crate::runlog::{Logged, Outcome, RunEvent, Target};

pub use mailed::mail;
pub use text::render;
use text::verdict;

/// A run, told in order of weight.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The site's name.
    pub org: String,
    /// The run.
    pub run: Stamp,
    /// `dump` or `flush`.
    pub kind: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// When it ended; none for one that is at work or died.
    pub finished: Option<i64>,
    /// How it ended; none for one that is at work or died.
    pub outcome: Option<Outcome>,
    /// What failed, each with what to do.
    pub failures: Vec<String>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// What the clients complained about.
    pub strange: Vec<Strange>,
    /// A line for each DLE.
    pub dles: Vec<DleLine>,
    /// A line for each volume written.
    pub volumes: Vec<VolumeLine>,
    /// A line for each drive that wrote from the holding disk.
    pub drives: Vec<DriveLine>,
    /// Sums: all, level 0, levels above.
    pub totals: [Totals; 3],
    /// What waits on the holding disk.
    pub held: Held,
    /// What the next run will write to.
    pub next: Vec<String>,
    /// DLEs whose newest dump is older than it should be.
    pub stale: Vec<String>,
}

/// The complaints about one dump.
#[derive(Debug, Serialize)]
pub struct Strange {
    /// Which.
    pub dle: DleRef,
    /// What the client said, the first of them.
    pub lines: Vec<String>,
    /// How many there were.
    pub count: u64,
}

/// What became of one DLE.
#[derive(Debug, Clone, Serialize)]
pub struct DleLine {
    /// Which.
    pub dle: DleRef,
    /// At which level; none if it was left out.
    pub level: Option<Level>,
    /// Its dump, if there is one.
    pub dump: Option<DumpId>,
    /// What became of it.
    pub state: State,
    /// Why this level, or why none.
    pub why: String,
    /// Where the image went first.
    pub to: Option<Target>,
    /// Entries dumped.
    pub entries: u64,
    /// Bytes of the tar stream.
    pub raw: Bytes,
    /// Bytes of the image.
    pub stored: Bytes,
    /// How long the client took.
    pub dump_seconds: f64,
    /// Bytes on volumes.
    pub placed: Bytes,
    /// How long writing them took.
    pub place_seconds: f64,
    /// The volumes, in order.
    pub labels: Vec<Label>,
}

/// What became of a DLE in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Planned, not begun.
    Waiting,
    /// At work, or cut off by a crash.
    Dumping,
    /// Whole, on the holding disk.
    Held,
    /// Whole, on volumes.
    Placed,
    /// No dump.
    Failed,
    /// Left out by the planner.
    Skipped,
}

/// What was written to one volume.
#[derive(Debug, Serialize)]
pub struct VolumeLine {
    /// Which.
    pub label: Label,
    /// Started afresh, or appended to.
    pub how: String,
    /// Bytes written.
    pub bytes: Bytes,
    /// Parts written.
    pub parts: u32,
    /// Seconds of writing.
    pub seconds: f64,
    /// Why it was finished.
    pub why: String,
    /// How often the drive had to try again while writing, if it tells.
    pub retried: Option<u64>,
}

/// How one drive was fed from the holding disk.
#[derive(Debug, Serialize)]
pub struct DriveLine {
    /// Which.
    pub drive: DriveName,
    /// Seconds of writing.
    pub seconds: f64,
    /// Seconds of them in which it waited for the disk.
    pub waited: f64,
    /// How often it had to stop because the disk was too slow.
    pub starved: u32,
}

impl DriveLine {
    /// What the writing was slowed down by.
    pub fn bottleneck(&self) -> Bottleneck {
        // Without a stop all the waiting was the first filling of the memory.
        let waited = if self.starved > 0 { self.waited } else { 0.0 };
        if waited > self.seconds * SOURCE_BOUND { Bottleneck::Source } else { Bottleneck::Drive }
    }
}

/// From this share of waiting on, a drive could have written faster.
const SOURCE_BOUND: f64 = 0.1;

/// What slows writing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bottleneck {
    /// The holding disk.
    Source,
    /// The drive, as it should be.
    Drive,
}

/// Sums over dumps.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Totals {
    /// How many.
    pub dumps: u32,
    /// Entries.
    pub entries: u64,
    /// Bytes of tar.
    pub raw: Bytes,
    /// Bytes of images.
    pub stored: Bytes,
    /// Seconds of dumping, added up over the dumpers.
    pub dump_seconds: f64,
    /// Bytes on volumes.
    pub placed: Bytes,
    /// Seconds of writing.
    pub place_seconds: f64,
}

/// What waits on the holding disks.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Held {
    /// Images.
    pub images: u64,
    /// Their bytes.
    pub bytes: Bytes,
}

/// What the log does not know.
#[derive(Debug, Default)]
pub struct Facts {
    /// The site's name.
    pub org: String,
    /// What waits on the holding disks now.
    pub held: Held,
    /// What the next run will write to, in words.
    pub next: Vec<String>,
    /// DLEs whose newest dump is older than it should be, in words.
    pub stale: Vec<String>,
}

/// How many complaints of one dump are shown.
const STRANGE_SHOWN: usize = 20;

/// The report of a run.
pub fn of(run: Stamp, log: &[Logged], facts: Facts) -> Report {
    let mut report = Report {
        org: facts.org,
        run,
        kind: "dump".to_owned(),
        started: log.first().map_or(0, |line| line.time),
        finished: None,
        outcome: None,
        failures: Vec::new(),
        notes: Vec::new(),
        strange: Vec::new(),
        dles: Vec::new(),
        volumes: Vec::new(),
        drives: Vec::new(),
        totals: [Totals::default(); 3],
        held: facts.held,
        next: facts.next,
        stale: facts.stale,
    };
    let mut lines = Lines::default();
    for line in log {
        report.take(line, &mut lines);
    }
    report.dles = lines.0.into_values().collect();
    report.totals = totals(&report.dles);
    if report.outcome.is_none() {
        report.notes.push(
            "this run has not written its end: it is still at work, or it was cut off. If it was, the next run \
             tidies up by itself"
                .to_owned(),
        );
    }
    report
}

/// The DLEs' lines, by name.
#[derive(Default)]
struct Lines(BTreeMap<DleRef, DleLine>);

impl Lines {
    fn of(&mut self, dle: &DleRef) -> &mut DleLine {
        self.0.entry(dle.clone()).or_insert_with(|| DleLine {
            dle: dle.clone(),
            level: None,
            dump: None,
            state: State::Waiting,
            why: String::new(),
            to: None,
            entries: 0,
            raw: Bytes::ZERO,
            stored: Bytes::ZERO,
            dump_seconds: 0.0,
            placed: Bytes::ZERO,
            place_seconds: 0.0,
            labels: Vec::new(),
        })
    }

    fn with_dump(&mut self, dump: DumpId) -> Option<&mut DleLine> {
        self.0.values_mut().find(|line| line.dump == Some(dump))
    }
}

impl Report {
    fn take(&mut self, line: &Logged, lines: &mut Lines) {
        match &line.event {
            RunEvent::Started { kind, .. } => self.kind.clone_from(kind),
            RunEvent::Planned { dle, level, why, .. } => {
                let line = lines.of(dle);
                line.level = Some(*level);
                line.why.clone_from(why);
            }
            RunEvent::Equipped { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::DumpTimed { .. }
            | RunEvent::DumpTrouble { .. }
            | RunEvent::DriveBegan { .. } => {}
            RunEvent::Skipped { dle, why } => {
                let line = lines.of(dle);
                line.state = State::Skipped;
                line.why.clone_from(why);
            }
            RunEvent::Warning { text } => self.notes.push(text.clone()),
            RunEvent::DumpStarted { dle, level, dump, to } => {
                let line = lines.of(dle);
                (line.level, line.dump, line.to) = (Some(*level), Some(*dump), Some(*to));
                line.state = State::Dumping;
            }
            RunEvent::DumpProgress { dump, entries, raw, stored } => {
                if let Some(line) = lines.with_dump(*dump) {
                    (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                }
            }
            RunEvent::DumpStrange { dle, text, .. } => self.complain(dle, text),
            RunEvent::DumpDone { dle, level, dump, entries, raw, stored, seconds, .. } => {
                let line = lines.of(dle);
                (line.level, line.dump) = (Some(*level), Some(*dump));
                (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                line.dump_seconds = *seconds;
                line.state = if line.placed > Bytes::ZERO { State::Placed } else { State::Held };
            }
            RunEvent::DumpFailed { dle, level, why, again } => {
                let next = if *again { "it was tried again" } else { "not tried again" };
                let line = format!("{dle} level {level}: {why} ({next})");
                if *again { self.notes.push(line) } else { self.failures.push(line) }
            }
            RunEvent::DleFailed { dle, why } => {
                lines.of(dle).state = State::Failed;
                self.failures.push(format!("{dle}: no dump in this run: {why}"));
            }
            RunEvent::VolumeMounted { label, how, .. } => self.volumes.push(VolumeLine {
                label: label.clone(),
                how: how.clone(),
                bytes: Bytes::ZERO,
                parts: 0,
                seconds: 0.0,
                why: String::new(),
                retried: None,
            }),
            RunEvent::VolumeRefused { what, why, .. } => {
                self.notes.push(format!("{what} was not taken: {why}"))
            }
            RunEvent::PartPlaced { dump, label, bytes, seconds, .. } => {
                if let Some(line) = lines.with_dump(*dump) {
                    line.placed += *bytes;
                    line.place_seconds += seconds;
                    if line.labels.last() != Some(label) {
                        line.labels.push(label.clone());
                    }
                }
                if let Some(volume) = self.volumes.iter_mut().rfind(|volume| volume.label == *label)
                {
                    volume.bytes += *bytes;
                    volume.parts += 1;
                    volume.seconds += seconds;
                }
            }
            RunEvent::DriveFed { drive, seconds, waited, starved, .. } => {
                self.feed(drive, *seconds, *waited, *starved);
            }
            RunEvent::DriveHealth { label, retried, .. } => {
                if let Some(volume) = self.volumes.iter_mut().rfind(|volume| volume.label == *label)
                {
                    volume.retried = *retried;
                }
            }
            RunEvent::ImagePlaced { dle, level, dump, .. } => {
                let line = lines.of(dle);
                (line.level, line.dump) = (Some(*level), Some(*dump));
                line.state = State::Placed;
            }
            RunEvent::VolumeFinished { label, why, .. } => {
                if let Some(volume) = self.volumes.iter_mut().rfind(|volume| volume.label == *label)
                {
                    volume.why.clone_from(why);
                }
            }
            RunEvent::DriveFailed { drive, blame, why } => {
                self.failures.push(format!("{} (to blame: {blame})", of_drive(drive, why)));
            }
            RunEvent::NoVolume { storage, why } => {
                self.failures.push(format!("storage {storage}: no volume to write to: {why}"));
            }
            RunEvent::Interrupted => {
                self.failures.push("the run was told to stop before it was done".to_owned())
            }
            RunEvent::Finished { outcome } => {
                self.finished = Some(line.time);
                self.outcome = Some(*outcome);
            }
        }
    }

    fn feed(&mut self, drive: &DriveName, seconds: f64, waited: f64, starved: u32) {
        let at = self.drives.iter().position(|line| line.drive == *drive).unwrap_or_else(|| {
            let drive = drive.clone();
            self.drives.push(DriveLine { drive, seconds: 0.0, waited: 0.0, starved: 0 });
            self.drives.len() - 1
        });
        let line = &mut self.drives[at];
        line.seconds += seconds;
        line.waited += waited;
        line.starved += starved;
    }

    fn complain(&mut self, dle: &DleRef, text: &str) {
        let at = self.strange.iter().position(|strange| strange.dle == *dle).unwrap_or_else(|| {
            self.strange.push(Strange { dle: dle.clone(), lines: Vec::new(), count: 0 });
            self.strange.len() - 1
        });
        let strange = &mut self.strange[at];
        strange.count += 1;
        if strange.lines.len() < STRANGE_SHOWN {
            strange.lines.push(text.to_owned());
        }
    }
}

/// Something about a drive, which may say already which.
pub(crate) fn of_drive(drive: &DriveName, text: &str) -> String {
    let named = format!("drive {drive} ");
    if text.starts_with(&named) { text.to_owned() } else { format!("drive {drive}: {text}") }
}

fn totals(dles: &[DleLine]) -> [Totals; 3] {
    let mut totals = [Totals::default(); 3];
    for line in dles.iter().filter(|line| matches!(line.state, State::Held | State::Placed)) {
        let kind = if line.level == Some(Level::FULL) { 1 } else { 2 };
        for sum in [0, kind] {
            let sum = &mut totals[sum];
            sum.dumps += 1;
            sum.entries += line.entries;
            sum.raw += line.raw;
            sum.stored += line.stored;
            sum.dump_seconds += line.dump_seconds;
            sum.placed += line.placed;
            sum.place_seconds += line.place_seconds;
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(events: Vec<RunEvent>) -> Vec<Logged> {
        (1_767_322_800..).zip(events).map(|(time, event)| Logged { time, event }).collect()
    }

    fn night() -> Vec<Logged> {
        let run: Stamp = "20260102030000".parse().unwrap();
        let dle = |name: &str| DleRef { host: "web".parse().unwrap(), dle: name.parse().unwrap() };
        let dump = DumpId([7; 16]);
        log(vec![
            RunEvent::Started {
                run,
                kind: "dump".to_owned(),
                program: "reelkeep 0.1.0".to_owned(),
                pid: 17,
            },
            RunEvent::Planned {
                dle: dle("/srv"),
                level: Level::FULL,
                raw: Bytes::GIB,
                stored: Bytes::GIB,
                why: "never dumped".to_owned(),
            },
            RunEvent::DumpStarted {
                dle: dle("/srv"),
                level: Level::FULL,
                dump,
                to: Target::Holding,
            },
            RunEvent::DumpStrange {
                dle: dle("/srv"),
                dump,
                text: "a\\n: shrank while it was read".to_owned(),
            },
            RunEvent::DumpDone {
                dle: dle("/srv"),
                level: Level::FULL,
                dump,
                strange: 1,
                entries: 1234,
                raw: Bytes(3 << 30),
                stored: Bytes::GIB,
                seconds: 12.5,
            },
            RunEvent::DleFailed {
                dle: dle("/home"),
                why: "the agent ended before it had answered".to_owned(),
            },
            RunEvent::VolumeMounted {
                drive: "drive0".parse().unwrap(),
                storage: "daily".parse().unwrap(),
                label: "DAILY-001".parse().unwrap(),
                slot: None,
                how: "new".to_owned(),
                file: types::FileNo::FIRST,
            },
            RunEvent::PartPlaced {
                dump,
                part: types::PartNo::FIRST,
                label: "DAILY-001".parse().unwrap(),
                file: types::FileNo::FIRST,
                bytes: Bytes::GIB,
                seconds: 2.0,
            },
            RunEvent::DriveFed {
                drive: "drive0".parse().unwrap(),
                dump,
                seconds: 2.0,
                waited: 0.5,
                starved: 3,
            },
            RunEvent::ImagePlaced {
                dle: dle("/srv"),
                level: Level::FULL,
                dump,
                storage: "daily".parse().unwrap(),
                bytes: Bytes::GIB,
            },
            RunEvent::VolumeFinished {
                label: "DAILY-001".parse().unwrap(),
                bytes: Bytes::GIB,
                files: 1,
                why: "the run is done".to_owned(),
            },
            RunEvent::Finished { outcome: Outcome::Failed },
        ])
    }

    #[test]
    fn a_night_with_a_failure_says_so_first() {
        let facts = Facts {
            org: "Example".to_owned(),
            next: vec!["a new volume".to_owned()],
            ..Facts::default()
        };
        let report = of("20260102030000".parse().unwrap(), &night(), facts);
        assert_eq!(report.dles.len(), 2);
        assert_eq!(report.totals[1].dumps, 1);
        assert_eq!(report.drives[0].bottleneck(), Bottleneck::Source);
        insta::assert_snapshot!(render(&report));
    }

    #[test]
    fn a_run_without_an_end_says_that_it_was_cut_off() {
        let mut cut = night();
        cut.pop();
        let report = of("20260102030000".parse().unwrap(), &cut, Facts::default());
        assert!(report.outcome.is_none());
        assert!(report.notes.iter().any(|note| note.contains("cut off")), "{:?}", report.notes);
    }
}
