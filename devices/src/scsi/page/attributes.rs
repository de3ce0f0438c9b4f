//! A cartridge's memory: what it has in the chip that every LTO cartridge carries (SPC-4, 7.4).
//!
//! ```text
//!  READ ATTRIBUTE   length:4 | attribute | attribute …     an attribute   id:2  RO + format  length:2  value
//!  WRITE ATTRIBUTE  the same; an attribute without a value is deleted
//! ```
//!
//! The maker's serial number ([`MEDIUM_SERIAL`]) names a cartridge that has neither label nor barcode, and the
//! change reference ([`CHANGE_REFERENCE`]) says whether anything was written since we last looked.

use types::Bytes;

use super::{BadReply, at_least};
use crate::scsi::bytes::{number, padded, stretch, text_if_any, u8_at, u16_at, u32_at};

mod coherency;
mod facts;

pub use coherency::Coherency;
pub use facts::{CartridgeKind, CartridgeMemory, UsedBy};

/// How many bytes to ask for.
pub const ROOM: u32 = 0x1_0000;

/// More attributes than this are not looked at.
const MOST: usize = 4096;

/// The room that is left, in MiB.
pub const REMAINING: u16 = 0x0000;
/// The room that there is, in MiB.
pub const CAPACITY: u16 = 0x0001;
/// Times it was loaded.
pub const LOADS: u16 = 0x0003;
/// Room in the memory itself, in bytes.
pub const MEMORY_LEFT: u16 = 0x0004;
/// The density in which it is formatted.
pub const FORMAT_DENSITY: u16 = 0x0006;
/// Changes with every write after a load.
pub const CHANGE_REFERENCE: u16 = 0x0009;
/// The drive it is in; the three before that follow.
pub const LAST_DRIVE: u16 = 0x020a;
/// Written in all its life, in megabytes.
pub const WRITTEN_EVER: u16 = 0x0220;
/// Read in all its life, in megabytes.
pub const READ_EVER: u16 = 0x0221;
/// Its maker.
pub const MANUFACTURER: u16 = 0x0400;
/// Its serial number.
pub const MEDIUM_SERIAL: u16 = 0x0401;
/// Its length, in metres.
pub const LENGTH: u16 = 0x0402;
/// The density for which it was made.
pub const MEDIUM_DENSITY: u16 = 0x0405;
/// The day on which it was made: YYYYMMDD.
pub const MADE_ON: u16 = 0x0406;
/// What it is for.
pub const MEDIUM_TYPE: u16 = 0x0408;
/// Of a cleaning cartridge: for how many cleanings it was made.
pub const MEDIUM_TYPE_INFORMATION: u16 = 0x0409;
/// Who makes the program that wrote it.
pub const APPLICATION_VENDOR: u16 = 0x0800;
/// The program that wrote it.
pub const APPLICATION: u16 = 0x0801;
/// Its version.
pub const APPLICATION_VERSION: u16 = 0x0802;
/// A label for people.
pub const LABEL: u16 = 0x0803;
/// When it was last written: YYYYMMDDHHMM.
pub const LAST_WRITTEN: u16 = 0x0804;
/// In which characters texts are: [`UTF_8`].
pub const LOCALIZATION: u16 = 0x0805;
/// Its barcode.
pub const BARCODE: u16 = 0x0806;
/// The host to which it belongs.
pub const OWNER: u16 = 0x0807;
/// The pool to which it belongs.
pub const POOL: u16 = 0x0808;
/// In which form the program writes.
pub const FORMAT_VERSION: u16 = 0x080b;
/// What holds between the memory and the tape.
pub const COHERENCY: u16 = 0x080c;

/// The value of [`LOCALIZATION`] for UTF-8.
pub const UTF_8: u8 = 0x81;

/// In what form a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Numbers.
    Binary,
    /// ASCII, padded with blanks.
    Ascii,
    /// Text in the characters that [`LOCALIZATION`] says, padded with zeros.
    Text,
}

impl Format {
    fn bits(self) -> u8 {
        match self {
            Self::Binary => 0,
            Self::Ascii => 1,
            Self::Text => 2,
        }
    }
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Which.
    pub id: u16,
    /// In what form its value is.
    pub format: Format,
    /// Whether hosts can write it.
    pub read_only: bool,
    /// Its value.
    pub value: Vec<u8>,
}

/// The texts that hosts may write, with the length that each must have (SPC-4, table 384).
const TEXTS: [(u16, Format, usize); 9] = [
    (APPLICATION_VENDOR, Format::Ascii, 8),
    (APPLICATION, Format::Ascii, 32),
    (APPLICATION_VERSION, Format::Ascii, 8),
    (LABEL, Format::Text, 160),
    (LAST_WRITTEN, Format::Ascii, 12),
    (BARCODE, Format::Ascii, 32),
    (OWNER, Format::Text, 80),
    (POOL, Format::Text, 160),
    (FORMAT_VERSION, Format::Ascii, 16),
];

