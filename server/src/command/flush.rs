//! `flush`: what waits on the holding disk goes to volumes.

use std::collections::BTreeSet;

use taper::catalogue::RunKind;

use super::{Context, Exit, dump};
use crate::cli::Selection;
use crate::night::{self, Flush, Orders};
use crate::operator::Desk;

pub(super) fn run(context: &Context, selection: &Selection) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let lock = site.lock(&context.holder("flush"))?;
    let catalogue = site.catalogue()?;
    let named = config::Named::of(&selection.dles);
    let mut wanted = BTreeSet::new();
    for row in catalogue.held()? {
        let dle = catalogue.dump(row.dump)?.dump.dle;
        if named.means(&dle) {
            wanted.insert(dle);
        }
    }
    drop(catalogue);
    let night = night::carry_out(
        &site,
        &Orders {
            dles: Vec::new(),
            kind: RunKind::Flush,
            taper: true,
            flush: Flush::Of(wanted),
            agent: site.agent(&context.program),
            quiet: context.json,
            operator: Some(Desk::of(&site)),
        },
    );
    let night = match night {
        Ok(night) => night,
        Err(error) => return Err(dump::broken_off(context, &site, lock, error)),
    };
    let mut told = dump::Told::default();
    told.tell(context, &site, &night)?;
    Ok(told.mail(context, &site, lock))
}
