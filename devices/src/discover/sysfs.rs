//! Reading the tree. A device that goes away meanwhile is not there; a file that is missing says nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Address, Device, Kind, Route};
use crate::scsi::page::vpd;

/// No file that is read here is longer: a page of vital product data has at most 252 bytes on every device
/// seen, and 4 KiB is what an attribute of the kernel can hold.
const LONGEST: u64 = 4096;

/// Links with names that stay, by the name of the node that they lead to.
pub(super) type Names = BTreeMap<String, Vec<PathBuf>>;

/// The links below `DEV/tape/by-id`. Without udev there are none.
pub(super) fn names(dev: &Path) -> Names {
    let mut names = Names::new();
    let Ok(entries) = fs::read_dir(dev.join("tape/by-id")) else { return names };
    for link in entries.flatten().map(|entry| entry.path()) {
        if let Some(node) = fs::read_link(&link).ok().and_then(|target| last_part(&target)) {
            names.entry(node).or_default().push(link);
        }
    }
    names.values_mut().for_each(|links| links.sort());
    names
}

/// Every drive and every changer, by every way, in no order.
pub(super) fn devices(path: &Path, dev: &Path, names: &Names) -> io::Result<Vec<Device>> {
    let mut devices = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if let Some(address) = entry.file_name().to_str().and_then(address) {
            devices.extend(device(&entry.path(), address, dev, names));
        }
    }
    Ok(devices)
}

fn device(path: &Path, address: Address, dev: &Path, names: &Names) -> Option<Device> {
    let kind = match text(path, "type")?.as_str() {
        "1" => Kind::Drive,
        "8" => Kind::Changer,
        _ => return None,
    };
    let vpd_80 = bytes(path, "vpd_pg80").unwrap_or_default();
    Some(Device {
        kind,
        vendor: text(path, "vendor").unwrap_or_default(),
        product: text(path, "model").unwrap_or_default(),
        revision: text(path, "rev").unwrap_or_default(),
        serial: vpd::serial(&vpd_80).ok().flatten(),
        wwid: text(path, "wwid"),
        vpd_80,
        vpd_83: bytes(path, "vpd_pg83").unwrap_or_default(),
        routes: vec![route(path, address, dev, names)],
    })
}

fn route(path: &Path, address: Address, dev: &Path, names: &Names) -> Route {
    let sg = fs::read_link(path.join("generic")).ok().and_then(|target| last_part(&target));
    let sg = sg.or_else(|| child(path, "scsi_generic", "sg"));
    let st = child(path, "scsi_tape", "st");
    let nst = child(path, "scsi_tape", "nst");
    let sch = child(path, "scsi_changer", "sch");
    let mut links = Vec::new();
    for node in [&sg, &st, &nst, &sch].into_iter().flatten() {
        links.extend(names.get(node).into_iter().flatten().cloned());
    }
    let [sg, st, nst, sch] = [sg, st, nst, sch].map(|node| node.map(|node| dev.join(node)));
    Route { address, sg, st, nst, sch, names: links }
}

/// `2:0:1:0`. What else stands there (hosts, targets) is no device.
fn address(name: &str) -> Option<Address> {
    let mut parts = name.split(':');
    let address = Address {
        host: parts.next()?.parse().ok()?,
        channel: parts.next()?.parse().ok()?,
        target: parts.next()?.parse().ok()?,
        lun: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(address)
}

/// The node in `directory` whose name is this prefix and a number: of `st0`, `st0a`, `st0l` and `nst0` the first.
fn child(path: &Path, directory: &str, prefix: &str) -> Option<String> {
    let entries = fs::read_dir(path.join(directory)).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let plain = |name: &String| {
        let number = name.strip_prefix(prefix);
        number
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    names.filter(plain).min()
}

fn text(path: &Path, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes(path, name)?).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn bytes(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path.join(name)).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn last_part(path: &Path) -> Option<String> {
    path.file_name()?.to_str().map(str::to_owned)
}
