//! Nights, told and by chance.

use std::collections::BTreeMap;

use proptest::prelude::*;
use types::{Blame, Bytes, DleRef, DriveId, Level, StorageName};

use super::world::{Case, Chance, MIB, Troubles, World, id, stamp};
use crate::dispatcher::{
    Action, Algorithm, Destinations, Disk, DiskNo, Dispatcher, Event, Failure, Hindrance, Holding,
    Leftover, Letter, Manner, Outcome, Reason, Share, Site, Start, Taper, Thresholds, To,
};
use crate::planner::{Choice, Estimate, Planned, Source};

pub(super) fn dle(host: &str, name: &str) -> DleRef {
    DleRef { host: host.parse().unwrap(), dle: name.parse().unwrap() }
}

pub(super) fn cost(mib: u64, seconds: u32) -> Estimate {
    let size = Bytes(mib * MIB);
    Estimate { raw: size, stored: size, seconds, off: 0, source: Source::History }
}

pub(super) fn full(mib: u64) -> Choice {
    Choice { level: Level::FULL, base: None, cost: cost(mib, 10) }
}

pub(super) fn incremental(mib: u64) -> Choice {
    Choice { level: Level::FULL.next(), base: Some(id(1 << 30)), cost: cost(mib, 10) }
}

pub(super) fn planned(name: &str, choice: Choice, degraded: Result<Choice, String>) -> Planned {
    Planned {
        dle: dle("host", name),
        full: Some(choice.cost),
        choice,
        degraded,
        priority: 1,
        urgency: 1,
        not_before: 0,
        allow_split: true,
        why: "told so".into(),
    }
}

pub(super) fn no_smaller() -> Result<Choice, String> {
    Err("it has no full yet".into())
}

/// One drive with volumes of 1 GiB, one holding disk of 1 GiB, four dumpers.
pub(super) fn site() -> Site {
    Site {
        inparallel: 4,
        dumporder: Vec::new(),
        interfaces: BTreeMap::new(),
        disks: vec![Disk { room: Bytes(1024 * MIB), chunk: Bytes(100 * MIB) }],
        reserve: 100,
        tapers: vec![storage("one", &[drive("robot", "d1")])],
    }
}

pub(super) fn drive(changer: &str, drive: &str) -> DriveId {
    DriveId { changer: changer.parse().unwrap(), drive: drive.parse().unwrap() }
}

pub(super) fn storage(name: &str, drives: &[DriveId]) -> Taper {
    Taper {
        storage: name.parse().unwrap(),
        drives: drives.to_vec(),
        without: None,
        at_once: 1,
        runtapes: 1,
        length: Bytes(1024 * MIB),
        images_per_volume: None,
        algorithm: Algorithm::First,
        thresholds: Thresholds::default(),
    }
}

pub(super) fn case(planned: Vec<Planned>) -> Case {
    let manner = Manner { maxdumps: 4, ..Manner::default() };
    Case {
        manners: planned.iter().map(|one| (one.dle.clone(), manner.clone())).collect(),
        planned,
        site: site(),
        left_over: Vec::new(),
        volume: Bytes(1024 * MIB),
        volumes: vec![9],
        growth: 100,
        troubles: Troubles::default(),
        fault: None,
    }
}

pub(super) fn manner_of_all(case: &mut Case, change: impl Fn(&mut Manner)) {
    case.manners.values_mut().for_each(change);
}

pub(super) fn placed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Placed { .. })
}

pub(super) fn level_of(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Placed { level, .. } | Outcome::Held { level, .. } => Some(level.number()),
        Outcome::Failed { .. } => None,
    }
}

#[test]
fn a_quiet_night_places_everything() {
    let dumps =
        vec![planned("a", full(100), no_smaller()), planned("b", incremental(5), no_smaller())];
    let night = World::new(case(dumps), 1).run();
    assert!(night.outcomes().values().all(placed));
    assert_eq!((night.held(), night.volumes_begun()), (0, 1));
}

#[test]
fn nothing_to_do_is_done_at_once() {
    let night = World::new(case(Vec::new()), 1).run();
    assert_eq!((night.placed(), night.volumes_begun()), (0, 0));
}

