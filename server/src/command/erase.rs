//! `volume erase`: a volume becomes a blank cartridge, if nothing on it is needed or its label is typed.

use std::io;

use serde_json::json;
use taper::catalogue::{Catalogue, Located};
use types::Label;

use super::forget::refuse_locked;
use super::library::Place;
use super::volume::{known, lost_without};
use super::{Context, Exit};
use crate::clock::stamp_text;
use crate::erasing::Erasure;
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
        refuse_locked(&known(&catalogue, label)?, context.now.stamp(), "erased")?;
        return would(context, site, &catalogue, label, &lost_without(&catalogue, label)?);
    }
    let _lock = site.lock(&context.holder("volume erase"))?;
    let mut catalogue = site.catalogue()?;
    let volume = known(&catalogue, label)?;
    refuse_locked(&volume, context.now.stamp(), "erased")?;
    let lost = lost_without(&catalogue, label)?;
    let storage = volume.storage.to_string();
    let place = Place::open(site, Some(&storage))?;
    let erasure = Erasure {
        library: &place.library,
        catalogue: &mut catalogue,
        policies: &library::policies(&site.config),
        label,
        lost: &shown(&lost),
        now: context.now.stamp(),
    };
    erasure.carry_out(&mut |question| {
        print::remark(question);
        let mut typed = String::new();
        io::stdin().read_line(&mut typed).map(|_| typed)
    })?;
    told(context, label, &lost)
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
