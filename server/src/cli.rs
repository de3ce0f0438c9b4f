//! What can be said on the command line.
//!
//! The same definitions give the parser, `--help`, the manual pages and the shell completions. Called under
//! one of Amanda's names (`amdump`, `amcheck`, …), the program takes the configuration first, as Amanda does,
//! and behaves as the command of ours that does the same.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    #[command(hide = true)]
    Man {
        /// Where to
        directory: PathBuf,
    },
}

/// Arguments of `abort`.
#[derive(Args, Debug)]
pub struct Abort {
    /// Why, for the report
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Which DLEs; at least the host
    #[command(flatten)]
    pub selection: Selection,
}

/// Arguments of `vault`.
#[derive(Args, Debug)]
pub struct Vault {
    /// Show what would be copied, and copy nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Read from this storage
    #[arg(long, value_name = "STORAGE")]
    pub from: Option<String>,
    /// Write to this storage
    #[arg(long, value_name = "STORAGE")]
    pub to: Option<String>,
    /// Only dumps of level 0
    #[arg(long)]
    pub fulls_only: bool,
    /// Only the dumps that the newest state of each DLE is made of
    #[arg(long, conflicts_with = "days")]
    pub latest: bool,
    /// Only dumps of the last N days
    #[arg(long, value_name = "N")]
    pub days: Option<u32>,
    /// Which DLEs
    #[command(flatten)]
    pub selection: Selection,
}

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

/// Which DLEs: all, those of a host, or those named.
#[derive(Args, Debug, Clone, Default)]
pub struct Selection {
    /// Hosts and DLEs, as `HOST [DLE…]`; expressions as in Amanda
    #[arg(value_name = "HOST [DLE…]")]
    pub dles: Vec<String>,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct Plan {
    #[command(flatten)]
    pub selection: Selection,
    /// Instead: which volumes the next runs will take, in which order, what has to be fetched for them, and how long
    /// the volumes last
    #[arg(
        long, value_name = "RUNS", num_args = 0..=1, default_missing_value = "1",
        conflicts_with = "simulate", value_parser = clap::value_parser!(u32).range(1..=400),
    )]
    pub volumes: Option<u32>,
    /// Live through so many nights, by our rules and by Amanda's, and tell how level they are
    ///
    /// Trees grow and change as their history says, or as the file of --described does. Nothing is dumped, and no
    /// client is asked.
    #[arg(long, value_name = "NIGHTS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub simulate: Option<u32>,
    /// Simulate the site that this TOML file describes, instead of the one that is configured
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub described: Option<PathBuf>,
    /// Draw the simulated nights into this file
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub svg: Option<PathBuf>,
    /// The seed of the simulation's dice
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "simulate")]
    pub seed: u64,
}

/// Arguments of `dump`.
#[derive(Args, Debug)]
pub struct Dump {
    #[command(flatten)]
    pub selection: Selection,
    /// Leave everything on the holding disk
    #[arg(long)]
    pub no_taper: bool,
    /// Do not look for dumps that await a flush
    #[arg(long)]
    pub no_flush: bool,
}

/// Which run.
#[derive(Args, Debug)]
pub struct RunArg {
    /// The run's stamp (`list runs` shows them); the newest without
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    pub run: RunArg,
    /// Look again and again until the run is over; with --json one line each time
    #[arg(long, short)]
    pub watch: bool,
    /// With --watch: how many seconds lie between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "watch", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub every: u32,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct Report {
    #[command(flatten)]
    pub run: RunArg,
    /// In which form; --json is short for --format json
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: ReportFormat,
    /// How many columns the text may take, at least 80; as many as the terminal has without, and 100 elsewhere
    #[arg(long, value_name = "N")]
    pub columns: Option<u16>,
    /// Draw the run into this file, as SVG: dumpers, holding disks, bandwidth and drives over its time
    #[arg(long, value_name = "FILE", conflicts_with = "mail")]
    pub svg: Option<PathBuf>,
    /// Mail it to mailto, as text and page, instead of printing it
    #[arg(long)]
    pub mail: bool,
    /// With --mail: attach the report as JSON
    #[arg(long, requires = "mail")]
    pub attach_json: bool,
}

