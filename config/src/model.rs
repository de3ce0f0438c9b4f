//! The checked configuration: plain values, every default filled in, every reference followed.
//!
//! Whoever holds a [`Config`] need not ask again whether a name exists or a number makes sense. What may be
//! absent is an `Option`, and its comment says what absence means. Sizes are bytes, times are
//! [`Duration`]s or days, paths are absolute when the site directory was.

use std::path::PathBuf;
use std::time::Duration;

use types::{BlockSize, Bytes, DleName, DleRef, HostName, PoolName, Stamp, StorageName};

use crate::changer::Changer;
use crate::complaint::Complaint;
use crate::labels::{Autolabel, LabelRule};
use crate::mail::SmtpServer;
use crate::origins::Origins;
use crate::scripts::Script;
use crate::words::words;

/// A site's configuration after all checks.
#[derive(Clone, Debug)]
pub struct Config {
    /// What holds for the whole site.
    pub site: Site,
    /// Every storage, in the order of the file. Those written to by a run are named by `site.storage`.
    pub storages: Vec<Storage>,
    /// Where images wait, in the order of the file.
    pub holding: Vec<HoldingDisk>,
    /// Network interfaces. The first is `default`, with the site's `netusage`.
    pub interfaces: Vec<Interface>,
    /// The dumptypes of the files and those that are predefined and used, each with all that it inherits.
    pub dumptypes: Vec<Dumptype>,
    /// What is to be dumped, in the order of the files.
    pub dles: Vec<Dle>,
    /// The places in `dles`, by host and name.
    pub(crate) by_name: Vec<usize>,
    /// The scripts that DLEs may name, in the order of the files.
    pub scripts: Vec<Script>,
    /// What is allowed and still looks like a slip.
    pub hints: Vec<Complaint>,
    /// Where each value was set.
    pub origins: Origins,
}

impl Config {
    /// The storage that a run is planned for: the first that it writes to.
    pub fn planned_for(&self) -> Option<&Storage> {
        self.site.storage.first().and_then(|name| self.storage(name))
    }

    /// The DLE of this host and name.
    pub fn dle(&self, name: &DleRef) -> Option<&Dle> {
        let key = (&name.host, &name.dle);
        let found = self.by_name.binary_search_by(|at| self.dles[*at].key().cmp(&key)).ok()?;
        self.by_name.get(found).map(|at| &self.dles[*at])
    }

    /// The storage of this name.
    pub fn storage(&self, name: &StorageName) -> Option<&Storage> {
        self.storages.iter().find(|storage| storage.name == *name)
    }
}

/// What holds for the whole site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The directory of `reelkeep.toml`. Relative paths are relative to it.
    pub directory: PathBuf,
    /// The name in reports and in label templates (`$o`).
    pub org: String,
    /// The name of the site directory, in label templates `$c`.
    pub name: String,
    /// Who gets the report. Empty: nobody.
    pub mailto: Vec<String>,
    /// The program that takes a mail on its standard input, where no server is named.
    pub mailer: PathBuf,
    /// The server that takes mail. `None`: `mailer` does.
    pub smtp: Option<SmtpServer>,
    /// The file with name and password for that server. `None`: it takes mail from anybody.
    pub smtp_login: Option<PathBuf>,
    /// The file with the certificates of those who may vouch for that server. `None`: those that this machine trusts.
    pub smtp_ca: Option<PathBuf>,
    /// Who mail is from. `None`: `reelkeep` at this machine.
    pub mailfrom: Option<String>,
    /// Which runs are worth a mail.
    pub send_report_on: SendReport,
    /// How sizes are written in reports.
    pub displayunit: DisplayUnit,

    /// Where the catalogue is.
    pub catalogue: PathBuf,
    /// Where the index files are.
    pub indexdir: PathBuf,
    /// Where the logs of runs are.
    pub logdir: PathBuf,

    /// How many runs make a dump cycle.
    pub runspercycle: RunsPerCycle,
    /// How many DLEs are dumped at once.
    pub inparallel: u32,
    /// What each dumper looks for, first dumper first. Dumpers behind the end do as the last.
    pub dumporder: Vec<DumpOrder>,
    /// What a run may use of the network, a second.
    pub netusage: Bytes,
    /// The most that a run may plan. `None`: what `runtapes` volumes hold.
    pub maxdumpsize: Option<Bytes>,
    /// The longest that a run is planned to last. `None`: as long as it takes.
    pub maxduration: Option<Duration>,
    /// How much of the holding space is kept for incrementals when no volume is to be had, in percent.
    pub reserve: u32,
    /// How long an estimate may take.
    pub etimeout: EstimateLimit,
    /// How long a dump may send nothing.
    pub dtimeout: Duration,
    /// How long a client may take to answer at all.
    pub ctimeout: Duration,

    /// The storages that a run writes to; the first is the one that is planned for.
    pub storage: Vec<StorageName>,
    /// The storages that an image has to reach before it may leave the holding disk.
    pub active_storage: Vec<StorageName>,
    /// The storages that copies are made to at the end of a run.
    pub vault_storage: Vec<StorageName>,

    /// What a storage does unless it says otherwise.
    pub tapering: Tapering,
    /// What a dumptype does unless it says otherwise.
    pub dumping: Dumping,
}

