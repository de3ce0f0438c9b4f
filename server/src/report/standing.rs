//! How a site stands when a run is over: what waits, what comes next, what lasts how long.
//!
//! It is a fact of that moment. A run finds it out once, at its end, and writes it to its log; so its report says the same
//! whenever it is made, and need not ask. [`gather`] asks the catalogue once for each kind of fact; all that is concluded
//! from them is a pure function.

use std::collections::{BTreeMap, BTreeSet};

use config::{Config, Storage};
use serde::{Deserialize, Serialize};
use taper::catalogue::{Catalogue, CatalogueError, Fresh, Lock, Run, Volume, VolumeState};
use taper::retention::Verdicts;
use types::{Bytes, DleRef, Label, Stamp, StorageName};

use crate::clock;
use crate::library;
use crate::night::destinations::{self, Part};
use crate::night::scan;

/// How many volumes are named as the next to be overwritten.
const SOON: usize = 3;
/// Over so many days it is counted how many volumes are used.
const USE: i64 = 28;
/// Before so many days of runs nobody knows how many they use.
const WEEK: u32 = 7;
/// Beyond so many days nothing is foretold.
const HORIZON: u32 = 366;

/// What the catalogue says beside a run's log. A format, as [`crate::runlog`] is: fields are added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What the next run will write to, in words.
    pub next: Vec<String>,
    /// How long each storage's volumes last.
    pub pools: Vec<Pool>,
    /// What will be overwritten soon, in words.
    pub soon: Vec<String>,
    /// What waits on the holding disks.
    pub held: Held,
    /// DLEs whose newest dump is older than it should be, in words.
    pub stale: Vec<String>,
}

/// What waits on the holding disks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Images.
    pub images: u64,
    /// Their bytes.
    pub bytes: Bytes,
}

/// How long the volumes of a storage last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Which storage.
    pub storage: StorageName,
    /// How many volumes can be written at all: those that are locked, retired or missing cannot.
    pub volumes: usize,
    /// How many of them may be written from their beginning now.
    pub free: usize,
    /// How many are filled a day, of late.
    pub per_day: f64,
    /// In how many days there is none left, if that is within a year.
    pub days_left: Option<u32>,
    /// Whether new ones are labelled by themselves.
    pub autolabel: bool,
    /// For how many days there have been runs; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lived: Option<u32>,
}

/// How it stands at this moment. The verdicts on all volumes take longest to find out.
pub fn gather(
    config: &Config,
    catalogue: &Catalogue,
    now: Stamp,
) -> Result<Standing, CatalogueError> {
    gather_after(config, catalogue, now, &BTreeSet::new())
}

/// The same after a run that has passed over these volumes, as the next one will until a person has looked at them.
pub fn gather_after(
    config: &Config,
    catalogue: &Catalogue,
    now: Stamp,
    passed_over: &BTreeSet<Label>,
) -> Result<Standing, CatalogueError> {
    let today = clock::day_of(now);
    let held = catalogue.held()?;
    let volumes = catalogue.volumes()?;
    let mut standing = Standing {
        held: Held { images: held.len() as u64, bytes: held.iter().map(|image| image.bytes).sum() },
        stale: stale(config, &catalogue.freshness()?, today),
        ..Standing::default()
    };
    let verdicts = catalogue.verdicts(&library::policies(config), now)?;
    let lived = lived(&catalogue.runs()?, today);
    let storages = destinations::in_use(config);
    for &(storage, part) in &storages {
        let ours: Vec<&Volume> = volumes.iter().filter(|v| v.storage == storage.name).collect();
        let many = storages.len() > 1;
        let about = if many { format!("{}: ", storage.name) } else { String::new() };
        let mut taken = Vec::new();
        for &volume in ours.iter().filter(|volume| !passed_over.contains(&volume.label)) {
            let takes_more = !scan::has_all_images(storage, catalogue, volume)?;
            if takes_more || verdicts.of(&volume.label).is_reusable() {
                taken.push(volume);
            }
        }
        if storage.tapering.report_next_media {
            let lines = next((storage, part), &taken, &verdicts);
            standing.next.extend(lines.iter().map(|line| format!("{about}{line}")));
        }
        standing.soon.extend(soon(&taken, &verdicts));
        let cycle = config.site.dumping.dumpcycle;
        standing.pools.push(Pool { lived, ..pool(storage, cycle, &ours, &verdicts, today) });
    }
    Ok(standing)
}

