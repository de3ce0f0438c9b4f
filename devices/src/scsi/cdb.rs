//! Command descriptor blocks: what is sent to a device.

use std::fmt;

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
