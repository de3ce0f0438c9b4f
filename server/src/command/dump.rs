//! `dump`: the night.

use std::io::IsTerminal;

use anyhow::Context as _;
use taper::catalogue::RunKind;

use super::{Context, Exit, expire};
use crate::cli::Dump;
use crate::clock::Now;
use crate::night::{self, BrokenOff, Flush, Night, Orders};
use crate::operator::Desk;
use crate::runlog::Outcome;
use crate::site::Site;
use crate::vault::{self, Asked};
use crate::{print, report, selection};

pub(super) fn run(context: &Context, arguments: &Dump) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let _lock = site.lock(&context.holder("dump"))?;
    let dles = selection::of(&site.config, &arguments.selection.dles)?;
    let dles = dles.into_iter().filter(|dle| !dle.dumping.ignore).collect();
    let night = night::carry_out(
        &site,
        &Orders {
            dles,
            kind: RunKind::Dump,
            taper: !arguments.no_taper,
            flush: if arguments.no_flush || arguments.no_taper {
                Flush::Nothing
            } else {
                Flush::AsConfigured
            },
            agent: site.agent(&context.program),
            quiet: context.json,
            operator: Some(Desk::of(&site)),
        },
    );
    let night = night.map_err(|error| broken_off(context, &site, error))?;
    let exit = tell(context, &site, &night)?;
    let copies = vault(context, &site, &night)?;
    Ok(if exit == Exit::Good { copies } else { exit })
}

/// The copies of `vault-storage` that are due, at the end of the night; each round of them is a run of its own.
fn vault(context: &Context, site: &Site, night: &Night) -> anyhow::Result<Exit> {
    let into = &site.config.site.vault_storage;
    if into.is_empty() || night.outcome == Outcome::Interrupted {
        return Ok(Exit::Good);
    }
    let asked = Asked { wishes_of: into.iter().cloned().collect(), ..Asked::default() };
    let agent = site.agent(&context.program);
    let mut exit = Exit::Good;
    for copies in vault::carry_out(site, &asked, &agent, context.json)? {
        let ended = tell(context, site, &copies)?;
        exit = if exit == Exit::Good { ended } else { exit };
    }
    Ok(exit)
}

/// Prints the report of a night, and keeps it beside the log.
pub(super) fn tell(context: &Context, site: &Site, night: &Night) -> anyhow::Result<Exit> {
    let report = report::of_run(site, night.run, &Now::read())?;
    let text = report::render(&report, super::report::width(None));
    let kept = site.config.site.logdir.join(format!("{}.txt", night.run));
    std::fs::write(&kept, &text)
        .with_context(|| format!("could not keep the report in {}", kept.display()))?;
    if context.json {
        print::json(&report)?;
    } else {
        if std::io::stderr().is_terminal() {
            print::remark("");
        }
        print::text(&text)?;
    }
    let exit = mailed(context, site, &report).unwrap_or_else(|| exit(night.outcome));
    Ok(match expire::after_run(context, site) {
        Ok(()) => exit,
        Err(error) => {
            super::explain(&error);
            Exit::Complaints
        }
    })
}

/// What is to be told of a run that broke off is told, also to those who only read the mail.
pub(super) fn broken_off(context: &Context, site: &Site, error: anyhow::Error) -> anyhow::Error {
    let Some(BrokenOff { run }) = error.downcast_ref() else { return error };
    match report::of_run(site, *run, &Now::read()) {
        Ok(report) => drop(mailed(context, site, &report)),
        Err(unread) => drop(super::explain(&unread)),
    }
    error
}

/// Mails the report. A mail that did not go out is told, and is a complaint.
fn mailed(context: &Context, site: &Site, report: &report::Report) -> Option<Exit> {
    let error = report::mail(&site.config.site, report, &context.now).err()?;
    super::explain(&error.into());
    Some(Exit::Complaints)
}

fn exit(outcome: Outcome) -> Exit {
    super::report::exit(Some(outcome))
}
