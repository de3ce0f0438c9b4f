//! Whole nights: what is put off, what comes early.

use std::collections::BTreeMap;

use types::{Bytes, Level};

use super::{TODAY, asked, is_warned, levels, mib, night, why, with_past};
use crate::planner::{
    Day, DleFacts, Estimates, Kind, Limits, Past, Plan, Request, Row, Snapshot, Strategy, Tonight,
    plan,
};

fn due(name: &str, ago: i64, size: u64) -> (DleFacts, Estimates) {
    (with_past(name, &[(0, ago, size), (1, 1, 10)]), asked(&[(0, size), (1, 10)]))
}

fn new(name: &str, size: u64) -> (DleFacts, Estimates) {
    (with_past(name, &[]), asked(&[(0, size)]))
}

#[test]
fn what_was_never_dumped_gets_a_full() {
    let plan = plan(&night(vec![new("a", 100)]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0)]));
    assert_eq!(plan.dumps()[0].degraded, Err("it has no full that can be read back".into()));
    assert_eq!(plan.dumps()[0].why, "it was never dumped");
}

#[test]
fn of_fulls_that_do_not_fit_together_the_freshest_are_put_off() {
    let plan = plan(&night(vec![due("a", 12, 600), due("b", 10, 300), due("c", 11, 300)]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0), ("b", 1), ("c", 0)]));
    assert!(is_warned(&plan, "the last is 10 days old, and its dump cycle is 10 days"));
    assert!(why(&plan, "b").starts_with("level 1 instead of a full"));
}

#[test]
fn what_was_put_off_is_taken_back_when_it_fits_after_all() {
    // To make room for a and the 700 MiB of c, b goes first, then c: and then b fits again.
    let plan = plan(&night(vec![due("a", 30, 500), due("b", 10, 300), due("c", 12, 700)]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0), ("b", 0), ("c", 1)]));
}

#[test]
fn one_full_is_made_even_if_incrementals_have_to_go() {
    let mut dles = vec![due("a", 10, 1000)];
    dles.push((with_past("b", &[(0, 1, 100)]), asked(&[(0, 100), (1, 50)])));
    let plan = plan(&night(dles));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0)]));
    assert_eq!(plan.skipped()[0].kind, Kind::DoesNotFit);
}

#[test]
fn a_full_that_can_never_fit_is_said_so() {
    let plan = plan(&night(vec![due("a", 10, 2000)]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 1)]));
    assert!(is_warned(&plan, "its full can never be made: 1.95 GiB are more than a run takes"));
}

#[test]
fn an_image_that_may_not_be_cut_has_to_fit_one_volume() {
    let (mut facts, given) = due("a", 10, 1500);
    let mut two = night(vec![(facts.clone(), given.clone())]);
    two.storages[0].capacity.runtapes = 2;
    assert_eq!(levels(&plan(&two)), BTreeMap::from([("a", 0)]));
    facts.allow_split = false;
    two.dles = vec![facts];
    assert_eq!(levels(&plan(&two)), BTreeMap::from([("a", 1)]));
}

#[test]
fn fulls_by_order_stay_before_others() {
    let (mut facts, given) = due("a", 1, 600);
    facts.request = Some(Request::Full);
    let plan = plan(&night(vec![(facts, given), due("b", 40, 600)]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 0), ("b", 1)]));
    assert_eq!(plan.dumps().iter().filter(|dump| dump.degraded.is_err()).count(), 2);
}

#[test]
fn amanda_ends_when_nothing_fits_and_we_say_so_in_the_plan() {
    let plan = plan(&night(vec![new("a", 2000), new("b", 3000)]));
    assert!(plan.dumps().is_empty());
    assert_eq!(plan.skipped().len(), 2);
    assert!(is_warned(&plan, "nothing fits tonight's volumes"));
}

#[test]
fn a_night_has_only_so_many_minutes() {
    let mut night = night(vec![due("x:a", 12, 300), due("y:b", 11, 300)]);
    night.limits = Limits { minutes: Some(6), inparallel: 1, interfaces: Vec::new() };
    assert_eq!(levels(&plan(&night)), BTreeMap::from([("a", 0), ("b", 1)]));
    night.limits.inparallel = 2;
    assert_eq!(levels(&plan(&night)), BTreeMap::from([("a", 0), ("b", 0)]));
}

#[test]
fn headers_and_filemarks_of_every_part_are_counted() {
    let mut night = night(vec![due("a", 12, 500), due("b", 11, 500)]);
    assert_eq!(levels(&plan(&night)), BTreeMap::from([("a", 0), ("b", 0)]));
    night.storages[0].capacity.part = Some(mib(1));
    assert_eq!(levels(&plan(&night)), BTreeMap::from([("a", 0), ("b", 1)]));
}

