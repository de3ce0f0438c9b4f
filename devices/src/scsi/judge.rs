//! What a device meant: the one table that turns sense data into something to act on.
//!
//! ```text
//!  Sense + what was being done ──► Verdict ──► blame, position, what became of unflushed data, again?
//! ```
//!
//! The same sense can be an answer to one command and a fault in another, so the table is asked with what was
//! being [done](During). It gives a [`Verdict`], and the verdict alone says who is to blame, whether the drive still
//! knows where it stands, and whether data that it had taken may be lost. Nobody else decides any of these.
//!
//! Where the standard and the drives leave a doubt, the table takes the side that can lose no data: a deferred
//! complaint of any kind and a unit attention that nobody knows make the position and what was not flushed
//! unknown. To write something twice costs a minute.

use types::Blame;

use super::sense::{Key, Sense, When};

mod verdict;

pub use verdict::{
    Again, Answer, Attention, Failure, Position, Reason, Unflushed, Unready, Verdict,
};

use Verdict::{Answer as Is, Attention as Since, Failed, NotReady};

/// What a device was doing when it complained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum During {
    /// READ.
    Read,
    /// WRITE.
    Write,
    /// WRITE FILEMARKS: a mark, or a flush.
    Mark,
    /// SPACE, LOCATE, REWIND.
    Space,
    /// MOVE MEDIUM, EXCHANGE, POSITION TO ELEMENT.
    Move,
    /// Everything else, LOAD and UNLOAD too.
    Other,
}

impl During {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Write, Self::Mark, Self::Space, Self::Move, Self::Other];

    /// Whether it puts something on the medium.
    fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Mark)
    }
}

/// What `sense` means, if the device answered so while it was doing `during`.
pub fn judge(sense: &Sense, during: During) -> Verdict {
    let verdict = match sense.key {
        Key::NoSense | Key::Recovered | Key::Completed => remark(sense, during),
        Key::NotReady => not_ready(sense),
        Key::UnitAttention => attention(sense),
        Key::BlankCheck => blank(sense, during),
        Key::VolumeOverflow => overflow(sense, during),
        Key::Medium => medium(sense, during),
        Key::Hardware => hardware(sense, during),
        Key::IllegalRequest => illegal(sense),
        Key::DataProtect => protected(sense),
        Key::Aborted => aborted(sense, during),
        Key::Miscompare => lost(Reason::Medium, Blame::Medium),
        Key::Vendor | Key::CopyAborted | Key::Reserved => lost(Reason::Other, Blame::Drive),
    };
    match sense.when {
        When::Current => verdict,
        When::Deferred => deferred(verdict),
    }
}

/// Whether the device did what it was told only after it had helped itself.
pub(crate) fn helped_itself(sense: &Sense) -> bool {
    sense.key == Key::Recovered
}

/// Whether a cleaning that ended with this has failed: the cartridge is none, is used up, or did no good (30h/00h,
/// 01h, 07h).
pub(crate) fn cleaning_failed(sense: &Sense) -> bool {
    let failed = [Reason::Incompatible, Reason::CleaningFailed];
    matches!(judge(sense, During::Other), Verdict::Failed(it) if failed.contains(&it.reason))
}

/// Keys 0, 1 and F: the command was carried out as far as the medium went. Marks and ends count before all
/// else: a recovered error at early warning is an early warning.
fn remark(sense: &Sense, during: During) -> Verdict {
    let left = sense.information;
    match (sense.code.asc, sense.code.ascq) {
        (0x00, 0x01) => Is(Answer::Filemark { left }),
        _ if sense.filemark => Is(Answer::Filemark { left }),
        (0x00, 0x07) => near_end(Answer::ProgrammableEarlyWarning { left }, left, during),
        (0x00, 0x04) => Is(Answer::BeginningOfPartition { left }),
        (0x00, 0x05) => Is(Answer::EndOfData { left }),
        _ if sense.other_length => other_length(left),
        (0x00, 0x02) => near_end(Answer::EarlyWarning { left }, left, during),
        // Some devices leave the code out and set only the flag.
        _ if sense.end_of_medium && during == During::Space => {
            Is(Answer::BeginningOfPartition { left })
        }
        _ if sense.end_of_medium => near_end(Answer::EarlyWarning { left }, left, during),
        (0x00, 0x16 | 0x18..=0x1c) | (0x04, 0x07) => NotReady(Unready::InProgress(sense.percent())),
        (0x00, 0x17) | (0x82, 0x82) => Is(Answer::CleaningWanted),
        (0x37, 0x00) => Is(Answer::Rounded),
        (0x5d, _) => Is(Answer::FailurePredicted),
        _ if sense.key == Key::Recovered => Is(Answer::Recovered),
        _ => Is(Answer::Done),
    }
}

