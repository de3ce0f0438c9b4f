//! One thing in a tree: what the archive says about a file, a directory, a link or a device.
//!
//! The client makes entries from what the file system says, [`crate::tar`] turns them into headers and back,
//! and the extractor makes files from them. Names and values are bytes throughout.

use types::FileTime;

/// Everything that is kept of one file, apart from its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the DLE's root, as in [`crate::path`].
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions, set-id and sticky bits: 0 to 0o7777.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name, empty when there is none.
    pub user: Vec<u8>,
    /// The group's name, empty when there is none.
    pub group: Vec<u8>,
    /// How long the file is, holes included; 0 for everything that is not a file.
    pub size: u64,
    /// When its contents last changed.
    pub mtime: FileTime,
    /// When it was last read, if that is kept.
    pub atime: Option<FileTime>,
    /// When its inode last changed, if that is kept.
    pub ctime: Option<FileTime>,
    /// Extended attributes, name and value. `system.posix_acl_access` and `…_default` are not among them.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The access ACL as text, where it says more than `mode`. See [`crate::acl`].
    pub acl_access: Option<Vec<u8>>,
    /// A directory's default ACL as text.
    pub acl_default: Option<Vec<u8>>,
    /// A directory's listing for GNU tar's `--incremental`. See [`crate::tar::Dumpdir`].
    pub dumpdir: Option<Vec<u8>>,
    /// Where the data of a sparse file lies, in ascending order; what is between is hole. `None` for a file
    /// that is stored whole.
    pub sparse: Option<Vec<Extent>>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file with contents.
    File,
    /// A symbolic link.
    Symlink {
        /// The text of the link, whatever it is.
        target: Vec<u8>,
    },
    /// One more name of a file that came earlier.
    HardLink {
        /// The earlier name, as a path like [`Entry::path`].
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Which driver.
        major: u32,
        /// Which device of it.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Which driver.
        major: u32,
        /// Which device of it.
        minor: u32,
    },
}

/// A stretch of a sparse file that holds data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where in the file it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

impl Entry {
    /// An entry that belongs to root, may be read by nobody, and dates from 1970.
    pub fn new(path: impl Into<Vec<u8>>, kind: Kind) -> Self {
        Self {
            path: path.into(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            user: Vec::new(),
            group: Vec::new(),
            size: 0,
            mtime: FileTime::default(),
            atime: None,
            ctime: None,
            xattrs: Vec::new(),
            acl_access: None,
            acl_default: None,
            dumpdir: None,
            sparse: None,
        }
    }
}
