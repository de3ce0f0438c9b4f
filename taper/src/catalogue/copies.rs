//! Copies: images on volumes, part by part.
//!
//! A part is recorded when it is flushed. A copy is complete when its parts add up to the image; until then
//! nobody counts on it, but the scribe may go on where it stopped.

use rusqlite::{Connection, Row, named_params, params};
use types::{Bytes, Digest, DumpId, FileNo, Label, ObjectNo, PartNo, Stamp, StorageName};

use super::dumps::{self, Dump};
use super::events::{EventKind, log};
use super::sql::{
    bytes, count_at, get, get_at, get_maybe, get_maybe_at, int, maybe, number, number_maybe, text,
    words,
};
use super::volumes::{self, VolumeEnd, VolumeState};
use super::{Catalogue, CatalogueError, Trouble, dles, pending};
use crate::mount::Placed;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyState {
    /// All parts are placed.
    Complete,
    /// Some are: it is being written, or a volume of it is lost.
    Partial,
}

words!(CopyState, "state of a copy", Complete = "complete", Partial = "partial");

/// A copy of an image on the volumes of one storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Which storage.
    pub storage: StorageName,
    /// How far it is.
    pub state: CopyState,
    /// On which volumes, in the order of its parts.
    pub labels: Vec<Label>,
}

impl Copy {
    /// True if the whole image can be read from it.
    pub fn is_complete(&self) -> bool {
        self.state == CopyState::Complete
    }
}

/// A stretch of an image in one file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of which image.
    pub dump: DumpId,
    /// Of its copy in which storage.
    pub storage: StorageName,
    /// Which part, from 1.
    pub no: PartNo,
    /// The run that wrote it.
    pub run: Stamp,
    /// On which volume.
    pub label: Label,
    /// In which of its files.
    pub file: FileNo,
    /// Which object of the volume the file's header is, if the drive counts.
    pub object: Option<ObjectNo>,
    /// Its first frame.
    pub first_frame: u32,
    /// Its last frame.
    pub last_frame: u32,
    /// Where in the image it begins.
    pub offset: Bytes,
    /// How much of the image it holds, without header and filling.
    pub bytes: Bytes,
    /// The hash of the image from its beginning to the end of this part.
    pub sha_so_far: Option<Digest>,
    /// The same as CRC-32C.
    pub crc_so_far: Option<u32>,
}

impl Part {
    /// What a run placed in a storage.
    pub fn of(placed: &Placed, storage: StorageName, run: Stamp) -> Self {
        Self {
            dump: placed.dump,
            storage,
            no: placed.part,
            run,
            label: placed.label.clone(),
            file: placed.file,
            object: placed.object,
            first_frame: placed.first_frame,
            last_frame: placed.last_frame,
            offset: placed.offset,
            bytes: placed.bytes,
            sha_so_far: Some(placed.sha256_so_far),
            crc_so_far: Some(placed.crc32c_so_far),
        }
    }
}

impl Catalogue {
    /// A part is on its medium, flushed, and the volume now ends at `end`.
    ///
    /// Whatever the catalogue believed to lie at or behind it on that volume is gone, since writing discards
    /// what is behind. That never happens to a volume that was mounted properly; if it did, it is said.
    pub fn record_placed(&mut self, part: &Part, end: VolumeEnd) -> Result<(), CatalogueError> {
        self.write("record that a part is placed", |tx| {
            let dump = dumps::one(tx, part.dump)?.ok_or(CatalogueError::NoSuchDump(part.dump))?;
            volumes::one(tx, &part.label)?
                .ok_or_else(|| CatalogueError::NoSuchVolume(part.label.clone()))?;
            if dump.copies.iter().any(|copy| copy.storage == part.storage && copy.is_complete()) {
                let why = "copy, which is already complete";
                return Err(CatalogueError::Contradiction(part.dump, why).into());
            }
            overwrite(tx, part)?;
            insert(tx, part)?;
            volumes::grew(tx, &part.label, part.run, end, part.bytes)
        })
    }

