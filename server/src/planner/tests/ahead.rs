//! The nights to come: what looking ahead over the cycle gives, and what Amanda's rules give beside it.

use types::{Bytes, Level};

use super::{MIB, TODAY, asked, dle, levels, mib, need, night, with_past};
use crate::planner::simulate::{Course, MadeUpDle, Rules, Site, simulate, svg};
use crate::planner::{
    Capacity, Day, EstimateNeed, Limits, Row, Storage, amanda, estimates_wanted, plan,
};

fn site(dles: Vec<MadeUpDle>) -> Site {
    let dumpcycle = dles.iter().map(|dle| dle.facts.dumpcycle).max().unwrap();
    Site {
        dles,
        storages: vec![Storage {
            name: "main".into(),
            capacity: Capacity {
                volume: Bytes(Bytes::GIB.0 * 600),
                runtapes: 20,
                held: Bytes::ZERO,
                limit: None,
                filemark: Bytes::ZERO,
                block: Bytes(512 << 10),
                part: None,
            },
            speed: None,
        }],
        limits: Limits { minutes: None, inparallel: 10, interfaces: Vec::new() },
        missed: 0.0,
        short: 0.0,
        dumpcycle,
        runs_per_cycle: dumpcycle,
        today: Day(0),
        seed: 7,
    }
}

fn made_up(name: &str, count: u32, gib: f64, cycle: u32, spread: f64) -> Vec<MadeUpDle> {
    let mut one = MadeUpDle::new(dle(name));
    one.size = gib * Bytes::GIB.0 as f64;
    one.facts.dumpcycle = cycle;
    one.several(count, count.min(10), spread, 1)
}

/// Forty small DLEs, and three that are each more than a night's share.
fn with_large_ones() -> Site {
    let small = made_up("h:/d", 40, 10.0, 7, 3.0);
    site([small, made_up("big:/b", 3, 600.0, 7, 1.2)].concat())
}

#[test]
fn large_fulls_do_not_meet_in_one_night() {
    let course = simulate(&with_large_ones(), 60, Rules::Ours);
    let large = |course: &Course| course.figures().peak_bytes;
    // Amanda makes all three in one night, cycle for cycle.
    let site = with_large_ones();
    let largest = site.dles.iter().map(|dle| dle.size * dle.ratio).fold(0.0, f64::max);
    assert!(large(&course) < 1.2 * largest, "{:?}", course.figures());
    let theirs = simulate(&with_large_ones(), 60, Rules::Amanda);
    assert!(large(&theirs) > 1.5 * large(&course), "{:?}", theirs.figures());
}

#[test]
fn once_begun_in_one_heap_nights_become_level_within_two_cycles() {
    let course = simulate(&site(made_up("h:/d", 60, 20.0, 7, 2.0)), 60, Rules::Ours);
    let figures = course.figures();
    assert!(course.nights[0].fulls == 60 && figures.variation_bytes < 0.1, "{figures:?}");
    assert_eq!(figures.longest, 7);
}

#[test]
fn short_cycles_do_not_crowd_out_long_ones() {
    let week = made_up("week:/d", 50, 10.0, 7, 2.0);
    let course =
        simulate(&site([week, made_up("month:/m", 50, 40.0, 28, 2.0)].concat()), 120, Rules::Ours);
    let figures = course.figures();
    assert!(figures.variation_bytes < 0.1 && figures.longest <= 28, "{figures:?}");
}

#[test]
fn runs_that_are_missed_and_volumes_that_are_lacking_are_made_up_for() {
    let mut site = site(made_up("h:/d", 60, 20.0, 7, 2.0));
    (site.missed, site.short) = (0.05, 0.1);
    site.storages[0].capacity.volume = Bytes(Bytes::GIB.0 * 150);
    for rules in [Rules::Ours, Rules::Amanda] {
        let course = simulate(&site, 90, rules);
        assert!(course.nights.iter().any(|night| night.dumps == 0), "{rules:?}");
        // What one volume does not take, or a missed run did not make, comes a few nights later.
        assert!(course.longest > 7 && course.longest < 14, "{rules:?}: {} days", course.longest);
        assert!(course.nights[80..].iter().all(|night| night.late < 10), "{rules:?}");
    }
}

