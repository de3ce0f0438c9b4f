//! A world to dispatch in: clients, holding disks, drives and volumes, that do what they are asked, or fail.

use std::collections::{BTreeMap, BTreeSet};

use types::{Blame, BlockSize, Bytes, DleRef, DriveId, DumpId, Label, Level, Stamp, StorageName};

use crate::dispatcher::{
    Action, Dispatcher, Event, Failure, Haste, Leftover, Manner, Outcome, Share, Site, Start,
    Taper, To,
};
use crate::planner::{Plan, Planned};

pub(super) const MIB: u64 = 1 << 20;

/// Numbers by chance, the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Less than `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        count > 0 && self.below(count) == 0
    }
}

/// How often things go wrong: one time in so many; 0 is never.
#[derive(Clone, Copy, Default)]
pub(super) struct Troubles {
    pub(super) client: u64,
    pub(super) drive: u64,
    pub(super) no_volume: u64,
    pub(super) unreadable: u64,
    pub(super) full_disk: u64,
    pub(super) interrupt: u64,
    pub(super) cancel: u64,
}

pub(super) struct Case {
    pub(super) planned: Vec<Planned>,
    pub(super) manners: BTreeMap<DleRef, Manner>,
    pub(super) site: Site,
    pub(super) left_over: Vec<Leftover>,
    /// What the volumes really take.
    pub(super) volume: Bytes,
    /// How many there are of each storage; the last word counts for those beyond the end.
    pub(super) volumes: Vec<u32>,
    /// In percent, how large dumps become that were estimated at 100.
    pub(super) growth: u64,
    pub(super) troubles: Troubles,
    /// The one fault that is planned: at which step, and with whom to blame; `None` is a client.
    pub(super) fault: Option<(u64, Option<Blame>)>,
}

struct InFlight {
    dle: DleRef,
    rate: Bytes,
    size: Bytes,
    reserved: Vec<Share>,
    drive: Option<DriveId>,
    waits: bool,
    aborted: bool,
    can_lose_base: bool,
}

#[derive(Debug)]
enum At {
    Empty,
    Looking(StorageName),
    Mounting {
        storage: StorageName,
        again: Option<Label>,
        writing: Option<DumpId>,
    },
    Ready(Volume),
    Writing(Volume, DumpId, bool),
    /// Full, in the middle of this; waits for an order.
    Full(StorageName, DumpId),
    Ending(StorageName, DumpId),
    Finishing(Volume),
}

#[derive(Clone, Debug)]
struct Volume {
    storage: StorageName,
    label: Label,
    room: Bytes,
}

pub(super) struct World {
    case: Case,
    chance: Chance,
    now: u64,
    dispatcher: Dispatcher,
    flying: BTreeMap<DumpId, InFlight>,
    held: BTreeMap<DumpId, (Vec<Share>, Bytes)>,
    /// What is placed where, with what was held and what was not.
    placed: BTreeMap<DumpId, BTreeSet<StorageName>>,
    released: BTreeSet<DumpId>,
    /// What each dump of this run is of.
    made: BTreeMap<DumpId, (DleRef, Level)>,
    drives: BTreeMap<DriveId, At>,
    begun: BTreeMap<StorageName, BTreeSet<Label>>,
    /// What is left of volumes that were finished.
    put_away: BTreeMap<Label, Volume>,
    gave_up: BTreeSet<DleRef>,
    wake: Option<u64>,
    stopped: bool,
    done: bool,
    /// How many steps the clients, or the drives, have gone on.
    steps: u64,
    pub(super) log: Vec<String>,
}

pub(super) fn id(number: u64) -> DumpId {
    DumpId::new(number, [0; 10])
}

