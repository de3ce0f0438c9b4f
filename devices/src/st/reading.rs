//! Reading behind the tape driver: blocks, filemarks, and what looks like a failure and is none.

use std::io;

use nix::errno::Errno;
use types::BlockSize;

use super::kernel::Op;
use super::{Last, Over, StDrive, StTrouble, is};
use crate::drive::{Met, Trouble};

impl StDrive {
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Met, StTrouble> {
        self.standing()?;
        if self.last != Last::Moved {
            self.last = Last::MetTheEnd;
            return Ok(Met::EndOfData);
        }
        self.asked = false;
        match self.take(buffer) {
            Ok(0) if self.status()?.end_of_data => self.met_the_end(),
            Ok(0) => self.step(Over::Filemark).map(|()| Met::Filemark),
            Ok(length) => self.step(Over::Block).map(|()| Met::Block(length)),
            Err(error) if is(&error, Errno::ENOMEM) => Err(self.too_long(buffer.len(), error)),
            Err(error) if is(&error, Errno::EIO) && self.at_end_of_data() => self.met_the_end(),
            Err(error) => Err(self.why(error)),
        }
    }

    /// Reads. A buffer longer than the drive's longest block is refused before anything moves: no block is as
    /// long, so half of it will do.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let room = buffer.len().min(self.room);
            match self.kernel.read(&mut buffer[..room]) {
                Err(error) if is(&error, Errno::EINVAL) && room > self.block.len() => {
                    self.room = self.block.len().max(room / 2);
                }
                other => return other,
            }
        }
    }

    fn met_the_end(&mut self) -> Result<Met, StTrouble> {
        self.last = Last::MetTheEnd;
        Ok(Met::EndOfData)
    }

    /// Whether the read that failed was one behind the data.
    fn at_end_of_data(&mut self) -> bool {
        let stopped = self.kernel.operate(Op::ForwardBlocks, 1).is_err();
        stopped && self.kernel.status().is_ok_and(|status| status.end_of_data)
    }

    /// The driver passed over a block because it does not fit. How long is it?
    fn too_long(&mut self, room: usize, error: io::Error) -> StTrouble {
        let mut buffer = vec![0; BlockSize::LARGEST.len()];
        let back = self.kernel.operate(Op::BackBlocks, 1);
        match back.and_then(|()| self.take(&mut buffer)) {
            Ok(block) if block > room => Trouble::BlockTooLong { block, buffer: room }.into(),
            _ => self.io(error),
        }
    }
}