/// For how many days there have been runs.
fn lived(runs: &[Run], today: i64) -> Option<u32> {
    let first = runs.iter().map(|run| clock::day_of(run.stamp)).min();
    u32::try_from(first.map_or(0, |first| today - first + 1)).ok()
}

/// What the next run will write to, in words.
fn next(
    (storage, part): (&Storage, Part),
    volumes: &[&Volume],
    verdicts: &Verdicts,
) -> Vec<String> {
    let names = |wanted: &dyn Fn(&Volume) -> bool| {
        let named: Vec<&str> =
            volumes.iter().filter(|v| wanted(v)).map(|v| v.label.as_str()).collect();
        match named.split_at_checked(10) {
            Some((first, rest @ [_, ..])) => {
                format!("{} and {} more", first.join(", "), rest.len())
            }
            _ => named.join(", "),
        }
    };
    let reusable = |v: &Volume| verdicts.of(&v.label).is_reusable();
    let open = names(&|v| v.state == VolumeState::Active && !reusable(v) && v.off_site.is_none());
    let free = names(&|v| reusable(v) && v.off_site.is_none());
    let away = names(&|v| reusable(v) && v.off_site.is_some());
    let mut lines = Vec::new();
    if !open.is_empty() {
        let who = match part {
            Part::OfRuns => "the next run writes",
            Part::OfNights | Part::OfVaults => "the next copies are written",
        };
        lines.push(format!("{who} on {open}"));
    }
    if !free.is_empty() {
        lines.push(format!("reusable: {free}"));
    }
    if !away.is_empty() {
        lines.push(format!("reusable, but off-site: {away}"));
    }
    if storage.tapering.autolabel.is_some() {
        lines.push("new volumes are labelled by themselves".to_owned());
    }
    if lines.is_empty() {
        lines.push(
            "no volume may be written: label new ones, or see `reelkeep volume explain LABEL`"
                .to_owned(),
        );
    }
    lines
}

/// The volumes that lose what is on them next.
fn soon(volumes: &[&Volume], verdicts: &Verdicts) -> Vec<String> {
    let mut reusable: Vec<&&Volume> = volumes
        .iter()
        .filter(|v| v.last_written.is_some() && v.bytes > Bytes::ZERO)
        .filter(|v| verdicts.of(&v.label).is_reusable())
        .collect();
    reusable.sort_by_key(|v| (v.last_written, v.label.clone()));
    let told = reusable.iter().take(SOON).map(|v| {
        let written = v.last_written.map(clock::stamp_text).unwrap_or_default();
        format!("{}, written last in the run of {written}: {}", v.label, v.bytes)
    });
    let mut lines: Vec<String> = told.collect();
    if reusable.len() > SOON {
        lines.push(format!("and {} more", reusable.len() - SOON));
    }
    lines
}

/// DLEs without a dump of the last day, or without a full of their cycle.
fn stale(config: &Config, fresh: &[Fresh], today: i64) -> Vec<String> {
    let fresh: BTreeMap<&DleRef, &Fresh> = fresh.iter().map(|fresh| (&fresh.dle, fresh)).collect();
    let mut lines = Vec::new();
    for dle in config.dles.iter().filter(|dle| !dle.dumping.ignore) {
        let strategy = dle.dumping.strategy;
        if strategy == config::Strategy::Skip {
            continue;
        }
        let reference = dle.reference();
        let newest = fresh.get(&reference).and_then(|fresh| fresh.newest);
        let full = fresh.get(&reference).and_then(|fresh| fresh.newest_full);
        let age = |stamp| today - clock::day_of(stamp);
        let fulls = matches!(strategy, config::Strategy::Standard | config::Strategy::NoInc)
            && !dle.dumping.skip_full;
        let cycle = i64::from(dle.dumping.dumpcycle.max(1));
        match (newest.map(age), full.map(age)) {
            (None, _) => lines.push(format!("{reference}: no dump at all")),
            (Some(days), _) if days > 1 => {
                lines.push(format!("{reference}: the newest is {days} days old"));
            }
            (_, Some(days)) if fulls && days > cycle => lines.push(format!(
                "{reference}: the newest full dump is {days} days old, and its cycle has {cycle}"
            )),
            (_, None) if fulls => lines.push(format!("{reference}: no full dump")),
            _ => {}
        }
    }
    lines
}

