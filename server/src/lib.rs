//! The night: plan, dispatch, dump, hold, place, index, report; and the way back.

pub mod agent;
pub mod checkup;
pub mod cli;
pub mod clock;
pub mod command;
pub mod described;
pub mod dispatcher;
pub mod holding;
pub mod labelling;
pub mod library;
pub mod lock;
pub mod mail;
pub mod night;
pub mod operator;
pub mod pattern;
pub mod planner;
pub mod print;
pub mod progress;
pub mod rebuild;
pub mod report;
pub mod restore;
pub mod runlog;
mod selection;
pub mod site;
pub mod status;
pub mod store;
pub mod vault;
