//! TOML in, a checked [`Config`] out, complaints collected with their place in the text.
//!
//! A site is a directory with a `reelkeep.toml`, which may include others. [`load()`] reads the files from a
//! directory; [`read()`] is the pure part: texts in, a [`Config`] or all [`Complaints`] at once.

mod changer;
mod changer_values;
mod codec;
mod complaint;
mod keys;
mod label_values;
mod labels;
mod load;
mod mail;
mod model;
mod origins;
mod quickstart;
mod read;
mod resolve;
mod retired;
mod scripts;
mod sections;
mod select;
mod show;
mod shown;
mod special;
mod suggest;
mod units;
mod value;
mod words;

pub use changer::{
    Changer, ChangerKind, Cleaning, Emulated, Generation, Medium, Node, Profile, Robot, RobotDrive,
    RobotDrives,
};
pub use complaint::{Complaint, Complaints, Gravity, pictures};
pub use labels::{Autolabel, LabelRule};
pub use load::{files, load};
pub use mail::{BadServer, SmtpSecurity, SmtpServer};
pub use model::{
    Autoflush, Bump, Config, DisplayUnit, Dle, DumpOrder, Dumping, Dumptype, Estimate,
    EstimateLimit, FlushThresholds, HoldingDisk, HoldingUse, Interface, Levels, Picks, Policy,
    RunsPerCycle, Selection, SendReport, Site, Storage, Strategy, Taperalgo, Tapering, Taperscan,
    Tapetype, TimeOfDay, UseSpace, Vault,
};
pub use origins::{Origin, Origins};
pub use quickstart::{BadPath, Quickstart, quickstart};
pub use read::{FILE_NAME, includes, read};
pub use scripts::Script;
pub use sections::vocabulary;
pub use select::{Named, SelectError, select};
pub use show::{View, show, show_json, view};
pub use shown::Shown;
pub use units::{BadNumber, parse_size};
