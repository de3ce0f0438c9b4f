//! Cartridges on their way: between slots and drives, and through the mail slots.
//!
//! The catalogue is told where a cartridge went whose barcode it knows, or of which it knew what was in its place.

use devices::smc::barcode::same;
use devices::{Inventory, Passage, PlaceKind, Spot};
use serde_json::json;
use taper::catalogue::Volume;
use types::{Barcode, Label, Slot};

use super::{Exit, Misuse, Work};
use crate::library::LibraryTrouble;
use crate::print;

/// A library without a way in and out.
const NO_MAIL: &str = "it has no mail slots: open its door, change cartridges by hand, and have it look again with \
     `reelkeep library inventory`";

impl Work<'_> {
    pub(super) fn load(&mut self, slot: u32, drive: Option<&str>) -> anyhow::Result<Exit> {
        let (slot, drive) = (self.place.slot(slot)?, self.place.drive_or_first(drive)?);
        if self.place.library.is_manual() {
            // A person has put it there, and it may have to be threaded.
            let open = self.place.library.drive(&drive)?;
            self.place.library.load(slot, open)?;
        } else {
            self.place.library.bring(slot, &drive)?;
        }
        self.say(&format!("slot {slot} is in {drive}"), json!({ "slot": slot, "drive": drive }))
    }

    pub(super) fn unload(&mut self, drive: Option<&str>) -> anyhow::Result<Exit> {
        let drives = self.place.named(drive)?;
        for drive in &drives {
            self.place.library.give_out(drive)?;
        }
        let what = match self.place.library.is_manual() {
            true => "has given its cartridge out: take it",
            false => "is empty",
        };
        let lines: Vec<String> = drives.iter().map(|drive| format!("{drive} {what}")).collect();
        self.say(&lines.join("\n"), json!({ "empty": drives }))
    }

    pub(super) fn carry(&mut self, from: &str, to: &str) -> anyhow::Result<Exit> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        let before = self.place.library.inventory()?;
        self.place.library.move_cartridge(&from, &to)?;
        if let Spot::Slot(to) = to {
            self.went(label_at(&before, &from), to)?;
        }
        self.remember_places()?;
        let text = format!("the cartridge of {from} is in {to}");
        self.say(&text, json!({ "from": from.to_string(), "to": to.to_string() }))
    }

    pub(super) fn import(&mut self, mail: Option<u32>, slot: Option<u32>) -> anyhow::Result<Exit> {
        let inventory = self.with_mail()?;
        let to = slot.map(|slot| self.place.slot(slot)).transpose()?;
        let wanted = match mail {
            Some(mail) => vec![mail_slot(&inventory, Slot(mail))?],
            None => waiting(&inventory),
        };
        let (mut lines, mut values, mut exit) = (Vec::new(), Vec::new(), Exit::Good);
        for place in wanted {
            let cartridge = inventory.slot(place).and_then(|it| it.cartridge.as_ref());
            let barcode = cartridge.and_then(|cartridge| cartridge.barcode.clone());
            match self.place.library.import(place, to) {
                Ok(to) => {
                    let what = barcode.as_ref().map_or("the cartridge", |barcode| barcode.as_str());
                    lines.push(format!("{what} of mail slot {place} is in slot {to}"));
                    values.push(json!({ "mail": place, "slot": to, "barcode": barcode }));
                }
                Err(error) if mail.is_some() => return Err(error.into()),
                Err(error) => {
                    print::remark(&format!("{:#}", anyhow::Error::from(error)));
                    exit = Exit::Complaints;
                }
            }
        }
        self.remember_places()?;
        if lines.is_empty() && exit == Exit::Good {
            lines.push("no mail slot has a cartridge that could be taken in".to_owned());
        }
        self.say(&lines.join("\n"), json!({ "imported": values }))?;
        Ok(exit)
    }

    pub(super) fn export(&mut self, what: &str, mail: Option<u32>) -> anyhow::Result<Exit> {
        let inventory = self.with_mail()?;
        let slot = self.place.slot_called(&inventory, what)?;
        let mail = mail.map(|mail| mail_slot(&inventory, Slot(mail))).transpose()?;
        let user = inventory.drives.iter().find(|bay| bay.home == Some(slot));
        if let Some(bay) = user.filter(|bay| bay.cartridge.is_some()) {
            self.place.library.unload(&bay.drive)?;
        }
        let mail = self.place.library.export(slot, mail)?;
        self.went(label_at(&inventory, &Spot::Slot(slot)), mail)?;
        self.remember_places()?;
        let text = format!("the cartridge of slot {slot} is in mail slot {mail}: take it out");
        self.say(&text, json!({ "slot": slot, "mail": mail }))
    }

    /// What is where, of a library with mail slots.
    fn with_mail(&self) -> anyhow::Result<Inventory> {
        self.place.library.robot()?;
        let inventory = self.place.library.inventory()?;
        let mail = |place: &devices::Place| matches!(place.kind, PlaceKind::Mail(_));
        match inventory.slots.iter().any(mail) {
            true => Ok(inventory),
            false => {
                let changer = self.place.storage.changer.name.clone();
                Err(LibraryTrouble::NotForThis { changer, why: NO_MAIL }.into())
            }
        }
    }

    /// The place that is called so: a slot's number, or a drive's name.
    fn spot(&self, text: &str) -> anyhow::Result<Spot> {
        match text.parse() {
            Ok(number) => self.place.slot(number).map(Spot::Slot),
            Err(_) => Ok(Spot::Drive(self.place.drive(text)?)),
        }
    }

    /// Tells the catalogue where the volume is that was carried, if it is known by its place: without a barcode nothing
    /// else shows it later. One in a mail slot is in none.
    fn went(&mut self, label: Option<Label>, to: Slot) -> anyhow::Result<()> {
        let known = label.map(|label| self.catalogue.volume(&label)).transpose();
        let Ok(Some(volume)) = known else { return self.something_else_is_in(to) };
        let label = volume.label;
        let inventory = self.place.library.inventory()?;
        let stays = |place: &devices::Place| place.kind == PlaceKind::Storage;
        let slot = inventory.slot(to).filter(|place| stays(place)).map(|place| place.slot);
        match slot {
            Some(slot) => self.place.library.note(volume.barcode.as_ref(), slot, &label),
            None if volume.barcode.is_none() => self.place.library.unlearn(&label),
            None => {}
        }
        Ok(self.catalogue.record_seen(&label, slot, None)?)
    }

    /// A cartridge was carried there of which nobody knows what is on it: no volume that was thought to be there is. One with a
    /// barcode is found by that.
    fn something_else_is_in(&mut self, slot: Slot) -> anyhow::Result<()> {
        let storage = &self.place.storage.name;
        let thought = |volume: &Volume| {
            volume.slot == Some(slot) && volume.storage == *storage && volume.barcode.is_none()
        };
        for volume in self.catalogue.volumes()?.into_iter().filter(thought) {
            self.place.library.unlearn(&volume.label);
            self.catalogue.record_seen(&volume.label, None, None)?;
        }
        Ok(())
    }

    /// Tells the catalogue in which slot each volume is whose barcode it knows. One in a mail slot is in none.
    pub(super) fn remember_places(&mut self) -> anyhow::Result<()> {
        let inventory = self.place.library.inventory()?;
        for volume in self.catalogue.volumes()? {
            let Some(barcode) = volume.barcode.as_ref() else { continue };
            if volume.storage != self.place.storage.name {
                continue;
            }
            let Some(slot) = whereabouts(&inventory, barcode) else { continue };
            if slot != volume.slot {
                self.catalogue.record_seen(&volume.label, slot, Some(barcode))?;
            }
        }
        Ok(())
    }

    pub(super) fn say(&self, text: &str, value: serde_json::Value) -> anyhow::Result<Exit> {
        if self.context.json {
            print::json(&value)?
        } else {
            print::line(text)?
        }
        Ok(Exit::Good)
    }
}

