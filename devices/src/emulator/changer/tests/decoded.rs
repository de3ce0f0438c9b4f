//! The replies of every dialect, read by the decoders that a driver uses. Neither knows the other.

use super::super::super::Lun;
use super::super::super::dialect::{
    Barcodes, Dialect, FirstAsk, Ids, TagsWithIds, Types, VolumeTags,
};
use super::{CHANGER, ask, complaint, library, status_cdb};
use crate::scsi::cdb::smc::ElementKind;
use crate::scsi::page::designators::Name;
use crate::scsi::page::element_status::{self, Place};
use crate::scsi::page::{inquiry, mode, opcodes, vpd};

/// All places, asked for as this dialect wants to be asked.
fn places(dialect: Dialect, tags: bool, ids: bool) -> Vec<Place> {
    let library = library(dialect);
    let profile = dialect.profile();
    if profile.first_ask == FirstAsk::HeaderOnly {
        ask(&library, CHANGER, &status_cdb(0, tags, ids, 0, 8));
    }
    let kinds: &[u8] = if profile.types == Types::OnlyAll { &[0] } else { &[1, 2, 3, 4] };
    let mut all = Vec::new();
    for kind in kinds {
        let answer = ask(&library, CHANGER, &status_cdb(*kind, tags, ids, 0, 65_535));
        assert_eq!(complaint(&answer), None, "{dialect:?}");
        all.extend(element_status::decode(&answer.data).unwrap().places);
    }
    all
}

fn of(places: &[Place], kind: ElementKind) -> Vec<&Place> {
    places.iter().filter(|place| place.kind == kind).collect()
}

#[test]
fn barcodes_of_every_dialect_are_read() {
    for dialect in Dialect::ALL {
        let profile = dialect.profile();
        let tags = profile.volume_tags == VolumeTags::Given;
        let all = places(dialect, tags, false);
        let slots = of(&all, ElementKind::Slot);
        let full = slots.iter().filter(|place| place.full).count();
        assert_eq!(full, 3, "{dialect:?}");
        let expected = match profile.barcodes {
            _ if !tags => None,
            Barcodes::Six => Some("TST000"),
            Barcodes::Spaces | Barcodes::Zeros => Some("TST0001L8"),
        };
        assert_eq!(slots[0].barcode.as_deref(), expected, "{dialect:?}");
        assert_eq!(slots[3].barcode, None, "{dialect:?}");
    }
}

#[test]
fn drives_of_every_dialect_are_told_apart_as_far_as_it_names_them() {
    for dialect in Dialect::ALL {
        let ids = dialect.profile().ids;
        if ids == Ids::None {
            continue;
        }
        let all = places(dialect, false, true);
        let drives = of(&all, ElementKind::Drive);
        let names: Vec<Option<&Name>> = drives.iter().map(|place| place.name.as_ref()).collect();
        match ids {
            Ids::BusAddress => {
                assert_eq!(names, [None, None]);
                let addresses: Vec<_> = drives.iter().map(|place| place.bus_address).collect();
                assert_eq!(addresses, [Some(1), Some(2)]);
            }
            Ids::Vendor | Ids::Serial => {
                let serials = names.iter().map(|name| name.and_then(Name::serial));
                let serials: Vec<_> = serials.collect();
                // The last eight bytes of a reply may be missing, and the end of a name with them.
                assert_eq!(serials[0], Some("RKD0000100"), "{dialect:?}");
            }
            Ids::Naa | Ids::Logical => assert!(names[0].is_some() && names[0] != names[1]),
            Ids::None => {}
        }
    }
}

#[test]
fn tags_and_identifiers_together_are_read_where_they_may_be_asked_for_together() {
    for dialect in Dialect::ALL {
        let profile = dialect.profile();
        let both = profile.tags_with_ids == TagsWithIds::Both
            && profile.volume_tags == VolumeTags::Given
            && matches!(profile.ids, Ids::Vendor | Ids::Serial | Ids::Naa);
        if !both {
            continue;
        }
        let all = places(dialect, true, true);
        assert!(of(&all, ElementKind::Drive)[0].name.is_some(), "{dialect:?}");
        assert!(of(&all, ElementKind::Slot)[0].barcode.is_some(), "{dialect:?}");
    }
}

#[test]
fn what_a_changer_says_of_itself_is_read() {
    for dialect in Dialect::ALL {
        let library = library(dialect);
        let profile = dialect.profile();
        let data = |cdb: &[u8]| ask(&library, CHANGER, cdb).data;
        let who = inquiry::decode(&data(&[0x12, 0, 0, 0, 96, 0])).unwrap();
        assert_eq!((who.vendor.as_str(), who.product.as_str()), (profile.vendor, profile.product));
        let serial = vpd::serial(&data(&[0x12, 1, 0x80, 0, 255, 0])).unwrap();
        assert_eq!(serial.as_deref(), Some(profile.serial));
        assert_eq!(vpd::supported(&data(&[0x12, 1, 0, 0, 255, 0])).unwrap(), [0x00, 0x80, 0x83]);
        assert!(mode::Mode::decode_6(&data(&[0x1a, 8, 0x3f, 0, 255, 0])).is_ok());
        assert!(mode::Mode::decode_10(&data(&[0x5a, 8, 0x3f, 0, 0, 0, 0, 1, 0, 0])).is_ok());
        let codes = data(&[0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 4, 0, 0, 0]);
        assert!(opcodes::decode_all(&codes).unwrap().len() > 15);
    }
}

#[test]
fn a_drive_knows_its_element_and_its_library() {
    for dialect in Dialect::ALL {
        let library = library(dialect);
        let profile = dialect.profile();
        let page = |code| ask(&library, Lun(2), &[0x12, 1, code, 0, 255, 0]).data;
        let address = vpd::element_address(&page(0xb4)).unwrap();
        assert_eq!(address.map(|element| element.0), Some(profile.addresses.drives + 1));
        let serial = vpd::automation_serial(&page(0xb3)).unwrap();
        assert_eq!(serial.as_deref(), Some(profile.serial));
    }
    let library = library(Dialect::Standard);
    library.operator().renumber(3).unwrap();
    let data = ask(&library, Lun(1), &[0x12, 1, 0xb4, 0, 255, 0]).data;
    assert_eq!(vpd::element_address(&data).unwrap().map(|element| element.0), Some(503));
}

#[test]
fn a_drive_named_by_the_world_is_named_so_by_both() {
    let all = places(Dialect::ScalarI3, false, true);
    let Some(Name::Worldwide(name)) = &of(&all, ElementKind::Drive)[0].name else {
        panic!("no name")
    };
    let own = ask(&library(Dialect::ScalarI3), Lun(1), &[0x12, 1, 0x83, 0, 255, 0]).data;
    assert!(own.windows(8).any(|eight| eight == name.as_slice()));
}
