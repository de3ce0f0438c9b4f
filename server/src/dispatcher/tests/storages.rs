//! Nights that write to several storages.

use types::{Bytes, StorageName};

use super::nights::{case, drive, full, incremental, level_of, manner_of_all, no_smaller, planned};
use super::nights::{placed, storage};
use super::world::{Case, MIB, World, id, stamp};
use crate::dispatcher::{
    Destinations, DiskNo, Holding, Leftover, Outcome, Share, Taper, Thresholds,
};
use crate::planner::Planned;

fn name(name: &str) -> StorageName {
    name.parse().unwrap()
}

fn names(all: &[&str]) -> Vec<StorageName> {
    all.iter().map(|one| name(one)).collect()
}

fn dumps(count: usize, mib: u64) -> Vec<Planned> {
    (0..count).map(|n| planned(&format!("dle{n}"), full(mib), no_smaller())).collect()
}

/// Two storages, each with a changer of its own, whose drives have the same name.
fn two(planned: Vec<Planned>) -> Case {
    let tapers = ["one", "two"].map(|name| storage(name, &[drive(name, "drive0")]));
    with(planned, tapers.to_vec())
}

/// Two storages that share the only drive of one changer.
fn sharing(planned: Vec<Planned>) -> Case {
    let tapers = ["one", "two"].map(|name| storage(name, &[drive("shared", "drive0")]));
    with(planned, tapers.to_vec())
}

fn with(planned: Vec<Planned>, tapers: Vec<Taper>) -> Case {
    let mut case = case(planned);
    case.site.tapers = tapers;
    case
}

fn lacks(outcome: &Outcome) -> Option<Vec<StorageName>> {
    match outcome {
        Outcome::Placed { lacks, .. } => Some(lacks.clone()),
        Outcome::Held { .. } | Outcome::Failed { .. } => None,
    }
}

#[test]
fn every_image_gets_to_both_storages_and_then_leaves_holding() {
    for seed in 0..50 {
        for case in [two(dumps(4, 100)), sharing(dumps(4, 100))] {
            let night = World::new(case, seed).run();
            assert!(night.outcomes().values().all(placed), "{}", night.log.join("\n"));
            let all = (night.held(), night.placed_in("one"), night.placed_in("two"));
            assert_eq!(all, (0, 4, 4));
        }
    }
}

#[test]
fn a_storage_without_volumes_does_not_stop_another() {
    let mut case = two(dumps(3, 100));
    case.volumes = vec![9, 0];
    let night = World::new(case, 1).run();
    // None degrades, since all get to a volume; and all wait for the other one.
    assert!(night.outcomes().values().all(|outcome| level_of(outcome) == Some(0)));
    assert_eq!((night.held(), night.placed_in("one"), night.placed_in("two")), (3, 3, 0));
}

#[test]
fn without_a_volume_of_any_of_its_storages_a_full_becomes_its_incremental() {
    let mut case = two(vec![planned("a", full(100), Ok(incremental(5)))]);
    case.volumes = vec![0, 0];
    let night = World::new(case, 1).run();
    assert_eq!(level_of(&night.outcomes()["a"]), Some(1));
}

#[test]
fn the_level_chooses_the_storages() {
    let mut case = two(vec![
        planned("a", full(100), no_smaller()),
        planned("b", incremental(5), no_smaller()),
    ]);
    manner_of_all(&mut case, |manner| {
        manner.destinations =
            Destinations::ByLevel { full: names(&["two"]), incremental: names(&["one", "two"]) };
    });
    let night = World::new(case, 1).run();
    assert_eq!((night.held(), night.placed_in("one"), night.placed_in("two")), (0, 1, 2));
}

#[test]
fn a_dump_straight_to_a_volume_is_in_one_storage_and_lacks_the_others() {
    let mut case = two(dumps(3, 100));
    manner_of_all(&mut case, |manner| {
        manner.holding = Holding::Never;
        let all = names(&["one", "two", "later"]);
        manner.destinations = Destinations::ByLevel { full: all.clone(), incremental: all };
    });
    let night = World::new(case, 1).run();
    assert_eq!(night.placed_in("one"), 3);
    for outcome in night.outcomes().values() {
        assert_eq!(lacks(outcome), Some(names(&["two", "later"])));
    }
}

