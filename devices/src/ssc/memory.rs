//! The chip in the cartridge: what it says of the cartridge, and what we write into it.
//!
//! It is read without winding the tape, even by a drive that only holds the cartridge. The maker's serial number
//! in it is the one name of a cartridge that nobody can stick on another. What we write is for people and other
//! programs: nothing of ours relies on it, and a chip that takes no more is no error of the volume.

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::{
    Attributes as Ask, read_attribute, read_media_serial_number, write_attribute,
};
use crate::scsi::page::attributes::{
    APPLICATION, APPLICATION_VENDOR, APPLICATION_VERSION, Attribute, Attributes, BARCODE,
    CartridgeKind, CartridgeMemory, LABEL, LAST_WRITTEN, LOCALIZATION, POOL, UTF_8, write_list,
};
use crate::scsi::page::media_serial;
use crate::transport::{Data, Transport};
use types::Stamp;

/// What is known of the cartridge in a drive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CartridgeFacts {
    /// What its memory says.
    pub memory: CartridgeMemory,
    /// The maker's serial number, if the memory or the drive tells it.
    pub serial: Option<String>,
    /// Whether it may be written; none if the drive does not say.
    pub protection: Option<super::Protection>,
}

impl CartridgeFacts {
    /// Whether it can be written only once.
    pub fn is_write_once(&self) -> bool {
        self.memory.kind == Some(CartridgeKind::WriteOnce)
    }
}

/// What a program writes into the memory of a cartridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The program's version.
    pub version: String,
    /// The label of the volume.
    pub label: String,
    /// Its pool.
    pub pool: Option<String>,
    /// Its barcode.
    pub barcode: Option<String>,
    /// When it was written.
    pub at: Option<Stamp>,
}

impl<T: Transport> TapeDrive<T> {
    /// What is known of the cartridge in the drive.
    pub fn cartridge(&mut self) -> Result<CartridgeFacts, DriveError> {
        let memory = self.inquire(Action::ReadMemory, Self::memory)?;
        let serial = match memory.serial.clone() {
            Some(serial) => Some(serial),
            None => self.inquire(Action::ReadMemory, Self::media_serial)?,
        };
        Ok(CartridgeFacts { memory, serial, protection: self.protection()? })
    }

    /// Writes into the memory of the cartridge who wrote it and what it is called.
    pub fn write_memory(&mut self, written: &Written) -> Result<(), DriveError> {
        self.inquire(Action::WriteMemory, |drive| {
            let list = write_list(&attributes(written))
                .ok_or(Problem::Setting("an attribute is too long for the memory"))?;
            let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
            drive.ask(write_attribute(0, length), Data::Out(&list))?;
            Ok(())
        })
    }

    /// All attributes. A drive that has no such thing gives none.
    fn memory(&mut self) -> Result<CartridgeMemory, Problem> {
        let mut reply = vec![0; usize::try_from(ROOM).unwrap_or(0)];
        match self.ask(read_attribute(Ask::Values, 0, 0, ROOM), Data::In(&mut reply)) {
            Ok(done) => {
                let said = Attributes::decode(reply.get(..done.moved).unwrap_or(&reply))?;
                Ok(CartridgeMemory::of(&said))
            }
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(CartridgeMemory::default()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn media_serial(&mut self) -> Result<Option<String>, Problem> {
        let mut reply = vec![0; usize::try_from(media_serial::ROOM).unwrap_or(0)];
        let ask = read_media_serial_number(media_serial::ROOM);
        match self.ask(ask, Data::In(&mut reply)) {
            Ok(done) => Ok(media_serial::decode(reply.get(..done.moved).unwrap_or(&reply))?),
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// The whole memory of an LTO cartridge is smaller.
const ROOM: u32 = 32 << 10;

/// YYYYMMDDHHMM, of a stamp.
const MINUTES: usize = 12;

/// A text that does not fit is left out: the memory is a convenience.
fn attributes(written: &Written) -> Vec<Attribute> {
    let text = |id, text: &str| Attribute::text(id, text);
    let known = [
        text(APPLICATION_VENDOR, "Reelkeep"),
        text(APPLICATION, "Reelkeep"),
        text(APPLICATION_VERSION, &written.version),
        Some(Attribute::binary(LOCALIZATION, vec![UTF_8])),
        text(LABEL, &written.label),
        written.pool.as_deref().and_then(|pool| text(POOL, pool)),
        written.barcode.as_deref().and_then(|barcode| text(BARCODE, barcode)),
        written.at.and_then(|at| text(LAST_WRITTEN, at.to_string().get(..MINUTES)?)),
    ];
    known.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_the_memory_is_left_out() {
        let written = Written {
            version: "0.1.0-with-a-long-tail".to_owned(),
            label: "DAILY-001".to_owned(),
            pool: None,
            barcode: Some("DLY001L8".to_owned()),
            at: Some("20261126155500".parse().unwrap()),
        };
        let found = attributes(&written);
        let ids: Vec<u16> = found.iter().map(|attribute| attribute.id).collect();
        let known = [APPLICATION_VENDOR, APPLICATION, LOCALIZATION, LABEL, BARCODE, LAST_WRITTEN];
        assert_eq!(ids, known);
        assert_eq!(found[5].value, b"202611261555");
    }
}
