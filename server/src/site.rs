//! A site: its directory, its configuration, and the files that the server keeps there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::Config;
use taper::catalogue::{Catalogue, CatalogueError};

use crate::agent::{self, AgentCommand};
use crate::lock::{LockError, RunLock};

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
    #[error("could not use {path}")]
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

impl Site {
    /// Puts a site together, and makes the directories that the server writes to.
    pub fn open(directory: PathBuf, config: Config) -> Result<Self, SiteError> {
        let site = Self { directory, config };
        let catalogue = site.config.site.catalogue.parent().map(Path::to_owned);
        let ours = [
            site.config.site.indexdir.clone(),
            site.config.site.logdir.clone(),
            site.agent_state(),
        ];
        for path in ours.into_iter().chain(catalogue) {
            fs::create_dir_all(&path).map_err(|source| SiteError::Directory { path, source })?;
        }
        Ok(site)
    }

    /// Opens the catalogue.
    pub fn catalogue(&self) -> Result<Catalogue, CatalogueError> {
        Catalogue::open(&self.config.site.catalogue)
    }

    /// Takes the lock that one run at a time holds.
    pub fn lock(&self, holder: &str) -> Result<RunLock, LockError> {
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
