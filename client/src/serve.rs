//! The agent's side of a conversation with the server.
//!
//! Both sides say hello; then the server asks, one thing after the other, until it closes the connection. What is asked
//! and answered is told in [`format::wire`]. An agent that can do nothing more says why in a last message.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use format::wire::{
    self, DleSpec, DumpRequest, ESTIMATE_PROGRESS, Estimate, EstimateBase, FramePiece, Hello, Kind,
    Note, PREFIX, Progress, Reply, Request, RestoreRecord, RestoreRequest, Severity, Trouble,
    WireError, WirePath,
};
use types::{DumpId, FileTime};

use crate::archive::{self, DumpError, Sink, Source};
use crate::estimate::{EstimateError, estimate};
use crate::extract::{ExtractError, Session};
use crate::script;
use crate::select::{BadPattern, Selection};
use crate::state::{State, StateError};
use crate::walk::Tree;

/// An exclude file with more bytes than this is taken for a mistake.
const EXCLUDE_FILE_LONGEST: u64 = 16 << 20;

/// Why the conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connection.
    #[error("the connection to the server is broken")]
    Connection(#[source] io::Error),
    /// What came over it.
    #[error("cannot understand the server")]
    Wire(#[from] WireError),
    /// The state directory.
    #[error("cannot use the agent's state")]
    State(#[from] StateError),
    /// The rules of a DLE.
    #[error("cannot understand what the DLE selects")]
    Selection(#[from] BadPattern),
    /// A dump.
    #[error("the dump failed")]
    Dump(#[source] DumpError),
    /// An estimate.
    #[error("the estimate failed")]
    Estimate(#[from] EstimateError),
    /// A restore.
    #[error("the restore failed")]
    Restore(#[from] ExtractError),
}

/// What the agent brings to a conversation.
pub struct Agent<'a> {
    /// What it remembers.
    pub state: State,
    /// Its name and version.
    pub program: &'a str,
    /// The operating system and architecture.
    pub system: &'a str,
    /// Where scripts are looked for.
    pub scripts: &'a [PathBuf],
    /// The time.
    pub clock: &'a (dyn Fn() -> FileTime + Sync),
}

/// Messages from the server.
struct Input<R> {
    from: R,
    payload: Vec<u8>,
}

/// Messages to the server.
struct Output<W> {
    to: W,
    buffer: Vec<u8>,
}

/// Talks with a server until it has no more to ask.
pub fn serve(agent: &Agent<'_>, from: impl Read, to: impl Write) -> Result<(), ServeError> {
    let mut input = Input { from, payload: Vec::new() };
    let mut output = Output { to, buffer: Vec::new() };
    let outcome = converse(agent, &mut input, &mut output);
    if let Err(error) = &outcome
        && !matches!(error, ServeError::Connection(_))
    {
        output.send(Kind::Error, &trouble(error))?;
    }
    outcome
}

fn converse<R: Read, W: Write>(
    agent: &Agent<'_>,
    input: &mut Input<R>,
    output: &mut Output<W>,
) -> Result<(), ServeError> {
    let ours = Hello::ours(agent.program);
    output.send(Kind::Hello, &ours)?;
    let Some(hello) = input.next()? else { return Ok(()) };
    let agreed = wire::negotiate(&ours, &hello.json(Kind::Hello)?)?;
    while let Some(message) = input.next()? {
        match message.json(Kind::Request)? {
            Request::Check { dle, bases } => {
                let mut notes = check(&dle);
                notes.extend(lost_snapshots(agent, &dle, &bases)?);
                output.send(Kind::Reply, &Reply::Checked { notes })?;
            }
            Request::Estimate { dle, bases } => {
                let estimates = estimates(agent, &dle, &bases, |entries| {
                    if agreed.has(ESTIMATE_PROGRESS) {
                        output
                            .tell(Kind::Progress, &Progress { entries, ..Progress::default() })?;
                    }
                    Ok(())
                })?;
                output.send(Kind::Reply, &Reply::Estimates { estimates })?;
            }
            Request::Dump(request) => dump(agent, &request, output)?,
            Request::Confirm { host, dle, dump, keep } => {
                agent.state.of(&host, &dle)?.confirm(dump, &keep)?;
                output.send(Kind::Reply, &Reply::Done)?;
            }
            Request::Forget { host, dle, dump } => {
                agent.state.of(&host, &dle)?.forget(dump)?;
                output.send(Kind::Reply, &Reply::Done)?;
            }
            Request::Restore(request) => restore(request, input, output)?,
            Request::Script(call) => {
                let reply = match script::run(&call, agent.scripts) {
                    Ok(end) => Reply::Script(end),
                    Err(error) => Reply::Refused(trouble(&error)),
                };
                output.send(Kind::Reply, &reply)?;
            }
        }
    }
    Ok(())
}

fn trouble(error: &dyn std::error::Error) -> Trouble {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    Trouble { text: error.to_string(), causes: causes.map(ToString::to_string).collect() }
}

fn root(dle: &DleSpec) -> &Path {
    Path::new(OsStr::from_bytes(&dle.path.0))
}

/// The rules of a DLE, and what there is to say about them.
fn selection(dle: &DleSpec) -> Result<(Selection, Vec<Note>), BadPattern> {
    let mut notes = Vec::new();
    let mut exclude = dle.exclude.clone();
    for file in &dle.exclude_files {
        let path = root(dle).join(OsStr::from_bytes(&file.0));
        match exclude_file(&path) {
            Ok(text) => {
                let (lines, broken) = lines(&text);
                exclude.extend(lines);
                if broken > 0 {
                    let text = format!(
                        "{broken} lines of the exclude file {file} are not UTF-8, and left out"
                    );
                    notes.push(note(Severity::Strange, None, text));
                }
            }
            Err(error) => {
                let text = format!("the exclude file {file} cannot be read: {error}");
                notes.push(note(Severity::Strange, None, text));
            }
        }
    }
    let include = dle.include.iter().map(String::as_str);
    let selection = Selection::new(include, exclude.iter().map(String::as_str))?
        .without_tagged(dle.exclude_if_present.iter().map(|name| name.as_bytes().to_vec()))
        .without_caches(dle.exclude_caches)
        .up_to(dle.max_file_size);
    Ok((selection, notes))
}

fn exclude_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut file = std::fs::File::open(path)?.take(EXCLUDE_FILE_LONGEST + 1);
    file.read_to_end(&mut text)?;
    if text.len() as u64 > EXCLUDE_FILE_LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 16 MiB"));
    }
    Ok(text)
}

/// The lines that are patterns, and how many cannot be.
fn lines(text: &[u8]) -> (Vec<String>, usize) {
    let all = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let (good, bad): (Vec<_>, Vec<_>) =
        all.map(std::str::from_utf8).partition(std::result::Result::is_ok);
    (good.into_iter().flatten().map(str::to_owned).collect(), bad.len())
}

fn note(severity: Severity, path: Option<WirePath>, text: impl Into<String>) -> Note {
    Note { severity, path, text: text.into() }
}

/// Could this DLE be dumped? What stands in the way is strange.
fn check(dle: &DleSpec) -> Vec<Note> {
    let mut notes = match selection(dle) {
        Ok((_, notes)) => notes,
        Err(error) => {
            let causes = trouble(&error).causes.join(": ");
            vec![note(Severity::Strange, None, format!("{error}: {causes}"))]
        }
    };
    if let Err(error) = std::fs::read_dir(root(dle)) {
        let text = format!("{} cannot be read: {error}", dle.path);
        notes.push(note(Severity::Strange, None, text));
    }
    if !rustix::process::geteuid().is_root() {
        let text = "the agent does not run as root: files that only others may read make the dump \
                    strange, unless the agent has CAP_DAC_READ_SEARCH";
        notes.push(note(Severity::Info, None, text));
    }
    notes
}

/// The snapshots that are gone. Nothing is wrong with a dump at level 0, so this is only good to know.
fn lost_snapshots(
    agent: &Agent<'_>,
    dle: &DleSpec,
    bases: &[DumpId],
) -> Result<Vec<Note>, ServeError> {
    let mut notes = Vec::new();
    if bases.is_empty() {
        return Ok(notes); // A DLE that was never dumped leaves no trace here by being checked.
    }
    let snapshots = agent.state.of(&dle.host, &dle.dle)?;
    for &base in bases {
        if snapshots.find(base)?.is_none() {
            let text = format!("the snapshot of dump {base} is gone: nothing can build on it");
            notes.push(note(Severity::Info, None, text));
        }
    }
    Ok(notes)
}

fn estimates(
    agent: &Agent<'_>,
    dle: &DleSpec,
    asked: &[EstimateBase],
    progress: impl FnMut(u64) -> io::Result<()>,
) -> Result<Vec<Estimate>, ServeError> {
    let snapshots = agent.state.of(&dle.host, &dle.dle)?;
    let (selection, _) = selection(dle)?;
    let tree =
        Tree { root: root(dle), selection: &selection, one_file_system: dle.one_file_system };
    let mut bases = Vec::new();
    let mut known = Vec::new();
    for dump in asked {
        match dump.base {
            None => bases.push(None),
            Some(id) => match snapshots.records(id)? {
                Some(records) => bases.push(Some(records)),
                None => {
                    known.push(false);
                    continue;
                }
            },
        }
        known.push(true);
    }
    let mut sizes = estimate(tree, bases, agent.clock, progress)?.into_iter();
    let answer = asked.iter().zip(known).map(|(dump, known)| {
        let size = if known { sizes.next() } else { None };
        let size = size.map(|size| (size.entries, size.bytes));
        Estimate { level: dump.level, base: dump.base, size }
    });
    Ok(answer.collect())
}

fn dump<W: Write>(
    agent: &Agent<'_>,
    request: &DumpRequest,
    output: &mut Output<W>,
) -> Result<(), ServeError> {
    let dle = &request.dle;
    let snapshots = agent.state.of(&dle.host, &dle.dle)?;
    let (selection, notes) = match selection(dle) {
        Ok(selection) => selection,
        Err(error) => return output.send(Kind::Reply, &Reply::Refused(trouble(&error))),
    };
    if let Err(error) = std::fs::read_dir(root(dle)) {
        let text = format!("{} cannot be dumped: it is not a directory that can be read", dle.path);
        let refused = Trouble { text, causes: vec![error.to_string()] };
        return output.send(Kind::Reply, &Reply::Refused(refused));
    }
    let base = match request.base {
        None => None,
        Some(base) => match snapshots.records(base)? {
            Some(records) => Some(records),
            None => return output.send(Kind::Reply, &Reply::NoBase { base }),
        },
    };
    let mut snapshot = snapshots.begin(request.dump)?;
    output.send(Kind::Reply, &Reply::Ready)?;
    let source = Source {
        selection: &selection,
        base,
        snapshot: &mut snapshot,
        spool: agent.state.directory(),
        program: agent.program,
        system: agent.system,
        clock: agent.clock,
        notes,
    };
    let end = archive::dump(request, source, output).map_err(|error| match error {
        DumpError::Sink(error) => ServeError::Connection(error),
        error => ServeError::Dump(error),
    })?;
    snapshot.finish()?;
    output.send(Kind::End, &end)
}

fn restore<R: Read, W: Write>(
    request: RestoreRequest,
    input: &mut Input<R>,
    output: &mut Output<W>,
) -> Result<(), ServeError> {
    let mut session = match Session::new(request) {
        Ok(session) => session,
        Err(error) => return output.send(Kind::Reply, &Reply::Refused(trouble(&error))),
    };
    output.send(Kind::Reply, &Reply::Ready)?;
    let mut frames = 0u32;
    loop {
        let Some(message) = input.next()? else {
            return Err(ServeError::Connection(io::ErrorKind::UnexpectedEof.into()));
        };
        match message.kind {
            Kind::Record => session.record(message.json::<RestoreRecord>(Kind::Record)?)?,
            Kind::Frame => {
                let piece = FramePiece::decode(message.payload)?;
                session.piece(&piece)?;
                frames += u32::from(piece.flags.last);
                if piece.flags.last && frames.is_multiple_of(16) {
                    output.send(Kind::Progress, &session.progress())?;
                }
            }
            Kind::End => break,
            got => return Err(WireError::Unexpected { wanted: Kind::Record, got }.into()),
        }
        for note in session.take_notes() {
            output.send(Kind::Message, &note)?;
        }
        if session.is_over() {
            break;
        }
    }
    let over = session.is_over();
    let end = session.finish();
    for note in session.take_notes() {
        output.send(Kind::Message, &note)?;
    }
    output.send(Kind::End, &end)?;
    if over { pass_over(input) } else { Ok(()) }
}

/// Takes what the server had sent before it knew that the restore is over.
fn pass_over<R: Read>(input: &mut Input<R>) -> Result<(), ServeError> {
    while let Some(message) = input.next()? {
        if message.kind == Kind::End {
            break;
        }
    }
    Ok(())
}

impl<R: Read> Input<R> {
    /// The next message; none if the server has closed the connection between two.
    fn next(&mut self) -> Result<Option<wire::Message<'_>>, ServeError> {
        let mut prefix = [0; PREFIX];
        let mut have = 0;
        while have < PREFIX {
            match self.from.read(&mut prefix[have..]) {
                Ok(0) if have == 0 => return Ok(None),
                Ok(0) => return Err(ServeError::Connection(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ServeError::Connection(error)),
            }
        }
        let (kind, len) = wire::read_prefix(prefix)?;
        if self.payload.len() < len {
            self.payload.resize(len, 0);
        }
        let payload = &mut self.payload[..len];
        self.from.read_exact(payload).map_err(ServeError::Connection)?;
        Ok(Some(wire::Message { kind, payload }))
    }
}

impl<W: Write> Output<W> {
    fn send<T: serde::Serialize>(&mut self, kind: Kind, value: &T) -> Result<(), ServeError> {
        self.buffer.clear();
        wire::encode_json(kind, value, &mut self.buffer)?;
        self.to.write_all(&self.buffer).map_err(ServeError::Connection)?;
        self.to.flush().map_err(ServeError::Connection)
    }

    fn tell<T: serde::Serialize>(&mut self, kind: Kind, value: &T) -> io::Result<()> {
        self.send(kind, value).map_err(|error| match error {
            ServeError::Connection(error) => error,
            error => io::Error::other(error),
        })
    }
}

impl<W: Write> Sink for Output<W> {
    fn piece(&mut self, piece: FramePiece<'_>) -> io::Result<()> {
        let head = piece.head();
        let prefix =
            wire::prefix(Kind::Frame, head.len() + piece.bytes.len()).map_err(io::Error::other)?;
        let heads = [&prefix[..], &head].concat();
        let both = [io::IoSlice::new(&heads), io::IoSlice::new(piece.bytes)];
        // A pipe takes both at once, and rarely not all of them.
        let written = match self.to.write_vectored(&both) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            written => written?,
        };
        if let Some(rest) = heads.get(written..) {
            self.to.write_all(rest)?;
        }
        self.to.write_all(&piece.bytes[written.saturating_sub(heads.len())..])
    }

    fn note(&mut self, note: Note) -> io::Result<()> {
        self.tell(Kind::Message, &note)
    }

    fn progress(&mut self, progress: Progress) -> io::Result<()> {
        self.tell(Kind::Progress, &progress)
    }
}
