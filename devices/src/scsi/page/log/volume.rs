//! Log page 17h: the life of the cartridge in a drive (SSC-4, 8.2.9).

use types::Bytes;

use super::{BadReply, Log, MEGABYTE, PageCode, known_number};
use crate::scsi::bytes::{u8_at, u16_at};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x17);

/// More partitions than this are not looked at; LTO has four at most.
const MOST_PARTITIONS: usize = 64;

/// The life of a cartridge. What the drive does not know is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeStatistics {
    /// Whether the rest holds: the drive may still be reading the cartridge's memory.
    pub valid: Option<bool>,
    /// Times it was mounted.
    pub mounts: Option<u64>,
    /// Data sets written.
    pub written: Option<u64>,
    /// Data sets written again because they did not hold.
    pub write_retries: Option<u64>,
    /// Writing failed.
    pub write_failures: Option<u64>,
    /// Writing was held up.
    pub suspended_writes: Option<u64>,
    /// Data sets read.
    pub read: Option<u64>,
    /// Data sets read again.
    pub read_retries: Option<u64>,
    /// Reading failed.
    pub read_failures: Option<u64>,
    /// Written since it was mounted.
    pub written_this_mount: Option<Bytes>,
    /// Read since it was mounted.
    pub read_this_mount: Option<Bytes>,
    /// Written in all its life.
    pub written_ever: Option<Bytes>,
    /// Read in all its life.
    pub read_ever: Option<Bytes>,
    /// What it can hold, before compression.
    pub capacity: Option<Bytes>,
    /// What of that is used.
    pub used: Option<Bytes>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its barcode, as the library told the drive.
    pub barcode: Option<String>,
    /// Its maker.
    pub manufacturer: Option<String>,
    /// Whether it is write-protected.
    pub write_protected: Option<bool>,
    /// Whether it can be written only once.
    pub write_once: Option<bool>,
    /// Whether it was ever warmer than it may be.
    pub was_too_warm: Option<bool>,
    /// How often the tape passed at its beginning.
    pub passes_at_beginning: Option<u64>,
    /// How often the tape passed at its middle.
    pub passes_at_middle: Option<u64>,
    /// The room in each partition.
    pub partitions: Vec<Room>,
}

/// The room in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Which.
    pub partition: u16,
    /// What it can hold.
    pub capacity: Option<Bytes>,
    /// What of that is used.
    pub used: Option<Bytes>,
    /// What is left.
    pub left: Option<Bytes>,
}

/// Reads the page.
pub fn decode(bytes: &[u8]) -> Result<VolumeStatistics, BadReply> {
    let log = Log::decode("the cartridge's life", PAGE, bytes)?;
    Ok(VolumeStatistics {
        valid: log.flag(0x0000),
        mounts: log.number(0x0001),
        written: log.number(0x0002),
        write_retries: log.number(0x0003),
        write_failures: log.number(0x0004),
        suspended_writes: log.number(0x0005),
        read: log.number(0x0007),
        read_retries: log.number(0x0008),
        read_failures: log.number(0x0009),
        written_this_mount: log.amount(0x000e, MEGABYTE),
        read_this_mount: log.amount(0x000f, MEGABYTE),
        written_ever: log.amount(0x0010, MEGABYTE),
        read_ever: log.amount(0x0011, MEGABYTE),
        capacity: log.amount(0x0016, MEGABYTE),
        used: log.amount(0x0017, MEGABYTE),
        serial: log.text(0x0040),
        barcode: log.text(0x0042),
        manufacturer: log.text(0x0043),
        write_protected: log.flag(0x0080),
        write_once: log.flag(0x0081),
        was_too_warm: log.flag(0x0082),
        passes_at_beginning: log.number(0x0101),
        passes_at_middle: log.number(0x0102),
        partitions: partitions(&log),
    })
}

/// Three parameters with a record for each partition, put together.
fn partitions(log: &Log<'_>) -> Vec<Room> {
    let mut rooms: Vec<Room> = Vec::new();
    let mut put = |code, set: fn(&mut Room, Option<Bytes>)| {
        for (partition, amount) in records(log.value(code).unwrap_or_default()) {
            let known = rooms.iter().position(|room| room.partition == partition);
            let at = known.unwrap_or_else(|| {
                rooms.push(Room { partition, capacity: None, used: None, left: None });
                rooms.len() - 1
            });
            if let Some(room) = rooms.get_mut(at) {
                set(room, amount);
            }
        }
    };
    put(0x0202, |room, amount| room.capacity = amount);
    put(0x0203, |room, amount| room.used = amount);
    put(0x0204, |room, amount| room.left = amount);
    rooms
}

/// Records of a length byte, a reserved byte, the partition and an amount. How many and how long they are
/// depends on the generation.
fn records(mut rest: &[u8]) -> Vec<(u16, Option<Bytes>)> {
    let mut found = Vec::new();
    while found.len() < MOST_PARTITIONS {
        let (Some(length), Some(partition)) = (u8_at(rest, 0), u16_at(rest, 2)) else { break };
        // The length byte does not count itself.
        let length = 1 + usize::from(length);
        if length < 5 {
            break;
        }
        let amount = rest.get(4..length).and_then(known_number);
        let amount = amount.map(|number| Bytes(number.saturating_mul(MEGABYTE.0)));
        found.push((partition, amount));
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{hex, spoil};
    use super::super::testing::page;
    use super::{Bytes, PAGE, Room, decode};

    fn lto8() -> Vec<u8> {
        let capacity = hex("07 00 00 00 00 b7 1b 00  07 00 00 01 ff ff ff ff");
        let used = hex("07 00 00 00 00 00 03 e8");
        page(
            PAGE,
            &[
                (0x00, &[1]),
                (0x01, &[0, 0, 0, 42]),
                (0x10, &[0, 0, 0, 0, 0, 1, 0, 0]),
                (0x16, &[0, 0xb7, 0x1b, 0]),
                (0x42, b"NIGHT1L8                        "),
                (0x80, &[0]),
                (0x81, &[1]),
                (0x202, &capacity),
                (0x203, &used),
            ],
        )
    }

    #[test]
    fn a_cartridge_tells_its_life() {
        let life = decode(&lto8()).unwrap();
        assert_eq!((life.valid, life.mounts), (Some(true), Some(42)));
        assert_eq!(life.capacity, Some(Bytes(12_000_000_000_000)));
        assert_eq!(life.written_ever, Some(Bytes(65_536_000_000)));
        assert_eq!(life.barcode.as_deref(), Some("NIGHT1L8"));
        assert_eq!(
            (life.write_protected, life.write_once, life.was_too_warm),
            (Some(false), Some(true), None)
        );
        spoil(&lto8(), |bytes| drop(decode(bytes)));
    }

    #[test]
    fn there_are_as_many_partitions_as_there_are_records() {
        let terabytes = Some(Bytes(12_000_000_000_000));
        assert_eq!(
            decode(&lto8()).unwrap().partitions,
            [
                Room {
                    partition: 0,
                    capacity: terabytes,
                    used: Some(Bytes(1_000_000_000)),
                    left: None
                },
                Room { partition: 1, capacity: None, used: None, left: None },
            ]
        );
        let endless = vec![4_u8; 255];
        assert_eq!(decode(&page(PAGE, &[(0x202, &endless)])).unwrap().partitions.len(), 1);
    }
}
