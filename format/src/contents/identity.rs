//! Which dump an image is, as JSON in its contents, to be read by a person too.
//!
//! Fields are only ever added, with a default: old images lack them, and old programs pass them over.

use serde::{Deserialize, Serialize};
use types::{DleName, DumpId, FileTime, HostName, Level, Stamp};

/// What an image says about its dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Of the contents: [`super::VERSION`].
    pub version: u16,
    /// The client.
    pub host: HostName,
    /// The tree.
    pub dle: DleName,
    /// 0 is all.
    pub level: Level,
    /// The name of this dump.
    pub dump: DumpId,
    /// The dump that it builds on; none at level 0.
    pub base: Option<DumpId>,
    /// The run that it was made in.
    pub run: Stamp,
    /// When the walk began, by the client's clock.
    pub started: FileTime,
    /// When the last entry was read, by the client's clock.
    pub finished: FileTime,
    /// What made it, with its version.
    pub program: String,
    /// The client's operating system and architecture.
    pub system: String,
    /// How long blocks of large files are, in bytes.
    pub frame_size: u32,
    /// Members of the tar that stand for something of the tree.
    #[serde(default)]
    pub entries: u64,
    /// Paths that were there at the base and are gone.
    #[serde(default)]
    pub gone: u64,
    /// The length of the tar.
    #[serde(default)]
    pub raw_bytes: u64,
    /// How many complaints there were.
    #[serde(default)]
    pub strange: u64,
}

#[cfg(test)]
pub(super) fn sample() -> Identity {
    Identity {
        version: super::VERSION,
        host: "web".parse().unwrap(),
        dle: "/srv/data".parse().unwrap(),
        level: 1.try_into().unwrap(),
        dump: DumpId::new(1_792_000_000_000, [7; 10]),
        base: Some(DumpId::new(1_791_900_000_000, [6; 10])),
        run: "20261014021500".parse().unwrap(),
        started: FileTime { seconds: 1_792_000_000, nanos: 1 },
        finished: FileTime { seconds: 1_792_000_060, nanos: 999_999_999 },
        program: "reelkeep-agent 0.1.0".into(),
        system: "Linux 6.1.0 x86_64".into(),
        frame_size: 4 << 20,
        entries: 3,
        gone: 1,
        raw_bytes: 12_288,
        strange: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_later_programs_are_passed_over_and_missing_ones_have_defaults() {
        let mut json = serde_json::to_value(sample()).unwrap();
        let fields = json.as_object_mut().unwrap();
        fields.insert("colour".into(), "blue".into());
        fields.remove("strange");
        let read: Identity = serde_json::from_value(json).unwrap();
        assert_eq!(read, sample());
    }
}