/// How long the volumes of a storage last, if they are used as of late.
fn pool(
    storage: &Storage,
    dumpcycle: u32,
    volumes: &[&Volume],
    verdicts: &Verdicts,
    today: i64,
) -> Pool {
    let usable: Vec<&&Volume> = volumes
        .iter()
        .filter(|v| !matches!(v.state, VolumeState::Retired | VolumeState::Missing))
        .filter(|v| v.lock != Lock::NoReuse)
        .collect();
    let begun: Vec<(i64, Bytes)> =
        volumes.iter().filter_map(|v| Some((clock::day_of(v.first_written?), v.bytes))).collect();
    let watched =
        begun.iter().map(|(day, _)| today - day + 1).max().map_or(1, |days| days.clamp(1, USE));
    let of_late = begun.iter().filter(|(day, _)| today - day < watched);
    let length = storage.tapetype.length.0.max(1) as f64;
    let per_day = of_late.map(|(_, bytes)| bytes.0 as f64 / length).sum::<f64>() / watched as f64;
    let reusable = |label: &Label| verdicts.of(label).is_reusable();
    let mut written: Vec<i64> = usable
        .iter()
        .map(|v| match v.last_written {
            Some(last) if !reusable(&v.label) => clock::day_of(last),
            _ => i64::MIN,
        })
        .collect();
    written.sort_unstable();
    let room = |v: &&&Volume| (1.0 - v.bytes.0 as f64 / length).clamp(0.0, 1.0);
    let open = usable.iter().filter(|v| v.state == VolumeState::Active && !reusable(&v.label));
    let room: f64 = open.map(room).sum();
    let free = written.iter().filter(|day| **day == i64::MIN).count();
    let policy = &storage.policy;
    let cycle = i64::from(dumpcycle.max(1));
    let keep = [
        i64::from(policy.retention_days),
        match i64::from(policy.retention_recover) {
            0 => 0,
            days => days + cycle,
        },
        i64::from(policy.retention_cycles) * cycle,
        i64::from(policy.retention_full) * cycle,
        // The newest state of something is always kept.
        cycle,
    ];
    let kept = Kept {
        days: keep.into_iter().max().unwrap_or(cycle),
        volumes: usize::try_from(policy.retention_tapes).unwrap_or(usize::MAX),
    };
    Pool {
        storage: storage.name.clone(),
        volumes: usable.len(),
        free,
        per_day,
        days_left: days_left(written, kept, Use { room, per_day }, today),
        autolabel: storage.tapering.autolabel.is_some(),
        lived: None,
    }
}

/// How long a volume is kept, roughly.
#[derive(Clone, Copy)]
struct Kept {
    /// So many days,
    days: i64,
    /// and while it is among the newest so many.
    volumes: usize,
}

/// How fast volumes are used.
#[derive(Clone, Copy)]
struct Use {
    /// What those that are begun still take, in volumes.
    room: f64,
    /// Volumes a day.
    per_day: f64,
}

/// In how many days no volume is left, if so many are used each day, always the oldest. `written` says of each volume,
/// in order, on which day it was written last.
fn days_left(written: Vec<i64>, kept: Kept, used: Use, today: i64) -> Option<u32> {
    let mut volumes: std::collections::VecDeque<i64> = written.into();
    let mut due = -used.room;
    for day in 0..HORIZON {
        let date = today + i64::from(day);
        due += used.per_day;
        while due >= 1.0 {
            due -= 1.0;
            let oldest = volumes.front().copied()?;
            let newest = volumes.len() <= kept.volumes && oldest != i64::MIN;
            if newest || oldest.saturating_add(kept.days) >= date {
                return Some(day);
            }
            volumes.pop_front();
            volumes.push_back(date);
        }
    }
    None
}

