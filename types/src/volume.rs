//! What is known of a medium.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::as_text::as_text;
use crate::dle::{BadName, name};

/// The name written in file 0 of a volume: 1 to 80 letters, digits, `-`, `_` or `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

/// A text that is not a label.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a label: use 1 to 80 letters, digits, '-', '_' or '.'")]
pub struct BadLabel(String);

impl Label {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if (1..=80).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(BadLabel(text.to_owned()))
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

as_text!(Label);

name! {
    /// What the sticker on a cartridge claims.
    Barcode, "barcode"
}

name! {
    /// Volumes used alike.
    PoolName, "pool"
}

name! {
    /// A pool with the changer, policy and taper settings that use it.
    StorageName, "storage"
}

/// The number of a file on a volume. File 0 is the label; dumps begin at 1.
///
/// ```compile_fail
/// # use types::{FileNo, PartNo};
/// let file: FileNo = PartNo::FIRST; // a part is not a place
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileNo(pub u32);

impl FileNo {
    /// Where the label is.
    pub const LABEL: Self = Self(0);
    /// Where the first part is.
    pub const FIRST: Self = Self(1);

    /// The file after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for FileNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a part within its image, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartNo(pub u32);

impl PartNo {
    /// The part that an image begins with.
    pub const FIRST: Self = Self(1);

    /// The part after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for PartNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_plain_words() {
        for good in ["DAILY-001", "a", "x.y_z", &"A".repeat(80)] {
            assert!(good.parse::<Label>().is_ok(), "{good}");
        }
        for bad in ["", "two words", "a/b", "tab\t", "ü", &"A".repeat(81)] {
            assert!(bad.parse::<Label>().is_err(), "{bad}");
        }
    }
}

/// The number of an object of a medium: a block or a filemark, counted from the beginning. A drive goes
/// straight to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectNo(pub u64);
