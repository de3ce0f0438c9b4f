//! The formats of tape, by density code (SSC-4, annex; and what the vendors registered).
//!
//! A drive reports the code of the medium in it by MODE SENSE, REPORT DENSITY SUPPORT and the cartridge's memory.

use types::Bytes;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Density {
    /// Its code.
    pub code: u8,
    /// What people call it.
    pub name: &'static str,
    /// What a cartridge holds, before compression, in its usual length.
    pub capacity: Bytes,
}

/// The format of this code, if it is one that people still have.
pub fn density(code: u8) -> Option<Density> {
    let &(code, name, gigabytes) = TABLE.iter().find(|row| row.0 == code)?;
    Some(Density { code, name, capacity: Bytes(gigabytes * 1_000_000_000) })
}

const TABLE: [(u8, &str, u64); 24] = [
    (0x40, "LTO-1", 100),
    (0x42, "LTO-2", 200),
    (0x44, "LTO-3", 400),
    (0x46, "LTO-4", 800),
    (0x47, "DAT-72", 36),
    (0x48, "SDLT-220", 110),
    (0x49, "SDLT-320", 160),
    (0x4a, "T10000A", 500),
    (0x4b, "T10000B", 1000),
    (0x4c, "T10000C", 5000),
    (0x4d, "T10000D", 8500),
    (0x51, "3592-J1A", 300),
    (0x52, "3592-E05", 500),
    (0x53, "3592-E06", 1000),
    (0x54, "3592-E07", 4000),
    (0x55, "3592-E08", 10_000),
    (0x58, "LTO-5", 1500),
    (0x5a, "LTO-6", 2500),
    (0x5c, "LTO-7", 6000),
    (0x5d, "LTO-7 type M", 9000),
    (0x5e, "LTO-8", 12_000),
    (0x60, "LTO-9", 18_000),
    (0x62, "LTO-10", 30_000),
    (0x63, "LTO-10 P", 40_000),
];

#[cfg(test)]
mod tests {
    use super::{Bytes, TABLE, density};

    #[test]
    fn an_lto_8_cartridge_holds_12_terabytes() {
        let found = density(0x5e).unwrap();
        assert_eq!((found.name, found.capacity), ("LTO-8", Bytes(12_000_000_000_000)));
        assert_eq!(density(0x00), None);
    }

    #[test]
    fn each_code_has_one_row() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
