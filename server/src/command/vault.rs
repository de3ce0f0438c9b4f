//! `vault`: copies from one storage to another.

use std::collections::BTreeSet;

use serde::Serialize;
use taper::catalogue::{Catalogue, Filter};
use types::{Bytes, DumpId, Label, StorageName};

use super::{Context, Exit, Misuse, dump};
use crate::cli::Vault;
use crate::clock::stamp_text;
use crate::library;
use crate::night::Night;
use crate::print;
use crate::site::Site;
use crate::vault::{self, Asked, Copy};

/// A copy that would be made.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    dump: DumpId,
    #[serde(flatten)]
    dle: &'a types::DleRef,
    level: types::Level,
    run: types::Stamp,
    stored: Bytes,
    from: &'a StorageName,
    volumes: &'a [Label],
    to: &'a [StorageName],
}

pub(super) fn run(context: &Context, arguments: &Vault) -> anyhow::Result<Exit> {
    let site = context.open()?;
    if arguments.dry_run {
        let catalogue = site.catalogue_to_read()?;
        let asked = asked(&site, &catalogue, arguments)?;
        show(context, &vault::copies(&catalogue, &asked, context.now.stamp())?)?;
        return Ok(Exit::Good);
    }
    let lock = site.lock(&context.holder("vault"))?;
    let asked = asked(&site, &site.catalogue()?, arguments)?;
    let agent = site.agent(&context.program);
    let (mut rounds, mut told) = (0, dump::Told::default());
    let mut tell = |night: &Night| {
        rounds += 1;
        told.tell(context, &site, night);
    };
    match vault::carry_out(&site, &asked, &agent, context.json, &mut tell) {
        Ok(()) if rounds == 0 => {
            print::remark("there is nothing to copy");
            if context.json {
                // There is no run, and so no report.
                print::json(&())?;
            }
        }
        Ok(()) => {}
        Err(error) => told.broke_off(&site, error),
    }
    told.mail(context, &site, lock)
}

fn asked(site: &Site, catalogue: &Catalogue, arguments: &Vault) -> anyhow::Result<Asked> {
    let storage = |name: &Option<String>| -> Result<Option<StorageName>, Misuse> {
        let Some(name) = name else { return Ok(None) };
        Ok(Some(library::storage(&site.config, Some(name))?.name.clone()))
    };
    let (from, to) = (storage(&arguments.from)?, storage(&arguments.to)?);
    if from.is_some() && from == to {
        return Err(Misuse("a storage is not copied to itself".to_owned()).into());
    }
    Ok(Asked {
        from,
        to: to.into_iter().collect(),
        wishes_of: BTreeSet::new(),
        fulls_only: arguments.fulls_only,
        days: arguments.days,
        only: chosen(catalogue, arguments)?,
    })
}

/// The dumps that the words, and `--latest`, choose; none: all.
fn chosen(catalogue: &Catalogue, arguments: &Vault) -> anyhow::Result<Option<BTreeSet<DumpId>>> {
    let words = &arguments.selection.dles;
    if words.is_empty() && !arguments.latest {
        return Ok(None);
    }
    let mut dumps = catalogue.dumps(&Filter::default())?;
    let named = config::Named::of(words);
    dumps.retain(|located| named.means(&located.dump.dle));
    if !arguments.latest {
        return Ok(Some(dumps.iter().map(|located| located.dump.id).collect()));
    }
    let dles: BTreeSet<_> = dumps.into_iter().map(|located| located.dump.dle).collect();
    let end = crate::restore::when::parse("latest")?;
    let mut chosen = BTreeSet::new();
    for dle in dles {
        let links = catalogue.newest_at(&dle, end)?.links.unwrap_or_default();
        chosen.extend(links.iter().map(|link| link.dump.id));
    }
    Ok(Some(chosen))
}

fn show(context: &Context, copies: &[Copy]) -> anyhow::Result<()> {
    let shown = copies.iter().map(|copy| Shown {
        dump: copy.dump,
        dle: &copy.dle,
        level: copy.level,
        run: copy.run,
        stored: copy.stored,
        from: &copy.from,
        volumes: &copy.labels,
        to: &copy.to,
    });
    if context.json {
        return Ok(print::json(&shown.collect::<Vec<_>>())?);
    }
    if copies.is_empty() {
        print::remark("there is nothing to copy");
        return Ok(());
    }
    let heading = ["DLE", "LEVEL", "RUN", "SIZE", "FROM", "TO"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    rows.extend(shown.map(|copy| {
        let volumes: Vec<&str> = copy.volumes.iter().map(Label::as_str).collect();
        let to: Vec<&str> = copy.to.iter().map(StorageName::as_str).collect();
        vec![
            copy.dle.to_string(),
            copy.level.to_string(),
            stamp_text(copy.run),
            copy.stored.to_string(),
            format!("{} ({})", copy.from, volumes.join(" ")),
            to.join(" "),
        ]
    }));
    print::text(&print::table(&rows, &[1, 3]))?;
    Ok(())
}
