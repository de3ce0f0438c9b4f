//! What an operator tells a run that is at work: lines appended to a file beside the site's lock.
//!
//! A run looks into it several times a second. What was there before it began is meant for another run, and is
//! dropped. Who may write into the site's directory may tell its runs what to do, as a signal could.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use types::DleRef;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// No dump of this DLE tonight. What is held of it already stays good.
    Abort {
        /// Which.
        dle: DleRef,
        /// Why, for the report.
        why: String,
    },
}

/// The longest order that is read.
const LONGEST: u64 = 1 << 20;

/// Where the orders for a run are, by the site's catalogue.
pub fn path(catalogue: &Path) -> PathBuf {
    catalogue.with_file_name("orders")
}

/// Tells the run that is at work.
pub fn send(path: &Path, order: &Order) -> io::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    // One write, so that the run never sees half of a line that another follows.
    OpenOptions::new().create(true).append(true).open(path)?.write_all(&line)
}

/// The run's end.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    /// How far it is read.
    read: u64,
}

impl Inbox {
    /// Empty.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Self { path, read: 0 }),
        }
    }

    /// What came since the last look. What cannot be read, or is no order, is passed over: a run does not end for
    /// want of orders.
    pub fn take(&mut self) -> Vec<Order> {
        let Ok(bytes) = self.bytes() else { return Vec::new() };
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        let lines = bytes[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let parsed = lines.filter_map(|line| match serde_json::from_slice(line) {
            Ok(order) => Some(order),
            Err(error) => {
                tracing::warn!("a line of {} is no order: {error}", self.path.display());
                None
            }
        });
        parsed.collect()
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(dle: &str) -> Order {
        let dle = DleRef { host: "host".parse().unwrap(), dle: dle.parse().unwrap() };
        Order::Abort { dle, why: "in the way".to_owned() }
    }

    #[test]
    fn a_run_hears_each_order_once_and_none_of_earlier_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder.path().join("catalogue.sqlite"));
        send(&path, &order("/old")).unwrap();
        let mut inbox = Inbox::open(path.clone()).unwrap();
        assert_eq!(inbox.take(), []);
        send(&path, &order("/a")).unwrap();
        send(&path, &order("/b")).unwrap();
        assert_eq!(inbox.take(), [order("/a"), order("/b")]);
        assert_eq!(inbox.take(), []);
    }

    #[test]
    fn half_a_line_waits_for_its_end_and_nonsense_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        let mut inbox = Inbox::open(path.clone()).unwrap();
        let line = serde_json::to_string(&order("/a")).unwrap();
        let (first, second) = line.split_at(10);
        fs::write(&path, format!("{{\"sing\":1}}\n\u{0}\n{first}")).unwrap();
        assert_eq!(inbox.take(), []);
        fs::write(&path, format!("{{\"sing\":1}}\n\u{0}\n{first}{second}\n")).unwrap();
        assert_eq!(inbox.take(), [order("/a")]);
    }
}
