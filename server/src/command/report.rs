//! `report`: what a run did.

use anyhow::Context as _;

use super::{Context, Exit, status};
use crate::cli::RunArg;
use crate::runlog::Outcome;
use crate::{night, print, report, runlog};

pub(super) fn run(context: &Context, arguments: &RunArg) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let run = status::chosen(&site.config.site.logdir, arguments)?;
    let log = runlog::read(&site.config.site.logdir, run)
        .with_context(|| format!("could not read the log of run {run}"))?;
    let facts = night::report_facts(&site, &site.catalogue()?, &context.now)?;
    let report = report::of(run, &log, facts);
    if context.json {
        print::json(&report)?;
    } else {
        print::text(&report::render(&report))?;
    }
    Ok(exit(report.outcome))
}

/// The exit code of a command that ran a run.
pub(super) fn exit(outcome: Option<Outcome>) -> Exit {
    match outcome {
        Some(Outcome::Good) => Exit::Good,
        _ => Exit::Complaints,
    }
}
