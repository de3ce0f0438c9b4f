//! `force`, `force-level1`, `bump`, `no-bump`, `unforce`: what the operator tells the planner.

use serde_json::json;
use types::DleRef;

use super::{Context, Exit, Misuse};
use crate::cli::Request;
use crate::night::facts;
use crate::print;
use crate::selection;

pub(super) use taper::catalogue::Ask;

/// Notes a request for the next run. One that the configuration stands against is refused: no run would ever do it.
pub(super) fn ask(context: &Context, arguments: &Request, ask: Ask) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let mut catalogue = site.catalogue()?;
    let (mut noted, mut refused) = (false, false);
    let mut answers = Vec::new();
    for dle in selection::of(&site.config, &arguments.dles)? {
        let name = dle.reference();
        if let Some(why) = facts::forbidden(dle, ask) {
            print::remark(&format!("{name}: not noted: {why}. Change its dumptype first"));
            answers.push(json!({ "host": name.host, "dle": name.dle, "noted": false, "why": why }));
            refused = true;
            continue;
        }
        catalogue.request(&name, ask, context.now.stamp())?;
        if !context.json {
            print::line(&format!("{name}: {}", promise(ask)))?;
        }
        answers.push(json!({ "host": name.host, "dle": name.dle, "noted": true }));
        noted = true;
    }
    if context.json {
        print::json(&answers)?;
    }
    Ok(match (noted, refused) {
        (_, false) => Exit::Good,
        (true, true) => Exit::Complaints,
        (false, true) => Exit::Failed,
    })
}

/// Drops all requests for these DLEs.
pub(super) fn take_back(context: &Context, arguments: &Request) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let mut catalogue = site.catalogue()?;
    let dles = chosen(&site.config, &arguments.dles)?;
    for dle in &dles {
        for ask in [Ask::Full, Ask::LevelOne, Ask::Bump, Ask::NoBump] {
            catalogue.unrequest(dle, ask, context.now.stamp())?;
        }
        if !context.json {
            print::line(&format!("{dle}: the planner is free to choose again"))?;
        }
    }
    if context.json {
        print::json(&dles)?;
    }
    Ok(Exit::Good)
}

fn chosen(config: &config::Config, words: &[String]) -> Result<Vec<DleRef>, Misuse> {
    Ok(selection::of(config, words)?.into_iter().map(config::Dle::reference).collect())
}

fn promise(ask: Ask) -> &'static str {
    match ask {
        Ask::Full => "level 0 in the next run",
        Ask::LevelOne => "level 1 in the next run",
        Ask::Bump => "the next higher level in the next run",
        Ask::NoBump => "no higher level in the next run",
    }
}
