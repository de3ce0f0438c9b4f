//! The memory of a cartridge, read and written.

use proptest::prelude::{any, prop, proptest};
use types::Bytes;

use super::super::testing::{field, hex, spoil};
use super::{
    APPLICATION, Attribute, Attributes, BARCODE, CartridgeKind, CartridgeMemory, Format, LABEL,
    POOL, UsedBy, identifiers, write_list,
};

fn reply(entries: &[(u16, u8, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, flags, value) in entries {
        body.extend(id.to_be_bytes());
        body.push(*flags);
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(value);
    }
    [u32::try_from(body.len()).unwrap().to_be_bytes().to_vec(), body].concat()
}

fn lto8() -> Vec<u8> {
    let drive = [field("IBM", 8), field("10WT001234", 32)].concat();
    reply(&[
        (0x0000, 0x80, hex("00 00 00 00 00 0a 00 00")),
        (0x0001, 0x80, hex("00 00 00 00 00 b7 1b 00")),
        (0x0003, 0x80, hex("00 00 00 00 00 00 00 2a")),
        (0x0009, 0x80, hex("00 00 01 07")),
        (0x020a, 0x81, drive),
        (0x020b, 0x81, field("", 40)),
        (0x0400, 0x81, field("FUJIFILM", 8)),
        (0x0401, 0x81, field("H01ABC1234", 32)),
        (0x0405, 0x80, hex("5e")),
        (0x0408, 0x80, hex("00")),
        (0x0803, 0x02, b"N\xc3\xa4chte-1\0\0\0".to_vec()),
    ])
}

#[test]
fn a_cartridge_says_who_it_is() {
    let memory = CartridgeMemory::of(&Attributes::decode(&lto8()).unwrap());
    assert_eq!(memory.serial.as_deref(), Some("H01ABC1234"));
    assert_eq!(memory.capacity, Some(Bytes(0x00b7_1b00 << 20)));
    assert_eq!(
        (memory.loads, memory.made_for, memory.kind),
        (Some(42), Some(0x5e), Some(CartridgeKind::Data))
    );
    assert_eq!(
        memory.used_by,
        [UsedBy { vendor: "IBM".to_owned(), serial: "10WT001234".to_owned() }]
    );
    assert_eq!(memory.label.as_deref(), Some("Nächte-1"));
    assert_eq!(memory.change_reference, Some(vec![0, 0, 1, 7]));
    assert_eq!((memory.barcode, memory.coherency), (None, None));
}

#[test]
fn a_cleaning_cartridge_says_for_how_many_cleanings_it_is() {
    let memory = reply(&[(0x0408, 0x80, vec![1]), (0x0409, 0x80, hex("00 31"))]);
    let memory = CartridgeMemory::of(&Attributes::decode(&memory).unwrap());
    assert_eq!(memory.kind, Some(CartridgeKind::Cleaning { cycles: Some(49) }));
}

#[test]
fn a_drive_that_tells_the_length_of_the_room_is_read_as_far_as_its_data_go() {
    let mut bytes = lto8();
    bytes[..4].copy_from_slice(&0x1000_u32.to_be_bytes());
    let whole = Attributes::decode(&lto8()).unwrap();
    assert_eq!(Attributes::decode(&bytes).unwrap(), whole);
    bytes.resize(0x1004, 0);
    assert_eq!(Attributes::decode(&bytes).unwrap(), whole, "the rest is zeros");
}

#[test]
fn texts_have_the_lengths_of_the_book() {
    let label = Attribute::text(LABEL, "NIGHT-001").unwrap();
    assert_eq!((label.format, label.value.len(), label.value[9]), (Format::Text, 160, 0));
    let barcode = Attribute::text(BARCODE, "NIGHT1L8").unwrap();
    assert_eq!((barcode.format, barcode.value), (Format::Ascii, field("NIGHT1L8", 32)));
    assert_eq!(Attribute::text(APPLICATION, &"x".repeat(33)), None);
    assert_eq!(Attribute::text(BARCODE, "Ä"), None);
    assert_eq!(Attribute::text(0x0401, "nobody writes this"), None);
}

#[test]
fn a_list_has_its_length_and_a_deletion_no_value() {
    let list =
        write_list(&[Attribute::deleted(POOL), Attribute::binary(0x0805, vec![0x81])]).unwrap();
    assert_eq!(list, hex("00 00 00 0b  08 08 00 00 00  08 05 00 00 01 81"));
    assert_eq!(write_list(&[Attribute::binary(0x0805, vec![0; 0x1_0000])]), None);
}

#[test]
fn identifiers_come_two_by_two() {
    assert_eq!(identifiers(&hex("00 00 00 04 00 01 04 01 ff")).unwrap(), [0x0001, 0x0401]);
    assert!(identifiers(&hex("00 00 00")).is_err());
}

#[test]
fn no_spoilt_memory_is_too_strange() {
    spoil(&lto8(), |bytes| {
        drop(Attributes::decode(bytes).map(|found| CartridgeMemory::of(&found)))
    });
}

proptest! {
    #[test]
    fn what_is_written_is_read(values in prop::collection::vec((1..u16::MAX, prop::collection::vec(any::<u8>(), 0..40)), 0..9)) {
        let all: Vec<Attribute> = values.into_iter().map(|(id, value)| Attribute::binary(id, value)).collect();
        let list = write_list(&all).unwrap();
        assert_eq!(Attributes::decode(&list).unwrap().all(), all);
    }

    #[test]
    fn no_memory_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        drop(Attributes::decode(&bytes).map(|found| CartridgeMemory::of(&found)));
        drop(identifiers(&bytes));
    }
}
