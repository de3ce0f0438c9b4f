//! What the runs to come are expected to be like: as the configuration wants them, and as those of late were.

use std::collections::BTreeMap;

use config::{Autoflush, Config, Dle, Strategy};
use taper::catalogue::{Catalogue, CatalogueError, Run, RunKind, Volume};
use taper::retention::{Expected, Flushed, Habit, Usage};
use types::{Stamp, StorageName};

use crate::clock;
use crate::night::destinations;
use crate::night::facts::runs_per_cycle;

/// Over so many days it is counted how many volumes runs begin.
const OF_LATE: i64 = 28;
/// The runs that write to the storages of the site.
const WRITING: [RunKind; 2] = [RunKind::Dump, RunKind::Flush];

/// What to expect.
pub fn expected(
    config: &Config,
    catalogue: &Catalogue,
    volumes: &[Volume],
) -> Result<Expected, CatalogueError> {
    let runs = of_late(catalogue.runs()?, &WRITING);
    let cycle = config.site.dumping.dumpcycle.max(1);
    let every = cycle / runs_per_cycle(config, catalogue)?.max(1);
    let storages = config.site.storage.iter();
    let usage = storages.map(|name| (name.clone(), usage(name, volumes, &runs))).collect();
    let habits: BTreeMap<_, _> =
        config.dles.iter().map(|dle| (dle.reference(), habit(dle))).collect();
    let runs = destinations::of_run(config, RunKind::Dump);
    let by_hand = runs.iter().all(|storage| storage.tapering.autoflush == Autoflush::No);
    let flushed = if by_hand { Flushed::ByHand } else { Flushed::ByRuns };
    Ok(Expected { every: every.max(1), usage, habits, flushed })
}

/// How many volumes of a storage that only gets copies are begun, by the runs that made copies of late.
pub fn of_copies(
    storage: &StorageName,
    catalogue: &Catalogue,
    volumes: &[Volume],
) -> Result<Usage, CatalogueError> {
    let runs = of_late(catalogue.runs()?, &[RunKind::Vault]);
    Ok(usage(storage, volumes, &runs))
}

/// The runs of these kinds in the four weeks before the newest, that one included.
fn of_late(mut runs: Vec<Run>, kinds: &[RunKind]) -> Vec<Stamp> {
    runs.retain(|run| kinds.contains(&run.kind));
    let newest = runs.iter().map(|run| run.stamp).max();
    let since = newest.map_or(i64::MIN, |newest| clock::day_of(newest) - OF_LATE);
    runs.into_iter().map(|run| run.stamp).filter(|run| clock::day_of(*run) > since).collect()
}

/// How many volumes these runs began. Without any run a run is taken to begin one.
///
/// A volume tells when it was begun last, and not when before. In a pool that goes round within the four weeks, what
/// was begun before the oldest that is told is forgotten, so runs count from there.
fn usage(storage: &StorageName, volumes: &[Volume], runs: &[Stamp]) -> Usage {
    let (Some(first), Some(last)) = (runs.iter().min(), runs.iter().max()) else {
        return Usage { volumes: 1, runs: 1 };
    };
    let own = volumes.iter().filter(|it| it.storage == *storage && !it.lock.holds(*last));
    let begun: Vec<Stamp> = own.filter_map(|volume| volume.first_written).collect();
    let oldest = begun.iter().min().map_or(*first, |oldest| *oldest.max(first));
    let since = |stamps: &[Stamp]| {
        let count = stamps.iter().filter(|stamp| **stamp >= oldest).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Usage { volumes: since(&begun), runs: since(runs).max(1) }
}

fn habit(dle: &Dle) -> Habit {
    let how = &dle.dumping;
    let fulls = match how.strategy {
        Strategy::Standard | Strategy::NoInc => !how.skip_full,
        Strategy::NoFull | Strategy::IncrOnly | Strategy::Skip => false,
    };
    Habit {
        full_every: fulls.then_some(how.dumpcycle),
        goes_on: !how.ignore && how.strategy != Strategy::Skip,
    }
}

/// How many volumes a run takes, in words.
pub fn told(usage: Usage) -> String {
    format!("{:.1}", f64::from(usage.volumes) / f64::from(usage.runs.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper::catalogue::RunStatus;
    use types::BlockSize;

    fn run(day: u32, kind: RunKind) -> Run {
        let stamp = format!("202611{day:02}010000").parse().unwrap();
        let (status, program) = (RunStatus::Good, String::new());
        Run { stamp, kind, started: stamp, finished: Some(stamp), status, program }
    }

    /// One that was begun on a day.
    fn volume(day: u32) -> Volume {
        let (label, pool) = (format!("V{day}").parse().unwrap(), "p".parse().unwrap());
        Volume {
            first_written: Some(run(day, RunKind::Dump).stamp),
            ..Volume::new(label, pool, "lib".parse().unwrap(), BlockSize::HEADER)
        }
    }

    #[test]
    fn usage_is_counted_over_the_runs_of_four_weeks() {
        let stamps = |days: &[u32]| {
            of_late(days.iter().map(|day| run(*day, RunKind::Dump)).collect(), &WRITING)
        };
        assert_eq!(stamps(&[30, 29, 3, 2, 1]).len(), 3, "the first two are older");
        assert!(of_late(vec![run(1, RunKind::Import)], &WRITING).is_empty());
        let lib: StorageName = "lib".parse().unwrap();
        let volumes = [volume(2), volume(29), volume(30)];
        let of_late = stamps(&[30, 29, 28, 27, 2]);
        assert_eq!(usage(&lib, &volumes, &of_late), Usage { volumes: 2, runs: 4 });
        assert_eq!(usage(&lib, &volumes, &[]), Usage { volumes: 1, runs: 1 });
        assert_eq!(told(Usage { volumes: 2, runs: 4 }), "0.5");
    }

    #[test]
    fn what_a_volume_was_begun_before_is_not_taken_for_a_time_without_a_beginning() {
        let runs: Vec<Stamp> = (1..=20).map(|day| run(day, RunKind::Dump).stamp).collect();
        let lib: StorageName = "lib".parse().unwrap();
        // Every fourth run begins one of three in turn; the first two beginnings are forgotten.
        let volumes = [volume(9), volume(13), volume(17)];
        assert_eq!(usage(&lib, &volumes, &runs), Usage { volumes: 3, runs: 12 });
    }
}
