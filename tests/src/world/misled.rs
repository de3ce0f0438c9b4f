//! Retention, misled on purpose: by each of these some rule of the product is broken, and the oracle has to notice.
//!
//! The engine is the product's own. What it is told is not what the catalogue has, but something less, as it would be if a
//! part of the program had forgotten about it.

use std::collections::BTreeSet;

use server::library;
use taper::catalogue::{Located, Lock};
use taper::retention::{self, CopyFact, DumpFact, Facts, Verdicts, VolumeFact};
use types::{DleRef, DumpId, Label, Level, Stamp, StorageName};

use super::{Broken, Stop, World};

/// So many runs are looked at by who forgets what they do not have.
const OF_LATE: usize = 8;

/// A copy of a dump that the catalogue was told to forget.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) dump: DumpId,
    pub(crate) storage: StorageName,
    pub(crate) label: Label,
}

impl Broken {
    /// Whether retention hears less than is known.
    fn misleads(self) -> bool {
        matches!(
            self,
            Self::OverwritesNeeded
                | Self::ForgetsRemoved
                | Self::ForgetsBases
                | Self::BreaksLocks
                | Self::BreaksPromises
                | Self::CountsLost
        )
    }
}

impl World {
    /// What retention says when it is misled; nothing if it is not.
    pub(crate) fn misled(&self, now: Stamp) -> Result<Option<Verdicts>, Stop> {
        let Some(broken) = self.broken.filter(|broken| broken.misleads()) else { return Ok(None) };
        let mut facts = self.facts()?;
        match broken {
            // All that it is told is which volumes there are.
            Broken::OverwritesNeeded => {
                facts = Facts { volumes: facts.volumes, ..Facts::default() };
                for volume in &mut facts.volumes {
                    (volume.labelled, volume.written) = (None, None);
                }
            }
            Broken::ForgetsRemoved => facts.dumps.retain(|dump| dump.listed),
            // Each dump stands alone.
            Broken::ForgetsBases => {
                for dump in &mut facts.dumps {
                    (dump.level, dump.base) = (Level::FULL, None);
                }
            }
            Broken::BreaksLocks => open(&mut facts, |lock| lock == Lock::NoReuse),
            Broken::BreaksPromises => open(&mut facts, |lock| matches!(lock, Lock::Until(_))),
            Broken::CountsLost => self.count_lost(&mut facts.dumps),
            _ => {}
        }
        Ok(Some(retention::decide(&facts, &library::policies(&self.config), now)))
    }

    /// What retention says of all volumes, if a DLE without a dump of the newest runs is taken for one that has left the
    /// disk list.
    pub(crate) fn without_idle(&self, now: Stamp) -> Result<Verdicts, Stop> {
        let mut facts = self.facts()?;
        let runs: BTreeSet<Stamp> = facts.dumps.iter().map(|dump| dump.run).collect();
        let late: BTreeSet<Stamp> = runs.into_iter().rev().take(OF_LATE).collect();
        let of_late = facts.dumps.iter().filter(|dump| late.contains(&dump.run));
        let awake: BTreeSet<DleRef> = of_late.map(|dump| dump.dle.clone()).collect();
        for dump in &mut facts.dumps {
            dump.listed &= awake.contains(&dump.dle);
        }
        Ok(retention::decide(&facts, &library::policies(&self.config), now))
    }

    fn count_lost(&self, dumps: &mut [DumpFact]) {
        for lost in &self.lost {
            let of = dumps.iter_mut().find(|dump| dump.id == lost.dump);
            let of = of.filter(|dump| dump.copies.iter().all(|copy| copy.storage != lost.storage));
            if let Some(dump) = of {
                let (storage, labels) = (lost.storage.clone(), vec![lost.label.clone()]);
                dump.copies.push(CopyFact { storage, complete: true, labels });
            }
        }
    }

    /// What the catalogue has, as retention wants it.
    fn facts(&self) -> Result<Facts, Stop> {
        let volumes = self.catalogue.volumes()?.into_iter().map(|volume| VolumeFact {
            label: volume.label,
            storage: volume.storage,
            state: volume.state,
            lock: volume.lock,
            locked: String::new(),
            medium: volume.medium,
            labelled: volume.labelled,
            written: volume.last_written,
        });
        let volumes = volumes.collect();
        let mut dumps = Vec::new();
        for known in self.catalogue.dles()? {
            for located in self.catalogue.dumps_of(&known.dle)? {
                dumps.push(self.fact(located, known.gone.is_none())?);
            }
        }
        let unfinished = self.catalogue.unfinished_runs()?.into_iter().map(|run| run.stamp);
        let pins = self.catalogue.pins()?.into_iter();
        let pins =
            pins.map(|pin| retention::PinFact { dump: pin.dump, why: pin.why, until: pin.until });
        Ok(Facts { volumes, dumps, unfinished: unfinished.collect(), pins: pins.collect() })
    }

    fn fact(&self, located: Located, listed: bool) -> Result<DumpFact, Stop> {
        let Located { dump, copies, held, .. } = located;
        let mut facts = Vec::new();
        for copy in copies {
            let parts = self.catalogue.parts(dump.id, &copy.storage)?;
            let labels = parts.into_iter().map(|part| part.label).collect();
            facts.push(CopyFact { complete: copy.is_complete(), storage: copy.storage, labels });
        }
        Ok(DumpFact {
            id: dump.id,
            dle: dump.dle,
            listed,
            run: dump.run,
            level: dump.level,
            base: dump.base,
            whole: dump.status.is_whole(),
            held: held.is_some(),
            copies: facts,
        })
    }
}

fn open(facts: &mut Facts, which: impl Fn(Lock) -> bool) {
    for volume in facts.volumes.iter_mut().filter(|volume| which(volume.lock)) {
        volume.lock = Lock::Open;
    }
}
