//! One backup of one DLE.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::as_text::as_text;

/// What a dump builds on: 0 is all, n is what changed since the newest dump of a lower level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct Level(u16);

/// A number that is not a level.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a level: levels go from 0 to 399")]
pub struct BadLevel(String);

impl Level {
    /// All.
    pub const FULL: Self = Self(0);
    /// The highest: as Amanda's.
    pub const TOP: Self = Self(399);

    /// The level as a number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// True for level 0.
    pub fn is_full(self) -> bool {
        self == Self::FULL
    }

    /// The level that builds on this one; the top level stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(Self::TOP.0))
    }
}

impl TryFrom<u16> for Level {
    type Error = BadLevel;

    fn try_from(number: u16) -> Result<Self, BadLevel> {
        if number <= Self::TOP.0 { Ok(Self(number)) } else { Err(BadLevel(number.to_string())) }
    }
}

impl From<Level> for u16 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl FromStr for Level {
    type Err = BadLevel;

    fn from_str(text: &str) -> Result<Self, BadLevel> {
        let number: u16 = text.parse().map_err(|_| BadLevel(text.to_owned()))?;
        number.try_into()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of one dump, for ever: 128 bits in 32 hexadecimal digits. `main` makes them, time first, so
/// that they sort by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub [u8; 16]);

/// A text that is not a dump id.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a dump id: 32 hexadecimal digits are expected")]
pub struct BadDumpId(String);

impl DumpId {
    /// An id of `millis` since 1970 and ten bytes of chance.
    pub fn new(millis: u64, chance: [u8; 10]) -> Self {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        id[6..].copy_from_slice(&chance);
        Self(id)
    }
}

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DumpId {
    type Err = BadDumpId;

    fn from_str(text: &str) -> Result<Self, BadDumpId> {
        let mut id = [0; 16];
        from_hex(text, &mut id).ok_or_else(|| BadDumpId(text.to_owned()))?;
        Ok(Self(id))
    }
}

as_text!(DumpId);

/// As they are written.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What each byte stands for as a hexadecimal digit; those that are none have a bit that no digit has.
const VALUES: [u8; 256] = {
    let mut values = [0xf0; 256];
    let mut digit = 0;
    while digit < 16 {
        values[DIGITS[digit as usize] as usize] = digit;
        values[DIGITS[digit as usize].to_ascii_uppercase() as usize] = digit;
        digit += 1;
    }
    values
};

/// Fills `bytes` from exactly as many pairs of hexadecimal digits. A catalogue has millions of ids.
pub(crate) fn from_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| VALUES[usize::from(digit)]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen < 16).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_at_399() {
        assert!("399".parse::<Level>().is_ok());
        assert!("400".parse::<Level>().is_err());
        assert!("-1".parse::<Level>().is_err());
        assert_eq!(Level::TOP.next(), Level::TOP);
    }

    #[test]
    fn ids_sort_by_age_and_read_back() {
        let [old, new] = [1, 2].map(|millis| DumpId::new(millis, [0xff; 10]));
        assert!(old < new);
        assert_eq!(new.to_string().parse::<DumpId>().unwrap(), new);
        assert_eq!(new.to_string().to_uppercase().parse::<DumpId>().unwrap(), new);
    }

    #[test]
    fn every_character_that_is_no_hexadecimal_digit_is_refused_wherever_it_stands() {
        for byte in 0..=127u8 {
            for at in [0, 15, 31] {
                let mut text = [b'a'; 32];
                text[at] = byte;
                let text = std::str::from_utf8(&text).unwrap();
                let expected = byte.is_ascii_hexdigit();
                assert_eq!(text.parse::<DumpId>().is_ok(), expected, "{text:?}");
            }
        }
        for text in ["", "a", &"a".repeat(31), &"a".repeat(33), &"é".repeat(16)] {
            let why = text.parse::<DumpId>().unwrap_err().to_string();
            assert_eq!(
                why,
                format!("{text:?} is not a dump id: 32 hexadecimal digits are expected")
            );
        }
    }
}
