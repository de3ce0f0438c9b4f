//! Amanda's cases as rows, her bugs by name, and what must hold of every plan.

use proptest::prelude::*;
use types::{Bytes, DleRef, DumpId, Level};

use super::*;

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
        (level(number), Estimate { raw, stored, seconds, source: Source::Client })
    };
    Estimates { levels: levels.iter().map(estimate).collect(), failed: None }
}

/// A night with one volume of 1 GiB in a cycle of 10 runs.
fn night(dles: Vec<(DleFacts, Estimates)>) -> Tonight {
    Tonight {
        today: Today { day: TODAY, second: 22 * 3600 },
        estimates: dles.iter().map(|(dle, given)| (dle.dle.clone(), given.clone())).collect(),
        dles: dles.into_iter().map(|(dle, _)| dle).collect(),
        capacity: Capacity {
            volume: mib(1024),
            runtapes: 1,
            limit: None,
            filemark: Bytes(1024),
            block: Bytes(32 << 10),
            part: None,
        },
        dumpcycle: 10,
        runs_per_cycle: 10,
        minutes: None,
    }
}

/// The level of each dump, by the name of its DLE.
fn levels(plan: &Plan) -> BTreeMap<&str, u16> {
    plan.dumps().iter().map(|d| (d.dle.dle.as_str(), d.choice.level.number())).collect()
}

#[test]
fn what_was_never_dumped_gets_a_full() {
    let plan = plan(&night(vec![(DleFacts::new(dle("a")), asked(&[(0, 100)]))]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0)]));
    assert!(plan.dumps()[0].degraded.is_err());
    assert_eq!(plan.dumps()[0].why, "it was never dumped");
}

#[test]
fn one_dle_alone_is_not_promoted() {
    let facts = with_past("a", &[(0, 1, 100)]);
    let base = facts.last[&Level::FULL].dump;
    let plan = plan(&night(vec![(facts, asked(&[(0, 100), (1, 5)]))]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 1)]));
    assert_eq!(plan.dumps()[0].choice.base, Some(base));
}

proptest! {
    #[test]
    fn anything_is_planned_once(count in 0usize..5) {
        let dles = (0..count).map(|n| (DleFacts::new(dle(&n.to_string())), asked(&[(0, 600)])));
        let plan = plan(&night(dles.collect()));
        prop_assert_eq!(plan.dumps().len() + plan.skipped().len(), count);
    }
}
