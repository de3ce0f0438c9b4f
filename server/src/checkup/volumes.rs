//! The volumes that tonight would write on. Nothing is loaded: what a slot holds is what was seen there last.

use std::collections::BTreeMap;

use config::Storage;
use taper::catalogue::{Catalogue, Volume, VolumeState};
use taper::label::Cartridge;
use taper::retention::Verdict;
use taper::scan::{Candidate, Hint};
use types::{Label, Level};

use super::{Notes, by_hand, unread};
use crate::clock::{self, Now};
use crate::library::{self, Library};
use crate::night::destinations::{self, Part};
use crate::night::estimate::with_causes;
use crate::night::scan;
use crate::report::plural;
use crate::site::Site;

/// How many volumes are named.
const NAMED: usize = 8;

pub(super) fn look(notes: &mut Notes<'_>, site: &Site, catalogue: &Catalogue, now: &Now) {
    let storages = destinations::in_use(&site.config);
    if !storages.iter().any(|(_, part)| *part == Part::OfRuns) {
        let advice = "name one with `storage` in the configuration";
        notes.error("storage", "the configuration has no storage to write to", advice);
    }
    for (storage, part) in storages {
        look_at(notes, site, (storage, part), catalogue, now);
    }
}

fn look_at(
    notes: &mut Notes<'_>,
    site: &Site,
    (storage, part): (&Storage, Part),
    catalogue: &Catalogue,
    now: &Now,
) {
    let about = format!("storage {}", storage.name);
    let known = match catalogue.volumes() {
        Ok(known) => known,
        Err(error) => return unread(notes, &error),
    };
    let library = match Library::open(storage).map(|library| library.knowing(&known)) {
        Ok(library) => library,
        Err(error) => {
            let advice = "see that what changer and drive name in the configuration is there, switched on, and may be \
                          used by the user that runs reelkeep";
            return notes.error(about, with_causes(&error), advice);
        }
    };
    unknown(notes, site, storage, &library, catalogue);
    unsplit(notes, site, storage, catalogue);
    for (drive, why) in library.lost_drives() {
        notes.warning(
            format!("drive {drive}"),
            format!("cannot be used: {why}"),
            "see that it is switched on and attached (`reelkeep library verify-drives`); if it is another host's, name \
             the drives of this one with `drives` in the configuration of the changer",
        );
    }
    twins(notes, &library);
    vanished(notes, site, storage, &library, (catalogue, &known), now);
    let run = match catalogue.newest_stamp() {
        Ok(newest) => clock::next_stamp(now, newest),
        Err(error) => return unread(notes, &error),
    };
    if library.is_manual() {
        by_hand::look(notes, site, storage, &library, catalogue, run);
        return retention(notes, site, storage, catalogue, now);
    }
    let current = library
        .inventory()
        .ok()
        .and_then(|inventory| inventory.drives.first().and_then(|bay| bay.home));
    match scan::of(&site.config, storage, &library, catalogue, (None, current), run) {
        Ok(mut scan) => {
            let candidates: Vec<Candidate> = scan.by_ref().collect();
            tonight(notes, (storage, part), &known, &candidates, &scan::refusals(&scan));
        }
        Err(error) => {
            let advice = "see `reelkeep config check` and `reelkeep library show`";
            notes.error(about, with_causes(&error), advice);
        }
    }
    retention(notes, site, storage, catalogue, now);
}

/// DLEs whose image must be on one volume, and is likely to be longer than any.
fn unsplit(notes: &mut Notes<'_>, site: &Site, storage: &Storage, catalogue: &Catalogue) {
    let volume = library::usable(storage);
    for dle in site.config.dles.iter().filter(|dle| !dle.dumping.allow_split) {
        let reference = dle.reference();
        let goals = destinations::of_image(&site.config, &reference, Level::FULL);
        if !goals.contains(&storage.name) {
            continue;
        }
        let history = match catalogue.history(&reference) {
            Ok(history) => history,
            Err(error) => return unread(notes, &error),
        };
        let full = history.iter().find(|row| row.level.is_full());
        if let Some(full) = full.filter(|full| full.stored > volume) {
            let text = format!(
                "its last full dump has {}, and may not be split (`allow-split`), but a volume of storage {} takes {volume}",
                full.stored, storage.name
            );
            let advice = "set `allow-split = true`, use longer volumes, or make several DLEs of it: else its next full \
                          dump is not planned, or stays on the holding disk";
            notes.warning(reference, text, advice);
        }
    }
}

