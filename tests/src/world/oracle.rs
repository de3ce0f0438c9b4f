//! The oracle: compares what was promised, what is believed and what is told with what is true.
//!
//! - Whatever has to be kept can be restored from the media, down to its full.
//! - The catalogue believes nothing that is not so, and knows what has to be kept.
//! - No volume is written over that has something on it which has to be kept.
//! - The holding disks have no images that nobody knows.
//! - The report says what happened.
//! - Of a volume the same is said however it is asked (`judging`).
//!
//! What a disaster took (a cartridge that can't be read any more, a disk that lost an image) is nobody's fault: it is
//! marked as ruined when it happens, if it could not be had elsewhere then.

use std::collections::{BTreeMap, BTreeSet};

use config::Strategy;
use server::clock;
use server::dispatcher::{Dispatcher, Outcome as DleOutcome};
use server::planner::Plan;
use server::report::{self, State};
use server::runlog::{Logged, Outcome};
use taper::catalogue::{Copy, VolumeState};
use types::{Bytes, DleRef, DumpId, Label, Level, Stamp, StorageName};

use super::journal::Entry;
use super::media::{Cartridge, CartridgeNo, File, Start, Stretch};
use super::needed::{Question, needed};
use super::night::Night;
use super::settings::StorageSettings;
use super::{Stop, World};

/// What a night said of itself.
pub(crate) struct Told<'a> {
    pub(crate) run: Stamp,
    pub(crate) log: &'a [Logged],
    pub(crate) plan: &'a Plan,
    pub(crate) dispatcher: &'a Dispatcher,
    pub(crate) outcome: Outcome,
}

/// Where the parts of each dump lie, as far as they can be read.
type Parts<'a> = BTreeMap<DumpId, Vec<(CartridgeNo, &'a Stretch)>>;

fn wrong(what: impl Into<String>) -> Stop {
    Stop::Wrong(what.into())
}

