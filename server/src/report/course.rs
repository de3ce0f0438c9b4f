//! The course of a run: how many dumpers were busy, how full the holding disks were, how many bytes came and went, at
//! every second of it. What Amanda's amplot draws.
//!
//! Each quantity is a list of steps: from this second on, so much. Only changes are kept, so that a night of hours
//! is as easily drawn as one of minutes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use types::{Bytes, DleRef, DriveName, DumpId};

use crate::runlog::{Logged, RunEvent, Target, Work};

/// How a run went, second by second.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// How long it was.
    pub(super) seconds: i64,
    /// How many dumpers there are.
    pub(super) dumpers: Option<u32>,
    /// What the holding disks have for the run.
    pub(super) room: Option<Bytes>,
    /// Dumpers at work.
    pub(super) busy: Steps,
    /// DLEs that are still to be dumped.
    pub(super) waiting: Steps,
    /// Bytes on the holding disks.
    pub(super) holding: Steps,
    /// Bytes of images that have come, in all.
    pub(super) dumped: Steps,
    /// Bytes that were written to volumes, in all.
    pub(super) placed: Steps,
    /// For each drive, when it did what.
    pub(super) drives: BTreeMap<DriveName, Vec<Stretch>>,
}

/// Seconds of the run, and what holds from each on.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Steps(pub(super) Vec<(i64, f64)>);

impl Steps {
    fn set(&mut self, second: i64, value: f64) {
        match self.0.last_mut() {
            Some((_, last)) if *last == value => {}
            Some((at, last)) if *at == second => *last = value,
            _ => self.0.push((second, value)),
        }
    }

    /// The greatest.
    pub(super) fn most(&self) -> f64 {
        self.0.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }
}

/// What a drive did for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) does: Does,
}

/// What a drive does, as far as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Looking for volumes, loading, closing.
    Moves,
    /// Writing.
    Writes,
    /// Failed.
    Failed,
}

impl Course {
    /// From the log of a run.
    pub(super) fn of(log: &[Logged]) -> Self {
        let mut making = Making::default();
        for line in log {
            making.take(line);
        }
        making.finish()
    }
}

#[derive(Default)]
struct Making {
    course: Course,
    began: Option<i64>,
    now: i64,
    dumping: BTreeSet<DumpId>,
    of_dle: HashMap<DleRef, DumpId>,
    to_dump: BTreeSet<DleRef>,
    /// Bytes on holding, by dump.
    on_holding: HashMap<DumpId, u64>,
    earlier: u64,
    /// Images of earlier runs that are placed, and still on holding.
    still_held: HashMap<DumpId, u64>,
    releases: bool,
    /// Bytes of images that have come, by dump.
    came: HashMap<DumpId, u64>,
    held: u64,
    dumped: Bytes,
    placed: Bytes,
    doing: BTreeMap<DriveName, (i64, Does)>,
    on: HashMap<types::Label, DriveName>,
}

