//! A report as the text that is mailed.

use std::fmt::Write;

use types::Bytes;

use super::{Bottleneck, DleLine, DriveLine, Report, State, Totals, VolumeLine};
use crate::clock::{stamp_text, unix_text};
use crate::runlog::{Outcome, Target};

/// The report as text, at most about 100 columns wide.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let result = head(&mut out, report)
        .and_then(|()| list(&mut out, "FAILED", &report.failures))
        .and_then(|()| next(&mut out, report))
        .and_then(|()| list(&mut out, "DLEs WITHOUT A FRESH DUMP", &report.stale))
        .and_then(|()| strange(&mut out, report))
        .and_then(|()| list(&mut out, "NOTES", &report.notes))
        .and_then(|()| statistics(&mut out, report))
        .and_then(|()| volumes(&mut out, &report.volumes))
        .and_then(|()| drives(&mut out, &report.drives))
        .and_then(|()| dles(&mut out, &report.dles));
    debug_assert!(result.is_ok(), "writing to a string does not fail");
    out
}

fn head(out: &mut String, report: &Report) -> std::fmt::Result {
    let verdict = verdict(report.outcome);
    writeln!(out, "{}: {} of {}: {verdict}", report.org, report.kind, stamp_text(report.run))?;
    write!(out, "Run {}, begun {}", report.run, unix_text(report.started))?;
    match report.finished {
        Some(finished) => writeln!(out, ", took {}", duration(finished - report.started)),
        None => writeln!(out),
    }
}

/// How a run ended, in a few words.
pub(super) fn verdict(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Good) => "all well",
        Some(Outcome::Strange) => "done, with complaints",
        Some(Outcome::Failed) => "SOMETHING FAILED",
        Some(Outcome::Interrupted) => "STOPPED BEFORE IT WAS DONE",
        None => "NOT FINISHED",
    }
}

fn list(out: &mut String, title: &str, lines: &[String]) -> std::fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn next(out: &mut String, report: &Report) -> std::fmt::Result {
    list(out, "NEXT", &report.next)?;
    if report.held.images > 0 {
        writeln!(
            out,
            "  {} images ({}) wait on the holding disk; the next run writes them first where autoflush is on, or \
             run `reelkeep flush`",
            report.held.images, report.held.bytes
        )?;
    }
    Ok(())
}

fn strange(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.strange.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nSTRANGE")?;
    for strange in &report.strange {
        writeln!(out, "  {}", strange.dle)?;
        strange.lines.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
        let more = strange.count - strange.lines.len() as u64;
        if more > 0 {
            writeln!(out, "    and {more} more: see the run's log")?;
        }
    }
    Ok(())
}

fn statistics(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "\nSTATISTICS{:>22}{:>14}{:>14}", "total", "level 0", "levels 1…")?;
    let row = |out: &mut String, name: &str, value: &dyn Fn(&Totals) -> String| {
        let [all, full, rest] = &report.totals;
        writeln!(out, "  {name:<18}{:>12}{:>14}{:>14}", value(all), value(full), value(rest))
    };
    row(out, "dumps", &|t| t.dumps.to_string())?;
    row(out, "entries", &|t| t.entries.to_string())?;
    row(out, "before compression", &|t| t.raw.to_string())?;
    row(out, "stored", &|t| t.stored.to_string())?;
    row(out, "stored, %", &|t| percent(t.stored, t.raw))?;
    row(out, "dumping", &|t| seconds(t.dump_seconds))?;
    row(out, "dump rate", &|t| rate(t.raw, t.dump_seconds))?;
    row(out, "on volumes", &|t| t.placed.to_string())?;
    row(out, "writing volumes", &|t| seconds(t.place_seconds))?;
    row(out, "volume rate", &|t| rate(t.placed, t.place_seconds))
}

fn volumes(out: &mut String, volumes: &[VolumeLine]) -> std::fmt::Result {
    if volumes.is_empty() {
        return Ok(());
    }
    let width = volumes.iter().map(|volume| volume.label.as_str().len()).max().unwrap_or(0).max(6);
    writeln!(
        out,
        "\n{:<width$}  {:>10}{:>7}{:>10}{:>14}  how, and why it ended",
        "VOLUME", "bytes", "parts", "time", "rate"
    )?;
    for volume in volumes {
        writeln!(
            out,
            "{:<width$}  {:>10}{:>7}{:>10}{:>14}  {}; {}",
            volume.label,
            volume.bytes.to_string(),
            volume.parts,
            seconds(volume.seconds),
            rate(volume.bytes, volume.seconds),
            volume.how,
            if volume.why.is_empty() { "in use" } else { &volume.why },
        )?;
    }
    Ok(())
}

fn drives(out: &mut String, drives: &[DriveLine]) -> std::fmt::Result {
    if drives.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<12}{:>10}{:>10}{:>9}  what it was slowed down by",
        "DRIVE", "time", "waited", "stopped"
    )?;
    for line in drives {
        let bound = match line.bottleneck() {
            Bottleneck::Source => {
                "source-bound: it could have written faster than the holding disk was read"
            }
            Bottleneck::Drive => "tape-bound: data waited for it, as it should be",
        };
        let (time, waited) = (seconds(line.seconds), seconds(line.waited));
        writeln!(out, "{:<12}{time:>10}{waited:>10}{:>9}  {bound}", line.drive, line.starved)?;
    }
    Ok(())
}

fn dles(out: &mut String, lines: &[DleLine]) -> std::fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    let width = lines
        .iter()
        .map(|line| line.dle.to_string().chars().count())
        .max()
        .unwrap_or(0)
        .clamp(3, 40);
    writeln!(
        out,
        "\n{:<width$} {:>3} {:>9} {:>10} {:>10} {:>4} {:>8} {:>12}  where",
        "DLE", "lvl", "entries", "raw", "stored", "%", "time", "rate"
    )?;
    for line in lines {
        let level = line.level.map_or_else(|| "-".to_owned(), |level| level.to_string());
        write!(out, "{:<width$} {level:>3} ", line.dle.to_string())?;
        match line.state {
            State::Skipped => writeln!(out, "skipped: {}", line.why)?,
            State::Failed => writeln!(out, "FAILED")?,
            State::Waiting => writeln!(out, "not begun")?,
            State::Dumping | State::Held | State::Placed => writeln!(
                out,
                "{:>9} {:>10} {:>10} {:>4} {:>8} {:>12}  {}",
                line.entries,
                line.raw.to_string(),
                line.stored.to_string(),
                percent(line.stored, line.raw),
                seconds(line.dump_seconds),
                rate(line.raw, line.dump_seconds),
                place(line),
            )?,
        }
    }
    Ok(())
}

fn place(line: &DleLine) -> String {
    let labels = line.labels.iter().map(types::Label::as_str).collect::<Vec<_>>().join(" ");
    match line.state {
        State::Placed if line.to == Some(Target::Volume) => format!("{labels} (direct)"),
        State::Placed => labels,
        State::Held => "holding".to_owned(),
        _ => "being dumped".to_owned(),
    }
}

fn percent(part: Bytes, whole: Bytes) -> String {
    if whole == Bytes::ZERO {
        "-".to_owned()
    } else {
        format!("{:.0}", part.0 as f64 * 100.0 / whole.0 as f64)
    }
}

/// Bytes a second.
fn rate(bytes: Bytes, seconds: f64) -> String {
    if seconds < 0.001 { "-".to_owned() } else { format!("{}/s", bytes.share(1.0 / seconds)) }
}

fn seconds(seconds: f64) -> String {
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
