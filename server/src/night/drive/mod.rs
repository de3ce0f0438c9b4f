//! One drive's thread: finds volumes, writes images on them, and keeps the catalogue in step.
//!
//! It does one errand after the other. While it writes an image and the volume is full, it says so and waits,
//! with the image in its hands, for the dispatcher's word: another volume, or the end of the image.
//!
//! ```text
//!  dispatcher ──errand──► Worker ── volumes: find one, mount it, close it
//!             ◄──event──         └─ images: write one, record what is placed, let the held image go
//! ```

use std::collections::BTreeMap;
use std::time::Instant;

use config::{Config, Storage};
use crossbeam_channel::{Receiver, Sender};
use taper::mount::{Appending, Reached};
use taper::retention::Policies;
use types::{Bytes, DriveName, DumpId, Label, Stamp, StorageName};

use super::direct::Incoming;
use super::happened::Voice;
use super::shared::SharedCatalogue;
use crate::holding::Held;
use crate::library::{self, AnyDrive, Library};

mod health;
mod images;
mod volumes;

/// Something for a drive to do.
#[derive(Debug)]
pub enum Errand {
    /// Is there a volume to write?
    Look,
    /// Mount one.
    Mount {
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
    /// The thread.
    pub thread: std::thread::JoinHandle<()>,
}

/// What a drive's thread works with.
pub struct Bench {
    /// Which drive.
    pub drive: DriveName,
    /// Its library.
    pub library: Library,
    /// The storage that it writes for.
    pub storage: Storage,
    /// The whole configuration, for label variables and policies.
    pub config: Config,
    /// Which run.
    pub run: Stamp,
    /// The catalogue.
    pub catalogue: SharedCatalogue,
    /// Where index files are.
    pub indexdir: std::path::PathBuf,
    /// The loop.
    pub voice: Voice,
}

/// Starts the thread of a drive.
pub fn start(bench: Bench) -> Handle {
    let (errands, orders) = crossbeam_channel::unbounded();
    let thread = std::thread::spawn(move || Worker::new(bench, orders).work());
    Handle { errands, thread }
}

struct Worker {
    bench: Bench,
    orders: Receiver<Errand>,
    policies: Policies,
    volume: Option<Appending<AnyDrive>>,
    /// The volume that the run takes for mounted. It may have to be mounted again: when an image breaks off,
    /// nobody knows where the medium stands, and the drive is not to blame.
    mounted: Option<Label>,
    /// How far images are that were begun in this run.
    reached: BTreeMap<DumpId, Reached>,
    /// What was written to the mounted volume.
    bytes: Bytes,
    files: u32,
    /// Since when what is written next is being written.
    since: Instant,
}

impl Worker {
    fn new(bench: Bench, orders: Receiver<Errand>) -> Self {
        let policies = library::policies(&bench.config);
        Self {
            bench,
            orders,
            policies,
            volume: None,
            mounted: None,
            reached: BTreeMap::new(),
            bytes: Bytes::ZERO,
            files: 0,
            since: Instant::now(),
        }
    }

    fn work(mut self) {
        while let Ok(errand) = self.orders.recv() {
            match errand {
                Errand::Look => self.look(),
                Errand::Mount { again } => self.mount_and_tell(again.as_ref()),
                Errand::Write(held) => self.write_held(&held),
                Errand::WriteArriving(incoming) => self.write_arriving(incoming),
                // It came too late: the image has ended by itself.
                Errand::End(_) => {}
                Errand::Finish => self.finish(),
            }
        }
    }

    fn storage(&self) -> &StorageName {
        &self.bench.storage.name
    }

    fn drive(&self) -> DriveName {
        self.bench.drive.clone()
    }
}
