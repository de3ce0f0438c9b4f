//! The generations of LTO: what each cartridge holds, what each drive takes, and how fast things go.
//!
//! Capacities, densities and lengths are those of the LTO programme and of the density tables of the drives'
//! vendors; speeds and mechanics are IBM's tables for full-height drives, the steps those of its speed
//! matching. Where nothing is published the number is reckoned, and says so.

use serde::{Deserialize, Serialize};

/// A format of cartridges. Drives are named by the newest one they write, but for the two that are only media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generation {
    /// 1.5 TB.
    Lto4,
    /// 1.5 TB.
    Lto5,
    /// 2.5 TB.
    Lto6,
    /// 6 TB.
    Lto7,
    /// 9 TB on an LTO-7 cartridge; only an LTO-8 drive writes it.
    M8,
    /// 12 TB.
    Lto8,
    /// 18 TB. A new cartridge is calibrated at its first load.
    Lto9,
    /// 30 TB.
    Lto10,
    /// 40 TB in an LTO-10 drive.
    Lto10P,
}

/// What a drive may do with a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
    None,
}

/// What is particular to a generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// In MB of 10⁶ bytes, as the vendors count.
    pub(crate) capacity_mb: u64,
    pub(crate) density: u8,
    pub(crate) name: &'static str,
    pub(crate) organisation: &'static str,
    pub(crate) length_m: u64,
    pub(crate) tracks: u64,
    pub(crate) bits_per_mm: u64,
    pub(crate) wraps: u64,
    /// Of the barcode, for data cartridges.
    pub(crate) suffix: &'static str,
    /// Speed matching, in bytes per millisecond, slowest first.
    pub(crate) steps: &'static [u64],
    /// What the drive's buffer holds.
    pub(crate) buffer: u64,
    pub(crate) load_s: u64,
    pub(crate) unload_s: u64,
    /// From the beginning to the far end, for the whole length.
    pub(crate) rewind_s: u64,
    /// SCSI timeouts that REPORT SUPPORTED OPERATION CODES gives, in seconds.
    pub(crate) timeouts: Timeouts,
}

/// What a command may take, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) erase: u64,
    pub(crate) format: u64,
    pub(crate) load: u64,
    pub(crate) locate: u64,
    pub(crate) read: u64,
    pub(crate) rewind: u64,
    pub(crate) write: u64,
    pub(crate) verify: u64,
}

const fn timeouts(
    erase: u64,
    format: u64,
    load: u64,
    locate: u64,
    read: u64,
    verify: u64,
) -> Timeouts {
    Timeouts { erase, format, load, locate, read, rewind: 600, write: 1500, verify }
}

const LTO5: Facts = Facts {
    capacity_mb: 1_500_000,
    density: 0x58,
    name: "U-516",
    organisation: "LTO-CVE",
    length_m: 846,
    tracks: 1280,
    bits_per_mm: 15142,
    wraps: 80,
    suffix: "L5",
    steps: &[47_000, 66_000, 84_000, 103_000, 121_000, 140_000],
    buffer: 256 << 20,
    load_s: 12,
    unload_s: 17,
    rewind_s: 120,
    timeouts: timeouts(16_380, 1_560, 780, 2_040, 1_500, 16_920),
};

const LTO4: Facts = Facts {
    capacity_mb: 800_000,
    density: 0x46,
    name: "U-416",
    length_m: 820,
    tracks: 896,
    bits_per_mm: 13_250,
    wraps: 56,
    suffix: "L4",
    steps: &[30_000, 60_000, 90_000, 120_000],
    ..LTO5
};

const LTO6: Facts = Facts {
    capacity_mb: 2_500_000,
    density: 0x5a,
    name: "U-616",
    tracks: 2176,
    bits_per_mm: 15142,
    wraps: 136,
    suffix: "L6",
    steps: &[54_000, 75_000, 96_000, 118_000, 139_000, 160_000],
    buffer: 512 << 20,
    rewind_s: 120,
    timeouts: timeouts(24_600, 3_000, 780, 2_940, 1_500, 25_200),
    ..LTO5
};

const LTO7: Facts = Facts {
    capacity_mb: 6_000_000,
    density: 0x5c,
    name: "U-732",
    length_m: 960,
    tracks: 3584,
    bits_per_mm: 19_107,
    wraps: 112,
    suffix: "L7",
    steps: &[
        101_500, 120_000, 138_500, 157_700, 175_500, 194_300, 213_000, 231_900, 250_700, 268_600,
        287_500, 306_000,
    ],
    buffer: 1 << 30,
    load_s: 15,
    unload_s: 20,
    rewind_s: 120,
    timeouts: timeouts(27_540, 3_000, 960, 2_880, 2_280, 31_700),
    ..LTO6
};

