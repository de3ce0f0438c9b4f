//! Nights that write to two storages, and vaults from one to the other.

use std::fs;

use taper::catalogue::Filter;
use taper::scan::Hint;
use types::{DumpId, StorageName};

use super::super::*;
use super::world::{SMALL_TAPES, World};
use super::{Act, FaultPlan, HARDWARE_ERROR, Lun, Rule, WRITE};
use crate::library::Library;
use crate::restore::libraries::Libraries;
use crate::vault::{self, Asked};

/// How the two storages lie to each other.
#[derive(Clone, Copy)]
pub(super) enum Lie {
    /// Each has a changer of its own.
    Apart,
    /// They share a changer of one drive.
    Together,
}

/// Two storages, of which runs write to those of `site`; the first may have more lines.
pub(super) fn configuration(lie: Lie, site: &str, first: &str) -> String {
    let (second, drives) = match lie {
        Lie::Apart => ("shelf", 2),
        Lie::Together => ("library", 1),
    };
    format!(
        r#"
[site]
org = "Nights"
runtapes = 6
tapecycle = 20
{site}
[storage.tape]
tpchanger = "library"
autolabel = "T-%%"
device-output-buffer-size = "1 MiB"
{first}
[storage.offsite]
tpchanger = "{second}"
autolabel = "O-%%"
device-output-buffer-size = "1 MiB"
[changer.library]
type = "emulator"
directory = "library"
slots = 12
mail-slots = 2
drives = {drives}
cartridges = 8
generation = "LTO-8"
[changer.shelf]
type = "vtape"
directory = "shelf"
slots = 8
{SMALL_TAPES}"#
    )
}

pub(super) const BOTH: &str = r#"storage = ["tape", "offsite"]"#;
const FIRST: &str = r#"storage = ["tape"]"#;
const VAULT: &str = r#"vault = [{ storage = "offsite", days = 0 }]"#;

fn name(name: &str) -> StorageName {
    name.parse().unwrap()
}

/// The dumps that a storage has whole.
fn whole_in(world: &World, storage: &str) -> Vec<DumpId> {
    let all = world.catalogue().dumps(&Filter::default()).unwrap();
    let whole = all.into_iter().filter(|located| located.is_complete_in(&name(storage)));
    whole.map(|located| located.dump.id).collect()
}

fn held(world: &World) -> usize {
    world.catalogue().held().unwrap().len()
}

fn vaulted(world: &World, asked: &Asked) -> Vec<Outcome> {
    let agent = AgentCommand { program: "/bin/false".into(), state: world.site.directory.clone() };
    let mut outcomes = Vec::new();
    let tell = &mut |night: &Night| outcomes.push(night.outcome);
    vault::carry_out(&world.site, asked, &agent, true, tell).unwrap();
    outcomes
}

/// Who brings images back.
fn fetcher(world: &World) -> vault::Fetcher<'_> {
    let disks = equipment::disks(&world.site.config, &[]);
    let rooms = equipment::rooms(&world.site.config, &disks).unwrap();
    let libraries = Libraries::of(&world.site.config);
    vault::Fetcher::new(&world.site.config.site.indexdir, disks, rooms, libraries)
}

#[test]
fn images_get_to_both_storages_in_one_night() {
    for lie in [Lie::Apart, Lie::Together] {
        let mut world = World::with(&configuration(lie, BOTH, ""));
        for number in 1..=3 {
            world.hold(number, 20);
        }
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
        let there = (whole_in(&world, "tape").len(), whole_in(&world, "offsite").len());
        assert_eq!((there, held(&world)), ((3, 3), 0));
        world.assert_all_restore();
    }
}

#[test]
fn a_storage_whose_library_does_not_open_does_not_stop_the_other() {
    let mut world = World::with(&configuration(Lie::Apart, BOTH, ""));
    fs::write(world.site.directory.join("shelf"), "in the way").unwrap();
    world.hold(1, 20);
    let morning = world.night();
    assert!(morning.told().contains("offsite"), "{}", morning.told());
    assert_eq!((whole_in(&world, "tape").len(), held(&world)), (1, 1));
    fs::remove_file(world.site.directory.join("shelf")).unwrap();
    let next = world.night();
    assert_eq!(next.outcome, Outcome::Good, "{}", next.told());
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (1, 0));
    let on_tape: Vec<_> = next.report.volumes.iter().map(|v| v.label.to_string()).collect();
    assert!(on_tape.iter().all(|label| label.starts_with("O-")), "{on_tape:?}");
    world.assert_all_restore();
}

