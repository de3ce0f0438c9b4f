//! Sizes. The only file that turns one into another.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Bytes(pub u64);

impl Bytes {
    /// None.
    pub const ZERO: Self = Self(0);
    /// 1024 bytes.
    pub const KIB: Self = Self(1 << 10);
    /// 1024 KiB.
    pub const MIB: Self = Self(1 << 20);
    /// 1024 MiB.
    pub const GIB: Self = Self(1 << 30);

    /// The length of something in memory.
    pub fn of(length: usize) -> Self {
        Self(length as u64)
    }

    /// `self - other`, or zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `count` of these; at most what 64 bits hold.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The smallest multiple of `unit` that holds this many.
    #[must_use]
    pub fn rounded_up(self, unit: Self) -> Self {
        Self(self.0.div_ceil(unit.0.max(1)).saturating_mul(unit.0))
    }

    /// This share of the bytes; negative shares and overflow are cut off.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate"
    )]
    pub fn share(self, share: f64) -> Self {
        Self((self.0 as f64 * share) as u64)
    }
}

impl Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Bytes {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Add::add)
    }
}

/// As a person reads it: three digits and a binary unit, `1.53 GiB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut size = self.0 as f64;
        let mut unit = 0;
        while size >= 999.5 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        let digits = match size {
            _ if unit == 0 => 0,
            s if s < 9.995 => 2,
            s if s < 99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{size:.digits$} {}", UNITS[unit]))
    }
}

/// The length of every block of a volume, in bytes: 32 KiB to 8 MiB, a multiple of 1 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockSize(u32);

impl BlockSize {
    /// Amanda's, and that of every header on a vtape or a holding disk.
    pub const HEADER: Self = Self(32 << 10);
    /// What tapes get unless the pool says otherwise.
    pub const TAPE: Self = Self(512 << 10);
    /// The largest that is written or read.
    pub const LARGEST: Self = Self(8 << 20);

    /// A block size in bytes, if it is one.
    pub fn new(bytes: u64) -> Option<Self> {
        let size = u32::try_from(bytes).ok()?;
        ((Self::HEADER.0..=Self::LARGEST.0).contains(&size) && size.is_multiple_of(1024))
            .then_some(Self(size))
    }

    /// In bytes.
    pub fn bytes(self) -> Bytes {
        Bytes(u64::from(self.0))
    }

    /// As the length of a buffer.
    pub fn len(self) -> usize {
        self.0 as usize
    }

    /// Never: it is here because there is a `len`.
    pub fn is_empty(self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_as_people_read_them() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1536, "1.50 KiB"),
            (10 << 20, "10.0 MiB"),
            (1_610_612_736, "1.50 GiB"),
            (u64::MAX, "16384 PiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn block_sizes_have_bounds() {
        assert!(BlockSize::new(32 << 10).is_some());
        for bad in [0, 1, 31 << 10, (32 << 10) + 1, (8 << 20) + 1024, u64::MAX] {
            assert!(BlockSize::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn sums_never_wrap() {
        assert_eq!(Bytes(u64::MAX) + Bytes(1), Bytes(u64::MAX));
        assert_eq!(Bytes(1) - Bytes(2), Bytes::ZERO);
        assert_eq!(Bytes(33).rounded_up(Bytes(32)), Bytes(64));
    }
}
