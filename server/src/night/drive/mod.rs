//! One drive's thread: finds volumes, writes images on them, and keeps the catalogue in step.
//!
//! It does one errand after the other. While it writes an image and the volume is full, it says so and waits,
//! with the image in its hands, for the dispatcher's word: another volume, or the end of the image. A drive that
//! several storages share is told with each volume for which of them it is.
//!
//! ```text
//!  dispatcher ──errand──► Worker ┬─ volumes: find one. begin: make it ready. again: one of before. closing: put it away
//!             ◄──event──         └─ images: write one, record what is placed, let the held image go
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use config::{Config, Storage};
use crossbeam_channel::{Receiver, Sender};
use taper::catalogue::CatalogueError;
use taper::mount::{Appending, Reached};
use taper::retention::Policies;
use types::{Blame, Bytes, DriveId, DriveName, DumpId, Label, Stamp, StorageName};

use self::small::Small;
use super::direct::Incoming;
use super::estimate::with_causes;
use super::happened::{PANICKED, Voice};
use super::records::Reckoned;
use super::shared::SharedCatalogue;
use crate::dispatcher::Event;
use crate::holding::Held;
use crate::library::{self, AnyDrive, Library};
use crate::runlog::RunEvent;

mod again;
mod begin;
mod cartridge;
mod chores;
mod closing;
mod disk;
mod health;
mod images;
mod small;
mod volumes;

pub(crate) use begin::known;
pub(crate) use cartridge::medium;
pub use disk::FullDisks;

/// Something for a drive to do.
#[derive(Debug)]
pub enum Errand {
    /// Is there a volume to write?
    Look {
        /// Of which storage.
        storage: StorageName,
    },
    /// Mount one.
    Mount {
        /// Of which storage.
        storage: StorageName,
        /// The one that was mounted before; none for the next.
        again: Option<Label>,
    },
    /// Write a held image.
    Write(Held),
    /// Write an image that is just arriving.
    WriteArriving(Incoming),
    /// Write no further part of an image.
    End(DumpId),
    /// Write the records and unload.
    Finish,
}

/// The run's end of a drive.
pub struct Handle {
    /// To send it on errands. Dropped, the thread ends.
    pub errands: Sender<Errand>,
    /// What it is called in the log.
    pub called: DriveName,
    /// The thread.
    pub thread: std::thread::JoinHandle<()>,
}

/// What a drive's thread works with.
pub struct Bench {
    /// Which drive.
    pub id: DriveId,
    /// What it is called in the log: its name, with that of its changer if others of the run are named alike.
    pub called: DriveName,
    /// The storages that it may write for, each with the library as it uses it. Not empty.
    pub serves: Vec<(Storage, Library)>,
    /// The whole configuration, for label variables and policies.
    pub config: Config,
    /// Which run.
    pub run: Stamp,
    /// The catalogue.
    pub catalogue: SharedCatalogue,
    /// Where index files are.
    pub indexdir: std::path::PathBuf,
    /// How far images are that this run has begun.
    pub reached: ReachedByRun,
    /// The file systems that this run has found full.
    pub full: FullDisks,
    /// What the records of this run come to.
    pub records: Reckoned,
    /// The loop.
    pub voice: Voice,
}

/// How far the images are that a run has begun and not finished, by storage. All drives know, since one may go on
/// where another failed.
#[derive(Clone, Debug, Default)]
pub struct ReachedByRun(Arc<Mutex<BTreeMap<(DumpId, StorageName), Reached>>>);

impl ReachedByRun {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(DumpId, StorageName), Reached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread of a drive.
pub fn start(bench: Bench) -> Handle {
    let (errands, orders) = crossbeam_channel::unbounded();
    let called = bench.called.clone();
    let thread = std::thread::spawn(move || {
        let (drive, why) = (bench.id.clone(), PANICKED.to_owned());
        let failed = Event::DriveFailed { drive, blame: Blame::Drive, why };
        let _last_words = bench.voice.last_words(failed);
        Worker::new(bench, orders).work();
    });
    Handle { errands, called, thread }
}

struct Worker {
    bench: Bench,
    /// Which of the bench's storages it is at work for.
    at: usize,
    orders: Receiver<Errand>,
    policies: Policies,
    volume: Option<Appending<AnyDrive>>,
    /// The volume that the run takes for mounted. It may have to be mounted again: when an image breaks off,
    /// nobody knows where the medium stands, and the drive is not to blame.
    mounted: Option<Label>,
    /// What was written to the mounted volume.
    bytes: Bytes,
    files: u32,
    small: Small,
    /// Since when what is written next is being written.
    since: Instant,
}

impl Worker {
    fn new(bench: Bench, orders: Receiver<Errand>) -> Self {
        let policies = library::policies(&bench.config);
        Self {
            bench,
            at: 0,
            orders,
            policies,
            volume: None,
            mounted: None,
            bytes: Bytes::ZERO,
            files: 0,
            small: Small::default(),
            since: Instant::now(),
        }
    }

