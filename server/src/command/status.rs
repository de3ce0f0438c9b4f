//! `status`: the run now, or any past run; once, or again and again.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context as _;
use taper::catalogue::{Run, RunKind};
use types::Stamp;

use super::{Context, Exit};
use crate::cli;
use crate::clock::Now;
use crate::print;
use crate::runlog::{self, Follower};
use crate::site::Site;
use crate::status::{Life, Shape, Status, Watch, render};

/// A screen that does not say how large it is.
const SCREEN: (usize, usize) = (24, 80);

pub(super) fn run(context: &Context, arguments: &cli::Status) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let run = chosen(&site, &arguments.run)?;
    let mut look = Look::at(&site, run)?;
    if !arguments.watch {
        let status = look.again()?;
        if context.json {
            print::json(&status)?;
        } else {
            print::text(&render(&status, &site.config.site.org, Shape::Whole))?;
        }
        return Ok(Exit::Good);
    }
    loop {
        let status = look.again()?;
        let over = status.life != Life::AtWork;
        show(context, &site, &status, over)?;
        if over {
            return Ok(Exit::Good);
        }
        wait(Duration::from_secs(u64::from(arguments.every)));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person looks on, and nothing says when the log has grown"
)]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Shows one page of many: on a terminal in place of the last, as JSON one line.
fn show(context: &Context, site: &Site, status: &Status, over: bool) -> anyhow::Result<()> {
    if context.json {
        return Ok(print::line(&serde_json::to_string(status)?)?);
    }
    let out = std::io::stdout();
    let org = &site.config.site.org;
    if !out.is_terminal() || over {
        let shape = if over { Shape::Whole } else { Shape::Screen { rows: 1000, columns: 1000 } };
        return Ok(print::text(&format!("{}\n", render(status, org, shape)))?);
    }
    let size = rustix::termios::tcgetwinsize(&out).ok();
    let (rows, columns) = size
        .map_or(SCREEN, |size| (usize::from(size.ws_row.max(2)), usize::from(size.ws_col.max(20))));
    // Home, and clear what is below: a screen that is cleared first flickers.
    let page = render(status, org, Shape::Screen { rows, columns });
    let page = page.replace('\n', "\x1b[K\n");
    Ok(print::text(&format!("\x1b[H{page}\x1b[J"))?)
}

/// A run, looked at again and again.
struct Look<'a> {
    site: &'a Site,
    run: Stamp,
    follower: Follower,
    watch: Watch,
}

impl<'a> Look<'a> {
    fn at(site: &'a Site, run: Stamp) -> anyhow::Result<Self> {
        let follower = Follower::open(&site.config.site.logdir, run)
            .with_context(|| format!("could not read the log of run {run}"))?;
        Ok(Self { site, run, follower, watch: Watch::default() })
    }

    fn again(&mut self) -> anyhow::Result<Status> {
        // Who is at work is asked first: a run that ends meanwhile has then said so in what is read.
        let holder = self.site.at_work();
        self.follower
            .more(|line| self.watch.take(&line))
            .with_context(|| format!("could not read the log of run {}", self.run))?;
        let of_run = format!("process {},", self.watch.pid());
        let alive = holder.is_some_and(|holder| holder.contains(&of_run));
        Ok(self.watch.status(self.run, Now::read().unix(), alive))
    }
}

/// The run that the arguments name, or the newest that has a log. Newer ones without are told.
pub(super) fn chosen(site: &Site, arguments: &cli::RunArg) -> anyhow::Result<Stamp> {
    let directory = &site.config.site.logdir;
    let runs = runlog::runs(directory).context("could not look for the logs of runs")?;
    match &arguments.run {
        None => {
            let newest = runs.last().copied();
            if let Some(lost) = without_log(&site.catalogue_to_read()?.runs()?, newest) {
                print::remark(&format!(
                    "the log of run {lost}, the newest, is not in {}; the newest that has one is told",
                    directory.display()
                ));
            }
            newest.context("there is no log of a run: begin one with `reelkeep dump`")
        }
        Some(text) => {
            let found = runs.iter().rev().find(|run| run.to_string().starts_with(text.as_str()));
            found.copied().with_context(|| {
                format!("there is no log of a run {text}: `reelkeep list runs` shows the runs")
            })
        }
    }
}

/// The newest run, if it is newer than the newest that has a log.
fn without_log(runs: &[Run], newest: Option<Stamp>) -> Option<Stamp> {
    let logged = |run: &&Run| matches!(run.kind, RunKind::Dump | RunKind::Flush | RunKind::Vault);
    let known = runs.iter().filter(logged).map(|run| run.stamp).max();
    known.filter(|known| Some(*known) > newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper::catalogue::RunStatus;

    #[test]
    fn a_run_whose_log_is_gone_is_missed_and_one_that_never_had_any_is_not() {
        let stamp = |day: u32| format!("202611{day:02}010000").parse::<Stamp>().unwrap();
        let run = |day, kind| Run {
            stamp: stamp(day),
            kind,
            started: stamp(day),
            finished: None,
            status: RunStatus::Good,
            program: String::new(),
        };
        let runs = [run(1, RunKind::Dump), run(2, RunKind::Flush), run(3, RunKind::Import)];
        assert_eq!(without_log(&runs, Some(stamp(1))), Some(stamp(2)));
        assert_eq!(without_log(&runs, None), Some(stamp(2)));
        assert_eq!(without_log(&runs, Some(stamp(2))), None);
        assert_eq!(without_log(&[], None), None);
    }
}
