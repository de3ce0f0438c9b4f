//! The library of a storage: cartridges, the drives they are used in, and the arm that carries them.
//!
//! ```text
//!  configuration ──► Device: vtapes │ robot (real, or emulated) │ one drive and an operator
//!                      │ inventory, load, unload, open a drive
//!  catalogue ─labels by barcode─► Library ──► what a scan sees; bring, mount, unload
//! ```
//!
//! A changer of directories knows which label stands in a slot; a robot knows only what the sticker says. The
//! catalogue remembers which label was last read under which barcode, and lends that to the inventory as a
//! hint. It stays a hint: whoever mounts a volume reads its label.
//!
//! Several drives work at once. A slot belongs to the drive that was told to bring it, until it is brought back,
//! so that no drive takes the cartridge of another away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::Storage;
use devices::changer::Bay;
use devices::robot::Listener;
use devices::smc::barcode::same;
use devices::ssc::CartridgeFacts;
use devices::vtape::HostDisk;
use devices::{Cartridge, Inventory, PlaceKind};
use taper::catalogue::Volume;
use taper::mount::Loaded;
use taper::scan::{Hint, SlotView};
use types::{Barcode, Bytes, DriveName, Label, Slot, StorageName};

mod attended;
mod chores;
mod contents;
mod device;
mod drive;
mod search;
mod slots;
mod terms;
mod trouble;

pub use contents::{FileSays, said, scan_slot};
pub(crate) use drive::Unwritable;
pub use drive::{AnyDrive, Tape};
pub use search::Sighting;
pub(crate) use terms::storage;
pub use terms::{labels, method, names, planned_for, policies, usable};
pub use trouble::{LibraryTrouble, MountTrouble};

use attended::Attendant;
pub(crate) use device::Parts;
use device::{Device, SLOT};
use search::Scribe;

/// A library of any kind. Clones are the same library.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its changer in the configuration.
    changer: String,
    /// The storages whose volumes are in it.
    storages: Vec<StorageName>,
    device: Device,
    drives: Vec<DriveName>,
    /// Whoever changes its cartridges, if that is a person.
    attendant: Option<Attendant>,
    /// Who writes down which volume was met where another was thought to be.
    scribe: Option<Scribe>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    labels: Mutex<Labels>,
    /// Which drive has, or waits for, the cartridge of which slot.
    taken: Mutex<BTreeMap<Slot, DriveName>>,
    /// On the cartridge with which serial number a volume is, as the catalogue knows it.
    serials: Mutex<BTreeMap<Label, String>>,
    /// From which slot a drive got what is in it. Some libraries do not say.
    brought: Mutex<BTreeMap<DriveName, Slot>>,
}

/// Which label was read where.
#[derive(Debug, Default)]
struct Labels {
    by_barcode: BTreeMap<Barcode, Label>,
    /// For cartridges without a barcode, and those whose barcode could not be told when they were mounted.
    by_slot: BTreeMap<Slot, Label>,
    /// The slots whose cartridges were read since the library was opened: what is said of others is hearsay.
    read: BTreeSet<Slot>,
}

impl Labels {
    fn hint(&self, barcode: Option<&Barcode>, slot: Option<Slot>) -> Option<Label> {
        let by_barcode = barcode.and_then(|barcode| self.of(barcode));
        by_barcode.or_else(|| slot.and_then(|slot| self.by_slot.get(&slot))).cloned()
    }

    /// The label that was read under a barcode; with the medium or without it, for libraries differ in that.
    fn of(&self, barcode: &Barcode) -> Option<&Label> {
        let alike = || self.by_barcode.iter().find(|(known, _)| same(known, barcode));
        self.by_barcode.get(barcode).or_else(|| alike().map(|(_, label)| label))
    }

    /// Nobody knows where this volume is.
    fn lose(&mut self, label: &Label) {
        self.by_barcode.retain(|_, other| other != label);
        self.by_slot.retain(|_, other| other != label);
    }

    fn note(&mut self, barcode: Option<&Barcode>, slot: Option<Slot>, label: &Label) {
        // A label stands on one cartridge.
        self.lose(label);
        match (barcode, slot) {
            (Some(barcode), _) => {
                self.by_barcode.retain(|known, _| !same(known, barcode));
                self.by_barcode.insert(barcode.clone(), label.clone());
            }
            (None, Some(slot)) => drop(self.by_slot.insert(slot, label.clone())),
            (None, None) => {}
        }
    }