/// A warning is one only if all was written: some targets say the very end in the same words, and what is left
/// tells.
fn near_end(warning: Answer, left: Option<i64>, during: During) -> Verdict {
    if during.writes() && left.is_some_and(|left| left > 0) {
        Is(Answer::Full { left })
    } else {
        Is(warning)
    }
}

/// A block of another length than asked for. Without a valid information field nobody knows which.
fn other_length(information: Option<i64>) -> Verdict {
    match information {
        Some(missing @ 0..) => Is(Answer::ShortBlock { missing: missing.unsigned_abs() }),
        Some(negative) => Is(Answer::LongBlock { excess: negative.unsigned_abs() }),
        None => lost(Reason::BlockLength, Blame::Host),
    }
}

fn not_ready(sense: &Sense) -> Verdict {
    let percent = sense.percent();
    match (sense.code.asc, sense.code.ascq) {
        (0x30, 0x03) => NotReady(Unready::Cleaning),
        (0x30, _) => lost(Reason::Incompatible, Blame::Medium),
        (0x3a, 0x04) => NotReady(Unready::NotThreaded),
        (0x3a, 0x03) | (0x04, 0x02) => NotReady(Unready::NeedsLoad),
        (0x3a, _) => NotReady(Unready::NoMedium),
        (0x04, 0x00 | 0x01 | 0x13 | 0x1a) | (0x3e, 0x00) => NotReady(Unready::Becoming(percent)),
        (0x04, 0x04) => NotReady(Unready::Formatting(percent)),
        (0x04, 0x05..=0x09) | (0x00, 0x16 | 0x18..=0x1c) => NotReady(Unready::InProgress(percent)),
        (0x04, 0x10) => lost(Reason::Medium, Blame::Medium),
        (0x04, 0x12) => NotReady(Unready::Offline),
        (0x3b, 0x11 | 0x12 | 0x14) => NotReady(Unready::NoMagazine),
        (0x04, 0x03) | (0x5a, _) => NotReady(Unready::Manual),
        (0x04, 0x22) | (0x05 | 0x08 | 0x3e | 0x40 | 0x44 | 0x4c, _) => {
            lost(Reason::Hardware, Blame::Drive)
        }
        (0x31 | 0x52 | 0x53, _) => lost(Reason::Medium, Blame::Medium),
        _ => NotReady(Unready::Other),
    }
}

fn attention(sense: &Sense) -> Verdict {
    Since(match (sense.code.asc, sense.code.ascq) {
        (0x28, 0x01) => Attention::MailSlot,
        (0x28 | 0x3a, _) => Attention::MediumChanged,
        (0x29, _) => Attention::Reset,
        (0x2a, 0x01) => Attention::Modes,
        (0x2a, 0x02) => Attention::Logs,
        (0x2a, 0x03..=0x05) => Attention::Reservations,
        (0x2a, 0x10) => Attention::Timestamp,
        (0x2a, 0x11..=0x13) | (0x74 | 0xee | 0xef, _) => Attention::Encryption,
        (0x2f, _) => Attention::CommandsCleared,
        (0x3b, 0x11..=0x1b) => Attention::Inventory,
        (0x3f, 0x03 | 0x0e) => Attention::Identity,
        (0x3f, _) => Attention::Firmware,
        (0x5a, 0x01) => Attention::RemovalAsked,
        (0x00, 0x17) | (0x82, 0x82) => Attention::CleaningWanted,
        (0x5b | 0x5d | 0x0b, _) => Attention::Warning,
        _ => Attention::Unknown,
    })
}

