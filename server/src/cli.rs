//! What can be said on the command line.
//!
//! The same definitions give the parser, `--help`, the manual pages and the shell completions. Here are the commands; what
//! is said with each stands with what it is about:
//!
//! ```text
//!  quickstart  config  catalogue            site.rs
//!  plan  dump  abort  vault  force  bump …  night.rs
//!  status  report  list  find  diff         past.rs
//!  restore  recover  verify                 restore.rs
//!  label  volume                            volume.rs
//!  library                                  library.rs
//!  device                                   device.rs
//!  amdump  amcheck …                        amanda.rs
//! ```

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(test)]
mod advice;
mod amanda;
mod device;
mod library;
mod night;
mod past;
mod restore;
mod site;
mod volume;

pub use amanda::arguments;
pub use device::{BurnIn, Device, Measure, OfDrive, OnScratch, Stats};
pub use library::Library;
pub use night::{Abort, Dump, Plan, Request, Vault};
pub use past::{Diff, Find, List, Listed, Report, ReportFormat, RunArg, Status};
pub use restore::{Recover, Restore, Verify};
pub use site::{Catalogue, Config, Quickstart};
pub use volume::{Label, Volume};

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  finished, with complaints or with some DLEs failed
  2  could not run, or stopped by an error
  3  wrong usage or configuration";

/// Network backup in the tradition of Amanda: dumps to tape or disk that any Linux can restore.
#[derive(Parser, Debug)]
#[command(name = "reelkeep", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// The site: a directory with a reelkeep.toml, or the name of one below /etc/reelkeep
    #[arg(short, long, global = true, value_name = "SITE")]
    pub config: Option<String>,
    /// Print facts as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more of what happens (twice: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Set up a site with a vtape library and a holding disk, and run the first night
    Quickstart(Quickstart),
    /// Will tonight work? Looks at the server, the volumes, the clients and the space
    ///
    /// Nothing is changed, and no cartridge is moved. What is in the way of tonight is an ERROR and gives exit code 1;
    /// a WARNING is something that somebody should look at. Each says what to do.
    Check(Selection),
    /// Show what would be dumped tonight at which level, and why; or simulate the nights to come
    Plan(Plan),
    /// Run the night: plan, dump, write to volumes, report
    Dump(Dump),
    /// Write the images that wait on the holding disk to volumes
    Flush(Selection),
    /// Have the run that is at work leave out DLEs, and go on with the others
    ///
    /// A dump that is being made is stopped, one that waits is not begun; what is held or written already stays. The
    /// report says who was left out, and why.
    Abort(Abort),
    /// Copy dumps from one storage to another
    ///
    /// Without --to, the copies that were wished for and are due are made: those of a storage's `vault`, and those of
    /// dumps that went straight to a volume of one storage and must get to another. With --to, that storage gets what it
    /// lacks of the dumps that are chosen. Copies go over the holding disk and are proved on the way.
    Vault(Vault),
    /// Show the run now, or any past run: who does what, how fast, and what waits for what
    Status(Status),
    /// Print the report of a run
    Report(Report),
    /// Restore entries or a whole DLE as of any day
    Restore(Restore),
    /// Restore interactively: look around in any day, choose, extract
    Recover(Recover),
    /// Read volumes and holding back, and check every frame
    Verify(Verify),
    /// Find entries in all dumps
    Find(Find),
    /// Compare a DLE of two days: what was added, removed, changed. Exit code 0, whether or not something was
    Diff(Diff),
    /// List dumps, DLEs, volumes, held images or runs
    List(List),
    /// Label a volume by hand
    ///
    /// Without LABEL it gets the next one of the storage's autolabel template, without --slot the first blank volume of
    /// the library is taken. A volume that has a label, or data of something else, is only labelled with --force, and
    /// one that the catalogue knows only if nothing on it is needed. The label is read back before it counts.
    Label(Label),
    /// Look at volumes, and say what may become of them
    #[command(subcommand)]
    Volume(Volume),
    /// Look at the library and move cartridges
    #[command(subcommand)]
    Library(Library),
    /// Ask drives what they are, what they counted, and what they warn of; try them out, and measure them
    #[command(subcommand)]
    Device(Device),
    /// Have DLEs dumped at level 0 in the next run
    Force(Request),
    /// Have DLEs dumped at level 1 in the next run
    ForceLevel1(Request),
    /// Take a force, bump or no-bump back
    Unforce(Request),
    /// Have DLEs dumped at the next higher level in the next run
    Bump(Request),
    /// Keep DLEs at their level in the next run
    NoBump(Request),
    /// Check the catalogue, or make it again from the volumes
    #[command(subcommand)]
    Catalogue(Catalogue),
    /// Tidy up after a crash (every run does it by itself)
    Cleanup(Cleanup),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(Config),
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// Where to
        directory: PathBuf,
    },
}

/// Which DLEs: all, those of a host, or those named.
#[derive(Args, Debug, Clone, Default)]
pub struct Selection {
    /// Hosts and DLEs, as `HOST [DLE…]`; expressions as in Amanda
    #[arg(value_name = "HOST [DLE…]")]
    pub dles: Vec<String>,
}

/// Arguments of `cleanup`.
#[derive(Args, Debug)]
pub struct Cleanup {
    /// Take what is at this holding disk's place now for the disk: it was replaced, and what waited on the old one is lost
    #[arg(long, value_name = "NAME")]
    pub accept_disk: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }
}
