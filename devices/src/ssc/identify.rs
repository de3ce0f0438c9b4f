//! What a drive is called, by itself and by its library.
//!
//! Serial numbers, not places in a list, say which drive is which: the order of device nodes changes with every
//! cable. Everything here can be asked of an empty drive.

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::smc::Element;
use crate::scsi::cdb::spc::{inquiry, inquiry_vpd};
use crate::scsi::page::designators::{self, Designator};
use crate::scsi::page::inquiry::DeviceKind;
use crate::scsi::page::{self, BadReply, vpd};
use crate::transport::{Data, Transport};

/// What a drive says of itself. What it does not say is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its maker.
    pub vendor: String,
    /// Its model.
    pub product: String,
    /// Its firmware.
    pub revision: String,
    /// Its serial number.
    pub serial: Option<String>,
    /// The maker's serial number, which outlives an exchange of parts better.
    pub manufacturer_serial: Option<String>,
    /// All its names.
    pub designators: Vec<Designator>,
    /// The serial number of the library that it is in.
    pub library: Option<String>,
    /// Its address in that library.
    pub element: Option<Element>,
}

impl<T: Transport> TapeDrive<T> {
    /// Asks the drive what it is.
    pub fn identify(&mut self) -> Result<Identity, DriveError> {
        self.inquire(Action::Identify, |drive| {
            let mut reply = [0; page::inquiry::ROOM as usize];
            let moved = drive.ask(inquiry(page::inquiry::ROOM), Data::In(&mut reply))?.moved;
            let said = page::inquiry::decode(reply.get(..moved).unwrap_or(&reply))?;
            if said.kind != DeviceKind::Tape {
                return Err(Problem::NoTapeDrive(format!("{} {}", said.vendor, said.product)));
            }
            let pages = drive.vital(vpd::SUPPORTED, vpd::supported)?.unwrap_or_default();
            let mut text = |code, decode: fn(&[u8]) -> Result<Option<String>, BadReply>| {
                if pages.contains(&code) {
                    drive.vital(code, decode).map(Option::flatten)
                } else {
                    Ok(None)
                }
            };
            let serial = text(vpd::SERIAL, vpd::serial)?;
            let manufacturer_serial = text(vpd::MANUFACTURER_SERIAL, vpd::manufacturer_serial)?;
            let library = text(vpd::AUTOMATION_SERIAL, vpd::automation_serial)?;
            let mut designators = Vec::new();
            if pages.contains(&vpd::DESIGNATORS) {
                designators =
                    drive.vital(vpd::DESIGNATORS, designators::decode)?.unwrap_or_default();
            }
            let mut element = None;
            if pages.contains(&vpd::ELEMENT_ADDRESS) {
                element = drive.vital(vpd::ELEMENT_ADDRESS, vpd::element_address)?.flatten();
            }
            Ok(Identity {
                vendor: said.vendor,
                product: said.product,
                revision: said.revision,
                serial,
                manufacturer_serial,
                designators,
                library,
                element,
            })
        })
    }

    /// One page of vital product data. None if the drive refuses it, or answers with another: some do that with
    /// pages they do not know.
    pub(super) fn vital<R>(
        &mut self,
        code: u8,
        decode: impl FnOnce(&[u8]) -> Result<R, BadReply>,
    ) -> Result<Option<R>, Problem> {
        let mut reply = [0; vpd::ROOM as usize];
        match self.ask(inquiry_vpd(code, vpd::ROOM), Data::In(&mut reply)) {
            Ok(done) => Ok(decode(reply.get(..done.moved).unwrap_or(&reply)).ok()),
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }
}
