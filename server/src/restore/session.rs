//! A restore: frames to the agent, which puts their entries where they belong.
//!
//! The final state is never held in memory. For each dump of the chain in turn, the merged indexes are walked,
//! and what this dump has of the final state is sent: a record that names the entries wanted of a frame, then
//! the frame. Frames go out volume by volume, in the order in which the drive reads them soonest, and only those
//! that are needed. A frame that can't be read costs its own entries, which are reported; the rest goes on. An agent whose
//! target is full ends before it has had all, and no further frame is read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use format::frame::{Frame, FrameKind, FrameTable, digest};
use format::index::{IndexError, Record};
use format::wire::{
    FramePiece, Kind, Note, Progress, Reply, Request, RestoreEnd, RestoreRecord, RestoreRequest,
    Wanted, WirePath,
};
use types::{Bytes, DumpId};

use super::image::{Image, ImageError};
use super::view::ViewError;
use super::waiting::{Unit, Waiting};
use super::wish::{Orphans, Wish, frames_of};
use crate::agent::{self, Agent, AgentError, Writer};

/// How many entries one record names; longer lists are sent in several.
const ENTRIES_A_RECORD: usize = 1000;
/// How many bytes of paths one record names.
const PATHS_A_RECORD: usize = 256 << 10;

/// Why a restore could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// An index.
    #[error("an index could not be read to its end")]
    Index(#[from] IndexError),
    /// A day.
    #[error(transparent)]
    View(#[from] ViewError),
    /// No copy of an image could be opened.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// What a restore came to.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// What the agent did.
    pub end: RestoreEnd,
    /// Entries that were lost with frames that could not be read.
    pub lost: u64,
    /// Frames that are damaged everywhere.
    pub bad_frames: u64,
    /// Frames of which no place could be had: a volume was not found, or is off-site.
    pub absent_frames: u64,
    /// What was in the way of having them, each once.
    pub absent: BTreeSet<String>,
    /// Bytes read from holding or volumes.
    pub read: Bytes,
    /// Frames read.
    pub frames: u64,
    /// What could not be read in one place and was read from another, in words.
    pub detours: Vec<String>,
}

/// Restores what is wished for into the agent's target. `images` opens the image of a dump of the chain, and
/// `tell` hears what the agent has to say.
pub fn run(
    mut agent: Agent,
    request: RestoreRequest,
    wish: &Wish<'_>,
    open: &mut (dyn FnMut(usize) -> Result<Image, ImageError> + Send),
    tell: &mut dyn FnMut(Told),
) -> Result<Restored, RestoreError> {
    match agent.ask(&Request::Restore(request))? {
        Reply::Ready => {}
        other => {
            return Err(AgentError::Protocol(format!("{other:?} in answer to a restore")).into());
        }
    }
    let writer = agent.writer()?;
    // The agent may end before it has had all: its target is full. Then nothing more is read.
    let over = AtomicBool::new(false);
    let (sent, end) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send_all(writer, wish, open, &over));
        let end = listen(&mut agent, tell);
        over.store(true, Ordering::Relaxed);
        let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (sent, end)
    });
    // The agent's own words on why it went away say more than a broken pipe does.
    match (sent, end) {
        (Ok(sent), Ok(end)) => {
            agent.finish()?;
            Ok(Restored { end, ..sent })
        }
        (Err(RestoreError::Agent(_)), Err(error)) | (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), _) => Err(error),
    }
}

/// What the agent says while it restores.
#[derive(Debug)]
pub enum Told {
    /// Something about an entry.
    Note(Note),
    /// How far it is.
    Progress(Progress),
}

fn listen(agent: &mut Agent, tell: &mut dyn FnMut(Told)) -> Result<RestoreEnd, AgentError> {
    loop {
        let received = agent.receive()?;
        match received.kind {
            Kind::Message => tell(Told::Note(agent::parse(received.payload)?)),
            Kind::Progress => tell(Told::Progress(agent::parse(received.payload)?)),
            Kind::End => return agent::parse(received.payload),
            Kind::Error => {
                return Err(AgentError::Refused(agent::told(&agent::parse(received.payload)?)));
            }
            other => {
                return Err(AgentError::Protocol(format!("{other:?} in the middle of a restore")));
            }
        }
    }
}

