//! Sense data of both forms, whole, cut off and strange.

use proptest::prelude::{any, prop, proptest};

use super::super::page::testing::hex;
use super::{Key, NoSense, Part, Sense, Specific, When};

/// A short block: 256 KiB were asked for, and the block has 32 KiB.
const SHORT_BLOCK: [u8; 18] =
    [0xf0, 0, 0x20, 0x00, 0x03, 0x80, 0x00, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The same as descriptors.
const SHORT_BLOCK_DESCRIBED: [u8; 24] = [
    0x72, 0x00, 0x00, 0x00, 0, 0, 0, 16, // head
    0x00, 0x0a, 0x80, 0, 0, 0, 0, 0, 0x00, 0x03, 0x80, 0x00, // information
    0x04, 0x02, 0x00, 0x20, // stream commands
];

/// An LTO-8 drive that was only asked how it is, with a cartridge in it: the beginning of 96 bytes.
fn lto8() -> Vec<u8> {
    hex(include_str!("../../../tests/replies/sense_lto8_idle.hex"))
}

#[test]
fn a_short_block_is_told_alike_in_both_forms() {
    for raw in [&SHORT_BLOCK[..], &SHORT_BLOCK_DESCRIBED] {
        let sense = Sense::read(raw).unwrap();
        assert!(sense.other_length && !sense.filemark && !sense.end_of_medium);
        assert_eq!(
            (sense.key, sense.when, sense.information),
            (Key::NoSense, When::Current, Some(229_376))
        );
        assert_eq!(sense.raw(), raw);
    }
}

#[test]
fn information_is_signed_and_counts_only_if_it_is_valid() {
    let mut raw = SHORT_BLOCK;
    raw[3..7].copy_from_slice(&(-4096_i32).to_be_bytes());
    assert_eq!(Sense::read(&raw).unwrap().information, Some(-4096));
    raw[0] = 0x70;
    assert_eq!(Sense::read(&raw).unwrap().information, None);
    let mut raw = SHORT_BLOCK_DESCRIBED;
    raw[12..20].copy_from_slice(&(-1_i64).to_be_bytes());
    assert_eq!(Sense::read(&raw).unwrap().information, Some(-1));
    raw[10] = 0;
    assert_eq!(Sense::read(&raw).unwrap().information, None);
}

#[test]
fn a_deferred_error_is_known_as_one_in_both_forms() {
    assert_eq!(Sense::read(&[0xf1, 0, 3]).unwrap().when, When::Deferred);
    assert_eq!(Sense::read(&[0x73, 3, 0x0c, 0]).unwrap().when, When::Deferred);
}

#[test]
fn the_three_key_specific_bytes_mean_what_the_key_says() {
    let sense = |key: u8, bytes: [u8; 3]| {
        let [a, b, c] = bytes;
        Sense::read(&[0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, a, b, c]).unwrap()
    };
    assert_eq!(
        sense(5, [0xcb, 0, 7]).specific,
        Some(Specific::Field { of: Part::Command, byte: 7, bit: Some(3) })
    );
    assert_eq!(
        sense(5, [0x80, 1, 0]).specific,
        Some(Specific::Field { of: Part::Parameters, byte: 256, bit: None })
    );
    assert_eq!(sense(2, [0x80, 0x80, 0]).percent(), Some(50));
    assert_eq!(sense(2, [0x80, 0xff, 0xff]).percent(), Some(99));
    assert_eq!(sense(4, [0x80, 0, 9]).specific, Some(Specific::Retries(9)));
    assert_eq!(sense(5, [0x4b, 0, 7]).specific, None);
}

#[test]
fn an_lto_drive_tells_where_on_the_tape_it_is() {
    let mut raw = lto8();
    raw.resize(96, 0);
    raw[48] = 42;
    let more = Sense::read(&raw).unwrap().ultrium().unwrap();
    assert_eq!(more.volume.as_deref(), Some("L80011L"));
    assert_eq!((more.wrap, more.along, more.object, more.cleaning), (5, 153_418, 42, false));
    assert_eq!(Sense::read(&lto8()).unwrap().ultrium(), None, "cut off");
    raw[7] = 10;
    assert_eq!(Sense::read(&raw).unwrap().ultrium(), None, "the device calls only 18 bytes valid");
}

#[test]
fn what_is_not_sense_data_is_refused_with_its_first_byte() {
    assert_eq!(Sense::read(&[]), Err(NoSense::Empty));
    assert_eq!(Sense::read(&[0; 18]), Err(NoSense::Form { first: 0, length: 18 }));
    assert!(Sense::read(&[0x7f, 1, 2]).is_err());
}

#[test]
fn bytes_behind_the_end_that_the_device_gave_are_not_read() {
    let mut raw = [0x70, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x3a, 0x04, 0, 0, 0, 0];
    assert_eq!(Sense::read(&raw).unwrap().code.asc, 0);
    raw[7] = 6;
    assert_eq!(
        Sense::read(&raw).unwrap().to_string(),
        "the cartridge is in, and not threaded (sense 2/3a/04): load it"
    );
}

#[test]
fn every_beginning_of_sense_data_is_read() {
    for whole in [&SHORT_BLOCK[..], &SHORT_BLOCK_DESCRIBED, &lto8()] {
        for end in 1..whole.len() {
            let sense = Sense::read(&whole[..end]).unwrap();
            assert_eq!(sense.raw().len(), end);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(mut raw in prop::collection::vec(any::<u8>(), 0..300), form in 0x70..0x74_u8) {
        drop(Sense::read(&raw));
        if let Some(first) = raw.first_mut() {
            *first = form;
            let sense = Sense::read(&raw).unwrap();
            let _ = (sense.to_string(), sense.ultrium(), sense.percent());
            assert_eq!(sense.raw(), raw);
        }
    }
}
