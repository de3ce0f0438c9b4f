//! What every device understands (SPC-4), and the commands that drives and changers share.

use super::Cdb;
use crate::scsi::page::PageCode;

/// Which values of a mode page are asked for (SPC-4, 6.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// What holds now.
    Current,
    /// A mask: which bits may be changed.
    Changeable,
    /// What the device starts with.
    Default,
    /// What it was told to keep.
    Saved,
}

impl Values {
    fn bits(self) -> u8 {
        match self {
            Self::Current => 0x00,
            Self::Changeable => 0x40,
            Self::Default => 0x80,
            Self::Saved => 0xc0,
        }
    }
}

/// Whether MODE SENSE also answers with the block descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    /// Density and block length come with it.
    Wanted,
    /// Only the page: DBD is 1.
    Left,
}

impl Descriptor {
    fn bit(self) -> u8 {
        match self {
            Self::Wanted => 0,
            Self::Left => 0x08,
        }
    }
}

/// For how long MODE SELECT changes a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until the next reset.
    ForNow,
    /// Beyond a reset: SP is 1. Few drives can.
    Saved,
}

impl Keep {
    fn bit(self) -> u8 {
        match self {
            Self::ForNow => 0,
            Self::Saved => 1,
        }
    }
}

/// TEST UNIT READY.
pub fn test_unit_ready() -> Cdb {
    Cdb::new([0x00, 0, 0, 0, 0, 0])
}

/// REQUEST SENSE, for at most `room` bytes of fixed format.
pub fn request_sense(room: u8) -> Cdb {
    Cdb::new([0x03, 0, 0, 0, room, 0])
}

/// INQUIRY: the standard data.
pub fn inquiry(room: u16) -> Cdb {
    let [a, b] = room.to_be_bytes();
    Cdb::new([0x12, 0, 0, a, b, 0])
}

/// INQUIRY for a page of vital product data.
pub fn inquiry_vpd(page: u8, room: u16) -> Cdb {
    let [a, b] = room.to_be_bytes();
    Cdb::new([0x12, 0x01, page, a, b, 0])
}

/// MODE SENSE(6).
pub fn mode_sense_6(page: PageCode, values: Values, descriptor: Descriptor, room: u8) -> Cdb {
    Cdb::new([0x1a, descriptor.bit(), values.bits() | page.low_6_bits(), page.subpage, room, 0])
}

/// MODE SENSE(10).
pub fn mode_sense_10(page: PageCode, values: Values, descriptor: Descriptor, room: u16) -> Cdb {
    let [a, b] = room.to_be_bytes();
    let code = values.bits() | page.low_6_bits();
    Cdb::new([0x5a, descriptor.bit(), code, page.subpage, 0, 0, 0, a, b, 0])
}

/// MODE SELECT(6) of a parameter list of `length` bytes.
pub fn mode_select_6(keep: Keep, length: u8) -> Cdb {
    Cdb::new([0x15, 0x10 | keep.bit(), 0, 0, length, 0])
}

/// MODE SELECT(10) of a parameter list of `length` bytes.
pub fn mode_select_10(keep: Keep, length: u16) -> Cdb {
    let [a, b] = length.to_be_bytes();
    Cdb::new([0x55, 0x10 | keep.bit(), 0, 0, 0, 0, 0, a, b, 0])
}

/// LOG SENSE: the cumulative values, from parameter `first` on.
pub fn log_sense(page: PageCode, first: u16, room: u16) -> Cdb {
    let [p, q] = first.to_be_bytes();
    let [a, b] = room.to_be_bytes();
    Cdb::new([0x4d, 0, 0x40 | page.low_6_bits(), page.subpage, 0, p, q, a, b, 0])
}

/// LOG SELECT that sets the counters of a page back. Other programs count with them too.
pub fn log_select_reset(page: PageCode) -> Cdb {
    Cdb::new([0x4c, 0x02, 0x40 | page.low_6_bits(), page.subpage, 0, 0, 0, 0, 0, 0])
}

/// RESERVE(6): only this initiator uses the device, until it releases it or the device is reset (SPC-2).
pub fn reserve_6() -> Cdb {
    Cdb::new([0x16, 0, 0, 0, 0, 0])
}

/// RELEASE(6).
pub fn release_6() -> Cdb {
    Cdb::new([0x17, 0, 0, 0, 0, 0])
}

/// What PERSISTENT RESERVE IN tells (SPC-4, 6.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservations {
    /// All keys that are registered.
    Keys = 0x00,
    /// Who holds the device.
    Holder = 0x01,
    /// What kinds of reservation the device knows.
    Capabilities = 0x02,
}

/// PERSISTENT RESERVE IN.
pub fn persistent_reserve_in(what: Reservations, room: u16) -> Cdb {
    let [a, b] = room.to_be_bytes();
    Cdb::new([0x5e, what as u8, 0, 0, 0, 0, 0, a, b, 0])
}

