//! A changer and its drives as one library.
//!
//! ```text
//!  open ──► changer: identify, inventory, who is in which bay ─┐
//!           nodes:   who is behind each                        ├─► matching ─► drives with names
//!  load ──► lock the drive ─► is anything in the way? ─► MOVE, both ends looked at ─► the drive is ready
//!  unload ► lock the drive ─► is anything in the way? ─► the drive lets go ─► MOVE, both ends looked at
//! ```
//!
//! Which drive is which is proved by serial numbers ([`matching`]), never counted. What is in the way of a move is
//! found before the arm moves ([`check`]): an empty slot, a cartridge that the drive cannot read. What became of a
//! move is looked up afterwards, at the changer and in the drive: a changer says *done* while the drive still
//! threads, and a new LTO-9 cartridge is not ready for up to two hours.
//!
//! A drive belongs to the process that has it open: another can neither open it nor change its cartridge. A
//! cartridge stays in its drive when a process ends. Clones are the same library.

mod check;
mod chores;
mod cleaning;
pub mod generation;
pub mod matching;
mod mechanism;
mod numbering;
mod opening;
pub mod proof;
mod trouble;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use types::{Blame, DriveName, Slot};

pub use self::chores::Calibrated;
pub use self::cleaning::{Cleaned, Proof};
pub use self::opening::{Listener, Opener, Setup, Unloading};
pub use self::trouble::RobotTrouble;

use self::check::{Purpose, Way};
use self::generation::DriveGeneration;
use self::matching::{DriveSeen, Evidence, Matching, Seen};
use self::mechanism::{Calibrates, Mechanism, Settled};
pub use self::numbering::LostDrive;
use self::numbering::{Numbering, Seat};
use self::opening::told;
use self::watched::{OpenDrive, Watched};
use crate::changer::{Changer, ChangerError, Errand, Inventory, Obstacle, Spot};
use crate::locks::{self, Lock};
use crate::scsi::judge::{Reason, Verdict};
use crate::smc::{
    Arrival, Doors, Failure, Identity, Life, MediumChanger, Patience, SmcError, Stock,
};
use crate::ssc::{self, TapeDrive};
use crate::transport::Transport;

/// A changer and its drives. Clones are the same library.
#[derive(Clone)]
pub struct Robot {
    shared: Arc<Shared>,
}

struct Shared {
    setup: Setup,
    opener: Opener,
    identity: Identity,
    changer: Mutex<MediumChanger<Box<dyn Transport>>>,
    /// Who is where; and everything that was seen, to show it.
    drives: Vec<RobotDrive>,
    seen: Seen,
    matching: Matching,
    lost: Vec<LostDrive>,
    open: Mutex<BTreeMap<DriveName, Weak<OpenDrive>>>,
    remarks: Mutex<Vec<String>>,
}

/// A drive of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotDrive {
    /// What it is called.
    pub name: DriveName,
    /// In which bay it sits, counted from 0.
    pub bay: u16,
    /// How it describes itself, its node too.
    pub seen: DriveSeen,
    /// What proves that it sits there.
    pub evidence: Vec<Evidence>,
}

impl RobotDrive {
    /// Its generation, if its name tells.
    pub fn generation(&self) -> Option<DriveGeneration> {
        DriveGeneration::of_product(&self.seen.product)
    }

    fn calibrates(&self) -> Calibrates {
        match self.generation() {
            Some(generation) if generation < DriveGeneration::LTO_9 => Calibrates::Never,
            _ => Calibrates::Perhaps,
        }
    }
}

/// A look at a drive every five seconds, for two and a half hours: an LTO-9 drive takes up to two for a cartridge
/// that is used for the first time.
const DRIVE_STEP: Duration = Duration::from_secs(5);
const DRIVE_LIMIT: Duration = Duration::from_secs(9000);

/// The lock of a drive, for the time of a move.
pub(crate) enum Held {
    /// This process has it open, and its reader must be told.
    Ours(Arc<OpenDrive>),
    /// Nobody had.
    Free { _lock: Lock },
}

impl Held {
    fn moved(&self) {
        if let Self::Ours(drive) = self {
            drive.moved();
        }
    }
}

