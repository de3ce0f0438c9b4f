//! A night, as `server::night` tells it: tidy up, plan, carry out, settle, report.
//!
//! The threads of a real night are turns here: in each, one dump or one drive goes on a little, and the dice say which.
//! What is in a [`Night`] is gone when the server is cut off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use config::{Autoflush, Dle};
use server::agent::AgentCommand;
use server::clock;
use server::dispatcher::{self, Action, Dispatcher, Event, Failure, Haste, Leftover, Manner, To};
use server::night::{self, Flush, Orders, destinations, facts};
use server::planner::{self, EstimateNeed, Estimates, Plan};
use server::runlog::{Cause, Logged, RunEvent, Target};
use taper::catalogue::{Located, RunKind, RunStatus};
use types::{Bytes, ChangerName, DleRef, DriveId, DumpId, Label, Level, Stamp, StorageName};

use super::drive::{Doing, Reached, Worker};
use super::dumper::Flying;
use super::faults::Fault;
use super::media::{Bay, Place};
use super::mounting::Hints;
use super::oracle::Told;
use super::stops::{Halt, Work};
use super::{Broken, Stop, World};

/// More turns than any night takes.
const ENDLESS: u32 = 50_000;

/// What a run knows while it goes on.
pub(crate) struct Night<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) run: Stamp,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) flying: BTreeMap<DumpId, Flying>,
    pub(crate) workers: BTreeMap<DriveId, Worker>,
    /// Which drive has, or waits for, the cartridge of which slot.
    pub(crate) taken: BTreeMap<Place, DriveId>,
    pub(crate) hints: BTreeMap<ChangerName, Hints>,
    /// How far images are that were begun in this run.
    pub(crate) reached: BTreeMap<(DumpId, StorageName), Reached>,
    pub(crate) log: Vec<Logged>,
    /// Since the run began.
    pub(crate) seconds: u64,
    /// The dump ids have the clock's time.
    millis: Arc<AtomicU64>,
    wake: Option<u64>,
    started: BTreeMap<DumpId, (DleRef, Level)>,
    waiting: VecDeque<Event>,
    /// Of what nobody wants, that which was called off.
    called_off: BTreeSet<DleRef>,
    /// The volumes that the run has begun.
    pub(crate) volumes: BTreeMap<StorageName, BTreeSet<Label>>,
    done: bool,
    interrupted: bool,
}

/// What a run is told to do.
pub(crate) fn orders(dles: Vec<&Dle>, kind: RunKind, taper: bool) -> Orders<'_> {
    let flush = kind != RunKind::Dump;
    Orders {
        dles,
        kind,
        taper,
        flush: if flush { Flush::All } else { Flush::AsConfigured },
        agent: AgentCommand { program: PathBuf::new(), state: PathBuf::new() },
        quiet: true,
        operator: None,
    }
}

impl World {
    /// Lives one run.
    pub(crate) fn night(&mut self) -> Result<(), Stop> {
        if self.strikes(Fault::Flush) {
            return self.at(Work::Flush, |world| world.run_of(RunKind::Flush));
        }
        self.at(Work::Dump, |world| world.run_of(RunKind::Dump))
    }

    pub(crate) fn run_of(&mut self, kind: RunKind) -> Result<(), Stop> {
        self.tally.nights += 1;
        let flush = kind == RunKind::Flush;
        let taper = !self.strikes(Fault::NoTaper);
        let run = clock::later_than(self.catalogue.newest_stamp()?, self.clock());
        self.tell(format!("run {run} ({kind}) begins on day {} at {}", self.day, self.clock()));
        let mut log = vec![self.logged(
            0,
            RunEvent::Started { run, kind: kind.to_string(), program: "world".to_owned(), pid: 1 },
        )];
        for text in self.tidy(run)? {
            self.tell(format!("tidying up: {text}"));
            log.push(self.logged(0, RunEvent::Warning { text }));
        }
        let begun = self.clock().max(run);
        self.catalogue.begin_run(run, kind, begun, "world")?;
        self.step("the run is begun")?;
        let listed: Vec<DleRef> = self.config.dles.iter().map(Dle::reference).collect();
        self.catalogue.sync_dles(&listed, run)?;
        self.step("the disk list is taken over")?;
        let early = if self.is_broken(Broken::StandsEarly) { Some(self.stands(0)?) } else { None };
        let plan = if flush { Plan::nothing() } else { self.plan()? };
        for event in night::told(&plan) {
            self.tell(format_args!("{event:?}"));
            log.push(self.logged(0, event));
        }
        let config = self.config.clone();
        let dles = if flush { Vec::new() } else { config.dles.iter().collect() };
        let orders = orders(dles, kind, taper);
        let storages = destinations::of_run(&config, kind);
        let leftovers = self.leftovers(&orders)?;
        let dispatcher = self.dispatcher(&plan, &orders, &storages, &leftovers);
        let (dispatcher, mut log, interrupted, seconds) =
            self.begin(run, dispatcher, log)?.carry_out()?;
        let outcome = night::settle(&mut self.catalogue, &dispatcher, &plan, &orders, interrupted)?;
        self.step("what was asked for is ticked off")?;
        let ended = self.stamp_in(seconds).max(run);
        self.catalogue.finish_run(run, ended, RunStatus::Good)?;
        self.step("the run is over")?;
        let stands = early.map_or_else(|| self.stands(seconds), Ok)?;
        log.push(self.logged(seconds, stands));
        log.push(self.logged(seconds, RunEvent::Finished { outcome }));
        self.tell(format!("the run is over: {outcome:?}"));
        self.second += seconds;
        self.check_report(&Told { run, log: &log, plan: &plan, dispatcher: &dispatcher, outcome })
    }

