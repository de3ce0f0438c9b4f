//! A catalogue of a large site, made up from a seed; and how long the questions take that commands ask of it.
//!
//! ```text
//! cargo run --release -p taper --example scale -- make FILE [DLES RUNS VOLUMES SEED FIRST]
//! cargo run --release -p taper --example scale -- time FILE
//! ```
//!
//! Each DLE has a full every seventh run and incrementals between, three of level 1 and three of level 2. Its tree is as the
//! planner's simulator makes them up: a share of it changes each day, a third as much on two days of seven, and an
//! incremental holds what changed since its base. Each run fills its volumes one after the other, and now and then a dump
//! goes on over the end of one. Nothing was ever overwritten, so that every dump is still there. The
//! rows are written past the catalogue's own functions, which sync each dump; what stands in the file afterwards is what
//! they would have written. FIRST is the stamp of the first run; then there is one a day. The example `site` of the server
//! makes a site around such a catalogue.

#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::fmt::Display;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};
use taper::catalogue::{Catalogue, Filter};
use taper::retention::{Policies, Policy};
use types::{Bytes, DleRef, DumpId, Label, Stamp};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", file, rest @ ..] => make(Path::new(file), Site::of(rest)?),
        ["time", file] => time(Path::new(file)),
        _ => Err("scale make FILE [DLES RUNS VOLUMES SEED FIRST] | scale time FILE".into()),
    }
}

/// What the site is like.
#[derive(Clone, Copy)]
struct Site {
    dles: u64,
    runs: u64,
    volumes: u64,
    seed: u64,
    first: Stamp,
}

impl Site {
    fn of(words: &[&str]) -> Outcome<Self> {
        let first = words.get(4).unwrap_or(&"20260101010000").parse()?;
        let mut site = Self { dles: 10_000, runs: 365, volumes: 20_000, seed: 1, first };
        let fields = [&mut site.dles, &mut site.runs, &mut site.volumes, &mut site.seed];
        for (field, word) in fields.into_iter().zip(words) {
            *field = word.parse()?;
        }
        Ok(site)
    }

    fn run(self, n: u64) -> Outcome<Stamp> {
        Ok(self.first.plus_days(u32::try_from(n)?))
    }
}

/// Dice (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most.max(1)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0.5 to 1.5, and mostly near 1.
    fn noise(&mut self) -> f64 {
        0.5 + (self.share() + self.share()) / 2.0
    }
}

/// What is on the client: a tree that grows and changes.
struct Tree {
    size: Bytes,
    /// What share of it changes each day, in the mean.
    change: f64,
    /// The dumps that the next one may build on, and what share of the tree is still as it was then.
    chain: Vec<(DumpId, f64)>,
}

impl Tree {
    fn new(dice: &mut Dice) -> Self {
        let size = Bytes(Bytes::GIB.0 + dice.below(60 * Bytes::GIB.0));
        Self { size, change: CHANGE * dice.noise(), chain: Vec::new() }
    }

    /// A day passes.
    fn live(&mut self, day: u64, dice: &mut Dice) {
        let changes = self.change * dice.noise() * if day % 7 >= 5 { WEEKEND } else { 1.0 };
        self.size = self.size.share(1.0 + GROWTH);
        self.chain.iter_mut().for_each(|(_, same)| *same *= (1.0 - changes) / (1.0 + GROWTH));
    }

    /// What a dump has to read, and the length of its image.
    fn dump(&self, dice: &mut Dice) -> (Bytes, Bytes) {
        let changed = self.chain.last().map_or(1.0, |(_, same)| 1.0 - same);
        let raw = self.size.share(changed) + Bytes(64 << 10);
        (raw, raw.share(RATIO * (1.0 + (dice.noise() - 1.0) * 2.0 * SPREAD)))
    }
}

/// What share of a tree changes each day, in the mean of all.
const CHANGE: f64 = 0.02;
/// How much of that on a day of the weekend.
const WEEKEND: f64 = 0.3;
/// By what share a tree grows each day.
const GROWTH: f64 = 0.0005;
/// Stored bytes by raw bytes, and by how much of it that differs at most.
const RATIO: f64 = 0.5;
const SPREAD: f64 = 0.1;
/// Stored bytes that a client makes in a millisecond.
const RATE: u64 = 60 << 10;

fn make(file: &Path, site: Site) -> Outcome {
    drop(Catalogue::open(file)?);
    let mut connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;",
    )?;
    let indexes: Vec<(String, String)> = {
        let mut all = connection.prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        )?;
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (name, _) in &indexes {
        connection.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    let transaction = connection.transaction()?;
    let mut maker = Maker::new(&transaction, site)?;
    for n in 0..site.runs {
        maker.run(n)?;
    }
    transaction.commit()?;
    for (_, sql) in &indexes {
        connection.execute_batch(sql)?;
    }
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    Ok(())
}

