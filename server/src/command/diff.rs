//! `diff`: what is different between two days of a DLE.

use serde_json::json;

use super::{Context, Exit, Misuse, restore};
use crate::cli::Diff;
use crate::clock::stamp_text;
use crate::print;
use crate::restore::differences::{Difference, Differences};
use crate::restore::view::View;
use crate::restore::when;

pub(super) fn run(context: &Context, arguments: &Diff) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let dle = restore::find_dle(&site, &catalogue, arguments.host.as_deref(), &arguments.dle)?;
    let state = |day: &str| -> anyhow::Result<View> {
        let when = when::parse(day).map_err(|error| Misuse(error.to_string()))?;
        let view = View::open(&catalogue, &site.config.site.indexdir, &dle, when)?;
        for gap in &view.passed_over {
            print::remark(&format!("passed over: {gap}"));
        }
        Ok(view)
    };
    let (from, to) = (state(&arguments.from)?, state(&arguments.to)?);
    let runs = [&from, &to].map(|view| view.run().map(stamp_text).unwrap_or_default());
    if runs[0] == runs[1] {
        print::remark(&format!("both days have the state of {}", runs[0]));
    }
    let mut list = print::Rows::begin(context.json)?;
    let mut counts = [0u64; 3];
    for difference in Differences::between(from.all()?, to.all()?)? {
        let difference = difference?;
        counts[match difference {
            Difference::Added(_) => 0,
            Difference::Removed(_) => 1,
            Difference::Changed { .. } => 2,
        }] += 1;
        list.row(|| text(&difference), || value(&difference))?;
    }
    list.end()?;
    if !context.json {
        let [added, removed, changed] = counts;
        print::line(&format!(
            "{dle} from {} to {}: {added} added, {removed} removed, {changed} changed",
            runs[0], runs[1]
        ))?;
    }
    Ok(Exit::Good)
}

fn text(difference: &Difference) -> String {
    let path = if difference.path().is_empty() { &b"."[..] } else { difference.path() };
    let mut line = format!("{:<7}  {}", difference.word(), print::path(path));
    if let Difference::Changed { fields, .. } = difference {
        let words: Vec<&str> = fields.iter().map(|field| field.word()).collect();
        line.push_str(&format!("  ({})", words.join(", ")));
    }
    line
}

fn value(difference: &Difference) -> serde_json::Value {
    let entry = print::entry;
    let (was, is, fields) = match difference {
        Difference::Added(is) => (None, Some(entry(is)), Vec::new()),
        Difference::Removed(was) => (Some(entry(was)), None, Vec::new()),
        Difference::Changed { was, is, fields } => {
            (Some(entry(was)), Some(entry(is)), fields.clone())
        }
    };
    json!({
        "path": print::path(difference.path()), "change": difference.word(), "from": was, "to": is,
        "fields": fields.iter().map(|field| field.word()).collect::<Vec<_>>(),
    })
}
