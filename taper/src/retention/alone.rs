//! The rules that look at a volume alone, whatever is on it.

use super::{Judgement, Reason, Rule, VolumeFact, because};
use crate::catalogue::{Lock, Medium, VolumeState};

impl Judgement {
    /// The rules that look at a volume alone.
    pub(super) fn look_at(&mut self, volumes: &[VolumeFact]) {
        for volume in volumes {
            for reason in self.reasons_of(volume) {
                self.verdicts.need(&volume.label, reason);
            }
        }
        self.keep_the_newest(volumes);
    }

    fn reasons_of(&self, volume: &VolumeFact) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut keep = |rule, why: String, until| reasons.push(Reason { rule, why, until });
        match volume.lock {
            Lock::NoReuse => {
                keep(Rule::Lock, because("it is marked no-reuse", &volume.locked), None)
            }
            Lock::Until(day) if volume.lock.holds(self.now) => {
                let what = format!("it is to be kept until {}", day.day());
                keep(Rule::Lock, because(&what, &volume.locked), Some(day));
            }
            Lock::Open | Lock::Until(_) => {}
        }
        match volume.state {
            VolumeState::Retired => keep(Rule::State, "it is retired".to_owned(), None),
            VolumeState::Missing => keep(Rule::State, "it can't be found".to_owned(), None),
            _ => {}
        }
        if volume.medium == Medium::WriteOnce {
            let why = "its medium can be written only once (WORM): it is never started afresh";
            keep(Rule::WriteOnce, why.to_owned(), None);
        }
        let stamps = [volume.labelled, volume.written];
        if let Some(run) = stamps.iter().flatten().find(|run| self.unfinished.contains(run)) {
            keep(Rule::Unfinished, format!("run {run} wrote on it and has not finished"), None);
        }
        match self.policies.get(&volume.storage) {
            None => {
                let why = format!("nothing says how long storage {} keeps volumes", volume.storage);
                keep(Rule::NoPolicy, why, None);
            }
            Some(policy) => {
                if let Some(written) = volume.written
                    && self.now.days_since(written) < policy.days
                {
                    let why = format!(
                        "it was written on {}, and volumes are kept for {} days",
                        written.day(),
                        policy.days
                    );
                    keep(Rule::Days, why, Some(written.plus_days(policy.days)));
                }
                if let Some(day) = policy.keep_until
                    && volume.written.is_some()
                    && self.now < day
                {
                    let why = format!("storage {} keeps all until {}", volume.storage, day.day());
                    keep(Rule::KeepUntil, why, Some(day));
                }
            }
        }
        reasons
    }

    /// The volumes of each storage that were written last. Those that would not be reused anyway don't count,
    /// so that a drawer full of archived volumes doesn't stand in for the rotation. One whose lock will end is kept by this
    /// too: the lock alone lets go of it too early.
    fn keep_the_newest(&mut self, volumes: &[VolumeFact]) {
        for (storage, policy) in &self.policies {
            let mut volumes: Vec<_> = volumes
                .iter()
                .filter(|volume| volume.storage == *storage && volume.lock != Lock::NoReuse)
                .filter(|v| !matches!(v.state, VolumeState::Retired | VolumeState::Missing))
                .filter(|volume| volume.medium == Medium::Rewritable)
                .filter_map(|volume| Some((volume.written?, &volume.label, volume.lock)))
                .collect();
            volumes.sort_by_key(|&(written, label, _)| std::cmp::Reverse((written, label)));
            let mut left = policy.volumes;
            for (_, label, lock) in volumes {
                if left == 0 {
                    break;
                }
                left -= u32::from(!lock.holds(self.now));
                let why = format!("it is among the {} volumes written last", policy.volumes);
                self.verdicts.need(label, Reason { rule: Rule::Volumes, why, until: None });
            }
        }
    }
}
