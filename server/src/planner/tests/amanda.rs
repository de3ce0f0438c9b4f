//! What Amanda's users suffer from in her planner, by the number of the complaint where it has one: gone here.

use std::collections::BTreeMap;

use types::Level;

use super::{asked, is_warned, levels, mib, night, why, with_past};
use crate::planner::{
    DleFacts, Estimates, Limits, Route, Snapshot, Storage, Tonight, amanda, plan,
};

fn due(name: &str, ago: i64, size: u64) -> (DleFacts, Estimates) {
    (with_past(name, &[(0, ago, size), (1, 1, 10)]), asked(&[(0, size), (1, 10)]))
}

/// A night with a second storage, of so many MiB.
fn with_another(mut tonight: Tonight, name: &str, volume: u64) -> Tonight {
    let capacity = tonight.storages[0].capacity;
    let mut other = Storage { name: name.into(), capacity, speed: None };
    other.capacity.volume = mib(volume);
    tonight.storages.push(other);
    tonight
}

fn fulls_of_amanda(tonight: &Tonight) -> usize {
    amanda(tonight).dumps.iter().filter(|(_, level)| level.is_full()).count()
}

#[test]
fn every_storage_counts_and_not_the_first_alone() {
    let mut tonight = with_another(
        night(vec![due("a", 12, 300), due("b", 11, 300), due("c", 10, 300)]),
        "offsite",
        700,
    );
    let both = || Route { full: vec![0, 1], incremental: vec![0] };
    tonight.dles.iter_mut().for_each(|facts| facts.route = both());
    // Hers fit the first, and overflow the second.
    assert_eq!(fulls_of_amanda(&tonight), 3);
    let ours = plan(&tonight);
    assert_eq!(levels(&ours), BTreeMap::from([("a", 0), ("b", 0), ("c", 1)]));
    assert!(why(&ours, "c").contains("tonight's volumes of storage offsite don't take all fulls"));
    assert!(ours.balance().storages.iter().all(|one| one.total <= one.capacity));
}

#[test]
fn what_another_storage_takes_makes_no_room_and_is_left_alone() {
    let mut tonight = with_another(
        night(vec![due("a", 12, 600), due("b", 10, 600), due("c", 11, 600)]),
        "b",
        700,
    );
    tonight.dles[1].route = Route { full: vec![1], incremental: vec![1] };
    // b is the freshest, but it stands in nobody's way.
    assert_eq!(levels(&plan(&tonight)), BTreeMap::from([("a", 0), ("b", 0), ("c", 1)]));
}

#[test]
fn a_full_that_is_put_off_goes_to_the_storage_of_its_incremental_if_that_has_room() {
    let mut tonight = with_another(night(vec![due("a", 12, 900), due("b", 10, 900)]), "small", 5);
    tonight.dles[1].route = Route { full: vec![0], incremental: vec![1] };
    // Neither its full fits one storage, nor its incremental the other.
    let ours = plan(&tonight);
    assert_eq!(levels(&ours), BTreeMap::from([("a", 0)]));
    assert!(is_warned(&ours, "its full is put off"));
    tonight.storages[1].capacity.volume = mib(50);
    assert_eq!(levels(&plan(&tonight)), BTreeMap::from([("a", 0), ("b", 1)]));
}

#[test]
fn a_dle_that_no_storage_takes_is_told() {
    let mut tonight = night(vec![due("a", 12, 100)]);
    tonight.dles[0].route.full.clear();
    assert!(is_warned(&plan(&tonight), "no storage takes its fulls"));
}

#[test]
fn promotion_sees_the_whole_site_and_not_a_host_at_a_time() {
    // Host x has two of its own on one quiet day, and by her score that counts more than the heap of twelve hosts.
    let mut dles: Vec<_> = (0..12).map(|n| due(&format!("host{n}:heap{n}"), 5, 40)).collect();
    dles.extend([due("x:one", 8, 10), due("x:two", 8, 10)]);
    let tonight = night(dles);
    let hers = amanda(&tonight).dumps;
    let first = hers.iter().find(|(_, level)| level.is_full()).unwrap();
    assert_eq!(first.0.host.as_str(), "x");
    let ours = plan(&tonight);
    let early: Vec<_> = ours.dumps().iter().filter(|one| one.choice.level.is_full()).collect();
    assert!(!early.is_empty() && early.iter().all(|one| one.dle.host.as_str() != "x"));
}

#[test]
fn issue_7_a_client_that_gives_no_estimate_in_time_costs_no_dle_with_a_history() {
    let silent = Estimates { failed: Some("no answer for 300 s".into()), ..Estimates::default() };
    let dles = (0..3)
        .map(|n| (with_past(&format!("d{n}"), &[(0, 9 + n, 100), (1, 1, 5)]), silent.clone()));
    let tonight = night(dles.collect());
    assert_eq!(amanda(&tonight).dumps, [], "she has no sizes, so she dumps nothing");
    let ours = plan(&tonight);
    assert_eq!(levels(&ours), BTreeMap::from([("d0", 1), ("d1", 0), ("d2", 0)]));
    assert!(is_warned(&ours, "the client gave no estimate (no answer for 300 s)"));
}

