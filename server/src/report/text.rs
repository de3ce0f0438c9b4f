//! A report as the text that is mailed and printed.

use std::collections::BTreeMap;

use types::{Bytes, Label};

use super::wrap::{columns, left, paragraph, right};
use super::{Bottleneck, DleLine, Failure, Pool, Report, Standing, State, Totals, Unit, plural};
use crate::clock::{stamp_text, unix_text};
use crate::runlog::{Outcome, Target};

/// How many columns a report may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width(usize);

impl Width {
    /// What mail is read in.
    pub const MAIL: Self = Self(80);
    /// What is printed where nobody says how wide it may be.
    pub const PRINT: Self = Self(100);

    /// So many columns; never less than a mail has, for below that no table fits.
    pub fn of(columns: usize) -> Self {
        Self(columns.max(Self::MAIL.0))
    }
}

/// How many lines of a list are printed; the value as JSON has them all.
const LISTED: usize = 100;
/// How many DLEs are named that failed for the same reason.
const NAMED: usize = 8;

/// The report as text.
pub fn render(report: &Report, width: Width) -> String {
    let mut out = head(report, width);
    out.push_str(&failures(&report.failures, width));
    out.push_str(&list(&format!("NEXT{}", as_of(report)), &next(report), width));
    let Standing { stale, soon, .. } = &report.standing;
    out.push_str(&list(&format!("DLEs WITHOUT A FRESH DUMP{}", as_of(report)), stale, width));
    out.push_str(&list(&format!("OVERWRITTEN SOON{}", as_of(report)), soon, width));
    out.push_str(&strange(report, width));
    out.push_str(&list("NOTES", &report.notes, width));
    out.push_str(&statistics(report));
    out.push_str(&speed(report, width));
    out.push_str(&storages(report));
    out.push_str(&volumes(report, width));
    out.push_str(&drives(report));
    out.push_str(&dles(report, width));
    out
}

/// How the run ended, in words.
pub(super) fn ending(report: &Report) -> &'static str {
    match report.outcome {
        Some(Outcome::Good) => "all well",
        Some(Outcome::Strange) => "done, with complaints",
        Some(Outcome::Failed) => "SOMETHING FAILED",
        Some(Outcome::Interrupted) => "STOPPED BEFORE IT WAS DONE",
        None => "NOT FINISHED",
    }
}

fn head(report: &Report, width: Width) -> String {
    let title = format!(
        "{}: {} of {}: {}",
        report.org,
        report.kind,
        stamp_text(report.run),
        ending(report)
    );
    paragraph("", &title, width.0)
        + &paragraph("", &format!("{} ({})", report.verdict, run(report)), width.0)
}

/// The run's stamp, where and when.
pub(super) fn run(report: &Report) -> String {
    let on = if report.host.is_empty() { String::new() } else { format!(" on {}", report.host) };
    let mut text = format!("run {}{on}, begun {}", report.run, unix_text(report.started));
    if let Some(finished) = report.finished {
        text.push_str(&format!(", took {}", duration(finished - report.started)));
    }
    text
}

fn list(title: &str, lines: &[String], width: Width) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let shown = lines.iter().take(LISTED).map(|line| paragraph("  ", line, width.0));
    let more = match lines.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("  and {more} more: see the report as JSON\n"),
    };
    format!("\n{title}\n{}{more}", shown.collect::<String>())
}

/// Failures for the same reason stand together: a host that is down is one thing to read, not forty.
pub(super) fn alike(failures: &[Failure]) -> Vec<(String, &str, Option<&str>)> {
    let mut groups: Vec<(&Failure, Vec<String>)> = Vec::new();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for failure in failures {
        match (&failure.dle, found.get(failure.why.as_str())) {
            (Some(dle), Some(&at)) => groups[at].1.push(dle.to_string()),
            (Some(dle), None) => {
                found.insert(&failure.why, groups.len());
                groups.push((failure, vec![dle.to_string()]));
            }
            (None, _) => groups.push((failure, Vec::new())),
        }
    }
    let told = groups.into_iter().map(|(failure, dles)| {
        let more = dles.len().saturating_sub(NAMED);
        let mut who = dles.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        if more > 0 {
            who.push_str(&format!(" and {more} more"));
        }
        (who, failure.why.as_str(), failure.advice.as_deref())
    });
    told.collect()
}

