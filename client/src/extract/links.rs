//! Hard links: further names of what was restored.
//!
//! They are made at the end, when the name that has the contents must be there. It may not be: it could not be
//! restored, or something else stood there and was kept. A link to that would be a name with the contents of
//! another file, so it counts as failed, and what stands at its own name stays.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use format::entry::{Entry, Kind};
use format::path;
use format::wire::Existing;
use rustix::fs::{AtFlags, FileType};

use super::making::Way;
use super::unfinished::Unfinished;
use super::{Session, Trouble};
use crate::stat::Stat;

/// Links that are still to be made.
#[derive(Default)]
pub(super) struct Links {
    /// Each with the name that has the contents.
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names at which there is not what the image has for them.
    unlike: HashSet<Vec<u8>>,
}

impl Links {
    pub(super) fn add(&mut self, path: Vec<u8>, to: Vec<u8>) {
        self.waiting.push((path, to));
    }

    /// Nothing is to be linked to what is at this path.
    pub(super) fn refuse(&mut self, path: &[u8]) {
        self.unlike.insert(path.to_vec());
    }

    /// What stood there was kept. By size and time it may be what the image has, as after a restore that was cut off.
    pub(super) fn kept(&mut self, entry: &Entry, there: &Stat) {
        let same = entry.kind == Kind::File
            && there.file_type == FileType::RegularFile
            && there.size == entry.size
            && there.mtime == entry.mtime;
        if !same {
            self.refuse(&entry.path);
        }
    }
}

impl Session {
    pub(super) fn make_links(&mut self) {
        for (path, to) in std::mem::take(&mut self.links.waiting) {
            if self.is_over() {
                return;
            }
            match self.link(&path, &to) {
                Ok(Way::Kept(_)) => self.keep(&path),
                Ok(Way::Free | Way::Taken(_)) => self.settle(&path, Ok(())),
                Err(trouble) => self.settle(&path, Err(trouble)),
            }
        }
    }

    /// Makes a link, unless what stands at its name is to stay.
    fn link(&mut self, path: &[u8], to: &[u8]) -> Result<Way, Trouble> {
        if path::validate_relative(to).is_err() {
            return Err(Trouble::BadPath);
        }
        let way = self.way(path)?;
        if matches!(way, Way::Kept(_)) {
            return Ok(way);
        }
        if self.links.unlike.contains(to) {
            return Err(Trouble::OtherName(String::from_utf8_lossy(to).into_owned()));
        }
        let (from_parent, from) = self.target.place(to)?;
        let from_parent =
            rustix::io::fcntl_dupfd_cloexec(from_parent, 0).map_err(Trouble::system("linked"))?;
        let (parent, name) = self.target.place(path)?;
        let link = |parent: BorrowedFd<'_>, name: &CStr| {
            rustix::fs::linkat(&from_parent, &from, parent, name, AtFlags::empty())
        };
        let what = "linked to its other name, which was not restored or is not there";
        match &way {
            Way::Taken(there) if is_at(&from_parent, &from, there) => {}
            Way::Taken(_) => {
                let (new, ()) =
                    Unfinished::make(parent, name, link).map_err(Trouble::system(what))?;
                new.name(Existing::Replace).map_err(Trouble::system("replaced"))?;
            }
            _ => link(parent, &name).map_err(|error| Trouble::of(what, error, parent))?,
        }
        Ok(way)
    }
}

/// Whether it is this file: renaming one of its names to another would leave both.
fn is_at(parent: &OwnedFd, name: &CStr, there: &Stat) -> bool {
    Stat::at(parent, name).is_ok_and(|stat| stat.identity == there.identity)
}
