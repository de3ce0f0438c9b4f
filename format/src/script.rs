//! Amanda's Script API: what a script is told, and what it says.
//!
//! A script is a program that is run as `PLUGIN support`, to hear which options it takes, and then as
//! `PLUGIN POINT OPTION…`. Each line of its standard output is a message, or `PROPERTY NAME VALUE`, which is meant
//! for whatever makes the dump; each line of its standard error is a complaint.
//!
//! ```text
//! PRE-DLE-BACKUP --execute-where client --config daily --timestamp 20260102030000 --host web --disk /srv
//!                --device /srv --level 0 --mailto ops
//! ```
//!
//! Source: Amanda 3.5, `amanda-scripts(7)`, `server-src/server_util.c`, `client-src/client_util.c`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use types::{DleName, HostName, Level, ScriptPlace, ScriptPoint, Stamp};

use crate::wire::WirePath;

/// The most lines that are kept of what a script says.
pub const MOST_LINES: usize = 1000;
/// The longest line that is kept, in bytes.
pub const LONGEST_LINE: usize = 4096;

/// A script that is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCall {
    /// The name of the program.
    pub plugin: String,
    /// At which point.
    pub point: ScriptPoint,
    /// On whose behalf: the server's scripts run beside the server, the client's on the client.
    pub place: ScriptPlace,
    /// The name of the site.
    pub config: String,
    /// The host that it is about.
    #[serde(default)]
    pub host: Option<HostName>,
    /// The DLE that it is about.
    #[serde(default)]
    pub dle: Option<DleName>,
    /// The directory of that DLE.
    #[serde(default)]
    pub device: Option<WirePath>,
    /// The run.
    #[serde(default)]
    pub run: Option<Stamp>,
    /// The levels that it is about.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// What else it is told.
    #[serde(default)]
    pub properties: BTreeMap<String, Vec<String>>,
}

/// How a script went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptEnd {
    /// Its exit code; none if a signal ended it.
    #[serde(default)]
    pub code: Option<i32>,
    /// What it said.
    #[serde(default)]
    pub said: Vec<Said>,
    /// What it has for whatever makes the dump.
    #[serde(default)]
    pub properties: BTreeMap<String, Vec<String>>,
}

/// A line that a script said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whether it complains.
    pub complaint: bool,
    /// The line.
    pub text: String,
}

/// What a script takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Support(BTreeSet<String>);

impl Support {
    /// What a script answers to `support`: lines of a key and a value.
    pub fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let keys = text.lines().take(MOST_LINES).filter_map(|line| {
            let (key, value) = line.trim().split_once(char::is_whitespace)?;
            value.trim().eq_ignore_ascii_case("yes").then(|| key.to_ascii_uppercase())
        });
        Self(keys.collect())
    }

    fn takes(&self, key: &str) -> bool {
        self.0.contains(key)
    }
}

/// The arguments of a script, in Amanda's order. `CONFIG`, `HOST` and `DISK` are given whatever the script says, as
/// Amanda does; the device and the level are, too.
pub fn arguments(call: &ScriptCall, support: &Support) -> Vec<Vec<u8>> {
    let mut arguments = vec![call.point.to_string().into_bytes()];
    let mut add = |name: &str, value: &[u8]| {
        arguments.extend([format!("--{name}").into_bytes(), value.to_vec()]);
    };
    if support.takes("EXECUTE-WHERE") {
        add("execute-where", call.place.word().as_bytes());
    }
    add("config", call.config.as_bytes());
    if let Some(run) = call.run.filter(|_| support.takes("TIMESTAMP")) {
        add("timestamp", run.to_string().as_bytes());
    }
    if let Some(host) = &call.host {
        add("host", host.as_str().as_bytes());
    }
    if let Some(dle) = &call.dle {
        add("disk", dle.as_str().as_bytes());
    }
    if let Some(device) = &call.device {
        add("device", &device.0);
    }
    for level in &call.levels {
        add("level", level.to_string().as_bytes());
    }
    for (name, values) in &call.properties {
        values.iter().for_each(|value| add(name, value.as_bytes()));
    }
    arguments
}

