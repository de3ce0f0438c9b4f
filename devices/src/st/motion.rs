//! Finding places: by object where the drive tells its position, by counting where it does not.

use types::{FileNo, ObjectNo};

use super::kernel::Op;
use super::route::{self, Step};
use super::{Last, StDrive, StTrouble, Standing};
use crate::drive::{Position, Trouble};

impl StDrive {
    /// Goes there, by object if that is known and the drive tells its position, or by counting.
    pub(super) fn go(&mut self, place: Position) -> Result<(), StTrouble> {
        self.settle()?;
        if !self.go_by_object(place)? {
            let Standing { position, .. } = self.standing()?;
            self.walk(&route::by_counting(position, place))?;
            self.arrive(place)?;
        }
        if self.standing()?.position != place {
            self.walk(&route::by_counting(Position::start_of(place.file), place))?;
            self.arrive(place)?;
        }
        Ok(())
    }

    /// Goes to the beginning of the file that `place` is in. False: there is no way by objects, or the hint was
    /// wrong, and the medium stands at its beginning.
    fn go_by_object(&mut self, place: Position) -> Result<bool, StTrouble> {
        let file = place.file;
        let Standing { position, object } = self.standing()?;
        let hint = self.seen.get(&file).or_else(|| self.recalled.get(&file));
        let known = hint.filter(|_| object.is_some() && position.file != file).copied();
        let Some((expected, way)) = known.and_then(|it| Some((it, route::by_object(file, it)?)))
        else {
            return Ok(false);
        };
        let went = way.iter().try_for_each(|&(op, count)| self.kernel.operate(op, count));
        if went.is_ok() && self.kernel.object().is_ok_and(|found| found == expected.0) {
            self.stand(Position::start_of(file), Some(expected.0));
            return Ok(true);
        }
        self.seen.remove(&file);
        self.recalled.remove(&file);
        self.before_the_label()?;
        Ok(false)
    }

    fn walk(&mut self, way: &[Step]) -> Result<(), StTrouble> {
        for &(op, count) in way {
            if let Err(error) = self.kernel.operate(op, count) {
                let status = self.status()?;
                let block = matches!(op, Op::ForwardBlocks | Op::BackBlocks);
                if status.end_of_data || (block && status.filemark) {
                    let end = self.find_end()?;
                    return Err(Trouble::NotThere { end }.into());
                }
                return Err(self.why(error));
            }
        }
        Ok(())
    }

    /// After counting one's way there: that is where the medium stands, and what the drive says is its number.
    fn arrive(&mut self, place: Position) -> Result<(), StTrouble> {
        let tells = self.tells_its_position();
        let object = if tells { Some(self.object()?) } else { None };
        self.stand(place, object);
        if let Some(start) = object.and_then(|object| object.checked_sub(place.block)) {
            self.seen.insert(place.file, ObjectNo(start));
        }
        Ok(())
    }

    /// Goes behind all data. How many blocks stand behind the last filemark, the driver does not say: they are
    /// counted from there.
    pub(super) fn find_end(&mut self) -> Result<Position, StTrouble> {
        self.settle()?;
        self.before_the_label()?;
        let end =
            if self.tells_its_position() { self.end_by_object()? } else { self.end_by_counting()? };
        self.last = Last::MetTheEnd;
        Ok(end)
    }

    fn end_by_object(&mut self) -> Result<Position, StTrouble> {
        self.operate(Op::EndOfData, 1)?;
        let end = self.object()?;
        let file = FileNo(self.status()?.file.ok_or(StTrouble::PlaceLost)?);
        if file == FileNo::LABEL {
            self.stand(Position { file, block: end }, Some(end));
            return Ok(Position { file, block: end });
        }
        self.operate(Op::BackFiles, 1)?;
        self.operate(Op::ForwardFiles, 1)?;
        let start = self.object()?;
        self.stand(Position::start_of(file), Some(start));
        let place = Position { file, block: end.checked_sub(start).ok_or(StTrouble::PlaceLost)? };
        self.walk(&route::by_counting(Position::start_of(file), place))?;
        self.stand(place, Some(end));
        Ok(place)
    }

    /// File by file, then block by block, until it goes no further.
    fn end_by_counting(&mut self) -> Result<Position, StTrouble> {
        let mut end = Position::BEGINNING;
        while self.kernel.operate(Op::ForwardFiles, 1).is_ok() {
            end.file = end.file.next();
        }
        // Only the end of data stops it for good: then it stands behind all that there is.
        if end.file != FileNo::LABEL {
            self.operate(Op::BackFiles, 1)?;
            self.operate(Op::ForwardFiles, 1)?;
        } else {
            self.operate(Op::Rewind, 1)?;
        }
        while self.kernel.operate(Op::ForwardBlocks, 1).is_ok() {
            end.block += 1;
        }
        self.stand(end, None);
        Ok(end)
    }
}
