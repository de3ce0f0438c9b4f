//! Writing: blocks, filemarks, and the flush that makes them certain.
//!
//! ```text
//!  answer to WRITE                      means                            is
//!  good                                 it is in the drive               Block
//!  early warning, programmable or not   it is in the drive, end near     BlockNearEnd, from now on
//!  volume overflow                      it is not                        Nothing, once the position is proved
//!  anything else                        who knows                        an error, and no position
//! ```
//!
//! Drives tell of a programmed distance from the end only once, so the warning is remembered until the tape goes
//! back before the place where it came.

use types::{Bytes, ObjectNo};

use super::{Buffered, Problem, Stand, TapeDrive};
use crate::drive::{Action, DriveError, Position, Trouble, Wrote};
use crate::scsi::During;
use crate::scsi::cdb::ssc::{Transfer, write_6, write_filemarks};
use crate::scsi::cdb::{Answered, U24};
use crate::scsi::judge::Answer;
use crate::transport::{Data, Transport};

/// What a drive said to a block with a wrong check value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// It refused it, as it should.
    Refused,
    /// It took it.
    Taken,
    /// Nothing was sent: no check values travel to this drive.
    Unchecked,
}

/// So much is written at most until the drive is asked where it stands. It answers at once, and the tape streams on.
const PROVE_EVERY: Bytes = Bytes(1 << 30);

impl<T: Transport> TapeDrive<T> {
    /// Writes one block where the tape stands.
    pub(super) fn write(&mut self, at: Stand, block: &[u8]) -> Result<Wrote, Problem> {
        let (length, wanted) = (block.len(), self.setup.block.len());
        if length != wanted {
            return Err(Trouble::BlockLength { length, wanted }.into());
        }
        self.begin_writing(at)?;
        match self.send_block(block)? {
            Answer::Done => Ok(self.took_block(at)),
            Answer::EarlyWarning { left: None | Some(0) }
            | Answer::ProgrammableEarlyWarning { left: None | Some(0) } => {
                self.warned.get_or_insert(at.object);
                Ok(self.took_block(at))
            }
            // A warning with something left is what some targets say at the very end.
            Answer::Full { .. }
            | Answer::EarlyWarning { .. }
            | Answer::ProgrammableEarlyWarning { .. } => self.refused_block(at),
            other => Err(Problem::Odd(format!("{other:?}"))),
        }
    }

    /// Writes a block with a wrong check value, to see whether the drive looks at it. Afterwards the position is
    /// unknown, and a drive that took it has a block more.
    pub fn write_spoilt(&mut self, block: &[u8]) -> Result<Spoilt, DriveError> {
        self.attempt(Action::WriteBlock, |drive| {
            drive.in_place(|drive, at| {
                drive.begin_writing(at)?;
                let Some(mut data) = drive.checked(block) else { return Ok(Spoilt::Unchecked) };
                if let Some(last) = data.last_mut() {
                    *last ^= 1;
                }
                let length = U24::try_from(data.len()).unwrap_or(U24::MAX);
                let write = write_6(Transfer::Block(length));
                let reply = drive.command(write, During::Write, Data::Out(&data));
                drive.give_back(data);
                match reply {
                    Ok(_) => Ok(Spoilt::Taken),
                    Err(refusal)
                        if refusal.attention().is_some() || refusal.verdict().is_none() =>
                    {
                        Err(refusal.into())
                    }
                    Err(_) => Ok(Spoilt::Refused),
                }
            })
        })
        .inspect(|_| self.at = None)
    }

    fn send_block(&mut self, block: &[u8]) -> Result<Answer, Problem> {
        let checked = self.checked(block);
        let data = checked.as_deref().unwrap_or(block);
        let length = U24::try_from(data.len()).unwrap_or(U24::MAX);
        let reply = self.command(write_6(Transfer::Block(length)), During::Write, Data::Out(data));
        if let Some(buffer) = checked {
            self.give_back(buffer);
        }
        Ok(reply?.answer)
    }

