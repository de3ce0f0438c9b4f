//! What the configuration promises of a run, knob by knob, as the manual says it.

use std::collections::BTreeMap;

use types::{Bytes, DumpId};

use super::nights::{
    case, cost, dle, drive, full, incremental, manner_of_all, no_smaller, planned, storage,
};
use super::world::{Case, MIB, id};
use crate::dispatcher::{
    Action, Disk, Dispatcher, Event, Failure, Hindrance, Holding, Letter, Reason, Share, Start,
    Thresholds, To,
};
use crate::planner::{Choice, Plan, Planned};

/// A dispatcher that is told what happens, event by event.
pub(super) struct Told {
    pub(super) dispatcher: Dispatcher,
    /// What goes on, by the name of its DLE, and where on holding.
    flying: BTreeMap<String, (DumpId, Vec<Share>)>,
}

impl Told {
    pub(super) fn of(case: Case) -> Self {
        let mut next = 0;
        let ids = Box::new(move || {
            next += 1;
            id(next)
        });
        let plan = Plan::of(case.planned);
        let dispatcher = Dispatcher::new(&plan, &case.manners, case.site, &case.left_over, ids);
        Self { dispatcher, flying: BTreeMap::new() }
    }

    pub(super) fn tell(&mut self, event: Event) -> Vec<Action> {
        let actions = self.dispatcher.apply(event);
        for action in &actions {
            if let Action::StartDump { dump, dle, to, .. } = action {
                let on = match to {
                    To::Holding(space) => space.shares().to_vec(),
                    To::Drive(_) => Vec::new(),
                };
                self.flying.insert(dle.dle.to_string(), (*dump, on));
            }
        }
        actions
    }

    /// The DLEs whose dumps begin upon this.
    fn begins(&mut self, event: Event) -> Vec<String> {
        names(&self.tell(event))
    }

    /// A dump to holding is whole, and as large as was expected.
    fn held(&mut self, name: &str) -> Event {
        let (dump, on) = self.flying.remove(name).unwrap();
        let stored = on.iter().map(|share| share.bytes).sum();
        Event::Held { dump, raw: stored, stored, on }
    }

    fn failed(&mut self, name: &str) -> Event {
        let (dump, _) = self.flying.remove(name).unwrap();
        Event::DumpFailed { dump, failure: Failure::Retry, why: "it broke".into() }
    }

    fn disks(&self, name: &str) -> Vec<usize> {
        self.flying[name].1.iter().map(|share| share.disk.0).collect()
    }
}

fn names(actions: &[Action]) -> Vec<String> {
    let started = |action: &Action| match action {
        Action::StartDump { dle, .. } => Some(dle.dle.to_string()),
        _ => None,
    };
    actions.iter().filter_map(started).collect()
}

fn mounts(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::MountVolume { .. }))
}

/// A full of so many MiB that takes so many seconds.
fn dump(name: &str, mib: u64, seconds: u32) -> Planned {
    planned(name, Choice { cost: cost(mib, seconds), ..full(mib) }, no_smaller())
}

/// Such a night, where fulls need not wait for a volume.
fn night(dumps: Vec<Planned>, inparallel: usize) -> Case {
    let mut case = case(dumps);
    (case.site.inparallel, case.site.reserve) = (inparallel, 0);
    case.site.disks[0].room = Bytes(100_000 * MIB);
    case
}

fn letters(text: &str) -> Vec<Letter> {
    text.chars().filter_map(Letter::of).collect()
}

/// Each is the first by one letter, and by no other.
fn six() -> Vec<Planned> {
    vec![
        dump("small", 10, 10),
        dump("large", 900, 90),
        dump("quick", 50, 2),
        dump("long", 500, 200),
        dump("thin", 20, 40),
        dump("fat", 800, 20),
    ]
}

#[test]
fn each_letter_of_dumporder_has_its_favourite() {
    let rows = [
        ('s', "small"),
        ('S', "large"),
        ('t', "quick"),
        ('T', "long"),
        ('b', "thin"),
        ('B', "fat"),
    ];
    for (letter, first) in rows {
        let mut case = night(six(), 1);
        case.site.dumporder = letters(&letter.to_string());
        assert_eq!(Told::of(case).begins(Event::Started), [first], "{letter}");
    }
}

