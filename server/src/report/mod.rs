//! What a run did, for the person who reads mail in the morning.
//!
//! [`of`] turns a run's log into a [`Report`]: a pure function, so the report of any past run can be made again. `text` and
//! `html` print it; `--json` is the value itself.
//!
//! ```text
//! catalogue ──standing──┐  at the run's end      ┌─► text   mail, terminal
//!                       ├─► log ──take─► Report ─┼─► html   mail
//! events ───────────────┘                        └─► JSON
//! ```
//!
//! What comes next and how long volumes last is told as of the run's end, when it was written to the log. Of a run whose log
//! does not say it (it is at work, or it was cut off, or an earlier version made it), the catalogue is asked now.
//!
//! The order is that of a reader at 3 a.m.: did it work; what failed and what to do about it; what to load
//! next; then what was strange; then the figures.

mod advice;
mod course;
pub mod facts;
pub mod html;
pub(crate) mod mailed;
mod speed;
pub mod standing;
pub mod svg;
mod take;
mod text;
mod wrap;

use std::fmt;

use anyhow::Context as _;
use serde::Serialize;
use types::{Bytes, DleRef, DriveName, DumpId, Label, Level, Stamp, StorageName};

use crate::clock::Now;
use crate::runlog::{self, Logged, Outcome, Target, Waits};
use crate::site::Site;

pub use facts::{Facts, Unit};
pub use mailed::{Attached, mail, send};
pub use speed::{Bound, Speed};
pub use standing::{Held, Pool, Standing};
pub use take::Making;
pub(crate) use text::duration;
pub use text::{Width, render};

/// The version of the report's form as JSON. Fields are added without a new one; it rises when one that is there
/// goes, or comes to mean something else.
pub const SCHEMA: u32 = 1;
/// How many characters of a failure the headline has.
const HEADLINE: usize = 80;

/// A run, told in order of weight.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The site's name.
    pub org: String,
    /// The server.
    pub host: String,
    /// The run.
    pub run: Stamp,
    /// `dump` or `flush`.
    pub kind: String,
    /// Which program made it, in which version.
    pub program: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// When the plan was made: before lie the estimates.
    pub planned: Option<i64>,
    /// When it ended; none for one that is at work or died.
    pub finished: Option<i64>,
    /// How it ended; none for one that is at work or died.
    pub outcome: Option<Outcome>,
    /// All of it in a line.
    pub verdict: Verdict,
    /// What failed, each with what to do.
    pub failures: Vec<Failure>,
    /// When what follows, up to `stale`, was true: seconds since 1970. None if it is not known.
    pub as_of: Option<i64>,
    /// How the site stood then.
    #[serde(flatten)]
    pub standing: Standing,
    /// What the clients complained about.
    pub strange: Vec<Strange>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// Sums: all, level 0, levels above.
    pub totals: [Totals; 3],
    /// How many dumps there are of each level.
    pub levels: Vec<LevelCount>,
    /// How fast it was, and what kept it from being faster.
    pub speed: Speed,
    /// A line for each storage that was written to.
    pub storages: Vec<StorageLine>,
    /// A line for each volume written.
    pub volumes: Vec<VolumeLine>,
    /// A line for each drive that wrote from the holding disk.
    pub drives: Vec<DriveLine>,
    /// A line for each DLE; by name, images of earlier runs behind the dump of this one.
    pub dles: Vec<DleLine>,
    /// In which unit text and page write sizes.
    #[serde(skip)]
    pub unit: Unit,
    /// Whether runs write what waits on the holding disk; none if that is not known.
    #[serde(skip)]
    pub flushed_by_runs: Option<bool>,
}

/// How a run went, in a word and three numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// In a word.
    pub word: Word,
    /// DLEs without a dump that should have one.
    pub failed: usize,
    /// DLEs with a strange dump.
    pub strange: usize,
    /// DLEs that were to be dumped.
    pub dles: usize,
    /// What failed, beside DLEs; the first of it. As data it is among the failures.
    #[serde(skip)]
    pub besides: Option<String>,
}

/// How a run went, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Word {
    /// All well.
    Ok,
    /// Done, with complaints.
    Strange,
    /// Something failed.
    Fail,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Strange => "STRANGE",
            Self::Fail => "FAIL",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { word, failed, strange, dles, besides } = self;
        let all = plural(*dles, "DLE");
        match word {
            Word::Fail if *failed > 0 => write!(f, "FAIL, {failed} of {all}"),
            Word::Fail if *dles > 0 => match besides {
                Some(what) => write!(f, "FAIL, {all} dumped, but {}", shortened(what)),
                None => write!(f, "FAIL, {all} dumped, but the run did not end well"),
            },
            Word::Strange if *strange > 0 => write!(f, "STRANGE, {strange} of {all}"),
            _ if *dles > 0 => write!(f, "{word}, {all}"),
            _ => write!(f, "{word}"),
        }
    }
}

