//! How the site stood when a run was over: in its log, and in its report whenever that is made.

use std::fs;

use super::*;
use crate::report::of_run;
use crate::report::standing::gather;
use crate::runlog;

/// The site after a run, and since then its volume is gone.
fn lived() -> (World, Stamp) {
    let mut world = World::new(Make::default());
    world.hold(1, 5);
    assert_eq!(world.night().outcome, Outcome::Good);
    let mut catalogue = world.catalogue();
    let run = catalogue.newest_stamp().unwrap().unwrap();
    catalogue.set_state(&"N-01".parse().unwrap(), VolumeState::Missing, run).unwrap();
    (world, run)
}

/// How many volumes can be written, as the report has it, and when that was so.
fn told(world: &World, run: Stamp) -> (usize, i64) {
    let report = of_run(&world.site, run, &Now::read()).unwrap();
    (report.standing.pools[0].volumes, report.as_of.unwrap())
}

/// The log of the run without such lines.
fn without(world: &World, run: Stamp, events: &[&str]) {
    let path = runlog::path(&world.site.config.site.logdir, run);
    let log = fs::read_to_string(&path).unwrap();
    let is_one = |line: &str| events.iter().any(|it| line.contains(&format!("\"event\":\"{it}\"")));
    let left: Vec<&str> = log.lines().filter(|line| !is_one(line)).collect();
    assert_eq!(left.len() + events.len(), log.lines().count(), "each is there once: {log}");
    fs::write(&path, left.join("\n") + "\n").unwrap();
}

#[test]
fn a_report_tells_what_was_true_when_its_run_was_over() {
    let (world, run) = lived();
    let log = runlog::read(&world.site.config.site.logdir, run).unwrap();
    let [.., stands, last] = log.as_slice() else { panic!("{log:?}") };
    assert!(matches!(stands.event, RunEvent::Stands { .. }), "{stands:?}");
    assert!(matches!(last.event, RunEvent::Finished { .. }), "{last:?}");
    assert_eq!(told(&world, run), (1, stands.time));
    let now = gather(&world.site.config, &world.catalogue(), Now::read().stamp()).unwrap();
    assert_eq!(now.pools[0].volumes, 0, "the catalogue says what is true now");
}

#[test]
fn a_log_that_does_not_say_it_has_a_report_of_how_the_site_stands_now() {
    let (world, run) = lived();
    without(&world, run, &["stands"]);
    let before = Now::read().unix();
    let (volumes, as_of) = told(&world, run);
    assert_eq!(volumes, 0);
    assert!(as_of >= before);
}

#[test]
fn a_run_that_is_at_work_has_a_report_of_how_the_site_stands_now() {
    let (world, run) = lived();
    without(&world, run, &["stands", "finished"]);
    assert_eq!(told(&world, run).0, 0);
    assert!(of_run(&world.site, run, &Now::read()).unwrap().outcome.is_none());
}

/// What a log may have that no run has written.
#[test]
fn a_line_that_says_it_badly_is_as_if_there_were_none() {
    let (world, run) = lived();
    without(&world, run, &["stands"]);
    let path = runlog::path(&world.site.config.site.logdir, run);
    let good = r#"{"next":[],"pools":[],"soon":[],"held":{"images":1,"bytes":1},"stale":[]}"#;
    let pool =
        r#"{"storage":"lib","volumes":1,"free":1,"per_day":1.0,"days_left":1,"autolabel":true}"#;
    let bad = [
        "null".to_owned(),
        "[]".to_owned(),
        good.replace(r#""soon":[],"#, ""),
        good.replace("\"images\":1", "\"images\":-1"),
        good.replace("\"images\":1", "\"images\":99999999999999999999"),
        good.replace("\"next\":[]", "\"next\":[1]"),
        good.replace("\"pools\":[]", "\"pools\":[{}]"),
        good.replace("\"pools\":[]", &format!("\"pools\":[{}]", pool.replace("1.0", "1e999"))),
        good.replace("\"pools\":[]", &format!("\"pools\":[{}]", pool.replace("lib", ""))),
        "[".repeat(100_000),
    ];
    let log = fs::read_to_string(&path).unwrap();
    let read = |site: &str| {
        fs::write(&path, format!("{log}{{\"time\":7,\"event\":\"stands\",\"site\":{site}}}\n"))
            .unwrap();
        told(&world, run)
    };
    for site in bad {
        let (volumes, as_of) = read(&site);
        assert!(volumes == 0 && as_of > 7, "{site:.200}");
    }
    let whole = good.replace("\"pools\":[]", &format!("\"pools\":[{pool}],\"more\":[{{}}]"));
    assert_eq!(read(&whole), (1, 7), "what a later version adds is passed over");
}
