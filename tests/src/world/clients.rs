//! Clients, and what really is on them: trees that grow and change, and the snapshots that later levels build on.

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DumpId, HostName};

use super::dice::Dice;

/// Even a dump in which nothing changed has a header and an index.
const LEAST: Bytes = Bytes(64 << 10);

/// The tree of one DLE.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// Bytes on the first day.
    size: Bytes,
    /// By what share it grows each day.
    growth: f64,
    /// What share of it changes each day.
    change: f64,
    /// Stored bytes by raw bytes.
    ratio: f64,
    /// The day of the world on which each snapshot was taken.
    pub(crate) snapshots: BTreeMap<DumpId, u32>,
}

/// How large a dump is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) raw: Bytes,
    pub(crate) stored: Bytes,
}

impl Tree {
    pub(crate) fn by_chance(dice: &mut Dice) -> Self {
        Self {
            size: Bytes::MIB.times(500).share(dice.factor(8.0)),
            growth: dice.share() * 0.02 - 0.005,
            change: 0.02 * dice.factor(6.0),
            ratio: 0.3 + dice.share() * 0.6,
            snapshots: BTreeMap::new(),
        }
    }

    /// What a dump would be on `day`: all, or what changed since a day.
    pub(crate) fn size(&self, since: Option<u32>, day: u32) -> Size {
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let all = self.size.share((1.0 + self.growth).powi(days(day)));
        let share = since.map_or(1.0, |since| {
            1.0 - (1.0 - self.change).powi(days(day.saturating_sub(since).max(1)))
        });
        let raw = all.share(share) + LEAST;
        Size { raw, stored: raw.share(self.ratio) + LEAST }
    }
}

/// All clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    pub(crate) trees: BTreeMap<DleRef, Tree>,
    /// Hosts that do not answer before that day of the world.
    pub(crate) away: BTreeMap<HostName, u32>,
}

impl Clients {
    pub(crate) fn is_away(&self, host: &HostName, day: u32) -> bool {
        self.away.get(host).is_some_and(|&until| day < until)
    }

    /// The host does not answer before that day, if it was not to be away for longer.
    pub(crate) fn leave(&mut self, host: &HostName, until: u32) {
        let away = self.away.entry(host.clone()).or_default();
        *away = until.max(*away);
    }

    /// The day on which the snapshot was taken that a dump is to build on; `Err` if the client has lost it.
    pub(crate) fn since(&self, dle: &DleRef, base: Option<DumpId>) -> Result<Option<u32>, DumpId> {
        let Some(base) = base else { return Ok(None) };
        let taken = self.trees.get(dle).and_then(|tree| tree.snapshots.get(&base));
        taken.map(|&day| Some(day)).ok_or(base)
    }

    /// The dump is durable: its snapshot is kept, and of the older ones those that are named.
    pub(crate) fn confirm(&mut self, dle: &DleRef, dump: DumpId, day: u32, keep: &[DumpId]) {
        if let Some(tree) = self.trees.get_mut(dle) {
            tree.snapshots.insert(dump, day);
            tree.snapshots.retain(|snapshot, _| keep.contains(snapshot));
        }
    }
}
