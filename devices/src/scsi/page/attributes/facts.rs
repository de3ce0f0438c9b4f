//! What a cartridge's memory says, taken together.

use types::Bytes;

use super::{
    Attributes, BARCODE, CAPACITY, CHANGE_REFERENCE, COHERENCY, Coherency, FORMAT_DENSITY, LABEL,
    LAST_DRIVE, LENGTH, LOADS, MADE_ON, MANUFACTURER, MEDIUM_DENSITY, MEDIUM_SERIAL, MEDIUM_TYPE,
    MEDIUM_TYPE_INFORMATION, MEMORY_LEFT, OWNER, POOL, READ_EVER, REMAINING, WRITTEN_EVER,
};
use crate::scsi::bytes::{stretch, text, text_if_any};
use crate::scsi::page::log::MEGABYTE;

/// What a cartridge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartridgeKind {
    /// Data.
    Data,
    /// Data, written once.
    WriteOnce,
    /// Cleaning.
    Cleaning {
        /// How many cleanings it was made for, as the standard has it; some drives tell how many are left.
        /// Its [`loads`](CartridgeMemory::loads) tell how many it has had.
        cycles: Option<u64>,
    },
    /// Something else.
    Other(u64),
}

/// A drive that a cartridge was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// The drive's maker.
    pub vendor: String,
    /// The drive's serial number.
    pub serial: String,
}

/// What a cartridge's memory says. What it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CartridgeMemory {
    /// Its maker.
    pub manufacturer: Option<String>,
    /// Its serial number, as its maker gave it.
    pub serial: Option<String>,
    /// The day on which it was made: YYYYMMDD.
    pub made_on: Option<String>,
    /// What it is for.
    pub kind: Option<CartridgeKind>,
    /// The density for which it was made.
    pub made_for: Option<u8>,
    /// The density in which it is formatted.
    pub formatted_as: Option<u8>,
    /// Its length, in metres.
    pub metres: Option<u64>,
    /// Times it was loaded.
    pub loads: Option<u64>,
    /// What it holds.
    pub capacity: Option<Bytes>,
    /// What is left of that, before compression.
    pub left: Option<Bytes>,
    /// Written in all its life.
    pub written_ever: Option<Bytes>,
    /// Read in all its life.
    pub read_ever: Option<Bytes>,
    /// The drives it was in, the last first.
    pub used_by: Vec<UsedBy>,
    /// Changes with every write after a load.
    pub change_reference: Option<Vec<u8>>,
    /// Room in the memory itself, in bytes.
    pub memory_left: Option<u64>,
    /// The label that a program left for people.
    pub label: Option<String>,
    /// Its barcode, as a program left it.
    pub barcode: Option<String>,
    /// The host that a program named.
    pub owner: Option<String>,
    /// The pool that a program named.
    pub pool: Option<String>,
    /// What a program noted when all was written.
    pub coherency: Option<Coherency>,
}

impl CartridgeMemory {
    /// Takes the attributes together.
    pub fn of(attributes: &Attributes) -> Self {
        let text = |id| attributes.text(id);
        let code = |id| attributes.number(id).and_then(|number| u8::try_from(number).ok());
        Self {
            manufacturer: text(MANUFACTURER),
            serial: text(MEDIUM_SERIAL),
            made_on: text(MADE_ON),
            kind: kind(attributes),
            made_for: code(MEDIUM_DENSITY),
            formatted_as: code(FORMAT_DENSITY),
            metres: attributes.number(LENGTH),
            loads: attributes.number(LOADS),
            capacity: attributes.amount(CAPACITY, Bytes::MIB),
            left: attributes.amount(REMAINING, Bytes::MIB),
            written_ever: attributes.amount(WRITTEN_EVER, MEGABYTE),
            read_ever: attributes.amount(READ_EVER, MEGABYTE),
            used_by: (LAST_DRIVE..LAST_DRIVE + 4)
                .filter_map(|id| used_by(attributes.value(id)?))
                .collect(),
            change_reference: attributes.value(CHANGE_REFERENCE).map(<[u8]>::to_vec),
            memory_left: attributes.number(MEMORY_LEFT),
            label: text(LABEL),
            barcode: text(BARCODE),
            owner: text(OWNER),
            pool: text(POOL),
            coherency: attributes.value(COHERENCY).and_then(Coherency::decode),
        }
    }
}

fn kind(attributes: &Attributes) -> Option<CartridgeKind> {
    Some(match attributes.number(MEDIUM_TYPE)? {
        0x00 => CartridgeKind::Data,
        0x01 => CartridgeKind::Cleaning { cycles: attributes.number(MEDIUM_TYPE_INFORMATION) },
        0x80 => CartridgeKind::WriteOnce,
        other => CartridgeKind::Other(other),
    })
}

fn used_by(value: &[u8]) -> Option<UsedBy> {
    let serial = text_if_any(value.get(8..)?)?;
    Some(UsedBy { vendor: text(stretch(value, 0, 8)), serial })
}