#[test]
fn one_dle_alone_is_not_promoted() {
    let facts = with_past("a", &[(0, 1, 100)]);
    let base = facts.last[&types::Level::FULL].dump;
    let plan = plan(&night(vec![(facts, asked(&[(0, 100), (1, 5)]))]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 1)]));
    assert_eq!(plan.dumps()[0].choice.base, Some(base));
}

#[test]
fn a_small_incremental_tonight_is_no_reason_for_a_full() {
    // Two days of its cycle are left, and its incrementals are usually larger than tonight's.
    let mut facts = with_past("a", &[(0, 1, 100)]);
    facts.dumpcycle = 3;
    let row = |ago| Row {
        day: Day(TODAY.0 - ago),
        level: 1.try_into().unwrap(),
        raw: mib(30),
        stored: mib(30),
        seconds: 30,
    };
    facts.history.extend([row(3), row(4), row(6)]);
    let plan = plan(&night(vec![(facts, asked(&[(0, 100), (1, 5)]))]));
    assert_eq!(levels(&plan), BTreeMap::from([("a", 1)]), "{}", why(&plan, "a"));
}

#[test]
fn large_fulls_are_nights_of_their_own_and_the_small_ones_share_the_others() {
    // Two large ones fall due in 4 days, three small ones in 2: one of the small in each of the first three nights.
    let mut dles = vec![due("a", 6, 400), due("b", 6, 400)];
    dles.extend(["c", "d", "e"].map(|name| due(name, 8, 130)));
    let plan = plan(&night(dles));
    let fulls: Vec<_> = levels(&plan).into_iter().filter(|(_, level)| *level == 0).collect();
    assert!(matches!(fulls[..], [("c" | "d" | "e", 0)]), "{fulls:?}");
}

#[test]
fn no_host_makes_two_fulls_in_a_night_only_because_the_others_are_long() {
    let lasting = |name: &str, in_days: i64, size, seconds| {
        let (facts, mut given) = due(name, 10 - in_days, size);
        given.levels.get_mut(&Level::FULL).unwrap().seconds = seconds;
        (facts, given)
    };
    // Every night but tomorrow's has one long full, and tomorrow, which is as long with both of x, a few bytes more.
    let long = |day: i64| lasting(&format!("host{day}:long{day}"), day, 100, 300);
    let mut dles: Vec<_> = [0, 2, 3, 4, 5, 6, 7, 8, 9].map(long).to_vec();
    dles.push(lasting("host1:short", 1, 110, 10));
    dles.extend([lasting("x:one", 1, 10, 140), lasting("x:two", 1, 10, 140)]);
    let plan = plan(&night(dles));
    let fulls: Vec<_> = levels(&plan).into_iter().filter(|(_, level)| *level == 0).collect();
    assert!(matches!(fulls[..], [("long0", 0), ("one" | "two", 0)]), "{fulls:?}");
}

#[test]
fn a_promoted_full_degrades_to_what_it_would_have_been() {
    let plan = plan(&night((0..10).map(|n| due(&format!("dle{n}"), 8, 50)).collect()));
    let early: Vec<_> = plan.dumps().iter().filter(|d| d.choice.level.is_full()).collect();
    // All ten fall due in two days: a third of them comes tonight.
    assert_eq!(early.len(), 3);
    assert!(early[0].why.starts_with("a full 2 days early"));
    assert_eq!(early[0].degraded.as_ref().unwrap().level.number(), 1);
}

#[test]
fn a_second_run_on_one_day_makes_no_full_again() {
    let plan = plan(&night((0..10).map(|n| due(&format!("dle{n}"), 0, 50)).collect()));
    assert!(levels(&plan).values().all(|level| *level == 1));
}

#[test]
fn maxpromoteday_keeps_fulls_from_coming_too_early() {
    let mut dles: Vec<_> = (0..10).map(|n| due(&format!("dle{n}"), 6, 50)).collect();
    for (facts, _) in &mut dles {
        facts.maxpromoteday = 3;
    }
    assert!(levels(&plan(&night(dles))).values().all(|level| *level == 1));
}

#[test]
fn amanda_promotes_by_host_and_we_by_the_day_that_is_relieved() {
    // Host x has two of its own on a quiet day; the heap is on another day, each on a host of its own.
    let mut dles: Vec<_> = (0..12).map(|n| due(&format!("host{n}:heap{n}"), 5, 40)).collect();
    dles.extend([due("x:one", 8, 10), due("x:two", 8, 10)]);
    let plan = plan(&night(dles));
    let early = plan.dumps().iter().find(|dump| dump.choice.level.is_full()).unwrap();
    assert!(early.dle.dle.as_str().starts_with("heap"), "{}", early.dle);
}

