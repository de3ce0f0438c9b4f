//! A tape drive, command by command (SSC-4).
//!
//! ```text
//!  Drive ──► write read place ──► command ──► Transport
//!            │                      └ the one table of scsi::judge says what the drive meant
//!            └ tell: READ POSITION proves where the tape stands
//! ```
//!
//! The drive's own position is never merely believed. Before the first block of a file is written, after every
//! jump and at every flush the drive is asked, and what it says is compared with what was counted here. Another
//! program that rewound the tape, a reset that nobody reported, a robot that took the cartridge: all of them show
//! as another position, and then nothing is written.
//!
//! A unit attention (reset, another cartridge, another host) takes away whatever it puts in doubt: the position,
//! the map of where files begin, the settings. The settings are made again before the next command; the position
//! only by a [`Drive::locate`], [`Drive::rewind`] or [`Drive::to_end_of_data`].
//!
//! Filemarks are written without waiting for them. Only [`Drive::flush`] waits, and then reads the position at
//! which the medium really is: what is before it is safe, and nothing else.

use types::{BlockSize, Bytes, DriveName, FileNo, ObjectNo};

use crate::drive::{
    Action, Drive, DriveError, LastBlock, Limits, Met, Position, Stretch, Trouble, Wrote,
};
use crate::scsi::judge::{Again, Attention};
use crate::scsi::{Cdb, During};
use crate::transport::{Data, Transport};

mod abilities;
mod check;
mod command;
mod encryption;
mod erase;
mod health;
mod identify;
mod memory;
mod modes;
mod notes;
mod order;
mod place;
mod prepare;
mod problem;
mod read;
mod ready;
mod recommend;
mod reserve;
mod starts;
mod tell;
mod timeouts;
mod write;

#[cfg(test)]
mod against;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod session;
#[cfg(test)]
mod tests;

pub use abilities::{Abilities, Compressing};
pub use check::Check;
pub use command::Refusal;
pub use encryption::{Encryption, Key, LongName};
pub use health::Health;
pub use identify::Identity;
pub use memory::{CartridgeFacts, Written};
pub use modes::Protection;
pub use notes::{Cleaning, FailureAhead, Notes};
pub(crate) use order::WORTH_A_LOCATE;
pub use order::{Segment, Wraps, order};
pub use problem::Problem;
pub use ready::{Readiness, Threading};
pub use reserve::Reserved;
pub use write::Spoilt;

use command::Reply;
use prepare::Prepared;
use starts::Starts;
use tell::Forms;
use timeouts::Timeouts;

/// How a drive is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The length of every block.
    pub block: BlockSize,
    /// Whether the drive compresses.
    pub compression: Compression,
    /// Whether a check value travels behind each block, if the drive can.
    pub check: Check,
    /// How long before its own early warning the drive warns already, if it can be told. Behind its own there may
    /// be as little as 25 MB left.
    pub warn_before_end: Option<Bytes>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            block: BlockSize::TAPE,
            compression: Compression::Off,
            check: Check::Crc32c,
            warn_before_end: None,
        }
    }
}

/// Whether a drive compresses what is written. Reading never depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// It does not. What is compressed or encrypted already only grows by it, and must come even faster for the
    /// drive to stream.
    Off,
    /// It does.
    On,
    /// As it happens to be set.
    AsItIs,
}

/// A tape drive over a transport.
#[derive(Debug)]
pub struct TapeDrive<T: Transport> {
    name: DriveName,
    transport: T,
    setup: Setup,
    encryption: Encryption,
    introduced: Introduced,
    timeouts: Timeouts,
    forms: Forms,
    notes: Notes,
    /// Settings and limits, as long as nothing has put them in doubt.
    prepared: Option<Prepared>,
    at: Option<Stand>,
    starts: Starts,
    /// The drive has warned of the end before this object.
    warned: Option<ObjectNo>,
    buffered: Buffered,
    /// What was written since the drive has said where it stands.
    unproven: Bytes,
    /// For blocks with their check values.
    scratch: Vec<u8>,
}

