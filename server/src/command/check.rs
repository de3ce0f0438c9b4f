//! `check`: will tonight work? Says what is in the way, where, and what to do about it.

use serde_json::json;

use super::{Context, Exit};
use crate::checkup::{self, Area, Finding, Gravity};
use crate::cli::Selection;
use crate::{print, selection};

pub(super) fn run(context: &Context, arguments: &Selection) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let mut dles = selection::of(&site.config, &arguments.dles)?;
    dles.retain(|dle| !dle.dumping.ignore);
    let findings = checkup::all(&site, &dles, &site.agent(&context.program), &context.now);
    let count = |gravity| findings.iter().filter(|finding| finding.gravity == gravity).count();
    let (errors, warnings) = (count(Gravity::Error), count(Gravity::Warning));
    if context.json {
        print::json(&json!({
            "good": errors == 0, "errors": errors, "warnings": warnings, "findings": findings,
        }))?;
    } else {
        print::text(&text(&findings))?;
        print::line(&verdict(errors, warnings))?;
    }
    Ok(if errors == 0 { Exit::Good } else { Exit::Complaints })
}

fn verdict(errors: usize, warnings: usize) -> String {
    let warned = match warnings {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        n => format!(", with {n} warnings"),
    };
    match errors {
        0 => format!("tonight will work{warned}"),
        1 => format!("1 thing stands in the way of tonight{warned}"),
        n => format!("{n} things stand in the way of tonight{warned}"),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for area in [Area::Server, Area::Volumes, Area::Clients] {
        let heading = match area {
            Area::Server => "SERVER",
            Area::Volumes => "VOLUMES",
            Area::Clients => "CLIENTS",
        };
        out.push_str(heading);
        out.push('\n');
        for finding in findings.iter().filter(|finding| finding.area == area) {
            let Finding { about, text, .. } = finding;
            let word = match finding.gravity {
                Gravity::Good => "good",
                Gravity::Note => "note",
                Gravity::Warning => "WARNING",
                Gravity::Error => "ERROR",
            };
            out.push_str(&format!("  {word:<7}  {about}: {text}\n"));
            if let Some(advice) = &finding.advice {
                out.push_str(&format!("             do: {advice}\n"));
            }
        }
        out.push('\n');
    }
    out
}
