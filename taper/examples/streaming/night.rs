//! One image through scribe and ring onto an emulated drive, from a disk that is as fast as one says.

use std::error::Error;
use std::time::Duration;

use devices::emulator::{
    CartridgeSetup, DriveModel, EmulatedDevice, Generation, Library, Lun, Nexus, Pace, Setup, Spot,
    Streaming,
};
use devices::ssc::{self, TapeDrive};
use format::header::Image;
use taper::mount::{Appending, Identified, Loaded, NewLabel, Placed, Reached};
use taper::scribe::{
    Feed, FramePlace, ImageSource, Job, OtherError, Ring, SourceError, VirtualDisk, Volumes,
    Wanted, ahead_by_turns, write_image,
};
use types::{Bytes, DleRef, DumpId, Level, Stamp};

type Tape = TapeDrive<EmulatedDevice>;

const DRIVE: Lun = Lun(1);
const FRAME: u64 = 4 << 20;

/// Which drive, which disk, which ring, how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) generation: Generation,
    /// What the disk reads, in MB a second.
    pub(crate) disk: u64,
    pub(crate) ring: Bytes,
    pub(crate) image: Bytes,
}

/// How it went, by the virtual clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Night {
    /// From the first block to the end of the flush behind the last.
    pub(crate) time: Duration,
    pub(crate) streaming: Streaming,
    pub(crate) feed: Feed,
}

impl Case {
    /// Writes the image.
    pub(crate) fn play(&self) -> Result<Night, Box<dyn Error>> {
        let cartridge = CartridgeSetup::blank(Spot::Drive(0), "RK0001", self.generation);
        let model = DriveModel::ibm(self.generation);
        let library = Library::new(Setup::of(&model, 1, 1, 0).with(cartridge));
        // Loading is not what is measured.
        library.set_pace(Pace::Instant);
        let volume = labelled(&library)?;
        let (begun, before) = (library.now(), library.streaming(DRIVE));

        let (dle, stamp) = (DleRef { host: "web".parse()?, dle: "/srv".parse()? }, stamp()?);
        let job = Job {
            image: image(&dle, stamp),
            part_size: Some(Bytes::GIB.times(2)),
            commit_every: Bytes::GIB.times(1000),
        };
        let clock = || library.now();
        let pause = |time| library.pass_time(DRIVE, time);
        let ring = Ring { capacity: self.ring, clock: &clock };
        let disk = VirtualDisk { bytes_per_second: self.disk * 1_000_000, pause: &pause };
        let frames = u32::try_from(self.image.0 / FRAME)?;
        let mut source = OneByte { frames, at: FramePlace::default(), taken: 0 };
        let (written, feed) = ahead_by_turns(&mut source, &ring, &disk, |source| {
            write_image(&job, source, Reached::beginning(), Some(volume), &mut OneVolume)
        });
        written?;
        let time = library.now() - begun;
        Ok(Night { time, streaming: since(library.streaming(DRIVE), before), feed })
    }
}

fn since(now: Streaming, before: Streaming) -> Streaming {
    Streaming {
        moving: now.moving - before.moving,
        starved: now.starved - before.starved,
        synchronising: now.synchronising - before.synchronising,
        backhitches: now.backhitches - before.backhitches,
        flushes: now.flushes - before.flushes,
        bytes: now.bytes - before.bytes,
    }
}

fn stamp() -> Result<Stamp, Box<dyn Error>> {
    Ok("20261123000000".parse()?)
}

fn image(dle: &DleRef, stamp: Stamp) -> Image<'_> {
    Image {
        stamp,
        dle,
        level: Level::FULL,
        dump: DumpId([1; 16]),
        base: None,
        raw: None,
        stored: None,
        crc32c: None,
    }
}

fn labelled(library: &Library) -> Result<Appending<Tape>, Box<dyn Error>> {
    let transport = library.transport(DRIVE, Nexus(1));
    let drive = TapeDrive::new("d0".parse()?, transport, ssc::Setup::default());
    match Loaded::new(drive).identify()? {
        Identified::Blank(blank) => {
            let label = NewLabel { label: "V1".parse()?, stamp: Some(stamp()?), pool: None };
            Ok(blank.label(label)?)
        }
        _ => Err("a new cartridge is not blank".into()),
    }
}

/// An image of the same byte over and over: the emulator keeps blocks of it in no memory.
struct OneByte {
    frames: u32,
    at: FramePlace,
    taken: u64,
}

impl ImageSource for OneByte {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        if self.taken == FRAME {
            self.at.frame += 1;
            self.at.offset += Bytes(FRAME);
            self.taken = 0;
        }
        Ok((self.at.frame < self.frames).then_some(FRAME))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        buffer.fill(7);
        self.taken += buffer.len() as u64;
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        (self.at, self.taken) = (place, 0);
        Ok(())
    }

    fn placed(&mut self, _place: FramePlace) {}
}

/// There is one volume, and it is large enough.
struct OneVolume;

impl Volumes<Tape> for OneVolume {
    fn next_volume(
        &mut self,
        _why: Wanted<'_>,
        _done: Option<Appending<Tape>>,
    ) -> Result<Appending<Tape>, OtherError> {
        Err("there is no other volume".into())
    }

    fn placed(&mut self, _part: &Placed) -> Result<(), OtherError> {
        Ok(())
    }
}
