//! `plan --simulate DAYS`: the nights to come, by our rules and by Amanda's, on the same made-up truth.

use std::fs;

use anyhow::Context as _;
use serde_json::{Value, json};
use types::Bytes;

use super::{Context, Exit, Misuse};
use crate::cli::Plan;
use crate::night::{estimate::with_causes, facts};
use crate::planner::simulate::{Course, Figures, MadeUpDle, Rules, Site, simulate, svg};
use crate::{described, print, selection};

pub(super) fn run(context: &Context, arguments: &Plan, nights: u32) -> anyhow::Result<Exit> {
    let site = match &arguments.described {
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("could not read {}", path.display()))?;
            let read = described::read(&text);
            let wrong = |error| Misuse(format!("{}: {}", path.display(), with_causes(&error)));
            Site { seed: arguments.seed, ..read.map_err(wrong)? }
        }
        None => from_history(context, arguments)?,
    };
    let ours = simulate(&site, nights, Rules::Ours);
    let amanda = simulate(&site, nights, Rules::Amanda);
    let courses = [("Reelkeep", &ours), ("Amanda", &amanda)];
    if let Some(path) = &arguments.svg {
        fs::write(path, svg(&courses))
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    if context.json {
        print::json(&courses.map(|(name, course)| value(name, course)))?;
    } else {
        print::text(&text(&site, nights, &courses))?;
    }
    Ok(Exit::Good)
}

/// The site as its history tells it, from now on.
fn from_history(context: &Context, arguments: &Plan) -> anyhow::Result<Site> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let mut dles = selection::of(&site.config, &arguments.selection.dles)?;
    dles.retain(|dle| !dle.dumping.ignore);
    let known = facts::of(&site.config, &dles, &catalogue, &std::collections::BTreeSet::new())?;
    let mut made_up = Vec::new();
    for facts in &known {
        match MadeUpDle::of(facts) {
            Some(dle) => made_up.push(dle),
            None => print::remark(&format!(
                "left out: {} has no full yet, so nobody knows how large it is",
                facts.dle
            )),
        }
    }
    Ok(Site {
        dles: made_up,
        storages: facts::storages(&site.config),
        limits: facts::limits(&site.config),
        missed: 0.0,
        short: 0.0,
        dumpcycle: site.config.site.dumping.dumpcycle,
        runs_per_cycle: facts::runs_per_cycle(&site.config, &catalogue)?,
        today: facts::today(&context.now).day,
        seed: arguments.seed,
    })
}

fn value(name: &str, course: &Course) -> Value {
    let figures = course.figures();
    json!({
        "rules": name,
        "mean_bytes": figures.mean_bytes, "peak_bytes": figures.peak_bytes,
        "largest_dump_bytes": figures.largest_bytes, "longest_dump_seconds": figures.longest_seconds,
        "variation_bytes": figures.variation_bytes, "mean_seconds": figures.mean_seconds,
        "peak_seconds": figures.peak_seconds, "variation_seconds": figures.variation_seconds,
        "volumes": figures.volumes, "asked": figures.asked, "late": figures.late,
        "longest_between_fulls": (figures.fulls > 0).then_some(figures.longest),
        "last_night_says": course.told,
        "nights": course.nights.iter().map(|night| json!({
            "night": night.day + 1, "bytes": night.bytes, "full_bytes": night.full_bytes,
            "seconds": night.seconds, "volumes": night.volumes, "held_bytes": night.held, "dumps": night.dumps,
            "fulls": night.fulls, "failed": night.failed, "late": night.late,
            "asked": night.asked, "warnings": night.warnings,
        })).collect::<Vec<_>>(),
    })
}

fn text(site: &Site, nights: u32, courses: &[(&str, &Course)]) -> String {
    let heading = [
        "RULES", "NIGHT", "PEAK", "VARIES", "MINUTES", "PEAK", "VARIES", "VOLUMES", "ASKED",
        "LATE", "LONGEST",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(courses.iter().map(|(name, course)| row(name, &course.figures())));
    let settled = courses.first().map_or(0, |(_, course)| course.settled_after);
    format!(
        "{}{} DLEs, {nights} nights, dice {}; counted from night {} on. NIGHT: what one writes in the mean; \
         VARIES: standard deviation from the trend;\nASKED: clients asked for estimates a night; LATE: fulls older than \
         their cycle, a night; LONGEST: days between two fulls.\n",
        print::table(&rows, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        site.dles.len(),
        site.seed,
        if i64::from(nights) > settled { settled + 1 } else { 1 },
    ) + &courses.first().map_or(String::new(), |(_, course)| remarks(course))
}

/// What the figures do not show: what is left out, and what waits.
fn remarks(course: &Course) -> String {
    let waiting: Vec<Bytes> =
        course.nights.iter().map(|night| night.held).filter(|held| *held > Bytes::ZERO).collect();
    let mut out = String::new();
    if let Some(most) = waiting.iter().max() {
        out.push_str(&format!(
            "after {} of {} nights up to {most} waited on the holding disk: the volumes that a run may begin took no more\n",
            waiting.len(),
            course.nights.len()
        ));
    }
    for line in course.told.iter().take(NAMED) {
        out.push_str(&format!("warning on the last night: {line}\n"));
    }
    if course.told.len() > NAMED {
        out.push_str(&format!("and {} more\n", course.told.len() - NAMED));
    }
    out
}

/// How many warnings are told.
const NAMED: usize = 8;

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let size = |bytes: f64| Bytes(1).share(bytes).to_string();
    let minutes = |seconds: f64| format!("{:.0}", seconds / 60.0);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    vec![
        name.to_owned(),
        size(figures.mean_bytes),
        size(figures.peak_bytes),
        percent(figures.variation_bytes),
        minutes(figures.mean_seconds),
        minutes(figures.peak_seconds),
        percent(figures.variation_seconds),
        figures.volumes.to_string(),
        format!("{:.1}", figures.asked),
        format!("{:.2}", figures.late),
        match figures.fulls {
            0 => "none".to_owned(),
            _ => format!("{} days", figures.longest),
        },
    ]
}
