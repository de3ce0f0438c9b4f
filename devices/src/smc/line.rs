//! Sending a command to a changer until it is answered: unit attentions are noted, a command that was broken off is
//! sent again where that does no harm, and a changer that is busy is waited for.
//!
//! A changer looks through its slots after power on, after a door was closed, after a magazine was put in. All that
//! time, minutes or tens of minutes, it is *becoming ready* (sense 2/04/01), sometimes with a percentage. That is
//! a state and no error: [`Patience`] says how long it is waited for, and who is told. What a complaint means is for the
//! table of [`crate::scsi::judge()`] to say.

use std::fmt;
use std::time::Duration;

use crate::scsi::judge::{Again, Answer, During, Reason, Unready, Verdict, judge};
use crate::scsi::page::BadReply;
use crate::scsi::sense::{NoSense, Sense};
use crate::scsi::{Cdb, Status};
use crate::transport::{Data, Transport, TransportError, Wait};

/// So many unit attentions in a row are a device that is being reset all the time.
const ATTENTIONS: u32 = 16;

/// So often a command that was broken off is sent again.
const AGAIN: u32 = 3;

/// So many are kept until somebody asks.
const KEPT: usize = 64;

/// How long a busy changer is waited for, and who hears of it.
pub struct Patience {
    /// Between two looks.
    pub step: Duration,
    /// All in all, for one command.
    pub limit: Duration,
    /// Hears of each look, and may give up.
    pub told: Box<dyn FnMut(&Busy) -> Wait + Send>,
}

impl Default for Patience {
    /// A look every two seconds, for an hour, and nobody is told. A library with hundreds of slots scans for tens of
    /// minutes.
    fn default() -> Self {
        Self {
            step: Duration::from_secs(2),
            limit: Duration::from_secs(3600),
            told: Box::new(|_| Wait::GoOn),
        }
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").field("step", &self.step).field("limit", &self.limit).finish()
    }
}

/// A device that is not ready yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// What it says.
    pub says: String,
    /// How far it has come, if it says.
    pub percent: Option<u8>,
    /// How long it has been waited for.
    pub waited: Duration,
}

