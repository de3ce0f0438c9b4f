//! Chains: a dump, the dump it builds on, and so on down to one that holds all: a full, or a dump of a higher level that was
//! compared with nothing, as where fulls are made elsewhere.
//!
//! A dump can be restored if every link of its chain can be read from somewhere. What a dump builds on is
//! known by id, and never guessed from dates.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use rusqlite::Connection;
use types::{DleRef, DumpId, Level, Stamp};

use super::dumps::{self, Dump, DumpStatus, Filter, Located};
use super::sql::{get_at, get_maybe_at, level_at, text};
use super::{Catalogue, CatalogueError, Trouble};

/// Why a chain can't be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("level {level} of {dle}, run {run}, can't be restored: {reason}")]
pub struct Gap {
    /// The DLE that was to be restored.
    pub dle: DleRef,
    /// The level of the dump that was to be restored.
    pub level: Level,
    /// Its run.
    pub run: Stamp,
    /// What is missing.
    pub reason: GapReason,
}

/// What is missing in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// It builds on a dump that the catalogue doesn't know.
    Unknown(DumpId),
    /// A dump builds on one of its own level or above.
    NoBase(DumpId),
    /// A dump has no whole image.
    NotWhole(DumpId, DumpStatus),
    /// A dump's image is neither held nor wholly on volumes any more.
    Nowhere(DumpId),
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(dump) => {
                write!(f, "it builds on dump {dump}, which the catalogue doesn't know")
            }
            Self::NoBase(dump) => {
                write!(f, "dump {dump} says that it builds on one of no lower level")
            }
            Self::NotWhole(dump, status) => write!(f, "dump {dump} is {status}"),
            Self::Nowhere(dump) => write!(
                f,
                "dump {dump} is neither on the holding disk nor wholly on volumes any more"
            ),
        }
    }
}

/// A dump and all it builds on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The full first, the dump itself last. What is known, if there is a gap.
    pub links: Vec<Located>,
    /// What is missing, if something is.
    pub gap: Option<Gap>,
}

impl Chain {
    /// True if no link is missing.
    pub fn is_whole(&self) -> bool {
        self.gap.is_none()
    }

    /// The links, full first, if none is missing.
    pub fn whole(self) -> Result<Vec<Located>, Gap> {
        match self.gap {
            Some(gap) => Err(gap),
            None => Ok(self.links),
        }
    }
}

/// What there is to restore as of some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtDay {
    /// The newest chain without a gap, full first.
    pub links: Option<Vec<Located>>,
    /// Newer dumps that had to be passed over. The operator is told.
    pub passed_over: Vec<Gap>,
}

impl Catalogue {
    /// What has to be read to restore a dump.
    pub fn chain(&self, dump: DumpId) -> Result<Chain, CatalogueError> {
        self.read("follow what a dump builds on", |c| of(c, dump))
    }

    /// Which of these dumps have a chain without a gap: the same as asking [`Self::chain`] of each, for thousands.
    pub fn restorable(
        &self,
        dumps: impl IntoIterator<Item = DumpId>,
    ) -> Result<BTreeSet<DumpId>, CatalogueError> {
        self.read("see which dumps can be restored", |c| {
            let mut known = HashMap::new();
            let mut restorable = BTreeSet::new();
            for dump in dumps {
                if is_restorable(c, dump, &mut known)? {
                    restorable.insert(dump);
                }
            }
            Ok(restorable)
        })
    }

    /// The newest state of a DLE that can be restored, from runs up to `when`.
    pub fn newest_at(&self, dle: &DleRef, when: Stamp) -> Result<AtDay, CatalogueError> {
        self.read("find the newest state of a DLE", |c| {
            newest(c, &Filter { until: Some(when), ..Filter::of(dle) }, |_| true)
        })
    }

