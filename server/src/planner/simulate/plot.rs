//! A course as a picture: a bar for each night, fulls below and incrementals above them.

use types::Bytes;

use super::course::Course;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 60.0;
const FULLS: &str = "#2b6cb0";
const INCREMENTALS: &str = "#90cdf4";

/// One panel for each course, all to one scale, as an SVG document.
pub fn svg(courses: &[(&str, &Course)]) -> String {
    let most =
        courses.iter().flat_map(|(_, course)| &course.nights).map(|night| night.bytes.0).max();
    let most = most.unwrap_or(0).max(1) as f64;
    let height = (HEIGHT + 2.0 * MARGIN) * courses.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n",
        WIDTH + 2.0 * MARGIN
    );
    for (number, (name, course)) in courses.iter().enumerate() {
        let top = number as f64 * (HEIGHT + 2.0 * MARGIN) + MARGIN;
        panel(&mut out, name, course, top, most);
    }
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, name: &str, course: &Course, top: f64, most: f64) {
    let figures = course.figures();
    let bottom = top + HEIGHT;
    let size = |bytes: f64| Bytes(1).share(bytes);
    out.push_str(&format!(
        "<text x=\"{MARGIN}\" y=\"{:.1}\">{}: {} a night in the mean, {} at most, variation {:.0} %</text>\n",
        top - 12.0,
        escaped(name),
        size(figures.mean_bytes),
        size(figures.peak_bytes),
        figures.variation_bytes * 100.0
    ));
    let step = WIDTH / course.nights.len().max(1) as f64;
    let scale = |bytes: Bytes| bytes.0 as f64 / most * HEIGHT;
    for (at, night) in course.nights.iter().enumerate() {
        let x = MARGIN + at as f64 * step;
        let (full, all) = (scale(night.full_bytes), scale(night.bytes));
        let bar = |from: f64, to: f64, colour: &str| {
            format!(
                "<rect x=\"{x:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{colour}\"/>\n",
                bottom - to,
                step * 0.9,
                to - from
            )
        };
        out.push_str(&bar(0.0, full, FULLS));
        out.push_str(&bar(full, all, INCREMENTALS));
    }
    let right = MARGIN + WIDTH;
    out.push_str(&format!(
        "<line x1=\"{MARGIN}\" y1=\"{bottom:.1}\" x2=\"{right:.1}\" y2=\"{bottom:.1}\" stroke=\"black\"/>\
         <text x=\"{MARGIN}\" y=\"{:.1}\">night 1</text>\
         <text x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">night {}</text>\
         <text x=\"4\" y=\"{:.1}\">{}</text>\n",
        bottom + 16.0,
        bottom + 16.0,
        course.nights.len(),
        top + 10.0,
        size(most)
    ));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
