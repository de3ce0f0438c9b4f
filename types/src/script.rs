//! The points at which scripts may be run, by Amanda's names.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// A point of a check, a run or a restore at which scripts may be run.
        ///
        /// Amanda's Script API, as its `amanda-scripts(7)` names them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum ScriptPoint { $($(#[$doc])* $variant,)+ }

        impl ScriptPoint {
            /// All of them, each with its name in a configuration.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)+];

            /// Its name in a configuration.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

points! {
    /// Before a check.
    PreAmcheck = "pre-amcheck",
    /// Before the check of a DLE.
    PreDleAmcheck = "pre-dle-amcheck",
    /// Before the check of a host.
    PreHostAmcheck = "pre-host-amcheck",
    /// After the check of a DLE.
    PostDleAmcheck = "post-dle-amcheck",
    /// After the check of a host.
    PostHostAmcheck = "post-host-amcheck",
    /// After a check.
    PostAmcheck = "post-amcheck",
    /// Before the estimates of a run.
    PreEstimate = "pre-estimate",
    /// Before the estimate of a DLE.
    PreDleEstimate = "pre-dle-estimate",
    /// Before the estimates of a host.
    PreHostEstimate = "pre-host-estimate",
    /// After the estimate of a DLE.
    PostDleEstimate = "post-dle-estimate",
    /// After the estimates of a host.
    PostHostEstimate = "post-host-estimate",
    /// After the estimates of a run.
    PostEstimate = "post-estimate",
    /// Before the dumps of a run.
    PreBackup = "pre-backup",
    /// Before the dump of a DLE.
    PreDleBackup = "pre-dle-backup",
    /// Before the first dump of a host.
    PreHostBackup = "pre-host-backup",
    /// After the dump of a DLE.
    PostDleBackup = "post-dle-backup",
    /// After the last dump of a host.
    PostHostBackup = "post-host-backup",
    /// After the dumps of a run.
    PostBackup = "post-backup",
    /// Before a restore.
    PreRecover = "pre-recover",
    /// Before a level is restored.
    PreLevelRecover = "pre-level-recover",
    /// Between two levels of a restore.
    InterLevelRecover = "inter-level-recover",
    /// After a level is restored.
    PostLevelRecover = "post-level-recover",
    /// After a restore.
    PostRecover = "post-recover",
}

/// As the command that a script is given, `PRE-DLE-BACKUP`.
impl fmt::Display for ScriptPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().to_ascii_uppercase())
    }
}

/// What a point comes once for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptScope {
    /// A check or a run.
    Run,
    /// A host.
    Host,
    /// A DLE.
    Dle,
    /// A restore, or a level of it.
    Restore,
}

impl ScriptPoint {
    /// What it comes once for.
    pub fn scope(self) -> ScriptScope {
        match self {
            Self::PreAmcheck
            | Self::PostAmcheck
            | Self::PreEstimate
            | Self::PostEstimate
            | Self::PreBackup
            | Self::PostBackup => ScriptScope::Run,
            Self::PreHostAmcheck
            | Self::PostHostAmcheck
            | Self::PreHostEstimate
            | Self::PostHostEstimate
            | Self::PreHostBackup
            | Self::PostHostBackup => ScriptScope::Host,
            Self::PreDleAmcheck
            | Self::PostDleAmcheck
            | Self::PreDleEstimate
            | Self::PostDleEstimate
            | Self::PreDleBackup
            | Self::PostDleBackup => ScriptScope::Dle,
            Self::PreRecover
            | Self::PreLevelRecover
            | Self::InterLevelRecover
            | Self::PostLevelRecover
            | Self::PostRecover => ScriptScope::Restore,
        }
    }
}

/// Where a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptPlace {
    /// On the client.
    Client,
    /// On the server.
    Server,
}

impl ScriptPlace {
    /// Both, each with its name in a configuration.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("client", Self::Client), ("server", Self::Server)];

    /// Its name in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_the_name_that_its_scope_is_in() {
        for (word, point) in ScriptPoint::WORDS {
            let scope = match word.split('-').collect::<Vec<_>>().as_slice() {
                [.., "recover"] => ScriptScope::Restore,
                [_, "dle", _] => ScriptScope::Dle,
                [_, "host", _] => ScriptScope::Host,
                _ => ScriptScope::Run,
            };
            assert_eq!(point.scope(), scope, "{word}");
        }
        assert_eq!(ScriptPoint::PreDleBackup.to_string(), "PRE-DLE-BACKUP");
    }
}
