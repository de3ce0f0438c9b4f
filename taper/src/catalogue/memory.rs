//! What is known of a volume, kept while it is being erased, and put back if the drive refused.
//!
//! ```text
//!  memory_of ──► reusable, remove_volume ──► the drive is told to erase ──► done: the memory is dropped
//!  (in this        (durable: the catalogue                              └─► refused, and the volume reads as before:
//!   process)        claims no more)                                         put_back(Untouched)
//! ```
//!
//! The order stays that of every overwriting: forgotten here before it is taken away there. So a crash at any moment
//! leaves a catalogue that says less than is true, never more; the memory is gone with the process then, and the volume,
//! if it has its label still, is taken over again by a rebuild. To put back takes an [`Untouched`], which only the medium
//! gives: that the drive said no is not enough, since a drive that loses its answer may have done as it was told.

use rusqlite::{Connection, params};
use types::{DumpId, Label, Stamp, StorageName};

use super::copies::{self, Part};
use super::events::{EventKind, log};
use super::pending::{self, Pending};
use super::strikes::{self, Strike};
use super::volumes::{self, Volume, VolumeState};
use super::{Catalogue, CatalogueError, Trouble, dumps};
use crate::mount::Untouched;

/// All that the catalogue knows of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    volume: Volume,
    parts: Vec<Part>,
    /// The copies with parts on it that were whole.
    whole: Vec<(DumpId, StorageName)>,
    /// The dumps with parts on it that had not expired.
    alive: Vec<DumpId>,
    /// The copies of these that were still to be made.
    pending: Vec<Pending>,
    strikes: Vec<Strike>,
}

impl Catalogue {
    /// What is known of a volume, before it is forgotten.
    pub fn memory_of(&self, label: &Label) -> Result<Memory, CatalogueError> {
        self.read("remember a volume", |c| {
            let volume = volumes::known(c, label)?;
            let parts = copies::parts_on(c, label)?;
            let mut ids: Vec<DumpId> = parts.iter().map(|part| part.dump).collect();
            ids.sort();
            ids.dedup();
            let (mut whole, mut alive) = (Vec::new(), Vec::new());
            for id in ids {
                let Some(found) = dumps::one(c, id)? else { continue };
                let complete = found.copies.iter().filter(|copy| copy.is_complete());
                whole.extend(complete.map(|copy| (id, copy.storage.clone())));
                alive.extend(found.expired.is_none().then_some(id));
            }
            let mut pending = pending::all(c)?;
            pending.retain(|wish| alive.contains(&wish.dump));
            Ok(Memory { volume, parts, whole, alive, pending, strikes: strikes::of(c, label)? })
        })
    }

    /// Nothing was written on the volume after all: all is as it was remembered. What people said of it meanwhile stays
    /// said.
    pub fn put_back(
        &mut self,
        memory: &Memory,
        proof: &Untouched,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        let label = &memory.volume.label;
        if proof.label() != label {
            return Err(CatalogueError::NoSuchVolume(proof.label().clone()));
        }
        self.write("take a volume up again", |tx| {
            put_volume(tx, memory)?;
            memory.parts.iter().try_for_each(|part| copies::insert(tx, part))?;
            for (dump, storage) in &memory.whole {
                copies::mark_complete(tx, *dump, storage)?;
            }
            memory.alive.iter().try_for_each(|dump| dumps::revive(tx, *dump))?;
            memory.pending.iter().try_for_each(|wish| pending::insert(tx, wish))?;
            let count = memory.alive.len();
            let what =
                format!("{label} was not overwritten, and is known again with {count} dumps");
            log(tx, now, None, EventKind::Volume, &what)
        })
    }
}

