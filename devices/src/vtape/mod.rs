//! A library made of directories, in the layout of Amanda's `chg-disk`.
//!
//! ```text
//! ROOT/slot1/00000.DAILY-001            the label: a header block of 32 KiB
//!            00001.web._srv.0           a part: a header block of 32 KiB, then data as it is
//!            00002.db._var_lib.1
//!            unfinished.00003.web._etc  a file without its filemark: no file, for us and for Amanda
//! ROOT/slot2/
//! ROOT/state.json                       which slot's cartridge is in which drive
//! ROOT/state.json.bad                   one that was cut off or garbled, and was begun afresh
//! ROOT/lock                             held while state.json is read and replaced
//! ROOT/drive.d0.lock                    held by the process that has drive d0 open
//! ```
//!
//! A slot's directory is its cartridge, so a cartridge goes back only to its own slot, and a slot whose
//! cartridge is in a drive is empty. A file gets its number when its bytes are on the disk and its filemark
//! is written, by a rename: what has a number is whole. What a crash leaves has none, and is removed when
//! the volume is next written.
//!
//! A cartridge stays in its drive when a process ends, as it would in a real library. But a drive belongs to
//! the process that has it open: another can neither open it nor change its cartridge.

mod directory;
mod disk;
mod drive;
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use types::{BlockSize, Bytes, DriveName, Slot};

pub use self::disk::HostDisk;
pub use self::drive::VtapeDrive;
use self::state::{Found, State};
use crate::changer::{
    Bay, Cartridge, CartridgeKind, Changer, ChangerError, Errand, Inventory, Obstacle, Place,
    PlaceKind,
};
use crate::drive::Trouble;
use crate::locks::{self, AtPath, Lock};

/// What a vtape library is to be.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its drives. They exist only here.
    pub drives: Vec<DriveName>,
    /// How much fits on each of its volumes, headers included.
    pub capacity: Bytes,
    /// With less room than this left, a volume's end is near.
    pub early_warning: Bytes,
    /// The length of the blocks that data moves in. Files do not depend on it.
    pub block: BlockSize,
}

impl Setup {
    /// A library with one drive, whose volumes hold `capacity` each.
    ///
    /// Early warnings come as [`Self::kept_at_the_end`] says.
    pub fn with_capacity(drive: DriveName, capacity: Bytes) -> Self {
        let early_warning = Self::kept_at_the_end(capacity);
        Self { drives: vec![drive], capacity, early_warning, block: BlockSize::TAPE }
    }

    /// What the early warning leaves, unless somebody says otherwise: room for a frame and the records of a run, 64 MiB,
    /// or on small volumes the sixteenth part.
    pub fn kept_at_the_end(capacity: Bytes) -> Bytes {
        Bytes::MIB.times(64).min(Bytes(capacity.0 / 16))
    }
}

/// A library of directories. Clones are the same library.
#[derive(Clone, Debug)]
pub struct Library {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    name: String,
    setup: Setup,
    /// The drives that this process has open.
    open: Mutex<Open>,
}

type Open = BTreeMap<DriveName, Weak<OpenDrive>>;

/// A drive that this process has open, as the changer and the drive itself both see it.
#[derive(Debug)]
pub(crate) struct OpenDrive {
    /// Holds the lock that keeps other processes out.
    _lock: Lock,
    bay: Mutex<LoadedSlot>,
}

/// What is in a drive, and how often that has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedSlot {
    directory: Option<PathBuf>,
    moves: u64,
}

impl OpenDrive {
    fn bay(&self) -> MutexGuard<'_, LoadedSlot> {
        locked(&self.bay)
    }
}

/// A library that cannot be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is none.
    #[error(
        "{0} has no slot directories (slot1, slot2, …): is the disk mounted? To make a library there, make them"
    )]
    NoSlots(PathBuf),
    /// The system refused.
    #[error("{0}")]
    Io(PathBuf, #[source] io::Error),
    /// The drive cannot be opened.
    #[error("the library in {root} cannot open a drive")]
    Drive {
        /// Which library.
        root: PathBuf,
        /// Why.
        #[source]
        cause: Obstacle,
    },
    /// What is in the drives cannot be told.
    #[error(
        "{0} cannot be used: once no drive is in use, remove it, and all cartridges are back in their slots"
    )]
    State(PathBuf, #[source] io::Error),
}

/// Makes `slots` empty cartridges below `root`, in addition to what is there.
pub fn create(root: &Path, slots: u32) -> Result<(), LibraryError> {
    for slot in 1..=slots {
        let path = slot_directory(root, Slot(slot));
        directory::create(&path).map_err(|error| LibraryError::Io(path, error))?;
    }
    directory::sync(root).map_err(|error| LibraryError::Io(root.to_owned(), error))
}