/// The forms of a report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Text, as it is mailed
    Text,
    /// A page for a browser, or for a mail program that shows one
    Html,
    /// The report as data; its form is told in the manual
    Json,
}

/// Arguments of `restore`.
#[derive(Args, Debug)]
pub struct Restore {
    /// The host; may be left out where only one has the DLE
    #[arg(long)]
    pub host: Option<String>,
    /// The DLE
    #[arg(long)]
    pub dle: String,
    /// As of when: a day (2026-11-23), a time (2026-11-23T02:00), a run's stamp, or latest
    #[arg(long, value_name = "WHEN", default_value = "latest")]
    pub day: String,
    /// Where to: a directory, made if it is not there
    #[arg(long, value_name = "DIR", required_unless_present = "raw")]
    pub to: Option<PathBuf>,
    /// Write the dump's image to standard output, as it is on the volume (one level, not the chain)
    #[arg(long, conflicts_with_all = ["to", "patterns"])]
    pub raw: bool,
    /// With --raw: the level to write; without, the newest dump at that time
    #[arg(long, value_name = "LEVEL", requires = "raw")]
    pub level: Option<u16>,
    /// Say what would be read, from which volumes, and restore nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Keep entries that are in the target already
    #[arg(long)]
    pub keep_existing: bool,
    /// Paths or globs within the DLE; all without
    #[arg(value_name = "PATTERN")]
    pub patterns: Vec<OsString>,
}

/// Arguments of `recover`.
#[derive(Args, Debug)]
pub struct Recover {
    /// The host to begin with
    #[arg(long)]
    pub host: Option<String>,
    /// The DLE to begin with
    #[arg(long)]
    pub dle: Option<String>,
    /// The day to begin with
    #[arg(long, value_name = "WHEN")]
    pub day: Option<String>,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// Every dump, not only the newest chain of each DLE
    #[arg(long, conflicts_with = "sample")]
    pub all: bool,
    /// Only so many of a hundred frames, chosen by chance
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub sample: Option<u8>,
    #[command(flatten)]
    pub selection: Selection,
}

/// Arguments of `find`.
#[derive(Args, Debug)]
pub struct Find {
    /// Paths or globs; one without a slash fits the last name of a path. The first words, if they are the names
    /// of a host and a DLE, say where to look
    #[arg(required = true, value_name = "[HOST [DLE]] PATTERN")]
    pub words: Vec<OsString>,
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// The host; may be left out where only one has the DLE
    #[arg(long)]
    pub host: Option<String>,
    /// The DLE
    #[arg(long)]
    pub dle: String,
    /// The earlier day, as in restore --day
    pub from: String,
    /// The later day
    #[arg(default_value = "latest")]
    pub to: String,
}

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// What to list
    pub what: Listed,
    #[command(flatten)]
    pub selection: Selection,
}

/// What `list` can list.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Every dump that can be restored, and where it is
    Dumps,
    /// The disk list entries
    Dles,
    /// The volumes
    Volumes,
    /// The images on the holding disks
    Holding,
    /// The runs
    Runs,
}

/// Arguments of `label`.
#[derive(Args, Debug)]
pub struct Label {
    /// The label; the storage's template gives the next one without
    #[arg(value_name = "LABEL")]
    pub label: Option<String>,
    /// The slot that the volume is in; the first one with a blank volume without
    #[arg(long)]
    pub slot: Option<u32>,
    /// The barcode of the cartridge, wherever it is in the library
    #[arg(long, conflicts_with = "slot")]
    pub barcode: Option<String>,
    /// The storage, if there are several
    #[arg(long)]
    pub storage: Option<String>,
    /// Overwrite what is there: data of something else, or a volume on which nothing is needed
    #[arg(long)]
    pub force: bool,
}

