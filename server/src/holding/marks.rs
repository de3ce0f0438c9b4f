//! Whether what is at a holding disk's place is that disk.
//!
//! Each holding directory bears a mark, a file with an id, and the site keeps which id belongs where (`holding-marks`,
//! beside the catalogue). A disk that is not mounted leaves an empty directory without the mark, and another disk has
//! another one: nothing is dumped there then, and no image is taken for lost that waits on the disk.
//!
//! | the site knows | what is there | then |
//! |---|---|---|
//! | its mark | the same mark | it is the disk |
//! | its mark | nothing, no mark, another mark | the disk is away |
//! | none | a mark | it is the disk: the site's file was lost, or the directory has moved |
//! | none | no mark | a new disk, or a site from before there were marks: it gets one, unless all images are gone that should lie there |

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::HoldingDisk;
use taper::catalogue;

use super::sync_directory;
use crate::store;

/// The file in a holding directory.
const MARK: &str = ".reelkeep-holding";
/// The longest file that is read here.
const MOST: u64 = 1 << 20;

/// A holding disk that is not at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// Its name in the configuration.
    pub name: String,
    /// Where it should be.
    pub directory: PathBuf,
    /// How that is known.
    pub why: Why,
}

/// How it is known that a disk is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its directory is not there.
    Missing,
    /// The directory lacks the disk's mark.
    Unmarked,
    /// The directory has the mark of another disk.
    Another,
    /// It has no mark yet, and nothing of what should lie there is there.
    Emptied,
    /// It could not be looked at, or not be made.
    Unusable(String),
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.directory.display();
        match &self.why {
            Why::Missing => write!(f, "{shown} is not there"),
            Why::Unmarked => write!(
                f,
                "what is at {shown} is not this disk: it lacks its mark ({MARK}), as a mount point does that nothing is \
                 mounted on"
            ),
            Why::Another => write!(f, "what is at {shown} has the mark of another holding disk"),
            Why::Emptied => write!(f, "of the images that should lie in {shown} none is there"),
            Why::Unusable(error) => write!(f, "{shown} cannot be used: {error}"),
        }
    }
}

impl Away {
    /// What to do about it.
    pub fn advice(&self) -> String {
        let mend = match self.why {
            Why::Unusable(_) => "see what is wrong with that file system",
            _ => "mount it",
        };
        format!(
            "{mend}: nothing is dumped there meanwhile, and what waits there counts as before. If the disk is lost or was \
             replaced, `reelkeep cleanup --accept-disk {}` takes what is there now for it",
            self.name
        )
    }
}

/// What was found at a disk's place.
enum There {
    Nothing,
    Unmarked,
    Marked(String),
}

/// What follows from it.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It is the disk, and the site knows it.
    Known,
    /// It is the disk, and the site is to know this mark.
    Learn(String),
    /// It is a disk that has no mark yet.
    New,
    Away(Why),
}

fn judge(known: Option<&str>, there: There, is_emptied: impl FnOnce() -> bool) -> Found {
    match (known, there) {
        (Some(known), There::Marked(mark)) if mark == known => Found::Known,
        (Some(_), There::Marked(_)) => Found::Away(Why::Another),
        (Some(_), There::Nothing) => Found::Away(Why::Missing),
        (Some(_), There::Unmarked) => Found::Away(Why::Unmarked),
        (None, There::Marked(mark)) => Found::Learn(mark),
        (None, _) if is_emptied() => Found::Away(Why::Emptied),
        (None, There::Nothing | There::Unmarked) => Found::New,
    }
}

/// The marks that a site knows, by directory.
#[derive(Debug)]
pub struct Marks {
    path: PathBuf,
    known: BTreeMap<PathBuf, String>,
}

impl Marks {
    /// Those kept in this file.
    pub fn read(path: PathBuf) -> io::Result<Self> {
        let known = match read_short(&path)? {
            Some(text) => serde_json::from_str(&text)?,
            None => BTreeMap::new(),
        };
        Ok(Self { path, known })
    }

