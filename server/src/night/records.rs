//! What a run leaves on each of its volumes: the catalogue's rows and the indexes of what it placed, so that
//! the catalogue can be made again from the volumes alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use format::records::{
    DleRow, DumpRow, DumpStatus, PartRow, RecordsError, RunKind, RunRecords, RunRow, RunStatus,
    VolumeRow, pack,
};
use taper::catalogue::{self, Catalogue, CatalogueError, Dump, Part, Run, Volume};
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
    let mut records = RunRecords::new(run, label.clone(), program);
    let parts = catalogue.parts_of_run(run)?;
    let mut dumps = BTreeMap::new();
    for part in &parts {
        if let std::collections::btree_map::Entry::Vacant(place) = dumps.entry(part.dump) {
            place.insert(catalogue.dump(part.dump)?.dump);
        }
    }
    let runs: BTreeSet<Stamp> = dumps.values().map(|dump| dump.run).chain([run]).collect();
    records.runs = runs
        .into_iter()
        .map(|run| Ok(run_row(&catalogue.run(run)?)))
        .collect::<Result<_, CatalogueError>>()?;
    let since: BTreeMap<_, _> =
        catalogue.dles()?.into_iter().map(|known| (known.dle, known.since)).collect();
    let dles: BTreeSet<_> = dumps.values().map(|dump| dump.dle.clone()).collect();
    records.dles = dles
        .into_iter()
        .map(|dle| DleRow {
            since: since.get(&dle).copied().unwrap_or(run),
            host: dle.host,
            dle: dle.dle,
        })
        .collect();
    let labels: BTreeSet<&Label> = parts.iter().map(|part| &part.label).chain([label]).collect();
    for label in labels {
        records.volumes.push(volume_row(&catalogue.volume(label)?, run));
    }
    records.parts = parts.iter().map(part_row).collect();
    let mut indexes = Vec::new();
    // A dump that is still coming straight from a client has no index yet.
    for dump in dumps.values().filter(|dump| dump.status.is_whole()) {
        indexes.push((dump.id, store::bytes(indexdir, dump.id)?));
    }
    records.dumps = dumps.values().map(dump_row).collect();
    Ok(pack(&records, indexes)?)
}

fn run_row(run: &Run) -> RunRow {
    RunRow {
        stamp: run.stamp,
        kind: match run.kind {
            catalogue::RunKind::Dump => RunKind::Dump,
            catalogue::RunKind::Flush => RunKind::Flush,
            catalogue::RunKind::Vault => RunKind::Vault,
            catalogue::RunKind::Import => RunKind::Import,
        },
        started: run.started,
        finished: run.finished,
        status: match run.status {
            catalogue::RunStatus::Unfinished => RunStatus::Unfinished,
            catalogue::RunStatus::Good => RunStatus::Good,
            catalogue::RunStatus::Complaints => RunStatus::Complaints,
            catalogue::RunStatus::Failed => RunStatus::Failed,
            catalogue::RunStatus::Interrupted => RunStatus::Interrupted,
        },
        program: run.program.clone(),
    }
}

fn dump_row(dump: &Dump) -> DumpRow {
    DumpRow {
        id: dump.id,
        host: dump.dle.host.clone(),
        dle: dump.dle.dle.clone(),
        run: dump.run,
        level: dump.level,
        base: dump.base,
        status: match dump.status {
            catalogue::DumpStatus::Good => DumpStatus::Good,
            catalogue::DumpStatus::Strange => DumpStatus::Strange,
            catalogue::DumpStatus::Partial => DumpStatus::Partial,
            catalogue::DumpStatus::Failed => DumpStatus::Failed,
        },
        started: dump.started,
        finished: dump.finished,
        millis: u64::try_from(dump.took.as_millis()).unwrap_or(u64::MAX),
        raw: dump.raw,
        stored: dump.stored,
        entries: dump.entries,
        frames: dump.frames,
        index_sha256: dump.index_sha,
    }
}

fn volume_row(volume: &Volume, run: Stamp) -> VolumeRow {
    VolumeRow {
        label: volume.label.clone(),
        pool: volume.pool.clone(),
        storage: volume.storage.clone(),
        barcode: volume.barcode.clone(),
        block_size: volume.block_size,
        labelled: volume.labelled.unwrap_or(run),
        first_written: volume.first_written,
    }
}

fn part_row(part: &Part) -> PartRow {
    PartRow {
        dump: part.dump,
        storage: part.storage.clone(),
        no: part.no,
        run: part.run,
        label: part.label.clone(),
        file: part.file,
        block: part.block.unwrap_or(0),
        first_frame: part.first_frame,
        last_frame: part.last_frame,
        offset: part.offset,
        bytes: part.bytes,
        sha256_so_far: part.sha_so_far,
    }
}
