//! tar: how entries stand in an image.
//!
//! Members are POSIX pax: a ustar header, before it an extended header with the records that ustar has no
//! room for, and the modification time with its nanoseconds in any case. Names are bytes, as the file system
//! gave them, and begin with `./`.
//!
//! ```text
//! ┌─────────────┬──────────────────┬──────────────┬────────────────┐
//! │ header of x │ pax records, pad │ ustar header │ data, pad      │   every piece in blocks of 512 bytes
//! └─────────────┴──────────────────┴──────────────┴────────────────┘
//! ```
//!
//! What is written is what GNU tar writes and reads; where GNU tar and the standard differ, GNU tar is
//! followed, because a restore without this program is most often made with it. What is read is anything
//! that GNU tar, bsdtar, star or Python write, and it may be hostile.

mod decode;
mod dumpdir;
mod encode;
mod field;
mod header;
mod pax;
mod records;
mod sparse;

pub use decode::{Decoder, Event, Limits, Problem, TarError};
pub use dumpdir::{DUMPDIR_LONGEST, Dumpdir, Listed};
pub use encode::encode_header;
pub(crate) use sparse::decimal;
pub use sparse::{EXTENTS_MOST, MapError, grid, sparse_map};

/// Everything in a tar comes in blocks of this length.
pub const BLOCK: usize = 512;

/// Two blocks of zeros end the archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// How many zeros follow `len` bytes of data to fill the last block.
pub fn padding(len: u64) -> usize {
    usize::try_from(len.wrapping_neg() % BLOCK as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_fills_the_last_block() {
        for (len, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511), (u64::MAX, 1)] {
            assert_eq!(padding(len), zeros, "{len}");
        }
    }
}
