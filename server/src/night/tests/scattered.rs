//! A hundred small files out of an image of six terabytes, read as a restore reads them, by the drive's own clock.
//!
//! The image is one part behind a night's records, whose blocks the emulator makes up: whoever wants one gets
//! zeros. What is measured is the way of the tape.

use std::time::Duration;

use devices::emulator::{CartridgeSetup, Generation, Spot};
use format::frame::{Frame, FrameKind, FrameTable, digest};
use taper::catalogue::{Dump, DumpStatus, Located, Part, VolumeEnd};
use types::{Bytes, FileNo, Label, ObjectNo, PartNo};

use super::world::{Make, World};
use super::*;
use crate::restore::image::Image;
use crate::restore::libraries::Libraries;

const BARCODE: &str = "BIG001";
const BLOCK: u32 = 64 << 10;
const IMAGE: u64 = 6_000_000_000_000;
const BLOCKS: u64 = IMAGE / BLOCK as u64 + 1;
const FILE: u32 = 100_000;
const FILES: u64 = 100;

/// A site whose only cartridge has the image behind what a night wrote, and which of its frames are wanted.
struct Large {
    world: World,
    located: Located,
    wanted: Vec<Frame>,
}

impl Large {
    fn of(name: &'static str, generation: Generation) -> Self {
        let mut world = World::new(Make { cartridges: 0, generation: name, ..Make::default() });
        world.add(1, CartridgeSetup::blank(Spot::Slot(0), BARCODE, generation));
        world.hold(1, 3);
        assert_eq!(world.night().outcome, Outcome::Good);
        assert!(world.tapes.fill(BARCODE, BLOCKS, BLOCK));
        let (table, wanted) = frames();
        let located = recorded(&world, &table);
        Self { world, located, wanted }
    }

    /// How long it takes until the last of them was read, in the order of the restore or as they are numbered.
    fn time(&self, ordered: bool) -> Duration {
        let catalogue = self.world.catalogue();
        let mut libraries = Libraries::of(&self.world.site.config);
        let mut image =
            Image::open(&self.located, &catalogue, &mut |name| libraries.library(name)).unwrap();
        let mut bytes = Vec::new();
        // The volume is mounted, and the drive stands at its beginning.
        image.read(&self.wanted[0], &mut bytes).unwrap();
        let begun = self.world.tapes.now();
        let stretches: Vec<_> = self.wanted.iter().map(|it| it.offset..it.end()).collect();
        let mut left: Vec<usize> = (0..self.wanted.len()).collect();
        let mut read = 0;
        while !left.is_empty() {
            let next = match ordered {
                true => image.next_to_read(&stretches, &mut left),
                false => std::mem::take(&mut left),
            };
            for index in next {
                image.read(&self.wanted[index], &mut bytes).unwrap();
                read += 1;
            }
        }
        assert_eq!(read, self.wanted.len());
        self.world.tapes.now() - begun
    }
}

/// Small frames in the middle of much else, the same in every run, and the first two close together.
fn frames() -> (FrameTable, Vec<Frame>) {
    let (mut table, mut wanted) = (FrameTable::new(), Vec::new());
    let zeros = digest(&[0; FILE as usize]);
    let mut chance = 99_u64;
    for _ in 0..FILES {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        let mut gap = IMAGE / FILES / 4 + (chance >> 32) % (IMAGE / FILES);
        if wanted.len() == 1 {
            gap = 10 << 20;
        }
        while gap > 0 {
            let stored = u32::try_from(gap).unwrap_or(u32::MAX);
            table.push(FrameKind::S, stored, stored, digest(b""));
            gap -= u64::from(stored);
        }
        table.push(FrameKind::S, FILE, FILE, zeros);
        wanted.push(*table.get(u32::try_from(table.len() - 1).unwrap()).unwrap());
    }
    assert!(table.stored_len() < IMAGE, "{}", table.stored_len());
    (table, wanted)
}

/// The catalogue, when it knows of the image.
fn recorded(world: &World, table: &FrameTable) -> Located {
    let mut catalogue = world.catalogue();
    let label: Label = "N-01".parse().unwrap();
    let storage = world.site.config.storages[0].name.clone();
    let placed = catalogue.parts_on(&label).unwrap();
    let volume = catalogue.volume(&label).unwrap();
    let pattern = catalogue.dump(placed[0].dump).unwrap().dump;
    let (run, end) = (pattern.run, volume.end);
    let dump = Dump {
        id: DumpId::new(1_792_000_000_000, [200; 10]),
        status: DumpStatus::Good,
        stored: Bytes(IMAGE),
        frames: u32::try_from(table.len()).unwrap(),
        ..pattern
    };
    catalogue.begin_direct(&dump).unwrap();
    let part = Part {
        dump: dump.id,
        storage: storage.clone(),
        no: PartNo::FIRST,
        run,
        label,
        file: end.file,
        object: end.object,
        first_frame: 0,
        last_frame: 0,
        offset: Bytes(0),
        bytes: Bytes(IMAGE),
        sha_so_far: None,
        crc_so_far: None,
    };
    let behind = VolumeEnd { file: FileNo(end.file.0 + 1), object: None::<ObjectNo> };
    catalogue.record_placed(&part, behind).unwrap();
    catalogue.finish_direct(&dump, &[], &storage, run).unwrap();
    catalogue.dump(dump.id).unwrap()
}

#[test]
fn a_hundred_scattered_files_are_restored_in_the_order_of_the_tape() {
    // In MB/s, as each reads on.
    for (name, generation, speed) in
        [("LTO-8", Generation::Lto8, 360), ("LTO-9", Generation::Lto9, 400)]
    {
        let large = Large::of(name, generation);
        let by_number = large.time(false);
        let ordered = large.time(true);
        let all = Duration::from_secs(IMAGE / 1_000_000 / speed);
        assert!(ordered * 2 < by_number, "{name}: {ordered:?} of {by_number:?}");
        assert!(ordered * 5 < all, "{name}: {ordered:?} of {all:?}");
    }
}
