//! What a changer does (SMC-3). An *element* is what the changer's own numbers name: an arm, a slot, a mail slot
//! or a drive.

use super::{Cdb, U24};

/// The number of a place, as the changer gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element(pub u16);

impl Element {
    /// The arm that the changer itself chooses.
    pub const DEFAULT_ARM: Self = Self(0);
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of place an element is (SMC-3, table 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementKind {
    /// The medium transport element.
    Arm = 1,
    /// A storage element.
    Slot = 2,
    /// An import/export element.
    MailSlot = 3,
    /// A data transfer element.
    Drive = 4,
}

impl ElementKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Arm, Self::Slot, Self::MailSlot, Self::Drive];

    /// The kind of this number, if it is one.
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}

/// Which places are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// All.
    All,
    /// Those of this kind.
    Only(ElementKind),
}

impl Kinds {
    fn bits(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Only(kind) => kind as u8,
        }
    }
}

/// INITIALIZE ELEMENT STATUS: the changer looks into every place. It takes minutes.
pub fn initialize_element_status() -> Cdb {
    Cdb::new([0x07, 0, 0, 0, 0, 0])
}

/// Whose command for looking into some places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeCommand {
    /// 37h, of SMC-3.
    Standard = 0x37,
    /// E7h, which some vendors had before.
    Vendor = 0xe7,
}

/// INITIALIZE ELEMENT STATUS WITH RANGE: the changer looks into `count` places from `first` on.
pub fn initialize_range(command: RangeCommand, first: Element, count: u16) -> Cdb {
    let [a, b] = first.0.to_be_bytes();
    let [c, d] = count.to_be_bytes();
    Cdb::new([command as u8, 0x01, a, b, 0, 0, c, d, 0, 0])
}

/// Whether an arm turns a cartridge over on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// As it is.
    AsItIs = 0,
    /// Upside down.
    Over = 1,
}

/// MOVE MEDIUM.
pub fn move_medium(arm: Element, from: Element, to: Element, turn: Turn) -> Cdb {
    let [a, b] = arm.0.to_be_bytes();
    let [c, d] = from.0.to_be_bytes();
    let [e, f] = to.0.to_be_bytes();
    Cdb::new([0xa5, 0, a, b, c, d, e, f, 0, 0, turn as u8, 0])
}

/// EXCHANGE MEDIUM: what was in `first_to` goes on to `second_to`. Few changers can.
pub fn exchange_medium(arm: Element, from: Element, first_to: Element, second_to: Element) -> Cdb {
    let [a, b] = arm.0.to_be_bytes();
    let [c, d] = from.0.to_be_bytes();
    let [e, f] = first_to.0.to_be_bytes();
    let [g, h] = second_to.0.to_be_bytes();
    Cdb::new([0xa6, 0, a, b, c, d, e, f, g, h, 0, 0])
}

/// POSITION TO ELEMENT: the arm goes there, and waits.
pub fn position_to_element(arm: Element, to: Element) -> Cdb {
    let [a, b] = arm.0.to_be_bytes();
    let [c, d] = to.0.to_be_bytes();
    Cdb::new([0x2b, 0, a, b, c, d, 0, 0, 0, 0])
}

/// What is done with a mail slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSlot {
    /// It is opened, for a person.
    Open = 0,
    /// It is closed.
    Close = 1,
}

/// OPEN/CLOSE IMPORT/EXPORT ELEMENT.
pub fn mail_slot(which: Element, what: MailSlot) -> Cdb {
    let [a, b] = which.0.to_be_bytes();
    Cdb::new([0x1b, 0, a, b, what as u8, 0])
}

/// Whether barcodes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barcodes {
    /// VOLTAG is 1.
    Wanted,
    /// VOLTAG is 0: for changers that mix them up with the serial numbers of drives.
    Left,
}

/// Whether the serial numbers of drives are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serials {
    /// DVCID is 1.
    Wanted,
    /// DVCID is 0.
    Left,
}

/// From where a changer knows what is in its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// It may look: CURDATA is 0.
    MayMove,
    /// From memory, and nothing moves: CURDATA is 1.
    FromMemory,
}

/// What READ ELEMENT STATUS is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusOf {
    /// Places of which kind.
    pub kinds: Kinds,
    /// From which on.
    pub first: Element,
    /// At most so many. Some changers answer with more than 64 KiB only wrongly: ask for 1000 at a time.
    pub count: u16,
    /// With barcodes?
    pub barcodes: Barcodes,
    /// With serial numbers?
    pub serials: Serials,
    /// From memory?
    pub knowledge: Knowledge,
}

