//! What the index of a dump says of one path.

use serde::{Deserialize, Serialize};
use types::FileTime;

/// What stands at a path, or that nothing does any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum RecordKind {
    /// A file with contents.
    File = 0,
    /// A directory.
    Directory = 1,
    /// A symbolic link.
    Symlink = 2,
    /// One more name of a file that came earlier.
    HardLink = 3,
    /// A named pipe.
    Fifo = 4,
    /// A character device.
    Char = 5,
    /// A block device.
    Block = 6,
    /// A tombstone: what stood here in the base, and all below it, is gone.
    Gone = 7,
}

impl RecordKind {
    const ALL: [Self; 8] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::HardLink,
        Self::Fifo,
        Self::Char,
        Self::Block,
        Self::Gone,
    ];

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// One path of a dump: what it is, and where in the image it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Relative to the DLE's root, as in [`crate::path`].
    pub path: Vec<u8>,
    /// What it is.
    pub kind: RecordKind,
    /// Permissions, set-id and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// How long the file is, holes included.
    pub size: u64,
    /// When its contents last changed.
    pub mtime: FileTime,
    /// The frame that its headers begin in.
    pub frame: u32,
    /// Where in that frame, once opened.
    pub offset: u32,
    /// The bytes of its headers, data and padding, over all its frames.
    pub raw_len: u64,
    /// A hard link's earlier name; else empty.
    pub link: Vec<u8>,
}

impl Record {
    /// A record of an empty thing that belongs to root and dates from 1970.
    pub fn new(path: impl Into<Vec<u8>>, kind: RecordKind) -> Self {
        Self {
            path: path.into(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: FileTime::default(),
            frame: 0,
            offset: 0,
            raw_len: 0,
            link: Vec::new(),
        }
    }

    /// What stood at this path is gone, and all that it held.
    pub fn tombstone(path: impl Into<Vec<u8>>) -> Self {
        Self::new(path, RecordKind::Gone)
    }
}
