//! The way back: from a day and some paths to files in a directory.

pub mod image;
pub mod session;
pub mod view;
pub mod when;