/// READ ELEMENT STATUS.
pub fn read_element_status(of: StatusOf, room: U24) -> Cdb {
    let barcodes = match of.barcodes {
        Barcodes::Wanted => 0x10,
        Barcodes::Left => 0,
    };
    let serials = match of.serials {
        Serials::Wanted => 0x01,
        Serials::Left => 0,
    };
    let knowledge = match of.knowledge {
        Knowledge::FromMemory => 0x02,
        Knowledge::MayMove => 0,
    };
    let [s, t] = of.first.0.to_be_bytes();
    let [n, m] = of.count.to_be_bytes();
    let [a, b, c] = room.bytes();
    Cdb::new([0xb8, barcodes | of.kinds.bits(), s, t, n, m, knowledge | serials, a, b, c, 0, 0])
}

/// How SEND VOLUME TAG looks for a barcode (SMC-3, table 37).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSearch {
    /// Among all volume tags, whatever their sequence number.
    AnyTag = 0x04,
    /// Among the primary tags, whatever their sequence number.
    PrimaryTag = 0x05,
}

/// SEND VOLUME TAG: looks for the barcode in the list of 40 bytes that goes with it.
pub fn send_volume_tag(kinds: Kinds, first: Element, search: TagSearch) -> Cdb {
    let [a, b] = first.0.to_be_bytes();
    Cdb::new([0xb6, kinds.bits(), a, b, 0, search as u8, 0, 0, 0, 40, 0, 0])
}

/// REQUEST VOLUME ELEMENT ADDRESS: where the search of SEND VOLUME TAG found it.
pub fn request_volume_element_address(kinds: Kinds, first: Element, count: u16, room: U24) -> Cdb {
    let [s, t] = first.0.to_be_bytes();
    let [n, m] = count.to_be_bytes();
    let [a, b, c] = room.bytes();
    Cdb::new([0xb5, 0x10 | kinds.bits(), s, t, n, m, 0, a, b, c, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::super::U24;
    use super::{
        Barcodes, Element, ElementKind, Kinds, Knowledge, MailSlot, RangeCommand, Serials,
        StatusOf, TagSearch, Turn, exchange_medium, initialize_element_status, initialize_range,
        mail_slot, move_medium, position_to_element, read_element_status,
        request_volume_element_address, send_volume_tag,
    };

    #[test]
    fn every_command_has_the_bytes_of_the_book() {
        let [arm, from, to, then] = [0x0102, 0x0304, 0x0506, 0x0708].map(Element);
        let slots = Kinds::Only(ElementKind::Slot);
        let of = StatusOf {
            kinds: Kinds::Only(ElementKind::Drive),
            first: from,
            count: 0x0203,
            barcodes: Barcodes::Wanted,
            serials: Serials::Wanted,
            knowledge: Knowledge::FromMemory,
        };
        let plain = StatusOf {
            kinds: Kinds::All,
            barcodes: Barcodes::Left,
            serials: Serials::Left,
            knowledge: Knowledge::MayMove,
            ..of
        };
        let room = U24::try_from(0x0a0b0c_usize).unwrap();
        let table = [
            (initialize_element_status(), "07 00 00 00 00 00"),
            (initialize_range(RangeCommand::Standard, from, 9), "37 01 03 04 00 00 00 09 00 00"),
            (initialize_range(RangeCommand::Vendor, from, 9), "e7 01 03 04 00 00 00 09 00 00"),
            (move_medium(arm, from, to, Turn::AsItIs), "a5 00 01 02 03 04 05 06 00 00 00 00"),
            (move_medium(arm, from, to, Turn::Over), "a5 00 01 02 03 04 05 06 00 00 01 00"),
            (exchange_medium(arm, from, to, then), "a6 00 01 02 03 04 05 06 07 08 00 00"),
            (position_to_element(arm, to), "2b 00 01 02 05 06 00 00 00 00"),
            (mail_slot(from, MailSlot::Open), "1b 00 03 04 00 00"),
            (mail_slot(from, MailSlot::Close), "1b 00 03 04 01 00"),
            (read_element_status(of, room), "b8 14 03 04 02 03 03 0a 0b 0c 00 00"),
            (read_element_status(plain, room), "b8 00 03 04 02 03 00 0a 0b 0c 00 00"),
            (
                send_volume_tag(slots, from, TagSearch::PrimaryTag),
                "b6 02 03 04 00 05 00 00 00 28 00 00",
            ),
            (
                request_volume_element_address(slots, from, 1, room),
                "b5 12 03 04 00 01 00 0a 0b 0c 00 00",
            ),
        ];
        for (command, bytes) in table {
            assert_eq!(format!("{command:?}"), bytes);
        }
    }
}
