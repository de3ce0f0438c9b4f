//! What a drive can do, and how it is set now. Nothing is changed by asking, and an empty drive answers, too.

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::ssc::{DensitiesOf, read_block_limits, report_density_support};
use crate::scsi::page::block_limits::{self, BlockLimits};
use crate::scsi::page::density::{self, Format};
use crate::scsi::page::protection::{Method, offers};
use crate::scsi::page::{mode, vpd};
use crate::transport::{Data, Transport};

/// What a drive can do. What it does not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// How long blocks may be.
    pub blocks: Option<BlockLimits>,
    /// The formats that it can read, some of which it can write.
    pub formats: Vec<Format>,
    /// Whether it compresses.
    pub compression: Option<Compressing>,
    /// The ways in which blocks can be protected on their way.
    pub checks: Vec<Method>,
    /// Whether it can encrypt with AES-256-GCM.
    pub encrypts: Option<bool>,
}

/// Whether a drive compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compressing {
    /// It cannot.
    Never,
    /// It can, and does not.
    Off,
    /// It does.
    On,
}

impl<T: Transport> TapeDrive<T> {
    /// Asks the drive what it can do. A question that the drive refuses has no answer, and the others do.
    pub fn abilities(&mut self) -> Result<Abilities, DriveError> {
        self.inquire(Action::Identify, |drive| {
            Ok(Abilities {
                blocks: told(drive.block_limits())?,
                formats: told(drive.formats())?.unwrap_or_default(),
                compression: told(drive.compressing())?.flatten(),
                checks: told(drive.offers())?.unwrap_or_default(),
                encrypts: told(drive.algorithm())?.map(|known| known.is_some()),
            })
        })
    }

    fn block_limits(&mut self) -> Result<BlockLimits, Problem> {
        let mut reply = [0; block_limits::LENGTH];
        let moved = self.ask(read_block_limits(), Data::In(&mut reply))?.moved;
        Ok(block_limits::decode(reply.get(..moved).unwrap_or(&reply))?)
    }

    fn formats(&mut self) -> Result<Vec<Format>, Problem> {
        let mut reply = vec![0; usize::from(density::ROOM)];
        let ask = report_density_support(DensitiesOf::Drive, density::ROOM);
        let moved = self.ask(ask, Data::In(&mut reply))?.moved;
        Ok(density::decode(reply.get(..moved).unwrap_or(&reply))?)
    }

    fn compressing(&mut self) -> Result<Option<Compressing>, Problem> {
        let Some(found) = self.sense(mode::compression::PAGE)? else { return Ok(None) };
        let page = mode::compression::Compression::decode(found.page())?;
        Ok(Some(match (page.possible(), page.compresses()) {
            (false, _) => Compressing::Never,
            (true, false) => Compressing::Off,
            (true, true) => Compressing::On,
        }))
    }

    fn offers(&mut self) -> Result<Vec<Method>, Problem> {
        let found = self.vital(vpd::PROTECTION, offers)?.unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| one.writing && one.reading)
            .map(|one| one.method)
            .collect())
    }
}

/// A refusal, or an answer that makes no sense, is no answer; a drive that is gone is an error.
fn told<R>(answer: Result<R, Problem>) -> Result<Option<R>, Problem> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Problem::Refused(refusal))
            if refusal.is_unknown_to_the_drive() || refusal.unready().is_some() =>
        {
            Ok(None)
        }
        Err(Problem::Reply(_)) => Ok(None),
        Err(other) => Err(other),
    }
}
