//! What a run has to work with: dumpers, hosts, interfaces, holding disks, drives, and images that wait.

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DriveId, DumpId, Level, Stamp, StorageName};

use super::space::{Disk, Share};

/// Whether a DLE's image goes to the holding disk first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    /// Straight to the volume.
    Never,
    /// To the holding disk when there is space, else straight to the volume.
    #[default]
    Auto,
    /// To the holding disk or not at all.
    Required,
}

/// Which storages an image must get to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destinations {
    /// All that the run writes to.
    #[default]
    All,
    /// These, by its level. One that the run does not write to is for a later run: until then the image is held.
    ByLevel {
        /// For a full.
        full: Vec<StorageName>,
        /// For every other level.
        incremental: Vec<StorageName>,
    },
}

impl Destinations {
    /// The storages for a dump of this level, of a run that writes to `run`.
    pub fn at<'a>(
        &'a self,
        level: Level,
        run: impl Iterator<Item = &'a StorageName>,
    ) -> Vec<&'a StorageName> {
        match self {
            Self::All => run.collect(),
            Self::ByLevel { full, .. } if level.is_full() => full.iter().collect(),
            Self::ByLevel { incremental, .. } => incremental.iter().collect(),
        }
    }
}

/// How one DLE is dumped, as far as the dispatcher has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whether its image goes to the holding disk first.
    pub holding: Holding,
    /// How many dumps may go on at once on its host.
    pub maxdumps: u32,
    /// Of the DLEs of one host with the same spindle, one is dumped at a time.
    pub spindle: Option<i64>,
    /// The network interface that its host is reached by.
    pub interface: Option<String>,
    /// How many tries it gets (`retry-dump`).
    pub tries: u32,
    /// Which storages its images must get to.
    pub destinations: Destinations,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            holding: Holding::Auto,
            maxdumps: 1,
            spindle: None,
            interface: None,
            tries: 2,
            destinations: Destinations::All,
        }
    }
}

/// Which dump a dumper takes next, among those of the highest priority (`dumporder`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// `s`
    SmallestSize,
    /// `S`
    LargestSize,
    /// `t`
    ShortestTime,
    /// `T`
    LongestTime,
    /// `b`
    LowestBandwidth,
    /// `B`
    HighestBandwidth,
}

impl Letter {
    /// The letter's meaning, if it has one.
    pub fn of(letter: char) -> Option<Self> {
        Some(match letter {
            's' => Self::SmallestSize,
            'S' => Self::LargestSize,
            't' => Self::ShortestTime,
            'T' => Self::LongestTime,
            'b' => Self::LowestBandwidth,
            'B' => Self::HighestBandwidth,
            _ => return None,
        })
    }
}

/// Which waiting image a drive takes next (`taperalgo`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// The one that waits longest.
    #[default]
    First,
    /// The one that waits longest of those that fit.
    FirstFit,
    /// The largest.
    Largest,
    /// The largest that fits.
    LargestFit,
    /// The smallest.
    Smallest,
    /// The smallest that fits.
    SmallestFit,
    /// The one that came last.
    Last,
    /// The one that came last of those that fit.
    LastFit,
}

/// When a volume is begun, in percent of its length; all 0 means at once. (`flush-threshold-dumped`,
/// `flush-threshold-scheduled`, `taperflush`.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// So much must wait on holding.
    pub dumped: u32,
    /// So much must wait on holding or be planned.
    pub scheduled: u32,
    /// At the end of the run, what waits is written if it is more than this.
    pub taperflush: u32,
}

/// A storage: its drives, and the rules for its volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taper {
    /// Which storage.
    pub storage: StorageName,
    /// The drives, the preferred one first. None: what it should get stays on holding. Storages that share a changer
    /// name the same drives, and take turns with them.
    pub drives: Vec<DriveId>,
    /// Why there are none, if that is known.
    pub without: Option<String>,
    /// How many of them may be used at once (`taper-parallel-write`).
    pub at_once: usize,
    /// How many of its volumes the run may begin.
    pub runtapes: u32,
    /// What goes on a volume.
    pub length: Bytes,
    /// How many images go on a volume at most (`max-dle-by-volume`).
    pub images_per_volume: Option<u32>,
    /// Which image comes next.
    pub algorithm: Algorithm,
    /// When a volume is begun.
    pub thresholds: Thresholds,
}

/// What the run has to work with.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// How many dumps go on at once.
    pub inparallel: usize,
    /// Which dump each dumper prefers. The last letter is for all the others too; without any, all take the shortest.
    pub dumporder: Vec<Letter>,
    /// Bytes a second, by interface. One that is not named has no limit.
    pub interfaces: BTreeMap<String, Bytes>,
    /// The holding disks.
    pub disks: Vec<Disk>,
    /// Percent of holding that is kept for incrementals when there is no volume.
    pub reserve: u32,
    /// The storages that the run writes to. A dump straight to a volume goes to the first of its own that has a drive
    /// ready.
    pub tapers: Vec<Taper>,
}

impl Site {
    /// What this dumper prefers.
    pub(super) fn letter(&self, dumper: usize) -> Letter {
        let letter = self.dumporder.get(dumper).or(self.dumporder.last());
        letter.copied().unwrap_or(Letter::ShortestTime)
    }
}

/// An image of an earlier run that is still on holding, and that this run is to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its dump.
    pub dump: DumpId,
    /// Of what.
    pub dle: DleRef,
    /// At which level.
    pub level: Level,
    /// When it was made.
    pub run: Stamp,
    /// How large the image is.
    pub stored: Bytes,
    /// What it takes on the holding disks.
    pub on: Vec<Share>,
    /// Whether it may lie on more than one volume.
    pub allow_split: bool,
    /// The storages that it must still get to. Of those that the run does not write to, it waits for a later run.
    pub lacks: Vec<StorageName>,
}
