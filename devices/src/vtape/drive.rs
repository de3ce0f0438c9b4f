//! A drive for directories.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use types::{BlockSize, Bytes, DriveName, FileNo};

use super::directory::{Directory, Unfinished};
use super::disk::{self, Lookout};
use super::{OpenDrive, Setup};
use crate::drive::{Action, Drive, DriveError, LastBlock, Limits, Met, Position, Trouble, Wrote};

/// A drive of a vtape library.
#[derive(Debug)]
pub struct VtapeDrive {
    name: DriveName,
    setup: Setup,
    /// What the writer wants to be left when the end is near.
    kept_free: Bytes,
    open: Arc<OpenDrive>,
    /// The count of moves of the cartridge that the rest of this value is about.
    moves: Option<u64>,
    medium: Option<Directory>,
    at: Option<Position>,
    title: String,
    /// The file that is being written.
    pen: Option<Pen>,
    /// Files with a filemark that was not flushed, oldest first.
    queued: VecDeque<Unfinished>,
    /// The file that is being read.
    eye: Option<(FileNo, File)>,
    lookout: Lookout,
}

#[derive(Debug)]
struct Pen {
    file: Unfinished,
    /// A short block was written, so it was the last.
    ended: bool,
}

impl VtapeDrive {
    pub(super) fn new(name: DriveName, setup: Setup, open: Arc<OpenDrive>) -> Self {
        Self {
            name,
            setup,
            kept_free: Bytes::ZERO,
            open,
            moves: None,
            medium: None,
            at: None,
            title: String::new(),
            pen: None,
            queued: VecDeque::new(),
            eye: None,
            lookout: Lookout::default(),
        }
    }

    /// Whether the volume has said that its end is near, or that it takes no more, since its file system is full. It would
    /// go on if there were space.
    pub fn is_cut_short(&self) -> bool {
        self.lookout.is_short()
    }

    /// Does one action. After an error nothing is believed: neither the position nor what was queued.
    fn attempt<T>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, DriveError> {
        self.notice_moves();
        let at = self.at;
        act(self).map_err(|trouble| {
            self.forget();
            let (drive, blame) = (self.name.clone(), trouble.blame());
            DriveError { drive, action, at, blame, cause: Box::new(trouble) }
        })
    }

    /// Another cartridge may have come since the last action.
    fn notice_moves(&mut self) {
        let moves = self.open.bay().moves;
        if self.moves != Some(moves) {
            self.forget();
            self.moves = Some(moves);
        }
    }

    fn forget(&mut self) {
        self.medium = None;
        self.at = None;
        self.pen = None;
        self.queued.clear();
        self.eye = None;
        self.lookout = Lookout::default();
    }

    /// The directory of the cartridge in this drive.
    fn medium(&mut self) -> Result<&mut Directory, Trouble> {
        let medium = match self.medium.take() {
            Some(medium) => medium,
            None => {
                let path = self.open.bay().directory.clone().ok_or(Trouble::NoCartridge)?;
                Directory::open(&path).map_err(|e| self.io(e))?.map_err(Trouble::Damaged)?
            }
        };
        Ok(self.medium.insert(medium))
    }

    fn at(&self) -> Result<Position, Trouble> {
        self.at.ok_or(Trouble::PositionUnknown)
    }

    fn io(&self, source: io::Error) -> Trouble {
        let path = self.open.bay().directory.clone().unwrap_or_default().display().to_string();
        match disk::is_full(&source) {
            true => Trouble::DiskFull { path, left: self.left() },
            false => Trouble::Io { path, source },
        }
    }

    /// What the volume should still have room for.
    fn left(&self) -> Bytes {
        let used = match (self.at, &self.medium) {
            (Some(at), Some(medium)) => medium.used_before(at.file) + self.offset(at.block),
            _ => 0,
        };
        self.setup.capacity.saturating_sub(Bytes(used))
    }

