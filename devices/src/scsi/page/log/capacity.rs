//! Log page 31h: the room on a cartridge, in the form that LTO drives have had since their second generation (IBM
//! LTO SCSI Reference, HPE LTO reference). Log page 17h tells the same, where there is one.
//! Seagate's LTO-1 drives count in 10^6 bytes instead (Viper 200 manual): of theirs we say a twentieth too much.

use types::Bytes;

use super::{BadReply, Log, PageCode};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x31);

/// The room in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// What is left.
    pub left: Option<Bytes>,
    /// What it can hold.
    pub most: Option<Bytes>,
}

/// Reads the page: partitions 0 to 3. Amounts come in units of 2^20 bytes.
pub fn decode(bytes: &[u8]) -> Result<[Capacity; 4], BadReply> {
    let log = Log::decode("the room on the cartridge", PAGE, bytes)?;
    let room = |left, most| Capacity {
        left: log.amount(left, Bytes::MIB),
        most: log.amount(most, Bytes::MIB),
    };
    Ok([room(1, 3), room(2, 4), room(5, 7), room(6, 8)])
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{Bytes, Capacity, PAGE, decode};

    #[test]
    fn each_partition_has_its_room() {
        let bytes = page(PAGE, &[(1, &[0, 0, 0, 10]), (2, &[0, 0, 0, 0]), (3, &[0, 0, 1, 0])]);
        let [first, second, third, _] = decode(&bytes).unwrap();
        assert_eq!(first, Capacity { left: Some(Bytes(10 << 20)), most: Some(Bytes(256 << 20)) });
        assert_eq!(second, Capacity { left: Some(Bytes(0)), most: None });
        assert_eq!(third, Capacity::default());
    }
}
