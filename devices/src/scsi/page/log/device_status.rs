//! Log page 11h: what a drive is doing now (ADC-3, 6.1.2.2). It is answered while the tape moves, and so is the page
//! to ask first.

use super::{BadReply, Log, PageCode};
use crate::scsi::bytes::array;

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x11);

/// What a drive is doing now: its *very high frequency data*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Taking the medium out by hand is prevented: PAMR.
    pub removal_prevented: bool,
    /// A host has asked to be the first: HIU.
    pub host_initiated_unload: bool,
    /// The cartridge's memory can be read: MAMA.
    pub memory_accessible: bool,
    /// It compresses: CMPR.
    pub compresses: bool,
    /// The cartridge is write-protected: WRTP.
    pub write_protected: bool,
    /// It wants to be cleaned: CRQST.
    pub cleaning_requested: bool,
    /// It must be cleaned before it does more: CRQRD.
    pub cleaning_required: bool,
    /// It knows itself: DINIT. Until then the rest may not hold.
    pub initialized: bool,
    /// It is changing from one state to another: INXTN.
    pub in_transition: bool,
    /// An arm may reach in: RAA.
    pub arm_may_reach_in: bool,
    /// A cartridge is in it: MPRSNT.
    pub cartridge_present: bool,
    /// The cartridge is in its place: MSTD.
    pub cartridge_seated: bool,
    /// The tape is threaded: MTHRD.
    pub threaded: bool,
    /// The medium is mounted, and can be written and read: MOUNTED.
    pub mounted: bool,
    /// What it is doing.
    pub activity: Activity,
}

/// What a drive is doing (ADC-3, table 48).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    None,
    /// It is being cleaned.
    Cleaning,
    /// A cartridge is loaded.
    Loading,
    /// A cartridge is given out.
    Unloading,
    /// Something else with the medium.
    OtherMedium,
    /// It reads.
    Reading,
    /// It writes.
    Writing,
    /// It goes somewhere.
    Locating,
    /// It rewinds.
    Rewinding,
    /// It erases.
    Erasing,
    /// It formats.
    Formatting,
    /// It calibrates a new cartridge; of an LTO-9 cartridge for up to two hours.
    Calibrating,
    /// Something else.
    Other,
    /// It takes new firmware.
    UpdatingFirmware,
    /// It reads what is encrypted.
    ReadingEncrypted,
    /// It writes encrypted.
    WritingEncrypted,
    /// A number that the books do not have.
    Unknown(u8),
}

impl Activity {
    /// Whether whoever asks slower questions now waits for the tape.
    pub fn is_busy(self) -> bool {
        self != Self::None
    }
}

impl From<u8> for Activity {
    fn from(code: u8) -> Self {
        match code {
            0x00 => Self::None,
            0x01 => Self::Cleaning,
            0x02 => Self::Loading,
            0x03 => Self::Unloading,
            0x04 => Self::OtherMedium,
            0x05 => Self::Reading,
            0x06 => Self::Writing,
            0x07 => Self::Locating,
            0x08 => Self::Rewinding,
            0x09 => Self::Erasing,
            0x0a => Self::Formatting,
            0x0b => Self::Calibrating,
            0x0c => Self::Other,
            0x0d => Self::UpdatingFirmware,
            0x0e => Self::ReadingEncrypted,
            0x0f => Self::WritingEncrypted,
            other => Self::Unknown(other),
        }
    }
}

/// Reads the page.
pub fn decode(bytes: &[u8]) -> Result<DeviceStatus, BadReply> {
    let what = "what the drive is doing";
    let log = Log::decode(what, PAGE, bytes)?;
    let value = log.value(0).ok_or(BadReply::Wrong { what, why: "it has no parameter 0" })?;
    let [a, b, activity] =
        array(value, 0).ok_or(BadReply::Short { what, needed: 3, got: value.len() })?;
    Ok(DeviceStatus {
        removal_prevented: a & 0x80 != 0,
        host_initiated_unload: a & 0x40 != 0,
        memory_accessible: a & 0x20 != 0,
        compresses: a & 0x10 != 0,
        write_protected: a & 0x08 != 0,
        cleaning_requested: a & 0x04 != 0,
        cleaning_required: a & 0x02 != 0,
        initialized: a & 0x01 != 0,
        in_transition: b & 0x80 != 0,
        arm_may_reach_in: b & 0x20 != 0,
        cartridge_present: b & 0x10 != 0,
        cartridge_seated: b & 0x04 != 0,
        threaded: b & 0x02 != 0,
        mounted: b & 0x01 != 0,
        activity: activity.into(),
    })
}

impl std::fmt::Display for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "doing nothing",
            Self::Cleaning => "being cleaned",
            Self::Loading => "loading",
            Self::Unloading => "unloading",
            Self::OtherMedium | Self::Other | Self::Unknown(_) => "busy",
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Locating => "locating",
            Self::Rewinding => "rewinding",
            Self::Erasing => "erasing",
            Self::Formatting => "formatting",
            Self::Calibrating => "calibrating a new cartridge",
            Self::UpdatingFirmware => "taking new firmware",
            Self::ReadingEncrypted => "reading, encrypted",
            Self::WritingEncrypted => "writing, encrypted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::spoil;
    use super::super::testing::page;
    use super::{Activity, PAGE, decode};

    #[test]
    fn a_drive_that_calibrates_says_so() {
        let bytes = page(PAGE, &[(0, &[0x25, 0x97, 0x0b, 0x00])]);
        let now = decode(&bytes).unwrap();
        assert_eq!(now.activity, Activity::Calibrating);
        assert!(
            now.activity.is_busy() && now.in_transition && now.mounted && now.cleaning_requested
        );
        assert!(now.memory_accessible && !now.write_protected && !now.cleaning_required);
        spoil(&bytes, |bytes| drop(decode(bytes)));
    }

    #[test]
    fn a_page_without_the_parameter_is_refused() {
        assert!(decode(&page(PAGE, &[(1, &[0; 4])])).is_err());
        assert!(decode(&page(PAGE, &[(0, &[0; 2])])).is_err());
    }
}
