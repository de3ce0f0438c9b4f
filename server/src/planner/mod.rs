//! The planner: decides which DLE is dumped tonight, and at which level.
mod facts;
mod outcome;

pub use facts::{
    Base, Bump, Capacity, Day, DleFacts, Estimate, Estimates, Minutes, Past, Ratio, Request, Row,
    Snapshot, Source, Strategy, Today, Tonight,
};
pub use outcome::{Balance, Choice, DueDay, Kind, Plan, Planned, Skipped, Warning};
