//! How a drive can protect blocks on their way: VPD page B5h (SSC-5, 8.7.8).

use super::{BadReply, vpd};
use crate::scsi::bytes::{stretch, u8_at};

/// A way to check that a block arrives as it was sent: a few bytes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How they are worked out.
    pub method: Method,
    /// How many they are.
    pub length: u8,
    /// They can be checked when writing.
    pub writing: bool,
    /// They can be given when reading.
    pub reading: bool,
    /// They can be given by RECOVER BUFFERED DATA.
    pub recovering: bool,
}

/// How the bytes behind a block are worked out (SSC-5, table 95).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Not at all.
    None,
    /// The Reed-Solomon CRC of ECMA-319.
    ReedSolomon,
    /// CRC32C, as iSCSI has it.
    Crc32c,
    /// Another way.
    Other(u8),
}

impl Method {
    /// Its number.
    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::ReedSolomon => 1,
            Self::Crc32c => 2,
            Self::Other(code) => code,
        }
    }
}

impl From<u8> for Method {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::ReedSolomon,
            2 => Self::Crc32c,
            other => Self::Other(other),
        }
    }
}

/// Reads VPD page B5h. A drive may offer several.
pub fn offers(bytes: &[u8]) -> Result<Vec<Offer>, BadReply> {
    let body = vpd::body("how blocks can be protected", vpd::PROTECTION, bytes)?;
    // Four reserved bytes stand before the first descriptor.
    let mut rest = body.get(4..).unwrap_or_default();
    let mut found = Vec::new();
    // A descriptor's first byte says how many follow it.
    while let Some(length) =
        u8_at(rest, 0).filter(|length| *length >= 3).map(|length| 1 + usize::from(length))
    {
        let descriptor = stretch(rest, 0, length);
        if let &[_, method, length, flags, ..] = descriptor {
            found.push(Offer {
                method: method.into(),
                length: length & 0x3f,
                writing: flags & 0x80 != 0,
                reading: flags & 0x40 != 0,
                recovering: flags & 0x20 != 0,
            });
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{Method, offers};

    #[test]
    fn a_drive_may_offer_both_checks() {
        let page = hex("01 b5 00 14 00 00 00 00  07 01 04 e0 00 00 00 00  07 02 04 c0 00 00 00 00");
        let found = offers(&page).unwrap();
        assert_eq!(
            found.iter().map(|offer| offer.method).collect::<Vec<_>>(),
            [Method::ReedSolomon, Method::Crc32c]
        );
        assert!(found[1].writing && found[1].reading && !found[1].recovering);
        assert_eq!(found[1].length, 4);
        spoil(&page, |bytes| drop(offers(bytes)));
    }

    #[test]
    fn a_descriptor_without_length_ends_the_list() {
        assert_eq!(offers(&hex("01 b5 00 0c 00 00 00 00 00 02 04 c0 00 00 00 00")).unwrap(), []);
    }
}
