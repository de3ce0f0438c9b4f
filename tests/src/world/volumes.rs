//! What people do to volumes between the runs, and some of it in the middle of one: they lock and retire them, carry them
//! off-site, erase them, label them by hand, have those given back that nobody needs.
//!
//! Each goes step by step as its command does, and is refused where the command refuses. What people say of a volume
//! stands in a book of the world's own as well, and the oracle goes by that.

use server::library;
use taper::catalogue::{CatalogueError, Lock, Locked, Volume, VolumeEnd, VolumeState};
use types::{FileNo, Label};

use super::faults::Fault;
use super::journal::Said;
use super::media::{CartridgeNo, Health, Place, Start, slot};
use super::misled::Lost;
use super::stops::Work;
use super::{Broken, Stop, World};

/// A volume that the catalogue knows, in a slot.
struct AtHand {
    volume: Volume,
    no: CartridgeNo,
}

impl World {
    pub(crate) fn volumes_by_day(&mut self) -> Result<(), Stop> {
        if self.strikes(Fault::Locked) {
            self.lock_one()?;
        }
        if self.strikes(Fault::Unlocked) {
            self.unlock_one()?;
        }
        if self.strikes(Fault::Retired) {
            self.retire_one()?;
        }
        if self.strikes(Fault::OffSite) {
            self.carry_away()?;
        }
        if self.strikes(Fault::Back) {
            self.carry_back()?;
        }
        if self.strikes(Fault::Erased) {
            self.at(Work::Erase, Self::erase_one)?;
        }
        if self.strikes(Fault::LabelledByHand) {
            self.at(Work::Label, Self::label_one)?;
        }
        if self.strikes(Fault::Expired) {
            self.at(Work::Expire, Self::expire)?;
        }
        Ok(())
    }

    /// What people can say while a run goes on: these commands do not wait for it.
    pub(crate) fn volumes_at_night(&mut self) -> Result<(), Stop> {
        match self.dice.below(3) {
            0 => self.lock_one(),
            1 => self.unlock_one(),
            _ => self.retire_one(),
        }
    }

    fn said(&mut self, label: &Label) -> &mut Said {
        self.journal.said.entry(label.clone()).or_default()
    }

    fn one_known(&mut self) -> Result<Option<Volume>, Stop> {
        let volumes = self.catalogue.volumes()?;
        Ok(self.dice.pick(&volumes).cloned())
    }

    fn lock_one(&mut self) -> Result<(), Stop> {
        let days = u32::try_from(self.dice.between(1, 20)).unwrap_or(1);
        let until = Lock::Until(self.clock().plus_days(days));
        let lock = if self.dice.one_in(2) { Lock::NoReuse } else { until };
        self.put_lock(lock)
    }

    fn unlock_one(&mut self) -> Result<(), Stop> {
        self.put_lock(Lock::Open)
    }

    /// `volume lock` and `unlock`, now and then with `--early`.
    fn put_lock(&mut self, lock: Lock) -> Result<(), Stop> {
        let (now, early) = (self.clock(), self.dice.one_in(4));
        let Some(volume) = self.one_known()? else { return Ok(()) };
        let label = &volume.label;
        if !early && volume.lock.is_broken_by(lock, now) {
            self.tell(format!("{lock:?} is refused for {label}: it is {:?}", volume.lock));
            return Ok(());
        }
        if !self.is_broken(Broken::ForgetsLocks) {
            self.catalogue.set_lock(label, lock, &Locked::default(), now)?;
        }
        let said = self.said(label);
        let promised = said.promised.filter(|day| now < *day);
        if let Some(day) = promised
            && !early
            && !matches!(lock, Lock::Until(new) if new >= day)
        {
            return Err(Stop::Wrong(format!("{label} was promised until {day}, and is {lock:?}")));
        }
        said.locked = lock == Lock::NoReuse;
        said.promised = if let Lock::Until(day) = lock { Some(day) } else { None };
        self.tell(format!("{label} is locked: {lock:?}"));
        self.step("a lock is changed")
    }

    fn retire_one(&mut self) -> Result<(), Stop> {
        let Some(Volume { label, .. }) = self.one_known()? else { return Ok(()) };
        self.catalogue.set_state(&label, VolumeState::Retired, self.clock())?;
        self.said(&label).retired = true;
        self.tell(format!("{label} is retired"));
        self.step("a volume is retired")
    }

