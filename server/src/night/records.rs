//! What a run leaves on each of its volumes: the catalogue's rows and the indexes of what it placed, so that
//! the catalogue can be made again from the volumes alone.

use std::collections::BTreeSet;
use std::path::Path;

use format::records::{DumpStatus, RecordsError, pack};
use taper::catalogue::{Catalogue, CatalogueError};
use types::{Bytes, DumpId, Label, Stamp};

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

/// What the rows of the smallest run take, and the row of one part with its share of the others.
const ROWS: Bytes = Bytes(16 << 10);
const ROW: Bytes = Bytes(512);

/// How much has to be left on a volume when its end comes near for the records of a run that has placed `dump` too:
/// reckoned by the indexes as they are.
pub fn room(
    catalogue: &Catalogue,
    indexdir: &Path,
    run: Stamp,
    dump: DumpId,
) -> Result<Bytes, CatalogueError> {
    let parts = catalogue.parts_of_run(run)?;
    let dumps: BTreeSet<DumpId> = parts.iter().map(|part| part.dump).chain([dump]).collect();
    let indexes: Bytes = dumps.iter().map(|&dump| store::length(indexdir, dump)).sum();
    Ok(indexes + ROWS + ROW.times(parts.len() as u64))
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
