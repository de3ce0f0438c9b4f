//! Rows for the records that a run leaves on its volumes, and from them again.
//!
//! What is taken over is only what was seen: parts on a volume whose label, with that very stamp, was read from a
//! medium. Records also tell of the other volumes of their run, and those may have been overwritten since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use format::records::{
    DleRow, DumpRow, PartRow, RunKind as KindRow, RunRecords, RunRow, RunStatus as StatusRow,
    VolumeRow,
};
use rusqlite::Connection;
use types::{DleRef, DumpId, FileNo, Label, ObjectNo, Stamp, StorageName};

use super::copies::{self, add_up, parts};
use super::dumps::{self, Dump, DumpStatus};
use super::events::{EventKind, log};
use super::sql::{get, text};
use super::volumes::{self, VolumeEnd};
use super::{
    Catalogue, CatalogueError, Part, Run, RunKind, RunStatus, Trouble, Volume, VolumeState, dles,
    holds, runs,
};

/// What was taken over from records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Dumps that the catalogue did not know.
    pub dumps: usize,
    /// Volumes that it did not know.
    pub volumes: usize,
    /// Parts that it did not know.
    pub parts: usize,
    /// Dumps that became whole by them.
    pub completed: usize,
    /// Parts left out, because their volume was not seen as it was then, or something else is known to be in
    /// their place.
    pub left_out: usize,
}

impl Catalogue {
    /// What a run leaves on a volume: the parts that it placed so far, on whatever volume, and all that belongs to
    /// them.
    pub fn records_of(
        &self,
        run: Stamp,
        label: &Label,
        program: &str,
    ) -> Result<RunRecords, CatalogueError> {
        self.read("put together the records of a run", |c| {
            let mut records = RunRecords::new(run, label.clone(), program);
            let mut of =
                c.prepare_cached("SELECT DISTINCT dump FROM parts WHERE run = ?1 ORDER BY dump")?;
            let ids = of.query_map([text(run)], |row| get(row, "dump"))?;
            let mut stamps = BTreeSet::from([run]);
            let mut labels = BTreeSet::from([label.clone()]);
            let mut dles = BTreeMap::new();
            for id in ids.collect::<Result<Vec<DumpId>, _>>()? {
                let Some(located) = dumps::one(c, id)? else { continue };
                let dump = located.dump;
                stamps.insert(dump.run);
                dles.entry(dump.dle.clone()).or_insert(dump.run);
                for copy in located.copies {
                    let written = parts(c, id, &copy.storage)?.into_iter().filter(|p| p.run == run);
                    records.parts.extend(written.map(part_row));
                }
                records.dumps.push(dump_row(dump));
            }
            labels.extend(records.parts.iter().map(|part| part.label.clone()));
            for stamp in stamps {
                records.runs.extend(runs::one(c, stamp)?.map(run_row));
            }
            for label in labels {
                records
                    .volumes
                    .extend(volumes::one(c, &label)?.map(|volume| volume_row(volume, run)));
            }
            let row = |(DleRef { host, dle }, since)| DleRow { host, dle, since };
            records.dles = dles.into_iter().map(row).collect();
            records.holds = holds::rows(c)?;
            Ok(records)
        })
    }

    /// Takes over the records of a run. `seen` gives the stamp in the label of a volume that was just looked at.
    /// What is known already stays as it is; a dump whose parts now add up can be restored.
    pub fn import(
        &mut self,
        records: &RunRecords,
        seen: impl Fn(&Label) -> Option<Stamp>,
        now: Stamp,
    ) -> Result<Imported, CatalogueError> {
        self.write("take over the records of a run", |tx| {
            let mut imported = Imported::default();
            for row in &records.runs {
                if runs::one(tx, row.stamp)?.is_none() {
                    runs::insert(tx, &run_of(row))?;
                }
            }
            for row in &records.dumps {
                imported.dumps += usize::from(import_dump(tx, row, now)?);
            }
            for row in records.volumes.iter().filter(|row| seen(&row.label) == Some(row.labelled)) {
                imported.volumes += usize::from(import_volume(tx, row)?);
            }
            let mut touched = BTreeSet::new();
            for row in &records.parts {
                if import_part(tx, row, &records.volumes, &seen)? {
                    imported.parts += 1;
                    touched.insert((row.dump, row.storage.clone()));
                } else {
                    imported.left_out += 1;
                }
            }
            for (dump, storage) in touched {
                imported.completed += usize::from(complete_if_whole(tx, dump, &storage)?);
            }
            let dumps: Vec<DumpId> = records.dumps.iter().map(|row| row.id).collect();
            dumps::expire(tx, &dumps, now)?;
            let (run, label) = (records.head.run, &records.head.label);
            let what = format!("the records of run {run} were read from {label}: {imported:?}");
            log(tx, now, None, EventKind::Volume, &what)?;
            Ok(imported)
        })
    }
}

