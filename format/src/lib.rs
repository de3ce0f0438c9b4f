//! Every byte that outlives a process or leaves it. Slices in, values out: no I/O here.
//!
//! What was ever written can be read. Anything on a volume or a holding disk restores with stock tools.
//! A reader never trusts a length.

pub mod acl;
pub mod contents;
pub mod entry;
pub mod frame;
pub mod header;
pub mod index;
pub mod path;
pub mod records;
pub mod script;
pub mod snapshot;
pub mod tar;
mod varint;
pub mod wire;
