//! What a drive remarks while it does as it is told.

use crate::scsi::Sense;
use crate::scsi::Verdict;
use crate::scsi::judge::{self, Answer, Attention};

/// Remarks since the drive was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// How often it did something only after it had helped itself.
    pub recovered: u64,
    /// Whether it asked to be cleaned.
    pub cleaning: Cleaning,
    /// Whether it said that it will fail some day.
    pub failure: FailureAhead,
}

/// Whether a drive asked to be cleaned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleaning {
    /// It did not.
    #[default]
    NotAsked,
    /// It did: clean it when it is free.
    Asked,
}

/// Whether a drive expects to fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureAhead {
    /// It does not say so.
    #[default]
    NotExpected,
    /// It does.
    Expected,
}

impl Notes {
    /// Writes down a remark, and gives back what is left of the answer.
    pub(super) fn take(&mut self, answer: Answer, sense: &Sense) -> Answer {
        // A recovered error may come with a filemark or the end: it counts all the same.
        if judge::helped_itself(sense) && answer != Answer::CleaningWanted {
            self.recovered += 1;
        }
        match answer {
            Answer::Recovered | Answer::Rounded => Answer::Done,
            Answer::CleaningWanted => {
                self.cleaning = Cleaning::Asked;
                Answer::Done
            }
            Answer::FailurePredicted => {
                self.failure = FailureAhead::Expected;
                Answer::Done
            }
            other => other,
        }
    }

    /// Writes down what came with a refusal.
    pub(super) fn take_failure(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Answer(Answer::CleaningWantedEarlier)
            | Verdict::Attention(Attention::CleaningWanted) => self.cleaning = Cleaning::Asked,
            Verdict::Attention(Attention::Warning) => self.failure = FailureAhead::Expected,
            _ => {}
        }
    }
}
