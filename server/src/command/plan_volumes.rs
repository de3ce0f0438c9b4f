//! `plan --volumes`: which volumes the next runs will take, what has to be fetched for them, and how long the pool lasts.
//!
//! Tonight's scan is asked, as the run will ask it; for later runs it is asked again with what will have become reusable
//! until then, without the slots that an earlier run takes. What those runs themselves will have made is left out, so a
//! volume may be free earlier than is said here, and not later. No cartridge is moved.

use std::collections::BTreeSet;

use anyhow::Context as _;
use config::Storage;
use serde::Serialize;
use serde_json::json;
use taper::catalogue::{Catalogue, Volume};
use taper::retention::{Advice, Expected, Usage};
use taper::scan::{Candidate, Hint, Scan};
use types::{Label, Slot, Stamp, StorageName};

use super::{Context, Exit};
use crate::clock::{self, stamp_text};
use crate::library::Library;
use crate::night::{destinations, scan};
use crate::report::{Pool, plural, standing};
use crate::site::Site;
use crate::{outlook, print};

/// A volume that a run will take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Taken {
    /// Which run, from 1.
    run: u32,
    /// Its label; none if nobody has read it yet.
    label: Option<Label>,
    /// Where it is.
    #[serde(flatten)]
    place: Place,
    /// Why this one.
    why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    Slot(Slot),
    /// It has to be fetched from there.
    OffSite(String),
    /// It is in no slot, and nobody noted where.
    Elsewhere,
}

/// What the next runs take of a storage.
#[derive(Debug, Serialize)]
struct Outlook {
    storage: StorageName,
    /// Volumes that a run begins, as of late.
    volumes_a_run: String,
    taken: Vec<Taken>,
    /// Runs that will find too few volumes, and why.
    short: Vec<String>,
    /// The first of them.
    #[serde(skip)]
    first_short: Option<u32>,
}

pub(super) fn run(context: &Context, runs: u32) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let volumes = catalogue.volumes()?;
    let expected = outlook::expected(&site.config, &catalogue, &volumes)?;
    let mut outlooks = Vec::new();
    for (storage, _) in destinations::in_use(&site.config) {
        outlooks.push(of_storage(context, &site, &catalogue, storage, &volumes, &expected, runs)?);
    }
    let mut known = standing::gather(&site.config, &catalogue, context.now.stamp())?;
    for (pool, outlook) in known.pools.iter_mut().zip(&outlooks) {
        if let Some(run) = outlook.first_short {
            pool.lasts_at_most((run - 1) * expected.every);
        }
    }
    if context.json {
        print::json(&json!({
            "runs": runs, "storages": outlooks, "pools": known.pools, "overwritten_soon": known.soon,
        }))?;
    } else {
        let is_new = known.pools.iter().any(Pool::is_new);
        outlooks.iter().try_for_each(|outlook| print::text(&text(outlook, is_new)))?;
        known.pools.iter().try_for_each(|pool| print::line(&pool.told()))?;
        if !known.soon.is_empty() {
            print::line("overwritten soon:")?;
            known.soon.iter().try_for_each(|line| print::line(&format!("  {line}")))?;
        }
    }
    let short = outlooks.iter().any(|outlook| !outlook.short.is_empty());
    Ok(if short { Exit::Complaints } else { Exit::Good })
}

