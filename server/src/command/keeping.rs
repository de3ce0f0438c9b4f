//! What a command reads is kept meanwhile, also from a run that begins then.
//!
//! Where that can't be noted, because the catalogue or the lock can't be written, the command reads all the same: somebody
//! wants their files back, and most likely nothing is given back just now. It says so once.

use taper::catalogue::{Catalogue, CatalogueError, Located};
use types::DumpId;

use super::Context;
use crate::clock::Now;
use crate::night::estimate::with_causes;
use crate::print;
use crate::restore::reading::{Reading, ReadingError};
use crate::site::Site;

/// Has volumes kept while a command reads them; dropped, no longer.
pub(super) struct Keeping<'a> {
    command: &'a str,
    reading: Option<Reading>,
    is_told: bool,
}

impl<'a> Keeping<'a> {
    /// The command begins to read. Nothing is kept yet.
    pub(super) fn begin(context: &Context, site: &Site, command: &'a str) -> Self {
        Self::of(Reading::begin(site, context.holder(command)), command)
    }

    fn of(begun: Result<Reading, ReadingError>, command: &'a str) -> Self {
        let mut keeping = Self { command, reading: None, is_told: false };
        match begun {
            Ok(reading) => keeping.reading = Some(reading),
            Err(error) => keeping.tell(&error),
        }
        keeping
    }

    /// Has this dump kept, with all it builds on, and no longer the one before. Fails if it can no longer be restored.
    pub(super) fn turn_to(&mut self, dump: DumpId) -> Result<(), CatalogueError> {
        let Some(reading) = &mut self.reading else { return Ok(()) };
        // The hour counts at which this dump's turn comes: to read all there are may take days.
        match reading.turn_to(dump, Now::read().stamp()) {
            Ok(()) => Ok(()),
            Err(ReadingError::Catalogue(error)) if is_gone(&error) => Err(error),
            Err(error) => {
                self.tell(&error);
                Ok(())
            }
        }
    }

    /// Reads one listed dump after the other, each kept while it is read, and says how many were left out because
    /// they are gone.
    ///
    /// The list is as old as what was read since, and a run may have given back in between what was still to come.
    pub(super) fn one_by_one(
        &mut self,
        catalogue: &Catalogue,
        listed: &[Located],
        read: &mut dyn FnMut(&Located) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let mut gone = 0;
        for dump in listed.iter().map(|located| located.dump.id) {
            // Whether or not that can be noted.
            let links = self.turn_to(dump).and_then(|()| Ok(catalogue.chain(dump)?.whole()?));
            match links {
                Ok(links) => links.last().map_or(Ok(()), &mut *read)?,
                Err(error) if is_gone(&error) => gone += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone)
    }

    fn tell(&mut self, error: &ReadingError) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (command, why) = (self.command, with_causes(error));
        print::remark(&format!(
            "could not note that {command} reads, so a run that begins meanwhile may take volumes that no policy keeps: \
             {why}"
        ));
    }
}

