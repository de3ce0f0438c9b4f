//! What a run does, as text: at once, or page after page on a terminal.

use types::Bytes;

use super::{DleState, DriveNow, Dumping, Life, Status};
use crate::clock::unix_text;
use crate::report::duration;
use crate::runlog::{Outcome, Target, Work};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All of it.
    Whole,
    /// What fits on a screen of so many rows and columns: no DLE by itself but those at work.
    Screen {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
}

/// From this much silence on it is told that a dump sends nothing.
const SILENT: i64 = 30;

/// The status as text.
pub fn render(status: &Status, org: &str, shape: Shape) -> String {
    let mut out = format!("{org}: {}\n{}", life(status), sums(status));
    out.push_str(&dumping(status));
    out.push_str(&drives(status));
    out.push_str(&waiting(status));
    out.push_str(&failures(status));
    match shape {
        Shape::Whole => out + &dles(status),
        Shape::Screen { rows, columns } => cut(&out, rows, columns),
    }
}

/// The first rows and columns.
fn cut(text: &str, rows: usize, columns: usize) -> String {
    let lines = text.lines().take(rows.saturating_sub(1));
    lines.map(|line| line.chars().take(columns).collect::<String>() + "\n").collect()
}

fn life(status: &Status) -> String {
    let Status { run, kind, .. } = status;
    let took = duration(status.at - status.started);
    match &status.life {
        Life::AtWork => {
            let left = match status.seconds_left {
                Some(seconds) => format!("about {} to go", duration(seconds)),
                None => "nothing to tell by when it is done".to_owned(),
            };
            format!("{kind} {run}, at work since {} ({took}); {left}", unix_text(status.started))
        }
        Life::Ended { outcome } => {
            let how = match outcome {
                Outcome::Good => "all well",
                Outcome::Strange => "with complaints",
                Outcome::Failed => "something FAILED",
                Outcome::Interrupted => "it was told to stop",
            };
            format!("{kind} {run}, ended {} after {took}: {how}", unix_text(status.at))
        }
        Life::Died => format!(
            "{kind} {run} DIED: it has not written its end, and its process is gone. The last that was heard of it is \
             of {}. The next run tidies up; `reelkeep cleanup` does it now",
            unix_text(status.at)
        ),
    }
}

