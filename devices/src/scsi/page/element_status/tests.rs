//! The dialects of READ ELEMENT STATUS. Replies are in `tests/replies`, each with what is peculiar about it.

use proptest::prelude::{any, prop, proptest};

use super::super::testing::{field, hex, spoil};
use super::{
    Cartridge, Code, Element, ElementKind, ElementStatus, HEADER, Name, Place, Strange,
    announced_length, decode, search_for,
};

macro_rules! reply {
    ($name:literal) => {
        hex(include_str!(concat!("../../../../tests/replies/", $name, ".hex")))
    };
}

fn read(bytes: &[u8]) -> ElementStatus {
    decode(bytes).unwrap()
}

fn at(status: &ElementStatus, element: u16) -> &Place {
    status.places.iter().find(|place| place.element == Element(element)).unwrap()
}

#[test]
fn a_library_of_the_book_says_what_is_where() {
    let status = read(&reply!("element_status_all"));
    assert_eq!(status.strange, []);
    assert_eq!(status.places.len(), 6);
    let arm = at(&status, 1);
    assert_eq!((arm.kind, arm.full), (ElementKind::Arm, false));
    let slot = at(&status, 0x1000);
    assert_eq!((slot.full, slot.barcode.as_deref()), (true, Some("NIGHT1L8")));
    assert_eq!((slot.cartridge, slot.source), (Cartridge::Data, Some(Element(0x1000))));
    let empty = at(&status, 0x1001);
    assert_eq!((empty.full, empty.barcode.as_deref(), empty.source), (false, None, None));
    let cleaning = at(&status, 0x1002);
    assert_eq!(
        (cleaning.cartridge, cleaning.barcode.as_deref()),
        (Cartridge::Cleaning, Some("CLNU01L1"))
    );
    let mail = at(&status, 0x10);
    assert!(mail.full && mail.by_operator && mail.can_import && mail.can_export && mail.accessible);
    let drive = at(&status, 0x100);
    assert!(drive.full && !drive.accessible);
    assert_eq!(drive.source, Some(Element(0x1001)));
    assert_eq!(drive.barcode.as_deref(), Some("NIGHT2L8"));
}

#[test]
fn drives_are_named_in_three_dialects() {
    let status = read(&reply!("element_status_drives_vendor"));
    let Some(Name::Vendor { vendor, .. }) = &at(&status, 0x100).name else { panic!("{status:?}") };
    assert_eq!(vendor, "IBM");
    assert_eq!(at(&status, 0x100).name.as_ref().unwrap().serial(), Some("10WT001234"));
    assert_eq!(at(&status, 0x101).name.as_ref().unwrap().serial(), Some("10WT005678"));
    let status = read(&reply!("element_status_drives_serial"));
    assert_eq!(at(&status, 0x1e0).name, Some(Name::Serial("HU1019ABCD".to_owned())));
    let status = read(&reply!("element_status_drives_naa"));
    assert_eq!(at(&status, 0x100).name, Some(Name::Worldwide(hex("50 05 07 63 12 34 56 78"))));
    assert_eq!(at(&status, 0x101).name, None, "no drive is installed there");
    assert_eq!(at(&status, 0x101).exception, Some(Code { asc: 0x83, ascq: 0x04 }));
}

#[test]
fn an_alternate_tag_that_is_announced_and_missing_does_not_eat_the_name() {
    let status = read(&reply!("element_status_no_avoltag"));
    let drive = at(&status, 0x100);
    assert_eq!(
        (drive.barcode.as_deref(), drive.other_barcode.as_deref()),
        (Some("NIGHT2L8"), None)
    );
    assert_eq!(drive.name.as_ref().unwrap().serial(), Some("10WT001234"));
}

#[test]
fn an_alternate_tag_that_is_there_is_read() {
    let mut descriptor = hex("10 00 09 00 00 00 00 00 00 01 00 00");
    for tag in ["FRONT1L8", "BACK01L8"] {
        descriptor.extend(field(tag, 32));
        descriptor.extend([0; 4]);
    }
    let status = read(&one_page(2, 0xc0, 84, &descriptor));
    assert_eq!(at(&status, 0x1000).other_barcode.as_deref(), Some("BACK01L8"));
}

/// A reply of one page.
fn one_page(kind: u8, flags: u8, length: u16, descriptors: &[u8]) -> Vec<u8> {
    let count = descriptors.len() / usize::from(length.max(1));
    let size = u32::try_from(descriptors.len()).unwrap();
    let mut page = vec![kind, flags];
    page.extend(length.to_be_bytes());
    page.extend(size.to_be_bytes());
    let mut reply = vec![0, 0];
    reply.extend(u16::try_from(count).unwrap().to_be_bytes());
    reply.extend((size + 8).to_be_bytes());
    [reply, page, descriptors.to_vec()].concat()
}

#[test]
fn descriptors_have_the_length_that_their_page_gives() {
    for length in [4, 12, 16, 18, 50, 52, 86_u16] {
        let mut descriptors = Vec::new();
        for element in [0x1000_u16, 0x1001] {
            let mut one = element.to_be_bytes().to_vec();
            one.extend([0x09, 0]);
            one.resize(length.into(), 0);
            descriptors.extend(one);
        }
        let status = read(&one_page(2, 0x80, length, &descriptors));
        assert_eq!(status.places.len(), 2, "{length}");
        assert!(status.places.iter().all(|place| place.full && place.barcode.is_none()));
        assert_eq!(status.strange, []);
    }
}

