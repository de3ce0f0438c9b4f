//! People, between the nights: what they do to a library, and what they ask for.

use std::collections::BTreeSet;

use server::library;
use taper::catalogue::{Ask, VolumeState};
use types::{Barcode, ChangerName, DleRef, DriveId, Label};

use super::clients::Tree;
use super::dice::Dice;
use super::faults::{Fault, Troubles};
use super::media::{Cartridge, CartridgeNo, Health, Place, Start, slot};
use super::settings::{DleSettings, Keep, dle_by_chance};
use super::{Stop, World};

pub(crate) fn barcode(number: usize) -> Barcode {
    format!("B{number:05}L8").parse().expect("a barcode")
}

pub(crate) fn changer_name(name: &str) -> ChangerName {
    name.parse().expect("a changer's name")
}

pub(crate) fn drive_id(changer: &ChangerName, number: usize) -> DriveId {
    let drive = format!("d{number}").parse().expect("a drive's name");
    DriveId { changer: changer.clone(), drive }
}

/// What goes wrong in a world of any kind: in some much, in some little, and never everything at once.
pub(crate) fn troubles_by_chance(dice: &mut Dice) -> Troubles {
    use Fault as F;
    // One time in so many: nights, dumps, parts, turns.
    let all = [
        (F::ClientAway, 8),
        (F::ClientVanished, 15),
        (F::DleIdle, 12),
        (F::Unwanted, 15),
        (F::DumpBreaks, 15),
        (F::DumpRefused, 40),
        (F::ClientLies, 5),
        (F::SnapshotLost, 4),
        (F::Strange, 10),
        (F::EarlyEnd, 5),
        (F::WriteFails, 60),
        (F::CartridgeDies, 25),
        (F::FoundOut, 4),
        (F::DriveReset, 40),
        (F::DriveDies, 80),
        (F::HoldingUnreadable, 120),
        (F::HoldingFills, 60),
        (F::Crash, 4),
        (F::ClockForward, 20),
        (F::ClockBack, 20),
        (F::NoNight, 12),
        (F::Interrupt, 2500),
        (F::Stopped, 5),
        (F::TakenOut, 6),
        (F::BroughtBack, 4),
        (F::Swapped, 12),
        (F::Added, 10),
        (F::Forgotten, 25),
        (F::SaidMissing, 15),
        (F::Locked, 12),
        (F::Unlocked, 8),
        (F::Retired, 40),
        (F::Asked, 5),
        (F::Read, 300),
        (F::ReaderKilled, 40),
        (F::PolicyChanged, 25),
        (F::DleRemoved, 20),
        (F::DleAdded, 20),
        (F::NoTaper, 15),
        (F::Flush, 12),
        (F::Vaulted, 3),
        (F::OffSite, 10),
        (F::Back, 10),
        (F::Erased, 15),
        (F::LabelledByHand, 10),
        (F::Expired, 15),
        (F::SaidAtNight, 800),
        (F::DleRenamed, 25),
        (F::DleBack, 15),
        (F::Cancelled, 600),
        (F::ScriptFails, 40),
    ];
    let mut troubles = Troubles::none();
    for (fault, one_in) in all {
        if dice.one_in(2) {
            troubles = troubles.with(fault, dice.between(one_in / 2 + 1, one_in * 3));
        }
    }
    troubles
}

/// At a site that goes round they also see to it that it does, and use the commands that give volumes back.
pub(crate) fn troubles_that_turn(dice: &mut Dice) -> Troubles {
    let chosen = [(Fault::Expired, 6), (Fault::Erased, 10), (Fault::LabelledByHand, 10)];
    let all = troubles_by_chance(dice).with(Fault::Tended, 2);
    chosen.into_iter().fold(all, |all, (fault, one_in)| all.with(fault, one_in))
}

impl World {
    /// What happens by day.
    pub(crate) fn operate(&mut self) -> Result<(), Stop> {
        for _ in 0..self.settings.crowds() {
            self.clients_by_day();
        }
        // Whoever filled the disks cleans up.
        for foreign in &mut self.holding.foreign {
            *foreign = foreign.share(0.5);
        }
        self.clock_by_day();
        self.library_by_day()?;
        self.volumes_by_day()?;
        self.orders_by_day()?;
        self.configuration_by_day();
        Ok(())
    }

