//! What is where, as a table that can be read at night, and as JSON.

use std::collections::BTreeMap;

use devices::changer::Bay;
use devices::{Cartridge, CartridgeKind, Inventory, Passage, Place, PlaceKind};
use serde_json::{Value, json};
use taper::mount::Identified;
use taper::retention::Verdict;
use taper::scan::{Hint, SlotView};
use types::{Label, Slot};

use super::{Exit, Work};
use crate::clock::Now;
use crate::library::LibraryTrouble;
use crate::print;

/// What was found where a cartridge was read just now: a label, or why there is none.
type ReadNow = BTreeMap<Slot, String>;

/// Which labels are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that nobody has read yet.
    Unread,
    /// All: where cartridges were carried by hand, what is known of their places may be wrong.
    All,
}

impl Which {
    fn wants(self, hint: &Hint) -> bool {
        match hint {
            Hint::Unknown => true,
            Hint::Label(_) => self == Self::All,
            Hint::Empty | Hint::Busy(_) | Hint::Seen(_) => false,
        }
    }
}

impl Work<'_> {
    pub(super) fn show(&self) -> anyhow::Result<Exit> {
        self.print(&ReadNow::new())?;
        Ok(Exit::Good)
    }

    /// Reads labels, and shows everything.
    pub(super) fn read(&mut self, which: Which) -> anyhow::Result<Exit> {
        let mut troubles = Vec::new();
        let found = self.read_labels(which, &mut troubles)?;
        self.remember_places()?;
        self.print(&found)?;
        troubles.iter().for_each(|trouble| print::remark(trouble));
        Ok(if troubles.is_empty() { Exit::Good } else { Exit::Complaints })
    }

    /// Loads one cartridge after the other. What cannot be read does not keep the others from their turn.
    fn read_labels(&mut self, which: Which, troubles: &mut Vec<String>) -> anyhow::Result<ReadNow> {
        let mut found = ReadNow::new();
        let slots = self.place.library.slots()?;
        for view in slots.iter().filter(|view| which.wants(&view.hint)) {
            let says = self.read_label(view).unwrap_or_else(|error| {
                let why = anyhow::Error::from(error);
                troubles.push(format!("slot {} could not be read: {why:#}", view.slot));
                "cannot be read".to_owned()
            });
            if !self.place.library.is_manual() {
                print::remark(&format!("slot {}: {says}", view.slot));
            }
            found.insert(view.slot, says);
        }
        if !self.place.library.is_manual() {
            for drive in self.place.library.drives() {
                self.place.library.unload(drive)?;
            }
        }
        Ok(found)
    }

    fn read_label(&mut self, view: &SlotView) -> Result<String, LibraryTrouble> {
        let (slot, barcode) = (view.slot, view.barcode.as_ref());
        let drive = self.place.library.any_drive()?;
        let (label, mut says) = match self.place.library.load(slot, drive)?.identify()? {
            Identified::Labelled(mounted) => {
                let label = mounted.label().clone();
                (Some(label.clone()), label.to_string())
            }
            Identified::Blank(_) => (None, "blank".to_owned()),
            Identified::Foreign(foreign) => (None, foreign.what().to_owned()),
        };
        if let Hint::Label(thought) = &view.hint
            && label.as_ref() != Some(thought)
        {
            match label.is_none() && self.is_needed(thought) {
                // It may be that volume, with only its label lost: nothing is to be written there by itself.
                true => says = format!("{says}; {thought} should be there, and is needed"),
                false => self.is_not_in(thought, slot),
            }
        }
        if let Some(label) = &label {
            self.place.library.note(barcode, slot, label);
            // A volume that the catalogue does not know is shown all the same.
            let shelf = self.place.library.shelf(slot);
            drop(self.catalogue.record_seen(label, shelf, barcode));
        }
        Ok(says)
    }

    fn is_needed(&self, label: &Label) -> bool {
        let verdicts = self.catalogue.verdict(label, &self.policies, Now::read().stamp());
        verdicts.is_ok_and(|verdicts| matches!(verdicts.of(label), Verdict::Needed(_)))
    }

    /// A volume was thought to be in this slot, and something else was read there. If it was read in another one before, that
    /// stays known.
    fn is_not_in(&mut self, thought: &Label, slot: Slot) {
        let known = self.catalogue.volume(thought);
        if known.is_ok_and(|volume| volume.slot == Some(slot)) {
            self.place.library.unlearn(thought);
            drop(self.catalogue.record_seen(thought, None, None));
        }
    }

    fn print(&self, read: &ReadNow) -> anyhow::Result<()> {
        let mut inventory = self.place.library.inventory()?;
        let device = self.place.library.single_device();
        if device.is_some() {
            // Its only slot is the drive itself.
            inventory.slots.clear();
        }
        if self.context.json {
            let mut value = value(&inventory, read);
            value["storage"] = json!(self.place.storage.name);
            value["changer"] = json!(self.place.storage.changer.name);
            value["device"] = json!(device);
            print::json(&value)?;
        } else if let Some(device) = device {
            print::text(&alone(&inventory, &device, read))?;
        } else {
            print::text(&print::table(&rows(&inventory, read), &[]))?;
        }
        Ok(())
    }
}

