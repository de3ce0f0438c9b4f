//! `config`: check it, show it.

use super::{Context, Exit};
use crate::cli::Config;
use crate::{print, site};

pub(super) fn run(context: &Context, command: &Config) -> anyhow::Result<Exit> {
    let directory = site::find(context.site.as_deref())?;
    let config = config::load(&directory)?;
    match command {
        Config::Check => {
            if !config.hints.is_empty() {
                print::remark(&config::pictures(&config.hints, false));
            }
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
