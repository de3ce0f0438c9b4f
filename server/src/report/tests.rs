//! Reports of made-up nights.

use types::{FileNo, PartNo};

use super::*;
use crate::runlog::{Cause, RunEvent};
use crate::status::{self, Shape, Watch};

fn log(events: Vec<RunEvent>) -> Vec<Logged> {
    (1_767_322_800..).zip(events).map(|(time, event)| Logged { time, event }).collect()
}

fn dle(name: &str) -> DleRef {
    DleRef { host: "web".parse().unwrap(), dle: name.parse().unwrap() }
}

pub(super) fn run() -> Stamp {
    "20260102030000".parse().unwrap()
}

const DUMP: DumpId = DumpId([7; 16]);

fn started() -> RunEvent {
    let (kind, program) = ("dump".to_owned(), "reelkeep 0.1.0".to_owned());
    RunEvent::Started { run: run(), kind, program, pid: 17 }
}

fn planned(name: &str, raw: Bytes) -> RunEvent {
    let why = "never dumped".to_owned();
    RunEvent::Planned { dle: dle(name), level: Level::FULL, raw, stored: raw, why }
}

fn begun(name: &str, dump: DumpId, to: Target) -> RunEvent {
    RunEvent::DumpStarted { dle: dle(name), level: Level::FULL, dump, to }
}

fn done(name: &str, dump: DumpId, strange: u64) -> RunEvent {
    RunEvent::DumpDone {
        dle: dle(name),
        level: Level::FULL,
        dump,
        strange,
        entries: 1234,
        raw: Bytes(3 << 30),
        stored: Bytes::GIB,
        seconds: 12.5,
    }
}

fn mounted(storage: &str, label: &str) -> RunEvent {
    RunEvent::VolumeMounted {
        drive: "drive0".parse().unwrap(),
        storage: storage.parse().unwrap(),
        label: label.parse().unwrap(),
        slot: None,
        how: "new".to_owned(),
        file: FileNo::FIRST,
    }
}

fn part(dump: DumpId, label: &str) -> RunEvent {
    RunEvent::PartPlaced {
        dump,
        part: PartNo::FIRST,
        label: label.parse().unwrap(),
        file: FileNo::FIRST,
        bytes: Bytes::GIB,
        seconds: 2.0,
    }
}

fn placed(name: &str, dump: DumpId, storage: &str) -> RunEvent {
    RunEvent::ImagePlaced {
        dle: dle(name),
        level: Level::FULL,
        dump,
        storage: storage.parse().unwrap(),
        bytes: Bytes::GIB,
    }
}

fn failed(name: &str, why: &str, again: bool) -> RunEvent {
    RunEvent::DumpFailed { dle: dle(name), level: Level::FULL, why: why.to_owned(), again }
}

pub(super) fn night() -> Vec<Logged> {
    log(vec![
        started(),
        planned("/srv", Bytes(2 << 30)),
        planned("/home", Bytes(2 << 40)),
        begun("/srv", DUMP, Target::Holding),
        RunEvent::DumpStrange {
            dle: dle("/srv"),
            dump: DUMP,
            text: "a\\n: shrank while it was read".to_owned(),
        },
        RunEvent::DumpTimed { dump: DUMP, waits: Waits { client: 9.5, sink: 2.0, room: 0.0 } },
        done("/srv", DUMP, 1),
        begun("/home", DumpId([8; 16]), Target::Holding),
        RunEvent::DumpTrouble { dle: dle("/home"), cause: Cause::Agent },
        failed("/home", "the agent ended before it had answered; its last words: killed", true),
        RunEvent::DleFailed {
            dle: dle("/home"),
            why: "the agent ended before it had answered; its last words: killed (after 2 tries)"
                .to_owned(),
            cause: None,
        },
        mounted("daily", "DAILY-001"),
        part(DUMP, "DAILY-001"),
        RunEvent::DriveFed {
            drive: "drive0".parse().unwrap(),
            dump: DUMP,
            seconds: 2.0,
            waited: 0.5,
            starved: 3,
        },
        placed("/srv", DUMP, "daily"),
        RunEvent::VolumeFinished {
            label: "DAILY-001".parse().unwrap(),
            bytes: Bytes::GIB,
            files: 1,
            why: "the run is done".to_owned(),
        },
        RunEvent::Stands { site: standing() },
        RunEvent::Finished { outcome: Outcome::Failed },
    ])
}

