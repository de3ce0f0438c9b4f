//! Who has to change before another try is worth the time.

use std::fmt;

/// What has to change before another try is worth the time. The dispatcher looks at this and at nothing
/// else of a device error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// This cartridge. Another may do.
    Medium,
    /// This drive. The same cartridge may do elsewhere.
    Drive,
    /// The host, its adapter, its disk or the cabling. Nothing here will do.
    Host,
    /// Nothing: the drive was reset or busy. Mount again and go on.
    Nothing,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Medium => "the medium",
            Self::Drive => "the drive",
            Self::Host => "this host",
            Self::Nothing => "nothing in particular",
        })
    }
}
