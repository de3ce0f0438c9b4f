//! What the planner must do: Amanda's cases as rows, her bugs by name, and what holds of every plan.

mod ahead;
mod amanda;
mod levels;
mod nights;
mod properties;

use std::collections::BTreeMap;

use types::{Bytes, DleRef, DumpId, Level};

use super::{
    Capacity, Day, DleFacts, Estimate, EstimateNeed, Estimates, Limits, Past, Plan, Snapshot,
    Source, Storage, Today, Tonight, estimates_wanted,
};

const TODAY: Day = Day(20_000);
const MIB: u64 = 1 << 20;

fn dle(name: &str) -> DleRef {
    let (host, dle) = name.split_once(':').unwrap_or(("host", name));
    DleRef { host: host.parse().unwrap(), dle: dle.parse().unwrap() }
}

fn level(number: u16) -> Level {
    number.try_into().unwrap()
}

fn mib(count: u64) -> Bytes {
    Bytes(count * MIB)
}

/// A DLE with the dumps of so many days ago: (level, days ago, MiB).
fn with_past(name: &str, dumps: &[(u16, i64, u64)]) -> DleFacts {
    let mut facts = DleFacts::new(dle(name));
    for &(number, ago, size) in dumps {
        let day = Day(TODAY.0 - ago);
        let past = Past {
            dump: DumpId::new(u64::try_from(day.0).unwrap(), [0; 10]),
            day,
            raw: mib(size),
            stored: mib(size),
            restorable: true,
            snapshot: Snapshot::Kept,
            overwritten_in: None,
        };
        facts.last.insert(level(number), past);
    }
    facts.last_level =
        dumps.iter().min_by_key(|(_, ago, _)| ago).map(|&(number, ..)| level(number));
    facts.consecutive_runs = 1;
    facts
}

fn asked(levels: &[(u16, u64)]) -> Estimates {
    let estimate = |&(number, size): &(u16, u64)| {
        let (raw, stored) = (mib(size), mib(size));
        let seconds = u32::try_from(size).unwrap();
        (level(number), Estimate { raw, stored, seconds, off: 0, source: Source::Client })
    };
    Estimates { levels: levels.iter().map(estimate).collect(), failed: None }
}

/// What has to be done before a DLE can be planned, in a night that has a hundred times `worth`.
fn need(facts: &DleFacts, today: Day, worth: Bytes) -> EstimateNeed {
    let mut other = with_past("all others", &[(0, 0, 1)]);
    other.last.values_mut().for_each(|past| past.stored = worth.times(100));
    other.dumpcycle = 1;
    estimates_wanted(&[facts.clone(), other], today).swap_remove(0)
}

/// A night with one volume of 1 GiB in a cycle of 10 runs.
fn night(dles: Vec<(DleFacts, Estimates)>) -> Tonight {
    Tonight {
        today: Today { day: TODAY, second: 22 * 3600 },
        estimates: dles.iter().map(|(dle, given)| (dle.dle.clone(), given.clone())).collect(),
        dles: dles.into_iter().map(|(dle, _)| dle).collect(),
        storages: vec![Storage {
            name: "main".into(),
            capacity: Capacity {
                volume: mib(1024),
                runtapes: 1,
                held: Bytes::ZERO,
                limit: None,
                filemark: Bytes(1024),
                block: Bytes(32 << 10),
                part: None,
            },
            speed: None,
        }],
        dumpcycle: 10,
        runs_per_cycle: 10,
        limits: Limits { minutes: None, inparallel: 10, interfaces: Vec::new() },
    }
}

/// The level of each dump, by the name of its DLE.
fn levels(plan: &Plan) -> BTreeMap<&str, u16> {
    plan.dumps().iter().map(|d| (d.dle.dle.as_str(), d.choice.level.number())).collect()
}

fn why<'p>(plan: &'p Plan, name: &str) -> &'p str {
    let dump = plan.dumps().iter().find(|dump| dump.dle.dle.as_str() == name);
    let skipped = plan.skipped().iter().find(|one| one.dle.dle.as_str() == name);
    dump.map(|dump| &dump.why).or(skipped.map(|one| &one.why)).unwrap()
}

fn is_warned(plan: &Plan, text: &str) -> bool {
    plan.warnings().iter().any(|warning| warning.text.contains(text))
}
