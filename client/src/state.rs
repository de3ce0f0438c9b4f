//! What the agent remembers between dumps: the snapshots of those that others may build on.
//!
//! ```text
//! STATE/<digest of host and DLE>/name           who it is, for people
//!                               /<dump>.pending  made, and not known to be durable on the server
//!                               /<dump>.kept     durable on the server
//! ```
//!
//! A snapshot is pending until the server says that it has the dump. A base is asked for by the id of its dump; it is
//! given also if it is only pending, because a server that names it has it: its word may have been lost on the way.
//! Whatever the server does not name when it confirms a dump goes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use format::frame::digest;
use types::{DleName, DumpId, HostName};

use crate::since::{BaseError, Records, records};

const PENDING: &str = "pending";
const KEPT: &str = "kept";

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: see that the state directory is there and that there is space")]
pub struct StateError {
    action: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    directory: PathBuf,
}

/// The snapshots of one DLE.
#[derive(Debug)]
pub struct Snapshots {
    directory: PathBuf,
}

/// A snapshot being written. If it is dropped, nothing of it is left.
#[derive(Debug)]
pub struct Pending {
    file: BufWriter<File>,
    path: PathBuf,
    partial: PathBuf,
}

impl State {
    /// The state in this directory, which is made once there is a snapshot: who restores needs none.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where things may wait for the end of a dump.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The snapshots of a DLE.
    pub fn of(&self, host: &HostName, dle: &DleName) -> Result<Snapshots, StateError> {
        let name = format!("{host}\0{dle}");
        let directory = self.directory.join(&digest(name.as_bytes()).to_string()[..32]);
        if !directory.is_dir() {
            make_directory(&directory)?;
            let path = directory.join("name");
            fs::write(&path, format!("{host} {dle}\n")).map_err(failed("write", &path))?;
        }
        Ok(Snapshots { directory })
    }
}

impl Snapshots {
    /// Begins the snapshot of a dump.
    pub fn begin(&self, dump: DumpId) -> Result<Pending, StateError> {
        let path = self.path(dump, PENDING);
        let partial = self.path(dump, "partial");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .map_err(failed("write", &partial))?;
        Ok(Pending { file: BufWriter::with_capacity(256 << 10, file), path, partial })
    }

    /// The snapshot of a dump, if it is here.
    pub fn find(&self, dump: DumpId) -> Result<Option<File>, StateError> {
        for state in [KEPT, PENDING] {
            let path = self.path(dump, state);
            match File::open(&path) {
                Ok(file) => return Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", &path)(error)),
            }
        }
        Ok(None)
    }

    /// The records of the snapshot of a dump, if it is here and whole. One that is damaged is as good as none.
    pub fn records(&self, dump: DumpId) -> Result<Option<Records>, StateError> {
        let Some(file) = self.find(dump)? else { return Ok(None) };
        let readable: Result<(), BaseError> =
            records(file).and_then(|mut all| all.try_for_each(|record| record.map(drop)));
        if readable.is_err() {
            return Ok(None);
        }
        let Some(file) = self.find(dump)? else { return Ok(None) };
        Ok(records(file).ok())
    }

    /// The dump is durable on the server: its snapshot is kept, with those of `keep`, and no other.
    pub fn confirm(&self, dump: DumpId, keep: &[DumpId]) -> Result<(), StateError> {
        let (pending, kept) = (self.path(dump, PENDING), self.path(dump, KEPT));
        if pending.exists() {
            let synced = File::open(&pending).and_then(|file| file.sync_all());
            synced.map_err(failed("sync", &pending))?;
            fs::rename(&pending, &kept).map_err(failed("rename", &pending))?;
            let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
            synced.map_err(failed("sync", &self.directory))?;
        }
        self.remove_unless(|id| id == dump || keep.contains(&id))
    }

    /// The dump is lost: its snapshot goes.
    pub fn forget(&self, dump: DumpId) -> Result<(), StateError> {
        self.remove_unless(|id| id != dump)
    }

