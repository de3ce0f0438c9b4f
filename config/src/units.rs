//! Numbers with units: sizes, rates, days, times.
//!
//! A size without a unit is a riddle (Amanda took it as KiB, people mean bytes or gigabytes), so only 0 may
//! go without. `KiB MiB GiB TiB PiB`, and Amanda's `k m g t`, count in 1024; `KB MB GB TB PB` in 1000, as
//! cartridges are sold. What is written by [`size_text`] and its sisters reads back as the same number.

use std::time::Duration;

use types::Bytes;

/// What is wrong with a number with a unit, and what might be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", suggestion.as_ref().map(|s| format!(" ({s})")).unwrap_or_default())]
pub struct BadNumber {
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

/// A size as in the configuration, `10 GiB`: for options of commands.
pub fn parse_size(text: &str) -> Result<Bytes, BadNumber> {
    size(text, false).map(|bytes| Bytes(bytes.unsigned_abs()))
}

fn bad(message: impl Into<String>, suggestion: Option<String>) -> BadNumber {
    BadNumber { message: message.into(), suggestion }
}

/// Units of size, the ones that are written first.
const SIZES: &[(&str, u64)] = &[
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("PB", 1_000_000_000_000_000),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("bytes", 1),
    ("byte", 1),
    ("B", 1),
    ("p", 1 << 50),
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
];

/// Units of time in seconds, the ones that are written first. There is no `m`: it is 1024² elsewhere.
const TIMES: &[(&str, u64)] = &[
    ("weeks", 604_800),
    ("days", 86_400),
    ("h", 3_600),
    ("min", 60),
    ("s", 1),
    ("week", 604_800),
    ("w", 604_800),
    ("day", 86_400),
    ("d", 86_400),
    ("hours", 3_600),
    ("hour", 3_600),
    ("minutes", 60),
    ("minute", 60),
    ("seconds", 1),
    ("second", 1),
    ("secs", 1),
    ("sec", 1),
];

/// Other spellings that say clearly enough what is meant, to suggest the right one.
const MEANT: &[(&str, &str)] = &[
    ("kbyte", "KiB"),
    ("kbytes", "KiB"),
    ("kilobyte", "KiB"),
    ("kilobytes", "KiB"),
    ("kbps", "KiB"),
    ("kps", "KiB"),
    ("mbyte", "MiB"),
    ("mbytes", "MiB"),
    ("meg", "MiB"),
    ("megs", "MiB"),
    ("megabyte", "MiB"),
    ("megabytes", "MiB"),
    ("mbps", "MiB"),
    ("mps", "MiB"),
    ("gbyte", "GiB"),
    ("gbytes", "GiB"),
    ("gig", "GiB"),
    ("gigs", "GiB"),
    ("gigabyte", "GiB"),
    ("gigabytes", "GiB"),
    ("gbps", "GiB"),
    ("gps", "GiB"),
    ("tbyte", "TiB"),
    ("tbytes", "TiB"),
    ("terabyte", "TiB"),
    ("terabytes", "TiB"),
    ("bps", "B"),
    ("m", "min"),
    ("mins", "min"),
    ("hr", "h"),
    ("hrs", "h"),
    ("month", "days"),
    ("months", "days"),
];

/// A size in bytes. Negative where `below_zero` lets it.
pub(crate) fn size(text: &str, below_zero: bool) -> Result<i64, BadNumber> {
    number_with_unit(text, "size", SIZES, TIMES, "10 GiB", below_zero)
}

/// Bytes a second: a size with `/s`, which may be left out.
pub(crate) fn rate(text: &str) -> Result<i64, BadNumber> {
    let trimmed = text.trim();
    let size_part = trimmed.strip_suffix("/s").or_else(|| trimmed.strip_suffix("/sec"));
    size(size_part.unwrap_or(trimmed), false).map_err(|wrong| BadNumber {
        suggestion: wrong.suggestion.map(|s| s.replace("B\"", "B/s\"")),
        ..wrong
    })
}

/// A time in seconds. Negative where `below_zero` lets it.
pub(crate) fn time(text: &str, below_zero: bool) -> Result<i64, BadNumber> {
    number_with_unit(text, "time", TIMES, SIZES, "30 s", below_zero)
}

/// A time in whole days.
pub(crate) fn days(text: &str) -> Result<u32, BadNumber> {
    let seconds = number_with_unit(text, "time", TIMES, SIZES, "7 days", false)?;
    if seconds % 86_400 != 0 {
        let up = seconds / 86_400 + 1;
        return Err(bad("only whole days count", Some(format!("did you mean \"{up} days\"?"))));
    }
    u32::try_from(seconds / 86_400)
        .map_err(|_| bad("so many days are more than can be counted", None))
}

fn number_with_unit(
    text: &str,
    what: &str,
    units: &[(&str, u64)],
    others: &[(&str, u64)],
    example: &str,
    below_zero: bool,
) -> Result<i64, BadNumber> {
    let trimmed = text.trim();
    let unsigned = trimmed.strip_prefix('-').unwrap_or(trimmed);
    let split = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, unit) = unsigned.split_at(split);
    let unit = unit.trim();
    let Some((digits, scale)) = decimal(number) else {
        return Err(bad(
            format!("{text:?} is not a {what}"),
            Some(format!("write a number and a unit, like {example:?}")),
        ));
    };
    if unsigned.len() != trimmed.len() && !below_zero {
        return Err(bad(format!("a {what} cannot be negative here"), None));
    }
    let factor = match find(unit, units) {
        Some(factor) => factor,
        None if digits == 0 && unit.is_empty() => 1,
        None => return Err(unknown_unit(number, unit, what, units, others, example)),
    };
    let value = digits.checked_mul(u128::from(factor)).map(|v| v / scale);
    let value = value.and_then(|v| i64::try_from(v).ok());
    let value = value.ok_or_else(|| bad(format!("{text:?} is more than can be counted"), None))?;
    Ok(if unsigned.len() == trimmed.len() { value } else { -value })
}