impl Robot {
    /// Opens a library: finds out what the changer has, and which drive sits in which bay.
    pub fn open(
        changer: Box<dyn Transport>,
        opener: Opener,
        setup: Setup,
    ) -> Result<Self, ChangerError> {
        let name = setup.name.clone();
        let opened = Self::try_open(changer, opener, setup);
        opened.map_err(|trouble| {
            let errand = match trouble {
                RobotTrouble::Mismatch(_) => Errand::MatchDrives,
                _ => Errand::GetReady,
            };
            error(&name, errand, trouble)
        })
    }

    /// Who the changer is.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Its drives, in the order of bays.
    pub fn drives(&self) -> &[RobotDrive] {
        &self.shared.drives
    }

    /// Drives that the library should have, and that cannot be used.
    pub fn lost(&self) -> &[LostDrive] {
        &self.shared.lost
    }

    /// Which drive sits where and why, and who is left over.
    pub fn matching(&self) -> &Matching {
        &self.shared.matching
    }

    /// Everything that changer, drives and configuration say of each other.
    pub fn seen(&self) -> &Seen {
        &self.shared.seen
    }

    /// What happened meanwhile that was no error, and that the operator should know: a door was opened, a move was
    /// reported as failed and was not. Each is told once.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = std::mem::take(&mut *locked(&self.shared.remarks));
        let mut changer = locked(&self.shared.changer);
        remarks.extend(changer.remarks());
        remarks.extend(changer.events().iter().map(ToString::to_string));
        remarks
    }

    /// Opens a drive for writing and reading: [`Self::transport`] with all that a drive can do on it.
    pub fn drive(
        &self,
        name: &DriveName,
        setup: ssc::Setup,
    ) -> Result<TapeDrive<Box<dyn Transport>>, ChangerError> {
        Ok(TapeDrive::new(name.clone(), self.transport(name)?, setup))
    }

    /// Opens a drive for commands. While the transport lives, no other process can have the drive, nor this one
    /// twice.
    pub fn transport(&self, name: &DriveName) -> Result<Box<dyn Transport>, ChangerError> {
        let errand = Errand::Open(name.clone());
        self.shared.try_transport(name).map_err(|trouble| self.error(errand, trouble))
    }

    /// Locks doors and mail slots, or frees them.
    pub fn doors(&self, doors: Doors) -> Result<(), ChangerError> {
        let done = locked(&self.shared.changer).doors(doors);
        done.map_err(|trouble| self.error(Errand::Lock, trouble.into()))
    }

    /// What the changer has counted in its life.
    pub fn life(&self) -> Result<Life, ChangerError> {
        let told = locked(&self.shared.changer).life();
        told.map_err(|trouble| self.error(Errand::TellLife, trouble.into()))
    }

    /// Lets the changer look into its slots, all or from one to another, and says what is there. It takes minutes
    /// to hours.
    pub fn scan(&self, slots: Option<(Slot, Slot)>) -> Result<Inventory, ChangerError> {
        self.try_scan(slots).map_err(|trouble| self.error(Errand::Scan, trouble))
    }

    fn try_scan(&self, slots: Option<(Slot, Slot)>) -> Result<Inventory, RobotTrouble> {
        let shared = &self.shared;
        let _lock = locks::lock_library(&shared.setup.locks)?;
        let mut changer = locked(&shared.changer);
        match slots {
            None => changer.scan()?,
            Some((first, last)) => {
                let numbering = shared.numbering(&changer);
                let cell = numbering.slot(first).ok_or(Obstacle::NoSlot(first))?;
                let count = last.0.saturating_sub(first.0).saturating_add(1);
                changer.scan_range(cell, u16::try_from(count).unwrap_or(u16::MAX))?;
            }
        }
        let stock = changer.stock()?;
        Ok(shared.numbering(&changer).inventory(&stock))
    }

    /// Carries a cartridge from any place to any other. A cartridge that comes to a drive is ready then.
    pub fn move_cartridge(&self, from: &Spot, to: &Spot) -> Result<(), ChangerError> {
        let errand = Errand::Move(from.clone(), to.clone());
        self.carried(errand, from, to)
    }

    fn carried(&self, errand: Errand, from: &Spot, to: &Spot) -> Result<(), ChangerError> {
        let done = self.shared.transfer(from, to, Purpose::Data).and_then(|()| match to {
            Spot::Drive(drive) => self.shared.until_ready(drive),
            Spot::Slot(_) => Ok(()),
        });
        done.map_err(|trouble| self.error(errand, trouble))
    }

    fn error(&self, errand: Errand, trouble: RobotTrouble) -> ChangerError {
        error(&self.shared.setup.name, errand, trouble)
    }
}

