//! What was promised: every dump that the site ever took for durable, kept by the world and by nobody else.
//!
//! The oracle judges by this and by what is really on the media. It asks neither the catalogue nor the retention
//! engine, which are what is being judged.

use std::collections::{BTreeMap, BTreeSet};

use taper::catalogue::Dump;
use types::{Bytes, DleRef, DumpId, Label, Level, Stamp, StorageName};

/// A dump that was taken for durable.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) dle: DleRef,
    pub(crate) run: Stamp,
    pub(crate) level: Level,
    pub(crate) base: Option<DumpId>,
    pub(crate) stored: Bytes,
    /// It was said to be complete there, and was not given back since.
    pub(crate) storages: BTreeSet<StorageName>,
    /// It was said to be on the holding disk, and was not let go since.
    pub(crate) held: bool,
    /// It is to be copied there.
    pub(crate) wishes: BTreeSet<StorageName>,
    /// A disaster took it: not the site's fault.
    pub(crate) ruined: bool,
    /// A disaster took it from these, and nobody knows it there.
    pub(crate) ruined_in: BTreeSet<StorageName>,
    /// The operator had the catalogue forget it.
    pub(crate) forgotten: bool,
}

impl Entry {
    /// A disaster took it, or a copy of it. The site may have given up another since, for it counted on that one.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.ruined || !self.ruined_in.is_empty()
    }
}

/// What people said of a volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// It is not to be reused, until somebody says otherwise.
    pub(crate) locked: bool,
    /// Nor before then.
    pub(crate) promised: Option<Stamp>,
    /// It is never to be written again.
    pub(crate) retired: bool,
    /// It is not at hand.
    pub(crate) off_site: bool,
}

impl Said {
    pub(crate) fn is_locked(&self, now: Stamp) -> bool {
        self.locked || self.promised.is_some_and(|day| now < day)
    }
}

/// All of them, by id; and what was said of volumes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub(crate) entries: BTreeMap<DumpId, Entry>,
    pub(crate) said: BTreeMap<Label, Said>,
    /// Dumps that came to nothing, and why.
    pub(crate) failed: BTreeMap<DumpId, &'static str>,
    /// Scripts that failed in this run.
    pub(crate) scripts: Vec<String>,
}

impl Journal {
    /// The dump is durable somewhere.
    pub(crate) fn note(&mut self, dump: &Dump) -> &mut Entry {
        self.entries.entry(dump.id).or_insert_with(|| Entry {
            dle: dump.dle.clone(),
            run: dump.run,
            level: dump.level,
            base: dump.base,
            stored: dump.stored,
            storages: BTreeSet::new(),
            held: false,
            wishes: BTreeSet::new(),
            ruined: false,
            ruined_in: BTreeSet::new(),
            forgotten: false,
        })
    }

    /// The dump and all it builds on, itself first. `None` if something is not there that it builds on.
    pub(crate) fn chain(&self, tip: DumpId) -> Option<Vec<DumpId>> {
        let mut links = vec![tip];
        let mut link = self.entries.get(&tip)?;
        while !link.level.is_full() {
            let base = link.base?;
            link = self.entries.get(&base)?;
            links.push(base);
        }
        Some(links)
    }

    /// The dumps of each DLE, newest first.
    pub(crate) fn by_dle(&self) -> BTreeMap<&DleRef, Vec<(DumpId, &Entry)>> {
        let mut all = BTreeMap::<&DleRef, Vec<(DumpId, &Entry)>>::new();
        for (&id, entry) in &self.entries {
            all.entry(&entry.dle).or_default().push((id, entry));
        }
        for dumps in all.values_mut() {
            dumps.sort_by_key(|(id, entry)| std::cmp::Reverse((entry.run, *id)));
        }
        all
    }

    /// The image is on the holding disk.
    pub(crate) fn hold(&mut self, dump: &Dump) {
        self.note(dump).held = true;
    }

    /// The image was let go.
    pub(crate) fn release(&mut self, dump: DumpId) {
        if let Some(entry) = self.entries.get_mut(&dump) {
            entry.held = false;
        }
    }

    /// Forgets what nothing can be asked of any more.
    pub(crate) fn prune(&mut self) {
        self.entries.retain(|_, entry| !entry.storages.is_empty() || entry.held);
    }
}
