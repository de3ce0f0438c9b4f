//! Log page 14h of a drive: its life (SSC-4, 8.2.5). A changer's page of the same number is another one.

use super::{BadReply, Log, PageCode};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x14);

/// A drive's life. What it does not count is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceStatistics {
    /// Cartridges loaded.
    pub loads: Option<u64>,
    /// Times it was cleaned.
    pub cleanings: Option<u64>,
    /// Hours switched on.
    pub power_on_hours: Option<u64>,
    /// Hours with the tape moving.
    pub motion_hours: Option<u64>,
    /// Metres of tape.
    pub metres: Option<u64>,
    /// Hours of motion since it was cleaned.
    pub motion_hours_since_cleaning: Option<u64>,
    /// Times switched on.
    pub power_cycles: Option<u64>,
    /// Errors while writing that nothing could be done about.
    pub hard_write_errors: Option<u64>,
    /// The same while reading.
    pub hard_read_errors: Option<u64>,
    /// The drive's serial number, as its maker gave it.
    pub manufacturer_serial: Option<String>,
    /// The drive's serial number.
    pub serial: Option<String>,
}

/// Reads the page.
pub fn decode(bytes: &[u8]) -> Result<DeviceStatistics, BadReply> {
    let log = Log::decode("the drive's life", PAGE, bytes)?;
    Ok(DeviceStatistics {
        loads: log.number(0x0000),
        cleanings: log.number(0x0001),
        power_on_hours: log.number(0x0002),
        motion_hours: log.number(0x0003),
        metres: log.number(0x0004),
        motion_hours_since_cleaning: log.number(0x0008),
        power_cycles: log.number(0x000c),
        hard_write_errors: log.number(0x000e),
        hard_read_errors: log.number(0x000f),
        manufacturer_serial: log.text(0x0040),
        serial: log.text(0x0041),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::spoil;
    use super::super::testing::page;
    use super::{PAGE, decode};

    #[test]
    fn a_drive_tells_its_life() {
        let bytes = page(PAGE, &[(0, &[0, 0, 1, 2]), (0xe, &[0; 8]), (0x40, b"10WT0012 ")]);
        let life = decode(&bytes).unwrap();
        assert_eq!(
            (life.loads, life.hard_write_errors, life.cleanings),
            (Some(258), Some(0), None)
        );
        assert_eq!(life.manufacturer_serial.as_deref(), Some("10WT0012"));
        spoil(&bytes, |bytes| drop(decode(bytes)));
    }
}
