//! The emulator as a [`Transport`]: for the program it is a device like any other.

use std::time::Duration;

use crate::scsi::Cdb;
use crate::transport::{Completion, Data, Transport, TransportError};

use super::{Library, Lun, Nexus};

/// The most that one command carries: the longest block that drives take, and the four bytes of its
/// protection information.
const LONGEST: usize = (8 << 20) + 4;

/// One logical unit of an emulated library, as one initiator sees it.
#[derive(Clone, Debug)]
pub struct EmulatedDevice {
    library: Library,
    lun: Lun,
    nexus: Nexus,
    name: String,
}

impl EmulatedDevice {
    pub(crate) fn new(library: Library, lun: Lun, nexus: Nexus) -> Self {
        let name = format!("emulator:{}", lun.0);
        Self { library, lun, nexus, name }
    }
}

impl Transport for EmulatedDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn longest(&self) -> usize {
        LONGEST
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError> {
        let (out, room): (&[u8], _) = match data {
            Data::None => (&[], None),
            Data::Out(bytes) => (bytes, None),
            Data::In(room) => (&[], Some(room)),
        };
        let space = room.as_ref().map_or(0, |room| room.len());
        let answer = self.library.execute_within(
            self.lun,
            self.nexus,
            (cdb.bytes(), out, space),
            Some(timeout),
        );
        let answer = answer.map_err(|what| TransportError {
            device: self.name.clone(),
            cdb: *cdb,
            what,
            source: None,
        })?;
        if let Some(room) = room {
            let length = room.len().min(answer.data.len());
            room[..length].copy_from_slice(&answer.data[..length]);
        }
        let asked = if out.is_empty() { space } else { out.len() };
        let moved = asked.saturating_sub(answer.residual);
        Ok(Completion { status: answer.status, sense: answer.sense, moved })
    }

    fn pause(&mut self, time: Duration) {
        self.library.pass_time(self.lun, time);
    }

    fn now(&self) -> Duration {
        self.library.time_at(self.lun)
    }
}
