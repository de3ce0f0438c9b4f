//! What goes from the walk to the workers, and from the workers to the one who puts it in order.

use std::ffi::CString;
use std::sync::Arc;

use crossbeam_channel::Sender;
use format::frame::FrameKind;
use format::index::Record;
use format::snapshot::SnapRecord;
use format::wire::{Note, Severity, WirePath};
use types::Digest;

use super::DumpError;
use super::content::{Large, Map, Met};
use crate::directory::Directory;
use crate::since::forgotten;
use crate::stat::Stat;

/// One thing that the walk has found out.
pub(super) enum Item {
    /// It has not changed: only the snapshot tells of it.
    Kept(SnapRecord),
    /// It is gone.
    Gone(Vec<u8>),
    /// It is to be archived.
    Member(Box<Member>),
    /// It should be archived, and cannot.
    Missed(SnapRecord, Note),
    Note(Note),
}

/// An entry to be archived.
pub(super) struct Member {
    /// Its path, and what the next dump will compare it with.
    pub(super) snap: SnapRecord,
    pub(super) stat: Stat,
    pub(super) parent: Arc<Directory>,
    pub(super) name: CString,
    pub(super) what: What,
}

pub(super) enum What {
    Directory {
        own: Option<Arc<Directory>>,
        dumpdir: Option<Vec<u8>>,
    },
    /// A file that fits into a bundle.
    File,
    /// A long file with so little data that it fits into a bundle.
    Sparse(Large),
    /// One more name of what is archived under this one.
    Link(Vec<u8>),
    Symlink,
    Fifo,
    CharDevice,
    BlockDevice,
}

/// What a worker is to do.
pub(super) enum Task {
    /// These items, in a frame of kind `S` if there is anything to archive.
    Bundle(Vec<Item>),
    /// The header of a large file.
    Head(Box<Member>, Arc<Large>),
    /// So many bytes of it from `at` on, and padding behind them.
    Block { large: Arc<Large>, at: u64, len: usize, padding: usize, kind: FrameKind, last: bool },
    /// These bytes.
    Raw(FrameKind, Vec<u8>),
}

/// A task, and where its result is waited for.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) reply: Sender<Result<Made, DumpError>>,
}

/// What a worker has made.
#[derive(Default)]
pub(super) struct Made {
    pub(super) frames: Vec<MadeFrame>,
    pub(super) rows: Vec<Row>,
    pub(super) part: Part,
}

/// Which part of an entry it was.
#[derive(Default)]
pub(super) enum Part {
    #[default]
    Whole,
    /// The header: the row is complete when the last block has come.
    Head,
    Block {
        met: Met,
        last: Option<Arc<Large>>,
    },
}

pub(super) struct MadeFrame {
    pub(super) kind: FrameKind,
    pub(super) stored: Vec<u8>,
    pub(super) raw: u32,
    pub(super) sha256: Digest,
}

/// What index and snapshot learn.
pub(super) enum Row {
    Kept(SnapRecord),
    Gone(Vec<u8>),
    /// Archived; the frame is counted from the first one made with it.
    Archived {
        snap: SnapRecord,
        record: Record,
    },
    /// Not archived.
    Missed(SnapRecord, Note),
    Note(Note),
}

impl Row {
    /// An entry that could not be archived: the next dump is to try again.
    pub(super) fn missed(snap: SnapRecord, text: impl Into<String>) -> Self {
        let note = strange(&snap.path, text);
        Self::Missed(forgotten(snap), note)
    }
}

/// A note that makes the dump strange.
pub(super) fn strange(path: &[u8], text: impl Into<String>) -> Note {
    note(Severity::Strange, path, text)
}

/// A note that is good to know.
pub(super) fn info(path: &[u8], text: impl Into<String>) -> Note {
    note(Severity::Info, path, text)
}

fn note(severity: Severity, path: &[u8], text: impl Into<String>) -> Note {
    Note { severity, path: Some(WirePath::from(path)), text: text.into() }
}

/// The map of a large file, or none.
pub(super) fn map_of(large: &Large) -> Option<&Map> {
    large.map.as_ref()
}
