//! `volume explain`: why a volume may or may not be reused, when it will be, and what of it is still needed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use taper::catalogue::{Catalogue, Volume};
use taper::retention::{Reason, Release, When, prospect};
use types::{DleRef, DumpId, Label};

use super::volume::known;
use super::{Context, Exit};
use crate::clock::stamp_text;
use crate::site::Site;
use crate::{library, outlook, print};

/// So many DLEs are named on a terminal; with `--json` all are.
const NAMED: usize = 20;

pub(super) fn run(context: &Context, site: &Site, label: &Label) -> anyhow::Result<Exit> {
    let catalogue = site.catalogue_to_read()?;
    let volume = known(&catalogue, label)?;
    let (policies, now) = (library::policies(&site.config), context.now.stamp());
    let verdicts = catalogue.verdict(label, &policies, now)?;
    let case = catalogue.case(label, &policies, now)?;
    let expected = outlook::expected(&site.config, &catalogue, &catalogue.volumes()?)?;
    let releases = prospect(&case, &policies, now, &expected);
    let dumps = dumps_on(&catalogue, label)?;
    let explanation = verdicts.explain(label);
    if context.json {
        return Ok(
            print::json(&value(&volume, &explanation, &releases, &dumps)).map(|()| Exit::Good)?
        );
    }
    print::text(&explanation)?;
    if let Some(off) = &volume.off_site {
        print::line(&format!("It is off-site since {}: {}.", off.since.day(), off.place))?;
    }
    if let Some(last) = releases.first() {
        let usage = expected.usage.get(&volume.storage).copied().map(outlook::told);
        print::line(&foretold(last, usage.as_deref()))?;
    }
    print::text(&table(&releases, &dumps))?;
    Ok(Exit::Good)
}

/// When the volume will be reusable, and what holds it longest.
fn foretold(last: &Release, usage: Option<&str>) -> String {
    match &last.when {
        When::On(day, reason) => {
            let runs =
                usage.map_or_else(String::new, |usage| format!(", with {usage} volumes a run"));
            format!(
                "If runs go on as of late{runs}, it will be reusable on {}. What holds it longest: {}.",
                day.day(),
                reason.why
            )
        }
        When::Never(reason) => {
            format!("It does not become reusable by itself: never, while {}.", reason.why)
        }
    }
}

/// The dumps on a volume, by DLE.
type Dumps = BTreeMap<DleRef, Vec<(DumpId, String)>>;

fn dumps_on(catalogue: &Catalogue, label: &Label) -> anyhow::Result<Dumps> {
    let mut dumps = Dumps::new();
    for part in catalogue.parts_on(label)? {
        let dump = catalogue.dump(part.dump)?.dump;
        let of_dle = dumps.entry(dump.dle).or_default();
        if of_dle.last().is_none_or(|(id, _)| *id != dump.id) {
            of_dle.push((dump.id, format!("level {} of {}", dump.level, stamp_text(dump.run))));
        }
    }
    Ok(dumps)
}

fn table(releases: &[Release], dumps: &Dumps) -> String {
    let count: usize = dumps.values().map(Vec::len).sum();
    let wanting = || releases.iter().filter_map(|r| Some((r.dle.as_ref()?, r)));
    if count == 0 {
        return "There is no dump on it.\n".to_owned();
    }
    let mut out = format!(
        "It has {count} dumps of {} DLEs; {} DLEs need it:\n",
        dumps.len(),
        wanting().count()
    );
    let mut rows = vec![["HOST", "DLE", "UNTIL", "ON IT", "NEEDED BY"].map(str::to_owned).to_vec()];
    rows.extend(wanting().take(NAMED).map(|(dle, release)| {
        let on_it: Vec<&str> =
            dumps.get(dle).into_iter().flatten().map(|(_, told)| told.as_str()).collect();
        let rules: Vec<&str> = release.reasons.iter().map(|reason| reason.rule.word()).collect();
        vec![
            dle.host.to_string(),
            dle.dle.to_string(),
            until(&release.when),
            on_it.join(", "),
            rules.join(", "),
        ]
    }));
    if rows.len() > 1 {
        out.push_str(&print::table(&rows, &[]));
    }
    if let Some(more) = wanting().count().checked_sub(NAMED).filter(|more| *more > 0) {
        out.push_str(&format!("and {more} more (--json names all)\n"));
    }
    out
}

fn until(when: &When) -> String {
    match when {
        When::On(day, _) => day.day(),
        When::Never(_) => "never".to_owned(),
    }
}

fn value(volume: &Volume, explanation: &str, releases: &[Release], dumps: &Dumps) -> Value {
    let (on, by) = match releases.first().map(|release| &release.when) {
        None => (Value::Null, Value::Null),
        Some(When::On(day, reason)) => (json!(day), reason_value(reason)),
        Some(When::Never(reason)) => (Value::Null, reason_value(reason)),
    };
    json!({
        "label": volume.label,
        "reusable": releases.is_empty(),
        "reusable_on": on,
        "released_by": by,
        "explanation": explanation,
        "off_site": volume.off_site.as_ref().map(|off| &off.place),
        "needed": releases.iter().map(|release| json!({
            "host": release.dle.as_ref().map(|dle| &dle.host),
            "dle": release.dle.as_ref().map(|dle| &dle.dle),
            "until": match &release.when { When::On(day, _) => json!(day), When::Never(_) => Value::Null },
            "reasons": release.reasons.iter().map(reason_value).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "dumps": dumps.iter().flat_map(|(dle, dumps)| dumps.iter().map(move |(id, told)| json!({
            "dump": id, "host": dle.host, "dle": dle.dle, "what": told,
        }))).collect::<Vec<_>>(),
    })
}

fn reason_value(reason: &Reason) -> Value {
    json!({ "rule": reason.rule.word(), "why": reason.why, "until": reason.until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper::retention::Rule;

    fn release(when: When) -> Release {
        Release { dle: None, reasons: vec![], when }
    }

    fn reason(why: &str) -> Reason {
        Reason { rule: Rule::LastResort, why: why.to_owned(), until: None }
    }

    #[test]
    fn the_day_is_told_with_what_holds_it_longest_or_why_there_is_none() {
        let day = "20270114010000".parse().unwrap();
        let on = release(When::On(day, reason("it is among the 10 volumes written last")));
        assert_eq!(
            foretold(&on, Some("1.2")),
            "If runs go on as of late, with 1.2 volumes a run, it will be reusable on 2027-01-14. What holds it \
             longest: it is among the 10 volumes written last."
        );
        let never = release(When::Never(reason("level 0 of h:/a is the newest state of it")));
        assert!(foretold(&never, None).contains("never, while level 0 of h:/a is the newest"));
    }

    #[test]
    fn a_volume_without_dumps_says_so() {
        assert_eq!(table(&[], &Dumps::new()), "There is no dump on it.\n");
    }
}
