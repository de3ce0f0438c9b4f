//! A tape library that exists only here, at the level of SCSI commands.
//!
//! Logical unit 0 is a changer, the others are LTO drives. They take command descriptor blocks and give status,
//! sense and data as SPC-4, SSC-4 and SMC-3 say, and as the drives of the trade do where they differ. The
//! replies are laid out here from the standards, apart from the decoders in [`scsi`](crate::scsi), so that a
//! mistake in one shows in the other.
//!
//! ```text
//!  ssc, smc ─► EmulatedDevice ─┐                       ┌─► changer/   ─ elements ─┐
//!  iscsi    ───────────────────┴─► Library::execute ───┤                          ├─► cartridge ─► medium, store
//!                    world: faults, attentions, clocks └─► drive/…    ─ buffer ───┘
//! ```
//!
//! Nothing here waits: each unit has a virtual [clock](Library::now) that commands and pauses move, with the
//! speeds of real drives, so that a night takes seconds and its report still says whether the drive streamed.
//! Nothing is left to chance: what goes wrong stands in a [`FaultPlan`]. With [`Library::in_directory`] the
//! cartridges outlive the process, and a process that dies is to them a drive that lost power.

mod ask;
mod bytes;
mod cartridge;
mod changer;
mod complaint;
mod dialect;
mod directory;
mod drive;
mod elements;
mod events;
mod faults;
mod generation;
mod medium;
mod reservations;
pub mod serve;
mod setup;
mod store;
mod tampering;
mod transport;
mod world;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::scsi::Status;
use crate::transport::Break;

use ask::Ask;
use world::World;

pub use cartridge::{BadSpot, Harm, Kind, Stretch};
pub use changer::{Operator, Seen, Unable};
pub use dialect::Dialect;
pub use directory::DirectoryError;
pub use drive::Streaming;
pub use elements::Spot;
pub use faults::{Act, FaultPlan, Opcode, Rule, Sense, Struck};
pub use generation::Generation;
pub use setup::{CartridgeSetup, DriveModel, LocateFile, PowerCut, Setup};
pub use transport::EmulatedDevice;

/// A logical unit: 0 is the changer, n is the n-th drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lun(pub u16);

/// An initiator, as the library tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nexus(pub u64);

/// What a unit answered to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// Sense data, if there is something to say.
    pub sense: Vec<u8>,
    /// For the host.
    pub data: Vec<u8>,
    /// How many bytes fewer travelled than were offered.
    pub residual: usize,
    /// How long it took by the unit's clock. Whoever serves the library in real time waits as long.
    pub took: Duration,
}

/// How the time that mechanics need passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// By the virtual clock: a drive that loads is not ready until pauses have added up.
    Virtual,
    /// At once: a drive that loads is ready when next it is asked. For hosts with a clock of their own, who would
    /// rather not wait.
    Instant,
}

/// An emulated library. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Library(Arc<Mutex<World>>);

impl Library {
    /// A new library in memory.
    pub fn new(setup: Setup) -> Self {
        let elements = setup.elements();
        Self(Arc::new(Mutex::new(World::new(setup, elements, None))))
    }

    /// The library in this directory, made there if there is none. One process has it at a time.
    pub fn in_directory(path: &Path, setup: Setup) -> Result<Self, DirectoryError> {
        Ok(Self(Arc::new(Mutex::new(directory::open(path, setup)?))))
    }

    /// One logical unit as one initiator sees it.
    pub fn transport(&self, lun: Lun, nexus: Nexus) -> EmulatedDevice {
        EmulatedDevice::new(self.clone(), lun, nexus)
    }

    /// Carries out one command: `out` travels to the unit, at most `room` bytes come back. An error means
    /// that no answer comes.
    pub fn execute(
        &self,
        lun: Lun,
        nexus: Nexus,
        command: &[u8],
        out: &[u8],
        room: usize,
    ) -> Result<Answer, Break> {
        self.execute_within(lun, nexus, (command, out, room), None)
    }

    pub(crate) fn execute_within(
        &self,
        lun: Lun,
        nexus: Nexus,
        (command, out, room): (&[u8], &[u8], usize),
        timeout: Option<Duration>,
    ) -> Result<Answer, Break> {
        let mut world = self.world();
        let answer = world.execute(lun, Ask { nexus, command, out, room })?;
        if timeout.is_some_and(|timeout| answer.took > timeout) {
            world.reset(lun, events::BUS_RESET);
            return Err(Break::TimedOut);
        }
        Ok(answer)
    }

    /// The logical units there are.
    pub fn luns(&self) -> Vec<Lun> {
        (0..).take(self.world().desks.len()).map(Lun).collect()
    }

    /// Time passes for one unit: its initiator waits.
    pub fn pass_time(&self, lun: Lun, time: Duration) {
        if let Some(desk) = self.world().desk(lun) {
            desk.now += time;
        }
    }

    /// It is at least so late for one unit.
    pub(crate) fn not_before(&self, lun: Lun, now: Duration) {
        if let Some(desk) = self.world().desk(lun) {
            desk.now = desk.now.max(now);
        }
    }

    /// How late it is at one unit; at one that is not there, at the latest.
    pub fn time_at(&self, lun: Lun) -> Duration {
        let mut world = self.world();
        world.desk(lun).map(|desk| desk.now).unwrap_or_else(|| world.now())
    }

    /// How late it is: the latest of all units' clocks, from the library's first start on.
    pub fn now(&self) -> Duration {
        self.world().now()
    }

    /// How mechanics pass their time.
    pub fn set_pace(&self, pace: Pace) {
        self.world().pace = pace;
    }

    /// Replaces what shall go wrong.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.world().faults = plan;
    }

    /// What has gone wrong by the present plan.
    pub fn struck(&self) -> Vec<Struck> {
        self.world().faults.struck().to_vec()
    }

    /// The power goes, and comes again. What stood in a drive's buffer is lost.
    pub fn power_cycle(&self) {
        self.world().power_cycle();
    }

    /// One unit is reset, as a host does that got no answer.
    pub fn reset(&self, lun: Lun) {
        self.world().reset(lun, events::BUS_RESET);
    }

    /// An initiator is gone, or logs in anew: what it had locked is open again (SAM-5, 6.3.4).
    pub fn nexus_lost(&self, nexus: Nexus) {
        self.world().nexus_lost(nexus);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A test that panicked while it held the lock has failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