    /// A volume that lies in a slot and can be read, if there is one.
    fn one_at_hand(&mut self) -> Result<Option<AtHand>, Stop> {
        let Some((_, no)) = self.one_in_a_slot() else { return Ok(None) };
        let Some(label) = self.media.cartridge(no).label().cloned() else { return Ok(None) };
        let known = self.catalogue.volume(&label).ok();
        Ok(known.filter(|volume| self.is(no, volume)).map(|volume| AtHand { volume, no }))
    }

    fn one_in_a_slot(&mut self) -> Option<(Place, CartridgeNo)> {
        let places = self.media.places();
        let full = places.filter_map(|place| Some((place.clone(), self.media.at(&place)?)));
        let well: Vec<_> =
            full.filter(|(_, no)| self.media.cartridge(*no).health != Health::Dead).collect();
        self.dice.pick(&well).cloned()
    }

    /// Whether this cartridge is that volume, and no other that has its label too.
    pub(crate) fn is(&self, no: CartridgeNo, volume: &Volume) -> bool {
        matches!(&self.media.cartridge(no).start, Start::Label(label, stamp)
            if *label == volume.label && (volume.labelled.is_none() || *stamp == volume.labelled))
    }

    /// `volume relocate --off-site`: mostly it goes from its slot, sometimes that is forgotten.
    fn carry_away(&mut self) -> Result<(), Stop> {
        let Some(AtHand { volume: Volume { label, .. }, no }) = self.one_at_hand()? else {
            return Ok(());
        };
        if !self.is_broken(Broken::TakesOffSite) {
            self.catalogue.relocate(&label, Some("bank, box 4"), self.clock())?;
        }
        self.said(&label).off_site = true;
        self.tell(format!("{label} is said to be off-site"));
        self.step("a volume is said to be off-site")?;
        if !self.dice.one_in(4) {
            let place = self.media.places().find(|place| self.media.at(place) == Some(no));
            if let Some(slot) = place.and_then(|place| self.media.at_mut(&place)) {
                *slot = None;
                self.media.shelf.push(no);
            }
        }
        Ok(())
    }

    /// `volume relocate --back`. The cartridge comes into a slot when somebody brings one from the shelf.
    fn carry_back(&mut self) -> Result<(), Stop> {
        let away = self.journal.said.iter().filter(|(_, said)| said.off_site);
        let away: Vec<Label> = away.map(|(label, _)| label.clone()).collect();
        let Some(label) = self.dice.pick(&away) else { return Ok(()) };
        self.catalogue.relocate(label, None, self.clock())?;
        self.said(label).off_site = false;
        self.tell(format!("{label} is said to be back"));
        self.step("a volume is said to be back")
    }

    /// `volume erase`. If something on it is needed, its label is typed now and then all the same.
    pub(crate) fn erase_one(&mut self) -> Result<(), Stop> {
        let Some(AtHand { volume: Volume { label, .. }, no }) = self.one_at_hand()? else {
            return Ok(());
        };
        if self.give_back(&label, no)? {
            let before = self.media.cartridge(no).clone();
            self.media.cartridge_mut(no).erase();
            self.check_overwritten(&before, self.clock())?;
            self.step("a volume is erased")?;
            self.forget(&label)
        } else if self.dice.one_in(4) {
            self.tell(format!("{label} is erased, whatever is on it"));
            self.forget(&label)?;
            self.media.cartridge_mut(no).erase();
            self.note_ruins();
            self.step("a volume is erased")
        } else {
            Ok(())
        }
    }

