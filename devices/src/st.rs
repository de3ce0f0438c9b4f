//! A tape drive through the kernel's tape driver, `/dev/nst*`: where the SCSI generic driver is not to be had.
//!
//! The driver counts files and blocks, turns what the drive says into error numbers, and adds habits of its
//! own. This module knows those habits:
//!
//! - **Nodes that rewind are refused.** Whoever closes `/dev/st0`, even after only looking, rewinds the tape.
//! - **A surprise filemark.** Closed, rewound or sent elsewhere after a write, the driver ends the file first,
//!   and a torn file looks whole. An operation that moves nothing disarms it. Only a process that is killed
//!   in the middle of a file cannot do that: its file gets a filemark, and what is in it shows that it is torn.
//! - **Near the end** every second write fails with ENOSPC, and was not done; the next one is. So the block is
//!   given once more, and only a second refusal means that the medium is full.
//! - **The end of data** is a read of nothing after a filemark, and EIO elsewhere. Spacing over one more block
//!   tells it from a medium that cannot be read.
//! - **A block longer than the buffer** is ENOMEM, and is passed over. It is read again, for its length.
//! - **A buffer longer than the drive's longest block** is EINVAL, even if the block is short.
//! - **A drive that was reset** says EIO to everything until it is rewound, on newer kernels; on older ones to
//!   one operation, and then stands at the beginning, ready to write over the label.
//!
//! So before the first block or filemark of every file the drive is asked where it stands, and an answer other
//! than expected means that somebody else moved the tape. That takes logical object numbers, which the driver
//! gives only if its option `scsi2logical` is set; the superuser's process sets it. Without them, or on a drive
//! that does not tell its position, places are found by counting filemarks from the beginning, and **a foreign
//! rewind cannot be noticed** unless the drive itself complains. [`StDrive::tells_its_position`] says which.
//!
//! What cannot be done this way at all, [`Beyond`] lists: use the drive's sg node for it.

mod kernel;
#[cfg(test)]
mod model;
mod motion;
mod opening;
mod reading;
mod route;
#[cfg(test)]
mod tests;
mod trouble;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use types::{BlockSize, DriveName, FileNo, ObjectNo};

use self::kernel::{Kernel, Node, Op, Status};
pub use self::trouble::{Beyond, NotThroughSt, StTrouble};
use crate::drive::{Action, Drive, DriveError, LastBlock, Limits, Met, Position, Trouble, Wrote};
use crate::ssc::WORTH_A_LOCATE;

/// A drive behind `/dev/nst*`.
pub struct StDrive {
    name: DriveName,
    kernel: Box<dyn Kernel>,
    generic: Option<PathBuf>,
    block: BlockSize,
    /// Where the medium stands. None: nobody knows, and the drive is opened anew.
    at: Option<Standing>,
    last: Last,
    /// The driver would write a filemark if it were closed or moved now.
    armed: bool,
    /// The drive was asked where it stands since it was moved or began a file.
    asked: bool,
    /// Something was written that was not flushed.
    unflushed: bool,
    /// The end of the medium came near.
    near_end: bool,
    write_protected: bool,
    /// The longest buffer that the driver takes for a read, as far as that is known.
    room: usize,
    /// Where files begin: seen by counting.
    seen: BTreeMap<FileNo, ObjectNo>,
    /// Where files begin: said by others.
    recalled: BTreeMap<FileNo, ObjectNo>,
}

/// Whether there is a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// None.
    Empty,
    /// There is one, and it can be used.
    Ready,
    /// There is one that is being loaded, or has to be.
    NotReady,
}

/// What the driver tells of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether there is a cartridge.
    pub presence: Presence,
    /// Whether it may only be read.
    pub write_protected: bool,
    /// The density code of the cartridge (SSC-4); 0 if nobody knows.
    pub density: u8,
    /// How many bytes every block has; 0: each as many as it is given.
    pub block: u32,
    /// Before which file the tape stands, if the driver has counted.
    pub file: Option<u32>,
    /// Before which object of the tape it stands, if the drive says so.
    pub object: Option<u64>,
}

