//! What a run works with: holding disks and their room, a thread for each drive, and what the dispatcher is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use config::{Config, Dle, HoldingDisk, UseSpace};
use taper::catalogue;
use types::{Bytes, ChangerName, DriveId, DumpId, Stamp, StorageName};

use super::drive::{self, Bench};
use super::records::Reckoned;
use super::shared::SharedCatalogue;
use super::{destinations, happened};
use crate::clock::Now;
use crate::dispatcher::{self, Algorithm, Holding, Letter, Manner, Taper, Thresholds};
use crate::holding::{self, Away, Disk, Held, Marks};
use crate::library::Library;
use crate::runlog::{Room, RunEvent};
use crate::site::Site;

/// Chunks of a holding disk that has no chunk size are as long as files get.
const NO_CHUNKS: Bytes = Bytes(1 << 60);

/// The holding disks of the configuration, but for those that are away.
pub fn disks(config: &Config, away: &[Away]) -> Arc<[Disk]> {
    let there = config.holding.iter().filter(|disk| away.iter().all(|gone| gone.name != disk.name));
    let disks = there.map(|disk| Disk {
        name: disk.name.clone(),
        directory: disk.directory.clone(),
        chunk: disk.chunksize.unwrap_or(NO_CHUNKS),
    });
    disks.collect()
}

/// The holding disks that are away. New ones are made, and get their marks.
pub(crate) fn settle_disks(site: &Site, held: &[catalogue::Held]) -> anyhow::Result<Vec<Away>> {
    let path = site.holding_marks();
    let settled = Marks::read(path.clone())
        .and_then(|mut marks| marks.settle(&site.config.holding, held, &new_mark()));
    settled.with_context(|| marks_unused(&path))
}

/// What is at the place of this holding disk now is the disk, whatever was known of it.
pub(crate) fn accept_disk(site: &Site, disk: &HoldingDisk) -> anyhow::Result<()> {
    let path = site.holding_marks();
    let accepted = Marks::read(path.clone()).and_then(|mut marks| marks.accept(disk, &new_mark()));
    accepted.with_context(|| marks_unused(&path))
}

fn marks_unused(path: &Path) -> String {
    format!(
        "could not tell by {} whether the holding disks are there; if the file is damaged, see that all are mounted, and \
         remove it",
        path.display()
    )
}

fn new_mark() -> String {
    super::new_id(&Now::read()).to_string()
}

/// What a run may use of each holding disk, what already lies there taken off.
pub(crate) fn rooms(config: &Config, disks: &[Disk]) -> anyhow::Result<Vec<dispatcher::Disk>> {
    let mut rooms = Vec::new();
    for disk in disks {
        let settings = config.holding.iter().find(|settings| settings.name == disk.name);
        let settings = settings.context("a holding disk is not in the configuration")?;
        let room = room(settings).with_context(|| {
            format!("could not look at the holding disk {}", disk.directory.display())
        })?;
        let chunk = settings.chunksize.unwrap_or(Bytes::ZERO);
        rooms.push(dispatcher::Disk { room, chunk });
    }
    Ok(rooms)
}

/// What the log hears of what the run works with.
pub(super) fn equipped<'a>(
    config: &Config,
    disks: &[Disk],
    rooms: &[dispatcher::Disk],
    drives: impl Iterator<Item = &'a types::DriveName>,
    held: &BTreeMap<DumpId, Held>,
) -> RunEvent {
    let holding = disks.iter().zip(rooms);
    RunEvent::Equipped {
        dumpers: config.site.inparallel,
        holding: holding
            .map(|(disk, space)| Room { name: disk.name.clone(), room: space.room })
            .collect(),
        drives: drives.cloned().collect(),
        held: held.values().map(Held::bytes).sum(),
        releases: true,
    }
}

/// What a run may use of a holding disk, what already lies there taken off.
pub(crate) fn room(settings: &HoldingDisk) -> io::Result<Bytes> {
    let free = holding::free(&settings.directory)?;
    Ok(match settings.use_space {
        UseSpace::All => free,
        UseSpace::AllBut(rest) => free - rest,
        UseSpace::UpTo(most) => free.min(most - used(&settings.directory)?),
    })
}

/// What images take of a holding disk now.
fn used(directory: &Path) -> io::Result<Bytes> {
    let mut sum = Bytes::ZERO;
    for run in fs::read_dir(directory)? {
        let run = run?.path();
        if run.is_dir() {
            for file in fs::read_dir(run)? {
                sum += Bytes(file?.metadata()?.len());
            }
        }
    }
    Ok(sum)
}

