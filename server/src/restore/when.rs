//! As of when: how a person names a moment.

use types::Stamp;

use crate::clock;

/// A text that names no moment.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no moment: write a day (2026-11-23), a time (2026-11-23T02:00 or \"2026-11-23 02:00:00\"), the \
     stamp of a run (20261123020000), or latest"
)]
pub struct BadWhen(String);

/// The last moment that is meant: of a day its end, of a minute its last second.
pub fn parse(text: &str) -> Result<Stamp, BadWhen> {
    if text == "latest" || text == "now" {
        return Ok(latest());
    }
    named(text).ok_or_else(|| BadWhen(text.to_owned()))
}

/// The moment behind all dumps.
pub fn latest() -> Stamp {
    "99991231235959".parse().expect("the last second of year 9999 is a stamp")
}

/// The same of a text that names a day or a time, and not just the latest.
pub fn named(text: &str) -> Option<Stamp> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let separators = text.chars().filter(|c| !c.is_ascii_digit()).all(|c| "-/T: ".contains(c));
    let end_of = match digits.len() {
        8 => "235959",
        10 => "5959",
        12 => "59",
        14 => "",
        _ => return None,
    };
    if !separators {
        return None;
    }
    let stamp = format!("{digits}{end_of}").parse().ok()?;
    clock::is_real(stamp).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_no_day() {
        assert!(parse("latest").is_ok());
        assert_eq!(named("latest"), None);
        assert_eq!(named("2026-11-23"), parse("2026-11-23").ok());
    }

    #[test]
    fn a_day_means_its_end() {
        let cases = [
            ("2026-11-23", "20261123235959"),
            ("2026-11-23T02", "20261123025959"),
            ("2026-11-23T02:00", "20261123020059"),
            ("2026-11-23 02:00:07", "20261123020007"),
            ("20261123020007", "20261123020007"),
            ("latest", "99991231235959"),
        ];
        for (text, stamp) in cases {
            assert_eq!(parse(text).unwrap().to_string(), stamp, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-13-01",
            "2026-11-23x",
            "2026111",
            "2031-02-30",
            "2026-02-29",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
