//! What the planner is told: the day, the DLEs with their past, and what the night can take.
//!
//! All of it are values that `main` collected from the configuration, the catalogue and the clients. A fact
//! that nobody knows is an `Option`, never a guess: the guesses are made in `estimate`, where they are named
//! as such.

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DumpId, Level};

/// A day: how many since 1970-01-01 in the server's local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Whole days from `earlier` to this one; none when the clock was set back between them.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

/// The moment the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// The day.
    pub day: Day,
    /// Seconds since that day's midnight, local time.
    pub second: u32,
}

/// How a DLE's levels are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// A full every dump cycle, balanced; incrementals between.
    #[default]
    Standard,
    /// Never a full: level 1 every run.
    NoFull,
    /// A full every run.
    NoInc,
    /// Never dumped; the DLE is only listed.
    Skip,
    /// Incrementals only; a full only when the operator asks for one.
    IncrOnly,
}

/// What the operator asked for, for the next run of this DLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A full.
    Full,
    /// Level 1.
    Level1,
    /// One level higher than last time.
    Bump,
    /// The level of last time.
    NoBump,
}

/// When a level is worth going up from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bump {
    /// What a bump from level 1 must save, at least.
    pub size: Bytes,
    /// The same in percent of the full; 0 means that `size` holds.
    pub percent: u32,
    /// How much more each further level must save.
    pub mult: f64,
    /// How many runs a level lasts before it is left.
    pub days: u32,
}

impl Default for Bump {
    fn default() -> Self {
        Self { size: Bytes(10 << 20), percent: 0, mult: 1.5, days: 2 }
    }
}

/// Whether the client still has what a later level would be compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snapshot {
    /// Nothing was heard to the contrary.
    #[default]
    Kept,
    /// The client said that it is gone.
    Lost,
}

/// The newest dump of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Which.
    pub dump: DumpId,
    /// When.
    pub day: Day,
    /// Its size before compression.
    pub raw: Bytes,
    /// Its size as stored.
    pub stored: Bytes,
    /// True while it and every dump that it builds on can be read back. A dump that can't is no base.
    pub restorable: bool,
    /// Whether it can still be built on.
    pub snapshot: Snapshot,
    /// In how many runs its volume is written over; `None`: not in sight.
    pub overwritten_in: Option<u32>,
}

/// One earlier dump, for the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub day: Day,
    /// Which level.
    pub level: Level,
    /// Its size before compression.
    pub raw: Bytes,
    /// Its size as stored.
    pub stored: Bytes,
    /// How long it took.
    pub seconds: u32,
}

/// Stored size by raw size, as the configuration expects it before there is a history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of level 0.
    pub full: f64,
    /// Of the others.
    pub incremental: f64,
}

impl Default for Ratio {
    fn default() -> Self {
        Self { full: 0.5, incremental: 0.5 }
    }
}

/// All that is known of one DLE.
#[derive(Clone, Debug, PartialEq)]
pub struct DleFacts {
    /// Which.
    pub dle: DleRef,
    /// 0 low, 1 medium, 2 high, or any other number.
    pub priority: i32,
    /// How its levels are chosen.
    pub strategy: Strategy,
    /// Days from full to full; 0 means a full every run.
    pub dumpcycle: u32,
    /// A full may come at most this many days early.
    pub maxpromoteday: u32,
    /// Fulls are somebody else's work.
    pub skip_full: bool,
    /// Incrementals are not made.
    pub skip_incr: bool,
    /// Later dumps build on those that are made.
    pub record: bool,
    /// When to go up a level.
    pub bump: Bump,
    /// Not before this second of the day.
    pub starttime: Option<u32>,
    /// How many dumps may go on at once on its host.
    pub maxdumps: u32,
    /// DLEs of one host with the same number are never dumped at once.
    pub spindle: Option<u32>,
    /// The network interface that its dumps come by: its place in [`Limits::interfaces`].
    pub interface: usize,
    /// Which storages take its dumps.
    pub route: Route,
    /// Whether an image may lie on more than one volume.
    pub allow_split: bool,
    /// Expected compression.
    pub ratio: Ratio,
    /// What the operator asked for.
    pub request: Option<Request>,
    /// The newest dump of each level.
    pub last: BTreeMap<Level, Past>,
    /// The level of the newest dump.
    pub last_level: Option<Level>,
    /// How many runs in a row were made at that level.
    pub consecutive_runs: u32,
    /// The last day on which a due full was left to somebody else (`skip_full`).
    pub skipped_full: Option<Day>,
    /// Earlier dumps, newest first.
    pub history: Vec<Row>,
}

impl DleFacts {
    /// A DLE that was never dumped, with Amanda's defaults.
    pub fn new(dle: DleRef) -> Self {
        Self {
            dle,
            priority: 1,
            strategy: Strategy::Standard,
            dumpcycle: 10,
            maxpromoteday: 10_000,
            skip_full: false,
            skip_incr: false,
            record: true,
            bump: Bump::default(),
            starttime: None,
            maxdumps: 1,
            spindle: None,
            interface: 0,
            route: Route { full: vec![0], incremental: vec![0] },
            allow_split: true,
            ratio: Ratio::default(),
            request: None,
            last: BTreeMap::new(),
            last_level: None,
            consecutive_runs: 0,
            skipped_full: None,
            history: Vec::new(),
        }
    }

