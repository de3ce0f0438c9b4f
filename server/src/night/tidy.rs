//! After a crash: makes disk and catalogue agree again. Every run begins with this.
//!
//! | found | done |
//! |---|---|
//! | files of an image that never became whole | removed |
//! | a whole image that the catalogue does not know | recorded as held |
//! | a held image that every storage has that must get it | removed |
//! | an image in the catalogue that is not on the disk | said, and no longer counted on; a dump that was nowhere else is lost |
//! | a holding disk that is not at its place | said, and all that waits there counts as before |
//! | a run that has not finished | closed as interrupted |
//! | pins of restores that are no more | taken back |
//! | index files of dumps that are nowhere, or never came to be | removed |
//!
//! What is to be done is decided by what the catalogue says and which whole images there are: [`close_runs`],
//! [`unknown`], [`gone`], [`superfluous`], in this order. The rest of this file carries it out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use format::contents;
use taper::catalogue::{
    self, Catalogue, CatalogueError, Dump, DumpStatus, Located, Obstacle, RunKind, RunStatus,
};
use taper::scribe::{Chunks, HeldImage};
use types::{Bytes, DumpId, Stamp, StorageName};

use super::destinations;
use super::estimate::with_causes;
use crate::behind;
use crate::holding::{self, Away, Held};
use crate::report::plural;
use crate::restore::reading;
use crate::runlog::RunEvent;
use crate::site::Site;
use crate::store;

/// What was found on the way.
#[derive(Debug, Default)]
pub struct Tidied {
    /// What was done.
    pub said: Vec<String>,
    /// The dumps that are nowhere any more.
    pub lost: Vec<RunEvent>,
    /// The holding disks that are not at their places.
    pub away: Vec<Away>,
    /// What is wrong with the file of the catalogue, and what to do about it.
    pub damaged: Option<String>,
    /// The catalogue is older than the site, in words.
    pub behind: Option<String>,
}

impl Tidied {
    /// Whether somebody must look after it.
    pub fn is_bad(&self) -> bool {
        let catalogue = self.damaged.is_some() || self.behind.is_some();
        !self.lost.is_empty() || !self.away.is_empty() || catalogue
    }

    /// What the log of a run hears of it.
    pub fn told(&self) -> Vec<RunEvent> {
        let away = self.away.iter().map(|away| RunEvent::HoldingAway {
            disk: away.name.clone(),
            why: away.to_string(),
            advice: away.advice(),
        });
        let said = self.damaged.iter().chain(&self.behind).chain(&self.said);
        let said = said.map(|text| RunEvent::Warning { text: text.clone() });
        away.chain(self.lost.iter().cloned()).chain(said).collect()
    }
}

/// Tidies up, and says what was done. The site's lock is held by the caller.
pub fn tidy(site: &Site, catalogue: &mut Catalogue, now: Stamp) -> anyhow::Result<Tidied> {
    let away = super::equipment::settle_disks(site, &catalogue.held()?)?;
    let damaged = damage(catalogue)?;
    let behind = behind::told(&behind::forgotten(&site.config.site.logdir, catalogue)?);
    let mut tidied = Tidied { away, damaged, behind, ..Tidied::default() };
    let (said, lost, away) = (&mut tidied.said, &mut tidied.lost, &tidied.away);
    close_runs(catalogue, now, said)?;
    match reading::sweep(site, catalogue) {
        Ok(0) => {}
        Ok(left) => said.push(format!(
            "{} no longer held for a command that was cut off as it read",
            plural(left, "dump")
        )),
        // They fall off by themselves, and no run should wait for that.
        Err(error) => said.push(format!(
            "what dead commands were reading may still be held: {}",
            with_causes(&error)
        )),
    }
    let disks = super::equipment::disks(&site.config, away);
    let mut scan = holding::scan(&disks)?;
    if !away.is_empty() {
        // The image that a continuation belongs to may be on a disk that is away.
        scan.leftovers.retain(|path| holding::is_partial(path));
    }
    for unfit in &scan.unfit {
        said.push(format!("{}: look at it, and remove it if it is of no use", with_causes(unfit)));
    }
    if !scan.leftovers.is_empty() {
        holding::sweep(&scan.leftovers)?;
        said.push(format!(
            "{} files of images that never became whole were removed",
            scan.leftovers.len()
        ));
    }
    let on_disk: BTreeMap<DumpId, Held> =
        scan.held.into_iter().map(|held| (held.name().dump, held)).collect();
    adopt(site, catalogue, &on_disk, now, said)?;
    let intact = scan.unfit.is_empty();
    let missing = Missing { away, intact };
    give_up_missing(catalogue, &on_disk, missing, now, said, lost)?;
    remove_placed(site, catalogue, &on_disk, said)?;
    // One that is behind does not know of which dumps they are.
    if tidied.behind.is_none() {
        remove_indexes(site, catalogue)?;
    }
    Ok(tidied)
}