/// Where the tape stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stand {
    place: Position,
    object: ObjectNo,
}

impl Stand {
    const BEGINNING: Self = Self { place: Position::BEGINNING, object: ObjectNo(0) };

    /// Behind the next block.
    fn behind_a_block(self) -> Self {
        let place = Position { block: self.place.block + 1, ..self.place };
        Self { place, object: ObjectNo(self.object.0 + 1) }
    }

    /// Behind the mark that ends this file.
    fn behind_a_mark(self) -> Self {
        let place = Position::start_of(self.place.file.next());
        Self { place, object: ObjectNo(self.object.0 + 1) }
    }
}

/// Whether the drive was asked what never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Introduced {
    NotYet,
    Done,
}

/// Whether the drive may hold something that is not on the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffered {
    Nothing,
    Something,
}

/// So many attentions in a row are too many: a drive has one for each thing that happened to it.
const MOST_ATTENTIONS: u32 = 10;

impl<T: Transport> TapeDrive<T> {
    /// A drive. Nothing is asked of it yet.
    pub fn new(name: DriveName, transport: T, setup: Setup) -> Self {
        Self {
            name,
            transport,
            setup,
            encryption: Encryption::default(),
            introduced: Introduced::NotYet,
            timeouts: Timeouts::default(),
            forms: Forms::default(),
            notes: Notes::default(),
            prepared: None,
            at: None,
            starts: Starts::new(),
            warned: None,
            buffered: Buffered::Nothing,
            unproven: Bytes::ZERO,
            scratch: Vec::new(),
        }
    }

    /// What it has remarked since it was opened.
    pub fn notes(&self) -> Notes {
        self.notes
    }

    /// The way to it.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Sends one command. What a refusal puts in doubt is forgotten.
    fn command(&mut self, cdb: Cdb, during: During, data: Data<'_>) -> Result<Reply, Refusal> {
        let Self { transport, timeouts, notes, .. } = self;
        let result = command::execute(transport, timeouts, notes, &cdb, during, data);
        if let Err(refusal) = &result {
            if !refusal.keeps_position() {
                self.at = None;
            }
            if let Some(attention) = refusal.attention() {
                self.notice(attention);
            }
        }
        result
    }

    /// Sends a command that changes nothing and moves nothing, so that it may be sent again: past attentions,
    /// and when it was broken off.
    fn ask(&mut self, cdb: Cdb, mut data: Data<'_>) -> Result<Reply, Refusal> {
        for _ in 1..MOST_ATTENTIONS {
            let data = match &mut data {
                Data::None => Data::None,
                Data::Out(bytes) => Data::Out(bytes),
                Data::In(bytes) => Data::In(bytes),
            };
            match self.command(cdb, During::Other, data) {
                Err(refusal)
                    if refusal.attention().is_some() || refusal.again() == Again::AtOnce => {}
                other => return other,
            }
        }
        self.command(cdb, During::Other, data)
    }

    /// Forgets what an attention puts in doubt.
    fn notice(&mut self, attention: Attention) {
        // A cartridge that was just brought, and a drive that was just opened, are expected to say so.
        if self.at.is_some() {
            tracing::warn!(drive = %self.name, %attention, "something happened to the drive");
        } else {
            tracing::debug!(drive = %self.name, %attention, "the drive says what happened before");
        }
        match attention {
            Attention::Reset
            | Attention::MediumChanged
            | Attention::CommandsCleared
            | Attention::Firmware
            | Attention::Reservations
            | Attention::Unknown => {
                self.prepared = None;
                self.forget_medium();
            }
            Attention::Modes | Attention::Encryption => self.prepared = None,
            _ => {}
        }
    }

    /// The cartridge may be another.
    fn forget_medium(&mut self) {
        self.at = None;
        self.warned = None;
        self.buffered = Buffered::Nothing;
        self.starts = Starts::new();
    }

