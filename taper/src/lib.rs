//! From a cartridge in a drive to a dump on a volume, and back.

pub mod catalogue;
pub mod clerk;
pub mod label;
pub mod mount;
pub mod retention;
pub mod scan;
pub mod scribe;
pub mod tail;

#[cfg(test)]
mod rig;
