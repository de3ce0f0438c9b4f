//! A vault run: copies to another storage, over the holding disks, as `server::vault` makes them in one round.

use std::collections::BTreeSet;

use server::clock;
use server::dispatcher::{DiskNo, Leftover, Share};
use server::night;
use server::planner::Plan;
use server::runlog::RunEvent;
use server::vault::{self, Asked, Copy};
use taper::catalogue::{Located, RunKind, RunStatus};
use types::{BlockSize, Bytes, DumpId, StorageName};

use super::holding::{self, Image};
use super::night::orders;
use super::oracle::Told;
use super::stops::Work;
use super::{Stop, World};

impl World {
    /// Makes the copies that are due, as many as holding takes at once.
    pub(crate) fn vault(&mut self) -> Result<(), Stop> {
        self.at(Work::Vault, Self::vault_run)
    }

    pub(crate) fn vault_run(&mut self) -> Result<(), Stop> {
        let now = self.clock();
        let run = clock::later_than(self.catalogue.newest_stamp()?, now);
        self.tell(format!("run {run} (vault) begins"));
        let started = RunEvent::Started {
            run,
            kind: "vault".to_owned(),
            program: "world".to_owned(),
            pid: 1,
        };
        let mut log = vec![self.logged(0, started)];
        for text in self.tidy(run)? {
            self.tell(format!("tidying up: {text}"));
        }
        self.catalogue.begin_run(run, RunKind::Vault, now.max(run), "world")?;
        self.step("a vault run is begun")?;
        let asked = self.asked_of_vault();
        let copies = vault::copies(&self.catalogue, &asked, now)
            .map_err(|error| Stop::Wrong(format!("no copies can be chosen: {error:#}")))?;
        let fetched = self.fetch(&copies)?;
        let config = self.config.clone();
        let targets: BTreeSet<&StorageName> = copies.iter().flat_map(|copy| &copy.to).collect();
        let storages: Vec<&config::Storage> =
            config.storages.iter().filter(|storage| targets.contains(&storage.name)).collect();
        let leftovers = self.to_be_copied(&copies, &fetched)?;
        let (plan, orders) = (Plan::nothing(), orders(Vec::new(), RunKind::Vault, true));
        let dispatcher = self.dispatcher(&plan, &orders, &storages, &leftovers);
        let (dispatcher, run_log, interrupted, seconds) =
            self.begin(run, dispatcher, std::mem::take(&mut log))?.carry_out()?;
        log = run_log;
        let outcome = night::settle(&mut self.catalogue, &dispatcher, &plan, &orders, interrupted)?;
        let ended = self.stamp_in(seconds).max(run);
        self.catalogue.finish_run(run, ended, RunStatus::Good)?;
        self.step("a vault run is over")?;
        self.sweep(&fetched)?;
        log.push(self.logged(seconds, self.stands(seconds)?));
        log.push(self.logged(seconds, RunEvent::Finished { outcome }));
        self.second += seconds;
        self.check_report(&Told { run, log: &log, plan: &plan, dispatcher: &dispatcher, outcome })
    }

    /// The copies that are due; or those that a storage lacks, of fulls or of the last days alone.
    fn asked_of_vault(&mut self) -> Asked {
        let all: Vec<StorageName> =
            self.config.storages.iter().map(|storage| storage.name.clone()).collect();
        let to = self.dice.pick(&all).cloned();
        if !self.dice.one_in(3) {
            return Asked::default();
        }
        let fulls_only = self.dice.one_in(2);
        let days = self.dice.one_in(2).then_some(3);
        Asked { to: to.into_iter().collect(), fulls_only, days, ..Asked::default() }
    }

    /// Brings back what is at hand and fits.
    fn fetch(&mut self, copies: &[Copy]) -> Result<Vec<DumpId>, Stop> {
        let mut fetched = Vec::new();
        for copy in copies {
            let located = self.catalogue.dump(copy.dump)?;
            let header = BlockSize::HEADER.bytes();
            let takes = copy.stored + header.times(copy.stored.0 / Bytes::MIB.times(64).0 + 2);
            let disk = self.holding.free().iter().position(|free| *free > takes);
            if located.held.is_some() {
                fetched.push(copy.dump);
            } else if let Some(disk) = disk
                && self.is_at_hand(copy.dump)
            {
                let on = vec![Share { disk: DiskNo(disk), bytes: takes }];
                let image = Image { dump: located.dump.clone(), on, readable: true };
                let bytes = image.bytes();
                self.holding.images.insert(copy.dump, image);
                self.step("an image is fetched")?;
                let at = holding::path(copy.dump);
                self.catalogue.record_held(&located.dump, &[], &at, bytes)?;
                self.journal.hold(&located.dump);
                self.step("a fetched image is recorded as held")?;
                fetched.push(copy.dump);
            }
        }
        Ok(fetched)
    }

    fn to_be_copied(&self, copies: &[Copy], fetched: &[DumpId]) -> Result<Vec<Leftover>, Stop> {
        let mut leftovers = Vec::new();
        for dump in fetched {
            let located = self.catalogue.dump(*dump)?;
            let mut lacks = self.lacking(&located);
            let copy = copies.iter().find(|copy| copy.dump == *dump);
            let more: Vec<StorageName> = copy
                .iter()
                .flat_map(|copy| &copy.to)
                .filter(|to| !lacks.contains(to))
                .cloned()
                .collect();
            lacks.extend(more);
            leftovers.extend(self.leftover(&located, lacks));
        }
        Ok(leftovers)
    }

    /// Takes from holding what some storage has whole and none lacks.
    fn sweep(&mut self, fetched: &[DumpId]) -> Result<(), Stop> {
        for dump in fetched {
            let located = self.catalogue.dump(*dump)?;
            let whole: Option<StorageName> = located
                .copies
                .iter()
                .find(|copy| copy.is_complete())
                .map(|copy| copy.storage.clone());
            if let Some(whole) = whole
                && located.held.is_some()
                && self.lacking(&located).is_empty()
            {
                let released = self.catalogue.forget_held(*dump, &[whole])?;
                self.journal.release(*dump);
                self.step("a fetched image is forgotten")?;
                self.holding.images.remove(&released.image().dump);
                self.step("a fetched image is removed")?;
            }
        }
        Ok(())
    }

    pub(crate) fn lacking(&self, located: &Located) -> Vec<StorageName> {
        let dump = &located.dump;
        let mut lacks = night::destinations::of_image(&self.config, &dump.dle, dump.level);
        lacks.retain(|storage| !located.is_complete_in(storage));
        lacks
    }
}