    fn clients_by_day(&mut self) {
        let dles: Vec<DleRef> = self.clients.trees.keys().cloned().collect();
        if self.strikes(Fault::ClientAway)
            && let Some(dle) = self.dice.pick(&dles)
        {
            let until = self.day + u32::try_from(self.dice.between(1, 6)).unwrap_or(1);
            self.clients.leave(&dle.host, until);
        }
        let weeks = self.weeks();
        if self.strikes(Fault::ClientVanished)
            && let Some(dle) = self.dice.pick(&dles)
        {
            self.clients.leave(&dle.host, weeks);
        }
        if self.strikes(Fault::Unwanted)
            && let Some(dle) = self.dice.pick(&dles)
        {
            self.tell(format!("each dump of {dle} will be called off until day {weeks}"));
            self.unwanted.insert(dle.clone(), weeks);
        }
        if self.strikes(Fault::SnapshotLost)
            && let Some(dle) = self.dice.pick(&dles)
            && let Some(tree) = self.clients.trees.get_mut(dle)
        {
            let all: Vec<_> = tree.snapshots.keys().copied().collect();
            if let Some(lost) = self.dice.pick(&all) {
                tree.snapshots.remove(lost);
            }
        }
    }

    /// A day so far ahead that the newest runs, one or two a day, know nothing any more of who is not dumped until then.
    fn weeks(&mut self) -> u32 {
        self.day + u32::try_from(self.dice.between(10, 40)).unwrap_or(10)
    }

    fn clock_by_day(&mut self) {
        let days = i64::try_from(self.dice.between(1, 40)).unwrap_or(1);
        if self.strikes(Fault::ClockForward) {
            self.offset += days;
            self.tell(format!("the clock is set {days} days forward"));
        }
        if self.strikes(Fault::ClockBack) {
            self.offset -= days;
            self.tell(format!("the clock is set {days} days back"));
        }
        // Somebody notices in the end.
        if self.offset != 0 && self.dice.one_in(4) {
            self.offset = 0;
            self.tell("the clock is right again");
        }
    }

    fn library_by_day(&mut self) -> Result<(), Stop> {
        let full: Vec<Place> =
            self.media.places().filter(|place| self.media.at(place).is_some()).collect();
        if self.strikes(Fault::TakenOut)
            && let Some(place) = self.dice.pick(&full)
            && let Some(no) = self.media.at_mut(place).and_then(Option::take)
        {
            self.tell(format!("the cartridge of slot {} is taken out", place.1 + 1));
            self.media.shelf.push(no);
        }
        if self.strikes(Fault::BroughtBack) {
            self.bring_one();
        }
        if self.strikes(Fault::Swapped)
            && let (Some(one), Some(two)) = (self.dice.pick(&full), self.dice.pick(&full))
        {
            self.tell(format!("slots {} and {} are swapped", one.1 + 1, two.1 + 1));
            let (here, there) = (self.media.at(one), self.media.at(two));
            for (place, no) in [(one, there), (two, here)] {
                if let Some(slot) = self.media.at_mut(place) {
                    *slot = no;
                }
            }
        }
        if self.strikes(Fault::Added) {
            self.add_one();
        }
        if self.starved && self.strikes(Fault::Tended) {
            (0..3).try_for_each(|_| self.tend())?;
        }
        if self.dice.one_in(self.troubles.one_in(Fault::FoundOut)) {
            self.find_out()?;
        }
        if self.strikes(Fault::CartridgeDies)
            && let Some(place) = self.dice.pick(&full)
            && let Some(no) = self.media.at(place)
        {
            self.tell(format!("the cartridge in slot {} can't be read any more", place.1 + 1));
            self.media.cartridge_mut(no).health = Health::Dead;
            self.note_ruins();
        }
        if self.strikes(Fault::Forgotten) {
            self.forget_one()?;
        }
        if self.strikes(Fault::SaidMissing) {
            self.miss_one()?;
        }
        Ok(())
    }