    /// All parts of an image are placed in a storage. Refused unless they add up to it.
    pub fn complete_copy(
        &mut self,
        dump: DumpId,
        storage: &StorageName,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("record that a copy is complete", |tx| {
            let found = dumps::one(tx, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
            complete(tx, &found.dump, storage, now)
        })
    }

    /// Somebody else has written over a volume from this file on, as was seen in this run: what was there is
    /// forgotten, and the volume is retired. The answer is which dumps had parts there.
    pub fn record_overwritten(
        &mut self,
        label: &Label,
        from: FileNo,
        run: Stamp,
    ) -> Result<Vec<DumpId>, CatalogueError> {
        self.write("record that a volume was written over", |tx| {
            let volume = volumes::known(tx, label)?;
            let dumps = forget_from(tx, label, from, run)?;
            tx.prepare_cached("UPDATE volumes SET state = ?2 WHERE label = ?1")?
                .execute([label.as_str(), VolumeState::Retired.as_str()])?;
            let what = format!(
                "{label} was {}, and is retired: somebody wrote over it from file {from} on",
                volume.state
            );
            log(tx, run, Some(run), EventKind::Volume, &what)?;
            Ok(dumps)
        })
    }

    /// Forgets the parts of a copy that is not complete, so that it can be written from its beginning.
    pub fn restart_copy(
        &mut self,
        dump: DumpId,
        storage: &StorageName,
    ) -> Result<(), CatalogueError> {
        self.write("forget an incomplete copy", |tx| {
            let found = dumps::one(tx, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
            if found.copies.iter().any(|copy| copy.storage == *storage && copy.is_complete()) {
                let why = "copy, which is already complete";
                return Err(CatalogueError::Contradiction(dump, why).into());
            }
            for table in ["parts", "copies"] {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE dump = ?1 AND storage = ?2"),
                    [&text(dump), storage.as_str()],
                )?;
            }
            Ok(())
        })
    }

    /// The parts of the copy in one storage, in order.
    pub fn parts(&self, dump: DumpId, storage: &StorageName) -> Result<Vec<Part>, CatalogueError> {
        self.read("list the parts of a dump", |c| parts(c, dump, storage))
    }

    /// What is on a volume, in order.
    pub fn parts_on(&self, label: &Label) -> Result<Vec<Part>, CatalogueError> {
        self.read("list the parts on a volume", |c| parts_on(c, label))
    }

    /// How many dumps have parts on a volume.
    pub fn dumps_on(&self, label: &Label) -> Result<u64, CatalogueError> {
        self.read("count the dumps on a volume", |c| {
            let mut statement =
                c.prepare_cached("SELECT COUNT(DISTINCT dump) FROM parts WHERE label = ?1")?;
            Ok(statement.query_row([label.as_str()], |row| count_at(row, 0))?)
        })
    }

    /// What one run wrote, volume by volume in order.
    pub fn parts_of_run(&self, run: Stamp) -> Result<Vec<Part>, CatalogueError> {
        self.read("list the parts that a run wrote", |c| {
            let mut statement =
                c.prepare_cached("SELECT * FROM parts WHERE run = ?1 ORDER BY label, file")?;
            Ok(statement.query_map([text(run)], of_row)?.collect::<Result<_, _>>()?)
        })
    }
}

pub(super) fn insert(c: &Connection, part: &Part) -> Result<(), Trouble> {
    c.prepare_cached(
        "INSERT OR IGNORE INTO copies (dump, storage, state) VALUES (?1, ?2, 'partial')",
    )?
    .execute([&text(part.dump), part.storage.as_str()])?;
    c.prepare_cached(
        "INSERT OR REPLACE INTO parts
         (dump, storage, no, run, label, file, block, first_frame, last_frame, offset, bytes, sha_so_far,
          crc_so_far)
         VALUES (:dump, :storage, :no, :run, :label, :file, :block, :first_frame, :last_frame, :offset,
                 :bytes, :sha_so_far, :crc_so_far)",
    )?
    .execute(named_params! {
        ":dump": text(part.dump),
        ":storage": part.storage.as_str(),
        ":no": part.no.0,
        ":run": text(part.run),
        ":label": part.label.as_str(),
        ":file": part.file.0,
        ":block": part.object.map(|object| int(object.0)),
        ":first_frame": part.first_frame,
        ":last_frame": part.last_frame,
        ":offset": int(part.offset.0),
        ":bytes": int(part.bytes.0),
        ":sha_so_far": maybe(part.sha_so_far),
        ":crc_so_far": part.crc_so_far,
    })?;
    Ok(())
}

/// All parts of an image are placed in a storage, if they add up to it.
pub(super) fn complete(
    c: &Connection,
    dump: &Dump,
    storage: &StorageName,
    now: Stamp,
) -> Result<(), Trouble> {
    let parts = parts(c, dump.id, storage)?;
    if let Err(why) = add_up(dump, &parts) {
        let (dump, storage) = (dump.id, storage.clone());
        return Err(CatalogueError::NotWhole { dump, storage, why }.into());
    }
    mark_complete(c, dump.id, storage)?;
    pending::fulfilled(c, dump.id, storage)?;
    dles::remember(c, dles::ensure(c, &dump.dle, dump.run)?, dump)?;
    let labels = volumes_of(&parts).iter().map(Label::as_str).collect::<Vec<_>>().join(", ");
    let what = format!("level {} of {} is placed in {storage} on {labels}", dump.level, dump.dle);
    log(c, now, parts.last().map(|part| part.run), EventKind::Dump, &what)
}

/// The parts of a copy were found to add up.
pub(super) fn mark_complete(
    c: &Connection,
    dump: DumpId,
    storage: &StorageName,
) -> Result<(), Trouble> {
    c.prepare_cached("UPDATE copies SET state = 'complete' WHERE dump = ?1 AND storage = ?2")?
        .execute([&text(dump), storage.as_str()])?;
    dumps::revive(c, dump)
}

/// Forgets what lay where `part` now lies, and behind it.
fn overwrite(c: &Connection, part: &Part) -> Result<(), Trouble> {
    forget_from(c, &part.label, part.file, part.run).map(drop)
}

/// Forgets all parts on a volume from this file on, and says of which dumps they were.
fn forget_from(
    c: &Connection,
    label: &Label,
    file: FileNo,
    run: Stamp,
) -> Result<Vec<DumpId>, Trouble> {
    let lost: Vec<Part> = {
        let mut statement =
            c.prepare_cached("SELECT * FROM parts WHERE label = ?1 AND file >= ?2 ORDER BY file")?;
        let rows = statement.query_map(params![label.as_str(), file.0], of_row)?;
        rows.collect::<Result<_, _>>()?
    };
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    c.prepare_cached("DELETE FROM parts WHERE label = ?1 AND file >= ?2")?
        .execute(params![label.as_str(), file.0])?;
    let mut dumps: Vec<DumpId> = lost.iter().map(|other| other.dump).collect();
    dumps.sort();
    dumps.dedup();
    bereave(c, &lost)?;
    dumps::expire(c, &dumps, run)?;
    let count = lost.len();
    let what = format!("{label} was written from file {file} on: {count} parts are gone");
    log(c, run, Some(run), EventKind::Volume, &what)?;
    Ok(dumps)
}

/// Copies that have lost these parts are no longer complete; those that have lost all parts are no more.
pub(super) fn bereave(c: &Connection, lost: &[Part]) -> Result<(), Trouble> {
    let mut partial =
        c.prepare_cached("UPDATE copies SET state = 'partial' WHERE dump = ?1 AND storage = ?2")?;
    let mut none = c.prepare_cached(
        "DELETE FROM copies WHERE dump = ?1 AND storage = ?2
         AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.dump = ?1 AND parts.storage = ?2)",
    )?;
    for part in lost {
        partial.execute([&text(part.dump), part.storage.as_str()])?;
        none.execute([&text(part.dump), part.storage.as_str()])?;
    }
    Ok(())
}

