//! The loop around the dispatcher: performs its actions, and tells it what became of them.
//!
//! One thread, this one, owns the dispatcher, the log and the table of what is at work. Every dump and every
//! drive is a thread of its own; they speak to the loop through one channel. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use types::{DleRef, DriveId, DriveName, DumpId, HostName, Level, ScriptPoint, Stamp, StorageName};

use super::control::{Inbox, Order};
use super::direct;
use super::drive::{self, Errand};
use super::dumper::{self, Control, Job, Sink};
use super::estimate::with_causes;
use super::happened::{Happened, PANICKED, Voice};
use super::shared::SharedCatalogue;
use super::waiting::Waiting;
use crate::agent::{AgentCommand, Patience};
use crate::clock::Now;
use crate::dispatcher::{Action, Dispatcher, Event, Failure, Haste, To};
use crate::holding::{Arriving, Disk, Held, ImageName};
use crate::progress::Progress;
use crate::runlog::{Cause, RunEvent, RunLog, Work};
use crate::script::{self, Scripts};

/// How many pieces of a dump wait between the agent and a drive.
const FEED: usize = 64;

/// What a run works with.
pub struct Means {
    /// Which run.
    pub run: Stamp,
    /// When it began, which is when its plan reckons from: with what came before the first dump.
    pub began: Instant,
    /// How to dump each DLE.
    pub dles: BTreeMap<DleRef, config::Dle>,
    /// The holding disks, in the dispatcher's order.
    pub disks: Arc<[Disk]>,
    /// What waits there, by dump.
    pub held: BTreeMap<DumpId, Held>,
    /// How the agent is started.
    pub agent: AgentCommand,
    /// How long a client may send nothing.
    pub silence: Duration,
    /// Where index files are.
    pub indexdir: PathBuf,
    /// The catalogue.
    pub catalogue: SharedCatalogue,
    /// The drives, each with its thread's ear.
    pub drives: BTreeMap<DriveId, drive::Handle>,
    /// The scripts of the site.
    pub scripts: Scripts,
    /// What the operator tells the run while it goes on.
    pub orders: Inbox,
}

/// Runs until the dispatcher says that nothing is left to do.
pub struct Run<'a> {
    means: Means,
    dispatcher: Dispatcher,
    log: &'a mut RunLog,
    progress: &'a mut Progress,
    voice: Voice,
    ear: Receiver<Happened>,
    dumpers: BTreeMap<DumpId, dumper::Handle>,
    /// How many dumps went straight to a volume for want of space on holding.
    for_want_of_space: u32,
    /// What each dump of this run is of.
    started: BTreeMap<DumpId, (DleRef, Level)>,
    /// Why a dump was stopped, which its dumper does not know.
    stopped: BTreeMap<DumpId, String>,
    began: Instant,
    wake: Option<u64>,
    waiting: Waiting,
    /// Hosts whose last dump is over, and the scripts that come after it.
    hosts_over: BTreeSet<HostName>,
    after_hosts: Vec<JoinHandle<()>>,
    actions: VecDeque<Action>,
    signals: Signals,
    /// Why the log could not be gone on with.
    unlogged: Option<std::io::Error>,
}

/// The signals that ask a run to end.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Ctrl-C: finish what was begun. The second time: stop.
    pub interrupt: Arc<AtomicBool>,
    /// SIGTERM: stop.
    pub terminate: Arc<AtomicBool>,
    /// Whether any came.
    heard: Arc<AtomicBool>,
}

impl Signals {
    /// Has the signals noted from now on.
    pub fn listen() -> std::io::Result<Self> {
        let signals = Self::default();
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&signals.interrupt))?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&signals.terminate))?;
        }
        Ok(signals)
    }

    /// Raised when any came.
    pub fn any(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }

    /// Whether the run was asked to end.
    pub fn were_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whether the run is asked to end, now or before.
    pub fn were_asked(&self) -> bool {
        let flags = [&self.interrupt, &self.terminate, &self.heard];
        flags.into_iter().any(|flag| flag.load(Ordering::Relaxed))
    }

    /// What was asked since the last look.
    fn heard(&self, interrupted: bool) -> Option<Haste> {
        let terminated = self.terminate.swap(false, Ordering::Relaxed);
        let interrupt = self.interrupt.swap(false, Ordering::Relaxed);
        self.heard.fetch_or(terminated || interrupt, Ordering::Relaxed);
        match (terminated, interrupt) {
            (true, _) => Some(Haste::Stop),
            (false, true) if interrupted => Some(Haste::Stop),
            (false, true) => Some(Haste::Finish),
            _ => None,
        }
    }
}

