//! The first message of each side, and what both then know to be common ground.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::WireError;

/// The version that this program speaks.
pub const VERSION: u32 = 1;

/// The features of this program. A feature is an agreement to say, or to understand, something that version
/// 1 alone does not have; the first program had none.
pub const FEATURES: &[&str] = &[SCRIPTS, ESTIMATE_PROGRESS];

/// The agent runs scripts: the request `script` and its reply.
pub const SCRIPTS: &str = "scripts";

/// While it estimates, the agent says now and then how far it has come, before its reply.
pub const ESTIMATE_PROGRESS: &str = "estimate-progress";

/// Who speaks, and what it understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest version of the protocol that it speaks; it speaks all older ones too.
    pub version: u32,
    /// What it can do beyond that version.
    #[serde(default)]
    pub features: BTreeSet<String>,
    /// Its name and version, for people.
    #[serde(default)]
    pub program: String,
}

impl Hello {
    /// What this program says.
    pub fn ours(program: &str) -> Self {
        let features = FEATURES.iter().map(|feature| (*feature).to_owned()).collect();
        Self { version: VERSION, features, program: program.to_owned() }
    }
}

/// What both sides understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The older of the two versions.
    pub version: u32,
    /// The features that both have.
    pub features: BTreeSet<String>,
}

impl Agreed {
    /// Whether both sides have this feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}

/// The older side wins, and what only one side knows is not used.
pub fn negotiate(ours: &Hello, theirs: &Hello) -> Result<Agreed, WireError> {
    let version = ours.version.min(theirs.version);
    if version == 0 {
        return Err(WireError::Version { theirs: theirs.version });
    }
    Ok(Agreed {
        version,
        features: ours.features.intersection(&theirs.features).cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(version: u32, features: &[&str]) -> Hello {
        let features = features.iter().map(|f| (*f).to_owned()).collect();
        Hello { version, features, program: String::new() }
    }

    #[test]
    fn the_older_side_wins_and_unknown_features_are_ignored() {
        let agreed = negotiate(&hello(1, &["a", "b"]), &hello(7, &["b", "c"])).unwrap();
        assert_eq!(agreed.version, 1);
        assert!(agreed.has("b") && !agreed.has("a") && !agreed.has("c"));
    }

    #[test]
    fn version_0_was_never_spoken() {
        assert!(negotiate(&hello(1, &[]), &hello(0, &[])).is_err());
    }

    #[test]
    fn fields_of_a_later_hello_are_skipped() {
        let text = r#"{"version":9,"features":["x"],"program":"y","mood":"good"}"#;
        let hello: Hello = serde_json::from_str(text).unwrap();
        assert_eq!(hello.version, 9);
    }
}
