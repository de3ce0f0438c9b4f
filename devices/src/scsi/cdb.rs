//! Command descriptor blocks: what is sent to a device.
//!
//! One function for each command, and each is the row of the standard's table: the bytes stand where the book
//! has them. [`spc`] has what every device understands, [`ssc`] what a drive does, [`smc`] what a changer does.
//! What a command may vary is a type of its own, never a `bool`.

use std::fmt;

pub mod smc;
pub mod spc;
pub mod ssc;

/// Whether a command is answered when it is done, or as soon as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// When it is done: IMMED is 0.
    WhenDone,
    /// At once, and the work goes on: IMMED is 1. How it ended is heard later.
    AtOnce,
}

impl Answered {
    fn bit(self) -> u8 {
        match self {
            Self::WhenDone => 0,
            Self::AtOnce => 1,
        }
    }
}

/// A count or length of 24 bits: what the commands of 6 bytes have room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct U24(u32);

/// A number that does not fit into the 24 bits which a command has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a command has 24 bits for a count or length, and {0} does not fit")]
pub struct Over24(pub i128);

impl U24 {
    /// The largest.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// One.
    pub const ONE: Self = Self(1);

    fn bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

impl From<u16> for U24 {
    fn from(number: u16) -> Self {
        Self(number.into())
    }
}

impl From<U24> for u32 {
    fn from(number: U24) -> Self {
        number.0
    }
}

impl TryFrom<usize> for U24 {
    type Error = Over24;

    fn try_from(number: usize) -> Result<Self, Over24> {
        match u32::try_from(number) {
            Ok(small) if small <= Self::MAX.0 => Ok(Self(small)),
            _ => Err(Over24(i128::try_from(number).unwrap_or(i128::MAX))),
        }
    }
}

/// A signed count of 24 bits, as SPACE(6) takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I24(i32);

impl I24 {
    fn bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

impl TryFrom<i64> for I24 {
    type Error = Over24;

    fn try_from(number: i64) -> Result<Self, Over24> {
        match i32::try_from(number) {
            Ok(small) if (-0x0080_0000..=0x007f_ffff).contains(&small) => Ok(Self(small)),
            _ => Err(Over24(number.into())),
        }
    }
}

/// A command of 6, 10, 12 or 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cdb {
    bytes: [u8; 16],
    length: usize,
}

impl Cdb {
    /// A command as it is sent. At most 16 bytes count: no command of a tape drive or a changer has more.
    pub(crate) fn new<const N: usize>(command: [u8; N]) -> Self {
        const { assert!(N == 6 || N == 10 || N == 12 || N == 16) };
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(command) {
            *to = from;
        }
        Self { bytes, length: N }
    }

    /// What goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// The first byte, which says what is wanted.
    pub fn opcode(&self) -> u8 {
        self.bytes[0]
    }
}

/// In hexadecimal, as `sg_raw` takes it.
impl fmt::Debug for Cdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{I24, U24};

    #[test]
    fn counts_keep_to_their_24_bits() {
        assert_eq!(U24::try_from(0xff_ffff_usize), Ok(U24::MAX));
        assert!(U24::try_from(0x100_0000_usize).is_err());
        assert_eq!(I24::try_from(-0x80_0000).unwrap().bytes(), [0x80, 0, 0]);
        assert_eq!(I24::try_from(-1).unwrap().bytes(), [0xff; 3]);
        assert!(I24::try_from(0x80_0000).is_err());
        assert!(I24::try_from(-0x80_0001).is_err());
    }
}