/// A channel for the threads of a run.
pub fn channel() -> (Voice, Receiver<Happened>) {
    let (voice, ear) = unbounded();
    (Voice(voice), ear)
}

impl<'a> Run<'a> {
    /// A run that is about to begin.
    pub fn new(
        means: Means,
        dispatcher: Dispatcher,
        (voice, ear): (Voice, Receiver<Happened>),
        log: &'a mut RunLog,
        progress: &'a mut Progress,
        signals: Signals,
    ) -> Self {
        Self {
            began: means.began,
            means,
            dispatcher,
            log,
            progress,
            voice,
            ear,
            dumpers: BTreeMap::new(),
            for_want_of_space: 0,
            started: BTreeMap::new(),
            stopped: BTreeMap::new(),
            wake: None,
            waiting: Waiting::default(),
            hosts_over: BTreeSet::new(),
            after_hosts: Vec::new(),
            actions: VecDeque::new(),
            signals,
            unlogged: None,
        }
    }

    /// Carries the run out. All threads have ended when it returns, also when it returns that the log failed.
    pub fn carry_out(mut self) -> std::io::Result<Dispatcher> {
        let mut interrupted = false;
        self.tell(Event::Started);
        while self.perform_all() {
            match self.ear.recv_timeout(Duration::from_millis(200)) {
                Ok(happened) => self.take(happened),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(haste) = self.signals.heard(interrupted) {
                interrupted = true;
                self.note(RunEvent::Interrupted);
                self.tell(Event::Interrupted(haste));
            }
            for Order::Abort { dle, why } in self.means.orders.take() {
                self.tell(Event::Cancelled { dle, why });
            }
            let seconds = self.began.elapsed().as_secs();
            if let Some(groups) = self.waiting.look(seconds, &self.dispatcher) {
                self.note(RunEvent::Waiting { groups });
            }
            if self.wake.is_some_and(|wake| wake <= seconds) {
                self.wake = None;
                self.tell(Event::Time(seconds));
            }
        }
        self.end_threads();
        self.tell_want_of_space();
        while let Ok(happened) = self.ear.try_recv() {
            self.take(happened);
        }
        match self.unlogged {
            Some(error) => Err(error),
            None => Ok(self.dispatcher),
        }
    }

    fn tell(&mut self, event: Event) {
        self.actions.extend(self.dispatcher.apply(event));
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Log(event) => self.note(event),
            Happened::Held(held) => {
                self.means.held.insert(held.name().dump, held);
            }
            Happened::Event(event) => {
                self.end_at_drive(&event);
                self.tell(event.clone());
                self.note_event(&event);
                self.end_hosts();
            }
        }
    }

    /// A dump straight to a drive is over. The drive may be waiting for a volume to go on with it, and has to hear so
    /// before it is told to do anything else.
    fn end_at_drive(&mut self, event: &Event) {
        if let Event::DumpFailed { dump, .. } = event
            && let Some(drive) = self.dumpers.get(dump).and_then(|handle| handle.drive.clone())
        {
            self.send(&drive, Errand::End(*dump));
        }
    }

    /// Has the scripts that come after the last dump of a host run, beside the run.
    fn end_hosts(&mut self) {
        if !self.means.scripts.any_at(ScriptPoint::PostHostBackup) {
            return;
        }
        let outcomes = self.dispatcher.outcomes();
        let outcomes = outcomes.map(|(dle, outcome)| (&dle.host, outcome.is_some()));
        for host in script::hosts_over(outcomes) {
            if self.hosts_over.insert(host.clone()) {
                let (scripts, host) = (self.means.scripts.clone(), host.clone());
                let (voice, patience) = (self.voice.clone(), Patience::of(self.means.silence));
                self.after_hosts.push(std::thread::spawn(move || {
                    let ran = scripts.after_host(&host, &patience);
                    ran.said.into_iter().for_each(|event| voice.log(event));
                }));
            }
        }
    }

    /// A run that can't be logged any more is ended like one that is told to stop: what was begun comes to an end in
    /// good order, with nothing at work behind it.
    fn note(&mut self, event: RunEvent) {
        self.progress.show(&event);
        if self.unlogged.is_none()
            && let Err(error) = self.log.append(Now::read().unix(), event)
        {
            tracing::error!("the log of the run could not be gone on with, so it stops: {error}");
            self.unlogged = Some(error);
            self.signals.terminate.store(true, Ordering::Relaxed);
        }
    }

