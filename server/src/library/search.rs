//! A volume that is wanted, wherever it is.
//!
//! Where it is thought to be is looked first. What is read there is true, and what was thought before is not: if it is
//! another volume, that is noted, in the catalogue too, so that nobody is sent there a second time. Then the cartridges
//! are read of which nobody knows what is on them, and at last, in a library without barcodes, those of which that is only
//! remembered: a person who exchanges two of them tells nobody.
//!
//! ```text
//! the slot of the hint ──► slots without a hint ──► slots with a remembered one ──► not found, and what was met
//! ```
//!
//! A volume that is not found is not a damaged one, and never told as such.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use devices::changer::Bay;
use devices::ssc::CartridgeFacts;
use devices::{Cartridge, Inventory};
use taper::mount::{Identified, Mounted};
use types::{Barcode, Blame, DriveName, Label, Slot};

use super::{AnyDrive, Library, LibraryTrouble, locked};
use crate::night::estimate::with_causes;

/// What was read in a slot that was thought to hold something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub slot: Slot,
    /// What the sticker of the cartridge claims.
    pub barcode: Option<Barcode>,
    /// The volume; none: what is there is no volume of anybody.
    pub label: Option<Label>,
}

/// Who writes sightings down.
#[derive(Clone)]
pub(super) struct Scribe(Arc<dyn Fn(&Sighting) + Send + Sync>);

impl fmt::Debug for Scribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scribe")
    }
}

impl Library {
    /// The same library, with somebody who writes down which volume was met where another was thought to be.
    pub fn telling(self, scribe: Arc<dyn Fn(&Sighting) + Send + Sync>) -> Self {
        Self { scribe: Some(Scribe(scribe)), ..self }
    }

    /// Mounts a volume for reading, from wherever in the library it is.
    pub fn mount(
        &self,
        label: &Label,
        mut drive: AnyDrive,
    ) -> Result<Mounted<AnyDrive>, LibraryTrouble> {
        if self.is_manual() {
            return self.mount_by_hand(label, drive);
        }
        let name = drive.name().clone();
        let (mut tried, mut met) = (BTreeSet::new(), Vec::new());
        while let Some((slot, why)) = self.next_place(label, &name, &tried)? {
            tried.insert(slot);
            let (found, chip) = match self.load_with_chip(slot, drive) {
                Ok((loaded, chip)) => (loaded.identify().map_err(LibraryTrouble::from), chip),
                Err(trouble) => (Err(trouble), CartridgeFacts::default()),
            };
            let (is, says, kept) = match found {
                Ok(Identified::Labelled(mounted)) if mounted.label() == label => {
                    self.compare(label, &chip);
                    self.saw(slot, Some(label), why)?;
                    return Ok(mounted);
                }
                Ok(Identified::Labelled(mounted)) => {
                    let other = mounted.label().clone();
                    (Some(other.clone()), format!("volume {other}"), mounted.into_drive())
                }
                Ok(Identified::Blank(blank)) => {
                    (None, "a blank medium".to_owned(), blank.into_drive())
                }
                Ok(Identified::Foreign(foreign)) => {
                    (None, foreign.what().to_owned(), foreign.into_drive())
                }
                // One that was only looked at costs itself.
                Err(trouble) if why != Why::Expected && trouble.blame() == Blame::Medium => {
                    let why = with_causes(&trouble);
                    met.push((slot, format!("a cartridge that can't be read ({why})")));
                    drive = self.drive(&name)?;
                    continue;
                }
                Err(trouble) => return Err(trouble),
            };
            self.saw(slot, is.as_ref(), why)?;
            met.push((slot, says));
            drive = kept;
        }
        match met.is_empty() {
            true => Err(LibraryTrouble::Absent(label.clone())),
            false => Err(LibraryTrouble::NotFound { label: label.clone(), met: Met(met) }),
        }
    }

    /// Tells if a volume is on another cartridge than the catalogue knows. It is read all the same: a copy of a tape is a good
    /// thing to have, and frames prove themselves.
    pub(super) fn compare(&self, label: &Label, chip: &CartridgeFacts) {
        let known = locked(&self.shared.serials).get(label).cloned();
        if let Some(text) = another_cartridge(label, known.as_deref(), chip.serial.as_deref()) {
            tracing::warn!("{text}");
        }
    }

