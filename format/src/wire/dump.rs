//! Dumping: what the server asks, what the agent answers, and the frames it sends.
//!
//! ```text
//! server                                agent
//! Request::Dump                   ─►
//!                                 ◄─    Reply::Ready        or NoBase, or Refused
//!                                 ◄─    Frame … Message … Progress …
//!                                 ◄─    End (DumpEnd)
//! Request::Confirm, or Forget     ─►    once the image is durable, or is not
//!                                 ◄─    Reply::Done
//! ```
//!
//! The agent keeps the dump's snapshot as *pending* until it is confirmed, so that no later dump can build on
//! one that the server does not have.

use serde::{Deserialize, Serialize};
use types::{DleName, DumpId, HostName, Level, Stamp};

use super::restore::RestoreRequest;
use super::{WireError, WirePath};
use crate::frame::FrameKind;
use crate::script::{ScriptCall, ScriptEnd};

/// A tree, and how it is to be dumped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DleSpec {
    /// The client, as the configuration names it.
    pub host: HostName,
    /// The DLE's name.
    pub dle: DleName,
    /// The directory on the client, absolute.
    pub path: WirePath,
    /// Globs: when there are any, only what matches one is dumped.
    #[serde(default)]
    pub include: Vec<String>,
    /// Globs: what matches one is not dumped.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Files on the client with more globs, one a line.
    #[serde(default)]
    pub exclude_files: Vec<WirePath>,
    /// A directory that holds a file of this name is not dumped.
    #[serde(default)]
    pub exclude_if_present: Vec<String>,
    /// A directory that `CACHEDIR.TAG` marks as a cache is dumped without its contents.
    #[serde(default)]
    pub exclude_caches: bool,
    /// Whether the walk stays on the file system of the root.
    #[serde(default)]
    pub one_file_system: bool,
    /// Larger files are not dumped.
    #[serde(default)]
    pub max_file_size: Option<u64>,
    /// Whether extended attributes are kept.
    #[serde(default)]
    pub xattrs: bool,
    /// Whether ACLs are kept.
    #[serde(default)]
    pub acls: bool,
    /// Whether times of last access are kept.
    #[serde(default)]
    pub atime: bool,
}

/// What a server asks of an agent. The first request of a connection decides what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Could this DLE be dumped?
    Check {
        /// Which.
        dle: DleSpec,
        /// Dumps that the next may build on: is there still a snapshot of each?
        #[serde(default)]
        bases: Vec<DumpId>,
    },
    /// How much would each of these dumps be?
    Estimate {
        /// Of which DLE.
        dle: DleSpec,
        /// The dumps in question.
        bases: Vec<EstimateBase>,
    },
    /// Make a dump.
    Dump(DumpRequest),
    /// The dump is durable: keep its snapshot.
    Confirm {
        /// Of which client.
        host: HostName,
        /// Of which DLE.
        dle: DleName,
        /// Which dump.
        dump: DumpId,
        /// Dumps of this DLE whose snapshots are still wanted; all others of it may go.
        keep: Vec<DumpId>,
    },
    /// The dump is lost: its snapshot may go.
    Forget {
        /// Of which client.
        host: HostName,
        /// Of which DLE.
        dle: DleName,
        /// Which dump.
        dump: DumpId,
    },
    /// Take what follows and put it into a directory.
    Restore(RestoreRequest),
    /// Run a script. Only where both sides have the feature [`SCRIPTS`](super::SCRIPTS).
    Script(ScriptCall),
}

/// A dump whose size is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstimateBase {
    /// Its level.
    pub level: Level,
    /// What it would build on; nothing at level 0.
    pub base: Option<DumpId>,
}

/// A dump to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpRequest {
    /// Of what.
    pub dle: DleSpec,
    /// Its name from now on.
    pub dump: DumpId,
    /// Its level.
    pub level: Level,
    /// What it builds on; nothing at level 0.
    pub base: Option<DumpId>,
    /// The run that it belongs to.
    pub run: Stamp,
    /// When the dump began, by the server's clock, in seconds since 1970.
    #[serde(default)]
    pub now: i64,
    /// How many workers compress; 0 lets the agent choose.
    #[serde(default)]
    pub workers: u32,
    /// How hard they try.
    pub zstd_level: i32,
    /// The raw bytes of a bundle or block.
    pub frame_size: u32,
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// To a check: what was found. Nothing wrong when no note is strange.
    Checked {
        /// What a person should know.
        notes: Vec<Note>,
    },
    /// To an estimate: in the order of the request.
    Estimates {
        /// One for each dump asked for.
        estimates: Vec<Estimate>,
    },
    /// To a dump or restore: go ahead.
    Ready,
    /// To a dump: the agent does not have the snapshot of its base. Ask for level 0.
    NoBase {
        /// The dump whose snapshot is not there.
        base: DumpId,
    },
    /// To confirm and forget.
    Done,
    /// To a script: how it went.
    Script(ScriptEnd),
    /// No, and why.
    Refused(Trouble),
}