    /// The disks that are away. Nothing is changed.
    pub fn away(&self, disks: &[HoldingDisk], held: &[catalogue::Held]) -> Vec<Away> {
        let found = disks.iter().filter_map(|disk| match self.look(disk, held) {
            Found::Away(why) => Some(away(disk, why)),
            Found::Known | Found::Learn(_) | Found::New => None,
        });
        found.collect()
    }

    /// The disks that are away; those that are new get a mark, made of `id` and their number.
    pub fn settle(
        &mut self,
        disks: &[HoldingDisk],
        held: &[catalogue::Held],
        id: &str,
    ) -> io::Result<Vec<Away>> {
        let mut gone = Vec::new();
        for (number, disk) in disks.iter().enumerate() {
            match self.look(disk, held) {
                Found::Known => {}
                Found::Away(why) => gone.push(away(disk, why)),
                Found::Learn(mark) => self.know(disk, mark)?,
                Found::New => {
                    if let Err(why) = self.mark(disk, format!("{id}-{number}"))? {
                        gone.push(away(disk, why));
                    }
                }
            }
        }
        Ok(gone)
    }

    /// Takes what is in this directory for the disk, whatever was known of it.
    pub fn accept(&mut self, disk: &HoldingDisk, id: &str) -> io::Result<()> {
        match look_at(&disk.directory)? {
            There::Marked(mark) => self.know(disk, mark),
            There::Nothing | There::Unmarked => self
                .mark(disk, id.to_owned())?
                .map_err(|why| io::Error::other(away(disk, why).to_string())),
        }
    }

    fn look(&self, disk: &HoldingDisk, held: &[catalogue::Held]) -> Found {
        let there = match look_at(&disk.directory) {
            Ok(there) => there,
            Err(error) => return Found::Away(Why::Unusable(error.to_string())),
        };
        let known = self.known.get(&disk.directory).map(String::as_str);
        judge(known, there, || {
            let mut here =
                held.iter().filter(|held| held.path.starts_with(&disk.directory)).peekable();
            here.peek().is_some() && here.all(|held| !held.path.exists())
        })
    }

    /// Gives a directory a mark, and makes it if need be. A full disk does without: it is used all the same.
    fn mark(&mut self, disk: &HoldingDisk, id: String) -> io::Result<Result<(), Why>> {
        let made = fs::create_dir_all(&disk.directory)
            .and_then(|()| durable(&disk.directory.join(MARK), id.as_bytes()));
        match made {
            Ok(()) => self.know(disk, id).map(Ok),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(Ok(())),
            Err(error) => Ok(Err(Why::Unusable(error.to_string()))),
        }
    }

    fn know(&mut self, disk: &HoldingDisk, mark: String) -> io::Result<()> {
        self.known.insert(disk.directory.clone(), mark);
        durable(&self.path, &serde_json::to_vec_pretty(&self.known)?)
    }
}

fn away(disk: &HoldingDisk, why: Why) -> Away {
    Away { name: disk.name.clone(), directory: disk.directory.clone(), why }
}

fn look_at(directory: &Path) -> io::Result<There> {
    if !directory.try_exists()? {
        return Ok(There::Nothing);
    }
    let mark = read_short(&directory.join(MARK))?;
    Ok(mark.map_or(There::Unmarked, |mark| There::Marked(mark.trim().to_owned())))
}

