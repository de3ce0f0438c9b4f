//! The reply to REPORT DENSITY SUPPORT: which formats a drive can write and read (SSC-4, 7.13).

use types::Bytes;

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, text, u8_at, u16_at, u24_at, u32_at};

/// How many bytes to ask for.
pub const ROOM: u16 = 4096;

/// The bytes of one descriptor.
const DESCRIPTOR: usize = 52;

/// A format that a drive knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its density code.
    pub code: u8,
    /// The code by which the drive reports it, where that is another one.
    pub second_code: u8,
    /// Whether the drive can write it.
    pub writable: bool,
    /// Whether the drive writes it when it is told nothing.
    pub default: bool,
    /// Bits on a millimetre of track.
    pub bits_per_mm: u32,
    /// Tracks.
    pub tracks: u16,
    /// What the medium holds, or the longest that there is.
    pub capacity: Bytes,
    /// Who gave it its code.
    pub organization: String,
    /// Its name: `U-828`.
    pub name: String,
    /// More of it: `Ultrium 8/32T`.
    pub description: String,
}

/// Reads the reply.
pub fn decode(bytes: &[u8]) -> Result<Vec<Format>, BadReply> {
    let bytes = at_least("REPORT DENSITY SUPPORT", bytes, 4)?;
    // The length also counts the two reserved bytes behind it; two bytes too many are no descriptor.
    let length = usize::from(u16_at(bytes, 0).unwrap_or(0));
    let descriptors = stretch(bytes, 4, length).chunks_exact(DESCRIPTOR);
    Ok(descriptors.filter_map(format).collect())
}

fn format(bytes: &[u8]) -> Option<Format> {
    let flags = u8_at(bytes, 2)?;
    Some(Format {
        code: u8_at(bytes, 0)?,
        second_code: u8_at(bytes, 1)?,
        writable: flags & 0x80 != 0,
        default: flags & 0x20 != 0,
        bits_per_mm: u24_at(bytes, 5)?,
        tracks: u16_at(bytes, 10)?,
        capacity: Bytes(u64::from(u32_at(bytes, 12)?) * 1_000_000),
        organization: text(stretch(bytes, 16, 8)),
        name: text(stretch(bytes, 24, 8)),
        description: text(stretch(bytes, 32, 20)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{field, hex, spoil};
    use super::{Bytes, decode};

    fn lto8() -> Vec<u8> {
        let mut bytes = hex("00 36 00 00  5e 5e a0 00 00 00 50 11 00 7f 1a 00 00 b7 1b 00");
        bytes.extend(field("LTO-CVE", 8));
        bytes.extend(field("U-832", 8));
        bytes.extend(field("Ultrium 8/32T", 20));
        bytes
    }

    #[test]
    fn a_drive_says_what_it_writes() {
        let found = decode(&lto8()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].writable && found[0].default);
        assert_eq!(found[0].capacity, Bytes(12_000_000_000_000));
        assert_eq!((found[0].tracks, found[0].bits_per_mm), (6656, 20497));
        assert_eq!((&*found[0].organization, &*found[0].description), ("LTO-CVE", "Ultrium 8/32T"));
    }

    #[test]
    fn a_descriptor_that_is_cut_off_is_left_out() {
        assert_eq!(decode(&lto8()[..55]).unwrap(), []);
        spoil(&lto8(), |bytes| drop(decode(bytes)));
    }
}
