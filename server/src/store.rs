//! Index files: for each dump its index and the table of its frames, beside the catalogue.
//!
//! They are copies of what the image carries in its contents frame, cut out as it arrives, so that looking
//! around and choosing what to read needs no volume. They expire with their dump.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use format::contents;
use format::frame::{FrameTable, TableError, digest};
use format::index::{IndexError, ReadAt, Reader};
use types::{Bytes, Digest, DumpId};

/// What is wrong with an index file or a frame table.
#[derive(Debug, thiserror::Error)]
pub enum IndexTrouble {
    /// The file.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What is in it.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// What is in the table of frames.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The index of a dump.
pub fn index_path(directory: &Path, dump: DumpId) -> PathBuf {
    directory.join(format!("{dump}.rkx"))
}

/// The frames of a dump.
fn table_path(directory: &Path, dump: DumpId) -> PathBuf {
    directory.join(format!("{dump}.rkf"))
}

/// Keeps index and frame table of a dump that arrived, durably. The answer is the index's hash.
pub fn keep(directory: &Path, contents: &contents::View<'_>) -> io::Result<Digest> {
    let dump = contents.identity.dump;
    let table = contents.frames.encode().map_err(io::Error::other)?;
    fs::create_dir_all(directory)?;
    write(&table_path(directory, dump), &table)?;
    write(&index_path(directory, dump), contents.index)?;
    File::open(directory)?.sync_all()?;
    Ok(digest(contents.index))
}

/// Makes a file durable, then visible. That it is visible is durable once its directory is.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("tmp");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

/// Whether index and table of a dump are there.
pub fn has(directory: &Path, dump: DumpId) -> bool {
    index_path(directory, dump).exists() && table_path(directory, dump).exists()
}

/// How long the index of a dump is; nothing, if there is none.
pub fn length(directory: &Path, dump: DumpId) -> Bytes {
    let found = fs::metadata(index_path(directory, dump));
    found.map_or(Bytes::ZERO, |found| Bytes(found.len()))
}

/// Opens the index of a dump.
pub fn open(directory: &Path, dump: DumpId) -> Result<Reader<File>, IndexTrouble> {
    let path = index_path(directory, dump);
    let file = File::open(&path).map_err(|source| IndexTrouble::File { path, source })?;
    Ok(Reader::open(file)?)
}

/// An index file that is opened for each read, for those who have more indexes in hand than a process may have files.
#[derive(Debug)]
pub struct OnDemand(PathBuf);

impl ReadAt for OnDemand {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        File::open(&self.0)?.read_at(offset, bytes)
    }

    fn size(&self) -> io::Result<u64> {
        File::open(&self.0)?.size()
    }
}

/// The index of a dump, of which no file stays open.
pub fn open_on_demand(directory: &Path, dump: DumpId) -> Result<Reader<OnDemand>, IndexTrouble> {
    let path = index_path(directory, dump);
    if let Err(source) = File::open(&path) {
        return Err(IndexTrouble::File { path, source });
    }
    Ok(Reader::open(OnDemand(path))?)
}

/// The bytes of the index of a dump.
pub fn bytes(directory: &Path, dump: DumpId) -> Result<Vec<u8>, IndexTrouble> {
    let path = index_path(directory, dump);
    fs::read(&path).map_err(|source| IndexTrouble::File { path, source })
}

/// The frames of a dump.
pub fn frames(directory: &Path, dump: DumpId) -> Result<FrameTable, IndexTrouble> {
    let path = table_path(directory, dump);
    let bytes = fs::read(&path).map_err(|source| IndexTrouble::File { path, source })?;
    Ok(FrameTable::decode(&bytes)?)
}

/// Removes index and table of a dump that is nowhere to be had, or never came to be.
pub fn remove(directory: &Path, dump: DumpId) {
    for path in [index_path(directory, dump), table_path(directory, dump)] {
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} is of no use and could not be removed: {error}", path.display());
        }
    }
}

/// The dumps that have an index here, or a table of frames.
pub fn all(directory: &Path) -> io::Result<BTreeSet<DumpId>> {
    Ok(named(directory, &["rkx", "rkf"])?.into_iter().map(|(dump, _)| dump).collect())
}

/// The dumps that have both here: none, if the directory is gone.
pub(crate) fn whole(directory: &Path) -> io::Result<BTreeSet<DumpId>> {
    let mut files: BTreeMap<DumpId, usize> = BTreeMap::new();
    let found = match named(directory, &["rkx", "rkf"]) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    for (dump, _) in found {
        *files.entry(dump).or_default() += 1;
    }
    Ok(files.into_iter().filter(|(_, count)| *count == 2).map(|(dump, _)| dump).collect())
}

/// Removes the files that were being written when the server ended. Nobody may be writing any now.
pub fn remove_unfinished(directory: &Path) -> io::Result<()> {
    named(directory, &["tmp"])?.into_iter().try_for_each(|(_, path)| fs::remove_file(path))
}

/// The files here that are named after a dump and end like this.
fn named(directory: &Path, endings: &[&str]) -> io::Result<Vec<(DumpId, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let stem = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (Some(dump), Some(true)) = (stem, ending.map(|ending| endings.contains(&ending))) {
            found.push((dump, path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use format::index::{Record, RecordKind, Writer};

    use super::*;

    #[test]
    fn an_index_opened_on_demand_holds_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let dump = DumpId::new(1, [0; 10]);
        let record = Record::new("a", RecordKind::File);
        let mut writer = Writer::new().unwrap();
        let mut bytes = writer.push(&record).unwrap().unwrap_or_default();
        bytes.extend(writer.finish().unwrap());
        fs::write(index_path(directory.path(), dump), bytes).unwrap();
        let reader = open_on_demand(directory.path(), dump).unwrap();
        assert_eq!(reader.find(b"a").unwrap(), Some(record));
        // One that held the file would still find it.
        fs::remove_file(index_path(directory.path(), dump)).unwrap();
        assert!(reader.find(b"a").is_err());
        let gone = open_on_demand(directory.path(), dump);
        assert!(matches!(gone, Err(IndexTrouble::File { .. })));
    }
}
