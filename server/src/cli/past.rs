//! What there is to look at: runs, and what they left in the catalogue and the indexes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Selection;

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