    /// What a new dump at `level` of a DLE is to be made against: the newest dump of a lower level that can be
    /// restored. `None` at level 0, or if there is no such dump and the new one has to be a full.
    pub fn base_for(&self, dle: &DleRef, level: Level) -> Result<Option<Dump>, CatalogueError> {
        self.read("find what a dump can build on", |c| {
            let lower = |dump: &Dump| dump.level < level;
            let links = newest(c, &Filter::of(dle), lower)?.links;
            Ok(links.and_then(|mut links| links.pop()).map(|tip| tip.dump))
        })
    }
}

pub(super) fn of(c: &Connection, dump: DumpId) -> Result<Chain, Trouble> {
    let tip = dumps::one(c, dump)?.ok_or(CatalogueError::NoSuchDump(dump))?;
    follow(c, tip)
}

fn newest(
    c: &Connection,
    filter: &Filter,
    wanted: impl Fn(&Dump) -> bool,
) -> Result<AtDay, Trouble> {
    let mut passed_over = Vec::new();
    for tip in dumps::select(c, filter)? {
        if !wanted(&tip.dump) {
            continue;
        }
        match follow(c, tip)?.whole() {
            Ok(links) => return Ok(AtDay { links: Some(links), passed_over }),
            Err(gap) => passed_over.push(gap),
        }
    }
    Ok(AtDay { links: None, passed_over })
}

fn follow(c: &Connection, tip: Located) -> Result<Chain, Trouble> {
    let Dump { dle, level, run, .. } = tip.dump.clone();
    let mut reason = None;
    let mut links = vec![tip];
    while let Some(link) = links.last() {
        reason = reason.or_else(|| lacking(link));
        let Dump { id, level, .. } = link.dump;
        let Some(base) = link.dump.builds_on() else { break };
        match dumps::one(c, base)? {
            // Levels fall along a chain, so it ends, whatever the rows say.
            Some(below) if below.dump.level < level => links.push(below),
            Some(_) => {
                reason = reason.or(Some(GapReason::NoBase(id)));
                break;
            }
            None => {
                reason = reason.or(Some(GapReason::Unknown(base)));
                break;
            }
        }
    }
    links.reverse();
    let gap = reason.map(|reason| Gap { dle, level, run, reason });
    Ok(Chain { links, gap })
}

/// Whether a dump and all it builds on can be read from somewhere. `known` is what was found out before.
fn is_restorable(
    c: &Connection,
    tip: DumpId,
    known: &mut HashMap<DumpId, (Level, bool)>,
) -> Result<bool, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT status, base, level,
                EXISTS (SELECT 1 FROM held WHERE dump = ?1)
                OR EXISTS (SELECT 1 FROM copies WHERE dump = ?1 AND state = 'complete')
         FROM dumps WHERE id = ?1",
    )?;
    let mut passed = Vec::new();
    let (mut next, mut above) = (Some(tip), None);
    let found = loop {
        let Some(id) = next else { break false };
        // Levels fall along a chain, so it ends, whatever the rows say.
        let falls = |level| above.is_none_or(|above| level < above);
        if let Some((level, found)) = known.get(&id) {
            break falls(*level) && *found;
        }
        let mut rows = statement.query([text(id)])?;
        let Some(row) = rows.next()? else { break false };
        let level = level_at(row, 2)?;
        if !falls(level) {
            break false;
        }
        passed.push((id, level));
        if !get_at::<DumpStatus>(row, 0)?.is_whole() || !row.get::<_, bool>(3)? {
            break false;
        }
        (next, above) = (get_maybe_at(row, 1)?, Some(level));
        if level.is_full() || next.is_none() {
            break true;
        }
    };
    known.extend(passed.into_iter().map(|(id, level)| (id, (level, found))));
    Ok(found)
}

fn lacking(link: &Located) -> Option<GapReason> {
    let Dump { id, status, .. } = link.dump;
    if !status.is_whole() {
        Some(GapReason::NotWhole(id, status))
    } else if !link.is_restorable() {
        Some(GapReason::Nowhere(id))
    } else {
        None
    }
}
