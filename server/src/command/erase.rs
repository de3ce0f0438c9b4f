//! `volume erase`: a volume becomes a blank cartridge, if nothing on it is needed or its label is typed.

use std::io;

use anyhow::bail;
use serde_json::json;
use taper::catalogue::{Catalogue, Located};
use types::{Label, Stamp};

use super::forget::refuse_locked;
use super::library::Place;
use super::volume::{known, lost_without};
use super::{Context, Exit};
use crate::clock::stamp_text;
use crate::erasing::{self, Ask, Erasure, NotErased};
use crate::library;
use crate::print;
use crate::site::Site;

pub(super) fn run(
    context: &Context,
    site: &Site,
    label: &Label,
    dry_run: bool,
) -> anyhow::Result<Exit> {
    if dry_run {
        let catalogue = site.catalogue()?;
        let lost = may_be_erased(&catalogue, label, context.now.stamp())?;
        return would(context, site, &catalogue, label, &lost);
    }
    let (holder, now) = (context.holder("volume erase"), context.now.stamp());
    let lost = erase(site, label, now, &holder, &mut |question| {
        print::remark(question);
        let mut typed = String::new();
        io::stdin().read_line(&mut typed).map(|_| typed)
    })?;
    told(context, label, &lost)
}

/// Erases it, and says which dumps are nowhere any more. The site is locked, and a drive taken, only when a person has
/// answered: no run waits for somebody at a terminal.
pub(crate) fn erase(
    site: &Site,
    label: &Label,
    now: Stamp,
    holder: &str,
    ask: Ask<'_>,
) -> anyhow::Result<Vec<Located>> {
    let policies = library::policies(&site.config);
    let before = may_be_erased(&site.catalogue()?, label, now)?;
    let needed = site.catalogue()?.verdict(label, &policies, now)?.of(label).leave().err();
    let mut typed = String::new();
    if let Some(needed) = needed {
        let question = erasing::question(&needed, &shown(&before), label);
        typed = ask(&question).map_err(NotErased::NotAsked)?;
        if typed.trim() != label.as_str() {
            return Err(NotErased::NotTyped(label.clone()).into());
        }
    }
    let _lock = site.lock(holder)?;
    let mut catalogue = site.catalogue()?;
    let lost = may_be_erased(&catalogue, label, now)?;
    if shown(&lost) != shown(&before) {
        bail!(
            "what would be lost with {label} has changed meanwhile: nothing was erased. Give the command again"
        );
    }
    let storage = known(&catalogue, label)?.storage.to_string();
    let place = Place::open(site, Some(&storage))?;
    let erasure = Erasure {
        library: &place.library,
        catalogue: &mut catalogue,
        policies: &policies,
        label,
        lost: &shown(&lost),
        now,
    };
    // If it has come to be needed meanwhile, nobody was asked, and nothing is erased.
    erasure.carry_out(&mut |_| Ok(typed.clone()))?;
    Ok(lost)
}

/// What would be lost with a volume, if it is not locked.
fn may_be_erased(catalogue: &Catalogue, label: &Label, now: Stamp) -> anyhow::Result<Vec<Located>> {
    refuse_locked(&known(catalogue, label)?, now, "erased")?;
    Ok(lost_without(catalogue, label)?)
}

/// What would be lost, a line for each dump.
pub(super) fn shown(lost: &[Located]) -> String {
    let line = |Located { dump, .. }: &Located| {
        let run = stamp_text(dump.run);
        format!("{}: level {} of {run} is nowhere else, and would be lost\n", dump.dle, dump.level)
    };
    lost.iter().map(line).collect()
}

fn would(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    label: &Label,
    lost: &[Located],
) -> anyhow::Result<Exit> {
    let policies = library::policies(&site.config);
    let verdicts = catalogue.verdict(label, &policies, context.now.stamp())?;
    let needed = verdicts.of(label).leave().err();
    if context.json {
        let dumps: Vec<_> = lost.iter().map(|located| located.dump.id).collect();
        let needed = needed.map(|needed| needed.to_string());
        print::json(
            &json!({ "label": label, "erased": false, "needed": needed, "lost_dumps": dumps }),
        )?;
        return Ok(Exit::Good);
    }
    print::text(&shown(lost))?;
    print::line(&match needed {
        None => format!("{label} would be erased: nothing on it is needed. Nothing was changed"),
        Some(needed) => format!("{needed}: its label would have to be typed. Nothing was changed"),
    })?;
    Ok(Exit::Good)
}

fn told(context: &Context, label: &Label, lost: &[Located]) -> anyhow::Result<Exit> {
    if context.json {
        let dumps: Vec<_> = lost.iter().map(|located| located.dump.id).collect();
        print::json(&json!({ "label": label, "erased": true, "lost_dumps": dumps }))?;
    } else {
        print::line(&format!("{label} is erased, and forgotten: the cartridge is blank"))?;
    }
    Ok(Exit::Good)
}
