//! What a tape drive does (SSC-4).

use types::ObjectNo;

use super::{Answered, Cdb, I24, U24};

/// What a transfer length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// One block of so many bytes: FIXED is 0.
    Block(U24),
    /// So many blocks of the length that the mode says: FIXED is 1.
    Blocks(U24),
}

impl Transfer {
    fn parts(self) -> (u8, [u8; 3]) {
        match self {
            Self::Block(bytes) => (0, bytes.bytes()),
            Self::Blocks(count) => (1, count.bytes()),
        }
    }
}

/// Whether a block shorter than asked for is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortBlocks {
    /// By sense data: SILI is 0.
    Told,
    /// Only by the count of bytes that travelled: SILI is 1. A longer block is told all the same.
    Silent,
}

impl ShortBlocks {
    fn bit(self) -> u8 {
        match self {
            Self::Told => 0,
            Self::Silent => 0x02,
        }
    }
}

/// REWIND. What is in the buffer is written first, and may fail here.
pub fn rewind(answered: Answered) -> Cdb {
    Cdb::new([0x01, answered.bit(), 0, 0, 0, 0])
}

/// READ BLOCK LIMITS.
pub fn read_block_limits() -> Cdb {
    Cdb::new([0x05, 0, 0, 0, 0, 0])
}

/// READ(6).
pub fn read_6(transfer: Transfer, short: ShortBlocks) -> Cdb {
    let (fixed, [a, b, c]) = transfer.parts();
    Cdb::new([0x08, short.bit() | fixed, a, b, c, 0])
}

/// WRITE(6). A length of zero writes nothing.
pub fn write_6(transfer: Transfer) -> Cdb {
    let (fixed, [a, b, c]) = transfer.parts();
    Cdb::new([0x0a, fixed, a, b, c, 0])
}

/// WRITE FILEMARKS(6). At once, the marks are only queued; when done, they and all before them are on the
/// medium, and no marks at all is a mere flush.
pub fn write_filemarks(count: U24, answered: Answered) -> Cdb {
    let [a, b, c] = count.bytes();
    Cdb::new([0x10, answered.bit(), a, b, c, 0])
}

/// What SPACE counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Blocks; it stops at a filemark.
    Blocks = 0,
    /// Filemarks.
    Filemarks = 1,
    /// That many filemarks in a row.
    FilemarksInARow = 2,
    /// Nothing: it goes behind all data.
    ToEndOfData = 3,
}

/// SPACE(6). A negative count goes back.
pub fn space_6(over: Over, count: I24) -> Cdb {
    let [a, b, c] = count.bytes();
    Cdb::new([0x11, over as u8, a, b, c, 0])
}

/// SPACE(16). A negative count goes back.
pub fn space_16(over: Over, count: i64) -> Cdb {
    let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
    Cdb::new([0x91, over as u8, 0, 0, a, b, c, d, e, f, g, h, 0, 0, 0, 0])
}

/// In which partition to look for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// The one where the drive stands.
    Here,
    /// This one: CP is 1.
    Partition(u8),
}

impl Within {
    fn parts(self) -> (u8, u8) {
        match self {
            Self::Here => (0, 0),
            Self::Partition(number) => (0x02, number),
        }
    }
}

/// LOCATE(10): to an object below 2^32.
pub fn locate_10(object: u32, within: Within, answered: Answered) -> Cdb {
    let (change, partition) = within.parts();
    let [a, b, c, d] = object.to_be_bytes();
    Cdb::new([0x2b, change | answered.bit(), 0, a, b, c, d, 0, partition, 0])
}

/// Where LOCATE(16) goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Before this object.
    Object(ObjectNo),
    /// Behind so many filemarks. Drives do not agree on which file is the first: nothing that must be right may
    /// rest on it.
    File(u64),
    /// Behind all data.
    EndOfData,
}

