//! An iSCSI target: SCSI devices of our own, for everybody who speaks TCP (RFC 7143).
//!
//! The kernel's initiator logs in and sees tape drives and a changer as if they were plugged in; `mt`, `mtx`, LTFS or
//! another backup program then work with them. What stands behind is whoever implements [`Units`].
//!
//! ```text
//!  socket ──48 bytes──► pdu::Lengths ──► pdu::Request ──► login::Login ──terms──► session::Session ──Job──► Units
//!  socket ◄──────────── pdu::Response ◄───────────────────────┴──────────◄───────────────────────◄─Answer──┘
//! ```
//!
//! [`pdu`], [`login`] and [`session`] are functions of bytes and values, without a socket; [`server`] holds the
//! sockets and threads. It offers what an emulated library needs and no more: one connection a session, error recovery
//! level 0 (a protocol error ends the connection, the initiator logs in again), no digests. Nobody is asked for a
//! password, so the server listens on the loopback interface unless it is told otherwise.

pub mod login;
pub mod pdu;
pub mod server;
pub mod session;
pub mod text;

#[cfg(test)]
pub(crate) mod tests;

use crate::scsi::Status;

/// The number of a logical unit at this target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lun(pub u16);

impl Lun {
    /// From the eight bytes in a header: peripheral or flat addressing (SAM-5, 4.7.7.2 and 4.7.7.3). `None` for
    /// what this target has not: buses and levels.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let [high, low, rest @ ..] = bytes;
        let one_level = rest == [0; 6];
        match high >> 6 {
            0 if one_level && high == 0 => Some(Self(u16::from(low))),
            1 if one_level => Some(Self(u16::from_be_bytes([high & 0x3f, low]))),
            _ => None,
        }
    }
}

/// One initiator's standing with the target: reservations, prevented removals and unit attentions belong to it. The same
/// initiator has the same when it logs in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nexus(pub u32);

/// What a unit answers to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// Why; empty when there is nothing to say.
    pub sense: Vec<u8>,
    /// For the initiator.
    pub data: Vec<u8>,
    /// How many bytes of what the initiator sent were not taken.
    pub refused: usize,
}

/// What is to be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// One unit.
    Unit(Lun),
    /// All of them, as if the bus had been reset.
    Warm,
    /// All of them, as if the power had been off.
    Cold,
}

/// The devices behind a target.
pub trait Units: Send + Sync + 'static {
    /// Carries out one command. `lun` is `None` if the initiator named a unit in a way that this target has not.
    /// More data than `room` will not reach the initiator, but it is told of them. May take its time: commands to
    /// other units, and the initiator's pings, do not wait for it. `None`: no answer ever comes.
    fn execute(
        &self,
        nexus: Nexus,
        lun: Option<Lun>,
        cdb: &[u8],
        out: &[u8],
        room: usize,
    ) -> Option<Answer>;

    /// Resets.
    fn reset(&self, what: Reset);

    /// This initiator logged in, or its connection is gone: what belonged to the nexus ends.
    fn nexus_changed(&self, nexus: Nexus);
}