pub(super) fn facts() -> Facts {
    Facts {
        org: "Example".to_owned(),
        host: "backup1".to_owned(),
        lengths: [("daily".parse().unwrap(), Bytes(4 << 30))].into(),
        ..Facts::default()
    }
}

fn standing() -> Standing {
    Standing {
        next: vec!["reusable: DAILY-002".to_owned()],
        pools: vec![Pool {
            storage: "daily".parse().unwrap(),
            volumes: 20,
            free: 3,
            per_day: 1.0,
            days_left: Some(3),
            autolabel: false,
            lived: None,
        }],
        soon: vec![
            "DAILY-002, written last in the run of 2025-12-01 03:00:00: 1.00 TiB".to_owned(),
        ],
        stale: vec!["web:/home: no dump at all".to_owned()],
        held: Held::default(),
    }
}

#[test]
fn a_night_with_a_failure_says_so_first() {
    let report = of(run(), &night(), facts());
    assert_eq!(report.verdict.to_string(), "FAIL, 1 of 2 DLEs");
    assert_eq!(report.totals[1].dumps, 1);
    assert_eq!(report.drives[0].bottleneck, Bottleneck::Source);
    assert_eq!(report.dles[1].bound, Some(Bound::Client));
    insta::assert_snapshot!(render(&report, Width::PRINT));
}

#[test]
fn no_line_of_a_mail_is_wider_than_80_columns() {
    let text = render(&of(run(), &night(), facts()), Width::MAIL);
    let wide: Vec<&str> = text.lines().filter(|line| wrap::columns(line) > 80).collect();
    assert_eq!(wide, [""; 0]);
}

#[test]
fn a_run_of_which_only_a_volume_failed_says_so_in_its_headline() {
    let events = vec![
        started(),
        RunEvent::NoLibrary { storage: "daily".parse().unwrap(), why: "it is off ".repeat(20) },
        RunEvent::Finished { outcome: Outcome::Failed },
    ];
    let mut verdict = of(run(), &log(events), facts()).verdict;
    assert_eq!((verdict.failed, verdict.dles), (0, 0));
    verdict.dles = 4;
    let headline = verdict.to_string();
    let begins = "FAIL, 4 DLEs dumped, but storage daily: nothing could be written: it is off";
    assert!(headline.starts_with(begins), "{headline}");
    assert!(headline.ends_with('…') && headline.chars().count() < 130, "{headline}");
}

/// Amanda's issue 261: a DLE of 2 TB fails, and nothing says why.
#[test]
fn a_dump_that_failed_says_why_and_what_to_do() {
    let report = of(run(), &night(), Facts::default());
    let [failure] = report.failures.as_slice() else { panic!("{:?}", report.failures) };
    assert_eq!(failure.dle, Some(dle("/home")));
    assert!(failure.why.contains("its last words: killed (after 2 tries)"), "{failure:?}");
    let advice = failure.advice.as_ref().unwrap();
    assert!(advice.contains("`reelkeep check web /home`"), "{advice}");
}

#[test]
fn a_try_that_failed_before_one_that_went_well_is_a_note() {
    let again = DumpId([9; 16]);
    let report = of(
        run(),
        &log(vec![
            started(),
            begun("/srv", DUMP, Target::Holding),
            failed("/srv", "the connection to the agent broke", true),
            begun("/srv", again, Target::Holding),
            done("/srv", again, 0),
            RunEvent::Finished { outcome: Outcome::Good },
        ]),
        Facts::default(),
    );
    assert_eq!(report.failures, []);
    assert_eq!(
        report.notes,
        ["web:/srv level 0: the connection to the agent broke; it went well later"]
    );
    assert_eq!((report.dles[0].tries, report.dles[0].state), (2, State::Held));
}

#[test]
fn a_run_without_an_end_says_that_it_was_cut_off() {
    let mut cut = night();
    cut.pop();
    let report = of(run(), &cut, Facts::default());
    assert!(report.outcome.is_none());
    assert_eq!(report.verdict.word, Word::Fail);
    assert!(report.notes.iter().any(|note| note.contains("cut off")), "{:?}", report.notes);
}

