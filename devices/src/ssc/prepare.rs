//! What has to be so before anything is written or read: the drive is ready, takes our blocks, and is set as we
//! want it. It is done before the first command, and again whenever something has put it in doubt.

use types::Bytes;

use super::check::Check;
use super::{Introduced, MOST_ATTENTIONS, Problem, Setup, TapeDrive};
use crate::drive::Trouble;
use crate::scsi::During;
use crate::scsi::cdb::spc::test_unit_ready;
use crate::scsi::cdb::ssc::read_block_limits;
use crate::scsi::judge::Unready;
use crate::scsi::page::block_limits;
use crate::transport::{Data, Transport};

/// How the drive is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Whether a check value travels behind each block.
    pub check: Check,
    /// The longest block that the drive takes, if it has a limit.
    pub longest: Option<usize>,
}

impl<T: Transport> TapeDrive<T> {
    /// Does all that has to be done, unless it was and still holds.
    pub(super) fn prepare(&mut self) -> Result<(), Problem> {
        if self.prepared.is_some() {
            return Ok(());
        }
        self.expect_ready()?;
        if self.introduced == Introduced::NotYet {
            self.ask_for_timeouts();
            self.introduced = Introduced::Done;
        }
        let longest = self.check_blocks()?;
        let check = self.set_modes()?;
        self.apply_encryption()?;
        self.prepared = Some(Prepared { check, longest });
        Ok(())
    }

    /// Takes all attentions that are waiting, and wants the drive to be ready.
    fn expect_ready(&mut self) -> Result<(), Problem> {
        let mut attentions = 0;
        loop {
            match self.command(test_unit_ready(), During::Other, Data::None) {
                Ok(_) => return Ok(()),
                Err(refusal) if refusal.attention().is_some() && attentions < MOST_ATTENTIONS => {
                    attentions += 1;
                }
                Err(refusal) if refusal.unready() == Some(Unready::NoMedium) => {
                    return Err(Trouble::NoCartridge.into());
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// The drive, and the way to it, must take blocks of the length that is wanted. Says how long the drive's may
    /// be.
    fn check_blocks(&mut self) -> Result<Option<usize>, Problem> {
        let mut reply = [0; block_limits::LENGTH];
        let moved = self.ask(read_block_limits(), Data::In(&mut reply))?.moved;
        let limits = block_limits::decode(reply.get(..moved).unwrap_or(&reply))?;
        let most = limits.most.map_or(Bytes::ZERO, |most| Bytes(most.into()));
        fits(&self.setup, "the drive", Bytes(limits.least.into()), most)?;
        let adapter = Bytes::of(self.transport.longest());
        fits(&self.setup, "the adapter of this host", Bytes(1), adapter)?;
        Ok(limits.most.and_then(|most| usize::try_from(most).ok()))
    }
}

/// Zero as the longest means that there is no limit.
fn fits(setup: &Setup, who: &'static str, least: Bytes, most: Bytes) -> Result<(), Problem> {
    let wanted = setup.block.bytes();
    if wanted < least || (most > Bytes::ZERO && wanted > most) {
        return Err(Problem::BlockLimits { wanted, who, least, most });
    }
    Ok(())
}
