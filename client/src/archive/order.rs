//! Puts what the workers made in the order of the walk, and tells whoever wants to know.
//!
//! Results come as the workers finish; they are waited for in the order in which the walk asked for them. Here each
//! frame gets its number, the index its records, the snapshot what the next dump will need, and at the end
//! the image its contents frame.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use format::contents::{self, Identity};
use format::frame::{FrameKind, FrameTable};
use format::index::{self, Record, RecordKind, WriteError};
use format::snapshot::{self, SnapRecord};
use format::wire::{DumpEnd, FrameFlags, FramePiece, Note, PIECE, Progress, Severity, Status};

use super::content::{Large, Met};
use super::job::{MadeFrame, Part, Row, strange};
use super::plan::{ITEMS_MOST, Order};
use super::spool::Spool;
use super::work::{changed, cut_short, unreadable_stretch};
use super::{DumpError, Sink};
use crate::since::forgotten;
use crate::stat::Stat;

/// Strange notes that are sent; the others are counted.
const NOTES_MOST: u64 = 10_000;

/// Frames between two words of progress.
const PROGRESS_EVERY: u32 = 16;

pub(super) struct Sequencer<'a, S: Sink> {
    sink: &'a mut S,
    frames: FrameTable,
    index: index::Writer,
    spool: Spool,
    snapshot: snapshot::Writer,
    snapshot_to: &'a mut dyn Write,
    progress: Progress,
    gone: u64,
    strange: u64,
    infos: u64,
    count: u32,
    /// The large entry whose blocks are coming.
    large: Option<(Vec<Row>, u32, Met)>,
    /// Names that others are links to, and that are not in the archive.
    missing: HashSet<Vec<u8>>,
}

impl<'a, S: Sink> Sequencer<'a, S> {
    pub(super) fn new(
        sink: &'a mut S,
        spool: Spool,
        snapshot_to: &'a mut dyn Write,
    ) -> Result<Self, DumpError> {
        Ok(Self {
            sink,
            frames: FrameTable::new(),
            index: index::Writer::new().map_err(index_error)?,
            spool,
            snapshot: snapshot::Writer::new().map_err(index_error)?,
            snapshot_to,
            progress: Progress::default(),
            gone: 0,
            strange: 0,
            infos: 0,
            count: 0,
            large: None,
            missing: HashSet::new(),
        })
    }

