//! What the planner is told, put together from the configuration and the catalogue.
//!
//! Here is where a stamp becomes a day, and where "is it still restorable?" is asked of the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use config::{Config, Dle};
use taper::catalogue::{self, Ask, Catalogue, CatalogueError, RunKind};
use types::{Bytes, DleRef, DumpId, Level};

use super::destinations;
use super::elsewhere::Elsewhere;
use crate::clock::{self, Now};
use crate::library;
use crate::planner::{
    Bump, Capacity, Day, DleFacts, Estimates, Limits, Past, Ratio, Request, Route, Row, Snapshot,
    Storage, Strategy, Today, Tonight,
};

/// The facts of the DLEs that a run is asked to do.
pub fn of(
    config: &Config,
    dles: &[&Dle],
    catalogue: &Catalogue,
    lost: &BTreeSet<DumpId>,
) -> Result<Vec<DleFacts>, CatalogueError> {
    let mut known = catalogue.planner_facts()?;
    let elsewhere = Elsewhere::of(dles, catalogue)?;
    let named = destinations::of_run(config, RunKind::Dump);
    let last = known.values().flat_map(|past| past.last_of_each_level().into_values());
    let restorable = catalogue.restorable(last.map(|row| row.dump).collect::<Vec<_>>())?;
    dles.iter()
        .map(|dle| {
            let past = known.remove(&dle.reference()).unwrap_or_default();
            let mut facts = one(config, dle, &past, &restorable, lost)?;
            facts.route = route(&named, dle);
            facts.skipped_full = elsewhere.last(&facts);
            Ok(facts)
        })
        .collect()
}

fn one(
    config: &Config,
    dle: &Dle,
    past: &catalogue::DleFacts,
    restorable: &BTreeSet<DumpId>,
    lost: &BTreeSet<DumpId>,
) -> Result<DleFacts, CatalogueError> {
    let how = &dle.dumping;
    let mut last = BTreeMap::new();
    for (level, row) in past.last_of_each_level() {
        let snapshot = if lost.contains(&row.dump) { Snapshot::Lost } else { Snapshot::Kept };
        let restorable = restorable.contains(&row.dump);
        last.insert(
            level,
            Past {
                dump: row.dump,
                day: Day(clock::day_of(row.run)),
                raw: row.raw,
                stored: row.stored,
                restorable,
                snapshot,
                // Retention keeps every volume that a chain in use needs, so none is in sight of being overwritten.
                overwritten_in: None,
            },
        );
    }
    Ok(DleFacts {
        dle: dle.reference(),
        priority: how.priority,
        strategy: strategy(how.strategy),
        dumpcycle: how.dumpcycle,
        maxpromoteday: how.maxpromoteday,
        skip_full: how.skip_full,
        skip_incr: how.skip_incr,
        record: how.record,
        bump: Bump {
            size: how.bump.size,
            percent: how.bump.percent,
            mult: how.bump.mult,
            days: how.bump.days,
        },
        starttime: how.starttime.map(|at| u32::from(at.hour) * 3600 + u32::from(at.minute) * 60),
        maxdumps: how.maxdumps,
        spindle: how.spindle,
        interface: config.interfaces.iter().position(|one| one.name == dle.interface).unwrap_or(0),
        route: Route { full: Vec::new(), incremental: Vec::new() },
        allow_split: how.allow_split,
        ratio: Ratio { full: how.comprate.0, incremental: how.comprate.1 },
        request: past.requests.first().map(request),
        last,
        last_level: past.last_level(),
        consecutive_runs: u32::try_from(past.consecutive_runs()).unwrap_or(u32::MAX),
        // What other facts tell is added by `of`.
        skipped_full: None,
        history: past.history.iter().map(row).collect(),
    })
}

fn strategy(strategy: config::Strategy) -> Strategy {
    match strategy {
        config::Strategy::Standard => Strategy::Standard,
        config::Strategy::NoFull => Strategy::NoFull,
        config::Strategy::NoInc => Strategy::NoInc,
        config::Strategy::Skip => Strategy::Skip,
        config::Strategy::IncrOnly => Strategy::IncrOnly,
    }
}

/// A full, if one is asked for, is what counts: the requests sort by weight.
fn request(ask: &Ask) -> Request {
    match ask {
        Ask::Full => Request::Full,
        Ask::LevelOne => Request::Level1,
        Ask::Bump => Request::Bump,
        Ask::NoBump => Request::NoBump,
    }
}

