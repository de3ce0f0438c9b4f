//! Mode page 10h/01h: the programmable early warning, and drives that only append (SSC-4, 8.3.8).

use super::{BadReply, PageCode, at_least, with_bits};
use crate::scsi::bytes::{u8_at, u16_at};

/// The page's number.
pub const PAGE: PageCode = PageCode::sub(0x10, 0x01);

/// How a drive behaves near the end, and where it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    page: Vec<u8>,
}

/// Where a drive writes (SSC-4, table 98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Anywhere.
    Overwrite,
    /// Only behind what is there, unless ALLOW OVERWRITE allows more.
    AppendOnly,
    /// Something that the books reserve.
    Other(u8),
}

impl Extension {
    /// Reads the page, with its head of four bytes.
    pub fn decode(page: &[u8]) -> Result<Self, BadReply> {
        Ok(Self { page: at_least("the mode page on early warning", page, 8)?.to_vec() })
    }

    /// How far before early warning the drive already warns: PEWS, in megabytes of 10^6 bytes. 0 is never.
    pub fn warning_size(&self) -> u16 {
        u16_at(&self.page, 6).unwrap_or(0)
    }

    /// Where the drive writes.
    pub fn write_mode(&self) -> WriteMode {
        match u8_at(&self.page, 5).unwrap_or(0) >> 4 {
            0 => WriteMode::Overwrite,
            1 => WriteMode::AppendOnly,
            other => WriteMode::Other(other),
        }
    }

    /// The page that sets the programmable early warning so many megabytes before early warning.
    #[must_use]
    pub fn warning_at(&self, megabytes: u16) -> Vec<u8> {
        let mut page = self.page.clone();
        if let Some(field) = page.get_mut(6..8) {
            field.copy_from_slice(&megabytes.to_be_bytes());
        }
        page
    }

    /// The page that lets the drive write anywhere, or only append. Not possible while a cartridge is written.
    #[must_use]
    pub fn writing(&self, mode: WriteMode) -> Vec<u8> {
        let code = match mode {
            WriteMode::Overwrite => 0,
            WriteMode::AppendOnly => 1,
            WriteMode::Other(code) => code,
        };
        with_bits(&self.page, 5, 0xf0, code << 4)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::{Extension, WriteMode};

    #[test]
    fn the_warning_is_set_and_all_else_stays() {
        let mut page = hex("d0 01 00 1c 08 12 00 00");
        page.resize(32, 0);
        let now = Extension::decode(&page).unwrap();
        assert_eq!((now.warning_size(), now.write_mode()), (0, WriteMode::AppendOnly));
        let set = now.warning_at(2000);
        assert_eq!(set[..8], hex("d0 01 00 1c 08 12 07 d0"));
        assert_eq!(Extension::decode(&set).unwrap().warning_size(), 2000);
        assert_eq!(now.writing(WriteMode::Overwrite)[5], 0x02);
        assert!(Extension::decode(&page[..7]).is_err());
        spoil(&page, |bytes| drop(Extension::decode(bytes).map(|page| page.warning_at(1))));
    }
}
