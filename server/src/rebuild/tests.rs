//! Volumes that only have a label. Those with dumps on them are in the stories.

use std::fs;

use config::Quickstart;
use taper::catalogue::Lock;
use tempfile::TempDir;
use types::Slot;

use super::*;
use crate::labelling::{self, Order};

/// A site with three vtapes, of which the first two are labelled.
fn site() -> (TempDir, Site, Catalogue) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let tree = root.join("tree");
    fs::create_dir(&tree).unwrap();
    let settings = Quickstart { slots: 3, ..Quickstart::new(root.clone(), vec![tree]) };
    fs::write(root.join("reelkeep.toml"), config::quickstart(&settings).unwrap()).unwrap();
    let config = config::load(&root).unwrap();
    let site = Site::of(root, config);
    let mut catalogue = site.catalogue().unwrap();
    let storage = crate::library::storage(&site.config, None).unwrap();
    for slot in [1, 2] {
        let order = Order { slot: Some(Slot(slot)), ..Order::default() };
        labelling::label(&site.config, storage, &mut catalogue, &order, now()).unwrap();
    }
    (folder, site, catalogue)
}

fn now() -> Stamp {
    "20261123120000".parse().unwrap()
}

fn again(site: &Site, catalogue: &mut Catalogue, mode: Mode) -> Rebuilt {
    let rebuilt = rebuild(site, catalogue, mode, now(), &Desk::of(site), &mut |_| {}).unwrap();
    assert_eq!(catalogue.check().unwrap(), []);
    rebuilt
}

#[test]
fn labelled_volumes_are_taken_over_as_they_were() {
    let (_folder, site, before) = site();
    let mut lost = Catalogue::in_memory().unwrap();
    let rebuilt = again(&site, &mut lost, Mode::ForReal);
    assert_eq!(rebuilt, Rebuilt { volumes: 2, ..Rebuilt::default() });
    assert_eq!(lost.volumes().unwrap(), before.volumes().unwrap());
    assert_eq!(again(&site, &mut lost, Mode::ForReal), Rebuilt::default());
}

#[test]
fn what_the_catalogue_knows_stays_as_it_is() {
    let (_folder, site, mut catalogue) = site();
    let label = catalogue.volumes().unwrap()[0].label.clone();
    catalogue.set_lock(&label, Lock::NoReuse, &Default::default(), now()).unwrap();
    catalogue.set_state(&label, VolumeState::Retired, now()).unwrap();
    let before = catalogue.volumes().unwrap();
    assert_eq!(again(&site, &mut catalogue, Mode::ForReal), Rebuilt::default());
    assert_eq!(catalogue.volumes().unwrap(), before);
}

#[test]
fn a_dry_run_changes_only_its_copy() {
    let (folder, site, mut catalogue) = site();
    let label = catalogue.volumes().unwrap()[1].label.clone();
    catalogue.remove_volume(&label, now()).unwrap();
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut copied = copy(&catalogue, &scratch).unwrap();
    assert_eq!(again(&site, &mut copied, Mode::Dry).volumes, 1);
    assert!(copied.volume(&label).is_ok() && catalogue.volume(&label).is_err());
}