/// LOCATE(16).
pub fn locate_16(goal: Goal, within: Within, answered: Answered) -> Cdb {
    let (kind, number) = match goal {
        Goal::Object(object) => (0x00, object.0),
        Goal::File(file) => (0x08, file),
        Goal::EndOfData => (0x18, 0),
    };
    let (change, partition) = within.parts();
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let flags = kind | change | answered.bit();
    Cdb::new([0x92, flags, 0, partition, a, b, c, d, e, f, g, h, 0, 0, 0, 0])
}

/// Which answer READ POSITION gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionForm {
    /// 20 bytes: objects of 32 bits, and what is in the buffer.
    Short,
    /// 32 bytes: the object and how many filemarks are before it.
    Long,
    /// 32 bytes: objects of 64 bits, and what is in the buffer.
    Extended,
}

impl PositionForm {
    /// How many bytes the answer has.
    pub const fn length(self) -> u8 {
        match self {
            Self::Short => 20,
            Self::Long | Self::Extended => 32,
        }
    }
}

/// READ POSITION. Only the extended form takes a length: some drives refuse any in the others.
pub fn read_position(form: PositionForm) -> Cdb {
    let (action, room) = match form {
        PositionForm::Short => (0x00, 0),
        PositionForm::Long => (0x06, 0),
        PositionForm::Extended => (0x08, form.length()),
    };
    Cdb::new([0x34, action, 0, 0, 0, 0, 0, 0, room, 0])
}

/// VERIFY(6): the drive reads and checks, and nothing travels.
pub fn verify_6(transfer: Transfer, answered: Answered) -> Cdb {
    let (fixed, [a, b, c]) = transfer.parts();
    Cdb::new([0x13, answered.bit() << 2 | fixed, a, b, c, 0])
}

/// How much ERASE erases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The end of data is set where the drive stands.
    Short = 0,
    /// All from there to the end of the medium. It takes hours: of an LTO-9 cartridge more than twenty.
    Long = 1,
}

/// ERASE(6).
pub fn erase_6(erasure: Erasure, answered: Answered) -> Cdb {
    Cdb::new([0x19, answered.bit() << 1 | erasure as u8, 0, 0, 0, 0])
}

/// Into how many partitions FORMAT MEDIUM cuts a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One, as the medium has by default. An LTO-9 cartridge is calibrated again.
    Default = 0,
    /// As mode page 11h says.
    AsModeSays = 1,
    /// First one, then as mode page 11h says. An LTO-9 cartridge is calibrated again.
    DefaultThenAsModeSays = 2,
}

/// FORMAT MEDIUM. Everything on it is lost.
pub fn format_medium(format: Format, answered: Answered) -> Cdb {
    Cdb::new([0x04, answered.bit(), format as u8, 0, 0, 0])
}

/// SET CAPACITY to so many 65535ths of all. Everything on the medium is lost.
pub fn set_capacity(share: u16, answered: Answered) -> Cdb {
    let [a, b] = share.to_be_bytes();
    Cdb::new([0x0b, answered.bit(), 0, a, b, 0])
}

/// What LOAD UNLOAD does with the cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// Takes it in and threads the medium.
    Load = 0x01,
    /// Takes it in and does not thread it: its memory can be read, and nothing wears.
    LoadAndHold = 0x09,
    /// Rewinds and gives it out.
    Unload = 0x00,
    /// Rewinds and keeps it in, not threaded.
    UnloadAndHold = 0x08,
}

/// LOAD UNLOAD.
pub fn load_unload(what: Loading, answered: Answered) -> Cdb {
    Cdb::new([0x1b, answered.bit(), 0, 0, what as u8, 0])
}

/// Of what REPORT DENSITY SUPPORT tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensitiesOf {
    /// All that the drive can.
    Drive = 0,
    /// What it can with the medium that is in it.
    Medium = 1,
}

/// REPORT DENSITY SUPPORT.
pub fn report_density_support(of: DensitiesOf, room: u16) -> Cdb {
    let [a, b] = room.to_be_bytes();
    Cdb::new([0x44, of as u8, 0, 0, 0, 0, 0, a, b, 0])
}

