//! What a changer has counted in its life: its log pages, as far as it has them. A changer is asked first which ones it has;
//! many have none, and that is no error.

use super::line::Failure;
use super::{MediumChanger, SHORT, SmcError};
use crate::scsi::cdb::spc::log_sense;
use crate::scsi::page::log::changer::{self, ChangerStatistics};
use crate::scsi::page::log::maker::{self, Figure, Maker};
use crate::scsi::page::{BadReply, PageCode, log};
use crate::transport::Transport;

/// Enough for what is read here: statistics, and the pages of makers.
const ROOM: u16 = 16 << 10;

/// What a changer has counted in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// As the standard has it.
    pub counted: Option<ChangerStatistics>,
    /// In the pages of its maker's own.
    pub own: Vec<Figure>,
}

impl<T: Transport> MediumChanger<T> {
    /// Asks what it has counted. Reading this resets nothing.
    pub fn life(&mut self) -> Result<Life, SmcError> {
        let read = self.read_life();
        read.map_err(|cause| self.failed("say what it has done", cause))
    }

    fn read_life(&mut self) -> Result<Life, Failure> {
        let maker = Maker::of_changer(&self.identity.vendor, &self.identity.product);
        let supported = self.log_page(log::SUPPORTED, log::supported)?.unwrap_or_default();
        let mut life = Life::default();
        if supported.contains(&changer::PAGE) {
            life.counted = self.log_page(changer::PAGE, changer::decode)?;
        }
        for page in maker::PAGES.map(PageCode::page).filter(|page| supported.contains(page)) {
            let told = self.log_page(page, |bytes| maker::decode(maker, page, bytes))?;
            life.own.extend(told.unwrap_or_default());
        }
        Ok(life)
    }

    /// A page that is refused, or makes no sense, is none.
    fn log_page<R>(
        &mut self,
        page: PageCode,
        decode: impl FnOnce(&[u8]) -> Result<R, BadReply>,
    ) -> Result<Option<R>, Failure> {
        let mut reply = vec![0; usize::from(ROOM)];
        match self.line.read(&log_sense(page, 0, ROOM), &mut reply, SHORT) {
            Ok(length) => Ok(decode(reply.get(..length).unwrap_or(&reply)).ok()),
            Err(Failure::Sense(_) | Failure::Mute(_) | Failure::Status(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