/// What PERSISTENT RESERVE OUT does (SPC-4, 6.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveAction {
    /// Makes this initiator's key known, or takes it back, if it holds the old key.
    Register = 0x00,
    /// Takes the device for this initiator alone.
    Reserve = 0x01,
    /// Gives it back.
    Release = 0x02,
    /// Forgets all keys and reservations.
    Clear = 0x03,
    /// Takes it away from the holder of another key.
    Preempt = 0x04,
    /// The same, and stops the commands of the other.
    PreemptAndAbort = 0x05,
    /// Makes the key known, whatever it was before.
    RegisterAndIgnore = 0x06,
}

/// Who else may use a reserved device (SPC-4, 6.15.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Others may read.
    WriteExclusive = 0x1,
    /// Nobody else.
    ExclusiveAccess = 0x3,
    /// Whoever registered may write.
    WriteExclusiveRegistrants = 0x5,
    /// Whoever registered.
    ExclusiveAccessRegistrants = 0x6,
}

pub fn persistent_reserve_out(action: ReserveAction, holding: Holding) -> Cdb {
    Cdb::new([0x5f, action as u8, holding as u8, 0, 0, 0, 0, 0, 24, 0])
}

/// REPORT LUNS: all that are not well-known.
pub fn report_luns(room: u32) -> Cdb {
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa0, 0, 0, 0, 0, 0, a, b, c, d, 0, 0])
}

/// What REPORT SUPPORTED OPERATION CODES is asked (SPC-4, 6.34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commands {
    /// Every command.
    All,
    /// This one, which has no service actions.
    One(u8),
    /// This service action of this one.
    Action(u8, u16),
}

/// REPORT SUPPORTED OPERATION CODES, with how long each may take: RCTD is 1.
pub fn report_supported_opcodes(which: Commands, room: u32) -> Cdb {
    let (options, opcode, action) = match which {
        Commands::All => (0, 0, 0),
        Commands::One(opcode) => (1, opcode, 0),
        Commands::Action(opcode, action) => (2, opcode, action),
    };
    let [s, t] = action.to_be_bytes();
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa3, 0x0c, 0x80 | options, opcode, s, t, a, b, c, d, 0, 0])
}

/// SEND DIAGNOSTIC: the device's own default test. It may take minutes, and moves the medium.
pub fn self_test() -> Cdb {
    Cdb::new([0x1d, 0x04, 0, 0, 0, 0])
}

/// SET TIMESTAMP. The list that goes with it has 12 bytes.
pub fn set_timestamp() -> Cdb {
    Cdb::new([0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0])
}

/// Who may take the medium out by hand (PREVENT ALLOW MEDIUM REMOVAL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Anybody.
    Allowed = 0,
    /// Nobody, until it is allowed or the device is reset.
    Prevented = 1,
}

/// PREVENT ALLOW MEDIUM REMOVAL: the door and mail slot of a library, the button of a drive.
pub fn removal(removal: Removal) -> Cdb {
    Cdb::new([0x1e, 0, 0, 0, removal as u8, 0])
}

/// What READ ATTRIBUTE tells (SPC-4, 6.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// The attributes, with their values.
    Values = 0x00,
    /// The identifiers of those that are there.
    List = 0x01,
    /// The logical volumes.
    Volumes = 0x02,
    /// The partitions.
    Partitions = 0x03,
    /// The identifiers of those that could be there.
    Supported = 0x05,
}

/// READ ATTRIBUTE: the cartridge's memory, of the first volume, from attribute `first` on.
pub fn read_attribute(what: Attributes, partition: u8, first: u16, room: u32) -> Cdb {
    let [i, j] = first.to_be_bytes();
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0x8c, what as u8, 0, 0, 0, 0, 0, partition, i, j, a, b, c, d, 0, 0])
}

/// WRITE ATTRIBUTE of a list of `length` bytes, written through to the cartridge's memory: WTC is 1.
pub fn write_attribute(partition: u8, length: u32) -> Cdb {
    let [a, b, c, d] = length.to_be_bytes();
    Cdb::new([0x8d, 0x01, 0, 0, 0, 0, 0, partition, 0, 0, a, b, c, d, 0, 0])
}

/// READ MEDIA SERIAL NUMBER.
pub fn read_media_serial_number(room: u32) -> Cdb {
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xab, 0x01, 0, 0, 0, 0, a, b, c, d, 0, 0])
}

/// The security protocol of tape encryption (SSC-4, 8.5).
pub const TAPE_ENCRYPTION: u8 = 0x20;

/// SECURITY PROTOCOL IN: a page of tape encryption.
pub fn security_in(page: u16, room: u32) -> Cdb {
    let [p, q] = page.to_be_bytes();
    let [a, b, c, d] = room.to_be_bytes();
    Cdb::new([0xa2, TAPE_ENCRYPTION, p, q, 0, 0, a, b, c, d, 0, 0])
}

