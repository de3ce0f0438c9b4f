//! Which tape drives and changers this host has, as `/sys` tells it: no command is sent, nothing is opened.
//!
//! ```text
//! SYS/bus/scsi/devices/2:0:1:0/type            1 is a tape drive, 8 a changer
//!                              vendor model rev
//!                              vpd_pg80 vpd_pg83 wwid      as the kernel read them once
//!                              generic ──► …/sg3           the node for commands
//!                              scsi_tape/st0, nst0, …      the nodes for data
//!                              scsi_changer/sch0
//! DEV/tape/by-id/scsi-1068000123 ──► ../../sg3             names that stay
//! ```
//!
//! The numbers of nodes change from boot to boot; serial numbers do not. So a configuration names a device by its
//! serial number, and [`Devices::resolve`] finds the node. A changer that is reached through several drives, and
//! a drive with two ports, are one device with several paths.
//!
//! Both roots are given, so that tests make a tree of their own.

mod sysfs;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where a device hangs: host adapter, channel, target, logical unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The adapter.
    pub host: u32,
    /// Its channel.
    pub channel: u32,
    /// The target there.
    pub target: u32,
    /// The logical unit of the target.
    pub lun: u64,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.host, self.channel, self.target, self.lun)
    }
}

/// What a device is (SPC-4, peripheral device type).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 01h: a tape drive.
    Drive,
    /// 08h: a changer.
    Changer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drive => "tape drive",
            Self::Changer => "changer",
        })
    }
}

/// One way to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it hangs.
    pub address: Address,
    /// The node for commands, `/dev/sg3`; there is none while the kernel module `sg` is not loaded.
    pub sg: Option<PathBuf>,
    /// The data node that rewinds when it is closed. Never used; known, so that it can be refused by name.
    pub st: Option<PathBuf>,
    /// The data node that does not rewind.
    pub nst: Option<PathBuf>,
    /// The node of the kernel's own changer driver. Never used.
    pub sch: Option<PathBuf>,
    /// Links below `DEV/tape/by-id` that lead to one of these nodes.
    pub names: Vec<PathBuf>,
}

impl Route {
    fn nodes(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.sg, &self.st, &self.nst, &self.sch].into_iter().flatten().chain(&self.names)
    }
}

/// A device, by however many paths it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it is.
    pub kind: Kind,
    /// Who made it.
    pub vendor: String,
    /// The model.
    pub product: String,
    /// The revision of its firmware.
    pub revision: String,
    /// The serial number of its VPD page 80h.
    pub serial: Option<String>,
    /// The world-wide name that the kernel chose from VPD page 83h: `naa.500110a0008ba4c2`.
    pub wwid: Option<String>,
    /// VPD page 80h as it is; empty if the kernel has none.
    pub vpd_80: Vec<u8>,
    /// VPD page 83h as it is; empty if the kernel has none.
    pub vpd_83: Vec<u8>,
    /// The ways to it, the lowest address first. There is at least one.
    pub routes: Vec<Route>,
}

impl Device {
    /// The node to send commands to.
    pub fn sg(&self) -> Option<&Path> {
        self.routes.iter().find_map(|route| route.sg.as_deref())
    }

    /// The node to read and write data, without rewinding on close.
    pub fn nst(&self) -> Option<&Path> {
        self.routes.iter().find_map(|route| route.nst.as_deref())
    }

    fn is_called(&self, wanted: &str) -> bool {
        let same = |known: &Option<String>| known.as_deref() == Some(wanted);
        let node = |path: &PathBuf| {
            path == Path::new(wanted) || path.file_name().is_some_and(|name| name == wanted)
        };
        same(&self.serial) || same(&self.wwid) || self.routes.iter().any(|r| r.nodes().any(node))
    }

    /// Whether this node, links followed, is one of its own.
    fn has_node(&self, real: &Path) -> bool {
        self.routes.iter().flat_map(Route::nodes).any(|node| node == real)
    }

    /// The same thing, seen by another way?
    ///
    /// A changer's serial number decides alone: the world-wide name that it shows may be that of the drive it
    /// is reached through. Two drives with one serial number and two names are two, and somebody should know.
    fn is(&self, other: &Self) -> bool {
        let known = |serial: &Option<String>| serial.as_ref().is_some_and(|text| !text.is_empty());
        let alike = self.kind == other.kind
            && self.vendor == other.vendor
            && self.product == other.product
            && known(&self.serial)
            && self.serial == other.serial;
        alike && (self.kind == Kind::Changer || self.wwid == other.wwid)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.vendor, self.product)?;
        match &self.serial {
            Some(serial) => write!(f, ", serial {serial}")?,
            None => f.write_str(", without a serial number")?,
        }
        for (number, route) in self.routes.iter().enumerate() {
            f.write_str(if number == 0 { ", " } else { " and " })?;
            match &route.sg {
                Some(sg) => write!(f, "{}", sg.display())?,
                None => write!(f, "{} without an sg node", route.address)?,
            }
        }
        Ok(())
    }
}

