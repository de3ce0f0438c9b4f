//! How a site is configured, and its shape by chance.
//!
//! A world has a real configuration: these settings become the text of a `reelkeep.toml`, and the product's own reader
//! makes a `Config` of it. What an operator changes later is changed here and read again.

use std::fmt::Write as _;
use std::path::PathBuf;

use config::Config;
use types::{Bytes, DleRef};

use super::crowd::Crowd;
use super::dice::Dice;

/// One DLE of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct DleSettings {
    pub(crate) host: String,
    pub(crate) name: String,
    /// More lines of its section.
    pub(crate) more: String,
    /// It is not to be dumped before that day of the world.
    pub(crate) idle: Option<u32>,
}

impl DleSettings {
    pub(crate) fn reference(&self) -> DleRef {
        DleRef {
            host: self.host.parse().expect("a host"),
            dle: self.name.parse().expect("a DLE's name"),
        }
    }

    /// One DLE in a long cycle of its own, or that fits on no volume, would stop the wheel.
    pub(crate) fn hurry(&mut self) {
        self.more = self.without(&["dumpcycle", "allow-split"]);
    }

    /// More lines of its section, as things stand.
    fn lines(&self) -> String {
        match self.idle {
            None => self.more.clone(),
            Some(_) => self.without(&["strategy"]) + "strategy = \"skip\"\n",
        }
    }

    fn without(&self, keys: &[&str]) -> String {
        let is_one = |line: &str| keys.iter().any(|key| line.starts_with(key));
        let lines = self.more.lines().filter(|line| !is_one(line));
        lines.fold(String::new(), |more, line| more + line + "\n")
    }
}

/// How long volumes are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) tapes: u32,
    pub(crate) days: u32,
    pub(crate) recover: u32,
    pub(crate) full: u32,
    pub(crate) cycles: u32,
}

/// A site.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) dles: Vec<DleSettings>,
    /// Bytes of each holding disk.
    pub(crate) holding: Vec<Bytes>,
    pub(crate) chunk: Option<Bytes>,
    pub(crate) changers: Vec<ChangerSettings>,
    pub(crate) storages: Vec<StorageSettings>,
    pub(crate) barcodes: bool,
    pub(crate) length: Bytes,
    pub(crate) part: Option<Bytes>,
    pub(crate) dumpcycle: u32,
    pub(crate) runtapes: u32,
    pub(crate) parallel: u32,
    pub(crate) scan: &'static str,
    pub(crate) algorithm: &'static str,
    pub(crate) autoflush: &'static str,
    /// Percent of a volume: dumped, scheduled, at the end.
    pub(crate) thresholds: (u32, u32, u32),
    pub(crate) inparallel: u32,
    pub(crate) reserve: u32,
    /// Runs a day.
    pub(crate) runs: u32,
    /// Seconds that go by before the next thing happens, at most.
    pub(crate) pace: u64,
    /// What a site has when many clients share it.
    pub(crate) crowd: Option<Crowd>,
}

/// A storage: where its volumes are, and how long they are kept.
#[derive(Clone, Debug)]
pub(crate) struct StorageSettings {
    pub(crate) name: &'static str,
    pub(crate) changer: &'static str,
    pub(crate) keep: Keep,
    /// It takes fulls alone.
    pub(crate) fulls: bool,
    /// Runs write to it; else it gets copies of the others' dumps, after so many days.
    pub(crate) vault: Option<u32>,
}

/// A library.
#[derive(Clone, Debug)]
pub(crate) struct ChangerSettings {
    pub(crate) name: &'static str,
    pub(crate) drives: usize,
    pub(crate) slots: usize,
    pub(crate) cartridges: usize,
}

/// Slots of a library that goes round, or half as many more.
const MOST_SLOTS: u64 = 48;

/// What the full of a DLE takes, one with another.
pub(crate) const USUAL_FULL: Bytes = Bytes(570 << 20);

/// One frame of an image.
pub(crate) const FRAME: Bytes = Bytes(4 << 20);