/// `12.5` as 125 and 10.
fn decimal(text: &str) -> Option<(u128, u128)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.contains('.') || text.len() > 24 || text.ends_with('.') {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, 10u128.pow(u32::try_from(fraction.len()).ok()?)))
}

fn find<T: Copy>(word: &str, table: &[(&str, T)]) -> Option<T> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

fn unknown_unit(
    number: &str,
    unit: &str,
    what: &str,
    units: &[(&str, u64)],
    others: &[(&str, u64)],
    example: &str,
) -> BadNumber {
    let known: Vec<&str> = units.iter().map(|(name, _)| *name).filter(|n| n.len() > 1).collect();
    let mean = |unit: &str| Some(format!("did you mean \"{number} {unit}\"?"));
    if unit.is_empty() {
        let suggestion = if what == "size" {
            mean("KiB")
        } else {
            mean(&example[example.find(' ').map_or(0, |n| n + 1)..])
        };
        return bad(format!("{number} of what? A {what} needs a unit"), suggestion);
    }
    let message = if find(unit, others).is_some() && find(unit, units).is_none() {
        let other = if what == "size" { "time" } else { "size" };
        format!("a {what} is wanted, and {unit:?} is a unit of {other}")
    } else {
        format!("{unit:?} is not a unit of {what}")
    };
    let meant = find(unit, MEANT).filter(|meant| find(meant, units).is_some());
    let suggestion = match meant.or_else(|| crate::suggest::nearest(unit, &known)) {
        Some(meant) if unit.to_ascii_lowercase().starts_with("month") => {
            Some(format!("count in {meant} or weeks"))
        }
        Some(meant) => mean(usual(meant, units)),
        None if what == "size" => {
            Some("the units are KiB MiB GiB TiB (1024) and KB MB GB TB (1000)".to_owned())
        }
        None => Some("the units are s, min, h, days and weeks".to_owned()),
    };
    bad(message, suggestion)
}

