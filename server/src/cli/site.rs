//! A site as such: made, its configuration looked at, its catalogue checked or made again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `quickstart`.
#[derive(Args, Debug)]
pub struct Quickstart {
    /// Where the site is made
    #[arg(long, value_name = "SITE", default_value = "./reelkeep-site")]
    pub dir: PathBuf,
    /// How much a vtape holds (they take only what is written)
    #[arg(long, value_name = "SIZE", default_value = "100 GiB")]
    pub volume_size: String,
    /// How many vtapes the library has
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub volumes: u32,
    /// Write the configuration, but run nothing yet
    #[arg(long)]
    pub no_run: bool,
    /// The directories to back up
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What `catalogue` can do.
#[derive(Subcommand, Debug)]
pub enum Catalogue {
    /// Check that the catalogue agrees with itself and with the index files
    Check,
    /// Make the catalogue and the indexes again from the volumes alone
    ///
    /// Loads every cartridge of every library, and reads labels, headers, and the records that each run left. Where there
    /// is no robot, you are asked for one cartridge after another, until you say that this was all. What the catalogue knows already stays as it is, so it may also be used to take over single volumes. Images on the
    /// holding disks are taken over too. Nothing is written on any volume.
    Rebuild {
        /// Say what would be added, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// What `config` can do.
#[derive(Subcommand, Debug)]
pub enum Config {
    /// Say everything that is wrong with the configuration
    Check,
    /// Show the whole configuration as it is understood, with defaults
    Show,
}
