//! The catalogue and the indexes made again from volumes alone.
//!
//! 1. Every cartridge of every library is loaded once: its label, the header of each file, and the rows of each
//!    run's records are read ([`survey`]). Where there is no robot, a person puts them in ([`by_hand`]).
//! 2. The rows are taken over, the newest run's first. Only parts on volumes that were seen as the rows describe
//!    them are believed, and what the catalogue knows already stays as it is.
//! 3. Parts that no records tell of, because a crash came before the records, are put together from their headers
//!    and the end of their image ([`headers`]).
//! 4. Volumes with nothing but a label are taken over too; then locks, as the newest records have them.
//! 5. Images on the holding disks are taken over.
//! 6. For each dump that can be restored and has no sound index here, index and table of frames are copied out of
//!    the end of its image ([`indexes`]).
//!
//! A dry run does 1 to 4 to a copy of the catalogue that is thrown away.

mod by_hand;
mod headers;
mod indexes;
mod survey;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Serialize;
use taper::catalogue::{Catalogue, Imported, Locked, Volume, VolumeEnd, VolumeState};
use types::{FileNo, Label, Stamp};

use crate::behind;
use crate::night::estimate::with_causes;
use crate::night::tidy;
use crate::operator::Desk;
use crate::report::plural;
use crate::restore::libraries::Libraries;
use crate::site::Site;
pub use indexes::{sound_index, unsound};
use survey::Seen;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Volumes that the catalogue did not know.
    pub volumes: usize,
    /// Dumps that it did not know.
    pub dumps: usize,
    /// Parts that it did not know.
    pub parts: usize,
    /// Dumps that can be restored now, and could not before.
    pub completed: usize,
    /// Dumps that got an index, or would.
    pub indexes: usize,
    /// What could not be done, and why.
    pub troubles: Vec<String>,
}

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    ForReal,
    /// No: `catalogue` is a copy, and nobody writes an index.
    Dry,
}