impl World {
    pub(super) fn new(case: Case, seed: u64) -> Self {
        let mut next = 0;
        let ids = Box::new(move || {
            next += 1;
            id(next)
        });
        let plan = Plan::of(case.planned.clone());
        let dispatcher =
            Dispatcher::new(&plan, &case.manners, case.site.clone(), &case.left_over, ids);
        let drives = case.site.tapers.iter().flat_map(|taper| &taper.drives);
        let held = case.left_over.iter().map(|one| (one.dump, (one.on.clone(), one.stored)));
        Self {
            chance: Chance::new(seed),
            now: 0,
            dispatcher,
            flying: BTreeMap::new(),
            held: held.collect(),
            placed: BTreeMap::new(),
            released: BTreeSet::new(),
            made: BTreeMap::new(),
            drives: drives.map(|drive| (drive.clone(), At::Empty)).collect(),
            begun: BTreeMap::new(),
            put_away: BTreeMap::new(),
            gave_up: BTreeSet::new(),
            wake: None,
            stopped: false,
            done: false,
            steps: 0,
            log: Vec::new(),
            case,
        }
    }

    /// Runs the night to its end.
    pub(super) fn run(mut self) -> Self {
        self.tell(Event::Started);
        for _ in 0..20_000 {
            if self.done {
                self.check_the_end();
                return self;
            }
            let Some(event) = self.something() else {
                panic!("nothing goes on, and the run is not done:\n{}", self.log.join("\n"))
            };
            self.tell(event);
        }
        panic!("the run does not end:\n{}", self.log.join("\n"));
    }

    pub(super) fn outcomes(&self) -> BTreeMap<String, Outcome> {
        let outcome = |(dle, outcome): (&DleRef, Option<&Outcome>)| {
            (dle.dle.to_string(), outcome.unwrap().clone())
        };
        self.dispatcher.outcomes().map(outcome).collect()
    }

    /// How many images are on volumes.
    pub(super) fn placed(&self) -> usize {
        self.placed.len()
    }

