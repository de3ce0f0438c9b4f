//! What waits on the holding disk.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use types::{Bytes, DumpId, Stamp, StorageName};

use super::dumps::{self, Dump, Located, Message};
use super::events::{EventKind, log};
use super::sql::{bytes, get, int, path, path_bytes, text};
use super::{Catalogue, CatalogueError, Trouble, dles};

/// An image on the holding disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of which dump.
    pub dump: DumpId,
    /// Its first file.
    pub path: PathBuf,
    /// What it takes of the disk.
    pub bytes: Bytes,
}

/// Leave to remove an image from the holding disk: the catalogue no longer counts on it.
///
/// Only [`Catalogue::forget_held`] and [`Catalogue::discard_held`] give it.
#[derive(Debug)]
#[must_use = "the image stays on the holding disk"]
pub struct Released(Held);

impl Released {
    /// Which image may go.
    pub fn image(&self) -> &Held {
        &self.0
    }
}

impl Catalogue {
    /// The image of a dump is on the holding disk, whole and synced. Saying so twice is no harm: what a crash
    /// left on the disk is recorded when it is found.
    pub fn record_held(
        &mut self,
        dump: &Dump,
        messages: &[Message],
        at: &Path,
        bytes: Bytes,
    ) -> Result<(), CatalogueError> {
        self.write("record that a dump is held", |tx| {
            let dle = dumps::insert(tx, dump)?;
            dumps::say(tx, dump.id, messages)?;
            dles::remember(tx, dle, dump)?;
            tx.prepare_cached(
                "INSERT OR REPLACE INTO held (dump, path, bytes) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![text(dump.id), path_bytes(at), int(bytes.0)])?;
            dumps::revive(tx, dump.id)?;
            let what = format!("level {} of {} is held: {}", dump.level, dump.dle, dump.stored);
            log(tx, dump.finished, Some(dump.run), EventKind::Dump, &what)
        })
    }

    /// The held image is no longer counted on, because each storage that `wanted` a copy has one that is
    /// complete.
    pub fn forget_held(
        &mut self,
        dump: DumpId,
        wanted: &[StorageName],
    ) -> Result<Released, CatalogueError> {
        self.write("forget a held image", |tx| {
            let Located { copies, held, .. } =
                dumps::one(tx, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
            let still = |why: String| CatalogueError::StillHeld { dump, why };
            let held = held.ok_or_else(|| still("it is not held".to_owned()))?;
            if wanted.is_empty() {
                return Err(still("no storage wants a copy, so there is none".to_owned()).into());
            }
            for storage in wanted {
                if !copies.iter().any(|copy| copy.storage == *storage && copy.is_complete()) {
                    return Err(still(format!("storage {storage} has no complete copy")).into());
                }
            }
            remove(tx, dump)?;
            Ok(Released(held))
        })
    }

    /// The held image is given up, or was found to be lost. If it was the only one, its dump expires.
    pub fn discard_held(
        &mut self,
        dump: DumpId,
        now: Stamp,
        why: &str,
    ) -> Result<Released, CatalogueError> {
        self.write("give up a held image", |tx| {
            let found = dumps::one(tx, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
            let held = found.held.ok_or_else(|| CatalogueError::StillHeld {
                dump,
                why: "it is not held".to_owned(),
            })?;
            remove(tx, dump)?;
            let what = format!("the held image of {} is given up: {why}", found.dump.dle);
            log(tx, now, None, EventKind::Dump, &what)?;
            dumps::expire(tx, &[dump], now)?;
            Ok(Released(held))
        })
    }

    /// All held images, oldest dump first.
    pub fn held(&self) -> Result<Vec<Held>, CatalogueError> {
        self.read("list held images", |c| {
            let mut statement = c.prepare_cached("SELECT * FROM held ORDER BY dump")?;
            Ok(statement.query_map([], of_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Held dumps of which `storage` has no complete copy yet, oldest first: what there is to flush.
    pub fn unplaced(&self, storage: &StorageName) -> Result<Vec<Located>, CatalogueError> {
        self.read("list what is to be flushed", |c| {
            let mut statement = c.prepare_cached(
                "SELECT held.dump FROM held JOIN dumps ON dumps.id = held.dump WHERE NOT EXISTS
                 (SELECT 1 FROM copies
                  WHERE copies.dump = held.dump AND storage = ?1 AND state = 'complete')
                 ORDER BY run, held.dump",
            )?;
            let ids = statement.query_map([storage.as_str()], |row| get(row, "dump"))?;
            let ids: Vec<DumpId> = ids.collect::<Result<_, _>>()?;
            ids.into_iter().filter_map(|id| dumps::one(c, id).transpose()).collect()
        })
    }
}

pub(super) fn of(c: &Connection, dump: DumpId) -> Result<Option<Held>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM held WHERE dump = ?1")?;
    Ok(statement.query_row([text(dump)], of_row).optional()?)
}

fn remove(c: &Connection, dump: DumpId) -> Result<(), Trouble> {
    c.prepare_cached("DELETE FROM held WHERE dump = ?1")?.execute([text(dump)])?;
    Ok(())
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held { dump: get(row, "dump")?, path: path(row, "path")?, bytes: bytes(row, "bytes")? })
}
