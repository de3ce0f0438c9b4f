//! Trees made up in a directory, with what kernels have been seen to put there.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Tree(tempfile::TempDir);

/// What one device shows.
struct Shown<'a> {
    at: &'a str,
    kind: &'a str,
    serial: Option<&'a str>,
    sg: Option<&'a str>,
    st: Option<u32>,
    wwid: Option<&'a str>,
}

const DRIVE: Shown<'_> = Shown {
    at: "2:0:1:0",
    kind: "1",
    serial: Some("1068000123"),
    sg: Some("sg3"),
    st: Some(0),
    wwid: Some("naa.500507630f000001"),
};

const CHANGER: Shown<'_> = Shown {
    at: "2:0:1:1",
    kind: "8",
    serial: Some("LIB0001"),
    sg: Some("sg4"),
    st: None,
    wwid: None,
};

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(tree.devices()).unwrap();
        fs::create_dir_all(tree.dev().join("tape/by-id")).unwrap();
        tree
    }

    fn sys(&self) -> PathBuf {
        self.0.path().join("sys")
    }

    fn dev(&self) -> PathBuf {
        self.0.path().join("dev")
    }

    fn devices(&self) -> PathBuf {
        self.sys().join("bus/scsi/devices")
    }

    fn add(&self, shown: &Shown<'_>) -> &Self {
        let path = self.devices().join(shown.at);
        fs::create_dir_all(&path).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(path.join(name), bytes).unwrap();
        write("type", format!("{}\n", shown.kind).as_bytes());
        write("vendor", b"IBM     \n");
        write(
            "model",
            if shown.kind == "8" { b"3573-TL         \n" } else { b"ULT3580-HH8     \n" },
        );
        write("rev", b"N9M1\n");
        if let Some(serial) = shown.serial {
            write("vpd_pg80", &page_80(shown.kind, serial));
        }
        if let Some(wwid) = shown.wwid {
            write("wwid", format!("{wwid}\n").as_bytes());
        }
        if let Some(sg) = shown.sg {
            symlink(format!("scsi_generic/{sg}"), path.join("generic")).unwrap();
        }
        if let Some(number) = shown.st {
            for name in ["st", "nst"] {
                for mode in ["", "a", "l", "m"] {
                    let node = path.join(format!("scsi_tape/{name}{number}{mode}"));
                    fs::create_dir_all(node).unwrap();
                }
            }
        }
        self
    }

    fn link(&self, name: &str, node: &str) -> &Self {
        let link = self.dev().join("tape/by-id").join(name);
        symlink(format!("../../{node}"), link).unwrap();
        self
    }

    fn read(&self) -> Devices {
        Devices::read(&self.sys(), &self.dev()).unwrap()
    }
}

fn page_80(kind: &str, serial: &str) -> Vec<u8> {
    let mut page = vec![kind.parse().unwrap(), 0x80, 0, u8::try_from(serial.len() + 2).unwrap()];
    page.extend_from_slice(serial.as_bytes());
    page.extend_from_slice(b"  ");
    page
}

#[test]
fn a_drive_and_its_changer_are_found_with_their_nodes() {
    let tree = Tree::new();
    tree.add(&CHANGER).add(&DRIVE).add(&Shown { at: "0:0:0:0", kind: "0", ..DRIVE });
    fs::create_dir(tree.devices().join("host2")).unwrap();
    fs::create_dir(tree.devices().join("target2:0:1")).unwrap();
    let devices = tree.read();
    let [drive, changer] = &devices.all[..] else { panic!("{devices:?}") };
    assert_eq!(drive.kind, Kind::Drive);
    assert_eq!((drive.vendor.as_str(), drive.product.as_str()), ("IBM", "ULT3580-HH8"));
    assert_eq!(drive.revision, "N9M1");
    assert_eq!(drive.serial.as_deref(), Some("1068000123"));
    assert_eq!(drive.sg(), Some(tree.dev().join("sg3").as_path()));
    assert_eq!(drive.nst(), Some(tree.dev().join("nst0").as_path()));
    assert_eq!(drive.routes[0].st, Some(tree.dev().join("st0")));
    assert_eq!(changer.kind, Kind::Changer);
    assert_eq!(changer.serial.as_deref(), Some("LIB0001"));
    assert_eq!(changer.nst(), None);
}

#[test]
fn a_changer_reached_through_two_drives_is_one() {
    let tree = Tree::new();
    let other = Shown { at: "10:0:2:1", sg: Some("sg9"), wwid: Some("naa.9"), ..CHANGER };
    tree.add(&other).add(&CHANGER);
    let devices = tree.read();
    let [changer] = &devices.all[..] else { panic!("{devices:?}") };
    let addresses: Vec<_> = changer.routes.iter().map(|route| route.address.to_string()).collect();
    assert_eq!(addresses, ["2:0:1:1", "10:0:2:1"], "in the order of numbers, not of letters");
    assert_eq!(devices.resolve(Kind::Changer, "sg9").unwrap(), changer);
}

