//! Mode page 1Ch: how a drive tells of TapeAlerts (SSC-4, 8.3.6).

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::u8_at;

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x1c);

/// How a drive tells of TapeAlerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceptions {
    /// Only in its log: DEXCPT. Whoever wants to know asks.
    pub only_logged: bool,
    /// A flag is being tried out: TEST.
    pub test: bool,
    /// How, otherwise: MRIE.
    pub method: u8,
}

/// Reads the page, with its head.
pub fn decode(page: &[u8]) -> Result<Exceptions, BadReply> {
    let page = at_least("the mode page on TapeAlerts", page, 4)?;
    let flags = u8_at(page, 2).unwrap_or(0);
    Ok(Exceptions {
        only_logged: flags & 0x08 != 0,
        test: flags & 0x04 != 0,
        method: u8_at(page, 3).unwrap_or(0) & 0x0f,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::hex;
    use super::{Exceptions, decode};

    #[test]
    fn drives_come_with_their_alerts_only_logged() {
        let page = hex("9c 0a 08 03 00 00 00 00 00 00 00 00");
        assert_eq!(decode(&page), Ok(Exceptions { only_logged: true, test: false, method: 3 }));
        assert!(decode(&page[..3]).is_err());
    }
}
