//! `label`: puts a label on a volume.

use serde_json::json;
use types::{Barcode, Label, Slot};

use super::{Context, Exit, Misuse};
use crate::labelling::{self, NotLabelled, Order};
use crate::{cli, library, print};

pub(super) fn run(context: &Context, arguments: &cli::Label) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let storage = library::storage(&site.config, arguments.storage.as_deref())?;
    let label = arguments.label.as_deref().map(str::parse::<Label>).transpose();
    let barcode = arguments.barcode.as_deref().map(str::parse::<Barcode>).transpose();
    let order = Order {
        label: label.map_err(|error| Misuse(error.to_string()))?,
        slot: arguments.slot.map(Slot),
        barcode: barcode.map_err(|error| Misuse(error.to_string()))?,
        force: arguments.force,
    };
    let _lock = site.lock(&context.holder("label"))?;
    let mut catalogue = site.catalogue()?;
    let now = context.now.stamp();
    let done = labelling::label(&site.config, storage, &mut catalogue, &order, now);
    let done = done.map_err(|error| match error {
        NotLabelled::NoSlot(what) => Misuse(what).into(),
        other => anyhow::Error::from(other),
    })?;
    if context.json {
        print::json(&json!({
            "label": done.label, "slot": done.slot, "pool": done.pool, "storage": storage.name, "was": done.was,
        }))?;
    } else {
        print::line(&format!(
            "slot {}: labelled {} and read back (pool {}; before: {})",
            done.slot, done.label, done.pool, done.was
        ))?;
    }
    Ok(Exit::Good)
}
