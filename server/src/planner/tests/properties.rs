//! What holds of every plan.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use types::{Bytes, Level};

use super::{TODAY, asked, dle, level, mib, night, with_past};
use crate::planner::calendar::Calendar;
use crate::planner::fit::Load;
use crate::planner::hours::Ways;
use crate::planner::simulate::{MadeUpDle, Rules, Site, simulate};
use crate::planner::week::Week;
use crate::planner::{
    Capacity, Day, DleFacts, EstimateNeed, Estimates, Limits, Plan, Planned, Request, Route, Row,
    Snapshot, Storage, Strategy as Way, Tonight, estimates_wanted, one_by_one, plan,
};

fn a_dle() -> impl Strategy<Value = (DleFacts, Estimates)> {
    let past = (option::of(-2i64..30), option::of(1u16..4), 1u32..5);
    let ways = prop_oneof![
        6 => Just(Way::Standard),
        1 => Just(Way::NoFull),
        1 => Just(Way::NoInc),
        1 => Just(Way::Skip),
        1 => Just(Way::IncrOnly),
    ];
    let requests = option::weighted(
        0.3,
        prop_oneof![
            Just(Request::Full),
            Just(Request::Level1),
            Just(Request::Bump),
            Just(Request::NoBump)
        ],
    );
    let sizes = vec(option::weighted(0.8, 1u64..800), 5);
    let flags = (any::<bool>(), any::<bool>(), 0u32..12, 0i32..3, any::<[bool; 4]>());
    (0u32..40, past, ways, requests, sizes, flags).prop_map(
        |(name, (full, incr, runs), way, request, sizes, (split, skip, cycle, priority, ill))| {
            let mut dumps: Vec<_> = full.map(|ago| (0, ago, 100)).into_iter().collect();
            if let (Some(ago), Some(top)) = (full, incr) {
                let days = i64::from(top);
                dumps.extend((1..=top).map(|l| (l, (ago - i64::from(l)).max(0).min(days), 10)));
            }
            let mut facts = with_past(&format!("host{}:dle{name}", name % 5), &dumps);
            facts.consecutive_runs = runs;
            (facts.strategy, facts.request) = (way, request);
            (facts.allow_split, facts.dumpcycle, facts.priority) = (split, cycle, priority);
            (facts.skip_full, facts.skip_incr) = (skip && ill[0], skip && ill[1]);
            if ill[2] && ill[3] {
                facts.last.values_mut().for_each(|past| past.snapshot = Snapshot::Lost);
            }
            let known = sizes.iter().zip(0u16..).filter_map(|(size, l)| Some((l, (*size)?)));
            (facts, asked(&known.collect::<Vec<_>>()))
        },
    )
}

fn a_night() -> impl Strategy<Value = Tonight> {
    let sizes = (0u64..3000, 0u32..4, option::weighted(0.3, (0u64..2000, option::of(1u64..99))));
    let bounds = (option::weighted(0.3, 0u32..40), option::weighted(0.3, 1u64..50));
    let held = option::weighted(0.3, 0u64..3000);
    (vec((a_dle(), 0u8..9), 0..25), sizes, bounds, 1u32..12, held).prop_map(
        |(dles, (length, runtapes, second), (minutes, network), runs, held)| {
            let ways = dles.iter().map(|(_, way)| *way).collect::<Vec<_>>();
            let mut tonight = night(dles.into_iter().map(|(dle, _)| dle).collect());
            if let Some((length, speed)) = second {
                let mut other = tonight.storages[0].clone();
                (other.name, other.capacity.volume) = ("other".into(), mib(length));
                other.speed = speed.map(mib);
                tonight.storages.push(other);
                for (facts, way) in tonight.dles.iter_mut().zip(ways) {
                    let [full, incremental] = [way / 3, way % 3].map(|which| match which {
                        0 => vec![0],
                        1 => vec![1],
                        _ => vec![0, 1],
                    });
                    facts.route = Route { full, incremental };
                }
            }

            tonight.storages[0].capacity.volume = mib(length);
            tonight.storages[0].capacity.runtapes = runtapes;
            tonight.storages[0].capacity.held = mib(held.unwrap_or(0));
            let interfaces = network.map(mib).into_iter().collect();
            tonight.limits = Limits { minutes, inparallel: 2, interfaces };
            tonight.runs_per_cycle = runs;
            tonight
        },
    )
}

