//! `abort`: DLEs that the run at work is not to dump any more.

use anyhow::Context as _;

use super::{Context, Exit, Misuse};
use crate::cli::Abort;
use crate::night::control::{self, Order};
use crate::{print, selection};

pub(super) fn run(context: &Context, arguments: &Abort) -> anyhow::Result<Exit> {
    let site = context.open()?;
    if arguments.selection.dles.is_empty() {
        let advice =
            "name the host, or host and DLE; to end the whole run, send it SIGINT or SIGTERM";
        return Err(Misuse(advice.to_owned()).into());
    }
    let dles = selection::of(&site.config, &arguments.selection.dles)?;
    let Some(at_work) = site.at_work() else {
        anyhow::bail!("no run is at work");
    };
    let orders = control::path(&site.config.site.catalogue);
    let why = match &arguments.why {
        Some(why) => format!("the operator called it off: {why}"),
        None => "the operator called it off".to_owned(),
    };
    for dle in &dles {
        let order = Order::Abort { dle: dle.reference(), why: why.clone() };
        control::send(&orders, &order)
            .with_context(|| format!("could not tell the run, in {}", orders.display()))?;
    }
    print::remark(&format!(
        "told {at_work} to leave out {} of its DLEs, if it has not dumped them yet: `reelkeep status` shows what becomes \
         of it",
        dles.len()
    ));
    Ok(Exit::Good)
}
