//! `volume erase`: a volume becomes a blank cartridge.
//!
//! ```text
//!  mount, read the label ─► may it go? ─► the catalogue forgets what is on it ─► the medium is erased ─► and the volume
//!                            └ nothing on it is needed, or a person typed its label
//! ```
//!
//! In this order an end between two steps leaves nothing that anybody counts on. Once its contents are forgotten the
//! volume has its label, and holds something extra; once it is erased the catalogue may still have its name. The same
//! command, given again, goes on from there. Where a person gave up what is needed, the catalogue forgets the volume
//! and all at once.

use std::io;

use anyhow::{Context as _, bail};
use devices::Drive as _;
use serde_json::json;
use taper::catalogue::{Catalogue, CatalogueError, Located, Reusable, Volume};
use taper::mount::{Consent, Identified, Loaded};
use types::Label;

use super::library::Place;
use super::volume::{known, lost_without};
use super::{Context, Exit};
use crate::clock::stamp_text;
use crate::library::{self, AnyDrive};
use crate::print;
use crate::site::Site;

/// Why the medium may be erased.
enum Leave {
    /// Nothing on it is needed, and the catalogue has forgotten what is on it.
    NotNeeded(Reusable),
    /// A person was shown what would be lost.
    Given(Consent),
}

pub(super) fn run(
    context: &Context,
    site: &Site,
    label: &Label,
    dry_run: bool,
) -> anyhow::Result<Exit> {
    if dry_run {
        let catalogue = site.catalogue()?;
        known(&catalogue, label)?;
        return would(context, site, &catalogue, label, &lost_without(&catalogue, label)?);
    }
    let _lock = site.lock(&context.holder("volume erase"))?;
    let mut catalogue = site.catalogue()?;
    let volume = known(&catalogue, label)?;
    let lost = lost_without(&catalogue, label)?;
    let storage = volume.storage.to_string();
    let place = Place::open(site, Some(&storage))?;
    let mut drive = place.library.any_drive()?;
    place.library.bring(place.library.slot_of(label)?, &drive.name().clone())?;
    let is_there = look(&mut drive, &volume)?;
    let leave = leave(context, site, &mut catalogue, label, &lost)?;
    let still_known = matches!(leave, Leave::NotNeeded(_));
    if is_there == Found::Labelled {
        erase(&mut drive, label, leave).with_context(|| left(label, still_known))?;
    }
    if still_known {
        catalogue.remove_volume(label, context.now.stamp())?;
    }
    drive.give_back();
    told(context, label, &lost)
}

/// What an erasure that failed has left.
fn left(label: &Label, still_known: bool) -> String {
    let then = if still_known {
        "give the same command again"
    } else {
        "if it still has its label, `reelkeep catalogue rebuild` takes it over again"
    };
    format!(
        "the catalogue has forgotten what was on {label}, and the medium is perhaps not erased: look at the drive, and \
         {then}"
    )
}

/// What is where the volume should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Labelled,
    /// It was erased before, and the catalogue does not know yet.
    Blank,
}

/// Reads the label: only the volume that is meant is erased.
fn look(drive: &mut AnyDrive, volume: &Volume) -> anyhow::Result<Found> {
    let label = &volume.label;
    match Loaded::new(drive).identify()? {
        Identified::Blank(_) => Ok(Found::Blank),
        Identified::Labelled(mounted) if mounted.label() == label => Ok(Found::Labelled),
        Identified::Labelled(mounted) => bail!(
            "volume {} was found where volume {label} should be. Nothing was erased; `reelkeep library inventory \
             --read` finds out what is where",
            mounted.label()
        ),
        Identified::Foreign(found) => {
            bail!("where volume {label} should be is {}. Nothing was erased", found.what())
        }
    }
}

/// Leave from the catalogue, which then has forgotten what is on the volume; or from the person.
fn leave(
    context: &Context,
    site: &Site,
    catalogue: &mut Catalogue,
    label: &Label,
    lost: &[Located],
) -> anyhow::Result<Leave> {
    let now = context.now.stamp();
    match catalogue.reusable(label, &library::policies(&site.config), now) {
        Ok(leave) => Ok(Leave::NotNeeded(leave)),
        Err(CatalogueError::Needed(needed)) => {
            let shown = shown(lost);
            print::remark(&format!(
                "{needed}.\n{shown}To erase {label} all the same, type its label and press return:"
            ));
            let mut typed = String::new();
            io::stdin().read_line(&mut typed)?;
            if typed.trim() != label.as_str() {
                bail!("{label} was not typed: nothing was erased");
            }
            catalogue.remove_volume(label, now)?;
            Ok(Leave::Given(Consent::to_overwrite(shown)))
        }
        Err(other) => Err(other.into()),
    }
}

/// What would be lost, a line for each dump.
fn shown(lost: &[Located]) -> String {
    let line = |Located { dump, .. }: &Located| {
        let run = stamp_text(dump.run);
        format!("{}: level {} of {run} is nowhere else, and would be lost\n", dump.dle, dump.level)
    };
    lost.iter().map(line).collect()
}

/// Sets the end of data at the beginning.
fn erase(drive: &mut AnyDrive, label: &Label, leave: Leave) -> anyhow::Result<()> {
    match leave {
        Leave::NotNeeded(leave) if leave.label() != label => {
            bail!("the leave is for volume {}", leave.label())
        }
        Leave::NotNeeded(_) => tracing::info!(%label, "erasing: nothing on it is needed"),
        Leave::Given(consent) => tracing::warn!(%label, ?consent, "erasing as the operator said"),
    }
    if let Some(tape) = drive.tape() {
        tape.erase()?;
    } else {
        // A filemark at the beginning, and nothing behind it: what `mt weof` leaves.
        drive.rewind()?;
        drive.write_filemark()?;
        drive.flush()?;
    }
    match Loaded::new(drive).identify()? {
        Identified::Blank(_) => Ok(()),
        _ => bail!("the drive said that volume {label} is erased, and it is not blank"),
    }
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
