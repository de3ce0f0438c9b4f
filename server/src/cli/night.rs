//! The night: what it would do, what it is to do, and what it is to leave out.

use std::path::PathBuf;

use clap::Args;

use super::Selection;

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

/// Arguments of the requests to the planner.
#[derive(Args, Debug)]
pub struct Request {
    /// Hosts and DLEs, as `HOST [DLE…]`
    #[arg(required = true, value_name = "HOST [DLE…]")]
    pub dles: Vec<String>,
}