#[test]
fn ours_goes_on_on_the_last_volume_and_amanda_begins_one_each_run() {
    let site = site(made_up("h:/d", 20, 20.0, 7, 2.0));
    let volumes = |rules| -> (u64, u64) {
        let nights = simulate(&site, 40, rules).nights;
        let bytes = nights.iter().map(|night| night.bytes).sum::<Bytes>();
        let volume = site.storages[0].capacity.volume.0;
        (nights.iter().map(|night| night.volumes).sum(), bytes.0.div_ceil(volume))
    };
    let (ours, least) = volumes(Rules::Ours);
    assert_eq!(ours, least);
    assert_eq!(volumes(Rules::Amanda).0, 40);
}

#[test]
fn the_usual_night_asks_hardly_any_client() {
    let dles = made_up("h:/d", 60, 20.0, 7, 2.0);
    let ours = simulate(&site(dles.clone()), 60, Rules::Ours).figures();
    let theirs = simulate(&site(dles), 60, Rules::Amanda).figures();
    assert!(ours.asked < 0.5 && theirs.asked > 50.0, "{} against {}", ours.asked, theirs.asked);
}

#[test]
fn where_days_are_alike_history_says_whether_to_bump() {
    let mut facts = with_past("a", &[(0, 4, 1000), (1, 1, 59)]);
    facts.consecutive_runs = 3;
    let row = |ago: i64, number: u16, size: u64| Row {
        day: Day(TODAY.0 - ago),
        level: Level::try_from(number).unwrap(),
        raw: mib(size),
        stored: mib(size),
        seconds: 60,
    };
    // What changes in a day is 20 MiB, of which a little had changed before.
    let rows = [
        (1, 1, 59),
        (2, 1, 40),
        (3, 1, 20),
        (4, 0, 1000),
        (5, 2, 20),
        (6, 1, 40),
        (7, 1, 20),
        (8, 0, 1000),
    ];
    facts.history = rows.map(|(ago, level, size)| row(ago, level, size)).to_vec();
    // A bump must save 10 MiB, and will save what was there before the last day.
    let asks = |facts: &_, worth| match need(facts, TODAY, worth) {
        EstimateNeed::AskClient { levels, .. } => levels.len() == 3,
        _ => false,
    };
    let EstimateNeed::FromHistory(known) = need(&facts, TODAY, Bytes(1)) else { panic!() };
    let [here, next] = [1, 2].map(|number| known.levels[&Level::try_from(number).unwrap()]);
    assert!(here.stored.0.abs_diff(mib(78).0) < MIB && next.stored.0.abs_diff(mib(20).0) < MIB);
    // It must save just that: only the client knows, and is asked if the 58 MiB matter to the night.
    facts.bump.size = here.stored - next.stored;
    assert!(asks(&facts, mib(50)) && !asks(&facts, mib(60)));
    // Tonight a full is due: what the next level would save is of no use.
    facts.dumpcycle = 4;
    assert!(!asks(&facts, Bytes(1)));
    facts.dumpcycle = 10;
    // One day was forty times another: nobody can say what the next will be.
    facts.bump.size = mib(10);
    facts.history[2] = row(3, 1, 800);
    facts.history[4] = row(5, 1, 20);
    assert!(asks(&facts, mib(50)) && !asks(&facts, mib(2000)));
}

#[test]
fn a_client_is_asked_where_a_doubt_would_show_in_the_night() {
    let mut facts = with_past("a", &[(0, 6, 1000), (1, 1, 300)]);
    facts.bump.days = 99;
    let row = |ago: i64, number: u16, size: u64| Row {
        day: Day(TODAY.0 - ago),
        level: Level::try_from(number).unwrap(),
        raw: mib(size),
        stored: mib(size),
        seconds: 60,
    };
    let rows = [(1, 1, 300), (2, 1, 290), (3, 1, 180), (4, 1, 170), (5, 1, 20), (6, 0, 1000)];
    facts.history = rows.map(|(ago, level, size)| row(ago, level, size)).to_vec();
    let EstimateNeed::FromHistory(known) = need(&facts, TODAY, Bytes::GIB) else { panic!() };
    assert!(known.levels[&Level::FULL.next()].off > 10);
    assert!(matches!(need(&facts, TODAY, mib(10)), EstimateNeed::AskClient { .. }));
    // A hundred such make a night in which none of them matters, and it takes no neighbour for that.
    let asked = |count| {
        let needs = estimates_wanted(&vec![facts.clone(); count], TODAY);
        needs.iter().filter(|need| matches!(need, EstimateNeed::AskClient { .. })).count()
    };
    assert_eq!([asked(10), asked(100)], [10, 0]);
}

