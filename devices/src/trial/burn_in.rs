//! Whether what a drive takes comes back, in its length and at its place.
//!
//! ```text
//!  for each length    blocks of noise │ mark
//!  from the start     every block and mark again, into more room than it needs
//!  to and fro         places that dice choose: is it there, and is it that block?
//!  for each length    a block into less room than it needs: the drive must say so, and how long it is
//!  at the end         nothing more; and a block with a wrong check value, which must be refused
//! ```
//!
//! What is wrong is a [`Fault`], and it goes on as far as it can: one bad block says less than which blocks are bad.

use std::time::Duration;

use types::{BlockSize, Bytes, FileNo};

use super::noise::{self, Noise};
use super::{Step, rate};
use crate::drive::{Drive, DriveError, Met, Position, Trouble, Wrote};
use crate::scsi::page::alert::Flag;
use crate::ssc::{Health, Spoilt, TapeDrive};
use crate::transport::Transport;

/// What is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnIn {
    /// Blocks of these lengths.
    pub lengths: Vec<BlockSize>,
    /// So much of each.
    pub bytes: Bytes,
    /// So many jumps.
    pub jumps: u64,
    /// Of noise and dice.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Burnt {
    /// The lengths that were written and read, in their order.
    pub tried: Vec<Tried>,
    /// Jumps that were made.
    pub jumps: u64,
    /// The longest of them.
    pub longest_jump: Duration,
    /// Whether check values travelled, and what the drive said to a wrong one; none if it did not come to that.
    pub checks: Option<Spoilt>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What was written again, or corrected with effort, and came out right, by the drive's count.
    pub retried: u64,
    /// What the drive warned of in the end.
    pub alerts: Vec<Flag>,
}

/// Blocks of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The length.
    pub block: BlockSize,
    /// How many.
    pub blocks: u64,
    /// Bytes written in a second.
    pub writing: Bytes,
    /// Bytes read in a second; zero if it did not come to that.
    pub reading: Bytes,
}

/// Something that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The drive failed, and the trial ended there.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// There was no room for the trial.
    #[error("the cartridge was full after {0}: what follows was not tried")]
    Full(Bytes),
    /// Another length.
    #[error("at {at}: a block of {wanted} bytes was written, and one of {found} was read")]
    Length {
        /// Where.
        at: Position,
        /// What was written.
        wanted: usize,
        /// What was read.
        found: usize,
    },
    /// Other bytes, and nobody noticed.
    #[error("at {at}: other bytes were read than were written, and the drive did not notice")]
    Bytes {
        /// Where.
        at: Position,
    },
    /// Something else.
    #[error("at {at}: {found} was read where {wanted} was written")]
    Other {
        /// Where.
        at: Position,
        /// What should be there.
        wanted: &'static str,
        /// What is.
        found: &'static str,
    },
    /// Another place.
    #[error("the drive was sent to {wanted}, and says that it stands at {found}")]
    Place {
        /// Where it should be.
        wanted: Position,
        /// Where it is.
        found: Position,
    },
    /// A long block was cut off.
    #[error(
        "at {at}: a block was read into less room than it needs, and the drive did not say so rightly"
    )]
    Cut {
        /// Where.
        at: Position,
    },
    /// A wrong check value was taken.
    #[error("the drive took a block with a wrong check value")]
    TookWrongCheck,
}

/// More faults are not listed.
const MOST: usize = 50;

/// Every block is read into so much more room than it needs.
const TOO_MUCH: usize = 4096;

/// Progress is told after so many blocks.
const OFTEN: u64 = 256;

impl BurnIn {
    /// Tries the drive and its cartridge. All that was on the medium is gone; afterwards it is blank, unless the drive
    /// failed.
    pub fn run<T: Transport>(&self, drive: &mut TapeDrive<T>, told: &mut dyn FnMut(Step)) -> Burnt {
        let block = drive.setup().block;
        let longest = self.lengths.iter().map(|length| length.len()).max().unwrap_or(0);
        let noise = Noise::new(self.seed, longest);
        let mut trial = Trial { wish: self, drive, told, noise, burnt: Burnt::default() };
        if let Err(error) = trial.all() {
            trial.burnt.faults.push(error.into());
        }
        trial.drive.set_block(block);
        trial.burnt
    }
}