    /// How many images are in this storage.
    pub(super) fn placed_in(&self, storage: &str) -> usize {
        self.placed.values().filter(|all| all.iter().any(|one| one.as_str() == storage)).count()
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn volumes_begun(&self) -> usize {
        self.begun.values().map(BTreeSet::len).sum()
    }

    fn tell(&mut self, event: Event) {
        self.log.push(format!("  {event:?}"));
        for action in self.dispatcher.apply(event) {
            self.log.push(format!("{action:?}"));
            assert!(!self.done, "an action after Done");
            self.carry_out(action);
        }
        self.check_space();
    }

    /// The next thing that happens, of all that could.
    fn something(&mut self) -> Option<Event> {
        let troubles = self.case.troubles;
        if self.chance.one_in(troubles.interrupt) {
            self.stopped = true;
            let haste = if self.chance.one_in(2) { Haste::Finish } else { Haste::Stop };
            return Some(Event::Interrupted(haste));
        }
        if self.chance.one_in(troubles.cancel) && !self.case.planned.is_empty() {
            let which = self.chance.below(self.case.planned.len() as u64);
            let dle = self.case.planned[usize::try_from(which).unwrap()].dle.clone();
            return Some(Event::Cancelled { dle, why: "the operator wants it so".into() });
        }
        let dumps = self.flying.iter().filter(|(_, dump)| !dump.waits || dump.aborted);
        let dumps: Vec<DumpId> =
            dumps.filter(|(_, d)| self.can_end(d)).map(|(&id, _)| id).collect();
        let busy = |at: &At| !matches!(at, At::Empty | At::Ready(_) | At::Full(..));
        let drives = self.drives.iter().filter(|(_, at)| busy(at)).map(|(name, _)| name.clone());
        let drives: Vec<DriveId> = drives.collect();
        let all = dumps.len() + drives.len();
        let pick = usize::try_from(self.chance.below(all as u64 + 1)).unwrap();
        match (dumps.get(pick), drives.get(pick.wrapping_sub(dumps.len()))) {
            (Some(&dump), _) => Some(self.dump_goes_on(dump)),
            (None, Some(drive)) => Some(self.drive_goes_on(&drive.clone())),
            (None, None) => match self.wake.take() {
                Some(time) => {
                    self.now = self.now.max(time);
                    Some(Event::Time(self.now))
                }
                None if all > 0 => {
                    self.now += 1;
                    Some(Event::Time(self.now))
                }
                None => None,
            },
        }
    }

    /// A dump straight to a drive ends only while the drive takes its bytes, or by order.
    fn can_end(&self, dump: &InFlight) -> bool {
        let Some(drive) = &dump.drive else { return true };
        dump.aborted || !matches!(self.drives[drive], At::Mounting { .. } | At::Full(..))
    }

    /// True when it is the turn of the planned fault.
    fn strikes(&mut self, client: bool) -> bool {
        let Some((step, blame)) = self.case.fault else { return false };
        if blame.is_none() != client {
            return false;
        }
        self.steps += 1;
        self.steps == step + 1
    }

    pub(super) fn fault_struck(&self) -> bool {
        self.case.fault.is_some_and(|(step, _)| self.steps > step)
    }

    fn dump_goes_on(&mut self, dump: DumpId) -> Event {
        let troubles = self.case.troubles;
        let struck = self.strikes(true);
        let fails = struck || self.chance.one_in(troubles.client);
        let flying = self.flying.get_mut(&dump).unwrap();
        let lost = flying.can_lose_base && fails && self.chance.one_in(2);
        let header = BlockSize::HEADER.bytes();
        let needs = flying.size + header.times(flying.size.0 / (100 * MIB) + 1);
        let reserved: Bytes = flying.reserved.iter().map(|share| share.bytes).sum();
        let drive_lost = flying.drive.as_ref().is_some_and(
            |drive| !matches!(&self.drives[drive], At::Writing(_, writing, _) if *writing == dump),
        );
        if flying.aborted || fails || drive_lost {
            let failure = match (flying.aborted, lost) {
                (true, _) => Failure::Aborted,
                (_, true) => Failure::NoBase,
                _ if !struck && self.chance.one_in(3) => Failure::Final,
                _ => Failure::Retry,
            };
            self.flying.remove(&dump);
            self.free_drive(dump);
            return Event::DumpFailed { dump, failure, why: "it broke".into() };
        }
        if let Some(drive) = flying.drive.clone() {
            return self.write_some(&drive, dump);
        }
        if needs > reserved {
            flying.waits = true;
            let full = self.chance.one_in(troubles.full_disk).then(|| flying.reserved[0].disk);
            return Event::NeedsRoom { dump, used: reserved, full };
        }
        let mut left = needs;
        let mut on = Vec::new();
        for share in &flying.reserved {
            let bytes = share.bytes.min(left);
            left = left - bytes;
            on.push(Share { disk: share.disk, bytes });
        }
        let stored = flying.size;
        self.flying.remove(&dump);
        self.held.insert(dump, (on.clone(), stored));
        Event::Held { dump, raw: stored, stored, on }
    }

    fn drive_goes_on(&mut self, drive: &DriveId) -> Event {
        let troubles = self.case.troubles;
        let name = drive.clone();
        let struck = self.strikes(false);
        if struck || self.chance.one_in(troubles.drive) {
            let blames = [Blame::Medium, Blame::Drive, Blame::Host, Blame::Nothing];
            let by_chance = blames[usize::try_from(self.chance.below(4)).unwrap()];
            let planned = self.case.fault.filter(|_| struck).and_then(|(_, blame)| blame);
            let blame = planned.unwrap_or(by_chance);
            self.drives.insert(name.clone(), At::Empty);
            return Event::DriveFailed { drive: name, blame, why: "the drive is ill".into() };
        }
        match std::mem::replace(self.drives.get_mut(drive).unwrap(), At::Empty) {
            At::Looking(storage) if self.is_out_of_volumes(&storage) => {
                Event::NoVolume { drive: name, why: "no volume is in the changer".into() }
            }
            At::Looking(_) => Event::VolumeFound { drive: name },
            At::Mounting { storage, again: None, writing } if self.is_out_of_volumes(&storage) => {
                if let Some(dump) = writing {
                    self.drives.insert(name.clone(), At::Full(storage, dump));
                }
                Event::NoVolume { drive: name, why: "no further volume".into() }
            }
            At::Mounting { storage, again, writing } => {
                let number = self.begun.entry(storage.clone()).or_default().len();
                let new = || Volume {
                    storage: storage.clone(),
                    label: format!("{storage}-{number}").parse().unwrap(),
                    room: self.case.volume,
                };
                let volume = again.map_or_else(new, |label| {
                    let before = self.put_away.get(&label).cloned();
                    before.unwrap_or_else(|| Volume { label, ..new() })
                });
                let (label, room) = (volume.label.clone(), Some(volume.room));
                self.begun.entry(storage).or_default().insert(label.clone());
                let at = match writing {
                    Some(dump) => At::Writing(volume, dump, false),
                    None => At::Ready(volume),
                };
                self.drives.insert(name.clone(), at);
                Event::VolumeMounted { drive: name, label, room, start: Start::New }
            }
            At::Writing(volume, dump, ending) => {
                self.drives.insert(name.clone(), At::Writing(volume, dump, ending));
                self.write_some(&name, dump)
            }
            At::Ending(_, dump) if self.held.contains_key(&dump) => {
                Event::ImageEnded { drive: name, dump }
            }
            At::Finishing(volume) => {
                self.put_away.insert(volume.label.clone(), volume);
                Event::VolumeFinished { drive: name }
            }
            At::Ending(..) | At::Empty | At::Ready(_) | At::Full(..) => Event::Time(self.now),
        }
    }

    fn is_out_of_volumes(&mut self, storage: &StorageName) -> bool {
        let store = self.case.site.tapers.iter().position(|taper| taper.storage == *storage);
        let there = self.case.volumes.get(store.unwrap()).or(self.case.volumes.last()).unwrap();
        self.begun.get(storage).map_or(0, BTreeSet::len) >= *there as usize
            || self.chance.one_in(self.case.troubles.no_volume)
    }

    fn write_some(&mut self, drive: &DriveId, dump: DumpId) -> Event {
        let name = drive.clone();
        let at = std::mem::replace(self.drives.get_mut(drive).unwrap(), At::Empty);
        let At::Writing(mut volume, _, ending) = at else { panic!("{at:?} while writing") };
        let from_holding = self.held.contains_key(&dump);
        if from_holding && self.chance.one_in(self.case.troubles.unreadable) {
            self.drives.insert(name.clone(), At::Ready(volume));
            return Event::Unreadable { drive: name, dump, why: "input/output error".into() };
        }
        if ending {
            self.drives.insert(name.clone(), At::Ready(volume));
            return Event::ImageEnded { drive: name, dump };
        }
        let size = self.held.get(&dump).map_or_else(|| self.flying[&dump].size, |(_, size)| *size);
        let size = size.max(Bytes(1));
        let part = size.min(Bytes(1 + self.chance.below(size.0)));
        if part > volume.room {
            self.drives.insert(name.clone(), At::Full(volume.storage, dump));
            return Event::VolumeFull { drive: name };
        }
        volume.room = volume.room - part;
        let storage = volume.storage.clone();
        if self.chance.one_in(3) {
            self.drives.insert(name.clone(), At::Writing(volume, dump, false));
            return Event::PartPlaced { drive: name, dump, stored: part };
        }
        self.drives.insert(name.clone(), At::Ready(volume));
        self.flying.remove(&dump);
        let new = self.placed.entry(dump).or_default().insert(storage.clone());
        assert!(new, "{dump} placed twice in {storage}");
        Event::ImagePlaced { drive: name, dump }
    }

    /// The dump that a drive was writing is gone.
    fn free_drive(&mut self, dump: DumpId) {
        for at in self.drives.values_mut() {
            *at = match std::mem::replace(at, At::Empty) {
                At::Writing(volume, writing, _) if writing == dump => At::Ready(volume),
                At::Mounting { storage, again, writing: Some(writing) } if writing == dump => {
                    At::Mounting { storage, again, writing: None }
                }
                At::Full(_, writing) if writing == dump => At::Empty,
                other => other,
            };
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::StartDump { dump, dle, level, base, to, change: _ } => {
                assert!(level.is_full() == base.is_none(), "level {level} on {base:?}");
                self.check_start(&dle);
                let planned = self.planned(&dle).clone();
                let ways = [Some(&planned.choice), planned.degraded.as_ref().ok()];
                let way = ways.into_iter().flatten().find(|choice| choice.level == level);
                let full = || planned.full.unwrap_or(planned.choice.cost);
                let cost = way.map_or_else(full, |choice| choice.cost);
                let size = Bytes(cost.stored.0 * self.case.growth / 100);
                let (reserved, drive) = match to {
                    To::Holding(space) => (space.shares().to_vec(), None),
                    To::Drive(drive) => {
                        let at = self.drives.insert(drive.clone(), At::Empty);
                        let Some(At::Ready(volume)) = at else { panic!("{drive}: {at:?}") };
                        self.check_destination(&dle, level, &volume.storage);
                        let at = At::Writing(volume, dump, false);
                        self.drives.insert(drive.clone(), at);
                        (Vec::new(), Some(drive))
                    }
                };
                let rate = Bytes(cost.stored.0 / u64::from(cost.seconds.max(1)));
                let (waits, aborted) = (false, false);
                let can_lose_base = base.is_some();
                let flying =
                    InFlight { dle, rate, size, reserved, drive, waits, aborted, can_lose_base };
                self.made.insert(dump, (flying.dle.clone(), level));
                assert!(self.flying.insert(dump, flying).is_none(), "{dump} was used before");
                self.check_limits();
            }
            Action::MoreRoom { dump, room } => {
                let flying = self.flying.get_mut(&dump).unwrap();
                assert!(flying.waits && room.bytes() > Bytes::ZERO);
                flying.waits = false;
                flying.reserved.extend(room.shares());
            }
            Action::AbortDump { dump, .. } => {
                if let Some(flying) = self.flying.get_mut(&dump) {
                    flying.aborted = true;
                }
            }
            Action::LookForVolume { drive, storage } => {
                self.check_share(&storage, &drive);
                self.order(&drive, At::Looking(storage));
            }
            Action::MountVolume { drive, storage, again } => {
                self.check_share(&storage, &drive);
                if again.is_none() {
                    let most = self.taper(&storage).runtapes as usize;
                    assert!(self.volumes_in_use(&storage) < most);
                }
                let writing = match &self.drives[&drive] {
                    At::Full(before, dump) => {
                        assert_eq!(*before, storage, "an image is torn between storages");
                        Some(*dump)
                    }
                    At::Empty => None,
                    other => panic!("mount into {other:?}"),
                };
                self.drives.insert(drive, At::Mounting { storage, again, writing });
            }
            Action::WriteImage { drive, dump } => {
                assert!(self.held.contains_key(&dump), "{dump} is not held");
                let at = self.drives.insert(drive.clone(), At::Empty);
                let Some(At::Ready(volume)) = at else { panic!("write to {at:?}") };
                let there = self.drives.values().any(|at| writes(at, &volume.storage, dump));
                assert!(!there, "{dump} is being written");
                let placed = self.placed.get(&dump);
                assert!(!placed.is_some_and(|all| all.contains(&volume.storage)), "{dump} again");
                self.drives.insert(drive, At::Writing(volume, dump, false));
            }
            Action::EndImage { drive, dump, .. } => {
                let at = match self.drives.insert(drive.clone(), At::Empty) {
                    Some(At::Full(storage, full)) if full == dump => At::Ending(storage, dump),
                    Some(At::Writing(volume, writing, _)) if writing == dump => {
                        At::Writing(volume, dump, true)
                    }
                    other => panic!("end {dump} in {other:?}"),
                };
                self.drives.insert(drive, at);
            }
            Action::Release { dump, placed } => {
                let there = self.placed.get(&dump);
                let all = !placed.is_empty()
                    && placed.iter().all(|one| there.is_some_and(|there| there.contains(one)));
                assert!(all, "{dump} leaves holding, and is not in all of {placed:?}");
                self.check_release(dump);
                assert!(self.held.remove(&dump).is_some(), "{dump} is not held");
                self.released.insert(dump);
            }
            Action::FinishVolume { drive } => {
                let at = self.drives.insert(drive.clone(), At::Empty);
                let Some(At::Ready(volume)) = at else { panic!("finish {at:?}") };
                self.drives.insert(drive, At::Finishing(volume));
            }
            Action::WakeAt(time) => self.wake = Some(time),
            Action::GiveUp { dle, .. } => {
                assert!(self.gave_up.insert(dle.clone()), "{dle} given up twice");
            }
            Action::Done => self.done = true,
        }
    }

    fn order(&mut self, drive: &DriveId, to: At) {
        let at = self.drives.insert(drive.clone(), to);
        assert!(matches!(at, Some(At::Empty)), "{at:?}");
    }

    fn planned(&self, dle: &DleRef) -> &Planned {
        self.case.planned.iter().find(|planned| &planned.dle == dle).unwrap()
    }

    fn taper(&self, storage: &StorageName) -> &Taper {
        self.case.site.tapers.iter().find(|taper| taper.storage == *storage).unwrap()
    }

    fn volumes_in_use(&self, storage: &StorageName) -> usize {
        let new = |at: &&At| matches!(at, At::Mounting { storage: own, again: None, .. } if own == storage);
        let begun = self.begun.get(storage).map_or(0, BTreeSet::len);
        begun + self.drives.values().filter(new).count()
    }

    /// The storage may use the drive, and not more of its drives at once than it may.
    fn check_share(&self, storage: &StorageName, drive: &DriveId) {
        let taper = self.taper(storage);
        assert!(taper.drives.contains(drive), "{drive} is not of {storage}");
        let others = self.drives.iter().filter(|(other, _)| *other != drive);
        let in_use = others.filter(|(_, at)| at.storage() == Some(storage)).count();
        assert!(in_use < taper.at_once.max(1), "{storage} uses {in_use} drives already");
    }

    fn destinations(&self, dle: &DleRef, level: Level) -> BTreeSet<StorageName> {
        let run = self.case.site.tapers.iter().map(|taper| &taper.storage);
        let manner = &self.case.manners[dle];
        manner.destinations.at(level, run).into_iter().cloned().collect()
    }

    fn check_destination(&self, dle: &DleRef, level: Level, storage: &StorageName) {
        assert!(self.destinations(dle, level).contains(storage), "{dle} is not for {storage}");
    }

    /// It is in all storages that it must get to, whichever those are.
    fn check_release(&self, dump: DumpId) {
        let left_over = self.case.left_over.iter().find(|one| one.dump == dump);
        let (dle, level) = self.made.get(&dump).cloned().unzip();
        let wanted = match left_over {
            Some(one) => one.lacks.iter().cloned().collect(),
            None => self.destinations(&dle.unwrap(), level.unwrap()),
        };
        let there = &self.placed[&dump];
        assert!(wanted.is_subset(there), "{dump} is released from {wanted:?} with {there:?}");
    }

    fn check_start(&self, dle: &DleRef) {
        assert!(!self.stopped, "{dle} started after the end was ordered");
        assert!(!self.flying.values().any(|flying| &flying.dle == dle), "{dle} twice at once");
        assert!(!self.gave_up.contains(dle), "{dle} was given up");
        assert!(self.planned(dle).not_before <= self.now, "{dle} before its time");
    }

    fn check_limits(&self) {
        assert!(self.flying.len() <= self.case.site.inparallel);
        for (dump, flying) in &self.flying {
            let manner = &self.case.manners[&flying.dle];
            let same_host = |other: &&InFlight| other.dle.host == flying.dle.host;
            let hosts = self.flying.values().filter(same_host).count();
            let most = |other: &InFlight| self.case.manners[&other.dle].maxdumps as usize;
            let most = self.flying.values().filter(same_host).map(most).max().unwrap();
            assert!(hosts <= most, "{hosts} dumps on {}", flying.dle.host);
            let shares = self.flying.iter().any(|(other, two)| {
                other != dump
                    && two.dle.host == flying.dle.host
                    && manner.spindle.is_some()
                    && self.case.manners[&two.dle].spindle == manner.spindle
            });
            assert!(!shares, "two dumps on a spindle of {}", flying.dle.host);
        }
        for (name, limit) in &self.case.site.interfaces {
            let on = |flying: &&InFlight| {
                self.case.manners[&flying.dle].interface.as_ref() == Some(name)
            };
            let rates: Vec<Bytes> = self.flying.values().filter(on).map(|f| f.rate).collect();
            let all: Bytes = rates.iter().copied().sum();
            assert!(rates.len() <= 1 || all <= *limit, "{all} a second on {name}");
        }
    }

    fn check_space(&self) {
        for (no, disk) in self.case.site.disks.iter().enumerate() {
            let here = |shares: &[Share]| -> Bytes {
                shares.iter().filter(|share| share.disk.0 == no).map(|share| share.bytes).sum()
            };
            let old = self.case.left_over.iter().map(|one| here(&one.on)).sum::<Bytes>();
            let held: Bytes = self.held.values().map(|(on, _)| here(on)).sum();
            let flying: Bytes = self.flying.values().map(|f| here(&f.reserved)).sum();
            assert!(held + flying <= disk.room + old, "disk {no} is promised twice");
        }
    }

    fn check_the_end(&self) {
        assert!(self.flying.is_empty(), "a dump is still going on");
        for (name, at) in &self.drives {
            assert!(matches!(at, At::Empty), "{name} is left as {at:?}");
        }
        let held: BTreeSet<DumpId> = self.held.keys().copied().collect();
        assert_eq!(self.dispatcher.held_images().collect::<BTreeSet<_>>(), held);
        for one in &self.case.left_over {
            assert!(held.contains(&one.dump) || self.released.contains(&one.dump));
        }
        assert_eq!(self.dispatcher.outcomes().count(), self.case.planned.len());
        for (dle, outcome) in self.dispatcher.outcomes() {
            let failed = self.gave_up.contains(dle);
            match outcome {
                Some(Outcome::Placed { dump, level, lacks }) => {
                    let there = self.placed[dump].iter().chain(lacks).cloned().collect();
                    assert_eq!(self.destinations(dle, *level), there, "{dle}");
                    assert!(lacks.is_empty() || !self.released.contains(dump));
                    assert!(!failed);
                }
                Some(Outcome::Held { dump, .. }) => assert!(held.contains(dump) && !failed),
                Some(Outcome::Failed { .. }) => assert!(failed, "{dle} failed in silence"),
                None => panic!("{dle} has no outcome"),
            }
        }
    }
}

impl At {
    fn storage(&self) -> Option<&StorageName> {
        match self {
            Self::Empty => None,
            Self::Looking(storage)
            | Self::Mounting { storage, .. }
            | Self::Full(storage, _)
            | Self::Ending(storage, _) => Some(storage),
            Self::Ready(volume) | Self::Writing(volume, ..) | Self::Finishing(volume) => {
                Some(&volume.storage)
            }
        }
    }
}

/// True when the drive is in the middle of this image, for this storage.
fn writes(at: &At, storage: &StorageName, dump: DumpId) -> bool {
    let writing = match at {
        At::Writing(_, one, _)
        | At::Full(_, one)
        | At::Ending(_, one)
        | At::Mounting { writing: Some(one), .. } => *one == dump,
        _ => false,
    };
    writing && at.storage() == Some(storage)
}

pub(super) fn stamp(text: &str) -> Stamp {
    text.parse().unwrap()
}