impl ScriptEnd {
    /// What a script wrote, and how it ended.
    pub fn read(code: Option<i32>, out: &[u8], errors: &[u8]) -> Self {
        let mut end = Self { code, ..Self::default() };
        for line in lines(out) {
            match property(&line) {
                Some((name, value)) => end.properties.entry(name).or_default().push(value),
                None => end.said.push(Said { complaint: false, text: line }),
            }
        }
        end.said.extend(lines(errors).map(|text| Said { complaint: true, text }));
        end.said.truncate(MOST_LINES);
        end
    }

    /// Whether it went well.
    pub fn went_well(&self) -> bool {
        self.code == Some(0)
    }
}

/// The lines of some text, without those that are empty. What is no text, and what would move a cursor, is replaced.
fn lines(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.take(MOST_LINES).map(|line| {
        let line = line.get(..LONGEST_LINE).unwrap_or(line);
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
    })
}

fn property(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("PROPERTY ")?.trim_start();
    let (name, value) = rest.split_once(char::is_whitespace)?;
    let name = name.to_ascii_lowercase().replace('_', "-");
    (!name.is_empty()).then(|| (name, value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call() -> ScriptCall {
        ScriptCall {
            plugin: "script-email".to_owned(),
            point: ScriptPoint::PreDleBackup,
            place: ScriptPlace::Client,
            config: "daily".to_owned(),
            host: Some("web".parse().unwrap()),
            dle: Some("srv".parse().unwrap()),
            device: Some(WirePath(b"/srv/caf\xe9".to_vec())),
            run: Some("20260102030000".parse().unwrap()),
            levels: vec![Level::FULL],
            properties: [("mailto".to_owned(), vec!["ops".to_owned(), "night".to_owned()])].into(),
        }
    }

    fn told(support: &str) -> String {
        let arguments = arguments(&call(), &Support::read(support.as_bytes()));
        let shown = arguments.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_script_is_told_what_amanda_tells_it() {
        assert_eq!(
            told("CONFIG YES\nEXECUTE-WHERE YES\ntimestamp  yes\nMAX-LEVEL 9\nnonsense\n"),
            "PRE-DLE-BACKUP --execute-where client --config daily --timestamp 20260102030000 --host web --disk srv \
             --device /srv/caf\u{fffd} --level 0 --mailto ops --mailto night"
        );
    }

    #[test]
    fn what_a_script_does_not_know_is_not_said() {
        let told = told("CONFIG NO\nEXECUTE-WHERE NO\n");
        assert!(!told.contains("--execute-where") && !told.contains("--timestamp"), "{told}");
        assert!(told.contains("--config daily"), "Amanda says it whatever the script says: {told}");
    }

    #[test]
    fn what_a_script_says_is_a_message_a_property_or_a_complaint() {
        let end = ScriptEnd::read(
            Some(0),
            b"snapshot made\n\nPROPERTY Directory /pool/.zfs/snapshot/x y\nPROPERTY odd\n",
            b"careful\x1b[2J\r\n",
        );
        assert_eq!(end.properties["directory"], ["/pool/.zfs/snapshot/x y"]);
        let said: Vec<(bool, &str)> =
            end.said.iter().map(|said| (said.complaint, said.text.as_str())).collect();
        assert_eq!(
            said,
            [(false, "snapshot made"), (false, "PROPERTY odd"), (true, "careful\u{fffd}[2J")]
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_script_writes_is_too_much(
            out in proptest::collection::vec(any::<u8>(), 0..4000),
            errors in proptest::collection::vec(any::<u8>(), 0..4000),
        ) {
            let end = ScriptEnd::read(None, &out, &errors);
            prop_assert!(!end.went_well());
            prop_assert!(end.said.len() <= MOST_LINES);
            Support::read(&out);
        }
    }
}