/// Key 8. For a reader the end of what was written; there is none where a writer may be.
fn blank(sense: &Sense, during: During) -> Verdict {
    match (sense.code.asc, sense.code.ascq) {
        (0x14, _) => lost(Reason::NoEndOfData, Blame::Medium),
        (0x30, _) => lost(Reason::Incompatible, Blame::Medium),
        _ if during.writes() => lost(Reason::Medium, Blame::Medium),
        _ => Is(Answer::EndOfData { left: sense.information }),
    }
}

/// Key D. Whoever does not write has met the end of a partition that holds less than it should.
fn overflow(sense: &Sense, during: During) -> Verdict {
    if during.writes() {
        Is(Answer::Full { left: sense.information })
    } else {
        lost(Reason::Medium, Blame::Medium)
    }
}

fn medium(sense: &Sense, during: During) -> Verdict {
    match (sense.code.asc, sense.code.ascq) {
        // Cleaning is a notice, whatever key it comes with.
        (0x00, 0x17) | (0x82, 0x82) => Is(Answer::CleaningWanted),
        (0x30, 0x07 | 0x0a) => lost(Reason::CleaningFailed, Blame::Medium),
        (0x30, _) => lost(Reason::Incompatible, Blame::Medium),
        (0x14, 0x03) => lost(Reason::NoEndOfData, Blame::Medium),
        (0x74 | 0xee | 0xef, _) => lost(Reason::Encryption, Blame::Host),
        _ if during == During::Read && sense.other_length => other_length(sense.information),
        _ => lost(Reason::Medium, Blame::Medium),
    }
}

fn hardware(sense: &Sense, during: During) -> Verdict {
    match (sense.code.asc, sense.code.ascq) {
        (0x00, 0x17) | (0x82, 0x82) => Is(Answer::CleaningWanted),
        (0x10, _) => after(Reason::DataPath, Blame::Host, Position::Lost),
        (0x45 | 0x47..=0x49 | 0x4b, _) => lost(Reason::DataPath, Blame::Host),
        (0x74 | 0xee | 0xef, _) => lost(Reason::Encryption, Blame::Host),
        (0x3b, 0x0d) if during == During::Move => {
            after(Reason::DestinationFull, Blame::Nothing, Position::Lost)
        }
        (0x3b, 0x0e) if during == During::Move => {
            after(Reason::SourceEmpty, Blame::Nothing, Position::Lost)
        }
        // The drive did not take the cartridge, or did not give it out.
        (0x53, _) => lost(Reason::Mechanics, Blame::Drive),
        // In a changer it is the arm, and the arm serves all drives.
        _ if during == During::Move => lost(Reason::Mechanics, Blame::Host),
        (0x15 | 0x3b, _) => lost(Reason::Mechanics, Blame::Drive),
        _ => lost(Reason::Hardware, Blame::Drive),
    }
}

/// Key 5: the device did nothing, and stands where it stood.
fn illegal(sense: &Sense) -> Verdict {
    match (sense.code.asc, sense.code.ascq) {
        (0x20, 0x0c) => after(Reason::AppendOnly, Blame::Host, Position::Kept),
        (0x20, 0x02) => never(Reason::NoAccess, Blame::Host),
        (0x20, _) => never(Reason::Unsupported, Blame::Host),
        (0x21, 0x01) => after(Reason::NoSuchElement, Blame::Nothing, Position::Kept),
        (0x25, _) => never(Reason::NoAccess, Blame::Host),
        (0x30, _) => never(Reason::Incompatible, Blame::Medium),
        (0x3a, 0x00) => {
            Failed(Failure { again: Again::Later, ..failure(Reason::Withheld, Blame::Nothing) })
        }
        (0x3a, _) => NotReady(Unready::NoMedium),
        (0x3b, 0x0d) => after(Reason::DestinationFull, Blame::Nothing, Position::Kept),
        (0x3b, 0x0e) => after(Reason::SourceEmpty, Blame::Nothing, Position::Kept),
        (0x3b, 0x0c) => never(Reason::Wrong, Blame::Host),
        (0x3b, 0x11..=0x15) => NotReady(Unready::NoMagazine),
        (0x3b, _) => after(Reason::NoSuchElement, Blame::Nothing, Position::Kept),
        (0x53, 0x02 | 0x03) => after(Reason::RemovalPrevented, Blame::Nothing, Position::Kept),
        (0x53, _) => after(Reason::NotUnloaded, Blame::Nothing, Position::Kept),
        (0x26, 0x10..=0x12) | (0x74 | 0xee | 0xef, _) => never(Reason::Encryption, Blame::Host),
        (0x2c, _) => never(Reason::Wrong, Blame::Host),
        (0x55, _) => {
            Failed(Failure { again: Again::Later, ..failure(Reason::Wrong, Blame::Nothing) })
        }
        _ => never(Reason::Wrong, Blame::Host),
    }
}

