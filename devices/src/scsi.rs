//! SCSI, as far as tape drives and changers speak it. Bytes in, values out: nothing here touches a device.
//!
//! ```text
//!  Cdb ──► Transport::execute ──► Completion { status, sense, moved } ──► Sense ──judge──► answer or Blame
//!          (sg, or the emulator)                 data ──► page::…  ──► what the device says of itself
//! ```
//!
//! [`cdb`] makes commands, [`sense`] reads what a device complains of, [`mod@judge`] is the one table that says
//! what a complaint means and who is to blame, and every reply has a decoder below [`page`]. Decoders are
//! tolerant: they take what is there, never trust a length, and never panic. All numbers are big-endian.
//!
//! The sources are SPC-4, SSC-4 and SMC-3 (T10), and what the vendors' manuals say where they differ.

mod bytes;
pub mod cdb;
pub mod densities;
pub mod judge;
pub mod page;
pub mod sense;
mod words;

pub use cdb::Cdb;
pub use judge::{During, Verdict, judge};
pub use sense::Sense;

/// How a device ended a command (SAM-5, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 00h: done.
    Good,
    /// 02h: the sense data say what is the matter. It need not be an error.
    CheckCondition,
    /// 08h: later.
    Busy,
    /// 18h: another initiator has reserved the device.
    ReservationConflict,
    /// 28h: later.
    TaskSetFull,
    /// 40h: another initiator's doing.
    TaskAborted,
    /// Anything else.
    Other(u8),
}

impl Status {
    /// The byte that stands for it.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0x00,
            Self::CheckCondition => 0x02,
            Self::Busy => 0x08,
            Self::ReservationConflict => 0x18,
            Self::TaskSetFull => 0x28,
            Self::TaskAborted => 0x40,
            Self::Other(code) => code,
        }
    }
}

impl From<u8> for Status {
    fn from(code: u8) -> Self {
        match code {
            0x00 => Self::Good,
            0x02 => Self::CheckCondition,
            0x08 => Self::Busy,
            0x18 => Self::ReservationConflict,
            0x28 => Self::TaskSetFull,
            0x40 => Self::TaskAborted,
            other => Self::Other(other),
        }
    }
}
