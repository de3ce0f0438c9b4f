//! What has to be kept, by rules as naive as can be: the oracle's, and not the retention engine's.
//!
//! They are read off the manual: any moment of the last days can be restored, the newest fulls stay, the newest cycles
//! stay, the newest state of every DLE stays, whatever is built on by what stays, stays. Each is a loop over the
//! journal. Where a disaster makes it doubtful what the site could know, these rules ask for less.

use std::collections::BTreeSet;

use types::{DleRef, DumpId, Level, Stamp, StorageName};

use super::journal::{Entry, Journal};
use super::settings::Keep;

/// What is asked of the journal.
pub(crate) struct Question<'a> {
    pub(crate) keep: Keep,
    pub(crate) now: Stamp,
    pub(crate) storage: &'a StorageName,
    /// On the disk list.
    pub(crate) listed: &'a BTreeSet<DleRef>,
    /// Being read, until then.
    pub(crate) pins: &'a [(DumpId, Stamp)],
    /// On volumes of which the operator said that they are missing.
    pub(crate) missing: &'a BTreeSet<DumpId>,
}

/// The dumps that have to be there, with what they build on.
pub(crate) fn needed(journal: &Journal, question: &Question<'_>) -> BTreeSet<DumpId> {
    let mut tips = BTreeSet::new();
    for (dle, dumps) in journal.by_dle() {
        let known = |(id, entry): &&(DumpId, &Entry)| {
            !entry.forgotten
                && (entry.held || !entry.storages.is_empty())
                && journal.chain(*id).is_some_and(|chain| all_there(journal, &chain))
        };
        let dumps: Vec<(DumpId, &Entry)> = dumps.iter().filter(known).copied().collect();
        if question.listed.contains(dle) {
            tips.extend(dumps.first().map(|(id, _)| *id));
            let found = |(id, _): &&(DumpId, &Entry)| {
                journal
                    .chain(*id)
                    .is_some_and(|chain| chain.iter().all(|link| !question.missing.contains(link)))
            };
            tips.extend(dumps.iter().find(found).map(|(id, _)| *id));
        }
        let placed: Vec<(DumpId, &Entry)> =
            dumps.iter().filter(|(_, e)| e.storages.contains(question.storage)).copied().collect();
        tips.extend(placed.first().filter(|_| question.listed.contains(dle)).map(|(id, _)| *id));
        tips.extend(placed.iter().filter(|(_, e)| !e.wishes.is_empty()).map(|(id, _)| *id));
        tips.extend(recoverable(&placed, question));
        tips.extend(fulls(&placed, question));
        tips.extend(cycles(&placed, question.keep.cycles));
    }
    tips.extend(journal.entries.iter().filter(|(_, entry)| entry.held).map(|(id, _)| *id));
    tips.extend(question.pins.iter().filter(|(_, until)| question.now < *until).map(|(id, _)| *id));
    let chains = tips.iter().filter_map(|&tip| journal.chain(tip));
    // A pin keeps nothing that the operator has given up all the same, or that was given back before.
    let given_up = |id: &DumpId| {
        let entry = journal.entries.get(id);
        entry.is_some_and(|e| e.forgotten || (e.storages.is_empty() && !e.held))
    };
    chains.flatten().filter(|id| !given_up(id)).collect()
}

fn all_there(journal: &Journal, chain: &[DumpId]) -> bool {
    chain.iter().all(|link| {
        let entry = journal.entries.get(link);
        entry.is_some_and(|e| !e.forgotten && (e.held || !e.storages.is_empty()))
    })
}

/// Every dump of the last days, and the one that was the newest when they began.
fn recoverable<'a>(
    placed: &'a [(DumpId, &Entry)],
    question: &Question<'_>,
) -> impl Iterator<Item = DumpId> + 'a {
    let days = question.keep.recover;
    let now = question.now;
    let young = placed
        .iter()
        .take_while(move |(_, entry)| days > 0 && now.days_since(entry.run) < days)
        .count();
    let all = if days == 0 { 0 } else { young + 1 };
    placed.iter().take(all).map(|(id, _)| *id)
}

fn fulls<'a>(
    placed: &'a [(DumpId, &Entry)],
    question: &Question<'_>,
) -> impl Iterator<Item = DumpId> + 'a {
    let n = question.keep.full;
    let now = question.now;
    let fulls = placed.iter().filter(|(_, entry)| entry.level == Level::FULL).enumerate();
    let kept = fulls.filter(move |(rank, (_, entry))| {
        *rank < usize::try_from(n).unwrap_or(usize::MAX) || now.days_since(entry.run) < n
    });
    kept.map(|(_, (id, _))| *id)
}

fn cycles(placed: &[(DumpId, &Entry)], cycles: u32) -> Vec<DumpId> {
    let mut left = cycles;
    let mut kept = Vec::new();
    for (id, entry) in placed {
        if left == 0 {
            break;
        }
        kept.push(*id);
        left -= u32::from(entry.level == Level::FULL);
    }
    kept
}