fn protected(sense: &Sense) -> Verdict {
    match (sense.code.asc, sense.code.ascq) {
        (0x26 | 0x74 | 0xee | 0xef, _) => never(Reason::Encryption, Blame::Host),
        (0x20, 0x0c) => after(Reason::AppendOnly, Blame::Host, Position::Kept),
        (0x27, 0x01 | 0x02) => never(Reason::WriteProtected, Blame::Drive),
        (0x30, 0x0c | 0x0d) => never(Reason::WriteOnce, Blame::Medium),
        (0x30, _) => never(Reason::Incompatible, Blame::Medium),
        _ => never(Reason::WriteProtected, Blame::Medium),
    }
}

/// Key B. Only what can be done twice without harm is done again: after a broken READ or WRITE nobody knows on
/// which side of the block the tape stands.
fn aborted(sense: &Sense, during: During) -> Verdict {
    let blame = match sense.code.asc {
        0x10 | 0x3f | 0x43 | 0x45 | 0x47..=0x49 | 0x4b | 0x4e | 0x08 | 0x1b => Blame::Host,
        _ => Blame::Nothing,
    };
    match during {
        During::Other => {
            Failed(Failure { again: Again::AtOnce, ..failure(Reason::Aborted, blame) })
        }
        _ => after(Reason::Aborted, blame, Position::Lost),
    }
}

/// Whatever a deferred complaint says, the command was not carried out, and what was taken earlier is in doubt.
fn deferred(verdict: Verdict) -> Verdict {
    match verdict {
        Failed(failure) => Failed(Failure {
            position: Position::Lost,
            unflushed: Unflushed::Lost,
            again: match failure.again {
                Again::Never => Again::Never,
                _ => Again::AfterRemedy,
            },
            ..failure
        }),
        Since(_) if verdict.position() == Position::Lost => verdict,
        // A notice for the operator is one even when it is late.
        Is(Answer::CleaningWanted) => Is(Answer::CleaningWantedEarlier),
        Is(Answer::Full { .. }) => after(Reason::Deferred, Blame::Medium, Position::Lost),
        Is(_) | NotReady(_) | Since(_) => after(Reason::Deferred, Blame::Nothing, Position::Lost),
    }
}

/// A failure of a command that the device refused before it did anything.
fn failure(reason: Reason, blame: Blame) -> Failure {
    Failure {
        reason,
        blame,
        position: Position::Kept,
        unflushed: Unflushed::Kept,
        again: Again::Never,
    }
}

fn never(reason: Reason, blame: Blame) -> Verdict {
    Failed(failure(reason, blame))
}

/// A failure after which nobody knows where the medium stands.
fn lost(reason: Reason, blame: Blame) -> Verdict {
    Failed(Failure {
        position: Position::Lost,
        unflushed: Unflushed::Lost,
        ..failure(reason, blame)
    })
}

/// A failure that something can be done about before the same is tried again.
fn after(reason: Reason, blame: Blame, position: Position) -> Verdict {
    let unflushed = match position {
        Position::Kept => Unflushed::Kept,
        Position::Lost => Unflushed::Lost,
    };
    Failed(Failure { position, unflushed, again: Again::AfterRemedy, ..failure(reason, blame) })
}

#[cfg(test)]
mod tests;
