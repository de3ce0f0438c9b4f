//! Names of owners, for the numbers that the kernel knows.
//!
//! The local files answer for almost everyone. For whoever they do not know, `getent` asks what else the host
//! is configured to ask, once for each number.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// How many unknown numbers are asked for, so that a tree full of strangers does not start a process for each.
const ASKED_MOST: usize = 200;

/// The users or the groups of this host.
#[derive(Debug)]
pub(crate) struct Names {
    database: &'static str,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<u32, Vec<u8>>,
    numbers: HashMap<Vec<u8>, Option<u32>>,
    asked: usize,
}

/// Users and groups.
#[derive(Debug)]
pub(crate) struct Owners {
    pub(crate) users: Names,
    pub(crate) groups: Names,
}

impl Owners {
    /// Of this host.
    pub(crate) fn of_this_host() -> Self {
        Self {
            users: Names::read("passwd", "/etc/passwd"),
            groups: Names::read("group", "/etc/group"),
        }
    }
}

impl Names {
    fn read(database: &'static str, path: &str) -> Self {
        let mut known = Known::default();
        for line in std::fs::read(path).unwrap_or_default().split(|&byte| byte == b'\n') {
            if let Some((name, number)) = parse(line) {
                known.learn(name, number);
            }
        }
        Self { database, known: Mutex::new(known) }
    }

    /// The name of this number; empty if it has none.
    pub(crate) fn name(&self, number: u32) -> Vec<u8> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.names.get(&number) {
            return name.clone();
        }
        let name = known.ask(self.database, &number.to_string()).map_or(Vec::new(), |it| it.0);
        known.names.insert(number, name.clone());
        name
    }

    /// The number of this name, if it is known here.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.numbers.get(name) {
            return *number;
        }
        // A name of digits would be looked up as a number, and an option is none.
        let plain = std::str::from_utf8(name)
            .ok()
            .filter(|name| !name.starts_with('-') && !name.bytes().all(|b| b.is_ascii_digit()));
        let number = plain.and_then(|name| known.ask(self.database, name)).map(|it| it.1);
        known.numbers.insert(name.to_vec(), number);
        number
    }
}

impl Known {
    fn learn(&mut self, name: Vec<u8>, number: u32) {
        self.numbers.entry(name.clone()).or_insert(Some(number));
        self.names.entry(number).or_insert(name);
    }

    fn ask(&mut self, database: &str, key: &str) -> Option<(Vec<u8>, u32)> {
        if self.asked == ASKED_MOST {
            return None;
        }
        self.asked += 1;
        let answer = Command::new("getent")
            .args([database, key])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        parse(answer.stdout.split(|&byte| byte == b'\n').next()?)
    }
}

/// The name and the number in a line of passwd or group.
fn parse(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let number = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    Some((name.to_vec(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_root_and_strangers_have_no_name() {
        let owners = Owners::of_this_host();
        assert_eq!(owners.users.name(0), b"root");
        assert_eq!(owners.users.number(b"root"), Some(0));
        assert_eq!(owners.users.name(3_999_999_999), b"");
        assert_eq!(owners.groups.number(b"no such group"), None);
        assert_eq!(owners.groups.number(b"-s"), None);
    }

    #[test]
    fn broken_lines_are_passed_over() {
        for line in [&b""[..], b":", b"a:b", b"a:x:y", b":x:1", b"a:x:99999999999"] {
            assert!(parse(line).is_none(), "{line:?}");
        }
        assert_eq!(parse(b"ann:x:1000:1000::/home/ann:/bin/sh"), Some((b"ann".to_vec(), 1000)));
    }
}