#[test]
fn a_sole_storage_whose_library_does_not_open_leaves_its_images_held_and_says_why() {
    let only = configuration(Lie::Apart, r#"storage = ["offsite"]"#, "");
    let mut world = World::with(&only);
    fs::write(world.site.directory.join("shelf"), "in the way").unwrap();
    world.hold(1, 20);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (0, 1));
    let told = morning.told();
    assert!(told.contains("offsite") && told.contains("shelf"), "{told}");
    assert!(told.contains("stay on the holding disk"), "{told}");
    assert_eq!(morning.report.failures.len(), 1, "{told}");
    assert!(morning.report.finished.is_some());
    assert_eq!(world.catalogue().unfinished_runs().unwrap(), []);
    fs::remove_file(world.site.directory.join("shelf")).unwrap();
    let next = world.night();
    assert_eq!(next.outcome, Outcome::Good, "{}", next.told());
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (1, 0));
    world.assert_all_restore();
}

#[test]
fn a_night_with_nothing_to_write_is_not_well_if_the_library_does_not_open() {
    let world = World::with(&configuration(Lie::Apart, r#"storage = ["offsite"]"#, ""));
    fs::write(world.site.directory.join("shelf"), "in the way").unwrap();
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed, "{}", morning.told());
}

#[test]
fn a_run_that_breaks_off_says_in_its_report_why() {
    let world = World::with(&configuration(Lie::Apart, FIRST, ""));
    fs::write(world.site.holding_marks(), "no marks").unwrap();
    let error = world.break_off();
    let BrokenOff { run } = error.downcast_ref().expect("there is a log");
    let log = crate::runlog::read(&world.site.config.site.logdir, *run).unwrap();
    let report = crate::report::of(*run, &log, crate::report::Facts::default());
    assert_eq!((report.outcome, report.failures.len()), (None, 1));
    let told = report.failures[0].to_string();
    assert!(told.contains("broke off") && told.contains("holding"), "{told}");
}

#[test]
fn a_storage_whose_drives_die_leaves_its_images_held_for_the_next_night() {
    let mut world = World::with(&configuration(Lie::Apart, BOTH, ""));
    world.hold(1, 20);
    let broken = [Lun(1), Lun(2)].map(|lun| {
        let mut rule = Rule::new(Act::Check(HARDWARE_ERROR)).on(lun).at(WRITE).nth(12);
        rule.times = u64::MAX;
        rule
    });
    let mut plan = FaultPlan::default();
    plan.rules = broken.to_vec();
    world.break_with(plan);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed, "{}", morning.told());
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (1, 1));
    world.assert_all_restore();
    world.heal();
    let next = world.night();
    assert_eq!(next.outcome, Outcome::Good, "{}", next.told());
    assert_eq!((whole_in(&world, "tape").len(), held(&world)), (1, 0));
    world.assert_all_restore();
}

#[test]
fn a_vault_copies_what_is_due_and_then_has_nothing_to_do() {
    for lie in [Lie::Apart, Lie::Together] {
        let mut world = World::with(&configuration(lie, FIRST, VAULT));
        for number in 1..=3 {
            world.hold(number, 30);
        }
        assert_eq!(world.night().outcome, Outcome::Good);
        assert_eq!((held(&world), world.catalogue().pending().unwrap().len()), (0, 3));
        assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Good]);
        assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (3, 0));
        assert_eq!(world.catalogue().pending().unwrap(), []);
        world.assert_all_restore();
        assert_eq!(vaulted(&world, &Asked::default()), []);
    }
}

