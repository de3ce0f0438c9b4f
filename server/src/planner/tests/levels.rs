//! One DLE alone: which level, and which estimates.

use std::collections::BTreeMap;

use types::{Bytes, DumpId, Level};

use super::{MIB, TODAY, asked, dle, is_warned, level, levels, mib, need, night, why, with_past};
use crate::planner::{
    Base, Bump, Day, DleFacts, EstimateNeed, Estimates, Kind, Ratio, Request, Row, Snapshot,
    Source, Strategy, Today, from_client, plan,
};

/// The level that one DLE gets, or why it gets none.
fn alone(facts: DleFacts, given: Estimates) -> Result<u16, String> {
    let name = facts.dle.dle.to_string();
    let plan = plan(&night(vec![(facts, given)]));
    match levels(&plan).get(name.as_str()) {
        Some(&level) => Ok(level),
        None => Err(why(&plan, &name).to_owned()),
    }
}

#[test]
fn a_level_is_left_when_enough_runs_were_made_and_enough_is_saved() {
    // Last level, runs at it, what it and the next would be: which is chosen with a bump size of 10 MiB.
    let rows = [
        (0, 1, (1, 50), (2, 0), 1, "the first incremental is level 1"),
        (1, 1, (1, 50), (2, 1), 1, "one run is not enough"),
        (1, 2, (1, 50), (2, 1), 2, "49 MiB are saved"),
        (1, 2, (1, 9), (2, 1), 1, "9 MiB can't save 10"),
        (1, 2, (1, 50), (2, 45), 1, "5 MiB are too little"),
        (1, 2, (1, 50), (2, 40), 2, "10 MiB are enough"),
        (2, 2, (2, 50), (3, 38), 2, "level 2 must save 15 MiB"),
        (2, 2, (2, 50), (3, 34), 3, "16 MiB are saved"),
        (3, 2, (3, 50), (4, 28), 3, "level 3 must save 22.5 MiB"),
        (399, 9, (399, 50), (399, 50), 399, "there is nothing above 399"),
    ];
    for (last, runs, here, next, expected, why) in rows {
        let mut facts = with_past("a", &[(0, 5, 100), (last, 1, 20)]);
        if last > 1 {
            let below = with_past("a", &[(last - 1, 2, 20)]).last;
            facts.last.extend(below);
        }
        facts.consecutive_runs = runs;
        assert_eq!(alone(facts, asked(&[(0, 100), here, next])), Ok(expected), "{why}");
    }
}

#[test]
fn a_level_that_grows_past_what_a_bump_must_save_says_why_it_stays_tonight() {
    // 9 MiB last time, and 9 more come every day; a bump must save 10.
    let mut facts = with_past("a", &[(0, 3, 100), (1, 1, 9)]);
    facts.consecutive_runs = 2;
    let row = |ago: i64, number: u16, size: u64| Row {
        day: Day(TODAY.0 - ago),
        level: level(number),
        raw: mib(size),
        stored: mib(size),
        seconds: 60,
    };
    facts.history = vec![row(1, 1, 9), row(2, 1, 9), row(3, 0, 100)];
    let EstimateNeed::FromHistory(given) = need(&facts, TODAY, Bytes::GIB) else { panic!() };
    let here = given.levels[&level(1)].stored;
    assert!(here > mib(10) && !given.levels.contains_key(&level(2)), "{given:?}");
    let told = |facts: &DleFacts, given: &Estimates| {
        let plan = plan(&night(vec![(facts.clone(), given.clone())]));
        assert_eq!(levels(&plan), BTreeMap::from([("a", 1)]));
        why(&plan, "a").to_owned()
    };
    assert_eq!(
        told(&facts, &given),
        format!(
            "level 1 as last time: its {here} are more than the 10.0 MiB that a bump must save, and the 9.00 MiB of last time \
             were not: the next level comes into question once a dump was larger"
        )
    );
    // Where the last dump was large, the client was asked for the next level too, and did not answer for it.
    let mut facts = with_past("a", &[(0, 3, 100), (1, 1, 20)]);
    facts.consecutive_runs = 2;
    let given = asked(&[(0, 100), (1, 50)]);
    assert_eq!(told(&facts, &given), "level 1 as last time: nothing is known of the next");
}

