//! Which scripts are run at a point, for what, and in which order.
//!
//! As in Amanda: a DLE names its scripts; a script says at which points it is run, and where. At a point of a host or of
//! a run each DLE's scripts are run, those with `single-execution` once only; at a point of a run, where no DLE is meant,
//! each script once. Of several the one with the smallest `order` goes first.

use std::collections::BTreeSet;

use config::{Config, Dle, Script};
use types::{ScriptPlace, ScriptPoint, ScriptScope};

/// A script that is to be run, and for which DLE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chosen<'a> {
    pub(super) script: &'a Script,
    /// None at a point of a run.
    pub(super) dle: Option<&'a Dle>,
}

/// Whether Amanda runs scripts of this place at this point.
pub(super) fn is_run(point: ScriptPoint, place: ScriptPlace) -> bool {
    use ScriptPoint::{PostHostBackup, PreHostBackup};
    match (point.scope(), place) {
        (ScriptScope::Run, place) => place == ScriptPlace::Server,
        (ScriptScope::Host, place) if matches!(point, PreHostBackup | PostHostBackup) => {
            place == ScriptPlace::Server
        }
        (ScriptScope::Restore, place) => place == ScriptPlace::Client,
        (ScriptScope::Host | ScriptScope::Dle, _) => true,
    }
}

/// The scripts of these DLEs at this point.
pub(super) fn at<'a>(config: &'a Config, dles: &[&'a Dle], point: ScriptPoint) -> Vec<Chosen<'a>> {
    let mut chosen = Vec::new();
    let mut once: BTreeSet<&str> = BTreeSet::new();
    for dle in dles {
        for script in scripts(config, dle, point) {
            let scope = point.scope();
            let single = scope == ScriptScope::Run
                || (scope == ScriptScope::Host && script.single_execution);
            if single && !once.insert(&script.name) {
                continue;
            }
            let dle = (scope != ScriptScope::Run).then_some(*dle);
            chosen.push(Chosen { script, dle });
        }
    }
    if point.scope() == ScriptScope::Run {
        chosen.sort_by_key(|chosen| chosen.script.order);
    }
    chosen
}

/// The scripts of one DLE at this point, in order.
fn scripts<'a>(config: &'a Config, dle: &Dle, point: ScriptPoint) -> Vec<&'a Script> {
    let named = dle.dumping.script.iter();
    let found = named.filter_map(|name| config.scripts.iter().find(|script| script.name == *name));
    let mut scripts: Vec<&Script> = found
        .filter(|script| script.execute_on.contains(&point))
        .filter(|script| is_run(point, script.execute_where))
        .collect();
    scripts.sort_by_key(|script| script.order);
    scripts
}