/// Volumes of ours in the library that the catalogue does not know: no run writes on them.
fn unknown(
    notes: &mut Notes<'_>,
    site: &Site,
    storage: &Storage,
    library: &Library,
    catalogue: &Catalogue,
) {
    let (Ok(slots), Ok((rule, _))) = (library.slots(), library::labels(storage)) else { return };
    let names = library::names(&site.config, storage);
    for view in slots {
        let Hint::Label(label) = &view.hint else { continue };
        let at = Cartridge { barcode: view.barcode.as_ref(), meta: None, slot: Some(view.slot) };
        if rule.matches(label, &names, at) && catalogue.volume(label).is_err() {
            notes.warning(
                format!("slot {}", view.slot),
                format!("volume {label} is one of ours, and the catalogue does not know it"),
                "`reelkeep catalogue rebuild` takes it over",
            );
        }
    }
}

/// Cartridges that say that they are the same volume.
fn twins(notes: &mut Notes<'_>, library: &Library) {
    let Ok(slots) = library.slots() else { return };
    let mut seen: BTreeMap<&Label, Vec<String>> = BTreeMap::new();
    for view in &slots {
        if let Hint::Label(label) = &view.hint {
            seen.entry(label).or_default().push(view.slot.to_string());
        }
    }
    for (label, slots) in seen.into_iter().filter(|(_, slots)| slots.len() > 1) {
        notes.warning(
            format!("volume {label}"),
            format!("slots {} each have a cartridge with this label", slots.join(" and ")),
            "find out which is the right one (`reelkeep volume show` says when it was written; `reelkeep library inventory \
             --read` reads them), and take the other out: a run writes on whichever comes first",
        );
    }
}

/// Volumes of ours that are needed, in no place of the library, and not noted as being elsewhere. Of a cartridge without a
/// barcode a robot cannot tell that it is gone, and whoever changes cartridges by hand has them all outside.
fn vanished(
    notes: &mut Notes<'_>,
    site: &Site,
    storage: &Storage,
    library: &Library,
    (catalogue, known): (&Catalogue, &[Volume]),
    now: &Now,
) {
    if library.is_manual() {
        return;
    }
    // Whoever cannot be asked is told of elsewhere.
    let (Ok(Some(here)), Ok(verdicts)) =
        (library.at_hand(), catalogue.verdicts(&library::policies(&site.config), now.stamp()))
    else {
        return;
    };
    let is_gone = |volume: &&Volume| {
        let expected = match volume.state {
            VolumeState::Labelled | VolumeState::Active | VolumeState::Full => {
                volume.off_site.is_none()
            }
            VolumeState::Chosen | VolumeState::Retired | VolumeState::Missing => false,
        };
        expected
            && volume.storage == storage.name
            && (library.is_of_disks() || volume.barcode.is_some())
            && matches!(verdicts.of(&volume.label), Verdict::Needed(_))
            && !here.contains(&volume.label)
    };
    let gone: Vec<&Label> = known.iter().filter(is_gone).map(|volume| &volume.label).collect();
    if gone.is_empty() {
        return;
    }
    notes.warning(
        format!("storage {}", storage.name),
        format!(
            "needed, in no slot, and not noted as off-site: {} ({})",
            some(&gone),
            plural(gone.len(), "volume")
        ),
        "put it back, or say where it is with `reelkeep volume relocate LABEL PLACE`; until then what is only there \
         cannot be restored",
    );
}