fn of_storage(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    storage: &Storage,
    volumes: &[Volume],
    expected: &Expected,
    runs: u32,
) -> anyhow::Result<Outlook> {
    let library = Library::open(storage)
        .with_context(|| format!("could not look into the library of storage {}", storage.name))?
        .knowing(volumes);
    let usage = expected.usage.get(&storage.name).copied();
    let usage = match usage {
        Some(usage) => usage,
        None => outlook::of_copies(&storage.name, catalogue, volumes)?,
    };
    let now = context.now.stamp();
    let stamp = clock::next_stamp(&context.now, catalogue.newest_stamp()?);
    let inventory = library.inventory().ok();
    let current = inventory.and_then(|found| found.drives.first().and_then(|bay| bay.home));
    let mut outlook = Outlook {
        storage: storage.name.clone(),
        volumes_a_run: outlook::told(usage),
        taken: Vec::new(),
        short: Vec::new(),
        first_short: None,
    };
    let mut gone = BTreeSet::new();
    // What the run before ended on.
    let mut open: Option<Taken> = None;
    for run in 1..=runs {
        let wanted = wanted(usage, run, storage.tapering.runtapes, open.is_some());
        if wanted == 0 {
            outlook.taken.extend(open.clone().map(|last| gone_on_with(run, last)));
            continue;
        }
        let then = now.plus_days((run - 1) * expected.every);
        let mut situation = scan::situation(
            &site.config,
            storage,
            &library,
            catalogue,
            (None, current),
            (stamp, then),
        )?;
        situation.slots.retain(|view| !gone.contains(&view.slot));
        let advice = situation.verdicts.clone();
        let present: BTreeSet<Label> = situation.slots.iter().filter_map(label_of).collect();
        let mut scan = Scan::new(situation);
        let found: Vec<Candidate> = scan.by_ref().take(wanted).collect();
        gone.extend(found.iter().map(|candidate| candidate.slot));
        let missing = wanted - found.len();
        let goes_on = found.first().is_some_and(|first| goes_on(first, &advice));
        let taken = found.into_iter().map(|candidate| of_candidate(run, candidate));
        outlook.taken.extend(taken.inspect(|taken| open = Some(taken.clone())));
        if missing == 0 {
            if run == 1 && goes_on && wanted == 1 {
                outlook.taken.extend(scan.next().map(|next| of_candidate(run, behind(next))));
            }
            continue;
        }
        let named: BTreeSet<Label> = outlook.taken.iter().filter_map(|t| t.label.clone()).collect();
        let elsewhere = elsewhere(storage, volumes)
            .filter(|volume| !named.contains(&volume.label) && !present.contains(&volume.label))
            .filter(|volume| advice.of(&volume.label).is_reusable())
            .take(missing)
            .map(|volume| fetched(run, volume));
        let fetched: Vec<Taken> = elsewhere.collect();
        if fetched.len() < missing {
            let why = scan::refusals(&scan);
            outlook.first_short.get_or_insert(run);
            outlook.short.push(format!(
                "run {run} may want {}, and {} can be had: {why}",
                plural(wanted, "volume"),
                wanted - missing + fetched.len()
            ));
        }
        open = fetched.last().cloned().or(open);
        outlook.taken.extend(fetched);
    }
    Ok(outlook)
}

/// How many volumes the run of this number is to find: as many as runs begin of late; one at least, unless the run before
/// leaves one to go on with.
fn wanted(usage: Usage, run: u32, runtapes: u32, goes_on: bool) -> usize {
    let begun = usage.after(run) - usage.after(run - 1);
    let least = u32::from(!goes_on);
    usize::try_from(begun.clamp(least, runtapes.max(1))).unwrap_or(1)
}

/// The volume that the run before leaves with room.
fn gone_on_with(run: u32, last: Taken) -> Taken {
    let why = "it has room: of late not every run begins a volume".to_owned();
    Taken { run, why, ..last }
}

/// Whether a run goes on writing behind what is needed on it.
fn goes_on(candidate: &Candidate, advice: &Advice) -> bool {
    candidate.label.as_ref().is_some_and(|label| !advice.of(label).is_reusable())
}

/// The volume that is taken when the one that is gone on with becomes full. As of late it does not every night.
fn behind(candidate: Candidate) -> Candidate {
    Candidate { why: format!("if the one before it gets full: {}", candidate.why), ..candidate }
}

fn label_of(view: &taper::scan::SlotView) -> Option<Label> {
    match &view.hint {
        Hint::Label(label) => Some(label.clone()),
        Hint::Empty | Hint::Unknown | Hint::Seen(_) | Hint::Busy(_) => None,
    }
}

