//! Which tree on which host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that cannot name a host or a DLE.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} is not a {what} name: use 1 to 255 bytes (letters beyond ASCII take two and more) and no control characters"
)]
pub struct BadName {
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// Lets each name of one line be made only by its check. Copies share the text: a name stands in the facts of each of
/// thousands of dumps.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                if (1..=255).contains(&text.len()) && !text.chars().any(char::is_control) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadName { what: $what, text: text.to_owned() })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        $crate::as_text::as_text!($type);
    };
}

pub(crate) use name;

name! {
    /// A client machine, as the configuration names it.
    HostName, "host"
}

name! {
    /// A disk list entry on its host: the catalogue's key, by default the path that is dumped.
    DleName, "DLE"
}

/// One DLE of one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DleRef {
    /// Where it is.
    pub host: HostName,
    /// What it is called there.
    pub dle: DleName,
}

impl fmt::Display for DleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.dle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_where_they_are_made() {
        for good in ["web", "/", "/srv/data with spaces", "日本語"] {
            assert!(good.parse::<DleName>().is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "\0", &"x".repeat(256)] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?}");
        }
    }
}