fn failures(failures: &[Failure], width: Width) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let mut out = "\nFAILED\n".to_owned();
    for (who, why, advice) in alike(failures) {
        let what = if who.is_empty() { why.to_owned() } else { format!("{who}: {why}") };
        out.push_str(&paragraph("  ", &what, width.0));
        if let Some(advice) = advice {
            out.push_str(&paragraph("    do: ", advice, width.0));
        }
    }
    out
}

/// What waits on the holding disk, in a sentence.
fn held(report: &Report) -> Option<String> {
    let held = report.standing.held;
    let who = match report.flushed_by_runs {
        Some(true) => "the next run writes them first, or `reelkeep flush` does",
        Some(false) => "`reelkeep flush` writes them, and no run does, for autoflush is no",
        None => "`reelkeep flush` writes them",
    };
    (held.images > 0).then(|| {
        let (images, bytes) = (held.images, report.unit.show(held.bytes));
        let images = plural(usize::try_from(images).unwrap_or(usize::MAX), "image");
        format!("{images} ({bytes}) on the holding disk: {who}")
    })
}

/// When what stands below a title was true.
pub(super) fn as_of(report: &Report) -> String {
    report.as_of.map(|time| format!(" (as of {})", unix_text(time))).unwrap_or_default()
}

/// What comes next, in sentences.
pub(super) fn next(report: &Report) -> Vec<String> {
    let Standing { next, pools, .. } = &report.standing;
    next.iter().cloned().chain(pools.iter().map(Pool::told)).chain(held(report)).collect()
}

fn strange(report: &Report, width: Width) -> String {
    if report.strange.is_empty() {
        return String::new();
    }
    let mut out = "\nSTRANGE\n".to_owned();
    for strange in report.strange.iter().take(LISTED) {
        out.push_str(&format!("  {}\n", strange.dle));
        for line in &strange.lines {
            out.push_str(&paragraph("    ", line, width.0));
        }
        let more = strange.count - strange.lines.len() as u64;
        if more > 0 {
            out.push_str(&format!("    and {more} more: see the run's log\n"));
        }
    }
    if report.strange.len() > LISTED {
        let more = report.strange.len() - LISTED;
        out.push_str(&format!("  and {more} more DLEs: see the report as JSON\n"));
    }
    out
}

