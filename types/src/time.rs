//! Instants: those of runs, and those of files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::as_text::as_text;

/// When a run began: 14 digits `YYYYMMDDhhmmss` in the server's local time, as in Amanda's headers. It names
/// the run. `main` sees to it that stamps only grow, whatever the clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

/// A text that is not a stamp.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a run stamp: 14 digits YYYYMMDDhhmmss are expected")]
pub struct BadStamp(String);

impl Stamp {
    /// Year, month, day, hour, minute, second.
    pub fn fields(self) -> [u32; 6] {
        let mut rest = self.0;
        let mut next = |base: u64| {
            let digits = rest % base;
            rest /= base;
            u32::try_from(digits).unwrap_or(0)
        };
        let [second, minute, hour, day, month] = [(); 5].map(|()| next(100));
        [next(10_000), month, day, hour, minute, second]
    }

    /// The day as `YYYY-MM-DD`.
    pub fn day(self) -> String {
        let [year, month, day, ..] = self.fields();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// This time of the day, so many days later; at the end of the calendar the last stamp there is.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        let (year, month, day) = civil(self.day_number() + i64::from(days));
        let Ok(year) = u64::try_from(year) else { return self };
        if year > 9999 {
            return Self(99_991_231_235_959);
        }
        Self(((year * 100 + month) * 100 + day) * 1_000_000 + self.0 % 1_000_000)
    }

    /// Whole days from `earlier` to this; none if it is not earlier. Days are counted on the calendar and
    /// the clock on the wall: the hour that summer time takes or gives is not noticed.
    pub fn days_since(self, earlier: Self) -> u32 {
        let begun = u32::from(self.0 % 1_000_000 < earlier.0 % 1_000_000);
        let days = self.day_number() - earlier.day_number() - i64::from(begun);
        u32::try_from(days).unwrap_or(0)
    }

    /// Days since 1970-01-01, on the calendar (Howard Hinnant's `days_from_civil`: years begin in March).
    pub fn day_number(self) -> i64 {
        let [year, month, day, ..] = self.fields().map(i64::from);
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let year = year.rem_euclid(400);
        era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468
    }
}

/// Year, month and day of a day number.
fn civil(number: i64) -> (i64, u64, u64) {
    let number = number + 719_468;
    let era = number.div_euclid(146_097);
    let of_era = number.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = (march + 2) % 12 + 1;
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
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

as_text!(Stamp);

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
    fn days_are_counted_over_months_and_leap_years() {
        let stamp = |text: &str| text.parse::<Stamp>().unwrap();
        let cases = [
            ("20260228120000", 1, "20260301120000"),
            ("20240228120000", 1, "20240229120000"),
            ("20251231235959", 1, "20260101235959"),
            ("20000301000000", 146_097, "24000301000000"),
            ("20261123003000", 0, "20261123003000"),
        ];
        for (from, days, to) in cases {
            assert_eq!(stamp(from).plus_days(days), stamp(to));
            assert_eq!(stamp(to).days_since(stamp(from)), days);
        }
        assert_eq!(stamp("20260102110000").days_since(stamp("20260101120000")), 0);
        assert_eq!(stamp("20260102120000").days_since(stamp("20260101120000")), 1);
        assert_eq!(stamp("20260101120000").days_since(stamp("20260102120000")), 0);
        assert_eq!(stamp("99991231000000").plus_days(1), stamp("99991231235959"));
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut day = "19990101000000".parse::<Stamp>().unwrap();
        for _ in 0..150_000 {
            let next = day.plus_days(1);
            assert!(next > day && next.to_string().parse::<Stamp>().is_ok(), "{next}");
            assert_eq!(next.days_since(day), 1);
            day = next;
        }
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
