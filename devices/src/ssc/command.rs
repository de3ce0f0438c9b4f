//! One command and what came of it.
//!
//! ```text
//!  Cdb ──► transport ──► status, sense ──judge──► Reply       what a healthy drive says
//!                                           └───► Refusal     anything else, with who is to blame
//! ```
//!
//! Notices (the drive helped itself, wants to be cleaned, will fail some day) are written down and are no errors.
//! A drive that is busy is asked again, since it has not begun. Nothing else is sent twice here.

use std::fmt;
use std::time::Duration;

use types::Blame;

use crate::scsi::judge::{Again, Answer, Attention, Failure, Position, Reason, Unready};
use crate::scsi::sense::NoSense;
use crate::scsi::{Cdb, During, Sense, Status, Verdict, judge};
use crate::transport::{Break, Completion, Data, Transport, TransportError};

use super::notes::Notes;
use super::timeouts::Timeouts;

/// What a healthy drive said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// In the words of the table.
    pub answer: Answer,
    /// How many bytes travelled.
    pub moved: usize,
}

/// A command that was not carried out, or not known to be.
#[derive(Debug, thiserror::Error)]
#[error("it was told to {purpose}")]
pub struct Refusal {
    purpose: Purpose,
    #[source]
    why: Why,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Complaint(Box<Complaint>),
    #[error(transparent)]
    Nonsense(#[from] NoSense),
    #[error("{}", status_in_words(*.0))]
    Status(Status),
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// What the drive complained of.
#[derive(Debug, thiserror::Error)]
#[error("{sense}")]
struct Complaint {
    sense: Sense,
    verdict: Verdict,
}

fn status_in_words(status: Status) -> String {
    match status {
        Status::Busy | Status::TaskSetFull => "it is busy, and stays so".to_owned(),
        Status::ReservationConflict => "another host has reserved it: find out which, and end its \
            reservation"
            .to_owned(),
        Status::TaskAborted => "another host broke the command off".to_owned(),
        other => format!("it ended the command with status {:#04x}", other.code()),
    }
}

impl Refusal {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match &self.why {
            Why::Complaint(complaint) => complaint.verdict.blame(),
            Why::Nonsense(_) => Blame::Drive,
            Why::Status(status) => match status {
                Status::TaskAborted => Blame::Nothing,
                _ => Blame::Drive,
            },
            Why::Transport(error) => match error.what {
                Break::Reset | Break::Disrupted => Blame::Nothing,
                // Another drive may well be there.
                Break::TimedOut | Break::Gone => Blame::Drive,
                Break::Refused | Break::Adapter(_) => Blame::Host,
            },
        }
    }

    /// What the drive meant, if it said anything.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match &self.why {
            Why::Complaint(complaint) => Some(complaint.verdict),
            _ => None,
        }
    }

    /// What happened before this command, if that is why.
    pub(super) fn attention(&self) -> Option<Attention> {
        match self.verdict() {
            Some(Verdict::Attention(what)) => Some(what),
            _ => None,
        }
    }

    /// Why the drive is not ready, if that is why.
    pub(super) fn unready(&self) -> Option<Unready> {
        match self.verdict() {
            Some(Verdict::NotReady(why)) => Some(why),
            _ => None,
        }
    }

    /// Why it failed, if the drive says so.
    pub(super) fn reason(&self) -> Option<Reason> {
        match self.verdict() {
            Some(Verdict::Failed(Failure { reason, .. })) => Some(reason),
            _ => None,
        }
    }

    /// The drive does not know the command, or this form of it.
    pub(super) fn is_unknown_to_the_drive(&self) -> bool {
        matches!(self.reason(), Some(Reason::Unsupported | Reason::Wrong))
    }

    /// Another host has reserved the drive.
    pub(super) fn is_reservation_conflict(&self) -> bool {
        matches!(self.why, Why::Status(Status::ReservationConflict))
    }

    /// Whether the medium still stands where it stood.
    pub(super) fn keeps_position(&self) -> bool {
        self.verdict().is_some_and(|verdict| verdict.position() == Position::Kept)
    }

    /// Whether the same command may be given again, as far as the drive is concerned.
    pub(super) fn again(&self) -> Again {
        self.verdict().map_or(Again::Never, Verdict::again)
    }

    /// The sense, in plain words.
    pub(super) fn words(&self) -> String {
        self.why.to_string()
    }
}

