//! The log of a run, event by event, made into what stands where.

use std::collections::{BTreeMap, HashMap, VecDeque};

use types::{Bytes, DleRef, DumpId, Label, Level, Stamp};

use super::drives::Drives;
use super::eta::{self, Work};
use super::{Counts, DleNow, DleState, Dumping, HoldingNow, Life, SCHEMA, Status};
use crate::runlog::{Group, Logged, Outcome, RunEvent, Target};

/// Over so many seconds a dump's rate is taken.
const OF_LATE: i64 = 30;

/// Takes a log as it grows.
#[derive(Debug, Default)]
pub struct Watch {
    kind: String,
    pid: u32,
    started: Option<i64>,
    last: i64,
    outcome: Option<Outcome>,
    dumpers: Option<u32>,
    room: Option<Bytes>,
    earlier: Bytes,
    /// Images of earlier runs that are placed, and still on holding.
    still_held: HashMap<DumpId, Bytes>,
    releases: bool,
    dles: BTreeMap<DleRef, Line>,
    of_dump: HashMap<DumpId, DleRef>,
    drives: Drives,
    waiting: Vec<Group>,
    failures: Vec<String>,
    placed: Bytes,
    /// Seconds in which some dump came, and in which some drive wrote, up to the last line.
    moving: (i64, i64),
}

/// What is known of a DLE.
#[derive(Debug)]
struct Line {
    level: Option<Level>,
    dump: Option<DumpId>,
    state: DleState,
    to: Target,
    began: i64,
    heard: i64,
    entries: u64,
    raw: Bytes,
    stored: Bytes,
    expected: Option<Bytes>,
    /// When so many bytes had come, of late.
    marks: VecDeque<(i64, Bytes)>,
    placed: Bytes,
    labels: Vec<Label>,
    /// Whether it takes space on the holding disk.
    holds: bool,
    why: String,
}

impl Line {
    fn new() -> Self {
        Self {
            level: None,
            dump: None,
            state: DleState::Waiting,
            to: Target::Holding,
            began: 0,
            heard: 0,
            entries: 0,
            raw: Bytes::ZERO,
            stored: Bytes::ZERO,
            expected: None,
            marks: VecDeque::new(),
            placed: Bytes::ZERO,
            labels: Vec::new(),
            holds: false,
            why: String::new(),
        }
    }

    /// Nothing has come, and nothing was written.
    fn forget(&mut self) {
        (self.entries, self.raw, self.stored) = (0, Bytes::ZERO, Bytes::ZERO);
        self.placed = Bytes::ZERO;
        self.labels.clear();
    }

    /// Bytes of tar a second, of late.
    fn rate(&self, now: i64) -> Option<Bytes> {
        let (time, bytes) = self.marks.front()?;
        let seconds = now - time;
        (seconds > 0).then(|| (self.raw - *bytes).share(1.0 / seconds as f64))
    }
}

impl Watch {
    /// The process of the run, as its log says.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the run wrote its end.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Takes the next event.
    pub fn take(&mut self, line: &Logged) {
        let now = line.time;
        self.started.get_or_insert(now);
        self.moving = self.moving_until(now);
        self.last = self.last.max(now);
        self.drives.take(line);
        match &line.event {
            RunEvent::Started { kind, pid, .. } => {
                self.kind.clone_from(kind);
                self.pid = *pid;
            }
            RunEvent::Equipped { dumpers, holding, held, releases, .. } => {
                self.releases = *releases;
                self.dumpers = Some(*dumpers);
                self.room = Some(holding.iter().map(|disk| disk.room).sum());
                self.earlier = *held;
            }
            RunEvent::Waiting { groups } => self.waiting.clone_from(groups),
            RunEvent::Interrupted => self.fail("the run was told to stop".to_owned()),
            RunEvent::VolumeTooSmall { storage, why, .. } => {
                self.fail(format!("storage {storage}: {why}"));
            }
            RunEvent::DiskFull { storage, path, free } => {
                self.fail(format!("storage {storage}: {}", crate::runlog::disk_full(path, *free)));
            }
            RunEvent::NoVolume { storage, why } => {
                self.fail(format!("storage {storage}: no volume to write to: {why}"));
            }
            RunEvent::BrokenOff { why } => self.fail(format!("the run broke off: {why}")),
            RunEvent::NoLibrary { storage, why } => {
                self.fail(format!("storage {storage}: nothing is written tonight: {why}"));
            }
            RunEvent::StaysHeld { storage, images, why, .. } => {
                let about = format!("storage {storage}: ");
                if !self.failures.iter().any(|told| told.starts_with(&about)) {
                    self.fail(format!(
                        "{about}it takes no more, and {images} images are not in it: {why}"
                    ));
                }
            }
            RunEvent::HoldingAway { disk, why, .. } => {
                self.fail(format!("holding disk {disk} is not used: {why}"));
            }
            RunEvent::DumpLost { dle, level, run, why, .. } => {
                let of = crate::clock::stamp_text(*run);
                self.fail(format!("{dle}: the dump at level {level} of {of} is LOST: {why}"));
            }
            RunEvent::DriveFailed { drive, why, .. } => {
                self.fail(crate::report::of_drive(drive, why));
            }
            RunEvent::Finished { outcome } => self.outcome = Some(*outcome),
            event => self.take_dump(now, event),
        }
    }

