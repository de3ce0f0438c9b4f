//! What is in which drive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use types::{DriveName, Slot};

use super::{directory, disk};
use crate::locks::AtPath;

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

    /// Replaces it: whole, or not at all. On a file system without a single block left it is written over in its place,
    /// so that volumes can still be loaded to be erased.
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
        let replaced = match replace() {
            Err(error) if disk::is_full(&error) => {
                fs::remove_file(&new).ok();
                self.write_in_place(&path)
            }
            other => other,
        };
        replaced.map_err(|error: io::Error| (path.clone(), error))
    }

    fn write_in_place(&self, path: &Path) -> io::Result<()> {
        let mut file = File::options().write(true).open(path)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(text.len());
        text.resize(length.max(text.len()), b' ');
        file.write_all(&text)?;
        file.sync_all()
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
