//! What a drive can do, and what it answers.
//!
//! A medium is a row of *files*, each a row of *blocks* that ends with a *filemark*; behind the last is the
//! *end of data*. Whoever writes anywhere discards all that was behind that place.
//!
//! ```text
//!  file 0    file 1                 file 2
//!  [label]|  [header][block][blo]|  [header][block]|  end of data
//!            block 0  1      2   filemark
//! ```
//!
//! Blocks and filemarks may be *queued*: a drive takes hundreds of megabytes before it moves the tape, and
//! an error that it reports now may belong to any block since the last [`Drive::flush`]. Only what was
//! flushed is on the medium. A file without its filemark is not a file: after a crash a reader meets the end
//! of data there, perhaps behind some of its blocks, but never a filemark.
//!
//! After an error, and after a cartridge was moved, nobody knows where the medium stands: a drive that was
//! reset stands before the label. So until the next [`Drive::locate`], [`Drive::rewind`] or
//! [`Drive::to_end_of_data`] every other call fails, with [`Trouble::PositionUnknown`].

use std::error::Error;
use std::{fmt, io};

use types::{Blame, BlockSize, Bytes, DriveName, FileNo, ObjectNo};

/// What a healthy drive says after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wrote {
    /// The block is in the drive.
    Block,
    /// The block is in the drive, and the end is near: finish this part.
    BlockNearEnd,
    /// The medium is full; the block was not taken.
    Nothing,
}

/// What a healthy drive says after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Met {
    /// A block of this length, now at the front of the buffer.
    Block(usize),
    /// The end of this file. The next read is of the next.
    Filemark,
    /// Nothing was ever written here, or it was discarded. The drive stays where it is.
    EndOfData,
}

/// A place on a medium: before this block of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// How many filemarks are before it.
    pub file: FileNo,
    /// How many blocks of the file are before it.
    pub block: u64,
}

impl Position {
    /// Before the label.
    pub const BEGINNING: Self = Self::start_of(FileNo::LABEL);

    /// Before the first block of `file`.
    pub const fn start_of(file: FileNo) -> Self {
        Self { file, block: 0 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}, block {}", self.file, self.block)
    }
}

/// A stretch of a medium: blocks of one file that are read without a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Before its first block.
    pub first: Position,
    /// Before its last block, which belongs to it.
    pub last: Position,
}

/// The order in which stretches stand on the medium, as indexes into them.
pub(crate) fn as_they_stand(stretches: &[Stretch]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stretches.len()).collect();
    order.sort_by_key(|&index| stretches.get(index).map(|stretch| stretch.first));
    order
}

/// What the medium in a drive wants of those who write and read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The length of the first block of every file.
    pub header: BlockSize,
    /// The length of all other blocks.
    pub block: BlockSize,
    /// Whether the last block of a file may be shorter.
    pub last_block: LastBlock,
    /// A gap of at least this many bytes is skipped by a locate; a shorter one is sooner read through.
    pub worth_a_locate: Bytes,
}

/// Whether the last block of a file may be shorter than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastBlock {
    /// It is filled, as on tape.
    Filled,
    /// It ends where the data ends, as in a directory.
    AsItIs,
}

/// A drive: blocks, marks and positions.
pub trait Drive: Send {
    /// What it is called.
    fn name(&self) -> &DriveName;

    /// What the medium wants.
    fn limits(&self) -> Limits;

    /// What a person might call the file that begins with the next block written: a hint for media that name
    /// their files.
    fn title_file(&mut self, _title: &str) {}

    /// Which object the first block of `file` is, if the drive counts objects and has been there: for the
    /// catalogue, which gives it back to [`Drive::recall`] one day.
    fn object_of(&self, _file: FileNo) -> Option<ObjectNo> {
        None
    }

    /// A hint for later locates: the first block of `file` is this object. A drive that goes by objects then
    /// goes straight there, and proves afterwards that it is in the right file.
    fn recall(&mut self, _file: FileNo, _object: ObjectNo) {}