/// A volume that is being filled.
struct Filling {
    number: u64,
    file: u64,
    bytes: u64,
}

impl Filling {
    fn label(&self) -> String {
        format!("V{:05}", self.number)
    }
}

/// Writes the rows, a run after the other.
struct Maker<'c> {
    c: &'c Connection,
    site: Site,
    dice: Dice,
    volume: Filling,
    /// Of each DLE.
    trees: Vec<Tree>,
}

/// What a volume takes.
const VOLUME: u64 = 1 << 40;

impl<'c> Maker<'c> {
    fn new(c: &'c Connection, site: Site) -> Outcome<Self> {
        let mut dice = Dice(site.seed);
        let mut trees = Vec::new();
        let since = site.run(0)?.to_string();
        for n in 0..site.dles {
            c.prepare_cached("INSERT INTO dles (id, host, dle, since) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    i64::try_from(n + 1)?,
                    format!("host{:04}", n / 10),
                    format!("/data{}", n % 10),
                    since
                ])?;
            trees.push(Tree::new(&mut dice));
        }
        Ok(Self { c, site, dice, volume: Filling { number: 0, file: 0, bytes: 0 }, trees })
    }

    fn run(&mut self, n: u64) -> Outcome {
        let run = self.site.run(n)?.to_string();
        self.c
            .prepare_cached("INSERT INTO runs VALUES (?1, 'dump', ?1, ?1, 'good', 'scale')")?
            .execute([&run])?;
        // What the run has to write decides how much of it goes onto a volume, so that their number comes out.
        let first = self.site.volumes * n / self.site.runs;
        let last = self.site.volumes * (n + 1) / self.site.runs;
        self.begin_volume(first + 1, &run)?;
        let a_volume = self.site.dles.div_ceil((last - first).max(1));
        for dle in 0..self.site.dles {
            let over = dle > 0 && dle % a_volume == 0;
            self.dump(n, dle, &run, over)?;
        }
        self.end_volume(&run)
    }

    fn begin_volume(&mut self, number: u64, run: &str) -> Outcome {
        self.volume = Filling { number, file: 1, bytes: 0 };
        self.c
            .prepare_cached(
                "INSERT INTO volumes (label, pool, storage, barcode, block, state, labelled, first, last, next_file,
                 bytes) VALUES (?1, 'daily', 'lib', ?2, 524288, 'full', ?3, ?3, ?3, 1, 0)",
            )?
            .execute(params![self.volume.label(), format!("{}L8", self.volume.label()), run])?;
        Ok(())
    }

    fn end_volume(&mut self, run: &str) -> Outcome {
        self.c
            .prepare_cached(
                "UPDATE volumes SET next_file = ?2, bytes = ?3, last = ?4 WHERE label = ?1",
            )?
            .execute(params![
                self.volume.label(),
                i64::try_from(self.volume.file)?,
                i64::try_from(self.volume.bytes.min(VOLUME))?,
                run
            ])?;
        Ok(())
    }

    /// A dump; `over` if it goes on over the end of the volume.
    fn dump(&mut self, n: u64, dle: u64, run: &str, over: bool) -> Outcome {
        let millis = 1_767_225_600_000 + n * 86_400_000 + dle;
        let mut chance = [0; 10];
        chance[..8].copy_from_slice(&self.dice.roll().to_be_bytes());
        let id = DumpId::new(millis, chance);
        let day = (n + dle) % 7;
        let tree = &mut self.trees[usize::try_from(dle)?];
        tree.live(n, &mut self.dice);
        let level =
            if tree.chain.is_empty() { 0 } else { [0, 1, 1, 1, 2, 2, 2][usize::try_from(day)?] };
        // After a full that came out of its turn there is no level 1 to build a level 2 on.
        let level = level.min(tree.chain.len());
        tree.chain.truncate(level);
        let base = tree.chain.last().map(|(id, _)| id.to_string());
        let (raw, stored) = tree.dump(&mut self.dice);
        tree.chain.push((id, 1.0));
        let (id, millis) = (id.to_string(), i64::try_from(stored.0 / RATE)?);
        let (raw, stored) = (i64::try_from(raw.0)?, i64::try_from(stored.0)?);
        self.c
            .prepare_cached(
                "INSERT INTO dumps (id, dle, run, level, base, status, started, finished, millis, raw, stored, entries,
                 frames, idx_sha) VALUES (?1, ?2, ?3, ?4, ?5, 'good', ?3, ?3, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                id,
                i64::try_from(dle + 1)?,
                run,
                i64::try_from(level)?,
                base,
                millis,
                raw,
                stored,
                raw >> 14,
                raw >> 22,
                "ab".repeat(32)
            ])?;
        self.c
            .prepare_cached("INSERT INTO copies VALUES (?1, 'lib', 'complete')")?
            .execute([&id])?;
        if n + 200 >= self.site.runs {
            self.c
                .prepare_cached("INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute(params![
                i64::try_from(dle + 1)?,
                run,
                id,
                i64::try_from(level)?,
                raw,
                stored,
                raw >> 14,
                millis
            ])?;
        }
        let first = if over { stored / 3 } else { stored };
        self.part(&id, run, (1, 0, first))?;
        if over {
            self.end_volume(run)?;
            self.begin_volume(self.volume.number + 1, run)?;
            self.part(&id, run, (2, first, stored - first))?;
        }
        Ok(())
    }

    fn part(&mut self, id: &str, run: &str, (no, offset, bytes): (i64, i64, i64)) -> Outcome {
        self.c
            .prepare_cached(
                "INSERT INTO parts (dump, storage, no, run, label, file, block, first_frame, last_frame, offset, bytes,
                 sha_so_far, crc_so_far) VALUES (?1, 'lib', ?2, ?3, ?4, ?5, ?6, 0, 99, ?7, ?8, ?9, 7)",
            )?
            .execute(params![
                id,
                no,
                run,
                self.volume.label(),
                i64::try_from(self.volume.file)?,
                i64::try_from(self.volume.file * 100)?,
                offset,
                bytes,
                "cd".repeat(32)
            ])?;
        self.volume.file += 1;
        self.volume.bytes += u64::try_from(bytes)?;
        Ok(())
    }
}

