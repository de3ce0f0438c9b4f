//! What is in which drive, and the locks that keep two processes apart.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use types::{DriveName, Slot};

use super::directory;

/// The system refused something about this file.
type AtPath<T> = Result<T, (PathBuf, io::Error)>;

/// `state.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    drives: BTreeMap<DriveName, Slot>,
}

const VERSION: u32 = 1;

/// More than any site's drives need.
const LONGEST: u64 = 1 << 20;

impl State {
    /// Reads it. Drives that are not among `drives` are no more, and what was in them is in its slot.
    pub(super) fn read(root: &Path, drives: &[DriveName]) -> AtPath<Self> {
        let path = root.join("state.json");
        let mut text = Vec::new();
        match File::open(&path) {
            Ok(file) => match file.take(LONGEST).read_to_end(&mut text) {
                Ok(_) => {}
                Err(error) => return Err((path, error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err((path, error)),
        }
        let mut state: Self = match serde_json::from_slice(&text) {
            Ok(state) => state,
            Err(error) => return Err((path, error.into())),
        };
        if state.version != VERSION {
            let text = format!("version {} was written by a newer program", state.version);
            return Err((path, io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        state.drives.retain(|drive, _| drives.contains(drive));
        Ok(state)
    }

    /// Replaces it: whole, or not at all.
    pub(super) fn write(&mut self, root: &Path) -> AtPath<()> {
        self.version = VERSION;
        let [path, new] = ["state.json", "state.json.new"].map(|name| root.join(name));
        let replace = || {
            let text = serde_json::to_vec_pretty(&self)?;
            let mut file = File::create(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            directory::sync(root)
        };
        replace().map_err(|error: io::Error| (path.clone(), error))
    }

    pub(super) fn slot_in(&self, drive: &DriveName) -> Option<Slot> {
        self.drives.get(drive).copied()
    }

    pub(super) fn drive_of(&self, slot: Slot) -> Option<&DriveName> {
        self.drives.iter().find_map(|(drive, loaded)| (*loaded == slot).then_some(drive))
    }

    pub(super) fn put(&mut self, drive: &DriveName, slot: Slot) {
        self.drives.insert(drive.clone(), slot);
    }

    pub(super) fn take(&mut self, drive: &DriveName) {
        self.drives.remove(drive);
    }
}

/// Waits for the library: nobody holds this lock for longer than it takes to replace a small file.
pub(super) fn lock_library(root: &Path) -> AtPath<File> {
    let path = root.join("lock");
    let lock = || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|error| (path.clone(), error))
}

/// Takes the drive for this process, or says who has it. The lock ends with the file handle, so a process
/// that was killed holds nothing.
pub(super) fn lock_drive(root: &Path, drive: &DriveName) -> AtPath<Result<File, String>> {
    let path = root.join(format!("drive.{}.lock", escaped(drive.as_str())));
    let lock = || {
        let mut options = File::options();
        let mut file = options.create(true).truncate(false).read(true).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.take(20).read_to_string(&mut pid)?;
                return Ok(Err(format!("process {}", pid.trim())));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Ok(file))
    };
    lock().map_err(|error| (path.clone(), error))
}

/// A name as part of a file name: two names never become one.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    name.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}