    /// Where to look for it next, and why there.
    fn next_place(
        &self,
        label: &Label,
        drive: &DriveName,
        tried: &BTreeSet<Slot>,
    ) -> Result<Option<(Slot, Why)>, LibraryTrouble> {
        let inventory = self.inventory()?;
        let new = |slot: &Slot| !tried.contains(slot);
        if let Some(slot) = slot_in(&inventory, label).filter(new) {
            return Ok(Some((slot, Why::Expected)));
        }
        let labels = locked(&self.shared.labels);
        let hearsay =
            |slot: &Slot| labels.by_slot.contains_key(slot) && !labels.read.contains(slot);
        let (mut unknown, mut remembered) = (None, None);
        for (slot, cartridge) in within_reach(&inventory, drive) {
            if !new(&slot) || !cartridge.kind.takes_data() {
                continue;
            }
            match &cartridge.label {
                None => unknown = unknown.or(Some((slot, Why::Unknown))),
                Some(_) if cartridge.barcode.is_none() && hearsay(&slot) => {
                    remembered = remembered.or(Some((slot, Why::Remembered)));
                }
                Some(_) => {}
            }
        }
        Ok(unknown.or(remembered))
    }

    /// What was read in a slot: it is noted, and told if it is news.
    fn saw(&self, slot: Slot, label: Option<&Label>, why: Why) -> Result<(), LibraryTrouble> {
        let barcode = self.barcode(slot)?;
        let expected = {
            let mut labels = locked(&self.shared.labels);
            let expected = labels.hint(barcode.as_ref(), Some(slot));
            match label {
                Some(label) => labels.note(barcode.as_ref(), Some(slot), label),
                None => labels.forget(barcode.as_ref(), slot),
            }
            labels.read.insert(slot);
            expected
        };
        let is_news = label.is_some() && why == Why::Unknown || expected.as_ref() != label;
        if let Some(Scribe(scribe)) = self.scribe.as_ref().filter(|_| is_news) {
            scribe(&Sighting { slot, barcode, label: label.cloned() });
        }
        Ok(())
    }
}

/// What there is to say if both serial numbers are known, and are not the same.
fn another_cartridge(label: &Label, known: Option<&str>, found: Option<&str>) -> Option<String> {
    let (known, found) = known.zip(found).filter(|(known, found)| known != found)?;
    Some(format!(
        "{label} is read from the cartridge with the serial number {found}, and was written on {known}: this is a copy, or the \
         label was written twice. `reelkeep volume scan` says what is on it"
    ))
}

/// Why a slot is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The volume is thought to be there.
    Expected,
    /// Nobody knows what is there.
    Unknown,
    /// Another is remembered to have been there.
    Remembered,
}

/// What was met on the way, in words. All of it; the first of it in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met(Vec<(Slot, String)>);

/// How many slots a message names.
const NAMED: usize = 8;

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (slot, says)) in self.0.iter().take(NAMED).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}slot {slot} holds {says}")?;
        }
        match self.0.len().checked_sub(NAMED) {
            Some(more @ 1..) => write!(f, ", and {more} more slots hold others"),
            _ => Ok(()),
        }
    }
}

/// The slot that probably has a volume, whether it is there or in a drive.
pub(super) fn slot_in(inventory: &Inventory, label: &Label) -> Option<Slot> {
    let in_slots = inventory.slots.iter().map(|place| (Some(place.slot), &place.cartridge));
    let in_drives = inventory.drives.iter().map(|bay| (bay.home, &bay.cartridge));
    let has = |cartridge: &Option<Cartridge>| {
        cartridge.as_ref().is_some_and(|it| it.label.as_ref() == Some(label))
    };
    in_slots.chain(in_drives).find(|(_, cartridge)| has(cartridge)).and_then(|(slot, _)| slot)
}

/// The cartridges that may be looked at: those in the slots, and what is in the drive that looks. What is in another
/// drive is somebody's.
fn within_reach<'a>(
    inventory: &'a Inventory,
    drive: &'a DriveName,
) -> impl Iterator<Item = (Slot, &'a Cartridge)> {
    let own = |bay: &'a Bay| Some((bay.home?, bay.cartridge.as_ref()?));
    let own = inventory.drives.iter().filter(move |bay| bay.drive == *drive).filter_map(own);
    let there = inventory.slots.iter().filter(|place| place.trouble.is_none());
    own.chain(there.filter_map(|place| Some((place.slot, place.cartridge.as_ref()?))))
}

#[cfg(test)]
mod tests {
    use super::another_cartridge;

    #[test]
    fn only_two_serial_numbers_that_differ_are_told() {
        let label = "N-01".parse().unwrap();
        let told = another_cartridge(&label, Some("T5KVFD2NT4"), Some("MF59TWPPJE")).unwrap();
        assert!(
            told.starts_with("N-01 is read from the cartridge with the serial number MF59TWPPJE")
        );
        assert!(told.contains("was written on T5KVFD2NT4"), "{told}");
        for (known, found) in [(Some("A"), Some("A")), (None, Some("A")), (Some("A"), None)] {
            assert_eq!(another_cartridge(&label, known, found), None);
        }
    }
}
