//! This host: configuration, directories, catalogue, holding disks, and whether tonight's dumps fit.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use config::{Autoflush, Dle, HoldingUse, UseSpace};
use rustix::fs::Access;
use taper::catalogue::{Catalogue, Filter, Held, Obstacle, RunKind};
use types::Bytes;

use super::{Notes, unread};
use crate::behind;
use crate::clock::Now;
use crate::holding::{self, Away, Disk, Marks};
use crate::night;
use crate::night::destinations;
use crate::night::estimate::with_causes;
use crate::report::plural;
use crate::site::{self, Site};
use crate::store;

/// Less than this on a file system that the server keeps its own files on will not last.
const LITTLE: Bytes = Bytes(1 << 30);
/// With less than this a run soon fails.
const NOTHING: Bytes = Bytes(64 << 20);
/// How many findings of the catalogue are shown.
const SHOWN: usize = 5;

/// What the configuration lets pass and still looks like a slip.
pub(super) fn configuration(notes: &mut Notes<'_>, site: &Site) {
    let config = &site.config;
    let (dles, storages, disks) = (config.dles.len(), config.storages.len(), config.holding.len());
    let counts = [(dles, "DLE"), (storages, "storage"), (disks, "holding disk")];
    let counts =
        counts.map(|(n, what)| format!("{n} {what}{}", if n == 1 { "" } else { "s" })).join(", ");
    notes.good("configuration", counts);
    for hint in &config.hints {
        let advice = hint.suggestion.clone();
        let advice = advice.unwrap_or_else(|| "see whether it is meant so".to_owned());
        let line = format!("{}:{}", hint.file.display(), hint.line);
        notes.warning(line, hint.message.clone(), advice);
    }
    if let Some(holder) = site.at_work() {
        let text = format!("another command is at work: {holder}");
        notes.warning("lock", text, "a run begins only once it has ended: see `reelkeep status`");
    }
}

/// The directories that the server writes to.
pub(super) fn directories(notes: &mut Notes<'_>, site: &Site) {
    let ours = &site.config.site;
    let catalogue = ours.catalogue.parent().unwrap_or(&site.directory);
    let all = [("site", catalogue), ("index files", &ours.indexdir), ("logs", &ours.logdir)];
    let mut told = BTreeSet::new();
    for (about, path) in all {
        if !told.insert(path) {
            continue;
        }
        let shown = path.display();
        // What is not there yet is made by the first run.
        let there = path.ancestors().find(|above| above.exists()).unwrap_or(path);
        if let Err((error, advice)) = writable(there) {
            notes.error(about, format!("the directory {shown} cannot be written: {error}"), advice);
            continue;
        }
        match holding::free(there) {
            Ok(free) if free < NOTHING => {
                let text = format!("only {free} is free in {shown}");
                notes.error(about, text, "make room on that file system");
            }
            Ok(free) if free < LITTLE => {
                let text = format!("only {free} is free in {shown}");
                notes.warning(about, text, "make room on that file system");
            }
            Ok(free) => notes.good(about, format!("{shown} can be written, {free} free")),
            Err(error) => {
                let text = format!("could not look at {shown}: {error}");
                notes.error(about, text, "see what is wrong with that file system");
            }
        }
    }
}

/// Whether it is a directory in which files can be made; else why not, and what to do about it.
fn writable(path: &Path) -> Result<(), (io::Error, &'static str)> {
    let access = || {
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK)?)
    };
    access().map_err(|error: io::Error| {
        let advice = site::advice(&error).unwrap_or("see what is wrong with that file system");
        (error, advice)
    })
}

/// Whether the catalogue agrees with itself.
pub(super) fn catalogue(notes: &mut Notes<'_>, site: &Site, catalogue: &Catalogue) {
    match catalogue.check() {
        Ok(findings) if findings.is_empty() => {
            let path = site.config.site.catalogue.display();
            notes.good("catalogue", format!("{path} agrees with itself"));
        }
        Ok(findings) => {
            let advice = match findings.first() {
                Some(taper::catalogue::Finding::Damage(_)) => {
                    Obstacle::Damaged(site.config.site.catalogue.clone()).advice()
                }
                _ => "`reelkeep catalogue check` shows all; `reelkeep catalogue rebuild` brings back what the volumes have"
                    .to_owned(),
            };
            for finding in findings.iter().take(SHOWN) {
                notes.error("catalogue", finding.to_string(), advice.clone());
            }
            if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                notes.error("catalogue", format!("and {more} more"), advice);
            }
        }
        Err(error) => unread(notes, &error),
    }
    match behind::forgotten(&site.config.site.logdir, catalogue) {
        Ok(forgotten) => {
            if let Some(text) = behind::told(&forgotten) {
                notes.error("catalogue", text, "`reelkeep catalogue rebuild`");
            }
        }
        Err(behind::NotLooked::Catalogue(error)) => unread(notes, &error),
        Err(error @ behind::NotLooked::Logs(_)) => {
            notes.error("logs", with_causes(&error), "look at the directory and its rights");
        }
    }
    indexes(notes, site, catalogue);
    match catalogue.unfinished_runs() {
        Ok(runs) if site.at_work().is_none() => {
            for run in runs {
                let text = "was cut off; the next run tidies up after it";
                notes.note(format!("run {}", run.stamp), text);
            }
        }
        Ok(_) => {}
        Err(error) => unread(notes, &error),
    }
}