impl Library {
    /// Opens the library in `root`.
    pub fn open(root: &Path, setup: Setup) -> Result<Self, LibraryError> {
        let shared = Shared {
            root: root.to_owned(),
            name: root.display().to_string(),
            setup,
            open: Mutex::default(),
        };
        let no_root = |error| LibraryError::Io(root.to_owned(), error);
        if shared.slots().map_err(no_root)?.is_empty() {
            return Err(LibraryError::NoSlots(root.to_owned()));
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens a drive. While it is open, no other process can have it, nor this one twice.
    pub fn drive(&self, name: &DriveName) -> Result<VtapeDrive, LibraryError> {
        let shared = &self.shared;
        let obstacle = |cause| LibraryError::Drive { root: shared.root.clone(), cause };
        if !shared.setup.drives.contains(name) {
            return Err(obstacle(Obstacle::NoDrive(name.clone())));
        }
        let mut open = locked(&shared.open);
        if open.get(name).is_some_and(|drive| drive.strong_count() > 0) {
            let user = "this process".to_owned();
            return Err(obstacle(Obstacle::InUse { drive: name.clone(), user }));
        }
        let lock = match locks::lock_drive(&shared.root, name) {
            Ok(Ok(lock)) => lock,
            Ok(Err(user)) => return Err(obstacle(Obstacle::InUse { drive: name.clone(), user })),
            Err((path, error)) => return Err(LibraryError::Io(path, error)),
        };
        let state = shared
            .state(&open, Some(name))
            .map_err(|(path, error)| LibraryError::State(path, error))?;
        let directory = state.slot_in(name).map(|slot| slot_directory(&shared.root, slot));
        let bay = Mutex::new(LoadedSlot { directory, moves: 0 });
        let drive = Arc::new(OpenDrive { _lock: lock, bay });
        open.insert(name.clone(), Arc::downgrade(&drive));
        Ok(VtapeDrive::new(name.clone(), shared.setup.clone(), drive))
    }

    /// The file system that the volume in a slot lies on.
    pub fn disk_under(&self, slot: Slot) -> io::Result<HostDisk> {
        let own = HostDisk::under(&slot_directory(&self.shared.root, slot))?;
        // People know the library by its root.
        let all = HostDisk::under(&self.shared.root)?;
        Ok(if all.device == own.device { all } else { own })
    }

    /// What the volume in a slot takes on its file system.
    pub fn taken_by(&self, slot: Slot) -> io::Result<Bytes> {
        directory::taken(&slot_directory(&self.shared.root, slot))
    }

    /// Does an errand that changes what is in a drive, with the library locked and the drive free of others.
    fn carry(
        &self,
        errand: Errand,
        drive: &DriveName,
        change: impl FnOnce(&Shared, &mut State) -> Result<Option<Slot>, Obstacle>,
    ) -> Result<(), ChangerError> {
        let shared = &self.shared;
        let io_error = |(path, source): (PathBuf, io::Error)| {
            let path = path.display().to_string();
            let trouble = Trouble::Io { path, source };
            shared.error(errand.clone(), trouble.blame(), trouble)
        };
        let obstacle = |obstacle: Obstacle| {
            let blame = obstacle.blame();
            shared.error(errand.clone(), blame, obstacle)
        };
        let open = locked(&shared.open);
        let ours = open.get(drive).and_then(Weak::upgrade);
        let _theirs_no_more = match &ours {
            Some(_) => None,
            None => {
                let lock = locks::lock_drive(&shared.root, drive).map_err(io_error)?;
                let in_use = |user| obstacle(Obstacle::InUse { drive: drive.clone(), user });
                Some(lock.map_err(in_use)?)
            }
        };
        let _lock = locks::lock_library(&shared.root).map_err(io_error)?;
        let mut state = shared.state_under_lock(&open, Some(drive)).map_err(io_error)?;
        let loaded = change(shared, &mut state).map_err(obstacle)?;
        state.write(&shared.root).map_err(io_error)?;
        if let Some(ours) = ours {
            let mut bay = ours.bay();
            bay.directory = loaded.map(|slot| slot_directory(&shared.root, slot));
            bay.moves += 1;
        }
        Ok(())
    }
}

impl Shared {
    /// The numbers of the slots, sorted.
    fn slots(&self) -> io::Result<Vec<Slot>> {
        let mut slots = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("slot"));
            if let Some(number) = number.and_then(|digits| digits.parse().ok())
                && slot_directory(&self.root, Slot(number)).is_dir()
            {
                slots.push(Slot(number));
            }
        }
        slots.sort_unstable();
        slots.dedup();
        Ok(slots)
    }

    /// What is in which drive. `held` is a drive that the caller has locked.
    fn state(&self, open: &Open, held: Option<&DriveName>) -> AtPath<State> {
        match State::read(&self.root, &self.setup.drives)? {
            Found::State(state) => Ok(state),
            Found::Garbled(_) => {
                let _lock = locks::lock_library(&self.root)?;
                self.state_under_lock(open, held)
            }
        }
    }

