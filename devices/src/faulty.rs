//! Any drive or changer, with a fault at the operation that a test chooses.
//!
//! A [`Fuse`] counts the operations of everything that shares it. When it has burnt down, the fault strikes:
//! once, or as a crash, from which nothing works until [`Fuse::heal`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::{Blame, Bytes, DriveName, Slot};

use crate::changer::{Changer, ChangerError, Errand, Inventory};
use crate::drive::{Action, Drive, DriveError, Limits, Met, Position, Stretch, Wrote};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One operation is not done.
    Refused(Blame),
    /// One operation is done, but its answer is lost.
    AnswerLost(Blame),
    /// From this operation on, nothing is done.
    Crash,
}

/// The fault itself, as a cause.
#[derive(Debug, thiserror::Error)]
#[error("a fault was put there by a test: {0:?}")]
pub struct Injected(pub Fault);

/// Counts operations down to a fault. Clones are the same fuse.
#[derive(Clone, Debug)]
pub struct Fuse(Arc<Mutex<Burning>>);

#[derive(Debug)]
struct Burning {
    left: Option<u64>,
    fault: Fault,
    struck: bool,
}

impl Fuse {
    /// Lets `operations` pass before the fault.
    pub fn new(operations: u64, fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(Burning { left: Some(operations), fault, struck: false })))
    }

    /// True once the fault has struck.
    pub fn struck(&self) -> bool {
        self.burning().struck
    }

    /// From now on all is well.
    pub fn heal(&self) {
        self.burning().left = None;
    }

    /// What this operation meets.
    fn burn(&self) -> Option<Fault> {
        let mut burning = self.burning();
        let left = burning.left?;
        if left > 0 {
            burning.left = Some(left - 1);
            return None;
        }
        burning.struck = true;
        if burning.fault != Fault::Crash {
            burning.left = None;
        }
        Some(burning.fault)
    }

    fn burning(&self) -> MutexGuard<'_, Burning> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A drive or a changer behind a fuse.
#[derive(Debug)]
pub struct Faulty<D> {
    inner: D,
    fuse: Fuse,
}

impl<D> Faulty<D> {
    /// Puts `inner` behind `fuse`.
    pub fn new(inner: D, fuse: Fuse) -> Self {
        Self { inner, fuse }
    }
}

fn blame(fault: Fault) -> Blame {
    match fault {
        Fault::Refused(blame) | Fault::AnswerLost(blame) => blame,
        Fault::Crash => Blame::Host,
    }
}

impl<D: Drive> Faulty<D> {
    fn attempt<T>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut D) -> Result<T, DriveError>,
    ) -> Result<T, DriveError> {
        let fault = match self.fuse.burn() {
            None => return act(&mut self.inner),
            Some(fault) => fault,
        };
        if matches!(fault, Fault::AnswerLost(_)) {
            act(&mut self.inner)?;
        }
        let (drive, cause) = (self.inner.name().clone(), Box::new(Injected(fault)));
        Err(DriveError { drive, action, at: None, blame: blame(fault), cause })
    }
}

impl<D: Drive> Drive for Faulty<D> {
    fn name(&self) -> &DriveName {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn title_file(&mut self, title: &str) {
        self.inner.title_file(title);
    }

    fn reading_order(&mut self, stretches: &[Stretch]) -> Vec<usize> {
        self.inner.reading_order(stretches)
    }

    fn keep_free(&mut self, room: Bytes) {
        self.inner.keep_free(room);
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        self.attempt(Action::WriteBlock, |drive| drive.write_block(block))
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::WriteFilemark, D::write_filemark)
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::Flush, D::flush)
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.attempt(Action::ReadBlock, |drive| drive.read_block(buffer))
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::TellPosition, D::position)
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.attempt(Action::Locate(place), |drive| drive.locate(place))
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::FindEndOfData, D::to_end_of_data)
    }
}

impl<C: Changer> Faulty<C> {
    fn run<T>(
        &mut self,
        errand: Errand,
        act: impl FnOnce(&mut C) -> Result<T, ChangerError>,
    ) -> Result<T, ChangerError> {
        let fault = match self.fuse.burn() {
            None => return act(&mut self.inner),
            Some(fault) => fault,
        };
        if matches!(fault, Fault::AnswerLost(_)) {
            act(&mut self.inner)?;
        }
        let (changer, cause) = (self.inner.name().to_owned(), Box::new(Injected(fault)));
        Err(ChangerError { changer, errand, blame: blame(fault), cause })
    }
}

impl<C: Changer> Changer for Faulty<C> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn inventory(&mut self) -> Result<Inventory, ChangerError> {
        self.run(Errand::TakeInventory, C::inventory)
    }

    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError> {
        self.run(Errand::Load(slot, drive.clone()), |changer| changer.load(slot, drive))
    }

    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError> {
        self.run(Errand::Unload(drive.clone(), slot), |changer| changer.unload(drive, slot))
    }
}
