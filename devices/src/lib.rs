//! Drives and changers.
//!
//! A [`Drive`] moves blocks and filemarks, a [`Changer`] moves cartridges. Neither knows what a dump is.
//! [`vtape`] is a library made of directories, in the layout of Amanda's `chg-disk`; [`memory`] is one for
//! tests that behaves like tape; [`ssc`] is a drive that is spoken to in SCSI, through [`sg`]; [`st`] is a drive
//! behind the kernel's tape driver; [`trial`] tries a drive out and measures it; [`faulty`] puts a fault into any of them; and [`conformance`] is what all of
//! them, and every real drive, must pass.

pub mod changer;
pub mod conformance;
pub mod discover;
pub mod drive;
pub mod emulator;
pub mod faulty;
pub mod iscsi;
pub mod locks;
pub mod memory;
pub mod robot;
pub mod scsi;
pub mod sg;
pub mod smc;
pub mod ssc;
pub mod st;
pub mod transport;
pub mod trial;
pub mod vtape;
pub mod writeback;

pub use changer::{
    Bay, Cartridge, CartridgeKind, Changer, ChangerError, Inventory, Passage, Place, PlaceKind,
    Spot,
};
pub use drive::{
    Action, Drive, DriveError, LastBlock, Limits, Met, Position, Stretch, Trouble, Wrote,
};
pub use transport::{Completion, Data, Transport, TransportError, Wait};
