//! What travels: iSCSI's protocol data units, as bytes and as values (RFC 7143, chapter 11).
//!
//! ```text
//!  0        1        2  3   4     5      8         16    20            24        28         32          36    44   48
//!  ┌────────┬────────┬────┬─────┬──────┬─────────┬─────┬─────────────┬─────────┬──────────┬───────────┬─────┬─────┐
//!  │I opcode│F flags │    │extra│ data │   LUN   │ tag │ transfer tag│CmdSN or │ExpStatSN │           │     │     │
//!  │        │        │    │words│length│ or ISID │     │ or length   │StatSN   │ExpCmdSN  │ MaxCmdSN  │     │     │
//!  └────────┴────────┴────┴─────┴──────┴─────────┴─────┴─────────────┴─────────┴──────────┴───────────┴─────┴─────┘
//!  then the extra words (AHS), then the data, filled up to a multiple of four bytes
//! ```
//!
//! [`Lengths::of`] says how much follows a header, and refuses more than was agreed before anything is allocated.
//! Numbers are big-endian; sequence numbers wrap.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub use request::{
    Command, DataOut, Delivery, Direction, LoginRequest, LogoutRequest, NopOut, Numbered, Request,
    TaskRequest, TextRequest,
};
pub use response::{Numbers, Reason, Residual, Response, TaskOutcome};

/// The bytes of a header.
pub const HEADER: usize = 48;

/// A header as it travels.
pub type Header = [u8; HEADER];

/// "No task": what has no tag of its own.
pub const NO_TAG: u32 = u32::MAX;

/// What cannot be a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// More data than was agreed.
    #[error("a PDU of {length} bytes, where at most {longest} were agreed")]
    TooLong {
        /// What the header says.
        length: usize,
        /// What may be.
        longest: usize,
    },
    /// No request that an initiator may send.
    #[error("an initiator does not send opcode {0:#04x}")]
    Opcode(u8),
    /// A command that neither fits into the header nor stands in the extra words as it should.
    #[error("extra header words that make no sense")]
    Extra,
    /// The body is shorter than the header says.
    #[error("a PDU that ends early")]
    Short,
}

/// How much follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    extra: usize,
    data: usize,
}

impl Lengths {
    /// What the header says, if it is no more than `longest` bytes of data.
    pub fn of(header: &Header, longest: usize) -> Result<Self, PduError> {
        let data =
            usize::from(header[5]) << 16 | usize::from(header[6]) << 8 | usize::from(header[7]);
        if data > longest {
            return Err(PduError::TooLong { length: data, longest });
        }
        Ok(Self { extra: usize::from(header[4]) * 4, data })
    }

    /// All that follows: extra words, data, filling.
    pub fn rest(self) -> usize {
        self.extra + self.data.next_multiple_of(4)
    }
}

/// Whether the number `a` comes before `b`, as numbers that wrap do (RFC 1982).
pub fn before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}