fn put_volume(c: &Connection, memory: &Memory) -> Result<(), Trouble> {
    let before = &memory.volume;
    match volumes::one(c, &before.label)? {
        None => {
            volumes::insert(c, before)?;
            memory.strikes.iter().try_for_each(|strike| strikes::insert(c, strike))
        }
        Some(now) if now.state == VolumeState::Labelled => {
            c.prepare_cached("UPDATE volumes SET state = ?2, bytes = ?3 WHERE label = ?1")?
                .execute(params![
                    before.label.as_str(),
                    before.state.as_str(),
                    super::sql::int(before.bytes.0)
                ])?;
            Ok(())
        }
        // A person has retired it meanwhile.
        Some(_) => {
            c.prepare_cached("UPDATE volumes SET bytes = ?2 WHERE label = ?1")?
                .execute(params![before.label.as_str(), super::sql::int(before.bytes.0)])?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{day, dump, id, label, policies, storage};
    use super::*;

    /// A full on V1 and V2, one part each, and an incremental on it on V2; V1 failed once.
    fn site() -> Catalogue {
        use super::super::testing::{behind, part};
        let mut catalogue = Catalogue::in_memory().unwrap();
        let full = dump(1, 0, None, 1);
        ["V1", "V2"].into_iter().for_each(|name| catalogue.with_volume(name, 1));
        catalogue.with_run(1);
        catalogue.hold(&full);
        for (no, on) in [(1, "V1"), (2, "V2")] {
            let part = part(&full, (no, 2), on, 1);
            catalogue.record_placed(&part, behind(&part)).unwrap();
        }
        catalogue.complete_copy(full.id, &storage("lib"), day(1)).unwrap();
        drop(catalogue.forget_held(full.id, &[storage("lib")]).unwrap());
        let wish = Pending { dump: full.id, storage: storage("far"), due: day(3) };
        catalogue.want_copy(&wish).unwrap();
        let why = "the block could not be written".to_owned();
        let drive = "left".parse().unwrap();
        catalogue.strike(&Strike { label: label("V1"), drive, run: day(1), why }, day(1)).unwrap();
        catalogue
    }

    fn everything(catalogue: &Catalogue) -> impl PartialEq + std::fmt::Debug + use<> {
        let volumes = catalogue.volumes().unwrap();
        let strikes = catalogue.strikes(&label("V1")).unwrap();
        let parts = catalogue.parts(id(1), &storage("lib")).unwrap();
        (volumes, strikes, parts, catalogue.dump(id(1)).unwrap(), catalogue.pending().unwrap())
    }

    #[test]
    fn what_was_forgotten_is_as_it_was_once_it_is_put_back() {
        let mut catalogue = site();
        let before = everything(&catalogue);
        let memory = catalogue.memory_of(&label("V1")).unwrap();
        catalogue.remove_volume(&label("V1"), day(2)).unwrap();
        assert!(!catalogue.dump(id(1)).unwrap().is_restorable());
        assert!(catalogue.volume(&label("V1")).is_err());
        let proof = Untouched::for_tests(label("V1"));
        catalogue.put_back(&memory, &proof, day(2)).unwrap();
        assert!(before == everything(&catalogue), "{before:?}");
        assert!(catalogue.dump(id(1)).unwrap().is_restorable());
        assert_eq!(catalogue.check().unwrap(), []);
    }

    #[test]
    fn a_volume_that_was_given_back_gets_its_contents_again_and_keeps_what_was_said_meanwhile() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        for (n, name) in [(1, "V1"), (2, "V2")] {
            catalogue.with_volume(name, n);
            catalogue.night(&dump(n.into(), 0, None, n), name, 1);
        }
        let memory = catalogue.memory_of(&label("V1")).unwrap();
        drop(catalogue.reusable(&label("V1"), &policies(), day(90)).unwrap());
        catalogue.set_state(&label("V1"), VolumeState::Retired, day(90)).unwrap();
        let proof = Untouched::for_tests(label("V1"));
        catalogue.put_back(&memory, &proof, day(90)).unwrap();
        assert!(catalogue.dump(id(1)).unwrap().is_restorable());
        let volume = catalogue.volume(&label("V1")).unwrap();
        assert_eq!((volume.state, volume.bytes), (VolumeState::Retired, memory.volume.bytes));
        assert_eq!(catalogue.check().unwrap(), []);
    }

    #[test]
    fn the_proof_of_another_volume_puts_nothing_back() {
        let mut catalogue = site();
        let memory = catalogue.memory_of(&label("V1")).unwrap();
        catalogue.remove_volume(&label("V1"), day(2)).unwrap();
        let proof = Untouched::for_tests(label("V2"));
        assert!(catalogue.put_back(&memory, &proof, day(2)).is_err());
        assert!(catalogue.volume(&label("V1")).is_err());
    }
}
