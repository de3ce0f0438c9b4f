//! `volume expire`: volumes on which nothing is needed any more are given back now, and not only when a run takes them.
//!
//! ```text
//!  nothing on it is needed ─► the catalogue forgets what is on it ─► with `erase-volume`, and at hand: labelled afresh
//! ```
//!
//! In this order an end between two steps leaves a volume that holds something extra, which nobody counts on; the next
//! run takes it, or the same command goes on from there. A dump expires with its volume: one that shares a volume with
//! another that is needed stays, since no medium can give up a part from its middle.

use std::collections::BTreeMap;

use anyhow::Context as _;
use config::{Config, Storage};
use serde_json::json;
use taper::catalogue::{Catalogue, Volume, VolumeState};
use taper::retention::Verdicts;
use types::{Bytes, Label, Slot, StorageName};

use super::volume::known;
use super::{Context, Exit};
use crate::labelling::{self, Order};
use crate::library::{self, Library};
use crate::night::estimate::with_causes;
use crate::print;
use crate::site::Site;

/// A volume that is given back, or would be.
struct Expired {
    label: Label,
    dumps: u64,
    bytes: Bytes,
    /// Where it is, if its medium is to be erased.
    slot: Option<Slot>,
    /// What went wrong.
    trouble: Option<String>,
}

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    ForReal,
    Dry,
}

pub(super) fn run(
    context: &Context,
    site: &Site,
    (labels, storage): (&[Label], Option<&str>),
    mode: Mode,
) -> anyhow::Result<Exit> {
    // Who only asks may do so beside a run.
    let _lock = match mode {
        Mode::ForReal => Some(site.lock(&context.holder("volume expire"))?),
        Mode::Dry => None,
    };
    let mut catalogue = site.catalogue()?;
    let wanted = match storage {
        Some(name) => Some(library::storage(&site.config, Some(name))?.name.clone()),
        None => None,
    };
    let mut complaints = Vec::new();
    let volumes = chosen(context, site, &catalogue, (labels, wanted.as_ref()), &mut complaints)?;
    let mut media = Media::of(&site.config, &catalogue.volumes()?);
    let mut expired = Vec::new();
    for volume in volumes {
        let mut one = Expired {
            dumps: catalogue.dumps_on(&volume.label)?,
            bytes: volume.bytes,
            slot: media.slot(&volume, &mut complaints),
            label: volume.label.clone(),
            trouble: None,
        };
        if mode == Mode::ForReal
            && let Err(error) = give_back(context, site, &mut catalogue, &volume, one.slot)
        {
            one.trouble = Some(with_causes(error.as_ref()));
        }
        expired.push(one);
    }
    tell(context, mode, &expired, &complaints)
}

/// After a run, whose lock is still held: what is no longer kept in storages with `erase-volume` is given back. What
/// went wrong is the first error; the others wait for the next run.
pub(super) fn after_run(context: &Context, site: &Site) -> anyhow::Result<()> {
    let erasing: Vec<&Storage> =
        site.config.storages.iter().filter(|storage| storage.tapering.erase_volume).collect();
    if erasing.is_empty() {
        return Ok(());
    }
    let mut catalogue = site.catalogue()?;
    let mut complaints = Vec::new();
    let mut media = Media::of(&site.config, &catalogue.volumes()?);
    for storage in erasing {
        let of_storage = (&[][..], Some(&storage.name));
        for volume in chosen(context, site, &catalogue, of_storage, &mut complaints)? {
            let slot = media.slot(&volume, &mut complaints);
            give_back(context, site, &mut catalogue, &volume, slot)
                .with_context(|| format!("could not give volume {} back", volume.label))?;
            print::remark(&format!("{}: nothing on it is kept any more: given back", volume.label));
        }
    }
    match complaints.first() {
        None => Ok(()),
        Some(complaint) => anyhow::bail!("{complaint}"),
    }
}

/// The volumes that may go: of those named, or of all.
fn chosen(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    (labels, storage): (&[Label], Option<&StorageName>),
    complaints: &mut Vec<String>,
) -> anyhow::Result<Vec<Volume>> {
    let (policies, now) = (library::policies(&site.config), context.now.stamp());
    let of_storage = |volume: &Volume| storage.is_none_or(|name| volume.storage == *name);
    if labels.is_empty() {
        let verdicts: Verdicts = catalogue.verdicts(&policies, now)?;
        let mut volumes = catalogue.volumes()?;
        volumes.retain(|volume| {
            of_storage(volume) && has_something(volume) && verdicts.of(&volume.label).is_reusable()
        });
        return Ok(volumes);
    }
    let mut volumes = Vec::new();
    for label in labels {
        let volume = known(catalogue, label)?;
        match catalogue.verdict(label, &policies, now)?.of(label).leave() {
            Ok(()) if of_storage(&volume) => volumes.push(volume),
            Ok(()) => {
                complaints.push(format!("volume {label} belongs to storage {}", volume.storage))
            }
            Err(needed) => complaints.push(needed.to_string()),
        }
    }
    Ok(volumes)
}