impl Making {
    fn take(&mut self, line: &Logged) {
        let began = *self.began.get_or_insert(line.time);
        self.now = self.now.max(line.time - began);
        match &line.event {
            RunEvent::Equipped { dumpers, holding, held, drives, releases } => {
                self.releases = *releases;
                self.course.dumpers = Some(*dumpers);
                self.course.room = Some(holding.iter().map(|disk| disk.room).sum());
                self.earlier = held.0;
                for drive in drives {
                    self.course.drives.entry(drive.clone()).or_default();
                }
            }
            RunEvent::Planned { dle, .. } => {
                self.to_dump.insert(dle.clone());
            }
            RunEvent::DumpStarted { dle, dump, to, .. } => {
                self.to_dump.remove(dle);
                self.dumping.insert(*dump);
                self.of_dle.insert(dle.clone(), *dump);
                if *to == Target::Holding {
                    self.on_holding.insert(*dump, 0);
                }
            }
            RunEvent::DumpProgress { dump, stored, .. } => self.grow(*dump, *stored),
            RunEvent::DumpDone { dump, stored, .. } => {
                self.grow(*dump, *stored);
                self.dumping.remove(dump);
            }
            RunEvent::DumpFailed { dle, again, .. } => {
                if let Some(dump) = self.of_dle.remove(dle) {
                    self.dumping.remove(&dump);
                    let left = self.on_holding.remove(&dump).unwrap_or(0);
                    self.held = self.held.saturating_sub(left);
                }
                if *again {
                    self.to_dump.insert(dle.clone());
                }
            }
            RunEvent::DleFailed { dle, .. } => {
                self.to_dump.remove(dle);
            }
            RunEvent::PartPlaced { bytes, .. } => self.placed += *bytes,
            RunEvent::ImagePlaced { dump, bytes, .. } => {
                if !self.came.contains_key(dump) {
                    self.still_held.insert(*dump, bytes.0);
                }
                self.dumping.remove(dump);
                if !self.releases {
                    self.release(*dump);
                }
            }
            RunEvent::ImageReleased { dump } => self.release(*dump),
            RunEvent::VolumeMounted { drive, label, .. } => {
                self.on.insert(label.clone(), drive.clone());
                self.does(drive, None);
            }
            RunEvent::DriveBegan { drive, work, .. } => {
                let does = if matches!(work, Work::Write | Work::Direct) {
                    Does::Writes
                } else {
                    Does::Moves
                };
                self.does(drive, Some(does));
            }
            RunEvent::DriveFed { drive, .. } => self.does(drive, None),
            RunEvent::VolumeFinished { label, .. } => {
                if let Some(drive) = self.on.remove(label) {
                    self.does(&drive, None);
                }
            }
            RunEvent::DriveFailed { drive, .. } => self.does(drive, Some(Does::Failed)),
            _ => {}
        }
        self.step();
    }

    /// So much of an image has come.
    fn grow(&mut self, dump: DumpId, stored: Bytes) {
        let before = self.came.insert(dump, stored.0).unwrap_or(0);
        self.dumped += stored.saturating_sub(Bytes(before));
        if let Some(held) = self.on_holding.get_mut(&dump) {
            self.held = self.held.saturating_sub(*held).saturating_add(stored.0);
            *held = stored.0;
        }
    }

    /// An image has left the holding disk.
    fn release(&mut self, dump: DumpId) {
        let of_run = self.on_holding.remove(&dump).unwrap_or(0);
        let earlier = self.still_held.remove(&dump).unwrap_or(0);
        self.held = self.held.saturating_sub(of_run);
        self.earlier = self.earlier.saturating_sub(earlier);
    }

    /// The drive does this from now on.
    fn does(&mut self, drive: &DriveName, what: Option<Does>) {
        let before = match what {
            Some(does) => self.doing.insert(drive.clone(), (self.now, does)),
            None => self.doing.remove(drive),
        };
        let Some((from, does)) = before else { return };
        let stretches = self.course.drives.entry(drive.clone()).or_default();
        match stretches.last_mut() {
            Some(last) if last.does == does && last.to == from => last.to = self.now,
            _ if from == self.now => {}
            _ => stretches.push(Stretch { from, to: self.now, does }),
        }
    }

    fn step(&mut self) {
        let now = self.now;
        let course = &mut self.course;
        course.busy.set(now, self.dumping.len() as f64);
        course.waiting.set(now, self.to_dump.len() as f64);
        course.holding.set(now, self.held as f64 + self.earlier as f64);
        course.dumped.set(now, self.dumped.0 as f64);
        course.placed.set(now, self.placed.0 as f64);
    }

    fn finish(mut self) -> Course {
        for drive in self.doing.keys().cloned().collect::<Vec<_>>() {
            self.does(&drive, None);
        }
        self.course.seconds = self.now;
        self.course
    }
}
