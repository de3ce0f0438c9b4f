//! Attribute 080Ch: what holds between a cartridge's memory and its tape (SPC-4, 7.4.2.4.13).
//!
//! A program notes the change reference of the moment at which it had written all that it wanted. If the
//! cartridge's own reference is another one later, somebody has written since.

use crate::scsi::bytes::{stretch, u8_at, u16_at, u64_at};

/// A note of the moment at which all was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coherency {
    /// The change reference of that moment.
    pub reference: Vec<u8>,
    /// The program's own count of such moments.
    pub count: u64,
    /// The program's own number of what was written.
    pub set: u64,
    /// Anything else.
    pub more: Vec<u8>,
}

impl Coherency {
    /// Reads the value of the attribute; none if it is cut off.
    pub fn decode(value: &[u8]) -> Option<Self> {
        let length = usize::from(u8_at(value, 0)?);
        let reference = value.get(1..=length)?.to_vec();
        let behind = value.get(1 + length..)?;
        let more = usize::from(u16_at(behind, 16)?);
        Some(Self {
            reference,
            count: u64_at(behind, 0)?,
            set: u64_at(behind, 8)?,
            more: stretch(behind, 18, more).to_vec(),
        })
    }

    /// The value of the attribute; none if a part of it is too long.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut value = vec![u8::try_from(self.reference.len()).ok()?];
        value.extend(&self.reference);
        value.extend(self.count.to_be_bytes());
        value.extend(self.set.to_be_bytes());
        value.extend(u16::try_from(self.more.len()).ok()?.to_be_bytes());
        value.extend(&self.more);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::Coherency;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            reference in prop::collection::vec(any::<u8>(), 0..9),
            count: u64,
            set: u64,
            more in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let note = Coherency { reference, count, set, more };
            let value = note.encode().unwrap();
            assert_eq!(Coherency::decode(&value).as_ref(), Some(&note));
            let cut = value.len() - note.more.len() - 1;
            assert_eq!(Coherency::decode(&value[..cut]), None);
        }
    }
}
