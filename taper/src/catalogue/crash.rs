//! A crash between any two steps, and in the middle of a commit.
//!
//! A month of nights is a list of steps: some change the *world*, a holding disk and volumes that tell no lies, and
//! some the catalogue. After each step, and within each commit, the catalogue's files are copied as they lie on
//! the disk, and opened like after a crash. What the copy says must be true of the world; and the next run
//! must be able to sweep up so that no dump that was whole somewhere is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use types::{Bytes, DumpId, FileNo, Label, ObjectNo};

use super::testing::{STORED, behind, day, dle, dump, label, part, policies, storage};
use super::{Catalogue, Dump, Filter, Part, RunKind, RunStatus, VolumeEnd};

/// What is really there.
#[derive(Clone, Default)]
struct World {
    holding: BTreeMap<DumpId, Dump>,
    volumes: BTreeMap<Label, Vec<Part>>,
}

impl World {
    fn has(&self, part: &Part) -> bool {
        self.volumes.get(&part.label).is_some_and(|parts| parts.contains(part))
    }

    /// The dumps whose images are whole somewhere.
    fn whole(&self) -> BTreeSet<DumpId> {
        let mut bytes = BTreeMap::<DumpId, BTreeMap<u32, Bytes>>::new();
        for part in self.volumes.values().flatten() {
            bytes.entry(part.dump).or_default().insert(part.no.0, part.bytes);
        }
        let placed =
            bytes.iter().filter(|(_, parts)| parts.values().copied().sum::<Bytes>().0 == STORED);
        placed.map(|(dump, _)| *dump).chain(self.holding.keys().copied()).collect()
    }
}

/// One thing that happens; a crash may come before or after it, and within it if it is the catalogue's.
enum Step {
    World(Box<dyn Fn(&mut World)>),
    Catalogue(Box<dyn Fn(&mut Catalogue)>),
}

fn world(change: impl Fn(&mut World) + 'static) -> Step {
    Step::World(Box::new(change))
}

fn catalogue(change: impl Fn(&mut Catalogue) + 'static) -> Step {
    Step::Catalogue(Box::new(change))
}

/// One night: a dump in two parts on a volume that is begun afresh.
fn night(n: u32, level: u16, base: Option<u64>, on: &'static str) -> Vec<Step> {
    let dump = dump(u64::from(n), level, base, n);
    let parts = [1, 2].map(|no| part(&dump, (no, 2), on, no));
    let id = dump.id;
    let held = dump.clone();
    let mut steps = vec![
        catalogue(move |c| c.begin_run(day(n), RunKind::Dump, day(n), "test").unwrap()),
        world(move |w| drop(w.holding.insert(held.id, held.clone()))),
        catalogue(move |c| c.hold(&dump)),
        catalogue(move |c| drop(c.reusable(&label(on), &policies(), day(n)).unwrap())),
        world(move |w| drop(w.volumes.insert(label(on), vec![]))),
        catalogue(move |c| {
            let end = VolumeEnd { file: FileNo::FIRST, object: Some(ObjectNo(1)) };
            c.record_labelled(&label(on), Some(day(n)), types::BlockSize::TAPE, end, day(n))
                .unwrap();
        }),
    ];
    for part in parts {
        let placed = part.clone();
        steps.push(world(move |w| w.volumes.entry(label(on)).or_default().push(placed.clone())));
        steps.push(catalogue(move |c| c.record_placed(&part, behind(&part)).unwrap()));
    }
    steps.extend([
        catalogue(move |c| c.complete_copy(id, &storage("lib"), day(n)).unwrap()),
        catalogue(move |c| drop(c.forget_held(id, &[storage("lib")]).unwrap())),
        world(move |w| drop(w.holding.remove(&id))),
        catalogue(move |c| c.finish_run(day(n), day(n), RunStatus::Good).unwrap()),
    ]);
    steps
}

/// Three volumes go round: a full, a level 1, and again; each third night takes a volume back.
fn nights() -> Vec<Step> {
    let plan = [
        (1, 0, None, "V1"),
        (2, 1, Some(1), "V2"),
        (3, 0, None, "V3"),
        (4, 1, Some(3), "V1"),
        (5, 0, None, "V2"),
        (6, 1, Some(5), "V3"),
    ];
    plan.into_iter().flat_map(|(n, level, base, on)| night(n, level, base, on)).collect()
}

