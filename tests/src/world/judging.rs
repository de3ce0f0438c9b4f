//! One question, asked in two ways: what retention says of a volume if all are judged at once, and if this one is.
//!
//! Reports, checks and the list of what would expire judge all; who gives a volume back has that one judged. They hear of
//! different dumps on different ways, and have to come to the same, reason for reason.

use server::library;
use taper::retention::Verdicts;
use types::{Label, Stamp};

use super::{Broken, Stop, World};

/// Of so many volumes it is asked each time.
const FEW: u32 = 3;

impl World {
    /// Of some volumes the same is said both ways. Every other time it is one that could be given back.
    pub(crate) fn check_verdicts(&mut self) -> Result<(), Stop> {
        let now = self.clock();
        let all = self.judge_all(now)?;
        let labels: Vec<Label> = all.iter().map(|(label, _)| label.clone()).collect();
        let reusable: Vec<Label> = all.reusable().cloned().collect();
        for _ in 0..FEW {
            let free = self.dice.one_in(2) && !reusable.is_empty();
            let Some(label) = self.dice.pick(if free { &reusable } else { &labels }) else {
                return Ok(());
            };
            let one = self.catalogue.verdict(label, &library::policies(&self.config), now)?;
            if all.of(label) != one.of(label) {
                let (with_all, alone) = (all.explain(label), one.explain(label));
                return Err(Stop::Wrong(format!(
                    "judged with all others, {with_all}and judged alone, {alone}"
                )));
            }
        }
        Ok(())
    }

    fn judge_all(&self, now: Stamp) -> Result<Verdicts, Stop> {
        if self.is_broken(Broken::ForgetsIdle) {
            return self.without_idle(now);
        }
        Ok(self.catalogue.verdicts(&library::policies(&self.config), now)?)
    }
}