/// What a question took, in words.
fn clocked<T, E: std::error::Error + 'static>(
    what: impl Display,
    ask: impl FnOnce() -> Result<T, E>,
) -> Outcome<T> {
    let (begun, worked) = (Instant::now(), processor());
    let answer = ask()?;
    let (passed, worked) = (begun.elapsed().as_secs_f64() * 1000.0, processor() - worked);
    println!("{passed:>9.1} ms {worked:>7} ms  {what}");
    Ok(answer)
}

/// Milliseconds of a processor that this process has had, as the kernel counts them: in hundredths of a second.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// The highest memory that this process has had, as the kernel says it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.trim_start_matches("VmHWM:").trim().to_owned()
}

fn time(file: &Path) -> Outcome {
    println!("     passed  processor");
    let catalogue = clocked("open", || Catalogue::open(file))?;
    let volumes = clocked("all volumes", || catalogue.volumes())?;
    let newest = clocked("the newest stamp", || catalogue.newest_stamp())?.ok_or("no run")?;
    let now = newest.plus_days(1);
    let policies = Policies::from([(
        "lib".parse()?,
        Policy { volumes: 500, recover_days: 30, cycles: 2, ..Policy::default() },
    )]);
    let dle: DleRef = DleRef { host: "host0001".parse()?, dle: "/data1".parse()? };
    clocked("the dumps of one DLE", || catalogue.dumps_of(&dle))?;
    clocked("the newest dump of one DLE", || {
        catalogue.dumps(&Filter { limit: 1, ..Filter::of(&dle) })
    })?;
    clocked("the newest state of one DLE", || catalogue.newest_at(&dle, now))?;
    clocked("what the planner wants to know of all DLEs", || catalogue.planner_facts())?;
    println!("                        memory {}", memory());
    let labels: Vec<&Label> = volumes.iter().map(|volume| &volume.label).collect();
    for at in
        [0, labels.len() / 2, labels.len().saturating_sub(2000), labels.len().saturating_sub(1)]
    {
        let Some(label) = labels.get(at) else { continue };
        clocked(format!("what is on {label}"), || catalogue.parts_on(label))?;
        clocked(format!("the verdict on {label}"), || catalogue.verdict(label, &policies, now))?;
    }
    let advice = clocked("whom a scan asks", || catalogue.advice(&policies, now))?;
    let asked = labels.iter().step_by(200).map(|label| advice.of(label).is_reusable());
    let free = clocked("it is asked about 100 volumes", || {
        Ok::<_, std::fmt::Error>(asked.filter(|free| *free).count())
    })?;
    println!("                        {free} of them are reusable; memory {}", memory());
    clocked("verdicts on all volumes", || catalogue.verdicts(&policies, now))?;
    println!("                        memory {}", memory());
    Ok(())
}
