//! Which storages the image of a dump must get to: a function of the configuration, the DLE and the level.
//!
//! A run writes to the storages of `storage`. An image stays on the holding disk until it is in all of
//! `active-storage` as well, which a flush writes to. Of these, a storage takes what its `dump-selection` lets pass.
//!
//! What has to be copied later is wished for when it is placed: what went straight to a volume lacks the other
//! storages, and a storage's `vault` wants copies elsewhere after so many days.

use std::collections::BTreeSet;

use config::{Autoflush, Config, Dle, Levels, Selection, Storage};
use taper::catalogue::{Pending, RunKind};
use types::{DleRef, Level, StorageName};

use crate::dispatcher::Destinations;
use crate::holding::ImageName;

/// The storages that a run of this kind writes to, the first choice first.
pub fn of_run(config: &Config, kind: RunKind) -> Vec<&Storage> {
    match kind {
        RunKind::Flush => wanted(config),
        _ => named(config, &config.site.storage),
    }
}

/// The storages that images must get to.
pub fn wanted(config: &Config) -> Vec<&Storage> {
    let mut storages = named(config, &config.site.storage);
    for storage in named(config, &config.site.active_storage) {
        if !storages.iter().any(|other| other.name == storage.name) {
            storages.push(storage);
        }
    }
    storages
}

/// What a storage is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Runs write to it.
    OfRuns,
    /// It gets what waits for it by a flush (`active-storage`), or at the end of the night (`vault-storage`).
    OfNights,
    /// Copies are made for it when somebody asks for them: it is the `vault` of another.
    OfVaults,
}

/// All storages that get anything, those of runs first, each with its part.
pub fn in_use(config: &Config) -> Vec<(&Storage, Part)> {
    let site = &config.site;
    let mut found: Vec<(&Storage, Part)> = Vec::new();
    take_in(&mut found, named(config, &site.storage), Part::OfRuns);
    take_in(&mut found, named(config, &site.active_storage), Part::OfNights);
    take_in(&mut found, named(config, &site.vault_storage), Part::OfNights);
    // What a storage gets as a copy may be copied on.
    let mut at = 0;
    while let Some((storage, _)) = found.get(at) {
        let targets: Vec<StorageName> =
            storage.vault.iter().map(|vault| vault.storage.clone()).collect();
        take_in(&mut found, named(config, &targets), Part::OfVaults);
        at += 1;
    }
    found
}

fn take_in<'a>(found: &mut Vec<(&'a Storage, Part)>, more: Vec<&'a Storage>, part: Part) {
    for storage in more {
        if !found.iter().any(|(known, _)| known.name == storage.name) {
            found.push((storage, part));
        }
    }
}

/// The storages that the image of a dump must get to. A DLE that is no longer in the configuration has no tags.
pub fn of_image(config: &Config, dle: &DleRef, level: Level) -> Vec<StorageName> {
    of_tags(config, tags(config, dle), level)
}

fn of_tags(config: &Config, tags: &[String], level: Level) -> Vec<StorageName> {
    let takes = |storage: &&Storage| takes(storage, tags, level);
    wanted(config).into_iter().filter(takes).map(|storage| storage.name.clone()).collect()
}

/// Whether a run that dumps these DLEs also writes an image of an earlier one, because `autoflush` of one of the storages
/// that lack it says so.
pub fn are_flushed(
    config: &Config,
    dle: &DleRef,
    lacking: &[StorageName],
    dumped: &BTreeSet<DleRef>,
) -> bool {
    let own = of_run(config, RunKind::Dump);
    own.iter().filter(|own| lacking.contains(&own.name)).any(|own| match own.tapering.autoflush {
        Autoflush::No => false,
        Autoflush::Yes => dumped.contains(dle),
        Autoflush::All => true,
    })
}

/// How an image came to a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the holding disk, where it stays until every storage has it.
    FromHolding,
    /// Straight from its client: nobody but this volume has it.
    Direct,
}

/// The copies that are to be made of an image once it is in this storage.
pub fn wishes(config: &Config, image: &ImageName, storage: &StorageName, way: Way) -> Vec<Pending> {
    let wish = |to: StorageName, days| Pending {
        dump: image.dump,
        storage: to,
        due: image.run.plus_days(days),
    };
    let lacking = match way {
        Way::FromHolding => Vec::new(),
        Way::Direct => of_image(config, &image.dle, image.level),
    };
    let mut wishes: Vec<Pending> = lacking.into_iter().map(|to| wish(to, 0)).collect();
    let own = config.storages.iter().find(|own| own.name == *storage);
    for vault in own.map_or(&[][..], |own| &own.vault) {
        let target = named(config, std::slice::from_ref(&vault.storage));
        let tags = tags(config, &image.dle);
        if target.iter().any(|target| takes(target, tags, image.level)) {
            wishes.push(wish(vault.storage.clone(), vault.days));
        }
    }
    wishes.retain(|wish| wish.storage != *storage);
    wishes
}

