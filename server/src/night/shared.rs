//! The catalogue, shared by the threads of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taper::catalogue::Catalogue;

/// One connection for all threads. Each call on it is a transaction of its own, so one that a panic cut short
/// was rolled back, and the next may go on.
#[derive(Clone)]
pub struct SharedCatalogue {
    catalogue: Arc<Mutex<Catalogue>>,
    labelling: Arc<Mutex<()>>,
}

impl SharedCatalogue {
    /// Shares it.
    pub fn new(catalogue: Catalogue) -> Self {
        Self { catalogue: Arc::new(Mutex::new(catalogue)), labelling: Arc::default() }
    }

    /// Waits until nobody else uses it.
    pub fn lock(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other drive of this run makes a new volume. From the choice of a label until it is on the medium
    /// the catalogue would give it to a second drive as well, as it does to the first one after a crash.
    pub fn labelling(&self) -> MutexGuard<'_, ()> {
        self.labelling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
