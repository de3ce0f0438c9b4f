//! `catalogue`: is it sound, and making it again from the volumes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::json;
use taper::catalogue::{Catalogue, Filter, Finding, Located, Obstacle};

use super::{Context, Exit};
use crate::cli;
use crate::operator::Desk;
use crate::print;
use crate::rebuild::{self, Mode, Rebuilt};
use crate::site::Site;

pub(super) fn run(context: &Context, command: &cli::Catalogue) -> anyhow::Result<Exit> {
    let site = context.open()?;
    match command {
        cli::Catalogue::Check => check(context, &site),
        cli::Catalogue::Rebuild { dry_run } => {
            let mode = if *dry_run { Mode::Dry } else { Mode::ForReal };
            make_again(context, &site, mode)
        }
    }
}

fn check(context: &Context, site: &Site) -> anyhow::Result<Exit> {
    let catalogue = site.catalogue_to_read()?;
    let found = catalogue.check()?;
    if let Some(Finding::Damage(_)) = found.first() {
        return damaged(context, site, &found);
    }
    let mut findings: Vec<String> = found.iter().map(ToString::to_string).collect();
    for (located, why) in rebuild::unsound(site, &catalogue)? {
        let dump = &located.dump;
        findings.push(format!(
            "no sound index of {} level {} of run {}: {why}",
            dump.dle, dump.level, dump.run
        ));
    }
    for held in catalogue.held()?.iter().filter(|held| !held.path.exists()) {
        let path = held.path.display();
        findings.push(format!("the held image {path} of dump {} is not there", held.dump));
    }
    let dumps = catalogue.dumps(&Filter::default())?;
    let (mut restorable, mut broken) = (0, Vec::new());
    for Located { dump, .. } in dumps.iter().filter(|located| located.is_restorable()) {
        match catalogue.chain(dump.id)?.gap {
            None => restorable += 1,
            Some(_) => {
                broken.push(format!("{} level {} of run {}", dump.dle, dump.level, dump.run))
            }
        }
    }
    if context.json {
        print::json(&json!({
            "good": findings.is_empty(), "restorable_dumps": restorable, "without_base": broken, "findings": findings,
        }))?;
    } else {
        findings.iter().try_for_each(|finding| print::line(finding))?;
        for dump in &broken {
            print::line(&format!(
                "{dump} is there, and what it builds on is gone: it can't be restored as a day"
            ))?;
        }
        print::line(&match findings.len() {
            0 => format!("good: {restorable} dumps can be restored, each with its index"),
            n => format!(
                "{n} findings: `reelkeep catalogue rebuild` brings back what the volumes and the holding disk have"
            ),
        })?;
    }
    Ok(if findings.is_empty() { Exit::Good } else { Exit::Complaints })
}

/// What is added to a damaged file is lost with it, so a rebuild begins with none.
fn damaged(context: &Context, site: &Site, found: &[Finding]) -> anyhow::Result<Exit> {
    let findings: Vec<String> = found.iter().map(ToString::to_string).collect();
    let advice = Obstacle::Damaged(site.config.site.catalogue.clone()).advice();
    if context.json {
        print::json(
            &json!({ "good": false, "damaged": true, "findings": findings, "advice": advice }),
        )?;
    } else {
        findings.iter().try_for_each(|finding| print::line(finding))?;
        print::line(&advice)?;
    }
    Ok(Exit::Complaints)
}

/// What SQLite could not trust is not added to.
fn sound(site: &Site, catalogue: Catalogue) -> anyhow::Result<Catalogue> {
    let Some(damage) = catalogue.damage()?.into_iter().next() else { return Ok(catalogue) };
    let path = &site.config.site.catalogue;
    Err(anyhow!(damage.to_string()).context(format!(
        "the catalogue {} is damaged, and nothing was taken over: {}",
        path.display(),
        Obstacle::Damaged(path.clone()).advice()
    )))
}

fn make_again(context: &Context, site: &Site, mode: Mode) -> anyhow::Result<Exit> {
    let _lock = site.lock(&context.holder("catalogue rebuild"))?;
    let mut scratch = None;
    let mut catalogue = match mode {
        Mode::ForReal => sound(site, site.catalogue()?)?,
        Mode::Dry if !site.config.site.catalogue.exists() => Catalogue::in_memory()?,
        Mode::Dry => {
            let directory = Scratch::new(site)?;
            let copy = rebuild::copy(&sound(site, site.catalogue()?)?, &directory.0)?;
            scratch = Some(directory);
            copy
        }
    };
    let mut say = |text: &str| {
        if !context.json {
            print::remark(text);
        }
    };
    let (now, desk) = (context.now.stamp(), Desk::of(site));
    let rebuilt = rebuild::rebuild(site, &mut catalogue, mode, now, &desk, &mut say)?;
    drop(catalogue);
    drop(scratch);
    if context.json {
        print::json(&rebuilt)?;
    } else {
        print::text(&text(&rebuilt, mode))?;
    }
    Ok(if rebuilt.troubles.is_empty() { Exit::Good } else { Exit::Complaints })
}

fn text(rebuilt: &Rebuilt, mode: Mode) -> String {
    let mut out = String::new();
    for trouble in &rebuilt.troubles {
        out.push_str(&format!("TROUBLE: {trouble}\n"));
    }
    let Rebuilt { volumes, dumps, parts, completed, indexes, .. } = rebuilt;
    out.push_str(&match mode {
        Mode::ForReal => format!(
            "taken over: {volumes} volumes, {dumps} dumps, {parts} parts; {completed} dumps can be restored that could \
             not before; {indexes} indexes made again\n"
        ),
        Mode::Dry => format!(
            "would take over {volumes} volumes, {dumps} dumps, {parts} parts; {completed} dumps could be restored that \
             can't now; {indexes} indexes would be made again. Nothing was changed\n"
        ),
    });
    out
}

/// A directory for the copy that a dry run changes. Gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(site: &Site) -> anyhow::Result<Self> {
        let beside = site.config.site.catalogue.parent().unwrap_or(Path::new("."));
        let path = beside.join("dry-run");
        // The site's lock is held, so what is there was left by a crash.
        remove(&path);
        fs::create_dir(&path).with_context(|| format!("could not make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("{} is of no use and could not be removed: {error}", path.display());
    }
}
