//! The words of the table: what a sense can mean, and what follows from it.

use std::fmt;

use types::Blame;

/// What a device meant by its sense data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What a healthy device says. Whoever asked knows which answers it can live with.
    Answer(Answer),
    /// The device cannot do anything of the kind now. The command was not carried out.
    NotReady(Unready),
    /// Something has happened since the last command. This one was not carried out; it may be given again, once
    /// what the attention undoes has been done again.
    Attention(Attention),
    /// It could not.
    Failed(Failure),
}

/// What a healthy device says. `left` is how much of what was asked for was not done, if the device says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and nothing to say.
    Done,
    /// A filemark was met. The tape stands behind it; before it, when spacing back.
    Filemark {
        /// What is left.
        left: Option<i64>,
    },
    /// Done. The end of the medium is near; how near depends on the drive.
    EarlyWarning {
        /// What is left; of a write that was taken it is nothing.
        left: Option<i64>,
    },
    /// Done. The distance from the end that was chosen by mode page 10h/01h was reached.
    ProgrammableEarlyWarning {
        /// What is left.
        left: Option<i64>,
    },
    /// The beginning was met.
    BeginningOfPartition {
        /// What is left.
        left: Option<i64>,
    },
    /// The end of the data was met; the drive stays there.
    EndOfData {
        /// What is left.
        left: Option<i64>,
    },
    /// The medium is full. What was to be written is not on it, nor perhaps what was in the buffer.
    Full {
        /// What was not written, the buffer included.
        left: Option<i64>,
    },
    /// A block was read, and it is shorter than asked for.
    ShortBlock {
        /// By so many bytes.
        missing: u64,
    },
    /// A block was read, and it is longer than asked for: its tail is lost.
    LongBlock {
        /// By so many bytes.
        excess: u64,
    },
    /// Done, after the device had helped itself. Worth counting.
    Recovered,
    /// Done. The drive wants to be cleaned when it is free.
    CleaningWanted,
    /// The drive wants to be cleaned, and said so of an earlier command: this one was not carried out, and what
    /// was not flushed is in doubt.
    CleaningWantedEarlier,
    /// Done, but a parameter was rounded: read the page again.
    Rounded,
    /// Done. The device says that it will fail some day.
    FailurePredicted,
}

/// Why a device is not ready. The number is how far it has come, in percent, if it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// It will be. A drive may be calibrating: then for up to two hours.
    Becoming(Option<u8>),
    /// It formats the medium.
    Formatting(Option<u8>),
    /// It is busy with what it was told to do.
    InProgress(Option<u8>),
    /// A cartridge is in, and LOAD is wanted.
    NeedsLoad,
    /// A cartridge is in, and not threaded: its memory can be read.
    NotThreaded,
    /// Nothing is in it.
    NoMedium,
    /// A cleaning cartridge is in it.
    Cleaning,
    /// The magazine is out or locked.
    NoMagazine,
    /// It is offline.
    Offline,
    /// Somebody has to do something at the device.
    Manual,
    /// It does not say why.
    Other,
}

/// What has happened since the last command (SAM-5, 5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// The device was switched on or reset: position, settings, keys and prevention are gone.
    Reset,
    /// The cartridge may be another.
    MediumChanged,
    /// The mail slot was opened.
    MailSlot,
    /// Magazines or drives were moved by hand.
    Inventory,
    /// Another initiator changed the settings.
    Modes,
    /// Another initiator set the counters back.
    Logs,
    /// Another initiator took the reservation or registration away.
    Reservations,
    /// The clock was set.
    Timestamp,
    /// The key or the encryption is not what it was.
    Encryption,
    /// Another initiator broke off what was going on.
    CommandsCleared,
    /// The device tells something else of itself, or shows other units.
    Identity,
    /// The device has new firmware, and so was started again.
    Firmware,
    /// Somebody pressed the button.
    RemovalAsked,
    /// The drive wants to be cleaned.
    CleaningWanted,
    /// A counter is at its limit, or the device will fail some day.
    Warning,
    /// Something else.
    Unknown,
}

