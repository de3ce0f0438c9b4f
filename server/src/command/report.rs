//! `report`: what a run did.

use std::io::IsTerminal;

use anyhow::Context as _;

use super::{Context, Exit, status};
use crate::cli;
use crate::cli::ReportFormat;
use crate::print;
use crate::report::{self, Attached, Width};
use crate::runlog::{self, Outcome};

pub(super) fn run(context: &Context, arguments: &cli::Report) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let run = status::chosen(&site, &arguments.run)?;
    let report = report::of_run(&site, run, &context.now)?;
    if let Some(file) = &arguments.svg {
        let log = runlog::read(&site.config.site.logdir, run)
            .with_context(|| format!("could not read the log of run {run}"))?;
        std::fs::write(file, report::svg::render(&report, &log))
            .with_context(|| format!("could not draw the run into {}", file.display()))?;
        return Ok(Exit::Good);
    }
    if arguments.mail {
        let attached = if arguments.attach_json { Attached::Json } else { Attached::Nothing };
        report::send(&site.config.site, &report, attached, &context.now)?;
        print::remark(&format!("mailed to {}", site.config.site.mailto.join(", ")));
        return Ok(exit(report.outcome));
    }
    let format = if context.json { ReportFormat::Json } else { arguments.format };
    match format {
        ReportFormat::Text => print::text(&report::render(&report, width(arguments.columns)))?,
        ReportFormat::Html => print::text(&report::html::render(&report))?,
        ReportFormat::Json => print::json(&report)?,
    }
    Ok(exit(report.outcome))
}

/// As wide as was asked for, or as the terminal is.
pub(super) fn width(asked: Option<u16>) -> Width {
    let out = std::io::stdout();
    let terminal = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten();
    match asked.or(terminal.map(|size| size.ws_col)) {
        Some(columns) => Width::of(usize::from(columns)),
        None => Width::PRINT,
    }
}

/// The exit code of a command that ran a run.
pub(super) fn exit(outcome: Option<Outcome>) -> Exit {
    match outcome {
        Some(Outcome::Good) => Exit::Good,
        _ => Exit::Complaints,
    }
}
