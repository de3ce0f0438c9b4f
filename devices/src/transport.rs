//! One SCSI command at a time: the edge between what we know of SCSI and a device that answers.
//!
//! A transport carries a command there and the answer back, and judges neither. It is `SG_IO` on a device
//! node, or the emulator. What the *device* complains of is a [`Completion`] with sense data; a
//! [`TransportError`] means that nobody knows whether the command was carried out.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::scsi::{Cdb, Status};

/// Whether to go on waiting for a device that is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It is worth it.
    GoOn,
    /// It is not.
    GiveUp,
}

/// What travels with a command.
#[derive(Debug)]
pub enum Data<'a> {
    /// Nothing.
    None,
    /// To the device.
    Out(&'a [u8]),
    /// From the device: at most as much as there is room for.
    In(&'a mut [u8]),
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// How the command ended.
    pub status: Status,
    /// Why, in the device's own bytes; empty if it did not say. Nothing is thrown away: transports ask for at
    /// least 96 bytes.
    pub sense: Vec<u8>,
    /// How many bytes travelled. Bridges are known to lie here: where the sense data have a residual, that
    /// counts.
    pub moved: usize,
}

/// Carries commands to one device.
pub trait Transport: Send {
    /// What is at the other end, for messages: `/dev/sg3`.
    fn name(&self) -> &str;

    /// The most data that one command may carry.
    fn longest(&self) -> usize;

    /// Carries out one command, and waits for its end. A device that has not answered after `timeout` is
    /// reset, or may have been: its position is lost.
    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError>;

    /// Lets time pass before a command is tried again. The emulator's clock moves, and nobody waits.
    fn pause(&mut self, time: Duration);

    /// How late it is where the device is: real time, unless it has a clock of its own. Only the difference of two
    /// answers means something.
    fn now(&self) -> Duration {
        real_time()
    }
}

/// Since this was first asked.
fn real_time() -> Duration {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    BEGINNING.get_or_init(Instant::now).elapsed()
}

/// A command that may or may not have been carried out.
#[derive(Debug, thiserror::Error)]
#[error("{device} did not answer the command {cdb:?}: {what}")]
pub struct TransportError {
    /// Which.
    pub device: String,
    /// What it was asked.
    pub cdb: Cdb,
    /// What came between.
    pub what: Break,
    /// What the system said, if it said more.
    #[source]
    pub source: Option<io::Error>,
}

/// What came between host and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The device, or the bus, was reset.
    #[error("it was reset")]
    Reset,
    /// The device is gone, or cannot be reached.
    #[error("it is not there any more")]
    Gone,
    /// The path broke off.
    #[error("the connection broke off")]
    Disrupted,
    /// The host cannot send such a command: too long for the adapter, no memory, no leave.
    #[error("this host could not send it")]
    Refused,
    /// Something else went wrong in the adapter.
    #[error("the adapter reported failure {0:#04x}")]
    Adapter(u16),
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn longest(&self) -> usize {
        (**self).longest()
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError> {
        (**self).execute(cdb, data, timeout)
    }

    fn pause(&mut self, time: Duration) {
        (**self).pause(time);
    }

    fn now(&self) -> Duration {
        (**self).now()
    }
}