    /// Events that the log hears of as well, once the dispatcher has decided what follows.
    fn note_event(&mut self, event: &Event) {
        match event {
            Event::DumpFailed { dump, why, .. } => {
                let Some((dle, level)) = self.started.get(dump).cloned() else { return };
                let again = !self.dispatcher.is_over(&dle);
                let why = self.stopped.remove(dump).unwrap_or_else(|| why.clone());
                self.note(RunEvent::DumpFailed { dle, level, why, again });
            }
            Event::DriveFailed { drive, blame, why } => {
                let (drive, blame, why) = (self.called(drive), blame.to_string(), why.clone());
                self.note(RunEvent::DriveFailed { drive, blame, why });
            }
            _ => {}
        }
    }

    /// Whether the image would have gone to holding.
    fn lacks_space(&self, dle: &DleRef, to: &To) -> bool {
        let dle = self.means.dles.get(dle);
        let never = dle.is_some_and(|dle| dle.dumping.holdingdisk == config::HoldingUse::Never);
        matches!(to, To::Drive(_)) && !self.means.disks.is_empty() && !never
    }

    /// Once for all of them: which ones, the report's line of each DLE says.
    fn tell_want_of_space(&mut self) {
        let text = match self.for_want_of_space {
            0 => return,
            1 => "1 dump went straight to a volume, since holding had no space for it".to_owned(),
            count => format!(
                "{count} dumps went straight to a volume, since holding had no space for them: a drive waits for its \
                 client then, and they take turns"
            ),
        };
        self.note(RunEvent::Warning { text });
    }

    /// What a drive is called in the log.
    fn called(&self, drive: &DriveId) -> DriveName {
        let handle = self.means.drives.get(drive);
        handle.map_or_else(|| drive.drive.clone(), |handle| handle.called.clone())
    }

    /// Performs what the dispatcher wants, and says whether there is more to come.
    fn perform_all(&mut self) -> bool {
        while let Some(action) = self.actions.pop_front() {
            tracing::debug!(?action, "the dispatcher wants");
            if matches!(action, Action::Done) {
                return false;
            }
            self.perform(action);
        }
        true
    }

    fn perform(&mut self, action: Action) {
        if let Some((drive, work, dump)) = begun(&action) {
            self.note(RunEvent::DriveBegan { drive: self.called(drive), work, dump });
        }
        match action {
            Action::StartDump { dump, dle, level, base, to, change } => {
                if let Some(text) = change {
                    self.note(RunEvent::Warning { text: format!("{dle}: {text}") });
                }
                self.for_want_of_space += u32::from(self.lacks_space(&dle, &to));
                self.started.insert(dump, (dle.clone(), level));
                match self.means.dles.get(&dle).cloned() {
                    Some(dle) => self.start_dump(self.job(dump, dle, level, base), to),
                    None => {
                        let why = format!("{dle} is not in the configuration");
                        self.tell(Event::DumpFailed { dump, failure: Failure::Final, why });
                    }
                }
            }
            Action::MoreRoom { dump, room } => self.control(dump, Control::Room(room)),
            Action::AbortDump { dump, why } => {
                tracing::info!("dump {dump} is stopped: {why}");
                self.stopped.insert(dump, why);
                if let Some(handle) = self.dumpers.get(&dump) {
                    handle.stop.store(true, Ordering::Relaxed);
                }
                self.control(dump, Control::Abort);
            }
            Action::LookForVolume { drive, storage } => self.send(&drive, Errand::Look { storage }),
            Action::MountVolume { drive, storage, again } => {
                self.send(&drive, Errand::Mount { storage, again });
            }
            Action::WriteImage { drive, dump } => match self.means.held.get(&dump).cloned() {
                Some(held) => self.send(&drive, Errand::Write(held)),
                None => {
                    let why = "the holding disk no longer has it".to_owned();
                    self.tell(Event::Unreadable { drive, dump, why });
                }
            },
            Action::EndImage { drive, dump, why } => {
                tracing::info!("writing dump {dump} is ended: {why}");
                self.send(&drive, Errand::End(dump));
            }
            Action::Release { dump, placed } => self.release(dump, &placed),
            Action::FinishVolume { drive } => self.send(&drive, Errand::Finish),
            Action::WakeAt(seconds) => self.wake = Some(seconds),
            Action::GiveUp { dle, why } => {
                let (cause, why) = (why.hindrance.map(Cause::from), why.words);
                self.note(RunEvent::DleFailed { dle, why, cause });
            }
            Action::Done => {}
        }
    }