    /// In which order these stretches are read soonest from where the medium stands, as indexes into them, each
    /// once. It is advice, which no drive fails to give: one that knows no better takes them as they stand.
    fn reading_order(&mut self, stretches: &[Stretch]) -> Vec<usize> {
        as_they_stand(stretches)
    }

    /// A hint: so much has to be left when the drive says that the end is near. It never leaves less than it was set
    /// up to, and a drive that cannot be told keeps to its own.
    fn keep_free(&mut self, _room: Bytes) {}

    /// Gives the drive one block. It may be queued.
    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError>;

    /// Ends the file. The mark may be queued.
    fn write_filemark(&mut self) -> Result<(), DriveError>;

    /// Waits until all that was written is on the medium. The answer is where the medium then stands.
    fn flush(&mut self) -> Result<Position, DriveError>;

    /// Takes the next block. A block longer than the buffer is an error.
    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError>;

    /// Where the medium stands.
    fn position(&mut self) -> Result<Position, DriveError>;

    /// Goes to `place`. A place behind the end of data is an error.
    fn locate(&mut self, place: Position) -> Result<(), DriveError>;

    /// Goes behind all data, and says where that is.
    fn to_end_of_data(&mut self) -> Result<Position, DriveError>;

    /// Goes before the label.
    fn rewind(&mut self) -> Result<(), DriveError> {
        self.locate(Position::BEGINNING)
    }
}

/// What is asked of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// [`Drive::write_block`].
    WriteBlock,
    /// [`Drive::write_filemark`].
    WriteFilemark,
    /// [`Drive::flush`].
    Flush,
    /// [`Drive::read_block`].
    ReadBlock,
    /// [`Drive::position`].
    TellPosition,
    /// [`Drive::locate`].
    Locate(Position),
    /// [`Drive::to_end_of_data`].
    FindEndOfData,
    /// To say what it is.
    Identify,
    /// To say whether it is ready.
    SayReady,
    /// To take in and thread its cartridge.
    Load,
    /// To give its cartridge out.
    Unload,
    /// To say how it and its cartridge are.
    TellHealth,
    /// To read the memory of its cartridge.
    ReadMemory,
    /// To write the memory of its cartridge.
    WriteMemory,
    /// To be set otherwise.
    Set,
    /// To serve this host alone, or no longer.
    Reserve,
    /// To order what is to be read.
    OrderReading,
    /// To forget what is on its medium.
    Erase,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteBlock => f.write_str("write a block"),
            Self::WriteFilemark => f.write_str("write a filemark"),
            Self::Flush => f.write_str("bring what it has buffered to the medium"),
            Self::ReadBlock => f.write_str("read a block"),
            Self::TellPosition => f.write_str("tell its position"),
            Self::Locate(place) => write!(f, "go to {place}"),
            Self::FindEndOfData => f.write_str("go to the end of data"),
            Self::Identify => f.write_str("say what it is"),
            Self::SayReady => f.write_str("say whether it is ready"),
            Self::Load => f.write_str("load its cartridge"),
            Self::Unload => f.write_str("unload its cartridge"),
            Self::TellHealth => f.write_str("say how it is"),
            Self::ReadMemory => f.write_str("read the memory of its cartridge"),
            Self::WriteMemory => f.write_str("write the memory of its cartridge"),
            Self::Set => f.write_str("be set as is wanted"),
            Self::Reserve => f.write_str("be reserved"),
            Self::OrderReading => f.write_str("order what is to be read"),
            Self::Erase => f.write_str("erase its cartridge"),
        }
    }
}