/// The figures of a run: what they are called, and a value from each sum.
pub(super) type Figure = (&'static str, fn(&Totals, Unit) -> String);

pub(super) const FIGURES: [Figure; 12] = [
    ("dumps", |t, _| t.dumps.to_string()),
    ("entries", |t, _| t.entries.to_string()),
    (
        "estimated",
        |t, unit| if t.estimated.0 > 0 { unit.show(t.estimated) } else { "-".to_owned() },
    ),
    ("off the estimate", |t, _| off(t.of_estimated, t.estimated)),
    ("before compression", |t, unit| unit.show(t.raw)),
    ("stored", |t, unit| unit.show(t.stored)),
    ("stored, %", |t, _| percent(t.stored, t.raw)),
    ("dumping", |t, _| seconds(t.dump_seconds)),
    ("dump rate", |t, _| rate(t.raw, t.dump_seconds)),
    ("on volumes", |t, unit| unit.show(t.placed)),
    ("writing volumes", |t, _| seconds(t.place_seconds)),
    ("volume rate", |t, _| rate(t.placed, t.place_seconds)),
];

fn statistics(report: &Report) -> String {
    let mut out = format!("\nSTATISTICS{:>22}{:>14}{:>14}\n", "total", "level 0", "levels 1…");
    for (name, value) in FIGURES {
        let [all, full, rest] = &report.totals;
        out.push_str(&format!(
            "  {name:<18}{:>12}{:>14}{:>14}\n",
            value(all, report.unit),
            value(full, report.unit),
            value(rest, report.unit)
        ));
    }
    if report.levels.len() > 1 {
        let levels = report.levels.iter().map(|count| format!("{}:{}", count.level, count.dumps));
        out.push_str(&format!("  dumps by level      {}\n", levels.collect::<Vec<_>>().join("  ")));
    }
    out
}

/// How fast the run was, in sentences.
pub(super) fn speed_told(report: &Report) -> Vec<String> {
    let speed = &report.speed;
    let mut lines = Vec::new();
    if let Some(planned) = report.planned.filter(|planned| *planned > report.started) {
        lines.push(format!(
            "planning, with the estimates of clients: {}",
            duration(planned - report.started)
        ));
    }
    let at = |rate: Option<Bytes>| rate.map(|rate| format!(", at {rate}/s")).unwrap_or_default();
    if speed.dumping > 0 {
        lines.push(format!("dumping: {}{}", duration(speed.dumping), at(speed.dump_rate)));
    }
    if speed.writing > 0 {
        lines.push(format!(
            "writing volumes: {}{}",
            duration(speed.writing),
            at(speed.volume_rate)
        ));
    }
    if speed.client + speed.sink + speed.room > 0.0 && speed.dumper_seconds > 0.0 {
        let share = |part: f64| format!("{:.0} %", part * 100.0 / speed.dumper_seconds);
        lines.push(format!(
            "the dumpers waited {} of their time for clients, {} for disks and drives, {} for space",
            share(speed.client),
            share(speed.sink),
            share(speed.room)
        ));
    }
    for waited in &speed.waited {
        lines.push(format!(
            "DLEs waited for {}, up to {}: {}",
            duration(waited.seconds),
            waited.most,
            waited.why
        ));
    }
    if let Some(bound) = speed.bound {
        lines.push(format!("what it was slowed down by: {}", bound.told()));
    }
    lines
}

fn speed(report: &Report, width: Width) -> String {
    list("SPEED", &speed_told(report), width)
}

fn storages(report: &Report) -> String {
    if report.storages.len() < 2 {
        return String::new();
    }
    let mut rows =
        vec![["STORAGE", "images", "bytes", "time", "rate", "volumes"].map(str::to_owned)];
    for line in &report.storages {
        rows.push([
            line.storage.to_string(),
            line.images.to_string(),
            report.unit.show(line.bytes),
            seconds(line.seconds),
            rate(line.bytes, line.seconds),
            line.labels.len().to_string(),
        ]);
    }
    table(&rows, &[1, 2, 3, 4, 5])
}

fn volumes(report: &Report, width: Width) -> String {
    let (volumes, unit) = (&report.volumes, report.unit);
    if volumes.is_empty() {
        return String::new();
    }
    let storages: std::collections::BTreeSet<_> = volumes.iter().map(|v| &v.storage).collect();
    let mut out = String::new();
    for storage in &storages {
        let name =
            if storages.len() > 1 { format!("VOLUME of {storage}") } else { "VOLUME".to_owned() };
        let mut rows =
            vec![[name.as_str(), "bytes", "%", "parts", "time", "rate"].map(str::to_owned)];
        let mut whys = Vec::new();
        for volume in volumes.iter().filter(|volume| volume.storage == **storage) {
            rows.push([
                volume.label.to_string(),
                unit.show(volume.bytes),
                volume.percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.0}")),
                volume.parts.to_string(),
                seconds(volume.seconds),
                rate(volume.bytes, volume.seconds),
            ]);
            let why = match (volume.why.as_str(), report.finished) {
                ("", None) => "in use",
                ("", Some(_)) => "it was not finished",
                (why, _) => why,
            };
            let retried = match volume.retried {
                Some(retried @ 1..) => format!("; the drive tried {retried} times again"),
                _ => String::new(),
            };
            whys.push(format!("{}; {why}{retried}", volume.how));
        }
        let lines = table(&rows, &[1, 2, 3, 4, 5]);
        let wide = lines.lines().map(columns).max().unwrap_or(0);
        for (line, why) in lines
            .lines()
            .zip(["", "how, and why it ended"].into_iter().chain(whys.iter().map(String::as_str)))
        {
            let with = format!("{}  ", left(line, wide));
            out.push_str(&if why.is_empty() {
                format!("{line}\n")
            } else {
                paragraph(&with, why, width.0)
            });
        }
    }
    out
}

pub(super) fn fed(bottleneck: Bottleneck) -> &'static str {
    match bottleneck {
        Bottleneck::Source => {
            "source-bound: it could have written faster than the holding disk was read"
        }
        Bottleneck::Drive => "tape-bound: data waited for it, as it should be",
    }
}

fn drives(report: &Report) -> String {
    if report.drives.is_empty() {
        return String::new();
    }
    let mut rows = vec![
        ["DRIVE", "time", "waited", "stopped", "what it was slowed down by"].map(str::to_owned),
    ];
    for line in &report.drives {
        rows.push([
            line.drive.to_string(),
            seconds(line.seconds),
            seconds(line.waited),
            line.starved.to_string(),
            fed(line.bottleneck).split(':').next().unwrap_or_default().to_owned(),
        ]);
    }
    let bounds: std::collections::BTreeSet<&str> =
        report.drives.iter().map(|line| fed(line.bottleneck)).collect();
    table(&rows, &[1, 2, 3])
        + &bounds.into_iter().map(|bound| format!("  {bound}\n")).collect::<String>()
}