    /// Every storage has the image. First the catalogue no longer counts on the held one, then it goes.
    fn release(&mut self, dump: DumpId, placed: &[StorageName]) {
        let Some(held) = self.means.held.remove(&dump) else { return };
        let released = self.means.catalogue.lock().forget_held(dump, placed);
        let removed = match released {
            Ok(released) => held.remove(released).map_err(|error| with_causes(&error)),
            Err(error) => Err(with_causes(&error)),
        };
        match removed {
            Ok(()) => self.note(RunEvent::ImageReleased { dump }),
            Err(why) => {
                self.note(RunEvent::Warning { text: format!("{why}; the next run removes it") })
            }
        }
    }

    fn job(&self, dump: DumpId, dle: config::Dle, level: Level, base: Option<DumpId>) -> Job {
        Job {
            dump,
            dle,
            level,
            base,
            run: self.means.run,
            agent: self.means.agent.clone(),
            silence: self.means.silence,
            indexdir: self.means.indexdir.clone(),
            catalogue: self.means.catalogue.clone(),
            scripts: self.means.scripts.clone(),
        }
    }

    fn start_dump(&mut self, job: Job, to: To) {
        let dump = job.dump;
        let name = ImageName {
            run: job.run,
            dle: job.dle.reference(),
            level: job.level,
            dump,
            base: job.base,
        };
        let (sink, drive) = match to {
            To::Holding(room) => {
                let mut arriving = Arriving::begin(Arc::clone(&self.means.disks), name, []);
                dumper::grant(&mut arriving, &room);
                (Sink::Holding(arriving), None)
            }
            To::Drive(drive) => {
                let (feed, incoming) = direct::channel(FEED, drive.clone(), name);
                self.send(&drive, Errand::WriteArriving(incoming));
                (Sink::Drive(feed), Some(drive))
            }
        };
        let (control, orders) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let (voice, stop_too) = (self.voice.clone(), Arc::clone(&stop));
        let why = PANICKED.to_owned();
        let last_words = voice.last_words(Event::DumpFailed { dump, failure: Failure::Final, why });
        let thread = std::thread::spawn(move || {
            let _last_words = last_words;
            dumper::run(&job, sink, &orders, &stop_too, &voice);
        });
        self.dumpers.insert(dump, dumper::Handle { drive, control, stop, thread });
    }

    fn control(&self, dump: DumpId, control: Control) {
        // A dumper that is gone has said how it ended, and needs no more orders.
        if let Some(handle) = self.dumpers.get(&dump)
            && handle.control.send(control).is_err()
        {
            tracing::debug!("dump {dump} is over already");
        }
    }

    fn send(&mut self, drive: &DriveId, errand: Errand) {
        let sent =
            self.means.drives.get(drive).is_some_and(|handle| handle.errands.send(errand).is_ok());
        if !sent {
            let why = "its thread has ended".to_owned();
            self.tell(Event::DriveFailed { drive: drive.clone(), blame: types::Blame::Host, why });
        }
    }

    fn end_threads(&mut self) {
        self.end_hosts();
        for thread in std::mem::take(&mut self.after_hosts) {
            if thread.join().is_err() {
                tracing::error!("the thread of a host's scripts failed");
            }
        }
        for (dump, handle) in std::mem::take(&mut self.dumpers) {
            if handle.thread.join().is_err() {
                tracing::error!("the thread of dump {dump} failed");
            }
        }
        for (drive, handle) in std::mem::take(&mut self.means.drives) {
            drop(handle.errands);
            if handle.thread.join().is_err() {
                tracing::error!("the thread of drive {drive} failed");
            }
        }
    }
}

/// What a drive is given to do, if this is that.
fn begun(action: &Action) -> Option<(&DriveId, Work, Option<DumpId>)> {
    Some(match action {
        Action::LookForVolume { drive, .. } => (drive, Work::Look, None),
        Action::MountVolume { drive, .. } => (drive, Work::Mount, None),
        Action::WriteImage { drive, dump } => (drive, Work::Write, Some(*dump)),
        Action::StartDump { dump, to: To::Drive(drive), .. } => (drive, Work::Direct, Some(*dump)),
        Action::FinishVolume { drive } => (drive, Work::Finish, None),
        _ => return None,
    })
}
