//! Instants: those of runs, and those of files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When a run began: 14 digits `YYYYMMDDhhmmss` in the server's local time, as in Amanda's headers. It names
/// the run. `main` sees to it that stamps only grow, whatever the clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stamp(u64);

/// A text that is not a stamp.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a run stamp: 14 digits YYYYMMDDhhmmss are expected")]
pub struct BadStamp(String);

impl Stamp {
    /// Year, month, day, hour, minute, second.
    pub fn fields(self) -> [u32; 6] {
        let digits = |from: u32, count: u32| {
            u32::try_from(self.0 / 10u64.pow(14 - from - count) % 10u64.pow(count)).unwrap_or(0)
        };
        [digits(0, 4), digits(4, 2), digits(6, 2), digits(8, 2), digits(10, 2), digits(12, 2)]
    }

    /// The day as `YYYY-MM-DD`.
    pub fn day(self) -> String {
        let [year, month, day, ..] = self.fields();
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Stamp {
    type Err = BadStamp;

    fn from_str(text: &str) -> Result<Self, BadStamp> {
        let bad = || BadStamp(text.to_owned());
        if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let stamp = Self(text.parse().map_err(|_| bad())?);
        let [_, month, day, hour, minute, second] = stamp.fields();
        let real = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        if real { Ok(stamp) } else { Err(bad()) }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.to_string()
    }
}

impl TryFrom<String> for Stamp {
    type Error = BadStamp;

    fn try_from(text: String) -> Result<Self, BadStamp> {
        text.parse()
    }
}

/// A file's time: seconds since 1970, which may be negative, and nanoseconds past that second.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct FileTime {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// 0 to 999 999 999.
    pub nanos: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_read_back_and_sort_by_time() {
        let [early, late]: [Stamp; 2] =
            ["20260131235959", "20260201000000"].map(|s| s.parse().unwrap());
        assert!(early < late);
        assert_eq!(early.to_string(), "20260131235959");
        assert_eq!(early.fields(), [2026, 1, 31, 23, 59, 59]);
        assert_eq!(late.day(), "2026-02-01");
    }

    #[test]
    fn impossible_stamps_are_refused() {
        for bad in
            ["", "2026", "20261301000000", "20260132000000", "20260101240000", "2026010100000x"]
        {
            assert!(bad.parse::<Stamp>().is_err(), "{bad}");
        }
    }
}
