//! What the operator says of a volume: that it is locked, by whom and why, and where it is if it is not at hand.
//!
//! Retention decides alone what a restore needs; a lock stands beside it, for what no rule can know, such as a case
//! in court. Neither locks nor places stand on the volume that they are about. The records of each run carry
//! those of all volumes, so that a catalogue that is made again has them as of the newest run that is found; what
//! was said after that run is known to nobody.

use std::fmt;

use format::records::{HoldRow, RunRecords};
use rusqlite::{Connection, Row, params};
use types::{Label, Stamp};

use super::events::{EventKind, log};
use super::sql::{get, get_maybe, maybe};
use super::volumes::{self, lock_text};
use super::{Catalogue, CatalogueError, Lock, Trouble, Volume, VolumeState};

/// Who locked a volume, when, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// Why, in the operator's words; empty if nobody said it.
    pub why: String,
    /// Who; empty if nobody knows.
    pub by: String,
    /// When.
    pub at: Option<Stamp>,
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.at.map(Stamp::day).unwrap_or_default();
        let said: Vec<&str> =
            [self.by.as_str(), &day].into_iter().filter(|word| !word.is_empty()).collect();
        match (self.why.is_empty(), said.is_empty()) {
            (true, true) => Ok(()),
            (true, false) if self.by.is_empty() => write!(f, "since {day}"),
            (true, false) => write!(f, "by {}", said.join(", ")),
            (false, true) => f.write_str(&self.why),
            (false, false) => write!(f, "{} ({})", self.why, said.join(", ")),
        }
    }
}

/// A volume that is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffSite {
    /// Where it is, in the operator's words.
    pub place: String,
    /// Since when.
    pub since: Stamp,
}

impl Catalogue {
    /// What the operator says about reusing a volume. `locked.at` is taken to be `now`.
    pub fn set_lock(
        &mut self,
        label: &Label,
        lock: Lock,
        locked: &Locked,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("lock or unlock a volume", |tx| {
            volumes::known(tx, label)?;
            let kept = match lock {
                Lock::Open => Locked::default(),
                Lock::NoReuse | Lock::Until(_) => Locked { at: Some(now), ..locked.clone() },
            };
            put_lock(tx, label, lock, &kept)?;
            let mut what = match lock {
                Lock::Open => format!("{label} may be reused as retention decides"),
                Lock::NoReuse => format!("{label} is not to be reused"),
                Lock::Until(day) => format!("{label} is not to be reused before {}", day.day()),
            };
            let said = Locked { at: None, ..locked.clone() }.to_string();
            if !said.is_empty() {
                what = format!("{what}: {said}");
            }
            log(tx, now, None, EventKind::Operator, &what)
        })
    }

    /// A volume was carried to another place, or, with `None`, it is at hand again. One that is elsewhere is in no
    /// slot.
    pub fn relocate(
        &mut self,
        label: &Label,
        place: Option<&str>,
        now: Stamp,
    ) -> Result<(), CatalogueError> {
        self.write("record where a volume is", |tx| {
            let volume = volumes::known(tx, label)?;
            put_place(tx, label, place.map(|place| (place, now)))?;
            let what = match (place, volume.off_site) {
                (Some(place), _) => format!("{label} is off-site: {place}"),
                (None, Some(OffSite { place, .. })) => format!("{label} is back from {place}"),
                (None, None) => format!("{label} is at hand"),
            };
            log(tx, now, None, EventKind::Operator, &what)
        })
    }

    /// Takes over what the operator had said of these volumes when the records were written, unless something is
    /// said of them here already. Returns of how many.
    pub fn import_holds(
        &mut self,
        records: &RunRecords,
        new: impl Fn(&Label) -> bool,
        now: Stamp,
    ) -> Result<usize, CatalogueError> {
        self.write("take over locks from records", |tx| {
            let mut count = 0;
            for row in records.holds.iter().filter(|row| new(&row.label)) {
                let Some(volume) = volumes::one(tx, &row.label)? else { continue };
                let other = row.labelled.is_some() && volume.labelled != row.labelled;
                if other || volume.lock != Lock::Open || volume.off_site.is_some() {
                    continue;
                }
                let said = Locked { why: row.why.clone(), by: row.by.clone(), at: row.at };
                put_lock(tx, &row.label, lock_of(row), &said)?;
                if let Some(place) = &row.off_site {
                    let since = row.off_site_since.unwrap_or(records.head.run);
                    put_place(tx, &row.label, Some((place, since)))?;
                }
                if row.retired {
                    tx.prepare_cached("UPDATE volumes SET state = 'retired' WHERE label = ?1")?
                        .execute([row.label.as_str()])?;
                }
                count += 1;
            }
            if count > 0 {
                let run = records.head.run;
                let what = format!("locks of {count} volumes are as of run {run}");
                log(tx, now, None, EventKind::Volume, &what)?;
            }
            Ok(count)
        })
    }
}