    /// From the shelf into a slot, perhaps not its own.
    fn bring_one(&mut self) {
        let is_out = |place: &Place| {
            let bays = || self.bays.values().filter_map(|bay| bay.cartridge.as_ref());
            bays().any(|(_, home)| home == place)
        };
        let free: Vec<Place> = self
            .media
            .places()
            .filter(|place| self.media.at(place).is_none() && !is_out(place))
            .collect();
        let which = self.dice.index(self.media.shelf.len());
        if let Some(place) = self.dice.pick(&free)
            && which < self.media.shelf.len()
        {
            let no = self.media.shelf.swap_remove(which);
            self.tell(format!("a cartridge is put into slot {}", place.1 + 1));
            if let Some(slot) = self.media.at_mut(place) {
                *slot = Some(no);
            }
        }
    }

    /// A run found nothing to write on: what none will write on makes room, for a volume of the shelf that has come free,
    /// else for a blank one.
    fn tend(&mut self) -> Result<(), Stop> {
        let verdicts = self.catalogue.verdicts(&library::policies(&self.config), self.clock())?;
        let reusable: BTreeSet<Label> = verdicts.reusable().cloned().collect();
        let is_free = |world: &Self, no: CartridgeNo| {
            let cartridge = world.media.cartridge(no);
            let free = cartridge.label().is_none_or(|label| reusable.contains(label));
            free && cartridge.start != Start::Foreign && cartridge.health == Health::Good
        };
        let idle = |place: &Place| self.media.at(place).is_none_or(|no| !is_free(self, no));
        let places: Vec<Place> = self.media.places().filter(idle).collect();
        let Some(place) = self.dice.pick(&places).cloned() else { return Ok(()) };
        let next = match self.media.shelf.iter().position(|no| is_free(self, *no)) {
            Some(at) => self.media.shelf.swap_remove(at),
            None if self.media.cartridges.len() < 3 * self.media.places().count() => self.blank(),
            None => return Ok(()),
        };
        self.tell(format!("slot {} gets a cartridge that may be written", slot(place.1)));
        let before = self.media.at_mut(&place).and_then(|slot| slot.replace(next));
        self.media.shelf.extend(before);
        Ok(())
    }

    fn blank(&mut self) -> CartridgeNo {
        let barcode = self.settings.barcodes.then(|| barcode(self.media.cartridges.len()));
        self.media.add(Cartridge::blank(barcode, self.settings.length))
    }

    /// A cartridge that can't be read is thrown away, and the catalogue told to forget it.
    fn find_out(&mut self) -> Result<(), Stop> {
        let dead = |place: &Place| {
            let no = self.media.at(place)?;
            let cartridge = self.media.cartridge(no);
            (cartridge.health == Health::Dead)
                .then(|| Some((no, cartridge.label()?.clone())))
                .flatten()
        };
        let Some((place, (no, label))) =
            self.media.places().find_map(|place| Some((place.clone(), dead(&place)?)))
        else {
            return Ok(());
        };
        self.tally.count(Fault::FoundOut);
        self.tell(format!("{label} can't be read, and is forgotten"));
        if let Some(slot) = self.media.at_mut(&place) {
            *slot = None;
        }
        self.media.lost.push(no);
        self.forget(&label)
    }

    fn add_one(&mut self) {
        let number = self.media.cartridges.len();
        if number > 3 * self.media.places().count() {
            return;
        }
        let no = self.blank();
        if self.dice.one_in(4) {
            self.media.cartridge_mut(no).start = Start::Foreign;
        }
        self.media.shelf.push(no);
        self.bring_one();
    }

    /// A cartridge is gone for good, and the catalogue is told.
    fn forget_one(&mut self) -> Result<(), Stop> {
        let Some(no) = self.one_of_the_shelf() else { return Ok(()) };
        let Some(label) = self.media.cartridge(no).label().cloned() else { return Ok(()) };
        self.tell(format!("{label} is lost, and the catalogue told to forget it"));
        self.media.shelf.retain(|other| *other != no);
        self.media.lost.push(no);
        self.note_ruins();
        self.forget(&label)
    }

    fn miss_one(&mut self) -> Result<(), Stop> {
        let Some(no) = self.one_of_the_shelf() else { return Ok(()) };
        let Some(label) = self.media.cartridge(no).label().cloned() else { return Ok(()) };
        if self.catalogue.volume(&label).is_ok_and(|volume| volume.state != VolumeState::Retired) {
            self.tell(format!("{label} is said to be missing"));
            let now = self.clock();
            self.catalogue.set_state(&label, VolumeState::Missing, now)?;
            self.step("a volume is said to be missing")?;
        }
        Ok(())
    }

