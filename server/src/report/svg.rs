//! The course of a run as a picture: one panel below the other, one time for all of them.
//!
//! A document of its own without scripts, fonts or anything from elsewhere, the same for the same log. Colours are
//! those that also the colour-blind tell apart (Okabe and Ito), lines differ in their dashes too, and what each is
//! stands beside it.

use types::Bytes;

use super::course::{Course, Does, Steps};
use super::html::escaped;
use super::{Report, text};
use crate::clock::{stamp_text, unix_text};
use crate::runlog::Logged;

const LEFT: f64 = 90.0;
const WIDTH: f64 = 800.0;
const RIGHT: f64 = 130.0;
const PANEL: f64 = 110.0;
const GAP: f64 = 46.0;
const ROW: f64 = 18.0;
const TOP: f64 = 74.0;

const STYLE: &str = "\
text{font:12px sans-serif;fill:#1a1a1a}.h{font-weight:600}.paper{fill:#fff}.axis{stroke:#555;fill:none}\
.grid{stroke:#ddd;fill:none}.blue{stroke:#0072b2}.orange{stroke:#d55e00}.fill{fill:#0072b2;fill-opacity:.25}\
.line{fill:none;stroke-width:1.6}.limit{stroke:#1a1a1a;stroke-dasharray:2 3;fill:none}.writes{fill:#009e73}\
.moves{fill:#e69f00}.failed{fill:#d55e00}\
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.paper{fill:#16181b}.axis{stroke:#aaa}.grid{stroke:#3a3d42}\
.limit{stroke:#e6e6e6}.blue{stroke:#56b4e9}.fill{fill:#56b4e9}.orange{stroke:#e69f00}}";

/// The course of a run, drawn.
pub fn render(report: &Report, log: &[Logged]) -> String {
    let course = Course::of(log);
    let mut drawing = Drawing { out: String::new(), y: TOP, seconds: course.seconds.max(1) };
    drawing.dumpers(&course);
    drawing.holding(&course);
    drawing.bytes(&course);
    drawing.rates(&course);
    drawing.drives(&course);
    drawing.time(report);
    let (width, height) = (LEFT + WIDTH + RIGHT, drawing.y + 10.0);
    let title = format!("{}: {} of {}", report.org, report.kind, stamp_text(report.run));
    let told = format!(
        "{}, {}. {} dumpers were busy at most, {} lay on the holding disks at most, {} came and {} went to volumes.",
        report.verdict,
        text::run(report),
        course.busy.most(),
        bytes(course.holding.most()),
        bytes(course.dumped.most()),
        bytes(course.placed.most()),
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{0}</title>\n<desc>{1}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width:.0}\" height=\"{height:.0}\"/>\n\
         <text class=\"h\" x=\"{LEFT}\" y=\"22\">{0}</text>\n<text x=\"{LEFT}\" y=\"38\">{2}</text>\n{3}</svg>\n",
        escaped(&title),
        escaped(&told),
        escaped(&report.verdict.to_string()),
        drawing.out
    )
}

fn bytes(bytes: f64) -> String {
    Bytes(1).share(bytes).to_string()
}

/// A picture in the making.
struct Drawing {
    out: String,
    /// Where the next panel begins.
    y: f64,
    seconds: i64,
}

/// One line of a panel.
struct Line<'a> {
    steps: &'a Steps,
    class: &'static str,
    dashes: &'static str,
    name: &'a str,
}