/// Whether these parts, in order, are the whole image; if not, what is missing.
pub(super) fn add_up(dump: &Dump, parts: &[Part]) -> Result<(), String> {
    if !dump.status.is_whole() {
        return Err(format!("the dump is {}", dump.status));
    }
    let mut wanted = PartNo::FIRST;
    let mut offset = Bytes::ZERO;
    for part in parts {
        if part.no != wanted {
            return Err(format!("part {wanted} is missing"));
        }
        if part.offset != offset {
            return Err(format!(
                "part {} begins at byte {} of the image, and the one before ends at {}",
                part.no, part.offset.0, offset.0
            ));
        }
        wanted = wanted.next();
        offset += part.bytes;
    }
    if offset == dump.stored && !parts.is_empty() {
        Ok(())
    } else {
        Err(format!("its parts hold {} of {} bytes", offset.0, dump.stored.0))
    }
}

pub(super) fn of(c: &Connection, dump: DumpId) -> Result<Vec<Copy>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT storage, state, label FROM copies LEFT JOIN parts USING (dump, storage)
         WHERE dump = ?1 ORDER BY storage, no",
    )?;
    let mut rows = statement.query([text(dump)])?;
    let mut copies = Vec::<Copy>::new();
    while let Some(row) = rows.next()? {
        let storage: StorageName = get_at(row, 0)?;
        if copies.last().is_none_or(|copy| copy.storage != storage) {
            copies.push(Copy { storage, state: get_at(row, 1)?, labels: Vec::new() });
        }
        if let (Some(copy), Some(label)) = (copies.last_mut(), get_maybe_at(row, 2)?) {
            copy.labels.push(label);
        }
    }
    copies.iter_mut().for_each(|copy| copy.labels.dedup());
    Ok(copies)
}