/// A run goes on with a damaged catalogue: what it writes on volumes is there all the same, and comes back from them.
fn damage(catalogue: &Catalogue) -> Result<Option<String>, CatalogueError> {
    let found = catalogue.damage()?;
    let advice = Obstacle::Damaged(catalogue.path().to_owned()).advice();
    Ok(found.first().map(|first| format!("the catalogue: {first}. What to do: {advice}")))
}

/// Closes the runs that a crash cut off.
pub fn close_runs(
    catalogue: &mut Catalogue,
    now: Stamp,
    said: &mut Vec<String>,
) -> Result<(), CatalogueError> {
    for run in catalogue.unfinished_runs()? {
        catalogue.finish_run(run.stamp, now.max(run.stamp), RunStatus::Interrupted)?;
        said.push(format!("run {} was cut off; what it had finished counts", run.stamp));
    }
    Ok(())
}

/// Of the images on the disks, those that a crash kept from the catalogue: they are to be recorded as held. One that
/// all the storages have which `wanted` names for it is not: it goes in the next step.
pub fn unknown(
    catalogue: &Catalogue,
    on_disk: &BTreeSet<DumpId>,
    wanted: impl Fn(&Dump) -> Vec<StorageName>,
) -> Result<Vec<DumpId>, CatalogueError> {
    let known: BTreeSet<DumpId> = catalogue.held()?.into_iter().map(|held| held.dump).collect();
    let placed: BTreeSet<DumpId> = superfluous(catalogue, on_disk, wanted)
        .into_iter()
        .map(|(located, _)| located.dump.id)
        .collect();
    Ok(on_disk.iter().filter(|id| !known.contains(id) && !placed.contains(id)).copied().collect())
}

/// What the catalogue takes for held, and is not on the disks.
pub fn gone(
    catalogue: &Catalogue,
    on_disk: &BTreeSet<DumpId>,
) -> Result<Vec<catalogue::Held>, CatalogueError> {
    let rows = catalogue.held()?.into_iter();
    Ok(rows.filter(|row| !on_disk.contains(&row.dump)).collect())
}

/// The images that every storage has which `wanted` names for them: a crash came between recording and removing.
pub fn superfluous(
    catalogue: &Catalogue,
    on_disk: &BTreeSet<DumpId>,
    wanted: impl Fn(&Dump) -> Vec<StorageName>,
) -> Vec<(Located, Vec<StorageName>)> {
    let known = on_disk.iter().filter_map(|id| catalogue.dump(*id).ok());
    let with_wishes = known.map(|located| {
        let wanted = wanted(&located.dump);
        (located, wanted)
    });
    let has = |located: &Located, storage: &StorageName| {
        located.copies.iter().any(|copy| copy.storage == *storage && copy.is_complete())
    };
    let all = |(located, wanted): &(Located, Vec<StorageName>)| {
        !wanted.is_empty() && wanted.iter().all(|storage| has(located, storage))
    };
    with_wishes.filter(all).collect()
}

/// Records whole images on the holding disks that the catalogue does not know, and says which. Nothing is removed.
pub fn adopt_held(
    site: &Site,
    catalogue: &mut Catalogue,
    now: Stamp,
) -> anyhow::Result<Vec<String>> {
    let mut said = Vec::new();
    let scan = holding::scan(&super::equipment::disks(&site.config, &[]))?;
    let on_disk = scan.held.into_iter().map(|held| (held.name().dump, held)).collect();
    adopt(site, catalogue, &on_disk, now, &mut said)?;
    Ok(said)
}

/// Records whole images that a crash kept from the catalogue.
fn adopt(
    site: &Site,
    catalogue: &mut Catalogue,
    on_disk: &BTreeMap<DumpId, Held>,
    now: Stamp,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let wanted = |dump: &Dump| destinations::of_image(&site.config, &dump.dle, dump.level);
    for id in unknown(catalogue, &on_disk.keys().copied().collect(), wanted)? {
        let Some(held) = on_disk.get(&id) else { continue };
        match adopt_one(site, catalogue, held, now) {
            Ok(()) => said.push(format!(
                "the image {} was found whole, and is known now",
                held.path().display()
            )),
            Err(error) => said.push(format!(
                "the image {} could not be taken over: {error:#}",
                held.path().display()
            )),
        }
    }
    Ok(())
}