#[test]
fn copies_in_two_storages_are_told_apart() {
    let report = of(
        run(),
        &log(vec![
            started(),
            begun("/srv", DUMP, Target::Holding),
            done("/srv", DUMP, 0),
            mounted("daily", "D-1"),
            mounted("away", "A-1"),
            part(DUMP, "A-1"),
            part(DUMP, "D-1"),
            placed("/srv", DUMP, "daily"),
            RunEvent::Finished { outcome: Outcome::Good },
        ]),
        Facts::default(),
    );
    let told: Vec<(String, u32)> =
        report.storages.iter().map(|line| (line.storage.to_string(), line.images)).collect();
    assert_eq!(told, [("away".to_owned(), 0), ("daily".to_owned(), 1)]);
    let complete: Vec<bool> = report.dles[0].copies.iter().map(|copy| copy.complete).collect();
    assert_eq!(complete, [false, true]);
    let text = render(&report, Width::PRINT);
    assert!(text.contains("VOLUME of away") && text.contains("VOLUME of daily"), "{text}");
}

#[test]
fn a_dle_that_is_dumped_again_has_the_volumes_of_the_dump_that_counts() {
    // The first image could not be read from the holding disk any more when one part of it was placed. The newer dump
    // need not have the greater id: the clock may have been set back.
    for [first, second] in [[1, 2], [2, 1]].map(|ids| ids.map(|id| DumpId([id; 16]))) {
        let report = of(
            run(),
            &log(vec![
                started(),
                mounted("daily", "D-1"),
                begun("/srv", first, Target::Holding),
                done("/srv", first, 0),
                part(first, "D-1"),
                begun("/srv", second, Target::Volume),
                mounted("daily", "D-2"),
                part(second, "D-2"),
                placed("/srv", second, "daily"),
                done("/srv", second, 0),
                RunEvent::Finished { outcome: Outcome::Good },
            ]),
            Facts::default(),
        );
        let [line] = report.dles.as_slice() else { panic!("{:?}", report.dles) };
        assert_eq!((line.state, line.placed()), (State::Placed, Bytes::GIB));
        let [copy] = line.copies.as_slice() else { panic!("{:?}", line.copies) };
        assert_eq!(copy.labels, ["D-2".parse().unwrap()]);
    }
}

#[test]
fn an_image_of_an_earlier_run_has_a_line_of_its_own() {
    let old = DumpId([1; 16]);
    let report = of(
        run(),
        &log(vec![
            started(),
            mounted("daily", "D-1"),
            part(old, "D-1"),
            placed("/srv", old, "daily"),
            begun("/srv", DUMP, Target::Holding),
            done("/srv", DUMP, 0),
            RunEvent::Finished { outcome: Outcome::Good },
        ]),
        Facts::default(),
    );
    let lines: Vec<(bool, State, Bytes)> =
        report.dles.iter().map(|line| (line.earlier, line.state, line.placed())).collect();
    assert_eq!(lines, [(false, State::Held, Bytes::ZERO), (true, State::Placed, Bytes::GIB)]);
    assert_eq!(report.verdict.dles, 1);
    assert_eq!((report.totals[0].dumps, report.totals[0].images), (1, 1));
}

#[test]
fn failures_for_one_reason_are_one_thing_to_read() {
    let mut events = vec![started()];
    for at in 0..40 {
        let why = "the host is down".to_owned();
        events.push(RunEvent::DleFailed { dle: dle(&format!("/fs{at:02}")), why, cause: None });
    }
    let text = render(&of(run(), &log(events), Facts::default()), Width::PRINT);
    assert_eq!(text.matches("the host is down").count(), 1, "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("web:/fs07 and 32 more: no dump"), "{text}");
}

#[test]
fn a_wide_name_has_a_line_to_itself() {
    let name = format!("/データ/{}", "long/".repeat(12));
    let events = vec![
        started(),
        begun(&name, DUMP, Target::Holding),
        done(&name, DUMP, 0),
        begun("/srv", DumpId([2; 16]), Target::Holding),
        done("/srv", DumpId([2; 16]), 0),
    ];
    let text = render(&of(run(), &log(events), Facts::default()), Width::MAIL);
    let table = text.split("DLE ").last().unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn the_page_says_what_the_text_says_and_lets_no_client_write_into_it() {
    let mut night = night();
    night.push(Logged {
        time: 1_767_322_900,
        event: RunEvent::DumpStrange {
            dle: dle("/srv"),
            dump: DUMP,
            text: "<script>alert('x')</script>\u{1b}[2J".to_owned(),
        },
    });
    let page = html::render(&of(run(), &night, facts()));
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn the_form_as_json_is_the_documented_one() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&of(run(), &night(), facts())).unwrap());
}