impl Drawing {
    fn x(&self, second: i64) -> f64 {
        LEFT + second as f64 / self.seconds as f64 * WIDTH
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escaped(text);
        self.out.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// A panel with some lines, scaled to `most`, which is named at its upper end.
    fn panel(
        &mut self,
        title: &str,
        most: f64,
        told: &str,
        lines: &[Line<'_>],
        limit: Option<(f64, &str)>,
    ) {
        let (top, bottom) = (self.y, self.y + PANEL);
        let most = most.max(1.0);
        let (left, right) = (LEFT, LEFT + WIDTH);
        self.out.push_str(&format!(
            "<text class=\"h\" x=\"{left}\" y=\"{:.1}\">{}</text>\n<path class=\"axis\" d=\"M{left} {top:.1}V{bottom:.1}H{right}\"/>\n",
            top - 8.0,
            escaped(title)
        ));
        self.text(left - 6.0, top + 10.0, "end", told);
        self.text(left - 6.0, bottom, "end", "0");
        let height = |value: f64| bottom - (value / most).min(1.0) * PANEL;
        if let Some((value, name)) = limit {
            let y = height(value);
            self.out.push_str(&format!("<path class=\"limit\" d=\"M{left} {y:.1}H{right}\"/>\n"));
            self.text(right + 6.0, y + 4.0, "start", name);
        }
        let mut named: Vec<f64> = limit.iter().map(|(value, _)| height(*value)).collect();
        for line in lines {
            let mut path =
                format!("M{left} {:.1}", height(line.steps.0.first().map_or(0.0, |(_, v)| *v)));
            for (second, value) in &line.steps.0 {
                path.push_str(&format!("H{:.1}V{:.1}", self.x(*second), height(*value)));
            }
            path.push_str(&format!("H{right}"));
            if lines.len() == 1 {
                self.out.push_str(&format!(
                    "<path class=\"fill\" d=\"{path}V{bottom:.1}H{left}Z\"/>\n"
                ));
            }
            let dashes = if line.dashes.is_empty() {
                String::new()
            } else {
                format!(" stroke-dasharray=\"{}\"", line.dashes)
            };
            self.out
                .push_str(&format!("<path class=\"line {}\"{dashes} d=\"{path}\"/>\n", line.class));
            // The name stands where the line ends, but not on another.
            let mut y = height(line.steps.0.last().map_or(0.0, |(_, value)| *value)) + 4.0;
            while named.iter().any(|other| (other - y).abs() < 13.0) {
                y -= 13.0;
            }
            named.push(y);
            self.text(right + 6.0, y, "start", line.name);
        }
        self.y = bottom + GAP;
    }

    fn dumpers(&mut self, course: &Course) {
        let most = course.busy.most().max(course.dumpers.map_or(0.0, f64::from));
        let line = Line { steps: &course.busy, class: "blue", dashes: "", name: "busy" };
        let limit = course.dumpers.map(|dumpers| (f64::from(dumpers), "dumpers"));
        self.panel("Dumpers", most, &format!("{most:.0}"), &[line], limit);
        let most = course.waiting.most();
        if most > 0.0 {
            let line = Line { steps: &course.waiting, class: "blue", dashes: "", name: "waiting" };
            self.panel("DLEs that wait", most, &format!("{most:.0}"), &[line], None);
        }
    }

    fn holding(&mut self, course: &Course) {
        let Some(room) = course.room.filter(|room| room.0 > 0) else { return };
        let most = course.holding.most();
        // Far below the limit a line at the limit would make all else flat.
        let limit = (room.0 as f64 <= most * 3.0).then_some((room.0 as f64, "room"));
        let top = limit.map_or(most, |(room, _)| room.max(most));
        let line = Line { steps: &course.holding, class: "blue", dashes: "", name: "images" };
        let title = format!("Holding disks, {room} for the run");
        self.panel(&title, top, &bytes(top), &[line], limit);
    }

    fn bytes(&mut self, course: &Course) {
        let most = course.dumped.most().max(course.placed.most());
        let lines = [
            Line { steps: &course.dumped, class: "blue", dashes: "", name: "dumped" },
            Line { steps: &course.placed, class: "orange", dashes: "6 3", name: "on volumes" },
        ];
        self.panel("Bytes of images, in all", most, &bytes(most), &lines, None);
    }

    fn rates(&mut self, course: &Course) {
        let dumped = rates(&course.dumped, course.seconds);
        let placed = rates(&course.placed, course.seconds);
        let most = dumped.most().max(placed.most());
        let lines = [
            Line { steps: &dumped, class: "blue", dashes: "", name: "dumped" },
            Line { steps: &placed, class: "orange", dashes: "6 3", name: "on volumes" },
        ];
        self.panel("Bandwidth", most, &format!("{}/s", bytes(most)), &lines, None);
    }

    fn drives(&mut self, course: &Course) {
        if course.drives.is_empty() {
            return;
        }
        let top = self.y;
        self.out.push_str(&format!(
            "<text class=\"h\" x=\"{LEFT}\" y=\"{:.1}\">Drives</text>\n",
            top - 8.0
        ));
        for (drive, stretches) in &course.drives {
            let y = self.y;
            self.text(LEFT - 6.0, y + 13.0, "end", drive.as_str());
            self.out.push_str(&format!(
                "<path class=\"grid\" d=\"M{LEFT} {:.1}h{WIDTH}\"/>\n",
                y + ROW
            ));
            for stretch in stretches {
                let (class, told) = match stretch.does {
                    Does::Writes => ("writes", "writes"),
                    Does::Moves => ("moves", "gets, finds or closes a volume"),
                    Does::Failed => ("failed", "failed"),
                };
                let (from, to) = (self.x(stretch.from), self.x(stretch.to));
                // What is thin is high, and what is not writing is half as high: not by colour alone.
                let (inset, height) = match stretch.does {
                    Does::Writes => (2.0, 14.0),
                    Does::Moves => (6.0, 6.0),
                    Does::Failed => (8.0, 2.0),
                };
                self.out.push_str(&format!(
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height}\"><title>{} \
                     {told} from {} to {}</title></rect>\n",
                    y + inset,
                    (to - from).max(0.8),
                    escaped(drive.as_str()),
                    text::duration(stretch.from),
                    text::duration(stretch.to)
                ));
            }
            self.y += ROW;
        }
        let legend = LEFT + WIDTH + 6.0;
        self.text(legend, top + 13.0, "start", "high: writes");
        self.text(legend, top + 13.0 + ROW, "start", "low: gets a volume");
        let mut all = course.drives.values().flatten();
        if all.any(|stretch| stretch.does == Does::Failed) {
            self.text(legend, top + 13.0 + 2.0 * ROW, "start", "a line: failed");
        }
        self.y = self.y.max(top + 3.0 * ROW) + 20.0;
    }

    /// The time below all panels.
    fn time(&mut self, report: &Report) {
        let step = step(self.seconds);
        let y = self.y;
        let marks = (0..=self.seconds / step).map(|n| n * step);
        for mark in marks.collect::<Vec<_>>() {
            let x = self.x(mark);
            self.out.push_str(&format!("<path class=\"axis\" d=\"M{x:.1} {:.1}v6\"/>\n", y - 14.0));
            self.text(x, y + 6.0, "middle", &text::duration(mark));
        }
        self.out
            .push_str(&format!("<path class=\"axis\" d=\"M{LEFT} {:.1}h{WIDTH}\"/>\n", y - 14.0));
        self.text(LEFT, y + 24.0, "start", &format!("time since {}", unix_text(report.started)));
        self.y = y + 28.0;
    }
}

/// How much a sum grew a second, over stretches that are the same share of the run.
fn rates(sum: &Steps, seconds: i64) -> Steps {
    const STRETCHES: i64 = 160;
    let length = (seconds / STRETCHES).max(1);
    let mut rates = Vec::new();
    let mut steps = sum.0.iter().peekable();
    let (mut from, mut before, mut now) = (0, 0.0, 0.0);
    while from < seconds {
        while let Some((_, value)) = steps.next_if(|(second, _)| *second < from + length) {
            now = *value;
        }
        rates.push((from, (now - before) / length as f64));
        (before, from) = (now, from + length);
    }
    Steps(rates)
}

/// How far marks of the time lie apart: ten at most, at a time that a person would name.
fn step(seconds: i64) -> i64 {
    const STEPS: [i64; 14] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800];
    STEPS.into_iter().find(|step| seconds / step <= 10).unwrap_or(86_400 * (seconds / 864_000 + 1))
}
