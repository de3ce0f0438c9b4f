//! An emulated library for everybody: its directory, its iSCSI target, and the people who stand at it.
//!
//! ```text
//!  reelkeep-emulator create ─► home (library.json, cartridges)
//!  reelkeep-emulator serve  ─► home ─► Library ◄── Served ◄── iscsi::Server ◄── the kernel, or anybody
//!                                         ▲
//!  reelkeep-emulator put, take … ─► control socket ─► errand, or the library itself when nobody serves it
//! ```

mod control;
mod errand;
mod home;
mod place;
#[cfg(test)]
mod tests;
mod wall;

use super::{Answer, Library, Lun, Nexus, Pace};
use crate::iscsi::{self, Reset, Units};
use crate::scsi::Status;
use crate::transport::Break;

pub use control::{Control, ControlError, send};
pub use errand::{Errand, Movement};
pub use home::{Home, HomeError};
pub use place::{BadPlace, place};
pub use wall::Wall;

/// LOGICAL UNIT NOT SUPPORTED.
const NO_UNIT: [u8; 18] = [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x25, 0, 0, 0, 0, 0];

/// A library as the units of an iSCSI target.
#[derive(Debug)]
pub struct Served {
    library: Library,
    /// Commands take their time by this clock; without one they are answered at once.
    wall: Option<Wall>,
}

impl Served {
    /// A library that answers at once, and whose mechanics need no time.
    pub fn at_once(library: Library) -> Self {
        library.set_pace(Pace::Instant);
        Self { library, wall: None }
    }

    /// A library whose drives and arm take as long as real ones, by a clock on the wall.
    pub fn in_time(library: Library, wall: Wall) -> Self {
        library.set_pace(Pace::Virtual);
        Self { library, wall: Some(wall) }
    }
}

impl Units for Served {
    fn execute(
        &self,
        nexus: iscsi::Nexus,
        lun: Option<iscsi::Lun>,
        cdb: &[u8],
        out: &[u8],
        room: usize,
    ) -> Option<iscsi::Answer> {
        // A unit that cannot be named here is one that is not there.
        let lun = lun.map_or(Lun(u16::MAX), |lun| Lun(lun.0));
        if let Some(wall) = &self.wall {
            self.library.not_before(lun, wall.now());
        }
        let answer = self.library.execute(lun, of(nexus), cdb, out, room);
        if let Some(wall) = &self.wall {
            // The unit's clock says when it is done. Others may use the library meanwhile.
            wall.wait_until(self.library.time_at(lun));
        }
        match answer {
            Ok(answer) => Some(carried(answer, out.len())),
            Err(Break::Gone) => Some(iscsi::Answer {
                status: Status::CheckCondition,
                sense: NO_UNIT.to_vec(),
                data: Vec::new(),
                refused: out.len(),
            }),
            Err(_) => None,
        }
    }

    fn reset(&self, what: Reset) {
        match what {
            Reset::Unit(lun) => self.library.reset(Lun(lun.0)),
            Reset::Warm => self.library.luns().into_iter().for_each(|lun| self.library.reset(lun)),
            Reset::Cold => self.library.power_cycle(),
        }
    }

    fn nexus_changed(&self, nexus: iscsi::Nexus) {
        self.library.nexus_lost(of(nexus));
    }
}

fn of(nexus: iscsi::Nexus) -> Nexus {
    Nexus(u64::from(nexus.0))
}

fn carried(answer: Answer, sent: usize) -> iscsi::Answer {
    iscsi::Answer {
        status: answer.status,
        sense: answer.sense,
        data: answer.data,
        refused: if sent > 0 { answer.residual } else { 0 },
    }
}
