//! What a run does now, or did last: from its log alone.
//!
//! [`Watch`] takes the log event by event, as it grows, and can say at any moment what stands where. Nothing else is
//! asked: not the process, not the catalogue, not a device. So a past run is looked at in the same way, one that was
//! killed too, and a line that this version does not know changes nothing.

mod drives;
mod eta;
mod text;
mod watch;

use serde::Serialize;
use types::{Bytes, DleRef, DriveName, Label, Level, Stamp, StorageName};

use crate::runlog::{Group, Outcome, Target, Work};

pub use text::{Shape, render};
pub use watch::Watch;

/// The version of the form as JSON, as with the report's.
pub const SCHEMA: u32 = 1;

/// What a run does.
#[derive(Debug, Serialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run: Stamp,
    /// `dump` or `flush`.
    pub kind: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// Of which moment this is.
    pub at: i64,
    /// Whether it lives.
    pub life: Life,
    /// In how many seconds it may be done.
    pub seconds_left: Option<i64>,
    /// How many DLEs stand where.
    pub counts: Counts,
    /// Bytes of tar that the plan expects.
    pub expected: Bytes,
    /// Bytes of tar that have come, of all dumps.
    pub dumped: Bytes,
    /// Bytes of images that are on volumes.
    pub placed: Bytes,
    /// How many dumpers there are.
    pub dumpers: Option<u32>,
    /// The dumps that are being made, longest first.
    pub dumping: Vec<Dumping>,
    /// What each drive does.
    pub drives: Vec<DriveNow>,
    /// The holding disks, taken together.
    pub holding: Option<HoldingNow>,
    /// What DLEs wait for.
    pub waiting: Vec<Group>,
    /// What went wrong so far.
    pub failures: Vec<String>,
    /// All DLEs, by name.
    pub dles: Vec<DleNow>,
}

/// Whether a run lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Life {
    /// It is at work.
    AtWork,
    /// It wrote its end.
    Ended {
        /// How it ended.
        outcome: Outcome,
    },
    /// It did not write its end, and is no more.
    Died,
}

/// How many DLEs stand where.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// To be dumped.
    pub waiting: usize,
    /// Being dumped.
    pub dumping: usize,
    /// Whole, on the holding disk.
    pub held: usize,
    /// Whole, on volumes.
    pub placed: usize,
    /// Without a dump.
    pub failed: usize,
    /// Left out.
    pub skipped: usize,
}

/// A dump that is being made.
#[derive(Debug, Clone, Serialize)]
pub struct Dumping {
    /// Of what.
    pub dle: DleRef,
    /// At which level.
    pub level: Level,
    /// Where to.
    pub to: Target,
    /// For how many seconds.
    pub seconds: i64,
    /// Entries so far.
    pub entries: u64,
    /// Bytes of tar so far.
    pub raw: Bytes,
    /// Bytes of the image so far.
    pub stored: Bytes,
    /// How many bytes of tar it is expected to have.
    pub expected: Option<Bytes>,
    /// Bytes of tar a second, of late.
    pub rate: Option<Bytes>,
    /// In how many seconds it may be done.
    pub seconds_left: Option<i64>,
    /// For how many seconds nothing was heard of it.
    pub silent: i64,
}

/// What a drive does.
#[derive(Debug, Clone, Serialize)]
pub struct DriveNow {
    /// Which.
    pub drive: DriveName,
    /// For which storage it wrote last.
    pub storage: Option<StorageName>,
    /// Which volume is mounted.
    pub label: Option<Label>,
    /// What it does; none if it has nothing to do.
    pub work: Option<Work>,
    /// For how many seconds.
    pub seconds: i64,
    /// The DLE whose image it writes.
    pub dle: Option<DleRef>,
    /// How much of that image is on volumes.
    pub placed: Bytes,
    /// Of how much.
    pub image: Option<Bytes>,
    /// Bytes a second, of the run's parts.
    pub rate: Option<Bytes>,
    /// Why it is out of use, if it failed.
    pub failed: Option<String>,
}

/// The holding disks, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HoldingNow {
    /// What the run may use of them.
    pub room: Bytes,
    /// What images of this run take of that.
    pub used: Bytes,
    /// What images of earlier runs take besides.
    pub earlier: Bytes,
}

/// Where a DLE stands.
#[derive(Debug, Clone, Serialize)]
pub struct DleNow {
    /// Which.
    pub dle: DleRef,
    /// At which level.
    pub level: Option<Level>,
    /// Where it stands.
    pub state: DleState,
    /// Entries.
    pub entries: u64,
    /// Bytes of tar.
    pub raw: Bytes,
    /// Bytes of the image.
    pub stored: Bytes,
    /// In words: where it is, what it waits for, why it failed.
    pub told: String,
}

/// Where a DLE stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DleState {
    /// To be dumped.
    Waiting,
    /// Being dumped.
    Dumping,
    /// Whole, on the holding disk.
    Held,
    /// Being written to a volume.
    Writing,
    /// Whole, on volumes.
    Placed,
    /// Without a dump.
    Failed,
    /// Left out.
    Skipped,
}

#[cfg(test)]
mod tests;
