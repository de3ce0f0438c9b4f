//! What would do, if somebody brought it: for a drive whose cartridges a person changes.
//!
//! A library with a robot offers what is in its slots. A person has shelves, so the question is turned round: which
//! volumes of the catalogue could be written now, wherever they are, and may a blank cartridge be used?

use types::Label;

use super::{Append, Method, Scan, Situation};
use crate::catalogue::Volume;
use crate::label::Found;

/// What may be brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldDo {
    /// Volumes that could be written on, the best first, each with the reason.
    pub volumes: Vec<(Label, String)>,
    /// The label that a blank cartridge would get, if one would be taken.
    pub blank: Option<Label>,
}

impl Scan {
    /// What could be written on, wherever it is.
    pub fn would_do(&self) -> WouldDo {
        self.situation.would_do()
    }
}

impl Situation {
    fn would_do(&self) -> WouldDo {
        let mut known: Vec<(&Volume, String)> =
            self.ours().filter_map(|volume| Some((volume, self.use_of(volume)?))).collect();
        known.sort_by_key(|(volume, _)| self.order(volume));
        let slot = self.slots.first().map(|view| view.slot);
        let blank = slot.and_then(|slot| self.fresh(slot, Found::Blank).ok());
        WouldDo {
            volumes: known.into_iter().map(|(volume, why)| (volume.label.clone(), why)).collect(),
            blank: blank.map(|fresh| fresh.label),
        }
    }

    /// How a volume could be used, in words.
    fn use_of(&self, volume: &Volume) -> Option<String> {
        if self.append == Append::Allowed && self.has_room(volume) && Self::was_written(volume) {
            return Some("has room".to_owned());
        }
        if self.begins_behind_its_label(volume) {
            return Some("labelled, never written, can be written only once".to_owned());
        }
        self.may_begin(volume).ok()?;
        Some(match volume.last_written {
            Some(run) => format!("no longer needed, written last on {}", run.day()),
            None => "labelled, never written".to_owned(),
        })
    }

    /// Volumes with room come first, the one written last before the others; then as the method has it.
    fn order(&self, volume: &Volume) -> impl Ord + use<> {
        let appends = self.append == Append::Allowed && self.has_room(volume);
        let written = volume.last_written;
        let latest = appends.then_some(std::cmp::Reverse(written));
        let by_age = (self.method != Method::Lexical)
            .then_some((written.is_none() != (self.method == Method::Oldest), written));
        (!appends, latest, by_age, volume.label.clone())
    }
}