/// How many runs make a dump cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsPerCycle {
    /// One each day of the cycle.
    Daily,
    /// As many as the catalogue shows.
    Guess,
    /// So many.
    Runs(u32),
}

/// How long an estimate may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EstimateLimit {
    /// So long for each DLE and level.
    Each(Duration),
    /// So long for all DLEs of a host.
    Host(Duration),
}

/// How a volume is chosen, filled and kept: what a storage may say, and the site for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tapering {
    /// Volumes needed before the oldest is written again.
    pub tapecycle: u32,
    /// The most volumes that one run may use.
    pub runtapes: u32,
    /// How the next volume is found.
    pub taperscan: Taperscan,
    /// Which waiting image goes to the volume next.
    pub taperalgo: Taperalgo,
    /// Volumes written at once.
    pub taper_parallel_write: u32,
    /// The most images on one volume. `None`: any number.
    pub max_dle_by_volume: Option<u32>,
    /// Whether images left on the holding disk by earlier runs are written.
    pub autoflush: Autoflush,
    /// When a volume is begun and when images may stay on the holding disk.
    pub flush: FlushThresholds,
    /// Memory between image and drive.
    pub device_output_buffer_size: Bytes,
    /// Whether a volume is taken out of its drive after the run.
    pub eject_volume: bool,
    /// Whether what is no longer kept is erased at the end of a run.
    pub erase_volume: bool,
    /// Whether the report names the volumes that were used.
    pub report_use_media: bool,
    /// Whether the report names the volumes that come next.
    pub report_next_media: bool,
    /// Which labels are ours.
    pub labelstr: LabelRule,
    /// How a new volume is named, and which volumes count as new. `None`: none does.
    pub autolabel: Option<Autolabel>,
}

/// Thresholds in percent of a volume's length; they may exceed 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushThresholds {
    /// Begin a volume once more than this is dumped and waits.
    pub dumped: u32,
    /// Begin a volume once more than this is dumped or scheduled.
    pub scheduled: u32,
    /// At the end of a run, leave up to this on the holding disk.
    pub taperflush: u32,
}

/// A pool with the changer, policy and taper settings that use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Its name, in label templates `$r`.
    pub name: StorageName,
    /// For people.
    pub comment: String,
    /// The volumes it uses.
    pub pool: PoolName,
    /// Where the volumes are.
    pub changer: Changer,
    /// What the volumes are like.
    pub tapetype: Tapetype,
    /// How long volumes are needed.
    pub policy: Policy,
    /// How volumes are chosen and filled.
    pub tapering: Tapering,
    /// Whether a volume that was written is locked at once.
    pub set_no_reuse: bool,
    /// Which dumps it takes. Empty: all.
    pub dump_selection: Vec<Selection>,
    /// Where its dumps are copied to.
    pub vault: Vec<Vault>,
}

/// Dumps that a storage takes. A dump has to fit one of the storage's selections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The DLE's tag. A DLE without tags fits every one. `None`: any DLE.
    pub tag: Option<String>,
    /// Which levels.
    pub levels: Levels,
}

/// Which levels a storage takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Levels {
    /// All.
    #[default]
    All,
    /// Level 0.
    Full,
    /// Level 1 and higher.
    Incremental,
}

/// Copies to another storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    /// Where to.
    pub storage: StorageName,
    /// How many days after the dump.
    pub days: u32,
}

/// What a volume is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapetype {
    /// Its name in the configuration.
    pub name: String,
    /// For people.
    pub comment: String,
    /// What a volume holds.
    pub length: Bytes,
    /// The length of every block.
    pub blocksize: BlockSize,
    /// What a filemark takes from the length.
    pub filemark: Bytes,
    /// Bytes a second that the drive writes. `None`: not known, and the planner does not count minutes.
    pub speed: Option<Bytes>,
    /// The most that is written between two filemarks. `None`: as much as the volume takes.
    pub part_size: Option<Bytes>,
    /// With less room than this left, a volume's end is near. `None`: whatever the drive takes for near.
    pub early_warning: Option<Bytes>,
    /// Whether the drive compresses what it writes.
    pub compression: bool,
}