/// A drive without a robot, in a line.
fn alone(inventory: &Inventory, device: &str, read: &ReadNow) -> String {
    let line = |bay: &Bay| {
        let says = bay.home.and_then(|slot| read.get(&slot));
        let what = match (&bay.trouble, &bay.cartridge, says) {
            (Some(trouble), ..) => trouble.clone(),
            (None, None, _) => "empty".to_owned(),
            (None, Some(_), Some(says)) => says.clone(),
            (None, Some(_), None) => {
                "a cartridge; `reelkeep library inventory` reads its label".to_owned()
            }
        };
        format!("drive {} ({device}): {what}\n", bay.drive)
    };
    inventory.drives.iter().map(line).collect()
}

fn rows(inventory: &Inventory, read: &ReadNow) -> Vec<Vec<String>> {
    let heading = ["PLACE", "BARCODE", "LABEL", "KIND", "FROM", "REMARK"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for bay in &inventory.drives {
        let from = bay.home.map(|slot| format!("slot {slot}")).unwrap_or_default();
        let says = bay.home.and_then(|slot| read.get(&slot));
        let place = format!("drive {}", bay.drive);
        let remark = bay.trouble.clone().unwrap_or_default();
        rows.push(row(place, bay.cartridge.as_ref(), says, (from, remark)));
    }
    for place in &inventory.slots {
        let name = match place.kind {
            PlaceKind::Storage => format!("slot {}", place.slot),
            PlaceKind::Mail(_) => format!("mail slot {}", place.slot),
        };
        let says = read.get(&place.slot);
        let last = (String::new(), remark(inventory, place));
        rows.push(row(name, place.cartridge.as_ref(), says, last));
    }
    rows
}

fn row(
    place: String,
    cartridge: Option<&Cartridge>,
    says: Option<&String>,
    (from, remark): (String, String),
) -> Vec<String> {
    let Some(cartridge) = cartridge else {
        return vec![place, String::new(), String::new(), "empty".to_owned(), from, remark];
    };
    let barcode = cartridge.barcode.as_ref().map_or("no barcode", |barcode| barcode.as_str());
    let label = match (&cartridge.label, says) {
        (_, Some(says)) => says.clone(),
        (Some(label), None) => label.to_string(),
        (None, None) if cartridge.kind.takes_data() => "not known".to_owned(),
        (None, None) => String::new(),
    };
    vec![place, barcode.to_owned(), label, kind(cartridge.kind).to_owned(), from, remark]
}

/// What else there is to say of a slot.
fn remark(inventory: &Inventory, place: &Place) -> String {
    let way = match place.kind {
        PlaceKind::Storage => None,
        PlaceKind::Mail(passage) => Some(way(passage).to_owned()),
    };
    let out = |bay: &&Bay| bay.home == Some(place.slot) && bay.cartridge.is_some();
    let user = inventory.drives.iter().find(out).filter(|_| place.cartridge.is_none());
    let away = user.map(|bay| format!("its cartridge is in drive {}", bay.drive));
    let all: Vec<String> = [way, away, place.trouble.clone()].into_iter().flatten().collect();
    all.join("; ")
}

fn way(passage: Passage) -> &'static str {
    match passage {
        Passage::Both => "in and out",
        Passage::In => "in only",
        Passage::Out => "out only",
        Passage::Shut => "not now: locked, or in the operator's hands",
    }
}

