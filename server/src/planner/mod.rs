//! The planner: decides which DLE is dumped tonight, and at which level.
//!
//! It is a function from values to a value: [`plan`] takes [`Tonight`] and gives a [`Plan`]. The steps, each
//! with a file of its own:
//!
//! 1. `estimate`: what a dump of each level would cost. [`estimates_wanted`] says for which DLEs history is
//!    enough and which clients have to be asked, before [`plan`] is called.
//! 2. `level`: what each DLE needs, looked at alone.
//! 3. `fit`: what is put off, when the volumes or the hours of the night can't take it all.
//! 4. `promote`: which fulls come early, when tonight has less than its share.
//!
//! What always holds of a plan:
//!
//! - every DLE is in it exactly once, as a dump or as skipped, with the sentence that says why;
//! - it fits the volumes and the hours of the night;
//! - a full that is due and is not made is said so in a warning;
//! - what is done instead when there is no volume is smaller than what was planned;
//! - the same facts give the same plan, in whatever order they come.

mod amanda;
mod calendar;
mod estimate;
mod facts;
mod fit;
mod history;
mod hours;
mod level;
mod outcome;
mod promote;
pub mod simulate;
#[cfg(test)]
mod tests;
mod week;

use std::cmp::Reverse;

use types::Level;

pub use amanda::amanda;
pub use estimate::{EstimateNeed, estimates_wanted, from_client};
pub use facts::{
    Base, Bump, Capacity, Day, DleFacts, Estimate, Estimates, Limits, Past, Ratio, Request, Route,
    Row, Snapshot, Source, Storage, Strategy, Today, Tonight,
};
pub use outcome::{
    AmandaNight, Balance, Bottleneck, Choice, DueDay, Filled, Kind, Plan, Planned, Skipped, Warning,
};

use fit::Load;
use hours::{Ways, wait_for};
use level::{Case, Due, Take};

/// The volume of a full that is written over within so many runs is worth a warning.
const RED_ZONE: u32 = 5;

/// Decides the night.
pub fn plan(tonight: &Tonight) -> Plan {
    let today = tonight.today.day;
    let (mut cases, mut skipped, mut warnings) = one_by_one(tonight);
    let ways = Ways::new(tonight, cases.iter().map(|case| case.facts));
    let mut load = Load::new(tonight, &ways, &cases);
    warnings.extend(fit::delay(&mut cases, &mut load, today));
    let ideal = promote::ideal(tonight, &cases);
    promote::promote(tonight, &ways, &mut cases, &mut load);
    let (lasts, bottleneck) = load.lasts();
    let balance = Balance {
        ideal,
        fulls: load.fulls(),
        total: load.bytes(),
        capacity: tonight.storages.iter().map(|one| one.capacity.run()).sum(),
        held: tonight.storages.iter().map(|one| one.capacity.held).sum(),
        storages: load.filled(),
        seconds: load.seconds(),
        lasts,
        bottleneck,
        ahead: promote::ahead(&cases, today),
    };
    let mut dumps: Vec<Planned> = cases.iter().filter_map(|case| planned(case, tonight)).collect();
    let order = |dump: &Planned| (Reverse(dump.urgency), Reverse(dump.choice.cost.stored));
    dumps.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.dle.cmp(&b.dle)));
    skipped.extend(cases.iter().filter_map(dropped));
    if dumps.is_empty() && skipped.iter().any(|one| one.kind == Kind::DoesNotFit) {
        let text = "nothing fits tonight's volumes: see `length`, `runtapes` and `maxdumpsize`";
        warnings.push(Warning { dle: None, text: text.into() });
    }
    Plan { dumps, skipped, warnings, balance }
}

/// What each DLE needs, looked at alone.
fn one_by_one(tonight: &Tonight) -> (Vec<Case<'_>>, Vec<Skipped>, Vec<Warning>) {
    let today = tonight.today.day;
    let (mut cases, mut skipped, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut estimates = tonight.estimates.iter().peekable();
    for dle in in_order(&tonight.dles) {
        // Both are in the order of their names, so neither is searched.
        while estimates.next_if(|(name, _)| **name < dle.dle).is_some() {}
        let given = estimates.peek().filter(|(name, _)| **name == dle.dle).map(|(_, given)| *given);
        warnings.extend(remarks(dle, given, today));
        let costs = estimate::complete(dle, given, today);
        match level::choose(dle, &costs, given, today) {
            Ok(case) => cases.push(case),
            Err(left_out) => skipped.push(left_out),
        }
    }
    (cases, skipped, warnings)
}

/// Each DLE once, by name; of several of one name the first.
fn in_order(dles: &[DleFacts]) -> Vec<&DleFacts> {
    let mut by_name: Vec<&DleFacts> = dles.iter().collect();
    by_name.sort_by(|a, b| a.dle.cmp(&b.dle));
    by_name.dedup_by(|later, first| later.dle == first.dle);
    by_name
}

fn planned(case: &Case<'_>, tonight: &Tonight) -> Option<Planned> {
    Some(Planned {
        dle: case.facts.dle.clone(),
        choice: case.choice()?.clone(),
        degraded: case.degraded(),
        full: case.full.as_ref().map(|full| full.cost),
        priority: case.facts.priority,
        urgency: case.urgency,
        not_before: wait_for(case.facts.starttime, tonight.today),
        allow_split: case.facts.allow_split,
        why: case.why.clone(),
    })
}

fn dropped(case: &Case<'_>) -> Option<Skipped> {
    let Take::Nothing(why) = &case.take else { return None };
    Some(Skipped { dle: case.facts.dle.clone(), kind: Kind::DoesNotFit, why: why.clone() })
}

/// What the operator should read about one DLE, whatever becomes of it tonight.
fn remarks(dle: &DleFacts, given: Option<&Estimates>, today: Day) -> Vec<Warning> {
    let mut texts = Vec::new();
    // What has no earlier sizes either is skipped, with this reason.
    if let Some(why) = given.and_then(|given| given.failed.as_ref())
        && !(dle.last.is_empty() && dle.history.is_empty())
    {
        texts.push(format!("the client gave no estimate ({why}), so earlier sizes are used"));
    }
    match (dle.request, dle.strategy) {
        (Some(Request::Full), Strategy::NoFull) => {
            texts.push("a full was asked for, but its strategy is nofull".into());
        }
        (Some(Request::Level1 | Request::Bump | Request::NoBump), Strategy::NoInc) => {
            texts.push("an incremental was asked for, but its strategy is noinc".into());
        }
        _ => (),
    }
    for (what, unwanted) in
        [("fulls", dle.route.full.is_empty()), ("incrementals", dle.route.incremental.is_empty())]
    {
        if unwanted && dle.strategy != Strategy::Skip {
            texts.push(format!("no storage takes its {what}: see `dump-selection`"));
        }
    }
    let due = level::due(dle, today);
    if dle.skip_full && due == Due::In(1) {
        texts.push("its full falls due tomorrow, and skip-full leaves it to you".into());
    }
    if let Some(runs) = dle.last.get(&Level::FULL).and_then(|past| past.overwritten_in)
        && runs <= RED_ZONE
    {
        texts.push(format!("the volume of its last full is written over in {runs} runs"));
    }
    if let Some(past) = dle.last_full().filter(|past| past.day > today)
        && dle.strategy == Strategy::Standard
    {
        let ahead = level::days(past.day.since(today));
        texts.push(format!(
            "its last full is dated {ahead} from now: was the clock set back? Until it has caught up, every run counts as a day"
        ));
    }
    texts.into_iter().map(|text| Warning { dle: Some(dle.dle.clone()), text }).collect()
}