impl Pool {
    /// A closer look, day by day, has found that a run in so many days finds no volume. The reckoning with how long
    /// volumes are kept in the mean may not say that it does.
    pub(crate) fn lasts_at_most(&mut self, days: u32) {
        self.days_left = Some(self.days_left.map_or(days, |left| left.min(days)));
    }

    /// Whether there are too few runs to say how many volumes they use.
    pub(crate) fn is_new(&self) -> bool {
        self.lived.is_some_and(|days| days < WEEK)
    }

    /// In a sentence.
    pub(crate) fn told(&self) -> String {
        let Self { storage, volumes, free, per_day, days_left, autolabel, .. } = self;
        if *volumes == 0 {
            let how = match autolabel {
                true => "runs label new ones by themselves",
                false => "label some with `reelkeep label`",
            };
            return format!("{storage}: no volume yet; {how}");
        }
        let volumes = super::plural(*volumes, "volume");
        if self.is_new() {
            let rest = match days_left {
                Some(0) => "none is left for the next run",
                _ => "how long they last is told after a week of runs",
            };
            return format!("{storage}: {volumes}, {free} free; {rest}");
        }
        let rest = match days_left {
            Some(0) => "so that none is left for the next run".to_owned(),
            Some(days) => {
                format!("so that none is left in {}", super::plural(days_of(*days), "day"))
            }
            None => "and retention lets go of others in time".to_owned(),
        };
        let more = match (days_left, autolabel) {
            (Some(_), true) => {
                "; after that new ones are labelled while the library has blank ones"
            }
            (Some(_), false) => "; label new ones before that, or keep dumps for a shorter time",
            (None, _) => "",
        };
        let rate =
            if *per_day < 0.05 { "less than 0.1".to_owned() } else { format!("{per_day:.1}") };
        format!("{storage}: {volumes}, {free} free; runs begin {rate} a day, {rest}{more}")
    }
}

fn days_of(days: u32) -> usize {
    usize::try_from(days).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Kept = Kept { days: 10, volumes: 0 };
    const DAILY: Use = Use { room: 0.0, per_day: 1.0 };

    #[test]
    fn before_a_week_of_runs_no_rate_is_told() {
        let told = |volumes, lived| {
            let pool = Pool {
                storage: "daily".parse().unwrap(),
                volumes,
                free: 0,
                per_day: 0.1,
                days_left: Some(14),
                autolabel: true,
                lived,
            };
            pool.told()
        };
        assert_eq!(told(0, Some(0)), "daily: no volume yet; runs label new ones by themselves");
        let new = "daily: 1 volume, 0 free; how long they last is told after a week of runs";
        assert_eq!(told(1, Some(6)), new);
        for lived in [Some(7), None] {
            assert!(
                told(1, lived).contains("runs begin 0.1 a day, so that none is left in 14 days")
            );
        }
    }

    #[test]
    fn a_pool_that_is_larger_than_what_is_kept_lasts() {
        let written: Vec<i64> = (88..100).collect();
        assert_eq!(days_left(written, KEPT, DAILY, 100), None);
    }

    #[test]
    fn a_pool_that_is_too_small_is_full_when_its_free_volumes_are_used() {
        let mut written = vec![i64::MIN; 3];
        written.extend(97..100);
        assert_eq!(days_left(written.clone(), KEPT, DAILY, 100), Some(3));
        assert_eq!(days_left(written.clone(), KEPT, Use { per_day: 0.5, ..DAILY }, 100), Some(7));
        assert_eq!(days_left(written.clone(), KEPT, Use { per_day: 0.0, ..DAILY }, 100), None);
        assert_eq!(days_left(Vec::new(), KEPT, Use { per_day: 0.0, ..DAILY }, 100), None);
        // Half a volume that is begun is used first.
        assert_eq!(days_left(written, KEPT, Use { room: 0.5, ..DAILY }, 100), Some(4));
    }

    #[test]
    fn the_newest_volumes_are_not_used_however_old() {
        let written = vec![1, 2, 3];
        let kept = Kept { days: 0, volumes: 3 };
        assert_eq!(days_left(written.clone(), kept, DAILY, 100), Some(0));
        assert_eq!(days_left(written, Kept { volumes: 2, ..kept }, DAILY, 100), None);
    }
}
