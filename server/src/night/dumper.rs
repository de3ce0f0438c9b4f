//! One dump: from the agent to the holding disk, or straight to a volume.
//!
//! ```text
//! agent ─frames─► dumper ─┬─► Arriving ─commit─► Held ─► catalogue: held ─► agent: confirmed
//!                         └─► the drive's thread ─placed─► catalogue ─────► agent: confirmed
//! ```
//!
//! The dumper opens nothing but the last frame, the contents, out of which it takes the index. The client is
//! told to keep its snapshot only when the dump is durable here; whatever goes wrong before that leaves
//! nothing behind on either side.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use format::contents;
use format::frame::FrameKind;
use format::index::{IndexError, Reader};
use format::wire::{
    self, DumpEnd, DumpRequest, FramePiece, Kind, Note, Progress, Reply, Request, Severity,
};
use taper::catalogue::{self, Dump, DumpStatus};
use types::{Bytes, Digest, DriveId, DumpId, Level, ScriptPoint, ScriptScope, Stamp};

use super::direct::{Ended, Feed, Whole};
use super::estimate::with_causes;
use super::happened::{Happened, Voice};
use super::shared::SharedCatalogue;
use super::spec;
use crate::agent::{Agent, AgentCommand, AgentError, Patience};
use crate::clock::Now;
use crate::dispatcher::{DiskNo, Event, Failure, Reservation, Share};
use crate::holding::{About, Arriving, HoldingError};
use crate::runlog::{Cause, RunEvent, Target, Waits};
use crate::script::{Ran, Scripts};
use crate::store;

/// The longest contents frame that is taken: the index of some hundred million entries.
const LONGEST_CONTENTS: usize = 2 << 30;
/// How many complaints about one dump are kept in the catalogue.
const MESSAGES_KEPT: usize = 1000;
/// How often the log hears how far a dump is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A dump to be made.
pub struct Job {
    /// Its name.
    pub dump: DumpId,
    /// Of what.
    pub dle: config::Dle,
    /// At which level.
    pub level: Level,
    /// Building on what.
    pub base: Option<DumpId>,
    /// In which run.
    pub run: Stamp,
    /// How the agent is started.
    pub agent: AgentCommand,
    /// How long it may send nothing.
    pub silence: Duration,
    /// Where index files are.
    pub indexdir: PathBuf,
    /// Where dumps are recorded.
    pub catalogue: SharedCatalogue,
    /// The scripts that are run before and after.
    pub scripts: Scripts,
}

/// Where its frames go.
pub enum Sink {
    /// To the holding disk.
    Holding(Arriving),
    /// To the thread of a drive.
    Drive(Feed),
}

/// What the run tells a dumper at work.
pub enum Control {
    /// Go on, into this much more space.
    Room(Reservation),
    /// Give up. The stop flag is set as well, for a dumper that waits for its agent.
    Abort,
}

