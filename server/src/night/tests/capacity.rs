//! What a night may write, as the planner and the dispatcher reckon it.

use super::super::*;
use super::world::{Make, World, configuration};

/// One volume a run, of which an image takes two fifths.
fn site() -> World {
    World::new(Make { cartridges: 5, runtapes: 1, ..Make::default() })
}

#[test]
fn a_night_fills_the_last_volume_and_begins_as_many_as_it_may() {
    let mut world = site();
    for night in 1..=6 {
        world.hold(night, 70);
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "night {night}: {}", morning.told());
    }
    world.assert_all_placed();
    world.assert_all_restore();
}

#[test]
fn what_waits_is_deducted_where_it_is_written() {
    for (autoflush, waits) in [("no", false), ("yes", false), ("all", true)] {
        let mut world = site();
        let text = std::fs::read_to_string(world.site.directory.join("reelkeep.toml")).unwrap();
        let text = text.replacen("[site]\n", &format!("[site]\nautoflush = \"{autoflush}\"\n"), 1);
        std::fs::write(world.site.directory.join("reelkeep.toml"), text).unwrap();
        let id = world.hold(1, 70);
        let run = "20261101120000".parse().unwrap();
        tidy::tidy(&world.site, &mut world.catalogue(), run).unwrap();
        let config = config::load(&world.site.directory).unwrap();
        let (catalogue, today) = (world.catalogue(), planner::Today::default());
        let stored = catalogue.dump(id).unwrap().dump.stored;
        let none = BTreeMap::new();
        let tonight = facts::tonight(&config, &catalogue, Vec::new(), none, today).unwrap();
        let capacity = tonight.storages[0].capacity;
        assert_eq!(capacity.held, if waits { stored } else { types::Bytes::ZERO }, "{autoflush}");
        assert!(capacity.volume < config.storages[0].tapetype.length, "its end warns early");
    }
}

#[test]
fn a_volume_takes_no_more_images_than_it_may_be_it_in_one_run_or_in_several() {
    let text = configuration(Make::default());
    let mut world = World::with(&text.replacen("[site]\n", "[site]\nmax-dle-by-volume = 3\n", 1));
    for (run, images) in [1..=4, 5..=6, 7..=7].into_iter().enumerate() {
        for image in images {
            world.hold(image, 5);
        }
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Good, "run {run}: {}", morning.told());
    }
    let catalogue = world.catalogue();
    let on = |name: &str| catalogue.dumps_on(&name.parse().unwrap()).unwrap();
    assert_eq!(["N-01", "N-02", "N-03"].map(on), [3, 3, 1]);
    world.assert_all_placed();
}
