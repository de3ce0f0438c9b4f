//! An image on its way to the holding disk.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devices::writeback::Writeback;
use format::header::{self, Header};
use types::Bytes;

use super::{Disk, HEADER, Held, HoldingError, ImageName, PARTIAL, sync_directory};

/// What is known of an image once it is whole.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Bytes of the tar stream.
    pub raw: Bytes,
    /// CRC-32C of the image.
    pub crc32c: u32,
}

/// An image still arriving. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Arriving {
    disks: Arc<[Disk]>,
    name: ImageName,
    /// Space promised and not yet begun: which disk, how much.
    grants: VecDeque<(usize, Bytes)>,
    files: Vec<Partial>,
    /// Bytes of the image so far.
    length: u64,
}

/// One file of an arriving image. It removes itself when dropped.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    file: File,
    /// Bytes behind the header.
    length: u64,
    /// How many there may be.
    limit: u64,
    disk: usize,
    kept: bool,
    writeback: Writeback,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(
                "{} could not be removed, the next run will: {error}",
                self.path.display()
            );
        }
    }
}

impl Arriving {
    /// Begins an image in the space that was granted: which of `disks`, how many bytes, headers included.
    pub fn begin(
        disks: Arc<[Disk]>,
        name: ImageName,
        grants: impl IntoIterator<Item = (usize, Bytes)>,
    ) -> Self {
        Self { disks, name, grants: grants.into_iter().collect(), files: Vec::new(), length: 0 }
    }

    /// Promises the image more space.
    pub fn grant(&mut self, disk: usize, bytes: Bytes) {
        self.grants.push_back((disk, bytes));
    }

    /// How many bytes of the image there is still granted space for.
    pub fn room(&self) -> Bytes {
        let chunk = |disk: usize| self.disks[disk].chunk.0;
        let to_come = self.grants.iter().map(|&(disk, bytes)| {
            bytes.0 - bytes.0.div_ceil(chunk(disk)).saturating_mul(HEADER).min(bytes.0)
        });
        Bytes(self.files.last().map_or(0, |file| file.limit - file.length) + to_come.sum::<u64>())
    }

    /// Bytes of the image so far.
    pub fn length(&self) -> Bytes {
        Bytes(self.length)
    }

    /// Appends bytes of the image. [`HoldingError::NoRoom`] says that some of them did not fit into what was
    /// granted: ask [`Arriving::room`] first.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), HoldingError> {
        while !bytes.is_empty() {
            let file = self.current()?;
            let room = usize::try_from(file.limit - file.length).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            file.append(now)?;
            self.length += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// The file that takes the next byte.
    fn current(&mut self) -> Result<&mut Partial, HoldingError> {
        let full = self.files.last().is_none_or(|file| file.length >= file.limit);
        if full {
            self.next_file()?;
        }
        self.files.last_mut().ok_or(HoldingError::NoRoom)
    }

    fn next_file(&mut self) -> Result<(), HoldingError> {
        let (disk, limit) = self.take_grant().ok_or(HoldingError::NoRoom)?;
        let directory = self.disks[disk].directory.join(self.name.run.to_string());
        fs::create_dir_all(&directory).map_err(HoldingError::io("make", &directory))?;
        let path = directory.join(self.name.file_name(self.files.len()) + PARTIAL);
        let header = self.header(self.files.len(), None, None);
        self.files.push(Partial::create(path, disk, limit, &header)?);
        Ok(())
    }

    /// Takes as much of the first grant as one file may be long, and says how many bytes go behind its header.
    fn take_grant(&mut self) -> Option<(usize, u64)> {
        while let Some((disk, bytes)) = self.grants.pop_front() {
            let taken = bytes.min(self.disks[disk].chunk);
            if bytes > taken {
                self.grants.push_front((disk, bytes - taken));
            }
            if taken.0 > HEADER {
                return Some((disk, taken.0 - HEADER));
            }
        }
        None
    }

    /// The header of a file. Until the image is whole it says that it is partial.
    fn header(&self, number: usize, next: Option<&Path>, about: Option<About>) -> Vec<u8> {
        let image = header::Image {
            stamp: self.name.run,
            dle: &self.name.dle,
            level: self.name.level,
            dump: self.name.dump,
            base: self.name.base,
            raw: about.map(|about| about.raw),
            stored: about.map(|_| Bytes(self.length)),
            crc32c: about.map(|about| about.crc32c),
        };
        let dump = header::DumpHeader {
            next_file: next.map(Path::to_owned),
            partial: about.is_none(),
            ..header::DumpHeader::of(&image, None)
        };
        let header = if number == 0 { Header::File(dump) } else { Header::ContFile(dump) };
        header::encode(&header, types::BlockSize::HEADER)
            .expect("a header of ours fits into its block")
    }

    /// Makes the image durable, then visible, in that order: headers and data are synced, the continuations
    /// renamed, and the first file last.
    pub fn commit(mut self, about: About) -> Result<Held, HoldingError> {
        if self.files.is_empty() {
            self.next_file()?;
        }
        let finals: Vec<PathBuf> =
            self.files.iter().map(|file| file.path.with_extension("")).collect();
        for number in 0..self.files.len() {
            let header =
                self.header(number, finals.get(number + 1).map(PathBuf::as_path), Some(about));
            self.files[number].seal(&header)?;
        }
        for number in (0..self.files.len()).rev() {
            let file = &mut self.files[number];
            fs::rename(&file.path, &finals[number])
                .map_err(HoldingError::io("rename", &file.path))?;
            file.path.clone_from(&finals[number]);
            if number <= 1 {
                self.sync_directories()?;
            }
        }
        let lengths: Vec<u64> = self.files.iter().map(|file| file.length).collect();
        for file in &mut self.files {
            file.kept = true;
        }
        Ok(Held::new(self.name.clone(), finals.into_iter().zip(lengths).collect()))
    }

    fn sync_directories(&self) -> Result<(), HoldingError> {
        let mut directories: Vec<&Path> =
            self.files.iter().filter_map(|file| file.path.parent()).collect();
        directories.sort_unstable();
        directories.dedup();
        for directory in directories {
            sync_directory(directory)?;
            if let Some(above) = directory.parent() {
                sync_directory(above)?;
            }
        }
        Ok(())
    }

    /// Which disks the image is on, and how much of each it takes.
    pub fn used(&self) -> Vec<(usize, Bytes)> {
        self.files.iter().map(|file| (file.disk, Bytes(file.length + HEADER))).collect()
    }
}

impl Partial {
    fn create(path: PathBuf, disk: usize, limit: u64, header: &[u8]) -> Result<Self, HoldingError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(HoldingError::io("make", &path))?;
        let mut partial = Self {
            path,
            file,
            length: 0,
            limit,
            disk,
            kept: false,
            writeback: Writeback::default(),
        };
        partial.file.write_all(header).map_err(HoldingError::io("write to", &partial.path))?;
        Ok(partial)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), HoldingError> {
        self.file.write_all(bytes).map_err(HoldingError::io("write to", &self.path))?;
        self.length += bytes.len() as u64;
        self.writeback.wrote(&self.file, bytes.len());
        Ok(())
    }

    /// Writes the final header, and makes the file durable.
    fn seal(&mut self, header: &[u8]) -> Result<(), HoldingError> {
        let sealed = self
            .writeback
            .finish()
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.write_all(header))
            .and_then(|()| self.file.sync_all());
        sealed.map_err(HoldingError::io("finish", &self.path))
    }
}