    /// Does something that needs no position to begin with. Whatever happened to the drive before it is
    /// noticed on the way, and then it begins again.
    fn afresh<R>(
        &mut self,
        mut act: impl FnMut(&mut Self) -> Result<R, Problem>,
    ) -> Result<R, Problem> {
        let mut attentions = 0;
        loop {
            self.prepare()?;
            match act(self) {
                Err(problem) if problem.attention().is_some() && attentions < MOST_ATTENTIONS => {
                    attentions += 1;
                }
                other => return other,
            }
        }
    }

    /// Does something at the place where the tape stands. If only settings were changed, they are made again
    /// and it goes on; if the place is in doubt, it does not.
    fn in_place<R>(
        &mut self,
        mut act: impl FnMut(&mut Self, Stand) -> Result<R, Problem>,
    ) -> Result<R, Problem> {
        let mut attentions = 0;
        loop {
            let before = self.at.ok_or(Trouble::PositionUnknown)?;
            if self.prepared.is_none() {
                self.prepare()?;
            }
            let at = self.at.ok_or(Trouble::PositionUnknown)?;
            debug_assert_eq!(before, at, "preparing moves nothing");
            match act(self, at) {
                Err(problem)
                    if problem.attention().is_some()
                        && self.at == Some(at)
                        && attentions < MOST_ATTENTIONS =>
                {
                    attentions += 1;
                }
                other => return other,
            }
        }
    }

    /// Does one action. After an error nobody believes in the position.
    fn attempt<R>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut Self) -> Result<R, Problem>,
    ) -> Result<R, DriveError> {
        let result = self.inquire(action, act);
        if result.is_err() {
            self.at = None;
        }
        result
    }
}

impl<T: Transport> TapeDrive<T> {
    /// Asks something that leaves the tape where it is, whatever comes of it.
    fn inquire<R>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut Self) -> Result<R, Problem>,
    ) -> Result<R, DriveError> {
        let at = self.at.map(|at| at.place);
        act(self).map_err(|problem| {
            let (drive, blame) = (self.name.clone(), problem.blame());
            DriveError { drive, action, at, blame, cause: problem.into_cause() }
        })
    }

    /// Sets how the drive compresses, from the next block on.
    pub fn set_compression(&mut self, compression: Compression) {
        self.setup.compression = compression;
        self.prepared = None;
    }

    /// Sets how long every block is, from the next one on.
    pub fn set_block(&mut self, block: BlockSize) {
        self.setup.block = block;
        self.prepared = None;
    }

    /// How the drive is to be used.
    pub fn setup(&self) -> Setup {
        self.setup
    }
}

impl<T: Transport> Drive for TapeDrive<T> {
    fn name(&self) -> &DriveName {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            header: self.setup.block,
            block: self.setup.block,
            last_block: LastBlock::Filled,
            worth_a_locate: WORTH_A_LOCATE,
        }
    }

    fn object_of(&self, file: FileNo) -> Option<ObjectNo> {
        self.starts.of(file)
    }

    fn recall(&mut self, file: FileNo, object: ObjectNo) {
        self.starts.told(file, object);
    }

    fn reading_order(&mut self, stretches: &[Stretch]) -> Vec<usize> {
        self.order_of(stretches)
    }

    fn keep_free(&mut self, room: Bytes) {
        if self.setup.warn_before_end.is_none_or(|set| set < room) {
            self.setup.warn_before_end = Some(room);
            self.prepared = None;
        }
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        self.attempt(Action::WriteBlock, |drive| drive.in_place(|drive, at| drive.write(at, block)))
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::WriteFilemark, |drive| drive.in_place(Self::mark))
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::Flush, |drive| drive.in_place(Self::bring_to_the_medium))
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.attempt(Action::ReadBlock, |drive| drive.in_place(|drive, at| drive.read(at, buffer)))
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::TellPosition, |drive| {
            drive.in_place(|drive, at| {
                drive.prove(at)?;
                Ok(at.place)
            })
        })
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.attempt(Action::Locate(place), |drive| drive.afresh(|drive| drive.go(place)))
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::FindEndOfData, |drive| {
            drive.afresh(|drive| Ok(drive.find_end()?.place))
        })
    }
}