/// The volumes of a storage's pool that may be in no slot, those written longest ago first.
fn elsewhere<'a>(storage: &'a Storage, volumes: &'a [Volume]) -> impl Iterator<Item = &'a Volume> {
    let mut ours: Vec<&Volume> = volumes
        .iter()
        .filter(|volume| volume.storage == storage.name && volume.pool == storage.pool)
        .collect();
    ours.sort_by_key(|volume| (volume.last_written, volume.label.clone()));
    ours.into_iter()
}

fn of_candidate(run: u32, candidate: Candidate) -> Taken {
    let Candidate { slot, label, why } = candidate;
    Taken { run, label, place: Place::Slot(slot), why }
}

fn fetched(run: u32, volume: &Volume) -> Taken {
    let place = match &volume.off_site {
        Some(off) => Place::OffSite(off.place.clone()),
        None => Place::Elsewhere,
    };
    let written =
        |last: Stamp| format!("nothing on it is needed; written last {}", stamp_text(last));
    let why = volume.last_written.map_or_else(|| "it was never written".to_owned(), written);
    Taken { run, label: Some(volume.label.clone()), place, why }
}

/// `is_new`: there are too few runs to say how many volumes they begin.
fn text(outlook: &Outlook, is_new: bool) -> String {
    let Outlook { storage, volumes_a_run, taken, short, first_short: _ } = outlook;
    let mut out = match is_new {
        true => format!(
            "storage {storage}: as if each run began one volume, until there is a week of runs\n"
        ),
        false => format!("storage {storage}: a run begins {volumes_a_run} volumes, as of late\n"),
    };
    let mut rows = vec![["RUN", "VOLUME", "WHERE", "WHY"].map(str::to_owned).to_vec()];
    rows.extend(taken.iter().map(|taken| {
        let place = match &taken.place {
            Place::Slot(slot) => format!("slot {slot}"),
            Place::OffSite(place) => format!("FETCH from {place}"),
            Place::Elsewhere => "FETCH: in no slot".to_owned(),
        };
        let label = taken.label.as_ref().map_or_else(|| "-".to_owned(), Label::to_string);
        vec![taken.run.to_string(), label, place, taken.why.clone()]
    }));
    if rows.len() > 1 {
        out.push_str(&print::table(&rows, &[0]));
    }
    short.iter().for_each(|line| out.push_str(&format!("warning: {line}\n")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::BlockSize;

    #[test]
    fn a_run_is_to_find_what_runs_begin_and_one_at_least_unless_one_has_room() {
        let half = Usage { volumes: 1, runs: 2 };
        let three = Usage { volumes: 3, runs: 1 };
        assert_eq!([1, 2, 3].map(|run| wanted(half, run, 4, false)), [1, 1, 1]);
        let begun = [2, 3, 4, 5].map(|run| wanted(half, run, 4, true));
        assert_eq!(begun.iter().sum::<usize>(), 2, "{begun:?}");
        for goes_on in [true, false] {
            let found =
                [(1, 4), (1, 2), (9, 0)].map(|(run, most)| wanted(three, run, most, goes_on));
            assert_eq!(found, [3, 2, 1]);
        }
    }

    #[test]
    fn what_is_to_be_fetched_says_from_where() {
        let (pool, lib): (_, StorageName) = ("p".parse().unwrap(), "lib".parse().unwrap());
        let mut volume = Volume::new("V7".parse().unwrap(), pool, lib.clone(), BlockSize::HEADER);
        let since = "20261101000000".parse().unwrap();
        let place = "bank, box 4".to_owned();
        volume.off_site = Some(taper::catalogue::OffSite { place, since });
        let taken = vec![fetched(2, &volume)];
        let short =
            vec!["run 2 may want 2 volumes, and 1 can be had: slot 1: it is empty".to_owned()];
        let text = text(
            &Outlook {
                storage: lib,
                volumes_a_run: "1.0".to_owned(),
                taken,
                short,
                first_short: Some(2),
            },
            false,
        );
        for words in ["FETCH from bank, box 4", "V7", "warning: run 2 may want 2"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
