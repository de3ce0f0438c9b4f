//! How long things take by the virtual clock.

use std::time::Duration;

use super::{Bench, DRIVE, Generation, one, said, tape, write};
use crate::emulator::{CartridgeSetup, Library, Pace, Setup, Spot, Streaming};
use crate::scsi::Status;

const BLOCK: usize = 512 << 10;

/// Writes so many GB of one block that does not compress, at so many bytes a millisecond.
fn night(generation: Generation, source: u64, gigabytes: u64) -> (Streaming, Duration) {
    let bench = Bench::new(one(generation).with(tape(generation)));
    let began = bench.library.now();
    let mut uncompressed = [0; 20];
    (uncompressed[2], uncompressed[4], uncompressed[5]) = (0x10, 0x0f, 0x0e);
    bench.ok(&[0x15, 0x10, 0, 0, 20, 0], &uncompressed, 0);
    let block = vec![7; BLOCK];
    for _ in 0..gigabytes * 1_000_000_000 / BLOCK as u64 {
        let took = bench.run(super::US, &write(BLOCK), &block, 0).took;
        let make = Duration::from_nanos(BLOCK as u64 * 1_000_000 / source);
        bench.pause(make.saturating_sub(took));
    }
    bench.flush();
    (bench.library.streaming(DRIVE), bench.library.now() - began)
}

#[test]
fn a_source_as_fast_as_the_drive_streams() {
    let (streaming, time) = night(Generation::Lto8, 360_000, 3);
    assert!(streaming.percent() >= 95 && streaming.backhitches == 0, "{streaming:?}");
    assert!((8..14).contains(&time.as_secs()), "{time:?}");
}

#[test]
fn a_source_too_slow_for_the_drive_shoe_shines() {
    let (streaming, _) = night(Generation::Lto9, 90_000, 4);
    assert!(streaming.backhitches >= 2 && streaming.percent() < 80, "{streaming:?}");
}

fn virtually(setup: Setup) -> Library {
    Library::new(setup)
}

fn ready(library: &Library) -> (Status, Option<super::Said>) {
    let answer = library.execute(DRIVE, super::US, &[0; 6], &[], 0).unwrap();
    (answer.status, (answer.status != Status::Good).then(|| super::said_in(&answer)))
}

#[test]
fn a_drive_needs_its_time_to_load() {
    let library = virtually(one(Generation::Lto8).with(tape(Generation::Lto8)));
    assert_eq!(ready(&library).1.unwrap().code, (0x29, 0));
    library.pass_time(DRIVE, Duration::from_secs(10));
    assert_eq!(ready(&library).1, Some(said(2, (4, 1), 0, None)));
    library.pass_time(DRIVE, Duration::from_secs(6));
    assert_eq!(ready(&library).1.unwrap().code, (0x28, 0));
    assert_eq!(ready(&library).0, Status::Good);
}

#[test]
fn a_new_lto_9_cartridge_is_calibrated_for_longer_than_any_timeout() {
    let new = CartridgeSetup { calibrated: false, ..tape(Generation::Lto9) };
    let library = virtually(one(Generation::Lto9).with(new));
    ready(&library);
    library.pass_time(DRIVE, Duration::from_secs(20 * 60));
    assert_eq!(ready(&library).1.unwrap().code, (4, 1));
    let status = library.execute(DRIVE, super::US, &[0x4d, 0, 0x51, 0, 0, 0, 0, 1, 0, 0], &[], 256);
    assert_eq!(status.unwrap().data[10], 0x0b, "calibrating");
    let unload = library.execute(DRIVE, super::US, &[0x1b, 0, 0, 0, 0, 0], &[], 0).unwrap();
    assert_eq!(super::said_in(&unload).key, 2);
    library.pass_time(DRIVE, Duration::from_secs(21 * 60));
    assert_eq!(ready(&library).1.unwrap().code, (0x28, 0));
    assert_eq!(ready(&library).0, Status::Good);
}

#[test]
fn an_lto_9_drive_takes_long_to_unload() {
    let bench = Bench::new(one(Generation::Lto9).with(tape(Generation::Lto9)));
    let unload = bench.run(super::US, &[0x1b, 0, 0, 0, 0, 0], &[], 0);
    assert!((80..95).contains(&unload.took.as_secs()), "{:?}", unload.took);
    let bench = Bench::lto8();
    let unload = bench.run(super::US, &[0x1b, 0, 0, 0, 0, 0], &[], 0);
    assert!((20..30).contains(&unload.took.as_secs()), "{:?}", unload.took);
}

#[test]
fn two_drives_work_side_by_side() {
    let setup = Setup::of(&crate::emulator::DriveModel::ibm(Generation::Lto8), 2, 2, 0)
        .with(tape(Generation::Lto8))
        .with(CartridgeSetup::blank(Spot::Drive(1), "RK0002L8", Generation::Lto8));
    let library = virtually(setup);
    library.set_pace(Pace::Instant);
    let block = super::noise(1, BLOCK);
    for lun in [1, 2].map(crate::emulator::Lun) {
        for _ in 0..3 {
            library.execute(lun, super::US, &[0; 6], &[], 0).unwrap();
        }
    }
    let began = library.now();
    for _ in 0..4000 {
        for lun in [1, 2].map(crate::emulator::Lun) {
            let answer = library.execute(lun, super::US, &write(BLOCK), &block, 0).unwrap();
            assert_eq!(answer.status, Status::Good);
        }
    }
    let rate = 4000 * BLOCK as u64 / 1_000_000 / (library.now() - began).as_secs();
    assert!(rate > 300, "each of the two writes at {rate} MB/s");
    assert_eq!(library.streaming(DRIVE).backhitches, 0);
}
