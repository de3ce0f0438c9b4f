//! A changer and its drives as one library.

pub mod matching;