/// Whether the dumps that can be restored can also be looked into. The files are counted, and not read.
fn indexes(notes: &mut Notes<'_>, site: &Site, catalogue: &Catalogue) {
    let directory = &site.config.site.indexdir;
    // A directory that cannot be read is told of with the others.
    let Ok(there) = store::whole(directory) else { return };
    let dumps = match catalogue.dumps(&Filter::default()) {
        Ok(dumps) => dumps,
        Err(error) => return unread(notes, &error),
    };
    let wanted = dumps.iter().filter(|located| located.is_restorable());
    let (all, missing) = wanted.fold((0, 0), |(all, missing), located| {
        (all + 1, missing + usize::from(!there.contains(&located.dump.id)))
    });
    if missing > 0 {
        let shown = directory.display();
        let text = format!(
            "{missing} of {} that can be restored have no index in {shown}: `restore` and `recover` cannot choose from \
             them",
            plural(all, "dump")
        );
        let advice = "`reelkeep catalogue rebuild` copies the indexes out of the images";
        notes.warning("index files", text, advice);
    }
}

/// The holding disks: are they there, is there room, and what lies on them?
pub(super) fn holding(notes: &mut Notes<'_>, site: &Site, catalogue: Option<&Catalogue>) {
    let config = &site.config;
    let mut disks = Vec::new();
    let held = catalogue.and_then(|catalogue| catalogue.held().ok()).unwrap_or_default();
    let away = match Marks::read(site.holding_marks()) {
        Ok(marks) => marks.away(&config.holding, &held),
        Err(error) => {
            let text = format!("{}: {error}", site.holding_marks().display());
            let advice = "see that all holding disks are mounted, and remove the file: the next run makes it again";
            notes.error("holding disk", text, advice);
            Vec::new()
        }
    };
    for settings in &config.holding {
        let about = format!("holding disk {}", settings.name);
        let path = &settings.directory;
        let shown = path.display();
        if let Some(away) = away.iter().find(|away| away.name == settings.name) {
            notes.error(about, away.to_string(), away.advice());
            continue;
        }
        if !path.is_dir() {
            match path.ancestors().find(|above| above.exists()).map(writable) {
                Some(Ok(())) => notes.note(
                    about,
                    format!("{shown} is not there yet; the run makes it. Should a file system be mounted there?"),
                ),
                _ => notes.error(
                    about,
                    format!("{shown} is not there and cannot be made"),
                    "make it, or mount it, writable for the user that runs reelkeep",
                ),
            }
            continue;
        }
        if let Err((error, advice)) = writable(path) {
            notes.error(about, format!("{shown} cannot be written: {error}"), advice);
            continue;
        }
        disks.push(Disk { name: settings.name.clone(), directory: path.clone(), chunk: Bytes(1) });
        match night::equipment::room(settings) {
            Ok(Bytes::ZERO) => {
                let use_space = match settings.use_space {
                    UseSpace::All => "all that is free".to_owned(),
                    UseSpace::AllBut(rest) => format!("all that is free but {rest}"),
                    UseSpace::UpTo(most) => format!("up to {most}"),
                };
                let text = format!("{shown} has no room left (it may use {use_space})");
                let advice = "`reelkeep flush` writes what waits there; or make room";
                let must =
                    config.dles.iter().any(|d| d.dumping.holdingdisk == HoldingUse::Required);
                if must {
                    notes.error(about, text, advice);
                } else {
                    notes.warning(about, text, advice);
                }
            }
            Ok(room) => notes.good(about, format!("{shown} has room for {room}")),
            Err(error) => {
                let text = format!("could not look at {shown}: {error}");
                notes.error(about, text, "see what is wrong with that file system");
            }
        }
    }
    if config.holding.is_empty() {
        notes.note("holding disk", "there is none: every dump goes straight to a volume");
    }
    // While a run is at work, images arrive, and what is there is no leftover.
    if site.at_work().is_none() {
        leftovers(notes, &disks, catalogue.map(|_| held.as_slice()));
    }
    if let Some(catalogue) = catalogue {
        waiting(notes, site, catalogue, &away);
    }
}

