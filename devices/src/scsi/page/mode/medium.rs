//! Mode page 1Dh of a drive: whether the cartridge in it can be written only once (SSC-4, 8.3.7).
//!
//! A changer's page of the same number is another one: [`elements`](super::elements).

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::u8_at;

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x1d);

/// Whether a cartridge can be written only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediumConfiguration {
    /// It can: WORMM.
    pub write_once: bool,
    /// What of a label at the beginning may be overwritten all the same: 0 nothing, 1 some kinds, 2 any.
    pub label_restrictions: u8,
    /// What of the filemarks at the end: 2 any, 3 all but the one nearest to the beginning.
    pub filemark_restrictions: u8,
}

/// Reads the page, with its head.
pub fn decode(page: &[u8]) -> Result<MediumConfiguration, BadReply> {
    let page = at_least("the mode page on the medium", page, 6)?;
    let byte = |at| u8_at(page, at).unwrap_or(0);
    Ok(MediumConfiguration {
        write_once: byte(2) & 0x01 != 0,
        label_restrictions: byte(4),
        filemark_restrictions: byte(5),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::hex;
    use super::decode;

    #[test]
    fn a_cartridge_that_is_written_once_says_so() {
        let mut page = hex("9d 1e 01 00 01 02");
        page.resize(32, 0);
        let found = decode(&page).unwrap();
        assert!(found.write_once);
        assert_eq!((found.label_restrictions, found.filemark_restrictions), (1, 2));
        page[2] = 0;
        assert!(!decode(&page).unwrap().write_once);
        assert!(decode(&page[..5]).is_err());
    }
}
