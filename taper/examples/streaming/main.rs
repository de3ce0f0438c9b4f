//! Whether a tape streams, and what a disk that is too slow costs, by the virtual clock of emulated drives.
//!
//! `cargo run --release -p taper --example streaming -- [GIBIBYTES [MB/S]]`
//!
//! With a speed, only disks of that speed are tried.
//!
//! An image goes through scribe and ring onto an LTO-8 and an LTO-9, from holding disks slower than, as fast as and
//! faster than the drive. Nothing waits: the time is what the emulator's model of buffer, speeds and backhitches
//! says, so the figures are the same on every machine.
#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;

use devices::emulator::Generation;
use types::Bytes;

mod night;

use night::{Case, Night};

/// The ring that storages on tape have unless the configuration says otherwise.
const RING: u64 = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let gibibytes = std::env::args().nth(1).map_or(Ok(8), |text| text.parse())?;
    let only: Option<u64> = std::env::args().nth(2).map(|text| text.parse()).transpose()?;
    let tried = |disk: u64| only.is_none_or(|only| only == disk);
    println!(
        "{:<6}{:>10}{:>10}{:>9}{:>7}{:>10}{:>12}{:>9}{:>10}  the report says",
        "drive",
        "disk MB/s",
        "ring MiB",
        "seconds",
        "MB/s",
        "streamed",
        "backhitches",
        "stopped",
        "waited s"
    );
    let speeds = [
        (Generation::Lto8, [60, 112, 240, 365, 1000]),
        (Generation::Lto9, [90, 177, 300, 408, 1000]),
    ];
    for (generation, disks) in speeds {
        for disk in disks.into_iter().filter(|&disk| tried(disk)) {
            show(generation, disk, RING, gibibytes)?;
        }
        for ring in [8, 2048, 8192].into_iter().filter(|_| tried(disks[0])) {
            show(generation, disks[0], ring, gibibytes)?;
        }
    }
    Ok(())
}

fn show(
    generation: Generation,
    disk: u64,
    ring: u64,
    gibibytes: u64,
) -> Result<(), Box<dyn Error>> {
    let image = Bytes::GIB.times(gibibytes);
    let night = Case { generation, disk, ring: Bytes::MIB.times(ring), image }.play()?;
    let Night { time, streaming, feed } = night;
    let rate = image.0 as f64 / 1e6 / time.as_secs_f64();
    let waited = feed.waited.as_secs_f64();
    // As the server's report has it: without a stop all the waiting was the first filling.
    let source_bound = feed.starved > 0 && waited > time.as_secs_f64() * 0.1;
    let bound = if source_bound { "source-bound" } else { "tape-bound" };
    println!(
        "{:<6}{disk:>10}{ring:>10}{:>9.1}{rate:>7.0}{:>8} %{:>12}{:>9}{waited:>10.1}  {bound}",
        format!("{generation:?}"),
        time.as_secs_f64(),
        streaming.percent(),
        streaming.backhitches,
        feed.starved,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(generation: Generation, disk: u64, ring: u64, gibibytes: u64) -> Night {
        let (ring, image) = (Bytes::MIB.times(ring), Bytes::GIB.times(gibibytes));
        let night = Case { generation, disk, ring, image }.play();
        night.unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_disk_as_fast_as_the_drive_or_faster_streams() {
        for (generation, disk) in [(Generation::Lto8, 365), (Generation::Lto9, 1000)] {
            let Night { streaming, .. } = night(generation, disk, RING, 2);
            assert!(streaming.percent() >= 95, "{streaming:?}");
            assert_eq!((streaming.backhitches, streaming.flushes), (0, 1), "{streaming:?}");
        }
    }

    #[test]
    fn a_disk_below_the_slowest_speed_makes_few_and_long_stops_and_fewer_with_a_larger_ring() {
        let [small, large] =
            [RING, 2048].map(|ring| night(Generation::Lto8, 60, ring, 4).streaming);
        assert!((1..=4).contains(&small.backhitches), "one for each GB: {small:?}");
        assert!(small.starved / 6 > std::time::Duration::from_secs(3), "{small:?}");
        assert!(large.backhitches * 2 <= small.backhitches, "{large:?}, {small:?}");
    }
}
