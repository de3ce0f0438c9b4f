//! A library that outlives the process: a directory of files.
//!
//! `contents.json` says which cartridge is where and what its chip holds, what the drives have counted, and how people
//! left the changer; each cartridge has two files of its own ([`store`](super::store)); `faults.json`, if somebody planned
//! any, is the plan of what shall go wrong. One process has the directory at a time. `contents.json` is replaced whole,
//! after every command that moved a cartridge, wrote to a chip or waited for the medium.
//!
//! Files that somebody else has written are looked at before they are believed: an error says which file it is and what
//! is wrong with it, and nothing is changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cartridge::Cartridge;
use super::changer;
use super::changer::Lasting;
use super::drive::{DriveUnit, Life};
use super::elements::{Element, Elements};
use super::faults::FaultPlan;
use super::setup::Setup;
use super::store::Store;
use super::world::World;
use crate::locks::Lock;

/// A library's directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the emulated library's {path} cannot be used")]
pub struct DirectoryError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// `contents.json`.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    elements: Elements,
    /// How late it was in the library, in seconds.
    #[serde(default)]
    clock: u64,
    /// In the order of their logical units.
    #[serde(default)]
    drives: Vec<Life>,
    #[serde(default)]
    changer: Lasting,
}

const VERSION: u32 = 1;

const FAULTS: &str = "faults.json";

/// No library needs more: some 2 KB a cartridge.
const LONGEST: u64 = 256 << 20;

/// The directory, and the lock that is held on it.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: Lock,
}

/// What moved a cartridge, wrote to a chip or waited for the medium: LOAD, MOVE, EXCHANGE, WRITE ATTRIBUTE, FORMAT,
/// SET CAPACITY, WRITE FILEMARKS, REWIND.
const SAVING: [u8; 9] = [0x1b, 0xa5, 0xa6, 0x8d, 0x04, 0x0b, 0x10, 0x01, 0x19];

pub(crate) fn open(path: &Path, setup: Setup) -> Result<World, DirectoryError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| DirectoryError { path, source }
    };
    fs::create_dir_all(path).map_err(at(path))?;
    let lock_path = path.join("contents.lock");
    let lock = lock(&lock_path).map_err(at(&lock_path))?;
    let contents = path.join("contents.json");
    let saved = match read(&contents).map_err(at(&contents))? {
        Some(text) => understood(&text).map_err(at(&contents))?,
        None => Saved::new(&setup),
    };
    let mut elements = fitted(saved.elements, &setup);
    for spot in elements.spots() {
        let Some(cartridge) = elements.cartridge_mut(spot) else { continue };
        let data = path.join(&cartridge.serial);
        let (store, tape) = Store::open(path, &cartridge.serial).map_err(at(&data))?;
        cartridge.store = store;
        cartridge.tape = tape;
    }
    let plan = path.join(FAULTS);
    let faults: FaultPlan = match read(&plan).map_err(at(&plan))? {
        Some(text) => serde_json::from_slice(&text).map_err(|it| at(&plan)(it.into()))?,
        None => FaultPlan::default(),
    };
    let directory = Directory { path: path.to_owned(), _lock: lock };
    let mut world = World::new(setup, elements, Some(directory));
    world.faults = faults;
    world.set_clock(Duration::from_secs(saved.clock));
    world.drives.iter_mut().zip(saved.drives).for_each(|(drive, life)| drive.live_on(life));
    world.changer.lasting = saved.changer;
    changer::tell_drives(&mut world);
    world.save().map_err(at(&contents))?;
    Ok(world)
}

impl Saved {
    /// Of a library that is new.
    fn new(setup: &Setup) -> Self {
        Self {
            version: VERSION,
            elements: setup.elements(),
            clock: 0,
            drives: Vec::new(),
            changer: Lasting::default(),
        }
    }
}

