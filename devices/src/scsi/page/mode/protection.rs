//! Mode page 0Ah/F0h: whether blocks are checked on their way (SSC-4, 8.3.9).

use super::{BadReply, PageCode, Switch, at_least};
use crate::scsi::bytes::u8_at;
use crate::scsi::page::protection::Method;

/// The page's number.
pub const PAGE: PageCode = PageCode::sub(0x0a, 0xf0);

/// How blocks are checked on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    page: Vec<u8>,
}

/// How blocks shall be checked on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// How the bytes behind a block are worked out.
    pub method: Method,
    /// How many they are.
    pub length: u8,
    /// When writing.
    pub writing: Switch,
    /// When reading.
    pub reading: Switch,
}

impl Checks {
    /// None.
    pub const NONE: Self =
        Self { method: Method::None, length: 0, writing: Switch::Off, reading: Switch::Off };

    /// CRC32C in four bytes, both ways.
    pub const CRC32C: Self =
        Self { method: Method::Crc32c, length: 4, writing: Switch::On, reading: Switch::On };
}

impl Protection {
    /// Reads the page, with its head of four bytes.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        Ok(Self { page: at_least("the mode page on protection", page, 7)?.to_vec() })
    }

    /// How blocks are checked.
    pub fn checks(&self) -> Checks {
        let byte = |at| u8_at(&self.page, at).unwrap_or(0);
        Checks {
            method: byte(4).into(),
            length: byte(5) & 0x3f,
            writing: Switch::from(byte(6) & 0x80 != 0),
            reading: Switch::from(byte(6) & 0x40 != 0),
        }
    }

    /// The page that sets the checks.
    #[must_use]
    pub fn with(&self, checks: Checks) -> Vec<u8> {
        let mut page = self.page.clone();
        if let Some([method, length, flags]) = page.get_mut(4..7) {
            *method = checks.method.code();
            *length = checks.length & 0x3f;
            *flags = *flags & !0xe0 | checks.writing.bits(0x80) | checks.reading.bits(0x40);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::{Checks, Protection};

    #[test]
    fn checks_are_turned_on_and_off() {
        let mut page = hex("ca f0 00 1c 00 00 00 00");
        page.resize(32, 0);
        let off = Protection::decode(&page).unwrap();
        assert_eq!(off.checks(), Checks::NONE);
        let on = off.with(Checks::CRC32C);
        assert_eq!(on[..8], hex("ca f0 00 1c 02 04 c0 00"));
        let on = Protection::decode(&on).unwrap();
        assert_eq!(on.checks(), Checks::CRC32C);
        assert_eq!(on.with(Checks::NONE), page);
        spoil(&page, |bytes| drop(Protection::decode(bytes).map(|page| page.with(Checks::CRC32C))));
    }
}