/// Where the medium stands, as counted, and as the drive should say. It may not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    position: Position,
    object: Option<u64>,
}

/// What the last operation was, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// Written: behind it is nothing.
    Wrote,
    /// The end of data was met.
    MetTheEnd,
    /// Anything else.
    Moved,
}

impl fmt::Debug for StDrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("StDrive");
        f.field("name", &self.name).field("path", &self.kernel.path()).field("at", &self.at);
        f.finish_non_exhaustive()
    }
}

impl StDrive {
    /// The drive at `path`, for blocks of this length. Nothing is opened before the first rewind, locate or
    /// search for the end of data.
    ///
    /// # Errors
    ///
    /// If the node is none of the tape driver, or one that rewinds.
    pub fn new(name: DriveName, path: &Path, block: BlockSize) -> Result<Self, StTrouble> {
        let node = Node::new(path)?;
        let generic = node.generic();
        let mut drive = Self::over(name, Box::new(node), block);
        drive.generic = generic;
        Ok(drive)
    }

    fn over(name: DriveName, kernel: Box<dyn Kernel>, block: BlockSize) -> Self {
        Self {
            name,
            kernel,
            generic: None,
            block,
            at: None,
            last: Last::Moved,
            armed: false,
            asked: false,
            unflushed: false,
            near_end: false,
            write_protected: false,
            room: usize::MAX,
            seen: BTreeMap::new(),
            recalled: BTreeMap::new(),
        }
    }

    /// Whether the drive says where it stands, so that a move by others is noticed. False before the first
    /// rewind, locate or search for the end of data.
    pub fn tells_its_position(&self) -> bool {
        self.at.is_some_and(|at| at.object.is_some())
    }

    /// Whether the cartridge was write-protected when it was last rewound, located or searched.
    pub fn is_write_protected(&self) -> bool {
        self.write_protected
    }

    /// The answer to a wish that the tape driver cannot fulfil.
    pub fn beyond(&self, wish: Beyond) -> NotThroughSt {
        NotThroughSt { wish, generic: self.generic.clone() }
    }

    /// Whether a cartridge is in the drive. The drive is opened anew for it, and stands nowhere afterwards.
    pub fn presence(&mut self) -> Result<Presence, DriveError> {
        self.attempt(Action::SayReady, |drive| {
            drive.disarm();
            drive.at = None;
            drive.kernel.reopen()?;
            let status = drive.status()?;
            Ok(match (status.online, status.empty) {
                (true, _) => Presence::Ready,
                (false, true) => Presence::Empty,
                (false, false) => Presence::NotReady,
            })
        })
    }

    /// All that the driver tells of the drive and what is in it. The drive is opened anew for it; the tape is not moved.
    pub fn tell(&mut self) -> Result<Told, DriveError> {
        let presence = self.presence()?;
        self.attempt(Action::SayReady, |drive| {
            let status = drive.status()?;
            Ok(Told {
                presence,
                write_protected: status.write_protected,
                density: status.density,
                block: status.block,
                file: status.file,
                object: drive.kernel.object().ok(),
            })
        })
    }

