//! Cartridges with a will of their own: a slider that is shut, a medium that can be written only once, a label twice.

use devices::emulator::Kind;
use taper::catalogue::{Lock, Medium};
use types::{Label, Slot};

use super::super::*;
use super::world::{Make, World};
use super::{CartridgeSetup, Generation, Spot, VolumeState};
use crate::labelling::{self, Order};

fn label(name: &str) -> Label {
    name.parse().unwrap()
}

/// A site whose only cartridge, in slot 1, can be written only once.
fn write_once() -> World {
    let world = World::new(Make { cartridges: 0, ..Make::default() });
    let blank = CartridgeSetup::blank(Spot::Slot(0), "WRM001LY", Generation::Lto8);
    world.add(1, CartridgeSetup { kind: Kind::Worm, ..blank.holding(Bytes(16_000_000)) });
    world
}

fn labelled(world: &World, name: &str) {
    let config = &world.site.config;
    let order = Order { label: Some(label(name)), slot: Some(Slot(1)), ..Order::default() };
    let now = Now::read().stamp();
    labelling::label(config, &config.storages[0], &mut world.catalogue(), &order, now).unwrap();
}

#[test]
fn a_labelled_cartridge_that_can_be_written_only_once_is_written_on_behind_its_label_night_after_night()
 {
    let mut world = write_once();
    labelled(&world, "N-01");
    assert_eq!(world.catalogue().volume(&label("N-01")).unwrap().medium, Medium::WriteOnce);
    for number in 1..=2 {
        world.hold(number, 20);
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
        assert_eq!(morning.report.volumes[0].label.as_str(), "N-01");
        assert!(
            morning.report.volumes[0].how.contains("written on"),
            "{:?}",
            morning.report.volumes
        );
    }
    world.assert_all_placed();
    let catalogue = world.catalogue();
    let policies = crate::library::policies(&world.site.config);
    let later = Now::read().stamp().plus_days(9999);
    let verdicts = catalogue.verdict(&label("N-01"), &policies, later).unwrap();
    let needed = verdicts.of(&label("N-01")).leave().unwrap_err().to_string();
    assert!(needed.contains("only once"), "{needed}");
}

#[test]
fn a_blank_cartridge_that_can_be_written_only_once_is_not_labelled_by_itself() {
    let mut world = write_once();
    world.hold(1, 20);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    assert!(morning.told().contains("`worm` among the words"), "{}", morning.told());
    assert_eq!(world.catalogue().volumes().unwrap(), []);
    let text = std::fs::read_to_string(world.site.directory.join("reelkeep.toml")).unwrap();
    let told = text.replace(
        "autolabel = \"N-%%\"",
        "autolabel = { template = \"N-%%\", when = [\"empty\", \"worm\"] }",
    );
    std::fs::write(world.site.directory.join("reelkeep.toml"), told).unwrap();
    world.site.config =
        config::load(&world.site.directory).unwrap_or_else(|wrong| panic!("{wrong}"));
    let next = world.night();
    assert_eq!(next.outcome, Outcome::Good, "{}", next.told());
    assert_eq!(world.catalogue().volume(&label("N-01")).unwrap().medium, Medium::WriteOnce);
    world.assert_all_placed();
}

#[test]
fn a_slider_that_is_shut_costs_the_cartridge_for_a_night_and_its_volume_nothing() {
    let mut world = World::new(Make { cartridges: 2, ..Make::default() });
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    world.tapes.operator().write_protect("RK0001L8", true).unwrap();
    world.hold(2, 20);
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Good, "{}", morning.told());
    assert!(
        morning.told().contains("N-01 in slot 1 was not taken: it is write-protected"),
        "{}",
        morning.told()
    );
    assert!(!morning.told().contains("TapeAlert"), "{}", morning.told());
    assert_eq!(morning.report.volumes[0].label.as_str(), "N-02");
    let next = &morning.report.standing.next;
    assert!(next.iter().any(|line| line == "the next run writes on N-02"), "{next:?}");
    let volume = world.catalogue().volume(&label("N-01")).unwrap();
    assert_eq!((volume.state, volume.lock), (VolumeState::Active, Lock::Open));
    world.tapes.operator().write_protect("RK0001L8", false).unwrap();
    world.assert_all_placed();
}

#[test]
fn what_a_drive_says_of_a_cartridge_that_failed_is_told_of_that_one() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    let mut rule =
        super::Rule::new(super::Act::Check(super::MEDIUM_ERROR)).at(super::WRITE).nth(12);
    rule.barcode = Some("RK0001L8".to_owned());
    rule.times = u64::MAX;
    world.break_with(super::FaultPlan::one(rule));
    let morning = world.night();
    let examined = |name: &str| {
        let log = crate::runlog::read(&world.site.config.site.logdir, morning.report.run).unwrap();
        let of = |line: &crate::runlog::Logged| matches!(&line.event, RunEvent::DriveHealth { label, .. } if label.as_str() == name);
        log.iter().filter(|line| of(line)).count()
    };
    assert_eq!((examined("N-01"), examined("N-02")), (1, 1));
}

#[test]
fn the_same_label_on_another_cartridge_is_said_loudly() {
    let mut world = World::new(Make { cartridges: 2, ..Make::default() });
    world.hold(1, 20);
    assert_eq!(world.night().outcome, Outcome::Good);
    let mut catalogue = world.catalogue();
    let serial = catalogue.volume(&label("N-01")).unwrap().serial.expect("the chip tells it");
    catalogue.record_medium(&label("N-01"), Medium::Rewritable, Some("OTHER")).unwrap();
    world.hold(2, 5);
    let morning = world.night();
    assert!(
        morning.told().contains("one is a copy, or the label was written twice"),
        "{}",
        morning.told()
    );
    assert!(morning.told().contains(&serial), "{}", morning.told());
    let known = world.catalogue().volume(&label("N-01")).unwrap().serial;
    assert_eq!(known.as_deref(), Some("OTHER"), "the next night says it again");
}
