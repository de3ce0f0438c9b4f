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
    let mut told = Told::default();
    match night {
        Ok(night) => {
            told.tell(context, &site, &night);
            vault(context, &site, &night, &mut told);
        }
        Err(error) => told.broke_off(&site, error),
    }
    told.mail(context, &site, lock)
}

/// The copies of `vault-storage` that are due, at the end of the night; each round of them is a run of its own.
fn vault(context: &Context, site: &Site, night: &Night, told: &mut Told) {
    let into = &site.config.site.vault_storage;
    if into.is_empty() || night.outcome == Outcome::Interrupted {
        return;
    }
    let asked = Asked { wishes_of: into.iter().cloned().collect(), ..Asked::default() };
    let agent = site.agent(&context.program);
    let mut tell = |copies: &Night| told.tell(context, site, copies);
    if let Err(error) = vault::carry_out(site, &asked, &agent, context.json, &mut tell) {
        told.broke_off(site, error);
    }
}

/// The reports of the nights of one command: printed at once, and mailed when nobody waits for the site any more.
#[derive(Default)]
pub(super) struct Told {
    reports: Vec<report::Report>,
    exit: Option<Exit>,
    /// What ended the command before its time.
    error: Option<anyhow::Error>,
}

impl Told {
    /// Prints the report of a night, and keeps it beside the log. What keeps it from being read here is told at once, and
    /// is no reason not to mail it, nor to leave out what else is to be done.
    pub(super) fn tell(&mut self, context: &Context, site: &Site, night: &Night) {
        self.ended(exit(night.outcome));
        match report::of_run(site, night.run, &Now::read()) {
            Ok(report) => {
                for shown in shown(context, site, night, &report) {
                    self.heard(shown);
                }
                self.reports.push(report);
            }
            Err(error) => self.heard(Err(error)),
        }
        if let Err(error) = expire::after_run(context, site) {
            super::explain(&error);
            self.ended(Exit::Complaints);
        }
    }

    /// A run broke off, or could not begin. What there is to tell of it is told also to those who only read the mail.
    pub(super) fn broke_off(&mut self, site: &Site, error: anyhow::Error) {
        if let Some(BrokenOff { run }) = error.downcast_ref() {
            match report::of_run(site, *run, &Now::read()) {
                Ok(report) => self.reports.push(report),
                Err(unread) => drop(super::explain(&unread)),
            }
        }
        self.error = Some(error);
    }

    /// Mails what was told. The lock goes first: a mailer that hangs is no reason for the next run to wait; and a signal
    /// ends the waiting, as it ends any program. An error is what ended the command before its time.
    pub(super) fn mail(
        mut self,
        context: &Context,
        site: &Site,
        lock: RunLock,
    ) -> anyhow::Result<Exit> {
        in_nobodys_way(lock);
        for report in std::mem::take(&mut self.reports) {
            if let Some(exit) = mailed(context, site, &report) {
                self.ended(exit);
            }
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.exit.unwrap_or(Exit::Good)),
        }
    }

    fn heard(&mut self, shown: anyhow::Result<()>) {
        if let Err(error) = shown {
            self.ended(super::explain(&error));
        }
    }

    /// The worst counts.
    fn ended(&mut self, exit: Exit) {
        self.exit = self.exit.max(Some(exit));
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

/// Keeps the report beside the log, and prints it.
fn shown(
    context: &Context,
    site: &Site,
    night: &Night,
    report: &report::Report,
) -> [anyhow::Result<()>; 2] {
    let text = report::render(report, super::report::width(None));
    let path = site.config.site.logdir.join(format!("{}.txt", night.run));
    let kept = std::fs::write(&path, &text);
    let kept = kept.with_context(|| format!("could not keep the report in {}", path.display()));
    let printed = if context.json {
        print::json(report)
    } else {
        if std::io::stderr().is_terminal() {
            print::remark("");
        }
        print::text(&text)
    };
    [kept, printed.context("could not print the report")]
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
