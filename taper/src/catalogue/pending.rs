//! Copies that are still to be made: a dump that went straight to the volume of one storage and must get to another,
//! and those that a storage's `vault` wants later.
//!
//! A wish is recorded before the copy that it is read from is complete, and goes with the completion of its own, or
//! with the dump. While it stands, the dump is needed wherever it is: retention takes it for pinned.

use rusqlite::{Connection, Row};
use types::{DumpId, Stamp, StorageName};

use super::sql::{get, text};
use super::{Catalogue, CatalogueError, Trouble, dumps};

/// A copy that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Of which dump.
    pub dump: DumpId,
    /// For which storage.
    pub storage: StorageName,
    /// Not before then.
    pub due: Stamp,
}

impl Catalogue {
    /// The dump is to be copied to a storage. Nothing happens if it has it already; of two wishes the earlier counts.
    pub fn want_copy(&mut self, wish: &Pending) -> Result<(), CatalogueError> {
        self.write("record a copy that is to be made", |tx| {
            let found = dumps::one(tx, wish.dump)?.ok_or(CatalogueError::NoSuchDump(wish.dump))?;
            if found.is_complete_in(&wish.storage) {
                return Ok(());
            }
            insert(tx, wish)
        })
    }

    /// The copy is not wanted any more.
    pub fn unwant_copy(
        &mut self,
        dump: DumpId,
        storage: &StorageName,
    ) -> Result<(), CatalogueError> {
        self.write("drop a copy that was to be made", |tx| fulfilled(tx, dump, storage))
    }

    /// All copies that are to be made, the oldest dump first.
    pub fn pending(&self) -> Result<Vec<Pending>, CatalogueError> {
        self.read("list the copies that are to be made", all)
    }
}

/// Of two wishes the earlier counts.
pub(super) fn insert(c: &Connection, wish: &Pending) -> Result<(), Trouble> {
    c.prepare_cached(
        "INSERT INTO pending (dump, storage, due) VALUES (?1, ?2, ?3)
         ON CONFLICT (dump, storage) DO UPDATE SET due = min(due, excluded.due)",
    )?
    .execute([&text(wish.dump), wish.storage.as_str(), &text(wish.due)])?;
    Ok(())
}

/// The storage has it now, or is not to have it any more.
pub(super) fn fulfilled(
    c: &Connection,
    dump: DumpId,
    storage: &StorageName,
) -> Result<(), Trouble> {
    c.prepare_cached("DELETE FROM pending WHERE dump = ?1 AND storage = ?2")?
        .execute([&text(dump), storage.as_str()])?;
    Ok(())
}

/// The dump is nowhere to be had any more, and so there is nothing to copy.
pub(super) fn expired(c: &Connection, dump: DumpId) -> Result<(), Trouble> {
    c.prepare_cached("DELETE FROM pending WHERE dump = ?1")?.execute([text(dump)])?;
    Ok(())
}

pub(super) fn all(c: &Connection) -> Result<Vec<Pending>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM pending ORDER BY dump, storage")?;
    Ok(statement.query_map([], of_row)?.collect::<Result<_, _>>()?)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Pending> {
    Ok(Pending { dump: get(row, "dump")?, storage: get(row, "storage")?, due: get(row, "due")? })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{day, dump, id, label, policies, storage};
    use super::*;

    fn wish(n: u64, to: &str, due: u32) -> Pending {
        Pending { dump: id(n), storage: storage(to), due: day(due) }
    }

    fn with_two_nights() -> Catalogue {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 1);
        catalogue.night(&dump(1, 0, None, 1), "V1", 1);
        catalogue.with_volume("V2", 2);
        catalogue.night(&dump(2, 0, None, 2), "V2", 1);
        catalogue
    }

    #[test]
    fn a_dump_that_is_to_be_copied_keeps_its_volumes() {
        let mut catalogue = with_two_nights();
        let free = |catalogue: &Catalogue| {
            let verdicts = catalogue.verdicts(&policies(), day(9)).unwrap();
            verdicts.of(&label("V1")).is_reusable()
        };
        assert!(free(&catalogue));
        catalogue.want_copy(&wish(1, "offsite", 5)).unwrap();
        assert!(!free(&catalogue));
        catalogue.unwant_copy(id(1), &storage("offsite")).unwrap();
        assert!(free(&catalogue));
    }

    #[test]
    fn the_earlier_of_two_wishes_counts_and_one_for_what_is_there_is_none() {
        let mut catalogue = with_two_nights();
        for due in [7, 5, 6] {
            catalogue.want_copy(&wish(1, "offsite", due)).unwrap();
        }
        catalogue.want_copy(&wish(1, "lib", 5)).unwrap();
        assert_eq!(catalogue.pending().unwrap(), [wish(1, "offsite", 5)]);
        assert!(catalogue.want_copy(&wish(99, "offsite", 5)).is_err());
    }

    #[test]
    fn a_wish_goes_with_its_copy_or_with_its_dump() {
        let mut catalogue = with_two_nights();
        for n in [1, 2] {
            catalogue.want_copy(&wish(n, "other", 5)).unwrap();
        }
        let part = super::super::Part {
            storage: storage("other"),
            ..super::super::testing::part(&dump(1, 0, None, 1), (1, 1), "V2", 2)
        };
        catalogue.record_placed(&part, super::super::testing::behind(&part)).unwrap();
        catalogue.complete_copy(id(1), &storage("other"), day(6)).unwrap();
        assert_eq!(catalogue.pending().unwrap(), [wish(2, "other", 5)]);
        catalogue.remove_volume(&label("V2"), day(7)).unwrap();
        assert_eq!(catalogue.pending().unwrap(), []);
    }
}