    /// The newest full that can be read back.
    pub fn last_full(&self) -> Option<&Past> {
        self.last.get(&Level::FULL).filter(|past| past.restorable)
    }

    /// What a dump of `level` builds on: the newest dump of any lower level that can be read back.
    pub fn base_of(&self, level: Level) -> Base {
        let below = self.last.range(..level).filter(|(_, past)| past.restorable);
        // Of one day, the higher level is the later: a lower one after it would have made it void. Ids are no help,
        // since they have the clock's time, and it may have been set back.
        match below.max_by_key(|(level, past)| (past.day, **level)).map(|(_, past)| past) {
            None if level.is_full() => Base::NotNeeded,
            None => Base::None,
            Some(past) if past.snapshot == Snapshot::Lost => Base::Lost(past.dump),
            Some(past) => Base::Dump(past.dump),
        }
    }
}

/// What a level would build on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Level 0 builds on nothing.
    NotNeeded,
    /// This dump.
    Dump(DumpId),
    /// It would be this dump, but the client can't compare with it any more.
    Lost(DumpId),
    /// There is no dump of a lower level that can be read back.
    None,
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The client walked the tree.
    Client,
    /// From earlier dumps.
    History,
    /// From nothing much.
    Guess,
}

/// What a dump of one level would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes before compression.
    pub raw: Bytes,
    /// Bytes stored.
    pub stored: Bytes,
    /// How long it takes.
    pub seconds: u32,
    /// By how much of it the stored size may well be off, in percent.
    pub off: u8,
    /// How we know.
    pub source: Source,
}

/// What estimation gave for one DLE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimates {
    /// By level.
    pub levels: BTreeMap<Level, Estimate>,
    /// Why the client gave none, if it was asked and did not answer.
    pub failed: Option<String>,
}

/// What the volumes of one run take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// What goes on one volume before its end is near.
    pub volume: Bytes,
    /// How many volumes a run may begin. What is left of one that it goes on with comes on top, and is not reckoned with:
    /// nobody knows before it is mounted whether it will do.
    pub runtapes: u32,
    /// What waits on the holding disk and is written before anything new.
    pub held: Bytes,
    /// A smaller budget for the run, if the operator set one (`maxdumpsize`).
    pub limit: Option<Bytes>,
    /// What a filemark costs.
    pub filemark: Bytes,
    /// The block size: the header of every part takes a block.
    pub block: Bytes,
    /// The size of a part; `None`: one part for each image and volume.
    pub part: Option<Bytes>,
}

impl Capacity {
    /// What the dumps of tonight may take. What waits is written first; half of the volumes is for tonight all the same,
    /// since a dump that waits too is better than none.
    pub fn run(&self) -> Bytes {
        let volumes = self.volumes();
        self.limited(volumes - self.held.min(Bytes(volumes.0 / 2)))
    }

    /// What the dumps of a run may take before which nothing waits.
    pub fn whole(&self) -> Bytes {
        self.limited(self.volumes())
    }

    /// What a run writes at most, when the volume that it goes on with has so much room.
    pub fn written(&self, room: Bytes) -> Bytes {
        room + self.volumes()
    }

    fn volumes(&self) -> Bytes {
        self.volume.times(u64::from(self.runtapes))
    }

    fn limited(&self, bytes: Bytes) -> Bytes {
        self.limit.map_or(bytes, |limit| limit.min(bytes))
    }
}

/// A storage that the run writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its name, for people.
    pub name: String,
    /// What the volumes of a run take.
    pub capacity: Capacity,
    /// Bytes a second that all its drives write together; `None`: not known, and not reckoned with.
    pub speed: Option<Bytes>,
}

/// Which storages take the dumps of a DLE, by their place in [`Tonight::storages`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// A full.
    pub full: Vec<usize>,
    /// An incremental.
    pub incremental: Vec<usize>,
}

impl Route {
    /// Those that take a dump of this level.
    pub fn of(&self, level: Level) -> &[usize] {
        if level.is_full() { &self.full } else { &self.incremental }
    }
}

/// What bounds a night besides the volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may last from its beginning, in minutes; `None`: as long as it takes.
    pub minutes: Option<u32>,
    /// How many dumps go on at once.
    pub inparallel: u32,
    /// Bytes a second that each network interface may be used with.
    pub interfaces: Vec<Bytes>,
}

/// All that a plan is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Tonight {
    /// When the run began.
    pub today: Today,
    /// Every DLE that this run is asked to do.
    pub dles: Vec<DleFacts>,
    /// What each would cost.
    pub estimates: BTreeMap<DleRef, Estimates>,
    /// What it writes to.
    pub storages: Vec<Storage>,
    /// The dump cycle of the site, in days.
    pub dumpcycle: u32,
    /// How many runs there are in it; at least 1.
    pub runs_per_cycle: u32,
    /// What bounds it besides the volumes.
    pub limits: Limits,
}
