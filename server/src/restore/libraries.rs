//! The libraries of the storages, for those who read volumes.

use std::collections::BTreeMap;

use config::Config;
use types::StorageName;

use super::image::ImageError;
use crate::library::Library;
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
        let library = match &self.operator {
            Some(operator) => library.attended(operator),
            None => library,
        };
        self.open.insert(name.clone(), library.clone());
        Ok(library)
    }
}
