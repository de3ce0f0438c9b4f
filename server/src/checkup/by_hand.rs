//! The cartridge in a drive without a robot: what it is, and whether tonight can write on it.
//!
//! Only its label says what it is, so it is read, unless a command is at work with the drive.

use config::Storage;
use taper::catalogue::Catalogue;
use taper::label::Found;
use taper::mount::Identified;
use taper::scan::{Candidate, Choice, Scan, WouldDo};
use types::Stamp;

use super::Notes;
use crate::library::{Library, MountTrouble};
use crate::night::estimate::with_causes;
use crate::night::scan;
use crate::site::Site;

pub(super) fn look(
    notes: &mut Notes<'_>,
    site: &Site,
    storage: &Storage,
    library: &Library,
    catalogue: &Catalogue,
    run: Stamp,
) {
    let device = library.single_device().unwrap_or_default();
    let about = format!("drive {device}");
    if let Some(who) = site.at_work() {
        return notes.note(about, format!("not looked at: it may be in use by {who}"));
    }
    let of = |library| scan::of(&site.config, storage, library, catalogue, (None, None), run);
    let found = of(library).and_then(|scan| met(library, scan));
    match found {
        Ok((Ok(said), _)) => notes.good("tonight's volume", format!("in drive {device}: {said}")),
        Ok((Err(why), would_do)) => {
            let advice = format!("put one of these in: {}", in_words(&would_do));
            notes.warning("tonight's volume", format!("in drive {device}: {why}"), advice);
        }
        Err(error) => {
            let advice = "see `reelkeep device show`";
            notes.error(about, with_causes(&error), advice);
        }
    }
}

/// What is in the drive and how it would be used, or why not; and what would do instead.
fn met(
    library: &Library,
    mut scan: Scan,
) -> Result<(Result<String, String>, WouldDo), MountTrouble> {
    let would_do = scan.would_do();
    let Some(candidate) = scan.next() else {
        let refusals = scan.refusals().iter().map(|refusal| refusal.why.clone());
        return Ok((Err(refusals.collect::<Vec<_>>().join("; ")), would_do));
    };
    Ok((judged(library, &mut scan, &candidate)?, would_do))
}

fn judged(
    library: &Library,
    scan: &mut Scan,
    candidate: &Candidate,
) -> Result<Result<String, String>, MountTrouble> {
    let drive = library.any_drive()?;
    let found = match library.load(candidate.slot, drive)?.identify()? {
        Identified::Labelled(mounted) => {
            Found::Labelled { label: mounted.label().clone(), stamp: mounted.start().stamp }
        }
        Identified::Blank(_) => Found::Blank,
        Identified::Foreign(foreign) => foreign.found(),
    };
    Ok(match scan.met(candidate.slot, found, None) {
        Ok(Choice::Append(label)) => Ok(format!("{label} is written on")),
        Ok(Choice::Reuse(label)) => Ok(format!("{label} is begun afresh")),
        Ok(Choice::Fresh(fresh)) => Ok(format!("a new cartridge, which becomes {}", fresh.label())),
        Err(refusal) => Err(refusal.why),
    })
}

fn in_words(would_do: &WouldDo) -> String {
    let volumes = would_do.volumes.iter().take(8).map(|(label, why)| format!("{label} ({why})"));
    let blank = would_do.blank.iter().map(|label| format!("a blank cartridge, as {label}"));
    let all: Vec<String> = volumes.chain(blank).collect();
    if all.is_empty() { "none that the catalogue knows".to_owned() } else { all.join(", ") }
}