/// What `volume` can do.
#[derive(Subcommand, Debug)]
pub enum Volume {
    /// Show a volume and what is on it
    Show {
        /// The volume's label
        label: String,
    },
    /// Say why a volume may or may not be reused, and when it will be
    ///
    /// The day is found by judging the volume again on days to come, with runs as those of late: how many volumes they
    /// begin, and a full of each DLE as often as its cycle says. Also which DLEs still need it, by which rules.
    Explain {
        /// The volume's label
        label: String,
    },
    /// Read a volume's headers, without the catalogue
    Scan {
        /// The volume: the number of its slot, its barcode or its label
        #[arg(value_name = "SLOT|BARCODE|LABEL")]
        what: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Never reuse volumes, until they are unlocked, or until a day
    ///
    /// A lock says who wanted it and why, wherever the volume is shown. Retention goes on beside it: on that day a
    /// volume is reused only if nothing on it is needed.
    Lock {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// The lock falls off on this day (2031-01-01)
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        /// Why, in words
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
        /// Who wants it; whoever gives the command without
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
        /// Also where that ends a lock before its day
        #[arg(long)]
        early: bool,
    },
    /// Let locked volumes be reused again, once nothing on them is needed
    Unlock {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// Also those that are locked until a day which has not come
        #[arg(long)]
        early: bool,
    },
    /// Note that volumes were carried elsewhere, or are back
    ///
    /// No scan asks for a volume that is elsewhere; a restore that has no other copy says where to fetch it. The
    /// cartridge has to be taken out by hand, or with `library export`.
    Relocate {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// Where they are now, in words
        #[arg(
            long,
            value_name = "PLACE",
            required_unless_present = "back",
            conflicts_with = "back"
        )]
        off_site: Option<String>,
        /// They are at hand again
        #[arg(long)]
        back: bool,
    },
    /// Never write to a volume again; what is on it stays restorable
    Retire {
        /// The volume's label
        label: String,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give back all volumes on which nothing is needed any more
    ///
    /// The catalogue forgets what is on them; with `erase-volume` in the configuration those at hand are labelled afresh,
    /// which frees the space of virtual tapes. Without this command a volume holds what it has until a run takes it.
    Expire {
        /// Only these volumes; all without
        #[arg(value_name = "LABEL")]
        labels: Vec<String>,
        /// Only those of this storage
        #[arg(long)]
        storage: Option<String>,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a volume blank, and have the catalogue forget it
    ///
    /// Only one on which nothing is needed. For another the dumps are shown that would be lost, and its label has to be
    /// typed. The catalogue forgets first what is on it, then the end of data is set at the beginning of the medium:
    /// that takes seconds, and no drive reads it any more, though a laboratory could.
    Erase {
        /// The volume's label
        label: String,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Have the catalogue forget a volume that is lost or destroyed, and what was on it
    ///
    /// If something on it is needed or nowhere else, that is shown, and the label has to be typed. A locked volume is
    /// refused.
    Forget {
        /// The volume's label
        label: String,
        /// Do not ask, whatever is lost
        #[arg(long)]
        yes: bool,
        /// Say which dumps would be lost, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// What `library` can do.
#[derive(Subcommand, Debug)]
pub enum Library {
    /// Show slots, drives and what is in them
    Show {
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Find out what is where
    ///
    /// Shows what `show` shows, after the library was made to look into its slots (--scan), and after cartridges that
    /// nobody has read yet were loaded, one after the other, to read their labels (--read). Where cartridges without
    /// barcodes were carried by hand, --read --all reads every label again.
    Inventory {
        /// Let the library look into its slots by itself; that takes minutes
        #[arg(long)]
        scan: bool,
        /// Load what nobody has read, and read its label
        #[arg(long)]
        read: bool,
        /// With --read: also those that were read before, for cartridges may have been carried by hand since
        #[arg(long, requires = "read")]
        all: bool,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Carry a cartridge from a slot or drive to another
    Move {
        /// From where: the number of a slot or mail slot, or the name of a drive
        from: String,
        /// Where to
        to: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Take in what lies in the mail slots
    Import {
        /// The mail slot; all that have a cartridge without
        mail: Option<u32>,
        /// To this slot; the first free one without
        to: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Put a cartridge into a mail slot, to be taken out
    Export {
        /// What: the number of a slot, a barcode or a label
        what: String,
        /// Into this mail slot; the first free one without
        mail: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Clean a drive with a cleaning cartridge of the library, and say how it went
    ///
    /// What is in the drive goes back to its slot first. A cleaning takes two to five minutes; the cleaning cartridge
    /// goes back to its slot, clean or not.
    Clean {
        /// The drive
        drive: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Get new cartridges ready, one after the other: LTO-9 media are measured at their first load, for up to two hours
    Calibrate {
        /// The slots
        #[arg(required = true)]
        slots: Vec<u32>,
        /// With this drive; the first without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Show which drive of this host sits in which bay of the library, and what proves it
    ///
    /// The order of device nodes proves nothing, so nobody counts. What could be two ways is refused, with everything
    /// that library and drives say of themselves.
    VerifyDrives {
        /// Prove it with the cartridge of this slot: it is put into every bay in turn, and it shows which drive has it.
        /// All drives must be empty, and each bay takes some minutes
        #[arg(long, value_name = "SLOT")]
        by_loading: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Say that the volume that is asked for is in the drive: it is looked at now
    ///
    /// For a drive without a robot. The drive is watched anyway; this saves half a minute. An empty file
    /// `operator/answer` beside the catalogue says the same.
    Loaded,
    /// Say that there will be no volume: what waits for it goes on without
    Skip,
    /// Load the cartridge of a slot into a drive, after taking back what is in it
    Load {
        /// The slot
        slot: u32,
        /// The drive; the first without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Take the cartridge in a drive back to its slot
    Unload {
        /// The drive; all drives without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
}

impl Library {
    /// Which storage's library is meant.
    pub fn storage(&self) -> Option<&str> {
        match self {
            Self::Show { storage }
            | Self::Inventory { storage, .. }
            | Self::Move { storage, .. }
            | Self::Import { storage, .. }
            | Self::Export { storage, .. }
            | Self::Clean { storage, .. }
            | Self::Calibrate { storage, .. }
            | Self::VerifyDrives { storage, .. }
            | Self::Load { storage, .. }
            | Self::Unload { storage, .. } => storage.as_deref(),
            Self::Loaded | Self::Skip => None,
        }
    }
}

/// What `device` can do.
#[derive(Subcommand, Debug)]
pub enum Device {
    /// What a drive is, what it can, what it is doing, and what is in it
    Show(OfDrive),
    /// What drive and cartridge have counted: hours, loads, errors, bytes
    Stats(OfDrive),
    /// What the drive warns of (TapeAlert), what that means, and what to do
    ///
    /// Exit code 1 if a warning is critical.
    Alerts(OfDrive),
    /// Find out what a cartridge holds and how fast it is written, and print a tapetype
    ///
    /// Writes noise until the drive warns of the end; that takes as long as filling a cartridge, nine hours for LTO-8.
    /// With --bytes only so much is written, and the drive's own count of the room tells the rest: 20 GB are enough. Also
    /// says what a filemark takes, and whether the drive compresses. A labelled volume is never written over. The
    /// cartridge is blank afterwards.
    Measure(Measure),
    /// Write noise in blocks of several lengths, and see whether it comes back
    ///
    /// Blocks from 32 KiB to the configured length are written and read, filemarks counted, places jumped to; blocks are
    /// read into more and into less room than they need; a block with a wrong check value must be refused. A labelled
    /// volume is never written over. The cartridge is blank afterwards. Exit code 1 if something is wrong.
    BurnIn(BurnIn),
}

/// Which drive is asked.
#[derive(Args, Debug)]
pub struct OfDrive {
    /// The drive: its name in the library, or a node of this host (/dev/sg3, nst0); all of the library without
    #[arg(value_name = "DRIVE|NODE")]
    pub drive: Option<String>,
    /// The storage, if there are several
    #[arg(long)]
    pub storage: Option<String>,
}

/// Which drive is tried, and on which cartridge.
#[derive(Args, Debug)]
pub struct OnScratch {
    /// The drive of the library; the first without
    pub drive: Option<String>,
    /// Bring the cartridge of this slot, and take it back afterwards; without, the one in the drive is used
    #[arg(long)]
    pub slot: Option<u32>,
    /// Data of something else that are on the cartridge may go
    #[arg(long)]
    pub erase: bool,
    /// The storage, if there are several
    #[arg(long)]
    pub storage: Option<String>,
}

/// Arguments of `device measure`.
#[derive(Args, Debug)]
pub struct Measure {
    #[command(flatten)]
    pub on: OnScratch,
    /// Write only so much, and reckon the rest
    #[arg(long, value_name = "SIZE")]
    pub bytes: Option<String>,
    /// What the tapetype is called; after the cartridge's generation without
    #[arg(long)]
    pub name: Option<String>,
}

/// Arguments of `device burn-in`.
#[derive(Args, Debug)]
pub struct BurnIn {
    #[command(flatten)]
    pub on: OnScratch,
    /// Write so much in all
    #[arg(long, value_name = "SIZE", default_value = "20 GB")]
    pub bytes: String,
    /// Go to so many places
    #[arg(long, default_value_t = 20)]
    pub jumps: u64,
    /// The seed of noise and dice
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `cleanup`.
#[derive(Args, Debug)]
pub struct Cleanup {
    /// Take what is at this holding disk's place now for the disk: it was replaced, and what waited on the old one is lost
    #[arg(long, value_name = "NAME")]
    pub accept_disk: Option<String>,
}

/// Arguments of the requests to the planner.
#[derive(Args, Debug)]
pub struct Request {
    /// Hosts and DLEs, as `HOST [DLE…]`
    #[arg(required = true, value_name = "HOST [DLE…]")]
    pub dles: Vec<String>,
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

/// The command line with Amanda's names put into ours: `amdump CONFIG HOST` becomes
/// `reelkeep --config CONFIG dump HOST`.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let called =
        given.first().and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
    let Some(command) = called.and_then(amanda_name) else { return given };
    let rest = given.split_off(1);
    let mut ours: Vec<OsString> = vec!["reelkeep".into()];
    let config = rest.iter().position(|word| !word.as_encoded_bytes().starts_with(b"-"));
    if let Some(config) = config {
        ours.extend(["--config".into(), rest[config].clone()]);
    }
    ours.extend(command.iter().map(OsString::from));
    ours.extend(
        rest.iter().enumerate().filter(|(i, _)| Some(*i) != config).map(|(_, word)| word.clone()),
    );
    ours
}

/// The command that does what the one of this name does in Amanda.
fn amanda_name(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "amdump" => &["dump"],
        "amcheck" => &["check"],
        "amflush" => &["flush"],
        "amstatus" => &["status"],
        "amreport" => &["report"],
        "amrecover" => &["recover"],
        "amfetchdump" => &["restore"],
        "amcheckdump" => &["verify"],
        "amlabel" => &["label"],
        "amcleanup" => &["cleanup"],
        "amtape" => &["library"],
        "amgetconf" => &["config", "show"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn amandas_names_take_the_configuration_first() {
        let given = ["/usr/sbin/amdump", "daily", "web", "/srv"].map(OsString::from);
        let ours = arguments(given.into_iter());
        assert_eq!(ours, ["reelkeep", "--config", "daily", "dump", "web", "/srv"]);
        let cli = Cli::try_parse_from(ours).unwrap();
        assert_eq!(cli.config.as_deref(), Some("daily"));
    }

    #[test]
    fn our_own_name_changes_nothing() {
        let given = ["reelkeep", "-c", "x", "list", "dumps"].map(OsString::from);
        assert_eq!(arguments(given.clone().into_iter()), given);
    }
}
