//! index
mod record;
pub use record::{Record, RecordKind};
