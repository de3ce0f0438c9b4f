//! Paths as JSON strings.
//!
//! A path is bytes, a JSON string is Unicode. What is printable Unicode stands as itself; every other byte,
//! and the percent sign, stands as `%` and two upper-case hexadecimal digits. So a person can read most
//! paths, and none is changed on the way.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The bytes of a path on their way over the wire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WirePath(pub Vec<u8>);

/// A text with a `%` that two hexadecimal digits do not follow.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not a path as it is written on the wire: '%' and two hexadecimal digits are expected"
)]
pub struct BadWirePath(String);

impl From<&[u8]> for WirePath {
    fn from(path: &[u8]) -> Self {
        Self(path.to_vec())
    }
}

impl From<Vec<u8>> for WirePath {
    fn from(path: Vec<u8>) -> Self {
        Self(path)
    }
}

impl AsRef<[u8]> for WirePath {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for WirePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '%' || c.is_control() {
                    let mut bytes = [0; 4];
                    c.encode_utf8(&mut bytes).bytes().try_for_each(|b| write!(f, "%{b:02X}"))?;
                } else {
                    f.write_char(c)?;
                }
            }
            chunk.invalid().iter().try_for_each(|b| write!(f, "%{b:02X}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for WirePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl From<WirePath> for String {
    fn from(path: WirePath) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for WirePath {
    type Error = BadWirePath;

    fn try_from(text: String) -> Result<Self, BadWirePath> {
        match unescape(text.as_bytes()) {
            Some(path) => Ok(Self(path)),
            None => Err(BadWirePath(text)),
        }
    }
}

fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(text.len());
    while let Some((&first, rest)) = text.split_first() {
        text = rest;
        if first != b'%' {
            path.push(first);
            continue;
        }
        let (digits, rest) = text.split_first_chunk::<2>()?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        path.push(u8::try_from(high? * 16 + low?).ok()?);
        text = rest;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn most_paths_stay_readable() {
        let cases: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"srv/data/a file", "srv/data/a file"),
            ("Ünïcode/日本".as_bytes(), "Ünïcode/日本"),
            (b"100%", "100%25"),
            (b"line\nbreak\x7f", "line%0Abreak%7F"),
            (b"latin\xe9", "latin%E9"),
        ];
        for (bytes, text) in cases {
            assert_eq!(String::from(WirePath::from(bytes)), text);
        }
    }

    #[test]
    fn half_an_escape_is_refused() {
        for bad in ["%", "%4", "%G0", "a%é0", "%+1"] {
            assert!(WirePath::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            let text = serde_json::to_string(&WirePath(bytes.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<WirePath>(&text).unwrap().0, bytes);
        }

        #[test]
        fn any_text_is_a_path_or_is_refused(text: String) {
            if let Ok(path) = WirePath::try_from(text.clone()) {
                prop_assert_eq!(WirePath::try_from(path.to_string()).unwrap(), path);
            }
        }
    }
}