/// What `contents.json` says, if it may be believed.
fn understood(text: &[u8]) -> io::Result<Saved> {
    let saved: Saved = serde_json::from_slice(text)?;
    if saved.version != VERSION {
        return Err(invalid(format!("version {} is not {VERSION}", saved.version)));
    }
    check_numbers(&serde_json::from_slice(text)?)?;
    let mut serials = BTreeSet::new();
    for spot in saved.elements.spots() {
        let Some(cartridge) = saved.elements.cartridge(spot) else { continue };
        let serial = &cartridge.serial;
        // It is the name of files.
        let plain = |c: char| c.is_ascii_alphanumeric();
        if !(1..=32).contains(&serial.len()) || !serial.chars().all(plain) {
            return Err(invalid(format!("the serial number {serial:?} in {spot} is none")));
        }
        if !serials.insert(serial) {
            return Err(invalid(format!("two cartridges have the serial number {serial}")));
        }
        if cartridge.memory.values().any(|value| value.len() > usize::from(u16::MAX)) {
            return Err(invalid(format!("the chip of {serial} holds too long an attribute")));
        }
    }
    Ok(saved)
}

/// Beyond this nothing is counted here, so that no sum of two numbers runs over: 8 PiB, or 285 million years.
pub(crate) const MOST: u64 = 1 << 53;

/// Refuses numbers that could run over.
pub(crate) fn check_numbers(value: &Value) -> io::Result<()> {
    match value {
        Value::Number(number) if number.as_u64().is_none_or(|number| number > MOST) => {
            Err(invalid(format!("the number {number} cannot be meant")))
        }
        Value::Array(values) => values.iter().try_for_each(check_numbers),
        Value::Object(values) => values.values().try_for_each(check_numbers),
        _ => Ok(()),
    }
}

pub(crate) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn lock(path: &Path) -> io::Result<Lock> {
    let lock = File::options().create(true).truncate(false).write(true).open(path)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::WouldBlock, "another process has this library")
        }
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(Lock::of(lock))
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Ok(file) => {
            let mut text = Vec::new();
            file.take(LONGEST).read_to_end(&mut text)?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The places as the setup now has them. What was in places that are no more is outside.
fn fitted(mut elements: Elements, setup: &Setup) -> Elements {
    let mut homeless = Vec::new();
    let sizes = [setup.slots.into(), setup.mail_slots.into(), setup.drives.len()];
    let places = [&mut elements.slots, &mut elements.mail, &mut elements.drives];
    for (places, size) in places.into_iter().zip(sizes) {
        homeless.extend(places.drain(size.min(places.len())..).filter(|it| it.cartridge.is_some()));
        places.resize_with(size, Element::default);
    }
    elements.outside.extend(homeless);
    elements
}

impl World {
    /// Gives a new cartridge its files, if cartridges have files here.
    pub(crate) fn keep(&self, cartridge: &mut Cartridge) -> io::Result<()> {
        let Some(Directory { path, .. }) = &self.directory else { return Ok(()) };
        (cartridge.store, cartridge.tape) = Store::open(path, &cartridge.serial)?;
        Ok(())
    }

    /// Saves after a command that makes it worth it.
    pub(crate) fn save_after(&mut self, opcode: u8) {
        if SAVING.contains(&opcode) {
            // Tape and journal are what counts; a chip that was not saved is found as it was before.
            let _chip = self.save();
        }
    }

    /// Replaces `contents.json`: whole, or not at all, whatever happens to the machine.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        let Some(Directory { path, .. }) = &self.directory else { return Ok(()) };
        let saved = Saved {
            version: VERSION,
            elements: self.elements.clone(),
            clock: self.now().as_secs(),
            drives: self.drives.iter().map(DriveUnit::life).collect(),
            changer: self.changer.lasting.clone(),
        };
        replace(path, "contents.json", &saved)
    }

    /// Replaces the plan of what shall go wrong, here and in the directory.
    pub(crate) fn plan_faults(&mut self, plan: FaultPlan) -> io::Result<()> {
        if let Some(Directory { path, .. }) = &self.directory {
            replace(path, FAULTS, &plan)?;
        }
        self.faults = plan;
        Ok(())
    }
}

/// Writes a file of the directory: whole, or not at all.
fn replace(directory: &Path, name: &str, what: &impl Serialize) -> io::Result<()> {
    let (path, new) = (directory.join(name), directory.join(format!("{name}.new")));
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec_pretty(what)?)?;
    file.sync_all()?;
    fs::rename(new, path)
}
