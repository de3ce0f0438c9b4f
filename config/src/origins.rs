//! Where each value was set.
//!
//! A value may come from its own section, from one that it inherits from, from the site's settings, or from
//! Reelkeep itself. Only what was written somewhere is remembered here; the rest is a default.

use std::collections::BTreeMap;

/// Where each value that was written was written.
#[derive(Clone, Debug, Default)]
pub struct Origins(pub(crate) BTreeMap<(String, &'static str), Origin>);

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The section as it is written there, `dumptype.root` for instance.
    pub section: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl Origins {
    /// Where the value of this key in this section was set; `None` if it is the default.
    pub fn of(&self, section: &str, key: &'static str) -> Option<&Origin> {
        self.0.get(&(section.to_owned(), key))
    }
}
