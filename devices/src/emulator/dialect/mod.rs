//! How changers of different makers talk.

use serde::{Deserialize, Serialize};

/// A manner of talking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// As SMC-3 has it.
    #[default]
    Standard,
}