/// What a small file says; none where there is none.
fn read_short(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(found) if found.len() > MOST => {
            Err(io::Error::other(format!("{} is too long to be ours", path.display())))
        }
        Ok(_) => fs::read_to_string(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file so that it is whole or not there.
fn durable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    store::write(path, bytes)?;
    path.parent().map_or(Ok(()), |above| sync_directory(above).map_err(io::Error::other))
}

#[cfg(test)]
mod tests {
    use types::DumpId;

    use super::*;

    fn disk(directory: &Path) -> HoldingDisk {
        HoldingDisk {
            name: "hd".to_owned(),
            comment: String::new(),
            directory: directory.to_owned(),
            use_space: config::UseSpace::All,
            chunksize: None,
        }
    }

    fn held_in(directory: &Path) -> catalogue::Held {
        let path = directory.join("20260101000000/web.0");
        catalogue::Held { dump: DumpId([1; 16]), path, bytes: types::Bytes(1) }
    }

    /// A disk that a first run has marked, and the site's file.
    fn marked() -> (tempfile::TempDir, HoldingDisk, Marks) {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&folder.path().join("hd"));
        let mut marks = Marks::read(folder.path().join("holding-marks")).unwrap();
        assert_eq!(marks.settle(std::slice::from_ref(&disk), &[], "A").unwrap(), []);
        let marks = Marks::read(folder.path().join("holding-marks")).unwrap();
        (folder, disk, marks)
    }

    fn why(marks: &Marks, disk: &HoldingDisk) -> Option<Why> {
        marks.away(std::slice::from_ref(disk), &[]).pop().map(|away| away.why)
    }

    #[test]
    fn a_disk_is_known_again_and_one_that_is_not_mounted_or_another_is_away() {
        let (folder, disk, mut marks) = marked();
        assert_eq!(why(&marks, &disk), None);
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&disk.directory, &elsewhere).unwrap();
        assert_eq!(why(&marks, &disk), Some(Why::Missing));
        fs::create_dir(&disk.directory).unwrap();
        assert_eq!(why(&marks, &disk), Some(Why::Unmarked));
        assert_eq!(marks.settle(std::slice::from_ref(&disk), &[], "B").unwrap().len(), 1);
        assert_eq!(fs::read_dir(&disk.directory).unwrap().count(), 0, "nothing is written there");
        fs::write(disk.directory.join(MARK), "B").unwrap();
        assert_eq!(why(&marks, &disk), Some(Why::Another));
        fs::remove_dir_all(&disk.directory).unwrap();
        fs::rename(&elsewhere, &disk.directory).unwrap();
        assert_eq!(why(&marks, &disk), None);
    }

    #[test]
    fn what_is_there_is_the_disk_once_the_operator_says_so() {
        let (_folder, disk, mut marks) = marked();
        fs::remove_dir_all(&disk.directory).unwrap();
        marks.accept(&disk, "B").unwrap();
        assert_eq!(why(&marks, &disk), None);
        assert_eq!(why(&Marks::read(marks.path).unwrap(), &disk), None);
    }

    #[test]
    fn a_site_from_before_there_were_marks_gets_them_unless_all_its_images_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&folder.path().join("hd"));
        let held = held_in(&disk.directory);
        let mut marks = Marks::read(folder.path().join("holding-marks")).unwrap();
        let mut settle =
            || marks.settle(std::slice::from_ref(&disk), std::slice::from_ref(&held), "A").unwrap();
        assert_eq!(settle().pop().unwrap().why, Why::Emptied);
        assert!(!disk.directory.exists());
        fs::create_dir_all(held.path.parent().unwrap()).unwrap();
        fs::write(&held.path, "image").unwrap();
        assert_eq!(settle(), []);
        fs::remove_file(&held.path).unwrap();
        assert_eq!(settle(), [], "now that it has a mark it is known to be there");
    }

    #[test]
    fn a_mark_is_believed_where_the_site_has_forgotten_its_own() {
        let (folder, disk, marks) = marked();
        fs::remove_file(&marks.path).unwrap();
        let mut marks = Marks::read(folder.path().join("holding-marks")).unwrap();
        assert_eq!(
            marks.settle(std::slice::from_ref(&disk), &[held_in(&disk.directory)], "B").unwrap(),
            []
        );
        assert_eq!(marks.known[&disk.directory], "A-0");
    }

    #[test]
    fn a_damaged_file_of_marks_is_an_error_and_a_directory_in_its_place_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holding-marks");
        for bytes in [&b"{"[..], b"[]", b"\xff\xfe", b"{\"/hd\": 7}"] {
            fs::write(&path, bytes).unwrap();
            assert!(Marks::read(path.clone()).is_err());
        }
        assert!(Marks::read(folder.path().to_owned()).is_err());
    }
}