/// What the operator says of all volumes, for the records of a run.
pub(super) fn rows(c: &Connection) -> Result<Vec<HoldRow>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT * FROM volumes WHERE lock <> '' OR off_site IS NOT NULL OR state = 'retired'
         ORDER BY label",
    )?;
    let held = statement.query_map([], volumes::of_row)?.collect::<Result<Vec<_>, _>>()?;
    Ok(held.into_iter().map(row).collect())
}

fn row(volume: Volume) -> HoldRow {
    let Locked { why, by, at } = volume.locked;
    let (off_site, off_site_since) =
        volume.off_site.map(|OffSite { place, since }| (place, since)).unzip();
    HoldRow {
        label: volume.label,
        labelled: volume.labelled,
        no_reuse: volume.lock == Lock::NoReuse,
        until: match volume.lock {
            Lock::Until(day) => Some(day),
            Lock::Open | Lock::NoReuse => None,
        },
        why,
        by,
        at,
        retired: volume.state == VolumeState::Retired,
        off_site,
        off_site_since,
    }
}

fn lock_of(row: &HoldRow) -> Lock {
    match (row.no_reuse, row.until) {
        (true, _) => Lock::NoReuse,
        (false, Some(day)) => Lock::Until(day),
        (false, None) => Lock::Open,
    }
}

fn put_lock(c: &Connection, label: &Label, lock: Lock, said: &Locked) -> Result<(), Trouble> {
    c.prepare_cached(
        "UPDATE volumes SET lock = ?2, lock_why = ?3, lock_by = ?4, lock_at = ?5 WHERE label = ?1",
    )?
    .execute(params![label.as_str(), lock_text(lock), said.why, said.by, maybe(said.at)])?;
    Ok(())
}

fn put_place(c: &Connection, label: &Label, place: Option<(&str, Stamp)>) -> Result<(), Trouble> {
    let (place, since) = place.unzip();
    c.prepare_cached(
        "UPDATE volumes SET off_site = ?2, off_site_at = ?3,
         slot = CASE WHEN ?2 IS NULL THEN slot END WHERE label = ?1",
    )?
    .execute(params![label.as_str(), place, maybe(since)])?;
    Ok(())
}

pub(super) fn locked_of(row: &Row<'_>) -> rusqlite::Result<Locked> {
    Ok(Locked {
        why: row.get("lock_why")?,
        by: row.get("lock_by")?,
        at: get_maybe(row, "lock_at")?,
    })
}

