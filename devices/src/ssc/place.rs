//! Going places: by object where the start of the file is known, over filemarks where it is not.
//!
//! ```text
//!  known start:    LOCATE ──────────────────────────────► READ POSITION: right object, right file?
//!  other start:    LOCATE nearest known ─► SPACE marks ─► READ POSITION: the start is known now
//! ```
//!
//! Nothing is believed that the drive has not confirmed. A start that the catalogue told is tried; if it leads
//! elsewhere, the way over the marks is taken, which needs no hint.

use types::{FileNo, ObjectNo};

use super::starts::{Count, From, Source, Then, Way};
use super::tell::{Told, in_file};
use super::{Buffered, Problem, Stand, TapeDrive};
use crate::drive::{Position, Trouble};
use crate::scsi::During;
use crate::scsi::cdb::ssc::{Goal, Over, Within, locate_10, locate_16, rewind, space_6, space_16};
use crate::scsi::cdb::{Answered, I24};
use crate::scsi::judge::{Answer, Reason};
use crate::transport::{Data, Transport};

/// Where a movement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// Where it should.
    There,
    /// At a filemark before that.
    Filemark,
    /// At the end of the data before that; so much was left to go, if the drive says so.
    EndOfData(Option<i64>),
    /// At the beginning.
    Beginning,
    /// There is no end of data, and it was not found before that.
    Nowhere,
}

impl<T: Transport> TapeDrive<T> {
    /// Goes to `place`.
    pub(super) fn go(&mut self, place: Position) -> Result<(), Problem> {
        let here = self.at.map(|at| at.place.file);
        match self.starts.way(place, here) {
            Way::Rewind => self.go_to_beginning(),
            Way::Straight(object, Source::Seen) => self.go_straight(Stand { place, object }),
            Way::Straight(object, Source::Told) => {
                match self.go_straight(Stand { place, object }) {
                    Err(Problem::Trouble(Trouble::NotThere { .. })) => {
                        tracing::info!(drive = %self.name, %place, object = object.0, "no such place \
                            where the catalogue says it is: counting filemarks instead");
                        self.starts.disbelieve(place.file);
                        self.count_marks(place)
                    }
                    other => other,
                }
            }
            Way::Count(_) => self.count_marks(place),
        }
    }

    fn go_to_beginning(&mut self) -> Result<(), Problem> {
        self.settled(rewind(Answered::WhenDone))?;
        self.at = Some(Stand::BEGINNING);
        Ok(())
    }

    /// By the number of its object.
    fn go_straight(&mut self, to: Stand) -> Result<(), Problem> {
        let there = match self.go_to_object(to.object)? {
            Reached::There => {
                let told = self.tell()?;
                told.object == to.object && in_file(told, to.place.file).is_ok()
            }
            _ => false,
        };
        if !there {
            let end = self.find_end()?.place;
            return Err(Trouble::NotThere { end }.into());
        }
        self.at = Some(to);
        Ok(())
    }

    /// Over filemarks to the start of the file, and from there to the block.
    fn count_marks(&mut self, place: Position) -> Result<(), Problem> {
        let here = self.at.map(|at| at.place.file);
        let count = self.starts.count(place.file, here);
        if !self.over_marks(&count)? {
            let end = self.find_end()?.place;
            return Err(Trouble::NotThere { end }.into());
        }
        let told = self.tell()?;
        in_file(told, place.file)?;
        let start = told.object;
        self.starts.seen(place.file, start);
        let object = ObjectNo(start.0.saturating_add(place.block));
        if place.block == 0 {
            self.at = Some(Stand { place, object });
            return Ok(());
        }
        self.go_straight(Stand { place, object })
    }

    /// Says whether there were as many.
    fn over_marks(&mut self, count: &Count) -> Result<bool, Problem> {
        if let From::Start(_, object) = count.from
            && self.go_to_object(object)? != Reached::There
        {
            return Ok(false);
        }
        if self.space(Over::Filemarks, count.marks)? != Reached::There {
            return Ok(false);
        }
        match count.then {
            Then::Stay => Ok(true),
            Then::PassTheMark => Ok(self.space(Over::Filemarks, 1)? == Reached::There),
        }
    }

    fn go_to_object(&mut self, object: ObjectNo) -> Result<Reached, Problem> {
        if object.0 == 0 {
            self.settled(rewind(Answered::WhenDone))?;
            return Ok(Reached::There);
        }
        let far = locate_16(Goal::Object(object), Within::Here, Answered::WhenDone);
        match (self.movement(far), u32::try_from(object.0)) {
            (Err(Problem::Refused(refusal)), Ok(near)) if refusal.is_unknown_to_the_drive() => {
                self.movement(locate_10(near, Within::Here, Answered::WhenDone))
            }
            (result, _) => result,
        }
    }