impl Settings {
    /// A small site on which nothing is remarkable: some DLEs of one host, one drive, space enough.
    pub fn plain() -> Self {
        let dle = |number: u32| DleSettings {
            host: "web".to_owned(),
            name: format!("/srv/{number:02}"),
            more: String::new(),
            idle: None,
        };
        Self {
            dles: (0..6).map(dle).collect(),
            holding: vec![Bytes::GIB.times(40)],
            chunk: None,
            changers: vec![ChangerSettings { name: "robot", drives: 1, slots: 12, cartridges: 12 }],
            storages: vec![StorageSettings {
                name: "daily",
                changer: "robot",
                keep: Keep { recover: 5, full: 1, tapes: 2, ..Keep::default() },
                fulls: false,
                vault: None,
            }],
            barcodes: true,
            length: Bytes::GIB.times(8),
            part: Some(Bytes::GIB),
            dumpcycle: 5,
            runtapes: 2,
            parallel: 1,
            scan: "traditional",
            algorithm: "first",
            autoflush: "all",
            thresholds: (0, 0, 0),
            inparallel: 3,
            reserve: 30,
            runs: 1,
            pace: 60,
            crowd: None,
        }
    }

    /// A very small one: a night of it takes few steps.
    pub fn small() -> Self {
        Self { dumpcycle: 2, ..Self::plain().of_few() }
    }

    /// With two DLEs.
    #[must_use]
    pub fn of_few(mut self) -> Self {
        self.dles.truncate(2);
        self
    }

    /// A plain one whose images have many parts.
    pub fn of_small_parts() -> Self {
        Self { part: Some(Bytes::MIB.times(64)), ..Self::plain() }
    }

    /// A plain one whose holding disk has no room for all of a night.
    pub fn of_little_space() -> Self {
        Self { holding: vec![Bytes::MIB.times(700)], ..Self::plain() }
    }

    /// A plain one that keeps copies elsewhere.
    pub fn vaulted() -> Self {
        let plain = Self::plain();
        let changer = ChangerSettings { name: "second", ..plain.changers[0].clone() };
        let vault = StorageSettings {
            name: "away",
            changer: "second",
            vault: Some(2),
            ..plain.storages[0].clone()
        };
        let changers = plain.changers.iter().cloned().chain([changer]).collect();
        let storages = plain.storages.iter().cloned().chain([vault]).collect();
        Self { changers, storages, ..plain }
    }

    /// A plain one that goes round: each run takes some volumes, and there are few more than it has to keep.
    pub fn turning() -> Self {
        let plain = Self::plain();
        let changer = ChangerSettings { slots: 24, cartridges: 24, ..plain.changers[0].clone() };
        let keep = Keep { recover: 3, days: 2, tapes: 2, ..Keep::default() };
        let storage = StorageSettings { keep, ..plain.storages[0].clone() };
        Self {
            changers: vec![changer],
            storages: vec![storage],
            length: Bytes::MIB.times(400),
            part: Some(Bytes::MIB.times(100)),
            dumpcycle: 3,
            runtapes: 6,
            ..plain
        }
    }

    /// The same with copies elsewhere, which are kept for a shorter time.
    pub fn turning_vaulted() -> Self {
        let turning = Self::turning();
        let changer = ChangerSettings { name: "second", ..turning.changers[0].clone() };
        let vault = StorageSettings {
            name: "away",
            changer: "second",
            keep: Keep { recover: 1, ..Keep::default() },
            fulls: false,
            vault: Some(0),
        };
        let changers = turning.changers.iter().cloned().chain([changer]).collect();
        let storages = turning.storages.iter().cloned().chain([vault]).collect();
        Self { changers, storages, ..turning }
    }