    /// The same, for who has locked the library: nobody else makes a garbled state anew meanwhile.
    fn state_under_lock(&self, open: &Open, held: Option<&DriveName>) -> AtPath<State> {
        let why = match State::read(&self.root, &self.setup.drives)? {
            Found::State(state) => return Ok(state),
            Found::Garbled(why) => why,
        };
        let (mut state, _free) = self.gathered(open, held, &why)?;
        let aside = state.replace_garbled(&self.root)?;
        tracing::warn!(
            "{} said nothing that could be read ({why}): it was begun afresh, with the cartridges in their slots; what \
             was in it is now in {}",
            state::path(&self.root).display(),
            aside.display()
        );
        Ok(state)
    }

    /// What is in the drives, when it stands nowhere: this process knows it of those that it has open, and nothing is in
    /// those that nobody has. They stay locked as long as the locks live. What another process has only that one knows.
    fn gathered(
        &self,
        open: &Open,
        held: Option<&DriveName>,
        why: &serde_json::Error,
    ) -> AtPath<(State, Vec<Lock>)> {
        let (mut state, mut free) = (State::default(), Vec::new());
        let slots = self.slots().map_err(|error| (self.root.clone(), error))?;
        for drive in &self.setup.drives {
            if let Some(ours) = open.get(drive).and_then(Weak::upgrade) {
                let directory = ours.bay().directory.clone();
                let is_it = |slot: &Slot| Some(slot_directory(&self.root, *slot)) == directory;
                if let Some(slot) = slots.iter().copied().find(is_it) {
                    state.put(drive, slot);
                }
            } else if held != Some(drive) {
                match locks::lock_drive(&self.root, drive)? {
                    Ok(lock) => free.push(lock),
                    Err(user) => {
                        let text = format!(
                            "{why}; it is begun afresh as soon as drive {drive} is free, which is in use by {user}"
                        );
                        let error = io::Error::new(io::ErrorKind::ResourceBusy, text);
                        return Err((state::path(&self.root), error));
                    }
                }
            }
        }
        Ok((state, free))
    }

    fn cartridge(&self, slot: Slot) -> Option<Cartridge> {
        let label = directory::label_hint(&slot_directory(&self.root, slot)).ok()?;
        Some(Cartridge { label, kind: CartridgeKind::Data, ..Cartridge::default() })
    }

    fn error(
        &self,
        errand: Errand,
        blame: types::Blame,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> ChangerError {
        ChangerError { changer: self.name.clone(), errand, blame, cause: Box::new(cause) }
    }
}

impl Changer for Library {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn inventory(&mut self) -> Result<Inventory, ChangerError> {
        let shared = &self.shared;
        let failed = |path: PathBuf, source| {
            let trouble = Trouble::Io { path: path.display().to_string(), source };
            shared.error(Errand::TakeInventory, trouble.blame(), trouble)
        };
        let state = shared
            .state(&locked(&shared.open), None)
            .map_err(|(path, error)| failed(path, error))?;
        let slots = shared.slots().map_err(|error| failed(shared.root.clone(), error))?;
        let place = |slot| {
            let here = state.drive_of(slot).is_none();
            let cartridge = here.then(|| shared.cartridge(slot)).flatten();
            Place::well(slot, PlaceKind::Storage, cartridge)
        };
        let bay = |drive: &DriveName| {
            let home = state.slot_in(drive);
            let cartridge = home.and_then(|slot| shared.cartridge(slot));
            Bay::well(drive.clone(), cartridge, home)
        };
        Ok(Inventory {
            drives: shared.setup.drives.iter().map(bay).collect(),
            slots: slots.into_iter().map(place).collect(),
        })
    }

    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError> {
        self.carry(Errand::Load(slot, drive.clone()), drive, |shared, state| {
            if !shared.setup.drives.contains(drive) {
                return Err(Obstacle::NoDrive(drive.clone()));
            }
            if !slot_directory(&shared.root, slot).is_dir() {
                return Err(Obstacle::NoSlot(slot));
            }
            if let Some(other) = state.drive_of(slot) {
                return Err(Obstacle::InDrive(slot, other.clone()));
            }
            if state.slot_in(drive).is_some() {
                return Err(Obstacle::DriveFull(drive.clone()));
            }
            state.put(drive, slot);
            Ok(Some(slot))
        })
    }

    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError> {
        self.carry(Errand::Unload(drive.clone(), slot), drive, |shared, state| {
            if !shared.setup.drives.contains(drive) {
                return Err(Obstacle::NoDrive(drive.clone()));
            }
            match state.slot_in(drive) {
                None => Err(Obstacle::DriveEmpty(drive.clone())),
                Some(home) if home != slot => {
                    Err(Obstacle::WrongSlot { drive: drive.clone(), home })
                }
                Some(_) => {
                    state.take(drive);
                    Ok(None)
                }
            }
        })
    }
}

fn slot_directory(root: &Path, slot: Slot) -> PathBuf {
    root.join(format!("slot{slot}"))
}

/// A thread that panicked left nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
