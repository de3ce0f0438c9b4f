//! `library`: slots, drives, and what is in them.

use serde_json::json;

use super::{Context, Exit};
use crate::cli;
use crate::library::{self, Library};
use crate::print;

pub(super) fn run(context: &Context, command: &cli::Library) -> anyhow::Result<Exit> {
    let cli::Library::Show { storage } = command;
    let site = context.open()?;
    let storage = library::storage(&site.config, storage.as_deref())?;
    let inventory = Library::open(storage)?.inventory()?;
    let label = |cartridge: &Option<devices::Cartridge>| match cartridge {
        None => "empty".to_owned(),
        Some(cartridge) => {
            cartridge.label.as_ref().map_or_else(|| "no label seen".to_owned(), ToString::to_string)
        }
    };
    if context.json {
        let drives = inventory.drives.iter().map(|bay| {
            json!({
                "drive": bay.drive, "full": bay.cartridge.is_some(), "slot": bay.home,
                "label": bay.cartridge.as_ref().and_then(|cartridge| cartridge.label.clone()),
            })
        });
        let slots = inventory.slots.iter().map(|place| {
            json!({
                "slot": place.slot, "full": place.cartridge.is_some(),
                "label": place.cartridge.as_ref().and_then(|cartridge| cartridge.label.clone()),
                "barcode": place.cartridge.as_ref().and_then(|cartridge| cartridge.barcode.clone()),
            })
        });
        print::json(&json!({
            "storage": storage.name,
            "drives": drives.collect::<Vec<_>>(),
            "slots": slots.collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Good);
    }
    let mut rows = vec![["PLACE", "CARTRIDGE", "FROM"].map(str::to_owned).to_vec()];
    for bay in &inventory.drives {
        let from = bay.home.map(|slot| format!("slot {slot}")).unwrap_or_default();
        rows.push(vec![bay.drive.to_string(), label(&bay.cartridge), from]);
    }
    for place in &inventory.slots {
        rows.push(vec![format!("slot {}", place.slot), label(&place.cartridge), String::new()]);
    }
    print::text(&print::table(&rows, &[]))?;
    Ok(Exit::Good)
}
