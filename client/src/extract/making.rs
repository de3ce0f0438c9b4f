//! One entry, from its headers to its name.
//!
//! A file is opened for its contents, which come later and maybe over many frames; a link, a pipe or a device is
//! made at once. Either is [`Unfinished`] until nothing more is to be done to it. Directories are made where they
//! belong, and look as they should at the end.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use format::entry::{Entry, Kind};
use format::wire::Existing;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::unfinished::Unfinished;
use super::{Session, Trouble, metadata};
use crate::stat::Stat;

/// What is being made of a member.
pub(super) enum Making {
    /// Its headers have not been read yet.
    Nothing,
    /// A file, its contents still coming.
    File(File),
    /// Its data is of no interest: it was kept, or is no file, or has failed.
    Passing,
    /// It is done.
    Done,
}

/// A file whose contents are coming.
pub(super) struct File {
    open: OwnedFd,
    unfinished: Unfinished,
    entry: Box<Entry>,
    /// Bytes of it.
    written: u64,
}

/// What stands where an entry is to be made.
pub(super) enum Way {
    Free,
    /// What is to be replaced.
    Taken(Stat),
    /// What is to stay.
    Kept(Stat),
}

impl File {
    /// Writes some of its contents.
    pub(super) fn write(&mut self, mut at: u64, mut bytes: &[u8]) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&self.open, bytes, at) {
                Ok(written) => {
                    at += written as u64;
                    self.written += written as u64;
                    bytes = &bytes[written..];
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(Trouble::of("written", error, &self.open)),
            }
        }
        Ok(())
    }
}

impl Session {
    /// Begins an entry: makes it, or opens it for its contents.
    pub(super) fn begin(
        &mut self,
        path: &[u8],
        link: Option<Vec<u8>>,
        mut entry: Box<Entry>,
    ) -> Result<Making, Trouble> {
        entry.path = path.to_vec();
        entry.dumpdir = None;
        match &entry.kind {
            Kind::Directory => {
                self.target.make_directory(path)?;
                self.narrow(&entry)?;
                self.directories.push(*entry);
                return Ok(Making::Passing);
            }
            Kind::HardLink { target } => {
                self.links.add(path.to_vec(), link.unwrap_or_else(|| target.clone()));
                return Ok(Making::Passing);
            }
            _ => {}
        }
        if let Way::Kept(there) = self.way(path)? {
            self.links.kept(&entry, &there);
            self.has_room(&entry);
            self.keep(path);
            return Ok(Making::Passing);
        }
        if entry.kind == Kind::File {
            return self.open_file(entry).map(Making::File);
        }
        let made = self.make_node(&entry);
        self.settle(path, made);
        Ok(Making::Passing)
    }

    /// Looks whether an entry that is no directory may be made.
    pub(super) fn way(&mut self, path: &[u8]) -> Result<Way, Trouble> {
        if path.is_empty() {
            return Err(Trouble::InTheWay("the target itself is a directory, and stays one"));
        }
        let (parent, name) = self.target.place(path)?;
        match Stat::at(parent, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Way::Free),
            Err(error) => Err(Trouble::Damaged(error.to_string())),
            Ok(stat) if stat.file_type == FileType::Directory => Err(Trouble::InTheWay(
                "a directory stands in its place, and directories are never replaced",
            )),
            Ok(stat) if self.request.existing == Existing::Keep => Ok(Way::Kept(stat)),
            Ok(stat) => Ok(Way::Taken(stat)),
        }
    }

    fn open_file(&mut self, entry: Box<Entry>) -> Result<File, Trouble> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let (parent, name) = self.target.place(&entry.path)?;
        let (unfinished, open) = Unfinished::make(parent, name, |parent, name| {
            rustix::fs::openat(parent, name, flags, mode)
        })
        .map_err(|error| Trouble::of("made", error, parent))?;
        if self.target.hands_down() {
            metadata::drop_inherited(&metadata::Place::Open(open.as_fd()));
        }
        Ok(File { open, unfinished, entry, written: 0 })
    }

    /// What is left to be done to a file that has all its contents.
    pub(super) fn finish_file(&mut self, file: File) -> Result<(), Trouble> {
        let File { open, unfinished, entry, written } = file;
        rustix::fs::ftruncate(&open, entry.size)
            .map_err(Trouble::system("brought to its length"))?;
        let place = metadata::Place::Open(open.as_fd());
        let complaints = metadata::apply(&place, &entry, &mut self.owners, self.request.attributes)
            .map_err(Trouble::Full)?;
        self.name(unfinished, &entry, complaints)?;
        self.end.bytes += written;
        self.has_room(&entry);
        Ok(())
    }

    fn make_node(&mut self, entry: &Entry) -> Result<(), Trouble> {
        use rustix::fs::{makedev, mknodat, symlinkat};
        let (parent, name) = self.target.place(&entry.path)?;
        let text = match &entry.kind {
            Kind::Symlink { target } => {
                CString::new(target.as_slice()).map_err(|_| Trouble::BadPath)?
            }
            _ => CString::default(),
        };
        let mode = Mode::RUSR | Mode::WUSR;
        let (unfinished, ()) = Unfinished::make(parent, name, |parent, name| match &entry.kind {
            Kind::Symlink { .. } => symlinkat(&text, parent, name),
            Kind::Fifo => mknodat(parent, name, FileType::Fifo, mode, 0),
            Kind::CharDevice { major, minor } => {
                mknodat(parent, name, FileType::CharacterDevice, mode, makedev(*major, *minor))
            }
            Kind::BlockDevice { major, minor } => {
                mknodat(parent, name, FileType::BlockDevice, mode, makedev(*major, *minor))
            }
            Kind::File | Kind::Directory | Kind::HardLink { .. } => Err(Errno::INVAL),
        })
        .map_err(|error| Trouble::of("made", error, parent))?;
        let (directory, temporary) = unfinished.place();
        let place = metadata::Place::Named(directory, temporary);
        if self.target.hands_down() {
            metadata::drop_inherited(&place);
        }
        let complaints = metadata::apply(&place, entry, &mut self.owners, self.request.attributes)
            .map_err(Trouble::Full)?;
        self.name(unfinished, entry, complaints)
    }

    /// Gives an entry its name, and says what could not be made of it as it was.
    fn name(
        &mut self,
        unfinished: Unfinished,
        entry: &Entry,
        complaints: Vec<String>,
    ) -> Result<(), Trouble> {
        unfinished.name(self.request.existing).map_err(|error| match error {
            Errno::EXIST => Trouble::InTheWay(
                "something has been put in its place meanwhile, and is left as it is",
            ),
            source => Trouble::of("given its name", source, self.target.root()),
        })?;
        self.complain(&entry.path, complaints);
        Ok(())
    }
}
