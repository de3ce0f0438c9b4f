//! Storages: their pool, policy and labels, looked up and held against each other.

use types::{Label, StorageName};

use super::tapetypes::BUFFER_FOR_TAPE;
use super::{Resolver, find};
use crate::changer::Medium;
use crate::labels::{self, LabelRule};
use crate::model::{Autoflush, Policy, RunsPerCycle, Site, Storage, Vault};
use crate::read::Section;
use crate::sections::{Name, PolicyDraft, SiteDraft, StorageDraft};
use crate::suggest;
use crate::value::At;

impl Resolver<'_> {
    /// The storages, each with the place of its name.
    pub(super) fn storages(&mut self, site: &SiteDraft) -> Vec<(Storage, At)> {
        let sections = self.sections;
        self.changers_apart(&site.site.directory);
        let mut storages: Vec<(Storage, At)> = sections
            .storages
            .iter()
            .filter_map(|section| Some((self.storage(section, site)?, section.at.clone())))
            .collect();
        tell_changers(&mut storages);
        // Sections that no storage uses are read all the same, for what is wrong in them.
        let resolved: Vec<Storage> = storages.iter().map(|(storage, _)| storage.clone()).collect();
        for section in &sections.tapetypes {
            self.tapetype(section, &resolved);
        }
        for section in &sections.changers {
            self.changer(section, &site.site.directory);
        }
        storages
    }

    fn storage(&mut self, section: &Section<StorageDraft>, site: &SiteDraft) -> Option<Storage> {
        let id = format!("storage.{}", section.name);
        self.remember(&id, "site", &site_only(&self.sections.site.sets));
        let named = section.apply(StorageDraft::new(site.taper.clone()));
        let pool_name = named.pool.as_ref().map_or(&section.name, |spot| &spot.value);
        let draft = self.with_pool(section, &named, pool_name, site);
        self.remember(&id, &id, &section.sets);

        let name = section.name.parse();
        let pool = pool_name.parse();
        let changer = self.changer_of(section, &draft, &site.site.directory);
        let medium = changer.as_ref().map_or(Medium::Directory, |changer| changer.kind.medium());
        let tapetype = self.tapetype_of(section, &draft, medium);
        let policy = self.policy_of(section, &draft);
        let mut tapering = draft.taper.tapering.clone();
        let buffer = (id, "device-output-buffer-size");
        if medium == Medium::Tape && !self.origins.contains_key(&buffer) {
            tapering.device_output_buffer_size = BUFFER_FOR_TAPE;
        }
        tapering.autolabel = draft.taper.autolabel.as_ref().map(|spot| spot.value.clone());
        tapering.labelstr = match &draft.taper.labelstr {
            Some(spot) => spot.value.clone(),
            None => LabelRule::MatchAutolabel,
        };
        let vault = self.vaults(section, &draft);
        let storage = Storage {
            name: name.ok()?,
            comment: draft.comment.clone(),
            pool: pool.ok()?,
            changer: changer?,
            tapetype: tapetype?,
            policy: policy?,
            tapering,
            set_no_reuse: draft.set_no_reuse,
            dump_selection: draft.dump_selection.clone(),
            vault,
        };
        self.check_labels(section, &draft, &storage, &site.site);
        self.check_volumes(section, &storage);
        self.check_flush(section, &storage);
        self.check_cycle(section, &storage, &site.site);
        Some(storage)
    }

    /// What the site, the pool and the storage itself say, in this order.
    fn with_pool(
        &mut self,
        section: &Section<StorageDraft>,
        named: &StorageDraft,
        pool_name: &str,
        site: &SiteDraft,
    ) -> StorageDraft {
        let sections = self.sections;
        let start = StorageDraft::new(site.taper.clone());
        let start = match (find(&sections.pools, pool_name), &named.pool) {
            (Some(pool), _) => {
                let sets: Vec<_> =
                    pool.sets.iter().filter(|set| set.key != "comment").cloned().collect();
                let id = format!("storage.{}", section.name);
                self.remember(&id, &format!("pool.{pool_name}"), &sets);
                pool.apply(start)
            }
            (None, Some(spot)) if !sections.pools.is_empty() => {
                let defined: Vec<&str> = sections.pools.iter().map(|p| p.name.as_str()).collect();
                self.missing("pool", &spot.value, &spot.at, &defined);
                start
            }
            _ => start,
        };
        section.apply(start)
    }

    /// The section that a name means; the only one, if there is no name.
    pub(super) fn named_or_only<'s, S>(
        &mut self,
        section: &Section<StorageDraft>,
        kind: &str,
        key: &str,
        name: &Name,
        all: &'s [Section<S>],
    ) -> Option<&'s Section<S>> {
        let defined: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        let storage = &section.name;
        match (name, all) {
            (Some(spot), _) => {
                let found = find(all, &spot.value);
                if found.is_none() && kind == "changer" && spot.value.starts_with("chg-") {
                    let message = format!(
                        "tpchanger names a [changer.NAME], and {:?} is Amanda's way to describe one",
                        spot.value
                    );
                    self.faults.mistake(
                        &spot.at,
                        message,
                        "write [changer.vtapes] with type = \"vtape\", directory and slots"
                            .to_owned(),
                    );
                } else if found.is_none() {
                    self.missing(kind, &spot.value, &spot.at, &defined);
                }
                found
            }
            (None, [only]) => Some(only),
            (None, []) => {
                let message =
                    format!("the storage {storage:?} has no {kind}, and there is none to have");
                self.faults.mistake(&section.at, message, format!("write [{kind}.NAME]"));
                None
            }
            (None, _) => {
                let message = format!("the storage {storage:?} does not say which {kind} it has");
                let suggestion = suggest::choices(&defined).map(|c| format!("set {key}: {c}"));
                self.faults.mistake(&section.at, message, suggestion);
                None
            }
        }
    }

    fn policy_of(
        &mut self,
        section: &Section<StorageDraft>,
        draft: &StorageDraft,
    ) -> Option<Policy> {
        let sections = self.sections;
        let policy = Policy {
            name: section.name.clone(),
            comment: String::new(),
            // As in Amanda: with a tape cycle of n volumes the oldest of n may be written again.
            retention_tapes: draft.taper.tapering.tapecycle.saturating_sub(1),
            retention_days: 0,
            retention_recover: 0,
            retention_full: 0,
            retention_cycles: 0,
            keep_until: None,
        };
        let own = find(&sections.policies, &section.name);
        let found = match &draft.taper.policy {
            None => own,
            Some(spot) => {
                let defined: Vec<&str> =
                    sections.policies.iter().map(|p| p.name.as_str()).collect();
                let found = find(&sections.policies, &spot.value);
                if found.is_none() {
                    self.missing("policy", &spot.value, &spot.at, &defined);
                    return None;
                }
                found
            }
        };
        let Some(found) = found else { return Some(policy) };
        let id = format!("policy.{}", found.name);
        self.remember(&id, &id, &found.sets);
        let tapes = policy.retention_tapes;
        let draft = found.apply(PolicyDraft { tapes: None, policy });
        let retention_tapes = draft.tapes.unwrap_or(tapes);
        Some(Policy { name: found.name.clone(), retention_tapes, ..draft.policy })
    }

    fn vaults(&mut self, section: &Section<StorageDraft>, draft: &StorageDraft) -> Vec<Vault> {
        let sections = self.sections;
        let defined: Vec<&str> = sections.storages.iter().map(|s| s.name.as_str()).collect();
        let mut vaults = Vec::new();
        for vault in &draft.vault {
            let Some(spot) = &vault.storage else { continue };
            if spot.value == section.name {
                let message = "a storage cannot be its own vault";
                self.faults.mistake(&spot.at, message, None);
            } else if !defined.contains(&spot.value.as_str()) {
                self.missing("storage", &spot.value, &spot.at, &defined);
            } else if let Ok(storage) = spot.value.parse() {
                vaults.push(Vault { storage, days: vault.days });
            }
        }
        vaults
    }

    /// New labels have to be labels, and ours.
    fn check_labels(
        &mut self,
        section: &Section<StorageDraft>,
        draft: &StorageDraft,
        storage: &Storage,
        site: &Site,
    ) {
        let Some(autolabel) = &draft.taper.autolabel else { return };
        let names = [site.org.as_str(), site.name.as_str(), storage.name.as_str()];
        let example = labels::example(&autolabel.value.template, names);
        if let Err(wrong) = example.parse::<Label>() {
            let suggestion = "a label has 1 to 80 letters, digits, '-', '_' and '.'".to_owned();
            let message = format!(
                "autolabel: the first new volume of {:?} would be called {example:?}: {wrong}",
                section.name
            );
            self.faults.mistake(&autolabel.at, message, suggestion);
            return;
        }
        let Some(labelstr) = &draft.taper.labelstr else { return };
        if !labelstr.value.admits(&autolabel.value.template, names, &example) {
            let message = format!(
                "labelstr does not fit {example:?}, which autolabel would call the first new volume of {:?}",
                section.name
            );
            self.faults.mistake(
                &labelstr.at,
                message,
                "did you mean \"MATCH-AUTOLABEL\"?".to_owned(),
            );
        }
    }

    /// Where a storage's value was set: in its section, or else in the site's.
    pub(super) fn place_of_value(&self, section: &Section<StorageDraft>, key: &str) -> At {
        let own = section.sets.iter().find(|set| set.key == key);
        own.map_or_else(|| self.sections.site.place(key), |set| set.at.clone())
    }

    /// Thresholds that can never be reached, or leave images behind.
    fn check_flush(&mut self, section: &Section<StorageDraft>, storage: &Storage) {
        let flush = storage.tapering.flush;
        for (key, value) in
            [("flush-threshold-dumped", flush.dumped), ("taperflush", flush.taperflush)]
        {
            if value > flush.scheduled {
                let message = format!(
                    "{key} ({value}) must not exceed flush-threshold-scheduled ({})",
                    flush.scheduled
                );
                let place = self.place_of_value(section, key);
                self.faults.mistake(
                    &place,
                    message,
                    format!("raise flush-threshold-scheduled to {value}"),
                );
            }
        }
        if flush.taperflush > 0 && storage.tapering.autoflush == Autoflush::No {
            let message = "what taperflush leaves on the holding disk would stay there for good";
            let place = self.place_of_value(section, "taperflush");
            self.faults.mistake(&place, message, "set autoflush = \"yes\"".to_owned());
        }
    }

    /// Volumes that are kept too long for the changer, or too short for the cycle.
    fn check_cycle(&mut self, section: &Section<StorageDraft>, storage: &Storage, site: &Site) {
        let (name, kept) = (&storage.name, storage.policy.retention_tapes);
        let policy = find(&self.sections.policies, &storage.policy.name);
        let of_policy = policy.and_then(|p| p.sets.iter().find(|set| set.key == "retention-tapes"));
        let place = of_policy
            .map(|set| set.at.clone())
            .unwrap_or_else(|| self.place_of_value(section, "tapecycle"));
        if let Some(slots) = storage.changer.kind.slots().filter(|slots| kept >= *slots) {
            let message = format!(
                "{kept} volumes of {name} are always kept, and its changer has {slots} slots: none will ever be written again"
            );
            self.faults.hint(
                &place,
                message,
                format!("raise slots above {kept}, or lower tapecycle or retention-tapes"),
            );
        }
        let runs = match site.runspercycle {
            RunsPerCycle::Daily => site.dumping.dumpcycle.max(1),
            RunsPerCycle::Runs(runs) => runs,
            RunsPerCycle::Guess => 1,
        };
        if kept < runs && keeps_by_tapes_alone(&storage.policy) {
            let message = format!(
                "{name} keeps its {kept} newest volumes, and a dump cycle has {runs} runs: fulls may be gone before the next are made"
            );
            let enough = runs.saturating_mul(storage.tapering.runtapes).saturating_add(1);
            self.faults.hint(&place, message, format!("tapecycle = {enough} would do"));
        }
    }
}

/// Whether only the number of volumes says how long they are kept.
fn keeps_by_tapes_alone(policy: &Policy) -> bool {
    let rules = [
        policy.retention_days,
        policy.retention_recover,
        policy.retention_full,
        policy.retention_cycles,
    ];
    rules.iter().all(|rule| *rule == 0) && policy.keep_until.is_none()
}

/// The settings of the site that storages take over.
fn site_only<S>(sets: &[crate::keys::Set<S>]) -> Vec<crate::keys::Set<S>> {
    let storage = crate::sections::storage_keys();
    let shared = |key: &str| storage.iter().any(|k| k.name == key);
    sets.iter().filter(|set| shared(set.key)).cloned().collect()
}

/// Each changer learns which storages use it.
fn tell_changers(storages: &mut [(Storage, At)]) {
    let used: Vec<(String, StorageName)> = storages
        .iter()
        .map(|(storage, _)| (storage.changer.name.clone(), storage.name.clone()))
        .collect();
    for (storage, _) in storages {
        let changer = &mut storage.changer;
        let users = used.iter().filter(|(name, _)| *name == changer.name);
        changer.storages = users.map(|(_, user)| user.clone()).collect();
    }
}