impl Shared {
    fn numbering(&self, changer: &MediumChanger<Box<dyn Transport>>) -> Numbering {
        let seats = self.drives.iter().map(|it| Seat { name: it.name.clone(), bay: it.bay });
        Numbering { lost: self.lost.clone(), ..Numbering::new(changer.layout(), seats.collect()) }
    }

    fn drive(&self, name: &DriveName) -> Result<&RobotDrive, RobotTrouble> {
        let found = self.drives.iter().find(|drive| drive.name == *name);
        let lost = || self.lost.iter().find(|lost| lost.name == *name);
        let obstacle = || match lost() {
            Some(LostDrive { why, .. }) => {
                Obstacle::NotThere { spot: Spot::Drive(name.clone()), why: why.clone() }
            }
            None => Obstacle::NoDrive(name.clone()),
        };
        found.ok_or_else(|| obstacle().into())
    }

    fn try_transport(&self, name: &DriveName) -> Result<Box<dyn Transport>, RobotTrouble> {
        let node = &self.drive(name)?.seen.node;
        let in_use = |user: String| Obstacle::InUse { drive: name.clone(), user };
        let mut open = locked(&self.open);
        if open.get(name).is_some_and(|drive| drive.strong_count() > 0) {
            return Err(in_use("this process".to_owned()).into());
        }
        let lock = locks::lock_drive(&self.setup.locks, name)?.map_err(in_use)?;
        let transport = self.open_node(node)?;
        let drive = Arc::new(OpenDrive::new(lock));
        open.insert(name.clone(), Arc::downgrade(&drive));
        Ok(Box::new(Watched::new(transport, drive)))
    }

    fn open_node(&self, node: &str) -> Result<Box<dyn Transport>, RobotTrouble> {
        let opened = (self.opener)(node);
        opened.map_err(|source| RobotTrouble::Opening { device: node.to_owned(), source })
    }

    /// The drive as a place for cartridges, beside whoever reads and writes it.
    fn mechanism(&self, drive: &RobotDrive) -> Result<Mechanism, RobotTrouble> {
        let told = told(&self.setup.listener, drive.name.as_str());
        let patience = Patience { step: DRIVE_STEP, limit: DRIVE_LIMIT, told };
        Ok(Mechanism::of(self.open_node(&drive.seen.node)?, patience, drive.calibrates()))
    }

    /// Keeps other processes away from a drive while the arm is there.
    fn hold(&self, name: &DriveName) -> Result<Held, RobotTrouble> {
        let open = locked(&self.open);
        if let Some(drive) = open.get(name).and_then(Weak::upgrade) {
            return Ok(Held::Ours(drive));
        }
        let lock = locks::lock_drive(&self.setup.locks, name)?;
        let lock = lock.map_err(|user| Obstacle::InUse { drive: name.clone(), user })?;
        Ok(Held::Free { _lock: lock })
    }

    /// Carries a cartridge, if nothing is in the way.
    fn transfer(&self, from: &Spot, to: &Spot, purpose: Purpose) -> Result<(), RobotTrouble> {
        let mut held = Vec::new();
        for spot in [from, to] {
            if let Spot::Drive(name) = spot {
                self.drive(name)?;
                held.push(self.hold(name)?);
            }
        }
        let _library = locks::lock_library(&self.setup.locks)?;
        let mut changer = locked(&self.changer);
        let stock = changer.stock()?;
        let way = self.way(&changer, &stock, (from, to), purpose)?;
        if let (Spot::Drive(name), Unloading::ByDrive) = (from, self.setup.unloading) {
            self.let_go(name)?;
        }
        let arrival = match changer.carry(way.from, way.to) {
            Err(refused) if is_held_by_the_drive(&refused) => match from {
                Spot::Drive(name) => {
                    self.let_go(name)?;
                    changer.carry(way.from, way.to)
                }
                Spot::Slot(_) => Err(refused),
            },
            arrival => arrival,
        };
        // Whatever became of it: whoever has the drive open must look again.
        held.iter().for_each(Held::moved);
        if let Arrival::Although(failure) = arrival? {
            let remark = format!(
                "the cartridge of {from} is in {to}, although the changer reported a failure: {failure}"
            );
            locked(&self.remarks).push(remark);
        }
        Ok(())
    }