#[test]
fn a_bump_can_be_a_percentage_of_the_full() {
    let mut facts = with_past("a", &[(0, 5, 1000), (1, 1, 60)]);
    facts.consecutive_runs = 2;
    facts.bump = Bump { percent: 5, ..Bump::default() };
    assert_eq!(alone(facts.clone(), asked(&[(0, 1000), (1, 60), (2, 11)])), Ok(1));
    assert_eq!(alone(facts, asked(&[(0, 1000), (1, 60), (2, 9)])), Ok(2));
}

#[test]
fn amanda_bumps_on_sizes_before_compression_and_we_on_what_is_stored() {
    let mut facts = with_past("a", &[(0, 5, 100), (1, 1, 20)]);
    facts.consecutive_runs = 2;
    let mut given = asked(&[(0, 100), (1, 50), (2, 1)]);
    // It shrinks to almost nothing, so a bump saves almost nothing.
    given.levels.get_mut(&level(1)).unwrap().stored = mib(2);
    assert_eq!(alone(facts, given), Ok(1));
}

#[test]
fn fulls_come_with_the_dump_cycle() {
    for (ago, expected) in [(1, 1), (9, 1), (10, 0), (11, 0)] {
        let facts = with_past("a", &[(0, ago, 100)]);
        assert_eq!(alone(facts, asked(&[(0, 100), (1, 5)])), Ok(expected), "{ago} days ago");
    }
}

#[test]
fn a_full_that_cannot_be_read_back_does_not_count() {
    let mut facts = with_past("a", &[(0, 2, 100)]);
    facts.last.get_mut(&Level::FULL).unwrap().restorable = false;
    assert_eq!(alone(facts, asked(&[(0, 100), (1, 5)])), Ok(0));
}

#[test]
fn after_the_clock_was_set_back_every_run_counts_as_a_day() {
    // A full 3000 days from now, and so many runs since: neither a full each night until then, nor none.
    for (runs, expected) in [(0, 1), (1, 1), (9, 1), (10, 0), (40, 0)] {
        let mut facts = with_past("a", &[(0, -3000, 100), (1, -3000, 5)]);
        let row = |number| Row {
            day: Day(TODAY.0 + 3000),
            level: level(number),
            raw: mib(5),
            stored: mib(5),
            seconds: 1,
        };
        facts.history = vec![row(1); runs];
        facts.history.push(row(0));
        let given = asked(&[(0, 100), (1, 5), (2, 5)]);
        assert_eq!(alone(facts.clone(), given.clone()), Ok(expected), "after {runs} runs");
        let plan = plan(&night(vec![(facts, given)]));
        assert!(plan.warnings()[0].text.contains("set back"), "{:?}", plan.warnings());
    }
}

#[test]
fn of_two_dumps_of_one_day_the_higher_level_is_the_later() {
    let mut facts = with_past("a", &[(0, 1, 100), (1, 0, 50), (2, 0, 20)]);
    // Made when the clock had been set back: its id looks older.
    facts.last.get_mut(&level(2)).unwrap().dump = DumpId::new(1, [0; 10]);
    assert_eq!(facts.base_of(level(3)), Base::Dump(DumpId::new(1, [0; 10])));
}

#[test]
fn a_client_that_lost_the_base_gets_what_it_can_still_compare_with() {
    let mut facts = with_past("a", &[(0, 5, 100), (1, 3, 50), (2, 1, 20)]);
    let given = asked(&[(0, 100), (1, 50), (2, 20)]);
    assert_eq!(alone(facts.clone(), given.clone()), Ok(2));
    facts.last.get_mut(&level(1)).unwrap().snapshot = Snapshot::Lost;
    assert_eq!(alone(facts.clone(), given.clone()), Ok(1));
    facts.last.get_mut(&Level::FULL).unwrap().snapshot = Snapshot::Lost;
    assert_eq!(alone(facts, given), Ok(0));
}

#[test]
fn a_level_builds_on_the_newest_dump_of_a_lower_level() {
    let facts = with_past("a", &[(0, 5, 100), (1, 3, 50), (2, 1, 20)]);
    let bases = |night| {
        let plan = plan(&night);
        plan.dumps()[0].choice.base
    };
    let two = night(vec![(facts.clone(), asked(&[(2, 20)]))]);
    assert_eq!(bases(two), Some(facts.last[&level(1)].dump));
    let mut one = facts.clone();
    one.request = Some(Request::Level1);
    assert_eq!(bases(night(vec![(one, asked(&[(1, 20)]))])), Some(facts.last[&level(0)].dump));
}

