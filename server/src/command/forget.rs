//! `volume forget`: the catalogue no longer knows a volume, since it is lost or destroyed.
//!
//! What is only on it cannot be restored any more, and nothing but a rebuild from the cartridge itself brings it back. So
//! it is asked like an erasure: what would be lost is shown, and the label typed. A locked volume is somebody's promise,
//! and is never forgotten.

use std::io;

use anyhow::bail;
use serde_json::json;
use taper::catalogue::{Catalogue, Located, Volume};
use types::{Label, Stamp};

use super::erase::shown;
use super::volume::{known, lost_without};
use super::{Context, Exit, hold};
use crate::erasing::Ask;
use crate::library;
use crate::print;
use crate::site::Site;

/// Whether a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// If something on it is needed, or nowhere else.
    IfNeeded,
    /// `--yes`: a script has decided.
    Never,
}

pub(super) fn run(
    context: &Context,
    site: &Site,
    label: &Label,
    asks: Asks,
    dry_run: bool,
) -> anyhow::Result<Exit> {
    let now = context.now.stamp();
    if dry_run {
        let lost = may_be_forgotten(&site.catalogue()?, label, now)?;
        return told(context, label, &lost, Done::No);
    }
    let holder = context.holder("volume forget");
    let lost = forget(site, label, (asks, now), &holder, &mut |question| {
        print::remark(question);
        let mut typed = String::new();
        io::stdin().read_line(&mut typed).map(|_| typed)
    })?;
    told(context, label, &lost, Done::Yes)
}

/// Has it forgotten, and says which dumps are nowhere any more. The site is locked only when a person has answered: no
/// run waits for somebody at a terminal.
pub(crate) fn forget(
    site: &Site,
    label: &Label,
    (asks, now): (Asks, Stamp),
    holder: &str,
    ask: Ask<'_>,
) -> anyhow::Result<Vec<Located>> {
    let asked = question(&site.catalogue()?, site, label, now)?.1;
    if let (Asks::IfNeeded, Some(question)) = (asks, &asked)
        && ask(question)?.trim() != label.as_str()
    {
        bail!("{label} was not typed: nothing was forgotten (`--yes` forgets it without asking)");
    }
    let _lock = site.lock(holder)?;
    let mut catalogue = site.catalogue()?;
    let (lost, question) = question(&catalogue, site, label, now)?;
    if asks == Asks::IfNeeded && question.is_some() && question != asked {
        bail!(
            "what would be lost with {label} has changed meanwhile: nothing was forgotten. Give the command again"
        );
    }
    catalogue.remove_volume(label, now)?;
    Ok(lost)
}

/// What would be lost with a volume, if it is not locked.
fn may_be_forgotten(
    catalogue: &Catalogue,
    label: &Label,
    now: Stamp,
) -> anyhow::Result<Vec<Located>> {
    refuse_locked(&known(catalogue, label)?, now, "forgotten")?;
    Ok(lost_without(catalogue, label)?)
}

/// What somebody has locked is not done away with by typing its label.
pub(super) fn refuse_locked(volume: &Volume, now: Stamp, what: &str) -> anyhow::Result<()> {
    if !volume.lock.holds(now) {
        return Ok(());
    }
    let (label, locked) = (&volume.label, hold::described(volume));
    bail!(
        "volume {label} is {locked}. A locked volume is not {what}: `reelkeep volume unlock {label}` comes first"
    )
}

/// What would be lost with the volume; and what has to be confirmed, if anything.
fn question(
    catalogue: &Catalogue,
    site: &Site,
    label: &Label,
    now: Stamp,
) -> anyhow::Result<(Vec<Located>, Option<String>)> {
    let lost = may_be_forgotten(catalogue, label, now)?;
    let verdicts = catalogue.verdict(label, &library::policies(&site.config), now)?;
    let needed = verdicts.of(label).leave().err().map(|needed| format!("{needed}.\n"));
    if needed.is_none() && lost.is_empty() {
        return Ok((lost, None));
    }
    let (needed, named) = (needed.unwrap_or_default(), shown(&lost));
    let question = format!(
        "{needed}{named}To have {label} forgotten all the same, type its label and press return:"
    );
    Ok((lost, Some(question)))
}

/// Whether it was done, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Yes,
    No,
}

fn told(context: &Context, label: &Label, lost: &[Located], done: Done) -> anyhow::Result<Exit> {
    if context.json {
        let dumps: Vec<_> = lost.iter().map(|located| located.dump.id).collect();
        let forgotten = done == Done::Yes;
        print::json(&json!({ "label": label, "forgotten": forgotten, "lost_dumps": dumps }))?;
        return Ok(Exit::Good);
    }
    let count = lost.len();
    if done == Done::No {
        print::text(&shown(lost))?;
        print::line(&format!(
            "{label} would be forgotten, and {count} dumps with it. Nothing was changed"
        ))?;
    } else {
        print::line(&format!("{label} is forgotten, and {count} dumps with it"))?;
    }
    Ok(Exit::Good)
}
