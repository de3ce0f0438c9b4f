//! The other end of the wire: an agent, started and spoken to.
//!
//! A local agent is a child process whose standard input and output are the connection; its standard error is
//! kept, so that what an agent says while dying is in the report. One connection carries one request.
//!
//! Whoever waits for an agent is not at its mercy: waiting ends when nothing came for as long as the
//! configuration allows, or when the run wants the dump to stop. An agent is the head of a process group: it is ended
//! with all that it has started, and a Ctrl-C at the terminal is the run's to hear, not the agent's.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use format::script::{ScriptCall, ScriptEnd};
use format::wire::{self, Kind};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many of the agent's last lines on standard error are kept.
const LAST_WORDS: usize = 20;

/// How an agent is started.
#[derive(Clone, Debug)]
pub struct AgentCommand {
    /// The program.
    pub program: PathBuf,
    /// Where it keeps its snapshots.
    pub state: PathBuf,
}

/// How long an agent is waited for.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long it may send nothing.
    pub silence: Duration,
    /// Set by whoever wants the conversation to end.
    pub stop: Arc<AtomicBool>,
}

impl Patience {
    /// So long, and nobody ends it.
    pub fn of(silence: Duration) -> Self {
        Self { silence, stop: Arc::default() }
    }
}

/// How often waiting looks whether it should stop.
const TICK: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A running agent and the connection to it.
#[derive(Debug)]
pub struct Agent {
    patience: Patience,
    agreed: wire::Agreed,
    child: Child,
    /// Whether the process is known to be no more.
    ended: bool,
    to: Option<Writer>,
    from: ChildStdout,
    buffer: Vec<u8>,
    start: usize,
    last_words: Arc<Mutex<VecDeque<String>>>,
    listener: Option<JoinHandle<()>>,
}

/// The half of a connection that sends.
#[derive(Debug)]
pub struct Writer(ChildStdin);

impl Writer {
    /// Sends a message whose payload is JSON.
    pub fn send(&mut self, kind: Kind, payload: &impl Serialize) -> Result<(), AgentError> {
        let mut message = Vec::new();
        wire::encode_json(kind, payload, &mut message)
            .map_err(|error| AgentError::Protocol(error.to_string()))?;
        self.send_encoded(&message)
    }

    /// Sends a message that is encoded already.
    pub fn send_encoded(&mut self, message: &[u8]) -> Result<(), AgentError> {
        self.0
            .write_all(message)
            .map_err(|source| AgentError::Broken { last_words: String::new(), source })
    }
}

/// A message from the agent, its payload still in the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: &'a [u8],
}

/// What can go wrong with an agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It could not be started.
    #[error("could not start the agent {program}: is it installed beside reelkeep?")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the agent broke{}", said(.last_words))]
    Broken {
        /// What the agent wrote on standard error before.
        last_words: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The agent went away in the middle.
    #[error("the agent ended before it had answered{}", said(.last_words))]
    Gone {
        /// What the agent wrote on standard error before.
        last_words: String,
    },
    /// It sent nothing for too long.
    #[error("the agent sent nothing for {} seconds, and was ended", .0.as_secs())]
    Silent(Duration),
    /// The run wanted it to stop.
    #[error("the agent was told to stop")]
    Stopped,
    /// It does not know what a script is.
    #[error("the agent is too old to run scripts: install the version that the server has")]
    TooOld,
    /// It said something that is not in the protocol.
    #[error("the agent sent what the protocol does not allow here: {0}")]
    Protocol(String),
    /// It said that it cannot do it.
    #[error("the agent says: {0}")]
    Refused(String),
}

fn said(last_words: &str) -> String {
    if last_words.is_empty() { String::new() } else { format!("; its last words: {last_words}") }
}

