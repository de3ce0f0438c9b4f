//! The image of a dump, wherever it can be read: held, or on volumes; the cheapest first.
//!
//! Frames are read one by one, straight from where they lie, and each is checked. A frame that is bad in one
//! place is read from the next, and what was wrong is kept for whoever ordered the restore. The cheapest place is the
//! holding disk, then a volume that is in a drive, then one on a disk, then one on tape; a volume that is off-site comes
//! last, and nobody looks for it in the library's unread slots. Whoever wants many frames asks in which order they are
//! read soonest.

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
use crate::night::estimate::with_causes;

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
    /// The volume is noted as being elsewhere, and it is not in the library.
    #[error(
        "volume {label} is off-site ({place}): fetch it, put it into the library, and say `reelkeep volume relocate \
         {label} --back`"
    )]
    OffSite {
        /// Which.
        label: Label,
        /// Where it is, in the operator's words.
        place: String,
    },
    /// The storage is not in the configuration any more.
    #[error("the dump is in storage {0}, which the configuration does not have any more")]
    NoStorage(StorageName),
}

impl ImageError {
    /// Whether bytes were read, or should have been, and were bad. If not, the place could not be had: another try may
    /// find everything whole.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Unmounted { source, .. } => source.is_damage(),
            Self::Library(trouble) => trouble.is_damage(),
            Self::OffSite { .. } | Self::NoStorage(_) | Self::Catalogue(_) | Self::Nowhere(_) => {
                false
            }
            Self::Holding(_)
            | Self::Source(_)
            | Self::Volume { .. }
            | Self::NoPart(_)
            | Self::Damaged { .. } => true,
        }
    }
}

/// A dump's image, open for reading.
pub struct Image {
    /// The cheapest first; later, the one that did well last.
    sources: Vec<Source>,
    detours: Detours,
}

/// What was wrong in one place, so that something was read from another.
#[derive(Debug, Default)]
struct Detours {
    /// A sentence for each place, about the first time.
    told: BTreeMap<String, String>,
    /// How often altogether.
    count: usize,
}

impl Detours {
    fn note(&mut self, from: &str, error: &ImageError, to: &str) {
        self.count += 1;
        let why = with_causes(error);
        self.told.entry(from.to_owned()).or_insert_with(|| {
            format!("the copy {from} could not be read: {why}; it was read {to}")
        });
    }
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
    /// Volumes that are noted as being elsewhere, and are not in the library: where.
    away: BTreeMap<Label, String>,
    near: Near,
}

