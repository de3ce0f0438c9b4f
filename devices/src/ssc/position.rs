//! The replies to READ POSITION (SSC-4, 7.7).

use types::ObjectNo;

use crate::scsi::page::BadReply;

/// The long form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongPosition {
    /// Before which object the tape stands. None if the drive does not know.
    pub object: Option<ObjectNo>,
    /// How many filemarks are before it. None if the drive does not know.
    pub file: Option<u64>,
}

/// The short and the extended form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BufferedPosition {
    /// Before which object the next command will find the tape. None if the drive does not know.
    pub first: Option<ObjectNo>,
    /// Which object comes next to the medium. None if the drive does not know.
    pub last: Option<ObjectNo>,
    /// How many objects are in the buffer. None if the drive does not know.
    pub buffered: Option<u32>,
}

const WHAT: &str = "READ POSITION";

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], BadReply> {
    let needed = at + N;
    let there = bytes.get(at..needed).and_then(|part| part.try_into().ok());
    there.ok_or(BadReply::Short { what: WHAT, needed, got: bytes.len() })
}

impl LongPosition {
    /// Reads 32 bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BadReply> {
        let [flags] = field(bytes, 0)?;
        let object = ObjectNo(u64::from_be_bytes(field(bytes, 8)?));
        let file = u64::from_be_bytes(field(bytes, 16)?);
        Ok(Self {
            object: (flags & 0x04 == 0).then_some(object),
            file: (flags & 0x08 == 0).then_some(file),
        })
    }
}

impl BufferedPosition {
    /// Reads 20 bytes.
    pub(super) fn read_short(bytes: &[u8]) -> Result<Self, BadReply> {
        let [flags] = field(bytes, 0)?;
        let first = u32::from_be_bytes(field(bytes, 4)?);
        let last = u32::from_be_bytes(field(bytes, 8)?);
        let [a, b, c] = field(bytes, 13)?;
        // A drive whose numbers do not fit into 32 bits says so.
        Ok(Self::of(flags, first.into(), last.into(), u32::from_be_bytes([0, a, b, c])))
    }

    /// Reads 32 bytes.
    pub(super) fn read_extended(bytes: &[u8]) -> Result<Self, BadReply> {
        let [flags] = field(bytes, 0)?;
        let first = u64::from_be_bytes(field(bytes, 8)?);
        let last = u64::from_be_bytes(field(bytes, 16)?);
        let [a, b, c] = field(bytes, 5)?;
        Ok(Self::of(flags, first, last, u32::from_be_bytes([0, a, b, c])))
    }

    fn of(flags: u8, first: u64, last: u64, buffered: u32) -> Self {
        // LOLU: the location is not known. PERR: a number does not fit into its field.
        let known = flags & 0x06 == 0;
        Self {
            first: known.then_some(ObjectNo(first)),
            last: known.then_some(ObjectNo(last)),
            buffered: (flags & 0x20 == 0).then_some(buffered),
        }
    }

    /// All before this object is on the medium.
    pub(super) fn durable(&self) -> Option<ObjectNo> {
        match (self.first, self.last, self.buffered) {
            // With nothing in the buffer some drives do not care to fill in the last object.
            (first, _, Some(0)) => first,
            (_, last, _) => last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_counts_marks_too() {
        let mut reply = [0; 32];
        reply[15] = 17;
        reply[23] = 4;
        let read = |reply: &[u8]| LongPosition::read(reply).unwrap();
        assert_eq!(read(&reply), LongPosition { object: Some(ObjectNo(17)), file: Some(4) });
        reply[0] = 0x08;
        assert_eq!(read(&reply).file, None);
        reply[0] = 0x04;
        assert_eq!(read(&reply).object, None);
    }

    #[test]
    fn what_is_in_the_buffer_is_not_durable() {
        let mut reply = [0; 20];
        (reply[7], reply[11], reply[15]) = (9, 5, 4);
        let short = BufferedPosition::read_short(&reply).unwrap();
        assert_eq!((short.first, short.durable()), (Some(ObjectNo(9)), Some(ObjectNo(5))));
        let mut reply = [0; 32];
        (reply[15], reply[23], reply[7]) = (9, 5, 4);
        assert_eq!(BufferedPosition::read_extended(&reply).unwrap(), short);
        reply[0] = 0x04;
        assert_eq!(BufferedPosition::read_extended(&reply).unwrap().durable(), None);
    }

    #[test]
    fn short_replies_are_refused() {
        for length in 0..16 {
            assert!(BufferedPosition::read_short(&vec![0; length]).is_err());
            assert!(LongPosition::read(&vec![0; length]).is_err());
        }
    }
}