/// Two changers of directories, each with one slot; the storage of the first copies to that of the second. The emulated
/// library is only there for the world to stand on.
fn a_slot_each() -> String {
    configuration(Lie::Apart, r#"storage = ["near"]"#, "")
        .replace("slots = 8\n", "slots = 1\n")
        .replace("runtapes = 6\n", "")
        + r#"
[storage.near]
tpchanger = "rack"
autolabel = "N-%%"
vault = [{ storage = "offsite", days = 0 }]
[changer.rack]
type = "vtape"
directory = "rack"
slots = 1
"#
}

#[test]
fn slots_of_one_number_in_two_changers_are_not_mixed_up() {
    let mut world = World::with(&a_slot_each());
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Good]);
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (1, 0));
    let known = world.catalogue().volumes().unwrap();
    for (name, label) in [("near", "N-01"), ("offsite", "O-01")] {
        let storage = crate::library::storage(&world.site.config, Some(name)).unwrap();
        let library = Library::open(storage).unwrap().knowing(&known);
        let there: Vec<_> = library.slots().unwrap().into_iter().map(|view| view.hint).collect();
        assert_eq!(there, [Hint::Label(label.parse().unwrap())], "{name}");
    }
    world.assert_all_restore();
}

#[test]
fn storages_of_one_changer_see_the_volumes_of_each_other() {
    let mut world = World::with(&configuration(Lie::Together, BOTH, ""));
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    let mut known = world.catalogue().volumes().unwrap();
    assert_eq!(known.len(), 2);
    // As in a library whose stickers nobody can read.
    known.iter_mut().for_each(|volume| volume.barcode = None);
    for storage in &world.site.config.storages {
        let library = Library::open(storage).unwrap().knowing(&known);
        for volume in &known {
            assert_eq!(Some(library.slot_of(&volume.label).unwrap()), volume.slot);
        }
    }
}

#[test]
fn a_vault_that_is_larger_than_holding_comes_in_rounds() {
    let small = configuration(Lie::Together, FIRST, VAULT)
        .replace("directory = \"holding\"", "directory = \"holding\"\nuse = \"5 MB\"");
    let mut world = World::with(&small);
    for number in 1..=4 {
        world.hold(number, 20);
        assert_eq!(world.night().outcome, Outcome::Good);
    }
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Good; 2]);
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (4, 0));
    world.assert_all_restore();
    let offsite = world.catalogue().volumes().unwrap();
    let offsite = offsite.iter().filter(|volume| volume.storage == name("offsite"));
    assert_eq!(offsite.count(), 1, "the second round goes on with the volume of the first");
}

#[test]
fn a_vault_without_a_volume_keeps_the_wish_and_leaves_holding_empty() {
    let without = configuration(Lie::Apart, FIRST, VAULT).replace("autolabel = \"O-%%\"\n", "");
    let mut world = World::with(&without);
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Failed]);
    assert_eq!((held(&world), world.catalogue().pending().unwrap().len()), (0, 1));
    world.assert_all_restore();
}

#[test]
fn a_source_that_is_damaged_is_told_and_nothing_of_it_is_copied() {
    let mut world = World::with(&configuration(Lie::Apart, FIRST, VAULT));
    let dump = world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    // The catalogue's row of the frames is that of another image.
    let other = world.hold(2, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    let index = |dump: DumpId| world.site.config.site.indexdir.join(format!("{dump}.rkf"));
    fs::copy(index(other), index(dump)).unwrap();
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Failed]);
    assert_eq!((whole_in(&world, "offsite"), held(&world)), (vec![other], 0));
    assert_eq!(world.catalogue().pending().unwrap().len(), 1);
}

#[test]
fn a_vault_that_was_cut_off_is_taken_up_again() {
    let mut world = World::with(&configuration(Lie::Apart, FIRST, VAULT));
    for number in 1..=2 {
        world.hold(number, 20);
    }
    assert_eq!(world.night().outcome, Outcome::Good);
    // As a crash leaves it: one image is back on holding, and the target's volume has nothing of it.
    let dump = whole_in(&world, "tape")[0];
    let located = world.catalogue().dump(dump).unwrap().dump;
    let mut fetcher = fetcher(&world);
    let signals = run::Signals::default();
    fetcher.fetch(&mut world.catalogue(), &located, &name("tape"), &signals).unwrap();
    fetcher.give_back();
    assert_eq!(held(&world), 1);
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Good]);
    assert_eq!((whole_in(&world, "offsite").len(), held(&world)), (2, 0));
    world.assert_all_restore();
}

