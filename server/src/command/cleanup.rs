//! `cleanup`: tidies up after a crash. Every run begins with it by itself.

use super::{Context, Exit, Misuse};
use crate::cli::Cleanup;
use crate::clock::stamp_text;
use crate::runlog::RunEvent;
use crate::{clock, night, print};

pub(super) fn run(context: &Context, arguments: &Cleanup) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let _lock = site.lock(&context.holder("cleanup"))?;
    let mut catalogue = site.catalogue()?;
    if let Some(name) = &arguments.accept_disk {
        let found = site.config.holding.iter().find(|disk| disk.name == *name);
        let disk = found.ok_or_else(|| Misuse(format!("there is no holding disk {name}")))?;
        night::equipment::accept_disk(&site, disk)?;
    }
    let now = clock::next_stamp(&context.now, catalogue.newest_stamp()?);
    let tidied = night::tidy::tidy(&site, &mut catalogue, now)?;
    let said: Vec<String> = tidied.told().iter().filter_map(told).collect();
    if context.json {
        print::json(&said)?;
    } else if said.is_empty() {
        print::line("nothing to tidy up")?;
    } else {
        said.iter().try_for_each(|line| print::line(line))?;
    }
    Ok(if tidied.is_bad() { Exit::Complaints } else { Exit::Good })
}

/// What was found, in a sentence.
fn told(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::Warning { text } => Some(text.clone()),
        RunEvent::HoldingAway { disk, why, advice } => {
            Some(format!("holding disk {disk} is away: {why}. {advice}"))
        }
        RunEvent::DumpLost { dle, level, run, why, .. } => {
            Some(format!("{dle}: the dump at level {level} of {} is LOST: {why}", stamp_text(*run)))
        }
        _ => None,
    }
}