/// A thread for each drive. All of them: those beyond taper-parallel-write step in for one that fails.
pub(super) fn start_drives(
    site: &Site,
    run: Stamp,
    storages: &[&config::Storage],
    libraries: &BTreeMap<StorageName, Library>,
    catalogue: &SharedCatalogue,
    voice: &happened::Voice,
) -> BTreeMap<DriveId, drive::Handle> {
    let mut told = BTreeSet::new();
    let mut served = BTreeMap::<DriveId, Vec<(config::Storage, Library)>>::new();
    for &storage in storages {
        let Some(library) = libraries.get(&storage.name) else { continue };
        fewer(storage, library, voice, &mut told);
        for id in drive_ids(storage, library) {
            served.entry(id).or_default().push((storage.clone(), library.clone()));
        }
    }
    let (reached, full) = (drive::ReachedByRun::default(), drive::FullDisks::default());
    let records = Reckoned::default();
    let ids: Vec<DriveId> = served.keys().cloned().collect();
    let alike = |id: &DriveId| ids.iter().filter(|other| other.drive == id.drive).count() > 1;
    let called = |id: &DriveId| {
        let long = alike(id).then(|| id.to_string().parse().ok());
        long.flatten().unwrap_or_else(|| id.drive.clone())
    };
    let handles = served.into_iter().map(|(id, serves)| {
        let bench = Bench {
            called: called(&id),
            id: id.clone(),
            serves,
            config: site.config.clone(),
            run,
            catalogue: catalogue.clone(),
            indexdir: site.config.site.indexdir.clone(),
            reached: reached.clone(),
            full: full.clone(),
            records: records.clone(),
            voice: voice.clone(),
        };
        (id, drive::start(bench))
    });
    handles.collect()
}

/// Tells of drives that the run has to do without, once for each changer.
fn fewer<'a>(
    storage: &'a config::Storage,
    library: &Library,
    voice: &happened::Voice,
    told: &mut BTreeSet<&'a str>,
) {
    let changer = storage.changer.name.as_str();
    let lost = library.lost_drives();
    if lost.is_empty() || !told.insert(changer) {
        return;
    }
    let (works, all) = (library.drives().len(), library.drives().len() + lost.len());
    let why: Vec<String> =
        lost.iter().map(|(drive, why)| format!("drive {drive} cannot be used: {why}")).collect();
    let text = format!("{works} of {all} drives of changer {changer} work; {}", why.join("; "));
    voice.log(RunEvent::Warning { text });
}

/// The drives of a storage. Storages that share a changer have the same.
fn drive_ids(storage: &config::Storage, library: &Library) -> Vec<DriveId> {
    let changer: Result<ChangerName, _> = storage.changer.name.parse();
    let changer = changer.expect("the configuration takes no name with control characters");
    let id = |drive: &types::DriveName| DriveId { changer: changer.clone(), drive: drive.clone() };
    library.drives().iter().map(id).collect()
}

/// All that the dispatcher must know of the place where a run works.
pub fn dispatcher_site(
    config: &Config,
    disks: Vec<dispatcher::Disk>,
    tapers: Vec<Taper>,
) -> dispatcher::Site {
    dispatcher::Site {
        inparallel: usize::try_from(config.site.inparallel).unwrap_or(1),
        dumporder: config
            .site
            .dumporder
            .iter()
            .filter_map(|order| Letter::of(order.word().chars().next()?))
            .collect(),
        interfaces: config
            .interfaces
            .iter()
            .map(|interface| (interface.name.clone(), interface.use_rate))
            .collect(),
        disks,
        reserve: config.site.reserve,
        tapers,
    }
}

/// What the dispatcher must know of a storage; without a library none of its drives can be had.
pub fn taper(storage: &config::Storage, library: Option<&Library>) -> Taper {
    Taper {
        storage: storage.name.clone(),
        at_once: usize::try_from(storage.tapering.taper_parallel_write).unwrap_or(usize::MAX),
        drives: library.map_or_else(Vec::new, |library| drive_ids(storage, library)),
        without: None,
        runtapes: storage.tapering.runtapes,
        length: storage.tapetype.length,
        images_per_volume: storage.tapering.max_dle_by_volume,
        algorithm: algorithm(storage.tapering.taperalgo),
        thresholds: Thresholds {
            dumped: storage.tapering.flush.dumped,
            scheduled: storage.tapering.flush.scheduled,
            taperflush: storage.tapering.flush.taperflush,
        },
    }
}

fn algorithm(algo: config::Taperalgo) -> Algorithm {
    match algo {
        config::Taperalgo::First => Algorithm::First,
        config::Taperalgo::FirstFit => Algorithm::FirstFit,
        config::Taperalgo::Largest => Algorithm::Largest,
        config::Taperalgo::LargestFit => Algorithm::LargestFit,
        config::Taperalgo::Smallest => Algorithm::Smallest,
        config::Taperalgo::SmallestFit => Algorithm::SmallestFit,
        config::Taperalgo::Last => Algorithm::Last,
        config::Taperalgo::LastFit => Algorithm::LastFit,
    }
}

/// How a DLE wants to be dumped.
pub fn manner(config: &Config, dle: &Dle) -> Manner {
    let how = &dle.dumping;
    Manner {
        holding: match how.holdingdisk {
            config::HoldingUse::Never => Holding::Never,
            config::HoldingUse::Auto => Holding::Auto,
            config::HoldingUse::Required => Holding::Required,
        },
        maxdumps: how.maxdumps,
        spindle: how.spindle.map(i64::from),
        interface: Some(dle.interface.clone()),
        tries: how.retry_dump,
        destinations: destinations::of_dle(config, dle),
    }
}
