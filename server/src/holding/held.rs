//! Images that are whole, and what else lies on the holding disks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use format::header::{self, Header};
use taper::catalogue::Released;
use types::{Bytes, Stamp};

use super::{Disk, HEADER, HoldingError, ImageName, PARTIAL, remove_if_empty, sync_directory};

/// The most files that one image may have.
const MOST_FILES: usize = 100_000;

/// A whole, durable image on the holding disk.
#[derive(Clone, Debug)]
pub struct Held {
    name: ImageName,
    /// Its files in order, and how many bytes of the image each has.
    files: Vec<(PathBuf, u64)>,
}

impl Held {
    pub(super) fn new(name: ImageName, files: Vec<(PathBuf, u64)>) -> Self {
        Self { name, files }
    }

    /// What it is called.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// Its first file, by which it is known.
    pub fn path(&self) -> &Path {
        &self.files[0].0
    }

    /// The length of the image.
    pub fn bytes(&self) -> Bytes {
        Bytes(self.files.iter().map(|(_, length)| length).sum())
    }

    /// The image whose first file this is. Each header names the file that follows.
    pub fn at(path: &Path) -> Result<Self, HoldingError> {
        let unfit = |path: &Path, why: &str| HoldingError::Unfit {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let Header::File(first) = read_header(path)? else {
            return Err(unfit(path, "it is not the first file of an image"));
        };
        let Some(name) = image_name(&first) else {
            return Err(unfit(path, "another program wrote it, or its header is incomplete"));
        };
        if first.partial {
            return Err(unfit(path, "its header says that the image is partial"));
        }
        let mut files = vec![(path.to_owned(), data_length(path)?)];
        let mut next = first.next_file;
        while let Some(path) = next {
            let Header::ContFile(header) = read_header(&path)? else {
                return Err(unfit(
                    &path,
                    "it is not the continuation that the file before it promises",
                ));
            };
            if image_name(&header).as_ref() != Some(&name) || files.len() >= MOST_FILES {
                return Err(unfit(&path, "it continues another image"));
            }
            files.push((path.clone(), data_length(&path)?));
            next = header.next_file;
        }
        let held = Self { name, files };
        match first.ours.and_then(|ours| ours.stored) {
            Some(stored) if stored != held.bytes() => Err(unfit(
                path,
                &format!("the image should have {} bytes, and has {}", stored.0, held.bytes().0),
            )),
            _ => Ok(held),
        }
    }

    /// Its files, in order.
    pub fn files(&self) -> Vec<&Path> {
        self.files.iter().map(|(path, _)| path.as_path()).collect()
    }

    /// Removes the image, which the catalogue has released: the first file first, and for certain before the others,
    /// which may be on other disks; so what a crash leaves is no image.
    pub fn remove(self, released: Released) -> Result<(), HoldingError> {
        debug_assert_eq!(released.image().dump, self.name.dump);
        for (at, (path, _)) in self.files.iter().enumerate() {
            fs::remove_file(path).map_err(HoldingError::io("remove", path))?;
            if let (0, Some(directory), 2..) = (at, path.parent(), self.files.len()) {
                sync_directory(directory)?;
            }
        }
        self.files.iter().filter_map(|(path, _)| path.parent()).try_for_each(remove_if_empty)
    }
}

/// What lies on the holding disks.
#[derive(Debug, Default)]
pub struct Scan {
    /// Whole images.
    pub held: Vec<Held>,
    /// What cannot be used, and is left for the operator.
    pub unfit: Vec<HoldingError>,
    /// Files that a crash left, which are no images.
    pub leftovers: Vec<PathBuf>,
}

/// Looks at everything on the holding disks. Nothing is changed. No run may be at work.
pub fn scan(disks: &[Disk]) -> Result<Scan, HoldingError> {
    let mut scan = Scan::default();
    let mut continuations = Vec::new();
    for directory in run_directories(disks)? {
        for path in files_of(&directory)? {
            if is_partial(&path) {
                scan.leftovers.push(path);
                continue;
            }
            match read_header(&path) {
                Ok(Header::File(_)) => match Held::at(&path) {
                    Ok(held) => scan.held.push(held),
                    Err(error) => scan.unfit.push(error),
                },
                Ok(Header::ContFile(_)) => continuations.push(path),
                Ok(_) => scan.unfit.push(HoldingError::Unfit {
                    path,
                    why: "its header is of no image".to_owned(),
                }),
                Err(error) => scan.unfit.push(error),
            }
        }
    }
    let led_to: BTreeSet<&Path> = scan
        .held
        .iter()
        .flat_map(|held| held.files.iter().map(|(path, _)| path.as_path()))
        .collect();
    let lost: Vec<PathBuf> =
        continuations.into_iter().filter(|path| !led_to.contains(path.as_path())).collect();
    // A continuation may only go if nothing that could be its first file is there.
    let (orphans, doubtful): (Vec<_>, Vec<_>) =
        lost.into_iter().partition(|path| !first_file_exists(path, disks));
    scan.leftovers.extend(orphans);
    let why = "no usable image leads to it, though a file with its image's name is there";
    scan.unfit
        .extend(doubtful.into_iter().map(|path| HoldingError::Unfit { path, why: why.to_owned() }));
    scan.held.sort_by_key(|held| (held.name.run, held.name.dump));
    Ok(scan)
}

/// Whether a file belongs to an image that never became whole, by its name.
pub fn is_partial(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == &PARTIAL[1..])
}