/// Inserts a dump that is not known yet.
fn import_dump(c: &Connection, row: &DumpRow, now: Stamp) -> Result<bool, Trouble> {
    if dumps::one(c, row.id)?.is_some() {
        return Ok(false);
    }
    if runs::one(c, row.run)?.is_none() {
        // Its own run's records are on other volumes.
        let kind = RunKind::Import;
        let (status, program) = (RunStatus::Interrupted, String::new());
        let run =
            Run { stamp: row.run, kind, started: row.run, finished: Some(now), status, program };
        runs::insert(c, &run)?;
    }
    let dump = dump_of(row);
    let dle = dumps::insert(c, &dump)?;
    if dump.status.is_whole() {
        dles::remember(c, dle, &dump)?;
    }
    Ok(true)
}

/// Inserts a volume that is not known yet. It is full as far as anybody knows: what is behind the parts that the
/// records tell of was not looked at.
fn import_volume(c: &Connection, row: &VolumeRow) -> Result<bool, Trouble> {
    if volumes::one(c, &row.label)?.is_some_and(|volume| volume.state != VolumeState::Chosen) {
        return Ok(false);
    }
    let (pool, storage) = (row.pool.clone(), row.storage.clone());
    let volume = Volume {
        barcode: row.barcode.clone(),
        state: VolumeState::Full,
        labelled: Some(row.labelled),
        first_written: row.first_written,
        last_written: row.first_written,
        ..Volume::new(row.label.clone(), pool, storage, row.block_size)
    };
    volumes::insert(c, &volume)?;
    Ok(true)
}

/// Inserts a part, if its volume is there as it was then, and nothing else is known to lie in its place.
fn import_part(
    c: &Connection,
    row: &PartRow,
    described: &[VolumeRow],
    seen: &impl Fn(&Label) -> Option<Stamp>,
) -> Result<bool, Trouble> {
    let then = described.iter().find(|volume| volume.label == row.label).map(|v| v.labelled);
    let is_there = then.is_some() && seen(&row.label) == then;
    let Some(volume) = volumes::one(c, &row.label)? else { return Ok(false) };
    let known = copies::has_part(c, row.dump, &row.storage, row.no)?;
    let taken = copies::is_taken(c, &row.label, row.file)?;
    if !is_there || volume.labelled != then || known || taken || dumps::one(c, row.dump)?.is_none()
    {
        return Ok(false);
    }
    let part = part_of(row);
    if runs::one(c, part.run)?.is_none() {
        return Ok(false);
    }
    copies::insert(c, &part)?;
    let file = volume.end.file.max(part.file.next()).max(FileNo::FIRST);
    let end = VolumeEnd { file, object: None };
    volumes::grew(c, &part.label, part.run, end, part.bytes)?;
    Ok(true)
}

fn complete_if_whole(c: &Connection, dump: DumpId, storage: &StorageName) -> Result<bool, Trouble> {
    let Some(located) = dumps::one(c, dump)? else { return Ok(false) };
    if add_up(&located.dump, &parts(c, dump, storage)?).is_err() {
        return Ok(false);
    }
    copies::mark_complete(c, dump, storage)?;
    Ok(true)
}

fn run_row(run: Run) -> RunRow {
    let kind = match run.kind {
        RunKind::Dump => KindRow::Dump,
        RunKind::Flush => KindRow::Flush,
        RunKind::Vault => KindRow::Vault,
        RunKind::Import => KindRow::Import,
    };
    let status = match run.status {
        RunStatus::Unfinished => StatusRow::Unfinished,
        RunStatus::Good => StatusRow::Good,
        RunStatus::Complaints => StatusRow::Complaints,
        RunStatus::Failed => StatusRow::Failed,
        RunStatus::Interrupted => StatusRow::Interrupted,
    };
    let Run { stamp, started, finished, program, .. } = run;
    RunRow { stamp, kind, started, finished, status, program }
}