/// The spelling of a unit that is written first.
fn usual<'a>(unit: &'a str, units: &[(&'a str, u64)]) -> &'a str {
    let factor = find(unit, units);
    units.iter().find(|(_, other)| Some(*other) == factor).map_or(unit, |(name, _)| name)
}

/// The shortest text that [`size`] reads as this.
pub(crate) fn size_text(bytes: u64) -> String {
    let exact = |(_, factor): &&(&str, u64)| bytes.is_multiple_of(*factor);
    let best = SIZES[..11].iter().filter(exact).max_by_key(|(_, factor)| *factor);
    match best {
        Some((unit, factor)) if bytes > 0 => format!("{} {unit}", bytes / factor),
        _ => "0".to_owned(),
    }
}

/// The shortest text that [`time`] reads as this; parts of seconds are left out.
pub(crate) fn time_text(time: Duration) -> String {
    let seconds = time.as_secs();
    match TIMES[..5].iter().find(|(_, factor)| seconds.is_multiple_of(*factor)) {
        Some((unit, factor)) if seconds > 0 => format!("{} {unit}", seconds / factor),
        _ => "0".to_owned(),
    }
}

/// A text that [`days`] reads as this.
pub(crate) fn days_text(days: u32) -> String {
    match days {
        0 => "0".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_know_both_thousands() {
        let cases = [
            ("0", 0),
            ("10 GiB", 10 << 30),
            ("10g", 10 << 30),
            ("10 G", 10 << 30),
            ("500 MB", 500_000_000),
            ("1.5 KiB", 1536),
            ("2.5 TB", 2_500_000_000_000),
            ("7 bytes", 7),
            (" 32k ", 32 << 10),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text, false), Ok(bytes), "{text}");
        }
        assert_eq!(size("-5 MiB", true), Ok(-(5 << 20)));
    }

    #[test]
    fn a_wrong_unit_comes_with_the_right_one() {
        let cases = [
            (size("10", false), "did you mean \"10 KiB\"?"),
            (size("10 gigabytes", false), "did you mean \"10 GiB\"?"),
            (size("10 GIBB", false), "did you mean \"10 GiB\"?"),
            (size("10 kbyte", false), "did you mean \"10 KiB\"?"),
            (size("10 days", false), "the units are KiB MiB GiB TiB (1024) and KB MB GB TB (1000)"),
            (rate("80 kbps"), "did you mean \"80 KiB/s\"?"),
            (time("5", false), "did you mean \"5 s\"?"),
            (time("5 m", false), "did you mean \"5 min\"?"),
            (days("3 dys").map(i64::from), "did you mean \"3 days\"?"),
            (days("7").map(i64::from), "did you mean \"7 days\"?"),
            (days("36 h").map(i64::from), "did you mean \"2 days\"?"),
            (days("3 months").map(i64::from), "count in days or weeks"),
        ];
        for (answer, suggestion) in cases {
            assert_eq!(answer.unwrap_err().suggestion.as_deref(), Some(suggestion));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "-", ".", "1.", "1..2 k", "ten GiB", "-1 k", "99999999999 PiB", "1 ü", "٣ k"]
        {
            assert!(size(text, false).is_err(), "{text}");
        }
        assert!(days("99999999999999 days").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(number in 0..i64::MAX) {
            let bytes = u64::try_from(number).unwrap();
            prop_assert_eq!(size(&size_text(bytes), false), Ok(number));
            let seconds = bytes >> 20;
            prop_assert_eq!(time(&time_text(Duration::from_secs(seconds)), false), Ok(number >> 20));
            let some = u32::try_from(bytes & 0xffff).unwrap();
            prop_assert_eq!(days(&days_text(some)), Ok(some));
        }

        #[test]
        fn no_text_is_too_odd(text in ".*") {
            let answers = [size(&text, true).is_ok(), rate(&text).is_ok(), days(&text).is_ok()];
            prop_assert!(answers.len() == 3);
        }
    }
}