/// True if there is something on it to be forgotten: one that is only labelled has nothing.
fn has_something(volume: &Volume) -> bool {
    matches!(volume.state, VolumeState::Active | VolumeState::Full)
}

/// The libraries of storages whose volumes are to be erased.
struct Media(BTreeMap<StorageName, Result<Library, String>>);

impl Media {
    fn of(config: &Config, volumes: &[Volume]) -> Self {
        let erasing = config.storages.iter().filter(|storage| storage.tapering.erase_volume);
        let open = |storage: &Storage| {
            let library = Library::open(storage).map(|library| library.knowing(volumes));
            (storage.name.clone(), library.map_err(|error| with_causes(&error)))
        };
        Self(erasing.map(open).collect())
    }

    /// Where the volume is, if its medium is to be erased and is at hand.
    fn slot(&mut self, volume: &Volume, complaints: &mut Vec<String>) -> Option<Slot> {
        match self.0.get(&volume.storage)? {
            Ok(library) => library.slot_of(&volume.label).ok(),
            Err(why) => {
                complaints.push(format!(
                    "storage {}: no medium was erased, since its library did not open: {why}",
                    volume.storage
                ));
                self.0.remove(&volume.storage);
                None
            }
        }
    }
}

/// The catalogue forgets what is on the volume; if it is at hand and to be erased, the medium does too.
fn give_back(
    context: &Context,
    site: &Site,
    catalogue: &mut Catalogue,
    volume: &Volume,
    slot: Option<Slot>,
) -> anyhow::Result<()> {
    let now = context.now.stamp();
    match slot {
        Some(slot) => {
            let storage = library::storage(&site.config, Some(volume.storage.as_str()))?;
            let label = Some(volume.label.clone());
            let order = Order { label, slot: Some(slot), force: true, ..Order::default() };
            labelling::label(&site.config, storage, catalogue, &order, now)?;
        }
        None => {
            let leave = catalogue.reusable(&volume.label, &library::policies(&site.config), now)?;
            tracing::info!(label = %leave.label(), "expired");
        }
    }
    Ok(())
}

fn tell(
    context: &Context,
    mode: Mode,
    expired: &[Expired],
    complaints: &[String],
) -> anyhow::Result<Exit> {
    let done = mode == Mode::ForReal;
    if context.json {
        print::json(&json!({
            "volumes": expired.iter().map(|one| json!({
                "label": one.label, "dumps": one.dumps, "bytes": one.bytes,
                "expired": done && one.trouble.is_none(), "erased": done && one.trouble.is_none() && one.slot.is_some(),
                "trouble": one.trouble,
            })).collect::<Vec<_>>(),
            "complaints": complaints,
        }))?;
    } else {
        for one in expired {
            print::line(&told(one, mode))?;
        }
        complaints.iter().for_each(|complaint| print::remark(complaint));
        let bytes: Bytes = expired.iter().map(|one| one.bytes).sum();
        let count = expired.len();
        print::line(&match (count, mode) {
            (0, _) => "no volume has something that is no longer kept".to_owned(),
            (_, Mode::Dry) => format!("{count} volumes, {bytes}. Nothing was changed"),
            (_, Mode::ForReal) => format!("{count} volumes, {bytes}"),
        })?;
    }
    let good = complaints.is_empty() && expired.iter().all(|one| one.trouble.is_none());
    Ok(if good { Exit::Good } else { Exit::Complaints })
}

fn told(Expired { label, dumps, bytes, slot, trouble }: &Expired, mode: Mode) -> String {
    let medium = match slot {
        Some(slot) => format!("erased in slot {slot}"),
        None => "overwritten when a run takes it".to_owned(),
    };
    match (trouble, mode) {
        (Some(why), _) => format!("{label}: could not be given back: {why}"),
        (None, Mode::Dry) => format!(
            "{label}: {dumps} dumps, {bytes}, would be forgotten; the medium would be {medium}"
        ),
        (None, Mode::ForReal) => {
            format!("{label}: {dumps} dumps, {bytes}, are forgotten; the medium is {medium}")
        }
    }
}
