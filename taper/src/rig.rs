//! What the tests of scribe and clerk stand on: made-up images, and a library with an operator.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use devices::faulty::{Faulty, Fuse};
use devices::memory::{MemoryLibrary, MemoryTape};
use devices::vtape::{self, Library, Setup};
use devices::{Changer, Drive};
use format::contents::{self, Contents, Identity};
use format::frame::{Encoder, Frame, FrameKind, FrameTable, digest};
use format::header::Image;
use types::{BlockSize, Bytes, DleRef, DriveName, DumpId, FileTime, Label, Level, Slot, Stamp};

use crate::clerk::{Mounts, PartAt, WantedFrame};
use crate::mount::{
    Appending, Identified, Known, LastFile, Loaded, Mounted, NewLabel, PartFacts, Placed, Reached,
    Records,
};
use crate::scribe::{FramePlace, ImageSource, OtherError, SourceError, Volumes, Wanted, Wish};

pub(crate) fn stamp() -> Stamp {
    "20261123020304".parse().unwrap()
}

/// An image, as a client would make it, of bytes that don't compress.
pub(crate) struct MadeUp {
    pub(crate) dle: DleRef,
    pub(crate) dump: DumpId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: FrameTable,
}

impl MadeUp {
    /// An image with a frame of about each of these lengths.
    pub(crate) fn new(number: u8, lengths: &[usize]) -> Self {
        let dle = DleRef { host: "web".parse().unwrap(), dle: "/srv/da ta".parse().unwrap() };
        let dump = DumpId::new(1_792_000_000_000, [number; 10]);
        let (mut bytes, mut frames) = (Vec::new(), FrameTable::new());
        let mut encoder = Encoder::new(1).unwrap();
        let mut chance = u64::from(number) + 1;
        for &length in lengths {
            let raw: Vec<u8> = std::iter::repeat_with(|| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                chance.to_be_bytes()[0]
            })
            .take(length)
            .collect();
            let mut stored = Vec::new();
            encoder.encode(&raw, &mut stored).unwrap();
            let raw = u32::try_from(raw.len()).unwrap();
            frames.push(FrameKind::S, u32::try_from(stored.len()).unwrap(), raw, digest(&stored));
            bytes.extend_from_slice(&stored);
        }
        let identity = Identity {
            version: contents::VERSION,
            host: dle.host.clone(),
            dle: dle.dle.clone(),
            level: Level::FULL,
            dump,
            base: None,
            run: stamp(),
            started: FileTime::default(),
            finished: FileTime::default(),
            program: "test".to_owned(),
            system: "test".to_owned(),
            frame_size: 4 << 20,
            entries: 0,
            gone: 0,
            raw_bytes: 0,
            strange: 0,
        };
        let contents = Contents { identity, frames: frames.clone(), index: b"index".to_vec() };
        bytes.extend_from_slice(&contents::encode(&contents).unwrap());
        Self { dle, dump, bytes, frames }
    }

    pub(crate) fn image(&self) -> Image<'_> {
        Image {
            stamp: stamp(),
            dle: &self.dle,
            level: Level::FULL,
            dump: self.dump,
            base: None,
            raw: None,
            stored: Some(Bytes::of(self.bytes.len())),
            crc32c: None,
        }
    }

    pub(crate) fn source(&self) -> FromMemory<'_> {
        FromMemory { image: self, at: FramePlace::default(), taken: 0, floor: 0 }
    }

    pub(crate) fn wanted(&self, number: usize) -> WantedFrame {
        let Frame { offset, stored, sha256, .. } = self.frames.frames()[number];
        let dump = self.dump;
        WantedFrame { dump, number: u32::try_from(number).unwrap(), offset, stored, sha256 }
    }

    /// The stored length of frame `number`, the contents frame too.
    fn length_of(&self, number: u32) -> Option<u64> {
        let rest = self.bytes.len() as u64 - self.frames.stored_len();
        match self.frames.get(number) {
            Some(frame) => Some(u64::from(frame.stored)),
            None => (number as usize == self.frames.len()).then_some(rest),
        }
    }
}

/// An image in memory. It minds that nobody goes back behind what is placed.
pub(crate) struct FromMemory<'a> {
    image: &'a MadeUp,
    at: FramePlace,
    taken: usize,
    floor: u32,
}