fn adopt_one(
    site: &Site,
    catalogue: &mut Catalogue,
    held: &Held,
    now: Stamp,
) -> anyhow::Result<()> {
    let known = catalogue.dump(held.name().dump).ok().map(|located| located.dump);
    let known = known.filter(|dump| dump.status.is_whole());
    if let Some(dump) = &known
        && store::has(&site.config.site.indexdir, dump.id)
    {
        // Its dump is on volumes, and another storage lacks it: all there is to know is known.
        catalogue.record_held(dump, &[], held.path(), held.bytes())?;
        return Ok(());
    }
    let chunks = Chunks::open(&held.files())?;
    let tail = HeldImage::tail(&chunks)?;
    let length = usize::try_from(held.bytes().0 - tail.contents_at.0)
        .context("its contents are too long")?;
    let mut bytes = vec![0; length];
    chunks.read_at(tail.contents_at.0, &mut bytes)?;
    let contents = contents::view(&bytes)?;
    let index_sha = store::keep(&site.config.site.indexdir, &contents)?;
    if let Some(dump) = &known {
        // It was taken for lost, and its index is there again now.
        catalogue.record_held(dump, &[], held.path(), held.bytes())?;
        return Ok(());
    }
    let name = held.name();
    if catalogue.run(name.run).is_err() {
        catalogue.begin_run(name.run, RunKind::Dump, name.run, "")?;
        catalogue.finish_run(name.run, now.max(name.run), RunStatus::Interrupted)?;
    }
    let raw: u64 = tail.frames.frames().iter().map(|frame| u64::from(frame.raw)).sum();
    let dump = Dump {
        id: name.dump,
        dle: name.dle.clone(),
        run: name.run,
        level: name.level,
        base: name.base,
        status: if contents.identity.strange > 0 { DumpStatus::Strange } else { DumpStatus::Good },
        started: name.run,
        finished: name.run,
        took: Duration::ZERO,
        raw: Bytes(raw),
        stored: held.bytes(),
        entries: contents.identity.entries,
        frames: u32::try_from(tail.frames.len() + 1).unwrap_or(u32::MAX),
        index_sha: Some(index_sha),
    };
    catalogue.record_held(&dump, &[], held.path(), held.bytes())?;
    Ok(())
}

/// Where images may be that are not found.
#[derive(Clone, Copy)]
struct Missing<'a> {
    /// The disks that are not at their places.
    away: &'a [Away],
    /// Whether all that lies on the others could be read.
    intact: bool,
}

/// No longer counts on images that are gone from the disks. While something there could not be read, nothing
/// is given up: the image may be behind it.
fn give_up_missing(
    catalogue: &mut Catalogue,
    on_disk: &BTreeMap<DumpId, Held>,
    missing: Missing<'_>,
    now: Stamp,
    said: &mut Vec<String>,
    lost: &mut Vec<RunEvent>,
) -> Result<(), CatalogueError> {
    for row in gone(catalogue, &on_disk.keys().copied().collect())? {
        let path = row.path.display();
        if missing.away.iter().any(|away| row.path.starts_with(&away.directory)) {
            said.push(format!("the held image {path} waits on a holding disk that is not there"));
            continue;
        }
        if !missing.intact || row.path.exists() {
            said.push(format!("the held image {path} can't be used now"));
            continue;
        }
        let located = catalogue.dump(row.dump)?;
        let reason = "it is no longer on the holding disk";
        // Nothing is left to remove: the leave to do so has done its work.
        drop(catalogue.discard_held(row.dump, now, reason)?);
        if located.copies.iter().any(catalogue::Copy::is_complete) {
            said.push(format!(
                "the held image {path} is gone from the holding disk; its dump no longer counts on it, and is on volumes"
            ));
        } else {
            lost.push(RunEvent::DumpLost {
                dle: located.dump.dle,
                level: located.dump.level,
                dump: row.dump,
                run: located.dump.run,
                why: format!("its only image {path} is gone from the holding disk"),
            });
        }
    }
    Ok(())
}

/// Removes images that every storage has: a crash came between recording and removing.
fn remove_placed(
    site: &Site,
    catalogue: &mut Catalogue,
    on_disk: &BTreeMap<DumpId, Held>,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let ids = on_disk.keys().copied().collect();
    let wanted = |dump: &Dump| destinations::of_image(&site.config, &dump.dle, dump.level);
    for (located, wanted) in superfluous(catalogue, &ids, wanted) {
        let id = located.dump.id;
        let Some(held) = on_disk.get(&id) else { continue };
        if located.held.is_none() {
            catalogue.record_held(&located.dump, &[], held.path(), held.bytes())?;
        }
        let released = catalogue.forget_held(id, &wanted)?;
        let path = held.path().display().to_string();
        held.clone().remove(released)?;
        said.push(format!("{path} is on volumes, and was removed from the holding disk"));
    }
    Ok(())
}

