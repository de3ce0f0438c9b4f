//! A site: its directory, its configuration, and the files that the server keeps there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use config::Config;
use taper::catalogue::{Catalogue, CatalogueError};

use crate::agent::{self, AgentCommand};
use crate::lock::{LockError, RunLock};
use crate::print;

/// Where sites without a path are.
const SITES: &str = "/etc/reelkeep";
/// The site that `quickstart` makes when it is told nothing else.
pub const DEFAULT_SITE: &str = "./reelkeep-site";
/// The file that makes a directory a site.
pub const CONFIG_FILE: &str = "reelkeep.toml";

/// A site with a configuration that was checked.
#[derive(Debug)]
pub struct Site {
    /// Its directory, absolute.
    pub directory: PathBuf,
    /// What it is configured to do.
    pub config: Config,
    /// Whether it was said that nothing can be noted in the catalogue.
    is_told: AtomicBool,
}

/// Why there is no site to work on.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The name leads nowhere.
    #[error(
        "there is no site {0:?}: neither {0:?} nor {SITES}/{0} is a directory with a {CONFIG_FILE}. Make one with \
         `reelkeep quickstart PATH…`, or name another with --config"
    )]
    NotFound(String),
    /// A directory of the site could not be made or reached.
    #[error("could not use {path}{advice}", path = path.display(), advice = after(source))]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The directory of the site of this name.
pub fn find(name: Option<&str>) -> Result<PathBuf, SiteError> {
    let name = name.unwrap_or(DEFAULT_SITE);
    let candidates = [PathBuf::from(name), Path::new(SITES).join(name)];
    let found = candidates.into_iter().find(|directory| directory.join(CONFIG_FILE).is_file());
    let directory = found.ok_or_else(|| SiteError::NotFound(name.to_owned()))?;
    directory.canonicalize().map_err(|source| SiteError::Directory { path: directory, source })
}

fn make(path: &Path) -> Result<(), SiteError> {
    let failed = |source| SiteError::Directory { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(failed)
}

/// What to do about what the system says of a file or directory of the site; none if that says enough.
pub(crate) fn advice(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "its file system is read-only: see in `dmesg` why, and mount it writable again"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on its file system",
        io::ErrorKind::PermissionDenied => {
            "give the user that runs reelkeep the right to write there, or give the command as that user"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is where a directory should be: move it aside"
        }
        io::ErrorKind::NotFound => "see whether its file system is mounted",
        _ => return None,
    })
}

/// What to do about an error of the catalogue, if it is one.
pub(crate) fn advice_on(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| cause.downcast_ref::<CatalogueError>()?.advice())
}

/// What to do about what the system says, as the end of a message.
pub(crate) fn after(error: &io::Error) -> String {
    advice(error).map(|advice| format!(": {advice}")).unwrap_or_default()
}

impl Site {
    /// Puts a site together. Nothing is made: who only looks needs no more than what is there.
    pub fn of(directory: PathBuf, config: Config) -> Self {
        Self { directory, config, is_told: AtomicBool::new(false) }
    }

    /// Makes the directories that a run writes to.
    pub fn make_directories(&self) -> Result<(), SiteError> {
        let ours = [&self.config.site.indexdir, &self.config.site.logdir, &self.agent_state()];
        ours.into_iter().try_for_each(|path| make(path))?;
        self.make_home()
    }

    /// Makes the directory of the catalogue, in which the lock is too.
    fn make_home(&self) -> Result<(), SiteError> {
        self.config.site.catalogue.parent().map_or(Ok(()), make)
    }

    /// Opens the catalogue, to write in it.
    pub fn catalogue(&self) -> Result<Catalogue, CatalogueError> {
        // If that can't be, the catalogue says why.
        drop(self.make_home());
        Catalogue::open(&self.config.site.catalogue)
    }

    /// Opens the catalogue to look things up, also where it can't be written. That is told once.
    pub fn catalogue_to_read(&self) -> Result<Catalogue, CatalogueError> {
        let catalogue = self.catalogue_to_look_at()?;
        if let Some(only_read) = catalogue.only_read()
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            print::remark(&only_read.told);
        }
        Ok(catalogue)
    }

    /// The same for who tells that in another way.
    pub(crate) fn catalogue_to_look_at(&self) -> Result<Catalogue, CatalogueError> {
        drop(self.make_home());
        Catalogue::open_to_read(&self.config.site.catalogue)
    }

    /// Takes the lock that one run at a time holds.
    pub fn lock(&self, holder: &str) -> Result<RunLock, LockError> {
        // If that can't be, the lock says why.
        drop(self.make_home());
        RunLock::take(&self.lock_path(), holder)
    }

    /// Who is at work on the site now.
    pub fn at_work(&self) -> Option<String> {
        RunLock::holder(&self.lock_path())
    }

    fn lock_path(&self) -> PathBuf {
        self.config.site.catalogue.with_file_name("lock")
    }

    /// The lock that everybody shares who reads dumps.
    pub fn readers_path(&self) -> PathBuf {
        self.config.site.catalogue.with_file_name("readers")
    }

    /// Which mark each holding disk has.
    pub fn holding_marks(&self) -> PathBuf {
        self.config.site.catalogue.with_file_name("holding-marks")
    }

    /// Where questions to the operator stand, and answers are left.
    pub fn operator_board(&self) -> PathBuf {
        self.config.site.catalogue.with_file_name("operator")
    }

    /// How the agent of this host is started.
    pub fn agent(&self, program: &Path) -> AgentCommand {
        AgentCommand { program: agent::beside(program), state: self.agent_state() }
    }

    /// Where the agent of this host keeps its snapshots.
    fn agent_state(&self) -> PathBuf {
        self.config.site.catalogue.with_file_name("agent")
    }
}
