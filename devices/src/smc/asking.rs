//! The questions that a changer is asked: who it is, which places it has, what is in them.

use super::line::Failure;
use super::stock::{Access, AccessBits};
use super::survey::{Asking, ROOM, Request, Told};
use super::{Identity, LOOKING, MediumChanger, SHORT, SmcError, is_unknown_command, reading};
use crate::scsi::cdb::smc::Element;
use crate::scsi::cdb::spc::{self, Descriptor, Values};
use crate::scsi::judge::During;
use crate::scsi::page::BadReply;
use crate::scsi::page::designators::Name;
use crate::scsi::page::inquiry::{self, DeviceKind, Inquiry};
use crate::scsi::page::mode::Mode;
use crate::scsi::page::mode::elements::{self, Addresses};
use crate::scsi::page::vpd;
use crate::transport::Transport;

/// Reads a reply to MODE SENSE, of 6 bytes or of 10.
type Decoder = fn(&[u8]) -> Result<Mode, BadReply>;

impl<T: Transport> MediumChanger<T> {
    pub(super) fn identify(&mut self) -> Result<Identity, SmcError> {
        const WHAT: &str = "say what it is";
        let mut reply = [0; inquiry::ROOM as usize];
        let read = self.line.read(&spc::inquiry(inquiry::ROOM), &mut reply, SHORT);
        let length = read.map_err(|cause| self.failed(WHAT, cause))?;
        let decoded = inquiry::decode(reply.get(..length).unwrap_or(&reply));
        let Inquiry { kind, vendor, product, revision, .. } =
            decoded.map_err(|bad| self.garbled(WHAT, bad))?;
        if kind != DeviceKind::Changer {
            let (device, kind) = (self.line.name().to_owned(), format!("{kind:?}").to_lowercase());
            return Err(SmcError::NotAChanger { device, vendor, product, kind });
        }
        // Without a serial number there is one evidence less for where its drives are, and no more.
        let mut page = vec![0; usize::from(vpd::ROOM)];
        let read = self.line.read(&spc::inquiry_vpd(vpd::SERIAL, vpd::ROOM), &mut page, SHORT);
        page.truncate(read.unwrap_or(0));
        let serial = vpd::serial(&page).ok().flatten();
        Ok(Identity { vendor, product, revision, serial })
    }

    pub(super) fn read_layout(&mut self) -> Result<(), SmcError> {
        const WHAT: &str = "say which places it has";
        const ROOM: u8 = 255;
        let mut reply = [0; ROOM as usize];
        let page = elements::ADDRESSES;
        let short = spc::mode_sense_6(page, Values::Current, Descriptor::Left, ROOM);
        let long = spc::mode_sense_10(page, Values::Current, Descriptor::Left, ROOM.into());
        let (read, decode): (_, Decoder) = match self.line.read(&short, &mut reply, SHORT) {
            Err(failure) if is_unknown_command(&failure) => {
                (self.line.read(&long, &mut reply, SHORT), Mode::decode_10)
            }
            read => (read, Mode::decode_6),
        };
        let length = read.map_err(|cause| self.failed(WHAT, cause))?;
        let addresses = decode(reply.get(..length).unwrap_or(&reply)).and_then(|mode| {
            mode.page("the changer's addresses", page).and_then(Addresses::decode)
        });
        let addresses = addresses.map_err(|bad| self.garbled(WHAT, bad))?;
        self.layout = reading::layout(&addresses);
        self.layout_of = self.line.disturbances();
        Ok(())
    }

    /// Waits while it scans: what it says from memory meanwhile is from before. Other complaints (a magazine is
    /// out) do not keep it from saying what it has.
    pub(super) fn until_ready(&mut self) -> Result<(), SmcError> {
        match self.line.order(&spc::test_unit_ready(), SHORT, During::Other) {
            Ok(()) | Err(Failure::Sense(_) | Failure::Mute(_) | Failure::Status(_)) => Ok(()),
            Err(cause) => Err(self.failed("get ready", cause)),
        }
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Vec<Told>, Failure> {
        let told = reading::places(&self.reply(request)?, &self.layout)?;
        let free = |told: &Told| told.content.as_ref().is_ok_and(|it| it.access == Access::Free);
        if told.iter().any(free) {
            self.access = AccessBits::Told;
        }
        Ok(told)
    }

    pub(super) fn ask_serials(
        &mut self,
        request: Request,
    ) -> Result<Vec<(Element, Option<Name>)>, Failure> {
        Ok(reading::claims(&self.reply(request)?)?)
    }

    /// The bytes of a reply to READ ELEMENT STATUS.
    fn reply(&mut self, request: Request) -> Result<Vec<u8>, Failure> {
        if request.asking == Asking::HeaderFirst {
            let mut header = [0; 8];
            self.line.read(&request.cdb(8), &mut header, LOOKING)?;
        }
        let room = u16::try_from(self.line.longest()).unwrap_or(ROOM);
        let mut buffer = vec![0; usize::from(room)];
        let moved = self.line.read(&request.cdb(room), &mut buffer, LOOKING)?;
        buffer.truncate(moved);
        Ok(buffer)
    }

    pub(super) fn failed(&self, what: &'static str, cause: Failure) -> SmcError {
        SmcError::Command { device: self.line.name().to_owned(), what, cause }
    }

    fn garbled(&self, what: &'static str, cause: BadReply) -> SmcError {
        SmcError::Garbled { device: self.line.name().to_owned(), what, cause }
    }

    pub(super) fn inventory_failed(&self, cause: impl Into<Failure>) -> SmcError {
        self.failed("say what is in its slots", cause.into())
    }
}
