//! What a drive can encrypt with: page 0010h (SSC-4, 8.5.2.4).

use super::{CAPABILITIES, MOST, page};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u32_at};
use crate::scsi::page::BadReply;

/// AES with 256 bits in Galois counter mode, 16 bytes of proof: what LTO has.
pub const AES_256_GCM: u32 = 0x0001_0014;

/// A way to encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// By which number the drive knows it. Drives differ: it has to be read.
    pub index: u8,
    /// Which it is: [`AES_256_GCM`].
    pub code: u32,
    /// How many bytes a key has.
    pub key_length: u16,
    /// Whether the drive encrypts in hardware.
    pub encrypts: bool,
    /// Whether the drive decrypts in hardware.
    pub decrypts: bool,
    /// How many bytes of unauthenticated key data there may be.
    pub unauthenticated: u16,
    /// How many bytes of authenticated key data there may be.
    pub authenticated: u16,
    /// Whether the unauthenticated key data must have just that many bytes.
    pub unauthenticated_fixed: bool,
    /// Whether the authenticated key data must have just that many bytes.
    pub authenticated_fixed: bool,
    /// Whether the drive can tell encrypted blocks from others: DED_C.
    pub distinguishes: bool,
    /// Whether it holds for the cartridge that is in the drive; none if the drive does not tell.
    pub valid_for_medium: Option<bool>,
}

/// Reads the page.
pub fn algorithms(bytes: &[u8]) -> Result<Vec<Algorithm>, BadReply> {
    let page = page("what the drive can encrypt with", CAPABILITIES, bytes, 20)?;
    let mut rest = page.get(20..).unwrap_or_default();
    let mut found = Vec::new();
    while let (Some(length), true) = (u16_at(rest, 2).map(usize::from), found.len() < MOST) {
        found.extend(algorithm(stretch(rest, 0, 4 + length)));
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    Ok(found)
}

fn algorithm(bytes: &[u8]) -> Option<Algorithm> {
    let flags = u8_at(bytes, 4)?;
    let more = u8_at(bytes, 5)?;
    Some(Algorithm {
        index: u8_at(bytes, 0)?,
        code: u32_at(bytes, 20)?,
        key_length: u16_at(bytes, 10)?,
        encrypts: flags & 0x03 == 2,
        decrypts: flags >> 2 & 0x03 == 2,
        unauthenticated: u16_at(bytes, 6)?,
        authenticated: u16_at(bytes, 8)?,
        unauthenticated_fixed: more & 0x02 != 0,
        authenticated_fixed: more & 0x01 != 0,
        distinguishes: flags & 0x10 != 0,
        valid_for_medium: match more >> 6 {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{AES_256_GCM, algorithms};
    use crate::scsi::page::testing::{hex, spoil};

    #[test]
    fn an_lto_drive_has_aes() {
        let reply = hex("00 10 00 28 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
            01 00 00 14 9a 80 00 20 00 0c 00 20 ec 00 00 00 00 00 00 00 00 01 00 14");
        let found = algorithms(&reply).unwrap();
        assert_eq!((found.len(), found[0].index, found[0].code), (1, 1, AES_256_GCM));
        assert!(found[0].encrypts && found[0].decrypts && found[0].distinguishes);
        assert_eq!(
            (found[0].key_length, found[0].unauthenticated, found[0].authenticated),
            (32, 32, 12)
        );
        assert_eq!(found[0].valid_for_medium, Some(true));
        spoil(&reply, |bytes| drop(algorithms(bytes)));
    }

    #[test]
    fn descriptors_without_length_come_to_an_end() {
        let mut reply = hex("00 10 ff ff");
        reply.resize(60_000, 0);
        assert!(algorithms(&reply).unwrap().is_empty());
    }
}