/// What fits into a line, and so into the subject of a mail.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(HEADLINE) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// `1 DLE`, `40 DLEs`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The DLE that has no dump, if it is about one.
    pub dle: Option<DleRef>,
    /// What happened.
    pub why: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.dle {
            Some(dle) => write!(f, "{dle}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
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

/// What became of one DLE, or of an image that an earlier run had left.
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
    /// Whether an earlier run has dumped it, and this one only wrote it.
    pub earlier: bool,
    /// Why this level, or why none.
    pub why: String,
    /// How large the planner took it to be.
    pub estimate: Option<Estimate>,
    /// How often it was begun.
    pub tries: u32,
    /// When the dump began, seconds since 1970.
    pub began: Option<i64>,
    /// Where the image went first.
    pub to: Option<Target>,
    /// Complaints.
    pub strange: u64,
    /// Entries dumped.
    pub entries: u64,
    /// Bytes of the tar stream.
    pub raw: Bytes,
    /// Bytes of the image.
    pub stored: Bytes,
    /// How long the client took.
    pub dump_seconds: f64,
    /// What the dumper waited for in that time.
    pub waits: Option<Waits>,
    /// What made it take so long.
    pub bound: Option<Bound>,
    /// What of it is on volumes, storage by storage.
    pub copies: Vec<CopyLine>,
}

impl DleLine {
    /// Bytes on volumes.
    pub fn placed(&self) -> Bytes {
        self.copies.iter().map(|copy| copy.bytes).sum()
    }

    /// How long writing them took.
    pub fn place_seconds(&self) -> f64 {
        self.copies.iter().map(|copy| copy.seconds).sum()
    }

    /// Whether there is an image of it.
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Held | State::Placed)
    }
}

/// How large a dump was taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// At which level.
    pub level: Level,
    /// Bytes of the tar stream.
    pub raw: Bytes,
    /// Bytes of the image.
    pub stored: Bytes,
}

/// What of an image is in one storage.
#[derive(Debug, Clone, Serialize)]
pub struct CopyLine {
    /// Which; none if the log does not say.
    pub storage: Option<StorageName>,
    /// The volumes, in order.
    pub labels: Vec<Label>,
    /// Bytes written.
    pub bytes: Bytes,
    /// How long writing them took.
    pub seconds: f64,
    /// Whether all of it is there.
    pub complete: bool,
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

/// How many dumps there are of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LevelCount {
    /// Which.
    pub level: Level,
    /// How many.
    pub dumps: u32,
    /// Bytes of their images.
    pub stored: Bytes,
}

/// What went to one storage.
#[derive(Debug, Serialize)]
pub struct StorageLine {
    /// Which.
    pub storage: StorageName,
    /// Images that are all there.
    pub images: u32,
    /// Bytes written.
    pub bytes: Bytes,
    /// Seconds of writing.
    pub seconds: f64,
    /// Volumes written on.
    pub labels: Vec<Label>,
}

/// What was written to one volume.
#[derive(Debug, Serialize)]
pub struct VolumeLine {
    /// Which.
    pub label: Label,
    /// Of which storage.
    pub storage: StorageName,
    /// By which drive.
    pub drive: DriveName,
    /// Started afresh, or appended to.
    pub how: String,
    /// Bytes written.
    pub bytes: Bytes,
    /// How much of what such a volume takes that is, in percent; none if that is not known.
    pub percent: Option<f64>,
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
    /// What the writing was slowed down by.
    pub bottleneck: Bottleneck,
}

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
    /// Bytes of tar that were estimated.
    pub estimated: Bytes,
    /// Bytes of tar of those that were estimated.
    pub of_estimated: Bytes,
    /// Bytes of tar.
    pub raw: Bytes,
    /// Bytes of images.
    pub stored: Bytes,
    /// Seconds of dumping, added up over the dumpers.
    pub dump_seconds: f64,
    /// Images on volumes, of this run and of earlier ones.
    pub images: u32,
    /// Bytes on volumes.
    pub placed: Bytes,
    /// Seconds of writing.
    pub place_seconds: f64,
}

impl Report {
    /// Adds how the site stands at a moment.
    pub fn stand(&mut self, standing: Standing, as_of: i64) {
        (self.standing, self.as_of) = (standing, Some(as_of));
    }
}

/// The report of a run.
pub fn of(run: Stamp, log: &[Logged], facts: Facts) -> Report {
    let mut making = Making::new(run, facts);
    log.iter().for_each(|line| making.take(line));
    making.finish()
}

/// The report of a run of this site. Where its log does not say how the site stood at its end, that is how it stands now.
pub(crate) fn of_run(site: &Site, run: Stamp, now: &Now) -> anyhow::Result<Report> {
    let config = &site.config;
    let mut making = Making::new(run, facts::configured(config));
    runlog::each(&config.site.logdir, run, |line| making.take(&line))
        .with_context(|| format!("could not read the log of run {run}"))?;
    let mut report = making.finish();
    if report.as_of.is_none() {
        report
            .stand(standing::gather(config, &site.catalogue_to_read()?, now.stamp())?, now.unix());
    }
    Ok(report)
}

/// Something about a drive, which may say already which.
pub(crate) fn of_drive(drive: &DriveName, text: &str) -> String {
    let named = format!("drive {drive} ");
    if text.starts_with(&named) { text.to_owned() } else { format!("drive {drive}: {text}") }
}

#[cfg(test)]
mod tests;