// In Amanda such images are "stuck on holding" until somebody flushes them by hand (#69).
#[test]
fn what_an_earlier_run_left_is_written_without_a_dump() {
    let mut case = case(Vec::new());
    let on = vec![Share { disk: DiskNo(0), bytes: Bytes(10 * MIB) }];
    case.left_over = vec![Leftover {
        dump: id(1 << 20),
        dle: dle("host", "old"),
        level: Level::FULL,
        run: stamp("20260101000000"),
        stored: Bytes(9 * MIB),
        on,
        allow_split: true,
        lacks: vec!["one".parse().unwrap()],
    }];
    let night = World::new(case, 1).run();
    assert_eq!((night.placed(), night.held()), (1, 0));
}

// Amanda 3.5.2 dumps the first, and fails the others: "can't do degraded dump without holding disk" (#222, #253).
#[test]
fn without_a_holding_disk_every_dump_goes_straight_to_the_volume() {
    let names: Vec<String> = (0..6).map(|n| format!("dle{n}")).collect();
    let mut case = case(names.iter().map(|name| planned(name, full(50), no_smaller())).collect());
    case.site.disks.clear();
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed));
}

#[test]
fn holding_never_goes_straight_to_the_volume() {
    let mut case = case(vec![planned("a", full(50), no_smaller())]);
    manner_of_all(&mut case, |manner| manner.holding = Holding::Never);
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed));
}

#[test]
fn what_is_larger_than_holding_goes_straight_to_the_volume() {
    let mut case = case(vec![planned("a", full(600), no_smaller())]);
    case.site.disks[0].room = Bytes(100 * MIB);
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed));
}

#[test]
fn a_dump_that_outgrows_holding_goes_straight_to_the_volume() {
    let mut case = case(vec![planned("a", full(60), no_smaller())]);
    case.site.disks[0].room = Bytes(100 * MIB);
    case.growth = 400;
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed), "{}", night.log.join("\n"));
}

#[test]
fn a_dump_that_must_go_to_holding_and_outgrows_it_is_given_up() {
    let mut case = case(vec![planned("a", full(60), no_smaller())]);
    manner_of_all(&mut case, |manner| manner.holding = Holding::Required);
    case.site.disks[0].room = Bytes(100 * MIB);
    case.growth = 400;
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(|outcome| level_of(outcome).is_none()));
}

#[test]
fn without_a_volume_a_full_becomes_its_incremental() {
    let mut case = case(vec![
        planned("a", full(100), Ok(incremental(5))),
        planned("b", incremental(7), no_smaller()),
    ]);
    case.volumes = vec![0];
    let night = World::new(case, 1).run();
    let levels: Vec<_> = night.outcomes().values().map(level_of).collect();
    assert_eq!(levels, [Some(1), Some(1)]);
    assert_eq!(night.held(), 2);
}

#[test]
fn without_a_volume_the_reserve_is_a_percentage() {
    // Of 1024 MiB, 60 % are kept: one full of 300 MiB may stay a full, and the second may not.
    let mut case = case(vec![
        planned("a", full(300), Ok(incremental(5))),
        planned("b", full(300), Ok(incremental(5))),
    ]);
    case.volumes = vec![0];
    case.site.reserve = 60;
    let night = World::new(case, 1).run();
    let levels: Vec<_> = night.outcomes().values().map(level_of).collect();
    assert_eq!(levels, [Some(0), Some(1)]);
}

#[test]
fn without_a_volume_and_without_an_alternative_a_full_fails_with_the_reason() {
    let mut case = case(vec![planned("a", full(100), no_smaller())]);
    case.volumes = vec![0];
    let night = World::new(case, 1).run();
    let Outcome::Failed { why } = &night.outcomes()["a"] else { panic!("it was dumped") };
    assert_eq!(
        why.words,
        "there is no volume to write to (see what is said of the storage); it has no full yet"
    );
    assert_eq!(why.hindrance, Some(Hindrance::Volumes));
}

#[test]
fn without_drives_all_stays_on_holding() {
    let mut case = case(vec![planned("a", full(100), no_smaller())]);
    case.site.tapers[0].drives.clear();
    case.site.reserve = 0;
    let night = World::new(case, 1).run();
    assert_eq!((night.placed(), night.held()), (0, 1));
}

