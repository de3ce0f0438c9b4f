//! What is in which drive.
//!
//! It says nothing that cannot be said anew: a cartridge never leaves its slot's directory, and who has a drive open
//! knows what is in it. So a state that is cut off or garbled is put aside, and begun afresh.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use types::{DriveName, Slot};

use super::{directory, disk};
use crate::locks::AtPath;

/// What was found in `state.json`.
#[derive(Debug)]
pub(super) enum Found {
    /// A state, perhaps that of a library that has none yet.
    State(State),
    /// Nothing that was ever written whole: why.
    Garbled(serde_json::Error),
}

/// What every version begins with.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

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
    pub(super) fn read(root: &Path, drives: &[DriveName]) -> AtPath<Found> {
        let path = path(root);
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Found::State(Self::default()));
            }
            Err(error) => return Err((path, error)),
        }
        if let Ok(Header { version }) = serde_json::from_slice(&text)
            && version != VERSION
        {
            let text = format!("version {version} was written by a newer program");
            return Err((path, io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        Ok(match serde_json::from_slice::<Self>(&text) {
            Ok(mut state) => {
                state.drives.retain(|drive, _| drives.contains(drive));
                Found::State(state)
            }
            Err(error) => Found::Garbled(error),
        })
    }

    /// Puts a garbled one aside, and writes this in its place. Cut off between the two there is none, which says that all
    /// cartridges are in their slots; and so they are, for whoever had a drive open has ended.
    pub(super) fn replace_garbled(&mut self, root: &Path) -> AtPath<PathBuf> {
        let (path, aside) = (path(root), root.join("state.json.bad"));
        fs::rename(&path, &aside).map_err(|error| (path, error))?;
        if !self.drives.is_empty() {
            self.write(root)?;
        }
        Ok(aside)
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

/// Where it is.
pub(super) fn path(root: &Path) -> PathBuf {
    root.join("state.json")
}
