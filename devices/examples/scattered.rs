//! How long it takes to read scattered blocks from a long tape, by the virtual clock of emulated drives.
//!
//! `cargo run --release -p devices --example scattered`
//!
//! An LTO-9 that orders a list itself and an LTO-8 that does not hold one image of 6 TB; 1 to 10 000 blocks of
//! 512 KiB are wanted of it, each with a small file. They are read
//!
//! - by their numbers, with a locate for each;
//! - by their numbers, but reading on where the next is nearer than a locate is worth;
//! - in the order of [`TapeDrive::order_for_reading`], with a locate for each;
//! - in that order of *stretches*: blocks between which reading on is worth more than a locate are one. So the clerk
//!   reads.
//!
//! Locates and reads are commands to the emulator. What is read on is reckoned at the speed that it reads at: a
//! whole image would take hours to emulate. Nothing is known to the emulator of the time that a turn at the end
//! of a wrap takes, or of errors.
#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;
use std::time::Duration;

use devices::emulator::{
    CartridgeSetup, DriveModel, EmulatedDevice, Generation, Library, Lun, Nexus, Pace, Setup, Spot,
};
use devices::ssc::{self, Segment, TapeDrive};
use devices::{Drive, Met, Position};
use types::{FileNo, ObjectNo};

const DRIVE: Lun = Lun(1);
const BARCODE: &str = "RK0001";
const BLOCK: u32 = 512 << 10;
const IMAGE: u64 = 6_000_000_000_000 / BLOCK as u64;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<6}{:>7}{:>13}{:>14}{:>13}{:>21}{:>16}",
        "drive",
        "files",
        "by number s",
        "reading on s",
        "in order s",
        "stretches in order s",
        "all of it s"
    );
    for generation in [Generation::Lto8, Generation::Lto9] {
        for files in [1, 100, 300, 1_000, 3_000, 10_000] {
            let mut reading = Reading::of(generation)?;
            let wanted = scattered(files);
            let [number, on] = reading.by_number(&wanted)?;
            let order = reading.in_order(&wanted)?;
            let stretches = reading.stretches_in_order(&wanted)?;
            let all = reading.reading_on(IMAGE);
            let [number, on, order, stretches, all] =
                [number, on, order, stretches, all].map(|time| time.as_secs());
            println!(
                "{:<6}{files:>7}{number:>13}{on:>14}{order:>13}{stretches:>21}{all:>16}",
                format!("{generation:?}")
            );
        }
    }
    Ok(())
}

/// So many places in the image, the same in every run, in their order.
fn scattered(count: usize) -> Vec<u64> {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut places: Vec<u64> = std::iter::repeat_with(|| {
        // Xorshift, by Marsaglia.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % IMAGE
    })
    .take(count)
    .collect();
    places.sort_unstable();
    places
}

/// A drive with the image in it.
struct Reading {
    library: Library,
    drive: TapeDrive<EmulatedDevice>,
    /// How long a block takes that is read on.
    block: Duration,
    buffer: Vec<u8>,
}

/// Blocks between which the drive reads on.
struct Stretch {
    first: u64,
    last: u64,
}

impl Reading {
    fn of(generation: Generation) -> Result<Self, Box<dyn Error>> {
        let cartridge = CartridgeSetup::blank(Spot::Drive(0), BARCODE, generation);
        let model = DriveModel::ibm(generation);
        let library = Library::new(Setup::of(&model, 1, 1, 0).with(cartridge));
        library.set_pace(Pace::Instant);
        if !library.fill(BARCODE, IMAGE, BLOCK) {
            return Err("the cartridge is not there".into());
        }
        let transport = library.transport(DRIVE, Nexus(1));
        let drive = TapeDrive::new("d0".parse()?, transport, ssc::Setup::default());
        let mut reading =
            Self { library, drive, block: Duration::ZERO, buffer: vec![0; BLOCK as usize] };
        reading.block = reading.time_of_a_block()?;
        Ok(reading)
    }

    /// By what two thousand blocks in a row take.
    fn time_of_a_block(&mut self) -> Result<Duration, Box<dyn Error>> {
        const BLOCKS: u32 = 2000;
        self.drive.rewind()?;
        let begun = self.library.now();
        for _ in 0..BLOCKS {
            self.read()?;
        }
        Ok((self.library.now() - begun) / BLOCKS)
    }

    fn reading_on(&self, blocks: u64) -> Duration {
        self.block.mul_f64(blocks as f64)
    }

    /// Whether it is worth more to read on over so many blocks than to locate.
    fn is_near(&self, blocks: u64) -> bool {
        blocks * u64::from(BLOCK) < self.drive.limits().worth_a_locate.0
    }

