//! `status`: the run now, or any past run.

use anyhow::Context as _;
use serde::Serialize;
use types::Stamp;

use super::{Context, Exit, Misuse};
use crate::cli::RunArg;
use crate::report::{self, Facts, Report, State};
use crate::{clock, print, runlog};

#[derive(Serialize)]
struct Status<'a> {
    at_work: Option<&'a str>,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn run(context: &Context, arguments: &RunArg) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let run = chosen(&site.config.site.logdir, arguments)?;
    let log = runlog::read(&site.config.site.logdir, run)
        .with_context(|| format!("could not read the log of run {run}"))?;
    let report =
        report::of(run, &log, Facts { org: site.config.site.org.clone(), ..Facts::default() });
    let at_work = site.at_work();
    if context.json {
        print::json(&Status { at_work: at_work.as_deref(), report: &report })?;
    } else {
        print::text(&text(&report, at_work.as_deref()))?;
    }
    Ok(Exit::Good)
}

/// The run that the arguments name, or the newest.
pub(super) fn chosen(directory: &std::path::Path, arguments: &RunArg) -> anyhow::Result<Stamp> {
    let runs = runlog::runs(directory).context("could not look for the logs of runs")?;
    match &arguments.run {
        None => runs.last().copied().ok_or_else(|| {
            Misuse("there was no run yet: begin one with `reelkeep dump`".to_owned()).into()
        }),
        Some(text) => {
            let found = runs.iter().rev().find(|run| run.to_string().starts_with(text.as_str()));
            found.copied().ok_or_else(|| {
                Misuse(format!(
                    "there is no run {text}: `reelkeep list runs` shows those there are"
                ))
                .into()
            })
        }
    }
}

fn text(report: &Report, at_work: Option<&str>) -> String {
    let mut out = String::new();
    match (report.finished, at_work) {
        (Some(finished), _) => {
            out.push_str(&format!("run {} ended {}\n", report.run, clock::unix_text(finished)));
        }
        (None, Some(holder)) => out.push_str(&format!("run {} is at work: {holder}\n", report.run)),
        (None, None) => {
            out.push_str(&format!("run {} was cut off; the next one tidies up\n", report.run))
        }
    }
    let mut rows =
        vec![["DLE", "level", "entries", "raw", "stored", "state"].map(str::to_owned).to_vec()];
    for line in &report.dles {
        rows.push(vec![
            line.dle.to_string(),
            line.level.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            line.entries.to_string(),
            line.raw.to_string(),
            line.stored.to_string(),
            state(line),
        ]);
    }
    out.push_str(&print::table(&rows, &[1, 2, 3, 4]));
    for failure in &report.failures {
        out.push_str(&format!("! {failure}\n"));
    }
    out
}

fn state(line: &report::DleLine) -> String {
    let labels: Vec<&str> =
        line.copies.iter().flat_map(|copy| &copy.labels).map(types::Label::as_str).collect();
    let labels = labels.join(" ");
    match line.state {
        State::Waiting => "waiting".to_owned(),
        State::Dumping => "dumping".to_owned(),
        State::Held if line.placed().0 > 0 => format!("being written to {labels}"),
        State::Held => "on the holding disk".to_owned(),
        State::Placed => format!("on {labels}"),
        State::Failed => "failed".to_owned(),
        State::Skipped => format!("skipped: {}", line.why),
    }
}
