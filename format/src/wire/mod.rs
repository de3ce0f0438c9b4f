//! What server and agent say to each other, as bytes.
//!
//! A conversation is a sequence of messages: `u32` length of the payload (little endian), `u8` kind,
//! payload. Both sides begin with a [`Hello`]; then the server makes one [`Request`], and what follows is
//! told with each request. Control is JSON, frames of an image are raw. [`split`] is a pure function of
//! bytes, so it fits a socket, a pipe, a test and a fuzzer; no length is believed before it was compared
//! with [`LONGEST`].
//!
//! Fields that a reader does not know are skipped, features that it does not know are ignored; a kind that it
//! does not know is an error, for whoever sends one was not told that it may.

mod dump;
mod hello;
mod path;
mod restore;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use dump::{
    DleSpec, DumpEnd, DumpRequest, Estimate, EstimateBase, FrameFlags, FramePiece, Note, Progress,
    Reply, Request, Severity, Status, Trouble,
};
pub use hello::{Agreed, ESTIMATE_PROGRESS, FEATURES, Hello, SCRIPTS, VERSION, negotiate};
pub use path::{BadWirePath, WirePath};
pub use restore::{Existing, RestoreEnd, RestoreRecord, RestoreRequest, Wanted};

/// The longest payload: a MiB of a frame, and room for what stands around it.
pub const LONGEST: usize = (1 << 20) + (64 << 10);

/// The most bytes of a frame that one message carries.
pub const PIECE: usize = 1 << 20;

/// What stands before each payload: its length and its kind.
pub const PREFIX: usize = 5;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Who speaks, and what it understands. The first message of each side.
    Hello = 1,
    /// What the server wants.
    Request = 2,
    /// What comes of it.
    Reply = 3,
    /// A piece of a frame of an image.
    Frame = 4,
    /// What the next frame is and which entries of it are wanted.
    Record = 5,
    /// Something that a person should read.
    Message = 6,
    /// How far it has come.
    Progress = 7,
    /// It is done, and how it went.
    End = 8,
    /// It is over: the other side could not go on.
    Error = 9,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{End, Error, Frame, Hello, Message, Progress, Record, Reply, Request};
        [Hello, Request, Reply, Frame, Record, Message, Progress, End, Error]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One message, still as the bytes that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: &'a [u8],
}

/// Bytes that are no message, or a message that says what it must not.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The length is beyond what anyone may send.
    #[error("a message of {0} bytes is longer than the {LONGEST} that are allowed")]
    TooLong(usize),
    /// The kind is not one of ours.
    #[error("a message has the unknown kind {0}")]
    UnknownKind(u8),
    /// Another kind of message was due.
    #[error("a {wanted:?} message was due, and a {got:?} message came")]
    Unexpected {
        /// What should have come.
        wanted: Kind,
        /// What came.
        got: Kind,
    },
    /// The JSON is not what this kind of message holds.
    #[error("a {kind:?} message could not be understood")]
    Json {
        /// The kind of the message.
        kind: Kind,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
    /// The payload of a frame message is not a piece of a frame.
    #[error("a frame message has {0}")]
    BadPiece(&'static str),
    /// The other side is too old or too new.
    #[error("the other side speaks version {theirs} of the protocol and this program {VERSION}")]
    Version {
        /// What it said.
        theirs: u32,
    },
}

/// Takes one message off the front of `bytes`, if a whole one is there.
pub fn split(bytes: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, WireError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let (kind, len) = read_prefix(*prefix)?;
    let Some((payload, rest)) = rest.split_at_checked(len) else { return Ok(None) };
    Ok(Some((Message { kind, payload }, rest)))
}

/// The kind and the length of the payload behind this prefix, for readers that fetch the payload by itself.
pub fn read_prefix(prefix: [u8; PREFIX]) -> Result<(Kind, usize), WireError> {
    let [a, b, c, d, kind] = prefix;
    let len = u32::from_le_bytes([a, b, c, d]) as usize;
    if len > LONGEST {
        return Err(WireError::TooLong(len));
    }
    let kind = Kind::from_byte(kind).ok_or(WireError::UnknownKind(kind))?;
    Ok((kind, len))
}

/// What stands before a payload of this length.
pub fn prefix(kind: Kind, len: usize) -> Result<[u8; PREFIX], WireError> {
    let short = u32::try_from(len).ok().filter(|_| len <= LONGEST);
    let [a, b, c, d] = short.ok_or(WireError::TooLong(len))?.to_le_bytes();
    Ok([a, b, c, d, kind as u8])
}

/// Appends one message to `out`.
pub fn encode_into(kind: Kind, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    out.extend_from_slice(&prefix(kind, payload.len())?);
    out.extend_from_slice(payload);
    Ok(())
}

/// Appends a message whose payload is this value as JSON.
pub fn encode_json<T: Serialize>(
    kind: Kind,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    let written =
        serde_json::to_writer(&mut *out, value).map_err(|source| WireError::Json { kind, source });
    let prefix = written.and_then(|()| prefix(kind, out.len() - start - PREFIX));
    match prefix {
        Ok(prefix) => {
            out[start..start + PREFIX].copy_from_slice(&prefix);
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

impl Message<'_> {
    /// The value in a message that must be of this kind.
    pub fn json<T: DeserializeOwned>(&self, wanted: Kind) -> Result<T, WireError> {
        if self.kind != wanted {
            return Err(WireError::Unexpected { wanted, got: self.kind });
        }
        serde_json::from_slice(self.payload)
            .map_err(|source| WireError::Json { kind: wanted, source })
    }
}

#[cfg(test)]
mod tests;
