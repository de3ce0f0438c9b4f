//! Standard INQUIRY data: what kind of device it is and what it is called (SPC-4, 6.6.2).

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, text};

/// How many bytes to ask for.
pub const ROOM: u16 = 96;

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// What kind of device.
    pub kind: DeviceKind,
    /// Its maker, at most 8 characters.
    pub vendor: String,
    /// Its model, at most 16 characters.
    pub product: String,
    /// Its firmware, at most 4 characters.
    pub revision: String,
    /// Whether a changer is reached through the same unit: MCHNGR.
    pub attached_changer: bool,
    /// Whether it can protect blocks on their way: PROTECT.
    pub protection: bool,
}

/// What kind of device (SPC-4, table 150).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A tape drive.
    Tape,
    /// A changer.
    Changer,
    /// There could be a device, and there is none.
    Nothing,
    /// Something else.
    Other(u8),
}

/// Reads standard INQUIRY data.
pub fn decode(bytes: &[u8]) -> Result<Inquiry, BadReply> {
    let bytes = at_least("INQUIRY", bytes, 32)?;
    let byte = |at| bytes.get(at).copied().unwrap_or(0);
    let kind = match (byte(0) >> 5, byte(0) & 0x1f) {
        (0, 0x01) => DeviceKind::Tape,
        (0, 0x08) => DeviceKind::Changer,
        (0, other) => DeviceKind::Other(other),
        _ => DeviceKind::Nothing,
    };
    Ok(Inquiry {
        kind,
        vendor: text(stretch(bytes, 8, 8)),
        product: text(stretch(bytes, 16, 16)),
        revision: text(stretch(bytes, 32, 4)),
        attached_changer: byte(6) & 0x08 != 0,
        protection: byte(5) & 0x01 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{field, spoil};
    use super::{BadReply, DeviceKind, decode};

    fn lto8() -> Vec<u8> {
        let mut bytes = vec![0x01, 0x80, 0x06, 0x02, 0x5b, 0x01, 0x30, 0x02];
        bytes.extend(field("IBM", 8));
        bytes.extend(field("ULT3580-TD8", 16));
        bytes.extend(field("N9M1", 4));
        bytes
    }

    #[test]
    fn a_drive_says_what_it_is() {
        let drive = decode(&lto8()).unwrap();
        assert_eq!(drive.kind, DeviceKind::Tape);
        assert_eq!(
            (&*drive.vendor, &*drive.product, &*drive.revision),
            ("IBM", "ULT3580-TD8", "N9M1")
        );
        assert!(drive.protection && !drive.attached_changer);
    }

    #[test]
    fn an_old_device_may_leave_its_revision_out() {
        assert_eq!(decode(&lto8()[..32]).unwrap().revision, "");
        assert_eq!(
            decode(&lto8()[..31]),
            Err(BadReply::Short { what: "INQUIRY", needed: 32, got: 31 })
        );
    }

    #[test]
    fn a_unit_that_is_not_there_is_no_device() {
        let mut bytes = lto8();
        bytes[0] = 0x7f;
        assert_eq!(decode(&bytes).unwrap().kind, DeviceKind::Nothing);
        bytes[0] = 0x21;
        assert_eq!(decode(&bytes).unwrap().kind, DeviceKind::Nothing);
        bytes[0] = 0x00;
        assert_eq!(decode(&bytes).unwrap().kind, DeviceKind::Other(0));
        spoil(&bytes, |bytes| drop(decode(bytes)));
    }
}