fn kind(kind: CartridgeKind) -> &'static str {
    match kind {
        CartridgeKind::Unknown => "cartridge",
        CartridgeKind::Data => "data",
        CartridgeKind::Worm => "WORM",
        CartridgeKind::Cleaning => "cleaning",
        CartridgeKind::Service => "service",
    }
}

fn value(inventory: &Inventory, read: &ReadNow) -> Value {
    let drive = |bay: &Bay| {
        let mut value = facts(bay.cartridge.as_ref(), bay.trouble.as_ref());
        value["drive"] = json!(bay.drive);
        value["slot"] = json!(bay.home);
        value["read"] = json!(bay.home.and_then(|slot| read.get(&slot)));
        value
    };
    let slot = |place: &Place| {
        let mut value = facts(place.cartridge.as_ref(), place.trouble.as_ref());
        value["slot"] = json!(place.slot);
        value["read"] = json!(read.get(&place.slot));
        value["mail"] = match place.kind {
            PlaceKind::Storage => Value::Null,
            PlaceKind::Mail(passage) => json!(word(passage)),
        };
        value
    };
    json!({
        "drives": inventory.drives.iter().map(drive).collect::<Vec<_>>(),
        "slots": inventory.slots.iter().map(slot).collect::<Vec<_>>(),
    })
}

fn facts(cartridge: Option<&Cartridge>, trouble: Option<&String>) -> Value {
    json!({
        "full": cartridge.is_some(),
        "barcode": cartridge.and_then(|cartridge| cartridge.barcode.clone()),
        "label": cartridge.and_then(|cartridge| cartridge.label.clone()),
        "kind": cartridge.map(|cartridge| kind(cartridge.kind)),
        "trouble": trouble,
    })
}

/// The word for JSON.
fn word(passage: Passage) -> &'static str {
    match passage {
        Passage::Both => "both",
        Passage::In => "in",
        Passage::Out => "out",
        Passage::Shut => "shut",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cartridge(barcode: &str, label: Option<&str>, kind: CartridgeKind) -> Option<Cartridge> {
        let label = label.map(|label| label.parse().unwrap());
        Some(Cartridge { barcode: barcode.parse().ok(), label, kind })
    }

    fn library() -> Inventory {
        let left = "left".parse().unwrap();
        let used = cartridge("RK0002L8", Some("DAILY-002"), CartridgeKind::Data);
        let away = Place::well(Slot(2), PlaceKind::Storage, None);
        let unknown = cartridge("RK0001L8", None, CartridgeKind::Worm);
        let cleaner = cartridge("CLNU01L1", None, CartridgeKind::Cleaning);
        Inventory {
            drives: vec![Bay::well(left, used, Some(Slot(2)))],
            slots: vec![
                Place::well(Slot(1), PlaceKind::Storage, unknown),
                away,
                Place {
                    trouble: Some("a door is open".into()),
                    ..Place::well(Slot(3), PlaceKind::Storage, cleaner)
                },
                Place::well(Slot(4), PlaceKind::Mail(Passage::Out), None),
            ],
        }
    }

    #[test]
    fn the_table_says_what_is_where_and_what_is_the_matter() {
        let text = print::table(&rows(&library(), &ReadNow::new()), &[]);
        let expected = "\
PLACE        BARCODE   LABEL      KIND      FROM    REMARK
drive left   RK0002L8  DAILY-002  data      slot 2
slot 1       RK0001L8  not known  WORM
slot 2                            empty             its cartridge is in drive left
slot 3       CLNU01L1             cleaning          a door is open
mail slot 4                       empty             out only
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_read_stands_before_what_was_known() {
        let read =
            ReadNow::from([(Slot(1), "blank".to_owned()), (Slot(2), "DAILY-007".to_owned())]);
        let rows = rows(&library(), &read);
        assert_eq!((rows[1][2].as_str(), rows[2][2].as_str()), ("DAILY-007", "blank"));
    }

    #[test]
    fn scripts_are_told_the_same() {
        let value = value(&library(), &ReadNow::new());
        assert_eq!(value["drives"][0]["barcode"], "RK0002L8");
        assert_eq!(value["drives"][0]["slot"], 2);
        assert_eq!(value["slots"][2]["kind"], "cleaning");
        assert_eq!(value["slots"][2]["trouble"], "a door is open");
        assert_eq!(value["slots"][3]["mail"], "out");
        assert_eq!(value["slots"][1]["full"], false);
    }
}