#[test]
fn each_dumper_has_its_letter_and_the_last_is_for_all_the_others() {
    let mut case = night(six(), 4);
    manner_of_all(&mut case, |manner| manner.maxdumps = 9);
    case.site.dumporder = letters("sS");
    assert_eq!(Told::of(case).begins(Event::Started), ["small", "large", "fat", "long"]);
}

#[test]
fn a_dumper_that_is_free_again_takes_what_its_own_letter_prefers() {
    let mut case = night(six(), 2);
    case.site.dumporder = letters("sS");
    let mut told = Told::of(case);
    assert_eq!(told.begins(Event::Started), ["small", "large"]);
    let held = told.held("large");
    assert_eq!(told.begins(held), ["fat"]);
    let held = told.held("small");
    assert_eq!(told.begins(held), ["thin"]);
}

#[test]
fn a_higher_priority_goes_before_what_the_letter_prefers() {
    let mut dumps = six();
    dumps[3].priority = 2;
    let mut case = night(dumps, 1);
    case.site.dumporder = letters("s");
    assert_eq!(Told::of(case).begins(Event::Started), ["long"]);
}

#[test]
fn of_equals_the_first_of_the_plan_is_taken() {
    for letter in ["s", "S", "t", "T", "b", "B"] {
        let mut case = night(["c", "a", "b"].map(|name| dump(name, 10, 10)).to_vec(), 1);
        case.site.dumporder = letters(letter);
        assert_eq!(Told::of(case).begins(Event::Started), ["c"]);
    }
}

#[test]
fn so_many_dumps_go_on_at_once_as_inparallel_says() {
    let mut told = Told::of(night(six(), 3));
    assert_eq!(told.begins(Event::Started).len(), 3);
    let held = told.held("quick");
    assert_eq!(told.begins(held).len(), 1);
}

#[test]
fn so_many_dumps_go_on_at_once_on_a_host_as_maxdumps_says() {
    let mut dumps = ["a", "b", "c", "d"].map(|name| dump(name, 10, 10)).to_vec();
    dumps[3].dle = dle("other", "d");
    let mut case = night(dumps, 9);
    manner_of_all(&mut case, |manner| manner.maxdumps = 2);
    let mut told = Told::of(case);
    assert_eq!(told.begins(Event::Started), ["a", "b", "d"]);
    let held = told.held("d");
    assert!(told.begins(held).is_empty());
    let held = told.held("b");
    assert_eq!(told.begins(held), ["c"]);
}

#[test]
fn of_the_dles_on_one_spindle_of_a_host_one_is_dumped_at_a_time() {
    let names = ["a1", "b1", "c2", "d", "e", "f1"];
    let mut dumps = names.map(|name| dump(name, 10, 10)).to_vec();
    dumps[5].dle = dle("other", "f1");
    let mut case = night(dumps, 9);
    for (dle, manner) in &mut case.manners {
        manner.maxdumps = 9;
        manner.spindle = dle.dle.as_str().get(1..).and_then(|number| number.parse().ok());
    }
    let mut told = Told::of(case);
    // Those without a spindle stand in nobody's way, and another host has other disks.
    assert_eq!(told.begins(Event::Started), ["a1", "c2", "d", "e", "f1"]);
    let held = told.held("c2");
    assert!(told.begins(held).is_empty());
    let held = told.held("a1");
    assert_eq!(told.begins(held), ["b1"]);
}

#[test]
fn an_interface_carries_no_more_than_its_use() {
    // 6, 5, 3, and on the other interface 50 MiB a second.
    let dumps = [("a", 60), ("b", 50), ("c", 30), ("d", 500)];
    let mut case = night(dumps.map(|(name, mib)| dump(name, mib, 10)).to_vec(), 9);
    for (dle, manner) in &mut case.manners {
        let name = if dle.dle.as_str() == "d" { "lan" } else { "wan" };
        manner.interface = Some(name.to_owned());
    }
    case.site.interfaces = BTreeMap::from([("wan".to_owned(), Bytes(9 * MIB))]);
    let mut told = Told::of(case);
    // Six and three; five more are too much.
    assert_eq!(told.begins(Event::Started), ["a", "c", "d"]);
    let held = told.held("c");
    assert!(told.begins(held).is_empty());
    let held = told.held("a");
    assert_eq!(told.begins(held), ["b"]);
}

