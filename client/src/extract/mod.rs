//! Frames in, a tree out, and nothing outside its target.
//!
//! The server says which entries of the next frame are wanted and sends the frame; [`Session`] opens it, reads
//! the wanted members out of it and puts them below the target. It holds one frame, one open file, and what
//! can only be done at the end: hard links, whose other name must exist first, and what directories look like,
//! since putting something into one changes its time.
//!
//! ```text
//! Record (wanted entries) ─► Frame ─► members ─► files, links, nodes     at once
//!                                            └─► hard links, directories at the end, deepest first
//! ```
//!
//! What stands at a name of the image is the whole entry, or what stood there before: see [`unfinished`].
//!
//! An entry that can't be restored costs itself: it is reported, and the others go on; unless nothing more fits, which
//! ends the restore ([`room`]).

mod links;
mod making;
mod metadata;
mod room;
mod target;
#[cfg(test)]
mod tests;
mod unfinished;

use std::io;

use format::entry::Entry;
use format::frame::{Decoder as FrameDecoder, FrameError};
use format::path;
use format::tar::{Decoder, Event, Limits, TarError};
use format::wire::{
    FramePiece, Note, Progress, RestoreEnd, RestoreRecord, RestoreRequest, Severity, Wanted,
    WirePath,
};
use rustix::fs::Mode;
use rustix::io::Errno;

use links::Links;
use making::Making;
use metadata::Owners;
use target::{Target, TargetError};

use crate::stat::Stat;