fn row(row: &catalogue::HistoryRow) -> Row {
    Row {
        day: Day(clock::day_of(row.run)),
        level: row.level,
        raw: row.raw,
        stored: row.stored,
        seconds: u32::try_from(row.took.as_secs()).unwrap_or(u32::MAX),
    }
}

/// From when each may be dumped, as a clock would show it that nobody sets in this night: what is between now and then is
/// the time that passes.
pub(super) fn by_an_unset_clock(dles: &mut [DleFacts], now: &Now) {
    for start in dles.iter_mut().filter_map(|facts| facts.starttime.as_mut()) {
        let shown = i64::from(now.second_of_day()) + now.seconds_until(*start);
        *start = u32::try_from(shown.rem_euclid(clock::DAY)).unwrap_or(*start);
    }
}

/// The moment of the run.
pub fn today(now: &Now) -> Today {
    Today { day: Day(now.day()), second: now.second_of_day() }
}

/// All that a plan is made from.
pub fn tonight(
    config: &Config,
    catalogue: &Catalogue,
    dles: Vec<DleFacts>,
    estimates: BTreeMap<DleRef, Estimates>,
    today: Today,
) -> Result<Tonight, CatalogueError> {
    let held = held(config, dles.iter().map(|facts| facts.dle.clone()).collect(), catalogue)?;
    let mut storages = storages(config);
    for storage in &mut storages {
        storage.capacity.held = held.get(&storage.name).copied().unwrap_or_default();
    }
    Ok(Tonight {
        today,
        dles,
        estimates,
        storages,
        dumpcycle: config.site.dumping.dumpcycle,
        runs_per_cycle: runs_per_cycle(config, catalogue)?,
        limits: limits(config),
    })
}

/// What waits on the holding disk for each storage, and the run of these DLEs writes.
fn held(
    config: &Config,
    dumped: BTreeSet<DleRef>,
    catalogue: &Catalogue,
) -> Result<BTreeMap<String, Bytes>, CatalogueError> {
    let mut held = BTreeMap::<String, Bytes>::new();
    for row in catalogue.held()? {
        let located = catalogue.dump(row.dump)?;
        let lacks = super::lacking(config, &located);
        if destinations::are_flushed(config, &located.dump.dle, &lacks, &dumped) {
            for storage in lacks {
                *held.entry(storage.to_string()).or_default() += located.dump.stored;
            }
        }
    }
    Ok(held)
}

/// The storages that a night writes to.
pub fn storages(config: &Config) -> Vec<Storage> {
    let storages: Vec<Storage> = destinations::of_run(config, RunKind::Dump)
        .into_iter()
        .map(|storage| {
            let drives = storage.tapering.taper_parallel_write.max(1);
            Storage {
                name: storage.name.to_string(),
                capacity: Capacity {
                    volume: library::usable(storage),
                    runtapes: storage.tapering.runtapes,
                    held: Bytes::ZERO,
                    limit: config.site.maxdumpsize,
                    filemark: storage.tapetype.filemark,
                    block: storage.tapetype.blocksize.bytes(),
                    part: storage.tapetype.part_size,
                },
                speed: storage.tapetype.speed.map(|speed| speed.times(drives.into())),
            }
        })
        .collect();
    if storages.is_empty() { vec![without_volumes()] } else { storages }
}

/// Which of them take the dumps of a DLE, by their place. Where there is none, nothing fits.
fn route(named: &[&config::Storage], dle: &Dle) -> Route {
    if named.is_empty() {
        return Route { full: vec![0], incremental: vec![0] };
    }
    let of = |level: Level| {
        let takes = |(_, storage): &(usize, &config::Storage)| {
            destinations::takes(storage, &dle.dumping.tag, level)
        };
        named.iter().copied().enumerate().filter(takes).map(|(number, _)| number).collect()
    };
    Route { full: of(Level::FULL), incremental: of(Level::FULL.next()) }
}

/// Nothing fits it.
fn without_volumes() -> Storage {
    let capacity = Capacity {
        volume: Bytes::ZERO,
        runtapes: 0,
        held: Bytes::ZERO,
        limit: None,
        filemark: Bytes::ZERO,
        block: Bytes::ZERO,
        part: None,
    };
    Storage { name: "none".to_owned(), capacity, speed: None }
}