impl ImageSource for FromMemory<'_> {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        let length = self.image.length_of(self.at.frame);
        if self.taken > 0 && length == Some(self.taken as u64) {
            self.at.frame += 1;
            self.at.offset += Bytes::of(std::mem::take(&mut self.taken));
        }
        Ok(self.image.length_of(self.at.frame))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        let from = usize::try_from(self.at.offset.0).unwrap() + self.taken;
        let bytes = self.image.bytes.get(from..from + buffer.len());
        let end = || SourceError::new("", io::Error::from(io::ErrorKind::UnexpectedEof));
        buffer.copy_from_slice(bytes.ok_or_else(end)?);
        self.taken += buffer.len();
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        if place.frame == 0 {
            self.floor = 0; // all of it was lost
        }
        assert!(place.frame >= self.floor, "what is placed is never wanted again");
        let before: u64 = (0..place.frame).map(|n| self.image.length_of(n).unwrap()).sum();
        assert_eq!(before, place.offset.0, "a place is where its frame begins");
        self.at = place;
        self.taken = 0;
        Ok(())
    }

    fn placed(&mut self, place: FramePlace) {
        self.floor = place.frame;
    }
}

pub(crate) type AnyDrive = Box<dyn Drive>;

/// Which library the operator has.
pub(crate) enum Kind {
    Tapes(MemoryLibrary, Vec<MemoryTape>),
    Directories(Library, tempfile::TempDir),
}

/// A library with one drive, and an operator who labels blank volumes and goes on with others.
pub(crate) struct Operator {
    pub(crate) kind: Kind,
    drive: DriveName,
    slots: u32,
    fuse: Option<Fuse>,
    /// What the catalogue would know.
    pub(crate) placed: Vec<PartFacts>,
    /// Volumes that failed in this run.
    failed: Vec<Label>,
    /// How often a volume was asked for.
    pub(crate) asked: u32,
    /// How long the records are that go on a volume that is full, and how many volumes have none for lack of room.
    pub(crate) records: Option<usize>,
    pub(crate) without_records: u32,
    /// The volume that fails next loses all that was placed.
    pub(crate) loses_all: bool,
    /// The frame that a volume had no room for, and how long it would have had to be.
    pub(crate) too_small: Option<(Bytes, Bytes)>,
    /// After so many parts the image is to end.
    pub(crate) patience: u32,
}

impl Operator {
    pub(crate) fn with_tapes(slots: u32, block: BlockSize, capacity: Bytes, early: Bytes) -> Self {
        let drive: DriveName = "d0".parse().unwrap();
        let tapes: Vec<_> = (0..slots).map(|_| MemoryTape::new(block, capacity, early)).collect();
        let in_slots = tapes.iter().cloned().map(Some).collect();
        let library = MemoryLibrary::new(std::slice::from_ref(&drive), in_slots);
        Self::new(Kind::Tapes(library, tapes), drive, slots)
    }

    pub(crate) fn with_directories(slots: u32, capacity: Bytes, early: Bytes) -> Self {
        let drive: DriveName = "d0".parse().unwrap();
        // Hundreds of nights are written, each with its flushes; in memory they cost nothing.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        vtape::create(root.path(), slots).unwrap();
        let setup = Setup {
            drives: vec![drive.clone()],
            capacity,
            early_warning: early,
            block: BlockSize::HEADER,
        };
        let library = Library::open(root.path(), setup).unwrap();
        Self::new(Kind::Directories(library, root), drive, slots)
    }

    fn new(kind: Kind, drive: DriveName, slots: u32) -> Self {
        let (placed, failed) = (Vec::new(), Vec::new());
        Self {
            kind,
            drive,
            slots,
            fuse: None,
            placed,
            failed,
            asked: 0,
            records: None,
            without_records: 0,
            loses_all: false,
            too_small: None,
            patience: u32::MAX,
        }
    }

    /// From now on all that the drive does burns this fuse.
    pub(crate) fn light(&mut self, fuse: Fuse) {
        self.fuse = Some(fuse);
    }

    /// A new night: what failed yesterday is tried again.
    pub(crate) fn heal(&mut self) {
        self.fuse = None;
        self.failed.clear();
        self.asked = 0;
    }

    fn changer(&mut self) -> &mut dyn Changer {
        match &mut self.kind {
            Kind::Tapes(library, _) => library,
            Kind::Directories(library, _) => library,
        }
    }

    fn open_drive(&self) -> AnyDrive {
        let drive: AnyDrive = match &self.kind {
            Kind::Tapes(library, _) => Box::new(library.drive(&self.drive).unwrap()),
            Kind::Directories(library, _) => Box::new(library.drive(&self.drive).unwrap()),
        };
        match &self.fuse {
            None => drive,
            Some(fuse) => Box::new(Faulty::new(drive, fuse.clone())),
        }
    }

    /// Puts a slot's cartridge into the drive.
    pub(crate) fn load(&mut self, slot: u32) -> Loaded<AnyDrive> {
        let drive = self.drive.clone();
        let inventory = self.changer().inventory().unwrap();
        let home = inventory.drive(&drive).unwrap().home;
        if home != Some(Slot(slot)) {
            if let Some(home) = home {
                self.changer().unload(&drive, home).unwrap();
            }
            self.changer().load(Slot(slot), &drive).unwrap();
        }
        Loaded::new(self.open_drive())
    }