#[test]
fn strategies_choose_their_levels() {
    use Strategy as S;
    let rows = [
        (S::NoFull, vec![(0, 99, 100)], Ok(1)),
        (S::NoFull, vec![], Ok(1)),
        (S::NoInc, vec![(0, 1, 100)], Ok(0)),
        (S::IncrOnly, vec![(0, 99, 100)], Ok(1)),
        (
            S::IncrOnly,
            vec![],
            Err(
                "its strategy is incronly and it has no full to build on: ask for one with `force`",
            ),
        ),
        (S::Skip, vec![(0, 99, 100)], Err("its strategy is skip")),
    ];
    for (strategy, past, expected) in rows {
        let mut facts = with_past("a", &past);
        facts.strategy = strategy;
        let got = alone(facts, asked(&[(0, 100), (1, 5)]));
        assert_eq!(got, expected.map_err(str::to_owned), "{strategy:?} {past:?}");
    }
}

#[test]
fn the_operator_is_obeyed() {
    use Request as R;
    let rows = [
        (Some(R::Full), Strategy::Standard, 3, 0),
        (Some(R::Full), Strategy::IncrOnly, 3, 0),
        (Some(R::Full), Strategy::NoFull, 3, 1),
        (Some(R::Level1), Strategy::Standard, 3, 1),
        (Some(R::Level1), Strategy::NoInc, 3, 0),
        (Some(R::Bump), Strategy::Standard, 3, 3),
        (Some(R::NoBump), Strategy::Standard, 3, 2),
        (Some(R::Bump), Strategy::Standard, 20, 3),
        (Some(R::Level1), Strategy::Standard, 20, 1),
        (None, Strategy::Standard, 20, 0),
    ];
    for (request, strategy, ago, expected) in rows {
        let mut facts = with_past("a", &[(0, ago, 100), (1, 2, 50), (2, 1, 50)]);
        facts.consecutive_runs = 9;
        (facts.request, facts.strategy) = (request, strategy);
        let given = asked(&[(0, 100), (1, 50), (2, 50), (3, 49)]);
        assert_eq!(alone(facts, given), Ok(expected), "{request:?} {strategy:?} {ago}");
    }
}

#[test]
fn a_request_that_delays_a_full_is_said_so() {
    let mut facts = with_past("a", &[(0, 20, 100)]);
    facts.request = Some(Request::Bump);
    let plan = plan(&night(vec![(facts, asked(&[(0, 100), (1, 5)]))]));
    assert!(is_warned(&plan, "the last is 20 days old, and its dump cycle is 10 days"));
}

#[test]
fn skip_full_leaves_the_full_to_others_and_warns_the_day_before() {
    let mut facts = with_past("a", &[(0, 10, 100)]);
    facts.skip_full = true;
    let due = plan(&night(vec![(facts.clone(), asked(&[(1, 5)]))]));
    assert_eq!(due.skipped()[0].kind, Kind::FullElsewhere);
    facts.skipped_full = Some(Day(TODAY.0 - 9));
    let before = plan(&night(vec![(facts.clone(), asked(&[(1, 5)]))]));
    assert_eq!(levels(&before), BTreeMap::from([("a", 1)]));
    assert!(is_warned(&before, "tomorrow"));
    facts.skipped_full = Some(Day(TODAY.0 - 8));
    assert!(plan(&night(vec![(facts, asked(&[(1, 5)]))])).warnings().is_empty());
}

#[test]
fn skip_incr_leaves_out_the_days_between_fulls() {
    let mut facts = with_past("a", &[(0, 3, 100)]);
    facts.skip_incr = true;
    assert_eq!(
        alone(facts, asked(&[(0, 100)])),
        Err("no full is due, and skip-incr is set".into())
    );
    let mut facts = with_past("a", &[(0, 10, 100)]);
    facts.skip_incr = true;
    assert_eq!(alone(facts, asked(&[(0, 100)])), Ok(0));
}

#[test]
fn level_1_starts_again_before_its_volume_is_written_over() {
    let mut facts = with_past("a", &[(0, 5, 100), (1, 3, 50), (2, 1, 20)]);
    facts.last.get_mut(&level(1)).unwrap().overwritten_in = Some(0);
    assert_eq!(alone(facts, asked(&[(0, 100), (1, 50), (2, 20)])), Ok(1));
}