/// The size that a dump would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Its level.
    pub level: Level,
    /// What it would build on.
    pub base: Option<DumpId>,
    /// Its entries and the bytes of their tar, or nothing if the base's snapshot is not there.
    pub size: Option<(u64, u64)>,
}

/// Why something cannot be: the payload of an error message, and of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What happened, for a person.
    pub text: String,
    /// What caused it, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It makes the dump strange.
    Strange,
}

/// Something that a person should read: the payload of a message message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How bad it is.
    pub severity: Severity,
    /// The entry that it is about, relative to the DLE's root.
    #[serde(default)]
    pub path: Option<WirePath>,
    /// What happened to it.
    pub text: String,
}

/// How far a dump or a restore has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Entries done.
    pub entries: u64,
    /// Bytes of tar done.
    pub raw_bytes: u64,
    /// Bytes of image done.
    pub stored_bytes: u64,
}

/// How a dump ended, when it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All is in the image.
    Good,
    /// The image is whole and valid, and some notes say what is not in it, or not as it should be.
    Strange,
}

/// The last message of a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpEnd {
    /// Which dump.
    pub dump: DumpId,
    /// How it went.
    pub status: Status,
    /// What it came to, the contents frame included.
    #[serde(flatten)]
    pub total: Progress,
    /// How many frames the image has, the contents frame included.
    pub frames: u64,
    /// How many strange notes there were, sent or not.
    #[serde(default)]
    pub strange: u64,
}

/// Where a piece stands in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFlags {
    /// The frame begins here.
    pub first: bool,
    /// The frame ends here.
    pub last: bool,
}

/// A piece of a frame: the payload of a frame message. One byte kind, one byte flags, then the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePiece<'a> {
    /// What the frame holds.
    pub kind: FrameKind,
    /// Where the piece stands.
    pub flags: FrameFlags,
    /// The stored bytes.
    pub bytes: &'a [u8],
}

/// Bytes before those of the frame.
const PIECE_HEAD: usize = 2;

impl<'a> FramePiece<'a> {
    /// The pieces of a frame, in order. An empty frame is one empty piece.
    pub fn cut(kind: FrameKind, stored: &'a [u8]) -> impl Iterator<Item = Self> {
        let count = stored.len().div_ceil(super::PIECE).max(1);
        (0..count).map(move |i| {
            let from = i * super::PIECE;
            let bytes = &stored[from..stored.len().min(from + super::PIECE)];
            Self { kind, flags: FrameFlags { first: i == 0, last: i + 1 == count }, bytes }
        })
    }

    /// What stands before `bytes` in the payload.
    pub fn head(&self) -> [u8; PIECE_HEAD] {
        [self.kind.letter(), u8::from(self.flags.first) | u8::from(self.flags.last) << 1]
    }

    /// Appends the whole message to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        out.extend_from_slice(&super::prefix(super::Kind::Frame, PIECE_HEAD + self.bytes.len())?);
        out.extend_from_slice(&self.head());
        out.extend_from_slice(self.bytes);
        Ok(())
    }

    /// What a frame message carries.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let Some(([letter, flags], bytes)) = payload.split_first_chunk::<PIECE_HEAD>() else {
            return Err(WireError::BadPiece("no kind and flags"));
        };
        let kind = FrameKind::from_letter(*letter)
            .ok_or(WireError::BadPiece("an unknown kind of frame"))?;
        if *flags > 3 {
            return Err(WireError::BadPiece("flags that nobody has defined"));
        }
        if bytes.len() > super::PIECE {
            return Err(WireError::BadPiece("more bytes than a piece may have"));
        }
        Ok(Self { kind, flags: FrameFlags { first: flags & 1 != 0, last: flags & 2 != 0 }, bytes })
    }
}
