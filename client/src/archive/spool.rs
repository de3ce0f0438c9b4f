//! Bytes that wait until the dump is at its end: the index, and the list of what is gone.
//!
//! Few wait in memory; many in a file that has no name, and so leaves nothing behind whatever happens.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use sha2::{Digest as _, Sha256};
use types::Digest;

/// How many bytes wait in memory.
const IN_MEMORY: usize = 4 << 20;

/// Bytes to be read once, from the front, after the last was written.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
    hash: Sha256,
}

impl Spool {
    /// A spool whose file would be in this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            memory: Vec::new(),
            file: None,
            length: 0,
            hash: Sha256::new(),
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        self.memory.extend_from_slice(bytes);
        if self.memory.len() < IN_MEMORY {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(nameless(&self.directory)?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        Ok(())
    }

    /// The SHA-256 of all that was written, and a reader of it.
    pub(super) fn finish(mut self) -> io::Result<(Digest, impl Read)> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
        }
        let file = self.file.map(|file| file.take(u64::MAX));
        let from_file: Box<dyn Read> = match file {
            Some(file) => Box::new(file),
            None => Box::new(io::empty()),
        };
        let digest = Digest(self.hash.finalize().into());
        Ok((digest, from_file.chain(io::Cursor::new(self.memory))))
    }
}

/// A file in `directory` that nobody else can open, and that is gone when it is closed.
fn nameless(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let owner_only = Mode::RUSR | Mode::WUSR;
    if let Ok(fd) = openat(CWD, directory, flags, owner_only) {
        return Ok(File::from(fd));
    }
    // A file system without nameless files: one with a name, for a moment.
    let path =
        directory.join(format!(".spool-{}-{:?}", std::process::id(), std::thread::current().id()));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = openat(CWD, &path, flags, owner_only)?;
    std::fs::remove_file(&path)?;
    Ok(File::from(fd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back_from_memory_and_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0usize, 1, 100, 10_000] {
            let mut spool = Spool::new(dir.path());
            let piece = [7; 1000];
            (0..count).for_each(|_| spool.push(&piece).unwrap());
            assert_eq!(spool.length(), 1000 * count as u64);
            let (digest, mut reader) = spool.finish().unwrap();
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, piece.repeat(count));
            assert_eq!(digest, format::frame::digest(&bytes));
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        }
    }
}