    fn work(mut self) {
        while let Ok(errand) = self.orders.recv() {
            match errand {
                Errand::Look { storage } => {
                    self.serve(&storage);
                    self.look();
                }
                Errand::Mount { storage, again } => {
                    self.serve(&storage);
                    self.mount_and_tell(again.as_ref());
                }
                Errand::Write(held) => self.write_held(&held),
                Errand::WriteArriving(incoming) => self.write_arriving(incoming),
                // It came too late: the image has ended by itself.
                Errand::End(_) => {}
                Errand::Finish => self.finish(),
            }
        }
    }

    /// From now on it is at work for this storage.
    fn serve(&mut self, storage: &StorageName) {
        let at = self.bench.serves.iter().position(|(own, _)| own.name == *storage);
        self.at = at.unwrap_or(self.at);
    }

    fn settings(&self) -> &Storage {
        &self.bench.serves[self.at].0
    }

    fn library(&self) -> &Library {
        &self.bench.serves[self.at].1
    }

    fn storage(&self) -> &StorageName {
        &self.settings().name
    }

    /// The drive, as the dispatcher names it.
    fn id(&self) -> DriveId {
        self.bench.id.clone()
    }

    /// The drive, as the log names it.
    fn called(&self) -> DriveName {
        self.bench.called.clone()
    }
}

/// The libraries of a run.
#[derive(Default)]
pub struct Opened {
    /// That of each storage.
    pub libraries: BTreeMap<StorageName, Library>,
    /// The storages whose library could not be opened, each with the reason.
    pub shut: BTreeMap<StorageName, String>,
}

/// Opens the library of each storage; storages that share a changer share it. One that cannot be opened costs this
/// night its drives, and no dump: what its storages were to get stays on the holding disk.
pub fn open_all(
    storages: &[&Storage],
    catalogue: &SharedCatalogue,
    voice: &Voice,
) -> Result<Opened, CatalogueError> {
    let mut by_changer = BTreeMap::<&str, Library>::new();
    let mut opened = Opened::default();
    for &storage in storages {
        let changer = storage.changer.name.as_str();
        let library = match by_changer.get(changer) {
            Some(library) => library.as_used_by(storage),
            None => match Library::open(storage) {
                Ok(library) => library.knowing(&catalogue.lock().volumes()?),
                Err(error) => {
                    let (storage, why) = (storage.name.clone(), with_causes(&error));
                    opened.shut.insert(storage.clone(), why.clone());
                    voice.log(RunEvent::NoLibrary { storage, why });
                    continue;
                }
            },
        };
        by_changer.insert(changer, library.clone());
        opened.libraries.insert(storage.name.clone(), library);
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use config::Quickstart;
    use taper::catalogue::Catalogue;

    use super::*;
    use crate::night::happened::Happened;
    use crate::night::run;

    #[test]
    fn the_run_hears_of_a_drive_whose_thread_panics() {
        let made = Quickstart::new("/site".into(), vec!["/home".into()]);
        let text = config::quickstart(&made).unwrap();
        let (voice, ear) = run::channel();
        let id = DriveId { changer: "robot".parse().unwrap(), drive: "drive0".parse().unwrap() };
        // It serves no storage, which is a bug.
        let handle = start(Bench {
            id: id.clone(),
            called: id.drive.clone(),
            serves: Vec::new(),
            config: config::read(&[("/site/reelkeep.toml".into(), text)]).unwrap(),
            run: "20260102030000".parse().unwrap(),
            catalogue: SharedCatalogue::new(Catalogue::in_memory().unwrap()),
            indexdir: "/site/index".into(),
            reached: ReachedByRun::default(),
            full: FullDisks::default(),
            records: Reckoned::default(),
            voice,
        });
        handle.errands.send(Errand::Look { storage: "tapes".parse().unwrap() }).unwrap();
        handle.thread.join().unwrap_err();
        let told = ear.try_recv();
        assert!(
            matches!(&told, Ok(Happened::Event(Event::DriveFailed { drive, .. })) if *drive == id),
            "{told:?}"
        );
    }
}
