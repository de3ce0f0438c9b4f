//! Restoring: the server sends frames, and says which of their entries are wanted.
//!
//! ```text
//! server                                agent
//! Request::Restore                ─►
//!                                 ◄─    Reply::Ready        or Refused
//! Record (RestoreRecord)          ─►    which entries of the next frame are wanted
//! Frame …                         ─►    that frame, in pieces
//!                                 ◄─    Message … Progress …
//! … for each frame that is needed, the oldest dump first, frames in ascending order …
//! End                             ─►
//!                                 ◄─    End (RestoreEnd)
//! ```
//!
//! An agent into whose target nothing more fits sends its `End` at once, and passes over what still comes until the server's
//! `End`.
//!
//! A large entry is named once, in the record of its `H` frame; the records of the `B` and `T` frames behind
//! it say that they continue it. When a name of a file with several is wanted and the name that has the contents in the
//! image is not, the contents are sent to be made under the wanted name. A frame that the server could not read is sent as a record of what is lost
//! with it, and nothing follows.

use serde::{Deserialize, Serialize};
use types::{Digest, DumpId};

use super::WirePath;
use crate::frame::FrameKind;
use crate::index::{Record, RecordKind};

/// What to do where something stands already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// Leave it, and report the entry as not restored.
    Keep,
    /// Replace files and links; a directory is never replaced by something else, nor the reverse.
    Replace,
}

/// Where to put what follows, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRequest {
    /// The directory that stands for the DLE's root. It is made if need be.
    pub target: WirePath,
    /// What to do where something stands already.
    pub existing: Existing,
    /// Whether owners are set: by name, then by number. Only root can.
    #[serde(default)]
    pub owners: bool,
    /// Whether owners are taken by number alone.
    #[serde(default)]
    pub numeric_owners: bool,
    /// Whether extended attributes and ACLs are set.
    #[serde(default)]
    pub attributes: bool,
    /// What will come, for the progress.
    #[serde(default)]
    pub entries: u64,
    /// How many bytes of files will come.
    #[serde(default)]
    pub bytes: u64,
}

/// What the next frame is, and what of it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRecord {
    /// The dump that the frame belongs to.
    pub dump: DumpId,
    /// The number of the frame in its image.
    pub frame: u32,
    /// What the frame holds.
    #[serde(with = "letter")]
    pub kind: FrameKind,
    /// How many bytes follow.
    pub stored: u32,
    /// How many bytes they open to.
    pub raw: u32,
    /// Of the bytes that follow.
    pub sha256: Digest,
    /// Whether it goes on with the large entry that an earlier frame began.
    #[serde(default)]
    pub continues: bool,
    /// The entries that are wanted, in ascending order of their offset.
    #[serde(default)]
    pub entries: Vec<Wanted>,
    /// What cannot be restored because the frame could not be read. When there is any, no frame follows.
    #[serde(default)]
    pub lost: Vec<WirePath>,
    /// Why that is, if the frame is not damaged: no place that has it could be read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Whether another record for the same frame comes before its bytes: long lists are sent in several.
    #[serde(default)]
    pub more: bool,
}

/// An entry of a frame that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its path, relative to the DLE's root.
    pub path: WirePath,
    /// What it is, by the index.
    pub kind: RecordKind,
    /// Where in the frame its headers begin.
    pub offset: u32,
    /// The bytes of its headers, data and padding.
    pub raw_len: u64,
    /// Where it is to be made, if not at its path: the contents of a hard link whose first name is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<WirePath>,
    /// What a hard link is to be linked to, if not to the name in the image: that one is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<WirePath>,
}

impl Wanted {
    /// An entry that is wanted as it stands in the index.
    pub fn of(record: Record) -> Self {
        let Record { path, kind, offset, raw_len, .. } = record;
        Self { path: WirePath(path), kind, offset, raw_len, to: None, link: None }
    }
}

/// The last message of a restore, from the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreEnd {
    /// Entries that stand as they should.
    pub restored: u64,
    /// Bytes of files written.
    pub bytes: u64,
    /// Entries left alone because something stood there.
    pub kept: u64,
    /// Entries that are not there, or not as they should be. A note told of each.
    pub failed: u64,
}

/// The kind of a frame as its letter.
mod letter {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::frame::FrameKind;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(kind: &FrameKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_char(char::from(kind.letter()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FrameKind, D::Error> {
        let letter = char::deserialize(from)?;
        let kind = u8::try_from(letter).ok().and_then(FrameKind::from_letter);
        kind.ok_or_else(|| D::Error::custom(format!("{letter:?} is no kind of frame")))
    }
}
