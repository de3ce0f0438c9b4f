//! The reply to READ MEDIA SERIAL NUMBER (SPC-4, 6.19).

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, text_if_any, u32_at};

/// How many bytes to ask for.
pub const ROOM: u32 = 260;

/// The serial number of the cartridge, if it has one.
pub fn decode(bytes: &[u8]) -> Result<Option<String>, BadReply> {
    let bytes = at_least("READ MEDIA SERIAL NUMBER", bytes, 4)?;
    let length = usize::try_from(u32_at(bytes, 0).unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(text_if_any(stretch(bytes, 4, length)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::decode;

    #[test]
    fn the_number_ends_where_the_reply_ends() {
        assert_eq!(decode(&hex("00 00 00 06 41 42 43 31 20 20")).unwrap().unwrap(), "ABC1");
        assert_eq!(decode(&hex("ff ff ff ff 41 42")).unwrap().unwrap(), "AB");
        assert_eq!(decode(&hex("00 00 00 00")).unwrap(), None);
        spoil(&hex("00 00 00 02 41 42"), |bytes| drop(decode(bytes)));
    }
}