impl Attribute {
    /// An attribute of the host's own that has text; none if `id` has no text, or the text does not fit.
    pub fn text(id: u16, text: &str) -> Option<Self> {
        let &(_, format, length) = TEXTS.iter().find(|row| row.0 == id)?;
        if text.len() > length || (format == Format::Ascii && !text.is_ascii()) {
            return None;
        }
        let value = match format {
            Format::Text => {
                let mut value = text.as_bytes().to_vec();
                value.resize(length, 0);
                value
            }
            Format::Ascii | Format::Binary => padded(text, length),
        };
        Some(Self { id, format, read_only: false, value })
    }

    /// An attribute of the host's own that has numbers.
    pub fn binary(id: u16, value: Vec<u8>) -> Self {
        Self { id, format: Format::Binary, read_only: false, value }
    }

    /// Its removal.
    pub fn deleted(id: u16) -> Self {
        Self { id, format: Format::Binary, read_only: false, value: Vec::new() }
    }
}

/// The attributes of a cartridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    all: Vec<Attribute>,
}

impl Attributes {
    /// Reads the reply to READ ATTRIBUTE for values. Only the bytes that really travelled: some drives give the
    /// length of the room instead of that of the data.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadReply> {
        let mut rest = body(bytes)?;
        let mut all = Vec::new();
        while let (Some(found), true) = (attribute(rest), all.len() < MOST) {
            rest = rest.get(5 + found.value.len()..).unwrap_or_default();
            // Attribute 0 always has a value: here the zeros of an unused rest begin.
            if found.id == 0 && found.value.is_empty() {
                break;
            }
            all.push(found);
        }
        Ok(Self { all })
    }

    /// All, in the order of the reply.
    pub fn all(&self) -> &[Attribute] {
        &self.all
    }

    /// The value of one.
    pub fn value(&self, id: u16) -> Option<&[u8]> {
        self.all.iter().find(|attribute| attribute.id == id).map(|found| &*found.value)
    }

    /// The number that one has.
    pub fn number(&self, id: u16) -> Option<u64> {
        number(self.value(id)?)
    }

    /// The text that one has: UTF-8 where the attribute is text, without what a terminal would obey.
    pub fn text(&self, id: u16) -> Option<String> {
        let found = self.all.iter().find(|attribute| attribute.id == id)?;
        if found.format != Format::Text {
            return text_if_any(&found.value);
        }
        let end = found.value.iter().position(|byte| *byte == 0).unwrap_or(found.value.len());
        let text = String::from_utf8_lossy(stretch(&found.value, 0, end));
        let shown: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        Some(shown.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn amount(&self, id: u16, unit: Bytes) -> Option<Bytes> {
        let number = self.number(id).filter(|number| *number != u64::MAX)?;
        Some(Bytes(number.saturating_mul(unit.0)))
    }
}

/// Reads the reply to READ ATTRIBUTE for the list of identifiers.
pub fn identifiers(bytes: &[u8]) -> Result<Vec<u16>, BadReply> {
    Ok(body(bytes)?.chunks_exact(2).filter_map(|id| u16_at(id, 0)).take(MOST).collect())
}

/// The parameter list of WRITE ATTRIBUTE; none if a value is longer than an attribute can be.
pub fn write_list(attributes: &[Attribute]) -> Option<Vec<u8>> {
    let mut entries = Vec::new();
    for attribute in attributes {
        entries.extend(attribute.id.to_be_bytes());
        entries.push(attribute.format.bits());
        entries.extend(u16::try_from(attribute.value.len()).ok()?.to_be_bytes());
        entries.extend(&attribute.value);
    }
    let length = u32::try_from(entries.len()).ok()?;
    Some([length.to_be_bytes().to_vec(), entries].concat())
}

fn body(bytes: &[u8]) -> Result<&[u8], BadReply> {
    let bytes = at_least("READ ATTRIBUTE", bytes, 4)?;
    let length = usize::try_from(u32_at(bytes, 0).unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(stretch(bytes, 4, length))
}

/// The first attribute. A value that is cut off has what is there.
fn attribute(bytes: &[u8]) -> Option<Attribute> {
    let flags = u8_at(bytes, 2)?;
    let format = match flags & 0x03 {
        1 => Format::Ascii,
        2 => Format::Text,
        _ => Format::Binary,
    };
    let value = stretch(bytes, 5, u16_at(bytes, 3)?.into()).to_vec();
    Some(Attribute { id: u16_at(bytes, 0)?, format, read_only: flags & 0x80 != 0, value })
}

#[cfg(test)]
mod tests;
