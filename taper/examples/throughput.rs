//! How fast an image goes from a holding disk to a vtape and back, beside what `cp` could do.
//!
//! `cargo run --release -p taper --example throughput -- DIRECTORY MEBIBYTES`
//!
//! It makes an image of that size in DIRECTORY, writes it on a vtape there, reads it back, and copies the
//! same file with plain reads and writes of 512 KiB and an fdatasync, as `dd bs=512k conv=fdatasync` does.
#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use devices::vtape::{self, Library, Setup};
use devices::{Changer, Drive};
use format::contents::{self, Contents, Identity};
use format::frame::{FrameKind, FrameTable, digest};
use format::header::Image;
use taper::clerk::{self, Mounts, PartAt};
use taper::mount::{Appending, Identified, Loaded, Mounted, NewLabel, Placed, Reached};
use taper::scribe::{Chunks, HeldImage, Job, OtherError, Volumes, Wanted, write_image};
use types::{Bytes, DleRef, DriveName, DumpId, FileTime, Label, Level, Slot, Stamp};

const FRAME: usize = 4 << 20;
type AnyDrive = Box<dyn Drive>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("a directory is wanted")?;
    let mebibytes: usize = arguments.next().ok_or("a size is wanted")?.parse()?;
    let directory = Path::new(&directory);
    let stamp: Stamp = "20261123000000".parse()?;
    let dle = DleRef { host: "web".parse()?, dle: "/srv".parse()? };
    let image = directory.join("image");
    make_image(&image, mebibytes, &dle, stamp)?;

    let library = directory.join("library");
    vtape::create(&library, 1)?;
    let drive: DriveName = "d0".parse()?;
    let setup = Setup::with_capacity(drive.clone(), Bytes::GIB.times(1000));
    let mut library = Library::open(&library, setup)?;
    library.load(Slot(1), &drive)?;
    let boxed: AnyDrive = Box::new(library.drive(&drive)?);
    let mut operator = Operator { label: "V1".parse()?, stamp, drive: Some(boxed), parts: vec![] };

    for round in 1..=3 {
        let seconds = timed(|| copy(&image, &directory.join("copy")))?;
        report(round, "plain copy", mebibytes, seconds);
        operator.parts.clear();
        let mut source = HeldImage::open(Chunks::open(&[&image])?)?;
        let job = Job {
            image: header(&dle, stamp),
            part_size: Some(Bytes::GIB),
            commit_every: Bytes::GIB.times(4),
        };
        let seconds = timed(|| {
            let from = Reached::beginning();
            let done = write_image(&job, &mut source, from, None, &mut operator)?;
            operator.drive = done.volume.map(Appending::into_drive);
            Ok(())
        })?;
        report(round, "scribe", mebibytes, seconds);
        let parts = std::mem::take(&mut operator.parts);
        let seconds = timed(|| {
            let volume = clerk::copy_image(&parts, None, &mut operator, &mut |_| Ok(()))?;
            operator.drive = volume.map(Mounted::into_drive);
            Ok(())
        })?;
        report(round, "clerk", mebibytes, seconds);
    }
    Ok(())
}

/// Seconds by the clock, and seconds that this thread was at work: on a busy machine the second tell more.
fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<[f64; 2], Box<dyn Error>> {
    let (begun, worked) = (Instant::now(), at_work()?);
    work()?;
    Ok([begun.elapsed().as_secs_f64(), at_work()? - worked])
}

fn at_work() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = text.split(' ').next().ok_or("no time in schedstat")?.parse()?;
    Ok(nanos as f64 / 1e9)
}

fn report(round: u32, what: &str, mebibytes: usize, seconds: [f64; 2]) {
    let [elapsed, worked] = seconds.map(|seconds| mebibytes as f64 / seconds);
    println!(
        "{round} {what:<12} {elapsed:>7.0} MiB/s, {worked:>7.0} MiB in a second of its thread"
    );
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut buffer = vec![0; 512 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            length => to.write_all(&buffer[..length])?,
        }
    }
    Ok(to.sync_data()?)
}

fn header(dle: &DleRef, stamp: Stamp) -> Image<'_> {
    let dump = DumpId([1; 16]);
    Image {
        stamp,
        dle,
        level: Level::FULL,
        dump,
        base: None,
        raw: None,
        stored: None,
        crc32c: None,
    }
}

fn make_image(
    path: &Path,
    mebibytes: usize,
    dle: &DleRef,
    run: Stamp,
) -> Result<(), Box<dyn Error>> {
    let mut file = File::create(path)?;
    file.write_all(&[0; 32 << 10])?;
    let mut frames = FrameTable::new();
    let mut frame = vec![0; FRAME];
    File::open("/dev/urandom")?.read_exact(&mut frame)?;
    for number in 0..mebibytes * (1 << 20) / FRAME {
        frame[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let length = u32::try_from(FRAME)?;
        // The hashes are not looked at here, and making them would take longer than all the rest.
        frames.push(FrameKind::B, length, length, digest(b""));
        file.write_all(&frame)?;
    }
    let identity = Identity {
        version: contents::VERSION,
        host: dle.host.clone(),
        dle: dle.dle.clone(),
        level: Level::FULL,
        dump: DumpId([1; 16]),
        base: None,
        run,
        started: FileTime::default(),
        finished: FileTime::default(),
        program: "throughput".to_owned(),
        system: String::new(),
        frame_size: u32::try_from(FRAME)?,
        entries: 0,
        gone: 0,
        raw_bytes: 0,
        strange: 0,
    };
    file.write_all(&contents::encode(&Contents { identity, frames, index: Vec::new() })?)?;
    Ok(file.sync_all()?)
}

/// One volume in one drive, written afresh each time.
struct Operator {
    label: Label,
    stamp: Stamp,
    drive: Option<AnyDrive>,
    parts: Vec<PartAt>,
}

impl Operator {
    fn loaded(&mut self) -> Result<Loaded<AnyDrive>, OtherError> {
        Ok(Loaded::new(self.drive.take().ok_or("the drive is in use")?))
    }
}

impl Volumes<AnyDrive> for Operator {
    fn next_volume(
        &mut self,
        _why: Wanted<'_>,
        _done: Option<Appending<AnyDrive>>,
    ) -> Result<Appending<AnyDrive>, OtherError> {
        let label = NewLabel { label: self.label.clone(), stamp: Some(self.stamp), pool: None };
        match self.loaded()?.identify()? {
            Identified::Blank(blank) => Ok(blank.label(label)?),
            // Round two: nobody needs what round one wrote.
            Identified::Labelled(mounted) => {
                let mut drive = mounted.into_drive();
                drive.rewind()?;
                drive.write_filemark()?;
                drive.flush()?;
                self.drive = Some(drive);
                match self.loaded()?.identify()? {
                    Identified::Blank(blank) => Ok(blank.label(label)?),
                    _ => Err("the volume could not be erased".into()),
                }
            }
            Identified::Foreign(foreign) => Err(foreign.what().into()),
        }
    }

    fn placed(&mut self, part: &Placed) -> Result<(), OtherError> {
        self.parts.push(part.into());
        Ok(())
    }
}

impl Mounts<AnyDrive> for Operator {
    fn mount(
        &mut self,
        _label: &Label,
        _done: Option<Mounted<AnyDrive>>,
    ) -> Result<Mounted<AnyDrive>, OtherError> {
        match self.loaded()?.identify()? {
            Identified::Labelled(mounted) => Ok(mounted),
            _ => Err("the volume is gone".into()),
        }
    }
}