/// How long a volume is needed. It is kept as long as any of these wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name in the configuration, or that of the storage it was made for.
    pub name: String,
    /// For people.
    pub comment: String,
    /// The newest volumes, so many.
    pub retention_tapes: u32,
    /// Volumes written in the last so many days. 0: no rule.
    pub retention_days: u32,
    /// Volumes needed to restore any day of the last so many. 0: no rule.
    pub retention_recover: u32,
    /// Volumes that hold the newest so many fulls of each DLE. 0: no rule.
    pub retention_full: u32,
    /// Volumes that hold anything of the newest so many dump cycles of each DLE: a level 0 and all that
    /// builds on it. 0: no rule.
    pub retention_cycles: u32,
    /// Everything until then. `None`: no rule.
    pub keep_until: Option<Stamp>,
}

/// A directory where images wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldingDisk {
    /// Its name in the configuration.
    pub name: String,
    /// For people.
    pub comment: String,
    /// Where.
    pub directory: PathBuf,
    /// How much of the file system may be used.
    pub use_space: UseSpace,
    /// The longest file of an image, its 32 KiB header included. `None`: one file for each image.
    pub chunksize: Option<Bytes>,
}

/// How much of a file system may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseSpace {
    /// All that is free.
    All,
    /// All that is free but this much.
    AllBut(Bytes),
    /// At most this much.
    UpTo(Bytes),
}

/// A network interface that dumps share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the configuration.
    pub name: String,
    /// For people.
    pub comment: String,
    /// Bytes a second that dumps may use.
    pub use_rate: Bytes,
}

/// A named way to dump.
#[derive(Clone, Debug, PartialEq)]
pub struct Dumptype {
    /// Its name.
    pub name: String,
    /// All of it, what it inherits included.
    pub dumping: Dumping,
}

/// A disk list entry: one tree on one host, with the way it is dumped.
#[derive(Clone, Debug, PartialEq)]
pub struct Dle {
    /// The machine.
    pub host: HostName,
    /// The catalogue's key for it on that host; the path unless the configuration says otherwise.
    pub name: DleName,
    /// The directory that is dumped, absolute.
    pub path: PathBuf,
    /// The dumptype it was given.
    pub dumptype: String,
    /// The interface that its dumps use.
    pub interface: String,
    /// How it is dumped: the dumptype with what the DLE itself says.
    pub dumping: Dumping,
}

impl Dle {
    /// Host and name.
    pub fn reference(&self) -> DleRef {
        DleRef { host: self.host.clone(), dle: self.name.clone() }
    }

    /// The same, to compare.
    pub(crate) fn key(&self) -> (&HostName, &DleName) {
        (&self.host, &self.name)
    }
}

/// A way to dump.
#[derive(Clone, Debug, PartialEq)]
pub struct Dumping {
    /// For people.
    pub comment: String,
    /// Which levels are made when.
    pub strategy: Strategy,
    /// Who goes first: 0 low, 1 medium, 2 high, or any number.
    pub priority: i32,
    /// Days between two fulls. 0: a full each run.
    pub dumpcycle: u32,
    /// When the level rises.
    pub bump: Bump,
    /// How many days a full may be made early.
    pub maxpromoteday: u32,
    /// Dumps at once on this host.
    pub maxdumps: u32,
    /// DLEs of one host with the same number are never dumped at once. `None`: no such rule.
    pub spindle: Option<u32>,
    /// Not before this time of the day.
    pub starttime: Option<TimeOfDay>,
    /// How often a dump is tried.
    pub retry_dump: u32,
    /// A full that is due is made outside, and only noted.
    pub skip_full: bool,
    /// Only fulls are made; on other days the DLE is left out.
    pub skip_incr: bool,
    /// Left out of every run and check.
    pub ignore: bool,
    /// Whether later dumps build on this one.
    pub record: bool,
    /// Where estimates come from, first that answers.
    pub estimate: Vec<Estimate>,
    /// Stored size by raw size that is assumed before there is history: of fulls and of incrementals.
    pub comprate: (f64, f64),
    /// Whether the image waits on the holding disk.
    pub holdingdisk: HoldingUse,
    /// Whether an image may be spread over volumes.
    pub allow_split: bool,
    /// The scripts that are run for it, by name.
    pub script: Vec<String>,
    /// Words that storages select dumps by.
    pub tag: Vec<String>,
    /// How many complaints of a dump the report shows. 0: all.
    pub max_warnings: u32,
    /// How strongly frames are compressed, in zstd's levels.
    pub compress_level: i32,
    /// The raw size of a frame.
    pub frame_size: Bytes,
    /// What is and what is not part of the DLE.
    pub picks: Picks,
    /// Whether extended attributes are kept.
    pub xattrs: bool,
    /// Whether access control lists are kept.
    pub acls: bool,
    /// Whether access times are kept.
    pub atime: bool,
}

