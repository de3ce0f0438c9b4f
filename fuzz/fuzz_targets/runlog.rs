//! The log of a run: a line that is an event is read again when it is written; and whatever its lines say, a report comes of them in
//! each form, a picture, and a status.

#![no_main]

use libfuzzer_sys::fuzz_target;
use server::report::{self, Facts, Width};
use server::runlog::{self, Logged};
use server::status::{self, Shape, Watch};
use types::Stamp;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n');
    let log: Vec<Logged> = lines.filter_map(runlog::event).collect();
    for line in &log {
        let written = serde_json::to_vec(line).expect("an event can be written");
        runlog::event(&written).expect("what we write we read");
    }
    let run: Stamp = "20260102030405".parse().expect("it is one");
    let report = report::of(run, &log, Facts::default());
    report::render(&report, Width::MAIL);
    assert!(!report::html::render(&report).contains("<script"));
    report::svg::render(&report, &log);
    serde_json::to_vec(&report).expect("a report can be written");
    let mut watch = Watch::default();
    log.iter().for_each(|line| watch.take(line));
    status::render(&watch.status(run, report.started, false), "site", Shape::Whole);
});