    /// Whether it is known of each dump at work how large it may become.
    fn is_foreseeable(&self) -> bool {
        let mut dumping = self.dles.values().filter(|line| line.state == DleState::Dumping);
        dumping.all(|line| line.expected.is_some())
    }

    /// Seconds in which some dump came, and in which some drive wrote.
    fn moving_until(&self, now: i64) -> (i64, i64) {
        let since = if self.last == 0 { 0 } else { (now - self.last).max(0) };
        let share = |moves: bool| if moves { since } else { 0 };
        let comes = self.dles.values().any(|line| line.state == DleState::Dumping);
        let (dumping, writing) = self.moving;
        (dumping + share(comes), writing + share(self.drives.any_writes()))
    }

    fn take_dump(&mut self, now: i64, event: &RunEvent) {
        match event {
            RunEvent::Planned { dle, level, raw, .. } => {
                let line = self.line(dle);
                (line.level, line.expected) = (Some(*level), Some(*raw));
            }
            RunEvent::Skipped { dle, why } => {
                let line = self.line(dle);
                line.state = DleState::Skipped;
                line.why.clone_from(why);
            }
            RunEvent::DumpStarted { dle, level, dump, to } => {
                self.of_dump.insert(*dump, dle.clone());
                let line = self.line(dle);
                if line.level != Some(*level) {
                    line.expected = None;
                }
                (line.level, line.dump, line.to) = (Some(*level), Some(*dump), *to);
                (line.began, line.heard) = (now, now);
                line.forget();
                line.marks = [(now, Bytes::ZERO)].into();
                line.state = DleState::Dumping;
                line.holds = *to == Target::Holding;
            }
            RunEvent::DumpProgress { dump, entries, raw, stored } => {
                if let Some(line) = self.with_dump(*dump) {
                    (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                    line.heard = now;
                    line.marks.push_back((now, *raw));
                    while line.marks.len() > 2 && line.marks[1].0 + OF_LATE <= now {
                        line.marks.pop_front();
                    }
                }
            }
            RunEvent::DumpDone { dle, level, dump, entries, raw, stored, .. } => {
                self.of_dump.insert(*dump, dle.clone());
                let line = self.line(dle);
                (line.level, line.dump) = (Some(*level), Some(*dump));
                (line.entries, line.raw, line.stored) = (*entries, *raw, *stored);
                if line.state != DleState::Placed {
                    line.state = DleState::Held;
                }
            }
            RunEvent::DumpFailed { dle, why, again, .. } => {
                let line = self.line(dle);
                line.state = DleState::Waiting;
                line.holds = false;
                // What came of this try counts no more.
                line.forget();
                line.why = if *again { format!("again, after: {why}") } else { why.clone() };
            }
            RunEvent::DleFailed { dle, why, .. } => {
                let line = self.line(dle);
                line.state = DleState::Failed;
                line.why.clone_from(why);
                self.fail(format!("{dle}: {why}"));
            }
            RunEvent::DriveBegan { dump: Some(dump), .. } => {
                if let Some(line) = self.with_dump(*dump)
                    && line.state == DleState::Held
                {
                    line.state = DleState::Writing;
                }
            }
            RunEvent::PartPlaced { dump, label, bytes, .. } => {
                self.placed += *bytes;
                if let Some(line) = self.with_dump(*dump) {
                    line.placed += *bytes;
                    // How far a dump is, is told now and then; what is on a volume has come.
                    line.stored = line.stored.max(line.placed);
                    if line.labels.last() != Some(label) {
                        line.labels.push(label.clone());
                    }
                }
            }
            RunEvent::DriveFed { dump, .. } => {
                if let Some(line) = self.with_dump(*dump)
                    && line.state == DleState::Writing
                {
                    line.state = DleState::Held;
                }
            }
            RunEvent::ImagePlaced { dump, bytes, .. } => {
                match self.with_dump(*dump) {
                    Some(line) => line.state = DleState::Placed,
                    None => drop(self.still_held.insert(*dump, *bytes)),
                }
                if !self.releases {
                    self.release(*dump);
                }
            }
            RunEvent::ImageReleased { dump } => self.release(*dump),
            _ => {}
        }
    }

    /// An image has left the holding disk.
    fn release(&mut self, dump: DumpId) {
        match self.with_dump(dump) {
            Some(line) => line.holds = false,
            None => {
                let bytes = self.still_held.remove(&dump).unwrap_or_default();
                self.earlier = self.earlier - bytes;
            }
        }
    }

    fn fail(&mut self, text: String) {
        if !self.failures.contains(&text) {
            self.failures.push(text);
        }
    }

    fn line(&mut self, dle: &DleRef) -> &mut Line {
        self.dles.entry(dle.clone()).or_insert_with(Line::new)
    }

    fn with_dump(&mut self, dump: DumpId) -> Option<&mut Line> {
        let line = self.dles.get_mut(self.of_dump.get(&dump)?)?;
        (line.dump == Some(dump)).then_some(line)
    }

    /// What stands where at this moment. `alive` says whether the run's process still is.
    pub fn status(&self, run: Stamp, now: i64, alive: bool) -> Status {
        let life = match (self.outcome, alive) {
            (Some(outcome), _) => Life::Ended { outcome },
            (None, true) => Life::AtWork,
            (None, false) => Life::Died,
        };
        let at = if life == Life::AtWork { now.max(self.last) } else { self.last };
        let mut dumping = self.dumping(at);
        if life != Life::AtWork {
            dumping.iter_mut().for_each(|dump| (dump.rate, dump.seconds_left) = (None, None));
        }
        let (dumping_seconds, writing_seconds) = self.moving_until(at);
        let work = Work {
            dumping: dumping_seconds,
            writing: writing_seconds,
            expected: self.dles.values().filter_map(expected).sum(),
            dumped: self.dles.values().map(|line| line.raw).sum(),
            images: self.dles.values().filter_map(image).sum::<Bytes>() + self.earlier,
            placed: self.placed,
        };
        Status {
            schema: SCHEMA,
            run,
            kind: self.kind.clone(),
            started: self.started.unwrap_or(0),
            at,
            seconds_left: (life == Life::AtWork && self.is_foreseeable())
                .then(|| eta::seconds_left(&work))
                .flatten(),
            counts: self.counts(),
            expected: work.expected,
            dumped: work.dumped,
            placed: self.placed,
            dumpers: self.dumpers,
            dumping,
            drives: self.drives.now(at, &|dump| {
                let dle = self.of_dump.get(&dump)?;
                let line = self.dles.get(dle)?;
                Some((dle.clone(), line.placed, line.stored))
            }),
            holding: self.room.map(|room| HoldingNow {
                room,
                used: self.dles.values().filter(|line| line.holds).map(|line| line.stored).sum(),
                earlier: self.earlier,
            }),
            waiting: if life == Life::AtWork { self.still_waiting() } else { Vec::new() },
            failures: self.failures.clone(),
            dles: self.dles(&life),
            life,
        }
    }

    /// The groups that were told last, without the DLEs that have begun since.
    fn still_waiting(&self) -> Vec<Group> {
        let waits =
            |dle: &DleRef| self.dles.get(dle).is_none_or(|line| line.state == DleState::Waiting);
        let groups = self.waiting.iter().map(|group| {
            let (dles, begun): (Vec<&DleRef>, Vec<_>) =
                group.dles.iter().partition(|dle| waits(dle));
            Group {
                why: group.why.clone(),
                count: group.count.saturating_sub(begun.len() as u64),
                dles: dles.into_iter().cloned().collect(),
            }
        });
        groups.filter(|group| group.count > 0).collect()
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for line in self.dles.values() {
            *match line.state {
                DleState::Waiting => &mut counts.waiting,
                DleState::Dumping => &mut counts.dumping,
                DleState::Held | DleState::Writing => &mut counts.held,
                DleState::Placed => &mut counts.placed,
                DleState::Failed => &mut counts.failed,
                DleState::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    fn dumping(&self, now: i64) -> Vec<Dumping> {
        let at_work = self.dles.iter().filter(|(_, line)| line.state == DleState::Dumping);
        let mut dumping: Vec<Dumping> = at_work
            .map(|(dle, line)| {
                let rate = line.rate(now);
                let rest = line.expected.map(|expected| expected - line.raw);
                Dumping {
                    dle: dle.clone(),
                    level: line.level.unwrap_or(Level::FULL),
                    to: line.to,
                    seconds: now - line.began,
                    entries: line.entries,
                    raw: line.raw,
                    stored: line.stored,
                    expected: line.expected,
                    rate,
                    seconds_left: rest.zip(rate).and_then(|(rest, rate)| eta::at_rate(rest, rate)),
                    silent: now - line.heard,
                }
            })
            .collect();
        dumping.sort_by(|a, b| b.seconds.cmp(&a.seconds).then_with(|| a.dle.cmp(&b.dle)));
        dumping
    }

    fn dles(&self, life: &Life) -> Vec<DleNow> {
        let mut reasons: HashMap<&DleRef, &str> = HashMap::new();
        for group in &self.waiting {
            reasons.extend(group.dles.iter().map(|dle| (dle, group.why.as_str())));
        }
        let now = self.dles.iter().map(|(dle, line)| DleNow {
            dle: dle.clone(),
            level: line.level,
            state: line.state,
            entries: line.entries,
            raw: line.raw,
            stored: line.stored,
            told: told(line, reasons.get(dle).copied(), life),
        });
        now.collect()
    }
}

/// Bytes of tar that a DLE is expected to have in all.
fn expected(line: &Line) -> Option<Bytes> {
    match line.state {
        DleState::Failed | DleState::Skipped => None,
        DleState::Waiting => line.expected,
        DleState::Dumping => Some(line.expected.unwrap_or(line.raw).max(line.raw)),
        DleState::Held | DleState::Writing | DleState::Placed => Some(line.raw),
    }
}

/// Bytes of the image that a DLE has, or is expected to have.
fn image(line: &Line) -> Option<Bytes> {
    let all = expected(line)?;
    match (line.state, line.raw.0) {
        (DleState::Waiting, _) | (_, 0) => Some(all),
        (DleState::Dumping, raw) => Some(line.stored.share(all.0 as f64 / raw as f64)),
        _ => Some(line.stored),
    }
}

fn told(line: &Line, reason: Option<&str>, life: &Life) -> String {
    let labels = line.labels.iter().map(Label::as_str).collect::<Vec<_>>().join(" ");
    match (line.state, life) {
        (DleState::Waiting, Life::AtWork) => match (line.why.as_str(), reason) {
            ("", None) => "waiting".to_owned(),
            ("", Some(reason)) => format!("waiting: {reason}"),
            (why, _) => format!("waiting: {why}"),
        },
        (DleState::Waiting, _) => "not dumped".to_owned(),
        (DleState::Dumping, Life::AtWork) => "dumping".to_owned(),
        (DleState::Dumping, _) => "cut off in the middle".to_owned(),
        (DleState::Writing, Life::AtWork) if labels.is_empty() => "being written".to_owned(),
        (DleState::Writing, Life::AtWork) => format!("being written to {labels}"),
        (DleState::Held | DleState::Writing, _) => "on the holding disk".to_owned(),
        (DleState::Placed, _) => format!("on {labels}"),
        (DleState::Failed, _) => format!("failed: {}", line.why),
        (DleState::Skipped, _) => format!("skipped: {}", line.why),
    }
}