/// What the run would write on, first and next.
fn tonight(
    notes: &mut Notes<'_>,
    (storage, part): (&Storage, Part),
    known: &[Volume],
    candidates: &[Candidate],
    refusals: &str,
) {
    let Some(first) = candidates.first() else {
        let about = format!("storage {}", storage.name);
        let advice = "label a new volume with `reelkeep label`, or see with `reelkeep volume explain LABEL` what \
                      keeps an old one; until then";
        return match part {
            Part::OfRuns | Part::OfNights => notes.error(
                about,
                format!("no volume can be written tonight: {refusals}"),
                format!("{advice} dumps wait on the holding disk"),
            ),
            Part::OfVaults => notes.warning(
                about,
                format!("no volume can be written, and `reelkeep vault` would fail: {refusals}"),
                format!("{advice} no copies are made"),
            ),
        };
    };
    let about = match part {
        Part::OfRuns => "tonight's volume",
        Part::OfNights | Part::OfVaults => "volume for copies",
    };
    if first.label.is_none() && storage.tapering.autolabel.is_none() {
        let advice = format!(
            "label it with `reelkeep label LABEL --slot {}`, or let `autolabel` name new volumes",
            first.slot
        );
        let text = format!("{}; a volume without a label is not written on", told(storage, first));
        notes.warning(about, text, advice);
    } else {
        notes.good(about, told(storage, first));
    }
    // What is left of a volume that is gone on with costs none of those that a run may begin.
    let begun = candidates.iter().filter(|next| !goes_on(next, known)).count();
    let most = usize::try_from(storage.tapering.runtapes).unwrap_or(usize::MAX);
    let behind = candidates.get(1).filter(|_| goes_on(first, known) || most > 1);
    if let Some(next) = behind {
        notes.note("if that is full", told(storage, next));
    }
    if begun < most {
        let text = format!("a run may begin {}, and {begun} can be begun", plural(most, "volume"));
        notes.note(format!("storage {}", storage.name), text);
    }
}

/// Whether an earlier run has begun it.
fn goes_on(candidate: &Candidate, known: &[Volume]) -> bool {
    let begun = |volume: &&Volume| volume.state == VolumeState::Active;
    known.iter().filter(begun).any(|volume| candidate.label.as_ref() == Some(&volume.label))
}

fn told(storage: &Storage, candidate: &Candidate) -> String {
    let blank = match (&candidate.label, &storage.tapering.autolabel) {
        (None, Some(_)) => "; if it is blank, it becomes a new volume",
        _ => "",
    };
    format!("slot {}: {}{blank} (storage {})", candidate.slot, candidate.why, storage.name)
}

/// Which volumes may be written again, and when the next may be.
fn retention(
    notes: &mut Notes<'_>,
    site: &Site,
    storage: &Storage,
    catalogue: &Catalogue,
    now: &Now,
) {
    let about = "retention";
    let asked = catalogue
        .verdicts(&library::policies(&site.config), now.stamp())
        .and_then(|verdicts| Ok((verdicts, catalogue.volumes()?)));
    let (verdicts, volumes) = match asked {
        Ok(answer) => answer,
        Err(error) => return unread(notes, &error),
    };
    let ours = volumes.iter().filter(|volume| volume.storage == storage.name);
    let (mut reusable, mut needed, mut room) = (Vec::new(), Vec::new(), 0);
    for volume in ours {
        room += usize::from(volume.state == VolumeState::Active);
        match verdicts.of(&volume.label) {
            Verdict::Reusable => reusable.push(&volume.label),
            Verdict::Needed(why) => needed.push((why.until(), &volume.label)),
        }
    }
    let text = match (reusable.len(), needed.len()) {
        (0, 0) => return,
        (0, 1) => "the only volume is needed".to_owned(),
        (0, kept) => format!("all {kept} volumes are needed"),
        (free, kept) => {
            format!("{free} volumes may be written again ({}), {kept} are needed", some(&reusable))
        }
    };
    notes.note(about, text);
    if !reusable.is_empty() || room > 0 || storage.tapering.autolabel.is_some() {
        return;
    }
    let soonest = needed.iter().filter_map(|(until, label)| Some(((*until)?, *label))).min();
    let text = match soonest {
        Some((day, label)) => format!("the next to become free is {label}, on {}", day.day()),
        None => "as things stand none becomes free by itself".to_owned(),
    };
    let advice = "label new volumes with `reelkeep label`, or let retention keep less";
    notes.warning(about, text, advice);
}

fn some(labels: &[&Label]) -> String {
    let mut names: Vec<&str> = labels.iter().take(NAMED).map(|label| label.as_str()).collect();
    if labels.len() > NAMED {
        names.push("…");
    }
    names.join(" ")
}