#[test]
fn two_drives_with_one_serial_number_stay_two_and_the_name_is_refused() {
    let tree = Tree::new();
    tree.add(&DRIVE).add(&Shown { at: "3:0:0:0", sg: Some("sg8"), wwid: Some("naa.8"), ..DRIVE });
    let devices = tree.read();
    assert_eq!(devices.all.len(), 2);
    let refused = devices.resolve(Kind::Drive, "1068000123").unwrap_err();
    assert!(matches!(refused, NoDevice::Several { .. }));
    assert!(
        refused.to_string().contains("sg3") && refused.to_string().contains("sg8"),
        "{refused}"
    );
    assert!(devices.resolve(Kind::Drive, "naa.8").is_ok());
}

#[test]
fn the_two_ports_of_a_drive_are_one_drive() {
    let tree = Tree::new();
    tree.add(&DRIVE).add(&Shown { at: "3:0:0:0", sg: Some("sg8"), st: Some(1), ..DRIVE });
    let devices = tree.read();
    assert_eq!(devices.all.len(), 1);
    assert_eq!(devices.all[0].routes.len(), 2);
}

#[test]
fn devices_without_a_serial_number_are_never_thought_the_same() {
    let tree = Tree::new();
    tree.add(&Shown { serial: None, ..DRIVE });
    tree.add(&Shown { serial: None, at: "3:0:0:0", ..DRIVE });
    tree.add(&Shown { serial: Some("  "), at: "4:0:0:0", ..DRIVE });
    assert_eq!(tree.read().all.len(), 3);
}

#[test]
fn a_device_is_found_by_everything_that_an_operator_may_call_it() {
    let tree = Tree::new();
    tree.add(&DRIVE).add(&CHANGER).link("scsi-1068000123-nst", "nst0").link("scsi-LIB0001", "sg4");
    let devices = tree.read();
    let sg3 = tree.dev().join("sg3");
    let by_id = tree.dev().join("tape/by-id/scsi-1068000123-nst");
    let names = ["1068000123", " 1068000123 ", "naa.500507630f000001", "sg3", "nst0"];
    let paths = [sg3.to_str().unwrap(), by_id.to_str().unwrap(), "scsi-1068000123-nst"];
    for name in names.into_iter().chain(paths) {
        assert_eq!(devices.sg_of(Kind::Drive, name), Ok(sg3.as_path()), "{name}");
    }
    assert!(devices.resolve(Kind::Changer, "scsi-LIB0001").is_ok());
    assert!(devices.resolve(Kind::Changer, "sg3").is_err(), "that is a drive");
}

#[test]
fn a_device_is_found_by_any_link_to_one_of_its_nodes() {
    let tree = Tree::new();
    tree.add(&DRIVE).add(&CHANGER);
    let node = tree.dev().canonicalize().unwrap().join("sg3");
    fs::write(&node, "").unwrap();
    let ours = tree.dev().join("our-drive");
    symlink("sg3", &ours).unwrap();
    let devices = Devices::read(&tree.sys(), node.parent().unwrap()).unwrap();
    assert_eq!(devices.sg_of(Kind::Drive, ours.to_str().unwrap()), Ok(node.as_path()));
    assert!(devices.resolve(Kind::Changer, ours.to_str().unwrap()).is_err(), "that is a drive");
}

#[test]
fn what_is_not_there_is_refused_with_what_is_there() {
    let tree = Tree::new();
    let none = tree.read().resolve(Kind::Changer, "LIB0001").unwrap_err().to_string();
    assert!(none.contains("There is none at all"), "{none}");
    tree.add(&CHANGER);
    let one = tree.read().resolve(Kind::Changer, "LIB0002").unwrap_err().to_string();
    assert!(one.contains("There is only this: changer IBM 3573-TL, serial LIB0001"), "{one}");
}

#[test]
fn a_device_without_an_sg_node_says_which_module_is_missing() {
    let tree = Tree::new();
    tree.add(&Shown { sg: None, ..DRIVE });
    let error = tree.read().sg_of(Kind::Drive, "1068000123").unwrap_err().to_string();
    assert!(error.contains("modprobe sg"), "{error}");
}

#[test]
fn a_host_without_scsi_has_no_devices() {
    let empty = tempfile::tempdir().unwrap();
    let devices = Devices::read(&empty.path().join("sys"), &empty.path().join("dev")).unwrap();
    assert_eq!(devices, Devices::default());
}

#[test]
fn torn_and_monstrous_attributes_do_no_harm() {
    let tree = Tree::new();
    tree.add(&DRIVE);
    let path = tree.devices().join(DRIVE.at);
    for page in [&b""[..], b"\x01", b"\x01\x80\x00", b"\x01\x80\xff\xffA\0", &[0xff; 9000]] {
        fs::write(path.join("vpd_pg80"), page).unwrap();
        fs::write(path.join("vendor"), [0xff, 0xfe, 0x00]).unwrap();
        let devices = tree.read();
        assert_eq!(devices.all.len(), 1);
        assert!(devices.all[0].vpd_80.len() <= 4096);
    }
    fs::write(path.join("vpd_pg80"), b"\x01\x80\x00\x20A1\0\0").unwrap();
    assert_eq!(tree.read().all[0].serial.as_deref(), Some("A1"), "a length beyond the page's end");
}