/// Removes what a crash left, and directories that are empty then.
pub fn sweep(leftovers: &[PathBuf]) -> Result<(), HoldingError> {
    for path in leftovers {
        fs::remove_file(path).map_err(HoldingError::io("remove", path))?;
    }
    leftovers.iter().filter_map(|path| path.parent()).try_for_each(remove_if_empty)
}

/// Whether the first file of the image that `continuation` belongs to is on any disk.
fn first_file_exists(continuation: &Path, disks: &[Disk]) -> bool {
    let stem = continuation.with_extension("");
    let Some(run) = continuation.parent().and_then(Path::file_name) else { return true };
    let Some(name) = stem.file_name() else { return true };
    disks.iter().any(|disk| disk.directory.join(run).join(name).exists())
}

fn run_directories(disks: &[Disk]) -> Result<Vec<PathBuf>, HoldingError> {
    let mut found = Vec::new();
    for disk in disks {
        let is_run = |path: &PathBuf| {
            path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.parse::<Stamp>().is_ok())
        };
        match fs::read_dir(&disk.directory) {
            Ok(entries) => {
                for entry in entries {
                    found.push(entry.map_err(HoldingError::io("list", &disk.directory))?.path());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(HoldingError::io("list", &disk.directory)(error)),
        }
        found.retain(is_run);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>, HoldingError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(HoldingError::io("list", directory))? {
        files.push(entry.map_err(HoldingError::io("list", directory))?.path());
    }
    files.sort();
    Ok(files)
}

fn read_header(path: &Path) -> Result<Header, HoldingError> {
    let file = File::open(path).map_err(HoldingError::io("open", path))?;
    let mut block = vec![0; types::BlockSize::HEADER.len()];
    file.read_exact_at(&mut block, 0).map_err(HoldingError::io("read the header of", path))?;
    header::decode(&block)
        .map_err(|error| HoldingError::Unfit { path: path.to_owned(), why: error.to_string() })
}

fn data_length(path: &Path) -> Result<u64, HoldingError> {
    let metadata = fs::metadata(path).map_err(HoldingError::io("look at", path))?;
    Ok(metadata.len().saturating_sub(HEADER))
}

fn image_name(header: &header::DumpHeader) -> Option<ImageName> {
    let ours = header.ours.as_ref()?;
    Some(ImageName {
        run: header.stamp?,
        dle: ours.dle.clone(),
        level: header.level,
        dump: ours.dump,
        base: ours.base,
    })
}