    fn space(&mut self, over: Over, count: i64) -> Result<Reached, Problem> {
        if count == 0 && over != Over::ToEndOfData {
            return Ok(Reached::There);
        }
        self.movement(match I24::try_from(count) {
            Ok(count) => space_6(over, count),
            Err(_) => space_16(over, count),
        })
    }

    /// Moves the tape. What was buffered is written first, and if that fails it shows here.
    fn movement(&mut self, cdb: crate::scsi::Cdb) -> Result<Reached, Problem> {
        self.at = None;
        let answer = match self.command(cdb, During::Space, Data::None) {
            Ok(reply) => reply.answer,
            Err(refusal) if refusal.reason() == Some(Reason::NoEndOfData) => {
                return Ok(Reached::Nowhere);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        self.buffered = Buffered::Nothing;
        match answer {
            Answer::Done
            | Answer::EarlyWarning { .. }
            | Answer::ProgrammableEarlyWarning { .. } => Ok(Reached::There),
            Answer::Filemark { .. } => Ok(Reached::Filemark),
            Answer::EndOfData { left } => Ok(Reached::EndOfData(left)),
            Answer::BeginningOfPartition { .. } => Ok(Reached::Beginning),
            other => Err(Problem::Odd(format!("{other:?}"))),
        }
    }

    fn settled(&mut self, cdb: crate::scsi::Cdb) -> Result<(), Problem> {
        match self.movement(cdb)? {
            Reached::There | Reached::Beginning => Ok(()),
            other => Err(Problem::Odd(format!("{other:?}"))),
        }
    }

    /// Goes behind all data, and works out which place that is.
    pub(super) fn find_end(&mut self) -> Result<Stand, Problem> {
        let reached = self.space(Over::ToEndOfData, 0)?;
        let told = self.tell()?;
        let end = match (reached, told.object) {
            (_, ObjectNo(0)) => Stand::BEGINNING,
            (Reached::Nowhere, _) => return Err(Problem::NoEndOfData),
            _ => self.place_of_end(told)?,
        };
        self.at = Some(end);
        Ok(end)
    }

    fn place_of_end(&mut self, told: Told) -> Result<Stand, Problem> {
        let object = told.object;
        let file = match told.file {
            Some(file) => file,
            None => self.count_all_files()?,
        };
        let file = u32::try_from(file)
            .map(FileNo)
            .map_err(|_| Problem::Odd(format!("that the medium has {file} files")))?;
        let start = match self.starts.of(file) {
            Some(start) => start,
            None => self.start_of(file, object)?,
        };
        let block = object
            .0
            .checked_sub(start.0)
            .ok_or(Problem::Moved { found: object.0, wanted: start.0 })?;
        Ok(Stand { place: Position { file, block }, object })
    }

    /// By running over all of them.
    fn count_all_files(&mut self) -> Result<u64, Problem> {
        const ALL: i64 = 0x007f_ffff;
        self.settled(rewind(Answered::WhenDone))?;
        match self.space(Over::Filemarks, ALL)? {
            Reached::EndOfData(Some(left)) => {
                Ok(ALL.saturating_sub(left).try_into().unwrap_or_default())
            }
            other => Err(Problem::Odd(format!("{other:?} when it was to count its files"))),
        }
    }

    /// Where the file begins in which the tape stands before `here`. If a mark is right before that, it is
    /// there; else it is behind the mark before.
    pub(super) fn start_of(&mut self, file: FileNo, here: ObjectNo) -> Result<ObjectNo, Problem> {
        let start = match self.space(Over::Blocks, -1)? {
            Reached::Filemark => {
                self.pass(Over::Filemarks, 1)?;
                here
            }
            _ => {
                self.pass(Over::Filemarks, -1)?;
                self.pass(Over::Filemarks, 1)?;
                let start = self.tell()?.object;
                self.go_to_object(here)?;
                start
            }
        };
        let told = self.tell()?;
        if told.object != here {
            return Err(Problem::Moved { found: told.object.0, wanted: here.0 });
        }
        self.starts.seen(file, start);
        Ok(start)
    }

    fn pass(&mut self, over: Over, count: i64) -> Result<(), Problem> {
        match self.space(over, count)? {
            Reached::There => Ok(()),
            other => Err(Problem::Odd(format!("{other:?}"))),
        }
    }
}