    fn one_of_the_shelf(&mut self) -> Option<CartridgeNo> {
        let shelf = self.media.shelf.clone();
        self.dice.pick(&shelf).copied()
    }

    fn orders_by_day(&mut self) -> Result<(), Stop> {
        let now = self.clock();
        if self.strikes(Fault::Asked) {
            let listed: Vec<DleRef> = self.config.dles.iter().map(config::Dle::reference).collect();
            let asks = [Ask::Full, Ask::LevelOne, Ask::Bump, Ask::NoBump];
            if let (Some(dle), Some(&ask)) = (self.dice.pick(&listed), self.dice.pick(&asks)) {
                self.catalogue.request(dle, ask, now)?;
                self.tell(format!("{ask} is asked for {dle}"));
            }
        }
        Ok(())
    }

    fn idle_by_day(&mut self) {
        let (day, weeks) = (self.day, self.weeks());
        for dle in self.settings.dles.iter_mut().chain(&mut self.unlisted) {
            dle.idle = dle.idle.filter(|until| day < *until);
        }
        if self.strikes(Fault::DleIdle) {
            let at = self.dice.index(self.settings.dles.len());
            let dle = &mut self.settings.dles[at];
            dle.idle = Some(weeks);
            let idle = dle.reference();
            self.tell(format!("{idle} is not to be dumped until day {weeks}"));
        }
    }

    fn configuration_by_day(&mut self) {
        let before = self.settings.text();
        if self.strikes(Fault::PolicyChanged) {
            let briefly = Self::goes_round(self.seed);
            for storage in &mut self.settings.storages {
                let dice = &mut self.dice;
                storage.keep = if briefly { Keep::briefly(dice) } else { Keep::by_chance(dice) };
            }
            self.tell(format!("the policies are changed: {:?}", self.settings.storages));
        }
        for _ in 0..self.settings.crowds() {
            self.disk_list_by_day();
        }
        if before != self.settings.text() {
            self.config = self.settings.config();
            for dle in &self.config.dles {
                let tree = Tree::by_chance(&mut self.dice);
                self.clients.trees.entry(dle.reference()).or_insert(tree);
            }
        }
    }

    fn disk_list_by_day(&mut self) {
        self.idle_by_day();
        if self.strikes(Fault::DleRemoved) && self.settings.dles.len() > 2 {
            let at = self.dice.index(self.settings.dles.len());
            let gone = self.settings.dles.remove(at);
            self.tell(format!("{}:{} leaves the disk list", gone.host, gone.name));
            self.unlisted.push(gone);
        }
        if self.strikes(Fault::DleBack)
            && let Some(back) = self.unlisted.pop()
        {
            self.tell(format!("{}:{} is on the disk list again", back.host, back.name));
            self.settings.dles.push(back);
        }
        if self.strikes(Fault::DleRenamed) {
            let at = self.dice.index(self.settings.dles.len());
            let renamed = &mut self.settings.dles[at];
            let before = renamed.clone();
            renamed.name = format!("/srv/renamed-{}-{}", self.day, self.renamed.len());
            let after = renamed.reference();
            self.tell(format!("{}:{} is renamed", before.host, before.name));
            self.renamed.insert(after, before.reference());
            self.unlisted.push(before);
        }
        if self.strikes(Fault::DleAdded) && self.settings.dles.len() < self.settings.most_dles() {
            let dle = self.another_dle();
            if !self.settings.dles.iter().any(|other| other.name == dle.name) {
                self.tell(format!("{}:{} is added to the disk list", dle.host, dle.name));
                self.settings.dles.push(dle);
            }
        }
    }

    fn another_dle(&mut self) -> DleSettings {
        let known = (self.settings.dles.len() + self.unlisted.len()) as u64;
        match &self.settings.crowd {
            Some(crowd) => crowd.dle(&mut self.dice, 1000 + known, 50),
            None => dle_by_chance(&mut self.dice, 100 + u64::from(self.day), 8),
        }
    }
}
