//! Owner, mode, attributes, ACLs and times of what was restored, in the order in which they do not undo each
//! other: a change of owner clears set-id bits and capabilities, an ACL changes the mode, and all of it the
//! times.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use format::acl;
use format::entry::{Entry, Kind};
use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use types::FileTime;

use super::room;
use crate::attributes::{ACL_ACCESS, ACL_DEFAULT, Named};
use crate::owners;

/// What is to be changed.
pub(super) enum Place<'a> {
    /// An open file or directory.
    Open(BorrowedFd<'a>),
    /// A name in a directory, for what can't be opened: links, pipes and devices.
    Named(BorrowedFd<'a>, &'a CStr),
}

/// Who things belong to.
pub(super) struct Owners {
    set: bool,
    numeric: bool,
    of_this_host: owners::Owners,
    refused: u64,
}

impl Owners {
    pub(super) fn new(set: bool, numeric: bool) -> Self {
        Self { set, numeric, of_this_host: owners::Owners::of_this_host(), refused: 0 }
    }

    /// The numbers here: by name, where this host knows the name, else as they were.
    fn of(&self, entry: &Entry) -> (u32, u32) {
        if self.numeric {
            return (entry.uid, entry.gid);
        }
        let known = |names: &owners::Names, name: &[u8]| {
            if name.is_empty() { None } else { names.number(name) }
        };
        let uid = known(&self.of_this_host.users, &entry.user).unwrap_or(entry.uid);
        let gid = known(&self.of_this_host.groups, &entry.group).unwrap_or(entry.gid);
        (uid, gid)
    }

    /// What is to be said once about all of them.
    pub(super) fn remark(&self) -> Option<String> {
        (self.refused > 0).then(|| {
            format!(
                "{} entries belong to whoever restored them, and have no set-id bits: only root can give files away",
                self.refused
            )
        })
    }
}

/// Takes off what an entry has inherited from a default ACL of its directory. The image has no such thing.
pub(super) fn drop_inherited(place: &Place<'_>) {
    // A file system without ACLs has not inherited any, and then a symbolic link never does.
    match place {
        Place::Open(file) => rustix::fs::fremovexattr(file, ACL_ACCESS).ok(),
        Place::Named(directory, name) => {
            rustix::fs::lremovexattr(Named::new(directory, name).path(), ACL_ACCESS).ok()
        }
    };
}

/// Makes an entry look as it did. What could not be done comes back in words; if nothing more fits, as an error.
pub(super) fn apply(
    place: &Place<'_>,
    entry: &Entry,
    owners: &mut Owners,
    attributes: bool,
) -> Result<Vec<String>, Errno> {
    let mut complaints = Vec::new();
    let mut full = None;
    let mut check = |what: &str, result: Result<(), Errno>| match result {
        Ok(()) => {}
        Err(error) if room::is_full(error, place.file_system()) => full = Some(error),
        Err(error) => complaints.push(format!("its {what} could not be set: {error}")),
    };
    let mut mode = entry.mode;
    let (uid, gid) = owners.of(entry);
    let given = if owners.set { place.give(uid, gid) } else { Err(Errno::PERM) };
    match given {
        Ok(()) => {}
        Err(Errno::PERM) => {
            if !place.belongs_to(uid, gid) {
                owners.refused += 1;
                mode &= 0o1777;
            }
        }
        Err(error) => check("owner", Err(error)),
    }
    // Whoever is not root may set attributes only while the file may be written to.
    if attributes {
        set_attributes(place, entry, &mut check);
    }
    if !matches!(entry.kind, Kind::Symlink { .. }) {
        check("mode", place.set_mode(mode));
    }
    check("times", place.set_times(entry.atime, entry.mtime));
    full.map_or(Ok(complaints), Err)
}

fn set_attributes(
    place: &Place<'_>,
    entry: &Entry,
    check: &mut impl FnMut(&str, Result<(), Errno>),
) {
    for (name, text) in [(ACL_ACCESS, &entry.acl_access), (ACL_DEFAULT, &entry.acl_default)] {
        let Some(text) = text else { continue };
        let set = acl::from_text(text)
            .map_err(|_| Errno::INVAL)
            .and_then(|acl| place.set_attribute(name, &acl));
        check("ACL", set);
    }
    for (name, value) in &entry.xattrs {
        let Ok(name) = CString::new(name.as_slice()) else { continue };
        check(&format!("attribute {}", name.to_string_lossy()), place.set_attribute(&name, value));
    }
}

impl Place<'_> {
    /// Something that is open in its file system.
    fn file_system(&self) -> BorrowedFd<'_> {
        match self {
            Self::Open(file) => *file,
            Self::Named(directory, _) => *directory,
        }
    }

    fn give(&self, uid: u32, gid: u32) -> Result<(), Errno> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        match self {
            Self::Open(file) => rustix::fs::fchown(file, uid, gid),
            Self::Named(directory, name) => {
                rustix::fs::chownat(directory, *name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
            }
        }
    }

    fn belongs_to(&self, uid: u32, gid: u32) -> bool {
        let stat = match self {
            Self::Open(file) => crate::stat::Stat::of(file),
            Self::Named(directory, name) => crate::stat::Stat::at(directory, name),
        };
        stat.is_ok_and(|stat| stat.uid == uid && stat.gid == gid)
    }

    fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(mode);
        match self {
            Self::Open(file) => rustix::fs::fchmod(file, mode),
            // Never a symbolic link: what was just made here is a pipe or a device. Should somebody have put a
            // link in its place, the mode of what it leads to must not change.
            Self::Named(directory, name) => {
                let flags = rustix::fs::OFlags::PATH
                    | rustix::fs::OFlags::NOFOLLOW
                    | rustix::fs::OFlags::CLOEXEC;
                let node: OwnedFd = rustix::fs::openat(directory, *name, flags, Mode::empty())?;
                if crate::stat::Stat::of(&node)
                    .is_ok_and(|s| s.file_type == rustix::fs::FileType::Symlink)
                {
                    return Err(Errno::LOOP);
                }
                rustix::fs::chmod(format!("/proc/self/fd/{}", node.as_raw_fd()), mode)
            }
        }
    }

    fn set_attribute(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Open(file) => rustix::fs::fsetxattr(file, name, value, XattrFlags::empty()),
            Self::Named(directory, entry) => rustix::fs::lsetxattr(
                Named::new(directory, entry).path(),
                name,
                value,
                XattrFlags::empty(),
            ),
        }
    }

    fn set_times(&self, atime: Option<FileTime>, mtime: FileTime) -> Result<(), Errno> {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps {
            last_access: atime.map_or(omit, timespec),
            last_modification: timespec(mtime),
        };
        match self {
            Self::Open(file) => rustix::fs::futimens(file, &times),
            Self::Named(directory, name) => {
                rustix::fs::utimensat(directory, *name, &times, AtFlags::SYMLINK_NOFOLLOW)
            }
        }
    }
}

fn timespec(time: FileTime) -> Timespec {
    Timespec { tv_sec: time.seconds, tv_nsec: time.nanos.into() }
}
