//! `volume`: look at volumes, and say what may become of them.

use serde_json::json;
use taper::catalogue::{Catalogue, Lock, VolumeState};
use types::{Label, Slot};

use super::list::{lock, volume_value};
use super::{Context, Exit, Misuse};
use crate::cli::Volume;
use crate::clock::stamp_text;
use crate::site::Site;
use crate::{library, print};

pub(super) fn run(context: &Context, command: &Volume) -> anyhow::Result<Exit> {
    let site = context.open()?;
    match command {
        Volume::Show { label } => show(context, &site, &parse(label)?),
        Volume::Explain { label } => explain(context, &site, &parse(label)?),
        Volume::Scan { slot, storage } => scan(context, &site, Slot(*slot), storage.as_deref()),
        Volume::Lock { label } => set_lock(context, &site, &parse(label)?, Lock::NoReuse),
        Volume::Unlock { label } => set_lock(context, &site, &parse(label)?, Lock::Open),
        Volume::Retire { label, dry_run } => retire(context, &site, &parse(label)?, *dry_run),
    }
}

fn parse(label: &str) -> Result<Label, Misuse> {
    label.parse().map_err(|error: types::BadLabel| Misuse(error.to_string()))
}

fn show(context: &Context, site: &Site, label: &Label) -> anyhow::Result<Exit> {
    let catalogue = site.catalogue()?;
    let volume = catalogue.volume(label)?;
    let parts = catalogue.parts_on(label)?;
    if context.json {
        let mut value = volume_value(&volume);
        value["parts"] = parts
            .iter()
            .map(|part| json!({
                "file": part.file, "dump": part.dump, "part": part.no, "bytes": part.bytes, "run": part.run,
                "offset": part.offset, "first_frame": part.first_frame, "last_frame": part.last_frame,
            }))
            .collect();
        print::json(&value)?;
        return Ok(Exit::Good);
    }
    print::line(&format!(
        "{label}: {}, pool {}, storage {}",
        volume.state, volume.pool, volume.storage
    ))?;
    print::line(&format!(
        "  slot {}",
        volume.slot.map_or_else(|| "not known".to_owned(), |slot| slot.to_string())
    ))?;
    print::line(&format!(
        "  labelled {}",
        volume.labelled.map_or_else(|| "in no run".to_owned(), stamp_text)
    ))?;
    if let Some(last) = volume.last_written {
        print::line(&format!("  last written {}", stamp_text(last)))?;
    }
    print::line(&format!(
        "  {} of images, next file {}, lock {}",
        volume.bytes,
        volume.end.file,
        lock(volume.lock)
    ))?;
    let mut rows =
        vec![["FILE", "RUN", "HOST", "DLE", "LEVEL", "PART", "BYTES"].map(str::to_owned).to_vec()];
    for part in &parts {
        let dump = catalogue.dump(part.dump)?.dump;
        rows.push(vec![
            part.file.to_string(),
            stamp_text(dump.run),
            dump.dle.host.to_string(),
            dump.dle.dle.to_string(),
            dump.level.to_string(),
            part.no.to_string(),
            part.bytes.to_string(),
        ]);
    }
    if rows.len() > 1 {
        print::text(&print::table(&rows, &[0, 4, 5, 6]))?;
    }
    Ok(Exit::Good)
}

fn explain(context: &Context, site: &Site, label: &Label) -> anyhow::Result<Exit> {
    let catalogue = site.catalogue()?;
    catalogue.volume(label)?;
    let verdicts = catalogue.verdicts(&library::policies(&site.config), context.now.stamp())?;
    let text = verdicts.explain(label);
    if context.json {
        print::json(
            &json!({ "label": label, "reusable": verdicts.of(label).is_reusable(), "explanation": text }),
        )?;
    } else {
        print::text(&text)?;
    }
    Ok(Exit::Good)
}

fn scan(context: &Context, site: &Site, slot: Slot, storage: Option<&str>) -> anyhow::Result<Exit> {
    let _lock = site.lock(&context.holder("volume scan"))?;
    let storage = library::storage(&site.config, storage)?;
    let files = library::scan_slot(storage, slot)?;
    if context.json {
        print::json(&files)?;
    } else {
        for file in files {
            print::line(&format!("file {}: {}", file.file, file.says))?;
        }
    }
    Ok(Exit::Good)
}

fn set_lock(context: &Context, site: &Site, label: &Label, lock: Lock) -> anyhow::Result<Exit> {
    let mut catalogue: Catalogue = site.catalogue()?;
    catalogue.set_lock(label, lock, context.now.stamp())?;
    print::line(&match lock {
        Lock::Open => format!("{label} is reused once nothing on it is needed"),
        _ => format!("{label} is not reused until `reelkeep volume unlock {label}`"),
    })?;
    Ok(Exit::Good)
}

fn retire(context: &Context, site: &Site, label: &Label, dry_run: bool) -> anyhow::Result<Exit> {
    let mut catalogue = site.catalogue()?;
    catalogue.volume(label)?;
    if dry_run {
        print::line(&format!(
            "{label} would never be written again; what is on it would stay restorable"
        ))?;
    } else {
        catalogue.set_state(label, VolumeState::Retired, context.now.stamp())?;
        print::line(&format!("{label} is never written again; what is on it stays restorable"))?;
    }
    Ok(Exit::Good)
}
