//! How the site stands at a run's end, as its report tells it from the log, against what is true then.
//!
//! What waits on the holding disks is counted there. What is called reusable has nothing on it that has to be kept, and
//! what is to be written next is neither retired nor away. A DLE is called stale if, and only if, it has no dump of
//! today or yesterday.

use std::collections::BTreeMap;

use config::Strategy;
use server::clock;
use server::report::{Held, Report, Standing, standing};
use server::runlog::RunEvent;
use types::{DleRef, Label};

use super::journal::Entry;
use super::media::CartridgeNo;
use super::{Stop, World};

fn wrong<T>(what: String) -> Result<T, Stop> {
    Err(Stop::Wrong(what))
}

impl World {
    /// What a run writes to its log when the catalogue has it as finished.
    pub(crate) fn stands(&self, seconds: u64) -> Result<RunEvent, Stop> {
        let now = self.stamp_in(seconds);
        Ok(RunEvent::Stands { site: standing::gather(&self.config, &self.catalogue, now)? })
    }

    /// The run was over just now.
    pub(crate) fn check_standing(&self, report: &Report) -> Result<(), Stop> {
        if report.as_of != report.finished {
            let (as_of, ended) = (report.as_of, report.finished);
            return wrong(format!("the run ended at {ended:?}, and its report is as of {as_of:?}"));
        }
        let standing = &report.standing;
        self.check_held(standing.held)?;
        self.check_named(standing)?;
        if let Some(pool) = standing.pools.iter().find(|pool| pool.free > pool.volumes) {
            return wrong(format!("the report has more free volumes than there are: {pool:?}"));
        }
        self.check_stale(&standing.stale)
    }

    fn check_held(&self, told: Held) -> Result<(), Stop> {
        let images = self.holding.images.values();
        let bytes = images.clone().map(super::holding::Image::bytes).sum();
        let really = Held { images: images.len() as u64, bytes };
        if told != really {
            return wrong(format!(
                "the report has {told:?} on the holding disks, and there is {really:?}"
            ));
        }
        Ok(())
    }

    fn check_named(&self, standing: &Standing) -> Result<(), Stop> {
        let named = |mark: &str| {
            let lists = standing.next.iter().filter_map(|line| Some(line.split_once(mark)?.1));
            lists.flat_map(labels).collect::<Vec<Label>>()
        };
        let mut free = named("reusable: ");
        free.extend(named("reusable, but off-site: "));
        let soon = standing.soon.iter().filter_map(|line| line.split_once(", written last"));
        free.extend(soon.filter_map(|(label, _)| label.parse().ok()));
        self.check_free(&free)?;
        for label in named("the next run writes on ") {
            let said = self.journal.said.get(&label);
            if let Some(said) = said.filter(|said| said.retired || said.off_site) {
                return wrong(format!(
                    "the report has {label} as the next to be written, and it is {said:?}"
                ));
            }
        }
        Ok(())
    }

    fn check_free(&self, free: &[Label]) -> Result<(), Stop> {
        let now = self.clock();
        let mut cartridges = Vec::<CartridgeNo>::new();
        for label in free {
            let volume = self.catalogue.volume(label)?;
            let is_it = |(no, _): &(CartridgeNo, &_)| self.is(*no, &volume);
            cartridges.extend(self.media.readable().find(is_it).map(|(no, _)| no));
        }
        let told = |stop| match stop {
            Stop::Wrong(what) => Stop::Wrong(format!("by the report it is reusable; if {what}")),
            Stop::Crash => Stop::Crash,
        };
        let rules = |no: &CartridgeNo| self.check_volume_rules(*no, now);
        cartridges.iter().try_for_each(rules).map_err(told)?;
        let needs = |storage| self.given_back(&cartridges, storage, now).map(drop);
        self.storages().iter().try_for_each(needs).map_err(told)
    }

    fn check_stale(&self, lines: &[String]) -> Result<(), Stop> {
        let today = clock::day_of(self.clock());
        let mut dumps = BTreeMap::<&DleRef, Vec<&Entry>>::new();
        for entry in self.journal.entries.values() {
            dumps.entry(&entry.dle).or_default().push(entry);
        }
        for dle in self.config.dles.iter().filter(|dle| dle.dumping.strategy != Strategy::Skip) {
            let reference = dle.reference();
            let dumps = dumps.remove(&reference).unwrap_or_default();
            if dumps.iter().any(|entry| entry.is_in_doubt() || entry.forgotten) {
                continue;
            }
            let newest = dumps.iter().map(|entry| entry.run).max();
            let fresh = newest.is_some_and(|run| today - clock::day_of(run) <= 1);
            let begins =
                [": no dump at all", ": the newest is "].map(|end| format!("{reference}{end}"));
            let told = lines.iter().find(|line| begins.iter().any(|begin| line.starts_with(begin)));
            if fresh == told.is_some() {
                return wrong(format!(
                    "{reference} was last dumped in run {newest:?}, and the report says {told:?}"
                ));
            }
        }
        Ok(())
    }
}

/// The labels of a list in words.
fn labels(list: &str) -> impl Iterator<Item = Label> {
    let list = list.split_once(" and ").map_or(list, |(named, _)| named);
    list.split(", ").filter_map(|label| label.parse().ok())
}
