//! A drive opened, and opened anew, behind the tape driver: what has to be so before it is believed.

use super::kernel::{self, Op};
use super::{Last, StDrive, StTrouble};
use crate::drive::{Position, Trouble};

impl StDrive {
    /// Before a move: the drive is open, and the driver will not end the file by itself.
    pub(super) fn settle(&mut self) -> Result<(), StTrouble> {
        self.disarm();
        // Counting goes on from where the medium stands: if that is not so, from the beginning.
        let sure = self.at.is_some() && self.ask().is_ok();
        (self.asked, self.near_end, self.unflushed) = (false, false, false);
        self.last = Last::Moved;
        if sure { Ok(()) } else { self.start_over() }
    }

    /// Any operation but the harmless ones makes the driver forget that it was writing. This one only tells the
    /// drive that its door may be opened.
    pub(super) fn disarm(&mut self) {
        if std::mem::take(&mut self.armed)
            && let Err(error) = self.kernel.operate(Op::Unlock, 1)
        {
            tracing::debug!(drive = %self.name, %error, "the tape driver could not be disarmed");
        }
    }

    /// Opens the drive anew, and goes before the label.
    pub(super) fn start_over(&mut self) -> Result<(), StTrouble> {
        self.seen.clear();
        self.kernel.reopen()?;
        self.check_ready()?;
        self.check_options()?;
        self.operate(Op::BlockLength, 0)?;
        self.before_the_label()
    }

    fn check_ready(&mut self) -> Result<(), StTrouble> {
        let status = self.status()?;
        self.write_protected = status.write_protected;
        match (status.online, status.empty) {
            (true, _) => Ok(()),
            (false, true) => Err(Trouble::NoCartridge.into()),
            (false, false) => Err(StTrouble::NotReady),
        }
    }

    fn check_options(&mut self) -> Result<(), StTrouble> {
        if let Err(error) = self.kernel.set_options() {
            tracing::debug!(drive = %self.name, %error, "the options of the tape driver stay");
        }
        match self.kernel.options().and_then(kernel::Options::unwanted) {
            Some(option) => {
                Err(StTrouble::Option { path: self.kernel.path().display().to_string(), option })
            }
            None => Ok(()),
        }
    }

    pub(super) fn before_the_label(&mut self) -> Result<(), StTrouble> {
        self.operate(Op::Rewind, 1)?;
        let logical = self.kernel.options().is_some_and(kernel::Options::logical);
        let tells = logical && self.kernel.object().is_ok_and(|object| object == 0);
        self.stand(Position::BEGINNING, tells.then_some(0));
        Ok(())
    }
}