/// Nobody can restore it any more.
fn is_gone(error: &CatalogueError) -> bool {
    matches!(error, CatalogueError::NoSuchDump(_) | CatalogueError::Gap(_))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use config::Quickstart;
    use taper::catalogue::{Dump, DumpStatus, Filter, Part, RunKind, RunStatus, Volume, VolumeEnd};
    use taper::retention::{Policies, Policy};
    use tempfile::TempDir;
    use types::{BlockSize, Bytes, DleRef, FileNo, Label, Level, PartNo, Stamp, StorageName};

    use super::*;
    use crate::restore::reading;

    /// A site with a full of each of three days, each on a volume of its own, of which no policy keeps the first two.
    fn site() -> (TempDir, Site) {
        site_with([None; 3])
    }

    /// The same, where a dump may build on that of another day.
    fn site_with(bases: [Option<u64>; 3]) -> (TempDir, Site) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let tree = root.join("tree");
        fs::create_dir(&tree).unwrap();
        let text = config::quickstart(&Quickstart::new(root.clone(), vec![tree])).unwrap();
        fs::write(root.join("reelkeep.toml"), text).unwrap();
        let site = Site::of(root.clone(), config::load(&root).unwrap());
        let mut catalogue = site.catalogue().unwrap();
        for (day, base) in (1..).zip(bases) {
            night(&mut catalogue, day, base);
        }
        (folder, site)
    }

    fn night(catalogue: &mut Catalogue, day: u64, base: Option<u64>) {
        let run: Stamp = format!("2020010{day}003000").parse().unwrap();
        let storage = storage();
        let on = label(day);
        let volume =
            Volume::new(on.clone(), "pool".parse().unwrap(), storage.clone(), BlockSize::HEADER);
        catalogue.choose_label(&volume).unwrap();
        catalogue.record_labelled(&on, None, BlockSize::HEADER, volume.end, run).unwrap();
        let dump = Dump {
            id: id(day),
            dle: DleRef { host: "host".parse().unwrap(), dle: "/data".parse().unwrap() },
            run,
            level: base.map_or(Level::FULL, |_| Level::FULL.next()),
            base: base.map(id),
            status: DumpStatus::Good,
            started: run,
            finished: run,
            took: Duration::from_secs(1),
            raw: Bytes(100),
            stored: Bytes(100),
            entries: 1,
            frames: 1,
            index_sha: None,
        };
        catalogue.begin_run(run, RunKind::Dump, run, "test").unwrap();
        catalogue.record_held(&dump, &[], Path::new("/holding/image"), Bytes(100)).unwrap();
        let part = Part {
            dump: dump.id,
            storage: storage.clone(),
            no: PartNo::FIRST,
            run,
            label: on,
            file: FileNo(1),
            object: None,
            first_frame: 0,
            last_frame: 0,
            offset: Bytes::ZERO,
            bytes: Bytes(100),
            sha_so_far: None,
            crc_so_far: None,
        };
        catalogue.record_placed(&part, VolumeEnd { file: FileNo(2), object: None }).unwrap();
        catalogue.complete_copy(dump.id, &storage, run).unwrap();
        drop(catalogue.forget_held(dump.id, &[storage]).unwrap());
        catalogue.finish_run(run, run, RunStatus::Good).unwrap();
    }

    fn storage() -> StorageName {
        "vtapes".parse().unwrap()
    }

    fn id(day: u64) -> DumpId {
        DumpId::new(day, [7; 10])
    }

    fn label(day: u64) -> Label {
        format!("DAILY-00{day}").parse().unwrap()
    }

    /// Another process of the site.
    struct Other {
        catalogue: Catalogue,
    }

    impl Other {
        fn of(site: &Site) -> Self {
            Self { catalogue: site.catalogue().unwrap() }
        }

        fn listed(&self) -> Vec<Located> {
            let mut listed = self.catalogue.dumps(&Filter::default()).unwrap();
            listed.reverse();
            listed
        }

        /// Tries to give the volume of a day back, as a run does.
        fn takes(&mut self, day: u64) -> bool {
            let policies = Policies::from([(storage(), Policy::default())]);
            self.catalogue.reusable(&label(day), &policies, Now::read().stamp()).is_ok()
        }

        fn pinned(&self) -> Vec<DumpId> {
            self.catalogue.pins().unwrap().into_iter().map(|pin| pin.dump).collect()
        }
    }

    fn keeping(site: &Site) -> Keeping<'static> {
        Keeping::of(Reading::begin(site, "verify, process 4711".to_owned()), "verify")
    }

    #[test]
    fn what_a_run_gives_back_before_its_turn_is_left_out_and_counted() {
        let (_folder, site) = site();
        let mut other = Other::of(&site);
        let mut read = Vec::new();
        let gone = keeping(&site)
            .one_by_one(&site.catalogue().unwrap(), &other.listed(), &mut |located| {
                read.push(located.dump.id);
                if located.dump.id == id(1) {
                    assert!(other.takes(2), "it is not its turn yet");
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((read, gone), (vec![id(1), id(3)], 1));
    }

    #[test]
    fn what_builds_on_something_given_back_before_its_turn_is_left_out_and_counted() {
        let (_folder, site) = site_with([None, Some(1), None]);
        let mut other = Other::of(&site);
        let mut listed = other.listed();
        listed.retain(|located| located.dump.id != id(1));
        listed.reverse();
        let mut read = Vec::new();
        let gone = keeping(&site)
            .one_by_one(&site.catalogue().unwrap(), &listed, &mut |located| {
                read.push(located.dump.id);
                assert!(other.takes(1));
                Ok(())
            })
            .unwrap();
        assert_eq!((read, gone), (vec![id(3)], 1));
        assert!(other.catalogue.dump(id(2)).unwrap().is_restorable(), "its own image is there");
    }

    #[test]
    fn each_dump_is_kept_while_it_is_read_and_no_longer() {
        let (_folder, site) = site();
        let mut other = Other::of(&site);
        let mut reader = keeping(&site);
        let gone = reader
            .one_by_one(&site.catalogue().unwrap(), &other.listed(), &mut |located| {
                assert_eq!(other.pinned(), [located.dump.id]);
                if located.dump.id == id(1) {
                    assert!(!other.takes(1), "it is being read");
                }
                if located.dump.id == id(2) {
                    assert!(other.takes(1), "it was read to its end");
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((gone, other.pinned()), (0, vec![id(3)]));
        drop(reader);
        assert!(other.pinned().is_empty());
    }

    #[test]
    fn a_run_takes_the_pins_of_killed_readers_back_and_of_no_living_one() {
        let (_folder, site) = site();
        let mut other = Other::of(&site);
        let mut reader = keeping(&site);
        reader.turn_to(id(1)).unwrap();
        // What a killed reader leaves: its pin, and nobody who has the lock for it.
        other.catalogue.pin(id(2), "verify, process 4710", None).unwrap();
        assert_eq!(reading::sweep(&site, &mut other.catalogue).unwrap(), 0);
        assert_eq!(other.pinned(), [id(1), id(2)]);
        drop(reader);
        assert_eq!(reading::sweep(&site, &mut other.catalogue).unwrap(), 1);
        assert!(other.pinned().is_empty());
    }

    #[test]
    fn where_nothing_can_be_noted_all_is_read_all_the_same() {
        let (_folder, site) = site();
        fs::create_dir(site.readers_path()).unwrap();
        let mut reader = keeping(&site);
        assert!(reader.is_told);
        let other = Other::of(&site);
        let mut read = 0;
        let mut count = |_: &Located| {
            read += 1;
            Ok(())
        };
        let catalogue = site.catalogue().unwrap();
        let gone = reader.one_by_one(&catalogue, &other.listed(), &mut count).unwrap();
        assert_eq!((read, gone), (3, 0));
    }
}