    /// Rewinds, and gives the cartridge out.
    pub fn eject(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::Unload, |drive| {
            drive.disarm();
            drive.at = None;
            drive.kernel.reopen()?;
            let empty = drive.status()?.empty;
            if empty { Ok(()) } else { drive.operate(Op::Offline, 1) }
        })
    }

    /// Does one action. After an error the position is not believed, and the next rewind, locate or search for
    /// the end of data begins with opening the drive anew.
    fn attempt<T>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut Self) -> Result<T, StTrouble>,
    ) -> Result<T, DriveError> {
        let at = self.at.map(|at| at.position);
        act(self).map_err(|trouble| {
            self.at = None;
            let (drive, blame) = (self.name.clone(), trouble.blame());
            let cause: Box<dyn std::error::Error + Send + Sync> = match trouble {
                StTrouble::Common(trouble) => Box::new(trouble),
                other => Box::new(other),
            };
            DriveError { drive, action, at, blame, cause }
        })
    }

    fn standing(&self) -> Result<Standing, StTrouble> {
        Ok(self.at.ok_or(Trouble::PositionUnknown)?)
    }

    fn stand(&mut self, position: Position, object: Option<u64>) {
        self.at = Some(Standing { position, object });
        if let (0, Some(object)) = (position.block, object) {
            self.seen.insert(position.file, ObjectNo(object));
        }
    }

    /// One object further.
    fn step(&mut self, over: Over) -> Result<(), StTrouble> {
        let Standing { position, object } = self.standing()?;
        let next = match over {
            Over::Block => Position { block: position.block + 1, ..position },
            Over::Filemark => Position::start_of(position.file.next()),
        };
        self.stand(next, object.map(|object| object + 1));
        Ok(())
    }

    /// Asks driver and drive where the medium stands, and compares.
    fn ask(&mut self) -> Result<(), StTrouble> {
        let Standing { position, object } = self.standing()?;
        if self.status()?.file.is_some_and(|file| file != position.file.0) {
            return Err(StTrouble::PlaceLost);
        }
        if let Some(expected) = object {
            let found = self.kernel.object().map_err(|_| StTrouble::PlaceLost)?;
            if found != expected {
                return Err(StTrouble::MovedByOthers { expected, found });
            }
        }
        Ok(())
    }

    fn operate(&mut self, op: Op, count: u32) -> Result<(), StTrouble> {
        self.kernel.operate(op, count).map_err(|error| self.why(error))
    }

    fn status(&mut self) -> Result<Status, StTrouble> {
        self.kernel.status().map_err(|error| self.why(error))
    }

    fn object(&mut self) -> Result<u64, StTrouble> {
        self.kernel.object().map_err(|error| self.io(error))
    }

    /// What an error number means. EIO is all that the driver says of a medium that cannot be read, and of a
    /// drive that was reset; the latter no longer tells its place, or another.
    fn why(&mut self, error: io::Error) -> StTrouble {
        if is(&error, Errno::ENOMEDIUM) {
            return Trouble::NoCartridge.into();
        }
        if is(&error, Errno::EACCES) || is(&error, Errno::EROFS) {
            return StTrouble::WriteProtected;
        }
        let expected = self.at.and_then(|at| at.object);
        if let (true, Some(expected)) = (is(&error, Errno::EIO), expected) {
            match self.kernel.object() {
                Ok(found) if found.abs_diff(expected) <= 1 => {}
                _ => return StTrouble::PlaceLost,
            }
        }
        self.io(error)
    }

    fn io(&self, source: io::Error) -> StTrouble {
        Trouble::Io { path: self.kernel.path().display().to_string(), source }.into()
    }
}

/// What a medium moves over.
#[derive(Clone, Copy)]
enum Over {
    Block,
    Filemark,
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

impl Drive for StDrive {
    fn name(&self) -> &DriveName {
        &self.name
    }

    fn limits(&self) -> Limits {
        let block = self.block;
        Limits {
            header: block,
            block,
            last_block: LastBlock::Filled,
            worth_a_locate: WORTH_A_LOCATE,
        }
    }

    fn object_of(&self, file: FileNo) -> Option<ObjectNo> {
        self.seen.get(&file).copied()
    }

    fn recall(&mut self, file: FileNo, object: ObjectNo) {
        self.recalled.insert(file, object);
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        self.attempt(Action::WriteBlock, |drive| drive.write(block))
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::WriteFilemark, Self::mark)
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::Flush, Self::sync)
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.attempt(Action::ReadBlock, |drive| drive.read(buffer))
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::TellPosition, |drive| {
            drive.ask()?;
            Ok(drive.standing()?.position)
        })
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.attempt(Action::Locate(place), |drive| drive.go(place))
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::FindEndOfData, Self::find_end)
    }
}

/// A process that stops in the middle of a file must not leave a filemark there. What it wrote may stay or
/// go, as after a power cut.
impl Drop for StDrive {
    fn drop(&mut self) {
        self.disarm();
    }
}