    /// The catalogue gives the volume back, if nothing on it is needed.
    fn give_back(&mut self, label: &Label, no: CartridgeNo) -> Result<bool, Stop> {
        let now = self.clock();
        if !self.is_broken(Broken::ErasesNeeded) {
            match self.catalogue.reusable(label, &library::policies(&self.config), now) {
                Ok(leave) => self.tell(format!("{} is given back", leave.label())),
                Err(CatalogueError::Needed(needed)) => {
                    self.count_kept(&needed);
                    self.tell(needed.to_string());
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.check_overwrite(no, now)?;
        self.step("a volume is given back")?;
        Ok(true)
    }

    /// The catalogue is told that a volume is no more. What is nowhere else is given up.
    pub(crate) fn forget(&mut self, label: &Label) -> Result<(), Stop> {
        if self.catalogue.volume(label).is_err() {
            return Ok(());
        }
        let parts = self.catalogue.parts_on(label)?;
        self.spoil(label);
        self.catalogue.remove_volume(label, self.clock())?;
        self.journal.said.remove(label);
        for part in parts {
            let gone = !self.catalogue.dump(part.dump)?.is_restorable();
            if let Some(entry) = self.journal.entries.get_mut(&part.dump) {
                entry.storages.remove(&part.storage);
                // From now on the site knows.
                entry.ruined_in.remove(&part.storage);
                entry.forgotten |= gone;
            }
            let (dump, storage, label) = (part.dump, part.storage, label.clone());
            self.lost.push(Lost { dump, storage, label });
        }
        self.step("a volume is forgotten")
    }

    /// `label --force` for whatever is in a slot, under its own label or another.
    pub(crate) fn label_one(&mut self) -> Result<(), Stop> {
        let Some((place, no)) = self.one_in_a_slot() else { return Ok(()) };
        let old = match &self.media.cartridge(no).start {
            Start::Blank | Start::Foreign => None,
            Start::Label(label, _) => match self.catalogue.volume(label) {
                Ok(volume) if self.is(no, &volume) => Some(volume),
                // Nobody knows what is on it, or there are two of this name.
                _ => return Ok(()),
            },
        };
        let renamed = old.is_none() || self.dice.one_in(2);
        let policies = library::policies(&self.config);
        if let Some(Volume { label, .. }) = &old
            && self.catalogue.verdict(label, &policies, self.clock())?.of(label).leave().is_err()
        {
            return Ok(());
        }
        let new = if renamed { self.choose_by_hand(&place)? } else { old.clone() };
        let Some(new) = new else { return Ok(()) };
        if let Some(Volume { label, .. }) = &old
            && !self.give_back(label, no)?
        {
            return Ok(());
        }
        self.tell(format!("slot {} is labelled {} by hand", slot(place.1), new.label));
        self.write_label(&new, no)?;
        match old {
            Some(old) if renamed => self.forget(&old.label),
            _ => Ok(()),
        }
    }

    /// A label for what is in this slot, of a storage that uses it.
    fn choose_by_hand(&mut self, (changer, _): &Place) -> Result<Option<Volume>, Stop> {
        let uses = |storage: &&config::Storage| storage.changer.name == changer.as_str();
        let storages: Vec<&config::Storage> = self.config.storages.iter().filter(uses).collect();
        let Some(storage) = self.dice.pick(&storages) else { return Ok(None) };
        let label: Label =
            format!("{}-{:04}", storage.name, 9000 + self.day).parse().expect("a label");
        let (pool, name) = (storage.pool.clone(), storage.name.clone());
        let volume = Volume::new(label, pool, name, storage.tapetype.blocksize);
        match self.catalogue.choose_label(&volume) {
            Ok(()) => {}
            Err(CatalogueError::LabelTaken(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        self.step("a label is chosen by hand")?;
        Ok(Some(volume))
    }

    fn write_label(&mut self, volume: &Volume, no: CartridgeNo) -> Result<(), Stop> {
        let before = self.media.cartridge(no).clone();
        self.media.cartridge_mut(no).label_by_hand(volume.label.clone());
        self.check_overwritten(&before, self.clock())?;
        self.step("a label is written by hand")?;
        let (end, now) = (VolumeEnd { file: FileNo::FIRST, object: None }, self.clock());
        self.catalogue.record_labelled(&volume.label, None, volume.block_size, end, now)?;
        self.step("a label by hand is recorded")
    }

    /// `volume expire`, with or without `erase-volume`.
    pub(crate) fn expire(&mut self) -> Result<(), Stop> {
        let erases = self.dice.one_in(2);
        for volume in self.catalogue.volumes()? {
            if !matches!(volume.state, VolumeState::Active | VolumeState::Full) {
                continue;
            }
            let is_it = |(no, _): &(CartridgeNo, &_)| self.is(*no, &volume);
            let Some(no) = self.media.readable().find(is_it).map(|(no, _)| no) else { continue };
            let in_a_slot = self.media.places().any(|place| self.media.at(&place) == Some(no));
            if self.give_back(&volume.label, no)? && erases && in_a_slot {
                self.write_label(&volume, no)?;
            }
        }
        Ok(())
    }
}