/// The storages that the images of a DLE must get to, by level.
pub fn of_dle(config: &Config, dle: &Dle) -> Destinations {
    let of = |level| of_tags(config, &dle.dumping.tag, level);
    Destinations::ByLevel { full: of(Level::FULL), incremental: of(Level::FULL.next()) }
}

fn tags<'a>(config: &'a Config, dle: &DleRef) -> &'a [String] {
    config.dle(dle).map_or(&[][..], |dle| &dle.dumping.tag)
}

fn named<'a>(config: &'a Config, names: &[StorageName]) -> Vec<&'a Storage> {
    let named = |name: &StorageName| {
        config.storages.iter().find(|storage: &&Storage| storage.name == *name)
    };
    names.iter().filter_map(named).collect()
}

/// Whether the `dump-selection` of a storage lets a dump pass.
pub(super) fn takes(storage: &Storage, tags: &[String], level: Level) -> bool {
    let fits = |selection: &Selection| {
        let tag = match &selection.tag {
            Some(tag) => tags.is_empty() || tags.contains(tag),
            None => true,
        };
        tag && match selection.levels {
            Levels::All => true,
            Levels::Full => level.is_full(),
            Levels::Incremental => !level.is_full(),
        }
    };
    storage.dump_selection.is_empty() || storage.dump_selection.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = r#"
[site]
org = "test"
storage = ["first", "fulls"]
active-storage = ["first", "fulls", "later"]

[tapetype.small]
length = "1 GiB"

[changer.one]
type = "vtape"
directory = "/one"
slots = 4

[changer.two]
type = "vtape"
directory = "/two"
slots = 4

[changer.three]
type = "vtape"
directory = "/three"
slots = 4

[storage.first]
tpchanger = "one"
vault = [{ storage = "fulls", days = 3 }, { storage = "later", days = 9 }]
dump-selection = [{ tag = "db", level = "incr" }, { tag = "home" }]

[storage.fulls]
tpchanger = "two"
dump-selection = [{ level = "full" }]

[storage.later]
tpchanger = "three"

[[dle]]
host = "localhost"
path = "/db"
tag = ["db"]

[[dle]]
host = "localhost"
path = "/home"
tag = ["home"]

[[dle]]
host = "localhost"
path = "/plain"
"#;

    fn names(storages: &[StorageName]) -> Vec<&str> {
        storages.iter().map(StorageName::as_str).collect()
    }

    #[test]
    fn tags_and_levels_choose_the_storages_of_an_image() {
        let config = config::read(&[("/site/reelkeep.toml".into(), THREE.to_owned())]).unwrap();
        let of = |dle: usize, level| of_image(&config, &config.dles[dle].reference(), level);
        let (full, one) = (Level::FULL, Level::FULL.next());
        let cases: [(usize, Level, &[&str]); 6] = [
            (0, full, &["fulls", "later"]),
            (0, one, &["first", "later"]),
            (1, full, &["first", "fulls", "later"]),
            (1, one, &["first", "later"]),
            // Without tags it fits every tag.
            (2, full, &["first", "fulls", "later"]),
            (2, one, &["first", "later"]),
        ];
        for (dle, level, storages) in cases {
            assert_eq!(names(&of(dle, level)), storages, "DLE {dle} at level {level}");
        }
    }

    #[test]
    fn what_went_straight_to_a_volume_lacks_the_others_and_a_vault_wants_its_copy_later() {
        let config = config::read(&[("/site/reelkeep.toml".into(), THREE.to_owned())]).unwrap();
        let wished = |level, way| -> Vec<(String, String)> {
            let image = ImageName {
                run: "20260101120000".parse().unwrap(),
                dle: config.dles[1].reference(),
                level,
                dump: types::DumpId::new(1, [0; 10]),
                base: None,
            };
            let wishes = wishes(&config, &image, &"first".parse().unwrap(), way);
            wishes.iter().map(|w| (w.storage.to_string(), w.due.to_string())).collect()
        };
        let pair = |storage: &str, due: &str| (storage.to_owned(), due.to_owned());
        let (third, ninth) = ("20260104120000", "20260110120000");
        let vaulted = [pair("fulls", third), pair("later", ninth)];
        assert_eq!(wished(Level::FULL, Way::FromHolding), vaulted);
        // The storage for fulls takes no other level, whoever wants it there.
        assert_eq!(wished(Level::FULL.next(), Way::FromHolding), [pair("later", ninth)]);
        let at_once = [pair("fulls", "20260101120000"), pair("later", "20260101120000")];
        assert_eq!(wished(Level::FULL, Way::Direct), [&at_once[..], &vaulted].concat());
    }

    #[test]
    fn a_flush_writes_to_the_active_storages_as_well() {
        let config = config::read(&[("/site/reelkeep.toml".into(), THREE.to_owned())]).unwrap();
        let run = |kind| -> Vec<String> {
            of_run(&config, kind).iter().map(|storage| storage.name.to_string()).collect()
        };
        assert_eq!(run(RunKind::Dump), ["first", "fulls"]);
        assert_eq!(run(RunKind::Flush), ["first", "fulls", "later"]);
    }
}
