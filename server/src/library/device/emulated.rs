//! A library that exists only in this program: made as the configuration describes it when it is first used, and
//! kept in its directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use config::{Emulated, Generation, Profile, Storage};
use devices::Transport;
use devices::emulator::serve::{Control, Home, HomeError};
use devices::emulator::{self, Dialect, DriveModel, Lun, Nexus};
use devices::robot::matching::Company;
use devices::robot::{Listener, Setup, Unloading};

use super::super::trouble::LibraryTrouble;
use super::Parts;

/// The libraries that this process has open. A library in a directory belongs to one process, and in it to all.
static OPEN: Mutex<BTreeMap<PathBuf, Open>> = Mutex::new(BTreeMap::new());

#[derive(Clone)]
struct Open {
    library: emulator::Library,
    _home: std::sync::Arc<Home>,
    /// Through which people stand at it while it is open here.
    _control: Option<std::sync::Arc<Control>>,
}

/// Opens the library in a directory; one that is not there is made, with a cartridge in every slot.
pub(super) fn parts(
    changer: &str,
    emulated: &Emulated,
    storage: &Storage,
    listener: Listener,
) -> Result<Parts, LibraryTrouble> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| LibraryTrouble::Scsi {
        changer: changer.to_owned(),
        source,
    };
    let library = library(emulated, storage).map_err(|error| failed(Box::new(error)))?;
    let nodes = library.luns().iter().skip(1).map(|lun| lun.0.to_string()).collect();
    let setup = Setup {
        name: changer.to_owned(),
        nodes,
        named: Vec::new(),
        company: Company::Alone,
        locks: emulated.directory.join("locks"),
        unloading: Unloading::ByDrive,
        listener,
    };
    let arm = Box::new(library.transport(Lun(0), HOST));
    let opener = Box::new(move |node: &str| -> io::Result<Box<dyn Transport>> {
        let lun = node.parse().map_err(io::Error::other)?;
        Ok(Box::new(library.transport(Lun(lun), HOST)))
    });
    Ok(Parts { arm, opener, setup })
}

/// The emulated library itself: for whoever plays the operator, and for what is to go wrong.
pub(crate) fn library(
    emulated: &Emulated,
    storage: &Storage,
) -> Result<emulator::Library, HomeError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = open.get(&emulated.directory) {
        return Ok(open.library.clone());
    }
    let home = match Home::open(&emulated.directory) {
        Err(HomeError::NoLibrary(_)) => {
            Home::create(&emulated.directory, &setup(emulated, storage))
        }
        other => other,
    }?;
    keep(&mut open, &emulated.directory, home)
}

/// The library that somebody has made in a directory.
pub(super) fn in_directory(directory: &Path) -> Result<emulator::Library, HomeError> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = open.get(directory) {
        return Ok(open.library.clone());
    }
    let home = Home::open(directory)?;
    keep(&mut open, directory, home)
}

fn keep(
    open: &mut BTreeMap<PathBuf, Open>,
    directory: &Path,
    home: Home,
) -> Result<emulator::Library, HomeError> {
    let library = home.library()?;
    let control = Control::listen(directory, library.clone());
    if let Err(error) = &control {
        tracing::warn!("nobody can stand at the library in {}: {error}", directory.display());
    }
    let control = control.ok().map(std::sync::Arc::new);
    let entry =
        Open { library: library.clone(), _home: std::sync::Arc::new(home), _control: control };
    open.insert(directory.to_owned(), entry);
    Ok(library)
}

/// This process is one initiator to the library, as a host with one adapter is.
pub(super) const HOST: Nexus = Nexus(1);

fn setup(emulated: &Emulated, storage: &Storage) -> emulator::Setup {
    let generation = generation(emulated.generation);
    let count = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let slots = count(emulated.slots);
    let setup = emulator::Setup::of(
        &DriveModel::ibm(generation),
        count(emulated.drives),
        slots,
        count(emulated.mail_slots),
    );
    let mut setup = setup.filled("RK", count(emulated.cartridges).min(slots), generation);
    setup.dialect = dialect(emulated.profile);
    for cartridge in &mut setup.cartridges {
        cartridge.capacity = Some(storage.tapetype.length);
    }
    setup
}

fn dialect(profile: Profile) -> Dialect {
    match profile {
        Profile::Standard => Dialect::Standard,
        Profile::Ts4300 => Dialect::Ts4300,
        Profile::Msl => Dialect::Msl,
        Profile::Ml3 => Dialect::Ml3,
        Profile::ScalarI3 => Dialect::ScalarI3,
        Profile::Superloader3 => Dialect::Superloader3,
        Profile::Neo => Dialect::Neo,
        Profile::Sl150 => Dialect::Sl150,
        Profile::SpectraStack => Dialect::SpectraStack,
        Profile::AdicDat => Dialect::AdicDat,
        Profile::Xl1b2 => Dialect::Xl1b2,
        Profile::Starwinds => Dialect::Starwinds,
        Profile::Mhvtl => Dialect::Mhvtl,
        Profile::Thur => Dialect::Thur,
    }
}

fn generation(generation: Generation) -> emulator::Generation {
    match generation {
        Generation::Lto5 => emulator::Generation::Lto5,
        Generation::Lto6 => emulator::Generation::Lto6,
        Generation::Lto7 => emulator::Generation::Lto7,
        Generation::Lto8 => emulator::Generation::Lto8,
        Generation::Lto9 => emulator::Generation::Lto9,
        Generation::Lto10 => emulator::Generation::Lto10,
    }
}
