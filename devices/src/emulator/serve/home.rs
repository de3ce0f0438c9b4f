//! The directory of a library.
//!
//! `library.json` says what the library is made of; beside it lies what it remembers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::directory::{check_numbers, invalid};
use super::super::{DirectoryError, Library, Setup};

const SETUP: &str = "library.json";

/// A library's directory.
#[derive(Debug)]
pub struct Home {
    directory: PathBuf,
    setup: Setup,
}

/// What is wrong with a directory.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is one already.
    #[error("{0} holds a library already")]
    Taken(PathBuf),
    /// There is none.
    #[error("{0} holds no library: make one with `reelkeep-emulator create`")]
    NoLibrary(PathBuf),
    /// A file cannot be read or written.
    #[error("could not {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What the library remembers cannot be used, or another process has it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It says nothing that makes sense.
    #[error("{path} does not describe a library")]
    Setup {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

impl Home {
    /// A new library.
    pub fn create(directory: &Path, setup: &Setup) -> Result<Self, HomeError> {
        fs::create_dir_all(directory).map_err(failed("make", directory))?;
        let path = directory.join(SETUP);
        if path.exists() {
            return Err(HomeError::Taken(directory.to_owned()));
        }
        let text = serde_json::to_string_pretty(setup)
            .map_err(|source| HomeError::Setup { path: path.clone(), source })?;
        let new = directory.join("library.json.new");
        fs::write(&new, text).map_err(failed("write", &new))?;
        fs::rename(&new, &path).map_err(failed("write", &path))?;
        Self::open(directory)
    }

    /// The library in this directory.
    pub fn open(directory: &Path) -> Result<Self, HomeError> {
        let path = directory.join(SETUP);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HomeError::NoLibrary(directory.to_owned()));
            }
            text => text.map_err(failed("read", &path))?,
        };
        let wrong = |source| HomeError::Setup { path: path.clone(), source };
        let setup: Setup = serde_json::from_str(&text).map_err(wrong)?;
        check_numbers(&serde_json::from_str(&text).map_err(wrong)?)
            .and_then(|()| setup.check().map_err(invalid))
            .map_err(failed("use", &path))?;
        Ok(Self { directory: directory.to_owned(), setup })
    }

    /// The library itself. One process at a time has it.
    pub fn library(&self) -> Result<Library, HomeError> {
        Ok(Library::in_directory(&self.directory, self.setup.clone())?)
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::File { action, path, source }
}
