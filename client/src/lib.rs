//! The agent: walk a tree, archive it, put it back.

pub mod archive;
mod attributes;
mod directory;
pub mod extract;
mod owners;
mod select;
mod since;
mod size;
mod stat;
mod walk;

pub use select::{BadPattern, Selection};
pub use since::{BaseError, Records, records};
pub use walk::WalkError;