/// What a drive that only appends may overwrite all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Nothing.
    Nothing,
    /// What is behind this object of this partition, where the drive must stand.
    From(u8, ObjectNo),
    /// Everything, by a FORMAT MEDIUM.
    Format,
}

/// ALLOW OVERWRITE.
pub fn allow_overwrite(what: Overwrite) -> Cdb {
    let (how, partition, object) = match what {
        Overwrite::Nothing => (0, 0, 0),
        Overwrite::From(partition, object) => (1, partition, object.0),
        Overwrite::Format => (2, 0, 0),
    };
    let [a, b, c, d, e, f, g, h] = object.to_be_bytes();
    Cdb::new([0x82, 0, how, partition, a, b, c, d, e, f, g, h, 0, 0, 0, 0])
}

/// What GENERATE RECOMMENDED ACCESS ORDER does with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// Leaves the order, and works out how long it takes.
    Estimate = 1,
    /// Orders it, so that it takes the shortest time.
    Reorder = 2,
}

/// GENERATE RECOMMENDED ACCESS ORDER for a list of `length` bytes.
pub fn generate_rao(ordering: Ordering, length: u32) -> Cdb {
    let [a, b, c, d] = length.to_be_bytes();
    Cdb::new([0xa4, 0x1d, ordering as u8, 0, 0, 0, a, b, c, d, 0, 0])
}

/// RECEIVE RECOMMENDED ACCESS ORDER: how many and how long segments a list may have.
pub fn receive_rao_limits(room: u32) -> Cdb {
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa3, 0x9d, 0, 0, 0, 0, a, b, c, d, 0, 0])
}

/// RECEIVE RECOMMENDED ACCESS ORDER: the list, from byte `offset` on.
pub fn receive_rao(offset: u32, room: u32) -> Cdb {
    let [o, p, q, r] = offset.to_be_bytes();
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa3, 0x1d, o, p, q, r, a, b, c, d, 0, 0])
}

/// READ END OF WRAP POSITION of all wraps: which object each ends with.
pub fn read_end_of_wrap_positions(room: u32) -> Cdb {
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa3, 0x1f, 0x45, 0x02, 0, 0, a, b, c, d, 0, 0])
}

#[cfg(test)]
mod tests {
    use types::ObjectNo;

    use super::super::{Answered, Cdb, I24, U24};
    use super::{
        DensitiesOf, Erasure, Format, Goal, Loading, Ordering, Over, Overwrite, PositionForm,
        ShortBlocks, Transfer, Within, allow_overwrite, erase_6, format_medium, generate_rao,
        load_unload, locate_10, locate_16, read_6, read_block_limits, read_end_of_wrap_positions,
        read_position, receive_rao, receive_rao_limits, report_density_support, rewind,
        set_capacity, space_6, space_16, verify_6, write_6, write_filemarks,
    };

    fn check(table: &[(Cdb, &str)]) {
        for (command, bytes) in table {
            assert_eq!(format!("{command:?}"), *bytes);
        }
    }

    fn count(number: usize) -> U24 {
        U24::try_from(number).unwrap()
    }

    #[test]
    fn blocks_and_marks_have_the_bytes_of_the_book() {
        check(&[
            (read_block_limits(), "05 00 00 00 00 00"),
            (read_6(Transfer::Block(count(0x080000)), ShortBlocks::Told), "08 00 08 00 00 00"),
            (read_6(Transfer::Block(count(0x010203)), ShortBlocks::Silent), "08 02 01 02 03 00"),
            (read_6(Transfer::Blocks(count(2)), ShortBlocks::Told), "08 01 00 00 02 00"),
            (write_6(Transfer::Block(count(0x080004))), "0a 00 08 00 04 00"),
            (write_6(Transfer::Blocks(U24::ONE)), "0a 01 00 00 01 00"),
            (write_filemarks(U24::ONE, Answered::AtOnce), "10 01 00 00 01 00"),
            (write_filemarks(U24::default(), Answered::WhenDone), "10 00 00 00 00 00"),
            (verify_6(Transfer::Block(count(4)), Answered::AtOnce), "13 04 00 00 04 00"),
            (verify_6(Transfer::Blocks(count(4)), Answered::WhenDone), "13 01 00 00 04 00"),
        ]);
    }

