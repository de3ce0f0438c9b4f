//! The directory of one slot: which files the volume has, and how they come and go.
//!
//! `00003.title` is file 3, whole. Anything that begins with `unfinished.` is what a crash or an error left.
//!
//! A file that is missing among others is lost, and nothing else: those behind it are there, are read, and are written
//! behind. Only what *we* were at when the power went takes others with it. Where files were being removed,
//! `unfinished.discard.00003`, durable before the first of them goes and until the last is gone, says so. Where several
//! were getting their names, one that is unfinished still was not flushed, and nor were those behind it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use types::{Bytes, FileNo, Label};

use crate::writeback::Writeback;

/// A volume's directory, as it is on the disk.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    files: BTreeMap<FileNo, Entry>,
    /// What has to go before anything is written: unfinished files, and files that were to go when the power went.
    leftovers: Vec<String>,
    /// The marks of removals that were not finished. They go when all leftovers are gone.
    marks: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) length: u64,
}

/// A file that has no filemark yet, or has one that was not flushed.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) file: File,
    pub(super) length: u64,
    number: FileNo,
    from: PathBuf,
    to: PathBuf,
    writeback: Writeback,
}

impl Unfinished {
    /// Appends a block, or leaves the file as it was.
    pub(super) fn append(&mut self, block: &[u8]) -> io::Result<()> {
        match self.file.write_all_at(block, self.length) {
            Ok(()) => {
                self.length += block.len() as u64;
                self.writeback.wrote(&self.file, block.len());
                Ok(())
            }
            Err(error) => {
                // The file is given up after this, so if this fails too nothing more is lost.
                self.file.set_len(self.length).ok();
                Err(error)
            }
        }
    }

    /// Drops all behind the first `length` bytes.
    pub(super) fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.writeback.finish()?;
        self.file.sync_data()
    }

    /// It will never have a filemark: what it takes on the disk is free for others. Its name goes when the volume is
    /// next written.
    pub(super) fn give_up(self) {
        self.file.set_len(0).ok();
    }

    /// Makes the file durable, then a file of the volume, in that order.
    pub(super) fn publish(&mut self) -> io::Result<()> {
        self.sync()?;
        fs::rename(&self.from, &self.to)
    }
}

impl Directory {
    /// Looks what is there. Two files with one number are an error: `Ok(Err(…))` names them.
    pub(super) fn open(path: &Path) -> io::Result<Result<Self, String>> {
        let mut files: BTreeMap<FileNo, Entry> = BTreeMap::new();
        let (mut leftovers, mut marks) = (Vec::new(), Vec::new());
        // From here on nothing counts.
        let mut ends = None;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(from) = name.strip_prefix(DISCARD) {
                // A mark that tells no number is none: nothing goes for it.
                ends = ends.into_iter().chain(from.parse().ok().map(FileNo)).min();
                marks.push(name);
            } else if let Some(torn) = name.strip_prefix(UNFINISHED) {
                ends = ends.into_iter().chain(number_of(torn).map(FileNo)).min();
                leftovers.push(name);
            } else if let Some(number) = number_of(&name) {
                let length = entry.metadata()?.len();
                let (number, entry) = (FileNo(number), Entry { name, length });
                if let Some(twin) = files.get(&number) {
                    let mut names = [&twin.name, &entry.name];
                    names.sort();
                    let ([one, other], path) = (names, path.display());
                    return Ok(Err(format!(
                        "{path} has two files of one number, {one} and {other}: move the wrong one away"
                    )));
                }
                files.insert(number, entry);
            }
        }
        if let Some(from) = ends {
            leftovers.extend(files.split_off(&from).into_values().map(|entry| entry.name));
        }
        Ok(Ok(Self { path: path.to_owned(), files, leftovers, marks }))
    }

    /// The file behind the last.
    pub(super) fn end(&self) -> FileNo {
        self.files.last_key_value().map_or(FileNo::LABEL, |(last, _)| last.next())
    }

    /// File `number`; `None` at the end and behind it. One that is missing before the end is an error that says so.
    pub(super) fn file(&self, number: FileNo) -> Result<Option<&Entry>, String> {
        let entry = self.files.get(&number);
        if entry.is_some() || number >= self.end() {
            return Ok(entry);
        }
        let path = self.path.display();
        Err(format!(
            "{path} has no file {number}, and there are others behind it: it was removed or lost"
        ))
    }

    /// The bytes of all files before `number`.
    pub(super) fn used_before(&self, number: FileNo) -> u64 {
        self.files.range(..number).map(|(_, entry)| entry.length).sum()
    }

    pub(super) fn path_of(&self, entry: &Entry) -> PathBuf {
        self.path.join(&entry.name)
    }

    /// Begins file `number` at its first block. It, and all behind it, is gone.
    pub(super) fn begin(&mut self, number: FileNo, title: &str) -> io::Result<Unfinished> {
        self.discard_from(number)?;
        let name = format!("{:05}.{}", number.0, presentable(title));
        let from = self.path.join(format!("{UNFINISHED}{name}"));
        let mut options = File::options();
        let file = options.create_new(true).read(true).write(true).mode(FILE_MODE).open(&from)?;
        self.leftovers.push(format!("{UNFINISHED}{name}"));
        let to = self.path.join(name);
        Ok(Unfinished { file, length: 0, number, from, to, writeback: Writeback::default() })
    }

    /// Opens file `number`, which is no file any more until it has a filemark again. All behind it is gone.
    pub(super) fn resume(&mut self, number: FileNo) -> io::Result<Option<Unfinished>> {
        self.discard_from(number.next())?;
        if number.next() != self.end() {
            return Ok(None);
        }
        let Some((_, Entry { name, length })) = self.files.pop_last() else { return Ok(None) };
        let to = self.path.join(&name);
        let from = self.path.join(format!("{UNFINISHED}{name}"));
        fs::rename(&to, &from)?;
        sync(&self.path)?;
        self.leftovers.push(format!("{UNFINISHED}{name}"));
        let file = File::options().read(true).write(true).open(&from)?;
        Ok(Some(Unfinished { file, length, number, from, to, writeback: Writeback::default() }))
    }

    /// The file has its filemark: it counts, though it is not durable until it is published.
    pub(super) fn finish(&mut self, file: &Unfinished) {
        let name = |path: &Path| {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let from = name(&file.from);
        self.leftovers.retain(|leftover| *leftover != from);
        let entry = Entry { name: name(&file.to), length: file.length };
        self.files.insert(file.number, entry);
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        sync(&self.path)
    }

    /// Removes file `number` and all behind it, the last first, and what crashes left.
    ///
    /// A power cut in the middle leaves a mark, and all that was to go is taken for gone.
    fn discard_from(&mut self, number: FileNo) -> io::Result<()> {
        if self.files.range(number..).next().is_some() {
            let mark = format!("{DISCARD}{:05}", number.0);
            File::create(self.path.join(&mark))?;
            sync(&self.path)?;
            self.leftovers.extend(self.files.split_off(&number).into_values().map(|it| it.name));
            self.marks.push(mark);
        }
        if self.leftovers.is_empty() && self.marks.is_empty() {
            return Ok(());
        }
        self.leftovers.sort();
        while let Some(name) = self.leftovers.last() {
            remove(&self.path.join(name))?;
            self.leftovers.pop();
        }
        sync(&self.path)?;
        // Only now, and before anything new is there that they would mean.
        if self.marks.is_empty() {
            return Ok(());
        }
        while let Some(mark) = self.marks.last() {
            remove(&self.path.join(mark))?;
            self.marks.pop();
        }
        sync(&self.path)
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes what came and went in a directory durable.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The label that the name of file 0 tells; `None` for a volume without one.
pub(super) fn label_hint(path: &Path) -> io::Result<Option<Label>> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let label = name.to_str().and_then(|name| name.strip_prefix("00000."));
        if let Some(label) = label.and_then(|label| label.parse().ok()) {
            return Ok(Some(label));
        }
    }
    Ok(None)
}