/// SECURITY PROTOCOL OUT: a page of tape encryption, of `length` bytes.
pub fn security_out(page: u16, length: u32) -> Cdb {
    let [p, q] = page.to_be_bytes();
    let [a, b, c, d] = length.to_be_bytes();
    Cdb::new([0xb5, TAPE_ENCRYPTION, p, q, 0, 0, a, b, c, d, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::{
        Attributes, Commands, Descriptor, Holding, Keep, Removal, Reservations, ReserveAction,
        Values, inquiry, inquiry_vpd, log_select_reset, log_sense, mode_select_6, mode_select_10,
        mode_sense_6, mode_sense_10, persistent_reserve_in, persistent_reserve_out, read_attribute,
        read_media_serial_number, release_6, removal, report_luns, report_supported_opcodes,
        request_sense, reserve_6, security_in, security_out, self_test, set_timestamp,
        test_unit_ready, write_attribute,
    };
    use crate::scsi::page::PageCode;

    #[test]
    fn every_command_has_the_bytes_of_the_book() {
        let page = PageCode::sub(0x10, 0x01);
        let table = [
            (test_unit_ready(), "00 00 00 00 00 00"),
            (request_sense(96), "03 00 00 00 60 00"),
            (inquiry(0x0102), "12 00 00 01 02 00"),
            (inquiry_vpd(0x83, 0x0102), "12 01 83 01 02 00"),
            (mode_sense_6(page, Values::Current, Descriptor::Wanted, 0xff), "1a 00 10 01 ff 00"),
            (
                mode_sense_10(page, Values::Changeable, Descriptor::Left, 0x0203),
                "5a 08 50 01 00 00 00 02 03 00",
            ),
            (mode_sense_6(page, Values::Default, Descriptor::Left, 4), "1a 08 90 01 04 00"),
            (mode_sense_6(page, Values::Saved, Descriptor::Left, 4), "1a 08 d0 01 04 00"),
            (mode_select_6(Keep::ForNow, 28), "15 10 00 00 1c 00"),
            (mode_select_10(Keep::Saved, 0x0130), "55 11 00 00 00 00 00 01 30 00"),
            (log_sense(PageCode::page(0x11), 0x0102, 0x0304), "4d 00 51 00 00 01 02 03 04 00"),
            (log_select_reset(PageCode::page(0x02)), "4c 02 42 00 00 00 00 00 00 00"),
            (reserve_6(), "16 00 00 00 00 00"),
            (release_6(), "17 00 00 00 00 00"),
            (persistent_reserve_in(Reservations::Holder, 0x0102), "5e 01 00 00 00 00 00 01 02 00"),
            (
                persistent_reserve_out(ReserveAction::Preempt, Holding::ExclusiveAccess),
                "5f 04 03 00 00 00 00 00 18 00",
            ),
            (report_luns(0x01020304), "a0 00 00 00 00 00 01 02 03 04 00 00"),
            (
                report_supported_opcodes(Commands::All, 0x8000),
                "a3 0c 80 00 00 00 00 00 80 00 00 00",
            ),
            (
                report_supported_opcodes(Commands::One(0x92), 64),
                "a3 0c 81 92 00 00 00 00 00 40 00 00",
            ),
            (
                report_supported_opcodes(Commands::Action(0xa3, 0x001d), 64),
                "a3 0c 82 a3 00 1d 00 00 00 40 00 00",
            ),
            (self_test(), "1d 04 00 00 00 00"),
            (set_timestamp(), "a4 0f 00 00 00 00 00 00 00 0c 00 00"),
            (removal(Removal::Prevented), "1e 00 00 00 01 00"),
            (removal(Removal::Allowed), "1e 00 00 00 00 00"),
            (
                read_attribute(Attributes::Values, 2, 0x0401, 0x01020304),
                "8c 00 00 00 00 00 00 02 04 01 01 02 03 04 00 00",
            ),
            (
                read_attribute(Attributes::Supported, 0, 0, 0x1000),
                "8c 05 00 00 00 00 00 00 00 00 00 00 10 00 00 00",
            ),
            (write_attribute(1, 0x01020304), "8d 01 00 00 00 00 00 01 00 00 01 02 03 04 00 00"),
            (read_media_serial_number(0x0102), "ab 01 00 00 00 00 00 00 01 02 00 00"),
            (security_in(0x0021, 0x2000), "a2 20 00 21 00 00 00 00 20 00 00 00"),
            (security_out(0x0010, 0x34), "b5 20 00 10 00 00 00 00 00 34 00 00"),
        ];
        for (command, bytes) in table {
            assert_eq!(format!("{command:?}"), bytes);
        }
    }
}