/// How far away a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    /// One of its volumes is in a drive, and the others are in the library.
    InDrive,
    /// In a library of directories.
    OnDisk,
    /// In a library of tapes.
    OnTape,
    /// A volume of it is in no slot that anybody knows.
    Somewhere,
    /// A volume of it is off-site.
    Away,
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
        let mut detours = Detours::default();
        let mut copies = Vec::new();
        for copy in located.copies.iter().filter(|copy| copy.is_complete()) {
            match open_copy(located.dump.id, copy, catalogue, library) {
                Ok(volumes) => copies.push(volumes),
                Err(error) => {
                    detours.note(&on(&copy.labels), &error, "from elsewhere");
                    trouble = Some(error);
                }
            }
        }
        copies.sort_by_key(|volumes| volumes.near);
        // One that has no volume at hand is not worth beginning with: it can only say where they are.
        if sources.is_empty()
            && let Some(nearest) = copies.first()
            && let Some(error) = nearest.all_away()
        {
            return Err(error);
        }
        sources.extend(copies.into_iter().map(|volumes| Source::Volumes(Box::new(volumes))));
        if sources.is_empty() {
            return Err(trouble.unwrap_or(ImageError::Nowhere(located.dump.id)));
        }
        Ok(Self { sources, detours })
    }

    /// What could not be read in one place and was read from another: a sentence for each place, and how often it came
    /// to that.
    pub fn detours(&self) -> Vec<String> {
        let mut told: Vec<String> = self.detours.told.values().cloned().collect();
        if self.detours.count > told.len() {
            let more = self.detours.count - told.len();
            told.push(format!("and so {more} more times"));
        }
        told
    }

    /// Puts a frame's stored bytes into `bytes`, from the first place that has them whole.
    pub fn read(&mut self, frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), ImageError> {
        self.read_somewhere(frame.offset, |source| source.read(frame, bytes))
    }

    /// Reads from the first place that can, and remembers what was wrong with those before.
    fn read_somewhere(
        &mut self,
        offset: u64,
        mut read: impl FnMut(&mut Source) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut failed: Vec<(String, ImageError)> = Vec::new();
        for at in 0..self.sources.len() {
            match read(&mut self.sources[at]) {
                Ok(()) => {
                    let to = self.place(at);
                    failed.iter().for_each(|(from, error)| self.detours.note(from, error, &to));
                    // What has done well comes first the next time: a volume that is mounted stays so.
                    self.sources.swap(0, at);
                    return Ok(());
                }
                Err(error) => {
                    failed.push((self.place(at), error));
                    if at + 1 < self.sources.len() {
                        // The next may need the same drive.
                        self.sources[at].let_go();
                    }
                }
            }
        }
        // A place that can be had another time is more hope than one that is damaged.
        let hope = failed.iter().position(|(_, error)| !error.is_damage());
        let told = hope.map(|at| failed.swap_remove(at)).or_else(|| failed.pop());
        Err(told.map_or(ImageError::NoPart(offset), |(_, error)| error))
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

    /// Whose drives it waits for, if nothing of it can be read before one of them is free.
    pub(crate) fn waits_for(&self) -> Option<LibraryTrouble> {
        let mut waits = None;
        for source in &self.sources {
            let Source::Volumes(volumes) = source else { return None };
            match volumes.library.any_drive() {
                Err(trouble @ LibraryTrouble::AllInUse { .. }) => waits = Some(trouble),
                // What else is in the way of it is told when it is read.
                Ok(_) | Err(_) => return None,
            }
        }
        waits
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
        self.only(place).read(frame, bytes)
    }

    /// Reads a stretch of the image from one place only, unchecked.
    pub fn read_stretch_from(
        &mut self,
        place: usize,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<(), ImageError> {
        self.only(place).read_at(offset, bytes)
    }

    /// One place. The others let go of their volumes: it may need the drive that they are in.
    fn only(&mut self, place: usize) -> &mut Source {
        let others = self.sources.iter_mut().enumerate().filter(|(at, _)| *at != place);
        others.for_each(|(_, source)| source.let_go());
        &mut self.sources[place]
    }

    /// What a place is, in words.
    pub fn place(&self, place: usize) -> String {
        match &self.sources[place] {
            Source::Held(_) => "on the holding disk".to_owned(),
            Source::Volumes(volumes) => {
                on(&volumes.parts.iter().map(|part| part.label.clone()).collect::<Vec<_>>())
            }
        }
    }

    /// Any stretch of the image, unchecked.
    pub fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
        self.read_somewhere(offset, |source| source.read_at(offset, bytes))
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
    // A library that can't be looked into fails again when it is to bring the volume, and says why.
    let inventory = library.inventory().ok();
    let inventory = inventory.as_ref();
    let (mut away, mut near) = (BTreeMap::new(), Near::InDrive);
    let mut in_drive = false;
    for label in &copy.labels {
        let bay = inventory.is_some_and(|i| i.drives.iter().any(|bay| has(&bay.cartridge, label)));
        let slot = inventory.is_some_and(|i| i.slots.iter().any(|at| has(&at.cartridge, label)));
        in_drive |= bay;
        let place = catalogue.volume(label)?.off_site.map(|off| off.place);
        near = near.max(match (bay || slot, place) {
            (true, _) if library.is_of_disks() => Near::OnDisk,
            (true, _) => Near::OnTape,
            (false, None) => Near::Somewhere,
            (false, Some(place)) => {
                away.insert(label.clone(), place);
                Near::Away
            }
        });
    }
    if in_drive && near <= Near::OnTape {
        near = Near::InDrive;
    }
    let (mounted, checked, unmounted) = (None, None, BTreeMap::new());
    Ok(OnVolumes { library, parts, mounted, checked, unmounted, away, near })
}

fn has(cartridge: &Option<devices::Cartridge>, label: &Label) -> bool {
    cartridge.as_ref().is_some_and(|cartridge| cartridge.label.as_ref() == Some(label))
}

/// Volumes as the end of a sentence.
fn on(labels: &[Label]) -> String {
    let mut labels: Vec<&str> = labels.iter().map(Label::as_str).collect();
    labels.dedup();
    format!("on {}", labels.join(" "))
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

    /// Gives back the drive, if it has one.
    fn let_go(&mut self) {
        if let Self::Volumes(volumes) = self {
            volumes.mounted = None;
            volumes.checked = None;
        }
    }
}

fn unread(part: &PartAt, source: ReadError) -> ImageError {
    ImageError::Volume { label: part.label.clone(), source }
}

impl OnVolumes {
    /// If none of its volumes is at hand: where the first is.
    fn all_away(&self) -> Option<ImageError> {
        let (label, place) = self.away.iter().next()?;
        let none_here = self.parts.iter().all(|part| self.away.contains_key(&part.label));
        none_here.then(|| ImageError::OffSite { label: label.clone(), place: place.clone() })
    }

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
        if let Some(place) = self.away.get(label) {
            return Err(ImageError::OffSite { label: label.clone(), place: place.clone() });
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
