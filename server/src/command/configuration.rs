//! `config`: check it, show it.

use serde_json::json;

use super::{Context, Exit};
use crate::cli::Config;
use crate::report::plural;
use crate::{print, site};

pub(super) fn run(context: &Context, command: &Config) -> anyhow::Result<Exit> {
    let directory = site::find(context.site.as_deref())?;
    let config = config::load(&directory)?;
    match command {
        Config::Check => {
            if !config.hints.is_empty() {
                print::remark(&config::pictures(&config.hints, false));
            }
            let [dles, storages, disks] =
                [config.dles.len(), config.storages.len(), config.holding.len()];
            if context.json {
                return print::json(&json!({
                    "site": directory.display().to_string(), "dles": dles, "storages": storages, "holding_disks": disks,
                }))
                .map(|()| Exit::Good)
                .map_err(Into::into);
            }
            print::line(&format!(
                "{}: good: {}, {}, {}",
                directory.display(),
                plural(dles, "DLE"),
                plural(storages, "storage"),
                plural(disks, "holding disk")
            ))?;
        }
        Config::Show if context.json => print::json(&config::show_json(&config))?,
        Config::Show => print::text(&config::show(&config))?,
    }
    Ok(Exit::Good)
}
