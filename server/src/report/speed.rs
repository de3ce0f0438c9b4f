//! How fast a run was, and what kept it from being faster.
//!
//! Only recorded times are judged: for how long each dumper waited for its client, for the disk or drive below it and
//! for space; how the drives were fed; and what DLEs waited for that could have been dumped. From a pipe alone a
//! client that is slow cannot be told from a network that is.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use types::Bytes;

use super::{Bottleneck, DleLine, Report};
use crate::runlog::{Group, Logged, RunEvent, Target};

/// What made something take so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The client, or the network to it.
    Client,
    /// The holding disk, which takes images more slowly than clients send them.
    Holding,
    /// Space on the holding disk.
    Space,
    /// The drives.
    Drive,
    /// This server: nothing else was waited for.
    Server,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Holding => "holding",
            Self::Space => "space",
            Self::Drive => "drive",
            Self::Server => "server",
        })
    }
}

impl Bound {
    /// In a sentence.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Client => {
                "the clients, or the network to them: most of the time was spent waiting for their bytes"
            }
            Self::Holding => {
                "the holding disk: it took the images more slowly than the clients sent them"
            }
            Self::Space => {
                "the space on the holding disk: dumps stood still until images had left it"
            }
            Self::Drive => "the drives: the dumps were done, and the volumes still being written",
            Self::Server => "this server: nothing else was waited for",
        }
    }
}

/// How fast a run was.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Speed {
    /// Seconds in which something was dumped.
    pub dumping: i64,
    /// Seconds in which a drive wrote.
    pub writing: i64,
    /// Seconds of the dumpers, added up: all.
    pub dumper_seconds: f64,
    /// Of them, waiting for clients.
    pub client: f64,
    /// Of them, waiting for the holding disk or a drive to take what came.
    pub sink: f64,
    /// Of them, waiting for space on the holding disk.
    pub room: f64,
    /// Bytes of the tar streams a second, while something was dumped.
    pub dump_rate: Option<Bytes>,
    /// Bytes a second, while something was written.
    pub volume_rate: Option<Bytes>,
    /// What the run was slowed down by; none if it was over at once.
    pub bound: Option<Bound>,
    /// For how many seconds some DLE waited for what.
    pub waited: Vec<Waited>,
}

/// What DLEs waited for that could have been dumped otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Waited {
    /// For what.
    pub why: String,
    /// For how many seconds at least one did.
    pub seconds: i64,
    /// How many they were at most.
    pub most: u64,
}

/// A shorter dump says nothing of anybody's speed.
const WORTH_JUDGING: f64 = 5.0;

/// What made a dump take so long.
pub(super) fn of_dump(line: &DleLine) -> Option<Bound> {
    let waits = line.waits.filter(|_| line.dump_seconds >= WORTH_JUDGING)?;
    let sink = if line.to == Some(Target::Volume) { Bound::Drive } else { Bound::Holding };
    let rest = (line.dump_seconds - waits.client - waits.sink - waits.room).max(0.0);
    greatest([
        (waits.client, Bound::Client),
        (waits.sink, sink),
        (waits.room, Bound::Space),
        (rest, Bound::Server),
    ])
}

fn greatest(shares: [(f64, Bound); 4]) -> Option<Bound> {
    shares.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, bound)| bound)
}

/// Adds up who was at work when, while the log goes by.
#[derive(Debug, Default)]
pub(super) struct Clockwork {
    last: Option<i64>,
    dumping: i64,
    writing: i64,
    /// Only writing, and nothing being dumped.
    tail: i64,
    dumps: usize,
    writers: std::collections::BTreeSet<types::DriveName>,
    groups: Vec<Group>,
    waited: BTreeMap<String, Waited>,
}

impl Clockwork {
    pub(super) fn take(&mut self, line: &Logged) {
        self.tick(line.time);
        match &line.event {
            RunEvent::DumpStarted { .. } => self.dumps += 1,
            RunEvent::DumpDone { .. } | RunEvent::DumpFailed { .. } => {
                self.dumps = self.dumps.saturating_sub(1);
            }
            RunEvent::DriveBegan { drive, work, .. } => {
                use crate::runlog::Work::{Direct, Write};
                if matches!(work, Write | Direct) {
                    self.writers.insert(drive.clone());
                } else {
                    self.writers.remove(drive);
                }
            }
            RunEvent::DriveFed { drive, .. } | RunEvent::DriveFailed { drive, .. } => {
                self.writers.remove(drive);
            }
            RunEvent::Waiting { groups } => self.groups.clone_from(groups),
            _ => {}
        }
    }

    /// Time goes on to this second.
    fn tick(&mut self, time: i64) {
        let seconds = (time - self.last.unwrap_or(time)).max(0);
        self.last = Some(time);
        if seconds == 0 {
            return;
        }
        self.dumping += if self.dumps > 0 { seconds } else { 0 };
        self.writing += if self.writers.is_empty() { 0 } else { seconds };
        self.tail += if self.dumps == 0 && !self.writers.is_empty() { seconds } else { 0 };
        for group in &self.groups {
            let waited = self.waited.entry(group.why.clone()).or_insert_with(|| Waited {
                why: group.why.clone(),
                seconds: 0,
                most: 0,
            });
            waited.seconds += seconds;
            waited.most = waited.most.max(group.count);
        }
    }

    /// What it comes to.
    pub(super) fn speed(self, report: &Report) -> Speed {
        let dumps = || report.dles.iter().filter(|line| line.is_whole() && !line.earlier);
        let sum = |part: fn(&DleLine) -> f64| dumps().map(part).sum::<f64>();
        let waits = |part: fn(&crate::runlog::Waits) -> f64| {
            dumps().filter_map(|line| line.waits.as_ref()).map(part).sum::<f64>()
        };
        let raw: Bytes = dumps().map(|line| line.raw).sum();
        let placed: Bytes = report.volumes.iter().map(|volume| volume.bytes).sum();
        let mut speed = Speed {
            dumping: self.dumping,
            writing: self.writing,
            dumper_seconds: sum(|line| line.dump_seconds),
            client: waits(|waits| waits.client),
            sink: waits(|waits| waits.sink),
            room: waits(|waits| waits.room),
            dump_rate: rate(raw, self.dumping),
            volume_rate: rate(placed, self.writing),
            bound: None,
            waited: self.waited.into_values().filter(|waited| waited.seconds > 0).collect(),
        };
        speed.waited.sort_by(|a, b| b.seconds.cmp(&a.seconds).then_with(|| a.why.cmp(&b.why)));
        speed.bound = bound(&speed, self.tail, report);
        speed
    }
}

fn bound(speed: &Speed, tail: i64, report: &Report) -> Option<Bound> {
    if tail > speed.dumping && report.drives.iter().all(|d| d.bottleneck == Bottleneck::Drive) {
        return Some(Bound::Drive);
    }
    let waits = speed.client + speed.sink + speed.room;
    if speed.dumper_seconds < WORTH_JUDGING || waits <= 0.0 {
        return None;
    }
    let direct = report.dles.iter().all(|line| line.to != Some(Target::Holding));
    greatest([
        (speed.client, Bound::Client),
        (speed.sink, if direct { Bound::Drive } else { Bound::Holding }),
        (speed.room, Bound::Space),
        ((speed.dumper_seconds - waits).max(0.0), Bound::Server),
    ])
}

fn rate(bytes: Bytes, seconds: i64) -> Option<Bytes> {
    (seconds > 0 && bytes > Bytes::ZERO).then(|| bytes.share(1.0 / seconds as f64))
}
