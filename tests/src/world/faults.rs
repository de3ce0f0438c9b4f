//! What can go wrong, how often it does, and how often it did.

use std::collections::BTreeMap;
use std::fmt;

use super::stops::{Halt, Work};

/// A fault, or somebody's doing, that a world can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A client is away for some days.
    ClientAway,
    /// A client is away for weeks.
    ClientVanished,
    /// The disk list says for some weeks that a DLE is not to be dumped.
    DleIdle,
    /// The operator calls off each dump of a DLE for some weeks.
    Unwanted,
    /// A dump breaks off, or its client falls silent.
    DumpBreaks,
    /// A client will not have a dump made.
    DumpRefused,
    /// A client says a tenth, or ten times, of what a dump will be.
    ClientLies,
    /// A client has lost a snapshot.
    SnapshotLost,
    /// A client complains about files.
    Strange,
    /// A volume takes less than it should.
    EarlyEnd,
    /// Writing fails, and the medium is to blame.
    WriteFails,
    /// A cartridge can't be read any more.
    CartridgeDies,
    /// The drive is reset in the middle of a part.
    DriveReset,
    /// A drive dies, for this night.
    DriveDies,
    /// An image can't be read from the holding disk.
    HoldingUnreadable,
    /// A holding disk fills up with somebody else's files.
    HoldingFills,
    /// The server is cut off.
    Crash,
    /// The clock is set forward.
    ClockForward,
    /// The clock is set back.
    ClockBack,
    /// No run tonight.
    NoNight,
    /// The operator stops the run.
    Interrupt,
    /// A run is stopped, or one of its dumps called off, behind one of its durable steps.
    Stopped,
    /// After a night that found no volume the operator puts the library in order.
    Tended,
    /// A cartridge that can't be read is found out, and the catalogue told.
    FoundOut,
    /// The operator takes a cartridge out.
    TakenOut,
    /// The operator brings one back.
    BroughtBack,
    /// Two cartridges are put into each other's slots.
    Swapped,
    /// A blank or foreign cartridge is put in.
    Added,
    /// A cartridge is lost for good, and the catalogue told to forget it.
    Forgotten,
    /// The operator says that a volume is missing.
    SaidMissing,
    /// The operator locks a volume.
    Locked,
    /// The operator unlocks one.
    Unlocked,
    /// The operator retires a volume.
    Retired,
    /// The operator asks for a level.
    Asked,
    /// Somebody begins to restore, or to verify.
    Read,
    /// Who reads is killed.
    ReaderKilled,
    /// What was to be read was given back before its turn came.
    ReadTooLate,
    /// A volume was not given back since somebody was reading it, and for nothing else.
    KeptForReader,
    /// The retention policy is changed.
    PolicyChanged,
    /// A DLE leaves the disk list.
    DleRemoved,
    /// A DLE is added to it.
    DleAdded,
    /// A run without volumes.
    NoTaper,
    /// A run that only flushes.
    Flush,
    /// Copies that are due, or that somebody asks for, are made after the night.
    Vaulted,
    /// A volume is carried off-site, and said to be.
    OffSite,
    /// A volume that was off-site is said to be back.
    Back,
    /// The operator erases a volume.
    Erased,
    /// The operator labels what is in a slot, by force.
    LabelledByHand,
    /// The operator has all volumes given back on which nothing is needed.
    Expired,
    /// A volume is locked, unlocked or retired while a run goes on.
    SaidAtNight,
    /// A DLE gets another name.
    DleRenamed,
    /// A DLE that had left the disk list is on it again.
    DleBack,
    /// The operator calls off the dump of a DLE.
    Cancelled,
    /// A script before or after a dump fails.
    ScriptFails,
}

/// How often each fault comes: one time in so many chances; what is not named never does.
#[derive(Clone, Debug, Default)]
pub struct Troubles(BTreeMap<Fault, u64>);

impl Troubles {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// This fault as well, one time in so many.
    #[must_use]
    pub fn with(mut self, fault: Fault, one_in: u64) -> Self {
        self.0.insert(fault, one_in);
        self
    }

    /// One time in how many; 0 is never.
    pub fn one_in(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }
}

/// How often each came.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Nights that were begun.
    pub nights: u64,
    /// Dumps that became whole.
    pub dumps: u64,
    /// Volumes that were written over.
    pub overwritten: u64,
    /// Restores that were tried.
    pub restores: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// What was stopped in the middle, and how.
    pub stops: BTreeMap<(Work, Halt), u64>,
    /// Behind which durable step of what, and how.
    pub behind: BTreeMap<(Work, &'static str, Halt), u64>,
}

impl Tally {
    /// One more of these.
    pub fn count(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn stopped(&mut self, work: Work, how: Halt) {
        *self.stops.entry((work, how)).or_default() += 1;
    }

    pub(crate) fn behind(&mut self, work: Work, how: Halt, step: &'static str) {
        *self.behind.entry((work, step, how)).or_default() += 1;
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.nights += other.nights;
        self.dumps += other.dumps;
        self.overwritten += other.overwritten;
        self.restores += other.restores;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (stop, count) in &other.stops {
            *self.stops.entry(*stop).or_default() += count;
        }
        for (stop, count) in &other.behind {
            *self.behind.entry(*stop).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nights, dumps, overwritten, restores, faults, stops, behind } = self;
        writeln!(
            f,
            "{nights} nights, {dumps} dumps, {overwritten} volumes written over, {restores} restores tried; faults:"
        )?;
        faults.iter().try_for_each(|(fault, count)| writeln!(f, "  {count:>7} {fault:?}"))?;
        writeln!(f, "stopped in the middle of:")?;
        stops
            .iter()
            .try_for_each(|((work, how), count)| writeln!(f, "  {count:>7} {work}: {how:?}"))?;
        writeln!(f, "behind which step of a flush or a vault run:")?;
        let mut seldom = behind.iter().filter(|((work, ..), _)| work.is_seldom_run());
        seldom.try_for_each(|((work, step, how), count)| {
            writeln!(f, "  {count:>7} {work}: {how:?} behind: {step}")
        })
    }
}
