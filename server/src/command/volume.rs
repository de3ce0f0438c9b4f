//! `volume`: look at volumes, and say what may become of them.

use serde_json::json;
use taper::catalogue::{Catalogue, CatalogueError, Located, Lock, Locked, Medium, VolumeState};
use types::Label;

use super::library::Place;
use super::list::volume_value;
use super::{Context, Exit, Misuse};
use super::{erase, expire, explain, forget, hold};
use crate::cli::Volume;
use crate::clock::stamp_text;
use crate::site::Site;
use crate::{library, print};

pub(super) fn run(context: &Context, command: &Volume) -> anyhow::Result<Exit> {
    let site = context.open()?;
    match command {
        Volume::Show { label } => show(context, &site, &parse(label)?),
        Volume::Explain { label } => explain::run(context, &site, &parse(label)?),
        Volume::Scan { what, storage } => scan(context, &site, what, storage.as_deref()),
        Volume::Lock { labels, until, why, by, early } => {
            let lock = hold::wanted(context, until.as_deref(), why, by.as_deref())?;
            hold::set(context, &site, &parse_all(labels)?, &lock, (*early).into())
        }
        Volume::Unlock { labels, early } => {
            let open = (Lock::Open, Locked::default());
            hold::set(context, &site, &parse_all(labels)?, &open, (*early).into())
        }
        Volume::Relocate { labels, off_site, .. } => {
            hold::relocate(context, &site, &parse_all(labels)?, off_site.as_deref())
        }
        Volume::Retire { label, dry_run } => retire(context, &site, &parse(label)?, *dry_run),
        Volume::Expire { labels, storage, dry_run } => {
            let mode = if *dry_run { expire::Mode::Dry } else { expire::Mode::ForReal };
            let which = (&*parse_all(labels)?, storage.as_deref());
            expire::run(context, &site, which, mode)
        }
        Volume::Erase { label, dry_run } => erase::run(context, &site, &parse(label)?, *dry_run),
        Volume::Forget { label, yes, dry_run } => {
            let asks = if *yes { forget::Asks::Never } else { forget::Asks::IfNeeded };
            forget::run(context, &site, &parse(label)?, asks, *dry_run)
        }
    }
}

/// A volume of the catalogue.
pub(super) fn known(
    catalogue: &Catalogue,
    label: &Label,
) -> anyhow::Result<taper::catalogue::Volume> {
    catalogue.volume(label).map_err(|error| match error {
        CatalogueError::NoSuchVolume(_) => anyhow::anyhow!(
            "the catalogue has no volume {label}: `reelkeep list volumes` shows those that it has. If it is in the \
             library, `reelkeep catalogue rebuild` takes it over"
        ),
        other => other.into(),
    })
}

fn parse(label: &str) -> Result<Label, Misuse> {
    label.parse().map_err(|error: types::BadLabel| Misuse(error.to_string()))
}

fn parse_all(labels: &[String]) -> Result<Vec<Label>, Misuse> {
    labels.iter().map(|label| parse(label)).collect()
}

fn show(context: &Context, site: &Site, label: &Label) -> anyhow::Result<Exit> {
    let catalogue = site.catalogue_to_read()?;
    let volume = known(&catalogue, label)?;
    let parts = catalogue.parts_on(label)?;
    if context.json {
        let mut value = volume_value(&volume);
        let strikes = catalogue.strikes(label)?;
        value["failures"] = strikes
            .iter()
            .map(|strike| json!({ "drive": strike.drive, "run": strike.run, "why": strike.why }))
            .collect();
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
    print::line(&match (&volume.off_site, volume.slot) {
        (Some(off), _) => format!("  off-site since {}: {}", off.since.day(), off.place),
        (None, Some(slot)) => format!("  slot {slot}"),
        (None, None) => "  slot not known".to_owned(),
    })?;
    print::line(&format!(
        "  labelled {}",
        volume.labelled.map_or_else(|| "by hand".to_owned(), stamp_text)
    ))?;
    if volume.medium == Medium::WriteOnce {
        print::line(
            "  can be written only once (WORM): written on behind its last file, never started afresh",
        )?;
    }
    if let Some(serial) = &volume.serial {
        print::line(&format!("  its cartridge has the serial number {serial}"))?;
    }
    for strike in catalogue.strikes(label)? {
        let run = stamp_text(strike.run);
        print::line(&format!(
            "  failed in drive {} in the run of {run}: {}",
            strike.drive, strike.why
        ))?;
    }
    if let Some(last) = volume.last_written {
        print::line(&format!("  last written {}", stamp_text(last)))?;
    }
    print::line(&format!(
        "  {} of images, next file {}; {}",
        volume.bytes,
        volume.end.file,
        hold::described(&volume)
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

fn scan(context: &Context, site: &Site, what: &str, storage: Option<&str>) -> anyhow::Result<Exit> {
    let _lock = site.lock(&context.holder("volume scan"))?;
    let place = Place::open(site, storage)?;
    let slot = place.slot_called(&place.library.inventory()?, what)?;
    let files = library::scan_slot(&place.library, slot)?;
    if context.json {
        print::json(&files)?;
    } else {
        for file in files {
            print::line(&format!("file {}: {}", file.file, file.says))?;
        }
    }
    Ok(Exit::Good)
}

fn retire(context: &Context, site: &Site, label: &Label, dry_run: bool) -> anyhow::Result<Exit> {
    let mut catalogue = site.catalogue()?;
    known(&catalogue, label)?;
    if !dry_run {
        catalogue.set_state(label, VolumeState::Retired, context.now.stamp())?;
    }
    if context.json {
        print::json(&volume_value(&known(&catalogue, label)?))?;
    } else if dry_run {
        print::line(&format!(
            "{label} would never be written again; what is on it would stay restorable"
        ))?;
    } else {
        print::line(&format!("{label} is never written again; what is on it stays restorable"))?;
    }
    Ok(Exit::Good)
}

/// The dumps that can't be restored any more without this volume.
pub(super) fn lost_without(
    catalogue: &Catalogue,
    label: &Label,
) -> Result<Vec<Located>, CatalogueError> {
    let mut lost = Vec::new();
    let dumps: std::collections::BTreeSet<_> =
        catalogue.parts_on(label)?.into_iter().map(|part| part.dump).collect();
    for dump in dumps {
        let located = catalogue.dump(dump)?;
        let elsewhere = located.held.is_some()
            || located.copies.iter().any(|c| c.is_complete() && !c.labels.contains(label));
        if located.is_restorable() && !elsewhere {
            lost.push(located);
        }
    }
    Ok(lost)
}