fn start(path: &Path) -> Catalogue {
    let mut catalogue = Catalogue::open(path).unwrap();
    catalogue.sync_dles(&[dle("/data")], day(0)).unwrap();
    for volume in ["V1", "V2", "V3"] {
        catalogue.with_volume(volume, 0);
    }
    catalogue
}

/// What lies on the disk, as a crash would leave it.
fn files(path: &Path) -> [Vec<u8>; 2] {
    ["", "-wal"].map(|end| fs::read(beside(path, end)).unwrap_or_default())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

/// Opens the catalogue that a crash left.
fn reopen(folder: &Path, [main, wal]: &[Vec<u8>; 2]) -> Catalogue {
    let path = folder.join("after.sqlite");
    for end in ["", "-wal", "-shm"] {
        drop(fs::remove_file(beside(&path, end)));
    }
    fs::write(&path, main).unwrap();
    fs::write(beside(&path, "-wal"), wal).unwrap();
    Catalogue::open(&path).unwrap()
}

/// The catalogue says less than is true, never more.
fn assert_true(catalogue: &Catalogue, world: &World) {
    assert_eq!(catalogue.check().unwrap(), []);
    assert_says_no_more(catalogue, world);
}

fn assert_says_no_more(catalogue: &Catalogue, world: &World) {
    for held in catalogue.held().unwrap() {
        assert!(world.holding.contains_key(&held.dump), "{} is not held", held.dump);
    }
    for volume in catalogue.volumes().unwrap() {
        for part in catalogue.parts_on(&volume.label).unwrap() {
            assert!(world.has(&part), "{part:?} is not there");
        }
    }
    for located in catalogue.dumps(&Filter::default()).unwrap() {
        assert!(
            !located.is_restorable() || world.whole().contains(&located.dump.id),
            "{} is nowhere",
            located.dump.id
        );
    }
}

/// The newest state that the world could give back, and whether the catalogue knows of one.
fn assert_the_next_run_sweeps_up(mut catalogue: Catalogue, world: &World) {
    for run in catalogue.unfinished_runs().unwrap() {
        catalogue.finish_run(run.stamp, day(50), RunStatus::Interrupted).unwrap();
    }
    // Every image on the holding disk is found by its header, and recorded or let go.
    for (id, dump) in &world.holding {
        let known = catalogue.dump(*id).ok();
        let placed =
            known.is_some_and(|located| located.copies.iter().any(super::Copy::is_complete));
        if !placed {
            if catalogue.run(dump.run).is_err() {
                catalogue.begin_run(dump.run, RunKind::Dump, dump.run, "test").unwrap();
            }
            catalogue.hold(dump);
        }
    }
    assert_true(&catalogue, world);
    // The newest image that is whole can be restored, since what it builds on was kept.
    if let Some(newest) = world.whole().last() {
        let at = catalogue.newest_at(&dle("/data"), day(99)).unwrap();
        let tip = at.links.unwrap().last().unwrap().dump.id;
        assert_eq!(tip, *newest);
    }
}

#[test]
fn a_crash_at_any_step_leaves_a_catalogue_that_tells_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.sqlite");
    let mut catalogue = start(&path);
    let mut world = World::default();
    for step in nights() {
        match step {
            Step::World(change) => change(&mut world),
            Step::Catalogue(change) => change(&mut catalogue),
        }
        let after = reopen(folder.path(), &files(&path));
        assert_true(&after, &world);
        assert_the_next_run_sweeps_up(after, &world);
    }
}

