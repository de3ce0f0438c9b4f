//! `force`, `force-level1`, `bump`, `no-bump`, `unforce`: what the operator tells the planner.

use types::DleRef;

use super::{Context, Exit, Misuse};
use crate::cli::Request;
use crate::print;
use crate::selection;

pub(super) use taper::catalogue::Ask;

/// Notes a request for the next run.
pub(super) fn ask(context: &Context, arguments: &Request, ask: Ask) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let mut catalogue = site.catalogue()?;
    for dle in chosen(&site.config, &arguments.dles)? {
        catalogue.request(&dle, ask, context.now.stamp())?;
        print::line(&format!("{dle}: {}", promise(ask)))?;
    }
    Ok(Exit::Good)
}

/// Drops all requests for these DLEs.
pub(super) fn take_back(context: &Context, arguments: &Request) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let mut catalogue = site.catalogue()?;
    for dle in chosen(&site.config, &arguments.dles)? {
        for ask in [Ask::Full, Ask::LevelOne, Ask::Bump, Ask::NoBump] {
            catalogue.unrequest(&dle, ask, context.now.stamp())?;
        }
        print::line(&format!("{dle}: the planner is free to choose again"))?;
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
