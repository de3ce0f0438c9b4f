//! The agent: walk a tree, archive it, put it back.

pub mod archive;
mod attributes;
mod directory;
mod estimate;
pub mod extract;
mod owners;
pub mod script;
mod select;
pub mod serve;
mod since;
mod size;
mod stat;
pub mod state;
mod walk;

pub use select::{BadPattern, Selection};
pub use since::{BaseError, Records, records};
pub use walk::WalkError;
