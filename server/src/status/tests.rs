//! What a run is doing, read off logs that end anywhere.

use types::Stamp;

use super::*;
use crate::runlog::Logged;

/// A night with two drives, as a run wrote it: taken at any of its lines it has a status.
const NIGHT: &str = include_str!("tests/night.jsonl");

fn run() -> Stamp {
    "20260102030000".parse().unwrap()
}

/// The status when the log had so many lines, so many seconds after the last.
fn after(lines: usize, seconds: i64, alive: bool) -> Status {
    let mut watch = Watch::default();
    let mut last = 0;
    let read = NIGHT.lines().take(lines).filter_map(|line| serde_json::from_str(line).ok());
    for line in read {
        let line: Logged = line;
        last = line.time;
        watch.take(&line);
    }
    watch.status(run(), last + seconds, alive)
}

fn all() -> usize {
    NIGHT.lines().count()
}

fn text(status: &Status) -> String {
    render(status, "Example", Shape::Whole)
}

#[test]
fn at_work_it_says_who_does_what_and_what_waits_for_what() {
    insta::assert_snapshot!(text(&after(19, 40, true)));
}

#[test]
fn a_past_run_is_told_as_one_that_is_over() {
    let status = after(all(), 999_999, false);
    assert_eq!(status.life, Life::Ended { outcome: Outcome::Failed });
    insta::assert_snapshot!(text(&status));
}

#[test]
fn a_killed_run_is_said_to_have_died() {
    let status = after(19, 86_400, false);
    assert_eq!(status.life, Life::Died);
    assert_eq!(status.seconds_left, None);
    insta::assert_snapshot!(text(&status));
}

#[test]
fn the_form_as_json_is_the_documented_one() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&after(19, 40, true)).unwrap());
}

/// Amanda's issue 134: a line that the program did not expect broke `amstatus`.
#[test]
fn a_line_of_a_later_version_changes_nothing() {
    let odd = [
        r#"{"time":1767322830,"event":"shm-write","bytes":[1,2]}"#,
        r#"{"time":1767322830,"event":"drive-began","drive":"d0"}"#,
        r#"{"time":1767322830,"event":"dump-progress","dump":"nonsense"}"#,
        r#"{"time":1767322830,"event":"finished","outcome":"splendid"}"#,
        "{\"time\":17673",
        "",
    ];
    let read = |text: &str| {
        let mut watch = Watch::default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Logged>(line).ok())
            .for_each(|line| watch.take(&line));
        serde_json::to_string(&watch.status(run(), 1_767_322_900, true)).unwrap()
    };
    let first: Vec<&str> = NIGHT.lines().take(19).collect();
    let mut with: Vec<&str> = Vec::new();
    for line in &first {
        with.push(line);
        with.extend(odd);
    }
    assert_eq!(read(&with.join("\n")), read(&first.join("\n")));
}

#[test]
fn at_every_line_there_is_a_status_and_it_adds_up() {
    for lines in 0..=all() {
        let status = after(lines, 1, true);
        let counts = status.counts;
        let sum = counts.waiting
            + counts.dumping
            + counts.held
            + counts.placed
            + counts.failed
            + counts.skipped;
        assert_eq!(sum, status.dles.len(), "after {lines} lines");
        assert_eq!(counts.dumping, status.dumping.len(), "after {lines} lines");
        assert!(!text(&status).is_empty());
    }
}

#[test]
fn a_screen_shows_no_more_than_it_has_room_for() {
    let screen = render(&after(19, 40, true), "Example", Shape::Screen { rows: 8, columns: 60 });
    assert_eq!(screen.lines().count(), 7);
    assert!(screen.lines().all(|line| line.chars().count() <= 60), "{screen}");
}

#[test]
fn an_image_takes_space_until_every_storage_has_it() {
    let lines = [
        r#"{"time":1,"event":"equipped","dumpers":1,"holding":[],"drives":[],"held":7,"releases":true}"#,
        r#"{"time":2,"event":"dump-started","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","to":"holding"}"#,
        r#"{"time":3,"event":"dump-done","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","strange":0,"entries":1,"raw":5,"stored":5,"seconds":1.0}"#,
        r#"{"time":4,"event":"image-placed","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","storage":"daily","bytes":5}"#,
        r#"{"time":4,"event":"image-placed","dle":{"host":"h","dle":"e"},"level":0,"dump":"00000000000000000000000000000002","storage":"daily","bytes":4}"#,
        r#"{"time":5,"event":"image-released","dump":"00000000000000000000000000000001"}"#,
        r#"{"time":5,"event":"image-released","dump":"00000000000000000000000000000002"}"#,
    ];
    let mut watch = Watch::default();
    let mut held = Vec::new();
    for line in lines {
        watch.take(&serde_json::from_str::<Logged>(line).unwrap());
        let holding = watch.status(run(), 9, true).holding.unwrap();
        held.push((holding.used.0, holding.earlier.0));
    }
    assert_eq!(held, [(0, 7), (0, 7), (5, 7), (5, 7), (5, 7), (0, 7), (0, 3)]);
}

fn watched(lines: &[&str], now: i64) -> Status {
    let mut watch = Watch::default();
    for line in lines {
        watch.take(&serde_json::from_str::<Logged>(line).unwrap());
    }
    watch.status(run(), now, true)
}

#[test]
fn what_a_try_that_failed_had_sent_counts_no_more() {
    let lines = [
        r#"{"time":1,"event":"planned","dle":{"host":"h","dle":"d"},"level":0,"raw":70,"stored":70,"why":""}"#,
        r#"{"time":2,"event":"dump-started","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","to":"holding"}"#,
        r#"{"time":3,"event":"dump-progress","dump":"00000000000000000000000000000001","entries":3,"raw":60,"stored":60}"#,
        r#"{"time":4,"event":"dump-failed","dle":{"host":"h","dle":"d"},"level":0,"why":"it broke","again":true}"#,
    ];
    let status = watched(&lines, 9);
    assert_eq!((status.dumped, status.expected), (Bytes::ZERO, Bytes(70)));
}

#[test]
fn a_dump_that_goes_straight_has_sent_what_is_on_a_volume() {
    let lines = [
        r#"{"time":2,"event":"dump-started","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","to":"volume"}"#,
        r#"{"time":3,"event":"part-placed","dump":"00000000000000000000000000000001","part":1,"label":"D-1","file":1,"bytes":36,"seconds":1.0}"#,
    ];
    let status = watched(&lines, 9);
    assert_eq!(status.dumping[0].stored, Bytes(36));
    let text = text(&status);
    assert!(text.contains("h:d          0     -   ?"), "no figure has come: {text}");
    assert!(
        text.contains("nothing to tell by when it is done"),
        "nobody knows how large it is: {text}"
    );
}

#[test]
fn the_time_in_which_nothing_moved_is_no_measure_of_how_long_it_takes() {
    let lines = [
        r#"{"time":1000,"event":"planned","dle":{"host":"h","dle":"d"},"level":0,"raw":100,"stored":100,"why":""}"#,
        // An hour of estimates, and then half of it in ten seconds.
        r#"{"time":4600,"event":"dump-started","dle":{"host":"h","dle":"d"},"level":0,"dump":"00000000000000000000000000000001","to":"holding"}"#,
        r#"{"time":4610,"event":"dump-progress","dump":"00000000000000000000000000000001","entries":3,"raw":50,"stored":50}"#,
    ];
    assert_eq!(watched(&lines, 4610).seconds_left, Some(10));
}
