//! Where the tape stands, as the drive sees it.
//!
//! READ POSITION has three forms. The *long* one counts filemarks as well as objects, so it proves that a jump
//! ended in the right file; the *extended* one tells how much of what was written is on the medium. A drive that
//! does not know a form is asked for the *short* one, which counts objects up to 2^32 and what is buffered.

use types::{FileNo, ObjectNo};

use super::{Problem, Stand, TapeDrive};
use crate::scsi::cdb::ssc::{PositionForm, read_position};
use crate::scsi::page::position;
use crate::transport::{Data, Transport};

/// Which forms the drive knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forms {
    long: Form,
    extended: Form,
}

/// Whether the drive knows a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    MayBeKnown,
    Unknown,
}

impl Default for Forms {
    fn default() -> Self {
        Self { long: Form::MayBeKnown, extended: Form::MayBeKnown }
    }
}

/// What the drive says of its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Before which object it stands.
    pub object: ObjectNo,
    /// How many filemarks are before it, if it says.
    pub file: Option<u64>,
}

impl<T: Transport> TapeDrive<T> {
    /// Asks the drive where it stands.
    pub(super) fn tell(&mut self) -> Result<Told, Problem> {
        if self.forms.long == Form::MayBeKnown {
            let mut reply = [0; PositionForm::Long.length() as usize];
            match self.answer_to(read_position(PositionForm::Long), &mut reply) {
                Ok(reply) => {
                    let long = position::long(reply)?;
                    let object = long.object.ok_or(Problem::NoPosition)?;
                    return Ok(Told { object, file: long.file });
                }
                Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => {
                    self.forms.long = Form::Unknown;
                }
                Err(other) => return Err(other),
            }
        }
        let short = self.tell_short()?;
        Ok(Told { object: short.object.ok_or(Problem::NoPosition)?, file: None })
    }

    /// Asks the drive how much of what was written is on the medium.
    pub(super) fn tell_buffered(&mut self) -> Result<position::Position, Problem> {
        if self.forms.extended == Form::MayBeKnown {
            let mut reply = [0; PositionForm::Extended.length() as usize];
            match self.answer_to(read_position(PositionForm::Extended), &mut reply) {
                Ok(reply) => return Ok(position::extended(reply)?),
                Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => {
                    self.forms.extended = Form::Unknown;
                }
                Err(other) => return Err(other),
            }
        }
        self.tell_short()
    }

    fn tell_short(&mut self) -> Result<position::Position, Problem> {
        let mut reply = [0; PositionForm::Short.length() as usize];
        let reply = self.answer_to(read_position(PositionForm::Short), &mut reply)?;
        Ok(position::short(reply)?)
    }

    /// The bytes that the drive answered.
    fn answer_to<'a>(
        &mut self,
        cdb: crate::scsi::Cdb,
        room: &'a mut [u8],
    ) -> Result<&'a [u8], Problem> {
        let reply = self.command(cdb, crate::scsi::During::Other, Data::In(room))?;
        Ok(room.get(..reply.moved).unwrap_or(room))
    }

    /// Compares where the drive stands with where it should.
    pub(super) fn prove(&mut self, at: Stand) -> Result<(), Problem> {
        let told = self.tell()?;
        if told.object != at.object {
            return Err(Problem::Moved { found: told.object.0, wanted: at.object.0 });
        }
        in_file(told, at.place.file)
    }
}

/// Compares the file as well, if the drive counts files.
pub(super) fn in_file(told: Told, wanted: FileNo) -> Result<(), Problem> {
    match told.file {
        Some(found) if found != u64::from(wanted.0) => {
            Err(Problem::OtherFile { found, wanted: wanted.0.into() })
        }
        _ => Ok(()),
    }
}