/// What bounds a night besides the volumes.
pub fn limits(config: &Config) -> Limits {
    Limits {
        minutes: config
            .site
            .maxduration
            .map(|most| u32::try_from(most.as_secs().div_ceil(60)).unwrap_or(u32::MAX)),
        inparallel: config.site.inparallel,
        interfaces: config.interfaces.iter().map(|one| one.use_rate).collect(),
    }
}

/// How many runs make a dump cycle.
pub fn runs_per_cycle(config: &Config, catalogue: &Catalogue) -> Result<u32, CatalogueError> {
    let days = config.site.dumping.dumpcycle.max(1);
    Ok(match config.site.runspercycle {
        config::RunsPerCycle::Daily => days,
        config::RunsPerCycle::Runs(runs) => runs.max(1),
        config::RunsPerCycle::Guess => guessed(catalogue, days)?,
    })
}

/// As many runs as there were in the last dump cycle.
fn guessed(catalogue: &Catalogue, days: u32) -> Result<u32, CatalogueError> {
    let runs = catalogue.runs()?;
    let Some(newest) = runs.first() else { return Ok(days) };
    let since = clock::day_of(newest.stamp) - i64::from(days);
    let recent = runs.iter().filter(|run| clock::day_of(run.stamp) > since).count();
    Ok(u32::try_from(recent).unwrap_or(days).max(1))
}

/// Whether what is asked for a DLE was done by a dump of this level.
pub fn fulfilled(ask: Ask, level: Level) -> bool {
    match ask {
        Ask::Full => level.is_full(),
        Ask::LevelOne => level.number() == 1,
        Ask::Bump | Ask::NoBump => true,
    }
}

/// Why no run ever does what is asked for a DLE, if its configuration stands against it.
pub fn forbidden(dle: &Dle, ask: Ask) -> Option<&'static str> {
    use config::Strategy as S;
    let how = &dle.dumping;
    Some(match (ask, how.strategy) {
        _ if how.ignore => "it is not dumped (ignore)",
        (_, S::Skip) => "its strategy is skip, and it is never dumped",
        (Ask::Full, S::NoFull) => "its strategy is nofull, and it never gets a full",
        (Ask::Bump, S::NoFull) => "its strategy is nofull, and it always gets level 1",
        (Ask::LevelOne | Ask::Bump | Ask::NoBump, S::NoInc) => {
            "its strategy is noinc, and it always gets a full"
        }
        (Ask::Full, _) if how.skip_full => "skip-full leaves its fulls to somebody else",
        (Ask::LevelOne | Ask::Bump | Ask::NoBump, _) if how.skip_incr => {
            "skip-incr is set, and it gets fulls only"
        }
        _ => return None,
    })
}

/// The DLEs by name.
pub fn by_name(config: &Config) -> BTreeMap<DleRef, &Dle> {
    config.dles.iter().map(|dle| (dle.reference(), dle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_strategy_never_does_is_forbidden() {
        use Ask::{Bump, Full, LevelOne, NoBump};
        let lines: [(&str, &[Ask]); 7] = [
            ("strategy = \"standard\"", &[]),
            ("strategy = \"nofull\"", &[Full, Bump]),
            ("strategy = \"noinc\"", &[LevelOne, Bump, NoBump]),
            ("strategy = \"incronly\"", &[]),
            ("strategy = \"skip\"", &[Full, LevelOne, Bump, NoBump]),
            ("skip-full = true", &[Full]),
            ("skip-incr = true", &[LevelOne, Bump, NoBump]),
        ];
        for (line, forbids) in lines {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().canonicalize().unwrap();
            let text =
                config::quickstart(&config::Quickstart::new(root.clone(), vec![root.clone()]));
            let text =
                text.unwrap().replace("[dumptype.tree]\n", &format!("[dumptype.tree]\n{line}\n"));
            std::fs::write(root.join("reelkeep.toml"), text).unwrap();
            let config = config::load(&root).unwrap();
            let asks = [Full, LevelOne, Bump, NoBump];
            let refused = asks.into_iter().filter(|ask| forbidden(&config.dles[0], *ask).is_some());
            assert_eq!(refused.collect::<Vec<_>>(), forbids, "{line}");
        }
    }
}