#[test]
fn an_image_goes_on_with_the_next_volume() {
    let mut case = case(vec![planned("a", full(150), no_smaller())]);
    case.site.tapers[0].runtapes = 4;
    case.volume = Bytes(100 * MIB);
    let night = World::new(case, 3).run();
    assert!(night.outcomes().values().all(placed));
}

#[test]
fn below_taperflush_what_is_dumped_waits_for_another_night() {
    let mut case = case(vec![planned("a", full(100), no_smaller())]);
    case.site.reserve = 0;
    case.site.tapers[0].thresholds = Thresholds { dumped: 50, scheduled: 50, taperflush: 50 };
    let night = World::new(case, 1).run();
    assert_eq!((night.placed(), night.held(), night.volumes_begun()), (0, 1, 0));
}

#[test]
fn thresholds_do_not_keep_a_dump_from_going_straight_to_a_volume() {
    let mut case = case(vec![planned("a", full(100), no_smaller())]);
    case.site.tapers[0].thresholds = Thresholds { dumped: 50, scheduled: 50, taperflush: 50 };
    manner_of_all(&mut case, |manner| manner.holding = Holding::Never);
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed));
}

#[test]
fn a_volume_takes_no_more_images_than_it_may() {
    let names: Vec<String> = (0..5).map(|n| format!("dle{n}")).collect();
    let mut case = case(names.iter().map(|name| planned(name, full(10), no_smaller())).collect());
    case.site.tapers[0].runtapes = 9;
    case.site.tapers[0].images_per_volume = Some(2);
    let night = World::new(case, 1).run();
    assert!(night.outcomes().values().all(placed));
    assert_eq!(night.volumes_begun(), 3);
}

// Amanda reserves for the incremental that was estimated, and the full runs out of space (#255).
#[test]
fn an_incremental_that_has_to_become_a_full_is_given_a_full_s_space_or_a_volume() {
    let mut one = planned("a", incremental(5), no_smaller());
    one.full = Some(cost(600, 60));
    let mut case = case(vec![one]);
    case.site.disks[0].room = Bytes(100 * MIB);
    let plan = crate::planner::Plan::of(case.planned.clone());
    let mut next = 0;
    let ids = Box::new(move || {
        next += 1;
        id(next)
    });
    let mut dispatcher = Dispatcher::new(&plan, &case.manners, case.site, &[], ids);
    let drive = || drive("robot", "d1");
    dispatcher.apply(Event::Started);
    dispatcher.apply(Event::VolumeFound { drive: drive() });
    let lost = Event::DumpFailed { dump: id(1), failure: Failure::NoBase, why: "lost".into() };
    let mount = dispatcher.apply(lost);
    assert!(matches!(mount.as_slice(), [Action::MountVolume { again: None, .. }]), "{mount:?}");
    let label = "V1".parse().unwrap();
    let started = dispatcher.apply(Event::VolumeMounted {
        drive: drive(),
        label,
        room: None,
        start: Start::New,
    });
    let [Action::StartDump { level, to: To::Drive(to), .. }] = started.as_slice() else {
        panic!("{started:?}")
    };
    assert_eq!((level.number(), to), (0, &drive()));
}

#[test]
fn a_dle_that_is_called_off_is_given_up_and_the_others_go_on() {
    let dumps = ["a", "b", "c"].map(|name| planned(name, full(10), no_smaller()));
    let mut case = case(dumps.to_vec());
    (case.site.inparallel, case.site.reserve) = (1, 0);
    let plan = crate::planner::Plan::of(case.planned.clone());
    let mut next = 0;
    let ids = Box::new(move || {
        next += 1;
        id(next)
    });
    let mut dispatcher = Dispatcher::new(&plan, &case.manners, case.site, &[], ids);
    let started = dispatcher.apply(Event::Started);
    assert!(
        matches!(started.last(), Some(Action::StartDump { dle, .. }) if dle.dle.as_str() == "a")
    );
    let mut tell = |event| dispatcher.apply(event);
    let why = || "the operator called it off".to_owned();
    let called_off = || Reason { hindrance: Some(Hindrance::Stopped), words: why() };
    let call_off = |name| Event::Cancelled { dle: dle("host", name), why: why() };
    // One that waits is given up at once; one that is being made when it has ended.
    assert_eq!(tell(call_off("b")), [Action::GiveUp { dle: dle("host", "b"), why: called_off() }]);
    assert_eq!(tell(call_off("a")), [Action::AbortDump { dump: id(1), why: why() }]);
    let ended =
        tell(Event::DumpFailed { dump: id(1), failure: Failure::Aborted, why: "stopped".into() });
    assert_eq!(ended[0], Action::GiveUp { dle: dle("host", "a"), why: called_off() });
    assert!(matches!(&ended[1], Action::StartDump { dle, .. } if dle.dle.as_str() == "c"));
    // What nobody knows, or is over, is nothing to call off.
    assert_eq!(tell(call_off("a")), []);
    assert_eq!(tell(call_off("x")), []);
}

