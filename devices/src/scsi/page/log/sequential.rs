//! Log page 0Ch: how much went through a drive, and where on the medium it stands (SSC-4, 8.2.3).

use types::Bytes;

use super::{BadReply, Log, MEGABYTE, PageCode};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x0c);

/// How much went through a drive, and how much room there is on the medium in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequential {
    /// Taken from hosts, before compression.
    pub from_hosts: Option<Bytes>,
    /// Written to the medium, after compression.
    pub to_medium: Option<Bytes>,
    /// Read from the medium, still compressed.
    pub from_medium: Option<Bytes>,
    /// Given to hosts.
    pub to_hosts: Option<Bytes>,
    /// From the beginning of the partition to the end of the data.
    pub to_end_of_data: Option<Bytes>,
    /// From the beginning of the partition to early warning: its capacity.
    pub to_early_warning: Option<Bytes>,
    /// From early warning to the end: what can still be written after the warning.
    pub after_early_warning: Option<Bytes>,
    /// From the beginning of the partition to where the drive stands.
    pub to_here: Option<Bytes>,
    /// How much the drive's buffer can hold.
    pub buffer: Option<Bytes>,
    /// Whether the drive wants to be cleaned.
    pub cleaning: Option<bool>,
}

/// Reads the page.
pub fn decode(bytes: &[u8]) -> Result<Sequential, BadReply> {
    let log = Log::decode("what went through the drive", PAGE, bytes)?;
    Ok(Sequential {
        from_hosts: log.amount(0x0000, Bytes(1)),
        to_medium: log.amount(0x0001, Bytes(1)),
        from_medium: log.amount(0x0002, Bytes(1)),
        to_hosts: log.amount(0x0003, Bytes(1)),
        to_end_of_data: log.amount(0x0004, MEGABYTE),
        to_early_warning: log.amount(0x0005, MEGABYTE),
        after_early_warning: log.amount(0x0006, MEGABYTE),
        to_here: log.amount(0x0007, MEGABYTE),
        buffer: log.amount(0x0008, MEGABYTE),
        cleaning: log.number(0x0100).map(|wanted| wanted != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{Bytes, PAGE, decode};

    #[test]
    fn distances_are_megabytes_and_amounts_are_bytes() {
        let bytes = page(
            PAGE,
            &[
                (0, &[0, 0, 0, 0, 0, 0, 2, 0]),
                (5, &[0, 0x2d, 0xc6, 0xc0]),
                (6, &[0, 0, 0, 30]),
                (0x100, &[1]),
            ],
        );
        let found = decode(&bytes).unwrap();
        assert_eq!(found.from_hosts, Some(Bytes(512)));
        assert_eq!(found.to_early_warning, Some(Bytes(3_000_000_000_000)));
        assert_eq!(found.after_early_warning, Some(Bytes(30_000_000)));
        assert_eq!((found.cleaning, found.to_here), (Some(true), None));
    }

    #[test]
    fn an_absurd_distance_does_not_run_over() {
        let found =
            decode(&page(PAGE, &[(4, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe])])).unwrap();
        assert_eq!(found.to_end_of_data, Some(Bytes(u64::MAX)));
    }
}
