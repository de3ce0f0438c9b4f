//! Mode page 10h: how a drive behaves (SSC-4, 8.3.3).

use std::time::Duration;

use super::{BadReply, PageCode, Switch, at_least, with_bits};
use crate::scsi::bytes::{u8_at, u16_at};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x10);

/// How a drive behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    page: Vec<u8>,
}

impl Configuration {
    /// Reads the page, with its head.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        Ok(Self {
            page: at_least("the mode page on the drive's configuration", page, 16)?.to_vec(),
        })
    }

    /// The partition in which the drive stands.
    pub fn active_partition(&self) -> u8 {
        self.bits(3)
    }

    /// How long the drive keeps a buffer that is not full before it writes it.
    pub fn write_delay(&self) -> Duration {
        Duration::from_millis(100 * u64::from(u16_at(&self.page, 6).unwrap_or(0)))
    }

    /// Whether the drive counts objects, so that READ POSITION and LOCATE can be used: LOIS.
    pub fn counts_objects(&self) -> bool {
        self.bits(8) & 0x40 != 0
    }

    /// Whether the drive writes its buffer out at early warning by itself: SEW.
    pub fn flushes_at_early_warning(&self) -> bool {
        self.bits(10) & 0x08 != 0
    }

    /// Whether a host has forbidden to write: SWP.
    pub fn write_protected_by_host(&self) -> bool {
        self.bits(10) & 0x04 != 0
    }

    /// Whether the cartridge is write-protected until told otherwise, or for ever: PERSWP, PRMWP.
    pub fn write_protected_on_medium(&self) -> bool {
        self.bits(15) & 0x03 != 0
    }

    /// Whether the drive compresses, as this page says: SELECT DATA COMPRESSION ALGORITHM.
    pub fn compresses(&self) -> bool {
        self.bits(14) != 0
    }

    /// The page that turns compression on or off, for drives that go by this page.
    #[must_use]
    pub fn compressing(&self, compress: Switch) -> Vec<u8> {
        with_bits(&self.page, 14, 0xff, compress.bits(0x01))
    }

    /// The page that turns the protection by a host on or off.
    #[must_use]
    pub fn write_protecting(&self, protect: Switch) -> Vec<u8> {
        with_bits(&self.page, 10, 0x04, protect.bits(0x04))
    }

    fn bits(&self, at: usize) -> u8 {
        u8_at(&self.page, at).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::testing::{hex, spoil};
    use super::{Configuration, Switch};

    #[test]
    fn a_drive_tells_how_it_behaves() {
        let page = hex("90 0e 00 01 00 00 00 c8 40 00 18 00 00 00 01 02");
        let now = Configuration::decode(&page).unwrap();
        assert_eq!(now.active_partition(), 1);
        assert_eq!(now.write_delay(), Duration::from_secs(20));
        assert!(now.counts_objects() && now.flushes_at_early_warning() && now.compresses());
        assert!(now.write_protected_on_medium() && !now.write_protected_by_host());
        assert_eq!(now.compressing(Switch::Off)[14], 0);
        assert_eq!(now.write_protecting(Switch::On)[10], 0x1c);
        assert!(Configuration::decode(&page[..15]).is_err());
        spoil(&page, |bytes| {
            drop(Configuration::decode(bytes).map(|page| page.compressing(Switch::On)))
        });
    }
}
