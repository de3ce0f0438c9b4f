//! Mode page 11h: the partitions of a medium (SSC-4, 8.3.4).

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{u8_at, u16_at};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x11);

/// How a medium is cut into partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// How many beside the first there could be.
    pub most_more: u8,
    /// How many beside the first there are.
    pub more: u8,
    /// In what [`sizes`](Self::sizes) is given.
    pub unit: Unit,
    /// The size of each, as far as it is told; FFFFh is all that is left.
    pub sizes: Vec<u16>,
}

/// In what sizes are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// 1000 bytes.
    Kilobytes,
    /// 10^6 bytes.
    Megabytes,
    /// 10^n bytes.
    PowerOfTen(u8),
}

/// Reads the page, with its head.
pub fn decode(page: &[u8]) -> Result<Partitions, BadReply> {
    let page = at_least("the mode page on partitions", page, 8)?;
    let byte = |at| u8_at(page, at).unwrap_or(0);
    let unit = match byte(4) >> 3 & 0x03 {
        0 => Unit::Bytes,
        1 => Unit::Kilobytes,
        2 => Unit::Megabytes,
        _ => Unit::PowerOfTen(byte(6) & 0x0f),
    };
    let sizes = (0..64).map_while(|number| u16_at(page, 8 + 2 * number)).collect();
    Ok(Partitions { most_more: byte(2), more: byte(3), unit, sizes })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::{Unit, decode};

    #[test]
    fn an_lto_cartridge_with_two_partitions_says_so() {
        let page = hex("91 0a 03 01 3c 03 09 00 00 25 ff ff");
        let found = decode(&page).unwrap();
        assert_eq!((found.most_more, found.more, found.unit), (3, 1, Unit::PowerOfTen(9)));
        assert_eq!(found.sizes, [0x25, 0xffff]);
        spoil(&page, |bytes| drop(decode(bytes)));
    }
}