struct Trial<'a, T: Transport> {
    wish: &'a BurnIn,
    drive: &'a mut TapeDrive<T>,
    told: &'a mut dyn FnMut(Step),
    noise: Noise,
    burnt: Burnt,
}

impl<T: Transport> Trial<'_, T> {
    fn all(&mut self) -> Result<(), DriveError> {
        let before = retried(&self.drive.health()?);
        self.write()?;
        self.read()?;
        self.jump()?;
        self.read_into_too_little()?;
        self.end()?;
        let health = self.drive.health()?;
        self.burnt.retried = retried(&health).saturating_sub(before);
        self.burnt.alerts = health.alerts;
        self.drive.erase()
    }

    fn fault(&mut self, fault: Fault) {
        if self.burnt.faults.len() < MOST {
            self.burnt.faults.push(fault);
        }
    }

    fn write(&mut self) -> Result<(), DriveError> {
        self.drive.rewind()?;
        let mut written = Bytes::ZERO;
        for (file, &length) in (0..).zip(&self.wish.lengths) {
            self.drive.set_block(length);
            let began = self.drive.transport().now();
            let (blocks, whole) = self.write_file(file, length, &mut written)?;
            let time = self.drive.transport().now().saturating_sub(began);
            let writing = rate(length.bytes().times(blocks), time);
            self.burnt.tried.push(Tried { block: length, blocks, writing, reading: Bytes::ZERO });
            if !whole {
                self.fault(Fault::Full(written));
                return Ok(());
            }
        }
        Ok(())
    }

    /// How many blocks it has, and whether those are all.
    fn write_file(
        &mut self,
        file: u64,
        length: BlockSize,
        written: &mut Bytes,
    ) -> Result<(u64, bool), DriveError> {
        let wanted = self.wish.bytes.0.div_ceil(length.bytes().0).max(1);
        let mut block = vec![0; length.len()];
        let (mut blocks, mut whole) = (0, true);
        while blocks < wanted && whole {
            self.noise.fill(&mut block, file, blocks);
            let wrote = self.drive.write_block(&block)?;
            whole = wrote == Wrote::Block;
            if wrote != Wrote::Nothing {
                blocks += 1;
                *written += length.bytes();
            }
            if blocks.is_multiple_of(OFTEN) {
                (self.told)(Step::Writing(*written));
            }
        }
        self.drive.write_filemark()?;
        self.drive.flush()?;
        Ok((blocks, whole))
    }

    fn read(&mut self) -> Result<(), DriveError> {
        self.drive.rewind()?;
        let mut read = Bytes::ZERO;
        for number in 0..self.burnt.tried.len() {
            let Tried { block, blocks, .. } = self.burnt.tried[number];
            let file = FileNo(u32::try_from(number).unwrap_or(u32::MAX));
            let began = self.drive.transport().now();
            for block_number in 0..blocks {
                self.expect_block(Position { file, block: block_number }, block)?;
                read += block.bytes();
                if block_number.is_multiple_of(OFTEN) {
                    (self.told)(Step::Reading(read));
                }
            }
            self.expect(Position { file, block: blocks }, Met::Filemark)?;
            let time = self.drive.transport().now().saturating_sub(began);
            self.burnt.tried[number].reading = rate(block.bytes().times(blocks), time);
        }
        self.expect(self.after_all(), Met::EndOfData)
    }

    /// Behind the last mark.
    fn after_all(&self) -> Position {
        let files = u32::try_from(self.burnt.tried.len()).unwrap_or(u32::MAX);
        Position::start_of(FileNo(files))
    }

    /// Reads where the tape stands, and compares with what was written there.
    fn expect_block(&mut self, at: Position, length: BlockSize) -> Result<(), DriveError> {
        let mut buffer = vec![0; length.len() + TOO_MUCH];
        match self.drive.read_block(&mut buffer)? {
            Met::Block(found) if found == length.len() => {
                let mut wanted = vec![0; found];
                self.noise.fill(&mut wanted, u64::from(at.file.0), at.block);
                if buffer.get(..found) != Some(&wanted[..]) {
                    self.fault(Fault::Bytes { at });
                }
            }
            Met::Block(found) => self.fault(Fault::Length { at, wanted: length.len(), found }),
            other => self.fault(Fault::Other { at, wanted: "a block", found: words(other) }),
        }
        Ok(())
    }

    fn expect(&mut self, at: Position, wanted: Met) -> Result<(), DriveError> {
        let longest = self.burnt.tried.iter().map(|tried| tried.block.len()).max().unwrap_or(0);
        let found = self.drive.read_block(&mut vec![0; longest])?;
        if found != wanted {
            let (wanted, found) = (words(wanted), words(found));
            self.fault(Fault::Other { at, wanted, found });
        }
        Ok(())
    }

    fn jump(&mut self) -> Result<(), DriveError> {
        let mut dice = self.wish.seed;
        for number in 0..self.wish.jumps {
            let Some((at, length)) = self.any_place(&mut dice) else { return Ok(()) };
            let began = self.drive.transport().now();
            self.drive.locate(at)?;
            let time = self.drive.transport().now().saturating_sub(began);
            self.burnt.longest_jump = self.burnt.longest_jump.max(time);
            self.burnt.jumps += 1;
            let found = self.drive.position()?;
            if found != at {
                self.fault(Fault::Place { wanted: at, found });
            }
            self.expect_block(at, length)?;
            (self.told)(Step::Locating(number + 1));
        }
        Ok(())
    }

    fn any_place(&self, dice: &mut u64) -> Option<(Position, BlockSize)> {
        let files = self.burnt.tried.len() as u64;
        let file = noise::next(dice).checked_rem(files)?;
        let tried = self.burnt.tried.get(usize::try_from(file).ok()?)?;
        let block = noise::next(dice).checked_rem(tried.blocks)?;
        let file = FileNo(u32::try_from(file).ok()?);
        Some((Position { file, block }, tried.block))
    }

    fn read_into_too_little(&mut self) -> Result<(), DriveError> {
        for number in 0..self.burnt.tried.len() {
            let Tried { block, blocks, .. } = self.burnt.tried[number];
            if blocks == 0 {
                continue;
            }
            let at = Position::start_of(FileNo(u32::try_from(number).unwrap_or(u32::MAX)));
            self.drive.locate(at)?;
            let mut buffer = vec![0; block.len() / 2];
            let said_so = match self.drive.read_block(&mut buffer) {
                Ok(_) => false,
                Err(error) => match error.cause.downcast_ref() {
                    Some(Trouble::BlockTooLong { block: found, .. }) => *found == block.len(),
                    _ => return Err(error),
                },
            };
            if !said_so {
                self.fault(Fault::Cut { at });
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), DriveError> {
        let (wanted, found) = (self.after_all(), self.drive.to_end_of_data()?);
        if found != wanted {
            self.fault(Fault::Place { wanted, found });
        }
        self.expect(wanted, Met::EndOfData)?;
        let Some(&length) = self.wish.lengths.first() else { return Ok(()) };
        self.drive.set_block(length);
        let mut block = vec![0; length.len()];
        self.noise.fill(&mut block, u64::MAX, 0);
        let said = self.drive.write_spoilt(&block)?;
        if said == Spoilt::Taken {
            self.fault(Fault::TookWrongCheck);
        }
        self.burnt.checks = Some(said);
        Ok(())
    }
}

fn words(met: Met) -> &'static str {
    match met {
        Met::Block(_) => "a block",
        Met::Filemark => "a filemark",
        Met::EndOfData => "the end of the data",
    }
}

/// What was done again, by writing and reading.
fn retried(health: &Health) -> u64 {
    let errors = [health.writing, health.reading];
    errors.into_iter().flatten().filter_map(|errors| errors.retried).sum()
}