/// What was found, drives before changers, each in the order of their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// All of them.
    pub all: Vec<Device>,
}

/// `/sys` could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not look for SCSI devices in {path}")]
pub struct DiscoverError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A device that the configuration or a command names, and that is not to be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoDevice {
    /// Nothing is called so.
    #[error("there is no {kind} {wanted} on this host. There {there}")]
    Unknown {
        /// What it should be.
        kind: Kind,
        /// What it should be called.
        wanted: String,
        /// What there is instead, in words.
        there: String,
    },
    /// Several are.
    #[error(
        "{wanted} is the name of more than one {kind}: {these}. Use the node or the link below tape/by-id"
    )]
    Several {
        /// What it should be.
        kind: Kind,
        /// What it should be called.
        wanted: String,
        /// Which.
        these: String,
    },
    /// Commands cannot be sent to it.
    #[error("{device} has no sg node: load the kernel module sg (`modprobe sg`)")]
    WithoutSg {
        /// Which.
        device: String,
    },
}

impl Devices {
    /// Reads what the kernel knows. `sys` is `/sys`, `dev` is `/dev`. A host without SCSI has no devices.
    pub fn read(sys: &Path, dev: &Path) -> Result<Self, DiscoverError> {
        let path = sys.join("bus/scsi/devices");
        let names = sysfs::names(dev);
        match sysfs::devices(&path, dev, &names) {
            Ok(seen) => Ok(Self::joined(seen)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(DiscoverError { path, source }),
        }
    }

    /// Puts several ways to one device together.
    fn joined(mut seen: Vec<Device>) -> Self {
        seen.sort_by_key(|device| (device.kind, device.routes.first().map(|route| route.address)));
        let mut all: Vec<Device> = Vec::new();
        for device in seen {
            match all.iter_mut().find(|known| known.is(&device)) {
                Some(known) => known.routes.extend(device.routes),
                None => all.push(device),
            }
        }
        Self { all }
    }

    /// The devices of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Device> {
        self.all.iter().filter(move |device| device.kind == kind)
    }

    /// Finds a device by what an operator calls it: its serial number, its world-wide name, a node (`/dev/sg3`
    /// or `sg3`), or a link to one, below `/dev/tape/by-id` or by a rule of udev's of their own.
    pub fn resolve(&self, kind: Kind, wanted: &str) -> Result<&Device, NoDevice> {
        let wanted = wanted.trim();
        let path = Some(Path::new(wanted)).filter(|path| path.is_absolute());
        let real = path.and_then(|path| path.canonicalize().ok());
        let is_meant = |device: &&Device| {
            device.is_called(wanted) || real.as_deref().is_some_and(|real| device.has_node(real))
        };
        let found: Vec<&Device> = self.of(kind).filter(is_meant).collect();
        match found[..] {
            [] => Err(self.unknown(kind, wanted)),
            [device] => Ok(device),
            _ => {
                let these: Vec<String> = found.iter().map(ToString::to_string).collect();
                let (wanted, these) = (wanted.to_owned(), these.join("; "));
                Err(NoDevice::Several { kind, wanted, these })
            }
        }
    }

    /// The node for commands of the device that is called so.
    pub fn sg_of(&self, kind: Kind, wanted: &str) -> Result<&Path, NoDevice> {
        let device = self.resolve(kind, wanted)?;
        device.sg().ok_or_else(|| NoDevice::WithoutSg { device: device.to_string() })
    }

    fn unknown(&self, kind: Kind, wanted: &str) -> NoDevice {
        let these: Vec<String> = self.of(kind).map(ToString::to_string).collect();
        let there = match &these[..] {
            [] => format!(
                "is none at all: is it switched on and cabled, and does the adapter see it (`lsscsi -g`)? A {kind} \
                 that was switched on later is found by `rescan-scsi-bus.sh`"
            ),
            [one] => format!("is only this: {one}"),
            _ => format!("are: {}", these.join("; ")),
        };
        NoDevice::Unknown { kind, wanted: wanted.to_owned(), there }
    }
}

#[cfg(test)]
mod tests;
