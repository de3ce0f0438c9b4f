//! The reply to REPORT LUNS: which units a device has (SPC-4, 6.33).

use super::{BadReply, at_least};
use crate::scsi::bytes::{array, stretch, u32_at};

/// How many bytes to ask for.
pub const ROOM: u32 = 4096;

/// More units than this are not looked at.
const MOST: usize = 512;

/// The units, in the order of the reply. One that is not numbered simply (SAM-5, 4.7: by peripheral device or flat
/// space) is left out.
pub fn decode(bytes: &[u8]) -> Result<Vec<u16>, BadReply> {
    let bytes = at_least("REPORT LUNS", bytes, 8)?;
    let length = usize::try_from(u32_at(bytes, 0).unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(stretch(bytes, 8, length).chunks_exact(8).filter_map(simple).take(MOST).collect())
}

fn simple(lun: &[u8]) -> Option<u16> {
    let [first, second] = array(lun, 0)?;
    match first >> 6 {
        0 if first == 0 => Some(second.into()),
        1 => Some(u16::from_be_bytes([first & 0x3f, second])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::decode;

    #[test]
    fn units_are_numbered_in_two_ways() {
        let reply = hex("00 00 00 20 00 00 00 00
            00 00 00 00 00 00 00 00  00 01 00 00 00 00 00 00
            41 02 00 00 00 00 00 00  c1 01 00 00 00 00 00 00");
        assert_eq!(decode(&reply).unwrap(), [0, 1, 0x102]);
        spoil(&reply, |bytes| drop(decode(bytes)));
    }
}
