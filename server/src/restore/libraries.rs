//! The libraries of the storages, for those who read volumes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use config::Config;
use taper::catalogue::{Catalogue, CatalogueError};
use types::StorageName;

use super::image::ImageError;
use crate::library::{Library, Sighting};
use crate::night::estimate::with_causes;
use crate::operator::Desk;

/// Opens libraries for those who read volumes, each once.
pub struct Libraries {
    config: Config,
    open: BTreeMap<StorageName, Library>,
    operator: Option<Desk>,
}

impl Libraries {
    /// None is open yet.
    pub fn of(config: &Config) -> Self {
        Self { config: config.clone(), open: BTreeMap::new(), operator: None }
    }

    /// The same, with somebody who is asked for volumes where there is no robot.
    pub fn attended(self, operator: Desk) -> Self {
        Self { operator: Some(operator), ..self }
    }

    /// The library of a storage.
    pub fn library(&mut self, name: &StorageName) -> Result<Library, ImageError> {
        if let Some(library) = self.open.get(name) {
            return Ok(library.clone());
        }
        let storage = self.config.storages.iter().find(|storage| storage.name == *name);
        let library = Library::open(storage.ok_or_else(|| ImageError::NoStorage(name.clone()))?)?;
        let (path, own) = (self.config.site.catalogue.clone(), name.clone());
        let library = library.telling(Arc::new(move |sighting| {
            if let Err(error) = note(&path, &own, sighting) {
                tracing::info!("{sighting:?} was not noted: {}", with_causes(&error));
            }
        }));
        let library = match &self.operator {
            Some(operator) => library.attended(operator),
            None => library,
        };
        self.open.insert(name.clone(), library.clone());
        Ok(library)
    }
}

/// Has the catalogue know where a volume was met, so that nobody is sent to the wrong slot again.
fn note(path: &Path, storage: &StorageName, sighting: &Sighting) -> Result<(), CatalogueError> {
    let mut catalogue = Catalogue::open(path)?;
    let Sighting { slot, barcode, label } = sighting;
    catalogue.record_met(storage, *slot, barcode.as_ref(), label.as_ref())
}
