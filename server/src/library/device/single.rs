//! One drive, and a person who changes its cartridges.
//!
//! It looks like a library with one slot, whose cartridge is in the drive whenever there is one. What is on it nobody
//! knows before it was read: a person changes cartridges without telling anybody. So the label that was read is
//! remembered only until the drive was seen empty or gave its cartridge out.
//!
//! While this process has the drive open, nobody else asks it anything: a drive reports another cartridge once, to
//! whoever asks next, and that must be the one who writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::{Node, Storage};
use devices::Wait;
use devices::changer::{Bay, Errand, Obstacle};
use devices::discover::{Devices, Kind};
use devices::emulator::{self, Lun};
use devices::locks::{self, Lock};
use devices::scsi::Cdb;
use devices::sg::Sg;
use devices::ssc::{self, Readiness, TapeDrive};
use devices::st::{Presence, StDrive};
use devices::transport::{Completion, TransportError};
use devices::{Cartridge, ChangerError, Data, Inventory, Place, PlaceKind, Transport};
use types::{DriveName, Slot};

use super::super::drive::{AnyDrive, Tape};
use super::super::locked;
use super::super::trouble::LibraryTrouble;
use super::emulated;
use crate::operator::Seen;

/// The only slot there is.
pub(crate) const SLOT: Slot = Slot(1);

/// The longest transfer that is asked of a node: the longest block there is.
const LONGEST: usize = 8 << 20;

/// Where all programs of this machine look who uses a drive.
const LOCKS: &str = "/run/lock/reelkeep";

/// A drive without a robot. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    inner: Arc<Inner>,
    setup: ssc::Setup,
    /// Whether the cartridge is given out when a run is done with it.
    eject: bool,
    patience: Option<Duration>,
}

#[derive(Debug)]
struct Inner {
    changer: String,
    name: DriveName,
    way: Way,
    locks: PathBuf,
    state: Mutex<State>,
}

/// How the drive is spoken to.
#[derive(Debug)]
enum Way {
    /// By commands.
    Sg(PathBuf),
    /// Through the kernel's tape driver.
    St(PathBuf),
    /// By commands, to one that exists only in a directory.
    Emulated { library: emulator::Library, directory: PathBuf },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nobody here uses the drive.
    #[default]
    Free,
    /// This process does.
    Open,
}

/// The use of the drive by this process. Dropped, it is free.
#[derive(Debug)]
pub struct Lease {
    inner: Arc<Inner>,
    _lock: Lock,
}

impl Drop for Lease {
    fn drop(&mut self) {
        *locked(&self.inner.state) = State::Free;
    }
}

impl Single {
    /// Finds the drive that the configuration names.
    pub(super) fn open(
        storage: &Storage,
        node: &Node,
        patience: Option<Duration>,
    ) -> Result<Self, LibraryTrouble> {
        let changer = storage.changer.name.clone();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| LibraryTrouble::Scsi {
            changer: changer.clone(),
            source,
        };
        let (way, locks) = find(storage, node).map_err(failed)?;
        fs::create_dir_all(&locks).map_err(|error| failed(Box::new(error)))?;
        let inner = Arc::new(Inner {
            changer: changer.clone(),
            name: "drive0".parse().expect("a name without control characters"),
            way,
            locks,
            state: Mutex::default(),
        });
        let eject = storage.tapering.eject_volume;
        Ok(Self { inner, setup: super::setup(storage), eject, patience })
    }

    /// The same drive, used as this storage wants.
    pub(super) fn as_used_by(&self, storage: &Storage) -> Self {
        let eject = storage.tapering.eject_volume;
        Self { setup: super::setup(storage), eject, ..self.clone() }
    }

    pub(crate) fn name(&self) -> DriveName {
        self.inner.name.clone()
    }

    /// Which device it is, for people.
    pub(crate) fn device(&self) -> String {
        match &self.inner.way {
            Way::Sg(path) | Way::St(path) | Way::Emulated { directory: path, .. } => {
                path.display().to_string()
            }
        }
    }

    /// What is in it. A drive that another command uses is not disturbed.
    pub(super) fn inventory(&self) -> Result<Inventory, LibraryTrouble> {
        let (seen, trouble) = match self.look() {
            Ok(seen) => (seen, None),
            Err(LibraryTrouble::Changer(error)) if is_in_use(&error) => {
                (Seen::NotReady, Some(error.cause.to_string()))
            }
            Err(error) => return Err(error),
        };
        let cartridge = (seen != Seen::Empty).then(Cartridge::default);
        let bay = Bay { drive: self.name(), cartridge, home: Some(SLOT), trouble };
        let place = Place::well(SLOT, PlaceKind::Storage, None);
        Ok(Inventory { drives: vec![bay], slots: vec![place] })
    }

    /// Whether there is a cartridge.
    pub(crate) fn look(&self) -> Result<Seen, LibraryTrouble> {
        if *locked(&self.inner.state) == State::Open {
            return Ok(Seen::Ready);
        }
        match self.drive(Errand::TakeInventory)? {
            AnyDrive::Tape(mut drive) => Ok(match drive.ready()? {
                Readiness::Ready => Seen::Ready,
                Readiness::Empty => Seen::Empty,
                _ => Seen::NotReady,
            }),
            AnyDrive::St { mut drive, .. } => Ok(match drive.presence()? {
                Presence::Ready => Seen::Ready,
                Presence::Empty => Seen::Empty,
                Presence::NotReady => Seen::NotReady,
            }),
            AnyDrive::Vtape(_) => Ok(Seen::Ready),
        }
    }