    pub(crate) fn logged(&self, seconds: u64, event: RunEvent) -> Logged {
        let days = i64::from(self.day) + self.offset;
        let time = days * 86_400 + i64::try_from(self.second + seconds).unwrap_or(0);
        Logged { time, event }
    }

    /// What `server::night::plan` does, with the world's clients in place of agents.
    fn plan(&mut self) -> Result<Plan, Stop> {
        let config = self.config.clone();
        let dles: Vec<&Dle> = config.dles.iter().filter(|dle| !dle.dumping.ignore).collect();
        let now = self.clock();
        let second = u32::try_from(self.second % 86_400).unwrap_or(0);
        let today = planner::Today { day: planner::Day(clock::day_of(now)), second };
        let first = facts::of(&config, &dles, &self.catalogue, &BTreeSet::new())?;
        let mut lost = BTreeSet::new();
        let mut estimates = BTreeMap::new();
        for (facts, need) in first.iter().zip(planner::estimates_wanted(&first, today.day)) {
            match need {
                EstimateNeed::Nothing => {}
                EstimateNeed::FromHistory(known) => {
                    estimates.insert(facts.dle.clone(), known);
                }
                EstimateNeed::AskClient { levels, otherwise } => {
                    let given = self.ask(facts, &levels, otherwise, &mut lost);
                    estimates.insert(facts.dle.clone(), given);
                }
            }
        }
        let facts = if lost.is_empty() {
            first
        } else {
            facts::of(&config, &dles, &self.catalogue, &lost)?
        };
        let tonight = facts::tonight(&config, &self.catalogue, facts, estimates, today)?;
        let plan = planner::plan(&tonight);
        let planned = plan.dumps().iter().map(|dump| &dump.dle);
        let all: Vec<&DleRef> = planned.chain(plan.skipped().iter().map(|one| &one.dle)).collect();
        let once: BTreeSet<&DleRef> = all.iter().copied().collect();
        if all.len() != dles.len() || once.len() != dles.len() {
            return Err(Stop::Wrong(format!(
                "{} DLEs, and the plan has {}",
                dles.len(),
                all.len()
            )));
        }
        Ok(plan)
    }

    /// A client walks its tree.
    fn ask(
        &mut self,
        facts: &planner::DleFacts,
        levels: &[(Level, Option<DumpId>)],
        otherwise: Estimates,
        lost: &mut BTreeSet<DumpId>,
    ) -> Estimates {
        if self.clients.is_away(&facts.dle.host, self.day) {
            return Estimates { failed: Some("no route to host".to_owned()), ..otherwise };
        }
        let mut estimates = otherwise;
        for &(level, base) in levels {
            match self.clients.since(&facts.dle, base) {
                Ok(since) => {
                    let Some(tree) = self.clients.trees.get(&facts.dle) else { continue };
                    let mut raw = tree.size(since, self.day).raw;
                    if self.strikes(Fault::ClientLies) {
                        raw = raw.share(self.dice.factor(10.0));
                    }
                    estimates.levels.insert(level, planner::from_client(facts, level, raw));
                }
                Err(base) => drop(lost.insert(base)),
            }
        }
        estimates
    }

