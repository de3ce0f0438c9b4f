//! From a cartridge that was just put in to a drive that can be used, and back.
//!
//! ```text
//!  Empty ──(robot, hand)──► NotThreaded ──load──► Loading ──► Calibrating ──► Ready ──unload──► Empty
//!                                                   └── seconds ──┴─ up to two hours, once in a cartridge's life
//! ```
//!
//! An LTO-9 cartridge is measured by the first drive that it meets, for 20 minutes to 2 hours, and all that time
//! the drive is merely "becoming ready". So waiting has no end of its own: whoever waits is told the state again
//! and again, and says whether it is worth it.

use std::fmt;
use std::time::Duration;

use super::{MOST_ATTENTIONS, Problem, Refusal, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::During;
use crate::scsi::cdb::Answered;
use crate::scsi::cdb::spc::{Removal, removal, test_unit_ready};
use crate::scsi::cdb::ssc::{Loading, load_unload};
use crate::scsi::judge::{Reason, Unready};
use crate::scsi::page::log::device_status::Activity;
use crate::transport::{Data, Transport, Wait};

/// What a drive is doing, as far as its readiness goes. Numbers are percents, if the drive says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can be written and read.
    Ready,
    /// No cartridge is in it.
    Empty,
    /// It threads the medium.
    Loading(Option<u8>),
    /// It measures a cartridge that is new. It may not be unloaded until that is done.
    Calibrating(Option<u8>),
    /// It formats the medium.
    Formatting(Option<u8>),
    /// A cartridge is in it, and has to be loaded.
    NotThreaded,
    /// A cleaning cartridge is in it.
    Cleaning,
    /// A person is wanted.
    Manual(String),
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, percent) = match self {
            Self::Ready => ("ready", None),
            Self::Empty => ("empty", None),
            Self::Loading(percent) => ("loading", *percent),
            Self::Calibrating(percent) => ("calibrating a new cartridge", *percent),
            Self::Formatting(percent) => ("formatting", *percent),
            Self::NotThreaded => ("not loaded, with a cartridge in it", None),
            Self::Cleaning => ("being cleaned", None),
            Self::Manual(words) => return f.write_str(words),
        };
        f.write_str(what)?;
        percent.map_or(Ok(()), |percent| write!(f, ", {percent} % done"))
    }
}

/// What LOAD does with the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// It is threaded, to be written and read.
    Threaded,
    /// It is not: the memory of the cartridge can be read, and nothing wears.
    Held,
}

impl<T: Transport> TapeDrive<T> {
    /// Says whether the drive can be used, and if not, why.
    pub fn ready(&mut self) -> Result<Readiness, DriveError> {
        self.inquire(Action::SayReady, Self::readiness)
    }

    /// Waits until the drive is ready, as long as `ask` says that it is worth it. What comes back is the state
    /// in which the waiting ended.
    ///
    /// `ask` is told every state but [`Readiness::Ready`]. A drive that was just given a cartridge by a robot may
    /// be [`Readiness::Empty`] for some seconds.
    pub fn wait_until_ready(
        &mut self,
        ask: &mut dyn FnMut(&Readiness) -> Wait,
    ) -> Result<Readiness, DriveError> {
        let mut asked = 0;
        loop {
            let state = self.ready()?;
            if state == Readiness::Ready || ask(&state) == Wait::GiveUp {
                return Ok(state);
            }
            asked += 1;
            self.transport.pause(interval(&state, asked));
        }
    }

    /// Begins to load the cartridge that is in the drive. Loading goes on when this returns:
    /// [`Self::wait_until_ready`].
    pub fn load(&mut self, threading: Threading) -> Result<(), DriveError> {
        self.attempt(Action::Load, |drive| {
            drive.forget_medium();
            drive.prepared = None;
            let how = match threading {
                Threading::Threaded => Loading::Load,
                Threading::Held => Loading::LoadAndHold,
            };
            match drive.ask(load_unload(how, Answered::AtOnce), Data::None) {
                Ok(_) => Ok(()),
                // It has begun by itself.
                Err(refusal) if is_on_its_way(&refusal) => Ok(()),
                Err(refusal) => Err(refusal.into()),
            }
        })
    }

    /// Writes what is buffered, rewinds, and gives the cartridge out. It takes up to a quarter of an hour. A
    /// drive that is empty is content.
    pub fn unload(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::Unload, |drive| {
            let unload = load_unload(Loading::Unload, Answered::WhenDone);
            let done = match drive.ask(unload, Data::None) {
                Err(refusal) if refusal.reason() == Some(Reason::RemovalPrevented) => {
                    drive.ask(removal(Removal::Allowed), Data::None)?;
                    drive.ask(unload, Data::None)
                }
                other => other,
            };
            drive.forget_medium();
            drive.prepared = None;
            match done {
                Ok(_) => Ok(()),
                Err(refusal) if refusal.unready() == Some(Unready::NoMedium) => Ok(()),
                Err(refusal) => Err(refusal.into()),
            }
        })
    }

    fn readiness(&mut self) -> Result<Readiness, Problem> {
        let mut attentions = 0;
        loop {
            let refusal = match self.command(test_unit_ready(), During::Other, Data::None) {
                Ok(_) => return Ok(Readiness::Ready),
                Err(refusal) => refusal,
            };
            match refusal.unready() {
                Some(why) => return Ok(self.state_of(why, &refusal)),
                None if refusal.attention().is_some() && attentions < MOST_ATTENTIONS => {
                    attentions += 1;
                }
                None => return Err(refusal.into()),
            }
        }
    }

    fn state_of(&mut self, why: Unready, refusal: &Refusal) -> Readiness {
        match why {
            Unready::Becoming(percent) => match self.activity() {
                Some(Activity::Calibrating) => Readiness::Calibrating(percent),
                _ => Readiness::Loading(percent),
            },
            Unready::InProgress(percent) => Readiness::Loading(percent),
            Unready::Formatting(percent) => Readiness::Formatting(percent),
            Unready::NeedsLoad | Unready::NotThreaded => Readiness::NotThreaded,
            Unready::NoMedium => Readiness::Empty,
            Unready::Cleaning => Readiness::Cleaning,
            Unready::NoMagazine | Unready::Offline | Unready::Manual | Unready::Other => {
                Readiness::Manual(refusal.words())
            }
        }
    }
}