    /// Before reading: all that has its filemark is published, and the rest is given up.
    fn settle(&mut self) -> Result<(), Trouble> {
        self.publish()?;
        if let Some(pen) = self.pen.take() {
            // What it takes may be wanted.
            pen.file.give_up();
            self.at = None;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Trouble> {
        let mut published = false;
        while let Some(mut file) = self.queued.pop_front() {
            file.publish().map_err(|e| self.io(e))?;
            published = true;
        }
        match &self.medium {
            Some(medium) if published => medium.sync().map_err(|e| self.io(e)),
            _ => Ok(()),
        }
    }

    fn write(&mut self, block: &[u8]) -> Result<Wrote, Trouble> {
        let at = self.at()?;
        self.check_length(at, block.len())?;
        let used = self.medium()?.used_before(at.file) + self.offset(at.block) + block.len() as u64;
        if used > self.setup.capacity.0 {
            return Ok(Wrote::Nothing);
        }
        let left = self.setup.capacity.0 - used;
        let reserve = self.setup.early_warning.max(self.kept_free);
        match self.append(at, block) {
            Ok(()) => self.at = Some(Position { block: at.block + 1, ..at }),
            // The file is as it was.
            Err(Trouble::DiskFull { .. }) => {
                self.lookout.refused();
                return Ok(Wrote::Nothing);
            }
            Err(other) => return Err(other),
        }
        let near = left < reserve.0 || self.lookout.is_short();
        Ok(if near { Wrote::BlockNearEnd } else { Wrote::Block })
    }

    fn append(&mut self, at: Position, block: &[u8]) -> Result<(), Trouble> {
        let short = block.len() < self.block_length(at.block).len();
        let pen = self.pen(at)?;
        let before = std::mem::replace(&mut pen.ended, short);
        let appended = pen.file.append(block);
        match (&appended, &self.pen) {
            (Ok(()), Some(pen)) => self.lookout.wrote(&pen.file.file, block.len(), self.kept_free),
            _ => {
                if let Some(pen) = &mut self.pen {
                    pen.ended = before;
                }
            }
        }
        appended.map_err(|e| self.io(e))
    }

    fn check_length(&self, at: Position, length: usize) -> Result<(), Trouble> {
        let wanted = match &self.pen {
            Some(pen) if pen.ended && pen.file.length < self.offset(at.block) => 0,
            _ => self.block_length(at.block).len(),
        };
        let fits = if at.block == 0 { length == wanted } else { (1..=wanted).contains(&length) };
        if fits { Ok(()) } else { Err(Trouble::BlockLength { length, wanted }) }
    }

    /// The file that block `at` goes into. Writing anywhere discards what is behind.
    fn pen(&mut self, at: Position) -> Result<&mut Pen, Trouble> {
        let offset = self.offset(at.block);
        let mut pen = match self.pen.take() {
            Some(pen) => pen,
            None => self.begin(at)?,
        };
        if offset < pen.file.length {
            pen.file.truncate(offset).map_err(|e| self.io(e))?;
        }
        pen.ended = pen.file.length < offset;
        Ok(self.pen.insert(pen))
    }

    fn begin(&mut self, at: Position) -> Result<Pen, Trouble> {
        self.eye = None;
        let title = std::mem::take(&mut self.title);
        let medium = self.medium()?;
        let begun = match at.block {
            0 => medium.begin(at.file, &title).map(Some),
            // Its file was read, so it is published.
            _ => medium.resume(at.file),
        };
        let file = begun.map_err(|e| self.io(e))?.ok_or(Trouble::PositionUnknown)?;
        Ok(Pen { file, ended: false })
    }

    fn mark(&mut self) -> Result<(), Trouble> {
        let at = self.at()?;
        self.medium()?;
        self.pen(at)?;
        if let (Some(pen), Some(medium)) = (self.pen.take(), &mut self.medium) {
            medium.finish(&pen.file);
            self.queued.push_back(pen.file);
        }
        self.at = Some(Position::start_of(at.file.next()));
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Met, Trouble> {
        self.settle()?;
        let at = self.at()?;
        let entry = self.medium()?.file(at.file).map_err(Trouble::Damaged)?;
        let Some(length) = entry.map(|entry| entry.length) else { return Ok(Met::EndOfData) };
        let left = length.saturating_sub(self.offset(at.block));
        if left == 0 {
            self.eye = None;
            self.at = Some(Position::start_of(at.file.next()));
            return Ok(Met::Filemark);
        }
        let block = self.block_length(at.block).len();
        let block = usize::try_from(left).map_or(block, |left| left.min(block));
        let room = buffer.len();
        let buffer =
            buffer.get_mut(..block).ok_or(Trouble::BlockTooLong { block, buffer: room })?;
        let offset = self.offset(at.block);
        self.eye(at.file)?.read_exact_at(buffer, offset).map_err(|e| self.io(e))?;
        self.at = Some(Position { block: at.block + 1, ..at });
        Ok(Met::Block(block))
    }

    fn eye(&mut self, number: FileNo) -> Result<&File, Trouble> {
        let file = match self.eye.take() {
            Some((open, file)) if open == number => file,
            _ => {
                let medium = self.medium()?;
                let entry = medium.file(number).map_err(Trouble::Damaged)?;
                let entry = entry.ok_or(Trouble::PositionUnknown)?;
                let path = medium.path_of(entry);
                File::open(&path)
                    .map_err(|source| Trouble::Io { path: path.display().to_string(), source })?
            }
        };
        let (_, file) = self.eye.insert((number, file));
        Ok(file)
    }

    fn go(&mut self, place: Position) -> Result<(), Trouble> {
        if self.is_in_hand(place) {
            self.at = Some(place);
            return Ok(());
        }
        self.settle()?;
        let offset = self.offset(place.block);
        let medium = self.medium()?;
        let end = Position::start_of(medium.end());
        let there = match medium.file(place.file).map_err(Trouble::Damaged)? {
            Some(entry) => place.block == 0 || offset <= entry.length || self.is_tail(place),
            None => place == end,
        };
        if !there {
            return Err(Trouble::NotThere { end });
        }
        self.at = Some(place);
        Ok(())
    }

    /// Within the file that is being written: what is behind `place` goes with the next write. Its very
    /// beginning is not within it: there it would be begun anew, with another title.
    fn is_in_hand(&self, place: Position) -> bool {
        let before = self.offset(place.block.saturating_sub(1));
        self.at.is_some_and(|at| at.file == place.file)
            && place.block > 0
            && self.pen.as_ref().is_some_and(|pen| before < pen.file.length)
    }

    /// Behind a last block that is shorter than the others.
    fn is_tail(&self, place: Position) -> bool {
        let entry = self.medium.as_ref().and_then(|medium| medium.file(place.file).ok().flatten());
        entry.is_some_and(|entry| self.offset(place.block.saturating_sub(1)) < entry.length)
    }

    /// Where a block begins in its file.
    fn offset(&self, block: u64) -> u64 {
        match block.checked_sub(1) {
            None => 0,
            Some(before) => {
                let data = before.saturating_mul(self.setup.block.bytes().0);
                data.saturating_add(BlockSize::HEADER.bytes().0)
            }
        }
    }

    fn block_length(&self, block: u64) -> BlockSize {
        if block == 0 { BlockSize::HEADER } else { self.setup.block }
    }
}

impl Drive for VtapeDrive {
    fn name(&self) -> &DriveName {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits {
            header: BlockSize::HEADER,
            block: self.setup.block,
            last_block: LastBlock::AsItIs,
            worth_a_locate: Bytes(1),
        }
    }

    fn keep_free(&mut self, room: Bytes) {
        self.kept_free = room;
    }

    fn title_file(&mut self, title: &str) {
        title.clone_into(&mut self.title);
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        self.attempt(Action::WriteBlock, |drive| drive.write(block))
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::WriteFilemark, Self::mark)
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::Flush, |drive| {
            let at = drive.at()?;
            drive.publish()?;
            if let Some(pen) = &mut drive.pen {
                let synced = pen.file.sync();
                synced.map_err(|e| drive.io(e))?;
            }
            Ok(at)
        })
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.attempt(Action::ReadBlock, |drive| drive.read(buffer))
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::TellPosition, |drive| drive.at())
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.attempt(Action::Locate(place), |drive| drive.go(place))
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::FindEndOfData, |drive| {
            drive.settle()?;
            let end = Position::start_of(drive.medium()?.end());
            drive.at = Some(end);
            Ok(end)
        })
    }
}
