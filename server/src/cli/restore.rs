//! What is read back: entries, images, or all of it to see whether it is good.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Selection;

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
    // With --to, which excludes --raw, `requires` alone lets it pass.
    #[arg(long, value_name = "LEVEL", requires = "raw", conflicts_with = "to")]
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
