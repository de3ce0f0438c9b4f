//! Volumes whose file system has no more room.
//!
//! A volume in a directory ends where its file system does. That is nobody's fault: it is closed, and another run writes
//! it on. Whether another volume would do depends on where it lies, and on what is to become of it: to start one afresh
//! gives back what it held. A volume that would get no more than the one before is not begun, so that a run comes to
//! an end, and each full file system is told of once.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use devices::Trouble;
use devices::vtape::HostDisk;
use taper::catalogue::VolumeState;
use taper::mount::Appending;
use taper::scan::Choice;
use types::{Bytes, Label, Slot};

use super::Worker;
use crate::dispatcher::Event;
use crate::library::AnyDrive;
use crate::runlog::{self, RunEvent};

/// With less than this a volume is not worth beginning, or the eighth part of a small one.
const WORTH_A_VOLUME: Bytes = Bytes(16 << 20);

/// What the drives of a run have found out about full file systems, by their devices: what was free on each when a
/// volume ended there. Nothing, if none was begun.
#[derive(Clone, Debug, Default)]
pub struct FullDisks(Arc<Mutex<BTreeMap<u64, Bytes>>>);

/// Whether it was known before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    Before,
}

impl FullDisks {
    fn when_full(&self, device: u64) -> Bytes {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&device).copied().unwrap_or_default()
    }

    fn note(&self, device: u64, free: Bytes) -> Known {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&device).copied();
        all.insert(device, before.unwrap_or_default().max(free));
        if before.is_some() { Known::Before } else { Known::New }
    }
}

/// Whether a volume has room enough: on a file system with so much left it will give back so much, and what was left
/// when a volume ended there was too little.
fn is_worth_beginning(free: Bytes, gives_back: Bytes, when_full: Bytes, length: Bytes) -> bool {
    let wanted = WORTH_A_VOLUME.min(Bytes(length.0 / 8));
    free + gives_back >= when_full + wanted
}

/// Whether a file system had no room for what was to be written.
pub(super) fn is_full(error: &(dyn Error + 'static)) -> bool {
    let is_it = |cause: &(dyn Error + 'static)| {
        matches!(cause.downcast_ref(), Some(Trouble::DiskFull { .. }))
    };
    is_it(error) || error.source().is_some_and(is_full)
}

impl Worker {
    /// Why a volume is not begun, or written on, where it lies. It is told in the log.
    pub(super) fn lacks_disk(&self, slot: Slot, choice: &Choice) -> Option<String> {
        let (disk, taken) = self.library().disk_under(slot)?;
        let gives_back = match choice {
            Choice::Reuse(_) => taken,
            Choice::Append(_) | Choice::Fresh(_) => Bytes::ZERO,
        };
        let when_full = self.bench.full.when_full(disk.device);
        let length = self.settings().tapetype.length;
        if is_worth_beginning(disk.free, gives_back, when_full, length) {
            return None;
        }
        self.tell_full(&disk, Bytes::ZERO);
        Some(words(&disk))
    }

    /// Closes a volume that its file system has cut short.
    pub(super) fn cut_short(&mut self, volume: Appending<AnyDrive>) -> Result<(), String> {
        let slot = self.library().slot_of(volume.label());
        self.close(volume, VolumeState::Active, CUT_SHORT)?;
        if let Some((disk, _)) = slot.ok().and_then(|slot| self.library().disk_under(slot)) {
            self.tell_full(&disk, disk.free);
        }
        self.mounted = None;
        self.bench.voice.event(Event::DiskFull { drive: self.id() });
        Ok(())
    }

    /// The same, where the system said so only when all was to be on the disk. What was not certain is gone.
    pub(super) fn cut_short_late(&mut self, label: &Label) -> Result<(), String> {
        match self.mount_again(label) {
            Ok(Some(volume)) => self.cut_short(volume),
            Ok(None) => Err(format!("{label} was not found again after {CUT_SHORT}")),
            Err(error) => Err(super::with_causes(&error)),
        }
    }

    fn tell_full(&self, disk: &HostDisk, when_full: Bytes) {
        if self.bench.full.note(disk.device, when_full) == Known::New {
            let (storage, path) = (self.storage().clone(), disk.path.display().to_string());
            self.bench.voice.log(RunEvent::DiskFull { storage, path, free: disk.free });
        }
    }
}

/// Why a volume is closed.
pub(super) const CUT_SHORT: &str = "the file system under it is full";

fn words(disk: &HostDisk) -> String {
    runlog::disk_full(&disk.path.display().to_string(), disk.free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_begun_where_it_gets_more_than_the_one_that_was_cut_short() {
        let mib = |mib| Bytes::MIB.times(mib);
        let cases = [
            // What is free, what the volume gives back, what was free when it was full; how long volumes are.
            ((100, 0, 0, 1000), true),
            ((15, 0, 0, 1000), false),
            ((15, 1, 0, 1000), true),
            // It was too little then, and is no more now.
            ((100, 0, 100, 1000), false),
            ((100, 16, 100, 1000), true),
            // Somebody has made room.
            ((116, 0, 100, 1000), true),
            // Small volumes are worth it sooner.
            ((1, 0, 0, 8), true),
        ];
        for ((free, back, full, length), begun) in cases {
            let answer = is_worth_beginning(mib(free), mib(back), mib(full), mib(length));
            assert_eq!(answer, begun, "{free} {back} {full} {length}");
        }
    }

    #[test]
    fn a_full_file_system_is_known_through_all_that_was_made_of_it() {
        let full = Trouble::DiskFull { path: "/vtapes/slot1".to_owned(), left: Bytes::GIB };
        let error = devices::DriveError {
            drive: "drive0".parse().unwrap(),
            action: devices::Action::Flush,
            at: None,
            blame: full.blame(),
            cause: Box::new(full),
        };
        assert!(is_full(&taper::mount::WriteError::from(error)));
        assert!(!is_full(&Trouble::NoCartridge));
    }
}