fn names(plan: &Plan) -> Vec<String> {
    let dumps = plan.dumps().iter().map(|dump| dump.dle.to_string());
    dumps.chain(plan.skipped().iter().map(|one| one.dle.to_string())).collect()
}

proptest! {
    #[test]
    fn every_dle_is_in_it_once_and_explained(tonight in a_night()) {
        let plan = plan(&tonight);
        let asked: BTreeSet<_> = tonight.dles.iter().map(|facts| facts.dle.to_string()).collect();
        let planned = names(&plan);
        prop_assert_eq!(planned.len(), asked.len());
        prop_assert_eq!(planned.into_iter().collect::<BTreeSet<_>>(), asked);
        prop_assert!(plan.dumps().iter().all(|dump| !dump.why.is_empty()));
        prop_assert!(plan.skipped().iter().all(|one| !one.why.is_empty()));
    }

    #[test]
    fn it_fits(tonight in a_night()) {
        let plan = plan(&tonight);
        let balance = plan.balance();
        // What the run writes is what waits and what it dumps: all of that is what it may write on new volumes alone. Only
        // when more than half of that waits already, some of it will wait again.
        for (filled, storage) in balance.storages.iter().zip(&tonight.storages) {
            let may = storage.capacity.written(Bytes::ZERO);
            let waits = storage.capacity.held.min(Bytes(may.0 / 2));
            let fits = filled.total <= filled.capacity && filled.total + waits <= may;
            // Labels and records of volumes too small for them do not fit either, and then nothing goes there.
            let gets_any = plan.dumps().iter().any(|dump| {
                let facts = tonight.dles.iter().find(|facts| facts.dle == dump.dle).unwrap();
                let to = facts.route.of(dump.choice.level);
                to.iter().any(|&to| tonight.storages[to].name == storage.name)
            });
            prop_assert!(fits || !gets_any);
        }
        if let Some(minutes) = tonight.limits.minutes {
            prop_assert!(balance.lasts <= u64::from(minutes) * 60);
            prop_assert!(balance.seconds <= u64::from(minutes * 60 * tonight.limits.inparallel));
        }
        for (number, filled) in balance.storages.iter().enumerate() {
            let goes_there = |dump: &&Planned| {
                let facts = tonight.dles.iter().find(|facts| facts.dle == dump.dle).unwrap();
                facts.route.of(dump.choice.level).contains(&number)
            };
            let there = plan.dumps().iter().filter(goes_there);
            prop_assert!(there.map(|dump| dump.choice.cost.stored).sum::<Bytes>() <= filled.total);
        }
    }

    #[test]
    fn the_same_facts_give_the_same_plan_in_whatever_order(
        (tonight, order) in a_night().prop_flat_map(|tonight| {
            let count = tonight.dles.len();
            (Just(tonight), Just((0..count).collect::<Vec<_>>()).prop_shuffle())
        })
    ) {
        // Of several entries with one name the first counts, so there an order matters.
        let mut names = BTreeSet::new();
        let mut once = tonight.clone();
        once.dles.retain(|facts| names.insert(facts.dle.clone()));
        let mut other = once.clone();
        other.dles = order.iter().map(|at| tonight.dles[*at].clone()).collect();
        other.dles.retain(|facts| once.dles.contains(facts));
        let mut names = BTreeSet::new();
        other.dles.retain(|facts| names.insert(facts.dle.clone()));
        prop_assert_eq!(plan(&once), plan(&other));
    }

    #[test]
    fn what_is_done_instead_is_smaller(tonight in a_night()) {
        for dump in plan(&tonight).dumps() {
            if let Ok(instead) = &dump.degraded {
                prop_assert!(dump.choice.level.is_full() && !instead.level.is_full());
                prop_assert!(instead.cost.stored < dump.choice.cost.stored);
            }
        }
    }

    #[test]
    fn a_full_that_is_due_is_made_or_its_absence_is_told(tonight in a_night()) {
        let plan = plan(&tonight);
        for facts in tonight.dles.iter().filter(|facts| facts.strategy == Way::Standard) {
            let age = facts.last_full().map(|past| tonight.today.day.since(past.day));
            let due = age.is_none_or(|age| age >= i64::from(facts.dumpcycle));
            let full = plan.dumps().iter().any(|d| d.dle == facts.dle && d.choice.level.is_full());
            let told = plan.warnings().iter().any(|one| one.dle.as_ref() == Some(&facts.dle))
                || plan.skipped().iter().any(|one| one.dle == facts.dle);
            // The first of several entries with one name is the one that counts.
            let first = tonight.dles.iter().find(|one| one.dle == facts.dle) == Some(facts);
            prop_assert!(!due || full || told || !first, "{}", facts.dle);
        }
    }

    #[test]
    fn fulls_by_order_are_made_if_they_fit_together(tonight in a_night()) {
        let plan = plan(&tonight);
        let mut names = BTreeSet::new();
        let forced: Vec<_> = tonight.dles.iter()
            .filter(|facts| names.insert(&facts.dle))
            .filter(|facts| facts.request == Some(Request::Full) && facts.allow_split)
            .filter(|facts| matches!(facts.strategy, Way::Standard | Way::NoInc) && !facts.skip_full)
            .filter_map(|facts| {
                let cost = tonight.estimates[&facts.dle].levels.get(&Level::FULL)?;
                Some((&facts.dle, cost))
            })
            .collect();
        let all: u64 = forced.iter().map(|(_, cost)| cost.stored.0 + (1 << 20)).sum();
        let room = tonight.storages.iter().all(|one| one.capacity.run().0 >= all + (1 << 20));
        if room && tonight.limits.minutes.is_none() && tonight.dles.iter().all(|facts| facts.allow_split) {
            for (dle, _) in forced {
                let made = plan.dumps().iter().find(|dump| &dump.dle == dle);
                prop_assert!(made.is_some_and(|dump| dump.choice.level == level(0)), "{}", dle);
            }
        }
    }

    #[test]
    fn an_incremental_builds_on_something_unless_it_never_gets_a_full(tonight in a_night()) {
        for dump in plan(&tonight).dumps() {
            let facts = tonight.dles.iter().find(|facts| facts.dle == dump.dle).unwrap();
            for choice in [Some(&dump.choice), dump.degraded.as_ref().ok()].into_iter().flatten() {
                let alone = choice.level.is_full() || facts.strategy == Way::NoFull || facts.skip_full;
                prop_assert!(choice.base.is_some() || alone);
                prop_assert!(choice.base.is_none() || !choice.level.is_full());
            }
        }
    }
}

