//! How fast an image goes from a holding disk to a volume and back, beside `dd`.
//!
//! `cargo run --release -p taper --example throughput -- DIRECTORY MEBIBYTES [TAPE]`
//!
//! It makes an image of that size in DIRECTORY, writes it on a vtape there, or on the cartridge in the drive
//! TAPE (a node like /dev/nst0, whose contents are lost), and reads it back. `dd` moves the same image, in
//! blocks of 512 KiB, to a file and synced, or to the same tape. `benches/tape.py` makes a table of it.
#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use devices::st::StDrive;
use devices::vtape::{self, Library, Setup};
use devices::{Changer, Drive};
use format::frame::{FrameKind, FrameTable, digest};
use taper::clerk::{self, Mounts};
use taper::mount::{Appending, Mounted, Reached};
use taper::scribe::{Chunks, HeldImage, Job, Volumes, Wanted, write_image};
use types::{BlockSize, Bytes, DleRef, DriveName, Label, Slot, Stamp};

mod one_volume;

use one_volume::OneVolume;

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

    let tape = arguments.next().map(PathBuf::from);
    let open = || -> Result<AnyDrive, Box<dyn Error>> {
        match &tape {
            Some(tape) => Ok(Box::new(StDrive::new("d0".parse()?, tape, BlockSize::TAPE)?)),
            None => vtape(&directory.join("library")),
        }
    };
    let label: Label = "V1".parse()?;
    let mut operator = OneVolume::new(label.clone(), stamp);

    for round in 1..=3 {
        let copy = directory.join("copy");
        // The drive is another program's for a moment.
        drop(operator.drive.take());
        let to = tape.as_deref().unwrap_or(&copy);
        report(round, "dd write", mebibytes, dd(&image, to, tape.is_some())?);
        report(round, "dd read", mebibytes, dd(to, Path::new("/dev/null"), tape.is_some())?);
        operator.drive = Some(open()?);
        operator.parts.clear();
        let mut source = HeldImage::open(Chunks::open(&[&image])?)?;
        let job = Job {
            image: one_volume::image(&dle, stamp),
            part_size: Some(Bytes::GIB),
            commit_every: Bytes::GIB.times(4),
        };
        // The label is written, and read, once a volume, and not for every image: `dd` has no label either.
        let blank =
            operator.next_volume(Wanted::First, None).map_err(|error| error as Box<dyn Error>)?;
        let seconds = timed(|| {
            let from = Reached::beginning();
            let done = write_image(&job, &mut source, from, Some(blank), &mut operator)?;
            operator.drive = done.volume.map(Appending::into_drive);
            Ok(())
        })?;
        report(round, "scribe", mebibytes, seconds);
        let parts = std::mem::take(&mut operator.parts);
        let mounted = operator.mount(&label, None).map_err(|error| error as Box<dyn Error>)?;
        let seconds = timed(|| {
            let volume = clerk::copy_image(&parts, Some(mounted), &mut operator, &mut |_| Ok(()))?;
            operator.drive = volume.map(Mounted::into_drive);
            Ok(())
        })?;
        report(round, "clerk", mebibytes, seconds);
    }
    Ok(())
}

/// A library of one vtape, with its cartridge in the drive.
fn vtape(path: &Path) -> Result<AnyDrive, Box<dyn Error>> {
    if !path.exists() {
        vtape::create(path, 1)?;
    }
    let drive: DriveName = "d0".parse()?;
    let mut library =
        Library::open(path, Setup::with_capacity(drive.clone(), Bytes::GIB.times(1000)))?;
    // It is there already in the second round.
    library.load(Slot(1), &drive).or_else(|error| match library.inventory() {
        Ok(seen) if seen.drive(&drive).is_some_and(|bay| bay.cartridge.is_some()) => Ok(()),
        _ => Err(error),
    })?;
    Ok(Box::new(library.drive(&drive)?))
}

/// Seconds by the clock.
fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn report(round: u32, what: &str, mebibytes: usize, seconds: f64) {
    println!("{round} {what:<9} {:>7.0} MiB/s", mebibytes as f64 / seconds);
}

/// Copies with `dd`. A tape is rewound before, and its filemark is written when `dd` closes it.
fn dd(from: &Path, to: &Path, tape: bool) -> Result<f64, Box<dyn Error>> {
    let name = |what: &str, path: &Path| format!("{what}={}", path.display());
    let mut dd = Command::new("dd");
    dd.args(["bs=512k", "status=none", &name("if", from), &name("of", to)]);
    match tape {
        true => {
            let node = if to == Path::new("/dev/null") { from } else { to };
            run(Command::new("mt").arg("-f").arg(node).arg("rewind"))?;
        }
        false if to != Path::new("/dev/null") => drop(dd.arg("conv=fdatasync")),
        false => {}
    }
    timed(|| run(&mut dd))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed").into()),
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
    file.write_all(&one_volume::end(dle, run, frames)?)?;
    Ok(file.sync_all()?)
}
