//! An LTO drive: logical units 1 and up.
//!
//! A [`DriveUnit`] is what the drive remembers between commands, a [`Turn`] is one command at it: the drive, what is
//! in it, who asks. Each subject is a file that says what the drive does in a turn about that subject.

mod stream;

use std::collections::BTreeSet;
use std::time::Duration;

use super::ask::Ask;
use super::cartridge::{BadSpot, Cartridge, Stretch};
use super::complaint::{Complaint, Detail, Outcome, Refusal, Reply, key};
use super::events::MEDIUM_MAY_HAVE_CHANGED;
use super::faults::Act;
use super::generation::Access;
use super::setup::{DriveModel, PowerCut};
use super::world::{Desk, request_sense};
use super::{Nexus, Pace};

use stream::Stream;
pub use stream::Streaming;

/// What a drive remembers between commands.
#[derive(Clone, Debug)]
pub(crate) struct DriveUnit {
    pub(crate) model: DriveModel,
    pub(crate) serial: String,
    pub(crate) number: u16,
    pub(crate) seat: Seat,
    pub(crate) at: At,
    pub(crate) stream: Stream,
    prevented: BTreeSet<Nexus>,
}

/// Where a cartridge is in its drive, and what happens to it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Empty,
    /// It will be threaded at this time.
    Loading(Duration),
    /// Threaded, and being measured until this time.
    Calibrating {
        since: Duration,
        until: Duration,
    },
    Threaded,
    /// In the drive and not threaded: the chip can be read.
    Held,
    /// In the mouth of the drive: the robot, or a person, can take it.
    Ejected,
    /// It cleans the drive until this time.
    Cleaning(Duration),
    /// The drive does not want it, and says why.
    Refused(Complaint),
}

/// Where the tape stands: before this object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) partition: u8,
    pub(crate) object: u64,
}

/// One command at a drive.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) drive: &'a mut DriveUnit,
    pub(crate) cartridge: &'a mut Option<Box<Cartridge>>,
    pub(crate) desk: &'a mut Desk,
    pub(crate) power_cut: PowerCut,
    pub(crate) ask: Ask<'a>,
}

impl DriveUnit {
    pub(crate) fn new(model: DriveModel, number: u16) -> Self {
        Self {
            stream: Stream::new(model.generation.facts(), model.half_height),
            serial: format!("RKD{:07}", 100 + number),
            model,
            number,
            seat: Seat::Empty,
            at: At::default(),
            prevented: BTreeSet::new(),
        }
    }

    /// Whether some host wants the cartridge to stay.
    pub(crate) fn removal_prevented(&self) -> bool {
        !self.prevented.is_empty()
    }

    /// This host does not mind any more.
    pub(crate) fn unlock(&mut self, nexus: Nexus) {
        self.prevented.remove(&nexus);
    }

    /// As it is when the power comes on.
    pub(crate) fn power_on(&mut self) {
        self.seat = Seat::Empty;
    }
}

impl Turn<'_> {
    /// Carries out the command.
    pub(crate) fn execute(&mut self) -> Reply {
        match self.ask.opcode() {
            0x00 => self.ready().map(|()| Outcome::done()).map_err(Refusal::from),
            0x03 => {
                let sense = match self.ready() {
                    Ok(()) => Complaint::new(key::NO_SENSE, 0, 0),
                    Err(complaint) => complaint,
                };
                Ok(request_sense(&self.ask, &sense))
            }
            _ => Err(Complaint::no_such_command().into()),
        }
    }

    /// Time has gone on since the last command: what was to happen by itself has happened.
    pub(crate) fn catch_up(&mut self, began: Duration, pace: Pace) {
        self.drive.stream.elapse(began);
        if pace == Pace::Instant
            && let Seat::Loading(until) | Seat::Calibrating { until, .. } | Seat::Cleaning(until) =
                self.drive.seat
        {
            self.desk.now = self.desk.now.max(until);
        }
    }

    pub(crate) fn begin_load(&mut self) {
        let load = Duration::from_secs(self.drive.model.generation.facts().load_s);
        self.drive.seat = Seat::Loading(self.desk.now + load);
    }

    /// Whether the cartridge can be taken out.
    pub(crate) fn releases(&mut self) -> bool {
        matches!(self.drive.seat, Seat::Empty | Seat::Ejected | Seat::Refused(_))
    }

    pub(crate) fn removed(&mut self) {
        self.drive.seat = Seat::Empty;
    }

    /// What stood in the buffer is lost.
    pub(crate) fn lose_buffer(&mut self) {}

    /// Something is done to the drive from outside.
    pub(crate) fn suffer(&mut self, _act: &Act) {}

    /// All that a reset takes away.
    pub(crate) fn reset(&mut self) {
        self.lose_buffer();
        self.drive.prevented.clear();
        self.drive.at = At::default();
    }

    /// Bytes 18 and up of fixed sense.
    pub(crate) fn sense_tail(&self) -> Vec<u8> {
        vec![0; 78]
    }

    /// Whether the tape can be used.
    fn ready(&self) -> Result<(), Complaint> {
        match &self.drive.seat {
            Seat::Threaded => Ok(()),
            Seat::Empty | Seat::Ejected => Err(Complaint::no_medium()),
            Seat::Held => Err(Complaint::new(key::NOT_READY, 0x3a, 0x04)),
            Seat::Loading(_) => Err(Complaint::new(key::NOT_READY, 0x04, 0x01)),
            Seat::Calibrating { .. } => Err(Complaint::new(key::NOT_READY, 0x04, 0x01)),
            Seat::Cleaning(_) => Err(Complaint::new(key::NOT_READY, 0x30, 0x03)),
            Seat::Refused(complaint) => Err(complaint.clone()),
        }
    }
}
