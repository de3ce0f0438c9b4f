//! What a run leaves on each of its volumes: the catalogue's rows and the indexes of what it placed, so that
//! the catalogue can be made again from the volumes alone.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How much the records of a run take on a volume, as far as it has come. All its drives tell what they place, so that
/// nobody has to ask the catalogue for all of it before each image.
#[derive(Clone, Debug, Default)]
pub struct Reckoned(Arc<Mutex<Sum>>);

#[derive(Debug, Default)]
struct Sum {
    parts: u64,
    /// The dumps whose index is in the sum.
    known: BTreeSet<DumpId>,
    indexes: Bytes,
    /// Those that have none yet: they come straight from a client.
    without: BTreeSet<DumpId>,
}

impl Reckoned {
    fn lock(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of this dump was placed.
    pub fn placed(&self, dump: DumpId) {
        let mut sum = self.lock();
        sum.parts += 1;
        sum.expects(dump);
    }

    /// How much has to be left on a volume when its end comes near, if the run has placed `dump` too: reckoned by the
    /// indexes as they are.
    pub fn room(&self, indexdir: &Path, dump: DumpId) -> Bytes {
        let mut sum = self.lock();
        sum.expects(dump);
        for dump in std::mem::take(&mut sum.without) {
            match store::length(indexdir, dump) {
                Bytes::ZERO => drop(sum.without.insert(dump)),
                length => {
                    sum.known.insert(dump);
                    sum.indexes += length;
                }
            }
        }
        sum.indexes + ROWS + ROW.times(sum.parts)
    }
}

impl Sum {
    fn expects(&mut self, dump: DumpId) {
        if !self.known.contains(&dump) {
            self.without.insert(dump);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_for_records_is_that_of_the_rows_and_of_each_index_once() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |dump: DumpId, length: usize| {
            std::fs::write(folder.path().join(format!("{dump}.rkx")), vec![0; length]).unwrap();
        };
        let [held, direct] = [1, 2].map(|n| DumpId([n; 16]));
        let reckoned = Reckoned::default();
        let room = |dump| reckoned.room(folder.path(), dump);
        keep(held, 1000);
        assert_eq!(room(held), ROWS + Bytes(1000), "it is not placed, and is going to be");
        reckoned.placed(held);
        reckoned.placed(held);
        assert_eq!(room(held), ROWS + ROW.times(2) + Bytes(1000));
        assert_eq!(room(direct), ROWS + ROW.times(2) + Bytes(1000), "its index is still to come");
        reckoned.placed(direct);
        keep(direct, 30);
        assert_eq!(room(held), ROWS + ROW.times(3) + Bytes(1030));
    }
}