    /// A site of any shape.
    pub fn by_chance(dice: &mut Dice) -> Self {
        let hosts = dice.between(1, 8);
        let dles = dice.between(4, 30);
        // So short that a month goes round several times, and a full may need two or three.
        let length = Bytes::MIB.times(dice.between(600, 6000));
        let (changers, storages) = libraries_by_chance(dice);
        let drives = changers.iter().map(|changer| changer.drives as u64).min().unwrap_or(1);
        let runtapes = dice.between(1, 4);
        let holding = (0..dice.below(4)).map(|_| Bytes::GIB.times(dice.between(1, 24))).collect();
        let autoflush = dice.pick(&["all", "all", "yes", "no"]).copied().unwrap_or("all");
        // What taperflush leaves behind has to be flushed some day.
        let thresholds = if autoflush == "no" || dice.one_in(2) {
            (0, 0, 0)
        } else {
            let dumped = dice.below(120);
            let scheduled = dumped + dice.below(60);
            (small(dumped), small(scheduled), small(dice.below(scheduled + 1)))
        };
        let mut one = |list: &[&'static str]| dice.pick(list).copied().unwrap_or_default();
        let scan = one(&["traditional", "oldest", "lexical"]);
        let algorithm = one(&[
            "first",
            "firstfit",
            "largest",
            "largestfit",
            "smallest",
            "smallestfit",
            "last",
            "lastfit",
        ]);
        Self {
            dles: (0..dles).map(|number| dle_by_chance(dice, number, hosts)).collect(),
            holding,
            chunk: dice.one_in(2).then(|| Bytes::MIB.times(dice.between(64, 1024))),
            changers,
            storages,
            barcodes: !dice.one_in(3),
            length,
            part: (!dice.one_in(3)).then(|| Bytes::MIB.times(dice.between(64, 1024)).min(length)),
            dumpcycle: small(dice.between(2, 10)),
            runtapes: small(runtapes),
            parallel: small(dice.between(1, drives.min(runtapes))),
            scan,
            algorithm,
            autoflush,
            thresholds,
            inparallel: small(dice.between(1, 6)),
            reserve: small(dice.below(101)),
            runs: 1,
            pace: 60,
            crowd: None,
        }
    }

    /// A site that goes round: a run takes several volumes, and there are hardly more of them than it has to keep, so
    /// that in a month each is written over many times.
    ///
    /// Few DLEs and short cycles rather than long months: what costs time is dumps, and what is looked for is
    /// volumes that are given back.
    pub fn going_round(dice: &mut Dice) -> Self {
        let mut site = Self::by_chance(dice);
        site.dumpcycle = small(dice.between(1, 4));
        site.runs = small(dice.between(1, 2));
        site.dles.truncate(usize::try_from(dice.between(3, 8)).unwrap_or(3));
        for dle in &mut site.dles {
            dle.hurry();
        }
        for storage in &mut site.storages {
            storage.keep = Keep::briefly(dice);
        }
        let (cycle, shelves) = (site.dumpcycle, &site.storages);
        let kept = shelves.iter().map(|of| of.keep.days_at_most(cycle)).max().unwrap_or(0);
        // A cycle, what is kept beyond it, and what is being written; of each storage, for they may share a library.
        let runs = (u64::from((cycle + kept) * site.runs) + 2) * shelves.len() as u64;
        let volumes = dice.between(2, 5).min(MOST_SLOTS / runs).max(1);
        let fulls = USUAL_FULL.times(site.dles.len() as u64);
        let a_run = fulls.share(1.0 / f64::from(cycle * site.runs) + 0.05);
        site.length = a_run.share(1.0 / volumes as f64).max(Bytes::MIB.times(100));
        site.part = site.part.map(|part| part.min(site.length.share(0.5)));
        site.runtapes = small(volumes + dice.between(1, 3));
        site.parallel = site.parallel.min(site.runtapes);
        for changer in &mut site.changers {
            let least = (volumes * runs).max(6);
            changer.slots = usize::try_from(dice.between(least, least * 3 / 2)).unwrap_or(6);
            changer.cartridges = changer.slots;
        }
        site
    }

    /// The text of the `reelkeep.toml`.
    pub(crate) fn text(&self) -> String {
        let Self { dumpcycle, inparallel, reserve, runtapes, parallel, scan, algorithm, .. } = self;
        let (for_the_crowd, interfaces) =
            self.crowd.as_ref().map_or_else(Default::default, Crowd::text);
        let (autoflush, length) = (self.autoflush, self.length.0);
        let (dumped, scheduled, taperflush) = self.thresholds;
        let part = self.part.map_or(String::new(), |part| format!("part-size = \"{} B\"", part.0));
        let of_runs = self.storages.iter().filter(|storage| storage.vault.is_none());
        let names: Vec<&str> = of_runs.map(|storage| storage.name).collect();
        let vaults =
            self.storages.iter().filter_map(|storage| Some((storage.name, storage.vault?)));
        let vaults: Vec<String> = vaults
            .map(|(name, days)| format!("{{ storage = \"{name}\", days = {days} }}"))
            .collect();
        let vaults = vaults.join(", ");
        let mut text = format!(
            r#"[site]
org = "World"
storage = {names:?}
dumpcycle = "{dumpcycle} days"
inparallel = {inparallel}
maxdumps = 2
reserve = {reserve}
netusage = "10 GiB/s"
runtapes = {runtapes}
taper-parallel-write = {parallel}
taperscan = "{scan}"
taperalgo = "{algorithm}"
autoflush = "{autoflush}"
flush-threshold-dumped = {dumped}
flush-threshold-scheduled = {scheduled}
taperflush = {taperflush}
{for_the_crowd}[tapetype.tape]
length = "{length} B"
{part}
{interfaces}"#
        );
        for ChangerSettings { name, slots, drives, .. } in &self.changers {
            let lines = format!(
                "[changer.{name}]\ntype = \"vtape\"\ndirectory = \"{name}\"\nslots = {slots}\ndrives = {drives}"
            );
            write_line(&mut text, &lines);
        }
        for StorageSettings { name, changer, keep, fulls, vault } in &self.storages {
            let vault = if vault.is_none() { format!("vault = [{vaults}]") } else { String::new() };
            let Keep { tapes, days, recover, full, cycles } = keep;
            let selection = if *fulls { "dump-selection = [{ level = \"full\" }]" } else { "" };
            let lines = format!(
                r#"[policy.{name}]
retention-tapes = {tapes}
retention-days = {days}
retention-recover = {recover}
retention-full = {full}
retention-cycles = {cycles}
[storage.{name}]
tpchanger = "{changer}"
tapetype = "tape"
policy = "{name}"
autolabel = "{name}-%%%%"
{selection}
{vault}"#
            );
            write_line(&mut text, &lines);
        }
        for (number, size) in self.holding.iter().enumerate() {
            let chunk = self.chunk.map_or("0".to_owned(), |chunk| format!("\"{} B\"", chunk.0));
            write_line(
                &mut text,
                &format!(
                    "[holdingdisk.h{number}]\ndirectory = \"h{number}\"\nuse = \"{} B\"\nchunksize = {chunk}",
                    size.0
                ),
            );
        }
        for dle in &self.dles {
            let DleSettings { host, name, .. } = dle;
            let more = dle.lines();
            // What has to wait on a holding disk wants one.
            let more =
                if self.holding.is_empty() { more.replace("required", "auto") } else { more };
            write_line(
                &mut text,
                &format!(
                    "[[dle]]\nhost = \"{host}\"\nname = \"{name}\"\npath = \"{name}\"\n{more}"
                ),
            );
        }
        text
    }

    /// The configuration, as the product reads it.
    ///
    /// # Panics
    /// If it does not take it: then these settings are wrong.
    pub(crate) fn config(&self) -> Config {
        let text = self.text();
        let file = (PathBuf::from("/world/reelkeep.toml"), text.clone());
        config::read(&[file]).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
    }
}

/// One storage, or two that share a library or have one each.
pub(crate) fn libraries_by_chance(dice: &mut Dice) -> (Vec<ChangerSettings>, Vec<StorageSettings>) {
    let changer = |dice: &mut Dice, name| {
        let slots = usize::try_from(dice.between(5, 18)).unwrap_or(5);
        ChangerSettings {
            name,
            drives: 1 + dice.index(3),
            slots,
            cartridges: slots + dice.index(4),
        }
    };
    let storage = |dice: &mut Dice, name, changer| StorageSettings {
        name,
        changer,
        keep: Keep::by_chance(dice),
        fulls: name != "daily" && dice.one_in(2),
        vault: None,
    };
    let mut changers = vec![changer(dice, "robot")];
    let mut storages = vec![storage(dice, "daily", "robot")];
    match dice.below(5) {
        2 => {
            changers.push(changer(dice, "second"));
            let days = small(dice.below(4));
            storages.push(StorageSettings { vault: Some(days), ..storage(dice, "away", "second") });
        }
        0 => storages.push(storage(dice, "copies", "robot")),
        1 => {
            changers.push(changer(dice, "second"));
            storages.push(storage(dice, "copies", "second"));
        }
        _ => {}
    }
    (changers, storages)
}

impl Keep {
    /// For how many days it may hold a volume, in a cycle of so many, from when nothing builds on it any more.
    pub(crate) fn days_at_most(self, cycle: u32) -> u32 {
        self.days.max(self.recover).max(self.full * cycle).max(self.cycles * cycle)
    }