/// Of dumps that are nowhere, or never came to be. Nothing is at work now, so one that is still partial stays so.
fn remove_indexes(site: &Site, catalogue: &Catalogue) -> anyhow::Result<()> {
    let directory = &site.config.site.indexdir;
    for dump in store::all(directory)? {
        let wanted = match catalogue.dump(dump) {
            Ok(located) => located.expired.is_none() && located.dump.status.is_whole(),
            Err(CatalogueError::NoSuchDump(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !wanted {
            store::remove(directory, dump);
        }
    }
    Ok(store::remove_unfinished(directory)?)
}

#[cfg(test)]
pub(crate) mod tests {
    use taper::catalogue::{Part, Volume, VolumeEnd};
    use types::{BlockSize, FileNo, Level, PartNo};

    use super::*;

    fn storage(name: &str) -> StorageName {
        name.parse().unwrap()
    }

    /// A good full of a run.
    pub(crate) fn dump(run: Stamp) -> Dump {
        Dump {
            id: DumpId([7; 16]),
            dle: types::DleRef { host: "web".parse().unwrap(), dle: "/srv".parse().unwrap() },
            run,
            level: Level::FULL,
            base: None,
            status: DumpStatus::Good,
            started: run,
            finished: run,
            took: Duration::ZERO,
            raw: Bytes(300),
            stored: Bytes(100),
            entries: 1,
            frames: 1,
            index_sha: None,
        }
    }

    /// A catalogue with one dump that is on a volume of storage `near` alone.
    fn with_one_copy(run: Stamp) -> Catalogue {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.begin_run(run, RunKind::Dump, run, "test").unwrap();
        catalogue.begin_direct(&dump(run)).unwrap();
        let (label, near, block) = ("N-1".parse().unwrap(), storage("near"), BlockSize::HEADER);
        let volume = Volume::new(label, "near".parse().unwrap(), near.clone(), block);
        catalogue.choose_label(&volume).unwrap();
        catalogue.record_labelled(&volume.label, Some(run), block, volume.end, run).unwrap();
        let part = Part {
            dump: dump(run).id,
            storage: near.clone(),
            no: PartNo::FIRST,
            run,
            label: volume.label,
            file: FileNo::FIRST,
            object: None,
            first_frame: 0,
            last_frame: 0,
            offset: Bytes::ZERO,
            bytes: Bytes(100),
            sha_so_far: None,
            crc_so_far: None,
        };
        let end = VolumeEnd { file: part.file.next(), object: None };
        catalogue.record_placed(&part, end).unwrap();
        catalogue.finish_direct(&dump(run), &[], &near, run).unwrap();
        catalogue
    }

    #[test]
    fn an_image_that_another_storage_lacks_is_taken_over_after_a_crash_and_not_left_unknown() {
        let run: Stamp = "20260102030000".parse().unwrap();
        let catalogue = with_one_copy(run);
        // It was fetched from there to be copied to `far`, and the crash came before it was recorded as held.
        let on_disk = BTreeSet::from([dump(run).id]);
        let both = |_: &Dump| vec![storage("near"), storage("far")];
        assert_eq!(unknown(&catalogue, &on_disk, both).unwrap(), [dump(run).id]);
        assert!(superfluous(&catalogue, &on_disk, both).is_empty());
        let near = |_: &Dump| vec![storage("near")];
        assert_eq!(unknown(&catalogue, &on_disk, near).unwrap(), []);
        assert_eq!(superfluous(&catalogue, &on_disk, near).len(), 1);
    }

    #[test]
    fn index_files_go_that_no_dump_needs_any_more_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let text = config::quickstart(&config::Quickstart::new(root.clone(), vec![root.clone()]));
        std::fs::write(root.join("reelkeep.toml"), text.unwrap()).unwrap();
        let site = Site::of(root.clone(), config::load(&root).unwrap());
        std::fs::create_dir_all(&site.config.site.indexdir).unwrap();
        let run: Stamp = "20260102030000".parse().unwrap();
        let mut catalogue = with_one_copy(run);
        let cut_off = Dump { id: DumpId([8; 16]), ..dump(run) };
        catalogue.begin_direct(&cut_off).unwrap();
        let (whole, unknown) = (dump(run).id, DumpId([9; 16]));
        for id in [whole, cut_off.id, unknown] {
            for ending in ["rkx", "rkf"] {
                std::fs::write(site.config.site.indexdir.join(format!("{id}.{ending}")), "")
                    .unwrap();
            }
        }
        let lone = format!("{}.rkf", DumpId([10; 16]));
        let torn = format!("{}.tmp", DumpId([11; 16]));
        for name in [lone.as_str(), &torn, "NOTES"] {
            std::fs::write(site.config.site.indexdir.join(name), "").unwrap();
        }
        remove_indexes(&site, &catalogue).unwrap();
        let left = std::fs::read_dir(&site.config.site.indexdir).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: BTreeSet<String> = left.collect();
        let kept = ["NOTES".to_owned(), format!("{whole}.rkf"), format!("{whole}.rkx")];
        assert_eq!(left, BTreeSet::from(kept));
    }
}
