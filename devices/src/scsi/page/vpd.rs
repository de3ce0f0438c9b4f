//! Vital product data: serial numbers, and what a device can (SPC-4, 7.8; SSC-4, 8.6).
//!
//! Every page has the same head: the kind of device, the page, and how many bytes follow. Some devices answer a
//! page that they do not know with another one: ask [`SUPPORTED`] first, and do not believe a page with another
//! number.

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{stretch, text_if_any, u8_at, u16_at};
use crate::scsi::cdb::smc::Element;

/// Which pages there are.
pub const SUPPORTED: u8 = 0x00;
/// The unit's serial number.
pub const SERIAL: u8 = 0x80;
/// Everything that names the unit: [`designators`](super::designators).
pub const DESIGNATORS: u8 = 0x83;
/// What a drive can do with media.
pub const CAPABILITIES: u8 = 0xb0;
/// The maker's serial number, which outlives an exchange of parts better than [`SERIAL`].
pub const MANUFACTURER_SERIAL: u8 = 0xb1;
/// Which TapeAlert flags a drive knows.
pub const TAPE_ALERTS: u8 = 0xb2;
/// The serial number of the library that the drive is in.
pub const AUTOMATION_SERIAL: u8 = 0xb3;
/// The address of the drive in that library.
pub const ELEMENT_ADDRESS: u8 = 0xb4;
/// How blocks can be protected: [`protection`](super::protection).
pub const PROTECTION: u8 = 0xb5;

/// How many bytes to ask for: enough for the pages of drives and changers, and old devices take no more.
pub const ROOM: u16 = 252;

/// What is behind the head of page `page`, as far as it is there.
pub(crate) fn body<'a>(
    what: &'static str,
    page: u8,
    bytes: &'a [u8],
) -> Result<&'a [u8], BadReply> {
    let bytes = at_least(what, bytes, 4)?;
    match (u8_at(bytes, 1), u16_at(bytes, 2)) {
        (Some(got), Some(length)) if got == page => Ok(stretch(bytes, 4, length.into())),
        (got, _) => Err(BadReply::OtherPage { what, got: PageCode::page(got.unwrap_or(0)) }),
    }
}

/// Which pages the device has.
pub fn supported(bytes: &[u8]) -> Result<Vec<u8>, BadReply> {
    Ok(body("the list of vital product data", SUPPORTED, bytes)?
        .iter()
        .copied()
        .take(256)
        .collect())
}

/// The unit's serial number; none if the device has none to tell.
pub fn serial(bytes: &[u8]) -> Result<Option<String>, BadReply> {
    Ok(text_if_any(body("the unit's serial number", SERIAL, bytes)?))
}

/// The maker's serial number.
pub fn manufacturer_serial(bytes: &[u8]) -> Result<Option<String>, BadReply> {
    Ok(text_if_any(body("the maker's serial number", MANUFACTURER_SERIAL, bytes)?))
}

/// The serial number of the library; none if the drive stands alone.
pub fn automation_serial(bytes: &[u8]) -> Result<Option<String>, BadReply> {
    Ok(text_if_any(body("the library's serial number", AUTOMATION_SERIAL, bytes)?))
}

/// Where in its library the drive is; none if it stands alone, or was not told.
pub fn element_address(bytes: &[u8]) -> Result<Option<Element>, BadReply> {
    let body = body("the drive's address in its library", ELEMENT_ADDRESS, bytes)?;
    // Two bytes; but a number of four bytes has them behind two zeros.
    let address =
        [0, 2].into_iter().filter_map(|at| u16_at(body, at)).find(|address| *address != 0);
    Ok(address.map(Element))
}

/// What a drive can do with media. It says nothing of the cartridge that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It knows media that can be written only once.
    pub write_once: bool,
    /// It takes TapeAlert thresholds: TSMC.
    pub alert_thresholds: bool,
}

/// What a drive can do with media.
pub fn capabilities(bytes: &[u8]) -> Result<Capabilities, BadReply> {
    let flags = u8_at(body("the drive's capabilities", CAPABILITIES, bytes)?, 0).unwrap_or(0);
    Ok(Capabilities { write_once: flags & 0x01 != 0, alert_thresholds: flags & 0x02 != 0 })
}

/// Which TapeAlert flags the drive knows.
pub fn tape_alerts(bytes: &[u8]) -> Result<Vec<super::alert::Flag>, BadReply> {
    let what = "the drive's TapeAlert flags";
    Ok(super::alert::from_map(at_least(what, body(what, TAPE_ALERTS, bytes)?, 8)?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{
        BadReply, Element, PageCode, automation_serial, capabilities, element_address,
        manufacturer_serial, serial, supported, tape_alerts,
    };

    #[test]
    fn pages_are_read_as_far_as_they_are_there() {
        assert_eq!(supported(&hex("01 00 00 04 00 80 83 b0")).unwrap(), [0x00, 0x80, 0x83, 0xb0]);
        assert_eq!(supported(&hex("01 00 ff ff 00 80")).unwrap(), [0x00, 0x80]);
        assert_eq!(
            serial(&hex("01 80 00 0a 31 30 57 54 30 30 31 32 33 34")).unwrap().unwrap(),
            "10WT001234"
        );
        assert_eq!(serial(&hex("01 80 00 04 20 20 20 20")).unwrap(), None);
        assert_eq!(manufacturer_serial(&hex("01 b1 00 03 41 42 43")).unwrap().unwrap(), "ABC");
        assert_eq!(automation_serial(&hex("01 b3 00 02 00 00")).unwrap(), None);
        assert_eq!(
            element_address(&hex("01 b4 00 04 01 01 00 00")).unwrap(),
            Some(Element(0x0101))
        );
        assert_eq!(
            element_address(&hex("01 b4 00 04 00 00 01 01")).unwrap(),
            Some(Element(0x0101))
        );
        assert_eq!(element_address(&hex("01 b4 00 04 00 00 00 00")).unwrap(), None);
        let can = capabilities(&hex("01 b0 00 02 01 00")).unwrap();
        assert!(can.write_once && !can.alert_thresholds);
    }

    #[test]
    fn flag_1_is_the_first_bit() {
        let flags = tape_alerts(&hex("01 b2 00 08 80 00 00 00 00 00 00 01")).unwrap();
        assert_eq!(flags.iter().map(|flag| flag.number()).collect::<Vec<_>>(), [1, 64]);
        assert!(tape_alerts(&hex("01 b2 00 04 80 00 00 00")).is_err());
    }

    #[test]
    fn another_page_is_not_taken_for_the_one_that_was_asked_for() {
        let error = serial(&hex("01 83 00 02 41 41")).unwrap_err();
        assert!(matches!(error, BadReply::OtherPage { got, .. } if got == PageCode::page(0x83)));
        spoil(&hex("01 80 00 04 41 42 43 44"), |bytes| {
            drop(serial(bytes));
            drop(supported(bytes));
        });
    }
}