fn send_all(
    mut writer: Writer,
    wish: &Wish<'_>,
    open: &mut (dyn FnMut(usize) -> Result<Image, ImageError> + Send),
    over: &AtomicBool,
) -> Result<Restored, RestoreError> {
    let mut restored = Restored::default();
    let orphans = Orphans::of(wish)?;
    for at in 0..wish.view.chain.len() {
        let mut sender = Sender {
            writer: &mut writer,
            dump: wish.view.dump(at).id,
            table: wish.view.frames(at)?,
            image: None,
            open: &mut || open(at),
            bytes: Vec::new(),
            message: Vec::new(),
            restored: &mut restored,
            over,
        };
        let mut waiting = Waiting::default();
        wish.each::<RestoreError>(|whose, record| match orphans.adopted(record) {
            Some(wanted) if whose == at => sender.take(wanted, &mut waiting),
            _ => Ok(()),
        })?;
        orphans.contents_in(at).try_for_each(|wanted| sender.take(wanted, &mut waiting))?;
        sender.send_all(waiting.take())?;
        let detours = sender.image.as_ref().map(Image::detours).unwrap_or_default();
        let dump = sender.dump;
        restored.detours.extend(detours.into_iter().map(|text| format!("dump {dump}: {text}")));
    }
    writer.send(Kind::End, &serde_json::json!({}))?;
    Ok(restored)
}

struct Sender<'a> {
    writer: &'a mut Writer,
    dump: DumpId,
    table: FrameTable,
    /// Opened when the first frame is needed: a dump of which nothing is wanted needs no volume.
    image: Option<Image>,
    open: &'a mut dyn FnMut() -> Result<Image, ImageError>,
    bytes: Vec<u8>,
    message: Vec<u8>,
    restored: &'a mut Restored,
    /// Whether the agent wants no more.
    over: &'a AtomicBool,
}