impl<T: Transport> TapeDrive<T> {
    /// What it is about; none if it does not say.
    fn activity(&mut self) -> Option<Activity> {
        self.doing().ok().flatten().map(|doing| doing.activity)
    }
}

fn is_on_its_way(refusal: &Refusal) -> bool {
    matches!(refusal.unready(), Some(Unready::Becoming(_) | Unready::InProgress(_)))
}

/// How long to leave the drive alone, having asked so often. What takes seconds is asked for often, what takes
/// an hour seldom.
fn interval(state: &Readiness, asked: u32) -> Duration {
    match state {
        Readiness::Calibrating(_) | Readiness::Formatting(_) => Duration::from_secs(15),
        _ if asked <= 40 => Duration::from_millis(500),
        _ => Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::{Plain, sense};
    use super::super::{Setup, TapeDrive};
    use super::*;
    use crate::drive::Drive;

    fn drive(plain: &Plain) -> TapeDrive<Plain> {
        TapeDrive::new("d0".parse().unwrap(), plain.clone(), Setup::default())
    }

    #[test]
    fn every_answer_is_a_state() {
        for (key, asc, ascq, state) in [
            (2, 0x3a, 0x00, Readiness::Empty),
            (2, 0x04, 0x01, Readiness::Loading(None)),
            (2, 0x04, 0x00, Readiness::Loading(None)),
            (2, 0x04, 0x02, Readiness::NotThreaded),
            (2, 0x3a, 0x04, Readiness::NotThreaded),
            (2, 0x04, 0x04, Readiness::Formatting(None)),
            (2, 0x04, 0x07, Readiness::Loading(None)),
            (2, 0x30, 0x03, Readiness::Cleaning),
        ] {
            let plain = Plain::default();
            plain.complain(0x00, sense(6, 0x28, 0));
            plain.complain(0x00, sense(6, 0x29, 0));
            plain.complain(0x00, sense(key, asc, ascq));
            let mut drive = drive(&plain);
            assert_eq!(drive.ready().unwrap(), state, "{key:x}/{asc:02x}/{ascq:02x}");
            assert_eq!(drive.ready().unwrap(), Readiness::Ready);
        }
        let plain = Plain::default();
        plain.complain(0x00, sense(2, 0x04, 0x12));
        assert!(
            matches!(drive(&plain).ready().unwrap(), Readiness::Manual(words) if words.contains("offline"))
        );
    }

    #[test]
    fn a_new_cartridge_is_waited_for_as_long_as_it_is_worth_it() {
        let plain = Plain::default();
        plain.state().activity = Some(0x0b);
        for _ in 0..300 {
            plain.complain(0x00, sense(2, 0x04, 0x01));
        }
        let mut states = Vec::new();
        let mut drive = drive(&plain);
        let ended = drive.wait_until_ready(&mut |state| {
            states.push(state.clone());
            Wait::GoOn
        });
        assert_eq!(ended.unwrap(), Readiness::Ready);
        assert_eq!(states.len(), 300);
        assert!(states.iter().all(|state| *state == Readiness::Calibrating(None)));
        assert!(plain.state().waited > Duration::from_secs(3600), "no hour is too long");
        plain.complain(0x00, sense(2, 0x3a, 0x00));
        let ended = drive.wait_until_ready(&mut |_| Wait::GiveUp);
        assert_eq!(ended.unwrap(), Readiness::Empty);
    }

    #[test]
    fn loading_that_has_begun_by_itself_is_loading() {
        let plain = Plain::default();
        plain.complain(0x1b, sense(6, 0x28, 0));
        plain.complain(0x1b, sense(2, 0x04, 0x01));
        drive(&plain).load(Threading::Threaded).unwrap();
    }

    #[test]
    fn a_drive_that_holds_its_cartridge_back_is_let_go() {
        let plain = Plain::default();
        let mut drive = drive(&plain);
        drive.rewind().unwrap();
        plain.complain(0x1b, sense(5, 0x53, 0x02));
        drive.unload().unwrap();
        let codes: Vec<u8> = plain.state().sent.iter().map(|cdb| cdb.opcode()).collect();
        assert!(codes.ends_with(&[0x1b, 0x1e, 0x1b]), "{codes:x?}");
        assert!(drive.position().is_err(), "where another cartridge stands, nobody knows");
        plain.complain(0x1b, sense(2, 0x3a, 0));
        drive.unload().unwrap();
        plain.complain(0x1b, sense(5, 0x3a, 0));
        assert!(drive.unload().is_err(), "it calibrates, and keeps it");
    }
}
