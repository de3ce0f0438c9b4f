//! Values of `[changer.NAME]`: where a device is found, and which drives there are.

use types::DriveName;

use crate::changer::{Node, RobotDrive};
use crate::codec::{Codec, Count, List, Word, maybe, parsed};
use crate::keys::key;
use crate::shown::Shown;
use crate::special::Inline;
use crate::value::{Bad, Value};

/// A node below `/dev`, or a serial number.
pub(crate) struct Device;

impl Codec for Device {
    type Value = Node;

    fn read(&self, value: Value<'_>) -> Result<Node, Bad> {
        let text = Word.read(value)?;
        if !text.contains('/') {
            return Ok(Node::Serial(text.trim().to_owned()));
        }
        if !text.starts_with('/') {
            return Err(value.bad(
                "a device is named by its serial number, by a path that begins with \"/dev/\", or, if it is an emulated \
                 one, by the whole path of its directory, which begins with \"/\"",
            ));
        }
        match not_rewinding(&text) {
            Some(other) => Err(value
                .bad(format!("{text:?} rewinds the tape whenever a program closes it"))
                .suggest(format!("did you mean {other:?}?"))),
            None => Ok(Node::Path(text.into())),
        }
    }

    fn show(&self, value: &Node) -> Shown {
        Shown::Text(value.to_string())
    }
}

/// For a node of the tape driver that rewinds, its sister that does not.
fn not_rewinding(path: &str) -> Option<String> {
    let number = path.strip_prefix("/dev/st")?;
    number.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("/dev/nst{number}"))
}

/// What is said of the drives: how many, that they are to be found, or which.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Drives {
    Count(u32),
    Auto,
    Listed(Vec<RobotDrive>),
}

/// `2`, `"auto"` or `[{ name = "left", serial = "…", bay = 0 }]`.
pub(crate) struct DrivesValue;

impl Codec for DrivesValue {
    type Value = Drives;

    fn read(&self, value: Value<'_>) -> Result<Drives, Bad> {
        if value.text() == Some("auto") {
            return Ok(Drives::Auto);
        }
        if value.whole().is_some() || value.text().is_some() {
            return Count(1..=100).read(value).map(Drives::Count);
        }
        let mut drives: Vec<RobotDrive> = Vec::new();
        for (draft, element) in List(one_drive()).read(value)?.into_iter().zip(value.elements()) {
            let drive = draft.drive().map_err(|wrong| element.bad(wrong))?;
            if drives.iter().any(|other| other.name == drive.name) {
                return Err(element.bad(format!("there is a drive {} already", drive.name)));
            }
            if drives.iter().any(|other| other.node == drive.node) {
                let message = format!("{} is given to another drive already", drive.node);
                return Err(element.bad(message));
            }
            let taken = |other: &&RobotDrive| other.bay.is_some() && other.bay == drive.bay;
            if let Some(other) = drives.iter().find(taken) {
                return Err(
                    element.bad(format!("the bay is given to drive {} already", other.name))
                );
            }
            drives.push(drive);
        }
        if drives.is_empty() {
            let bad = value.bad("a library without drives cannot be used");
            return Err(bad.suggest("write \"auto\" to have them found".to_owned()));
        }
        Ok(Drives::Listed(drives))
    }

    fn show(&self, value: &Drives) -> Shown {
        match value {
            Drives::Count(count) => Shown::from(*count),
            Drives::Auto => Shown::from("auto"),
            Drives::Listed(list) => Shown::List(list.iter().map(shown).collect()),
        }
    }
}

fn shown(drive: &RobotDrive) -> Shown {
    let key = match &drive.node {
        Node::Path(_) => "node",
        Node::Serial(_) => "serial",
    };
    let mut table = vec![
        ("name".into(), Shown::Text(drive.name.to_string())),
        (key.into(), Shown::Text(drive.node.to_string())),
    ];
    table.extend(drive.bay.map(|bay| ("bay".into(), Shown::from(u32::from(bay)))));
    Shown::Table(table)
}

/// `{ name = "left", serial = "…", bay = 0 }` as it is read.
#[derive(Clone, Default)]
struct DriveDraft {
    name: Option<DriveName>,
    serial: Option<String>,
    node: Option<Node>,
    bay: Option<u32>,
}

impl DriveDraft {
    fn drive(self) -> Result<RobotDrive, &'static str> {
        let name = self.name.ok_or("the key \"name\" is missing")?;
        let node = match (self.serial, self.node) {
            (Some(serial), None) => Node::Serial(serial),
            (None, Some(node @ Node::Path(_))) => node,
            (None, Some(Node::Serial(_))) => return Err("node: a path below /dev is wanted"),
            (Some(_), Some(_)) => return Err("a serial number and a node: one of them is enough"),
            (None, None) => return Err("the key \"serial\" or \"node\" is missing"),
        };
        let bay = self.bay.map(u16::try_from).transpose();
        let bay = bay.map_err(|_| "bay: no library has so many")?;
        Ok(RobotDrive { name, node, bay })
    }
}

fn one_drive() -> Inline<DriveDraft> {
    Inline {
        keys: || {
            vec![
                key("name", maybe(parsed()), |d: &mut DriveDraft| &mut d.name),
                key("serial", maybe(Word), |d| &mut d.serial),
                key("node", maybe(Device), |d| &mut d.node),
                key("bay", maybe(Count(0..=999)), |d| &mut d.bay),
            ]
        },
        required: None,
    }
}
