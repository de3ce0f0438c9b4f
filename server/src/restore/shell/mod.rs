//! The shell of `recover`: look around in any day, choose, extract. Made after amrecover.
//!
//! A line becomes words ([`words`]), words become a command ([`language`]), a command changes the [`state`] and
//! gives an answer. What a person sees of a name is what can be typed again: a name of any bytes at all can be
//! chosen. Nothing here reads a line or prints one, and nothing is written: `command::recover` does that.

pub mod chosen;
pub mod complete;
pub mod language;
pub mod names;
pub mod state;
pub mod words;

#[cfg(test)]
mod transcript;