#[test]
fn a_list_that_ends_in_zeros_ends_there() {
    let status = read(&reply!("element_status_zeros"));
    assert_eq!(status.places.iter().map(|place| place.element.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(status.strange, [Strange::Zeros, Strange::Miscounted]);
}

#[test]
fn an_arm_at_address_0_is_no_list_of_zeros() {
    let status = read(&one_page(1, 0, 16, &[0; 16]));
    assert_eq!(status.places.len(), 1);
    assert_eq!(status.strange, []);
}

#[test]
fn counts_that_are_wrong_are_not_believed() {
    let whole = reply!("element_status_all");
    let mut more = whole.clone();
    more[3] = 200;
    more[5..8].copy_from_slice(&[0xff; 3]);
    let status = read(&more);
    assert_eq!(status.places, read(&whole).places);
    assert_eq!(status.strange, [Strange::CutOff, Strange::Miscounted]);
    let mut none = whole.clone();
    none[5..8].copy_from_slice(&[0; 3]);
    assert_eq!(read(&none).places, read(&whole).places);
}

#[test]
fn a_reply_that_is_cut_off_has_what_is_before_the_cut() {
    let whole = reply!("element_status_all");
    let cut = read(&whole[..whole.len() - 10]);
    assert_eq!(cut.places.len(), 6);
    assert_eq!(cut.strange, [Strange::CutOff]);
    let drive = at(&cut, 0x100);
    assert!(drive.full && drive.source == Some(Element(0x1001)));
    assert_eq!((drive.barcode.as_deref(), &drive.name), (None, &None), "half a tag is none");
    let less = read(&whole[..whole.len() - 41]);
    assert_eq!(less.places.len(), 5, "without its first twelve bytes a place is not there");
}

#[test]
fn a_name_in_place_of_an_announced_barcode_is_no_barcode() {
    let vendor = [field("IBM", 8), field("ULT3580-TD8", 16), field("10WT001234", 10)].concat();
    let descriptor = [hex("01 00 08 00 00 00 00 00 00 00 00 00 02 01 00 22"), vendor].concat();
    let status = read(&one_page(4, 0x80, 50, &descriptor));
    assert_eq!(at(&status, 0x100).barcode, None);
    assert_eq!(at(&status, 0x100).name.as_ref().unwrap().serial(), Some("10WT001234"));
}

#[test]
fn a_place_whose_last_bytes_are_missing_has_its_barcode_and_no_name() {
    let whole = reply!("element_status_all");
    let status = read(&whole[..whole.len() - 4]);
    assert_eq!(status.strange, [Strange::CutOff]);
    let places = read(&whole).places.into_iter().map(|place| Place { name: None, ..place });
    assert_eq!(status.places, places.collect::<Vec<_>>());
}

#[test]
fn a_page_without_lengths_or_of_an_unknown_kind_is_passed_over() {
    assert_eq!(
        read(&one_page(2, 0, 0, &[1; 40])).strange,
        [Strange::NoLength, Strange::Miscounted]
    );
    assert_eq!(
        read(&one_page(9, 0, 12, &[1; 24])).strange,
        [Strange::UnknownKind, Strange::Miscounted]
    );
}

#[test]
fn a_place_that_is_named_twice_counts_once() {
    let mut two = hex("10 00 09 00 00 00 00 00 00 00 00 00 10 00 08 00 00 00 00 00 00 00 00 00");
    let status = read(&one_page(2, 0, 12, &two));
    assert!(status.places.len() == 1 && status.places[0].full);
    assert!(status.strange.contains(&Strange::Twice));
    two[13] = 1;
    assert_eq!(read(&one_page(2, 0, 12, &two)).strange, []);
}

#[test]
fn a_barcode_is_cut_at_its_padding_and_shows_nothing_strange() {
    let mut descriptor = hex("10 00 09 00 00 00 00 00 00 01 00 00");
    descriptor.extend(b"ABC123L8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(
        read(&one_page(2, 0x80, 48, &descriptor)).places[0].barcode.as_deref(),
        Some("ABC123L8")
    );
    descriptor[12] = 0x1b;
    assert_eq!(
        read(&one_page(2, 0x80, 48, &descriptor)).places[0].barcode.as_deref(),
        Some("?BC123L8")
    );
}

#[test]
fn the_header_alone_says_how_much_to_ask_for() {
    assert_eq!(
        announced_length(&reply!("element_status_all")[..HEADER]),
        Ok(reply!("element_status_all").len())
    );
    assert!(announced_length(&[0; 7]).is_err());
}

#[test]
fn a_search_carries_the_barcode_padded() {
    assert_eq!(search_for("NIGHT1L8")[..12], *b"NIGHT1L8    ");
    assert_eq!(search_for("NIGHT1L8")[32..], [0; 8]);
}

#[test]
fn no_spoilt_reply_is_too_strange() {
    for reply in [
        reply!("element_status_all"),
        reply!("element_status_drives_vendor"),
        reply!("element_status_no_avoltag"),
        reply!("element_status_zeros"),
    ] {
        spoil(&reply, |bytes| drop(decode(bytes)));
    }
}

proptest! {
    #[test]
    fn no_reply_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..900)) {
        if let Ok(status) = decode(&bytes) {
            assert!(status.places.len() <= bytes.len() / 4);
        }
    }
}
