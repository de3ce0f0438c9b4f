//! Looking at a library of virtual tapes as anybody could: directories, files, text.
//!
//! Nothing here uses our own decoders: what a person with `head` sees has to be enough.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::programs::{Said, shell};

/// A file of a volume.
#[derive(Clone, Debug)]
pub(crate) struct PartFile {
    pub(crate) path: PathBuf,
    /// The lines of its first block.
    pub(crate) header: Vec<String>,
}

impl PartFile {
    fn read(path: &Path) -> Self {
        let mut block = vec![0; 32 << 10];
        File::open(path).unwrap().read_exact(&mut block).unwrap();
        let text = block.split(|byte| *byte == 0).next().unwrap();
        let header = String::from_utf8_lossy(text).lines().map(str::to_owned).collect();
        Self { path: path.to_owned(), header }
    }

    /// The value of a `KEY=value` line.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.header.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    /// The word after a word of the first line.
    pub(crate) fn word_after(&self, word: &str) -> Option<&str> {
        let mut words = self.header.first()?.split_whitespace().skip_while(|it| *it != word);
        words.nth(1)
    }

    /// The part's number, from `part K/N`.
    pub(crate) fn part(&self) -> Option<u32> {
        self.word_after("part")?.split('/').next()?.parse().ok()
    }

    /// What the header says a person should run, after the step that reads the file.
    pub(crate) fn command(&self) -> &str {
        let line =
            self.header.iter().find(|line| line.trim_start().starts_with("dd if=<tape>")).unwrap();
        line.trim().split_once(" | ").unwrap().1
    }
}

/// All files of all volumes below a directory, but for the labels.
pub(crate) fn parts(library: &Path) -> Vec<PartFile> {
    let mut found = Vec::new();
    let mut slots: Vec<_> =
        directories(library).into_iter().flat_map(|path| directories(&path)).collect();
    slots.extend(directories(library));
    for slot in slots {
        for entry in fs::read_dir(slot).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.split_once('.').and_then(|(number, _)| number.parse::<u32>().ok());
            if number.is_some_and(|number| number > 0 && name.starts_with(&format!("{number:05}.")))
            {
                found.push(PartFile::read(&entry.path()));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    // `data` is a link to the slot in the drive, as in Amanda's libraries.
    entries.filter(|entry| entry.file_type().unwrap().is_dir()).map(|entry| entry.path()).collect()
}

/// The files of each image, in order, by dump id.
pub(crate) fn images(library: &Path) -> BTreeMap<String, Vec<PartFile>> {
    let mut images: BTreeMap<String, Vec<PartFile>> = BTreeMap::new();
    for part in parts(library) {
        if let Some(dump) = part.value("REELKEEP-DUMP") {
            images.entry(dump.to_owned()).or_default().push(part.clone());
        }
    }
    for image in images.values_mut() {
        image.sort_by_key(PartFile::part);
    }
    images
}

/// Does by hand what the header of an image says: reads all its parts without their first block, one after the
/// other, into the command that is printed there.
pub(crate) fn restore_by_hand(image: &[PartFile], into: &Path) -> Said {
    fs::create_dir_all(into).unwrap();
    let reads: Vec<_> = image
        .iter()
        .map(|part| format!("dd if='{}' bs=32k skip=1 status=none", part.path.display()))
        .collect();
    shell(into, &format!("{{ {}; }} | {}", reads.join("; "), image[0].command()))
}
