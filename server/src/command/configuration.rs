//! `config`: check it, show it.

use super::{Context, Exit};
use crate::cli::Config;
use crate::{print, site, unserved};

pub(super) fn run(context: &Context, command: &Config) -> anyhow::Result<Exit> {
    let directory = site::find(context.site.as_deref())?;
    let config = config::load(&directory)?;
    match command {
        Config::Check => {
            if !config.hints.is_empty() {
                print::remark(&config::pictures(&config.hints, false));
            }
            unserved::told(&config).iter().for_each(|text| print::remark(&format!("note: {text}")));
            print::line(&format!(
                "{}: good: {} DLEs, {} storages, {} holding disks",
                directory.display(),
                config.dles.len(),
                config.storages.len(),
                config.holding.len()
            ))?;
        }
        Config::Show if context.json => print::json(&config::show_json(&config))?,
        Config::Show => print::text(&config::show(&config))?,
    }
    Ok(Exit::Good)
}