    /// Whatever was thought to be there is not.
    fn forget(&mut self, barcode: Option<&Barcode>, slot: Slot) {
        self.by_slot.remove(&slot);
        if let Some(barcode) = barcode {
            self.by_barcode.retain(|known, _| !same(known, barcode));
        }
    }
}

impl Library {
    /// Opens the library of a storage; a directory is made if it is not there.
    pub fn open(storage: &Storage) -> Result<Self, LibraryTrouble> {
        Self::open_heard(storage, device::logged())
    }

    /// The same, with somebody who hears what is being waited for.
    pub(crate) fn open_heard(
        storage: &Storage,
        listener: Listener,
    ) -> Result<Self, LibraryTrouble> {
        let (device, drives) = Device::open(storage, listener)?;
        if drives.is_empty() {
            return Err(device.without_drives(storage));
        }
        let config::Changer { name: changer, storages, .. } = storage.changer.clone();
        let (attendant, scribe) = (None, None);
        Ok(Self { changer, storages, device, drives, attendant, scribe, shared: Arc::default() })
    }

    /// The same library, with what the catalogue knows of volumes: which label is under which barcode, and, of the
    /// volumes of its own storages, which is in which slot. Slot 1 of another library is another slot 1.
    pub fn knowing(self, volumes: &[Volume]) -> Self {
        let serials = volumes.iter().filter_map(|it| Some((it.label.clone(), it.serial.clone()?)));
        locked(&self.shared.serials).extend(serials);
        if self.is_manual() {
            return self;
        }
        let mut labels = locked(&self.shared.labels);
        for volume in volumes {
            let slot = volume.slot.filter(|_| self.storages.contains(&volume.storage));
            labels.note(volume.barcode.as_ref(), slot, &volume.label);
        }
        drop(labels);
        self
    }

    /// The same library for another storage with the same changer: what only the storage says of its drives is that
    /// storage's. How long vtapes are is the changer's, and the first storage's word counts.
    pub fn as_used_by(&self, storage: &Storage) -> Self {
        Self { device: self.device.as_used_by(storage), ..self.clone() }
    }

    /// This label was read on that cartridge.
    pub fn note(&self, barcode: Option<&Barcode>, slot: Slot, label: &Label) {
        if self.is_manual() {
            return;
        }
        let mut labels = locked(&self.shared.labels);
        labels.note(barcode, Some(slot), label);
        labels.read.insert(slot);
    }

    /// True if its volumes are directories: to change them costs nothing.
    pub fn is_of_disks(&self) -> bool {
        matches!(self.device, Device::Vtapes(_))
    }

    /// The file system that the volume in a slot lies on, and what it takes of it; none where volumes are no directories.
    pub(crate) fn disk_under(&self, slot: Slot) -> Option<(HostDisk, Bytes)> {
        match &self.device {
            Device::Vtapes(vtapes) => {
                Some((vtapes.disk_under(slot).ok()?, vtapes.taken_by(slot).ok()?))
            }
            Device::Robot { .. } | Device::Single(_) => None,
        }
    }

    /// Its drives.
    pub fn drives(&self) -> &[DriveName] {
        &self.drives
    }

    /// What is where. Labels are those that were read there last.
    pub fn inventory(&self) -> Result<Inventory, LibraryTrouble> {
        let mut inventory = self.device.inventory()?;
        let labels = locked(&self.shared.labels);
        let name = |cartridge: &mut Option<Cartridge>, slot| {
            if let Some(cartridge) = cartridge
                && cartridge.label.is_none()
                && cartridge.kind.takes_data()
            {
                cartridge.label = labels.hint(cartridge.barcode.as_ref(), slot);
            }
        };
        for bay in &mut inventory.drives {
            name(&mut bay.cartridge, bay.home);
        }
        for place in &mut inventory.slots {
            name(&mut place.cartridge, Some(place.slot));
        }
        drop(labels);
        Ok(inventory)
    }

    /// The volumes that are in it for certain: by what their directories or their barcodes say, and not by where they were
    /// seen last. Nothing, if a part of it cannot be looked into.
    pub(crate) fn at_hand(&self) -> Result<Option<BTreeSet<Label>>, LibraryTrouble> {
        let inventory = self.device.inventory()?;
        let troubled = inventory.slots.iter().any(|place| place.trouble.is_some())
            || inventory.drives.iter().any(|bay| bay.trouble.is_some());
        if troubled {
            return Ok(None);
        }
        let in_slots = inventory.slots.iter().filter_map(|place| place.cartridge.as_ref());
        let in_drives = inventory.drives.iter().filter_map(|bay| bay.cartridge.as_ref());
        let labels = locked(&self.shared.labels);
        let label = |cartridge: &Cartridge| {
            cartridge.label.clone().or_else(|| labels.hint(cartridge.barcode.as_ref(), None))
        };
        Ok(Some(in_slots.chain(in_drives).filter_map(label).collect()))
    }

