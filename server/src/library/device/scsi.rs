//! A real library: arm and drives found through /sys, by node or by serial number.

use std::io;
use std::path::{Path, PathBuf};

use config::{Node, RobotDrives};
use devices::Transport;
use devices::discover::{Devices, Kind};
use devices::robot::matching::{Company, Named};
use devices::robot::{Listener, Setup, Unloading};
use devices::sg::Sg;

use super::super::trouble::LibraryTrouble;
use super::Parts;

/// The longest transfer that is asked of a node: the longest block there is.
const LONGEST: usize = 8 << 20;

/// Where all programs of this machine look who uses a library.
const LOCKS: &str = "/run/lock/reelkeep";

/// Opens the library that the configuration names.
pub(super) fn parts(
    changer: &str,
    robot: &config::Robot,
    listener: Listener,
) -> Result<Parts, LibraryTrouble> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| LibraryTrouble::Scsi {
        changer: changer.to_owned(),
        source,
    };
    let devices = Devices::read(Path::new("/sys"), Path::new("/dev"))
        .map_err(|error| failed(Box::new(error)))?;
    let wanted = robot.device.to_string();
    let arm = devices.sg_of(Kind::Changer, &wanted).map_err(|error| failed(Box::new(error)))?;
    let transport = Sg::open(arm, LONGEST).map_err(|error| failed(Box::new(error)))?;
    let nodes =
        devices.of(Kind::Drive).filter_map(|device| Some(device.sg()?.display().to_string()));
    let company = match devices.of(Kind::Changer).count() {
        0 | 1 => Company::Alone,
        _ => Company::Others,
    };
    let setup = Setup {
        name: changer.to_owned(),
        nodes: nodes.collect(),
        named: named(&devices, &robot.drives).map_err(|error| failed(Box::new(error)))?,
        company,
        locks: locks(changer),
        unloading: match robot.eject_before_unload {
            true => Unloading::ByDrive,
            false => Unloading::ByLibrary,
        },
        listener,
    };
    let opener = Box::new(|node: &str| -> io::Result<Box<dyn Transport>> {
        let opened = Sg::open(Path::new(node), LONGEST);
        opened.map(|sg| Box::new(sg) as Box<dyn Transport>).map_err(io::Error::other)
    });
    Ok(Parts { arm: Box::new(transport), opener, setup })
}

/// The drives of the configuration, by their serial numbers.
fn named(
    devices: &Devices,
    drives: &RobotDrives,
) -> Result<Vec<Named>, devices::discover::NoDevice> {
    let RobotDrives::Listed(list) = drives else { return Ok(Vec::new()) };
    list.iter()
        .map(|drive| {
            let serial = match &drive.node {
                Node::Serial(serial) => serial.clone(),
                Node::Path(path) => {
                    let found = devices.resolve(Kind::Drive, &path.display().to_string())?;
                    found.serial.clone().unwrap_or_default()
                }
            };
            Ok(Named { name: drive.name.clone(), serial, bay: drive.bay })
        })
        .collect()
}

fn locks(changer: &str) -> PathBuf {
    Path::new(LOCKS).join(changer)
}