impl Agent {
    /// Starts an agent and greets it.
    pub fn start(command: &AgentCommand, patience: Patience) -> Result<Self, AgentError> {
        let start = |source| AgentError::Start { program: command.program.clone(), source };
        let mut child = Command::new(&command.program)
            .arg("serve")
            .arg("--state")
            .arg(&command.state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let to = child.stdin.take().map(Writer);
        let (Some(from), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(start(io::Error::other("its pipes are missing")));
        };
        // Fewer, larger hops: the default of 64 KiB costs a context switch for each.
        if let Err(error) = rustix::pipe::fcntl_setpipe_size(&from, 1 << 20) {
            tracing::debug!("the agent's pipe stays small: {error}");
        }
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let listener = Some(listen(errors, Arc::clone(&last_words)));
        let mut agent = Self {
            patience,
            agreed: wire::Agreed { version: wire::VERSION, features: BTreeSet::new() },
            child,
            ended: false,
            to,
            from,
            buffer: Vec::new(),
            start: 0,
            last_words,
            listener,
        };
        agent.agreed = agent.greet()?;
        Ok(agent)
    }

    fn greet(&mut self) -> Result<wire::Agreed, AgentError> {
        let ours = wire::Hello::ours(concat!("reelkeep ", env!("CARGO_PKG_VERSION")));
        self.send(Kind::Hello, &ours)?;
        let theirs: wire::Hello = self.expect(Kind::Hello)?;
        wire::negotiate(&ours, &theirs).map_err(|error| AgentError::Protocol(error.to_string()))
    }

    /// Sends a message whose payload is JSON.
    pub fn send(&mut self, kind: Kind, payload: &impl Serialize) -> Result<(), AgentError> {
        let sent = match &mut self.to {
            Some(to) => return to.send(kind, payload),
            None => io::Error::from(io::ErrorKind::BrokenPipe),
        };
        Err(self.broken(sent))
    }

    /// The half that sends, for a thread of its own: whoever sends much must also listen, or both sides wait
    /// for each other for ever.
    pub fn writer(&mut self) -> Result<Writer, AgentError> {
        self.to.take().ok_or_else(|| AgentError::Protocol("the sending half is in use".to_owned()))
    }

    /// The next message, of whatever kind.
    pub fn receive(&mut self) -> Result<Received<'_>, AgentError> {
        loop {
            let found = wire::split(&self.buffer[self.start..])
                .map_err(|error| AgentError::Protocol(error.to_string()))?
                .map(|(message, rest)| (message.kind, message.payload.len(), rest.len()));
            if let Some((kind, length, rest)) = found {
                let end = self.buffer.len() - rest;
                self.start = end;
                return Ok(Received { kind, payload: &self.buffer[end - length..end] });
            }
            self.fill()?;
        }
    }

    /// Reads more into the buffer.
    fn fill(&mut self) -> Result<(), AgentError> {
        const STEP: usize = 1 << 20;
        wait(&self.patience, self.from.as_fd()).map_err(|ended| self.not_waited(ended))?;
        self.buffer.drain(..self.start);
        self.start = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + STEP, 0);
        let read = loop {
            match self.from.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(old + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(AgentError::Gone { last_words: self.last_words() }),
            Ok(_) => Ok(()),
            Err(source) => Err(self.broken(source)),
        }
    }

    fn not_waited(&mut self, ended: NotWaited) -> AgentError {
        match ended {
            NotWaited::Stopped => AgentError::Stopped,
            NotWaited::Silent => AgentError::Silent(self.patience.silence),
            NotWaited::Failed(source) => self.broken(source),
        }
    }

    /// The next message, which has to be of this kind (or the agent's refusal).
    pub fn expect<T: DeserializeOwned>(&mut self, kind: Kind) -> Result<T, AgentError> {
        expected(self.receive()?, kind)
    }

    /// Sends a request and reads its reply. A refusal is an error. Whoever says how far it has come is waited for on.
    pub fn ask(&mut self, request: &wire::Request) -> Result<wire::Reply, AgentError> {
        self.send(Kind::Request, request)?;
        let reply = loop {
            let received = self.receive()?;
            if received.kind != Kind::Progress {
                break expected(received, Kind::Reply)?;
            }
        };
        match reply {
            wire::Reply::Refused(trouble) => Err(AgentError::Refused(told(&trouble))),
            reply => Ok(reply),
        }
    }