impl Sender<'_> {
    fn take(
        &mut self,
        (record, wanted): (Record, Wanted),
        waiting: &mut Waiting,
    ) -> Result<(), RestoreError> {
        match waiting.add(frames_of(&record, &self.table), wanted) {
            Some(units) => self.send_all(units),
            None => Ok(()),
        }
    }

    /// Sends units, in the order in which they are read soonest.
    fn send_all(&mut self, units: Vec<Unit>) -> Result<(), RestoreError> {
        let stretches: Vec<_> = units.iter().map(|unit| unit.stretch(&self.table)).collect();
        let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
        let mut left = (0..units.len()).collect();
        loop {
            if Vec::is_empty(&left) || self.is_over() {
                return Ok(());
            }
            let next = self.image()?.next_to_read(&stretches, &mut left);
            for unit in next.into_iter().filter_map(|index| units.get_mut(index)?.take()) {
                if self.is_over() {
                    return Ok(());
                }
                self.send_unit(unit)?;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sends what is wanted of a frame, and all frames of an entry that goes on over several.
    fn send_unit(&mut self, Unit { frames, entries }: Unit) -> Result<(), RestoreError> {
        let path = entries.last().map(|wanted| wanted.path.clone()).unwrap_or_default();
        let mut whole = self.send_frame(frames.start, entries, false)?;
        for number in frames.skip(1) {
            if !whole || self.is_over() {
                break;
            }
            whole = self.send_continuation(number, &path)?;
        }
        Ok(())
    }

    fn send_continuation(&mut self, number: u32, path: &WirePath) -> Result<bool, RestoreError> {
        match self.read(number)? {
            Ok(frame) => {
                let record = self.record(number, &frame, Vec::new(), true);
                self.writer.send(Kind::Record, &record)?;
                self.send_bytes(frame.kind)?;
                Ok(true)
            }
            Err(unread) => {
                self.report_lost(number, vec![path.clone()], true, unread)?;
                Ok(false)
            }
        }
    }

    /// Sends a frame with the entries wanted of it; or says that they are lost.
    fn send_frame(
        &mut self,
        number: u32,
        mut entries: Vec<Wanted>,
        continues: bool,
    ) -> Result<bool, RestoreError> {
        let frame = match self.read(number)? {
            Ok(frame) => frame,
            Err(unread) => {
                self.report_lost(number, names(entries), continues, unread)?;
                return Ok(false);
            }
        };
        while !entries.is_empty() {
            let rest = entries.split_off(fitting(&entries));
            let mut record = self.record(number, &frame, entries, continues);
            record.more = !rest.is_empty();
            self.writer.send(Kind::Record, &record)?;
            entries = rest;
        }
        self.send_bytes(frame.kind)?;
        Ok(true)
    }

    fn record(
        &self,
        number: u32,
        frame: &Frame,
        entries: Vec<Wanted>,
        continues: bool,
    ) -> RestoreRecord {
        RestoreRecord {
            dump: self.dump,
            frame: number,
            kind: frame.kind,
            stored: frame.stored,
            raw: frame.raw,
            sha256: frame.sha256,
            continues,
            entries,
            lost: Vec::new(),
            because: None,
            more: false,
        }
    }

    fn report_lost(
        &mut self,
        number: u32,
        mut lost: Vec<WirePath>,
        continues: bool,
        unread: Unread,
    ) -> Result<(), RestoreError> {
        let because = match unread {
            Unread::Damaged => {
                self.restored.bad_frames += 1;
                None
            }
            Unread::Absent(why) => {
                self.restored.absent_frames += 1;
                self.restored.absent.insert(why.clone());
                Some(why)
            }
        };
        self.restored.lost += lost.len() as u64;
        let nothing =
            Frame { kind: FrameKind::S, offset: 0, stored: 0, raw: 0, sha256: digest(b"") };
        let frame = self.table.get(number).copied().unwrap_or(nothing);
        while !lost.is_empty() {
            let rest = lost.split_off(lost.len().min(ENTRIES_A_RECORD / 4));
            let because = because.clone();
            let record = self.record(number, &frame, Vec::new(), continues);
            let record = RestoreRecord { lost, because, ..record };
            self.writer.send(Kind::Record, &record)?;
            lost = rest;
        }
        Ok(())
    }

    fn image(&mut self) -> Result<&mut Image, RestoreError> {
        match &mut self.image {
            Some(image) => Ok(image),
            none => Ok(none.insert((self.open)()?)),
        }
    }

    /// Reads a frame and checks it.
    fn read(&mut self, number: u32) -> Result<Result<Frame, Unread>, RestoreError> {
        let Some(frame) = self.table.get(number).copied() else {
            return Ok(Err(Unread::Damaged));
        };
        self.restored.frames += 1;
        self.restored.read += Bytes(frame.stored.into());
        let mut bytes = std::mem::take(&mut self.bytes);
        let read = self.image()?.read(&frame, &mut bytes);
        self.bytes = bytes;
        match read {
            Ok(()) => Ok(Ok(frame)),
            Err(error) => {
                let why = crate::night::estimate::with_causes(&error);
                tracing::warn!("frame {number} of dump {} could not be read: {why}", self.dump);
                Ok(Err(if error.is_damage() { Unread::Damaged } else { Unread::Absent(why) }))
            }
        }
    }

    fn send_bytes(&mut self, kind: FrameKind) -> Result<(), RestoreError> {
        for piece in FramePiece::cut(kind, &self.bytes) {
            self.message.clear();
            piece
                .encode_into(&mut self.message)
                .map_err(|error| AgentError::Protocol(error.to_string()))?;
            self.writer.send_encoded(&self.message)?;
        }
        Ok(())
    }
}

/// Why a frame could not be read.
enum Unread {
    /// It is bad wherever it is.
    Damaged,
    /// A place that has it could not be had.
    Absent(String),
}

/// How many of these one record names.
fn fitting(entries: &[Wanted]) -> usize {
    let mut paths = 0;
    let fits = |wanted: &&Wanted| {
        paths += wanted.path.0.len();
        paths <= PATHS_A_RECORD
    };
    entries.iter().take(ENTRIES_A_RECORD).take_while(fits).count().max(1)
}

/// The names that entries were to get: nobody knows contents that a link adopts by the name in the image.
fn names(entries: Vec<Wanted>) -> Vec<WirePath> {
    entries.into_iter().map(|wanted| wanted.to.unwrap_or(wanted.path)).collect()
}

#[cfg(test)]
mod tests {
    use format::index::RecordKind;

    use super::*;

    #[test]
    fn lost_entries_have_the_names_that_they_were_to_get() {
        let wanted = |path: &str| Wanted::of(Record::new(path, RecordKind::File));
        let adopted = Wanted { to: Some(WirePath(b"second".to_vec())), ..wanted("first") };
        let lost = names(vec![wanted("plain"), adopted]);
        assert_eq!(lost, [WirePath(b"plain".to_vec()), WirePath(b"second".to_vec())]);
    }
}