/// A run that was going on when it left its records is over by now, and how it ended nobody knows.
fn run_of(row: &RunRow) -> Run {
    let kind = match row.kind {
        KindRow::Dump => RunKind::Dump,
        KindRow::Flush => RunKind::Flush,
        KindRow::Vault => RunKind::Vault,
        KindRow::Import => RunKind::Import,
    };
    let status = match row.status {
        StatusRow::Unfinished | StatusRow::Interrupted => RunStatus::Interrupted,
        StatusRow::Good => RunStatus::Good,
        StatusRow::Complaints => RunStatus::Complaints,
        StatusRow::Failed => RunStatus::Failed,
    };
    Run {
        stamp: row.stamp,
        kind,
        started: row.started,
        finished: Some(row.finished.unwrap_or(row.started)),
        status,
        program: row.program.clone(),
    }
}

fn dump_row(dump: Dump) -> DumpRow {
    use format::records::DumpStatus as StatusRow;
    let status = match dump.status {
        DumpStatus::Good => StatusRow::Good,
        DumpStatus::Strange => StatusRow::Strange,
        DumpStatus::Partial => StatusRow::Partial,
        DumpStatus::Failed => StatusRow::Failed,
    };
    DumpRow {
        id: dump.id,
        host: dump.dle.host,
        dle: dump.dle.dle,
        run: dump.run,
        level: dump.level,
        base: dump.base,
        status,
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

fn dump_of(row: &DumpRow) -> Dump {
    use format::records::DumpStatus as StatusRow;
    let status = match row.status {
        StatusRow::Good => DumpStatus::Good,
        StatusRow::Strange => DumpStatus::Strange,
        StatusRow::Partial => DumpStatus::Partial,
        StatusRow::Failed => DumpStatus::Failed,
    };
    Dump {
        id: row.id,
        dle: DleRef { host: row.host.clone(), dle: row.dle.clone() },
        run: row.run,
        level: row.level,
        base: row.base,
        status,
        started: row.started,
        finished: row.finished,
        took: Duration::from_millis(row.millis),
        raw: row.raw,
        stored: row.stored,
        entries: row.entries,
        frames: row.frames,
        index_sha: row.index_sha256,
    }
}

/// A volume that a run writes on was labelled by a run. If the catalogue doesn't know by which, it is taken to be
/// the one that wrote on it first.
fn volume_row(volume: Volume, run: Stamp) -> VolumeRow {
    VolumeRow {
        labelled: volume.labelled.or(volume.first_written).unwrap_or(run),
        label: volume.label,
        pool: volume.pool,
        storage: volume.storage,
        barcode: volume.barcode,
        block_size: volume.block_size,
        first_written: volume.first_written,
    }
}

fn part_row(part: Part) -> PartRow {
    PartRow {
        dump: part.dump,
        storage: part.storage,
        no: part.no,
        run: part.run,
        label: part.label,
        file: part.file,
        // The label is at block 0, so no part is.
        block: part.object.map_or(0, |object| object.0),
        first_frame: part.first_frame,
        last_frame: part.last_frame,
        offset: part.offset,
        bytes: part.bytes,
        sha256_so_far: part.sha_so_far,
    }
}

fn part_of(row: &PartRow) -> Part {
    Part {
        dump: row.dump,
        storage: row.storage.clone(),
        no: row.no,
        run: row.run,
        label: row.label.clone(),
        file: row.file,
        object: (row.block > 0).then_some(ObjectNo(row.block)),
        first_frame: row.first_frame,
        last_frame: row.last_frame,
        offset: row.offset,
        bytes: row.bytes,
        sha_so_far: row.sha256_so_far,
        crc_so_far: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{behind, day, dle, dump, id, label, part, storage};
    use super::*;

    /// Two nights: a full in two parts on V1 and V2, and a level 1 behind it on V2.
    fn site() -> (Catalogue, Vec<RunRecords>) {
        let mut catalogue = Catalogue::in_memory().unwrap();
        let mut records = Vec::new();
        for volume in ["V1", "V2"] {
            catalogue.with_volume(volume, 0);
            let end = VolumeEnd { file: FileNo::FIRST, object: None };
            let block = types::BlockSize::TAPE;
            catalogue.record_labelled(&label(volume), Some(day(1)), block, end, day(1)).unwrap();
        }
        catalogue.with_run(1);
        let full = dump(1, 0, None, 1);
        catalogue.hold(&full);
        let [one, two] = [(1, "V1"), (2, "V2")].map(|(no, on)| part(&full, (no, 2), on, 1));
        catalogue.record_placed(&one, behind(&one)).unwrap();
        records.push(catalogue.records_of(day(1), &label("V1"), "test 1").unwrap());
        catalogue.record_placed(&two, behind(&two)).unwrap();
        catalogue.complete_copy(full.id, &storage("lib"), day(1)).unwrap();
        drop(catalogue.forget_held(full.id, &[storage("lib")]).unwrap());
        records.push(catalogue.records_of(day(1), &label("V2"), "test 1").unwrap());
        catalogue.finish_run(day(1), day(1), RunStatus::Good).unwrap();
        catalogue.night(&dump(2, 1, Some(1), 2), "V2", 3);
        records.push(catalogue.records_of(day(2), &label("V2"), "test 1").unwrap());
        (catalogue, records)
    }

    fn rebuilt(records: &[RunRecords], seen: impl Fn(&Label) -> Option<Stamp>) -> Catalogue {
        let mut catalogue = Catalogue::in_memory().unwrap();
        for records in records {
            catalogue.import(records, &seen, day(9)).unwrap();
        }
        assert_eq!(catalogue.check().unwrap(), []);
        catalogue
    }

    #[test]
    fn the_catalogue_comes_back_from_volumes_in_any_order() {
        let (catalogue, records) = site();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let records = order.map(|n| records[n].clone());
            let again = rebuilt(&records, |_| Some(day(1)));
            for dump in [id(1), id(2)] {
                let [was, is] = [&catalogue, &again].map(|c| c.chain(dump).unwrap());
                assert_eq!(is, was);
                let lib = storage("lib");
                assert_eq!(again.parts(dump, &lib).unwrap(), catalogue.parts(dump, &lib).unwrap());
            }
            assert!(again.unfinished_runs().unwrap().is_empty());
            let volume = again.volume(&label("V2")).unwrap();
            assert_eq!((volume.end.file, volume.last_written), (FileNo(4), Some(day(2))));
            let history = again.history(&dle("/data")).unwrap();
            assert_eq!(history, catalogue.history(&dle("/data")).unwrap());
        }
    }

    #[test]
    fn saying_it_twice_changes_nothing() {
        let (mut catalogue, records) = site();
        let before = catalogue.dumps(&super::super::Filter::default()).unwrap();
        let imported = catalogue.import(&records[1], |_| Some(day(1)), day(9)).unwrap();
        assert_eq!(imported, Imported { left_out: 2, ..Imported::default() });
        assert_eq!(catalogue.dumps(&super::super::Filter::default()).unwrap(), before);
    }

    #[test]
    fn what_was_overwritten_since_is_not_believed() {
        let (_, records) = site();
        let seen = |l: &Label| Some(if *l == label("V1") { day(8) } else { day(1) });
        let again = rebuilt(&records, seen);
        assert!(again.volume(&label("V1")).is_err());
        assert_eq!(again.expired().unwrap(), [id(1)], "half of the full is gone");
        let gap = again.chain(id(2)).unwrap().whole().unwrap_err();
        assert_eq!(gap.reason, super::super::GapReason::Nowhere(id(1)));
        let nothing = rebuilt(&records, |_| None);
        assert!(nothing.volumes().unwrap().is_empty());
        assert_eq!(nothing.expired().unwrap().len(), 2);
    }

    #[test]
    fn a_volume_that_was_labelled_anew_does_not_get_its_old_parts_back() {
        let (_, records) = site();
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 5);
        let imported = catalogue.import(&records[0], |_| Some(day(1)), day(9)).unwrap();
        assert_eq!((imported.parts, imported.left_out), (0, 1));
        assert!(catalogue.parts_on(&label("V1")).unwrap().is_empty());
    }

    #[test]
    fn records_tell_of_everything_that_the_parts_belong_to() {
        let (_, records) = site();
        let RunRecords { head, runs, dles, dumps, volumes, parts, .. } = &records[1];
        assert_eq!((head.run, &head.label), (day(1), &label("V2")));
        assert_eq!(
            (runs.len(), dles.len(), dumps.len(), volumes.len(), parts.len()),
            (1, 1, 1, 2, 2)
        );
        assert_eq!(dumps[0].stored, types::Bytes(super::super::testing::STORED));
    }
}