#[test]
fn weekends_are_known_after_two_of_them() {
    let mut facts = with_past("a", &[(0, 14, 10_000), (1, 1, 700)]);
    facts.bump.days = 99;
    // Days of the week count from a Thursday.
    let is_quiet = |day: i64| matches!(day.rem_euclid(7), 2 | 3);
    let mut size = 0;
    let rows = (1..14_i64).rev().map(|ago| {
        size += if is_quiet(TODAY.0 - ago) { 1 } else { 100 };
        let day = Day(TODAY.0 - ago);
        Row { day, level: Level::FULL.next(), raw: mib(size), stored: mib(size), seconds: 60 }
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.reverse();
    let full = Row {
        day: Day(TODAY.0 - 14),
        level: Level::FULL,
        raw: mib(10_000),
        stored: mib(10_000),
        seconds: 60,
    };
    rows.push(full);
    facts.last.get_mut(&Level::FULL.next()).unwrap().raw = mib(size);
    facts.history = rows;
    // What the next day that is quiet, or is not, adds to what the day before it held.
    let adds = |quiet: bool| {
        let next = (0..7).find(|ahead| is_quiet(TODAY.0 + ahead) == quiet).unwrap();
        let mut facts = facts.clone();
        facts.last.get_mut(&Level::FULL.next()).unwrap().day = Day(TODAY.0 + next - 1);
        let need = need(&facts, Day(TODAY.0 + next), Bytes::GIB);
        let EstimateNeed::FromHistory(known) = need else { panic!() };
        (known.levels[&Level::FULL.next()].stored - mib(size)).0 / MIB
    };
    assert!(adds(true) < 40 && adds(false) > 55, "{} and {}", adds(true), adds(false));
}

#[test]
fn amandas_model_knows_her_rules() {
    let full = |name: &str, ago: i64, size: u64| {
        (with_past(name, &[(0, ago, size), (1, 1, 10)]), asked(&[(0, size), (1, 10)]))
    };
    let fulls = |tonight| {
        let mut dumps = amanda(&tonight).dumps;
        dumps.retain(|(_, level)| level.is_full());
        let mut names: Vec<_> = dumps.into_iter().map(|(dle, _)| dle.dle.to_string()).collect();
        names.sort();
        names
    };
    // Due is due, and what does not fit goes by the freshest last full.
    assert_eq!(
        fulls(night(vec![full("a", 12, 600), full("b", 10, 300), full("c", 11, 300)])),
        ["a", "c"]
    );
    // Nothing is promoted where one DLE alone falls due.
    assert!(fulls(night(vec![full("a", 1, 100)])).is_empty());
    // Ten of 50 in a cycle of ten runs: one a night.
    assert_eq!(fulls(night((0..10).map(|n| full(&format!("d{n}"), 8, 50)).collect())).len(), 1);
}

#[test]
fn both_plan_what_is_due() {
    let dles = (0..10).map(|n| {
        let facts = with_past(&format!("d{n}"), &[(0, 10, 50), (1, 1, 10)]);
        (facts, asked(&[(0, 50), (1, 10)]))
    });
    let tonight = night(dles.collect());
    assert!(levels(&plan(&tonight)).values().all(|level| *level == 0));
    assert!(amanda(&tonight).dumps.iter().all(|(_, level)| level.is_full()));
}

#[test]
fn a_course_is_drawn_with_a_panel_for_each() {
    let site = with_large_ones();
    let [ours, theirs] = [Rules::Ours, Rules::Amanda].map(|rules| simulate(&site, 10, rules));
    let drawn = svg(&[("a & b", &ours), ("Amanda", &theirs)]);
    assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("<rect").count(), 2 * 2 * 10);
    assert!(drawn.contains("a &amp; b") && drawn.contains("Amanda"));
}

#[test]
fn a_history_becomes_a_tree() {
    let mut facts = with_past("a", &[(0, 2, 1000), (1, 1, 20)]);
    let row = |ago: i64, number: u16, size: u64| Row {
        day: Day(TODAY.0 - ago),
        level: Level::try_from(number).unwrap(),
        raw: mib(2 * size),
        stored: mib(size),
        seconds: 10,
    };
    facts.last.get_mut(&Level::FULL).unwrap().raw = mib(2000);
    facts.history = vec![row(1, 1, 20), row(2, 0, 1000), row(12, 0, 905)];
    let tree = MadeUpDle::of(&facts).unwrap();
    assert!((tree.change - 0.02).abs() < 0.001 && (tree.ratio - 0.5).abs() < 0.001, "{tree:?}");
    assert!((tree.growth - 0.01).abs() < 0.001, "{tree:?}");
    assert!(MadeUpDle::of(&with_past("b", &[])).is_none());
}
