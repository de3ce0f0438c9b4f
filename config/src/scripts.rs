//! Scripts: programs that are run at points of a check, a run or a restore, as Amanda runs them.

use std::collections::BTreeMap;

use types::{ScriptPlace, ScriptPoint};

use crate::codec::{Codec, Count, Flag, List, Text, Word, Words};
use crate::keys::{Key, key, list};
use crate::shown::Shown;
use crate::value::{Bad, Value};

/// A program, and when it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name in the configuration.
    pub name: String,
    /// For people.
    pub comment: String,
    /// The name of the program, in one of the directories that the agent looks into.
    pub plugin: String,
    /// The points at which it is run.
    pub execute_on: Vec<ScriptPoint>,
    /// Where.
    pub execute_where: ScriptPlace,
    /// Of several scripts at one point, the smallest goes first.
    pub order: u32,
    /// Whether it is run once at a point of a host or a run, however many DLEs have it.
    pub single_execution: bool,
    /// What else it is told: `--NAME VALUE` for each value.
    pub property: BTreeMap<String, Vec<String>>,
}

/// `[script.NAME]`
#[derive(Clone)]
pub(crate) struct ScriptDraft {
    pub(crate) plugin: Option<String>,
    pub(crate) script: Script,
}

impl ScriptDraft {
    pub(crate) fn new(name: &str) -> Self {
        let script = Script {
            name: name.to_owned(),
            comment: String::new(),
            plugin: String::new(),
            execute_on: Vec::new(),
            execute_where: ScriptPlace::Client,
            order: 5000,
            single_execution: false,
            property: BTreeMap::new(),
        };
        Self { plugin: None, script }
    }
}

pub(crate) fn script_keys() -> Vec<Key<ScriptDraft>> {
    vec![
        key("comment", Text, |d: &mut ScriptDraft| &mut d.script.comment),
        key("plugin", crate::codec::maybe(Plugin), |d| &mut d.plugin),
        list("execute-on", Words::new(ScriptPoint::WORDS), |d| &mut d.script.execute_on),
        key("execute-where", Words::new(ScriptPlace::WORDS), |d| &mut d.script.execute_where),
        key("order", Count(0..=1_000_000), |d| &mut d.script.order),
        key("single-execution", Flag, |d| &mut d.script.single_execution),
        key("property", Properties, |d| &mut d.script.property),
    ]
}

/// The name of a program: no path, so that only what an administrator of that machine has installed is run.
struct Plugin;

impl Codec for Plugin {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let name = Word.read(value)?;
        if name.contains('/') || name.starts_with(['.', '-']) {
            return Err(value.bad(format!("{name:?} is not the name of a program")).suggest(
                "write the name alone: the agent looks for it in its directories".to_owned(),
            ));
        }
        Ok(name)
    }

    fn show(&self, value: &String) -> Shown {
        Word.show(value)
    }
}

/// `{ mailto = ["ops", "night"], text = "…" }`
struct Properties;

impl Codec for Properties {
    type Value = BTreeMap<String, Vec<String>>;

    fn read(&self, value: Value<'_>) -> Result<Self::Value, Bad> {
        let Some(table) = value.table() else {
            return Err(value.wanted("a table like { mailto = \"ops\" }"));
        };
        let mut properties = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, values) in table {
            let values = Value::new(value.file, values);
            // Amanda's names of properties are alike in both cases and with both dashes.
            let name = name.get_ref().to_ascii_lowercase().replace('_', "-");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if name.is_empty() || !name.chars().all(plain) || name.starts_with('-') {
                let message = format!("{name:?} cannot be the name of a property");
                faults.extend(values.bad(message).0);
                continue;
            }
            match List(Text).read(values) {
                Ok(read) => {
                    properties.insert(name, read);
                }
                Err(Bad(bad)) => faults.extend(bad),
            }
        }
        if faults.is_empty() { Ok(properties) } else { Err(Bad(faults)) }
    }

    fn show(&self, value: &Self::Value) -> Shown {
        if value.is_empty() {
            return Shown::Absent;
        }
        let shown =
            value.iter().map(|(name, values)| (name.clone().into(), List(Text).show(values)));
        Shown::Table(shown.collect())
    }
}