/// A night with two drives, as a run wrote it.
fn recorded() -> Vec<Logged> {
    let text = include_str!("../status/tests/night.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same value with this number wherever it has one.
fn with_numbers(value: serde_json::Value, number: &serde_json::Number) -> serde_json::Value {
    use serde_json::Value::{Array, Number, Object};
    match value {
        Number(_) => Number(number.clone()),
        Array(all) => all.into_iter().map(|one| with_numbers(one, number)).collect(),
        Object(fields) => {
            fields.into_iter().map(|(name, one)| (name, with_numbers(one, number))).collect()
        }
        other => other,
    }
}

/// The event of these fields. Its time and its name come before them.
fn line_of(time: i64, mut fields: serde_json::Map<String, serde_json::Value>) -> Option<Logged> {
    fields.remove("time");
    let event = fields.remove("event").unwrap();
    let rest = serde_json::to_string(&fields).unwrap();
    let rest = rest.trim_start_matches('{');
    let comma = if fields.is_empty() { "" } else { "," };
    runlog::event(format!("{{\"time\":{time},\"event\":{event}{comma}{rest}").as_bytes())
}

/// Dumps, volumes and drives of which everything is as much as can be: no sum of that is anything's end.
#[test]
fn whatever_numbers_a_log_has_every_form_of_its_report_is_made() {
    let whole = [1, 2].map(|n| done(&format!("/{n}"), DumpId([n; 16]), 0));
    let events: Vec<Logged> = [night(), recorded(), night(), log(whole.to_vec())].concat();
    let mut changed = 0;
    for number in ["0", "1", "65535", "4294967295", "18446744073709551615", "1e308", "-1e308"] {
        let number = number.parse().unwrap();
        let log: Vec<Logged> = [0i64, (1 << 40) - 1, -(1 << 40), 7]
            .iter()
            .cycle()
            .zip(&events)
            .filter_map(|(time, line)| {
                let serde_json::Value::Object(mut fields) = serde_json::to_value(line).unwrap()
                else {
                    panic!("{line:?} is no object")
                };
                // A number that does not fit one field leaves the others.
                for (name, value) in fields.clone() {
                    let mut other = fields.clone();
                    other.insert(name, with_numbers(value, &number));
                    if line_of(*time, other.clone()).is_some() {
                        changed += usize::from(other != fields);
                        fields = other;
                    }
                }
                line_of(*time, fields)
            })
            .collect();
        assert!(
            log.len() > events.len() / 2,
            "of {} lines {} were events",
            events.len(),
            log.len()
        );
        let report = of(run(), &log, facts());
        for text in [
            render(&report, Width::MAIL),
            html::render(&report),
            svg::render(&report, &log),
            serde_json::to_string(&report).unwrap(),
        ] {
            assert!(!text.is_empty());
        }
        let mut watch = Watch::default();
        log.iter().for_each(|line| watch.take(line));
        for life in [true, false] {
            let status = watch.status(run(), i64::from(i32::MAX), life);
            assert!(!status::render(&status, "site", Shape::Whole).is_empty());
        }
    }
    assert!(changed > 10 * events.len(), "only {changed} fields were changed");
    for time in ["9223372036854775807", "-9223372036854775808", "1099511627776", "1e3", "null"] {
        let line = format!("{{\"time\":{time},\"event\":\"interrupted\"}}");
        assert!(runlog::event(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn the_picture_of_a_run_is_the_same_for_the_same_log_and_names_what_it_shows() {
    let log = recorded();
    let report = of(run(), &log, facts());
    let picture = svg::render(&report, &log);
    assert_eq!(picture, svg::render(&report, &log));
    for name in ["Dumpers", "DLEs that wait", "Holding disks, 30.0 GiB", "Bandwidth", "drive1"] {
        assert!(picture.contains(name), "{name} is missing");
    }
    assert!(!picture.contains("href") && !picture.contains("<script"));
    insta::assert_snapshot!(picture);
}

#[test]
fn a_run_without_events_is_drawn_too() {
    let log = log(vec![started()]);
    let picture = svg::render(&of(run(), &log, Facts::default()), &log);
    assert!(picture.ends_with("</svg>\n"));
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
}

#[test]
fn the_course_of_a_run_is_what_its_log_says() {
    let course = course::Course::of(&recorded());
    assert_eq!(course.seconds, 152);
    assert_eq!(course.busy.most(), 2.0);
    // 2 GiB of /srv and what had come of /home, and 1 GiB of an earlier run.
    assert_eq!(course.holding.most(), (4u64 << 30) as f64);
    assert_eq!(course.busy.0.last(), Some(&(140, 0.0)));
    let writes: Vec<_> = course
        .drives
        .iter()
        .flat_map(|(drive, stretches)| {
            stretches.iter().map(move |stretch| (drive.as_str(), stretch.from, stretch.to))
        })
        .collect();
    assert_eq!(
        writes,
        [("drive0", 3, 20), ("drive0", 45, 91), ("drive0", 141, 150), ("drive1", 106, 152)]
    );
}

fn waited(kind: &str, why: &str) -> Report {
    let (kind, program) = (kind.to_owned(), "reelkeep 0.1.0".to_owned());
    let storage = "daily".parse().unwrap();
    let stays = RunEvent::StaysHeld { storage, images: 2, why: why.to_owned(), cause: None };
    let events = vec![
        RunEvent::Started { run: run(), kind, program, pid: 17 },
        stays,
        RunEvent::Finished { outcome: Outcome::Failed },
    ];
    of(run(), &log(events), Facts::default())
}

#[test]
fn a_dump_that_was_cut_off_counts_as_failed_and_says_so() {
    let events = vec![started(), planned("/srv", Bytes(1)), begun("/srv", DUMP, Target::Holding)];
    let report = of(run(), &log(events), Facts::default());
    assert_eq!(report.verdict.to_string(), "FAIL, 1 of 1 DLE");
    let [failure] = report.failures.as_slice() else { panic!("{:?}", report.failures) };
    assert!(failure.why.contains("ends in the middle of it"), "{failure:?}");
}

#[test]
fn a_run_that_is_told_to_stop_three_times_says_so_once() {
    let stop = || RunEvent::Interrupted;
    let events = vec![
        started(),
        stop(),
        failed("/srv", "it was stopped", false),
        stop(),
        stop(),
        RunEvent::Finished { outcome: Outcome::Interrupted },
    ];
    let report = of(run(), &log(events.clone()), Facts::default());
    let told = report.failures.iter().filter(|failure| failure.why.contains("told to stop"));
    assert_eq!(told.count(), 1);
    let mut watch = Watch::default();
    log(events).iter().for_each(|line| watch.take(line));
    let told = watch.status(run(), 0, false).failures;
    assert_eq!(told.iter().filter(|told| told.contains("told to stop")).count(), 1, "{told:?}");
}

#[test]
fn images_for_which_runtapes_has_no_volume_are_a_failure_with_what_to_do() {
    let report = waited("dump", "runtapes allows no more than the 1 volumes that were used");
    let [failure] = report.failures.as_slice() else { panic!("{:?}", report.failures) };
    assert!(
        failure
            .why
            .starts_with("storage daily: it takes no more tonight, and 2 of the images stay")
    );
    assert!(failure.advice.as_ref().unwrap().contains("raise `runtapes`"), "{failure:?}");
    assert_eq!(report.notes, [""; 0]);
}

#[test]
fn what_keeps_a_storage_from_taking_more_is_told_once() {
    let storage = || "daily".parse().unwrap();
    let why = || "slot 1: its volume is needed; slot 2: its volume is needed".to_owned();
    let events = vec![
        started(),
        RunEvent::NoVolume { storage: storage(), why: why() },
        RunEvent::StaysHeld { storage: storage(), images: 2, why: why(), cause: None },
        RunEvent::Finished { outcome: Outcome::Failed },
    ];
    let report = of(run(), &log(events), Facts::default());
    let text = render(&report, Width::of(400));
    assert_eq!(text.matches("slot 2").count(), 1, "{text}");
    assert!(text.contains("2 of the images stay on the holding disk"), "{text}");
}

#[test]
fn a_vault_that_made_no_copies_speaks_of_copies_and_of_vault() {
    let [failure] = waited("vault", "no drive is left: it is broken").failures.try_into().unwrap();
    assert!(failure.why.contains("2 of the images were not copied to it"), "{failure:?}");
    let advice = failure.advice.unwrap();
    assert!(advice.contains("`reelkeep vault`") && !advice.contains("flush"), "{advice}");
}

#[test]
fn what_to_do_follows_from_the_cause_and_not_from_the_words() {
    let trouble = |cause| RunEvent::DumpTrouble { dle: dle("/srv"), cause };
    let gone = |cause| {
        let why = "in words of another language".to_owned();
        RunEvent::DleFailed { dle: dle("/srv"), why, cause: Some(cause) }
    };
    let cases = [
        // What the run ends with counts, and not what an earlier try came to.
        (vec![trouble(Cause::Agent), gone(Cause::Volumes)], "do what is said of the storage"),
        (vec![trouble(Cause::Stopped), gone(Cause::Space)], "make room on the holding disk"),
        (vec![gone(Cause::Runtapes)], "raise `runtapes`"),
        (vec![gone(Cause::Stopped)], "nothing: the next run"),
    ];
    for (events, wanted) in cases {
        let report = of(run(), &log(events), Facts::default());
        let advice = report.failures[0].advice.as_ref().unwrap();
        assert!(advice.contains(wanted), "{advice}");
    }
}

#[test]
fn a_log_without_causes_is_understood_by_its_words() {
    let trouble = |cause| RunEvent::DumpTrouble { dle: dle("/srv"), cause };
    let gone = |why: &str| {
        let line = format!(
            r#"{{"time":1,"event":"dle-failed","dle":{},"why":{why:?}}}"#,
            serde_json::to_string(&dle("/srv")).unwrap()
        );
        crate::runlog::event(line.as_bytes()).unwrap().event
    };
    let space = "holding has no more space, and its dump was the smallest that waited for some; no";
    let cases = [
        (
            vec![trouble(Cause::Refused), trouble(Cause::Estimate), gone("no such file")],
            "may not be mounted",
        ),
        (vec![trouble(Cause::Estimate), gone("no answer")], "etimeout"),
        (vec![trouble(Cause::Stopped), gone(space)], "make room on the holding disk"),
        (vec![gone("there is no space for it on holding; no")], "make room on the holding disk"),
        (vec![trouble(Cause::Stopped), gone("the run was stopped")], "nothing: the next run"),
        (
            vec![gone("there is no volume to write to (see what is said of the storage); no")],
            "do what is said of the storage",
        ),
    ];
    for (events, wanted) in cases {
        let report = of(run(), &log(events), Facts::default());
        let advice = report.failures[0].advice.as_ref().unwrap();
        assert!(advice.contains(wanted), "{advice}");
    }
}

#[test]
fn a_file_system_that_is_full_is_blamed_on_neither_drive_nor_medium() {
    let failed = RunEvent::DriveFailed {
        drive: "drive0".parse().unwrap(),
        blame: "this host".to_owned(),
        why: "the file system of /vtapes/1 is full, although the volume has room for 1.00 GiB more"
            .to_owned(),
    };
    let storage = "daily".parse().unwrap();
    let full = RunEvent::DiskFull { storage, path: "/vtapes".to_owned(), free: Bytes::MIB };
    // As logs had it once, and as they have it now.
    for (event, words) in [
        (failed, "the file system of /vtapes/1 is full"),
        (full, "storage daily: the file system under /vtapes is full: 1.00 MiB free"),
    ] {
        let report = of(run(), &log(vec![started(), event]), Facts::default());
        let failure = &report.failures[0];
        assert!(failure.why.contains(words), "{failure:?}");
        assert!(!failure.why.contains("to blame"), "{failure:?}");
        let advice = failure.advice.as_ref().unwrap();
        assert!(advice.contains("free some space") && !advice.contains("cable"), "{advice}");
    }
}

#[test]
fn no_volume_is_in_use_when_the_run_has_ended() {
    let told = |end: Option<RunEvent>| {
        let events = [started(), mounted("daily", "D-1")].into_iter().chain(end).collect();
        render(&of(run(), &log(events), Facts::default()), Width::PRINT)
    };
    assert!(told(None).contains("in use"));
    let ended = told(Some(RunEvent::Finished { outcome: Outcome::Good }));
    assert!(!ended.contains("in use"), "{ended}");
}

#[test]
fn who_writes_what_waits_on_the_holding_disk_is_said_as_it_is_configured() {
    let told = |flushed_by_runs| {
        let held = Held { images: 1, bytes: Bytes::GIB };
        let events = vec![started(), RunEvent::Stands { site: Standing { held, ..standing() } }];
        let facts = Facts { flushed_by_runs, ..Facts::default() };
        render(&of(run(), &log(events), facts), Width::of(200))
    };
    assert!(told(Some(true)).contains("the next run writes them first"));
    assert!(told(Some(false)).contains("and no run does"));
}