#[test]
fn a_start_time_is_waited_for() {
    let mut late = planned("late", incremental(5), no_smaller());
    late.not_before = 3600;
    let night = World::new(case(vec![late]), 1).run();
    assert!(night.outcomes().values().all(placed));
    assert!(night.log.contains(&"WakeAt(3600)".to_owned()));
}

#[test]
fn a_client_that_loses_bases_for_ever_is_asked_only_once_more() {
    // Without a volume the full becomes an incremental, whose base is lost, which makes it a full.
    for seed in 0..50 {
        let mut case = case(vec![planned("a", full(100), Ok(incremental(5)))]);
        case.volumes = vec![0];
        case.troubles.client = 2;
        let night = World::new(case, seed).run();
        assert!(night.log.len() < 40, "{}", night.log.join("\n"));
    }
}

#[test]
fn no_single_fault_costs_a_dump() {
    for direct in [false, true] {
        for blame in [None, Some(Blame::Medium), Some(Blame::Drive), Some(Blame::Nothing)] {
            for step in 0.. {
                let names: Vec<String> = (0..4).map(|n| format!("dle{n}")).collect();
                let dumps = names.iter().map(|name| planned(name, full(150), no_smaller()));
                let mut case = case(dumps.collect());
                case.site.tapers[0].drives = ["d1", "d2"].map(|name| drive("robot", name)).to_vec();
                (case.site.tapers[0].runtapes, case.volume) = (9, Bytes(400 * MIB));
                case.fault = Some((step, blame));
                if direct {
                    manner_of_all(&mut case, |manner| manner.holding = Holding::Never);
                }
                let night = World::new(case, 7).run();
                let all = night.outcomes().values().all(placed);
                assert!(all, "{direct} {blame:?} {step}:\n{}", night.log.join("\n"));
                if !night.fault_struck() {
                    assert!(step > 1, "{direct} {blame:?}: only {step} steps");
                    break; // every one has had its turn
                }
            }
        }
    }
}

/// Of the three there may be, and of one that no run writes to.
fn some_storages(c: &mut Chance) -> Vec<StorageName> {
    let names = ["one", "two", "three", "later"];
    let mut some: Vec<StorageName> = Vec::new();
    some.extend(names.iter().filter(|_| c.one_in(2)).map(|name| name.parse().unwrap()));
    some
}

fn some_destinations(c: &mut Chance) -> Destinations {
    if c.one_in(2) {
        return Destinations::All;
    }
    Destinations::ByLevel { full: some_storages(c), incremental: some_storages(c) }
}

/// Its drives are in a library of its own, or in one that others may share.
fn any_taper(name: &str, c: &mut Chance) -> Taper {
    let changer = if c.one_in(2) { name } else { "shared" };
    let drives: Vec<DriveId> =
        (0..c.below(3)).map(|number| drive(changer, &format!("d{number}"))).collect();
    Taper {
        storage: name.parse().unwrap(),
        drives,
        without: None,
        at_once: 1 + usize::try_from(c.below(3)).unwrap(),
        runtapes: u32::try_from(c.below(5)).unwrap(),
        length: Bytes(500 * MIB),
        images_per_volume: c.one_in(4).then_some(2),
        algorithm: [
            Algorithm::First,
            Algorithm::FirstFit,
            Algorithm::Largest,
            Algorithm::LargestFit,
            Algorithm::Smallest,
            Algorithm::SmallestFit,
            Algorithm::Last,
            Algorithm::LastFit,
        ][usize::try_from(c.below(8)).unwrap()],
        thresholds: Thresholds {
            dumped: u32::try_from(c.below(2) * c.below(100)).unwrap(),
            scheduled: u32::try_from(c.below(2) * c.below(150)).unwrap(),
            taperflush: u32::try_from(c.below(2) * c.below(100)).unwrap(),
        },
    }
}