pub(super) fn off_site_of(row: &Row<'_>) -> rusqlite::Result<Option<OffSite>> {
    let place: Option<String> = row.get("off_site")?;
    place.map(|place| Ok(OffSite { place, since: get(row, "off_site_at")? })).transpose()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{day, label, policies};
    use types::BlockSize;

    use super::super::VolumeEnd;
    use super::*;

    fn said(why: &str) -> Locked {
        Locked { why: why.to_owned(), by: "anna".to_owned(), at: None }
    }

    #[test]
    fn a_lock_says_who_wanted_it_and_why() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 0);
        let v1 = label("V1");
        catalogue.set_lock(&v1, Lock::Until(day(300)), &said("case 17"), day(3)).unwrap();
        let verdicts = catalogue.verdicts(&policies(), day(9)).unwrap();
        let text = verdicts.explain(&v1);
        assert!(text.contains("kept until 2026-10-28: case 17 (anna, 2026-01-04)"), "{text}");
        catalogue.set_lock(&v1, Lock::Open, &Locked::default(), day(4)).unwrap();
        assert_eq!(catalogue.volume(&v1).unwrap().locked, Locked::default());
        assert!(catalogue.verdicts(&policies(), day(9)).unwrap().of(&v1).is_reusable());
        let nobody = Locked { at: Some(day(3)), ..Locked::default() };
        assert_eq!(nobody.to_string(), "since 2026-01-04");
        assert_eq!(
            Locked { why: "case 17".to_owned(), ..nobody }.to_string(),
            "case 17 (2026-01-04)"
        );
        let events = catalogue.events(None, 9).unwrap();
        assert!(
            events
                .iter()
                .any(|e| e.text.contains("not to be reused before 2026-10-28: case 17 (anna)"))
        );
    }

    #[test]
    fn a_lock_until_a_day_gives_way_to_none_that_could_be_ended_sooner() {
        let until = Lock::Until(day(9));
        for (new, breaks) in [
            (Lock::Open, true),
            (Lock::NoReuse, true),
            (Lock::Until(day(8)), true),
            (Lock::Until(day(9)), false),
            (Lock::Until(day(10)), false),
        ] {
            assert_eq!(until.is_broken_by(new, day(3)), breaks, "{new:?}");
            assert!(!until.is_broken_by(new, day(9)), "{new:?}: its day has come");
            assert!(!Lock::NoReuse.is_broken_by(new, day(3)), "{new:?}: no day was promised");
            assert!(!Lock::Open.is_broken_by(new, day(3)), "{new:?}");
        }
    }

    #[test]
    fn a_volume_that_is_retired_while_a_run_writes_on_it_stays_retired() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        let (v1, end) = (label("V1"), VolumeEnd { file: types::FileNo(1), object: None });
        catalogue.with_volume("V1", 1);
        catalogue.set_state(&v1, VolumeState::Retired, day(2)).unwrap();
        for state in [VolumeState::Active, VolumeState::Full] {
            catalogue.record_closed(&v1, day(2), end, state, day(2)).unwrap();
            let volume = catalogue.volume(&v1).unwrap();
            assert_eq!((volume.state, volume.last_written), (VolumeState::Retired, Some(day(2))));
        }
        catalogue.record_labelled(&v1, Some(day(3)), BlockSize::HEADER, end, day(3)).unwrap();
        assert_eq!(catalogue.volume(&v1).unwrap().state, VolumeState::Retired);
    }

    #[test]
    fn a_volume_that_is_off_site_is_in_no_slot() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 0);
        let v1 = label("V1");
        catalogue.record_seen(&v1, Some(types::Slot(3)), None).unwrap();
        catalogue.relocate(&v1, Some("bank, box 4"), day(2)).unwrap();
        let volume = catalogue.volume(&v1).unwrap();
        let off = OffSite { place: "bank, box 4".to_owned(), since: day(2) };
        assert_eq!((volume.slot, volume.off_site), (None, Some(off)));
        catalogue.relocate(&v1, None, day(3)).unwrap();
        assert_eq!(catalogue.volume(&v1).unwrap().off_site, None);
        assert!(matches!(
            catalogue.relocate(&label("V9"), None, day(3)),
            Err(CatalogueError::NoSuchVolume(_))
        ));
    }

    /// Four volumes, of which three are locked, retired or away; and the records of a run that came after that.
    fn site() -> (Catalogue, RunRecords) {
        let mut catalogue = Catalogue::in_memory().unwrap();
        for name in ["V1", "V2", "V3", "V4"] {
            catalogue.with_volume(name, 0);
        }
        catalogue.set_lock(&label("V1"), Lock::NoReuse, &said("case 17"), day(1)).unwrap();
        catalogue.relocate(&label("V2"), Some("bank"), day(2)).unwrap();
        catalogue.set_state(&label("V3"), VolumeState::Retired, day(2)).unwrap();
        catalogue.with_run(5);
        let records = catalogue.records_of(day(5), &label("V4"), "test").unwrap();
        (catalogue, records)
    }

    #[test]
    fn the_records_of_a_run_bring_back_the_locks_of_all_volumes() {
        let (old, records) = site();
        assert_eq!(records.holds.len(), 3);
        let mut new = Catalogue::in_memory().unwrap();
        for name in ["V1", "V2", "V3", "V4"] {
            new.with_volume(name, 0);
        }
        assert_eq!(new.import_holds(&records, |_| true, day(9)).unwrap(), 3);
        for name in ["V1", "V2", "V3", "V4"] {
            let [was, is] = [&old, &new].map(|c| c.volume(&label(name)).unwrap());
            assert_eq!(is, was);
        }
    }

    #[test]
    fn old_records_change_nothing_that_was_said_since() {
        let (mut catalogue, records) = site();
        catalogue.set_lock(&label("V1"), Lock::Until(day(99)), &said("case 18"), day(6)).unwrap();
        let before = catalogue.volumes().unwrap();
        let of_v1 = |label: &Label| label.as_str() == "V1";
        assert_eq!(catalogue.import_holds(&records, of_v1, day(9)).unwrap(), 0);
        assert_eq!(catalogue.import_holds(&records, |_| false, day(9)).unwrap(), 0);
        assert_eq!(catalogue.volumes().unwrap(), before);
    }

    #[test]
    fn a_volume_that_got_the_name_of_a_locked_one_is_not_locked() {
        let (_, mut records) = site();
        let mut new = Catalogue::in_memory().unwrap();
        new.with_volume("V1", 0);
        records.holds[0].labelled = Some(day(1));
        assert_eq!(new.import_holds(&records, |_| true, day(9)).unwrap(), 0);
    }
}