/// Each volume once, in the order of the parts.
fn volumes_of(parts: &[Part]) -> Vec<Label> {
    let mut labels: Vec<Label> = parts.iter().map(|part| part.label.clone()).collect();
    labels.dedup();
    labels
}

pub(super) fn parts(
    c: &Connection,
    dump: DumpId,
    storage: &StorageName,
) -> Result<Vec<Part>, Trouble> {
    let mut statement =
        c.prepare_cached("SELECT * FROM parts WHERE dump = ?1 AND storage = ?2 ORDER BY no")?;
    let rows = statement.query_map([&text(dump), storage.as_str()], of_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn parts_on(c: &Connection, label: &Label) -> Result<Vec<Part>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM parts WHERE label = ?1 ORDER BY file")?;
    Ok(statement.query_map([label.as_str()], of_row)?.collect::<Result<_, _>>()?)
}

/// Whether this part of a copy is known.
pub(super) fn has_part(
    c: &Connection,
    dump: DumpId,
    storage: &StorageName,
    no: PartNo,
) -> Result<bool, Trouble> {
    c.prepare_cached("SELECT 1 FROM parts WHERE dump = ?1 AND storage = ?2 AND no = ?3")?
        .exists((text(dump), storage.as_str(), no.0))
        .map_err(Trouble::from)
}

/// Whether something is known to lie in this place.
pub(super) fn is_taken(c: &Connection, label: &Label, file: FileNo) -> Result<bool, Trouble> {
    c.prepare_cached("SELECT 1 FROM parts WHERE label = ?1 AND file = ?2")?
        .exists((label.as_str(), file.0))
        .map_err(Trouble::from)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Part> {
    Ok(Part {
        dump: get(row, "dump")?,
        storage: get(row, "storage")?,
        no: PartNo(number(row, "no")?),
        run: get(row, "run")?,
        label: get(row, "label")?,
        file: FileNo(number(row, "file")?),
        object: number_maybe(row, "block")?.map(ObjectNo),
        first_frame: number(row, "first_frame")?,
        last_frame: number(row, "last_frame")?,
        offset: bytes(row, "offset")?,
        bytes: bytes(row, "bytes")?,
        sha_so_far: get_maybe(row, "sha_so_far")?,
        crc_so_far: number_maybe(row, "crc_so_far")?,
    })
}