#[test]
fn a_client_that_does_not_answer_costs_only_what_has_no_history() {
    let silent = Estimates { failed: Some("no route to host".into()), ..Estimates::default() };
    assert_eq!(alone(with_past("a", &[(0, 3, 100), (1, 1, 5)]), silent.clone()), Ok(1));
    assert_eq!(
        alone(DleFacts::new(dle("a")), silent),
        Err("there is no estimate for it: no route to host".into())
    );
}

#[test]
fn history_answers_where_it_can() {
    let today = TODAY;
    let new = DleFacts::new(dle("a"));
    let asks = |levels: &[u16], need: EstimateNeed| match need {
        EstimateNeed::AskClient { levels: asked, .. } => {
            let asked: Vec<u16> = asked.iter().map(|(level, _)| level.number()).collect();
            assert_eq!(asked, levels);
        }
        other => panic!("{other:?}"),
    };
    asks(&[0], need(&new, today, Bytes::GIB));
    asks(&[0, 1], need(&with_past("a", &[(0, 1, 100)]), today, Bytes::GIB));
    let settled = with_past("a", &[(0, 3, 100), (1, 1, 20)]);
    assert!(matches!(need(&settled, today, Bytes::GIB), EstimateNeed::FromHistory(_)));
    let mut near_a_bump = settled;
    near_a_bump.consecutive_runs = 2;
    asks(&[0, 1, 2], need(&near_a_bump, today, Bytes::GIB));
    let mut skipped = new;
    skipped.strategy = Strategy::Skip;
    assert_eq!(need(&skipped, today, Bytes::GIB), EstimateNeed::Nothing);
}

#[test]
fn a_level_holds_what_it_held_and_what_a_day_adds() {
    let mut facts = with_past("a", &[(0, 3, 1000), (1, 1, 40)]);
    facts.last.get_mut(&level(1)).unwrap().raw = mib(80);
    facts.consecutive_runs = 2;
    facts.bump.days = 9;
    let row = |ago: i64, number: u16, size: u64| Row {
        day: Day(TODAY.0 - ago),
        level: level(number),
        raw: mib(2 * size),
        stored: mib(size),
        seconds: 60,
    };
    facts.history =
        [(1, 1, 40), (2, 1, 20), (3, 0, 1000), (4, 1, 58), (5, 1, 40), (6, 1, 20), (7, 0, 900)]
            .map(|(ago, number, size)| row(ago, number, size))
            .to_vec();
    let EstimateNeed::FromHistory(given) = need(&facts, TODAY, Bytes::GIB) else { panic!() };
    // 40 MiB are there, and 20 come every day; of those, four in a hundred had changed before.
    let one = given.levels[&level(1)];
    assert!(one.stored.0.abs_diff(mib(59).0) < MIB / 2, "{one:?}");
    // It grew from 900 to 1000 in four days, and three have passed since.
    let full = given.levels[&level(0)];
    let grown = mib(1000).share((1000.0_f64 / 900.0).powf(0.75));
    assert!(full.stored.0.abs_diff(grown.0) < 1024, "{full:?}");
    assert_eq!((full.source, one.source), (Source::History, Source::History));
    // And what the client counts is compressed as the last dumps were, at their speed.
    let counted = from_client(&facts, level(1), mib(60));
    assert_eq!((counted.stored, counted.source), (mib(30), Source::Client));
}

#[test]
fn what_was_never_dumped_compresses_as_configured() {
    let mut facts = DleFacts::new(dle("a"));
    facts.ratio = Ratio { full: 0.25, incremental: 0.5 };
    assert_eq!(from_client(&facts, Level::FULL, mib(100)).stored, mib(25));
    assert_eq!(from_client(&facts, Level::FULL, Bytes(0)).stored, Bytes(1));
}

#[test]
fn a_start_time_is_the_nearest_one() {
    // Run at, start time: seconds to wait.
    let rows =
        [(22, 23, 3600), (22, 2, 4 * 3600), (22, 22, 0), (3, 2, 0), (0, 22, 0), (1, 12, 11 * 3600)];
    for (run, start, expected) in rows {
        let mut facts = DleFacts::new(dle("a"));
        facts.starttime = Some(start * 3600);
        let mut night = night(vec![(facts, asked(&[(0, 1)]))]);
        night.today = Today { day: TODAY, second: run * 3600 };
        assert_eq!(plan(&night).dumps()[0].not_before, expected, "{start}:00 in a run at {run}:00");
    }
}