/// What all files of a volume take.
pub(super) fn taken(path: &Path) -> io::Result<Bytes> {
    let mut taken = Bytes::ZERO;
    for entry in fs::read_dir(path)? {
        taken += Bytes(entry?.metadata()?.len());
    }
    Ok(taken)
}

/// What is in these files is everybody's, so not everybody may read them. The group may: Amanda's tools run
/// as another user.
const FILE_MODE: u32 = 0o640;

/// As [`FILE_MODE`].
const DIRECTORY_MODE: u32 = 0o750;

/// Makes the directory of a slot, if it is not there.
pub(super) fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

/// Amanda's reader passes over names that do not begin with a digit.
const UNFINISHED: &str = "unfinished.";

/// Before the number from which files are being removed.
const DISCARD: &str = "unfinished.discard.";

/// The number of a file, if that is what the name says, by Amanda's rule: `^[0-9]+[.-]`, but `-lock` is not
/// a file.
fn number_of(name: &str) -> Option<u32> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = name.split_at(digits);
    if rest == "-lock" || !rest.starts_with(['.', '-']) {
        return None;
    }
    number.parse().ok()
}

/// A title as Amanda would write it, and short enough for any file system.
fn presentable(title: &str) -> String {
    let plain = |c: char| if "/:\\".contains(c) || c.is_control() { '_' } else { c };
    let mut name: String = title.chars().map(plain).collect();
    let end = (0..=name.len().min(200)).rev().find(|&end| name.is_char_boundary(end));
    name.truncate(end.unwrap_or(0));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_amanda_reads_them() {
        let cases = [
            ("00000.DAILY-001", Some(0)),
            ("00012.web._srv.0", Some(12)),
            ("123456.x", Some(123_456)),
            ("00003-x", Some(3)),
            ("00000-lock", None),
            ("unfinished.00003.x", None),
            ("x", None),
            ("12", None),
            (".x", None),
            ("99999999999999999999.x", None),
        ];
        for (name, number) in cases {
            assert_eq!(number_of(name), number, "{name}");
        }
    }

    #[test]
    fn titles_fit_into_a_directory() {
        assert_eq!(presentable("web./srv/a:b.0"), "web._srv_a_b.0");
        assert_eq!(presentable("a\nb"), "a_b");
        assert!(presentable(&"ä".repeat(500)).len() <= 200);
    }
}