/// Why something failed, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// What has to change before another try is worth the time.
    pub blame: Blame,
    /// Whether the medium still stands where it stood.
    pub position: Position,
    /// What became of data that the drive had taken and not yet written.
    pub unflushed: Unflushed,
    /// Whether the same command may be given again.
    pub again: Again,
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The medium could not be written, read, or told apart.
    Medium,
    /// There is no end of data: the medium is blank, or writing was cut off.
    NoEndOfData,
    /// Drive and cartridge do not fit each other.
    Incompatible,
    /// The cartridge must not be written.
    WriteProtected,
    /// The cartridge can be written only once.
    WriteOnce,
    /// The drive appends only: ALLOW OVERWRITE first.
    AppendOnly,
    /// A key is missing or wrong, or the settings forbid it.
    Encryption,
    /// A block has another length, and the drive did not say which.
    BlockLength,
    /// The device is faulty.
    Hardware,
    /// An arm, a loader or a door is stuck.
    Mechanics,
    /// Bytes were changed between host and medium: locate, and try once more.
    DataPath,
    /// The drive could not be cleaned.
    CleaningFailed,
    /// The device does not know the command.
    Unsupported,
    /// The device knows the command, and does not like what is in it.
    Wrong,
    /// This host may not.
    NoAccess,
    /// There is no such place: read the addresses again.
    NoSuchElement,
    /// A cartridge is already there: read what is where again.
    DestinationFull,
    /// No cartridge is there: read what is where again.
    SourceEmpty,
    /// The drive has not given the cartridge out: unload it first.
    NotUnloaded,
    /// Removal is prevented: allow it first.
    RemovalPrevented,
    /// The drive keeps the cartridge for now: it may be calibrating.
    Withheld,
    /// The command was broken off.
    Aborted,
    /// An earlier command has a remark that only now comes to light.
    Deferred,
    /// Something that has no name.
    Other,
}

/// Whether the medium still stands where it stood, or where the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It does.
    Kept,
    /// Nobody knows: locate before anything is written or read.
    Lost,
}

/// What became of data that the drive had taken and not yet written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unflushed {
    /// They are still on their way.
    Kept,
    /// They may be gone, unless READ POSITION says that they reached the medium.
    Lost,
}

/// Whether the same command may be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// At once: it was not carried out, and nothing stands in its way.
    AtOnce,
    /// After a while.
    Later,
    /// Once the reason was dealt with: located, unloaded, allowed, read again, a person called.
    AfterRemedy,
    /// Never: it would be answered the same.
    Never,
}

impl Verdict {
    /// What has to change before another try, if this is not an answer that the caller can use.
    pub fn blame(self) -> Blame {
        match self {
            Self::Answer(answer) => answer.blame(),
            Self::NotReady(why) => why.blame(),
            Self::Attention(_) => Blame::Nothing,
            Self::Failed(failure) => failure.blame,
        }
    }

    /// Whether the medium still stands where it stood, or where the answer says.
    pub fn position(self) -> Position {
        match self {
            Self::Answer(Answer::CleaningWantedEarlier) => Position::Lost,
            Self::Answer(_) | Self::NotReady(Unready::InProgress(_)) => Position::Kept,
            Self::NotReady(_) => Position::Lost,
            Self::Attention(what) => what.position(),
            Self::Failed(failure) => failure.position,
        }
    }

    /// What became of data that the drive had taken and not yet written.
    pub fn unflushed(self) -> Unflushed {
        match self {
            Self::Answer(Answer::Full { .. } | Answer::CleaningWantedEarlier) => Unflushed::Lost,
            Self::Answer(_) => Unflushed::Kept,
            Self::NotReady(_) | Self::Attention(_) => match self.position() {
                Position::Kept => Unflushed::Kept,
                Position::Lost => Unflushed::Lost,
            },
            Self::Failed(failure) => failure.unflushed,
        }
    }

    /// Whether the same command may be given again.
    pub fn again(self) -> Again {
        match self {
            Self::Answer(Answer::CleaningWantedEarlier) => Again::AfterRemedy,
            Self::Answer(_) => Again::Never,
            Self::NotReady(why) => why.again(),
            Self::Attention(what) => match what.position() {
                Position::Kept => Again::AtOnce,
                Position::Lost => Again::AfterRemedy,
            },
            Self::Failed(failure) => failure.again,
        }
    }
}