    /// There is nothing to carry: either the cartridge is in the drive, or a person has it.
    pub(super) fn load(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let errand = || Errand::Load(slot, drive.clone());
        if slot != SLOT {
            return Err(self.obstacle(errand(), Obstacle::NoSlot(slot)));
        }
        match self.look()? {
            Seen::Empty => Err(self.nobody_there()),
            Seen::NotReady | Seen::Ready => Ok(()),
        }
    }

    pub(crate) fn nobody_there(&self) -> LibraryTrouble {
        LibraryTrouble::NobodyThere { drive: self.name(), device: self.device() }
    }

    /// How long a run waits for a cartridge; none: it does not.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// A run is done with the cartridge.
    pub(super) fn unload(&self) -> Result<(), LibraryTrouble> {
        if self.eject { self.eject() } else { Ok(()) }
    }

    /// Gives the cartridge out.
    pub(crate) fn eject(&self) -> Result<(), LibraryTrouble> {
        match self.drive(Errand::Unload(self.name(), SLOT))? {
            AnyDrive::Tape(mut drive) => {
                // A drive that is just threading a cartridge does not give it out.
                drive.wait_until_ready(&mut |state| match state {
                    Readiness::Loading(_) => Wait::GoOn,
                    _ => Wait::GiveUp,
                })?;
                Ok(drive.unload()?)
            }
            AnyDrive::St { mut drive, .. } => Ok(drive.eject()?),
            AnyDrive::Vtape(_) => Ok(()),
        }
    }

    /// Opens the drive for this process alone.
    pub(super) fn drive(&self, errand: Errand) -> Result<AnyDrive, LibraryTrouble> {
        let inner = &self.inner;
        let lease = self.lease(errand.clone())?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| LibraryTrouble::Scsi {
            changer: inner.changer.clone(),
            source,
        };
        let transport: Box<dyn Transport> = match &inner.way {
            Way::St(path) => {
                let drive = StDrive::new(self.name(), path, self.setup.block)
                    .map_err(|error| failed(Box::new(error)))?;
                return Ok(AnyDrive::St { drive: Box::new(drive), _lease: lease });
            }
            Way::Sg(path) => {
                Box::new(Sg::open(path, LONGEST).map_err(|error| failed(Box::new(error)))?)
            }
            Way::Emulated { library, .. } => Box::new(library.transport(DRIVE, emulated::HOST)),
        };
        let leased: Box<dyn Transport> = Box::new(Leased { transport, _lease: lease });
        let drive: Tape = TapeDrive::new(self.name(), leased, self.setup);
        Ok(AnyDrive::Tape(Box::new(drive)))
    }

    fn lease(&self, errand: Errand) -> Result<Lease, LibraryTrouble> {
        let in_use = |user: String| {
            self.obstacle(errand.clone(), Obstacle::InUse { drive: self.name(), user })
        };
        let mut state = locked(&self.inner.state);
        if *state == State::Open {
            return Err(in_use("this command".to_owned()));
        }
        let path = self.inner.locks.join("drive.lock");
        let lock = locks::take(&path).map_err(|source| LibraryTrouble::Scsi {
            changer: self.inner.changer.clone(),
            source: Box::new(source),
        })?;
        let lock = lock.map_err(in_use)?;
        *state = State::Open;
        drop(state);
        Ok(Lease { inner: Arc::clone(&self.inner), _lock: lock })
    }

    fn obstacle(&self, errand: Errand, obstacle: Obstacle) -> LibraryTrouble {
        let (changer, blame) = (self.inner.changer.clone(), obstacle.blame());
        ChangerError { changer, errand, blame, cause: Box::new(obstacle) }.into()
    }
}

fn is_in_use(error: &ChangerError) -> bool {
    matches!(error.cause.downcast_ref(), Some(Obstacle::InUse { .. }))
}

/// The only drive of an emulated library.
const DRIVE: Lun = Lun(1);

/// The drive that is meant, and where it is locked.
fn find(
    storage: &Storage,
    node: &Node,
) -> Result<(Way, PathBuf), Box<dyn std::error::Error + Send + Sync>> {
    if let Node::Path(directory) = node
        && directory.is_dir()
    {
        let library = emulated::in_directory(directory)?;
        let way = Way::Emulated { library, directory: directory.clone() };
        return Ok((way, directory.join("locks")));
    }
    let locks = |key: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Path::new(LOCKS).join(format!("single-{}", key.chars().map(plain).collect::<String>()))
    };
    let name = node.to_string();
    if let Node::Path(path) = node
        && is_data_node(path)
    {
        return Ok((Way::St(path.clone()), locks(&name)));
    }
    let devices = Devices::read(Path::new("/sys"), Path::new("/dev"))?;
    let device = devices.resolve(Kind::Drive, &name)?;
    let key = device.serial.clone().unwrap_or(name);
    let way = match (device.sg(), device.nst()) {
        (Some(sg), _) => Way::Sg(sg.to_owned()),
        (None, Some(nst)) => Way::St(nst.to_owned()),
        (None, None) => {
            let (changer, what) = (&storage.changer.name, device);
            return Err(format!("changer {changer}: {what} has no node").into());
        }
    };
    Ok((way, locks(&key)))
}

/// A node of the kernel's tape driver, by its name.
fn is_data_node(path: &Path) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.trim_start_matches('n').starts_with("st")
}

/// A transport that ends the lease of its drive with itself.
struct Leased {
    transport: Box<dyn Transport>,
    _lease: Lease,
}

impl Transport for Leased {
    fn name(&self) -> &str {
        self.transport.name()
    }

    fn longest(&self) -> usize {
        self.transport.longest()
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError> {
        self.transport.execute(cdb, data, timeout)
    }

    fn pause(&mut self, time: Duration) {
        self.transport.pause(time);
    }

    fn now(&self) -> Duration {
        self.transport.now()
    }
}