fn dles(report: &Report, width: Width) -> String {
    let (lines, unit) = (&report.dles, report.unit);
    if lines.is_empty() {
        return String::new();
    }
    let wide = width.0 >= Width::PRINT.0;
    let limit = if wide { 36 } else { 24 };
    let names = lines.iter().map(|line| columns(&line.dle.to_string()));
    let name = names.filter(|name| *name <= limit).max().unwrap_or(3).max(3);
    let cells = |cells: [&str; 7]| {
        let [level, entries, raw, stored, share, time, rate] = cells;
        if wide {
            format!(" {level:>3} {entries:>9} {raw:>9} {stored:>9} {share:>4} {time:>8} {rate:>11}")
        } else {
            format!(" {level:>3} {raw:>9} {stored:>9} {time:>8} {rate:>11}")
        }
    };
    let mut out = format!(
        "\n{}{}  where\n",
        left("DLE", name),
        cells(["lvl", "entries", "raw", "stored", "%", "time", "rate"])
    );
    for line in lines {
        let dle = line.dle.to_string();
        // A name that is too wide has a line to itself.
        let first = if columns(&dle) > name {
            format!("{dle}\n{}", " ".repeat(name))
        } else {
            left(&dle, name)
        };
        out.push_str(&first);
        let level = line.level.map_or_else(|| "-".to_owned(), |level| level.to_string());
        match line.state {
            State::Skipped => {
                let with = format!("{}{}", " ".repeat(name), right(&level, 4));
                let text =
                    paragraph(&format!("{with} "), &format!("skipped: {}", line.why), width.0);
                out.push_str(text.get(name..).unwrap_or_default());
            }
            State::Failed => out.push_str(&format!("{} FAILED\n", right(&level, 4))),
            State::Waiting => out.push_str(&format!("{} not begun\n", right(&level, 4))),
            State::Dumping | State::Held | State::Placed => {
                let figures = if line.earlier {
                    cells([&level, "", "", &unit.show(line.stored), "", "earlier", ""])
                } else {
                    cells([
                        &level,
                        &line.entries.to_string(),
                        &unit.show(line.raw),
                        &unit.show(line.stored),
                        &percent(line.stored, line.raw),
                        &seconds(line.dump_seconds),
                        &rate(line.raw, line.dump_seconds),
                    ])
                };
                out.push_str(&format!("{figures}  {}\n", place(line)));
            }
        }
    }
    out
}

/// Where the image is, in a few words.
pub(super) fn place(line: &DleLine) -> String {
    let labels = |labels: &[Label]| match labels {
        [first, .., last] if labels.len() > 2 => format!("{first}…{last}"),
        _ => labels.iter().map(Label::as_str).collect::<Vec<_>>().join(" "),
    };
    let copies = line.copies.iter().filter(|copy| !copy.labels.is_empty());
    let placed = copies.map(|copy| labels(&copy.labels)).collect::<Vec<_>>().join(", ");
    match line.state {
        State::Placed if line.to == Some(Target::Volume) => format!("{placed} (direct)"),
        State::Placed => placed,
        State::Held if placed.is_empty() => "holding".to_owned(),
        State::Held => format!("holding, partly {placed}"),
        _ => "being dumped".to_owned(),
    }
}

/// Rows as a table below an empty line. The columns of `right_ones` stand at the right.
fn table<const N: usize>(rows: &[[String; N]], right_ones: &[usize]) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|at| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0));
    let mut out = "\n".to_owned();
    for row in rows {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            if right_ones.contains(&at) { right(cell, widths[at]) } else { left(cell, widths[at]) }
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

pub(super) fn percent(part: Bytes, whole: Bytes) -> String {
    if whole == Bytes::ZERO {
        "-".to_owned()
    } else {
        format!("{:.0}", part.0 as f64 * 100.0 / whole.0 as f64)
    }
}

/// By how much the truth is above or below an estimate.
pub(super) fn off(truth: Bytes, estimate: Bytes) -> String {
    if estimate == Bytes::ZERO {
        return "-".to_owned();
    }
    format!("{:+.0} %", (truth.0 as f64 / estimate.0 as f64 - 1.0) * 100.0)
}

/// Bytes a second.
pub(super) fn rate(bytes: Bytes, seconds: f64) -> String {
    if seconds < 0.001 { "-".to_owned() } else { format!("{}/s", bytes.share(1.0 / seconds)) }
}

pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
    duration(seconds as i64)
}

/// `1:02:03`, or `02:03`.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}