#[test]
fn a_commit_cut_short_at_any_length_is_wholly_there_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.sqlite");
    let mut catalogue = start(&path);
    let mut world = World::default();
    for step in nights().into_iter().take(26) {
        let before = files(&path);
        match step {
            Step::World(change) => {
                change(&mut world);
                continue;
            }
            Step::Catalogue(change) => change(&mut catalogue),
        }
        let after = files(&path);
        assert!(after[1].len() > before[1].len(), "the test has outgrown the write-ahead log");
        assert_eq!(before[0], after[0], "nothing but the log is written before a checkpoint");
        let cuts = (before[1].len()..after[1].len()).step_by(3001);
        for cut in cuts {
            let torn = reopen(folder.path(), &[after[0].clone(), after[1][..cut].to_vec()]);
            assert_true(&torn, &world);
            // A sector that was never written reads as zeros.
            let mut zeros = after[1][..cut].to_vec();
            zeros.resize(after[1].len(), 0);
            assert_true(&reopen(folder.path(), &[after[0].clone(), zeros]), &world);
        }
    }
}

#[test]
#[should_panic(expected = "is not held")]
fn recording_before_it_is_true_would_be_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut catalogue = start(&folder.path().join("c.sqlite"));
    catalogue.with_run(1);
    catalogue.hold(&dump(1, 0, None, 1));
    assert_true(&catalogue, &World::default());
}

/// Things that happen in no sensible order. Each does the world's part and the catalogue's, in the right order; what
/// the catalogue refuses, the world does not do.
#[derive(Clone, Copy, Debug)]
enum Whim {
    /// All goes well.
    Night {
        level: u16,
        on: usize,
    },
    Hold {
        level: u16,
    },
    Place {
        which: usize,
        no: u32,
        on: usize,
    },
    PlaceUnrecorded {
        which: usize,
        no: u32,
        on: usize,
    },
    Complete {
        which: usize,
    },
    Restart {
        which: usize,
    },
    LetGo {
        which: usize,
    },
    GiveUp {
        which: usize,
    },
    Begin {
        on: usize,
    },
    Lose {
        on: usize,
    },
    Lock {
        on: usize,
    },
    EndRun,
}

fn any_whim() -> impl Strategy<Value = Whim> {
    let (which, no, on) = (0..6usize, 1..3u32, 0..3usize);
    prop_oneof![
        8 => (0..3u16, on.clone()).prop_map(|(level, on)| Whim::Night { level, on }),
        2 => (0..3u16).prop_map(|level| Whim::Hold { level }),
        6 => (which.clone(), no.clone(), on.clone()).prop_map(|(which, no, on)| Whim::Place { which, no, on }),
        1 => (which.clone(), no, on.clone())
            .prop_map(|(which, no, on)| Whim::PlaceUnrecorded { which, no, on }),
        3 => which.clone().prop_map(|which| Whim::Complete { which }),
        1 => which.clone().prop_map(|which| Whim::Restart { which }),
        3 => which.clone().prop_map(|which| Whim::LetGo { which }),
        1 => which.prop_map(|which| Whim::GiveUp { which }),
        6 => on.clone().prop_map(|on| Whim::Begin { on }),
        1 => on.clone().prop_map(|on| Whim::Lose { on }),
        1 => on.prop_map(|on| Whim::Lock { on }),
        3 => Just(Whim::EndRun),
    ]
}

/// A site that takes whims.
struct Site {
    catalogue: Catalogue,
    world: World,
    day: u32,
    dumps: Vec<Dump>,
}

impl Site {
    fn new() -> Self {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.sync_dles(&[dle("/data")], day(0)).unwrap();
        for volume in ["V0", "V1", "V2"] {
            catalogue.with_volume(volume, 0);
        }
        catalogue.with_run(1);
        Self { catalogue, world: World::default(), day: 1, dumps: Vec::new() }
    }

    /// One of the newest dumps.
    fn dump(&self, which: usize) -> Option<Dump> {
        self.dumps.iter().rev().nth(which).cloned()
    }

    /// Writes a part behind the last file of a volume.
    fn place(&mut self, which: usize, no: u32, on: usize) -> Option<Part> {
        let name = format!("V{on}");
        let dump = self.dump(which).filter(|dump| self.world.holding.contains_key(&dump.id))?;
        let volume = self.catalogue.volume(&label(&name)).ok()?;
        let files = self.world.volumes.entry(volume.label).or_default();
        let last = files.last().map_or(0, |part| part.file.0);
        let placed = Part { run: day(self.day), ..part(&dump, (no, 2), &name, last + 1) };
        let copies = self.catalogue.dump(dump.id).unwrap().copies;
        if copies.iter().any(super::Copy::is_complete) {
            return None;
        }
        files.push(placed.clone());
        Some(placed)
    }

