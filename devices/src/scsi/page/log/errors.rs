//! Log pages 02h and 03h: errors while writing and reading (SPC-4, 7.3.22 and 7.3.14).

use types::Bytes;

use super::{BadReply, Log, PageCode};

/// Errors while writing.
pub const WRITE: PageCode = PageCode::page(0x02);
/// Errors while reading.
pub const READ: PageCode = PageCode::page(0x03);

/// Errors since the cartridge was loaded. What a drive does not count is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Corrected at once.
    pub corrected_at_once: Option<u64>,
    /// Corrected with some delay.
    pub corrected_later: Option<u64>,
    /// Written or read again.
    pub retried: Option<u64>,
    /// Corrected in all.
    pub corrected: Option<u64>,
    /// How many bytes were written or read.
    pub bytes: Option<Bytes>,
    /// Not corrected: something is lost.
    pub uncorrected: Option<u64>,
}

/// Reads page 02h or 03h.
pub fn decode(code: PageCode, bytes: &[u8]) -> Result<Errors, BadReply> {
    let log = Log::decode("the errors it counted", code, bytes)?;
    Ok(Errors {
        corrected_at_once: log.number(0x0000),
        corrected_later: log.number(0x0001),
        retried: log.number(0x0002),
        corrected: log.number(0x0003),
        bytes: log.amount(0x0005, Bytes(1)),
        uncorrected: log.number(0x0006),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{Bytes, WRITE, decode};

    #[test]
    fn a_drive_counts_what_it_counts() {
        let bytes = page(WRITE, &[(2, &[0, 7]), (5, &[0, 0, 0, 1, 0, 0, 0, 0]), (6, &[0])]);
        let errors = decode(WRITE, &bytes).unwrap();
        assert_eq!(
            (errors.retried, errors.uncorrected, errors.corrected),
            (Some(7), Some(0), None)
        );
        assert_eq!(errors.bytes, Some(Bytes(1 << 32)));
    }
}
