//! A drive's transport that notices when the arm has been there.
//!
//! A drive reports a new cartridge once, with a unit attention, to whoever sends the next command. That may be the
//! library itself, which looks whether the cartridge is ready, and then whoever reads and writes would never hear
//! of it. So the library counts what it moves, and the reader's own transport tells: before the next command the
//! drive answers 6/28/00, *the medium may have changed*, as it would have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::locks::Lock;
use crate::scsi::{Cdb, Status};
use crate::transport::{Completion, Data, Transport, TransportError};

/// A drive that this process has open: the lock that keeps others out, and how often its cartridge was moved.
#[derive(Debug)]
pub(crate) struct OpenDrive {
    _lock: Lock,
    moves: AtomicU64,
}

impl OpenDrive {
    pub(crate) fn new(lock: Lock) -> Self {
        Self { _lock: lock, moves: AtomicU64::new(0) }
    }

    /// The arm has been there.
    pub(crate) fn moved(&self) {
        self.moves.fetch_add(1, Ordering::SeqCst);
    }
}

/// The transport of a drive that is open.
pub(crate) struct Watched {
    inner: Box<dyn Transport>,
    drive: Arc<OpenDrive>,
    seen: u64,
}

impl Watched {
    pub(crate) fn new(inner: Box<dyn Transport>, drive: Arc<OpenDrive>) -> Self {
        let seen = drive.moves.load(Ordering::SeqCst);
        Self { inner, drive, seen }
    }
}

/// NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED (SPC-4, annex F), in fixed form.
const MAY_HAVE_CHANGED: [u8; 18] = [0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x28, 0, 0, 0, 0, 0];

/// Commands that are answered whatever has happened (SAM-5, 5.14): INQUIRY, REPORT LUNS, REQUEST SENSE.
fn asks_nothing_of_the_medium(cdb: &Cdb) -> bool {
    matches!(cdb.opcode(), 0x03 | 0x12 | 0xa0)
}

impl Transport for Watched {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn longest(&self) -> usize {
        self.inner.longest()
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError> {
        let moves = self.drive.moves.load(Ordering::SeqCst);
        if moves != self.seen && !asks_nothing_of_the_medium(cdb) {
            self.seen = moves;
            let (status, sense) = (Status::CheckCondition, MAY_HAVE_CHANGED.to_vec());
            return Ok(Completion { status, sense, moved: 0 });
        }
        self.inner.execute(cdb, data, timeout)
    }

    fn pause(&mut self, time: Duration) {
        self.inner.pause(time);
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }
}
