//! The changer: logical unit 0, a robot between slots, mail slots and drives (SMC-3).
//!
//! What is in which place stands in [`Elements`](super::elements::Elements); what the *changer* knows of it may be
//! another thing, since people reach in behind its back. It learns the truth when it looks: at an INITIALIZE ELEMENT
//! STATUS, after the door was open, or when its hand meets an empty place. How it talks is its
//! [`Dialect`](super::Dialect)'s business.
//!
//! ```text
//!  READ ELEMENT STATUS ─► status   addresses ◄─► places: numbering
//!  MOVE, EXCHANGE …    ─► moves ─► elements, drives (inserted, releases, removed)
//!  a person            ─► people ─► elements, unit attentions
//! ```

mod identity;
mod moves;
mod numbering;
mod people;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::complaint::{Complaint, Detail, Outcome, Refusal, Reply, key};
use super::dialect::{Profile, Range, Sources};
use super::drive::Bay;
use super::elements::Spot;
use super::world::{World, request_sense};
use super::{Nexus, Pace};

use numbering::Numbering;
pub use people::{Operator, Seen, Unable};

/// What the changer remembers besides what is in which place.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangerUnit {
    /// It looks around until then.
    scanning: Option<Duration>,
    /// Whether the power has been on: the first command finds it looking around.
    awake: bool,
    /// Who has locked the mail slots.
    prevented: BTreeSet<Nexus>,
    /// Whether somebody asked for the header alone since the power came on.
    header_asked: bool,
    /// Places that look otherwise than the changer believes: the sticker it saw there last, if any.
    believed: BTreeMap<Spot, Believed>,
    /// What stays.
    pub(crate) lasting: Lasting,
}

/// What stays as it is when the power goes: how people left the library, and what it has counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lasting {
    door: Door,
    drawer: Door,
    /// By how much the addresses have been moved by a new partitioning.
    shift: u16,
    /// Places that are out of order, with the additional sense code and qualifier that say how.
    broken: Vec<(Spot, [u8; 2])>,
    tally: Tally,
}

impl Lasting {
    /// How this place is out of order, if it is.
    fn broken_at(&self, place: Spot) -> Option<[u8; 2]> {
        self.broken.iter().find(|(broken, _)| *broken == place).map(|(_, code)| *code)
    }
}

impl ChangerUnit {
    /// This host does not mind any more if people reach in.
    pub(crate) fn unlock(&mut self, nexus: Nexus) {
        self.prevented.remove(&nexus);
    }
}

/// Whether one can reach in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Door {
    #[default]
    Closed,
    Open,
}

/// What the changer last saw in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Believed {
    Empty,
    Cartridge(Option<String>),
}

/// What the changer counts: the parameters of its statistics log page (SMC-3, 6.2.3).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tally {
    moves: u64,
    picks: u64,
    places: u64,
    tags_read: u64,
    doors: u64,
    drawers: u64,
    scans: u64,
}

/// Carries out a command.
pub(crate) fn execute(world: &mut World, ask: &Ask<'_>) -> Reply {
    wake(world);
    match ask.opcode() {
        0x00 => ready(world).map(|()| Outcome::done()).map_err(Refusal::from),
        0x03 => {
            let sense = ready(world).err().unwrap_or_else(|| Complaint::new(key::NO_SENSE, 0, 0));
            Ok(request_sense(ask, &sense))
        }
        0x12 => identity::inquiry(world, ask),
        0x1a | 0x5a => identity::mode_sense(world, ask),
        0x1d => Ok(Outcome::done()),
        0x4d => identity::log_sense(world, ask),
        0xa3 if ask.byte(1) & 0x1f == 0x0c => identity::supported(world, ask),
        0x1e => Ok(moves::prevent(world, ask)),
        0x1b => moves::open_or_close(world, ask),
        0xb8 => status::read(world, ask),
        0x07 => moves::look_around(world),
        0x37 if profile(world).range == Range::Standard => moves::look_around(world),
        0xe7 if profile(world).range == Range::Vendor => moves::look_around(world),
        0x2b => moves::position(world, ask),
        0xa5 => moves::carry(world, ask),
        0xa6 => moves::exchange(world, ask),
        _ => Err(Complaint::no_such_command().into()),
    }
}

/// The power came on, or a reset did away with what was set.
pub(crate) fn power_on(world: &mut World) {
    let changer = &mut world.changer;
    changer.awake = false;
    changer.header_asked = false;
    changer.prevented.clear();
    changer.believed.clear();
    if profile(world).sources == Sources::LostAtPowerOn {
        for spot in world.elements.spots() {
            if let Some(element) = world.elements.get_mut(spot) {
                element.source = None;
            }
        }
    }
}

/// Tells each drive where it is, as a library does through the drive's service port.
pub(crate) fn tell_drives(world: &mut World) {
    let numbering = numbering(world);
    let library = profile(world).serial;
    for drive in &mut world.drives {
        let address = numbering.address(Spot::Drive(drive.number)).unwrap_or(0);
        drive.bay = Bay { address, library };
    }
}

/// The first command after the power came on finds the changer looking around.
fn wake(world: &mut World) {
    if !std::mem::replace(&mut world.changer.awake, true) {
        begin_scan(world);
    }
}

/// It looks around: whatever people have done, it knows in the end.
fn begin_scan(world: &mut World) {
    let takes = profile(world).scan_s;
    world.changer.believed.clear();
    world.changer.lasting.tally.scans += 1;
    if takes > 0 {
        world.changer.scanning = Some(now(world) + Duration::from_secs(takes));
    }
}

/// Whether it can be asked to move something.
fn ready(world: &mut World) -> Result<(), Complaint> {
    if world.changer.lasting.door == Door::Open {
        // LOGICAL UNIT NOT READY, MANUAL INTERVENTION REQUIRED
        return Err(Complaint::new(key::NOT_READY, 0x04, 0x03));
    }
    let Some(until) = world.changer.scanning else { return Ok(()) };
    let left = until.saturating_sub(now(world)).as_secs();
    if left == 0 {
        world.changer.scanning = None;
        return Ok(());
    }
    if world.pace == Pace::Instant {
        // Once, so that the host has seen it; the next time it is over.
        world.changer.scanning = None;
    }
    let whole = profile(world).scan_s.max(1);
    let progress = u16::try_from(whole.saturating_sub(left) * 65_535 / whole).unwrap_or(u16::MAX);
    // LOGICAL UNIT IS IN PROCESS OF BECOMING READY
    Err(Complaint {
        detail: Detail::Progress(progress),
        ..Complaint::new(key::NOT_READY, 0x04, 0x01)
    })
}

fn profile(world: &World) -> &'static Profile {
    world.setup.dialect.profile()
}

fn numbering(world: &World) -> Numbering {
    Numbering::of(profile(world), &world.elements, world.changer.lasting.shift)
}

fn now(world: &World) -> Duration {
    world.desks.first().map_or(Duration::ZERO, |desk| desk.now)
}

/// The robot needs so long.
fn spend(world: &mut World, seconds: u64) {
    if let Some(desk) = world.desks.first_mut() {
        desk.now += Duration::from_secs(seconds);
    }
}