    /// Before anything is written at the start of a file, the drive has to say that it stands there: the tape
    /// may have been moved since the last command, by somebody else. In the middle of a file that cannot be asked
    /// before each block, so it is asked again and again, to lose no more than that.
    fn begin_writing(&mut self, at: Stand) -> Result<(), Problem> {
        self.prove_start(at)?;
        if at.place.block == 0 || self.unproven >= PROVE_EVERY {
            self.prove(at)?;
            self.unproven = Bytes::ZERO;
        }
        if self.warned.is_some_and(|warned| at.object < warned) {
            self.warned = None;
        }
        self.starts.forget_behind(at.place.file);
        self.buffered = Buffered::Something;
        Ok(())
    }

    /// Where the file begins may be known only from the catalogue. To read there does no harm; before anything
    /// is written the marks are asked.
    fn prove_start(&mut self, at: Stand) -> Result<(), Problem> {
        if self.starts.of(at.place.file).is_some() {
            return Ok(());
        }
        let start = self.start_of(at.place.file, at.object)?;
        let wanted = at.object.0.saturating_sub(at.place.block);
        if start.0 != wanted {
            return Err(Problem::Moved { found: start.0, wanted });
        }
        self.at = Some(at);
        Ok(())
    }

    fn took_block(&mut self, at: Stand) -> Wrote {
        self.unproven += self.setup.block.bytes();
        self.at = Some(at.behind_a_block());
        if self.warned.is_some() { Wrote::BlockNearEnd } else { Wrote::Block }
    }

    /// The medium is full. The block is not there, but all before it must be.
    fn refused_block(&mut self, at: Stand) -> Result<Wrote, Problem> {
        self.warned.get_or_insert(at.object);
        let told = self.tell()?;
        if told.object == at.behind_a_block().object {
            return Ok(self.took_block(at));
        }
        if told.object != at.object {
            return Err(Problem::NotDurable { durable: told.object, given: at.object });
        }
        self.at = Some(at);
        Ok(Wrote::Nothing)
    }

    /// Ends the file, if all of it stands where it should.
    pub(super) fn mark(&mut self, at: Stand) -> Result<(), Problem> {
        self.begin_writing(at)?;
        if self.unproven > Bytes::ZERO {
            self.prove(at)?;
            self.unproven = Bytes::ZERO;
        }
        let mark = write_filemarks(U24::ONE, Answered::AtOnce);
        self.write_marks(mark, at.object)?;
        let behind = at.behind_a_mark();
        self.starts.seen(behind.place.file, behind.object);
        self.at = Some(behind);
        Ok(())
    }

    fn write_marks(&mut self, cdb: crate::scsi::Cdb, at: ObjectNo) -> Result<(), Problem> {
        match self.command(cdb, During::Mark, Data::None)?.answer {
            Answer::Done => Ok(()),
            Answer::EarlyWarning { .. } | Answer::ProgrammableEarlyWarning { .. } => {
                self.warned.get_or_insert(at);
                Ok(())
            }
            Answer::Full { .. } => Err(Problem::NoRoomForMark),
            other => Err(Problem::Odd(format!("{other:?}"))),
        }
    }

    /// Waits until all is on the medium, and proves it.
    pub(super) fn bring_to_the_medium(&mut self, at: Stand) -> Result<Position, Problem> {
        if self.buffered == Buffered::Nothing {
            self.prove(at)?;
            return Ok(at.place);
        }
        self.write_marks(write_filemarks(U24::default(), Answered::WhenDone), at.object)?;
        let told = self.tell_buffered()?;
        let first = told.object.ok_or(Problem::NoPosition)?;
        if first != at.object {
            return Err(Problem::Moved { found: first.0, wanted: at.object.0 });
        }
        // With nothing in the buffer some drives do not care to say what comes next from it.
        let durable = if told.buffered == Some(0) { Some(first) } else { told.durable };
        let durable = durable.ok_or(Problem::NoPosition)?;
        if durable != at.object {
            return Err(Problem::NotDurable { durable, given: at.object });
        }
        self.buffered = Buffered::Nothing;
        Ok(at.place)
    }
}
