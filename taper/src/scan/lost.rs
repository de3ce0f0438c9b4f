//! A needed volume that should be in a slot, and of which no label was read there.
//!
//! What a scan meets there looks new: it is blank, or has data of something else. But the volume may be all there but for
//! its first file, and then a new label would be the end of it. So nothing takes such a medium by itself. Whether it is
//! another cartridge is known where its chip or its sticker tells; else a person has to say so.

use types::{Label, Slot};

use super::{Hint, Situation};
use crate::catalogue::{Volume, VolumeState};
use crate::label::Found;
use crate::retention::{Needed, Rule, Verdict};

/// A needed volume that was to be found in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Which.
    pub label: Label,
    /// Where.
    pub slot: Slot,
    /// Why it is needed.
    pub needed: Needed,
}

impl Lost {
    /// The volume in its slot, where no label was read. `None` if nobody would miss what is there: nothing on it is
    /// needed, or the serial number of the cartridge says that it is another one.
    pub fn new(
        volume: &Volume,
        slot: Slot,
        verdict: Verdict,
        serial: Option<&str>,
    ) -> Option<Self> {
        let Verdict::Needed(needed) = verdict else { return None };
        let is_elsewhere = volume.state == VolumeState::Missing || volume.off_site.is_some();
        let known = volume.serial.as_deref();
        let is_another = known.is_some() && serial.is_some() && known != serial;
        // A retired volume is never reused; that alone is no reason to keep what is in its place.
        let is_kept = needed.reasons.iter().any(|reason| reason.rule != Rule::State);
        (is_kept && !is_elsewhere && !is_another).then(|| Self {
            label: volume.label.clone(),
            slot,
            needed,
        })
    }

    /// Why the medium is not taken, and what to do.
    pub fn told(&self, found: &Found) -> String {
        let Self { label, slot, needed } = self;
        let what = match found {
            Found::Blank => "nothing".to_owned(),
            Found::Foreign(what) | Found::Unreadable(what) => what.clone(),
            Found::Labelled { label, .. } => format!("volume {label}"),
        };
        format!(
            "{label} should be in it, and was found to begin with {what}. It is not overwritten, for {needed}. If the label of \
             {label} is damaged, what is behind it may be whole: take the cartridge out and keep it. If another cartridge lies \
             there, `reelkeep label --slot {slot} --force` labels it"
        )
    }
}

impl Situation {
    /// The needed volume that is thought to be in a slot.
    pub(super) fn lost(&self, slot: Slot, serial: Option<&str>) -> Option<Lost> {
        let view = self.slots.iter().find(|view| view.slot == slot)?;
        let Hint::Label(label) = &view.hint else { return None };
        Lost::new(self.volume(label)?, slot, self.verdicts.of(label), serial)
    }
}
