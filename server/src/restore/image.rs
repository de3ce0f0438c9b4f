//! The image of a dump, wherever it can be read: held, or on volumes; the cheapest first.
//!
//! Frames are read one by one, straight from where they lie, and each is checked. A frame that is bad in one
//! place is read from the next. Whoever wants many asks in which order they are read soonest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use format::frame::{Frame, digest};
use taper::catalogue::{Catalogue, CatalogueError, Copy, Located};
use taper::clerk::{Extent, PartAt, ReadError, Reader};
use taper::scribe::{Chunks, SourceError};
use types::{DumpId, Label, StorageName};

use crate::holding::{Held, HoldingError};
use crate::library::{AnyDrive, Library, LibraryTrouble};

/// Why an image, or a frame of it, can't be read from one place.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is nowhere.
    #[error("dump {0} is neither on the holding disk nor wholly on volumes")]
    Nowhere(DumpId),
    /// The holding disk.
    #[error(transparent)]
    Holding(#[from] HoldingError),
    /// The files on the holding disk.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The library.
    #[error(transparent)]
    Library(#[from] LibraryTrouble),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The volume could not be mounted, and is not tried again.
    #[error("volume {label} could not be mounted")]
    Unmounted {
        /// Which.
        label: Label,
        /// Why.
        #[source]
        source: Arc<LibraryTrouble>,
    },
    /// The volume.
    #[error("could not read volume {label}")]
    Volume {
        /// Which.
        label: Label,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// No part has the frame.
    #[error("no part of the dump on volumes has byte {0} of the image")]
    NoPart(u64),
    /// The bytes are not those that were written.
    #[error("the frame at byte {offset} of the image is damaged {place}: its SHA-256 is wrong")]
    Damaged {
        /// Where in the image.
        offset: u64,
        /// On what.
        place: String,
    },
    /// The storage is not in the configuration any more.
    #[error("the dump is in storage {0}, which the configuration does not have any more")]
    NoStorage(StorageName),
}

/// A dump's image, open for reading.
pub struct Image {
    sources: Vec<Source>,
}

/// A place where an image can be read.
enum Source {
    Held(Chunks),
    Volumes(Box<OnVolumes>),
}

/// An image on the volumes of a storage.
struct OnVolumes {
    library: Library,
    parts: Vec<PartAt>,
    mounted: Option<(Label, Reader<AnyDrive>)>,
    /// The part whose header was compared last.
    checked: Option<usize>,
    /// Volumes that could not be mounted. To try one again for each of its thousand frames would wear out the arm,
    /// and the operator.
    unmounted: BTreeMap<Label, Arc<LibraryTrouble>>,
}

impl Image {
    /// Opens every place that has the whole image.
    pub fn open(
        located: &Located,
        catalogue: &Catalogue,
        library: &mut dyn FnMut(&StorageName) -> Result<Library, ImageError>,
    ) -> Result<Self, ImageError> {
        let mut sources = Vec::new();
        let mut trouble = None;
        if let Some(held) = &located.held {
            match open_held(&held.path) {
                Ok(chunks) => sources.push(Source::Held(chunks)),
                Err(error) => trouble = Some(error),
            }
        }
        for copy in located.copies.iter().filter(|copy| copy.is_complete()) {
            match open_copy(located.dump.id, copy, catalogue, library) {
                Ok(volumes) => sources.push(Source::Volumes(Box::new(volumes))),
                Err(error) => trouble = Some(error),
            }
        }
        if sources.is_empty() {
            return Err(trouble.unwrap_or(ImageError::Nowhere(located.dump.id)));
        }
        Ok(Self { sources })
    }

    /// Puts a frame's stored bytes into `bytes`, from the first place that has them whole.
    pub fn read(&mut self, frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), ImageError> {
        let mut trouble = ImageError::NoPart(frame.offset);
        for at in 0..self.sources.len() {
            match self.sources[at].read(frame, bytes) {
                Ok(()) => {
                    // What has done well comes first the next time: a volume that is mounted stays so.
                    self.sources.swap(0, at);
                    return Ok(());
                }
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    /// Takes out of `left`, indexes into these stretches of the image, those to read next, in the order in which they
    /// are read soonest: all of one volume, the one that is in the drive before others.
    pub fn next_to_read(&mut self, stretches: &[Range<u64>], left: &mut Vec<usize>) -> Vec<usize> {
        match self.sources.first_mut() {
            Some(Source::Volumes(volumes)) => volumes.next_to_read(stretches, left),
            _ => std::mem::take(left),
        }
    }

    /// The volumes that it is read from, in reading order, if a person has to put them in.
    pub fn volumes_by_hand(&self) -> Vec<Label> {
        let Some(Source::Volumes(volumes)) = self.sources.first() else { return Vec::new() };
        if !volumes.library.is_manual() {
            return Vec::new();
        }
        let mut labels: Vec<Label> = volumes.parts.iter().map(|part| part.label.clone()).collect();
        labels.dedup();
        labels
    }

    /// How many places have it.
    pub fn places(&self) -> usize {
        self.sources.len()
    }

    /// Reads a frame from one place only, to see whether that one is good.
    pub fn read_from(
        &mut self,
        place: usize,
        frame: &Frame,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        self.sources[place].read(frame, bytes)
    }

    /// Reads a stretch of the image from one place only, unchecked.
    pub fn read_stretch_from(
        &mut self,
        place: usize,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<(), ImageError> {
        self.sources[place].read_at(offset, bytes)
    }

    /// What a place is, in words.
    pub fn place(&self, place: usize) -> String {
        match &self.sources[place] {
            Source::Held(_) => "on the holding disk".to_owned(),
            Source::Volumes(volumes) => {
                let mut labels: Vec<&str> =
                    volumes.parts.iter().map(|part| part.label.as_str()).collect();
                labels.dedup();
                format!("on {}", labels.join(" "))
            }
        }
    }

    /// Any stretch of the image, unchecked.
    pub fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
        let mut trouble = ImageError::NoPart(offset);
        for source in &mut self.sources {
            match source.read_at(offset, bytes) {
                Ok(()) => return Ok(()),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }
}

fn open_held(path: &std::path::Path) -> Result<Chunks, ImageError> {
    let held = Held::at(path)?;
    Ok(Chunks::open(&held.files())?)
}

fn open_copy(
    dump: DumpId,
    copy: &Copy,
    catalogue: &Catalogue,
    library: &mut dyn FnMut(&StorageName) -> Result<Library, ImageError>,
) -> Result<OnVolumes, ImageError> {
    let parts = catalogue.parts(dump, &copy.storage)?.iter().map(PartAt::from).collect();
    let library = library(&copy.storage)?.knowing(&catalogue.volumes()?);
    Ok(OnVolumes { library, parts, mounted: None, checked: None, unmounted: BTreeMap::new() })
}

impl Source {
    fn read(&mut self, frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), ImageError> {
        bytes.resize(frame.stored as usize, 0);
        let read = match self {
            Self::Held(chunks) => Ok(chunks.read_at(frame.offset, bytes)?),
            // The hash proves more than the header, which would cost a way to the start of each part.
            Self::Volumes(volumes) => volumes.read_unproven(frame.offset, bytes),
        };
        if read.is_ok() && digest(bytes) == frame.sha256 {
            return Ok(());
        }
        if let Self::Volumes(volumes) = self {
            volumes.tell_other_part(frame.offset, read)?;
        }
        let place = match self {
            Self::Held(_) => "on the holding disk".to_owned(),
            Self::Volumes(volumes) => {
                let mounted = volumes.mounted.as_ref();
                mounted.map_or_else(
                    || "on its volume".to_owned(),
                    |(label, _)| format!("on volume {label}"),
                )
            }
        };
        Err(ImageError::Damaged { offset: frame.offset, place })
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
        match self {
            Self::Held(chunks) => Ok(chunks.read_at(offset, bytes)?),
            Self::Volumes(volumes) => volumes.read_at(offset, bytes),
        }
    }
}

fn unread(part: &PartAt, source: ReadError) -> ImageError {
    ImageError::Volume { label: part.label.clone(), source }
}

impl OnVolumes {
    /// Reads a stretch, which may go on over parts, of which each is proved by its header.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
        self.over_parts(offset, bytes, Self::read_part)
    }

    /// Reads a stretch of which whoever wants it knows the hash.
    fn read_unproven(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
        self.over_parts(offset, bytes, |volumes, _, part, from, bytes| {
            let reader = volumes.mount(&part.label)?;
            reader.recall(part);
            reader.read(part.file, from, bytes).map_err(|source| unread(part, source))
        })
    }

    /// What was wrong with a stretch: that the volume was written over, or what was met.
    fn tell_other_part(
        &mut self,
        offset: u64,
        met: Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let in_reach = matches!(met, Ok(()) | Err(ImageError::Volume { .. }));
        if in_reach
            && let Err(error) = self.read_at(offset, &mut [0])
            && matches!(error, ImageError::Volume { source: ReadError::OtherPart { .. }, .. })
        {
            return Err(error);
        }
        met
    }

    fn next_to_read(&mut self, stretches: &[Range<u64>], left: &mut Vec<usize>) -> Vec<usize> {
        let part = |index: usize| {
            let stretch = stretches.get(index)?;
            self.parts.get(self.part_at(stretch.start)?)
        };
        let label = |index: &usize| part(*index).map(|part| part.label.clone());
        let mounted = self.mounted.as_ref().map(|(label, _)| label.clone());
        let first = left.iter().map(label).find(|found| *found == mounted);
        let wanted = first.unwrap_or_else(|| left.first().and_then(label));
        let (here, later): (Vec<usize>, Vec<usize>) =
            left.iter().partition(|index| label(index) == wanted);
        let extents: Vec<Extent> = here
            .iter()
            .filter_map(|&index| {
                let (part, stretch) = (part(index)?, stretches.get(index)?);
                let (from, bytes) = (stretch.start - part.offset.0, stretch.end - stretch.start);
                Some(Extent { file: part.file, from, bytes: bytes.min(part.bytes.0 - from) })
            })
            .collect();
        *left = later;
        // Why a volume is not to be had is told when it is read.
        match wanted.map(|label| (self.mount_knowing(&label), extents.len() == here.len())) {
            Some((Ok(reader), true)) => {
                let order = reader.order(&extents);
                order.into_iter().filter_map(|at| here.get(at).copied()).collect()
            }
            _ => here,
        }
    }

    /// Mounts a volume, and tells the drive where its parts are.
    fn mount_knowing(&mut self, label: &Label) -> Result<&mut Reader<AnyDrive>, ImageError> {
        self.mount(label)?;
        let Some((_, reader)) = &mut self.mounted else {
            return Err(LibraryTrouble::NoDrive.into());
        };
        self.parts.iter().filter(|part| part.label == *label).for_each(|part| reader.recall(part));
        Ok(reader)
    }

    /// The number of the part that has this byte of the image.
    fn part_at(&self, offset: u64) -> Option<usize> {
        let has = |part: &PartAt| part.offset.0 <= offset && offset < part.offset.0 + part.bytes.0;
        self.parts.iter().position(has)
    }

    fn over_parts(
        &mut self,
        mut offset: u64,
        mut bytes: &mut [u8],
        read: impl Fn(&mut Self, usize, &PartAt, u64, &mut [u8]) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        while !bytes.is_empty() {
            let number = self.part_at(offset).ok_or(ImageError::NoPart(offset))?;
            let part = self.parts[number].clone();
            let within = offset - part.offset.0;
            let here =
                usize::try_from(part.bytes.0 - within).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at_mut(here);
            read(self, number, &part, within, now)?;
            offset += here as u64;
            bytes = later;
        }
        Ok(())
    }

    fn read_part(
        &mut self,
        number: usize,
        part: &PartAt,
        from: u64,
        bytes: &mut [u8],
    ) -> Result<(), ImageError> {
        let checked = self.checked == Some(number);
        let reader = self.mount(&part.label)?;
        if !checked {
            reader.recall(part);
            reader
                .expect_part(part.file, part.dump, part.part)
                .map_err(|source| unread(part, source))?;
        }
        reader.read(part.file, from, bytes).map_err(|source| unread(part, source))?;
        self.checked = Some(number);
        Ok(())
    }

    fn mount(&mut self, label: &Label) -> Result<&mut Reader<AnyDrive>, ImageError> {
        let right = self.mounted.as_ref().is_some_and(|(mounted, _)| mounted == label);
        if !right {
            self.change_to(label)?;
        }
        match &mut self.mounted {
            Some((_, reader)) => Ok(reader),
            None => Err(LibraryTrouble::NoDrive.into()),
        }
    }

    fn change_to(&mut self, label: &Label) -> Result<(), ImageError> {
        let unmounted = |source: &Arc<LibraryTrouble>| ImageError::Unmounted {
            label: label.clone(),
            source: Arc::clone(source),
        };
        if let Some(trouble) = self.unmounted.get(label) {
            return Err(unmounted(trouble));
        }
        self.checked = None;
        let drive = match self.mounted.take() {
            Some((_, reader)) => reader.into_mounted().into_drive(),
            None => self.library.any_drive()?,
        };
        match self.library.mount(label, drive) {
            Ok(mounted) => {
                self.mounted = Some((label.clone(), Reader::new(mounted)));
                Ok(())
            }
            Err(trouble) => {
                let trouble = Arc::new(trouble);
                self.unmounted.insert(label.clone(), Arc::clone(&trouble));
                Err(unmounted(&trouble))
            }
        }
    }
}