    fn remove_unless(&self, keep: impl Fn(DumpId) -> bool) -> Result<(), StateError> {
        let list = || fs::read_dir(&self.directory).map_err(failed("list", &self.directory));
        for entry in list()? {
            let path = entry.map_err(failed("list", &self.directory))?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if id.is_some_and(|id| !keep(id)) {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    fn path(&self, dump: DumpId, state: &str) -> PathBuf {
        self.directory.join(format!("{dump}.{state}"))
    }
}

impl Pending {
    /// The snapshot is whole: from now on a dump may build on it.
    pub fn finish(mut self) -> Result<(), StateError> {
        self.file.flush().map_err(failed("write", &self.partial))?;
        fs::rename(&self.partial, &self.path).map_err(failed("rename", &self.partial))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After `finish` it has another name, and this finds nothing.
        drop(fs::remove_file(&self.partial));
    }
}

fn make_directory(path: &Path) -> Result<(), StateError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.display().to_string();
    move |source| StateError { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::index::RecordKind;
    use format::snapshot::{SnapRecord, Writer};
    use types::FileTime;

    fn id(number: u64) -> DumpId {
        DumpId::new(number, [0; 10])
    }

    fn snapshots(dir: &Path) -> Snapshots {
        let state = State::at(&dir.join("state"));
        state.of(&"host".parse().unwrap(), &"/srv".parse().unwrap()).unwrap()
    }

    fn make(snapshots: &Snapshots, dump: DumpId) {
        let mut writer = Writer::new().unwrap();
        let record = SnapRecord {
            path: Vec::new(),
            kind: RecordKind::Directory,
            dev: 1,
            ino: 2,
            ctime: FileTime::default(),
            mtime: FileTime::default(),
            size: 0,
            nlink: 1,
        };
        let mut bytes = writer.push(&record).unwrap().unwrap_or_default();
        bytes.extend(writer.finish().unwrap());
        let mut pending = snapshots.begin(dump).unwrap();
        pending.write_all(&bytes).unwrap();
        pending.finish().unwrap();
    }

    fn has(snapshots: &Snapshots, dump: DumpId) -> bool {
        snapshots.records(dump).unwrap().is_some_and(|records| records.count() == 1)
    }

    #[test]
    fn a_confirmed_snapshot_stays_with_those_that_the_server_names() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        (1..=4).for_each(|number| make(&snapshots, id(number)));
        snapshots.confirm(id(1), &[id(2), id(3)]).unwrap();
        assert_eq!([1, 2, 3, 4].map(|n| has(&snapshots, id(n))), [true, true, true, false]);
        snapshots.confirm(id(3), &[]).unwrap();
        assert_eq!([1, 2, 3].map(|n| has(&snapshots, id(n))), [false, false, true]);
        snapshots.confirm(id(3), &[]).unwrap();
        assert!(has(&snapshots, id(3)), "saying it twice changes nothing");
    }

    #[test]
    fn a_forgotten_snapshot_is_gone_alone() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        (1..=2).for_each(|number| make(&snapshots, id(number)));
        snapshots.forget(id(1)).unwrap();
        assert_eq!([1, 2].map(|n| has(&snapshots, id(n))), [false, true]);
    }

    #[test]
    fn a_snapshot_that_was_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        let mut pending = snapshots.begin(id(1)).unwrap();
        pending.write_all(b"half").unwrap();
        drop(pending);
        assert!(snapshots.find(id(1)).unwrap().is_none());
        let names = fs::read_dir(&snapshots.directory).unwrap().count();
        assert_eq!(names, 1, "only the name of the DLE");
    }

    #[test]
    fn a_damaged_snapshot_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        make(&snapshots, id(1));
        let path = snapshots.path(id(1), PENDING);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(snapshots.records(id(1)).unwrap().is_none(), "{cut} of {}", whole.len());
        }
    }
}
