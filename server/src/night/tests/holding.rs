//! Images that vanish from the holding disk, and holding disks that are not there.

use std::fs;

use super::*;
use crate::checkup::{self, Gravity};

fn directory(world: &World) -> std::path::PathBuf {
    world.site.config.holding[0].directory.clone()
}

fn held(world: &World) -> usize {
    world.catalogue().held().unwrap().len()
}

/// An image that a first tidying has made known, on a disk with a mark.
fn waiting() -> (World, DumpId) {
    let mut world = World::new(Make::default());
    let dump = world.hold(1, 5);
    assert!(!tidied(&world).is_bad());
    assert_eq!(held(&world), 1);
    (world, dump)
}

fn tidied(world: &World) -> tidy::Tidied {
    let mut catalogue = world.catalogue();
    let now = clock::next_stamp(&Now::read(), catalogue.newest_stamp().unwrap());
    tidy::tidy(&world.site, &mut catalogue, now).unwrap()
}

fn errors(world: &World) -> Vec<String> {
    let agent = AgentCommand { program: "/bin/false".into(), state: world.site.directory.clone() };
    let found = checkup::all(&world.site, &[], &agent, &Now::read());
    let of_holding = found.into_iter().filter(|it| it.about.starts_with("holding disk"));
    let grave = of_holding.filter(|it| it.gravity >= Gravity::Warning).map(|it| it.text);
    grave.filter(|text| !text.contains("of earlier runs wait for a volume")).collect()
}

#[test]
fn a_dump_whose_only_image_vanished_is_a_failure_with_something_to_do() {
    let (world, _) = waiting();
    let run = fs::read_dir(directory(&world)).unwrap().flatten().find(|it| it.path().is_dir());
    fs::remove_dir_all(run.unwrap().path()).unwrap();
    assert!(errors(&world)[0].contains("is not there"), "{:?}", errors(&world));
    let morning = world.night();
    assert_eq!(morning.outcome, Outcome::Failed);
    let [failure] = morning.report.failures.as_slice() else { panic!("{}", morning.told()) };
    assert!(failure.why.contains("localhost:/srv/1: the dump at level 0"), "{failure:?}");
    assert!(failure.why.contains("LOST"), "{failure:?}");
    assert!(failure.advice.as_ref().unwrap().contains("reelkeep force localhost /srv/1"));
    assert_eq!(world.night().outcome, Outcome::Good, "it is told once");
}

#[test]
fn an_image_that_is_also_on_a_volume_may_vanish_and_nothing_is_lost() {
    let (mut world, dump) = waiting();
    assert_eq!(world.night().outcome, Outcome::Good);
    let located = world.catalogue().dump(dump).unwrap();
    let gone = directory(&world).join("gone");
    world.catalogue().record_held(&located.dump, &[], &gone, Bytes(1)).unwrap();
    world.hold(2, 5);
    assert_eq!(world.night().outcome, Outcome::Good);
    world.assert_all_placed();
}

#[test]
fn a_holding_disk_that_is_not_mounted_loses_nothing_and_nothing_is_written_into_its_mount_point() {
    let (world, dump) = waiting();
    let (there, elsewhere) = (directory(&world), world.site.directory.join("elsewhere"));
    fs::rename(&there, &elsewhere).unwrap();
    for mount_point in [false, true] {
        if mount_point {
            fs::create_dir(&there).unwrap();
        }
        assert_eq!(errors(&world).len(), 1, "{:?}", errors(&world));
        let morning = world.night();
        assert_eq!(morning.outcome, Outcome::Failed);
        let [failure] = morning.report.failures.as_slice() else { panic!("{}", morning.told()) };
        assert!(failure.why.contains("was not used"), "{failure:?}");
        assert!(failure.advice.as_ref().unwrap().contains("--accept-disk h"), "{failure:?}");
        assert_eq!(held(&world), 1);
        assert_eq!(there.exists(), mount_point);
    }
    assert_eq!(fs::read_dir(&there).unwrap().count(), 0);
    fs::remove_dir(&there).unwrap();
    fs::rename(&elsewhere, &there).unwrap();
    assert_eq!(errors(&world), [""; 0]);
    assert_eq!(world.night().outcome, Outcome::Good);
    assert_eq!(world.placed(), [dump]);
}

#[test]
fn a_replaced_holding_disk_is_used_once_the_operator_says_so_and_what_was_on_the_old_one_is_lost() {
    let (world, _) = waiting();
    fs::remove_dir_all(directory(&world)).unwrap();
    assert_eq!(world.night().outcome, Outcome::Failed);
    equipment::accept_disk(&world.site, &world.site.config.holding[0]).unwrap();
    let tidied = tidied(&world);
    assert_eq!((tidied.lost.len(), tidied.away.len(), held(&world)), (1, 0, 0));
    assert_eq!(errors(&world), [""; 0]);
}

#[test]
fn images_that_came_back_are_told_by_check_until_a_run_takes_them_over() {
    let (mut world, dump) = waiting();
    world.forget_image(dump);
    let elsewhere = world.site.directory.join("elsewhere");
    let run = fs::read_dir(directory(&world)).unwrap().flatten().find(|it| it.path().is_dir());
    let run = run.unwrap().path();
    fs::rename(&run, &elsewhere).unwrap();
    assert_eq!(tidied(&world).lost.len(), 1);
    fs::rename(&elsewhere, &run).unwrap();
    assert!(errors(&world)[0].contains("1 image that the catalogue does not know"));
    assert!(!tidied(&world).is_bad());
    assert_eq!(held(&world), 1);
    assert!(crate::store::has(&world.site.config.site.indexdir, dump), "its index is there again");
    assert_eq!(world.night().outcome, Outcome::Good);
    assert_eq!(world.placed(), [dump]);
}
