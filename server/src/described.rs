//! A site that is only described: TOML in, a [`Site`] for the simulator out.
//!
//! ```toml
//! dumpcycle = 14            # days from full to full
//! volume = "6 TiB"          # what a volume takes
//! runtapes = 2              # volumes of a run
//! inparallel = 8
//!
//! [[dle]]
//! host = "web"
//! count = 40                # so many alike,
//! hosts = 10                # on so many hosts,
//! size = "20 GiB"           # of this size, more or less
//! spread = 2.0
//! change = 0.02             # the share that changes in a day,
//! weekend = 0.2             # and what share of that on Saturdays and Sundays
//! ```

use serde::{Deserialize, Deserializer};
use types::{Bytes, DleRef};

use crate::planner::simulate::{MadeUpDle, Site};
use crate::planner::{Capacity, Day, Limits, Storage, Strategy};

/// Why a description is none.
#[derive(Debug, thiserror::Error)]
pub enum BadDescription {
    /// It is not TOML, or has keys or values that are not known.
    #[error("the description of the site could not be read")]
    Toml(#[from] toml::de::Error),
    /// A host or a DLE has an impossible name.
    #[error("the description of the site has an impossible name")]
    Name(#[from] types::BadName),
    /// A number of it stands for nothing that there is.
    #[error("the description of the site has {key} = {value}, and it has to be {range}")]
    Range {
        /// Which key; of a `[[dle]]`, with its host.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// There is nothing to dump.
    #[error("the description of the site has no [[dle]]: nothing would be dumped")]
    Nothing,
    /// More DLEs than anybody has.
    #[error("{0} DLEs are described, and at most {MOST} can be simulated")]
    TooMany(u64),
}

/// More than this is a slip of the finger.
const MOST: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Described {
    #[serde(default = "week")]
    dumpcycle: u32,
    runspercycle: Option<u32>,
    #[serde(deserialize_with = "size")]
    volume: Bytes,
    #[serde(default = "one")]
    runtapes: u32,
    #[serde(default = "ten")]
    inparallel: u32,
    minutes: Option<u32>,
    /// What the drives write in a second.
    #[serde(default, deserialize_with = "some_size")]
    speed: Option<Bytes>,
    /// What passes the network in a second.
    #[serde(default, deserialize_with = "some_size")]
    network: Option<Bytes>,
    /// How often there is no run, and how often one finds only one volume.
    #[serde(default)]
    missed: f64,
    #[serde(default)]
    short: f64,
    /// Of the sizes of what is alike.
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    dle: Vec<Kind>,
}

/// Several DLEs that are alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Kind {
    host: String,
    #[serde(default = "data")]
    name: String,
    #[serde(default = "one")]
    count: u32,
    hosts: Option<u32>,
    #[serde(deserialize_with = "size")]
    size: Bytes,
    #[serde(default = "alike")]
    spread: f64,
    growth: Option<f64>,
    change: Option<f64>,
    weekend: Option<f64>,
    ratio: Option<f64>,
    #[serde(default, deserialize_with = "some_size")]
    speed: Option<Bytes>,
    failures: Option<f64>,
    dumpcycle: Option<u32>,
    strategy: Option<Way>,
    priority: Option<i32>,
    maxpromoteday: Option<u32>,
    maxdumps: Option<u32>,
    #[serde(default, deserialize_with = "some_size")]
    bumpsize: Option<Bytes>,
    bumppercent: Option<u32>,
    bumpmult: Option<f64>,
    bumpdays: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Standard,
    NoFull,
    NoInc,
    Skip,
    IncrOnly,
}

fn week() -> u32 {
    7
}

fn one() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

fn alike() -> f64 {
    1.0
}

fn data() -> String {
    "/data".to_owned()
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    config::parse_size(&text).map_err(serde::de::Error::custom)
}

fn some_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    size(deserializer).map(Some)
}

impl Described {
    fn check(&self) -> Result<(), BadDescription> {
        if self.dle.is_empty() {
            return Err(BadDescription::Nothing);
        }
        positive("volume", self.volume.0)?;
        positive("dumpcycle", self.dumpcycle)?;
        positive("runtapes", self.runtapes)?;
        positive("inparallel", self.inparallel)?;
        for (key, count) in [("runspercycle", self.runspercycle), ("minutes", self.minutes)] {
            count.map_or(Ok(()), |count| positive(key, count))?;
        }
        for (key, speed) in [("speed", self.speed), ("network", self.network)] {
            speed.map_or(Ok(()), |speed| positive(key, speed.0))?;
        }
        share("missed", Some(self.missed))?;
        share("short", Some(self.short))?;
        self.dle.iter().try_for_each(Kind::check)
    }
}

impl Kind {
    fn check(&self) -> Result<(), BadDescription> {
        let key = |key: &str| format!("{key} of {}", self.host);
        positive(&key("count"), self.count)?;
        for (name, count) in [("hosts", self.hosts), ("maxdumps", self.maxdumps)] {
            count.map_or(Ok(()), |count| positive(&key(name), count))?;
        }
        positive(&key("size"), self.size.0)?;
        self.speed.map_or(Ok(()), |speed| positive(&key("speed"), speed.0))?;
        share(&key("failures"), self.failures)?;
        share(&key("change"), self.change)?;
        within(&key("spread"), Some(self.spread), 1.0, "a number of 1 or more")?;
        within(&key("bumpmult"), self.bumpmult, 0.0, NOT_NEGATIVE)?;
        within(&key("ratio"), self.ratio, 0.0, NOT_NEGATIVE)?;
        within(&key("weekend"), self.weekend, 0.0, NOT_NEGATIVE)?;
        within(&key("growth"), self.growth, -1.0, "a number of -1 or more")
    }
}

const NOT_NEGATIVE: &str = "a number of 0 or more";

fn positive(key: &str, value: impl Into<u64>) -> Result<(), BadDescription> {
    match value.into() {
        0 => Err(out_of_range(key, 0, "1 or more")),
        _ => Ok(()),
    }
}

/// From 0, never, to 1, always.
fn share(key: &str, value: Option<f64>) -> Result<(), BadDescription> {
    match value.filter(|value| !(0.0..=1.0).contains(value)) {
        Some(value) => Err(out_of_range(key, value, "between 0 and 1")),
        None => Ok(()),
    }
}

fn within(
    key: &str,
    value: Option<f64>,
    least: f64,
    range: &'static str,
) -> Result<(), BadDescription> {
    match value.filter(|value| !value.is_finite() || *value < least) {
        Some(value) => Err(out_of_range(key, value, range)),
        None => Ok(()),
    }
}

fn out_of_range(key: &str, value: impl ToString, range: &'static str) -> BadDescription {
    BadDescription::Range { key: key.to_owned(), value: value.to_string(), range }
}

/// The site that a text describes. Nothing in it was ever dumped.
pub fn read(text: &str) -> Result<Site, BadDescription> {
    let described: Described = toml::from_str(text)?;
    described.check()?;
    let count = described.dle.iter().map(|kind| u64::from(kind.count)).sum();
    if count > MOST {
        return Err(BadDescription::TooMany(count));
    }
    let mut dles = Vec::new();
    for (number, kind) in (0..).zip(&described.dle) {
        let one = kind.dle(described.dumpcycle)?;
        let hosts = kind.hosts.unwrap_or(kind.count);
        dles.extend(one.several(
            kind.count,
            hosts,
            kind.spread,
            described.seed.wrapping_add(number),
        ));
    }
    Ok(Site {
        dles,
        storages: vec![Storage {
            name: "volumes".to_owned(),
            capacity: Capacity {
                volume: described.volume,
                runtapes: described.runtapes,
                held: Bytes::ZERO,
                limit: None,
                filemark: Bytes::ZERO,
                block: types::BlockSize::TAPE.bytes(),
                part: None,
            },
            speed: described.speed,
        }],
        limits: Limits {
            minutes: described.minutes,
            inparallel: described.inparallel,
            interfaces: described.network.into_iter().collect(),
        },
        missed: described.missed,
        short: described.short,
        dumpcycle: described.dumpcycle,
        runs_per_cycle: described.runspercycle.unwrap_or(described.dumpcycle),
        today: Day(0),
        seed: described.seed,
    })
}

impl Kind {
    fn dle(&self, dumpcycle: u32) -> Result<MadeUpDle, types::BadName> {
        let dle = DleRef { host: self.host.parse()?, dle: self.name.parse()? };
        let mut one = MadeUpDle::new(dle);
        one.size = self.size.0 as f64;
        let or = |given: Option<f64>, default: f64| given.unwrap_or(default);
        one.growth = or(self.growth, one.growth);
        one.change = or(self.change, one.change);
        one.weekend = or(self.weekend, one.weekend);
        one.ratio = or(self.ratio, one.ratio);
        one.failures = or(self.failures, one.failures);
        one.rate = self.speed.map_or(one.rate, |speed| speed.0 as f64);
        let facts = &mut one.facts;
        facts.dumpcycle = self.dumpcycle.unwrap_or(dumpcycle);
        facts.priority = self.priority.unwrap_or(facts.priority);
        facts.maxpromoteday = self.maxpromoteday.unwrap_or(facts.maxpromoteday);
        facts.maxdumps = self.maxdumps.unwrap_or(facts.maxdumps);
        facts.strategy = match self.strategy.unwrap_or(Way::Standard) {
            Way::Standard => Strategy::Standard,
            Way::NoFull => Strategy::NoFull,
            Way::NoInc => Strategy::NoInc,
            Way::Skip => Strategy::Skip,
            Way::IncrOnly => Strategy::IncrOnly,
        };
        facts.bump.size = self.bumpsize.unwrap_or(facts.bump.size);
        facts.bump.percent = self.bumppercent.unwrap_or(facts.bump.percent);
        facts.bump.mult = or(self.bumpmult, facts.bump.mult);
        facts.bump.days = self.bumpdays.unwrap_or(facts.bump.days);
        Ok(one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_described_in_a_few_lines() {
        let site = read(
            "dumpcycle = 14\nvolume = \"1 TiB\"\n\
             [[dle]]\nhost = \"web\"\ncount = 4\nhosts = 2\nsize = \"20 GiB\"\n\
             [[dle]]\nhost = \"db\"\nsize = \"1 TiB\"\nstrategy = \"noinc\"\ndumpcycle = 7\n",
        )
        .unwrap();
        let names: Vec<_> = site.dles.iter().map(|dle| dle.facts.dle.to_string()).collect();
        assert_eq!(
            names,
            [
                "web0000:/data00000",
                "web0001:/data00001",
                "web0000:/data00002",
                "web0001:/data00003",
                "db0000:/data00000"
            ]
        );
        assert_eq!((site.dles[0].facts.dumpcycle, site.dles[4].facts.dumpcycle), (14, 7));
        assert_eq!(site.dles[4].facts.strategy, Strategy::NoInc);
        assert_eq!(site.storages[0].capacity.volume, Bytes(1 << 40));
    }

    #[test]
    fn slips_are_told() {
        for bad in [
            "",
            "volume = \"much\"",
            "volume = \"1 TiB\"\nvolumes = 3",
            "volume = \"1 TiB\"\n[[dle]]\nhost = \"a\"\nsize = \"1 GiB\"\ncount = 2000000",
            "volume = \"1 TiB\"\n[[dle]]\nhost = \"\"\nsize = \"1 GiB\"",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_that_stand_for_nothing_are_refused() {
        let good = "volume = \"100 GiB\"\n[[dle]]\nhost = \"a\"\nsize = \"1 GiB\"\n";
        assert!(read(good).is_ok());
        let wrong = [
            ("volume = \"100 GiB\"", "volume = \"0 B\"", "volume = 0"),
            ("volume", "runtapes = 0\nvolume", "runtapes = 0"),
            ("volume", "missed = 2.0\nvolume", "missed = 2"),
            ("size", "count = 0\nsize", "count of a = 0"),
            ("size", "change = 5.0\nsize", "change of a = 5"),
            ("size", "failures = 2.0\nsize", "failures of a = 2"),
            ("size", "failures = -0.1\nsize", "failures of a = -0.1"),
            ("size", "spread = 0.5\nsize", "spread of a = 0.5"),
            ("size", "ratio = nan\nsize", "ratio of a = NaN"),
            ("size = \"1 GiB\"", "size = \"0 B\"", "size of a = 0"),
        ];
        for (from, to, told) in wrong {
            let error = read(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(matches!(read("volume = \"1 GiB\"\n"), Err(BadDescription::Nothing)));
    }
}
