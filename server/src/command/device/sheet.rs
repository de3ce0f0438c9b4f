//! Facts of a drive, as rows for people and as JSON. What is not known is left out of both.

use serde_json::{Map, Value};
use types::Bytes;

use crate::command::Exit;
use crate::print;

/// What is to be printed, and how the command ends.
pub(super) struct Told {
    /// For programs.
    pub(super) value: Value,
    /// For people.
    pub(super) text: String,
    /// How it ended.
    pub(super) exit: Exit,
}

/// Rows of a name and a value.
#[derive(Default)]
pub(super) struct Sheet {
    rows: Vec<Vec<String>>,
    value: Map<String, Value>,
}

impl Sheet {
    /// A sheet that begins with the drive's name.
    pub(super) fn of(name: &str) -> Self {
        Self::headed("drive", name)
    }

    /// A sheet that begins with the name of whatever it is about.
    pub(super) fn headed(what: &str, name: &str) -> Self {
        let mut sheet = Self::default();
        sheet.row(what, Some(name));
        sheet
    }

    /// A row with text.
    pub(super) fn row(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            let value = value.to_string();
            self.put(name, value.clone(), value.into());
        }
    }

    /// A row with a size, which is a number of bytes in JSON.
    pub(super) fn bytes(&mut self, name: &str, value: Option<Bytes>) {
        if let Some(value) = value {
            self.put(name, value.to_string(), value.0.into());
        }
    }

    /// A row with a number.
    pub(super) fn count(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.put(name, value.to_string(), value.into());
        }
    }

    /// A row that people read in other words than programs.
    pub(super) fn put(&mut self, name: &str, text: String, value: Value) {
        self.rows.push(vec![name.to_owned(), text]);
        self.value.insert(key(name), value);
    }

    /// A row that programs find elsewhere.
    pub(super) fn only_text(&mut self, name: &str, text: String) {
        self.rows.push(vec![name.to_owned(), text]);
    }

    /// What is for programs only.
    pub(super) fn only_json(&mut self, name: &str, value: Value) {
        self.value.insert(key(name), value);
    }

    /// The sheet, done.
    pub(super) fn told(self, exit: Exit) -> Told {
        let text = print::table(&self.rows, &[]) + "\n";
        Told { value: self.value.into(), text, exit }
    }
}

/// A row's name as programs read it.
fn key(name: &str) -> String {
    let plain = |letter: &char| !matches!(letter, '\'' | ',');
    name.chars().filter(plain).map(|it| if matches!(it, ' ' | '-') { '_' } else { it }).collect()
}
