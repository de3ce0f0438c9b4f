//! The check value that travels behind each block (SSC-4, logical block protection).
//!
//! The CRC-32C of the block, 4 bytes with the lowest first. A drive that was told to expects it behind every block
//! that is written, refuses the block if it does not fit, keeps it on the medium, and gives it back with the block.
//! So a bit that changes in memory, adapter, cable or drive is noticed at once, and not at the restore.

use super::read::Fetched;
use super::{Problem, TapeDrive};
use crate::transport::Transport;

/// How long a check value is.
pub(super) const LENGTH: usize = 4;

/// Whether check values travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// They do not.
    None,
    /// Both ways.
    Crc32c,
}

impl<T: Transport> TapeDrive<T> {
    fn check(&self) -> Check {
        self.prepared.map_or(Check::None, |prepared| prepared.check)
    }

    /// The most that a READ may ask for: a drive refuses one for more than its longest block, even where a short
    /// one stands.
    pub(super) fn longest_read(&self) -> usize {
        let longest = self.prepared.and_then(|prepared| prepared.longest).unwrap_or(usize::MAX);
        let check = if self.check() == Check::None { 0 } else { LENGTH };
        longest.saturating_add(check).min(self.transport.longest())
    }

    /// The block with its check value, if the drive wants one.
    pub(super) fn checked(&mut self, block: &[u8]) -> Option<Vec<u8>> {
        match self.check() {
            Check::None => None,
            Check::Crc32c => {
                let mut buffer = std::mem::take(&mut self.scratch);
                buffer.clear();
                buffer.extend_from_slice(block);
                buffer.extend_from_slice(&value(block));
                Some(buffer)
            }
        }
    }

    /// The buffer is used again for the next block.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        self.scratch = buffer;
    }

    /// Lets a block be fetched into `buffer`, and compares its check value, if it comes with one.
    pub(super) fn with_room(
        &mut self,
        buffer: &mut [u8],
        fetch: impl FnOnce(&mut Self, &mut [u8]) -> Result<Fetched, Problem>,
    ) -> Result<Fetched, Problem> {
        if self.check() == Check::None {
            return fetch(self, buffer);
        }
        let mut room = std::mem::take(&mut self.scratch);
        room.resize(buffer.len().saturating_add(LENGTH), 0);
        let fetched = fetch(self, &mut room).and_then(|fetched| match fetched {
            Fetched::Block(length) => {
                let block = compare(room.get(..length).unwrap_or_default())?;
                let to = buffer.get_mut(..block.len()).ok_or(Problem::CheckValue)?;
                to.copy_from_slice(block);
                Ok(Fetched::Block(block.len()))
            }
            Fetched::TooLong(length) => Ok(Fetched::TooLong(length.saturating_sub(LENGTH))),
            other => Ok(other),
        });
        self.scratch = room;
        fetched
    }
}

fn value(block: &[u8]) -> [u8; LENGTH] {
    crc32c::crc32c(block).to_le_bytes()
}

/// The block without its check value, if that fits.
fn compare(bytes: &[u8]) -> Result<&[u8], Problem> {
    let end = bytes.len().checked_sub(LENGTH).ok_or(Problem::CheckValue)?;
    let (block, check) = bytes.split_at_checked(end).ok_or(Problem::CheckValue)?;
    if value(block) == check { Ok(block) } else { Err(Problem::CheckValue) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_that_of_the_standard() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(value(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
    }

    #[test]
    fn one_bit_is_noticed() {
        let mut bytes = vec![7; 1000];
        bytes.extend(value(&bytes));
        assert_eq!(compare(&bytes).unwrap().len(), 1000);
        for at in [0, 999, 1000, 1003] {
            bytes[at] ^= 0x10;
            assert!(compare(&bytes).is_err(), "byte {at}");
            bytes[at] ^= 0x10;
        }
        assert!(compare(&[1, 2, 3]).is_err(), "too short to hold one");
    }
}
