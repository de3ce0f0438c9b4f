//! `flush`: what waits on the holding disk goes to volumes.

use std::collections::BTreeSet;

use config::{Config, Named};
use taper::catalogue::{Catalogue, RunKind};
use types::DleRef;

use super::{Context, Exit, dump};
use crate::cli::Selection;
use crate::night::{self, Flush, Orders};
use crate::operator::Desk;
use crate::selection;

pub(super) fn run(context: &Context, selection: &Selection) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let lock = site.lock(&context.holder("flush"))?;
    let catalogue = site.catalogue()?;
    let flush = chosen(&site.config, &catalogue, &selection.dles)?;
    drop(catalogue);
    let night = night::carry_out(
        &site,
        &Orders {
            dles: Vec::new(),
            kind: RunKind::Flush,
            taper: true,
            flush,
            agent: site.agent(&context.program),
            quiet: context.json,
            operator: Some(Desk::of(&site)),
        },
    );
    let mut told = dump::Told::default();
    match night {
        Ok(night) => told.tell(context, &site, &night),
        Err(error) => told.broke_off(&site, error),
    }
    told.mail(context, &site, lock)
}

/// What waits of what the words mean; without words, all of it. They may also mean a DLE that is no longer in the
/// configuration. Words that mean neither that nor a DLE of the configuration are a mistake.
fn chosen(config: &Config, catalogue: &Catalogue, words: &[String]) -> anyhow::Result<Flush> {
    if words.is_empty() {
        return Ok(Flush::All);
    }
    let listed = selection::of(config, words);
    let mut wanted: BTreeSet<DleRef> = listed.iter().flatten().map(|dle| dle.reference()).collect();
    let named = Named::of(words);
    for row in catalogue.held()? {
        let dle = catalogue.dump(row.dump)?.dump.dle;
        if named.means(&dle) {
            wanted.insert(dle);
        }
    }
    if wanted.is_empty() {
        listed?;
    }
    Ok(Flush::Of(wanted))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::Quickstart;
    use types::Stamp;

    use super::*;
    use crate::command::Misuse;
    use crate::night::tidy;

    #[test]
    fn words_that_mean_nothing_flush_nothing_and_are_a_mistake() {
        let made = Quickstart::new("/site".into(), vec!["/home".into()]);
        let text = config::quickstart(&made).unwrap();
        let config = config::read(&[("/site/reelkeep.toml".into(), text)]).unwrap();
        // What is held is of a DLE that the configuration no longer has.
        let run: Stamp = "20260102030000".parse().unwrap();
        let dump = tidy::tests::dump(run);
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.begin_run(run, RunKind::Dump, run, "test").unwrap();
        catalogue.record_held(&dump, &[], Path::new("/holding/it"), dump.stored).unwrap();

        let chosen = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            super::chosen(&config, &catalogue, &words)
        };
        assert_eq!(chosen(&[]).unwrap(), Flush::All);
        assert_eq!(chosen(&["web"]).unwrap(), Flush::Of(BTreeSet::from([dump.dle])));
        let listed = config.dles[0].reference();
        assert_eq!(chosen(&[listed.host.as_str()]).unwrap(), Flush::Of(BTreeSet::from([listed])));
        for unknown in [&["nosuchhost"][..], &["web", "/other"], &["["]] {
            let error = chosen(unknown).unwrap_err();
            assert!(error.downcast_ref::<Misuse>().is_some(), "{unknown:?}: {error}");
        }
    }
}
