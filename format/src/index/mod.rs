//! The index of a dump: which paths it has, and where in the image each lies.
//!
//! One immutable file a dump. The agent makes it while it walks and puts it into the contents frame; the server
//! keeps a copy beside the catalogue and answers from it without unpacking: [`Reader::find`] reads one block,
//! [`Reader::list`] those that hold the children of a directory. The index of a level n holds what changed,
//! and tombstones; [`merge`] lays the indexes of a chain of dumps over each other.
//!
//! The bytes are described in `blocks.rs` and `columns.rs`, and in docs/FORMAT.md.

mod blocks;
mod columns;
mod error;
mod guide;
pub mod merge;
mod reader;
mod record;
mod source;
mod stream;
#[cfg(test)]
mod tests;

pub use blocks::Counts;
pub(crate) use blocks::{Row, Writer as RowWriter, put_signed, take_signed};
pub(crate) use columns::{put_nanos, take_kind, take_nanos};
pub use error::{IndexError, WriteError};
pub use reader::{Iter, Reader};
pub use record::{Record, RecordKind};
pub use source::ReadAt;
pub(crate) use stream::Stream;

/// Makes an index. The bytes that it hands out, one after the other, are the file.
pub struct Writer(blocks::Writer<Record>);

impl Writer {
    /// An index without records.
    pub fn new() -> Result<Self, WriteError> {
        blocks::Writer::new().map(Self)
    }

    /// Takes the next record in walk order. Now and then it gives bytes that are finished.
    pub fn push(&mut self, record: &Record) -> Result<Option<Vec<u8>>, WriteError> {
        self.0.push(record)
    }

    /// What was pushed so far.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// The rest of the bytes. Without them it is no index.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        self.0.finish()
    }
}
