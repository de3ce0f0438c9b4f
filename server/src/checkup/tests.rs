//! What a check says of sites that are well, and of sites that are not.

use std::fs;
use std::path::PathBuf;

use config::Quickstart;
use taper::catalogue::{Dump, Lock, RunKind};
use tempfile::TempDir;

use super::*;
use crate::labelling::{self, Order};

fn site(change: impl Fn(&str) -> String) -> (TempDir, Site) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let tree = root.join("tree");
    fs::create_dir(&tree).unwrap();
    let settings = Quickstart { slots: 2, ..Quickstart::new(root.clone(), vec![tree]) };
    let text = config::quickstart(&settings).unwrap();
    fs::write(root.join("reelkeep.toml"), change(&text)).unwrap();
    let config = config::load(&root).unwrap();
    (folder, Site::of(root, config))
}

fn check(site: &Site) -> Vec<Finding> {
    let dles: Vec<&Dle> = site.config.dles.iter().collect();
    let agent =
        AgentCommand { program: PathBuf::from("/nowhere/reelkeep-agent"), state: PathBuf::new() };
    all(site, &dles, &agent, &Now::read())
}

fn told(findings: &[Finding], gravity: Gravity) -> Vec<String> {
    let of = findings.iter().filter(|finding| finding.gravity == gravity);
    of.map(|finding| format!("{}: {}", finding.about, finding.text)).collect()
}

#[test]
fn a_new_site_lacks_only_an_agent_here() {
    let (_folder, site) = site(str::to_owned);
    let findings = check(&site);
    let errors = told(&findings, Gravity::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("/nowhere/reelkeep-agent"), "{errors:?}");
    assert_eq!(told(&findings, Gravity::Warning), [""; 0]);
    let good = told(&findings, Gravity::Good);
    assert!(good.iter().any(|line| line.contains("tonight's volume: slot 1")), "{good:?}");
    let all_advised = |f: &Finding| f.gravity < Gravity::Warning || f.advice.is_some();
    assert!(findings.iter().all(all_advised), "{findings:?}");
}

#[test]
fn strange_files_and_a_damaged_catalogue_are_told_and_the_rest_is_looked_at() {
    let (_folder, site) = site(str::to_owned);
    let run = site.config.holding[0].directory.join("20261123010000");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("notes.txt"), "left here").unwrap();
    fs::write(run.join("web.0.tmp"), "cut off").unwrap();
    fs::write(&site.config.site.catalogue, "no database".repeat(1000)).unwrap();
    let findings = check(&site);
    assert!(told(&findings, Gravity::Error).iter().any(|line| line.starts_with("catalogue: ")));
    assert!(told(&findings, Gravity::Warning).iter().any(|line| line.contains("notes.txt")));
    assert!(told(&findings, Gravity::Note).iter().any(|line| line.contains("never became whole")));
    assert!(findings.iter().any(|finding| finding.area == Area::Clients));
}

