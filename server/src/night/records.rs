//! What a run leaves on each of its volumes: the catalogue's rows and the indexes of what it placed, so that
//! the catalogue can be made again from the volumes alone.

use std::path::Path;

use format::records::{DumpStatus, RecordsError, pack};
use taper::catalogue::{Catalogue, CatalogueError};
use types::{Label, Stamp};

use crate::store::{self, IndexTrouble};

/// Why no records could be made.
#[derive(Debug, thiserror::Error)]
pub enum NoRecords {
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// An index.
    #[error("an index could not be read")]
    Index(#[from] IndexTrouble),
    /// The rows.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// The records of a run as far as it has come, for the volume `label`.
pub fn of_run(
    catalogue: &Catalogue,
    indexdir: &Path,
    run: Stamp,
    label: &Label,
) -> Result<Vec<u8>, NoRecords> {
    let program = concat!("reelkeep ", env!("CARGO_PKG_VERSION"));
    let records = catalogue.records_of(run, label, program)?;
    let mut indexes = Vec::new();
    // A dump that is still coming straight from a client has no index yet.
    let whole = |status| matches!(status, DumpStatus::Good | DumpStatus::Strange);
    for dump in records.dumps.iter().filter(|dump| whole(dump.status)) {
        indexes.push((dump.id, store::bytes(indexdir, dump.id)?));
    }
    Ok(pack(&records, indexes)?)
}