#[test]
fn what_is_faster_than_its_interface_goes_alone() {
    let mut case = night(["a", "b"].map(|name| dump(name, 500, 10)).to_vec(), 9);
    manner_of_all(&mut case, |manner| manner.interface = Some("wan".to_owned()));
    case.site.interfaces = BTreeMap::from([("wan".to_owned(), Bytes(9 * MIB))]);
    let mut told = Told::of(case);
    assert_eq!(told.begins(Event::Started), ["a"]);
    let held = told.held("a");
    assert_eq!(told.begins(held), ["b"]);
}

#[test]
fn a_start_time_holds_up_its_own_dle_and_no_other() {
    let mut dumps = six();
    dumps[2].not_before = 3600;
    let mut told = Told::of(night(dumps, 1));
    let actions = told.tell(Event::Started);
    assert_eq!(names(&actions), ["small"]);
    assert!(actions.contains(&Action::WakeAt(3600)));
    let held = told.held("small");
    assert_eq!(told.begins(held), ["fat"]);
    assert!(told.begins(Event::Time(3600)).is_empty());
    let held = told.held("fat");
    assert_eq!(told.begins(held), ["quick"]);
}

#[test]
fn dumps_that_go_on_together_are_spread_over_the_holding_disks() {
    let mut case = night(["a", "b", "c"].map(|name| dump(name, 10, 10)).to_vec(), 3);
    let disk = |mib| Disk { room: Bytes(mib * MIB), chunk: Bytes(100 * MIB) };
    case.site.disks = vec![disk(300), disk(900), disk(600)];
    let mut told = Told::of(case);
    told.tell(Event::Started);
    assert_eq!(["a", "b", "c"].map(|name| told.disks(name)), [[1], [2], [0]]);
}

#[test]
fn an_image_that_no_disk_takes_is_promised_space_on_several() {
    let mut case = night(vec![dump("a", 1000, 10)], 1);
    let disk = |mib| Disk { room: Bytes(mib * MIB), chunk: Bytes(100 * MIB) };
    case.site.disks = vec![disk(300), disk(900), disk(600)];
    let mut told = Told::of(case);
    told.tell(Event::Started);
    assert_eq!(told.disks("a"), [1, 2]);
}

#[test]
fn a_dump_that_finds_no_space_waits_until_an_image_has_left_holding() {
    let mut case = night(["a", "b"].map(|name| dump(name, 600, 10)).to_vec(), 2);
    case.site.disks[0].room = Bytes(1000 * MIB);
    let mut told = Told::of(case);
    assert_eq!(told.begins(Event::Started), ["a"]);
    let drive = || drive("robot", "d1");
    assert!(told.begins(Event::VolumeFound { drive: drive() }).is_empty());
    let held = told.held("a");
    assert!(told.begins(held).is_empty());
    let label = "V1".parse().unwrap();
    let written =
        told.tell(Event::VolumeMounted { drive: drive(), label, room: None, start: Start::New });
    assert_eq!(written, [Action::WriteImage { drive: drive(), dump: id(1) }]);
    let placed = told.tell(Event::ImagePlaced { drive: drive(), dump: id(1) });
    assert!(matches!(placed[0], Action::Release { .. }), "{placed:?}");
    assert_eq!(names(&placed), ["b"]);
}

/// Whether a run that may begin one volume begins another once the first is full.
fn goes_on_after(start: Start) -> bool {
    let mut told = Told::of(night(vec![dump("a", 600, 10)], 1));
    let drive = || drive("robot", "d1");
    told.tell(Event::Started);
    told.tell(Event::VolumeFound { drive: drive() });
    let held = told.held("a");
    told.tell(held);
    let label = "V1".parse().unwrap();
    told.tell(Event::VolumeMounted { drive: drive(), label, room: None, start });
    let full = told.tell(Event::VolumeFull { drive: drive() });
    full.iter().any(|action| matches!(action, Action::MountVolume { again: None, .. }))
}

