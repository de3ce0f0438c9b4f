//! `library`: slots, drives, what is in them, and moving it.

use serde_json::json;
use types::{DriveName, Slot};

use super::{Context, Exit, Misuse};
use crate::cli;
use crate::library::{self, Library, LibraryTrouble};
use crate::print;

pub(super) fn run(context: &Context, command: &cli::Library) -> anyhow::Result<Exit> {
    let site = context.open()?;
    match command {
        cli::Library::Show { storage } => {
            show(context, library::storage(&site.config, storage.as_deref())?)
        }
        cli::Library::Load { slot, drive, storage } => {
            let storage = library::storage(&site.config, storage.as_deref())?;
            let _lock = site.lock(&context.holder("library load"))?;
            let library = Library::open(storage)?;
            let drive = named(&library, drive.as_deref())?.first().cloned();
            let drive = drive.ok_or(LibraryTrouble::NoDrive)?;
            library.bring(Slot(*slot), &drive)?;
            print::line(&format!("slot {slot} is in {drive}"))?;
            Ok(Exit::Good)
        }
        cli::Library::Unload { drive, storage } => {
            let storage = library::storage(&site.config, storage.as_deref())?;
            let _lock = site.lock(&context.holder("library unload"))?;
            let library = Library::open(storage)?;
            for drive in named(&library, drive.as_deref())? {
                library.unload(&drive)?;
                print::line(&format!("{drive} is empty"))?;
            }
            Ok(Exit::Good)
        }
    }
}

/// The drive of this name, or all.
fn named(library: &Library, name: Option<&str>) -> Result<Vec<DriveName>, Misuse> {
    let Some(name) = name else { return Ok(library.drives().to_vec()) };
    let found = library.drives().iter().find(|drive| drive.as_str() == name).cloned();
    let all: Vec<&str> = library.drives().iter().map(DriveName::as_str).collect();
    let unknown = || Misuse(format!("there is no drive {name}: there are {}", all.join(", ")));
    found.map(|drive| vec![drive]).ok_or_else(unknown)
}

fn show(context: &Context, storage: &config::Storage) -> anyhow::Result<Exit> {
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
