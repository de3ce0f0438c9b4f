//! The limits of a run, looked at whenever something is begun: so many dumps at once, on one host, on one spindle; no more
//! promised of a holding disk than there is; so many drives at once and volumes for a storage.
//!
//! Counted anew each time, from what goes on in the night, and compared with what the configuration says.

use std::collections::BTreeSet;

use config::Dle;
use types::{Bytes, DleRef, Label, StorageName};

use super::night::Night;
use super::{Stop, World};

fn wrong<T>(what: String) -> Result<T, Stop> {
    Err(Stop::Wrong(what))
}

impl World {
    fn listed(&self, dle: &DleRef) -> Option<&Dle> {
        self.config.dles.iter().find(|one| one.host == dle.host && one.name == dle.dle)
    }

    /// Nobody was promised what is not there.
    fn check_promises(&self) -> Result<(), Stop> {
        let disks = self.holding.disks.iter().zip(&self.holding.foreign).zip(self.holding.used());
        for (number, ((&all, &foreign), used)) in disks.enumerate() {
            // Somebody else may have filled it meanwhile.
            if foreign == Bytes::ZERO && used > all {
                return wrong(format!("{used} of holding disk {number} are promised, of {all}"));
            }
        }
        Ok(())
    }
}

impl Night<'_> {
    /// This dump was begun just now.
    pub(crate) fn check_dumps(&self, begun: &DleRef) -> Result<(), Stop> {
        let most = usize::try_from(self.world.config.site.inparallel).unwrap_or(usize::MAX);
        if self.flying.len() > most {
            return wrong(format!("{} dumps go on at once, of {most}", self.flying.len()));
        }
        let Some(dle) = self.world.listed(begun) else {
            return wrong(format!("{begun} is dumped, and is not on the disk list"));
        };
        let here = self.flying.values().map(|dump| &dump.dle).filter(|dle| dle.host == begun.host);
        let most = usize::try_from(dle.dumping.maxdumps).unwrap_or(usize::MAX);
        if here.clone().count() > most {
            return wrong(format!("{} is dumped {} times at once", begun.host, here.count()));
        }
        let spindle = |dle: &DleRef| self.world.listed(dle).and_then(|dle| dle.dumping.spindle);
        let mut others = here.filter(|dle| *dle != begun);
        if let Some(own) = dle.dumping.spindle
            && let Some(other) = others.find(|dle| spindle(dle) == Some(own))
        {
            return wrong(format!("{begun} and {other} are dumped at once from one spindle"));
        }
        self.world.check_promises()
    }

    /// More is promised to a dump.
    pub(crate) fn check_room(&self) -> Result<(), Stop> {
        self.world.check_promises()
    }

    /// A volume was mounted; `afresh` if its run begins it.
    pub(crate) fn check_mounted(
        &mut self,
        storage: &StorageName,
        afresh: Option<&Label>,
    ) -> Result<(), Stop> {
        let Some(settings) = self.world.config.storage(storage) else {
            return wrong(format!("{storage} is no storage"));
        };
        let (at_once, runtapes) =
            (settings.tapering.taper_parallel_write, settings.tapering.runtapes);
        let writes = |worker: &&super::drive::Worker| {
            worker.storage.as_ref() == Some(storage) && worker.volume.is_some()
        };
        let drives = self.workers.values().filter(writes).count();
        if drives as u64 > u64::from(at_once) {
            return wrong(format!("{drives} drives write for {storage}, of {at_once}"));
        }
        let begun: &mut BTreeSet<Label> = self.volumes.entry(storage.clone()).or_default();
        begun.extend(afresh.cloned());
        if begun.len() as u64 > u64::from(runtapes) {
            return wrong(format!("a run begins {begun:?} for {storage}, of {runtapes}"));
        }
        Ok(())
    }
}
