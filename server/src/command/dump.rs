//! `dump`: the night.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use taper::catalogue::RunKind;

use super::{Context, Exit, expire};
use crate::cli::Dump;
use crate::clock::Now;
use crate::lock::RunLock;
use crate::night::{self, BrokenOff, Flush, Night, Orders};
use crate::operator::Desk;
use crate::runlog::Outcome;
use crate::site::Site;
use crate::vault::{self, Asked};
use crate::{print, report, selection};

pub(super) fn run(context: &Context, arguments: &Dump) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let lock = site.lock(&context.holder("dump"))?;
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
    let night = match night {
        Ok(night) => night,
        Err(error) => return Err(broken_off(context, &site, lock, error)),
    };
    let mut told = Told::default();
    told.tell(context, &site, &night)?;
    let copies = vault(context, &site, &night, &mut told);
    let exit = told.mail(context, &site, lock);
    copies.map(|()| exit)
}

/// The copies of `vault-storage` that are due, at the end of the night; each round of them is a run of its own.
fn vault(context: &Context, site: &Site, night: &Night, told: &mut Told) -> anyhow::Result<()> {
    let into = &site.config.site.vault_storage;
    if into.is_empty() || night.outcome == Outcome::Interrupted {
        return Ok(());
    }
    let asked = Asked { wishes_of: into.iter().cloned().collect(), ..Asked::default() };
    let agent = site.agent(&context.program);
    for copies in vault::carry_out(site, &asked, &agent, context.json)? {
        told.tell(context, site, &copies)?;
    }
    Ok(())
}

/// The reports of the nights of one command: printed at once, and mailed when nobody waits for the site any more.
#[derive(Default)]
pub(super) struct Told {
    reports: Vec<report::Report>,
    exit: Option<Exit>,
}

impl Told {
    /// Prints the report of a night, and keeps it beside the log.
    pub(super) fn tell(
        &mut self,
        context: &Context,
        site: &Site,
        night: &Night,
    ) -> anyhow::Result<()> {
        let (exit, report) = tell(context, site, night)?;
        self.reports.push(report);
        self.ended(exit);
        Ok(())
    }

    /// Mails what was told. The lock goes first: a mailer that hangs is no reason for the next run to wait; and a signal
    /// ends the waiting, as it ends any program.
    pub(super) fn mail(mut self, context: &Context, site: &Site, lock: RunLock) -> Exit {
        in_nobodys_way(lock);
        for report in std::mem::take(&mut self.reports) {
            if let Some(exit) = mailed(context, site, &report) {
                self.ended(exit);
            }
        }
        self.exit.unwrap_or(Exit::Good)
    }

    /// The first that is not good counts.
    fn ended(&mut self, exit: Exit) {
        if self.exit.is_none_or(|before| before == Exit::Good) {
            self.exit = Some(exit);
        }
    }
}

/// Who only mails has no lock any more, and is ended by a signal.
fn in_nobodys_way(lock: RunLock) {
    drop(lock);
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let armed = Arc::new(AtomicBool::new(true));
        if let Err(error) = signal_hook::flag::register_conditional_default(signal, armed) {
            tracing::warn!("signal {signal} will not end the mailing: {error}");
        }
    }
}

fn tell(context: &Context, site: &Site, night: &Night) -> anyhow::Result<(Exit, report::Report)> {
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
    let exit = match expire::after_run(context, site) {
        Ok(()) => exit(night.outcome),
        Err(error) => {
            super::explain(&error);
            Exit::Complaints
        }
    };
    Ok((exit, report))
}

/// What is to be told of a run that broke off is told, also to those who only read the mail.
pub(super) fn broken_off(
    context: &Context,
    site: &Site,
    lock: RunLock,
    error: anyhow::Error,
) -> anyhow::Error {
    let Some(BrokenOff { run }) = error.downcast_ref() else { return error };
    in_nobodys_way(lock);
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
