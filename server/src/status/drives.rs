//! What each drive does, as the log of a run says.

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DriveName, DumpId, Label, StorageName};

use super::DriveNow;
use crate::runlog::{Logged, RunEvent, Work};

/// The drives of a run.
#[derive(Debug, Default)]
pub(super) struct Drives {
    drives: BTreeMap<DriveName, One>,
    on: BTreeMap<Label, DriveName>,
}

#[derive(Debug, Default)]
struct One {
    storage: Option<StorageName>,
    label: Option<Label>,
    work: Option<(Work, Option<DumpId>)>,
    since: i64,
    bytes: Bytes,
    seconds: f64,
    failed: Option<String>,
}

impl Drives {
    pub(super) fn take(&mut self, line: &Logged) {
        match &line.event {
            RunEvent::Equipped { drives, .. } => {
                for drive in drives {
                    self.one(drive).since = line.time;
                }
            }
            RunEvent::DriveBegan { drive, work, dump } => {
                let one = self.one(drive);
                one.work = Some((*work, *dump));
                one.since = line.time;
                one.failed = None;
            }
            RunEvent::VolumeMounted { drive, storage, label, .. } => {
                self.on.insert(label.clone(), drive.clone());
                let one = self.one(drive);
                one.storage = Some(storage.clone());
                one.label = Some(label.clone());
                if matches!(one.work, Some((Work::Look | Work::Mount, _))) {
                    one.work = None;
                    one.since = line.time;
                }
            }
            RunEvent::PartPlaced { label, bytes, seconds, .. } => {
                if let Some(drive) = self.on.get(label).cloned() {
                    let one = self.one(&drive);
                    one.bytes += *bytes;
                    one.seconds += seconds;
                }
            }
            RunEvent::DriveFed { drive, .. } => self.rest(drive, line.time),
            RunEvent::ImagePlaced { dump, .. } => {
                let of_dump = |one: &One| matches!(one.work, Some((_, Some(at))) if at == *dump);
                for one in self.drives.values_mut().filter(|one| of_dump(one)) {
                    one.work = None;
                    one.since = line.time;
                }
            }
            RunEvent::VolumeFinished { label, .. } => {
                if let Some(drive) = self.on.remove(label) {
                    self.one(&drive).label = None;
                    self.rest(&drive, line.time);
                }
            }
            RunEvent::DriveFailed { drive, why, .. } => {
                self.rest(drive, line.time);
                let one = self.one(drive);
                one.label = None;
                one.failed = Some(why.clone());
            }
            _ => {}
        }
    }

    /// Whether any writes now.
    pub(super) fn any_writes(&self) -> bool {
        let writes = |one: &One| matches!(one.work, Some((Work::Write | Work::Direct, _)));
        self.drives.values().any(writes)
    }

    fn one(&mut self, drive: &DriveName) -> &mut One {
        self.drives.entry(drive.clone()).or_default()
    }

    /// It has nothing to do any more.
    fn rest(&mut self, drive: &DriveName, now: i64) {
        let one = self.one(drive);
        one.work = None;
        one.since = now;
    }

    /// What each does at this moment. `image` says of a dump what it is of, what of it is placed, and how large it is.
    pub(super) fn now(
        &self,
        now: i64,
        image: &dyn Fn(DumpId) -> Option<(DleRef, Bytes, Bytes)>,
    ) -> Vec<DriveNow> {
        let drives = self.drives.iter().map(|(drive, one)| {
            let dump = one.work.and_then(|(_, dump)| dump).and_then(image);
            DriveNow {
                drive: drive.clone(),
                storage: one.storage.clone(),
                label: one.label.clone(),
                work: one.work.map(|(work, _)| work),
                seconds: now - one.since,
                placed: dump.as_ref().map_or(Bytes::ZERO, |(_, placed, _)| *placed),
                image: dump.as_ref().map(|(.., image)| *image),
                dle: dump.map(|(dle, ..)| dle),
                rate: (one.seconds > 0.0).then(|| one.bytes.share(1.0 / one.seconds)),
                failed: one.failed.clone(),
            }
        });
        drives.collect()
    }
}