    /// Takes results until there are no more. Buffers go back to the workers.
    pub(super) fn run(
        &mut self,
        order: Order,
        used: &crossbeam_channel::Sender<Vec<u8>>,
    ) -> Result<(), DumpError> {
        for result in order {
            // A worker that is gone without an answer has panicked; the scope will say so.
            let made = result.recv().map_err(|_| DumpError::Worker)??;
            let first = self.count;
            if made.rows.len() >= ITEMS_MOST {
                // Where next to nothing has changed there may be nothing else to send, and the server takes silence ill.
                self.sink.progress(self.progress).map_err(DumpError::Sink)?;
            }
            for frame in made.frames {
                let stored = self.frame(frame)?;
                drop(used.try_send(stored));
            }
            match made.part {
                Part::Whole => self.rows(made.rows, first)?,
                Part::Head => self.large = Some((made.rows, first, Met::default())),
                Part::Block { met, last } => self.block(met, last.as_deref())?,
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: MadeFrame) -> Result<Vec<u8>, DumpError> {
        let MadeFrame { kind, stored, raw, sha256 } = frame;
        for piece in FramePiece::cut(kind, &stored) {
            self.sink.piece(piece).map_err(DumpError::Sink)?;
        }
        self.frames.push(kind, u32::try_from(stored.len()).unwrap_or(u32::MAX), raw, sha256);
        self.count += 1;
        self.progress.raw_bytes += u64::from(raw);
        self.progress.stored_bytes += stored.len() as u64;
        if self.count.is_multiple_of(PROGRESS_EVERY) {
            self.sink.progress(self.progress).map_err(DumpError::Sink)?;
        }
        Ok(stored)
    }

    /// A block of a large entry: with the last one, the entry is told of.
    fn block(&mut self, met: Met, last: Option<&Large>) -> Result<(), DumpError> {
        let Some((_, _, all)) = &mut self.large else { return Ok(()) };
        all.missing += met.missing;
        all.error = all.error.take().or(met.error);
        let Some(file) = last else { return Ok(()) };
        let Some((mut rows, first, met)) = self.large.take() else { return Ok(()) };
        if let Some(text) = what_happened(file, &met) {
            for row in &mut rows {
                if let Row::Archived { snap, .. } = row {
                    snap.ctime = crate::since::FORGOTTEN;
                }
            }
            let path = rows.iter().find_map(|row| match row {
                Row::Archived { snap, .. } => Some(snap.path.clone()),
                _ => None,
            });
            rows.push(Row::Note(strange(&path.unwrap_or_default(), text)));
        }
        self.rows(rows, first)
    }

    fn rows(&mut self, rows: Vec<Row>, first: u32) -> Result<(), DumpError> {
        rows.into_iter().try_for_each(|row| self.row(row, first))
    }

    fn row(&mut self, row: Row, first: u32) -> Result<(), DumpError> {
        match row {
            Row::Kept(snap) => self.remember(&snap),
            Row::Gone(path) => {
                self.gone += 1;
                self.tell(&Record::tombstone(path))
            }
            Row::Note(note) => self.note(note),
            Row::Missed(snap, note) => {
                self.remember(&snap)?;
                if snap.nlink > 1 && snap.kind != RecordKind::Directory {
                    self.missing.insert(snap.path);
                }
                self.note(note)
            }
            Row::Archived { snap, record } => {
                let first_is_missing =
                    record.kind == RecordKind::HardLink && self.missing.contains(&record.link);
                self.progress.entries += 1;
                self.tell(&Record { frame: first + record.frame, ..record })?;
                if !first_is_missing {
                    return self.remember(&snap);
                }
                let text = "it is archived as a link to a name that could not be archived";
                let note = strange(&snap.path, text);
                self.remember(&forgotten(snap))?;
                self.note(note)
            }
        }
    }

    fn tell(&mut self, record: &Record) -> Result<(), DumpError> {
        match self.index.push(record).map_err(index_error)? {
            Some(block) => self.spool.push(&block).map_err(DumpError::Spool),
            None => Ok(()),
        }
    }

    fn remember(&mut self, snap: &SnapRecord) -> Result<(), DumpError> {
        match self.snapshot.push(snap).map_err(index_error)? {
            Some(block) => self.snapshot_to.write_all(&block).map_err(DumpError::Snapshot),
            None => Ok(()),
        }
    }

    fn note(&mut self, note: Note) -> Result<(), DumpError> {
        let count = match note.severity {
            Severity::Info => &mut self.infos,
            Severity::Strange => &mut self.strange,
        };
        *count += 1;
        if *count <= NOTES_MOST {
            return self.sink.note(note).map_err(DumpError::Sink);
        }
        Ok(())
    }

    /// Writes the contents frame, and says how it went.
    pub(super) fn finish(mut self, identity: Identity) -> Result<DumpEnd, DumpError> {
        let rest = self.index.finish().map_err(index_error)?;
        self.spool.push(&rest).map_err(DumpError::Spool)?;
        let rest = self.snapshot.finish().map_err(index_error)?;
        self.snapshot_to.write_all(&rest).map_err(DumpError::Snapshot)?;
        self.snapshot_to.flush().map_err(DumpError::Snapshot)?;

        let identity = Identity {
            entries: self.progress.entries,
            gone: self.gone,
            raw_bytes: self.progress.raw_bytes,
            strange: self.strange,
            ..identity
        };
        let index_len = self.spool.length();
        let (digest, index) = self.spool.finish().map_err(DumpError::Spool)?;
        let around = contents::encode_around(&identity, &self.frames, index_len, digest)
            .map_err(|source| DumpError::Contents(Box::new(source)))?;
        let length = around.before.len() as u64 + index_len + around.behind.len() as u64;
        let all = io::Cursor::new(around.before).chain(index).chain(io::Cursor::new(around.behind));
        send_contents(self.sink, all, length)?;
        self.progress.stored_bytes += length;
        if self.strange > NOTES_MOST || self.infos > NOTES_MOST {
            let more = (self.strange + self.infos).saturating_sub(NOTES_MOST);
            let text = format!("and {more} more of the kind, which are not told one by one");
            let note = Note { severity: Severity::Info, path: None, text };
            self.sink.note(note).map_err(DumpError::Sink)?;
        }
        Ok(DumpEnd {
            dump: identity.dump,
            status: if self.strange > 0 { Status::Strange } else { Status::Good },
            total: self.progress,
            frames: u64::from(self.count) + 1,
            strange: self.strange,
        })
    }
}

fn index_error(source: WriteError) -> DumpError {
    DumpError::Index(Box::new(source))
}

/// Sends the contents frame piece by piece: the index in it may be too long for memory.
fn send_contents(sink: &mut impl Sink, mut all: impl Read, length: u64) -> Result<(), DumpError> {
    let mut buffer = vec![0; PIECE];
    let mut left = length;
    while left > 0 {
        let len = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        all.read_exact(&mut buffer[..len]).map_err(DumpError::Spool)?;
        let first = left == length;
        left -= len as u64;
        let flags = FrameFlags { first, last: left == 0 };
        let piece = FramePiece { kind: FrameKind::C, flags, bytes: &buffer[..len] };
        sink.piece(piece).map_err(DumpError::Sink)?;
    }
    Ok(())
}

/// What there is to say of a large file after its last byte was read.
fn what_happened(large: &Large, met: &Met) -> Option<String> {
    if let Some(error) = &met.error {
        return Some(unreadable_stretch(error));
    }
    match Stat::of(&large.file) {
        Ok(now) if now.same_content(&large.stat) => {
            (met.missing > 0).then(|| cut_short(met.missing))
        }
        Ok(now) => Some(changed(large.stat.size, now.size)),
        Err(why) => Some(format!("it could not be looked at once more: {why}")),
    }
}
