//! `plan`: what would be dumped tonight at which level, and why. What `--simulate` does is in `simulate`.

use serde_json::json;
use types::Bytes;

use super::{Context, Exit, plan_volumes, simulate};
use crate::planner::{Balance, Bottleneck, Filled, Kind, Plan};
use crate::{cli, night, print, selection};

pub(super) fn run(context: &Context, arguments: &cli::Plan) -> anyhow::Result<Exit> {
    if let Some(runs) = arguments.volumes {
        return plan_volumes::run(context, runs);
    }
    if let Some(nights) = arguments.simulate {
        return simulate::run(context, arguments, nights);
    }
    let site = context.open()?;
    let mut dles = selection::of(&site.config, &arguments.selection.dles)?;
    dles.retain(|dle| !dle.dumping.ignore);
    let plan = night::plan(
        &site,
        &site.catalogue_to_read()?,
        &dles,
        &site.agent(&context.program),
        &context.now,
    )?;
    if context.json {
        print::json(&value(&plan))?;
    } else {
        print::text(&text(&plan))?;
    }
    let failed = plan
        .skipped()
        .iter()
        .any(|skipped| matches!(skipped.kind, Kind::Failed | Kind::NoEstimate));
    Ok(if failed { Exit::Complaints } else { Exit::Good })
}

fn value(plan: &Plan) -> serde_json::Value {
    let balance = plan.balance();
    json!({
        "dumps": plan.dumps().iter().map(|planned| json!({
            "host": planned.dle.host, "dle": planned.dle.dle, "level": planned.choice.level,
            "base": planned.choice.base, "raw_bytes": planned.choice.cost.raw,
            "stored_bytes": planned.choice.cost.stored, "seconds": planned.choice.cost.seconds,
            "off_percent": planned.choice.cost.off,
            "urgency": planned.urgency, "why": planned.why,
        })).collect::<Vec<_>>(),
        "skipped": plan.skipped().iter().map(|skipped| json!({
            "host": skipped.dle.host, "dle": skipped.dle.dle, "failed": matches!(skipped.kind, Kind::Failed | Kind::NoEstimate),
            "why": skipped.why,
        })).collect::<Vec<_>>(),
        "warnings": plan.warnings().iter().map(|warning| &warning.text).collect::<Vec<_>>(),
        "total_bytes": balance.total, "capacity_bytes": balance.capacity, "fulls_bytes": balance.fulls,
        "held_bytes": balance.held, "balanced_fulls_bytes": balance.ideal, "seconds": balance.seconds,
        "lasts_seconds": balance.lasts,
        "storages": balance.storages.iter().map(|one| json!({
            "storage": one.storage, "total_bytes": one.total, "capacity_bytes": one.capacity,
        })).collect::<Vec<_>>(),
    })
}

fn text(plan: &Plan) -> String {
    let mut rows =
        vec![["HOST", "DLE", "LEVEL", "RAW", "STORED", "WHY"].map(str::to_owned).to_vec()];
    for planned in plan.dumps() {
        let cost = &planned.choice.cost;
        rows.push(vec![
            planned.dle.host.to_string(),
            planned.dle.dle.to_string(),
            planned.choice.level.to_string(),
            cost.raw.to_string(),
            cost.stored.to_string(),
            planned.why.clone(),
        ]);
    }
    let mut out = print::table(&rows, &[2, 3, 4]);
    for skipped in plan.skipped() {
        out.push_str(&format!("not dumped: {}: {}\n", skipped.dle, skipped.why));
    }
    for warning in plan.warnings() {
        let about = warning.dle.as_ref().map(|dle| format!("{dle}: ")).unwrap_or_default();
        out.push_str(&format!("warning: {about}{}\n", warning.text));
    }
    let balance = plan.balance();
    if let [_, _, ..] = balance.storages[..] {
        for Filled { storage, total, capacity } in &balance.storages {
            out.push_str(&format!("storage {storage}: {total} of {capacity}\n"));
        }
    }
    if balance.held > Bytes::ZERO {
        out.push_str(&format!("{} wait on the holding disk and are written first\n", balance.held));
    }
    if let Some(bottleneck) = &balance.bottleneck {
        let minutes = balance.lasts.div_ceil(60);
        out.push_str(&format!(
            "tonight lasts at least {minutes} min: {}\n",
            longest(bottleneck, balance)
        ));
    }
    out.push_str(&format!(
        "tonight {} of the {} that the volumes of a run take; fulls {}, balanced would be {}\n",
        balance.total, balance.capacity, balance.fulls, balance.ideal
    ));
    out
}

/// What the night waits for longest.
fn longest(bottleneck: &Bottleneck, balance: &Balance) -> String {
    match bottleneck {
        Bottleneck::Dumpers => "all dumps, as many at once as inparallel allows".to_owned(),
        Bottleneck::Host(host) => {
            format!("the dumps of {host}, as many at once as maxdumps allows")
        }
        Bottleneck::Dle(dle) => format!("the dump of {dle}"),
        Bottleneck::Interface(_) => "what a network interface may carry".to_owned(),
        Bottleneck::Drives(storage) => {
            let name = balance.storages.get(*storage).map_or("", |one| one.storage.as_str());
            format!("what the drives of storage {name} write")
        }
    }
}
