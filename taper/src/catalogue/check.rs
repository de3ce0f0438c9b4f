//! Is the catalogue sound? What SQLite can tell, and what it can't: that copies add up, that nothing lies
//! behind the end of its volume, that what expired is nowhere and what didn't is somewhere.

use rusqlite::Connection;
use types::DumpId;

use super::copies::{add_up, parts, parts_on};
use super::dumps::{Filter, Located, select};
use super::sql::get;
use super::{Catalogue, CatalogueError, Trouble, volumes};

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The file itself is damaged: nothing that is added to it can be trusted.
    Damage(String),
    /// What it says can't all be true.
    Contradiction(String),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damage(what) => write!(f, "the file is damaged: {what}"),
            Self::Contradiction(what) => f.write_str(what),
        }
    }
}

impl Catalogue {
    /// Looks at everything. No findings is good. Where the file is damaged nothing else is looked at.
    pub fn check(&self) -> Result<Vec<Finding>, CatalogueError> {
        self.read("be checked", |c| {
            let mut findings = damage(c)?;
            if !findings.is_empty() {
                return Ok(findings);
            }
            lost_references(c, &mut findings)?;
            for dump in select(c, &Filter { with_gone: true, ..Filter::default() })? {
                dump_findings(c, &dump, &mut findings)?;
            }
            volume_findings(c, &mut findings)?;
            Ok(findings)
        })
    }

    /// What is wrong with the file itself: where there is anything, nothing may be added to it.
    pub fn damage(&self) -> Result<Vec<Finding>, CatalogueError> {
        self.read("be checked", damage)
    }
}

/// What SQLite finds wrong with the file.
fn damage(c: &Connection) -> Result<Vec<Finding>, Trouble> {
    let look = || {
        let mut integrity = c.prepare("PRAGMA integrity_check(50)")?;
        let lines = integrity.query_map([], |row| row.get::<_, String>(0))?;
        lines.collect::<rusqlite::Result<Vec<_>>>()
    };
    match look() {
        Ok(lines) => {
            Ok(lines.into_iter().filter(|line| line != "ok").map(Finding::Damage).collect())
        }
        // It can be so bad that not even that works.
        Err(error) if is_damage(&error) => Ok(vec![Finding::Damage(error.to_string())]),
        Err(error) => Err(error.into()),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn lost_references(c: &Connection, findings: &mut Vec<Finding>) -> Result<(), Trouble> {
    let mut keys = c.prepare("PRAGMA foreign_key_check")?;
    for table in keys.query_map([], |row| row.get::<_, String>(0))? {
        findings.push(Finding::Contradiction(format!(
            "a row of {} refers to one that is not there",
            table?
        )));
    }
    Ok(())
}

fn dump_findings(
    c: &Connection,
    located: &Located,
    findings: &mut Vec<Finding>,
) -> Result<(), Trouble> {
    let Located { dump, copies, held, expired } = located;
    let mut say = |what: String| {
        findings.push(Finding::Contradiction(format!("dump {} of {}: {what}", dump.id, dump.dle)))
    };
    for copy in copies.iter().filter(|copy| copy.is_complete()) {
        if let Err(why) = add_up(dump, &parts(c, dump.id, &copy.storage)?) {
            say(format!("its copy in {} is said to be complete, but {why}", copy.storage));
        }
    }
    let somewhere = held.is_some() || copies.iter().any(super::Copy::is_complete);
    match (somewhere, expired) {
        (true, Some(_)) => say("it is said to have expired, but is there".to_owned()),
        (false, None) if dump.status.is_whole() && !is_arriving(c, dump.id)? => {
            say("it is said to be there, but is neither held nor wholly on volumes".to_owned());
        }
        _ => {}
    }
    Ok(())
}

/// True if the run that makes it still goes on: it may be on its way to a volume.
fn is_arriving(c: &Connection, dump: DumpId) -> Result<bool, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT 1 FROM runs JOIN dumps ON dumps.run = runs.stamp
         WHERE dumps.id = ?1 AND runs.status = 'unfinished'",
    )?;
    Ok(statement.exists([dump.to_string()])?)
}

fn volume_findings(c: &Connection, findings: &mut Vec<Finding>) -> Result<(), Trouble> {
    for volume in volumes::select(c)? {
        for part in parts_on(c, &volume.label)?.iter().filter(|part| part.file >= volume.end.file) {
            findings.push(Finding::Contradiction(format!(
                "volume {} ends before file {}, but part {} of dump {} is said to be in file {}",
                volume.label, volume.end.file, part.no, part.dump, part.file
            )));
        }
    }
    let mut slots = c.prepare(
        "SELECT MIN(label) AS label, slot FROM volumes WHERE slot IS NOT NULL
         GROUP BY storage, slot HAVING COUNT(*) > 1",
    )?;
    let mut rows = slots.query([])?;
    while let Some(row) = rows.next()? {
        let label: types::Label = get(row, "label")?;
        let slot: i64 = row.get("slot")?;
        findings.push(Finding::Contradiction(format!(
            "slot {slot} is said to hold {label} and another volume"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// A catalogue with a volume, closed.
    fn site() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE_NAME);
        let mut catalogue = Catalogue::open(&path).unwrap();
        catalogue.with_volume("Nightly-001", 1);
        (folder, path)
    }

    #[test]
    fn a_row_that_differs_from_its_index_is_damage() {
        let (_folder, path) = site();
        let bytes = std::fs::read(&path).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let name = b"Nightly-001";
        let at = bytes.windows(name.len()).position(|found| found == name).unwrap();
        file.write_all_at(b"nightly-001", at as u64).unwrap();
        let catalogue = Catalogue::open(&path).unwrap();
        assert!(matches!(catalogue.damage().unwrap()[..], [Finding::Damage(_), ..]));
        assert_eq!(catalogue.check().unwrap(), catalogue.damage().unwrap());
    }
}
