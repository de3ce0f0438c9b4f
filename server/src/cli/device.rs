//! Drives: what they say of themselves, and how they are tried out.

use clap::{Args, Subcommand};

/// What `device` can do.
#[derive(Subcommand, Debug)]
pub enum Device {
    /// What a drive is, what it can, what it is doing, and what is in it
    Show(OfDrive),
    /// What drive and cartridge have counted: hours, loads, errors, bytes
    ///
    /// Without DRIVE, also what the changer has counted, if it tells.
    Stats(Stats),
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

/// Arguments of `device stats`.
#[derive(Args, Debug)]
pub struct Stats {
    #[command(flatten)]
    pub of: OfDrive,
    /// Also the counts that only the device's maker can explain, as bytes
    #[arg(long)]
    pub all: bool,
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
