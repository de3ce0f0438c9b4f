//! The reply to READ END OF WRAP POSITION: with which object each wrap of the tape ends (SSC-5, 7.6; drives from LTO-7
//! on). From it follows where on the tape an object is.

use types::ObjectNo;

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, u16_at, u48_at};

/// How many bytes to ask for: more than the 280 wraps of LTO-9 and the 472 of LTO-10 need.
pub const ROOM: u32 = 8192;

/// The bytes of one entry.
const ENTRY: usize = 12;

/// Where one wrap ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// Which, from 0.
    pub wrap: u16,
    /// In which partition.
    pub partition: u16,
    /// The object at its end.
    pub end: ObjectNo,
}

/// Reads the reply for all wraps. Wraps on which nothing is written are not in it.
pub fn decode(bytes: &[u8]) -> Result<Vec<Wrap>, BadReply> {
    let bytes = at_least("where the wraps end", bytes, 4)?;
    // The length also counts the two reserved bytes behind it; two bytes too many are no entry.
    let length = usize::from(u16_at(bytes, 0).unwrap_or(0));
    Ok(stretch(bytes, 4, length).chunks_exact(ENTRY).filter_map(wrap).collect())
}

fn wrap(entry: &[u8]) -> Option<Wrap> {
    Some(Wrap {
        wrap: u16_at(entry, 0)?,
        partition: u16_at(entry, 2)?,
        end: ObjectNo(u48_at(entry, 6)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{ObjectNo, Wrap, decode};

    #[test]
    fn each_wrap_ends_with_an_object() {
        let reply = hex("00 1a 00 00
            00 00 00 00 00 00 00 00 00 01 00 00
            00 01 00 00 00 00 00 01 00 00 00 00");
        let wraps = [
            Wrap { wrap: 0, partition: 0, end: ObjectNo(0x1_0000) },
            Wrap { wrap: 1, partition: 0, end: ObjectNo(0x1_0000_0000) },
        ];
        assert_eq!(decode(&reply).unwrap(), wraps);
        assert_eq!(decode(&reply[..20]).unwrap(), wraps[..1]);
        spoil(&reply, |bytes| drop(decode(bytes)));
    }
}