impl World {
    fn parts(&self) -> Parts<'_> {
        let mut parts = Parts::new();
        for (no, cartridge) in self.media.readable() {
            for stretch in cartridge.parts() {
                parts.entry(stretch.dump).or_default().push((no, stretch));
            }
        }
        parts
    }

    /// True if stretches of one storage make the whole image, without the cartridge `but`.
    fn on_media(
        &self,
        parts: &Parts<'_>,
        dump: DumpId,
        storage: Option<&StorageName>,
        but: Option<CartridgeNo>,
    ) -> bool {
        let Some(entry) = self.journal.entries.get(&dump) else { return false };
        let stretches: Vec<&Stretch> = parts
            .get(&dump)
            .into_iter()
            .flatten()
            .filter(|(no, stretch)| {
                Some(*no) != but && storage.is_none_or(|wanted| stretch.storage == *wanted)
            })
            .map(|(_, stretch)| *stretch)
            .collect();
        // From each place that is reached, every stretch that begins there leads on.
        let mut reached = BTreeSet::from([(Bytes::ZERO, 0)]);
        while let Some((offset, frame)) = reached.pop_first() {
            if offset == entry.stored {
                return true;
            }
            let next = stretches.iter().filter(|s| (s.offset, s.first_frame) == (offset, frame));
            reached.extend(next.map(|s| (s.offset + s.bytes, s.last_frame + 1)));
        }
        false
    }

    fn is_held(&self, dump: DumpId) -> bool {
        self.holding.images.get(&dump).is_some_and(|image| image.readable)
    }

    /// A copy of it can be read from cartridges in the libraries.
    pub(crate) fn is_at_hand(&self, dump: DumpId) -> bool {
        let mut parts = self.parts();
        if let Some(places) = parts.get_mut(&dump) {
            places.retain(|(no, _)| !self.media.shelf.contains(no));
        }
        self.on_media(&parts, dump, None, None)
    }

    fn is_anywhere(&self, parts: &Parts<'_>, dump: DumpId) -> bool {
        self.is_held(dump) || self.on_media(parts, dump, None, None)
    }

    /// A disaster has struck: what can't be had any more is its doing.
    pub(crate) fn note_ruins(&mut self) {
        let parts = self.parts();
        let mut ruins = Vec::new();
        for (&id, entry) in &self.journal.entries {
            let lost = |of: &&StorageName| !self.on_media(&parts, id, Some(of), None);
            let lost: Vec<StorageName> = entry.storages.iter().filter(lost).cloned().collect();
            if !lost.is_empty() || !self.is_anywhere(&parts, id) {
                ruins.push((id, lost, !self.is_anywhere(&parts, id)));
            }
        }
        drop(parts);
        for (id, lost, everywhere) in ruins {
            if let Some(entry) = self.journal.entries.get_mut(&id) {
                entry.ruined |= everywhere;
                entry.ruined_in.extend(lost);
            }
        }
    }

    fn asking<T>(
        &self,
        now: Stamp,
        storage: &StorageName,
        with: impl FnOnce(&Question<'_>) -> T,
    ) -> Result<T, Stop> {
        let known = self.catalogue.dles()?.into_iter().filter(|known| known.gone.is_none());
        let listed = known.map(|known| known.dle).collect();
        let mut unfound = BTreeMap::<DumpId, BTreeSet<StorageName>>::new();
        for volume in self.catalogue.volumes()? {
            if volume.state == VolumeState::Missing {
                for part in self.catalogue.parts_on(&volume.label)? {
                    unfound.entry(part.dump).or_default().insert(part.storage);
                }
            }
        }
        let everywhere = |(dump, of): (DumpId, BTreeSet<StorageName>)| {
            let entry = self.journal.entries.get(&dump)?;
            (!entry.held && entry.storages.is_subset(&of)).then_some(dump)
        };
        let missing = unfound.into_iter().filter_map(everywhere).collect();
        let own = |of: &&StorageSettings| of.name == storage.as_str();
        let keep = self.settings.storages.iter().find(own).map(|of| of.keep).unwrap_or_default();
        let pins = &self.being_read();
        Ok(with(&Question { keep, now, storage, pins, listed: &listed, missing: &missing }))
    }

    pub(crate) fn storages(&self) -> Vec<StorageName> {
        self.config.storages.iter().map(|storage| storage.name.clone()).collect()
    }

    /// All that is on this cartridge is about to go.
    pub(crate) fn check_overwrite(&mut self, no: CartridgeNo, now: Stamp) -> Result<(), Stop> {
        self.check_volume_rules(no, now)?;
        for storage in self.storages() {
            for dump in self.given_back(&[no], &storage, now)? {
                if let Some(entry) = self.journal.entries.get_mut(&dump) {
                    entry.storages.remove(&storage);
                }
            }
        }
        Ok(())
    }

    /// What was on this cartridge is gone. All that has to be kept is somewhere else.
    pub(crate) fn check_overwritten(&mut self, before: &Cartridge, now: Stamp) -> Result<(), Stop> {
        if before.parts().next().is_none() {
            return Ok(());
        }
        self.tally.overwritten += 1;
        self.check_unread(before, now)?;
        let kept = self.kept(now)?;
        let parts = self.parts();
        for &dump in &kept {
            if let Some(entry) = self.journal.entries.get(&dump)
                && !entry.is_in_doubt()
                && !self.is_anywhere(&parts, dump)
            {
                let (level, dle, run) = (entry.level, &entry.dle, entry.run);
                let label = before.label().map_or("?", Label::as_str);
                return Err(wrong(format!(
                    "{label} was written over, and level {level} of {dle} from {run} ({dump}) can't be restored any more"
                )));
            }
        }
        drop(parts);
        self.tally.restores += kept.len() as u64;
        Ok(())
    }

    /// All that has to be kept, in any storage.
    fn kept(&self, now: Stamp) -> Result<BTreeSet<DumpId>, Stop> {
        let mut kept = BTreeSet::new();
        for storage in self.storages() {
            kept.extend(self.asking(now, &storage, |question| needed(&self.journal, question))?);
        }
        Ok(kept)
    }

    /// What a storage will no longer have when one of these cartridges is written over. None of it may be needed.
    pub(crate) fn given_back(
        &self,
        cartridges: &[CartridgeNo],
        storage: &StorageName,
        now: Stamp,
    ) -> Result<Vec<DumpId>, Stop> {
        let kept = self.asking(now, storage, |question| needed(&self.journal, question))?;
        let parts = self.parts();
        let mut given_back = Vec::new();
        let on = |no: CartridgeNo| {
            let dumps = self.media.cartridge(no).parts().map(|stretch| stretch.dump);
            dumps.collect::<BTreeSet<DumpId>>().into_iter().map(move |dump| (no, dump))
        };
        for (no, dump) in cartridges.iter().flat_map(|no| on(*no)) {
            let Some(entry) = self.journal.entries.get(&dump) else { continue };
            let before = self.on_media(&parts, dump, Some(storage), None);
            let after = self.on_media(&parts, dump, Some(storage), Some(no));
            if !before || after || !entry.storages.contains(storage) {
                continue;
            }
            if kept.contains(&dump) {
                let label = self.media.cartridge(no).label().map(Label::as_str).unwrap_or("?");
                let (level, dle, run) = (entry.level, &entry.dle, entry.run);
                return Err(wrong(format!(
                    "{label} is written over, and level {level} of {dle} from {run} ({dump}) is needed in {storage}"
                )));
            }
            given_back.push(dump);
        }
        Ok(given_back)
    }

    /// The rules that look at a volume alone: locks, and how long ago it was written.
    pub(crate) fn check_volume_rules(&self, no: CartridgeNo, now: Stamp) -> Result<(), Stop> {
        let Some(label) = self.media.cartridge(no).label() else { return Ok(()) };
        let Ok(volume) = self.catalogue.volume(label) else { return Ok(()) };
        let said = self.journal.said.get(label).cloned().unwrap_or_default();
        if said.is_locked(now)
            || said.retired
            || matches!(volume.state, VolumeState::Retired | VolumeState::Missing)
        {
            return Err(wrong(format!(
                "{label} is written over, and is {} and {said:?}",
                volume.state
            )));
        }
        let own = |of: &&StorageSettings| of.name == volume.storage.as_str();
        let days = self.settings.storages.iter().find(own).map_or(0, |of| of.keep.days);
        let age = volume.last_written.map(|run| now.days_since(run));
        match age {
            Some(age) if age < days => {
                Err(wrong(format!("{label} is written over after {age} days")))
            }
            _ => Ok(()),
        }
    }

    /// A run goes for this volume.
    pub(crate) fn check_choice(&self, label: &Label) -> Result<(), Stop> {
        match self.journal.said.get(label) {
            Some(said) if said.retired || said.off_site => {
                Err(wrong(format!("a run writes on {label}, which is {said:?}")))
            }
            _ => Ok(()),
        }
    }

    /// After each night, and after each crash: promised and believed against true.
    pub(crate) fn check_truth(&mut self) -> Result<(), Stop> {
        self.check_belief()?;
        self.check_chains()?;
        self.check_failed()?;
        self.check_verdicts()?;
        let now = self.clock();
        let kept = self.kept(now)?;
        let parts = self.parts();
        for &dump in &kept {
            let Some(entry) = self.journal.entries.get(&dump) else { continue };
            if entry.is_in_doubt() {
                continue;
            }
            let (level, dle, run) = (entry.level, &entry.dle, entry.run);
            let name = format!("level {level} of {dle} from {run} ({dump})");
            if !self.is_anywhere(&parts, dump) {
                return Err(wrong(format!("{name} is needed, and can't be restored")));
            }
            let known = self.catalogue.dump(dump).is_ok_and(|located| located.is_restorable());
            if !known && !self.awaits_tidying(dump) {
                return Err(wrong(format!(
                    "{name} is needed, and the catalogue does not know where it is"
                )));
            }
        }
        drop(parts);
        self.tally.restores += kept.len() as u64;
        self.journal.prune();
        Ok(())
    }

    /// A dump builds on a lower one of the same DLE.
    fn check_chains(&self) -> Result<(), Stop> {
        for (id, entry) in self.journal.entries.iter().filter(|(_, entry)| !entry.level.is_full()) {
            let Some(base) = entry.base.and_then(|base| self.journal.entries.get(&base)) else {
                continue;
            };
            if base.dle != entry.dle || base.level >= entry.level || base.run > entry.run {
                let (level, dle, below) = (entry.level, &entry.dle, base.level);
                return Err(wrong(format!(
                    "level {level} of {dle} ({id}) builds on level {below} of {}",
                    base.dle
                )));
            }
        }
        Ok(())
    }

    /// What came to nothing is taken for good by nobody.
    fn check_failed(&self) -> Result<(), Stop> {
        for (dump, why) in &self.journal.failed {
            let known = self.catalogue.dump(*dump).is_ok_and(|located| located.is_restorable());
            if known || self.journal.entries.contains_key(dump) {
                return Err(wrong(format!("{dump} is taken for good, and {why}")));
            }
        }
        Ok(())
    }

    /// At the end of a month: whatever the catalogue says can be restored, can.
    pub(crate) fn check_restores(&mut self) -> Result<(), Stop> {
        let mut tried = 0;
        let parts = self.parts();
        for known in self.catalogue.dles()? {
            for located in self.catalogue.dumps_of(&known.dle)? {
                let chain = self.catalogue.chain(located.dump.id)?;
                if !chain.is_whole() {
                    continue;
                }
                tried += 1;
                for link in &chain.links {
                    let id = link.dump.id;
                    let entry = self.journal.entries.get(&id);
                    let is_there =
                        |entry: &Entry| entry.is_in_doubt() || self.is_anywhere(&parts, id);
                    if !entry.is_some_and(is_there) {
                        let (level, dle, run) = (located.dump.level, &known.dle, located.dump.run);
                        return Err(wrong(format!(
                            "the catalogue would restore level {level} of {dle} from {run}, and {id} can't be read"
                        )));
                    }
                }
            }
        }
        drop(parts);
        self.tally.restores += tried;
        Ok(())
    }

    /// A whole image that the next run takes over.
    fn awaits_tidying(&self, dump: DumpId) -> bool {
        self.is_held(dump) && self.catalogue.unfinished_runs().is_ok_and(|runs| !runs.is_empty())
    }

    /// The catalogue says less than is true, never more.
    fn check_belief(&self) -> Result<(), Stop> {
        let mut cartridges = BTreeMap::<(&Label, Option<Stamp>), Vec<&Cartridge>>::new();
        for cartridge in &self.media.cartridges {
            if let Start::Label(label, stamp) = &cartridge.start {
                cartridges.entry((label, *stamp)).or_default().push(cartridge);
            }
        }
        for volume in self.catalogue.volumes()? {
            let here = cartridges.get(&(&volume.label, volume.labelled));
            for part in self.catalogue.parts_on(&volume.label)? {
                let lies = |cartridge: &&Cartridge| {
                    matches!(cartridge.file(part.file), Some(File::Part(s))
                        if (s.dump, s.no, s.offset, s.bytes) == (part.dump, part.no, part.offset, part.bytes)
                            && (s.first_frame, s.last_frame) == (part.first_frame, part.last_frame)
                            && s.storage == part.storage)
                };
                if !here.is_some_and(|all| all.iter().any(lies)) {
                    return Err(wrong(format!(
                        "the catalogue has part {} of {} in file {} of {}, and it is not there",
                        part.no, part.dump, part.file, part.label
                    )));
                }
            }
        }
        for held in self.catalogue.held()? {
            if !self.holding.images.contains_key(&held.dump) {
                return Err(wrong(format!(
                    "the catalogue has {} on the holding disk, and it is not there",
                    held.dump
                )));
            }
        }
        Ok(())
    }

    /// The report of a night that came to its end.
    pub(crate) fn check_report(&mut self, told: &Told<'_>) -> Result<(), Stop> {
        self.check_holding()?;
        let report = report::of(told.run, told.log, report::Facts::default());
        self.check_scripts(&report)?;
        self.check_standing(&report)?;
        let parts = self.parts();
        for line in &report.dles {
            let dle = &line.dle;
            let good = matches!(line.state, State::Placed | State::Held);
            let failed = line.dump.and_then(|dump| self.journal.failed.get(&dump));
            if let Some(why) = failed.filter(|_| good) {
                return Err(wrong(format!("the report has {dle} as {:?}, and {why}", line.state)));
            }
            let dump = || {
                line.dump.ok_or_else(|| {
                    wrong(format!("the report has {dle} as {:?}, of no dump", line.state))
                })
            };
            match line.state {
                State::Placed => {
                    let dump = dump()?;
                    let stored = self.journal.entries.get(&dump).map(|entry| entry.stored);
                    if !self.on_media(&parts, dump, None, None) {
                        return Err(wrong(format!(
                            "the report has {dle} as placed, and {dump} is on no volumes"
                        )));
                    }
                    if stored != Some(line.stored) || line.placed() < line.stored {
                        return Err(wrong(format!(
                            "the report has {} of {dle} dumped and {} placed, and it is {stored:?}",
                            line.stored,
                            line.placed()
                        )));
                    }
                    let really: BTreeSet<&Label> = parts[&dump]
                        .iter()
                        .filter_map(|(no, _)| self.media.cartridge(*no).label())
                        .collect();
                    for copy in line.copies.iter().filter(|copy| copy.bytes == line.stored) {
                        if !copy.labels.iter().all(|label| really.contains(label)) {
                            return Err(wrong(format!(
                                "the report has {dle} on {:?}, and it is on {really:?}",
                                copy.labels
                            )));
                        }
                    }
                }
                State::Held => {
                    let dump = dump()?;
                    if !self.is_held(dump) {
                        return Err(wrong(format!(
                            "the report has {dle} as held, and {dump} is not"
                        )));
                    }
                }
                State::Failed | State::Skipped => {}
                State::Waiting | State::Dumping => {
                    return Err(wrong(format!(
                        "the run is over, and the report has {dle} as {:?}",
                        line.state
                    )));
                }
            }
        }
        drop(parts);
        self.check_outcomes(told, &report)?;
        self.check_cycles(told, &report)
    }

    /// Each script that did not go well is in the notes, whatever came of its dump.
    fn check_scripts(&mut self, report: &report::Report) -> Result<(), Stop> {
        for script in std::mem::take(&mut self.journal.scripts) {
            if !report.notes.iter().any(|note| note.contains(&script)) {
                return Err(wrong(format!("{script} failed, and the report is silent")));
            }
        }
        Ok(())
    }

    /// Nothing that nobody knows, and nothing half.
    fn check_holding(&self) -> Result<(), Stop> {
        let known: BTreeSet<DumpId> =
            self.catalogue.held()?.into_iter().map(|held| held.dump).collect();
        if let Some(dump) = self.holding.images.keys().find(|dump| !known.contains(dump)) {
            return Err(wrong(format!(
                "{dump} is on the holding disk, and the catalogue does not know it"
            )));
        }
        match self.holding.partial.keys().next() {
            Some(dump) => Err(wrong(format!("{dump} was left half on the holding disk"))),
            None => Ok(()),
        }
    }

    fn check_outcomes(&self, told: &Told<'_>, report: &report::Report) -> Result<(), Stop> {
        let lines: BTreeMap<&DleRef, State> = report
            .dles
            .iter()
            .filter(|line| !line.earlier)
            .map(|line| (&line.dle, line.state))
            .collect();
        for (dle, outcome) in told.dispatcher.outcomes() {
            let state = lines.get(dle).copied();
            let as_it_is = match outcome {
                Some(DleOutcome::Placed { .. }) => state == Some(State::Placed),
                // On the volumes of one storage, and on the holding disk for another.
                Some(DleOutcome::Held { dump, .. })
                    if self.catalogue.dump(*dump)?.copies.iter().any(Copy::is_complete) =>
                {
                    state == Some(State::Placed)
                }
                Some(DleOutcome::Held { .. }) => state == Some(State::Held),
                Some(DleOutcome::Failed { .. }) => state == Some(State::Failed),
                None => false,
            };
            if !as_it_is {
                return Err(wrong(format!(
                    "{dle} ended as {outcome:?}, and the report has {state:?}"
                )));
            }
        }
        if told.outcome == Outcome::Good && lines.values().any(|state| *state == State::Failed) {
            return Err(wrong("the run says that all went well, and something failed"));
        }
        for line in &report.volumes {
            let sum: Bytes =
                report.volumes.iter().filter(|v| v.label == line.label).map(|v| v.bytes).sum();
            let placed = self.catalogue.parts_of_run(told.run)?;
            let known: Bytes =
                placed.iter().filter(|part| part.label == line.label).map(|part| part.bytes).sum();
            if sum < known {
                return Err(wrong(format!(
                    "the report has {sum} on {}, and there are {known}",
                    line.label
                )));
            }
        }
        Ok(())
    }

    /// No DLE goes beyond its cycle in silence.
    fn check_cycles(&self, told: &Told<'_>, report: &report::Report) -> Result<(), Stop> {
        if told.plan.dumps().is_empty() && told.plan.skipped().is_empty() {
            return Ok(());
        }
        let today = clock::day_of(self.clock());
        for dle in self.config.dles.iter().filter(|dle| dle.dumping.strategy == Strategy::Standard)
        {
            let reference = dle.reference();
            let history = self.catalogue.history(&reference)?;
            let Some(full) = history.iter().find(|row| row.level == Level::FULL) else { continue };
            let age = today - clock::day_of(full.run);
            if age <= i64::from(dle.dumping.dumpcycle.max(1)) {
                continue;
            }
            let name = reference.to_string();
            let failed = report.failures.iter().any(|failure| failure.to_string().contains(&name));
            let said = failed || report.notes.iter().any(|note| note.contains(&name));
            if !said {
                return Err(wrong(format!(
                    "the full of {name} is {age} days old, its dump cycle is {}, and the report is silent",
                    dle.dumping.dumpcycle
                )));
            }
        }
        Ok(())
    }
}

impl Night<'_> {
    /// The dispatcher says that it is done.
    pub(crate) fn check_the_end(&mut self) -> Result<(), Stop> {
        if !self.flying.is_empty() {
            return Err(wrong("the run is done, and a dump goes on"));
        }
        if self.workers.values().any(|worker| worker.volume.is_some()) {
            return Err(wrong("the run is done, and a volume is not closed"));
        }
        for (dle, outcome) in self.dispatcher.outcomes() {
            match outcome {
                Some(DleOutcome::Held { dump, .. })
                    if !self.world.holding.images.contains_key(dump) =>
                {
                    return Err(wrong(format!("{dle} is held, says the dispatcher, and is not")));
                }
                Some(DleOutcome::Placed { dump, .. }) => {
                    let located = self.world.catalogue.dump(*dump)?;
                    if !located.copies.iter().any(Copy::is_complete) {
                        return Err(wrong(format!(
                            "{dle} is placed, says the dispatcher, and is not"
                        )));
                    }
                }
                Some(_) => {}
                None => return Err(wrong(format!("{dle} has no outcome"))),
            }
        }
        Ok(())
    }
}