#[test]
fn the_volume_of_an_earlier_run_is_none_of_those_that_a_run_may_begin() {
    assert_eq!([Start::GoesOn { images: 1 }, Start::New].map(goes_on_after), [true, false]);
}

#[test]
fn what_must_not_go_straight_to_a_volume_and_has_no_space_is_given_up_with_the_reason() {
    let mut case = night(vec![dump("a", 600, 10)], 1);
    manner_of_all(&mut case, |manner| manner.holding = Holding::Required);
    case.site.disks[0].room = Bytes(100 * MIB);
    let mut told = Told::of(case);
    told.tell(Event::Started);
    let actions = told.tell(Event::VolumeFound { drive: drive("robot", "d1") });
    let words = "there is no space for it on holding; it has no full yet".to_owned();
    let why = Reason { hindrance: Some(Hindrance::Space), words };
    assert_eq!(actions, [Action::GiveUp { dle: dle("host", "a"), why }, Action::Done]);
}

/// Three dumps of 300 MiB one after the other, for volumes of 1000 MiB.
fn thirds(thresholds: Thresholds) -> Told {
    let mut case = night(["a", "b", "c"].map(|name| dump(name, 300, 10)).to_vec(), 1);
    case.site.tapers = vec![storage("one", &[drive("robot", "d1")])];
    (case.site.tapers[0].length, case.site.tapers[0].thresholds) = (Bytes(1000 * MIB), thresholds);
    let mut told = Told::of(case);
    told.tell(Event::Started);
    assert!(!mounts(&told.tell(Event::VolumeFound { drive: drive("robot", "d1") })));
    told
}

/// After how many of the three dumps a volume is begun.
fn begun_after(thresholds: Thresholds) -> Option<usize> {
    let mut told = thirds(thresholds);
    let begins = |name| {
        let held = told.held(name);
        mounts(&told.tell(held))
    };
    ["a", "b", "c"].into_iter().position(begins).map(|before| before + 1)
}

#[test]
fn a_volume_is_begun_when_more_waits_than_flush_threshold_dumped() {
    let after = |dumped| begun_after(Thresholds { dumped, scheduled: dumped, taperflush: 100 });
    let rows =
        [(0, Some(1)), (29, Some(1)), (31, Some(2)), (59, Some(2)), (70, Some(3)), (95, None)];
    for (dumped, begun) in rows {
        assert_eq!(after(dumped), begun, "{dumped} %");
    }
}

#[test]
fn a_volume_is_begun_when_more_waits_or_comes_than_flush_threshold_scheduled() {
    // 900 MiB in all, from the first dump to the last.
    let after = |scheduled| begun_after(Thresholds { dumped: 0, scheduled, taperflush: 100 });
    assert_eq!([after(0), after(85), after(95)], [Some(1), Some(1), None]);
}

#[test]
fn what_waits_at_the_end_is_written_if_it_is_more_than_taperflush() {
    let after = |taperflush| begun_after(Thresholds { dumped: 100, scheduled: 100, taperflush });
    assert_eq!([after(0), after(85), after(95)], [Some(3), Some(3), None]);
}

#[test]
fn a_dump_that_fails_is_tried_as_often_as_retry_dump_says() {
    for tries in 1..=3 {
        let mut case = night(vec![planned("a", incremental(5), no_smaller())], 1);
        manner_of_all(&mut case, |manner| manner.tries = tries);
        let mut told = Told::of(case);
        assert_eq!(told.begins(Event::Started), ["a"]);
        for _ in 1..tries {
            let failed = told.failed("a");
            assert_eq!(told.begins(failed), ["a"]);
        }
        let failed = told.failed("a");
        let gives_up = told.tell(failed);
        let words = match tries {
            1 => "it broke".to_owned(),
            _ => format!("it broke (after {tries} tries)"),
        };
        let why = Reason { hindrance: None, words };
        assert_eq!(gives_up[0], Action::GiveUp { dle: dle("host", "a"), why });
    }
}
