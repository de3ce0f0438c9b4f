//! A site around the catalogue that the example `scale` of the taper makes: its configuration, the logs of its newest
//! runs, and the indexes of one DLE. `benches/scale.py` times whole commands on it.
//!
//! ```text
//! cargo run --release -p server --example site -- DIRECTORY [PROGRESS LINES OF EACH DUMP]
//! ```
//!
//! The catalogue is `catalogue.sqlite` in the directory. The configuration has its DLEs and its one storage; its clients do not
//! exist, so a command that asked one would fail. How the site stands is found out as a run does it, as of today. Of the runs
//! before the newest the logs are empty: commands only count them.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use format::index::{Record, RecordKind, Writer};
use server::clock::Now;
use server::report::{Standing, standing};
use server::runlog::{self, Outcome, RunEvent, RunLog, Target, Waits};
use taper::catalogue::{Catalogue, FILE_NAME, Filter, Located, Part};
use types::{DleRef, DriveName, Stamp};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// The DLE whose dumps have indexes.
const INDEXED: (&str, &str) = ("host0001", "/data1");
/// Files of it.
const FILES: u64 = 2000;

const CONFIG: &str = r#"include = ["dles.toml"]

[site]
org = "Scale"
catalogue = "catalogue.sqlite"
storage = ["lib"]
dumpcycle = "7 days"
inparallel = 50
runtapes = 60

[holdingdisk.holding]
directory = "holding"
use = "-1 GiB"

[changer.lib]
type = "vtape"
directory = "vtapes"
slots = 10000
drives = 4

[tapetype.lib]
length = "1 TiB"

[policy.lib]
retention-tapes = 500
retention-recover = 30
retention-cycles = 2

[storage.lib]
tpchanger = "lib"
tapetype = "lib"
policy = "lib"
taper-parallel-write = 4
autolabel = "V%%%%%"
"#;

fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("site DIRECTORY [PROGRESS LINES OF EACH DUMP]")?;
    let lines = arguments.next().map_or(Ok(30), |text| text.parse())?;
    let directory = Path::new(&directory);
    let catalogue = Catalogue::open(&directory.join(FILE_NAME))?;
    fs::write(directory.join("reelkeep.toml"), CONFIG)?;
    let dles: Vec<DleRef> = catalogue.dles()?.into_iter().map(|known| known.dle).collect();
    fs::write(directory.join("dles.toml"), disk_list(&dles)?)?;
    let logs = directory.join("log");
    let runs = catalogue.runs()?;
    for run in runs.iter().skip(1) {
        RunLog::create(&logs, run.stamp)?;
    }
    let newest = runs.first().ok_or("the catalogue has no run")?.stamp;
    let config = config::load(directory).map_err(|wrong| wrong.to_string())?;
    let standing = standing::gather(&config, &catalogue, Now::read().stamp())?;
    write_log(&catalogue, &logs, newest, lines, standing)?;
    let indexed = DleRef { host: INDEXED.0.parse()?, dle: INDEXED.1.parse()? };
    write_indexes(&directory.join("index"), &catalogue.dumps(&Filter::of(&indexed))?)
}

fn disk_list(dles: &[DleRef]) -> Done<String> {
    let mut text = String::new();
    for DleRef { host, dle } in dles {
        writeln!(text, "[[dle]]\nhost = \"{host}\"\npath = \"{dle}\"\n")?;
    }
    Ok(text)
}

/// The log of a run in which all went well: each dump over the holding disk onto the volumes that the catalogue says.
fn write_log(
    catalogue: &Catalogue,
    directory: &Path,
    run: Stamp,
    lines: u64,
    site: Standing,
) -> Done {
    let path = runlog::path(directory, run);
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut log = RunLog::create(directory, run)?;
    let (kind, program) = ("dump".to_owned(), "an example".to_owned());
    let mut time = 1_767_322_800;
    log.append(time, RunEvent::Started { run, kind, program, pid: 1 })?;
    let dumps = catalogue.dumps(&Filter { run: Some(run), ..Filter::default() })?;
    for Located { dump, .. } in &dumps {
        let why = "nothing is gained by the next level".to_owned();
        let (raw, stored) = (dump.raw, dump.stored);
        let planned =
            RunEvent::Planned { dle: dump.dle.clone(), level: dump.level, raw, stored, why };
        log.append(time, planned)?;
    }
    let mut mounted = None;
    for Located { dump, copies, .. } in dumps.iter().rev() {
        let (dle, level, id) = (&dump.dle, dump.level, dump.id);
        let to = Target::Holding;
        log.append(time, RunEvent::DumpStarted { dle: dle.clone(), level, dump: id, to })?;
        for line in 0..lines {
            time += 1;
            let share = |whole: types::Bytes| types::Bytes(whole.0 / lines * line);
            let (entries, raw, stored) =
                (dump.entries / lines * line, share(dump.raw), share(dump.stored));
            log.append(time, RunEvent::DumpProgress { dump: id, entries, raw, stored })?;
        }
        let waits = Waits { client: 10.0, ..Waits::default() };
        log.append(time, RunEvent::DumpTimed { dump: id, waits })?;
        let done = RunEvent::DumpDone {
            dle: dle.clone(),
            level,
            dump: id,
            strange: 0,
            entries: dump.entries,
            raw: dump.raw,
            stored: dump.stored,
            seconds: dump.took.as_secs_f64(),
        };
        log.append(time, done)?;
        for copy in copies {
            for part in catalogue.parts(id, &copy.storage)? {
                place(&mut log, time, &mut mounted, part)?;
            }
            let (dle, storage, bytes) = (dle.clone(), copy.storage.clone(), dump.stored);
            log.append(time, RunEvent::ImagePlaced { dle, level, dump: id, storage, bytes })?;
        }
    }
    log.append(time, RunEvent::Stands { site })?;
    Ok(log.append(time, RunEvent::Finished { outcome: Outcome::Good })?)
}

fn place(log: &mut RunLog, time: i64, mounted: &mut Option<types::Label>, part: Part) -> Done {
    let Part { dump, storage, no, label, file, bytes, .. } = part;
    if mounted.as_ref() != Some(&label) {
        let drive: DriveName = "drive0".parse()?;
        let (label, how) = (label.clone(), "new".to_owned());
        log.append(time, RunEvent::VolumeMounted { drive, storage, label, slot: None, how, file })?;
    }
    log.append(
        time,
        RunEvent::PartPlaced { dump, part: no, label: label.clone(), file, bytes, seconds: 1.0 },
    )?;
    *mounted = Some(label);
    Ok(())
}

/// A full has all files, and what builds on it every twentieth.
fn write_indexes(directory: &Path, dumps: &[Located]) -> Done {
    fs::create_dir_all(directory)?;
    for (number, Located { dump, .. }) in dumps.iter().enumerate() {
        let mut writer = Writer::new()?;
        let mut bytes = writer.push(&Record::new("", RecordKind::Directory))?.unwrap_or_default();
        for file in 0..FILES {
            let changed = (file + u64::try_from(number)?) % 20 == 0;
            if dump.level.is_full() || changed {
                let mut record = Record::new(format!("file{file:06}.dat"), RecordKind::File);
                record.size = file << 10;
                bytes.extend(writer.push(&record)?.unwrap_or_default());
            }
        }
        bytes.extend(writer.finish()?);
        fs::write(directory.join(format!("{}.rkx", dump.id)), bytes)?;
    }
    Ok(())
}
