//! The order in which a drive reads segments soonest: GENERATE and RECEIVE RECOMMENDED ACCESS ORDER (SSC-5, 7.4 and
//! 7.9; IBM LTO SCSI Reference). Full-height drives from LTO-9 on have it, and IBM's 3592.
//!
//! ```text
//!  to the drive    reserved:4  length:4  segment…
//!  a segment       001Eh  reserved:3  name:10  partition  first object:8  last object:8
//!  from the drive  process  status  reserved:2  length:4  segment…, in the new order
//! ```

use types::ObjectNo;

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u32_at, u64_at};

/// The bytes of one segment.
pub const SEGMENT: usize = 32;

/// How many bytes to ask for when asking for the limits.
pub const LIMITS_ROOM: u32 = 8;

/// How many segments a drive orders at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many.
    pub segments: u16,
    /// How many bytes each may have.
    pub segment_length: u16,
}

/// A stretch of objects to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number that we gave it.
    pub number: u64,
    /// In which partition.
    pub partition: u8,
    /// From this object,
    pub first: ObjectNo,
    /// to this one.
    pub last: ObjectNo,
}

/// Reads the limits.
pub fn limits(bytes: &[u8]) -> Result<Limits, BadReply> {
    let bytes = at_least("how many segments the drive orders", bytes, 4)?;
    Ok(Limits {
        segments: u16_at(bytes, 0).unwrap_or(0),
        segment_length: u16_at(bytes, 2).unwrap_or(0),
    })
}

/// The list that GENERATE RECOMMENDED ACCESS ORDER takes; none if it is too long for any.
pub fn request(segments: &[Segment]) -> Option<Vec<u8>> {
    let length = u32::try_from(segments.len().checked_mul(SEGMENT)?).ok()?;
    let mut list = vec![0; 4];
    list.extend(length.to_be_bytes());
    for segment in segments {
        list.extend([0x00, 0x1e, 0, 0, 0, 0, 0]);
        list.extend(segment.number.to_be_bytes());
        list.push(segment.partition);
        list.extend(segment.first.0.to_be_bytes());
        list.extend(segment.last.0.to_be_bytes());
    }
    Some(list)
}

/// How many bytes the answer to a list of so many segments has.
pub fn reply_room(segments: usize) -> Option<u32> {
    u32::try_from(segments.checked_mul(SEGMENT)?.checked_add(8)?).ok()
}

/// Reads the list in its new order. The drive may have left segments out or made some up: whoever asked compares the
/// numbers.
pub fn reply(bytes: &[u8]) -> Result<Vec<Segment>, BadReply> {
    let bytes = at_least("the order of the segments", bytes, 8)?;
    let length = usize::try_from(u32_at(bytes, 4).unwrap_or(0)).unwrap_or(usize::MAX);
    let mut rest = stretch(bytes, 8, length);
    let mut found = Vec::new();
    while let Some(segment) = segment(rest) {
        found.push(segment);
        // The length does not count its own two bytes; a drive may add a geometry behind what we know.
        let length = 2 + usize::from(u16_at(rest, 0).unwrap_or(0));
        rest = rest.get(length.max(SEGMENT)..).unwrap_or_default();
    }
    Ok(found)
}

fn segment(bytes: &[u8]) -> Option<Segment> {
    Some(Segment {
        number: u64_at(bytes, 7)?,
        partition: u8_at(bytes, 15)?,
        first: ObjectNo(u64_at(bytes, 16)?),
        last: ObjectNo(u64_at(bytes, 24)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{Limits, ObjectNo, Segment, limits, reply, reply_room, request};

    fn segment(number: u64) -> Segment {
        Segment {
            number,
            partition: 0,
            first: ObjectNo(number * 100),
            last: ObjectNo(number * 100 + 9),
        }
    }

    #[test]
    fn a_list_comes_back_in_another_order() {
        let mut list = request(&[segment(1), segment(2)]).unwrap();
        assert_eq!(list.len(), usize::try_from(reply_room(2).unwrap()).unwrap());
        assert_eq!(list[..16], hex("00 00 00 00 00 00 00 40  00 1e 00 00 00 00 00 00"));
        let (head, both) = list.split_at_mut(40);
        head[8..].swap_with_slice(both);
        assert_eq!(reply(&list).unwrap(), [segment(2), segment(1)]);
        spoil(&list, |bytes| drop(reply(bytes)));
    }

    #[test]
    fn a_drive_says_how_much_it_orders_at_once() {
        assert_eq!(limits(&hex("0a aa 00 20")), Ok(Limits { segments: 2730, segment_length: 32 }));
        assert!(limits(&hex("0a aa 00")).is_err());
    }
}
