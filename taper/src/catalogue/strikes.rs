//! Strikes: a volume on which writing failed, and in which drive.
//!
//! One failure says little: drives get dirty, and a dirty drive spoils good cartridges. A cartridge that failed in
//! two different drives is bad itself; it is read from then on, and never written again.

use rusqlite::{Connection, params};
use types::{DriveName, Label, Stamp};

use super::events::{EventKind, log};
use super::sql::text;
use super::volumes::{self, VolumeState};
use super::{Catalogue, CatalogueError, Trouble};

/// Writing on a volume failed, and the medium seemed to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which volume.
    pub label: Label,
    /// In which drive.
    pub drive: DriveName,
    /// In which run.
    pub run: Stamp,
    /// How, in words.
    pub why: String,
}

/// What is thought of a volume after a strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It failed in one drive. It takes no more in this cycle.
    Suspect,
    /// It failed in two drives or more, and is retired.
    Bad,
}

impl Catalogue {
    /// Remembers a strike, and sees that the volume is not written on again soon, or ever.
    pub fn strike(&mut self, strike: &Strike, now: Stamp) -> Result<Standing, CatalogueError> {
        let Strike { label, run, why, .. } = strike;
        self.write("remember that a volume failed", |tx| {
            let volume = volumes::one(tx, label)?
                .ok_or_else(|| CatalogueError::NoSuchVolume(label.clone()))?;
            insert(tx, strike)?;
            let drives = drives(tx, label)?;
            let (standing, state) = match drives.len() {
                0 | 1 => (Standing::Suspect, VolumeState::Full),
                _ => (Standing::Bad, VolumeState::Retired),
            };
            // What was retired by a person stays so.
            if volume.state != VolumeState::Retired {
                tx.prepare_cached("UPDATE volumes SET state = ?2 WHERE label = ?1")?
                    .execute([label.as_str(), state.as_str()])?;
            }
            let what = format!("{label} failed in {}, and is {state}: {why}", drives.join(" and "));
            log(tx, now, Some(*run), EventKind::Volume, &what)?;
            Ok(standing)
        })
    }

    /// The strikes of a volume, oldest first.
    pub fn strikes(&self, label: &Label) -> Result<Vec<Strike>, CatalogueError> {
        self.read("list the failures of a volume", |c| of(c, label))
    }
}

pub(super) fn insert(c: &Connection, strike: &Strike) -> Result<(), Trouble> {
    let Strike { label, drive, run, why } = strike;
    c.prepare_cached("INSERT INTO strikes (label, drive, run, why) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![label.as_str(), drive.as_str(), text(run), why])?;
    Ok(())
}

pub(super) fn of(c: &Connection, label: &Label) -> Result<Vec<Strike>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM strikes WHERE label = ?1 ORDER BY id")?;
    let rows = statement.query_map([label.as_str()], |row| {
        Ok(Strike {
            label: super::sql::get(row, "label")?,
            drive: super::sql::get(row, "drive")?,
            run: super::sql::get(row, "run")?,
            why: row.get("why")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The drives in which a volume failed.
fn drives(c: &Connection, label: &Label) -> Result<Vec<String>, Trouble> {
    let mut statement =
        c.prepare_cached("SELECT DISTINCT drive FROM strikes WHERE label = ?1 ORDER BY drive")?;
    Ok(statement.query_map([label.as_str()], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{day, label};
    use super::*;

    fn strike(drive: &str, on: u32) -> Strike {
        let why = "the block could not be written".to_owned();
        Strike { label: label("V1"), drive: drive.parse().unwrap(), run: day(on), why }
    }

    #[test]
    fn a_volume_that_fails_in_two_drives_is_retired_and_one_drive_alone_is_not_believed() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 1);
        let state = |c: &Catalogue| c.volume(&label("V1")).unwrap().state;
        assert_eq!(catalogue.strike(&strike("left", 1), day(1)).unwrap(), Standing::Suspect);
        assert_eq!(catalogue.strike(&strike("left", 2), day(2)).unwrap(), Standing::Suspect);
        assert_eq!(state(&catalogue), VolumeState::Full);
        assert_eq!(catalogue.strike(&strike("right", 3), day(3)).unwrap(), Standing::Bad);
        assert_eq!(state(&catalogue), VolumeState::Retired);
        assert_eq!(catalogue.strike(&strike("left", 4), day(4)).unwrap(), Standing::Bad);
        assert_eq!(state(&catalogue), VolumeState::Retired);
        let strikes = catalogue.strikes(&label("V1")).unwrap();
        assert_eq!(strikes.len(), 4);
        assert_eq!(strikes[2], strike("right", 3));
    }

    #[test]
    fn a_volume_that_is_forgotten_takes_its_strikes_with_it() {
        let mut catalogue = Catalogue::in_memory().unwrap();
        catalogue.with_volume("V1", 1);
        catalogue.strike(&strike("left", 1), day(1)).unwrap();
        catalogue.remove_volume(&label("V1"), day(2)).unwrap();
        assert_eq!(catalogue.strikes(&label("V1")).unwrap(), []);
        let unknown = catalogue.strike(&strike("left", 1), day(1)).unwrap_err();
        assert!(matches!(unknown, CatalogueError::NoSuchVolume(_)), "{unknown}");
    }
}