/// A command that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device complains.
    #[error(transparent)]
    Sense(Box<Sense>),
    /// The device complains, and nobody knows of what.
    #[error(transparent)]
    Mute(#[from] NoSense),
    /// Another host has reserved it.
    #[error("another host has reserved it")]
    Reserved,
    /// An answer that means nothing here.
    #[error("it answered with status {:#04x}", .0.code())]
    Status(Status),
    /// Nobody knows whether it was carried out.
    #[error(transparent)]
    Transport(Box<TransportError>),
    /// It answered, and what it answered cannot be read.
    #[error(transparent)]
    Garbled(#[from] BadReply),
    /// It was not ready for too long.
    #[error("it was not ready for {} minutes, and was given up: {says}", waited.as_secs() / 60)]
    Tired {
        /// What it said last.
        says: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It was reset again and again.
    #[error("it reports one event after another and does not come to answer; the last: {0}")]
    Restless(#[source] Box<Sense>),
}

impl Failure {
    /// The complaint, if there is one.
    pub fn sense(&self) -> Option<&Sense> {
        match self {
            Self::Sense(sense) | Self::Restless(sense) => Some(sense),
            _ => None,
        }
    }

    /// What the complaint means, if there is one, of a command that was doing this.
    pub(crate) fn verdict(&self, during: During) -> Option<Verdict> {
        self.sense().map(|sense| judge(sense, during))
    }

    /// Why the device failed, if it did.
    pub(crate) fn reason(&self, during: During) -> Option<Reason> {
        match self.verdict(during) {
            Some(Verdict::Failed(failure)) => Some(failure.reason),
            _ => None,
        }
    }

    /// The command was not carried out, for something had happened before.
    pub(crate) fn is_attention(&self) -> bool {
        matches!(self, Self::Sense(sense) if is_attention(judge(sense, During::Other)))
    }
}

fn is_attention(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Attention(_) | Verdict::Answer(Answer::CleaningWantedEarlier))
}

impl From<Sense> for Failure {
    fn from(sense: Sense) -> Self {
        Self::Sense(Box::new(sense))
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Transport(Box::new(error))
    }
}

/// A device, and the patience that it is waited for with.
pub(crate) struct Line<T> {
    transport: T,
    pub(crate) patience: Patience,
    /// Says more of what the device is doing than its sense does.
    explain: Option<Explain<T>>,
    /// What has happened to the device since somebody looked.
    attentions: Vec<Sense>,
    /// How many there have been.
    disturbances: u64,
}

/// Asks a device that is not ready what it is doing, in words.
pub(crate) type Explain<T> = Box<dyn FnMut(&mut T) -> Option<String> + Send>;

/// What a single attempt came to.
enum Attempt {
    Done(usize),
    Attention(Sense),
    BrokenOff(Sense),
    Busy { says: String, percent: Option<u8> },
}

impl<T: Transport> Line<T> {
    pub(crate) fn new(transport: T) -> Self {
        let (patience, attentions) = (Patience::default(), Vec::new());
        Self { transport, patience, explain: None, attentions, disturbances: 0 }
    }

    /// Lets a device that is not ready be asked what it is doing.
    pub(crate) fn explained(mut self, explain: Explain<T>) -> Self {
        self.explain = Some(explain);
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.transport.name()
    }

    /// What has happened to the device since this was asked last.
    pub(crate) fn attentions(&mut self) -> Vec<Sense> {
        std::mem::take(&mut self.attentions)
    }

    /// How often something has happened to it.
    pub(crate) fn disturbances(&self) -> u64 {
        self.disturbances
    }

    /// Lets a step of patience pass.
    pub(crate) fn pause(&mut self) {
        self.transport.pause(self.patience.step);
    }

    /// The most data that one command may bring.
    pub(crate) fn longest(&self) -> usize {
        self.transport.longest()
    }

    /// Sends a command that brings data, and says how much came.
    pub(crate) fn read(
        &mut self,
        cdb: &Cdb,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, Failure> {
        let longest = buffer.len();
        let moved = self.send(cdb, Some(buffer), timeout, During::Other)?;
        Ok(moved.min(longest))
    }

    /// Sends a command without data. One that met a unit attention was not carried out and is sent again; but a move
    /// is not, for what it was based on may no longer hold.
    pub(crate) fn order(
        &mut self,
        cdb: &Cdb,
        timeout: Duration,
        during: During,
    ) -> Result<(), Failure> {
        self.send(cdb, None, timeout, during).map(drop)
    }

    fn send(
        &mut self,
        cdb: &Cdb,
        mut buffer: Option<&mut [u8]>,
        timeout: Duration,
        during: During,
    ) -> Result<usize, Failure> {
        let (mut attentions, mut broken_off, mut waited) = (0, 0, Duration::ZERO);
        loop {
            let data = buffer.as_deref_mut().map_or(Data::None, Data::In);
            match self.attempt(cdb, data, timeout, during)? {
                Attempt::Done(moved) => return Ok(moved),
                Attempt::Attention(sense) => {
                    attentions += 1;
                    self.disturbances += 1;
                    if self.attentions.len() < KEPT {
                        self.attentions.push(sense.clone());
                    }
                    if during == During::Move {
                        return Err(sense.into());
                    }
                    if attentions >= ATTENTIONS {
                        return Err(Failure::Restless(Box::new(sense)));
                    }
                }
                Attempt::BrokenOff(sense) => {
                    broken_off += 1;
                    if broken_off > AGAIN {
                        return Err(sense.into());
                    }
                }
                Attempt::Busy { says, percent } => {
                    let explained = self.explain.as_mut().and_then(|ask| ask(&mut self.transport));
                    let says = explained.unwrap_or(says);
                    let busy = Busy { says, percent, waited };
                    if (self.patience.told)(&busy) == Wait::GiveUp || waited >= self.patience.limit
                    {
                        return Err(Failure::Tired { says: busy.says, waited });
                    }
                    self.transport.pause(self.patience.step);
                    waited += self.patience.step;
                }
            }
        }
    }

    fn attempt(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
        during: During,
    ) -> Result<Attempt, Failure> {
        let completion = self.transport.execute(cdb, data, timeout)?;
        let busy = |says: &str| Attempt::Busy { says: says.to_owned(), percent: None };
        match completion.status {
            Status::Good => Ok(Attempt::Done(completion.moved)),
            Status::CheckCondition => {
                let sense = Sense::read(&completion.sense)?;
                match judge(&sense, during) {
                    verdict if is_attention(verdict) => Ok(Attempt::Attention(sense)),
                    Verdict::Answer(_) => Ok(Attempt::Done(completion.moved)),
                    Verdict::NotReady(
                        Unready::Becoming(percent)
                        | Unready::InProgress(percent)
                        | Unready::Formatting(percent),
                    ) => Ok(Attempt::Busy { says: sense.to_string(), percent }),
                    Verdict::Failed(failure) if failure.again == Again::AtOnce => {
                        Ok(Attempt::BrokenOff(sense))
                    }
                    _ => Err(sense.into()),
                }
            }
            Status::Busy => Ok(busy("it is busy")),
            Status::TaskSetFull => Ok(busy("it has more commands than it can take")),
            Status::ReservationConflict => Err(Failure::Reserved),
            status => Err(Failure::Status(status)),
        }
    }
}
