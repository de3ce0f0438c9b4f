//! The reply to READ POSITION: where the medium stands, and what is still in the buffer (SSC-4, 7.7).
//!
//! ```text
//!  short     flags  partition  ..  first object:4  last object:4  .. objects in buffer:3  bytes in buffer:4
//!  long      flags  ...        partition:4  object:8  file:8  set:8
//!  extended  flags  partition  length:2  .. objects in buffer:3  first object:8  last object:8  bytes:8
//! ```
//!
//! *First* is what will be written or read next. *Last* is the next to go from the buffer to the medium: all
//! objects before it are durable.

use types::{Bytes, ObjectNo};

use super::{BadReply, at_least};
use crate::scsi::bytes::{u8_at, u24_at, u32_at, u64_at};

/// Where a medium stands. What a drive does not know, or this form does not tell, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// At the beginning of the partition.
    pub at_beginning: bool,
    /// Between early warning and the end of the partition.
    pub past_early_warning: bool,
    /// Between the programmable early warning and early warning.
    pub past_programmable_warning: bool,
    /// In which partition.
    pub partition: Option<u32>,
    /// Before which object.
    pub object: Option<ObjectNo>,
    /// Behind how many filemarks.
    pub file: Option<u64>,
    /// All objects before this one are on the medium.
    pub durable: Option<ObjectNo>,
    /// How many objects are in the buffer.
    pub buffered: Option<u32>,
    /// How many bytes.
    pub buffered_bytes: Option<Bytes>,
}

/// Reads the short form. Its objects have 32 bits.
pub fn short(bytes: &[u8]) -> Result<Position, BadReply> {
    let bytes = at_least("READ POSITION", bytes, 20)?;
    let flags = u8_at(bytes, 0).unwrap_or(0);
    // PERR: an object number is too large for this form.
    let known = flags & 0x06 == 0;
    let object = |at| u32_at(bytes, at).filter(|_| known).map(|object| ObjectNo(object.into()));
    Ok(Position {
        partition: u8_at(bytes, 1).filter(|_| known).map(u32::from),
        object: object(4),
        file: None,
        durable: object(8),
        buffered: u24_at(bytes, 13).filter(|_| flags & 0x20 == 0 && known),
        buffered_bytes: u32_at(bytes, 16)
            .filter(|_| flags & 0x10 == 0 && known)
            .map(|count| Bytes(count.into())),
        ..ends(flags)
    })
}

/// Reads the long form. It tells the file, and nothing of the buffer.
pub fn long(bytes: &[u8]) -> Result<Position, BadReply> {
    let bytes = at_least("READ POSITION", bytes, 24)?;
    let flags = u8_at(bytes, 0).unwrap_or(0);
    let known = flags & 0x04 == 0;
    Ok(Position {
        partition: u32_at(bytes, 4).filter(|_| known),
        object: u64_at(bytes, 8).filter(|_| known).map(ObjectNo),
        file: u64_at(bytes, 16).filter(|_| flags & 0x08 == 0),
        ..ends(flags)
    })
}

/// Reads the extended form. Its objects have 64 bits.
pub fn extended(bytes: &[u8]) -> Result<Position, BadReply> {
    let bytes = at_least("READ POSITION", bytes, 32)?;
    let flags = u8_at(bytes, 0).unwrap_or(0);
    let known = flags & 0x06 == 0;
    let object = |at| u64_at(bytes, at).filter(|_| known).map(ObjectNo);
    Ok(Position {
        partition: u8_at(bytes, 1).filter(|_| known).map(u32::from),
        object: object(8),
        durable: object(16),
        buffered: u24_at(bytes, 5).filter(|_| flags & 0x20 == 0 && known),
        buffered_bytes: u64_at(bytes, 24).filter(|_| flags & 0x10 == 0 && known).map(Bytes),
        ..ends(flags)
    })
}

fn ends(flags: u8) -> Position {
    Position {
        at_beginning: flags & 0x80 != 0,
        past_early_warning: flags & 0x40 != 0,
        past_programmable_warning: flags & 0x01 != 0,
        partition: None,
        object: None,
        file: None,
        durable: None,
        buffered: None,
        buffered_bytes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{Bytes, ObjectNo, extended, long, short};

    #[test]
    fn the_short_form_tells_what_is_durable() {
        let reply = hex("00 01 00 00  00 00 10 00  00 00 0f f0  00 00 00 10  00 80 00 00");
        let found = short(&reply).unwrap();
        assert_eq!((found.object, found.durable), (Some(ObjectNo(0x1000)), Some(ObjectNo(0x0ff0))));
        assert_eq!((found.buffered, found.buffered_bytes), (Some(16), Some(Bytes(8 << 20))));
        assert_eq!(found.partition, Some(1));
        spoil(&reply, |bytes| drop(short(bytes)));
    }

    #[test]
    fn an_unknown_position_is_none_in_every_form() {
        let found =
            short(&hex("84 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00")).unwrap();
        assert_eq!((found.object, found.durable, found.buffered), (None, None, None));
        let mut reply = vec![0x0c; 1];
        reply.resize(32, 0);
        let found = long(&reply).unwrap();
        assert_eq!((found.object, found.file, found.partition), (None, None, None));
        reply[0] = 0x02;
        assert_eq!(extended(&reply).unwrap().object, None, "too large a number");
        reply[0] = 0x30;
        let found = extended(&reply).unwrap();
        assert_eq!(
            (found.object, found.buffered, found.buffered_bytes),
            (Some(ObjectNo(0)), None, None)
        );
    }

    #[test]
    fn the_long_form_tells_the_file() {
        let reply = hex(
            "01 00 00 00 00 00 00 01  00 00 00 01 00 00 00 00  00 00 00 00 00 00 00 07  00 00 00 00 00 00 00 00",
        );
        let found = long(&reply).unwrap();
        assert_eq!((found.object, found.file), (Some(ObjectNo(1 << 32)), Some(7)));
        assert!(
            found.past_programmable_warning && !found.past_early_warning && !found.at_beginning
        );
        spoil(&reply, |bytes| drop(long(bytes)));
    }

    #[test]
    fn the_extended_form_has_large_numbers_and_the_buffer() {
        let reply = hex(
            "40 00 00 1c 00 00 00 02  00 00 00 01 00 00 00 09  00 00 00 01 00 00 00 07  00 00 00 00 00 10 00 00",
        );
        let found = extended(&reply).unwrap();
        assert_eq!(
            (found.object, found.durable),
            (Some(ObjectNo(0x1_0000_0009)), Some(ObjectNo(0x1_0000_0007)))
        );
        assert_eq!((found.buffered, found.buffered_bytes), (Some(2), Some(Bytes::MIB)));
        assert!(found.past_early_warning);
        spoil(&reply, |bytes| drop(extended(bytes)));
    }
}
