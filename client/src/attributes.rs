//! Extended attributes and ACLs of an entry.
//!
//! The kernel shows an ACL as an attribute of its own form; it is kept as text, as tar knows it. Each entry costs one
//! call when it has nothing, which is what most have.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd};

use format::acl;
use rustix::buffer::spare_capacity;
use rustix::fs::{fgetxattr, flistxattr, lgetxattr, llistxattr};
use rustix::io::{Errno, Result};

/// The kernel's limit for a list of names and for a value.
const LONGEST: usize = 64 << 10;

pub(crate) const ACL_ACCESS: &CStr = c"system.posix_acl_access";
pub(crate) const ACL_DEFAULT: &CStr = c"system.posix_acl_default";

/// Which attributes a DLE keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) xattrs: bool,
    pub(crate) acls: bool,
}

/// What an entry has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) acl_access: Option<Vec<u8>>,
    pub(crate) acl_default: Option<Vec<u8>>,
    /// What is there and could not be read, in words.
    pub(crate) trouble: Vec<String>,
}

/// Where attributes are read from.
pub(crate) trait Place {
    fn list(&self, names: &mut Vec<u8>) -> Result<()>;
    fn get(&self, name: &CStr, value: &mut Vec<u8>) -> Result<()>;
}

/// An open file or directory.
pub(crate) struct Open<F>(pub(crate) F);

/// A name in an open directory, for what cannot be opened. It goes through /proc, because there is no call that takes
/// a directory and a name.
pub(crate) struct Named(CString);

impl Named {
    pub(crate) fn new(directory: impl AsFd, name: &CStr) -> Self {
        let mut path = format!("/proc/self/fd/{}/", directory.as_fd().as_raw_fd()).into_bytes();
        path.extend_from_slice(name.to_bytes());
        Self(CString::new(path).unwrap_or_default())
    }

    /// The way through /proc.
    pub(crate) fn path(&self) -> &CStr {
        &self.0
    }
}

impl<F: AsFd> Place for Open<F> {
    fn list(&self, names: &mut Vec<u8>) -> Result<()> {
        flistxattr(&self.0, spare_capacity(names)).map(drop)
    }

    fn get(&self, name: &CStr, value: &mut Vec<u8>) -> Result<()> {
        fgetxattr(&self.0, name, spare_capacity(value)).map(drop)
    }
}

impl Place for Named {
    fn list(&self, names: &mut Vec<u8>) -> Result<()> {
        llistxattr(&self.0, spare_capacity(names)).map(drop)
    }

    fn get(&self, name: &CStr, value: &mut Vec<u8>) -> Result<()> {
        lgetxattr(&self.0, name, spare_capacity(value)).map(drop)
    }
}

/// Reads attributes, with buffers that are kept from one entry to the next.
#[derive(Debug)]
pub(crate) struct Reader {
    wanted: Wanted,
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, names: Vec::with_capacity(LONGEST), value: Vec::with_capacity(LONGEST) }
    }

    /// All wanted attributes of what is at `place`.
    pub(crate) fn read(&mut self, place: &impl Place) -> Attributes {
        let mut found = Attributes::default();
        if self.wanted == (Wanted { xattrs: false, acls: false }) {
            return found;
        }
        self.names.clear();
        match place.list(&mut self.names) {
            Ok(()) => {}
            // There are file systems without attributes, and hosts where /proc is not mounted in a container.
            Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOTDIR) => return found,
            Err(why) => {
                found.trouble.push(format!("its extended attributes could not be listed: {why}"));
                return found;
            }
        }
        let mut rest = &self.names[..];
        while let Ok(name) = CStr::from_bytes_until_nul(rest) {
            rest = &rest[name.count_bytes() + 1..];
            let acl = name == ACL_ACCESS || name == ACL_DEFAULT;
            if !(if acl { self.wanted.acls } else { self.wanted.xattrs && is_kept(name) }) {
                continue;
            }
            self.value.clear();
            match place.get(name, &mut self.value) {
                Ok(()) => keep(name, &self.value, &mut found),
                // It was removed since it was listed.
                Err(Errno::NODATA) => {}
                Err(why) => {
                    let name = name.to_string_lossy();
                    found.trouble.push(format!("its attribute {name} could not be read: {why}"));
                }
            }
        }
        // The kernel lists attributes in an order of its own.
        found.xattrs.sort_unstable();
        found
    }
}

/// `system.*` is made up by the file system from other things, and would be refused when set.
fn is_kept(name: &CStr) -> bool {
    [&b"user."[..], b"trusted.", b"security."]
        .iter()
        .any(|space| name.to_bytes().starts_with(space))
}

fn keep(name: &CStr, value: &[u8], found: &mut Attributes) {
    let slot = if name == ACL_ACCESS {
        &mut found.acl_access
    } else if name == ACL_DEFAULT {
        &mut found.acl_default
    } else {
        found.xattrs.push((name.to_bytes().to_vec(), value.to_vec()));
        return;
    };
    match acl::to_text(value) {
        Ok(text) => *slot = Some(text),
        Err(why) => found.trouble.push(format!("its ACL could not be understood: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{XattrFlags, fsetxattr};
    use std::fs::File;

    const ALL: Wanted = Wanted { xattrs: true, acls: true };

    #[test]
    fn attributes_are_read_by_descriptor_and_by_name_alike() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("file")).unwrap();
        let values: [(&CStr, &[u8]); 3] =
            [(c"user.b", b"two"), (c"user.a", b""), (c"user.new\nline=", &[0, 255])];
        for (name, value) in values {
            if fsetxattr(&file, name, value, XattrFlags::empty()).is_err() {
                return; // a file system without user attributes has nothing to show here
            }
        }
        let mut reader = Reader::new(ALL);
        let by_descriptor = reader.read(&Open(&file));
        assert_eq!(by_descriptor.trouble, [""; 0]);
        let names: Vec<_> = by_descriptor.xattrs.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, [&b"user.a"[..], b"user.b", b"user.new\nline="]);
        let directory = File::open(dir.path()).unwrap();
        assert_eq!(reader.read(&Named::new(&directory, c"file")), by_descriptor);
        let nothing = Reader::new(Wanted { xattrs: false, acls: true }).read(&Open(&file));
        assert_eq!(nothing, Attributes::default());
    }
}