    /// What `server::night::dispatch` puts together.
    pub(crate) fn dispatcher(
        &mut self,
        plan: &Plan,
        orders: &Orders<'_>,
        storages: &[&config::Storage],
        leftovers: &[Leftover],
    ) -> (Dispatcher, Arc<AtomicU64>) {
        let chunk = self.settings.chunk.unwrap_or_default();
        let more = if self.is_broken(Broken::PromisesTwice) { Bytes::GIB } else { Bytes::ZERO };
        let rooms = self.holding.free().into_iter();
        let disks = rooms.map(|room| dispatcher::Disk { room: room + more, chunk }).collect();
        let drives = |changer: &str| {
            let here = self.bays.keys().filter(|id| orders.taper && id.changer.as_str() == changer);
            here.cloned().collect()
        };
        let tapers = storages.iter().map(|storage| dispatcher::Taper {
            drives: drives(&storage.changer.name),
            ..night::equipment::taper(storage, None)
        });
        let mut site = night::equipment::dispatcher_site(&self.config, disks, tapers.collect());
        if !orders.taper {
            site.reserve = 0;
        }
        if orders.kind != RunKind::Dump {
            for taper in &mut site.tapers {
                taper.thresholds = dispatcher::Thresholds::default();
            }
        }
        let config = &self.config;
        let manners =
            config.dles.iter().map(|dle| (dle.reference(), night::equipment::manner(config, dle)));
        let mut manners: BTreeMap<DleRef, Manner> = manners.collect();
        if self.is_broken(Broken::ForgetsLimits) {
            manners.values_mut().for_each(|manner| manner.maxdumps = u32::MAX);
        }
        let millis = Arc::new(AtomicU64::new(0));
        let (time, mut dice) = (Arc::clone(&millis), super::Dice::new(self.dice.below(u64::MAX)));
        let ids = move || {
            let mut chance = [0; 10];
            chance[..8].copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
            DumpId::new(time.load(Ordering::Relaxed), chance)
        };
        (Dispatcher::new(plan, &manners, site, leftovers, Box::new(ids)), millis)
    }

    fn leftovers(&self, orders: &Orders<'_>) -> Result<Vec<Leftover>, Stop> {
        let storages = destinations::of_run(&self.config, orders.kind);
        let listed = |dle: &DleRef| self.config.dles.iter().find(|one| one.reference() == *dle);
        let flushed = |dle: &DleRef, storage: &StorageName| match &orders.flush {
            Flush::Nothing => false,
            Flush::All => true,
            Flush::Of(dles) => dles.contains(dle),
            Flush::AsConfigured => storages.iter().any(|own| {
                own.name == *storage
                    && match own.tapering.autoflush {
                        Autoflush::No => false,
                        Autoflush::Yes => listed(dle).is_some(),
                        Autoflush::All => true,
                    }
            }),
        };
        let mut leftovers = Vec::new();
        for row in self.catalogue.held()? {
            let located = self.catalogue.dump(row.dump)?;
            let dump = &located.dump;
            let lacks = self.lacking(&located);
            if lacks.iter().any(|storage| flushed(&dump.dle, storage)) {
                leftovers.extend(self.leftover(&located, lacks));
            }
        }
        Ok(leftovers)
    }

    /// An image on holding, as the dispatcher is to write it.
    pub(crate) fn leftover(&self, located: &Located, lacks: Vec<StorageName>) -> Option<Leftover> {
        let dump = &located.dump;
        let listed = self.config.dles.iter().find(|one| one.reference() == dump.dle);
        Some(Leftover {
            dump: dump.id,
            level: dump.level,
            run: dump.run,
            stored: dump.stored,
            on: self.holding.images.get(&dump.id)?.on.clone(),
            allow_split: listed.is_none_or(|dle| dle.dumping.allow_split),
            dle: dump.dle.clone(),
            lacks,
        })
    }

    pub(crate) fn begin(
        &mut self,
        run: Stamp,
        (dispatcher, millis): (Dispatcher, Arc<AtomicU64>),
        log: Vec<Logged>,
    ) -> Result<Night<'_>, Stop> {
        for bay in self.bays.values_mut() {
            bay.dead = false;
        }
        let volumes = self.catalogue.volumes()?;
        let changers = self.media.racks.keys();
        let hints = changers.map(|name| (name.clone(), Hints::knowing(&volumes))).collect();
        self.journal.scripts.clear();
        Ok(Night {
            run,
            dispatcher,
            flying: BTreeMap::new(),
            workers: self.bays.keys().map(|name| (name.clone(), Worker::default())).collect(),
            taken: BTreeMap::new(),
            hints,
            reached: BTreeMap::new(),
            log,
            seconds: 0,
            millis,
            wake: None,
            started: BTreeMap::new(),
            waiting: VecDeque::new(),
            called_off: BTreeSet::new(),
            volumes: BTreeMap::new(),
            done: false,
            interrupted: false,
            world: self,
        })
    }
}

