//! What was seen, and what cannot be decided, in words for the operator.

use super::{BaySeen, Doubt, DriveSeen, Evidence, Seen};
use crate::scsi::page::designators::Name;

/// Everything that changer, drives and configuration say, one line each.
pub fn table(seen: &Seen) -> String {
    let mut text = String::from("the changer");
    if let Some(serial) = &seen.library {
        text.push_str(&format!(", serial {serial},"));
    }
    text.push_str(" says of its drives:\n");
    rows(&mut text, seen.bays.iter().map(bay));
    text.push_str("the drives of this host say of themselves:\n");
    rows(&mut text, seen.drives.iter().map(drive));
    if !seen.named.is_empty() {
        text.push_str("the configuration says:\n");
        rows(
            &mut text,
            seen.named.iter().map(|named| {
                let bay = named.bay.map(|bay| format!(", in bay {bay}")).unwrap_or_default();
                format!("{}: serial {}{bay}", named.name, named.serial)
            }),
        );
    }
    text
}

fn rows(text: &mut String, rows: impl Iterator<Item = String>) {
    let before = text.len();
    for row in rows {
        text.push_str(&format!("  {row}\n"));
    }
    if text.len() == before {
        text.push_str("  (there are none)\n");
    }
}

fn bay(bay: &BaySeen) -> String {
    let claim = bay.claim.as_ref().and_then(name).unwrap_or_else(|| "nothing".to_owned());
    format!("bay {} (element {}): {claim}", bay.index, bay.address)
}

fn drive(drive: &DriveSeen) -> String {
    let mut text = format!("{}: {} {}", drive.node, drive.vendor, drive.product);
    let mut add = |what: &str, known: Option<&str>| {
        if let Some(known) = known {
            text.push_str(&format!(", {what} {known}"));
        }
    };
    add("serial", drive.serial.as_deref());
    add("manufacturer's serial", drive.made_serial.as_deref());
    for name in drive.names.iter().filter_map(worldwide) {
        add("world-wide name", Some(&name));
    }
    add("in library", drive.library.as_deref());
    add("at element", drive.element.map(|element| element.to_string()).as_deref());
    text
}

/// A name, if it says which drive it is.
fn name(name: &Name) -> Option<String> {
    match name {
        Name::Serial(serial) => Some(format!("serial {serial}")),
        Name::Vendor { vendor, rest } => Some(format!("{vendor} {rest}")),
        Name::Worldwide(_) => worldwide(name).map(|name| format!("world-wide name {name}")),
        Name::RelativePort(_) | Name::Other(_) => None,
    }
}

fn worldwide(name: &Name) -> Option<String> {
    match name {
        Name::Worldwide(bytes) => Some(hex(bytes)),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why drives and bays cannot be told apart, with all that was seen and what to do.
pub(super) fn refusal(doubts: &[Doubt], seen: &str) -> String {
    let mut text = String::from("which drive sits in which bay cannot be told:\n");
    rows(&mut text, doubts.iter().map(doubt));
    text.push_str(seen);
    text.push_str(advice(doubts));
    text
}

fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::SeveralDrives { bay, nodes } => {
            format!("bay {bay} could be each of {}", nodes.join(", "))
        }
        Doubt::SeveralBays { node, bays } => {
            let bays: Vec<String> = bays.iter().map(ToString::to_string).collect();
            format!("{node} could be in each of the bays {}", bays.join(", "))
        }
        Doubt::Contradiction { node, bay, other } => {
            format!("{node} is in bay {bay} by one account, and in bay {other} by another")
        }
        Doubt::NoSuchBay(named) => {
            let bay = named.bay.unwrap_or_default();
            format!(
                "the configuration puts {} into bay {bay}, which the changer does not have",
                named.name
            )
        }
        Doubt::NamedTwice(name) => {
            format!(
                "the configuration gives drive {name} a name or a serial number that another has"
            )
        }
        Doubt::NothingInCommon => "no drive says anything that the changer says too".to_owned(),
    }
}

fn advice(doubts: &[Doubt]) -> &'static str {
    let configured = |doubt: &Doubt| matches!(doubt, Doubt::NoSuchBay(_) | Doubt::NamedTwice(_));
    if doubts.iter().any(configured) {
        "put the configuration of the changer's drives right"
    } else {
        "name the drives in the configuration, each with its serial number and its bay; `library verify-drives \
         --by-loading` proves it with a cartridge"
    }
}

impl Evidence {
    /// In words, as in "by its serial number".
    pub fn words(self) -> &'static str {
        match self {
            Self::Configured => "the configuration",
            Self::Serial => "its serial number",
            Self::MadeSerial => "its manufacturer's serial number",
            Self::WorldWideName => "its world-wide name",
            Self::T10 => "its T10 identification",
            Self::ElementAddress => "its element address",
        }
    }
}