    fn way(
        &self,
        changer: &MediumChanger<Box<dyn Transport>>,
        stock: &Stock,
        ends: (&Spot, &Spot),
        purpose: Purpose,
    ) -> Result<Way, RobotTrouble> {
        let generation = match ends.1 {
            Spot::Drive(name) => self.drive(name)?.generation(),
            Spot::Slot(_) => None,
        };
        Ok(check::way(&self.numbering(changer), stock, ends, generation, purpose)?)
    }

    /// Lets the drive unload. A drive that nobody can reach any more is left to the library.
    fn let_go(&self, name: &DriveName) -> Result<(), RobotTrouble> {
        let drive = self.drive(name)?;
        match self.mechanism(drive)?.unload() {
            Ok(()) => Ok(()),
            Err(Failure::Transport(gone)) => {
                let remark = format!("drive {name} was not told to unload: {gone}");
                locked(&self.remarks).push(remark);
                Ok(())
            }
            Err(cause) => Err(drive_trouble(drive, "unload its cartridge", cause)),
        }
    }

    /// Waits until the drive can use what was put into it.
    fn until_ready(&self, name: &DriveName) -> Result<(), RobotTrouble> {
        let drive = self.drive(name)?;
        let settled = self.mechanism(drive)?.settle();
        match settled.map_err(|cause| drive_trouble(drive, "get the cartridge ready", cause))? {
            Settled::Ready => Ok(()),
            Settled::Cleaning => Err(RobotTrouble::Cleaning(name.clone())),
            Settled::Empty => {
                let (drive, node) = (name.clone(), drive.seen.node.clone());
                Err(RobotTrouble::NotThere { drive, node })
            }
        }
    }
}

impl Changer for Robot {
    fn name(&self) -> &str {
        &self.shared.setup.name
    }

    fn inventory(&mut self) -> Result<Inventory, ChangerError> {
        let mut changer = locked(&self.shared.changer);
        let stock = changer.stock();
        let stock = stock.map_err(|trouble| self.error(Errand::TakeInventory, trouble.into()))?;
        Ok(self.shared.numbering(&changer).inventory(&stock))
    }

    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError> {
        let errand = Errand::Load(slot, drive.clone());
        self.carried(errand, &Spot::Slot(slot), &Spot::Drive(drive.clone()))
    }

    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError> {
        let errand = Errand::Unload(drive.clone(), slot);
        self.carried(errand, &Spot::Drive(drive.clone()), &Spot::Slot(slot))
    }
}

impl fmt::Debug for Robot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &self.shared;
        let mut text = f.debug_struct("Robot");
        text.field("name", &shared.setup.name).field("drives", &shared.drives).finish()
    }
}

/// A move that was refused because the drive has not let go, or is locked (SMC-3: 53h/01h to 03h; some libraries say
/// 3Ah/00h, others only that the drive is not ready).
fn is_held_by_the_drive(refused: &SmcError) -> bool {
    match refused.refusal() {
        Some(Verdict::NotReady(_)) => true,
        Some(Verdict::Failed(failure)) => match failure.reason {
            Reason::NotUnloaded | Reason::RemovalPrevented | Reason::Withheld => true,
            Reason::Mechanics => failure.blame == Blame::Drive,
            _ => false,
        },
        _ => false,
    }
}

fn drive_trouble(drive: &RobotDrive, what: &'static str, cause: Failure) -> RobotTrouble {
    let (drive, node) = (drive.name.clone(), drive.seen.node.clone());
    RobotTrouble::Drive { drive, node, what, cause }
}

fn error(changer: &str, errand: Errand, trouble: RobotTrouble) -> ChangerError {
    let (changer, blame) = (changer.to_owned(), trouble.blame());
    ChangerError { changer, errand, blame, cause: Box::new(trouble) }
}

/// A thread that panicked left nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod emulated;
#[cfg(test)]
mod tests;
