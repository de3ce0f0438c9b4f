//! Everything that names a unit: VPD page 83h, and the same designators in the element status of libraries
//! (SPC-4, 7.8.6).

use super::{BadReply, vpd};
use crate::scsi::bytes::{stretch, text, text_if_any, u8_at};

/// More than this many are not looked at.
const MOST: usize = 64;

/// One name of a unit, a port or a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Designator {
    /// Of what.
    pub of: Of,
    /// The name.
    pub name: Name,
}

/// What a designator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The unit.
    Unit,
    /// The port through which it was asked.
    Port,
    /// The device that the unit is a part of.
    Device,
    /// Something else.
    Other,
}

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A serial number alone; some libraries give nothing else.
    Serial(String),
    /// The maker, and what it made of it: for most drives model and serial number.
    Vendor {
        /// The maker.
        vendor: String,
        /// All behind it, as it is.
        rest: String,
    },
    /// A number that is the only one in the world: NAA or EUI-64, as it is.
    Worldwide(Vec<u8>),
    /// Which port.
    RelativePort(u16),
    /// Something else.
    Other(Vec<u8>),
}

impl Name {
    /// The serial number in it, if one can be told: drives write it behind 16 characters of model.
    pub fn serial(&self) -> Option<&str> {
        match self {
            Self::Serial(serial) => Some(serial),
            Self::Vendor { rest, .. } => {
                let behind = rest.get(16..).unwrap_or_default().trim();
                if behind.is_empty() { rest.split_whitespace().next_back() } else { Some(behind) }
            }
            _ => None,
        }
    }
}

/// Reads VPD page 83h.
pub fn decode(bytes: &[u8]) -> Result<Vec<Designator>, BadReply> {
    let mut rest = vpd::body("the names of the unit", vpd::DESIGNATORS, bytes)?;
    let mut found = Vec::new();
    while let (Some(head), true) = (rest.get(..4), found.len() < MOST) {
        let &[set, kind, _, length] = head else { break };
        let of = match kind >> 4 & 0x03 {
            0 => Of::Unit,
            1 => Of::Port,
            2 => Of::Device,
            _ => Of::Other,
        };
        found.push(Designator {
            of,
            name: name(set & 0x0f, kind & 0x0f, stretch(rest, 4, length.into())),
        });
        rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
    }
    Ok(found)
}

/// What a designator of this code set and type says.
pub(crate) fn name(set: u8, kind: u8, value: &[u8]) -> Name {
    match (kind, set) {
        (0x0, 2 | 3) => {
            text_if_any(value).map_or_else(|| Name::Other(value.to_vec()), Name::Serial)
        }
        (0x1, 2 | 3) => Name::Vendor { vendor: text(stretch(value, 0, 8)), rest: rest_of(value) },
        (0x2 | 0x3, _) => Name::Worldwide(value.to_vec()),
        (0x4, _) => match (u8_at(value, 2), u8_at(value, 3)) {
            (Some(high), Some(low)) => Name::RelativePort(u16::from_be_bytes([high, low])),
            _ => Name::Other(value.to_vec()),
        },
        _ => Name::Other(value.to_vec()),
    }
}

/// What is behind the vendor, with the blanks inside it: they keep model and serial number apart.
fn rest_of(value: &[u8]) -> String {
    let rest = value.get(8..).unwrap_or_default();
    let shown: String = rest
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' })
        .collect();
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{field, hex, spoil};
    use super::{Designator, Name, Of, decode};

    fn page() -> Vec<u8> {
        let mut body = hex("02 01 00 22");
        body.extend(field("IBM", 8));
        body.extend(field("ULT3580-TD8", 16));
        body.extend(field("10WT001234", 10));
        body.extend(hex("01 03 00 08 50 05 07 63 12 34 56 78  01 14 00 04 00 00 00 01"));
        let mut page = hex("01 83 00");
        page.push(u8::try_from(body.len()).unwrap());
        page.extend(body);
        page
    }

    #[test]
    fn a_drive_has_a_model_a_number_and_a_port() {
        let found = decode(&page()).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].of, Of::Unit);
        assert_eq!(found[0].name.serial(), Some("10WT001234"));
        assert_eq!(found[1].name, Name::Worldwide(hex("50 05 07 63 12 34 56 78")));
        assert_eq!(found[2], Designator { of: Of::Port, name: Name::RelativePort(1) });
        spoil(&page(), |bytes| drop(decode(bytes)));
    }

    #[test]
    fn a_serial_number_is_found_without_a_model_of_16_characters_before_it() {
        let name = Name::Vendor { vendor: "HP".to_owned(), rest: "HU1234".to_owned() };
        assert_eq!(name.serial(), Some("HU1234"));
    }

    #[test]
    fn a_list_that_claims_more_than_is_there_ends_where_it_ends() {
        assert_eq!(decode(&hex("01 83 ff ff 02 00 00 ff 41 42")).unwrap().len(), 1);
        let mut endless = hex("01 83 ff ff");
        endless.resize(60_000, 0);
        assert_eq!(decode(&endless).unwrap().len(), 64);
    }
}