impl Answer {
    /// Who is to blame where this answer is no answer to what was asked: the medium, if it does not hold what it
    /// should or is full; nobody, if the device was only talkative.
    fn blame(self) -> Blame {
        match self {
            Self::Filemark { .. }
            | Self::EarlyWarning { .. }
            | Self::ProgrammableEarlyWarning { .. }
            | Self::BeginningOfPartition { .. }
            | Self::EndOfData { .. }
            | Self::Full { .. }
            | Self::ShortBlock { .. }
            | Self::LongBlock { .. } => Blame::Medium,
            Self::Done
            | Self::Recovered
            | Self::CleaningWanted
            | Self::CleaningWantedEarlier
            | Self::Rounded
            | Self::FailurePredicted => Blame::Nothing,
        }
    }
}

impl Unready {
    fn blame(self) -> Blame {
        match self {
            Self::Becoming(_)
            | Self::Formatting(_)
            | Self::InProgress(_)
            | Self::NeedsLoad
            | Self::NotThreaded
            | Self::NoMedium => Blame::Nothing,
            Self::Cleaning => Blame::Medium,
            Self::NoMagazine | Self::Offline | Self::Manual | Self::Other => Blame::Drive,
        }
    }

    fn again(self) -> Again {
        match self {
            Self::Becoming(_) | Self::Formatting(_) | Self::InProgress(_) | Self::Other => {
                Again::Later
            }
            Self::NeedsLoad
            | Self::NotThreaded
            | Self::NoMedium
            | Self::Cleaning
            | Self::NoMagazine
            | Self::Offline
            | Self::Manual => Again::AfterRemedy,
        }
    }
}

impl Attention {
    /// A position survives only what is known not to touch the tape.
    fn position(self) -> Position {
        match self {
            Self::Modes
            | Self::Logs
            | Self::Timestamp
            | Self::MailSlot
            | Self::Inventory
            | Self::Identity
            | Self::RemovalAsked
            | Self::CleaningWanted
            | Self::Warning => Position::Kept,
            // Whoever takes a reservation away does so in order to use the drive; and under another key the
            // drive would write what nobody can read.
            Self::Reservations
            | Self::Encryption
            | Self::Reset
            | Self::MediumChanged
            | Self::CommandsCleared
            | Self::Firmware
            | Self::Unknown => Position::Lost,
        }
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, percent) = match self {
            Self::Becoming(percent) => ("it is becoming ready", *percent),
            Self::Formatting(percent) => ("it formats the medium", *percent),
            Self::InProgress(percent) => ("it is still at work", *percent),
            Self::NeedsLoad => ("the cartridge in it has to be loaded", None),
            Self::NotThreaded => ("the cartridge in it is not threaded", None),
            Self::NoMedium => ("no cartridge is in it", None),
            Self::Cleaning => ("a cleaning cartridge is in it", None),
            Self::NoMagazine => ("its magazine is out or locked", None),
            Self::Offline => ("it is offline: set it online at its display", None),
            Self::Manual => ("it wants a person: look at its display", None),
            Self::Other => ("it is not ready, and does not say why", None),
        };
        f.write_str(what)?;
        match percent {
            Some(percent) => write!(f, ", {percent} % done"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "it was switched on or reset",
            Self::MediumChanged => "its cartridge may be another",
            Self::MailSlot => "its mail slot was opened",
            Self::Inventory => "magazines or drives were moved by hand",
            Self::Modes => "another host changed its settings",
            Self::Logs => "another host set its counters back",
            Self::Reservations => "another host took it over",
            Self::Timestamp => "its clock was set",
            Self::Encryption => "its encryption is not what it was",
            Self::CommandsCleared => "another host broke off its commands",
            Self::Identity => "it tells something else of itself now",
            Self::Firmware => "it has new firmware",
            Self::RemovalAsked => "somebody wants to take the cartridge out",
            Self::CleaningWanted => "it wants to be cleaned",
            Self::Warning => "it warns of itself",
            Self::Unknown => "something happened that it does not explain",
        })
    }
}