fn sums(status: &Status) -> String {
    let counts = status.counts;
    let all = counts.waiting + counts.dumping + counts.held + counts.placed + counts.failed;
    let mut out = format!("DLEs      {all}:");
    let parts = [
        (counts.placed, "on volumes"),
        (counts.held, "on the holding disk"),
        (counts.dumping, "dumping"),
        (counts.waiting, "waiting"),
        (counts.failed, "FAILED"),
        (counts.skipped, "left out"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    out.push_str(&format!(
        " {}\n",
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    ));
    out.push_str(&format!(
        "dumped    {} of {}{}\n",
        status.dumped,
        status.expected,
        percent(status.dumped, status.expected)
    ));
    out.push_str(&format!("placed    {}\n", status.placed));
    if let Some(holding) = status.holding {
        out.push_str(&format!(
            "holding   {} of {}{}",
            holding.used,
            holding.room,
            percent(holding.used, holding.room)
        ));
        if holding.earlier > Bytes::ZERO {
            out.push_str(&format!(", and {} of earlier runs", holding.earlier));
        }
        out.push('\n');
    }
    out
}

fn percent(part: Bytes, whole: Bytes) -> String {
    if whole == Bytes::ZERO {
        return String::new();
    }
    format!(" ({:.0} %)", (part.0 as f64 * 100.0 / whole.0 as f64).min(100.0))
}

fn dumping(status: &Status) -> String {
    if status.dumping.is_empty() {
        return String::new();
    }
    let most = status.dumpers.map(|most| format!(" of {most}")).unwrap_or_default();
    let head = if status.life == Life::AtWork { "DUMPING" } else { "CUT OFF" };
    let mut rows = vec![
        [
            &*format!("{head} {}{most}", status.dumping.len()),
            "lvl",
            "done",
            "of",
            "",
            "rate",
            "left",
            "",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(status.dumping.iter().map(dump_row));
    format!("\n{}", crate::print::table(&rows, &[1, 2, 3, 4, 5, 6]))
}

fn dump_row(dump: &Dumping) -> Vec<String> {
    let share = dump.expected.filter(|expected| expected.0 > 0);
    let mut remarks = Vec::new();
    if dump.to == Target::Volume {
        remarks.push("straight to a volume".to_owned());
    }
    if dump.silent >= SILENT {
        remarks.push(format!("silent for {}", duration(dump.silent)));
    }
    if share.is_some_and(|expected| dump.raw > expected) {
        remarks.push("larger than estimated".to_owned());
    }
    vec![
        dump.dle.to_string(),
        dump.level.to_string(),
        // The first figures come after some seconds.
        if dump.raw == Bytes::ZERO { "-".to_owned() } else { dump.raw.to_string() },
        dump.expected.map_or_else(|| "?".to_owned(), |expected| expected.to_string()),
        share.map_or_else(String::new, |all| {
            percent(dump.raw, all).trim().trim_matches(['(', ')']).to_owned()
        }),
        dump.rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate}/s")),
        dump.seconds_left.map_or_else(|| "-".to_owned(), duration),
        remarks.join(", "),
    ]
}

fn drives(status: &Status) -> String {
    if status.drives.is_empty() {
        return String::new();
    }
    let mut rows = vec![["DRIVE", "volume", "rate", "does"].map(str::to_owned).to_vec()];
    for drive in &status.drives {
        rows.push(vec![
            drive.drive.to_string(),
            drive.label.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            drive.rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate}/s")),
            does(drive),
        ]);
    }
    format!("\n{}", crate::print::table(&rows, &[2]))
}

fn does(drive: &DriveNow) -> String {
    if let Some(why) = &drive.failed {
        return format!("FAILED: {why}");
    }
    let of = drive.dle.as_ref().map(|dle| format!(" {dle}")).unwrap_or_default();
    let share = drive.image.map(|image| percent(drive.placed, image)).unwrap_or_default();
    let what = match drive.work {
        None if drive.label.is_some() => "waits for an image".to_owned(),
        None => return "has no volume".to_owned(),
        Some(Work::Look) => "looks for a volume".to_owned(),
        Some(Work::Mount) => "mounts a volume".to_owned(),
        Some(Work::Write) => format!("writes{of}{share}"),
        Some(Work::Direct) => format!("takes the dump of{of}"),
        Some(Work::Finish) => "closes its volume".to_owned(),
        Some(Work::Other) => "is at work".to_owned(),
    };
    format!("{what}, for {}", duration(drive.seconds))
}

fn waiting(status: &Status) -> String {
    if status.waiting.is_empty() {
        return String::new();
    }
    let mut out = "\nWAITING\n".to_owned();
    for group in &status.waiting {
        let mut names: Vec<String> = group.dles.iter().take(4).map(ToString::to_string).collect();
        let more = group.count.saturating_sub(names.len() as u64);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        out.push_str(&format!("  {:>5}  {}: {}\n", group.count, group.why, names.join(", ")));
    }
    out
}

fn failures(status: &Status) -> String {
    status.failures.iter().map(|failure| format!("! {failure}\n")).collect()
}

fn dles(status: &Status) -> String {
    if status.dles.is_empty() {
        return String::new();
    }
    let mut rows =
        vec![["DLE", "level", "entries", "raw", "stored", "state"].map(str::to_owned).to_vec()];
    for line in &status.dles {
        let begun = !matches!(line.state, DleState::Waiting | DleState::Skipped | DleState::Failed);
        let figure = |text: String| if begun { text } else { "-".to_owned() };
        rows.push(vec![
            line.dle.to_string(),
            line.level.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            figure(line.entries.to_string()),
            figure(line.raw.to_string()),
            figure(line.stored.to_string()),
            line.told.clone(),
        ]);
    }
    format!("\n{}", crate::print::table(&rows, &[1, 2, 3, 4]))
}