/// What lies on the holding disks and is no image, or one that the catalogue, if it can be asked, does not have.
fn leftovers(notes: &mut Notes<'_>, disks: &[Disk], known: Option<&[Held]>) {
    match holding::scan(disks) {
        Ok(scan) => {
            let is_known = |id| known.is_none_or(|known| known.iter().any(|held| held.dump == id));
            let unknown = scan.held.iter().filter(|held| !is_known(held.name().dump)).count();
            if unknown > 0 {
                let images = plural(unknown, "image");
                let text = format!("{images} that the catalogue does not know lie there");
                let advice = "the next run takes them over; `reelkeep cleanup` does so now";
                notes.warning("holding disk", text, advice);
            }
            for unfit in &scan.unfit {
                let advice = "look at it, and remove it if it is of no use";
                notes.warning("holding disk", with_causes(unfit), advice);
            }
            if !scan.leftovers.is_empty() {
                let count = scan.leftovers.len();
                let text = format!("{count} files of images that never became whole lie there");
                notes.note("holding disk", format!("{text}; the next run removes them"));
            }
        }
        Err(error) => {
            let advice = "see what is wrong with that file system";
            notes.error("holding disk", with_causes(&error), advice);
        }
    }
}

/// Images of earlier runs that wait for a volume.
fn waiting(notes: &mut Notes<'_>, site: &Site, catalogue: &Catalogue, away: &[Away]) {
    let held = match catalogue.held() {
        Ok(held) => held,
        Err(error) => return unread(notes, &error),
    };
    let is_away = |image: &Held| away.iter().any(|disk| image.path.starts_with(&disk.directory));
    for image in held.iter().filter(|image| !is_away(image) && !image.path.exists()) {
        let text = format!("the held image {} is not there", image.path.display());
        let advice = "put it back before the next run: that takes it for lost";
        notes.error("holding disk", text, advice);
    }
    let storages = destinations::of_run(&site.config, RunKind::Dump);
    let all_wait = storages.iter().all(|storage| storage.tapering.autoflush == Autoflush::No);
    let bytes: Bytes = held.iter().map(|image| image.bytes).sum();
    match (held.len(), all_wait) {
        (0, _) => {}
        (count, true) => {
            let text = format!("{count} images ({bytes}) of earlier runs wait for a volume");
            let advice = "autoflush is no: write them with `reelkeep flush`";
            notes.warning("holding disk", text, advice);
        }
        (count, false) => {
            let text = format!("{count} images ({bytes}) of earlier runs are written tonight");
            notes.note("holding disk", text);
        }
    }
}

/// What tonight comes to, where history tells without walking a tree.
pub(super) fn plan(
    notes: &mut Notes<'_>,
    site: &Site,
    catalogue: &Catalogue,
    dles: &[&Dle],
    now: &Now,
) {
    let plan = match night::plan_from_history(site, catalogue, dles, now) {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            let text = "its size is not known without asking the clients: `reelkeep plan` asks";
            return notes.note("tonight", text);
        }
        Err(error) => return unread(notes, &error),
    };
    for skipped in plan.skipped() {
        if skipped.kind.is_failure() {
            notes.error(&skipped.dle, skipped.why.clone(), "see `reelkeep plan`");
        }
    }
    for warning in plan.warnings() {
        let about = warning.dle.as_ref().map_or_else(|| "tonight".to_owned(), ToString::to_string);
        notes.warning(about, warning.text.clone(), "see `reelkeep plan`");
    }
    let stored: Bytes = plan.dumps().iter().map(|planned| planned.choice.cost.stored).sum();
    let text = match plan.dumps().len() {
        1 => format!("1 dump, about {stored}"),
        n => format!("{n} dumps, about {stored}"),
    };
    let room: Bytes =
        site.config.holding.iter().filter_map(|disk| night::equipment::room(disk).ok()).sum();
    if site.config.holding.is_empty() || stored <= room {
        notes.good("tonight", text);
    } else {
        let text = format!("{text}, and the holding disks have room for {room}");
        let advice =
            "dumps will wait for room, or go straight to a volume; `reelkeep flush` makes room";
        notes.warning("tonight", text, advice);
    }
}
