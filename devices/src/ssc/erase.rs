//! Erasing: the end of data is set at the beginning of the medium.
//!
//! It takes seconds, and nothing can be read any more by any drive; a laboratory could. Overwriting all of a medium
//! takes as long as writing it, and of an LTO-9 cartridge more than a day: that is for a shredder.

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::During;
use crate::scsi::cdb::Answered;
use crate::scsi::cdb::ssc::{Erasure, erase_6};
use crate::transport::{Data, Transport};

impl<T: Transport> TapeDrive<T> {
    /// Makes the medium blank. The tape then stands at its beginning.
    pub fn erase(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::Erase, |drive| {
            drive.afresh(|drive| {
                drive.go(crate::Position::BEGINNING)?;
                // The drive is asked, not believed: nothing is erased at a place that is not proved.
                let at = drive.at.ok_or(Problem::NoPosition)?;
                drive.prove(at)?;
                let erase = erase_6(Erasure::Short, Answered::WhenDone);
                drive.command(erase, During::Write, Data::None)?;
                drive.forget_medium();
                drive.go(crate::Position::BEGINNING)
            })
        })
    }
}
