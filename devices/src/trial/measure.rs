//! How much a cartridge holds, how fast it is written, what a filemark takes, and whether the drive compresses.
//!
//! Capacity and speed are those of noise, which no drive makes smaller: what is dumped is compressed already. Blocks
//! are written until the drive warns of the end; or so many only, and then the drive's own count of the room that
//! is left tells how much more would have gone in.

use std::time::Duration;

use types::{BlockSize, Bytes};

use super::noise::Noise;
use super::{Step, rate};
use crate::drive::{Drive, DriveError, Wrote};
use crate::ssc::TapeDrive;
use crate::transport::Transport;

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// So much is written, and the capacity is reckoned; without it, all that goes in is.
    pub bytes: Option<Bytes>,
    /// So much is written to see whether the drive compresses. A drive's buffer should be small against it.
    pub probe: Bytes,
    /// Of the noise.
    pub seed: u64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The length of the blocks.
    pub block: BlockSize,
    /// So much noise was written.
    pub written: Bytes,
    /// In this time, until all was on the medium.
    pub time: Duration,
    /// What the cartridge holds up to the drive's warning.
    pub capacity: Capacity,
    /// Noise in a second, while the tape moves.
    pub speed: Bytes,
    /// What a filemark takes from the room; none if the drive does not tell its room.
    pub mark: Option<Bytes>,
    /// How long a filemark takes if it is waited for.
    pub mark_time: Duration,
    /// Whether the drive compresses.
    pub compresses: Compresses,
}

/// What a cartridge holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// So much was written until the drive warned.
    Written(Bytes),
    /// So much would have gone in, by what the drive says of the room that is left.
    Reckoned(Bytes),
    /// Less was written than it holds, and the drive does not say how much is left.
    Unknown,
}

/// Whether a drive compresses, by what it made of noise and of blocks that are all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compresses {
    /// Both take as much.
    No,
    /// What is alike takes less.
    Yes,
}

/// A stretch of blocks that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pass {
    bytes: Bytes,
    time: Duration,
    ended: Ended,
    /// What reached the medium, by the drive's count.
    on_medium: Option<Bytes>,
}

/// Why no more was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It was enough.
    Enough,
    /// The drive warned, or the medium was full.
    AtEnd,
}

/// The room on the medium by the drive's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    left: Bytes,
    most: Bytes,
}

/// So many marks are written to see what one takes: drives tell their room in MiB.
const MARKS: u64 = 1024;

/// Progress is told after so much.
const OFTEN: Bytes = Bytes(64 << 20);

/// Less than this says nothing about the room: drives tell it in MiB.
const TELLING: Bytes = Bytes(8 << 20);

impl Measure {
    /// Measures. All that was on the medium is gone, and it is blank afterwards; after an error it is not.
    pub fn run<T: Transport>(
        &self,
        drive: &mut TapeDrive<T>,
        told: &mut dyn FnMut(Step),
    ) -> Result<Measured, DriveError> {
        let block = drive.limits().block;
        let noise = Noise::new(self.seed, block.len());
        told(Step::Compressing);
        let random = pass(drive, self.probe, &mut |to, number| noise.fill(to, 1, number))?;
        let alike = pass(drive, self.probe, &mut |to, _| to.fill(b'a'))?;
        told(Step::Marking);
        let (mark, mark_time) = marks(drive, &noise)?;
        drive.rewind()?;
        drive.erase()?;
        let before = room(drive)?;
        let enough = self.bytes.unwrap_or(Bytes(u64::MAX));
        let written = pass(drive, enough, &mut |to, number| {
            let so_far = block.bytes().times(number);
            if so_far.0.is_multiple_of(OFTEN.0) {
                told(Step::Writing(so_far));
            }
            noise.fill(to, 0, number);
        })?;
        let capacity = capacity(written, before, room(drive)?);
        drive.erase()?;
        Ok(Measured {
            block,
            written: written.bytes,
            time: written.time,
            capacity,
            speed: speed(written, mark_time),
            mark,
            mark_time,
            compresses: compresses(random, alike),
        })
    }
}

/// Writes blocks from the beginning of the medium, and waits until they are there.
fn pass<T: Transport>(
    drive: &mut TapeDrive<T>,
    enough: Bytes,
    fill: &mut dyn FnMut(&mut [u8], u64),
) -> Result<Pass, DriveError> {
    drive.rewind()?;
    let passed = to_medium(drive)?;
    let length = drive.limits().block;
    let mut block = vec![0; length.len()];
    let (mut bytes, mut ended, mut number) = (Bytes::ZERO, Ended::Enough, 0);
    let began = drive.transport().now();
    while bytes < enough && ended == Ended::Enough {
        fill(&mut block, number);
        let wrote = drive.write_block(&block)?;
        if wrote != Wrote::Nothing {
            bytes += length.bytes();
            number += 1;
        }
        if wrote != Wrote::Block {
            ended = Ended::AtEnd;
        }
    }
    drive.flush()?;
    let time = drive.transport().now().saturating_sub(began);
    let on_medium = match (passed, to_medium(drive)?) {
        (Some(before), Some(after)) => Some(after.saturating_sub(before)),
        _ => None,
    };
    Ok(Pass { bytes, time, ended, on_medium })
}