/// A drive that could not do what it was asked. Where its medium stands is now unknown.
#[derive(Debug, thiserror::Error)]
#[error("drive {drive} could not {action}{}", where_it_was(*.at))]
pub struct DriveError {
    /// Which.
    pub drive: DriveName,
    /// What it was asked.
    pub action: Action,
    /// Where it stood, if that was known.
    pub at: Option<Position>,
    /// What has to change before another try.
    pub blame: Blame,
    /// Why.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

fn where_it_was(at: Option<Position>) -> String {
    at.map(|at| format!(" at {at}")).unwrap_or_default()
}

/// Why a drive could not: what drives of every kind have in common.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is nothing to read or write.
    #[error("no cartridge is loaded")]
    NoCartridge,
    /// The position was lost.
    #[error("its position is unknown since an error or since a cartridge was moved")]
    PositionUnknown,
    /// The medium has no such place.
    #[error("the medium has no such place: its data ends at {end}")]
    NotThere {
        /// Where it ends.
        end: Position,
    },
    /// The buffer is too small.
    #[error("the block has {block} bytes, and only {buffer} were expected")]
    BlockTooLong {
        /// What is on the medium.
        block: usize,
        /// What there was room for.
        buffer: usize,
    },
    /// A block that this medium cannot take.
    #[error("a block of {length} bytes cannot stand here: {wanted} bytes are wanted")]
    BlockLength {
        /// What was given.
        length: usize,
        /// What it must be.
        wanted: usize,
    },
    /// A directory that is no longer what it should be.
    #[error("{0}")]
    Damaged(String),
    /// The file system has less room than its volumes were promised.
    #[error(
        "the file system of {path} is full, although the volume has room for {left} more: free some space \
         there, or give the library less capacity"
    )]
    DiskFull {
        /// The directory of the slot.
        path: String,
        /// What the volume could still take.
        left: Bytes,
    },
    /// The system refused.
    #[error("{path}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Trouble {
    /// What has to change.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoCartridge | Self::NotThere { .. } | Self::Damaged(_) => Blame::Medium,
            Self::PositionUnknown | Self::DiskFull { .. } => Blame::Nothing,
            Self::BlockTooLong { .. } | Self::BlockLength { .. } => Blame::Host,
            // A sector that does not read, and a disk that was pulled out, are one volume's trouble. The
            // rest (rights, a read-only file system, no file handles left) would meet the next volume too.
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => Blame::Medium,
                _ if source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                    Blame::Medium
                }
                _ => Blame::Host,
            },
        }
    }
}

/// A drive may be lent for a while, or be of a kind that only `main` knows.
macro_rules! drive_by_reference {
    ($type:ty) => {
        impl<D: Drive + ?Sized> Drive for $type {
            fn name(&self) -> &DriveName {
                (**self).name()
            }
            fn limits(&self) -> Limits {
                (**self).limits()
            }
            fn title_file(&mut self, title: &str) {
                (**self).title_file(title);
            }
            fn object_of(&self, file: FileNo) -> Option<ObjectNo> {
                (**self).object_of(file)
            }
            fn recall(&mut self, file: FileNo, object: ObjectNo) {
                (**self).recall(file, object);
            }
            fn reading_order(&mut self, stretches: &[Stretch]) -> Vec<usize> {
                (**self).reading_order(stretches)
            }
            fn keep_free(&mut self, room: Bytes) {
                (**self).keep_free(room);
            }
            fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
                (**self).write_block(block)
            }
            fn write_filemark(&mut self) -> Result<(), DriveError> {
                (**self).write_filemark()
            }
            fn flush(&mut self) -> Result<Position, DriveError> {
                (**self).flush()
            }
            fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
                (**self).read_block(buffer)
            }
            fn position(&mut self) -> Result<Position, DriveError> {
                (**self).position()
            }
            fn locate(&mut self, place: Position) -> Result<(), DriveError> {
                (**self).locate(place)
            }
            fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
                (**self).to_end_of_data()
            }
            fn rewind(&mut self) -> Result<(), DriveError> {
                (**self).rewind()
            }
        }
    };
}

drive_by_reference!(&mut D);
drive_by_reference!(Box<D>);