#[test]
fn amanda_divides_dump_cycles_as_integers_and_we_do_not() {
    let ideal = |cycle: u32| {
        let (mut facts, given) = due("a", 1, 100);
        facts.dumpcycle = cycle;
        plan(&night(vec![(facts, given)])).balance().ideal
    };
    assert_eq!(ideal(10), mib(10));
    // Amanda: 10 div 7 = 1, and 10 div 14 = 0.
    assert_eq!(ideal(7), mib(100).share(1.0 / 7.0));
    assert_eq!(ideal(20), mib(5));
    assert_eq!(ideal(0), mib(100));
}

#[test]
fn what_falls_due_is_told_by_day() {
    let plan = plan(&night(vec![due("a", 10, 100), due("b", 7, 50)]));
    let ahead: Vec<_> = plan.balance().ahead.iter().map(|due| (due.day, due.fulls)).collect();
    assert_eq!(ahead, [(Day(TODAY.0 + 3), 1), (Day(TODAY.0 + 10), 1)]);
}

#[test]
fn a_volume_of_the_last_full_that_goes_soon_is_warned_of() {
    let (mut facts, given) = due("a", 3, 100);
    facts.last.get_mut(&types::Level::FULL).unwrap().overwritten_in = Some(4);
    assert!(is_warned(&plan(&night(vec![(facts, given)])), "written over in 4 runs"));
}

/// Carries a plan out in the facts, as a good night would.
fn live_through(tonight: &mut Tonight, plan: &Plan) {
    let day = tonight.today.day;
    for dump in plan.dumps() {
        let facts = tonight.dles.iter_mut().find(|facts| facts.dle == dump.dle).unwrap();
        let (level, cost) = (dump.choice.level, dump.choice.cost);
        let past = Past {
            dump: types::DumpId::new(u64::try_from(day.0).unwrap(), [0; 10]),
            day,
            raw: cost.raw,
            stored: cost.stored,
            restorable: true,
            snapshot: Snapshot::Kept,
            overwritten_in: None,
        };
        facts.last.retain(|old, _| *old < level);
        facts.last.insert(level, past);
        let same = facts.last_level == Some(level);
        facts.consecutive_runs = if same { facts.consecutive_runs + 1 } else { 1 };
        facts.last_level = Some(level);
    }
    tonight.today.day = Day(day.0 + 1);
}

#[test]
fn over_two_months_every_cycle_is_kept_and_the_load_levels_out() {
    let sizes = [400, 250, 200, 150, 120, 90, 60, 60, 40, 40, 30, 30, 20, 20, 10, 10, 10, 5, 5, 5];
    let dles = sizes.iter().enumerate().map(|(number, size)| {
        let levels: Vec<_> =
            (1..9).map(|level| (level, size / 20 + 1)).chain([(0, *size)]).collect();
        (with_past(&format!("h{}:d{number}", number % 4), &[]), asked(&levels))
    });
    let mut tonight = night(dles.collect());
    let mut loads = Vec::new();
    for _ in 0..60 {
        let plan = plan(&tonight);
        let balance = plan.balance();
        assert!(balance.total <= balance.capacity);
        for facts in &tonight.dles {
            let warned = plan.warnings().iter().any(|one| one.dle.as_ref() == Some(&facts.dle));
            let late = facts.last_full().map(|past| tonight.today.day.since(past.day));
            let made = levels(&plan).get(facts.dle.dle.as_str()) == Some(&0);
            assert!(late.is_none_or(|late| late < 10) || made || warned, "{}", facts.dle);
        }
        loads.push((balance.fulls, balance.ideal));
        live_through(&mut tonight, &plan);
    }
    // 1555 MiB in ten runs are 156 in each; the largest DLE alone is 400.
    let worst = loads[30..].iter().map(|(fulls, _)| *fulls).max().unwrap();
    assert!(worst <= mib(480), "{worst}");
    let nights: Bytes = loads[30..].iter().map(|(fulls, _)| *fulls).sum();
    assert!(nights <= mib(1555 * 4), "fulls come too early: {nights} in 30 days");
}

#[test]
fn noinc_is_balanced_as_what_it_is() {
    let (mut facts, given) = due("a", 1, 100);
    facts.strategy = Strategy::NoInc;
    let balance = plan(&night(vec![(facts, given)])).balance().clone();
    assert_eq!((balance.ideal, balance.fulls), (mib(100), mib(100)));
}

#[test]
fn what_waits_on_the_holding_disk_is_written_first_and_leaves_half_of_the_volumes_to_the_night() {
    let dles = || ["a", "b", "c"].map(|name| (with_past(name, &[]), asked(&[(0, 300)])));
    for (waits, fulls) in [(0, 3), (100, 3), (200, 2), (500, 1), (90_000, 1)] {
        let mut night = night(dles().to_vec());
        night.storages[0].capacity.held = mib(waits);
        let plan = plan(&night);
        assert_eq!(plan.dumps().len(), fulls, "{waits} MiB wait");
        assert!(!is_warned(&plan, "never"), "{:?}", plan.warnings());
    }
}