    /// The barcode of the cartridge of a slot, whether it is there or in a drive.
    pub fn barcode(&self, slot: Slot) -> Result<Option<Barcode>, LibraryTrouble> {
        let inventory = self.inventory()?;
        let cartridge = cartridge_of(&inventory, slot);
        Ok(cartridge.and_then(|cartridge| cartridge.barcode.clone()))
    }

    /// Which volume the cartridge of a slot is thought to be.
    pub(crate) fn label_in(&self, slot: Slot) -> Result<Option<Label>, LibraryTrouble> {
        let barcode = self.barcode(slot)?;
        Ok(locked(&self.shared.labels).hint(barcode.as_ref(), Some(slot)))
    }

    /// Opens a drive: nobody else can have it meanwhile.
    pub fn drive(&self, name: &DriveName) -> Result<AnyDrive, LibraryTrouble> {
        self.device.drive(name)
    }

    /// Opens the first drive that is free. If one is not in use and could not be opened, the error says why.
    pub fn any_drive(&self) -> Result<AnyDrive, LibraryTrouble> {
        let (mut users, mut trouble) = (Vec::new(), None);
        for name in &self.drives {
            match self.drive(name) {
                Ok(drive) => return Ok(drive),
                Err(error) => match error.user() {
                    Some(user) => users.push(format!("{name} by {user}")),
                    None => trouble = Some(error),
                },
            }
        }
        Err(match (trouble, users.is_empty()) {
            (Some(trouble), _) => trouble,
            (None, true) => LibraryTrouble::NoDrive,
            (None, false) => {
                let changer = self.changer.clone();
                LibraryTrouble::AllInUse { changer, users: users.join(", ") }
            }
        })
    }

    /// Brings the cartridge of a slot into a drive, and what is in the drive back to its own slot before.
    pub fn bring(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        self.take(slot, drive)?;
        let brought = self.carry(slot, drive);
        if brought.is_err() {
            locked(&self.shared.taken).remove(&slot);
        }
        brought
    }

    /// Brings the cartridge of a slot into a drive that is open, and sees that it can be read.
    pub fn load(&self, slot: Slot, drive: AnyDrive) -> Result<Loaded<AnyDrive>, LibraryTrouble> {
        Ok(Loaded::new(self.bring_in(slot, drive)?))
    }

    /// The same with what its chip says, which is asked before the tape is where anybody counts on it.
    pub(crate) fn load_with_chip(
        &self,
        slot: Slot,
        drive: AnyDrive,
    ) -> Result<(Loaded<AnyDrive>, CartridgeFacts), LibraryTrouble> {
        let mut drive = self.bring_in(slot, drive)?;
        let facts = drive.chip();
        Ok((Loaded::new(drive), facts))
    }

    fn bring_in(&self, slot: Slot, mut drive: AnyDrive) -> Result<AnyDrive, LibraryTrouble> {
        self.bring(slot, &drive.name().clone())?;
        self.see_to_it(&mut drive)?;
        drive.wake()?;
        Ok(drive)
    }

    /// The slot belongs to the drive now, and what the drive had does not any more.
    fn take(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let mut taken = locked(&self.shared.taken);
        match taken.get(&slot) {
            Some(other) if other != drive => {
                Err(LibraryTrouble::Taken { slot, drive: other.clone() })
            }
            _ => {
                taken.retain(|_, other| other != drive);
                taken.insert(slot, drive.clone());
                Ok(())
            }
        }
    }

    fn carry(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let inventory = self.device.inventory()?;
        let bay = inventory.drive(drive);
        if bay.is_some_and(|bay| bay.cartridge.is_some() && bay.home == Some(slot)) {
            return Ok(());
        }
        self.can_be_loaded(&inventory, slot, drive)?;
        self.take_back(&inventory, bay)?;
        // Another drive may have it, loaded by a command that has ended since.
        let elsewhere =
            inventory.drives.iter().find(|bay| bay.home == Some(slot) && bay.cartridge.is_some());
        self.take_back(&inventory, elsewhere)?;
        self.device.load(slot, drive)?;
        locked(&self.shared.brought).insert(drive.clone(), slot);
        Ok(())
    }

