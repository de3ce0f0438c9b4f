//! What the kernel says of an entry, in the types that the agent counts with.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp, statx};
use types::FileTime;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

/// One entry's metadata.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) identity: Identity,
    pub(crate) file_type: FileType,
    /// Permissions with setuid, setgid and sticky.
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// Bytes that the file system has given it.
    pub(crate) allocated: u64,
    pub(crate) mtime: FileTime,
    pub(crate) ctime: FileTime,
    pub(crate) atime: FileTime,
    /// Major and minor number of a device node.
    pub(crate) device: (u32, u32),
}

impl Identity {
    /// That of an open file.
    pub(crate) fn of(fd: impl AsFd) -> io::Result<Self> {
        Ok(Stat::of(fd)?.identity)
    }
}

impl Stat {
    /// Of `name` in a directory; a link is not followed and nothing is mounted for it.
    pub(crate) fn at(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        Ok(Self::from(statx(directory, name, flags, StatxFlags::BASIC_STATS)?))
    }

    /// Of an open file.
    pub(crate) fn of(fd: impl AsFd) -> io::Result<Self> {
        Ok(Self::from(statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?))
    }

    /// True if it is a regular file that has the bytes it had.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.file_type == other.file_type
            && self.size == other.size
            && self.mtime == other.mtime
            && self.ctime == other.ctime
    }
}

impl From<Statx> for Stat {
    fn from(s: Statx) -> Self {
        Self {
            identity: Identity {
                dev: u64::from(s.stx_dev_major) << 32 | u64::from(s.stx_dev_minor),
                ino: s.stx_ino,
            },
            file_type: FileType::from_raw_mode(u32::from(s.stx_mode)),
            mode: u32::from(s.stx_mode) & 0o7777,
            nlink: s.stx_nlink,
            uid: s.stx_uid,
            gid: s.stx_gid,
            size: s.stx_size,
            allocated: s.stx_blocks.saturating_mul(512),
            mtime: time(s.stx_mtime),
            ctime: time(s.stx_ctime),
            atime: time(s.stx_atime),
            device: (s.stx_rdev_major, s.stx_rdev_minor),
        }
    }
}

fn time(t: StatxTimestamp) -> FileTime {
    FileTime { seconds: t.tv_sec, nanos: t.tv_nsec }
}