/// The last wait is for the medium to be stopped and marked, not for blocks.
fn speed(written: Pass, mark_time: Duration) -> Bytes {
    let moving = written.time.saturating_sub(mark_time);
    rate(written.bytes, if moving.is_zero() { written.time } else { moving })
}

/// What one mark takes, of room and of time.
fn marks<T: Transport>(
    drive: &mut TapeDrive<T>,
    noise: &Noise,
) -> Result<(Option<Bytes>, Duration), DriveError> {
    drive.rewind()?;
    let mut block = vec![0; drive.limits().block.len()];
    noise.fill(&mut block, 2, 0);
    if drive.write_block(&block)? == Wrote::Nothing {
        return Ok((None, Duration::ZERO));
    }
    drive.flush()?;
    let before = room(drive)?;
    for _ in 0..MARKS {
        drive.write_filemark()?;
    }
    drive.flush()?;
    let after = room(drive)?;
    let began = drive.transport().now();
    drive.write_filemark()?;
    drive.flush()?;
    let time = drive.transport().now().saturating_sub(began);
    let taken = before.zip(after).map(|(before, after)| before.left.saturating_sub(after.left));
    Ok((taken.map(|taken| Bytes(taken.0 / MARKS)), time))
}

fn to_medium<T: Transport>(drive: &mut TapeDrive<T>) -> Result<Option<Bytes>, DriveError> {
    Ok(drive.health()?.through.and_then(|through| through.to_medium))
}

fn room<T: Transport>(drive: &mut TapeDrive<T>) -> Result<Option<Room>, DriveError> {
    let room = drive.health()?.room.map(|[first, ..]| first);
    Ok(room.and_then(|room| Some(Room { left: room.left?, most: room.most? })))
}

/// What the cartridge holds, from what was written and what that took.
fn capacity(written: Pass, before: Option<Room>, after: Option<Room>) -> Capacity {
    if written.ended == Ended::AtEnd {
        return Capacity::Written(written.bytes);
    }
    let Some((before, after)) = before.zip(after) else { return Capacity::Unknown };
    let taken = before.left.saturating_sub(after.left);
    if taken < TELLING {
        return Capacity::Unknown;
    }
    let all = u128::from(written.bytes.0) * u128::from(before.most.0) / u128::from(taken.0);
    Capacity::Reckoned(Bytes(u64::try_from(all).unwrap_or(u64::MAX)))
}

/// What the drive counted decides; where it does not count, the time does. A drive that is slower than its host by
/// a fifth or more shows it: LTO drives take what is alike as fast as the cable brings it.
fn compresses(random: Pass, alike: Pass) -> Compresses {
    let shorter = match (random.on_medium, alike.on_medium) {
        (Some(random), Some(alike)) if random > Bytes::ZERO => {
            u128::from(alike.0) * 5 < u128::from(random.0) * 4
        }
        _ => alike.time.as_nanos() * 5 < random.time.as_nanos() * 4,
    };
    if shorter { Compresses::Yes } else { Compresses::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(millis: u64, on_medium: Option<u64>) -> Pass {
        let time = Duration::from_millis(millis);
        let (bytes, ended) = (Bytes(1000 << 20), Ended::Enough);
        Pass { bytes, time, ended, on_medium: on_medium.map(|mib| Bytes(mib << 20)) }
    }

    #[test]
    fn what_the_drive_counted_tells_whether_it_compresses_and_else_the_time() {
        use Compresses::{No, Yes};
        for (random, alike, found) in [
            (pass(900, Some(1000)), pass(900, Some(20)), Yes),
            (pass(900, Some(1000)), pass(500, Some(1000)), No),
            (pass(900, None), pass(600, None), Yes),
            (pass(900, None), pass(800, None), No),
            (pass(900, Some(0)), pass(800, Some(0)), No),
        ] {
            assert_eq!(compresses(random, alike), found, "{random:?} {alike:?}");
        }
    }

    #[test]
    fn the_capacity_is_reckoned_from_what_was_taken() {
        let room = |left: u64| Some(Room { left: Bytes(left << 20), most: Bytes(10_000 << 20) });
        let part = pass(900, None);
        assert_eq!(
            capacity(part, room(10_000), room(9_000)),
            Capacity::Reckoned(Bytes(10_000 << 20))
        );
        assert_eq!(
            capacity(part, room(9_500), room(9_000)),
            Capacity::Reckoned(Bytes(20_000 << 20))
        );
        assert_eq!(
            capacity(part, room(9_001), room(9_000)),
            Capacity::Unknown,
            "too little to tell"
        );
        assert_eq!(capacity(part, None, room(9_000)), Capacity::Unknown);
        let whole = Pass { ended: Ended::AtEnd, ..part };
        assert_eq!(capacity(whole, None, None), Capacity::Written(Bytes(1000 << 20)));
    }
}