/// Why a dump came to nothing.
#[derive(Debug, thiserror::Error)]
enum DumpError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Holding(#[from] HoldingError),
    #[error("what the agent sent is not an image")]
    Image(#[from] contents::ContentsError),
    #[error("what the agent sent is not an image of this dump: {0}")]
    Mismatch(String),
    #[error("the client no longer has the snapshot of dump {0}, which this level builds on")]
    NoBase(DumpId),
    #[error("the index of what the agent sent can't be read")]
    BadIndex(#[from] IndexError),
    #[error("{0}")]
    Script(String),
    #[error("it was stopped")]
    Aborted,
    #[error("the drive took no more of it")]
    DriveGone,
    #[error("the index could not be kept in {path}")]
    Index {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Catalogue(#[from] catalogue::CatalogueError),
}

impl DumpError {
    /// What may help.
    fn failure(&self) -> Failure {
        match self {
            Self::NoBase(_) => Failure::NoBase,
            Self::Aborted | Self::Agent(AgentError::Stopped) => Failure::Aborted,
            Self::Agent(AgentError::Refused(_)) => Failure::Final,
            _ => Failure::Retry,
        }
    }

    /// Who has to change something.
    fn cause(&self) -> Cause {
        match self {
            Self::Agent(AgentError::Start { .. }) => Cause::Start,
            Self::Agent(AgentError::Refused(_)) => Cause::Refused,
            Self::Agent(AgentError::Protocol(_)) => Cause::Protocol,
            Self::Aborted | Self::Agent(AgentError::Stopped) => Cause::Stopped,
            Self::Agent(_) => Cause::Agent,
            Self::Image(_) | Self::Mismatch(_) | Self::BadIndex(_) => Cause::Protocol,
            Self::Holding(_) => Cause::Holding,
            Self::NoBase(_) => Cause::NoBase,
            Self::DriveGone => Cause::Drive,
            Self::Script(_) => Cause::Script,
            Self::Index { .. } | Self::Catalogue(_) => Cause::Server,
        }
    }
}

/// Makes the dump, and tells the run how it went.
pub fn run(
    job: &Job,
    sink: Sink,
    control: &Receiver<Control>,
    stop: &Arc<AtomicBool>,
    voice: &Voice,
) {
    let direct = matches!(sink, Sink::Drive(_));
    let mut dumper = Dumper {
        job,
        control,
        voice,
        began: Instant::now(),
        started: Now::read().stamp(),
        messages: Vec::new(),
        contents: Vec::new(),
        crc32c: 0,
        length: 0,
        last_progress: Instant::now(),
        waits: Waits::default(),
        complaints: 0,
    };
    let target = if direct { Target::Volume } else { Target::Holding };
    voice.log(RunEvent::DumpStarted {
        dle: job.dle.reference(),
        level: job.level,
        dump: job.dump,
        to: target,
    });
    if let Err(error) = dumper.dump(sink, stop) {
        let failure = error.failure();
        let why = with_causes(&error);
        store::remove(&job.indexdir, job.dump);
        voice.log(RunEvent::DumpTrouble { dle: job.dle.reference(), cause: error.cause() });
        voice.event(Event::DumpFailed { dump: job.dump, failure, why });
    }
}

struct Dumper<'a> {
    job: &'a Job,
    control: &'a Receiver<Control>,
    voice: &'a Voice,
    began: Instant,
    started: Stamp,
    messages: Vec<catalogue::Message>,
    /// The bytes of the contents frame.
    contents: Vec<u8>,
    crc32c: u32,
    length: u64,
    last_progress: Instant,
    waits: Waits,
    /// Of scripts.
    complaints: u64,
}

impl Dumper<'_> {
    fn dump(&mut self, mut sink: Sink, stop: &Arc<AtomicBool>) -> Result<(), DumpError> {
        let patience = Patience { silence: self.job.silence, stop: Arc::clone(stop) };
        let Job { scripts, dle, level, .. } = self.job;
        self.hear(scripts.before_host(&dle.host, &patience))?;
        let before = scripts.at_dle(ScriptPoint::PreDleBackup, dle, &[*level], &patience);
        let directory = before.directory().map(str::to_owned);
        self.hear(before)?;
        let arrived = self.arrive(&mut sink, patience.clone(), directory.as_deref());
        // What was prepared before is put back after, however the dump went.
        let after = scripts.at_dle(ScriptPoint::PostDleBackup, dle, &[*level], &patience);
        let after = self.hear(after);
        let (mut agent, end, mut dump) = arrived?;
        after?;
        if self.complaints > 0 {
            dump.status = DumpStatus::Strange;
        }
        self.keep(sink, &dump, &end, &mut agent)
    }

    /// What scripts said goes to the log, and a complaint to the dump. One that did not go well fails it, unless it is
    /// one of the host, which is only told.
    fn hear(&mut self, ran: Ran) -> Result<(), DumpError> {
        let of_host = |event: &RunEvent| matches!(event, RunEvent::ScriptFailed { at, .. } if at.scope() == ScriptScope::Host);
        let told_only = ran.said.iter().any(of_host);
        for event in ran.said {
            if let RunEvent::ScriptSaid { script, complaint: true, text, .. } = &event {
                let text = format!("script {script}: {text}");
                self.complaints += 1;
                self.take_note(Note { severity: Severity::Strange, path: None, text });
            }
            self.voice.log(event);
        }
        match ran.failed {
            Some(why) if !told_only => Err(DumpError::Script(why)),
            _ => Ok(()),
        }
    }

    /// Has the agent make the image, and passes it on until it is whole.
    fn arrive(
        &mut self,
        sink: &mut Sink,
        patience: Patience,
        directory: Option<&str>,
    ) -> Result<(Agent, DumpEnd, Dump), DumpError> {
        let mut agent = Agent::start(&self.job.agent, patience)?;
        match agent.ask(&Request::Dump(self.request(directory)))? {
            Reply::Ready => {}
            Reply::NoBase { base } => return Err(DumpError::NoBase(base)),
            other => {
                return Err(AgentError::Protocol(format!("{other:?} in answer to a dump")).into());
            }
        }
        if matches!(sink, Sink::Drive(_)) {
            // Its parts are recorded as they are placed, and have to belong to something.
            self.job.catalogue.lock().begin_direct(&self.begun())?;
        }
        let end = self.take_frames(&mut agent, sink)?;
        let bytes = std::mem::take(&mut self.contents);
        let contents = contents::view(&bytes)?;
        self.compare(&contents, bytes.len(), &end)?;
        // Restores go by the index: one that can't be read to its end is noticed now, while the client can
        // still be asked again.
        Reader::open(contents.index).and_then(|index| index.verify())?;
        let index_sha = store::keep(&self.job.indexdir, &contents)
            .map_err(|source| DumpError::Index { path: self.job.indexdir.clone(), source })?;
        let dump = self.record(&contents, &end, index_sha);
        Ok((agent, end, dump))
    }

    fn request(&self, directory: Option<&str>) -> DumpRequest {
        let how = &self.job.dle.dumping;
        DumpRequest {
            dle: spec::read_from(&self.job.dle, directory),
            dump: self.job.dump,
            level: self.job.level,
            base: self.job.base,
            run: self.job.run,
            now: Now::read().unix(),
            workers: 0,
            zstd_level: how.compress_level,
            frame_size: u32::try_from(how.frame_size.0).unwrap_or(u32::MAX),
        }
    }

    /// Passes frames on until the agent says that there are no more.
    fn take_frames(&mut self, agent: &mut Agent, sink: &mut Sink) -> Result<DumpEnd, DumpError> {
        loop {
            let asked = Instant::now();
            let received = agent.receive()?;
            self.waits.client += asked.elapsed().as_secs_f64();
            match received.kind {
                Kind::Frame => {
                    let piece = FramePiece::decode(received.payload)
                        .map_err(|error| AgentError::Protocol(error.to_string()))?;
                    self.take_piece(piece, sink)?;
                }
                Kind::Message => self.take_note(crate::agent::parse(received.payload)?),
                Kind::Progress => self.take_progress(crate::agent::parse(received.payload)?),
                Kind::End => return Ok(crate::agent::parse(received.payload)?),
                Kind::Error => {
                    let trouble: wire::Trouble = crate::agent::parse(received.payload)?;
                    return Err(AgentError::Refused(crate::agent::told(&trouble)).into());
                }
                other => {
                    return Err(
                        AgentError::Protocol(format!("{other:?} in the middle of a dump")).into()
                    );
                }
            }
        }
    }

    fn take_piece(&mut self, piece: FramePiece<'_>, sink: &mut Sink) -> Result<(), DumpError> {
        if piece.kind == FrameKind::C {
            if self.contents.len() + piece.bytes.len() > LONGEST_CONTENTS {
                return Err(DumpError::Mismatch("its contents frame has no end".to_owned()));
            }
            self.contents.extend_from_slice(piece.bytes);
        }
        self.crc32c = crc32c::crc32c_append(self.crc32c, piece.bytes);
        self.length += piece.bytes.len() as u64;
        if let Sink::Holding(arriving) = sink {
            self.make_room(arriving, piece.bytes.len())?;
        }
        let given = Instant::now();
        let taken = match sink {
            Sink::Holding(arriving) => match arriving.write(piece.bytes) {
                Err(error) if error.is_full() => Err(self.disk_full(arriving, error)),
                other => Ok(other?),
            },
            Sink::Drive(feed) => feed.piece(piece, self.control).map_err(|ended| self.ended(ended)),
        };
        self.waits.sink += given.elapsed().as_secs_f64();
        taken
    }

    /// Waits until there is granted space for so many bytes more.
    fn make_room(&mut self, arriving: &mut Arriving, bytes: usize) -> Result<(), DumpError> {
        while arriving.room() < Bytes::of(bytes) {
            let used = arriving.used().iter().map(|(_, bytes)| *bytes).sum();
            self.voice.event(Event::NeedsRoom { dump: self.job.dump, used, full: None });
            let asked = Instant::now();
            let answer = self.control.recv();
            self.waits.room += asked.elapsed().as_secs_f64();
            match answer {
                Ok(Control::Room(room)) => grant(arriving, &room),
                Ok(Control::Abort) | Err(_) => return Err(DumpError::Aborted),
            }
        }
        Ok(())
    }

    /// A disk that is full before its grant is used up: the run has to know which one.
    fn disk_full(&mut self, arriving: &Arriving, error: HoldingError) -> DumpError {
        let used = arriving.used();
        let full = used.last().map(|(disk, _)| DiskNo(*disk));
        let sum = used.iter().map(|(_, bytes)| *bytes).sum();
        self.voice.event(Event::NeedsRoom { dump: self.job.dump, used: sum, full });
        // The torn piece can't be continued elsewhere: the dump begins again, where there is room.
        match self.control.recv() {
            Ok(Control::Abort) | Err(_) => DumpError::Aborted,
            Ok(Control::Room(_)) => error.into(),
        }
    }

    fn ended(&self, ended: Ended) -> DumpError {
        match (ended, self.control.try_recv()) {
            (Ended::ByOrder, _) | (Ended::ByDrive, Ok(Control::Abort)) => DumpError::Aborted,
            (Ended::ByDrive, _) => DumpError::DriveGone,
        }
    }

    fn take_note(&mut self, note: Note) {
        let path = note.path.map(|path| path.0).unwrap_or_default();
        if note.severity == Severity::Strange {
            let text = match path.as_slice() {
                [] => note.text.clone(),
                path => format!("{}: {}", crate::print::path(path), note.text),
            };
            let (dle, dump) = (self.job.dle.reference(), self.job.dump);
            self.voice.log(RunEvent::DumpStrange { dle, dump, text });
        }
        if self.messages.len() < MESSAGES_KEPT {
            let severity = match note.severity {
                Severity::Info => catalogue::Severity::Info,
                Severity::Strange => catalogue::Severity::Strange,
            };
            self.messages.push(catalogue::Message { severity, path, text: note.text });
        }
    }

    fn take_progress(&mut self, progress: Progress) {
        if self.last_progress.elapsed() >= PROGRESS_EVERY {
            self.last_progress = Instant::now();
            self.voice.log(RunEvent::DumpProgress {
                dump: self.job.dump,
                entries: progress.entries,
                raw: Bytes(progress.raw_bytes),
                stored: Bytes(progress.stored_bytes),
            });
        }
    }

    /// Whether what arrived is what was asked for, and all of it.
    fn compare(
        &self,
        contents: &contents::View<'_>,
        own: usize,
        end: &DumpEnd,
    ) -> Result<(), DumpError> {
        let identity = &contents.identity;
        let same = identity.dump == self.job.dump
            && identity.host == self.job.dle.host
            && identity.dle == self.job.dle.name
            && identity.level == self.job.level
            && identity.base == self.job.base;
        if !same {
            return Err(DumpError::Mismatch(format!("it says that it is dump {}", identity.dump)));
        }
        let listed = contents.frames.stored_len() + own as u64;
        if listed != self.length || end.total.stored_bytes != self.length {
            return Err(DumpError::Mismatch(format!(
                "{} bytes came, and it lists {listed}",
                self.length
            )));
        }
        Ok(())
    }

    /// The dump as far as it is known before its first frame.
    fn begun(&self) -> Dump {
        Dump {
            id: self.job.dump,
            dle: self.job.dle.reference(),
            run: self.job.run,
            level: self.job.level,
            base: self.job.base,
            status: DumpStatus::Partial,
            started: self.started,
            finished: self.started,
            took: Duration::ZERO,
            raw: Bytes::ZERO,
            stored: Bytes::ZERO,
            entries: 0,
            frames: 0,
            index_sha: None,
        }
    }

    fn record(&self, contents: &contents::View<'_>, end: &DumpEnd, index_sha: Digest) -> Dump {
        let status = match end.status {
            wire::Status::Good => DumpStatus::Good,
            wire::Status::Strange => DumpStatus::Strange,
        };
        Dump {
            status,
            finished: Now::read().stamp(),
            took: self.began.elapsed(),
            raw: Bytes(end.total.raw_bytes),
            stored: Bytes(self.length),
            entries: end.total.entries,
            frames: u32::try_from(contents.frames.len() + 1).unwrap_or(u32::MAX),
            index_sha: Some(index_sha),
            ..self.begun()
        }
    }

    /// Makes the image durable, says so in the catalogue, and only then has the client keep its snapshot.
    fn keep(
        &mut self,
        sink: Sink,
        dump: &Dump,
        end: &DumpEnd,
        agent: &mut Agent,
    ) -> Result<(), DumpError> {
        match sink {
            Sink::Holding(arriving) => {
                let on = arriving.used();
                let held = arriving.commit(About { raw: dump.raw, crc32c: self.crc32c })?;
                let recorded = self.job.catalogue.lock().record_held(
                    dump,
                    &self.messages,
                    held.path(),
                    held.bytes(),
                );
                recorded?;
                self.confirm(agent);
                self.done(dump, end);
                self.voice.say(Happened::Held(held));
                let on = on
                    .into_iter()
                    .map(|(disk, bytes)| Share { disk: DiskNo(disk), bytes })
                    .collect();
                self.voice.event(Event::Held {
                    dump: dump.id,
                    raw: dump.raw,
                    stored: dump.stored,
                    on,
                });
            }
            Sink::Drive(feed) => {
                let messages = std::mem::take(&mut self.messages);
                let whole = Whole { dump: dump.clone(), messages };
                feed.end(whole, self.control).map_err(|ended| self.ended(ended))?;
                self.confirm(agent);
                self.done(dump, end);
                self.voice.event(Event::ImagePlaced { drive: feed.drive().clone(), dump: dump.id });
            }
        }
        Ok(())
    }

    /// Has the client keep the snapshot. If it can't be told, the dump is none the worse: the next level will
    /// find no snapshot and become a full. On a dump without `record` nothing is built, so there the client forgets it.
    fn confirm(&self, agent: &mut Agent) {
        if !self.job.dle.dumping.record {
            let (host, dle) = (self.job.dle.host.clone(), self.job.dle.name.clone());
            let forgotten = agent.ask(&Request::Forget { host, dle, dump: self.job.dump });
            // What a client keeps beyond its time goes with its next dump that is kept.
            return drop(forgotten);
        }
        let confirmed = self.bases_wanted().map_err(|error| with_causes(&error)).and_then(|keep| {
            let (host, dle) = (self.job.dle.host.clone(), self.job.dle.name.clone());
            let request = Request::Confirm { host, dle, dump: self.job.dump, keep };
            agent.ask(&request).map_err(|error| with_causes(&error))
        });
        if let Err(why) = confirmed {
            let text = format!(
                "{}: the client could not be told to keep its snapshot ({why}); its next dump will be a full",
                self.job.dle.reference()
            );
            self.voice.log(RunEvent::Warning { text });
        }
    }

    /// The dumps of this DLE that later levels may build on.
    fn bases_wanted(&self) -> Result<Vec<DumpId>, catalogue::CatalogueError> {
        let history = self.job.catalogue.lock().history(&self.job.dle.reference())?;
        let facts = catalogue::DleFacts { history, ..catalogue::DleFacts::default() };
        let last = facts.last_of_each_level().into_values().map(|row| row.dump);
        Ok(last.chain([self.job.dump]).collect())
    }

    fn done(&self, dump: &Dump, end: &DumpEnd) {
        self.voice.log(RunEvent::DumpTimed { dump: dump.id, waits: self.waits });
        self.voice.log(RunEvent::DumpDone {
            dle: dump.dle.clone(),
            level: dump.level,
            dump: dump.id,
            strange: end.strange + self.complaints,
            entries: dump.entries,
            raw: dump.raw,
            stored: dump.stored,
            seconds: dump.took.as_secs_f64(),
        });
    }
}

/// Hands a reservation's shares to the image.
pub fn grant(arriving: &mut Arriving, room: &Reservation) {
    for share in room.shares() {
        arriving.grant(share.disk.0, share.bytes);
    }
}

/// The run's end of a dumper.
pub struct Handle {
    /// The drive that its frames go to, if they go straight to one.
    pub drive: Option<DriveId>,
    /// To tell it things.
    pub control: Sender<Control>,
    /// Ends its waiting for the agent.
    pub stop: Arc<AtomicBool>,
    /// The thread.
    pub thread: std::thread::JoinHandle<()>,
}
