//! A report as a page: for mail programs that show one, and for browsers.
//!
//! One document without scripts, pictures or anything from elsewhere; colours for light and for dark, each with
//! contrast enough, and never the only sign of anything. All text goes through [`escaped`]: names and complaints
//! come from clients.

use super::text::{
    FIGURES, alike, as_of, ending, fed, next, off, percent, place, rate, run, seconds, speed_told,
};
use super::{Report, Standing, State, Word};
use crate::clock::stamp_text;

/// How many rows of a table are shown; the value as JSON has them all.
const ROWS: usize = 2000;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.45 system-ui,sans-serif;margin:1.2em auto;max-width:70em;padding:0 1em;color:#1a1a1a;background:#fff}\
h1{font-size:1.35em;margin:0 0 .2em}h2{font-size:1.05em;margin:1.6em 0 .4em}\
.v{border-left:.4em solid #0b7a3b;padding:.5em .9em;background:#eef7f1}\
.v.strange{border-color:#9a6700;background:#fdf6e3}.v.fail{border-color:#b3261e;background:#fceeee}\
ul{margin:.3em 0;padding-left:1.3em}.do{color:#444}\
table{border-collapse:collapse;font-size:.92em}th,td{padding:.2em .7em;text-align:left;border-bottom:1px solid #d5d5d5;\
vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.bad{color:#b3261e;font-weight:600}.odd{color:#7a5200;font-weight:600}\
code,pre{font:.92em ui-monospace,monospace}pre{white-space:pre-wrap;margin:.2em 0 .6em}\
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}.v{background:#12241a;border-color:#3fbf77}\
.v.strange{background:#2a2312;border-color:#e0b040}.v.fail{background:#2d1716;border-color:#ff8a80}.do{color:#b5b5b5}\
th,td{border-color:#3a3d42}.bad{color:#ff8a80}.odd{color:#e0b040}}";

/// The report as an HTML document.
pub fn render(report: &Report) -> String {
    let class = match report.verdict.word {
        Word::Ok => "ok",
        Word::Strange => "strange",
        Word::Fail => "fail",
    };
    let title = format!(
        "{}: {} of {}: {}",
        report.org,
        report.kind,
        stamp_text(report.run),
        ending(report)
    );
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n\
         <style>{STYLE}</style></head>\n<body>\n<div class=\"v {class}\"><h1>{0}</h1>\n<div><b>{1}</b>, {2}</div></div>\n",
        escaped(&title),
        escaped(&report.verdict.to_string()),
        escaped(&run(report)),
    );
    out.push_str(&failures(report));
    let Standing { stale, soon, .. } = &report.standing;
    out.push_str(&list(&format!("Next{}", as_of(report)), &next(report)));
    out.push_str(&list(&format!("DLEs without a fresh dump{}", as_of(report)), stale));
    out.push_str(&list(&format!("Overwritten soon{}", as_of(report)), soon));
    out.push_str(&strange(report));
    out.push_str(&list("Notes", &report.notes));
    out.push_str(&statistics(report));
    out.push_str(&list("Speed", &speed_told(report)));
    out.push_str(&storages(report));
    out.push_str(&volumes(report));
    out.push_str(&drives(report));
    out.push_str(&dles(report));
    out.push_str("</body></html>\n");
    out
}

/// Text that says nothing to a browser.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items = lines.iter().take(ROWS).map(|line| format!("<li>{}</li>\n", escaped(line)));
    format!(
        "<h2>{title}</h2>\n<ul>\n{}{}</ul>\n",
        items.collect::<String>(),
        more(lines.len(), "li")
    )
}

/// A last item or row that says how many are not shown.
fn more(count: usize, tag: &str) -> String {
    match count.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("<{tag}>and {more} more: see the report as JSON</{tag}>\n"),
    }
}

fn failures(report: &Report) -> String {
    if report.failures.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Failed</h2>\n<ul>\n".to_owned();
    for (who, why, advice) in alike(&report.failures) {
        let who = if who.is_empty() {
            String::new()
        } else {
            format!("<span class=\"bad\">{}</span>: ", escaped(&who))
        };
        let advice =
            advice.map(|advice| format!("<br><span class=\"do\">Do: {}</span>", escaped(advice)));
        out.push_str(&format!("<li>{who}{}{}</li>\n", escaped(why), advice.unwrap_or_default()));
    }
    out + "</ul>\n"
}

fn strange(report: &Report) -> String {
    if report.strange.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Strange</h2>\n".to_owned();
    for strange in report.strange.iter().take(ROWS) {
        out.push_str(&format!(
            "<div class=\"odd\">{}</div><pre>{}",
            escaped(&strange.dle.to_string()),
            escaped(&strange.lines.join("\n"))
        ));
        let more = strange.count - strange.lines.len() as u64;
        if more > 0 {
            out.push_str(&format!("\nand {more} more: see the run's log"));
        }
        out.push_str("</pre>\n");
    }
    out + &more(report.strange.len(), "p")
}

/// A table; columns whose heading begins with a `>` stand at the right.
struct Table {
    out: String,
    right: Vec<bool>,
}

impl Table {
    fn new(title: &str, heads: &[&str]) -> Self {
        let right: Vec<bool> = heads.iter().map(|head| head.starts_with('>')).collect();
        let mut out = format!("<h2>{title}</h2>\n<table>\n<tr>");
        for head in heads {
            let class = if head.starts_with('>') { " class=\"n\"" } else { "" };
            out.push_str(&format!("<th{class}>{}</th>", escaped(head.trim_start_matches('>'))));
        }
        out.push_str("</tr>\n");
        Self { out, right }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.out.push_str("<tr>");
        for (cell, right) in cells.into_iter().zip(&self.right) {
            let class = match (cell.as_str(), right) {
                ("FAILED" | "not begun", _) => " class=\"bad\"",
                (_, true) => " class=\"n\"",
                (_, false) => "",
            };
            self.out.push_str(&format!("<td{class}>{}</td>", escaped(&cell)));
        }
        self.out.push_str("</tr>\n");
    }

    fn end(self) -> String {
        self.out + "</table>\n"
    }
}

fn statistics(report: &Report) -> String {
    let mut table = Table::new("Statistics", &["", ">total", ">level 0", ">levels 1…"]);
    for (name, value) in FIGURES {
        let [all, full, rest] = &report.totals;
        table.row([
            name.to_owned(),
            value(all, report.unit),
            value(full, report.unit),
            value(rest, report.unit),
        ]);
    }
    table.end()
}

fn storages(report: &Report) -> String {
    if report.storages.len() < 2 {
        return String::new();
    }
    let heads = ["storage", ">images", ">bytes", ">time", ">rate", ">volumes"];
    let mut table = Table::new("Storages", &heads);
    for line in &report.storages {
        table.row([
            line.storage.to_string(),
            line.images.to_string(),
            report.unit.show(line.bytes),
            seconds(line.seconds),
            rate(line.bytes, line.seconds),
            line.labels.len().to_string(),
        ]);
    }
    table.end()
}

fn volumes(report: &Report) -> String {
    if report.volumes.is_empty() {
        return String::new();
    }
    let heads = [
        "volume",
        "storage",
        "drive",
        ">bytes",
        ">%",
        ">parts",
        ">time",
        ">rate",
        "how, and why it ended",
    ];
    let mut table = Table::new("Volumes", &heads);
    for volume in &report.volumes {
        let why = if volume.why.is_empty() { "in use" } else { &volume.why };
        table.row([
            volume.label.to_string(),
            volume.storage.to_string(),
            volume.drive.to_string(),
            report.unit.show(volume.bytes),
            volume.percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.0}")),
            volume.parts.to_string(),
            seconds(volume.seconds),
            rate(volume.bytes, volume.seconds),
            format!("{}; {why}", volume.how),
        ]);
    }
    table.end()
}

fn drives(report: &Report) -> String {
    if report.drives.is_empty() {
        return String::new();
    }
    let heads = ["drive", ">time", ">waited", ">stopped", "what it was slowed down by"];
    let mut table = Table::new("Drives", &heads);
    for line in &report.drives {
        table.row([
            line.drive.to_string(),
            seconds(line.seconds),
            seconds(line.waited),
            line.starved.to_string(),
            fed(line.bottleneck).to_owned(),
        ]);
    }
    table.end()
}

fn dles(report: &Report) -> String {
    let (lines, unit) = (&report.dles, report.unit);
    if lines.is_empty() {
        return String::new();
    }
    let heads = [
        "DLE",
        ">level",
        ">entries",
        ">raw",
        ">off estimate",
        ">stored",
        ">%",
        ">time",
        ">rate",
        "slowed by",
        "where",
    ];
    // Short dumps have none, and then the column would only make the page wider.
    let bound = lines.iter().take(ROWS).any(|line| line.bound.is_some());
    let heads: Vec<&str> = heads.into_iter().filter(|head| bound || *head != "slowed by").collect();
    let mut table = Table::new("DLEs", &heads);
    for line in lines.iter().take(ROWS) {
        let whole = matches!(line.state, State::Dumping | State::Held | State::Placed);
        let figure = |text: String| if whole && !line.earlier { text } else { String::new() };
        let estimate = line.estimate.filter(|estimate| Some(estimate.level) == line.level);
        let slowed = line.bound.map(|bound| bound.to_string()).unwrap_or_default();
        let cells = [
            line.dle.to_string(),
            line.level.map_or_else(|| "-".to_owned(), |level| level.to_string()),
            figure(line.entries.to_string()),
            figure(unit.show(line.raw)),
            figure(estimate.map(|e| off(line.raw, e.raw)).unwrap_or_default()),
            if whole { unit.show(line.stored) } else { String::new() },
            figure(percent(line.stored, line.raw)),
            figure(seconds(line.dump_seconds)),
            figure(rate(line.raw, line.dump_seconds)),
        ];
        let place = match line.state {
            State::Failed => "FAILED".to_owned(),
            State::Waiting => "not begun".to_owned(),
            State::Skipped => format!("skipped: {}", line.why),
            _ => place(line),
        };
        table.row(cells.into_iter().chain(bound.then_some(slowed)).chain([place]));
    }
    let end = table.end();
    end + &more(lines.len(), "p")
}
