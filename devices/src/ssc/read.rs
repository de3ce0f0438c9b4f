//! Reading: what is met at the place where the tape stands.
//!
//! The drive is asked to tell of blocks that are shorter than the buffer, rather than to leave it to the count of
//! bytes that travelled: adapters and bridges are known to get that count wrong, and sense data come from the
//! drive itself.

use super::{Buffered, Problem, Stand, TapeDrive};
use crate::drive::{Met, Trouble};
use crate::scsi::During;
use crate::scsi::cdb::U24;
use crate::scsi::cdb::ssc::{ShortBlocks, Transfer, read_6};
use crate::scsi::judge::{Answer, Reason};
use crate::transport::{Data, Transport};

impl<T: Transport> TapeDrive<T> {
    /// Takes the next block, or says what is there instead.
    pub(super) fn read(&mut self, at: Stand, buffer: &mut [u8]) -> Result<Met, Problem> {
        let room = buffer.len();
        let met = self.with_room(buffer, |drive, room| drive.fetch(room))?;
        match met {
            Fetched::Block(length) => {
                self.at = Some(at.behind_a_block());
                Ok(Met::Block(length))
            }
            Fetched::TooLong(block) => Err(Trouble::BlockTooLong { block, buffer: room }.into()),
            Fetched::Filemark => {
                let behind = at.behind_a_mark();
                self.starts.seen(behind.place.file, behind.object);
                self.at = Some(behind);
                Ok(Met::Filemark)
            }
            Fetched::EndOfData => {
                self.at = Some(at);
                Ok(Met::EndOfData)
            }
        }
    }

    /// One READ. Whatever was buffered is written first, and if that fails it shows here.
    fn fetch(&mut self, room: &mut [u8]) -> Result<Fetched, Problem> {
        let longest = self.longest_read().min(MOST);
        let most = room.len().min(longest);
        let room = room.get_mut(..most).unwrap_or_default();
        let asked = room.len();
        let length = U24::try_from(asked).unwrap_or(U24::MAX);
        let read = read_6(Transfer::Block(length), ShortBlocks::Told);
        let answer = match self.command(read, During::Read, Data::In(room)) {
            Ok(reply) => reply.answer,
            // Nothing was ever written here, or the end of what was is missing: for a reader it is the end.
            Err(refusal) if refusal.reason() == Some(Reason::NoEndOfData) => {
                return Ok(Fetched::EndOfData);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        self.buffered = Buffered::Nothing;
        let shorter = |missing: u64| {
            let missing = usize::try_from(missing).ok();
            missing.and_then(|missing| asked.checked_sub(missing))
        };
        let length = match answer {
            Answer::Done => Some(asked),
            Answer::ShortBlock { missing } => shorter(missing),
            // Near the end of the medium, if the drive is set to say so when it reads.
            Answer::EarlyWarning { left } | Answer::ProgrammableEarlyWarning { left } => {
                shorter(left.unwrap_or(0).unsigned_abs())
            }
            Answer::LongBlock { excess } => {
                let excess = usize::try_from(excess).unwrap_or(usize::MAX);
                return Ok(Fetched::TooLong(asked.saturating_add(excess)));
            }
            Answer::Filemark { .. } => return Ok(Fetched::Filemark),
            Answer::EndOfData { .. } => return Ok(Fetched::EndOfData),
            other => return Err(Problem::Odd(format!("{other:?}"))),
        };
        length.map(Fetched::Block).ok_or_else(|| Problem::Odd(format!("{answer:?}")))
    }
}

/// READ(6) has 24 bits for a length.
const MOST: usize = 0x00ff_ffff;

/// What a READ found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// A block of this length.
    Block(usize),
    /// A block of this length, for which there was no room.
    TooLong(usize),
    /// A filemark; the tape stands behind it.
    Filemark,
    /// The end of data.
    EndOfData,
}
