//! TOML in, a checked [`Config`] out, complaints collected with their place in the text.
//!
//! A site is a directory with a `reelkeep.toml`, which may include others.

#[expect(dead_code, reason = "the reader comes next")]
mod complaint;
mod labels;
mod model;
mod origins;

pub use complaint::{Complaint, Complaints, Gravity, pictures};
pub use labels::{Autolabel, BadTemplate, LabelRule, Template};
pub use model::{
    Autoflush, Bump, Changer, ChangerKind, Config, DisplayUnit, Dle, DumpOrder, Dumping, Dumptype,
    Estimate, EstimateLimit, FlushThresholds, HoldingDisk, HoldingUse, Interface, Levels, Picks,
    Policy, RunsPerCycle, Selection, SendReport, Site, Storage, Strategy, Taperalgo, Tapering,
    Taperscan, Tapetype, TimeOfDay, UseSpace, Vault,
};
pub use origins::{Origin, Origins};
