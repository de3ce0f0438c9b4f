//! How long the report and the status of a large run take: from its log to the text, and to the page.
//!
//! ```text
//! cargo run --release -p server --example report -- [DLES] [PROGRESS LINES OF EACH]
//! ```
//!
//! Writes the log of a made-up run into a temporary directory. What the catalogue adds is measured where its scale is.

#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;
use std::time::Instant;

use server::report::{self, Facts, Width};
use server::runlog::{self, Outcome, RunEvent, RunLog, Target, Waits};
use server::status::{Shape, Watch};
use types::{Bytes, DleRef, DumpId, FileNo, Label, Level, PartNo, Stamp};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let dles = arguments.next().transpose()?.unwrap_or(10_000);
    let lines = arguments.next().transpose()?.unwrap_or(30);
    let directory = std::env::temp_dir().join(format!("reelkeep-report-{}", std::process::id()));
    let run: Stamp = "20260102030000".parse()?;
    write(&mut RunLog::create(&directory, run)?, run, dles, lines)?;
    let length = std::fs::metadata(runlog::path(&directory, run))?.len();
    println!("{dles} DLEs, a log of {}", Bytes(length));

    let log = timed("reading the log", || runlog::read(&directory, run))?;
    println!("{} events", log.len());
    let made = timed("making the report", || report::of(run, &log, Facts::default()));
    let text = timed("printing it", || report::render(&made, Width::PRINT));
    let page = timed("writing the page", || report::html::render(&made));
    let json = timed("writing it as JSON", || serde_json::to_string(&made))?;
    let picture = timed("drawing the run", || report::svg::render(&made, &log));
    let mut watch = Watch::default();
    timed("watching the run", || log.iter().for_each(|line| watch.take(line)));
    let status = timed("its status", || watch.status(run, made.started, false));
    let shown = timed("printing that", || server::status::render(&status, "site", Shape::Whole));
    for (name, written) in
        [("text", text), ("page", page), ("JSON", json), ("picture", picture), ("status", shown)]
    {
        println!("{name}: {}", Bytes::of(written.len()));
    }
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

fn timed<T>(what: &str, does: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = does();
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    done
}

fn write(log: &mut RunLog, run: Stamp, dles: u64, lines: u64) -> Result<(), Box<dyn Error>> {
    let (kind, program) = ("dump".to_owned(), "an example".to_owned());
    let mut time = 1_767_322_800;
    log.append(time, RunEvent::Started { run, kind, program, pid: 1 })?;
    let dle = |n: u64| -> Result<DleRef, Box<dyn Error>> {
        Ok(DleRef { host: format!("host{}", n % 500).parse()?, dle: format!("/srv/{n}").parse()? })
    };
    for n in 0..dles {
        let why = "level 1: nothing is gained by the next".to_owned();
        let (raw, stored) = (Bytes::GIB, Bytes::GIB);
        let level = Level::FULL.next();
        log.append(time, RunEvent::Planned { dle: dle(n)?, level, raw, stored, why })?;
    }
    for n in 0..dles {
        let (dump, level) = (DumpId::new(n, [0; 10]), Level::FULL.next());
        let label: Label = format!("DAILY-{:04}", n / 500).parse()?;
        if n % 500 == 0 {
            log.append(
                time,
                RunEvent::VolumeMounted {
                    drive: "drive0".parse()?,
                    storage: "daily".parse()?,
                    label: label.clone(),
                    slot: None,
                    how: "new".to_owned(),
                    file: FileNo::FIRST,
                },
            )?;
        }
        log.append(time, RunEvent::DumpStarted { dle: dle(n)?, level, dump, to: Target::Holding })?;
        for line in 0..lines {
            time += 1;
            let part = Bytes(line << 20);
            let event = RunEvent::DumpProgress { dump, entries: line, raw: part, stored: part };
            log.append(time, event)?;
        }
        let waits = Waits { client: 10.0, ..Waits::default() };
        log.append(time, RunEvent::DumpTimed { dump, waits })?;
        let (raw, stored) = (Bytes(1 << 30), Bytes(1 << 29));
        let done = RunEvent::DumpDone {
            dle: dle(n)?,
            level,
            dump,
            strange: 0,
            entries: 1000,
            raw,
            stored,
            seconds: 30.0,
        };
        log.append(time, done)?;
        let (part, file) = (PartNo::FIRST, FileNo::FIRST);
        let bytes = stored;
        log.append(time, RunEvent::PartPlaced { dump, part, label, file, bytes, seconds: 1.0 })?;
        let storage = "daily".parse()?;
        log.append(time, RunEvent::ImagePlaced { dle: dle(n)?, level, dump, storage, bytes })?;
    }
    log.append(time, RunEvent::Finished { outcome: Outcome::Good })?;
    Ok(())
}