    pub(crate) fn label_of(slot: u32) -> Label {
        format!("TEST-{slot:02}").parse().unwrap()
    }

    /// What the catalogue knows of a volume.
    fn known(&self, label: &Label) -> Known {
        let parts = self.placed.iter().filter(|part| part.label == *label);
        let last_part = parts.max_by_key(|part| part.file);
        let last = last_part.map_or(LastFile::Label, |part| LastFile::Part {
            file: part.file,
            dump: part.dump,
            part: part.part,
        });
        let objects = last_part.and_then(|part| Some((part.file, part.object?)));
        let objects = objects.into_iter().collect();
        Known { label: label.clone(), written: Some(stamp()), last, objects }
    }

    fn mount_for_writing(&mut self, slot: u32) -> Result<Appending<AnyDrive>, OtherError> {
        let label = Self::label_of(slot);
        let known = self.known(&label);
        Ok(match self.load(slot).identify()? {
            Identified::Blank(blank) => {
                assert_eq!(known.last, LastFile::Label, "nothing that is placed is ever lost");
                blank.label(NewLabel { label, stamp: Some(stamp()), pool: None })?
            }
            Identified::Labelled(mounted) => mounted.append(&known, |_| true)?,
            Identified::Foreign(foreign) => panic!("{}", foreign.what()),
        })
    }

    pub(crate) fn parts(&self, dump: DumpId) -> Vec<PartAt> {
        let mut parts: BTreeMap<_, PartAt> = BTreeMap::new();
        for facts in self.placed.iter().filter(|part| part.dump == dump) {
            let at = PartAt {
                dump,
                part: facts.part,
                label: facts.label.clone(),
                file: facts.file,
                object: facts.object,
                offset: facts.offset,
                bytes: facts.bytes,
                sha256_so_far: Some(facts.sha256_so_far),
            };
            assert!(parts.insert(facts.part, at).is_none(), "a part is placed once");
        }
        parts.into_values().collect()
    }

    pub(crate) fn directory(&self, slot: u32) -> PathBuf {
        match &self.kind {
            Kind::Directories(_, root) => root.path().join(format!("slot{slot}")),
            Kind::Tapes(..) => panic!("tapes have no directory"),
        }
    }
}

impl Volumes<AnyDrive> for Operator {
    fn next_volume(
        &mut self,
        why: Wanted<'_>,
        done: Option<Appending<AnyDrive>>,
    ) -> Result<Appending<AnyDrive>, OtherError> {
        self.asked += 1;
        match why {
            Wanted::First => {}
            Wanted::Full(label) | Wanted::Failed { label, .. } => self.failed.push(label.clone()),
            Wanted::TooSmall { frame } => {
                let volume = done.ok_or("a volume that is only too small is still there")?;
                self.too_small = Some((frame, volume.least_length(frame, Bytes::ZERO)));
                return Err("all volumes are alike".into());
            }
        }
        if let (Some(volume), Some(length)) = (done, self.records) {
            let (_, records, placed) = volume.write_records(stamp(), &vec![7; length])?;
            assert_eq!(placed, [], "a full volume was flushed");
            self.without_records += u32::from(records == Records::NoRoom);
        }
        for slot in 1..=self.slots {
            if !self.failed.contains(&Self::label_of(slot)) {
                match self.mount_for_writing(slot) {
                    Ok(volume) => return Ok(volume),
                    Err(_) => self.failed.push(Self::label_of(slot)),
                }
            }
        }
        Err("all volumes are full or bad".into())
    }

    fn keep_free(&self) -> Bytes {
        let longest = 64 << 10;
        self.records.map_or(Bytes::ZERO, |records| Bytes::of(records + longest))
    }

    fn wish(&mut self) -> Wish {
        self.patience -= 1;
        if self.patience == 0 { Wish::End } else { Wish::GoOn }
    }

    fn is_still_placed(&mut self, _reached: &Reached) -> Result<bool, OtherError> {
        let lost = std::mem::take(&mut self.loses_all);
        if lost {
            self.placed.clear();
        }
        Ok(!lost)
    }

    fn placed(&mut self, part: &Placed) -> Result<(), OtherError> {
        self.placed.push((**part).clone());
        Ok(())
    }
}

impl Mounts<AnyDrive> for Operator {
    fn mount(
        &mut self,
        label: &Label,
        done: Option<Mounted<AnyDrive>>,
    ) -> Result<Mounted<AnyDrive>, OtherError> {
        drop(done);
        for slot in 1..=self.slots {
            if Self::label_of(slot) == *label
                && let Identified::Labelled(mounted) = self.load(slot).identify()?
            {
                return Ok(mounted);
            }
        }
        Err("no such volume".into())
    }
}
