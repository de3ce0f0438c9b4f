//! The catalogue, shared by the threads of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taper::catalogue::Catalogue;

/// One connection for all threads. Each call on it is a transaction of its own, so one that a panic cut short
/// was rolled back, and the next may go on.
#[derive(Clone)]
pub struct SharedCatalogue(Arc<Mutex<Catalogue>>);

impl SharedCatalogue {
    /// Shares it.
    pub fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(Mutex::new(catalogue)))
    }

    /// Waits until nobody else uses it.
    pub fn lock(&self) -> MutexGuard<'_, Catalogue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
