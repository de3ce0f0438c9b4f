//! One question, asked in three ways: what retention says of a volume if all are judged at once, if this one is, and if a
//! scan asks for advice.
//!
//! Reports, checks and the list of what would expire judge all; who gives a volume back has that one judged. They hear of
//! different dumps on different ways, and have to come to the same, reason for reason. A scan is content with one reason.

use server::library;
use taper::retention::Verdicts;
use types::{Label, Stamp};

use super::{Broken, Stop, World};

impl World {
    /// Of some volumes the same is said all ways: now and then of all that could be given back, and of one more.
    pub(crate) fn check_verdicts(&mut self) -> Result<(), Stop> {
        if !self.dice.one_in(3) {
            return Ok(());
        }
        let (now, policies) = (self.clock(), library::policies(&self.config));
        let all = self.judge_all(now)?;
        let known: Vec<&Label> = all.iter().map(|(label, _)| label).collect();
        let one_more = self.dice.pick(&known).copied();
        let advice = self.catalogue.advice(&policies, now)?;
        for label in all.reusable().chain(one_more) {
            let one = self.catalogue.verdict(label, &policies, now)?;
            let alone = one.of(label);
            if all.of(label) != alone {
                let (with_all, alone) = (all.explain(label), one.explain(label));
                return Err(Stop::Wrong(format!(
                    "judged with all others, {with_all}and judged alone, {alone}"
                )));
            }
            let advised = advice.of(label);
            if advised.is_reusable() != alone.is_reusable() {
                let alone = one.explain(label);
                return Err(Stop::Wrong(format!(
                    "a scan hears {advised:?}, and judged alone, {alone}"
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