    fn take_back(&self, inventory: &Inventory, bay: Option<&Bay>) -> Result<(), LibraryTrouble> {
        let Some(bay) = bay.filter(|bay| bay.cartridge.is_some()) else { return Ok(()) };
        let home = self.home(inventory, bay);
        let home = home.ok_or_else(|| LibraryTrouble::NoHome { drive: bay.drive.clone() })?;
        self.device.unload(&bay.drive, home)?;
        locked(&self.shared.brought).remove(&bay.drive);
        Ok(())
    }

    /// Brings what is in a drive back to its slot.
    pub fn unload(&self, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let inventory = self.device.inventory()?;
        self.take_back(&inventory, inventory.drive(drive))?;
        locked(&self.shared.taken).retain(|_, other| other != drive);
        Ok(())
    }

    /// The slot that probably has a volume, whether it is there or in a drive.
    pub fn slot_of(&self, label: &Label) -> Result<Slot, LibraryTrouble> {
        if self.is_manual() {
            return Ok(SLOT);
        }
        let slot = search::slot_in(&self.inventory()?, label);
        slot.ok_or_else(|| LibraryTrouble::Absent(label.clone()))
    }

    /// The slots, as a scan wants to see them. A slot whose cartridge is in a drive is where it came from. Mail
    /// slots are the operator's: what is there comes in with `library import`.
    pub fn slots(&self) -> Result<Vec<SlotView>, LibraryTrouble> {
        self.slots_for(None)
    }

    /// The same, as a scan for this drive sees them: what it has itself is not in its way.
    pub fn slots_for(&self, drive: Option<&DriveName>) -> Result<Vec<SlotView>, LibraryTrouble> {
        let inventory = self.inventory()?;
        let taken = locked(&self.shared.taken);
        let slots = inventory.slots.iter().filter(|place| place.kind == PlaceKind::Storage);
        let view = |place: &devices::Place| {
            let cartridge = cartridge_of(&inventory, place.slot);
            let hint = match (
                cartridge,
                &place.trouble,
                taken.get(&place.slot).filter(|other| Some(*other) != drive),
            ) {
                (_, Some(trouble), _) => Hint::Busy(trouble.clone()),
                (_, None, Some(drive)) => Hint::Busy(format!("drive {drive} has it")),
                (None, None, None) => Hint::Empty,
                (Some(other), None, None) if !other.kind.takes_data() => {
                    Hint::Busy("it is no cartridge for data".to_owned())
                }
                (Some(cartridge), None, None) => {
                    cartridge.label.clone().map_or(Hint::Unknown, Hint::Label)
                }
            };
            SlotView { slot: place.slot, barcode: cartridge.and_then(|c| c.barcode.clone()), hint }
        };
        Ok(slots.map(view).collect())
    }
}

/// The emulated library of a storage, for whoever plays the operator, and for what is to go wrong.
#[cfg(test)]
pub(crate) fn emulator(storage: &Storage) -> Option<devices::emulator::Library> {
    device::emulator(storage)
}

/// The cartridge that belongs to a slot.
fn cartridge_of(inventory: &Inventory, slot: Slot) -> Option<&Cartridge> {
    let here = inventory.slot(slot).and_then(|place| place.cartridge.as_ref());
    let out = || inventory.drives.iter().find(|bay| bay.home == Some(slot));
    here.or_else(|| out().and_then(|bay| bay.cartridge.as_ref()))
}

/// A thread that panicked left nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(root: &std::path::Path) -> Library {
        let root = root.canonicalize().unwrap();
        let settings = config::Quickstart::new(root.clone(), vec![root.join("tree")]);
        std::fs::create_dir_all(root.join("tree")).unwrap();
        std::fs::write(root.join("reelkeep.toml"), config::quickstart(&settings).unwrap()).unwrap();
        let config = config::load(&root).unwrap();
        Library::open(storage(&config, None).unwrap()).unwrap()
    }

    #[test]
    fn a_drive_is_said_to_be_in_use_only_if_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (library(folder.path()), library(folder.path()));
        let held = theirs.any_drive().unwrap();
        let told = ours.any_drive().map(drop).unwrap_err().to_string();
        let user = format!("by process {}", std::process::id());
        assert!(told.contains("is in use: drive0") && told.contains(&user), "{told}");
        drop(held);
        std::fs::create_dir(folder.path().join("vtapes/state.json")).unwrap();
        let error = ours.any_drive().map(drop).unwrap_err();
        let told = crate::night::estimate::with_causes(&error);
        assert!(told.contains("state.json") && !told.contains("in use:"), "{told}");
    }
}
