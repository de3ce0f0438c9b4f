//! `cleanup`: tidies up after a crash. Every run begins with it by itself.

use super::{Context, Exit};
use crate::{clock, night, print};

pub(super) fn run(context: &Context) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let _lock = site.lock(&context.holder("cleanup"))?;
    let mut catalogue = site.catalogue()?;
    let now = clock::next_stamp(&context.now, catalogue.newest_stamp()?);
    let said = night::tidy::tidy(&site, &mut catalogue, now)?;
    if context.json {
        print::json(&said)?;
    } else if said.is_empty() {
        print::line("nothing to tidy up")?;
    } else {
        said.iter().try_for_each(|line| print::line(line))?;
    }
    Ok(Exit::Good)
}
