//! Proving which drive sits in which bay, where nobody says: a cartridge is put into one bay after the other, and it
//! shows which drive has one.
//!
//! All bays must be empty before, and the cartridge is back in its slot afterwards. Each bay takes some minutes.

use std::fmt;
use std::io;

use super::mechanism::{Mechanism, Settled, State};
use super::{Opener, RobotTrouble};
use crate::changer::CartridgeKind;
use crate::smc::{Cell, MediumChanger, Patience};
use crate::transport::Transport;

/// Which node is the drive in a bay, shown by a cartridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The bay, counted from 0.
    pub bay: u16,
    /// The node that had the cartridge: none, if no drive of this host had it.
    pub node: Option<String>,
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "bay {}: {node}", self.bay),
            None => write!(f, "bay {}: no drive of this host", self.bay),
        }
    }
}

/// So many looks at each drive until one has the cartridge.
const LOOKS: u32 = 60;

/// Puts the cartridge of a slot into each bay in turn. The slot is counted from 0.
pub fn by_loading(
    changer: &mut MediumChanger<Box<dyn Transport>>,
    opener: &Opener,
    nodes: &[String],
    slot: u16,
) -> Result<Vec<Proved>, RobotTrouble> {
    let stock = changer.stock()?;
    let what = match stock.get(Cell::slot(slot)).map(|content| content.medium) {
        Some(CartridgeKind::Cleaning) => Some("a cleaning cartridge"),
        Some(CartridgeKind::Service) => Some("a cartridge for service"),
        _ => None,
    };
    if let Some(what) = what {
        return Err(RobotTrouble::NoProof { slot: u32::from(slot) + 1, what });
    }
    let bays: Vec<Cell> =
        stock.places.keys().copied().filter(|cell| *cell == Cell::bay(cell.index)).collect();
    let mut drives = Vec::new();
    for node in nodes {
        let open = |source: io::Error| RobotTrouble::Opening { device: node.clone(), source };
        let transport = opener(node).map_err(open)?;
        drives.push((node, Mechanism::new(transport, Patience::default()), Has::Nothing));
    }
    let mut proved = Vec::new();
    for bay in bays {
        // A drive of another library may have a cartridge all the time: only who gets one counts.
        for (_, drive, was) in &mut drives {
            *was = has_one(drive);
        }
        changer.carry(Cell::slot(slot), bay)?;
        let node = who_has_it(&mut drives);
        let index = node.as_ref().and_then(|node| drives.iter().position(|it| it.0 == node));
        if let Some((_, drive, _)) = index.and_then(|index| drives.get_mut(index)) {
            // What the drive cannot do the changer may: it is asked in any case.
            drive.unload().ok();
        }
        changer.carry(bay, Cell::slot(slot))?;
        proved.push(Proved { bay: bay.index, node });
    }
    Ok(proved)
}

/// Whether a drive has a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    Nothing,
    Something,
}

fn has_one(drive: &mut Mechanism) -> Has {
    match drive.state() {
        Ok(State::Is(Settled::Empty)) | Err(_) => Has::Nothing,
        Ok(State::Is(Settled::Ready | Settled::Cleaning) | State::Unthreaded) => Has::Something,
    }
}

fn who_has_it(drives: &mut [(&String, Mechanism, Has)]) -> Option<String> {
    for _ in 0..LOOKS {
        for (node, drive, was) in drives.iter_mut() {
            if *was == Has::Nothing && has_one(drive) == Has::Something {
                return Some((*node).clone());
            }
        }
        drives.first_mut()?.1.pause();
    }
    None
}