    /// Goes to a block and reads it: how long the way took, and the reading.
    fn fetch(&mut self, object: u64) -> Result<[Duration; 2], Box<dyn Error>> {
        let begun = self.library.now();
        self.drive.locate(Position { file: FileNo(0), block: object })?;
        let there = self.library.now();
        self.read()?;
        Ok([there - begun, self.library.now() - there])
    }

    fn read(&mut self) -> Result<(), Box<dyn Error>> {
        match self.drive.read_block(&mut self.buffer)? {
            Met::Block(_) => Ok(()),
            other => Err(format!("there is no block, but {other:?}").into()),
        }
    }

    /// With a locate for each, and reading on where the next is near.
    fn by_number(&mut self, wanted: &[u64]) -> Result<[Duration; 2], Box<dyn Error>> {
        self.drive.rewind()?;
        let (mut locating, mut on) = (Duration::ZERO, Duration::ZERO);
        let mut behind = None;
        for &object in wanted {
            let [way, read] = self.fetch(object)?;
            locating += way + read;
            let gap = behind.map(|behind| object.saturating_sub(behind));
            let near = gap.filter(|&gap| self.is_near(gap)).map(|gap| self.reading_on(gap));
            on += near.unwrap_or(way) + read;
            behind = Some(object + 1);
        }
        Ok([locating, on])
    }

    fn in_order(&mut self, wanted: &[u64]) -> Result<Duration, Box<dyn Error>> {
        let each = wanted.iter().map(|&object| Stretch { first: object, last: object });
        self.read_in_order(&each.collect::<Vec<_>>())
    }

    fn stretches_in_order(&mut self, wanted: &[u64]) -> Result<Duration, Box<dyn Error>> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for &object in wanted {
            match stretches.last_mut() {
                Some(stretch) if self.is_near(object - stretch.last) => stretch.last = object,
                _ => stretches.push(Stretch { first: object, last: object }),
            }
        }
        self.read_in_order(&stretches)
    }

    fn read_in_order(&mut self, stretches: &[Stretch]) -> Result<Duration, Box<dyn Error>> {
        self.drive.rewind()?;
        let segments: Vec<Segment> = stretches
            .iter()
            .map(|it| Segment { first: ObjectNo(it.first), last: ObjectNo(it.last) })
            .collect();
        let mut time = Duration::ZERO;
        for index in self.drive.order_for_reading(&segments)? {
            let Some(stretch) = stretches.get(index) else { continue };
            let [way, read] = self.fetch(stretch.first)?;
            time += way + read;
            if stretch.last > stretch.first {
                time += self.reading_on(stretch.last - stretch.first);
                // The tape goes there, for the next way begins there; its time was reckoned above.
                self.fetch(stretch.last)?;
            }
        }
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_saves_a_third_of_the_time_for_a_hundred_files() {
        for generation in [Generation::Lto8, Generation::Lto9] {
            let mut reading = Reading::of(generation).unwrap();
            let wanted = scattered(100);
            let [by_number, _] = reading.by_number(&wanted).unwrap();
            let in_order = reading.in_order(&wanted).unwrap();
            assert!(in_order * 3 < by_number * 2, "{generation:?}: {in_order:?} of {by_number:?}");
        }
    }

    #[test]
    fn to_read_on_where_it_is_near_and_locate_where_it_is_far_is_sooner_than_either_alone() {
        for generation in [Generation::Lto8, Generation::Lto9] {
            let mut reading = Reading::of(generation).unwrap();
            let wanted = scattered(300);
            let [_, on] = reading.by_number(&wanted).unwrap();
            let in_order = reading.in_order(&wanted).unwrap();
            let both = reading.stretches_in_order(&wanted).unwrap();
            assert!(both < on.min(in_order), "{generation:?}: {both:?} of {on:?}, {in_order:?}");
        }
    }

    #[test]
    fn ten_thousand_files_are_read_on_rather_than_located_one_by_one() {
        let mut reading = Reading::of(Generation::Lto9).unwrap();
        // Every tenth of them, in a tenth of the image: as dense, and tested sooner.
        let wanted: Vec<u64> = scattered(1000).iter().map(|place| place / 10).collect();
        let [by_number, on] = reading.by_number(&wanted).unwrap();
        assert!(on * 2 < by_number, "{on:?} of {by_number:?}");
        let all = reading.reading_on(IMAGE / 10);
        assert!(on < all + Duration::from_secs(60), "{on:?}, and all of it in {all:?}");
    }
}