/// What of the tree is dumped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picks {
    /// Only what matches one of these globs. Empty: everything.
    pub include: Vec<String>,
    /// Not what matches one of these globs.
    pub exclude: Vec<String>,
    /// Files on the client with more of them, one a line; relative to the DLE's path.
    pub exclude_files: Vec<PathBuf>,
    /// Not the directories that contain a file of such a name.
    pub exclude_if_present: Vec<String>,
    /// Not what lies beside a `CACHEDIR.TAG`.
    pub exclude_caches: bool,
    /// Not what lies on other file systems.
    pub one_file_system: bool,
    /// Not the files that are longer. `None`: all.
    pub max_file_size: Option<Bytes>,
}

/// When the level rises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bump {
    /// A higher level has to save at least this.
    pub size: Bytes,
    /// Or this much of the full, in percent, if not 0.
    pub percent: u32,
    /// For each further level the threshold is multiplied by this.
    pub mult: f64,
    /// Days at a level before the next.
    pub days: u32,
}

/// A time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

words! {
    /// Which runs are worth a mail.
    pub SendReport {
        /// Every run.
        All = "all",
        /// Runs with complaints.
        Strange = "strange",
        /// Runs with failures.
        Error = "error",
        /// None.
        Never = "never",
    }
}

words! {
    /// How sizes are written in reports.
    pub DisplayUnit {
        /// Each in the unit that suits it.
        Auto = "auto",
        /// KiB.
        Kib = "k",
        /// MiB.
        Mib = "m",
        /// GiB.
        Gib = "g",
        /// TiB.
        Tib = "t",
    }
}

words! {
    /// How the next volume is found.
    pub Taperscan {
        /// The oldest that may be written again, else the next slot that will do.
        Traditional = "traditional",
        /// From the inventory: new ones first, then the oldest.
        Oldest = "oldest",
        /// From the inventory: in the order of labels, after the one written last.
        Lexical = "lexical",
    }
}

words! {
    /// Which waiting image goes to the volume next.
    pub Taperalgo {
        /// The first that came.
        First = "first",
        /// The first that fits.
        FirstFit = "firstfit",
        /// The largest.
        Largest = "largest",
        /// The largest that fits.
        LargestFit = "largestfit",
        /// The smallest.
        Smallest = "smallest",
        /// The smallest that fits.
        SmallestFit = "smallestfit",
        /// The last that came.
        Last = "last",
        /// The last that fits.
        LastFit = "lastfit",
    }
}

words! {
    /// Whether images left on the holding disk by earlier runs are written.
    pub Autoflush {
        /// Left there.
        No = "no",
        /// Written, if their DLE is in this run.
        Yes = "yes",
        /// Written.
        All = "all",
    }
}

words! {
    /// Which levels are made when.
    pub Strategy {
        /// A full each dump cycle, spread over the nights; incrementals between.
        Standard = "standard",
        /// Always level 1.
        NoFull = "nofull",
        /// A full each run.
        NoInc = "noinc",
        /// Nothing.
        Skip = "skip",
        /// Incrementals; a full when the operator forces one.
        IncrOnly = "incronly",
    }
}

words! {
    /// Where an estimate comes from.
    pub Estimate {
        /// A walk on the client: exact.
        Client = "client",
        /// The history that the server has.
        Server = "server",
    }
}

words! {
    /// Whether the image waits on the holding disk.
    pub HoldingUse {
        /// Straight to the volume.
        Never = "never",
        /// On the holding disk, or straight to the volume if that is full.
        Auto = "auto",
        /// On the holding disk, or not at all.
        Required = "required",
    }
}

words! {
    /// What a dumper looks for. A capital letter means the greatest of it.
    pub DumpOrder {
        /// The smallest.
        SmallSize = "s",
        /// The largest.
        LargeSize = "S",
        /// The one that is done soonest.
        ShortTime = "t",
        /// The one that takes longest.
        LongTime = "T",
        /// The one that needs least of the network.
        LowBandwidth = "b",
        /// The one that needs most of the network.
        HighBandwidth = "B",
    }
}