    fn take(&mut self, whim: Whim) {
        let lib = [storage("lib")];
        let now = day(self.day);
        match whim {
            Whim::Night { level, on } => {
                let [first, second] = [1, 2].map(|no| Whim::Place { which: 0, no, on });
                let done = [Whim::Complete { which: 0 }, Whim::LetGo { which: 0 }, Whim::EndRun];
                [Whim::Hold { level }, first, second]
                    .into_iter()
                    .chain(done)
                    .for_each(|whim| self.take(whim));
            }
            Whim::Hold { level } => {
                let level = types::Level::try_from(level).unwrap();
                let base = self.catalogue.base_for(&dle("/data"), level).unwrap();
                let n = self.dumps.len() as u64 + 1;
                let level = base.as_ref().map_or(0, |_| level.number());
                let mut dump = dump(n, level, None, self.day);
                dump.base = base.map(|base| base.id);
                self.world.holding.insert(dump.id, dump.clone());
                self.catalogue.hold(&dump);
                self.dumps.push(dump);
            }
            Whim::Place { which, no, on } => {
                if let Some(part) = self.place(which, no, on) {
                    self.catalogue.record_placed(&part, behind(&part)).unwrap();
                }
            }
            Whim::PlaceUnrecorded { which, no, on } => drop(self.place(which, no, on)),
            Whim::Complete { which } => {
                if let Some(dump) = self.dump(which) {
                    drop(self.catalogue.complete_copy(dump.id, &lib[0], now));
                }
            }
            Whim::Restart { which } => {
                if let Some(dump) = self.dump(which) {
                    drop(self.catalogue.restart_copy(dump.id, &lib[0]));
                }
            }
            Whim::LetGo { which } => {
                if let Some(dump) = self.dump(which)
                    && self.catalogue.forget_held(dump.id, &lib).is_ok()
                {
                    self.world.holding.remove(&dump.id);
                }
            }
            Whim::GiveUp { which } => {
                if let Some(dump) = self.dump(which)
                    && self.catalogue.discard_held(dump.id, now, "a whim").is_ok()
                {
                    self.world.holding.remove(&dump.id);
                }
            }
            Whim::Begin { on } => self.begin(on),
            Whim::Lose { on } => {
                let label = label(&format!("V{on}"));
                if self.catalogue.remove_volume(&label, now).is_ok() {
                    self.world.volumes.remove(&label);
                }
            }
            Whim::Lock { on } => {
                let label = label(&format!("V{on}"));
                let until = super::Lock::Until(day(self.day + 2));
                drop(self.catalogue.set_lock(&label, until, &super::Locked::default(), now));
            }
            Whim::EndRun => {
                self.catalogue.finish_run(now, now, RunStatus::Good).unwrap();
                self.day += 1;
                self.catalogue.with_run(self.day);
            }
        }
    }

    /// Begins a volume afresh, if it may be, and never takes away what was the newest state before.
    fn begin(&mut self, on: usize) {
        let label = label(&format!("V{on}"));
        let newest = |catalogue: &Catalogue| {
            let links = catalogue.newest_at(&dle("/data"), day(999)).unwrap().links;
            links.map(|links| links.last().unwrap().dump.id)
        };
        let before = newest(&self.catalogue);
        let Ok(leave) = self.catalogue.reusable(&label, &policies(), day(self.day)) else { return };
        assert_eq!(newest(&self.catalogue), before);
        self.world.volumes.insert(leave.label().clone(), vec![]);
        let end = VolumeEnd { file: FileNo::FIRST, object: None };
        let (block, now) = (types::BlockSize::TAPE, day(self.day));
        self.catalogue.record_labelled(&label, Some(now), block, end, now).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))] // each looks at the whole catalogue forty times

    #[test]
    fn whatever_happens_the_catalogue_tells_the_truth(
        whims in prop::collection::vec(any_whim(), 0..40),
    ) {
        let mut site = Site::new();
        for whim in whims {
            site.take(whim);
            assert_says_no_more(&site.catalogue, &site.world);
        }
        assert_true(&site.catalogue, &site.world);
    }
}