impl Night<'_> {
    pub(crate) fn carry_out(mut self) -> Result<(Dispatcher, Vec<Logged>, bool, u64), Stop> {
        self.world.listens = true;
        let ended = self.run();
        self.world.listens = false;
        match ended {
            Ok(()) => Ok((self.dispatcher, self.log, self.interrupted, self.seconds)),
            Err(stop) => {
                self.cut_off();
                Err(stop)
            }
        }
    }

    fn run(&mut self) -> Result<(), Stop> {
        self.tell(Event::Started)?;
        for _ in 0..ENDLESS {
            if self.done {
                return self.check_the_end();
            }
            let events = self.something()?;
            for event in events {
                self.tell(event)?;
            }
        }
        Err(Stop::Wrong("the run does not end".to_owned()))
    }

    /// Tells the dispatcher, and does what it wants.
    fn tell(&mut self, event: Event) -> Result<(), Stop> {
        self.waiting.push_back(event);
        while let Some(event) = self.waiting.pop_front() {
            self.note_event(&event);
            self.world.tell(format_args!("  {event:?}"));
            for action in self.dispatcher.apply(event) {
                self.world.tell(format_args!("{action:?}"));
                self.perform(action)?;
            }
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, event: RunEvent) {
        self.world.tell(format_args!("    log: {event:?}"));
        self.log.push(self.world.logged(self.seconds, event));
    }

    pub(crate) fn now(&self) -> Stamp {
        self.world.stamp_in(self.seconds)
    }

    fn note_event(&mut self, event: &Event) {
        match event {
            Event::DumpFailed { dump, failure, why } => {
                if let Some((dle, level)) = self.started.get(dump).cloned() {
                    let again = *failure != Failure::Final;
                    self.note(RunEvent::DumpFailed { dle, level, why: why.clone(), again });
                }
            }
            Event::DriveFailed { drive, blame, why } => {
                let (drive, blame, why) = (drive.drive.clone(), blame.to_string(), why.clone());
                self.note(RunEvent::DriveFailed { drive, blame, why });
            }
            _ => {}
        }
    }

    fn perform(&mut self, action: Action) -> Result<(), Stop> {
        match action {
            Action::StartDump { dump, dle, level, base, to, change } => {
                if let Some(text) = change {
                    self.note(RunEvent::Warning { text: format!("{dle}: {text}") });
                }
                self.started.insert(dump, (dle.clone(), level));
                let target =
                    if matches!(to, To::Drive(_)) { Target::Volume } else { Target::Holding };
                self.note(RunEvent::DumpStarted { dle: dle.clone(), level, dump, to: target });
                self.start_dump(dump, dle.clone(), level, base, to);
                self.check_dumps(&dle)?;
            }
            Action::MoreRoom { dump, room } => {
                self.more_room(dump, room.shares());
                self.check_room()?;
            }
            Action::AbortDump { dump, .. } => self.abort(dump),
            Action::LookForVolume { drive, storage } => {
                self.send(&drive, Doing::Look { storage })?;
            }
            Action::MountVolume { drive, storage, again } => {
                self.send_mount(&drive, storage, again)?;
            }
            Action::Release { dump, placed } => self.release(dump, &placed)?,
            Action::WriteImage { drive, dump } => {
                if self.world.holding.images.contains_key(&dump) {
                    self.send(&drive, Doing::Write { dump, ending: false })?;
                } else {
                    let why = "the holding disk no longer has it".to_owned();
                    self.waiting.push_back(Event::Unreadable { drive, dump, why });
                }
            }
            Action::EndImage { drive, dump, .. } => self.end_image(&drive, dump),
            Action::FinishVolume { drive } => self.send(&drive, Doing::Finish)?,
            Action::WakeAt(seconds) => self.wake = Some(seconds),
            Action::GiveUp { dle, why } => {
                let (cause, why) = (why.hindrance.map(Cause::from), why.words);
                self.note(RunEvent::DleFailed { dle, why, cause });
            }
            Action::Done => self.done = true,
        }
        Ok(())
    }

    /// The next thing that happens, of all that could.
    fn something(&mut self) -> Result<Vec<Event>, Stop> {
        self.seconds += self.world.dice.below(self.world.settings.pace);
        let days = u64::try_from(4000 + i64::from(self.world.day) + self.world.offset).unwrap_or(0);
        let seconds = days * 86_400 + self.world.second + self.seconds;
        self.millis.store(seconds * 1000, Ordering::Relaxed);
        if self.wake.is_some_and(|wake| wake <= self.seconds) {
            self.wake = None;
            return Ok(vec![Event::Time(self.seconds)]);
        }
        if let Some(how) = self.told_to_stop()
            && let Some(event) = self.order(how)
        {
            return Ok(vec![event]);
        }
        if let Some(event) = self.call_off_unwanted() {
            return Ok(vec![event]);
        }
        if self.world.strikes(Fault::SaidAtNight) {
            self.world.volumes_at_night()?;
        }
        let dumps: Vec<DumpId> = self
            .flying
            .iter()
            .filter(|(_, dump)| self.can_go_on(dump))
            .map(|(&id, _)| id)
            .collect();
        let busy = self.workers.iter().filter(|(_, worker)| self.has_to_do(worker));
        let drives: Vec<DriveId> = busy.map(|(name, _)| name.clone()).collect();
        let pick = self.world.dice.index(dumps.len() + drives.len());
        match (dumps.get(pick), drives.get(pick.wrapping_sub(dumps.len()))) {
            (Some(&dump), _) => self.dump_goes_on(dump),
            (None, Some(drive)) => self.drive_goes_on(drive),
            (None, None) => match self.wake.take() {
                Some(time) => {
                    self.seconds = self.seconds.max(time);
                    Ok(vec![Event::Time(self.seconds)])
                }
                None => Err(Stop::Wrong("nothing goes on, and the run is not done".to_owned())),
            },
        }
    }

    /// Behind a durable step, or in any turn.
    fn told_to_stop(&mut self) -> Option<Halt> {
        let world = &mut *self.world;
        if let Some(how) = world.ordered.take() {
            return Some(how);
        }
        if world.strikes(Fault::Interrupt) {
            return world.dice.pick(&[Halt::Finish, Halt::Stop]).copied();
        }
        world.strikes(Fault::Cancelled).then_some(Halt::Cancel)
    }

    fn order(&mut self, how: Halt) -> Option<Event> {
        let event = match how {
            Halt::Crash => return None,
            Halt::Finish => Event::Interrupted(Haste::Finish),
            Halt::Stop => Event::Interrupted(Haste::Stop),
            Halt::Cancel => {
                let dle = self.one_unfinished()?;
                Event::Cancelled { dle, why: "the operator wants it so".to_owned() }
            }
        };
        if how != Halt::Cancel {
            self.interrupted = true;
            self.note(RunEvent::Interrupted);
        }
        self.world.tally.stopped(self.world.work, how);
        Some(event)
    }

    /// Each night again, as soon as it is begun or waits its turn.
    fn call_off_unwanted(&mut self) -> Option<Event> {
        let day = self.world.day;
        self.world.unwanted.retain(|_, until| day < *until);
        if self.world.unwanted.is_empty() {
            return None;
        }
        let wanted =
            |dle: &DleRef| !self.world.unwanted.contains_key(dle) || self.called_off.contains(dle);
        let mut all = self.dispatcher.outcomes();
        let going = all.find(|(dle, outcome)| outcome.is_none() && !wanted(dle));
        let dle = going.map(|(dle, _)| dle.clone())?;
        self.called_off.insert(dle.clone());
        Some(Event::Cancelled { dle, why: "nobody wants it these weeks".to_owned() })
    }

    fn one_unfinished(&mut self) -> Option<DleRef> {
        let all = self.dispatcher.outcomes();
        let going: Vec<DleRef> =
            all.filter(|(_, outcome)| outcome.is_none()).map(|(dle, _)| dle.clone()).collect();
        self.world.dice.pick(&going).cloned()
    }

    /// A held image is moved by its drive, a dump straight to a drive by its client.
    fn has_to_do(&self, worker: &Worker) -> bool {
        match worker.doing {
            Doing::Nothing | Doing::Waiting { .. } => false,
            Doing::Write { dump, .. } => !self.flying.contains_key(&dump),
            _ => true,
        }
    }

    /// What is on its way into a drive when the server is cut off may be on the medium, or not.
    fn cut_off(&mut self) {
        let drives: Vec<DriveId> = self.workers.keys().cloned().collect();
        for drive in drives {
            self.lose_some(&drive);
        }
        if self.world.is_broken(Broken::NeverTidies) {
            self.world.tell("nobody will tidy up");
        }
    }

    pub(crate) fn bay(&mut self, drive: &DriveId) -> &mut Bay {
        self.world.bays.entry(drive.clone()).or_default()
    }
}