/// What a command is for, in words: by its operation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Purpose(u8);

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0x00 => "say whether it is ready",
            0x01 => "rewind",
            0x03 => "say what it complains of",
            0x04 => "format its medium",
            0x05 => "say which blocks it takes",
            0x08 => "read a block",
            0x0a => "write a block",
            0x0b => "set the capacity of the cartridge",
            0x10 => "write filemarks or what it has buffered",
            0x11 | 0x91 => "move over files or blocks",
            0x12 => "say what it is",
            0x13 => "verify blocks",
            0x15 | 0x55 => "change its settings",
            0x19 => "erase",
            0x1a | 0x5a => "tell its settings",
            0x16 | 0x17 => "reserve itself for this host",
            0x1b => "load or unload",
            0x1e => "lock or unlock its cartridge",
            0x2b | 0x92 => "go to an object",
            0x34 => "tell its position",
            0x44 => "tell its densities",
            0x4c => "set its counters back",
            0x4d => "tell its counters",
            0x5e | 0x5f => "reserve itself for this host, or say who has",
            0x82 => "allow to write over what is there",
            0x8c => "read the memory of the cartridge",
            0x8d => "write the memory of the cartridge",
            0xa2 => "tell its encryption",
            0xa3 => "tell what it can",
            0xa4 => "order what is to be read",
            0xab => "tell the serial number of the cartridge",
            0xb5 => "change its encryption",
            other => return write!(f, "carry out command {other:02x}h"),
        })
    }
}

/// How often, and after what time, a busy drive is asked again.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
const BUSY_TRIES: u32 = 60;

/// Sends one command.
pub(super) fn execute<T: Transport>(
    transport: &mut T,
    timeouts: &Timeouts,
    notes: &mut Notes,
    cdb: &Cdb,
    during: During,
    data: Data<'_>,
) -> Result<Reply, Refusal> {
    let refusal = |why| Refusal { purpose: Purpose(cdb.opcode()), why };
    let timeout = timeouts.of(cdb);
    let done = until_taken(transport, cdb, data, timeout).map_err(|error| refusal(error.into()))?;
    match done.status {
        Status::Good => Ok(Reply { answer: Answer::Done, moved: done.moved }),
        Status::CheckCondition => {
            let sense = Sense::read(&done.sense).map_err(|error| refusal(error.into()))?;
            let verdict = judge(&sense, during);
            tracing::debug!(device = transport.name(), ?cdb, %sense, ?verdict, "the drive remarks");
            match verdict {
                Verdict::Answer(answer) if answer != Answer::CleaningWantedEarlier => {
                    let answer = notes.take(answer, &sense);
                    Ok(Reply { answer, moved: done.moved })
                }
                verdict => {
                    notes.take_failure(verdict);
                    log(transport.name(), cdb, &sense);
                    Err(refusal(Why::Complaint(Box::new(Complaint { sense, verdict }))))
                }
            }
        }
        other => Err(refusal(Why::Status(other))),
    }
}

/// With all that the drive added: a vendor's field service asks for the raw bytes.
fn log(device: &str, cdb: &Cdb, sense: &Sense) {
    let raw: Vec<String> = sense.raw().iter().map(|byte| format!("{byte:02x}")).collect();
    let (raw, more) = (raw.join(" "), sense.ultrium());
    tracing::info!(device, ?cdb, %sense, raw, ?more, "the drive did not do what it was told");
}

fn until_taken<T: Transport>(
    transport: &mut T,
    cdb: &Cdb,
    mut data: Data<'_>,
    timeout: Duration,
) -> Result<Completion, TransportError> {
    for _ in 1..BUSY_TRIES {
        let done = transport.execute(cdb, lend(&mut data), timeout)?;
        if !matches!(done.status, Status::Busy | Status::TaskSetFull) {
            return Ok(done);
        }
        transport.pause(BUSY_PAUSE);
    }
    transport.execute(cdb, data, timeout)
}

fn lend<'a>(data: &'a mut Data<'_>) -> Data<'a> {
    match data {
        Data::None => Data::None,
        Data::Out(bytes) => Data::Out(bytes),
        Data::In(bytes) => Data::In(bytes),
    }
}
