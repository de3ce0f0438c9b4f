//! The records of a run: what is left on its volumes so that the catalogue can be made again from them.
//!
//! The last file of each volume in a run holds an ordinary `tar.zst`. Its first member, `records.jsonl`, has one
//! row a line; then come the indexes of the dumps, each as `index/DUMP-ID.rkx`:
//!
//! ```text
//! {"row":"records","version":1,"run":"20261123010203","label":"DAILY-001","program":"reelkeep 0.1.0"}
//! {"row":"run","stamp":"20261123010203","kind":"dump", …}
//! {"row":"dump","id":"0192f0c1…","host":"web","dle":"/srv","level":0, …}
//! {"row":"part","dump":"0192f0c1…","no":1,"label":"DAILY-001","file":3, …}
//! ```
//!
//! A reader passes over rows and members that it does not know, and over fields that it does not know. Fields
//! are only ever added, with a default. Rows may repeat what other volumes said already: the catalogue takes
//! them as facts, not as events.

mod pack;
mod rows;
#[cfg(test)]
mod tests;
mod unpack;

use types::DumpId;

use crate::frame::{FrameError, SplitError};
use crate::tar::TarError;

pub use pack::{Packer, pack};
pub use rows::{
    DleRow, DumpRow, DumpStatus, Head, HoldRow, PartRow, RunKind, RunRecords, RunRow, RunStatus,
    VolumeRow,
};
pub use unpack::{Indexes, Unpacked, Unpacker, unpack};

/// The version that is written; all up to it are read.
pub const VERSION: u32 = 1;

/// The member with the rows.
pub const ROWS: &str = "records.jsonl";

/// The most bytes of rows that are read: some hundred thousand dumps.
pub const ROWS_MOST: u64 = 256 << 20;

/// Raw bytes of a frame.
const FRAME: usize = 4 << 20;

/// The member with the index of a dump.
pub fn index_name(dump: DumpId) -> String {
    format!("index/{dump}.rkx")
}

fn dump_of(name: &[u8]) -> Option<DumpId> {
    let id = name.strip_prefix(b"index/")?.strip_suffix(b".rkx")?;
    std::str::from_utf8(id).ok()?.parse().ok()
}

/// Records that could not be packed, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// A frame could not be made or opened.
    #[error("could not {action} a frame of the run's records")]
    Frame {
        /// Which of the two.
        action: &'static str,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The bytes are not zstd frames.
    #[error("the run's records do not go on with a frame (byte {at})")]
    Split {
        /// Where they should.
        at: u64,
        /// What stands there.
        #[source]
        source: SplitError,
    },
    /// What is in the frames is no tar.
    #[error("the run's records hold a damaged tar")]
    Tar(#[from] TarError),
    /// A line is not a row.
    #[error("line {line} of the run's records is not a row")]
    Row {
        /// Which line, from 1.
        line: usize,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
    /// The first line is not that of records.
    #[error("the run's records do not begin with a line that says so")]
    NoHead,
    /// A later program wrote them.
    #[error(
        "the run's records are of version {0}, and this program reads up to {VERSION}: use a newer one"
    )]
    TooNew(u32),
    /// More than anyone writes.
    #[error("{what} of the run's records has {len} bytes, and {most} are allowed")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is or says it is.
        len: u64,
        /// How long it may be.
        most: u64,
    },
    /// The bytes end before the records do.
    #[error("the run's records are cut off")]
    CutOff,
    /// More or fewer bytes than were announced.
    #[error("the index of dump {0} has not the length that was announced")]
    Announced(DumpId),
}