#[test]
fn a_library_in_which_nothing_may_be_written_is_in_the_way_of_tonight() {
    let without = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("autolabel"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (_folder, site) = site(without);
    let storage = crate::library::storage(&site.config, None).unwrap();
    assert!(storage.tapering.autolabel.is_none(), "the quickstart's text has changed");
    let mut catalogue = site.catalogue().unwrap();
    let now = Now::read().stamp();
    for slot in [1, 2] {
        let order = Order {
            label: Some(format!("V-{slot}").parse().unwrap()),
            slot: Some(types::Slot(slot)),
            force: false,
            ..Order::default()
        };
        let done = labelling::label(&site.config, storage, &mut catalogue, &order, now).unwrap();
        catalogue.set_lock(&done.label, Lock::NoReuse, &Default::default(), now).unwrap();
    }
    let errors = told(&check(&site), Gravity::Error);
    let none = |line: &String| line.contains("no volume can be written tonight");
    assert!(errors.iter().any(none), "{errors:?}");
}

#[test]
fn each_storage_that_tonight_writes_to_is_looked_at() {
    let second = "\n[changer.shelf]\ntype = \"vtape\"\ndirectory = \"shelf\"\nslots = 2\n\n[storage.offsite]\ntpchanger = \
                  \"shelf\"\ntapetype = \"vtape\"\npolicy = \"recent\"\nautolabel = \"OFF-%%\"\n";
    let (_folder, site) = site(|text| {
        text.replace("[site]\n", "[site]\nstorage = [\"daily\", \"offsite\"]\n") + second
    });
    fs::write(site.directory.join("shelf"), "in the way").unwrap();
    let findings = check(&site);
    let errors = told(&findings, Gravity::Error);
    assert!(errors.iter().any(|line| line.starts_with("storage offsite: ")), "{errors:?}");
    let good = told(&findings, Gravity::Good);
    assert!(good.iter().any(|line| line.contains("(storage daily)")), "{good:?}");
}

#[test]
fn two_cartridges_with_one_label_are_told() {
    let (_folder, site) = site(str::to_owned);
    let storage = crate::library::storage(&site.config, None).unwrap();
    let mut catalogue = site.catalogue().unwrap();
    let order = Order {
        label: Some("DAILY-001".parse().unwrap()),
        slot: Some(types::Slot(1)),
        ..Order::default()
    };
    let now = Now::read().stamp();
    labelling::label(&site.config, storage, &mut catalogue, &order, now).unwrap();
    let library = site.directory.join("vtapes");
    let copied = std::process::Command::new("cp")
        .args(["-a", "slot1/.", "slot2/"])
        .current_dir(&library)
        .status()
        .unwrap();
    assert!(copied.success());
    let told = told(&check(&site), Gravity::Warning);
    assert!(told.iter().any(|line| line.contains("volume DAILY-001: slots 1 and 2")), "{told:?}");
}

#[test]
fn a_storage_that_gets_only_copies_is_looked_at_too() {
    let second = "\n[changer.shelf]\ntype = \"vtape\"\ndirectory = \"shelf\"\nslots = 2\n\n[storage.offsite]\ntpchanger = \
                  \"shelf\"\ntapetype = \"vtape\"\npolicy = \"recent\"\n";
    let vault = "[storage.daily]\nvault = [{ storage = \"offsite\", days = 0 }]\n";
    for (nightly, gravity) in [(false, Gravity::Warning), (true, Gravity::Error)] {
        let (_folder, site) = site(|text| {
            let vaults = if nightly { "vault-storage = [\"offsite\"]\n" } else { "" };
            let of_site = format!("[site]\nstorage = [\"daily\"]\n{vaults}");
            text.replace("[site]\n", &of_site).replace("[storage.daily]\n", vault) + second
        });
        let storage = crate::library::storage(&site.config, Some("offsite")).unwrap();
        let mut catalogue = site.catalogue().unwrap();
        let now = Now::read().stamp();
        for slot in [1, 2] {
            let label = Some(format!("OFF-{slot}").parse().unwrap());
            let order = Order { label, slot: Some(types::Slot(slot)), ..Order::default() };
            let done =
                labelling::label(&site.config, storage, &mut catalogue, &order, now).unwrap();
            catalogue.set_lock(&done.label, Lock::NoReuse, &Default::default(), now).unwrap();
        }
        let told = told(&check(&site), gravity);
        let none = |line: &String| line.contains("storage offsite: no volume can be written");
        assert!(told.iter().any(none), "{told:?}");
        let stands =
            crate::report::standing::gather(&site.config, &catalogue, Now::read().stamp()).unwrap();
        assert_eq!(stands.pools.len(), 2, "{stands:?}");
        let none = |line: &String| line.starts_with("offsite: no volume may be written");
        assert!(stands.next.iter().any(none), "{:?}", stands.next);
    }
}

#[test]
fn a_dle_that_may_not_be_split_and_is_longer_than_a_volume_is_told() {
    for (split, gib, told_of) in [(false, 200, true), (false, 20, false), (true, 200, false)] {
        let (_folder, site) = site(|text| {
            let knob = format!("[dumptype.tree]\nallow-split = {split}\n");
            text.replace("[dumptype.tree]\n", &knob)
        });
        assert_eq!(
            site.config.dles[0].dumping.allow_split, split,
            "the quickstart's text has changed"
        );
        let mut catalogue = site.catalogue().unwrap();
        let run: types::Stamp = "20260102030405".parse().unwrap();
        catalogue.begin_run(run, RunKind::Dump, run, "").unwrap();
        let (dle, stored) = (site.config.dles[0].reference(), types::Bytes::GIB.times(gib));
        let level = types::Level::FULL;
        let dump = Dump { dle, level, stored, ..crate::night::tidy::tests::dump(run) };
        catalogue
            .record_held(&dump, &[], std::path::Path::new("/nowhere/it"), dump.stored)
            .unwrap();
        let told = told(&check(&site), Gravity::Warning);
        let is_it = |line: &String| line.contains("may not be split");
        assert_eq!(told.iter().any(is_it), told_of, "{told:?}");
    }
}

#[test]
fn only_a_damaged_catalogue_is_to_be_moved_aside() {
    let (_folder, site) = site(str::to_owned);
    let path = &site.config.site.catalogue;
    let advice = |site: &Site| {
        let findings = check(site).into_iter();
        let mut about = findings.filter(|finding| finding.about == "catalogue");
        about.find_map(|finding| finding.advice)
    };
    drop(site.catalogue().unwrap());
    assert_eq!(advice(&site), None);
    fs::write(path, "no database".repeat(1000)).unwrap();
    let told = advice(&site).unwrap();
    assert!(told.contains("-wal and ") && told.contains("`reelkeep catalogue rebuild`"), "{told}");
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    let told = advice(&site).unwrap();
    assert!(!told.contains("rebuild"), "{told}");
}

#[test]
fn a_file_where_a_directory_should_be_is_told_and_no_right_is_missing() {
    let (_folder, site) = site(str::to_owned);
    fs::remove_dir_all(&site.config.site.logdir).ok();
    fs::write(&site.config.site.logdir, "").unwrap();
    let findings = check(&site);
    let logs = findings.iter().find(|finding| finding.about == "logs").unwrap();
    assert_eq!(logs.gravity, Gravity::Error);
    assert!(logs.advice.as_ref().unwrap().contains("move it aside"), "{logs:?}");
    drop(site.catalogue_to_read().unwrap());
    assert!(site.make_directories().unwrap_err().to_string().contains("move it aside"));
}

#[test]
fn a_needed_volume_that_is_in_no_slot_is_told_unless_somebody_said_where_it_is() {
    let (_folder, site) = site(str::to_owned);
    let storage = crate::library::storage(&site.config, None).unwrap();
    let mut catalogue = site.catalogue().unwrap();
    let label: types::Label = "DAILY-001".parse().unwrap();
    let order =
        Order { label: Some(label.clone()), slot: Some(types::Slot(1)), ..Order::default() };
    let now = Now::read().stamp();
    labelling::label(&site.config, storage, &mut catalogue, &order, now).unwrap();
    let gone = || {
        let told = told(&check(&site), Gravity::Warning);
        told.into_iter().find(|line| line.contains("in no slot"))
    };
    catalogue.set_lock(&label, Lock::NoReuse, &Default::default(), now).unwrap();
    assert_eq!(gone(), None, "it is there");
    fs::remove_dir_all(site.directory.join("vtapes/slot1")).unwrap();
    let told = gone().unwrap();
    assert!(told.contains("off-site: DAILY-001 (1 volume)"), "{told}");
    catalogue.relocate(&label, Some("the bank"), now).unwrap();
    assert_eq!(gone(), None, "somebody knows where it is");
    catalogue.relocate(&label, None, now).unwrap();
    assert!(gone().is_some());
    catalogue.set_lock(&label, Lock::Open, &Default::default(), now).unwrap();
    assert_eq!(gone(), None, "nobody needs it");
}

#[test]
fn dumps_without_an_index_are_counted() {
    let (_folder, site) = site(str::to_owned);
    let mut catalogue = site.catalogue().unwrap();
    let run: types::Stamp = "20260102030405".parse().unwrap();
    catalogue.begin_run(run, RunKind::Dump, run, "").unwrap();
    let dump =
        Dump { dle: site.config.dles[0].reference(), ..crate::night::tidy::tests::dump(run) };
    catalogue.record_held(&dump, &[], std::path::Path::new("/nowhere/it"), dump.stored).unwrap();
    let told_of = || {
        let told = told(&check(&site), Gravity::Warning);
        told.into_iter().find(|line| line.starts_with("index files: "))
    };
    assert!(told_of().is_some(), "the directory is gone");
    fs::create_dir_all(&site.config.site.indexdir).unwrap();
    for ending in ["rkf", "rkx"] {
        let told = told_of().unwrap();
        assert!(told.contains("1 of 1 dump that can be restored have no index"), "{told}");
        fs::write(site.config.site.indexdir.join(format!("{}.{ending}", dump.id)), "").unwrap();
    }
    assert_eq!(told_of(), None);
}