/// This mail slot, if it is one.
fn mail_slot(inventory: &Inventory, slot: Slot) -> Result<Slot, Misuse> {
    let is_mail = |place: &&devices::Place| matches!(place.kind, PlaceKind::Mail(_));
    let there: Vec<Slot> = inventory.slots.iter().filter(is_mail).map(|place| place.slot).collect();
    if there.contains(&slot) {
        return Ok(slot);
    }
    let there: Vec<String> = there.iter().map(Slot::to_string).collect();
    Err(Misuse(format!("{slot} is no mail slot: there are {}", there.join(", "))))
}

/// The mail slots with something to take in.
fn waiting(inventory: &Inventory) -> Vec<Slot> {
    let waits = |place: &&devices::Place| {
        place.cartridge.is_some()
            && matches!(place.kind, PlaceKind::Mail(Passage::Both | Passage::In))
    };
    inventory.slots.iter().filter(waits).map(|place| place.slot).collect()
}

/// The label that the cartridge of a place probably has. That of a slot may be in a drive.
fn label_at(inventory: &Inventory, spot: &Spot) -> Option<Label> {
    let cartridge = match spot {
        Spot::Drive(drive) => inventory.drive(drive)?.cartridge.as_ref(),
        Spot::Slot(slot) => {
            let out = || inventory.drives.iter().find(|bay| bay.home == Some(*slot));
            let here = inventory.slot(*slot)?.cartridge.as_ref();
            here.or_else(|| out()?.cartridge.as_ref())
        }
    };
    cartridge?.label.clone()
}