#[test]
fn a_dump_straight_to_a_volume_goes_to_the_next_storage_when_the_first_has_none() {
    let mut case = two(dumps(3, 100));
    case.volumes = vec![0, 9];
    manner_of_all(&mut case, |manner| manner.holding = Holding::Never);
    let night = World::new(case, 1).run();
    assert_eq!((night.placed_in("one"), night.placed_in("two")), (0, 3));
    assert!(night.outcomes().values().all(|outcome| lacks(outcome) == Some(names(&["one"]))));
}

#[test]
fn an_image_for_a_storage_of_another_run_stays_on_holding() {
    let mut case = two(dumps(2, 100));
    manner_of_all(&mut case, |manner| {
        let all = names(&["one", "later"]);
        manner.destinations = Destinations::ByLevel { full: all.clone(), incremental: all };
    });
    let night = World::new(case, 1).run();
    assert_eq!((night.held(), night.placed_in("one"), night.placed_in("two")), (2, 2, 0));
}

#[test]
fn an_earlier_image_is_written_only_where_it_lacks() {
    let mut case = two(Vec::new());
    case.left_over = vec![Leftover {
        dump: id(1 << 20),
        dle: super::nights::dle("host", "old"),
        level: types::Level::FULL,
        run: stamp("20260101000000"),
        stored: Bytes(9 * MIB),
        on: vec![Share { disk: DiskNo(0), bytes: Bytes(10 * MIB) }],
        allow_split: true,
        lacks: names(&["two"]),
    }];
    let night = World::new(case, 1).run();
    assert_eq!((night.held(), night.placed_in("one"), night.placed_in("two")), (0, 0, 1));
}

#[test]
fn a_shared_drive_changes_hands_once_when_space_does_not_press() {
    let night = World::new(sharing(dumps(6, 50)), 3).run();
    let mounts = night.log.iter().filter(|line| line.starts_with("MountVolume")).count();
    assert_eq!(mounts, 2, "{}", night.log.join("\n"));
}

#[test]
fn a_shared_drive_changes_hands_as_often_as_full_holding_wants() {
    for seed in 0..50 {
        // Two of the eight images fit, and none leaves before both storages have it.
        let mut case = sharing(dumps(8, 100));
        case.site.disks[0].room = Bytes(230 * MIB);
        manner_of_all(&mut case, |manner| manner.holding = Holding::Required);
        let night = World::new(case, seed).run();
        assert!(night.outcomes().values().all(placed), "{}", night.log.join("\n"));
        // What makes way is gone on with: no storage needs a second volume.
        assert_eq!(night.volumes_begun(), 2, "{}", night.log.join("\n"));
    }
}

#[test]
fn each_storage_has_its_own_threshold() {
    let mut case = two(dumps(2, 100));
    case.site.reserve = 0;
    case.site.tapers[1].thresholds = Thresholds { dumped: 50, scheduled: 50, taperflush: 50 };
    let night = World::new(case, 1).run();
    assert_eq!((night.held(), night.placed_in("one"), night.placed_in("two")), (2, 2, 0));
}

#[test]
fn each_storage_has_its_own_runtapes() {
    let mut case = two(dumps(8, 150));
    case.volume = Bytes(320 * MIB);
    case.site.disks[0].room = Bytes(2048 * MIB);
    case.site.tapers[0].runtapes = 8;
    let night = World::new(case, 1).run();
    let (one, two) = (night.placed_in("one"), night.placed_in("two"));
    assert!(one == 8 && two < 8, "{one}, {two}");
    assert_eq!(night.held(), 8 - two);
}

#[test]
fn the_last_drive_of_a_storage_that_fails_costs_only_that_storage() {
    for seed in 0..50 {
        let mut case = two(dumps(3, 100));
        case.fault = Some((seed % 9, Some(types::Blame::Drive)));
        let night = World::new(case, seed).run();
        let (one, two) = (night.placed_in("one"), night.placed_in("two"));
        assert!(one.max(two) == 3, "{one}, {two}:\n{}", night.log.join("\n"));
    }
}
