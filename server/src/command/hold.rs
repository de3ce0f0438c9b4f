//! `volume lock`, `unlock` and `relocate`: what the operator says of volumes, beside what retention decides.
//!
//! A lock until a day is a promise, often to somebody outside. What would break it early is refused with the reason that
//! was given for it, unless `--early` says that this is meant.

use anyhow::bail;
use taper::catalogue::{Catalogue, Lock, Locked, OffSite, Volume, VolumeState};
use types::Label;

use super::volume::known;
use super::{Context, Exit, Misuse};
use crate::print;
use crate::restore::when;
use crate::site::Site;

/// Whether a lock may be ended before its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Early {
    Yes,
    No,
}

impl From<bool> for Early {
    fn from(given: bool) -> Self {
        if given { Self::Yes } else { Self::No }
    }
}

/// The lock that the command line describes.
pub(super) fn wanted(
    context: &Context,
    until: Option<&str>,
    why: &str,
    by: Option<&str>,
) -> Result<(Lock, Locked), Misuse> {
    let now = context.now.stamp();
    let lock = match until {
        None => Lock::NoReuse,
        Some(day) => {
            let day = when::named(day)
                .ok_or_else(|| Misuse(format!("{day:?} is no day; one looks like 2031-01-01")))?;
            if day <= now {
                return Err(Misuse(format!(
                    "{} is over: a lock until then locks nothing",
                    day.day()
                )));
            }
            Lock::Until(day)
        }
    };
    let by = by.map_or_else(|| context.operator.clone(), str::to_owned);
    Ok((lock, Locked { why: why.to_owned(), by, at: None }))
}

pub(super) fn set(
    context: &Context,
    site: &Site,
    labels: &[Label],
    (lock, said): &(Lock, Locked),
    early: Early,
) -> anyhow::Result<Exit> {
    let mut catalogue = site.catalogue()?;
    let now = context.now.stamp();
    for volume in all(&catalogue, labels)? {
        if early == Early::No && volume.lock.is_broken_by(*lock, now) {
            let (label, locked) = (&volume.label, described(&volume));
            bail!(
                "volume {label} is {locked}. If that is over, `--early` ends the lock before its day"
            );
        }
    }
    for label in labels {
        catalogue.set_lock(label, *lock, said, now)?;
        tell(context, &catalogue.volume(label)?)?;
    }
    Ok(Exit::Good)
}

pub(super) fn relocate(
    context: &Context,
    site: &Site,
    labels: &[Label],
    place: Option<&str>,
) -> anyhow::Result<Exit> {
    if place.is_some_and(|place| place.trim().is_empty()) {
        return Err(Misuse("say with --off-site where the volumes are".to_owned()).into());
    }
    let mut catalogue = site.catalogue()?;
    all(&catalogue, labels)?;
    for label in labels {
        catalogue.relocate(label, place.map(str::trim), context.now.stamp())?;
        tell(context, &catalogue.volume(label)?)?;
    }
    Ok(Exit::Good)
}

/// The volumes; none is changed if one of them is not known.
fn all(catalogue: &Catalogue, labels: &[Label]) -> anyhow::Result<Vec<Volume>> {
    labels.iter().map(|label| known(catalogue, label)).collect()
}

fn tell(context: &Context, volume: &Volume) -> anyhow::Result<()> {
    let label = &volume.label;
    if context.json {
        return Ok(print::json(&super::list::volume_value(volume))?);
    }
    let at = volume
        .off_site
        .as_ref()
        .map_or_else(String::new, |OffSite { place, .. }| format!(", at {place}"));
    Ok(print::line(&format!("{label} is {}{at}", described(volume)))?)
}

/// What the operator says of a volume, as the rest of a sentence.
pub(super) fn described(volume: &Volume) -> String {
    let why = volume.locked.to_string();
    let why = if why.is_empty() { why } else { format!(": {why}") };
    match volume.lock {
        Lock::Open if volume.state == VolumeState::Retired => {
            "retired: it is never written again".to_owned()
        }
        Lock::Open => "reused once nothing on it is needed".to_owned(),
        Lock::NoReuse => format!("locked until `reelkeep volume unlock {}`{why}", volume.label),
        Lock::Until(day) => format!("locked until {}{why}", day.day()),
    }
}
