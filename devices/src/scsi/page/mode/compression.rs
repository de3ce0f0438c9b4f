//! Mode page 0Fh: whether a drive compresses (SSC-4, 8.3.2).

use super::{BadReply, PageCode, Switch, at_least, with_bits};
use crate::scsi::bytes::u8_at;

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x0f);

/// Whether a drive compresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    page: Vec<u8>,
}

impl Compression {
    /// Reads the page, with its head.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        Ok(Self { page: at_least("the mode page on compression", page, 4)?.to_vec() })
    }

    /// Whether it can: DCC.
    pub fn possible(&self) -> bool {
        self.bits(2) & 0x40 != 0
    }

    /// Whether it does: DCE.
    pub fn compresses(&self) -> bool {
        self.bits(2) & 0x80 != 0
    }

    /// Whether it gives compressed data out as they were before: DDE.
    pub fn expands(&self) -> bool {
        self.bits(3) & 0x80 != 0
    }

    /// The page that turns compression on or off. What was compressed is read all the same.
    #[must_use]
    pub fn turned(&self, compress: Switch) -> Vec<u8> {
        with_bits(&self.page, 2, 0x80, compress.bits(0x80))
    }

    fn bits(&self, at: usize) -> u8 {
        u8_at(&self.page, at).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::{Compression, Switch};

    #[test]
    fn only_the_one_bit_is_changed() {
        let page = hex("8f 0e c0 80 00 00 00 01 00 00 00 01 00 00 00 00");
        let now = Compression::decode(&page).unwrap();
        assert!(now.possible() && now.compresses() && now.expands());
        let off = now.turned(Switch::Off);
        assert_eq!(off, hex("8f 0e 40 80 00 00 00 01 00 00 00 01 00 00 00 00"));
        assert!(!Compression::decode(&off).unwrap().compresses());
        assert_eq!(Compression::decode(&off).unwrap().turned(Switch::On), page);
        spoil(&page, |bytes| drop(Compression::decode(bytes).map(|page| page.turned(Switch::On))));
    }
}
