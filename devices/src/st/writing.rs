//! Writing behind the tape driver: blocks and filemarks, and where they must not go.
//!
//! Every file begins with a question: nothing may be written over what somebody else has moved the tape to.

use nix::errno::Errno;

use super::kernel::Op;
use super::{Last, Over, StDrive, StTrouble, Standing, is};
use crate::drive::{Position, Trouble, Wrote};

impl StDrive {
    pub(super) fn write(&mut self, block: &[u8]) -> Result<Wrote, StTrouble> {
        self.standing()?;
        let (length, wanted) = (block.len(), self.block.len());
        if length != wanted {
            return Err(Trouble::BlockLength { length, wanted }.into());
        }
        self.before_writing()?;
        let Some(taken) = self.give(block)? else { return Ok(Wrote::Nothing) };
        if taken != length {
            return Err(StTrouble::Short { taken, length });
        }
        self.step(Over::Block)?;
        self.near_end |= self.status()?.near_end;
        Ok(if self.near_end { Wrote::BlockNearEnd } else { Wrote::Block })
    }

    /// Gives the driver a block, twice if it must be. None: the medium is full.
    fn give(&mut self, block: &[u8]) -> Result<Option<usize>, StTrouble> {
        for _ in 0..2 {
            match self.kernel.write(block) {
                Ok(taken) => return Ok(Some(taken)),
                Err(error) if is(&error, Errno::ENOSPC) => self.near_end = true,
                Err(error) => return Err(self.why(error)),
            }
        }
        Ok(None)
    }

    /// The drive must stand where we think, or it would write over something.
    fn before_writing(&mut self) -> Result<(), StTrouble> {
        if self.write_protected {
            return Err(StTrouble::WriteProtected);
        }
        if !self.asked {
            self.ask()?;
            self.asked = true;
        }
        let Standing { position, .. } = self.standing()?;
        self.seen.split_off(&position.file.next());
        self.recalled.split_off(&position.file.next());
        (self.armed, self.unflushed, self.last) = (true, true, Last::Wrote);
        Ok(())
    }

    pub(super) fn mark(&mut self) -> Result<(), StTrouble> {
        self.standing()?;
        self.before_writing()?;
        self.operate(Op::MarkQueued, 1)?;
        self.armed = false;
        self.step(Over::Filemark)?;
        self.asked = false;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<Position, StTrouble> {
        self.standing()?;
        if self.unflushed {
            self.operate(Op::Mark, 0)?;
            (self.armed, self.unflushed) = (false, false);
        }
        self.ask()?;
        Ok(self.standing()?.position)
    }
}