#[test]
fn issue_261_a_dle_larger_than_all_volumes_says_so_with_both_sizes() {
    let (facts, given) = due("huge", 12, 2 << 20);
    let ours = plan(&night(vec![(facts, given)]));
    assert!(is_warned(
        &ours,
        "its full can never be made: 2.00 TiB are more than a run takes (1.00 GiB)"
    ));
    assert_eq!(levels(&ours), BTreeMap::from([("huge", 1)]), "and its incrementals go on");
}

#[test]
fn issue_255_the_full_that_an_incremental_may_become_is_known_before_it_is_dumped() {
    // She estimated an incremental; the client had lost what it builds on, sent a full, and the space was gone. Here the
    // client is asked whether it still has it, and if not, a full is what is planned and has to fit.
    let (mut facts, given) = due("a", 3, 900);
    facts.last.values_mut().for_each(|past| past.snapshot = Snapshot::Lost);
    let ours = plan(&night(vec![(facts, given), due("b", 10, 500)]));
    assert!(ours.balance().total <= ours.balance().capacity);
    assert!(
        why(&ours, "a").contains("the client has lost what it would build on"),
        "{}",
        why(&ours, "a")
    );
    // And where it finds out only while it dumps, what a full would take is in the plan.
    let whole = plan(&night(vec![due("a", 3, 900)]));
    assert_eq!(whole.dumps()[0].choice.level, Level::FULL.next());
    assert_eq!(whole.dumps()[0].full.map(|cost| cost.stored), Some(mib(900)));
}

#[test]
fn a_night_is_bounded_by_its_narrowest_way_and_only_what_queues_there_gives_way() {
    // a and b are on one slow host, c is alone: the night has ten minutes.
    let slow = |name: &str, ago, minutes: u32| {
        let (facts, mut given) = due(name, ago, 100);
        given.levels.get_mut(&Level::FULL).unwrap().seconds = minutes * 60;
        (facts, given)
    };
    let mut tonight = night(vec![slow("x:a", 14, 7), slow("x:b", 11, 6), slow("y:c", 10, 9)]);
    tonight.limits = Limits { minutes: Some(10), inparallel: 9, interfaces: Vec::new() };
    let ours = plan(&tonight);
    // c's last full is the freshest, but c is not in the way.
    assert_eq!(levels(&ours), BTreeMap::from([("a", 0), ("b", 1), ("c", 0)]));
    assert!(why(&ours, "b").contains("the 10 min of the night don't take all fulls"));
    // Two at once on that host, and all three fit.
    tonight.dles.iter_mut().for_each(|facts| facts.maxdumps = 2);
    assert!(levels(&plan(&tonight)).values().all(|level| *level == 0));
    // One spindle, and they are one after the other again.
    tonight.dles.iter_mut().for_each(|facts| facts.spindle = Some(1));
    assert_eq!(levels(&plan(&tonight))["b"], 1);
}

#[test]
fn a_slow_network_or_drive_bounds_the_night_as_well() {
    let two = || night(vec![due("x:a", 12, 300), due("y:b", 11, 300)]);
    let mut network = two();
    network.limits = Limits { minutes: Some(6), inparallel: 9, interfaces: vec![mib(1)] };
    assert_eq!(levels(&plan(&network)), BTreeMap::from([("a", 0), ("b", 1)]));
    let mut drive = two();
    drive.limits.minutes = Some(6);
    drive.storages[0].speed = Some(mib(1));
    assert_eq!(levels(&plan(&drive)), BTreeMap::from([("a", 0), ("b", 1)]));
    drive.storages[0].speed = Some(mib(2));
    assert!(levels(&plan(&drive)).values().all(|level| *level == 0));
}

#[test]
fn a_dump_that_waits_for_its_start_time_ends_later() {
    let (mut facts, given) = due("a", 12, 300);
    facts.starttime = Some(23 * 3600);
    let mut tonight = night(vec![(facts, given)]);
    // The run begins at 22:00, the dump takes five minutes.
    assert_eq!(plan(&tonight).balance().lasts, 3600 + 300);
    tonight.limits.minutes = Some(62);
    assert_eq!(levels(&plan(&tonight)), BTreeMap::from([("a", 1)]));
}

#[test]
fn without_record_every_dump_is_a_full() {
    let (mut facts, given) = due("a", 3, 100);
    facts.record = false;
    let ours = plan(&night(vec![(facts, given)]));
    assert_eq!(levels(&ours), BTreeMap::from([("a", 0)]));
    assert!(why(&ours, "a").contains("record = false"));
    assert!(ours.dumps()[0].degraded.is_err());
}
