//! Log page 30h of LTO drives: the life of the cartridge, as its memory keeps it (HP Ultrium SCSI reference C7379-90900;
//! Seagate Viper 200 manual; IBM LTO SCSI Reference). Log page 17h tells more, where there is one.

use super::volume::VolumeStatistics;
use super::{BadReply, Log, PageCode};

/// The page's number. A changer's page of the same number is another one.
pub const PAGE: PageCode = PageCode::page(0x30);

/// Reads the page. What it does not tell is none.
pub fn decode(bytes: &[u8]) -> Result<VolumeStatistics, BadReply> {
    let log = Log::decode("the cartridge's use", PAGE, bytes)?;
    Ok(VolumeStatistics {
        mounts: log.number(0x0001),
        written: log.number(0x0002),
        write_retries: log.number(0x0003),
        write_failures: log.number(0x0004),
        suspended_writes: log.number(0x0005),
        read: log.number(0x0007),
        read_retries: log.number(0x0008),
        read_failures: log.number(0x0009),
        ..VolumeStatistics::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::spoil;
    use super::super::testing::page;
    use super::{PAGE, decode};

    #[test]
    fn the_cartridge_s_memory_is_told() {
        let bytes = page(
            PAGE,
            &[
                (1, &[0, 0, 0, 107]),
                (2, &[0, 0, 0, 0, 0, 0, 0xef, 0xef]),
                (3, &[0, 0, 0, 35]),
                (5, &[0, 2]),
                (9, &[0xff, 0xff]),
            ],
        );
        let life = decode(&bytes).unwrap();
        assert_eq!((life.mounts, life.written), (Some(107), Some(61_423)));
        assert_eq!((life.write_retries, life.suspended_writes), (Some(35), Some(2)));
        assert_eq!((life.read_failures, life.serial), (None, None));
        spoil(&bytes, |bytes| drop(decode(bytes)));
    }
}
