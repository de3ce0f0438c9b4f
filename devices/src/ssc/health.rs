//! How a drive and the cartridge in it are, by what they have counted.
//!
//! The drive is asked which pages it has, and then for those: some drives answer a page that they do not have with
//! another. A page that is refused, or makes no sense, is left out: a drive that only cannot tell how it is still
//! writes and reads. Nothing here is reset by being read. TapeAlert flags are taken from the page that keeps them
//! (12h); the older one (2Eh), which forgets them when it is read, only from drives that have no other.

use super::{Notes, Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::log_sense;
use crate::scsi::page::alert::Flag;
use crate::scsi::page::log::capacity::Capacity;
use crate::scsi::page::log::compression::Compression;
use crate::scsi::page::log::device_status::DeviceStatus;
use crate::scsi::page::log::errors::Errors;
use crate::scsi::page::log::maker::{self, Figure, Maker};
use crate::scsi::page::log::recovery::Step;
use crate::scsi::page::log::sequential::Sequential;
use crate::scsi::page::log::statistics::DeviceStatistics;
use crate::scsi::page::log::volume::VolumeStatistics;
use crate::scsi::page::{BadReply, PageCode, log};
use crate::transport::{Data, Transport};

/// How a drive and its cartridge are. What the drive does not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What it is doing.
    pub doing: Option<DeviceStatus>,
    /// What it warns of.
    pub alerts: Vec<Flag>,
    /// What it advises to do next.
    pub advice: Vec<Step>,
    /// Errors while writing, since the cartridge was loaded.
    pub writing: Option<Errors>,
    /// Errors while reading, since the cartridge was loaded.
    pub reading: Option<Errors>,
    /// What went through it, and the room on the medium.
    pub through: Option<Sequential>,
    /// How well it compresses.
    pub compression: Option<Compression>,
    /// The drive's life.
    pub drive: Option<DeviceStatistics>,
    /// The cartridge's life.
    pub cartridge: Option<VolumeStatistics>,
    /// The room in each partition of the cartridge.
    pub room: Option<[Capacity; 4]>,
    /// What it has remarked since it was opened.
    pub notes: Notes,
}

impl<T: Transport> TapeDrive<T> {
    /// Asks the drive how it and its cartridge are.
    pub fn health(&mut self) -> Result<Health, DriveError> {
        self.inquire(Action::TellHealth, |drive| {
            let supported = drive.page(log::SUPPORTED, log::supported)?.unwrap_or_default();
            let mut pages = Pages { drive, supported };
            let alerts = match pages.get(log::alerts::RESPONSE, log::alerts::response)? {
                Some(alerts) => alerts,
                None => pages.get(log::alerts::ALERTS, log::alerts::alerts)?.unwrap_or_default(),
            };
            let (new, old) = (log::compression::PAGE, log::compression::OLD_PAGE);
            let compression = match pages.get(new, |page| log::compression::decode(new, page))? {
                Some(found) => Some(found),
                None => pages.get(old, |page| log::compression::decode(old, page))?,
            };
            let cartridge = match pages.get(log::volume::PAGE, log::volume::decode)? {
                Some(life) => Some(life),
                None => pages.get(log::usage::PAGE, log::usage::decode)?,
            };
            Ok(Health {
                doing: pages.get(log::device_status::PAGE, log::device_status::decode)?,
                alerts,
                advice: pages.get(log::recovery::PAGE, log::recovery::decode)?.unwrap_or_default(),
                writing: pages.errors(log::errors::WRITE)?,
                reading: pages.errors(log::errors::READ)?,
                through: pages.get(log::sequential::PAGE, log::sequential::decode)?,
                compression,
                drive: pages.get(log::statistics::PAGE, log::statistics::decode)?,
                cartridge,
                room: pages.get(log::capacity::PAGE, log::capacity::decode)?,
                notes: pages.drive.notes,
            })
        })
    }

    /// Asks the drive for the pages that its maker has for itself, and that no part of [`Health`] is taken from.
    pub fn maker_pages(&mut self) -> Result<Vec<Figure>, DriveError> {
        let maker = Maker::of_drive(&self.identify()?.vendor);
        self.inquire(Action::TellHealth, |drive| {
            let supported = drive.page(log::SUPPORTED, log::supported)?.unwrap_or_default();
            let mut pages = Pages { drive, supported };
            let read = [log::usage::PAGE, log::capacity::PAGE, log::compression::OLD_PAGE];
            let mut figures = Vec::new();
            for page in maker::PAGES.map(PageCode::page).filter(|page| !read.contains(page)) {
                let told = pages.get(page, |bytes| maker::decode(maker, page, bytes))?;
                figures.extend(told.unwrap_or_default());
            }
            Ok(figures)
        })
    }

    /// What the drive is doing. It answers while the tape moves; one that does not know the page says nothing.
    pub(super) fn doing(&mut self) -> Result<Option<DeviceStatus>, Problem> {
        self.page(log::device_status::PAGE, log::device_status::decode)
    }

    fn page<R>(
        &mut self,
        code: PageCode,
        decode: impl FnOnce(&[u8]) -> Result<R, BadReply>,
    ) -> Result<Option<R>, Problem> {
        let mut reply = vec![0; usize::from(ROOM)];
        let refusal = match self.ask(log_sense(code, 0, ROOM), Data::In(&mut reply)) {
            Ok(done) => {
                let said = decode(reply.get(..done.moved).unwrap_or(&reply));
                return Ok(said
                    .inspect_err(|error| {
                        tracing::info!(drive = %self.name, page = %code, %error, "left out a log page");
                    })
                    .ok());
            }
            Err(refusal) => refusal,
        };
        if refusal.is_unknown_to_the_drive() || refusal.unready().is_some() {
            return Ok(None);
        }
        Err(refusal.into())
    }
}

/// Enough for any page of a drive, and little enough for any adapter.
const ROOM: u16 = 16 << 10;

/// The pages that a drive has.
struct Pages<'a, T: Transport> {
    drive: &'a mut TapeDrive<T>,
    supported: Vec<PageCode>,
}

impl<T: Transport> Pages<'_, T> {
    fn get<R>(
        &mut self,
        code: PageCode,
        decode: impl FnOnce(&[u8]) -> Result<R, BadReply>,
    ) -> Result<Option<R>, Problem> {
        if self.supported.contains(&code) { self.drive.page(code, decode) } else { Ok(None) }
    }

    fn errors(&mut self, code: PageCode) -> Result<Option<Errors>, Problem> {
        self.get(code, |page| log::errors::decode(code, page))
    }
}
