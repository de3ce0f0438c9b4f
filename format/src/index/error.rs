//! Why an index or a snapshot could not be written or read.

use std::io;

use super::blocks::VERSION;
use crate::frame::FrameError;
use crate::path::BadPath;
use crate::wire::WirePath;

/// A row that does not belong where it is put.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Rows must come in walk order, and each path once.
    #[error("{path:?} cannot stand behind {after:?} in an index")]
    OutOfOrder {
        /// What was pushed.
        path: WirePath,
        /// What was pushed before it.
        after: WirePath,
    },
    /// The path is not one inside a tree.
    #[error("{path:?} cannot stand in an index")]
    BadPath {
        /// What was pushed.
        path: WirePath,
        /// What is wrong with it.
        #[source]
        source: BadPath,
    },
    /// More than any reader takes.
    #[error("an index of {blocks} blocks is too large")]
    TooMany {
        /// How many there are.
        blocks: u64,
    },
    /// zstd could not.
    #[error("could not compress a block of an index")]
    Compress(#[from] FrameError),
}

/// A file of rows that cannot be read, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Its bytes could not be had.
    #[error("could not read {len} bytes at byte {offset} of the {what}")]
    Read {
        /// Index or snapshot.
        what: &'static str,
        /// Where.
        offset: u64,
        /// How many.
        len: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("this is no {what} of Reelkeep")]
    Foreign {
        /// What it should be.
        what: &'static str,
    },
    /// A later program made it.
    #[error(
        "the {what} is of version {version}, and this program reads up to {VERSION}: use a newer one"
    )]
    TooNew {
        /// Index or snapshot.
        what: &'static str,
        /// Its version.
        version: u32,
    },
    /// Some bytes cannot be as they were written.
    #[error("the {what} is damaged: {why} (at byte {offset})")]
    Damaged {
        /// Index or snapshot.
        what: &'static str,
        /// The block or part of the file.
        offset: u64,
        /// What is wrong there.
        why: &'static str,
    },
    /// A block does not open.
    #[error("a block of the {what} is damaged (at byte {offset})")]
    Block {
        /// Index or snapshot.
        what: &'static str,
        /// Where the block begins.
        offset: u64,
        /// What zstd found.
        #[source]
        source: FrameError,
    },
}