/// Makes the catalogue again. The site's lock is held by the caller; `say` is told of each step, and at `desk` a person
/// is asked for cartridges where there is no robot.
pub fn rebuild(
    site: &Site,
    catalogue: &mut Catalogue,
    mode: Mode,
    now: Stamp,
    desk: &Desk,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Rebuilt> {
    let mut rebuilt = Rebuilt::default();
    let known: BTreeSet<Label> =
        catalogue.volumes()?.into_iter().filter(is_certain).map(|volume| volume.label).collect();
    let seen = survey::all(site, desk, &mut rebuilt.troubles, say)?;
    let mut libraries = Libraries::of(&site.config).attended(desk.clone());
    take_over_records(catalogue, &seen, now, &mut rebuilt)?;
    headers::take_over(&mut libraries, catalogue, &seen, now, &mut rebuilt, say)?;
    settle_volumes(catalogue, &seen, &known, now, &mut rebuilt)?;
    take_over_holds(catalogue, &seen, &known, now, say)?;
    let program = concat!("reelkeep ", env!("CARGO_PKG_VERSION"));
    let runs = behind::adopt(&site.config.site.logdir, catalogue, program)?;
    if runs > 0 {
        say(&format!("{} known by the log alone", plural(runs, "run")));
    }
    if mode == Mode::ForReal {
        for held in tidy::adopt_held(site, catalogue, now)? {
            say(&held);
        }
    }
    let making = indexes::Making { site, catalogue, mode, desk, seen: &seen };
    making.all(&mut libraries, &mut rebuilt, say)?;
    Ok(rebuilt)
}

/// A label that was chosen and perhaps never written says nothing about a volume.
fn is_certain(volume: &Volume) -> bool {
    volume.state != VolumeState::Chosen
}

impl Rebuilt {
    fn add(&mut self, imported: Imported) {
        self.volumes += imported.volumes;
        self.dumps += imported.dumps;
        self.parts += imported.parts;
        self.completed += imported.completed;
    }
}

/// The stamps in the labels that were read, for [`Catalogue::import`].
fn stamps(seen: &[Seen]) -> BTreeMap<&Label, Stamp> {
    seen.iter().filter_map(|volume| Some((&volume.label, volume.stamp?))).collect()
}

/// The rows of all records, the newest run first: what a later run says of a volume is truer.
fn take_over_records(
    catalogue: &mut Catalogue,
    seen: &[Seen],
    now: Stamp,
    rebuilt: &mut Rebuilt,
) -> anyhow::Result<()> {
    let stamps = stamps(seen);
    let mut records: Vec<_> = seen.iter().flat_map(|volume| &volume.records).collect();
    records.sort_by_key(|records| std::cmp::Reverse((records.head.run, records.parts.len())));
    for records in records {
        let mut records = records.clone();
        // A dump that was still on its way to a volume when the records were written is known better from its
        // headers.
        records.dumps.retain(|dump| {
            use format::records::DumpStatus;
            matches!(dump.status, DumpStatus::Good | DumpStatus::Strange)
        });
        rebuilt.add(catalogue.import(&records, |label| stamps.get(label).copied(), now)?);
    }
    Ok(())
}

/// Takes over volumes that no part made known, and says of all new ones where they end.
///
/// How full a volume is can't be seen, so the new ones count as full, but for the one of each storage that was
/// written last: the next run tries it, and goes on to another if it is full.
fn settle_volumes(
    catalogue: &mut Catalogue,
    seen: &[Seen],
    known: &BTreeSet<Label>,
    now: Stamp,
    rebuilt: &mut Rebuilt,
) -> anyhow::Result<()> {
    let mut newest: BTreeMap<_, (Stamp, Label)> = BTreeMap::new();
    for found in seen.iter().filter(|found| !known.contains(&found.label)) {
        let volume = match catalogue.volume(&found.label) {
            Ok(volume) if is_certain(&volume) => volume,
            _ => {
                let volume = found.as_volume();
                catalogue.adopt_volume(&volume, now)?;
                rebuilt.volumes += 1;
                if found.end > FileNo::FIRST {
                    let never = taper::catalogue::Lock::NoReuse;
                    let why = "it has files that make no dump that can be restored";
                    let locked = Locked {
                        why: why.to_owned(),
                        by: "catalogue rebuild".to_owned(),
                        at: None,
                    };
                    catalogue.set_lock(&found.label, never, &locked, now)?;
                    rebuilt.troubles.push(format!(
                        "volume {0} in slot {1} has {2} files that make no dump that can be restored: it is locked. \
                         If other volumes are elsewhere, rebuild again with them in the library; if it is of no use \
                         (`reelkeep volume scan {1}`), `reelkeep volume unlock {0}`",
                        found.label,
                        found.slot,
                        found.end.0 - 1
                    ));
                }
                volume
            }
        };
        if let Some(last) =
            volume.last_written.or(volume.labelled).filter(|_| found.end > FileNo::FIRST)
        {
            let end = VolumeEnd { file: found.end.max(volume.end.file), object: None };
            catalogue.record_end(&found.label, last, end)?;
            let entry = newest.entry(volume.storage.clone()).or_insert((last, found.label.clone()));
            *entry = entry.clone().max((last, found.label.clone()));
        }
    }
    for (_, (_, label)) in newest {
        let volume = catalogue.volume(&label)?;
        if volume.lock == taper::catalogue::Lock::Open {
            catalogue.set_state(&label, VolumeState::Active, now)?;
        }
    }
    for found in seen {
        catalogue.record_seen(&found.label, Some(found.slot), found.barcode.as_ref())?;
    }
    Ok(())
}

/// Locks and places, each as the newest records have it that say or would have said something of its volume. What was said
/// after those is lost, and so the operator is told of when they are.
///
/// Records tell of all volumes that are held, but a run with a catalogue that was just lost knew of none: so one that neither
/// holds a volume nor has written on it says nothing of it, and older ones are heard. A lock that was ended since may come back
/// by that; one that counts does not go.
fn take_over_holds(
    catalogue: &mut Catalogue,
    seen: &[Seen],
    known: &BTreeSet<Label>,
    now: Stamp,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let mut all: Vec<_> = seen.iter().flat_map(|volume| &volume.records).collect();
    all.sort_by_key(|records| std::cmp::Reverse((records.head.run, records.parts.len())));
    let mut told = known.clone();
    for (age, records) in all.into_iter().enumerate() {
        let count = catalogue.import_holds(records, |label| !told.contains(label), now)?;
        told.extend(records.holds.iter().map(|row| row.label.clone()));
        told.extend(records.volumes.iter().map(|row| row.label.clone()));
        if count > 0 {
            let (run, volumes) = (records.head.run, plural(count, "volume"));
            let since = match age {
                0 => "whatever was locked since is not",
                _ => {
                    "later runs did not know of it; `reelkeep volume unlock` ends what was ended since"
                }
            };
            say(&format!("{volumes} locked, retired or off-site as of run {run}: {since}"));
        }
    }
    Ok(())
}

/// A copy of the catalogue for a dry run: whatever happens to it is forgotten.
pub fn copy(catalogue: &Catalogue, directory: &std::path::Path) -> anyhow::Result<Catalogue> {
    let path = directory.join(taper::catalogue::FILE_NAME);
    catalogue
        .back_up(&path)
        .and_then(|()| Catalogue::open(&path))
        .with_context(|| format!("could not copy the catalogue into {}", directory.display()))
}

/// An error and its causes, for the list of troubles.
fn trouble(what: impl std::fmt::Display, error: &dyn std::error::Error) -> String {
    format!("{what}: {}", with_causes(error))
}

#[cfg(test)]
mod tests;
