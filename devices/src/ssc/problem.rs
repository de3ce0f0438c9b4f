//! Why a drive could not do what was asked of it.

use std::error::Error;

use types::{Blame, Bytes, ObjectNo};

use super::command::Refusal;
use crate::drive::Trouble;
use crate::scsi::judge::Attention;
use crate::scsi::page::BadReply;
use crate::scsi::page::reservation::ReservationKey;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// What drives of every kind have in common.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The drive refused, or nobody knows whether it did as it was told.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The drive answered something that is no answer.
    #[error(transparent)]
    Reply(#[from] BadReply),
    /// It stands elsewhere.
    #[error(
        "it stands before object {found}, and left to itself it would stand before {wanted}: another program \
         or host has moved the tape, or the drive was reset"
    )]
    Moved {
        /// Where it stands.
        found: u64,
        /// Where it should.
        wanted: u64,
    },
    /// A filemark was passed that should not be there, or is missing.
    #[error("it stands in file {found}, and should stand in file {wanted}")]
    OtherFile {
        /// Where it stands.
        found: u64,
        /// Where it should.
        wanted: u64,
    },
    /// It does not know where it stands.
    #[error("it does not know where the tape stands")]
    NoPosition,
    /// It has lost data, or kept them back.
    #[error(
        "it says that it has flushed, and that only what is before object {} is on the medium, although \
         it was given all before {}", .durable.0, .given.0
    )]
    NotDurable {
        /// All before this is on the medium.
        durable: ObjectNo,
        /// All before this was written.
        given: ObjectNo,
    },
    /// The end came where there was room enough for a mark.
    #[error("the medium is so full that not even a filemark fits")]
    NoRoomForMark,
    /// The end of the data was never written.
    #[error(
        "the medium has no end of data: power was lost, or the drive was reset, while it was written. What \
         was flushed can be read; write nothing more on it before it is given back"
    )]
    NoEndOfData,
    /// An answer that does not fit the command.
    #[error("it answered {0}, which is no answer to that")]
    Odd(String),
    /// The medium or the adapter cannot take such blocks.
    #[error("blocks of {wanted} are wanted, and {who} takes {least} to {most}")]
    BlockLimits {
        /// The length that the pool wants.
        wanted: Bytes,
        /// What cannot.
        who: &'static str,
        /// The shortest that it takes.
        least: Bytes,
        /// The longest that it takes.
        most: Bytes,
    },
    /// The check value of a block is wrong.
    #[error(
        "a block arrived with other bytes than the drive has read: check cables and adapter, and read it again"
    )]
    CheckValue,
    /// Another host has it.
    #[error(
        "it is reserved by another host, under the key {0}: find out which, and end its reservation"
    )]
    ReservedBy(ReservationKey),
    /// It is something else.
    #[error("it is no tape drive, but a {0}")]
    NoTapeDrive(String),
    /// A setting did not stick.
    #[error("it was given a setting and has kept another: {0}")]
    Setting(&'static str),
}

impl Problem {
    /// What has to change before another try.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Trouble(trouble) => trouble.blame(),
            Self::Refused(refusal) => refusal.blame(),
            Self::Moved { .. } | Self::OtherFile { .. } | Self::NoPosition => Blame::Nothing,
            Self::NotDurable { .. } | Self::NoRoomForMark | Self::NoEndOfData => Blame::Medium,
            Self::Reply(_) | Self::Odd(_) | Self::Setting(_) | Self::ReservedBy(_) => Blame::Drive,
            Self::BlockLimits { .. } | Self::CheckValue | Self::NoTapeDrive(_) => Blame::Host,
        }
    }

    /// What happened before the command, if that is why.
    pub(super) fn attention(&self) -> Option<Attention> {
        match self {
            Self::Refused(refusal) => refusal.attention(),
            _ => None,
        }
    }

    /// As the cause of an error: what is common to all drives is shown bare.
    pub(super) fn into_cause(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Trouble(trouble) => Box::new(trouble),
            Self::Refused(refusal) => Box::new(refusal),
            other => Box::new(other),
        }
    }
}
