//! The target as its initiators see it.

pub(crate) mod initiator;
mod session;
pub(crate) mod socket;

use super::Answer;
use crate::scsi::Status;

pub(crate) const TARGET: &str = "iqn.2026-01.example:library";

fn good(data: usize) -> Answer {
    Answer { status: Status::Good, sense: Vec::new(), data: vec![9; data], refused: 0 }
}