/// The server sent what makes no sense: the restore can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The target directory can't be used.
    #[error("could not use the target directory {path}")]
    Target {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Records and frames do not fit together.
    #[error("the server sent {0}")]
    Sequence(&'static str),
    /// A frame that the server had checked does not open.
    #[error("frame {frame} of dump {dump} does not open")]
    Frame {
        /// Which.
        frame: u32,
        /// Of which dump.
        dump: types::DumpId,
        /// Why.
        #[source]
        source: FrameError,
    },
}

/// Why one entry could not be restored.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("its path leads out of the target, or is none")]
    BadPath,
    #[error("{0}")]
    Target(#[from] TargetError),
    #[error("could not be {what}: {source}")]
    System { what: &'static str, source: Errno },
    #[error("nothing more fits: {0}")]
    Full(Errno),
    #[error("the image has something else in its place: {0}")]
    Damaged(String),
    #[error("{0}")]
    InTheWay(&'static str),
    #[error(
        "not linked to its other name {0}, at which there is not what the image has: restored alone, it gets the contents"
    )]
    OtherName(String),
}

impl Trouble {
    fn system(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |source| Self::System { what, source }
    }
}

/// A restore under way.
pub struct Session {
    request: RestoreRequest,
    target: Target,
    /// What the operator gives nobody.
    umask: Mode,
    owners: Owners,
    frames: FrameDecoder,
    /// The record that the next frame belongs to.
    record: Option<RestoreRecord>,
    stored: Vec<u8>,
    raw: Vec<u8>,
    /// An entry that goes on over several frames.
    large: Option<Large>,
    links: Links,
    directories: Vec<Entry>,
    notes: Vec<Note>,
    progress: Progress,
    end: RestoreEnd,
    /// Bytes of files that need no more room.
    roomed: u64,
    /// Whether nothing more fits.
    full: bool,
}

/// An entry whose frames are still coming.
struct Large {
    path: Vec<u8>,
    /// What it is linked to, if not what the image says.
    link: Option<Vec<u8>>,
    decoder: Decoder,
    making: Making,
    left: u64,
}

impl Session {
    /// Prepares the target.
    pub fn new(request: RestoreRequest) -> Result<Self, ExtractError> {
        let shown = request.target.to_string();
        let target = Target::open(&request.target.0)
            .map_err(|source| ExtractError::Target { path: shown, source })?;
        // Modes are set as they were; what is made on the way is for its owner alone.
        let umask = rustix::process::umask(Mode::empty());
        let owners = Owners::new(request.owners, request.numeric_owners);
        Ok(Self {
            request,
            target,
            umask,
            owners,
            frames: FrameDecoder::new(),
            record: None,
            stored: Vec::new(),
            raw: Vec::new(),
            large: None,
            links: Links::default(),
            directories: Vec::new(),
            notes: Vec::new(),
            progress: Progress::default(),
            end: RestoreEnd::default(),
            roomed: 0,
            full: false,
        })
    }

    /// Takes what the server says of the next frame.
    pub fn record(&mut self, mut record: RestoreRecord) -> Result<(), ExtractError> {
        if self.full {
            return Ok(());
        }
        if !record.lost.is_empty() {
            self.lose(&record);
            return Ok(());
        }
        if let Some(before) = self.record.take() {
            if !before.more || before.frame != record.frame || before.dump != record.dump {
                return Err(ExtractError::Sequence("a record where a frame was due"));
            }
            record.entries.splice(0..0, before.entries);
        }
        self.record = Some(record);
        Ok(())
    }

    /// Takes a piece of the frame, and with its last piece restores what is wanted of it.
    pub fn piece(&mut self, piece: &FramePiece<'_>) -> Result<(), ExtractError> {
        if self.full {
            return Ok(());
        }
        let Some(record) = &self.record else {
            return Err(ExtractError::Sequence("a frame without a record"));
        };
        if piece.flags.first {
            self.stored.clear();
        }
        self.stored.extend_from_slice(piece.bytes);
        if self.stored.len() > record.stored as usize {
            return Err(ExtractError::Sequence("a frame longer than its record says"));
        }
        if !piece.flags.last {
            return Ok(());
        }
        let Some(record) = self.record.take() else { return Ok(()) };
        let mut raw = std::mem::take(&mut self.raw);
        let opened = self.frames.decode(&self.stored, record.raw, &mut raw);
        opened.map_err(|source| ExtractError::Frame {
            frame: record.frame,
            dump: record.dump,
            source,
        })?;
        self.progress.stored_bytes += self.stored.len() as u64;
        self.progress.raw_bytes += raw.len() as u64;
        if record.continues {
            self.go_on(&raw);
        } else {
            self.give_up_large("the rest of it did not come");
            for wanted in &record.entries {
                if self.full {
                    break;
                }
                self.extract(wanted, &raw);
            }
        }
        self.raw = raw;
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// What there is to say since the last time.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Does what can only be done at the end.
    pub fn finish(&mut self) -> RestoreEnd {
        self.give_up_large("the rest of it did not come");
        if !self.full {
            self.make_links();
        }
        // Before the others, which may become such that nobody gets through them.
        for path in self.target.take_unnamed() {
            if let Err(trouble) = self.open_up(&path) {
                self.fail(&path, trouble.to_string());
            }
        }
        let mut directories = std::mem::take(&mut self.directories);
        directories.sort_by(|a, b| path::compare(&b.path, &a.path));
        for entry in directories {
            let done = self.finish_directory(&entry);
            self.settle(&entry.path, done);
        }
        if self.full {
            self.count_missing();
        }
        self.notes.extend(self.owners.remark().map(|text| Note {
            severity: Severity::Info,
            path: None,
            text,
        }));
        self.end
    }

    /// Entries whose frame the server could not read.
    fn lose(&mut self, record: &RestoreRecord) {
        let damaged = "the frame it lies in is damaged on every copy";
        let why = record.because.as_deref().unwrap_or(damaged);
        if record.continues {
            self.give_up_large(why);
            return;
        }
        for path in &record.lost {
            self.fail(&path.0, why.to_owned());
        }
    }

    fn give_up_large(&mut self, why: &str) {
        let Some(large) = self.large.take() else { return };
        if !matches!(large.making, Making::Done) {
            self.fail(&large.path, why.to_owned());
        }
    }

    fn extract(&mut self, wanted: &Wanted, raw: &[u8]) {
        let path = &wanted.to.as_ref().unwrap_or(&wanted.path).0;
        if path::validate_relative(path).is_err() && !path.is_empty() {
            self.settle(path, Err(Trouble::BadPath));
            return;
        }
        let member = raw.get(wanted.offset as usize..).unwrap_or_default();
        let here = usize::try_from(wanted.raw_len).unwrap_or(usize::MAX).min(member.len());
        let large = Large {
            path: path.clone(),
            link: wanted.link.as_ref().map(|link| link.0.clone()),
            decoder: Decoder::new(Limits::default()),
            making: Making::Nothing,
            left: wanted.raw_len,
        };
        self.feed(large, &member[..here]);
    }

    fn go_on(&mut self, raw: &[u8]) {
        if let Some(large) = self.large.take() {
            let here = usize::try_from(large.left).unwrap_or(usize::MAX).min(raw.len());
            self.feed(large, &raw[..here]);
        }
    }

    /// Feeds a member with its next bytes. If more are to come, it waits for them.
    fn feed(&mut self, mut large: Large, bytes: &[u8]) {
        let fed = self.take_events(&mut large, bytes);
        large.left = large.left.saturating_sub(bytes.len() as u64);
        match fed {
            Ok(()) if large.left > 0 && !matches!(large.making, Making::Done) => {
                self.large = Some(large)
            }
            Ok(()) if matches!(large.making, Making::Nothing | Making::File(_)) => {
                self.large = Some(large);
                self.give_up_large("it is cut off in the image");
            }
            Ok(()) => {}
            Err(trouble) => {
                // Its room is free before anybody asks how much there is.
                drop(large.making);
                self.settle(&large.path, Err(trouble));
            }
        }
    }

    fn take_events(&mut self, large: &mut Large, mut bytes: &[u8]) -> Result<(), Trouble> {
        loop {
            let event = large
                .decoder
                .next(&mut bytes)
                .map_err(|error| Trouble::Damaged(described(&error)))?;
            match event {
                None => return Ok(()),
                Some(Event::Entry { entry, .. }) => {
                    large.making = self.begin(&large.path, large.link.take(), entry)?
                }
                Some(Event::Data { at, bytes }) => {
                    if let Making::File(file) = &mut large.making {
                        file.write(at, bytes)?;
                    }
                }
                Some(Event::EntryEnd) => {
                    let made = std::mem::replace(&mut large.making, Making::Done);
                    if let Making::File(file) = made {
                        let done = self.finish_file(file);
                        self.settle(&large.path, done);
                    }
                    return Ok(());
                }
                Some(Event::Refused { .. }) => return Err(Trouble::BadPath),
                Some(Event::End) => {
                    return Err(Trouble::Damaged("the end of the archive".to_owned()));
                }
            }
        }
    }

    /// Takes away from a directory that was there what it will not give at the end, before anything gets into it.
    fn narrow(&mut self, entry: &Entry) -> Result<(), Trouble> {
        let directory = self.target.directory(&entry.path)?;
        let Ok(there) = Stat::of(directory) else { return Ok(()) };
        let narrow = there.mode & (entry.mode | 0o7700);
        if narrow != there.mode {
            // Whoever may not do this is told so when it gets its mode.
            rustix::fs::fchmod(directory, Mode::from_raw_mode(narrow)).ok();
        }
        Ok(())
    }

    /// Makes a directory that the image does not name like one that the operator makes.
    fn open_up(&mut self, path: &[u8]) -> Result<(), Trouble> {
        let directory = self.target.directory(path)?;
        // A set-group-id bit is its parent's, and goes down.
        let inherited = Stat::of(directory).map_or(0, |stat| stat.mode & 0o7000);
        let mode = Mode::from_raw_mode(0o755).difference(self.umask).union(inherited.into());
        rustix::fs::fchmod(directory, mode).map_err(Trouble::system("opened to others"))
    }

    fn finish_directory(&mut self, entry: &Entry) -> Result<(), Trouble> {
        let directory = self.target.directory(&entry.path)?;
        let complaints = metadata::apply(
            &metadata::Place::Open(directory),
            entry,
            &mut self.owners,
            self.request.attributes,
        )
        .map_err(Trouble::Full)?;
        self.complain(&entry.path, complaints);
        Ok(())
    }

    /// Counts an entry, and says what went wrong with it.
    fn settle(&mut self, path: &[u8], outcome: Result<(), Trouble>) {
        match outcome {
            Ok(()) => {
                self.end.restored += 1;
                self.progress.entries += 1;
            }
            Err(trouble) => match self.full(&trouble) {
                Some(error) => self.stop(error),
                None => self.fail(path, trouble.to_string()),
            },
        }
    }

    /// Counts an entry in whose place something stands that is to stay.
    fn keep(&mut self, path: &[u8]) {
        self.end.kept += 1;
        let text = "left as it is: something stands there already".to_owned();
        self.note(Severity::Info, path, text);
    }

    fn fail(&mut self, path: &[u8], why: String) {
        self.links.refuse(path);
        self.end.failed += 1;
        self.note(Severity::Strange, path, why);
    }

    fn complain(&mut self, path: &[u8], complaints: Vec<String>) {
        if !complaints.is_empty() {
            self.end.failed += 1;
            // It is there, but not as it should be: counted once as failed, and not as restored.
            self.end.restored = self.end.restored.saturating_sub(1);
        }
        complaints.into_iter().for_each(|text| self.note(Severity::Strange, path, text));
    }

    fn note(&mut self, severity: Severity, path: &[u8], text: String) {
        self.notes.push(Note { severity, path: Some(WirePath(path.to_vec())), text });
    }
}

fn described(error: &TarError) -> String {
    format!("{error}: {}", error.problem)
}
