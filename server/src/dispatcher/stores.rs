//! Storages: which volumes each has left in this run, and which drives are at work for it.
//!
//! Every storage has its own limits and its own luck: one that has no volume any more does not stop another. What
//! they may share is a changer, and with it drives. A drive is at work for one storage at a time; how it comes
//! to another is told in `tape`.

use std::collections::BTreeSet;

use types::{Label, StorageName};

use super::drives::{DriveState, Volume};
use super::event::Start;
use super::job::{Goal, Job};
use super::site::Taper;
use super::{Dispatcher, Haste, Hindrance, Reason};

/// Why a storage has no volume is told once, and not of each dump.
const NO_VOLUME: &str = "there is no volume to write to (see what is said of the storage)";

/// A storage, by its place among those that the run writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StoreNo(pub(super) usize);

/// Whether the run gets a volume of a storage, or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Volumes {
    /// Nobody has looked.
    Unknown,
    /// As far as anybody knows.
    Some,
    /// No, for this reason.
    None(String),
}

/// One storage.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) taper: Taper,
    pub(super) volumes: Volumes,
    /// The volumes that this run has begun. What an earlier run began and this one goes on with is not among them: its
    /// rest is what that run left, and costs no volume.
    pub(super) begun: BTreeSet<Label>,
    /// Volumes with room that were finished to make way for another storage.
    pub(super) parked: Vec<Volume>,
    /// When it was last given a drive, counted in such turns.
    pub(super) turn: u64,
}

impl Store {
    pub(super) fn new(taper: Taper) -> Self {
        Self {
            taper,
            volumes: Volumes::Unknown,
            begun: BTreeSet::new(),
            parked: Vec::new(),
            turn: 0,
        }
    }

    pub(super) fn name(&self) -> &StorageName {
        &self.taper.storage
    }

    /// A volume of it is mounted.
    pub(super) fn note(&mut self, label: &Label, start: Start) {
        if start == Start::New {
            self.begun.insert(label.clone());
        }
    }
}

impl Dispatcher {
    pub(super) fn store(&self, no: StoreNo) -> &Store {
        &self.stores[no.0]
    }

    pub(super) fn store_mut(&mut self, no: StoreNo) -> &mut Store {
        &mut self.stores[no.0]
    }

    /// The storages; the one that has waited longest for a drive first.
    pub(super) fn stores_by_turn(&self) -> Vec<StoreNo> {
        let mut stores: Vec<StoreNo> = (0..self.stores.len()).map(StoreNo).collect();
        stores.sort_by_key(|&store| (self.store(store).turn, store));
        stores
    }

    /// True when this run can still write to a volume of the storage.
    pub(super) fn is_possible(&self, store: StoreNo) -> bool {
        use DriveState as S;
        let mut own = self.drives.iter().filter(|drive| drive.serves.contains(&store));
        let usable = own.any(|drive| !matches!(drive.state, S::Retired));
        let open = self.drives.iter().any(|drive| match &drive.state {
            S::Mounted(volume) | S::Writing { volume, .. } => volume.store == store,
            S::Finishing { parks, volume } => *parks && volume.store == store,
            S::Mounting { store: other, .. } => *other == store,
            S::Idle | S::Looking(_) | S::Ending { .. } | S::Retired => false,
        });
        let more = self.volumes_left(store) > 0 || !self.store(store).parked.is_empty();
        open || more && usable
    }

    /// True when this run can write to a volume of one of the storages.
    pub(super) fn is_possible_for(&self, goal: &Goal) -> bool {
        goal.now.iter().any(|&store| self.is_possible(store))
    }

    /// How many more volumes of the storage may be begun.
    pub(super) fn volumes_left(&self, store: StoreNo) -> usize {
        let own = self.store(store);
        if matches!(own.volumes, Volumes::None(_)) {
            return 0;
        }
        let new = |drive: &&super::drives::Drive| matches!(drive.state, DriveState::Mounting { store: other, again: None, .. } if other == store);
        let begun = own.begun.len() + self.drives.iter().filter(new).count();
        (own.taper.runtapes as usize).saturating_sub(begun)
    }

    /// Why there are no more.
    pub(super) fn no_more_volumes(&self, store: StoreNo) -> Reason {
        let own = self.store(store);
        let begun = own.begun.len();
        match (&own.volumes, self.haste) {
            (Volumes::None(why), _) => Reason::of(Hindrance::Volumes, why),
            (_, Some(Haste::Stop)) => Reason::of(Hindrance::Stopped, "the run was stopped"),
            _ if begun == 1 && own.taper.runtapes <= 1 => Reason::of(
                Hindrance::Runtapes,
                "runtapes allows no more than the volume that was begun",
            ),
            _ if begun >= own.taper.runtapes as usize => Reason::of(
                Hindrance::Runtapes,
                format!("runtapes allows no more than the {begun} volumes that were begun"),
            ),
            _ => Reason {
                hindrance: None,
                words: "what is left is not worth a volume (flush-threshold, taperflush)"
                    .to_owned(),
            },
        }
    }

    /// Why no image of the job gets to a volume.
    pub(super) fn no_volume_for(&self, job: &Job) -> Reason {
        match job.goal().now.as_slice() {
            [] => Reason {
                hindrance: None,
                words: "no storage of this run takes it (dump-selection)".to_owned(),
            },
            [only] => self.no_more_volumes_for_it(*only),
            several => {
                let each = several.iter().map(|&store| {
                    let why = self.no_more_volumes_for_it(store);
                    (why.hindrance, format!("{}: {}", self.store(store).name(), why.words))
                });
                let (hindrances, words): (Vec<_>, Vec<_>) = each.unzip();
                // A volume for one of them would do.
                let hindrance = hindrances.into_iter().flatten().min();
                Reason { hindrance, words: words.join("; ") }
            }
        }
    }

    /// Why there are no more, where all of it is told elsewhere.
    fn no_more_volumes_for_it(&self, store: StoreNo) -> Reason {
        match self.store(store).volumes {
            Volumes::None(_) => Reason::of(Hindrance::Volumes, NO_VOLUME),
            _ => self.no_more_volumes(store),
        }
    }
}
