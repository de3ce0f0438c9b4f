//! Reads images back from volumes to the holding disk, from which they are written like any other.
//!
//! They come from the clerk in the order of the medium and are proved frame by frame on the way. One that cannot be
//! read in one storage is read from another that has it. The drive is given back in the end: the target may be in
//! the same changer.

use std::sync::Arc;

use taper::catalogue::{Catalogue, CatalogueError, Dump};
use taper::clerk::{self, ClerkError, Mounts, PartAt};
use taper::mount::Mounted;
use taper::scribe::OtherError;
use types::{Bytes, DriveName, Label, StorageName};

use super::proof::{NotTheImage, Proof};
use crate::dispatcher::{self, Reservation, Space};
use crate::holding::{About, Arriving, Disk, Held, HoldingError, ImageName};
use crate::library::{AnyDrive, Library, LibraryTrouble};
use crate::night::dumper;
use crate::night::run::Signals;
use crate::restore::image::ImageError;
use crate::restore::libraries::Libraries;
use crate::store::{self, IndexTrouble};

/// Why an image did not come back to the holding disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// Its index, in which its frames are listed.
    #[error("its frames are not known: `reelkeep catalogue rebuild` takes them from the volumes")]
    Index(#[from] IndexTrouble),
    /// Its library.
    #[error(transparent)]
    Library(#[from] LibraryTrouble),
    /// Its storage.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Its volumes.
    #[error(transparent)]
    Clerk(#[from] ClerkError),
    /// Its bytes.
    #[error(transparent)]
    Proof(#[from] NotTheImage),
    /// The holding disk.
    #[error(transparent)]
    Holding(#[from] HoldingError),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// The run is to end.
#[derive(Debug, thiserror::Error)]
#[error("the run was stopped")]
struct Stopped;

/// Who fetches, with the volume that stands in the drive.
pub(crate) struct Fetcher<'a> {
    indexdir: &'a std::path::Path,
    disks: Arc<[Disk]>,
    libraries: Libraries,
    space: Space,
    open: Option<Open>,
}

/// A library that is being read.
struct Open {
    storage: StorageName,
    library: Library,
    volume: Option<Mounted<AnyDrive>>,
    /// The drive that it is read in, also when a failure took the volume.
    drive: Option<DriveName>,
}

impl<'a> Fetcher<'a> {
    /// A fetcher that may use so much of the holding disks.
    pub(crate) fn new(
        indexdir: &'a std::path::Path,
        disks: Arc<[Disk]>,
        rooms: Vec<dispatcher::Disk>,
        libraries: Libraries,
    ) -> Self {
        Self { indexdir, disks, libraries, space: Space::new(rooms), open: None }
    }

    /// Whether the holding disks take so much more.
    pub(crate) fn has_room(&self, stored: Bytes) -> bool {
        self.space.fits(stored, Bytes::ZERO)
    }

    /// Whether they would if nothing else were on them.
    pub(crate) fn could_ever_hold(&self, stored: Bytes) -> bool {
        self.space.could_ever_hold(stored)
    }

    /// Brings the image of a dump back from one storage. What was begun of it when it fails is gone, and its space free.
    pub(crate) fn fetch(
        &mut self,
        catalogue: &mut Catalogue,
        dump: &Dump,
        from: &StorageName,
        signals: &Signals,
    ) -> Result<Held, FetchError> {
        let room = self.space.reserve(dump.id, dump.stored).ok_or(HoldingError::NoRoom)?;
        let held = self.arrive(catalogue, dump, from, &room, signals).inspect_err(|_| {
            self.space.release(dump.id);
        })?;
        let messages = catalogue.messages(dump.id)?;
        catalogue.record_held(dump, &messages, held.path(), held.bytes())?;
        Ok(held)
    }

    /// Has the image arrive in this room, and makes it durable.
    fn arrive(
        &mut self,
        catalogue: &Catalogue,
        dump: &Dump,
        from: &StorageName,
        room: &Reservation,
        signals: &Signals,
    ) -> Result<Held, FetchError> {
        let table = store::frames(self.indexdir, dump.id)?;
        let parts: Vec<PartAt> = catalogue.parts(dump.id, from)?.iter().map(PartAt::from).collect();
        let name = ImageName {
            run: dump.run,
            dle: dump.dle.clone(),
            level: dump.level,
            dump: dump.id,
            base: dump.base,
        };
        let mut arriving = Arriving::begin(Arc::clone(&self.disks), name, []);
        dumper::grant(&mut arriving, room);
        let mut proof = Proof::new(&table);
        let open = self.turn_to(from, catalogue)?;
        let volume = open.volume.take();
        let mut bring = Bring { library: &open.library, drive: &mut open.drive };
        open.volume = clerk::copy_image(&parts, volume, &mut bring, &mut |bytes| {
            if signals.were_asked() {
                return Err(Stopped.into());
            }
            proof.pass(bytes)?;
            Ok(arriving.write(bytes)?)
        })?;
        let crc32c = proof.end(dump)?;
        Ok(arriving.commit(About { raw: dump.raw, crc32c })?)
    }

    /// The library of this storage; the drive of another is given back.
    fn turn_to(
        &mut self,
        storage: &StorageName,
        catalogue: &Catalogue,
    ) -> Result<&mut Open, FetchError> {
        let other = |open: &Open| open.storage != *storage;
        if self.open.as_ref().is_some_and(other) {
            self.give_back();
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => Open {
                storage: storage.clone(),
                library: self.libraries.library(storage)?.knowing(&catalogue.volumes()?),
                volume: None,
                drive: None,
            },
        };
        Ok(self.open.insert(open))
    }

    /// Brings the volume home, and gives the drive back.
    pub(crate) fn give_back(&mut self) {
        let Some(Open { library, volume, drive, .. }) = self.open.take() else { return };
        if let Some(volume) = volume {
            volume.into_drive().give_back();
        }
        if let Some(drive) = drive
            && let Err(error) = library.unload(&drive)
        {
            tracing::warn!("drive {drive} could not be emptied: {error}");
        }
    }
}

/// Mounts volumes of a library, in the drive of the one that is done with.
struct Bring<'a> {
    library: &'a Library,
    drive: &'a mut Option<DriveName>,
}

impl Mounts<AnyDrive> for Bring<'_> {
    fn mount(
        &mut self,
        label: &Label,
        done: Option<Mounted<AnyDrive>>,
    ) -> Result<Mounted<AnyDrive>, OtherError> {
        let drive = match done {
            Some(mounted) => mounted.into_drive(),
            None => self.library.any_drive()?,
        };
        *self.drive = Some(drive.name().clone());
        Ok(self.library.mount(label, drive)?)
    }
}
