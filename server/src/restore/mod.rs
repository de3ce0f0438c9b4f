//! The way back: from a day and some paths to files in a directory.

pub mod differences;
pub mod everywhere;
pub mod image;
pub mod libraries;
pub mod plan;
pub mod reading;
pub mod session;
pub mod shell;
pub mod view;
mod waiting;
pub mod when;
pub mod wish;
