//! What the DLEs of a run wait for, as the log hears it.
//!
//! The dispatcher knows it of each DLE at any moment. A run of ten thousand would fill its log with that, so it is
//! told in groups, when it has changed, and only so often.

use std::collections::BTreeMap;

use crate::dispatcher::{Dispatcher, Idle};
use crate::runlog::{Group, NAMED};

/// Seconds between two looks.
const EVERY: u64 = 10;

/// What was told last, and when it was looked at.
#[derive(Default)]
pub(super) struct Waiting {
    looked: Option<u64>,
    told: Vec<Group>,
}

impl Waiting {
    /// Looks, if it is time to. Something, if that is news.
    pub(super) fn look(&mut self, seconds: u64, dispatcher: &Dispatcher) -> Option<Vec<Group>> {
        if self.looked.is_some_and(|looked| seconds < looked + EVERY) {
            return None;
        }
        self.looked = Some(seconds);
        let groups = groups(dispatcher);
        let news = groups != self.told;
        self.told.clone_from(&groups);
        news.then_some(groups)
    }
}

fn groups(dispatcher: &Dispatcher) -> Vec<Group> {
    let mut groups: BTreeMap<Idle, Group> = BTreeMap::new();
    for (dle, why) in dispatcher.waiting() {
        let why = why.unwrap_or(Idle::Busy);
        let group = groups.entry(why).or_insert_with(|| Group {
            why: why.to_string(),
            count: 0,
            dles: Vec::new(),
        });
        group.count += 1;
        if group.dles.len() < NAMED {
            group.dles.push(dle.clone());
        }
    }
    groups.into_values().collect()
}