    /// Has the agent run a script, and waits for its end.
    pub fn script(&mut self, call: &ScriptCall) -> Result<ScriptEnd, AgentError> {
        if !self.agreed.has(wire::SCRIPTS) {
            return Err(AgentError::TooOld);
        }
        match self.ask(&wire::Request::Script(call.clone()))? {
            wire::Reply::Script(end) => Ok(end),
            other => Err(AgentError::Protocol(format!("{other:?} in answer to a script"))),
        }
    }

    /// Says that nothing more will be sent, and waits until the agent has ended.
    pub fn finish(mut self) -> Result<(), AgentError> {
        self.to = None;
        let process = self.group().and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        let process = process.map_err(|source| self.broken(source))?;
        wait(&self.patience, process.as_fd()).map_err(|ended| self.not_waited(ended))?;
        let status = self.child.wait().map_err(|source| self.broken(source))?;
        self.ended = true;
        if status.success() {
            Ok(())
        } else {
            Err(AgentError::Gone { last_words: self.last_words() })
        }
    }

    /// The process, for a message or a signal.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process group that it is the head of.
    fn group(&self) -> io::Result<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.ok_or_else(|| io::Error::other("it has no process id"))
    }

    /// Ends it and all that it has started, unless it was seen to have ended.
    fn end(&mut self) {
        self.to = None;
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let group = self.group();
        let killed = group.and_then(|group| Ok(kill_process_group(group, Signal::KILL)?));
        if let Err(error) = killed.and_then(|()| self.child.wait()) {
            tracing::debug!("the agent could not be ended: {error}");
        }
    }

    fn broken(&mut self, source: io::Error) -> AgentError {
        AgentError::Broken { last_words: self.last_words(), source }
    }

    /// What the agent wrote last on standard error, once it has ended.
    fn last_words(&mut self) -> String {
        self.end();
        if let Some(listener) = self.listener.take()
            && listener.join().is_err()
        {
            tracing::debug!("the listener to the agent's standard error failed");
        }
        let lines = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join(" / ")
    }
}

impl Drop for Agent {
    /// An agent that nobody listens to is ended, not left.
    fn drop(&mut self) {
        self.end();
    }
}

/// Why waiting ended before there was something.
enum NotWaited {
    Stopped,
    Silent,
    Failed(io::Error),
}

/// Waits until there is something to read, or a process has ended.
fn wait(patience: &Patience, from: BorrowedFd<'_>) -> Result<(), NotWaited> {
    let began = Instant::now();
    loop {
        match poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&TICK)) {
            Ok(1..) => return Ok(()),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(NotWaited::Failed(error.into())),
        }
        if patience.stop.load(Ordering::Relaxed) {
            return Err(NotWaited::Stopped);
        }
        if began.elapsed() >= patience.silence {
            return Err(NotWaited::Silent);
        }
    }
}

/// What an agent says of its trouble, in one line.
pub fn told(trouble: &wire::Trouble) -> String {
    std::iter::once(&trouble.text)
        .chain(&trouble.causes)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(": ")
}

/// What a message of this kind says.
fn expected<T: DeserializeOwned>(received: Received<'_>, kind: Kind) -> Result<T, AgentError> {
    match received.kind {
        Kind::Error => Err(AgentError::Refused(told(&parse(received.payload)?))),
        got if got == kind => parse(received.payload),
        got => Err(AgentError::Protocol(format!("{got:?} where {kind:?} was expected"))),
    }
}

/// Parses a JSON payload.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, AgentError> {
    serde_json::from_slice(payload).map_err(|error| AgentError::Protocol(error.to_string()))
}

/// Keeps the last lines that the agent writes on standard error.
fn listen(
    errors: impl Read + Send + 'static,
    last_words: Arc<Mutex<VecDeque<String>>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(errors);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut reader).take(4096).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            tracing::debug!(target: "agent", "{text}");
            let mut lines = last_words.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LAST_WORDS {
                lines.pop_front();
            }
            lines.push_back(text);
            line.clear();
        }
    })
}

/// The agent that was installed beside this program.
pub fn beside(program: &Path) -> PathBuf {
    program.with_file_name("reelkeep-agent")
}