/// With fewer DLEs than `most`.
fn anything(seed: u64, most: u64) -> Case {
    let mut chance = Chance::new(seed);
    let c = &mut chance;
    let hosts = 1 + c.below(4);
    let mut planned_dumps = Vec::new();
    let mut manners = BTreeMap::new();
    for number in 0..c.below(most) {
        let small = incremental(1 + c.below(100));
        let (choice, degraded) = match c.below(3) {
            0 => (full(1 + c.below(900)), no_smaller()),
            1 => (full(100 + c.below(900)), Ok(small)),
            _ => (small, no_smaller()),
        };
        let mut one = planned("x", choice, degraded);
        one.dle = dle(&format!("host{}", c.below(hosts)), &format!("dle{number}"));
        one.priority = i32::try_from(c.below(3)).unwrap();
        one.not_before = if c.one_in(5) { c.below(1000) } else { 0 };
        one.full = one.full.filter(|_| c.one_in(2));
        let manner = Manner {
            holding: [Holding::Auto, Holding::Auto, Holding::Never, Holding::Required]
                [usize::try_from(c.below(4)).unwrap()],
            maxdumps: u32::try_from(c.below(4)).unwrap(),
            spindle: c.one_in(3).then_some(1),
            interface: c.one_in(2).then(|| "wan".to_owned()),
            tries: u32::try_from(c.below(4)).unwrap(),
            destinations: some_destinations(c),
        };
        let manner = Manner { maxdumps: manner.maxdumps.max(1), ..manner };
        manners.insert(one.dle.clone(), manner);
        planned_dumps.push(one);
    }
    let disks = (0..c.below(3))
        .map(|_| Disk { room: Bytes(c.below(1500) * MIB), chunk: Bytes(100 * MIB * c.below(2)) });
    let disks: Vec<Disk> = disks.collect();
    let left_over = if disks.is_empty() { 0 } else { c.below(4) };
    let left_over = (0..left_over).map(|number| Leftover {
        dump: id((1 << 20) + number),
        dle: dle("host0", &format!("old{number}")),
        level: Level::FULL,
        run: stamp("20260101000000"),
        stored: Bytes(9 * MIB),
        on: vec![Share { disk: DiskNo(0), bytes: Bytes(10 * MIB) }],
        allow_split: true,
        lacks: some_storages(c),
    });
    let left_over = left_over.collect();
    let tapers = ["one", "two", "three"].iter().take(usize::try_from(c.below(4)).unwrap());
    let tapers = tapers.map(|name| any_taper(name, c)).collect();
    let rare = |c: &mut Chance| if c.one_in(2) { 0 } else { 3 + c.below(20) };
    Case {
        planned: planned_dumps,
        manners,
        site: Site {
            inparallel: 1 + usize::try_from(c.below(5)).unwrap(),
            dumporder: "sStTbB".chars().filter_map(Letter::of).collect(),
            interfaces: BTreeMap::from([("wan".to_owned(), Bytes(20 * MIB))]),
            disks,
            reserve: u32::try_from(c.below(101)).unwrap(),
            tapers,
        },
        left_over,
        volume: Bytes((50 + c.below(900)) * MIB),
        volumes: (0..3).map(|_| u32::try_from(c.below(6)).unwrap()).collect(),
        growth: 50 + c.below(300),
        troubles: Troubles {
            client: rare(c),
            drive: rare(c),
            no_volume: rare(c),
            unreadable: rare(c),
            full_disk: rare(c),
            interrupt: if c.one_in(4) { 10 + c.below(60) } else { 0 },
            cancel: if c.one_in(4) { 5 + c.below(60) } else { 0 },
        },
        fault: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_night_ends_and_keeps_its_limits(seed in any::<u64>()) {
        World::new(anything(seed, 12), seed).run();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_large_night_ends_and_keeps_its_limits(seed in any::<u64>()) {
        World::new(anything(seed, 80), seed).run();
    }
}