/// The slot of a barcode, or that it has none now; nothing if it is not in the library.
fn whereabouts(inventory: &Inventory, barcode: &Barcode) -> Option<Option<Slot>> {
    let is = |cartridge: &Option<devices::Cartridge>| {
        let seen = cartridge.as_ref().and_then(|cartridge| cartridge.barcode.as_ref());
        seen.is_some_and(|seen| same(seen, barcode))
    };
    if let Some(place) = inventory.slots.iter().find(|place| is(&place.cartridge)) {
        return Some((place.kind == PlaceKind::Storage).then_some(place.slot));
    }
    let bay = inventory.drives.iter().find(|bay| is(&bay.cartridge))?;
    // Where it belongs is not always known, and nothing is learnt then.
    bay.home.map(Some)
}

#[cfg(test)]
mod tests {
    use devices::changer::Bay;
    use devices::{Cartridge, CartridgeKind, Place};

    use super::super::found;
    use super::*;

    #[test]
    fn a_cartridge_is_found_by_its_barcode_with_the_medium_and_without() {
        let cartridge = |barcode: &str| {
            let barcode = barcode.parse().ok();
            Some(Cartridge { barcode, label: None, kind: CartridgeKind::Data })
        };
        let drive = "left".parse().unwrap();
        let inventory = Inventory {
            drives: vec![Bay::well(drive, cartridge("RK0009"), Some(Slot(9)))],
            slots: vec![
                Place::well(Slot(1), PlaceKind::Storage, cartridge("RK0001L8")),
                Place::well(Slot(2), PlaceKind::Storage, cartridge("RK0002")),
            ],
        };
        for (what, slot) in [
            ("RK0001L8", Some(1)),
            ("RK0001", Some(1)),
            ("RK0002L8", Some(2)),
            ("RK0009L8", Some(9)),
            ("RK0001L7", None),
            ("RK0003L8", None),
        ] {
            assert_eq!(found(&inventory, what), slot.map(Slot), "{what}");
        }
        let known: Barcode = "RK0002L8".parse().unwrap();
        assert_eq!(whereabouts(&inventory, &known), Some(Some(Slot(2))));
    }
}
