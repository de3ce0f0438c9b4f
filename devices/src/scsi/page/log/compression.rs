//! Log pages 1Bh (SSC-4, 8.2.10) and 32h (IBM, HPE): how well a drive compresses.

use types::Bytes;

use super::{BadReply, Log, MEGABYTE, PageCode};
use crate::scsi::bytes::array;

/// The standard's page.
pub const PAGE: PageCode = PageCode::page(0x1b);
/// What LTO drives had before.
pub const OLD_PAGE: PageCode = PageCode::page(0x32);

/// How well a drive compresses, since the cartridge was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    /// Of what was read: bytes given out for 100 bytes on the medium.
    pub read_percent: Option<u64>,
    /// Of what was written: bytes taken for 100 bytes on the medium.
    pub write_percent: Option<u64>,
    /// Given to hosts.
    pub to_hosts: Option<Bytes>,
    /// Read from the medium.
    pub from_medium: Option<Bytes>,
    /// Taken from hosts.
    pub from_hosts: Option<Bytes>,
    /// Written to the medium.
    pub to_medium: Option<Bytes>,
    /// Whether it compresses at all; page 32h does not tell.
    pub compresses: Option<bool>,
}

/// Reads page 1Bh or 32h: but for the last they are the same.
pub fn decode(code: PageCode, bytes: &[u8]) -> Result<Compression, BadReply> {
    let log = Log::decode("how well it compresses", code, bytes)?;
    let amount = |megabytes, bytes| {
        let whole = log.amount(megabytes, MEGABYTE)?;
        Some(Bytes(whole.0.saturating_add_signed(beyond(log.value(bytes).unwrap_or_default()))))
    };
    Ok(Compression {
        read_percent: log.number(0x0000),
        write_percent: log.number(0x0001),
        to_hosts: amount(0x0002, 0x0003),
        from_medium: amount(0x0004, 0x0005),
        from_hosts: amount(0x0006, 0x0007),
        to_medium: amount(0x0008, 0x0009),
        compresses: log.number(0x0100).map(|on| on != 0),
    })
}

/// The bytes beyond whole megabytes. HP's drives round to the nearest megabyte, so that it may be a few less (HP Ultrium
/// SCSI reference C7379-90900): four bytes with a sign. The others count from 0 to 999999.
fn beyond(value: &[u8]) -> i64 {
    match array(value, 0) {
        Some(four) if value.len() == 4 => i32::from_be_bytes(four).into(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::spoil;
    use super::super::testing::page;
    use super::{Bytes, OLD_PAGE, PAGE, decode};

    #[test]
    fn a_drive_that_rounds_up_gives_the_bytes_too_many() {
        let parameters: [(u16, &[u8]); 4] = [
            (6, &[0, 0, 0, 3]),
            (7, &(-5_i32).to_be_bytes()),
            (8, &[0, 0, 0, 0]),
            (9, &(-5_i32).to_be_bytes()),
        ];
        let bytes = page(OLD_PAGE, &parameters);
        let found = decode(OLD_PAGE, &bytes).unwrap();
        assert_eq!((found.from_hosts, found.to_medium), (Some(Bytes(2_999_995)), Some(Bytes(0))));
        spoil(&bytes, |bytes| drop(decode(OLD_PAGE, bytes)));
    }

    #[test]
    fn an_lto_10_drive_that_took_256_mebibytes_says_so() {
        // As it was listed by sg_logs for an IBM ULT3580-TDA: 268 MB and 435456 bytes.
        let bytes = page(PAGE, &[(6, &268_u32.to_be_bytes()), (7, &435_456_u32.to_be_bytes())]);
        assert_eq!(decode(PAGE, &bytes).unwrap().from_hosts, Some(Bytes(256 << 20)));
    }

    #[test]
    fn megabytes_and_bytes_are_put_together() {
        let parameters: [(u16, &[u8]); 4] =
            [(1, &[0, 211]), (6, &[0, 0, 0, 3]), (7, &[0, 0, 0, 17]), (0x100, &[0, 1])];
        for code in [PAGE, OLD_PAGE] {
            let found = decode(code, &page(code, &parameters)).unwrap();
            assert_eq!(
                (found.write_percent, found.from_hosts),
                (Some(211), Some(Bytes(3_000_017)))
            );
            assert_eq!((found.compresses, found.to_medium), (Some(true), None));
        }
    }
}