/// A DLE whose incrementals were small, and now and then large, and whose last one was so many days ago.
fn an_unsteady_dle() -> impl Strategy<Value = DleFacts> {
    let sizes = vec(prop_oneof![9 => 1u64..5, 1 => 500u64..900], 9..40);
    (sizes, 1i64..30, 30u32..99, 1u64..500).prop_map(|(sizes, ago, cycle, full)| {
        let before = ago + 1 + i64::try_from(sizes.len()).unwrap();
        let mut facts = with_past("a", &[(0, before, full), (1, ago + 1, 1), (2, ago, sizes[0])]);
        (facts.dumpcycle, facts.consecutive_runs) = (cycle, 2);
        let row = |number, ago, size| Row {
            day: Day(TODAY.0 - ago),
            level: level(number),
            raw: mib(size),
            stored: mib(size),
            seconds: 1,
        };
        // Each of a level above the one before, so that it holds one day.
        let levels = (1..=u16::try_from(sizes.len()).unwrap()).rev();
        let rows = sizes.iter().zip(levels).zip(ago..);
        facts.history = rows.map(|((&size, level), ago)| row(level, ago, size)).collect();
        facts.history.push(row(0, before, full));
        facts
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_however_many_with_a_history_not_a_hundred_are_asked(
        dles in vec(an_unsteady_dle(), 1..130),
        copies in 1usize..10,
    ) {
        let dles = vec![dles; copies].concat();
        let needs = estimates_wanted(&dles, TODAY);
        prop_assert_eq!(needs.len(), dles.len());
        let asked = needs.iter().filter(|need| matches!(need, EstimateNeed::AskClient { .. }));
        prop_assert!(asked.count() < 100);
    }
}

/// Fulls on any nights of a cycle, in any sizes.
fn a_calendar() -> impl Strategy<Value = Tonight> {
    let one = (0i64..20, 1u64..900, 0u64..100, 1u32..21, 0u32..25, 1u32..4);
    vec(one, 1..30).prop_map(|dles| {
        let facts =
            dles.into_iter().zip(0..).map(|((ago, full, incr, cycle, early, side), name)| {
                let past = [(0, ago % i64::from(cycle) + 1, full), (1, 0, incr + 1)];
                let mut facts = with_past(&format!("host{}:dle{name}", name % 4), &past);
                (facts.dumpcycle, facts.maxpromoteday, facts.maxdumps) = (cycle, early, side);
                (facts, asked(&[(0, full), (1, incr + 1)]))
            });
        let mut tonight = night(facts.collect());
        tonight.storages[0].capacity.volume = mib(1 << 30);
        tonight.limits.inparallel = 3;
        tonight
    })
}

proptest! {
    #[test]
    fn promoting_makes_no_night_fuller_or_longer_than_the_fullest_and_longest_without(
        tonight in a_calendar()
    ) {
        let (cases, _, _) = one_by_one(&tonight);
        let ways = Ways::new(&tonight, cases.iter().map(|case| case.facts));
        let load = Load::new(&tonight, &ways, &cases);
        let week = Week::new(&tonight);
        let mut calendar = Calendar::new(&tonight, &ways, &cases, &load, &week);
        let without = calendar.peaks();
        calendar.level();
        let with = calendar.peaks();
        prop_assert!(with.0 <= without.0 && with.1 <= without.1, "{without:?}, then {with:?}");
    }

    #[test]
    fn a_full_comes_no_earlier_than_allowed_and_says_how_early(tonight in a_calendar()) {
        for dump in plan(&tonight).dumps() {
            let facts = tonight.dles.iter().find(|facts| facts.dle == dump.dle).unwrap();
            let age = tonight.today.day.since(facts.last_full().unwrap().day);
            let early = i64::from(facts.dumpcycle) - age;
            if dump.choice.level.is_full() && early > 0 {
                prop_assert!(early <= i64::from(facts.maxpromoteday));
                prop_assert!(dump.why.starts_with(&format!("a full {early} day")), "{}", dump.why);
            }
        }
    }
}

/// A made-up site with room for everything.
fn a_site() -> impl Strategy<Value = Site> {
    let kinds = vec((1u32..12, 1u32..6, 1u64..500, 1.0f64..3.0, 2u32..15, 0.0f64..0.3), 1..4);
    (kinds, any::<u64>(), 1u32..9).prop_map(|(kinds, seed, inparallel)| {
        let mut dles = Vec::new();
        for (number, (count, hosts, size, spread, cycle, change)) in (0..).zip(kinds) {
            let mut one = MadeUpDle::new(dle(&format!("kind{number}:data")));
            (one.size, one.change) = (mib(size * 100).0 as f64, change);
            one.facts.dumpcycle = cycle;
            dles.extend(one.several(count, hosts, spread, seed));
        }
        let dumpcycle = dles.iter().map(|dle| dle.facts.dumpcycle).max().unwrap_or(1);
        Site {
            dles,
            storages: vec![Storage {
                name: "main".into(),
                capacity: Capacity {
                    volume: mib(1 << 30),
                    runtapes: 1,
                    held: Bytes::ZERO,
                    limit: None,
                    filemark: Bytes::ZERO,
                    block: Bytes(32 << 10),
                    part: None,
                },
                speed: None,
            }],
            limits: Limits { minutes: None, inparallel, interfaces: Vec::new() },
            missed: 0.0,
            short: 0.0,
            dumpcycle,
            runs_per_cycle: dumpcycle,
            today: Day(0),
            seed,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn where_there_is_room_no_full_is_ever_late(site in a_site()) {
        let course = simulate(&site, 40, Rules::Ours);
        let longest = i64::from(site.dles.iter().map(|dle| dle.facts.dumpcycle).max().unwrap());
        prop_assert!(course.longest <= longest, "{} days", course.longest);
        prop_assert!(course.nights.iter().all(|night| night.dumps == site.dles.len() as u64));
    }

    #[test]
    fn the_same_dice_give_the_same_course(site in a_site()) {
        for rules in [Rules::Ours, Rules::Amanda] {
            prop_assert_eq!(simulate(&site, 20, rules), simulate(&site, 20, rules));
        }
    }
}