#[test]
fn an_image_that_could_not_be_fetched_leaves_its_room_to_the_next_try() {
    let small = configuration(Lie::Apart, FIRST, VAULT)
        .replace("directory = \"holding\"", "directory = \"holding\"\nuse = \"3 MB\"");
    let mut world = World::with(&small);
    let [dump, other] = [1, 2].map(|number| {
        let dump = world.hold(number, 20);
        assert_eq!(world.night().outcome, Outcome::Good);
        dump
    });
    let frames = |dump: DumpId| world.site.config.site.indexdir.join(format!("{dump}.rkf"));
    let own = fs::read(frames(dump)).unwrap();
    fs::copy(frames(other), frames(dump)).unwrap();
    let (mut fetcher, mut catalogue) = (fetcher(&world), world.catalogue());
    let located = catalogue.dump(dump).unwrap().dump;
    let mut fetch = || fetcher.fetch(&mut catalogue, &located, &name("tape"), &Default::default());
    fetch().unwrap_err();
    fs::write(frames(dump), own).unwrap();
    fetch().unwrap();
}

#[test]
fn a_held_image_that_cannot_be_read_costs_a_vault_its_own_copy_and_no_other() {
    let mut world = World::with(&configuration(Lie::Apart, FIRST, VAULT));
    let [dump, other] = [1, 2].map(|number| world.hold(number, 20));
    assert_eq!(world.night().outcome, Outcome::Good);
    let (mut fetcher, mut catalogue) = (fetcher(&world), world.catalogue());
    let located = catalogue.dump(dump).unwrap().dump;
    let held = fetcher.fetch(&mut catalogue, &located, &name("tape"), &Default::default()).unwrap();
    fetcher.give_back();
    fs::write(held.path(), "no header").unwrap();
    assert_eq!(vaulted(&world, &Asked::default()), [Outcome::Failed]);
    assert_eq!(whole_in(&world, "offsite"), [other]);
    assert_eq!(world.catalogue().pending().unwrap().len(), 1, "the wish stays");
}

#[test]
fn a_vault_that_breaks_off_has_a_report_that_says_why() {
    let mut world = World::with(&configuration(Lie::Apart, FIRST, VAULT));
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    fs::write(world.site.holding_marks(), "no marks").unwrap();
    let agent = AgentCommand { program: "/bin/false".into(), state: world.site.directory.clone() };
    let error = vault::carry_out(&world.site, &Asked::default(), &agent, true, &mut |_| {});
    let error = error.unwrap_err();
    let BrokenOff { run } = error.downcast_ref().expect("there is a log");
    let log = crate::runlog::read(&world.site.config.site.logdir, *run).unwrap();
    let report = crate::report::of(*run, &log, crate::report::Facts::default());
    assert!(report.failures[0].to_string().contains("broke off"), "{:?}", report.failures);
}

#[test]
fn set_no_reuse_locks_a_volume_that_was_written() {
    for (line, lock) in [
        ("set-no-reuse = true", taper::catalogue::Lock::NoReuse),
        ("", taper::catalogue::Lock::Open),
    ] {
        let mut world = World::with(&configuration(Lie::Apart, FIRST, line));
        world.hold(1, 20);
        assert_eq!(world.night().outcome, Outcome::Good);
        let volume = world.catalogue().volume(&"T-01".parse().unwrap()).unwrap();
        assert_eq!(volume.lock, lock);
        assert_eq!(volume.locked.why.contains("set-no-reuse"), !line.is_empty());
        // A locked volume takes no more: the next night begins another.
        world.hold(2, 20);
        let next = world.night();
        let expected = if line.is_empty() { "T-01" } else { "T-02" };
        assert_eq!(next.report.volumes[0].label.as_str(), expected, "{}", next.told());
    }
}
