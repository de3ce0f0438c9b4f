//! What the planner says: the plan.
//!
//! A [`Plan`] is checked as a whole: it fits the volumes, every DLE is in it exactly once, and each choice
//! comes with the sentence that explains it. Only [`super::plan`] makes one.

use types::{Bytes, DleRef, DumpId, HostName, Level};

use super::facts::{Day, Estimate};

/// One way to dump a DLE tonight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The level.
    pub level: Level,
    /// What it builds on. `None` for level 0, and for level 1 of a DLE that never gets a full.
    pub base: Option<DumpId>,
    /// What it costs.
    pub cost: Estimate,
}

/// One dump of the night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Of what.
    pub dle: DleRef,
    /// How.
    pub choice: Choice,
    /// What to do instead when no volume is to be had; or, in words, why there is nothing cheaper.
    pub degraded: Result<Choice, String>,
    /// What a full would cost, if that is known: for the case that the client has lost the base.
    pub full: Option<Estimate>,
    /// As configured.
    pub priority: i32,
    /// As configured, raised by what is overdue or was asked for.
    pub urgency: i64,
    /// Not before so many seconds of the run are over.
    pub not_before: u64,
    /// Whether the image may lie on more than one volume.
    pub allow_split: bool,
    /// Why this level, in one sentence.
    pub why: String,
}

impl Planned {
    /// Stored bytes a second, for the limits of network interfaces.
    pub fn rate(&self) -> Bytes {
        let Estimate { stored, seconds, .. } = self.choice.cost;
        Bytes(stored.0 / u64::from(seconds.max(1)))
    }
}

/// What kind of reason keeps a DLE out of the night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The configuration says so.
    AsConfigured,
    /// A due full is left to somebody else: the day is recorded as that of a full.
    FullElsewhere,
    /// It doesn't fit tonight.
    DoesNotFit,
    /// Nobody can say how large it would be.
    NoEstimate,
    /// It can't be dumped: the operator has to do something.
    Failed,
}

impl Kind {
    /// Whether the DLE should have been dumped.
    pub fn is_failure(self) -> bool {
        match self {
            Self::DoesNotFit | Self::NoEstimate | Self::Failed => true,
            Self::AsConfigured | Self::FullElsewhere => false,
        }
    }
}

/// A DLE that is not dumped tonight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub dle: DleRef,
    /// What kind of reason.
    pub kind: Kind,
    /// Why, in one sentence.
    pub why: String,
}

/// Something that the operator should read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// About which DLE, if about one.
    pub dle: Option<DleRef>,
    /// In one sentence.
    pub text: String,
}

/// What falls due on one day, today's plan taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDay {
    /// The day.
    pub day: Day,
    /// How many fulls.
    pub fulls: u32,
    /// How much they are.
    pub stored: Bytes,
}

/// What a night has to wait for longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// All dumps together: more at once would help.
    Dumpers,
    /// The dumps of one host, or of one spindle of it.
    Host(HostName),
    /// One dump.
    Dle(DleRef),
    /// A network interface, by its place in [`super::Limits::interfaces`].
    Interface(usize),
    /// The drives of a storage, by its place in [`super::Tonight::storages`].
    Drives(usize),
}

/// What is written to one storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its name.
    pub storage: String,
    /// What is written, with headers and filemarks.
    pub total: Bytes,
    /// What its volumes could take.
    pub capacity: Bytes,
}

/// How well the fulls are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What the fulls of every run would be if they were spread perfectly.
    pub ideal: Bytes,
    /// What they are tonight.
    pub fulls: Bytes,
    /// What the night writes, with headers and filemarks, all storages together.
    pub total: Bytes,
    /// What it could write.
    pub capacity: Bytes,
    /// What waits on the holding disk and is written first, all storages together.
    pub held: Bytes,
    /// The same by storage.
    pub storages: Vec<Filled>,
    /// How long the dumps take, one after the other.
    pub seconds: u64,
    /// How long the night lasts, at least.
    pub lasts: u64,
    /// What it waits for longest.
    pub bottleneck: Option<Bottleneck>,
    /// When the next fulls fall due, soonest first; days without one are left out.
    pub ahead: Vec<DueDay>,
}

/// The night, decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub(super) dumps: Vec<Planned>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) warnings: Vec<Warning>,
    pub(super) balance: Balance,
}

impl Plan {
    /// The dumps, the most urgent first, and the largest first among equals.
    pub fn dumps(&self) -> &[Planned] {
        &self.dumps
    }

    /// The DLEs that are not dumped.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What the operator should read.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How well the fulls are spread.
    pub fn balance(&self) -> &Balance {
        &self.balance
    }

    /// The plan of a run that dumps nothing, as `flush` is one.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A plan of these dumps, for tests of what carries plans out.
    #[cfg(test)]
    pub(crate) fn of(dumps: Vec<Planned>) -> Self {
        Self { dumps, ..Self::default() }
    }
}

/// What Amanda's rules would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmandaNight {
    /// The dumps, with their levels.
    pub dumps: Vec<(DleRef, Level)>,
    /// What is not dumped, whatever the reason.
    pub left_out: Vec<DleRef>,
}
