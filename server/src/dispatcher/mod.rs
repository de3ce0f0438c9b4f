//! The dispatcher: decides what happens next in a run.
//!
//! It takes one [`Event`] at a time and returns the [`Action`]s that follow from it. It does nothing itself:
//! no disk, no drive, no clock, no threads. The loop around it carries the actions out and reports what
//! became of them; `event.rs` says which event answers which action.
//!
//! ```text
//!   Plan ──┐              StartDump        Held            WriteImage      ImagePlaced
//!          ├─► queued ─────────────► dumping ───► on holding ───────► writing ───► placed
//!   images ┘                   │        │  └── straight to a drive ─────────────────┘
//!   left over ─► on holding    │        └─► DumpFailed: again, as a full, degraded, or given up
//!                              └─► no volume: degraded mode
//! ```
//!
//! What always holds:
//!
//! - A DLE is dumped by one dumper at a time, and ends the run with exactly one [`Outcome`].
//! - An image that is held stays held until it is placed.
//! - No limit is exceeded: dumpers, dumps per host and spindle, interfaces, holding space, drives, volumes.
//! - When every action is answered, the run ends.

mod event;
mod site;
#[expect(dead_code, reason = "the decisions that use the ledger follow")]
mod space;

pub use event::{Action, Event, Failure, Haste, To};
pub use site::{Algorithm, Holding, Leftover, Letter, Manner, Site, Taper, Thresholds};
pub use space::{Disk, DiskNo, Reservation, Share};

use types::{DumpId, Level};

/// How a planned DLE ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its image is on volumes.
    Placed {
        /// The dump.
        dump: DumpId,
        /// Its level, which may be another than was planned.
        level: Level,
    },
    /// Its image waits on the holding disk.
    Held {
        /// The dump.
        dump: DumpId,
        /// Its level, which may be another than was planned.
        level: Level,
    },
    /// There is no image.
    Failed {
        /// Why.
        why: String,
    },
}