    #[test]
    fn movements_have_the_bytes_of_the_book() {
        let object = ObjectNo(0x0102_0304_0506_0708);
        check(&[
            (rewind(Answered::AtOnce), "01 01 00 00 00 00"),
            (space_6(Over::Filemarks, I24::try_from(-1).unwrap()), "11 01 ff ff ff 00"),
            (space_6(Over::FilemarksInARow, I24::try_from(2).unwrap()), "11 02 00 00 02 00"),
            (space_16(Over::Blocks, -2), "91 00 00 00 ff ff ff ff ff ff ff fe 00 00 00 00"),
            (space_16(Over::ToEndOfData, 0), "91 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
            (
                locate_10(0x01020304, Within::Here, Answered::AtOnce),
                "2b 01 00 01 02 03 04 00 00 00",
            ),
            (
                locate_10(5, Within::Partition(1), Answered::WhenDone),
                "2b 02 00 00 00 00 05 00 01 00",
            ),
            (
                locate_16(Goal::Object(object), Within::Here, Answered::WhenDone),
                "92 00 00 00 01 02 03 04 05 06 07 08 00 00 00 00",
            ),
            (
                locate_16(Goal::File(3), Within::Partition(1), Answered::AtOnce),
                "92 0b 00 01 00 00 00 00 00 00 00 03 00 00 00 00",
            ),
            (
                locate_16(Goal::EndOfData, Within::Here, Answered::WhenDone),
                "92 18 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
            ),
            (read_position(PositionForm::Short), "34 00 00 00 00 00 00 00 00 00"),
            (read_position(PositionForm::Long), "34 06 00 00 00 00 00 00 00 00"),
            (read_position(PositionForm::Extended), "34 08 00 00 00 00 00 00 20 00"),
        ]);
    }

    #[test]
    fn what_is_done_with_a_cartridge_has_the_bytes_of_the_book() {
        let object = ObjectNo(0x0102_0304_0506_0708);
        check(&[
            (load_unload(Loading::Load, Answered::AtOnce), "1b 01 00 00 01 00"),
            (load_unload(Loading::LoadAndHold, Answered::WhenDone), "1b 00 00 00 09 00"),
            (load_unload(Loading::Unload, Answered::WhenDone), "1b 00 00 00 00 00"),
            (load_unload(Loading::UnloadAndHold, Answered::WhenDone), "1b 00 00 00 08 00"),
            (erase_6(Erasure::Long, Answered::AtOnce), "19 03 00 00 00 00"),
            (erase_6(Erasure::Short, Answered::WhenDone), "19 00 00 00 00 00"),
            (format_medium(Format::DefaultThenAsModeSays, Answered::AtOnce), "04 01 02 00 00 00"),
            (set_capacity(0xfffe, Answered::WhenDone), "0b 00 00 ff fe 00"),
            (report_density_support(DensitiesOf::Medium, 0x0102), "44 01 00 00 00 00 00 01 02 00"),
            (
                allow_overwrite(Overwrite::Nothing),
                "82 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
            ),
            (
                allow_overwrite(Overwrite::From(1, object)),
                "82 00 01 01 01 02 03 04 05 06 07 08 00 00 00 00",
            ),
            (allow_overwrite(Overwrite::Format), "82 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00"),
        ]);
    }

    #[test]
    fn orders_of_reading_have_the_bytes_of_the_book() {
        check(&[
            (generate_rao(Ordering::Reorder, 0x0102), "a4 1d 02 00 00 00 00 00 01 02 00 00"),
            (receive_rao_limits(8), "a3 9d 00 00 00 00 00 00 00 08 00 00"),
            (receive_rao(0x01020304, 0x05060708), "a3 1d 01 02 03 04 05 06 07 08 00 00"),
            (read_end_of_wrap_positions(0x1000), "a3 1f 45 02 00 00 00 00 10 00 00 00"),
        ]);
    }
}