const M8: Facts =
    Facts { capacity_mb: 9_000_000, density: 0x5d, tracks: 5376, wraps: 168, suffix: "M8", ..LTO7 };

const LTO8: Facts = Facts {
    capacity_mb: 12_000_000,
    density: 0x5e,
    name: "U-832",
    tracks: 6656,
    bits_per_mm: 20_669,
    wraps: 208,
    suffix: "L8",
    steps: &[
        112_000, 135_000, 157_500, 180_000, 203_000, 226_000, 249_500, 273_000, 306_400, 318_000,
        341_000, 365_000,
    ],
    unload_s: 24,
    rewind_s: 118,
    timeouts: timeouts(54_896, 3_000, 960, 2_880, 2_280, 63_300),
    ..LTO7
};

const LTO9: Facts = Facts {
    capacity_mb: 18_000_000,
    density: 0x60,
    name: "U-932",
    length_m: 1035,
    tracks: 8960,
    bits_per_mm: 21_457,
    wraps: 280,
    suffix: "L9",
    steps: &[
        177_000, 203_000, 223_000, 244_000, 263_000, 284_000, 305_000, 325_000, 347_000, 366_000,
        385_000, 408_000,
    ],
    load_s: 17,
    unload_s: 30,
    rewind_s: 110,
    timeouts: timeouts(74_341, 3_000, 960, 2_940, 2_340, 104_880),
    ..LTO8
};

const LTO10: Facts = Facts {
    capacity_mb: 30_000_000,
    density: 0x62,
    name: "U-1032",
    tracks: 15_104,
    wraps: 472,
    suffix: "LA",
    steps: &[
        157_000, 176_000, 195_000, 214_000, 234_000, 253_000, 272_000, 291_000, 311_000, 330_000,
        349_000, 368_000, 387_000, 407_000,
    ],
    load_s: 12,
    unload_s: 27,
    rewind_s: 124,
    timeouts: timeouts(16_320, 3_180, 780, 2_940, 2_340, 104_880),
    ..LTO9
};

const LTO10P: Facts = Facts {
    capacity_mb: 40_000_000,
    density: 0x63,
    name: "U-1032P",
    length_m: 1337,
    suffix: "PA",
    steps: &[
        162_000, 181_000, 199_000, 218_000, 236_000, 255_000, 274_000, 292_000, 311_000, 330_000,
        349_000, 368_000, 387_000, 407_000,
    ],
    rewind_s: 150,
    ..LTO10
};

impl Generation {
    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Self::Lto4 => &LTO4,
            Self::Lto5 => &LTO5,
            Self::Lto6 => &LTO6,
            Self::Lto7 => &LTO7,
            Self::M8 => &M8,
            Self::Lto8 => &LTO8,
            Self::Lto9 => &LTO9,
            Self::Lto10 => &LTO10,
            Self::Lto10P => &LTO10P,
        }
    }

    /// What a drive of this generation does with a cartridge of that one.
    pub(crate) fn access(self, medium: Self) -> Access {
        use Generation::{Lto4, Lto5, Lto6, Lto7, Lto8, Lto9, Lto10, Lto10P, M8};
        match (self, medium) {
            (Lto5, Lto5 | Lto4) => Access::Write,
            (Lto6, Lto6 | Lto5) => Access::Write,
            (Lto7, Lto7 | Lto6) => Access::Write,
            (Lto8, Lto8 | Lto7 | M8) => Access::Write,
            (Lto9, Lto9 | Lto8) => Access::Write,
            (Lto10 | Lto10P, Lto10 | Lto10P) => Access::Write,
            (Lto4, Lto4) => Access::Write,
            (Lto6, Lto4) | (Lto7, Lto5) => Access::Read,
            _ => Access::None,
        }
    }

    /// The formats that a drive of this generation knows, newest first.
    pub(crate) fn known(self) -> impl Iterator<Item = Self> {
        [
            Self::Lto10P,
            Self::Lto10,
            Self::Lto9,
            Self::Lto8,
            Self::M8,
            Self::Lto7,
            Self::Lto6,
            Self::Lto5,
            Self::Lto4,
        ]
        .into_iter()
        .filter(move |&medium| self.access(medium) != Access::None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Generation};

    #[test]
    fn lto_10_takes_nothing_older() {
        assert_eq!(Generation::Lto10.access(Generation::Lto9), Access::None);
        assert_eq!(Generation::Lto9.access(Generation::Lto8), Access::Write);
        assert_eq!(Generation::Lto9.access(Generation::M8), Access::None);
        assert_eq!(Generation::Lto7.access(Generation::Lto5), Access::Read);
    }

    #[test]
    fn a_drive_streams_from_its_lowest_step_to_its_highest() {
        for generation in Generation::Lto10P.known().chain(Generation::Lto8.known()) {
            assert!(generation.facts().steps.is_sorted(), "{generation:?}");
        }
    }
}
