//! What a storage wants done besides writing: a volume that was written is locked (`set-no-reuse`).

use taper::catalogue::{CatalogueError, Lock, Locked};
use types::Label;

use super::Worker;
use crate::clock::Now;

impl Worker {
    /// Locks a volume that was written, if the storage wants that. A lock of the operator's stays as it is.
    pub(super) fn lock_written(&self, label: &Label) -> Result<(), CatalogueError> {
        if !self.settings().set_no_reuse {
            return Ok(());
        }
        let mut catalogue = self.bench.catalogue.lock();
        if catalogue.volume(label)?.lock.holds(self.bench.run) {
            return Ok(());
        }
        let why = format!("set-no-reuse of storage {}", self.storage());
        let locked = Locked { why, ..Locked::default() };
        catalogue.set_lock(label, Lock::NoReuse, &locked, Now::read().stamp())
    }
}
