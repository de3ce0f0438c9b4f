//! A dump: a tree goes in, an image comes out.
//!
//! ```text
//! walk ─► plan ─┬─ tasks ──► workers ─┐
//!               │                     │ results, as they are done
//!               └─ order ──► sequencer ◄┘ ─► frames, notes, progress ─► sink
//!                                         └► snapshot
//! ```
//!
//! One thread walks and decides, some read, compress and hash, and the caller's own puts the frames in order
//! and hands them on. All channels between them are short, so memory is bounded by the number of workers and
//! the frame size, whatever the tree. If the sink fails, all of them end.

mod content;
mod job;
mod links;
mod order;
mod plan;
mod spool;
mod work;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use crossbeam_channel::bounded;
use format::contents::{self, Identity};
use format::frame::FrameError;
use format::wire::{DumpEnd, DumpRequest, FramePiece, Note, Progress};
use types::FileTime;

use crate::attributes::Wanted;
use crate::directory::Budget;
use crate::owners::Owners;
use crate::select::Selection;
use crate::since::{BaseError, Records};
use crate::walk::{Tree, WalkError};
use order::Sequencer;
use plan::{Outlet, Planned, Planner};
use spool::Spool;
use work::{Opener, Shared, Worker};

/// Workers beyond these would only wait for the one who puts their frames in order, and take memory.
const WORKERS_MOST: usize = 8;

/// The shortest and the longest frame size that an image may have.
pub const FRAME_SIZES: std::ops::RangeInclusive<u32> = 64 << 10..=16 << 20;

/// Where a dump goes.
pub trait Sink {
    /// Takes a piece of a frame. All pieces of a frame come in a row.
    fn piece(&mut self, piece: FramePiece<'_>) -> io::Result<()>;
    /// Takes something that a person should read.
    fn note(&mut self, note: Note) -> io::Result<()>;
    /// Takes how far the dump has come.
    fn progress(&mut self, progress: Progress) -> io::Result<()>;
}

/// Why there is no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The tree.
    #[error("cannot dump the tree")]
    Walk(#[source] WalkError),
    /// The snapshot of the base.
    #[error("cannot compare the tree with the base")]
    Base(#[source] BaseError),
    /// The frame size.
    #[error("frames of {0} bytes cannot be made: use a multiple of 512 from 64 KiB to 16 MiB")]
    FrameSize(u32),
    /// The compressor.
    #[error("cannot make a frame")]
    Frame(#[source] FrameError),
    /// Whoever wanted the dump.
    #[error("cannot send the dump on")]
    Sink(#[source] io::Error),
    /// The disk for what must wait.
    #[error("cannot keep the index until the end of the dump: is there space for it?")]
    Spool(#[source] io::Error),
    /// The disk for snapshots.
    #[error("cannot write the snapshot: is there space for it?")]
    Snapshot(#[source] io::Error),
    /// The index or the snapshot.
    #[error("cannot make the index")]
    Index(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The contents frame.
    #[error("cannot make the contents of the image")]
    Contents(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A panic.
    #[error("a worker has failed; its message is on standard error")]
    Worker,
}

/// What a dump is made of, besides what the server asks for.
pub struct Source<'a> {
    /// Which entries belong to it.
    pub selection: &'a Selection,
    /// The snapshot of the base; none at level 0.
    pub base: Option<Records>,
    /// Where the new snapshot goes.
    pub snapshot: &'a mut (dyn Write + Send),
    /// A directory for what must wait until the end.
    pub spool: &'a Path,
    /// What made the image, with its version.
    pub program: &'a str,
    /// The operating system and architecture.
    pub system: &'a str,
    /// The time.
    pub clock: &'a (dyn Fn() -> FileTime + Sync),
    /// Notes that the caller has already.
    pub notes: Vec<Note>,
}

/// Makes a dump and sends it to `sink`.
pub fn dump(
    request: &DumpRequest,
    source: Source<'_>,
    sink: &mut impl Sink,
) -> Result<DumpEnd, DumpError> {
    let dle = &request.dle;
    if !FRAME_SIZES.contains(&request.frame_size) || !request.frame_size.is_multiple_of(512) {
        return Err(DumpError::FrameSize(request.frame_size));
    }
    let started = (source.clock)();
    let shared = Shared {
        owners: Owners::of_this_host(),
        attributes: Wanted { xattrs: dle.xattrs, acls: dle.acls },
        atime: dle.atime,
        zstd_level: request.zstd_level,
        frame_size: request.frame_size.into(),
        opener: Opener::new(),
    };
    let tree = Tree {
        root: Path::new(OsStr::from_bytes(&dle.path.0)),
        selection: source.selection,
        one_file_system: dle.one_file_system,
    };
    let planned = Planned {
        tree,
        full: source.base.is_none(),
        base: source.base,
        started,
        directory: source.spool,
    };
    for note in source.notes {
        sink.note(note).map_err(DumpError::Sink)?;
    }
    let workers = how_many(request.workers);
    let (jobs, work) = bounded(workers);
    let (order, ordered) = bounded(workers + 3);
    let (give_back, used) = bounded(workers + 3);
    let mut sequencer = Sequencer::new(sink, Spool::new(source.spool), source.snapshot)?;
    let outcome = thread::scope(|scope| {
        let (planner, tree) = Planner::new(&shared, Outlet { jobs, order }, planned)?;
        for _ in 0..workers {
            let worker = Worker::new(&shared, used.clone())?;
            let work = work.clone();
            scope.spawn(move || worker.run(&work));
        }
        drop(work);
        let walk = scope.spawn(move || planner.run(tree, Budget::of_this_process(), source.clock));
        let sequenced = sequencer.run(ordered, &give_back);
        let walked = walk.join().map_err(|_| DumpError::Worker)?;
        sequenced.and(walked)
    });
    outcome?;
    sequencer.finish(Identity {
        version: contents::VERSION,
        host: dle.host.clone(),
        dle: dle.dle.clone(),
        level: request.level,
        dump: request.dump,
        base: request.base,
        run: request.run,
        started,
        finished: (source.clock)(),
        program: source.program.to_owned(),
        system: source.system.to_owned(),
        frame_size: request.frame_size,
        entries: 0,
        gone: 0,
        raw_bytes: 0,
        strange: 0,
    })
}

fn how_many(asked: u32) -> usize {
    let asked = usize::try_from(asked).unwrap_or(WORKERS_MOST);
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    if asked == 0 { cores() } else { asked }.clamp(1, WORKERS_MOST)
}