    /// So that a volume comes free soon; but each rule has its turn.
    pub(crate) fn briefly(dice: &mut Dice) -> Self {
        Self {
            tapes: small(dice.below(4)),
            days: small(dice.below(2)),
            recover: small(dice.below(3)),
            full: small(dice.below(2)),
            cycles: if dice.one_in(4) { 1 } else { 0 },
        }
    }

    pub(crate) fn by_chance(dice: &mut Dice) -> Self {
        Self {
            tapes: small(dice.below(4)),
            days: if dice.one_in(4) { small(dice.between(1, 9)) } else { 0 },
            recover: if dice.one_in(3) { 0 } else { small(dice.between(1, 6)) },
            full: small(dice.below(3)),
            cycles: if dice.one_in(4) { small(dice.between(1, 3)) } else { 0 },
        }
    }
}

/// A DLE of any kind, on one of so many hosts.
pub(crate) fn dle_by_chance(dice: &mut Dice, number: u64, hosts: u64) -> DleSettings {
    let mut more = String::new();
    let holding = dice.pick(&["auto", "auto", "auto", "auto", "required", "never"]).copied();
    write_line(&mut more, &format!("holdingdisk = \"{}\"", holding.unwrap_or("auto")));
    let strategy = match dice.below(20) {
        0 => "incronly",
        1 | 2 => "noinc",
        _ => "standard",
    };
    write_line(&mut more, &format!("strategy = \"{strategy}\""));
    if dice.one_in(4) {
        write_line(&mut more, &format!("dumpcycle = \"{} days\"", dice.between(1, 12)));
    }
    if dice.one_in(3) {
        write_line(&mut more, &format!("priority = {}", dice.below(3)));
    }
    if dice.one_in(5) {
        write_line(&mut more, "allow-split = false");
    }
    if dice.one_in(8) {
        write_line(
            &mut more,
            &format!("starttime = {}", dice.pick(&[100, 130, 300]).unwrap_or(&100)),
        );
    }
    if dice.one_in(3) {
        write_line(&mut more, &format!("bumpsize = \"{} MiB\"\nbumpdays = 1", dice.between(1, 50)));
    }
    DleSettings {
        host: format!("host{}", number % hosts.max(1)),
        name: format!("/srv/{number:03}"),
        more,
        idle: None,
    }
}

pub(crate) fn write_line(text: &mut String, line: &str) {
    // Writing to a string can't fail.
    writeln!(text, "{line}").unwrap_or_default();
}

pub(crate) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
